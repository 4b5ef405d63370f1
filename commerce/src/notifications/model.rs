//! Mails waiting to be sent, or sent.

use crate::ids::{CustomerId, MailId, OrderId, RefundId, ShipmentId};
use crate::scope::Table;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mail {
    pub id: MailId,
    pub kind: MailKind,
    pub subject: Subject,
    pub state: MailState,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
gearify_storage::first_version!(Mail);

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MailKind {
    OrderReceived,
    OrderConfirmed,
    OrderShipped,
    OrderCancelled,
    OrderExpired,
    OrderRefunded,
    VerifyEmail,
    PasswordReset,
}

impl MailKind {
    pub fn as_str(self) -> &'static str {
        match self {
            MailKind::OrderReceived => "order_received",
            MailKind::OrderConfirmed => "order_confirmed",
            MailKind::OrderShipped => "order_shipped",
            MailKind::OrderCancelled => "order_cancelled",
            MailKind::OrderExpired => "order_expired",
            MailKind::OrderRefunded => "order_refunded",
            MailKind::VerifyEmail => "verify_email",
            MailKind::PasswordReset => "password_reset",
        }
    }
}

/// What a mail is about; its words and address come from there when it is shown or sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Subject {
    Order(OrderId),
    Shipment(OrderId, ShipmentId),
    Refund(OrderId, RefundId),
    Customer(CustomerId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MailState {
    Queued,
    Sent,
    Failed,
}

/// Mails by id, which sorts by time.
pub const MAILS: Table<MailId, Mail> = Table::new(130);
