//! Nodes in one process, for tests: real files and groups, fast timers, a network in memory.
//!
//! A cluster of one is a node as it runs; one of three elects, forwards and follows over a network that
//! can be cut. Each node calls the same test provider. Nothing here is used by a running `gearify`.

use crate::backup;
use crate::core::{Core, CoreError, CoreOptions, RegionPart};
use crate::forward::Switchboard;
use crate::providers::{self, Providers};
use crate::room::{Disk, RoomLimits};
use crate::scheduler;
use crate::state::GROUPS;
use crate::testpay::{self, TestPay, TestPayError, TestPaySettings};
use crate::vault::NodeVault;
use crate::{operations, state};
use gearify_commerce::GroupKind;
use gearify_config::Secret;
use gearify_replication::{GroupOptions, MembershipError, MemoryNet, NodeId, Timers};
use gearify_storage::seal::{MasterKey, SystemRandom};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

#[derive(Debug, thiserror::Error)]
pub enum TestError {
    #[error(transparent)]
    Core(#[from] CoreError),
    #[error(transparent)]
    Provider(#[from] TestPayError),
    #[error(transparent)]
    Membership(#[from] MembershipError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Other(String),
}

/// How nodes under test differ from those that run.
#[derive(Clone, Debug)]
pub struct TestOptions {
    pub nodes: u64,
    pub group_options: GroupOptions,
    pub event_file_bytes: u64,
    /// What goes wrong at the provider from the start.
    pub faults: testpay::Faults,
}

impl Default for TestOptions {
    fn default() -> TestOptions {
        let group_options = GroupOptions { timers: Timers::fast(), ..GroupOptions::default() };
        let faults = testpay::Faults::default();
        TestOptions { nodes: 1, group_options, event_file_bytes: 16 << 20, faults }
    }
}

/// Some nodes over one network, and the provider they call.
pub struct TestCluster {
    options: TestOptions,
    dir: PathBuf,
    vault: Arc<NodeVault>,
    pub net: MemoryNet,
    switchboard: Switchboard,
    provider: Option<TestPay>,
    nodes: Vec<Option<TestNode>>,
}

/// What the logs of nodes under test are called.
pub const LOG_NAME: &str = "test";
const SECRET: &str = "a-secret-of-the-test-provider";
const CLIENT_PATIENCE: Duration = Duration::from_secs(5);
const LEADER_WAIT: Duration = Duration::from_secs(20);

impl TestCluster {
    /// Starts the nodes below `dir` and waits until each group has a leader. Started again on the same
    /// directory, they go on where they were.
    pub async fn start(dir: &Path, options: TestOptions) -> Result<TestCluster, TestError> {
        let key = MasterKey::load_or_create(&dir.join("master.key"), &SystemRandom);
        let key = key.map_err(|error| TestError::Other(error.to_string()))?;
        let provider = TestPaySettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            book: dir.join("testpay.db"),
            webhook_url: None,
            webhook_secret: secret()?,
            seed: 7,
        };
        let provider = testpay::start(provider, CancellationToken::new()).await?;
        let other = |error: testpay::ClientError| TestError::Other(error.to_string());
        let client = testpay::Client::new(&provider.url(), CLIENT_PATIENCE).map_err(other)?;
        client.set_faults(&options.faults).await.map_err(other)?;
        let mut cluster = TestCluster {
            nodes: (0..options.nodes).map(|_| None).collect(),
            options,
            dir: dir.to_owned(),
            vault: Arc::new(NodeVault::new(key)),
            net: MemoryNet::new(),
            switchboard: Switchboard::default(),
            provider: Some(provider),
        };
        for n in 0..cluster.nodes.len() {
            cluster.start_node(n).await?;
        }
        cluster.found().await?;
        for n in 0..cluster.nodes.len() {
            cluster.node(n).core.wait_for_leaders(LEADER_WAIT).await?;
        }
        Ok(cluster)
    }

    /// One node.
    pub async fn single(dir: &Path) -> Result<TestCluster, TestError> {
        TestCluster::start(dir, TestOptions::default()).await
    }

    /// Starts a node that is not running.
    pub async fn start_node(&mut self, n: usize) -> Result<(), TestError> {
        let node = self.open_node(n).await?;
        self.switchboard.attach(id(n), node.core.backend());
        self.net.attach(node.core.node().inbound());
        self.nodes[n] = Some(node);
        Ok(())
    }

    async fn open_node(&self, n: usize) -> Result<TestNode, TestError> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let operations_at = listener.local_addr()?;
        let provider = self.provider().url();
        let providers = Providers::for_test(&provider, secret()?, operations_at).map_err(TestError::Other)?;
        let providers = self.trusted(n, providers);
        let core = Core::start(CoreOptions {
            node: id(n),
            transport: self.net.transport(id(n)),
            providers: providers.clone(),
            on_fatal: Arc::new(move |reason| eprintln!("node {} can't go on: {reason}", n + 1)),
            looks_through: false,
            found: self.options.nodes == 1,
            ..self.options_alone(&self.node_dir(n))
        })
        .await?;
        let stop = CancellationToken::new();
        let backend = core.backend().clone();
        let disk = Arc::new(Disk::new(&self.node_dir(n), RoomLimits::default()));
        if let Err(error) = disk.look() {
            tracing::warn!(%error, "the disk can't be looked at");
        }
        let health = Arc::new(crate::health::NodeHealth::new(&core, disk, None));
        let router = operations::router(health, None, backend.clone());
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
        let tasks = vec![
            tokio::spawn(scheduler::run(backend.clone(), stop.clone())),
            tokio::spawn(providers::run(backend, providers, stop.clone())),
            tokio::spawn(async move {
                let _ = serving.await;
            }),
        ];
        Ok(TestNode { core, stop, tasks })
    }

    /// As a running node does on a restored directory.
    fn trusted(&self, n: usize, mut providers: Providers) -> Arc<Providers> {
        if backup::is_restored(&self.node_dir(n)) {
            providers.distrust_older_than(crate::backend::now());
        }
        Arc::new(providers)
    }

    /// How a node of this cluster would run alone on a directory, calling nobody.
    pub fn options_alone(&self, data_dir: &Path) -> CoreOptions {
        CoreOptions {
            data_dir: data_dir.to_owned(),
            node: id(0),
            cluster: LOG_NAME.into(),
            vault: self.vault.clone(),
            sled_cache_bytes: 8 << 20,
            event_file_bytes: self.options.event_file_bytes,
            log_cache_bytes: 8 << 20,
            blob_bytes_max: 4 << 20,
            tenant_label_max: 10,
            group_options: self.options.group_options.clone(),
            transport: Arc::new(gearify_replication::transport::NoTransport),
            forward: Arc::new(self.switchboard.clone()),
            peers: Arc::new(self.switchboard.clone()),
            providers: Arc::new(Providers::none()),
            clock: Arc::new(gearify_web::SystemClock),
            on_fatal: Arc::new(|reason| eprintln!("the node can't go on: {reason}")),
            looks_through: false,
            found: true,
            part: RegionPart::default(),
            newest: gearify_commerce::version::NEWEST,
        }
    }

    pub fn vault(&self) -> &Arc<NodeVault> {
        &self.vault
    }

    /// Makes all nodes voters of groups that have none yet.
    async fn found(&self) -> Result<(), TestError> {
        if self.options.nodes == 1 {
            return Ok(());
        }
        let voters: BTreeSet<NodeId> = (0..self.nodes.len()).map(id).collect();
        for kind in GROUPS {
            let group = &self.node(0).core.backend().group(kind).group;
            match group.bootstrap(voters.clone()).await {
                Ok(()) | Err(MembershipError::NotPristine) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// A running node, counting from 0.
    pub fn node(&self, n: usize) -> &TestNode {
        self.nodes[n].as_ref().expect("the node runs")
    }

    pub fn node_dir(&self, n: usize) -> PathBuf {
        self.dir.join(format!("node-{}", n + 1))
    }

    pub fn running(&self) -> impl Iterator<Item = &TestNode> {
        self.nodes.iter().flatten()
    }

    /// The provider that all nodes call.
    pub fn provider(&self) -> &TestPay {
        self.provider.as_ref().expect("the provider runs until the cluster stops")
    }

    /// The number of the running node that leads a group.
    pub fn leader(&self, kind: GroupKind) -> Option<usize> {
        self.nodes
            .iter()
            .position(|node| node.as_ref().is_some_and(|node| node.core.backend().is_leader(kind)))
    }

    /// Hands every group to a node.
    pub async fn lead(&self, n: usize) -> Result<(), TestError> {
        for kind in GROUPS {
            let Some(leader) = self.leader(kind) else { continue };
            if leader != n {
                self.node(leader).core.backend().group(kind).group.transfer_leader(id(n)).await?;
            }
        }
        Ok(())
    }

    /// Stops a node in good order.
    pub async fn stop_node(&mut self, n: usize) {
        self.switchboard.detach(id(n));
        self.net.detach(id(n));
        if let Some(node) = self.nodes[n].take() {
            node.stop().await;
        }
    }

    /// Waits until every running node has applied and projected what any of them has.
    pub async fn settled(&self, within: Duration) -> Result<(), TestError> {
        for kind in GROUPS {
            let target = self.running().map(|node| node.core.backend().state(kind).applied_index()).max();
            for node in self.running() {
                let group = &node.core.backend().group(kind).group;
                group
                    .wait_applied(target.unwrap_or(0), within)
                    .await
                    .map_err(|error| TestError::Other(format!("{}: {error}", state::group_name(kind))))?;
            }
        }
        for node in self.running() {
            if !node.core.projected(within).await {
                return Err(TestError::Other(format!("projectors are behind: {:?}", node.core.board.rows())));
            }
        }
        Ok(())
    }

    /// The rolling state hash of a group on each running node.
    pub fn hashes(&self, kind: GroupKind) -> Vec<(u64, [u8; 32])> {
        let of = |node: &TestNode| node.core.states.of(kind).applied().ok();
        self.running().filter_map(of).map(|applied| (applied.index, applied.state_hash)).collect()
    }

    /// Stops every node, then the provider.
    pub async fn stop(mut self) -> Result<(), TestError> {
        for n in 0..self.nodes.len() {
            self.stop_node(n).await;
        }
        if let Some(provider) = self.provider.take() {
            provider.shut_down().await?;
        }
        Ok(())
    }
}

/// One running node of a cluster.
pub struct TestNode {
    pub core: Core,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl TestNode {
    async fn stop(self) {
        self.stop.cancel();
        for task in self.tasks {
            let _ = task.await;
        }
        self.core.stop().await;
    }
}

fn id(n: usize) -> NodeId {
    NodeId(n as u64 + 1)
}

fn secret() -> Result<Secret, TestError> {
    Secret::parse(SECRET).map_err(TestError::Other)
}
