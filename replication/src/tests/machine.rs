//! A machine whose store outlives it, so that tests can lose, age and compare it.

use crate::{Applied, CommittedEntry, Machine, MachineError, SnapshotSource};
use bytes::{Buf, BufMut, Bytes};
use gearify_storage::{Batch, Engine, MemoryEngine, Reader, Row};
use parking_lot::{Condvar, Mutex};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const APPLIED: &[u8] = b"!applied";

/// A gate that threads wait at while it is shut.
#[derive(Default)]
pub struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub fn shut(&self) {
        *self.shut.lock() = true;
    }

    pub fn open(&self) {
        *self.shut.lock() = false;
        self.opened.notify_all();
    }

    fn pass(&self) {
        let mut shut = self.shut.lock();
        while *shut {
            self.opened.wait(&mut shut);
        }
    }
}

/// What stays when a machine is dropped: its rows, and how it should behave.
#[derive(Clone, Default)]
pub struct Shelf {
    engine: Arc<MemoryEngine>,
    pub applying: Arc<Gate>,
    pub writing_snapshots: Arc<Gate>,
    pub fail_apply: Arc<AtomicBool>,
    /// Fails so many writings of a snapshot.
    pub fail_snapshots: Arc<AtomicU64>,
    /// Fails an install after this many rows, once; 0 is never.
    pub fail_install_after: Arc<AtomicU64>,
    pub installs: Arc<AtomicU64>,
}

impl Shelf {
    /// All rows, the applied position included: equal rows are equal states at equal positions.
    pub fn rows(&self) -> Vec<Row> {
        self.engine.scan(b"", b"", usize::MAX).unwrap()
    }

    /// How often a command was applied.
    pub fn count(&self, command: &str) -> u64 {
        let row = self.engine.get(&key_of(command.as_bytes())).unwrap();
        row.map_or(0, |mut value| value.get_u64())
    }

    /// Different commands applied.
    pub fn commands(&self) -> usize {
        self.engine.scan(b"c/", b"c0", usize::MAX).unwrap().len()
    }

    pub fn lose_everything(&self) {
        self.replace(Vec::new());
    }

    /// Goes back to rows seen earlier, like a store that lost its newest writes.
    pub fn replace(&self, rows: Vec<Row>) {
        let mut batch = Batch::new();
        self.rows().into_iter().for_each(|(key, _)| batch.delete(key));
        rows.into_iter().for_each(|(key, value)| batch.put(key, value));
        self.engine.commit(batch).unwrap();
    }
}

/// Keys are short, commands need not be.
fn key_of(command: &[u8]) -> Vec<u8> {
    match command.len() {
        0..=64 => [b"c/", command].concat(),
        _ => [b"c/", &blake3::hash(command).as_bytes()[..]].concat(),
    }
}

/// Counts how often each command was applied. Replies with `index/place/count`.
pub struct TestMachine {
    shelf: Shelf,
}

impl TestMachine {
    pub fn on(shelf: &Shelf) -> TestMachine {
        TestMachine { shelf: shelf.clone() }
    }
}

impl Machine for TestMachine {
    fn apply(
        &mut self,
        entries: &[CommittedEntry],
        after: &Applied,
    ) -> Result<Vec<Vec<Bytes>>, MachineError> {
        self.shelf.applying.pass();
        if self.shelf.fail_apply.load(Ordering::SeqCst) {
            return Err(MachineError::new("the disk is gone"));
        }
        let before = self.applied()?;
        let mut expected = before.position.map_or(0, |at| at.index + 1);
        let mut batch = Batch::new();
        let mut replies = Vec::new();
        for entry in entries {
            assert_eq!(entry.position.index, expected, "entries with a hole or twice");
            expected += 1;
            let place = entry.commands.iter().enumerate().map(|(place, command)| {
                let key = key_of(command);
                let pending = batch.get(&key).flatten().map(Bytes::copy_from_slice);
                let stored = pending.or_else(|| self.shelf.engine.get(&key).unwrap());
                let count = stored.map_or(0, |mut value| value.get_u64()) + 1;
                batch.put(key, count.to_be_bytes());
                Bytes::from(format!("{}/{place}/{count}", entry.position.index))
            });
            replies.push(place.collect());
        }
        assert_eq!(after.index() + 1, expected);
        batch.put(APPLIED, after.encode());
        self.shelf.engine.commit(batch).map_err(MachineError::new)?;
        Ok(replies)
    }

    fn applied(&self) -> Result<Applied, MachineError> {
        match self.shelf.engine.get(APPLIED).map_err(MachineError::new)? {
            Some(stored) => Applied::decode(stored).map_err(MachineError::new),
            None => Ok(Applied::default()),
        }
    }

    fn snapshot(&mut self) -> Result<Box<dyn SnapshotSource>, MachineError> {
        let (gate, failures) =
            (Arc::clone(&self.shelf.writing_snapshots), Arc::clone(&self.shelf.fail_snapshots));
        Ok(Box::new(Frozen { rows: self.shelf.rows(), gate, failures }))
    }

    fn install(&mut self, after: &Applied, content: &mut dyn Read) -> Result<(), MachineError> {
        self.shelf.installs.fetch_add(1, Ordering::SeqCst);
        self.shelf.lose_everything();
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(MachineError::new)?;
        let mut input = Bytes::from(bytes);
        let mut rows = 0;
        while input.has_remaining() {
            let (key, value) = (input.get_u32() as usize, input.get_u32() as usize);
            let (key, value) = (input.split_to(key), input.split_to(value));
            let mut batch = Batch::new();
            batch.put(key, value);
            self.shelf.engine.commit(batch).map_err(MachineError::new)?;
            rows += 1;
            let fail_after = &self.shelf.fail_install_after;
            if fail_after.compare_exchange(rows, 0, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
                return Err(MachineError::new("the process died half-way"));
            }
        }
        let mut batch = Batch::new();
        batch.put(APPLIED, after.encode());
        self.shelf.engine.commit(batch).map_err(MachineError::new)
    }
}

struct Frozen {
    rows: Vec<Row>,
    gate: Arc<Gate>,
    failures: Arc<AtomicU64>,
}

impl SnapshotSource for Frozen {
    fn write_to(self: Box<Self>, out: &mut dyn Write) -> Result<(), MachineError> {
        self.gate.pass();
        let left = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_ok() {
            return Err(MachineError::new("no space left on device"));
        }
        for (key, value) in self.rows.iter().filter(|(key, _)| key != APPLIED) {
            let mut row = Vec::with_capacity(8 + key.len() + value.len());
            row.put_u32(key.len() as u32);
            row.put_u32(value.len() as u32);
            row.put_slice(key);
            row.put_slice(value);
            out.write_all(&row).map_err(MachineError::new)?;
        }
        Ok(())
    }
}
