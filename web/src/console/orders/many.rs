//! Many orders at once: their packing slips as one print, or all that is left of them shipped.
//!
//! Shipping writes to customers and can't be taken back: it shows its effect first, also for those that were ticked.

use super::ask::OrderAsk;
use super::order;
use super::sheets::packing_slip;
use crate::console::done::Done;
use crate::console::lists::list_problem;
use crate::console::many::submit_each;
use crate::console::typed::Typed;
use crate::console::view::form::Submit;
use crate::console::view::print::render_sheets;
use crate::console::view::{Form, Link, Notice, Page, Part, Tone};
use crate::console::visit::{Visit, frame, go, refused, see_many, settings, words};
use crate::console::words::counted;
use crate::gate::Call;
use crate::ports_lists::{ListFrom, ListScope};
use crate::problem::Problem;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::orders::{Command, Order, OrderStatus};
use gearify_commerce::{OrderId, Site};

/// Of one form: as many as somebody packs in a day, and as fit into the time of a request.
const MOST: usize = 500;
/// Orders read at a time.
const PAGE: usize = 100;
/// Numbers that stand for the others.
const NAMED: usize = 20;

pub async fn change_many_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let action = typed.get("action");
    if !matches!(action, "slips" | "ship") {
        return Err(Problem::not_found("action"));
    }
    let visit = Visit::of(call.clone(), typed.get("query"));
    let ask = OrderAsk::read(&visit, &words(&call)?, settings(&call)?.currency);
    let list = ask.href();
    let chosen = chosen(&call, &typed, &ask).await?;
    if chosen.is_empty() {
        return Ok(go(&list));
    }
    if chosen.len() > MOST {
        let words = format!("More than {MOST} orders match. Narrow the list by a filter.");
        return Ok(nothing(&call, &list, &words));
    }
    let orders = chosen.into_iter().map(|id| order(&call, id)).collect::<Result<Vec<_>, _>>()?;
    let open: Vec<Order> = orders.into_iter().filter(is_open).collect();
    if open.is_empty() {
        return Ok(nothing(&call, &list, "None of these orders waits to be shipped."));
    }
    match action {
        "slips" => slips(&call, &list, &open),
        _ if typed.get("step") == "confirm" => ship(&call, &list, &open).await,
        _ => Ok(effect(&call, &typed, &list, &open)),
    }
}

/// Those that were ticked, or all of the list; one more than [`MOST`] where there are more.
async fn chosen(call: &Call, typed: &Typed, ask: &OrderAsk) -> Result<Vec<OrderId>, Problem> {
    if !typed.is_ticked("all") {
        let ids = typed.all("ids").iter().take(MOST);
        return Ok(ids.filter_map(|text| OrderId::parse(text).ok()).collect());
    }
    let lists = call.state().lists.clone();
    let scope = ListScope::new(call.tenant(), Site::FIRST);
    let (mut ids, mut from) = (Vec::new(), ListFrom::Start);
    loop {
        let found = lists.orders(scope, ask.page(PAGE, from)).await.map_err(list_problem)?;
        ids.extend(found.data.iter().map(|order| order.id));
        match found.next_cursor {
            Some(next) if ids.len() <= MOST => from = ListFrom::Cursor(next),
            _ => return Ok(ids),
        }
    }
}

/// Paid for or promised, with something left to send.
fn is_open(order: &Order) -> bool {
    order.status == OrderStatus::Confirmed && order.lines.iter().any(|line| line.quantities.open() > 0)
}

fn nothing(call: &Call, list: &str, why: &str) -> Response {
    let notice = Notice::new(Tone::Warn, "Nothing was done.").text(why);
    let notice = notice.link(Link::new("Back to the list", list));
    refused(call, &Page::new("Many orders").under("Orders", list).part(notice))
}

fn slips(call: &Call, list: &str, orders: &[Order]) -> Result<Response, Problem> {
    let mut sheets = orders.iter().map(|order| packing_slip(call, order)).collect::<Result<Vec<_>, _>>()?;
    for sheet in &mut sheets {
        sheet.words.back = "Back to the list".to_owned();
    }
    let title = counted(sheets.len() as u64, "packing slip", "packing slips");
    Ok(Html(render_sheets(&title, list, &sheets)).into_response())
}

/// What shipping comes to, before it is done.
fn effect(call: &Call, typed: &Typed, list: &str, orders: &[Order]) -> Response {
    let many = counted(orders.len() as u64, "order", "orders");
    let pieces: u32 = orders.iter().flat_map(|order| &order.lines).map(|line| line.quantities.open()).sum();
    let mut numbers: Vec<&str> = orders.iter().take(NAMED).map(|order| order.number.as_str()).collect();
    let others = match orders.len().saturating_sub(NAMED) {
        0 => String::new(),
        others => format!(" and {others} more"),
    };
    numbers.sort_unstable();
    let form = Form::post("confirm", "/console/orders/many")
        .hidden("action", "ship")
        .hidden("step", "confirm")
        .hidden("query", typed.get("query"))
        .submit(Submit::main(format!("Ship {many}")))
        .cancel("Leave them as they are", list);
    // Exactly what is shown here is shipped, whatever the list shows by then.
    let form = orders.iter().fold(form, |form, order| form.hidden("ids", order.id));
    let page = Page::new(format!("Ship {many}"))
        .under("Orders", list)
        .about("Each customer gets a mail, without a carrier and a tracking number. This can't be undone.")
        .part(Part::Text(format!(
            "{} of {}{others}.",
            counted(pieces.into(), "piece", "pieces"),
            numbers.join(", ")
        )))
        .part(form);
    Html(page.render(&frame(call))).into_response()
}

/// All that is left of each; what can't be shipped is named and the others go on.
async fn ship(call: &Call, list: &str, orders: &[Order]) -> Result<Response, Problem> {
    let all_of = |order: &Order| {
        let open = order.lines.iter().filter(|line| line.quantities.open() > 0);
        let lines = open.map(|line| (line.id, line.quantities.open())).collect();
        let command = Command::Ship { order: order.id, lines, carrier: None, tracking: None };
        (order.number.clone(), command.into())
    };
    let outcome = submit_each(call, orders.iter().map(all_of).collect(), String::clone).await?;
    let shipped = outcome.done;
    let told = outcome.told(call, "Orders", list);
    Ok(told.unwrap_or_else(|| see_many(list, Done::Shipped, shipped)))
}
