//! Placing an order: cart, stock, order and payment in one entry.

use crate::command::Reply;
use crate::scope::Scope;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {}

impl Event {
    pub fn name(&self) -> &'static str {
        match *self {}
    }
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {}

pub fn apply(_scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match *command {}
}
