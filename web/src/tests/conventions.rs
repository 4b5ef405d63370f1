//! What holds for every answer.

use super::shopping::Basket;
use crate::app::{document_rows, rows};
use crate::gate::{Call, answer_relayed, decode_position, encode_position};
use crate::ports::Position;
use crate::ports_regions::{Elsewhere, RegionView, Regions, RelayError, Relayed, RelayedAnswer};
use crate::problem::{Kind, Problem};
use crate::routes::{Access, Body, Csrf, Idempotency, Route, routes};
use crate::settings::{Rates, Settings};
use crate::testing::{Client, Shopfront};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::{GroupKind, Shard, Site, TenantId, tenants};
use http::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn every_answer_names_its_request_and_continues_its_trace() {
    let shop = Shopfront::open();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let visitor = shop.visitor().with("traceparent", trace);
    for path in ["/api/v1/shop", "/api/v1/nothing", "/health/live", "/no/such/page"] {
        let reply = visitor.get(path).await;
        assert!(reply.text("request-id").starts_with("req_"), "{path}");
        assert!(reply.text("traceparent").starts_with("00-0af7651916cd43dd8448eb211c80319c-"), "{path}");
        assert_eq!(reply.text("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.text("content-security-policy").contains("frame-ancestors 'none'"), "{path}");
    }
    let problem = visitor.get("/api/v1/nothing").await.expect(404);
    assert_eq!(problem.json()["request_id"], problem.text("request-id"));
    assert_eq!(problem.json()["instance"], "/api/v1/nothing");
    let page = visitor.get("/no/such/page").await.expect(404);
    assert!(
        page.text("content-type").starts_with("text/html")
            && page.text("content-security-policy").contains("script-src 'self'")
    );
}

#[tokio::test]
async fn the_host_alone_says_whose_shop_it_is() {
    let shop = Shopfront::open();
    for host in ["willow.localhost", "WILLOW.localhost:8080", "willow.localhost.:8080"] {
        let view = shop.visitor_of(host).get("/api/v1/shop").await.expect(200).json();
        assert_eq!(view["slug"], "willow", "{host}");
    }
    let unknown = shop.visitor_of("nobody.example");
    assert_eq!(unknown.get("/api/v1/shop").await.expect(421).problem(), "unknown-host");
    assert_eq!(
        unknown.with("x-tenant-id", &shop.tenant.to_string()).get("/api/v1/shop").await.expect(421).problem(),
        "unknown-host"
    );
    assert_eq!(
        unknown.with("x-forwarded-host", "willow.localhost").get("/api/v1/shop").await.expect(421).problem(),
        "unknown-host"
    );
    unknown.get("/health/live").await.expect(200);
    shop.visitor_of("localhost").get("/api/v1/shop").await.expect(404);
    shop.visitor().get("/platform/v1/tenants").await.expect(404);
}

#[tokio::test]
async fn a_suspended_shop_is_closed_and_opens_again() {
    let shop = Shopfront::open();
    shop.backend.run(shop.tenant, tenants::Command::Suspend);
    let closed = shop.visitor().get("/api/v1/shop").await.expect(503);
    assert_eq!((closed.problem().as_str(), closed.text("retry-after")), ("shop-suspended", "3600"));
    shop.visitor_of("boundary.localhost").get("/api/v1/shop").await.expect(200);
    shop.backend.run(shop.tenant, tenants::Command::Resume);
    shop.visitor().get("/api/v1/shop").await.expect(200);
}

#[tokio::test]
async fn a_method_that_is_not_taken_says_which_are() {
    let shop = Shopfront::open();
    let refused = shop.visitor().delete("/api/v1/products").await.expect(405);
    assert_eq!(refused.problem(), "method-not-allowed");
    assert_eq!(refused.text("allow"), "GET,HEAD");
    let head = shop.visitor().send(Method::HEAD, "/api/v1/shop", None, Default::default()).await.expect(200);
    assert!(head.bytes.is_empty() && !head.text("etag").is_empty());
}

#[tokio::test]
async fn a_write_says_where_it_landed_and_a_read_waits_for_it() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    let body = json!({ "sku": "BALL", "quantity": 1 });
    let token = basket.client.post(&basket.path("/lines"), body).await.text("gearify-position").to_owned();
    let position = decode_position(1, &token).expect("a position of this cluster");
    let reads = |token: &str| basket.client.with("gearify-min-position", token);
    reads(&token).get(&basket.path("")).await.expect(200);
    let ahead = encode_position(1, Position { index: position.index + 100, ..position });
    let behind = reads(&ahead).get(&basket.path("")).await.expect(503);
    assert_eq!((behind.problem().as_str(), behind.text("retry-after")), ("not-caught-up", "1"));
    assert_eq!(reads("rubbish").get(&basket.path("")).await.expect(400).problem(), "malformed");
    let linear = basket.client.with("gearify-consistency", "linearizable");
    linear.get(&basket.path("")).await.expect(200);
    basket.client.with("gearify-consistency", "always").get(&basket.path("")).await.expect(400);
}

/// A node beside this one that has applied everything, or can't be reached.
struct Neighbour {
    is_up: bool,
    asked: Mutex<Vec<Relayed>>,
}

impl Regions for Neighbour {
    fn here(&self) -> String {
        "home".into()
    }

    fn elsewhere(&self, _: &str, _: TenantId, _: Site) -> Option<Elsewhere> {
        None
    }

    fn ahead(&self, position: Position) -> Option<Elsewhere> {
        (position.group == GroupKind::Region).then_some(Elsewhere::Node(2))
    }

    fn relay(&self, to: Elsewhere, request: Relayed) -> BoxFuture<'_, Result<RelayedAnswer, RelayError>> {
        assert_eq!(to, Elsewhere::Node(2));
        self.asked.lock().push(request);
        let answer = RelayedAnswer { status: 200, headers: Vec::new(), body: b"from there".to_vec() };
        std::future::ready(if self.is_up { Ok(answer) } else { Err(RelayError::Unreachable) }).boxed()
    }

    fn list(&self) -> Vec<RegionView> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_read_that_asks_for_more_than_is_here_goes_to_who_has_it() {
    for is_up in [true, false] {
        let neighbour = Arc::new(Neighbour { is_up, asked: Mutex::default() });
        let settings = Settings { waiting_read_timeout: Duration::from_millis(200), ..Settings::default() };
        let shop = Shopfront::beside(neighbour.clone(), settings);
        let ahead = Position { group: GroupKind::Region, shard: Shard::FIRST, index: 1 << 40 };
        let token = encode_position(1, ahead);
        let reader = shop.visitor().with("gearify-min-position", &token);
        let read = reader.get("/api/v1/shop").await.expect(if is_up { 200 } else { 503 });
        match is_up {
            true => assert_eq!(read.bytes.as_ref(), b"from there"),
            false => assert_eq!(read.problem(), "not-caught-up"),
        }
        let asked = std::mem::take(&mut *neighbour.asked.lock());
        assert_eq!((asked.len(), asked[0].target.as_str()), (1, "/api/v1/shop"));
        let said = asked[0].headers.iter().find(|(name, _)| name == "gearify-min-position");
        assert_eq!(
            said.map(|(_, value)| value.as_slice()),
            Some(token.as_bytes()),
            "it is asked for there too"
        );

        // What another node handed on is answered here, and what is here already needs nobody.
        let handed = [("host", "willow.localhost"), ("gearify-min-position", &token)];
        let headers = handed.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into();
        let handed = Relayed { headers, ..asked[0].clone() };
        assert_eq!(answer_relayed(shop.app.clone(), handed, false).await.status, 503);
        let known = encode_position(1, Position { index: 0, ..ahead });
        shop.visitor().with("gearify-min-position", &known).get("/api/v1/shop").await.expect(200);
        assert_eq!(neighbour.asked.lock().len(), 0);
    }
}

#[tokio::test]
async fn too_many_requests_are_told_when_to_come_back() {
    let rates = Rates { reads_per_second: 1, burst_seconds: 2, ..Rates::default() };
    let shop = Shopfront::with_settings(Settings { rates, ..Settings::default() });
    let visitor = shop.visitor();
    visitor.get("/api/v1/shop").await.expect(200);
    visitor.get("/api/v1/shop").await.expect(200);
    let refused = visitor.get("/api/v1/shop").await.expect(429);
    assert_eq!(refused.problem(), "too-many-requests");
    assert_eq!(refused.text("ratelimit-policy"), "\"reads\";q=2;w=2");
    assert!(refused.text("retry-after").parse::<u64>().unwrap() >= 1);
    shop.visitor_of("boundary.localhost").get("/api/v1/shop").await.expect(200);
    visitor.get("/health/live").await.expect(200);
}

/// Routes that misbehave, through the real gate.
fn misbehaving() -> Vec<Route> {
    async fn panic_now(_: Call) -> Result<(), Problem> {
        panic!("a bug")
    }
    async fn wait_long(_: Call) -> Result<(), Problem> {
        tokio::time::sleep(Duration::from_secs(60)).await;
        Ok(())
    }
    async fn fail_inside(_: Call) -> Result<(), Problem> {
        Err(Problem::internal("select * from secrets at /var/lib/gearify"))
    }
    routes! { "Tests", Api, Shop;
        Get "/api/v1/panic" panic_now: Open, NOBODY, Read, None, None, None, query(), request(), 200(), "Panics";
        Get "/api/v1/slow" wait_long: Open, NOBODY, Read, None, None, None, query(), request(), 200(), "Waits";
        Get "/api/v1/fails" fail_inside: Open, NOBODY, Read, None, None, None, query(), request(), 200(), "Fails";
    }
}

#[tokio::test]
async fn a_fault_on_this_side_is_a_problem_that_tells_nothing_of_the_inside() {
    let request_timeout = Duration::from_millis(200);
    let shop = Shopfront::with_settings(Settings { request_timeout, ..Settings::default() });
    let client = Client::new(crate::app::routed(shop.state.clone(), misbehaving()), "willow.localhost");
    let panicked = client.get("/api/v1/panic").await.expect(500);
    assert_eq!(panicked.problem(), "internal-error");
    let failed = client.get("/api/v1/fails").await.expect(500);
    assert!(!String::from_utf8_lossy(&failed.bytes).contains("secrets"));
    assert_eq!(client.get("/api/v1/slow").await.expect(408).problem(), "too-slow");
}

#[tokio::test]
async fn a_full_node_says_so_at_once() {
    let shop = Shopfront::with_settings(Settings {
        concurrent_requests_max: 1,
        request_timeout: Duration::from_millis(500),
        ..Settings::default()
    });
    let client = Client::new(crate::app::routed(shop.state.clone(), misbehaving()), "willow.localhost");
    let slow = client.get("/api/v1/slow");
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        client.get("/api/v1/fails").await
    };
    let (slow, other) = futures::join!(slow, other);
    slow.expect(408);
    assert_eq!(other.expect(503).problem(), "overloaded");
}

#[tokio::test]
async fn every_problem_type_has_its_page() {
    let shop = Shopfront::open();
    for kind in Kind::ALL {
        let page = shop.visitor().get(&format!("/problems/{}", kind.slug())).await.expect(200);
        assert!(String::from_utf8_lossy(&page.bytes).contains(kind.slug()));
    }
    shop.visitor().get("/problems/no-such-problem").await.expect(404);
}

#[tokio::test]
async fn the_description_of_the_interface_is_whole() {
    let shop = Shopfront::open();
    let document = shop.visitor().get("/api/v1/openapi.json").await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    let mut wanted = BTreeSet::new();
    references(&document, &mut wanted);
    for reference in wanted {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    for row in document_rows() {
        let pointer =
            format!("/paths/{}/{}", row.path.replace('/', "~1"), row.method.as_str().to_ascii_lowercase());
        assert_eq!(document.pointer(&pointer).unwrap()["operationId"], row.operation);
    }
    // An attribute's value is of any kind, as the answers show.
    let value = document.pointer("/components/schemas/AttributeView/properties/value").unwrap();
    assert!(value.is_object() && value.get("type").is_none(), "{value}");
    let page = shop.visitor().get("/api/v1/docs").await.expect(200);
    let page = String::from_utf8_lossy(&page.bytes).into_owned();
    assert!(!page.contains("<script") && !page.contains("style=") && page.contains("place_order"));
    let keys = shop.visitor().get("/.well-known/jwks.json").await.expect(200).json();
    assert_eq!(
        (&keys["keys"][0]["crv"], keys["keys"][0]["x"].as_str().unwrap().len()),
        (&json!("Ed25519"), 43)
    );
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| match value {
            Value::String(text) if name == "$ref" => {
                found.insert(text.clone());
            }
            value => references(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

#[test]
fn the_rows_keep_the_rules_of_the_table() {
    let rows = rows();
    let mut operations = BTreeSet::new();
    for row in &rows {
        assert!(operations.insert((row.operation, row.method.as_str(), row.path)), "{} twice", row.operation);
        assert!(row.path.starts_with('/') && !row.summary.is_empty(), "{}", row.operation);
        if row.method.is_read() {
            assert!(matches!(row.body, Body::None), "{} reads and takes a body", row.operation);
            assert_eq!(row.idempotency, Idempotency::None, "{}", row.operation);
        } else {
            assert!(row.csrf != Csrf::None || !row.logins.cookie, "{} is open to other sites", row.operation);
        }
        match row.access {
            Access::Staff(_) | Access::AnyStaff | Access::Operator(_) | Access::Customer => {
                assert!(!row.logins.guest, "{} takes guests", row.operation);
            }
            Access::Open | Access::Signed | Access::CartHolder | Access::OrderHolder => {}
        }
    }
    let money = [
        "place_order",
        "pay_order",
        "refund_order",
        "adjust_stock",
        "transfer_stock",
        "mark_payment_received",
    ];
    for row in document_rows().iter().filter(|row| money.contains(&row.operation)) {
        assert_eq!(row.idempotency, Idempotency::Required, "{} moves money or stock", row.operation);
    }
}
