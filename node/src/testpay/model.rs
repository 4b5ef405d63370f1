//! What the test provider's interface says, in the words of its JSON.

use serde::{Deserialize, Serialize};

/// Asks for money. Amounts are minor units of the currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreatePayment {
    pub amount: i64,
    /// ISO 4217, three capital letters.
    pub currency: String,
    /// Decides what happens: see [`Token`].
    pub token: String,
    /// The caller's own name for what is paid, to find it again by.
    pub reference: String,
    /// `false` only sets the money aside until it is captured.
    #[serde(default = "yes")]
    pub capture: bool,
    /// Where events of this payment go, instead of the address the server was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook_url: Option<String>,
}

fn yes() -> bool {
    true
}

/// The outcomes a token stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// `tok_ok`: succeeds.
    Ok,
    /// `tok_declined`: declined as `card_declined`.
    Declined,
    /// `tok_insufficient`: declined as `insufficient_funds`.
    Insufficient,
    /// `tok_later`: pending until it is settled by hand.
    Later,
    /// `tok_timeout`: recorded as pending, but the caller never gets an answer.
    Timeout,
}

impl Token {
    pub fn parse(text: &str) -> Option<Token> {
        match text {
            "tok_ok" => Some(Token::Ok),
            "tok_declined" => Some(Token::Declined),
            "tok_insufficient" => Some(Token::Insufficient),
            "tok_later" => Some(Token::Later),
            "tok_timeout" => Some(Token::Timeout),
            _ => None,
        }
    }

    pub(super) fn decline_code(self) -> Option<&'static str> {
        match self {
            Token::Declined => Some(DECLINED),
            Token::Insufficient => Some("insufficient_funds"),
            Token::Ok | Token::Later | Token::Timeout => None,
        }
    }

    pub(super) fn first_status(self, capture: bool) -> PaymentStatus {
        match self {
            Token::Ok if capture => PaymentStatus::Succeeded,
            Token::Ok => PaymentStatus::RequiresCapture,
            Token::Declined | Token::Insufficient => PaymentStatus::Declined,
            Token::Later | Token::Timeout => PaymentStatus::Pending,
        }
    }
}

/// Why a payment is declined when nothing more is known.
pub(super) const DECLINED: &str = "card_declined";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// The outcome is not known yet.
    Pending,
    /// Set aside, to be captured or cancelled.
    RequiresCapture,
    /// The money has moved.
    Succeeded,
    Declined,
    Cancelled,
}

impl PaymentStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            PaymentStatus::Pending => "pending",
            PaymentStatus::RequiresCapture => "requires_capture",
            PaymentStatus::Succeeded => "succeeded",
            PaymentStatus::Declined => "declined",
            PaymentStatus::Cancelled => "cancelled",
        }
    }

    pub(super) fn parse(text: &str) -> Option<PaymentStatus> {
        use PaymentStatus::*;
        [Pending, RequiresCapture, Succeeded, Declined, Cancelled]
            .into_iter()
            .find(|status| status.as_str() == text)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    pub id: String,
    pub status: PaymentStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<String>,
    pub amount: i64,
    /// What has moved; less than `amount` after a partial capture.
    pub amount_captured: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub reference: String,
    /// Seconds since 1970.
    pub created: i64,
}

/// Refunds succeed at once or are refused; there is no state in between.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub payment_id: String,
    pub amount: i64,
    pub currency: String,
    /// Seconds since 1970.
    pub created: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRefund {
    pub amount: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Capture {
    /// All of it when absent; what is not captured is released.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Declined,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settle {
    pub outcome: Outcome,
}

/// Everything the provider knows, in the order it happened: for comparing with one's own books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    pub payments: Vec<Payment>,
    pub refunds: Vec<Refund>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentList {
    pub data: Vec<Payment>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    #[serde(rename = "payment.succeeded")]
    PaymentSucceeded,
    #[serde(rename = "payment.failed")]
    PaymentFailed,
    #[serde(rename = "refund.succeeded")]
    RefundSucceeded,
}

/// What the provider reports by itself. Deliveries may repeat and overtake each other; `id` tells repeats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    pub id: String,
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// Seconds since 1970.
    pub created: i64,
    pub data: EventData,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventData {
    /// The payment as it was when the event happened.
    pub payment: Payment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
}

/// How the server misbehaves. Probabilities are between 0 and 1 and apply to each request that moves money.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Faults {
    /// Waits before doing anything, look-ups included.
    pub delay_ms: u64,
    /// Never answers, and has done nothing.
    pub timeout_before: f64,
    /// Never answers, but has done it.
    pub timeout_after: f64,
    /// Answers 500, and has done nothing.
    pub error_500_before: f64,
    /// Answers 500, but has done it.
    pub error_500_after: f64,
    /// Delivers each event so many times more.
    pub duplicate_events: u32,
    /// Holds each delivery back for a random while, so that they overtake each other.
    pub shuffle_events: bool,
}

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A stable word: `invalid`, `not_found`, `key_reused`, `wrong_state`, `too_much`, `internal`, `timeout`.
    pub code: String,
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RefusalBody {
    pub error: Refusal,
}
