//! What a request costs without sockets: the node's own router, asked in this process.
//!
//! One demo shop with 10,000 products is made for all of them. The order list is measured on a file of a
//! million rows, written by the projector's own code.

use axum::Router;
use axum::body::Body;
use criterion::{Criterion, criterion_group, criterion_main};
use gearify_commerce::Vault;
use gearify_commerce::orders::OrderStatus;
use gearify_node::blobs::NodeBlobs;
use gearify_node::demo::{self, Demo};
use gearify_node::health::NodeHealth;
use gearify_node::projectors::lists::{ListReader, synthetic};
use gearify_node::room::{Disk, RoomLimits};
use gearify_node::testing::TestCluster;
use gearify_node::vault::NodeVault;
use gearify_storage::seal::{MasterKey, SystemRandom};
use gearify_web::auth::{SigningKey, StaticKeys};
use gearify_web::ports_lists::{ListFrom, Lists, OrderQuery, OrderSort, PageRequest};
use gearify_web::ports_regions::OneRegion;
use gearify_web::{AppState, Parts, Rates, Settings, SystemClock};
use http_body_util::BodyExt;
use hyper::{Method, Request, StatusCode};
use serde_json::Value;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const PRODUCTS: u32 = 10_000;
const ORDERS: u64 = 1_000_000;
const PAGE_ROWS: usize = 50;

/// A node with one shop, and the router in front of it.
struct House {
    router: Router,
    slugs: Vec<String>,
    _cluster: TestCluster,
    _dir: tempfile::TempDir,
}

impl House {
    async fn open() -> House {
        let dir = tempfile::tempdir().expect("a folder for the node");
        let cluster = TestCluster::single(dir.path()).await.expect("a node starts");
        let core = &cluster.node(0).core;
        let mut made = Demo::load_or_create(dir.path()).expect("the demo has a folder");
        demo::make_shop(core, &mut made, "willow", PRODUCTS).await.expect("the shop is made");
        assert!(core.projected(Duration::from_secs(600)).await, "the projectors keep up");
        core.live().caught_up().await;
        let key = SigningKey::from_seed(&[7; 32]).expect("any seed makes a key");
        let disk = Arc::new(Disk::new(dir.path(), RoomLimits::default()));
        let state = AppState::new(Parts {
            backend: core.backend().clone(),
            blobs: Arc::new(NodeBlobs::new(core.blobs.clone(), core.backend().clone(), None, u64::MAX)),
            search: Arc::new(core.search.clone()),
            lists: Arc::new(core.shards.first().lists.clone()),
            keys: Arc::new(StaticKeys::new(key)),
            clock: Arc::new(SystemClock),
            health: Arc::new(NodeHealth::new(core, disk, None)),
            regions: Arc::new(OneRegion("home".into())),
            settings: Settings { rates: Rates { enabled: false, ..Rates::default() }, ..Settings::default() },
        });
        let mut house =
            House { router: gearify_web::app(state), slugs: Vec::new(), _cluster: cluster, _dir: dir };
        let list: Value = house.json(Method::GET, "/api/v1/products?limit=100", "").await;
        let slugs = list["data"].as_array().into_iter().flatten().filter_map(|one| one["slug"].as_str());
        house.slugs = slugs.map(str::to_owned).collect();
        assert_eq!(house.slugs.len(), 100);
        house
    }

    async fn ask(&self, request: Request<Body>) -> usize {
        let answer = self.router.clone().oneshot(request).await.expect("the router always answers");
        let status = answer.status();
        let body = answer.into_body().collect().await.expect("bodies in memory do not fail").to_bytes();
        assert!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&body));
        body.len()
    }

    async fn json(&self, method: Method, path: &str, body: &'static str) -> Value {
        let request = request(method, path, None, body);
        let answer = self.router.clone().oneshot(request).await.expect("the router always answers");
        assert!(matches!(answer.status(), StatusCode::OK | StatusCode::CREATED), "{}", answer.status());
        let body = answer.into_body().collect().await.expect("bodies in memory do not fail").to_bytes();
        serde_json::from_slice(&body).expect("an answer is JSON")
    }

    /// The cookie of somebody with a cart: their pages are theirs alone and rendered each time.
    async fn cart_cookie(&self) -> String {
        let cart = self.json(Method::POST, "/api/v1/carts", "{}").await;
        let text = |name: &str| cart[name].as_str().expect("a cart has an id and a token").to_owned();
        format!("__Host-cart={}~{}", text("id"), text("token"))
    }
}

fn request(method: Method, path: &str, cookie: Option<&str>, body: &'static str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", "willow.localhost");
    if let Some(cookie) = cookie {
        request = request.header("cookie", cookie);
    }
    if !body.is_empty() {
        request = request.header("content-type", "application/json");
    }
    request.body(Body::from(body)).expect("the request is well formed")
}

fn shop(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let house = runtime.block_on(House::open());
    let cookie = runtime.block_on(house.cart_cookie());
    let mut next = 0;
    let mut each =
        |criterion: &mut Criterion, name: &str, cookie: Option<&str>, path: &dyn Fn(usize) -> String| {
            criterion.bench_function(name, |bench| {
                bench.iter(|| {
                    next += 1;
                    let request = request(Method::GET, &path(next), cookie, "");
                    runtime.block_on(async { black_box(house.ask(request).await) })
                });
            });
        };
    let slug = |n: usize| &house.slugs[n % house.slugs.len()];
    each(criterion, "product JSON by slug, through the router", None, &|n| {
        format!("/api/v1/products/{}", slug(n))
    });
    each(criterion, "product page for a visitor, shared", None, &|n| format!("/p/{}", slug(n)));
    each(criterion, "product page for somebody with a cart, rendered", Some(&cookie), &|n| {
        format!("/p/{}", slug(n))
    });
    // The lowest price makes each question another, so that none is answered from a cache.
    each(criterion, "search with facets, 10,000 products", None, &|n| {
        const WORDS: [&str; 6] = ["bat", "gloves", "pads", "helmet", "willow", "bag"];
        format!("/api/v1/products?q={}&limit=24&price_min={n}", WORDS[n % WORDS.len()])
    });
    drop(house);
    runtime.shutdown_timeout(Duration::from_secs(10));
}

fn page_of(
    reader: &ListReader,
    runtime: &Runtime,
    status: &[OrderStatus],
    page: PageRequest,
) -> Option<String> {
    let query =
        OrderQuery { status: status.to_vec(), sort: OrderSort::Newest, page, ..OrderQuery::default() };
    let page = runtime.block_on(reader.orders(synthetic::scope(), query)).expect("the list answers");
    assert_eq!(page.data.len(), PAGE_ROWS);
    page.next_cursor
}

/// A page of the console's order list: the first, and one a thousand pages in, reached as a person
/// reaches it.
fn order_list(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime starts");
    let dir = tempfile::tempdir().expect("a folder for the list");
    let key = MasterKey::generate(&SystemRandom).expect("the system has randomness");
    let vault: Arc<dyn Vault> = Arc::new(NodeVault::new(key));
    let reader =
        synthetic::orders(&dir.path().join("lists.db"), ORDERS, vault).expect("a million rows are written");
    let mut group = criterion.benchmark_group("order list, 1,000,000 orders");
    for (name, status) in
        [("all", &[][..]), ("filtered", &[OrderStatus::Confirmed, OrderStatus::Completed][..])]
    {
        let first = PageRequest { limit: PAGE_ROWS, from: ListFrom::Start };
        let mut thousandth = first.clone();
        for _ in 1..1_000 {
            let cursor = page_of(&reader, &runtime, status, thousandth).expect("there are more orders");
            thousandth = PageRequest { limit: PAGE_ROWS, from: ListFrom::Cursor(cursor) };
        }
        group.bench_function(format!("{name}, first page"), |bench| {
            bench.iter(|| black_box(page_of(&reader, &runtime, status, first.clone())));
        });
        group.bench_function(format!("{name}, thousandth page"), |bench| {
            bench.iter(|| black_box(page_of(&reader, &runtime, status, thousandth.clone())));
        });
    }
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(40).measurement_time(Duration::from_secs(5));
    targets = shop, order_list
}
criterion_main!(benches);
