//! What may be asked of orders, and what is reported.

use super::document::{DocumentKind, DocumentNumber};
use super::model::{Note, Order, PaidSums, RefundItem};
use super::reason::Why;
use crate::ids::{CustomerId, LineId, OrderId, PaymentId, RefundId, ShipmentId, WarehouseId};
use crate::inventory::Taken;
use crate::money::Currency;
use crate::sealed::{PersonRef, Sealed};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Writes a new order. Made by checkout only, with the stock already taken.
    Place {
        order: Box<Order>,
    },
    /// The sums of the order's payments changed.
    SetPaid {
        order: OrderId,
        paid: PaidSums,
        note: String,
    },
    Confirm {
        order: OrderId,
    },
    Cancel {
        order: OrderId,
        reason: String,
    },
    /// Not paid in time.
    Expire {
        order: OrderId,
    },
    /// Paid after it expired, and the stock could be taken again.
    Revive {
        order: OrderId,
        taken: Vec<(LineId, Vec<Taken>)>,
    },
    AddNote {
        order: OrderId,
        person: PersonRef,
        text: Sealed<String>,
    },
    /// Some pieces left the house. Empty `lines`: everything that is open.
    Ship {
        order: OrderId,
        lines: Vec<(LineId, u32)>,
        carrier: Option<String>,
        tracking: Option<String>,
    },
    MarkDelivered {
        order: OrderId,
        shipment: ShipmentId,
    },
    /// Gives back parts; amounts were computed from the order at `revision`.
    Refund {
        order: OrderId,
        revision: u64,
        payment: PaymentId,
        items: Vec<RefundItem>,
        reason: String,
    },
    SettleRefund {
        order: OrderId,
        refund: RefundId,
        succeeded: bool,
    },
    /// A guest's order belongs to the account that verified the address.
    Join {
        order: OrderId,
        customer: CustomerId,
    },
    /// Forgets whom an order was for that came to nothing.
    Erase {
        order: OrderId,
    },
    /// Gives back what was paid and is not the price of this order's parts: since state version 6.
    GiveBack {
        order: OrderId,
        payment: PaymentId,
        amount: i64,
        reason: String,
    },
    /// An order that is not paid yet waits until then, if that is later: since state version 6.
    Await {
        order: OrderId,
        until: Timestamp,
    },
    /// As `Cancel`, with a reason that may be sealed: since state version 8.
    CallOff {
        order: OrderId,
        why: Why,
    },
    /// As `Refund`, of one payment or several and with a reason that may be sealed: since state version 8.
    RefundFor {
        order: OrderId,
        revision: u64,
        payments: Vec<(PaymentId, i64)>,
        items: Vec<RefundItem>,
        why: Why,
    },
    /// Sets a line's open pieces aside in another house, from one or from all others: since state version 8.
    Reallocate {
        order: OrderId,
        line: LineId,
        from: Option<WarehouseId>,
        to: WarehouseId,
    },
    /// Gives the order its invoice: since state version 8.
    IssueInvoice {
        order: OrderId,
    },
    /// Credits a refund that arrived or, without one, all that is left of a cancelled order: since state version 8.
    IssueCreditNote {
        order: OrderId,
        refund: Option<RefundId>,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    OrderPlaced {
        order: Box<Order>,
    },
    OrderConfirmed {
        order: OrderId,
    },
    OrderCancelled {
        order: OrderId,
        /// The system's words; empty where the reason is sealed.
        reason: String,
        taken: Vec<Taken>,
        revision: u64,
    },
    OrderExpired {
        order: OrderId,
        taken: Vec<Taken>,
        revision: u64,
    },
    OrderRevived {
        order: OrderId,
    },
    PaymentStatusChanged {
        order: OrderId,
        status: super::PaymentStatus,
        paid: PaidSums,
    },
    OrderShipped {
        order: OrderId,
        shipment: ShipmentId,
        lines: Vec<(LineId, u32)>,
        taken: Vec<Taken>,
    },
    OrderDelivered {
        order: OrderId,
        shipment: ShipmentId,
    },
    OrderCompleted {
        order: OrderId,
    },
    RefundRequested {
        order: OrderId,
        refund: RefundId,
        payment: PaymentId,
        amount: i64,
        currency: Currency,
        restock: Vec<Taken>,
    },
    OrderRefunded {
        order: OrderId,
        refund: RefundId,
        amount: i64,
        currency: Currency,
    },
    RefundFailed {
        order: OrderId,
        refund: RefundId,
    },
    NoteAdded {
        order: OrderId,
        note: Note,
    },
    Joined {
        order: OrderId,
        customer: CustomerId,
    },
    OrderErased {
        order: OrderId,
    },
    /// What a line waits for is set aside elsewhere.
    AllocationMoved {
        order: OrderId,
        line: LineId,
        from: Vec<Taken>,
        to: Vec<Taken>,
        revision: u64,
    },
    /// An invoice or a credit note has its number.
    DocumentIssued {
        order: OrderId,
        number: DocumentNumber,
        amount: i64,
        currency: Currency,
        refund: Option<RefundId>,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::OrderPlaced { .. } => "order.placed",
            Event::OrderConfirmed { .. } => "order.confirmed",
            Event::OrderCancelled { .. } => "order.cancelled",
            Event::OrderExpired { .. } => "order.expired",
            Event::OrderRevived { .. } => "order.revived",
            Event::PaymentStatusChanged { .. } => "order.payment_status_changed",
            Event::OrderShipped { .. } => "order.shipped",
            Event::OrderDelivered { .. } => "order.delivered",
            Event::OrderCompleted { .. } => "order.completed",
            Event::RefundRequested { .. } => "order.refund_requested",
            Event::OrderRefunded { .. } => "order.refunded",
            Event::RefundFailed { .. } => "order.refund_failed",
            Event::NoteAdded { .. } => "order.note_added",
            Event::Joined { .. } => "order.joined_account",
            Event::OrderErased { .. } => "order.erased",
            Event::AllocationMoved { .. } => "order.allocation_moved",
            Event::DocumentIssued { number, .. } => match number.kind {
                DocumentKind::Invoice => "invoice.issued",
                DocumentKind::CreditNote => "credit_note.issued",
            },
        }
    }
}
