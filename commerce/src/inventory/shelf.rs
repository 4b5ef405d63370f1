//! When a whole product is gone: the last of its variants that could be sold has run out.
//!
//! Stock knows items and the catalogue knows products, each in its own log. So when an item runs out the leader is
//! asked what it belongs to ([`Work::Shelf`]), and its word is decided here against the stock as it is by then. It is
//! told once, until something of the product is there again. A product of which one variant may be sold beyond stock
//! is never gone; a kit is no stock of its own, and it is its parts that are told of.

use super::command::Event;
use super::model::available;
use crate::catalog::{self, ProductStatus};
use crate::ids::{ProductId, StockItemId};
use crate::processes::schedule::Work;
use crate::scope::{Present, Scope, Table, View};
use serde::{Deserialize, Serialize};

/// What the catalogue knows of the product that an item is sold as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelf {
    pub product: ProductId,
    /// What a piece of each variant takes from stock.
    pub variants: Vec<Vec<(StockItemId, u32)>>,
    /// Whether one of them may be promised though it is not there.
    pub beyond_stock: bool,
}

/// The items of a product that is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gone {
    pub items: Vec<StockItemId>,
}
gearify_storage::first_version!(Gone);

pub const PRODUCTS_GONE: Table<ProductId, Gone> = Table::new(86);
/// Which products are gone with an item: `(item, product)`.
pub const GONE_WITH: Table<(StockItemId, ProductId), Present> = Table::new(87);

/// The product that is sold from an item, as the leader's catalogue has it; `None` if it is not for sale.
pub fn of_item(catalogue: &(impl View + ?Sized), item: StockItemId) -> Option<Shelf> {
    let variant = catalog::variant_of_stock_item(catalogue, item)?;
    let product = catalog::product(catalogue, variant.product)?;
    if product.status != ProductStatus::Active {
        return None;
    }
    let variants = catalog::live_variants_of(catalogue, product.id);
    let parts = |variant: &catalog::Variant| {
        variant.stock_components().iter().map(|part| (part.item, part.per_unit)).collect()
    };
    Some(Shelf {
        product: product.id,
        beyond_stock: variants.iter().any(|variant| variant.details.policy.sells_beyond_stock()),
        variants: variants.iter().map(parts).collect(),
    })
}

/// Asks what an item belongs to that has just run out.
pub(super) fn ran_out(scope: &mut Scope<'_, '_>, item: StockItemId) {
    scope.ask(&Work::Shelf(item));
}

/// Products that are sold from an item are not gone any more.
pub(super) fn came_back(scope: &mut Scope<'_, '_>, item: StockItemId) {
    /// One's own, and kits that were given an item of their own.
    const PRODUCTS_MAX: usize = 64;
    for (key, _) in GONE_WITH.rows(scope, &item, PRODUCTS_MAX) {
        let Ok(bits) = <[u8; 16]>::try_from(key.as_ref()) else { continue };
        let product = ProductId::from_bits(u128::from_be_bytes(bits));
        for item in PRODUCTS_GONE.get(scope, &product).map(|gone| gone.items).unwrap_or_default() {
            GONE_WITH.delete(scope, &(item, product));
        }
        PRODUCTS_GONE.delete(scope, &product);
    }
}

/// The leader's answer. Whatever it is, nobody needs to be asked any more.
pub(super) fn report(scope: &mut Scope<'_, '_>, item: StockItemId, shelf: Option<&Shelf>) {
    scope.answered(&Work::Shelf(item));
    let Some(shelf) = shelf.filter(|shelf| is_gone(scope, shelf)) else { return };
    let product = shelf.product;
    let told = PRODUCTS_GONE.get(scope, &product).is_some_and(|gone| gone.items.contains(&item));
    let mut items: Vec<StockItemId> = shelf.variants.iter().flatten().map(|(item, _)| *item).collect();
    items.sort();
    items.dedup();
    for item in &items {
        GONE_WITH.put(scope, &(*item, product), &Present);
    }
    PRODUCTS_GONE.put(scope, &product, &Gone { items });
    if !told {
        scope.emit(Event::ProductOutOfStock { product });
    }
}

fn is_gone(view: &impl View, shelf: &Shelf) -> bool {
    let lacks = |(item, per_unit): &(StockItemId, u32)| available(view, *item) < i64::from(*per_unit);
    let mut variants = shelf.variants.iter();
    !shelf.beyond_stock && !shelf.variants.is_empty() && variants.all(|parts| parts.iter().any(lacks))
}
