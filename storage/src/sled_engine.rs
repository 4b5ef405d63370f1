//! The table engine of a running node: sled, one directory and one tree per replicated group.
//!
//! sled is a view that can be built again from a snapshot and the log, never the only copy of
//! anything: its flush is no fsync on Linux, and after a power cut it may have lost rows or refuse to
//! open. So nothing here flushes on the hot path, and a directory that does not open is set aside.
//!
//! One tree, because a sled batch is atomic in one tree only. Small values, because sled moves large
//! ones into files that it never syncs ([`VALUE_BYTES_MAX`](crate::table::VALUE_BYTES_MAX)).

use crate::lock::DirLock;
use crate::table::{Batch, Engine, Reader, Row, StorageError};
use crate::{disk, table};
use bytes::Bytes;
use parking_lot::RwLock;
use sled::IVec;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const TREE: &str = "state";

/// How long written rows may stay in memory only. The log has them; this bounds the replay after a crash.
const FLUSH_EVERY_MS: u64 = 500;

/// sled frees its file handle some time after its last user is gone; reopening waits this long for it.
const HANDLE_WAIT: Duration = Duration::from_secs(5);

/// Damaged directories kept for a person to look at. Older ones are removed, so that a machine with
/// failing power does not fill its disk with copies.
pub const DAMAGED_KEPT_MAX: usize = 2;

/// What the caller decides about one engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SledOptions {
    /// Memory for pages, in bytes. sled's own default would be 1 GiB for each group.
    pub cache_bytes: u64,
}

/// An ordered key space in a sled directory.
pub struct SledEngine {
    tree: sled::Tree,
    db: sled::Db,
    /// A scan never sees half a batch: sled alone would show the rows of a batch one by one.
    whole_batches: RwLock<()>,
    // Last, so that the directory stays locked until sled is gone.
    _lock: DirLock,
}

/// An engine, and what happened to get it.
pub struct Opened {
    pub engine: SledEngine,
    /// Present if the directory could not be opened. The engine is then empty, and the caller installs
    /// a snapshot and replays the log.
    pub set_aside: Option<SetAside>,
}

/// A directory that did not open and where it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    pub path: PathBuf,
    pub reason: String,
}

impl SledEngine {
    /// Opens the directory, creating it where it is missing.
    ///
    /// # Errors
    /// [`StorageError::InUse`] if someone has it open; [`StorageError::Io`] where the machine refuses
    /// (permissions, full disk); anything else, a panic inside sled included, means the directory
    /// cannot be used.
    pub fn open(dir: &Path, options: SledOptions) -> Result<SledEngine, StorageError> {
        SledEngine::open_locked(DirLock::acquire(dir)?, options)
    }

    /// Opens the directory; if it is damaged, renames it to `<dir>.damaged-<n>` and opens an empty one.
    ///
    /// # Errors
    /// As [`SledEngine::open`] for a directory in use and for refusals of the machine, which an empty
    /// directory would meet just the same.
    pub fn open_or_set_aside(dir: &Path, options: SledOptions) -> Result<Opened, StorageError> {
        let failure = match SledEngine::open(dir, options) {
            Ok(engine) => return Ok(Opened { engine, set_aside: None }),
            Err(failure) if is_about_the_machine(&failure) => return Err(failure),
            Err(failure) => failure,
        };
        let path = set_aside(dir)?;
        let reason = failure.to_string();
        tracing::error!(dir = %dir.display(), kept = %path.display(), reason, "state directory set aside");
        remove_old_damaged(dir)?;
        let engine = SledEngine::open(dir, options)?;
        Ok(Opened { engine, set_aside: Some(SetAside { path, reason }) })
    }

    fn open_locked(lock: DirLock, options: SledOptions) -> Result<SledEngine, StorageError> {
        let dir = lock.dir().to_path_buf();
        let (db, tree) = panics_are_damage(move || open_sled(&dir, options))?;
        Ok(SledEngine { tree, db, whole_batches: RwLock::new(()), _lock: lock })
    }

    /// Bytes the engine occupies on disk.
    pub fn size_on_disk(&self) -> Result<u64, StorageError> {
        Ok(self.db.size_on_disk()?)
    }

    /// Hands every written row to the operating system; for shutdown and tests, never per commit.
    /// Blocks every engine of the process while it writes, and promises nothing about a power cut.
    pub fn flush(&self) -> Result<(), StorageError> {
        self.tree.flush()?;
        Ok(())
    }

    fn rows(&self, from: &[u8], until: &[u8], limit: usize, back: bool) -> Result<Vec<Row>, StorageError> {
        let Some(range) = table::bounds(from, until) else { return Ok(Vec::new()) };
        let row = |entry: Result<(IVec, IVec), sled::Error>| match entry {
            Ok((key, value)) => Ok((Bytes::copy_from_slice(&key), Bytes::copy_from_slice(&value))),
            Err(failure) => Err(StorageError::from(failure)),
        };
        let _whole = self.whole_batches.read();
        let entries = self.tree.range::<&[u8], table::KeyBounds<'_>>(range);
        if back {
            entries.rev().take(limit).map(row).collect()
        } else {
            entries.take(limit).map(row).collect()
        }
    }
}

impl Reader for SledEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        Ok(self.tree.get(key)?.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        self.rows(from, until, limit, false)
    }

    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        self.rows(from, until, limit, true)
    }
}

impl Engine for SledEngine {
    fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        batch.check_sizes()?;
        let mut rows = sled::Batch::default();
        for (key, value) in batch.iter() {
            match value {
                Some(value) => rows.insert(key, value),
                None => rows.remove(key),
            }
        }
        let _whole = self.whole_batches.write();
        Ok(self.tree.apply_batch(rows)?)
    }
}

/// Runs on a thread of its own, whose panic is a value to whoever joins it: sled panics on some damage.
fn panics_are_damage<T: Send + 'static>(
    open: impl FnOnce() -> Result<T, StorageError> + Send + 'static,
) -> Result<T, StorageError> {
    let opening = std::thread::Builder::new().name("sled-open".into()).spawn(open)?;
    opening.join().unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().map(String::as_str);
        let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words");
        Err(StorageError::Damaged(format!("sled panicked: {words}")))
    })
}

fn open_sled(dir: &Path, options: SledOptions) -> Result<(sled::Db, sled::Tree), StorageError> {
    let config = sled::Config::new()
        .path(dir)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(FLUSH_EVERY_MS))
        .mode(sled::Mode::HighThroughput);
    let give_up_at = Instant::now() + HANDLE_WAIT;
    let db = loop {
        match config.open() {
            Ok(db) => break db,
            // Our own lock is held, so only a handle of this process that is about to go can be in the way.
            Err(sled::Error::Io(failure)) if is_sled_lock(&failure) && Instant::now() < give_up_at => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(sled::Error::Io(failure)) if is_sled_lock(&failure) => {
                return Err(StorageError::InUse { path: dir.display().to_string() });
            }
            Err(failure) => return Err(failure.into()),
        }
    };
    let tree = db.open_tree(TREE)?;
    // Touch both ends: a page that cannot be read shows here, where it can still be set aside.
    tree.first()?;
    tree.last()?;
    Ok((db, tree))
}

/// sled has no error of its own for a locked file, only this sentence.
fn is_sled_lock(failure: &io::Error) -> bool {
    failure.to_string().contains("could not acquire lock")
}

fn is_about_the_machine(failure: &StorageError) -> bool {
    use io::ErrorKind as Kind;
    match failure {
        StorageError::InUse { .. } => true,
        StorageError::Io(failure) => matches!(
            failure.kind(),
            Kind::PermissionDenied | Kind::StorageFull | Kind::QuotaExceeded | Kind::ReadOnlyFilesystem
        ),
        _ => false,
    }
}

fn set_aside(dir: &Path) -> Result<PathBuf, StorageError> {
    let next = damaged_dirs(dir)?.last().map_or(1, |(n, _)| n + 1);
    let kept = disk::with_suffix(dir, &format!(".damaged-{next}"));
    fs::rename(dir, &kept)?;
    disk::sync_dir(disk::parent(dir)?)?;
    Ok(kept)
}

fn remove_old_damaged(dir: &Path) -> Result<(), StorageError> {
    let kept = damaged_dirs(dir)?;
    for (_, path) in &kept[..kept.len().saturating_sub(DAMAGED_KEPT_MAX)] {
        fs::remove_dir_all(path)?;
    }
    Ok(())
}

/// The set-aside twins of `dir` with their numbers, oldest first.
fn damaged_dirs(dir: &Path) -> Result<Vec<(u64, PathBuf)>, StorageError> {
    let prefix = disk::with_suffix(dir, ".damaged-");
    let Some(prefix) = prefix.file_name().and_then(|name| name.to_str()) else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in fs::read_dir(disk::parent(dir)?)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|n| n.parse().ok());
        found.extend(number.map(|n: u64| (n, entry.path())));
    }
    found.sort();
    Ok(found)
}

impl From<sled::Error> for StorageError {
    fn from(failure: sled::Error) -> StorageError {
        match failure {
            sled::Error::Io(failure) => StorageError::Io(failure),
            sled::Error::Corruption { .. } => StorageError::Damaged(failure.to_string()),
            other => StorageError::Engine(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests;
