//! Signing in and the shopper's own pages.

use super::parts::{AddressLines, Field, Link, Tone};
use super::paths;
use crate::l10n::{Amount, Day};

#[derive(Debug, Clone)]
pub struct SignInPage {
    pub email: String,
    pub error: Option<String>,
    /// Where to go afterwards, a path of this shop; sent back as `next`.
    pub next: String,
    /// Offered in the middle of a checkout: go on as a guest.
    pub guest_href: Option<String>,
}

#[derive(Debug, Clone)]
pub struct RegisterPage {
    /// `name`, `email`, `password`.
    pub fields: Vec<Field>,
    pub consent: Option<Field>,
    pub error: Option<String>,
    pub next: String,
    pub terms: Vec<Link>,
}

/// Any short form on a page of its own (a new password, a code).
#[derive(Debug, Clone)]
pub struct FormPage {
    pub title: String,
    pub introduction: String,
    /// POST
    pub action: String,
    pub hidden: Vec<(String, String)>,
    pub fields: Vec<Field>,
    pub button: String,
    pub error: Option<String>,
    /// Elsewhere to go.
    pub links: Vec<Link>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountSection {
    Profile,
    Orders,
    Addresses,
}

#[derive(Debug, Clone)]
pub struct ProfilePage {
    /// Whose account it is; it can't be changed here.
    pub email: String,
    /// The address was not confirmed yet: the page offers the link again.
    pub unverified: bool,
    /// `name`, `phone`, `consent.marketing`.
    pub fields: Vec<Field>,
    pub error: Option<String>,
}

#[derive(Debug, Clone)]
pub struct OrdersPage {
    /// The address was not confirmed yet: orders of the time before the account are missing.
    pub unverified: bool,
    pub orders: Vec<OrderRow>,
    pub previous_href: Option<String>,
    pub next_href: Option<String>,
}

#[derive(Debug, Clone)]
pub struct OrderRow {
    pub number: String,
    pub href: String,
    pub placed_on: Day,
    /// In words.
    pub status: String,
    pub tone: Tone,
    pub item_count: u64,
    pub total: Amount,
    /// "Longacre Meridian bat and 2 more"
    pub contents: String,
}

#[derive(Debug, Clone)]
pub struct AddressesPage {
    pub addresses: Vec<AddressCard>,
}

#[derive(Debug, Clone)]
pub struct AddressCard {
    pub id: String,
    pub lines: AddressLines,
    pub is_default: bool,
}

#[derive(Debug, Clone)]
pub struct AddressEditPage {
    /// `None` for a new one.
    pub id: Option<String>,
    /// `country` first, then what that country has, in its order.
    pub fields: Vec<Field>,
    pub error: Option<String>,
}

impl AddressEditPage {
    /// Where the form goes, without the locale prefix.
    pub fn form_path(&self) -> String {
        match &self.id {
            Some(id) => paths::address(id),
            None => paths::ADDRESSES.to_owned(),
        }
    }
}
