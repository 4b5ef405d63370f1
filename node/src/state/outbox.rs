//! Rows of the outbox: events of one entry that wait to be moved into the event store, many in one row.
//!
//! A row is keyed by the position of its first event; each event in it stands behind its length.

use super::LOCAL;
use bytes::Bytes;
use gearify_storage::{EventPosition, StorageError};

pub(super) const START: [u8; 2] = [LOCAL, 2];
/// Bytes of events in one row: well below what the engine takes, so that one more always fits unless it
/// is as large itself.
const ROW_BYTES: usize = 16 << 10;

/// Puts events together in rows, those of one entry only in each.
pub(super) fn rows(
    events: impl IntoIterator<Item = (EventPosition, Vec<u8>)>,
) -> Vec<(EventPosition, Vec<u8>)> {
    let mut rows: Vec<(EventPosition, Vec<u8>)> = Vec::new();
    for (position, body) in events {
        let row = rows
            .last_mut()
            .filter(|(first, row)| first.index == position.index && row.len() + body.len() < ROW_BYTES);
        let row = match row {
            Some((_, row)) => row,
            None => {
                rows.push((position, Vec::new()));
                &mut rows.last_mut().expect("one was just pushed").1
            }
        };
        row.extend_from_slice(&(body.len() as u32).to_be_bytes());
        row.extend_from_slice(&body);
    }
    rows
}

pub(super) fn open(
    first: EventPosition,
    mut row: Bytes,
    events: &mut Vec<(EventPosition, Bytes)>,
) -> Result<(), StorageError> {
    let mut n = first.n;
    while !row.is_empty() {
        let length = row.split_first_chunk::<4>().map(|(length, _)| u32::from_be_bytes(*length) as usize);
        let length = length.filter(|length| 4 + length <= row.len());
        let length =
            length.ok_or_else(|| StorageError::Damaged("an outbox row ends inside an event".into()))?;
        let mut event = row.split_to(4 + length);
        events.push((EventPosition::new(first.index, n), event.split_off(4)));
        n += 1;
    }
    Ok(())
}

pub(super) fn key(at: EventPosition) -> Vec<u8> {
    let mut key = START.to_vec();
    key.extend_from_slice(&at.index.to_be_bytes());
    key.extend_from_slice(&at.n.to_be_bytes());
    key
}

pub(crate) fn is_outbox_key(key: &[u8]) -> bool {
    key.starts_with(&START)
}

pub(super) fn end() -> [u8; 2] {
    [LOCAL, START[1] + 1]
}

pub(super) fn at(key: &[u8]) -> Result<EventPosition, StorageError> {
    let damaged = || StorageError::Damaged("an outbox key is not index and number".into());
    let place = key.strip_prefix(&START).ok_or_else(damaged)?;
    let (index, n) = place.split_at_checked(8).ok_or_else(damaged)?;
    let index = index.try_into().map(u64::from_be_bytes).map_err(|_| damaged())?;
    let n = n.try_into().map(u32::from_be_bytes).map_err(|_| damaged())?;
    Ok(EventPosition { index, n })
}
