//! A still picture of an engine while commits go on.
//!
//! A view costs nothing when it is taken. From then on every commit first notes, for each key it is
//! about to touch for the first time, what stood there; the view reads the engine and puts those notes
//! over it. Whoever reads the view therefore sees exactly the state at its moment.
//!
//! The notes are bounded in bytes. A view under which too much has changed is lost, with an error to
//! its reader and none to the commits; the reader starts over later. A [`Sweep`], which reads every row
//! once, in order, is never lost: what it has passed needs no notes any more, and commits that would exceed
//! the bound wait for it to pass on.

mod changes;
mod sweep;
#[cfg(test)]
mod tests;

pub use changes::Changes;
pub use sweep::Sweep;

use crate::table::{Batch, Engine, Reader, Row, StorageError, bounds};
use bytes::Bytes;
use parking_lot::{Condvar, Mutex};
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Counted for every note beside its key and value: what the map itself needs, roughly.
const NOTE_OVERHEAD_BYTES: usize = 128;

/// An engine that can be looked at as it was. Cheap to clone; clones are the same engine.
pub struct Frozen<E> {
    inner: Arc<Inner<E>>,
}

struct Inner<E> {
    engine: E,
    /// Held while a commit notes and writes, so that a view begins between two commits.
    views: Mutex<Vec<Weak<Notes>>>,
    watchers: Mutex<Vec<Weak<changes::Touched>>>,
}

impl<E> Clone for Frozen<E> {
    fn clone(&self) -> Frozen<E> {
        Frozen { inner: self.inner.clone() }
    }
}

impl<E: Engine> Frozen<E> {
    pub fn new(engine: E) -> Frozen<E> {
        Frozen { inner: Arc::new(Inner { engine, views: Mutex::default(), watchers: Mutex::default() }) }
    }

    /// The state as it is now, for as long as commits change less than `bytes_max` under it. Waits for
    /// a commit in progress, no longer.
    pub fn freeze(&self, bytes_max: usize) -> FrozenView<E> {
        self.view(Notes::new(bytes_max, false))
    }

    /// One pass over the state as it is now. Notes of what is ahead of it take at most `bytes_max`: commits
    /// that would need more wait until it has passed on.
    pub fn sweep(&self, bytes_max: usize) -> Sweep<E> {
        Sweep::new(self.view(Notes::new(bytes_max, true)))
    }

    fn view(&self, notes: Notes) -> FrozenView<E> {
        let notes = Arc::new(notes);
        self.inner.views.lock().push(Arc::downgrade(&notes));
        FrozenView { inner: self.inner.clone(), notes }
    }

    /// The engine itself. Committing to it directly would change views under their readers.
    pub fn engine(&self) -> &E {
        &self.inner.engine
    }
}

impl<E: Engine> Reader for Frozen<E> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        self.inner.engine.get(key)
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        self.inner.engine.scan(from, until, limit)
    }

    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        self.inner.engine.scan_back(from, until, limit)
    }
}

impl<E: Engine> Engine for Frozen<E> {
    fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        let mut views = self.inner.views.lock();
        views.retain(|view| view.strong_count() > 0);
        for view in views.iter().filter_map(Weak::upgrade) {
            view.note(&batch, &self.inner.engine)?;
        }
        let mut watchers = self.inner.watchers.lock();
        watchers.retain(|watcher| watcher.strong_count() > 0);
        let watching: Vec<_> = watchers.iter().filter_map(Weak::upgrade).collect();
        drop(watchers);
        let keys: Vec<Bytes> = match watching.is_empty() {
            true => Vec::new(),
            false => batch.iter().map(|(key, _)| Bytes::copy_from_slice(key)).collect(),
        };
        self.inner.engine.commit(batch)?;
        // Told afterwards: whoever copies a key that was told finds at least this value.
        watching.iter().for_each(|watcher| watcher.note(&keys));
        Ok(())
    }
}

/// What stood where commits have written since a view was taken.
struct Notes {
    bytes_max: usize,
    /// Commits wait for room; else the view is lost.
    has_patience: bool,
    kept: Mutex<Kept>,
    has_room: Condvar,
}

#[derive(Default)]
struct Kept {
    before: BTreeMap<Bytes, Option<Bytes>>,
    bytes: usize,
    /// Keys before this one are not read any more.
    passed: Vec<u8>,
    /// Nobody reads any more, or nobody can.
    over: bool,
}

impl Notes {
    fn new(bytes_max: usize, has_patience: bool) -> Notes {
        Notes { bytes_max, has_patience, kept: Mutex::default(), has_room: Condvar::new() }
    }

    /// Called before the batch is written. A commit that fails afterwards has changed nothing, and the
    /// notes still say what is there.
    fn note(&self, batch: &Batch, engine: &dyn Reader) -> Result<(), StorageError> {
        for (key, _) in batch.iter() {
            if self.kept.lock().knows(key) {
                continue;
            }
            let value = engine.get(key)?;
            let bytes = bytes_of(key, value.as_ref());
            let mut kept = self.kept.lock();
            // One note alone always fits, however large.
            while self.has_patience
                && kept.bytes > 0
                && kept.bytes + bytes > self.bytes_max
                && !kept.knows(key)
            {
                self.has_room.wait(&mut kept);
            }
            if kept.knows(key) {
                continue;
            }
            if !self.has_patience && kept.bytes + bytes > self.bytes_max {
                *kept = Kept { over: true, ..Kept::default() };
                return Ok(());
            }
            kept.bytes += bytes;
            kept.before.insert(Bytes::copy_from_slice(key), value);
        }
        Ok(())
    }

    /// Keys before `key` are not read any more.
    fn pass(&self, key: Vec<u8>) {
        let mut kept = self.kept.lock();
        let ahead = kept.before.split_off(key.as_slice());
        let passed = std::mem::replace(&mut kept.before, ahead);
        kept.bytes -= passed.iter().map(|(key, value)| bytes_of(key, value.as_ref())).sum::<usize>();
        kept.passed = key;
        self.has_room.notify_all();
    }

    fn end(&self) {
        *self.kept.lock() = Kept { over: true, ..Kept::default() };
        self.has_room.notify_all();
    }
}

fn bytes_of(key: &[u8], value: Option<&Bytes>) -> usize {
    key.len() + value.map_or(0, Bytes::len) + NOTE_OVERHEAD_BYTES
}

impl Kept {
    fn knows(&self, key: &[u8]) -> bool {
        self.over || key < self.passed.as_slice() || self.before.contains_key(key)
    }
}

/// The state of an engine at one moment. Every read fails with [`StorageError::ViewLost`] once commits
/// have changed too much.
pub struct FrozenView<E> {
    inner: Arc<Inner<E>>,
    notes: Arc<Notes>,
}

impl<E: Engine> FrozenView<E> {
    /// Bytes held for this view at the moment.
    pub fn bytes_held(&self) -> usize {
        self.notes.kept.lock().bytes
    }

    fn rows(&self, from: &[u8], until: &[u8], limit: usize, back: bool) -> Result<Vec<Row>, StorageError> {
        let (mut from, mut until) = (from.to_vec(), until.to_vec());
        let mut rows = Vec::new();
        while rows.len() < limit && bounds(&from, &until).is_some() {
            let wanted = limit - rows.len();
            let scan = if back { Reader::scan_back } else { Reader::scan };
            // The engine first, the notes second: what a commit changes in between is noted by then.
            let found = scan(&self.inner.engine, &from, &until, wanted)?;
            let last = found.last().filter(|_| found.len() == wanted).map(|(key, _)| key.to_vec());
            // The engine has told all about the keys up to the last row, or about all if it gave fewer.
            let (covered_from, covered_until) = match (&last, back) {
                (Some(last), true) => (last.clone(), until.clone()),
                (Some(last), false) => (from.clone(), after(last)),
                (None, _) => (from.clone(), until.clone()),
            };
            self.merge(found, &covered_from, &covered_until, back, &mut rows)?;
            match last {
                None => break,
                // Nothing lies before the empty key, and an empty end would mean "no end".
                Some(last) if back && last.is_empty() => break,
                Some(last) if back => until = last,
                Some(last) => from = after(&last),
            }
        }
        rows.truncate(limit);
        Ok(rows)
    }

    /// Puts the notes of a range over the engine's rows of the same range.
    fn merge(
        &self,
        found: Vec<Row>,
        from: &[u8],
        until: &[u8],
        back: bool,
        rows: &mut Vec<Row>,
    ) -> Result<(), StorageError> {
        let kept = self.notes.kept.lock();
        if kept.over {
            return Err(StorageError::ViewLost { bytes_max: self.notes.bytes_max });
        }
        let Some(range) = bounds(from, until) else { return Ok(()) };
        let mut noted = kept.before.range::<[u8], _>(range).peekable();
        if noted.peek().is_none() {
            rows.extend(found);
            return Ok(());
        }
        let mut merged: BTreeMap<Bytes, Bytes> = found.into_iter().collect();
        for (key, before) in noted {
            match before {
                Some(value) => merged.insert(key.clone(), value.clone()),
                None => merged.remove(key),
            };
        }
        if back {
            rows.extend(merged.into_iter().rev())
        } else {
            rows.extend(merged)
        }
        Ok(())
    }
}

impl<E: Engine> Reader for FrozenView<E> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let now = self.inner.engine.get(key)?;
        let kept = self.notes.kept.lock();
        if kept.over {
            return Err(StorageError::ViewLost { bytes_max: self.notes.bytes_max });
        }
        Ok(kept.before.get(key).cloned().unwrap_or(now))
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        self.rows(from, until, limit, false)
    }

    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        self.rows(from, until, limit, true)
    }
}

/// The first key after `key`.
fn after(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}
