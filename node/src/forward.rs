//! Sending a request to the node that leads its group.
//!
//! A follower takes requests like any other node and hands them to the leader, which adds facts,
//! proposes and answers; the follower then waits until it has applied the entry itself, so that whoever
//! asked reads their own write there.

use crate::backend::NodeBackend;
use crate::snapshot::read_file_part;
use crate::state::GroupKey;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::Shard;
use gearify_commerce::intent::Request;
use gearify_replication::NodeId;
use gearify_storage::{ContentHash, EventPosition, EventRow};
use gearify_web::ports::{Decided, SubmitError};
use parking_lot::RwLock;
use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

/// Why a node did not decide a forwarded request.
#[derive(Clone, Debug)]
pub enum Undecided {
    /// It does not lead the group either.
    NotLeader {
        leader: Option<NodeId>,
    },
    /// It could not be reached: nothing was proposed.
    Unreachable,
    Submit(SubmitError),
}

impl From<SubmitError> for Undecided {
    fn from(error: SubmitError) -> Undecided {
        Undecided::Submit(error)
    }
}

/// The way to other nodes' leaders.
pub trait Forward: Send + Sync + 'static {
    fn forward(&self, to: NodeId, request: Request) -> BoxFuture<'_, Result<Decided, Undecided>>;

    /// As [`Forward::forward`], for a shard that is named: what brings a site along goes where it is not yet.
    fn forward_in(
        &self,
        to: NodeId,
        shard: Shard,
        request: Request,
    ) -> BoxFuture<'_, Result<Decided, Undecided>>;

    /// Whether what is decided for all regions may be out of reach while this one goes on.
    fn spans_regions(&self) -> bool {
        false
    }

    /// Whether it is worth while to send anything to a node: its region has answered a moment ago.
    fn reaches(&self, _: NodeId) -> bool {
        true
    }
}

/// For a node without peers.
pub struct NoForward;

impl Forward for NoForward {
    fn forward(&self, _: NodeId, _: Request) -> BoxFuture<'_, Result<Decided, Undecided>> {
        futures::future::ready(Err(Undecided::Unreachable)).boxed()
    }

    fn forward_in(&self, _: NodeId, _: Shard, _: Request) -> BoxFuture<'_, Result<Decided, Undecided>> {
        futures::future::ready(Err(Undecided::Unreachable)).boxed()
    }
}

/// Nodes of one process, for tests: requests and history go from one to another directly.
#[derive(Clone, Default)]
pub struct Switchboard {
    nodes: Arc<RwLock<BTreeMap<NodeId, Weak<NodeBackend>>>>,
}

impl Switchboard {
    pub fn attach(&self, node: NodeId, backend: &Arc<NodeBackend>) {
        self.nodes.write().insert(node, Arc::downgrade(backend));
    }

    /// The node can't be reached any more.
    pub fn detach(&self, node: NodeId) {
        self.nodes.write().remove(&node);
    }

    fn find(&self, node: NodeId) -> Option<Arc<NodeBackend>> {
        self.nodes.read().get(&node)?.upgrade()
    }
}

impl Forward for Switchboard {
    fn forward(&self, to: NodeId, request: Request) -> BoxFuture<'_, Result<Decided, Undecided>> {
        let node = self.find(to);
        async move {
            match node {
                Some(node) => node.decide(&request).await,
                None => Err(Undecided::Unreachable),
            }
        }
        .boxed()
    }

    fn forward_in(
        &self,
        to: NodeId,
        shard: Shard,
        request: Request,
    ) -> BoxFuture<'_, Result<Decided, Undecided>> {
        let node = self.find(to);
        async move {
            match node {
                Some(node) => node.decide_in(GroupKey::Region(shard), &request).await,
                None => Err(Undecided::Unreachable),
            }
        }
        .boxed()
    }
}

impl crate::snapshot::HistoryPeers for Switchboard {
    fn read(
        &self,
        group: GroupKey,
        from: EventPosition,
        through: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, String> {
        let nodes: Vec<_> = self.nodes.read().values().filter_map(Weak::upgrade).collect();
        let mut histories = nodes.iter().filter_map(|node| node.find(group)).map(|found| &found.history);
        let ahead = histories.find(|history| history.position() >= through);
        let history = ahead.ok_or_else(|| format!("no node has the history from {from} to {through}"))?;
        history.read(from, limit).map_err(|error| error.to_string())
    }

    fn file_part(&self, group: GroupKey, hash: ContentHash, offset: u64) -> Result<Vec<u8>, String> {
        let nodes: Vec<_> = self.nodes.read().values().filter_map(Weak::upgrade).collect();
        let histories = nodes.iter().filter_map(|node| node.find(group)).map(|found| &found.history);
        let parts = histories.map(|history| read_file_part(history, hash, offset));
        parts.fold(Err("there are no nodes".into()), Result::or)
    }
}
