//! Views against a state that stands still, whatever is committed meanwhile.

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
            .map(|n| (n.to_be_bytes().to_vec(), (n % 3 != round % 3).then(|| round.to_be_bytes().to_vec())))
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
    for lost in [small.get(b"k").err(), small.scan(b"", b"", 1).err(), small.scan_back(b"", b"", 1).err()] {
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
