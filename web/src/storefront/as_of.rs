//! How far the state had come when something was read, and whether it still stands.

use crate::answers::catalogue_sequence;
use crate::app::AppState;
use crate::ports::with_scope;
use crate::ports_search::Availability;
use crate::read::stock::Needs;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Site, TenantId, Timestamp};
use std::sync::atomic::{AtomicU64, Ordering};

/// The tenant's catalogue as it was. The log is shared by all tenants; only the tenant's own events
/// make something old.
pub struct CatalogueAsOf {
    index: AtomicU64,
    sequence: u64,
}

impl CatalogueAsOf {
    /// To be taken before reading: what is read later is at least as new.
    pub fn now(state: &AppState, tenant: TenantId) -> CatalogueAsOf {
        let index = AtomicU64::new(state.backend.applied(GroupKind::Catalogue, tenant));
        CatalogueAsOf { index, sequence: catalogue_sequence(state, tenant) }
    }

    pub fn still_holds(&self, state: &AppState, tenant: TenantId) -> bool {
        let index = state.backend.applied(GroupKind::Catalogue, tenant);
        if self.index.load(Ordering::Relaxed) == index {
            return true;
        }
        let same = catalogue_sequence(state, tenant) == self.sequence;
        if same {
            self.index.store(index, Ordering::Relaxed);
        }
        same
    }
}

/// What a page says about stock, to be compared with what stock says now.
pub enum Shelf {
    /// Nothing.
    Unsaid,
    /// Of these variants.
    Said(Vec<(Needs, Availability)>),
    /// Of many: good for as long as the region's log rests, or for this many milliseconds.
    Summary { stale_ms: i64 },
}

/// [`Shelf`] with the position it was read at.
pub struct StockAsOf {
    index: AtomicU64,
    at: Timestamp,
    shelf: Shelf,
}

impl StockAsOf {
    pub fn new(index: u64, at: Timestamp, shelf: Shelf) -> StockAsOf {
        StockAsOf { index: AtomicU64::new(index), at, shelf }
    }

    pub fn still_holds(&self, state: &AppState, tenant: TenantId, now: Timestamp) -> bool {
        let index = state.backend.applied(GroupKind::Region, tenant);
        if self.index.load(Ordering::Relaxed) == index {
            return true;
        }
        let same = match &self.shelf {
            Shelf::Unsaid => true,
            Shelf::Said(said) => {
                with_scope(&*state.backend, GroupKind::Region, tenant, Site::FIRST, |region| {
                    said.iter().all(|(needs, said)| needs.availability(region) == *said)
                })
            }
            Shelf::Summary { stale_ms } => return now.millis_since(self.at) < *stale_ms,
        };
        if same {
            self.index.store(index, Ordering::Relaxed);
        }
        same
    }
}
