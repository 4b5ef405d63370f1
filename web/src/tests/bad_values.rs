//! Every value of every body, at every depth, spoiled one at a time: another type, out of range, far too long,
//! another shop's, beside a field that nobody knows. Each is told where it stands and changes nothing.

use super::bad_examples::{Example, examples, of_the_neighbour};
use super::bad_fields::{is_a, misfits, request_schema, resolved};
use super::bad_input::{World, method};
use crate::app::document_rows;
use crate::routes::{Body, Idempotency, Method, Row};
use crate::testing::{Client, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Longer than any text that is kept.
const TOO_LONG: usize = 200_000;
/// The first whole number that a script's number can't tell from its neighbour.
const BEYOND_SCRIPTS: i64 = (1 << 53) + 1;

/// Where a value out of range, or one that names nothing, is taken all the same.
const TAKEN: [(&str, &str); 8] = [
    // Pieces may be counted out.
    ("adjust_stock", "/delta"),
    // Whoever is signed out already is signed out.
    ("log_out", "/refresh_token"),
    // A cart that can't be moved is left where it is; signing in does not fail for it.
    ("log_in", "/cart_id"),
    ("log_in", "/cart_token"),
    ("register", "/cart_id"),
    ("register", "/cart_token"),
    // A shop that has this language says so in it, any other in its own.
    ("register", "/locale"),
    ("change_me", "/locale"),
];

/// A value inside a body.
struct Spot {
    pointer: String,
    schema: Value,
    value: Value,
}

fn spots(document: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<Spot>) {
    let schema = resolved(document, schema);
    match value {
        Value::Null => return,
        Value::Object(members) => {
            for (name, member) in members {
                let own = schema["properties"].get(name).unwrap_or(&schema["additionalProperties"]);
                let at = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
                spots(document, own, member, &at, found);
            }
        }
        Value::Array(items) => {
            for (place, item) in items.iter().enumerate() {
                spots(document, &schema["items"], item, &format!("{at}/{place}"), found);
            }
        }
        _ => {}
    }
    found.push(Spot { pointer: at.to_owned(), schema, value: value.clone() });
}

/// What must be answered to a spoiled body.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    /// 422 that points at the value, or at what it is a part of.
    Validation,
    /// 400 that points at the field.
    UnknownField,
    /// Whatever refuses it: what it says may depend on the state of things. A value that a rule of the shop refuses
    /// is pointed at in its own record, which a body may hold within another.
    Refusal,
}

struct Spoiled {
    what: String,
    pointer: String,
    body: Value,
    answer: Answer,
}

fn spoil(example: &Example, spot: &Spot, neighbours: &BTreeMap<String, String>) -> Vec<Spoiled> {
    let Spot { pointer, schema, value } = spot;
    let put = |what: String, new: Value, answer| {
        let mut body = example.body.clone();
        *body.pointer_mut(pointer).expect("the spot is in the body") = new;
        Spoiled { what: format!("{pointer} = {what}"), pointer: pointer.clone(), body, answer }
    };
    let mut all = Vec::new();
    if schema["properties"].is_object() {
        let mut more = value.clone();
        more["no_such_field"] = json!(1);
        let mut with_more = put("more".into(), more, Answer::UnknownField);
        with_more.pointer = format!("{pointer}/no_such_field");
        all.push(with_more);
    }
    if pointer.is_empty() {
        return all;
    }
    all.extend(misfits(schema).into_iter().map(|misfit| {
        let new = serde_json::from_str(misfit).expect("JSON");
        put(misfit.into(), new, Answer::Validation)
    }));
    if TAKEN.contains(&(example.operation, pointer.as_str())) {
        return all;
    }
    if is_a(schema, "integer") || value.is_i64() {
        for number in [-1, BEYOND_SCRIPTS, i64::MAX, i64::MIN] {
            all.push(put(number.to_string(), json!(number), Answer::Refusal));
        }
    }
    if let Some(text) = value.as_str() {
        all.push(put("far too long".into(), json!("x".repeat(TOO_LONG)), Answer::Refusal));
        let kind = text.rsplit_once('_').filter(|(_, id)| id.len() == 26).map(|(kind, _)| kind);
        if let Some(kind) = kind.filter(|kind| !matches!(*kind, "session" | "line" | "payment" | "staff")) {
            let theirs = neighbours.get(kind).unwrap_or_else(|| panic!("the neighbour has no {kind}"));
            all.push(put(format!("another shop's {kind}"), json!(theirs), Answer::Refusal));
        }
    }
    all
}

/// Whoever may send it, from the revision that stands, under a key of its own.
fn sender(world: &World, row: &Row, example: &Example, key: &str) -> Client {
    let client = world.caller(row);
    let client = match row.idempotency {
        Idempotency::None => client,
        _ => client.with("idempotency-key", key),
    };
    match example.from {
        Some(revision) => client.with("if-match", &format!("\"{revision}\"")),
        None => client,
    }
}

fn told(reply: &Reply) -> String {
    format!("{}: {}", reply.status, String::from_utf8_lossy(&reply.bytes))
}

/// What is wrong with the answer to a spoiled body, if anything is.
fn fault(spoiled: &Spoiled, reply: &Reply) -> Option<String> {
    if !reply.status.is_client_error() {
        return Some(told(reply));
    }
    let kind = reply.problem();
    let error = &reply.json()["errors"][0]["pointer"];
    let found = error.as_str().unwrap_or_default();
    let inside = |outer: &str, inner: &str| {
        !outer.is_empty() && (outer == inner || inner.starts_with(&format!("{outer}/")))
    };
    let points = inside(found, &spoiled.pointer) || inside(&spoiled.pointer, found);
    let good = match spoiled.answer {
        Answer::Validation => reply.status == 422 && kind == "validation" && points,
        Answer::UnknownField => reply.status == 400 && kind == "unknown-field" && found == spoiled.pointer,
        Answer::Refusal => kind != "validation" || !found.is_empty(),
    };
    (!good).then(|| told(reply))
}

fn json_rows() -> BTreeMap<&'static str, Row> {
    let rows = document_rows().into_iter().filter(|row| row.body == Body::Json);
    rows.map(|row| (row.operation, row)).collect()
}

/// Properties of a schema, at every depth, that none of the values has.
fn unseen(document: &Value, schema: &Value, values: &[&Value], at: &str, found: &mut Vec<String>) {
    let schema = resolved(document, schema);
    let inner = |each: fn(&Value) -> Vec<&Value>| -> Vec<&Value> {
        values.iter().flat_map(|value| each(value)).filter(|value| !value.is_null()).collect()
    };
    for (name, own) in schema["properties"].as_object().into_iter().flatten() {
        let here: Vec<&Value> =
            values.iter().map(|value| &value[name]).filter(|value| !value.is_null()).collect();
        let at = format!("{at}/{name}");
        match here.is_empty() {
            true => found.push(at),
            false => unseen(document, own, &here, &at, found),
        }
    }
    if schema["items"].is_object() {
        let items = inner(|value| value.as_array().into_iter().flatten().collect());
        unseen(document, &schema["items"], &items, &format!("{at}/0"), found);
    }
    if schema["additionalProperties"].is_object() {
        let members =
            inner(|value| value.as_object().into_iter().flat_map(|members| members.values()).collect());
        unseen(document, &schema["additionalProperties"], &members, &format!("{at}/*"), found);
    }
}

#[tokio::test]
async fn the_examples_have_every_field_of_every_body() {
    let world = World::make().await;
    let document = world.shop.visitor().get("/api/v1/openapi.json").await.expect(200).json();
    let examples = examples(&world);
    let mut found = Vec::new();
    for (operation, row) in json_rows() {
        let bodies: Vec<&Value> =
            examples.iter().filter(|one| one.operation == operation).map(|one| &one.body).collect();
        unseen(&document, &request_schema(&document, &row), &bodies, operation, &mut found);
    }
    // A new shop has no picture yet, and the world's only category has none above it.
    found.retain(|path| {
        !["create_tenant/branding/logo", "change_category/parent_id"].contains(&path.as_str())
    });
    assert_eq!(found, Vec::<String>::new(), "bad_examples.rs lacks them");
}

/// Otherwise a spoiled one would be refused for something else.
#[tokio::test]
async fn every_example_is_taken_as_it_stands() {
    let rows = json_rows();
    let count = examples(&World::make().await).len();
    let mut wrong = Vec::new();
    for place in 0..count {
        let world = World::make().await;
        stretch(&world).await;
        let example = &examples(&world)[place];
        let row = &rows[example.operation];
        let client = sender(&world, row, example, "as-it-stands");
        let reply = client.json(method(row), &world.path(row), example.body.clone()).await;
        // What some ask for does not suit the state of this world; it is understood.
        if !reply.status.is_success() && reply.status != http::StatusCode::CONFLICT {
            wrong.push(format!("{}: {}", example.operation, told(&reply)));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}

/// A size and a warehouse that examples name.
async fn stretch(world: &World) {
    let larger = json!({ "label": "Extra Long" });
    world.owner.put("/api/v1/admin/options/size/values/xl", larger).await.expect(200);
    let north = json!({ "code": "NORTH", "name": "North", "country": "GB" });
    world.owner.post("/api/v1/admin/warehouses", north).await.expect(201);
}

#[tokio::test]
async fn every_value_at_every_depth_is_refused_where_it_does_not_fit() {
    let world = World::make().await;
    stretch(&world).await;
    let neighbours = of_the_neighbour(&world).await;
    let document = world.shop.visitor().get("/api/v1/openapi.json").await.expect(200).json();
    let (rows, examples) = (json_rows(), examples(&world));
    let mut stands = world.shop.backend.state_hash();
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for example in &examples {
        let row = &rows[example.operation];
        let path = world.path(row);
        let mut found = Vec::new();
        spots(&document, &request_schema(&document, row), &example.body, "", &mut found);
        for spoiled in found.iter().flat_map(|spot| spoil(example, spot, &neighbours)) {
            tried += 1;
            let client = sender(&world, row, example, &format!("spoiled-{tried}"));
            let reply = client.json(method(row), &path, spoiled.body.clone()).await;
            let mut fault = fault(&spoiled, &reply);
            let after = world.shop.backend.state_hash();
            if std::mem::replace(&mut stands, after) != after {
                fault = Some(format!("something changed; {}", told(&reply)));
            }
            let brief = |fault: String| fault.chars().take(400).collect::<String>();
            let say = |fault| format!("{} {}: {}", row.operation, spoiled.what, brief(fault));
            wrong.extend(fault.map(say));
        }
    }
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(tried > 2_500, "only {tried} bodies");
}

#[tokio::test]
async fn whatever_overwrites_a_record_says_from_which_revision() {
    let world = World::make().await;
    let (rows, before) = (json_rows(), world.shop.backend.state_hash());
    let mut overwritten = BTreeSet::new();
    for example in &examples(&world) {
        let row = &rows[example.operation];
        let path = world.path(row);
        if !matches!(row.method, Method::Put | Method::Patch) {
            continue;
        }
        if row.method == Method::Put && row.path.contains("/admin/") && example.from.is_some() {
            let blind = sender(&world, row, &Example { from: None, body: Value::Null, ..*example }, "blind");
            let reply = blind.json(method(row), &path, example.body.clone()).await;
            world.check(row, "without a revision", reply, 428, "precondition-required").await;
            overwritten.insert(row.operation);
        }
        let late = sender(&world, row, &Example { from: Some(999), body: Value::Null, ..*example }, "late");
        let reply = late.json(method(row), &path, example.body.clone()).await;
        world.check(row, "from another revision", reply, 412, "stale-version").await;
    }
    assert!(overwritten.len() >= 7, "{overwritten:?}");
    assert_eq!(world.shop.backend.state_hash(), before);
}

/// Whoever names a revision means it, whatever is asked for and even where records have none.
#[tokio::test]
async fn no_write_is_made_from_a_revision_that_is_gone() {
    let world = World::make().await;
    let before = world.shop.backend.state_hash();
    let mut seen = 0;
    for row in document_rows() {
        let path = world.path(&row);
        let insists = match row.method {
            Method::Delete | Method::Put | Method::Patch => true,
            // What is done with a record as it stands.
            _ => {
                ["publish_product", "unpublish_product", "restore_variant", "suspend_tenant", "resume_tenant"]
                    .contains(&row.operation)
            }
        };
        if !insists || row.body == Body::Json || path.contains("/nothing") {
            continue;
        }
        let late = world.caller(&row).with("if-match", "\"999999\"");
        let reply = late.send(method(&row), &path, None, "".into()).await;
        world.check(&row, "from another revision", reply, 412, "stale-version").await;
        assert_eq!(world.shop.backend.state_hash(), before, "{} changed something", row.operation);
        seen += 1;
    }
    assert!(seen > 15, "{seen} routes");
}

#[tokio::test]
async fn what_is_there_already_is_not_made_again() {
    let world = World::make().await;
    let (owner, operator) = (&world.owner, &world.operator);
    let tenant = |slug: &str, host: &str| {
        json!({
            "slug": slug, "name": "Third", "domains": [host], "currency": "GBP", "locale": "en-GB", "country": "GB",
            "time_zone": "Europe/London", "owner_email": "owner@third.example", "owner_name": "Sam"
        })
    };
    let product = |slug: &str, sku: &str| {
        json!({
            "product": { "slug": slug, "product_type": "bat", "name": "Ball" }, "variants": [{ "sku": sku }]
        })
    };
    let admin = |path: &str| format!("/api/v1/admin/{path}");
    let before = world.shop.backend.state_hash();
    for (client, path, body) in [
        (owner, admin("products"), product("match-ball", "NEW")),
        (owner, admin("products"), product("new-ball", "ball")),
        (owner, admin("categories"), json!({ "slug": "bats", "name": "Bats" })),
        (owner, admin("warehouses"), json!({ "code": "main", "name": "Main", "country": "GB" })),
        (owner, admin("staff"), json!({ "email": "OWNER@willow.example", "name": "Sam", "role": "support" })),
        (owner, admin("taxes/zones"), json!({ "name": "Again", "places": [{ "country": "GB" }] })),
        (operator, "/platform/v1/tenants".into(), tenant("willow", "third.example")),
        (operator, "/platform/v1/tenants".into(), tenant("third", "willow.localhost")),
        (
            operator,
            format!("/platform/v1/tenants/{}/domains", world.ids["tenants"]),
            json!({ "host": "boundary.localhost" }),
        ),
        (
            &world.basket.client,
            "/api/v1/auth/register".into(),
            json!({ "email": "Pat@Shopper.example", "password": "a long afternoon", "name": "Pat" }),
        ),
    ] {
        let reply = client.post(&path, body.clone()).await;
        assert_eq!(reply.status.as_u16(), 409, "{path} {body}: {}", told(&reply));
        assert_eq!(reply.problem(), "already-exists", "{path} {body}");
        assert_eq!(world.shop.backend.state_hash(), before, "{path} {body}");
    }
}

#[tokio::test]
async fn files_that_are_too_large_or_of_another_kind_are_not_taken() {
    let world = World::with_settings(crate::settings::Settings {
        upload_bytes_max: 2_000,
        import_bytes_max: 2_000,
        ..World::settings()
    })
    .await;
    let before = world.shop.backend.state_hash();
    let mut seen = 0;
    for row in document_rows() {
        let (good, others) = match row.body {
            Body::Upload => ("image/png", [Some("image/png"), Some("text/plain")]),
            Body::Import => ("text/csv", [Some("application/json"), None]),
            _ => continue,
        };
        seen += 1;
        let (client, path) = (world.caller(&row), world.path(&row));
        let send = async |kind: Option<&str>, body: Vec<u8>| {
            client.send(method(&row), &path, kind, body.into()).await
        };
        world
            .check(&row, "too large", send(Some(good), vec![b'a'; 2_001]).await, 413, "body-too-large")
            .await;
        for kind in others {
            let reply = send(kind, b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec()).await;
            world.check(&row, "another kind", reply, 415, "unsupported-media-type").await;
        }
        assert_eq!(world.shop.backend.state_hash(), before, "{} changed something", row.operation);
    }
    assert_eq!(seen, 3);
}
