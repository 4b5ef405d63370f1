//! Refusals: facts, not sentences.

use super::Host;
use crate::check::Invalid;
use crate::text::Slug;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no such tenant")]
    UnknownTenant,
    #[error("the tenant exists already")]
    Exists,
    #[error("the platform itself is no tenant")]
    Platform,
    #[error("the name {slug} is taken")]
    SlugTaken { slug: Slug },
    #[error("the host {host} is taken")]
    HostTaken { host: Host },
    #[error("the tenant has no host {host}")]
    UnknownHost { host: Host },
    /// A change was made from another revision than the one that stands.
    #[error("revision {revision} stands, not the one this change was made from")]
    Stale { revision: u64 },
    #[error(transparent)]
    Invalid(#[from] Invalid),
}
