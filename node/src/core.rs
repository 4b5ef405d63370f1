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
//! projections/         ledger.db, lists.db (a further shard's: ledger-1.db …), search.db, search/: rebuildable
//! blobs/               pictures, by hash
//! ```

use crate::backend::{GroupHandle, NodeBackend, ProviderDesk};
use crate::bell::Bell;
use crate::forward::Forward;
use crate::machine::{ApplyError, Listener, ShopMachine};
use crate::mended::Mended;
use crate::opening::{self, Opened, Opener, Places, Threads};
use crate::projectors::lists::{Lists, States};
use crate::projectors::{Board, Histories, ProjectorError};
use crate::projectors::{ledger::Ledger, metrics::Counters, search::Feeder};
use crate::search::IndexSearch;
use crate::search::live::{self, Live};
use crate::shards::{ShardParts, Shards};
use crate::snapshot::{History, HistoryPeers};
use crate::state::{GROUPS, GroupKey, group_id, group_name};
use crate::telemetry::TenantLabels;
use crate::vault::NodeVault;
use futures::future::BoxFuture;
use gearify_commerce::event::Envelope;
use gearify_commerce::{GroupKind, Shard, StateVersion, TenantId, Vault};
use gearify_replication::{
    GroupId, GroupOptions, Held, Node, NodeId, NodeOptions, Source, StartError, Timers, Transport,
};
use gearify_search::{SearchError, SearchIndexes, SearchOptions};
use gearify_storage::raftlog::OnFatal;
use gearify_storage::{
    BlobError, BlobStore, DirLock, EventStoreError, ProjectionDb, ProjectionError, Reader, SledOptions,
    StorageError,
};
use gearify_web::Clock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

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
    /// Looks through ledger and lists that are too large to be read at a start, and ends where they are damaged.
    pub looks_through: bool,
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
    /// Shards of which nobody else has anything: they are opened wherever they are placed.
    pub keeps: BTreeSet<Shard>,
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
    #[error("the node is stopping")]
    Stopping,
    #[error("a thread can't be started: {0}")]
    Thread(std::io::Error),
    #[error(transparent)]
    Projector(#[from] ProjectorError),
    #[error(transparent)]
    Machine(#[from] ApplyError),
}

/// The running parts.
pub struct Core {
    node: Option<Arc<Node>>,
    backend: Arc<NodeBackend>,
    pub vault: Arc<NodeVault>,
    pub blobs: Arc<BlobStore>,
    pub search: IndexSearch,
    /// Of all shards that run here.
    pub shards: Shards,
    /// Of the first shard.
    pub lists_db: Arc<ProjectionDb>,
    pub ledger_db: Arc<ProjectionDb>,
    pub histories: Histories,
    pub board: Board,
    pub states: States,
    /// What its files lacked when they were opened.
    pub mended: Mended,
    live: Live,
    threads: Threads,
    keeping: (JoinHandle<()>, CancellationToken),
    _lock: DirLock,
}

/// Hears of what machines do.
struct Ears {
    live: Live,
    shards: Shards,
}

impl Listener for Ears {
    fn applied(&self, group: GroupKind, events: &[Envelope]) {
        self.live.applied(group, events);
    }

    fn replaced(&self, group: GroupKind) {
        self.shards.refresh();
        self.live.replaced(group);
    }

    fn placed(&self) {
        self.shards.refresh();
    }

    fn came(&self, tenant: TenantId) {
        self.live.came(tenant);
    }
}

impl Core {
    /// Opens everything, starts the groups, and returns when each has a leader.
    pub async fn start(options: CoreOptions) -> Result<Core, CoreError> {
        let dir = options.data_dir.clone();
        let lock = lock(&dir)?;
        let sled = SledOptions { cache_bytes: options.sled_cache_bytes };
        let mended = Mended::default();
        let (event_file_bytes, noted) = (options.event_file_bytes, mended.clone());
        let on_damage = options.looks_through.then(|| options.on_fatal.clone());
        let places = Places { data_dir: dir.clone(), sled, event_file_bytes, mended: noted, on_damage };
        let opened = open_groups(&places)?;
        let states = States {
            world: opened[&GroupKind::World].state.clone(),
            catalogue: opened[&GroupKind::Catalogue].state.clone(),
            region: opened[&GroupKind::Region].state.clone(),
        };
        let shards = Shards::new(options.node, states.region.clone());
        let world: Arc<dyn Reader> = states.world.clone();
        options.vault.know_copies(&world);
        let grown = Bell::default();
        let readers = opened.iter().map(|(kind, files)| (*kind, files.store.lock().reader())).collect();
        let histories = Histories::new(readers, grown.clone());
        let vault: Arc<dyn Vault> = options.vault.clone();
        let files = Files::open(&dir, &places, &options, &states, vault.clone())?;
        let live = Live::default();
        let listener: Arc<dyn Listener> = Arc::new(Ears { live: live.clone(), shards: shards.clone() });

        let node = Arc::new(open_log(&options).await?);
        if let Some(recall) = &options.part.recall
            && let Some(lost) = recall.missing(node.held()).await
        {
            return Err(CoreError::OldCopy(lost));
        }
        let mut groups = BTreeMap::new();
        for kind in GROUPS {
            let files = &opened[&kind];
            let history = History { store: files.store.clone(), peers: options.peers.clone() };
            let machine = ShopMachine::new(files.state.clone(), history, listener.clone(), options.newest)?;
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
        for (kind, handle) in founded.filter(|(_, handle)| !handle.group.is_observer()) {
            opening::found(&handle.group, GroupKey::from(*kind)).await?;
        }
        let Files { ledger, lists, mut feeder, indexes, blobs } = files;
        let (ledger_db, lists_db, fed) = (ledger.db(), lists.db(), feeder.fed_to());
        let dbs = (lists_db.clone(), ledger_db.clone());
        let first = groups.remove(&GroupKind::Region).expect("it was started");
        shards.add(Shard::FIRST, ShardParts::new(first, histories.clone(), lists.reader(), dbs, true));
        let backend = NodeBackend::new(
            groups,
            shards.clone(),
            options.vault.clone(),
            options.forward,
            options.providers,
            options.clock,
        );

        let threads = Threads::default();
        for kind in GROUPS {
            threads.move_events(&opened[&kind], histories.recent(kind), &histories, &options.on_fatal)?;
        }
        let worker = live::Worker::new(live.clone(), states.clone(), shards.clone(), indexes.clone());
        threads.spawn("live-columns", move || worker.run())?;
        let board = Board::default();
        let labels = Arc::new(TenantLabels::new(options.tenant_label_max));
        let counters = Counters::new(&histories, Shard::FIRST, states.world.clone(), labels.clone());
        threads.project(ledger, &histories, &board)?;
        threads.project(lists, &histories, &board)?;
        threads.project(counters, &histories, &board)?;
        feeder.check_all()?;
        threads.project(feeder, &histories, &board)?;
        let opener = Opener {
            places,
            node: Arc::downgrade(&node),
            region: options.part.region,
            group_options: options.group_options,
            newest: options.newest,
            vault,
            peers: options.peers,
            listener,
            states: states.clone(),
            histories: histories.clone(),
            labels,
            board: board.clone(),
            threads: threads.clone(),
            on_fatal: options.on_fatal,
            shards: shards.clone(),
            keeps: options.part.keeps,
        };
        shards.open_placed(&opener).await;
        let stop = CancellationToken::new();
        let keeping = (tokio::spawn(shards.clone().keep(opener, stop.clone())), stop);
        Ok(Core {
            node: Some(node),
            backend: Arc::new(backend),
            vault: options.vault,
            blobs: Arc::new(blobs),
            search: IndexSearch::new(indexes, live.clone(), fed),
            shards,
            lists_db,
            ledger_db,
            histories,
            board,
            states,
            mended,
            live,
            threads,
            keeping,
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
        let of = |(_, handle): (GroupKey, &GroupHandle)| (handle.state.name(), handle.state.applied_index());
        let targets: Vec<(&'static str, u64)> = self.backend.groups().map(of).collect();
        let until = tokio::time::Instant::now() + within;
        loop {
            let moved = self.backend.groups().all(|(_, handle)| {
                let target = targets.iter().find(|(name, _)| *name == handle.state.name());
                target.is_none_or(|(_, index)| handle.history.position() >= *index)
            });
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
        let (keeping, token) = self.keeping;
        token.cancel();
        let _ = keeping.await;
        if let Some(node) = self.node.take().and_then(Arc::into_inner) {
            node.stop().await;
        }
        self.live.stop();
        self.histories.grown.stop();
        // Those of shards too that were placed elsewhere meanwhile.
        let shards = self.shards.open().map(|(_, parts)| parts.handle.state.clone());
        let states: Vec<_> =
            [self.states.world.clone(), self.states.catalogue.clone()].into_iter().chain(shards).collect();
        states.iter().for_each(|state| state.bell().stop());
        let threads = self.threads.take();
        let _ = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let name = thread.thread().name().unwrap_or("a thread").to_owned();
                if thread.join().is_err() {
                    tracing::error!(thread = name, "a thread had ended by a panic");
                }
            }
            for state in states {
                if let Err(error) = state.engine().engine().flush() {
                    let group = state.name();
                    tracing::warn!(group, %error, "state not flushed; the next start replays more");
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

fn open_groups(places: &Places) -> Result<BTreeMap<GroupKind, Opened>, CoreError> {
    GROUPS.into_iter().map(|kind| Ok((kind, places.open(kind.into())?))).collect()
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
        places: &Places,
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
        let (ledger, lists) = places.open_books(Shard::FIRST, states, vault)?;
        let indexes = Arc::new(SearchIndexes::open(projections.join("search"), SearchOptions::default())?);
        let mended = places.mended.clone();
        let feeder = Feeder::open(&projections.join("search.db"), indexes.clone(), states.clone(), mended);
        let feeder = feeder.map_err(failed("search.db"))?;
        let blobs = BlobStore::open(&dir.join("blobs"), options.blob_bytes_max)?;
        Ok(Files { ledger, lists, feeder, indexes, blobs })
    }
}
