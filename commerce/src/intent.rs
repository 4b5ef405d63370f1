//! What a caller wants, before the leader adds what it knows.
//!
//! The node that receives a request checks it and forms an intent. Only the leader of the group turns
//! it into a command, immediately before proposing: it adds time, ids, sealed bytes, prices, tax and
//! the catalogue position they were read at. Intents may hold personal data in the clear; they live in
//! memory and on encrypted connections, never in a log.

use crate::actor::Actor;
use crate::cart::{Address, Contact};
use crate::command::{Command, CommandId, GroupKind, Keep};
use crate::ids::{
    AddOnId, AddressId, CartId, CustomerId, LineId, OrderId, PaymentId, RateId, StaffId, TenantId, VariantId,
    ViewId,
};
use crate::locale::{Country, Locale};
use crate::money::Currency;
use crate::orders::RefundItem;
use crate::scope::Site;
use crate::staff::ViewList;
use crate::text::Name;
use serde::{Deserialize, Serialize};

/// An intent with everything around it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Request {
    pub id: CommandId,
    pub keep: Keep,
    /// Hash of what was asked, to notice a reused id.
    pub hash: [u8; 16],
    pub tenant: TenantId,
    pub site: Site,
    pub actor: Actor,
    pub intent: Intent,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Intent {
    /// Needs nothing but time and ids.
    Ready(Box<Command>),
    Cart(CartIntent),
    Checkout(CheckoutIntent),
    Order(OrderIntent),
    Customer(CustomerIntent),
    Staff(StaffIntent),
}

impl Intent {
    pub fn group(&self) -> GroupKind {
        match self {
            Intent::Ready(command) => command.group(),
            Intent::Cart(_) | Intent::Checkout(_) | Intent::Order(_) | Intent::Customer(_) => {
                GroupKind::Region
            }
            Intent::Staff(_) => GroupKind::World,
        }
    }
}

impl<C: Into<Command>> From<C> for Intent {
    fn from(command: C) -> Intent {
        Intent::Ready(Box::new(command.into()))
    }
}

/// A variant by id or by SKU.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VariantRef {
    Id(VariantId),
    Sku(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CartIntent {
    /// Adds to a cart; the cart begins with its first line, in this market.
    AddLine {
        cart: CartId,
        market: Market,
        customer: Option<CustomerId>,
        variant: VariantRef,
        quantity: u32,
        add_ons: Vec<AddOnId>,
    },
    /// Zero removes the line.
    SetQuantity {
        cart: CartId,
        line: LineId,
        quantity: u32,
    },
    SetDestination {
        cart: CartId,
        country: Country,
        region: Option<String>,
        postal_code: Option<String>,
    },
    SetContact {
        cart: CartId,
        contact: Contact,
    },
    SetAddresses {
        cart: CartId,
        shipping: Box<Address>,
        billing: Option<Box<Address>>,
    },
    ChooseRate {
        cart: CartId,
        rate: RateId,
    },
    /// Holds the stock for a few minutes.
    Reserve {
        cart: CartId,
    },
    /// Moves a guest's cart into the customer's.
    Merge {
        from: CartId,
        into: CartId,
        customer: CustomerId,
    },
    /// What a guest agreed to, and in which words.
    SetConsent {
        cart: CartId,
        purpose: String,
        granted: bool,
        source: String,
        wording_version: String,
    },
}

/// Where and how a shopper shops.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Market {
    pub country: Country,
    pub currency: Currency,
    pub locale: Locale,
}

/// How a shopper pays. Tokens come from the provider's own fields; card numbers never come here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentChoice {
    /// `test`, `manual`, later `stripe`, `paypal`.
    pub provider: String,
    pub token: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum CheckoutIntent {
    Place {
        cart: CartId,
        /// Minor units the shopper saw; a different total is refused.
        expected_total: Option<i64>,
        payment: PaymentChoice,
        note: Option<String>,
        terms_version: Option<String>,
        source: crate::orders::Source,
    },
    /// Another try, or a second tender, for an order that is not paid.
    Pay { order: OrderId, payment: PaymentChoice },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum OrderIntent {
    AddNote {
        order: OrderId,
        text: String,
    },
    /// Amounts are computed by the leader from the order's snapshot when `None`.
    Refund {
        order: OrderId,
        payment: Option<PaymentId>,
        items: Vec<RefundRequest>,
        reason: String,
    },
    /// Calls an order off; without a reason the customer did. Groups before state version 8 take the command.
    Cancel {
        order: OrderId,
        reason: Option<String>,
    },
}

/// Part of a refund as it is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundRequest {
    Line { line: LineId, quantity: u32, restock: bool },
    Shipping { amount: Option<i64> },
    Goodwill { amount: i64 },
}

#[derive(Clone, Serialize, Deserialize)]
pub enum CustomerIntent {
    /// `password_hash` is a PHC string; hashing happens at the receiving node.
    Register {
        email: String,
        name: String,
        password_hash: String,
        locale: Locale,
    },
    UpdateProfile {
        customer: CustomerId,
        name: Option<String>,
        phone: Option<Option<String>>,
        locale: Option<Locale>,
        if_revision: Option<u64>,
    },
    AddAddress {
        customer: CustomerId,
        address: Box<Address>,
        default: bool,
    },
    UpdateAddress {
        customer: CustomerId,
        id: AddressId,
        address: Box<Address>,
        default: bool,
        if_revision: Option<u64>,
    },
}

impl std::fmt::Debug for CustomerIntent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CustomerIntent")
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub enum StaffIntent {
    /// `tenant` of the request: the shop, or the platform for an operator.
    Add {
        email: String,
        name: String,
        role: String,
        password_hash: Option<String>,
        setup_token_hash: Option<[u8; 16]>,
    },
    ChangePassword {
        staff: StaffId,
        password_hash: String,
    },
    /// Keeps a view of a list under a name, or changes one.
    SaveView {
        view: Option<ViewId>,
        by: StaffId,
        list: ViewList,
        shared: bool,
        name: Name,
        query: String,
    },
}

impl std::fmt::Debug for StaffIntent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StaffIntent")
    }
}

/// The amounts a refund would have, for the preview.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundPreview {
    /// Which payments give how much: never none.
    pub payments: Vec<(PaymentId, i64)>,
    pub items: Vec<RefundItem>,
    pub amount: i64,
}
