//! What a group writes its log with: the node's file, or a disk that a simulation may cut off.
//!
//! The contract is that of [`gearify_storage::raftlog`]: operations of one group take effect in the order
//! they are called; rows can be read as soon as [`LogEngine::append`] returns; a callback runs only after
//! its operation and everything before it is on disk.

use crate::position::GroupId;
use gearify_storage::raftlog::{Done, GroupLog, GroupState, LogRow, Mark, RaftLog, RaftLogError};
use std::sync::Arc;

/// One group's log, as [`GroupLog`] does it and says it.
pub trait LogEngine: Send + Sync + 'static {
    fn state(&self) -> GroupState;
    fn is_full(&self) -> bool;
    fn is_cached(&self, from: u64) -> bool;
    fn append(&self, rows: Vec<LogRow>, done: Done) -> Result<(), RaftLogError>;
    fn truncate_after(&self, keep: Option<Mark>) -> Result<(), RaftLogError>;
    fn purge(&self, through: Mark) -> Result<(), RaftLogError>;
    fn save_vote(&self, vote: bytes::Bytes, done: Done) -> Result<(), RaftLogError>;
    fn save_committed(&self, committed: bytes::Bytes) -> Result<(), RaftLogError>;
    fn when_on_disk(&self, done: Done) -> Result<(), RaftLogError>;
    fn read(&self, from: u64, until: u64, bytes_max: usize) -> Result<Vec<LogRow>, RaftLogError>;
    fn bytes_between(&self, from: u64, until: u64) -> Result<u64, RaftLogError>;
}

impl LogEngine for GroupLog {
    fn state(&self) -> GroupState {
        GroupLog::state(self)
    }

    fn is_full(&self) -> bool {
        GroupLog::is_full(self)
    }

    fn is_cached(&self, from: u64) -> bool {
        GroupLog::is_cached(self, from)
    }

    fn append(&self, rows: Vec<LogRow>, done: Done) -> Result<(), RaftLogError> {
        GroupLog::append(self, rows, done)
    }

    fn truncate_after(&self, keep: Option<Mark>) -> Result<(), RaftLogError> {
        GroupLog::truncate_after(self, keep)
    }

    fn purge(&self, through: Mark) -> Result<(), RaftLogError> {
        GroupLog::purge(self, through)
    }

    fn save_vote(&self, vote: bytes::Bytes, done: Done) -> Result<(), RaftLogError> {
        GroupLog::save_vote(self, vote, done)
    }

    fn save_committed(&self, committed: bytes::Bytes) -> Result<(), RaftLogError> {
        GroupLog::save_committed(self, committed)
    }

    fn when_on_disk(&self, done: Done) -> Result<(), RaftLogError> {
        GroupLog::when_on_disk(self, done)
    }

    fn read(&self, from: u64, until: u64, bytes_max: usize) -> Result<Vec<LogRow>, RaftLogError> {
        GroupLog::read(self, from, until, bytes_max)
    }

    fn bytes_between(&self, from: u64, until: u64) -> Result<u64, RaftLogError> {
        GroupLog::bytes_between(self, from, until)
    }
}

/// The logs of all groups of a node.
pub trait Logs: Send + Sync + 'static {
    /// The log of one group, empty if it never wrote.
    fn group(&self, id: GroupId) -> Arc<dyn LogEngine>;

    /// The groups that have stored anything.
    fn groups(&self) -> Vec<GroupId>;
}

impl Logs for RaftLog {
    fn group(&self, id: GroupId) -> Arc<dyn LogEngine> {
        Arc::new(RaftLog::group(self, id.0))
    }

    fn groups(&self) -> Vec<GroupId> {
        RaftLog::groups(self).into_iter().map(GroupId).collect()
    }
}
