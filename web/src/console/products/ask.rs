//! Which products are asked for: from the address of the list, and back into one.
//!
//! The search box takes words and filters: `status:draft type:bat brand:Longroom`. What is understood moves
//! to the filters, what is not is searched for.

use crate::console::lists::{Columns, ListColumn, Show, column, push, query_of, with_query, words_beside};
use crate::console::visit::Visit;
use crate::ports_lists::{ListFrom, PageRequest, ProductQuery, ProductSort};
use gearify_commerce::catalog::{self, ProductStatus};
use gearify_commerce::{CategoryId, Code, View};

pub const ROWS: usize = 50;
pub const STATUSES: [ProductStatus; 3] =
    [ProductStatus::Active, ProductStatus::Draft, ProductStatus::Archived];
pub const SORTS: [(ProductSort, &str, &str); 3] = [
    (ProductSort::Updated, "updated", "Changed last"),
    (ProductSort::Name, "name", "By name"),
    (ProductSort::Newest, "newest", "Newest first"),
];
/// Categories below the one that is asked for, at most.
const BRANCHES_MAX: usize = 100;

pub const COLUMNS: [ListColumn; 11] = [
    column("picture", "Picture", Show::Usual),
    column("product", "Product", Show::Always),
    column("status", "Status", Show::Usual),
    column("type", "Type", Show::Usual),
    column("variants", "Variants", Show::Asked),
    column("price", "Price", Show::Usual),
    column("available", "Available", Show::Usual),
    column("changed", "Changed", Show::Usual),
    column("brand", "Brand", Show::Asked),
    column("categories", "Categories", Show::Asked),
    column("made", "Made", Show::Asked),
];

/// Filters as a person set them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProductAsk {
    pub text: String,
    pub status: Vec<ProductStatus>,
    pub kind: Option<Code>,
    pub category: Option<CategoryId>,
    pub brand: String,
    pub sort: ProductSort,
    pub columns: Columns,
}

impl ProductAsk {
    pub fn read(visit: &Visit) -> ProductAsk {
        let mut ask = ProductAsk {
            kind: Code::parse(visit.get("type")).ok(),
            category: CategoryId::parse(visit.get("category")).ok(),
            brand: visit.get("brand").to_owned(),
            columns: Columns::read(visit, &COLUMNS),
            ..ProductAsk::default()
        };
        for value in visit.all("status") {
            ask.take_status(value);
        }
        let sort = visit.get("sort");
        ask.sort = SORTS.iter().find(|(_, word, _)| *word == sort).map_or(ProductSort::default(), |s| s.0);
        ask.read_typed(visit.get("q"));
        ask
    }

    fn read_typed(&mut self, typed: &str) {
        self.text = words_beside(typed, |key, value| self.take(key, value));
    }

    fn take(&mut self, key: &str, value: &str) -> bool {
        match key {
            "status" => self.take_status(value),
            "type" => Code::parse(value).map(|code| self.kind = Some(code)).is_ok(),
            "brand" if !value.is_empty() => {
                self.brand = value.to_owned();
                true
            }
            _ => false,
        }
    }

    fn take_status(&mut self, value: &str) -> bool {
        push(&mut self.status, STATUSES.into_iter().find(|status| status.as_str() == value))
    }

    /// Whether something is asked for that hides products.
    pub fn is_filtered(&self) -> bool {
        let ProductAsk { text, status, kind, category, brand, .. } = self;
        !(text.is_empty() && status.is_empty() && kind.is_none() && category.is_none() && brand.is_empty())
    }

    /// The address of the list with these filters.
    pub fn href(&self) -> String {
        self.address("/console/products")
    }

    pub fn query_text(&self) -> String {
        query_of(&self.href()).to_owned()
    }

    pub fn address(&self, path: &str) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !self.text.is_empty() {
            pairs.append_pair("q", &self.text);
        }
        pairs.extend_pairs(self.status.iter().map(|status| ("status", status.as_str())));
        pairs.extend_pairs(self.kind.iter().map(|code| ("type", code.as_str())));
        pairs.extend_pairs(self.category.iter().map(|id| ("category", id.to_string())));
        if !self.brand.is_empty() {
            pairs.append_pair("brand", &self.brand);
        }
        if self.sort != ProductSort::default() {
            let word = SORTS.iter().find(|(sort, ..)| *sort == self.sort).map_or("", |found| found.1);
            pairs.append_pair("sort", word);
        }
        pairs.extend_pairs(self.columns.pairs());
        with_query(path, &pairs.finish())
    }

    pub fn page(&self, catalogue: &impl View, limit: usize, from: ListFrom) -> ProductQuery {
        ProductQuery {
            text: Some(self.text.clone()).filter(|text| !text.is_empty()),
            status: self.status.clone(),
            product_type: self.kind.clone(),
            categories: self.category.map_or_else(Vec::new, |id| branch(catalogue, id)),
            brand: Some(self.brand.clone()).filter(|brand| !brand.is_empty()),
            sort: self.sort,
            page: PageRequest { limit, from },
        }
    }
}

/// A category and those below it.
fn branch(view: &impl View, id: CategoryId) -> Vec<CategoryId> {
    let Some(root) = catalog::category(view, id) else { return vec![id] };
    let below = format!("{}/", root.path);
    let all = catalog::categories(view).into_iter().filter(|category| category.path.starts_with(&below));
    std::iter::once(id).chain(all.map(|category| category.id)).take(BRANCHES_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_taken_out_of_the_words() {
        let mut ask = ProductAsk::default();
        ask.read_typed("long handle status:draft type:bat brand:Longroom colour:red status:lost");
        assert_eq!(ask.text, "long handle colour:red status:lost");
        assert_eq!(ask.status, [ProductStatus::Draft]);
        assert_eq!(ask.kind.as_ref().map(Code::as_str), Some("bat"));
        assert_eq!(
            ask.href(),
            "/console/products?q=long+handle+colour%3Ared+status%3Alost&status=draft&type=bat&brand=Longroom"
        );
        assert!(ask.is_filtered() && !ProductAsk::default().is_filtered());
    }
}
