//! A cart as its holder sees it: priced now, with what stands in the way of ordering it.

use super::orders::{AddressView, ComponentView, ContactView, LineOption, TaxLineView, TotalsView};
use super::values::{MoneyView, moment, money};
use gearify_commerce::cart::{Cart, CartLine, CartStatus};
use gearify_commerce::intent::Market;
use gearify_commerce::orders::Line;
use gearify_commerce::pricing::quote::{self, Quote, QuoteRequest};
use gearify_commerce::processes::checkout;
use gearify_commerce::scope::View;
use gearify_commerce::sealed::{Vault, open};
use gearify_commerce::shipping::RateOption;
use gearify_commerce::tenants::Settings;
use gearify_commerce::{CartId, Timestamp};
use jiff::ToSpan;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CartView {
    pub id: String,
    pub token: String,
    /// `open`, `ordered` or `merged`.
    pub status: &'static str,
    pub revision: u64,
    pub country: String,
    pub currency: String,
    pub locale: String,
    pub lines: Vec<CartLineView>,
    pub quantity: u32,
    pub totals: TotalsView,
    pub destination: Option<DestinationView>,
    pub contact: Option<ContactView>,
    pub shipping_address: Option<AddressView>,
    /// Absent: the same as the shipping address.
    pub billing_address: Option<AddressView>,
    /// The chosen way of delivery.
    pub shipping_option: Option<ShippingOptionView>,
    pub reservation: Option<ReservationView>,
    /// What has to be looked at before the cart can be ordered.
    pub notices: Vec<Notice>,
    /// Once it is ordered.
    pub order_id: Option<String>,
    pub expires_at: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CartLineView {
    pub id: String,
    pub product_id: String,
    pub variant_id: String,
    pub sku: String,
    pub name: String,
    pub options: Vec<LineOption>,
    /// Id of the picture.
    pub image: Option<String>,
    pub quantity: u32,
    pub unit_price: Option<MoneyView>,
    pub list_price: Option<MoneyView>,
    pub subtotal: Option<MoneyView>,
    pub discount: Option<MoneyView>,
    pub tax: Option<MoneyView>,
    pub total: Option<MoneyView>,
    pub components: Vec<ComponentView>,
    pub notices: Vec<Notice>,
}

/// Something to be told beside a line or the cart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Notice {
    /// `out_of_stock`, `not_for_sale`, `shipping_option_expired`, `not_deliverable`.
    pub code: &'static str,
    pub detail: String,
    /// Pieces that can be had.
    pub available: Option<u32>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DestinationView {
    pub country: String,
    pub region_code: Option<String>,
    /// The part of the postal code that names a district.
    pub postal_prefix: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReservationView {
    pub expires_at: String,
    pub renewed: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShippingOptionView {
    pub id: String,
    pub name: String,
    pub carrier: String,
    pub price: MoneyView,
    pub estimated_delivery: DeliveryWindow,
    /// The price is good until then.
    pub expires_at: String,
}

/// Dates in the shop's time zone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeliveryWindow {
    pub from: String,
    pub to: String,
}

/// What building a cart's view needs.
pub struct Desk<'d, C: ?Sized, R: ?Sized> {
    pub catalogue: &'d C,
    pub region: &'d R,
    pub settings: &'d Settings,
    pub vault: &'d dyn Vault,
    pub now: Timestamp,
}

/// A quote that always comes: a delivery that is gone or not possible is left out and told.
fn lenient_quote(
    catalogue: &(impl View + ?Sized),
    cart: &Cart,
    settings: &Settings,
) -> (Option<Quote>, Vec<Notice>) {
    let quoted = |cart: &Cart| quote::quote(catalogue, &QuoteRequest::of_cart(cart, settings));
    let notice = match quoted(cart) {
        Ok(quote) => return (Some(quote), Vec::new()),
        Err(quote::Refusal::NotDeliverable) => notice("not_deliverable", "We don't deliver there."),
        Err(quote::Refusal::RateGone) => notice("shipping_option_expired", "Choose a way of delivery again."),
        Err(quote::Refusal::Money(_)) => {
            return (None, vec![notice("not_for_sale", "The cart can't be priced.")]);
        }
    };
    let without = Cart { shipping_rate: None, ..cart.clone() };
    (quoted(&without).ok(), vec![notice])
}

fn notice(code: &'static str, detail: &str) -> Notice {
    Notice { code, detail: detail.to_owned(), available: None }
}

/// The view of a stored cart.
pub fn view<C: View + ?Sized, R: View>(desk: &Desk<'_, C, R>, cart: &Cart, token: String) -> CartView {
    let (quote, mut notices) = lenient_quote(desk.catalogue, cart, desk.settings);
    if let Some(destination) = &cart.destination
        && quote.as_ref().is_some_and(|quote| quote.options.is_empty() && !cart.lines.is_empty())
        && notices.is_empty()
    {
        notices.push(notice(
            "not_deliverable",
            &format!("These goods are not delivered to {}.", destination.country),
        ));
    }
    let short = short_lines(desk, cart);
    let lines = cart.lines.iter().map(|line| {
        let priced = quote.as_ref().and_then(|quote| quote.lines.iter().find(|priced| priced.id == line.id));
        let short = short.iter().find(|short| short.line == line.id);
        line_view(cart, line, priced, short)
    });
    let lines: Vec<CartLineView> = lines.collect();
    let addresses = cart.addresses.as_ref();
    let opened =
        |address: &_| open(desk.region, desk.vault, address).ok().map(|address| AddressView::of(&address));
    let chosen = quote
        .as_ref()
        .and_then(|quote| quote.options.iter().find(|option| Some(option.rate) == cart.shipping_rate));
    CartView {
        id: cart.id.to_string(),
        token,
        status: match cart.status {
            CartStatus::Open => "open",
            CartStatus::Ordered(_) => "ordered",
            CartStatus::Merged(_) => "merged",
        },
        revision: cart.revision,
        country: cart.country.to_string(),
        currency: cart.currency.to_string(),
        locale: cart.locale.to_string(),
        quantity: cart.lines.iter().map(|line| line.quantity).sum(),
        totals: cart_totals(cart, quote.as_ref(), desk.settings),
        destination: cart.destination.as_ref().map(|destination| DestinationView {
            country: destination.country.to_string(),
            region_code: destination.region.as_ref().map(|region| region.to_string()),
            postal_prefix: destination.postal_prefix.clone(),
        }),
        contact: cart
            .contact
            .as_ref()
            .and_then(|contact| open(desk.region, desk.vault, &contact.sealed).ok())
            .map(|contact| ContactView::of(&contact)),
        shipping_address: addresses.and_then(|addresses| opened(&addresses.shipping)),
        billing_address: addresses.and_then(|addresses| addresses.billing.as_ref()).and_then(opened),
        shipping_option: chosen
            .map(|option| option_view(option, cart, quote.as_ref(), desk.settings, desk.now)),
        reservation: cart
            .hold
            .as_ref()
            .filter(|hold| hold.expires_at > desk.now)
            .map(|hold| ReservationView { expires_at: moment(hold.expires_at), renewed: hold.renewed }),
        lines,
        notices,
        order_id: match cart.status {
            CartStatus::Ordered(order) => Some(order.to_string()),
            CartStatus::Open | CartStatus::Merged(_) => None,
        },
        expires_at: moment(cart.expires_at),
    }
}

/// A cart before its first line: nothing of it is stored.
pub fn empty_view(
    id: CartId,
    token: String,
    market: &Market,
    settings: &Settings,
    expires_at: Timestamp,
) -> CartView {
    let tax_included = settings.tax.prices_include_tax;
    CartView {
        id: id.to_string(),
        token,
        status: "open",
        revision: 0,
        country: market.country.to_string(),
        currency: market.currency.to_string(),
        locale: market.locale.to_string(),
        lines: Vec::new(),
        quantity: 0,
        totals: TotalsView::nothing(market.currency, tax_included),
        destination: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        shipping_option: None,
        reservation: None,
        notices: Vec::new(),
        order_id: None,
        expires_at: moment(expires_at),
    }
}

fn cart_totals(cart: &Cart, quote: Option<&Quote>, settings: &Settings) -> TotalsView {
    match quote {
        Some(quote) => {
            let taxes = quote.lines.iter().flat_map(|line| &line.tax_lines).chain(&quote.shipping.tax_lines);
            let due = quote.totals.total;
            TotalsView::of(&quote.totals, TaxLineView::merged(taxes, cart.currency), quote.estimated, due)
        }
        None => TotalsView::nothing(cart.currency, settings.tax.prices_include_tax),
    }
}

fn short_lines<C: View + ?Sized, R: View>(desk: &Desk<'_, C, R>, cart: &Cart) -> Vec<checkout::ShortLine> {
    if cart.status != CartStatus::Open {
        return Vec::new();
    }
    match checkout::plan(desk.region, desk.now, cart) {
        Err(checkout::Refusal::OutOfStock { lines }) => lines,
        _ => Vec::new(),
    }
}

fn line_view(
    cart: &Cart,
    line: &CartLine,
    priced: Option<&Line>,
    short: Option<&checkout::ShortLine>,
) -> CartLineView {
    let mut notices = Vec::new();
    if priced.is_none() {
        notices.push(notice("not_for_sale", "This can't be bought at the moment."));
    }
    if let Some(short) = short {
        let detail = match short.available {
            0 => "None are left.".to_owned(),
            available => format!("{available} of {} are available.", short.requested),
        };
        notices.push(Notice { code: "out_of_stock", detail, available: Some(short.available) });
    }
    let amount = |of: fn(&Line) -> i64| priced.map(|priced| money(of(priced), cart.currency));
    CartLineView {
        id: line.id.to_string(),
        product_id: line.product.to_string(),
        variant_id: line.variant.to_string(),
        sku: line.sku.clone(),
        name: priced.map_or_else(|| line.sku.clone(), |priced| priced.name.clone()),
        options: priced.map_or_else(Vec::new, |priced| LineOption::all(&priced.options)),
        image: priced.and_then(|priced| priced.image.clone()),
        quantity: line.quantity,
        unit_price: amount(|line| line.unit_price),
        list_price: amount(|line| line.list_price),
        subtotal: amount(|line| line.subtotal),
        discount: amount(|line| line.discounts.iter().map(|discount| discount.amount).sum()),
        tax: amount(|line| line.tax),
        total: amount(|line| line.total),
        components: priced
            .map_or_else(Vec::new, |priced| ComponentView::all(&priced.components, cart.currency)),
        notices,
    }
}

/// The ways of delivery for a cart's destination; `None` if no destination is known.
pub fn shipping_options<C: View + ?Sized, R: View>(
    desk: &Desk<'_, C, R>,
    cart: &Cart,
) -> Option<Vec<ShippingOptionView>> {
    cart.destination.as_ref()?;
    let (quote, _) = lenient_quote(desk.catalogue, cart, desk.settings);
    let quote = quote?;
    let view = |option: &RateOption| option_view(option, cart, Some(&quote), desk.settings, desk.now);
    Some(quote.options.iter().map(view).collect())
}

/// How long a delivery price is good for.
const OPTION_GOOD_MS: i64 = 30 * gearify_commerce::time::MINUTE_MS;

fn option_view(
    option: &RateOption,
    cart: &Cart,
    quote: Option<&Quote>,
    settings: &Settings,
    now: Timestamp,
) -> ShippingOptionView {
    let components = quote.into_iter().flat_map(|quote| &quote.lines).flat_map(|line| &line.components);
    let lead_days = components.map(|component| component.lead_days).max().unwrap_or(0);
    ShippingOptionView {
        id: option.rate.to_string(),
        name: option.name.words(&cart.locale, &settings.locale).to_owned(),
        carrier: option.carrier.clone(),
        price: money(option.price, cart.currency),
        estimated_delivery: DeliveryWindow {
            from: day_after(now, settings, lead_days + option.days_min),
            to: day_after(now, settings, lead_days + option.days_max),
        },
        expires_at: moment(now.plus_millis(OPTION_GOOD_MS)),
    }
}

/// A date so many days from now, in the shop's time zone.
pub fn day_after(now: Timestamp, settings: &Settings, days: u16) -> String {
    let zone = TimeZone::get(settings.time_zone.as_str()).unwrap_or(TimeZone::UTC);
    let today = jiff::Timestamp::from_millisecond(now.as_millis()).map(|at| at.to_zoned(zone).date());
    let day = today.and_then(|today| today.checked_add(i32::from(days).days()));
    day.map(|day| day.to_string()).unwrap_or_default()
}
