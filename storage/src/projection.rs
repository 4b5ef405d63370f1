//! Projections: SQLite files computed from events, each with the position it has reached.
//!
//! Invariant: an effect and the position it leads to are one transaction, so an event counts exactly
//! once, whatever crashes. A power cut may take the last transactions back, whole and in order: they are
//! not waited for on disk, since the events they came from are, and are projected again. A projection is
//! derived: [`ProjectionDb::open_or_rebuild`] throws it away when its schema has another version or its
//! file is damaged, and the caller projects again from the position it finds, which is then none. Damage is
//! looked for when a file is opened: rows have to add up to the sums that stand beside them. A large file is
//! looked through by [`ProjectionDb::look_through`] instead, beside its use; what that finds makes the next open
//! begin it anew.

mod readers;
mod sums;

use self::readers::Readers;
use self::sums::Tally;
use crate::disk;
use crate::events::EventPosition;
use crate::failpoint::{self, Failpoint};
use crate::table::StorageError;
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, OptionalExtension, Transaction, TransactionBehavior, params};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// Read connections one projection keeps at most; further readers wait for one.
pub const READERS_MAX: usize = 4;

const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A larger file would keep a node from starting for more than half a second.
const LOOKED_AT_BYTES_MAX: u64 = 32 << 20;
/// Beside a file that was found damaged while it was in use, with what is wrong with it.
const DAMAGED: &str = "-damaged";

const POSITIONS: &str = "
    CREATE TABLE position (name TEXT PRIMARY KEY, log_index INTEGER NOT NULL, n INTEGER NOT NULL)
    STRICT, WITHOUT ROWID;";

/// The tables of a projection. Whoever changes them raises the version, and every node rebuilds.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    /// At least 1.
    pub version: u32,
    /// Statements that create everything but the `position` table.
    pub sql: &'static str,
}

/// What can go wrong in a projection.
#[derive(Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The effect has happened already; nothing was done.
    #[error("{name} is at {stored} already, past {offered}")]
    NotAhead { name: String, stored: EventPosition, offered: EventPosition },
    #[error("{file} has schema version {found}, this program needs {expected}")]
    OtherVersion { file: String, found: i64, expected: u32 },
    #[error("{file} is damaged: {what}")]
    Damaged { file: String, what: String },
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl From<rusqlite::Error> for ProjectionError {
    fn from(failure: rusqlite::Error) -> ProjectionError {
        ProjectionError::Storage(failure.into())
    }
}

impl From<io::Error> for ProjectionError {
    fn from(failure: io::Error) -> ProjectionError {
        ProjectionError::Storage(failure.into())
    }
}

/// A SQLite file with positions: one writer at a time, readers beside it.
pub struct ProjectionDb {
    path: PathBuf,
    writer: Mutex<Writer>,
    readers: Readers,
}

struct Writer {
    connection: Connection,
    tally: Tally,
}

impl ProjectionDb {
    /// Opens the file or creates it with its schema.
    ///
    /// # Errors
    /// [`ProjectionError::OtherVersion`] and [`ProjectionError::Damaged`] call for a rebuild.
    pub fn open(path: &Path, schema: Schema) -> Result<ProjectionDb, ProjectionError> {
        open_writer(path, schema).map_err(|failure| name_damage(path, failure)).map(|writer| ProjectionDb {
            path: path.to_path_buf(),
            writer: Mutex::new(writer),
            readers: Readers::default(),
        })
    }

    /// As [`ProjectionDb::open`], but a file of another version or a damaged one is removed and begun
    /// anew. Then it says why.
    pub fn open_or_rebuild(
        path: &Path,
        schema: Schema,
    ) -> Result<(ProjectionDb, Option<ProjectionError>), ProjectionError> {
        match ProjectionDb::open(path, schema) {
            Ok(projection) => Ok((projection, None)),
            Err(reason @ (ProjectionError::OtherVersion { .. } | ProjectionError::Damaged { .. })) => {
                tracing::warn!(file = %path.display(), %reason, "projection is rebuilt");
                ProjectionDb::remove(path)?;
                Ok((ProjectionDb::open(path, schema)?, Some(reason)))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Removes the file and its journal. Nobody may have it open.
    pub fn remove(path: &Path) -> Result<(), ProjectionError> {
        // What says that the file is bad goes last.
        for suffix in ["-wal", "-shm", "", DAMAGED] {
            match fs::remove_file(disk::with_suffix(path, suffix)) {
                Err(failure) if failure.kind() != io::ErrorKind::NotFound => return Err(failure.into()),
                _ => {}
            }
        }
        Ok(disk::sync_dir(disk::parent(path)?)?)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last position whose effect is stored under this name; `None` before the first.
    pub fn position(&self, name: &str) -> Result<Option<EventPosition>, ProjectionError> {
        Ok(stored_position(&self.writer.lock().connection, name)?)
    }

    /// Runs the effect and advances `name` to `to` in one transaction. An error of the effect undoes
    /// both.
    ///
    /// # Errors
    /// [`ProjectionError::NotAhead`] if `to` is not past the stored position: the effect is not run.
    pub fn transact<T, E: From<ProjectionError>>(
        &self,
        name: &str,
        to: EventPosition,
        effect: impl FnOnce(&Transaction<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let fault = |failure: rusqlite::Error| E::from(ProjectionError::from(failure));
        let mut writer = self.writer.lock();
        let Writer { connection, tally } = &mut *writer;
        tally.begin();
        let tx = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(fault)?;
        if let Some(stored) = stored_position(&tx, name).map_err(fault)?.filter(|stored| *stored >= to) {
            return Err(ProjectionError::NotAhead { name: name.into(), stored, offered: to }.into());
        }
        let value = effect(&tx)?;
        store_position(&tx, name, to).map_err(fault)?;
        tally.write(&tx).map_err(fault)?;
        failpoint::reach(Failpoint::ProjectionUnwritten);
        tx.commit().map_err(fault)?;
        Ok(value)
    }

    /// Runs a read on one of a few connections that cannot write; all its statements see one state.
    /// Waits for a connection if all are in use, so keep the closure short and off the async threads.
    pub fn read<T, E: From<ProjectionError>>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        let fault = |failure: rusqlite::Error| E::from(ProjectionError::from(failure));
        let lent = self.readers.take(&self.path).map_err(fault)?;
        let snapshot = lent.connection().unchecked_transaction().map_err(fault)?;
        read(&snapshot)
    }

    /// Reads every row. What is damaged, if something is; then the file is to be made again.
    pub fn verify(&self) -> Result<Option<String>, ProjectionError> {
        self.read(|db| Ok(sums::verify(db)?))
    }

    /// Reads every row of a file that was too large for that when it was opened, on a thread of its own. If it is
    /// damaged, the next open begins it anew, and `on_damage` is told why it has to come soon.
    pub fn look_through(self: &Arc<Self>, on_damage: impl FnOnce(&str) + Send + 'static) -> io::Result<()> {
        if fs::metadata(&self.path)?.len() <= LOOKED_AT_BYTES_MAX {
            return Ok(());
        }
        let db = self.clone();
        let look = move || match db.verify() {
            Ok(None) => tracing::info!(file = %db.path.display(), "looked through: every row adds up"),
            Ok(Some(what)) => {
                if let Err(error) = db.mark_damaged(&what) {
                    tracing::error!(file = %db.path.display(), %error, "damage could not be noted");
                }
                on_damage(&format!(
                    "{} is damaged: {what}; it is made again at the next start",
                    db.path.display()
                ));
            }
            Err(error) => tracing::warn!(file = %db.path.display(), %error, "it could not be looked through"),
        };
        thread::Builder::new().name("look-through".into()).spawn(look).map(drop)
    }

    fn mark_damaged(&self, what: &str) -> io::Result<()> {
        let mark = disk::with_suffix(&self.path, DAMAGED);
        fs::write(&mark, what)?;
        fs::File::open(&mark)?.sync_all()?;
        disk::sync_dir(disk::parent(&self.path)?)
    }

    /// A copy of everything at one moment, as a file of its own. `into` must not be there yet.
    pub fn copy_to(&self, into: &Path) -> Result<(), ProjectionError> {
        let source = Connection::open_with_flags(&self.path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        source.busy_timeout(BUSY_TIMEOUT)?;
        source.execute("VACUUM INTO ?1", [into.display().to_string()])?;
        Ok(())
    }
}

fn open_writer(path: &Path, schema: Schema) -> Result<Writer, ProjectionError> {
    assert!(schema.version > 0, "version 0 marks a file without tables");
    if let Some(what) = marked_damaged(path)? {
        return Err(ProjectionError::Damaged { file: path.display().to_string(), what });
    }
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    disk::keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found == 0 {
        let tx = connection.unchecked_transaction()?;
        tx.execute_batch(POSITIONS)?;
        tx.execute_batch(schema.sql)?;
        Tally::create(&tx)?;
        tx.pragma_update(None, "user_version", schema.version)?;
        tx.commit()?;
        disk::sync_dir(disk::parent(path)?)?;
    } else if found != i64::from(schema.version) {
        let file = path.display().to_string();
        return Err(ProjectionError::OtherVersion { file, found, expected: schema.version });
    } else if fs::metadata(path)?.len() <= LOOKED_AT_BYTES_MAX {
        if let Some(what) = sums::verify(&connection)? {
            return Err(ProjectionError::Damaged { file: path.display().to_string(), what });
        }
        // Its head can say that nobody may write.
        connection.pragma_update(None, "user_version", schema.version)?;
    }
    let tally = Tally::attach(&connection)?;
    Ok(Writer { connection, tally })
}

fn marked_damaged(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(disk::with_suffix(path, DAMAGED)) {
        Ok(what) => Ok(Some(what)),
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Names the file in what SQLite itself recognises as damage.
fn name_damage(path: &Path, failure: ProjectionError) -> ProjectionError {
    match &failure {
        ProjectionError::Storage(StorageError::Sqlite(cause)) if !sums::is_of_the_machine(cause) => {
            ProjectionError::Damaged { file: path.display().to_string(), what: cause.to_string() }
        }
        _ => failure,
    }
}

fn stored_position(connection: &Connection, name: &str) -> Result<Option<EventPosition>, rusqlite::Error> {
    let sql = "SELECT log_index, n FROM position WHERE name = ?1";
    let position =
        |row: &rusqlite::Row<'_>| Ok(EventPosition::new(row.get::<_, i64>(0)? as u64, row.get(1)?));
    connection.prepare_cached(sql)?.query_row([name], position).optional()
}

fn store_position(tx: &Transaction<'_>, name: &str, to: EventPosition) -> Result<(), rusqlite::Error> {
    let sql = "INSERT INTO position (name, log_index, n) VALUES (?1, ?2, ?3)
               ON CONFLICT (name) DO UPDATE SET log_index = excluded.log_index, n = excluded.n";
    tx.prepare_cached(sql)?.execute(params![name, to.index as i64, to.n])?;
    Ok(())
}

#[cfg(test)]
mod tests;
