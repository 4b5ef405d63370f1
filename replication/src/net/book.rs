//! Where the other nodes are, and which are gone for good.

use super::name::PeerName;
use crate::position::NodeId;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One node as others find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerRecord {
    pub region: String,
    /// Host and port; a host name is looked up at each connect.
    pub address: String,
}

/// The nodes a node knows. Clones share it.
///
/// A node that is not in the book may still call: with a certificate of the cluster it is one that
/// joined while this one was away. One that is in it as removed may not, whatever it shows.
#[derive(Clone, Debug, Default)]
pub struct PeerBook {
    pages: Arc<RwLock<Pages>>,
}

#[derive(Debug, Default)]
struct Pages {
    peers: BTreeMap<NodeId, PeerRecord>,
    removed: BTreeSet<NodeId>,
}

impl PeerBook {
    pub fn set(&self, peers: BTreeMap<NodeId, PeerRecord>, removed: BTreeSet<NodeId>) {
        *self.pages.write() = Pages { peers, removed };
    }

    pub fn insert(&self, node: NodeId, record: PeerRecord) {
        self.pages.write().peers.insert(node, record);
    }

    pub fn find(&self, node: NodeId) -> Option<PeerRecord> {
        self.pages.read().peers.get(&node).cloned()
    }

    pub fn nodes(&self) -> Vec<NodeId> {
        self.pages.read().peers.keys().copied().collect()
    }

    pub fn is_removed(&self, node: NodeId) -> bool {
        self.pages.read().removed.contains(&node)
    }

    /// What speaks against a caller with a valid certificate.
    pub(crate) fn objection(&self, me: &PeerName, caller: &PeerName) -> Option<String> {
        if caller.cluster() != me.cluster() {
            return Some(format!("{caller} is of another cluster"));
        }
        let pages = self.pages.read();
        if pages.removed.contains(&caller.node()) {
            return Some(format!("node {} was removed from the cluster", caller.node()));
        }
        let known = pages.peers.get(&caller.node())?;
        (known.region != caller.region())
            .then(|| format!("{caller} is known as one of region {}", known.region))
    }
}
