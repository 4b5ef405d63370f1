//! What becomes due by the passing of time.
//!
//! Nothing changes by itself: the leader looks at the first planned row and proposes
//! [`Command::RunDue`], which runs what is due at the entry's time, a bounded number at once. A plan
//! that came too early (the cart was used again) plans itself anew.

use crate::bundle;
use crate::command::{Reply, apply_inner};
use crate::ids::{CartId, OrderId, PaymentId, ProductId, RefundId, SessionId, StockItemId, VariantId};
use crate::placement::ELSEWHERE;
use crate::scope::{Key, Scope};
use serde::{Deserialize, Serialize};

/// Something planned by a tenant's site.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Due {
    /// A cart's lifetime ends.
    Cart(CartId),
    /// A checkout hold ends.
    Hold(CartId),
    /// A cart with a contact was left alone.
    CartIdle(CartId),
    /// An order was not paid in time.
    Order(OrderId),
    /// A session's refresh family ends.
    Session(SessionId),
    /// A product goes on sale, or off it.
    Publication(ProductId),
    /// A limited price of a variant begins or ends.
    Prices(VariantId),
}
gearify_storage::first_version!(Due);

impl Key for Due {
    fn push(&self, out: &mut Vec<u8>) {
        let (kind, id) = match self {
            Due::Cart(id) => (1u8, id.bits()),
            Due::Hold(id) => (2, id.bits()),
            Due::CartIdle(id) => (3, id.bits()),
            Due::Order(id) => (4, id.bits()),
            Due::Session(id) => (5, id.bits()),
            Due::Publication(id) => (6, id.bits()),
            Due::Prices(id) => (7, id.bits()),
        };
        (kind, id).push(out);
    }
}

/// A call to somebody outside, or a look into another log, that the leader owes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Work {
    /// A payment attempt waits for the provider's word.
    Pay(PaymentId),
    /// A refund waits for the provider's word.
    Refund(RefundId),
    /// An item ran out: the catalogue, which is in another log, is asked what it was sold as. Since state version 8.
    Shelf(StockItemId),
}
gearify_storage::first_version!(Work);

impl Key for Work {
    fn push(&self, out: &mut Vec<u8>) {
        let (kind, id) = match self {
            Work::Pay(id) => (1u8, id.bits()),
            Work::Refund(id) => (2, id.bits()),
            Work::Shelf(id) => (3, id.bits()),
        };
        (kind, id).push(out);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Runs at most `limit` due plans.
    RunDue { limit: u16 },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {}

impl Event {
    pub fn name(&self) -> &'static str {
        match *self {}
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {}

/// A plan of a site that is arriving is looked at again after this time.
const ARRIVING_PAUSE_MS: i64 = 10_000;

/// One of a site that is leaving, after this time: it goes along, or is dropped once the site is gone.
const LEAVING_PAUSE_MS: i64 = 1_000;

/// Most plans one entry runs.
pub const DUE_MAX: u16 = 256;

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let Command::RunDue { limit } = command;
    Ok(run_due(scope, *limit))
}

/// Runs plans of this log. Each group has its own, so each has a command that comes here.
pub(crate) fn run_due(scope: &mut Scope<'_, '_>, limit: u16) -> Reply {
    for (tenant, site, due) in scope.take_due(limit.min(DUE_MAX).into()) {
        scope.within(tenant, site, |scope| {
            if bundle::is_arriving(scope) {
                scope.schedule(scope.at().plus_millis(ARRIVING_PAUSE_MS), &due);
                return;
            }
            if let Some(elsewhere) = ELSEWHERE.get(scope, &()) {
                if elsewhere.is_leaving {
                    scope.schedule(scope.at().plus_millis(LEAVING_PAUSE_MS), &due);
                }
                return;
            }
            for command in super::due(&due) {
                // A plan whose subject is gone or already further is answered by a refusal: nothing to do.
                let _ = apply_inner(scope, &command);
            }
        });
    }
    Reply::default()
}
