//! What a run came to.

use super::crowd::Tally;
use super::storm::{Fault, Storm};
use super::{Plan, Shape, Simulation};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// A run of so many ticks must have been felt by itself; shorter ones, taken together.
const TELLING_TICKS: u64 = 20_000;

#[derive(Clone, Debug)]
pub struct Report {
    pub plan: Plan,
    /// How often each kind of fault came, and how much was felt of it.
    pub faults: BTreeMap<Fault, (u64, u64)>,
    pub tally: Tally,
    pub leaders: u64,
    pub entries: u64,
    pub crashes: u64,
    pub unsynced_lost: u64,
    pub commits_taken_back: u64,
    pub snapshots_installed: u64,
    /// Of the trace: equal for equal seeds.
    pub trace_hash: [u8; 32],
    pub trace: Vec<String>,
    pub wrong: Vec<String>,
    pub took: Duration,
}

impl Report {
    pub fn passed(&self) -> bool {
        self.wrong.is_empty()
    }

    /// The command that runs the same again.
    pub fn replay(&self) -> String {
        let Plan { seed, ticks, shape, bug, .. } = self.plan;
        let world = if shape == Shape::World { " --world" } else { "" };
        let bug = bug.map_or(String::new(), |bug| format!(" --bug {bug:?}"));
        format!("again: tests/chaos --sim --seed {seed} --ticks {ticks}{world}{bug}")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { begun, ok, refused, unknown, orders, sold_out, reads, prices, read_only } = self.tally;
        write!(
            f,
            "seed {}: {} ticks, {} calls ({ok} ok, {refused} refused, {unknown} unknown on the way), {orders} orders, \
             {sold_out} sold out, {prices} prices, {reads} reads, {read_only} refused as read-only, {} entries, {} leaders, {} crashes ({} unsynced writes lost, {} commits taken back), \
             {} snapshots installed, {:.1} s: {}",
            self.plan.seed,
            self.plan.ticks,
            begun,
            self.entries,
            self.leaders,
            self.crashes,
            self.unsynced_lost,
            self.commits_taken_back,
            self.snapshots_installed,
            self.took.as_secs_f64(),
            if self.passed() { "ok" } else { "FAILED" },
        )?;
        let kinds =
            self.faults.iter().map(|(fault, (times, felt))| format!("{fault:?} {times} times, {felt}"));
        write!(f, "; faults and what was felt of them: {}", kinds.collect::<Vec<_>>().join("; "))?;
        for wrong in &self.wrong {
            write!(f, "\n    {wrong}")?;
        }
        if !self.passed() {
            write!(f, "\n    {}", self.replay())?;
        }
        Ok(())
    }
}

impl Simulation {
    pub(super) fn report(&mut self, storm: Option<Storm>, took: Duration) -> Report {
        let mut wrong = std::mem::take(&mut self.watch.wrong);
        wrong.append(&mut self.common.wrong.lock());
        let tally = *self.town.tally.lock();
        let mut faults = BTreeMap::new();
        if let Some(storm) = storm {
            for (fault, times) in storm.begun {
                let felt = storm.felt.get(&fault).copied().unwrap_or(0);
                faults.insert(fault, (times, felt));
            }
        }
        if wrong.is_empty() && self.plan.ticks >= TELLING_TICKS && self.plan.bug.is_none() {
            wrong.extend(unfelt(&faults, &tally));
        }
        let mut trace = std::mem::take(&mut *self.town.trace.lock());
        trace.sort();
        let mut hasher = blake3::Hasher::new();
        for line in &trace {
            hasher.update(line.as_bytes());
        }
        let installed = self.common.installed.load(Ordering::Relaxed);
        Report {
            plan: self.plan,
            faults,
            tally,
            leaders: self.watch.leaders(),
            entries: self.watch.entries(),
            crashes: self.crashes.0,
            unsynced_lost: self.crashes.1,
            commits_taken_back: self.crashes.2,
            snapshots_installed: installed,
            trace_hash: *hasher.finalize().as_bytes(),
            trace: if self.plan.traced { trace } else { Vec::new() },
            wrong,
            took,
        }
    }
}

/// What makes a long run say nothing: most kinds of faults must have been felt, and somebody have been
/// answered. That few come to an order in a stormy run is for all runs together to make good.
fn unfelt(faults: &BTreeMap<Fault, (u64, u64)>, tally: &Tally) -> Option<String> {
    let silent: Vec<&Fault> =
        faults.iter().filter(|(_, (_, felt))| *felt == 0).map(|(fault, _)| fault).collect();
    if silent.len() * 4 > faults.len() {
        return Some(format!("the storm was hardly felt: nothing came of {silent:?}"));
    }
    (tally.ok == 0).then(|| "nobody got what they asked for".to_owned())
}

/// Runs whose faults nobody felt say nothing: what these lack to count, taken together.
pub fn inconclusive(reports: &[Report]) -> Vec<String> {
    let mut faults: BTreeMap<Fault, (u64, u64)> = BTreeMap::new();
    for (fault, (times, felt)) in reports.iter().flat_map(|report| &report.faults) {
        let sum = faults.entry(*fault).or_default();
        *sum = (sum.0 + times, sum.1 + felt);
    }
    let sum = |of: fn(&Report) -> u64| reports.iter().map(of).sum::<u64>();
    let mut wrong: Vec<String> = faults
        .iter()
        .filter(|(_, (_, felt))| *felt == 0)
        .map(|(fault, (times, _))| format!("{fault:?} came {times} times and nothing was felt of it"))
        .collect();
    let mut must = |holds: bool, what: &str| {
        if !holds {
            wrong.push(what.to_owned());
        }
    };
    let is_cut = faults.contains_key(&Fault::RegionCut);
    must(!is_cut || sum(|report| report.tally.read_only) > 0, "no region that was cut off was read-only");
    must(sum(|report| report.snapshots_installed) > 0, "no snapshot took the place of a state");
    must(sum(|report| report.unsynced_lost) > 0, "no crash lost a write that was not synced");
    must(sum(|report| report.commits_taken_back) > 0, "no crash took a state back");
    must(sum(|report| report.tally.orders) >= reports.len() as u64, "there were fewer orders than runs");
    must(sum(|report| report.tally.sold_out) > 0, "nobody was told that something is sold out");
    must(sum(|report| report.tally.unknown) > 0, "no answer left an outcome open");
    let decided = sum(|report| report.tally.ok + report.tally.refused);
    must(decided * 5 >= sum(|report| report.tally.begun) * 4, "less than four calls of five were decided");
    wrong
}
