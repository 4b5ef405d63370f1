//! Real nodes in one process: SQLite logs and sled in directories, a network in memory, a clock that
//! the story turns.
//!
//! One node is what a data directory is prepared and looked over with. Three nodes take requests at a
//! follower, which hands them to the leader; in the middle of a story the leader is cut off and comes
//! back later. Nobody calls a payment provider here and no timer runs: the story's acts bring both.

mod dividing;

use crate::stage::{self, Stage};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::command::{GroupKind, Keep, Reply};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::placement::Command::Seat;
use gearify_commerce::processes::schedule;
use gearify_commerce::{Actor, Refusal, Shard, Site, TenantId, Timestamp, Vault, scope};
use gearify_node::core::{Core, CoreOptions, RegionPart};
use gearify_node::doctor::{self, Contents};
use gearify_node::forward::{Forward, Switchboard, Undecided};
use gearify_node::providers::Providers;
use gearify_node::state::GROUPS;
use gearify_node::vault::NodeVault;
use gearify_replication::{GroupOptions, MemoryNet, NodeId, Timers};
use gearify_storage::Reader;
use gearify_storage::seal::{MasterKey, SystemRandom};
use gearify_web::ports::{Backend, Decided, SubmitError};
use gearify_web::{Clock, SystemClock};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the log of a node under test is called.
pub const LOG_NAME: &str = "gearify";

/// A clock that stands still until it is turned.
pub struct StoryClock(AtomicI64);

impl Clock for StoryClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// Counts what a follower hands on.
struct Counted {
    switchboard: Switchboard,
    forwarded: Arc<AtomicU64>,
}

impl Forward for Counted {
    fn forward(&self, to: NodeId, request: Request) -> BoxFuture<'_, Result<Decided, Undecided>> {
        async move {
            let decided = self.switchboard.forward(to, request).await;
            self.forwarded.fetch_add(u64::from(decided.is_ok()), Ordering::Relaxed);
            decided
        }
        .boxed()
    }

    fn forward_in(
        &self,
        to: NodeId,
        shard: Shard,
        request: Request,
    ) -> BoxFuture<'_, Result<Decided, Undecided>> {
        self.switchboard.forward_in(to, shard, request)
    }
}

/// Whose time it is.
#[derive(Clone)]
enum Time {
    /// The machine's: what is written here is read by a real process later.
    Real,
    Story(Arc<StoryClock>),
}

pub struct Cluster {
    dir: PathBuf,
    _temporary: Option<tempfile::TempDir>,
    vault: Arc<NodeVault>,
    time: Time,
    pub group_options: GroupOptions,
    net: MemoryNet,
    switchboard: Switchboard,
    forwarded: Arc<AtomicU64>,
    nodes: BTreeMap<u64, Core>,
    /// The node that takes requests and is read from.
    desk: u64,
    /// The act before which the leader is cut off.
    change_at: Option<u64>,
    /// A leader that was cut off, until it may come back.
    away: Option<u64>,
    changes: u64,
    serial: u128,
    /// Last: everything above runs on it.
    runtime: Runtime,
}

impl Cluster {
    /// One node on a directory, on the machine's time, with the key that lies there.
    pub fn at(dir: &Path) -> Cluster {
        Cluster::at_with(dir, GroupOptions::default())
    }

    pub fn at_with(dir: &Path, group_options: GroupOptions) -> Cluster {
        let key = MasterKey::load_or_create(&dir.join("master.key"), &SystemRandom);
        let key = key.expect("the test's directory takes a key");
        let mut cluster = Cluster::empty(dir.to_owned(), None, key, Time::Real);
        cluster.group_options = group_options;
        cluster.start_node(1, true);
        cluster
    }

    /// Three nodes in directories of their own.
    pub fn three() -> Cluster {
        Cluster::three_with(GroupOptions { timers: Timers::lan(), ..GroupOptions::default() })
    }

    pub fn three_with(group_options: GroupOptions) -> Cluster {
        let temporary = tempfile::tempdir().expect("a directory for the test");
        let key = MasterKey::generate(&SystemRandom).expect("the machine has randomness");
        // 2026-05-01, as on pure apply.
        let clock = Arc::new(StoryClock(AtomicI64::new(1_777_593_600_000)));
        let dir = temporary.path().to_owned();
        let mut cluster = Cluster::empty(dir, Some(temporary), key, Time::Story(clock));
        cluster.group_options = group_options;
        (1..=3).for_each(|node| cluster.start_node(node, false));
        cluster.found();
        cluster
    }

    fn empty(dir: PathBuf, temporary: Option<tempfile::TempDir>, key: MasterKey, time: Time) -> Cluster {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        Cluster {
            dir,
            _temporary: temporary,
            vault: Arc::new(NodeVault::new(key)),
            time,
            group_options: GroupOptions::default(),
            net: MemoryNet::new(),
            switchboard: Switchboard::default(),
            forwarded: Arc::default(),
            nodes: BTreeMap::new(),
            desk: 1,
            change_at: None,
            away: None,
            changes: 0,
            serial: rand::random(),
            runtime: runtime.expect("a runtime for the test"),
        }
    }

    /// Divides the region of the one node, and waits until its shards run.
    pub fn divide(&self, shards: u16) {
        let core = &self.nodes[&self.desk];
        self.runtime.block_on(async {
            let backend = core.backend();
            let newest = gearify_commerce::version::NEWEST;
            backend.raise_version(GroupKind::Region, newest).await.expect("a sole voter leads");
            let seated =
                backend.seat(Seat { shards, nodes: vec![self.desk] }).await.expect("a sole voter leads");
            seated.result.expect("a node is named");
            let until = Instant::now() + PATIENCE;
            let serve = |shard| {
                let parts = core.shards.get(Shard(shard));
                parts.is_some_and(|parts| parts.handle.group.is_leader() && parts.serves())
            };
            while !(0..shards).all(serve) {
                assert!(Instant::now() < until, "not all shards serve");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }

    /// Cuts the leader off before this act.
    pub fn change_leader_before(&mut self, act: u64) {
        self.change_at = Some(act);
    }

    pub fn node(&self, node: u64) -> &Core {
        &self.nodes[&node]
    }

    pub fn nodes(&self) -> impl Iterator<Item = (u64, &Core)> {
        self.nodes.iter().map(|(node, core)| (*node, core))
    }

    pub fn node_dir(&self, node: u64) -> PathBuf {
        match self.time {
            Time::Real => self.dir.clone(),
            Time::Story(_) => self.dir.join(format!("node-{node}")),
        }
    }

    /// Requests that a follower handed to a leader and got decided.
    pub fn forwarded(&self) -> u64 {
        self.forwarded.load(Ordering::Relaxed)
    }

    /// The node that takes requests and is read from.
    pub fn desk(&self) -> u64 {
        self.desk
    }

    /// The node that is cut off.
    pub fn away(&self) -> Option<u64> {
        self.away
    }

    /// How often a leader was cut off and another took over.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// How a node runs on a directory.
    pub fn options(&self, node: u64, data_dir: PathBuf, found: bool) -> CoreOptions {
        let forward = Counted { switchboard: self.switchboard.clone(), forwarded: self.forwarded.clone() };
        CoreOptions {
            data_dir,
            node: NodeId(node),
            cluster: LOG_NAME.into(),
            vault: self.vault.clone(),
            sled_cache_bytes: 8 << 20,
            event_file_bytes: 16 << 20,
            log_cache_bytes: 8 << 20,
            blob_bytes_max: 4 << 20,
            tenant_label_max: 10,
            group_options: self.group_options.clone(),
            transport: self.net.transport(NodeId(node)),
            forward: Arc::new(forward),
            peers: Arc::new(self.switchboard.clone()),
            providers: Arc::new(Providers::none()),
            clock: self.clock(),
            on_fatal: Arc::new(move |reason| panic!("node {node} can't go on: {reason}")),
            looks_through: false,
            found,
            part: RegionPart::default(),
            newest: gearify_commerce::version::NEWEST,
        }
    }

    pub fn clock(&self) -> Arc<dyn Clock> {
        match &self.time {
            Time::Real => Arc::new(SystemClock),
            Time::Story(clock) => clock.clone(),
        }
    }

    /// What seals people's data in this cluster.
    pub fn node_vault(&self) -> &Arc<NodeVault> {
        &self.vault
    }

    /// Opens a node's files and starts its groups.
    pub fn start_node(&mut self, node: u64, found: bool) {
        let options = self.options(node, self.node_dir(node), found);
        std::fs::create_dir_all(&options.data_dir).expect("a directory for the node");
        let core = self.runtime.block_on(Core::start(options)).expect("the node starts");
        self.switchboard.attach(NodeId(node), core.backend());
        self.net.attach(core.node().inbound());
        if found {
            self.runtime.block_on(core.wait_for_leaders(PATIENCE)).expect("a sole voter leads");
        }
        self.nodes.insert(node, core);
    }

    /// Makes all nodes voters; the first shall lead and the second take the requests.
    fn found(&mut self) {
        let voters: BTreeSet<NodeId> = self.nodes.keys().map(|node| NodeId(*node)).collect();
        self.runtime.block_on(async {
            for kind in GROUPS {
                let group = &self.nodes[&1].backend().group(kind).group;
                group.bootstrap(voters.clone()).await.expect("nobody has founded the group before");
            }
            for core in self.nodes.values() {
                core.wait_for_leaders(PATIENCE).await.expect("three nodes elect");
            }
        });
        self.desk = 2;
        self.lead_elsewhere();
    }

    /// Makes sure that no group is led by the node that takes the requests.
    fn lead_elsewhere(&self) {
        for kind in GROUPS {
            let until = Instant::now() + PATIENCE;
            let group = &self.nodes[&self.desk].backend().group(kind).group;
            while group.leader().is_none_or(|leader| leader.0 == self.desk) {
                assert!(Instant::now() < until, "no other node leads {kind:?}");
                let other = self.nodes.keys().find(|node| **node != self.desk && self.away != Some(**node));
                let other = NodeId(*other.expect("there are three nodes"));
                if group.is_leader() {
                    // Refused or too late: looked at again.
                    let _ = self.runtime.block_on(group.transfer_leader(other));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Cuts the region's leader off and goes on at a follower of the next one.
    fn cut_leader_off(&mut self) {
        let leader_at = |desk: u64, cluster: &Cluster| {
            cluster.nodes[&desk].backend().group(GroupKind::Region).group.leader()
        };
        self.lead_elsewhere();
        let old = leader_at(self.desk, self).expect("somebody leads").0;
        self.net.isolate(NodeId(old));
        self.switchboard.detach(NodeId(old));
        self.away = Some(old);
        let applied = GROUPS.map(|kind| (kind, self.nodes[&self.desk].backend().state(kind).applied_index()));
        let third =
            *self.nodes.keys().find(|node| **node != old && **node != self.desk).expect("three nodes");
        let until = Instant::now() + PATIENCE;
        let new = loop {
            let seen = leader_at(third, self).filter(|leader| leader.0 != old);
            if let Some(new) = seen.filter(|new| Some(*new) == leader_at(self.desk, self)) {
                break new.0;
            }
            assert!(Instant::now() < until, "the remaining two elect nobody");
            std::thread::sleep(Duration::from_millis(20));
        };
        self.desk = if new == third { self.desk } else { third };
        self.changes += 1;
        for (kind, index) in applied {
            let group = &self.nodes[&self.desk].backend().group(kind).group;
            self.runtime
                .block_on(group.wait_applied(index, PATIENCE))
                .expect("the majority has what was acknowledged");
        }
    }

    /// Has another node lead what the region's leader led; that one takes the requests from here on.
    pub fn pass_leadership_on(&mut self) {
        let leader = self.nodes[&self.desk].backend().group(GroupKind::Region).group.leader();
        self.desk = leader.expect("somebody leads").0;
        self.lead_elsewhere();
    }

    /// Lets the node that was cut off hear of the others again.
    fn reunite(&mut self) {
        self.net.heal();
        if let Some(back) = self.away.take() {
            self.switchboard.attach(NodeId(back), self.nodes[&back].backend());
        }
    }

    /// Waits until every node has applied what any has, and answers their common state: the applied
    /// index and the hash of each group.
    ///
    /// # Panics
    /// If two nodes differ.
    pub fn agreed(&mut self) -> BTreeMap<GroupKind, (u64, [u8; 32])> {
        self.reunite();
        let mut states = BTreeMap::new();
        for kind in GROUPS {
            let until = Instant::now() + PATIENCE;
            let all = loop {
                let of = |core: &Core| core.states.of(kind).applied().expect("a node's position can be read");
                let all: Vec<_> =
                    self.nodes.values().map(|core| (of(core).index, of(core).state_hash)).collect();
                if all.windows(2).all(|pair| pair[0].0 == pair[1].0) {
                    break all;
                }
                assert!(Instant::now() < until, "{kind:?} does not catch up: {all:?}");
                std::thread::sleep(Duration::from_millis(20));
            };
            assert!(all.windows(2).all(|pair| pair[0] == pair[1]), "{kind:?} differs: {all:?}");
            states.insert(kind, all[0]);
        }
        states
    }

    /// What a node has computed from its history.
    pub fn projections(&self, node: u64) -> Contents {
        let contents = self.runtime.block_on(doctor::contents(&self.nodes[&node]));
        contents.expect("the projectors take everything in")
    }

    /// Makes every group's leader write a snapshot of what is applied now, and waits until the log before
    /// it is gone, which the group options must allow.
    pub fn purge(&self) {
        for kind in GROUPS {
            let leads = |core: &&Core| core.backend().is_leader(kind);
            let until = Instant::now() + PATIENCE;
            while !self.nodes.values().any(|core| leads(&core)) {
                assert!(Instant::now() < until, "nobody leads {kind:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
            let leader = self.nodes.values().find(leads).expect("somebody leads");
            let group = &leader.backend().group(kind).group;
            let applied = group.applied_index();
            self.runtime.block_on(group.trigger_snapshot()).expect("the group runs");
            loop {
                let metrics = group.metrics();
                let covers = |at: Option<u64>| at.is_some_and(|at| at + 1 >= applied);
                if covers(metrics.snapshot) && covers(metrics.purged) {
                    break;
                }
                assert!(Instant::now() < until, "{kind:?} is not purged: {metrics:?}");
                std::thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// Starts one node more and lets it learn every group from the others.
    pub fn add_learner(&mut self, node: u64) {
        self.start_node(node, false);
        for kind in GROUPS {
            let until = Instant::now() + PATIENCE;
            let leader = loop {
                let leader = self.nodes.values().find(|core| core.backend().is_leader(kind));
                if let Some(leader) = leader {
                    break leader;
                }
                assert!(Instant::now() < until, "nobody leads {kind:?}");
                std::thread::sleep(Duration::from_millis(20));
            };
            let group = &leader.backend().group(kind).group;
            self.runtime.block_on(group.add_learner(NodeId(node))).expect("the leader takes a learner");
        }
    }

    pub fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(work)
    }

    /// Stops every node in good order.
    pub fn stop(mut self) {
        self.stop_nodes();
    }

    fn stop_nodes(&mut self) {
        for (node, core) in std::mem::take(&mut self.nodes) {
            self.switchboard.detach(NodeId(node));
            self.net.detach(NodeId(node));
            self.runtime.block_on(core.stop());
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop_nodes();
    }
}

impl Cluster {
    fn send(&self, request: &Request) -> Result<Reply, Refusal> {
        let backend = self.nodes[&self.desk].backend();
        match self.runtime.block_on(backend.submit_now(request)) {
            Ok(decided) => decided.result,
            Err(SubmitError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("no decision: {error}: {:?}", request.intent.group()),
        }
    }

    fn reader(&self, group: GroupKind, tenant: TenantId) -> Arc<dyn Reader> {
        let backend = self.nodes[&self.desk].backend();
        if group == GroupKind::Region && backend.shards().shard_of(tenant, Site::FIRST).is_some() {
            // A shop that has just come from another shard is here in a moment.
            self.until("the shop serves from here", || backend.state_of(tenant, Site::FIRST).is_some());
        }
        backend.reader(group, tenant)
    }
}

impl Stage for Cluster {
    fn submit(
        &mut self,
        tenant: TenantId,
        actor: Actor,
        key: Option<&str>,
        intent: Intent,
    ) -> Result<Reply, Refusal> {
        self.serial = self.serial.wrapping_add(1);
        self.send(&stage::request(&*self.vault, tenant, actor, key, self.serial, intent))
    }

    fn pass(&mut self, millis: i64) {
        let Time::Story(clock) = self.time.clone() else { panic!("real time does not pass on demand") };
        let until = clock.now().plus_millis(millis);
        loop {
            let due = scope::first_due(&*self.reader(GroupKind::Region, TenantId::PLATFORM))
                .filter(|due| *due <= until);
            let Some(due) = due else { break };
            clock.0.fetch_max(due.as_millis(), Ordering::SeqCst);
            self.serial = self.serial.wrapping_add(1);
            let run = Intent::from(schedule::Command::RunDue { limit: schedule::DUE_MAX });
            let request =
                stage::request(&*self.vault, TenantId::PLATFORM, Actor::System, None, self.serial, run);
            self.send(&Request { keep: Keep::Nothing, site: Site::NONE, ..request }).expect("plans run");
        }
        clock.0.store(until.as_millis(), Ordering::SeqCst);
    }

    fn now(&self) -> Timestamp {
        match &self.time {
            Time::Real => SystemClock.now(),
            Time::Story(clock) => clock.now(),
        }
    }

    fn read(&self, group: GroupKind, tenant: TenantId, with: &mut dyn FnMut(&dyn Reader)) {
        with(&*self.reader(group, tenant));
    }

    fn vault(&self) -> &dyn Vault {
        &*self.vault
    }

    fn begins(&mut self, act: u64) {
        if self.change_at == Some(act) {
            self.cut_leader_off();
        } else if self.away.is_some() && self.change_at.is_some_and(|at| act > at + 1) {
            self.reunite();
        }
    }
}
