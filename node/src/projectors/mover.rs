//! The first projector of every group: moves events from the outbox into the event store.
//!
//! Order of durability: the store's transaction first, the outbox rows after it. A crash in between
//! leaves rows that the store already has; it skips them. All other projectors read the store only.

use super::ProjectorError;
use crate::bell::Bell;
use crate::state::GroupState;
use gearify_commerce::event::Envelope;
use gearify_commerce::scope::scope_prefix;
use gearify_storage::{EventPosition, EventRow, EventStore, decode};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::Duration;

/// Events of one transaction, and outbox rows of one clearing batch: short enough that neither holds
/// up the group's apply.
const MOVE_MAX: usize = 2_048;

/// Pause between transactions: under load one sync of the disk serves all events of this time.
const PAUSE: Duration = Duration::from_millis(5);

pub struct Mover {
    state: Arc<GroupState>,
    store: Arc<Mutex<EventStore>>,
    /// Rings when the store has more.
    moved: Bell,
}

impl Mover {
    pub fn new(state: Arc<GroupState>, store: Arc<Mutex<EventStore>>, moved: Bell) -> Mover {
        Mover { state, store, moved }
    }

    /// Moves until the group's bell is stopped.
    pub fn run(self) -> Result<(), ProjectorError> {
        let bell = self.state.bell().clone();
        loop {
            let seen = bell.count();
            while self.step()? {}
            if !bell.wait(seen, Duration::from_secs(1)) {
                // What was applied meanwhile waits in the outbox for the next start.
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Moves one batch; `false` if there was nothing to move.
    pub fn step(&self) -> Result<bool, ProjectorError> {
        let applied = self.state.applied_index();
        let position = self.store.lock().position();
        self.state.clear_outbox(position, MOVE_MAX)?;
        if applied <= position {
            return Ok(false);
        }
        let (rows, through) = self.next_rows(position + 1, applied)?;
        self.store.lock().append(&rows, through)?;
        self.moved.ring();
        self.state.clear_outbox(through, MOVE_MAX)?;
        Ok(true)
    }

    /// Events of whole entries from `first` on, and the last entry they cover.
    fn next_rows(&self, first: u64, applied: u64) -> Result<(Vec<EventRow>, u64), ProjectorError> {
        let mut limit = MOVE_MAX;
        loop {
            let mut rows = self.state.outbox(EventPosition::new(first, 0), limit)?;
            let is_all = rows.len() < limit;
            rows.retain(|(position, _)| position.index <= applied);
            let last = rows.last().map(|(position, _)| position.index);
            let through = match last {
                // The last entry may go on beyond the limit: leave it for the next batch.
                Some(last) if !is_all => last - 1,
                _ => applied,
            };
            if through < first {
                limit *= 2;
                continue;
            }
            rows.retain(|(position, _)| position.index <= through);
            let rows = rows.into_iter().map(|(position, body)| event_row(position, body));
            return Ok((rows.collect::<Result<_, _>>()?, through));
        }
    }
}

fn event_row(position: EventPosition, body: bytes::Bytes) -> Result<EventRow, ProjectorError> {
    let envelope: Envelope = decode(&body)
        .map_err(|reason| ProjectorError::UnreadableEvent { position, reason: reason.to_string() })?;
    let stream = scope_prefix(envelope.tenant, envelope.site).to_vec().into();
    Ok(EventRow { position, stream, seq: envelope.sequence, body })
}
