//! The event store: the whole history of one replicated group, append-only.
//!
//! Files: `events-<first log index>.db` in one directory, SQLite, in log order without gaps. The last
//! one is open; a file that has reached its size is closed: checkpointed into itself, named by its
//! blake3 hash in `events-….db.closed`, never written again.
//!
//! Invariants: rows and the position they advance are one transaction; an event is returned only if its
//! checksum over position, stream, sequence number and body holds; positions rise strictly over all files.
//! Log index 0 is the entry that founds a group and never has events, so position 0 means "nothing yet".
//! What SQLite cannot notice, a journal that lost its tail while the power was off, shows as a position
//! that went back: whoever feeds the store compares it with the oldest event it still has.
//! Source of truth: yes, with its copies on the other nodes. Every projection is rebuilt from here.

mod file;
mod reader;
#[cfg(test)]
mod tests;

pub use reader::{EventReader, Verified};

use crate::disk;
use crate::hash::ContentHash;
use crate::lock::DirLock;
use crate::table::StorageError;
use bytes::Bytes;
use file::{OpenFile, Summary};
use reader::Shared;
use std::fmt;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Size at which a file is closed, in bytes.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// The place of an event: the log index of its entry, then its number within the entry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct EventPosition {
    pub index: u64,
    pub n: u32,
}

impl EventPosition {
    pub fn new(index: u64, n: u32) -> EventPosition {
        EventPosition { index, n }
    }

    /// The first position after this one.
    pub fn next(self) -> EventPosition {
        match self.n.checked_add(1) {
            Some(n) => EventPosition { index: self.index, n },
            None => EventPosition { index: self.index + 1, n: 0 },
        }
    }
}

impl fmt::Display for EventPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.index, self.n)
    }
}

/// One event as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRow {
    pub position: EventPosition,
    /// The feed this event belongs to; empty means none.
    pub stream: Bytes,
    /// Number within the stream, rising without gaps where the stream is whole. At most `i64::MAX`.
    pub seq: u64,
    pub body: Bytes,
}

/// One file of the store, for snapshots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFile {
    pub path: PathBuf,
    /// First and last log index the file covers. An open file that is still empty has `through < first`.
    pub first: u64,
    pub through: u64,
    /// Size of a closed file; for the open one 0, since it grows.
    pub bytes: u64,
    /// Present once the file is closed.
    pub hash: Option<ContentHash>,
}

/// What can go wrong in the event store.
#[derive(Debug, thiserror::Error)]
pub enum EventStoreError {
    #[error("event {position} does not come after the one before it")]
    OutOfOrder { position: EventPosition },
    #[error("event {position} lies beyond {through}, the last log index this append covers")]
    Beyond { position: EventPosition, through: u64 },
    #[error("{what} of event {position} does not fit the store")]
    DoesNotFit { position: EventPosition, what: &'static str },
    #[error("{file} is damaged: {what}")]
    Damaged { file: String, what: String },
    #[error("{file} covers log indexes from {first}, but the store continues at {expected}")]
    DoesNotContinue { file: String, first: u64, expected: u64 },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<rusqlite::Error> for EventStoreError {
    fn from(failure: rusqlite::Error) -> EventStoreError {
        EventStoreError::Storage(failure.into())
    }
}

impl From<std::io::Error> for EventStoreError {
    fn from(failure: std::io::Error) -> EventStoreError {
        EventStoreError::Storage(failure.into())
    }
}

/// The one appender of a group's history. It reads as well, through its [`EventReader`].
pub struct EventStore {
    open: OpenFile,
    reader: EventReader,
    file_bytes_max: u64,
    _lock: DirLock,
}

impl EventStore {
    /// Opens the store, creating it where it is missing; files are closed at [`FILE_BYTES_MAX`].
    ///
    /// # Errors
    /// [`EventStoreError::Damaged`] if files are missing between others or contradict their names;
    /// [`StorageError::InUse`] if another process appends here. Checksums are checked when rows are
    /// read and by [`EventReader::verify`].
    pub fn open(dir: &Path) -> Result<EventStore, EventStoreError> {
        EventStore::open_with(dir, FILE_BYTES_MAX)
    }

    /// As [`EventStore::open`], with another size at which files are closed.
    pub fn open_with(dir: &Path, file_bytes_max: u64) -> Result<EventStore, EventStoreError> {
        EventStore::open_by(dir, file_bytes_max, |first| OpenFile::open(dir, first))
    }

    /// As [`EventStore::open_with`], as the history of this name. The file that is appended to is read whole; one
    /// that is damaged, or of another history, is set aside, and the store ends where that file began. Answers
    /// why, if that happened: whoever has the events must give them again.
    pub fn open_or_set_aside(
        dir: &Path,
        file_bytes_max: u64,
        name: &str,
    ) -> Result<(EventStore, Option<String>), EventStoreError> {
        let mut reason = None;
        let store = EventStore::open_by(dir, file_bytes_max, |first| {
            match OpenFile::open_checked(dir, first, name) {
                Err(fault @ EventStoreError::Damaged { .. }) => {
                    reason = Some(fault.to_string());
                    file::set_aside(dir, first)?;
                    OpenFile::open_checked(dir, first, name)
                }
                opened => opened,
            }
        })?;
        Ok((store, reason))
    }

    fn open_by(
        dir: &Path,
        file_bytes_max: u64,
        open_file: impl FnOnce(u64) -> Result<OpenFile, EventStoreError>,
    ) -> Result<EventStore, EventStoreError> {
        let lock = DirLock::acquire(dir)?;
        let mut closed = Vec::new();
        let mut open = None;
        for first in file::list(dir)? {
            if let Some(unclosed) = open {
                return Err(file::damaged(
                    &file::path(dir, unclosed),
                    "it is not the last file, yet not closed",
                ));
            }
            match Summary::load(dir, first)? {
                Some(summary) => closed.push(summary),
                None => open = Some(first),
            }
        }
        let next = continuous(dir, &closed, open)?;
        let open = open_file(open.unwrap_or(next))?;
        let reader = EventReader::new(Shared::new(dir, closed, open.first(), open.through()));
        Ok(EventStore { open, reader, file_bytes_max, _lock: lock })
    }

    /// Adds the events of the log entries up to and including `through`, which may have none.
    ///
    /// Rows at or before the stored position are skipped, so repeating an append changes nothing. When
    /// this returns, rows and position have reached the disk.
    ///
    /// # Errors
    /// [`EventStoreError::OutOfOrder`], [`EventStoreError::Beyond`] and [`EventStoreError::DoesNotFit`]
    /// before anything is written. After a fault of disk or database nothing of this append is stored.
    pub fn append(&mut self, rows: &[EventRow], through: u64) -> Result<(), EventStoreError> {
        check_rows(rows, through)?;
        let after = self.position();
        if through <= after {
            return Ok(());
        }
        let covers_something = self.open.through() >= self.open.first();
        if covers_something && self.open.bytes()? >= self.file_bytes_max {
            self.close_open_file()?;
        }
        let known = rows.partition_point(|row| row.position.index <= after);
        self.open.append(&rows[known..], through)?;
        self.reader.shared().position.store(through, Ordering::Release);
        Ok(())
    }

    /// Takes over a closed file fetched from another node, as the next one of this store.
    ///
    /// The open file must still be empty. `source` is copied, not moved. A store without any history may
    /// begin with any file.
    ///
    /// # Errors
    /// [`EventStoreError::Damaged`] if the bytes do not have the hash or a row its checksum,
    /// [`EventStoreError::DoesNotContinue`] if the file is not the next one: the store is unchanged then.
    /// After a fault of the disk the store must be opened anew.
    pub fn adopt(&mut self, source: &Path, hash: ContentHash) -> Result<(), EventStoreError> {
        let dir = self.reader.shared().dir().to_path_buf();
        let copy = file::copy_verified(source, &dir, hash)?;
        let adopted = self.adopt_copy(&dir, &copy);
        if adopted.is_err() {
            // The first failure is the one to report; leftovers are removed at the next opening.
            let _ = fs::remove_file(&copy);
        }
        adopted
    }

    /// A reader with connections of its own.
    pub fn reader(&self) -> EventReader {
        self.reader.clone()
    }

    fn adopt_copy(&mut self, dir: &Path, copy: &Path) -> Result<(), EventStoreError> {
        let (first, through) = file::verify_whole(copy)?;
        let (expected, position) = (self.open.first(), self.position());
        let is_virgin = position == 0 && self.reader.shared().closed().is_empty();
        if position >= expected || (first != expected && !is_virgin) {
            return Err(EventStoreError::DoesNotContinue {
                file: copy.display().to_string(),
                first,
                expected: position + 1,
            });
        }
        self.open.remove_empty()?;
        fs::rename(copy, file::path(dir, first))?;
        disk::sync_dir(dir)?;
        let summary = Summary::close(dir, first, through)?;
        self.start_file(dir, summary)?;
        self.reader.shared().position.store(through, Ordering::Release);
        Ok(())
    }

    /// Closes the open file and begins the next. A reader in the middle of the file postpones that.
    ///
    /// # Errors
    /// A fault of the disk; the store must be opened anew then.
    pub fn close_open_file(&mut self) -> Result<(), EventStoreError> {
        if !self.open.checkpoint()? {
            return Ok(());
        }
        let dir = self.reader.shared().dir().to_path_buf();
        let summary = Summary::close(&dir, self.open.first(), self.open.through())?;
        self.start_file(&dir, summary)
    }

    fn start_file(&mut self, dir: &Path, closed: Summary) -> Result<(), EventStoreError> {
        self.open = OpenFile::open(dir, closed.through + 1)?;
        self.reader.shared().advance(closed, self.open.first());
        Ok(())
    }
}

/// The appender reads like any reader: `position`, `read`, `read_stream`, `files`, `verify`.
impl Deref for EventStore {
    type Target = EventReader;

    fn deref(&self) -> &EventReader {
        &self.reader
    }
}

/// Checks that files follow each other; returns the first log index after the closed ones.
fn continuous(dir: &Path, closed: &[Summary], open: Option<u64>) -> Result<u64, EventStoreError> {
    let firsts = closed.iter().map(|file| file.first).skip(1).chain(open.filter(|_| !closed.is_empty()));
    for (file, next) in closed.iter().zip(firsts) {
        if next != file.through + 1 {
            let what = format!("it ends at log index {}, the next file begins at {next}", file.through);
            return Err(file::damaged(&file::path(dir, file.first), what));
        }
    }
    Ok(closed.last().map_or(1, |file| file.through + 1))
}

fn check_rows(rows: &[EventRow], through: u64) -> Result<(), EventStoreError> {
    let mut before = None;
    for row in rows {
        let position = row.position;
        let misfit = |what| EventStoreError::DoesNotFit { position, what };
        if before >= Some(position) {
            return Err(EventStoreError::OutOfOrder { position });
        }
        if position.index > through {
            return Err(EventStoreError::Beyond { position, through });
        }
        if position.index == 0 {
            return Err(misfit("log index 0"));
        }
        if i64::try_from(row.seq).is_err() {
            return Err(misfit("the sequence number"));
        }
        before = Some(position);
    }
    if i64::try_from(through).is_err() {
        let position = EventPosition::new(through, 0);
        return Err(EventStoreError::DoesNotFit { position, what: "the log index" });
    }
    Ok(())
}
