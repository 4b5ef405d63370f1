//! A hold ends with what it was for: lines that changed, a cart that expired; and a cart knows when
//! its hold ended.

use crate::cart::{self, CARTS, CartStatus};
use crate::command::{Command, Event};
use crate::inventory::{self, RESERVATIONS};
use crate::scope::View;

pub fn react(view: &impl View, event: &Event) -> Option<Command> {
    match event {
        Event::Cart(cart::Event::CartChanged { cart, drop_hold: true, .. }) => {
            Some(inventory::Command::Release { cart: *cart }.into())
        }
        Event::Inventory(inventory::Event::InventoryReleased { cart }) => {
            let held_again = RESERVATIONS.contains(view, cart);
            let open =
                CARTS.get(view, cart).filter(|cart| cart.status == CartStatus::Open && cart.hold.is_some());
            (open.is_some() && !held_again).then(|| cart::Command::HoldEnded { cart: *cart }.into())
        }
        _ => None,
    }
}
