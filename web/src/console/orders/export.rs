//! The orders of a list as CSV: those that the list shows, in its order, with its columns, page after page.

use super::ask::{COLUMNS, OrderAsk};
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

/// Orders read at a time.
const PAGE: usize = 100;

/// At most [`NUMBERED_ROWS_MAX`] orders, of the list's first: whoever wants more asks by dates.
pub async fn export_orders(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = OrderAsk::read(&visit, &words(call)?, settings(call)?.currency);
    let lists = call.state().lists.clone();
    let scope = ListScope::new(call.tenant(), Site::FIRST);
    let shown: Vec<&'static str> =
        ask.columns.places(&COLUMNS).into_iter().map(|place| COLUMNS[place].word).collect();
    let heads = shown.iter().flat_map(|word| heads(word).iter().copied());
    let (mut file, mut rows, mut from) = (line(heads), 0, ListFrom::Start);
    loop {
        let found = lists.orders(scope, ask.page(PAGE, from)).await.map_err(list_problem)?;
        rows += found.data.len();
        file.extend(found.data.iter().flat_map(|order| record(call, &shown, order)));
        match found.next_cursor {
            Some(next) if rows < NUMBERED_ROWS_MAX => from = ListFrom::Cursor(next),
            _ => return Ok(csv_answer("orders", Body::from(file))),
        }
    }
}

/// What a column of the list is in a file.
fn heads(word: &str) -> &'static [&'static str] {
    match word {
        "order" => &["number"],
        "placed" => &["placed_at"],
        "customer" => &["name", "email", "country"],
        "status" => &["status"],
        "payment" => &["payment_status"],
        "fulfilment" => &["fulfillment_status"],
        "pieces" => &["pieces"],
        "total" => &["total", "currency"],
        "sku" => &["first_sku"],
        "country" => &["destination"],
        _ => &[],
    }
}

fn record(call: &Call, shown: &[&'static str], order: &OrderRow) -> Vec<u8> {
    let cells: Vec<String> = shown.iter().flat_map(|word| cells(call, word, order)).collect();
    line(cells.iter().map(String::as_str))
}

fn cells(call: &Call, word: &str, order: &OrderRow) -> Vec<String> {
    match word {
        "order" => vec![cell(&order.number)],
        "placed" => vec![moment(order.placed_at)],
        "customer" => {
            let contact: Option<Contact> = call.read(GroupKind::Region, |view| {
                open(call, view, &ORDERS.get(view, &order.id)?.contact.sealed)
            });
            let (name, email) = contact
                .map_or_else(Default::default, |contact| (contact.name.unwrap_or_default(), contact.email));
            vec![cell(&name), cell(&email), order.country.clone()]
        }
        "status" => vec![order.status.as_str().to_owned()],
        "payment" => vec![order.payment_status.as_str().to_owned()],
        "fulfilment" => vec![order.fulfillment_status.as_str().to_owned()],
        "pieces" => vec![order.pieces.to_string()],
        "total" => vec![plain(order.total, order.currency), order.currency.to_string()],
        "sku" => vec![cell(&order.first_sku)],
        "country" => vec![order.country.clone()],
        _ => Vec::new(),
    }
}

/// `1234.50`: as programs read it.
fn plain(minor: i64, currency: Currency) -> String {
    let money = Money::new(minor, currency).to_string();
    money.split(' ').next().unwrap_or_default().to_owned()
}
