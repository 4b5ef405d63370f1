//! Lists of many rows as console, account pages and the API need them.
//!
//! Rows come from a projection that follows the log within moments. They name records by id and carry
//! what lists filter and sort by; names and addresses of people are not in them: whoever may see those
//! opens the record itself. Every filter and order offered here has an index, so that a page costs the
//! same at a hundred rows and at a million.

use futures::future::BoxFuture;
use gearify_commerce::catalog::ProductStatus;
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus};
use gearify_commerce::payments::PaymentState;
use gearify_commerce::time::{DAY_MS, MINUTE_MS};
use gearify_commerce::{
    CategoryId, Code, Currency, CustomerId, OrderId, PaymentId, ProductId, Site, StockItemId, TenantId,
    Timestamp, WarehouseId,
};

/// Whose rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListScope {
    pub tenant: TenantId,
    pub site: Site,
}

impl ListScope {
    pub fn new(tenant: TenantId, site: Site) -> ListScope {
        ListScope { tenant, site }
    }
}

/// Lists over a tenant's records.
pub trait Lists: Send + Sync + 'static {
    fn orders(
        &self,
        scope: ListScope,
        query: OrderQuery,
    ) -> BoxFuture<'_, Result<ListPage<OrderRow>, ListFault>>;

    fn customers(
        &self,
        scope: ListScope,
        query: CustomerQuery,
    ) -> BoxFuture<'_, Result<ListPage<CustomerRow>, ListFault>>;

    /// Products whatever their status, for those who edit them; shoppers search instead.
    fn products(
        &self,
        tenant: TenantId,
        query: ProductQuery,
    ) -> BoxFuture<'_, Result<ListPage<ProductRow>, ListFault>>;

    fn stock(
        &self,
        scope: ListScope,
        query: StockQuery,
    ) -> BoxFuture<'_, Result<ListPage<StockRow>, ListFault>>;

    /// Changes of stock, newest first.
    fn movements(
        &self,
        scope: ListScope,
        query: MovementQuery,
    ) -> BoxFuture<'_, Result<ListPage<MovementRow>, ListFault>>;

    /// Payments, newest first.
    fn payments(
        &self,
        scope: ListScope,
        query: PaymentQuery,
    ) -> BoxFuture<'_, Result<ListPage<PaymentRow>, ListFault>>;

    /// What was sold in the slots that begin between two times: orders placed, whatever became of them.
    fn sales(
        &self,
        scope: ListScope,
        from: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<SalesSlot>, ListFault>>;

    /// What waits for a person.
    fn waiting(&self, scope: ListScope) -> BoxFuture<'_, Result<Waiting, ListFault>>;
}

/// Part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// 1 to 100.
    pub limit: usize,
    pub from: ListFrom,
}

impl Default for PageRequest {
    fn default() -> PageRequest {
        PageRequest { limit: 24, from: ListFrom::Start }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ListFrom {
    #[default]
    Start,
    /// `next_cursor` or `prev_cursor` of an answer to the same query.
    Cursor(String),
    /// For numbered pages, from 1.
    Page(usize),
}

/// Rows of a numbered page lie within the first so many.
pub const NUMBERED_ROWS_MAX: usize = 10_000;
/// Counting stops here.
pub const TOTAL_MAX: u64 = 10_000;

#[derive(Clone, Debug, PartialEq)]
pub struct ListPage<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
    pub prev_cursor: Option<String>,
    pub total: u64,
    /// `false`: there are at least `total`.
    pub total_exact: bool,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum ListFault {
    /// The question is wrong: the name of the parameter, and what is wrong with it.
    #[error("{parameter}: {detail}")]
    Refused { parameter: &'static str, detail: String },
    #[error("lists are not available: {0}")]
    Failed(String),
}

/// Orders. Empty filters let everything through; the values of one are alternatives.
#[derive(Clone, Debug, Default)]
pub struct OrderQuery {
    /// An order's number or its beginning, a SKU, an e-mail address, or words of a name: whichever it looks like.
    pub text: Option<String>,
    pub status: Vec<OrderStatus>,
    pub payment_status: Vec<PaymentStatus>,
    pub fulfillment_status: Vec<FulfillmentStatus>,
    pub customer: Option<CustomerId>,
    /// Placed at or after, and before.
    pub placed_from: Option<Timestamp>,
    pub placed_until: Option<Timestamp>,
    /// Minor units, both within.
    pub total_min: Option<i64>,
    pub total_max: Option<i64>,
    pub sort: OrderSort,
    pub page: PageRequest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OrderSort {
    #[default]
    Newest,
    Oldest,
    Dearest,
    Cheapest,
}

#[derive(Clone, Debug, PartialEq)]
pub struct OrderRow {
    pub id: OrderId,
    pub number: String,
    pub placed_at: Timestamp,
    pub status: OrderStatus,
    pub payment_status: PaymentStatus,
    pub fulfillment_status: FulfillmentStatus,
    pub total: i64,
    pub currency: Currency,
    /// Pieces ordered.
    pub pieces: u32,
    /// SKU of the first line, and how many lines there are.
    pub first_sku: String,
    pub lines: u32,
    pub customer: Option<CustomerId>,
    pub country: String,
}

#[derive(Clone, Debug, Default)]
pub struct CustomerQuery {
    /// An e-mail address, or words of a name.
    pub text: Option<String>,
    pub sort: CustomerSort,
    pub page: PageRequest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CustomerSort {
    #[default]
    Newest,
    /// By what they ordered for, without cancelled and expired orders.
    Spent,
    LastOrder,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CustomerRow {
    pub id: CustomerId,
    pub registered_at: Timestamp,
    pub orders: u32,
    /// Minor units of the shop's currency; orders in others are not counted.
    pub spent: i64,
    pub last_order_at: Option<Timestamp>,
}

#[derive(Clone, Debug, Default)]
pub struct ProductQuery {
    /// Words of a name in any language, or a SKU or its beginning.
    pub text: Option<String>,
    pub status: Vec<ProductStatus>,
    pub product_type: Option<Code>,
    /// Any of these; whoever wants those below a category names them too.
    pub categories: Vec<CategoryId>,
    /// Whatever its capitals.
    pub brand: Option<String>,
    pub sort: ProductSort,
    pub page: PageRequest,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProductSort {
    /// The one changed last comes first.
    #[default]
    Updated,
    Name,
    Newest,
}

#[derive(Clone, Debug, PartialEq)]
pub struct ProductRow {
    pub id: ProductId,
    pub status: ProductStatus,
    /// In the shop's default language.
    pub name: String,
    pub slug: String,
    pub updated_at: Timestamp,
    /// Live ones.
    pub variants: u32,
}

#[derive(Clone, Debug, Default)]
pub struct StockQuery {
    /// A SKU or its beginning.
    pub sku: Option<String>,
    pub warehouse: Option<WarehouseId>,
    /// Only what is at or below its warning level, over all warehouses.
    pub low: bool,
    pub page: PageRequest,
}

/// One item in one warehouse, by SKU.
#[derive(Clone, Debug, PartialEq)]
pub struct StockRow {
    pub item: StockItemId,
    pub sku: String,
    pub warehouse: WarehouseId,
    pub on_hand: i64,
    pub reserved: i64,
    pub allocated: i64,
    pub incoming: i64,
    pub unavailable: i64,
    pub safety: i64,
    pub available: i64,
    /// The item's warning level.
    pub low_at: u32,
}

#[derive(Clone, Debug, Default)]
pub struct MovementQuery {
    pub sku: Option<String>,
    pub item: Option<StockItemId>,
    pub order: Option<OrderId>,
    pub page: PageRequest,
}

#[derive(Clone, Debug, PartialEq)]
pub struct MovementRow {
    pub at: Timestamp,
    pub item: StockItemId,
    pub sku: String,
    pub warehouse: WarehouseId,
    /// Change of `on_hand`.
    pub delta: i64,
    pub on_hand: i64,
    pub available: i64,
    /// `received`, `counted`, `transferred`, `reserved`, `allocated`, `shipped` …
    pub cause: String,
    pub order: Option<OrderId>,
    /// `staff`, `system` …, and the id where there is one.
    pub actor: String,
}

#[derive(Clone, Debug, Default)]
pub struct PaymentQuery {
    pub state: Vec<PaymentState>,
    pub order: Option<OrderId>,
    /// Begun then or later.
    pub from: Option<Timestamp>,
    pub page: PageRequest,
}

#[derive(Clone, Debug, PartialEq)]
pub struct PaymentRow {
    pub id: PaymentId,
    pub order: OrderId,
    pub provider: String,
    pub state: PaymentState,
    pub amount: i64,
    pub captured: i64,
    pub refunded: i64,
    pub currency: Currency,
    pub decline_code: Option<String>,
    pub created_at: Timestamp,
}

/// Sales are summed in slots of a quarter of an hour: every time zone's hours and days begin with one.
pub const SALES_SLOT_MS: i64 = 15 * MINUTE_MS;

/// Orders placed within one slot, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SalesSlot {
    /// Its beginning.
    pub start: Timestamp,
    pub currency: Currency,
    pub orders: u32,
    pub pieces: u32,
    pub total: i64,
}

/// As long a failed payment is of interest.
pub const FAILED_FOR_MS: i64 = 7 * DAY_MS;

/// Each counted up to [`TOTAL_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Confirmed, and something is still to be shipped.
    pub to_ship: u64,
    /// Placed, and somebody must see the money arrive or the shopper must pay.
    pub to_pay: u64,
    /// Payments that failed in the last seven days ([`FAILED_FOR_MS`]).
    pub failed_payments: u64,
    /// Items at or below their warning level.
    pub low_stock: u64,
}
