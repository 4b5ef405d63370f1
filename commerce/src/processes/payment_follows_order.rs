//! An order that ends collects nothing more and gives back what it collected; a refund of an order
//! becomes a refund of its payment.

use super::Now;
use crate::command::{Command, Event};
use crate::ids::OrderId;
use crate::orders::{Command as OrdersCommand, Event as Orders};
use crate::payments::{self, Command as Payments, Payment};
use crate::scope::View;
use crate::version;

pub fn react(view: &(impl View + Now), event: &Event) -> Vec<Command> {
    match event {
        Event::Orders(Orders::OrderCancelled { order, .. }) => {
            let mut commands = void_open(view, *order);
            if view.follows(version::RETURNS) {
                commands.extend(give_back(view, *order, "cancelled"));
            } else {
                commands.extend(give_back_before(view, *order));
            }
            commands
        }
        Event::Orders(Orders::OrderExpired { order, .. }) => {
            let mut commands = void_open(view, *order);
            if view.follows(version::RETURNS) {
                commands.extend(give_back(view, *order, "not paid in full"));
            }
            commands
        }
        Event::Orders(Orders::RefundRequested { refund, payment, amount, .. }) => {
            vec![Payments::StartRefund { payment: *payment, refund: Some(*refund), amount: *amount }.into()]
        }
        _ => Vec::new(),
    }
}

fn void_open(view: &impl View, order: OrderId) -> Vec<Command> {
    let payments = payments::of_order(view, order).into_iter();
    payments
        .filter(|payment| payment.state.is_open())
        .map(|payment| Payments::Void { payment: payment.id }.into())
        .collect()
}

fn give_back(view: &impl View, order: OrderId, reason: &str) -> Vec<Command> {
    let of_payment = |payment: Payment| {
        let (payment, amount, reason) = (payment.id, payment.refundable(), reason.to_owned());
        OrdersCommand::GiveBack { order, payment, amount, reason }.into()
    };
    captured(view, order).map(of_payment).collect()
}

/// As it was before state version 6: the order does not name what goes back.
fn give_back_before(view: &impl View, order: OrderId) -> Vec<Command> {
    let of_payment = |payment: Payment| {
        let (payment, amount) = (payment.id, payment.refundable());
        Payments::StartRefund { payment, refund: None, amount }.into()
    };
    captured(view, order).map(of_payment).collect()
}

/// Payments of which something can be given back, the newest first.
fn captured(view: &impl View, order: OrderId) -> impl Iterator<Item = Payment> {
    let payments = payments::of_order(view, order).into_iter().rev();
    payments.filter(|payment| payment.refundable() > 0)
}
