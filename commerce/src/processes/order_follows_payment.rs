//! An order knows the sums of its payments; paid in full it is confirmed and collects nothing more, and what was
//! captured beyond its total goes back. A capture that comes after the order expired takes the stock again if it can, otherwise
//! gives the money back.

use super::{Now, checkout};
use crate::command::{Command, Event};
use crate::ids::{LineId, OrderId, PaymentId};
use crate::inventory::{self, Taken};
use crate::orders::{Command as Orders, ORDERS, Order, OrderStatus, PaidSums};
use crate::payments::{self, Command as PaymentsCommand, Event as Payments, Payment, PaymentState};
use crate::scope::View;
use crate::version;

pub fn react(view: &(impl View + Now), event: &Event) -> Vec<Command> {
    let Event::Payments(event) = event else { return Vec::new() };
    let (order_id, note) = subject(event);
    let Some(order) = ORDERS.get(view, &order_id) else { return Vec::new() };
    let payments = payments::of_order(view, order_id);
    let paid = sums(&payments);
    let mut commands = vec![Orders::SetPaid { order: order_id, paid, note: note.to_owned() }.into()];
    match event {
        Payments::PaymentCompleted { payment, amount, .. } => {
            let capture = Capture { payment: *payment, amount: *amount };
            commands.extend(match view.follows(version::RETURNS) {
                true => completed(view, &order, &payments, capture),
                false => completed_before(view, &order, paid, capture),
            })
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

#[derive(Clone, Copy)]
struct Capture {
    payment: PaymentId,
    amount: i64,
}

fn completed(
    view: &(impl View + Now),
    order: &Order,
    payments: &[Payment],
    capture: Capture,
) -> Vec<Command> {
    let total = order.totals.total;
    let mut commands = Vec::new();
    let beyond = match order.status {
        OrderStatus::Placed | OrderStatus::Confirmed | OrderStatus::Completed => {
            let captured: i64 = payments.iter().map(|payment| payment.captured).sum();
            if order.status == OrderStatus::Placed && captured >= total {
                commands.push(Orders::Confirm { order: order.id }.into());
                // Nothing more is collected: another attempt may still be under way.
                let open = payments.iter().filter(|payment| payment.state.is_open());
                commands.extend(open.map(|payment| PaymentsCommand::Void { payment: payment.id }.into()));
            }
            captured - total
        }
        OrderStatus::Expired => {
            // What else was captured went back when the order expired.
            let kept: i64 = payments.iter().map(Payment::refundable).sum();
            let taken = (kept >= total).then(|| checkout::plan_again(view, view.now(), order));
            match taken {
                Some(Ok(taken)) => {
                    commands.extend(revive(order, taken));
                    kept - total
                }
                _ => capture.amount,
            }
        }
        OrderStatus::Cancelled => capture.amount,
    };
    // Each capture gives its own part back: those before it gave theirs.
    let amount = beyond.min(capture.amount);
    if amount > 0 {
        let (order, payment, reason) = (order.id, capture.payment, reason(order.status).to_owned());
        commands.push(Orders::GiveBack { order, payment, amount, reason }.into());
    }
    commands
}

fn reason(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Placed | OrderStatus::Confirmed | OrderStatus::Completed => "paid twice",
        OrderStatus::Expired => "paid too late",
        OrderStatus::Cancelled => "paid after the order was cancelled",
    }
}

fn revive(order: &Order, taken: Vec<(LineId, Vec<Taken>)>) -> [Command; 2] {
    let all = taken.iter().flat_map(|(_, parts)| parts.clone()).collect();
    [
        inventory::Command::Allocate { order: order.id, taken: all }.into(),
        Orders::Revive { order: order.id, taken }.into(),
    ]
}

/// As it was before state version 6, where what came beyond the total was kept.
fn completed_before(
    view: &(impl View + Now),
    order: &Order,
    paid: PaidSums,
    Capture { payment, amount }: Capture,
) -> Vec<Command> {
    match order.status {
        OrderStatus::Placed if paid.captured >= order.totals.total => {
            vec![Orders::Confirm { order: order.id }.into()]
        }
        OrderStatus::Expired => match checkout::plan_again(view, view.now(), order) {
            Ok(taken) => revive(order, taken).into(),
            Err(_) => vec![give_back(payment, amount)],
        },
        OrderStatus::Cancelled => vec![give_back(payment, amount)],
        _ => Vec::new(),
    }
}

fn give_back(payment: PaymentId, amount: i64) -> Command {
    PaymentsCommand::StartRefund { payment, refund: None, amount }.into()
}
