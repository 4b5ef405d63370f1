//! Sums over the rows of a projection, by which damage shows that SQLite takes for data.
//!
//! Each table has the sum of its rows' hashes, which the transaction that changes rows brings along. A flipped
//! byte, a row too many or too few, or pages of different times leave rows that do not add up to it. Triggers see
//! every change, whichever statement makes it; they add to a sum in memory, and a transaction writes once.

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, Transaction, params};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// What triggers call: which table, whether the row came or went, and its columns.
const TALLY: &str = "tally";
const CAME: i64 = 1;
const WENT: i64 = -1;
/// The description of all tables has a sum as well.
const DESCRIPTION: &str = "sqlite_schema";
const SUMS: &str = "
    CREATE TABLE sums (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, sum INTEGER NOT NULL) STRICT;";

/// What the tables of one file have changed by since the transaction began.
pub struct Tally {
    changes: Arc<Vec<AtomicI64>>,
}

impl Tally {
    /// Makes the sums of an empty file whose tables are all there.
    pub fn create(tx: &Transaction<'_>) -> rusqlite::Result<()> {
        let tables = tables(tx)?;
        tx.execute_batch(SUMS)?;
        for (number, (table, columns)) in tables.iter().enumerate() {
            tx.execute("INSERT INTO sums VALUES (?1, ?2, 0)", params![number as i64, table])?;
            let row = |of: &str| columns.iter().map(|name| format!(", {of}.\"{name}\"")).collect::<String>();
            let came = format!("SELECT {TALLY}({number}, {CAME}{})", row("NEW"));
            let went = format!("SELECT {TALLY}({number}, {WENT}{})", row("OLD"));
            let both = format!("{went}; {came}");
            for (what, body) in [("INSERT", came), ("DELETE", went), ("UPDATE", both)] {
                tx.execute_batch(&format!(
                    "CREATE TRIGGER \"{table} {what}\" AFTER {what} ON \"{table}\" BEGIN {body}; END;"
                ))?;
            }
        }
        let described = description(tx)?;
        tx.execute(
            "INSERT INTO sums VALUES (?1, ?2, ?3)",
            params![tables.len() as i64, DESCRIPTION, described],
        )?;
        Ok(())
    }

    /// Gives a connection that writes what its triggers call.
    pub fn attach(connection: &Connection) -> rusqlite::Result<Tally> {
        let numbers: i64 = connection.query_row("SELECT count(*) FROM sums", [], |row| row.get(0))?;
        let changes: Arc<Vec<AtomicI64>> = Arc::new((0..numbers).map(|_| AtomicI64::new(0)).collect());
        let taken = changes.clone();
        let add = move |call: &Context<'_>| {
            let (number, sign) = (call.get::<i64>(0)?, call.get::<i64>(1)?);
            let hash = hash((2..call.len()).map(|column| Ok(call.get_raw(column))))?;
            if let Some(change) = usize::try_from(number).ok().and_then(|number| taken.get(number)) {
                change.fetch_add(hash.wrapping_mul(sign), Ordering::Relaxed);
            }
            Ok(0)
        };
        // Replacing a row is a row that goes and one that comes.
        connection.pragma_update(None, "recursive_triggers", true)?;
        connection.create_scalar_function(TALLY, -1, FunctionFlags::SQLITE_UTF8, add)?;
        Ok(Tally { changes })
    }

    /// A transaction begins; of the one before it, if it was undone, nothing counts.
    pub fn begin(&self) {
        self.changes.iter().for_each(|change| change.store(0, Ordering::Relaxed));
    }

    /// Writes what has changed, in the transaction that changed it.
    pub fn write(&self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        for (number, change) in self.changes.iter().enumerate() {
            let change = change.swap(0, Ordering::Relaxed);
            if change == 0 {
                continue;
            }
            let read = "SELECT sum FROM sums WHERE number = ?1";
            let sum: i64 = tx.prepare_cached(read)?.query_row([number as i64], |row| row.get(0))?;
            let write = "UPDATE sums SET sum = ?2 WHERE number = ?1";
            tx.prepare_cached(write)?.execute([number as i64, sum.wrapping_add(change)])?;
        }
        Ok(())
    }
}

/// Reads every row and index of a file. What does not add up, if something does not.
///
/// # Errors
/// If the file can't be read, for now; what SQLite itself takes for damage is an answer.
pub fn verify(connection: &Connection) -> rusqlite::Result<Option<String>> {
    match look(connection) {
        Err(error) if is_of_the_machine(&error) => Err(error),
        Err(error) => Ok(Some(error.to_string())),
        Ok(found) => Ok(found),
    }
}

fn look(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let told: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if told != "ok" {
        return Ok(Some(told));
    }
    let stored = "SELECT number, name, sum FROM sums";
    let sums: BTreeMap<i64, (String, i64)> = connection
        .prepare(stored)?
        .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
        .collect::<Result<_, _>>()?;
    let adds_up = |number: usize, name: &str, found: i64| {
        sums.get(&(number as i64)).is_some_and(|(of, sum)| of == name && *sum == found)
    };
    let tables = tables(connection)?;
    if !adds_up(tables.len(), DESCRIPTION, description(connection)?) {
        return Ok(Some("its tables are not those it was made with".to_owned()));
    }
    for (number, (table, columns)) in tables.iter().enumerate() {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{table}\""))?;
        let mut rows = statement.query([])?;
        let mut sum = 0i64;
        while let Some(row) = rows.next()? {
            sum = sum.wrapping_add(hash((0..columns.len()).map(|column| row.get_ref(column)))?);
        }
        if !adds_up(number, table, sum) {
            return Ok(Some(format!("the rows of {table} do not add up")));
        }
    }
    Ok(None)
}

/// Whether it is not the file that is at fault: a later look may find it well.
pub fn is_of_the_machine(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::OutOfMemory
                | ErrorCode::SystemIoFailure
                | ErrorCode::DiskFull
                | ErrorCode::PermissionDenied
                | ErrorCode::CannotOpen
        )
    )
}

/// Every table but that of the sums, with its columns in their order.
fn tables(connection: &Connection) -> rusqlite::Result<Vec<(String, Vec<String>)>> {
    let named = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sums' ORDER BY name";
    let names: Vec<String> =
        connection.prepare(named)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let columns = "SELECT name FROM pragma_table_info(?1) ORDER BY cid";
    let of = |table: String| {
        let mut described = connection.prepare_cached(columns)?;
        let names = described.query_map([&table], |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok((table, names))
    };
    names.into_iter().map(of).collect()
}

fn description(connection: &Connection) -> rusqlite::Result<i64> {
    let mut statement = connection.prepare("SELECT type, name, tbl_name, sql FROM sqlite_schema")?;
    let mut rows = statement.query([])?;
    let mut sum = 0i64;
    while let Some(row) = rows.next()? {
        sum = sum.wrapping_add(hash((0..4).map(|column| row.get_ref(column)))?);
    }
    Ok(sum)
}

fn hash<'v>(columns: impl Iterator<Item = rusqlite::Result<ValueRef<'v>>>) -> rusqlite::Result<i64> {
    let mut hasher = blake3::Hasher::new();
    for value in columns {
        let (kind, bytes): (u8, &[u8]) = match value? {
            ValueRef::Null => (0, &[]),
            ValueRef::Integer(number) => {
                hasher.update(&[1]).update(&number.to_le_bytes());
                continue;
            }
            ValueRef::Real(number) => {
                hasher.update(&[2]).update(&number.to_le_bytes());
                continue;
            }
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(bytes) => (4, bytes),
        };
        hasher.update(&[kind]).update(&(bytes.len() as u64).to_le_bytes()).update(bytes);
    }
    let first = hasher.finalize().as_bytes()[..8].try_into().expect("a hash has 32 bytes");
    Ok(i64::from_le_bytes(first))
}
