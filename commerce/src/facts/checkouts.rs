//! Facts for checkout and for staff's work on orders: the quote, sealed notes, refund amounts.

use super::{Desk, Views, carts};
use crate::actor::Actor;
use crate::cart::{Cart, CartStatus};
use crate::command::{Command, Refusal};
use crate::ids::{CartId, PaymentId, PersonId, RateId};
use crate::intent::{CheckoutIntent, OrderIntent, PaymentChoice};
use crate::orders::reason::REASON_CHARS_MAX;
use crate::orders::{self, BY_CUSTOMER, ORDERS, Order, Seller, Why, refund};
use crate::payments::MANUAL;
use crate::pricing::quote::{self, Quote, QuoteRequest};
use crate::processes::checkout::{self, Draft, PaymentDraft, Refusal as CheckoutRefusal};
use crate::sealed::{PersonRef, Sealed, seal};
use crate::tenants::{PaymentMethod, Settings};
use crate::version;

const NOTE_CHARS_MAX: usize = 1_000;

pub(super) fn complete(
    intent: &CheckoutIntent,
    desk: &Desk<'_>,
    views: &Views<'_>,
) -> Result<Command, Refusal> {
    match intent {
        CheckoutIntent::Place { cart, expected_total, payment, note, terms_version, source } => {
            let shop = views.shop()?;
            let settings = &shop.settings.value;
            let payment = offered(settings, payment)?;
            let known = carts::open(desk, views, *cart)?;
            checkout::require_complete(&known)?;
            let quote = quote_of(views, &known, settings)?;
            if !quote.unavailable.is_empty() {
                let why = "a product is no longer sold".to_owned();
                return Err(CheckoutRefusal::Unpriced { why }.into());
            }
            let total = quote.totals.total;
            if expected_total.is_some_and(|expected| expected != total) {
                return Err(CheckoutRefusal::TotalChanged { total }.into());
            }
            checkout::plan(&views.region, desk.now, &known)?;
            let lifetimes = settings.lifetimes;
            let manual = payment.provider == MANUAL;
            let draft = Draft {
                currency: known.currency,
                locale: known.locale.clone(),
                tax_included: quote.totals.tax_included,
                rounding: settings.tax.rounding,
                lines: quote.lines,
                shipping: quote.shipping,
                totals: quote.totals,
                number_prefix: settings.numbers.prefix.as_str().to_owned(),
                number_start: settings.numbers.start,
                source: *source,
                note: note.as_ref().map(|note| seal_note(desk, views, *cart, note)).transpose()?,
                terms_version: terms_version.clone(),
                payment,
                unpaid_ms: if manual { lifetimes.unpaid_manual_order_ms } else { lifetimes.unpaid_order_ms },
            };
            let (cart, revision, draft) = (*cart, known.revision, Box::new(draft));
            if version::of(desk.region) >= version::PAPERS {
                let seller = Box::new(Seller::of(&shop));
                return Ok(checkout::Command::PlaceAs { cart, revision, draft, seller }.into());
            }
            Ok(checkout::Command::Place { cart, revision, draft }.into())
        }
        CheckoutIntent::Pay { order, payment } => {
            let settings = views.shop()?.settings.value;
            let payment = offered(&settings, payment)?;
            ORDERS.get(&views.region, order).ok_or(CheckoutRefusal::UnknownOrder { order: *order })?;
            let order = *order;
            if payment.provider == MANUAL && version::of(desk.region) >= version::RETURNS {
                let unpaid_ms = settings.lifetimes.unpaid_manual_order_ms;
                return Ok(checkout::Command::PayWithin { order, payment, unpaid_ms }.into());
            }
            Ok(checkout::Command::Pay { order, payment }.into())
        }
    }
}

/// The cart priced as it stands now. Also what cart pages show.
pub fn quote_of(views: &Views<'_>, cart: &Cart, settings: &Settings) -> Result<Quote, Refusal> {
    let request = QuoteRequest::of_cart(cart, settings);
    quote::quote(&views.catalogue, &request).map_err(quote_refusal)
}

fn quote_refusal(refusal: quote::Refusal) -> Refusal {
    match refusal {
        quote::Refusal::NotDeliverable => CheckoutRefusal::NotDeliverable.into(),
        quote::Refusal::RateGone => CheckoutRefusal::RateExpired.into(),
        other => CheckoutRefusal::Unpriced { why: other.to_string() }.into(),
    }
}

/// Refuses a rate that the cart is not offered.
pub(super) fn require_rate(views: &Views<'_>, cart: &Cart, rate: RateId) -> Result<(), Refusal> {
    let wanted = Cart { shipping_rate: Some(rate), status: CartStatus::Open, ..cart.clone() };
    let settings = views.shop()?.settings.value;
    match quote_of(views, &wanted, &settings) {
        Ok(_) => Ok(()),
        Err(Refusal::Checkout(CheckoutRefusal::RateExpired)) => Err(crate::cart::Refusal::UnknownRate.into()),
        Err(refusal) => Err(refusal),
    }
}

fn offered(settings: &Settings, choice: &PaymentChoice) -> Result<PaymentDraft, Refusal> {
    let known =
        PaymentMethod::parse(&choice.provider).filter(|method| settings.payment_methods.contains(method));
    let provider = choice.provider.clone();
    match known {
        Some(_) => Ok(PaymentDraft { provider, token: choice.token.clone() }),
        None => {
            Err(CheckoutRefusal::UnknownProvider { provider: provider.chars().take(32).collect() }.into())
        }
    }
}

fn seal_note(
    desk: &Desk<'_>,
    views: &Views<'_>,
    cart: CartId,
    note: &str,
) -> Result<Sealed<String>, Refusal> {
    if note.chars().count() > NOTE_CHARS_MAX {
        return Err(orders::Refusal::TooLong.into());
    }
    let person = PersonRef::of(&views.region, desk.vault, carts::person_of(cart));
    Ok(seal(&views.region, desk.vault, &person, &note.to_owned())
        .map_err(|_| crate::cart::Refusal::Erased)?)
}

fn largest(payments: &[(PaymentId, i64)]) -> i64 {
    payments.iter().map(|(_, amount)| *amount).max().unwrap_or(0)
}

/// A reason is about the order's person, and goes with them: of somebody who was erased nothing more is kept.
fn seal_reason(desk: &Desk<'_>, views: &Views<'_>, order: &Order, reason: String) -> Result<Why, Refusal> {
    if reason.chars().count() > REASON_CHARS_MAX {
        return Err(orders::Refusal::TooLong.into());
    }
    let person = PersonRef::of(&views.region, desk.vault, order.contact.sealed.person());
    Ok(match seal(&views.region, desk.vault, &person, &reason) {
        Ok(text) => Why::Sealed { person, text },
        Err(_) => Why::Untold,
    })
}

pub(super) fn complete_order(
    intent: &OrderIntent,
    desk: &Desk<'_>,
    views: &Views<'_>,
    _actor: &Actor,
) -> Result<Command, Refusal> {
    let command = match intent {
        OrderIntent::AddNote { order, text } => {
            let known =
                ORDERS.get(&views.region, order).ok_or(orders::Refusal::UnknownOrder { order: *order })?;
            if text.trim().is_empty() || text.chars().count() > NOTE_CHARS_MAX {
                return Err(orders::Refusal::TooLong.into());
            }
            // A note is about the order's person: it goes when they are erased.
            let owner: PersonId = known.contact.sealed.person();
            let person = PersonRef::of(&views.region, desk.vault, owner);
            let text =
                seal(&views.region, desk.vault, &person, text).map_err(|_| crate::cart::Refusal::Erased)?;
            orders::Command::AddNote { order: *order, person, text }
        }
        OrderIntent::Refund { order, payment, items, reason } => {
            let known =
                ORDERS.get(&views.region, order).ok_or(orders::Refusal::UnknownOrder { order: *order })?;
            let worth = refund::preview(&views.region, &known, *payment, items)?;
            let (payments, items, revision) = (worth.payments, worth.items, known.revision);
            let (order, reason) = (*order, reason.clone());
            match version::of(desk.region) >= version::PAPERS {
                true => {
                    let why = seal_reason(desk, views, &known, reason)?;
                    orders::Command::RefundFor { order, revision, payments, items, why }
                }
                // One payment gives all of it, or nothing does.
                false => match payments[..] {
                    [(payment, _)] => orders::Command::Refund { order, revision, payment, items, reason },
                    _ => return Err(orders::Refusal::MoreThanPaid { refundable: largest(&payments) }.into()),
                },
            }
        }
        OrderIntent::Cancel { order, reason } => {
            let known =
                ORDERS.get(&views.region, order).ok_or(orders::Refusal::UnknownOrder { order: *order })?;
            let (order, reason) = (*order, reason.clone());
            if version::of(desk.region) < version::PAPERS {
                let reason = reason.unwrap_or_else(|| BY_CUSTOMER.to_owned());
                orders::Command::Cancel { order, reason }
            } else {
                let why = match reason {
                    Some(reason) => seal_reason(desk, views, &known, reason)?,
                    None => Why::Words(BY_CUSTOMER.to_owned()),
                };
                orders::Command::CallOff { order, why }
            }
        }
    };
    Ok(command.into())
}
