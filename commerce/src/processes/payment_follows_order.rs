//! An order that ends collects nothing more and gives back what it collected; a refund of an order
//! becomes a refund of its payment.

use crate::command::{Command, Event};
use crate::ids::OrderId;
use crate::orders::Event as Orders;
use crate::payments::{self, Command as Payments};
use crate::scope::View;

pub fn react(view: &impl View, event: &Event) -> Vec<Command> {
    match event {
        Event::Orders(Orders::OrderCancelled { order, .. }) => {
            let mut commands = void_open(view, *order);
            commands.extend(give_back(view, *order));
            commands
        }
        Event::Orders(Orders::OrderExpired { order, .. }) => void_open(view, *order),
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

fn give_back(view: &impl View, order: OrderId) -> Vec<Command> {
    let payments = payments::of_order(view, order).into_iter().rev();
    payments
        .filter(|payment| payment.refundable() > 0)
        .map(|payment| {
            Payments::StartRefund { payment: payment.id, refund: None, amount: payment.refundable() }.into()
        })
        .collect()
}
