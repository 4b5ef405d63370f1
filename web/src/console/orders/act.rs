//! What staff do with an order: ship, mark as delivered, cancel, note, mark money as received.

use super::detail::beneath;
use super::{order, path_of, payments_of};
use crate::api::orders::cancelling;
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::Section;
use crate::console::view::{Cell, Column, Field, Form, Notice, Page, Panel, Part, Submit, Tone};
use crate::console::visit::{Visit, refused, see, words};
use crate::console::words::counted;
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::intent::{Intent, OrderIntent};
use gearify_commerce::orders::{Command, Order};
use gearify_commerce::payments::Command as Payments;
use gearify_commerce::{LineId, OrderId, PaymentId, ShipmentId};

pub async fn ship_order_page(visit: Visit, Path(id): Path<OrderId>) -> Result<Response, Problem> {
    let order = order(&visit.call, id)?;
    let mut typed = Typed::default();
    for line in order.lines.iter().filter(|line| line.quantities.open() > 0) {
        typed.set(format!("pieces.{}", line.id), line.quantities.open());
    }
    Ok(visit.show(&ship_page(&order, &typed, &Wrong::default())))
}

fn ship_page(order: &Order, typed: &Typed, wrong: &Wrong) -> Page {
    let page =
        Page::new("Ship").under("Orders", "/console/orders").under(order.number.clone(), path_of(order));
    let open: Vec<_> = order.lines.iter().filter(|line| line.quantities.open() > 0).collect();
    if open.is_empty() {
        return page.part(Notice::new(Tone::Plain, "There is nothing left to ship."));
    }
    let columns =
        vec![Column::new("Product"), Column::number("Still to ship"), Column::number("In this shipment")];
    let rows = open.iter().map(|line| {
        let field = Field::number(format!("pieces.{}", line.id), format!("Pieces of {}", line.name)).quiet();
        vec![
            Cell::Lines(line.name.clone(), beneath(line)),
            Cell::Text(line.quantities.open().to_string()),
            Cell::Input(Box::new(field)),
        ]
    });
    let parcel = vec![
        Field::text("carrier", "Carrier").optional().half(),
        Field::text("tracking", "Tracking number").optional().half(),
    ];
    let form = Form::post("ship", format!("{}/ship", path_of(order)))
        .section(Section::default().grid(columns, rows.collect()))
        .fields(parcel)
        .submit(Submit::main("Ship"))
        .cancel("Back to the order", path_of(order))
        .filled(typed, wrong);
    page.about("The customer gets a mail with carrier and tracking number.")
        .part(Panel::new("Shipment").part(form))
}

pub async fn ship_order_form(call: Call, Path(id): Path<OrderId>, typed: Typed) -> Result<Response, Problem> {
    let order = order(&call, id)?;
    let wrong = match read_shipment(&order, &typed) {
        Ok(command) => match call.submit(command).await {
            Ok(_) => return Ok(see(&path_of(&order), Done::Shipped)),
            Err(problem) => Wrong::of(problem, |_| None)?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &ship_page(&order, &typed, &wrong)))
}

fn read_shipment(order: &Order, typed: &Typed) -> Result<Command, Wrong> {
    let mut check = Check::new(typed);
    let mut lines: Vec<(LineId, u32)> = Vec::new();
    for line in &order.lines {
        let name = format!("pieces.{}", line.id);
        let open = line.quantities.open();
        if open == 0 || !typed.has(&name) {
            continue;
        }
        let pieces: Option<Option<u32>> = check.optional_integer(&name, 0, open.into());
        lines.extend(pieces.flatten().filter(|pieces| *pieces > 0).map(|pieces| (line.id, pieces)));
    }
    let carrier = check.optional("carrier", short_text);
    let tracking = check.optional("tracking", short_text);
    let command =
        (|| Some(Command::Ship { order: order.id, lines, carrier: carrier?, tracking: tracking? }))();
    match check.done(command)? {
        Command::Ship { lines, .. } if lines.is_empty() => {
            Err(Wrong::saying("Say how many pieces are in this shipment."))
        }
        command => Ok(command),
    }
}

/// A carrier or a number on a label.
fn short_text(text: &str) -> Result<String, &'static str> {
    if text.chars().count() > 80 || text.chars().any(char::is_control) {
        return Err("At most 80 characters in one line");
    }
    Ok(text.to_owned())
}

pub async fn mark_delivered_form(
    call: Call,
    Path((id, shipment)): Path<(OrderId, ShipmentId)>,
    _typed: Typed,
) -> Result<Response, Problem> {
    let order = order(&call, id)?;
    call.submit(Command::MarkDelivered { order: id, shipment }).await?;
    Ok(see(&path_of(&order), Done::Delivered))
}

pub async fn cancel_order_page(visit: Visit, Path(id): Path<OrderId>) -> Result<Response, Problem> {
    let page = cancel_page(&visit.call, &order(&visit.call, id)?, &Typed::default(), &Wrong::default())?;
    Ok(visit.show(&page))
}

/// Shows the effect before it happens.
fn cancel_page(call: &Call, order: &Order, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let page = Page::new("Cancel the order")
        .under("Orders", "/console/orders")
        .under(order.number.clone(), path_of(order));
    if !order.may_cancel() {
        let notice = Notice::new(Tone::Warn, "This order can't be cancelled any more.");
        return Ok(page.part(notice.text("Something was shipped, or it is closed. Refund it instead.")));
    }
    let words = words(call)?;
    let pieces: u32 = order.lines.iter().map(|line| line.quantities.open()).sum();
    let back: i64 = payments_of(call, order.id).iter().map(|payment| payment.refundable()).sum();
    let mut effects =
        vec![format!("{} free for others at once.", counted(pieces.into(), "piece is", "pieces are"))];
    effects.push(match back {
        0 => "Nothing was paid, so nothing is given back.".to_owned(),
        back => format!("{} given back to the customer.", words.money(back, order.currency)),
    });
    effects.push("The customer gets a mail. This can't be undone.".to_owned());
    let form = Form::post("cancel", format!("{}/cancel", path_of(order)))
        .fields(vec![
            Field::area("reason", "Reason", 2)
                .hint("Kept with the order; the customer is told that it was cancelled."),
        ])
        .submit(Submit::danger("Cancel the order"))
        .cancel("Keep it", path_of(order))
        .filled(typed, wrong);
    Ok(page.part(Panel::new("What happens").part(Part::Text(effects.join("\n"))).part(form)))
}

pub async fn cancel_order_form(
    call: Call,
    Path(id): Path<OrderId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let order = order(&call, id)?;
    let mut check = Check::new(&typed);
    let reason = check.value("reason", |text| Ok::<_, String>(text.to_owned()));
    let wrong = match check.done(reason) {
        Ok(reason) => match call.submit(cancelling(&call, id, Some(reason))).await {
            Ok(_) => return Ok(see(&path_of(&order), Done::Cancelled)),
            Err(problem) => Wrong::of(problem, |_| None)?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &cancel_page(&call, &order, &typed, &wrong)?))
}

pub async fn add_note_form(call: Call, Path(id): Path<OrderId>, typed: Typed) -> Result<Response, Problem> {
    let order = order(&call, id)?;
    let text = crate::console::wrong::normal_lines(typed.get("text"));
    let wrong = if text.is_empty() {
        Wrong::field("text", "Write something first.")
    } else {
        match call.submit(Intent::Order(OrderIntent::AddNote { order: id, text })).await {
            Ok(_) => return Ok(see(&path_of(&order), Done::Noted)),
            Err(problem) => Wrong::of(problem, |_| None)?,
        }
    };
    let form =
        super::detail::note_form(&order).cancel("Back to the order", path_of(&order)).filled(&typed, &wrong);
    let page = Page::new("Add a note")
        .under("Orders", "/console/orders")
        .under(order.number.clone(), path_of(&order));
    Ok(refused(&call, &page.part(Panel::new("Note").part(form))))
}

pub async fn mark_received_form(
    call: Call,
    Path((id, payment)): Path<(OrderId, PaymentId)>,
    _typed: Typed,
) -> Result<Response, Problem> {
    let order = order(&call, id)?;
    if payments_of(&call, id).iter().all(|known| known.id != payment) {
        return Err(Problem::not_found("payment"));
    }
    call.submit(Payments::MarkReceived { payment }).await?;
    Ok(see(&path_of(&order), Done::Received))
}
