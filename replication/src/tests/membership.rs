//! Members join, vote, leave, and hand leadership on.

use super::*;
use crate::MembershipError;

over_both_wires!(
    one_node_grows_to_three_voters_and_survives_the_loss_of_the_first,
    leadership_moves_where_it_is_sent,
    only_the_leader_changes_members_and_only_known_members_vote,
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
