//! `kill -9`, of one node or of two at once, while people order: between two steps of what they do.

use super::checks::{all_is_well, every_order_is_told};
use super::crowd::{Crowd, Street, Told};
use super::fleet::{Fleet, PATIENCE, Ways};
use super::say;
use gearify_storage::failpoint::Failpoint;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const BUYERS: usize = 6;
/// A node that has not come to the place by then is killed where it is.
const REACH_WITHIN: Duration = Duration::from_secs(5);
/// Where a kill was that did not meet its place. Such are done again.
const BY_THE_CLOCK: &str = "by the clock";
/// Of all attempts, at most every third may be such.
const MISSED_OF: usize = 3;

/// Where only a node comes to that is given a snapshot.
const INSTALLING: [Failpoint; 5] = [
    Failpoint::InstallMarked,
    Failpoint::InstallRows,
    Failpoint::InstallFilled,
    Failpoint::InstallSwitched,
    Failpoint::InstallEnded,
];

/// What a run of kills came to.
#[derive(Debug, Default)]
pub struct Report {
    /// Those at a place between two steps.
    pub kills: usize,
    pub of_leaders: usize,
    /// How many were at which place.
    pub places: BTreeMap<String, usize>,
    pub orders: usize,
    pub unknown: BTreeMap<String, usize>,
}

/// So many kills on a fleet of its own. One in three takes the leader, one in six two nodes at once.
///
/// # Panics
/// With what was lost, or if the kills had no effect on anybody.
pub fn run(kills: usize, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let mut ways = Ways::default();
    // Snapshots come often enough to be met, and who was away is given one.
    ways.set("replication.snapshot_log_bytes", "64KiB");
    ways.set("replication.snapshot_state_percent", "0");
    ways.set("replication.keep_entries", "40");
    ways.disk_mebibytes = 4_096;
    let mut fleet = Fleet::begin(3, ways, None);
    let mut places = Vec::new();
    let street = Street::of(&fleet);
    let crowd = Crowd::come(&fleet.premises.runtime, &street, BUYERS, seed);
    let mut report = Report::default();
    while report.kills < kills {
        let sells = crowd.sells(3, PATIENCE);
        assert!(sells, "nothing is sold before kill {}:\n{}", report.kills + 1, fleet.last_words());
        std::thread::sleep(Duration::from_millis(random.random_range(0..400)));
        if places.is_empty() {
            places = Failpoint::ALL.to_vec();
            places.shuffle(&mut random);
        }
        let place = places.pop().expect("there are places");
        let first = match (place, random.random_range(0..3)) {
            // Followers are asked nothing.
            (Failpoint::Decided, _) | (_, 0) => fleet.leader("region-0"),
            _ => random.random_range(0..3),
        };
        let mut victims = vec![first];
        let within = if INSTALLING.contains(&place) {
            fleet.leave_behind(first);
            fleet.arm(first, place, 1);
            fleet.launch(first);
            PATIENCE
        } else {
            if random.random_ratio(1, 6) && report.kills + 2 <= kills {
                victims.push((first + 1) % 3);
            }
            if fleet.leader_now("region-0").is_some_and(|leader| victims.contains(&leader)) {
                report.of_leaders += 1;
            }
            for n in &victims {
                fleet.arm(*n, place, random.random_range(1..=times_max(place)));
            }
            REACH_WITHIN
        };
        for (n, reached) in wait_for_ends(&mut fleet, &victims, within) {
            report.kills += usize::from(reached);
            let place = if reached { place.name() } else { BY_THE_CLOCK };
            *report.places.entry(place.to_owned()).or_default() += 1;
            fleet.kill(n);
        }
        let missed = report.places.get(BY_THE_CLOCK).copied().unwrap_or_default();
        assert!(missed <= kills / MISSED_OF, "{missed} kills did not meet their places: {report:?}");
        fleet.start_all(&victims);
    }
    let mut told: Told = crowd.leave(&fleet.premises.runtime);
    every_order_is_told(&fleet, &told);
    all_is_well(&mut fleet, &street, &mut told);
    report.orders = told.orders.len();
    report.unknown = told.unknown;
    say(&format!("{report:?}"));
    assert!(report.of_leaders > 0, "no leader was among the killed");
    assert!(!report.unknown.is_empty(), "no kill met a call on its way");
    report
}

/// Snapshots are rare, everything else is not.
fn times_max(place: Failpoint) -> u32 {
    match place {
        Failpoint::SnapshotUnnamed | Failpoint::SnapshotNamed => 1,
        _ => 25,
    }
}

/// Which of the nodes have ended by themselves; waits for all, but not for long.
fn wait_for_ends(fleet: &mut Fleet, which: &[usize], within: Duration) -> Vec<(usize, bool)> {
    let until = Instant::now() + within;
    loop {
        let mut has_ended = |n: &usize| fleet.nodes.get_mut(n).expect("it runs").has_ended().is_some();
        let ended: Vec<(usize, bool)> = which.iter().map(|n| (*n, has_ended(n))).collect();
        if ended.iter().all(|(_, ended)| *ended) || Instant::now() > until {
            return ended;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
