//! Lists by looking at every record.

use super::MemoryBackend;
use crate::app::Clock;
use crate::ports::{Backend, with_scope};
use crate::ports_lists::{
    CustomerQuery, CustomerRow, FAILED_FOR_MS, ListFault, ListFrom, ListPage, ListScope, Lists,
    MovementQuery, MovementRow, OrderQuery, OrderRow, PageRequest, PaymentQuery, PaymentRow, ProductQuery,
    ProductRow, SALES_SLOT_MS, SalesSlot, StockQuery, StockRow, Waiting,
};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS, Customer};
use gearify_commerce::inventory::{self, LEVELS, STOCK_ITEMS, StockItem, WAREHOUSES};
use gearify_commerce::orders::{ORDERS, Order, OrderStatus};
use gearify_commerce::payments::{PAYMENTS, Payment, PaymentState};
use gearify_commerce::sealed::normal_email;
use gearify_commerce::tenants;
use gearify_commerce::{Currency, ReadScope, Site, TenantId, Timestamp};
use std::collections::BTreeMap;

const ALL: usize = 10_000;

impl MemoryBackend {
    fn in_region<T>(&self, scope: ListScope, read: impl FnOnce(&ReadScope<'_>) -> T) -> T {
        with_scope(self, GroupKind::Region, scope.tenant, scope.site, read)
    }
}

fn page<T>(rows: Vec<T>, request: &PageRequest) -> Result<ListPage<T>, ListFault> {
    let skip = match &request.from {
        ListFrom::Start => 0,
        ListFrom::Page(page) => (page - 1) * request.limit,
        ListFrom::Cursor(cursor) => cursor.parse().map_err(|_| ListFault::Refused {
            parameter: "cursor",
            detail: "is not a cursor of this list".into(),
        })?,
    };
    let total = rows.len();
    let data: Vec<T> = rows.into_iter().skip(skip).take(request.limit).collect();
    let next = skip + data.len();
    Ok(ListPage {
        next_cursor: (next < total).then(|| next.to_string()),
        prev_cursor: None,
        total: total as u64,
        total_exact: true,
        data,
    })
}

fn order_row(order: Order) -> OrderRow {
    OrderRow {
        id: order.id,
        placed_at: order.placed_at,
        status: order.status,
        payment_status: order.payment_status(),
        fulfillment_status: order.fulfillment_status(),
        total: order.totals.total,
        currency: order.currency,
        pieces: order.lines.iter().map(|line| line.quantities.ordered).sum(),
        first_sku: order.lines.first().map_or_else(String::new, |line| line.sku.clone()),
        lines: order.lines.len() as u32,
        customer: order.customer,
        country: order.destination.country.to_string(),
        number: order.number,
    }
}

impl Lists for MemoryBackend {
    fn orders(
        &self,
        scope: ListScope,
        query: OrderQuery,
    ) -> BoxFuture<'_, Result<ListPage<OrderRow>, ListFault>> {
        let mut orders = self.in_region(scope, |view| ORDERS.list(view, &(), ALL));
        orders.reverse();
        let text = query.text.clone().unwrap_or_default();
        let email = self.vault().hash(scope.tenant, "email", normal_email(&text).as_bytes());
        let named = |order: &Order| {
            text.is_empty() || order.number.starts_with(&text) || order.contact.email_hash == email
        };
        orders.retain(|order| {
            named(order)
                && query.customer.is_none_or(|customer| order.customer == Some(customer))
                && query.total_min.is_none_or(|min| order.totals.total >= min)
                && query.total_max.is_none_or(|max| order.totals.total <= max)
                && query.placed_from.is_none_or(|from| order.placed_at >= from)
                && query.placed_until.is_none_or(|until| order.placed_at < until)
                && (query.status.is_empty() || query.status.contains(&order.status))
                && (query.payment_status.is_empty() || query.payment_status.contains(&order.payment_status()))
                && (query.fulfillment_status.is_empty()
                    || query.fulfillment_status.contains(&order.fulfillment_status()))
        });
        let rows = orders.into_iter().map(order_row).collect();
        async move { page(rows, &query.page) }.boxed()
    }

    fn customers(
        &self,
        scope: ListScope,
        query: CustomerQuery,
    ) -> BoxFuture<'_, Result<ListPage<CustomerRow>, ListFault>> {
        let all = self.in_region(scope, |view| CUSTOMERS.list(view, &(), ALL));
        let row = |customer: Customer| CustomerRow {
            id: customer.id,
            registered_at: customer.created_at,
            orders: 0,
            spent: 0,
            last_order_at: None,
        };
        let rows = all.into_iter().map(row).collect();
        async move { page(rows, &query.page) }.boxed()
    }

    fn products(
        &self,
        tenant: TenantId,
        query: ProductQuery,
    ) -> BoxFuture<'_, Result<ListPage<ProductRow>, ListFault>> {
        let locale = with_scope(self, GroupKind::World, tenant, Site::NONE, |view| tenants::get(view))
            .map(|tenant| tenant.settings.value.locale);
        let rows = with_scope(self, GroupKind::Catalogue, tenant, Site::NONE, |view| {
            let products = catalog::products_after(view, None, ALL).into_iter();
            let text = query.text.clone().unwrap_or_default().to_lowercase();
            let fitting = products.filter(|product| {
                let details = &product.details;
                let named = || details.name.iter().any(|(_, name)| name.to_lowercase().contains(&text));
                let brand = details.brand.as_ref().map(|brand| brand.as_str().to_lowercase());
                (query.status.is_empty() || query.status.contains(&product.status))
                    && (text.is_empty() || named())
                    && query.product_type.as_ref().is_none_or(|wanted| *wanted == details.product_type)
                    && query.brand.as_ref().is_none_or(|wanted| brand == Some(wanted.to_lowercase()))
                    && (query.categories.is_empty()
                        || query.categories.iter().any(|wanted| details.categories.contains(wanted)))
            });
            let row = |product: catalog::Product| ProductRow {
                id: product.id,
                status: product.status,
                name: locale
                    .as_ref()
                    .map_or_else(String::new, |locale| product.details.name.words(locale, locale).to_owned()),
                slug: product.details.slug.to_string(),
                updated_at: product.updated_at,
                variants: catalog::variant_counts(view, product.id).live,
            };
            fitting.map(row).collect()
        });
        async move { page(rows, &query.page) }.boxed()
    }

    fn stock(
        &self,
        scope: ListScope,
        query: StockQuery,
    ) -> BoxFuture<'_, Result<ListPage<StockRow>, ListFault>> {
        let rows = self.in_region(scope, |view| {
            let items = STOCK_ITEMS.list(view, &(), ALL);
            let wanted = |sku: &str| query.sku.as_ref().is_none_or(|wanted| sku.starts_with(wanted.as_str()));
            let mut rows = Vec::new();
            let is_low = |item: &StockItem| inventory::available(view, item.id) <= i64::from(item.low_at);
            for item in items.into_iter().filter(|item| wanted(&item.sku) && (!query.low || is_low(item))) {
                let here = |id| query.warehouse.is_none_or(|wanted| wanted == id);
                for warehouse in
                    WAREHOUSES.list(view, &(), ALL).into_iter().filter(|warehouse| here(warehouse.id))
                {
                    let Some(level) = LEVELS.get(view, &(item.id, warehouse.id)) else { continue };
                    rows.push(StockRow {
                        item: item.id,
                        sku: item.sku.clone(),
                        warehouse: warehouse.id,
                        on_hand: level.on_hand,
                        reserved: level.reserved,
                        allocated: level.allocated,
                        incoming: level.incoming,
                        unavailable: level.unavailable,
                        safety: level.safety,
                        available: level.available(),
                        low_at: item.low_at,
                    });
                }
            }
            rows
        });
        async move { page(rows, &query.page) }.boxed()
    }

    /// Movements are read from history, which a state in memory does not keep.
    fn movements(
        &self,
        _: ListScope,
        query: MovementQuery,
    ) -> BoxFuture<'_, Result<ListPage<MovementRow>, ListFault>> {
        async move { page(Vec::new(), &query.page) }.boxed()
    }

    fn payments(
        &self,
        scope: ListScope,
        query: PaymentQuery,
    ) -> BoxFuture<'_, Result<ListPage<PaymentRow>, ListFault>> {
        let payments = self.in_region(scope, |view| PAYMENTS.list(view, &(), ALL));
        let fitting = payments.into_iter().filter(|payment| {
            query.order.is_none_or(|order| payment.order == order)
                && (query.state.is_empty() || query.state.contains(&payment.state))
                && query.from.is_none_or(|from| payment.created_at >= from)
        });
        let rows = fitting
            .map(|payment| PaymentRow {
                id: payment.id,
                order: payment.order,
                provider: payment.provider,
                state: payment.state,
                amount: payment.amount,
                captured: payment.captured,
                refunded: payment.refunded,
                currency: payment.currency,
                decline_code: payment.decline_code,
                created_at: payment.created_at,
            })
            .collect();
        async move { page(rows, &query.page) }.boxed()
    }

    fn sales(
        &self,
        scope: ListScope,
        from: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<SalesSlot>, ListFault>> {
        let orders = self.in_region(scope, |view| ORDERS.list(view, &(), ALL));
        let mut slots: BTreeMap<(Timestamp, Currency), SalesSlot> = BTreeMap::new();
        for order in orders.iter().filter(|order| from <= order.placed_at && order.placed_at < until) {
            let start = Timestamp::from_millis(order.placed_at.as_millis() / SALES_SLOT_MS * SALES_SLOT_MS);
            let currency = order.currency;
            let empty = SalesSlot { start, currency, orders: 0, pieces: 0, total: 0 };
            let sold = slots.entry((start, currency)).or_insert(empty);
            sold.orders += 1;
            sold.pieces += order.lines.iter().map(|line| line.quantities.ordered).sum::<u32>();
            sold.total += order.totals.total;
        }
        async move { Ok(slots.into_values().collect()) }.boxed()
    }

    fn waiting(&self, scope: ListScope) -> BoxFuture<'_, Result<Waiting, ListFault>> {
        let waiting = self.in_region(scope, |view| {
            let orders = ORDERS.list(view, &(), ALL);
            let open = |order: &&Order| order.lines.iter().any(|line| line.quantities.open() > 0);
            let is = |order: &&Order, status| order.status == status;
            let low = |item: &StockItem| inventory::available(view, item.id) <= i64::from(item.low_at);
            let since = Clock::now(self).plus_millis(-FAILED_FOR_MS);
            let failed =
                |payment: &Payment| payment.state == PaymentState::Failed && payment.created_at >= since;
            Waiting {
                to_ship: orders.iter().filter(|order| is(order, OrderStatus::Confirmed)).filter(open).count()
                    as u64,
                to_pay: orders.iter().filter(|order| is(order, OrderStatus::Placed)).count() as u64,
                failed_payments: PAYMENTS
                    .list(view, &(), ALL)
                    .iter()
                    .filter(|payment| failed(payment))
                    .count() as u64,
                low_stock: STOCK_ITEMS.list(view, &(), ALL).iter().filter(|item| low(item)).count() as u64,
            }
        });
        async move { Ok(waiting) }.boxed()
    }
}
