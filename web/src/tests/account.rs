//! Accounts: signing in, staying signed in, and one's own data.

use super::shopping::{Basket, address};
use crate::auth::TOKEN_SECONDS;
use crate::testing::{Client, Reply, Shopfront};
use serde_json::{Value, json};

const PASSWORD: &str = "a long afternoon";

async fn register(client: &Client, email: &str) -> Value {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Pat Striker" });
    client.post("/api/v1/auth/register", body).await.expect(201).json()
}

async fn log_in(client: &Client, email: &str, password: &str) -> Reply {
    client.post("/api/v1/auth/login", json!({ "email": email, "password": password })).await
}

fn signed_in(client: &Client, tokens: &Value) -> Client {
    client.bearer(tokens["access_token"].as_str().unwrap())
}

#[tokio::test]
async fn an_account_is_made_used_and_left() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    let tokens = register(&visitor, "pat@shopper.example").await;
    assert_eq!((&tokens["token_type"], &tokens["expires_in"]), (&json!("Bearer"), &json!(TOKEN_SECONDS)));
    let pat = signed_in(&visitor, &tokens);
    let me = pat.get("/api/v1/me").await.expect(200);
    assert_eq!((me.text("etag"), me.text("cache-control")), ("\"1\"", "no-store"));
    assert_eq!(me.json()["email"], "pat@shopper.example");
    let changed = pat.patch("/api/v1/me", json!({ "phone": "+44 20 7946 0000" })).await.expect(200).json();
    assert_eq!((&changed["name"], &changed["phone"]), (&json!("Pat Striker"), &json!("+44 20 7946 0000")));
    let stale = pat.with("if-match", "\"1\"").patch("/api/v1/me", json!({ "phone": null })).await.expect(412);
    assert_eq!(stale.problem(), "stale-version");
    let cleared =
        pat.with("if-match", "\"2\"").patch("/api/v1/me", json!({ "phone": null })).await.expect(200);
    assert_eq!(cleared.json()["phone"], json!(null));
    let taken = json!({ "email": " PAT@shopper.example", "password": PASSWORD, "name": "Other" });
    assert_eq!(visitor.post("/api/v1/auth/register", taken).await.expect(409).problem(), "already-exists");
    pat.post("/api/v1/auth/logout", json!({})).await.expect(204);
    assert_eq!(pat.get("/api/v1/me").await.expect(401).problem(), "invalid-token");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_are_one_answer() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    register(&visitor, "pat@shopper.example").await;
    let before = shop.backend.state_hash();
    let wrong = log_in(&visitor, "pat@shopper.example", "not the password").await.expect(401);
    let unknown = log_in(&visitor, "nobody@shopper.example", PASSWORD).await.expect(401);
    let told = |reply: &Reply| {
        let mut document = reply.json();
        document["request_id"] = json!(null);
        document
    };
    assert_eq!(told(&wrong), told(&unknown));
    assert_eq!(shop.backend.state_hash(), before, "a failed sign-in leaves nothing behind");
    log_in(&shop.visitor_of("boundary.localhost"), "pat@shopper.example", PASSWORD).await.expect(401);
    log_in(&visitor, "Pat@Shopper.example", PASSWORD).await.expect(200);
}

#[tokio::test]
async fn a_refresh_token_is_good_once_and_theft_ends_the_family() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    let first = register(&visitor, "pat@shopper.example").await;
    let refresh =
        async |token: &Value| visitor.post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await;
    let second = refresh(&first["refresh_token"]).await.expect(200).json();
    signed_in(&visitor, &second).get("/api/v1/me").await.expect(200);
    shop.backend.pass(60_000);
    assert_eq!(refresh(&first["refresh_token"]).await.expect(401).problem(), "invalid-token");
    assert_eq!(refresh(&second["refresh_token"]).await.expect(401).problem(), "invalid-token");
    signed_in(&visitor, &second).get("/api/v1/me").await.expect(401);
    for rubbish in ["", "x", "session_00000000000000000000000000.x"] {
        refresh(&json!(rubbish)).await.expect(401);
    }
}

#[tokio::test]
async fn an_access_token_ends_by_itself_and_is_good_for_its_shop_alone() {
    let shop = Shopfront::open();
    let tokens = register(&shop.visitor(), "pat@shopper.example").await;
    signed_in(&shop.visitor_of("boundary.localhost"), &tokens).get("/api/v1/me").await.expect(401);
    signed_in(&shop.visitor(), &tokens).get("/api/v1/admin/orders").await.expect(403);
    shop.backend.pass(TOKEN_SECONDS * 1_000);
    assert_eq!(
        signed_in(&shop.visitor(), &tokens).get("/api/v1/me").await.expect(401).problem(),
        "invalid-token"
    );
}

#[tokio::test]
async fn a_guests_cart_joins_the_customers_at_sign_in() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    register(&visitor, "pat@shopper.example").await;
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 2).await;
    let body = json!({ "email": "pat@shopper.example", "password": PASSWORD, "cart_id": basket.id });
    let tokens = basket.client.post("/api/v1/auth/login", body.clone()).await.expect(200).json();
    let pat = signed_in(&visitor, &tokens);
    let own = format!("/api/v1/carts/{}", tokens["cart_id"].as_str().unwrap());
    assert_eq!(pat.get(&own).await.expect(200).json()["quantity"], 2);
    shop.visitor().get(&own).await.expect(401);
    // The same again: lines that are the same become one line.
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    let body = json!({ "email": "pat@shopper.example", "password": PASSWORD, "cart_id": basket.id });
    let tokens = basket.client.post("/api/v1/auth/login", body).await.expect(200).json();
    assert_eq!(format!("/api/v1/carts/{}", tokens["cart_id"].as_str().unwrap()), own);
    let cart = signed_in(&visitor, &tokens).get(&own).await.expect(200).json();
    assert_eq!((cart["lines"].as_array().unwrap().len(), &cart["quantity"]), (1, &json!(3)));
}

#[tokio::test]
async fn an_address_book_keeps_one_default() {
    let shop = Shopfront::open();
    let pat = signed_in(&shop.visitor(), &register(&shop.visitor(), "pat@shopper.example").await);
    let save = |default: bool| json!({ "address": address(), "default": default });
    let first = pat.post("/api/v1/me/addresses", save(false)).await.expect(201).json();
    let second = pat.post("/api/v1/me/addresses", save(true)).await.expect(201).json();
    let book = pat.get("/api/v1/me/addresses").await.expect(200).json();
    assert_eq!((&book["data"][0]["default"], &book["data"][1]["default"]), (&json!(false), &json!(true)));
    let path = |address: &Value| format!("/api/v1/me/addresses/{}", address["id"].as_str().unwrap());
    pat.put(&path(&first), save(true)).await.expect(200);
    pat.delete(&path(&second)).await.expect(204);
    pat.get(&path(&second)).await.expect(404);
    let other = signed_in(&shop.visitor(), &register(&shop.visitor(), "sam@shopper.example").await);
    other.get(&path(&first)).await.expect(404);
    other.delete(&path(&first)).await.expect(404);
}

#[tokio::test]
async fn an_order_made_while_signed_in_is_the_customers() {
    let shop = Shopfront::open();
    let pat = signed_in(&shop.visitor(), &register(&shop.visitor(), "pat@shopper.example").await);
    let cart = pat.post("/api/v1/carts", json!({})).await.expect(201).json();
    let client = pat.with("cart-token", cart["token"].as_str().unwrap());
    let basket = Basket { client, id: cart["id"].as_str().unwrap().to_owned() };
    basket.add("BALL", 1).await;
    basket.ready().await;
    let order = pat
        .with("idempotency-key", "k")
        .post("/api/v1/orders", basket.order("tok_ok"))
        .await
        .expect(201)
        .json();
    let mine = pat.get("/api/v1/me/orders").await.expect(200).json();
    assert_eq!(mine["data"][0]["number"], order["number"]);
    pat.get(&format!("/api/v1/orders/{}", order["id"].as_str().unwrap())).await.expect(200);
    shop.visitor()
        .with("cart-token", cart["token"].as_str().unwrap())
        .get(&basket.path(""))
        .await
        .expect(404);
}
