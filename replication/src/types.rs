//! The openraft types of this crate. Nothing here is written anywhere; see `frames`.

use crate::position::{LogPosition, NodeId};
use bytes::Bytes;
use openraft::impls::leader_id_adv::LeaderId;
use openraft::type_config::alias;
use std::fmt;

/// The body of an entry that carries commands, as `batch::encode` made it.
#[derive(Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Payload(pub Bytes);

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// One reply per command of the entry.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Replies(pub Vec<Bytes>);

openraft::declare_raft_types!(
    pub Types:
        D = Payload,
        R = Replies,
        NodeId = NodeId,
        Node = openraft::EmptyNode,
        AsyncRuntime = crate::runtime::Runtime,
);

pub type LogId = alias::LogIdOf<Types>;
pub type Vote = alias::VoteOf<Types>;
pub type Entry = alias::EntryOf<Types>;
pub type Membership = openraft::Membership<NodeId, openraft::EmptyNode>;
pub type StoredMembership = alias::StoredMembershipOf<Types>;
pub type SnapshotMeta = alias::SnapshotMetaOf<Types>;
pub type Snapshot = alias::SnapshotOf<Types, crate::snapshots::SnapshotFile>;
pub type Raft = openraft::Raft<Types, crate::apply::MachineStore>;

pub fn log_id(position: &LogPosition) -> LogId {
    LogId { leader_id: LeaderId { term: position.term, node_id: position.leader }, index: position.index }
}

pub fn position(log_id: &LogId) -> LogPosition {
    LogPosition { term: log_id.leader_id.term, leader: log_id.leader_id.node_id, index: log_id.index }
}

pub fn vote(term: u64, node: NodeId, committed: bool) -> Vote {
    openraft::Vote { leader_id: LeaderId { term, node_id: node }, committed }
}
