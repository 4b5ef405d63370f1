//! Nodes of one region, each the real binary in a data directory of its own.

use gearify_tests::http::Host;
use gearify_tests::process::{NodeProcess, Ran, Serve, gearify, run};
use gearify_tests::scrape::scrape;
use gearify_tests::shop::{Premises, SLUG};
use rand::Rng;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Debug builds on a machine with other work.
pub const PATIENCE: Duration = Duration::from_secs(90);
const GROUPS: [&str; 4] = ["cluster", "world", "catalogue-0", "region-0"];

/// Three data directories and what runs on them.
pub struct Region<'p> {
    premises: &'p Premises,
    pub certificate_lifetime: &'static str,
    /// What nodes are started from here on, unless it is the binary.
    pub program: Option<PathBuf>,
    /// Where the archive is kept, if one is.
    pub archive: Option<String>,
    pub peers: Vec<SocketAddr>,
    pub nodes: BTreeMap<usize, NodeProcess>,
}

impl Region<'_> {
    pub fn of(premises: &Premises, nodes: usize) -> Region<'_> {
        let peers = (0..nodes).map(|_| lasting_address()).collect();
        Region {
            premises,
            certificate_lifetime: "30d",
            program: None,
            archive: None,
            peers,
            nodes: BTreeMap::new(),
        }
    }

    pub fn serve(&self, n: usize) -> Serve {
        let data = match n {
            0 => self.premises.data(),
            _ => self.premises.data().with_file_name(format!("node-{}", n + 1)),
        };
        let log = self.premises.log().with_extension(format!("{}.log", n + 1));
        let serve = Serve { data, log, program: self.program.clone(), ..self.premises.serve() };
        let serve = match &self.archive {
            Some(target) => serve.set("backup.target", target),
            None => serve,
        };
        serve
            .set("cluster.listen", self.peers[n])
            .set("keys.master_key_file", self.premises.data().join("master.key").display())
            .set("cluster.certificate_lifetime", self.certificate_lifetime)
    }

    /// A command of the node's own machine.
    pub fn tell(&self, n: usize, words: &[&str]) -> Ran {
        self.tell_with_key(n, &self.premises.data().join("master.key"), words)
    }

    /// The same with another master key.
    pub fn tell_with_key(&self, n: usize, key: &Path, words: &[&str]) -> Ran {
        let serve = self.serve(n).set("keys.master_key_file", key.display());
        let mut command = gearify(words);
        command.args(["--set", &format!("node.data_dir={}", serve.data.display())]);
        for (key, value) in &serve.options {
            command.args(["--set", &format!("{key}={value}")]);
        }
        run(command)
    }

    #[track_caller]
    pub fn done(&self, n: usize, words: &[&str]) -> String {
        let ran = self.tell(n, words);
        assert!(ran.status.success(), "{words:?}: {}", ran.stderr);
        ran.stdout
    }

    pub fn join(&self, n: usize, token: &str) {
        self.join_by(n, token, 0, n + 1);
    }

    /// Joins by the node at another place, to be given this number.
    pub fn join_by(&self, n: usize, token: &str, by: usize, number: usize) {
        let said = self.done(n, &["join", token, &self.peers[by].to_string()]);
        assert!(said.contains(&format!("this is node {number}")), "{said}");
    }

    pub fn start(&mut self, n: usize) {
        let node = self.serve(n).start();
        self.nodes.insert(n, node);
    }

    pub fn status(&self, n: usize) -> Value {
        serde_json::from_str(&self.done(n, &["cluster", "status", "--json"])).expect("status is JSON")
    }

    /// Makes the first so many nodes one cluster that votes, and answers a token for one more.
    pub fn grow(&mut self, nodes: usize) -> String {
        let mut token = token_in(&self.done(0, &["cluster", "init"]));
        self.start(0);
        for n in 1..nodes {
            self.join(n, &token);
            self.start(n);
            token = token_in(&self.done(n, &["cluster", "token"]));
        }
        let all: Vec<u64> = (1..=nodes as u64).collect();
        self.wait_for_voters(&all);
        token
    }

    pub fn host(&self, n: usize) -> Host {
        Host::new(self.nodes[&n].public, &format!("{SLUG}.localhost"))
    }

    /// How many peers' connections and orders a node has refused for this reason.
    pub fn refused(&self, n: usize, reason: &str) -> u64 {
        let page = self.premises.runtime.block_on(scrape(&self.nodes[&n]));
        page.sum("gearify_peer_refused_total", &[("reason", reason)]).map_or(0, |count| count as u64)
    }

    /// The place of the node that leads a group, as a running node sees it.
    pub fn leader(&self, group: &str) -> usize {
        self.leader_seen_by(*self.nodes.keys().next().expect("a node runs"), group)
    }

    pub fn leader_seen_by(&self, asked: usize, group: &str) -> usize {
        let until = Instant::now() + PATIENCE;
        loop {
            let status = self.status(asked);
            let of_asked = |node: &&Value| node["node"] == (asked + 1) as u64;
            let node = status["nodes"].as_array().and_then(|nodes| nodes.iter().find(of_asked));
            let leader = node.and_then(|node| node["report"]["groups"][group]["leader"].as_u64());
            match leader {
                Some(leader) if self.nodes.contains_key(&(leader as usize - 1)) => {
                    return leader as usize - 1;
                }
                _ => assert!(Instant::now() < until, "no leader of {group}: {status}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn wait_for_voters(&self, voters: &[u64]) {
        let until = Instant::now() + PATIENCE;
        loop {
            let status = self.status(0);
            let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
            let agree = nodes.iter().filter(|node| node["state"] != "removed").all(|node| {
                let groups = &node["report"]["groups"];
                GROUPS.iter().all(|group| {
                    groups[group]["voters"] == serde_json::json!(voters)
                        && groups[group]["is_changing"] == false
                })
            });
            if agree {
                return;
            }
            assert!(Instant::now() < until, "not all of {voters:?} vote: {status}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    pub fn wait_until_first_is_alone(&self) {
        let until = Instant::now() + PATIENCE;
        loop {
            let status = self.status(0);
            let groups = &status["nodes"][0]["report"]["groups"];
            let alone = GROUPS.iter().all(|group| {
                groups[group]["voters"] == serde_json::json!([1])
                    && groups[group]["learners"] == serde_json::json!([])
            });
            if alone && status["nodes"][1]["state"] == "removed" {
                return;
            }
            assert!(Instant::now() < until, "node 2 is still a member: {status}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// An address that is free now and that no outgoing connection will be given: it lies below the ports
/// that the kernel hands out. A node keeps it over its restarts.
pub fn lasting_address() -> SocketAddr {
    loop {
        let address = SocketAddr::from(([127, 0, 0, 1], rand::rng().random_range(10_000..30_000)));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

pub fn token_in(text: &str) -> String {
    let is_token = |word: &&str| word.starts_with("gearify-join-");
    text.split_whitespace().find(is_token).expect("a token is printed").to_owned()
}
