//! The thread that owns a group's machine, and openraft's view of it.
//!
//! openraft applies on a task of the async runtime; a machine may block on its storage. So every
//! call is handed to one thread, which also keeps calls apart. A failed or panicked machine is not
//! called again: what it holds is unknown, and the node ends.

use crate::frames;
use crate::machine::{CommittedEntry, Machine, MachineError, SnapshotSource};
use crate::node::Workers;
use crate::position::{Applied, GroupId};
use crate::snapshots::{SnapshotFile, SnapshotStore};
use crate::types::{self, Entry, LogId, Replies, Snapshot, SnapshotMeta, StoredMembership, Types};
use futures::{Stream, StreamExt};
use gearify_storage::failpoint::{self, Failpoint};
use openraft::storage::{ApplyResponder, EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, OptionalSend, RaftSnapshotBuilder};
use parking_lot::Mutex;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// openraft sends one job at a time; a snapshot build may come between.
const JOBS_MAX: usize = 4;
/// Entries the machine gets in one batch: large enough to share its cost, small enough that a long
/// replay doesn't gather in memory.
const BATCH_ENTRIES_MAX: usize = 64;
const BATCH_BYTES_MAX: usize = 4 << 20;

type Applying = (Entry, Option<ApplyResponder<Types>>);

enum Job {
    Apply { entries: Vec<Applying>, done: oneshot::Sender<io::Result<()>> },
    Applied { done: oneshot::Sender<io::Result<Applied>> },
    Freeze { done: oneshot::Sender<io::Result<Frozen>> },
    Install { file: SnapshotFile, done: oneshot::Sender<io::Result<()>> },
}

struct Frozen {
    applied: Applied,
    source: Box<dyn SnapshotSource>,
}

/// When a snapshot is due: by bytes of log applied since the last, or by entries.
#[derive(Clone, Debug)]
pub(crate) struct SnapshotDue {
    /// At least so many bytes …
    pub log_bytes: u64,
    /// … and at least this share of the last snapshot's size: a large state is not written again for little.
    pub state_percent: u64,
    pub entries: u64,
    /// Bytes of log that the machine holds already and no snapshot covers.
    pub bytes_before: u64,
    pub notify: Arc<Notify>,
}

impl SnapshotDue {
    fn is_due(&self, entries: u64, bytes: u64, state_bytes: u64) -> bool {
        entries >= self.entries || bytes >= self.log_bytes.max(state_bytes / 100 * self.state_percent)
    }
}

/// openraft's handle on the machine.
#[derive(Clone)]
pub(crate) struct MachineStore {
    group: GroupId,
    jobs: Jobs,
    snapshots: Arc<SnapshotStore>,
    /// Written before openraft was told to make one: it takes a failure to write for its own end.
    prepared: Arc<Mutex<Option<SnapshotFile>>>,
}

/// Where jobs are done.
#[derive(Clone)]
enum Jobs {
    Thread(mpsc::Sender<Job>),
    /// On the task that asks; the worker is dropped with the last handle.
    Caller(Arc<Mutex<(Worker, oneshot::Sender<()>)>>),
}

impl MachineStore {
    /// Starts the thread, if there is to be one. The receiver hears when the machine is dropped.
    pub(crate) fn start(
        group: GroupId,
        mut worker: Worker,
        workers: Workers,
    ) -> io::Result<(MachineStore, oneshot::Receiver<()>)> {
        let (snapshots, prepared) = (Arc::clone(&worker.snapshots), Arc::default());
        let (end, ended) = oneshot::channel();
        if workers == Workers::Caller {
            let jobs = Jobs::Caller(Arc::new(Mutex::new((worker, end))));
            return Ok((MachineStore { group, jobs, snapshots, prepared }, ended));
        }
        let (jobs, mut queue) = mpsc::channel(JOBS_MAX);
        std::thread::Builder::new().name(format!("apply-{group}")).spawn(move || {
            while let Some(job) = queue.blocking_recv() {
                worker.run(job);
            }
            drop(worker);
            let _ = end.send(());
        })?;
        Ok((MachineStore { group, jobs: Jobs::Thread(jobs), snapshots, prepared }, ended))
    }

    /// Writes a snapshot of the machine as it is now, for openraft to take next. A failure changes nothing.
    pub(crate) async fn prepare_snapshot(&self) -> io::Result<()> {
        let file = self.write_snapshot().await?;
        *self.prepared.lock() = Some(file);
        Ok(())
    }

    /// Freezes the machine's state between two batches, then writes it on a thread of its own while
    /// applying goes on.
    async fn write_snapshot(&self) -> io::Result<SnapshotFile> {
        let frozen = self.ask(|done| Job::Freeze { done }).await?;
        if matches!(self.jobs, Jobs::Caller(_)) {
            return self.snapshots.write(frozen.applied, frozen.source);
        }
        let snapshots = Arc::clone(&self.snapshots);
        let (done, written) = oneshot::channel();
        std::thread::Builder::new().name(format!("snapshot-{}", self.group)).spawn(move || {
            let _ = done.send(snapshots.write(frozen.applied, frozen.source));
        })?;
        written.await.map_err(|_| io::Error::other("writing the snapshot panicked"))?
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<io::Result<T>>) -> Job) -> io::Result<T> {
        let (done, answer) = oneshot::channel();
        let ended = || io::Error::other("the apply thread has ended");
        match &self.jobs {
            Jobs::Thread(jobs) => jobs.send(job(done)).await.map_err(|_| ended())?,
            Jobs::Caller(worker) => worker.lock().0.run(job(done)),
        }
        answer.await.map_err(|_| ended())?
    }
}

/// The machine, and what it holds by its own account.
pub(crate) struct Worker {
    machine: Box<dyn Machine>,
    applied: Applied,
    snapshots: Arc<SnapshotStore>,
    progress: watch::Sender<u64>,
    due: SnapshotDue,
    bytes_since: u64,
    entries_since: u64,
    failed: Option<String>,
}

impl Worker {
    /// `applied` is what the machine says it holds.
    pub(crate) fn new(
        machine: Box<dyn Machine>,
        applied: Applied,
        snapshots: Arc<SnapshotStore>,
        progress: watch::Sender<u64>,
        due: SnapshotDue,
    ) -> Worker {
        progress.send_replace(applied.index());
        let bytes_since = due.bytes_before;
        Worker { machine, applied, snapshots, progress, due, bytes_since, entries_since: 0, failed: None }
    }

    fn run(&mut self, job: Job) {
        match job {
            Job::Apply { entries, done } => {
                let result = self.guarded(|worker| worker.apply(entries));
                let _ = done.send(result);
            }
            Job::Applied { done } => {
                let _ = done.send(Ok(self.applied.clone()));
            }
            Job::Freeze { done } => {
                let result = self.guarded(Worker::freeze);
                let _ = done.send(result);
            }
            Job::Install { file, done } => {
                let result = self.guarded(|worker| worker.install(&file));
                let _ = done.send(result);
            }
        }
    }

    fn guarded<T>(&mut self, work: impl FnOnce(&mut Worker) -> io::Result<T>) -> io::Result<T> {
        if let Some(reason) = &self.failed {
            return Err(io::Error::other(reason.clone()));
        }
        let result = catch_unwind(AssertUnwindSafe(|| work(self)))
            .unwrap_or_else(|_| Err(io::Error::other("the state machine panicked")));
        if let Err(error) = &result {
            self.failed = Some(error.to_string());
        }
        result
    }

    fn apply(&mut self, entries: Vec<Applying>) -> io::Result<()> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        for entry in entries {
            bytes += body_bytes(&entry.0);
            batch.push(entry);
            if batch.len() >= BATCH_ENTRIES_MAX || bytes >= BATCH_BYTES_MAX {
                self.apply_batch(std::mem::take(&mut batch), bytes)?;
                bytes = 0;
            }
        }
        if batch.is_empty() { Ok(()) } else { self.apply_batch(batch, bytes) }
    }

    fn apply_batch(&mut self, batch: Vec<Applying>, bytes: usize) -> io::Result<()> {
        let mut after = self.applied.clone();
        let mut entries = Vec::with_capacity(batch.len());
        for (entry, _) in &batch {
            let position = types::position(&entry.log_id);
            if position.index != after.position.map_or(0, |applied| applied.index + 1) {
                return Err(io::Error::other("entries to apply do not follow the last applied"));
            }
            after.position = Some(position);
            if let EntryPayload::Membership(membership) = &entry.payload {
                let stored = StoredMembership::new(Some(entry.log_id), membership.clone());
                after.membership = Some(frames::encode_stored_membership(&stored));
            }
            entries.push(CommittedEntry { position, commands: frames::commands_of(entry)? });
        }
        let replies = self.machine.apply(&entries, &after).map_err(fault)?;
        check_replies(&entries, &replies)?;
        self.applied = after;
        // Before any reply goes out: whoever has a reply must find its effect here.
        self.progress.send_replace(self.applied.index());
        for ((_, responder), replies) in batch.into_iter().zip(replies) {
            if let Some(responder) = responder {
                responder.send(Replies(replies));
            }
        }
        self.count_towards_snapshot(entries.len() as u64, bytes as u64);
        Ok(())
    }

    fn count_towards_snapshot(&mut self, entries: u64, bytes: u64) {
        self.entries_since += entries;
        self.bytes_since += bytes;
        if self.due.is_due(self.entries_since, self.bytes_since, self.snapshots.bytes()) {
            self.entries_since = 0;
            self.bytes_since = 0;
            self.due.notify.notify_one();
        }
    }

    fn freeze(&mut self) -> io::Result<Frozen> {
        let source = self.machine.snapshot().map_err(fault)?;
        self.bytes_since = 0;
        self.entries_since = 0;
        Ok(Frozen { applied: self.applied.clone(), source })
    }

    fn install(&mut self, file: &SnapshotFile) -> io::Result<()> {
        install(self.machine.as_mut(), &self.snapshots, file)?;
        self.applied = file.applied().clone();
        self.bytes_since = 0;
        self.entries_since = 0;
        self.progress.send_replace(self.applied.index());
        Ok(())
    }
}

/// Replaces the machine's state, so that a crash at any point ends in the same state.
pub(crate) fn install(
    machine: &mut dyn Machine,
    snapshots: &SnapshotStore,
    file: &SnapshotFile,
) -> io::Result<()> {
    file.verify()?;
    snapshots.begin_install(file)?;
    failpoint::reach(Failpoint::InstallMarked);
    machine.install(file.applied(), &mut file.content()).map_err(fault)?;
    failpoint::reach(Failpoint::InstallSwitched);
    snapshots.end_install()?;
    failpoint::reach(Failpoint::InstallEnded);
    Ok(())
}

fn fault(error: MachineError) -> io::Error {
    io::Error::other(error)
}

fn check_replies(entries: &[CommittedEntry], replies: &[Vec<bytes::Bytes>]) -> io::Result<()> {
    let fits = entries.len() == replies.len()
        && entries.iter().zip(replies).all(|(entry, replies)| entry.commands.len() == replies.len());
    if fits { Ok(()) } else { Err(io::Error::other("the state machine gave not one reply per command")) }
}

fn body_bytes(entry: &Entry) -> usize {
    match &entry.payload {
        EntryPayload::Normal(payload) => payload.0.len(),
        EntryPayload::Blank | EntryPayload::Membership(_) => 0,
    }
}

pub(crate) fn meta_of(applied: &Applied) -> io::Result<SnapshotMeta> {
    let (last_log_id, last_membership) = raft_state_of(applied)?;
    Ok(SnapshotMeta { last_log_id, last_membership })
}

fn raft_state_of(applied: &Applied) -> io::Result<(Option<LogId>, StoredMembership)> {
    let log_id = applied.position.as_ref().map(types::log_id);
    let membership = applied.membership.clone().map(frames::decode_stored_membership).transpose()?;
    Ok((log_id, membership.unwrap_or_default()))
}

fn snapshot_of(file: SnapshotFile) -> io::Result<Snapshot> {
    Ok(Snapshot { meta: meta_of(file.applied())?, snapshot: file })
}

impl RaftStateMachine<Types> for MachineStore {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = MachineStore;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        raft_state_of(&self.ask(|done| Job::Applied { done }).await?)
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut gathered = Vec::new();
        let mut bytes = 0;
        while let Some(entry) = entries.next().await {
            let entry = entry?;
            bytes += body_bytes(&entry.0);
            gathered.push(entry);
            if bytes >= BATCH_BYTES_MAX {
                let entries = std::mem::take(&mut gathered);
                self.ask(|done| Job::Apply { entries, done }).await?;
                bytes = 0;
            }
        }
        if gathered.is_empty() {
            return Ok(());
        }
        self.ask(|done| Job::Apply { entries: gathered, done }).await
    }

    async fn get_snapshot_builder(&mut self) -> MachineStore {
        self.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFile) -> io::Result<()> {
        if *meta != meta_of(snapshot.applied())? {
            return Err(io::Error::other("a snapshot's position differs from its announcement"));
        }
        let snapshots = Arc::clone(&self.snapshots);
        let file = tokio::task::spawn_blocking(move || snapshots.adopt(&snapshot))
            .await
            .map_err(io::Error::other)??;
        self.ask(|done| Job::Install { file, done }).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.snapshots.current().map(snapshot_of).transpose()
    }
}

impl RaftSnapshotBuilder<Types> for MachineStore {
    type SnapshotData = SnapshotFile;

    /// The prepared one. There is none only where openraft itself asks, at a start after which it would have
    /// none at all.
    async fn build_snapshot(&mut self) -> io::Result<Snapshot> {
        let prepared = self.prepared.lock().take();
        match prepared {
            Some(file) => snapshot_of(file),
            None => snapshot_of(self.write_snapshot().await?),
        }
    }
}
