//! An order knows the sums of its payments; paid in full it is confirmed. A capture that comes after
//! the order expired takes the stock again if it can, otherwise gives the money back.

use super::{Now, checkout};
use crate::command::{Command, Event};
use crate::ids::{OrderId, PaymentId};
use crate::inventory;
use crate::orders::{Command as Orders, ORDERS, Order, OrderStatus, PaidSums};
use crate::payments::{self, Command as PaymentsCommand, Event as Payments, Payment, PaymentState};
use crate::scope::View;

pub fn react(view: &(impl View + Now), event: &Event) -> Vec<Command> {
    let Event::Payments(event) = event else { return Vec::new() };
    let (order_id, note) = subject(event);
    let Some(order) = ORDERS.get(view, &order_id) else { return Vec::new() };
    let payments = payments::of_order(view, order_id);
    let paid = sums(&payments);
    let mut commands = vec![Orders::SetPaid { order: order_id, paid, note: note.to_owned() }.into()];
    match event {
        Payments::PaymentCompleted { payment, amount, .. } => {
            commands.extend(completed(view, &order, paid, *payment, *amount))
        }
        Payments::RefundProcessed { refund, .. } => {
            commands.push(Orders::SettleRefund { order: order_id, refund: *refund, succeeded: true }.into())
        }
        Payments::RefundFailed { refund, .. } => {
            commands.push(Orders::SettleRefund { order: order_id, refund: *refund, succeeded: false }.into())
        }
        _ => {}
    }
    commands
}

fn subject(event: &Payments) -> (OrderId, &'static str) {
    match event {
        Payments::PaymentInitiated { order, .. } => (*order, "payment started"),
        Payments::PaymentAuthorised { order, .. } => (*order, "payment authorised"),
        Payments::PaymentCompleted { order, .. } => (*order, "payment received"),
        Payments::PaymentFailed { order, .. } => (*order, "payment failed"),
        Payments::PaymentVoided { order, .. } => (*order, "payment given up"),
        Payments::RefundInitiated { order, .. } => (*order, "refund started"),
        Payments::RefundProcessed { order, .. } => (*order, "refund arrived"),
        Payments::RefundFailed { order, .. } => (*order, "refund failed"),
    }
}

fn sums(payments: &[Payment]) -> PaidSums {
    let mut sums = PaidSums::default();
    for payment in payments {
        match payment.state {
            PaymentState::Pending => sums.pending += payment.amount,
            PaymentState::Authorised => sums.authorised += payment.amount,
            _ => {}
        }
        sums.captured += payment.captured;
        sums.refunded += payment.refunded;
    }
    sums
}

fn completed(
    view: &(impl View + Now),
    order: &Order,
    paid: PaidSums,
    payment: PaymentId,
    amount: i64,
) -> Vec<Command> {
    match order.status {
        OrderStatus::Placed if paid.captured >= order.totals.total => {
            vec![Orders::Confirm { order: order.id }.into()]
        }
        OrderStatus::Expired => match checkout::plan_again(view, view.now(), order) {
            Ok(taken) => {
                let all = taken.iter().flat_map(|(_, parts)| parts.clone()).collect();
                vec![
                    inventory::Command::Allocate { order: order.id, taken: all }.into(),
                    Orders::Revive { order: order.id, taken }.into(),
                ]
            }
            Err(_) => vec![give_back(payment, amount)],
        },
        OrderStatus::Cancelled => vec![give_back(payment, amount)],
        _ => Vec::new(),
    }
}

fn give_back(payment: PaymentId, amount: i64) -> Command {
    PaymentsCommand::StartRefund { payment, refund: None, amount }.into()
}
