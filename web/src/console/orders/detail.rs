//! One order: what was bought, what it cost, where it goes, and what happened.

use super::allocation::allocations;
use super::{Opened, address_lines, open_order, order, path_of, payments_of};
use crate::console::view::{
    Action, Cell, Column, Fact, Form, Happening, Notice, Page, Panel, Part, Post, Row, Submit, Sum, Table,
    Tone,
};
use crate::console::view::{Field, Link};
use crate::console::visit::{Visit, may, staff_name, words};
use crate::console::words::{
    Words, counted, fulfilment_badge, machine_time, money_badge, order_badge, payment_badge, refund_badge,
    shipment_badge,
};
use crate::console::wrong::sentence;
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{
    Document, DocumentKind, Line, Order, OrderRefund, OrderStatus, PAPERS, RefundItem, Shipment,
    ShipmentState, TimelineEntry, why_cancelled, why_refunded,
};
use gearify_commerce::payments::{MANUAL, Payment};
use gearify_commerce::staff::Permission::{OrdersRefund, OrdersWrite};
use gearify_commerce::{LineId, OrderId, StaffId, sealed};

pub async fn order_page(visit: Visit, Path(id): Path<OrderId>) -> Result<Response, Problem> {
    let call = &visit.call;
    let order = order(call, id)?;
    let payments = payments_of(call, id);
    let opened = open_order(call, &order);
    let words = words(call)?;
    let mut page = Page::new(format!("Order {}", order.number))
        .under("Orders", "/console/orders")
        .badge(order_badge(order.status))
        .badge(payment_badge(order.payment_status()))
        .badge(fulfilment_badge(order.fulfillment_status()))
        .about(format!("Placed {}", words.when(order.placed_at)));
    page = with_actions(page, call, &order, &payments);
    if let Some(notice) = attention(call, &order, &payments, &words) {
        page = page.part(notice);
    }
    page = page.part(lines(&order, &words));
    if let Some(allocations) = allocations(call, &order) {
        page = page.part(allocations);
    }
    if !order.shipments.is_empty() {
        page = page.part(shipments(call, &order, &words));
    }
    if !order.refunds.is_empty() {
        page = page.part(refunds(call, &order, &words));
    }
    if let Some(documents) = documents(call, &order, &words) {
        page = page.part(documents);
    }
    page = page.part(history(call, &order, &words)?);
    page = aside(page, call, &order, &opened, &payments, &words);
    Ok(visit.show(&page))
}

fn with_actions(mut page: Page, call: &Call, order: &Order, payments: &[Payment]) -> Page {
    let path = path_of(order);
    let open = order.lines.iter().any(|line| line.quantities.open() > 0);
    page = page
        .action(Action::go("Packing slip", format!("{path}/packing-slip")))
        .action(Action::go("Invoice", format!("{path}/invoice")));
    if may(call, OrdersWrite) && order.may_cancel() {
        page = page.action(Action::go("Cancel", format!("{path}/cancel")));
    }
    if may(call, OrdersRefund) && payments.iter().any(|payment| payment.refundable() > 0) {
        page = page.action(Action::go("Refund", format!("{path}/refund")));
    }
    if may(call, OrdersWrite) && open && order.status == OrderStatus::Confirmed {
        page = page.primary(Action::go("Ship", format!("{path}/ship")));
    }
    page
}

/// What a person should look at first.
fn attention(call: &Call, order: &Order, payments: &[Payment], words: &Words) -> Option<Notice> {
    let failed =
        order.refunds.iter().find(|refund| refund.state == gearify_commerce::orders::RefundState::Failed);
    if let Some(refund) = failed {
        let amount = words.money(refund.amount, order.currency);
        let notice = Notice::new(Tone::Bad, format!("A refund of {amount} failed."));
        return Some(notice.text(
            "The provider did not give the money back. Settle it with the customer, or refund again.",
        ));
    }
    let waits = payments.iter().any(|payment| payment.provider == MANUAL && payment.state.is_open());
    if waits && order.status == OrderStatus::Placed {
        let until = order
            .expires_at
            .map_or(String::new(), |at| format!(" The order lapses {} without it.", words.when(at)));
        let notice = Notice::new(Tone::Warn, "Waiting for the money.");
        return Some(notice.text(format!("Mark the payment as received when it has arrived.{until}")));
    }
    let reason = call.read(GroupKind::Region, |view| why_cancelled(view, call.vault(), order));
    let reason = reason.filter(|reason| !reason.is_empty())?;
    Some(Notice::new(Tone::Plain, "Cancelled:").text(reason))
}

fn lines(order: &Order, words: &Words) -> Panel {
    let columns = vec![
        Column::new("Product"),
        Column::number("Price"),
        Column::number("Pieces"),
        Column::number("Shipped").minor(),
        Column::number("Sum"),
    ];
    let rows = order.lines.iter().map(|line| {
        Row::new(vec![
            Cell::LinkLines(
                Link::new(line.name.clone(), format!("/console/products/{}", line.product)),
                beneath(line),
            ),
            Cell::Text(words.money(line.unit_price, order.currency)),
            Cell::Text(pieces(line)),
            Cell::Text(line.quantities.shipped.to_string()),
            Cell::Text(words.money(line.subtotal, order.currency)),
        ])
    });
    let count: u32 = order.lines.iter().map(|line| line.quantities.ordered).sum();
    Panel::new("Lines")
        .note(counted(count.into(), "piece", "pieces"))
        .flush()
        .part(Table::new("Lines of the order", columns).rows(rows))
        .part(Part::Sums(sums(order, words)))
}

fn pieces(line: &Line) -> String {
    match line.quantities.cancelled {
        0 => line.quantities.ordered.to_string(),
        cancelled => format!("{} (−{cancelled})", line.quantities.ordered),
    }
}

/// SKU, choices and add-ons in one line.
pub(super) fn beneath(line: &Line) -> String {
    let mut parts = vec![line.sku.clone()];
    parts.extend(line.options.iter().map(|(name, value)| format!("{name}: {value}")));
    parts.extend(line.components.iter().map(|component| format!("+ {}", component.name)));
    parts.join(" · ")
}

pub(super) fn sums(order: &Order, words: &Words) -> Vec<Sum> {
    let money = |minor| words.money(minor, order.currency);
    let totals = &order.totals;
    let mut sums = vec![Sum::new("Subtotal", money(totals.subtotal))];
    if totals.discount != 0 {
        sums.push(Sum::new("Discount", money(-totals.discount)));
    }
    sums.push(Sum::new(format!("Delivery, {}", order.shipping.name), money(totals.shipping)));
    let taxes = order.lines.iter().flat_map(|line| &line.tax_lines).chain(&order.shipping.tax_lines);
    let mut by_name: Vec<(String, i64)> = Vec::new();
    for tax in taxes {
        match by_name.iter_mut().find(|(name, _)| *name == tax.name) {
            Some((_, sum)) => *sum += tax.amount,
            None => by_name.push((tax.name.clone(), tax.amount)),
        }
    }
    let included = if totals.tax_included { "of which " } else { "" };
    sums.extend(
        by_name.into_iter().map(|(name, amount)| Sum::new(format!("{included}{name}"), money(amount))),
    );
    sums.push(Sum::new("Total", money(totals.total)).strong());
    sums
}

fn shipments(call: &Call, order: &Order, words: &Words) -> Panel {
    let columns = vec![
        Column::new("Shipment"),
        Column::new("Holds"),
        Column::new("Carrier"),
        Column::new("State"),
        Column::new(""),
    ];
    let row = |(place, shipment): (usize, &Shipment)| {
        let carrier = shipment.carrier.clone().unwrap_or_else(|| "Not said".to_owned());
        Row::new(vec![
            Cell::Lines(format!("No. {}", place + 1), words.when(shipment.created_at)),
            Cell::List(shipment.lines.iter().map(|(line, count)| held(order, *line, *count)).collect()),
            Cell::Lines(carrier, shipment.tracking.clone().unwrap_or_default()),
            Cell::badge(shipment_badge(shipment.state)),
            delivered_button(call, order, place, shipment),
        ])
    };
    let rows = order.shipments.iter().enumerate().map(row);
    Panel::new("Shipments").flush().part(Table::new("Shipments", columns).rows(rows))
}

fn held(order: &Order, line: LineId, count: u32) -> String {
    order.line(line).map_or_else(|| format!("{count} ×"), |line| format!("{count} × {}", line.name))
}

fn delivered_button(call: &Call, order: &Order, place: usize, shipment: &Shipment) -> Cell {
    if !may(call, OrdersWrite) || shipment.state != ShipmentState::Shipped {
        return Cell::Text(String::new());
    }
    let href = format!("{}/shipments/{}/delivered", path_of(order), shipment.id);
    Cell::Post(Post::new("Mark delivered", href).spoken(format!("Mark shipment {} as delivered", place + 1)))
}

fn refunds(call: &Call, order: &Order, words: &Words) -> Panel {
    let columns = vec![
        Column::new("When"),
        Column::new("What for"),
        Column::new("Reason"),
        Column::new("State"),
        Column::number("Amount"),
    ];
    let row = |refund: &OrderRefund| {
        Row::new(vec![
            words.time(refund.at),
            Cell::List(what_for(order, refund)),
            Cell::Text(
                call.read(GroupKind::Region, |view| why_refunded(view, call.vault(), order.id, refund)),
            ),
            Cell::badge(refund_badge(refund.state)),
            Cell::Text(words.money(refund.amount, order.currency)),
        ])
    };
    let rows = order.refunds.iter().map(row);
    Panel::new("Refunds").flush().part(Table::new("Refunds", columns).rows(rows))
}

fn documents(call: &Call, order: &Order, words: &Words) -> Option<Panel> {
    let papers = call.read(GroupKind::Region, |view| PAPERS.get(view, &order.id));
    let documents = papers.map(|papers| papers.documents).filter(|documents| !documents.is_empty())?;
    let columns = vec![
        Column::new("Number"),
        Column::new("Kind"),
        Column::new("Issued"),
        Column::number("Tax").minor(),
        Column::number("Amount"),
    ];
    let row = |document: &Document| {
        let number = document.number.to_string();
        let href = format!("{}/documents/{number}", path_of(order));
        let (kind, sign) = match document.number.kind {
            DocumentKind::Invoice => ("Invoice", 1),
            DocumentKind::CreditNote => ("Credit note", -1),
        };
        let tax: i64 = document.taxes.iter().map(|tax| tax.amount).sum();
        Row::new(vec![
            Cell::Link(Link::new(number, href)),
            Cell::Text(kind.to_owned()),
            words.time(document.issued_at),
            Cell::Text(words.money(sign * tax, order.currency)),
            Cell::Text(words.money(sign * document.amount, order.currency)),
        ])
    };
    let rows = documents.iter().map(row);
    Some(Panel::new("Documents").flush().part(Table::new("Documents", columns).rows(rows)))
}

/// What money was given back for; where it is the price of no part, what else it was.
fn what_for(order: &Order, refund: &OrderRefund) -> Vec<String> {
    if !refund.items.is_empty() {
        return refund.items.iter().map(|item| item_words(order, item)).collect();
    }
    // The processes' own words: see `commerce/src/processes`.
    let what = match refund.reason.as_str() {
        "cancelled" => "The cancelled order",
        "not paid in full" | "paid too late" => "The order that lapsed",
        _ => "Money beyond the order's total",
    };
    vec![what.to_owned()]
}

pub(super) fn item_words(order: &Order, item: &RefundItem) -> String {
    match item {
        RefundItem::Line { line, quantity: 0, .. } => {
            let name = order.line(*line).map_or("a line", |line| &line.name);
            format!("The rest of the price of {name}")
        }
        RefundItem::Line { line, quantity, restock, .. } => {
            let back = if *restock { ", back to stock" } else { "" };
            format!("{}{back}", held(order, *line, *quantity))
        }
        RefundItem::Shipping { .. } => "Delivery".to_owned(),
        RefundItem::Goodwill { .. } => "Goodwill".to_owned(),
    }
}

/// Timeline and notes in one, the newest first, with a form for another note.
fn history(call: &Call, order: &Order, words: &Words) -> Result<Panel, Problem> {
    let mut entries: Vec<(i64, Happening)> = Vec::new();
    for entry in &order.timeline {
        let amount =
            entry.amount.map_or(String::new(), |amount| format!(", {}", words.money(amount, order.currency)));
        let happening = Happening {
            at: machine_time(entry.at),
            when: words.when(entry.at),
            what: format!("{}{amount}", sentence(&entry.what).trim_end_matches('.')),
            who: format!("by {}", actor_words(call, entry)),
            quote: None,
        };
        entries.push((entry.at.as_millis(), happening));
    }
    let notes: Vec<Option<String>> = call.read(GroupKind::Region, |view| {
        order.notes.iter().map(|note| sealed::open(view, call.vault(), &note.text).ok()).collect()
    });
    for (note, text) in order.notes.iter().zip(notes) {
        let happening = Happening {
            at: machine_time(note.at),
            when: words.when(note.at),
            what: "Note".to_owned(),
            who: note.staff.map_or(String::new(), |staff| format!("by {}", staff_name(call, staff))),
            quote: Some(text.unwrap_or_else(|| "Erased".to_owned())),
        };
        entries.push((note.at.as_millis(), happening));
    }
    entries.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let timeline = Part::Timeline(entries.into_iter().map(|(_, entry)| entry).collect());
    let mut panel = Panel::new("History");
    if may(call, OrdersWrite) {
        panel = panel.part(note_form(order));
    }
    Ok(panel.part(timeline))
}

pub(super) fn note_form(order: &Order) -> Form {
    Form::post("note", format!("{}/notes", path_of(order)))
        .fields(vec![Field::area("text", "Add a note", 2).hint("Seen by staff only.")])
        .submit(Submit::plain("Save note"))
}

fn actor_words(call: &Call, entry: &TimelineEntry) -> String {
    let known = match entry.who() {
        ("guest" | "customer", _) => "the customer",
        ("staff", id) => match id.and_then(|id| StaffId::parse(id).ok()) {
            Some(id) => return staff_name(call, id),
            None => "staff",
        },
        ("api_key", _) => "an integration",
        ("provider", _) => "the payment provider",
        ("operator", _) => "the platform",
        _ => "the system",
    };
    known.to_owned()
}

fn aside(
    mut page: Page,
    call: &Call,
    order: &Order,
    opened: &Opened,
    payments: &[Payment],
    words: &Words,
) -> Page {
    let mut customer = Panel::new("Customer");
    customer = match &opened.contact {
        Some(contact) => {
            let mut facts = vec![Fact::new("E-mail", contact.email.clone())];
            facts.extend(contact.name.clone().map(|name| Fact::new("Name", name)));
            facts.extend(contact.phone.clone().map(|phone| Fact::new("Phone", phone)));
            let kind = if order.customer.is_some() { "Has an account" } else { "Guest" };
            facts.push(Fact::new("Account", kind));
            customer.part(Part::Facts(facts))
        }
        None => customer.part(Part::Text("This person's data was erased at their request.".to_owned())),
    };
    if let Some(note) = &opened.note {
        customer = customer.part(Notice::new(Tone::Live, "Says:").text(note.clone()));
    }
    page = page.aside(customer);
    page = page.aside(address_panel("Ship to", opened.shipping.as_ref()));
    page = match (&order.billing_address, &opened.billing) {
        (None, _) => page.aside(Panel::new("Bill to").part(Part::Text("The same address.".to_owned()))),
        (Some(_), billing) => page.aside(address_panel("Bill to", billing.as_ref())),
    };
    page.aside(payment_panel(call, order, payments, words))
}

fn address_panel(title: &str, address: Option<&gearify_commerce::cart::Address>) -> Panel {
    let panel = Panel::new(title);
    match address {
        Some(address) => panel.part(Part::Address(address_lines(address))),
        None => panel.part(Part::Text("Erased.".to_owned())),
    }
}

fn payment_panel(call: &Call, order: &Order, payments: &[Payment], words: &Words) -> Panel {
    let mut panel = Panel::new("Payment");
    if payments.is_empty() {
        return panel.part(Part::Text("Nothing was tried yet.".to_owned()));
    }
    for payment in payments {
        let mut facts = vec![
            Fact::new("By", provider_words(&payment.provider)),
            Fact::new("State", money_badge(payment.state)),
            Fact::new("Amount", words.money(payment.amount, payment.currency)),
        ];
        if payment.refunded + payment.refunding > 0 {
            facts.push(Fact::new(
                "Given back",
                words.money(payment.refunded + payment.refunding, payment.currency),
            ));
        }
        facts.extend(payment.decline_code.clone().map(|code| Fact::new("Declined", code)));
        facts.extend(payment.reference.clone().map(|reference| Fact::new("Reference", reference)));
        panel = panel.part(Part::Facts(facts));
        if payment.provider == MANUAL && payment.state.is_open() && may(call, OrdersWrite) {
            let href = format!("{}/payments/{}/received", path_of(order), payment.id);
            panel = panel.part(Part::Actions(vec![Post::new("Mark as received", href).into()]));
        }
    }
    panel.part(Part::Sums(vec![Sum::new("Still to pay", words.money(order.amount_due(), order.currency))]))
}

pub(super) fn provider_words(provider: &str) -> String {
    match provider {
        "manual" => "Bank transfer or cash".to_owned(),
        "test" => "Test payment".to_owned(),
        "stripe" => "Card (Stripe)".to_owned(),
        "paypal" => "PayPal".to_owned(),
        other => other.to_owned(),
    }
}
