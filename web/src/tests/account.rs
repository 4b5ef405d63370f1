//! Accounts: signing in, staying signed in, and one's own data.

use super::shopping::{Basket, address};
use crate::auth::TOKEN_SECONDS;
use crate::testing::{Client, Reply, Shopfront};
use gearify_commerce::{CustomerId, customers};
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

#[tokio::test]
async fn a_customer_gets_a_copy_of_everything_kept_about_them() {
    let shop = Shopfront::open();
    let pat = signed_in(&shop.visitor(), &register(&shop.visitor(), "pat@shopper.example").await);
    pat.post("/api/v1/me/addresses", json!({ "address": address() })).await.expect(201);
    let said = json!({ "granted": true, "wording_version": "2" });
    pat.put("/api/v1/me/consents/marketing", said).await.expect(200);
    let order = buy_as(&shop, &pat, "tok_ok").await;
    let export = pat.get("/api/v1/me/export").await.expect(200);
    assert_eq!(export.text("content-disposition"), "attachment; filename=\"my-data.json\"");
    assert_eq!(export.text("cache-control"), "no-store");
    let export = export.json();
    assert_eq!(export["profile"]["email"], "pat@shopper.example");
    assert_eq!(export["addresses"][0]["address"]["line1"], address()["line1"]);
    assert_eq!(export["consents"][0]["wording_version"], "2");
    assert_eq!(
        (&export["orders"][0]["number"], export["orders"].as_array().unwrap().len()),
        (&order["number"], 1)
    );
    let sam = signed_in(&shop.visitor(), &register(&shop.visitor(), "sam@shopper.example").await);
    let other = sam.get("/api/v1/me/export").await.expect(200).json();
    assert_eq!((&other["orders"], &other["addresses"]), (&json!([]), &json!([])));
}

#[tokio::test]
async fn consent_is_off_until_it_is_given_and_can_be_taken_back() {
    let shop = Shopfront::open();
    let pat = signed_in(&shop.visitor(), &register(&shop.visitor(), "pat@shopper.example").await);
    let list = pat.get("/api/v1/me/consents").await.expect(200).json();
    let never = json!({ "purpose": "marketing", "granted": false, "source": null, "wording_version": null, "at": null });
    assert_eq!(list["data"], json!([never]));
    let path = "/api/v1/me/consents/marketing";
    let body = |granted: bool| json!({ "granted": granted, "wording_version": "1" });
    let given = pat.put(path, body(true)).await.expect(200).json();
    assert_eq!((&given["granted"], &given["source"]), (&json!(true), &json!("account")));
    assert_eq!(pat.put(path, body(false)).await.expect(200).json()["granted"], false);
    let before = shop.backend.state_hash();
    assert_eq!(
        pat.put("/api/v1/me/consents/everything", body(true)).await.expect(404).problem(),
        "not-found"
    );
    for wrong in ["", &"x".repeat(65)] {
        let body = json!({ "granted": true, "wording_version": wrong });
        let refused = pat.put(path, body).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], "/wording_version");
    }
    assert_eq!(shop.backend.state_hash(), before);
}

#[tokio::test]
async fn preferences_are_where_new_carts_begin() {
    let shop = Shopfront::open();
    let pat = signed_in(&shop.visitor(), &register(&shop.visitor(), "pat@shopper.example").await);
    let path = "/api/v1/me/preferences";
    let none = pat.get(path).await.expect(200);
    assert_eq!((none.text("etag"), &none.json()["country"]), ("\"0\"", &json!(null)));
    let saved = pat.patch(path, json!({ "country": "IE", "currency": "GBP" })).await.expect(200);
    assert_eq!((saved.text("etag"), &saved.json()["country"]), ("\"1\"", &json!("IE")));
    let cart = pat.post("/api/v1/carts", json!({})).await.expect(201).json();
    assert_eq!(cart["country"], "IE");
    assert_eq!(
        pat.post("/api/v1/carts", json!({ "country": "GB" })).await.expect(201).json()["country"],
        "GB"
    );
    assert_eq!(shop.visitor().post("/api/v1/carts", json!({})).await.expect(201).json()["country"], "GB");
    let kept = pat.patch(path, json!({ "currency": null })).await.expect(200).json();
    assert_eq!((&kept["country"], &kept["currency"]), (&json!("IE"), &json!(null)));
    let stale = pat.with("if-match", "\"1\"").patch(path, json!({ "country": null })).await.expect(412);
    assert_eq!(stale.problem(), "stale-version");
    for (field, wrong) in [("country", "Ireland"), ("currency", "AUD"), ("currency", "money")] {
        let refused = pat.patch(path, json!({ field: wrong })).await.expect(422).json();
        assert_eq!(refused["errors"][0]["pointer"], format!("/{field}"));
    }
}

/// Buys one ball while signed in and answers the order, whatever became of its payment.
async fn buy_as(shop: &Shopfront, pat: &Client, token: &str) -> Value {
    let cart = pat.post("/api/v1/carts", json!({})).await.expect(201).json();
    let client = pat.with("cart-token", cart["token"].as_str().unwrap());
    let basket = Basket { client, id: cart["id"].as_str().unwrap().to_owned() };
    basket.add("BALL", 1).await;
    basket.ready().await;
    let placed = pat.with("idempotency-key", token).post("/api/v1/orders", basket.order(token)).await.json();
    shop.backend.answer_calls();
    if placed["order"].is_object() { placed["order"].clone() } else { placed }
}

#[tokio::test]
async fn a_customer_is_forgotten_and_what_was_paid_keeps_what_the_law_demands() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    let pat = signed_in(&visitor, &register(&visitor, "pat@shopper.example").await);
    pat.post("/api/v1/me/addresses", json!({ "address": address() })).await.expect(201);
    pat.put("/api/v1/me/consents/marketing", json!({ "granted": true, "wording_version": "1" }))
        .await
        .expect(200);
    pat.patch("/api/v1/me/preferences", json!({ "country": "IE" })).await.expect(200);
    let paid = buy_as(&shop, &pat, "tok_ok").await;
    let given_up = buy_as(&shop, &pat, "tok_declined").await;
    let open = buy_as(&shop, &pat, "tok_declined").await;
    let path = |order: &Value| format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    pat.post(&format!("{}/cancel", path(&given_up)), json!({})).await.expect(200);
    let cart = pat.post("/api/v1/carts", json!({})).await.expect(201).json();
    let client = pat.with("cart-token", cart["token"].as_str().unwrap());
    let left = Basket { client, id: cart["id"].as_str().unwrap().to_owned() };
    left.add("BALL", 2).await;

    let staff_sees = async |order: &Value| {
        let path = format!("/api/v1/admin/orders/{}", order["id"].as_str().unwrap());
        shop.owner().await.get(&path).await.expect(200).json()["contact"].clone()
    };
    assert!(staff_sees(&given_up).await.is_object());
    let me = pat.get("/api/v1/me").await.expect(200).json();
    let told = pat.delete("/api/v1/me").await.expect(200).json();
    // The paid order, and the one that may still be paid.
    assert_eq!(told["orders_kept"], 2);
    let days = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond() / 86_400_000;
    assert_eq!(days(told["complete_by"].as_str().unwrap()) - days(told["erased_at"].as_str().unwrap()), 35);
    assert!(shop.backend.story().contains(&"customer.erased"));

    assert_eq!(pat.get("/api/v1/me").await.expect(401).problem(), "invalid-token", "signed out everywhere");
    log_in(&visitor, "pat@shopper.example", PASSWORD).await.expect(401);
    let customer = format!("/api/v1/admin/customers/{}", me["id"].as_str().unwrap());
    shop.owner().await.get(&customer).await.expect(404);
    assert!(staff_sees(&paid).await.is_object(), "the invoice needs a name and an address");
    assert!(staff_sees(&open).await.is_object(), "it may still be paid");
    assert_eq!(staff_sees(&given_up).await, json!(null), "nothing came of it");
    let emptied = shop.visitor().with("cart-token", cart["token"].as_str().unwrap());
    assert_eq!(emptied.get(&left.path("")).await.expect(200).json()["lines"], json!([]));

    // What was open when its customer went is forgotten when it ends; the paid order stays.
    shop.backend.pass(60 * 60 * 1_000);
    assert_eq!(staff_sees(&open).await, json!(null));
    assert!(staff_sees(&paid).await.is_object());

    // The address is free again, and whoever takes it is somebody else.
    let again = signed_in(&visitor, &register(&visitor, "pat@shopper.example").await);
    let new = again.get("/api/v1/me").await.expect(200).json();
    assert_ne!(new["id"], me["id"]);
    assert_eq!(again.get("/api/v1/me/addresses").await.expect(200).json()["data"], json!([]));
    assert_eq!(again.get("/api/v1/me/consents").await.expect(200).json()["data"][0]["granted"], false);
    assert_eq!(again.get("/api/v1/me/export").await.expect(200).json()["orders"], json!([]));
}

/// What a guest is told of an order under this address, but for what differs from order to order.
async fn told_of_an_order(shop: &Shopfront, email: &str) -> (Value, Value) {
    let basket = Basket::start(shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let contact = json!({ "email": email, "name": "Pat Striker" });
    basket.client.put(&basket.path("/contact"), contact).await.expect(200);
    let buyer = basket.client.with("idempotency-key", email);
    let placed = buyer.post("/api/v1/orders", basket.order("tok_ok")).await.expect(201).json();
    let holder = shop.visitor().with("order-token", placed["order_token"].as_str().unwrap());
    let path = format!("/api/v1/orders/{}", placed["id"].as_str().unwrap());
    let mut told = holder.get(&path).await.expect(200).json();
    assert_eq!(placed, told);
    for own in ["id", "number", "order_token", "cart_id", "contact", "placed_at", "updated_at"] {
        told[own] = json!(null);
    }
    for list in ["lines", "payments", "timeline", "documents"] {
        for entry in told[list].as_array_mut().unwrap() {
            for own in ["id", "at", "created_at", "number", "issued_at"] {
                entry[own] = json!(null);
            }
        }
    }
    (placed, told)
}

#[tokio::test]
async fn a_guests_order_belongs_to_the_verified_account_of_its_address_and_the_guest_is_not_told() {
    let shop = Shopfront::open();
    let (pat, eve) = ("pat@shopper.example", "eve@shopper.example");
    let mine = signed_in(&shop.visitor(), &register(&shop.visitor(), pat).await);
    register(&shop.visitor(), eve).await;
    let id = mine.get("/api/v1/me").await.expect(200).json()["id"].as_str().unwrap().to_owned();
    let customer = CustomerId::parse(&id).unwrap();
    shop.backend.run(shop.tenant, customers::Command::VerifyEmail { customer });
    let (verified, told_of_verified) = told_of_an_order(&shop, pat).await;
    let (_, told_of_unverified) = told_of_an_order(&shop, eve).await;
    let (_, told_of_nobody) = told_of_an_order(&shop, "nobody@shopper.example").await;
    assert_eq!(told_of_verified, told_of_nobody, "an address that has an account looks like any other");
    assert_eq!(told_of_unverified, told_of_nobody);

    let orders = mine.get("/api/v1/me/orders").await.expect(200).json();
    let found: Vec<&Value> = orders["data"].as_array().unwrap().iter().map(|order| &order["id"]).collect();
    assert_eq!(found, [&verified["id"]]);
    let path = format!("/api/v1/orders/{}", verified["id"].as_str().unwrap());
    assert_eq!(mine.get(&path).await.expect(200).json()["customer_id"], id);
    let record = format!("/api/v1/admin/orders/{}", verified["id"].as_str().unwrap());
    assert_eq!(shop.owner().await.get(&record).await.expect(200).json()["customer_id"], id);
    // Eve has not shown that the address is hers: what was ordered under it waits.
    let waiting = shop.backend.story().iter().filter(|name| **name == "order.joined_account").count();
    assert_eq!(waiting, 0);
}
