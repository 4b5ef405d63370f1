//! From the cart to a placed order: contact, delivery, payment, review.
//!
//! Each step stores what was given in the cart, so that going back loses nothing, and leads on; a step
//! that lacks something sends to the step where it is given. Only posts change anything: the hold on the
//! stock begins when the means to pay are chosen, the order is placed from the review.

mod contact;
mod delivery;
mod payment;
mod review;

pub use contact::{show_contact, take_contact};
pub use delivery::{show_delivery, take_delivery};
pub use payment::{at_checkout, show_payment, take_payment};
pub use review::{place_order, show_review};

pub(super) use payment::{means_of, methods};
pub(super) use review::{key_of, settle};

use super::answer::see_other;
use super::bag;
use super::convert::moment;
use super::notes::Note;
use super::till::Counted;
use super::typed::address_lines;
use super::view::checkout::CheckoutSummary;
use super::view::paths;
use super::visit::Visit;
use crate::api::carts::Held;
use crate::read::orders::ContactView;
use axum::response::Response;
use gearify_commerce::cart::{Address, Cart};
use gearify_commerce::command::GroupKind;
use gearify_commerce::sealed::open;

/// The cart at the till.
pub(super) struct Till {
    pub held: Held,
    pub counted: Counted,
}

impl Till {
    /// The visitor's cart, or where to go without one.
    #[expect(clippy::result_large_err, reason = "the other way out is an answer, made once a request")]
    pub fn open(visit: &Visit) -> Result<Till, Response> {
        let held =
            bag::filled(visit).map_err(|_| see_other(&Note::CartChanged.on(&visit.to(paths::CART))))?;
        let cart = held.stored.clone().expect("a filled cart is stored");
        let counted = Counted::of(visit, &held, cart);
        Ok(Till { held, counted })
    }

    pub fn cart(&self) -> &Cart {
        &self.counted.cart
    }

    pub fn contact(&self) -> Option<&ContactView> {
        self.counted.view.contact.as_ref()
    }

    pub fn contact_line(&self) -> String {
        self.contact().map(|contact| contact.email.clone()).unwrap_or_default()
    }

    /// Where the goods go, opened.
    pub fn shipping(&self, visit: &Visit) -> Option<Address> {
        let sealed = &self.cart().addresses.as_ref()?.shipping;
        visit.call.read(GroupKind::Region, |view| open(view, visit.call.vault(), sealed).ok())
    }

    pub fn billing(&self, visit: &Visit) -> Option<Address> {
        let sealed = self.cart().addresses.as_ref()?.billing.as_ref()?;
        visit.call.read(GroupKind::Region, |view| open(view, visit.call.vault(), sealed).ok())
    }

    pub fn delivery_lines(&self, visit: &Visit) -> Vec<String> {
        self.shipping(visit).map(|address| address_lines(&address, visit)).unwrap_or_default()
    }

    /// The chosen way of delivery in words; `None` while none is chosen or offered any more.
    pub fn shipping_words(&self, visit: &Visit) -> Option<String> {
        let option = self.counted.view.shipping_option.as_ref()?;
        let days = super::cart::window(option).map(|(from, to)| visit.page_locale().date_range(from, to));
        Some(match days {
            Some(days) => format!("{} · {days}", option.name),
            None => option.name.clone(),
        })
    }

    pub fn summary(&self, visit: &Visit) -> CheckoutSummary {
        let held = self.cart().hold.as_ref().filter(|hold| hold.expires_at > visit.call.now());
        CheckoutSummary {
            lines: self.counted.lines.clone(),
            totals: self.counted.totals.clone(),
            held_until: held.map(|hold| moment(hold.expires_at, visit.settings())),
            coupon: None,
        }
    }

    /// The step where something is given that a later one needs.
    pub fn missing_before_payment(&self) -> Option<&'static str> {
        match () {
            _ if self.contact().is_none() => Some(paths::CHECKOUT_CONTACT),
            _ if self.cart().addresses.is_none() || self.counted.view.shipping_option.is_none() => {
                Some(paths::CHECKOUT_DELIVERY)
            }
            _ => None,
        }
    }
}
