//! What an operator asks of a running node, from beside it: with the node's own key, over its own peer
//! listener, signed with the master key. Whoever can read both can do this, and nobody else.

use super::founding::Division;
use super::identity::{ClusterDir, IdentityError};
use super::messages::{Admin, AdminAnswer, ClusterStatus, Order, PeerRequest, ShopPlace};
use super::roster::{NodeState, Refusal};
use super::warrant::Warrant;
use crate::vault::NodeVault;
use gearify_commerce::Shard;
use gearify_commerce::placement::VOTERS;
use gearify_replication::TransportError;
use gearify_replication::net::{NetLimits, PeerBook, PeerRecord, TcpNet, TlsError};
use gearify_storage::{CodecError, decode, encode};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error("this node belongs to no cluster")]
    Alone,
    #[error("the node does not answer on {address}; is it running? ({reason})")]
    NotRunning { address: SocketAddr, reason: String },
    #[error("{0}")]
    Refused(Refusal),
    #[error("the node refuses: {0}")]
    Declined(String),
    #[error("the cluster has no leader that could decide this now")]
    Unavailable,
    #[error("the answer is not understood: {0}")]
    Answer(#[from] CodecError),
    #[error("the answer is not one to what was asked")]
    Other,
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// An operator's place beside a running node.
pub struct Desk<'d> {
    pub data_dir: &'d Path,
    /// Its peer listener.
    pub address: SocketAddr,
    pub vault: NodeVault,
}

impl Desk<'_> {
    pub async fn status(&self) -> Result<ClusterStatus, AdminError> {
        match self.ask(Admin::Status).await? {
            AdminAnswer::Status(status) => Ok(*status),
            _ => Err(AdminError::Other),
        }
    }

    /// A join token that can be used once within `valid`.
    pub async fn new_token(&self, valid: Duration) -> Result<String, AdminError> {
        self.token(Admin::Token { valid_secs: valid.as_secs() }).await
    }

    /// Lets nodes join in a new region, and gives a token for its first.
    pub async fn add_region(
        &self,
        region: &str,
        public: &str,
        division: Division,
        valid: Duration,
    ) -> Result<String, AdminError> {
        let Division { shards, voters } = division;
        if shards > 1 {
            self.done(Admin::SetShards { region: region.to_owned(), shards }).await?;
        }
        if voters != VOTERS {
            self.done(Admin::SetVoters { region: region.to_owned(), voters }).await?;
        }
        let (region, public) = (region.to_owned(), public.to_owned());
        self.token(Admin::AddRegion { region, public, valid_secs: valid.as_secs() }).await
    }

    /// A join token for a node that takes another one's place.
    pub async fn replace(&self, node: u64, valid: Duration) -> Result<String, AdminError> {
        self.token(Admin::Replace { node, valid_secs: valid.as_secs() }).await
    }

    /// Makes a node lead nothing, or lets it lead again.
    pub async fn drain(&self, node: u64, undo: bool) -> Result<(), AdminError> {
        let state = if undo { NodeState::Active } else { NodeState::Draining };
        self.done(Admin::SetState { node, state }).await
    }

    /// Takes a node out of the cluster for good.
    pub async fn remove(&self, node: u64) -> Result<(), AdminError> {
        self.done(Admin::SetState { node, state: NodeState::Removed }).await
    }

    /// Where a shop is within its region.
    pub async fn shop_place(&self, slug: &str) -> Result<ShopPlace, AdminError> {
        self.shop(Admin::Shop { slug: slug.to_owned(), to: None }).await
    }

    /// A shop shall go to another shard of its region; asked again, it stays at that.
    pub async fn move_shop(&self, slug: &str, to: Shard) -> Result<ShopPlace, AdminError> {
        self.shop(Admin::Shop { slug: slug.to_owned(), to: Some(to) }).await
    }

    async fn shop(&self, admin: Admin) -> Result<ShopPlace, AdminError> {
        match self.ask(admin).await? {
            AdminAnswer::Shop(place) => Ok(place),
            _ => Err(AdminError::Other),
        }
    }

    async fn token(&self, admin: Admin) -> Result<String, AdminError> {
        match self.ask(admin).await? {
            AdminAnswer::Token(token) => Ok(token),
            _ => Err(AdminError::Other),
        }
    }

    async fn done(&self, admin: Admin) -> Result<(), AdminError> {
        match self.ask(admin).await? {
            AdminAnswer::Done => Ok(()),
            _ => Err(AdminError::Other),
        }
    }

    async fn ask(&self, admin: Admin) -> Result<AdminAnswer, AdminError> {
        let address = self.address;
        let identity = ClusterDir::of(self.data_dir).identity()?.ok_or(AdminError::Alone)?;
        let name = identity.name()?;
        let book = PeerBook::default();
        let record = PeerRecord { region: name.region().to_owned(), address: address.to_string() };
        book.insert(name.node(), record);
        let net = TcpNet::new(&identity.credentials()?, book, NetLimits::default())?;
        let order = encode(&Order::Admin(admin));
        let now_ms = crate::backend::now().as_millis();
        let warrant = Warrant::sign(&self.vault, name.cluster(), name.node().0, now_ms, &order);
        let request = encode(&PeerRequest::Order(warrant, order)).into();
        let answer = net.request(name.node(), request, WITHIN).await;
        let answer = answer.map_err(|error| {
            let reason = match error {
                TransportError::Refused { reason, .. } => return AdminError::Declined(reason),
                TransportError::Unreachable { reason, .. } | TransportError::Broken { reason, .. } => reason,
                TransportError::TimedOut { .. } => "no answer in time".to_owned(),
            };
            AdminError::NotRunning { address, reason }
        })?;
        match decode(&answer)? {
            AdminAnswer::Refused(refusal) => Err(AdminError::Refused(refusal)),
            AdminAnswer::Declined(reason) => Err(AdminError::Declined(reason)),
            AdminAnswer::Unavailable => Err(AdminError::Unavailable),
            answer => Ok(answer),
        }
    }
}
