//! How a node that is no member of the shared groups reads them: from whom, and what it gives to others.
//!
//! A neighbour that reads from far away already is asked first, so that an entry crosses to a region once:
//! the node with the lowest number there asks members, the others ask those before them. Whoever does not
//! answer, or hears nothing itself, is passed over.

use super::member::{Member, known_peers};
use super::messages::PeerRequest;
use crate::state::FIRST_REGIONAL;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_replication::{GroupId, NodeId, PAGE_WAIT, Page, Source};
use gearify_storage::encode;
use std::time::Duration;

/// Beyond the wait for news: a page may be long and the way far.
const PAGE_WITHIN: Duration = Duration::from_secs(8);
const PART_WITHIN: Duration = Duration::from_secs(20);

impl Source for Member {
    fn page(&self, group: GroupId, from: u64) -> BoxFuture<'_, Result<(NodeId, Page), String>> {
        async move {
            let mut last = "no other node is known".to_owned();
            for node in self.sources() {
                let request = encode(&PeerRequest::Follow { group: group.0, from });
                let answer = self.net.request(node, request.into(), PAGE_WITHIN).await;
                let page = answer.map_err(|error| error.to_string());
                match page.and_then(|page| Page::decode(page).map_err(|error| error.to_string())) {
                    Ok(page) => return Ok((node, page)),
                    Err(reason) => last = format!("node {node}: {reason}"),
                }
            }
            Err(last)
        }
        .boxed()
    }

    fn part(
        &self,
        node: NodeId,
        group: GroupId,
        hash: [u8; 32],
        offset: u64,
    ) -> BoxFuture<'_, Result<Bytes, String>> {
        async move {
            let request = encode(&PeerRequest::SnapshotPart { group: group.0, hash, offset });
            let part = self.net.request(node, request.into(), PART_WITHIN).await;
            part.map_err(|error| error.to_string())
        }
        .boxed()
    }
}

impl Member {
    /// Whom to ask, in order.
    fn sources(&self) -> Vec<NodeId> {
        let mut known = known_peers(&self.roster.borrow());
        if known.is_empty() {
            // Before the roster is here, what was learnt by joining must do.
            known = self.known_on_disk();
        }
        let me = self.node().0;
        let (near, far): (Vec<_>, Vec<_>) = known
            .iter()
            .filter(|(node, peer)| !peer.is_removed && **node != me)
            .partition(|(_, peer)| peer.region == self.me.region());
        let near = near.into_iter().filter(|(node, _)| **node < me);
        near.chain(far).map(|(node, _)| NodeId(*node)).collect()
    }

    pub(super) async fn page(&self, group: u16, from: u64) -> Result<Bytes, String> {
        let page = self.shared_group(group)?.page(from, PAGE_WAIT).await;
        page.map(|page| page.encode()).map_err(|error| error.to_string())
    }

    pub(super) async fn part(&self, group: u16, hash: [u8; 32], offset: u64) -> Result<Bytes, String> {
        let part = self.shared_group(group)?.snapshot_part(hash, offset).await;
        part.map_err(|error| error.to_string())
    }

    /// A group that may be read from everywhere.
    fn shared_group(&self, group: u16) -> Result<gearify_replication::Group, String> {
        let groups = self.groups().into_iter().map(|(_, group)| group);
        let mut shared = groups.filter(|group| group.id().0 < FIRST_REGIONAL);
        shared
            .find(|found| found.id().0 == group)
            .ok_or_else(|| format!("group {group} is not read from here"))
    }
}
