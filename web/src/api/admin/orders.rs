//! Orders and payments, as those who fulfil them see them.

use crate::api::body::{line, text};
use crate::api::me::{CURSOR, LIMIT, OrderSummary, OrderSummaryList, PAGE, page_request, tagged};
use crate::api::orders::cancelling;
use crate::extract::{Asked, Json, Pairs, Parameter, Path, Query};
use crate::gate::Call;
use crate::ports_lists::{ListScope, OrderQuery, OrderSort, PageRequest, PaymentQuery, PaymentRow};
use crate::problem::{Faults, Problem};
use crate::read::orders::{OrderView, RefundItemView};
use crate::read::{MoneyView, list_view, moment, money};
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::intent::{Intent, OrderIntent, RefundRequest};
use gearify_commerce::orders::{
    Allocation, Command, FulfillmentStatus, Line, Note, ORDERS, Order, OrderStatus, PaymentStatus, refund,
};
use gearify_commerce::payments::{Command as Payments, PAYMENTS};
use gearify_commerce::sealed::open;
use gearify_commerce::{CustomerId, LineId, OrderId, PaymentId, ShipmentId, Timestamp, WarehouseId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: orders", Api, Shop;
        Get "/api/v1/admin/orders" list_orders: Staff(OrdersRead), MERCHANT, Read, None, None, None,
            query(OrdersAsked), request(), 200(OrderSummaryList), "Orders by number, SKU, e-mail or name, and by status";
        Get "/api/v1/admin/orders/{id}" get_order_record: Staff(OrdersRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(AdminOrder), "One order with notes";
        Post "/api/v1/admin/orders/{id}/cancel" cancel_order_record: Staff(OrdersWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(CancelBody), 200(AdminOrder), "Calls an order off with a reason";
        Post "/api/v1/admin/orders/{id}/notes" add_note: Staff(OrdersWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(NoteBody), 201(AdminOrder), "Adds a remark that only staff see";
        Post "/api/v1/admin/orders/{id}/allocations" move_allocation: Staff(OrdersWrite), MERCHANT, Write, Json, Required, Origin,
            query(), request(MoveBody), 200(AdminOrder), "Sends a line's open pieces from another warehouse";
        Post "/api/v1/admin/orders/{id}/shipments" ship_order: Staff(OrdersWrite), MERCHANT, Write, Json, Required, Origin,
            query(), request(ShipBody), 201(AdminOrder), "Ships all that is open, or some lines";
        Post "/api/v1/admin/orders/{id}/shipments/{shipment}/delivered" mark_delivered: Staff(OrdersWrite), MERCHANT, Write, Empty, Accepted, Origin,
            query(), request(), 200(AdminOrder), "The parcel has arrived";
        Post "/api/v1/admin/orders/{id}/refunds/preview" preview_refund: Staff(OrdersRefund), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(RefundBody), 200(RefundPreviewView), "What a refund would come to";
        Post "/api/v1/admin/orders/{id}/refunds" refund_order: Staff(OrdersRefund), MERCHANT, Write, Json, Required, Origin,
            query(), request(RefundBody), 201(AdminOrder), "Gives money back for lines, delivery or goodwill";
        Get "/api/v1/admin/payments" list_payments: Staff(OrdersRead), MERCHANT, Read, None, None, None,
            query(PaymentsAsked), request(), 200(PaymentList), "Payments, newest first";
        Post "/api/v1/admin/payments/{id}/received" mark_payment_received: Staff(OrdersWrite), MERCHANT, Write, Empty, Required, Origin,
            query(), request(), 200(AdminOrder), "The money of a manual payment has arrived";
    }
}

#[derive(Serialize, ToSchema)]
pub struct AdminOrder {
    #[serde(flatten)]
    pub order: OrderView,
    pub notes: Vec<NoteView>,
    /// Where what is not shipped yet is set aside.
    pub allocations: Vec<AllocationView>,
}

#[derive(Serialize, ToSchema)]
pub struct AllocationView {
    pub line_id: String,
    pub stock_item_id: String,
    pub warehouse_id: String,
    pub quantity: u32,
}

#[derive(Serialize, ToSchema)]
pub struct NoteView {
    pub id: String,
    pub staff_id: Option<String>,
    pub text: String,
    pub created_at: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    pub reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteBody {
    pub text: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipBody {
    /// Empty or absent: all that is open.
    #[serde(default)]
    pub lines: Vec<LineQuantity>,
    pub carrier: Option<String>,
    pub tracking: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveBody {
    pub line_id: String,
    /// Where the pieces are sent from then.
    pub warehouse_id: String,
    /// Only what is set aside there; absent: in any other warehouse.
    pub from_warehouse_id: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LineQuantity {
    pub line_id: String,
    pub quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundBody {
    /// Absent: the newest payment that has as much left, else the newest ones together.
    pub payment_id: Option<String>,
    #[serde(default)]
    pub lines: Vec<RefundLine>,
    /// Minor units; `null` with `refund_shipping`: all that is left.
    pub shipping: Option<i64>,
    #[serde(default)]
    pub refund_shipping: bool,
    /// Minor units on top, for goodwill.
    pub goodwill: Option<i64>,
    pub reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundLine {
    pub line_id: String,
    pub quantity: u32,
    /// The pieces go back on the shelf.
    #[serde(default)]
    pub restock: bool,
}

#[derive(Serialize, ToSchema)]
pub struct RefundPreviewView {
    /// The first that gives something back.
    pub payment_id: String,
    /// Which payments give how much: the newest that has enough, else the newest first until it is covered.
    pub payments: Vec<RefundSource>,
    pub amount: MoneyView,
    pub items: Vec<RefundItemView>,
}

#[derive(Serialize, ToSchema)]
pub struct RefundSource {
    pub payment_id: String,
    pub amount: MoneyView,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentSummary {
    pub id: String,
    pub order_id: String,
    pub provider: String,
    pub status: &'static str,
    pub amount: MoneyView,
    pub captured: MoneyView,
    pub refunded: MoneyView,
    pub decline_code: Option<String>,
    pub created_at: String,
}
list_view!(PaymentList of PaymentSummary);

impl From<PaymentRow> for PaymentSummary {
    fn from(row: PaymentRow) -> PaymentSummary {
        let amount = |minor: i64| money(minor, row.currency);
        PaymentSummary {
            id: row.id.to_string(),
            order_id: row.order.to_string(),
            status: row.state.as_str(),
            amount: amount(row.amount),
            captured: amount(row.captured),
            refunded: amount(row.refunded),
            provider: row.provider,
            decline_code: row.decline_code,
            created_at: moment(row.created_at),
        }
    }
}

#[derive(Clone, Debug)]
pub struct OrdersAsked(OrderQuery);

impl Asked for OrdersAsked {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new(
            "q",
            "string",
            "A number or its beginning, a SKU, an e-mail address, words of a name.",
        ),
        Parameter::new("status", "string", "placed, confirmed, completed, cancelled or expired."),
        Parameter::new(
            "payment_status",
            "string",
            "unpaid, pending, authorised, partially_paid, paid, partially_refunded or refunded.",
        ),
        Parameter::new("fulfillment_status", "string", "unfulfilled, partial, fulfilled or delivered."),
        Parameter::new("customer", "string", "Of this customer."),
        Parameter::new("placed_from", "string", "Placed at or after this time."),
        Parameter::new("placed_until", "string", "Placed before this time."),
        Parameter::new("sort", "string", "newest, oldest, dearest or cheapest."),
        LIMIT,
        CURSOR,
        PAGE,
    ];

    fn read(pairs: &mut Pairs) -> OrdersAsked {
        OrdersAsked(OrderQuery {
            text: pairs.text("q"),
            status: pairs.with("status", order_status).into_iter().collect(),
            payment_status: pairs.with("payment_status", payment_status).into_iter().collect(),
            fulfillment_status: pairs.with("fulfillment_status", fulfillment_status).into_iter().collect(),
            customer: pairs.with("customer", CustomerId::parse),
            placed_from: time(pairs, "placed_from"),
            placed_until: time(pairs, "placed_until"),
            total_min: None,
            total_max: None,
            sort: pairs.with("sort", order_sort).unwrap_or_default(),
            page: page_request(pairs),
        })
    }
}

fn time(pairs: &mut Pairs, name: &str) -> Option<Timestamp> {
    pairs.with(name, super::product_bodies::parse_moment)
}

fn order_status(text: &str) -> Result<OrderStatus, &'static str> {
    Ok(match text {
        "placed" => OrderStatus::Placed,
        "confirmed" => OrderStatus::Confirmed,
        "completed" => OrderStatus::Completed,
        "cancelled" => OrderStatus::Cancelled,
        "expired" => OrderStatus::Expired,
        _ => return Err("is not a status of orders"),
    })
}

fn payment_status(text: &str) -> Result<PaymentStatus, &'static str> {
    Ok(match text {
        "unpaid" => PaymentStatus::Unpaid,
        "pending" => PaymentStatus::Pending,
        "authorised" => PaymentStatus::Authorised,
        "partially_paid" => PaymentStatus::PartiallyPaid,
        "paid" => PaymentStatus::Paid,
        "partially_refunded" => PaymentStatus::PartiallyRefunded,
        "refunded" => PaymentStatus::Refunded,
        _ => return Err("is not a payment status"),
    })
}

fn fulfillment_status(text: &str) -> Result<FulfillmentStatus, &'static str> {
    Ok(match text {
        "unfulfilled" => FulfillmentStatus::Unfulfilled,
        "partial" => FulfillmentStatus::Partial,
        "fulfilled" => FulfillmentStatus::Fulfilled,
        "delivered" => FulfillmentStatus::Delivered,
        _ => return Err("is not a fulfillment status"),
    })
}

fn order_sort(text: &str) -> Result<OrderSort, &'static str> {
    Ok(match text {
        "newest" => OrderSort::Newest,
        "oldest" => OrderSort::Oldest,
        "dearest" => OrderSort::Dearest,
        "cheapest" => OrderSort::Cheapest,
        _ => return Err("must be newest, oldest, dearest or cheapest"),
    })
}

#[derive(Clone, Debug)]
pub struct PaymentsAsked {
    order: Option<OrderId>,
    page: PageRequest,
}

impl Asked for PaymentsAsked {
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::new("order", "string", "Of this order."), LIMIT, CURSOR, PAGE];

    fn read(pairs: &mut Pairs) -> PaymentsAsked {
        PaymentsAsked { order: pairs.with("order", OrderId::parse), page: page_request(pairs) }
    }
}

fn record(call: &Call, id: OrderId) -> Result<Order, Problem> {
    call.read(GroupKind::Region, |view| ORDERS.get(view, &id)).ok_or_else(|| Problem::not_found("order"))
}

fn show(call: &Call, id: OrderId, status: StatusCode) -> Result<Response, Problem> {
    let order = record(call, id)?;
    let notes = call.read(GroupKind::Region, |view| {
        let note = |note: &Note| {
            let text = open(view, call.vault(), &note.text).ok()?;
            let staff_id = note.staff.map(|id| id.to_string());
            Some(NoteView { id: note.id.to_string(), staff_id, text, created_at: moment(note.at) })
        };
        order.notes.iter().filter_map(note).collect()
    });
    let allocation = |line: &Line| -> Vec<AllocationView> {
        let view = |allocation: &Allocation| AllocationView {
            line_id: line.id.to_string(),
            stock_item_id: allocation.item.to_string(),
            warehouse_id: allocation.warehouse.to_string(),
            quantity: allocation.quantity,
        };
        line.allocations.iter().map(view).collect()
    };
    let allocations = order.lines.iter().flat_map(allocation).collect();
    let order_view = crate::api::orders::show_order(call, &order);
    let mut view = AdminOrder { order: order_view, notes, allocations };
    for (told, entry) in view.order.timeline.iter_mut().zip(&order.timeline) {
        told.actor_id = entry.who().1.map(str::to_owned);
    }
    Ok(tagged(order.revision, (status, Json(view))))
}

async fn list_orders(
    call: Call,
    Query(OrdersAsked(query)): Query<OrdersAsked>,
) -> Result<Json<OrderSummaryList>, Problem> {
    let shop = call.shop()?;
    let page = call.state().lists.orders(ListScope::new(shop.id(), shop.site()), query).await?;
    Ok(Json(OrderSummaryList::page(page, OrderSummary::from)))
}

async fn get_order_record(call: Call, Path(id): Path<OrderId>) -> Result<Response, Problem> {
    show(&call, id, StatusCode::OK)
}

async fn cancel_order_record(
    call: Call,
    Path(id): Path<OrderId>,
    Json(body): Json<CancelBody>,
) -> Result<Response, Problem> {
    let mut faults = Faults::new();
    let reason = faults.take("/reason", line(&body.reason));
    let reason = faults.finish(reason)?;
    record(&call, id)?;
    call.submit(cancelling(&call, id, Some(reason))).await?;
    show(&call, id, StatusCode::OK)
}

async fn add_note(
    call: Call,
    Path(id): Path<OrderId>,
    Json(body): Json<NoteBody>,
) -> Result<Response, Problem> {
    if body.text.trim().is_empty() {
        return Err(Problem::invalid("/text", "must not be empty"));
    }
    record(&call, id)?;
    call.submit(Intent::Order(OrderIntent::AddNote { order: id, text: body.text.trim().to_owned() })).await?;
    show(&call, id, StatusCode::CREATED)
}

async fn move_allocation(
    call: Call,
    Path(id): Path<OrderId>,
    Json(body): Json<MoveBody>,
) -> Result<Response, Problem> {
    let mut faults = Faults::new();
    let line = faults.take("/line_id", LineId::parse(&body.line_id));
    let to = faults.take("/warehouse_id", WarehouseId::parse(&body.warehouse_id));
    let from = faults.optional("/from_warehouse_id", text(&body.from_warehouse_id), WarehouseId::parse);
    let (line, to) = faults.finish(line.zip(to))?;
    record(&call, id)?;
    call.submit(Command::Reallocate { order: id, line, from, to }).await?;
    show(&call, id, StatusCode::OK)
}

async fn ship_order(
    call: Call,
    Path(id): Path<OrderId>,
    Json(body): Json<ShipBody>,
) -> Result<Response, Problem> {
    let mut faults = Faults::new();
    let lines = body.lines.iter().enumerate().filter_map(|(n, entry)| {
        if entry.quantity == 0 {
            faults.add(format!("/lines/{n}/quantity"), "must be more than zero");
        }
        let line = faults.take(format!("/lines/{n}/line_id"), LineId::parse(&entry.line_id))?;
        Some((line, entry.quantity))
    });
    let lines: Vec<(LineId, u32)> = lines.collect();
    let carrier = faults.optional("/carrier", text(&body.carrier), line);
    let tracking = faults.optional("/tracking", text(&body.tracking), line);
    faults.check()?;
    record(&call, id)?;
    call.submit(Command::Ship { order: id, lines, carrier, tracking }).await?;
    show(&call, id, StatusCode::CREATED)
}

async fn mark_delivered(
    call: Call,
    Path((order, shipment)): Path<(OrderId, ShipmentId)>,
) -> Result<Response, Problem> {
    record(&call, order)?;
    call.submit(Command::MarkDelivered { order, shipment }).await?;
    show(&call, order, StatusCode::OK)
}

impl RefundBody {
    fn parse(&self) -> Result<(Option<PaymentId>, Vec<RefundRequest>, String), Problem> {
        let mut faults = Faults::new();
        let payment = faults.optional("/payment_id", text(&self.payment_id), PaymentId::parse);
        let reason = faults.take("/reason", line(&self.reason));
        let mut items = Vec::new();
        for (n, entry) in self.lines.iter().enumerate() {
            if let Some(line) = faults.take(format!("/lines/{n}/line_id"), LineId::parse(&entry.line_id)) {
                items.push(RefundRequest::Line { line, quantity: entry.quantity, restock: entry.restock });
            }
        }
        if self.refund_shipping || self.shipping.is_some() {
            items.push(RefundRequest::Shipping { amount: self.shipping });
        }
        items.extend(self.goodwill.map(|amount| RefundRequest::Goodwill { amount }));
        if items.is_empty() {
            faults.add("/lines", "say what is given back: lines, delivery or goodwill");
        }
        let reason = faults.finish(reason)?;
        Ok((payment, items, reason))
    }
}

async fn preview_refund(
    call: Call,
    Path(id): Path<OrderId>,
    Json(body): Json<RefundBody>,
) -> Result<Json<RefundPreviewView>, Problem> {
    let (payment, items, _) = body.parse()?;
    let order = record(&call, id)?;
    let preview = call.read(GroupKind::Region, |view| refund::preview(view, &order, payment, &items));
    let preview = preview.map_err(Problem::from)?;
    let source = |(payment, amount): &(PaymentId, i64)| RefundSource {
        payment_id: payment.to_string(),
        amount: money(*amount, order.currency),
    };
    let payments: Vec<RefundSource> = preview.payments.iter().map(source).collect();
    Ok(Json(RefundPreviewView {
        payment_id: payments.first().map_or_else(String::new, |source| source.payment_id.clone()),
        payments,
        amount: money(preview.amount, order.currency),
        items: preview.items.iter().map(|item| RefundItemView::of(item, order.currency)).collect(),
    }))
}

async fn refund_order(
    call: Call,
    Path(order): Path<OrderId>,
    Json(body): Json<RefundBody>,
) -> Result<Response, Problem> {
    let (payment, items, reason) = body.parse()?;
    call.submit(Intent::Order(OrderIntent::Refund { order, payment, items, reason })).await?;
    show(&call, order, StatusCode::CREATED)
}

async fn list_payments(call: Call, Query(asked): Query<PaymentsAsked>) -> Result<Json<PaymentList>, Problem> {
    let shop = call.shop()?;
    let query = PaymentQuery { order: asked.order, page: asked.page, ..PaymentQuery::default() };
    let page = call.state().lists.payments(ListScope::new(shop.id(), shop.site()), query).await?;
    Ok(Json(PaymentList::page(page, PaymentSummary::from)))
}

async fn mark_payment_received(call: Call, Path(id): Path<PaymentId>) -> Result<Response, Problem> {
    let payment = call.read(GroupKind::Region, |view| PAYMENTS.get(view, &id));
    let order = payment.ok_or_else(|| Problem::not_found("payment"))?.order;
    call.submit(Payments::MarkReceived { payment: id }).await?;
    show(&call, order, StatusCode::OK)
}
