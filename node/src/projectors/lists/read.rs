//! Answering list questions.

use super::codes::*;
use super::orders::{axes, orders};
use super::page::{Key, Order, Run, Spot, Spots, failed, page, page_of, total};
use super::products::products;
use super::rows::{NAME_PURPOSE, bytes, words};
use super::stock::{movements, stock};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus};
use gearify_commerce::payments::PaymentState;
use gearify_commerce::{Currency, CustomerId, OrderId, PaymentId, Site, TenantId, Timestamp, Vault, sealed};
use gearify_storage::{ProjectionDb, ProjectionError};
use gearify_web::ports_lists::*;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Rows that a search by text looks at; more than a person pages through.
pub(super) const FOUND_MAX: usize = 10_000;

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
    pub(super) fn people(
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

pub(super) fn scope_run(scope: i64) -> Run {
    Run { condition: "scope = ?1".into(), values: vec![Value::Integer(scope)] }
}

pub(super) fn has_code<T: Coded>(wanted: &[T], code: i64) -> bool {
    wanted.is_empty() || wanted.iter().any(|wanted| wanted.code() == code)
}

/// Ids of records under one term.
pub(super) fn with_term(db: &Connection, scope: i64, kind: i64, term: &[u8]) -> Answer<Vec<Vec<u8>>> {
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

/// A text after every text that begins with `start`.
pub(super) fn after_prefix(start: &str) -> String {
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

pub(super) fn currency(row: &Row<'_>, column: usize) -> Result<Currency, rusqlite::Error> {
    let text: String = row.get(column)?;
    Currency::parse(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}

pub(super) fn bits(id: &[u8]) -> u128 {
    id.try_into().map_or(0, u128::from_be_bytes)
}
