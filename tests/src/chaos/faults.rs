//! The faults, and how each shows that it happened.

use super::crowd::{Crowd, Street};
use super::fleet::{Fleet, PATIENCE};
use super::links::{Delay, Link};
use super::place::{self, HERE, Loss, peer, tool};
use rand::Rng;
use rand::rngs::StdRng;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Longer than the longest election of [`super::fleet::Ways`].
const ELECTION: Duration = Duration::from_secs(4);
const DELAY: Delay = Delay { least: Duration::from_millis(20), most: Duration::from_millis(60) };
/// Of a hundred packets.
const LOST_PERCENT: u8 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// Every node runs the program before; one by one they are replaced.
    Upgrade,
    KillLeader,
    /// The leader stands still for longer than an election takes.
    Pause,
    /// The leader hears nobody, and nobody hears it.
    Part,
    /// What the leader sends to one follower is lost; the other way all arrives.
    OneWay,
    /// The leader and a follower don't hear each other; both hear the third.
    Bridge,
    /// Some packets are lost, everywhere.
    Drop,
    /// What nodes say to each other arrives late.
    Delay,
    /// Connections between nodes are reset.
    Reset,
    DiskFull,
    /// A node starts with a clock an hour behind, which jumps to an hour ahead and back.
    Clock,
    /// The leader is drained.
    Transfer,
    /// A node loses its whole state; log and snapshots are there.
    LoseState,
    /// A fourth node joins and is removed again.
    Member,
    /// A node is lost for good and another takes its place.
    Replace,
    /// A node is away until the others' logs no longer have what it lacks.
    Snapshot,
}

/// What may come more than once.
pub const DECK: [Fault; 15] = [
    Fault::KillLeader,
    Fault::Pause,
    Fault::Part,
    Fault::OneWay,
    Fault::Bridge,
    Fault::Drop,
    Fault::Delay,
    Fault::Reset,
    Fault::DiskFull,
    Fault::Clock,
    Fault::Transfer,
    Fault::LoseState,
    Fault::Member,
    Fault::Replace,
    Fault::Snapshot,
];

/// Where it all happens.
pub struct Scene {
    pub fleet: Fleet,
    pub crowd: Crowd,
    pub street: Street,
    pub random: StdRng,
}

impl Scene {
    /// Lets a fault happen; answers what it changed.
    ///
    /// # Panics
    /// If nothing shows that it happened.
    pub fn befalls(&mut self, fault: Fault) -> String {
        match fault {
            Fault::Upgrade => self.upgrade(),
            Fault::KillLeader => self.kill_leader(),
            Fault::Pause => self.pause(),
            Fault::Part => self.part(),
            Fault::OneWay => self.one_way(),
            Fault::Bridge => self.bridge(),
            Fault::Drop => self.drop_packets(),
            Fault::Delay => self.delay(),
            Fault::Reset => self.reset(),
            Fault::DiskFull => self.disk_full(),
            Fault::Clock => self.clock(),
            Fault::Transfer => self.transfer(),
            Fault::LoseState => self.lose_state(),
            Fault::Member => self.member(),
            Fault::Replace => self.replace(),
            Fault::Snapshot => self.snapshot(),
        }
    }

    /// Every packet arrives, and every node is up.
    pub fn heal(&mut self) {
        self.fleet.place.heal();
        let nodes: Vec<usize> = self.fleet.nodes.keys().copied().collect();
        for n in nodes {
            self.fleet.wait_until_ready(n);
        }
    }

    fn leader(&self) -> usize {
        self.fleet.leader("region-0")
    }

    fn others(&self, than: usize) -> Vec<usize> {
        self.fleet.nodes.keys().copied().filter(|n| *n != than).collect()
    }

    fn follower(&mut self) -> usize {
        let others = self.others(self.leader());
        others[self.random.random_range(0..others.len())]
    }

    /// Waits until one of the others leads; answers which.
    #[track_caller]
    fn led_by_another(&self, than: usize) -> usize {
        let until = Instant::now() + PATIENCE;
        loop {
            let name = "gearify_raft_leader{group=\"region-0\"}";
            let others = self.others(than);
            if let Some(leader) = others.into_iter().find(|n| self.fleet.measured(*n, name) == Some(1)) {
                return leader;
            }
            assert!(Instant::now() < until, "node {} was not replaced as leader: without effect", than + 1);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The version of the rules that a node's own group of its region follows.
    fn rules(&self, n: usize) -> u64 {
        let status = self.fleet.status(n);
        let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
        let own = nodes.into_iter().find(|node| node["node"] == self.fleet.seats[n].number);
        own.and_then(|own| own["report"]["groups"]["region-0"]["version"].as_u64()).unwrap_or(0)
    }

    fn upgrade(&mut self) -> String {
        let nodes: Vec<usize> = self.fleet.nodes.keys().copied().collect();
        let before = self.rules(nodes[0]);
        self.fleet.seats.iter_mut().for_each(|seat| seat.program = None);
        for n in &nodes {
            self.fleet.nodes.remove(n).expect("it runs").stop();
            self.fleet.start(*n);
        }
        let until = Instant::now() + PATIENCE;
        while nodes.iter().any(|n| self.rules(*n) <= before) {
            assert!(Instant::now() < until, "the rules stay those of version {before}: without effect");
            std::thread::sleep(Duration::from_millis(200));
        }
        format!("rules of version {before} became those of {}", self.rules(nodes[0]))
    }

    fn kill_leader(&mut self) -> String {
        let old = self.leader();
        self.fleet.kill(old);
        let new = self.led_by_another(old);
        self.fleet.start(old);
        format!("node {} leads after node {}", new + 1, old + 1)
    }

    fn pause(&mut self) -> String {
        let old = self.leader();
        self.fleet.nodes[&old].pause();
        let new = self.led_by_another(old);
        std::thread::sleep(Duration::from_millis(500));
        self.fleet.nodes[&old].resume();
        format!("node {} leads after node {} stood still", new + 1, old + 1)
    }

    fn part(&mut self) -> String {
        let old = self.leader();
        for other in self.others(old) {
            self.fleet.place.part(old, other);
        }
        let new = self.led_by_another(old);
        // On the other side the old leader still takes requests and can't keep them.
        std::thread::sleep(Duration::from_secs(2));
        format!("node {} leads, node {} is cut off", new + 1, old + 1)
    }

    fn applied(&self, n: usize) -> Option<u64> {
        self.fleet.measured(n, "gearify_raft_applied_index{group=\"region-0\"}")
    }

    /// What befell the link between leader and follower: somebody else leads, or the follower stayed behind.
    #[track_caller]
    fn noticed(&self, leader: usize, follower: usize) -> String {
        let (term, began) = (self.fleet.term(leader), Instant::now());
        let mut behind = 0;
        while began.elapsed() < PATIENCE {
            if self.fleet.term(leader) != term {
                return format!("an election, in term {:?} after {term:?}", self.fleet.term(leader));
            }
            if let (Some(ahead), Some(at)) = (self.applied(leader), self.applied(follower)) {
                behind = behind.max(ahead.saturating_sub(at));
            }
            if behind > 3 && began.elapsed() > ELECTION {
                return format!("node {} stayed {behind} entries behind", follower + 1);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("no election, and node {} at most {behind} entries behind: without effect", follower + 1)
    }

    fn one_way(&mut self) -> String {
        let (leader, follower) = (self.leader(), self.follower());
        self.fleet.place.lose(leader, follower, Loss::All);
        self.noticed(leader, follower)
    }

    fn bridge(&mut self) -> String {
        let (leader, follower) = (self.leader(), self.follower());
        self.fleet.place.part(leader, follower);
        self.noticed(leader, follower)
    }

    /// Counters of a node's TCP, by the kernel's names.
    fn tcp(&self, n: usize, name: &str) -> u64 {
        let mut arguments = place::Place::inside(n);
        arguments.extend(["cat", "/proc/net/snmp"].map(str::to_owned));
        let text = tool(&arguments[0].clone(), &arguments[1..]);
        let mut lines = text.lines().filter(|line| line.starts_with("Tcp:"));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let found = names.split(' ').zip(values.split(' ')).find(|(column, _)| *column == name);
        found.and_then(|(_, value)| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
    }

    fn tcp_of_all(&self, name: &str) -> u64 {
        self.fleet.nodes.keys().map(|n| self.tcp(*n, name)).sum()
    }

    fn between_all(&self, loss: Loss) {
        for one in self.fleet.nodes.keys() {
            for other in self.others(*one) {
                self.fleet.place.lose(*one, other, loss);
            }
        }
    }

    fn drop_packets(&mut self) -> String {
        let before = self.tcp_of_all("RetransSegs");
        self.between_all(Loss::Percent(LOST_PERCENT));
        std::thread::sleep(ELECTION);
        let again = self.tcp_of_all("RetransSegs").saturating_sub(before);
        assert!(again >= 10, "{again} segments were sent again: without effect");
        format!("{again} segments were sent again")
    }

    fn reset(&mut self) -> String {
        let before = self.tcp_of_all("EstabResets");
        for _ in 0..3 {
            self.between_all(Loss::Reset);
            std::thread::sleep(Duration::from_millis(400));
            self.fleet.place.heal();
            std::thread::sleep(Duration::from_millis(400));
        }
        let cut = self.tcp_of_all("EstabResets").saturating_sub(before);
        assert!(cut > 0, "no connection was reset: without effect");
        format!("{cut} connections were reset")
    }

    fn delay(&mut self) -> String {
        let leader = self.leader();
        let runtime = self.fleet.premises.runtime.handle().clone();
        let mut links = Vec::new();
        for other in self.others(leader) {
            for (from, to) in [(leader, other), (other, leader)] {
                let link = Link::to(&runtime, HERE.into(), peer(to), DELAY);
                self.fleet.place.lead_aside(from, to, link.at.port());
                links.push(link);
            }
        }
        // Connections that are there would stay direct.
        self.between_all(Loss::Reset);
        std::thread::sleep(Duration::from_millis(300));
        self.fleet.place.open();
        std::thread::sleep(ELECTION);
        let carried: u64 = links.iter().map(Link::carried).sum();
        assert!(carried > 10_000, "{carried} bytes went the slow way: without effect");
        format!("{} KiB went the slow way", carried >> 10)
    }

    fn disk_full(&mut self) -> String {
        let n = if self.random.random() { self.leader() } else { self.follower() };
        let seen = std::fs::metadata(self.fleet.log(n)).map_or(0, |log| log.len());
        let ballast = self.fleet.seats[n].disk.fill();
        let until = Instant::now() + PATIENCE;
        let effect = loop {
            let node = self.fleet.nodes.get_mut(&n).expect("it runs");
            if let Some(status) = node.has_ended() {
                let said = self.fleet.log_since(n, seen);
                let line = said.lines().rfind(|line| line.starts_with("gearify: "));
                let line = line.unwrap_or_else(|| panic!("node {} ended with {status}: {said}", n + 1));
                break format!("node {} ended: {line}", n + 1);
            }
            if !node.is_ready() || node.is_full() {
                break format!("node {} takes in nothing new", n + 1);
            }
            assert!(Instant::now() < until, "node {} goes on with a full disk: without effect", n + 1);
            std::thread::sleep(Duration::from_millis(50));
        };
        std::thread::sleep(Duration::from_secs(2));
        std::fs::remove_file(ballast).expect("the ballast can be removed");
        let node = self.fleet.nodes.get_mut(&n).expect("it runs");
        if node.has_ended().is_some() {
            self.fleet.nodes.remove(&n);
            self.fleet.start(n);
        }
        effect
    }

    /// How far the node's clock is from this machine's, in seconds.
    fn offset(&self, n: usize) -> i64 {
        const DAY: i64 = 86_400;
        let ask = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(place::operations(n))?;
            stream.set_read_timeout(Some(Duration::from_secs(5)))?;
            write!(stream, "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = ask().expect("the node answers");
        let date =
            answer.lines().find_map(|line| line.to_lowercase().strip_prefix("date: ").map(str::to_owned));
        let date = date.expect("an answer has a date");
        let clock = date.split(' ').find(|word| word.contains(':')).expect("a date has a time");
        let there = clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<i64>().expect("a number"));
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let here = now.expect("it is after 1970").as_secs() as i64 % DAY;
        // The nearest way round the day.
        (there - here + DAY + DAY / 2).rem_euclid(DAY) - DAY / 2
    }

    fn clock(&mut self) -> String {
        let n = if self.random.random() { self.leader() } else { self.follower() };
        let file = self.fleet.dir().join("clock");
        let set = |offset: &str| std::fs::write(&file, offset).expect("the clock can be set");
        set("-3600");
        let environment = [
            ("LD_PRELOAD", place::faketime()),
            ("FAKETIME_TIMESTAMP_FILE", file.display().to_string()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        self.fleet.nodes.remove(&n).expect("it runs").stop();
        self.fleet.seats[n].environment = environment.map(|(key, value)| (key.to_owned(), value)).to_vec();
        // With such a clock it leads nothing and does not get ready, but it answers.
        self.fleet.launch(n);
        let until = Instant::now() + PATIENCE;
        while TcpStream::connect(place::operations(n)).is_err() {
            assert!(Instant::now() < until, "node {} does not answer", n + 1);
            std::thread::sleep(Duration::from_millis(100));
        }
        let mut seen = Vec::new();
        // An answer's date never runs backwards, so the way back is last.
        for jump in ["-3600", "+3600"] {
            set(jump);
            std::thread::sleep(Duration::from_millis(1_500));
            let offset = self.offset(n);
            assert!((3_500..3_700).contains(&offset.abs()), "its clock is {offset} s off: without effect");
            seen.push(offset);
        }
        set("-3600");
        std::thread::sleep(Duration::from_millis(1_500));
        self.fleet.nodes.remove(&n).expect("it runs").stop();
        self.fleet.seats[n].environment.clear();
        self.fleet.start(n);
        format!("the clock of node {} was {seen:?} s off", n + 1)
    }

    fn transfer(&mut self) -> String {
        let old = self.leader();
        let number = self.fleet.seats[old].number.to_string();
        self.fleet.done(old, &["node", "drain", &number]);
        let new = self.led_by_another(old);
        self.fleet.done(old, &["node", "drain", &number, "--undo"]);
        format!("node {} leads after node {} was drained", new + 1, old + 1)
    }

    fn lose_state(&mut self) -> String {
        let n = self.follower();
        self.fleet.kill(n);
        let groups = self.fleet.seats[n].disk.place().join("groups");
        let files = crate::files::all(&groups).len();
        std::fs::remove_dir_all(&groups).expect("the state can be removed");
        assert!(files > 0, "there was no state: without effect");
        self.fleet.start(n);
        format!("node {} made its state again after {files} files of it were lost", n + 1)
    }

    /// The seat without a node.
    fn spare(&self) -> usize {
        let all = 0..self.fleet.seats.len();
        all.into_iter().find(|n| !self.fleet.nodes.contains_key(n)).expect("one seat is free")
    }

    fn clear(&mut self, n: usize) {
        let place = self.fleet.seats[n].disk.place().to_owned();
        for entry in std::fs::read_dir(&place).expect("a disk can be read") {
            let path = entry.expect("a disk can be read").path();
            let removed =
                if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
            removed.expect("a disk can be emptied");
        }
        self.fleet.seats[n].number = 0;
    }

    fn voters(&self) -> Vec<u64> {
        let mut voters: Vec<u64> = self.fleet.nodes.keys().map(|n| self.fleet.seats[*n].number).collect();
        voters.sort_unstable();
        voters
    }

    fn member(&mut self) -> String {
        let (spare, by) = (self.spare(), self.follower());
        let voters = self.voters();
        let token = super::fleet::token_in(&self.fleet.done(by, &["cluster", "token"]));
        self.fleet.join(spare, &token, by);
        self.fleet.start(spare);
        let number = self.fleet.seats[spare].number;
        self.fleet.done(by, &["node", "remove", &number.to_string()]);
        let removed = self.fleet.nodes.remove(&spare).expect("it runs");
        let status = removed.ended();
        assert!(!status.success(), "a removed node ended with {status}");
        self.clear(spare);
        self.fleet.wait_for_voters(&voters);
        format!("node {number} came, caught up and was removed")
    }

    fn replace(&mut self) -> String {
        let lost = self.follower();
        let (spare, number) = (self.spare(), self.fleet.seats[lost].number);
        self.fleet.kill(lost);
        let by = *self.fleet.nodes.keys().next().expect("two nodes run");
        let token = super::fleet::token_in(&self.fleet.done(by, &["node", "replace", &number.to_string()]));
        self.fleet.join(spare, &token, by);
        self.fleet.start(spare);
        let voters = self.voters();
        self.fleet.wait_for_voters(&voters);
        self.clear(lost);
        format!("node {number} was lost; {voters:?} vote")
    }

    fn snapshot(&mut self) -> String {
        let n = self.follower();
        let seen = std::fs::metadata(self.fleet.log(n)).map_or(0, |log| log.len());
        let at = self.fleet.leave_behind(n);
        self.fleet.start(n);
        let until = Instant::now() + PATIENCE;
        while !self.fleet.log_since(n, seen).contains("the state is replaced by a snapshot") {
            assert!(Instant::now() < until, "node {} was given no snapshot: without effect", n + 1);
            std::thread::sleep(Duration::from_millis(100));
        }
        format!("node {} was at entry {at} and was given a snapshot", n + 1)
    }
}
