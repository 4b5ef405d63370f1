//! The orders of a list as CSV: those that the list shows, in its order, page after page.

use super::ask::OrderAsk;
use super::open;
use crate::api::csv_file::{cell, csv_answer, line};
use crate::console::lists::list_problem;
use crate::console::visit::{Visit, settings, words};
use crate::gate::Call;
use crate::ports_lists::{ListFrom, ListScope, NUMBERED_ROWS_MAX, OrderRow};
use crate::problem::Problem;
use crate::read::moment;
use axum::body::Body;
use axum::response::Response;
use gearify_commerce::cart::Contact;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::ORDERS;
use gearify_commerce::{Currency, Money, Site};

const COLUMNS: [&str; 11] = [
    "number",
    "placed_at",
    "name",
    "email",
    "country",
    "status",
    "payment_status",
    "fulfillment_status",
    "pieces",
    "total",
    "currency",
];

/// Orders read at a time.
const PAGE: usize = 100;

/// At most [`NUMBERED_ROWS_MAX`] orders, of the list's first: whoever wants more asks by dates.
pub async fn export_orders(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = OrderAsk::read(&visit, &words(call)?, settings(call)?.currency);
    let lists = call.state().lists.clone();
    let scope = ListScope::new(call.tenant(), Site::FIRST);
    let (mut file, mut rows, mut from) = (line(COLUMNS), 0, ListFrom::Start);
    loop {
        let found = lists.orders(scope, ask.page(PAGE, from)).await.map_err(list_problem)?;
        rows += found.data.len();
        file.extend(found.data.iter().flat_map(|order| record(call, order)));
        match found.next_cursor {
            Some(next) if rows < NUMBERED_ROWS_MAX => from = ListFrom::Cursor(next),
            _ => return Ok(csv_answer("orders", Body::from(file))),
        }
    }
}

fn record(call: &Call, order: &OrderRow) -> Vec<u8> {
    let contact: Option<Contact> =
        call.read(GroupKind::Region, |view| open(call, view, &ORDERS.get(view, &order.id)?.contact.sealed));
    let (name, email) =
        contact.map_or_else(Default::default, |contact| (contact.name.unwrap_or_default(), contact.email));
    let record = [
        cell(&order.number),
        moment(order.placed_at),
        cell(&name),
        cell(&email),
        order.country.clone(),
        order.status.as_str().to_owned(),
        order.payment_status.as_str().to_owned(),
        order.fulfillment_status.as_str().to_owned(),
        order.pieces.to_string(),
        plain(order.total, order.currency),
        order.currency.to_string(),
    ];
    line(record.iter().map(String::as_str))
}

/// `1234.50`: as programs read it.
fn plain(minor: i64, currency: Currency) -> String {
    let money = Money::new(minor, currency).to_string();
    money.split(' ').next().unwrap_or_default().to_owned()
}
