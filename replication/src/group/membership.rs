//! Who belongs to a group, and how that changes.

use super::{Group, GroupInner, ReadError, Seat};
use crate::members::SeenMembers;
use crate::position::NodeId;
use crate::types::Types;
use openraft::errors::{ClientWriteError, InitializeError, RaftError};
use openraft::type_config::async_runtime::watch::WatchReceiver;
use openraft::{ChangeMembers, EmptyNode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Why the members of a group did not change as asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    #[error("the group has members already")]
    NotPristine,
    #[error("this node does not lead the group")]
    NotLeader { leader: Option<NodeId> },
    #[error("the change was refused: {reason}")]
    Refused { reason: String },
    #[error("the outcome is unknown")]
    Unknown,
    #[error("the change did not finish in time")]
    TimedOut,
}

impl Group {
    /// Gives the group its first members. Once, on one node, before any of them has anything.
    pub async fn bootstrap(&self, voters: BTreeSet<NodeId>) -> Result<(), MembershipError> {
        let members: BTreeMap<NodeId, EmptyNode> =
            voters.into_iter().map(|node| (node, EmptyNode::new())).collect();
        match self.member()?.raft.initialize(members).await {
            Ok(()) => Ok(()),
            Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Err(MembershipError::NotPristine),
            Err(RaftError::APIError(InitializeError::NotInMembers(error))) => {
                Err(MembershipError::Refused { reason: error.to_string() })
            }
            Err(RaftError::Fatal(_)) => Err(MembershipError::Unknown),
        }
    }

    /// Whether the group has members, here or anywhere this node has heard of.
    pub async fn is_bootstrapped(&self) -> Result<bool, ReadError> {
        match &self.seat {
            Seat::Member(inner) => inner.raft.is_initialized().await.map_err(|_| ReadError::Stopped),
            Seat::Observer(_) => Ok(true),
        }
    }

    /// Adds a member that receives everything and votes on nothing, and waits until it is close.
    pub async fn add_learner(&self, node: NodeId) -> Result<(), MembershipError> {
        let added = self.member()?.raft.add_learner(node, EmptyNode::new(), true).await;
        added.map(drop).map_err(membership_error)
    }

    /// Adds a member that receives everything and votes on nothing, and does not wait for it.
    pub(crate) async fn begin_learner(&self, node: NodeId) -> Result<(), MembershipError> {
        let added = self.member()?.raft.add_learner(node, EmptyNode::new(), false).await;
        added.map(drop).map_err(membership_error)
    }

    pub(crate) async fn remove_learners(&self, nodes: BTreeSet<NodeId>) -> Result<(), MembershipError> {
        let removed = self.member()?.raft.change_membership(ChangeMembers::RemoveNodes(nodes), false).await;
        removed.map(drop).map_err(membership_error)
    }

    /// The members as this node, leading, sees them.
    pub(crate) fn seen_members(&self) -> SeenMembers {
        let Seat::Member(inner) = &self.seat else { return SeenMembers::default() };
        let metrics = inner.raft.metrics();
        let metrics = metrics.borrow_watched();
        let membership = metrics.membership_config.membership();
        let configs = membership.get_joint_config();
        let matched = metrics.replication.iter().flatten();
        SeenMembers {
            me: inner.me,
            voters: configs.last().cloned().unwrap_or_default(),
            learners: membership.learner_ids().collect(),
            is_joint: configs.len() > 1,
            last_log: metrics.last_log_index.unwrap_or(0),
            matched: matched.filter_map(|(node, at)| at.as_ref().map(|at| (*node, at.index))).collect(),
        }
    }

    /// Makes exactly these members vote; they must be members already. Those removed leave the group.
    pub async fn set_voters(&self, voters: BTreeSet<NodeId>) -> Result<(), MembershipError> {
        let changed =
            self.member()?.raft.change_membership(ChangeMembers::ReplaceAllVoters(voters), false).await;
        changed.map(drop).map_err(membership_error)
    }

    /// Hands leadership to another voter and waits until it leads.
    pub async fn transfer_leader(&self, to: NodeId) -> Result<(), MembershipError> {
        let inner = self.member()?;
        inner.raft.trigger().transfer_leader(to).await.map_err(|_| MembershipError::Unknown)?;
        let mut leadership = inner.leadership.clone();
        let deadline = inner.timers.election_max * 3;
        let led = leadership.wait_for(|leadership| leadership.leader == Some(to));
        match tokio::time::timeout(deadline, led).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(MembershipError::Unknown),
            Err(_) => Err(MembershipError::TimedOut),
        }
    }

    fn member(&self) -> Result<&Arc<GroupInner>, MembershipError> {
        match &self.seat {
            Seat::Member(inner) => Ok(inner),
            Seat::Observer(_) => Err(MembershipError::NotLeader { leader: self.leader() }),
        }
    }
}

fn membership_error(error: RaftError<Types, ClientWriteError<Types>>) -> MembershipError {
    match error {
        RaftError::APIError(ClientWriteError::ForwardToLeader(to)) => {
            MembershipError::NotLeader { leader: to.leader_id }
        }
        RaftError::APIError(ClientWriteError::LogEntryDiscarded(_)) | RaftError::Fatal(_) => {
            MembershipError::Unknown
        }
        RaftError::APIError(other) => MembershipError::Refused { reason: other.to_string() },
    }
}
