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

mod sums;

use self::sums::Tally;
use crate::disk;
use crate::events::EventPosition;
use crate::failpoint::{self, Failpoint};
use crate::table::StorageError;
use parking_lot::{Condvar, Mutex};
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

/// A few connections, opened when first needed.
#[derive(Default)]
struct Readers {
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    opened: usize,
}

impl Readers {
    fn take(&self, path: &Path) -> Result<Lent<'_>, rusqlite::Error> {
        let mut pool = self.pool.lock();
        loop {
            if let Some(connection) = pool.idle.pop() {
                return Ok(Lent { readers: self, connection: Some(connection) });
            }
            if pool.opened < READERS_MAX {
                break;
            }
            self.returned.wait(&mut pool);
        }
        let connection = open_reader(path)?;
        pool.opened += 1;
        Ok(Lent { readers: self, connection: Some(connection) })
    }
}

fn open_reader(path: &Path) -> Result<Connection, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true)?;
    disk::keep_plans(&connection)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// A borrowed connection; it goes back when dropped, also while a panic unwinds.
struct Lent<'r> {
    readers: &'r Readers,
    connection: Option<Connection>,
}

impl Lent<'_> {
    fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a connection is lent until it is dropped")
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.readers.pool.lock().idle.extend(self.connection.take());
        self.readers.returned.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicUsize, Ordering};

    const SCHEMA: Schema =
        Schema { version: 1, sql: "CREATE TABLE sold (sku TEXT PRIMARY KEY, units INTEGER)" };

    fn sell(projection: &ProjectionDb, to: EventPosition) -> Result<(), ProjectionError> {
        projection.transact("sold", to, |tx| {
            let sql = "INSERT INTO sold VALUES ('BAT', 1) ON CONFLICT DO UPDATE SET units = units + 1";
            Ok(tx.execute(sql, []).map(|_| ())?)
        })
    }

    fn units(projection: &ProjectionDb) -> i64 {
        let sum = "SELECT coalesce(sum(units), 0) FROM sold";
        projection.read(|db| Ok::<i64, ProjectionError>(db.query_row(sum, [], |row| row.get(0))?)).unwrap()
    }

    #[test]
    fn an_event_counts_once_however_often_it_comes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sold.db");
        let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
        assert_eq!(projection.position("sold").unwrap(), None);
        sell(&projection, EventPosition::new(3, 0)).unwrap();
        sell(&projection, EventPosition::new(3, 1)).unwrap();
        drop(projection);
        let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
        for again in [EventPosition::new(3, 1), EventPosition::new(2, 7)] {
            let refusal = sell(&projection, again).unwrap_err();
            assert!(
                matches!(refusal, ProjectionError::NotAhead { stored, .. } if stored == EventPosition::new(3, 1))
            );
        }
        assert_eq!(units(&projection), 2);
        assert_eq!(projection.position("sold").unwrap(), Some(EventPosition::new(3, 1)));
        assert_eq!(projection.position("another").unwrap(), None);
    }

    #[test]
    fn a_failed_effect_moves_neither_table_nor_position() {
        let dir = tempfile::tempdir().unwrap();
        let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
        let failed = projection.transact("sold", EventPosition::new(1, 0), |tx| {
            tx.execute("INSERT INTO sold VALUES ('BAT', 1)", [])?;
            tx.execute("INSERT INTO nowhere VALUES (1)", [])?;
            Ok::<(), ProjectionError>(())
        });
        assert!(failed.is_err());
        assert_eq!((units(&projection), projection.position("sold").unwrap()), (0, None));
        sell(&projection, EventPosition::new(1, 0)).unwrap();
        assert_eq!(units(&projection), 1);
    }

    #[test]
    fn readers_cannot_write_and_see_one_state() {
        let dir = tempfile::tempdir().unwrap();
        let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
        let written = projection.read(|db| Ok::<_, ProjectionError>(db.execute("DELETE FROM sold", [])?));
        assert!(written.is_err());
        projection
            .read(|db| {
                let count = || db.query_row("SELECT count(*) FROM sold", [], |row| row.get::<_, i64>(0));
                let before = count()?;
                sell(&projection, EventPosition::new(1, 0))?;
                assert_eq!(count()?, before);
                Ok::<(), ProjectionError>(())
            })
            .unwrap();
        assert_eq!(units(&projection), 1);
    }

    #[test]
    fn a_copy_is_a_file_of_its_own_and_of_one_moment() {
        let dir = tempfile::tempdir().unwrap();
        let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
        sell(&projection, EventPosition::new(1, 0)).unwrap();
        let copy = dir.path().join("copy.db");
        projection.copy_to(&copy).unwrap();
        sell(&projection, EventPosition::new(2, 0)).unwrap();
        assert!(projection.copy_to(&copy).is_err(), "a copy is not written over");
        assert_eq!((units(&ProjectionDb::open(&copy, SCHEMA).unwrap()), units(&projection)), (1, 2));
    }

    #[test]
    fn more_readers_than_connections_wait_their_turn() {
        let dir = tempfile::tempdir().unwrap();
        let projection = ProjectionDb::open(&dir.path().join("sold.db"), SCHEMA).unwrap();
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let together = Barrier::new(READERS_MAX * 3);
        std::thread::scope(|threads| {
            for _ in 0..READERS_MAX * 3 {
                threads.spawn(|| {
                    together.wait();
                    let read = |_: &Connection| {
                        most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                        std::thread::sleep(Duration::from_millis(20));
                        inside.fetch_sub(1, Ordering::SeqCst);
                        Ok::<(), ProjectionError>(())
                    };
                    projection.read(read).unwrap();
                });
            }
        });
        assert!((2..=READERS_MAX).contains(&most.load(Ordering::SeqCst)));
        // A reader that panics gives its connection back too.
        for _ in 0..READERS_MAX + 1 {
            let panics = std::panic::AssertUnwindSafe(|| {
                projection.read::<(), ProjectionError>(|_| panic!("a reader went wrong"))
            });
            assert!(std::panic::catch_unwind(panics).is_err());
        }
        assert_eq!(units(&projection), 0);
    }

    /// A closed file with a thousand articles, and what stands in it.
    fn stocked(path: &Path) -> Vec<(String, i64)> {
        let projection = ProjectionDb::open(path, SCHEMA).unwrap();
        for n in 0..1_000 {
            let stock = |tx: &Transaction<'_>| {
                let sql = "INSERT INTO sold VALUES (?1, ?2)";
                Ok::<_, ProjectionError>(
                    tx.execute(sql, params![format!("article {n}"), n as i64]).map(|_| ())?,
                )
            };
            projection.transact("sold", EventPosition::new(n + 1, 0), stock).unwrap();
        }
        contents(&projection)
    }

    fn contents(projection: &ProjectionDb) -> Vec<(String, i64)> {
        let read = |db: &Connection| {
            let mut statement = db.prepare("SELECT sku, units FROM sold ORDER BY sku")?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok::<_, ProjectionError>(rows.collect::<Result<_, _>>()?)
        };
        projection.read(read).unwrap()
    }

    #[test]
    fn a_flipped_bit_anywhere_in_the_file_is_damage_or_changes_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sold.db");
        let whole = stocked(&path);
        let bytes = fs::read(&path).unwrap();
        let mut damaged = 0;
        // A number that has nothing in common with the size of a page or a row.
        for at in (0..100).chain((100..bytes.len()).step_by(89)) {
            let mut spoilt = bytes.clone();
            spoilt[at] ^= 1 << (at % 8);
            ProjectionDb::remove(&path).unwrap();
            fs::write(&path, spoilt).unwrap();
            match ProjectionDb::open(&path, SCHEMA) {
                Ok(projection) => {
                    assert_eq!(contents(&projection), whole, "byte {at}");
                    assert_eq!(projection.position("sold").unwrap(), Some(EventPosition::new(1_000, 0)));
                    let next = EventPosition::new(1_001, 0);
                    sell(&projection, next).unwrap_or_else(|error| panic!("byte {at}: {error}"));
                }
                Err(ProjectionError::Damaged { .. } | ProjectionError::OtherVersion { .. }) => damaged += 1,
                Err(other) => panic!("byte {at}: {other}"),
            }
        }
        assert!(damaged > bytes.len() / 89 / 2, "only {damaged} flipped bits were noticed");
    }

    #[test]
    fn rows_that_no_transaction_changed_do_not_add_up() {
        let dir = tempfile::tempdir().unwrap();
        for edit in [
            "UPDATE sold SET units = units + 1 WHERE sku = 'article 7'",
            "DELETE FROM sold WHERE sku = 'article 7'",
            "INSERT INTO sold VALUES ('article 1000', 1)",
            "UPDATE position SET log_index = 999",
            "UPDATE sums SET sum = sum + 1 WHERE name = 'sold'",
            "UPDATE sums SET number = number + 10",
            "DROP TRIGGER \"sold INSERT\"",
        ] {
            let path = dir.path().join("sold.db");
            ProjectionDb::remove(&path).unwrap();
            stocked(&path);
            let by_hand = Connection::open(&path).unwrap();
            let nothing = |_: &rusqlite::functions::Context<'_>| Ok(0);
            let flags = rusqlite::functions::FunctionFlags::SQLITE_UTF8;
            by_hand.create_scalar_function("tally", -1, flags, nothing).unwrap();
            by_hand.execute(edit, []).unwrap();
            drop(by_hand);
            let opened = ProjectionDb::open(&path, SCHEMA);
            assert!(matches!(opened, Err(ProjectionError::Damaged { .. })), "{edit}");
        }
    }

    #[test]
    fn rows_add_up_however_they_were_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sold.db");
        stocked(&path);
        let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
        for (n, change) in [
            "INSERT OR REPLACE INTO sold VALUES ('article 7', 70)",
            "INSERT OR IGNORE INTO sold VALUES ('article 7', 71)",
            "INSERT INTO sold VALUES ('article 8', 1) ON CONFLICT DO UPDATE SET units = units + 1",
            "UPDATE sold SET sku = 'another' WHERE sku = 'article 9'",
            "DELETE FROM sold WHERE units > 900",
            "INSERT INTO sold VALUES ('much', 9223372036854775807), ('nothing', NULL)",
            "DELETE FROM sold",
        ]
        .into_iter()
        .enumerate()
        {
            let run = |tx: &Transaction<'_>| Ok::<_, ProjectionError>(tx.execute(change, []).map(|_| ())?);
            projection.transact("sold", EventPosition::new(2_000 + n as u64, 0), run).unwrap();
            assert_eq!(projection.verify().unwrap(), None, "{change}");
            let undone = projection.transact("sold", EventPosition::new(3_000, 0), |tx| {
                tx.execute("INSERT INTO sold VALUES ('undone', 1)", [])?;
                tx.execute("INSERT INTO nowhere VALUES (1)", [])?;
                Ok::<(), ProjectionError>(())
            });
            assert!(undone.is_err());
            assert_eq!(projection.verify().unwrap(), None, "after one that was undone");
        }
    }

    #[test]
    fn a_large_file_is_looked_through_beside_its_use_and_begun_anew_once_damage_was_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sold.db");
        let projection = ProjectionDb::open(&path, SCHEMA).unwrap();
        let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000)
                    INSERT INTO sold SELECT printf('article %0100d', i), i FROM n";
        let filled = |tx: &Transaction<'_>| Ok::<_, ProjectionError>(tx.execute(fill, []).map(drop)?);
        projection.transact("sold", EventPosition::new(1, 0), filled).unwrap();
        drop(projection);
        assert!(fs::metadata(&path).unwrap().len() > LOOKED_AT_BYTES_MAX);
        let looked = |path: &Path| {
            let projection = Arc::new(ProjectionDb::open(path, SCHEMA).unwrap());
            let (say, said) = std::sync::mpsc::sync_channel(1);
            projection.look_through(move |what| say.send(what.to_owned()).unwrap()).unwrap();
            said.recv().ok()
        };
        assert_eq!(looked(&path), None, "every row adds up");

        let mut bytes = fs::read(&path).unwrap();
        let place = bytes.windows(12).rposition(|text| text == b"article 0000").expect("a row");
        bytes[place + 100] ^= 1;
        fs::write(&path, bytes).unwrap();
        let what = looked(&path).expect("damage");
        assert!(
            what.contains("sold.db is damaged") && what.contains("made again at the next start"),
            "{what}"
        );
        let (projection, reason) = ProjectionDb::open_or_rebuild(&path, SCHEMA).unwrap();
        assert!(matches!(reason, Some(ProjectionError::Damaged { .. })), "{reason:?}");
        assert_eq!(projection.position("sold").unwrap(), None);
        drop(projection);
        assert!(ProjectionDb::open_or_rebuild(&path, SCHEMA).unwrap().1.is_none(), "once is enough");
    }

    #[test]
    fn another_schema_or_a_damaged_file_is_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sold.db");
        sell(&ProjectionDb::open(&path, SCHEMA).unwrap(), EventPosition::new(1, 0)).unwrap();
        let next = Schema { version: 2, ..SCHEMA };
        let refusal = ProjectionDb::open(&path, next).err().unwrap();
        assert!(matches!(refusal, ProjectionError::OtherVersion { found: 1, expected: 2, .. }));
        let (projection, reason) = ProjectionDb::open_or_rebuild(&path, next).unwrap();
        assert!(matches!(reason, Some(ProjectionError::OtherVersion { .. })));
        assert_eq!((units(&projection), projection.position("sold").unwrap()), (0, None));
        drop(projection);
        assert!(ProjectionDb::open_or_rebuild(&path, next).unwrap().1.is_none());
        fs::write(&path, vec![7; 4_096]).unwrap();
        assert!(matches!(ProjectionDb::open(&path, next), Err(ProjectionError::Damaged { .. })));
        let (_, reason) = ProjectionDb::open_or_rebuild(&path, next).unwrap();
        assert!(matches!(reason, Some(ProjectionError::Damaged { .. })));
    }
}
