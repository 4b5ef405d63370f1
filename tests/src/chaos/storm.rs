//! Chaos: people order without a pause while one fault follows the other, in an order drawn from a seed.
//!
//! After each fault the network is whole again and every node is up; then the region must sell within
//! [`SELLS_WITHIN`]. A fault that nothing and nobody noticed fails the run: it would prove nothing.

use super::checks::{SELLS_WITHIN, all_is_well};
use super::crowd::{Crowd, Street};
use super::faults::{DECK, Fault, Scene};
use super::fleet::{Fleet, Ways};
use super::say;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const BUYERS: usize = 6;
/// One seat more than there are voters, for members that come and go.
const SEATS: usize = 4;

/// What a run of chaos came to.
#[derive(Debug, Default)]
pub struct Report {
    pub seconds: u64,
    /// Faults in the order they came, with what each changed.
    pub faults: Vec<(Fault, String)>,
    pub orders: usize,
    pub calls: usize,
    pub refused: BTreeMap<String, usize>,
    pub unknown: BTreeMap<String, usize>,
}

impl Report {
    pub fn by_kind(&self) -> BTreeMap<Fault, usize> {
        let mut kinds = BTreeMap::new();
        self.faults.iter().for_each(|(fault, _)| *kinds.entry(*fault).or_default() += 1);
        kinds
    }
}

/// Every fault at least once, and for at least this long.
///
/// # Panics
/// With what was lost or differs, or the fault that was without effect.
pub fn run(at_least: Duration, seed: u64) -> Report {
    let mut random = StdRng::seed_from_u64(seed);
    let before = crate::process::binary().with_file_name("gearify-before");
    assert!(before.exists(), "{} is missing: build the tests' programs first", before.display());
    let mut ways = Ways::default();
    // Logs stay so short that who was away for a moment has to be given a snapshot.
    ways.set("replication.snapshot_log_bytes", "128KiB");
    ways.set("replication.snapshot_state_percent", "0");
    ways.set("replication.keep_entries", "40");
    let fleet = Fleet::begin(SEATS, ways, Some(before));
    let street = Street::of(&fleet);
    let crowd = Crowd::come(&fleet.premises.runtime, &street, BUYERS, seed);
    let begun = Instant::now();
    let mut scene = Scene { fleet, crowd, street, random: StdRng::seed_from_u64(random.random()) };
    let mut report = Report::default();
    // The program can be replaced by a newer one only once.
    let mut deck = vec![Fault::Upgrade];
    let mut shuffled = DECK.to_vec();
    shuffled.shuffle(&mut random);
    deck.extend(shuffled);
    while !deck.is_empty() {
        for fault in std::mem::take(&mut deck) {
            assert!(scene.crowd.sells(3, SELLS_WITHIN), "before {fault:?} nothing is sold");
            let began = Instant::now();
            let effect = scene.befalls(fault);
            scene.heal();
            assert!(
                scene.crowd.sells(3, SELLS_WITHIN),
                "{fault:?} is over and nothing is sold within {SELLS_WITHIN:?}"
            );
            say(&format!("{fault:?}, {:.1} s: {effect}", began.elapsed().as_secs_f64()));
            report.faults.push((fault, effect));
        }
        if begun.elapsed() < at_least {
            deck = DECK.to_vec();
            deck.shuffle(&mut random);
        }
    }
    report.seconds = begun.elapsed().as_secs();
    let Scene { mut fleet, crowd, street, .. } = scene;
    let mut told = crowd.leave(&fleet.premises.runtime);
    all_is_well(&mut fleet, &street, &mut told);
    report.orders = told.orders.len();
    report.calls = told.calls;
    report.refused = told.refused;
    report.unknown = told.unknown;
    report
}
