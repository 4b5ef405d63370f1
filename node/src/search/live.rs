//! Live columns: price and stock of every product in memory, carried forward by each entry.
//!
//! The machine reports events as it applies them; a thread of its own looks up what they changed and
//! writes the columns. A search first waits for what was applied before it came, so that a sale shows
//! on the next answer, whoever asks. Nothing is stored: at a start everything is read from the state.

use super::document::columns_of;
use crate::bell::Bell;
use crate::machine::Listener;
use crate::projectors::lists::States;
use crate::shards::Shards;
use gearify_commerce::event::{Envelope, Event};
use gearify_commerce::inventory::Event as Inventory;
use gearify_commerce::tenants::{self, Tenant};
use gearify_commerce::{
    GroupKind, ProductId, ReadScope, Site, StockItemId, TenantId, VariantId, catalog, pricing,
};
use gearify_search::{SearchError, SearchIndexes};
use gearify_storage::{MemoryEngine, Reader};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Products read at once while everything is loaded.
const LOAD_PAGE: usize = 500;
/// A search waits this long for its columns; then it answers with what there is.
const WAIT_MAX: Duration = Duration::from_millis(50);
/// From one round to the next while nobody waits: under load a product sold twice is looked up once.
const PACE: Duration = Duration::from_millis(50);
/// A stopped bell is noticed at once; this is only how long a thread sleeps in one piece.
const REST: Duration = Duration::from_secs(60);

/// The doorbell of the columns' thread: hears events, hands them over.
#[derive(Clone)]
pub struct Live {
    shared: Arc<Shared>,
}

struct Shared {
    work: Mutex<Work>,
    bell: Bell,
    /// Rings when somebody waits for the columns.
    wanted: Bell,
    /// How many reports have been worked off.
    done: watch::Sender<u64>,
}

#[derive(Default)]
struct Work {
    reports: u64,
    all: bool,
    tenants: BTreeSet<TenantId>,
    products: BTreeSet<(TenantId, ProductId)>,
    variants: BTreeSet<(TenantId, VariantId)>,
    items: BTreeSet<(TenantId, StockItemId)>,
}

impl Default for Live {
    fn default() -> Live {
        let work = Mutex::new(Work { all: true, reports: 1, ..Work::default() });
        let (bell, wanted, done) = (Bell::default(), Bell::default(), watch::Sender::new(0));
        Live { shared: Arc::new(Shared { work, bell, wanted, done }) }
    }
}

impl Live {
    /// Waits until what was reported before the call shows in the columns.
    pub async fn caught_up(&self) {
        let reports = self.shared.work.lock().reports;
        if *self.shared.done.borrow() >= reports {
            return;
        }
        self.shared.wanted.ring();
        let mut done = self.shared.done.subscribe();
        let reached = done.wait_for(|done| *done >= reports);
        let _ = tokio::time::timeout(WAIT_MAX, reached).await;
    }

    /// Whether everything has been loaded once.
    pub fn is_loaded(&self) -> bool {
        *self.shared.done.borrow() > 0
    }

    pub fn stop(&self) {
        self.shared.bell.stop();
        self.shared.wanted.stop();
    }

    fn report(&self, change: impl FnOnce(&mut Work)) {
        let mut work = self.shared.work.lock();
        change(&mut work);
        work.reports += 1;
        drop(work);
        self.shared.bell.ring();
    }
}

impl Listener for Live {
    fn applied(&self, _: GroupKind, events: &[Envelope]) {
        if !events.iter().any(matters) {
            return;
        }
        self.report(|work| {
            for envelope in events {
                add(work, envelope);
            }
        });
    }

    fn replaced(&self, _: GroupKind) {
        self.report(|work| work.all = true);
    }

    fn came(&self, tenant: TenantId) {
        self.report(|work| {
            work.tenants.insert(tenant);
        });
    }
}

fn matters(envelope: &Envelope) -> bool {
    matches!(
        envelope.event,
        Event::Catalog(_)
            | Event::Pricing(_)
            | Event::Tenants(_)
            | Event::Inventory(Inventory::InventoryUpdated { .. })
    )
}

fn add(work: &mut Work, envelope: &Envelope) {
    use catalog::Event as Catalog;
    let tenant = envelope.tenant;
    match &envelope.event {
        Event::Tenants(_) => {
            work.tenants.insert(tenant);
        }
        Event::Catalog(
            Catalog::ProductCreated { product, .. }
            | Catalog::ProductUpdated { product, .. }
            | Catalog::ProductPublished { product, .. }
            | Catalog::ProductUnpublished { product, .. }
            | Catalog::ProductArchived { product, .. }
            | Catalog::VariantCreated { product, .. }
            | Catalog::VariantUpdated { product, .. }
            | Catalog::VariantArchived { product, .. },
        ) => {
            work.products.insert((tenant, *product));
        }
        Event::Pricing(pricing::Event::PricesChanged { variant, .. }) => {
            work.variants.insert((tenant, *variant));
        }
        Event::Pricing(pricing::Event::PriceListPut { .. }) => {
            work.tenants.insert(tenant);
        }
        Event::Inventory(Inventory::InventoryUpdated { changes, .. }) => {
            work.items.extend(changes.iter().map(|change| (tenant, change.item)));
        }
        _ => {}
    }
}

/// The thread behind a [`Live`].
pub struct Worker {
    live: Live,
    states: States,
    shards: Shards,
    indexes: Arc<SearchIndexes>,
    /// Kits by the items they are made of: an item's own product is known by its id.
    kits: BTreeMap<(TenantId, StockItemId), BTreeSet<ProductId>>,
}

impl Worker {
    pub fn new(live: Live, states: States, shards: Shards, indexes: Arc<SearchIndexes>) -> Worker {
        Worker { live, states, shards, indexes, kits: BTreeMap::new() }
    }

    /// Works until the bell is stopped.
    pub fn run(mut self) {
        let shared = self.live.shared.clone();
        loop {
            let (seen, wanted, begun) = (shared.bell.count(), shared.wanted.count(), Instant::now());
            let work = {
                let mut work = shared.work.lock();
                let reports = work.reports;
                std::mem::replace(&mut *work, Work { reports, ..Work::default() })
            };
            let reports = work.reports;
            if let Err(error) = self.work_off(work) {
                tracing::error!(%error, "live columns could not be written; loading them again");
                shared.work.lock().all = true;
                std::thread::sleep(Duration::from_secs(1));
            } else {
                shared.done.send_replace(reports);
            }
            if !shared.bell.wait(seen, REST) {
                return;
            }
            shared.wanted.wait(wanted, PACE.saturating_sub(begun.elapsed()));
        }
    }

    fn work_off(&mut self, mut work: Work) -> Result<(), SearchError> {
        if work.all {
            self.kits.clear();
            work.tenants.extend(self.all_tenants());
        }
        for tenant in &work.tenants {
            self.load(*tenant)?;
        }
        for &(tenant, variant) in &work.variants {
            let view = self.catalogue(tenant);
            let product = catalog::variant(&view, variant).map(|variant| variant.product);
            work.products.extend(product.map(|product| (tenant, product)));
        }
        for &(tenant, item) in &work.items {
            let own =
                catalog::variant_of_stock_item(&self.catalogue(tenant), item).map(|variant| variant.product);
            let kits = self.kits.get(&(tenant, item)).into_iter().flatten().copied();
            work.products.extend(own.into_iter().chain(kits).map(|product| (tenant, product)));
        }
        work.products.retain(|(tenant, _)| !work.tenants.contains(tenant));
        for &(tenant, product) in &work.products {
            let Some(record) = self.tenant(tenant) else { continue };
            if let Some(product) = catalog::product(&self.catalogue(tenant), product) {
                self.write(&record, [product])?;
            }
        }
        Ok(())
    }

    fn all_tenants(&self) -> Vec<TenantId> {
        let view = ReadScope::new(&*self.states.world, TenantId::PLATFORM, Site::NONE);
        let mut all = Vec::new();
        loop {
            let page = tenants::list(&view, all.last().copied(), tenants::LIST_MAX);
            all.extend(page.iter().map(|tenant| tenant.id));
            if page.len() < tenants::LIST_MAX {
                return all;
            }
        }
    }

    fn load(&mut self, id: TenantId) -> Result<(), SearchError> {
        let Some(tenant) = self.tenant(id) else { return Ok(()) };
        let mut after = None;
        loop {
            let page = catalog::products_after(&self.catalogue(id), after, LOAD_PAGE);
            after = page.last().map(|product| product.id);
            let is_last = page.len() < LOAD_PAGE;
            self.write(&tenant, page)?;
            if is_last {
                return Ok(());
            }
        }
    }

    fn write(
        &mut self,
        tenant: &Tenant,
        products: impl IntoIterator<Item = catalog::Product>,
    ) -> Result<(), SearchError> {
        let states = self.states.clone();
        let catalogue = ReadScope::new(&*states.catalogue, tenant.id, Site::NONE);
        let shard = self.shards.serving(tenant.id, Site::FIRST).map(|parts| parts.handle.state.clone());
        // Nobody searches here for a shop whose stock is elsewhere, unless that can't be reached.
        let nothing = MemoryEngine::new();
        let stock: &dyn Reader = shard.as_ref().map_or(&nothing, |state| &**state);
        let region = ReadScope::new(stock, tenant.id, Site::FIRST);
        let mut rows = Vec::new();
        for product in products {
            self.note_kits(&catalogue, tenant.id, product.id);
            rows.push(columns_of(tenant, &catalogue, &region, &product));
        }
        self.indexes.columns(&tenant.id.to_string())?.load(rows)
    }

    fn note_kits(&mut self, catalogue: &ReadScope<'_>, tenant: TenantId, product: ProductId) {
        for variant in catalog::live_variants_of(catalogue, product).iter().filter(|variant| variant.is_kit())
        {
            for part in variant.stock_components() {
                self.kits.entry((tenant, part.item)).or_default().insert(product);
            }
        }
    }

    fn catalogue(&self, tenant: TenantId) -> ReadScope<'_> {
        ReadScope::new(&*self.states.catalogue, tenant, Site::NONE)
    }

    fn tenant(&self, tenant: TenantId) -> Option<Tenant> {
        tenants::get(&ReadScope::new(&*self.states.world, tenant, Site::NONE))
    }
}
