//! A log that begins with a state from elsewhere: a node that goes on from a backup.
//!
//! To each group it gives a snapshot at the state's position, an empty log behind it, and itself as the only
//! voter. What the log's former nodes have voted or kept does not matter to it, as it matters to none of them:
//! its log has another name, and nobody is let in under it.

use crate::frames;
use crate::machine::SnapshotSource;
use crate::node::StartError;
use crate::position::{Applied, GroupId, LogPosition, NodeId};
use crate::recover::on_disk;
use crate::snapshots::SnapshotStore;
use crate::types::{Membership, StoredMembership, log_id, vote};
use gearify_storage::raftlog::{Mark, RaftLog, RaftLogOptions};
use std::collections::BTreeMap;
use std::path::Path;

/// One group's state to go on from.
pub struct Seed {
    pub group: GroupId,
    /// The last entry that the state has in it.
    pub position: LogPosition,
    pub content: Box<dyn SnapshotSource>,
}

/// Writes the log of a new node. `dir` must hold none.
pub fn seed(dir: &Path, log_name: &str, node: NodeId, seeds: Vec<Seed>) -> Result<(), StartError> {
    let log = RaftLog::open(RaftLogOptions::new(dir, frames::encode_identity(log_name, node)))?;
    for Seed { group, position, content } in seeds {
        let rows = log.group(group.0);
        if rows.state().last.is_some() {
            return Err(StartError::Raft { reason: format!("group {group} has a log here already") });
        }
        let id = log_id(&position);
        let nodes = BTreeMap::from([(node, openraft::EmptyNode::new())]);
        let alone = Membership::new(vec![[node].into()], nodes);
        let alone = alone.map_err(|error| StartError::Raft { reason: error.to_string() })?;
        let membership = frames::encode_stored_membership(&StoredMembership::new(Some(id), alone));
        let applied = Applied { position: Some(position), membership: Some(membership) };
        let snapshots = SnapshotStore::open(dir.join(format!("group-{group}")).join("snapshots"))?;
        snapshots.write(applied, content)?;
        // The snapshot is on disk and covers all that is said to be purged.
        rows.purge(Mark { index: position.index, term: frames::encode_term(&id) })?;
        on_disk(|done| rows.save_vote(frames::encode_vote(&vote(position.term + 1, node, false)), done))?;
    }
    Ok(())
}
