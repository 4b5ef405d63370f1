//! sled beside its twin in memory, and damage that is set aside.

use super::*;
use crate::{MemoryEngine, Tx};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{Seek, SeekFrom, Write};

const OPTIONS: SledOptions = SledOptions { cache_bytes: 8 << 20 };

fn open(dir: &Path) -> SledEngine {
    SledEngine::open(dir, OPTIONS).unwrap()
}

/// One step against both engines at once.
#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<(Vec<u8>, Option<Vec<u8>>)>),
    Get(Vec<u8>),
    Scan { from: Vec<u8>, until: Vec<u8>, limit: usize, back: bool },
}

/// Few different keys, so that steps meet; the empty key and both ends of the alphabet among them.
fn key() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0u8), Just(b'a'), Just(b'b'), Just(0xff)], 0..4)
}

fn value() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop_oneof![1 => Just(None), 3 => vec(any::<u8>(), 0..40).prop_map(Some)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        vec((key(), value()), 0..12).prop_map(Step::Commit),
        key().prop_map(Step::Get),
        (key(), key(), limit(), any::<bool>()).prop_map(|(from, until, limit, back)| Step::Scan {
            from,
            until,
            limit,
            back
        }),
    ]
}

fn limit() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 1..4usize, Just(1_000), Just(usize::MAX)]
}

fn batch(changes: &[(Vec<u8>, Option<Vec<u8>>)]) -> Batch {
    let mut batch = Batch::new();
    for (key, value) in changes {
        match value {
            Some(value) => batch.put(key.clone(), value.clone()),
            None => batch.delete(key.clone()),
        }
    }
    batch
}

fn read(reader: &dyn Reader, step: &Step) -> Vec<Row> {
    match step {
        Step::Commit(_) => reader.scan(b"", b"", usize::MAX).unwrap(),
        Step::Get(key) => {
            let value = reader.get(key).unwrap();
            value.map(|value| (Bytes::copy_from_slice(key), value)).into_iter().collect()
        }
        Step::Scan { from, until, limit, back: false } => reader.scan(from, until, *limit).unwrap(),
        Step::Scan { from, until, limit, back: true } => reader.scan_back(from, until, *limit).unwrap(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn sled_and_its_twin_in_memory_never_differ(steps in vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let (sled, memory) = (open(dir.path()), MemoryEngine::new());
        for step in &steps {
            if let Step::Commit(changes) = step {
                sled.commit(batch(changes)).unwrap();
                memory.commit(batch(changes)).unwrap();
            }
            prop_assert_eq!(read(&sled, step), read(&memory, step), "{:?}", step);
        }
        let before = memory.scan(b"", b"", usize::MAX).unwrap();
        drop(sled);
        prop_assert_eq!(open(dir.path()).scan(b"", b"", usize::MAX).unwrap(), before);
    }
}

proptest! {
    #[test]
    fn a_transaction_reads_as_if_it_were_committed(
        committed in vec((key(), value()), 0..20),
        written in vec((key(), value()), 0..20),
        (from, until, limit) in (key(), key(), limit()),
    ) {
        let engine = MemoryEngine::new();
        engine.commit(batch(&committed)).unwrap();
        let mut tx = Tx::new(&engine);
        for (key, value) in &written {
            match value {
                Some(value) => tx.put(key.clone(), value.clone()),
                None => tx.delete(key.clone()),
            }
        }
        let seen = tx.scan(&from, &until, limit);
        let (seen_prefix, seen_one) = (tx.scan_prefix(&from, limit), tx.get(&from));
        engine.commit(tx.into_batch().unwrap()).unwrap();
        prop_assert_eq!(seen, engine.scan(&from, &until, limit).unwrap());
        prop_assert_eq!(seen_prefix, engine.scan(&from, &table::prefix_end(&from), limit).unwrap());
        prop_assert_eq!(seen_one, engine.get(&from).unwrap());
    }
}

#[test]
fn an_oversized_value_is_refused_before_anything_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let (sled, memory) = (open(dir.path()), MemoryEngine::new());
    let engines: [&dyn Engine; 2] = [&sled, &memory];
    for engine in engines {
        let mut fits = Batch::new();
        fits.put("fits", vec![7; table::VALUE_BYTES_MAX]);
        engine.commit(fits).unwrap();
        let mut too_large = Batch::new();
        too_large.put("a", "small");
        too_large.put("b", vec![7; table::VALUE_BYTES_MAX + 1]);
        let refusal = engine.commit(too_large).unwrap_err();
        assert_eq!(refusal.to_string(), "a value of 61441 bytes is over the limit of 61440");
        assert_eq!(engine.get(b"a").unwrap(), None);
        let mut long_key = Batch::new();
        long_key.put(vec![b'k'; table::KEY_BYTES_MAX + 1], "");
        assert!(matches!(engine.commit(long_key), Err(StorageError::TooLarge { what: "key", .. })));
    }
}

#[test]
fn readers_never_see_half_a_batch() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let keys: Vec<String> = (0..50).map(|n| format!("key-{n:02}")).collect();
    std::thread::scope(|threads| {
        let writer = threads.spawn(|| {
            for round in 0..200u32 {
                let mut batch = Batch::new();
                for key in &keys {
                    batch.put(key.as_str(), round.to_be_bytes());
                }
                engine.commit(batch).unwrap();
            }
        });
        while !writer.is_finished() {
            let rows = engine.scan(b"", b"", usize::MAX).unwrap();
            assert!(rows.windows(2).all(|pair| pair[0].1 == pair[1].1), "a scan mixed two batches");
            assert!(rows.is_empty() || rows.len() == keys.len());
        }
    });
}

#[test]
fn a_directory_in_use_is_refused_and_stays_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    let first = open(&state);
    let refusal = SledEngine::open_or_set_aside(&state, OPTIONS).err().unwrap();
    assert!(matches!(&refusal, StorageError::InUse { path } if *path == state.display().to_string()));
    assert!(damaged_dirs(&state).unwrap().is_empty());
    drop(first);
    assert!(SledEngine::open_or_set_aside(&state, OPTIONS).unwrap().set_aside.is_none());
}

fn fill_and_close(state: &Path) {
    let engine = open(state);
    for n in 0..200u32 {
        let mut batch = Batch::new();
        batch.put(n.to_be_bytes(), vec![n as u8; 1_000]);
        engine.commit(batch).unwrap();
    }
    engine.flush().unwrap();
}

fn overwrite(file: &Path, at: u64, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().write(true).open(file).unwrap();
    file.seek(SeekFrom::Start(at)).unwrap();
    file.write_all(bytes).unwrap();
}

#[test]
fn a_damaged_directory_is_set_aside_and_replaced_by_an_empty_one() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("state");
    for round in 1..=4u64 {
        fill_and_close(&state);
        // sled keeps its own settings in this file and refuses to guess them.
        overwrite(&state.join("conf"), 0, b"not a sled configuration at all");
        let opened = SledEngine::open_or_set_aside(&state, OPTIONS).unwrap();
        let set_aside = opened.set_aside.expect("the damage is noticed");
        assert_eq!(set_aside.path, dir.path().join(format!("state.damaged-{round}")));
        assert!(set_aside.path.join("db").exists() && !set_aside.reason.is_empty());
        assert_eq!(opened.engine.scan(b"", b"", 1).unwrap(), []);
    }
    let kept: Vec<u64> = damaged_dirs(&state).unwrap().into_iter().map(|(n, _)| n).collect();
    assert_eq!(kept, [3, 4]);
}

#[test]
fn a_panic_while_opening_is_an_answer_not_the_end() {
    let failure = panics_are_damage::<()>(|| panic!("page {} is strange", 7)).unwrap_err();
    assert_eq!(failure.to_string(), "stored bytes are damaged: sled panicked: page 7 is strange");
    assert!(!is_about_the_machine(&failure));
}

#[test]
fn a_torn_data_file_never_keeps_the_engine_from_opening() {
    let dir = tempfile::tempdir().unwrap();
    for (n, at) in [0u64, 20, 4_096, 70_000, 150_000].into_iter().enumerate() {
        let state = dir.path().join(n.to_string());
        fill_and_close(&state);
        overwrite(&state.join("db"), at, &[0xa5; 2_000]);
        // Opening answers, with rows or with the directory set aside; either way the engine works.
        let opened = SledEngine::open_or_set_aside(&state, OPTIONS).unwrap();
        let mut batch = Batch::new();
        batch.put("after", "the damage");
        opened.engine.commit(batch).unwrap();
        assert_eq!(opened.engine.get(b"after").unwrap().unwrap(), "the damage");
    }
}
