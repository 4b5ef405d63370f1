//! Requests on their way to the region or the shard that sells for their shop, and which regions answer.

use super::identity::KnownPeers;
use super::member::{Member, known_peers};
use super::messages::{PeerRequest, WebAnswer};
use super::regions::{self, regions};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::{Site, TenantId};
use gearify_replication::net::PeerName;
use gearify_replication::{NodeId, TransportError};
use gearify_storage::{decode, encode};
use gearify_web::gate::answer_relayed;
use gearify_web::ports::Position;
use gearify_web::ports_regions::{
    Elsewhere, NOT_HERE, RegionView, Regions, RelayError, Relayed, RelayedAnswer,
};
use rand::seq::SliceRandom;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Longer than a node takes for any request of its own.
const RELAY_WITHIN: Duration = Duration::from_secs(12);
/// Longer than a shop's move holds up whoever writes to it.
const LEAVING_WITHIN: Duration = Duration::from_secs(5);
const PROBE_PAUSE: Duration = Duration::from_millis(1500);
/// Of one node, and then of the others of its region: round trips between regions take up to 300 ms.
const PROBE_WITHIN: Duration = Duration::from_secs(1);

impl Member {
    /// What the others are, from the roster, or before it is here as last known.
    fn known(&self) -> KnownPeers {
        let known = known_peers(&self.roster.borrow());
        if known.is_empty() { self.known_on_disk() } else { known }
    }

    pub(super) fn spans_regions(&self) -> bool {
        let roster = self.roster.borrow();
        if roster.nodes.is_empty() {
            return self.region_number() > 0;
        }
        roster.nodes.values().any(|record| record.region != self.me.region())
    }

    /// Whether this region sells for the shops whose home has this name.
    pub(crate) fn is_home(&self, home: &str) -> bool {
        regions::is_home(&self.known(), self.me.region(), home)
    }

    /// From now on requests of other regions are answered by this.
    pub fn serve_web(&self, app: axum::Router) {
        let _ = self.app.set(app);
    }

    pub(super) async fn answer_web(&self, from: &PeerName, relayed: Relayed) -> Result<Bytes, String> {
        let app = self.app.get().cloned().ok_or("the node is starting")?;
        let answer = answer_relayed(app, relayed, from.region() != self.me.region()).await;
        if answer.headers.iter().any(|(name, _)| name == NOT_HERE) {
            return Err("the shop does not sell from this node".into());
        }
        Ok(encode(&WebAnswer(answer)).into())
    }

    /// Nodes of a region, in no particular order, so that work spreads.
    fn nodes_of(&self, region: &str) -> Vec<NodeId> {
        let known = self.known();
        let here = known.iter().filter(|(_, peer)| peer.region == region && !peer.is_removed);
        let mut nodes: Vec<NodeId> = here.map(|(node, _)| NodeId(*node)).collect();
        nodes.shuffle(&mut rand::rng());
        nodes
    }

    fn nodes_at(&self, place: &Elsewhere) -> Vec<NodeId> {
        match place {
            Elsewhere::Region(region) => self.nodes_of(region),
            Elsewhere::Node(node) => vec![NodeId(*node)],
            Elsewhere::Shard(shard) => {
                let backend = self.backend();
                let mut nodes = backend.map_or_else(Vec::new, |backend| backend.shards().others(*shard));
                // The same one as long as it answers: whoever wrote through this node reads their own write.
                let turn = self.node().0 as usize % nodes.len().max(1);
                nodes.rotate_left(turn);
                // While seats change hands, those before still serve.
                let rest = self.nodes_of(self.me.region());
                let rest = rest.into_iter().filter(|node| *node != self.node() && !nodes.contains(node));
                nodes.iter().copied().chain(rest).collect()
            }
        }
    }

    /// The shard of a site of this region, if it does not serve from this node.
    fn shard_elsewhere(&self, tenant: TenantId, site: Site) -> Option<Elsewhere> {
        let backend = self.backend()?;
        let shard = backend.shards().shard_of(tenant, site)?;
        backend.shards().serving(tenant, site).is_none().then_some(Elsewhere::Shard(shard))
    }

    /// Looks again and again which other regions answer.
    pub(super) async fn watch_regions(self: Arc<Member>) {
        loop {
            sleep(PROBE_PAUSE).await;
            let known = self.known();
            let others = regions(&known).into_iter().filter(|region| *region != self.me.region());
            let asked = others.map(|region| async { (region.to_owned(), self.answers(region).await) });
            let answered = futures::future::join_all(asked.map(FutureExt::boxed)).await;
            let silent = answered.into_iter().filter(|(_, answers)| !answers).map(|(region, _)| region);
            *self.unreachable.lock() = silent.collect();
        }
    }

    /// Whether anybody of a region answers. All regions ask all others: first one node, and whatever is
    /// quickly answered.
    async fn answers(&self, region: &str) -> bool {
        let ask = |node: NodeId| {
            let net = self.net.clone();
            async move {
                let request = encode(&PeerRequest::NewestKnown).into();
                net.request(node, request, PROBE_WITHIN).await.map_err(drop)
            }
        };
        let mut nodes = self.nodes_of(region);
        let Some(first) = nodes.pop() else { return false };
        if ask(first).await.is_ok() {
            return true;
        }
        let rest: Vec<_> = nodes.into_iter().map(ask).map(FutureExt::boxed).collect();
        !rest.is_empty() && futures::future::select_ok(rest).await.is_ok()
    }

    /// Whether nobody of another region has answered a moment ago.
    fn is_silent(&self, region: &str) -> bool {
        self.unreachable.lock().contains(region)
    }

    /// Whether a node is in a region that answers, as far as is known. Asked on the way of every write that is
    /// handed on, when mostly all of them do.
    pub(super) fn reaches(&self, node: NodeId) -> bool {
        if self.unreachable.lock().is_empty() {
            return true;
        }
        let roster = self.roster.borrow();
        roster.nodes.get(&node.0).is_none_or(|record| !self.is_silent(&record.region))
    }
}

impl Regions for Member {
    fn here(&self) -> String {
        self.me.region().to_owned()
    }

    fn elsewhere(&self, home: &str, tenant: TenantId, site: Site) -> Option<Elsewhere> {
        if home == self.me.region() || !self.spans_regions() {
            return self.shard_elsewhere(tenant, site);
        }
        let known = self.known();
        let all = regions(&known);
        let home = all.iter().find(|region| **region == home).or(all.first())?;
        match *home == self.me.region() {
            true => self.shard_elsewhere(tenant, site),
            false => Some(Elsewhere::Region((*home).to_owned())),
        }
    }

    fn ahead(&self, position: Position) -> Option<Elsewhere> {
        let leader = self.backend()?.leader_of(&position)?;
        (leader != self.node()).then_some(Elsewhere::Node(leader.0))
    }

    fn place(&self, tenant: TenantId, site: Site) -> BoxFuture<'_, ()> {
        let backend = self.backend();
        async move {
            let Some(backend) = backend else { return };
            if backend.shards().shard_of(tenant, site).is_some() {
                return backend.shards().while_leaving(tenant, site, LEAVING_WITHIN).await;
            }
            if let Err(error) = backend.place_now(tenant, site).await {
                tracing::warn!(%error, "a shop was not given its shard yet");
            }
        }
        .boxed()
    }

    fn relay(&self, to: Elsewhere, request: Relayed) -> BoxFuture<'_, Result<RelayedAnswer, RelayError>> {
        let is_silent = matches!(&to, Elsewhere::Region(region) if self.is_silent(region));
        async move {
            if is_silent {
                return Err(RelayError::Unreachable);
            }
            let request: Bytes = encode(&PeerRequest::Web(Box::new(request))).into();
            for node in self.nodes_at(&to) {
                match self.net.request(node, request.clone(), RELAY_WITHIN).await {
                    Ok(answer) => match decode::<WebAnswer>(&answer) {
                        Ok(WebAnswer(answer)) => return Ok(answer),
                        Err(error) => {
                            tracing::error!(%node, %error, "an answer from another node was not understood");
                            return Err(RelayError::Unknown);
                        }
                    },
                    Err(TransportError::Unreachable { .. } | TransportError::Refused { .. }) => {}
                    Err(TransportError::Broken { .. } | TransportError::TimedOut { .. }) => {
                        return Err(RelayError::Unknown);
                    }
                }
            }
            Err(RelayError::Unreachable)
        }
        .boxed()
    }

    fn list(&self) -> Vec<RegionView> {
        let (known, roster) = (self.known(), self.roster.borrow().clone());
        let mut names = regions(&known);
        if !names.contains(&self.me.region()) {
            names.insert(0, self.me.region());
        }
        let view = |name: &str| RegionView {
            name: name.to_owned(),
            url: roster.regions.get(name).map(|record| record.public.clone()).filter(|url| !url.is_empty()),
            here: name == self.me.region(),
            status: if self.is_silent(name) { "unreachable" } else { "serving" },
        };
        names.into_iter().map(view).collect()
    }
}
