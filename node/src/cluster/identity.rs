//! What a node keeps of its place in the cluster, in `cluster/` below its data directory.
//!
//! ```text
//! identity.json    name, key, certificate: only this node may read it
//! founding.json    on the first node, until the cluster group holds what is in it
//! joining.json     the key of a node that is about to join
//! peers.json       where the others were last, so that a start needs nobody
//! ```

use super::hex;
use super::roster::Founding;
use gearify_replication::NodeId;
use gearify_replication::net::{AuthorityError, Credentials, Issued, LabelError, NodeKey, PeerName};
use gearify_storage::{decode, disk, encode};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// Why a node's place in the cluster can't be read or kept.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error("{path}: {source}")]
    Io { path: String, source: io::Error },
    #[error("{path} is damaged: {what}")]
    Damaged { path: String, what: String },
    #[error(transparent)]
    Key(#[from] AuthorityError),
    #[error(transparent)]
    Name(#[from] LabelError),
}

/// A node's place in its cluster.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    pub cluster: String,
    pub region: String,
    pub node: u64,
    /// Numbers the groups that are the region's own.
    #[serde(default)]
    pub region_number: u16,
    /// Whose raft log this is; a log that was there before the cluster keeps its name.
    pub log_name: String,
    /// Hexadecimal PKCS#8 and DER.
    pub key: String,
    pub certificate: String,
    /// Seconds since 1970.
    pub valid_until: u64,
    pub authority: String,
    /// Fingerprint of the master key that all nodes share.
    pub master_key: String,
    /// The node has begun a log under this number: without that log it must not vote again.
    #[serde(default)]
    pub has_begun: bool,
    /// The cluster has removed it.
    #[serde(default)]
    pub is_removed: bool,
    /// Of its region, as the first node was told; 0 on every other.
    #[serde(default)]
    pub shards: u16,
    /// Of each shard, likewise.
    #[serde(default)]
    pub voters: u8,
    /// Shards that go on from here alone: they run here wherever they are placed.
    #[serde(default)]
    pub keeps: BTreeSet<u16>,
}

/// Another node, as last known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownPeer {
    pub region: String,
    pub address: String,
    pub is_removed: bool,
}

pub type KnownPeers = BTreeMap<u64, KnownPeer>;

impl Identity {
    pub fn new(
        name: &PeerName,
        log_name: &str,
        key: &NodeKey,
        issued: &Issued,
        authority: &[u8],
        master_key: &str,
    ) -> Identity {
        Identity {
            cluster: name.cluster().to_owned(),
            region: name.region().to_owned(),
            region_number: 0,
            node: name.node().0,
            log_name: log_name.to_owned(),
            key: hex::encode(&key.to_pkcs8()),
            certificate: hex::encode(&issued.certificate),
            valid_until: issued.valid_until,
            authority: hex::encode(authority),
            master_key: master_key.to_owned(),
            has_begun: false,
            is_removed: false,
            shards: 0,
            voters: 0,
            keeps: BTreeSet::new(),
        }
    }

    pub fn name(&self) -> Result<PeerName, IdentityError> {
        Ok(PeerName::new(&self.cluster, &self.region, NodeId(self.node))?)
    }

    pub fn credentials(&self) -> Result<Credentials, IdentityError> {
        let bytes = |text: &str, what: &str| {
            hex::decode(text).ok_or_else(|| IdentityError::Damaged {
                path: "cluster/identity.json".into(),
                what: format!("{what} is not hexadecimal"),
            })
        };
        Ok(Credentials {
            name: self.name()?,
            key: NodeKey::from_pkcs8(&bytes(&self.key, "the key")?)?,
            issued: Issued {
                certificate: bytes(&self.certificate, "the certificate")?,
                valid_until: self.valid_until,
            },
            authority: bytes(&self.authority, "the authority's certificate")?,
        })
    }
}

/// The folder of these files.
#[derive(Clone)]
pub struct ClusterDir {
    dir: PathBuf,
}

impl ClusterDir {
    pub fn of(data_dir: &Path) -> ClusterDir {
        ClusterDir { dir: data_dir.join("cluster") }
    }

    /// `None` for a node that belongs to no cluster.
    pub fn identity(&self) -> Result<Option<Identity>, IdentityError> {
        self.read_json("identity.json")
    }

    pub fn save_identity(&self, identity: &Identity) -> Result<(), IdentityError> {
        self.write_json("identity.json", identity)
    }

    pub fn peers(&self) -> Result<KnownPeers, IdentityError> {
        Ok(self.read_json("peers.json")?.unwrap_or_default())
    }

    pub fn save_peers(&self, peers: &KnownPeers) -> Result<(), IdentityError> {
        self.write_json("peers.json", peers)
    }

    /// The key with which this node asks to join: kept until it has joined, so that an answer lost on the
    /// way can be asked for again under the same token.
    pub fn joining_key(&self) -> Result<NodeKey, IdentityError> {
        if let Some(text) = self.read_json::<String>("joining.json")? {
            let bytes =
                hex::decode(&text).ok_or_else(|| self.damaged("joining.json", "it is not hexadecimal"))?;
            return Ok(NodeKey::from_pkcs8(&bytes)?);
        }
        let key = NodeKey::generate()?;
        self.write_json("joining.json", &hex::encode(&key.to_pkcs8()))?;
        Ok(key)
    }

    pub fn end_joining(&self) -> Result<(), IdentityError> {
        self.remove("joining.json")
    }

    /// What the first node has to tell the cluster group.
    pub fn founding(&self) -> Result<Option<Founding>, IdentityError> {
        let Some(text): Option<String> = self.read_json("founding.json")? else { return Ok(None) };
        let stored: Option<StoredFounding> = hex::decode(&text).and_then(|bytes| decode(&bytes).ok());
        match stored {
            Some(StoredFounding(founding)) => Ok(Some(founding)),
            None => Err(self.damaged("founding.json", "it is not what was written")),
        }
    }

    pub fn save_founding(&self, founding: &Founding) -> Result<(), IdentityError> {
        self.write_json("founding.json", &hex::encode(&encode(&StoredFounding(founding.clone()))))
    }

    pub fn end_founding(&self) -> Result<(), IdentityError> {
        self.remove("founding.json")
    }

    fn remove(&self, name: &str) -> Result<(), IdentityError> {
        match std::fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.io(name, error)),
            _ => Ok(()),
        }
    }

    fn read_json<T: for<'d> Deserialize<'d>>(&self, name: &str) -> Result<Option<T>, IdentityError> {
        match std::fs::read(self.dir.join(name)) {
            Ok(bytes) => match serde_json::from_slice(&bytes) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.damaged(name, &error.to_string())),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.io(name, error)),
        }
    }

    fn write_json<T: Serialize>(&self, name: &str, value: &T) -> Result<(), IdentityError> {
        // Keys lie here: nobody else may even enter.
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.dir);
        made.map_err(|error| self.io("", error))?;
        let text = serde_json::to_vec_pretty(value).expect("texts and numbers can be written");
        disk::write_durably(&self.dir.join(name), &text).map_err(|error| self.io(name, error))
    }

    fn io(&self, name: &str, source: io::Error) -> IdentityError {
        IdentityError::Io { path: self.dir.join(name).display().to_string(), source }
    }

    fn damaged(&self, name: &str, what: &str) -> IdentityError {
        IdentityError::Damaged { path: self.dir.join(name).display().to_string(), what: what.to_owned() }
    }
}

#[derive(Serialize, Deserialize)]
struct StoredFounding(Founding);
gearify_storage::first_version!(StoredFounding);
