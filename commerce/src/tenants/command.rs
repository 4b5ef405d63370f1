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
    /// [`Command::Suspend`] with its cause: since [`crate::version::SUSPENSIONS`].
    SuspendFor {
        cause: SuspensionCause,
    },
}

/// Why a shop is closed: one of a list, so that no words about a person stand in a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SuspensionCause {
    Unpaid,
    Terms,
    Fraud,
    Security,
    Asked,
    Maintenance,
}

impl SuspensionCause {
    pub const ALL: [SuspensionCause; 6] = [
        SuspensionCause::Unpaid,
        SuspensionCause::Terms,
        SuspensionCause::Fraud,
        SuspensionCause::Security,
        SuspensionCause::Asked,
        SuspensionCause::Maintenance,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            SuspensionCause::Unpaid => "unpaid",
            SuspensionCause::Terms => "terms",
            SuspensionCause::Fraud => "fraud",
            SuspensionCause::Security => "security",
            SuspensionCause::Asked => "asked",
            SuspensionCause::Maintenance => "maintenance",
        }
    }

    pub fn parse(text: &str) -> Option<SuspensionCause> {
        SuspensionCause::ALL.into_iter().find(|cause| cause.as_str() == text)
    }
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
    SuspendedFor { cause: SuspensionCause },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::Created { .. } => "tenant.created",
            Event::Updated { group: Group::Profile, .. } => "tenant.updated",
            Event::Updated { .. } => "tenant.config_updated",
            Event::DomainAdded { .. } => "tenant.domain_added",
            Event::DomainRemoved { .. } => "tenant.domain_removed",
            Event::Suspended | Event::SuspendedFor { .. } => "tenant.suspended",
            Event::Resumed => "tenant.resumed",
        }
    }
}
