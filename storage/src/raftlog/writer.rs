//! The one thread that writes the log: drains its queue, commits once, then runs the callbacks.

use super::database::{Database, GroupHead, Head, delete_rows, put_head, put_row, step_end};
use super::group::GroupMemory;
use super::side_file::{Confirmed, SideFile};
use super::{Done, LogRow, Mark, OnFatal, RaftLogError, RaftLogOptions};
use crate::failpoint::{self, Failpoint};
use bytes::Bytes;
use crossbeam_channel::{Receiver, TryRecvError};
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

/// Bytes of rows after which a transaction stops draining: bounds the WAL and the wait of the first
/// caller in it.
const TRANSACTION_BYTES_MAX: usize = 8 << 20;
/// A purge deletes in steps, so that an append never waits for a long delete.
const PURGE_STEP_ROWS: i64 = 1024;
const PURGE_STEP_BYTES: i64 = 4 << 20;

pub(super) enum Op {
    Append { memory: Arc<GroupMemory>, epoch: u64, rows: Vec<LogRow>, done: Done },
    Truncate { group: u16, from: u64 },
    Purge { group: u16, through: Mark },
    Vote { group: u16, vote: Bytes, done: Done },
    Committed { group: u16, committed: Bytes },
    Flush { done: Done },
    Stop,
}

pub(super) struct Writer {
    database: Database,
    side_file: SideFile,
    sync_commit_number: bool,
    head: Head,
    /// Values waiting for a transaction that has another reason to be.
    committed: BTreeMap<u16, Bytes>,
    /// Rows still in the file though purged: `start..end` per group.
    leftovers: BTreeMap<u16, std::ops::Range<u64>>,
    on_fatal: OnFatal,
    failed: Option<String>,
}

/// What one drain of the queue brought.
#[derive(Default)]
struct Drained {
    ops: Vec<Op>,
    stop: bool,
}

impl Writer {
    pub(super) fn new(
        database: Database,
        side_file: SideFile,
        head: Head,
        options: &RaftLogOptions,
        groups: &BTreeMap<u16, Arc<GroupMemory>>,
    ) -> Writer {
        let leftovers = groups.iter().map(|(group, memory)| (*group, 0..memory.first())).collect();
        Writer {
            database,
            side_file,
            sync_commit_number: options.sync_commit_number,
            head,
            committed: BTreeMap::new(),
            leftovers,
            on_fatal: Arc::clone(&options.on_fatal),
            failed: None,
        }
    }

    pub(super) fn run(mut self, queue: &Receiver<Op>) {
        self.skip_to_leftovers();
        loop {
            let Some(drained) = self.next(queue) else { return };
            let stop = drained.stop;
            let forced = stop || drained.ops.iter().any(|op| matches!(op, Op::Flush { .. }));
            self.write(drained.ops, forced);
            if stop {
                return;
            }
        }
    }

    /// Start-up knows where purged rows end, not where they begin.
    fn skip_to_leftovers(&mut self) {
        let database = &self.database;
        self.leftovers.retain(|group, range| {
            match database.first_leftover(*group, range.end) {
                Ok(Some(first)) => range.start = first,
                Ok(None) => return false,
                Err(error) => tracing::warn!(%error, group, "purged rows cannot be found yet"),
            }
            true
        });
    }

    /// Waits for work unless purged rows are left to delete, then takes what has gathered.
    fn next(&mut self, queue: &Receiver<Op>) -> Option<Drained> {
        let mut drained = Drained::default();
        let mut bytes = 0;
        if self.leftovers.is_empty() || self.failed.is_some() {
            drained.take(queue.recv().ok()?, &mut bytes);
        }
        while !drained.stop && bytes < TRANSACTION_BYTES_MAX && drained.ops.len() < super::QUEUE_OPS_MAX {
            match queue.try_recv() {
                Ok(op) => drained.take(op, &mut bytes),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => drained.stop = true,
            }
        }
        Some(drained)
    }

    fn write(&mut self, ops: Vec<Op>, forced: bool) {
        if let Some(reason) = &self.failed {
            return complete(ops, || Err(io::Error::other(reason.clone())));
        }
        for op in &ops {
            if let Op::Committed { group, committed } = op {
                self.committed.insert(*group, committed.clone());
            }
        }
        let only_committed = ops.iter().all(|op| matches!(op, Op::Committed { .. } | Op::Flush { .. }));
        let may_wait = self.committed.is_empty() || !forced;
        if only_committed && self.leftovers.is_empty() && may_wait {
            return complete(ops, || Ok(()));
        }
        match self.commit(&ops) {
            Ok(()) => complete(ops, || Ok(())),
            Err(error) => self.fail(ops, &error),
        }
    }

    fn commit(&mut self, ops: &[Op]) -> Result<(), RaftLogError> {
        let mut head = self.head.clone();
        head.commit += 1;
        let mut leftovers = self.leftovers.clone();
        let transaction =
            self.database.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        for op in ops {
            write_op(&transaction, op, &mut head, &mut leftovers)?;
        }
        for (group, committed) in &self.committed {
            head.groups.entry(*group).or_default().committed = Some(committed.clone());
        }
        delete_leftovers(&transaction, &mut leftovers)?;
        put_head(&transaction, &head)?;
        failpoint::reach(Failpoint::LogUnsynced);
        transaction.commit()?;

        failpoint::reach(Failpoint::LogSynced);
        let confirmed = Confirmed { database: head.database, commit: head.commit };
        self.side_file.write(confirmed, self.sync_commit_number)?;
        failpoint::reach(Failpoint::LogConfirmed);
        self.committed.clear();
        self.leftovers = leftovers;
        self.head = head;
        Ok(())
    }

    fn fail(&mut self, ops: Vec<Op>, error: &RaftLogError) {
        let reason = format!("writing the raft log failed: {error}");
        (self.on_fatal)(&reason);
        self.failed = Some(reason.clone());
        complete(ops, || Err(io::Error::other(reason.clone())));
    }
}

impl Drained {
    fn take(&mut self, op: Op, bytes: &mut usize) {
        match op {
            Op::Stop => self.stop = true,
            op => {
                if let Op::Append { rows, .. } = &op {
                    *bytes += rows.iter().map(LogRow::size).sum::<usize>();
                }
                self.ops.push(op);
            }
        }
    }
}

fn write_op(
    transaction: &Connection,
    op: &Op,
    head: &mut Head,
    leftovers: &mut BTreeMap<u16, std::ops::Range<u64>>,
) -> rusqlite::Result<()> {
    match op {
        Op::Append { memory, rows, .. } => {
            let group = head.groups.entry(memory.group).or_default();
            append_rows(transaction, memory.group, group, rows)?;
        }
        Op::Truncate { group, from } => {
            let head = head.groups.entry(*group).or_default();
            delete_rows(transaction, *group, *from..head.next)?;
            head.next = head.next.min(*from);
        }
        Op::Purge { group, through } => {
            let head = head.groups.entry(*group).or_default();
            let left = leftovers.entry(*group).or_insert(head.first..head.first);
            head.first = through.index + 1;
            head.next = head.next.max(head.first);
            head.purged = Some(through.clone());
            left.end = head.first;
        }
        Op::Vote { group, vote, .. } => head.groups.entry(*group).or_default().vote = Some(vote.clone()),
        Op::Committed { .. } | Op::Flush { .. } | Op::Stop => {}
    }
    Ok(())
}

fn append_rows(
    transaction: &Connection,
    number: u16,
    group: &mut GroupHead,
    rows: &[LogRow],
) -> rusqlite::Result<()> {
    let Some(first) = rows.first() else { return Ok(()) };
    if group.first == group.next {
        // An empty log that was never purged may begin anywhere.
        group.first = first.index;
        group.next = first.index;
    }
    for row in rows {
        put_row(transaction, number, row)?;
    }
    group.next += rows.len() as u64;
    Ok(())
}

fn delete_leftovers(
    transaction: &Connection,
    leftovers: &mut BTreeMap<u16, std::ops::Range<u64>>,
) -> rusqlite::Result<()> {
    let Some(mut entry) = leftovers.first_entry() else { return Ok(()) };
    let group = *entry.key();
    let range = entry.get_mut();
    let end = step_end(transaction, group, range.clone(), PURGE_STEP_ROWS, PURGE_STEP_BYTES)?;
    delete_rows(transaction, group, range.start..end)?;
    range.start = end;
    if range.is_empty() {
        entry.remove();
    }
    Ok(())
}

fn complete(ops: Vec<Op>, outcome: impl Fn() -> io::Result<()>) {
    for op in ops {
        match op {
            Op::Append { memory, epoch, rows, done } => {
                let outcome = outcome();
                if let (Ok(()), Some(last)) = (&outcome, rows.last()) {
                    memory.confirm(epoch, last.index + 1);
                }
                done(outcome);
            }
            Op::Vote { done, .. } | Op::Flush { done } => done(outcome()),
            Op::Truncate { .. } | Op::Purge { .. } | Op::Committed { .. } | Op::Stop => {}
        }
    }
}
