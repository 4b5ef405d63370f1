//! One replicated group as its users see it: propose, read, wait, watch.

mod membership;
mod metrics;
mod reads;

pub use membership::MembershipError;
pub use metrics::GroupMetrics;
pub use reads::ReadError;

use crate::apply::{self, MachineStore, SnapshotDue, Worker};
use crate::follow::{self, FollowError, FollowedEntry};
use crate::frames::ReadIndexAnswer;
use crate::log_engine::LogEngine;
use crate::log_store::LogStore;
use crate::machine::Machine;
use crate::network::Network;
use crate::node::{Fatal, Held, StartError, Workers};
use crate::observe::{self, Observed, Page, PageError};
use crate::position::{Applied, GroupId, NodeId};
use crate::proposer::{
    ENTRY_COMMANDS_MAX, Patience, ProposeError, Proposed, Proposer, QUEUE_COMMANDS_MAX, Room,
};
use crate::rounds::Rounds;
use crate::snapshots::SnapshotStore;
use crate::timers::Timers;
use crate::transport::Transport;
use crate::types::Raft;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use metrics::{metrics_of, watch_leadership};
use openraft::type_config::async_runtime::watch::WatchReceiver;
use openraft::{Config, SnapshotPolicy};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Entries sent to a peer in one request, beside the limit by bytes.
const REQUEST_ENTRIES_MAX: u64 = 512;
/// Entries openraft hands to the log in one append.
const APPEND_ENTRIES_MAX: u64 = 1024;
/// After a snapshot that could not be written.
const SNAPSHOT_AGAIN: Duration = Duration::from_secs(5);

/// How one group runs.
#[derive(Clone, Debug)]
pub struct GroupOptions {
    pub timers: Timers,
    /// A snapshot is made after this many bytes of log …
    pub snapshot_log_bytes: u64,
    /// … but no fewer than this part of the last snapshot's size …
    pub snapshot_state_percent: u64,
    /// … or this many entries, whichever comes first.
    pub snapshot_entries: u64,
    /// Entries a snapshot covers that stay in the log, so that a member shortly away catches up
    /// without a snapshot.
    pub keep_entries: u64,
    /// Entries that must have gathered before the log is purged.
    pub purge_entries: u64,
    /// Commands that share one entry at most.
    pub entry_commands: usize,
    /// Commands that may wait for an entry; more are refused as too many.
    pub queue_commands: usize,
    /// Stands for election. A node whose files are only looked at does not: it votes on nothing, and its log
    /// stays as it is.
    pub stands: bool,
    /// Entries that are on their way to a majority at a time. One gathers best where that is near.
    pub entries_in_flight: usize,
}

impl Default for GroupOptions {
    fn default() -> GroupOptions {
        GroupOptions {
            timers: Timers::lan(),
            snapshot_log_bytes: 1 << 30,
            snapshot_state_percent: 50,
            snapshot_entries: u64::MAX,
            keep_entries: 10_000,
            purge_entries: 1024,
            entry_commands: ENTRY_COMMANDS_MAX,
            queue_commands: QUEUE_COMMANDS_MAX,
            stands: true,
            entries_in_flight: 1,
        }
    }
}

/// Who leads, as far as this node knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leadership {
    pub leader: Option<NodeId>,
    pub term: u64,
    /// This node leads, and its machine holds everything acknowledged before it did. A leader cut off from its
    /// majority still believes so until it hears of another; what it proposes is not acknowledged.
    pub mine: bool,
}

/// What a group is made of, shared by its handles and the receiving side.
pub(crate) struct GroupInner {
    pub id: GroupId,
    pub me: NodeId,
    pub raft: Raft,
    pub log: LogStore,
    pub snapshots: Arc<SnapshotStore>,
    pub timers: Timers,
    transport: Arc<dyn Transport>,
    proposer: Proposer,
    applied: watch::Receiver<u64>,
    leadership: watch::Receiver<Leadership>,
    snapshot_due: Arc<Notify>,
    stop: CancellationToken,
    apply_ended: tokio::sync::Mutex<Option<tokio::sync::oneshot::Receiver<()>>>,
    read_rounds: Rounds<Result<ReadIndexAnswer, String>>,
}

/// What a group is started from.
pub(crate) struct GroupSeed {
    pub id: GroupId,
    pub me: NodeId,
    pub log: Arc<dyn LogEngine>,
    pub dir: PathBuf,
    pub machine: Box<dyn Machine>,
    pub transport: Arc<dyn Transport>,
    pub workers: Workers,
    pub options: GroupOptions,
    pub on_fatal: Fatal,
}

/// A cloneable handle on one group of this node, be it as member or as observer.
#[derive(Clone)]
pub struct Group {
    seat: Seat,
}

#[derive(Clone)]
enum Seat {
    Member(Arc<GroupInner>),
    Observer(Arc<Observed>),
}

impl Group {
    /// Queues one command; commands that arrive while an entry is in flight share the next entry.
    /// Returns after the command is committed and applied on this node.
    pub async fn propose(&self, command: Bytes) -> Result<Proposed, ProposeError> {
        match &self.seat {
            Seat::Member(inner) => inner.proposer.propose(command).await,
            Seat::Observer(_) => Err(ProposeError::NotLeader { leader: self.leader() }),
        }
    }

    pub fn id(&self) -> GroupId {
        match &self.seat {
            Seat::Member(inner) => inner.id,
            Seat::Observer(observed) => observed.id,
        }
    }

    pub fn node(&self) -> NodeId {
        match &self.seat {
            Seat::Member(inner) => inner.me,
            Seat::Observer(observed) => observed.me,
        }
    }

    /// Whether this node only follows the group.
    pub fn is_observer(&self) -> bool {
        matches!(self.seat, Seat::Observer(_))
    }

    /// Whether an observer has heard from nobody for a while; for a member, whether it knows no leader.
    pub fn is_cut_off(&self) -> bool {
        match &self.seat {
            Seat::Member(_) => self.leader().is_none(),
            Seat::Observer(observed) => observed.is_cut_off(),
        }
    }

    pub fn leader(&self) -> Option<NodeId> {
        self.leadership().borrow().leader
    }

    pub fn is_leader(&self) -> bool {
        self.leadership().borrow().mine
    }

    pub fn applied_index(&self) -> u64 {
        *self.applied().borrow()
    }

    /// Follows the applied index.
    pub fn applied(&self) -> watch::Receiver<u64> {
        match &self.seat {
            Seat::Member(inner) => inner.applied.clone(),
            Seat::Observer(observed) => observed.applied.clone(),
        }
    }

    /// Follows who leads.
    pub fn leadership(&self) -> watch::Receiver<Leadership> {
        match &self.seat {
            Seat::Member(inner) => inner.leadership.clone(),
            Seat::Observer(observed) => observed.leadership.clone(),
        }
    }

    pub fn metrics(&self) -> GroupMetrics {
        match &self.seat {
            Seat::Member(inner) => metrics_of(&inner.raft.metrics().borrow_watched()),
            Seat::Observer(observed) => {
                let Leadership { leader, term, .. } = *observed.leadership.borrow();
                let applied = Some(self.applied_index());
                GroupMetrics { leader, term, committed: applied, applied, ..GroupMetrics::default() }
            }
        }
    }

    /// How far the log goes here for good: committed, and on disk. `None` of an observer, which keeps no log.
    ///
    /// # Errors
    /// The node is stopping.
    pub async fn kept(&self) -> std::io::Result<Option<Held>> {
        match &self.seat {
            Seat::Member(inner) => inner.log.kept().await.map(Some),
            Seat::Observer(_) => Ok(None),
        }
    }

    /// Committed entries from `from` on for somebody who follows the group, waiting at most `wait` for the
    /// first, or a snapshot in their place.
    pub async fn page(&self, from: u64, wait: Duration) -> Result<Page, PageError> {
        match &self.seat {
            Seat::Member(inner) => observe::page_of_member(inner, from, wait).await,
            Seat::Observer(observed) => observed.page(from, wait).await,
        }
    }

    /// A piece of the snapshot that [`Group::page`] offered; empty at its end.
    pub async fn snapshot_part(&self, hash: [u8; 32], offset: u64) -> Result<Bytes, PageError> {
        let snapshots = match &self.seat {
            Seat::Member(inner) => Arc::clone(&inner.snapshots),
            Seat::Observer(observed) => Arc::clone(&observed.snapshots),
        };
        let read = tokio::task::spawn_blocking(move || observe::part_of(&snapshots, &hash, offset));
        Ok(read.await.map_err(std::io::Error::other)??.into())
    }

    /// Committed entries from `from` on, as this node applies them; never ends by itself.
    ///
    /// # Errors
    /// [`FollowError::Purged`] if `from` is no longer in the log: take a snapshot first.
    pub fn follow(&self, from: u64) -> BoxStream<'static, Result<FollowedEntry, FollowError>> {
        match &self.seat {
            Seat::Member(inner) => follow::follow(inner.log.clone(), inner.applied.clone(), from),
            // An observer has no log.
            Seat::Observer(_) => {
                let first = self.applied_index() + 1;
                futures::stream::once(async move { Err(FollowError::Purged { first }) }).boxed()
            }
        }
    }

    /// Starts a snapshot now; it is done when [`GroupMetrics::snapshot`] has moved.
    pub async fn trigger_snapshot(&self) -> Result<(), ReadError> {
        match &self.seat {
            Seat::Member(inner) if inner.stop.is_cancelled() => Err(ReadError::Stopped),
            Seat::Member(inner) => {
                inner.snapshot_due.notify_one();
                Ok(())
            }
            // It keeps no log that a snapshot would make shorter.
            Seat::Observer(_) => Ok(()),
        }
    }

    /// Reads the newest snapshot's file once and compares its hash; answers the entry that it covers.
    ///
    /// # Errors
    /// The file can't be read, or is damaged.
    pub fn verify_snapshot(&self) -> std::io::Result<Option<u64>> {
        let Seat::Member(inner) = &self.seat else { return Ok(None) };
        let Some(file) = inner.snapshots.current() else { return Ok(None) };
        file.verify()?;
        Ok(file.applied().position.map(|at| at.index))
    }

    pub(crate) fn from_inner(inner: Arc<GroupInner>) -> Group {
        Group { seat: Seat::Member(inner) }
    }

    pub(crate) fn from_observed(observed: Arc<Observed>) -> Group {
        Group { seat: Seat::Observer(observed) }
    }
}

impl GroupInner {
    pub(crate) async fn start(seed: GroupSeed) -> Result<Arc<GroupInner>, StartError> {
        let config = Arc::new(config_of(&seed.options)?);
        let snapshots = Arc::new(SnapshotStore::open(seed.dir.join("snapshots"))?);
        let (machine, applied, bytes_before) = {
            let (snapshots, log, dir) = (Arc::clone(&snapshots), seed.log.clone(), seed.dir.clone());
            let mut machine = seed.machine;
            tokio::task::spawn_blocking(move || {
                let applied = prepare_machine(machine.as_mut(), &snapshots, &*log, &dir)?;
                let covered = snapshots.position().map_or(0, |at| at.index);
                let bytes = log.bytes_between(covered + 1, applied.index() + 1)?;
                Ok::<_, StartError>((machine, applied, bytes))
            })
            .await
            .map_err(|error| StartError::Io(std::io::Error::other(error)))??
        };

        let (progress, applied_index) = watch::channel(0);
        let due = SnapshotDue {
            log_bytes: seed.options.snapshot_log_bytes,
            state_percent: seed.options.snapshot_state_percent,
            entries: seed.options.snapshot_entries,
            bytes_before,
            notify: Arc::new(Notify::new()),
        };
        let worker = Worker::new(machine, applied, Arc::clone(&snapshots), progress, due.clone());
        let (store, apply_ended) = MachineStore::start(seed.id, worker, seed.workers)?;
        let log = LogStore::new(seed.log, Some(Arc::clone(&snapshots)));
        let timers = seed.options.timers.clone();
        let network = Network {
            me: seed.me,
            group: seed.id,
            transport: Arc::clone(&seed.transport),
            timers: timers.clone(),
        };
        let raft = Raft::new(seed.me, config, network, log.clone(), store.clone())
            .await
            .map_err(|error| StartError::Raft { reason: error.to_string() })?;

        let stop = CancellationToken::new();
        let leadership = watch_leadership(&raft, seed.me, stop.clone());
        let making = make_snapshots(raft.clone(), store, seed.id, Arc::clone(&due.notify));
        tokio::spawn(stop.clone().run_until_cancelled_owned(making));
        tokio::spawn(watch_for_the_end(raft.clone(), seed.id, seed.on_fatal, stop.clone()));
        let patience = Patience { overtake: timers.election_max, give_up: timers.propose };
        let GroupOptions { entry_commands, queue_commands, entries_in_flight, stands, .. } = seed.options;
        let room = Room { entry_commands, queue_commands, entries_in_flight };
        let proposer = Proposer::start(raft.clone(), room, patience, stop.clone());
        if stands {
            elect_sole_voter(&raft, seed.me).await;
        }
        let inner = GroupInner {
            id: seed.id,
            me: seed.me,
            raft,
            log,
            snapshots,
            timers,
            transport: seed.transport,
            proposer,
            applied: applied_index,
            leadership,
            snapshot_due: due.notify,
            stop,
            apply_ended: tokio::sync::Mutex::new(Some(apply_ended)),
            read_rounds: Rounds::default(),
        };
        Ok(Arc::new(inner))
    }

    pub(crate) fn leadership(&self) -> Leadership {
        *self.leadership.borrow()
    }

    pub(crate) fn applied(&self) -> watch::Receiver<u64> {
        self.applied.clone()
    }

    /// Ends the group's tasks and its apply thread; the machine is dropped before this returns.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        let _ = self.raft.shutdown().await;
        if let Some(ended) = self.apply_ended.lock().await.take() {
            let _ = tokio::time::timeout(Duration::from_secs(10), ended).await;
        }
    }
}

/// Brings the machine and the snapshots into a state openraft may start from.
fn prepare_machine(
    machine: &mut dyn Machine,
    snapshots: &SnapshotStore,
    log: &dyn LogEngine,
    dir: &Path,
) -> Result<Applied, StartError> {
    if let Some(file) = snapshots.interrupted_install()? {
        apply::install(machine, snapshots, &file)?;
    }
    let applied = machine.applied()?;
    let state = log.state();
    let only_observed = observe::only_observed(dir, state.vote.is_some());
    if state.vote.is_none()
        && !only_observed
        && (applied.position.is_some() || snapshots.position().is_some())
    {
        // Every entry was preceded by a vote: this log is not the one the machine was fed from.
        return Err(StartError::LogMissing);
    }
    let covered = applied.position.max(snapshots.position()).map(|at| at.index);
    if let Some(purged) = state.purged.as_ref().map(|mark| mark.index)
        && covered < Some(purged)
    {
        return Err(StartError::Uncovered { purged, covered });
    }
    let ahead = applied.position.filter(|at| state.last.is_none_or(|last| last.index < at.index));
    if ahead.is_some() && snapshots.position() < applied.position {
        // The majority had entries this log did not reach disk with. openraft closes the gap by
        // purging up to what is applied, so a snapshot must cover that first.
        snapshots.write(applied.clone(), machine.snapshot()?)?;
    }
    Ok(applied)
}

fn config_of(options: &GroupOptions) -> Result<Config, StartError> {
    let timers = &options.timers;
    let millis = |duration: Duration| duration.as_millis() as u64;
    let config = Config {
        cluster_name: "gearify".into(),
        heartbeat_interval: millis(timers.heartbeat),
        election_timeout_min: millis(timers.election_min),
        election_timeout_max: millis(timers.election_max),
        install_snapshot_timeout: millis(timers.snapshot_transfer),
        quorum_loss_probe_interval: Some(millis(timers.quorum_probe)),
        // A transport that can't ask would make every pre-vote a yes; ours asks.
        enable_pre_vote: Some(true),
        enable_elect: options.stands,
        // A restarted leader must be elected again: it may have missed its own replacement.
        enable_leader_restore: Some(false),
        max_payload_entries: REQUEST_ENTRIES_MAX,
        max_append_entries: Some(APPEND_ENTRIES_MAX),
        snapshot_policy: SnapshotPolicy::Never,
        max_in_snapshot_log_to_keep: options.keep_entries,
        purge_batch_size: options.purge_entries,
        ..Config::default()
    };
    config.validate().map_err(|error| StartError::Timers { reason: error.to_string() })
}

/// A sole voter needs nobody's consent, so it need not wait for a silence to end.
async fn elect_sole_voter(raft: &Raft, me: NodeId) {
    let alone =
        raft.with_raft_state(move |state| state.membership_state.effective().voter_ids().eq([me])).await;
    if alone.unwrap_or(false) {
        let _ = raft.trigger().elect(false).await;
    }
}

/// Makes a snapshot whenever one is due. One that can't be written, for want of room above all, is tried
/// again: the log only grows meanwhile.
async fn make_snapshots(raft: Raft, machine: MachineStore, group: GroupId, due: Arc<Notify>) {
    loop {
        due.notified().await;
        while let Err(error) = machine.prepare_snapshot().await {
            tracing::warn!(%group, %error, "no snapshot was made");
            tokio::time::sleep(SNAPSHOT_AGAIN).await;
        }
        if raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}

/// A storage fault or a panic ends the core for good. The process must end with it.
async fn watch_for_the_end(raft: Raft, group: GroupId, on_fatal: Fatal, stop: CancellationToken) {
    let mut metrics = raft.metrics();
    loop {
        let state = metrics.borrow_watched().running_state.clone();
        match state {
            Ok(()) => {}
            Err(openraft::errors::Fatal::Stopped) => return,
            Err(fault) => return on_fatal(&format!("group {group} failed: {fault}")),
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            // A core that panicked says nothing; its metrics just end.
            changed = metrics.changed() => if changed.is_err() {
                return on_fatal(&format!("group {group} ended without a word"));
            }
        }
    }
}
