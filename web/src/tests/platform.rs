//! Operators and the tenants they make.

use crate::testing::Shopfront;
use serde_json::json;

#[tokio::test]
async fn an_operator_makes_a_shop_and_its_owner_moves_in() {
    let shop = Shopfront::open();
    let operator = shop.operator().await;
    let body = json!({
        "slug": "maidan", "name": "Maidan Sports", "domains": ["maidan.localhost"], "currency": "INR",
        "locale": "hi-IN", "country": "IN", "time_zone": "Asia/Kolkata",
        "owner_email": "owner@maidan.example", "owner_name": "Asha Over"
    });
    let keyed = operator.with("idempotency-key", "one");
    let created = keyed.post("/platform/v1/tenants", body.clone()).await.expect(201).json();
    let again = keyed.post("/platform/v1/tenants", body.clone()).await.expect(201);
    assert_eq!(again.text("idempotent-replayed"), "true");
    assert_eq!(again.json()["tenant"]["id"], created["tenant"]["id"]);
    assert_eq!(operator.post("/platform/v1/tenants", body).await.expect(409).problem(), "already-exists");

    let maidan = shop.visitor_of("maidan.localhost");
    assert_eq!(maidan.get("/api/v1/shop").await.expect(200).json()["currencies"], json!(["INR"]));
    let set_up = json!({ "setup_token": created["setup_token"], "password": "a long over" });
    maidan.post("/api/v1/admin/auth/setup", set_up.clone()).await.expect(204);
    assert_eq!(maidan.post("/api/v1/admin/auth/setup", set_up).await.expect(401).problem(), "invalid-token");
    let login = json!({ "email": "owner@maidan.example", "password": "a long over" });
    let tokens = maidan.post("/api/v1/admin/auth/login", login).await.expect(200).json();
    let owner = maidan.bearer(tokens["access_token"].as_str().unwrap());
    let me = owner.get("/api/v1/admin/me").await.expect(200).json();
    assert_eq!(me["role"], "owner");
    assert!(me["permissions"].as_array().unwrap().contains(&json!("staff:write")));
    owner.with("host", "willow.localhost").get("/api/v1/admin/me").await.expect(401);
}

#[tokio::test]
async fn domains_come_and_go_and_a_shop_closes() {
    let shop = Shopfront::open();
    let operator = shop.operator().await;
    let path = |rest: &str| format!("/platform/v1/tenants/{}{rest}", shop.tenant);
    let taken = operator.post(&path("/domains"), json!({ "host": "boundary.localhost" })).await.expect(409);
    assert_eq!(taken.problem(), "already-exists");
    operator.post(&path("/domains"), json!({ "host": "localhost" })).await.expect(422);
    operator.post(&path("/domains"), json!({ "host": "shop.willow.example" })).await.expect(200);
    shop.visitor_of("shop.willow.example").get("/api/v1/shop").await.expect(200);
    operator.delete(&path("/domains/shop.willow.example")).await.expect(200);
    shop.visitor_of("shop.willow.example").get("/api/v1/shop").await.expect(421);
    assert_eq!(operator.post(&path("/suspend"), json!({})).await.expect(200).json()["status"], "suspended");
    shop.visitor().get("/api/v1/shop").await.expect(503);
    operator.post(&path("/resume"), json!({})).await.expect(200);
    shop.visitor().get("/api/v1/shop").await.expect(200);
}

#[tokio::test]
async fn tenants_are_listed_page_by_page_and_changed() {
    let shop = Shopfront::open();
    let operator = shop.operator().await;
    let first = operator.get("/platform/v1/tenants?limit=1").await.expect(200).json();
    assert_eq!(first["data"][0]["slug"], "willow");
    let next = format!("/platform/v1/tenants?limit=1&cursor={}", first["next_cursor"].as_str().unwrap());
    let second = operator.get(&next).await.expect(200).json();
    assert_eq!((&second["data"][0]["slug"], &second["next_cursor"]), (&json!("boundary"), &json!(null)));
    let path = format!("/platform/v1/tenants/{}", shop.tenant);
    let change = json!({ "plan": "plus", "features": { "gift_cards": true } });
    let changed = operator.patch(&path, change).await.expect(200).json();
    assert_eq!((&changed["plan"], &changed["features"]), (&json!("plus"), &json!({ "gift_cards": true })));
    operator.get("/platform/v1/tenants/tenant_00000000000000000000000009").await.expect(404);
}

#[tokio::test]
async fn only_operators_see_how_the_cluster_stands() {
    let shop = Shopfront::open();
    let seen = shop.operator().await.get("/platform/v1/cluster").await.expect(200);
    assert_eq!(seen.text("cache-control"), "no-store");
    let seen = seen.json();
    assert_eq!((&seen["node"], &seen["groups"][2]["name"]), (&json!(1), &json!("region-0")));
    assert_eq!(seen["groups"][0]["members"][0]["role"], "voter");
    shop.visitor_of("localhost").get("/platform/v1/cluster").await.expect(401);
    shop.owner().await.get("/platform/v1/cluster").await.expect(404);
}
