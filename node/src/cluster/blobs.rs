//! Blobs between nodes: fetched in parts by hash, checked, and kept.
//!
//! A node that takes one in asks the region's voters to fetch it, and goes on when a majority of them has it
//! on disk. Nobody is sent bytes that they did not ask for, and nobody asks for more than
//! [`BLOB_BYTES_MAX`]; at most [`FETCHES_MAX`] are on their way to a node at a time.

use super::member::Member;
use super::messages::{BlobAnswer, BlobPart, PeerRequest};
use bytes::Bytes;
use gearify_commerce::GroupKind;
use gearify_replication::NodeId;
use gearify_storage::{BlobError, BlobHash, BlobStore, decode, encode};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

/// No node takes in a larger one, whatever its settings.
const BLOB_BYTES_MAX: u64 = 256 << 20;
/// Small enough that requests on the same connection hardly wait.
const PART_BYTES: u64 = 512 << 10;
pub(super) const FETCHES_MAX: usize = 4;
const PART_WITHIN: Duration = Duration::from_secs(5);
/// A majority must have a new blob within this time.
const KEEP_WITHIN: Duration = Duration::from_secs(12);
const KEEP_PAUSE: Duration = Duration::from_millis(200);

impl Member {
    fn store(&self) -> Result<Arc<BlobStore>, String> {
        self.blobs.get().cloned().ok_or_else(|| "the node is starting".to_owned())
    }

    /// Answers a part of a blob that is here.
    pub(super) async fn blob_part(&self, BlobPart { hash, offset }: BlobPart) -> Result<Bytes, String> {
        let store = self.store()?;
        let read = move || match store.read_part(hash, offset, PART_BYTES) {
            Ok((bytes_total, part)) => Ok(BlobAnswer::Part { bytes_total, part }),
            Err(BlobError::Missing { .. }) => Ok(BlobAnswer::Missing),
            Err(error) => Err(error.to_string()),
        };
        Ok(encode(&blocking(read).await?).into())
    }

    /// Makes sure that a blob which another node has taken in is on this node's disk.
    pub(super) async fn keep_blob_of(&self, from: NodeId, hash: BlobHash) -> Result<Bytes, String> {
        let store = self.store()?;
        let is_here = blocking(move || store.renew(hash).map_err(|error| error.to_string())).await?;
        if !is_here {
            let _turn = self.fetching.acquire().await.map_err(|error| error.to_string())?;
            self.fetch_blob_from(from, hash).await?;
        }
        Ok(encode(&BlobAnswer::Kept).into())
    }

    /// Returns when a majority of the region's voters has the blob, which is on this node's disk already.
    ///
    /// # Errors
    /// If that takes too long; those reached have it and keep it for a while.
    pub(crate) async fn keep_on_majority(self: &Arc<Member>, hash: BlobHash) -> Result<(), String> {
        let backend = self.backend().ok_or("the node is starting or stopping")?;
        let voters = backend.group(GroupKind::Region).group.metrics().voters;
        let until = Instant::now() + KEEP_WITHIN;
        let (kept, mut keepers) = mpsc::channel(voters.len().max(1));
        for node in voters.iter().filter(|node| **node != self.node()) {
            let (member, kept, node) = (self.clone(), kept.clone(), *node);
            // Goes on after the majority is reached: the others shall have it too.
            tokio::spawn(async move {
                while Instant::now() < until {
                    if member.ask_to_keep(node, hash, until).await {
                        let _ = kept.try_send(());
                        return;
                    }
                    sleep(KEEP_PAUSE).await;
                }
            });
        }
        drop(kept);
        let mut have = usize::from(voters.contains(&self.node()));
        while have < voters.len() / 2 + 1 {
            match timeout_at(until, keepers.recv()).await {
                Ok(Some(())) => have += 1,
                _ => return Err(format!("only {have} of {} voters keep the picture", voters.len())),
            }
        }
        Ok(())
    }

    async fn ask_to_keep(&self, node: NodeId, hash: BlobHash, until: Instant) -> bool {
        let request = encode(&PeerRequest::KeepBlob(hash)).into();
        let within = until.saturating_duration_since(Instant::now());
        match self.net.request(node, request, within).await {
            Ok(answer) => matches!(decode(&answer), Ok(BlobAnswer::Kept)),
            Err(error) => {
                tracing::debug!(%node, %error, "a picture was not kept");
                false
            }
        }
    }

    /// A blob from whichever other node has it, kept here from now on.
    pub(crate) async fn fetch_blob(&self, hash: BlobHash) -> Option<Bytes> {
        let _turn = self.fetching.acquire().await.ok()?;
        let store = self.store().ok()?;
        // Somebody else may have waited for the same.
        if let Ok(bytes) = blocking(move || store.get(hash).map_err(|error| error.to_string())).await {
            return Some(bytes);
        }
        let mut reasons = Vec::new();
        for node in self.net.book().nodes() {
            match self.fetch_blob_from(node, hash).await {
                Ok(bytes) => return Some(bytes),
                Err(reason) => reasons.push(format!("node {node}: {reason}")),
            }
        }
        tracing::warn!(%hash, reasons = reasons.join("; "), "a picture could not be fetched");
        None
    }

    async fn fetch_blob_from(&self, node: NodeId, hash: BlobHash) -> Result<Bytes, String> {
        let mut whole: Vec<u8> = Vec::new();
        loop {
            let part = BlobPart { hash, offset: whole.len() as u64 };
            let request = encode(&PeerRequest::BlobPart(part)).into();
            let answer = self.net.request(node, request, PART_WITHIN).await;
            let answer = answer.map_err(|error| error.to_string())?;
            let BlobAnswer::Part { bytes_total, part } =
                decode(&answer).map_err(|error| error.to_string())?
            else {
                return Err("it has not got it".into());
            };
            whole.extend_from_slice(&part);
            let have = whole.len() as u64;
            if bytes_total > BLOB_BYTES_MAX || have > bytes_total || (part.is_empty() && have < bytes_total) {
                return Err(format!("it sends {have} of {bytes_total} bytes"));
            }
            if have == bytes_total {
                break;
            }
        }
        let (store, bytes) = (self.store()?, Bytes::from(whole));
        let put = move || match store.put_named(hash, &bytes) {
            Ok(()) => Ok(bytes),
            Err(BlobError::Damaged { .. }) => Err("what it sends is not of that hash".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        blocking(put).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}
