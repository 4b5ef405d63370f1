//! A product as its page and the API show it.

use super::kits;
use super::stock::{self, Needs};
use super::values::{ImageView, MoneyView, image_view, moment, money};
use crate::ports_search::Availability;
use gearify_commerce::catalog::{
    self, AddOn, AttributeKind, AttributeValue, Policy, Product, ProductStatus, Unit, Variant,
};
use gearify_commerce::code::Code;
use gearify_commerce::pricing::{self, Effective};
use gearify_commerce::scope::View;
use gearify_commerce::{Country, Currency, Locale, Timestamp};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// In which language, currency and country something is shown, and when.
#[derive(Clone, Debug)]
pub struct Market {
    pub locale: Locale,
    pub default_locale: Locale,
    pub currency: Currency,
    pub country: Country,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProductView {
    pub id: String,
    pub slug: String,
    pub name: String,
    /// Markdown, as the merchant wrote it.
    pub description: String,
    pub brand: Option<String>,
    pub category: Option<CategoryRef>,
    /// From the root to the category.
    pub breadcrumbs: Vec<CategoryRef>,
    pub product_type: String,
    pub attributes: BTreeMap<String, AttributeView>,
    /// What is chosen among the variants, in this order.
    pub options: Vec<OptionView>,
    pub variants: Vec<VariantView>,
    pub add_ons: Vec<AddOnView>,
    pub images: Vec<ImageView>,
    pub price: Option<MoneyView>,
    pub price_range: Option<PriceRange>,
    pub availability: &'static str,
    pub in_stock: bool,
    pub rating: Option<RatingView>,
    pub seo: SeoView,
    pub published_at: Option<String>,
    /// Prices contain taxes.
    pub tax_included: Option<bool>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CategoryRef {
    pub id: String,
    /// Slugs from the root: `bats/english-willow`.
    pub path: String,
    pub name: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PriceRange {
    pub min: MoneyView,
    pub max: MoneyView,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RatingView {
    pub average: f64,
    pub count: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttributeView {
    pub name: String,
    /// A code, a number, true or false, or text.
    #[schema(value_type = serde_json::Value)]
    pub value: serde_json::Value,
    /// The value as people read it.
    pub text: String,
    pub unit: Option<&'static str>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptionView {
    pub code: String,
    pub name: String,
    pub values: Vec<OptionValueView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OptionValueView {
    pub value: String,
    pub label: String,
    /// A colour that shows it.
    pub swatch: Option<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VariantView {
    pub id: String,
    pub sku: String,
    pub gtin: Option<String>,
    /// Value by option code.
    pub options: BTreeMap<String, String>,
    pub attributes: BTreeMap<String, AttributeView>,
    pub price: Option<MoneyView>,
    pub compare_at_price: Option<MoneyView>,
    /// Lowest of the thirty days before a reduction.
    pub lowest_price_30d: Option<MoneyView>,
    pub in_stock: bool,
    pub availability: &'static str,
    /// When a preorder is delivered.
    pub available_at: Option<String>,
    pub images: Vec<ImageView>,
    pub weight_grams: u32,
    /// What a kit is put together from; empty for everything else.
    pub components: Vec<PartView>,
}

/// A part of a kit.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartView {
    pub variant_id: String,
    pub sku: String,
    /// With the choice it is in: "Batting pads, Men's".
    pub name: String,
    /// Where it is sold by itself, if it is.
    pub slug: Option<String>,
    /// Pieces in one kit.
    pub quantity: u32,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AddOnView {
    pub id: String,
    pub kind: &'static str,
    pub name: String,
    pub description: String,
    pub price: MoneyView,
    pub lead_days: u16,
    /// Once done, the goods can't come back.
    pub not_returnable: bool,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SeoView {
    pub title: String,
    pub description: String,
}

/// A product with what its view depends on besides the catalogue's records.
pub struct Built {
    pub view: ProductView,
    pub revision: u64,
    /// What each of its variants takes from stock, in the view's order.
    pub needs: Vec<Needs>,
}

/// What a shopper may see: published products alone.
pub fn visible(product: &Product) -> bool {
    product.status == ProductStatus::Active
}

pub fn build(
    catalogue: &(impl View + ?Sized),
    region: &(impl View + ?Sized),
    market: &Market,
    product: &Product,
) -> Built {
    let variants = catalog::live_variants_of(catalogue, product.id);
    let needs: Vec<Needs> = variants.iter().map(Needs::of).collect();
    let shelf: Vec<Availability> = needs.iter().map(|needs| needs.availability(region)).collect();
    let view = view_of(catalogue, market, product, &variants, &shelf);
    Built { view, revision: product.revision, needs }
}

fn view_of(
    catalogue: &(impl View + ?Sized),
    market: &Market,
    product: &Product,
    variants: &[Variant],
    shelf: &[Availability],
) -> ProductView {
    let (locale, default) = (&market.locale, &market.default_locale);
    let details = &product.details;
    let words = |text: &gearify_commerce::Text| text.words(locale, default).to_owned();
    let prices: Vec<Option<Effective>> =
        variants.iter().map(|variant| price_of(catalogue, market, variant)).collect();
    let amounts: Vec<i64> = prices.iter().flatten().map(|price| price.amount).collect();
    let (min, max) = (amounts.iter().min().copied(), amounts.iter().max().copied());
    let breadcrumbs = breadcrumbs(catalogue, market, product);
    let best = stock::best(shelf.iter().copied());
    let shown = variants.iter().zip(&prices).zip(shelf);
    let name = words(&details.name);
    ProductView {
        id: product.id.to_string(),
        slug: details.slug.to_string(),
        description: words(&details.description),
        brand: details.brand.as_ref().map(|brand| brand.to_string()),
        category: breadcrumbs.last().cloned(),
        breadcrumbs,
        product_type: details.product_type.to_string(),
        attributes: attributes(catalogue, market, &details.attributes),
        options: options(catalogue, market, product, variants),
        variants: shown
            .map(|((variant, price), shelf)| variant_view(catalogue, market, variant, price.as_ref(), *shelf))
            .collect(),
        add_ons: add_ons(catalogue, market, product),
        images: images(catalogue, market, &details.media),
        price: min.map(|amount| money(amount, market.currency)),
        price_range: min.zip(max).map(|(min, max)| PriceRange {
            min: money(min, market.currency),
            max: money(max, market.currency),
        }),
        availability: best.as_str(),
        in_stock: best.in_stock(),
        rating: None,
        seo: SeoView {
            title: Some(words(&details.seo.title))
                .filter(|title| !title.is_empty())
                .unwrap_or_else(|| name.clone()),
            description: words(&details.seo.description),
        },
        name,
        published_at: product.published_at.map(moment),
        tax_included: prices.iter().flatten().next().map(|price| price.tax_included),
    }
}

pub fn price_of(catalogue: &(impl View + ?Sized), market: &Market, variant: &Variant) -> Option<Effective> {
    pricing::effective(catalogue, variant.id, market.currency, &market.country, 1)
}

pub fn breadcrumbs(catalogue: &(impl View + ?Sized), market: &Market, product: &Product) -> Vec<CategoryRef> {
    let Some(first) = product.details.categories.first() else { return Vec::new() };
    let line = catalog::category_line(catalogue, *first);
    line.iter().map(|category| category_ref(category, market)).collect()
}

pub fn category_ref(category: &catalog::Category, market: &Market) -> CategoryRef {
    CategoryRef {
        id: category.id.to_string(),
        path: category.path.clone(),
        name: category.details.name.words(&market.locale, &market.default_locale).to_owned(),
    }
}

pub fn attributes(
    catalogue: &(impl View + ?Sized),
    market: &Market,
    values: &BTreeMap<Code, AttributeValue>,
) -> BTreeMap<String, AttributeView> {
    let view = |(code, value): (&Code, &AttributeValue)| {
        let definition = catalog::attribute(catalogue, code)?;
        let name = definition.details.name.words(&market.locale, &market.default_locale).to_owned();
        Some((code.to_string(), attribute_view(market, name, &definition.details.kind, value)))
    };
    values.iter().filter_map(view).collect()
}

fn attribute_view(
    market: &Market,
    name: String,
    kind: &AttributeKind,
    value: &AttributeValue,
) -> AttributeView {
    let (locale, default) = (&market.locale, &market.default_locale);
    let unit = match kind {
        AttributeKind::Number { unit, .. } => unit.map(Unit::as_str),
        AttributeKind::Choice { .. } | AttributeKind::Boolean | AttributeKind::Text => None,
    };
    let (value, text) = match value {
        AttributeValue::Choice(code) => (code.as_str().into(), choice_label(kind, code, market)),
        AttributeValue::Number(number) => number_value(*number, kind),
        AttributeValue::Boolean(yes) => ((*yes).into(), if *yes { "yes".into() } else { "no".to_owned() }),
        AttributeValue::Text(text) => {
            (text.words(locale, default).into(), text.words(locale, default).to_owned())
        }
    };
    AttributeView { name, value, text, unit }
}

fn choice_label(kind: &AttributeKind, code: &Code, market: &Market) -> String {
    let AttributeKind::Choice { values } = kind else { return code.to_string() };
    let choice = values.iter().find(|choice| choice.code == *code);
    choice.map_or_else(
        || code.to_string(),
        |choice| choice.label.words(&market.locale, &market.default_locale).to_owned(),
    )
}

/// The number in whole units, and as text with its unit.
fn number_value(number: i64, kind: &AttributeKind) -> (serde_json::Value, String) {
    let AttributeKind::Number { unit, decimals } = kind else { return (number.into(), number.to_string()) };
    let text = match decimals {
        0 => number.to_string(),
        decimals => {
            let one = 10i64.pow(u32::from(*decimals).min(18));
            let sign = if number < 0 { "-" } else { "" };
            format!(
                "{sign}{}.{:0width$}",
                (number / one).abs(),
                (number % one).abs(),
                width = usize::from(*decimals)
            )
        }
    };
    // A decimal is given as text, so that nobody's parser rounds it.
    let value = if *decimals == 0 { number.into() } else { text.clone().into() };
    let text = unit.map_or_else(|| text.clone(), |unit| format!("{text} {}", unit.as_str()));
    (value, text)
}

/// Only values that a live variant has: what can be chosen.
fn options(
    catalogue: &(impl View + ?Sized),
    market: &Market,
    product: &Product,
    variants: &[Variant],
) -> Vec<OptionView> {
    let (locale, default) = (&market.locale, &market.default_locale);
    let view = |code: &Code| {
        let option = catalog::option_type(catalogue, code)?;
        let used =
            |value: &Code| variants.iter().any(|variant| variant.details.options.get(code) == Some(value));
        let values =
            catalog::option_values(catalogue, code).into_iter().filter(|value| used(&value.details.code));
        let values = values.map(|value| OptionValueView {
            value: value.details.code.to_string(),
            label: value.details.label.words(locale, default).to_owned(),
            swatch: value.details.swatch.as_ref().map(|colour| colour.to_string()),
        });
        let name = option.details.name.words(locale, default).to_owned();
        Some(OptionView { code: code.to_string(), name, values: values.collect() })
    };
    product.details.options.iter().filter_map(view).collect()
}

fn variant_view(
    catalogue: &(impl View + ?Sized),
    market: &Market,
    variant: &Variant,
    price: Option<&Effective>,
    shelf: Availability,
) -> VariantView {
    let details = &variant.details;
    let in_currency = |amount: i64| money(amount, market.currency);
    let compare_at = price.and_then(|price| price.compare_at);
    // Only a reduction has to name the lowest price before it.
    let lowest = price.filter(|_| compare_at.is_some());
    let lowest = lowest.and_then(|price| pricing::lowest_before(catalogue, variant.id, &price.list));
    VariantView {
        id: variant.id.to_string(),
        sku: details.sku.to_string(),
        gtin: details.gtin.as_ref().map(|gtin| gtin.to_string()),
        options: details
            .options
            .iter()
            .map(|(option, value)| (option.to_string(), value.to_string()))
            .collect(),
        attributes: attributes(catalogue, market, &details.attributes),
        price: price.map(|price| in_currency(price.amount)),
        compare_at_price: compare_at.map(in_currency),
        lowest_price_30d: lowest.map(in_currency),
        in_stock: shelf.in_stock(),
        availability: shelf.as_str(),
        available_at: match details.policy {
            Policy::Preorder { available_at } => Some(moment(available_at)),
            Policy::Deny | Policy::Backorder => None,
        },
        images: images(catalogue, market, &details.media),
        weight_grams: details.shipping_weight_grams,
        components: kits::parts(catalogue, variant)
            .iter()
            .map(|part| part_view(catalogue, market, part))
            .collect(),
    }
}

fn part_view(catalogue: &(impl View + ?Sized), market: &Market, part: &kits::Part) -> PartView {
    PartView {
        variant_id: part.variant.id.to_string(),
        sku: part.variant.details.sku.to_string(),
        name: part.words(catalogue, market),
        slug: part.slug().map(str::to_owned),
        quantity: part.pieces,
    }
}

fn add_ons(catalogue: &(impl View + ?Sized), market: &Market, product: &Product) -> Vec<AddOnView> {
    let view = |add_on: AddOn| {
        let details = add_on.details;
        let price = *details.prices.get(&market.currency)?;
        Some(AddOnView {
            id: add_on.id.to_string(),
            kind: details.kind.as_str(),
            name: details.name.words(&market.locale, &market.default_locale).to_owned(),
            description: details.description.words(&market.locale, &market.default_locale).to_owned(),
            price: money(price, market.currency),
            lead_days: details.lead_days,
            not_returnable: details.not_returnable,
        })
    };
    catalog::add_ons_for(catalogue, product).into_iter().filter_map(view).collect()
}

fn images(
    catalogue: &(impl View + ?Sized),
    market: &Market,
    ids: &[gearify_commerce::MediaId],
) -> Vec<ImageView> {
    let found = ids.iter().filter_map(|id| catalog::media(catalogue, *id));
    found.map(|media| image_view(&media, &market.locale, &market.default_locale)).collect()
}
