//! From the bag to a placed order, one column, one step at a time, the whole cost always in sight.
//!
//! Going back loses nothing: each page is filled from what was already given. After bad input the
//! same page comes back with what was typed and an error in each field concerned.

use super::cart::{CartLine, Totals};
use super::parts::{AddressLines, DeliveryWindow, Field, Link};
use super::paths;
use crate::l10n::{Amount, Moment};

/// Beside every step: what is being bought and until when it is kept.
#[derive(Debug, Clone)]
pub struct CheckoutSummary {
    pub lines: Vec<CartLine>,
    pub totals: Totals,
    /// "held for you until 14:32"
    pub held_until: Option<Moment>,
    /// The coupon field, folded away; absent where the shop has no coupons.
    pub coupon: Option<CouponForm>,
}

#[derive(Debug, Clone)]
pub struct CouponForm {
    /// POST
    pub action: String,
    pub field: Field,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckoutStep {
    Contact,
    Delivery,
    Payment,
    Review,
}

impl CheckoutStep {
    pub const ALL: [CheckoutStep; 4] =
        [CheckoutStep::Contact, CheckoutStep::Delivery, CheckoutStep::Payment, CheckoutStep::Review];
}

impl CheckoutStep {
    pub fn path(self) -> &'static str {
        match self {
            CheckoutStep::Contact => paths::CHECKOUT_CONTACT,
            CheckoutStep::Delivery => paths::CHECKOUT_DELIVERY,
            CheckoutStep::Payment => paths::CHECKOUT_PAYMENT,
            CheckoutStep::Review => paths::CHECKOUT_REVIEW,
        }
    }
}

#[derive(Debug, Clone)]
pub struct ContactPage {
    pub summary: CheckoutSummary,
    /// `email`, perhaps `phone`.
    pub fields: Vec<Field>,
    /// Unticked to begin with; absent where nothing is asked.
    pub consent: Option<Field>,
    /// The shopper is signed in and nothing needs to be asked.
    pub signed_in: bool,
    /// What went wrong apart from the fields.
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct DeliveryPage {
    pub summary: CheckoutSummary,
    /// The contact given, shown with a way back.
    pub contact: String,
    /// Saved addresses of a signed-in shopper, `shipping_address` = id; the form below is for a new one.
    pub saved: Vec<SavedAddress>,
    /// `shipping.country` first, then the fields that country has, in its order.
    pub fields: Vec<Field>,
    /// Ways to send it; empty until an address is known.
    pub options: Vec<ShippingOption>,
    /// The name of a country this shop does not deliver to, if that was chosen.
    pub refused_country: Option<String>,
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct SavedAddress {
    pub id: String,
    pub lines: AddressLines,
    pub selected: bool,
}

#[derive(Debug, Clone)]
pub struct ShippingOption {
    /// Sent as `shipping_option`.
    pub id: String,
    pub name: String,
    /// Empty if it says nothing new.
    pub carrier: String,
    pub price: Amount,
    pub window: Option<DeliveryWindow>,
    pub selected: bool,
}

#[derive(Debug, Clone)]
pub struct PaymentPage {
    pub summary: CheckoutSummary,
    pub contact: String,
    /// On one line each, shown with a way back.
    pub delivery_address: AddressLines,
    pub shipping: String,
    pub methods: Vec<PaymentMethod>,
    /// The invoice goes to the delivery address.
    pub billing_same: bool,
    /// `billing.*`, used if it does not.
    pub billing: Vec<Field>,
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct PaymentMethod {
    /// Sent as `payment`.
    pub id: String,
    pub name: String,
    /// What happens next: "You will pay on the bank's page".
    pub description: String,
    pub selected: bool,
    /// Asked for only with this method.
    pub fields: Vec<Field>,
}

#[derive(Debug, Clone)]
pub struct ReviewPage {
    pub summary: CheckoutSummary,
    pub contact: String,
    pub delivery_address: AddressLines,
    pub billing_address: Option<AddressLines>,
    pub shipping: String,
    pub payment: String,
    /// Made when the page is; the same key pays once however often it is sent.
    pub idempotency_key: String,
    /// Sent back, so that a price that moved in between is noticed.
    pub expected_total: Amount,
    /// What is agreed to by ordering.
    pub terms: Vec<Link>,
    pub terms_version: String,
    /// A word to the shop, optional.
    pub note: Option<Field>,
    pub error: Option<ReviewError>,
}

/// Why the order was not placed, and what now.
#[derive(Debug, Clone)]
pub struct ReviewError {
    pub text: String,
    /// Where it can be put right.
    pub action: Option<Link>,
}

impl DeliveryPage {
    /// A saved address is chosen, not the form.
    pub fn uses_saved(&self) -> bool {
        self.saved.iter().any(|address| address.selected)
    }
}

impl PaymentPage {
    /// Every field that may hold an error.
    pub fn all_fields(&self) -> impl Iterator<Item = &Field> {
        self.methods.iter().flat_map(|method| &method.fields).chain(&self.billing)
    }

    /// What was settled in the step before.
    pub fn delivery_given(&self) -> Vec<&str> {
        delivery_given(&self.delivery_address, &self.shipping)
    }
}

impl ReviewPage {
    pub fn delivery_given(&self) -> Vec<&str> {
        delivery_given(&self.delivery_address, &self.shipping)
    }
}

fn delivery_given<'a>(address: &'a [String], shipping: &'a str) -> Vec<&'a str> {
    address.iter().map(String::as_str).chain([shipping]).filter(|line| !line.is_empty()).collect()
}

/// Instead of a checkout that cannot end: the shop does not deliver there.
#[derive(Debug, Clone)]
pub struct NotDeliverablePage {
    /// The country, or the place in it.
    pub destination: String,
    /// Where it does deliver to, by name.
    pub countries: Vec<String>,
    /// What can be done: change the address, take a line out.
    pub actions: Vec<Link>,
}
