//! Where contexts meet: events in, commands out.
//!
//! A process is a short file with one function from an event and the state to the commands that
//! follow. It runs inside the entry of the event, so what follows commits with what happened: there
//! is no moment at which a payment is captured and its order does not know. What must call somebody
//! outside asks for it ([`Scope::ask`](crate::Scope::ask)); the leader's workers answer with an entry.

pub mod checkout;
mod erasure;
mod guest_order_joins_account;
mod hold_follows_cart;
mod mails;
mod order_follows_payment;
mod papers_follow_order;
mod payment_follows_order;
pub mod schedule;
mod stock_follows_order;
#[cfg(test)]
mod tests;

use crate::command::{Command, Event};
use crate::scope::View;
use crate::version::StateVersion;
use crate::{cart, inventory, orders};
use schedule::Due;

/// The commands that follow from an event.
pub fn react(view: &(impl View + Now), event: &Event) -> Vec<Command> {
    let mut commands = Vec::new();
    commands.extend(stock_follows_order::react(event));
    commands.extend(payment_follows_order::react(view, event));
    commands.extend(order_follows_payment::react(view, event));
    commands.extend(hold_follows_cart::react(view, event));
    commands.extend(guest_order_joins_account::react(view, event));
    commands.extend(papers_follow_order::react(view, event));
    commands.extend(mails::react(view, event));
    commands.extend(erasure::react(view, event));
    commands
}

/// The commands that fall due.
pub fn due(due: &Due) -> Vec<Command> {
    let command = match due {
        Due::Cart(cart) => cart::Command::Expire { cart: *cart }.into(),
        Due::Hold(cart) => inventory::Command::ExpireHold { cart: *cart }.into(),
        Due::CartIdle(cart) => cart::Command::Idle { cart: *cart }.into(),
        Due::Order(order) => orders::Command::Expire { order: *order }.into(),
        Due::Session(session) => crate::customers::Command::EndSession { session: *session }.into(),
        Due::Publication(product) => crate::catalog::Command::PublishDue { product: *product }.into(),
        Due::Prices(variant) => crate::pricing::Command::TurnDue { variant: *variant }.into(),
    };
    vec![command]
}

/// The entry's time and its group's rules, for processes that must decide with them.
pub trait Now {
    fn now(&self) -> crate::Timestamp;

    /// Whether the group follows the rules of this version.
    fn follows(&self, version: StateVersion) -> bool;
}

impl Now for crate::Scope<'_, '_> {
    fn now(&self) -> crate::Timestamp {
        self.at()
    }

    fn follows(&self, version: StateVersion) -> bool {
        crate::Scope::follows(self, version)
    }
}
