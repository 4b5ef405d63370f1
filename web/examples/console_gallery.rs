//! Writes the pages of the console, over a shop in memory, into a directory to look at in a browser:
//!
//! ```text
//! cargo run -p gearify-web --features testing --example console_gallery -- target/console-gallery
//! python3 -m http.server --bind 127.0.0.1 --directory target/console-gallery 8091
//! ```

use bytes::Bytes;
use gearify_web::assets;
use gearify_web::testing::{Client, OWNER_EMAIL, STAFF_PASSWORD, Shopfront};
use http::Method;
use serde_json::json;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

type Outcome<T> = Result<T, Box<dyn Error>>;

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");
const HOUR_MS: i64 = 3_600_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Outcome<()> {
    let root = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/console-gallery".to_owned()));
    let shop = Shopfront::open();
    stories(&shop).await?;
    for (name, url) in assets::all() {
        let asset = assets::asset_by_path(name).ok_or("an asset vanished")?;
        write(&root, url, &asset.bytes)?;
    }
    let door = shop.visitor().get("/console/sign-in").await;
    write(&root, "door.html", &door.bytes)?;
    let owner = sign_in(&shop, "willow.localhost", OWNER_EMAIL).await?;
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Console gallery</title><ul>");
    for (name, path) in pages(&shop, &owner).await? {
        let page = owner.get(&path).await;
        write(&root, &format!("{name}.html"), &page.bytes)?;
        index.push_str(&format!("<li><a href=\"{name}.html\">{name}</a>"));
    }
    write_refused(&root, &shop, &owner).await?;
    let operator = sign_in(&shop, "localhost", "operator@platform.example").await?;
    write(&root, "tenants.html", &operator.get("/console/tenants").await.bytes)?;
    write(&root, "index.html", index.as_bytes())
}

/// Orders of today and of the same weekday before, one of them waiting for its money.
async fn stories(shop: &Shopfront) -> Outcome<()> {
    let week = 7 * 24;
    for (hours, pieces) in [(9, 1), (2, 2), (1, 1), (3, 3), (4, 1), (week - 10, 2), (1, 1), (2, 2)] {
        shop.backend.pass(hours * HOUR_MS);
        order(shop, "BAT-SH", pieces, json!({ "provider": "test", "token": "tok_ok" })).await?;
    }
    shop.backend.pass(HOUR_MS / 2);
    order(shop, "BALL", 6, json!({ "provider": "manual" })).await?;
    Ok(())
}

async fn order(shop: &Shopfront, sku: &str, quantity: i64, payment: serde_json::Value) -> Outcome<String> {
    let cart = shop.visitor().post("/api/v1/carts", json!({})).await.expect(201).json();
    let (id, token) = (cart["id"].as_str().ok_or("no id")?, cart["token"].as_str().ok_or("no token")?);
    let buyer = shop.visitor().with("cart-token", token).with("idempotency-key", "k");
    let path = format!("/api/v1/carts/{id}");
    buyer.post(&format!("{path}/lines"), json!({ "sku": sku, "quantity": quantity })).await.expect(200);
    let contact =
        json!({ "email": "pat@shopper.example", "name": "Pat Striker", "phone": "+44 20 7946 0000" });
    buyer.put(&format!("{path}/contact"), contact).await.expect(200);
    let address = json!({
        "name": "Pat Striker", "line1": "1 Pavilion Lane", "city": "London", "postal_code": "SW1A 1AA", "country": "GB"
    });
    buyer.put(&format!("{path}/addresses"), json!({ "shipping": address })).await.expect(200);
    let options = buyer.get(&format!("{path}/shipping-options")).await.expect(200).json();
    let option = json!({ "id": options["data"][0]["id"] });
    buyer.put(&format!("{path}/shipping-option"), option).await.expect(200);
    let body = json!({ "cart_id": id, "payment": payment, "note": "Please ring the lower bell." });
    let order = buyer.post("/api/v1/orders", body).await.expect(201).json();
    Ok(order["id"].as_str().ok_or("no id")?.to_owned())
}

async fn sign_in(shop: &Shopfront, host: &str, email: &str) -> Outcome<Client> {
    let visitor = shop.visitor_of(host);
    let body = format!("email={}&password={}", encoded(email), encoded(STAFF_PASSWORD));
    let reply = visitor.send(Method::POST, "/console/sign-in", FORM, Bytes::from(body)).await.expect(303);
    let cookie = reply.text("set-cookie").split(';').next().unwrap_or_default().to_owned();
    Ok(visitor.with("cookie", &cookie))
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Name and address of each page.
async fn pages(shop: &Shopfront, owner: &Client) -> Outcome<Vec<(&'static str, String)>> {
    let orders = String::from_utf8(owner.get("/console/orders?status=confirmed").await.bytes.to_vec())?;
    let order = first(&orders, "/console/orders/order_")?;
    let waiting = String::from_utf8(owner.get("/console/orders?status=placed").await.bytes.to_vec())?;
    let waiting = first(&waiting, "/console/orders/order_")?;
    let product = format!("/console/products/{}", shop.product);
    let item = gearify_commerce::catalog::Variant::own_stock_item(shop.variants["BAT-SH"]);
    let taxes = String::from_utf8(owner.get("/console/taxes").await.bytes.to_vec())?;
    let rates = format!("{}/rates/standard", first(&taxes, "/console/taxes/zone_")?);
    let fixed = [
        ("today", "/console"),
        ("orders", "/console/orders"),
        ("products", "/console/products"),
        ("new-product", "/console/products/new?type=bat&options=size"),
        ("categories", "/console/categories"),
        ("stock", "/console/stock"),
        ("delivery", "/console/delivery"),
        ("taxes", "/console/taxes"),
        ("branding", "/console/branding"),
        ("settings", "/console/settings"),
        ("pages", "/console/pages"),
        ("staff", "/console/staff"),
        ("outbox", "/console/outbox"),
        ("import", "/console/import"),
        ("search", "/console/search?q=1001"),
    ];
    let mut pages: Vec<(&str, String)> = fixed.map(|(name, path)| (name, path.to_owned())).to_vec();
    pages.extend([
        ("order", order.clone()),
        ("order-waiting", waiting),
        ("ship", format!("{order}/ship")),
        ("refund", format!("{order}/refund")),
        ("cancel", format!("{order}/cancel")),
        ("packing-slip", format!("{order}/packing-slip")),
        ("invoice", format!("{order}/invoice")),
        ("product", product.clone()),
        ("variant", format!("{product}/variants/{}", shop.variants["BAT-SH"])),
        ("stock-item", format!("/console/stock/{item}")),
        ("rate", format!("/console/rates/{}", shop.rate)),
        ("tax-rates", rates),
        ("add-on", format!("/console/add-ons/{}", shop.knocking)),
    ]);
    Ok(pages)
}

/// The first address on a page that begins like this.
fn first(html: &str, start: &str) -> Outcome<String> {
    let at = html.find(start).ok_or_else(|| format!("{start} is not on the page"))?;
    Ok(html[at..].split(['"', '?']).next().unwrap_or_default().to_owned())
}

/// A form that came back with what is wrong in it.
async fn write_refused(root: &Path, shop: &Shopfront, owner: &Client) -> Outcome<()> {
    let path = format!("/console/products/{}/variants/{}", shop.product, shop.variants["BAT-SH"]);
    let page = String::from_utf8(owner.get(&path).await.bytes.to_vec())?;
    let token = page
        .split("name=\"csrf\" value=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or_default();
    let body = format!(
        "csrf={token}&form_key=gallery&expected=1&prices_expected=1&sku=BAT+SH&price.GBP=249%2C5&compare.GBP=100\
         &option.size=sh&policy=preorder&length=900&weight=heavy"
    );
    let refused = owner.send(Method::POST, &path, FORM, Bytes::from(body)).await.expect(422);
    write(root, "refused.html", &refused.bytes)
}

fn write(root: &Path, name: &str, bytes: &[u8]) -> Outcome<()> {
    let path = root.join(name.trim_start_matches('/'));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, bytes)?)
}
