//! One table of bad requests over every route of the API: each gets its problem and changes nothing.

use super::shopping::{Basket, address};
use crate::app::document_rows;
use crate::routes::{Access, Body, Idempotency, Row, TenantScope};
use crate::settings::{Rates, Settings};
use crate::testing::{Client, Reply, Shopfront};
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A shop with one record of each kind, and a caller for each kind of access.
pub(super) struct World {
    pub shop: Shopfront,
    /// Ids by the path segment before them.
    pub ids: BTreeMap<&'static str, String>,
    /// The hash of the shop's picture.
    pub picture: String,
    /// Of a member of staff who has no password yet.
    pub setup_token: String,
    /// The customer's.
    pub refresh_token: String,
    pub basket: Basket,
    pub holder: Client,
    pub customer: Client,
    pub owner: Client,
    pub support: Client,
    pub stranger: Client,
    pub operator: Client,
}

impl World {
    pub async fn make() -> World {
        World::with_settings(World::settings()).await
    }

    pub fn settings() -> Settings {
        Settings { rates: Rates { enabled: false, ..Rates::default() }, ..Settings::default() }
    }

    pub async fn with_settings(settings: Settings) -> World {
        let shop = Shopfront::with_settings(settings);
        let paid = Basket::start(&shop).await;
        paid.add("BALL", 1).await;
        paid.ready().await;
        let body = paid.order("tok_ok");
        let order =
            paid.client.with("idempotency-key", "k").post("/api/v1/orders", body).await.expect(201).json();
        let basket = Basket::start(&shop).await;
        let cart = basket.add("BALL", 1).await;
        basket.ready().await;
        let body = json!({ "email": "pat@shopper.example", "password": "a long afternoon", "name": "Pat" });
        let tokens = shop.visitor().post("/api/v1/auth/register", body).await.expect(201).json();
        let customer = shop.visitor().bearer(tokens["access_token"].as_str().unwrap());
        let saved =
            customer.post("/api/v1/me/addresses", json!({ "address": address() })).await.expect(201).json();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let owner = shop.owner().await;
        let mut ids = BTreeMap::from([
            ("carts", basket.id.clone()),
            ("lines", text(&cart["lines"][0]["id"])),
            ("orders", text(&order["id"])),
            ("order lines", text(&order["lines"][0]["id"])),
            ("payments", text(&order["payments"][0]["id"])),
            ("addresses", text(&saved["id"])),
            ("products", shop.product.to_string()),
            ("variants", shop.variants["BAT-SH"].to_string()),
            ("categories", shop.category.to_string()),
            ("add-ons", shop.knocking.to_string()),
            ("warehouses", shop.warehouse.to_string()),
            ("tenants", shop.tenant.to_string()),
            ("rates", shop.rate.to_string()),
        ]);
        ids.extend(super::merchant_ids(&owner).await);
        let picture = upload(&owner).await;
        ids.insert("media", text(&picture["id"]));
        let invite = json!({ "email": "late@willow.example", "name": "Late Cut", "role": "support" });
        let invited = owner.post("/api/v1/admin/staff", invite).await.expect(201).json();
        let holder = shop.visitor().with("order-token", order["order_token"].as_str().unwrap());
        let support = shop.staff("support@willow.example").await;
        let stranger = shop.staff("owner@boundary.example").await;
        let operator = shop.operator().await;
        World {
            shop,
            ids,
            picture: text(&picture["hash"]),
            setup_token: text(&invited["setup_token"]),
            refresh_token: text(&tokens["refresh_token"]),
            basket,
            holder,
            customer,
            owner,
            support,
            stranger,
            operator,
        }
    }

    /// Somebody who may use the route.
    pub fn caller(&self, row: &Row) -> Client {
        let client = match (row.access, row.scope) {
            (Access::CartHolder, _) => self.basket.client.clone(),
            (Access::OrderHolder, _) => self.holder.clone(),
            (Access::Customer, _) => self.customer.clone(),
            (Access::Staff(_) | Access::AnyStaff, _) => self.owner.clone(),
            (Access::Operator(_), _) => self.operator.clone(),
            (Access::Open | Access::Signed, TenantScope::Platform) => self.shop.visitor_of("localhost"),
            (Access::Open | Access::Signed, _) => self.basket.client.clone(),
        };
        match row.idempotency {
            Idempotency::Required => client.with("idempotency-key", "one"),
            _ => client,
        }
    }

    pub fn path(&self, row: &Row) -> String {
        let (mut first, mut second) = ("", "");
        let mut path = String::new();
        for segment in row.path.split('/').skip(1) {
            let longer = format!("{first}/{second}");
            let id = || self.ids.get(longer.as_str()).or_else(|| self.ids.get(second));
            let written = match segment.starts_with('{') {
                true => id().map_or("nothing", String::as_str),
                false => segment,
            };
            path = format!("{path}/{written}");
            (first, second) = (second, segment);
        }
        path
    }

    pub async fn check(&self, row: &Row, what: &str, reply: Reply, status: u16, kind: &str) {
        let told =
            format!("{} {} {what}: {}", row.method.as_str(), row.path, String::from_utf8_lossy(&reply.bytes));
        assert_eq!(reply.status.as_u16(), status, "{told}");
        assert_eq!(reply.problem(), kind, "{told}");
        assert_eq!(reply.json()["request_id"], reply.text("request-id"), "{told}");
    }
}

/// A small picture of the shop's own.
pub(super) async fn upload(owner: &Client) -> Value {
    let mut out = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(8, 4).write_to(&mut out, image::ImageFormat::Png).expect("a picture");
    let png = Bytes::from(out.into_inner());
    owner.send(Method::POST, "/api/v1/admin/media", Some("image/png"), png).await.expect(201).json()
}

pub(super) fn method(row: &Row) -> Method {
    row.method.as_str().parse().expect("a method")
}

/// A body that the route can at least read, so that what is refused is refused for another reason.
fn plain_body(row: &Row) -> (Option<&'static str>, Bytes) {
    match row.body {
        Body::Json => (Some("application/json"), Bytes::from_static(b"{}")),
        Body::Import => (Some("text/csv"), Bytes::from_static(b"sku\n")),
        Body::None | Body::Empty | Body::Form | Body::Upload | Body::Signed => (None, Bytes::new()),
    }
}

#[tokio::test]
async fn bad_bodies_are_refused_by_every_route_and_change_nothing() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    for row in document_rows().iter().filter(|row| row.body == Body::Json) {
        let (client, path) = (world.caller(row), world.path(row));
        let send = async |kind: Option<&str>, body: Bytes| client.send(method(row), &path, kind, body).await;
        const JSON: Option<&str> = Some("application/json");
        let check =
            async |what: &str, reply: Reply, status, kind| world.check(row, what, reply, status, kind).await;
        check("no JSON", send(JSON, "{\"".into()).await, 400, "malformed").await;
        check("nothing", send(JSON, Bytes::new()).await, 400, "malformed").await;
        check("not UTF-8", send(JSON, Bytes::from_static(b"{\"a\": \"\xff\"}")).await, 400, "malformed")
            .await;
        check("too deep", send(JSON, "[".repeat(5_000).into()).await, 400, "malformed").await;
        check("an unknown field", send(JSON, "{\"no_such_field\": 1}".into()).await, 400, "unknown-field")
            .await;
        check("a wrong type", send(JSON, "\"text\"".into()).await, 422, "validation").await;
        check("a list", send(JSON, "[1]".into()).await, 422, "validation").await;
        check("another type", send(Some("text/plain"), "{}".into()).await, 415, "unsupported-media-type")
            .await;
        check("no type", send(None, "{}".into()).await, 415, "unsupported-media-type").await;
        let latin = Some("application/json; charset=iso-8859-1");
        check("another charset", send(latin, "{}".into()).await, 415, "unsupported-media-type").await;
        let large = Bytes::from(vec![b' '; world.shop.state.settings.body_bytes_max + 1]);
        check("too much", send(JSON, large).await, 413, "body-too-large").await;
        assert_eq!(world.shop.backend.state_hash(), before, "{} changed something", row.operation);
    }
}

#[tokio::test]
async fn whoever_is_not_known_or_may_not_is_refused_by_every_route() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    for row in document_rows() {
        let host = if row.scope == TenantScope::Platform { "localhost" } else { "willow.localhost" };
        let (nobody, path) = (world.shop.visitor_of(host), world.path(&row));
        let (kind, body) = plain_body(&row);
        let send = async |client: &Client| {
            let client = client.with("idempotency-key", "one");
            client.send(method(&row), &path, kind, body.clone()).await
        };
        match row.access {
            Access::Open | Access::Signed => continue,
            Access::CartHolder | Access::OrderHolder if row.body == Body::Json => {}
            _ => world.check(&row, "nobody", send(&nobody).await, 401, "unauthorized").await,
        }
        let rubbish = nobody.bearer("rubbish");
        world.check(&row, "a token that is none", send(&rubbish).await, 401, "invalid-token").await;
        match row.access {
            Access::Staff(permission) => {
                world.check(&row, "a customer", send(&world.customer).await, 403, "forbidden").await;
                if !gearify_commerce::staff::Role::Support.may(permission) {
                    world.check(&row, "support", send(&world.support).await, 403, "forbidden").await;
                }
            }
            Access::Operator(_) => {
                world
                    .check(
                        &row,
                        "a shop's owner",
                        send(&world.owner.with("host", "localhost")).await,
                        401,
                        "invalid-token",
                    )
                    .await;
            }
            Access::Customer => world.check(&row, "staff", send(&world.owner).await, 403, "forbidden").await,
            Access::Open | Access::Signed | Access::AnyStaff | Access::CartHolder | Access::OrderHolder => {}
        }
        assert_eq!(world.shop.backend.state_hash(), before, "{} changed something", row.operation);
    }
}

#[tokio::test]
async fn money_and_stock_move_with_a_key_only() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    for row in document_rows().iter().filter(|row| row.idempotency == Idempotency::Required) {
        let path = world.path(row);
        let (kind, body) = plain_body(row);
        let client = world.caller(&Row { idempotency: Idempotency::None, ..row.clone() });
        let reply = client.send(method(row), &path, kind, body.clone()).await;
        world.check(row, "no key", reply, 400, "key-missing").await;
        for key in ["two words", &"k".repeat(256)] {
            let reply =
                client.with("idempotency-key", key).send(method(row), &path, kind, body.clone()).await;
            world.check(row, "a bad key", reply, 400, "malformed").await;
        }
    }
    assert_eq!(world.shop.backend.state_hash(), before);
}

#[tokio::test]
async fn another_tenants_records_are_not_there() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    for row in document_rows() {
        // Every shop has its own pages of the same names.
        let names_a_record =
            row.path.contains('{') && !row.path.contains("/pages/") && row.scope == TenantScope::Shop;
        if !names_a_record || !matches!(row.access, Access::Staff(_)) {
            continue;
        }
        let client = world.stranger.with("idempotency-key", row.operation).with("if-match", "\"1\"");
        let (kind, body) = plain_body(&row);
        let reply = client.send(method(&row), &world.path(&row), kind, body).await;
        match row.body {
            Body::None | Body::Empty => world.check(&row, "a stranger", reply, 404, "not-found").await,
            // What is wrong with the body may be told first: it says nothing of the record.
            _ => assert!(reply.status.is_client_error(), "{} took it: {}", row.operation, reply.status),
        }
        assert_eq!(world.shop.backend.state_hash(), before, "{} changed something", row.operation);
    }
}

/// Nobody opens a cart or an order of one shop at another one's host, whatever token comes along.
#[tokio::test]
async fn a_token_of_one_shop_opens_nothing_in_another() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    for row in document_rows() {
        if !matches!(row.access, Access::CartHolder | Access::OrderHolder | Access::Customer) {
            continue;
        }
        let (client, path) = (world.caller(&row).with("host", "boundary.localhost"), world.path(&row));
        let (kind, body) = plain_body(&row);
        let reply = client.with("idempotency-key", row.operation).send(method(&row), &path, kind, body).await;
        let told = format!("{}: {}", row.operation, String::from_utf8_lossy(&reply.bytes));
        assert!(reply.status.is_client_error(), "{told}");
        assert_eq!(world.shop.backend.state_hash(), before, "{told}");
    }
}

#[tokio::test]
async fn what_comes_before_the_body_is_bounded() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    let long = format!("/api/v1/products?q={}", "a".repeat(20_000));
    assert_eq!(visitor.get(&long).await.expect(414).problem(), "address-too-long");
    let large = visitor.with("cookie", &format!("a={}", "x".repeat(40_000)));
    assert_eq!(large.get("/api/v1/products").await.expect(431).problem(), "headers-too-large");
    for path in ["/", "/console"] {
        let page = large.get(path).await.expect(431);
        assert!(page.text("content-type").starts_with("text/html"), "{path}");
    }
    let twice = visitor.also("host", "boundary.localhost");
    assert_eq!(twice.get("/api/v1/shop").await.expect(400).problem(), "malformed");
    let many = (0..120).fold(visitor.clone(), |client, n| client.also("accept", &format!("text/x{n}")));
    assert_eq!(many.get("/api/v1/shop").await.expect(431).problem(), "headers-too-large");
}

#[tokio::test]
async fn unknown_parameters_and_hosts_are_refused_by_every_route() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    for row in document_rows() {
        let (client, path) = (world.caller(&row), world.path(&row));
        let (kind, body) = plain_body(&row);
        let asked = format!("{path}?no_such_parameter=1");
        if row.surface == crate::routes::Surface::Api && row.access != Access::Signed {
            let reply = client.with("if-match", "\"1\"").send(method(&row), &asked, kind, body.clone()).await;
            world.check(&row, "an unknown parameter", reply, 400, "unknown-parameter").await;
            let asked = format!("{path}?q=%ff%fe");
            let reply = client.with("if-match", "\"1\"").send(method(&row), &asked, kind, body.clone()).await;
            world.check(&row, "a query that is no UTF-8", reply, 400, "malformed").await;
        }
        if row.scope != TenantScope::Any {
            let reply = client.with("host", "nobody.example").send(method(&row), &path, kind, body).await;
            world.check(&row, "an unknown host", reply, 421, "unknown-host").await;
        }
    }
    assert_eq!(world.shop.backend.state_hash(), before);
}
