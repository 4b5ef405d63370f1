//! A shop's goods and carts, as requests.

use crate::client::{Answer, Connection};
use crate::node::Demo;
use anyhow::{Context, Result, bail};
use hyper::Method;
use serde_json::{Value, json};

/// The host of the shop that is measured.
pub const HOST: &str = "willow.localhost";

/// Pieces counted in of everything that is bought: more than any run can sell.
const STOCK_PIECES: u32 = 900_000;

/// A product of the shop with what is needed to buy it.
#[derive(Clone, Debug)]
pub struct Goods {
    pub slug: String,
    pub sku: String,
}

/// Products that can be bought, as many as asked for if the shop has them.
pub async fn goods(connection: &mut Connection, wanted: usize) -> Result<Vec<Goods>> {
    let mut goods = Vec::new();
    let mut cursor: Option<String> = None;
    while goods.len() < wanted {
        let page = cursor.as_deref().map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let path = format!("/api/v1/products?in_stock=true&limit=100{page}");
        let list = connection.must(Method::GET, &path, &[], None).await?.json()?;
        for product in list["data"].as_array().into_iter().flatten() {
            let slug = product["slug"].as_str().unwrap_or_default().to_owned();
            let path = format!("/api/v1/products/{slug}");
            let detail = connection.must(Method::GET, &path, &[], None).await?.json()?;
            let variant = detail["variants"].as_array().into_iter().flatten().find(|v| v["in_stock"] == true);
            if let Some(sku) = variant.and_then(|variant| variant["sku"].as_str())
                && sku != "LAST-BALL"
            {
                goods.push(Goods { slug, sku: sku.to_owned() });
            }
            if goods.len() >= wanted {
                break;
            }
        }
        cursor = list["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            break;
        }
    }
    if goods.is_empty() {
        bail!("the shop has nothing in stock");
    }
    Ok(goods)
}

/// Counts in so many pieces of each that no run meets an empty shelf. Goods without stock of their own
/// (a kit's is its parts') are left out.
pub async fn stock_up(demo: &Demo, goods: Vec<Goods>) -> Result<Vec<Goods>> {
    let authorization = format!("Bearer {}", demo.owner_token().await?);
    let mut connection = demo.connect().await?;
    let mut stocked = Vec::with_capacity(goods.len());
    for one in goods {
        let body = json!({ "sku": one.sku, "delta": STOCK_PIECES, "reason": "received" });
        let key = format!("\"stock-{}\"", one.sku);
        let headers = [("authorization", authorization.as_str()), ("idempotency-key", key.as_str())];
        let answer =
            connection.send(Method::POST, "/api/v1/admin/inventory/adjustments", &headers, Some(&body));
        match answer.await?.status.as_u16() {
            200 => stocked.push(one),
            409 | 422 => {}
            status => bail!("stocking up {} was answered with {status}", one.sku),
        }
    }
    if stocked.is_empty() {
        bail!("nothing could be stocked up");
    }
    Ok(stocked)
}

/// A cart and the token that opens it.
#[derive(Clone, Debug)]
pub struct Cart {
    pub id: String,
    pub token: String,
}

pub async fn new_cart(connection: &mut Connection) -> Result<Cart> {
    let cart = connection.must(Method::POST, "/api/v1/carts", &[], Some(&json!({}))).await?.json()?;
    let text =
        |name: &str| cart[name].as_str().map(str::to_owned).with_context(|| format!("a cart has {name}"));
    Ok(Cart { id: text("id")?, token: text("token")? })
}

impl Cart {
    async fn put(
        &self,
        connection: &mut Connection,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Answer> {
        let path = format!("/api/v1/carts/{}/{path}", self.id);
        connection.must(method, &path, &[("cart-token", &self.token)], Some(&body)).await
    }

    pub async fn add(&self, connection: &mut Connection, sku: &str, quantity: u32) -> Result<Answer> {
        self.put(connection, Method::POST, "lines", json!({ "sku": sku, "quantity": quantity })).await
    }

    pub async fn contact(&self, connection: &mut Connection, number: u64) -> Result<Answer> {
        let email = format!("shopper{number}@load.example");
        self.put(connection, Method::PUT, "contact", json!({ "email": email })).await
    }

    pub async fn address(&self, connection: &mut Connection, number: u64) -> Result<Answer> {
        let shipping = json!({
            "name": "Load Example", "line1": format!("{number} Boundary Lane"), "city": "Exampleton",
            "postal_code": "EX1 1EX", "country": "GB",
        });
        self.put(connection, Method::PUT, "addresses", json!({ "shipping": shipping })).await
    }

    /// The first delivery option's id.
    pub async fn first_option(&self, connection: &mut Connection) -> Result<String> {
        let path = format!("/api/v1/carts/{}/shipping-options", self.id);
        let options =
            connection.must(Method::GET, &path, &[("cart-token", &self.token)], None).await?.json()?;
        let id = options["data"][0]["id"].as_str().context("the shop delivers to Britain")?;
        Ok(id.to_owned())
    }

    pub async fn choose(&self, connection: &mut Connection, option: &str) -> Result<Answer> {
        self.put(connection, Method::PUT, "shipping-option", json!({ "id": option })).await
    }

    /// Everything but the order.
    pub async fn prepare(
        &self,
        connection: &mut Connection,
        lines: &[(&str, u32)],
        number: u64,
        option: &str,
    ) -> Result<()> {
        for (sku, quantity) in lines {
            self.add(connection, sku, *quantity).await?;
        }
        self.contact(connection, number).await?;
        self.address(connection, number).await?;
        self.choose(connection, option).await?;
        Ok(())
    }

    /// Places the order; the answer may be a refusal.
    pub async fn order(&self, connection: &mut Connection, provider: &str) -> Result<Answer> {
        let token = if provider == "test" { json!("tok_ok") } else { Value::Null };
        let body = json!({ "cart_id": self.id, "payment": { "provider": provider, "token": token } });
        let key = format!("\"{}\"", self.id);
        let headers = [("cart-token", self.token.as_str()), ("idempotency-key", key.as_str())];
        connection.send(Method::POST, "/api/v1/orders", &headers, Some(&body)).await
    }
}
