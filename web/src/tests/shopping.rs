//! From an empty cart to a paid order, and what may come in between.

use crate::testing::{Client, Shopfront};
use serde_json::{Value, json};

pub fn address() -> Value {
    json!({
        "name": "Pat Striker", "line1": "1 Pavilion Lane", "city": "London", "postal_code": "sw1a1aa", "country": "GB"
    })
}

pub struct Basket {
    pub client: Client,
    pub id: String,
}

impl Basket {
    pub async fn start(shop: &Shopfront) -> Basket {
        let cart = shop.visitor().post("/api/v1/carts", json!({})).await.expect(201).json();
        let client = shop.visitor().with("cart-token", cart["token"].as_str().unwrap());
        Basket { client, id: cart["id"].as_str().unwrap().to_owned() }
    }

    pub fn path(&self, rest: &str) -> String {
        format!("/api/v1/carts/{}{rest}", self.id)
    }

    pub async fn add(&self, sku: &str, quantity: u32) -> Value {
        let body = json!({ "sku": sku, "quantity": quantity });
        self.client.post(&self.path("/lines"), body).await.expect(200).json()
    }

    /// Contact, address and the first way of delivery.
    pub async fn ready(&self) -> Value {
        let contact = json!({ "email": "pat@shopper.example", "name": "Pat Striker" });
        self.client.put(&self.path("/contact"), contact).await.expect(200);
        self.client.put(&self.path("/addresses"), json!({ "shipping": address() })).await.expect(200);
        let options = self.client.get(&self.path("/shipping-options")).await.expect(200).json();
        let option = json!({ "id": options["data"][0]["id"] });
        self.client.put(&self.path("/shipping-option"), option).await.expect(200).json()
    }

    pub fn order(&self, token: &str) -> Value {
        json!({ "cart_id": self.id, "payment": { "provider": "test", "token": token } })
    }
}

#[tokio::test]
async fn a_guest_buys_a_bat_with_knocking_in() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    let line = json!({ "variant_id": shop.variants["BAT-SH"].to_string(), "quantity": 2, "add_ons": [shop.knocking.to_string()] });
    let cart = basket.client.post(&basket.path("/lines"), line).await.expect(200);
    assert!(!cart.text("gearify-position").is_empty());
    let cart = cart.json();
    assert_eq!(cart["lines"][0]["unit_price"], json!({ "amount": 26_900, "currency": "GBP" }));
    assert_eq!(cart["lines"][0]["components"][0]["name"], "Knocking in");
    assert_eq!(cart["totals"]["estimated"], true);
    let cart = basket.ready().await;
    assert_eq!(cart["totals"]["total"]["amount"], 2 * 26_900 + 495);
    assert_eq!(cart["totals"]["estimated"], false);
    assert_eq!(cart["shipping_address"]["postal_code"], "SW1A 1AA");
    let held = basket.client.post(&basket.path("/reservation"), json!({})).await.expect(200).json();
    assert_eq!(held["reservation"]["renewed"], false);

    let body = json!({
        "cart_id": basket.id, "expected_total": { "amount": 2 * 26_900 + 495, "currency": "GBP" },
        "payment": { "provider": "test", "token": "tok_ok" }, "terms_version": "1"
    });
    let buyer = basket.client.with("idempotency-key", "first");
    let order = buyer.post("/api/v1/orders", body.clone()).await.expect(201);
    assert_eq!(order.text("idempotent-replayed"), "");
    let order = order.json();
    assert_eq!(
        (order["status"].as_str(), order["payment_status"].as_str()),
        (Some("confirmed"), Some("paid"))
    );
    assert_eq!(order["payments"][0]["status"], "captured");
    assert_eq!(order["lines"][0]["tax"]["amount"], 8_967);

    let again = buyer.post("/api/v1/orders", body.clone()).await.expect(201);
    assert_eq!(again.text("idempotent-replayed"), "true");
    assert_eq!(again.json(), order);
    let other = basket
        .client
        .with("idempotency-key", "second")
        .post("/api/v1/orders", body.clone())
        .await
        .expect(409);
    assert_eq!(other.problem(), "already-ordered");
    assert_eq!(other.json()["order_id"], order["id"]);
    let mut changed = body;
    changed["note"] = json!("another note");
    assert_eq!(buyer.post("/api/v1/orders", changed).await.expect(422).problem(), "key-reused");

    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    assert_eq!(shop.visitor().get(&path).await.expect(401).problem(), "unauthorized");
    let wrong = shop.visitor().with("order-token", "0123456789abcdefghjkmnpqrs");
    assert_eq!(wrong.get(&path).await.expect(404).problem(), "not-found");
    let holder = shop.visitor().with("order-token", order["order_token"].as_str().unwrap());
    assert_eq!(holder.get(&path).await.expect(200).json()["contact"]["email"], "pat@shopper.example");
}

#[tokio::test]
async fn a_declined_payment_keeps_the_order_and_another_try_pays_it() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let buyer = basket.client.with("idempotency-key", "k");
    let declined = buyer.post("/api/v1/orders", basket.order("tok_declined")).await.expect(402);
    assert_eq!(declined.problem(), "payment-declined");
    let declined = declined.json();
    assert_eq!(declined["decline_code"], "card_declined");
    let again = buyer.post("/api/v1/orders", basket.order("tok_declined")).await.expect(402);
    assert_eq!(again.json()["order_id"], declined["order_id"]);
    let path = format!("/api/v1/orders/{}/payments", declined["order_id"].as_str().unwrap());
    let holder = shop.visitor().with("order-token", declined["order_token"].as_str().unwrap());
    let payment = json!({ "payment": { "provider": "test", "token": "tok_ok" } });
    assert_eq!(holder.post(&path, payment.clone()).await.expect(400).problem(), "key-missing");
    let paid = holder.with("idempotency-key", "p").post(&path, payment).await.expect(201).json();
    assert_eq!(paid["payment_status"], "paid");
    assert_eq!(paid["payments"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_last_balls_go_to_whoever_pays_first() {
    let shop = Shopfront::open();
    let (first, second) = (Basket::start(&shop).await, Basket::start(&shop).await);
    for basket in [&first, &second] {
        basket.add("BALL", 6).await;
        basket.ready().await;
    }
    let buy = |basket: &Basket| (basket.client.with("idempotency-key", "k"), basket.order("tok_ok"));
    let (client, body) = buy(&first);
    client.post("/api/v1/orders", body).await.expect(201);
    let (client, body) = buy(&second);
    let refused = client.post("/api/v1/orders", body).await.expect(409);
    assert_eq!(refused.problem(), "out-of-stock");
    let refused = refused.json();
    assert_eq!((&refused["lines"][0]["sku"], &refused["lines"][0]["available"]), (&json!("BALL"), &json!(4)));
    let cart = second.client.get(&second.path("")).await.expect(200).json();
    assert_eq!(cart["lines"][0]["notices"][0]["code"], "out_of_stock");
}

#[tokio::test]
async fn a_total_that_is_not_what_was_shown_comes_back_with_the_cart() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let mut body = basket.order("tok_ok");
    body["expected_total"] = json!(1);
    let refused = basket.client.with("idempotency-key", "k").post("/api/v1/orders", body).await.expect(409);
    assert_eq!(refused.problem(), "total-changed");
    assert_eq!(refused.json()["cart"]["totals"]["total"]["amount"], 1_695);
}

#[tokio::test]
async fn a_manual_payment_is_pending_at_once_and_the_order_can_be_cancelled() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let body = json!({ "cart_id": basket.id, "payment": { "provider": "manual" } });
    let order =
        basket.client.with("idempotency-key", "k").post("/api/v1/orders", body).await.expect(201).json();
    assert_eq!((&order["status"], &order["payment_status"]), (&json!("placed"), &json!("pending")));
    let holder = shop.visitor().with("order-token", order["order_token"].as_str().unwrap());
    let path = format!("/api/v1/orders/{}/cancel", order["id"].as_str().unwrap());
    let cancelled = holder.post(&path, json!({ "reason": "ordered twice" })).await.expect(200).json();
    assert_eq!((&cancelled["status"], &cancelled["may_cancel"]), (&json!("cancelled"), &json!(false)));
    assert_eq!(holder.post(&path, json!({})).await.expect(409).problem(), "not-cancellable");
}

#[tokio::test]
async fn an_empty_cart_costs_nothing_and_a_foreign_one_is_not_there() {
    let shop = Shopfront::open();
    let before = shop.backend.state_hash();
    let basket = Basket::start(&shop).await;
    assert_eq!(basket.client.get(&basket.path("")).await.expect(200).json()["lines"], json!([]));
    let contact = json!({ "email": "pat@shopper.example" });
    assert_eq!(
        basket.client.put(&basket.path("/contact"), contact).await.expect(409).problem(),
        "cart-empty"
    );
    assert_eq!(shop.backend.state_hash(), before);
    assert_eq!(shop.visitor().get(&basket.path("")).await.expect(401).problem(), "unauthorized");
    let other = Basket::start(&shop).await;
    assert_eq!(other.client.get(&basket.path("")).await.expect(404).problem(), "not-found");
    let elsewhere = shop.visitor_of("boundary.localhost");
    let elsewhere = elsewhere
        .with("cart-token", basket.client.get(&basket.path("")).await.json()["token"].as_str().unwrap());
    assert_eq!(elsewhere.get(&basket.path("")).await.expect(404).problem(), "not-found");
    shop.backend.pass(8 * gearify_commerce::time::DAY_MS);
    assert_eq!(basket.client.get(&basket.path("")).await.expect(409).problem(), "cart-expired");
}

#[tokio::test]
async fn lines_change_and_go_and_wrong_choices_say_where() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    let cart = basket.add("BALL", 1).await;
    let line = basket.path(&format!("/lines/{}", cart["lines"][0]["id"].as_str().unwrap()));
    let cart = basket.client.patch(&line, json!({ "quantity": 3 })).await.expect(200).json();
    assert_eq!(cart["quantity"], 3);
    let check = async |body: Value, pointer: &str| {
        let problem = basket.client.post(&basket.path("/lines"), body).await.expect(422);
        assert_eq!(problem.json()["errors"][0]["pointer"], pointer);
    };
    check(json!({ "sku": "NO-SUCH", "quantity": 1 }), "/variant_id").await;
    check(json!({ "quantity": 1 }), "/variant_id").await;
    check(json!({ "sku": "BALL", "quantity": 0 }), "/quantity").await;
    check(json!({ "sku": "BALL", "quantity": 1_000 }), "/quantity").await;
    check(json!({ "sku": "BALL", "quantity": 1, "add_ons": ["x"] }), "/add_ons/0").await;
    let cart = basket.client.delete(&line).await.expect(200).json();
    assert_eq!(cart["lines"], json!([]));
    assert_eq!(basket.client.delete(&line).await.expect(404).problem(), "not-found");
}

#[tokio::test]
async fn where_nobody_delivers_is_said_before_checkout() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    let options = basket.path("/shipping-options");
    assert_eq!(basket.client.get(&options).await.expect(409).problem(), "cart-incomplete");
    let cart =
        basket.client.put(&basket.path("/destination"), json!({ "country": "FR" })).await.expect(200).json();
    assert_eq!(cart["notices"][0]["code"], "not_deliverable");
    assert_eq!(basket.client.get(&options).await.expect(422).problem(), "not-deliverable");
    let there = json!({ "country": "GB", "postal_code": "M1 1AE" });
    basket.client.put(&basket.path("/destination"), there).await.expect(200);
    let options = basket.client.get(&options).await.expect(200).json();
    assert_eq!(options["data"][0]["estimated_delivery"], json!({ "from": "2026-01-03", "to": "2026-01-05" }));
}

#[tokio::test]
async fn a_replay_shows_what_the_first_answer_showed_whatever_happened_since() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let first = basket.client.with("idempotency-key", "first");
    let declined = first.post("/api/v1/orders", basket.order("tok_declined")).await.expect(402);
    let order = declined.json()["order"].clone();
    let holder = shop.visitor().with("order-token", order["order_token"].as_str().unwrap());
    let path = format!("/api/v1/orders/{}", order["id"].as_str().unwrap());
    let second = holder.with("idempotency-key", "second");
    let pay = json!({ "payment": { "provider": "test", "token": "tok_ok" } });
    let paid = second.post(&format!("{path}/payments"), pay.clone()).await.expect(201).json();
    assert_eq!(paid["payment_status"], "paid");
    let cancelled = holder.post(&format!("{path}/cancel"), json!({})).await.expect(200).json();
    shop.backend.answer_calls();
    assert_eq!(cancelled["status"], "cancelled");

    let again = first.post("/api/v1/orders", basket.order("tok_declined")).await.expect(402);
    assert_eq!(again.text("idempotent-replayed"), "true");
    assert_eq!(again.json()["order"], order, "declined then, and declined for ever");
    let again = second.post(&format!("{path}/payments"), pay).await.expect(201);
    assert_eq!((again.text("idempotent-replayed"), again.json()), ("true", paid));
}

#[tokio::test]
async fn an_order_names_its_papers_and_a_replay_only_those_of_its_time() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 2).await;
    basket.ready().await;
    let buyer = basket.client.with("idempotency-key", "k");
    let order = buyer.post("/api/v1/orders", basket.order("tok_ok")).await.expect(201).json();
    let invoice = &order["documents"][0];
    assert_eq!((&invoice["kind"], &invoice["number"]), (&json!("invoice"), &json!("INV-000001")));
    assert_eq!(invoice["amount"], order["totals"]["total"]);
    assert_eq!(invoice["tax_lines"], order["totals"]["tax_lines"]);
    assert_eq!(order["documents"].as_array().unwrap().len(), 1);

    let path = format!("/api/v1/admin/orders/{}", order["id"].as_str().unwrap());
    let owner = shop.owner().await;
    let line = json!([{ "line_id": order["lines"][0]["id"], "quantity": 1 }]);
    let refund = json!({ "lines": line, "reason": "a seam was open" });
    owner.with("idempotency-key", "r").post(&format!("{path}/refunds"), refund).await.expect(201);
    shop.backend.answer_calls();
    let now = owner.get(&path).await.expect(200).json();
    let note = &now["documents"][1];
    assert_eq!((&note["kind"], &note["number"]), (&json!("credit_note"), &json!("CN-000001")));
    assert_eq!(
        (&note["refund_id"], &note["amount"]),
        (&now["refunds"][0]["id"], &now["refunds"][0]["amount"])
    );
    let again = buyer.post("/api/v1/orders", basket.order("tok_ok")).await.expect(201).json();
    assert_eq!(again, order, "what was answered is answered again");
    let told = owner.get("/api/v1/admin/events?limit=100").await.expect(200).json();
    let of =
        |kind: &str| told["data"].as_array().unwrap().iter().find(|event| event["type"] == kind).cloned();
    assert_eq!(of("invoice.issued").unwrap()["data"]["number"], "INV-000001");
    assert_eq!(of("credit_note.issued").unwrap()["data"]["refund_id"], note["refund_id"]);
}

#[tokio::test]
async fn a_refused_request_makes_no_entry() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    let cart = basket.add("BALL", 1).await;
    let line = basket.path(&format!("/lines/{}", cart["lines"][0]["id"].as_str().unwrap()));
    let before = shop.backend.state_hash();
    // Rules that only the shop's own state knows.
    basket.client.post(&basket.path("/lines"), json!({ "sku": "BALL", "quantity": 999 })).await.expect(422);
    basket.client.patch(&line.replace("line_", "line_7"), json!({ "quantity": 1 })).await.expect(404);
    let owner = shop.owner().await;
    let after = shop.backend.state_hash();
    let taken = json!({ "email": crate::testing::OWNER_EMAIL, "name": "Somebody", "role": "support" });
    owner.post("/api/v1/admin/staff", taken).await.expect(409);
    let stale =
        owner.with("if-match", "\"9\"").patch("/api/v1/admin/settings/profile", json!({ "name": "X" })).await;
    stale.expect(412);
    assert_eq!(shop.backend.state_hash(), after);
    assert_ne!(before, after, "signing in is an entry of its own");
}
