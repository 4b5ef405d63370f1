//! An order as shoppers and staff see it: the snapshot taken when it was placed, and what came after.

use super::values::{MoneyView, moment, money};
use gearify_commerce::Currency;
use gearify_commerce::cart::{Address, Contact};
use gearify_commerce::orders::{
    Component, ComponentId, Document, FulfillmentStatus, Line, Order, OrderStatus, PAPERS, PaymentStatus,
    RefundItem, RefundState, Shipment, ShipmentState, Source, TaxLine, Totals, why_cancelled, why_refunded,
};
use gearify_commerce::payments::{self, Payment};
use gearify_commerce::scope::View;
use gearify_commerce::sealed::{Vault, open};
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderView {
    pub id: String,
    pub number: String,
    /// Opens the order without a login: header `Order-Token`.
    pub order_token: String,
    pub revision: u64,
    /// `placed`, `confirmed`, `completed`, `cancelled`, `expired`.
    pub status: &'static str,
    /// `unpaid`, `pending`, `authorised`, `partially_paid`, `paid`, `partially_refunded`, `refunded`.
    pub payment_status: &'static str,
    /// `unfulfilled`, `partial`, `fulfilled`, `delivered`.
    pub fulfillment_status: &'static str,
    pub currency: String,
    pub locale: String,
    pub cart_id: String,
    pub customer_id: Option<String>,
    pub source: &'static str,
    pub lines: Vec<OrderLineView>,
    pub shipping: OrderShippingView,
    pub totals: TotalsView,
    pub payments: Vec<PaymentView>,
    pub shipments: Vec<ShipmentView>,
    pub refunds: Vec<RefundView>,
    /// Tax invoice and credit notes, as they were issued.
    pub documents: Vec<DocumentView>,
    pub contact: Option<ContactView>,
    pub shipping_address: Option<AddressView>,
    pub billing_address: Option<AddressView>,
    pub note: Option<String>,
    pub cancel_reason: Option<String>,
    pub may_cancel: bool,
    pub timeline: Vec<TimelineView>,
    pub placed_at: String,
    pub updated_at: String,
    /// An unpaid order ends then.
    pub expires_at: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderLineView {
    pub id: String,
    pub product_id: String,
    pub variant_id: String,
    pub sku: String,
    pub name: String,
    pub options: Vec<LineOption>,
    pub image: Option<String>,
    pub quantity: u32,
    pub cancelled: u32,
    pub shipped: u32,
    pub delivered: u32,
    pub returned: u32,
    pub list_price: MoneyView,
    pub unit_price: MoneyView,
    pub subtotal: MoneyView,
    pub discount: MoneyView,
    pub tax: MoneyView,
    pub total: MoneyView,
    pub tax_lines: Vec<TaxLineView>,
    pub components: Vec<ComponentView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LineOption {
    pub name: String,
    pub value: String,
}

impl LineOption {
    pub fn all(options: &[(String, String)]) -> Vec<LineOption> {
        options.iter().map(|(name, value)| LineOption { name: name.clone(), value: value.clone() }).collect()
    }
}

/// An add-on or a kit part of one piece.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ComponentView {
    pub id: String,
    /// `add_on` or `kit_part`.
    pub kind: &'static str,
    pub name: String,
    /// Of one; already inside the line's unit price.
    pub price: MoneyView,
    pub per_unit: u32,
    pub lead_days: u16,
    pub returnable: bool,
}

impl ComponentView {
    pub fn all(components: &[Component], currency: Currency) -> Vec<ComponentView> {
        let view = |component: &Component| {
            let (id, kind) = match component.id {
                ComponentId::AddOn(id) => (id.to_string(), "add_on"),
                ComponentId::KitPart(item) => (item.to_string(), "kit_part"),
            };
            ComponentView {
                id,
                kind,
                name: component.name.clone(),
                price: money(component.price, currency),
                per_unit: component.per_unit,
                lead_days: component.lead_days,
                returnable: component.returnable,
            }
        };
        components.iter().map(view).collect()
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OrderShippingView {
    pub option_id: Option<String>,
    pub name: String,
    pub carrier: String,
    pub price: MoneyView,
    pub tax: MoneyView,
    pub total: MoneyView,
    /// Whole days from dispatch.
    pub days_min: u16,
    pub days_max: u16,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TotalsView {
    pub subtotal: MoneyView,
    pub discount: MoneyView,
    pub shipping: MoneyView,
    pub tax: MoneyView,
    pub total: MoneyView,
    /// Prices contain taxes; otherwise they come on top.
    pub tax_included: bool,
    pub tax_lines: Vec<TaxLineView>,
    /// Taxes or delivery may still change.
    pub estimated: bool,
    pub gift_cards: MoneyView,
    /// What is still to be paid.
    pub amount_due: MoneyView,
}

impl TotalsView {
    pub fn of(totals: &Totals, tax_lines: Vec<TaxLineView>, estimated: bool, due: i64) -> TotalsView {
        let amount = |minor: i64| money(minor, totals.currency);
        TotalsView {
            subtotal: amount(totals.subtotal),
            discount: amount(totals.discount),
            shipping: amount(totals.shipping),
            tax: amount(totals.tax),
            total: amount(totals.total),
            tax_included: totals.tax_included,
            tax_lines,
            estimated,
            gift_cards: amount(0),
            amount_due: amount(due),
        }
    }

    pub fn nothing(currency: Currency, tax_included: bool) -> TotalsView {
        let totals =
            Totals { currency, subtotal: 0, discount: 0, shipping: 0, tax: 0, total: 0, tax_included };
        TotalsView::of(&totals, Vec::new(), true, 0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TaxLineView {
    pub code: String,
    pub name: String,
    pub jurisdiction: String,
    /// Parts per million: 200000 is 20 %.
    pub rate_ppm: u32,
    pub included: bool,
    pub taxable: MoneyView,
    pub amount: MoneyView,
}

impl TaxLineView {
    /// One line per tax, summed over lines and delivery.
    pub fn merged<'t>(lines: impl Iterator<Item = &'t TaxLine>, currency: Currency) -> Vec<TaxLineView> {
        let mut merged: Vec<TaxLineView> = Vec::new();
        for line in lines {
            let same = |known: &&mut TaxLineView| {
                (&known.code, &known.jurisdiction, known.rate_ppm)
                    == (&line.code, &line.jurisdiction, line.rate_ppm)
            };
            match merged.iter_mut().find(same) {
                Some(known) => {
                    known.taxable.amount += line.taxable;
                    known.amount.amount += line.amount;
                }
                None => merged.push(TaxLineView {
                    code: line.code.clone(),
                    name: line.name.clone(),
                    jurisdiction: line.jurisdiction.clone(),
                    rate_ppm: line.rate_ppm,
                    included: line.included,
                    taxable: money(line.taxable, currency),
                    amount: money(line.amount, currency),
                }),
            }
        }
        merged
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PaymentView {
    pub id: String,
    pub provider: String,
    /// `pending`, `authorised`, `partially_captured`, `captured`, `voided`, `failed`.
    pub status: &'static str,
    pub amount: MoneyView,
    pub captured: MoneyView,
    pub refunded: MoneyView,
    pub decline_code: Option<String>,
    /// What the shopper has to do next, if anything.
    pub next_action: Option<NextAction>,
    pub created_at: String,
}

/// Where a shopper goes to pay. No provider of today needs it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NextAction {
    /// `redirect` or `provider_sdk`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub url: Option<String>,
    pub expires_at: Option<String>,
}

impl PaymentView {
    pub fn of(payment: &Payment) -> PaymentView {
        let amount = |minor: i64| money(minor, payment.currency);
        PaymentView {
            id: payment.id.to_string(),
            provider: payment.provider.clone(),
            status: payment.state.as_str(),
            amount: amount(payment.amount),
            captured: amount(payment.captured),
            refunded: amount(payment.refunded),
            decline_code: payment.decline_code.clone(),
            next_action: None,
            created_at: moment(payment.created_at),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShipmentView {
    pub id: String,
    /// `packed`, `shipped`, `delivered`, `lost`.
    pub status: &'static str,
    pub warehouse_id: Option<String>,
    pub lines: Vec<ShippedLine>,
    pub carrier: Option<String>,
    pub tracking: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShippedLine {
    pub line_id: String,
    pub quantity: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundView {
    pub id: String,
    pub payment_id: String,
    pub amount: MoneyView,
    /// `pending`, `succeeded`, `failed`.
    pub status: &'static str,
    pub reason: String,
    pub items: Vec<RefundItemView>,
    pub created_at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RefundItemView {
    /// `line`, `shipping`, `goodwill`.
    pub kind: &'static str,
    pub line_id: Option<String>,
    pub quantity: Option<u32>,
    pub amount: MoneyView,
    pub restock: bool,
}

impl RefundItemView {
    pub fn of(item: &RefundItem, currency: Currency) -> RefundItemView {
        let amount = money(item.amount(), currency);
        match item {
            RefundItem::Line { line, quantity, restock, .. } => RefundItemView {
                kind: "line",
                line_id: Some(line.to_string()),
                quantity: Some(*quantity),
                amount,
                restock: *restock,
            },
            RefundItem::Shipping { .. } => {
                RefundItemView { kind: "shipping", line_id: None, quantity: None, amount, restock: false }
            }
            RefundItem::Goodwill { .. } => {
                RefundItemView { kind: "goodwill", line_id: None, quantity: None, amount, restock: false }
            }
        }
    }
}

/// A numbered paper. It is printed from the order's page in the shop, or from the console.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DocumentView {
    /// `invoice`, `credit_note`.
    pub kind: &'static str,
    /// Without gaps within its series.
    pub number: String,
    pub issued_at: String,
    /// With taxes; of a credit note what is credited.
    pub amount: MoneyView,
    pub tax_lines: Vec<TaxLineView>,
    /// Of a credit note: the refund it is for; `null` when the order was cancelled.
    pub refund_id: Option<String>,
}

impl DocumentView {
    /// Those of an order as it stood at its revision, so that a replay shows what was shown first.
    fn all(region: &impl View, order: &Order) -> Vec<DocumentView> {
        let papers = PAPERS.get(region, &order.id).map(|papers| papers.documents).unwrap_or_default();
        let known = papers.iter().filter(|document| document.order_revision <= order.revision);
        known.map(|document| DocumentView::of(document, order.currency)).collect()
    }

    fn of(document: &Document, currency: Currency) -> DocumentView {
        DocumentView {
            kind: document.number.kind.as_str(),
            number: document.number.to_string(),
            issued_at: moment(document.issued_at),
            amount: money(document.amount, currency),
            tax_lines: TaxLineView::merged(document.taxes.iter(), currency),
            refund_id: document.refund.map(|refund| refund.to_string()),
        }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TimelineView {
    pub at: String,
    /// Kind of the actor: `guest`, `customer`, `staff`, `system` …
    pub actor: String,
    /// Which of them; told to staff only, and not known of what happened long ago.
    pub actor_id: Option<String>,
    pub what: String,
    pub amount: Option<MoneyView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactView {
    pub email: String,
    pub phone: Option<String>,
    pub name: Option<String>,
}

impl ContactView {
    pub fn of(contact: &Contact) -> ContactView {
        ContactView { email: contact.email.clone(), phone: contact.phone.clone(), name: contact.name.clone() }
    }
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AddressView {
    pub name: String,
    pub company: Option<String>,
    pub phone: Option<String>,
    pub line1: String,
    pub line2: Option<String>,
    pub locality: Option<String>,
    pub city: Option<String>,
    /// ISO 3166-2.
    pub region_code: Option<String>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: String,
    pub tax_id: Option<String>,
}

impl AddressView {
    pub fn of(address: &Address) -> AddressView {
        AddressView {
            name: address.name.clone(),
            company: address.company.clone(),
            phone: address.phone.clone(),
            line1: address.line1.clone(),
            line2: address.line2.clone(),
            locality: address.locality.clone(),
            city: address.city.clone(),
            region_code: address.region_code.as_ref().map(|code| code.to_string()),
            region: address.region.clone(),
            postal_code: address.postal_code.clone(),
            country: address.country.to_string(),
            tax_id: address.tax_id.clone(),
        }
    }
}

/// The view of an order, with its payments and opened personal data; erased data is absent.
pub fn view(region: &impl View, vault: &dyn Vault, order: &Order, token: String) -> OrderView {
    view_with(region, vault, order, &payments::of_order(region, order.id), token)
}

/// The same, with the payments as they stood at another time.
pub fn view_with(
    region: &impl View,
    vault: &dyn Vault,
    order: &Order,
    payments: &[payments::Payment],
    token: String,
) -> OrderView {
    let amount = |minor: i64| money(minor, order.currency);
    let taxes = order.lines.iter().flat_map(|line| &line.tax_lines).chain(&order.shipping.tax_lines);
    let tax_lines = TaxLineView::merged(taxes, order.currency);
    let opened = |address: &_| open(region, vault, address).ok().map(|address| AddressView::of(&address));
    OrderView {
        id: order.id.to_string(),
        number: order.number.clone(),
        order_token: token,
        revision: order.revision,
        status: order_status(order.status),
        payment_status: payment_status(order.payment_status()),
        fulfillment_status: fulfillment_status(order.fulfillment_status()),
        currency: order.currency.to_string(),
        locale: order.locale.to_string(),
        cart_id: order.cart.to_string(),
        customer_id: order.customer.map(|id| id.to_string()),
        source: source(order.source),
        lines: order.lines.iter().map(|line| line_view(line, order.currency)).collect(),
        shipping: OrderShippingView {
            option_id: order.shipping.rate.map(|rate| rate.to_string()),
            name: order.shipping.name.clone(),
            carrier: order.shipping.carrier.clone(),
            price: amount(order.shipping.price),
            tax: amount(order.shipping.tax),
            total: amount(order.shipping.total),
            days_min: order.shipping.days_min,
            days_max: order.shipping.days_max,
        },
        totals: TotalsView::of(&order.totals, tax_lines, false, order.amount_due()),
        payments: payments.iter().map(PaymentView::of).collect(),
        shipments: order.shipments.iter().map(shipment_view).collect(),
        refunds: order
            .refunds
            .iter()
            .map(|refund| RefundView {
                id: refund.id.to_string(),
                payment_id: refund.payment.to_string(),
                amount: amount(refund.amount),
                status: refund_state(refund.state),
                reason: why_refunded(region, vault, order.id, refund),
                items: refund.items.iter().map(|item| RefundItemView::of(item, order.currency)).collect(),
                created_at: moment(refund.at),
            })
            .collect(),
        documents: DocumentView::all(region, order),
        contact: open(region, vault, &order.contact.sealed).ok().map(|contact| ContactView::of(&contact)),
        shipping_address: opened(&order.shipping_address),
        billing_address: order.billing_address.as_ref().and_then(opened),
        note: order.customer_note.as_ref().and_then(|note| open(region, vault, note).ok()),
        cancel_reason: why_cancelled(region, vault, order),
        may_cancel: order.may_cancel(),
        timeline: order
            .timeline
            .iter()
            .map(|entry| TimelineView {
                at: moment(entry.at),
                actor: entry.who().0.to_owned(),
                actor_id: None,
                what: entry.what.clone(),
                amount: entry.amount.map(amount),
            })
            .collect(),
        placed_at: moment(order.placed_at),
        updated_at: moment(order.updated_at),
        expires_at: (order.status == OrderStatus::Placed).then(|| order.expires_at.map(moment)).flatten(),
    }
}

fn line_view(line: &Line, currency: Currency) -> OrderLineView {
    let amount = |minor: i64| money(minor, currency);
    OrderLineView {
        id: line.id.to_string(),
        product_id: line.product.to_string(),
        variant_id: line.variant.to_string(),
        sku: line.sku.clone(),
        name: line.name.clone(),
        options: LineOption::all(&line.options),
        image: line.image.clone(),
        quantity: line.quantities.ordered,
        cancelled: line.quantities.cancelled,
        shipped: line.quantities.shipped,
        delivered: line.quantities.delivered,
        returned: line.quantities.returned,
        list_price: amount(line.list_price),
        unit_price: amount(line.unit_price),
        subtotal: amount(line.subtotal),
        discount: amount(line.discounts.iter().map(|discount| discount.amount).sum()),
        tax: amount(line.tax),
        total: amount(line.total),
        tax_lines: TaxLineView::merged(line.tax_lines.iter(), currency),
        components: ComponentView::all(&line.components, currency),
    }
}

fn shipment_view(shipment: &Shipment) -> ShipmentView {
    let lines = shipment.lines.iter();
    ShipmentView {
        id: shipment.id.to_string(),
        status: match shipment.state {
            ShipmentState::Packed => "packed",
            ShipmentState::Shipped => "shipped",
            ShipmentState::Delivered => "delivered",
            ShipmentState::Lost => "lost",
        },
        warehouse_id: shipment.warehouse.map(|warehouse| warehouse.to_string()),
        lines: lines
            .map(|(line, quantity)| ShippedLine { line_id: line.to_string(), quantity: *quantity })
            .collect(),
        carrier: shipment.carrier.clone(),
        tracking: shipment.tracking.clone(),
        created_at: moment(shipment.created_at),
        updated_at: moment(shipment.updated_at),
    }
}

pub fn order_status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Placed => "placed",
        OrderStatus::Confirmed => "confirmed",
        OrderStatus::Completed => "completed",
        OrderStatus::Cancelled => "cancelled",
        OrderStatus::Expired => "expired",
    }
}

pub fn payment_status(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Unpaid => "unpaid",
        PaymentStatus::Pending => "pending",
        PaymentStatus::Authorised => "authorised",
        PaymentStatus::PartiallyPaid => "partially_paid",
        PaymentStatus::Paid => "paid",
        PaymentStatus::PartiallyRefunded => "partially_refunded",
        PaymentStatus::Refunded => "refunded",
    }
}

pub fn fulfillment_status(status: FulfillmentStatus) -> &'static str {
    match status {
        FulfillmentStatus::Unfulfilled => "unfulfilled",
        FulfillmentStatus::Partial => "partial",
        FulfillmentStatus::Fulfilled => "fulfilled",
        FulfillmentStatus::Delivered => "delivered",
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Web => "web",
        Source::Api => "api",
        Source::Console => "console",
        Source::Draft => "draft",
    }
}

pub fn refund_state(state: RefundState) -> &'static str {
    match state {
        RefundState::Pending => "pending",
        RefundState::Succeeded => "succeeded",
        RefundState::Failed => "failed",
    }
}
