//! Who asked for a command.

use crate::ids::{ApiKeyId, CustomerId, StaffId};
use serde::{Deserialize, Serialize};

/// Carried by every command and event. Holds ids only, never a name or an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Actor {
    Guest,
    Customer(CustomerId),
    Staff(StaffId),
    ApiKey(ApiKeyId),
    /// A payment or carrier provider, by its name here (`test`, `stripe`).
    Provider(String),
    /// A platform operator.
    Operator(StaffId),
    /// The leader's scheduler or a process.
    System,
}

/// The kind and, where there is one, the id: `staff staff_01…`, `provider test`, `guest`.
impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = self.kind();
        match self {
            Actor::Staff(id) | Actor::Operator(id) => write!(f, "{kind} {id}"),
            Actor::ApiKey(id) => write!(f, "{kind} {id}"),
            Actor::Customer(id) => write!(f, "{kind} {id}"),
            Actor::Provider(name) => write!(f, "{kind} {name}"),
            Actor::Guest | Actor::System => f.write_str(kind),
        }
    }
}

impl Actor {
    /// The word for the kind in events and the audit trail.
    pub fn kind(&self) -> &'static str {
        match self {
            Actor::Guest => "guest",
            Actor::Customer(_) => "customer",
            Actor::Staff(_) => "staff",
            Actor::ApiKey(_) => "api_key",
            Actor::Provider(_) => "provider",
            Actor::Operator(_) => "operator",
            Actor::System => "system",
        }
    }
}
