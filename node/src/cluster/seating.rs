//! The shards of a region and its nodes: whoever leads the first shard keeps the placement in step with the
//! roster, and whoever leads another keeps its members in step with the placement.

use super::member::{Member, known_peers};
use super::roster::{Command, Roster};
use crate::backend::NodeBackend;
use crate::state::{GroupKey, group_name, shard_of};
use gearify_commerce::{GroupKind, Shard, version};
use gearify_replication::{Group, NodeId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often the placement is compared with the roster.
const SEAT_PAUSE: Duration = Duration::from_secs(1);

impl Member {
    /// Keeps the members of every shard that runs here, while this node leads it.
    pub(super) async fn reconcile_shards(self: Arc<Member>, backend: Arc<NodeBackend>) {
        let reconcile = |shard| {
            let key = GroupKey::Region(shard);
            let group = backend.find(key).expect("it is tended because it runs here").group.clone();
            self.clone().reconcile(group, group_name(key))
        };
        backend.shards().tend_each(reconcile).await;
    }

    /// Who shall be a member of a further shard; `None` for every other group.
    pub(super) fn seats(&self, group: &Group) -> Option<BTreeSet<NodeId>> {
        let shard = shard_of(group.id()).filter(|shard| *shard != Shard::FIRST)?;
        let placement = self.backend()?.shards().placement();
        Some(placement.shards.get(&shard)?.nodes.iter().map(|node| NodeId(*node)).collect())
    }

    /// Seats the region's shards on its nodes, as often as these change.
    pub(super) async fn seat_shards(self: Arc<Member>) {
        loop {
            sleep(SEAT_PAUSE).await;
            let roster = self.roster.borrow().clone();
            if roster.cluster != self.me.cluster() {
                continue;
            }
            self.tell_shards(&roster).await;
            let Some(backend) = self.backend() else { return };
            self.let_go(&backend);
            let wanted = roster.shards.get(self.me.region()).copied().unwrap_or(1);
            // A node made from a backup brings its region's shards into a cluster that knows of none.
            let shards = wanted.max(backend.shards().placement().shards.len() as u16);
            let knows_how = version::of(&**backend.state(GroupKind::Region)) >= version::SHARDS;
            if shards < 2 || !knows_how || !backend.is_leader(GroupKind::Region) {
                continue;
            }
            let nodes = nodes_to_seat(&roster, self.me.region());
            let placement = backend.shards().placement();
            let first = placement.shards.get(&Shard::FIRST).map(|seats| seats.nodes.as_slice());
            if placement.shards.len() == usize::from(shards) && first == Some(&nodes) {
                continue;
            }
            match backend.seat(shards, nodes.clone()).await {
                Ok(_) => tracing::info!(shards, ?nodes, "the region's shards are seated"),
                Err(error) => tracing::warn!(?error, "the region's shards are not seated yet"),
            }
        }
    }

    /// Shards that went on from here alone are like any other once others vote in them.
    fn let_go(&self, backend: &NodeBackend) {
        let has_others = |shard: &u16| {
            let handle = backend.find(GroupKey::Region(Shard(*shard)));
            let voters = handle.map(|handle| handle.group.metrics().voters);
            voters.is_some_and(|voters| voters.iter().any(|node| *node != self.node()))
        };
        let shared: Vec<u16> = self.identity.lock().keeps.iter().copied().filter(has_others).collect();
        if shared.is_empty() {
            return;
        }
        match self.note(|identity| identity.keeps.retain(|shard| !shared.contains(shard))) {
            Ok(()) => tracing::info!(shards = ?shared, "others vote in what went on from here alone"),
            Err(error) => tracing::warn!(%error, "that others vote can't be noted"),
        }
    }

    /// On the first node: how many shards its region was begun with.
    async fn tell_shards(&self, roster: &Roster) {
        let (region, shards) = (self.me.region().to_owned(), self.identity.lock().shards);
        if shards > 1 && !roster.shards.contains_key(&region) {
            let told = self.propose(Command::SetShards { region, shards }).await;
            if !matches!(told, Some(Ok(_))) {
                tracing::warn!(?told, "how many shards the region has is not known yet");
            }
        }
    }
}

/// The region's nodes, without those in whose place another one is.
fn nodes_to_seat(roster: &Roster, region: &str) -> Vec<u64> {
    let known = known_peers(roster);
    let here = known.iter().filter(|(node, peer)| {
        peer.region == region && !peer.is_removed && roster.successor(**node).is_none()
    });
    here.map(|(node, _)| *node).collect()
}
