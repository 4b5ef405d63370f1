//! Products as lists show them: what the catalogue says, joined with what search knows by the minute.

use super::products::{AttributeView, CategoryRef, Market, PriceRange, RatingView, attributes, breadcrumbs};
use super::values::{ImageView, MoneyView, image_view, money};
use crate::ports_search::SearchHit;
use gearify_commerce::catalog::{self, Product};
use gearify_commerce::pricing;
use gearify_commerce::scope::View;
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProductCard {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub brand: Option<String>,
    pub category: Option<CategoryRef>,
    /// The lowest variant's.
    pub price: Option<MoneyView>,
    pub price_range: Option<PriceRange>,
    pub compare_at_price: Option<MoneyView>,
    pub lowest_price_30d: Option<MoneyView>,
    pub availability: &'static str,
    pub in_stock: bool,
    /// Set where there is only one: it can go into the cart at once.
    pub default_variant: Option<VariantRefView>,
    pub variant_count: u32,
    pub attributes: BTreeMap<String, AttributeView>,
    pub rating: Option<RatingView>,
    pub image: Option<ImageView>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VariantRefView {
    pub id: String,
    pub sku: String,
}

/// What of a card changes only with the catalogue.
#[derive(Clone, Debug)]
pub struct CardFace {
    pub id: String,
    slug: String,
    name: String,
    brand: Option<String>,
    category: Option<CategoryRef>,
    default_variant: Option<VariantRefView>,
    variant_count: u32,
    attributes: BTreeMap<String, AttributeView>,
    image: Option<ImageView>,
    lowest_price_30d: Option<MoneyView>,
}

pub fn face(catalogue: &(impl View + ?Sized), market: &Market, product: &Product) -> CardFace {
    let details = &product.details;
    let live = catalog::variant_counts(catalogue, product.id).live;
    let only =
        (live == 1).then(|| catalog::live_variants_of(catalogue, product.id).into_iter().next()).flatten();
    let lead = catalog::lead_media(catalogue, product, None);
    CardFace {
        id: product.id.to_string(),
        slug: details.slug.to_string(),
        name: details.name.words(&market.locale, &market.default_locale).to_owned(),
        brand: details.brand.as_ref().map(|brand| brand.to_string()),
        category: breadcrumbs(catalogue, market, product).pop(),
        default_variant: only.map(|variant| VariantRefView {
            id: variant.id.to_string(),
            sku: variant.details.sku.to_string(),
        }),
        variant_count: live,
        attributes: attributes(catalogue, market, &details.attributes),
        image: lead.map(|media| image_view(&media, &market.locale, &market.default_locale)),
        lowest_price_30d: lowest_before_reduction(catalogue, market, product),
    }
}

/// The lowest earlier price of the cheapest variant, where it is a reduction.
fn lowest_before_reduction(
    catalogue: &(impl View + ?Sized),
    market: &Market,
    product: &Product,
) -> Option<MoneyView> {
    let variants = catalog::live_variants_of(catalogue, product.id);
    let priced = variants.iter().filter_map(|variant| {
        let price = super::products::price_of(catalogue, market, variant)?;
        Some((price.amount, variant.id, price))
    });
    let (_, variant, price) = priced.min_by_key(|(amount, _, _)| *amount)?;
    price.compare_at?;
    let lowest = pricing::lowest_before(catalogue, variant, &price.list)?;
    Some(money(lowest, market.currency))
}

impl CardFace {
    pub fn card(&self, hit: &SearchHit, market: &Market) -> ProductCard {
        let in_currency = |amount: i64| money(amount, market.currency);
        let range = hit.price_min.zip(hit.price_max);
        ProductCard {
            id: self.id.clone(),
            slug: self.slug.clone(),
            name: self.name.clone(),
            brand: self.brand.clone(),
            category: self.category.clone(),
            price: hit.price_min.map(in_currency),
            price_range: range.map(|(min, max)| PriceRange { min: in_currency(min), max: in_currency(max) }),
            compare_at_price: hit.compare_at.map(in_currency),
            lowest_price_30d: hit.compare_at.and_then(|_| self.lowest_price_30d.clone()),
            availability: hit.availability.as_str(),
            in_stock: hit.availability.in_stock(),
            default_variant: self.default_variant.clone(),
            variant_count: self.variant_count,
            attributes: self.attributes.clone(),
            rating: hit
                .rating
                .map(|(hundredths, count)| RatingView { average: f64::from(hundredths) / 100.0, count }),
            image: self.image.clone(),
        }
    }
}
