//! What is read again: tags, languages, what may be kept, and requests that are repeated under their key.

use super::shopping::Basket;
use crate::app::document_rows;
use crate::routes::{Body, Idempotency, Method};
use crate::testing::{OWNER_EMAIL, Reply, STAFF_PASSWORD, Shopfront};
use gearify_commerce::catalog;
use gearify_commerce::inventory::{self, Reason};
use serde_json::{Value, json};

fn sell(shop: &Shopfront, sku: &str, delta: i64) {
    let item = catalog::Variant::own_stock_item(shop.variants[sku]);
    let (sku, warehouse, reason) = (sku.to_owned(), shop.warehouse, Reason::Counted);
    shop.backend.run(shop.tenant, inventory::Command::Adjust { item, sku, warehouse, delta, reason });
}

#[tokio::test]
async fn a_list_is_sent_again_only_when_it_says_something_else() {
    let shop = Shopfront::open();
    let path = "/api/v1/products?sort=price";
    let first = shop.visitor().get(path).await.expect(200);
    let tag = first.text("etag").to_owned();
    assert!(tag.starts_with("W/\"") && tag.len() > 10, "{tag}");
    let told = ["cache-control", "content-language", "vary"].map(|name| first.text(name).to_owned());
    assert_eq!(told, ["public, no-cache", "en-GB", "Accept-Encoding"]);
    let again = shop.visitor().with("if-none-match", &tag);
    let same = again.get(path).await.expect(304);
    assert!(same.bytes.is_empty());
    assert_eq!((same.text("etag"), same.text("content-language")), (tag.as_str(), "en-GB"));
    again.get("/api/v1/products?sort=-price").await.expect(200);
    again.get(&format!("{path}&locale=hi-IN")).await.expect(200);
    // The last ball is sold: nothing of the catalogue has changed, and the list is another one.
    sell(&shop, "BALL", -10);
    let after = again.get(path).await.expect(200);
    assert_ne!(after.text("etag"), tag);
    assert_eq!(after.json()["data"][0]["availability"], "out_of_stock");
}

#[tokio::test]
async fn facets_are_called_in_the_language_of_the_answer() {
    let shop = Shopfront::open();
    for (query, language, label) in
        [("", "en-GB", "Maker"), ("?locale=hi-IN", "hi-IN", "निर्माता"), ("?locale=fr-FR", "en-GB", "Maker")]
    {
        let list = shop.visitor().get(&format!("/api/v1/products{query}")).await.expect(200);
        assert_eq!(list.text("content-language"), language, "{query}");
        let facets = list.json()["facets"].clone();
        let brand = facets.as_array().unwrap().iter().find(|facet| facet["key"] == "brand").unwrap();
        assert_eq!(brand["label"], label, "{query}");
        let suggested = shop.visitor().get(&format!("/api/v1/search/suggestions{query}")).await.expect(200);
        assert_eq!(suggested.text("content-language"), language, "{query}");
    }
}

#[tokio::test]
async fn a_cart_and_an_order_have_tags_and_are_kept_by_nobody() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let path = basket.path("");
    let read = basket.client.get(&path).await.expect(200);
    let tag = read.text("etag").to_owned();
    let revision = read.json()["revision"].as_u64().unwrap();
    assert!(tag.starts_with(&format!("\"{revision}.")), "{tag}");
    assert_eq!(read.text("cache-control"), "no-store");
    shop.backend.pass(60_000);
    let known = basket.client.with("if-none-match", &tag).get(&path).await.expect(304);
    assert_eq!((known.text("etag"), known.text("cache-control")), (tag.as_str(), "no-store"));
    // The tag is what a change may be made from; made, it is no longer.
    let there = json!({ "country": "GB", "postal_code": "SW1A 1AA" });
    let from = basket.client.with("if-match", &tag);
    from.put(&basket.path("/destination"), there.clone()).await.expect(200);
    let late = from.put(&basket.path("/destination"), there).await.expect(412);
    assert_eq!(late.problem(), "stale-version");
    basket.client.with("if-none-match", &tag).get(&path).await.expect(200);

    let body = basket.order("tok_later");
    let order =
        basket.client.with("idempotency-key", "k").post("/api/v1/orders", body).await.expect(201).json();
    let holder = shop.visitor().with("order-token", order["order_token"].as_str().unwrap());
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    let read = holder.get(&path).await.expect(200);
    let tag = read.text("etag").to_owned();
    assert!(tag.starts_with(&format!("\"{}.", read.json()["revision"])), "{tag}");
    assert_eq!(read.text("cache-control"), "no-store");
    holder.with("if-none-match", &tag).get(&path).await.expect(304);
    holder.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    let cancelled = holder.with("if-none-match", &tag).get(&path).await.expect(200);
    assert_eq!(cancelled.json()["status"], "cancelled");
}

#[tokio::test]
async fn a_hold_says_when_it_ends() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 2).await;
    let ready = basket.ready().await;
    let held = basket.client.post(&basket.path("/reservation"), json!({})).await.expect(200).json();
    assert_eq!(held["expires_at"], held["reservation"]["expires_at"]);
    assert!(held["expires_at"].as_str() < ready["expires_at"].as_str(), "the cart itself lasts longer");
    assert_eq!((&held["id"], &held["lines"]), (&ready["id"], &ready["lines"]), "it is the whole cart");
}

#[test]
fn every_post_takes_a_key() {
    // The link of a set-up is good once by itself; a provider's events have ids of their own.
    let others = ["set_up_staff", "take_provider_event"];
    for row in document_rows().iter().filter(|row| row.method == Method::Post) {
        let takes = row.idempotency != Idempotency::None;
        assert!(takes || others.contains(&row.operation), "{} takes no key", row.operation);
        assert!(!others.contains(&row.operation) || !takes || row.body == Body::Signed, "{}", row.operation);
    }
}

#[tokio::test]
async fn a_sign_in_that_is_repeated_under_its_key_is_answered_alike() {
    let shop = Shopfront::open();
    let body = json!({ "email": "pat@shopper.example", "password": "a long afternoon", "name": "Pat" });
    let keyed = |key: &str| shop.visitor().with("idempotency-key", key);
    let alike = |first: &Reply, again: &Reply, what: &str| {
        assert_eq!((again.status, again.json()), (first.status, first.json()), "{what}");
        let replayed = [first, again].map(|reply| reply.text("idempotent-replayed").to_owned());
        assert_eq!(replayed, ["", "true"], "{what}");
    };
    let twice = async |key: &str, path: &str, body: &Value| {
        let first = keyed(key).post(path, body.clone()).await;
        assert!(first.status.is_success(), "{path}: {}", first.json());
        shop.backend.pass(5_000);
        let again = keyed(key).post(path, body.clone()).await;
        alike(&first, &again, path);
        first.json()
    };
    twice("r", "/api/v1/auth/register", &body).await;
    let login = json!({ "email": "pat@shopper.example", "password": "a long afternoon" });
    let tokens = twice("l", "/api/v1/auth/login", &login).await;
    let staff = json!({ "email": OWNER_EMAIL, "password": STAFF_PASSWORD });
    twice("l", "/api/v1/admin/auth/login", &staff).await;
    // What comes back is a login like any other.
    let me = |tokens: &Value| shop.visitor().bearer(tokens["access_token"].as_str().unwrap());
    me(&tokens).get("/api/v1/me").await.expect(200);
    let refresh = json!({ "refresh_token": tokens["refresh_token"] });
    let next = twice("f", "/api/v1/auth/refresh", &refresh).await;
    assert_ne!(next["refresh_token"], tokens["refresh_token"]);
    me(&next).get("/api/v1/me").await.expect(200);
    let then = json!({ "refresh_token": next["refresh_token"] });
    let last = keyed("g").post("/api/v1/auth/refresh", then).await.expect(200).json();
    // Another key, another hour, no key: a login of its own each time.
    let mut seen = vec![tokens["refresh_token"].clone()];
    for (key, pause) in [(Some("m"), 0), (Some("l"), 3_700_000), (None, 0), (None, 0)] {
        shop.backend.pass(pause);
        let client = key.map_or(shop.visitor(), keyed);
        let other = client.post("/api/v1/auth/login", login.clone()).await.expect(200).json();
        assert!(!seen.contains(&other["refresh_token"]), "{key:?}");
        seen.push(other["refresh_token"].clone());
    }
    // The key opens nothing: whoever does not know the password is told so.
    let wrong = json!({ "email": "pat@shopper.example", "password": "a short afternoon" });
    keyed("l").post("/api/v1/auth/login", wrong).await.expect(401);
    let bye = json!({ "refresh_token": last["refresh_token"] });
    for _ in 0..2 {
        keyed("o").post("/api/v1/auth/logout", bye.clone()).await.expect(204);
    }
    shop.visitor().post("/api/v1/auth/refresh", bye).await.expect(401);
}
