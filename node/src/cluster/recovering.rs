//! A node goes on alone, after a majority was lost for good: with everything it has, as a new cluster.
//!
//! The new cluster has a name and an authority of its own, so that the lost nodes, should they come back,
//! can neither talk to it nor be taken for its nodes; its roster has them as removed. Each step may be
//! interrupted and done again.

use super::founding::{FoundError, Founded, seal_authority};
use super::identity::{ClusterDir, Identity};
use super::roster::{Founding, NodeRecord, NodeState, TokenRecord};
use super::token::JoinToken;
use super::{CLUSTER_GROUP, TOKEN_VALID};
use crate::state::{GROUPS, GroupKey, group_id, group_name};
use crate::vault::NodeVault;
use gearify_commerce::Shard;
use gearify_commerce::placement::SHARDS_MAX;
use gearify_replication::net::{Authority, LabelError, NodeKey, PeerName};
use gearify_replication::{NodeId, Recovered, StartError, go_on_alone};
use std::path::Path;
use std::time::{Duration, SystemTime};

#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    #[error("this node belongs to no cluster; there is nothing to recover")]
    Alone,
    #[error("node {node} was removed from its cluster; another one must go on")]
    Removed { node: u64 },
    #[error("the master key is not that of cluster {cluster}")]
    MasterKey { cluster: String },
    #[error("cluster {cluster} has other regions; its shared groups can be recovered in none of them alone")]
    Regions { cluster: String },
    #[error(transparent)]
    Found(#[from] FoundError),
    #[error("the raft log can't go on: {0}")]
    Log(#[from] StartError),
}

impl<E: IntoFound> From<E> for RecoverError {
    fn from(error: E) -> RecoverError {
        RecoverError::Found(error.into())
    }
}

/// What founding can fail of.
trait IntoFound: Into<FoundError> {}
impl IntoFound for super::IdentityError {}
impl IntoFound for gearify_replication::net::AuthorityError {}
impl IntoFound for LabelError {}
impl IntoFound for gearify_storage::SealError {}

/// Writes the new cluster's files and makes this node the only voter of its groups. The directory must be
/// locked and nothing may run on it.
pub fn recover(
    data_dir: &Path,
    vault: &NodeVault,
    address: &str,
    certificate_valid: Duration,
) -> Result<(Founded, Vec<Recovered>), RecoverError> {
    let dir = ClusterDir::of(data_dir);
    let old = dir.identity()?.ok_or(RecoverError::Alone)?;
    if old.is_removed {
        return Err(RecoverError::Removed { node: old.node });
    }
    if old.master_key != vault.fingerprint() {
        return Err(RecoverError::MasterKey { cluster: old.cluster });
    }
    let mut peers = dir.peers()?;
    if peers.values().any(|peer| !peer.is_removed && peer.region != old.region) {
        return Err(RecoverError::Regions { cluster: old.cluster });
    }
    let begins = old.cluster.rsplit_once('-').map_or(old.cluster.as_str(), |(begins, _)| begins);
    let cluster = format!("{begins}-{:08x}", rand::random::<u32>());
    let name = PeerName::new(&cluster, &old.region, NodeId(old.node))?;
    let authority = Authority::generate(&cluster)?;
    let key = NodeKey::generate()?;
    let issued = authority.issue(&name, &key.public(), SystemTime::now(), certificate_valid)?;
    let token = JoinToken::new(&cluster, authority.public_key());
    let expires_ms = crate::backend::now().as_millis() + TOKEN_VALID.as_millis() as i64;
    let founding = Founding {
        cluster: cluster.clone(),
        authority: authority.certificate().to_vec(),
        authority_key: seal_authority(vault, &cluster, &authority.key_pkcs8())?,
        master_key: vault.fingerprint(),
        node: old.node,
        record: NodeRecord {
            region: old.region.clone(),
            address: address.to_owned(),
            public_key: key.public(),
            state: NodeState::Active,
        },
        token: token.id,
        token_record: TokenRecord { secret_hash: token.secret_hash(), expires_ms, used_by: None },
    };
    let further = (1..SHARDS_MAX).map(|shard| GroupKey::Region(Shard(shard)));
    let further = further.filter(|key| data_dir.join("groups").join(group_name(*key)).exists());
    let shops = GROUPS.into_iter().map(GroupKey::from).chain(further);
    let shops = shops.map(|key| group_id(key, old.region_number));
    let groups: Vec<_> = std::iter::once(CLUSTER_GROUP).chain(shops).collect();
    let recovered = go_on_alone(&data_dir.join("log"), &old.log_name, NodeId(old.node), &groups)?;
    for (_, peer) in peers.iter_mut().filter(|(node, _)| **node != old.node) {
        peer.is_removed = true;
    }
    dir.save_peers(&peers)?;
    dir.save_founding(&founding)?;
    // Last: with the identity the node belongs to the new cluster.
    let made =
        Identity::new(&name, &old.log_name, &key, &issued, authority.certificate(), &vault.fingerprint());
    let (has_begun, region_number) = (old.has_begun, old.region_number);
    dir.save_identity(&Identity { has_begun, region_number, ..made })?;
    Ok((Founded { cluster, node: old.node, token }, recovered))
}
