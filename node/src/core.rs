//! A node without its network face: files, groups, projectors, and the ports over them.
//!
//! Everything below one data directory:
//!
//! ```text
//! LOCK                 one process at a time
//! master.key           unless the settings name another place
//! log/                 the raft log of all groups, and their snapshots
//! groups/<group>/      state, rebuildable
//! events/<group>/      history, append-only
//! projections/         ledger.db, lists.db, search.db, search/: rebuildable
//! blobs/               pictures, by hash
//! ```

use crate::backend::{GroupHandle, NodeBackend, ProviderDesk};
use crate::bell::Bell;
use crate::forward::Forward;
use crate::machine::{ApplyError, ShopMachine};
use crate::projectors::lists::{ListReader, Lists, States};
use crate::projectors::mover::Mover;
use crate::projectors::{self, Board, Histories, ProjectorError};
use crate::projectors::{ledger::Ledger, metrics::Counters, search::Feeder};
use crate::search::IndexSearch;
use crate::search::live::{self, Live};
use crate::snapshot::{History, HistoryPeers};
use crate::state::{GROUPS, GroupState, group_id, group_name};
use crate::telemetry::TenantLabels;
use crate::vault::NodeVault;
use futures::future::BoxFuture;
use gearify_commerce::{GroupKind, StateVersion, Vault};
use gearify_replication::{
    GroupId, GroupOptions, Held, Node, NodeId, NodeOptions, Source, StartError, Timers, Transport,
};
use gearify_search::{SearchError, SearchIndexes, SearchOptions};
use gearify_storage::raftlog::OnFatal;
use gearify_storage::{
    BlobError, BlobStore, DirLock, EventStore, EventStoreError, ProjectionDb, ProjectionError, SledOptions,
    StorageError,
};
use gearify_web::Clock;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Entries of a group that all regions share which are on their way at a time: a majority may be far away.
const SHARED_IN_FLIGHT: usize = 4;

/// What a node is started from.
pub struct CoreOptions {
    pub data_dir: PathBuf,
    pub node: NodeId,
    pub cluster: String,
    pub vault: Arc<NodeVault>,
    pub sled_cache_bytes: u64,
    pub event_file_bytes: u64,
    pub log_cache_bytes: usize,
    pub blob_bytes_max: u64,
    pub tenant_label_max: usize,
    pub group_options: GroupOptions,
    pub transport: Arc<dyn Transport>,
    pub forward: Arc<dyn Forward>,
    pub peers: Arc<dyn HistoryPeers>,
    pub providers: Arc<dyn ProviderDesk>,
    /// What a leader stamps entries with.
    pub clock: Arc<dyn Clock>,
    /// Ends the process, with the reason, when the node can't go on.
    pub on_fatal: OnFatal,
    /// Makes this node the only voter of every group that has no members yet.
    pub found: bool,
    pub part: RegionPart,
    /// The newest version of the groups' rules that this program knows.
    pub newest: StateVersion,
}

/// A node's part among several regions; the default is that of a node in the only one.
#[derive(Clone, Default)]
pub struct RegionPart {
    /// The number of this node's region.
    pub region: u16,
    /// Makes this node the only voter of its region's own group, if that has no members yet.
    pub founds: bool,
    /// Where the groups that all regions share are read from, on a node that is no member of them.
    pub observe: Option<Arc<dyn Source>>,
    /// Clocks of the shared groups, where their voters are far from each other.
    pub shared_timers: Option<Timers>,
    /// Asked before this node votes on anything.
    pub recall: Option<Arc<dyn Recall>>,
}

/// What other nodes remember of this one.
pub trait Recall: Send + Sync {
    /// Tells them how far each log goes here; answers what some of them know better.
    fn missing(&self, here: BTreeMap<GroupId, Held>) -> BoxFuture<'_, Option<Lost>>;
}

/// An entry that this node confirmed once and does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    pub group: GroupId,
    pub confirmed: u64,
    pub here: u64,
}

impl RegionPart {
    /// How a group that all regions share runs.
    pub fn shared(&self, options: &GroupOptions) -> GroupOptions {
        let timers = self.shared_timers.clone().unwrap_or_else(|| options.timers.clone());
        GroupOptions { timers, entries_in_flight: SHARED_IN_FLIGHT, ..options.clone() }
    }
}

/// Why a node does not start: one line each.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    #[error("{path} is in use by another gearify process")]
    InUse { path: String },
    #[error("the data directory {path} can't be used: {source}")]
    DataDir { path: String, source: StorageError },
    #[error("the state of {group} can't be opened: {source}")]
    State { group: &'static str, source: StorageError },
    #[error("the event history of {group} can't be opened: {source}")]
    Events { group: &'static str, source: EventStoreError },
    #[error("{file} can't be opened: {source}")]
    Projection { file: &'static str, source: ProjectionError },
    #[error("the search index can't be opened: {0}")]
    Search(#[from] SearchError),
    #[error("the blob store can't be opened: {0}")]
    Blobs(#[from] BlobError),
    #[error("{group} does not start: {source}")]
    Group { group: &'static str, source: StartError },
    #[error("the raft log does not open: {0}")]
    Log(StartError),
    #[error(
        "this node confirmed entry {} of group {} and its log ends at {}: the disk is an old copy. Under this \
         number it must not vote again: replace the node under a new one", .0.confirmed, .0.group, .0.here
    )]
    OldCopy(Lost),
    #[error("{group} can't be founded: {reason}")]
    Found { group: &'static str, reason: String },
    #[error("{group} has no leader after {seconds} s")]
    NoLeader { group: &'static str, seconds: u64 },
    #[error("{group} has not applied what its log has after {seconds} s")]
    Behind { group: &'static str, seconds: u64 },
    #[error("a thread can't be started: {0}")]
    Thread(std::io::Error),
    #[error(transparent)]
    Projector(#[from] ProjectorError),
    #[error(transparent)]
    Machine(#[from] ApplyError),
}

/// The running parts.
pub struct Core {
    node: Option<Node>,
    backend: Arc<NodeBackend>,
    pub vault: Arc<NodeVault>,
    pub blobs: Arc<BlobStore>,
    pub search: IndexSearch,
    pub lists: ListReader,
    pub lists_db: Arc<ProjectionDb>,
    pub ledger_db: Arc<ProjectionDb>,
    pub histories: Histories,
    pub board: Board,
    pub states: States,
    live: Live,
    threads: Vec<JoinHandle<()>>,
    _lock: DirLock,
}

/// A group's files before its machine starts.
struct Opened {
    state: Arc<GroupState>,
    store: Arc<Mutex<EventStore>>,
}

impl Core {
    /// Opens everything, starts the groups, and returns when each has a leader.
    pub async fn start(options: CoreOptions) -> Result<Core, CoreError> {
        let dir = options.data_dir.clone();
        let lock = lock(&dir)?;
        let opened = open_groups(&options)?;
        let states = States {
            world: opened[&GroupKind::World].state.clone(),
            catalogue: opened[&GroupKind::Catalogue].state.clone(),
            region: opened[&GroupKind::Region].state.clone(),
        };
        let grown = Bell::default();
        let readers = opened.iter().map(|(kind, files)| (*kind, files.store.lock().reader())).collect();
        let histories = Histories::new(readers, grown.clone());
        let vault: Arc<dyn Vault> = options.vault.clone();
        let files = Files::open(&dir, &options, &states, vault)?;
        let live = Live::default();

        let node = open_log(&options).await?;
        if let Some(recall) = &options.part.recall
            && let Some(lost) = recall.missing(node.held()).await
        {
            return Err(CoreError::OldCopy(lost));
        }
        let mut groups = BTreeMap::new();
        for kind in GROUPS {
            let files = &opened[&kind];
            let history = History { store: files.store.clone(), peers: options.peers.clone() };
            let listener = Arc::new(live.clone());
            let machine = ShopMachine::new(files.state.clone(), history, listener, options.newest)?;
            let failed = |source| CoreError::Group { group: group_name(kind), source };
            let (id, part) = (group_id(kind, options.part.region), &options.part);
            let shared = part.shared(&options.group_options);
            let group = match (kind, &part.observe) {
                (GroupKind::Region, _) => node.start_group(id, machine, options.group_options.clone()).await,
                (_, Some(source)) => node.observe_group(id, machine, source.clone(), &shared).await,
                (_, None) => node.start_group(id, machine, shared).await,
            };
            let group = group.map_err(failed)?;
            let history = files.store.lock().reader();
            groups.insert(kind, GroupHandle { group, state: files.state.clone(), history });
        }
        let founded = groups
            .iter()
            .filter(|(kind, _)| options.found || (options.part.founds && **kind == GroupKind::Region));
        found(founded, options.node).await?;
        let backend = NodeBackend::new(
            groups,
            options.vault.clone(),
            options.forward,
            options.providers,
            options.clock,
        );

        let mut threads = Threads::default();
        for kind in GROUPS {
            let files = &opened[&kind];
            let mover =
                Mover::new(files.state.clone(), files.store.clone(), histories.recent(kind), grown.clone());
            let on_fatal = options.on_fatal.clone();
            threads.spawn(&format!("mover-{}", group_name(kind)), move || {
                if let Err(error) = mover.run() {
                    on_fatal(&format!("events of {} can't be kept: {error}", group_name(kind)));
                }
            })?;
        }
        let worker = live::Worker::new(live.clone(), states.clone(), files.indexes.clone());
        threads.spawn("live-columns", move || worker.run())?;
        let board = Board::default();
        let labels = Arc::new(TenantLabels::new(options.tenant_label_max));
        let counters = Counters::new(&histories, states.world.clone(), labels);
        let Files { ledger, lists, mut feeder, indexes, blobs } = files;
        let (ledger_db, lists_db, list_reader, fed) =
            (ledger.db(), lists.db(), lists.reader(), feeder.fed_to());
        threads.project(ledger, &histories, &board)?;
        threads.project(lists, &histories, &board)?;
        threads.project(counters, &histories, &board)?;
        feeder.check_all()?;
        threads.project(feeder, &histories, &board)?;
        Ok(Core {
            node: Some(node),
            backend: Arc::new(backend),
            vault: options.vault,
            blobs: Arc::new(blobs),
            search: IndexSearch::new(indexes, live.clone(), fed),
            lists: list_reader,
            lists_db,
            ledger_db,
            histories,
            board,
            states,
            live,
            threads: threads.running,
            _lock: lock,
        })
    }

    pub fn backend(&self) -> &Arc<NodeBackend> {
        &self.backend
    }

    /// The replicated groups, for transports and for changing members.
    pub fn node(&self) -> &Node {
        self.node.as_ref().expect("the node runs until it is stopped")
    }

    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Waits until the groups have leaders. One that this node leads itself has then applied everything that
    /// was acknowledged before: what it reads is not older than what it once said.
    pub async fn wait_for_leaders(&self, within: Duration) -> Result<(), CoreError> {
        for (kind, handle) in self.backend.groups().filter(|(_, handle)| !handle.group.is_observer()) {
            let mut leadership = handle.group.leadership();
            let me = handle.group.node();
            let led = leadership.wait_for(|now| now.leader.is_some_and(|leader| leader != me || now.mine));
            if tokio::time::timeout(within, led).await.is_err() {
                return Err(CoreError::NoLeader { group: group_name(kind), seconds: within.as_secs() });
            }
        }
        Ok(())
    }

    /// Waits until everything is applied that the log here says is committed: for a node that has no leader
    /// to ask.
    pub async fn wait_until_known_is_applied(&self, within: Duration) -> Result<(), CoreError> {
        let until = tokio::time::Instant::now() + within;
        for (kind, handle) in self.backend.groups().filter(|(_, handle)| !handle.group.is_observer()) {
            while handle.group.metrics().committed.is_some_and(|index| handle.state.applied_index() < index) {
                if tokio::time::Instant::now() > until {
                    return Err(CoreError::Behind { group: group_name(kind), seconds: within.as_secs() });
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        Ok(())
    }

    /// Waits until the projectors have taken in what is applied now, at most `within`; says whether they did.
    pub async fn projected(&self, within: Duration) -> bool {
        let targets: Vec<(GroupKind, u64)> =
            self.backend.groups().map(|(kind, handle)| (kind, handle.state.applied_index())).collect();
        let until = tokio::time::Instant::now() + within;
        loop {
            let moved = targets.iter().all(|(kind, index)| self.histories.reader(*kind).position() >= *index);
            let read = self.board.rows().values().all(|progress| progress.lag.values().all(|lag| *lag == 0));
            let seen = self.board.seen_at_least(&targets);
            if moved && read && seen {
                return true;
            }
            if tokio::time::Instant::now() > until {
                return false;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops groups and threads and writes out what is in memory.
    pub async fn stop(mut self) {
        if let Some(node) = self.node.take() {
            node.stop().await;
        }
        self.live.stop();
        self.histories.grown.stop();
        for kind in GROUPS {
            self.states.of(kind).bell().stop();
        }
        let threads = std::mem::take(&mut self.threads);
        let states = self.states.clone();
        let _ = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let name = thread.thread().name().unwrap_or("a thread").to_owned();
                if thread.join().is_err() {
                    tracing::error!(thread = name, "a thread had ended by a panic");
                }
            }
            for kind in GROUPS {
                if let Err(error) = states.of(kind).engine().engine().flush() {
                    tracing::warn!(group = group_name(kind), %error, "state not flushed; the next start replays more");
                }
            }
        })
        .await;
    }
}

fn lock(dir: &Path) -> Result<DirLock, CoreError> {
    DirLock::acquire(dir).map_err(|error| match error {
        StorageError::InUse { path } => CoreError::InUse { path },
        source => CoreError::DataDir { path: dir.display().to_string(), source },
    })
}

fn open_groups(options: &CoreOptions) -> Result<BTreeMap<GroupKind, Opened>, CoreError> {
    let sled = SledOptions { cache_bytes: options.sled_cache_bytes };
    let mut opened = BTreeMap::new();
    for kind in GROUPS {
        let group = group_name(kind);
        let state = GroupState::open(kind, &options.data_dir.join("groups").join(group), sled);
        let (state, set_aside) = state.map_err(|source| CoreError::State { group, source })?;
        if let Some(set_aside) = set_aside {
            let kept = set_aside.path.display().to_string();
            tracing::warn!(
                group,
                kept,
                reason = set_aside.reason,
                "state is built again from snapshot and log"
            );
        }
        let dir = options.data_dir.join("events").join(group);
        let store = EventStore::open_or_set_aside(&dir, options.event_file_bytes, group);
        let (store, damage) = store.map_err(|source| CoreError::Events { group, source })?;
        let state = whole(state, &store, damage, &options.data_dir.join("groups").join(group), sled)
            .map_err(|source| CoreError::State { group, source })?;
        opened.insert(kind, Opened { state, store: Arc::new(Mutex::new(store)) });
    }
    Ok(opened)
}

/// A history that is damaged, or that lost its end, as SQLite lets it where the end of its journal is damaged,
/// lacks events that the state no longer has: the state is made again, and they with it.
fn whole(
    state: Arc<GroupState>,
    store: &EventStore,
    damage: Option<String>,
    dir: &Path,
    options: SledOptions,
) -> Result<Arc<GroupState>, StorageError> {
    let (kind, cleared, position) = (state.kind(), state.cleared()?, store.position());
    if cleared <= position && damage.is_none() {
        return Ok(state);
    }
    let group = group_name(kind);
    tracing::error!(
        group,
        position,
        cleared,
        damage,
        "the event history lost its end; state and events are made again from snapshot and log"
    );
    drop(state);
    GroupState::open_anew(kind, dir, options)
}

async fn open_log(options: &CoreOptions) -> Result<Node, CoreError> {
    let mut node = NodeOptions::new(options.node, options.cluster.clone(), options.data_dir.join("log"));
    node.transport = options.transport.clone();
    node.log_cache_bytes = options.log_cache_bytes;
    node.on_fatal = options.on_fatal.clone();
    let open = tokio::task::spawn_blocking(move || Node::open(node)).await;
    open.map_err(|error| CoreError::Log(StartError::Io(std::io::Error::other(error))))?
        .map_err(CoreError::Log)
}

/// Projections and blobs.
struct Files {
    ledger: Ledger,
    lists: Lists,
    feeder: Feeder,
    indexes: Arc<SearchIndexes>,
    blobs: BlobStore,
}

impl Files {
    fn open(
        dir: &Path,
        options: &CoreOptions,
        states: &States,
        vault: Arc<dyn Vault>,
    ) -> Result<Files, CoreError> {
        let projections = dir.join("projections");
        std::fs::create_dir_all(&projections).map_err(|error| CoreError::DataDir {
            path: projections.display().to_string(),
            source: error.into(),
        })?;
        let failed = |file| move |source| CoreError::Projection { file, source };
        let ledger = Ledger::open(&projections.join("ledger.db")).map_err(failed("ledger.db"))?;
        let lists =
            Lists::open(&projections.join("lists.db"), states.clone(), vault).map_err(failed("lists.db"))?;
        let indexes = Arc::new(SearchIndexes::open(projections.join("search"), SearchOptions::default())?);
        let feeder = Feeder::open(&projections.join("search.db"), indexes.clone(), states.clone());
        let feeder = feeder.map_err(failed("search.db"))?;
        let blobs = BlobStore::open(&dir.join("blobs"), options.blob_bytes_max)?;
        Ok(Files { ledger, lists, feeder, indexes, blobs })
    }
}

/// Makes this node the only voter of groups without members, and waits until it leads them.
async fn found(
    groups: impl Iterator<Item = (&GroupKind, &GroupHandle)>,
    me: NodeId,
) -> Result<(), CoreError> {
    for (kind, handle) in groups.filter(|(_, handle)| !handle.group.is_observer()) {
        let group = group_name(*kind);
        let failed = |reason: String| CoreError::Found { group, reason };
        if !handle.group.is_bootstrapped().await.map_err(|error| failed(error.to_string()))? {
            let founded = handle.group.bootstrap(BTreeSet::from([me])).await;
            founded.map_err(|error| failed(error.to_string()))?;
        }
    }
    Ok(())
}

#[derive(Default)]
struct Threads {
    running: Vec<JoinHandle<()>>,
}

impl Threads {
    fn spawn(&mut self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), CoreError> {
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(CoreError::Thread)?;
        self.running.push(thread);
        Ok(())
    }

    fn project(
        &mut self,
        projector: impl projectors::Projector + 'static,
        histories: &Histories,
        board: &Board,
    ) -> Result<(), CoreError> {
        let (histories, board) = (histories.clone(), board.clone());
        let name = projector.name();
        board.begin(name, projector.groups());
        self.spawn(&format!("projector-{name}"), move || projectors::run(projector, &histories, &board))
    }
}
