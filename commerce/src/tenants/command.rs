//! What may be asked, and what is reported.
//!
//! `expected` is the revision of the group that a change was made from; `None` overwrites whatever
//! stands.

use super::{Branding, Entitlements, Host, LegalEntity, Origin, PageKind, Profile, Settings};
use crate::text::{Name, Slug, Text};
use serde::{Deserialize, Serialize};

#[expect(clippy::large_enum_variant, reason = "a tenant is made once; a command is boxed as a whole")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Runs in the scope of the new tenant's id, which the caller made.
    CreateTenant {
        slug: Slug,
        profile: Profile,
        domains: Vec<Host>,
        branding: Branding,
        settings: Settings,
        /// Of the first site.
        region: Name,
    },
    UpdateProfile {
        expected: Option<u64>,
        profile: Profile,
    },
    UpdateBranding {
        expected: Option<u64>,
        branding: Branding,
    },
    UpdateSettings {
        expected: Option<u64>,
        settings: Settings,
    },
    UpdateEntitlements {
        expected: Option<u64>,
        entitlements: Entitlements,
    },
    UpdateLegalEntity {
        expected: Option<u64>,
        legal: Option<LegalEntity>,
    },
    UpdatePage {
        expected: Option<u64>,
        kind: PageKind,
        body: Text,
    },
    AddDomain {
        host: Host,
    },
    RemoveDomain {
        host: Host,
    },
    Suspend,
    Resume,
    UpdateOrigins {
        expected: Option<u64>,
        origins: Vec<Origin>,
    },
}

/// A group of settings that changes as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    Profile,
    Branding,
    Settings,
    Entitlements,
    LegalEntity,
    Page(PageKind),
    Origins,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    Created { slug: Slug },
    Updated { group: Group, revision: u64 },
    DomainAdded { host: Host },
    DomainRemoved { host: Host },
    Suspended,
    Resumed,
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::Created { .. } => "tenant.created",
            Event::Updated { group: Group::Profile, .. } => "tenant.updated",
            Event::Updated { .. } => "tenant.config_updated",
            Event::DomainAdded { .. } => "tenant.domain_added",
            Event::DomainRemoved { .. } => "tenant.domain_removed",
            Event::Suspended => "tenant.suspended",
            Event::Resumed => "tenant.resumed",
        }
    }
}
