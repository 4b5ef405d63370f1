//! What the web is given.

use super::{NodeBackend, key_at};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::event::Envelope;
use gearify_commerce::intent::Request;
use gearify_commerce::orders::{ORDERS, OrderStatus, PaymentStatus};
use gearify_commerce::scope::scope_prefix;
use gearify_commerce::{GroupKind, OrderId, ReadScope, Shard, Site, TenantId, Vault};
use gearify_storage::{MemoryEngine, Reader, decode};
use gearify_web::ports::{Backend, Decided, HistoryError, Position, ProviderEventError, SubmitError};
use std::sync::Arc;
use std::time::Duration;

impl Backend for NodeBackend {
    fn submit(&self, request: Request) -> BoxFuture<'_, Result<Decided, SubmitError>> {
        async move { self.submit_now(&request).await }.boxed()
    }

    fn reader(&self, group: GroupKind, tenant: TenantId) -> Arc<dyn Reader> {
        match self.serving(group, tenant) {
            Some(handle) => handle.state.clone(),
            None => Arc::new(MemoryEngine::new()),
        }
    }

    fn position(&self, group: GroupKind, tenant: TenantId) -> Position {
        let shard = self.serving(group, tenant).map(|handle| (handle.state.key().shard(), handle));
        let (shard, index) =
            shard.map_or((Shard::FIRST, 0), |(shard, handle)| (shard, handle.state.applied_index()));
        Position { group, shard, index }
    }

    fn wait_for(&self, position: Position, deadline: Duration) -> BoxFuture<'_, bool> {
        let handle = self.find(key_at(&position));
        async move {
            match handle {
                Some(handle) => handle.group.wait_applied(position.index, deadline).await.is_ok(),
                // Of a shard that the site was in before: where it is now it brought everything along.
                None => true,
            }
        }
        .boxed()
    }

    fn know_places(&self) -> BoxFuture<'_, bool> {
        async move {
            let first = &self.group(GroupKind::Region).group;
            let is_known = first.read_barrier().await.is_ok();
            self.shards.refresh();
            is_known
        }
        .boxed()
    }

    fn read_barrier(&self, group: GroupKind, tenant: TenantId) -> BoxFuture<'_, bool> {
        let handle = self.serving(group, tenant);
        async move {
            match handle {
                Some(handle) => handle.group.read_barrier().await.is_ok(),
                None => true,
            }
        }
        .boxed()
    }

    fn vault(&self) -> &dyn Vault {
        &*self.vault
    }

    fn settle(&self, tenant: TenantId, site: Site, order: OrderId, deadline: Duration) -> BoxFuture<'_, ()> {
        async move {
            let Some(state) = self.state_of(tenant, site) else { return };
            let (mut applied, mut placement) = (state.watch_applied(), self.shards.watch());
            let is_here = || self.state_of(tenant, site).is_some_and(|now| Arc::ptr_eq(now, state));
            // A shop that goes to another shard takes the answer with it.
            let settled = async {
                while is_here() && is_undecided(&**state, tenant, site, order) {
                    let is_over = tokio::select! {
                        changed = applied.changed() => changed.is_err(),
                        changed = placement.changed() => changed.is_err(),
                    };
                    if is_over {
                        return;
                    }
                }
            };
            let _ = tokio::time::timeout(deadline, settled).await;
        }
        .boxed()
    }

    fn history(
        &self,
        group: GroupKind,
        tenant: TenantId,
        site: Site,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Envelope>, HistoryError>> {
        let Some(handle) = self.serving(group, tenant) else {
            return async { Err(HistoryError::NotKept) }.boxed();
        };
        let history = handle.history.clone();
        // Reading waits for the disk.
        let read = tokio::task::spawn_blocking(move || {
            let stream = scope_prefix(tenant, site);
            let rows = history.read_stream(&stream, after.saturating_add(1), limit);
            let rows = rows.map_err(|error| HistoryError::Failed(error.to_string()))?;
            let envelopes = rows.iter().map(|row| decode(&row.body));
            envelopes
                .collect::<Result<Vec<Envelope>, _>>()
                .map_err(|error| HistoryError::Failed(error.to_string()))
        });
        async move { read.await.unwrap_or_else(|error| Err(HistoryError::Failed(error.to_string()))) }.boxed()
    }

    fn provider_event(
        &self,
        tenant: TenantId,
        provider: &str,
        headers: &http::HeaderMap,
        body: Bytes,
    ) -> BoxFuture<'_, Result<(), ProviderEventError>> {
        let (provider, headers) = (provider.to_owned(), headers.clone());
        async move { self.providers.event(self, tenant, &provider, headers, body).await }.boxed()
    }
}

/// Whether the order's payment still waits for the provider's word.
fn is_undecided(state: &dyn Reader, tenant: TenantId, site: Site, order: OrderId) -> bool {
    let view = ReadScope::new(state, tenant, site);
    let order = ORDERS.get(&view, &order);
    order.is_some_and(|order| {
        order.status == OrderStatus::Placed
            && matches!(order.payment_status(), PaymentStatus::Pending | PaymentStatus::Authorised)
    })
}
