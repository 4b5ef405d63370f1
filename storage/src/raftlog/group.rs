//! One group's view of the log: its recent rows in memory, the rest in the database.
//!
//! Memory is ahead of the database: it changes when a call returns, the file when the writer gets
//! to it. Two rules keep reads right in between. A read is clamped to the rows memory knows, so that
//! rows truncated or purged but still in the file are never seen. A row leaves the cache only once
//! the writer confirmed *that* row: truncating starts a new epoch, confirmations of an older epoch
//! no longer count, and what was confirmed above the cut is taken back.

use super::database::GroupHead;
use super::writer::Op;
use super::{Damage, Done, GroupState, INDEX_MAX, LogRow, Mark, RaftLogError, Shared};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Bytes of rows in memory after opening: nearly all of them were applied long ago.
const RESTORED_BYTES_MAX: usize = 1 << 20;

pub(super) struct GroupMemory {
    pub group: u16,
    cache_bytes_max: usize,
    rows: Mutex<Rows>,
}

/// Invariant: `cache` is the contiguous tail of the log, ending at `next - 1`; rows below it are in
/// the database and were confirmed in this epoch.
#[derive(Default)]
struct Rows {
    first: u64,
    next: u64,
    purged: Option<Mark>,
    last: Option<Mark>,
    vote: Option<Bytes>,
    committed: Option<Bytes>,
    cache: VecDeque<LogRow>,
    cache_bytes: usize,
    epoch: u64,
    confirmed_next: u64,
}

impl Rows {
    fn cache_first(&self) -> u64 {
        self.cache.front().map_or(self.next, |row| row.index)
    }

    fn push(&mut self, row: LogRow) {
        self.next = row.index + 1;
        self.cache_bytes += row.size();
        self.last = Some(Mark { index: row.index, term: row.term.clone() });
        self.cache.push_back(row);
    }

    fn evict(&mut self, bytes_max: usize) {
        while self.cache_bytes > bytes_max {
            match self.cache.front() {
                Some(row) if row.index < self.confirmed_next => self.drop_front(),
                _ => return,
            }
        }
    }

    fn drop_front(&mut self) {
        if let Some(row) = self.cache.pop_front() {
            self.cache_bytes -= row.size();
        }
    }

    fn drop_back(&mut self) {
        if let Some(row) = self.cache.pop_back() {
            self.cache_bytes -= row.size();
        }
    }
}

impl GroupMemory {
    pub(super) fn empty(group: u16, cache_bytes_max: usize) -> GroupMemory {
        GroupMemory { group, cache_bytes_max, rows: Mutex::default() }
    }

    /// Takes over what the database held at open; the caller then feeds the rows in order.
    pub(super) fn restore(group: u16, cache_bytes_max: usize, head: &GroupHead) -> GroupMemory {
        let rows = Rows {
            first: head.first,
            next: head.first,
            confirmed_next: head.first,
            purged: head.purged.clone(),
            last: head.purged.clone(),
            vote: head.vote.clone(),
            committed: head.committed.clone(),
            ..Rows::default()
        };
        GroupMemory { group, cache_bytes_max, rows: Mutex::new(rows) }
    }

    pub(super) fn restore_row(&self, row: LogRow) {
        let mut rows = self.rows.lock();
        rows.confirmed_next = row.index + 1;
        rows.push(row);
        rows.evict(self.cache_bytes_max.min(RESTORED_BYTES_MAX));
    }

    pub(super) fn first(&self) -> u64 {
        self.rows.lock().first
    }

    /// The writer has rows up to `next` of `epoch` on disk.
    pub(super) fn confirm(&self, epoch: u64, next: u64) {
        let mut rows = self.rows.lock();
        if rows.epoch == epoch {
            rows.confirmed_next = rows.confirmed_next.max(next);
            rows.evict(self.cache_bytes_max);
        }
    }
}

/// A handle on one group's log. One caller at a time writes; any number read.
#[derive(Clone)]
pub struct GroupLog {
    shared: Arc<Shared>,
    memory: Arc<GroupMemory>,
}

impl GroupLog {
    pub(super) fn new(shared: Arc<Shared>, memory: Arc<GroupMemory>) -> GroupLog {
        GroupLog { shared, memory }
    }

    pub fn state(&self) -> GroupState {
        let rows = self.memory.rows.lock();
        GroupState {
            purged: rows.purged.clone(),
            last: rows.last.clone(),
            vote: rows.vote.clone(),
            committed: rows.committed.clone(),
        }
    }

    /// Whether a write called now would wait for the writer. Callers on an async runtime hand the
    /// call to a blocking thread then.
    pub fn is_full(&self) -> bool {
        self.shared.queue.is_full()
    }

    /// Adds rows that follow the last one; `done` runs when they are on disk.
    ///
    /// # Errors
    /// [`RaftLogError::NotConsecutive`] if they would leave a hole; nothing is changed then.
    pub fn append(&self, rows: Vec<LogRow>, done: Done) -> Result<(), RaftLogError> {
        let epoch = {
            let mut memory = self.memory.rows.lock();
            self.check_consecutive(&memory, &rows)?;
            if memory.last.is_none()
                && let Some(row) = rows.first()
            {
                memory.first = row.index;
                memory.confirmed_next = row.index;
            }
            rows.iter().for_each(|row| memory.push(row.clone()));
            memory.evict(self.memory.cache_bytes_max);
            memory.epoch
        };
        self.send(Op::Append { memory: Arc::clone(&self.memory), epoch, rows, done })
    }

    fn check_consecutive(&self, memory: &Rows, rows: &[LogRow]) -> Result<(), RaftLogError> {
        let start = rows.first().map_or(0, |row| row.index);
        let start = if memory.last.is_none() { start } else { memory.next };
        for (expected, row) in (start..).zip(rows) {
            if row.index != expected {
                return Err(RaftLogError::NotConsecutive {
                    group: self.memory.group,
                    expected,
                    offered: row.index,
                });
            }
            if row.index >= INDEX_MAX {
                return Err(RaftLogError::IndexTooLarge { index: row.index });
            }
        }
        Ok(())
    }

    /// Removes every row after `keep`, or all rows. A mark past the end changes nothing.
    pub fn truncate_after(&self, keep: Option<Mark>) -> Result<(), RaftLogError> {
        let from = {
            let mut rows = self.memory.rows.lock();
            let from = keep.as_ref().map_or(0, |mark| mark.index + 1).max(rows.first);
            if from >= rows.next {
                return Ok(());
            }
            while rows.next > from && !rows.cache.is_empty() {
                rows.drop_back();
                rows.next -= 1;
            }
            rows.next = from;
            rows.last = if from == rows.first { rows.purged.clone() } else { keep };
            rows.epoch += 1;
            rows.confirmed_next = rows.confirmed_next.min(from);
            from
        };
        self.send(Op::Truncate { group: self.memory.group, from })
    }

    /// Forgets every row up to and including `through`, which may lie past the end. The rows leave
    /// the file in small steps between later writes.
    pub fn purge(&self, through: Mark) -> Result<(), RaftLogError> {
        {
            let mut rows = self.memory.rows.lock();
            if rows.purged.as_ref().is_some_and(|purged| purged.index >= through.index) {
                return Ok(());
            }
            while rows.cache.front().is_some_and(|row| row.index <= through.index) {
                rows.drop_front();
            }
            rows.first = through.index + 1;
            if rows.next < rows.first {
                rows.next = rows.first;
            }
            if rows.next == rows.first {
                rows.last = Some(through.clone());
            }
            rows.confirmed_next = rows.confirmed_next.max(rows.first);
            rows.purged = Some(through.clone());
        }
        self.send(Op::Purge { group: self.memory.group, through })
    }

    /// Replaces the vote; `done` runs when it is on disk.
    pub fn save_vote(&self, vote: Bytes, done: Done) -> Result<(), RaftLogError> {
        self.memory.rows.lock().vote = Some(vote.clone());
        self.send(Op::Vote { group: self.memory.group, vote, done })
    }

    /// Remembers how far the group is committed. Costs no commit of its own: it is written with
    /// whatever is written next, and never before rows appended earlier.
    pub fn save_committed(&self, committed: Bytes) -> Result<(), RaftLogError> {
        self.memory.rows.lock().committed = Some(committed.clone());
        self.send(Op::Committed { group: self.memory.group, committed })
    }

    /// Runs `done` when everything written before is on disk.
    pub fn when_on_disk(&self, done: Done) -> Result<(), RaftLogError> {
        self.send(Op::Flush { done })
    }

    /// Rows with `from <= index < until` that exist, ascending; stops after `bytes_max` bytes, but
    /// gives at least one. Reads the disk for rows no longer cached.
    ///
    /// # Errors
    /// [`RaftLogError::LogDamaged`] if a row that must exist is missing or fails its checksum.
    pub fn read(&self, from: u64, until: u64, bytes_max: usize) -> Result<Vec<LogRow>, RaftLogError> {
        loop {
            let plan = self.plan(from, until, bytes_max);
            if let Some(rows) = self.fetch(plan, bytes_max)? {
                return Ok(rows);
            }
        }
    }

    /// Adds what is on disk to a plan; `None` if rows were truncated or purged since it was made,
    /// because memory and disk may then show two different moments.
    pub(super) fn fetch(
        &self,
        plan: ReadPlan,
        bytes_max: usize,
    ) -> Result<Option<Vec<LogRow>>, RaftLogError> {
        let ReadPlan { stored, cached, epoch } = plan;
        if stored.is_empty() {
            return Ok(Some(cached));
        }
        let mut rows = self.stored_rows(stored.clone(), bytes_max)?;
        if self.changed_since(epoch, stored.start) {
            return Ok(None);
        }
        let next = rows.last().map_or(stored.start, |row| row.index + 1);
        let size: usize = rows.iter().map(LogRow::size).sum();
        if next == stored.end {
            extend_within(&mut rows, cached, bytes_max.saturating_sub(size));
        } else if size < bytes_max || rows.is_empty() {
            return Err(Damage::Gap { group: self.memory.group, index: next }.into());
        }
        Ok(Some(rows))
    }

    fn stored_rows(
        &self,
        range: std::ops::Range<u64>,
        bytes_max: usize,
    ) -> Result<Vec<LogRow>, RaftLogError> {
        let reader = self.shared.reader.lock();
        reader.as_ref().ok_or(RaftLogError::Stopped)?.rows(self.memory.group, range, bytes_max)
    }

    /// Bytes of the bodies of rows with `from <= index < until` that are on disk.
    pub fn bytes_between(&self, from: u64, until: u64) -> Result<u64, RaftLogError> {
        let reader = self.shared.reader.lock();
        reader.as_ref().ok_or(RaftLogError::Stopped)?.bytes_between(self.memory.group, from, until)
    }

    /// Whether [`GroupLog::read`] would answer from memory alone.
    pub fn is_cached(&self, from: u64) -> bool {
        let rows = self.memory.rows.lock();
        from.max(rows.first) >= rows.cache_first()
    }

    /// What memory knows about a range: which rows it lacks, and those it has.
    pub(super) fn plan(&self, from: u64, until: u64, bytes_max: usize) -> ReadPlan {
        let rows = self.memory.rows.lock();
        let from = from.max(rows.first);
        let until = until.min(rows.next).max(from);
        let cache_first = rows.cache_first();
        let cached_from = cache_first.clamp(from, until);
        let stored = from..cached_from;
        let skip = cached_from.saturating_sub(cache_first) as usize;
        let tail = rows.cache.iter().skip(skip).take((until - cached_from) as usize).cloned();
        let mut cached = Vec::new();
        if stored.is_empty() {
            extend_at_least_one(&mut cached, tail, bytes_max);
        } else {
            extend_within(&mut cached, tail, bytes_max);
        }
        ReadPlan { stored, cached, epoch: rows.epoch }
    }

    fn changed_since(&self, epoch: u64, from: u64) -> bool {
        let rows = self.memory.rows.lock();
        rows.epoch != epoch || rows.first > from
    }

    fn send(&self, op: Op) -> Result<(), RaftLogError> {
        self.shared.queue.send(op).map_err(|_| RaftLogError::Stopped)
    }
}

pub(super) struct ReadPlan {
    stored: std::ops::Range<u64>,
    cached: Vec<LogRow>,
    epoch: u64,
}

fn extend_at_least_one(out: &mut Vec<LogRow>, rows: impl Iterator<Item = LogRow>, bytes_max: usize) {
    let mut size = 0;
    for row in rows {
        size += row.size();
        if size > bytes_max && !out.is_empty() {
            return;
        }
        out.push(row);
    }
}

fn extend_within(out: &mut Vec<LogRow>, rows: impl IntoIterator<Item = LogRow>, bytes_max: usize) {
    let mut size = 0;
    for row in rows {
        size += row.size();
        if size > bytes_max {
            return;
        }
        out.push(row);
    }
}
