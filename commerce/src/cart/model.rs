//! A cart and what it holds.
//!
//! A cart stores what the shopper chose, never a price: prices are quoted when the cart is shown and
//! frozen when the order is placed. It exists from its first line on; its id and token certify
//! themselves, so an empty cart costs nothing.

use crate::customers::{Consent, MARKETING, agreed_to_marketing};
use crate::ids::{AddOnId, CartId, CustomerId, LineId, OrderId, ProductId, RateId, StockItemId, VariantId};
use crate::locale::{Country, Locale, RegionCode};
use crate::money::Currency;
use crate::scope::{Table, View};
use crate::sealed::{KeyedHash, Sealed};
use crate::time::{HOUR_MS, Timestamp};
use serde::{Deserialize, Serialize};

/// Pieces of one line.
pub const LINE_QUANTITY_MAX: u32 = 999;
/// Lines of one cart: keeps a cart and its order far under the largest stored value.
pub const LINES_MAX: usize = 50;
/// Add-ons of one line.
pub const COMPONENTS_MAX: usize = 8;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cart {
    pub id: CartId,
    /// Counts every change; a placed order names the revision it was quoted from.
    pub revision: u64,
    pub status: CartStatus,
    pub customer: Option<CustomerId>,
    pub country: Country,
    pub currency: Currency,
    pub locale: Locale,
    pub lines: Vec<CartLine>,
    pub destination: Option<Destination>,
    pub contact: Option<ContactRef>,
    pub addresses: Option<Addresses>,
    /// The chosen delivery rate.
    pub shipping_rate: Option<RateId>,
    pub hold: Option<Hold>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub expires_at: Timestamp,
}
gearify_storage::first_version!(Cart);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CartStatus {
    Open,
    /// Became this order. Final.
    Ordered(OrderId),
    /// Its lines moved into another cart at sign-in. Final.
    Merged(CartId),
}

/// One choice: a variant with its add-ons. Equal choices are one line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CartLine {
    pub id: LineId,
    pub product: ProductId,
    pub variant: VariantId,
    pub sku: String,
    pub quantity: u32,
    /// Sorted, without repeats.
    pub add_ons: Vec<AddOnId>,
    /// What one piece takes from stock, as it was when the line was last written.
    pub stock: Vec<StockNeed>,
}

/// Pieces of a stock item that one piece of a variant takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StockNeed {
    pub item: StockItemId,
    pub per_unit: u32,
    /// Selling goes on below zero: backorder or preorder.
    pub beyond_stock: bool,
}

/// Where the goods go, as far as rates, taxes and delivery need it. Not personal by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    pub country: Country,
    pub region: Option<RegionCode>,
    /// Outward part only (`SW1A`, `110`, `30`): enough for zones, too little for a house.
    pub postal_prefix: Option<String>,
}

/// A contact as rules may know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContactRef {
    pub sealed: Sealed<Contact>,
    pub email_hash: KeyedHash,
}

/// Personal: only inside [`Sealed`], or in memory on its way there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub email: String,
    pub phone: Option<String>,
    pub name: Option<String>,
}

impl std::fmt::Debug for Contact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    pub shipping: Sealed<Address>,
    /// `None`: the same as shipping.
    pub billing: Option<Sealed<Address>>,
    /// Keyed hash of the shipping address, for limits per address.
    pub shipping_hash: KeyedHash,
}

/// A postal address. Personal: only inside [`Sealed`], or in memory on its way there.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    pub name: String,
    pub company: Option<String>,
    pub phone: Option<String>,
    pub line1: String,
    pub line2: Option<String>,
    pub locality: Option<String>,
    pub city: Option<String>,
    pub region_code: Option<RegionCode>,
    pub region: Option<String>,
    pub postal_code: Option<String>,
    pub country: Country,
    pub tax_id: Option<String>,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Address({})", self.country)
    }
}

impl Address {
    /// What rules may know of this address.
    pub fn destination(&self) -> Destination {
        Destination {
            country: self.country.clone(),
            region: self.region_code.clone(),
            postal_prefix: self.postal_code.as_deref().and_then(postal_prefix),
        }
    }
}

/// The part of a postal code that names a district: the outward half of a British code, otherwise the
/// first three characters (two for codes of up to four).
pub fn postal_prefix(code: &str) -> Option<String> {
    let code: String = code.to_uppercase();
    let code = code.trim();
    let prefix: String = match code.split_once(' ') {
        Some((outward, _)) if outward.len() >= 2 => outward.into(),
        _ => code.chars().filter(|c| c.is_alphanumeric()).take(if code.len() <= 4 { 2 } else { 3 }).collect(),
    };
    (!prefix.is_empty()).then_some(prefix)
}

/// Stock promised to this cart for a few minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub expires_at: Timestamp,
    pub renewed: bool,
}

/// Carts by id.
pub const CARTS: Table<CartId, Cart> = Table::new(90);
/// A customer's open cart.
pub const CUSTOMER_CARTS: Table<CustomerId, CartOf> = Table::new(91);
/// Open holds per shipping address hash, for the limit: `(address, cart)`.
pub const HOLDS_BY_ADDRESS: Table<(KeyedHash, CartId), crate::scope::Present> = Table::new(92);

/// When the carts with a contact count as abandoned.
pub const IDLES: Table<CartId, Idle> = Table::new(93);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idle {
    /// Time without a change, as the shop had set it when the contact was given.
    pub after_ms: i64,
    /// It was said already, and is not said again.
    pub is_told: bool,
}
gearify_storage::first_version!(Idle);

impl Default for Idle {
    fn default() -> Idle {
        Idle { after_ms: HOUR_MS, is_told: false }
    }
}

/// What guests agreed to at the checkout, the newest word per purpose. It goes with its cart; the event history
/// has all.
pub const GUEST_CONSENTS: Table<(CartId, String), Consent> = Table::new(94);

/// Whether whoever holds the cart agrees to be written to: a customer as their account says, a guest as they
/// said at the checkout.
pub fn wishes_mail(view: &(impl View + ?Sized), cart: &Cart) -> bool {
    match cart.customer {
        Some(customer) => agreed_to_marketing(view, customer),
        None => guest_agreed(view, cart.id),
    }
}

pub fn guest_agreed(view: &(impl View + ?Sized), cart: CartId) -> bool {
    GUEST_CONSENTS.get(view, &(cart, MARKETING.to_owned())).is_some_and(|consent| consent.granted)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CartOf(pub CartId);
gearify_storage::first_version!(CartOf);
