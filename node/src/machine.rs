//! The state machine behind every group's log: commands in, one atomic batch out.
//!
//! Contract: the batch of one call holds everything its entries changed — state, events waiting for the
//! event store, command records — together with the position they brought the state to and a rolling
//! hash of all changes so far. A reply leaves only after its batch is stored. Equal logs give equal
//! hashes on every node, today and on replay, however the entries were grouped into calls.
//!
//! A command that can't be read was written by a newer program, and so was a state whose version is not
//! known here: guessing would part this node from the others, so it ends with a line that says what to do.

use crate::snapshot::{self, History};
use crate::state::{AppliedRow, GroupState};
use bytes::Bytes;
use gearify_commerce::command::{self, Command, Stamped};
use gearify_commerce::event::Envelope;
use gearify_commerce::{GroupKind, StateVersion, TenantId, version};
use gearify_replication::{Applied, CommittedEntry, Machine, MachineError, SnapshotSource};
use gearify_storage::planted::{self, Bug};
use gearify_storage::{Batch, Engine, EventPosition, StorageError, Tx, decode, encode, encode_at};
use std::io::Read;
use std::sync::Arc;

/// Hears of events right after their batch is stored and before any reply: for what lives in memory
/// and must show on the next answer. Must be quick; it runs on the group's apply thread.
pub trait Listener: Send + Sync {
    fn applied(&self, group: GroupKind, events: &[Envelope]);

    /// The whole state was replaced by a snapshot.
    fn replaced(&self, group: GroupKind);

    /// Shards or sites were placed, in the state of the region's first shard.
    fn placed(&self) {}

    /// A shop's data has come from another shard, and serves from here now.
    fn came(&self, tenant: TenantId) {
        let _ = tenant;
    }
}

/// One group's machine. Replication calls it from one thread.
pub struct ShopMachine {
    state: Arc<GroupState>,
    applied: AppliedRow,
    history: History,
    listener: Arc<dyn Listener>,
    /// Of the state.
    version: StateVersion,
    /// The newest that this program knows.
    newest: StateVersion,
}

#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    #[error(
        "entry {index} of {group} holds a command this version of gearify can't read ({reason}); \
         start the version that wrote it, or a newer one"
    )]
    UnknownCommand { group: &'static str, index: u64, reason: String },
    #[error(
        "the state of {group} has version {version}, and this version of gearify knows those up to {newest}; \
         start the version that raised it, or a newer one"
    )]
    NewerState { group: &'static str, version: StateVersion, newest: StateVersion },
    #[error("the state of {group} can't be read or written: {source}")]
    Storage { group: &'static str, source: StorageError },
    #[error("the applied position of {group} is damaged: {reason}")]
    Position { group: &'static str, reason: String },
}

impl ShopMachine {
    /// A machine that knows state versions up to `newest`.
    ///
    /// # Errors
    /// The state can't be read, or is of a version that is not known.
    pub fn new(
        state: Arc<GroupState>,
        history: History,
        listener: Arc<dyn Listener>,
        newest: StateVersion,
    ) -> Result<ShopMachine, ApplyError> {
        let group = state.name();
        let applied = state.applied().map_err(|source| ApplyError::Storage { group, source })?;
        let mut machine = ShopMachine { state, applied, history, listener, version: version::FIRST, newest };
        machine.read_version()?;
        Ok(machine)
    }

    fn read_version(&mut self) -> Result<(), ApplyError> {
        self.version = self.known(version::of(&*self.state.engine()))?;
        Ok(())
    }

    fn known(&self, version: StateVersion) -> Result<StateVersion, ApplyError> {
        let (group, newest) = (self.group(), self.newest);
        if version <= newest { Ok(version) } else { Err(ApplyError::NewerState { group, version, newest }) }
    }

    fn group(&self) -> &'static str {
        self.state.name()
    }

    fn apply_entries(
        &mut self,
        entries: &[CommittedEntry],
        after: &Applied,
    ) -> Result<Vec<Vec<Bytes>>, ApplyError> {
        let group = self.group();
        let mut tx = Tx::at_version(&*self.state, self.version);
        let mut applied = self.applied.clone();
        let mut events = Vec::new();
        let mut outbox = Vec::new();
        let mut replies = Vec::with_capacity(entries.len());
        let mut places = false;
        for entry in entries {
            let index = entry.position.index;
            let first = events.len();
            let mut answers = Vec::with_capacity(entry.commands.len());
            for bytes in &entry.commands {
                let stamped: Stamped = decode(bytes).map_err(|error| ApplyError::UnknownCommand {
                    group,
                    index,
                    reason: error.to_string(),
                })?;
                if let Command::Version(version::Command::Raise { to, .. }) = stamped.command {
                    self.known(to)?;
                }
                places |= matches!(stamped.command, Command::Placement(_));
                let outcome = command::apply(&mut tx, &stamped, &mut events);
                answers.push(Bytes::from(encode(&outcome)));
            }
            applied.state_hash = chained(applied.state_hash, index, &mut tx);
            outbox.extend(numbered(index, &events[first..], tx.state_version()));
            replies.push(answers);
        }
        applied.index = after.index();
        applied.account = after.encode().to_vec();
        let failed = |source| ApplyError::Storage { group, source };
        let version = tx.state_version();
        let mut batch = tx.into_batch().map_err(failed)?;
        let late = match planted::is(Bug::RecordOutsideTheBatch) {
            true => take_records(&mut batch),
            false => Batch::new(),
        };
        self.state.commit(batch, outbox, &applied).map_err(failed)?;
        if !late.is_empty() {
            self.state.engine().commit(late).map_err(failed)?;
        }
        self.applied = applied;
        if self.version != version {
            tracing::info!(group, from = self.version, to = version, "the state's version is raised");
            self.version = version;
        }
        if places {
            self.listener.placed();
        }
        if !events.is_empty() {
            self.listener.applied(self.state.kind(), &events);
        }
        Ok(replies)
    }
}

/// Takes the records of commands out of a batch.
fn take_records(batch: &mut Batch) -> Batch {
    let (mut rest, mut records) = (Batch::new(), Batch::new());
    for (key, value) in batch.iter() {
        let into = if command::is_record_key(key) { &mut records } else { &mut rest };
        match value {
            Some(value) => into.put(key, value),
            None => into.delete(key),
        }
    }
    *batch = rest;
    records
}

/// The hash after one entry. An entry without changes leaves it alone.
fn chained(before: [u8; 32], index: u64, tx: &mut Tx<'_>) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&before);
    hasher.update(&index.to_be_bytes());
    let mut changed = false;
    tx.visit_changes(|key, value| {
        changed = true;
        hasher.update(&(key.len() as u32).to_be_bytes());
        hasher.update(key);
        // No value is that long: a delete can't look like one.
        hasher.update(&value.map_or(u32::MAX, |value| value.len() as u32).to_be_bytes());
        hasher.update(value.unwrap_or_default());
    });
    if changed { *hasher.finalize().as_bytes() } else { before }
}

fn numbered(
    index: u64,
    events: &[Envelope],
    version: StateVersion,
) -> impl Iterator<Item = (EventPosition, Vec<u8>)> {
    let rows = events.iter().zip(0..);
    rows.map(move |(event, n)| (EventPosition::new(index, n), encode_at(event, version)))
}

impl Machine for ShopMachine {
    fn apply(
        &mut self,
        entries: &[CommittedEntry],
        after: &Applied,
    ) -> Result<Vec<Vec<Bytes>>, MachineError> {
        self.apply_entries(entries, after).map_err(MachineError::new)
    }

    fn applied(&self) -> Result<Applied, MachineError> {
        if self.applied.account.is_empty() {
            return Ok(Applied::default());
        }
        let account = Bytes::copy_from_slice(&self.applied.account);
        let damaged = |reason: gearify_replication::FrameError| ApplyError::Position {
            group: self.group(),
            reason: reason.to_string(),
        };
        Applied::decode(account).map_err(|reason| MachineError::new(damaged(reason)))
    }

    fn snapshot(&mut self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        snapshot::take(&self.state, self.applied.clone(), &self.history)
    }

    fn install(&mut self, after: &Applied, content: &mut dyn Read) -> Result<(), MachineError> {
        self.applied = snapshot::install(&self.state, after, content, &self.history)?;
        self.read_version().map_err(MachineError::new)?;
        tracing::info!(
            group = self.group(),
            index = self.applied.index,
            "the state is replaced by a snapshot"
        );
        self.listener.replaced(self.state.kind());
        Ok(())
    }
}
