//! Feeds the search index from catalogue events.
//!
//! Events say which product changed; its document is written from the record as it stands now. Each
//! tenant's index carries the position it was fed to in its own commit; beside them, `search.db` keeps
//! how far the events have been read. Feeding a change twice does no harm, so the two may differ.

use super::lists::States;
use super::{Projected, Projector, ProjectorError};
use crate::mended::Mended;
use crate::search::document::{category_names, change_of, document_of};
use gearify_commerce::catalog::{self, Event as Catalog, ProductStatus};
use gearify_commerce::event::Event;
use gearify_commerce::{GroupKind, ProductId, ReadScope, Site, TenantId, tenants};
use gearify_search::{Change, Document, Health, SearchIndexes};
use gearify_storage::{EventPosition, ProjectionDb, ProjectionError, Schema};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const SCHEMA: Schema = Schema { version: 2, sql: "" };
const NAME: &str = "search";
/// Products read at once while an index is built.
const BUILD_PAGE: usize = 500;

/// How far the catalogue's events have been fed, for answers.
#[derive(Clone, Default)]
pub struct FedTo {
    position: Arc<AtomicU64>,
    tenants: Arc<Mutex<BTreeSet<TenantId>>>,
}

impl FedTo {
    pub fn position(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Tenants whose index has been looked at in this process.
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        self.tenants.lock().clone()
    }
}

pub struct Feeder {
    db: ProjectionDb,
    indexes: Arc<SearchIndexes>,
    states: States,
    fed: FedTo,
    mended: Mended,
}

impl Feeder {
    pub fn open(
        path: &Path,
        indexes: Arc<SearchIndexes>,
        states: States,
        mended: Mended,
    ) -> Result<Feeder, ProjectionError> {
        let (db, reason) = ProjectionDb::open_or_rebuild(path, SCHEMA)?;
        mended.projection("search.db", reason);
        let fed = FedTo::default();
        fed.position.store(db.position(NAME)?.map_or(0, |position| position.index), Ordering::Release);
        Ok(Feeder { db, indexes, states, fed, mended })
    }

    pub fn fed_to(&self) -> FedTo {
        self.fed.clone()
    }

    /// Looks at the indexes of all tenants: one that is missing or was damaged is built from the state.
    pub fn check_all(&mut self) -> Result<(), ProjectorError> {
        let world = self.states.world.clone();
        let view = ReadScope::new(&*world, TenantId::PLATFORM, Site::NONE);
        let mut after = None;
        loop {
            let page = tenants::list(&view, after, tenants::LIST_MAX);
            for tenant in &page {
                self.check(tenant.id)?;
            }
            after = page.last().map(|tenant| tenant.id);
            if page.len() < tenants::LIST_MAX {
                return Ok(());
            }
        }
    }

    fn check(&mut self, tenant: TenantId) -> Result<(), ProjectorError> {
        if self.fed.tenants.lock().contains(&tenant) {
            return Ok(());
        }
        let state = self.indexes.state(&tenant.to_string())?;
        if let Health::NeedsRebuild { reason } = &state.health {
            self.mended.note(format!("search index of {tenant}"), reason);
        }
        if state.health != Health::Ready {
            self.build(tenant)?;
        }
        self.indexes.set_category_names(&tenant.to_string(), category_names(&self.catalogue(tenant)))?;
        self.fed.tenants.lock().insert(tenant);
        Ok(())
    }

    fn catalogue(&self, tenant: TenantId) -> ReadScope<'_> {
        ReadScope::new(&*self.states.catalogue, tenant, Site::NONE)
    }

    /// Builds a tenant's index from the catalogue as it stands.
    fn build(&self, tenant: TenantId) -> Result<(), ProjectorError> {
        let position = self.states.catalogue.applied_index();
        let documents = Documents::of(self.catalogue(tenant));
        Ok(self.indexes.rebuild(&tenant.to_string(), documents, position)?)
    }

    fn feed(&mut self, tenant: TenantId, touched: &Touched, to: u64) -> Result<(), ProjectorError> {
        self.check(tenant)?;
        if touched.everything {
            self.indexes.set_category_names(&tenant.to_string(), category_names(&self.catalogue(tenant)))?;
            return self.build(tenant);
        }
        let view = self.catalogue(tenant);
        let products = touched.products.iter().filter_map(|id| catalog::product(&view, *id));
        let changes: Vec<Change> = products.map(|product| change_of(&view, &product)).collect();
        let name = tenant.to_string();
        // A rebuilt index may be ahead of the events; the records it was built from were, too.
        let position = self.indexes.position(&name)?.max(to);
        Ok(self.indexes.apply(&name, changes, position)?)
    }
}

/// Every active product's document, read page by page.
pub struct Documents<'v> {
    view: ReadScope<'v>,
    after: Option<ProductId>,
    page: std::vec::IntoIter<catalog::Product>,
    is_last: bool,
}

impl<'v> Documents<'v> {
    /// What the index of a tenant is made of, from its catalogue.
    pub fn of(view: ReadScope<'v>) -> Documents<'v> {
        Documents { view, after: None, page: Vec::new().into_iter(), is_last: false }
    }
}

impl Iterator for Documents<'_> {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        loop {
            match self.page.next() {
                Some(product) if product.status == ProductStatus::Active => {
                    return Some(document_of(&self.view, &product));
                }
                Some(_) => {}
                None if self.is_last => return None,
                None => {
                    let page = catalog::products_after(&self.view, self.after, BUILD_PAGE);
                    self.is_last = page.len() < BUILD_PAGE;
                    self.after = page.last().map(|product| product.id);
                    self.page = page.into_iter();
                }
            }
        }
    }
}

#[derive(Default)]
struct Touched {
    products: BTreeSet<ProductId>,
    everything: bool,
}

fn touched_by(events: &[Projected]) -> BTreeMap<TenantId, Touched> {
    let mut tenants: BTreeMap<TenantId, Touched> = BTreeMap::new();
    for Projected { envelope, .. } in events {
        let Event::Catalog(event) = &envelope.event else { continue };
        let touched = tenants.entry(envelope.tenant).or_default();
        match event {
            Catalog::ProductCreated { product, .. }
            | Catalog::ProductUpdated { product, .. }
            | Catalog::ProductPublished { product, .. }
            | Catalog::ProductUnpublished { product, .. }
            | Catalog::ProductArchived { product, .. }
            | Catalog::VariantCreated { product, .. }
            | Catalog::VariantUpdated { product, .. }
            | Catalog::VariantArchived { product, .. } => {
                touched.products.insert(*product);
            }
            // Names and paths of categories, names of types and units of attributes are in documents.
            Catalog::CategoryPut { .. } | Catalog::ProductTypePut { .. } | Catalog::AttributePut { .. } => {
                touched.everything = true;
            }
            Catalog::OptionTypePut { .. }
            | Catalog::OptionValuePut { .. }
            | Catalog::AddOnPut { .. }
            | Catalog::MediaPut { .. } => {}
        }
    }
    tenants
}

impl Projector for Feeder {
    fn name(&self) -> &'static str {
        NAME
    }

    fn groups(&self) -> &'static [GroupKind] {
        &[GroupKind::Catalogue]
    }

    fn position(&self, _: GroupKind) -> Result<Option<EventPosition>, ProjectorError> {
        Ok(self.db.position(NAME)?)
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
        for (tenant, touched) in touched_by(events) {
            self.feed(tenant, &touched, to.index)?;
        }
        self.db.transact(NAME, to, |_| Ok::<(), ProjectorError>(()))?;
        self.fed.position.store(to.index, Ordering::Release);
        Ok(())
    }
}
