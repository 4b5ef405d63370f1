//! An order after it is placed: what happens to it, what was paid, what can be done.

use super::cart::{CartLine, Totals};
use super::checkout::PaymentMethod;
use super::parts::{AddressLines, Field, Link, TimelineStep};
use crate::l10n::{Amount, Moment};

#[derive(Debug, Clone)]
pub struct OrderPage {
    pub id: String,
    /// As people say it: "W-1042".
    pub number: String,
    pub placed_at: Moment,
    pub headline: OrderHeadline,
    pub timeline: Vec<TimelineStep>,
    pub payments: Vec<PaymentRecord>,
    /// Paying again after a failure, with everything kept.
    pub retry: Option<PaymentRetry>,
    /// What a transfer needs, while one is awaited.
    pub transfer: Option<Transfer>,
    pub parcels: Vec<Parcel>,
    pub lines: Vec<CartLine>,
    pub totals: Totals,
    pub contact: String,
    pub delivery_address: AddressLines,
    pub billing_address: Option<AddressLines>,
    pub shipping: String,
    /// It can still be cancelled by the shopper.
    pub can_cancel: bool,
    /// Papers to print: invoice.
    pub documents: Vec<Link>,
    /// A guest may make an account of this order.
    pub register_href: Option<String>,
    /// It is shown within the account, with its menu.
    pub in_account: bool,
}

/// What the page says first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OrderHeadline {
    /// Straight after placing, paid.
    Thanks,
    /// Placed, the payment is still under way.
    PaymentPending,
    /// Placed, the payment failed; goods are held until then.
    PaymentFailed {
        held_until: Option<Moment>,
    },
    /// To be paid by transfer or at the counter.
    AwaitingManualPayment,
    /// A later look: in hand, on its way, there.
    InProgress,
    Shipped,
    Delivered,
    Cancelled,
    Expired,
}

impl OrderHeadline {
    /// The script looks again by itself while the answer is outstanding.
    pub fn is_waiting(self) -> bool {
        matches!(self, OrderHeadline::PaymentPending)
    }
}

#[derive(Debug, Clone)]
pub struct PaymentRecord {
    /// "Card", "Bank transfer", "Refund".
    pub method: String,
    /// In words: "paid", "declined: ask your bank".
    pub status: String,
    pub amount: Amount,
    pub at: Option<Moment>,
    pub failed: bool,
}

#[derive(Debug, Clone)]
pub struct PaymentRetry {
    /// Why the last try failed and what to do, in words.
    pub reason: String,
    pub amount: Amount,
    pub methods: Vec<PaymentMethod>,
    pub idempotency_key: String,
}

/// How to pay an order by hand.
#[derive(Debug, Clone)]
pub struct Transfer {
    /// Whom to pay.
    pub payee: String,
    pub amount: Amount,
    /// By which the shop knows the payment.
    pub reference: String,
    /// The shop's page that tells its account, if it is written.
    pub account: Option<Link>,
}

#[derive(Debug, Clone)]
pub struct Parcel {
    /// "Parcel 1 of 2"
    pub title: String,
    /// "handed to the carrier", "delivered"
    pub status: String,
    pub carrier: String,
    pub tracking_number: String,
    pub tracking_href: Option<String>,
    /// "2 × Match ball"
    pub contents: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct OrderLookUpPage {
    /// `number` and `email`.
    pub fields: Vec<Field>,
    /// The same whether the number or the address was wrong.
    pub error: Option<String>,
}
