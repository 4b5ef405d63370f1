//! Made-up rows, for benches and tests of lists at sizes that no demo has.

use super::codes::Coded;
use super::rows::bytes;
use super::{ListReader, SCHEMA};
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus};
use gearify_commerce::{OrderId, Site, TenantId, Timestamp, Vault, ids};
use gearify_storage::{EventPosition, ProjectionDb, ProjectionError};
use gearify_web::ports_lists::ListScope;
use rusqlite::params;
use std::path::Path;
use std::sync::Arc;

/// When the first made-up order was placed; the others follow a second apart.
pub const FIRST_AT_MS: i64 = 1_700_000_000_000;
/// Rows of one transaction.
const BATCH: u64 = 50_000;

/// Whose the made-up orders are.
pub fn scope() -> ListScope {
    ListScope::new(TenantId::from_bits(0x5eed), Site::FIRST)
}

/// The three axes of the `n`th order: most are paid and delivered, few wait.
pub fn axes(n: u64) -> (OrderStatus, PaymentStatus, FulfillmentStatus) {
    match n % 20 {
        0 => (OrderStatus::Confirmed, PaymentStatus::Paid, FulfillmentStatus::Unfulfilled),
        1 => (OrderStatus::Placed, PaymentStatus::Pending, FulfillmentStatus::Unfulfilled),
        2 => (OrderStatus::Cancelled, PaymentStatus::Unpaid, FulfillmentStatus::Unfulfilled),
        3 => (OrderStatus::Confirmed, PaymentStatus::PartiallyRefunded, FulfillmentStatus::Partial),
        _ => (OrderStatus::Completed, PaymentStatus::Paid, FulfillmentStatus::Delivered),
    }
}

/// The total of the `n`th order, in minor units: many are equal.
pub fn total(n: u64) -> i64 {
    1_000 + (n.wrapping_mul(2_654_435_761) % 400) as i64 * 250
}

pub fn id(n: u64) -> OrderId {
    OrderId::from_bits(ids::uuid_v7(placed_at(n), u128::from(n)))
}

pub fn placed_at(n: u64) -> Timestamp {
    Timestamp::from_millis(FIRST_AT_MS + n as i64 * 1_000)
}

/// A file with so many orders, and what answers questions about them.
pub fn orders(path: &Path, count: u64, vault: Arc<dyn Vault>) -> Result<ListReader, ProjectionError> {
    let db = ProjectionDb::open(path, SCHEMA)?;
    let ListScope { tenant, site } = scope();
    db.transact("scope", EventPosition::new(1, 0), |tx| {
        tx.execute(
            "INSERT INTO scopes (n, tenant, site) VALUES (1, ?1, ?2)",
            params![bytes(tenant.bits()), site.0],
        )?;
        Ok::<(), ProjectionError>(())
    })?;
    for first in (0..count).step_by(BATCH as usize) {
        db.transact("orders", EventPosition::new(first + 1, 0), |tx| {
            for n in first..(first + BATCH).min(count) {
                insert(tx, n)?;
            }
            Ok::<(), ProjectionError>(())
        })?;
    }
    Ok(ListReader::new(Arc::new(db), vault))
}

fn insert(tx: &rusqlite::Transaction<'_>, n: u64) -> Result<(), rusqlite::Error> {
    let (status, payment, fulfillment) = axes(n);
    let axes = [status.code(), payment.code(), fulfillment.code()];
    tx.prepare_cached(
        "INSERT INTO orders (scope, id, number, number_key, at, status, payment, fulfillment, total, currency, pieces,
           first_sku, lines, customer, country)
         VALUES (1, ?1, ?2, ?2, ?3, ?4, ?5, ?6, ?7, 'GBP', 1, 'SKU', 1, NULL, 'GB')",
    )?
    .execute(params![
        bytes(id(n).bits()),
        format!("S{n}"),
        placed_at(n).as_millis(),
        axes[0],
        axes[1],
        axes[2],
        total(n),
    ])?;
    tx.prepare_cached(
        "INSERT INTO order_axes (scope, status, payment, fulfillment, count) VALUES (1, ?1, ?2, ?3, 1)
         ON CONFLICT DO UPDATE SET count = count + 1",
    )?
    .execute(params![axes[0], axes[1], axes[2]])?;
    Ok(())
}
