//! Makes a group's directory small again.
//!
//! sled keeps what was overwritten until it gets around to reusing it, so a directory may hold many times
//! what the state needs. One that holds more than [`WASTE_MAX`] times its rows is copied into the next
//! directory while the machine goes on: first every row, then, again and again, the rows touched
//! meanwhile, the last few of them while commits wait. Whatever interrupts it leaves the old directory in
//! charge.

use crate::backend::NodeBackend;
use crate::state::{GroupKey, GroupState, Rows, group_name};
use bytes::Bytes;
use gearify_storage::frozen::{Changes, Frozen};
use gearify_storage::{Batch, Engine, Reader, StorageError, disk};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Between two looks at the sizes.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// So many times its rows may a directory hold.
pub const WASTE_MAX: u64 = 3;
/// A smaller directory is not worth the work.
pub const WORTH_BYTES: u64 = 64 << 20;
/// Rows read and written at once.
const COPY_ROWS: usize = 1_000;
/// Memory for the keys that are touched while rows are copied. Beyond it the attempt is given up.
const TOUCHED_BYTES_MAX: usize = 64 << 20;
/// So few touched rows are copied while commits wait.
const LAST_ROWS: usize = 500;
/// Rounds in which touched rows become fewer; a machine that outruns them is busy, and left alone.
const ROUNDS_MAX: usize = 20;
/// Bytes left free beside the copy.
const LEAVE_BYTES: u64 = 64 << 20;
/// How long old files wait for their last reader; longer, and the next start removes them.
const READERS_GONE_WITHIN: Duration = Duration::from_secs(30);

/// What came of looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rebuilt {
    /// Its rows need this many bytes, and the directory not too many more.
    Fine {
        live_bytes: u64,
    },
    NoRoom {
        live_bytes: u64,
    },
    /// Too much was written meanwhile, or a snapshot came in.
    Outrun,
    Done {
        before_bytes: u64,
        live_bytes: u64,
    },
}

impl GroupState {
    /// Rebuilds the directory if it holds more than `waste_max` times its rows. Reads all of them.
    pub fn rebuild_if_wasteful(&self, waste_max: u64) -> Result<Rebuilt, StorageError> {
        let before_bytes = self.engine().engine().size_on_disk()?;
        let live_bytes = live_bytes(&*self.engine())?;
        if before_bytes <= live_bytes.saturating_mul(waste_max) {
            return Ok(Rebuilt::Fine { live_bytes });
        }
        if disk::free_bytes(self.dir())? < live_bytes.saturating_mul(2) + LEAVE_BYTES {
            return Ok(Rebuilt::NoRoom { live_bytes });
        }
        let Some(_next) = self.next.try_lock() else { return Ok(Rebuilt::Outrun) };
        let old = self.engine();
        let Some(old_dir) = self.copy_over(&old)? else { return Ok(Rebuilt::Outrun) };
        remove_when_unread(old, &old_dir)?;
        Ok(Rebuilt::Done { before_bytes, live_bytes })
    }

    /// Answers the directory that is no longer used.
    fn copy_over(&self, old: &Frozen<Rows>) -> Result<Option<PathBuf>, StorageError> {
        let changes = old.changes(TOUCHED_BYTES_MAX);
        let next = self.next_engine()?;
        let mut from = Vec::new();
        loop {
            if self.is_wanted.load(Ordering::SeqCst) {
                return Ok(None);
            }
            let rows = old.scan(&from, b"", COPY_ROWS)?;
            let Some((last, _)) = rows.last() else { break };
            from = [last, &[0][..]].concat();
            let mut batch = Batch::new();
            rows.iter().for_each(|(key, value)| batch.put(key.as_ref(), value.as_ref()));
            next.commit(batch)?;
        }
        for _ in 0..ROUNDS_MAX {
            let Some(touched) = changes.take() else { return Ok(None) };
            if self.is_wanted.load(Ordering::SeqCst) {
                return Ok(None);
            }
            let is_last = touched.len() <= LAST_ROWS;
            copy_touched(old, &next, &touched)?;
            if is_last {
                next.flush()?;
                return self.switch_to(next, |next| finish(old, next, &changes));
            }
        }
        Ok(None)
    }
}

/// Looks at the directory of every group that runs here now and then, until the node stops.
pub async fn tend(backend: Arc<NodeBackend>, stop: CancellationToken) {
    let looking = async {
        let mut live = LiveBytes::new();
        loop {
            sleep(LOOK_AGAIN).await;
            look_over(&backend, &mut live, WORTH_BYTES, WASTE_MAX).await;
        }
    };
    tokio::select! {
        () = looking => {}
        () = stop.cancelled() => {}
    }
    // A copy in the making is given up.
    backend.groups().for_each(|(_, handle)| handle.state.is_wanted.store(true, Ordering::SeqCst));
}

/// What the rows of each group needed when they were last counted.
pub type LiveBytes = BTreeMap<GroupKey, u64>;

/// Looks at every directory once. Rows are counted only where it has outgrown what they needed before. Answers
/// what came of it, where they were.
pub async fn look_over(
    backend: &NodeBackend,
    live: &mut LiveBytes,
    worth_bytes: u64,
    waste_max: u64,
) -> BTreeMap<GroupKey, Rebuilt> {
    let states: Vec<_> = backend.groups().map(|(key, handle)| (key, handle.state.clone())).collect();
    let mut looked_over = BTreeMap::new();
    for (key, state) in states {
        let size = state.engine().engine().size_on_disk().unwrap_or(0);
        let live_bytes = live.entry(key).or_default();
        if size < worth_bytes || size <= live_bytes.saturating_mul(waste_max) {
            continue;
        }
        let group = group_name(key);
        match tokio::task::spawn_blocking(move || state.rebuild_if_wasteful(waste_max)).await {
            Ok(Ok(rebuilt)) => {
                match rebuilt {
                    Rebuilt::Fine { live_bytes: now } | Rebuilt::Done { live_bytes: now, .. } => {
                        *live_bytes = now
                    }
                    Rebuilt::NoRoom { .. } | Rebuilt::Outrun => {}
                }
                looked_over.insert(key, rebuilt);
                tracing::info!(group, size, ?rebuilt, "the state's directory was looked over");
            }
            Ok(Err(error)) => tracing::warn!(group, %error, "the state's directory was not rebuilt"),
            Err(error) => tracing::error!(group, %error, "rebuilding the state's directory panicked"),
        }
    }
    looked_over
}

/// While commits wait: what was touched since the last round.
fn finish(old: &Frozen<Rows>, next: &Rows, changes: &Changes) -> Result<bool, StorageError> {
    let Some(touched) = changes.take() else { return Ok(false) };
    copy_touched(old, next, &touched)?;
    Ok(true)
}

fn copy_touched(old: &Frozen<Rows>, next: &Rows, touched: &[Bytes]) -> Result<(), StorageError> {
    for keys in touched.chunks(COPY_ROWS) {
        let mut batch = Batch::new();
        for key in keys {
            match old.get(key)? {
                Some(value) => batch.put(key.as_ref(), value.as_ref()),
                None => batch.delete(key.as_ref()),
            }
        }
        next.commit(batch)?;
    }
    Ok(())
}

fn live_bytes(rows: &dyn Reader) -> Result<u64, StorageError> {
    let (mut bytes, mut from) = (0, Vec::new());
    loop {
        let page = rows.scan(&from, b"", COPY_ROWS)?;
        let Some((last, _)) = page.last() else { return Ok(bytes) };
        from = [last, &[0][..]].concat();
        bytes += page.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>();
    }
}

/// The engine writes to its files until its last reader has dropped it.
fn remove_when_unread(old: Arc<Frozen<Rows>>, dir: &Path) -> Result<(), StorageError> {
    let until = Instant::now() + READERS_GONE_WITHIN;
    let mut old = old;
    loop {
        match Arc::try_unwrap(old) {
            Ok(last) => {
                drop(last);
                std::fs::remove_dir_all(dir)?;
                return Ok(());
            }
            Err(_) if Instant::now() > until => return Ok(()),
            Err(shared) => old = shared,
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::AppliedRow;
    use gearify_commerce::GroupKind;
    use gearify_storage::{EventPosition, SledOptions};
    use std::sync::atomic::AtomicBool;

    fn open(dir: &Path) -> Arc<GroupState> {
        GroupState::open(GroupKind::Region, dir, SledOptions { cache_bytes: 8 << 20 }).unwrap().0
    }

    /// One entry: a row written over and over, one of its own, one removed, and an event.
    fn commit(state: &GroupState, index: u64) {
        let mut batch = Batch::new();
        batch.put((index % 97).to_be_bytes(), vec![index as u8; 400]);
        batch.put([b"own".as_slice(), &index.to_be_bytes()].concat(), index.to_be_bytes());
        batch.delete([b"own".as_slice(), &index.saturating_sub(300).to_be_bytes()].concat());
        let event = (EventPosition::new(index, 0), vec![index as u8; 30]);
        state.commit(batch, [event], &AppliedRow { index, ..AppliedRow::default() }).unwrap();
        state.events_are_stored(index.saturating_sub(5));
    }

    fn rows(state: &GroupState) -> Vec<gearify_storage::Row> {
        state.engine().scan(b"", b"", usize::MAX).unwrap()
    }

    #[test]
    fn a_directory_that_is_mostly_waste_is_copied_while_the_machine_goes_on() {
        let (dir, twin) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (state, reference) = (open(dir.path()), open(twin.path()));
        (1..=3_000).for_each(|index| commit(&state, index));
        let stop = AtomicBool::new(false);
        let last = std::thread::scope(|threads| {
            let machine = threads.spawn(|| {
                let mut index = 3_000;
                while !stop.load(Ordering::SeqCst) {
                    index += 1;
                    commit(&state, index);
                }
                index
            });
            let rebuilt = state.rebuild_if_wasteful(0).unwrap();
            assert!(matches!(rebuilt, Rebuilt::Done { .. }), "{rebuilt:?}");
            std::thread::sleep(Duration::from_millis(100));
            stop.store(true, Ordering::SeqCst);
            machine.join().unwrap()
        });
        assert!(last > 3_000, "it went on meanwhile");
        (1..=last).for_each(|index| commit(&reference, index));
        assert_eq!(rows(&state), rows(&reference));
        let states = std::fs::read_dir(dir.path()).unwrap();
        let states = states.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
        assert_eq!(states, 1, "the old directory is gone");
        state.engine().engine().flush().unwrap();
        drop(state);
        let again = open(dir.path());
        assert_eq!((again.applied_index(), rows(&again)), (last, rows(&reference)));
    }

    #[test]
    fn a_directory_without_waste_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        (1..=50).for_each(|index| commit(&state, index));
        let looked = state.rebuild_if_wasteful(u64::MAX).unwrap();
        assert!(matches!(looked, Rebuilt::Fine { live_bytes } if live_bytes > 20_000), "{looked:?}");
    }

    /// What is not yet switched to counts for nothing.
    #[test]
    fn a_copy_that_was_interrupted_is_removed_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        (1..=50).for_each(|index| commit(&state, index));
        let before = rows(&state);
        let next = state.next_engine().unwrap();
        let mut batch = Batch::new();
        batch.put(b"half".to_vec(), b"a copy".to_vec());
        next.commit(batch).unwrap();
        next.flush().unwrap();
        state.engine().engine().flush().unwrap();
        drop((next, state));
        assert_eq!(rows(&open(dir.path())), before);
    }
}
