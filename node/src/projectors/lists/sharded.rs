//! The lists of all shards that serve from here, as one.

use super::ListReader;
use crate::shards::Shards;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::{TenantId, Timestamp};
use gearify_web::ports_lists::{
    CustomerQuery, CustomerRow, ListFault, ListPage, ListScope, Lists, MovementQuery, MovementRow,
    OrderQuery, OrderRow, PaymentQuery, PaymentRow, ProductQuery, ProductRow, SalesSlot, StockQuery,
    StockRow, Waiting,
};

pub struct ShardedLists(pub Shards);

impl ShardedLists {
    fn of<'a, T: Send + 'a>(
        &'a self,
        scope: ListScope,
        ask: impl FnOnce(&'a ListReader) -> BoxFuture<'a, Result<T, ListFault>>,
    ) -> BoxFuture<'a, Result<T, ListFault>> {
        let (shards, ListScope { tenant, site }) = (&self.0, scope);
        match shards.serving(tenant, site) {
            Some(parts) => ask(&parts.lists),
            // Nothing was written for it yet.
            None if shards.shard_of(tenant, site).is_none() => ask(&shards.first().lists),
            None => async { Err(ListFault::Failed("the shop sells from another node".into())) }.boxed(),
        }
    }
}

impl Lists for ShardedLists {
    fn orders(
        &self,
        scope: ListScope,
        query: OrderQuery,
    ) -> BoxFuture<'_, Result<ListPage<OrderRow>, ListFault>> {
        self.of(scope, |lists| lists.orders(scope, query))
    }

    fn customers(
        &self,
        scope: ListScope,
        query: CustomerQuery,
    ) -> BoxFuture<'_, Result<ListPage<CustomerRow>, ListFault>> {
        self.of(scope, |lists| lists.customers(scope, query))
    }

    /// Of the catalogue, which is in every node's first file.
    fn products(
        &self,
        tenant: TenantId,
        query: ProductQuery,
    ) -> BoxFuture<'_, Result<ListPage<ProductRow>, ListFault>> {
        self.0.first().lists.products(tenant, query)
    }

    fn stock(
        &self,
        scope: ListScope,
        query: StockQuery,
    ) -> BoxFuture<'_, Result<ListPage<StockRow>, ListFault>> {
        self.of(scope, |lists| lists.stock(scope, query))
    }

    fn movements(
        &self,
        scope: ListScope,
        query: MovementQuery,
    ) -> BoxFuture<'_, Result<ListPage<MovementRow>, ListFault>> {
        self.of(scope, |lists| lists.movements(scope, query))
    }

    fn payments(
        &self,
        scope: ListScope,
        query: PaymentQuery,
    ) -> BoxFuture<'_, Result<ListPage<PaymentRow>, ListFault>> {
        self.of(scope, |lists| lists.payments(scope, query))
    }

    fn sales(
        &self,
        scope: ListScope,
        from: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<SalesSlot>, ListFault>> {
        self.of(scope, |lists| lists.sales(scope, from, until))
    }

    fn waiting(&self, scope: ListScope) -> BoxFuture<'_, Result<Waiting, ListFault>> {
        self.of(scope, |lists| lists.waiting(scope))
    }
}
