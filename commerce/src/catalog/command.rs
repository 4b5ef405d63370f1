//! What may be asked, and what is reported.

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
