//! What the operations listener tells a Prometheus, and the rules that are made of it: as promtool judges them.

use crate::buyers::Attempt;
use gearify_tests::shop::Premises;
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
    ("gearify_cache_requests_total", &["cache", "outcome"]),
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

fn sample<'p>(page: &'p str, name: &str) -> Option<&'p str> {
    page.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])))
}

#[test]
fn the_metrics_of_a_selling_node_are_clean_and_named_as_operators_know_them() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    market.product(&mut files, "BALL", 2_490);
    market.stock(&mut files, "BALL", 0, 10);
    files.stop();
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
        let url = format!("http://{}/metrics", node.operations);
        let until = Instant::now() + Duration::from_secs(30);
        let page = loop {
            let page = reqwest::get(&url).await.expect("the listener answers").text().await.expect("a page");
            let missing: Vec<&str> =
                NAMES.iter().map(|(name, _)| *name).filter(|name| sample(&page, name).is_none()).collect();
            if missing.is_empty() {
                break page;
            }
            assert!(Instant::now() < until, "{missing:?} are missing in\n{page}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        for (name, labels) in NAMES {
            let line = sample(&page, name).expect("it was just there");
            for label in labels {
                assert!(line.contains(&format!("{label}=\"")), "{line} has no label {label}");
            }
        }
        let revenue = sample(&page, "gearify_revenue_minor_total").expect("something was sold");
        assert!(!revenue.ends_with(" 0"), "{revenue}");
        let (clean, said) = promtool(&["check", "metrics"], Path::new("."), &page);
        assert!(clean && said.trim().is_empty(), "{said}");
    });
    node.stop();
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
