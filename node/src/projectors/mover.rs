//! The first projector of every group: moves events from the outbox into the event store.
//!
//! Order of durability: the store's transaction first, the outbox rows after it. A crash in between
//! leaves rows that the store already has; it skips them. All other projectors see only what the store
//! has.

use super::{Projected, ProjectorError, Recent};
use crate::bell::Bell;
use crate::state::{GroupState, Waiting};
use bytes::Bytes;
use gearify_commerce::event::Envelope;
use gearify_commerce::scope::scope_prefix;
use gearify_storage::failpoint::{self, Failpoint};
use gearify_storage::{EventPosition, EventRow, EventStore, decode};
use parking_lot::Mutex;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Outbox rows of one transaction, and of one clearing batch: short enough that neither holds up the
/// group's apply.
const MOVE_MAX: usize = 256;

/// From one transaction to the next: under load one sync of the disk serves all events of this time.
const PACE: Duration = Duration::from_millis(40);

pub struct Mover {
    state: Arc<GroupState>,
    store: Arc<Mutex<EventStore>>,
    recent: Recent,
    /// Rings when the store has more.
    moved: Bell,
}

impl Mover {
    pub fn new(state: Arc<GroupState>, store: Arc<Mutex<EventStore>>, recent: Recent, moved: Bell) -> Mover {
        Mover { state, store, recent, moved }
    }

    /// Moves until the group's bell is stopped.
    pub fn run(self) -> Result<(), ProjectorError> {
        let bell = self.state.bell().clone();
        let position = self.store.lock().position();
        while self.state.clear_outbox(position, MOVE_MAX)? > 0 {}
        loop {
            let (seen, begun) = (bell.count(), Instant::now());
            while self.step()? {}
            if !bell.wait(seen, Duration::from_secs(1)) {
                // What was applied meanwhile waits in the outbox for the next start.
                return Ok(());
            }
            std::thread::sleep(PACE.saturating_sub(begun.elapsed()));
        }
    }

    /// Moves one batch; whether there is more to move.
    pub fn step(&self) -> Result<bool, ProjectorError> {
        let applied = self.state.applied_index();
        let position = self.store.lock().position();
        if applied <= position {
            return Ok(false);
        }
        let (events, through) = self.next_events(position + 1, applied)?;
        let rows: Vec<EventRow> = events.iter().map(|(row, _)| row.clone()).collect();
        failpoint::reach(Failpoint::HistoryUnwritten);
        self.store.lock().append(&rows, through)?;
        failpoint::reach(Failpoint::HistoryWritten);
        self.recent.push(position + 1, events.into_iter().map(|(_, event)| event), through);
        self.moved.ring();
        self.state.events_are_stored(through);
        Ok(through < applied)
    }

    /// Events of whole entries from `first` on, and the last entry they cover.
    fn next_events(
        &self,
        first: u64,
        applied: u64,
    ) -> Result<(Vec<(EventRow, Projected)>, u64), ProjectorError> {
        let mut limit = MOVE_MAX;
        loop {
            let Waiting { mut events, is_all } = self.state.outbox(first, limit)?;
            events.retain(|(position, _)| position.index <= applied);
            let last = events.last().map(|(position, _)| position.index);
            let through = match last {
                // The last entry may go on beyond the limit: leave it for the next batch.
                Some(last) if !is_all => last - 1,
                _ => applied,
            };
            if through < first {
                limit *= 2;
                continue;
            }
            events.retain(|(position, _)| position.index <= through);
            let events = events.into_iter().map(|(position, body)| event_row(position, body));
            return Ok((events.collect::<Result<_, _>>()?, through));
        }
    }
}

fn event_row(position: EventPosition, body: Bytes) -> Result<(EventRow, Projected), ProjectorError> {
    let envelope: Envelope = decode(&body)
        .map_err(|reason| ProjectorError::UnreadableEvent { position, reason: reason.to_string() })?;
    let stream = scope_prefix(envelope.tenant, envelope.site).to_vec().into();
    let row = EventRow { position, stream, seq: envelope.sequence, body };
    Ok((row, Projected { position, envelope: Arc::new(envelope) }))
}
