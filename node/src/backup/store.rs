//! An archive: sealed objects of one cluster in a directory or in an S3-compatible store.
//!
//! Every object is sealed under a key drawn from the master key, with its cluster and name: none can be read
//! without that key, changed, or put in another one's place.

use super::http::PlainHttp;
use super::names::Object;
use crate::vault::NodeVault;
use futures::TryStreamExt;
use gearify_storage::seal::{DataKey, NONCE_BYTES, Random, SystemRandom};
use gearify_storage::{CodecError, Record, SealError, decode, encode};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path as StorePath;
use object_store::{ObjectStore, ObjectStoreExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FORMAT: u8 = 1;

/// Bytes of one object, about: what is held in memory at once.
pub const OBJECT_BYTES: usize = 4 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("the backup target can't be used: {0}")]
    Target(String),
    #[error("the archive can't be reached: {0}")]
    Store(#[from] object_store::Error),
    #[error("{name} is missing in the archive")]
    Missing { name: String },
    #[error("{name} is damaged, or is not sealed with this master key")]
    Sealed { name: String },
    #[error("{name} has a format that this program does not know")]
    Format { name: String },
    #[error("{name} can't be read: {error}")]
    Content { name: String, error: CodecError },
    #[error(transparent)]
    Seal(#[from] SealError),
}

/// Where archives are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    Directory(PathBuf),
    S3 {
        bucket: String,
        /// Of the objects' names; may be empty.
        prefix: String,
        /// An http address.
        endpoint: String,
        region: String,
        /// Key id and secret.
        key: Option<(String, String)>,
    },
}

/// A store that may hold archives of several clusters.
#[derive(Clone)]
pub struct Target {
    store: Arc<dyn ObjectStore>,
    root: StorePath,
}

impl Target {
    pub fn open(place: &Place) -> Result<Target, ArchiveError> {
        let failed = |error: String| ArchiveError::Target(error);
        match place {
            Place::Directory(dir) => Target::directory(dir),
            Place::S3 { bucket, prefix, endpoint, region, key } => {
                let mut builder = AmazonS3Builder::new()
                    .with_bucket_name(bucket)
                    .with_region(region)
                    .with_endpoint(endpoint)
                    .with_allow_http(true)
                    .with_http_connector(PlainHttp);
                if let Some((id, secret)) = key {
                    builder = builder.with_access_key_id(id).with_secret_access_key(secret);
                }
                let store = builder.build().map_err(|error| failed(error.to_string()))?;
                Ok(Target { store: Arc::new(store), root: StorePath::from(prefix.as_str()) })
            }
        }
    }

    fn directory(dir: &Path) -> Result<Target, ArchiveError> {
        let failed = |error: String| ArchiveError::Target(format!("{}: {error}", dir.display()));
        std::fs::create_dir_all(dir).map_err(|error| failed(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(dir).map_err(|error| failed(error.to_string()))?;
        Ok(Target { store: Arc::new(store.with_fsync(true)), root: StorePath::default() })
    }

    /// Clusters that have an archive here.
    pub async fn clusters(&self) -> Result<Vec<String>, ArchiveError> {
        let root = (!self.root.as_ref().is_empty()).then_some(&self.root);
        let found = self.store.list_with_delimiter(root).await?;
        let names = found.common_prefixes.iter().filter_map(|path| path.parts().next_back());
        Ok(names.map(|part| part.as_ref().to_owned()).collect())
    }

    /// The archive of one cluster.
    pub fn archive(&self, cluster: &str, vault: &NodeVault) -> Archive {
        Archive {
            store: self.store.clone(),
            root: self.root.clone().join(cluster),
            cluster: cluster.to_owned(),
            key: vault.purpose_key("backup"),
        }
    }
}

/// The archive of one cluster.
#[derive(Clone)]
pub struct Archive {
    store: Arc<dyn ObjectStore>,
    root: StorePath,
    cluster: String,
    key: DataKey,
}

impl Archive {
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    fn path(&self, name: &str) -> StorePath {
        name.split('/').fold(self.root.clone(), |path, part| path.join(part))
    }

    fn context(&self, name: &str) -> Vec<u8> {
        format!("backup/{}/{name}", self.cluster).into_bytes()
    }

    pub async fn put(&self, object: &Object, plain: &[u8]) -> Result<(), ArchiveError> {
        let name = object.name();
        let nonce = SystemRandom.nonce()?;
        let sealed = self.key.seal(nonce, &self.context(&name), plain);
        let bytes = [&[FORMAT][..], &nonce, &sealed].concat();
        self.store.put(&self.path(&name), bytes.into()).await?;
        Ok(())
    }

    pub async fn get(&self, object: &Object) -> Result<Vec<u8>, ArchiveError> {
        let name = object.name();
        let found = match self.store.get(&self.path(&name)).await {
            Err(object_store::Error::NotFound { .. }) => return Err(ArchiveError::Missing { name }),
            found => found?,
        };
        let bytes = found.bytes().await?;
        let (format, rest) =
            bytes.split_first().ok_or_else(|| ArchiveError::Sealed { name: name.clone() })?;
        if *format != FORMAT {
            return Err(ArchiveError::Format { name });
        }
        let opened = rest
            .split_first_chunk::<NONCE_BYTES>()
            .and_then(|(nonce, sealed)| self.key.open(*nonce, &self.context(&name), sealed).ok());
        opened.ok_or(ArchiveError::Sealed { name })
    }

    pub async fn put_record<R: Record>(&self, object: &Object, record: &R) -> Result<(), ArchiveError> {
        self.put(object, &encode(record)).await
    }

    pub async fn get_record<R: Record>(&self, object: &Object) -> Result<R, ArchiveError> {
        let bytes = self.get(object).await?;
        decode(&bytes).map_err(|error| ArchiveError::Content { name: object.name(), error })
    }

    /// Everything whose name begins with the folder `under`, or everything there is; in order.
    pub async fn list(&self, under: Option<&str>) -> Result<Vec<Object>, ArchiveError> {
        let prefix = under.map_or(self.root.clone(), |under| self.path(under));
        let found: Vec<_> = self.store.list(Some(&prefix)).try_collect().await?;
        let root = format!("{}/", self.root);
        let names = found.iter().filter_map(|meta| meta.location.as_ref().strip_prefix(&root));
        let mut objects: Vec<Object> = names.filter_map(Object::parse).collect();
        objects.sort();
        Ok(objects)
    }

    /// Removes an object; one that is gone already is fine.
    pub async fn remove(&self, object: &Object) -> Result<(), ArchiveError> {
        match self.store.delete(&self.path(&object.name())).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
