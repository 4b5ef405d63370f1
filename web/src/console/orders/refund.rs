//! Giving money back: first what it comes to, then doing it.

use super::detail::{beneath, item_words, provider_words};
use super::{order, path_of, payments_of};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::Section;
use crate::console::view::{
    Cell, Choice, Column, Field, Form, Notice, Page, Panel, Part, Row, Submit, Sum, Table, Tone,
};
use crate::console::visit::{Visit, refused, see, words};
use crate::console::words::Words;
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::command::GroupKind;
use gearify_commerce::intent::{Intent, OrderIntent, RefundPreview, RefundRequest};
use gearify_commerce::orders::{Order, RefundItem, RefundState, refund};
use gearify_commerce::payments::Payment;
use gearify_commerce::{LineId, OrderId, PaymentId};

pub async fn refund_page(visit: Visit, Path(id): Path<OrderId>) -> Result<Response, Problem> {
    let order = order(&visit.call, id)?;
    let page = ask_page(&visit.call, &order, &Typed::default(), &Wrong::default())?;
    Ok(visit.show(&page))
}

fn head(order: &Order) -> Page {
    Page::new("Refund").under("Orders", "/console/orders").under(order.number.clone(), path_of(order))
}

/// What of a line may still be given back.
fn open_pieces(order: &Order, line: LineId) -> u32 {
    let standing = order.refunds.iter().filter(|refund| refund.state != RefundState::Failed);
    let given = |item: &RefundItem| match item {
        RefundItem::Line { line: of, quantity, .. } if *of == line => *quantity,
        _ => 0,
    };
    let before: u32 = standing.flat_map(|refund| &refund.items).map(given).sum();
    order.line(line).map_or(0, |line| line.quantities.ordered.saturating_sub(before))
}

fn ask_page(call: &Call, order: &Order, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let words = words(call)?;
    let payments = payments_of(call, order.id);
    let most = payments.iter().map(Payment::refundable).sum::<i64>();
    if most <= 0 {
        return Ok(head(order).part(Notice::new(Tone::Plain, "There is nothing to give back.")));
    }
    let columns = vec![
        Column::new("Product"),
        Column::number("Sum"),
        Column::number("Can be refunded"),
        Column::number("Pieces to refund"),
        Column::new("Stock"),
    ];
    let rows = order.lines.iter().filter(|line| open_pieces(order, line.id) > 0).map(|line| {
        let pieces =
            Field::number(format!("pieces.{}", line.id), format!("Pieces of {} to refund", line.name))
                .quiet();
        let restock = match line.quantities.shipped {
            0 => Cell::Text("Not shipped".to_owned()),
            _ => Cell::Input(Box::new(Field::tick(format!("restock.{}", line.id), "Put back", false))),
        };
        vec![
            Cell::Lines(line.name.clone(), beneath(line)),
            Cell::Text(words.money(line.total, order.currency)),
            Cell::Text(open_pieces(order, line.id).to_string()),
            Cell::Input(Box::new(pieces)),
            restock,
        ]
    });
    let sign = words.sign(order.currency);
    let mut others = vec![
        Field::number("shipping", "Delivery").optional().unit(sign.clone()),
        Field::number("goodwill", "Goodwill").optional().unit(sign).hint("For trouble; not tied to a line."),
    ];
    if payments.iter().filter(|payment| payment.refundable() > 0).count() > 1 {
        others.push(payment_field(&payments, &words));
    }
    others.push(Field::text("reason", "Reason").hint("Kept with the order."));
    let form = Form::post("refund", format!("{}/refund", path_of(order)))
        .section(Section::default().grid(columns, rows.collect()))
        .fields(others)
        .submit(Submit::main("See what it comes to").says("step", "preview"))
        .cancel("Back to the order", path_of(order))
        .filled(typed, wrong);
    let about = format!("At most {} can be given back.", words.money(most, order.currency));
    Ok(head(order).about(about).part(Panel::new("What to give back").part(form)))
}

fn payment_field(payments: &[Payment], words: &Words) -> Field {
    let mut choices = vec![Choice::new("", "The latest that has enough, or several")];
    choices.extend(payments.iter().filter(|payment| payment.refundable() > 0).map(|payment| {
        let left = words.money(payment.refundable(), payment.currency);
        Choice::new(payment.id, format!("{}, {left} left", provider_words(&payment.provider)))
    }));
    Field::select("payment", "From payment", choices).optional()
}

/// A refund as it was asked for.
struct Asked {
    payment: Option<PaymentId>,
    items: Vec<RefundRequest>,
    reason: String,
}

fn read(order: &Order, typed: &Typed) -> Result<Asked, Wrong> {
    let mut check = Check::new(typed);
    let mut items = Vec::new();
    for line in &order.lines {
        let open = open_pieces(order, line.id);
        let pieces: Option<Option<u32>> =
            check.optional_integer(&format!("pieces.{}", line.id), 0, open.into());
        let restock = typed.is_ticked(&format!("restock.{}", line.id));
        let chosen = pieces.flatten().filter(|pieces| *pieces > 0);
        items.extend(chosen.map(|quantity| RefundRequest::Line { line: line.id, quantity, restock }));
    }
    let shipping = check.optional_money("shipping", order.currency).flatten().filter(|amount| *amount != 0);
    items.extend(shipping.map(|amount| RefundRequest::Shipping { amount: Some(amount) }));
    let goodwill = check.optional_money("goodwill", order.currency).flatten().filter(|amount| *amount != 0);
    items.extend(goodwill.map(|amount| RefundRequest::Goodwill { amount }));
    let payment = check.optional("payment", PaymentId::parse);
    let reason = check.value("reason", |text| match text.chars().count() {
        0..=500 => Ok(text.to_owned()),
        _ => Err("At most 500 characters"),
    });
    let asked = check.done((|| Some(Asked { payment: payment?, items, reason: reason? }))())?;
    if asked.items.is_empty() {
        return Err(Wrong::saying("Choose pieces, delivery or an amount of goodwill."));
    }
    Ok(asked)
}

pub async fn refund_form(call: Call, Path(id): Path<OrderId>, typed: Typed) -> Result<Response, Problem> {
    let order = order(&call, id)?;
    let worth: Result<(Asked, RefundPreview), Wrong> = read(&order, &typed).and_then(|asked| {
        let found =
            call.read(GroupKind::Region, |view| refund::preview(view, &order, asked.payment, &asked.items));
        match found {
            Ok(preview) => Ok((asked, preview)),
            Err(refusal) => Err(Wrong::saying(refusal_words(&call, &order, &refusal))),
        }
    });
    let (asked, preview) = match worth {
        Ok(worth) => worth,
        Err(wrong) => return Ok(refused(&call, &ask_page(&call, &order, &typed, &wrong)?)),
    };
    match typed.get("step") {
        "confirm" if is_as_shown(&typed, &preview) => {
            let Asked { payment, items, reason } = asked;
            let intent = OrderIntent::Refund { order: id, payment, items, reason };
            match call.submit(Intent::Order(intent)).await {
                Ok(_) => Ok(see(&path_of(&order), Done::Refunded)),
                Err(problem) => {
                    let wrong = Wrong::of(problem, |_| None)?;
                    Ok(refused(&call, &ask_page(&call, &order, &typed, &wrong)?))
                }
            }
        }
        "change" => Ok(show(&call, &ask_page(&call, &order, &typed, &Wrong::default())?)),
        // Asked for the first time, or the order changed since the amount was shown.
        _ => Ok(show(&call, &effect_page(&call, &order, &typed, &preview)?)),
    }
}

fn show(call: &Call, page: &Page) -> Response {
    Html(page.render(&crate::console::visit::frame(call))).into_response()
}

fn refusal_words(call: &Call, order: &Order, refusal: &gearify_commerce::orders::Refusal) -> String {
    use gearify_commerce::orders::Refusal::{MoreThanPaid, TooMany};
    let money = |minor: i64| {
        words(call).map_or_else(|_| minor.to_string(), |words| words.money(minor, order.currency))
    };
    match refusal {
        MoreThanPaid { refundable } => {
            format!("That is more than there is: at most {} can be given back.", money(*refundable))
        }
        TooMany { line, open } => {
            let name = order.line(*line).map_or("the line", |line| &line.name);
            format!("Only {open} of {name} can still be refunded.")
        }
        other => crate::console::wrong::sentence(&other.to_string()),
    }
}

/// Effect first: what is given back for what, and what goes back on the shelf.
fn effect_page(call: &Call, order: &Order, typed: &Typed, preview: &RefundPreview) -> Result<Page, Problem> {
    let words = words(call)?;
    let money = |minor| words.money(minor, order.currency);
    let rows = preview
        .items
        .iter()
        .map(|item| Row::new(vec![Cell::Text(item_words(order, item)), Cell::Text(money(item.amount()))]));
    let table =
        Table::new("What is given back", vec![Column::new("For"), Column::number("Amount")]).rows(rows);
    let payments = payments_of(call, order.id);
    let sources: Vec<(&Payment, i64)> = preview
        .payments
        .iter()
        .filter_map(|(id, amount)| Some((payments.iter().find(|payment| payment.id == *id)?, *amount)))
        .collect();
    let mut form = Form::post("confirm", format!("{}/refund", path_of(order)))
        .hidden("amount", preview.amount)
        .hidden("sources", sources_of(preview))
        .submit(Submit::danger(format!("Refund {}", money(preview.amount))).says("step", "confirm"))
        .submit(Submit::plain("Change").says("step", "change"))
        .cancel("Back to the order", path_of(order));
    for prefix in ["pieces.", "restock."] {
        for (name, value) in typed.prefixed(prefix) {
            form = form.hidden(format!("{prefix}{name}"), value);
        }
    }
    for name in ["shipping", "goodwill", "payment", "reason"] {
        form = form.hidden(name, typed.get(name));
    }
    let panel = Panel::new("What happens")
        .flush()
        .part(table)
        .part(Part::Sums(vec![Sum::new("Given back", money(preview.amount)).strong()]));
    let way = |(payment, amount): &(&Payment, i64)| {
        let by = provider_words(&payment.provider);
        // Two payments of one kind are told apart by their time.
        let from = format!("{} of {}", by, words.when(payment.created_at));
        let how = match payment.provider == gearify_commerce::payments::MANUAL {
            true => "pay it out yourself; the order keeps the record.",
            false => "goes back to where it came from. The customer gets a mail once it is done.",
        };
        format!("{} by {from}: {how}", money(*amount))
    };
    let mut told: Vec<String> = sources.iter().map(way).collect();
    told.push(format!("Reason: {}", typed.trimmed("reason")));
    let after = Panel::new("Then").part(Part::Text(told.join("\n"))).part(form);
    Ok(head(order).part(panel).part(after))
}

/// Which payments give how much, so that what is confirmed is what was shown.
fn sources_of(preview: &RefundPreview) -> String {
    let source = |(payment, amount): &(PaymentId, i64)| format!("{payment}={amount}");
    preview.payments.iter().map(source).collect::<Vec<_>>().join(" ")
}

fn is_as_shown(typed: &Typed, preview: &RefundPreview) -> bool {
    typed.get("amount") == preview.amount.to_string() && typed.get("sources") == sources_of(preview)
}
