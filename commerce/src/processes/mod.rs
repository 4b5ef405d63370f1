//! Where contexts meet: events in, commands out.
//!
//! A process is a short file with one function from an event and the state to the commands that
//! follow. It runs inside the entry of the event, so what follows commits with what happened: there
//! is no moment at which a payment is captured and its order does not know.

pub mod checkout;
pub mod schedule;

use crate::command::{Command, Event};
use crate::scope::View;

/// The commands that follow from an event.
pub fn react(_view: &dyn View, _event: &Event) -> Vec<Command> {
    Vec::new()
}

/// The commands that fall due.
pub fn due(_view: &dyn View, _due: &schedule::Due) -> Vec<Command> {
    Vec::new()
}
