//! An order: a complete money snapshot that is never recomputed.
//!
//! Three axes: `status` is set by commands; `payment_status` and `fulfillment_status` are derived from
//! payments, shipments and quantities. Lines count what was ordered, cancelled, shipped, delivered,
//! returned. Invariant, asserted whenever an order is written: the totals are the sums of the lines.

use crate::cart::{Address, ContactRef, Destination, StockNeed};
use crate::ids::{
    AddOnId, CartId, CustomerId, LineId, NoteId, OrderId, PaymentId, ProductId, RateId, RefundId, ShipmentId,
    StaffId, StockItemId, VariantId, WarehouseId,
};
use crate::inventory::Taken;
use crate::locale::Locale;
use crate::money::{Currency, Money, MoneyError};
use crate::scope::Table;
use crate::sealed::{KeyedHash, Sealed};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    pub id: OrderId,
    pub number: String,
    pub revision: u64,
    pub cart: CartId,
    pub customer: Option<CustomerId>,
    pub source: Source,
    pub status: OrderStatus,
    pub contact: ContactRef,
    pub shipping_address: Sealed<Address>,
    pub billing_address: Option<Sealed<Address>>,
    pub destination: Destination,
    pub locale: Locale,
    pub currency: Currency,
    pub tax_included: bool,
    /// Where halves of a unit were rounded.
    pub rounding: crate::tax::Rounding,
    pub lines: Vec<Line>,
    pub shipping: ShippingLine,
    pub totals: Totals,
    /// Sums over this order's payments, kept by the payment events.
    pub paid: PaidSums,
    pub payments: Vec<PaymentId>,
    pub shipments: Vec<Shipment>,
    pub refunds: Vec<OrderRefund>,
    pub notes: Vec<Note>,
    pub timeline: Vec<TimelineEntry>,
    pub cancel_reason: Option<String>,
    pub customer_note: Option<Sealed<String>>,
    pub terms_version: Option<String>,
    pub placed_at: Timestamp,
    pub updated_at: Timestamp,
    /// An unpaid order ends here.
    pub expires_at: Option<Timestamp>,
}
gearify_storage::first_version!(Order);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Source {
    Web,
    Api,
    Console,
    Draft,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderStatus {
    Placed,
    Confirmed,
    Completed,
    Cancelled,
    Expired,
}

/// Derived from the sums of payments; never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentStatus {
    Unpaid,
    Pending,
    Authorised,
    PartiallyPaid,
    Paid,
    PartiallyRefunded,
    Refunded,
}

/// Derived from the lines' quantities; never set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FulfillmentStatus {
    Unfulfilled,
    Partial,
    Fulfilled,
    Delivered,
}

/// Amounts in the order's currency, minor units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidSums {
    /// An attempt is under way or a provider decides later.
    pub pending: i64,
    pub authorised: i64,
    pub captured: i64,
    pub refunded: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Line {
    pub id: LineId,
    pub product: ProductId,
    pub variant: VariantId,
    pub sku: String,
    /// In the order's locale, as shown when it was placed.
    pub name: String,
    /// `Size: SH`, as shown.
    pub options: Vec<(String, String)>,
    pub image: Option<String>,
    pub quantities: Quantities,
    /// Price of one piece before any discount.
    pub list_price: i64,
    /// Price of one piece with its components.
    pub unit_price: i64,
    pub price_source: PriceSource,
    pub components: Vec<Component>,
    /// `unit_price × ordered`.
    pub subtotal: i64,
    pub discounts: Vec<Discount>,
    pub tax_lines: Vec<TaxLine>,
    /// Sum of `tax_lines`.
    pub tax: i64,
    /// What this line adds to the order's total.
    pub total: i64,
    pub weight_grams: u32,
    /// What one piece takes from stock.
    pub needs: Vec<StockNeed>,
    pub allocations: Vec<Allocation>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quantities {
    pub ordered: u32,
    pub cancelled: u32,
    pub shipped: u32,
    pub delivered: u32,
    /// Put back into stock.
    pub returned: u32,
}

impl Quantities {
    /// Pieces still to be shipped.
    pub fn open(self) -> u32 {
        self.ordered - self.cancelled - self.shipped
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PriceSource {
    PriceList { currency: Currency, min_quantity: u32 },
    Manual { staff: StaffId },
}

/// An add-on or a kit part, per piece of the line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    pub id: ComponentId,
    pub name: String,
    pub tax_category: String,
    /// Of all `per_unit` pieces together; already inside the line's `unit_price`.
    pub price: i64,
    pub per_unit: u32,
    pub lead_days: u16,
    pub returnable: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComponentId {
    AddOn(AddOnId),
    KitPart(StockItemId),
}

/// Place kept free for promotions; empty today.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discount {
    pub source: String,
    pub level: String,
    pub amount: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxLine {
    pub code: String,
    pub name: String,
    pub jurisdiction: String,
    pub rate_ppm: u32,
    pub included: bool,
    pub taxable: i64,
    pub amount: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShippingLine {
    pub rate: Option<RateId>,
    pub name: String,
    pub carrier: String,
    pub price: i64,
    pub discounts: Vec<Discount>,
    pub tax_lines: Vec<TaxLine>,
    pub tax: i64,
    pub total: i64,
    /// Whole days from dispatch.
    pub days_min: u16,
    pub days_max: u16,
}

/// Minor units. `total = subtotal − discount + shipping + (tax_included ? 0 : tax)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub currency: Currency,
    pub subtotal: i64,
    pub discount: i64,
    pub shipping: i64,
    pub tax: i64,
    pub total: i64,
    pub tax_included: bool,
}

impl Totals {
    /// Sums lines and shipping.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] if a sum leaves 64 bits.
    pub fn of(
        currency: Currency,
        tax_included: bool,
        lines: &[Line],
        shipping: &ShippingLine,
    ) -> Result<Totals, MoneyError> {
        let discounts = lines.iter().flat_map(|line| &line.discounts).chain(&shipping.discounts);
        let subtotal = sum(lines.iter().map(|line| line.subtotal))?;
        let discount = sum(discounts.map(|discount| discount.amount))?;
        let tax = sum(lines.iter().map(|line| line.tax).chain([shipping.tax]))?;
        let added_tax = if tax_included { 0 } else { tax };
        let total = sum([subtotal, -discount, shipping.price, added_tax])?;
        Ok(Totals { currency, subtotal, discount, shipping: shipping.price, tax, total, tax_included })
    }

    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }
}

fn sum(amounts: impl IntoIterator<Item = i64>) -> Result<i64, MoneyError> {
    amounts.into_iter().try_fold(0i64, i64::checked_add).ok_or(MoneyError::Overflow)
}

/// Pieces of a stock item taken for a line from a warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    pub item: StockItemId,
    pub warehouse: WarehouseId,
    pub quantity: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shipment {
    pub id: ShipmentId,
    pub state: ShipmentState,
    pub warehouse: Option<WarehouseId>,
    pub lines: Vec<(LineId, u32)>,
    pub carrier: Option<String>,
    pub tracking: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ShipmentState {
    Packed,
    Shipped,
    Delivered,
    Lost,
}

/// A refund of this order, by its parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OrderRefund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub amount: i64,
    pub items: Vec<RefundItem>,
    pub reason: String,
    pub state: RefundState,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundState {
    Pending,
    Succeeded,
    Failed,
}

/// One part of a refund; restocking is a choice of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundItem {
    Line { line: LineId, quantity: u32, amount: i64, restock: bool },
    Shipping { amount: i64 },
    Goodwill { amount: i64 },
}

impl RefundItem {
    pub fn amount(&self) -> i64 {
        match self {
            RefundItem::Line { amount, .. }
            | RefundItem::Shipping { amount }
            | RefundItem::Goodwill { amount } => *amount,
        }
    }
}

/// A staff member's remark; personal, since it may name people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Note {
    pub id: NoteId,
    pub staff: Option<StaffId>,
    pub text: Sealed<String>,
    pub at: Timestamp,
}

/// What the order page tells, without personal data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimelineEntry {
    pub at: Timestamp,
    /// As [`crate::Actor`] is written; before state version 8 the kind alone.
    pub actor: String,
    pub what: String,
    pub amount: Option<i64>,
}

impl TimelineEntry {
    /// The kind of who did it, and the id if it is known.
    pub fn who(&self) -> (&str, Option<&str>) {
        match self.actor.split_once(' ') {
            Some((kind, id)) => (kind, Some(id)),
            None => (&self.actor, None),
        }
    }
}

/// Most timeline entries kept inside the order; the event history has all.
pub const TIMELINE_MAX: usize = 100;

impl From<&Taken> for Allocation {
    fn from(taken: &Taken) -> Allocation {
        Allocation { item: taken.item, warehouse: taken.warehouse, quantity: taken.quantity }
    }
}

impl From<&Allocation> for Taken {
    fn from(allocation: &Allocation) -> Taken {
        Taken { item: allocation.item, warehouse: allocation.warehouse, quantity: allocation.quantity }
    }
}

impl OrderStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            OrderStatus::Placed => "placed",
            OrderStatus::Confirmed => "confirmed",
            OrderStatus::Completed => "completed",
            OrderStatus::Cancelled => "cancelled",
            OrderStatus::Expired => "expired",
        }
    }
}

impl PaymentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentStatus::Unpaid => "unpaid",
            PaymentStatus::Pending => "pending",
            PaymentStatus::Authorised => "authorised",
            PaymentStatus::PartiallyPaid => "partially_paid",
            PaymentStatus::Paid => "paid",
            PaymentStatus::PartiallyRefunded => "partially_refunded",
            PaymentStatus::Refunded => "refunded",
        }
    }
}

impl FulfillmentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            FulfillmentStatus::Unfulfilled => "unfulfilled",
            FulfillmentStatus::Partial => "partial",
            FulfillmentStatus::Fulfilled => "fulfilled",
            FulfillmentStatus::Delivered => "delivered",
        }
    }
}

impl Order {
    pub fn line(&self, id: LineId) -> Option<&Line> {
        self.lines.iter().find(|line| line.id == id)
    }

    pub fn money(&self, minor: i64) -> Money {
        Money::new(minor, self.currency)
    }

    /// What is still to be paid.
    pub fn amount_due(&self) -> i64 {
        (self.totals.total - self.paid.captured).max(0)
    }

    pub fn payment_status(&self) -> PaymentStatus {
        let PaidSums { pending, authorised, captured, refunded } = self.paid;
        match () {
            _ if captured > 0 && refunded >= captured => PaymentStatus::Refunded,
            // What was paid beyond the total and went back is no refund of the order.
            _ if captured - refunded >= self.totals.total => PaymentStatus::Paid,
            _ if refunded > 0 => PaymentStatus::PartiallyRefunded,
            _ if captured > 0 => PaymentStatus::PartiallyPaid,
            _ if authorised > 0 => PaymentStatus::Authorised,
            _ if pending > 0 => PaymentStatus::Pending,
            _ => PaymentStatus::Unpaid,
        }
    }

    pub fn fulfillment_status(&self) -> FulfillmentStatus {
        let count =
            |of: fn(Quantities) -> u32| self.lines.iter().map(|line| of(line.quantities)).sum::<u32>();
        let wanted = count(|q| q.ordered - q.cancelled);
        let (shipped, delivered) = (count(|q| q.shipped), count(|q| q.delivered));
        match () {
            _ if shipped == 0 => FulfillmentStatus::Unfulfilled,
            _ if shipped < wanted => FulfillmentStatus::Partial,
            _ if delivered < wanted => FulfillmentStatus::Fulfilled,
            _ => FulfillmentStatus::Delivered,
        }
    }

    /// Whether staff or the shopper may still call it off as a whole.
    pub fn may_cancel(&self) -> bool {
        matches!(self.status, OrderStatus::Placed | OrderStatus::Confirmed)
            && self.lines.iter().all(|line| line.quantities.shipped == 0)
    }
}

/// Whether whoever placed an order was not signed in, be it in an account since or not.
pub fn was_placed_by_a_guest(view: &(impl crate::scope::View + ?Sized), order: &Order) -> bool {
    let joined = || order.timeline.iter().any(|entry| entry.what == JOINED);
    order.customer.is_none() || GUEST_ORDERS.contains(view, &order.id) || joined()
}

/// Stands where the hash of an erased contact stood.
pub const NO_HASH: KeyedHash = [0; 16];

/// Orders by id.
pub const ORDERS: Table<OrderId, Order> = Table::new(100);
/// Order ids by number, as printed.
pub const ORDERS_BY_NUMBER: Table<str, OrderRef> = Table::new(101);
/// Guest orders by the keyed hash of their e-mail: `(hash, order)`.
pub const ORDERS_BY_EMAIL: Table<(KeyedHash, OrderId), OrderRef> = Table::new(102);
/// A customer's orders: `(customer, order)`.
pub const ORDERS_BY_CUSTOMER: Table<(CustomerId, OrderId), OrderRef> = Table::new(103);
/// Orders of an account that were placed without signing in, because the account has the address: since state version
/// 8. Whoever placed them goes on as a guest, and is not told that there is an account.
pub const GUEST_ORDERS: Table<OrderId, crate::scope::Present> = Table::new(109);
/// What the timeline says when a guest's order joins an account.
pub const JOINED: &str = "joined an account";
/// The last order number given. Gaps are allowed, repeats are not.
pub const NUMBERS: Table<(), crate::scope::Count> = Table::new(104);

/// What left with each shipment, for each line: where its pieces go back to. Of shipments before state version 6
/// only the house they left from is known.
pub const PARCELS: Table<(OrderId, ShipmentId), Parcel> = Table::new(105);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parcel(pub Vec<(LineId, Taken)>);
gearify_storage::first_version!(Parcel);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRef(pub OrderId);
gearify_storage::first_version!(OrderRef);
