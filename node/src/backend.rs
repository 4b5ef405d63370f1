//! Writes and reads of the replicated state, as the web needs them.
//!
//! A write: the group's leader adds facts to the request, proposes it, and answers once the entry is
//! applied. Facts that went stale in between are added anew, a few times at most. An unknown
//! outcome is asked for again under the same command id, which acts once whatever comes of it.
//!
//! What belongs to a site goes to the shard that holds it, wherever that runs: a site without a shard is given
//! one first, and a shard that the site has left meanwhile says so, whereupon the placement is looked up again.

mod deciding;
mod port;
mod submitting;

use crate::footing::Footing;
use crate::forward::Forward;
use crate::shards::Shards;
use crate::state::{GroupKey, GroupState};
use crate::turns::Turns;
use crate::vault::NodeVault;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::future::BoxFuture;
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::placement;
use gearify_commerce::{Actor, Command, GroupKind, Shard, Site, TenantId, Timestamp};
use gearify_replication::{Group, NodeId};
use gearify_storage::EventReader;
use gearify_web::Clock;
use gearify_web::ports::{Position, ProviderEventError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One group as the backend uses it.
#[derive(Clone)]
pub struct GroupHandle {
    pub group: Group,
    pub state: Arc<GroupState>,
    pub history: EventReader,
}

/// What becomes of verified events of payment providers.
pub trait ProviderDesk: Send + Sync + 'static {
    fn event<'a>(
        &'a self,
        backend: &'a NodeBackend,
        tenant: TenantId,
        provider: &'a str,
        headers: http::HeaderMap,
        body: Bytes,
    ) -> BoxFuture<'a, Result<(), ProviderEventError>>;
}

pub struct NodeBackend {
    /// Those that all regions share.
    groups: BTreeMap<GroupKind, GroupHandle>,
    shards: Shards,
    vault: Arc<NodeVault>,
    forward: Arc<dyn Forward>,
    providers: Arc<dyn ProviderDesk>,
    clock: Arc<dyn Clock>,
    footing: ArcSwap<Footing>,
    catalogue_turns: Turns,
    /// Where ids begin that a leader gives: the system's randomness, or a sequence of a simulation.
    seeds: Box<dyn Fn() -> u128 + Send + Sync>,
}

impl NodeBackend {
    pub fn new(
        groups: BTreeMap<GroupKind, GroupHandle>,
        shards: Shards,
        vault: Arc<NodeVault>,
        forward: Arc<dyn Forward>,
        providers: Arc<dyn ProviderDesk>,
        clock: Arc<dyn Clock>,
    ) -> NodeBackend {
        let (footing, catalogue_turns) = Default::default();
        let seeds = Box::new(rand::random);
        NodeBackend { groups, shards, vault, forward, providers, clock, seeds, footing, catalogue_turns }
    }

    /// Draws ids from a sequence, so that the same sequence gives the same ids.
    pub fn drawing(self, seeds: impl Fn() -> u128 + Send + Sync + 'static) -> NodeBackend {
        NodeBackend { seeds: Box::new(seeds), ..self }
    }

    /// What is known from here on about the machines below.
    pub fn set_footing(&self, footing: Footing) {
        if **self.footing.load() != footing {
            self.footing.store(Arc::new(footing));
        }
    }

    pub fn footing(&self) -> Arc<Footing> {
        self.footing.load_full()
    }

    /// A group that every node has; of the region, its first shard.
    pub fn group(&self, kind: GroupKind) -> &GroupHandle {
        self.find(kind).expect("every node has it")
    }

    /// A group, if it runs here.
    pub fn find(&self, group: impl Into<GroupKey>) -> Option<&GroupHandle> {
        match group.into() {
            GroupKey::Region(shard) => self.shards.get(shard).map(|parts| &parts.handle),
            shared => self.groups.get(&shared.kind()),
        }
    }

    /// All groups that run here and shall.
    pub fn groups(&self) -> impl Iterator<Item = (GroupKey, &GroupHandle)> {
        let shared = self.groups.iter().map(|(kind, handle)| ((*kind).into(), handle));
        let shards = self.shards.open().filter(|(shard, _)| self.shards.is_seated(*shard));
        shared.chain(shards.map(|(shard, parts)| (GroupKey::Region(shard), &parts.handle)))
    }

    pub fn shards(&self) -> &Shards {
        &self.shards
    }

    pub fn history(&self, kind: GroupKind) -> &EventReader {
        &self.group(kind).history
    }

    pub fn is_leader(&self, group: impl Into<GroupKey>) -> bool {
        self.find(group).is_some_and(|handle| handle.group.is_leader())
    }

    /// Who leads the group of a position, as far as is known here.
    pub fn leader_of(&self, position: &Position) -> Option<NodeId> {
        self.find(key_at(position))?.group.leader()
    }

    /// Committed state of a group that every node has; of the region, its first shard.
    pub fn state(&self, kind: GroupKind) -> &Arc<GroupState> {
        &self.group(kind).state
    }

    /// Committed state of the shard that holds a site, if it serves from here.
    pub fn state_of(&self, tenant: TenantId, site: Site) -> Option<&Arc<GroupState>> {
        Some(&self.shards.serving(tenant, site)?.handle.state)
    }

    /// The group that decides a request; `None` for a site without a shard.
    fn key_of(&self, request: &Request) -> Option<GroupKey> {
        let shard = match (&request.intent, request.intent.group()) {
            (Intent::Ready(command), _) if matches!(**command, Command::Placement(_)) => Shard::FIRST,
            (_, GroupKind::Region) => self.shards.shard_of(request.tenant, request.site)?,
            (_, shared) => return Some(shared.into()),
        };
        Some(GroupKey::Region(shard))
    }

    /// The group that holds a tenant's data of this kind, if it serves from here.
    fn serving(&self, group: GroupKind, tenant: TenantId) -> Option<&GroupHandle> {
        match group {
            GroupKind::Region => Some(&self.shards.serving(tenant, Site::FIRST)?.handle),
            shared => Some(self.group(shared)),
        }
    }

    /// The time as leaders stamp it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

fn position(handle: &GroupHandle, index: u64) -> Position {
    Position { group: handle.state.kind(), shard: handle.state.key().shard(), index }
}

fn key_at(position: &Position) -> GroupKey {
    match position.group {
        GroupKind::Region => GroupKey::Region(position.shard),
        shared => shared.into(),
    }
}

/// What nodes ask of each other for themselves.
pub(crate) fn of_platform(command: placement::Command) -> Request {
    Request {
        id: CommandId(rand::random()),
        keep: Keep::Nothing,
        hash: [0; 16],
        tenant: TenantId::PLATFORM,
        site: Site::NONE,
        actor: Actor::System,
        intent: Intent::Ready(Box::new(command.into())),
    }
}

/// The machine's clock.
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
