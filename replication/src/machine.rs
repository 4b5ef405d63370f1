//! The state machine a group drives.
//!
//! The group calls it from one thread of its own, never concurrently. A machine may come back from
//! a restart behind the log, or empty: it then gets the newest snapshot and the entries after it.
//! It may never come back *ahead* of what it was given, nor with half an entry.

use crate::position::{Applied, LogPosition};
use bytes::Bytes;
use std::io::{Read, Write};

/// A storage fault below a machine. The node ends: what the machine holds is then unknown.
#[derive(Debug, thiserror::Error)]
#[error("the state machine failed: {0}")]
pub struct MachineError(#[source] pub Box<dyn std::error::Error + Send + Sync>);

impl MachineError {
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> MachineError {
        MachineError(error.into())
    }
}

/// One committed entry, already split into the commands it carries. Entries written by the group
/// itself (a new leader's first, a change of members) carry none.
#[derive(Clone, Debug)]
pub struct CommittedEntry {
    pub position: LogPosition,
    pub commands: Vec<Bytes>,
}

pub trait Machine: Send + 'static {
    /// Applies consecutive entries in ONE atomic storage batch, `after` included, and returns for
    /// each entry one reply per command, in order.
    ///
    /// # Errors
    /// Only for faults of the machine's storage; a refused command is a reply.
    fn apply(&mut self, entries: &[CommittedEntry], after: &Applied)
    -> Result<Vec<Vec<Bytes>>, MachineError>;

    /// What the last stored batch said; the default value if the machine is empty.
    fn applied(&self) -> Result<Applied, MachineError>;

    /// A frozen view of the present state. Must return fast: applying goes on while the view is
    /// written out on another thread.
    fn snapshot(&mut self) -> Result<Box<dyn SnapshotSource>, MachineError>;

    /// Replaces the whole state by what [`SnapshotSource::write_to`] once wrote, and stores `after`
    /// with it. May be called again with the same content if the process ended half-way; must then
    /// come to the same state.
    fn install(&mut self, after: &Applied, content: &mut dyn Read) -> Result<(), MachineError>;
}

/// A frozen view of a machine's state, written to a file on a thread of its own.
pub trait SnapshotSource: Send {
    fn write_to(self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError>;
}
