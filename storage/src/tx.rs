//! One log entry's view of a table: reads see the entry's own earlier writes.
//!
//! A failed read cannot be answered inside a deterministic state machine, so it is latched: reads
//! after it find nothing, and [`Tx::into_batch`] refuses to produce a batch. The caller then ends
//! the node; nothing computed from the missing data is ever stored.

use crate::table::{Batch, Reader, Row, StorageError, prefix_end};
use bytes::Bytes;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Reads through an overlay of writes not yet committed.
pub struct Tx<'e> {
    base: &'e dyn Reader,
    writes: Batch,
    /// Keys written since [`Tx::visit_changes`] was last called.
    touched: BTreeSet<Vec<u8>>,
    /// Calls of `put` and `delete` so far.
    writes_made: u64,
    state_version: u32,
    fault: RefCell<Option<StorageError>>,
}

impl<'e> Tx<'e> {
    /// Of a state machine with everything this program knows switched on.
    pub fn new(base: &'e dyn Reader) -> Tx<'e> {
        Tx::at_version(base, u32::MAX)
    }

    /// Of a state machine of this version: see [`crate::encode_at`].
    pub fn at_version(base: &'e dyn Reader, state_version: u32) -> Tx<'e> {
        Tx {
            base,
            writes: Batch::new(),
            touched: BTreeSet::new(),
            writes_made: 0,
            state_version,
            fault: RefCell::new(None),
        }
    }

    /// Records are written, and rules are followed, as of this version.
    pub fn state_version(&self) -> u32 {
        self.state_version
    }

    /// From the next command on.
    pub fn set_state_version(&mut self, state_version: u32) {
        self.state_version = state_version;
    }

    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        match self.writes.get(key) {
            Some(value) => value.map(Bytes::copy_from_slice),
            None => self.latch(self.base.get(key)).flatten(),
        }
    }

    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        let key = key.into();
        self.writes_made += 1;
        self.touched.insert(key.clone());
        self.writes.put(key, value);
    }

    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        let key = key.into();
        self.writes_made += 1;
        self.touched.insert(key.clone());
        self.writes.delete(key);
    }

    /// How many puts and deletes were asked for: equal before and after means nothing was written.
    pub fn writes_made(&self) -> u64 {
        self.writes_made
    }

    /// Shows each key written since the last call once, in key order, with the value it has now (`None`
    /// if it was deleted): what one entry of several in a batch has changed.
    pub fn visit_changes(&mut self, mut visit: impl FnMut(&[u8], Option<&[u8]>)) {
        for key in std::mem::take(&mut self.touched) {
            visit(&key, self.writes.get(&key).flatten());
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryEngine;

    #[test]
    fn changes_are_shown_once_in_key_order_with_their_last_value() {
        let engine = MemoryEngine::new();
        let mut tx = Tx::new(&engine);
        tx.put(*b"b", *b"1");
        tx.put(*b"a", *b"1");
        tx.put(*b"b", *b"2");
        tx.delete(*b"c");
        let changes = |tx: &mut Tx<'_>| {
            let mut seen = Vec::new();
            tx.visit_changes(|key, value| seen.push((key.to_vec(), value.map(<[u8]>::to_vec))));
            seen
        };
        let first = changes(&mut tx);
        assert_eq!(
            first,
            [
                (b"a".to_vec(), Some(b"1".to_vec())),
                (b"b".to_vec(), Some(b"2".to_vec())),
                (b"c".to_vec(), None)
            ]
        );
        tx.put(*b"a", *b"3");
        assert_eq!(changes(&mut tx), [(b"a".to_vec(), Some(b"3".to_vec()))]);
        assert_eq!(changes(&mut tx), []);
    }
}
