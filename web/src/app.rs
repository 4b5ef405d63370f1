//! Everything a request can reach, and the router made of the route table.

use crate::answers::Answers;
use crate::auth::{Keys, Passwords, Tokens};
use crate::gate::{ForeignPages, Guard, Limits, guarded, guarded_fallback};
use crate::ports::{Backend, Blobs};
use crate::ports_cluster::ClusterView;
use crate::ports_lists::Lists;
use crate::ports_regions::Regions;
use crate::ports_search::ProductSearch;
use crate::routes::{Route, Row, Surface, table};
use crate::settings::Settings;
use crate::shop::Shops;
use crate::sought::Sought;
use crate::storefront::Storefront;
use axum::Router;
use gearify_commerce::Timestamp;
use std::sync::Arc;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

/// What the node plugs in.
pub struct Parts {
    pub backend: Arc<dyn Backend>,
    pub blobs: Arc<dyn Blobs>,
    pub search: Arc<dyn ProductSearch>,
    pub lists: Arc<dyn Lists>,
    pub keys: Arc<dyn Keys>,
    pub clock: Arc<dyn Clock>,
    pub health: Arc<dyn Health>,
    pub regions: Arc<dyn Regions>,
    pub settings: Settings,
}

/// The time of day at the edge. Commands get theirs from the leader.
pub trait Clock: Send + Sync + 'static {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }
}

/// How the parts of the node are.
pub trait Health: Send + Sync + 'static {
    /// Name, whether it serves, and a word about it.
    fn parts(&self) -> Vec<PartHealth>;

    /// How the replicated groups stand. Looks at files, so it is asked on a thread that may wait.
    fn cluster(&self) -> ClusterView;
}

#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct PartHealth {
    pub part: String,
    pub ready: bool,
    pub detail: String,
}

/// Handed to every handler; a clone is one pointer.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

pub struct Inner {
    pub backend: Arc<dyn Backend>,
    pub blobs: Arc<dyn Blobs>,
    pub search: Arc<dyn ProductSearch>,
    pub lists: Arc<dyn Lists>,
    pub clock: Arc<dyn Clock>,
    pub health: Arc<dyn Health>,
    pub regions: Arc<dyn Regions>,
    pub settings: Settings,
    pub tokens: Tokens,
    pub passwords: Passwords,
    pub shops: Shops,
    pub limits: Limits,
    pub answers: Answers,
    pub storefront: Storefront,
    pub foreign_pages: ForeignPages,
    pub sought: Sought,
}

impl std::ops::Deref for AppState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl AppState {
    pub fn new(parts: Parts) -> AppState {
        let Parts { backend, blobs, search, lists, keys, clock, health, regions, settings } = parts;
        AppState(Arc::new(Inner {
            tokens: Tokens::new(keys),
            passwords: Passwords::new(),
            shops: Shops::default(),
            limits: Limits::new(&settings),
            answers: Answers::new(settings.answer_cache_bytes),
            storefront: Storefront::new(settings.answer_cache_bytes),
            foreign_pages: ForeignPages::new(settings.answer_cache_bytes),
            sought: Sought::default(),
            backend,
            blobs,
            search,
            lists,
            clock,
            health,
            regions,
            settings,
        }))
    }
}

/// The whole of the web as one service.
pub fn app(state: AppState) -> Router {
    routed(state, table())
}

pub(crate) fn routed(state: AppState, routes: Vec<Route>) -> Router {
    let mut router = Router::new();
    for Route { row, handler } in routes {
        let path = row.path;
        router = router.route(path, guarded(Guard::new(state.clone(), row), handler));
    }
    let router = guarded_fallback(state.clone(), router);
    // Bodies are compressed as they leave; the fastest level is worth it even for small pages.
    router.with_state(state).layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
}

/// The rows that the description of the interface has: pages are no part of it.
pub fn document_rows() -> Vec<Row> {
    let mut rows = rows();
    rows.retain(|row| matches!(row.surface, Surface::Api | Surface::Plain));
    rows
}

/// The rows alone, for documents and tests.
pub fn rows() -> Vec<Row> {
    table().into_iter().map(|route| route.row).collect()
}
