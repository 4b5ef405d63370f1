//! Every field of every body, one at a time: of a wrong type, beyond its range, twice. The fields are those
//! that the description of the interface names, so that a new one is tested from its first day. Then what a
//! table can't know: records of other shops inside bodies, stale revisions, keys that come again.

use super::bad_input::{World, method};
use super::shopping::{Basket, address};
use crate::app::document_rows;
use crate::routes::{Body, Method, Row, TenantScope};
use crate::testing::Reply;
use serde_json::{Value, json};

/// The schema of a route's body, as the document has it.
pub(super) fn request_schema(document: &Value, row: &Row) -> Value {
    let path = row.path.replace('/', "~1");
    let pointer = format!(
        "/paths/{path}/{}/requestBody/content/application~1json/schema",
        row.method.as_str().to_ascii_lowercase()
    );
    resolved(document, document.pointer(&pointer).unwrap_or(&Value::Null))
}

/// The properties of a route's body with their schemas.
fn fields(document: &Value, row: &Row) -> Vec<(String, Value)> {
    let schema = request_schema(document, row);
    let properties = schema["properties"].as_object().cloned().unwrap_or_default();
    properties.into_iter().map(|(name, schema)| (name, resolved(document, &schema))).collect()
}

pub(super) fn resolved(document: &Value, schema: &Value) -> Value {
    let mut schema = schema.clone();
    loop {
        let one_of = ["oneOf", "anyOf"].iter().find_map(|key| schema[*key].as_array());
        let mut chosen = one_of.into_iter().flatten().filter(|one| one["type"] != "null");
        // Several kinds are left as they are.
        let chosen = chosen.next().filter(|_| chosen.next().is_none());
        let next = match (schema["$ref"].as_str(), chosen) {
            (Some(reference), _) => document.pointer(reference.trim_start_matches('#')).cloned(),
            (None, Some(one)) => Some(one.clone()),
            (None, None) => return schema,
        };
        schema = next.expect("references lead somewhere");
    }
}

pub(super) fn is_a(schema: &Value, kind: &str) -> bool {
    match &schema["type"] {
        Value::String(one) => one == kind,
        Value::Array(several) => several.iter().any(|one| one == kind),
        _ => false,
    }
}

/// JSON texts that do not fit a schema, whatever else the body says.
pub(super) fn misfits(schema: &Value) -> Vec<&'static str> {
    const TOO_LARGE: &str = "1180591620717411303424";
    if is_a(schema, "string") {
        vec!["7", "true", "[]", "{}"]
    } else if is_a(schema, "integer") && schema["minimum"] == 0 {
        vec!["\"7\"", "1.5", "[]", "{}", "-1", TOO_LARGE]
    } else if is_a(schema, "integer") {
        vec!["\"7\"", "1.5", "[]", "{}", TOO_LARGE]
    } else if is_a(schema, "boolean") {
        vec!["\"yes\"", "1", "[]", "{}"]
    } else if is_a(schema, "array") {
        vec!["\"a\"", "7", "{}"]
    } else if is_a(schema, "object") {
        vec!["\"a\"", "7", "[1]"]
    } else {
        // Of several kinds; none of them is a truth.
        vec!["true"]
    }
}

async fn document(world: &World) -> Value {
    world.shop.visitor().get("/api/v1/openapi.json").await.expect(200).json()
}

/// Routes with a JSON body whose record this world has.
fn with_bodies(world: &World) -> Vec<(Row, String)> {
    let rows = document_rows().into_iter().filter(|row| row.body == Body::Json);
    rows.map(|row| (world.path(&row), row))
        .filter(|(path, _)| !path.contains("/nothing"))
        .map(|(p, r)| (r, p))
        .collect()
}

#[tokio::test]
async fn every_field_of_every_body_is_refused_where_it_does_not_fit() {
    let world = World::make().await;
    let document = document(&world).await;
    let before = world.shop.backend.state_hash();
    let (mut routes, mut tried) = (0, 0);
    for (row, path) in with_bodies(&world) {
        let client = world.caller(&row);
        let fields = fields(&document, &row);
        assert!(!fields.is_empty(), "{} describes no field of its body", row.operation);
        routes += 1;
        for (name, schema) in fields {
            let pointer = format!("/{name}");
            let send = async |body: String| {
                client.send(method(&row), &path, Some("application/json"), body.into()).await
            };
            let points_there = |reply: &Reply, what: &str| {
                let found = reply.json()["errors"][0]["pointer"].as_str().unwrap_or_default().to_owned();
                assert!(
                    found == pointer || found.starts_with(&format!("{pointer}/")),
                    "{} {what}: {found}",
                    row.operation
                );
            };
            for misfit in misfits(&schema) {
                let what = format!("{name} = {misfit}");
                let reply = send(format!("{{\"{name}\": {misfit}}}")).await;
                points_there(&reply, &what);
                world.check(&row, &what, reply, 422, "validation").await;
                tried += 1;
            }
            let what = format!("{name} twice");
            let reply = send(format!("{{\"{name}\": null, \"{name}\": null}}")).await;
            points_there(&reply, &what);
            world.check(&row, &what, reply, 400, "malformed").await;
        }
        assert_eq!(world.shop.backend.state_hash(), before, "{} changed something", row.operation);
    }
    assert!(routes > 40 && tried > 600, "{tried} bodies of {routes} routes");
}

#[tokio::test]
async fn a_change_from_a_revision_that_is_gone_is_refused_by_every_route() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    let (mut seen, mut wrong) = (0, Vec::new());
    for (row, path) in with_bodies(&world) {
        if row.method != Method::Patch {
            continue;
        }
        // A body that changes nothing.
        let body = if row.operation == "change_line" { json!({ "quantity": 1 }) } else { json!({}) };
        for (tag, status, kind) in [
            ("\"999999\"", 412, "stale-version"),
            ("999999", 400, "malformed"),
            ("\"x\"", 400, "malformed"),
            ("\"1\", \"2\"", 400, "malformed"),
        ] {
            let reply =
                world.caller(&row).with("if-match", tag).json(method(&row), &path, body.clone()).await;
            let told = reply.json()["type"].as_str().unwrap_or_default().to_owned();
            if (reply.status.as_u16(), told.as_str()) != (status, &format!("/problems/{kind}")) {
                wrong.push(format!("{} {tag}: {} {told}", row.path, reply.status));
            }
        }
        seen += 1;
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(seen > 10, "{seen} routes");
    assert_eq!(world.shop.backend.state_hash(), before);
}

#[tokio::test]
async fn another_shops_records_are_not_there_whatever_is_sent_with_them() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    for (row, path) in with_bodies(&world) {
        // Each shop has its own attribute, page or SKU of the same name.
        let by_id = path.split('/').any(|part| part.len() > 26 && part.contains('_'));
        if !by_id || row.scope != TenantScope::Shop || !row.logins.api_key {
            continue;
        }
        let client = world.stranger.with("idempotency-key", row.operation).with("if-match", "\"1\"");
        let reply = client.json(method(&row), &path, json!({})).await;
        // What the body lacks may be said first; that the record is another shop's never is.
        let told = (reply.status.as_u16(), reply.problem());
        assert!(
            matches!((told.0, told.1.as_str()), (404, "not-found") | (422, "validation")),
            "{} {}: {told:?}",
            row.method.as_str(),
            row.path
        );
        assert_eq!(world.shop.backend.state_hash(), before, "{} changed something", row.operation);
    }
}

#[tokio::test]
async fn ids_of_another_shop_in_a_body_name_nothing() {
    let world = World::make().await;
    let stranger = &world.stranger;
    let id = |kind: &str| world.ids[kind].clone();
    let cart =
        world.shop.visitor_of("boundary.localhost").post("/api/v1/carts", json!({})).await.expect(201).json();
    let visitor = world
        .shop
        .visitor_of("boundary.localhost")
        .with("cart-token", cart["token"].as_str().unwrap())
        .with("idempotency-key", "k");
    let lines = format!("/api/v1/carts/{}/lines", cart["id"].as_str().unwrap());
    let before = world.shop.backend.state_hash();
    let not_there = async |reply: Reply, what: &str| {
        assert!(
            matches!(reply.status.as_u16(), 404 | 422),
            "{what}: {}",
            String::from_utf8_lossy(&reply.bytes)
        );
        assert_eq!(world.shop.backend.state_hash(), before, "{what}");
    };
    not_there(visitor.post(&lines, json!({ "variant_id": id("variants") })).await, "a variant in a cart")
        .await;
    not_there(visitor.post(&lines, json!({ "sku": "BALL" })).await, "a SKU in a cart").await;
    let order = json!({ "cart_id": id("carts"), "payment": { "provider": "test", "token": "tok_ok" } });
    not_there(visitor.post("/api/v1/orders", order).await, "a cart in an order").await;
    let login =
        json!({ "email": "pat@shopper.example", "password": "a long afternoon", "cart_id": id("carts") });
    let reply = visitor.post("/api/v1/auth/login", login).await;
    assert_eq!(reply.status.as_u16(), 401, "an account of another shop");
    let keyed = stranger.with("idempotency-key", "k2");
    let adjust = json!({ "sku": "BALL", "warehouse": id("warehouses"), "delta": 1, "reason": "received" });
    not_there(keyed.post("/api/v1/admin/inventory/adjustments", adjust).await, "a warehouse in a count")
        .await;
    let category = json!({ "name": { "en-GB": "Gloves" }, "slug": "gloves", "parent_id": id("categories") });
    not_there(keyed.post("/api/v1/admin/categories", category).await, "a parent of a category").await;
    let product = json!({ "product": {
        "slug": "x", "product_type": "bat", "name": { "en-GB": "X" }, "categories": [id("categories")],
        "attributes": {}, "options": []
    }, "variants": [{ "sku": "X" }] });
    not_there(keyed.post("/api/v1/admin/products", product).await, "a category of a product").await;
    let rate = json!({ "default_rate_id": id("rates") });
    let reply = keyed.patch("/api/v1/admin/settings/shop", rate).await;
    not_there(reply, "a delivery rate in the settings").await;
}

#[tokio::test]
async fn a_key_that_comes_again_with_another_body_is_refused() {
    let world = World::make().await;
    let shop = &world.shop;
    let (owner, operator) = (&world.owner, &world.operator);
    let basket = Basket::start(shop).await;
    basket.add("BALL", 1).await;
    let lines = basket.path("/lines");
    let order = format!("/api/v1/admin/orders/{}", world.ids["orders"]);
    let staff = |email: &str| json!({ "email": email, "name": "Sam", "role": "support" });
    let stock = |delta: i64| json!({ "sku": "BALL", "delta": delta, "reason": "received" });
    let cases = [
        (
            &basket.client,
            lines,
            json!({ "sku": "BALL", "quantity": 1 }),
            json!({ "sku": "BALL", "quantity": 2 }),
        ),
        (
            &world.customer,
            "/api/v1/me/addresses".to_owned(),
            json!({ "address": address() }),
            json!({ "address": address(), "default": true }),
        ),
        (owner, "/api/v1/admin/staff".to_owned(), staff("a@willow.example"), staff("b@willow.example")),
        (owner, "/api/v1/admin/inventory/adjustments".to_owned(), stock(1), stock(2)),
        (owner, format!("{order}/notes"), json!({ "text": "one" }), json!({ "text": "two" })),
        (
            owner,
            "/api/v1/admin/api-keys".to_owned(),
            json!({ "name": "A", "scopes": ["orders:read"] }),
            json!({ "name": "B", "scopes": ["orders:read"] }),
        ),
        (
            operator,
            format!("/platform/v1/tenants/{}/domains", world.ids["tenants"]),
            json!({ "host": "one.example" }),
            json!({ "host": "two.example" }),
        ),
    ];
    for (number, (client, path, first, second)) in cases.into_iter().enumerate() {
        let keyed = client.with("idempotency-key", &format!("the-same-{number}"));
        let reply = keyed.post(&path, first.clone()).await;
        assert!(reply.status.is_success(), "{path}: {}", String::from_utf8_lossy(&reply.bytes));
        let before = shop.backend.state_hash();
        let refused = keyed.post(&path, second).await.expect(422);
        assert_eq!(refused.problem(), "key-reused", "{path}");
        let again = keyed.post(&path, first).await;
        assert_eq!((again.status, again.text("idempotent-replayed")), (reply.status, "true"), "{path}");
        assert_eq!(shop.backend.state_hash(), before, "{path}");
    }
}
