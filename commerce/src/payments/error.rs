//! Refusals of payments: facts, not sentences.

use crate::ids::{OrderId, PaymentId, RefundId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no payment {payment}")]
    UnknownPayment { payment: PaymentId },
    #[error("there is no refund {refund}")]
    UnknownRefund { refund: RefundId },
    #[error("the order has a payment under way")]
    UnderWay { payment: PaymentId },
    #[error("the order was tried too often")]
    TooManyAttempts { order: OrderId },
    #[error("the payment is already settled")]
    AlreadySettled { payment: PaymentId },
    #[error("this word is about another attempt")]
    OtherAttempt { payment: PaymentId },
    #[error("only a manual payment is marked by hand")]
    NotManual { payment: PaymentId },
    #[error("at most {refundable} can be given back")]
    MoreThanCaptured { refundable: i64 },
    #[error("the amount must be more than zero")]
    NotPositive,
    #[error("the event was taken in before")]
    RepeatedEvent,
}
