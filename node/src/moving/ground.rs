//! The shards of a running region, as the leader of the one that a site leaves has them.

use super::carry::{CarryError, Ground, Numbered, Taken};
use super::{Owner, of_site};
use crate::backend::{GroupHandle, NodeBackend, of_platform};
use crate::state::{GroupKey, Rows, read_applied};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::bundle::{self, Command};
use gearify_commerce::intent::Request;
use gearify_commerce::scope::scope_prefix;
use gearify_commerce::{Refusal, Shard, placement};
use gearify_replication::NodeId;
use gearify_storage::Reader;
use gearify_storage::frozen::{Changes, Frozen};
use gearify_web::ports::{Decided, SubmitError};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Memory for keys that are touched between two steps, of all sites of the shard.
const TOUCHED_BYTES_MAX: usize = 64 << 20;
/// How long one step may wait for a leader.
const STEP_WAIT: Duration = Duration::from_secs(60);
const STEP_PAUSE: Duration = Duration::from_millis(100);
/// How long the history is waited for; it is a few milliseconds behind.
const HISTORY_WAIT: Duration = Duration::from_secs(30);
const HISTORY_PAUSE: Duration = Duration::from_millis(2);

pub struct NodeGround<'b> {
    backend: &'b NodeBackend,
    handle: GroupHandle,
    owner: Owner,
    to: Shard,
    engine: Arc<Frozen<Rows>>,
    changes: Changes,
    touched: BTreeSet<Vec<u8>>,
    left_at: Option<Instant>,
}

impl<'b> NodeGround<'b> {
    pub fn new(backend: &'b NodeBackend, handle: GroupHandle, owner: Owner, to: Shard) -> NodeGround<'b> {
        let engine = handle.state.engine();
        let changes = engine.changes(TOUCHED_BYTES_MAX);
        NodeGround { backend, handle, owner, to, engine, changes, touched: BTreeSet::new(), left_at: None }
    }

    /// How long nobody could write to the site, if it was this attempt that closed it.
    pub fn paused_for(&self) -> Option<Duration> {
        self.left_at.map(|at| at.elapsed())
    }

    /// Sorts out what was touched, as long as there is little of it.
    fn gather(&mut self) -> Result<(), CarryError> {
        let keys = self.changes.take().ok_or(CarryError::Outrun)?;
        if !Arc::ptr_eq(&self.engine, &self.handle.state.engine()) {
            // Its rows were put into another directory: what is written from now on is not seen here.
            return Err(CarryError::Outrun);
        }
        let prefix = scope_prefix(self.owner.0, self.owner.1);
        let of_site = keys.iter().filter_map(|key| key.strip_prefix(&prefix));
        self.touched.extend(of_site.filter(|key| bundle::travels(key)).map(<[u8]>::to_vec));
        Ok(())
    }

    /// Has a request decided in a shard; asked for again until it is.
    async fn decided(&self, shard: Option<Shard>, request: &Request) -> Result<Decided, CarryError> {
        let until = Instant::now() + STEP_WAIT;
        loop {
            let decided = match shard {
                Some(shard) => self.backend.submit_in(GroupKey::Region(shard), request).await,
                None => self.backend.submit_now(request).await,
            };
            match decided {
                Ok(Decided { result: Err(refusal), .. }) => return Err(CarryError::Refused(refusal)),
                Ok(decided) => return Ok(decided),
                Err(SubmitError::Refused(refusal)) => return Err(CarryError::Refused(refusal)),
                Err(error) if Instant::now() > until => {
                    return Err(CarryError::Unreachable(error.to_string()));
                }
                Err(_) => sleep(STEP_PAUSE).await,
            }
        }
    }

    fn node(&self) -> NodeId {
        self.handle.group.node()
    }
}

impl Ground for NodeGround<'_> {
    fn rows(&self) -> &dyn Reader {
        &*self.engine
    }

    fn touched(&mut self) -> BoxFuture<'_, Result<Vec<Vec<u8>>, CarryError>> {
        async move {
            // A commit is told to its watchers before it counts as applied.
            let reached = read_applied(&*self.engine)?.index;
            let mut applied = self.handle.state.watch_applied();
            if applied.wait_for(|applied| *applied >= reached).await.is_err() {
                return Err(CarryError::Unreachable(format!("node {} stops", self.node())));
            }
            self.gather()?;
            Ok(std::mem::take(&mut self.touched).into_iter().collect())
        }
        .boxed()
    }

    fn events(&mut self, from: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Numbered>, CarryError>> {
        async move {
            let stream = scope_prefix(self.owner.0, self.owner.1);
            let until = Instant::now() + HISTORY_WAIT;
            loop {
                let history = self.handle.history.clone();
                // Reading waits for the disk.
                let read = tokio::task::spawn_blocking(move || history.read_stream(&stream, from, limit));
                let rows = read.await.map_err(|error| CarryError::Unreachable(error.to_string()))??;
                if !rows.is_empty() {
                    return Ok(rows.into_iter().map(|row| (row.seq, row.body.to_vec())).collect());
                }
                if Instant::now() > until {
                    return Err(CarryError::EventMissing { wanted: from });
                }
                sleep(HISTORY_PAUSE).await;
            }
        }
        .boxed()
    }

    fn leave(&mut self) -> BoxFuture<'_, Result<(), CarryError>> {
        async move {
            let begun = Instant::now();
            let request = of_site(self.owner, placement::Command::Leave { to: self.to });
            let decided = self.decided(Some(self.handle.state.key().shard()), &request).await?;
            let index = decided.position.index;
            let applied = self.handle.group.wait_applied(index, STEP_WAIT).await;
            applied.map_err(|error| CarryError::Unreachable(error.to_string()))?;
            self.left_at = Some(begun);
            Ok(())
        }
        .boxed()
    }

    fn step(&mut self, command: Command) -> BoxFuture<'_, Result<Taken, CarryError>> {
        async move {
            self.gather()?;
            let decided = self.decided(Some(self.to), &of_site(self.owner, command)).await?;
            let index = decided.position.index;
            let refused = |refusal: Refusal| CarryError::Refused(refusal);
            Ok(Taken { reply: decided.result.map_err(refused)?, index })
        }
        .boxed()
    }

    fn note(&mut self, command: placement::Command) -> BoxFuture<'_, Result<(), CarryError>> {
        async move { self.decided(None, &of_platform(command)).await.map(drop) }.boxed()
    }
}
