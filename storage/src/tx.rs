//! One log entry's view of a table: reads see the entry's own earlier writes.
//!
//! A failed read cannot be answered inside a deterministic state machine, so it is latched: reads
//! after it find nothing, and [`Tx::into_batch`] refuses to produce a batch. The caller then ends
//! the node; nothing computed from the missing data is ever stored.

use crate::table::{Batch, Reader, Row, StorageError, prefix_end};
use bytes::Bytes;
use std::cell::RefCell;

/// Reads through an overlay of writes not yet committed.
pub struct Tx<'e> {
    base: &'e dyn Reader,
    writes: Batch,
    fault: RefCell<Option<StorageError>>,
}

impl<'e> Tx<'e> {
    pub fn new(base: &'e dyn Reader) -> Tx<'e> {
        Tx { base, writes: Batch::new(), fault: RefCell::new(None) }
    }

    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        match self.writes.get(key) {
            Some(value) => value.map(Bytes::copy_from_slice),
            None => self.latch(self.base.get(key)).flatten(),
        }
    }

    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.writes.put(key, value);
    }

    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.writes.delete(key);
    }

    /// Rows whose key starts with `prefix`, ascending, at most `limit`.
    pub fn scan_prefix(&self, prefix: &[u8], limit: usize) -> Vec<Row> {
        self.scan(prefix, &prefix_end(prefix), limit)
    }

    /// Rows with `from <= key < until`, ascending, at most `limit`.
    pub fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Vec<Row> {
        // Deleted rows hide base rows, so ask the base for as many more.
        let overlay: Vec<(&[u8], Option<&[u8]>)> =
            self.writes.range(from, until).map(|(k, v)| (k.as_slice(), v.as_deref())).collect();
        let hidden = overlay.iter().filter(|(_, value)| value.is_none()).count();
        let base = self.latch(self.base.scan(from, until, limit.saturating_add(hidden))).unwrap_or_default();
        merge(base, &overlay, limit)
    }

    /// The batch of all writes, or the first fault met while reading.
    pub fn into_batch(self) -> Result<Batch, StorageError> {
        match self.fault.into_inner() {
            Some(fault) => Err(fault),
            None => Ok(self.writes),
        }
    }

    fn latch<T>(&self, result: Result<T, StorageError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault.borrow_mut().get_or_insert(fault);
                None
            }
        }
    }
}

fn merge(base: Vec<Row>, overlay: &[(&[u8], Option<&[u8]>)], limit: usize) -> Vec<Row> {
    let mut rows = Vec::with_capacity(base.len().min(limit));
    let mut base = base.into_iter().peekable();
    let mut overlay = overlay.iter().peekable();
    while rows.len() < limit {
        let take_overlay = match (base.peek(), overlay.peek()) {
            (None, None) => break,
            (Some(_), None) => false,
            (None, Some(_)) => true,
            (Some((key, _)), Some((over, _))) => *over <= key.as_ref(),
        };
        if !take_overlay {
            rows.extend(base.next());
            continue;
        }
        let Some((key, value)) = overlay.next() else { break };
        if base.peek().is_some_and(|(base_key, _)| base_key.as_ref() == *key) {
            base.next();
        }
        if let Some(value) = value {
            rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        }
    }
    rows
}
