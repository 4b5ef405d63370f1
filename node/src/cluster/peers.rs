//! What other nodes ask of this one, and what it asks of them.

use super::member::Member;
use super::messages::{
    Admin, AdminAnswer, DecideAnswer, IssuedAnswer, JoinRequest, NewestAnswer, Order, PeerRequest,
};
use super::roster::Command;
use super::warrant::Warrant;
use crate::forward::{Forward, Undecided};
use crate::state::GroupKey;
use crate::telemetry::names;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::intent::Request;
use gearify_commerce::{GroupKind, Shard};
use gearify_replication::net::{Issued, JoinRefused, PeerName, PeerService};
use gearify_replication::{NodeId, TransportError};
use gearify_storage::{decode, encode};
use gearify_web::ports::{Decided, SubmitError};
use std::time::Duration;

/// Longer than any request waits: the one who forwards gives up first.
const DECIDE_WITHIN: Duration = Duration::from_secs(12);

impl PeerService for Member {
    fn request(&self, from: PeerName, request: Bytes) -> BoxFuture<'_, Result<Bytes, String>> {
        async move {
            let request: PeerRequest = decode(&request).map_err(|error| error.to_string())?;
            match request {
                PeerRequest::Decide(request) => {
                    self.require_business(&from, request.intent.group())?;
                    self.decide(&request).await
                }
                PeerRequest::DecideIn(shard, request) => {
                    self.require_business(&from, GroupKind::Region)?;
                    self.decide_in(shard, &request).await
                }
                PeerRequest::History(query) => {
                    self.require_business(&from, query.group)?;
                    self.history(query.group.into(), query).await
                }
                PeerRequest::ShardHistory(shard, query) => {
                    self.require_business(&from, GroupKind::Region)?;
                    self.history(GroupKey::Region(shard), query).await
                }
                PeerRequest::HistoryFile(asked) => {
                    self.require_business(&from, asked.group)?;
                    self.history_file(asked).await
                }
                PeerRequest::Report => Ok(encode(&self.report().await).into()),
                PeerRequest::Propose(command) if is_about(&command, from.node()) => {
                    Ok(encode(&self.propose_here(command).await).into())
                }
                PeerRequest::Propose(_) => {
                    Err(refused_order(&from, "a node may only say where it is itself"))
                }
                PeerRequest::Renew => {
                    let Issued { certificate, valid_until } = self.issue(&from)?;
                    Ok(encode(&IssuedAnswer { certificate, valid_until }).into())
                }
                PeerRequest::Follow { group, from } => self.page(group, from).await,
                PeerRequest::Web(relayed) => self.answer_web(&from, *relayed).await,
                PeerRequest::SnapshotPart { group, hash, offset } => self.part(group, hash, offset).await,
                PeerRequest::Admin(_) => {
                    Err("the operator's orders must be signed with the master key".into())
                }
                PeerRequest::Order(warrant, order) => self.obey(&from, &warrant, &order).await,
                PeerRequest::BlobPart(part) => self.blob_part(part).await,
                PeerRequest::NewestKnown => Ok(encode(&NewestAnswer(self.newest)).into()),
                PeerRequest::Holds(here) => Ok(encode(&self.confirmed_by(from.node(), &here)).into()),
                PeerRequest::Kept(kept) => {
                    self.remember_kept(from.node(), kept);
                    Ok(Bytes::new())
                }
                PeerRequest::Pulse(_) => Ok(encode(&self.pulse()).into()),
                PeerRequest::KeepBlob(hash) => self.keep_blob_of(from.node(), hash).await,
            }
        }
        .boxed()
    }

    fn join(&self, request: Bytes) -> BoxFuture<'_, Result<Bytes, JoinRefused>> {
        async move {
            let request: JoinRequest =
                decode(&request).map_err(|error| JoinRefused::new("join-request", error))?;
            Ok(encode(&self.admit(request).await?).into())
        }
        .boxed()
    }
}

/// What a node may change in the roster without the operator: where it is itself.
fn is_about(command: &Command, node: NodeId) -> bool {
    matches!(command, Command::Move { node: moved, .. } if *moved == node.0)
}

/// An order that nobody may give so.
fn refused_order(from: &PeerName, why: &str) -> String {
    metrics::counter!(names::PEER_REFUSED, "reason" => "order").increment(1);
    tracing::warn!(%from, reason = "order", why, "a peer's order was refused");
    why.to_owned()
}

impl Member {
    async fn obey(&self, from: &PeerName, warrant: &Warrant, order: &[u8]) -> Result<Bytes, String> {
        let now_ms = crate::backend::now().as_millis();
        let is_signed = warrant.check(&self.vault, self.me.cluster(), from.node().0, now_ms, order);
        is_signed.map_err(|why| refused_order(from, why))?;
        match decode(order).map_err(|error| error.to_string())? {
            Order::Admin(_) if *from != self.me => {
                Err(refused_order(from, "only this node's own tools may ask for that"))
            }
            Order::Admin(admin) => Ok(encode(&self.admin(admin).await).into()),
            Order::Propose(command) => Ok(encode(&self.propose_here(command).await).into()),
        }
    }

    /// What belongs to a region is nobody else's business.
    fn require_business(&self, from: &PeerName, group: GroupKind) -> Result<(), String> {
        if group != GroupKind::Region || from.region() == self.me.region() {
            return Ok(());
        }
        Err(format!("{from} has no business with what belongs to region {}", self.me.region()))
    }

    async fn decide(&self, request: &Request) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        Ok(encode(&DecideAnswer::from(backend.decide(request).await)).into())
    }

    async fn decide_in(&self, shard: Shard, request: &Request) -> Result<Bytes, String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        if request.intent.group() != GroupKind::Region {
            return Err("a shard decides what belongs to the region".into());
        }
        Ok(encode(&DecideAnswer::from(backend.decide_in(GroupKey::Region(shard), request).await)).into())
    }

    async fn admin(&self, admin: Admin) -> AdminAnswer {
        match admin {
            Admin::Status => AdminAnswer::Status(Box::new(self.status().await)),
            Admin::AddRegion { region, public, valid_secs } => {
                match self.propose(Command::AddRegion { region, public }).await {
                    Some(Ok(_)) => Box::pin(self.admin(Admin::Token { valid_secs })).await,
                    Some(Err(refusal)) => AdminAnswer::Refused(refusal),
                    None => AdminAnswer::Unavailable,
                }
            }
            Admin::SetShards { region, shards } => self.done(Command::SetShards { region, shards }).await,
            Admin::SetVoters { region, voters } => self.done(Command::SetVoters { region, voters }).await,
            Admin::Shop { slug, to } => match self.shop_place(&slug, to).await {
                Ok(place) => AdminAnswer::Shop(place),
                Err(reason) => AdminAnswer::Declined(reason),
            },
            Admin::Token { valid_secs } => self.new_token(valid_secs, None).await,
            Admin::Replace { node, valid_secs } => self.new_token(valid_secs, Some(node)).await,
            Admin::SetState { node, state } => self.done(Command::SetState { node, state }).await,
        }
    }

    async fn done(&self, command: Command) -> AdminAnswer {
        match self.propose(command).await {
            Some(Ok(_)) => AdminAnswer::Done,
            Some(Err(refusal)) => AdminAnswer::Refused(refusal),
            None => AdminAnswer::Unavailable,
        }
    }
}

impl Forward for Member {
    fn spans_regions(&self) -> bool {
        self.spans_regions()
    }

    fn reaches(&self, to: NodeId) -> bool {
        self.reaches(to)
    }

    fn forward(&self, to: NodeId, request: Request) -> BoxFuture<'_, Result<Decided, Undecided>> {
        self.ask_to_decide(to, PeerRequest::Decide(Box::new(request))).boxed()
    }

    fn forward_in(
        &self,
        to: NodeId,
        shard: Shard,
        request: Request,
    ) -> BoxFuture<'_, Result<Decided, Undecided>> {
        self.ask_to_decide(to, PeerRequest::DecideIn(shard, Box::new(request))).boxed()
    }
}

impl Member {
    async fn ask_to_decide(&self, to: NodeId, request: PeerRequest) -> Result<Decided, Undecided> {
        let answer = self.net.request(to, encode(&request).into(), DECIDE_WITHIN).await;
        match answer {
            Ok(answer) => match decode::<DecideAnswer>(&answer) {
                Ok(answer) => answer.into(),
                Err(error) => {
                    tracing::error!(node = %to, %error, "a decision was not understood");
                    Err(SubmitError::Unknown.into())
                }
            },
            Err(TransportError::Unreachable { .. } | TransportError::Refused { .. }) => {
                Err(Undecided::Unreachable)
            }
            Err(TransportError::Broken { .. } | TransportError::TimedOut { .. }) => {
                Err(SubmitError::Unknown.into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::roster::NodeState;
    use super::*;

    #[test]
    fn a_certificate_alone_moves_its_own_node_and_changes_nothing_else() {
        let of = |node| Command::Move { node, address: "192.0.2.2:7400".into() };
        assert!(is_about(&of(2), NodeId(2)));
        assert!(!is_about(&of(3), NodeId(2)));
        let secret_hash = [1; 32];
        let orders = [
            Command::SetState { node: 2, state: NodeState::Removed },
            Command::SetState { node: 3, state: NodeState::Removed },
            Command::AddToken { token: [1; 8], secret_hash, expires_ms: 1 },
            Command::Admit {
                token: [1; 8],
                secret_hash,
                public_key: [1; 32],
                region: "home".into(),
                address: "192.0.2.2:7400".into(),
            },
            Command::AddRegion { region: "away".into(), public: String::new() },
        ];
        assert!(orders.iter().all(|order| !is_about(order, NodeId(2))));
    }
}
