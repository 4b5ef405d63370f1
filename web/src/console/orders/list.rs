//! The list of orders.

use super::ask::{Bound, COLUMNS, FULFILMENTS, OrderAsk, PAYMENT_STATUSES, SORTS, STATUSES};
use super::buyer;
use crate::console::lists::{self, Columns, list_problem, pager};
use crate::console::view::form::Choice;
use crate::console::view::{
    Action, Bulk, Cell, Chip, Column, Direction, Field, FieldKind, Filter, Link, Page, Row, Search, Tab,
    Table,
};
use crate::console::views;
use crate::console::visit::{Visit, may, settings, words};
use crate::console::words::{Words, fulfilment_badge, order_badge, payment_badge};
use crate::gate::Call;
use crate::l10n::Locale;
use crate::ports_lists::{ListPage, ListScope, OrderRow, OrderSort};
use crate::problem::Problem;
use crate::storefront::places::country_name;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{FulfillmentStatus, ORDERS, OrderStatus};
use gearify_commerce::staff::Permission::OrdersWrite;
use gearify_commerce::staff::ViewList;
use gearify_commerce::{Country, Currency, Site};

pub async fn list_orders_page(visit: Visit) -> Result<Response, Problem> {
    let words = words(&visit.call)?;
    let ask = OrderAsk::read(&visit, &words, settings(&visit.call)?.currency);
    let lists = visit.call.state().lists.clone();
    let scope = ListScope::new(visit.call.tenant(), Site::FIRST);
    let found = lists.orders(scope, ask.query(visit.get("cursor"))).await.map_err(list_problem)?;
    let pager = pager(&found, &ask.href(), "order", "orders");
    let mut table = order_rows(&visit.call, &words, &found.data);
    table.columns[PLACED] = sorting(Column::new("Placed"), &ask, OrderSort::Newest, OrderSort::Oldest);
    table.columns[TOTAL] = sorting(Column::number("Total"), &ask, OrderSort::Dearest, OrderSort::Cheapest);
    let mut table = ask.columns.of(table, &COLUMNS);
    let filter = filter(&ask, &words, settings(&visit.call)?.currency);
    table.filter = Some(views::keep(&visit.call, ViewList::Orders, &ask.href(), filter));
    table.pager = Some(pager);
    table.bulk = may(&visit.call, OrdersWrite).then(|| bulk(&ask, &found));
    table.empty = match ask.is_filtered() {
        false => "No orders yet. They appear here as soon as somebody buys.".to_owned(),
        true => "No order fits. Look at the spelling, or take a filter off.".to_owned(),
    };
    let mut page = Page::new("Orders");
    if !table.rows.is_empty() {
        page = page.action(Action::go("Export these", ask.export_href()));
    }
    Ok(visit.show(&page.part(table)))
}

fn bulk(ask: &OrderAsk, found: &ListPage<OrderRow>) -> Bulk {
    let buttons = [("slips", "Packing slips"), ("ship", "Ship")];
    lists::bulk(found, "orders", ask.query_text(), &buttons)
}

/// Places of the columns that sort.
const PLACED: usize = 1;
const TOTAL: usize = 7;

/// Sorts by `down` first, and the other way round where that is so already.
fn sorting(column: Column, ask: &OrderAsk, down: OrderSort, up: OrderSort) -> Column {
    let (now, next) = match ask.sort {
        sort if sort == down => (Some(Direction::Down), up),
        sort if sort == up => (Some(Direction::Up), down),
        _ => (None, down),
    };
    column.sorts(OrderAsk { sort: next, ..ask.clone() }.href(), now)
}

/// The columns of a list that offers no others.
pub fn usual(table: Table) -> Table {
    Columns::default().of(table, &COLUMNS)
}

/// Rows with who ordered, opened for those who may see orders; all columns.
pub fn order_rows(call: &Call, words: &Words, orders: &[OrderRow]) -> Table {
    let columns = COLUMNS.map(|column| match column.word {
        "pieces" => Column::number(column.label).minor(),
        "total" => Column::number(column.label),
        _ => Column::new(column.label),
    });
    let rows = orders.iter().zip(buyers(call, orders)).map(|(order, buyer)| {
        let href = format!("/console/orders/{}", order.id);
        Row::new(vec![
            Cell::Link(Link::new(order.number.clone(), href.clone())),
            words.time(order.placed_at),
            Cell::Lines(buyer, country_words(&order.country)),
            Cell::badge(order_badge(order.status)),
            Cell::badge(payment_badge(order.payment_status)),
            Cell::badge(fulfilment_badge(order.fulfillment_status)),
            Cell::Text(order.pieces.to_string()),
            Cell::Text(words.money(order.total, order.currency)),
            Cell::Text(order.first_sku.clone()),
            Cell::Text(country_words(&order.country)),
        ])
        .id(order.id)
        .href(href)
        .dim(matches!(order.status, OrderStatus::Cancelled | OrderStatus::Expired))
    });
    Table::new("Orders", columns.to_vec()).rows(rows)
}

/// Who ordered.
pub fn buyers(call: &Call, orders: &[OrderRow]) -> Vec<String> {
    call.read(GroupKind::Region, |view| {
        let buyer = |row: &OrderRow| {
            ORDERS.get(view, &row.id).map_or(String::new(), |order| buyer(call, view, &order))
        };
        orders.iter().map(buyer).collect()
    })
}

fn country_words(code: &str) -> String {
    match Country::parse(code) {
        Ok(country) => country_name(&country, Locale::EN_GB).to_owned(),
        Err(_) => code.to_owned(),
    }
}

fn filter(ask: &OrderAsk, words: &Words, currency: Currency) -> Filter {
    let clear = OrderAsk { columns: ask.columns.clone(), ..OrderAsk::default() };
    Filter {
        action: "/console/orders".to_owned(),
        tabs: tabs(ask),
        search: Some(Search {
            label: "Number, name, e-mail or SKU".to_owned(),
            value: ask.typed(),
            hint: "Also payment_status:paid, status:placed, total:>100, placed:>2026-01-31".to_owned(),
        }),
        chips: chips(ask, words, currency),
        clear: clear.href(),
        fields: fields(ask),
        ..Filter::default()
    }
}

/// Views that a shop needs every day.
fn tabs(ask: &OrderAsk) -> Vec<Tab> {
    let open = vec![FulfillmentStatus::Unfulfilled, FulfillmentStatus::Partial];
    let of = |status: &[OrderStatus], fulfilment: &[FulfillmentStatus]| OrderAsk {
        status: status.to_vec(),
        fulfilment: fulfilment.to_vec(),
        columns: ask.columns.clone(),
        ..OrderAsk::default()
    };
    let views = [
        ("All", of(&[], &[])),
        ("To ship", of(&[OrderStatus::Confirmed], &open)),
        ("To be paid", of(&[OrderStatus::Placed], &[])),
        ("On their way", of(&[], &[FulfillmentStatus::Fulfilled])),
        ("Closed", of(&[OrderStatus::Completed, OrderStatus::Cancelled, OrderStatus::Expired], &[])),
    ];
    views
        .into_iter()
        .map(|(label, view)| Tab { label: label.to_owned(), href: view.href(), current: view == *ask })
        .collect()
}

/// Each filter in force by itself, with the list as it is without it.
fn chips(ask: &OrderAsk, words: &Words, currency: Currency) -> Vec<Chip> {
    let mut chips = Vec::new();
    for (place, status) in ask.status.iter().enumerate() {
        let mut without = ask.clone();
        without.status.remove(place);
        chips.push(Chip { label: order_badge(*status).label, href: without.href() });
    }
    for (place, status) in ask.payment.iter().enumerate() {
        let mut without = ask.clone();
        without.payment.remove(place);
        chips.push(Chip { label: payment_badge(*status).label, href: without.href() });
    }
    for (place, status) in ask.fulfilment.iter().enumerate() {
        let mut without = ask.clone();
        without.fulfilment.remove(place);
        chips.push(Chip { label: fulfilment_badge(*status).label, href: without.href() });
    }
    for (place, mark) in ask.marks.iter().enumerate() {
        let mut without = ask.clone();
        without.marks.remove(place);
        chips.push(Chip { label: bound_words(mark.means, words, currency), href: without.href() });
    }
    if !ask.text.is_empty() {
        let without = OrderAsk { text: String::new(), ..ask.clone() };
        chips.push(Chip { label: format!("“{}”", ask.text), href: without.href() });
    }
    chips
}

fn bound_words(bound: Bound, words: &Words, currency: Currency) -> String {
    let money = |minor| words.money(minor, currency);
    match bound {
        Bound::Total { min: Some(min), max: Some(_) } => format!("Total {}", money(min)),
        Bound::Total { min: Some(min), max: None } => format!("Total from {}", money(min)),
        Bound::Total { min: None, max } => format!("Total up to {}", money(max.unwrap_or(0))),
        Bound::Placed { from: Some(from), until: Some(_) } => format!("Placed on {}", words.day(from)),
        Bound::Placed { from: Some(from), until: None } => format!("Placed from {}", words.day(from)),
        Bound::Placed { from: None, until } => {
            format!("Placed before {}", until.map_or(String::new(), |until| words.day(until)))
        }
    }
}

fn fields(ask: &OrderAsk) -> Vec<Field> {
    let status = STATUSES.map(|status| {
        Choice::new(status.as_str(), order_badge(status).label).chosen(ask.status.contains(&status))
    });
    let payment = PAYMENT_STATUSES.map(|status| {
        Choice::new(status.as_str(), payment_badge(status).label).chosen(ask.payment.contains(&status))
    });
    let fulfilment = FULFILMENTS.map(|status| {
        Choice::new(status.as_str(), fulfilment_badge(status).label).chosen(ask.fulfilment.contains(&status))
    });
    let sorts = SORTS.map(|(sort, word, label)| Choice::new(word, label).chosen(sort == ask.sort));
    vec![
        Field::new(FieldKind::Ticks(status.to_vec()), "status", "Status").optional(),
        Field::new(FieldKind::Ticks(payment.to_vec()), "payment", "Payment").optional(),
        Field::new(FieldKind::Ticks(fulfilment.to_vec()), "fulfilment", "Delivery").optional(),
        Field::select("sort", "Order", sorts.to_vec()),
        ask.columns.field(&COLUMNS),
    ]
}
