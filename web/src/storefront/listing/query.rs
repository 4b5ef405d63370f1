//! What a list is asked for, as it stands in its address.
//!
//! Names of parameters: `q`, `category` (in searches), `filter.<key>` (any of several values),
//! `min.<key>` and `max.<key>` for ranges, `price_min` and `price_max` in whole units of the currency,
//! `in_stock`, `sort`, `view`, `page`. Others are left alone: links from elsewhere carry all sorts.

use crate::ports_search::{SearchFrom, SearchQuery, SearchSort};
use crate::read::products::Market;
use crate::storefront::view::listing::Layout;
use crate::storefront::visit::Visit;
use gearify_commerce::Code;
use std::collections::BTreeMap;

/// Products on one page.
pub const PAGE_SIZE: usize = 24;
/// As far as lists are counted.
const PAGES_MAX: u64 = 400;
const TEXT_CHARS_MAX: usize = 200;
const VALUES_MAX: usize = 60;

/// Ends of a range; an absent one is open.
pub type Ends = (Option<i64>, Option<i64>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    pub text: String,
    pub category: Option<String>,
    pub filters: BTreeMap<String, Vec<String>>,
    /// By facet key, in whole units.
    pub ranges: BTreeMap<String, Ends>,
    /// Whole units of the currency.
    pub price: Ends,
    pub in_stock: bool,
    pub sort: SearchSort,
    /// The attribute that the sorts by number go by, `attr.weight`.
    pub sort_key: Option<String>,
    pub layout: Option<Layout>,
    /// From 1.
    pub page: u64,
}

impl Default for ListQuery {
    fn default() -> ListQuery {
        ListQuery {
            text: String::new(),
            category: None,
            filters: BTreeMap::new(),
            ranges: BTreeMap::new(),
            price: (None, None),
            in_stock: false,
            sort: SearchSort::Relevance,
            sort_key: None,
            layout: None,
            page: 1,
        }
    }
}

impl ListQuery {
    pub fn of(visit: &Visit) -> ListQuery {
        ListQuery::read(&visit.query)
    }

    fn read(pairs: &[(String, String)]) -> ListQuery {
        let mut query = ListQuery::default();
        for (name, value) in pairs.iter().filter(|(_, value)| !value.trim().is_empty()).take(VALUES_MAX) {
            query.take(name, value.trim());
        }
        query
    }

    /// Values that make no sense are dropped: an address somebody mistyped still shows something.
    fn take(&mut self, name: &str, value: &str) {
        let whole = || value.parse::<i64>().ok().filter(|number| (0..=1_000_000_000).contains(number));
        match name {
            "q" => self.text = value.chars().take(TEXT_CHARS_MAX).collect(),
            "category" => self.category = Some(value.trim_matches('/').to_owned()),
            "price_min" => self.price.0 = whole(),
            "price_max" => self.price.1 = whole(),
            "in_stock" => self.in_stock = matches!(value, "true" | "1" | "yes"),
            "sort" => (self.sort, self.sort_key) = sort_of(value).unwrap_or_default(),
            "view" => self.layout = layout_of(value),
            "page" => self.page = value.parse().unwrap_or(1).clamp(1, PAGES_MAX),
            _ => {
                if let Some(key) = name.strip_prefix("filter.") {
                    let values = self.filters.entry(key.to_owned()).or_default();
                    if !values.iter().any(|known| known == value) {
                        values.push(value.to_owned());
                    }
                } else if let Some(key) = name.strip_prefix("min.") {
                    self.ranges.entry(key.to_owned()).or_default().0 = whole();
                } else if let Some(key) = name.strip_prefix("max.") {
                    self.ranges.entry(key.to_owned()).or_default().1 = whole();
                }
            }
        }
    }

    /// The parameters in one order, so that equal lists have equal addresses.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let mut pairs = self.filter_pairs();
        let mut add = |name: &str, value: String| pairs.push((name.to_owned(), value));
        if self.sort != SearchSort::Relevance {
            add("sort", sort_name(self.sort, self.sort_key.as_deref()));
        }
        if let Some(layout) = self.layout {
            add("view", layout_name(layout).to_owned());
        }
        if self.page > 1 {
            add("page", self.page.to_string());
        }
        if !self.text.is_empty() {
            pairs.insert(0, ("q".to_owned(), self.text.clone()));
        }
        pairs
    }

    fn filter_pairs(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        if let Some(category) = &self.category {
            pairs.push(("category".to_owned(), category.clone()));
        }
        for (key, values) in &self.filters {
            pairs.extend(values.iter().map(|value| (format!("filter.{key}"), value.clone())));
        }
        for (key, (low, high)) in &self.ranges {
            pairs.extend(low.map(|low| (format!("min.{key}"), low.to_string())));
            pairs.extend(high.map(|high| (format!("max.{key}"), high.to_string())));
        }
        pairs.extend(self.price.0.map(|low| ("price_min".to_owned(), low.to_string())));
        pairs.extend(self.price.1.map(|high| ("price_max".to_owned(), high.to_string())));
        if self.in_stock {
            pairs.push(("in_stock".to_owned(), "true".to_owned()));
        }
        pairs
    }

    /// Whether anything narrows the list besides its place and the words looked for.
    pub fn is_filtered(&self) -> bool {
        !self.filter_pairs().is_empty()
    }

    /// The address of this list under `path`.
    pub fn href(&self, path: &str) -> String {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return path.to_owned();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{path}?{query}")
    }

    /// This list with a change, from its first page.
    pub fn with(&self, change: impl FnOnce(&mut ListQuery)) -> ListQuery {
        let mut changed = ListQuery { page: 1, ..self.clone() };
        change(&mut changed);
        changed
    }

    /// What the index is asked. `decimals` says how many of them a numeric facet has.
    pub fn search(&self, visit: &Visit, market: &Market, decimals: impl Fn(&str) -> u8) -> SearchQuery {
        let mut filters = self.filters.clone();
        for (key, ends) in &self.ranges {
            if let Some(range) = range_value(*ends, 10i64.pow(decimals(key).min(9).into())) {
                filters.entry(key.clone()).or_default().push(range);
            }
        }
        let minor = 10i64.pow(market.currency.exponent());
        let others = visit.settings().locales().filter(|locale| **locale != market.locale);
        SearchQuery {
            text: Some(self.text.clone()).filter(|text| !text.trim().is_empty()),
            locale: market.locale.clone(),
            fallback_locales: others.cloned().collect(),
            currency: market.currency,
            category: self.category.clone(),
            filters,
            price_min: self.price.0.map(|low| low.saturating_mul(minor)),
            // Whoever says "to 50" means 50.00 too.
            price_max: self.price.1.map(|high| high.saturating_mul(minor).saturating_add(minor - 1)),
            in_stock: self.in_stock.then_some(true),
            rating_min: None,
            sort: self.sort,
            sort_key: self.sort_key.clone(),
            limit: PAGE_SIZE,
            from: match self.page {
                0 | 1 => SearchFrom::Start,
                page => SearchFrom::Offset((page as usize - 1) * PAGE_SIZE),
            },
            facets: true,
        }
    }
}

fn range_value((low, high): Ends, scale: i64) -> Option<String> {
    if low.is_none() && high.is_none() {
        return None;
    }
    let scaled = |end: i64| end.saturating_mul(scale);
    let high = high.map(|high| scaled(high).saturating_add(scale - 1));
    let text = |end: Option<i64>| end.map_or_else(String::new, |end| end.to_string());
    Some(format!("{}..{}", text(low.map(scaled)), text(high)))
}

/// Orders a list can have, in the order they are offered.
pub const SORTS: [SearchSort; 5] = [
    SearchSort::Relevance,
    SearchSort::PriceAsc,
    SearchSort::PriceDesc,
    SearchSort::Newest,
    SearchSort::Name,
];

/// What a sort is called in addresses: `-price`, `attr.weight`.
pub fn sort_name(sort: SearchSort, key: Option<&str>) -> String {
    let key = key.unwrap_or_default();
    match sort {
        SearchSort::Relevance => "relevance".to_owned(),
        SearchSort::PriceAsc => "price".to_owned(),
        SearchSort::PriceDesc => "-price".to_owned(),
        SearchSort::Newest => "newest".to_owned(),
        SearchSort::Rating => "rating".to_owned(),
        SearchSort::Name => "name".to_owned(),
        SearchSort::NumberAsc => key.to_owned(),
        SearchSort::NumberDesc => format!("-{key}"),
    }
}

fn sort_of(name: &str) -> Option<(SearchSort, Option<String>)> {
    let fixed = SORTS.into_iter().chain([SearchSort::Rating]).find(|sort| sort_name(*sort, None) == name);
    if let Some(sort) = fixed {
        return Some((sort, None));
    }
    let (sort, key) = match name.strip_prefix('-') {
        Some(key) => (SearchSort::NumberDesc, key),
        None => (SearchSort::NumberAsc, name),
    };
    Code::parse(key.strip_prefix("attr.")?).ok()?;
    Some((sort, Some(key.to_owned())))
}

fn layout_name(layout: Layout) -> &'static str {
    match layout {
        Layout::Grid => "grid",
        Layout::Table => "table",
    }
}

fn layout_of(name: &str) -> Option<Layout> {
    [Layout::Grid, Layout::Table].into_iter().find(|layout| layout_name(*layout) == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> ListQuery {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        ListQuery::read(&pairs)
    }

    #[test]
    fn an_address_says_the_list_and_the_list_its_address() {
        let address = "q=harrow+bat&filter.brand=A%26B&filter.brand=C&min.attr.weight=1100&price_max=50&in_stock=true&sort=-price&page=3";
        let query = read(address);
        assert_eq!(query.filters["brand"], ["A&B", "C"]);
        assert_eq!(query.ranges["attr.weight"], (Some(1_100), None));
        assert_eq!((query.page, query.sort), (3, SearchSort::PriceDesc));
        assert_eq!(read(query.href("/search").split_once('?').unwrap().1), query);
    }

    #[test]
    fn nonsense_is_dropped_and_strangers_parameters_are_left_alone() {
        let query =
            read("price_min=cheap&page=0&sort=best&view=cube&utm_source=x&filter.brand=&max.attr.weight=-5");
        assert_eq!(
            query,
            ListQuery { ranges: [("attr.weight".to_owned(), (None, None))].into(), ..ListQuery::default() }
        );
        assert_eq!(query.href("/c/bats"), "/c/bats");
    }

    #[test]
    fn a_column_is_sorted_by_its_attribute() {
        let lightest = read("sort=attr.weight");
        assert_eq!(
            (lightest.sort, lightest.sort_key.as_deref()),
            (SearchSort::NumberAsc, Some("attr.weight"))
        );
        assert_eq!(read("sort=-attr.weight").href("/c/bats"), "/c/bats?sort=-attr.weight");
        assert_eq!(read("sort=attr.<b>"), ListQuery::default());
        assert_eq!(read("sort=-newest"), ListQuery::default());
    }

    #[test]
    fn a_change_begins_at_the_first_page() {
        let query = read("page=4&in_stock=1");
        assert_eq!(query.with(|query| query.in_stock = false).href("/c/bats"), "/c/bats");
    }

    #[test]
    fn ranges_include_their_ends() {
        assert_eq!(range_value((Some(2), Some(3)), 10).unwrap(), "20..39");
        assert_eq!(range_value((None, Some(1_150)), 1).unwrap(), "..1150");
        assert_eq!(range_value((None, None), 1), None);
    }
}
