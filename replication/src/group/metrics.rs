//! How a group stands, for operators and for those who wait for a leader.

use super::Leadership;
use crate::position::NodeId;
use crate::types::{LogId, Raft, Types};
use openraft::type_config::async_runtime::watch::WatchReceiver;
use openraft::{RaftMetrics, ServerState};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Numbers for operators.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupMetrics {
    pub leader: Option<NodeId>,
    pub mine: bool,
    pub term: u64,
    pub last_log: Option<u64>,
    pub committed: Option<u64>,
    pub applied: Option<u64>,
    pub snapshot: Option<u64>,
    pub purged: Option<u64>,
    pub voters: BTreeSet<NodeId>,
    pub learners: BTreeSet<NodeId>,
    /// On the leader: the last entry that each member is known to hold.
    pub matched: BTreeMap<NodeId, u64>,
    /// A change of voters is half done.
    pub is_joint: bool,
}

/// Publishes who leads. Beside it, stops the group's ticking while this node leads and is its only member:
/// there is nobody to send a heartbeat to and nobody to stand for election against.
pub(super) fn watch_leadership(
    raft: &Raft,
    me: NodeId,
    stop: CancellationToken,
) -> watch::Receiver<Leadership> {
    let mut metrics = raft.metrics();
    let raft = raft.clone();
    let read = move |metrics: &RaftMetrics<Types>| Leadership {
        leader: metrics.current_leader,
        term: metrics.current_term,
        mine: leads(metrics, me),
    };
    let first = read(&metrics.borrow_watched());
    let (publish, leadership) = watch::channel(first);
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                changed = metrics.changed() => if changed.is_err() { break },
                () = stop.cancelled() => break,
            }
            let (now, alone) = {
                let metrics = metrics.borrow_watched();
                let mut members = metrics.membership_config.membership().nodes().map(|(node, _)| *node);
                (read(&metrics), members.all(|node| node == me))
            };
            raft.runtime_config().tick(!(alone && now.mine));
            publish.send_if_modified(|leadership| std::mem::replace(leadership, now) != now);
        }
        publish
            .send_modify(|leadership| *leadership = Leadership { leader: None, mine: false, ..*leadership });
    });
    leadership
}

/// A leader counts once the first entry of its term is applied here: before that it takes no
/// commands, and its machine may lack what its predecessor acknowledged.
fn leads(metrics: &RaftMetrics<Types>, me: NodeId) -> bool {
    let established = metrics.last_applied.is_some_and(|applied| applied.leader_id == metrics.vote.leader_id);
    metrics.state == ServerState::Leader && metrics.current_leader == Some(me) && established
}

pub(super) fn metrics_of(metrics: &RaftMetrics<Types>) -> GroupMetrics {
    let index = |log_id: &Option<LogId>| log_id.as_ref().map(|log_id| log_id.index);
    GroupMetrics {
        leader: metrics.current_leader,
        mine: leads(metrics, metrics.id),
        term: metrics.current_term,
        last_log: metrics.last_log_index,
        committed: index(&metrics.local_committed),
        applied: index(&metrics.last_applied),
        snapshot: index(&metrics.snapshot),
        purged: index(&metrics.purged),
        voters: metrics.membership_config.voter_ids().collect(),
        learners: metrics.membership_config.membership().learner_ids().collect(),
        matched: metrics
            .replication
            .iter()
            .flatten()
            .map(|(node, log_id)| (*node, index(log_id).unwrap_or(0)))
            .collect(),
        is_joint: metrics.membership_config.membership().get_joint_config().len() > 1,
    }
}
