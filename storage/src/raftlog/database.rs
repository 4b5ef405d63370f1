//! The SQLite file: schema, checks at open, reads.
//!
//! `log` holds the rows, keyed by group and index; `kv` holds small values per group (vote, purge
//! point, committed) and, under group -1, those of the file: its random id, its owner's identity and
//! the head. The head is rewritten in every transaction: commit number and extent of each group. It
//! is what tells a missing row at either end from one that never was.

use super::group::GroupMemory;
use super::side_file::{Confirmed, DatabaseId, SideFile};
use super::{Damage, GroupState, INDEX_MAX, LogRow, Mark, RaftLogError};
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
/// The group number under which values of the file itself stand.
const FILE: i64 = -1;
const KEY_ID: &str = "id";
const KEY_IDENTITY: &str = "identity";
const KEY_HEAD: &str = "head";
pub(super) const KEY_VOTE: &str = "vote";
pub(super) const KEY_PURGED: &str = "purged";
pub(super) const KEY_COMMITTED: &str = "committed";

/// The rows a group has, `first..next`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub first: u64,
    pub next: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Head {
    pub database: DatabaseId,
    pub commit: u64,
    pub extents: BTreeMap<u16, Extent>,
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
        let head = Head { database, commit: 0, extents: BTreeMap::new() };
        let transaction = self.connection.transaction()?;
        transaction.execute_batch(&format!(
            "CREATE TABLE log (
                 id INTEGER PRIMARY KEY, crc INTEGER NOT NULL, term BLOB NOT NULL, body BLOB NOT NULL);
             CREATE TABLE kv (
                 grp INTEGER NOT NULL, key TEXT NOT NULL, crc INTEGER NOT NULL, value BLOB NOT NULL,
                 PRIMARY KEY (grp, key)) WITHOUT ROWID;
             PRAGMA user_version = {FORMAT};"
        ))?;
        put_value(&transaction, FILE, KEY_ID, &database)?;
        put_value(&transaction, FILE, KEY_IDENTITY, identity)?;
        put_head(&transaction, &head)?;
        transaction.commit()?;
        Ok(())
    }

    fn check_identity(&self, identity: &[u8]) -> Result<(), RaftLogError> {
        match self.value(FILE, KEY_IDENTITY)? {
            Some(stored) if stored == identity => Ok(()),
            Some(_) => Err(RaftLogError::OtherIdentity),
            None => Err(missing_value(KEY_IDENTITY)),
        }
    }

    fn read_head(&self) -> Result<Head, RaftLogError> {
        let id = self.value(FILE, KEY_ID)?.ok_or_else(|| missing_value(KEY_ID))?;
        let database = id.as_ref().try_into().map_err(|_| missing_value(KEY_ID))?;
        let head = self.value(FILE, KEY_HEAD)?.ok_or_else(|| missing_value(KEY_HEAD))?;
        decode_head(database, head).ok_or_else(|| missing_value(KEY_HEAD))
    }

    fn value(&self, group: i64, key: &str) -> Result<Option<Bytes>, RaftLogError> {
        let found = self
            .connection
            .prepare_cached("SELECT crc, value FROM kv WHERE grp = ?1 AND key = ?2")?
            .query_row(params![group, key], |row| Ok((row.get::<_, u32>(0)?, row.get::<_, Vec<u8>>(1)?)))
            .optional()?;
        match found {
            None => Ok(None),
            Some((crc, value)) if crc == value_crc(group, key, &value) => Ok(Some(value.into())),
            Some(_) => Err(Damage::Value { group, key: key.to_owned() }.into()),
        }
    }

    /// Reads every row of every group, checks it, and fills the caches with the newest.
    pub(super) fn load_groups(
        &self,
        head: &Head,
        cache_bytes: usize,
    ) -> Result<BTreeMap<u16, Arc<GroupMemory>>, RaftLogError> {
        let mut groups = BTreeMap::new();
        for group in self.group_numbers(head)? {
            let memory = GroupMemory::empty(group, cache_bytes);
            let state = self.group_state(group)?;
            let purged_next = state.purged.as_ref().map_or(0, |mark| mark.index + 1);
            let extent = head.extents.get(&group).copied();
            let extent = extent.unwrap_or(Extent { first: purged_next, next: purged_next });
            memory.restore(state, extent.first);
            self.check_rows(group, extent, |row| memory.restore_row(row))?;
            groups.insert(group, Arc::new(memory));
        }
        Ok(groups)
    }

    fn group_numbers(&self, head: &Head) -> Result<Vec<u16>, RaftLogError> {
        let mut query = self.connection.prepare("SELECT DISTINCT grp FROM kv WHERE grp >= 0")?;
        let stored = query.query_map([], |row| row.get::<_, u16>(0))?;
        let mut groups: Vec<u16> = head.extents.keys().copied().collect();
        for group in stored {
            groups.push(group?);
        }
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }

    fn group_state(&self, group: u16) -> Result<GroupState, RaftLogError> {
        let value = |key| self.value(i64::from(group), key);
        let purged = match value(KEY_PURGED)? {
            Some(stored) => Some(decode_mark(stored).ok_or_else(|| missing_value(KEY_PURGED))?),
            None => None,
        };
        Ok(GroupState {
            last: purged.clone(),
            purged,
            vote: value(KEY_VOTE)?,
            committed: value(KEY_COMMITTED)?,
        })
    }

    fn check_rows(
        &self,
        group: u16,
        extent: Extent,
        mut each: impl FnMut(LogRow),
    ) -> Result<(), RaftLogError> {
        let mut query = self
            .connection
            .prepare("SELECT id, crc, term, body FROM log WHERE id BETWEEN ?1 AND ?2 ORDER BY id")?;
        let mut found = query.query(params![row_id(group, extent.first), row_id(group, INDEX_MAX)])?;
        let mut expected = extent.first;
        while let Some(row) = found.next()? {
            let row = checked_row(group, row)?;
            if row.index >= extent.next {
                return Err(Damage::Surplus { group, index: row.index }.into());
            }
            if row.index != expected {
                return Err(Damage::Gap { group, index: expected }.into());
            }
            expected += 1;
            each(row);
        }
        if expected == extent.next { Ok(()) } else { Err(Damage::Gap { group, index: expected }.into()) }
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

pub(super) fn put_value(
    connection: &Connection,
    group: i64,
    key: &str,
    value: &[u8],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR REPLACE INTO kv (grp, key, crc, value) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![group, key, value_crc(group, key, value), value])?;
    Ok(())
}

pub(super) fn put_head(connection: &Connection, head: &Head) -> rusqlite::Result<()> {
    put_value(connection, FILE, KEY_HEAD, &encode_head(head))
}

pub(super) fn put_mark(connection: &Connection, group: u16, mark: &Mark) -> rusqlite::Result<()> {
    let mut value = mark.index.to_be_bytes().to_vec();
    value.extend_from_slice(&mark.term);
    put_value(connection, i64::from(group), KEY_PURGED, &value)
}

fn decode_mark(mut stored: Bytes) -> Option<Mark> {
    (stored.len() >= 8).then(|| Mark { index: stored.get_u64(), term: stored })
}

fn encode_head(head: &Head) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + head.extents.len() * 18);
    out.put_u64(head.commit);
    for (group, extent) in &head.extents {
        out.put_u16(*group);
        out.put_u64(extent.first);
        out.put_u64(extent.next);
    }
    out
}

fn decode_head(database: DatabaseId, mut stored: Bytes) -> Option<Head> {
    if stored.len() < 8 || !(stored.len() - 8).is_multiple_of(18) {
        return None;
    }
    let commit = stored.get_u64();
    let mut extents = BTreeMap::new();
    while stored.has_remaining() {
        let group = stored.get_u16();
        let extent = Extent { first: stored.get_u64(), next: stored.get_u64() };
        extents.insert(group, extent);
    }
    Some(Head { database, commit, extents })
}

fn missing_value(key: &str) -> RaftLogError {
    Damage::Value { group: FILE, key: key.to_owned() }.into()
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

fn value_crc(group: i64, key: &str, value: &[u8]) -> u32 {
    let crc = crc32c::crc32c(&group.to_be_bytes());
    crc32c::crc32c_append(crc32c::crc32c_append(crc, key.as_bytes()), value)
}
