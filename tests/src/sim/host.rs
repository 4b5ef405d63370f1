//! One simulated node: the real groups, machines and backend over a disk and links that can fail.

use super::dice::Dice;
use super::links::Links;
use super::log::{LogDisk, Lost};
use super::shelf::Ledges;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::event::Envelope;
use gearify_commerce::intent::Request;
use gearify_commerce::{GroupKind, Shard, Timestamp, version};
use gearify_node::backend::{GroupHandle, NodeBackend};
use gearify_node::bell::Bell;
use gearify_node::forward::{Forward, Switchboard, Undecided};
use gearify_node::machine::{Listener, ShopMachine};
use gearify_node::projectors::lists::ListReader;
use gearify_node::projectors::{Histories, mover::Mover};
use gearify_node::providers::Providers;
use gearify_node::shards::{ShardParts, Shards};
use gearify_node::snapshot::History;
use gearify_node::state::{GROUPS, GroupState, group_id, group_name};
use gearify_node::vault::NodeVault;
use gearify_replication::{
    Group, GroupId, GroupOptions, MemoryNet, Node, NodeId, NodeOptions, PAGE_WAIT, Page, Source, Timers,
    Workers,
};
use gearify_storage::{EventStore, ProjectionDb, StorageError};
use gearify_web::Clock;
use gearify_web::ports::{Decided, SubmitError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// 2026-05-01, as in the stories.
const BEGIN_MS: i64 = 1_777_593_600_000;
/// From one look into the outbox to the next.
const MOVE_EVERY: Duration = Duration::from_millis(90);
/// A forwarded request has its answer by then, or its outcome is unknown.
const FORWARD_WITHIN: Duration = Duration::from_secs(2);

/// What all nodes share.
#[derive(Clone)]
pub struct Common {
    pub seed: u64,
    pub net: MemoryNet,
    pub links: Arc<Links>,
    pub switchboard: Switchboard,
    pub vault: Arc<NodeVault>,
    pub began: Instant,
    pub options: GroupOptions,
    /// Clocks of the groups that all regions share, where there are several.
    pub shared_timers: Option<Timers>,
    /// The processes that run.
    pub running: Arc<Mutex<BTreeMap<u64, Running>>>,
    /// The region of each node.
    pub regions: BTreeMap<u64, u16>,
    /// Nodes that vote in the groups that all regions share; other regions' nodes observe them.
    pub shared_voters: BTreeSet<NodeId>,
    /// What went wrong that must not.
    pub wrong: Arc<Mutex<Vec<String>>>,
    pub books: Arc<ProjectionDb>,
    /// Snapshots that took the place of a state.
    pub installed: Arc<AtomicU64>,
    /// Times that were told by a clock that goes wrong.
    pub skewed: Arc<AtomicU64>,
}

/// A wall clock that goes with the simulation's time, and may go wrong.
struct HostClock {
    began: Instant,
    skew_ms: Arc<AtomicI64>,
    skewed: Arc<AtomicU64>,
}

impl Clock for HostClock {
    fn now(&self) -> Timestamp {
        let skew = self.skew_ms.load(Ordering::Relaxed);
        self.skewed.fetch_add(u64::from(skew != 0), Ordering::Relaxed);
        Timestamp::from_millis(BEGIN_MS + self.began.elapsed().as_millis() as i64 + skew)
    }
}

/// Hands requests on over the links.
struct OverLinks {
    me: NodeId,
    links: Arc<Links>,
    switchboard: Switchboard,
    ended: CancellationToken,
    spans_regions: bool,
}

impl OverLinks {
    /// Has another node decide, over the links there and back.
    async fn hand_on<'f>(
        &'f self,
        to: NodeId,
        decide: impl FnOnce() -> BoxFuture<'f, Result<Decided, Undecided>>,
    ) -> Result<Decided, Undecided> {
        let over_links = async {
            if !self.links.carry(self.me, to, 0).await {
                return std::future::pending().await;
            }
            let decided = decide().await;
            if !self.links.carry(to, self.me, 0).await || self.ended.is_cancelled() {
                return std::future::pending().await;
            }
            decided
        };
        let decided = tokio::time::timeout(FORWARD_WITHIN, over_links).await;
        decided.unwrap_or(Err(Undecided::Submit(SubmitError::Unknown)))
    }
}

impl Forward for OverLinks {
    fn forward(&self, to: NodeId, request: Request) -> BoxFuture<'_, Result<Decided, Undecided>> {
        self.hand_on(to, move || self.switchboard.forward(to, request)).boxed()
    }

    fn forward_in(
        &self,
        to: NodeId,
        shard: Shard,
        request: Request,
    ) -> BoxFuture<'_, Result<Decided, Undecided>> {
        self.hand_on(to, move || self.switchboard.forward_in(to, shard, request)).boxed()
    }

    fn spans_regions(&self) -> bool {
        self.spans_regions
    }
}

/// Where an observer reads from: neighbours with lower numbers first, then nodes of other regions.
struct Neighbours {
    me: NodeId,
    order: Vec<u64>,
    links: Arc<Links>,
    running: Arc<Mutex<BTreeMap<u64, Running>>>,
}

impl Neighbours {
    /// A node's group, and nothing more of it: a question may outlive the process it is put to.
    fn find(&self, node: u64, group: GroupId) -> Result<(Group, CancellationToken), String> {
        let running = self.running.lock();
        let running = running.get(&node).ok_or("it is not there")?;
        let mut groups = running.backend.groups().map(|(_, handle)| &handle.group);
        let group = groups.find(|there| there.id() == group).ok_or("it has no such group")?;
        Ok((group.clone(), running.ended.clone()))
    }

    /// Asks one of them over the links.
    async fn ask<T>(
        &self,
        node: u64,
        group: GroupId,
        question: impl AsyncFnOnce(Group) -> Result<T, String>,
    ) -> Result<T, String> {
        let asking = async {
            if !self.links.carry(self.me, NodeId(node), 0).await {
                return std::future::pending().await;
            }
            let (group, ended) = self.find(node, group)?;
            let answer = question(group).await;
            if !self.links.carry(NodeId(node), self.me, 0).await || ended.is_cancelled() {
                return std::future::pending().await;
            }
            answer
        };
        tokio::time::timeout(PAGE_WAIT * 3, asking).await.unwrap_or(Err("no answer in time".into()))
    }
}

impl Source for Neighbours {
    fn page(&self, group: GroupId, from: u64) -> BoxFuture<'_, Result<(NodeId, Page), String>> {
        async move {
            let mut last = String::new();
            for node in &self.order {
                let page = self.ask(*node, group, async |group| {
                    group.page(from, PAGE_WAIT).await.map_err(|error| error.to_string())
                });
                match page.await {
                    Ok(page) => return Ok((NodeId(*node), page)),
                    Err(error) => last = error,
                }
            }
            Err(last)
        }
        .boxed()
    }

    fn part(
        &self,
        node: NodeId,
        group: GroupId,
        hash: [u8; 32],
        offset: u64,
    ) -> BoxFuture<'_, Result<Bytes, String>> {
        self.ask(node.0, group, async move |group| {
            group.snapshot_part(hash, offset).await.map_err(|error| error.to_string())
        })
        .boxed()
    }
}

/// Nothing in memory has to follow the state; replaced states are counted.
struct Ears {
    shards: Shards,
    installed: Arc<AtomicU64>,
}

impl Listener for Ears {
    fn applied(&self, _: GroupKind, _: &[Envelope]) {}

    fn replaced(&self, _: GroupKind) {
        self.installed.fetch_add(1, Ordering::Relaxed);
        self.shards.refresh();
    }

    fn placed(&self) {
        self.shards.refresh();
    }
}

/// A process while it runs.
#[derive(Clone)]
pub struct Running {
    pub life: u64,
    pub backend: Arc<NodeBackend>,
    /// Cancelled when the process has ended.
    pub ended: CancellationToken,
    pub stores: BTreeMap<GroupKind, Arc<Mutex<EventStore>>>,
}

pub struct Host {
    pub id: u64,
    pub region: u16,
    common: Common,
    dir: PathBuf,
    pub disk: LogDisk,
    ledges: BTreeMap<GroupKind, Ledges>,
    dice: Dice,
    pub skew_ms: Arc<AtomicI64>,
    pub running: Option<Running>,
    node: Option<Node>,
    /// What the process that ended last has still to let go of.
    ending: Vec<JoinHandle<()>>,
    lives: u64,
}

impl Host {
    pub fn new(id: u64, region: u16, dir: PathBuf, common: Common) -> Host {
        let dice = |what: &str| Dice::new(common.seed, &format!("host {id} {what}"));
        Host {
            id,
            region,
            dir,
            disk: LogDisk::new(dice("disk")),
            ledges: GROUPS.map(|kind| (kind, Ledges::default())).into(),
            dice: dice("fate"),
            skew_ms: Arc::default(),
            running: None,
            node: None,
            ending: Vec::new(),
            lives: 0,
            common,
        }
    }

    /// Starts a process on what the last one left.
    pub async fn start(&mut self) -> Result<(), String> {
        for ending in self.ending.drain(..) {
            let _ = ending.await;
        }
        self.lives += 1;
        let seed = Dice::new(self.common.seed, &format!("host {} life {}", self.id, self.lives)).bits();
        gearify_replication::seeded(seed as u64, self.start_seeded()).await
    }

    async fn start_seeded(&mut self) -> Result<(), String> {
        let told = |error: &dyn std::fmt::Display| error.to_string();
        let (me, ended) = (NodeId(self.id), CancellationToken::new());
        let node = Node::over(self.node_options(me, &ended), self.disk.open());
        let (mut groups, mut stores, mut movers) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
        let states = self.states().map_err(|error| told(&error))?;
        let shards = Shards::new(me, states[&GroupKind::Region].clone());
        let listener = Arc::new(Ears { shards: shards.clone(), installed: self.common.installed.clone() });
        for (kind, state) in states {
            let store = EventStore::open_with(&self.dir.join("events").join(group_name(kind)), 1 << 20);
            let store = Arc::new(Mutex::new(store.map_err(|error| told(&error))?));
            let peers = Arc::new(self.common.switchboard.clone());
            let history = History { store: store.clone(), peers };
            let machine = ShopMachine::new(state.clone(), history, listener.clone(), version::NEWEST);
            let machine = machine.map_err(|error| told(&error))?;
            let id = group_id(kind, self.region);
            let shared = GroupOptions {
                timers: self.common.shared_timers.clone().unwrap_or(self.common.options.timers.clone()),
                ..self.common.options.clone()
            };
            let group = match kind {
                GroupKind::Region => node.start_group(id, machine, self.common.options.clone()).await,
                _ if self.observes() => node.observe_group(id, machine, self.neighbours(), &shared).await,
                _ => node.start_group(id, machine, shared).await,
            };
            let group = group.map_err(|error| told(&error))?;
            let reader = store.lock().reader();
            let grown = Bell::default();
            let histories = Histories::new(BTreeMap::from([(kind, reader.clone())]), grown.clone());
            movers.push(Mover::new(state.clone(), store.clone(), histories.recent(kind), grown));
            let handle = GroupHandle { group, state, history: reader };
            match kind {
                GroupKind::Region => self.add_first_shard(&shards, handle, histories),
                _ => drop(groups.insert(kind, handle)),
            }
            stores.insert(kind, store);
        }
        self.common.net.attach(node.inbound());
        let backend = Arc::new(self.backend(groups, shards, &ended));
        self.common.switchboard.attach(me, &backend);
        self.ending.push(tokio::spawn(move_events(movers, ended.clone(), self.common.wrong.clone())));
        self.node = Some(node);
        self.running = Some(Running { life: self.lives, backend, ended, stores });
        Ok(())
    }

    fn states(&self) -> Result<BTreeMap<GroupKind, Arc<GroupState>>, StorageError> {
        let open = |kind| {
            let dir = self.dir.join("groups").join(group_name(kind));
            std::fs::create_dir_all(&dir)?;
            let (rows, shelf) = self.ledges[&kind].open(dir);
            Ok((kind, GroupState::over(kind, rows, shelf)?))
        };
        GROUPS.into_iter().map(open).collect()
    }

    fn add_first_shard(&self, shards: &Shards, handle: GroupHandle, histories: Histories) {
        let Common { books, vault, .. } = &self.common;
        let lists = ListReader::new(books.clone(), vault.clone());
        let parts = ShardParts::new(handle, histories, lists, (books.clone(), books.clone()), true);
        shards.add(Shard::FIRST, parts);
    }

    fn observes(&self) -> bool {
        !self.common.shared_voters.contains(&NodeId(self.id)) && self.common.shared_timers.is_some()
    }

    fn neighbours(&self) -> Arc<dyn Source> {
        let (near, far): (Vec<u64>, Vec<u64>) = (self.common.regions.iter())
            .map(|(node, region)| (*node, *region))
            .filter(|(node, _)| *node != self.id)
            .fold((Vec::new(), Vec::new()), |(mut near, mut far), (node, region)| {
                if region == self.region {
                    near.push(node)
                } else {
                    far.push(node)
                }
                (near, far)
            });
        let order = near.into_iter().filter(|node| *node < self.id).chain(far).collect();
        let Common { links, running, .. } = self.common.clone();
        Arc::new(Neighbours { me: NodeId(self.id), order, links, running })
    }

    fn node_options(&self, me: NodeId, ended: &CancellationToken) -> NodeOptions {
        let (wrong, ended, life) = (self.common.wrong.clone(), ended.clone(), self.lives);
        let mut options = NodeOptions::new(me, "gearify", self.dir.join("log"));
        options.transport = self.common.net.transport(me);
        options.workers = Workers::Caller;
        options.on_fatal = Arc::new(move |reason| {
            if !ended.is_cancelled() {
                wrong.lock().push(format!("node {me} ended by itself in life {life}: {reason}"));
            }
        });
        options
    }

    fn backend(
        &self,
        groups: BTreeMap<GroupKind, GroupHandle>,
        shards: Shards,
        ended: &CancellationToken,
    ) -> NodeBackend {
        let Common { links, switchboard, vault, began, skewed, .. } = self.common.clone();
        let spans_regions = self.common.shared_timers.is_some();
        let forward =
            OverLinks { me: NodeId(self.id), links, switchboard, ended: ended.clone(), spans_regions };
        let clock = HostClock { began, skew_ms: self.skew_ms.clone(), skewed };
        let providers = Arc::new(Providers::none());
        let seeds = Dice::new(self.common.seed, &format!("host {} ids of life {}", self.id, self.lives));
        NodeBackend::new(groups, shards, vault, Arc::new(forward), providers, Arc::new(clock))
            .drawing(move || seeds.bits())
    }

    /// The power fails. Says what the log and the states lost by it.
    pub fn crash(&mut self) -> Option<(Lost, usize)> {
        let running = self.running.take()?;
        running.ended.cancel();
        let me = NodeId(self.id);
        self.common.net.detach(me);
        self.common.switchboard.detach(me);
        let lost = self.disk.crash();
        let taken_back = self.ledges.values().map(|ledges| ledges.crash(&self.dice)).sum();
        #[cfg(debug_assertions)]
        self.tear_snapshots();
        drop(running);
        if let Some(node) = self.node.take() {
            self.ending.push(tokio::spawn(node.stop()));
        }
        Some((lost, taken_back))
    }

    /// Cuts snapshots in half whose bytes nobody has synced.
    #[cfg(debug_assertions)]
    fn tear_snapshots(&self) {
        for path in gearify_storage::planted::take_unsynced(&self.dir) {
            let Ok(file) = std::fs::File::options().write(true).open(&path) else { continue };
            let bytes = file.metadata().map_or(0, |metadata| metadata.len());
            file.set_len(bytes / 2).expect("a file of the test can be cut");
        }
    }
}

/// Moves events into the event stores while the process runs.
async fn move_events(movers: Vec<Mover>, ended: CancellationToken, wrong: Arc<Mutex<Vec<String>>>) {
    loop {
        tokio::select! {
            biased;
            () = ended.cancelled() => return,
            () = tokio::time::sleep(MOVE_EVERY) => {}
        }
        for mover in &movers {
            loop {
                match mover.step() {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        wrong.lock().push(format!("events can't be moved: {error}"));
                        return;
                    }
                }
            }
        }
    }
}
