//! A category or a search: products with filters, as a grid or as a table of numbers.

use super::parts::{Choice, Link, ProductCard, element_id};
use crate::l10n::{CurrencyCode, Text, pounds_and_ounces};

#[derive(Debug, Clone)]
pub struct ListingPage {
    pub kind: ListingKind,
    pub crumbs: Vec<Link>,
    /// A line or two under the title; may be empty.
    pub introduction: String,
    /// Narrower categories.
    pub children: Vec<Link>,
    pub total: Total,
    pub layout: Layout,
    /// This list in the other layouts.
    pub grid_href: String,
    pub table_href: String,
    /// Heads of the first and the last column of a table.
    pub product_column: Column,
    pub price_column: Column,
    /// Heads of `ProductCard::specs` in table layout; empty in grid layout.
    pub columns: Vec<Column>,
    pub products: Vec<ProductCard>,
    /// Where the filter form goes (GET), without query.
    pub form_action: String,
    /// Parameters the filter form carries along unseen (`q`, `view`); not `page`, not the sort.
    pub carried: Vec<(String, String)>,
    pub facets: Vec<Facet>,
    /// Filters in force, each with the address of this list without it.
    pub chips: Vec<Link>,
    /// This list without any filter.
    pub clear_href: String,
    /// Values of the parameter `sort`.
    pub sorts: Vec<Choice>,
    pub previous_href: Option<String>,
    pub next_href: Option<String>,
    /// Counted from 1.
    pub page_number: u64,
    /// What to try where nothing was found.
    pub suggestions: Vec<Link>,
}

#[derive(Debug, Clone)]
pub enum ListingKind {
    Category {
        name: String,
    },
    Search {
        /// What was looked for, as typed.
        term: String,
        /// What was looked for instead, if spelling was forgiven.
        corrected: Option<Link>,
    },
}

/// How many there are; counting stops at 10,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    pub value: u64,
    pub at_least: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// For what is bought by eye.
    Grid,
    /// For what is bought by numbers.
    Table,
}

#[derive(Debug, Clone)]
pub struct Column {
    pub label: String,
    /// Numbers stand to the right.
    pub numeric: bool,
    pub sort: ColumnSort,
}

#[derive(Debug, Clone, Default)]
pub struct ColumnSort {
    /// Sorts by this column (the other way round if it is sorted already).
    pub href: Option<String>,
    pub sorted: Option<SortDirection>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortDirection {
    Ascending,
    Descending,
}

impl SortDirection {
    /// The value of `aria-sort`.
    pub fn aria(self) -> &'static str {
        match self {
            SortDirection::Ascending => "ascending",
            SortDirection::Descending => "descending",
        }
    }
}

/// One group of filters.
#[derive(Debug, Clone)]
pub struct Facet {
    /// The name of the parameter, `filter.brand`.
    pub name: String,
    pub label: String,
    /// Unfolded to begin with.
    pub open: bool,
    pub body: FacetBody,
}

#[derive(Debug, Clone)]
pub enum FacetBody {
    /// Any of these (check boxes).
    Terms(Vec<FacetValue>),
    /// One place in a tree (links).
    Tree(Vec<TreeValue>),
    Range(RangeFacet),
}

#[derive(Debug, Clone)]
pub struct FacetValue {
    pub value: String,
    pub label: String,
    pub count: u64,
    pub selected: bool,
}

#[derive(Debug, Clone)]
pub struct TreeValue {
    pub label: String,
    pub href: String,
    pub count: u64,
    pub selected: bool,
    /// 0 is the top.
    pub depth: u8,
}

/// From – to, in whole units: pounds, not pence; grams.
#[derive(Debug, Clone)]
pub struct RangeFacet {
    /// Names of the two parameters, `price_min` and `price_max`.
    pub low_name: String,
    pub high_name: String,
    /// The ends of what there is.
    pub min: i64,
    pub max: i64,
    /// What is chosen now, if anything.
    pub low: Option<i64>,
    pub high: Option<i64>,
    pub unit: RangeUnit,
}

impl Facet {
    /// The id of the check box of a value.
    pub fn value_id(&self, value: &str) -> String {
        element_id("f", &format!("{}={value}", self.name))
    }
}

impl RangeFacet {
    pub fn is_weight(&self) -> bool {
        self.unit == RangeUnit::Grams
    }

    /// What is chosen, the way a bat's weight is spoken of.
    pub fn in_ounces(&self) -> String {
        let spoken = |grams: i64| pounds_and_ounces(u32::try_from(grams.max(0)).unwrap_or(u32::MAX));
        format!("{} – {}", spoken(self.low.unwrap_or(self.min)), spoken(self.high.unwrap_or(self.max)))
    }

    /// The unit beside the words "from" and "to".
    pub fn sign(&self, t: Text) -> String {
        match &self.unit {
            RangeUnit::Money(currency) => currency.symbol(t.locale()).trim().to_owned(),
            RangeUnit::Grams => "g".to_owned(),
            RangeUnit::Plain(unit) => unit.clone(),
        }
    }
}

impl RangeUnit {
    /// Tells the script which slider to build.
    pub fn kind(&self) -> &'static str {
        match self {
            RangeUnit::Money(_) => "money",
            RangeUnit::Grams => "weight",
            RangeUnit::Plain(_) => "plain",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RangeUnit {
    Money(CurrencyCode),
    /// Shown in pounds and ounces beside the grams.
    Grams,
    /// Another unit's sign, may be empty.
    Plain(String),
}

impl ListingPage {
    /// How many filters are in force.
    pub fn filter_count(&self) -> u64 {
        u64::try_from(self.chips.len()).unwrap_or(u64::MAX)
    }

    pub fn is_table(&self) -> bool {
        self.layout == Layout::Table
    }
}
