//! The pictures of all shops, on this node and on the others.
//!
//! A blob is on the disks of a majority of the region's voters before the entry that names it is proposed
//! (`cluster/blobs.rs`). A node that has not got one fetches it when it is asked for; [`NodeBlobs::tend`]
//! fetches what else is named, after joining or a time away, and removes what nobody names for
//! [`NAMELESS_KEPT_MS`]. Time is that of the newest entries: a machine's clock can remove nothing.

use crate::backend::NodeBackend;
use crate::cluster::Member;
use crate::projectors::lists::States;
use crate::telemetry::names;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::command::group_time;
use gearify_commerce::{GroupKind, ReadScope, Site, TenantId, catalog, tenants};
use gearify_storage::{BlobError, BlobHash, BlobStore};
use gearify_web::ports::Blobs;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long a blob stays that nothing names: uploads that came to nothing, logos that were replaced.
const NAMELESS_KEPT_MS: i64 = 7 * 24 * 3_600_000;
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Between two looks at what is named, if anything has changed.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// While something is missing, or this node has not caught up.
const LOOK_SOON: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct NodeBlobs {
    store: Arc<BlobStore>,
    backend: Arc<NodeBackend>,
    /// `None` on a node that is alone.
    member: Option<Arc<Member>>,
}

impl NodeBlobs {
    pub fn new(store: Arc<BlobStore>, backend: Arc<NodeBackend>, member: Option<Arc<Member>>) -> NodeBlobs {
        NodeBlobs { store, backend, member }
    }

    /// Keeps this node's blobs in step with what the shops name, until the node stops.
    pub async fn tend(self, states: States, stop: CancellationToken) {
        tokio::select! {
            () = self.keep_in_step(states) => {}
            () = stop.cancelled() => {}
        }
    }

    async fn keep_in_step(self, states: States) {
        let position = || (states.world.applied_index(), states.catalogue.applied_index());
        let (mut seen, mut is_whole, mut swept_at) = (None, false, None::<Instant>);
        loop {
            // What a node that is behind knows of names would be an old story.
            if self.member.as_ref().is_some_and(|member| !member.has_caught_up()) {
                sleep(LOOK_SOON).await;
                continue;
            }
            let is_sweep = is_whole && swept_at.is_none_or(|at| at.elapsed() >= SWEEP_EVERY);
            let now = position();
            if !is_whole || is_sweep || seen != Some(now) {
                match self.look(states.clone(), is_sweep).await {
                    Ok(missing) => {
                        is_whole = self.fetch_all(missing).await;
                        seen = Some(now);
                        swept_at = if is_sweep { Some(Instant::now()) } else { swept_at };
                    }
                    Err(error) => tracing::error!(%error, "the pictures can't be looked over"),
                }
            }
            sleep(if is_whole { LOOK_AGAIN } else { LOOK_SOON }).await;
        }
    }

    /// What is named and not here; with `is_sweep`, removes what has long been nameless.
    async fn look(&self, states: States, is_sweep: bool) -> io::Result<Vec<BlobHash>> {
        let store = self.store.clone();
        off_the_loop(move || {
            let here = store.list()?;
            let named = named(&states);
            let missing = named.iter().filter(|hash| here.binary_search(hash).is_err()).copied().collect();
            if is_sweep && let Some(now) = newest_entry(&states) {
                let swept = store.sweep(&here, &named, now, NAMELESS_KEPT_MS)?;
                if swept.removed > 0 {
                    tracing::info!(removed = swept.removed, "pictures that nothing names were removed");
                }
            }
            Ok(missing)
        })
        .await
    }

    /// Whether everything missing is here now.
    async fn fetch_all(&self, missing: Vec<BlobHash>) -> bool {
        metrics::gauge!(names::BLOBS_MISSING).set(missing.len() as f64);
        let Some(member) = self.member.as_ref().filter(|_| !missing.is_empty()) else { return true };
        let mut left = missing.len();
        for hash in missing {
            if member.fetch_blob(hash).await.is_some() {
                left -= 1;
                metrics::gauge!(names::BLOBS_MISSING).set(left as f64);
            }
        }
        left == 0
    }
}

impl Blobs for NodeBlobs {
    fn put(&self, bytes: Bytes) -> BoxFuture<'_, io::Result<String>> {
        let store = self.store.clone();
        async move {
            // The leader would refuse to name it, but only after it is on the disks.
            if self.backend.footing().full.contains(&GroupKind::Region) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let hash = off_the_loop(move || store.put(&bytes)).await?;
            if let Some(member) = &self.member {
                let kept = member.keep_on_majority(hash).await;
                kept.map_err(|reason| io::Error::new(io::ErrorKind::NotConnected, reason))?;
            }
            Ok(hash.to_string())
        }
        .boxed()
    }

    fn get(&self, hash: &str) -> BoxFuture<'_, io::Result<Option<Bytes>>> {
        let store = self.store.clone();
        let hash = hash.parse::<BlobHash>().ok();
        off_the_loop(move || match hash.map(|hash| store.get(hash)) {
            Some(Ok(bytes)) => Ok(Some(bytes)),
            Some(Err(BlobError::Missing { .. })) | None => Ok(None),
            // Another node may have it whole; fetching repairs it.
            Some(Err(error @ BlobError::Damaged { .. })) => {
                tracing::error!(%error, "a picture can't be shown from here");
                Ok(None)
            }
            Some(Err(error)) => Err(error),
        })
    }

    fn fetch(&self, hash: &str) -> BoxFuture<'_, Option<Bytes>> {
        let hash = hash.parse::<BlobHash>().ok();
        async move { self.member.as_ref()?.fetch_blob(hash?).await }.boxed()
    }
}

/// Every blob that a shop names: its pictures and its logo.
pub fn named(states: &States) -> BTreeSet<BlobHash> {
    let mut named = BTreeSet::new();
    let platform = ReadScope::new(&*states.world, TenantId::PLATFORM, Site::NONE);
    let mut after = None;
    loop {
        let page = tenants::list(&platform, after, tenants::LIST_MAX);
        for tenant in &page {
            let view = ReadScope::new(&*states.catalogue, tenant.id, Site::NONE);
            let logo = tenant.branding.value.logo.clone();
            let hashes = catalog::blobs(&view).chain(logo);
            named.extend(hashes.filter_map(|hash| hash.as_str().parse::<BlobHash>().ok()));
        }
        match page.last() {
            Some(last) => after = Some(last.id),
            None => return named,
        }
    }
}

fn newest_entry(states: &States) -> Option<i64> {
    let of = |kind: GroupKind| group_time(&**states.of(kind));
    let times = crate::state::GROUPS.into_iter().filter_map(of);
    times.map(|time| time.as_millis()).max()
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
