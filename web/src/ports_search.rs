//! Product search as pages and the API need it.
//!
//! The node maps these to its index and its live columns. Hits come with what changes by the minute
//! (price, availability, rating); names and pictures come from the catalogue.

use futures::future::BoxFuture;
use gearify_commerce::{Currency, Locale, ProductId, TenantId};
use std::collections::BTreeMap;

/// Search, facets and suggestions over a tenant's published products.
pub trait ProductSearch: Send + Sync + 'static {
    fn search(
        &self,
        tenant: TenantId,
        query: SearchQuery,
    ) -> BoxFuture<'_, Result<SearchAnswer, SearchFault>>;

    /// What the text may become: product names, categories, earlier queries.
    fn suggest(
        &self,
        tenant: TenantId,
        text: String,
        locale: Locale,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Suggestion>, SearchFault>>;
}

#[derive(Clone, Debug)]
pub struct SearchQuery {
    pub text: Option<String>,
    pub locale: Locale,
    /// Searched as well, after the locale and its language.
    pub fallback_locales: Vec<Locale>,
    pub currency: Currency,
    /// Path of slugs from the root (`bats/english-willow`); its descendants are in it.
    pub category: Option<String>,
    /// OR inside a key, AND across keys: `brand`, `category`, `attr.grade` …
    pub filters: BTreeMap<String, Vec<String>>,
    /// Minor units, both within.
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    /// In hundredths: 400 is four stars and more.
    pub rating_min: Option<u16>,
    pub sort: SearchSort,
    /// The numeric attribute that the sorts by number go by, `attr.weight`.
    pub sort_key: Option<String>,
    /// 1 to 100.
    pub limit: usize,
    pub from: SearchFrom,
    pub facets: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SearchSort {
    #[default]
    Relevance,
    PriceAsc,
    PriceDesc,
    Newest,
    Rating,
    Name,
    /// By a number of `sort_key`; what has none comes last.
    NumberAsc,
    NumberDesc,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SearchFrom {
    #[default]
    Start,
    /// From an earlier answer to the same query.
    Cursor(String),
    /// Hits to skip, for numbered pages.
    Offset(usize),
}

#[derive(Clone, Debug, Default)]
pub struct SearchAnswer {
    pub hits: Vec<SearchHit>,
    pub facets: Vec<SearchFacet>,
    pub total: u64,
    /// `false`: there are at least `total`.
    pub total_exact: bool,
    pub next_cursor: Option<String>,
    pub prev_cursor: Option<String>,
    /// The catalogue position the index had reached.
    pub position: u64,
    /// Words were corrected, or not all of them were found.
    pub corrected: bool,
}

#[derive(Clone, Debug)]
pub struct SearchHit {
    pub product: ProductId,
    /// Lowest and highest variant, and the former price; minor units of the query's currency.
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub compare_at: Option<i64>,
    pub availability: Availability,
    /// Average in hundredths, and how many.
    pub rating: Option<(u16, u32)>,
}

/// Whether a product can be bought now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Availability {
    InStock,
    LowStock,
    Backorder,
    Preorder,
    OutOfStock,
}

impl Availability {
    pub fn as_str(self) -> &'static str {
        match self {
            Availability::InStock => "in_stock",
            Availability::LowStock => "low_stock",
            Availability::Backorder => "backorder",
            Availability::Preorder => "preorder",
            Availability::OutOfStock => "out_of_stock",
        }
    }

    /// Whether it is on the shelf.
    pub fn in_stock(self) -> bool {
        matches!(self, Availability::InStock | Availability::LowStock)
    }
}

#[derive(Clone, Debug)]
pub struct SearchFacet {
    pub key: String,
    pub kind: SearchFacetKind,
    pub values: Vec<SearchFacetValue>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub unit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchFacetKind {
    Terms,
    Range,
    Tree,
    Boolean,
}

#[derive(Clone, Debug)]
pub struct SearchFacetValue {
    /// A code or path; the words for it come from the catalogue.
    pub value: String,
    pub count: u64,
    pub selected: bool,
}

#[derive(Clone, Debug)]
pub struct Suggestion {
    pub text: String,
    pub kind: SuggestionKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuggestionKind {
    Product(ProductId),
    /// The category's path.
    Category(String),
    Query,
}

#[derive(Clone, Debug, thiserror::Error)]
pub enum SearchFault {
    /// A filter, sort or cursor that this shop's index does not have.
    #[error("{detail}")]
    Refused { parameter: String, detail: String },
    #[error("the index is not ready")]
    NotReady,
    #[error("search failed: {0}")]
    Failed(String),
}
