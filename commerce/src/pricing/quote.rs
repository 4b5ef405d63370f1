//! The quote of a cart: what it costs as it stands, priced, taxed and with delivery.
//!
//! A pure function of the cart, the catalogue and the tenant's settings. Its lines are the snapshot an
//! order keeps for ever. Before a destination is known the tenant's home stands in and the quote says
//! `estimated`. Sums: `total = subtotal − discount + shipping + (tax_included ? 0 : tax)`.

use super::{Effective, PriceListDetails, Shopper, effective_among, lists_for};
use crate::cart::{Cart, CartLine};
use crate::catalog::{self, AddOn, Product, StockComponent, Variant};
use crate::code::Code;
use crate::ids::{LineId, VariantId};
use crate::locale::Locale;
use crate::money::{Currency, MoneyError, split};
use crate::orders::{Component, ComponentId, Line, PriceSource, Quantities, ShippingLine, TaxLine, Totals};
use crate::scope::View;
use crate::shipping::{self, RateOption};
use crate::tax::{self, Elsewhere, Levied, Place, Rate, Rules, Taxable};
use crate::tenants::Settings;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A cart in its market.
#[derive(Clone, Copy, Debug)]
pub struct QuoteRequest<'c> {
    pub cart: &'c Cart,
    pub settings: &'c Settings,
}

impl<'c> QuoteRequest<'c> {
    pub fn of_cart(cart: &'c Cart, settings: &'c Settings) -> QuoteRequest<'c> {
        QuoteRequest { cart, settings }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Quote {
    pub lines: Vec<Line>,
    pub shipping: ShippingLine,
    pub totals: Totals,
    /// No destination or no delivery option was chosen: taxes or delivery may still change.
    pub estimated: bool,
    /// Lines that can't be bought any more; they are not among `lines`.
    pub unavailable: Vec<LineId>,
    /// What the parcel weighs.
    pub weight_grams: u32,
    /// Delivery options for the destination; empty if it is not known or not served.
    pub options: Vec<RateOption>,
}

/// Why a cart has no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("we don't deliver there")]
    NotDeliverable,
    #[error("the chosen delivery option is no longer offered")]
    RateGone,
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// Prices a cart.
///
/// # Errors
/// [`Refusal::NotDeliverable`] and [`Refusal::RateGone`] only when a delivery option was chosen;
/// [`Refusal::Money`] when a sum leaves 64 bits.
pub fn quote(view: &(impl View + ?Sized), request: &QuoteRequest<'_>) -> Result<Quote, Refusal> {
    let market = Market::of(view, request);
    let mut priced = Vec::with_capacity(request.cart.lines.len());
    let mut unavailable = Vec::new();
    for line in &request.cart.lines {
        match price_line(view, &market, line)? {
            Some(line) => priced.push(line),
            None => unavailable.push(line.id),
        }
    }
    let subtotal = priced.iter().try_fold(0i64, |sum, line| sum.checked_add(line.line.subtotal));
    let subtotal = subtotal.ok_or(MoneyError::Overflow)?;
    let weight_grams = priced.iter().fold(0u32, |sum, line| sum.saturating_add(line.line.weight_grams));
    let (options, chosen) = delivery(view, request, &market, weight_grams, subtotal)?;
    let tax_included =
        priced.first().map_or(request.settings.tax.prices_include_tax, |line| line.tax_included);
    let shipping_rates =
        chosen.as_ref().map_or(Vec::new(), |option| market.rates(view, &option.tax_category).to_vec());
    let shipping_price = chosen.as_ref().map_or(0, |option| option.price);
    let shipping_item = Taxable { amount: shipping_price, rates: shipping_rates };
    let taxes = levy(&priced, shipping_item, tax_included, market.rules.rounding)?;
    let (lines, shipping) = settle(&market, priced, chosen, taxes, tax_included)?;
    let totals = Totals::of(market.currency, tax_included, &lines, &shipping)?;
    let estimated = request.cart.destination.is_none() || request.cart.shipping_rate.is_none();
    Ok(Quote { lines, shipping, totals, estimated, unavailable, weight_grams, options })
}

/// What all lines of a quote have in common.
struct Market<'c> {
    currency: Currency,
    locale: &'c Locale,
    default_locale: &'c Locale,
    to: Place,
    rules: Rules,
    /// The price lists that may hold, the most specific first.
    lists: Vec<PriceListDetails>,
    /// Rates by category, as far as they were asked for: at the destination, and at the seller's home.
    there: Known,
    home: Known,
}

type Known = RefCell<BTreeMap<Code, Rc<[Rate]>>>;

impl<'c> Market<'c> {
    fn of(view: &(impl View + ?Sized), request: &QuoteRequest<'c>) -> Market<'c> {
        let QuoteRequest { cart, settings } = *request;
        let rules = settings.tax_rules();
        let destination = cart.destination.as_ref();
        let to = destination.map_or_else(
            || rules.home.clone(),
            |destination| Place { country: destination.country.clone(), region: destination.region.clone() },
        );
        let country = destination.map_or(&cart.country, |destination| &destination.country);
        let (locale, default_locale) = (&cart.locale, &settings.locale);
        let lists = lists_for(view, &Shopper { currency: cart.currency, country, group: None });
        let (there, home) = (Known::default(), Known::default());
        Market { currency: cart.currency, locale, default_locale, to, rules, lists, there, home }
    }

    fn effective(&self, view: &(impl View + ?Sized), variant: VariantId, quantity: u32) -> Option<Effective> {
        effective_among(view, &self.lists, variant, quantity)
    }

    /// The taxes due at the destination.
    fn rates(&self, view: &(impl View + ?Sized), category: &Code) -> Rc<[Rate]> {
        self.due(view, &self.there, &self.to, category)
    }

    /// Lines of a cart are mostly taxed alike: each category is looked up once.
    fn due(&self, view: &(impl View + ?Sized), known: &Known, place: &Place, category: &Code) -> Rc<[Rate]> {
        if let Some(rates) = known.borrow().get(category) {
            return rates.clone();
        }
        let rates: Rc<[Rate]> = tax::rates_due(view, &self.rules, place, category).into();
        known.borrow_mut().insert(category.clone(), rates.clone());
        rates
    }

    /// A list price as it is asked at the destination.
    fn price_there(
        &self,
        view: &(impl View + ?Sized),
        price: i64,
        included: bool,
        category: &Code,
    ) -> Result<i64, MoneyError> {
        if !included || self.rules.elsewhere == Elsewhere::KeepGross {
            return Ok(price);
        }
        let home = self.due(view, &self.home, &self.rules.home, category);
        let there = self.rates(view, category);
        if home == there {
            return Ok(price);
        }
        tax::gross_of(tax::net_of(price, &home)?, &there)
    }
}

/// A line with the amounts its taxes are computed from.
struct Priced {
    line: Line,
    tax_included: bool,
    taxed: Vec<Taxable>,
}

fn price_line(
    view: &(impl View + ?Sized),
    market: &Market<'_>,
    line: &CartLine,
) -> Result<Option<Priced>, Refusal> {
    let Some(variant) = catalog::variant(view, line.variant).filter(|variant| !variant.archived) else {
        return Ok(None);
    };
    let product =
        catalog::product(view, variant.product).filter(|p| p.status == catalog::ProductStatus::Active);
    let Some(product) = product else { return Ok(None) };
    let found = market.effective(view, line.variant, line.quantity);
    let Some(price) = found else { return Ok(None) };
    let Some(mut work) = work_on(view, market, line, price.tax_included)? else { return Ok(None) };

    let mut parts = goods(view, market, (&product, &variant), &price)?;
    let own = sum(&parts)?;
    parts.append(&mut work);
    let unit_price = sum(&parts)?;
    let pieces = i64::from(line.quantity);
    let subtotal = unit_price.checked_mul(pieces).ok_or(MoneyError::Overflow)?;
    let taxed = taxed(view, market, &parts, pieces)?;
    let category = variant.tax_category(&product);
    let compared = price.compare_at.unwrap_or(price.amount);
    let compared = market.price_there(view, compared, price.tax_included, category)?;
    // What is struck through has the same work done on it.
    let list_price = unit_price + (compared - own).max(0);
    let components = parts.into_iter().filter_map(|part| part.component).collect();
    let amounts = Amounts { list_price, unit_price, subtotal };
    let line = snapshot(view, market, line, (&product, &variant), &price, amounts, components);
    Ok(Some(Priced { line, tax_included: price.tax_included, taxed }))
}

/// What makes up one piece, by what is taxed alike.
struct Part {
    price: i64,
    category: Code,
    component: Option<Component>,
}

fn sum(parts: &[Part]) -> Result<i64, MoneyError> {
    parts.iter().try_fold(0i64, |sum, part| sum.checked_add(part.price)).ok_or(MoneyError::Overflow)
}

/// One amount for all parts of a line under the same rates, so that a line is rounded once.
fn taxed(
    view: &(impl View + ?Sized),
    market: &Market<'_>,
    parts: &[Part],
    pieces: i64,
) -> Result<Vec<Taxable>, MoneyError> {
    let mut taxed: Vec<Taxable> = Vec::new();
    for part in parts {
        let rates = market.rates(view, &part.category);
        let amount = part.price.checked_mul(pieces).ok_or(MoneyError::Overflow)?;
        match taxed.iter_mut().find(|taxable| taxable.rates[..] == rates[..]) {
            Some(same) => same.amount = same.amount.checked_add(amount).ok_or(MoneyError::Overflow)?,
            None => taxed.push(Taxable { amount, rates: rates.to_vec() }),
        }
    }
    Ok(taxed)
}

/// The add-ons of a line, or `None` if one is no longer offered in this currency.
fn work_on(
    view: &(impl View + ?Sized),
    market: &Market<'_>,
    line: &CartLine,
    included: bool,
) -> Result<Option<Vec<Part>>, MoneyError> {
    let mut parts = Vec::with_capacity(line.add_ons.len());
    for id in &line.add_ons {
        let add_on = catalog::add_on(view, *id).filter(|add_on| !add_on.archived);
        let listed = add_on.as_ref().and_then(|add_on| add_on.details.prices.get(&market.currency));
        let (Some(add_on), Some(&listed)) = (&add_on, listed) else { return Ok(None) };
        let category = add_on.details.tax_category.clone();
        let price = market.price_there(view, listed, included, &category)?;
        let component = Some(add_on_component(market, add_on, price));
        parts.push(Part { price, category, component });
    }
    Ok(Some(parts))
}

fn add_on_component(market: &Market<'_>, add_on: &AddOn, price: i64) -> Component {
    Component {
        id: ComponentId::AddOn(add_on.id),
        name: add_on.details.name.words(market.locale, market.default_locale).to_owned(),
        tax_category: add_on.details.tax_category.as_str().to_owned(),
        price,
        per_unit: 1,
        lead_days: add_on.details.lead_days,
        returnable: !add_on.details.not_returnable,
    }
}

/// A variant as one part, or a kit as its parts: its price is split over them by what they cost alone,
/// and each is taxed as what it is.
fn goods(
    view: &(impl View + ?Sized),
    market: &Market<'_>,
    (product, variant): (&Product, &Variant),
    price: &Effective,
) -> Result<Vec<Part>, MoneyError> {
    let own = variant.tax_category(product);
    if !variant.is_kit() {
        let there = market.price_there(view, price.amount, price.tax_included, own)?;
        return Ok(vec![Part { price: there, category: own.clone(), component: None }]);
    }
    let components = variant.stock_components();
    let weights: Vec<i64> = components.iter().map(|part| weight_of(view, market, part)).collect();
    let shares = split(price.amount, &weights)?;
    let part = |(stock, share): (&StockComponent, i64)| {
        let known = catalog::variant_of_stock_item(view, stock.item)
            .and_then(|variant| Some((catalog::product(view, variant.product)?, variant)));
        let category = known.as_ref().map_or(own, |(product, variant)| variant.tax_category(product)).clone();
        let price = market.price_there(view, share, price.tax_included, &category)?;
        let name = known
            .as_ref()
            .map_or("", |(product, _)| product.details.name.words(market.locale, market.default_locale));
        let component = Component {
            id: ComponentId::KitPart(stock.item),
            name: name.to_owned(),
            tax_category: category.as_str().to_owned(),
            price,
            per_unit: stock.per_unit,
            lead_days: 0,
            returnable: true,
        };
        Ok(Part { price, category, component: Some(component) })
    };
    components.iter().zip(shares).map(part).collect()
}

/// What a part of a kit costs alone; a part without a price of its own weighs next to nothing.
fn weight_of(view: &(impl View + ?Sized), market: &Market<'_>, part: &StockComponent) -> i64 {
    let alone = catalog::variant_of_stock_item(view, part.item)
        .and_then(|variant| market.effective(view, variant.id, 1));
    alone.map_or(1, |price| price.amount).max(1).saturating_mul(i64::from(part.per_unit))
}

/// Of one piece, and of all.
struct Amounts {
    list_price: i64,
    unit_price: i64,
    subtotal: i64,
}

fn snapshot(
    view: &(impl View + ?Sized),
    market: &Market<'_>,
    line: &CartLine,
    (product, variant): (&Product, &Variant),
    price: &Effective,
    Amounts { list_price, unit_price, subtotal }: Amounts,
    components: Vec<Component>,
) -> Line {
    let image = catalog::lead_media(view, product, Some(variant)).map(|media| media.details.hash.to_string());
    Line {
        id: line.id,
        product: product.id,
        variant: variant.id,
        sku: line.sku.clone(),
        name: product.details.name.words(market.locale, market.default_locale).to_owned(),
        options: catalog::option_words(view, product, variant, market.locale, market.default_locale),
        image,
        quantities: Quantities { ordered: line.quantity, ..Quantities::default() },
        list_price,
        unit_price,
        price_source: PriceSource::PriceList { currency: price.currency, min_quantity: price.min_quantity },
        components,
        subtotal,
        discounts: Vec::new(),
        tax_lines: Vec::new(),
        tax: 0,
        total: subtotal,
        weight_grams: variant.details.shipping_weight_grams.saturating_mul(line.quantity),
        needs: line.stock.clone(),
        allocations: Vec::new(),
    }
}

fn delivery(
    view: &(impl View + ?Sized),
    request: &QuoteRequest<'_>,
    market: &Market<'_>,
    weight_grams: u32,
    subtotal: i64,
) -> Result<(Vec<RateOption>, Option<RateOption>), Refusal> {
    let Some(destination) = &request.cart.destination else { return Ok((Vec::new(), None)) };
    let offered = shipping::options(view, destination, u64::from(weight_grams), subtotal, market.currency);
    let Some(wanted) = request.cart.shipping_rate else { return Ok((offered.unwrap_or_default(), None)) };
    let options = offered.map_err(|shipping::NotDeliverable| Refusal::NotDeliverable)?;
    let chosen = options.iter().find(|option| option.rate == wanted).cloned().ok_or(Refusal::RateGone)?;
    Ok((options, Some(chosen)))
}

/// Taxes of each line's amounts, and of the delivery last.
fn levy(
    priced: &[Priced],
    shipping: Taxable,
    included: bool,
    rounding: tax::Rounding,
) -> Result<Vec<Vec<Levied>>, MoneyError> {
    let mut items: Vec<Taxable> = priced.iter().flat_map(|line| line.taxed.clone()).collect();
    items.push(shipping);
    let mut levied = tax::levy(&items, included, rounding)?.into_iter();
    let mut taxes: Vec<Vec<Levied>> =
        priced.iter().map(|line| levied.by_ref().take(line.taxed.len()).flatten().collect()).collect();
    taxes.push(levied.flatten().collect());
    Ok(taxes)
}

fn settle(
    market: &Market<'_>,
    priced: Vec<Priced>,
    chosen: Option<RateOption>,
    mut taxes: Vec<Vec<Levied>>,
    included: bool,
) -> Result<(Vec<Line>, ShippingLine), MoneyError> {
    let shipping_taxes = tax_lines(taxes.pop().unwrap_or_default(), included);
    let with_tax = |amount: i64, tax: i64| if included { Some(amount) } else { amount.checked_add(tax) };
    let mut lines = Vec::with_capacity(priced.len());
    for (Priced { mut line, .. }, taxes) in priced.into_iter().zip(taxes) {
        line.tax_lines = tax_lines(taxes, included);
        line.tax = line.tax_lines.iter().map(|tax| tax.amount).sum();
        line.total = with_tax(line.subtotal, line.tax).ok_or(MoneyError::Overflow)?;
        lines.push(line);
    }
    let tax: i64 = shipping_taxes.iter().map(|tax| tax.amount).sum();
    let price = chosen.as_ref().map_or(0, |option| option.price);
    let shipping = ShippingLine {
        rate: chosen.as_ref().map(|option| option.rate),
        name: chosen.as_ref().map_or_else(String::new, |option| {
            option.name.words(market.locale, market.default_locale).to_owned()
        }),
        carrier: chosen.as_ref().map_or_else(String::new, |option| option.carrier.clone()),
        price,
        discounts: Vec::new(),
        tax_lines: shipping_taxes,
        tax,
        total: with_tax(price, tax).ok_or(MoneyError::Overflow)?,
        days_min: chosen.as_ref().map_or(0, |option| option.days_min),
        days_max: chosen.as_ref().map_or(0, |option| option.days_max),
    };
    Ok((lines, shipping))
}

/// One tax line per rate: a bat and its knocking-in under the same rate are one.
fn tax_lines(levied: Vec<Levied>, included: bool) -> Vec<TaxLine> {
    let mut lines: Vec<TaxLine> = Vec::new();
    for Levied { rate, taxable, amount } in levied {
        let same = |line: &&mut TaxLine| line.name == rate.name.as_str() && line.rate_ppm == rate.rate_ppm;
        if let Some(line) = lines.iter_mut().find(same) {
            line.taxable += taxable;
            line.amount += amount;
            continue;
        }
        lines.push(TaxLine {
            code: rate.code.as_str().to_owned(),
            name: rate.name.as_str().to_owned(),
            jurisdiction: rate.jurisdiction.as_str().to_owned(),
            rate_ppm: rate.rate_ppm,
            included,
            taxable,
            amount,
        });
    }
    lines
}
