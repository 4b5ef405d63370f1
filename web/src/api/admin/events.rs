//! The tenant's ordered feed: what happened, from a position on.

use crate::extract::{Asked, Json, Pairs, Parameter, Query};
use crate::gate::Call;
use crate::problem::Problem;
use crate::read::moment;
use crate::routes::{Route, routes};
use gearify_commerce::Site;
use gearify_commerce::command::GroupKind;
use gearify_commerce::event::Envelope;
use gearify_commerce::{Actor, Event};
use serde::Serialize;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: events", Api, Shop;
        Get "/api/v1/admin/events" list_events: Staff(EventsRead), MERCHANT, Read, None, None, None,
            query(EventsAsked), request(), 200(EventList), "What happened in one of the shop's streams, oldest first";
    }
}

#[derive(Serialize, ToSchema)]
pub struct EventList {
    pub data: Vec<EventView>,
    /// Ask with it as `after` for what comes next.
    pub next_after: u64,
}

#[derive(Serialize, ToSchema)]
pub struct EventView {
    /// The same for ever: stream and number.
    pub id: String,
    /// 1, 2, 3 … in its stream, without gaps.
    pub sequence: u64,
    pub stream: &'static str,
    /// Such as `order.placed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Of the shape of `data`.
    pub version: u32,
    pub tenant: String,
    /// What it is about: an id, or kind and code of what goes by a code (`price_list/default`).
    pub subject: String,
    /// The revision at which it left the subject. Payments and stock have none, nor have events of earlier times.
    pub subject_version: Option<u64>,
    pub time: String,
    pub actor: ActorView,
    /// Names the request that caused it: events of one request share it. Events of earlier times have none.
    pub cause: Option<String>,
    /// What it is about: references, never personal data.
    #[schema(value_type = Object)]
    pub data: serde_json::Value,
}

#[derive(Serialize, ToSchema)]
pub struct ActorView {
    pub kind: &'static str,
    pub id: Option<String>,
}

#[derive(Clone, Debug)]
pub struct EventsAsked {
    group: GroupKind,
    after: u64,
    limit: usize,
}

impl Asked for EventsAsked {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("stream", "string", "sales (orders, stock, payments …), catalogue or account."),
        Parameter::new("after", "integer", "Events after this number; 0 from the beginning."),
        Parameter::new("limit", "integer", "1 to 100; 24 if not given."),
    ];

    fn read(pairs: &mut Pairs) -> EventsAsked {
        let group = pairs.with("stream", |text| match text {
            "sales" => Ok(GroupKind::Region),
            "catalogue" => Ok(GroupKind::Catalogue),
            "account" => Ok(GroupKind::World),
            _ => Err("must be sales, catalogue or account"),
        });
        EventsAsked {
            group: group.unwrap_or(GroupKind::Region),
            after: pairs.integer("after", 0, i64::MAX).unwrap_or(0) as u64,
            limit: pairs.integer("limit", 1, 100).unwrap_or(24) as usize,
        }
    }
}

fn stream_name(group: GroupKind) -> &'static str {
    match group {
        GroupKind::Region => "sales",
        GroupKind::Catalogue => "catalogue",
        GroupKind::World => "account",
    }
}

async fn list_events(call: Call, Query(asked): Query<EventsAsked>) -> Result<Json<EventList>, Problem> {
    let shop = call.shop()?;
    let site = if asked.group == GroupKind::Region { shop.site() } else { Site::NONE };
    let events = call.state().backend.history(asked.group, shop.id(), site, asked.after, asked.limit).await?;
    let next_after = events.last().map_or(asked.after, |event| event.sequence);
    Ok(Json(EventList { data: events.iter().map(|event| view(event, asked.group)).collect(), next_after }))
}

fn view(envelope: &Envelope, group: GroupKind) -> EventView {
    EventView {
        id: format!("{}-{}", stream_name(group), envelope.sequence),
        sequence: envelope.sequence,
        stream: stream_name(group),
        kind: envelope.event.name(),
        version: 1,
        tenant: envelope.tenant.to_string(),
        subject: envelope.subject(),
        subject_version: envelope.subject_version,
        time: moment(envelope.at),
        actor: ActorView { kind: envelope.actor.kind(), id: actor_id(&envelope.actor) },
        cause: envelope.cause.map(|cause| gearify_commerce::ids::encode_base32(u128::from_be_bytes(cause.0))),
        data: data_of(&envelope.event),
    }
}

fn actor_id(actor: &Actor) -> Option<String> {
    match actor {
        Actor::Customer(id) => Some(id.to_string()),
        Actor::Staff(id) | Actor::Operator(id) => Some(id.to_string()),
        Actor::ApiKey(id) => Some(id.to_string()),
        Actor::Provider(name) => Some(name.clone()),
        Actor::Guest | Actor::System => None,
    }
}

/// References by kind. Payloads grow field by field; a name that is published never changes.
pub(crate) fn data_of(event: &Event) -> serde_json::Value {
    use gearify_commerce::{catalog, inventory, orders, payments, pricing, tenants};
    use serde_json::json;
    match event {
        Event::Tenants(tenants::Event::SuspendedFor { cause }) => json!({ "cause": cause.as_str() }),
        Event::Orders(event) => match event {
            orders::Event::OrderPlaced { order } => json!({
                "order_id": order.id.to_string(), "number": order.number,
                "total": { "amount": order.totals.total, "currency": order.currency.as_str() },
            }),
            orders::Event::OrderConfirmed { order }
            | orders::Event::OrderRevived { order }
            | orders::Event::OrderCompleted { order }
            | orders::Event::NoteAdded { order, .. }
            | orders::Event::OrderExpired { order, .. } => json!({ "order_id": order.to_string() }),
            orders::Event::OrderCancelled { order, reason, .. } => {
                json!({ "order_id": order.to_string(), "reason": reason })
            }
            orders::Event::PaymentStatusChanged { order, status, .. } => {
                json!({ "order_id": order.to_string(), "payment_status": crate::read::orders::payment_status(*status) })
            }
            orders::Event::OrderShipped { order, shipment, .. }
            | orders::Event::OrderDelivered { order, shipment } => {
                json!({ "order_id": order.to_string(), "shipment_id": shipment.to_string() })
            }
            orders::Event::RefundRequested { order, refund, amount, currency, .. }
            | orders::Event::OrderRefunded { order, refund, amount, currency } => json!({
                "order_id": order.to_string(), "refund_id": refund.to_string(),
                "amount": { "amount": amount, "currency": currency.as_str() },
            }),
            orders::Event::RefundFailed { order, refund } => {
                json!({ "order_id": order.to_string(), "refund_id": refund.to_string() })
            }
            orders::Event::AllocationMoved { order, line, to, .. } => json!({
                "order_id": order.to_string(), "line_id": line.to_string(),
                "warehouse_id": to.first().map(|part| part.warehouse.to_string()),
            }),
            orders::Event::DocumentIssued { order, number, amount, currency, refund } => json!({
                "order_id": order.to_string(), "number": number.to_string(),
                "refund_id": refund.map(|refund| refund.to_string()),
                "amount": { "amount": amount, "currency": currency.as_str() },
            }),
            orders::Event::OrderErased { order } => json!({ "order_id": order.to_string() }),
            orders::Event::Joined { order, customer } => {
                json!({ "order_id": order.to_string(), "customer_id": customer.to_string() })
            }
        },
        Event::Payments(event) => match event {
            payments::Event::PaymentInitiated { payment, order, .. }
            | payments::Event::PaymentAuthorised { payment, order, .. }
            | payments::Event::PaymentCompleted { payment, order, .. }
            | payments::Event::PaymentFailed { payment, order, .. }
            | payments::Event::PaymentVoided { payment, order, .. } => {
                json!({ "payment_id": payment.to_string(), "order_id": order.to_string() })
            }
            payments::Event::RefundInitiated { refund, payment, order, .. }
            | payments::Event::RefundProcessed { refund, payment, order, .. }
            | payments::Event::RefundFailed { refund, payment, order, .. } => json!({
                "refund_id": refund.to_string(), "payment_id": payment.to_string(), "order_id": order.to_string(),
            }),
        },
        Event::Inventory(inventory::Event::InventoryUpdated { changes, .. }) => {
            let change = |change: &inventory::Change| {
                json!({
                    "stock_item_id": change.item.to_string(), "warehouse_id": change.warehouse.to_string(),
                    "delta": change.delta, "on_hand": change.after.on_hand, "available": change.after.available(),
                })
            };
            json!({ "changes": changes.iter().map(change).collect::<Vec<_>>() })
        }
        Event::Inventory(inventory::Event::OutOfStock { item }) => {
            json!({ "stock_item_id": item.to_string() })
        }
        Event::Inventory(inventory::Event::ProductOutOfStock { product }) => {
            json!({ "product_id": product.to_string() })
        }
        Event::Inventory(inventory::Event::LowStockAlert { item, available }) => {
            json!({ "stock_item_id": item.to_string(), "available": available })
        }
        Event::Catalog(event) => match event {
            catalog::Event::ProductCreated { product, revision, .. }
            | catalog::Event::ProductUpdated { product, revision, .. }
            | catalog::Event::ProductPublished { product, revision, .. }
            | catalog::Event::ProductUnpublished { product, revision, .. }
            | catalog::Event::ProductArchived { product, revision, .. } => {
                json!({ "product_id": product.to_string(), "revision": revision })
            }
            catalog::Event::VariantCreated { product, variant, revision }
            | catalog::Event::VariantUpdated { product, variant, revision }
            | catalog::Event::VariantArchived { product, variant, revision } => json!({
                "product_id": product.to_string(), "variant_id": variant.to_string(), "revision": revision,
            }),
            catalog::Event::CategoryPut { category, revision, .. } => {
                json!({ "category_id": category.to_string(), "revision": revision })
            }
            _ => json!({}),
        },
        Event::Pricing(pricing::Event::PricesChanged { variant, revision }) => {
            json!({ "variant_id": variant.to_string(), "revision": revision })
        }
        _ => json!({}),
    }
}
