//! Reading the history beside its one appender.

use super::file::{self, COLUMNS, Summary};
use super::{EventFile, EventPosition, EventRow, EventStoreError};
use parking_lot::{Mutex, RwLock};
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Connections one reader keeps. Reading is mostly at the end of the history; a rebuild walks file by file.
const CONNECTIONS_MAX: usize = 8;

/// What appender and readers both see.
pub(super) struct Shared {
    dir: PathBuf,
    /// Last log index that is covered on disk.
    pub position: AtomicU64,
    files: RwLock<Arc<Files>>,
}

struct Files {
    closed: Vec<Summary>,
    open_first: u64,
}

impl Shared {
    pub fn new(dir: &Path, closed: Vec<Summary>, open_first: u64, position: u64) -> Shared {
        let files = RwLock::new(Arc::new(Files { closed, open_first }));
        Shared { dir: dir.to_path_buf(), position: AtomicU64::new(position), files }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn closed(&self) -> Vec<Summary> {
        self.files.read().closed.clone()
    }

    pub fn advance(&self, closed: Summary, open_first: u64) {
        let mut files = self.files.write();
        let mut all = files.closed.clone();
        all.push(closed);
        *files = Arc::new(Files { closed: all, open_first });
    }
}

impl Files {
    /// Every file with whether it is closed, in order.
    fn all(&self) -> Vec<(u64, bool)> {
        let closed = self.closed.iter().map(|file| (file.first, true));
        closed.chain([(self.open_first, false)]).collect()
    }
}

/// What [`EventReader::verify`] looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    pub files: u64,
    pub rows: u64,
    pub through: u64,
}

/// Reads the history of a group. Cheap to clone; each clone has its own connections.
pub struct EventReader {
    shared: Arc<Shared>,
    connections: Mutex<Vec<Cached>>,
}

struct Cached {
    first: u64,
    closed: bool,
    connection: Connection,
}

impl Clone for EventReader {
    fn clone(&self) -> EventReader {
        EventReader { shared: self.shared.clone(), connections: Mutex::default() }
    }
}

impl EventReader {
    pub(super) fn new(shared: Shared) -> EventReader {
        EventReader { shared: Arc::new(shared), connections: Mutex::default() }
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    /// The last log index whose events are all on disk; 0 before the first. Costs one atomic load.
    pub fn position(&self) -> u64 {
        self.shared.position.load(Ordering::Acquire)
    }

    /// Events at or after `from`, in order over all files, at most `limit`. Fewer than `limit` means
    /// that there are no more yet.
    ///
    /// # Errors
    /// [`EventStoreError::Damaged`] if a row fails its checksum: nothing of the page is returned.
    pub fn read(&self, from: EventPosition, limit: usize) -> Result<Vec<EventRow>, EventStoreError> {
        let sql = format!("SELECT {COLUMNS} FROM events WHERE (idx, n) >= (?1, ?2) ORDER BY idx, n LIMIT ?3");
        let files = self.all_files();
        let start = files.partition_point(|(first, _)| *first <= from.index).saturating_sub(1);
        let Ok(index) = i64::try_from(from.index) else { return Ok(Vec::new()) };
        self.collect(&files[start..], limit, |path, connection, left| {
            file::read_rows(path, connection, &sql, params![index, from.n, left])
        })
    }

    /// Events of one stream from the sequence number `from_seq`, in order, at most `limit`.
    ///
    /// # Errors
    /// As [`EventReader::read`].
    pub fn read_stream(
        &self,
        stream: &[u8],
        from_seq: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, EventStoreError> {
        let Ok(seq) = i64::try_from(from_seq) else { return Ok(Vec::new()) };
        if stream.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE stream = ?1 AND stream <> x'' AND seq >= ?2 ORDER BY seq LIMIT ?3"
        );
        let files = self.all_files();
        let start = self.stream_start(&files, stream, seq)?;
        self.collect(&files[start..], limit, |path, connection, left| {
            file::read_rows(path, connection, &sql, params![stream, seq, left])
        })
    }

    /// The closed files with their hashes, then the open one, in log order without gaps.
    pub fn files(&self) -> Vec<EventFile> {
        let position = self.position();
        let files = self.shared.files.read().clone();
        let path = |first| file::path(self.shared.dir(), first);
        let closed = files.closed.iter().map(|file| EventFile {
            path: path(file.first),
            first: file.first,
            through: file.through,
            bytes: file.bytes,
            hash: Some(file.hash),
        });
        let first = files.open_first;
        let through = position.max(first - 1);
        closed.chain([EventFile { path: path(first), first, through, bytes: 0, hash: None }]).collect()
    }

    /// Reads everything: hashes of closed files, structure, every checksum, order of positions and of
    /// every stream, and that no log index is missing between files. Takes as long as the disk needs.
    ///
    /// # Errors
    /// [`EventStoreError::Damaged`] for the first fault found.
    pub fn verify(&self) -> Result<Verified, EventStoreError> {
        let files = self.shared.files.read().clone();
        let mut seen = Verified::default();
        let mut seqs = BTreeMap::new();
        for (first, closed) in files.all() {
            let path = file::path(self.shared.dir(), first);
            let expected = files.closed.iter().find(|file| file.first == first);
            if let Some(summary) = expected {
                file::verify_hash(&path, summary.hash)?;
            }
            let connection = file::open_for_reading(&path, closed)?;
            let checked = file::verify(&path, &connection, &mut seqs)?;
            if checked.first != first || (seen.files > 0 && first != seen.through + 1) {
                return Err(file::damaged(&path, format!("it does not continue log index {}", seen.through)));
            }
            if expected.is_some_and(|summary| summary.through != checked.through) {
                return Err(file::damaged(&path, "its summary names another end"));
            }
            seen =
                Verified { files: seen.files + 1, rows: seen.rows + checked.rows, through: checked.through };
        }
        Ok(seen)
    }

    fn all_files(&self) -> Vec<(u64, bool)> {
        self.shared.files.read().all()
    }

    /// Where a stream reaches `seq`: the last file that has an event of it at or before `seq`.
    fn stream_start(&self, files: &[(u64, bool)], stream: &[u8], seq: i64) -> Result<usize, EventStoreError> {
        let sql = "SELECT min(seq) FROM events WHERE stream = ?1 AND stream <> x''";
        let mut connections = self.connections.lock();
        for (n, (first, closed)) in files.iter().enumerate().rev() {
            let path = file::path(self.shared.dir(), *first);
            let connection = cached(&mut connections, &path, *first, *closed)?;
            let lowest: Option<i64> =
                connection.prepare_cached(sql)?.query_row(params![stream], |row| row.get(0))?;
            if lowest.is_some_and(|lowest| lowest <= seq) {
                return Ok(n);
            }
        }
        Ok(0)
    }

    fn collect(
        &self,
        files: &[(u64, bool)],
        limit: usize,
        read: impl Fn(&Path, &Connection, i64) -> Result<Vec<EventRow>, EventStoreError>,
    ) -> Result<Vec<EventRow>, EventStoreError> {
        let mut connections = self.connections.lock();
        let mut rows = Vec::new();
        for (first, closed) in files {
            if rows.len() >= limit {
                break;
            }
            let left = i64::try_from(limit - rows.len()).unwrap_or(i64::MAX);
            let path = file::path(self.shared.dir(), *first);
            let connection = cached(&mut connections, &path, *first, *closed)?;
            rows.extend(read(&path, connection, left)?);
        }
        Ok(rows)
    }
}

/// The connection to a file, opened if need be; the least recently used one makes room.
fn cached<'c>(
    connections: &'c mut Vec<Cached>,
    path: &Path,
    first: u64,
    closed: bool,
) -> Result<&'c Connection, EventStoreError> {
    let found = connections.iter().position(|cached| cached.first == first);
    // A connection from when the file was still open goes: it would keep a journal beside a closed file.
    let found = found.map(|n| connections.remove(n)).filter(|cached| cached.closed == closed);
    let cached = match found {
        Some(cached) => cached,
        None => Cached { first, closed, connection: file::open_for_reading(path, closed)? },
    };
    if connections.len() >= CONNECTIONS_MAX {
        connections.remove(0);
    }
    connections.push(cached);
    Ok(&connections.last().expect("one was just pushed").connection)
}
