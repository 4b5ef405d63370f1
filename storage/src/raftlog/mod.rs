//! The raft log of a node as bytes: one SQLite file for all groups, one writer thread, one fsync.
//!
//! Contract: operations of one group take effect in the order they are called; a callback runs only
//! after its operation and everything queued before it is on disk. Rows are readable as soon as
//! [`GroupLog::append`] returns. Truncating and purging have no callback: they are durable no later
//! than anything called after them.
//!
//! Group commit: the writer drains its queue into one transaction for all groups, commits it
//! (`synchronous=FULL`), and then runs the callbacks; while it waits for the disk, the next
//! transaction gathers.
//!
//! Loss is detected, never repaired. SQLite takes a flipped byte in a page for data and drops the
//! end of a WAL that does not check out, so every row carries a CRC32C, which rows each group
//! has is stored beside them with its vote, and the number of the last commit stands in a second file.
//! A log that opens behind that number, or with a row that fails, is
//! [`RaftLogError::LogDamaged`]: whoever voted through it must never vote under that id again.
//!
//! This module gives no meaning to votes, terms or bodies; they are the caller's bytes.

mod database;
mod group;
mod side_file;
#[cfg(test)]
mod tests;
mod writer;

use bytes::Bytes;
use crossbeam_channel::Sender;
use database::Database;
pub use group::GroupLog;
use group::GroupMemory;
use parking_lot::Mutex;
use side_file::SideFile;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use writer::{Op, Writer};

/// Runs once its operation is on disk, or with the error that ended the log. Must not block.
pub type Done = Box<dyn FnOnce(io::Result<()>) + Send>;

/// Called once, with the reason, when a write failed. A failed write must end the process: what the
/// disk holds is then unknown. The default aborts; tests observe instead.
pub type OnFatal = Arc<dyn Fn(&str) + Send + Sync>;

/// Operations that may wait for the writer before callers wait too. A transaction drains all of
/// them, so more would only be memory.
const QUEUE_OPS_MAX: usize = 1024;

/// Indexes use the low 48 bits of a row id, the group the high 16.
pub const INDEX_MAX: u64 = (1 << 48) - 1;

/// One log entry: its index, who wrote it (opaque, at most 255 bytes), and what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRow {
    pub index: u64,
    pub term: Bytes,
    pub body: Bytes,
}

impl LogRow {
    fn size(&self) -> usize {
        // Beside its bytes a cached row costs two handles and its place in the queue.
        self.term.len() + self.body.len() + 96
    }
}

/// An index with the term bytes that belong to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    pub index: u64,
    pub term: Bytes,
}

/// What a group's log looks like to its owner. The rows are `(purged, last]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupState {
    pub purged: Option<Mark>,
    /// The last row, or `purged` when there are no rows.
    pub last: Option<Mark>,
    pub vote: Option<Bytes>,
    pub committed: Option<Bytes>,
}

/// How a log opens.
#[derive(Clone)]
pub struct RaftLogOptions {
    pub dir: PathBuf,
    /// Who owns this log (cluster and node id, encoded by the caller). Written at creation; opening
    /// under another identity is refused, because two nodes must never share votes.
    pub identity: Bytes,
    /// Bytes of recent rows kept in memory per group.
    pub cache_bytes: usize,
    /// Waits for the disk after writing the commit number too. See the module `side_file`.
    pub sync_commit_number: bool,
    pub on_fatal: OnFatal,
}

impl RaftLogOptions {
    pub fn new(dir: impl Into<PathBuf>, identity: impl Into<Bytes>) -> RaftLogOptions {
        RaftLogOptions {
            dir: dir.into(),
            identity: identity.into(),
            // Some seconds of the most that a node takes in: whoever is further behind is read to from disk.
            cache_bytes: 16 << 20,
            sync_commit_number: false,
            on_fatal: Arc::new(abort_process),
        }
    }
}

fn abort_process(reason: &str) {
    tracing::error!(reason, "the raft log cannot be written; the process ends");
    std::process::abort();
}

/// Why a log could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum RaftLogError {
    #[error("the raft log lost or changed something it had confirmed: {0}")]
    LogDamaged(#[from] Damage),
    #[error("the raft log in {dir} is in use by another process")]
    InUse { dir: String },
    #[error("the raft log belongs to another node")]
    OtherIdentity,
    #[error("the raft log has format {found}, this program knows {known}")]
    UnknownFormat { found: i64, known: i64 },
    #[error("rows {offered} do not follow the end of the log of group {group}, {expected}")]
    NotConsecutive { group: u16, expected: u64, offered: u64 },
    #[error("index {index} is past the end of the number range")]
    IndexTooLarge { index: u64 },
    #[error("the raft log has stopped")]
    Stopped,
    #[error("SQLite failed: {0}")]
    Sqlite(rusqlite::Error),
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

impl From<rusqlite::Error> for RaftLogError {
    /// Our statements are fixed and our schema is ours: a statement that does not fit the schema,
    /// or a value of another type, means that the file changed. Trouble with the system (no space,
    /// no permission, a failing disk) does not.
    fn from(error: rusqlite::Error) -> RaftLogError {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, Unknown};
        match error.sqlite_error_code() {
            None | Some(DatabaseCorrupt | NotADatabase | Unknown) => {
                Damage::Database { reason: error.to_string() }.into()
            }
            Some(_) => RaftLogError::Sqlite(error),
        }
    }
}

impl From<RaftLogError> for io::Error {
    fn from(error: RaftLogError) -> io::Error {
        match error {
            RaftLogError::Io(error) => error,
            RaftLogError::LogDamaged(_) => io::Error::new(io::ErrorKind::InvalidData, error),
            other => io::Error::other(other),
        }
    }
}

/// How the log was found damaged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    #[error("the database ends at commit {database}, but commit {confirmed} was confirmed")]
    Behind { database: u64, confirmed: u64 },
    #[error("the commit number beside the database is missing or unreadable")]
    CommitNumberMissing,
    #[error("the commit number belongs to another database")]
    OtherDatabase,
    #[error("group {group}: the row at index {index} fails its checksum")]
    Row { group: u16, index: u64 },
    #[error("group {group}: the row at index {index} is missing")]
    Gap { group: u16, index: u64 },
    #[error("group {group}: there is a row at index {index} that was never confirmed")]
    Surplus { group: u16, index: u64 },
    #[error("the stored value {key} is missing or fails its checksum")]
    Value { key: String },
    #[error("the database is malformed: {reason}")]
    Database { reason: String },
}

/// The log of one node. Dropping it writes out what is queued and ends the writer.
pub struct RaftLog {
    shared: Arc<Shared>,
    writer: Option<JoinHandle<()>>,
}

struct Shared {
    queue: Sender<Op>,
    /// Taken when the log closes, so that handles kept longer hold no file open.
    reader: Mutex<Option<Database>>,
    groups: Mutex<BTreeMap<u16, Arc<GroupMemory>>>,
    cache_bytes: usize,
}

impl RaftLog {
    /// Opens or creates the log in `options.dir` and checks every row in it.
    ///
    /// # Errors
    /// [`RaftLogError::LogDamaged`] if anything confirmed earlier is missing or changed.
    pub fn open(options: RaftLogOptions) -> Result<RaftLog, RaftLogError> {
        std::fs::create_dir_all(&options.dir)?;
        let mut side_file = SideFile::open(&options.dir)?;
        let mut database = Database::open(&options.dir)?;
        let head = database.prepare(&mut side_file, &options.identity)?;
        let groups = database.load_groups(&head, options.cache_bytes)?;

        let (queue, ops) = crossbeam_channel::bounded(QUEUE_OPS_MAX);
        let writer = Writer::new(database, side_file, head, &options, &groups);
        let writer = std::thread::Builder::new().name("raft-log".into()).spawn(move || writer.run(&ops))?;
        let shared = Shared {
            queue,
            reader: Mutex::new(Some(Database::open(&options.dir)?)),
            groups: Mutex::new(groups),
            cache_bytes: options.cache_bytes,
        };
        Ok(RaftLog { shared: Arc::new(shared), writer: Some(writer) })
    }

    /// The log of one group, empty if it never wrote.
    pub fn group(&self, group: u16) -> GroupLog {
        let memory = Arc::clone(
            self.shared
                .groups
                .lock()
                .entry(group)
                .or_insert_with(|| Arc::new(GroupMemory::empty(group, self.shared.cache_bytes))),
        );
        GroupLog::new(Arc::clone(&self.shared), memory)
    }

    /// The groups that have stored anything.
    pub fn groups(&self) -> Vec<u16> {
        self.shared.groups.lock().keys().copied().collect()
    }

    /// Waits until everything queued so far is on disk, the last `save_committed` included.
    pub fn flush(&self) -> Result<(), RaftLogError> {
        let (done, outcome) = crossbeam_channel::bounded(1);
        let done: Done = Box::new(move |result| drop(done.send(result)));
        self.shared.queue.send(Op::Flush { done }).map_err(|_| RaftLogError::Stopped)?;
        Ok(outcome.recv().map_err(|_| RaftLogError::Stopped)??)
    }
}

impl Drop for RaftLog {
    fn drop(&mut self) {
        // Group handles keep the queue open, so the writer is told to end instead of starved.
        let _ = self.shared.queue.send(Op::Stop);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
        *self.shared.reader.lock() = None;
    }
}
