//! Every node but the first: asks to be let in, with a token, and keeps what it is given.

use super::identity::{ClusterDir, Identity, IdentityError};
use super::messages::{Admission, JoinAnswer, JoinRequest, join_proof_text};
use super::regions::region_number;
use super::token::JoinToken;
use crate::vault::NodeVault;
use bytes::Bytes;
use gearify_replication::net::{self, AuthorityError, Issued, LabelError, PeerName};
use gearify_replication::{NodeId, TransportError};
use gearify_storage::{CodecError, decode, encode};
use std::path::Path;
use std::time::Duration;

/// From node to node until the leader is found.
const HOPS_MAX: usize = 5;
const HOP_DEADLINE: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    #[error("this node belongs to cluster {cluster} already, as node {node}")]
    Belongs { cluster: String, node: u64 },
    #[error(
        "{path} holds the log of a node that ran alone; a node joins with an empty data directory, or with \
         one that holds nothing but the master key"
    )]
    NotEmpty { path: String },
    #[error("{0}")]
    Refused(String),
    #[error("{address} can't be asked: {reason}")]
    Unreachable { address: String, reason: String },
    #[error("no leader was found; is the cluster running?")]
    NoLeader,
    #[error("the answer is not understood: {0}")]
    Answer(#[from] CodecError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Key(#[from] AuthorityError),
    #[error(transparent)]
    Name(#[from] LabelError),
}

#[derive(Debug)]
pub struct Joined {
    pub cluster: String,
    pub node: u64,
}

/// Asks the node at `address`, and whom it names, to let this one in; writes what it was given.
pub async fn join(
    data_dir: &Path,
    vault: &NodeVault,
    token: &JoinToken,
    address: &str,
    region: &str,
    own_address: &str,
) -> Result<Joined, JoinError> {
    let dir = ClusterDir::of(data_dir);
    if let Some(identity) = dir.identity()? {
        return Err(JoinError::Belongs { cluster: identity.cluster, node: identity.node });
    }
    if data_dir.join("log").exists() {
        return Err(JoinError::NotEmpty { path: data_dir.display().to_string() });
    }
    let key = dir.joining_key()?;
    let anchor = net::anchor(&token.cluster, &token.authority)?;
    let request = JoinRequest {
        token: token.id,
        secret: token.secret,
        public_key: key.public(),
        proof: key.prove(&join_proof_text(&token.id, region, own_address))?,
        region: region.to_owned(),
        address: own_address.to_owned(),
        master_key: vault.fingerprint(),
        now_ms: crate::backend::now().as_millis(),
        newest: gearify_commerce::version::NEWEST,
    };
    let admission = ask(token, address, &anchor, encode(&request).into()).await?;
    let name = PeerName::new(&token.cluster, region, NodeId(admission.node))?;
    let issued = Issued { certificate: admission.certificate, valid_until: admission.valid_until };
    dir.save_peers(&admission.peers)?;
    let mut identity =
        Identity::new(&name, &token.cluster, &key, &issued, &admission.authority, &vault.fingerprint());
    identity.region_number = region_number(&admission.peers, region);
    dir.save_identity(&identity)?;
    dir.end_joining()?;
    Ok(Joined { cluster: token.cluster.clone(), node: admission.node })
}

async fn ask(
    token: &JoinToken,
    address: &str,
    anchor: &[u8],
    request: Bytes,
) -> Result<Admission, JoinError> {
    let mut address = address.to_owned();
    for _ in 0..HOPS_MAX {
        let answer = net::join(&address, &token.cluster, anchor, request.clone(), HOP_DEADLINE).await;
        let answer = answer.map_err(|error| match error {
            TransportError::Refused { reason, .. } => JoinError::Refused(reason),
            TransportError::Unreachable { reason, .. } | TransportError::Broken { reason, .. } => {
                JoinError::Unreachable { address: address.clone(), reason }
            }
            TransportError::TimedOut { .. } => {
                JoinError::Unreachable { address: address.clone(), reason: "no answer in time".into() }
            }
        })?;
        match decode(&answer)? {
            JoinAnswer::Admitted(admission) => return Ok(*admission),
            JoinAnswer::TryAt { address: next } => address = next,
        }
    }
    Err(JoinError::NoLeader)
}
