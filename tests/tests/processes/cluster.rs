//! Three nodes of one cluster, each the real binary: joined by token, written to through followers, and
//! their leaders killed while people order.

use crate::buyers::{Acknowledged, Attempt, Heard, acknowledged, read};
use crate::kills::retried;
use crate::region::{PATIENCE, Region, token_in};
use gearify_tests::audit::orders_in;
use gearify_tests::http::Host;
use gearify_tests::process::{free_address, gearify, run};
use gearify_tests::shop::Premises;
use reqwest::Method;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const ROUNDS: usize = 3;
const BUYERS: usize = 4;
/// How a node is asked for an order that was placed at another while it stood still.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Asked {
    /// As it comes: it may not have heard of the order yet.
    Plainly,
    /// With the position of the order.
    WithPosition,
    Linearizably,
}

/// Orders placed while a follower stands still, and asked for there the moment it goes on; how many of those that
/// were asked for plainly it had not heard of.
fn nothing_old_is_told(premises: &Premises, region: &Region<'_>) -> (Vec<Acknowledged>, usize) {
    let leader = region.leader("region-0");
    let follower = (leader + 1) % 3;
    let (mut orders, mut old) = (Vec::new(), 0);
    for number in 0..15 {
        let asked = [Asked::Plainly, Asked::WithPosition, Asked::Linearizably][number % 3];
        premises.runtime.block_on(async {
            let (there, here) = (region.host(leader), region.host(follower));
            let attempt =
                Attempt::prepare(&there, "BALL", 2_000_000 + number, "tok_ok").await.expect("a cart");
            region.nodes[&follower].pause();
            let answer = attempt.place().await;
            region.nodes[&follower].resume();
            let answer = answer.expect("a majority answers").expect(201);
            let order = acknowledged(&answer.json);
            let position = answer.position.expect("a write tells its position");
            let request = here.request(Method::GET, &format!("/api/v1/orders/{}", order.id));
            let request = request.header("order-token", &order.token);
            let request = match asked {
                Asked::Plainly => request,
                Asked::WithPosition => request.header("gearify-min-position", position),
                Asked::Linearizably => request.header("gearify-consistency", "linearizable"),
            };
            let told = here.send(request).await.expect("it answers");
            match asked {
                Asked::Plainly if told.status == 404 => old += 1,
                _ => assert_eq!(acknowledged(&told.expect(200).json), order, "asked {asked:?}"),
            }
            orders.push(order);
        });
    }
    (orders, old)
}

/// Buys until told to stop, whatever happens to the nodes meanwhile.
pub async fn buy_through(
    host: Host,
    stop: Arc<AtomicBool>,
    serial: Arc<AtomicUsize>,
    last: Arc<LastSale>,
) -> Heard {
    let mut heard = Heard::default();
    while !stop.load(Ordering::Relaxed) {
        let number = serial.fetch_add(1, Ordering::Relaxed);
        let sku = ["BALL", "GRIP", "RARE"][number % 3];
        let Ok(attempt) = Attempt::prepare(&host, sku, number, "tok_ok").await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let answer = attempt.place().await;
        let before = heard.acknowledged.len();
        heard.note(attempt, answer);
        if heard.acknowledged.len() > before {
            last.note();
        }
    }
    heard
}

/// When an order was last acknowledged.
pub struct LastSale(Mutex<Instant>);

impl Default for LastSale {
    fn default() -> LastSale {
        LastSale(Mutex::new(Instant::now()))
    }
}

impl LastSale {
    fn note(&self) {
        *self.0.lock().expect("nobody panics here") = Instant::now();
    }

    fn at(&self) -> Instant {
        *self.0.lock().expect("nobody panics here")
    }
}

#[test]
fn three_nodes_lose_no_acknowledged_order_when_their_leaders_are_killed() {
    let premises = Premises::new();
    let market =
        premises.shop_selling(&[("BALL", 2_490, 100_000), ("GRIP", 333, 100_000), ("RARE", 4_999, 20)]);

    // A node that served alone becomes the first of three.
    let mut region = Region::of(&premises, 3);
    let first_token = token_in(&region.done(0, &["cluster", "init"]));
    region.start(0);
    region.join(1, &first_token);
    let replayed = region.tell(2, &["join", &first_token, &region.peers[0].to_string()]);
    assert!(!replayed.status.success());
    assert!(replayed.stderr.contains("this join token was used"), "{}", replayed.stderr);
    region.start(1);
    // Joined through a node that does not lead.
    let token = token_in(&region.done(1, &["cluster", "token"]));
    region.join(2, &token);
    region.start(2);
    region.wait_for_voters(&[1, 2, 3]);

    let serial = Arc::new(AtomicUsize::new(0));
    let mut known: Vec<Acknowledged> = Vec::new();
    let (mut uncertain, mut pauses) = (0, Vec::new());

    // A write through a follower is there on it, and on every other node soon.
    let leader = region.leader("region-0");
    let follower = (leader + 1) % 3;
    premises.runtime.block_on(async {
        let host = region.host(follower);
        let attempt = Attempt::prepare(&host, "BALL", 1_000_000, "tok_ok").await.expect("a cart");
        let answer = attempt.place().await.expect("the follower answers").expect(201);
        let order = acknowledged(&answer.json);
        assert_eq!(acknowledged(&read(&host, &order).await), order, "it reads its own write");
        known.push(order);
    });

    let (orders, old) = nothing_old_is_told(&premises, &region);
    println!("a follower that stood still had not heard of {old} of {} orders", orders.len() / 3);
    known.extend(orders);

    for _ in 0..ROUNDS {
        let leader = region.leader("region-0");
        let survivors: Vec<usize> = (0..3).filter(|n| *n != leader).collect();
        let stop = Arc::new(AtomicBool::new(false));
        let last = Arc::<LastSale>::default();
        let heard = premises.runtime.block_on(async {
            let mut buyers = JoinSet::new();
            for buyer in 0..BUYERS {
                let host = region.host(survivors[buyer % survivors.len()]);
                buyers.spawn(buy_through(host, stop.clone(), serial.clone(), last.clone()));
            }
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            region.nodes.remove(&leader).expect("it runs").kill();
            let killed = Instant::now();
            // The others elect, and sell again.
            while last.at() < killed + Duration::from_millis(300) {
                assert!(killed.elapsed() < PATIENCE, "nothing is sold after the leader was killed");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            pauses.push(last.at() - killed);
            tokio::time::sleep(Duration::from_millis(500)).await;
            stop.store(true, Ordering::Relaxed);
            let mut heard = Heard::default();
            while let Some(bought) = buyers.join_next().await {
                heard.add(bought.expect("buyers do not panic"));
            }
            // What was uncertain becomes certain, at another node, under the same key.
            uncertain += heard.unknown.len();
            let until = Instant::now() + PATIENCE;
            while !heard.unknown.is_empty() {
                assert!(Instant::now() < until, "{} outcomes stay unknown", heard.unknown.len());
                let unknown = std::mem::take(&mut heard.unknown);
                heard.add(retried(unknown, &region.host(survivors[0])).await);
            }
            heard
        });
        known.extend(heard.acknowledged);
        region.start(leader);
    }
    println!(
        "{ROUNDS} leaders killed: {} orders, {uncertain} uncertain, sold again after {pauses:?}",
        known.len()
    );
    assert!(known.len() > ROUNDS * 5, "too few orders to mean anything: {}", known.len());

    // Every node, the restarted ones too, tells every acknowledged order.
    premises.runtime.block_on(async {
        for n in 0..3 {
            let host = region.host(n);
            for order in &known {
                let until = Instant::now() + PATIENCE;
                loop {
                    let now = read(&host, order).await;
                    assert_eq!(acknowledged(&now), *order, "node {}", n + 1);
                    if now["payment_status"] != "pending" {
                        break;
                    }
                    assert!(Instant::now() < until, "the payment is not settled: {now}");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    });
    let dirs: Vec<_> = (0..3).map(|n| region.serve(n).data).collect();
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
    let told: BTreeSet<String> = known.iter().map(|order| order.id.clone()).collect();
    for dir in dirs {
        assert_eq!(orders_in(&dir, market.tenant), told, "{}", dir.display());
    }
}

#[test]
fn a_removed_node_ends_and_serves_no_more() {
    let premises = Premises::new();
    let (files, _) = premises.open_shop();
    files.stop();
    let mut region = Region::of(&premises, 3);
    let token = token_in(&region.done(0, &["cluster", "init"]));
    let again = region.tell(0, &["cluster", "init"]);
    assert!(again.stderr.contains("belongs to cluster"), "{}", again.stderr);
    region.start(0);
    let last = region.tell(0, &["node", "remove", "1"]);
    assert!(last.stderr.contains("node 1 is the last one"), "{}", last.stderr);
    let garbage = region.tell(1, &["join", "gearify-join-00", &region.peers[0].to_string()]);
    assert!(garbage.stderr.contains("this is not a join token"), "{}", garbage.stderr);

    // With a master key of its own, a node could not read what it is sent.
    let stranger = premises.data().with_file_name("stranger");
    let mut own_key = gearify(&["join", &token, &region.peers[0].to_string()]);
    own_key.args(["--set", &format!("node.data_dir={}", stranger.display())]);
    own_key.args(["--set", &format!("cluster.listen={}", region.peers[2])]);
    let refused = run(own_key);
    assert!(refused.stderr.contains("its master key is not the cluster's"), "{}", refused.stderr);

    let refused = ["token-used", "master-key"].map(|reason| region.refused(0, reason));
    assert_eq!(refused, [0, 1]);
    assert!(region.nodes[&0].log().contains("its master key is not the cluster's"));

    // The token was not spent by that.
    region.join(1, &token);
    region.start(1);
    let drained = region.done(0, &["node", "drain", "2"]);
    assert!(drained.contains("node 2"), "{drained}");
    region.done(0, &["node", "drain", "2", "--undo"]);
    region.done(0, &["node", "remove", "2"]);
    let removed = region.nodes.remove(&1).expect("it runs");
    let status = removed.ended();
    assert!(!status.success(), "{status}");
    let ran = run(region.serve(1).command(free_address(), free_address()));
    assert!(ran.stderr.contains("was removed from cluster"), "{}", ran.stderr);
    // Its log alone can't make it a node again, and the first goes on.
    region.wait_until_first_is_alone();
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}
