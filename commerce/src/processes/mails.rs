//! What people are told by mail, and when.
//!
//! "Order received" follows the placing when payment is awaited; the confirmation follows the
//! confirmed order. A mail names its order or customer; its words and addresses are filled in when it
//! is sent or shown, so that no personal data stands in the log.

use crate::command::{Command, Event};
use crate::customers;
use crate::ids::OrderId;
use crate::notifications::{Command as Notifications, MailKind, Subject};
use crate::orders::{Event as Orders, ORDERS, PaymentStatus};
use crate::payments::MANUAL;
use crate::scope::View;

pub fn react(view: &impl View, event: &Event) -> Option<Command> {
    let (kind, subject) = match event {
        Event::Payments(crate::payments::Event::PaymentInitiated { order, provider, .. })
            if provider == MANUAL =>
        {
            (MailKind::OrderReceived, Subject::Order(*order))
        }
        Event::Orders(Orders::OrderConfirmed { order }) => (MailKind::OrderConfirmed, Subject::Order(*order)),
        Event::Orders(Orders::OrderShipped { order, shipment, .. }) => {
            (MailKind::OrderShipped, Subject::Shipment(*order, *shipment))
        }
        Event::Orders(Orders::OrderCancelled { order, .. }) => {
            (MailKind::OrderCancelled, Subject::Order(*order))
        }
        Event::Orders(Orders::OrderExpired { order, .. }) if was_tried(view, *order) => {
            (MailKind::OrderExpired, Subject::Order(*order))
        }
        Event::Orders(Orders::OrderRefunded { order, refund, .. }) => {
            (MailKind::OrderRefunded, Subject::Refund(*order, *refund))
        }
        Event::Customers(customers::Event::CustomerRegistered { customer, .. }) => {
            (MailKind::VerifyEmail, Subject::Customer(*customer))
        }
        _ => return None,
    };
    Some(Notifications::Queue { kind, subject }.into())
}

/// Whether the shopper ever tried to pay: nobody is told about an order they walked away from at once.
fn was_tried(view: &impl View, order: OrderId) -> bool {
    ORDERS
        .get(view, &order)
        .is_some_and(|order| order.payment_status() != PaymentStatus::Unpaid || !order.payments.is_empty())
}
