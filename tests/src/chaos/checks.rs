//! What must hold at the end of every run, on every node.

use super::crowd::{Street, Told, settle};
use super::fleet::{Fleet, PATIENCE};
use super::say;
use crate::audit::{orders_in, same_as_provider};
use crate::buyers::{Acknowledged, acknowledged};
use crate::http::Host;
use gearify_node::projectors::ledger::Ledger;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// After faults end, the region sells again within this time.
pub const SELLS_WITHIN: Duration = Duration::from_secs(30);

/// Every acknowledged order is there, as it was told, through every node.
///
/// # Panics
/// With the first that is missing or different.
pub fn every_order_is_told(fleet: &Fleet, told: &Told) {
    fleet.premises.runtime.block_on(async {
        for n in fleet.nodes.keys() {
            let host = fleet.host(*n);
            for order in told.orders.values() {
                is_told(&host, *n, order).await;
            }
        }
    });
}

/// Acknowledged orders that the first node, which serves, does not know.
pub fn missing(fleet: &Fleet, told: &Told) -> usize {
    let host = fleet.host(0);
    fleet.premises.runtime.block_on(async {
        let mut missing = 0;
        for order in told.orders.values() {
            missing += usize::from(read(&host, order).await.is_err());
        }
        missing
    })
}

async fn is_told(host: &Host, n: usize, order: &Acknowledged) {
    let until = Instant::now() + SELLS_WITHIN;
    loop {
        let answer = read(host, order).await;
        let said = match answer {
            Ok(json) if json["payment_status"] != "pending" => {
                assert_eq!(acknowledged(&json), *order, "node {} tells another order", n + 1);
                return;
            }
            Ok(json) => format!("its payment is not settled: {json}"),
            Err(said) => said,
        };
        assert!(
            Instant::now() < until,
            "node {} does not tell the acknowledged order {} ({}): {said}",
            n + 1,
            order.number,
            order.id
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn read(host: &Host, order: &Acknowledged) -> Result<Value, String> {
    let request = host.request(reqwest::Method::GET, &format!("/api/v1/orders/{}", order.id));
    let answer = host.send(request.header("order-token", &order.token)).await;
    let answer = answer.map_err(|error| error.to_string())?;
    if answer.status.as_u16() == 200 {
        Ok(answer.json)
    } else {
        Err(format!("{}: {}", answer.status, answer.json))
    }
}

/// With all nodes up and every fault over: unknown calls become known, the calls about the SKU that runs out have
/// an order that explains them, every acknowledged order is told by every node, and once all have stopped their
/// files are whole, agree with each other and with the provider's book, and hold the orders that clients were
/// told of and no other.
///
/// # Panics
/// With what does not hold.
pub fn all_is_well(fleet: &mut Fleet, street: &Street, told: &mut Told) {
    settle(&fleet.premises.runtime, street, told, PATIENCE);
    say(&street.history.explains_the_rare());
    every_order_is_told(fleet, told);
    fleet.wait_until_level();
    let nodes: Vec<usize> = fleet.nodes.keys().copied().collect();
    fleet.stop_all();
    let book = fleet.premises.statement();
    let known: BTreeSet<String> = told.orders.values().map(|order| order.id.clone()).collect();
    assert_eq!(known.len(), told.orders.len(), "two intentions were told the same order");
    let mut first: Option<(usize, Shared)> = None;
    for n in nodes {
        let facts = audited(fleet, n);
        match &first {
            None => first = Some((n, facts)),
            Some((other, before)) => assert_same(*other, before, n, &facts),
        }
        let data = fleet.seats[n].disk.place();
        let there = orders_in(data, fleet.market.tenant);
        let (lost, strange): (Vec<_>, Vec<_>) =
            (known.difference(&there).collect(), there.difference(&known).collect());
        assert!(lost.is_empty(), "node {} lost {lost:?}", n + 1);
        assert!(strange.is_empty(), "node {} has orders that nobody was told of: {strange:?}", n + 1);
        let (ledger, _) = Ledger::open(&data.join("projections/ledger.db"), gearify_commerce::Shard::FIRST)
            .expect("the ledger opens");
        same_as_provider(&ledger.db(), &book);
    }
}

/// What nodes of one region must share, by what it is of.
type Shared = BTreeMap<String, String>;

/// The offline audit of a stopped node: all is well with it. Answers what it shares with others.
///
/// # Panics
/// With what is not.
pub fn audited(fleet: &Fleet, n: usize) -> Shared {
    let ran = fleet.tell(n, &["doctor", "--audit", "--json"]);
    let findings: Vec<Value> = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("node {}: {error}: {} {}", n + 1, ran.stdout, ran.stderr));
    let wrong = findings.iter().filter(|finding| finding["ok"] != true);
    // A cut may have damaged what is made again from the log; that it is the same then is looked at below.
    let (mended, wrong): (Vec<&Value>, Vec<&Value>) = wrong
        .partition(|finding| finding["check"].as_str().is_some_and(|check| check.starts_with("mended ")));
    let as_told = ran.status.success() || !mended.is_empty();
    assert!(as_told && wrong.is_empty(), "node {}: {wrong:#?}", n + 1);
    let text = |finding: &Value, name: &str| finding[name].as_str().unwrap_or_default().to_owned();
    let told = findings.iter().map(|finding| (text(finding, "check"), text(finding, "detail")));
    let is_shared =
        |check: &str| ["rows of ", "table ", "history of "].iter().any(|kind| check.starts_with(kind));
    let shared = told.filter(|(check, _)| is_shared(check)).map(|(check, detail)| {
        // How far a history goes and in how many files is each node's own; its events are not.
        let detail = match check.starts_with("history of ") {
            true => detail.split(" in ").next().unwrap_or_default().to_owned(),
            false => detail,
        };
        (check, detail)
    });
    let shared: Shared = shared.collect();
    assert!(shared.len() > 6, "the audit looked at rows and tables: {shared:?}");
    shared
}

fn assert_same(one: usize, facts: &Shared, other: usize, others: &Shared) {
    let differ: Vec<String> = facts
        .iter()
        .filter(|(what, detail)| others.get(*what) != Some(*detail))
        .map(|(what, detail)| format!("{what}: {detail} and {:?}", others.get(what)))
        .collect();
    assert!(differ.is_empty(), "nodes {} and {} differ: {}", one + 1, other + 1, differ.join("; "));
}
