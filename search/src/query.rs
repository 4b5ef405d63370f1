//! Questions and answers: the shapes a caller sees, and nothing of how they are worked out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::columns::{Price, Rating};
use crate::synonyms::Synonyms;

/// The most hits of one page.
pub const LIMIT_MAX: usize = 100;
/// The furthest page that can be reached by offset; cursors reach everything.
pub const OFFSET_MAX: usize = 10_000;
/// Totals are counted up to here; beyond they are "at least".
pub const TOTAL_MAX: usize = 10_000;

/// One question. Build it from [`Query::default`], which asks for the first 24 of everything.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What somebody typed; anything goes. Empty, or nothing but punctuation, is as good as `None`.
    /// The first twelve words count.
    pub text: Option<String>,
    pub locale: String,
    /// In order; after the locale and its language (`hi-IN`, `hi`). They are searched too.
    pub fallback_locales: Vec<String>,
    /// A path; its descendants are in it.
    pub category: Option<String>,
    /// OR inside a key, AND across keys. Keys are those of the facets: `brand`, `category`,
    /// `attr.grade` …; a numeric attribute takes `1180`, `1100..1250` (both ends within), `..1250`, `1100..`.
    pub filters: BTreeMap<String, Vec<String>>,
    /// Keys the shop declares although no product may carry them at the moment: filtering by them
    /// finds nothing, where an undeclared key is refused.
    pub declared_keys: BTreeSet<String>,
    /// Minor units of `currency`, both within.
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    /// ISO 4217. Prices are filtered, sorted, counted and shown in this one.
    pub currency: Option<String>,
    /// `Some(false)` finds what is *not* available.
    pub in_stock: Option<bool>,
    /// In hundredths: 400 is four stars and more.
    pub rating_min: Option<u16>,
    pub sort: Sort,
    /// The numeric attribute that [`Sort::NumberAsc`] and [`Sort::NumberDesc`] go by, `attr.weight`.
    pub sort_key: Option<String>,
    /// 1 to [`LIMIT_MAX`].
    pub limit: usize,
    pub start: Start,
    /// Whether facets are wanted; following pages seldom need them.
    pub facets: bool,
    pub synonyms: Option<Arc<Synonyms>>,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            text: None,
            locale: "en".to_owned(),
            fallback_locales: Vec::new(),
            category: None,
            filters: BTreeMap::new(),
            declared_keys: BTreeSet::new(),
            price_min: None,
            price_max: None,
            currency: None,
            in_stock: None,
            rating_min: None,
            sort: Sort::Relevance,
            sort_key: None,
            limit: 24,
            start: Start::Beginning,
            facets: true,
            synonyms: None,
        }
    }
}

/// Ties are broken by product number, so every order is total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sort {
    /// The best match first; without text the most popular.
    #[default]
    Relevance,
    /// Products without a price in the currency come last, in both directions.
    PriceAsc,
    PriceDesc,
    Newest,
    /// Average, then number of ratings.
    Rating,
    /// By the name shown in the query's locale.
    Name,
    /// By the lowest number of the attribute `sort_key`; what has none comes last, in both directions.
    NumberAsc,
    /// By the highest.
    NumberDesc,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Start {
    #[default]
    Beginning,
    /// From an earlier answer to the same query (limit and facets may differ).
    ///
    /// A walk by cursor sees each product exactly once as long as what it is sorted by does not
    /// change; a product that moves meanwhile may be seen twice or not at all.
    Cursor(String),
    /// Hits to skip, at most [`OFFSET_MAX`].
    Offset(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub hits: Vec<Hit>,
    /// `category`, `brand`, `price`, `in_stock`, then attributes by name; empty if not asked for.
    pub facets: Vec<Facet>,
    pub total: Total,
    pub next_cursor: Option<String>,
    pub prev_cursor: Option<String>,
    /// How far the index had been fed when it answered.
    pub position: u64,
    pub matching: Matching,
}

/// How the words of the query were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matching {
    /// Every word as written (the last one perhaps unfinished), or no text at all.
    #[default]
    Exact,
    /// Too few had been found, so words nobody uses were taken for similar ones.
    Corrected,
    /// Nothing had all the words; these have some of them.
    Partial,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    pub number: u32,
    pub id: Arc<str>,
    /// The document's payload.
    pub stored: Arc<[u8]>,
    /// Only under [`Sort::Relevance`] with text; comparable within one answer.
    pub score: Option<f32>,
    /// In the query's currency.
    pub price: Option<Price>,
    pub available: bool,
    /// The caller's own code.
    pub availability: u8,
    pub rating: Option<Rating>,
    pub popularity: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    pub value: usize,
    pub relation: Relation,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    Exact,
    AtLeast,
}

/// Counts are of the products that all *other* selections leave, so that a second value of the
/// same facet shows what ticking it would add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facet {
    /// What [`Query::filters`] calls it, besides `price` and `in_stock`.
    pub key: String,
    pub kind: FacetKind,
    /// Terms: most frequent first, at most [`crate::FACET_VALUES_MAX`] and every selected one.
    /// Tree: by path. Price: buckets, ascending. Boolean: `true`, `false`.
    pub values: Vec<FacetValue>,
    /// The lowest and highest number (or price, in minor units) among those products.
    pub min: Option<i64>,
    pub max: Option<i64>,
    /// Of a numeric attribute; the currency of `price`.
    pub unit: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FacetKind {
    Terms,
    Range,
    Tree,
    Boolean,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetValue {
    /// A term, a path, `true`/`false`; of a price bucket `from..until`, in minor units, where
    /// `until` itself is in the next bucket.
    pub value: String,
    pub count: usize,
    pub selected: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    pub kind: SuggestionKind,
    /// The product's or category's name in the best locale.
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SuggestionKind {
    Product { number: u32, id: Arc<str>, stored: Arc<[u8]> },
    Category { path: String },
}
