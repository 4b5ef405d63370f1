//! A node restored from an old copy of its disk is noticed before it votes.
//!
//! Everything in such a log is right, so no checksum shows that its end is gone. But a leader knows how far each
//! node has confirmed its log, and counts on it: an entry on two of three disks is acknowledged, and one of the
//! two must not forget it. So a node that starts tells the others what it holds before it takes part in anything,
//! and does not start where one of them knows of more. A leader knows exactly. Who leads may change while the node
//! is away, and so each node tells those it shares a group with, every few seconds, what it holds for good. What
//! nobody remembers, because all nodes were stopped at once, can't be noticed this way.

use super::member::Member;
use super::messages::{ConfirmedAnswer, HeldLog, PeerRequest};
use crate::core::{Lost, Recall};
use crate::telemetry::names;
use futures::FutureExt;
use futures::future::{BoxFuture, join_all};
use gearify_replication::{GroupId, Held, NodeId};
use gearify_storage::{decode, encode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Whoever does not answer by then is asked no more: a start needs nobody.
const ASKED_WITHIN: Duration = Duration::from_secs(2);

/// How often the others are told. Old copies are older than that.
const TOLD_EVERY: Duration = Duration::from_secs(5);

/// What each other node has said last of its logs.
pub type KeptLogs = BTreeMap<NodeId, BTreeMap<u16, HeldLog>>;

impl Recall for Member {
    fn missing(&self, here: BTreeMap<GroupId, Held>) -> BoxFuture<'_, Option<Lost>> {
        async move {
            let held =
                |(group, held): (&GroupId, &Held)| (group.0, HeldLog { last: held.last, term: held.term });
            let held: BTreeMap<u16, HeldLog> = here.iter().map(held).collect();
            let peers = self.known_on_disk();
            let others = peers.iter().filter(|(node, peer)| !peer.is_removed && **node != self.node().0);
            let asked = others.map(|(node, _)| {
                let request = encode(&PeerRequest::Holds(held.clone()));
                self.net.request(NodeId(*node), request.into(), ASKED_WITHIN)
            });
            let answers = join_all(asked).await.into_iter().flatten();
            // Two of three that were removed would still be a majority in each other's eyes.
            if *self.net.removed().borrow() {
                self.end_as_removed();
            }
            let confirmed = answers.filter_map(|answer| decode::<ConfirmedAnswer>(&answer).ok());
            let lost = confirmed.flat_map(|ConfirmedAnswer(confirmed)| lacking(&held, &confirmed));
            lost.max_by_key(|lost| lost.confirmed - lost.here)
        }
        .boxed()
    }
}

fn lacking(held: &BTreeMap<u16, HeldLog>, confirmed: &BTreeMap<u16, HeldLog>) -> Vec<Lost> {
    let here = |group: &u16| held.get(group).copied().unwrap_or_default();
    let lacks = confirmed.iter().filter(|(group, confirmed)| here(group).lacks(**confirmed));
    let lost = |(group, confirmed): (&u16, &HeldLog)| Lost {
        group: GroupId(*group),
        confirmed: confirmed.last,
        here: here(group).last,
    };
    lacks.map(lost).collect()
}

impl Member {
    /// What a node has confirmed to this one. That it holds less now is one line and one count.
    pub(super) fn confirmed_by(&self, node: NodeId, held: &BTreeMap<u16, HeldLog>) -> ConfirmedAnswer {
        let led = self.groups().into_iter().filter(|(_, group)| group.is_leader());
        let led = led.filter_map(|(_, group)| {
            let metrics = group.metrics();
            let last = metrics.matched.get(&node).copied()?;
            Some((group.id().0, HeldLog { last, term: metrics.term }))
        });
        let mut confirmed = self.kept.lock().get(&node).cloned().unwrap_or_default();
        for (group, exact) in led {
            let known = confirmed.entry(group).or_insert(exact);
            *known = (*known).or_longer(exact);
        }
        if let Some(Lost { group, confirmed, here }) = lacking(held, &confirmed).first() {
            metrics::counter!(names::PEER_REFUSED, "reason" => "old-copy").increment(1);
            tracing::warn!(%node, %group, confirmed, here, "a node came back with an old copy of its disk");
        }
        ConfirmedAnswer(confirmed)
    }

    /// Tells whoever shares a group with this node how far its log of it goes.
    pub(super) async fn tell_kept(self: Arc<Member>) {
        loop {
            sleep(TOLD_EVERY).await;
            let mut told = KeptLogs::new();
            for (_, group) in self.groups() {
                let Ok(Some(held)) = group.kept().await else { continue };
                let (metrics, id) = (group.metrics(), group.id().0);
                let log = HeldLog { last: held.last, term: held.term };
                let sharing = metrics.voters.into_iter().chain(metrics.learners);
                for node in sharing {
                    told.entry(node).or_default().insert(id, log);
                }
            }
            told.remove(&self.node());
            let told = told.into_iter().map(|(node, kept)| {
                let request = encode(&PeerRequest::Kept(kept));
                self.net.request(node, request.into(), ASKED_WITHIN)
            });
            // Whoever does not hear it now hears the next.
            join_all(told).await;
            self.forget_parted();
        }
    }

    /// What a node said, in place of what it said before.
    pub(super) fn remember_kept(&self, node: NodeId, kept: BTreeMap<u16, HeldLog>) {
        self.kept.lock().insert(node, kept);
    }

    /// A node that keeps a group no more, or left one and came back, begins its log of it anew.
    fn forget_parted(&self) {
        let members: BTreeMap<u16, BTreeSet<NodeId>> = (self.groups().into_iter())
            .map(|(_, group)| (group.id().0, group.metrics()))
            .map(|(id, metrics)| (id, metrics.voters.into_iter().chain(metrics.learners).collect()))
            .collect();
        for (node, kept) in &mut *self.kept.lock() {
            kept.retain(|group, _| members.get(group).is_some_and(|members| members.contains(node)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_goes_less_far_than_it_confirmed_is_an_old_copy() {
        let log = |last, term| HeldLog { last, term };
        let table = [
            (log(7, 3), log(7, 3), false),
            (log(9, 3), log(7, 3), false),
            (log(6, 3), log(7, 3), true),
            (log(6, 2), log(7, 3), true),
            // A newer leader may have replaced what an older one remembers.
            (log(6, 4), log(7, 3), false),
        ];
        for (here, confirmed, lacks) in table {
            let lost = lacking(&[(16, here)].into(), &[(16, confirmed)].into());
            assert_eq!(!lost.is_empty(), lacks, "{here:?} {confirmed:?}");
        }
        // A log that is not there at all.
        let lost = lacking(&BTreeMap::new(), &[(16, log(7, 3))].into());
        assert_eq!(lost, [Lost { group: GroupId(16), confirmed: 7, here: 0 }]);
    }
}
