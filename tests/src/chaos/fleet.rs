//! Nodes of one region in namespaces and on disks of their own, each the real binary.

use super::disk::Disk;
use super::place::{self, HERE, Place};
use crate::http::Host;
use crate::market::Market;
use crate::process::{NodeProcess, Ran, Serve, run};
use crate::shop::{Premises, SLUG};
use gearify_storage::failpoint::Failpoint;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Debug builds on a machine with other work.
pub const PATIENCE: Duration = Duration::from_secs(90);
/// After this long a client takes an answer for lost.
pub const CLIENT_PATIENCE: Duration = Duration::from_secs(6);
pub const GROUPS: [&str; 4] = ["cluster", "world", "catalogue-0", "region-0"];

/// What each SKU costs and how many pieces there are. The last one runs out.
pub const RANGE: [(&str, i64, i64); 3] =
    [("BALL", 2_490, 1_000_000), ("GRIP", 333, 1_000_000), ("RARE", 4_999, 60)];

/// How nodes of a fleet are set.
#[derive(Clone, Debug)]
pub struct Ways {
    pub options: Vec<(String, String)>,
    /// Of each node's disk. Whoever sells for an hour needs more.
    pub disk_mebibytes: u32,
}

impl Default for Ways {
    /// Short clocks, yet long enough for a machine that does other work too.
    fn default() -> Ways {
        let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        Ways {
            options: vec![
                set("replication.heartbeat_interval", "150ms"),
                set("replication.election_timeout_min", "600ms"),
                set("replication.election_timeout_max", "1200ms"),
                set("telemetry.level", "info"),
            ],
            disk_mebibytes: 384,
        }
    }
}

impl Ways {
    pub fn set(&mut self, key: &str, value: &str) {
        self.options.push((key.to_owned(), value.to_owned()));
    }
}

/// A node's place: its disk, its number in the cluster, and how it is started.
pub struct Seat {
    pub disk: Disk,
    /// As the cluster knows it; 0 before it has joined.
    pub number: u64,
    pub program: Option<PathBuf>,
    pub environment: Vec<(String, String)>,
}

/// Three or more nodes, their network, and the payment provider they share.
pub struct Fleet {
    pub nodes: BTreeMap<usize, NodeProcess>,
    pub seats: Vec<Seat>,
    pub market: Market,
    pub place: Place,
    ways: Ways,
    key: PathBuf,
    dir: tempfile::TempDir,
    pub premises: Premises,
}

impl Fleet {
    /// A region of the first three seats that sells; further seats are empty. `program` is what its nodes
    /// run, if not the binary.
    pub fn begin(seats: usize, ways: Ways, program: Option<PathBuf>) -> Fleet {
        let place = Place::new(seats);
        let premises = Premises::at(HERE.into());
        let dir = tempfile::tempdir().expect("a directory for the fleet");
        let seat = |n: usize| {
            let image = dir.path().join(format!("disk-{}", n + 1));
            let at = match n {
                0 => premises.data(),
                _ => dir.path().join(format!("node-{}", n + 1)),
            };
            let disk = Disk::new(&image, &at, ways.disk_mebibytes);
            Seat { disk, number: 0, program: program.clone(), environment: Vec::new() }
        };
        let seats: Vec<Seat> = (0..seats).map(seat).collect();
        let (mut files, mut market) = premises.open_shop();
        for (sku, minor, pieces) in RANGE {
            market.product(&mut files, sku, minor);
            market.stock(&mut files, sku, 0, pieces);
        }
        files.stop();
        // The key lies beside the disks: a machine's key store survives what befalls its data.
        let key = dir.path().join("master.key");
        std::fs::copy(premises.data().join("master.key"), &key).expect("the key can be copied");
        let nodes = BTreeMap::new();
        let mut fleet = Fleet { nodes, seats, market, place, ways, key, dir, premises };
        let token = token_in(&fleet.done(0, &["cluster", "init"]));
        fleet.seats[0].number = 1;
        fleet.start(0);
        fleet.join(1, &token, 0);
        fleet.start(1);
        let token = token_in(&fleet.done(1, &["cluster", "token"]));
        fleet.join(2, &token, 0);
        fleet.start(2);
        fleet.wait_for_voters(&[1, 2, 3]);
        fleet
    }

    pub fn serve(&self, n: usize) -> Serve {
        let seat = &self.seats[n];
        let failpoint = ("FAILPOINT_FILE".to_owned(), self.failpoint(n).display().to_string());
        let serve = Serve {
            inside: Place::inside(n),
            program: seat.program.clone(),
            environment: [seat.environment.clone(), vec![failpoint]].concat(),
            ..self.premises.serve_on(seat.disk.place(), &self.log(n))
        };
        let serve =
            serve.set("cluster.listen", place::peer(n)).set("keys.master_key_file", self.key.display());
        self.ways.options.iter().fold(serve, |serve, (key, value)| serve.set(key, value))
    }

    fn failpoint(&self, n: usize) -> PathBuf {
        self.dir.path().join(format!("failpoint-{}", n + 1))
    }

    /// From now on a node ends when it comes to this place for the so-many-th time.
    pub fn arm(&self, n: usize, point: Failpoint, times: u32) {
        let (order, draft) = (self.failpoint(n), self.dir.path().join("failpoint"));
        std::fs::write(&draft, format!("{point}:{times}")).expect("the fleet's directory takes a file");
        std::fs::rename(&draft, &order).expect("it can be renamed");
    }

    pub fn log(&self, n: usize) -> PathBuf {
        self.dir.path().join(format!("node-{}.log", n + 1))
    }

    /// What a node has said after its log had so many bytes.
    pub fn log_since(&self, n: usize, bytes: u64) -> String {
        let log = std::fs::read(self.log(n)).unwrap_or_default();
        String::from_utf8_lossy(log.get(bytes as usize..).unwrap_or_default()).into_owned()
    }

    /// What each node has said last, for whoever wonders what they wait for.
    pub fn last_words(&self) -> String {
        const LINES: usize = 25;
        let of = |n: usize| {
            let log = self.log_since(n, 0);
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
            format!(
                "node {}, which {}:\n{last}\n",
                n + 1,
                match self.nodes.contains_key(&n) {
                    true => "runs",
                    false => "does not run",
                }
            )
        };
        (0..self.seats.len()).map(of).collect()
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Runs a command of the program on a node's machine.
    pub fn tell(&self, n: usize, words: &[&str]) -> Ran {
        let mut serve = self.serve(n);
        // Commands have no part in a node's clock, nor in the program before.
        (serve.environment, serve.program) = (Vec::new(), None);
        run(serve.tool(words))
    }

    #[track_caller]
    pub fn done(&self, n: usize, words: &[&str]) -> String {
        let ran = self.tell(n, words);
        assert!(ran.status.success(), "{words:?}: {} {}", ran.stdout, ran.stderr);
        ran.stdout
    }

    pub fn join(&mut self, n: usize, token: &str, by: usize) {
        let said = self.done(n, &["join", token, &place::peer(by).to_string()]);
        let number = said.split("this is node ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
        self.seats[n].number = number.unwrap_or_else(|| panic!("no number in {said}"));
    }

    /// Starts a node and does not wait.
    pub fn launch(&mut self, n: usize) {
        let node = self.serve(n).spawn(place::shop(n), place::operations(n));
        assert!(self.nodes.insert(n, node).is_none(), "node {} runs already", n + 1);
    }

    /// Starts a node and waits until it is ready.
    pub fn start(&mut self, n: usize) {
        self.launch(n);
        self.wait_until_ready(n);
    }

    #[track_caller]
    pub fn wait_until_ready(&mut self, n: usize) {
        let node = self.nodes.get_mut(&n).expect("it was started");
        if let Err(said) = node.wait_until_ready() {
            let last: Vec<&str> = said.lines().rev().take(40).collect();
            let last: Vec<&str> = last.into_iter().rev().collect();
            panic!("node {} did not become ready:\n{}", n + 1, last.join("\n"));
        }
    }

    pub fn start_all(&mut self, which: &[usize]) {
        which.iter().for_each(|n| self.launch(*n));
        which.iter().for_each(|n| self.wait_until_ready(*n));
    }

    pub fn kill(&mut self, n: usize) {
        self.nodes.remove(&n).expect("it runs").kill();
    }

    /// Ends a node, and waits until nobody has the entries that it lacks. Says how far it had come.
    pub fn leave_behind(&mut self, n: usize) -> u64 {
        let at = self.measured(n, "gearify_raft_applied_index{group=\"region-0\"}").unwrap_or(0);
        self.kill(n);
        let until = Instant::now() + PATIENCE;
        let name = "gearify_raft_purged_index{group=\"region-0\"}";
        // Whoever leads when it is back has none of the entries it lacks, those included that it had not applied.
        let keeps = |running: &usize| self.measured(*running, name).is_none_or(|purged| purged < at + 100);
        while self.nodes.keys().any(keeps) {
            assert!(Instant::now() < until, "the others keep their logs: without effect");
            std::thread::sleep(Duration::from_millis(100));
        }
        at
    }

    /// Ends several in the same moment.
    pub fn kill_all(&mut self, which: &[usize]) {
        which.iter().for_each(|n| self.nodes[n].strike());
        which.iter().for_each(|n| self.kill(*n));
    }

    /// Stops every node in good order.
    pub fn stop_all(&mut self) {
        for (_, node) in std::mem::take(&mut self.nodes) {
            node.stop();
        }
    }

    pub fn host(&self, n: usize) -> Host {
        Host::with_patience(place::shop(n), &format!("{SLUG}.localhost"), CLIENT_PATIENCE)
    }

    pub fn hosts(&self) -> Vec<Host> {
        (0..self.seats.len()).map(|n| self.host(n)).collect()
    }

    pub fn status(&self, n: usize) -> Value {
        serde_json::from_str(&self.done(n, &["cluster", "status", "--json"])).expect("status is JSON")
    }

    /// A value of a node's metrics, by its name with labels; `None` while it does not answer.
    pub fn measured(&self, n: usize, name: &str) -> Option<u64> {
        measured(place::operations(n), name)
    }

    pub fn term(&self, n: usize) -> Option<u64> {
        self.measured(n, "gearify_raft_term{group=\"region-0\"}")
    }

    /// The node that leads a group and that others follow: of several that think so, the one with the
    /// highest term.
    pub fn leader_now(&self, group: &str) -> Option<usize> {
        let leads =
            |n: &usize| self.measured(*n, &format!("gearify_raft_leader{{group=\"{group}\"}}")) == Some(1);
        let term = |n: &usize| self.measured(*n, &format!("gearify_raft_term{{group=\"{group}\"}}"));
        self.nodes.keys().copied().filter(leads).max_by_key(term)
    }

    #[track_caller]
    pub fn leader(&self, group: &str) -> usize {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(leader) = self.leader_now(group) {
                return leader;
            }
            assert!(Instant::now() < until, "nobody leads {group}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    #[track_caller]
    pub fn wait_for_voters(&self, voters: &[u64]) {
        let until = Instant::now() + PATIENCE;
        loop {
            let asked = *self.nodes.keys().next().expect("a node runs");
            let status = self.status(asked);
            let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
            let agree = nodes.iter().filter(|node| node["state"] != "removed").all(|node| {
                GROUPS.iter().all(|group| {
                    let group = &node["report"]["groups"][group];
                    group["voters"] == serde_json::json!(voters) && group["is_changing"] == false
                })
            });
            if agree {
                return;
            }
            assert!(Instant::now() < until, "not all of {voters:?} vote: {status}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until the running nodes have applied the same entries.
    #[track_caller]
    pub fn wait_until_level(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let level = GROUPS[1..].iter().all(|group| {
                let name = format!("gearify_raft_applied_index{{group=\"{group}\"}}");
                let mut all = self.nodes.keys().map(|n| self.measured(*n, &name));
                let first = all.next().flatten();
                first.is_some() && all.all(|other| other == first)
            });
            if level {
                return;
            }
            assert!(Instant::now() < until, "the nodes do not catch up with each other");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// A value of the metrics at this address.
pub fn measured(operations: SocketAddr, name: &str) -> Option<u64> {
    let text = metrics(operations)?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.trim().parse::<f64>().ok().map(|value| value as u64)
}

fn metrics(operations: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect_timeout(&operations, Duration::from_millis(500)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(2))).ok()?;
    write!(stream, "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

pub fn token_in(text: &str) -> String {
    let is_token = |word: &&str| word.starts_with("gearify-join-");
    text.split_whitespace().find(is_token).expect("a token is printed").to_owned()
}
