//! A still picture of an engine while commits go on.
//!
//! A view costs nothing when it is taken. From then on every commit first notes, for each key it is
//! about to touch for the first time, what stood there; the view reads the engine and puts those notes
//! over it. Whoever reads the view therefore sees exactly the state at its moment.
//!
//! The notes are bounded in bytes. A view under which too much has changed is lost, with an error to
//! its reader and none to the commits; the reader starts over later.

use crate::table::{Batch, Engine, Reader, Row, StorageError, bounds};
use bytes::Bytes;
use parking_lot::{Mutex, RwLock};
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
}

impl<E> Clone for Frozen<E> {
    fn clone(&self) -> Frozen<E> {
        Frozen { inner: self.inner.clone() }
    }
}

impl<E: Engine> Frozen<E> {
    pub fn new(engine: E) -> Frozen<E> {
        Frozen { inner: Arc::new(Inner { engine, views: Mutex::default() }) }
    }

    /// The state as it is now, for as long as commits change less than `bytes_max` under it. Waits for
    /// a commit in progress, no longer.
    pub fn freeze(&self, bytes_max: usize) -> FrozenView<E> {
        let notes = Arc::new(Notes { bytes_max, kept: RwLock::default() });
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
        self.inner.engine.commit(batch)
    }
}

/// What stood where commits have written since a view was taken.
struct Notes {
    bytes_max: usize,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    before: BTreeMap<Bytes, Option<Bytes>>,
    bytes: usize,
    lost: bool,
}

impl Notes {
    /// Called before the batch is written. A commit that fails afterwards has changed nothing, and the
    /// notes still say what is there.
    fn note(&self, batch: &Batch, engine: &dyn Reader) -> Result<(), StorageError> {
        for (key, _) in batch.iter() {
            if self.kept.read().knows(key) {
                continue;
            }
            let value = engine.get(key)?;
            let mut kept = self.kept.write();
            kept.bytes += key.len() + value.as_ref().map_or(0, Bytes::len) + NOTE_OVERHEAD_BYTES;
            if kept.bytes > self.bytes_max {
                *kept = Kept { lost: true, ..Kept::default() };
                return Ok(());
            }
            kept.before.insert(Bytes::copy_from_slice(key), value);
        }
        Ok(())
    }
}

impl Kept {
    fn knows(&self, key: &[u8]) -> bool {
        self.lost || self.before.contains_key(key)
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
        self.notes.kept.read().bytes
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
        let kept = self.notes.kept.read();
        if kept.lost {
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
        let kept = self.notes.kept.read();
        if kept.lost {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryEngine;
    use crate::snapshot_file::{SnapshotReader, SnapshotWriter};
    use crate::state_hash::hash_rows;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const ROOMY: usize = 1 << 20;

    type Changes = Vec<(Vec<u8>, Option<Vec<u8>>)>;

    fn key() -> impl Strategy<Value = Vec<u8>> {
        vec(prop_oneof![Just(0u8), Just(b'a'), Just(b'b'), Just(0xff)], 0..4)
    }

    fn changes() -> impl Strategy<Value = Changes> {
        vec((key(), proptest::option::of(vec(any::<u8>(), 0..6))), 0..10)
    }

    fn commit(engine: &dyn Engine, changes: &Changes) {
        let mut batch = Batch::new();
        for (key, value) in changes {
            match value {
                Some(value) => batch.put(key.clone(), value.clone()),
                None => batch.delete(key.clone()),
            }
        }
        engine.commit(batch).unwrap();
    }

    fn state(reader: &dyn Reader) -> Vec<Row> {
        reader.scan(b"", b"", usize::MAX).unwrap()
    }

    fn limit() -> impl Strategy<Value = usize> {
        prop_oneof![Just(0), 1..4usize, Just(usize::MAX)]
    }

    /// An engine into which something is committed in the middle of every read.
    #[derive(Default)]
    struct Meddling {
        memory: MemoryEngine,
        meddle: Mutex<Option<Box<dyn FnMut() + Send>>>,
    }

    impl Meddling {
        fn around<T>(&self, read: impl FnOnce() -> T) -> T {
            self.run();
            let result = read();
            self.run();
            result
        }

        /// Taken out while it runs, since a commit reads the engine too.
        fn run(&self) {
            let meddle = self.meddle.lock().take();
            if let Some(mut meddle) = meddle {
                meddle();
                *self.meddle.lock() = Some(meddle);
            }
        }
    }

    impl Reader for Meddling {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
            self.around(|| self.memory.get(key))
        }

        fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
            self.around(|| self.memory.scan(from, until, limit))
        }

        fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
            self.around(|| self.memory.scan_back(from, until, limit))
        }
    }

    impl Engine for Meddling {
        fn commit(&self, batch: Batch) -> Result<(), StorageError> {
            self.memory.commit(batch)
        }
    }

    proptest! {
        /// Before and after the view reads the engine, and before it reads its notes, all may change.
        #[test]
        fn commits_in_the_middle_of_a_read_do_not_show(
            before in vec(changes(), 0..6),
            between in vec(changes(), 0..30),
            reads in vec((key(), key(), limit()), 1..8),
        ) {
            let engine = Frozen::new(Meddling::default());
            before.iter().for_each(|changes| commit(&engine, changes));
            let still = MemoryEngine::new();
            before.iter().for_each(|changes| commit(&still, changes));
            let view = engine.freeze(ROOMY);
            let (mut between, committing) = (between.into_iter(), engine.clone());
            *engine.engine().meddle.lock() = Some(Box::new(move || {
                between.next().iter().for_each(|changes| commit(&committing, changes));
            }));
            for (from, until, limit) in &reads {
                prop_assert_eq!(view.get(from).unwrap(), still.get(from).unwrap());
                prop_assert_eq!(view.scan(from, until, *limit).unwrap(), still.scan(from, until, *limit).unwrap());
                prop_assert_eq!(
                    view.scan_back(from, until, *limit).unwrap(),
                    still.scan_back(from, until, *limit).unwrap()
                );
            }
            engine.engine().meddle.lock().take();
        }

        /// Commits happen before every single read of the view, and the view never notices.
        #[test]
        fn a_view_is_the_state_of_its_moment_whatever_is_committed_later(
            before in vec(changes(), 0..6),
            later in vec((changes(), key(), key(), limit()), 1..12),
        ) {
            let engine = Frozen::new(MemoryEngine::new());
            before.iter().for_each(|changes| commit(&engine, changes));
            let still = MemoryEngine::new();
            commit(&still, &state(&engine).into_iter().map(|(k, v)| (k.to_vec(), Some(v.to_vec()))).collect());
            let view = engine.freeze(ROOMY);
            for (changes, from, until, limit) in &later {
                commit(&engine, changes);
                prop_assert_eq!(view.get(from).unwrap(), still.get(from).unwrap());
                prop_assert_eq!(view.scan(from, until, *limit).unwrap(), still.scan(from, until, *limit).unwrap());
                prop_assert_eq!(
                    view.scan_back(from, until, *limit).unwrap(),
                    still.scan_back(from, until, *limit).unwrap()
                );
            }
            prop_assert_eq!(hash_rows(&view, b"", b"").unwrap(), hash_rows(&still, b"", b"").unwrap());
        }

        /// The way a snapshot is built: chunk by chunk, with commits in between.
        #[test]
        fn an_export_in_chunks_equals_the_state_at_opening(
            before in vec(changes(), 0..8), between in vec(changes(), 0..40), chunk in 1..5usize,
        ) {
            let engine = Frozen::new(MemoryEngine::new());
            before.iter().for_each(|changes| commit(&engine, changes));
            let expected = state(&engine);
            let view = engine.freeze(ROOMY);
            let (mut exported, mut from, mut between) = (Vec::new(), Vec::new(), between.iter());
            loop {
                let rows = view.scan(&from, b"", chunk).unwrap();
                if let Some(changes) = between.next() {
                    commit(&engine, changes);
                }
                let Some((last, _)) = rows.last() else { break };
                from = after(last);
                exported.extend(rows);
            }
            prop_assert_eq!(exported, expected);
        }
    }

    #[test]
    fn a_snapshot_is_exact_while_another_thread_commits() {
        let engine = Frozen::new(MemoryEngine::new());
        let put = |round: u32| {
            let rows = (0..3_000u32).filter(|n| n % 7 == round % 7);
            let changes: Changes = rows
                .map(|n| {
                    (n.to_be_bytes().to_vec(), (n % 3 != round % 3).then(|| round.to_be_bytes().to_vec()))
                })
                .collect();
            commit(&engine, &changes);
        };
        (0..7).for_each(put);
        let dir = tempfile::tempdir().unwrap();
        std::thread::scope(|threads| {
            // The picture is taken before the commits begin, so what it must show is known.
            let (view, expected) = (engine.freeze(ROOMY), state(&engine));
            let committing = threads.spawn(|| (7..200).for_each(put));
            let mut exports = 0;
            while !committing.is_finished() || exports == 0 {
                let path = dir.path().join("snapshot");
                let mut writer = SnapshotWriter::create(&path, b"").unwrap();
                writer.rows_of(&view, b"", b"").unwrap();
                writer.finish().unwrap();
                let rows: Vec<Row> = SnapshotReader::open(&path).unwrap().map(Result::unwrap).collect();
                assert_eq!(rows, expected);
                exports += 1;
            }
        });
    }

    #[test]
    fn a_view_under_which_too_much_changed_is_lost_and_commits_go_on() {
        let engine = Frozen::new(MemoryEngine::new());
        commit(&engine, &vec![(b"k".to_vec(), Some(vec![1; 600]))]);
        let (small, large) = (engine.freeze(1_000), engine.freeze(ROOMY));
        // The same key again and again is noted once.
        (0..20).for_each(|n| commit(&engine, &vec![(b"k".to_vec(), Some(vec![n; 600]))]));
        assert_eq!(small.get(b"k").unwrap().unwrap(), vec![1; 600]);
        assert_eq!(small.bytes_held(), 1 + 600 + NOTE_OVERHEAD_BYTES);
        (0..9u8).for_each(|n| commit(&engine, &vec![(vec![n], Some(vec![n]))]));
        for lost in [small.get(b"k").err(), small.scan(b"", b"", 1).err(), small.scan_back(b"", b"", 1).err()]
        {
            assert!(matches!(lost, Some(StorageError::ViewLost { bytes_max: 1_000 })));
        }
        assert_eq!(small.bytes_held(), 0);
        assert_eq!(large.get(b"k").unwrap().unwrap(), vec![1; 600]);
        assert_eq!(state(&engine).len(), 10);
        assert_eq!(state(&large).len(), 1);
    }

    #[test]
    fn a_dropped_view_costs_nothing_more() {
        let engine = Frozen::new(MemoryEngine::new());
        drop(engine.freeze(ROOMY));
        let kept = engine.freeze(ROOMY);
        commit(&engine, &vec![(b"a".to_vec(), Some(vec![]))]);
        assert_eq!(engine.inner.views.lock().len(), 1);
        drop(kept);
        commit(&engine, &vec![(b"b".to_vec(), None)]);
        assert_eq!(engine.inner.views.lock().len(), 0);
    }
}
