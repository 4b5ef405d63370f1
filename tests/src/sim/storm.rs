//! What befalls the nodes of a simulation: one thing after the other, sometimes two at once, in an order and
//! for a time that the seed says. Every kind comes at least once; each must be seen to have had an effect.

use super::Simulation;
use super::dice::Dice;
use super::links::Weather;
use gearify_node::state::GROUPS;
use gearify_replication::{NodeId, WantedMembers};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// One node alone, both ways, without a sign.
    Isolated,
    /// A node is heard but hears nothing.
    OneWay,
    /// Two nodes don't reach each other, and both reach the rest.
    Bridge,
    /// A node's port refuses: the other side knows at once.
    Refused,
    /// Frames are late, and requests out of order.
    Late,
    /// Frames are lost, and streams with them.
    Lossy,
    /// Requests arrive twice.
    Twice,
    /// One node's power fails.
    Crash,
    /// The power of a leader fails.
    LeaderCrash,
    /// All power fails, while no disk gets on with its work.
    Blackout,
    /// A disk takes long to sync.
    SlowDisk,
    /// A wall clock is wrong by up to an hour.
    Skew,
    /// A leader hands over.
    Transfer,
    /// A node leaves the groups, and another takes its place.
    Members,
    /// A whole region is cut off from the others.
    RegionCut,
}

use Fault::*;

const IN_A_REGION: [Fault; 14] = [
    Isolated,
    OneWay,
    Bridge,
    Refused,
    Late,
    Lossy,
    Twice,
    Crash,
    LeaderCrash,
    Blackout,
    SlowDisk,
    Skew,
    Transfer,
    Members,
];
const OVER_REGIONS: [Fault; 10] =
    [Isolated, OneWay, Refused, Late, Lossy, Crash, LeaderCrash, Blackout, Skew, RegionCut];

/// What is yet to come, and what ends when.
pub struct Storm {
    dice: Dice,
    kinds: Vec<Fault>,
    coming: Vec<Fault>,
    next: Instant,
    /// Things to undo.
    ending: Vec<(Instant, Undo)>,
    pub begun: BTreeMap<Fault, u64>,
    /// How often each kind was seen to do something.
    pub felt: BTreeMap<Fault, u64>,
}

enum Undo {
    Cut(Fault, Vec<(u64, u64)>, u64),
    Refuse(u64),
    Weather(Fault, u64),
    Start(u64),
    PowerOff,
    /// Somebody else was to lead since there were so many leaders.
    Led(Fault, u64),
    Disk(u64, u64),
    Clock(u64, u64),
    Leader(gearify_commerce::GroupKind, u64),
    Wanted(BTreeSet<NodeId>),
}

impl Storm {
    pub fn new(dice: Dice, over_regions: bool, now: Instant) -> Storm {
        Storm {
            dice,
            kinds: if over_regions { OVER_REGIONS.to_vec() } else { IN_A_REGION.to_vec() },
            coming: Vec::new(),
            next: now + Duration::from_millis(300),
            ending: Vec::new(),
            begun: BTreeMap::new(),
            felt: BTreeMap::new(),
        }
    }

    fn feel(&mut self, fault: Fault, times: u64) {
        *self.felt.entry(fault).or_default() += times;
    }

    fn until(&self, from: u64, to: u64) -> Instant {
        Instant::now() + Duration::from_millis(self.dice.between(from, to))
    }
}

impl Simulation {
    /// One tick of the storm.
    pub(super) async fn storm(&mut self, storm: &mut Storm) {
        self.calm(storm, false).await;
        if Instant::now() < storm.next {
            return;
        }
        storm.next = storm.until(250, 1_000);
        if storm.coming.is_empty() {
            let mut coming = storm.kinds.clone();
            for n in (1..coming.len()).rev() {
                coming.swap(n, storm.dice.below(n as u64 + 1) as usize);
            }
            storm.coming = coming;
        }
        if let Some(fault) = storm.coming.pop() {
            *storm.begun.entry(fault).or_default() += 1;
            self.town.note(|| format!("{fault:?} begins at {:?}", self.common.began.elapsed()));
            self.befall(storm, fault).await;
        }
    }

    /// Ends what is over by now, or everything.
    pub(super) async fn calm(&mut self, storm: &mut Storm, all: bool) {
        let now = Instant::now();
        let (over, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut storm.ending).into_iter().partition(|(end, _)| all || *end <= now);
        storm.ending = rest;
        for (_, undo) in over {
            self.undo(storm, undo).await;
        }
    }

    async fn undo(&mut self, storm: &mut Storm, undo: Undo) {
        match undo {
            Undo::Cut(fault, ways, before) => {
                storm.feel(fault, self.common.links.carried.lock().cut - before);
                self.common.links.weather.lock().cut.retain(|way| !ways.contains(way));
            }
            Undo::Refuse(streams) => {
                storm.feel(Refused, self.common.net.streams_opened() - streams);
                self.common.net.heal();
            }
            Undo::Weather(fault, before) => {
                let carried = *self.common.links.carried.lock();
                let now = match fault {
                    Late => carried.delayed,
                    Lossy => carried.lost,
                    _ => carried.twice,
                };
                storm.feel(fault, now - before);
                let Weather { cut, far, .. } = self.common.links.weather.lock().clone();
                *self.common.links.weather.lock() = Weather { cut, far, ..Weather::default() };
            }
            Undo::Start(node) => self.start(node).await,
            Undo::PowerOff => {
                self.hosts.values().for_each(|host| host.disk.slow_down(Duration::ZERO));
                let nodes: Vec<u64> = self.hosts.keys().copied().collect();
                self.fell(storm, Blackout, &nodes);
            }
            Undo::Led(fault, before) => storm.feel(fault, self.watch.leaders() - before),
            Undo::Disk(node, before) => {
                let disk = &self.hosts[&node].disk;
                disk.slow_down(Duration::ZERO);
                storm.feel(SlowDisk, disk.slowed() - before);
            }
            Undo::Clock(node, before) => {
                storm.feel(Skew, self.common.skewed.load(Ordering::Relaxed) - before);
                self.hosts[&node].skew_ms.store(0, Ordering::Relaxed);
            }
            Undo::Leader(kind, to) => {
                let leads = self.town.node(to).is_some_and(|running| running.backend.is_leader(kind));
                storm.feel(Transfer, u64::from(leads));
            }
            Undo::Wanted(members) => {
                let seen = self.voters_seen();
                storm.feel(
                    Members,
                    u64::from(seen.iter().any(|voters| *voters != BTreeSet::from([1, 2, 3].map(NodeId)))),
                );
                *self.wanted.lock() = WantedMembers { members, ..WantedMembers::default() };
            }
        }
    }

    async fn befall(&mut self, storm: &mut Storm, fault: Fault) {
        let nodes: Vec<u64> = self.hosts.keys().copied().collect();
        let victim = *storm.dice.pick(&nodes).expect("there are nodes");
        let other = nodes[(nodes.iter().position(|node| *node == victim).unwrap_or(0) + 1) % nodes.len()];
        let others = nodes.iter().copied().filter(|node| *node != victim);
        let carried = *self.common.links.carried.lock();
        match fault {
            Isolated => {
                let ways = others.flat_map(|other| [(victim, other), (other, victim)]).collect();
                self.cut(storm, fault, ways, (800, 4_000));
            }
            OneWay => {
                let ways = others.map(|other| (other, victim)).collect();
                self.cut(storm, fault, ways, (500, 2_500));
            }
            Bridge => self.cut(storm, fault, vec![(victim, other), (other, victim)], (800, 3_000)),
            RegionCut => {
                let region = self.hosts[&victim].region;
                let (inside, outside): (Vec<u64>, Vec<u64>) =
                    nodes.iter().partition(|node| self.hosts[*node].region == region);
                let ways =
                    inside.iter().flat_map(|one| outside.iter().flat_map(|two| [(*one, *two), (*two, *one)]));
                self.cut(storm, fault, ways.collect(), (3_000, 9_000));
            }
            Refused => {
                let streams = self.common.net.streams_opened();
                self.common.net.isolate(NodeId(victim));
                storm.ending.push((storm.until(500, 2_500), Undo::Refuse(streams)));
            }
            Late => {
                self.common.links.weather.lock().delay = Duration::from_millis(storm.dice.between(5, 60));
                storm.ending.push((storm.until(600, 2_000), Undo::Weather(Late, carried.delayed)));
            }
            Lossy => {
                self.common.links.weather.lock().lost_of_10_000 = storm.dice.between(100, 1_000);
                storm.ending.push((storm.until(600, 2_000), Undo::Weather(Lossy, carried.lost)));
            }
            Twice => {
                self.common.links.weather.lock().twice_of_100 = storm.dice.between(20, 90);
                storm.ending.push((storm.until(1_000, 3_000), Undo::Weather(Twice, carried.twice)));
            }
            Crash => self.fell(storm, fault, &[victim]),
            LeaderCrash => {
                let kind = GROUPS[storm.dice.below(3) as usize];
                let leads =
                    |node: &u64| self.town.node(*node).is_some_and(|running| running.backend.is_leader(kind));
                let leader = nodes.iter().copied().find(leads).unwrap_or(victim);
                self.fell(storm, fault, &[leader]);
            }
            // What nobody's disk has at that moment, nobody may have been told of.
            Blackout => {
                let slow = Duration::from_millis(storm.dice.between(20, 160));
                self.hosts.values().for_each(|host| host.disk.slow_down(slow));
                storm.ending.push((storm.until(50, 400), Undo::PowerOff));
            }
            SlowDisk => {
                let disk = &self.hosts[&victim].disk;
                disk.slow_down(Duration::from_millis(storm.dice.between(20, 120)));
                storm.ending.push((storm.until(500, 2_000), Undo::Disk(victim, disk.slowed())));
            }
            Skew => {
                let skew = storm.dice.below(7_200_000) as i64 - 3_600_000;
                self.hosts[&victim].skew_ms.store(skew, Ordering::Relaxed);
                let before = self.common.skewed.load(Ordering::Relaxed);
                storm.ending.push((storm.until(1_000, 4_000), Undo::Clock(victim, before)));
            }
            Transfer => self.hand_over(storm, &nodes).await,
            Members => self.change_members(storm),
        }
    }

    fn cut(&mut self, storm: &mut Storm, fault: Fault, ways: Vec<(u64, u64)>, (from, to): (u64, u64)) {
        let before = self.common.links.carried.lock().cut;
        self.common.links.weather.lock().cut.extend(ways.iter().copied());
        storm.ending.push((storm.until(from, to), Undo::Cut(fault, ways, before)));
    }

    fn fell(&mut self, storm: &mut Storm, fault: Fault, nodes: &[u64]) {
        for node in nodes {
            if self.crash(*node) {
                storm.ending.push((storm.until(50, 2_500), Undo::Start(*node)));
                storm.feel(fault, u64::from(fault == Crash));
            }
        }
        if fault != Crash {
            storm.ending.push((storm.until(3_000, 4_500), Undo::Led(fault, self.watch.leaders())));
        }
    }

    async fn hand_over(&mut self, storm: &mut Storm, nodes: &[u64]) {
        for kind in GROUPS {
            let leads = |node: &u64| self.town.node(*node).filter(|running| running.backend.is_leader(kind));
            let Some(running) = nodes.iter().find_map(leads) else { continue };
            let group = running.backend.group(kind).group.clone();
            let voters: Vec<NodeId> =
                group.metrics().voters.into_iter().filter(|voter| *voter != group.node()).collect();
            let Some(to) = storm.dice.pick(&voters).copied() else { continue };
            tokio::spawn(async move { drop(group.transfer_leader(to).await) });
            storm.ending.push((storm.until(400, 900), Undo::Leader(kind, to.0)));
        }
    }

    fn change_members(&mut self, storm: &mut Storm) {
        let all: Vec<NodeId> = self.hosts.keys().map(|node| NodeId(*node)).collect();
        let leaving = *storm.dice.pick(&all[..3]).expect("there are nodes");
        let members = all.iter().copied().filter(|node| *node != leaving).collect();
        *self.wanted.lock() = WantedMembers { members, ..WantedMembers::default() };
        storm.ending.push((storm.until(3_000, 6_000), Undo::Wanted(all.into_iter().collect())));
    }

    /// The voters of each group as its leader sees them.
    pub(super) fn voters_seen(&self) -> Vec<BTreeSet<NodeId>> {
        let running: Vec<_> = self.town.running.lock().values().cloned().collect();
        let groups = running.iter().flat_map(|running| GROUPS.map(|kind| &running.backend.group(kind).group));
        groups
            .map(|group| group.metrics())
            .filter(|metrics| metrics.mine)
            .map(|metrics| metrics.voters)
            .collect()
    }
}
