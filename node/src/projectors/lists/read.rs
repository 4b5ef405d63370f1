//! Answering list questions.

use super::codes::*;
use super::page::{Key, Order, Run, Spot, Spots, failed, page, page_of, total};
use super::products::products;
use super::rows::{NAME_PURPOSE, bytes, words};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus};
use gearify_commerce::payments::PaymentState;
use gearify_commerce::{
    Currency, CustomerId, OrderId, PaymentId, Site, StockItemId, TenantId, Timestamp, Vault, WarehouseId,
    sealed,
};
use gearify_storage::{ProjectionDb, ProjectionError};
use gearify_web::ports_lists::*;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rows that a search by text looks at; more than a person pages through.
const FOUND_MAX: usize = 10_000;

/// Reads `lists.db`. Cheap to clone.
#[derive(Clone)]
pub struct ListReader {
    db: Arc<ProjectionDb>,
    vault: Arc<dyn Vault>,
}

/// Lets faults of the projection and refusals travel together.
pub(super) enum Fault {
    List(ListFault),
    Projection(ProjectionError),
}

impl From<ProjectionError> for Fault {
    fn from(error: ProjectionError) -> Fault {
        Fault::Projection(error)
    }
}

impl From<ListFault> for Fault {
    fn from(fault: ListFault) -> Fault {
        Fault::List(fault)
    }
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Fault {
        Fault::Projection(error.into())
    }
}

pub(super) type Answer<T> = Result<T, Fault>;

impl ListReader {
    pub fn new(db: Arc<ProjectionDb>, vault: Arc<dyn Vault>) -> ListReader {
        ListReader { db, vault }
    }

    /// Runs a question on a thread that may block.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &ListReader) -> Answer<T> + Send + 'static,
    ) -> BoxFuture<'_, Result<T, ListFault>> {
        let reader = self.clone();
        let run = move || {
            let answer = reader.db.read(|db| question(db, &reader));
            answer.map_err(|fault| match fault {
                Fault::List(fault) => fault,
                Fault::Projection(error) => failed(error),
            })
        };
        async move { tokio::task::spawn_blocking(run).await.map_err(failed)? }.boxed()
    }

    fn hash(&self, tenant: TenantId, purpose: &str, text: &str) -> Vec<u8> {
        self.vault.hash(tenant, purpose, text.as_bytes()).to_vec()
    }

    /// People's records by e-mail address or by words of their name.
    fn people(
        &self,
        db: &Connection,
        scope: i64,
        tenant: TenantId,
        text: &str,
        kinds: [i64; 2],
    ) -> Answer<Vec<Vec<u8>>> {
        let [email, name] = kinds;
        if text.contains('@') {
            return with_term(db, scope, email, &self.hash(tenant, "email", &sealed::normal_email(text)));
        }
        let found =
            words(text).map(|word| with_term(db, scope, name, &self.hash(tenant, NAME_PURPOSE, &word)));
        all_of(found)
    }
}

impl Lists for ListReader {
    fn orders(
        &self,
        scope: ListScope,
        query: OrderQuery,
    ) -> BoxFuture<'_, Result<ListPage<OrderRow>, ListFault>> {
        self.ask(move |db, reader| orders(db, reader, scope, &query))
    }

    fn customers(
        &self,
        scope: ListScope,
        query: CustomerQuery,
    ) -> BoxFuture<'_, Result<ListPage<CustomerRow>, ListFault>> {
        self.ask(move |db, reader| customers(db, reader, scope, &query))
    }

    fn products(
        &self,
        tenant: TenantId,
        query: ProductQuery,
    ) -> BoxFuture<'_, Result<ListPage<ProductRow>, ListFault>> {
        self.ask(move |db, _| products(db, ListScope::new(tenant, Site::NONE), &query))
    }

    fn stock(
        &self,
        scope: ListScope,
        query: StockQuery,
    ) -> BoxFuture<'_, Result<ListPage<StockRow>, ListFault>> {
        self.ask(move |db, _| stock(db, scope, &query))
    }

    fn movements(
        &self,
        scope: ListScope,
        query: MovementQuery,
    ) -> BoxFuture<'_, Result<ListPage<MovementRow>, ListFault>> {
        self.ask(move |db, _| movements(db, scope, &query))
    }

    fn payments(
        &self,
        scope: ListScope,
        query: PaymentQuery,
    ) -> BoxFuture<'_, Result<ListPage<PaymentRow>, ListFault>> {
        self.ask(move |db, _| payments(db, scope, &query))
    }

    fn sales(
        &self,
        scope: ListScope,
        from: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<SalesSlot>, ListFault>> {
        self.ask(move |db, _| sales(db, scope, from, until))
    }

    fn waiting(&self, scope: ListScope) -> BoxFuture<'_, Result<Waiting, ListFault>> {
        self.ask(move |db, _| waiting(db, scope))
    }
}

fn orders(
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
struct Axes {
    codes: [i64; 3],
    count: u64,
}

fn axes(db: &Connection, scope: i64, query: &OrderQuery) -> Answer<Vec<Axes>> {
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

pub(super) fn has_code<T: Coded>(wanted: &[T], code: i64) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted.code() == code)
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

fn customers(
    db: &Connection,
    reader: &ListReader,
    scope: ListScope,
    query: &CustomerQuery,
) -> Answer<ListPage<CustomerRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let (name, table, key) = match query.sort {
        CustomerSort::Newest => ("customers-newest", "customers INDEXED BY customers_by_time", "at"),
        CustomerSort::Spent => ("customers-spent", "customers INDEXED BY customers_by_spent", "spent"),
        CustomerSort::LastOrder => {
            ("customers-last", "customers INDEXED BY customers_by_last", "coalesce(last_order_at, 0)")
        }
    };
    let order = Order { name, table, key, id: "id", descending: true };
    let fill = |db: &Connection, spot: &Spot| customer_row(db, n, &spot.id);
    let text = query.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let Some(text) = text else {
        let runs = [scope_run(n)];
        return filled(db, page(db, order, &runs, &query.page)?, total(db, order, &runs)?, fill);
    };
    let mut spots = Vec::new();
    for id in reader.people(db, n, scope.tenant, text, [CUSTOMER_EMAIL, CUSTOMER_NAME])? {
        if let Some(row) = customer_row(db, n, &id)? {
            let key = match query.sort {
                CustomerSort::Newest => row.registered_at.as_millis(),
                CustomerSort::Spent => row.spent,
                CustomerSort::LastOrder => row.last_order_at.map_or(0, Timestamp::as_millis),
            };
            spots.push(Spot { key: Key::Int(key), id });
        }
    }
    let total = capped(spots.len() as u64);
    filled(db, page_of(spots, order, &query.page)?, total, fill)
}

fn customer_row(db: &Connection, scope: i64, id: &[u8]) -> Answer<Option<CustomerRow>> {
    let sql = "SELECT at, orders, spent, last_order_at FROM customers WHERE scope = ?1 AND id = ?2";
    one(db, sql, scope, id, |row| {
        Ok(CustomerRow {
            id: CustomerId::from_bits(bits(id)),
            registered_at: Timestamp::from_millis(row.get(0)?),
            orders: row.get(1)?,
            spent: row.get(2)?,
            last_order_at: row.get::<_, Option<i64>>(3)?.map(Timestamp::from_millis),
        })
    })
}

fn stock(db: &Connection, scope: ListScope, query: &StockQuery) -> Answer<ListPage<StockRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let mut run = scope_run(n);
    let mut add = |condition: &str, value: Value| {
        run.values.push(value);
        run.condition += &condition.replace('?', &format!("?{}", run.values.len()));
    };
    if let Some(sku) = query.sku.as_deref().map(|sku| sku.trim().to_lowercase()).filter(|sku| !sku.is_empty())
    {
        add(" AND sku_key >= ?", Value::Text(sku.clone()));
        add(" AND sku_key < ?", Value::Text(after_prefix(&sku)));
    }
    if let Some(warehouse) = query.warehouse {
        add(" AND substr(place, 17) = ?", Value::Blob(bytes(warehouse.bits()).to_vec()));
    }
    if query.low {
        run.condition +=
            " AND substr(place, 1, 16) IN (SELECT item FROM stock_items WHERE scope = ?1 AND low = 1)";
    }
    let table = match query.warehouse {
        Some(_) => "stock INDEXED BY stock_by_warehouse",
        None => "stock",
    };
    let order = Order { name: "stock", table, key: "sku_key", id: "place", descending: false };
    let runs = [run];
    filled(db, page(db, order, &runs, &query.page)?, total(db, order, &runs)?, |db, spot| {
        stock_row(db, n, spot)
    })
}

fn stock_row(db: &Connection, scope: i64, spot: &Spot) -> Answer<Option<StockRow>> {
    let Key::Text(sku_key) = &spot.key else { return Ok(None) };
    let (item, warehouse) = spot.id.split_at(16);
    let sql =
        "SELECT i.sku, s.on_hand, s.reserved, s.allocated, s.incoming, s.unavailable, s.safety, s.available,
                 i.low_at FROM stock s JOIN stock_items i ON i.scope = s.scope AND i.item = ?4
               WHERE s.scope = ?1 AND s.sku_key = ?2 AND s.place = ?3";
    let mut statement = db.prepare_cached(sql)?;
    let row = statement.query_row(params![scope, sku_key, spot.id, item], |row| {
        Ok(StockRow {
            item: StockItemId::from_bits(bits(item)),
            sku: row.get(0)?,
            warehouse: WarehouseId::from_bits(bits(warehouse)),
            on_hand: row.get(1)?,
            reserved: row.get(2)?,
            allocated: row.get(3)?,
            incoming: row.get(4)?,
            unavailable: row.get(5)?,
            safety: row.get(6)?,
            available: row.get(7)?,
            low_at: row.get(8)?,
        })
    });
    Ok(row.optional()?)
}

fn movements(db: &Connection, scope: ListScope, query: &MovementQuery) -> Answer<ListPage<MovementRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let item = match (&query.item, &query.sku) {
        (Some(item), _) => Some(bytes(item.bits()).to_vec()),
        (None, Some(sku)) => match item_of_sku(db, n, sku)? {
            Some(item) => Some(item),
            None => return Ok(empty()),
        },
        (None, None) => None,
    };
    let mut run = scope_run(n);
    let mut add = |column: &str, id: Vec<u8>| {
        run.values.push(Value::Blob(id));
        run.condition += &format!(" AND {column} = ?{}", run.values.len());
    };
    let table = match (item, query.order) {
        (Some(item), order) => {
            add("item", item);
            order.into_iter().for_each(|order| add("order_id", bytes(order.bits()).to_vec()));
            "movements INDEXED BY movements_by_item"
        }
        (None, Some(order)) => {
            add("order_id", bytes(order.bits()).to_vec());
            "movements INDEXED BY movements_by_order"
        }
        (None, None) => "movements",
    };
    let order = Order { name: "movements", table, key: "log_index", id: "place", descending: true };
    let runs = [run];
    filled(db, page(db, order, &runs, &query.page)?, total(db, order, &runs)?, |db, spot| {
        movement_row(db, n, spot)
    })
}

fn item_of_sku(db: &Connection, scope: i64, sku: &str) -> Answer<Option<Vec<u8>>> {
    let sql = "SELECT substr(place, 1, 16) FROM stock WHERE scope = ?1 AND sku_key = ?2 LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![scope, sku.trim().to_lowercase()], |row| row.get(0)).optional()?)
}

fn movement_row(db: &Connection, scope: i64, spot: &Spot) -> Answer<Option<MovementRow>> {
    let Key::Int(log_index) = spot.key else { return Ok(None) };
    let sql =
        "SELECT m.at, m.item, coalesce(i.sku, ''), m.warehouse, m.delta, m.on_hand, m.available, m.cause,
                 m.order_id, m.actor
               FROM movements m LEFT JOIN stock_items i ON i.scope = m.scope AND i.item = m.item
               WHERE m.scope = ?1 AND m.log_index = ?2 AND m.place = ?3";
    let mut statement = db.prepare_cached(sql)?;
    let row = statement.query_row(params![scope, log_index, spot.id], |row| {
        Ok(MovementRow {
            at: Timestamp::from_millis(row.get(0)?),
            item: StockItemId::from_bits(bits(&row.get::<_, Vec<u8>>(1)?)),
            sku: row.get(2)?,
            warehouse: WarehouseId::from_bits(bits(&row.get::<_, Vec<u8>>(3)?)),
            delta: row.get(4)?,
            on_hand: row.get(5)?,
            available: row.get(6)?,
            cause: row.get(7)?,
            order: row.get::<_, Option<Vec<u8>>>(8)?.map(|id| OrderId::from_bits(bits(&id))),
            actor: row.get(9)?,
        })
    });
    Ok(row.optional()?)
}

fn payments(db: &Connection, scope: ListScope, query: &PaymentQuery) -> Answer<ListPage<PaymentRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let from = Value::Integer(query.from.map_or(i64::MIN, Timestamp::as_millis));
    let wanted = if query.state.is_empty() { PaymentState::ALL.to_vec() } else { query.state.clone() };
    let (table, runs) = match query.order {
        Some(order) => {
            let codes: Vec<String> = wanted.iter().map(|state| state.code().to_string()).collect();
            let condition =
                format!("scope = ?1 AND order_id = ?2 AND at >= ?3 AND state IN ({})", codes.join(", "));
            let values = vec![Value::Integer(n), Value::Blob(bytes(order.bits()).to_vec()), from];
            ("payments INDEXED BY payments_by_order", vec![Run { condition, values }])
        }
        None => {
            let run = |state: &PaymentState| Run {
                condition: "scope = ?1 AND state = ?2 AND at >= ?3".into(),
                values: vec![Value::Integer(n), Value::Integer(state.code()), from.clone()],
            };
            ("payments INDEXED BY payments_by_state", wanted.iter().map(run).collect())
        }
    };
    let order = Order { name: "payments", table, key: "at", id: "id", descending: true };
    filled(db, page(db, order, &runs, &query.page)?, total(db, order, &runs)?, |db, spot| {
        payment_row(db, n, &spot.id)
    })
}

fn payment_row(db: &Connection, scope: i64, id: &[u8]) -> Answer<Option<PaymentRow>> {
    let sql = "SELECT order_id, provider, state, amount, captured, refunded, currency, decline_code, at FROM payments
               WHERE scope = ?1 AND id = ?2";
    one(db, sql, scope, id, |row| {
        Ok(PaymentRow {
            id: PaymentId::from_bits(bits(id)),
            order: OrderId::from_bits(bits(&row.get::<_, Vec<u8>>(0)?)),
            provider: row.get(1)?,
            state: state(row, 2, PaymentState::Pending)?,
            amount: row.get(3)?,
            captured: row.get(4)?,
            refunded: row.get(5)?,
            currency: currency(row, 6)?,
            decline_code: row.get(7)?,
            created_at: Timestamp::from_millis(row.get(8)?),
        })
    })
}

fn sales(db: &Connection, scope: ListScope, from: Timestamp, until: Timestamp) -> Answer<Vec<SalesSlot>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(Vec::new()) };
    let sql = "SELECT slot, currency, orders, pieces, total FROM sales
               WHERE scope = ?1 AND slot >= ?2 AND slot < ?3 ORDER BY slot, currency";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![n, from.as_millis(), until.as_millis()], |row| {
        Ok(SalesSlot {
            start: Timestamp::from_millis(row.get(0)?),
            currency: currency(row, 1)?,
            orders: row.get(2)?,
            pieces: row.get(3)?,
            total: row.get(4)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn waiting(db: &Connection, scope: ListScope) -> Answer<Waiting> {
    let Some(n) = scope_number(db, scope)? else { return Ok(Waiting::default()) };
    let count_orders = |query: OrderQuery| -> Answer<u64> {
        Ok(capped(axes(db, n, &query)?.iter().map(|axes| axes.count).sum()).0)
    };
    let to_ship = count_orders(OrderQuery {
        status: vec![OrderStatus::Confirmed],
        fulfillment_status: vec![FulfillmentStatus::Unfulfilled, FulfillmentStatus::Partial],
        ..OrderQuery::default()
    })?;
    let to_pay = count_orders(OrderQuery { status: vec![OrderStatus::Placed], ..OrderQuery::default() })?;
    let week_ago = jiff::Timestamp::now().as_millisecond() - FAILED_FOR_MS;
    let count = |sql: &str, values: &[i64]| -> Answer<u64> {
        let mut statement = db.prepare_cached(sql)?;
        let count: i64 = statement.query_row(rusqlite::params_from_iter(values), |row| row.get(0))?;
        Ok(count as u64)
    };
    let failed_payments = count(
        "SELECT count(*) FROM (SELECT 1 FROM payments INDEXED BY payments_by_state
           WHERE scope = ?1 AND state = ?2 AND at >= ?3 LIMIT 10000)",
        &[n, PaymentState::Failed.code(), week_ago],
    )?;
    let low_stock = count(
        "SELECT count(*) FROM (SELECT 1 FROM stock_items INDEXED BY stock_items_low
           WHERE scope = ?1 AND low = 1 LIMIT 10000)",
        &[n],
    )?;
    Ok(Waiting { to_ship, to_pay, failed_payments, low_stock })
}

pub(super) fn scope_number(db: &Connection, scope: ListScope) -> Answer<Option<i64>> {
    let sql = "SELECT n FROM scopes WHERE tenant = ?1 AND site = ?2";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![bytes(scope.tenant.bits()), scope.site.0], |row| row.get(0)).optional()?)
}

fn scope_run(scope: i64) -> Run {
    Run { condition: "scope = ?1".into(), values: vec![Value::Integer(scope)] }
}

/// Ids of records under one term.
fn with_term(db: &Connection, scope: i64, kind: i64, term: &[u8]) -> Answer<Vec<Vec<u8>>> {
    let sql = "SELECT id FROM terms WHERE scope = ?1 AND kind = ?2 AND term = ?3 ORDER BY id DESC LIMIT ?4";
    let mut statement = db.prepare_cached(sql)?;
    let rows = statement.query_map(params![scope, kind, term, FOUND_MAX as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Ids of records under a term that begins so.
pub(super) fn beginning_with(db: &Connection, scope: i64, kind: i64, start: &str) -> Answer<Vec<Vec<u8>>> {
    if start.is_empty() {
        return Ok(Vec::new());
    }
    let sql =
        "SELECT DISTINCT id FROM terms WHERE scope = ?1 AND kind = ?2 AND term >= ?3 AND term < ?4 LIMIT ?5";
    let mut statement = db.prepare_cached(sql)?;
    let end = gearify_storage::table::prefix_end(start.as_bytes());
    let rows = statement
        .query_map(params![scope, kind, start.as_bytes(), end, FOUND_MAX as i64], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
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

/// A text after every text that begins with `start`.
fn after_prefix(start: &str) -> String {
    format!("{start}\u{10ffff}")
}

/// What is in every one of the sets; nothing if there is none.
pub(super) fn all_of(sets: impl Iterator<Item = Answer<Vec<Vec<u8>>>>) -> Answer<Vec<Vec<u8>>> {
    let mut common: Option<BTreeSet<Vec<u8>>> = None;
    for set in sets {
        let set: BTreeSet<Vec<u8>> = set?.into_iter().collect();
        common = Some(match common {
            Some(common) => common.intersection(&set).cloned().collect(),
            None => set,
        });
    }
    Ok(common.unwrap_or_default().into_iter().collect())
}

pub(super) fn capped(total: u64) -> (u64, bool) {
    (total.min(TOTAL_MAX), total <= TOTAL_MAX)
}

pub(super) fn filled<T>(
    db: &Connection,
    spots: Spots,
    (total, total_exact): (u64, bool),
    fill: impl Fn(&Connection, &Spot) -> Answer<Option<T>>,
) -> Answer<ListPage<T>> {
    let rows =
        spots.spots.iter().filter_map(|spot| fill(db, spot).transpose()).collect::<Answer<Vec<T>>>()?;
    let Spots { next_cursor, prev_cursor, .. } = spots;
    Ok(ListPage { data: rows, next_cursor, prev_cursor, total, total_exact })
}

pub(super) fn empty<T>() -> ListPage<T> {
    ListPage { data: Vec::new(), next_cursor: None, prev_cursor: None, total: 0, total_exact: true }
}

pub(super) fn one<T>(
    db: &Connection,
    sql: &str,
    scope: i64,
    id: &[u8],
    read: impl FnOnce(&Row<'_>) -> Result<T, rusqlite::Error>,
) -> Answer<Option<T>> {
    Ok(db.prepare_cached(sql)?.query_row(params![scope, id], read).optional()?)
}

pub(super) fn state<T: Coded>(row: &Row<'_>, column: usize, _: T) -> Result<T, rusqlite::Error> {
    let code: i64 = row.get(column)?;
    T::from_code(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(column, code))
}

fn currency(row: &Row<'_>, column: usize) -> Result<Currency, rusqlite::Error> {
    let text: String = row.get(column)?;
    Currency::parse(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

pub(super) fn bits(id: &[u8]) -> u128 {
    id.try_into().map_or(0, u128::from_be_bytes)
}
