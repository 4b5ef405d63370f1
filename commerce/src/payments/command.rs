//! What may be asked of payments, and what is reported.

use crate::ids::{AttemptId, OrderId, PaymentId, RefundId};
use crate::money::Currency;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Begins to collect an amount. Made by checkout, in the order's own entry.
    Start {
        order: OrderId,
        provider: String,
        token: Option<String>,
        amount: i64,
        currency: Currency,
    },
    /// What the provider said about an attempt.
    Settle {
        payment: PaymentId,
        attempt: AttemptId,
        outcome: Outcome,
    },
    /// A verified, perhaps repeated, event of a provider.
    TakeEvent {
        provider: String,
        event: String,
        payment: PaymentId,
        attempt: AttemptId,
        outcome: Outcome,
    },
    /// Staff saw the money of a manual payment arrive.
    MarkReceived {
        payment: PaymentId,
    },
    /// Nothing will be collected any more.
    Void {
        payment: PaymentId,
    },
    /// Begins to give an amount back. `refund` is the order's name for it, if the order asked.
    StartRefund {
        payment: PaymentId,
        refund: Option<RefundId>,
        amount: i64,
    },
    SettleRefund {
        refund: RefundId,
        outcome: RefundOutcome,
    },
}

/// The provider's word on a payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    Captured {
        reference: String,
        amount: i64,
    },
    Authorised {
        reference: String,
    },
    /// The provider decides later.
    Pending {
        reference: String,
    },
    Declined {
        reference: Option<String>,
        code: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundOutcome {
    Succeeded { reference: String },
    Failed { reason: String },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    PaymentInitiated {
        payment: PaymentId,
        order: OrderId,
        provider: String,
        amount: i64,
        currency: Currency,
    },
    PaymentAuthorised {
        payment: PaymentId,
        order: OrderId,
        amount: i64,
        currency: Currency,
    },
    PaymentCompleted {
        payment: PaymentId,
        order: OrderId,
        provider: String,
        amount: i64,
        currency: Currency,
        reference: String,
    },
    PaymentFailed {
        payment: PaymentId,
        order: OrderId,
        provider: String,
        code: String,
    },
    PaymentVoided {
        payment: PaymentId,
        order: OrderId,
    },
    RefundInitiated {
        refund: RefundId,
        payment: PaymentId,
        order: OrderId,
        amount: i64,
        currency: Currency,
    },
    RefundProcessed {
        refund: RefundId,
        payment: PaymentId,
        order: OrderId,
        provider: String,
        amount: i64,
        currency: Currency,
        reference: String,
    },
    RefundFailed {
        refund: RefundId,
        payment: PaymentId,
        order: OrderId,
        amount: i64,
        currency: Currency,
        reason: String,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::PaymentInitiated { .. } => "payment.initiated",
            Event::PaymentAuthorised { .. } => "payment.authorised",
            Event::PaymentCompleted { .. } => "payment.completed",
            Event::PaymentFailed { .. } => "payment.failed",
            Event::PaymentVoided { .. } => "payment.voided",
            Event::RefundInitiated { .. } => "refund.initiated",
            Event::RefundProcessed { .. } => "refund.processed",
            Event::RefundFailed { .. } => "refund.failed",
        }
    }
}
