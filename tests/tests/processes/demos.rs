//! The demo, started again on what it made: everything is kept, and everybody signs in as before.

use crate::buyers::{Attempt, acknowledged, read};
use gearify_tests::http::Host;
use gearify_tests::process::NodeProcess;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// One variant of each shop, of which there are ten.
const LAST_BALL: &str = "LAST-BALL";

struct Demo {
    node: NodeProcess,
    summary: Value,
}

impl Demo {
    fn start(dir: &Path, number: usize) -> Demo {
        let summary = dir.join(format!("summary-{number}.json"));
        let node = NodeProcess::demo(&dir.join("data"), &summary, &dir.join(format!("log-{number}")));
        let mode = std::fs::metadata(&summary).expect("a summary").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "it holds passwords");
        let text = std::fs::read(&summary).expect("a summary");
        Demo { node, summary: serde_json::from_slice(&text).expect("a summary is JSON") }
    }

    fn host(&self, shop: &Value) -> Host {
        Host::new(self.node.public, shop["host"].as_str().expect("a shop has a host"))
    }

    fn shops(&self) -> Vec<Value> {
        self.summary["shops"].as_array().expect("there are shops").clone()
    }

    /// Everything but where it listens.
    fn logins(&self) -> Value {
        let mut logins = self.summary.clone();
        let addresses = logins["shops"].as_array_mut().expect("there are shops").iter_mut();
        addresses.for_each(|shop| drop(shop.as_object_mut().expect("a shop").remove("url")));
        logins["operator"].as_object_mut().expect("an operator").remove("url");
        logins
    }

    fn end(self) {
        self.node.interrupt();
        let log = self.node.log();
        let status = self.node.ended();
        assert_eq!(status.code(), Some(0), "{status}: {log}");
    }
}

/// What a shop has: how many products, and how many of the last ball its owner sees.
async fn holds(host: &Host, shop: &Value) -> (Value, Value) {
    let text = |name: &str| shop["owner"][name].as_str().expect("an owner signs in").to_owned();
    let token = host.sign_in_staff(&text("email"), &text("password")).await;
    let asked = |path: &str| host.request(reqwest::Method::GET, path).bearer_auth(&token);
    let stock = host.send(asked(&format!("/api/v1/admin/inventory/{LAST_BALL}"))).await;
    let stock = stock.expect("the node answers").expect(200).json["available"].clone();
    (host.get("/api/v1/products?limit=1").await.expect(200).json["total"].clone(), stock)
}

#[test]
fn a_demo_that_is_started_again_keeps_its_shops_orders_and_logins() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let first = Demo::start(dir.path(), 1);
    assert_eq!(first.shops().len(), 3);
    let mut before = Vec::new();
    let mut orders = Vec::new();
    for (number, shop) in first.shops().iter().enumerate() {
        let host = first.host(shop);
        runtime.block_on(async {
            assert_eq!(holds(&host, shop).await.1, 10, "{}", shop["slug"]);
            if number == 0 {
                let attempt =
                    Attempt::prepare(&host, LAST_BALL, 1, "tok_ok").await.expect("a cart is prepared");
                let placed = attempt.place().await.expect("the node answers").expect(201);
                orders.push(acknowledged(&placed.json));
            }
            before.push(holds(&host, shop).await);
        });
    }
    assert_eq!(before[0].1, 9);
    let logins = first.logins();
    first.end();

    let again = Demo::start(dir.path(), 2);
    assert_eq!(again.logins(), logins, "the same logins");
    for (shop, before) in again.shops().iter().zip(before) {
        let host = again.host(shop);
        assert_eq!(runtime.block_on(holds(&host, shop)), before, "{}", shop["slug"]);
    }
    let shops = again.shops();
    let told = runtime.block_on(read(&again.host(&shops[0]), &orders[0]));
    assert_eq!(acknowledged(&told), orders[0]);
    let customer = |name: &str| shops[0]["customer"][name].clone();
    let login = serde_json::json!({ "email": customer("email"), "password": customer("password") });
    runtime.block_on(again.host(&shops[0]).post("/api/v1/auth/login", &login)).expect(200);
    again.end();
}
