//! What the operations listener tells a Prometheus, and the rules that are made of it: as promtool judges them.

use crate::buyers::Attempt;
use gearify_tests::http::Host;
use gearify_tests::market::Market;
use gearify_tests::process::NodeProcess;
use gearify_tests::scrape::{Page, scrape};
use gearify_tests::shop::{OWNER, Premises};
use reqwest::Method;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What operators and the specification know by name, with the labels each carries.
const NAMES: [(&str, &[&str]); 10] = [
    ("gearify_orders_total", &["tenant_id", "status"]),
    ("gearify_payment_duration_seconds_bucket", &["gateway"]),
    ("http_requests_total", &["method", "route", "status"]),
    ("http_request_duration_seconds_bucket", &["method", "route", "status"]),
    ("gearify_revenue_minor_total", &["tenant_id", "currency"]),
    ("gearify_carts_total", &["outcome"]),
    ("gearify_cache_requests_total", &["cache", "result"]),
    ("gearify_projector_lag_entries", &[]),
    ("gearify_event_processing_seconds_bucket", &[]),
    ("gearify_payment_provider_up", &[]),
];

/// Runs promtool on what is given to it; answers what it says and whether it is content.
fn promtool(arguments: &[&str], directory: &Path, input: &str) -> (bool, String) {
    let child = Command::new("promtool")
        .args(arguments)
        .current_dir(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.expect("promtool is there; provide it with: sudo apt-get install -y prometheus");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("promtool reads");
    let said = child.wait_with_output().expect("promtool ends");
    let words = [said.stdout, said.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (said.status.success(), words.concat())
}

#[test]
fn the_metrics_of_a_selling_node_are_clean_and_named_as_operators_know_them() {
    let premises = Premises::new();
    premises.shop_selling(&[("BALL", 2_490, 10)]);
    let node = premises.start();
    let host = premises.host(&node);
    premises.runtime.block_on(async {
        let paid = Attempt::prepare(&host, "BALL", 1, "tok_ok").await.expect("the node serves");
        paid.place().await.expect("the node answers").expect(201);
        let declined = Attempt::prepare(&host, "BALL", 2, "tok_declined").await.expect("the node serves");
        declined.place().await.expect("the node answers").expect(402);
        for _ in 0..2 {
            let page = host.request(reqwest::Method::GET, "/").send().await.expect("the node answers");
            assert_eq!(page.status(), 200);
        }

        // Counters follow the events a moment later.
        let page = page_when(&node, |page| {
            let missing = NAMES.iter().map(|(name, _)| *name).find(|name| page.sum(name, &[]).is_none());
            missing.map_or(Ok(()), |name| Err(format!("{name} is missing")))
        })
        .await;
        for (name, labels) in NAMES {
            for line in page.with(name, &[]) {
                let missing = labels.iter().find(|label| !line.labels.contains_key(**label));
                assert_eq!(missing, None, "{line:?}");
            }
        }
        let (clean, said) = promtool(&["check", "metrics"], Path::new("."), &page.text);
        assert!(clean && said.trim().is_empty(), "{said}");
    });
    node.stop();
}

/// The metrics once they say what is wanted: counters follow the events a moment later.
async fn page_when(node: &NodeProcess, wanted: impl Fn(&Page) -> Result<(), String>) -> Page {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let page = scrape(node).await;
        let Err(missing) = wanted(&page) else { return page };
        assert!(Instant::now() < until, "{missing} in\n{}", page.text);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A second shop: the one that has no label of its own.
const NEIGHBOUR: &str = "oval";
/// A ball with its delivery.
const TOTAL: f64 = 2_490.0 + 495.0;

/// Known traffic, and nothing else: two orders that are paid, one of them shipped, and one declined in the first
/// shop; one paid in the second.
async fn trade(willow: &Host, oval: &Host) {
    let product = "/api/v1/products/ball";
    for _ in 0..3 {
        willow.get(product).await.expect(200);
    }
    let mut first = None;
    for (number, (host, token, status)) in [
        (willow, "tok_ok", 201),
        (willow, "tok_ok", 201),
        (willow, "tok_declined", 402),
        (oval, "tok_ok", 201),
    ]
    .into_iter()
    .enumerate()
    {
        let attempt = Attempt::prepare(host, "BALL", number, token).await.expect("the node serves");
        let answer = attempt.place().await.expect("the node answers").expect(status);
        first.get_or_insert(answer.json["id"].clone());
    }
    let order = first.and_then(|id| id.as_str().map(str::to_owned)).expect("the first order was placed");
    let token = willow.sign_in_staff(OWNER.0, OWNER.1).await;
    let ship =
        willow.request(Method::POST, &format!("/api/v1/admin/orders/{order}/shipments")).bearer_auth(token);
    let ship = ship.header("idempotency-key", "ship").json(&json!({}));
    willow.send(ship).await.expect("the node answers").expect(201);
    for _ in 0..2 {
        willow.get(&format!("/api/v1/no/such/place/{order}")).await.expect(404);
    }
}

#[test]
fn known_traffic_is_counted_to_the_last_request() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    let mut second = Market::open(&mut files, NEIGHBOUR);
    for shop in [&mut market, &mut second] {
        shop.product(&mut files, "BALL", 2_490);
        shop.stock(&mut files, "BALL", 0, 10);
    }
    files.stop();
    let node = premises.serve().set("telemetry.tenant_label_max", 1).start();
    let willow = premises.host(&node);
    let oval = Host::new(node.public, &format!("{NEIGHBOUR}.localhost"));
    let page = premises.runtime.block_on(async {
        trade(&willow, &oval).await;
        page_when(&node, |page| {
            let seen = page.sum("gearify_orders_total", &[("status", "shipped")]);
            let lag = page.sum("gearify_projector_lag_entries", &[]);
            if (seen, lag) == (Some(1.0), Some(0.0)) { Ok(()) } else { Err(format!("{seen:?} {lag:?}")) }
        })
        .await
    });
    node.stop();

    let counted = |name: &str, labels: &[(&str, &str)], value: f64| {
        assert_eq!(page.sum(name, labels), Some(value), "{name} {labels:?} in\n{}", page.text);
    };
    let orders = |tenant, status| [("tenant_id", tenant), ("status", status)];
    counted("gearify_orders_total", &orders("willow", "placed"), 3.0);
    counted("gearify_orders_total", &orders("willow", "confirmed"), 2.0);
    counted("gearify_orders_total", &orders("willow", "shipped"), 1.0);
    counted("gearify_orders_total", &orders("other", "placed"), 1.0);
    counted("gearify_orders_total", &orders("other", "confirmed"), 1.0);
    counted("gearify_orders_total", &[], 8.0);
    let pounds = |tenant| [("tenant_id", tenant), ("currency", "GBP")];
    counted("gearify_revenue_minor_total", &pounds("willow"), 2.0 * TOTAL);
    counted("gearify_revenue_minor_total", &pounds("other"), TOTAL);
    counted("gearify_carts_total", &[("outcome", "created")], 4.0);
    counted("gearify_carts_total", &[("outcome", "ordered")], 4.0);
    counted("gearify_carts_total", &[], 8.0);
    counted("gearify_payment_duration_seconds_count", &[("gateway", "test")], 4.0);
    counted("gearify_payment_provider_up", &[("gateway", "test")], 1.0);
    counted("gearify_cache_requests_total", &[("cache", "products"), ("result", "miss")], 1.0);
    counted("gearify_cache_requests_total", &[("cache", "products"), ("result", "hit")], 2.0);

    let answered = |method, route, status| [("method", method), ("route", route), ("status", status)];
    for (labels, value) in [
        (answered("GET", "/api/v1/products/{slug_or_id}", "200"), 3.0),
        (answered("POST", "/api/v1/carts", "201"), 4.0),
        (answered("POST", "/api/v1/carts/{id}/lines", "200"), 4.0),
        (answered("PUT", "/api/v1/carts/{id}/contact", "200"), 4.0),
        (answered("POST", "/api/v1/orders", "201"), 3.0),
        (answered("POST", "/api/v1/orders", "402"), 1.0),
        (answered("POST", "/api/v1/admin/orders/{id}/shipments", "201"), 1.0),
        (answered("other", "unmatched", "404"), 2.0),
    ] {
        counted("http_requests_total", &labels, value);
        counted("http_request_duration_seconds_count", &labels, value);
    }
    counted("http_requests_total", &[], 3.0 + 4.0 * 6.0 + 4.0 + 2.0 + 2.0);
    // Whatever is called, is called by its template: no id makes a line of its own.
    for line in page.with("http_requests_total", &[]) {
        let route = &line.labels["route"];
        let is_id = |part: &str| part.rsplit_once('_').is_some_and(|(_, id)| id.len() == 26);
        assert!(!route.split('/').any(is_id), "{route}");
    }
    let lag = |projector: &str| {
        page.with("gearify_projector_lag_entries", &[])
            .filter(|line| line.labels["projector"] == projector)
            .count()
    };
    assert_eq!(["ledger", "lists", "search", "metrics"].map(lag), [1, 3, 1, 1]);
    for projector in ["ledger", "lists", "metrics"] {
        let batches = page.sum("gearify_event_processing_seconds_count", &[("projector", projector)]);
        assert!(batches.is_some_and(|batches| batches >= 1.0), "{projector}: {batches:?}");
    }
}

#[test]
fn promtool_notices_a_metric_without_help() {
    let (clean, said) = promtool(&["check", "metrics"], Path::new("."), "unnamed 1\n");
    assert!(!clean || !said.trim().is_empty(), "it finds nothing in anything");
}

#[test]
fn the_alert_rules_hold_what_their_tests_say() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../config/observability");
    for arguments in [&["check", "rules", "alerts.yml"][..], &["test", "rules", "alerts_test.yml"]] {
        let (good, said) = promtool(arguments, &rules, "");
        assert!(good, "{said}");
    }
}
