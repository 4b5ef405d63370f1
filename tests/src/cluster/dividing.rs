//! A region in shards: all of them on every node, and any node cut off.

use super::{Cluster, PATIENCE};
use gearify_commerce::command::{CommandId, GroupKind, Keep, Reply};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::{Actor, Refusal, Shard, Site, TenantId, placement, version};
use gearify_node::core::Core;
use gearify_node::shards::ShardParts;
use gearify_node::state::GroupKey;
use gearify_replication::NodeId;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(20);

impl Cluster {
    /// Divides the region over all nodes, each of which votes in every shard.
    pub fn divide_among_all(&self, shards: u16) {
        self.raise(Shard::FIRST);
        let nodes: Vec<u64> = self.nodes.keys().copied().collect();
        self.place(placement::Command::Seat { shards, nodes: nodes.clone() }).expect("nodes are named");
        let founder = &self.nodes[&nodes[0]];
        for shard in (1..shards).map(Shard) {
            self.until(&format!("{shard} is open"), || {
                self.nodes.values().all(|core| core.shards.get(shard).is_some())
            });
            self.until(&format!("{shard} is led"), || parts(founder, shard).handle.group.is_leader());
            let group = &parts(founder, shard).handle.group;
            let others = nodes[1..].iter().map(|node| NodeId(*node));
            self.runtime.block_on(async {
                for node in others {
                    group.add_learner(node).await.expect("the founder takes a learner");
                }
                let voters: BTreeSet<NodeId> = nodes.iter().map(|node| NodeId(*node)).collect();
                group.set_voters(voters).await.expect("the learners have caught up");
            });
            self.until(&format!("{shard} serves"), || {
                self.nodes.values().all(|core| parts(core, shard).serves())
            });
            self.raise(shard);
        }
    }

    /// The shard follows the newest rules from now on.
    pub fn raise(&self, shard: Shard) {
        let leader = self.nodes[&self.leader_of(shard)].backend();
        let raised = leader.raise_version(GroupKey::Region(shard), version::NEWEST);
        self.runtime.block_on(raised).expect("the leader decides");
    }

    /// The node that leads a shard, as those that are not away see it.
    pub fn leader_of(&self, shard: Shard) -> u64 {
        let leads = |core: &Core| core.shards.get(shard).is_some_and(|parts| parts.handle.group.is_leader());
        let here = || self.nodes.iter().filter(|(node, _)| self.away != Some(**node));
        self.until(&format!("{shard} has a leader"), || here().any(|(_, core)| leads(core)));
        // Who was away may still believe that it leads.
        let term = |core: &Core| core.shards.get(shard).map(|parts| parts.handle.group.metrics().term);
        let leaders = here().filter(|(_, core)| leads(core));
        *leaders.max_by_key(|(_, core)| term(core)).map_or(&self.desk, |(node, _)| node)
    }

    /// Nobody hears of a node any more, until [`Cluster::heal`]. Requests go to another one.
    pub fn cut_off(&mut self, node: u64) {
        self.net.isolate(NodeId(node));
        self.switchboard.detach(NodeId(node));
        self.away = Some(node);
        self.changes += 1;
        let others = self.nodes.keys().copied().filter(|other| *other != node);
        self.desk = others.clone().next_back().expect("there are others");
        let shards = self.nodes[&self.desk].shards.open().count() as u16;
        for shard in (0..shards).map(Shard) {
            self.leader_of(shard);
        }
        for kind in [GroupKind::World, GroupKind::Catalogue] {
            self.until("the shared groups are led", || {
                others.clone().any(|other| self.nodes[&other].backend().is_leader(kind))
            });
        }
    }

    /// The node that was cut off is back.
    pub fn heal(&mut self) {
        self.reunite();
    }

    /// Has something decided about where things are.
    pub fn place(&self, command: placement::Command) -> Result<Reply, Refusal> {
        self.send(&Request {
            id: CommandId(rand::random()),
            keep: Keep::Nothing,
            hash: [0; 16],
            tenant: TenantId::PLATFORM,
            site: Site::NONE,
            actor: Actor::System,
            intent: Intent::Ready(Box::new(command.into())),
        })
    }

    /// Waits for something.
    pub fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let until = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < until, "not within {PATIENCE:?}: {what}");
            std::thread::sleep(PAUSE);
        }
    }
}

fn parts(core: &Core, shard: Shard) -> &ShardParts {
    core.shards.get(shard).expect("it is open on every node")
}
