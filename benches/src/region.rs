//! Three nodes of one region on this machine, each the real binary, with a demo's shop to buy from.

use crate::client::Connection;
use crate::node::{Demo, binary, free_address};
use crate::shop::HOST;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

const NODES: usize = 3;
const STARTING_MAX: Duration = Duration::from_secs(60);

/// Where a node lives and listens; it keeps that over restarts.
struct Place {
    data: PathBuf,
    public: SocketAddr,
    operations: SocketAddr,
    peer: SocketAddr,
}

pub struct Region {
    places: Vec<Place>,
    nodes: Vec<Option<Child>>,
    master_key: PathBuf,
    _data: tempfile::TempDir,
}

impl Region {
    /// Makes a stopped demo's node the first of three.
    pub async fn grown_from(demo: Demo) -> Result<Region> {
        let data = demo.stop().await?;
        let mut places = Vec::new();
        for n in 0..NODES {
            let name = if n == 0 { "node".to_owned() } else { format!("node-{}", n + 1) };
            let (public, operations, peer) = (lasting_address()?, lasting_address()?, lasting_address()?);
            places.push(Place { data: data.path().join(name), public, operations, peer });
        }
        let master_key = data.path().join("node/master.key");
        let nodes = (0..NODES).map(|_| None).collect();
        let mut region = Region { places, nodes, master_key, _data: data };
        let token = token_in(&region.tell(0, &["cluster", "init"]).await?)?;
        region.start(0).await?;
        let first = region.places[0].peer.to_string();
        region.tell(1, &["join", &token, &first]).await?;
        region.start(1).await?;
        let token = token_in(&region.tell(0, &["cluster", "token"]).await?)?;
        region.tell(2, &["join", &token, &first]).await?;
        region.start(2).await?;
        region.wait_for_voters().await?;
        Ok(region)
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.places.iter().map(|place| place.public).collect()
    }

    pub fn address(&self, n: usize) -> SocketAddr {
        self.places[n].public
    }

    pub fn data(&self, n: usize) -> &Path {
        &self.places[n].data
    }

    fn options(&self, n: usize) -> Vec<String> {
        let place = &self.places[n];
        let all = [
            ("listen.public", place.public.to_string()),
            ("listen.operations", place.operations.to_string()),
            ("cluster.listen", place.peer.to_string()),
            ("node.data_dir", place.data.display().to_string()),
            ("keys.master_key_file", self.master_key.display().to_string()),
            ("limits.concurrent_requests_max", "4096".into()),
            ("web.rates.reads_per_second", "100000".into()),
            ("web.rates.writes_per_second", "100000".into()),
        ];
        all.into_iter().flat_map(|(key, value)| ["--set".to_owned(), format!("{key}={value}")]).collect()
    }

    /// A command of the node's own machine.
    async fn tell(&self, n: usize, words: &[&str]) -> Result<String> {
        let ran = Command::new(binary()?).args(words).args(self.options(n)).output().await?;
        if !ran.status.success() {
            bail!("{words:?}: {}", String::from_utf8_lossy(&ran.stderr));
        }
        Ok(String::from_utf8(ran.stdout)?)
    }

    /// Starts a node that does not run, and waits until it serves.
    pub async fn start(&mut self, n: usize) -> Result<()> {
        let node = Command::new(binary()?)
            .arg("serve")
            .args(self.options(n))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        self.nodes[n] = Some(node);
        let until = Instant::now() + STARTING_MAX;
        while Instant::now() < until {
            if let Ok(mut connection) = Connection::open(self.places[n].operations, HOST).await
                && connection.get("/health/ready").await.is_ok_and(|answer| answer.status.is_success())
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("node {} is not ready within {STARTING_MAX:?}", n + 1)
    }

    /// Ends a node as a crash would.
    pub async fn kill(&mut self, n: usize) -> Result<()> {
        let mut node = self.nodes[n].take().context("the node runs")?;
        node.kill().await?;
        Ok(())
    }

    async fn reports(&self, n: usize) -> Result<Vec<Value>> {
        let status: Value = serde_json::from_str(&self.tell(n, &["cluster", "status", "--json"]).await?)?;
        Ok(status["nodes"].as_array().cloned().unwrap_or_default())
    }

    async fn wait_for_voters(&self) -> Result<()> {
        let until = Instant::now() + STARTING_MAX;
        while Instant::now() < until {
            let group = |node: &Value| node["report"]["groups"]["region-0"].clone();
            let votes = |node: &Value| group(node)["voters"].as_array().map_or(0, Vec::len) == NODES;
            if self.reports(0).await?.iter().all(votes) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("not all of the region's nodes vote within {STARTING_MAX:?}")
    }

    /// The node that leads what is sold, counted from 0.
    pub async fn leader(&self) -> Result<usize> {
        let until = Instant::now() + STARTING_MAX;
        let asked = self.nodes.iter().position(Option::is_some).context("a node runs")?;
        while Instant::now() < until {
            let own = |node: &&Value| node["node"] == (asked + 1) as u64;
            let reports = self.reports(asked).await.unwrap_or_default();
            let leader = reports
                .iter()
                .find(own)
                .and_then(|node| node["report"]["groups"]["region-0"]["leader"].as_u64());
            if let Some(leader) = leader
                && self.nodes[leader as usize - 1].is_some()
            {
                return Ok(leader as usize - 1);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        bail!("nobody leads within {STARTING_MAX:?}")
    }
}

fn token_in(text: &str) -> Result<String> {
    let token = text.split_whitespace().find(|word| word.starts_with("gearify-join-"));
    token.map(str::to_owned).context("a token is printed")
}

/// A free address below the ports that the kernel hands out, so that nobody takes it during a restart.
fn lasting_address() -> Result<SocketAddr> {
    for _ in 0..100 {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::random_range(10_000..30_000)));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    free_address()
}
