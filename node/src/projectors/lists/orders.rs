//! The list of orders: by its three axes, by customer, or by what was typed.

use super::codes::*;
use super::page::{Key, Order, Run, Spot, page, page_of, total};
use super::read::{
    Answer, FOUND_MAX, ListReader, after_prefix, bits, capped, currency, empty, filled, has_code, one,
    scope_number, state, with_term,
};
use super::rows::bytes;
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus};
use gearify_commerce::{CustomerId, OrderId, Timestamp};
use gearify_web::ports_lists::*;
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

pub(super) fn orders(
    db: &Connection,
    reader: &ListReader,
    scope: ListScope,
    query: &OrderQuery,
) -> Answer<ListPage<OrderRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let by_time = matches!(query.sort, OrderSort::Newest | OrderSort::Oldest);
    let order = Order {
        name: match query.sort {
            OrderSort::Newest => "orders-newest",
            OrderSort::Oldest => "orders-oldest",
            OrderSort::Dearest => "orders-dearest",
            OrderSort::Cheapest => "orders-cheapest",
        },
        table: match (query.customer, by_time) {
            (Some(_), true) => "orders INDEXED BY orders_by_customer",
            (None, true) => "orders INDEXED BY orders_by_time",
            (Some(_), false) => "orders",
            (None, false) => "orders INDEXED BY orders_by_total",
        },
        key: if by_time { "at" } else { "total" },
        id: "id",
        descending: matches!(query.sort, OrderSort::Newest | OrderSort::Dearest),
    };
    let text = query.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    if let Some(text) = text {
        return found_orders(db, reader, n, scope, order, query, text);
    }
    let axes = axes(db, n, query)?;
    let runs: Vec<Run> = match query.customer {
        Some(customer) => vec![customer_run(n, customer, query)],
        None => axes.iter().map(|axes| axes_run(n, axes, query)).collect(),
    };
    let is_by_axes = query.customer.is_none() && bounds(query).is_empty();
    let (total, total_exact) = match is_by_axes {
        true => capped(axes.iter().map(|axes| axes.count).sum()),
        false => total(db, order, &runs)?,
    };
    let spots = page(db, order, &runs, &query.page)?;
    filled(db, spots, (total, total_exact), |db, spot| order_row(db, n, &spot.id))
}

/// Orders that a text may mean. They are few, so they are filtered and sorted here.
fn found_orders(
    db: &Connection,
    reader: &ListReader,
    n: i64,
    scope: ListScope,
    order: Order,
    query: &OrderQuery,
    text: &str,
) -> Answer<ListPage<OrderRow>> {
    let mut ids: BTreeSet<Vec<u8>> = BTreeSet::new();
    ids.extend(with_number(db, n, text)?);
    ids.extend(with_term(db, n, ORDER_SKU, text.to_lowercase().as_bytes())?);
    ids.extend(reader.people(db, n, scope.tenant, text, [ORDER_EMAIL, ORDER_NAME])?);
    let mut spots = Vec::new();
    for id in ids {
        if let Some(row) = order_row(db, n, &id)?.filter(|row| fits(row, query)) {
            let key = Key::Int(if order.key == "at" { row.placed_at.as_millis() } else { row.total });
            spots.push(Spot { key, id });
        }
    }
    let total = capped(spots.len() as u64);
    let spots = page_of(spots, order, &query.page)?;
    filled(db, spots, total, |db, spot| order_row(db, n, &spot.id))
}

fn fits(row: &OrderRow, query: &OrderQuery) -> bool {
    has(&query.status, row.status)
        && has(&query.payment_status, row.payment_status)
        && has(&query.fulfillment_status, row.fulfillment_status)
        && query.customer.is_none_or(|customer| row.customer == Some(customer))
        && query.placed_from.is_none_or(|from| row.placed_at >= from)
        && query.placed_until.is_none_or(|until| row.placed_at < until)
        && query.total_min.is_none_or(|min| row.total >= min)
        && query.total_max.is_none_or(|max| row.total <= max)
}

fn has<T: PartialEq>(wanted: &[T], value: T) -> bool {
    wanted.is_empty() || wanted.contains(&value)
}

/// A combination of the three axes that exists.
pub(super) struct Axes {
    codes: [i64; 3],
    pub count: u64,
}

pub(super) fn axes(db: &Connection, scope: i64, query: &OrderQuery) -> Answer<Vec<Axes>> {
    let sql = "SELECT status, payment, fulfillment, count FROM order_axes WHERE scope = ?1 AND count > 0";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map([scope], |row| {
        Ok(Axes { codes: [row.get(0)?, row.get(1)?, row.get(2)?], count: row.get::<_, i64>(3)? as u64 })
    })?;
    let all = rows.collect::<Result<Vec<_>, _>>()?;
    let is_wanted = |axes: &Axes| {
        let [status, payment, fulfillment] = axes.codes;
        has_code(&query.status, status)
            && has_code(&query.payment_status, payment)
            && has_code(&query.fulfillment_status, fulfillment)
    };
    Ok(all.into_iter().filter(is_wanted).collect())
}

fn axes_run(scope: i64, axes: &Axes, query: &OrderQuery) -> Run {
    let mut run = Run {
        condition: "scope = ?1 AND status = ?2 AND payment = ?3 AND fulfillment = ?4".into(),
        values: [scope].iter().chain(&axes.codes).map(|code| Value::Integer(*code)).collect(),
    };
    add_bounds(&mut run, query);
    run
}

fn customer_run(scope: i64, customer: CustomerId, query: &OrderQuery) -> Run {
    let mut run = Run {
        condition: "scope = ?1 AND customer = ?2".into(),
        values: vec![Value::Integer(scope), Value::Blob(bytes(customer.bits()).to_vec())],
    };
    let axes = [
        ("status", query.status.iter().map(|s| s.code()).collect::<Vec<_>>()),
        ("payment", query.payment_status.iter().map(|s| s.code()).collect()),
        ("fulfillment", query.fulfillment_status.iter().map(|s| s.code()).collect()),
    ];
    for (column, codes) in axes.iter().filter(|(_, codes)| !codes.is_empty()) {
        let codes: Vec<String> = codes.iter().map(i64::to_string).collect();
        run.condition += &format!(" AND {column} IN ({})", codes.join(", "));
    }
    add_bounds(&mut run, query);
    run
}

fn bounds(query: &OrderQuery) -> Vec<(&'static str, i64)> {
    let time = |time: Option<Timestamp>| time.map(Timestamp::as_millis);
    let all = [
        ("at >=", time(query.placed_from)),
        ("at <", time(query.placed_until)),
        ("total >=", query.total_min),
        ("total <=", query.total_max),
    ];
    all.into_iter().filter_map(|(condition, value)| Some((condition, value?))).collect()
}

fn add_bounds(run: &mut Run, query: &OrderQuery) {
    for (condition, value) in bounds(query) {
        run.values.push(Value::Integer(value));
        run.condition += &format!(" AND {condition} ?{}", run.values.len());
    }
}

fn order_row(db: &Connection, scope: i64, id: &[u8]) -> Answer<Option<OrderRow>> {
    let sql = "SELECT number, at, status, payment, fulfillment, total, currency, pieces, first_sku, lines, customer,
                 country FROM orders WHERE scope = ?1 AND id = ?2";
    one(db, sql, scope, id, |row| {
        Ok(OrderRow {
            id: OrderId::from_bits(bits(id)),
            number: row.get(0)?,
            placed_at: Timestamp::from_millis(row.get(1)?),
            status: state(row, 2, OrderStatus::Placed)?,
            payment_status: state(row, 3, PaymentStatus::Unpaid)?,
            fulfillment_status: state(row, 4, FulfillmentStatus::Unfulfilled)?,
            total: row.get(5)?,
            currency: currency(row, 6)?,
            pieces: row.get(7)?,
            first_sku: row.get(8)?,
            lines: row.get(9)?,
            customer: row.get::<_, Option<Vec<u8>>>(10)?.map(|id| CustomerId::from_bits(bits(&id))),
            country: row.get(11)?,
        })
    })
}

fn with_number(db: &Connection, scope: i64, text: &str) -> Answer<Vec<Vec<u8>>> {
    let start = text.trim_start_matches('#').to_uppercase();
    if start.is_empty() || !start.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Ok(Vec::new());
    }
    let sql = "SELECT id FROM orders INDEXED BY orders_by_number
               WHERE scope = ?1 AND number_key >= ?2 AND number_key < ?3 ORDER BY number_key LIMIT ?4";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement
        .query_map(params![scope, start, after_prefix(&start), FOUND_MAX as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
