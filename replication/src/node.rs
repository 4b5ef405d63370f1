//! The groups of one process over one raft log.

use crate::frames;
use crate::group::{Group, GroupInner, GroupOptions, GroupSeed};
use crate::inbound::Inbound;
use crate::log_engine::Logs;
use crate::machine::{Machine, MachineError};
use crate::observe::{Observed, ObserverSeed, Source};
use crate::position::{GroupId, NodeId};
use crate::transport::{NoTransport, Transport};
use gearify_storage::raftlog::{Damage, GroupState, OnFatal, RaftLog, RaftLogError, RaftLogOptions};
use parking_lot::{Mutex, RwLock};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

pub(crate) type Fatal = OnFatal;
pub(crate) type GroupTable = RwLock<BTreeMap<GroupId, Arc<GroupInner>>>;

/// How a node opens.
#[derive(Clone)]
pub struct NodeOptions {
    pub id: NodeId,
    /// Logs of one cluster never open in another.
    pub cluster: String,
    pub dir: PathBuf,
    pub transport: Arc<dyn Transport>,
    /// Bytes of recent log kept in memory per group.
    pub log_cache_bytes: usize,
    pub workers: Workers,
    /// Called with the reason when the node can't go on; must end the process. The default aborts.
    pub on_fatal: OnFatal,
}

impl NodeOptions {
    /// A node without peers.
    pub fn new(id: NodeId, cluster: impl Into<String>, dir: impl Into<PathBuf>) -> NodeOptions {
        let dir = dir.into();
        let log = RaftLogOptions::new(&dir, &b""[..]);
        NodeOptions {
            id,
            cluster: cluster.into(),
            dir,
            transport: Arc::new(NoTransport),
            log_cache_bytes: log.cache_bytes,
            workers: Workers::Threads,
            on_fatal: log.on_fatal,
        }
    }
}

/// Who runs the machines, which block on their storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// A thread for each group, and one for each snapshot while it is written.
    Threads,
    /// The task that asks. For a simulation, where all there is happens on one thread, in one order.
    Caller,
}

/// Why a node or one of its groups did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log lost or changed something it had confirmed. Under this node id nothing may ever be
    /// voted again: with other voters alive, replace the node under a new id and let them feed it;
    /// the only voter of a group has lost its log.
    #[error(
        "the raft log is damaged ({0}). This node id must not vote again. If the group has other \
         voters, replace this node under a new id; if this was its only voter, run `gearify restore`"
    )]
    LogDamaged(Damage),
    /// State and snapshots are there, but not the log they came from.
    #[error(
        "the raft log of this group is missing while its state is there. This node id must not vote \
         again. If the group has other voters, replace this node under a new id; if this was its \
         only voter, run `gearify restore`"
    )]
    LogMissing,
    /// Entries were purged that neither the machine nor a snapshot covers any more.
    #[error(
        "the log was purged up to {purged}, but state and snapshots reach only {covered:?}. If the \
         group has other voters, replace this node under a new id; if this was its only voter, run \
         `gearify restore`"
    )]
    Uncovered { purged: u64, covered: Option<u64> },
    #[error("the raft log did not open: {0}")]
    Log(RaftLogError),
    #[error("the group runs here already")]
    Running,
    #[error("the timers contradict each other: {reason}")]
    Timers { reason: String },
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("the group did not start: {reason}")]
    Raft { reason: String },
    #[error("input or output failed: {0}")]
    Io(#[from] std::io::Error),
}

impl From<RaftLogError> for StartError {
    fn from(error: RaftLogError) -> StartError {
        match error {
            RaftLogError::LogDamaged(damage) => StartError::LogDamaged(damage),
            other => StartError::Log(other),
        }
    }
}

/// How far a group's log goes on a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// The last entry.
    pub last: u64,
    /// The newest term that the node has voted in.
    pub term: u64,
}

impl Held {
    pub(crate) fn of(state: GroupState) -> Held {
        let vote = state.vote.and_then(|vote| frames::decode_vote(vote).ok());
        let term = vote.map_or(0, |vote| vote.leader_id.term);
        Held { last: state.last.map_or(0, |mark| mark.index), term }
    }
}

/// One process's share of the cluster. Stop it before dropping it, or what runs is cut off.
pub struct Node {
    options: NodeOptions,
    log: Arc<dyn Logs>,
    groups: Arc<GroupTable>,
    /// Groups on their way into `groups`.
    starting: Mutex<BTreeSet<GroupId>>,
    observed: Mutex<BTreeMap<GroupId, Arc<Observed>>>,
}

impl Node {
    /// Opens the raft log and checks all of it. Blocks on the disk.
    ///
    /// # Errors
    /// [`StartError::LogDamaged`] if this node must not vote again.
    pub fn open(options: NodeOptions) -> Result<Node, StartError> {
        let identity = frames::encode_identity(&options.cluster, options.id);
        let mut log = RaftLogOptions::new(&options.dir, identity);
        log.cache_bytes = options.log_cache_bytes;
        log.on_fatal = Arc::clone(&options.on_fatal);
        let log = RaftLog::open(log)?;
        Ok(Node::over(options, Arc::new(log)))
    }

    /// A node over logs that are open already.
    pub fn over(options: NodeOptions, log: Arc<dyn Logs>) -> Node {
        let (groups, starting, observed) = Default::default();
        Node { log, options, groups, starting, observed }
    }

    pub fn id(&self) -> NodeId {
        self.options.id
    }

    /// Where a transport delivers what peers send.
    pub fn inbound(&self) -> Inbound {
        Inbound::new(self.options.id, Arc::clone(&self.groups))
    }

    /// Starts a group: installs a snapshot or replays entries as far as the machine is behind, then
    /// takes part. A group that has no members yet waits for [`Group::bootstrap`] or for a leader.
    pub async fn start_group(
        &self,
        id: GroupId,
        machine: impl Machine,
        options: GroupOptions,
    ) -> Result<Group, StartError> {
        if self.groups.read().contains_key(&id) || !self.starting.lock().insert(id) {
            return Err(StartError::Running);
        }
        let started = self.start_unchecked(id, Box::new(machine), options).await;
        self.starting.lock().remove(&id);
        started
    }

    async fn start_unchecked(
        &self,
        id: GroupId,
        machine: Box<dyn Machine>,
        options: GroupOptions,
    ) -> Result<Group, StartError> {
        let group = GroupInner::start(GroupSeed {
            id,
            me: self.options.id,
            log: self.log.group(id),
            dir: self.options.dir.join(format!("group-{id}")),
            machine,
            transport: Arc::clone(&self.options.transport),
            workers: self.options.workers,
            options,
            on_fatal: Arc::clone(&self.options.on_fatal),
        })
        .await?;
        self.groups.write().insert(id, Arc::clone(&group));
        Ok(Group::from_inner(group))
    }

    /// Follows a group without taking part in it. `options` say how long a read waits.
    pub async fn observe_group(
        &self,
        id: GroupId,
        machine: impl Machine,
        source: Arc<dyn Source>,
        options: &GroupOptions,
    ) -> Result<Group, StartError> {
        if self.groups.read().contains_key(&id) || self.observed.lock().contains_key(&id) {
            return Err(StartError::Running);
        }
        let observed = Observed::start(ObserverSeed {
            id,
            me: self.options.id,
            dir: &self.options.dir.join(format!("group-{id}")),
            machine: Box::new(machine),
            transport: Arc::clone(&self.options.transport),
            read: options.timers.read,
            source,
            on_fatal: Arc::clone(&self.options.on_fatal),
        })
        .await?;
        self.observed.lock().insert(id, Arc::clone(&observed));
        Ok(Group::from_observed(observed))
    }

    /// How far each group's log goes here, whether its group runs or not.
    pub fn held(&self) -> BTreeMap<GroupId, Held> {
        let held = |group: GroupId| (group, Held::of(self.log.group(group).state()));
        self.log.groups().into_iter().map(held).collect()
    }

    pub fn group(&self, id: GroupId) -> Option<Group> {
        let member = self.groups.read().get(&id).map(|inner| Group::from_inner(Arc::clone(inner)));
        member.or_else(|| self.observed.lock().get(&id).cloned().map(Group::from_observed))
    }

    /// Stops every group and writes out what the log still holds. Leadership is not handed over; do
    /// that first with [`Group::transfer_leader`].
    pub async fn stop(self) {
        let groups: Vec<_> = std::mem::take(&mut *self.groups.write()).into_values().collect();
        for group in groups {
            group.stop().await;
        }
        let observed = std::mem::take(&mut *self.observed.lock());
        for group in observed.into_values() {
            group.stop().await;
        }
        let log = self.log;
        let _ = tokio::task::spawn_blocking(move || drop(log)).await;
    }
}
