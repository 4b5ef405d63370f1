//! An order that ends gives its pieces free; one that ships takes them out of the house; a refund
//! that restocks puts them back; a line that is moved has them set aside elsewhere.

use crate::command::{Command, Event};
use crate::inventory::Command as Inventory;
use crate::orders::Event as Orders;

pub fn react(event: &Event) -> Option<Command> {
    let Event::Orders(event) = event else { return None };
    let command = match event {
        Orders::OrderCancelled { order, taken, .. } | Orders::OrderExpired { order, taken, .. } => {
            Inventory::Unallocate { order: *order, taken: taken.clone() }
        }
        Orders::OrderShipped { order, taken, .. } => Inventory::Ship { order: *order, taken: taken.clone() },
        Orders::AllocationMoved { order, from, to, .. } => {
            Inventory::Reallocate { order: *order, from: from.clone(), to: to.clone() }
        }
        Orders::RefundRequested { order, restock, .. } if !restock.is_empty() => {
            Inventory::Restock { order: *order, taken: restock.clone() }
        }
        _ => return None,
    };
    Some(command.into())
}
