//! Tenants: who sells, under which hosts, looking how, by which rules.
//!
//! Invariants: a slug and a host belong to one tenant in the whole world; a slug is never given up.
//! A tenant's settings are typed groups, each with a revision of its own; a change names the revision
//! it was made from and is refused as stale if another came first.
//! Group: world. Scope: the tenant, no site; the indexes over all tenants stand under the platform's.

mod apply;
mod command;
mod error;
mod model;
#[cfg(test)]
mod tests;
mod values;

pub use apply::apply;
pub(crate) use apply::{arrive, may_arrive};
pub use command::{Command, Event, Group, SuspensionCause};
pub use error::Refusal;
pub use model::*;
pub use values::*;
