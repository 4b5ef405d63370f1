//! Groups as their users see them: alone, three together, cut apart, killed, and brought back.

mod cluster;
mod killed;
pub(crate) mod machine;
mod membership;
mod observers;
mod recover;
mod restart;
mod single;
mod snapshot;
mod suite;
pub(crate) mod wires;

use crate::{Group, GroupId, GroupOptions, Node, NodeId, NodeOptions, ProposeError, Proposed, Timers};
use bytes::Bytes;
use machine::{Shelf, TestMachine};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use wires::{Net, Wire, over_both_wires};

const GROUP: GroupId = GroupId(16);
/// Long enough for a machine busy with builds, short enough for a hang to show.
const PATIENCE: Duration = Duration::from_secs(30);

fn quick() -> GroupOptions {
    GroupOptions { timers: Timers::fast(), ..GroupOptions::default() }
}

fn named(name: impl ToString) -> Bytes {
    name.to_string().into()
}

/// One running node and what it leaves behind when it stops.
struct Running {
    node: Node,
    group: Group,
    faults: Faults,
}

/// What was reported as fatal.
#[derive(Clone, Default)]
struct Faults(Arc<Mutex<Vec<String>>>);

impl Faults {
    fn hook(&self) -> Arc<dyn Fn(&str) + Send + Sync> {
        let faults = self.clone();
        Arc::new(move |reason| faults.0.lock().push(reason.to_owned()))
    }

    fn seen(&self) -> Vec<String> {
        self.0.lock().clone()
    }
}

async fn start_alone(dir: &Path, shelf: &Shelf, options: GroupOptions) -> Running {
    let faults = Faults::default();
    let mut node_options = NodeOptions::new(NodeId(1), "test", dir);
    node_options.on_fatal = faults.hook();
    let node = Node::open(node_options).expect("the node opens");
    let group = node.start_group(GROUP, TestMachine::on(shelf), options).await.expect("the group starts");
    Running { node, group, faults }
}

/// A node of its own with its group bootstrapped and led.
async fn start_first(dir: &Path, shelf: &Shelf, options: GroupOptions) -> Running {
    let running = start_alone(dir, shelf, options).await;
    running.group.bootstrap([NodeId(1)].into()).await.expect("bootstrapped");
    led(&running.group).await;
    running
}

async fn led(group: &Group) {
    let mut leadership = group.leadership();
    let led = leadership.wait_for(|leadership| leadership.mine);
    tokio::time::timeout(PATIENCE, led).await.expect("a leader in time").expect("running");
}

async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Three nodes in one process over a network that can be cut.
struct Cluster {
    net: Net,
    dir: PathBuf,
    /// Removes `dir` at the end, if it is this cluster's own.
    _own_dir: Option<tempfile::TempDir>,
    options: GroupOptions,
    shelves: BTreeMap<NodeId, Shelf>,
    running: BTreeMap<NodeId, Running>,
}

impl Cluster {
    /// Nodes 1, 2, … with one group that all of them vote in.
    async fn of(wire: Wire, count: u64, options: GroupOptions) -> Cluster {
        let mut cluster = Cluster::without_members(wire, count, options).await;
        let voters: BTreeSet<NodeId> = cluster.running.keys().copied().collect();
        cluster.group(1).bootstrap(voters).await.expect("bootstrapped");
        cluster.leader().await;
        cluster
    }

    /// Nodes over files that may be there already; bootstrapped if they are not.
    async fn in_dir(dir: &Path, count: u64, options: GroupOptions) -> Cluster {
        let mut cluster = Cluster::empty(Wire::Memory, dir.to_owned(), None, options);
        for node in 1..=count {
            cluster.start(node).await;
        }
        if !cluster.group(1).is_bootstrapped().await.unwrap() {
            cluster.group(1).bootstrap((1..=count).map(NodeId).collect()).await.unwrap();
        }
        cluster.leader().await;
        cluster
    }

    async fn without_members(wire: Wire, count: u64, options: GroupOptions) -> Cluster {
        let dir = tempfile::tempdir().unwrap();
        let mut cluster = Cluster::empty(wire, dir.path().to_owned(), Some(dir), options);
        for node in 1..=count {
            cluster.start(node).await;
        }
        cluster
    }

    fn empty(wire: Wire, dir: PathBuf, own_dir: Option<tempfile::TempDir>, options: GroupOptions) -> Cluster {
        Cluster {
            net: Net::over(wire),
            dir,
            _own_dir: own_dir,
            options,
            shelves: BTreeMap::new(),
            running: BTreeMap::new(),
        }
    }

    async fn start(&mut self, node: u64) {
        let node = NodeId(node);
        let shelf = self.shelves.entry(node).or_default().clone();
        let faults = Faults::default();
        let mut options = NodeOptions::new(node, "test", self.dir.join(node.to_string()));
        options.transport = self.net.transport(node).await;
        options.on_fatal = faults.hook();
        let running = Node::open(options).expect("the node opens");
        self.net.attach(running.inbound()).await;
        let machine = TestMachine::on(&shelf);
        let group = running.start_group(GROUP, machine, self.options.clone()).await.expect("started");
        self.running.insert(node, Running { node: running, group, faults });
    }

    async fn stop(&mut self, node: u64) {
        let node = NodeId(node);
        self.net.detach(node);
        let running = self.running.remove(&node).expect("it runs");
        running.node.stop().await;
    }

    fn group(&self, node: u64) -> &Group {
        &self.running[&NodeId(node)].group
    }

    fn shelf(&self, node: u64) -> &Shelf {
        &self.shelves[&NodeId(node)]
    }

    fn nodes(&self) -> Vec<u64> {
        self.running.keys().map(|node| node.0).collect()
    }

    /// The node that leads in the eyes of a majority, itself included.
    async fn leader(&mut self) -> u64 {
        let all = self.nodes();
        self.leader_among(&all).await
    }

    async fn leader_among(&mut self, nodes: &[u64]) -> u64 {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < PATIENCE, "no leader in time among {nodes:?}");
            let leaders: BTreeSet<Option<NodeId>> =
                nodes.iter().map(|node| self.group(*node).leader()).collect();
            if let [Some(leader)] = Vec::from_iter(leaders)[..]
                && nodes.contains(&leader.0)
                && self.group(leader.0).is_leader()
            {
                return leader.0;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Proposes to whoever leads until it is acknowledged. Only for commands that may repeat.
    async fn put(&mut self, command: &str) -> Proposed {
        let start = Instant::now();
        loop {
            let leader = self.leader().await;
            match self.group(leader).propose(named(command)).await {
                Ok(proposed) => return proposed,
                Err(ProposeError::NotLeader { .. } | ProposeError::Unknown) if start.elapsed() < PATIENCE => {
                }
                Err(error) => panic!("{command} was not acknowledged: {error}"),
            }
        }
    }

    /// Waits until every node has applied the same, and compares what they hold.
    async fn agreed(&mut self) {
        let done = self.put("the last word").await.position.index;
        for (node, running) in &self.running {
            running.group.wait_applied(done, PATIENCE).await.unwrap_or_else(|error| {
                panic!("node {node} did not catch up: {error}, {:?}", running.group.metrics())
            });
        }
        // A node may apply past `done` meanwhile, but only what all will apply.
        let start = Instant::now();
        let first = self.nodes()[0];
        for node in self.nodes() {
            while self.shelf(node).rows() != self.shelf(first).rows() {
                assert!(start.elapsed() < PATIENCE, "nodes {first} and {node} differ");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        for running in self.running.values() {
            assert_eq!(running.faults.seen(), Vec::<String>::new());
        }
    }
}
