//! Up to four products side by side.

use super::parts::{Choice, Link, ProductCard};

/// Columns that can still be read beside each other.
pub const SIDE_BY_SIDE_MAX: usize = 4;

#[derive(Debug, Clone)]
pub struct ComparePage {
    pub crumbs: Vec<Link>,
    pub products: Vec<Compared>,
    /// Facts, one row each, a cell for every product in their order.
    pub rows: Vec<CompareRow>,
    /// How many fit, told where more were asked for.
    pub full: Option<u64>,
    /// What may be put beside them; the values are names of products in addresses.
    pub others: Vec<Choice>,
    /// Where to begin while there is nothing to compare.
    pub suggestions: Vec<Link>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Compared {
    pub card: ProductCard,
    /// The same page without it.
    pub without_href: String,
}

#[derive(Debug, Clone)]
pub struct CompareRow {
    pub label: String,
    /// Empty where nothing is known.
    pub cells: Vec<String>,
}

impl CompareRow {
    pub fn differs(&self) -> bool {
        differ(&self.cells)
    }
}

impl ComparePage {
    pub fn is_alone(&self) -> bool {
        self.products.len() == 1
    }

    pub fn prices_differ(&self) -> bool {
        differ(self.products.iter().map(|product| (product.card.price.price, product.card.price.from)))
    }

    pub fn availabilities_differ(&self) -> bool {
        differ(self.products.iter().map(|product| product.card.availability))
    }

    /// A row of ratings would be empty where nobody has rated any of them.
    pub fn is_rated(&self) -> bool {
        self.products.iter().any(|product| product.card.rating.is_some())
    }

    pub fn ratings_differ(&self) -> bool {
        differ(self.products.iter().map(|product| product.card.rating))
    }
}

fn differ<T: PartialEq>(cells: impl IntoIterator<Item = T>) -> bool {
    let mut cells = cells.into_iter();
    cells.next().is_some_and(|first| cells.any(|cell| cell != first))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_differ_when_one_cell_does() {
        let row = |cells: &[&str]| CompareRow {
            label: "Grade".to_owned(),
            cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
        };
        assert!(row(&["1", "1", "2"]).differs());
        assert!(row(&["1", ""]).differs(), "what is not known of one is a difference");
        assert!(!row(&["1", "1"]).differs());
        assert!(!row(&["1"]).differs() && !row(&[]).differs());
    }
}
