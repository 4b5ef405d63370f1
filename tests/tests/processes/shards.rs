//! A region divided into shards: on one node, and on five of which each has some.

use crate::region::{PATIENCE, Region, token_in};
use gearify_commerce::orders::ORDERS;
use gearify_commerce::{GroupKind, Shard, Site};
use gearify_node::rebuild::{self, LiveBytes, Rebuilt};
use gearify_node::state::GroupKey;
use gearify_tests::buyers::{Attempt, acknowledged, read};
use gearify_tests::http::Host;
use gearify_tests::market::Market;
use gearify_tests::shop::{OWNER, Premises};
use gearify_tests::stage::look;
use gearify_tests::{Cluster, audit};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SHOPS: [&str; 5] = ["willow", "boundary", "maidan", "pavilion", "crease"];

pub fn host(address: SocketAddr, slug: &str) -> Host {
    Host::new(address, &format!("{slug}.localhost"))
}

/// Gives a shop a warehouse, and so many balls in it.
pub async fn stock(host: &Host, slug: &str, pieces: i64) {
    let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
    let send = async |path: &str, body: Value| {
        let request = host.request(Method::POST, path).bearer_auth(&token).json(&body);
        let request = request.header("idempotency-key", format!("{slug}-{path}"));
        host.send(request).await.expect("the node answers")
    };
    let warehouse = json!({ "code": "MAIN", "name": "Main", "country": "GB", "priority": 1 });
    send("/api/v1/admin/warehouses", warehouse).await.expect(201);
    let counted = json!({ "sku": "BALL", "delta": pieces, "reason": "received" });
    send("/api/v1/admin/inventory/adjustments", counted).await.expect(200);
}

/// The shard of each shop, as a node of the region knows it.
fn shards_of(files: &Cluster, markets: &[Market]) -> Vec<Option<Shard>> {
    let shards = &files.node(1).shards;
    markets.iter().map(|market| shards.shard_of(market.tenant, Site::FIRST)).collect()
}

/// Buys one ball; answers the order's number.
async fn buy(host: &Host, serial: usize) -> String {
    let attempt = Attempt::prepare(host, "BALL", serial, "tok_ok").await.expect("a cart");
    let order = acknowledged(&attempt.place().await.expect("an answer").expect(201).json);
    let again = attempt.place().await.expect("an answer").expect(201);
    assert!(again.replayed, "keys are remembered in the shop's shard");
    assert_eq!(acknowledged(&read(host, &order).await), order);
    order.number
}

#[test]
fn three_shards_on_one_node_sell_side_by_side() {
    let premises = Premises::new();
    let mut files = premises.open();
    // The first shop sold before there were shards.
    let mut markets = vec![Market::open(&mut files, SHOPS[0])];
    files.divide(3);
    markets.extend(SHOPS[1..].iter().map(|slug| Market::open(&mut files, slug)));
    for market in &mut markets {
        market.product(&mut files, "BALL", 2_490);
        market.stock(&mut files, "BALL", 0, 10);
    }
    let placed = shards_of(&files, &markets);
    assert_eq!(placed, [0, 0, 1, 2, 0].map(|shard| Some(Shard(shard))));
    files.stop();

    let node = premises.start();
    premises.runtime.block_on(async {
        for (serial, slug) in SHOPS.iter().enumerate() {
            let numbers =
                [buy(&host(node.public, slug), serial).await, buy(&host(node.public, slug), serial).await];
            assert_ne!(numbers[0], numbers[1]);
        }
    });
    node.stop();

    let files = premises.open();
    assert_eq!(shards_of(&files, &markets), placed, "shops stay where they are");
    let before = files.projections(1);
    for market in &markets {
        let orders = look(&files, GroupKind::Region, market.tenant, |view| ORDERS.list(view, &(), 100));
        assert_eq!(orders.len(), 2);
        audit::check(&files, market.tenant);
    }
    let core = files.node(1);
    let sales = |shard| core.shards.get(Shard(shard)).expect("it runs here").handle.history.verify();
    assert!((0..3).all(|shard| sales(shard).expect("the history is whole").rows > 0));
    // Where every byte counts as one too many, no group's directory is passed over.
    let mut live_bytes = LiveBytes::new();
    let looking = rebuild::look_over(core.backend(), &mut live_bytes, 0, 0);
    let rebuilt = premises.runtime.block_on(looking);
    let groups: Vec<GroupKey> = core.backend().groups().map(|(key, _)| key).collect();
    assert_eq!(groups.len(), 5, "the world, the catalogue and three shards");
    assert!(groups.iter().all(|key| matches!(rebuilt.get(key), Some(Rebuilt::Done { .. }))), "{rebuilt:?}");
    assert_eq!(files.projections(1), before);
    files.stop();
    gearify_node::doctor::remove_projections(&premises.data()).expect("nothing runs on them");
    let files = premises.open();
    assert_eq!(files.projections(1), before, "each shard's projections come from its own history");
    files.stop();
}

/// The further shards that have so many voters and a leader among them, by the reports of all nodes.
fn settled_shards(status: &Value, shards: u16, voters: usize) -> BTreeSet<u16> {
    let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
    let is_settled = |shard: &u16| {
        let name = format!("region-{shard}");
        let reports = nodes.iter().filter_map(|node| {
            let group = node["report"]["groups"].get(&name)?;
            let votes = group["voters"].as_array()?.contains(&node["node"]);
            let is_whole = group["voters"].as_array()?.len() == voters && !group["leader"].is_null();
            (votes && is_whole).then_some(())
        });
        reports.count() == voters
    };
    (1..shards).filter(is_settled).collect()
}

/// Five nodes whose region is divided so, once every shard has its voters.
fn five_nodes(premises: &Premises, shards: u16, voters: usize) -> Region<'_> {
    let mut region = Region::of(premises, 5);
    let (count, width) = (shards.to_string(), voters.to_string());
    let init = ["cluster", "init", "--shards", &count, "--voters", &width];
    let mut token = token_in(&region.done(0, &init));
    region.start(0);
    for n in 1..5 {
        region.join(n, &token);
        region.start(n);
        token = token_in(&region.done(n, &["cluster", "token"]));
    }
    let until = Instant::now() + 2 * PATIENCE;
    loop {
        let status = region.status(0);
        if settled_shards(&status, shards, voters).len() == usize::from(shards - 1) {
            return region;
        }
        assert!(Instant::now() < until, "the shards are not settled: {status:#}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn open_shops(premises: &Premises, slugs: &[&str]) {
    let mut files = premises.open();
    for slug in slugs {
        let mut market = Market::open_in(&mut files, slug, "home");
        premises.add_owner(&mut files, &market);
        market.product(&mut files, "BALL", 2_490);
    }
    files.stop();
}

/// Buys in each of the shops through each of the nodes, which may still look for the leaders.
async fn buy_everywhere(region: &Region<'_>, slugs: &[&str], nodes: std::ops::Range<usize>) {
    for (serial, slug) in slugs.iter().enumerate() {
        for n in nodes.clone() {
            let host = host(region.nodes[&n].public, slug);
            let until = Instant::now() + PATIENCE;
            while Attempt::prepare(&host, "BALL", serial, "tok_ok").await.is_err() {
                assert!(Instant::now() < until, "{slug} through node {}", n + 1);
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            buy(&host, 100 + serial).await;
        }
    }
}

#[test]
fn five_nodes_with_shards_on_three_each_serve_every_shop() {
    let premises = Premises::new();
    open_shops(&premises, &SHOPS);
    let mut region = five_nodes(&premises, 4, 3);
    let address = |region: &Region<'_>, n: usize| region.nodes[&n].public;
    premises.runtime.block_on(async {
        // Each shop is stocked through another node, whichever has it.
        for (n, slug) in SHOPS.iter().enumerate() {
            stock(&host(address(&region, n), slug), slug, 100).await;
        }
        // And sells through every node.
        let mut serial = 0;
        for slug in SHOPS {
            let mut numbers = BTreeSet::new();
            for n in 0..5 {
                serial += 1;
                numbers.insert(buy(&host(address(&region, n), slug), serial).await);
            }
            assert_eq!(numbers.len(), 5, "{slug}: one row of numbers, whoever is asked");
        }
    });

    // One node is lost: every shard still has two of three voters.
    region.nodes.remove(&4).expect("it runs").kill();
    premises.runtime.block_on(buy_everywhere(&region, &SHOPS, 0..4));
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}

#[test]
fn a_shard_on_five_nodes_sells_when_two_of_them_are_lost() {
    let premises = Premises::new();
    let slugs = &SHOPS[..2];
    open_shops(&premises, slugs);
    let mut region = five_nodes(&premises, 2, 5);
    premises.runtime.block_on(async {
        for slug in slugs {
            stock(&host(region.nodes[&0].public, slug), slug, 100).await;
        }
    });
    for n in [3, 4] {
        region.nodes.remove(&n).expect("it runs").kill();
    }
    premises.runtime.block_on(buy_everywhere(&region, slugs, 0..3));
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}
