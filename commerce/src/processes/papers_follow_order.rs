//! A confirmed order gets its invoice; what is given back of it, or not delivered after all, is credited.
//!
//! The context decides whether there is anything to write: an order without an invoice has nothing to credit.

use super::Now;
use crate::command::{Command, Event};
use crate::orders::{Command as Orders, Event as OrderEvent};
use crate::scope::View;
use crate::version;

pub fn react(view: &(impl View + Now), event: &Event) -> Option<Command> {
    let Event::Orders(event) = event else { return None };
    let command = match *event {
        OrderEvent::OrderConfirmed { order } => Orders::IssueInvoice { order },
        OrderEvent::OrderRefunded { order, refund, .. } => {
            Orders::IssueCreditNote { order, refund: Some(refund) }
        }
        OrderEvent::OrderCancelled { order, .. } => Orders::IssueCreditNote { order, refund: None },
        _ => return None,
    };
    view.follows(version::PAPERS).then(|| command.into())
}
