//! Three nodes: who may write, who may not, and what a cut does to either.

use super::*;
use crate::ReadError;
use crate::memory_net::{PassageKind, Verdict};
use rand::{Rng, SeedableRng};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

over_both_wires!(
    three_nodes_hold_the_same,
    a_follower_names_the_leader_and_accepts_nothing,
    a_follower_reads_what_was_acknowledged_before,
    a_read_that_meets_an_election_waits_for_its_end,
    a_leader_cut_off_loses_the_lead_and_its_unacknowledged_writes_are_unknown,
    without_a_majority_nothing_is_acknowledged,
    a_node_that_was_away_does_not_disturb_the_others,
    an_unreachable_member_is_not_asked_without_pause,
    streams_are_kept_open_between_uses,
    a_peer_that_swallows_frames_holds_nobody_up,
    a_leader_that_hears_nothing_is_replaced,
    nothing_acknowledged_is_lost_while_links_are_cut_at_random,
    nothing_acknowledged_is_lost_while_nodes_restart_and_lose_their_stores,
    frames_in_anothers_name_or_for_no_group_are_refused,
);

fn others(cluster: &Cluster, node: u64) -> Vec<u64> {
    cluster.nodes().into_iter().filter(|other| *other != node).collect()
}

async fn three_nodes_hold_the_same(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..500 {
        let group = cluster.group(leader).clone();
        tasks.spawn(async move { group.propose(named(number)).await.unwrap() });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    cluster.agreed().await;
    for node in cluster.nodes() {
        assert_eq!(cluster.shelf(node).commands(), 501);
    }
}

async fn a_follower_names_the_leader_and_accepts_nothing(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    for follower in others(&cluster, leader) {
        let refused = cluster.group(follower).propose(named("lost")).await;
        assert_eq!(refused, Err(ProposeError::NotLeader { leader: Some(NodeId(leader)) }));
    }
    cluster.agreed().await;
    assert_eq!(cluster.shelf(leader).count("lost"), 0);
}

async fn a_follower_reads_what_was_acknowledged_before(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    for round in 0..20 {
        let command = format!("round {round}");
        cluster.group(leader).propose(named(&command)).await.unwrap();
        for follower in others(&cluster, leader) {
            cluster.group(follower).read_barrier().await.unwrap();
            assert_eq!(cluster.shelf(follower).count(&command), 1);
        }
    }
}

async fn a_read_that_meets_an_election_waits_for_its_end(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    for round in 0..3 {
        let command = format!("round {round}");
        cluster.put(&command).await;
        let old = cluster.leader().await;
        let rest = others(&cluster, old);
        cluster.net.isolate(NodeId(old));
        for follower in rest {
            cluster.group(follower).read_barrier().await.unwrap();
            assert_eq!(cluster.shelf(follower).count(&command), 1);
        }
        cluster.net.heal();
        cluster.agreed().await;
    }
}

async fn a_leader_cut_off_loses_the_lead_and_its_unacknowledged_writes_are_unknown(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    cluster.put("before").await;
    let old = cluster.leader().await;
    let rest = others(&cluster, old);
    cluster.net.isolate(NodeId(old));

    let lonely = cluster.group(old).clone();
    let in_flight = tokio::spawn(async move { lonely.propose(named("lonely")).await });
    let new = cluster.leader_among(&rest).await;
    cluster.group(new).propose(named("after")).await.unwrap();
    assert_eq!(in_flight.await.unwrap(), Err(ProposeError::Unknown));
    // Once its lease has run out it accepts nothing more, and says so.
    let refused = cluster.group(old).propose(named("too late")).await;
    assert!(matches!(refused, Err(ProposeError::NotLeader { .. })), "{refused:?}");
    let read = cluster.group(old).read_barrier().await;
    assert!(read.is_err(), "a cut-off leader confirmed a read: {read:?}");

    cluster.net.heal();
    cluster.agreed().await;
    for node in cluster.nodes() {
        assert_eq!(cluster.shelf(node).count("before"), 1);
        assert_eq!(cluster.shelf(node).count("after"), 1);
        assert_eq!(cluster.shelf(node).count("too late"), 0);
        assert_eq!(
            cluster.shelf(node).count("lonely"),
            0,
            "never acknowledged, overwritten by the new leader"
        );
    }
}

async fn without_a_majority_nothing_is_acknowledged(wire: Wire) {
    let mut options = quick();
    options.timers.propose = Duration::from_millis(800);
    let mut cluster = Cluster::of(wire, 3, options).await;
    let leader = cluster.leader().await;
    for other in others(&cluster, leader) {
        cluster.stop(other).await;
    }
    let group = cluster.group(leader).clone();
    let outcome = group.propose(named("alone")).await;
    assert!(matches!(outcome, Err(ProposeError::Unknown)), "{outcome:?}");
    tokio::time::sleep(Timers::fast().election_max).await;
    let outcome = group.propose(named("still alone")).await;
    assert!(matches!(outcome, Err(ProposeError::NotLeader { .. })), "{outcome:?}");
    let read = group.read_barrier().await;
    assert!(
        matches!(read, Err(ReadError::NoQuorum | ReadError::NotLeader { .. } | ReadError::TimedOut)),
        "{read:?}"
    );
    for node in 1..=3 {
        if node != leader {
            cluster.start(node).await;
        }
    }
    cluster.agreed().await;
    for node in cluster.nodes() {
        assert!(cluster.shelf(node).count("alone") <= 1);
        assert_eq!(cluster.shelf(node).count("still alone"), 0);
    }
}

async fn a_node_that_was_away_does_not_disturb_the_others(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    let away = leader % 3 + 1;
    let term = cluster.group(leader).metrics().term;
    cluster.net.isolate(NodeId(away));
    tokio::time::sleep(Timers::fast().election_max * 6).await;
    cluster.net.heal();
    cluster.agreed().await;
    tokio::time::sleep(Timers::fast().election_max * 2).await;
    assert_eq!(cluster.leader().await, leader, "the leader was driven out");
    assert_eq!(cluster.group(leader).metrics().term, term, "there was an election");
}

async fn an_unreachable_member_is_not_asked_without_pause(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    let gone = leader % 3 + 1;
    cluster.stop(gone).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = cluster.net.streams_opened();
    let group = cluster.group(leader).clone();
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(2) {
        group.propose(named("busy")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let opened = cluster.net.streams_opened() - before;
    // Heartbeats try every 60 ms; entries pause at least 200 ms after each failure.
    let most = 2_000 / 60 + 2_000 / 200 + 10;
    assert!(opened <= most, "{opened} streams were opened in two seconds");
    cluster.start(gone).await;
    cluster.agreed().await;
}

async fn streams_are_kept_open_between_uses(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    cluster.put("settled").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = cluster.net.streams_opened();
    for number in 0..50 {
        cluster.put(&number.to_string()).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let opened = cluster.net.streams_opened() - before;
    assert!(opened <= 4, "{opened} streams were opened in a quiet second");
}

async fn a_peer_that_swallows_frames_holds_nobody_up(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    let mute = leader % 3 + 1;
    for other in others(&cluster, mute) {
        cluster.net.cut_silently(NodeId(mute), NodeId(other));
    }
    let group = cluster.group(leader).clone();
    for number in 0..50 {
        let put = group.propose(named(number));
        tokio::time::timeout(Duration::from_secs(2), put).await.expect("in time").unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    cluster.net.heal();
    cluster.agreed().await;
    assert_eq!(cluster.shelf(mute).count("49"), 1);
}

async fn a_leader_that_hears_nothing_is_replaced(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let old = cluster.leader().await;
    let rest = others(&cluster, old);
    for other in &rest {
        // Its frames arrive, the answers do not: it still looks alive to the others for a while.
        cluster.net.cut_one_way(NodeId(*other), NodeId(old));
    }
    let new = cluster.leader_among(&rest).await;
    cluster.group(new).propose(named("onward")).await.unwrap();
    cluster.net.heal();
    cluster.agreed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn delayed_and_lost_frames_change_nothing_but_the_pace() {
    let mut cluster = Cluster::of(Wire::Memory, 3, quick()).await;
    let count = Arc::new(AtomicU64::new(0));
    cluster.net.memory().set_hook(move |passage| {
        match (passage.kind, count.fetch_add(1, Ordering::Relaxed) % 97) {
            (_, 0..20) => Verdict::Delay(Duration::from_millis(7)),
            (PassageKind::Stream(crate::Lane::Entries), 50) => Verdict::Lose,
            (PassageKind::Call, 30..40) => Verdict::Lose,
            _ => Verdict::Pass,
        }
    });
    for number in 0..60 {
        cluster.put(&number.to_string()).await;
    }
    cluster.net.memory().clear_hook();
    cluster.agreed().await;
    for node in cluster.nodes() {
        assert!((0..60).all(|number| cluster.shelf(node).count(&number.to_string()) >= 1));
    }
}

/// Clients that write different commands once each, to any node, and keep what they were told.
struct Clients {
    groups: Arc<Mutex<BTreeMap<NodeId, Group>>>,
    stop: Arc<AtomicBool>,
    acknowledged: Arc<Mutex<Vec<String>>>,
    refused: Arc<Mutex<Vec<String>>>,
    unknown: Arc<AtomicU64>,
    tasks: tokio::task::JoinSet<()>,
}

impl Clients {
    fn start(cluster: &Cluster, count: u64) -> Clients {
        let mut clients = Clients {
            groups: Arc::default(),
            stop: Arc::default(),
            acknowledged: Arc::default(),
            refused: Arc::default(),
            unknown: Arc::default(),
            tasks: tokio::task::JoinSet::new(),
        };
        clients.see(cluster);
        for client in 0..count {
            let groups = Arc::clone(&clients.groups);
            let (stop, unknown) = (Arc::clone(&clients.stop), Arc::clone(&clients.unknown));
            let (acknowledged, refused) = (Arc::clone(&clients.acknowledged), Arc::clone(&clients.refused));
            clients.tasks.spawn(async move {
                for number in 0u64.. {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    let name = format!("{client}-{number}");
                    let group = groups.lock().values().cycle().nth((client + number) as usize % 3).cloned();
                    match group.expect("a group").propose(named(&name)).await {
                        Ok(_) => acknowledged.lock().push(name),
                        Err(ProposeError::Unknown) => drop(unknown.fetch_add(1, Ordering::Relaxed)),
                        Err(ProposeError::NotLeader { .. } | ProposeError::Stopped) => {
                            refused.lock().push(name);
                            tokio::time::sleep(Duration::from_millis(5)).await;
                        }
                        Err(error) => panic!("{error}"),
                    }
                }
            });
        }
        clients
    }

    /// The nodes that run now.
    fn see(&self, cluster: &Cluster) {
        let running = cluster.running.iter().map(|(node, running)| (*node, running.group.clone()));
        *self.groups.lock() = running.collect();
    }

    /// Whatever was acknowledged is there exactly once, whatever was refused is not there,
    /// everywhere the same.
    async fn check(mut self, cluster: &mut Cluster, seed: u64) {
        self.stop.store(true, Ordering::Relaxed);
        while let Some(done) = self.tasks.join_next().await {
            done.unwrap();
        }
        cluster.agreed().await;
        let (acknowledged, refused) = (self.acknowledged.lock().clone(), self.refused.lock().clone());
        for node in cluster.nodes() {
            let shelf = cluster.shelf(node);
            for name in &acknowledged {
                assert_eq!(shelf.count(name), 1, "seed {seed}: node {node} lost or repeated {name}");
            }
            for name in &refused {
                assert_eq!(shelf.count(name), 0, "seed {seed}: node {node} has {name}, which was refused");
            }
        }
        assert!(acknowledged.len() > 100, "seed {seed}: only {} were acknowledged", acknowledged.len());
        let unknown = self.unknown.load(Ordering::Relaxed) as usize;
        let applied = cluster.shelf(1).commands() - 1;
        assert!(applied >= acknowledged.len() && applied <= acknowledged.len() + unknown, "seed {seed}");
    }
}

fn impatient() -> GroupOptions {
    let mut options = GroupOptions { snapshot_entries: 60, keep_entries: 20, purge_entries: 1, ..quick() };
    options.timers.propose = Duration::from_millis(1_500);
    options
}

async fn nothing_acknowledged_is_lost_while_links_are_cut_at_random(wire: Wire) {
    let seed = seed(0x6765_6172);
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut cluster = Cluster::of(wire, 3, impatient()).await;
    let clients = Clients::start(&cluster, 6);
    for _ in 0..10 {
        let one = NodeId(random.random_range(1..=3));
        let other = NodeId(one.0 % 3 + 1);
        match random.random_range(0..4) {
            0 => cluster.net.isolate(one),
            1 => cluster.net.cut(one, other),
            2 => cluster.net.cut_silently(one, other),
            _ => cluster.net.cut_one_way(one, other),
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(100..900))).await;
        cluster.net.heal();
        tokio::time::sleep(Duration::from_millis(random.random_range(50..700))).await;
    }
    clients.check(&mut cluster, seed).await;
}

async fn nothing_acknowledged_is_lost_while_nodes_restart_and_lose_their_stores(wire: Wire) {
    let seed = seed(0x7969_6678);
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut cluster = Cluster::of(wire, 3, impatient()).await;
    let clients = Clients::start(&cluster, 6);
    let mut older: BTreeMap<u64, Vec<(Bytes, Bytes)>> = BTreeMap::new();
    for _ in 0..10 {
        let node = random.random_range(1..=3);
        cluster.net.detach(NodeId(node));
        let stopped = cluster.running.remove(&NodeId(node)).unwrap();
        clients.see(&cluster);
        stopped.node.stop().await;
        match random.random_range(0..3) {
            0 => cluster.shelf(node).lose_everything(),
            1 => cluster.shelf(node).replace(older.remove(&node).unwrap_or_default()),
            _ => drop(older.insert(node, cluster.shelf(node).rows())),
        }
        tokio::time::sleep(Duration::from_millis(random.random_range(0..600))).await;
        cluster.start(node).await;
        clients.see(&cluster);
        tokio::time::sleep(Duration::from_millis(random.random_range(100..900))).await;
    }
    clients.check(&mut cluster, seed).await;
}

/// The seed of a random test, or another one given from outside to try more.
fn seed(usual: u64) -> u64 {
    std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(usual)
}

async fn frames_in_anothers_name_or_for_no_group_are_refused(wire: Wire) {
    use crate::frames::{self, Request};
    use openraft::raft::VoteRequest;
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    let inbound = cluster.running[&NodeId(leader)].node.inbound();
    let vote = VoteRequest::new(crate::types::vote(99, NodeId(2), false), None);
    let request = frames::encode_request(&Request::Vote(vote));
    for (from, group, frame) in [
        (NodeId(3), GROUP, request.clone()),
        (NodeId(2), GroupId(400), request.clone()),
        (NodeId(2), GROUP, request.slice(..request.len() - 1)),
    ] {
        let answer = inbound.call(from, group, frame).await;
        assert!(matches!(answer, Err(crate::TransportError::Refused { .. })), "{answer:?}");
    }
    assert_eq!(cluster.leader().await, leader);
    assert_eq!(cluster.group(leader).metrics().term, cluster.group(leader).leadership().borrow().term);
    assert!(cluster.group(leader).metrics().term < 99);
}
