//! The way out when a majority of voters is lost for good: one that is left goes on alone.
//!
//! Done while nothing runs on the directory. To a group's log an entry is added that makes this node the only
//! voter, in a term above all it has heard of. Everything in its log is kept; what others acknowledged and
//! never sent here is lost, and nobody can tell whether there was any. The others must never come back: that
//! is for the caller to see to, before they are started again.

use crate::frames;
use crate::node::StartError;
use crate::position::{GroupId, NodeId};
use crate::snapshots::SnapshotStore;
use crate::types::{Entry, LogId, Membership, vote};
use gearify_storage::raftlog::{GroupLog, LogRow, RaftLog, RaftLogError, RaftLogOptions};
use openraft::entry::RaftEntry;
use openraft::impls::leader_id_adv::LeaderId;
use openraft::{EmptyNode, EntryPayload};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

/// Bytes of the log read at once.
const READ_BYTES: usize = 1 << 20;
/// Entries without content written at once.
const BLANKS: u64 = 1024;

/// A group as it goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    pub group: GroupId,
    /// The last entry that was here; `None` if nothing was, and the group begins anew.
    pub last: Option<u64>,
    /// How far this node knew the group to be committed.
    pub committed: u64,
}

/// The members of a group, as the log of one of its nodes has them last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastMembers {
    /// A majority of each of these sets decides; there are two while a change of voters is half done.
    pub voters: Vec<BTreeSet<NodeId>>,
    /// Voters and learners.
    pub members: BTreeSet<NodeId>,
}

impl LastMembers {
    /// Whether those that are left can decide.
    pub fn decide(&self, is_left: impl Fn(&NodeId) -> bool) -> bool {
        let has_majority = |voters: &BTreeSet<NodeId>| {
            let left = voters.iter().filter(|node| is_left(node)).count();
            left > voters.len() / 2
        };
        self.voters.iter().all(has_majority)
    }
}

/// The raft log of a node that does not run.
pub struct StoppedLog {
    dir: PathBuf,
    log: RaftLog,
    node: NodeId,
}

impl StoppedLog {
    /// Opens the log below `dir` and checks all of it. `log_name` is whose log it is.
    ///
    /// # Errors
    /// If the log is damaged, or of another node: then this node can't be the one to go on.
    pub fn open(dir: &Path, log_name: &str, node: NodeId) -> Result<StoppedLog, StartError> {
        let log = RaftLog::open(RaftLogOptions::new(dir, frames::encode_identity(log_name, node)))?;
        Ok(StoppedLog { dir: dir.to_owned(), log, node })
    }

    /// The members of a group as they stand last here, committed or not; `None` without anything of the group.
    pub fn members(&self, group: GroupId) -> Result<Option<LastMembers>, StartError> {
        let log = self.log.group(group.0);
        let state = log.state();
        let Some(last) = state.last else { return Ok(None) };
        let snapshots = SnapshotStore::open(self.dir.join(format!("group-{group}")).join("snapshots"))?;
        let covered = snapshots.current().map(|file| file.applied().clone()).unwrap_or_default();
        let stored = covered.membership.map(frames::decode_stored_membership).transpose().map_err(of)?;
        let mut found = stored.map(|stored| stored.membership().clone()).unwrap_or_default();
        let after = |index: Option<u64>| index.map_or(0, |index| index + 1);
        let covered = after(covered.position.map(|position| position.index));
        let mut next = covered.max(after(state.purged.map(|purged| purged.index)));
        while next <= last.index {
            let rows = log.read(next, last.index + 1, READ_BYTES)?;
            let Some(read) = rows.last() else { break };
            next = read.index + 1;
            for row in rows {
                let id = frames::decode_term(row.term, row.index).map_err(of)?;
                let entry = frames::decode_entry(id, row.body).map_err(of)?;
                if let EntryPayload::Membership(members) = entry.payload {
                    found = members;
                }
            }
        }
        let members = found.nodes().map(|(node, _)| *node).collect();
        Ok(Some(LastMembers { voters: found.get_joint_config().clone(), members }))
    }

    /// Makes this node the only voter of a group, if there is anything of it here. Numbers up to `above` stay
    /// free of new entries.
    pub fn go_on_alone(&self, group: GroupId, above: u64) -> Result<Option<Recovered>, StartError> {
        let is_here = self.log.group(group.0).state().last.is_some();
        is_here.then(|| self.add(group, above)).transpose()
    }

    /// Begins a group of which there is nothing here, with this node as its only voter; what is here of it goes
    /// on. The first number that anybody uses lies above `above`.
    pub fn begin_alone(&self, group: GroupId, above: u64) -> Result<Recovered, StartError> {
        self.add(group, above)
    }

    fn add(&self, group: GroupId, above: u64) -> Result<Recovered, StartError> {
        let (log, node) = (self.log.group(group.0), self.node);
        let state = log.state();
        let last = state.last.map(|mark| frames::decode_term(mark.term, mark.index)).transpose();
        let last = last.map_err(of)?;
        let voted = state.vote.map(frames::decode_vote).transpose().map_err(of)?;
        let newest = last.as_ref().map_or(0, |id| id.leader_id.term);
        let term = newest.max(voted.map_or(0, |vote| vote.leader_id.term)) + 1;
        let committed = state.committed.map(frames::decode_log_id).transpose().map_err(of)?;

        let id = |index: u64| LogId { leader_id: LeaderId { term, node_id: node }, index };
        let nodes = BTreeMap::from([(node, EmptyNode::new())]);
        let alone = Membership::new(vec![[node].into()], nodes);
        let alone = alone.map_err(|error| StartError::Raft { reason: error.to_string() })?;
        let first = last.as_ref().map_or(0, |id| id.index + 1);
        append(&log, [Entry::new_membership(id(first), alone)])?;
        let mut next = first + 1;
        while next <= above {
            let until = (above + 1).min(next + BLANKS);
            append(&log, (next..until).map(|index| Entry::new_blank(id(index))))?;
            next = until;
        }
        on_disk(|done| log.save_vote(frames::encode_vote(&vote(term, node, false)), done))?;
        let committed = committed.map_or(0, |at| at.index);
        Ok(Recovered { group, last: last.map(|id| id.index), committed })
    }
}

fn append(log: &GroupLog, entries: impl IntoIterator<Item = Entry>) -> Result<(), StartError> {
    let row = |entry: Entry| LogRow {
        index: entry.log_id.index,
        term: frames::encode_term(&entry.log_id),
        body: frames::encode_body(&entry),
    };
    let rows = entries.into_iter().map(row).collect();
    on_disk(|done| log.append(rows, done))
}

fn of(error: frames::FrameError) -> StartError {
    StartError::Io(io::Error::other(error))
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
