//! What happened, in order: the envelope around every context's events.

use crate::actor::Actor;
use crate::command::CommandId;
use crate::command::Event as ContextEvent;
use crate::ids::TenantId;
use crate::scope::{SEQUENCE, Site, View};
use crate::time::Timestamp;
use crate::version;
use gearify_storage::Record;
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
    /// The command in whose entry it happened. Events of one command share it; those of earlier times have
    /// none.
    pub cause: Option<CommandId>,
    /// The revision at which it left what it is about ([`Envelope::subject`]). Records without revisions have none,
    /// nor have events of earlier times.
    pub subject_version: Option<u64>,
}

impl Record for Envelope {
    const VERSION: u8 = 3;
    const SINCE: u32 = version::PAPERS;
    type Previous = EnvelopeV2;

    fn to_previous(&self) -> Option<EnvelopeV2> {
        Some(self.into())
    }
}

/// Before events told the revision of what they are about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvelopeV2 {
    sequence: u64,
    tenant: TenantId,
    site: Site,
    at: Timestamp,
    actor: Actor,
    event: ContextEvent,
    cause: Option<CommandId>,
}

impl Record for EnvelopeV2 {
    const VERSION: u8 = 2;
    const SINCE: u32 = version::CAUSES;
    type Previous = EnvelopeV1;

    fn to_previous(&self) -> Option<EnvelopeV1> {
        let EnvelopeV2 { sequence, tenant, site, at, actor, event, cause: _ } = self.clone();
        Some(EnvelopeV1 { sequence, tenant, site, at, actor, event })
    }
}

impl From<EnvelopeV2> for Envelope {
    fn from(old: EnvelopeV2) -> Envelope {
        let EnvelopeV2 { sequence, tenant, site, at, actor, event, cause } = old;
        Envelope { sequence, tenant, site, at, actor, event, cause, subject_version: None }
    }
}

impl From<&Envelope> for EnvelopeV2 {
    fn from(new: &Envelope) -> EnvelopeV2 {
        let Envelope { sequence, tenant, site, at, actor, event, cause, subject_version: _ } = new.clone();
        EnvelopeV2 { sequence, tenant, site, at, actor, event, cause }
    }
}

/// The number of the newest event in the stream of this tenant and site; 0 if nothing happened yet.
pub fn last_sequence(view: &(impl View + ?Sized)) -> u64 {
    SEQUENCE.get(view, &()).unwrap_or_default().0
}

/// Before events named their cause.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EnvelopeV1 {
    sequence: u64,
    tenant: TenantId,
    site: Site,
    at: Timestamp,
    actor: Actor,
    event: ContextEvent,
}
gearify_storage::first_version!(EnvelopeV1);

impl From<EnvelopeV1> for EnvelopeV2 {
    fn from(old: EnvelopeV1) -> EnvelopeV2 {
        let EnvelopeV1 { sequence, tenant, site, at, actor, event } = old;
        EnvelopeV2 { sequence, tenant, site, at, actor, event, cause: None }
    }
}
