//! Staff members, roles, permissions and API keys.

use crate::ids::{ApiKeyId, PersonId, StaffId};
use crate::scope::{Table, View};
use crate::sealed::{KeyedHash, Sealed};
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// People of one shop, and operators of the platform.
pub const STAFF_MAX: usize = 500;
pub const API_KEYS_MAX: usize = 100;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StaffMember {
    pub id: StaffId,
    pub revision: u64,
    pub card: Sealed<Card>,
    pub email_hash: KeyedHash,
    /// An Argon2 PHC string; `None` until the set-up link was used.
    pub password_hash: Option<String>,
    pub setup: Option<SetupLink>,
    pub role: Role,
    pub active: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}
gearify_storage::first_version!(StaffMember);

/// Personal: only inside [`Sealed`], or in memory on its way there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub email: String,
    pub name: String,
}

impl std::fmt::Debug for Card {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Card")
    }
}

/// A link that sets the first password, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetupLink {
    pub token_hash: KeyedHash,
    pub expires_at: Timestamp,
}

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($variant),+ }

        impl $name {
            pub const ALL: &'static [$name] = &[$($name::$variant),+];

            pub const fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }

            pub fn parse(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|known| known.as_str() == text)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

pub(super) use words;

words! {
    /// What one may do. The order of variants is stored: only append.
    Permission {
        ProductsRead = "products:read",
        ProductsWrite = "products:write",
        StockRead = "stock:read",
        StockWrite = "stock:write",
        OrdersRead = "orders:read",
        OrdersWrite = "orders:write",
        OrdersRefund = "orders:refund",
        CustomersRead = "customers:read",
        CustomersWrite = "customers:write",
        ReportsRead = "reports:read",
        SettingsRead = "settings:read",
        SettingsWrite = "settings:write",
        StaffRead = "staff:read",
        StaffWrite = "staff:write",
        EventsRead = "events:read",
        PlatformRead = "platform:read",
        PlatformWrite = "platform:write",
    }
}

words! {
    /// What one is. The order of variants is stored: only append.
    Role {
        Owner = "owner",
        Manager = "manager",
        Fulfilment = "fulfilment",
        Support = "support",
        Operator = "operator",
    }
}

impl Role {
    /// A table one can read: who may do what.
    pub fn may(self, permission: Permission) -> bool {
        use Permission::*;
        let platform = matches!(permission, PlatformRead | PlatformWrite);
        match self {
            Role::Operator => platform,
            Role::Owner => !platform,
            Role::Manager => !platform && permission != StaffWrite,
            Role::Fulfilment => {
                matches!(permission, ProductsRead | StockRead | StockWrite | OrdersRead | OrdersWrite)
            }
            Role::Support => matches!(
                permission,
                ProductsRead
                    | StockRead
                    | OrdersRead
                    | OrdersWrite
                    | OrdersRefund
                    | CustomersRead
                    | CustomersWrite
            ),
        }
    }
}

/// A key of an integration. Only its hash is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub name: Name,
    pub secret_hash: KeyedHash,
    pub scopes: Vec<Permission>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}
gearify_storage::first_version!(ApiKey);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaffRef(pub StaffId);
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRef(pub ApiKeyId);
gearify_storage::first_version!(StaffRef, KeyRef);

pub const STAFF: Table<StaffId, StaffMember> = Table::new(30);
pub const STAFF_BY_EMAIL: Table<KeyedHash, StaffRef> = Table::new(31);
pub const API_KEYS: Table<ApiKeyId, ApiKey> = Table::new(32);
pub const API_KEYS_BY_HASH: Table<KeyedHash, KeyRef> = Table::new(33);

/// The person whose key seals a staff member's card.
pub fn person_of(staff: StaffId) -> PersonId {
    PersonId::from_bits(staff.bits())
}

pub fn by_email(view: &(impl View + ?Sized), email_hash: &KeyedHash) -> Option<StaffMember> {
    STAFF.get(view, &STAFF_BY_EMAIL.get(view, email_hash)?.0)
}

/// Everybody of the scope, in the order they came.
pub fn list(view: &(impl View + ?Sized)) -> Vec<StaffMember> {
    STAFF.list(view, &(), STAFF_MAX)
}

/// The live key with this secret.
pub fn api_key(view: &(impl View + ?Sized), secret_hash: &KeyedHash) -> Option<ApiKey> {
    let key = API_KEYS.get(view, &API_KEYS_BY_HASH.get(view, secret_hash)?.0)?;
    key.revoked_at.is_none().then_some(key)
}
