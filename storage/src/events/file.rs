//! One file of the event store: its name, schema, rows and checksums.

use super::{EventPosition, EventRow, EventStoreError};
use crate::disk;
use crate::hash::ContentHash;
use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, Row, params};
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

const APPLICATION_ID: i64 = 0x4765_6576; // "Geev"
/// A file without a name.
const NAMELESS: i64 = 1;
/// One that says whose history it is; its header's checksum covers that.
const FORMAT: i64 = 2;
/// Of the text beside a closed file.
const SUMMARY_FORMAT: i64 = 1;
const CLOSED_SUFFIX: &str = ".closed";
const DAMAGED_SUFFIX: &str = ".damaged";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// `row` rises with the position, so the table grows at its end; `through` covers entries without events.
const SCHEMA: &str = "
    CREATE TABLE events (
        row INTEGER PRIMARY KEY, idx INTEGER NOT NULL, n INTEGER NOT NULL,
        stream BLOB NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, crc INTEGER NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX by_position ON events (idx, n);
    CREATE INDEX by_stream ON events (stream, seq) WHERE stream <> x'';
    CREATE TABLE file (
        one INTEGER PRIMARY KEY CHECK (one = 1), first INTEGER NOT NULL, through INTEGER NOT NULL,
        crc INTEGER NOT NULL
    ) STRICT;";

pub(super) const COLUMNS: &str = "idx, n, stream, seq, body, crc";

pub(super) fn path(dir: &Path, first: u64) -> PathBuf {
    dir.join(format!("events-{first:020}.db"))
}

/// First log index of every file in the directory, ascending. Leftovers of interrupted writes are removed.
pub(super) fn list(dir: &Path) -> Result<Vec<u64>, EventStoreError> {
    let mut firsts = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.ends_with(disk::TEMPORARY_SUFFIX) {
            fs::remove_file(entry.path())?;
            continue;
        }
        let number = name.strip_prefix("events-").and_then(|name| name.strip_suffix(".db"));
        firsts.extend(
            number
                .filter(|digits| digits.len() == 20)
                .and_then(|digits| digits.parse::<u64>().ok())
                .filter(|first| *first > 0),
        );
    }
    firsts.sort_unstable();
    Ok(firsts)
}

pub(super) fn damaged(path: &Path, what: impl Into<String>) -> EventStoreError {
    EventStoreError::Damaged { file: path.display().to_string(), what: what.into() }
}

/// Names the file in what SQLite itself recognises as damage.
fn in_file(path: &Path) -> impl Fn(rusqlite::Error) -> EventStoreError {
    move |failure| match failure.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
            damaged(path, failure.to_string())
        }
        _ => failure.into(),
    }
}

/// What is known of a closed file without opening it: the text in `events-….db.closed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub first: u64,
    pub through: u64,
    pub bytes: u64,
    pub hash: ContentHash,
}

impl Summary {
    /// `None` if the file is not closed.
    pub fn load(dir: &Path, first: u64) -> Result<Option<Summary>, EventStoreError> {
        let file = path(dir, first);
        let text = match fs::read_to_string(disk::with_suffix(&file, CLOSED_SUFFIX)) {
            Ok(text) => text,
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(failure) => return Err(failure.into()),
        };
        let summary = Summary::parse(&text).filter(|summary| summary.first == first);
        let summary = summary.ok_or_else(|| damaged(&file, "its summary is unreadable"))?;
        if fs::metadata(&file)?.len() != summary.bytes {
            return Err(damaged(&file, "it does not have the size it was closed with"));
        }
        remove_sqlite_leftovers(&file)?;
        Ok(Some(summary))
    }

    /// Closes a checkpointed file that nobody writes any more.
    pub fn close(dir: &Path, first: u64, through: u64) -> Result<Summary, EventStoreError> {
        let file = path(dir, first);
        let opened = File::open(&file)?;
        opened.sync_all()?;
        let bytes = opened.metadata()?.len();
        let hash = blake3::Hasher::new().update_reader(opened)?.finalize().into();
        let summary = Summary { first, through, bytes, hash };
        let text = format!("gearify-events {SUMMARY_FORMAT} {first} {through} {bytes} {hash}\n");
        disk::write_durably(&disk::with_suffix(&file, CLOSED_SUFFIX), text.as_bytes())?;
        fs::set_permissions(&file, Permissions::from_mode(0o444))?;
        Ok(summary)
    }

    fn parse(text: &str) -> Option<Summary> {
        let words: Vec<&str> = text.strip_suffix('\n')?.split(' ').collect();
        let ["gearify-events", "1", first, through, bytes, hash] = words[..] else { return None };
        Some(Summary {
            first: first.parse().ok()?,
            through: through.parse().ok()?,
            bytes: bytes.parse().ok()?,
            hash: hash.parse().ok()?,
        })
    }
}

/// A closed file needs no journal. SQLite leaves empty ones behind if a process ends without closing.
fn remove_sqlite_leftovers(file: &Path) -> Result<(), EventStoreError> {
    for suffix in ["-wal", "-shm"] {
        match fs::remove_file(disk::with_suffix(file, suffix)) {
            Err(failure) if failure.kind() != io::ErrorKind::NotFound => return Err(failure.into()),
            _ => {}
        }
    }
    Ok(())
}

/// The file that is appended to.
pub(super) struct OpenFile {
    path: PathBuf,
    connection: Connection,
    first: u64,
    through: u64,
    owner: Option<String>,
}

impl OpenFile {
    /// Opens the file, or creates it empty.
    pub fn open(dir: &Path, first: u64) -> Result<OpenFile, EventStoreError> {
        let path = path(dir, first);
        let connection = Connection::open(&path).map_err(in_file(&path))?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL").map_err(in_file(&path))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        create_schema(&connection, first).map_err(in_file(&path))?;
        disk::sync_dir(dir)?;
        let Header { first: stored_first, through, owner } = read_header(&path, &connection)?;
        if stored_first != first {
            return Err(damaged(&path, format!("it says that it begins at log index {stored_first}")));
        }
        if let Some(last) = last_index(&connection).map_err(in_file(&path))?.filter(|last| *last > through) {
            return Err(damaged(&path, format!("it ends at log index {last}, past its position {through}")));
        }
        Ok(OpenFile { path, connection, first, through, owner })
    }

    /// As [`OpenFile::open`], and reads all of it: that it is whole, and of the history with this name. A file
    /// that says no name yet is given it.
    ///
    /// # Errors
    /// [`EventStoreError::Damaged`] for the first fault found.
    pub fn open_checked(dir: &Path, first: u64, name: &str) -> Result<OpenFile, EventStoreError> {
        let mut file = OpenFile::open(dir, first)?;
        verify(&file.path, &file.connection, &mut BTreeMap::new())?;
        match &file.owner {
            None => file.give_name(name)?,
            Some(owner) if owner == name => {}
            Some(owner) => return Err(damaged(&file.path, format!("it is of the history of {owner}"))),
        }
        Ok(file)
    }

    fn give_name(&mut self, name: &str) -> Result<(), EventStoreError> {
        let crc = header_crc(self.first, self.through, Some(name));
        let named = || -> Result<(), rusqlite::Error> {
            let tx = self.connection.unchecked_transaction()?;
            tx.execute_batch(
                "CREATE TABLE IF NOT EXISTS owner (one INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT",
            )?;
            tx.execute("INSERT OR REPLACE INTO owner (one, name) VALUES (1, ?1)", [name])?;
            tx.execute("UPDATE file SET crc = ?1", [crc])?;
            tx.pragma_update(None, "user_version", FORMAT)?;
            tx.commit()
        };
        named().map_err(in_file(&self.path))?;
        self.owner = Some(name.to_owned());
        Ok(())
    }

    pub fn first(&self) -> u64 {
        self.first
    }

    pub fn through(&self) -> u64 {
        self.through
    }

    /// Bytes of the database, what is still in the journal included.
    pub fn bytes(&self) -> Result<u64, EventStoreError> {
        let pragma = |name| self.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        Ok(pragma("page_count")?.saturating_mul(pragma("page_size")?) as u64)
    }

    /// Rows in order, all after `through`, and the new `through`: one durable transaction.
    pub fn append(&mut self, rows: &[EventRow], through: u64) -> Result<(), EventStoreError> {
        let tx = self.connection.transaction()?;
        {
            let sql = "INSERT INTO events (idx, n, stream, seq, body, crc) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let mut insert = tx.prepare_cached(sql)?;
            for row in rows {
                let EventPosition { index, n } = row.position;
                let (stream, body) = (row.stream.as_ref(), row.body.as_ref());
                insert.execute(params![index as i64, n, stream, row.seq as i64, body, row_crc(row)])?;
            }
            let mut advance = tx.prepare_cached("UPDATE file SET through = ?1, crc = ?2")?;
            let crc = header_crc(self.first, through, self.owner.as_deref());
            advance.execute(params![through as i64, crc])?;
        }
        tx.commit()?;
        self.through = through;
        Ok(())
    }

    /// Moves the journal into the file; false if a reader is in the way.
    pub fn checkpoint(&self) -> Result<bool, EventStoreError> {
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        Ok(busy == 0)
    }

    /// Removes the file, which covers nothing. The handle is good for nothing afterwards.
    pub fn remove_empty(&mut self) -> Result<(), EventStoreError> {
        assert!(self.through < self.first, "only an empty file may be removed");
        self.connection = Connection::open_in_memory()?;
        fs::remove_file(&self.path)?;
        remove_sqlite_leftovers(&self.path)
    }
}

/// Opens for reading: a closed file as the unchanging bytes it is, the open one beside its appender.
pub(super) fn open_for_reading(path: &Path, closed: bool) -> Result<Connection, EventStoreError> {
    let connection = if closed {
        open_unchanging(path)?
    } else {
        // Writable as far as SQLite is concerned, so that the last one to go tidies the journal away.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Connection::open_with_flags(path, flags).map_err(in_file(path))?
    };
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "query_only", true).map_err(in_file(path))?;
    connection.pragma_update(None, "cache_size", -512)?;
    disk::keep_plans(&connection)?;
    Ok(connection)
}

fn open_unchanging(path: &Path) -> Result<Connection, EventStoreError> {
    let mut uri = String::from("file:");
    let text = path.to_str().ok_or_else(|| damaged(path, "its path is not UTF-8"))?;
    for character in text.chars() {
        match character {
            '%' => uri.push_str("%25"),
            '?' => uri.push_str("%3f"),
            '#' => uri.push_str("%23"),
            other => uri.push(other),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(uri, flags).map_err(in_file(path))
}

/// Reads up to `limit` rows of a query over [`COLUMNS`] and checks each.
pub(super) fn read_rows(
    path: &Path,
    connection: &Connection,
    sql: &str,
    arguments: impl rusqlite::Params,
) -> Result<Vec<EventRow>, EventStoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(in_file(path))?;
    let mut found = statement.query(arguments).map_err(in_file(path))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(in_file(path))? {
        rows.push(checked_row(path, row)?);
    }
    Ok(rows)
}

fn checked_row(path: &Path, row: &Row<'_>) -> Result<EventRow, EventStoreError> {
    let blob = |column| row.get_ref(column).and_then(|value| Ok(Bytes::copy_from_slice(value.as_blob()?)));
    let read = || -> Result<(EventRow, i64), rusqlite::Error> {
        let position = EventPosition { index: row.get::<_, i64>(0)? as u64, n: row.get(1)? };
        let (stream, body) = (blob(2)?, blob(4)?);
        Ok((EventRow { position, stream, seq: row.get::<_, i64>(3)? as u64, body }, row.get(5)?))
    };
    let (row, crc) = read().map_err(|failure| damaged(path, format!("a row is unreadable: {failure}")))?;
    if i64::from(row_crc(&row)) != crc {
        return Err(damaged(path, format!("event {} fails its checksum", row.position)));
    }
    Ok(row)
}

/// Checks a file that stands alone; returns the first and last log index it covers.
pub(super) fn verify_whole(path: &Path) -> Result<(u64, u64), EventStoreError> {
    let connection = open_for_reading(path, true)?;
    let checked = verify(path, &connection, &mut BTreeMap::new())?;
    Ok((checked.first, checked.through))
}

/// Puts a damaged file and its journal out of the way, in the place of an earlier one.
pub(super) fn set_aside(dir: &Path, first: u64) -> Result<(), EventStoreError> {
    let path = path(dir, first);
    for suffix in ["", "-wal", "-shm"] {
        let part = disk::with_suffix(&path, suffix);
        match fs::rename(&part, disk::with_suffix(&part, DAMAGED_SUFFIX)) {
            Err(failure) if failure.kind() != io::ErrorKind::NotFound => return Err(failure.into()),
            _ => {}
        }
    }
    Ok(disk::sync_dir(dir)?)
}

/// What [`verify`] saw.
pub(super) struct Checked {
    pub first: u64,
    pub through: u64,
    pub rows: u64,
}

/// Checks structure, order, bounds and every checksum. `seqs` carries the streams from file to file.
pub(super) fn verify(
    path: &Path,
    connection: &Connection,
    seqs: &mut BTreeMap<Bytes, u64>,
) -> Result<Checked, EventStoreError> {
    let snapshot = connection.unchecked_transaction()?;
    let Header { first, through, .. } = read_header(path, &snapshot)?;
    let sound: String =
        snapshot.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0)).map_err(in_file(path))?;
    if sound != "ok" {
        return Err(damaged(path, sound));
    }
    let sql = format!("SELECT {COLUMNS} FROM events ORDER BY row");
    let mut statement = snapshot.prepare(&sql).map_err(in_file(path))?;
    let mut found = statement.query([]).map_err(in_file(path))?;
    let (mut rows, mut before) = (0, None);
    while let Some(row) = found.next().map_err(in_file(path))? {
        let event = checked_row(path, row)?;
        let position = event.position;
        if before >= Some(position) {
            return Err(damaged(path, format!("event {position} is out of order")));
        }
        if position.index < first || position.index > through {
            return Err(damaged(path, format!("event {position} lies outside {first} to {through}")));
        }
        if !event.stream.is_empty()
            && seqs.insert(event.stream, event.seq).is_some_and(|seq| seq >= event.seq)
        {
            return Err(damaged(path, format!("event {position} goes back in its stream")));
        }
        (rows, before) = (rows + 1, Some(position));
    }
    Ok(Checked { first, through, rows })
}

/// Copies a file into the directory under a temporary name, if its bytes have the hash.
pub(super) fn copy_verified(
    source: &Path,
    dir: &Path,
    hash: ContentHash,
) -> Result<PathBuf, EventStoreError> {
    let copy = disk::temporary_beside(&dir.join("adopted"))?;
    fs::copy(source, &copy)?;
    // The source may be read-only; the copy must be writable to be synced and renamed as ours.
    fs::set_permissions(&copy, Permissions::from_mode(0o644))?;
    File::options().write(true).open(&copy)?.sync_all()?;
    match verify_hash(&copy, hash) {
        Ok(()) => Ok(copy),
        Err(failure) => {
            fs::remove_file(&copy)?;
            Err(failure)
        }
    }
}

pub(super) fn verify_hash(path: &Path, hash: ContentHash) -> Result<(), EventStoreError> {
    let found: ContentHash = blake3::Hasher::new().update_reader(File::open(path)?)?.finalize().into();
    if found == hash { Ok(()) } else { Err(damaged(path, format!("its hash is {found}, not {hash}"))) }
}

/// Creates the tables in one transaction, unless they are there.
fn create_schema(connection: &Connection, first: u64) -> Result<(), rusqlite::Error> {
    let version = |tx: &Connection| tx.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0));
    if version(connection)? != 0 {
        return Ok(());
    }
    let tx = connection.unchecked_transaction()?;
    tx.execute_batch(SCHEMA)?;
    let through = first - 1;
    let header = params![first as i64, through as i64, header_crc(first, through, None)];
    tx.execute("INSERT INTO file (one, first, through, crc) VALUES (1, ?1, ?2, ?3)", header)?;
    tx.pragma_update(None, "application_id", APPLICATION_ID)?;
    tx.pragma_update(None, "user_version", NAMELESS)?;
    tx.commit()
}

/// What a file says of itself.
struct Header {
    /// First and last covered log index.
    first: u64,
    through: u64,
    /// Whose history it is.
    owner: Option<String>,
}

fn read_header(path: &Path, connection: &Connection) -> Result<Header, EventStoreError> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let version = pragma("user_version").map_err(in_file(path))?;
    if pragma("application_id").map_err(in_file(path))? != APPLICATION_ID
        || !(NAMELESS..=FORMAT).contains(&version)
    {
        return Err(damaged(path, format!("it is not an event file of format {FORMAT} or earlier")));
    }
    let unreadable = |failure: rusqlite::Error| damaged(path, format!("its header is unreadable: {failure}"));
    let columns =
        |row: &Row<'_>| Ok((row.get::<_, i64>(0)? as u64, row.get::<_, i64>(1)? as u64, row.get(2)?));
    let (first, through, crc): (u64, u64, i64) =
        connection.query_row("SELECT first, through, crc FROM file", [], columns).map_err(unreadable)?;
    let owner: Option<String> = match version {
        NAMELESS => None,
        _ => Some(connection.query_row("SELECT name FROM owner", [], |row| row.get(0)).map_err(unreadable)?),
    };
    if crc != i64::from(header_crc(first, through, owner.as_deref())) {
        return Err(damaged(path, "its header fails its checksum"));
    }
    Ok(Header { first, through, owner })
}

fn last_index(connection: &Connection) -> Result<Option<u64>, rusqlite::Error> {
    connection.query_row("SELECT max(idx) FROM events", [], |row| {
        Ok(row.get::<_, Option<i64>>(0)?.map(|i| i as u64))
    })
}

/// A page that strayed in from another history fails it.
fn header_crc(first: u64, through: u64, owner: Option<&str>) -> u32 {
    let numbers = crc32c::crc32c_append(crc32c::crc32c(&first.to_le_bytes()), &through.to_le_bytes());
    owner.map_or(numbers, |owner| crc32c::crc32c_append(numbers, owner.as_bytes()))
}

/// Covers all of the row; the stream's length keeps stream and body apart.
fn row_crc(row: &EventRow) -> u32 {
    let mut head = [0; 28];
    head[..8].copy_from_slice(&row.position.index.to_le_bytes());
    head[8..12].copy_from_slice(&row.position.n.to_le_bytes());
    head[12..20].copy_from_slice(&row.seq.to_le_bytes());
    head[20..].copy_from_slice(&(row.stream.len() as u64).to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head), &row.stream);
    crc32c::crc32c_append(crc, &row.body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_commit_of_the_open_file_waits_for_the_disk() {
        let dir = tempfile::tempdir().unwrap();
        let open = OpenFile::open(dir.path(), 1).unwrap();
        let pragma = |name| open.connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!(pragma("synchronous").unwrap(), 2);
        let mode: String =
            open.connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
