//! The SQLite file: schema, checks at open, reads.
//!
//! `log` holds the rows, keyed by group and index. `file` holds three values: a random id, the
//! owner's identity, and the head. The head is rewritten whole in every transaction and carries all
//! that is not a row: the commit number and, for each group, which rows it has, its vote, its purge
//! point and how far it is committed. One checksum over all of it means that none of these can go
//! missing alone: a vote kept as a row of its own could vanish by one flipped bit in its key.

use super::group::GroupMemory;
use super::side_file::{Confirmed, DatabaseId, SideFile};
use super::{Damage, INDEX_MAX, LogRow, Mark, RaftLogError};
use bytes::{Buf, BufMut, Bytes};
use ring::rand::{SecureRandom, SystemRandom};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

const NAME: &str = "raftlog.sqlite";
/// Bumped when the schema or an encoding in this file changes.
const FORMAT: i64 = 1;
const KEY_ID: &str = "id";
const KEY_IDENTITY: &str = "identity";
const KEY_HEAD: &str = "head";

/// All of a group but its rows, which are `first..next`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct GroupHead {
    pub first: u64,
    pub next: u64,
    pub purged: Option<Mark>,
    pub vote: Option<Bytes>,
    pub committed: Option<Bytes>,
}

#[derive(Clone, Debug)]
pub(super) struct Head {
    pub database: DatabaseId,
    pub commit: u64,
    pub groups: BTreeMap<u16, GroupHead>,
}

pub(super) struct Database {
    pub connection: Connection,
}

impl Database {
    pub(super) fn open(dir: &Path) -> Result<Database, RaftLogError> {
        let connection = Connection::open(dir.join(NAME))?;
        connection.busy_timeout(std::time::Duration::from_secs(5))?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA cache_size = -8192;
             PRAGMA temp_store = MEMORY;",
        )?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(Database { connection })
    }

    /// Creates the schema of a new file or checks an old one against the commit number.
    pub(super) fn prepare(
        &mut self,
        side_file: &mut SideFile,
        identity: &[u8],
    ) -> Result<Head, RaftLogError> {
        let confirmed = side_file.read()?;
        if self.is_new()? {
            if let Some(confirmed) = confirmed {
                return Err(Damage::Behind { database: 0, confirmed: confirmed.commit }.into());
            }
            self.create(identity)?;
        }
        let head = self.read_head()?;
        self.check_identity(identity)?;
        match confirmed {
            // Creation was interrupted between the two files: nothing was confirmed yet.
            None if head.commit == 0 => {}
            None => return Err(Damage::CommitNumberMissing.into()),
            Some(confirmed) if confirmed.database != head.database => {
                return Err(Damage::OtherDatabase.into());
            }
            Some(confirmed) if confirmed.commit > head.commit => {
                return Err(Damage::Behind { database: head.commit, confirmed: confirmed.commit }.into());
            }
            Some(_) => {}
        }
        side_file.write(Confirmed { database: head.database, commit: head.commit }, true)?;
        Ok(head)
    }

    fn is_new(&self) -> Result<bool, RaftLogError> {
        let found: i64 = self.connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        match found {
            0 => Ok(true),
            FORMAT => Ok(false),
            found => Err(RaftLogError::UnknownFormat { found, known: FORMAT }),
        }
    }

    fn create(&mut self, identity: &[u8]) -> Result<(), RaftLogError> {
        let mut database = DatabaseId::default();
        SystemRandom::new()
            .fill(&mut database)
            .map_err(|_| std::io::Error::other("the system gave no random bytes"))?;
        let head = Head { database, commit: 0, groups: BTreeMap::new() };
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(&format!(
            "CREATE TABLE log (
                 id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, term BLOB NOT NULL, body BLOB NOT NULL);
             CREATE TABLE file (
                 key TEXT PRIMARY KEY, crc INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
             PRAGMA user_version = {FORMAT};"
        ))?;
        put_value(&transaction, KEY_ID, &database)?;
        put_value(&transaction, KEY_IDENTITY, identity)?;
        put_head(&transaction, &head)?;
        transaction.commit()?;
        Ok(())
    }

    fn check_identity(&self, identity: &[u8]) -> Result<(), RaftLogError> {
        match self.value(KEY_IDENTITY)? {
            Some(stored) if stored == identity => Ok(()),
            Some(_) => Err(RaftLogError::OtherIdentity),
            None => Err(missing_value(KEY_IDENTITY)),
        }
    }

    fn read_head(&self) -> Result<Head, RaftLogError> {
        let id = self.value(KEY_ID)?.ok_or_else(|| missing_value(KEY_ID))?;
        let database = id.as_ref().try_into().map_err(|_| missing_value(KEY_ID))?;
        let head = self.value(KEY_HEAD)?.ok_or_else(|| missing_value(KEY_HEAD))?;
        decode_head(database, head).ok_or_else(|| missing_value(KEY_HEAD))
    }

    fn value(&self, key: &str) -> Result<Option<Bytes>, RaftLogError> {
        let found = self
            .connection
            .prepare_cached("SELECT crc, value FROM file WHERE key = ?1")?
            .query_row(params![key], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        match found {
            None => Ok(None),
            Some((crc, value)) if crc == value_crc(key, &value) => Ok(Some(value.into())),
            Some(_) => Err(missing_value(key)),
        }
    }

    /// Reads every row of every group, checks it, and fills the caches with the newest.
    pub(super) fn load_groups(
        &self,
        head: &Head,
        cache_bytes: usize,
    ) -> Result<BTreeMap<u16, Arc<GroupMemory>>, RaftLogError> {
        let mut groups = BTreeMap::new();
        for (group, group_head) in &head.groups {
            let memory = GroupMemory::restore(*group, cache_bytes, group_head);
            self.check_rows(*group, group_head, |row| memory.restore_row(row))?;
            groups.insert(*group, Arc::new(memory));
        }
        Ok(groups)
    }

    fn check_rows(
        &self,
        group: u16,
        head: &GroupHead,
        mut each: impl FnMut(LogRow),
    ) -> Result<(), RaftLogError> {
        let mut query = self
            .connection
            .prepare("SELECT id, crc, term, body FROM log WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
        let mut found = query.query(params![row_id(group, head.first), row_id(group, INDEX_MAX)])?;
        let mut expected = head.first;
        while let Some(row) = found.next()? {
            let row = checked_row(group, row)?;
            if row.index >= head.next {
                return Err(Damage::Surplus { group, index: row.index }.into());
            }
            if row.index != expected {
                return Err(Damage::Gap { group, index: expected }.into());
            }
            expected += 1;
            each(row);
        }
        if expected == head.next { Ok(()) } else { Err(Damage::Gap { group, index: expected }.into()) }
    }

    /// Rows of `range` in order, checked, until one is missing or `bytes_max` is reached.
    pub(super) fn rows(
        &self,
        group: u16,
        range: Range<u64>,
        bytes_max: usize,
    ) -> Result<Vec<LogRow>, RaftLogError> {
        let mut query = self
            .connection
            .prepare_cached("SELECT id, crc, term, body FROM log WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
        let mut found = query.query(params![row_id(group, range.start), row_id(group, range.end - 1)])?;
        let mut rows: Vec<LogRow> = Vec::new();
        let mut size = 0;
        while let Some(row) = found.next()? {
            let row = checked_row(group, row)?;
            if row.index != range.start + rows.len() as u64 {
                break;
            }
            size += row.size();
            rows.push(row);
            if size >= bytes_max {
                break;
            }
        }
        Ok(rows)
    }

    pub(super) fn bytes_between(&self, group: u16, from: u64, until: u64) -> Result<u64, RaftLogError> {
        let sql = "SELECT coalesce(sum(length(body)), 0) FROM log WHERE id >= ?1 AND id < ?2";
        let mut query = self.connection.prepare_cached(sql)?;
        let bytes: i64 =
            query.query_row(params![row_id(group, from), row_id(group, until)], |row| row.get(0))?;
        Ok(u64::try_from(bytes).unwrap_or(0))
    }

    /// The lowest index of a group's rows below `before`: left over from a purge.
    pub(super) fn first_leftover(&self, group: u16, before: u64) -> Result<Option<u64>, RaftLogError> {
        let mut query =
            self.connection.prepare_cached("SELECT min(id) FROM log WHERE id >= ?1 AND id < ?2")?;
        let id: Option<i64> =
            query.query_row(params![row_id(group, 0), row_id(group, before)], |row| row.get(0))?;
        Ok(id.map(index_of))
    }
}

pub(super) fn put_row(connection: &Connection, group: u16, row: &LogRow) -> rusqlite::Result<()> {
    let crc = row_crc(group, row.index, &row.term, &row.body);
    connection
        .prepare_cached("INSERT INTO log (id, crc, term, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![row_id(group, row.index), crc, &row.term[..], &row.body[..]])?;
    Ok(())
}

pub(super) fn delete_rows(connection: &Connection, group: u16, range: Range<u64>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM log WHERE id >= ?1 AND id < ?2")?
        .execute(params![row_id(group, range.start), row_id(group, range.end)])?;
    Ok(())
}

/// The end of a step of at most `rows_max` rows and about `bytes_max` bytes from `range.start`.
pub(super) fn step_end(
    connection: &Connection,
    group: u16,
    range: Range<u64>,
    rows_max: i64,
    bytes_max: i64,
) -> rusqlite::Result<u64> {
    let mut query = connection
        .prepare_cached("SELECT id, length(body) FROM log WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?3")?;
    let mut found = query.query(params![row_id(group, range.start), row_id(group, range.end), rows_max])?;
    let (mut seen, mut bytes) = (0, 0);
    while let Some(row) = found.next()? {
        let index = index_of(row.get(0)?);
        bytes += row.get::<_, i64>(1)?;
        seen += 1;
        if bytes >= bytes_max || seen == rows_max {
            return Ok(index + 1);
        }
    }
    Ok(range.end)
}

fn put_value(connection: &Connection, key: &str, value: &[u8]) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO file (key, crc, value) VALUES (?1, ?2, ?3)")?
        .execute(params![key, value_crc(key, value), value])?;
    Ok(())
}

pub(super) fn put_head(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    put_value(connection, KEY_HEAD, &encode_head(head))
}

fn encode_head(head: &Head) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + head.groups.len() * 128);
    out.put_u64(head.commit);
    for (number, group) in &head.groups {
        out.put_u16(*number);
        out.put_u64(group.first);
        out.put_u64(group.next);
        put_sized(&mut out, group.vote.as_deref());
        put_sized(&mut out, group.committed.as_deref());
        put_sized(&mut out, group.purged.as_ref().map(|mark| &mark.term[..]));
        out.put_u64(group.purged.as_ref().map_or(0, |mark| mark.index));
    }
    out
}

fn decode_head(database: DatabaseId, mut stored: Bytes) -> Option<Head> {
    let commit = stored.try_get_u64().ok()?;
    let mut groups = BTreeMap::new();
    while stored.has_remaining() {
        let number = stored.try_get_u16().ok()?;
        let (first, next) = (stored.try_get_u64().ok()?, stored.try_get_u64().ok()?);
        let vote = take_sized(&mut stored)?;
        let committed = take_sized(&mut stored)?;
        let term = take_sized(&mut stored)?;
        let index = stored.try_get_u64().ok()?;
        let purged = term.map(|term| Mark { index, term });
        groups.insert(number, GroupHead { first, next, purged, vote, committed });
    }
    Some(Head { database, commit, groups })
}

/// A length of all ones stands for nothing.
fn put_sized(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.put_u32(bytes.map_or(u32::MAX, |bytes| bytes.len() as u32));
    out.extend_from_slice(bytes.unwrap_or_default());
}

fn take_sized(stored: &mut Bytes) -> Option<Option<Bytes>> {
    let length = stored.try_get_u32().ok()?;
    if length == u32::MAX {
        return Some(None);
    }
    let length = length as usize;
    (stored.len() >= length).then(|| Some(stored.split_to(length)))
}

fn missing_value(key: &str) -> RaftLogError {
    Damage::Value { key: key.to_owned() }.into()
}

fn checked_row(group: u16, row: &Row<'_>) -> Result<LogRow, RaftLogError> {
    let index = index_of(row.get(0)?);
    let damaged = || RaftLogError::from(Damage::Row { group, index });
    // A damaged record header can change a column's type, hence the errors beside the checksum.
    let crc: u32 = row.get(1).map_err(|_| damaged())?;
    let term = row.get_ref(2)?.as_blob().map_err(|_| damaged())?;
    let body = row.get_ref(3)?.as_blob().map_err(|_| damaged())?;
    if crc != row_crc(group, index, term, body) {
        return Err(damaged());
    }
    Ok(LogRow { index, term: Bytes::copy_from_slice(term), body: Bytes::copy_from_slice(body) })
}

fn row_id(group: u16, index: u64) -> i64 {
    ((u64::from(group) << 48) | index.min(INDEX_MAX)) as i64
}

fn index_of(id: i64) -> u64 {
    id as u64 & INDEX_MAX
}

fn row_crc(group: u16, index: u64, term: &[u8], body: &[u8]) -> u32 {
    let mut prefix = [0; 11];
    prefix[..2].copy_from_slice(&group.to_be_bytes());
    prefix[2..10].copy_from_slice(&index.to_be_bytes());
    // The length keeps a byte from moving between term and body unnoticed.
    prefix[10] = term.len() as u8;
    let crc = crc32c::crc32c_append(crc32c::crc32c(&prefix), term);
    crc32c::crc32c_append(crc, body)
}

fn value_crc(key: &str, value: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(key.as_bytes()), value)
}
