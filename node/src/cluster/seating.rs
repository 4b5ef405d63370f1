//! The shards of a region and its nodes: whoever leads the first shard keeps the placement in step with the
//! roster, and whoever leads another keeps its members in step with the placement.

use super::member::{Member, known_peers};
use super::roster::{Command, Roster};
use crate::backend::NodeBackend;
use crate::state::{GroupKey, group_name, shard_of};
use gearify_commerce::placement::{self, Placement, Seats, VOTERS};
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
            let follows = version::of(&**backend.state(GroupKind::Region));
            if shards < 2 || follows < version::SHARDS || !backend.is_leader(GroupKind::Region) {
                continue;
            }
            let voters = roster.voters.get(self.me.region()).copied().filter(|_| follows >= version::WIDE);
            let wanted = Wanted {
                shards,
                nodes: nodes_to_seat(&roster, self.me.region()),
                voters: voters.unwrap_or(VOTERS),
            };
            if wanted.is_met(&backend.shards().placement()) {
                continue;
            }
            let Wanted { nodes, voters, .. } = &wanted;
            match backend.seat(wanted.command()).await {
                Ok(_) => tracing::info!(shards, voters, ?nodes, "the region's shards are seated"),
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

    /// On the first node: into how many shards its region was begun, and with how many voters.
    async fn tell_shards(&self, roster: &Roster) {
        let region = self.me.region().to_owned();
        let (shards, voters) = {
            let identity = self.identity.lock();
            (identity.shards, identity.voters)
        };
        let shards = (shards > 1 && !roster.shards.contains_key(&region))
            .then(|| Command::SetShards { region: region.clone(), shards });
        // Both are of one cluster, which is begun by a program that knows them.
        let is_wide = voters > VOTERS && roster.version >= version::WIDE;
        let voters = (is_wide && !roster.voters.contains_key(&region))
            .then(|| Command::SetVoters { region: region.clone(), voters });
        for command in shards.into_iter().chain(voters) {
            let told = self.propose(command).await;
            if !matches!(told, Some(Ok(_))) {
                tracing::warn!(?told, "how the region is divided is not known yet");
            }
        }
    }
}

/// How a region's shards should be seated.
struct Wanted {
    shards: u16,
    nodes: Vec<u64>,
    voters: u8,
}

impl Wanted {
    fn is_met(&self, placement: &Placement) -> bool {
        let width = usize::from(self.voters).min(self.nodes.len());
        let has_seats = |(shard, seats): (&Shard, &Seats)| match *shard {
            Shard::FIRST => seats.nodes == self.nodes,
            _ => seats.nodes.len() == width,
        };
        placement.shards.len() == usize::from(self.shards) && placement.shards.iter().all(has_seats)
    }

    fn command(&self) -> placement::Command {
        let (shards, nodes, voters) = (self.shards, self.nodes.clone(), self.voters);
        match voters {
            // As programs know it that know of no other width.
            VOTERS => placement::Command::Seat { shards, nodes },
            _ => placement::Command::SeatWide { shards, nodes, voters },
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
