//! Which keys commits have touched: for whoever copies an engine while it goes on being written.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Frozen, NOTE_OVERHEAD_BYTES};

/// Keys touched since the last [`Changes::take`]. Dropped, nothing is noted any more.
pub struct Changes(Arc<Touched>);

pub(super) struct Touched {
    bytes_max: usize,
    keys: Mutex<Keys>,
}

#[derive(Default)]
struct Keys {
    touched: BTreeSet<Bytes>,
    bytes: usize,
    lost: bool,
}

impl<E> Frozen<E> {
    /// Notes the keys of every commit from here on, as long as those not yet taken need no more than
    /// `bytes_max`.
    pub fn changes(&self, bytes_max: usize) -> Changes {
        let touched = Arc::new(Touched { bytes_max, keys: Mutex::default() });
        self.inner.watchers.lock().push(Arc::downgrade(&touched));
        Changes(touched)
    }
}

impl Changes {
    /// What was touched since the last call; `None` if it was too much to keep.
    pub fn take(&self) -> Option<Vec<Bytes>> {
        let mut keys = self.0.keys.lock();
        if keys.lost {
            return None;
        }
        keys.bytes = 0;
        Some(std::mem::take(&mut keys.touched).into_iter().collect())
    }
}

impl Touched {
    pub(super) fn note(&self, written: &[Bytes]) {
        let mut keys = self.keys.lock();
        for key in written {
            if keys.lost || keys.touched.contains(key) {
                continue;
            }
            keys.bytes += key.len() + NOTE_OVERHEAD_BYTES;
            if keys.bytes > self.bytes_max {
                *keys = Keys { lost: true, ..Keys::default() };
                return;
            }
            keys.touched.insert(key.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::MemoryEngine;
    use crate::frozen::Frozen;
    use crate::table::{Batch, Engine};

    #[test]
    fn touched_keys_are_told_once_and_not_without_bound() {
        let engine = Frozen::new(MemoryEngine::new());
        let put = |key: &str| {
            let mut batch = Batch::new();
            batch.put(key.as_bytes().to_vec(), b"value".to_vec());
            engine.commit(batch).unwrap();
        };
        put("before");
        let (changes, few) = (engine.changes(10_000), engine.changes(200));
        ["b", "a", "b"].iter().for_each(|key| put(key));
        assert_eq!(changes.take().unwrap(), ["a", "b"]);
        assert_eq!(changes.take().unwrap(), Vec::<bytes::Bytes>::new());
        put("a");
        assert_eq!(changes.take().unwrap(), ["a"]);
        assert_eq!(few.take(), None);
        drop((changes, few));
        put("c");
        assert!(engine.inner.watchers.lock().is_empty());
    }
}
