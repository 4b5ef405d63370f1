//! Stories of people at the console, through the real router, as a browser without scripts sees it.

mod browser;
mod dashboard;
mod files;
mod keyboard;
mod lists;
mod many;
mod markup;
mod orders;
mod people;
mod products;
mod settings;

pub use browser::{Browser, Filled, Seen};

use crate::testing::Shopfront;
use crate::tests::shopping::Basket;
use serde_json::json;

/// A paid order of three bats and a ball; its id.
pub async fn paid_order(shop: &Shopfront) -> String {
    let basket = Basket::start(shop).await;
    basket.add("BAT-SH", 3).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let buyer = basket.client.with("idempotency-key", "k");
    let order = buyer.post("/api/v1/orders", basket.order("tok_ok")).await.expect(201).json();
    order["id"].as_str().expect("an order has an id").to_owned()
}

/// Somebody makes an account.
pub async fn registers(shop: &Shopfront, name: &str, email: &str) {
    let body = json!({ "name": name, "email": email, "password": "three short legs and a gully" });
    shop.visitor().post("/api/v1/auth/register", body).await.expect(201);
}

/// An order that waits for a bank transfer; its id.
pub async fn manual_order(shop: &Shopfront) -> String {
    let basket = Basket::start(shop).await;
    basket.add("BALL", 2).await;
    basket.ready().await;
    let body = json!({ "cart_id": basket.id, "payment": { "provider": "manual" } });
    let buyer = basket.client.with("idempotency-key", "k");
    let order = buyer.post("/api/v1/orders", body).await.expect(201).json();
    order["id"].as_str().expect("an order has an id").to_owned()
}
