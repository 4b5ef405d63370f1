//! openraft's log storage over the bytes of `gearify_storage::raftlog`.

use crate::frames;
use crate::log_engine::LogEngine;
use crate::node::Held;
use crate::snapshots::SnapshotStore;
use crate::types::{Entry, LogId, Types, Vote};
use futures::Stream;
use gearify_storage::planted::{self, Bug};
use gearify_storage::raftlog::{Done, LogRow, Mark, RaftLogError};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, OptionalSend, RaftLogReader};
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Bytes of entries read at once, for a peer or for the machine.
const READ_BYTES_MAX: usize = 1 << 20;

/// One group's log. Clones share it: openraft writes through one and reads through others.
#[derive(Clone)]
pub(crate) struct LogStore {
    log: Arc<dyn LogEngine>,
    /// Purging is allowed up to what a snapshot on disk covers.
    snapshots: Option<Arc<SnapshotStore>>,
}

impl LogStore {
    pub(crate) fn new(log: Arc<dyn LogEngine>, snapshots: Option<Arc<SnapshotStore>>) -> LogStore {
        LogStore { log, snapshots }
    }

    /// Runs a write, on a blocking thread if it would wait for the writer.
    async fn write(
        &self,
        write: impl FnOnce(&dyn LogEngine) -> Result<(), RaftLogError> + Send + 'static,
    ) -> io::Result<()> {
        if self.log.is_full() {
            let log = self.log.clone();
            return blocking(move || write(&*log)).await;
        }
        Ok(write(&*self.log)?)
    }

    /// At least one entry of a range that has any, at most about `bytes_max`.
    pub(crate) async fn read(&self, from: u64, until: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        if from >= until {
            return Ok(Vec::new());
        }
        let rows = if self.log.is_cached(from) {
            self.log.read(from, until, bytes_max)?
        } else {
            let log = self.log.clone();
            blocking(move || log.read(from, until, bytes_max)).await?
        };
        rows.into_iter().map(decode_row).collect()
    }

    /// How far the log goes here for good: what is committed now, said once it is on disk.
    pub(crate) async fn kept(&self) -> io::Result<Held> {
        let state = self.log.state();
        let committed = state.committed.clone().map(frames::decode_log_id).transpose()?;
        let held = Held::of(state);
        let committed = committed.map_or(0, |log_id| log_id.index);
        let (done, written) = oneshot::channel();
        let done: Done = Box::new(move |result| drop(done.send(result)));
        self.write(move |log| log.when_on_disk(done)).await?;
        written.await.map_err(io::Error::other)??;
        Ok(Held { last: held.last.min(committed), ..held })
    }

    /// The first index still in the log, given it was purged up to there.
    pub(crate) fn first_index(&self) -> u64 {
        self.log.state().purged.map_or(0, |purged| purged.index + 1)
    }
}

fn decode_row(row: LogRow) -> io::Result<Entry> {
    let log_id = frames::decode_term(row.term, row.index)?;
    Ok(frames::decode_entry(log_id, row.body)?)
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RaftLogError> + Send + 'static,
) -> io::Result<T> {
    Ok(tokio::task::spawn_blocking(work).await.map_err(io::Error::other)??)
}

fn mark(log_id: &LogId) -> Mark {
    Mark { index: log_id.index, term: frames::encode_term(log_id) }
}

fn read_mark(mark: Mark) -> io::Result<LogId> {
    Ok(frames::decode_term(mark.term, mark.index)?)
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(index) => *index,
        Bound::Excluded(index) => index + 1,
        Bound::Unbounded => 0,
    };
    let until = match range.end_bound() {
        Bound::Included(index) => index + 1,
        Bound::Excluded(index) => *index,
        Bound::Unbounded => u64::MAX,
    };
    (from, until)
}

impl RaftLogReader<Types> for LogStore {
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + OptionalSend
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        // A restart may replay a long tail: read it piece by piece, never whole.
        let (from, until) = bounds(&range);
        let start = (self.clone(), from, Vec::new().into_iter());
        futures::stream::try_unfold(start, move |(store, from, mut piece)| async move {
            if let Some(entry) = piece.next() {
                return Ok(Some((entry, (store, from, piece))));
            }
            let piece = store.read(from, until, READ_BYTES_MAX).await?;
            let from = piece.last().map_or(until, |entry| entry.log_id.index + 1);
            let mut piece = piece.into_iter();
            Ok(piece.next().map(|entry| (entry, (store, from, piece))))
        })
    }

    async fn try_get_log_entries<RB>(&mut self, range: RB) -> io::Result<Vec<Entry>>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        let (from, until) = bounds(&range);
        self.read(from, until, usize::MAX).await
    }

    async fn read_vote(&mut self) -> io::Result<Option<Vote>> {
        self.log.state().vote.map(frames::decode_vote).transpose().map_err(io::Error::from)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        let entries = self.read(start, end, READ_BYTES_MAX).await?;
        // Purged meanwhile. Entries after a hole must never be sent; openraft takes none as "not
        // now" and finds out on its next try that a snapshot is needed.
        let begins_right = entries.first().is_none_or(|entry| entry.log_id.index == start);
        Ok(if begins_right { entries } else { Vec::new() })
    }
}

impl RaftLogStorage<Types> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> io::Result<LogState<Types>> {
        let state = self.log.state();
        Ok(LogState {
            last_purged_log_id: state.purged.map(read_mark).transpose()?,
            last_log_id: state.last.map(read_mark).transpose()?,
        })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> io::Result<()> {
        let vote = frames::encode_vote(vote);
        if planted::is(Bug::VoteNotPersisted) {
            return Ok(());
        }
        let (saved, outcome) = tokio::sync::oneshot::channel();
        let done = Box::new(move |result| drop(saved.send(result)));
        self.write(move |log| log.save_vote(vote, done)).await?;
        outcome.await.map_err(|_| io::Error::other("the raft log ended before the vote was saved"))?
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        let Some(committed) = committed else { return Ok(()) };
        let committed = frames::encode_log_id(&committed);
        self.write(move |log| log.save_committed(committed)).await
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        let state = self.log.state();
        let Some(committed) = state.committed.map(frames::decode_log_id).transpose()? else {
            return Ok(None);
        };
        // A snapshot that was being installed may have been committed past the end of the log.
        let last = state.last.map(read_mark).transpose()?;
        Ok(last.filter(|last| last.index < committed.index).or(Some(committed)))
    }

    async fn append<I>(&mut self, entries: I, callback: IOFlushed<Types>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let rows: Vec<LogRow> = entries
            .into_iter()
            .map(|entry| LogRow {
                index: entry.log_id.index,
                term: frames::encode_term(&entry.log_id),
                body: frames::encode_body(&entry),
            })
            .collect();
        if planted::is(Bug::CallbackBeforeFsync) {
            self.write(move |log| log.append(rows, Box::new(drop))).await?;
            callback.io_completed(Ok(()));
            return Ok(());
        }
        let done = Box::new(move |result| callback.io_completed(result));
        self.write(move |log| log.append(rows, done)).await
    }

    async fn truncate_after(&mut self, last_log_id: Option<LogId>) -> io::Result<()> {
        let keep = last_log_id.as_ref().map(mark);
        self.write(move |log| log.truncate_after(keep)).await
    }

    async fn purge(&mut self, log_id: LogId) -> io::Result<()> {
        if planted::is(Bug::PurgePastSnapshot) {
            let last = self.log.state().last.unwrap_or_else(|| mark(&log_id));
            return self.write(move |log| log.purge(last)).await;
        }
        if let Some(snapshots) = &self.snapshots {
            snapshots.require_cover(&crate::types::position(&log_id))?;
        }
        let through = mark(&log_id);
        self.write(move |log| log.purge(through)).await
    }
}
