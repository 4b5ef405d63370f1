//! Lists: what the console, the account pages and the API page through, in `lists.db`; a further shard of the
//! region has a file of its own, so that it comes and goes with the shard.
//!
//! Events say which record changed; its row is then written from the record as it stands now. So that
//! this is never older than the event, an event waits until the state has applied its entry. Records
//! that keep no trace of what happened to them (movements, sales) are written from the events.
//!
//! Personal data: a person's e-mail and name are opened here, in memory, to compute keyed hashes; only
//! the hashes are stored.

mod codes;
mod orders;
mod page;
mod products;
#[cfg(test)]
mod products_tests;
mod read;
mod rows;
mod sharded;
mod stock;
pub mod synthetic;
#[cfg(test)]
mod tests;

use super::{Projected, Projector, ProjectorError, shard_name};
use crate::state::GroupState;
use gearify_commerce::catalog::Event as Catalog;
use gearify_commerce::customers::Event as Customers;
use gearify_commerce::event::{Envelope, Event};
use gearify_commerce::inventory::Event as Inventory;
use gearify_commerce::payments::Event as Payments;
use gearify_commerce::tenants::{Event as Tenants, Group};
use gearify_commerce::{
    CustomerId, GroupKind, OrderId, PaymentId, ProductId, Shard, Site, StockItemId, TenantId, Vault,
};
use gearify_storage::{EventPosition, ProjectionDb, ProjectionError, Schema};
pub use read::ListReader;
use rows::Writer;
pub use sharded::ShardedLists;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SCHEMA: Schema = Schema { version: 4, sql: include_str!("schema.sql") };

/// How long an event may wait for its entry: the state is behind the history only while it is rebuilt.
const STATE_WAIT: Duration = Duration::from_secs(2);

/// The states that rows are written from.
#[derive(Clone)]
pub struct States {
    pub world: Arc<GroupState>,
    pub catalogue: Arc<GroupState>,
    pub region: Arc<GroupState>,
}

impl States {
    pub fn of(&self, group: GroupKind) -> &Arc<GroupState> {
        match group {
            GroupKind::World => &self.world,
            GroupKind::Catalogue => &self.catalogue,
            GroupKind::Region => &self.region,
        }
    }

    /// Waits until a group's state has applied `index`.
    pub fn wait_for(&self, group: GroupKind, index: u64) -> Result<(), ProjectorError> {
        let state = self.of(group);
        let until = Instant::now() + STATE_WAIT;
        while state.applied_index() < index {
            if Instant::now() > until {
                return Err(ProjectorError::Broken(format!(
                    "the state is being rebuilt and has not reached entry {index} yet"
                )));
            }
            state.bell().wait(state.bell().count(), Duration::from_millis(50));
        }
        Ok(())
    }
}

pub struct Lists {
    db: Arc<ProjectionDb>,
    states: States,
    vault: Arc<dyn Vault>,
}

impl Lists {
    /// Opens `lists.db`, or begins it anew where it is damaged or of another version, and says so.
    pub fn open(
        path: &Path,
        states: States,
        vault: Arc<dyn Vault>,
    ) -> Result<(Lists, Option<ProjectionError>), ProjectionError> {
        let (db, reason) = ProjectionDb::open_or_rebuild(path, SCHEMA)?;
        Ok((Lists { db: Arc::new(db), states, vault }, reason))
    }

    /// What answers questions about the rows.
    pub fn reader(&self) -> ListReader {
        ListReader::new(self.db.clone(), self.vault.clone())
    }

    pub fn db(&self) -> Arc<ProjectionDb> {
        self.db.clone()
    }

    fn shard(&self) -> Shard {
        self.states.region.key().shard()
    }
}

/// The world first: rows are worded in the shop's language.
const GROUPS: &[GroupKind] = &[GroupKind::World, GroupKind::Catalogue, GroupKind::Region];
/// Of a further shard. Products stand in the first one's file alone.
const SHARD_GROUPS: &[GroupKind] = &[GroupKind::World, GroupKind::Region];

impl Projector for Lists {
    fn name(&self) -> &'static str {
        shard_name("lists", self.shard())
    }

    fn groups(&self) -> &'static [GroupKind] {
        if self.shard() == Shard::FIRST { GROUPS } else { SHARD_GROUPS }
    }

    fn position(&self, group: GroupKind) -> Result<Option<EventPosition>, ProjectorError> {
        Ok(self.db.position(self.states.of(group).name())?)
    }

    fn project(
        &mut self,
        group: GroupKind,
        events: &[Projected],
        to: EventPosition,
    ) -> Result<(), ProjectorError> {
        if let Some(last) = events.last() {
            self.states.wait_for(group, last.position.index)?;
        }
        let touched = Touched::by(events);
        self.db.transact(self.states.of(group).name(), to, |tx| {
            let writer = Writer { tx, states: &self.states, vault: &*self.vault };
            for event in events {
                writer.history(event)?;
            }
            for &(tenant, site, record) in &touched.records {
                writer.record(tenant, site, record)?;
            }
            Ok(())
        })
    }
}

/// A record whose row is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Touch {
    Shop,
    Product(ProductId),
    Item(StockItemId),
    Customer(CustomerId),
    // After customers: an order's row updates its customer's.
    Order(OrderId),
    Payment(PaymentId),
}

/// Records that a page of events is about, once each.
#[derive(Default)]
struct Touched {
    records: BTreeSet<(TenantId, Site, Touch)>,
}

impl Touched {
    fn by(events: &[Projected]) -> Touched {
        let mut touched = Touched::default();
        for Projected { envelope, .. } in events {
            touched.add(envelope);
        }
        touched
    }

    fn add(&mut self, envelope: &Envelope) {
        let mut touch = |record| {
            self.records.insert((envelope.tenant, envelope.site, record));
        };
        match &envelope.event {
            Event::Tenants(Tenants::Created { .. } | Tenants::Updated { group: Group::Settings, .. }) => {
                touch(Touch::Shop);
            }
            Event::Catalog(event) => product_of(event).into_iter().for_each(|id| touch(Touch::Product(id))),
            Event::Orders(event) => touch(Touch::Order(event.order())),
            Event::Payments(event) => touch(Touch::Payment(payment_of(event))),
            Event::Customers(
                Customers::CustomerRegistered { customer, .. }
                | Customers::CustomerUpdated { customer, .. }
                | Customers::CustomerErased { customer },
            ) => {
                touch(Touch::Customer(*customer));
            }
            Event::Inventory(Inventory::InventoryUpdated { changes, .. }) => {
                changes.iter().for_each(|change| touch(Touch::Item(change.item)));
            }
            Event::Inventory(Inventory::OutOfStock { item } | Inventory::LowStockAlert { item, .. }) => {
                touch(Touch::Item(*item));
            }
            _ => {}
        }
    }
}

fn product_of(event: &Catalog) -> Option<ProductId> {
    match event {
        Catalog::ProductCreated { product, .. }
        | Catalog::ProductUpdated { product, .. }
        | Catalog::ProductPublished { product, .. }
        | Catalog::ProductUnpublished { product, .. }
        | Catalog::ProductArchived { product, .. }
        | Catalog::VariantCreated { product, .. }
        | Catalog::VariantUpdated { product, .. }
        | Catalog::VariantArchived { product, .. } => Some(*product),
        _ => None,
    }
}

fn payment_of(event: &Payments) -> PaymentId {
    match event {
        Payments::PaymentInitiated { payment, .. }
        | Payments::PaymentAuthorised { payment, .. }
        | Payments::PaymentCompleted { payment, .. }
        | Payments::PaymentFailed { payment, .. }
        | Payments::PaymentVoided { payment, .. }
        | Payments::RefundInitiated { payment, .. }
        | Payments::RefundProcessed { payment, .. }
        | Payments::RefundFailed { payment, .. } => *payment,
    }
}
