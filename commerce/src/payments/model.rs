//! Payments, their attempts, and refunds.
//!
//! Rule: an attempt and its idempotency key are committed before the provider is called; the outcome
//! is an entry of its own. An unknown outcome is looked up at the provider, never assumed and never
//! charged again under a new key.

use crate::ids::{AttemptId, OrderId, PaymentId, RefundId};
use crate::money::{Currency, Money};
use crate::scope::{Table, View};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Attempts of one payment; a shopper who is declined that often needs another way to pay.
pub const ATTEMPTS_MAX: usize = 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Payment {
    pub id: PaymentId,
    pub order: OrderId,
    pub provider: String,
    pub amount: i64,
    pub currency: Currency,
    pub state: PaymentState,
    pub attempt: Attempt,
    /// The provider's own id, once known.
    pub reference: Option<String>,
    pub captured: i64,
    /// Given back for certain.
    pub refunded: i64,
    /// On its way back; counts against what is left, so that two refunds can't exceed the capture.
    pub refunding: i64,
    pub decline_code: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
gearify_storage::first_version!(Payment);

/// One call to the provider. The id is the idempotency key sent there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    pub id: AttemptId,
    /// The provider's one-time token; forgotten once the outcome is known.
    pub token: Option<String>,
    pub started_at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaymentState {
    Pending,
    Authorised,
    PartiallyCaptured,
    Captured,
    Voided,
    Failed,
}

impl PaymentState {
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentState::Pending => "pending",
            PaymentState::Authorised => "authorised",
            PaymentState::PartiallyCaptured => "partially_captured",
            PaymentState::Captured => "captured",
            PaymentState::Voided => "voided",
            PaymentState::Failed => "failed",
        }
    }

    /// Whether the provider's word is still awaited.
    pub fn is_open(self) -> bool {
        matches!(self, PaymentState::Pending | PaymentState::Authorised)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refund {
    pub id: RefundId,
    pub payment: PaymentId,
    pub order: OrderId,
    pub amount: i64,
    pub currency: Currency,
    pub state: RefundState,
    pub reference: Option<String>,
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
gearify_storage::first_version!(Refund);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundState {
    Pending,
    Succeeded,
    /// Stays visible until a person settles it.
    Failed,
}

impl Payment {
    /// What may still be given back.
    pub fn refundable(&self) -> i64 {
        self.captured - self.refunded - self.refunding
    }

    pub fn money(&self) -> Money {
        Money::new(self.amount, self.currency)
    }
}

pub const PAYMENTS: Table<PaymentId, Payment> = Table::new(110);
pub const PAYMENTS_BY_ORDER: Table<(OrderId, PaymentId), PaymentRef> = Table::new(111);
pub const REFUNDS: Table<RefundId, Refund> = Table::new(112);
/// Provider events already taken in: `(provider, event id)`.
pub const PROVIDER_EVENTS: Table<(String, String), crate::scope::Present> = Table::new(113);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentRef(pub PaymentId);
gearify_storage::first_version!(PaymentRef);

/// An order's payments, oldest first.
pub fn of_order(view: &(impl View + ?Sized), order: OrderId) -> Vec<Payment> {
    const PAYMENTS_MAX: usize = 64;
    let refs = PAYMENTS_BY_ORDER.list(view, &order, PAYMENTS_MAX);
    refs.into_iter().filter_map(|PaymentRef(id)| PAYMENTS.get(view, &id)).collect()
}
