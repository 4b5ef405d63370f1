//! The shop: bounded contexts over a replicated state, pure and deterministic.
//!
//! Nothing here knows a clock, a file, a socket or a random number. Time, ids and prices arrive in the
//! command; state is read and written through a scope bound to one tenant and one site. A context is a
//! folder with the same files as every other: `model` (records and values), `command` (what may be
//! asked), `apply` (`decide`, which reads and may refuse, and `evolve`, which writes and cannot fail),
//! `error` (refusals) and `tests`. Contexts meet only in [`processes`].

pub mod actor;
pub mod bundle;
pub mod cart;
pub mod catalog;
pub mod check;
pub mod code;
pub mod command;
pub mod customers;
pub mod event;
pub mod facts;
mod growth;
#[cfg(test)]
mod harness;
pub mod ids;
pub mod intent;
pub mod inventory;
pub mod locale;
pub mod money;
pub mod notifications;
pub mod orders;
pub mod payments;
pub mod placement;
pub mod pricing;
pub mod processes;
pub mod scope;
pub mod sealed;
pub mod searches;
pub mod shipping;
pub mod staff;
mod subject;
pub mod tax;
pub mod tenants;
pub mod text;
pub mod time;
pub mod version;

pub use actor::Actor;
pub use code::Code;
pub use command::{Command, Event, GroupKind, Outcome, Refusal, Reply, Stamped};
pub use ids::*;
pub use locale::{Country, Locale, RegionCode};
pub use money::{Currency, Money, MoneyError};
pub use placement::Shard;
pub use scope::{ReadScope, Scope, Site, Table, View};
pub use sealed::{Sealed, Vault};
pub use text::{Name, Slug, Text};
pub use time::Timestamp;
pub use version::StateVersion;
