//! `kill -9`, of one node or of two at once, while people order.

use super::checks::{all_is_well, every_order_is_told};
use super::crowd::{Crowd, Street, Told};
use super::fleet::{Fleet, PATIENCE, Ways};
use super::say;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::Duration;

const BUYERS: usize = 6;

/// What a run of kills came to.
#[derive(Debug, Default)]
pub struct Report {
    pub kills: usize,
    pub of_leaders: usize,
    pub orders: usize,
    pub unknown: BTreeMap<String, usize>,
}

/// So many kills on a fleet of its own. One in three takes the leader, one in six two nodes at once.
///
/// # Panics
/// With what was lost, or if the kills had no effect on anybody.
pub fn run(kills: usize, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let mut fleet = Fleet::begin(3, Ways::default(), None);
    let street = Street::of(&fleet);
    let crowd = Crowd::come(&fleet.premises.runtime, &street, BUYERS, seed);
    let mut report = Report::default();
    while report.kills < kills {
        assert!(crowd.sells(3, PATIENCE), "nothing is sold before kill {}", report.kills + 1);
        std::thread::sleep(Duration::from_millis(random.random_range(0..400)));
        let first = match random.random_range(0..3) {
            0 => fleet.leader("region-0"),
            _ => random.random_range(0..3),
        };
        let mut victims = vec![first];
        if random.random_ratio(1, 6) && report.kills + 2 <= kills {
            victims.push((first + 1) % 3);
        }
        if fleet.leader_now("region-0").is_some_and(|leader| victims.contains(&leader)) {
            report.of_leaders += 1;
        }
        fleet.kill_all(&victims);
        report.kills += victims.len();
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
