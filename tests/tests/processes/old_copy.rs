//! A node whose disk was replaced by an old copy of itself, and one that lost its raft log.

use crate::buyers::{Acknowledged, Attempt, acknowledged, read};
use crate::region::{Region, token_in};
use gearify_tests::files::copy;
use gearify_tests::process::{free_address, run};
use gearify_tests::shop::Premises;
use std::time::Duration;

/// Nodes tell each other every five seconds what they hold for good.
const TOLD_WITHIN: Duration = Duration::from_secs(8);

/// Three nodes that sell a ball.
fn three(premises: &Premises) -> Region<'_> {
    premises.shop_selling(&[("BALL", 2_490, 100)]);
    let mut region = Region::of(premises, 3);
    region.grow(3);
    region
}

/// An order that the node at a place has acknowledged.
fn buy(premises: &Premises, region: &Region<'_>, n: usize, number: usize) -> Acknowledged {
    premises.runtime.block_on(async {
        let attempt = Attempt::prepare(&region.host(n), "BALL", number, "tok_ok").await.expect("a cart");
        acknowledged(&attempt.place().await.expect("an answer").expect(201).json)
    })
}

/// What a node that does not start says, in its one line.
fn refusal(region: &Region<'_>, n: usize) -> String {
    let ran = run(region.serve(n).command(free_address(), free_address()));
    assert!(!ran.status.success(), "{}", ran.stdout);
    let said: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("gearify: ")).collect();
    assert_eq!(said.len(), 1, "{}", ran.stderr);
    said[0].to_owned()
}

#[test]
fn a_node_restored_from_an_old_copy_of_its_disk_does_not_vote_again() {
    let premises = Premises::new();
    let mut region = three(&premises);
    let old = (region.leader("region-0") + 1) % 3;
    let orders = bring_back_old(&premises, &mut region, old, Duration::ZERO);
    let leader = region.leader("region-0");
    let said = refusal(&region, old);
    assert!(said.contains("the disk is an old copy"), "{said}");
    if leader != old {
        assert_eq!(region.refused(leader, "old-copy"), 1);
        assert!(region.nodes[&leader].log().contains("came back with an old copy of its disk"));
    }
    goes_on(&premises, region, &orders);
}

#[test]
fn an_old_copy_is_noticed_by_a_follower_when_its_leader_is_gone() {
    let premises = Premises::new();
    let mut region = three(&premises);
    let first = region.leader("region-0");
    let old = (first + 1) % 3;
    let orders = bring_back_old(&premises, &mut region, old, TOLD_WITHIN);
    // Who knew exactly is gone too.
    region.nodes.remove(&first).expect("it runs").kill();
    let said = refusal(&region, old);
    assert!(said.contains("the disk is an old copy"), "{said}");
    region.start(first);
    goes_on(&premises, region, &orders);
}

/// A node's disk becomes what it was five orders ago, which the node had confirmed `ago`.
fn bring_back_old(
    premises: &Premises,
    region: &mut Region<'_>,
    old: usize,
    ago: Duration,
) -> Vec<Acknowledged> {
    let data = region.serve(old).data;
    let kept = data.with_file_name("kept");
    region.nodes.remove(&old).expect("it runs").stop();
    copy(&data, &kept);
    region.start(old);
    // It confirms orders, and then they are gone from its disk.
    let orders = (0..5).map(|number| buy(premises, region, old, number)).collect();
    std::thread::sleep(ago);
    region.nodes.remove(&old).expect("it runs").kill();
    std::fs::remove_dir_all(&data).expect("the test's directory can be emptied");
    std::fs::rename(&kept, &data).expect("the copy takes its place");
    orders
}

/// Nothing is harmed: the others have everything, and go on.
fn goes_on(premises: &Premises, mut region: Region<'_>, orders: &[Acknowledged]) {
    let others: Vec<usize> = region.nodes.keys().copied().collect();
    for n in &others {
        for order in orders {
            assert_eq!(acknowledged(&premises.runtime.block_on(read(&region.host(*n), order))), *order);
        }
    }
    buy(premises, &region, others[0], 9);
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}

#[test]
fn a_node_that_lost_only_its_raft_log_does_not_start_and_is_replaced() {
    let premises = Premises::new();
    let mut region = three(&premises);
    let lost = 2;
    let data = region.serve(lost).data;
    let mut orders = vec![buy(&premises, &region, lost, 0)];
    region.nodes.remove(&lost).expect("it runs").stop();
    // The rest of the log's directory still says that there were entries, however often it is asked.
    let log = data.join("log");
    std::fs::remove_file(log.join("raftlog.sqlite")).expect("the log is there");
    for _ in 0..2 {
        let said = refusal(&region, lost);
        assert!(said.contains("the raft log is damaged") && said.contains("must not vote again"), "{said}");
    }
    std::fs::remove_dir_all(&log).expect("the log can be removed");
    for _ in 0..2 {
        let said = refusal(&region, lost);
        assert!(
            said.contains("the raft log of node 3 is gone") && said.contains("must not vote again"),
            "{said}"
        );
        assert!(!log.exists(), "it began another log");
    }

    // The others have everything, and go on; another node takes the place.
    orders.push(buy(&premises, &region, 0, 1));
    let token = token_in(&region.done(0, &["node", "replace", "3"]));
    std::fs::remove_dir_all(&data).expect("the test's directory can be emptied");
    region.join_by(lost, &token, 0, 4);
    region.start(lost);
    region.wait_for_voters(&[1, 2, 4]);
    orders.push(buy(&premises, &region, lost, 2));
    for n in 0..3 {
        for order in &orders {
            assert_eq!(acknowledged(&premises.runtime.block_on(read(&region.host(n), order))), *order);
        }
    }
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}
