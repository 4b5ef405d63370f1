//! What must be true after every step of every story.
//!
//! Pieces: what is allocated is exactly what open orders want; what is reserved is exactly what carts
//! hold; nothing is below zero. Money: an order's paid sums are those of its payments; refunds never
//! exceed captures. These are the invariants that the offline audit checks on a node's files too.

use crate::stage::{Stage, look};
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{LEVELS, RESERVATIONS};
use gearify_commerce::orders::{ORDERS, OrderStatus};
use gearify_commerce::{ReadScope, StockItemId, TenantId, WarehouseId, payments};
use gearify_node::testpay::Statement;
use gearify_storage::{ProjectionDb, ProjectionError};
use std::collections::BTreeMap;

type Pieces = BTreeMap<(StockItemId, WarehouseId), i64>;

/// Panics with what is wrong.
pub fn check(stage: &dyn Stage, tenant: TenantId) {
    look(stage, GroupKind::Region, tenant, |view| {
        pieces_add_up(view);
        money_adds_up(view);
    });
}

fn pieces_add_up(view: &ReadScope<'_>) {
    let mut allocated = Pieces::new();
    for order in ORDERS.list(view, &(), usize::MAX) {
        let open = matches!(order.status, OrderStatus::Placed | OrderStatus::Confirmed);
        for allocation in order.lines.iter().flat_map(|line| &line.allocations) {
            assert!(open, "order {} is over but still has stock set aside", order.number);
            *allocated.entry((allocation.item, allocation.warehouse)).or_default() +=
                i64::from(allocation.quantity);
        }
    }
    let mut reserved = Pieces::new();
    for hold in RESERVATIONS.list(view, &(), usize::MAX) {
        for taken in &hold.taken {
            *reserved.entry((taken.item, taken.warehouse)).or_default() += i64::from(taken.quantity);
        }
    }
    let levels = LEVELS.rows(view, &(), usize::MAX);
    for (key, level) in levels {
        let (item, warehouse) = key.split_at(16);
        let bits = |bytes: &[u8]| u128::from_be_bytes(bytes.try_into().expect("ids have sixteen bytes"));
        let key = (StockItemId::from_bits(bits(item)), WarehouseId::from_bits(bits(warehouse)));
        assert_eq!(level.allocated, allocated.remove(&key).unwrap_or(0), "allocations of {} add up", key.0);
        assert_eq!(level.reserved, reserved.remove(&key).unwrap_or(0), "holds of {} add up", key.0);
        assert!(level.on_hand >= 0 && level.available() >= 0, "{} fell below zero: {level:?}", key.0);
    }
    assert!(allocated.is_empty() && reserved.is_empty(), "every promise has a level");
}

fn money_adds_up(view: &ReadScope<'_>) {
    for order in ORDERS.list(view, &(), usize::MAX) {
        let paid = payments::of_order(view, order.id);
        let sum = |of: fn(&payments::Payment) -> i64| paid.iter().map(of).sum::<i64>();
        assert_eq!(
            order.paid.captured,
            sum(|payment| payment.captured),
            "captures of {} add up",
            order.number
        );
        assert_eq!(
            order.paid.refunded,
            sum(|payment| payment.refunded),
            "refunds of {} add up",
            order.number
        );
        for payment in &paid {
            assert!(payment.captured <= payment.amount, "no payment captures more than was asked");
            assert!(
                payment.refunding >= 0 && payment.refundable() >= 0,
                "no payment gives back more than it took"
            );
        }
        if matches!(order.status, OrderStatus::Confirmed | OrderStatus::Completed) {
            assert!(
                order.paid.captured >= order.totals.total,
                "order {} is confirmed but not paid",
                order.number
            );
        }
    }
}

/// Compares the ledger with the test provider's book: every amount taken and given back, both ways.
///
/// # Panics
/// With what differs.
pub fn same_as_provider(ledger: &ProjectionDb, book: &Statement) {
    let sql = "SELECT reference, captured, refunded FROM payments WHERE provider = 'test' AND captured > 0";
    let ours = ledger.read(|db| {
        let mut rows = db.prepare(sql)?;
        let rows = rows.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?;
        Ok::<Moved, ProjectionError>(rows.collect::<Result<_, _>>()?)
    });
    let ours = ours.expect("the ledger can be read");
    let moved = book.payments.iter().filter(|payment| payment.amount_captured > 0);
    let theirs: Moved = moved
        .map(|payment| (payment.id.clone(), (payment.amount_captured, payment.amount_refunded)))
        .collect();
    assert_eq!(ours, theirs, "the ledger says what the provider's book says");
}

/// What was captured and given back, by the provider's name of the payment.
type Moved = BTreeMap<String, (i64, i64)>;
