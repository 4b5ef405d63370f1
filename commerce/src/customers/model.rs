//! Customers, their addresses, consents and sessions.

use crate::cart::Address;
use crate::ids::{AddressId, CustomerId, PersonId, SessionId, StaffId};
use crate::locale::{Country, Locale};
use crate::money::Currency;
use crate::scope::{Table, View};
use crate::sealed::{KeyedHash, Sealed};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Addresses in one book.
pub const ADDRESSES_MAX: usize = 20;
/// Signed-in devices of one person; the oldest is signed out beyond it.
pub const SESSIONS_MAX: usize = 20;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    pub id: CustomerId,
    pub revision: u64,
    pub profile: Sealed<Profile>,
    pub email_hash: KeyedHash,
    /// The address was shown to belong to this person.
    pub email_verified: bool,
    /// An Argon2 PHC string.
    pub password_hash: String,
    pub locale: Locale,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
gearify_storage::first_version!(Customer);

/// Personal: only inside [`Sealed`], or in memory on its way there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub email: String,
    pub name: String,
    pub phone: Option<String>,
}

impl std::fmt::Debug for Profile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Profile")
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedAddress {
    pub id: AddressId,
    pub customer: CustomerId,
    pub revision: u64,
    pub address: Sealed<Address>,
    pub country: Country,
    pub default: bool,
}
gearify_storage::first_version!(SavedAddress);

/// Agreement to something, with the words agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    pub purpose: String,
    pub granted: bool,
    /// Where it was given: `registration`, `checkout`, `account`.
    pub source: String,
    pub wording_version: String,
    pub at: Timestamp,
}
gearify_storage::first_version!(Consent);

/// To be written to about what the shop has to offer.
pub const MARKETING: &str = "marketing";
/// What a customer can agree to.
pub const PURPOSES: [&str; 1] = [MARKETING];

/// Whether the customer agrees, as far as they last said, to be written to.
pub fn agreed_to_marketing(view: &(impl View + ?Sized), customer: CustomerId) -> bool {
    CONSENTS.get(view, &(customer, MARKETING.to_owned())).is_some_and(|consent| consent.granted)
}

/// Where and in what a customer wants to shop, where they do not say so at the time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wishes {
    pub country: Option<Country>,
    pub currency: Option<Currency>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preferences {
    pub revision: u64,
    pub wishes: Wishes,
}
gearify_storage::first_version!(Preferences);

/// Whose session it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Who {
    Customer(CustomerId),
    Staff(StaffId),
}

impl Who {
    fn key(self) -> (u8, u128) {
        match self {
            Who::Customer(id) => (1, id.bits()),
            Who::Staff(id) => (2, id.bits()),
        }
    }
}

impl crate::scope::Key for Who {
    fn push(&self, out: &mut Vec<u8>) {
        self.key().push(out);
    }
}

/// A signed-in device: a family of refresh tokens of which only the newest works.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    pub id: SessionId,
    pub who: Who,
    /// Keyed hash of the newest refresh token.
    pub token_hash: KeyedHash,
    /// The one before it: seen again within a moment it is a lost answer, later it is theft.
    pub previous_hash: Option<KeyedHash>,
    pub rotated_at: Timestamp,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}
gearify_storage::first_version!(Session);

pub const CUSTOMERS: Table<CustomerId, Customer> = Table::new(120);
pub const CUSTOMERS_BY_EMAIL: Table<KeyedHash, CustomerRef> = Table::new(121);
pub const ADDRESSES: Table<(CustomerId, AddressId), SavedAddress> = Table::new(122);
/// The newest word per purpose; the event history has all.
pub const CONSENTS: Table<(CustomerId, String), Consent> = Table::new(123);
pub const SESSIONS: Table<SessionId, Session> = Table::new(124);
pub const SESSIONS_OF: Table<(Who, SessionId), SessionRef> = Table::new(125);
pub const PREFERENCES: Table<CustomerId, Preferences> = Table::new(126);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CustomerRef(pub CustomerId);
gearify_storage::first_version!(CustomerRef);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRef(pub SessionId);
gearify_storage::first_version!(SessionRef);

/// The person whose key seals a customer's data.
pub fn person_of(customer: CustomerId) -> PersonId {
    PersonId::from_bits(customer.bits())
}
