//! What a kit is put together from.

use super::products::Market;
use super::products::visible;
use gearify_commerce::catalog::{self, Product, Variant};
use gearify_commerce::scope::View;

/// One part of a kit.
#[derive(Clone, Debug)]
pub struct Part {
    pub product: Product,
    pub variant: Variant,
    /// In one kit.
    pub pieces: u32,
}

/// The parts of a variant in the merchant's order; none for what is no kit.
pub fn parts(catalogue: &(impl View + ?Sized), kit: &Variant) -> Vec<Part> {
    if !kit.is_kit() {
        return Vec::new();
    }
    let part = |component: &catalog::StockComponent| {
        let variant = catalog::variant_of_stock_item(catalogue, component.item)?;
        let product = catalog::product(catalogue, variant.product)?;
        Some(Part { product, variant, pieces: component.per_unit.max(1) })
    };
    kit.details.components.iter().filter_map(part).collect()
}

impl Part {
    /// "Longroom Pads, Men's, Right": what it is, and which one of it.
    pub fn words(&self, catalogue: &(impl View + ?Sized), market: &Market) -> String {
        let (locale, default) = (&market.locale, &market.default_locale);
        let name = self.product.details.name.words(locale, default).to_owned();
        let options = catalog::option_words(catalogue, &self.product, &self.variant, locale, default);
        options.into_iter().fold(name, |words, (_, value)| format!("{words}, {value}"))
    }

    /// Under which slug it is sold by itself, if it is.
    pub fn slug(&self) -> Option<&str> {
        (visible(&self.product) && !self.variant.archived).then_some(self.product.details.slug.as_str())
    }
}
