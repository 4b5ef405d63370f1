//! Power cuts: of one node and of all at once, while people order.
//!
//! A killed process leaves its writes to the kernel; a cut takes from it everything that was not synced. So
//! this, and not `kill -9`, shows that an acknowledged order was on a disk. Cutting all nodes in the same
//! moment leaves nobody who could have kept it in memory.

use super::checks::{all_is_well, every_order_is_told, missing};
use super::crowd::{Crowd, Street, Told};
use super::disk::lost;
use super::fleet::{Fleet, PATIENCE, Ways};
use super::{place, say};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, Instant};

const BUYERS: usize = 6;

/// So many cuts of one node, and of all.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub of_one: usize,
    pub of_all: usize,
}

/// What a run of cuts came to.
#[derive(Debug, Default)]
pub struct Report {
    pub of_one: usize,
    pub of_all: usize,
    pub orders: usize,
    pub unknown: usize,
    /// Files that were shorter or different after a cut, over all cuts.
    pub files_lost: usize,
    /// States that were built again because what the cut left of them did not open.
    pub states_rebuilt: usize,
    /// How it showed that a disk which does not sync had lost acknowledged orders.
    pub lie: String,
}

/// The control: the same cut of all nodes where sync calls do nothing. What was acknowledged is then lost, and
/// has to be missed; cuts that nothing could fail would prove nothing.
///
/// # Panics
/// If nothing is missed.
pub fn lie(seed: u64) -> String {
    let mut fleet = Fleet::begin(3, Ways::default(), None);
    let street = Street::of(&fleet);
    for n in 0..3 {
        fleet.nodes.remove(&n).expect("it runs").stop();
        fleet.seats[n].environment = vec![("LD_PRELOAD".to_owned(), place::eatmydata())];
        fleet.seats[n].disk.sync();
    }
    fleet.start_all(&[0, 1, 2]);
    let crowd = Crowd::come(&fleet.premises.runtime, &street, BUYERS, seed);
    assert!(crowd.sells(10, PATIENCE), "nothing is sold");
    fleet.kill_all(&[0, 1, 2]);
    let heard = crowd.leave(&fleet.premises.runtime);
    for n in 0..3 {
        let copy = fleet.seats[n].disk.copy();
        fleet.seats[n].disk.comes_back(copy);
        fleet.seats[n].environment.clear();
    }
    let seen: Vec<u64> = (0..3).map(|n| std::fs::metadata(fleet.log(n)).map_or(0, |log| log.len())).collect();
    (0..3).for_each(|n| fleet.launch(n));
    let until = Instant::now() + PATIENCE;
    loop {
        for (n, bytes) in seen.iter().enumerate() {
            if fleet.nodes.get_mut(&n).expect("it was launched").has_ended().is_some() {
                let said = fleet.log_since(n, *bytes);
                let line = said.lines().find(|line| line.starts_with("gearify: ")).unwrap_or("it ended");
                return format!("node {} does not start: {line}", n + 1);
            }
        }
        if (0..3).all(|n| fleet.nodes[&n].is_ready()) {
            break;
        }
        assert!(Instant::now() < until, "the nodes neither start nor end");
        std::thread::sleep(Duration::from_millis(50));
    }
    let missing = missing(&fleet, &heard);
    assert!(missing > 0, "no node misses what was never synced: cuts prove nothing");
    format!("{missing} of {} acknowledged orders are gone", heard.orders.len())
}

/// Runs the plan on a fleet of its own.
///
/// # Panics
/// With what was lost, or if a cut had no effect.
pub fn run(plan: Plan, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let mut fleet = Fleet::begin(3, Ways::default(), None);
    let street = Street::of(&fleet);
    let mut cuts: Vec<bool> = (0..plan.of_one).map(|_| false).chain((0..plan.of_all).map(|_| true)).collect();
    for n in (1..cuts.len()).rev() {
        cuts.swap(n, random.random_range(0..=n));
    }
    let mut report = Report::default();
    let mut told = Told::default();
    for (number, of_all) in cuts.into_iter().enumerate() {
        let crowd = Crowd::come(&fleet.premises.runtime, &street, BUYERS, seed ^ number as u64);
        assert!(crowd.sells(6, PATIENCE), "nothing is sold before cut {number}");
        std::thread::sleep(Duration::from_millis(random.random_range(0..700)));
        let victims: Vec<usize> = if of_all { vec![0, 1, 2] } else { vec![random.random_range(0..3)] };
        fleet.kill_all(&victims);
        let before: Vec<_> = victims.iter().map(|n| fleet.seats[*n].disk.files()).collect();
        let copies: Vec<_> = victims.iter().map(|n| fleet.seats[*n].disk.copy()).collect();
        let heard = crowd.leave(&fleet.premises.runtime);
        let mut gone = 0;
        for ((n, before), copy) in victims.iter().zip(&before).zip(copies) {
            fleet.seats[*n].disk.comes_back(copy);
            gone += lost(before, &fleet.seats[*n].disk.files()).len();
        }
        assert!(gone > 0, "cut {number} of {victims:?} took nothing: it was without effect");
        fleet.start_all(&victims);
        report.files_lost += gone;
        report.unknown += heard.unknown.values().sum::<usize>();
        every_order_is_told(&fleet, &heard);
        say(&format!(
            "cut {} of {victims:?}: {} orders acknowledged before, {gone} files lost something",
            number + 1,
            heard.orders.len()
        ));
        told.add(heard);
        if of_all { report.of_all += 1 } else { report.of_one += 1 }
    }
    all_is_well(&mut fleet, &street, &mut told);
    report.orders = told.orders.len();
    for n in 0..3 {
        let log = std::fs::read_to_string(fleet.log(n)).unwrap_or_default();
        report.states_rebuilt += log.matches("state is built again from snapshot and log").count();
    }
    drop(fleet);
    report.lie = lie(seed);
    say(&format!("where nothing is synced: {}", report.lie));
    report
}
