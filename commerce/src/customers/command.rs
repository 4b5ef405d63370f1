//! What may be asked of customers and sessions, and what is reported.

use super::model::{Profile, Who, Wishes};
use crate::cart::Address;
use crate::ids::{AddressId, CustomerId, SessionId};
use crate::locale::{Country, Locale};
use crate::sealed::{KeyedHash, PersonRef, Sealed};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Register {
        customer: CustomerId,
        person: PersonRef,
        profile: Sealed<Profile>,
        email_hash: KeyedHash,
        password_hash: String,
        locale: Locale,
    },
    UpdateProfile {
        customer: CustomerId,
        person: PersonRef,
        profile: Sealed<Profile>,
        locale: Option<Locale>,
        if_revision: u64,
    },
    ChangePassword {
        customer: CustomerId,
        password_hash: String,
    },
    VerifyEmail {
        customer: CustomerId,
    },
    /// Adds an address, or replaces the one named.
    PutAddress {
        customer: CustomerId,
        id: Option<AddressId>,
        person: PersonRef,
        address: Sealed<Address>,
        country: Country,
        default: bool,
        if_revision: Option<u64>,
    },
    RemoveAddress {
        customer: CustomerId,
        id: AddressId,
    },
    SetConsent {
        customer: CustomerId,
        purpose: String,
        granted: bool,
        source: String,
        wording_version: String,
    },
    StartSession {
        session: SessionId,
        who: Who,
        token_hash: KeyedHash,
        lifetime_ms: i64,
    },
    /// Exchanges a refresh token for the next one. A token seen before ends the family.
    Rotate {
        session: SessionId,
        presented: KeyedHash,
        next: KeyedHash,
        lifetime_ms: i64,
    },
    EndSession {
        session: SessionId,
    },
    /// Signs a person out everywhere.
    EndSessionsOf {
        who: Who,
    },
    /// Forgets a person at their wish: profile, address book, consents, wishes and the key they are under.
    /// Orders that money was taken for keep their own copy, as bookkeeping law demands.
    Erase {
        customer: CustomerId,
    },
    SetWishes {
        customer: CustomerId,
        if_revision: Option<u64>,
        wishes: Wishes,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    CustomerRegistered {
        customer: CustomerId,
        locale: Locale,
    },
    CustomerUpdated {
        customer: CustomerId,
        revision: u64,
    },
    EmailVerified {
        customer: CustomerId,
        email_hash: KeyedHash,
    },
    AddressAdded {
        customer: CustomerId,
        address: AddressId,
    },
    AddressUpdated {
        customer: CustomerId,
        address: AddressId,
    },
    AddressRemoved {
        customer: CustomerId,
        address: AddressId,
    },
    ConsentGiven {
        customer: CustomerId,
        purpose: String,
        granted: bool,
        source: String,
        wording_version: String,
    },
    SessionStarted {
        session: SessionId,
        who: Who,
    },
    SessionEnded {
        session: SessionId,
        who: Who,
    },
    /// A refresh token was used twice: its family was ended.
    TokenReused {
        session: SessionId,
        who: Who,
    },
    CustomerErased {
        customer: CustomerId,
    },
    WishesChanged {
        customer: CustomerId,
        revision: u64,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::CustomerRegistered { .. } => "customer.registered",
            Event::CustomerUpdated { .. } => "customer.updated",
            Event::EmailVerified { .. } => "customer.email_verified",
            Event::AddressAdded { .. } => "customer.address_added",
            Event::AddressUpdated { .. } => "customer.address_updated",
            Event::AddressRemoved { .. } => "customer.address_removed",
            Event::ConsentGiven { .. } => "customer.consent",
            Event::SessionStarted { .. } => "session.started",
            Event::SessionEnded { .. } => "session.ended",
            Event::TokenReused { .. } => "session.token_reused",
            Event::CustomerErased { .. } => "customer.erased",
            Event::WishesChanged { .. } => "customer.preferences_changed",
        }
    }
}
