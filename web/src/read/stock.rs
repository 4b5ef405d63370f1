//! Whether things can be bought now, from the live levels of the site.

use crate::ports_search::Availability;
use gearify_commerce::StockItemId;
use gearify_commerce::catalog::{Policy, Variant};
use gearify_commerce::inventory::{self, STOCK_ITEMS};
use gearify_commerce::scope::View;

/// What a variant takes from stock, and what happens when nothing is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needs {
    parts: Vec<(StockItemId, u32)>,
    policy: Policy,
}

impl Needs {
    pub fn of(variant: &Variant) -> Needs {
        let parts = variant.stock_components().into_iter().map(|part| (part.item, part.per_unit.max(1)));
        Needs { parts: parts.collect(), policy: variant.details.policy }
    }

    /// Pieces that can be sold from the shelf: as many as the scarcest part allows.
    pub fn pieces(&self, region: &(impl View + ?Sized)) -> i64 {
        let of_part = |(item, per_unit): &(StockItemId, u32)| {
            inventory::available(region, *item) / i64::from(*per_unit)
        };
        self.parts.iter().map(of_part).min().unwrap_or(0)
    }

    pub fn availability(&self, region: &(impl View + ?Sized)) -> Availability {
        let pieces = self.pieces(region);
        match self.policy {
            _ if pieces > self.low_at(region) => Availability::InStock,
            _ if pieces > 0 => Availability::LowStock,
            Policy::Deny => Availability::OutOfStock,
            Policy::Backorder => Availability::Backorder,
            Policy::Preorder { .. } => Availability::Preorder,
        }
    }

    fn low_at(&self, region: &(impl View + ?Sized)) -> i64 {
        let low = self.parts.iter().filter_map(|(item, _)| STOCK_ITEMS.get(region, item));
        low.map(|item| i64::from(item.low_at)).max().unwrap_or(0)
    }
}

/// The best of a product's variants.
pub fn best(of_variants: impl IntoIterator<Item = Availability>) -> Availability {
    of_variants.into_iter().min().unwrap_or(Availability::OutOfStock)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_shelf_wins() {
        assert_eq!(best([Availability::OutOfStock, Availability::LowStock]), Availability::LowStock);
        assert_eq!(best([]), Availability::OutOfStock);
    }
}
