//! The way out when a majority of voters is lost for good: one that is left goes on alone.
//!
//! Run while nothing runs on the directory. To each group's log an entry is added that makes this node the
//! only voter, in a term above all it has heard of. Everything in its log is kept; what others acknowledged
//! and never sent here is lost, and nobody can tell whether there was any. The others must never come back:
//! that is for the caller to see to, before they are started again.

use crate::frames;
use crate::node::StartError;
use crate::position::{GroupId, NodeId};
use crate::types::{Entry, LogId, Membership, vote};
use gearify_storage::raftlog::{LogRow, Mark, RaftLog, RaftLogError, RaftLogOptions};
use openraft::entry::RaftEntry;
use openraft::impls::leader_id_adv::LeaderId;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::mpsc;

/// A group as it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    pub group: GroupId,
    /// The last entry that was here.
    pub last: u64,
    /// How far this node knew the group to be committed.
    pub committed: u64,
}

/// Makes `node` the only voter of those of the groups that have a log here. `log_name` is whose log it is.
///
/// # Errors
/// If the log is damaged, or of another node: then this node can't be the one to go on.
pub fn go_on_alone(
    dir: &Path,
    log_name: &str,
    node: NodeId,
    groups: &[GroupId],
) -> Result<Vec<Recovered>, StartError> {
    let log = RaftLog::open(RaftLogOptions::new(dir, frames::encode_identity(log_name, node)))?;
    let mut recovered = Vec::new();
    for group in groups {
        let log = log.group(group.0);
        let state = log.state();
        let Some(Mark { index: last, term }) = state.last else { continue };
        let of = |error: frames::FrameError| StartError::Io(io::Error::other(error));
        let newest = frames::decode_term(term, last).map_err(of)?.leader_id.term;
        let voted = state.vote.map(frames::decode_vote).transpose().map_err(of)?;
        let term = newest.max(voted.map_or(0, |vote| vote.leader_id.term)) + 1;
        let committed = state.committed.map(frames::decode_log_id).transpose().map_err(of)?;

        let id = LogId { leader_id: LeaderId { term, node_id: node }, index: last + 1 };
        let nodes = BTreeMap::from([(node, openraft::EmptyNode::new())]);
        let alone = Membership::new(vec![[node].into()], nodes);
        let alone = alone.map_err(|error| StartError::Raft { reason: error.to_string() })?;
        let entry = Entry::new_membership(id, alone);
        let row = LogRow {
            index: last + 1,
            term: frames::encode_term(&entry.log_id),
            body: frames::encode_body(&entry),
        };
        on_disk(|done| log.append(vec![row], done))?;
        on_disk(|done| log.save_vote(frames::encode_vote(&vote(term, node, false)), done))?;
        recovered.push(Recovered { group: *group, last, committed: committed.map_or(0, |at| at.index) });
    }
    Ok(recovered)
}

pub(crate) fn on_disk(
    write: impl FnOnce(Box<dyn FnOnce(io::Result<()>) + Send>) -> Result<(), RaftLogError>,
) -> Result<(), StartError> {
    /// It answers once.
    const ANSWERS: usize = 1;
    let (written, outcome) = mpsc::sync_channel(ANSWERS);
    write(Box::new(move |result| drop(written.send(result))))?;
    let gone = |_| io::Error::other("the raft log ended before it was written");
    Ok(outcome.recv().map_err(gone)??)
}
