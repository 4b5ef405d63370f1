//! Facts for carts: which variant is meant, what it takes from stock, where goods go.

use super::{Desk, Views};
use crate::cart::{
    self, Address, Addresses, CARTS, Cart, Command as Carts, ContactRef, Destination, NewLine,
    Refusal as CartRefusal, StockNeed,
};
use crate::catalog::{self, ProductStatus, Sku, Variant};
use crate::command::{Command, Refusal};
use crate::ids::{AddOnId, CartId, PersonId};
use crate::intent::{CartIntent, VariantRef};
use crate::locale::{Country, RegionCode};
use crate::processes::checkout;
use crate::sealed::{PersonRef, normal_email, seal};
use crate::version;

pub(super) fn complete(intent: &CartIntent, desk: &Desk<'_>, views: &Views<'_>) -> Result<Command, Refusal> {
    let command = match intent {
        CartIntent::AddLine { cart, market, customer, variant, quantity, add_ons } => {
            let line = new_line(views, variant, *quantity, add_ons)?;
            let lifetimes = views.shop()?.settings.value.lifetimes;
            let known = CARTS.get(&views.region, cart);
            if let Some(known) = &known {
                cart::require_open(known, desk.now)?;
            }
            cart::place_for(known.as_ref().map_or(&[], |known| &known.lines), &line)?;
            let owned = customer.is_some() || known.is_some_and(|cart| cart.customer.is_some());
            let lifetime_ms = if owned { lifetimes.customer_cart_ms } else { lifetimes.anonymous_cart_ms };
            Carts::AddLine { cart: *cart, market: market.clone(), customer: *customer, line, lifetime_ms }
        }
        CartIntent::SetQuantity { cart, line, quantity } => {
            let known = open(desk, views, *cart)?;
            cart::line_to_change(&known.lines, *line, *quantity)?;
            let lifetimes = views.shop()?.settings.value.lifetimes;
            let lifetime_ms = if known.customer.is_some() {
                lifetimes.customer_cart_ms
            } else {
                lifetimes.anonymous_cart_ms
            };
            Carts::SetQuantity { cart: *cart, line: *line, quantity: *quantity, lifetime_ms }
        }
        CartIntent::SetDestination { cart, country, region, postal_code } => {
            open(desk, views, *cart)?;
            Carts::SetDestination { cart: *cart, destination: destination(country, region, postal_code) }
        }
        CartIntent::SetContact { cart, contact } => {
            open(desk, views, *cart)?;
            let person = PersonRef::of(&views.region, desk.vault, person_of(*cart));
            let sealed =
                seal(&views.region, desk.vault, &person, contact).map_err(|_| CartRefusal::Erased)?;
            let email_hash = desk.vault.hash(views.tenant, "email", normal_email(&contact.email).as_bytes());
            let (cart, contact) = (*cart, ContactRef { sealed, email_hash });
            if version::of(desk.region) >= version::IDLE {
                let idle_ms = views.shop()?.settings.value.lifetimes.cart_idle_ms;
                Carts::TakeContact { cart, person, contact, idle_ms }
            } else {
                Carts::SetContact { cart, person, contact }
            }
        }
        CartIntent::SetAddresses { cart, shipping, billing } => {
            open(desk, views, *cart)?;
            let person = PersonRef::of(&views.region, desk.vault, person_of(*cart));
            let seal_one = |address: &Address| {
                seal(&views.region, desk.vault, &person, address).map_err(|_| CartRefusal::Erased)
            };
            let addresses = Addresses {
                shipping: seal_one(shipping)?,
                billing: billing.as_deref().map(seal_one).transpose()?,
                shipping_hash: desk.vault.hash(views.tenant, "address", address_line(shipping).as_bytes()),
            };
            Carts::SetAddresses { cart: *cart, person, addresses, destination: shipping.destination() }
        }
        CartIntent::ChooseRate { cart, rate } => {
            let known = open(desk, views, *cart)?;
            super::checkouts::require_rate(views, &known, *rate)?;
            Carts::ChooseRate { cart: *cart, rate: *rate }
        }
        CartIntent::Reserve { cart } => {
            let known = open(desk, views, *cart)?;
            checkout::plan(&views.region, desk.now, &known)?;
            let hold_ms = views.shop()?.settings.value.lifetimes.checkout_hold_ms;
            return Ok(checkout::Command::Reserve { cart: *cart, hold_ms }.into());
        }
        CartIntent::SetConsent { cart, purpose, granted, source, wording_version } => {
            open(desk, views, *cart)?;
            Carts::SetConsent {
                cart: *cart,
                purpose: purpose.clone(),
                granted: *granted,
                source: source.clone(),
                wording_version: wording_version.clone(),
            }
        }
        CartIntent::Merge { from, into, customer } => {
            let lifetime_ms = views.shop()?.settings.value.lifetimes.customer_cart_ms;
            Carts::Merge { from: *from, into: *into, customer: *customer, lifetime_ms }
        }
    };
    Ok(command.into())
}

/// Whether [`complete`] refuses all that the entry would: it looks at the cart, and nothing else is asked.
pub(super) fn is_foreseen(intent: &CartIntent) -> bool {
    match intent {
        CartIntent::AddLine { .. }
        | CartIntent::SetQuantity { .. }
        | CartIntent::SetDestination { .. }
        | CartIntent::SetContact { .. }
        | CartIntent::SetAddresses { .. }
        | CartIntent::ChooseRate { .. }
        | CartIntent::SetConsent { .. } => true,
        CartIntent::Reserve { .. } | CartIntent::Merge { .. } => false,
    }
}

/// A guest's key is named after the cart that becomes their order.
pub fn person_of(cart: CartId) -> PersonId {
    PersonId::from_bits(cart.bits())
}

pub(super) fn open(desk: &Desk<'_>, views: &Views<'_>, id: CartId) -> Result<Cart, Refusal> {
    let known = CARTS.get(&views.region, &id).ok_or(CartRefusal::UnknownCart { cart: id })?;
    cart::require_open(&known, desk.now)?;
    Ok(known)
}

fn destination(country: &Country, region: &Option<String>, postal_code: &Option<String>) -> Destination {
    Destination {
        country: country.clone(),
        region: region.as_deref().and_then(|region| RegionCode::parse(region).ok()),
        postal_prefix: postal_code.as_deref().and_then(cart::postal_prefix),
    }
}

/// The address in the one form that is hashed for limits.
fn address_line(address: &Address) -> String {
    let parts =
        [Some(&address.line1), address.line2.as_ref(), address.postal_code.as_ref(), address.city.as_ref()];
    let words = parts.into_iter().flatten().flat_map(|part| part.split_whitespace());
    let mut line = address.country.as_str().to_owned();
    for word in words {
        line.push(' ');
        line.push_str(&word.to_lowercase());
    }
    line
}

fn new_line(
    views: &Views<'_>,
    wanted: &VariantRef,
    quantity: u32,
    add_ons: &[AddOnId],
) -> Result<NewLine, Refusal> {
    let variant = match wanted {
        VariantRef::Id(id) => catalog::variant(&views.catalogue, *id),
        VariantRef::Sku(sku) => {
            Sku::parse(sku).ok().and_then(|sku| catalog::variant_by_sku(&views.catalogue, &sku))
        }
    };
    let variant = variant.filter(|variant| !variant.archived).ok_or(CartRefusal::UnknownVariant)?;
    let product = catalog::product(&views.catalogue, variant.product)
        .filter(|product| product.status == ProductStatus::Active)
        .ok_or(CartRefusal::UnknownVariant)?;
    let offered = catalog::add_ons_for(&views.catalogue, &product);
    let mut chosen: Vec<AddOnId> = add_ons.to_vec();
    chosen.sort();
    chosen.dedup();
    let known = |id: &AddOnId| offered.iter().any(|add_on| add_on.id == *id);
    if chosen.len() > cart::COMPONENTS_MAX || !chosen.iter().all(known) {
        return Err(CartRefusal::UnknownAddOn.into());
    }
    Ok(NewLine {
        product: variant.product,
        variant: variant.id,
        sku: variant.details.sku.as_str().to_owned(),
        quantity,
        add_ons: chosen,
        stock: stock_needs(&variant),
    })
}

/// What one piece of a variant takes from stock, as the cart remembers it.
pub fn stock_needs(variant: &Variant) -> Vec<StockNeed> {
    let beyond_stock = variant.details.policy.sells_beyond_stock();
    let parts = variant.stock_components().into_iter();
    parts.map(|part| StockNeed { item: part.item, per_unit: part.per_unit, beyond_stock }).collect()
}
