//! What must be true after every step of every story, as the offline audit has it for a node's files too.

use crate::stage::{Stage, look};
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::ORDERS;
use gearify_commerce::{ReadScope, Site, TenantId};
use gearify_node::audit;
use gearify_node::state::{GroupState, group_name};
use gearify_node::testpay::Statement;
use gearify_storage::{ProjectionDb, ProjectionError, SledOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Panics with what is wrong.
pub fn check(stage: &dyn Stage, tenant: TenantId) {
    look(stage, GroupKind::Region, tenant, |view| {
        let wrong = audit::shop(view).wrong;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    });
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

/// The orders in a stopped node's own state.
pub fn orders_in(data: &Path, tenant: TenantId) -> BTreeSet<String> {
    let kind = GroupKind::Region;
    let dir = data.join("groups").join(group_name(kind));
    let (state, set_aside) =
        GroupState::open(kind, &dir, SledOptions { cache_bytes: 8 << 20 }).expect("the state opens");
    assert!(set_aside.is_none(), "the state is whole");
    let view = ReadScope::new(&*state, tenant, Site::FIRST);
    ORDERS.list(&view, &(), usize::MAX).iter().map(|order| order.id.to_string()).collect()
}
