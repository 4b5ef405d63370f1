//! How the replicated groups stand, as one node sees them: for operators.

use serde::Serialize;
use utoipa::ToSchema;

/// This node's view of the cluster.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ClusterView {
    /// The node that answers.
    pub node: u64,
    pub nodes: Vec<NodeView>,
    pub groups: Vec<GroupView>,
    pub projectors: Vec<ProjectorView>,
    pub storage: StorageView,
}

/// A node that is a member of some group.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct NodeView {
    pub id: u64,
    /// Names of the groups it leads.
    pub leads: Vec<String>,
    pub votes_in: Vec<String>,
    pub learns_in: Vec<String>,
}

/// One replicated group. Positions are log indexes; `null` before the first.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct GroupView {
    pub name: String,
    pub leader: Option<u64>,
    pub term: u64,
    /// Of the answering node.
    pub last_log: Option<u64>,
    pub committed: Option<u64>,
    pub applied: Option<u64>,
    /// Entries committed that the answering node has not applied yet.
    pub lag: u64,
    /// The last entry the newest snapshot covers.
    pub snapshot: Option<u64>,
    /// The last entry that left the log.
    pub purged: Option<u64>,
    /// The last entry whose events are in the history.
    pub history: u64,
    /// Size of the group's state on this node.
    pub state_bytes: u64,
    pub members: Vec<MemberView>,
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct MemberView {
    pub node: u64,
    /// `voter` or `learner`.
    pub role: &'static str,
    /// The last entry it holds, as the leader knows it; `null` elsewhere than on the leader.
    pub position: Option<u64>,
    /// Entries it is behind the leader; `null` elsewhere than on the leader.
    pub lag: Option<u64>,
}

/// Something computed from the history.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ProjectorView {
    pub name: String,
    /// Entries that it has not seen yet, over all groups.
    pub lag: u64,
    /// Why it does not get on.
    pub fault: Option<String>,
}

/// What the node's files take, in bytes.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct StorageView {
    pub log_bytes: u64,
    pub snapshot_bytes: u64,
    pub history_bytes: u64,
    pub free_bytes: u64,
}
