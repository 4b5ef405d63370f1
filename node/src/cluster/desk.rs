//! What an operator asks of a running node, from beside it: with the node's own key, over its own peer
//! listener. Whoever can read the key can do this, and nobody else.

use super::identity::{ClusterDir, IdentityError};
use super::messages::{Admin, AdminAnswer, ClusterStatus, PeerRequest};
use super::roster::{NodeState, Refusal};
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

pub async fn status(data_dir: &Path, address: SocketAddr) -> Result<ClusterStatus, AdminError> {
    match ask(data_dir, address, Admin::Status).await? {
        AdminAnswer::Status(status) => Ok(*status),
        _ => Err(AdminError::Other),
    }
}

/// A join token that can be used once within `valid`.
pub async fn new_token(data_dir: &Path, address: SocketAddr, valid: Duration) -> Result<String, AdminError> {
    match ask(data_dir, address, Admin::Token { valid_secs: valid.as_secs() }).await? {
        AdminAnswer::Token(token) => Ok(token),
        _ => Err(AdminError::Other),
    }
}

/// Lets nodes join in a new region, and gives a token for its first.
pub async fn add_region(
    data_dir: &Path,
    address: SocketAddr,
    region: &str,
    public: &str,
    valid: Duration,
) -> Result<String, AdminError> {
    let (region, public) = (region.to_owned(), public.to_owned());
    let admin = Admin::AddRegion { region, public, valid_secs: valid.as_secs() };
    match ask(data_dir, address, admin).await? {
        AdminAnswer::Token(token) => Ok(token),
        _ => Err(AdminError::Other),
    }
}

/// Makes a node lead nothing, or lets it lead again.
pub async fn drain(data_dir: &Path, address: SocketAddr, node: u64, undo: bool) -> Result<(), AdminError> {
    let state = if undo { NodeState::Active } else { NodeState::Draining };
    done(ask(data_dir, address, Admin::SetState { node, state }).await?)
}

/// Takes a node out of the cluster for good.
pub async fn remove(data_dir: &Path, address: SocketAddr, node: u64) -> Result<(), AdminError> {
    done(ask(data_dir, address, Admin::SetState { node, state: NodeState::Removed }).await?)
}

fn done(answer: AdminAnswer) -> Result<(), AdminError> {
    if matches!(answer, AdminAnswer::Done) { Ok(()) } else { Err(AdminError::Other) }
}

async fn ask(data_dir: &Path, address: SocketAddr, admin: Admin) -> Result<AdminAnswer, AdminError> {
    let identity = ClusterDir::of(data_dir).identity()?.ok_or(AdminError::Alone)?;
    let name = identity.name()?;
    let book = PeerBook::default();
    book.insert(name.node(), PeerRecord { region: name.region().to_owned(), address: address.to_string() });
    let net = TcpNet::new(&identity.credentials()?, book, NetLimits::default())?;
    let answer = net.request(name.node(), encode(&PeerRequest::Admin(admin)).into(), WITHIN).await;
    let answer = answer.map_err(|error| {
        let reason = match error {
            TransportError::Unreachable { reason, .. }
            | TransportError::Broken { reason, .. }
            | TransportError::Refused { reason, .. } => reason,
            TransportError::TimedOut { .. } => "no answer in time".to_owned(),
        };
        AdminError::NotRunning { address, reason }
    })?;
    match decode(&answer)? {
        AdminAnswer::Refused(refusal) => Err(AdminError::Refused(refusal)),
        AdminAnswer::Unavailable => Err(AdminError::Unavailable),
        answer => Ok(answer),
    }
}
