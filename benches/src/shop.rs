//! The node under load: started by the driver with demo data, on loopback, ended by it.

use crate::client::Connection;
use anyhow::{Context, Result, bail};
use hyper::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// A running demo.
pub struct Demo {
    pub address: SocketAddr,
    child: Child,
    _data: tempfile::TempDir,
}

/// The host of the shop that is measured.
pub const HOST: &str = "willow.localhost";

impl Demo {
    /// Starts `gearify demo` from the folder this driver stands in.
    pub async fn start(products: usize) -> Result<Demo> {
        let binary = binary()?;
        let data = tempfile::tempdir()?;
        let address: SocketAddr = free_address()?;
        let summary = data.path().join("summary.json");
        let child = Command::new(&binary)
            .arg("demo")
            .args(["--listen", &address.to_string()])
            .args(["--products", &products.to_string()])
            .arg("--data")
            .arg(data.path().join("node"))
            .arg("--summary")
            .arg(&summary)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("starting {}", binary.display()))?;
        let mut demo = Demo { address, child, _data: data };
        demo.wait_for(&summary).await?;
        Ok(demo)
    }

    async fn wait_for(&mut self, summary: &Path) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(300);
        while !summary.exists() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the demo ended by itself: {status}");
            }
            if Instant::now() > deadline {
                bail!("the demo was not ready within five minutes");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    pub async fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, HOST).await
    }

    /// The node's memory in MiB, as the kernel counts it.
    pub fn memory_mib(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id().unwrap_or_default());
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1_024
    }
}

fn binary() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let binary = own.parent().context("the driver stands in a folder")?.join("gearify");
    if !binary.exists() {
        bail!("{} is missing: run `cargo build --release` first", binary.display());
    }
    Ok(binary)
}

fn free_address() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// A product of the shop with what is needed to buy it.
#[derive(Clone, Debug)]
pub struct Goods {
    pub slug: String,
    pub sku: String,
}

/// Products that can be bought, as many as asked for.
pub async fn goods(connection: &mut Connection, wanted: usize) -> Result<Vec<Goods>> {
    let mut goods = Vec::new();
    let mut cursor: Option<String> = None;
    while goods.len() < wanted {
        let page = cursor.as_deref().map_or(String::new(), |cursor| format!("&cursor={cursor}"));
        let list = connection
            .must(Method::GET, &format!("/api/v1/products?in_stock=true&limit=100{page}"), &[], None)
            .await?;
        for product in list["data"].as_array().into_iter().flatten() {
            let slug = product["slug"].as_str().unwrap_or_default().to_owned();
            let detail = connection.must(Method::GET, &format!("/api/v1/products/{slug}"), &[], None).await?;
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

/// A cart and the token that opens it.
#[derive(Clone, Debug)]
pub struct Cart {
    pub id: String,
    pub token: String,
}

pub async fn new_cart(connection: &mut Connection) -> Result<Cart> {
    let cart = connection.must(Method::POST, "/api/v1/carts", &[], Some(&json!({}))).await?;
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
    ) -> Result<Value> {
        let path = format!("/api/v1/carts/{}/{path}", self.id);
        connection.must(method, &path, &[("cart-token", &self.token)], Some(&body)).await
    }

    pub async fn add(&self, connection: &mut Connection, sku: &str, quantity: u32) -> Result<Value> {
        self.put(connection, Method::POST, "lines", json!({ "sku": sku, "quantity": quantity })).await
    }

    pub async fn contact(&self, connection: &mut Connection, number: u64) -> Result<Value> {
        let email = format!("shopper{number}@load.example");
        self.put(connection, Method::PUT, "contact", json!({ "email": email })).await
    }

    pub async fn address(&self, connection: &mut Connection, number: u64) -> Result<Value> {
        let shipping = json!({
            "name": "Load Example", "line1": format!("{number} Boundary Lane"), "city": "Exampleton",
            "postal_code": "EX1 1EX", "country": "GB",
        });
        self.put(connection, Method::PUT, "addresses", json!({ "shipping": shipping })).await
    }

    /// The first delivery option's id.
    pub async fn first_option(&self, connection: &mut Connection) -> Result<String> {
        let path = format!("/api/v1/carts/{}/shipping-options", self.id);
        let options = connection.must(Method::GET, &path, &[("cart-token", &self.token)], None).await?;
        let id = options["data"][0]["id"].as_str().context("the shop delivers to Britain")?;
        Ok(id.to_owned())
    }

    pub async fn choose(&self, connection: &mut Connection, option: &str) -> Result<Value> {
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
    pub async fn order(&self, connection: &mut Connection, provider: &str) -> Result<crate::client::Answer> {
        let token = if provider == "test" { json!("tok_ok") } else { Value::Null };
        let body = json!({ "cart_id": self.id, "payment": { "provider": provider, "token": token } });
        let key = format!("\"{}\"", self.id);
        let headers = [("cart-token", self.token.as_str()), ("idempotency-key", key.as_str())];
        connection.send(Method::POST, "/api/v1/orders", &headers, Some(&body)).await
    }
}
