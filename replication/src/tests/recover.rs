//! A majority that is lost for good: who is left goes on, and feeds others.

use super::*;
use crate::StoppedLog;

/// Entries under whose numbers others may know something else.
const SKIPPED: u64 = 1_500;

#[tokio::test(flavor = "multi_thread")]
async fn one_of_three_goes_on_with_all_it_has_and_others_vote_with_it_again() {
    let dir = tempfile::tempdir().unwrap();
    let options = GroupOptions { snapshot_entries: 8, keep_entries: 2, purge_entries: 1, ..quick() };
    let mut cluster = Cluster::in_dir(dir.path(), 3, options).await;
    for number in 0..20 {
        cluster.put(&number.to_string()).await;
    }
    cluster.agreed().await;
    for node in [1, 2, 3] {
        cluster.stop(node).await;
    }
    {
        let log = StoppedLog::open(&dir.path().join("3"), "test", NodeId(3)).unwrap();
        let members = log.members(GROUP).unwrap().expect("it was a member");
        // Whether they stand in the log or in the snapshot before it.
        assert_eq!(members.voters, [[1, 2, 3].map(NodeId).into()]);
        assert!(members.decide(|node| node.0 > 1) && !members.decide(|node| node.0 == 3));
        assert_eq!(log.members(GroupId(17)).unwrap(), None);
        assert_eq!(log.go_on_alone(GroupId(17), 0).unwrap(), None);
        let last = log.go_on_alone(GROUP, 0).unwrap().expect("it is here").last.expect("it had entries");
        // Interrupted, it is done again.
        let again = log.go_on_alone(GROUP, last + SKIPPED).unwrap().expect("it is here");
        assert_eq!(again.last, Some(last + 1));
        let members = log.members(GROUP).unwrap().expect("it is the only one");
        assert_eq!(members.voters, [[NodeId(3)].into()]);
    }
    cluster.start(3).await;
    led(cluster.group(3)).await;
    let before = cluster.group(3).metrics().last_log.unwrap();
    assert!(before > SKIPPED, "the numbers are skipped");
    cluster.put("after").await;
    for node in [4, 5] {
        cluster.start(node).await;
        cluster.group(3).add_learner(NodeId(node)).await.unwrap();
    }
    cluster.group(3).set_voters([3, 4, 5].map(NodeId).into()).await.unwrap();
    cluster.agreed().await;
    cluster.stop(3).await;
    cluster.put("without it").await;
    for node in [4, 5] {
        let named = (0..20).map(|number| number.to_string()).chain(["after".to_owned()]);
        assert!(named.into_iter().all(|name| cluster.shelf(node).count(&name) == 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_which_nothing_is_left_begins_alone_above_the_numbers_that_count() {
    let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
    {
        let log = StoppedLog::open(dir.path(), "test", NodeId(1)).unwrap();
        let begun = log.begin_alone(GROUP, SKIPPED).unwrap();
        assert_eq!((begun.last, begun.committed), (None, 0));
    }
    let running = start_alone(dir.path(), &shelf, quick()).await;
    led(&running.group).await;
    assert!(running.group.is_bootstrapped().await.unwrap(), "nobody founds it again");
    let proposed = running.group.propose(named("first")).await.unwrap();
    assert!(proposed.position.index > SKIPPED);
    assert_eq!((shelf.count("first"), shelf.commands()), (1, 1));
    running.node.stop().await;
}
