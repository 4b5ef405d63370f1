//! The links between simulated nodes: who is cut off from whom, what is lost, late or said twice.
//!
//! Each directed link draws from a sequence of its own. A stream has no holes, as over TCP: a lost frame is
//! the end of it. Requests are on their own, so that delays change their order.

use super::dice::Dice;
use gearify_replication::NodeId;
use gearify_replication::memory_net::{Passage, PassageKind, Verdict};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What links do to frames at the moment.
#[derive(Clone, Debug, Default)]
pub struct Weather {
    /// Directions in which nothing arrives.
    pub cut: BTreeSet<(u64, u64)>,
    /// Of ten thousand frames so many are lost.
    pub lost_of_10_000: u64,
    /// Of a hundred requests so many arrive twice.
    pub twice_of_100: u64,
    /// Frames take up to so much longer.
    pub delay: Duration,
    /// Between nodes of two regions frames take this much longer.
    pub far: Duration,
}

/// What became of frames so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried {
    pub cut: u64,
    pub lost: u64,
    pub twice: u64,
    pub delayed: u64,
}

pub struct Links {
    seed: u64,
    dice: Mutex<BTreeMap<(u64, u64, u8), Dice>>,
    pub weather: Mutex<Weather>,
    pub carried: Mutex<Carried>,
    regions: BTreeMap<u64, u16>,
}

impl Links {
    /// `regions` says where each node is.
    pub fn new(seed: u64, regions: BTreeMap<u64, u16>) -> Links {
        let (dice, weather, carried) = Default::default();
        Links { seed, dice, weather, carried, regions }
    }

    pub fn verdict(&self, passage: Passage) -> Verdict {
        let lane = match passage.kind {
            PassageKind::Call => 0,
            PassageKind::Stream(gearify_replication::Lane::Entries) => 1,
            PassageKind::Stream(gearify_replication::Lane::Heartbeats) => 2,
            PassageKind::Snapshot => 3,
        };
        self.pass(passage.from, passage.to, lane)
    }

    /// What happens to a frame of this kind.
    pub fn pass(&self, from: NodeId, to: NodeId, lane: u8) -> Verdict {
        let (from, to) = (from.0, to.0);
        let weather = self.weather.lock();
        let mut carried = self.carried.lock();
        if weather.cut.contains(&(from, to)) {
            carried.cut += 1;
            return Verdict::Lose;
        }
        let dice = self.dice(from, to, lane);
        if dice.below(10_000) < weather.lost_of_10_000 {
            carried.lost += 1;
            return Verdict::Lose;
        }
        if lane == 0 && dice.below(100) < weather.twice_of_100 {
            carried.twice += 1;
            return Verdict::Twice;
        }
        let mut delay = Duration::from_micros(dice.below(1_500));
        if !weather.delay.is_zero() {
            carried.delayed += 1;
            delay += Duration::from_micros(dice.below(weather.delay.as_micros() as u64));
        }
        if self.regions.get(&from) != self.regions.get(&to) {
            delay += weather.far;
        }
        Verdict::Delay(delay)
    }

    /// Waits as long as a frame takes; `false` if it is lost.
    pub async fn carry(&self, from: NodeId, to: NodeId, lane: u8) -> bool {
        match self.pass(from, to, lane) {
            Verdict::Lose => false,
            Verdict::Delay(delay) => {
                tokio::time::sleep(delay).await;
                true
            }
            Verdict::Pass | Verdict::Twice => true,
        }
    }

    fn dice(&self, from: u64, to: u64, lane: u8) -> Dice {
        let new = || Dice::new(self.seed, &format!("link {from} {to} {lane}"));
        self.dice.lock().entry((from, to, lane)).or_insert_with(new).clone()
    }
}
