//! One group's rows on this node: the replicated state, and beside it what only this node needs.
//!
//! Keys of the replicated state begin with a tenant id, whose first byte is a time's highest and never
//! `0xff`. Keys that begin with `0xff` are this node's own: the applied position with the rolling state
//! hash, and the outbox of events that wait to be moved into the event store, many in one row. They stand
//! in the same engine because they must change in the same batch.
//!
//! A snapshot is installed into an engine beside the current one, which is then switched to, so that readers
//! see the old rows or the new ones and a crash in between leaves the old ones.

mod groups;
mod outbox;
mod shelf;

pub use groups::{FIRST_REGIONAL, GROUPS, GroupKey, group_id, group_name, shard_of};
pub(crate) use outbox::is_outbox_key;
pub use shelf::{Rows, Shelf, Store};

use crate::bell::Bell;
use crate::memo::Memo;
use arc_swap::ArcSwap;
use bytes::Bytes;
use gearify_commerce::{GroupKind, command};
use gearify_storage::failpoint::{self, Failpoint};
use gearify_storage::frozen::Frozen;
use gearify_storage::planted::{self, Bug};
use gearify_storage::{
    Batch, Engine, EventPosition, Reader, Row, SetAside, SledOptions, StorageError, decode, encode,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use shelf::Directory;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::watch;

/// First byte of every key that is not replicated state.
pub const LOCAL: u8 = 0xff;
const APPLIED_KEY: [u8; 2] = [LOCAL, 0];
/// The last entry whose events were taken out of the outbox: the event store had them on disk.
const CLEARED_KEY: [u8; 2] = [LOCAL, 3];
/// Outbox rows taken back in one commit.
const OUTBOX_CLEAR_MAX: usize = 512;

/// How far a group's state has come, written in the batch that brought it there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedRow {
    /// Index of the last entry; 0 before the first.
    pub index: u64,
    /// Replication's own account of it, as `Applied::encode` gave it.
    pub account: Vec<u8>,
    /// Chained over the changes of every entry: equal on every node at the same position.
    pub state_hash: [u8; 32],
}
gearify_storage::first_version!(AppliedRow);

/// Reads and, for its machine alone, writes of one group's rows.
pub struct GroupState {
    key: GroupKey,
    shelf: Box<dyn Shelf>,
    engine: ArcSwap<Frozen<Rows>>,
    applied: watch::Sender<u64>,
    /// The same, for whoever only looks: every request does, several times.
    applied_index: AtomicU64,
    bell: Bell,
    memo: Memo,
    settled: Settled,
    /// Outbox rows written by this process and still there, oldest first.
    outbox: Mutex<VecDeque<(u64, Vec<u8>)>>,
    /// The event store has everything up to this entry on disk.
    stored: AtomicU64,
    /// Held by whoever fills the next directory.
    pub(crate) next: Mutex<()>,
    /// A snapshot is to be installed, or the node stops: whoever else holds `next` gives up.
    pub(crate) is_wanted: AtomicBool,
}

/// Rows that are read far more often than written: answers about them are kept until one changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Settled {
    All,
    /// Those of [`command::is_settled_key`].
    SomeTables,
}

impl Settled {
    fn holds(self, key: &[u8]) -> bool {
        self == Settled::All || command::is_settled_key(key)
    }

    fn holds_all(self, from: &[u8], until: &[u8]) -> bool {
        self == Settled::All || command::is_settled_range(from, until)
    }
}

/// Events on their way into the event store.
#[derive(Debug, Default)]
pub struct Waiting {
    pub events: Vec<(EventPosition, Bytes)>,
    /// `false`: there are more behind them.
    pub is_all: bool,
}

impl GroupState {
    /// Opens the group's rows below `dir`, or an empty set of them where they are damaged.
    ///
    /// # Errors
    /// Whatever an empty directory would meet just the same: no permission, a full disk, a second user.
    pub fn open(
        group: impl Into<GroupKey>,
        dir: &Path,
        options: SledOptions,
    ) -> Result<(Arc<GroupState>, Option<SetAside>), StorageError> {
        let key = group.into();
        let (rows, shelf, set_aside) = Directory::open(key, dir, options)?;
        Ok((GroupState::over(key, rows, Box::new(shelf))?, set_aside))
    }

    /// The rows in an engine that is open already.
    ///
    /// # Errors
    /// The applied position can't be read.
    pub fn over(
        group: impl Into<GroupKey>,
        engine: Rows,
        shelf: Box<dyn Shelf>,
    ) -> Result<Arc<GroupState>, StorageError> {
        let key = group.into();
        let applied = read_applied(&engine)?.index;
        let settled = match key.kind() {
            GroupKind::Region => Settled::SomeTables,
            GroupKind::World | GroupKind::Catalogue => Settled::All,
        };
        let state = GroupState {
            key,
            shelf,
            engine: ArcSwap::from_pointee(Frozen::new(engine)),
            applied: watch::Sender::new(applied),
            applied_index: AtomicU64::new(applied),
            bell: Bell::default(),
            memo: Memo::default(),
            settled,
            outbox: Mutex::default(),
            stored: AtomicU64::new(0),
            next: Mutex::default(),
            is_wanted: AtomicBool::new(false),
        };
        Ok(Arc::new(state))
    }

    /// As [`GroupState::open`], with nothing in it: the rows that are there are set aside, to be made again
    /// from snapshot and log together with the events that came of them. Nobody may have them open.
    pub fn open_anew(
        group: impl Into<GroupKey>,
        dir: &Path,
        options: SledOptions,
    ) -> Result<Arc<GroupState>, StorageError> {
        shelf::turn_page(dir)?;
        Ok(GroupState::open(group, dir, options)?.0)
    }

    pub fn key(&self) -> GroupKey {
        self.key
    }

    pub fn kind(&self) -> GroupKind {
        self.key.kind()
    }

    /// The group's name in directories, logs and metrics.
    pub fn name(&self) -> &'static str {
        group_name(self.key)
    }

    /// The last entry whose events are in the event store alone; 0 if there is none.
    pub fn cleared(&self) -> Result<u64, StorageError> {
        let Some(row) = self.engine.load().get(&CLEARED_KEY)? else { return Ok(0) };
        let damaged = |_| StorageError::Damaged("how far the outbox was cleared is not a number".into());
        row.as_ref().try_into().map(u64::from_be_bytes).map_err(damaged)
    }

    /// Rows as the machine has left them. An engine that was replaced stays readable until its last
    /// reader is gone.
    pub fn engine(&self) -> Arc<Frozen<Rows>> {
        self.engine.load_full()
    }

    pub fn applied(&self) -> Result<AppliedRow, StorageError> {
        read_applied(&**self.engine.load())
    }

    /// The index of the last applied entry, and every later one.
    pub fn watch_applied(&self) -> watch::Receiver<u64> {
        self.applied.subscribe()
    }

    /// Rings after every commit, for threads.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    pub fn applied_index(&self) -> u64 {
        self.applied_index.load(Ordering::Acquire)
    }

    /// Commits what entries changed and the events they made, together with how far they came. Outbox
    /// rows that the event store has by now go in the same batch: a commit costs more than a delete.
    pub(crate) fn commit(
        &self,
        mut batch: Batch,
        events: impl IntoIterator<Item = (EventPosition, Vec<u8>)>,
        applied: &AppliedRow,
    ) -> Result<(), StorageError> {
        if planted::is(Bug::PositionBeforeEffect) {
            let mut position = Batch::new();
            position.put(APPLIED_KEY, encode(applied));
            self.engine.load().commit(position)?;
        }
        batch.put(APPLIED_KEY, encode(applied));
        let mut outbox = self.outbox.lock();
        let stored = match planted::is(Bug::OutboxClearedEarly) {
            true => applied.index,
            false => self.stored.load(Ordering::Acquire),
        };
        let cleared = outbox.iter().take(OUTBOX_CLEAR_MAX).take_while(|(index, _)| *index <= stored).count();
        outbox.iter().take(cleared).for_each(|(_, key)| batch.delete(key.clone()));
        if let Some((index, _)) = cleared.checked_sub(1).and_then(|last| outbox.get(last)) {
            batch.put(CLEARED_KEY, index.to_be_bytes());
        }
        let rows = outbox::rows(events);
        let keys: Vec<(u64, Vec<u8>)> =
            rows.iter().map(|(position, _)| (position.index, outbox::key(*position))).collect();
        rows.into_iter().for_each(|(position, row)| batch.put(outbox::key(position), row));
        let unsettles = batch.iter().any(|(key, _)| self.settled.holds(key));
        failpoint::reach(Failpoint::StateUnwritten);
        self.engine.load().commit(batch)?;
        failpoint::reach(Failpoint::StateWritten);
        outbox.drain(..cleared);
        outbox.extend(keys);
        drop(outbox);
        if unsettles {
            self.memo.forget();
        }
        self.tell(applied.index);
        Ok(())
    }

    fn tell(&self, applied: u64) {
        self.applied_index.store(applied, Ordering::Release);
        self.applied.send_replace(applied);
        self.bell.ring();
    }

    /// Where its directories are.
    pub(crate) fn dir(&self) -> &Path {
        self.shelf.dir()
    }

    /// An empty engine in the next directory, which counts for nothing until it is switched to.
    pub(crate) fn next_engine(&self) -> Result<Rows, StorageError> {
        self.shelf.fresh()
    }

    /// Puts an engine with the same rows in the place of the current one, once `finish` says so; commits wait
    /// meanwhile. Answers the directory that is no longer used.
    pub(crate) fn switch_to(
        &self,
        next: Rows,
        finish: impl FnOnce(&Rows) -> Result<bool, StorageError>,
    ) -> Result<Option<PathBuf>, StorageError> {
        let outbox = self.outbox.lock();
        if !finish(&next)? {
            return Ok(None);
        }
        next.flush()?;
        let old = self.shelf.keep()?;
        self.engine.store(Arc::new(Frozen::new(next)));
        drop(outbox);
        self.memo.forget();
        Ok(old)
    }

    /// Fills a fresh engine by `fill` and puts it, at `applied`, in the place of the current one.
    pub(crate) fn replace(
        &self,
        applied: &AppliedRow,
        fill: impl FnOnce(&Rows) -> Result<(), StorageError>,
    ) -> Result<(), StorageError> {
        self.is_wanted.store(true, Ordering::SeqCst);
        let _next = self.next.lock();
        self.is_wanted.store(false, Ordering::SeqCst);
        let engine = self.next_engine()?;
        fill(&engine)?;
        let mut batch = Batch::new();
        batch.put(APPLIED_KEY, encode(applied));
        engine.commit(batch)?;
        engine.flush()?;
        self.shelf.keep()?;
        let mut outbox = self.outbox.lock();
        self.engine.store(Arc::new(Frozen::new(engine)));
        // What came with the snapshot is cleared by scanning, at the next start.
        outbox.clear();
        drop(outbox);
        self.memo.forget();
        self.tell(applied.index);
        // Its files stay until the next start: readers may still hold the old engine.
        Ok(())
    }

    /// Events of the entry `from` and later ones that wait for the event store, oldest first, of at most
    /// `limit` rows.
    pub fn outbox(&self, from: u64, limit: usize) -> Result<Waiting, StorageError> {
        let from = outbox::key(EventPosition::new(from, 0));
        let rows = self.engine.load().scan(&from, &outbox::end(), limit)?;
        let mut waiting = Waiting { events: Vec::new(), is_all: rows.len() < limit };
        for (key, row) in rows {
            outbox::open(outbox::at(&key)?, row, &mut waiting.events)?;
        }
        Ok(waiting)
    }

    /// The event store has everything up to and with `through` on disk: its rows may go, with the next
    /// commit.
    pub fn events_are_stored(&self, through: u64) {
        self.stored.fetch_max(through, Ordering::AcqRel);
    }

    /// Removes rows of entries up to and with `through` that an earlier process left behind; at most
    /// `limit` of them.
    pub fn clear_outbox(&self, through: u64, limit: usize) -> Result<usize, StorageError> {
        // Commits wait for the outbox, so that none goes to an engine that is being replaced.
        let _commits = self.outbox.lock();
        let engine = self.engine.load();
        let past = outbox::key(EventPosition::new(through + 1, 0));
        let rows = engine.scan(&outbox::START, &past, limit)?;
        let mut batch = Batch::new();
        for (key, _) in &rows {
            batch.delete(key.as_ref());
        }
        if let Some((last, _)) = rows.last() {
            batch.put(CLEARED_KEY, outbox::at(last)?.index.to_be_bytes());
        }
        if !rows.is_empty() {
            engine.commit(batch)?;
        }
        Ok(rows.len())
    }
}

impl Reader for GroupState {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        let read = || self.engine.load().get(key);
        if self.settled.holds(key) { self.memo.get(key, read) } else { read() }
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        let read = || self.engine.load().scan(from, until, limit);
        if self.settled.holds_all(from, until) { self.memo.scan((from, until, limit), read) } else { read() }
    }

    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        self.engine.load().scan_back(from, until, limit)
    }
}

/// The applied row as it stands among `rows`; the default before the first entry.
pub(crate) fn read_applied(rows: &dyn Reader) -> Result<AppliedRow, StorageError> {
    match rows.get(&APPLIED_KEY)? {
        None => Ok(AppliedRow::default()),
        Some(row) => {
            decode(&row).map_err(|error| StorageError::Damaged(format!("the applied position: {error}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::shelf::{CURRENT, directories};
    use super::*;
    use gearify_commerce::cart::CARTS;
    use gearify_commerce::inventory::{LEVELS, WAREHOUSES};
    use gearify_commerce::scope::scope_prefix;
    use gearify_commerce::{Site, TenantId};
    use gearify_storage::table::prefix_end;
    use std::fs;

    fn open(dir: &Path) -> Arc<GroupState> {
        GroupState::open(GroupKind::Region, dir, SledOptions { cache_bytes: 1 << 20 }).unwrap().0
    }

    fn commit(state: &GroupState, index: u64, sizes: &[usize]) {
        let events = (0..).zip(sizes).map(|(n, size)| (EventPosition::new(index, n), vec![n as u8; *size]));
        state.commit(Batch::new(), events, &AppliedRow { index, ..AppliedRow::default() }).unwrap();
    }

    #[test]
    fn what_is_read_is_what_was_committed_last() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        let key =
            |tag: u8, row: u8| [&scope_prefix(TenantId::from_bits(7), Site::FIRST)[..], &[tag, row]].concat();
        // Warehouses hardly ever change; levels and carts do.
        let tables = [WAREHOUSES.tag(), LEVELS.tag(), CARTS.tag()];
        let end = key(u8::MAX, 0);
        for index in 1..20u64 {
            // Each table is left alone now and then, by others that change.
            let touched = tables.into_iter().filter(|tag| !(index + u64::from(*tag)).is_multiple_of(3));
            let mut batch = Batch::new();
            touched.for_each(|tag| batch.put(key(tag, (index % 2) as u8), index.to_be_bytes()));
            state.commit(batch, [], &AppliedRow { index, ..AppliedRow::default() }).unwrap();
            let engine = state.engine();
            for tag in tables {
                for row in 0..2 {
                    assert_eq!(state.get(&key(tag, row)).unwrap(), engine.get(&key(tag, row)).unwrap());
                }
                let from = key(tag, 0);
                let table = prefix_end(&from[..from.len() - 1]);
                for until in [&table, &end] {
                    let read = state.scan(&from, until, 9).unwrap();
                    assert_eq!(read, engine.scan(&from, until, 9).unwrap(), "{tag} at {index}");
                }
            }
        }
    }

    #[test]
    fn rows_that_cannot_be_found_are_made_again_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        commit(&state, 3, &[5]);
        drop(state);
        fs::write(dir.path().join(CURRENT), "one").unwrap();
        let state = open(dir.path());
        assert_eq!(state.applied_index(), 0, "everything is applied again");
        commit(&state, 1, &[5]);
        state.engine().engine().flush().unwrap();
        drop(state);
        assert_eq!(directories(dir.path()).unwrap(), [2]);
        assert_eq!(open(dir.path()).applied_index(), 1, "from now on that is the place");
    }

    #[test]
    fn events_come_out_of_the_outbox_as_they_went_in() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        commit(&state, 3, &[0, 5, 50_000, 7]);
        commit(&state, 4, &[]);
        commit(&state, 5, &[9]);
        let all = state.outbox(1, 100).unwrap();
        let seen: Vec<(u64, u32, usize)> =
            all.events.iter().map(|(at, body)| (at.index, at.n, body.len())).collect();
        assert_eq!(seen, [(3, 0, 0), (3, 1, 5), (3, 2, 50_000), (3, 3, 7), (5, 0, 9)]);
        assert!(all.is_all && all.events.iter().all(|(at, body)| body.iter().all(|b| u32::from(*b) == at.n)));
        assert!(!state.outbox(1, 1).unwrap().is_all);
        assert_eq!(state.outbox(4, 100).unwrap().events.len(), 1);
    }

    #[test]
    fn stored_events_leave_with_the_next_commit_and_those_of_an_earlier_process_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let state = open(dir.path());
        commit(&state, 1, &[3]);
        commit(&state, 2, &[3]);
        state.events_are_stored(1);
        assert_eq!(state.outbox(1, 100).unwrap().events.len(), 2);
        commit(&state, 3, &[3]);
        let left = state.outbox(1, 100).unwrap().events;
        assert_eq!(left.iter().map(|(at, _)| at.index).collect::<Vec<_>>(), [2, 3]);
        state.engine().engine().flush().unwrap();
        drop(state);
        let state = open(dir.path());
        assert_eq!(state.cleared().unwrap(), 1);
        assert_eq!(state.clear_outbox(2, 100).unwrap(), 1);
        assert_eq!(state.cleared().unwrap(), 2);
        assert_eq!(state.outbox(1, 100).unwrap().events.len(), 1);
    }
}
