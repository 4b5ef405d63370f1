//! What the nodes that keep something together tell each other every second: their clocks and their room.
//!
//! A clock is compared by asking: the answer's time lies between question and answer, so the offset is known
//! to half of the way there and back; a slow answer says nothing. A node more than [`OFF_BY_MAX`] from the
//! median of all clocks, its own among them, should not stamp entries: it leads nothing and is not ready.
//! Two clocks can't tell which of them is wrong.

use super::member::Member;
use super::messages::{PeerRequest, Pulse};
use crate::room::Room;
use crate::telemetry::names;
use gearify_replication::NodeId;
use gearify_storage::{decode, encode};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::time::Instant;

/// How far a clock may be from the median.
pub const OFF_BY_MAX: Duration = Duration::from_secs(2);
/// A question that took longer says nothing about a clock.
const ANSWER_WITHIN: Duration = Duration::from_millis(800);
/// What a node said holds for so long: one that is gone neither fills a disk nor has a clock.
const FRESH: Duration = Duration::from_secs(10);
/// Fewer clocks can't tell which is wrong.
const CLOCKS_MIN: usize = 3;

/// The last pulse of another node.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    at: Instant,
    /// Its clock less ours.
    offset_ms: i64,
    room: Room,
}

pub type Pulses = BTreeMap<NodeId, Seen>;

impl Member {
    /// Asks every node that is a member of a group with this one.
    pub async fn exchange_pulses(&self, room: Room) {
        *self.own_room.lock() = room;
        let me = self.node();
        let mut others = BTreeSet::new();
        for (_, group) in self.groups() {
            let metrics = group.metrics();
            others.extend(metrics.voters.into_iter().chain(metrics.learners).filter(|node| *node != me));
        }
        let asked = others.into_iter().map(|node| async move { (node, self.pulse_of(node, room).await) });
        for (node, seen) in futures::future::join_all(asked).await {
            if let Some(seen) = seen {
                self.pulses.lock().insert(node, seen);
            }
        }
        let off_by = deviation(&self.fresh().map(|seen| seen.offset_ms).collect::<Vec<_>>());
        metrics::gauge!(names::CLOCK_OFFSET).set(off_by.unwrap_or(0) as f64 / 1_000.0);
        let was_off = self.clock_off_by().is_some();
        *self.off_by_ms.lock() = off_by.filter(|off| u128::from(off.unsigned_abs()) > OFF_BY_MAX.as_millis());
        match self.clock_off_by() {
            Some(off_by_ms) if !was_off => {
                tracing::error!(off_by_ms, "this node's clock differs from the others': it leads nothing");
            }
            None if was_off => tracing::info!("this node's clock is that of the others again"),
            _ => {}
        }
    }

    /// What this node answers.
    pub(super) fn pulse(&self) -> Pulse {
        Pulse { now_ms: crate::backend::now().as_millis(), room: *self.own_room.lock() }
    }

    async fn pulse_of(&self, node: NodeId, room: Room) -> Option<Seen> {
        let (asked, now_ms) = (Instant::now(), crate::backend::now().as_millis());
        let request = encode(&PeerRequest::Pulse(Pulse { now_ms, room })).into();
        let answer = self.net.request(node, request, ANSWER_WITHIN).await.ok()?;
        let pulse: Pulse = decode(&answer).ok()?;
        let half = asked.elapsed().as_millis() as i64 / 2;
        Some(Seen { at: Instant::now(), offset_ms: pulse.now_ms - (now_ms + half), room: pulse.room })
    }

    fn fresh(&self) -> impl Iterator<Item = Seen> + use<> {
        self.pulses.lock().clone().into_values().filter(|seen| seen.at.elapsed() < FRESH)
    }

    /// Nodes that keep something together with this one and have too little disk left.
    pub fn nodes_without_room(&self) -> BTreeSet<NodeId> {
        let pulses = self.pulses.lock();
        let full = pulses.iter().filter(|(_, seen)| seen.room == Room::Full && seen.at.elapsed() < FRESH);
        full.map(|(node, _)| *node).collect()
    }

    /// Milliseconds between this node's clock and the median, if they are too many.
    pub fn clock_off_by(&self) -> Option<i64> {
        *self.off_by_ms.lock()
    }
}

/// How far our own clock is ahead of the median of all, given those of the others less ours.
fn deviation(offsets_ms: &[i64]) -> Option<i64> {
    let mut all: Vec<i64> = offsets_ms.iter().copied().chain([0]).collect();
    if all.len() < CLOCKS_MIN {
        return None;
    }
    all.sort_unstable();
    // Of an even number the one nearer to us: it takes a majority to be wrong.
    let (low, high) = (all[(all.len() - 1) / 2], all[all.len() / 2]);
    Some(-if low.abs() < high.abs() { low } else { high })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_judged_by_the_median_of_all() {
        let table: [(&[i64], Option<i64>); 9] = [
            (&[], None),
            (&[9_000], None),
            (&[10, -20], Some(0)),
            // Both others say the same: it is ours that is wrong.
            (&[9_000, 9_050], Some(-9_000)),
            (&[-3_600_000, -3_600_010], Some(3_600_000)),
            // One of the others is wrong.
            (&[9_000, 5], Some(-5)),
            (&[-9_000, 5], Some(0)),
            (&[9_000, 9_000, 9_000], Some(-9_000)),
            // Two against two.
            (&[9_000, 9_000, 0], Some(0)),
        ];
        for (offsets, expected) in table {
            assert_eq!(deviation(offsets), expected, "{offsets:?}");
        }
    }
}
