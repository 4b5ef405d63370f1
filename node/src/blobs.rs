//! The pictures of all shops, on this node and on the others.
//!
//! A blob is on the disks of a majority of the region's voters before the entry that names it is proposed
//! (`cluster/blobs.rs`). A node that has not got one fetches it when it is asked for; [`NodeBlobs::tend`]
//! fetches what else is named, after joining or a time away, and removes what nobody names for
//! [`NAMELESS_KEPT_MS`]. Time is that of the newest entries: a machine's clock can remove nothing.
//!
//! Pictures of shops that another region sells for are a cache: fetched when somebody asks, and removed, the
//! least recently used first, beyond a limit.

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
/// Between two looks at what is cached, even if nothing has changed.
const EVICT_EVERY: Duration = Duration::from_secs(600);
/// While something is missing, or this node has not caught up.
const LOOK_SOON: Duration = Duration::from_secs(2);

#[derive(Clone)]
pub struct NodeBlobs {
    store: Arc<BlobStore>,
    backend: Arc<NodeBackend>,
    /// `None` on a node that is alone.
    member: Option<Arc<Member>>,
    /// For pictures of shops that another region sells for.
    foreign_bytes: u64,
}

impl NodeBlobs {
    pub fn new(
        store: Arc<BlobStore>,
        backend: Arc<NodeBackend>,
        member: Option<Arc<Member>>,
        foreign_bytes: u64,
    ) -> NodeBlobs {
        NodeBlobs { store, backend, member, foreign_bytes }
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
        let mut looked_at = Instant::now();
        loop {
            // What a node that is behind knows of names would be an old story.
            if self.member.as_ref().is_some_and(|member| !member.has_caught_up()) {
                sleep(LOOK_SOON).await;
                continue;
            }
            let is_sweep = is_whole && swept_at.is_none_or(|at| at.elapsed() >= SWEEP_EVERY);
            let now = position();
            if !is_whole || is_sweep || seen != Some(now) || looked_at.elapsed() >= EVICT_EVERY {
                looked_at = Instant::now();
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

    /// What this region sells with and is not here. Removes what is too much of other regions, and with
    /// `is_sweep` what has long been nameless.
    async fn look(&self, states: States, is_sweep: bool) -> io::Result<Vec<BlobHash>> {
        let (store, member, foreign_bytes) = (self.store.clone(), self.member.clone(), self.foreign_bytes);
        off_the_loop(move || {
            let here = store.list()?;
            let is_home = |home: &str| member.as_ref().is_none_or(|member| member.is_home(home));
            let named = named(&states, is_home);
            let missing =
                named.own.iter().filter(|hash| here.binary_search(hash).is_err()).copied().collect();
            let evicted = store.evict(&named.foreign, foreign_bytes)?;
            if evicted.removed > 0 {
                tracing::info!(removed = evicted.removed, "pictures of other regions were removed");
            }
            if is_sweep && let Some(now) = newest_entry(&states) {
                let all = named.own.union(&named.foreign).copied().collect();
                let swept = store.sweep(&here, &all, now, NAMELESS_KEPT_MS)?;
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
            Some(Ok(bytes)) => {
                // It only stays less long if that is not noted.
                let _ = hash.map(|hash| store.used(hash));
                Ok(Some(bytes))
            }
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
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Of shops that this region sells for: kept.
    pub own: BTreeSet<BlobHash>,
    /// Of all others, and of none of these.
    pub foreign: BTreeSet<BlobHash>,
}

/// What the shops name. `is_home` says whether this region sells for shops with that home.
pub fn named(states: &States, is_home: impl Fn(&str) -> bool) -> Named {
    let mut named = Named::default();
    let platform = ReadScope::new(&*states.world, TenantId::PLATFORM, Site::NONE);
    let mut after = None;
    loop {
        let page = tenants::list(&platform, after, tenants::LIST_MAX);
        for tenant in &page {
            let view = ReadScope::new(&*states.catalogue, tenant.id, Site::NONE);
            let logo = tenant.branding.value.logo.clone();
            let hashes = catalog::blobs(&view).chain(logo);
            let hashes = hashes.filter_map(|hash| hash.as_str().parse::<BlobHash>().ok());
            let is_own = tenant.sites.iter().any(|place| is_home(place.region.as_str()));
            match is_own || tenant.sites.is_empty() {
                true => named.own.extend(hashes),
                false => named.foreign.extend(hashes),
            }
        }
        match page.last() {
            Some(last) => after = Some(last.id),
            None => {
                named.foreign = &named.foreign - &named.own;
                return named;
            }
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
