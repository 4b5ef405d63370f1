//! Members join, vote, leave, and hand leadership on.

use super::*;
use crate::{MembershipError, WantedMembers};

over_both_wires!(
    one_node_grows_to_three_voters_and_survives_the_loss_of_the_first,
    leadership_moves_where_it_is_sent,
    only_the_leader_changes_members_and_only_known_members_vote,
    members_become_what_is_wanted,
    a_change_left_half_done_is_finished,
    a_damaged_member_is_replaced_under_a_new_id,
);

async fn one_node_grows_to_three_voters_and_survives_the_loss_of_the_first(wire: Wire) {
    let mut cluster = Cluster::without_members(wire, 3, quick()).await;
    let first = cluster.group(1).clone();
    first.bootstrap([NodeId(1)].into()).await.unwrap();
    led(&first).await;
    first.propose(named("alone")).await.unwrap();
    for node in [2, 3] {
        first.add_learner(NodeId(node)).await.unwrap();
    }
    assert_eq!(first.metrics().learners, [NodeId(2), NodeId(3)].into());
    let voters: BTreeSet<NodeId> = [1, 2, 3].map(NodeId).into();
    first.set_voters(voters.clone()).await.unwrap();
    assert_eq!(first.metrics().voters, voters);
    cluster.agreed().await;

    cluster.stop(1).await;
    cluster.leader().await;
    cluster.put("without the first").await;
    cluster.start(1).await;
    cluster.agreed().await;
    assert_eq!(cluster.shelf(1).count("alone"), 1);
    assert_eq!(cluster.shelf(1).count("without the first"), 1);
}

async fn leadership_moves_where_it_is_sent(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    for _ in 0..3 {
        let leader = cluster.leader().await;
        let next = leader % 3 + 1;
        let start = Instant::now();
        cluster.group(leader).transfer_leader(NodeId(next)).await.unwrap();
        assert!(start.elapsed() < Timers::fast().election_max * 3);
        assert_eq!(cluster.leader().await, next);
        cluster.put(&format!("led by {next}")).await;
    }
    cluster.agreed().await;
}

async fn only_the_leader_changes_members_and_only_known_members_vote(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    let leader = cluster.leader().await;
    let follower = leader % 3 + 1;
    let refused = cluster.group(follower).set_voters([NodeId(leader)].into()).await;
    assert_eq!(refused, Err(MembershipError::NotLeader { leader: Some(NodeId(leader)) }));
    let unknown = cluster.group(leader).set_voters([NodeId(leader), NodeId(77)].into()).await;
    assert!(matches!(unknown, Err(MembershipError::Refused { .. })), "{unknown:?}");
    assert_eq!(cluster.group(leader).metrics().voters.len(), 3);
}

async fn a_damaged_member_is_replaced_under_a_new_id(wire: Wire) {
    let mut cluster = Cluster::of(wire, 3, quick()).await;
    cluster.put("before").await;
    let leader = cluster.leader().await;
    let victim = leader % 3 + 1;
    cluster.stop(victim).await;
    cluster.start(4).await;
    let group = cluster.group(leader).clone();
    group.add_learner(NodeId(4)).await.unwrap();
    let voters: BTreeSet<NodeId> = cluster.running.keys().copied().collect();
    assert!(!voters.contains(&NodeId(victim)));
    group.set_voters(voters.clone()).await.unwrap();
    assert_eq!(group.metrics().voters, voters);
    cluster.agreed().await;
    assert_eq!(cluster.shelf(4).count("before"), 1);
}

async fn reconciled(cluster: &mut Cluster, members: &[u64], resting: &[u64]) {
    let set = |numbers: &[u64]| numbers.iter().copied().map(NodeId).collect();
    let wanted = WantedMembers { members: set(members), resting: set(resting), voters: None };
    let start = Instant::now();
    let mut quiet = 0;
    // Done when no node has had anything to do for a while: lags are seen late.
    while quiet < 10 {
        assert!(start.elapsed() < PATIENCE, "members are not {members:?}");
        quiet += 1;
        for group in cluster.running.values().map(|running| running.group.clone()) {
            if !matches!(group.reconcile(&wanted).await, Ok(None)) {
                quiet = 0;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn members_become_what_is_wanted(wire: Wire) {
    let mut cluster = Cluster::without_members(wire, 4, quick()).await;
    cluster.group(1).bootstrap([NodeId(1)].into()).await.unwrap();
    led(cluster.group(1)).await;
    cluster.group(1).propose(named("first")).await.unwrap();
    reconciled(&mut cluster, &[1, 2], &[]).await;
    let metrics = cluster.group(1).metrics();
    assert_eq!((metrics.voters, metrics.learners), ([NodeId(1)].into(), [NodeId(2)].into()));
    reconciled(&mut cluster, &[1, 2, 3], &[]).await;
    assert_eq!(cluster.group(1).metrics().voters, [1, 2, 3].map(NodeId).into());
    // One that rests does not lead; one that goes hands over, leaves, and another takes its place.
    reconciled(&mut cluster, &[1, 2, 3], &[1]).await;
    let leader = cluster.leader_among(&[1, 2, 3]).await;
    assert_ne!(leader, 1);
    let rest: Vec<u64> = [1, 2, 3, 4].into_iter().filter(|node| *node != leader).collect();
    reconciled(&mut cluster, &rest, &[]).await;
    cluster.stop(leader).await;
    let new = cluster.leader_among(&rest).await;
    assert_eq!(cluster.group(new).metrics().voters, rest.iter().copied().map(NodeId).collect());
    cluster.agreed().await;
    assert_eq!(cluster.shelf(4).count("first"), 1);
}

async fn a_change_left_half_done_is_finished(wire: Wire) {
    let mut cluster = Cluster::without_members(wire, 3, quick()).await;
    let first = cluster.group(1).clone();
    first.bootstrap([NodeId(1)].into()).await.unwrap();
    led(&first).await;
    for node in [2, 3] {
        first.add_learner(NodeId(node)).await.unwrap();
    }
    // Whoever asked for the change goes away after its first half, before a majority has it.
    cluster.net.isolate(NodeId(1));
    let change = first.set_voters([1, 2, 3].map(NodeId).into());
    let first_half = async {
        while !first.metrics().is_joint {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        () = first_half => {}
        changed = change => panic!("the change was whole: {changed:?}"),
    }
    cluster.net.heal();
    cluster.put("meanwhile").await;
    let leader = cluster.leader().await;
    assert!(cluster.group(leader).metrics().is_joint, "nobody finishes it by itself");
    reconciled(&mut cluster, &[1, 2, 3], &[]).await;
    let leader = cluster.leader().await;
    assert!(!cluster.group(leader).metrics().is_joint);
    assert_eq!(cluster.group(leader).metrics().voters, [1, 2, 3].map(NodeId).into());
    cluster.agreed().await;
}
