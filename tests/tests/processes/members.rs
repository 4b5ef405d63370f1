//! Nodes that come and go while the region sells: one replaced, one asked to end.

use crate::buyers::{Attempt, Heard, acknowledged, read};
use crate::cluster::buy_through;
use crate::region::{PATIENCE, Region, token_in};
use gearify_node::testpay::Faults;
use gearify_storage::{MasterKey, SystemRandom};
use gearify_tests::process::{free_address, run};
use gearify_tests::shop::Premises;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const IN_WORK: usize = 6;

#[test]
fn a_lost_node_is_replaced_and_one_that_is_asked_to_end_loses_no_order() {
    let premises = Premises::new();
    premises.shop_selling(&[("BALL", 2_490, 100_000)]);
    let mut region = Region::of(&premises, 4);
    region.grow(3);

    // With the key of another cluster, nobody gives orders here.
    let stranger = premises.data().with_file_name("stranger.key");
    MasterKey::load_or_create(&stranger, &SystemRandom).expect("the directory takes a key");
    let forged = region.tell_with_key(0, &stranger, &["node", "remove", "2"]);
    assert!(forged.stderr.contains("the master key did not sign"), "{}", forged.stderr);
    assert_eq!(region.refused(0, "order"), 1);

    // Node 3 is lost for good. Any other gives the token, and the new one is node 4.
    region.nodes.remove(&2).expect("it runs").kill();
    let other_key = region.serve(2).set("keys.master_key_file", stranger.display());
    let other_key = run(other_key.command(free_address(), free_address()));
    assert!(other_key.stderr.contains("the master key is not that of cluster"), "{}", other_key.stderr);
    let unknown = region.tell(1, &["node", "replace", "7"]);
    assert!(unknown.stderr.contains("there is no node 7"), "{}", unknown.stderr);
    let token = token_in(&region.done(1, &["node", "replace", "3"]));
    region.join(3, &token);
    let twice = region.tell(1, &["node", "replace", "3"]);
    assert!(twice.stderr.contains("is being replaced by node 4"), "{}", twice.stderr);
    region.start(3);
    region.wait_for_voters(&[1, 2, 4]);
    let until = Instant::now() + PATIENCE;
    while region.status(0)["nodes"][2]["state"] != "removed" {
        assert!(Instant::now() < until, "node 3 is still there: {}", region.status(0));
        std::thread::sleep(Duration::from_millis(200));
    }
    let back = run(region.serve(2).command(free_address(), free_address()));
    assert!(!back.status.success() && back.stderr.contains("was removed from"), "{}", back.stderr);

    // The leader is asked to end while people order through it and through the others.
    let leader = region.leader("region-0");
    let others: Vec<usize> = [0, 1, 3].into_iter().filter(|n| *n != leader).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let serial = Arc::new(AtomicUsize::new(IN_WORK));
    let host = region.host(leader);
    let ending = region.nodes.remove(&leader).expect("it runs");
    let (heard, answered) = premises.runtime.block_on(async {
        let mut waiting = Vec::new();
        for number in 0..IN_WORK {
            waiting.push(Attempt::prepare(&host, "BALL", number, "tok_ok").await.expect("a cart"));
        }
        let mut buyers = JoinSet::new();
        for n in &others {
            buyers.spawn(buy_through(region.host(*n), stop.clone(), serial.clone(), Arc::default()));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
        let slow = Faults { delay_ms: 800, ..Faults::default() };
        premises.provider.set_faults(&slow).await.expect("the provider takes orders");
        let mut orders = JoinSet::new();
        for attempt in waiting {
            orders.spawn(async move { attempt.place().await });
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        ending.ask_to_end();
        let mut answered = Vec::new();
        while let Some(answer) = orders.join_next().await {
            let answer = answer.expect("buyers do not panic").expect("an accepted order is answered");
            answered.push(acknowledged(&answer.expect(201).json));
        }
        premises.provider.set_faults(&Faults::default()).await.expect("the provider takes orders");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        stop.store(true, Ordering::Relaxed);
        let mut heard = Heard::default();
        while let Some(bought) = buyers.join_next().await {
            heard.add(bought.expect("buyers do not panic"));
        }
        (heard, answered)
    });
    let log = ending.log();
    let status = ending.ended();
    assert!(status.success(), "{status}: {log}");
    assert!(!log.contains("leadership was not handed over"), "{log}");
    assert_eq!(answered.len(), IN_WORK);
    assert!(heard.unknown.is_empty(), "{} orders through others were left open", heard.unknown.len());
    assert!(heard.acknowledged.len() > 3, "the others sold {} meanwhile", heard.acknowledged.len());
    premises.runtime.block_on(async {
        for n in &others {
            for order in answered.iter().chain(&heard.acknowledged) {
                assert_eq!(acknowledged(&read(&region.host(*n), order).await), *order);
            }
        }
    });
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}

#[test]
fn certificates_are_renewed_while_the_region_serves() {
    let premises = Premises::new();
    let (files, _) = premises.open_shop();
    files.stop();
    let mut region = Region::of(&premises, 2);
    region.certificate_lifetime = "15s";
    let token = token_in(&region.done(0, &["cluster", "init"]));
    region.start(0);
    region.join(1, &token);
    region.start(1);
    let until = |region: &Region<'_>, n: usize| {
        let status = region.status(n);
        let of = |node: usize| status["nodes"][node]["report"]["certificate_until"].as_u64();
        (of(0), of(1))
    };
    let first = until(&region, 0);
    let begun = Instant::now();
    // Each asks whoever leads the roster; more than two lifetimes pass.
    while begun.elapsed() < Duration::from_secs(32) {
        std::thread::sleep(Duration::from_secs(2));
        // Each command opens a connection of its own, with the certificate that is on disk now.
        let now = until(&region, 1);
        assert!(now.0.is_some() && now.1.is_some(), "a node is not reached any more: {now:?}");
    }
    let last = until(&region, 0);
    assert!(last.0 > first.0.map(|at| at + 20) && last.1 > first.1.map(|at| at + 20), "{first:?} {last:?}");
    // A node that starts again shows the renewed one.
    region.nodes.remove(&1).expect("it runs").stop();
    region.start(1);
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}

#[test]
fn a_node_whose_majority_is_lost_goes_on_alone_when_told_to() {
    let premises = Premises::new();
    premises.shop_selling(&[("BALL", 2_490, 100)]);
    let mut region = Region::of(&premises, 4);
    region.grow(3);
    let buy = |region: &Region<'_>, n: usize, number: usize| {
        premises.runtime.block_on(async {
            let attempt = Attempt::prepare(&region.host(n), "BALL", number, "tok_ok").await.expect("a cart");
            acknowledged(&attempt.place().await.expect("an answer").expect(201).json)
        })
    };
    // Bought through the one that will be left: it has what it has answered.
    let before = buy(&region, 1, 1);
    for n in [0, 1, 2] {
        region.nodes.remove(&n).expect("it runs").kill();
    }
    let unsaid = region.tell(1, &["cluster", "recover"]);
    assert!(!unsaid.status.success() && unsaid.stderr.contains("will be gone"), "{}", unsaid.stderr);
    let said = region.done(1, &["cluster", "recover", "--accept-loss"]);
    assert!(said.contains("node 2 goes on alone") && said.contains("Entries after those are lost"), "{said}");
    region.start(1);
    let host = region.host(1);
    assert_eq!(acknowledged(&premises.runtime.block_on(read(&host, &before))), before);
    let after = buy(&region, 1, 2);
    // One of the lost comes back with its old files: nobody listens, and nothing of it counts.
    let mut old = region.serve(0).command(free_address(), free_address());
    let mut old =
        old.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).spawn().expect("it runs");
    // Others join anew, under numbers that were never given.
    region.join_by(3, &token_in(&said), 1, 4);
    region.start(3);
    let again = token_in(&region.done(1, &["cluster", "token"]));
    std::fs::remove_dir_all(region.serve(2).data).expect("the old files can be removed");
    region.join_by(2, &again, 1, 5);
    region.start(2);
    for order in [&before, &after] {
        let host = region.host(2);
        assert_eq!(acknowledged(&premises.runtime.block_on(read(&host, order))), *order);
    }
    let status = region.status(1);
    assert_eq!(status["nodes"][0]["state"], "removed", "{status}");
    old.kill().expect("a child can be killed");
    old.wait().expect("a killed child ends");
    buy(&region, 3, 3);
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}
