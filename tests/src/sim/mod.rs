//! A cluster in one thread, on a time that stands still until everybody waits, with faults that a seed says.
//!
//! What runs is the real thing from the backend down: facts, groups over openraft, machines, snapshots,
//! event stores. In its place are only the disk under the raft log and the states (writes that were not
//! synced are lost at a crash, [`log`], [`shelf`]), the links ([`links`]) and the clocks. turmoil would carry
//! sockets, but nodes speak TLS over them, whose randomness no seed decides; frames are what replication
//! knows, so frames are what is cut, lost and delayed here.
//!
//! A run is safe if every check of [`watch`] holds at every tick; runs count if every kind of fault was felt.
//! Then the storm ends, and the cluster must lead, agree, and serve again within bounded time.
//!
//! Equal seeds give equal runs, but for the order in which tasks wake in one moment that wait for one value.

pub mod crowd;
pub mod dice;
pub mod host;
mod judge;
pub mod linear;
pub mod links;
pub mod log;
pub mod many;
pub mod report;
mod setting;
pub mod shelf;
mod storm;
pub mod watch;

use crowd::{Person, Town, till};
use dice::Dice;
use gearify_commerce::GroupKind;
use gearify_node::forward::Switchboard;
use gearify_node::state::GROUPS;
use gearify_node::vault::NodeVault;
use gearify_replication::{GroupOptions, MemoryNet, NodeId, Timers, WantedMembers};
use gearify_storage::planted::Bug;
use gearify_storage::seal::MasterKey;
use gearify_storage::{ProjectionDb, projection::Schema};
use host::{Common, Host};
use links::Links;
use parking_lot::Mutex;
pub use report::Report;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
pub use storm::Fault;
use storm::Storm;
use tokio::time::Instant;
use watch::Watch;

/// From one look at the nodes to the next.
pub const TICK: Duration = Duration::from_millis(1);
/// Leaders are there so soon after the storm, and all nodes agree so soon after it.
const LEAD_WITHIN: Duration = Duration::from_secs(10);
const AGREE_WITHIN: Duration = Duration::from_secs(30);
/// Ticks from one comparison of whole logs to the next.
const COMPARE_EVERY: u64 = 1_000;

/// One run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    pub seed: u64,
    pub ticks: u64,
    pub shape: Shape,
    /// Keeps the lines of the trace, not only their hash.
    pub traced: bool,
    /// What is planted, in a build that has bugs to plant.
    pub bug: Option<Bug>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Three voters and a fourth node to take a place.
    Region,
    /// Three regions of three nodes. What they share has voters 2-2-1; the other nodes observe it.
    World,
}

impl Plan {
    pub fn new(seed: u64, ticks: u64) -> Plan {
        Plan { seed, ticks, shape: Shape::Region, traced: false, bug: None }
    }
}

/// How much longer a frame takes to another region.
const FAR: Duration = Duration::from_millis(25);

/// Clocks of groups whose voters are so far apart.
fn far_timers() -> Timers {
    Timers {
        heartbeat: Duration::from_millis(200),
        election_min: Duration::from_millis(700),
        election_max: Duration::from_millis(1_400),
        append_answer: Duration::from_secs(2),
        quorum_probe: Duration::from_secs(3),
        snapshot_transfer: Duration::from_secs(20),
        propose: Duration::from_secs(5),
        read: Duration::from_secs(4),
    }
}

/// The nodes and all around them.
pub struct Simulation {
    plan: Plan,
    common: Common,
    hosts: BTreeMap<u64, Host>,
    town: Arc<Town>,
    watch: Watch,
    wanted: Arc<Mutex<WantedMembers>>,
    /// Crashes so far, unsynced writes they took, commits of states they took back.
    crashes: (u64, u64, u64),
    _dir: tempfile::TempDir,
}

/// Runs one seed to its end.
pub fn run(plan: Plan) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    let runtime = runtime.expect("a runtime for the simulation");
    #[cfg(debug_assertions)]
    let _sown = plan.bug.map(gearify_storage::planted::sow);
    let began = std::time::Instant::now();
    let mut simulation = runtime.block_on(Simulation::begin(plan));
    let mut storm = None;
    let opened = runtime.block_on(simulation.found());
    if opened {
        simulation.set_the_scene(&runtime);
        storm = Some(runtime.block_on(simulation.weather()));
        runtime.block_on(simulation.recover());
    }
    let report = simulation.report(storm, began.elapsed());
    runtime.shutdown_background();
    report
}

/// What a node has for lists and ledger. Nobody looks at pages here, so that one of it serves all nodes.
fn books(dir: &Path) -> Arc<ProjectionDb> {
    let books = ProjectionDb::open(&dir.join("books.db"), Schema { version: 1, sql: "" });
    Arc::new(books.expect("an empty projection can be made"))
}

fn directory() -> tempfile::TempDir {
    // Nothing here has to survive the machine: memory is as good as a disk, and quicker.
    let memory = Path::new("/dev/shm");
    let dir = tempfile::Builder::new().prefix("gearify-sim").tempdir_in(memory);
    dir.or_else(|_| tempfile::tempdir()).expect("a directory for the simulation")
}

impl Simulation {
    async fn begin(plan: Plan) -> Simulation {
        let dir = directory();
        let regions: BTreeMap<u64, u16> = match plan.shape {
            Shape::Region => (1..=4).map(|node| (node, 0)).collect(),
            Shape::World => (1..=9).map(|node| (node, (node as u16 - 1) / 3)).collect(),
        };
        let dice = |what: &str| Dice::new(plan.seed, what);
        let key = MasterKey::generate(&dice("master key")).expect("dice never fail");
        let vault = Arc::new(NodeVault::drawing(key, Box::new(dice("vault"))));
        let (net, links) = (MemoryNet::new(), Arc::new(Links::new(plan.seed, regions.clone())));
        let verdicts = links.clone();
        net.set_hook(move |passage| verdicts.verdict(passage));
        let options = GroupOptions {
            timers: Timers::fast(),
            snapshot_entries: 30,
            keep_entries: 8,
            purge_entries: 8,
            ..GroupOptions::default()
        };
        let is_world = plan.shape == Shape::World;
        if is_world {
            links.weather.lock().far = FAR;
        }
        let shared_voters: BTreeSet<NodeId> = match plan.shape {
            Shape::Region => [1, 2, 3].map(NodeId).into(),
            Shape::World => [1, 2, 4, 5, 7].map(NodeId).into(),
        };
        let common = Common {
            seed: plan.seed,
            net,
            links,
            switchboard: Switchboard::default(),
            vault,
            began: Instant::now(),
            options,
            shared_timers: is_world.then(far_timers),
            running: Arc::default(),
            regions: regions.clone(),
            shared_voters,
            wrong: Arc::default(),
            books: books(dir.path()),
            installed: Arc::default(),
            skewed: Arc::default(),
        };
        let hosts = regions.iter().map(|(node, region)| {
            let host = Host::new(*node, *region, dir.path().join(format!("node-{node}")), common.clone());
            (*node, host)
        });
        let all: BTreeSet<NodeId> = regions.keys().map(|node| NodeId(*node)).collect();
        Simulation {
            plan,
            hosts: hosts.collect(),
            town: Arc::new(Town::new(&common)),
            watch: Watch::default(),
            wanted: Arc::new(Mutex::new(WantedMembers { members: all, ..WantedMembers::default() })),
            crashes: (0, 0, 0),
            common,
            _dir: dir,
        }
    }

    /// Starts the nodes, makes the first three voters, and waits for leaders.
    async fn found(&mut self) -> bool {
        let nodes: Vec<u64> = self.hosts.keys().copied().collect();
        for node in nodes {
            self.start(node).await;
        }
        for (founder, kind, voters) in self.groups() {
            let Some(running) = self.town.node(founder) else { return false };
            if let Err(error) = running.backend.group(kind).group.bootstrap(voters).await {
                self.common.wrong.lock().push(format!("{kind:?} can't be founded: {error}"));
                return false;
            }
        }
        if self.plan.shape == Shape::Region {
            for node in self.hosts.keys() {
                tokio::spawn(tend_members(self.town.clone(), *node, self.wanted.clone()));
            }
        }
        self.led_within(LEAD_WITHIN).await
    }

    /// Every group with who founds it and who votes first.
    fn groups(&self) -> Vec<(u64, GroupKind, BTreeSet<NodeId>)> {
        let shared = [GroupKind::World, GroupKind::Catalogue];
        let shared = shared.map(|kind| (1, kind, self.common.shared_voters.clone()));
        let regions: BTreeSet<u16> = self.common.regions.values().copied().collect();
        let own = regions.into_iter().map(|region| {
            let nodes: Vec<u64> = self.nodes_of(region).take(3).collect();
            (nodes[0], GroupKind::Region, nodes.into_iter().map(NodeId).collect())
        });
        shared.into_iter().chain(own).collect()
    }

    fn nodes_of(&self, region: u16) -> impl Iterator<Item = u64> {
        self.common.regions.iter().filter(move |(_, of)| **of == region).map(|(node, _)| *node)
    }

    /// Lets people in, and the storm.
    async fn weather(&mut self) -> Storm {
        for number in 0..6usize {
            let shop = number % self.town.shops().len();
            let name = format!("person-{number}");
            let dice = Dice::new(self.plan.seed, &name);
            tokio::spawn(Person::new(self.town.clone(), name, shop, dice).live());
        }
        for region in self.common.regions.values().copied().collect::<BTreeSet<u16>>() {
            let dice = Dice::new(self.plan.seed, &format!("till {region}"));
            tokio::spawn(till(self.town.clone(), self.nodes_of(region).collect(), dice));
        }
        let over_regions = self.plan.shape == Shape::World;
        // Whoever is cut off soon wants what only all regions together can give.
        for shop in (0..self.town.shops().len()).filter(|_| over_regions) {
            let name = format!("owner-{shop}");
            let dice = Dice::new(self.plan.seed, &name);
            tokio::spawn(Person::new(self.town.clone(), name, shop, dice).live_as_owner());
        }
        let mut storm = Storm::new(Dice::new(self.plan.seed, "storm"), over_regions, Instant::now());
        for tick in 0..self.plan.ticks {
            tokio::time::sleep(TICK).await;
            self.storm(&mut storm).await;
            self.watch.look(&self.hosts);
            if tick % COMPARE_EVERY == 0 {
                self.watch.compare_logs(&self.hosts);
            }
            if self.has_failed() {
                break;
            }
        }
        self.calm(&mut storm, true).await;
        self.common.net.heal();
        storm
    }

    fn has_failed(&self) -> bool {
        !self.watch.wrong.is_empty() || !self.common.wrong.lock().is_empty()
    }

    pub(super) async fn start(&mut self, node: u64) {
        let host = self.hosts.get_mut(&node).expect("a node of the simulation");
        if host.running.is_some() {
            return;
        }
        match host.start().await {
            Ok(()) => {
                let running = host.running.clone().expect("it was just started");
                self.town.note(|| format!("node {node} begins life {}", running.life));
                self.town.running.lock().insert(node, running);
            }
            Err(error) => self.common.wrong.lock().push(format!("node {node} does not start again: {error}")),
        }
    }

    pub(super) fn crash(&mut self, node: u64) -> bool {
        self.town.running.lock().remove(&node);
        let host = self.hosts.get_mut(&node).expect("a node of the simulation");
        let Some((lost, taken_back)) = host.crash() else { return false };
        self.crashes.0 += 1;
        self.crashes.1 += lost.dropped as u64;
        self.crashes.2 += taken_back as u64;
        self.town.note(|| format!("node {node} ends: {lost:?}, {taken_back} taken back"));
        true
    }

    /// Whether every group gets a leader in time.
    async fn led_within(&mut self, within: Duration) -> bool {
        let until = Instant::now() + within;
        loop {
            let running = self.town.running.lock().clone();
            let leads = |node: &NodeId, kind: GroupKind| {
                running.get(&node.0).is_some_and(|running| running.backend.is_leader(kind))
            };
            // Members change, so that a region's leader may be any of its nodes.
            let led = |(founder, kind, voters): (u64, GroupKind, BTreeSet<NodeId>)| match kind {
                GroupKind::Region => {
                    let region = self.common.regions[&founder];
                    self.nodes_of(region).any(|node| leads(&NodeId(node), kind))
                }
                _ => voters.iter().chain(&[NodeId(3), NodeId(4)]).any(|node| leads(node, kind)),
            };
            if self.groups().into_iter().all(led) {
                return true;
            }
            if Instant::now() > until {
                self.common.wrong.lock().push(format!("no leader within {within:?}"));
                return false;
            }
            tokio::time::sleep(TICK).await;
            self.watch.look(&self.hosts);
        }
    }
}

/// Brings the members of the groups that a node leads to what is wanted, step by step, as every node does.
async fn tend_members(town: Arc<Town>, node: u64, wanted: Arc<Mutex<WantedMembers>>) {
    loop {
        tokio::time::sleep(Duration::from_millis(400)).await;
        for kind in GROUPS {
            let Some(running) = town.node(node).filter(|running| running.backend.is_leader(kind)) else {
                continue;
            };
            let wanted = wanted.lock().clone();
            let group = &running.backend.group(kind).group;
            tokio::select! {
                biased;
                () = running.ended.cancelled() => {}
                _ = group.reconcile(&wanted) => {}
            }
        }
    }
}
