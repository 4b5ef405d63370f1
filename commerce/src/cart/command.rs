//! What may be asked of carts, and what is reported.

use super::model::{Addresses, ContactRef, Destination, StockNeed};
use crate::ids::{AddOnId, CartId, CustomerId, LineId, OrderId, ProductId, RateId, VariantId};
use crate::intent::Market;
use crate::sealed::PersonRef;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Adds to a cart, which begins with its first line. The leader looked the variant up.
    AddLine {
        cart: CartId,
        market: Market,
        customer: Option<CustomerId>,
        line: NewLine,
        lifetime_ms: i64,
    },
    /// Zero removes the line.
    SetQuantity {
        cart: CartId,
        line: LineId,
        quantity: u32,
        lifetime_ms: i64,
    },
    SetDestination {
        cart: CartId,
        destination: Destination,
    },
    /// As it was before state version 5: the cart counts as abandoned after an hour.
    SetContact {
        cart: CartId,
        person: PersonRef,
        contact: ContactRef,
    },
    SetAddresses {
        cart: CartId,
        person: PersonRef,
        addresses: Addresses,
        destination: Destination,
    },
    ChooseRate {
        cart: CartId,
        rate: RateId,
    },
    /// Moves a guest's lines into the customer's cart, which begins with them if there is none.
    Merge {
        from: CartId,
        into: CartId,
        customer: CustomerId,
        lifetime_ms: i64,
    },
    /// The cart's lifetime is over.
    Expire {
        cart: CartId,
    },
    /// The cart's hold is over.
    HoldEnded {
        cart: CartId,
    },
    /// The cart was perhaps left alone.
    Idle {
        cart: CartId,
    },
    /// Its owner wishes to be forgotten: an open cart goes, with what it says of them.
    Erase {
        cart: CartId,
    },
    /// Whom to tell; left alone for `idle_ms` from now on, the cart counts as abandoned.
    TakeContact {
        cart: CartId,
        person: PersonRef,
        contact: ContactRef,
        idle_ms: i64,
    },
    /// Whether a guest wishes to be written to, in words of this version.
    SetConsent {
        cart: CartId,
        purpose: String,
        granted: bool,
        source: String,
        wording_version: String,
    },
}

/// A line about to be added, with the facts about its variant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewLine {
    pub product: ProductId,
    pub variant: VariantId,
    pub sku: String,
    pub quantity: u32,
    pub add_ons: Vec<AddOnId>,
    pub stock: Vec<StockNeed>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    ItemAddedToCart {
        cart: CartId,
        line: LineId,
        variant: VariantId,
        quantity: u32,
    },
    /// Lines or the delivery changed; a hold, if there was one, no longer fits.
    CartChanged {
        cart: CartId,
        revision: u64,
        drop_hold: bool,
    },
    CartsMerged {
        from: CartId,
        into: CartId,
    },
    CartCheckedOut {
        cart: CartId,
        order: OrderId,
    },
    CartExpired {
        cart: CartId,
    },
    /// Somebody who wishes to be written to left it alone. Told once of a cart.
    CartAbandoned {
        cart: CartId,
        since: Timestamp,
    },
    /// A guest agreed to something, or no longer does.
    ConsentGiven {
        cart: CartId,
        purpose: String,
        granted: bool,
        source: String,
        wording_version: String,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::ItemAddedToCart { .. } => "cart.item_added",
            Event::CartChanged { .. } => "cart.changed",
            Event::CartsMerged { .. } => "cart.merged",
            Event::CartCheckedOut { .. } => "cart.checked_out",
            Event::CartExpired { .. } => "cart.expired",
            Event::CartAbandoned { .. } => "cart.abandoned",
            Event::ConsentGiven { .. } => "cart.consent",
        }
    }
}
