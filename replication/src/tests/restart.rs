//! Stopping and starting again, with the machine's store kept, aged, or lost.

use super::*;
use crate::StartError;
use std::fs;

async fn fill(group: &Group, commands: std::ops::Range<u32>) {
    let mut tasks = tokio::task::JoinSet::new();
    for number in commands {
        let group = group.clone();
        tasks.spawn(async move { group.propose(named(number)).await.unwrap() });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

fn check_all(shelf: &Shelf, commands: u32) {
    for number in 0..commands {
        assert_eq!(shelf.count(&number.to_string()), 1, "command {number}");
    }
    assert_eq!(shelf.commands(), commands as usize);
}

/// Starts again, waits until everything committed is applied, and gives what the store holds.
async fn again(dir: &Path, shelf: &Shelf, options: GroupOptions) -> Running {
    let running = start_alone(dir, shelf, options).await;
    led(&running.group).await;
    running.group.read_barrier().await.unwrap();
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    fill(&running.group, 0..300).await;
    running.node.stop().await;
    let running = again(dir.path(), &shelf, quick()).await;
    check_all(&shelf, 300);
    fill(&running.group, 300..310).await;
    check_all(&shelf, 310);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_alone_leads_again_at_once() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let slow = GroupOptions { timers: Timers::wan(), ..quick() };
    let running = start_first(dir.path(), &shelf, slow.clone()).await;
    running.group.propose(named("before")).await.unwrap();
    running.node.stop().await;
    let running = start_alone(dir.path(), &shelf, slow).await;
    let start = Instant::now();
    led(&running.group).await;
    running.group.propose(named("after")).await.unwrap();
    assert!(start.elapsed() < Timers::wan().election_min, "it waited for a silence: {:?}", start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_is_rebuilt_from_the_log() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    fill(&running.group, 0..300).await;
    running.node.stop().await;
    let before = shelf.rows();
    shelf.lose_everything();
    let running = start_alone(dir.path(), &shelf, quick()).await;
    led(&running.group).await;
    let index = running.group.read_barrier().await.unwrap();
    check_all(&shelf, 300);
    assert!(index > 0);
    // The new leader's first entry moves the position; everything else is as it was.
    let data = |rows: Vec<_>| -> Vec<(Bytes, Bytes)> {
        rows.into_iter().filter(|(key, _): &(Bytes, Bytes)| key.starts_with(b"c/")).collect()
    };
    assert_eq!(data(shelf.rows()), data(before));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_lost_its_newest_writes_catches_up() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    fill(&running.group, 0..100).await;
    let older = shelf.rows();
    fill(&running.group, 100..300).await;
    running.node.stop().await;
    shelf.replace(older);
    let _running = again(dir.path(), &shelf, quick()).await;
    check_all(&shelf, 300);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_store_is_rebuilt_from_a_snapshot_and_the_log_after_it() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let options = GroupOptions { keep_entries: 2, purge_entries: 1, ..quick() };
    let running = start_first(dir.path(), &shelf, options.clone()).await;
    for number in 0..40u32 {
        running.group.propose(named(number)).await.unwrap();
    }
    running.group.trigger_snapshot().await.unwrap();
    let group = running.group.clone();
    eventually("the log is purged", || group.metrics().purged >= Some(30)).await;
    for number in 40..60u32 {
        running.group.propose(named(number)).await.unwrap();
    }
    running.node.stop().await;
    shelf.lose_everything();
    let running = again(dir.path(), &shelf, options).await;
    check_all(&shelf, 60);
    assert_eq!(shelf.installs.load(std::sync::atomic::Ordering::SeqCst), 1);
    assert!(running.group.metrics().snapshot >= Some(30));
    let gone = futures::StreamExt::next(&mut running.group.follow(0)).await;
    assert!(matches!(gone, Some(Err(crate::FollowError::Purged { first })) if first > 30), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_store_below_the_purged_log_takes_the_snapshot() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let options = GroupOptions { keep_entries: 0, purge_entries: 1, ..quick() };
    let running = start_first(dir.path(), &shelf, options.clone()).await;
    running.group.propose(named(0)).await.unwrap();
    let older = shelf.rows();
    for number in 1..40u32 {
        running.group.propose(named(number)).await.unwrap();
    }
    running.group.trigger_snapshot().await.unwrap();
    let group = running.group.clone();
    eventually("the log is purged", || group.metrics().purged >= Some(39)).await;
    running.node.stop().await;
    shelf.replace(older);
    let _running = again(dir.path(), &shelf, options).await;
    check_all(&shelf, 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_log_does_not_start_and_says_what_to_do() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    fill(&running.group, 0..50).await;
    running.node.stop().await;
    fs::remove_file(dir.path().join("raftlog.sqlite")).unwrap();
    let Err(error) = Node::open(NodeOptions::new(NodeId(1), "test", dir.path())) else {
        panic!("a node without its log started");
    };
    assert!(matches!(error, StartError::LogDamaged(_)), "{error}");
    assert!(error.to_string().contains("gearify restore"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn state_without_the_log_it_came_from_does_not_start() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    fill(&running.group, 0..50).await;
    running.node.stop().await;
    // Both files gone look like a new node; the state does not.
    for entry in fs::read_dir(dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::remove_file(path).unwrap();
        }
    }
    let node = Node::open(NodeOptions::new(NodeId(1), "test", dir.path())).unwrap();
    let started = node.start_group(GROUP, TestMachine::on(&shelf), quick()).await;
    assert!(matches!(started, Err(StartError::LogMissing)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_opens_only_for_its_node_and_cluster() {
    let dir = tempfile::tempdir().unwrap();
    Node::open(NodeOptions::new(NodeId(1), "test", dir.path())).unwrap().stop().await;
    for (node, cluster) in [(2, "test"), (1, "other")] {
        let refused = Node::open(NodeOptions::new(NodeId(node), cluster, dir.path()));
        assert!(matches!(refused, Err(StartError::Log(_))), "node {node} of {cluster}");
    }
    Node::open(NodeOptions::new(NodeId(1), "test", dir.path())).unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_runs_once_in_a_node() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let running = start_first(dir.path(), &shelf, quick()).await;
    let again = running.node.start_group(GROUP, TestMachine::on(&shelf), quick()).await;
    assert!(matches!(again, Err(StartError::Running)));
    let other_shelf = Shelf::default();
    let other = running.node.start_group(GroupId(1), TestMachine::on(&other_shelf), quick()).await.unwrap();
    other.bootstrap([NodeId(1)].into()).await.unwrap();
    led(&other).await;
    other.propose(named("elsewhere")).await.unwrap();
    running.group.propose(named("here")).await.unwrap();
    assert_eq!((shelf.commands(), other_shelf.commands()), (1, 1));
    assert_eq!(running.node.group(GroupId(1)).unwrap().id(), GroupId(1));
}

/// A group of one, stopped, whose log is purged up to its newest snapshot.
async fn purged_to_the_snapshot(dir: &Path, shelf: &Shelf) -> (GroupOptions, std::path::PathBuf) {
    let options = GroupOptions { keep_entries: 0, purge_entries: 1, ..quick() };
    let running = start_first(dir, shelf, options.clone()).await;
    fill(&running.group, 0..50).await;
    running.group.trigger_snapshot().await.unwrap();
    let group = running.group.clone();
    eventually("the log is purged", || group.metrics().purged.is_some()).await;
    running.node.stop().await;
    let snapshots = dir.join("group-16/snapshots");
    let file = fs::read_dir(snapshots).unwrap().next().unwrap().unwrap().path();
    (options, file)
}

fn flip_in_the_middle(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    fs::write(path, bytes).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_replaced_while_the_state_is_there() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let (options, file) = purged_to_the_snapshot(dir.path(), &shelf).await;
    flip_in_the_middle(&file);
    let running = again(dir.path(), &shelf, options.clone()).await;
    check_all(&shelf, 50);
    running.node.stop().await;
    shelf.lose_everything();
    let _running = again(dir.path(), &shelf, options).await;
    check_all(&shelf, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_that_is_needed_stops_the_start() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    let (options, file) = purged_to_the_snapshot(dir.path(), &shelf).await;
    flip_in_the_middle(&file);
    shelf.lose_everything();
    let node = Node::open(NodeOptions::new(NodeId(1), "test", dir.path())).unwrap();
    let Err(error) = node.start_group(GROUP, TestMachine::on(&shelf), options).await else {
        panic!("a group without its state started");
    };
    assert!(matches!(error, StartError::Uncovered { covered: None, .. }), "{error}");
    assert!(error.to_string().contains("gearify restore"), "{error}");
}
