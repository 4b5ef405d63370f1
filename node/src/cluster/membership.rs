//! The members of the groups that this node leads, brought in step with the roster, one step at a time.

use super::CLUSTER_GROUP;
use super::member::{Member, known_peers};
use super::regions::{Seats, shared_seats};
use super::roster::{Command, NodeState, Roster};
use crate::state::{FIRST_REGIONAL, shard_of};
use gearify_commerce::Shard;
use gearify_replication::{CAUGHT_UP_ENTRIES, Group, GroupMetrics, NodeId, WantedMembers};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often the members of a group are compared with the roster.
const RECONCILE_PAUSE: Duration = Duration::from_secs(1);

impl Member {
    pub(super) async fn reconcile(self: Arc<Member>, group: Group, name: &'static str) {
        loop {
            sleep(RECONCILE_PAUSE).await;
            let roster = self.roster.borrow().clone();
            // Of another name until this node, which went on alone, has said so.
            if !group.is_leader() || roster.cluster != self.me.cluster() {
                continue;
            }
            let seats = self.seats(&group);
            let mut wanted = wanted(&roster, &group, self.me.region(), seats.as_ref());
            if self.clock_off_by().is_some() {
                wanted.resting.insert(self.node());
            }
            match group.reconcile(&wanted).await {
                Ok(None) => {}
                Ok(Some(step)) => tracing::info!(group = name, ?step, "members changed"),
                Err(error) => tracing::warn!(group = name, %error, "members did not change yet"),
            }
            if group.id() == CLUSTER_GROUP {
                self.end_replacements(&roster).await;
            }
        }
    }

    /// Removes nodes that vote nowhere any more because others do so in their place.
    async fn end_replacements(&self, roster: &Roster) {
        for old in roster.nodes.keys().copied() {
            let Some(new) = roster.successor(old) else { continue };
            let is_done = self.groups().iter().filter(|(_, group)| !group.is_observer()).all(|(_, group)| {
                let metrics = group.metrics();
                let (old, new) =
                    (metrics.voters.contains(&NodeId(old)), metrics.voters.contains(&NodeId(new)));
                // The seats of a further shard may have gone to other nodes.
                let is_further = shard_of(group.id()).is_some_and(|shard| shard != Shard::FIRST);
                (new || is_further) && !old && !metrics.is_joint
            });
            if is_done {
                let remove = Command::SetState { node: old, state: NodeState::Removed };
                match self.propose(remove).await {
                    Some(Ok(_)) => tracing::info!(node = old, by = new, "a node was replaced"),
                    outcome => tracing::warn!(node = old, ?outcome, "a replaced node is not removed yet"),
                }
            }
        }
    }
}

/// Whether a node votes in a group that this node leads, or could at once.
fn is_ready(metrics: &GroupMetrics, node: NodeId) -> bool {
    let matched = metrics.matched.get(&node).copied();
    let is_caught_up = matched.is_some_and(|at| at + CAUGHT_UP_ENTRIES >= metrics.last_log.unwrap_or(0));
    metrics.voters.contains(&node) || (metrics.learners.contains(&node) && is_caught_up)
}

/// The members that a group should have: of the region's own, all its nodes; of the others, who has a seat.
/// Members that the roster does not know yet are left alone.
///
/// A further shard has the members that are seated; until all of them are ready, those who vote stay.
fn wanted(roster: &Roster, group: &Group, region: &str, seats: Option<&BTreeSet<NodeId>>) -> WantedMembers {
    let mut known = known_peers(roster);
    let metrics = group.metrics();
    for (node, peer) in &mut known {
        // Votes change hands in one step, once the new node has what the old one had.
        peer.is_removed |= roster.successor(*node).is_some_and(|new| is_ready(&metrics, NodeId(new)));
    }
    let Seats { members, voters } = match group.id().0 < FIRST_REGIONAL {
        true => shared_seats(&known),
        false => {
            let here = known.iter().filter(|(_, peer)| peer.region == region && !peer.is_removed);
            let mut members: BTreeSet<NodeId> = here.map(|(node, _)| NodeId(*node)).collect();
            if let Some(seats) = seats {
                let all_ready = seats.iter().all(|node| is_ready(&metrics, *node));
                members.retain(|node| seats.contains(node) || (!all_ready && metrics.voters.contains(node)));
            }
            Seats { members, voters: None }
        }
    };
    let present = metrics.voters.union(&metrics.learners).copied();
    let unknown = present.filter(|node| !known.contains_key(&node.0));
    let resting = roster.nodes.iter().filter(|(_, record)| record.state == NodeState::Draining);
    let resting: BTreeSet<NodeId> = resting.map(|(node, _)| NodeId(*node)).collect();
    WantedMembers { members: unknown.chain(members).collect(), resting, voters }
}
