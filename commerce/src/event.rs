//! What happened, in order: the envelope around every context's events.

use crate::actor::Actor;
use crate::command::Event as ContextEvent;
use crate::ids::TenantId;
use crate::scope::Site;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

pub use crate::command::Event;

/// An event as history keeps it. Its place in the log (group, index, n) is its identity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Number in the stream of this tenant and site: 1, 2, 3 … without gaps.
    pub sequence: u64,
    pub tenant: TenantId,
    pub site: Site,
    pub at: Timestamp,
    pub actor: Actor,
    pub event: ContextEvent,
}
gearify_storage::first_version!(Envelope);
