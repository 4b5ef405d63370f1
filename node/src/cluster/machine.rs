//! The state machine of the cluster group: the roster, in memory.
//!
//! It starts empty each time and is filled from snapshot and log, which is quick: the roster is small and
//! seldom changes.

use super::roster::{Answer, Entry, Roster};
use bytes::Bytes;
use gearify_replication::{Applied, CommittedEntry, Machine, MachineError, SnapshotSource};
use gearify_storage::{decode, encode};
use std::io::{Read, Write};
use std::sync::Arc;
use tokio::sync::watch;

/// The newest roster, for everybody else.
pub type RosterView = watch::Receiver<Arc<Roster>>;

pub struct RosterMachine {
    roster: Roster,
    applied: Applied,
    publish: watch::Sender<Arc<Roster>>,
}

impl RosterMachine {
    pub fn new() -> (RosterMachine, RosterView) {
        let (publish, view) = watch::channel(Arc::default());
        (RosterMachine { roster: Roster::default(), applied: Applied::default(), publish }, view)
    }

    fn publish(&self) {
        self.publish.send_if_modified(|published| {
            let is_new = **published != self.roster;
            if is_new {
                *published = Arc::new(self.roster.clone());
            }
            is_new
        });
    }
}

impl Machine for RosterMachine {
    fn apply(
        &mut self,
        entries: &[CommittedEntry],
        after: &Applied,
    ) -> Result<Vec<Vec<Bytes>>, MachineError> {
        let mut replies = Vec::with_capacity(entries.len());
        for entry in entries {
            let mut answers = Vec::with_capacity(entry.commands.len());
            for command in &entry.commands {
                let command: Entry = decode(command).map_err(MachineError::new)?;
                answers.push(encode(&Answer(self.roster.apply(&command))).into());
            }
            replies.push(answers);
        }
        self.applied = after.clone();
        self.publish();
        Ok(replies)
    }

    fn applied(&self) -> Result<Applied, MachineError> {
        Ok(self.applied.clone())
    }

    fn snapshot(&mut self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        Ok(Box::new(Frozen(encode(&self.roster))))
    }

    fn install(&mut self, after: &Applied, content: &mut dyn Read) -> Result<(), MachineError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(MachineError::new)?;
        self.roster = decode(&bytes).map_err(MachineError::new)?;
        self.applied = after.clone();
        self.publish();
        Ok(())
    }
}

struct Frozen(Vec<u8>);

impl SnapshotSource for Frozen {
    fn write_to(self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError> {
        out.write_all(&self.0).map_err(MachineError::new)
    }
}
