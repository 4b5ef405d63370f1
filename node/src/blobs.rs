//! The blob store behind the web's port.

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_storage::{BlobError, BlobHash, BlobStore};
use gearify_web::ports::Blobs;
use std::io;
use std::sync::Arc;

#[derive(Clone)]
pub struct NodeBlobs(pub Arc<BlobStore>);

impl Blobs for NodeBlobs {
    fn put(&self, bytes: Bytes) -> BoxFuture<'_, io::Result<String>> {
        let store = self.0.clone();
        off_the_loop(move || store.put(&bytes).map(|hash| hash.to_string()))
    }

    fn get(&self, hash: &str) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        let store = self.0.clone();
        let hash = hash.parse::<BlobHash>().ok();
        off_the_loop(move || match hash {
            Some(hash) if store.contains(hash)? => store.get(hash).map(Some),
            _ => Ok(None),
        })
    }
}

fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> BoxFuture<'static, io::Result<T>> {
    async move {
        let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?;
        done.map_err(io::Error::other)
    }
    .boxed()
}
