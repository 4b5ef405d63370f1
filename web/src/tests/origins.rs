//! Other websites: nobody may ask from there until the shop lists them, and never with a cookie.

use crate::testing::{Client, Reply, Shopfront};
use axum::body::Bytes;
use http::Method;
use serde_json::json;

const LISTED: &str = "https://www.example.com";
const CART: &str = "/api/v1/carts";

async fn preflight(client: &Client, path: &str, origin: &str) -> Reply {
    let asks = client.with("origin", origin).with("access-control-request-method", "POST");
    asks.send(Method::OPTIONS, path, None, Bytes::new()).await.expect(204)
}

/// What a script at `origin` sends: browsers add where it comes from.
fn script(client: &Client, origin: &str) -> Client {
    client.with("origin", origin).with("sec-fetch-site", "cross-site")
}

fn allowed(reply: &Reply) -> &str {
    assert_eq!(reply.text("access-control-allow-credentials"), "", "credentials are never allowed");
    reply.text("access-control-allow-origin")
}

async fn list(shop: &Shopfront, origins: &[&str]) {
    let owner = shop.owner().await;
    owner.patch("/api/v1/admin/settings/origins", json!({ "origins": origins })).await.expect(200);
}

#[tokio::test]
async fn no_other_website_is_answered_until_it_is_listed() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    for origin in [LISTED, "https://willow.localhost", "null", "*"] {
        assert_eq!(allowed(&preflight(&visitor, CART, origin).await), "", "{origin}");
        let read = script(&visitor, origin).get("/api/v1/shop").await.expect(200);
        assert_eq!(allowed(&read), "", "{origin}");
        let refused = script(&visitor, origin).post(CART, json!({})).await.expect(403);
        assert_eq!(refused.problem(), "cross-site", "{origin}");
    }
    assert!(!visitor.get("/api/v1/shop").await.text("vary").contains("Origin"), "nothing varies yet");
}

#[tokio::test]
async fn a_listed_origin_is_told_what_it_may_and_nobody_else_is() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    list(&shop, &[LISTED, "http://localhost:3000"]).await;
    let told = preflight(&visitor, CART, LISTED).await;
    assert_eq!((allowed(&told), told.text("access-control-max-age")), (LISTED, "600"));
    assert!(told.text("access-control-allow-methods").contains("PATCH"));
    assert!(told.text("access-control-allow-headers").contains("Idempotency-Key"));
    let made = script(&visitor, LISTED).post(CART, json!({})).await.expect(201);
    assert_eq!(allowed(&made), LISTED);
    assert!(made.text("access-control-expose-headers").contains("Request-Id"));
    assert!(made.headers.get_all("vary").iter().any(|value| value == "Origin"));
    // A refusal is to be read as well, also one of the gate.
    let refused = script(&visitor, LISTED).get("/api/v1/me").await.expect(401);
    assert_eq!((allowed(&refused), refused.problem().as_str()), (LISTED, "unauthorized"));
    let missing = script(&visitor, LISTED).get("/api/v1/nothing").await.expect(404);
    assert_eq!(allowed(&missing), LISTED);
    // Caches must not give one site's answer to another, whoever asked first.
    assert!(visitor.get("/api/v1/shop").await.headers.get_all("vary").iter().any(|value| value == "Origin"));
    for other in [
        "https://www.example.com.evil.example",
        "https://evil.example/https://www.example.com",
        "https://example.com",
        "http://www.example.com",
        "https://www.example.com:8443",
        "https://WWW.example.com",
        "http://localhost",
        "null",
    ] {
        assert_eq!(allowed(&preflight(&visitor, CART, other).await), "", "{other}");
        assert_eq!(allowed(&script(&visitor, other).get("/api/v1/shop").await), "", "{other}");
        script(&visitor, other).post(CART, json!({})).await.expect(403);
    }
    // Another shop's list is its own, and pages are nobody else's.
    let boundary = shop.visitor_of("boundary.localhost");
    assert_eq!(allowed(&preflight(&boundary, CART, LISTED).await), "");
    assert_eq!(allowed(&preflight(&visitor, "/cart", LISTED).await), "");
    assert_eq!(allowed(&script(&visitor, LISTED).get("/").await.expect(200)), "");
    list(&shop, &[]).await;
    assert_eq!(allowed(&script(&visitor, LISTED).get("/api/v1/shop").await), "", "taken off at once");
}

#[tokio::test]
async fn a_cookie_never_speaks_for_a_script_of_another_website() {
    let shop = Shopfront::open();
    list(&shop, &[LISTED]).await;
    let before = shop.backend.state_hash();
    let with_cookie = script(&shop.visitor(), LISTED).with("cookie", "__Host-cart=anything");
    assert_eq!(with_cookie.post(CART, json!({})).await.expect(403).problem(), "cross-site");
    assert_eq!(shop.backend.state_hash(), before);
}

#[tokio::test]
async fn origins_are_changed_by_staff_from_the_revision_they_saw() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let path = "/api/v1/admin/settings/origins";
    for bad in ["*", "https://*.example.com", "null", "https://a.example/path", "a.example"] {
        let refused = owner.patch(path, json!({ "origins": [LISTED, bad] })).await.expect(422);
        assert_eq!(refused.json()["errors"][0]["pointer"], "/origins/1", "{bad}");
    }
    let saved = owner.patch(path, json!({ "origins": [format!("{LISTED}:443")] })).await.expect(200);
    assert_eq!((saved.text("etag"), &saved.json()["origins"]), ("\"1\"", &json!([LISTED])));
    let stale = owner.with("if-match", "\"7\"").patch(path, json!({ "origins": [] })).await.expect(412);
    assert_eq!(stale.problem(), "stale-version");
    let settings = owner.get("/api/v1/admin/settings").await.expect(200).json();
    assert_eq!((&settings["origins"], &settings["origins_revision"]), (&json!([LISTED]), &json!(1)));
    shop.staff("support@willow.example").await.patch(path, json!({ "origins": [] })).await.expect(403);
}
