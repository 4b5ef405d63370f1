//! Decides and evolves.

use super::{Command, Refusal};
use crate::command::Reply;
use crate::scope::Scope;

pub fn apply(_scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match *command {}
}
