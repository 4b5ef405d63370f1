//! The first node of a cluster: makes the authority, its own certificate, and the first join token.

use super::TOKEN_VALID;
use super::identity::{ClusterDir, Identity, IdentityError};
use super::roster::{Founding, NodeRecord, NodeState, TokenRecord};
use super::token::JoinToken;
use crate::vault::NodeVault;
use gearify_replication::NodeId;
use gearify_replication::net::{Authority, AuthorityError, LabelError, NodeKey, PeerName};
use gearify_storage::{Random, SealError, SystemRandom};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The name of raft logs that were begun without a cluster.
pub const LONE_LOG_NAME: &str = "gearify";
const AUTHORITY_KEY: &str = "cluster-authority";

#[derive(Debug, thiserror::Error)]
pub enum FoundError {
    #[error("this node belongs to cluster {cluster} already, as node {node}")]
    Belongs { cluster: String, node: u64 },
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    Name(#[from] LabelError),
    #[error("the authority's key can't be sealed: {0}")]
    Seal(#[from] SealError),
}

/// A cluster of one.
#[derive(Debug)]
pub struct Founded {
    pub cluster: String,
    pub node: u64,
    pub token: JoinToken,
}

/// Writes the first node's files. A node that served alone goes on with everything it has.
pub fn found(
    data_dir: &Path,
    vault: &NodeVault,
    name: &str,
    region: &str,
    node: u64,
    address: &str,
    certificate_valid: Duration,
) -> Result<Founded, FoundError> {
    let dir = ClusterDir::of(data_dir);
    if let Some(identity) = dir.identity()? {
        return Err(FoundError::Belongs { cluster: identity.cluster, node: identity.node });
    }
    // Two clusters of one name are two clusters.
    let cluster = format!("{name}-{:08x}", rand::random::<u32>());
    let name = PeerName::new(&cluster, region, NodeId(node))?;
    let authority = Authority::generate(&cluster)?;
    let key = NodeKey::generate()?;
    let issued = authority.issue(&name, &key.public(), SystemTime::now(), certificate_valid)?;
    let token = JoinToken::new(&cluster, authority.public_key());
    let expires_ms = crate::backend::now().as_millis() + TOKEN_VALID.as_millis() as i64;
    let record = NodeRecord {
        region: region.to_owned(),
        address: address.to_owned(),
        public_key: key.public(),
        state: NodeState::Active,
    };
    dir.save_founding(&Founding {
        cluster: cluster.clone(),
        authority: authority.certificate().to_vec(),
        authority_key: seal_authority(vault, &cluster, &authority.key_pkcs8())?,
        master_key: vault.fingerprint(),
        node,
        record,
        token: token.id,
        token_record: TokenRecord { secret_hash: token.secret_hash(), expires_ms, used_by: None },
    })?;
    let has_log = data_dir.join("log").exists();
    let log_name = if has_log { LONE_LOG_NAME } else { &cluster };
    // Last: with the identity the node belongs to the cluster.
    let identity =
        Identity::new(&name, log_name, &key, &issued, authority.certificate(), &vault.fingerprint());
    dir.save_identity(&identity)?;
    Ok(Founded { cluster, node, token })
}

/// Into how many shards a region is divided, and on how many nodes each of them is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Division {
    pub shards: u16,
    pub voters: u8,
}

/// The region that the first node begins will be divided so.
pub fn begin_divided(data_dir: &Path, division: Division) -> Result<(), FoundError> {
    let dir = ClusterDir::of(data_dir);
    if let Some(identity) = dir.identity()? {
        let Division { shards, voters } = division;
        dir.save_identity(&Identity { shards, voters, ..identity })?;
    }
    Ok(())
}

pub(super) fn seal_authority(vault: &NodeVault, cluster: &str, key: &[u8]) -> Result<Vec<u8>, SealError> {
    let nonce = SystemRandom.nonce()?;
    let sealed = vault.purpose_key(AUTHORITY_KEY).seal(nonce, cluster.as_bytes(), key);
    Ok([&nonce[..], &sealed].concat())
}

/// # Errors
/// With another master key, or if the bytes are not what was sealed.
pub fn open_authority(vault: &NodeVault, cluster: &str, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (nonce, sealed) = sealed.split_first_chunk::<12>().ok_or(SealError::Refused)?;
    vault.purpose_key(AUTHORITY_KEY).open(*nonce, cluster.as_bytes(), sealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_storage::MasterKey;

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_authority_can_be_opened_with_the_same_master_key_only() {
        let vault = || NodeVault::new(MasterKey::generate(&SystemRandom).unwrap());
        let (own, other) = (vault(), vault());
        let dir = tempfile::tempdir().unwrap();
        let founded = found(dir.path(), &own, "acme", "home", 1, "192.0.2.1:7400", HOUR).unwrap();
        assert!(founded.cluster.starts_with("acme-"));
        let founding = ClusterDir::of(dir.path()).founding().unwrap().unwrap();
        let key = open_authority(&own, &founded.cluster, &founding.authority_key).unwrap();
        let authority = Authority::from_parts(&founded.cluster, founding.authority, &key).unwrap();
        assert_eq!(authority.public_key(), founded.token.authority);
        assert!(open_authority(&other, &founded.cluster, &founding.authority_key).is_err());
        assert!(open_authority(&own, "acme-0", &founding.authority_key).is_err());
        let again = found(dir.path(), &own, "acme", "home", 1, "192.0.2.1:7400", HOUR);
        assert!(matches!(again, Err(FoundError::Belongs { node: 1, .. })), "{again:?}");
    }

    #[test]
    fn the_key_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let vault = NodeVault::new(MasterKey::generate(&SystemRandom).unwrap());
        found(dir.path(), &vault, "acme", "home", 1, "192.0.2.1:7400", HOUR).unwrap();
        let mode = std::fs::metadata(dir.path().join("cluster")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }
}
