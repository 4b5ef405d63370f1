//! Disks that fill while people order: what is new is refused, what is under way goes on, nothing is lost.

use crate::buyers::{Acknowledged, Attempt, Heard, acknowledged, read};
use crate::cluster::buy_through;
use crate::kills::retried;
use crate::mounts::Mount;
use crate::region::{PATIENCE, Region};
use gearify_node::testpay::Faults;
use gearify_tests::audit::orders_in;
use gearify_tests::http::{Answer, Cart, Host};
use gearify_tests::process::free_address;
use gearify_tests::scrape::scrape;
use gearify_tests::shop::{OWNER, Premises};
use reqwest::Method;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const DISK_MIB: u64 = 384;
const BUYERS: usize = 4;

async fn soon(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Whether something new is taken in here; if not, it is said as it should be.
async fn takes_in(host: &Host) -> bool {
    let cart = Cart::begin(host).await.expect("to begin a cart keeps nothing yet");
    let request = host.request(Method::POST, &format!("/api/v1/carts/{}/lines", cart.id));
    let request = request.header("cart-token", &cart.token).json(&json!({ "sku": "BALL", "quantity": 1 }));
    let response = request.send().await.expect("the node answers");
    match response.status().as_u16() {
        200 => true,
        507 => {
            let seconds = response.headers()["retry-after"].to_str().expect("a number").parse::<u64>();
            assert!(seconds.expect("a number") > 0);
            let text = response.text().await.expect("a problem");
            assert!(text.contains("/problems/insufficient-storage"), "{text}");
            false
        }
        503 => false,
        other => panic!("{other}"),
    }
}

async fn cancel(host: &Host, order: &Acknowledged) -> Answer {
    let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
    let path = format!("/api/v1/admin/orders/{}/cancel", order.id);
    let request = host.request(Method::POST, &path).bearer_auth(token).json(&json!({ "reason": "no room" }));
    host.send(request).await.expect("the node answers")
}

async fn refund(host: &Host, order: &Acknowledged) -> Answer {
    let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
    let path = format!("/api/v1/admin/orders/{}/refunds", order.id);
    let request = host.request(Method::POST, &path).bearer_auth(token);
    let request = request.header("idempotency-key", format!("\"refund-{}\"", order.id));
    host.send(request.json(&json!({ "goodwill": 100, "reason": "late" }))).await.expect("the node answers")
}

async fn status_of(host: &Host, order: &Acknowledged, is_settled: impl Fn(&str, &str) -> bool) {
    soon("the order is settled", async || {
        let now = read(host, order).await;
        let text = |name: &str| now[name].as_str().unwrap_or_default().to_owned();
        is_settled(&text("status"), &text("payment_status"))
    })
    .await;
}

/// Waits until every node is ready, and starts those again that could not write; the last write may have failed
/// only just now. Gives who they were.
fn start_those_that_ended(region: &mut Region<'_>) -> BTreeSet<usize> {
    let until = Instant::now() + PATIENCE;
    let mut ended = BTreeSet::new();
    loop {
        let waits: Vec<usize> =
            region.nodes.keys().copied().filter(|n| !region.nodes[n].is_ready()).collect();
        if waits.is_empty() {
            return ended;
        }
        for n in waits {
            let node = region.nodes.get_mut(&n).expect("it was started");
            let Some(status) = node.has_ended() else { continue };
            let log = node.log();
            // Whoever wrote says it in words of their own: a file, SQLite, sled.
            let says_why = ["No space left", "database or disk is full", "no storage space"];
            let says_why = says_why.iter().any(|words| log.contains(words));
            assert!(says_why || log.contains("can't listen on"), "node {} ended, {status}: {log}", n + 1);
            ended.insert(n);
            let again = region.serve(n).spawn(free_address(), free_address());
            region.nodes.insert(n, again);
        }
        assert!(Instant::now() < until, "with room they are ready: {:?}", {
            let told = region.nodes.iter().filter(|(_, node)| !node.is_ready());
            told.map(|(n, node)| (*n, node.is_not_ready(), node.log())).collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn three_disks_fill_under_load_and_nothing_is_lost() {
    let premises = Premises::new();
    let mut region = Region::of(&premises, 3);
    let disks: Vec<Mount> = (0..3).map(|n| Mount::disk(DISK_MIB, &region.serve(n).data)).collect();
    let market =
        premises.shop_selling(&[("BALL", 2_490, 100_000), ("GRIP", 333, 100_000), ("RARE", 4_999, 20)]);
    region.grow(3);
    let leader = region.leader("region-0");
    let hosts: Vec<Host> = (0..3).map(|n| region.host(n)).collect();

    let (stop, serial) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    // Some go on whatever becomes of the disks, until there is room again.
    let (room, mut stubborn) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for host in &hosts {
        let buying = buy_through(host.clone(), room.clone(), serial.clone(), Arc::default());
        stubborn.spawn_on(buying, premises.runtime.handle());
    }
    let (mut known, under_way) = premises.runtime.block_on(async {
        let mut buyers = JoinSet::new();
        for buyer in 0..BUYERS {
            let host = hosts[buyer % 3].clone();
            buyers.spawn(buy_through(host, stop.clone(), serial.clone(), Arc::default()));
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        // Payments that will be decided only when the disks are full.
        let slow = Faults { delay_ms: 4_000, ..Faults::default() };
        let late = Attempt::prepare(&hosts[0], "BALL", 900_000, "tok_ok").await.expect("a cart");
        premises.provider.set_faults(&slow).await.expect("the provider takes orders");
        let under_way = tokio::spawn(async move { late.place().await });
        tokio::time::sleep(Duration::from_millis(500)).await;

        // One node alone, and not the leader: everybody hears of it everywhere.
        disks[(leader + 1) % 3].fill_to(30);
        for host in &hosts {
            soon("nothing new is taken in", async || !takes_in(host).await).await;
        }
        disks
            .iter()
            .enumerate()
            .filter(|(n, _)| *n != (leader + 1) % 3)
            .for_each(|(_, disk)| disk.fill_to(30));
        stop.store(true, Ordering::Relaxed);
        let mut heard = Heard::default();
        while let Some(bought) = buyers.join_next().await {
            heard.add(bought.expect("buyers do not panic"));
        }
        let under_way = under_way.await.expect("no panic").expect("an answer").expect(201);
        premises.provider.set_faults(&Faults::default()).await.expect("the provider takes orders");
        (heard, acknowledged(&under_way.json))
    });
    assert!(known.acknowledged.len() > 5, "too few orders to mean anything: {}", known.acknowledged.len());
    known.acknowledged.push(under_way.clone());

    // All three are full. Each says so, and what is under way comes to its end through each of them.
    for (n, host) in hosts.iter().enumerate() {
        premises.runtime.block_on(soon("it is noticed", async || !takes_in(host).await));
        let until = Instant::now() + PATIENCE;
        let room = || premises.runtime.block_on(scrape(&region.nodes[&n])).sum("gearify_disk_room", &[]);
        while room() != Some(2.0) {
            assert!(Instant::now() < until, "node {} does not say that it is full", n + 1);
        }
        assert!(!region.serve(n).data.join("reserve").exists(), "the reserve is given");
        let said = region.nodes[&n].log().matches("the disk is nearly full").count();
        assert_eq!(said, 1, "it is said once");
    }
    premises.runtime.block_on(async {
        status_of(&hosts[0], &under_way, |_, payment| payment == "paid").await;
        for (n, host) in hosts.iter().enumerate() {
            let order = &known.acknowledged[n];
            status_of(host, order, |_, payment| payment == "paid").await;
            refund(host, order).await.expect(201);
            status_of(host, order, |_, payment| payment == "partially_refunded").await;
            let order = &known.acknowledged[n + 3];
            status_of(host, order, |_, payment| payment == "paid" || payment == "failed").await;
            let cancelled = cancel(host, order).await;
            assert!([200, 202].contains(&cancelled.status.as_u16()), "{}", cancelled.json);
            status_of(host, order, |status, _| status == "cancelled").await;
        }
        let product = hosts[1].get("/api/v1/products/rare").await.expect(200).text("id");
        let token = hosts[1].sign_in_staff(OWNER.0, OWNER.1).await;
        let path = format!("/api/v1/admin/products/{product}");
        let deleted = hosts[1].send(hosts[1].request(Method::DELETE, &path).bearer_auth(token)).await;
        let deleted = deleted.expect("the node answers");
        assert!(deleted.status.is_success(), "{}: {}", deleted.status, deleted.json);
        for host in &hosts {
            assert!(!takes_in(host).await, "still nothing new");
        }
    });

    // Other files take the very last byte, and what was let in still comes: a node that can't write any more
    // ends, with a line that says why.
    disks.iter().for_each(Mount::fill);
    premises.runtime.block_on(async {
        let until = Instant::now() + Duration::from_secs(8);
        for order in known.acknowledged.iter().cycle() {
            let host = &hosts[rand::random_range(0..3)];
            let request = host.request(Method::GET, &format!("/api/v1/orders/{}", order.id));
            let _ = host.send(request.header("order-token", &order.token)).await;
            let sign_in = json!({ "email": OWNER.0, "password": OWNER.1 });
            let _ = host.send(host.request(Method::POST, "/api/v1/admin/auth/login").json(&sign_in)).await;
            if Instant::now() > until {
                break;
            }
        }
    });

    // Somebody makes room.
    disks.iter().for_each(Mount::empty);
    let ended = start_those_that_ended(&mut region);
    println!("nodes that ended on a full disk: {ended:?}");
    premises.runtime.block_on(async {
        for n in 0..3 {
            soon("new orders are taken in again", async || takes_in(&region.host(n)).await).await;
        }
        room.store(true, Ordering::Relaxed);
        let bought_before = known.acknowledged.len();
        while let Some(bought) = stubborn.join_next().await {
            known.add(bought.expect("buyers do not panic"));
        }
        let (bought, unknown) = (known.acknowledged.len() - bought_before, known.unknown.len());
        println!("who went on through it all: {bought} orders, {unknown} outcomes unknown");
        assert!(bought > 3, "nobody was ordering before and after");
        let unknown = std::mem::take(&mut known.unknown);
        known.add(retried(unknown, &region.host(0)).await);
        assert!(known.unknown.is_empty(), "with the nodes up every outcome becomes known");
        let attempt = Attempt::prepare(&region.host(1), "BALL", 950_000, "tok_ok").await.expect("a cart");
        known.acknowledged.push(acknowledged(&attempt.place().await.expect("an answer").expect(201).json));
        for n in 0..3 {
            let host = region.host(n);
            for order in &known.acknowledged {
                assert_eq!(acknowledged(&read(&host, order).await), *order, "node {}", n + 1);
            }
        }
    });
    for n in 0..3 {
        let reserve = region.serve(n).data.join("reserve");
        premises.runtime.block_on(soon("the reserve is back", async || reserve.exists()));
    }
    println!("three full disks: {} orders, none lost", known.acknowledged.len());
    let dirs: Vec<_> = (0..3).map(|n| region.serve(n).data).collect();
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
    let told: BTreeSet<String> = known.acknowledged.iter().map(|order| order.id.clone()).collect();
    for dir in dirs {
        assert_eq!(orders_in(&dir, market.tenant), told, "{}", dir.display());
    }
}
