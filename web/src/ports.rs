//! What the web needs from the rest of the node, as traits it owns.
//!
//! The node plugs in the real things; tests plug in a node in memory. Nothing here knows how a
//! command is replicated, where a table lies or which engine answers a search.

use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::command::{GroupKind, Reply};
use gearify_commerce::event::Envelope;
use gearify_commerce::intent::Request;
use gearify_commerce::{ReadScope, Refusal, Shard, Site, TenantId, Vault};
use gearify_storage::Reader;
use std::sync::Arc;
use std::time::Duration;

/// Where a write landed, so that a later read can wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub group: GroupKind,
    /// Of the region; elsewhere the first.
    pub shard: Shard,
    pub index: u64,
}

/// A write that was decided: applied, or refused by the rules. Either way it is in the log.
#[derive(Clone, Debug)]
pub struct Decided {
    pub result: Result<Reply, Refusal>,
    /// An earlier call with the same id got this answer.
    pub replayed: bool,
    pub position: Position,
}

/// Why a write was not decided. Nothing is known to have changed, except after `Unknown`.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SubmitError {
    /// Refused by the leader before it made an entry.
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the node is busy")]
    Overloaded,
    #[error("no leader can be reached")]
    Unavailable,
    /// The region is cut off from where this is decided; nothing was proposed.
    #[error("the region is cut off from the others")]
    ReadOnly,
    /// A node that would have to keep it has too little disk left; nothing was proposed.
    #[error("a disk is nearly full")]
    NoRoom,
    /// The entry may or may not have been committed; the same id may be sent again.
    #[error("the outcome is not known yet")]
    Unknown,
}

/// Writes and reads of the replicated state.
pub trait Backend: Send + Sync + 'static {
    /// Adds facts on the leader, proposes, and answers when the entry is applied here.
    fn submit(&self, request: Request) -> BoxFuture<'_, Result<Decided, SubmitError>>;

    /// Committed state of a group as this node has it; of the region, that of the shard which holds the
    /// tenant's site. Empty where that does not serve from here.
    fn reader(&self, group: GroupKind, tenant: TenantId) -> Arc<dyn Reader>;

    /// The last entry applied there.
    fn position(&self, group: GroupKind, tenant: TenantId) -> Position;

    /// A number that is another one after every entry applied there.
    fn applied(&self, group: GroupKind, tenant: TenantId) -> u64 {
        let Position { shard, index, .. } = self.position(group, tenant);
        u64::from(shard.0) << 56 | index
    }

    /// Waits until this node has applied `position`; `false` after `deadline`.
    fn wait_for(&self, position: Position, deadline: Duration) -> BoxFuture<'_, bool>;

    /// Learns where every shop's data is now; `false` if no quorum answers in time.
    fn know_places(&self) -> BoxFuture<'_, bool> {
        futures::future::ready(true).boxed()
    }

    /// Makes the next reads linearizable; `false` if no quorum answers in time.
    fn read_barrier(&self, group: GroupKind, tenant: TenantId) -> BoxFuture<'_, bool>;

    fn vault(&self) -> &dyn Vault;

    /// Follows a placed order's payment until it is decided or `deadline` passes.
    fn settle(
        &self,
        tenant: TenantId,
        site: Site,
        order: gearify_commerce::OrderId,
        deadline: Duration,
    ) -> BoxFuture<'_, ()>;

    /// Events of one tenant's stream after `after`, oldest first, at most `limit`. A backend that keeps no
    /// history says so.
    fn history(
        &self,
        group: GroupKind,
        tenant: TenantId,
        site: Site,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Envelope>, HistoryError>> {
        let _ = (group, tenant, site, after, limit);
        Box::pin(async { Err(HistoryError::NotKept) })
    }

    /// A verified event of a payment provider, on its way to becoming an entry.
    fn provider_event(
        &self,
        tenant: TenantId,
        provider: &str,
        headers: &http::HeaderMap,
        body: bytes::Bytes,
    ) -> BoxFuture<'_, Result<(), ProviderEventError>>;
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum HistoryError {
    #[error("this node keeps no history")]
    NotKept,
    #[error("the history can't be read: {0}")]
    Failed(String),
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ProviderEventError {
    #[error("no such provider is enabled")]
    UnknownProvider,
    #[error("the signature does not fit")]
    Signature,
    #[error("the event can't be read")]
    Malformed,
    #[error("try again later")]
    Unavailable,
}

/// Runs `read` on the committed state of one tenant's site.
pub fn with_scope<T>(
    backend: &dyn Backend,
    group: GroupKind,
    tenant: TenantId,
    site: Site,
    read: impl FnOnce(&ReadScope<'_>) -> T,
) -> T {
    let reader = backend.reader(group, tenant);
    read(&ReadScope::new(reader.as_ref(), tenant, site))
}

/// Content-addressed bytes: product pictures.
pub trait Blobs: Send + Sync + 'static {
    /// Stores bytes durably, on a majority of the nodes that vote, and names them by their hash in hex.
    ///
    /// # Errors
    /// [`std::io::ErrorKind::NotConnected`] if too few nodes could be reached,
    /// [`std::io::ErrorKind::StorageFull`] if there is too little disk left.
    fn put(&self, bytes: bytes::Bytes) -> BoxFuture<'_, std::io::Result<String>>;
    /// From this node's own disk.
    fn get(&self, hash: &str) -> BoxFuture<'_, std::io::Result<Option<bytes::Bytes>>>;
    /// From another node, kept here from then on. Ask only for what a shop names: it costs a round of calls.
    fn fetch(&self, _hash: &str) -> BoxFuture<'_, Option<bytes::Bytes>> {
        futures::future::ready(None).boxed()
    }
}
