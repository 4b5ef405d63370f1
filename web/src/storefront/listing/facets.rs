//! Filters of a list in words, and the ones in force.

use super::query::{Ends, ListQuery};
use crate::l10n::{CurrencyCode, Text, pounds_and_ounces};
use crate::ports_search::{SearchFacet, SearchFacetKind};
use crate::read::products::Market;
use crate::storefront::convert::amount;
use crate::storefront::specs::speaks_grams;
use crate::storefront::view::listing::{Facet, FacetBody, FacetValue, RangeFacet, RangeUnit, TreeValue};
use crate::storefront::view::parts::Link;
use crate::storefront::visit::Visit;
use gearify_commerce::catalog::{self, Attribute, AttributeKind, Unit, WEIGHT};
use gearify_commerce::scope::View;
use gearify_commerce::{Code, ReadScope};

/// Facets unfolded to begin with; the rest is one click away.
const OPEN: usize = 4;

pub struct Words<'w> {
    pub view: &'w ReadScope<'w>,
    pub visit: &'w Visit,
    pub market: &'w Market,
    pub query: &'w ListQuery,
    /// Where the list is, without query.
    pub path: &'w str,
    /// Lists of one category have its narrower ones at their head instead of a tree of all.
    pub with_tree: bool,
}

impl Words<'_> {
    fn t(&self) -> Text {
        self.visit.text()
    }

    fn attribute(&self, key: &str) -> Option<Attribute> {
        attribute_of(self.view, key)
    }

    pub fn facets(&self, found: &[SearchFacet]) -> Vec<Facet> {
        let mut facets: Vec<(u32, Facet)> = found.iter().filter_map(|facet| self.facet(facet)).collect();
        facets.sort_by_key(|(position, _)| *position);
        let mut facets: Vec<Facet> = facets.into_iter().map(|(_, facet)| facet).collect();
        for (place, facet) in facets.iter_mut().enumerate() {
            facet.open = place < OPEN || is_chosen(&facet.body);
        }
        facets
    }

    /// A facet with its place among the others; `None` where there is nothing to choose.
    fn facet(&self, found: &SearchFacet) -> Option<(u32, Facet)> {
        let t = self.t();
        let attribute = self.attribute(&found.key);
        let (position, name, label, body) = match found.key.as_str() {
            "category" if self.with_tree => {
                (0, "category".to_owned(), t.facet_category().to_owned(), self.tree(found)?)
            }
            "category" => return None,
            "price" => (1, "price".to_owned(), t.price().to_owned(), self.prices(found)?),
            "brand" => (2, "filter.brand".to_owned(), t.facet_brand().to_owned(), self.terms(found, None)?),
            "in_stock" => (900, "in_stock".to_owned(), t.facet_stock().to_owned(), self.stock(found)?),
            key => {
                let attribute = attribute?;
                let label =
                    attribute.details.name.words(&self.market.locale, &self.market.default_locale).to_owned();
                let body = match found.kind {
                    SearchFacetKind::Range => self.range(found, &attribute)?,
                    _ => self.terms(found, Some(&attribute))?,
                };
                (10 + attribute.details.position.min(800), format!("filter.{key}"), label, body)
            }
        };
        Some((position, Facet { name, label, open: false, body }))
    }

    fn terms(&self, found: &SearchFacet, attribute: Option<&Attribute>) -> Option<FacetBody> {
        let value = |value: &crate::ports_search::SearchFacetValue| FacetValue {
            label: self.value_label(&value.value, attribute),
            value: value.value.clone(),
            count: value.count,
            selected: value.selected,
        };
        let mut values: Vec<FacetValue> = found.values.iter().map(value).collect();
        // Grades have an order of their own; names are looked up by letter.
        match attribute.map(|attribute| &attribute.details.kind) {
            Some(AttributeKind::Choice { values: choices }) => {
                let place = |code: &str| choices.iter().position(|choice| choice.code.as_str() == code);
                values.sort_by_key(|value| place(&value.value).unwrap_or(usize::MAX));
            }
            _ => values.sort_by(|a, b| a.label.cmp(&b.label)),
        }
        let useful = values.len() > 1 || values.iter().any(|value| value.selected);
        useful.then_some(FacetBody::Terms(values))
    }

    fn value_label(&self, value: &str, attribute: Option<&Attribute>) -> String {
        let (locale, default) = (&self.market.locale, &self.market.default_locale);
        match attribute.map(|attribute| &attribute.details.kind) {
            Some(AttributeKind::Choice { values }) => {
                let choice = values.iter().find(|choice| choice.code.as_str() == value);
                choice
                    .map_or_else(|| value.to_owned(), |choice| choice.label.words(locale, default).to_owned())
            }
            Some(AttributeKind::Boolean) if value == "true" => self.t().yes().to_owned(),
            Some(AttributeKind::Boolean) => self.t().no().to_owned(),
            _ => value.to_owned(),
        }
    }

    fn tree(&self, found: &SearchFacet) -> Option<FacetBody> {
        let place = |value: &crate::ports_search::SearchFacetValue| {
            let name = category_name(self.view, self.market, &value.value)?;
            let chosen = self.query.category.as_deref() == Some(value.value.as_str());
            let next = self.query.with(|query| query.category = (!chosen).then(|| value.value.clone()));
            Some(TreeValue {
                label: name,
                href: next.href(self.path),
                count: value.count,
                selected: chosen,
                depth: u8::try_from(value.value.matches('/').count()).unwrap_or(u8::MAX),
            })
        };
        let values: Vec<TreeValue> = found.values.iter().filter_map(place).collect();
        (!values.is_empty()).then_some(FacetBody::Tree(values))
    }

    fn prices(&self, found: &SearchFacet) -> Option<FacetBody> {
        let unit = 10i64.pow(self.market.currency.exponent());
        let currency = CurrencyCode::parse(self.market.currency.as_str()).ok()?;
        let names = ("price_min".to_owned(), "price_max".to_owned());
        range(found, unit, self.query.price, names, RangeUnit::Money(currency))
    }

    fn range(&self, found: &SearchFacet, attribute: &Attribute) -> Option<FacetBody> {
        let AttributeKind::Number { unit, decimals } = &attribute.details.kind else { return None };
        let scale = 10i64.pow(u32::from(*decimals).min(9));
        let sign = match unit {
            Some(Unit::Gram) if attribute.details.code.as_str() == WEIGHT => RangeUnit::Grams,
            unit => RangeUnit::Plain(unit.map_or_else(String::new, |unit| unit.as_str().to_owned())),
        };
        let ends = self.query.ranges.get(&found.key).copied().unwrap_or_default();
        let names = (format!("min.{}", found.key), format!("max.{}", found.key));
        range(found, scale, ends, names, sign)
    }

    fn stock(&self, found: &SearchFacet) -> Option<FacetBody> {
        let count = found.values.iter().find(|value| value.value == "true").map_or(0, |value| value.count);
        let all: u64 = found.values.iter().map(|value| value.count).sum();
        let useful = self.query.in_stock || (count > 0 && count < all);
        let value = FacetValue {
            value: "true".to_owned(),
            label: self.t().in_stock_only().to_owned(),
            count,
            selected: self.query.in_stock,
        };
        useful.then(|| FacetBody::Terms(vec![value]))
    }

    /// Each filter in force with the address of the list without it.
    pub fn chips(&self) -> Vec<Link> {
        let mut chips = Vec::new();
        let mut add =
            |label: String, without: ListQuery| chips.push(Link::new(label, without.href(self.path)));
        if let Some(category) = self.query.category.as_ref().filter(|_| self.with_tree) {
            let name = category_name(self.view, self.market, category).unwrap_or_else(|| category.clone());
            add(name, self.query.with(|query| query.category = None));
        }
        for (key, values) in &self.query.filters {
            let attribute = self.attribute(key);
            for value in values {
                let label = self.value_label(value, attribute.as_ref());
                add(
                    label,
                    self.query.with(|query| {
                        query.filters.entry(key.clone()).or_default().retain(|known| known != value);
                    }),
                );
            }
        }
        for (key, ends) in &self.query.ranges {
            if let Some(label) = self.range_label(key, *ends) {
                add(
                    label,
                    self.query.with(|query| {
                        query.ranges.remove(key);
                    }),
                );
            }
        }
        if let Some(label) = ends_label(self.query.price, |whole| {
            let unit = 10i64.pow(self.market.currency.exponent());
            self.visit.page_locale().price(amount(whole.saturating_mul(unit), self.market.currency))
        }) {
            add(label, self.query.with(|query| query.price = (None, None)));
        }
        if self.query.in_stock {
            add(self.t().in_stock_only().to_owned(), self.query.with(|query| query.in_stock = false));
        }
        chips
    }

    fn range_label(&self, key: &str, ends: Ends) -> Option<String> {
        let attribute = self.attribute(key)?;
        let unit = match &attribute.details.kind {
            AttributeKind::Number { unit, .. } => unit.map_or("", Unit::as_str),
            _ => "",
        };
        let in_ounces = attribute.details.code.as_str() == WEIGHT && !speaks_grams(self.visit.page_locale());
        ends_label(ends, |whole| match u32::try_from(whole) {
            Ok(grams) if in_ounces => pounds_and_ounces(grams),
            _ => format!("{}\u{a0}{unit}", self.visit.page_locale().integer(whole)),
        })
    }
}

/// `20 – 50`, `from 20`, `to 50` in signs that need no words.
fn ends_label(ends: Ends, word: impl Fn(i64) -> String) -> Option<String> {
    Some(match ends {
        (None, None) => return None,
        (Some(low), Some(high)) => format!("{} – {}", word(low), word(high)),
        (Some(low), None) => format!("≥ {}", word(low)),
        (None, Some(high)) => format!("≤ {}", word(high)),
    })
}

fn range(
    found: &SearchFacet,
    scale: i64,
    (low, high): Ends,
    (low_name, high_name): (String, String),
    unit: RangeUnit,
) -> Option<FacetBody> {
    let min = found.min?.div_euclid(scale);
    let max = found.max?.div_euclid(scale) + i64::from(found.max?.rem_euclid(scale) > 0);
    let useful = max > min || low.is_some() || high.is_some();
    useful.then_some(FacetBody::Range(RangeFacet { low_name, high_name, min, max, low, high, unit }))
}

fn is_chosen(body: &FacetBody) -> bool {
    match body {
        FacetBody::Terms(values) => values.iter().any(|value| value.selected),
        FacetBody::Tree(values) => values.iter().any(|value| value.selected),
        FacetBody::Range(range) => range.low.is_some() || range.high.is_some(),
    }
}

pub fn attribute_of(view: &(impl View + ?Sized), key: &str) -> Option<Attribute> {
    catalog::attribute(view, &Code::parse(key.strip_prefix("attr.")?).ok()?)
}

fn category_name(view: &ReadScope<'_>, market: &Market, path: &str) -> Option<String> {
    match catalog::category_by_path(view, path)? {
        catalog::Found::Here(category) => {
            Some(category.details.name.words(&market.locale, &market.default_locale).to_owned())
        }
        catalog::Found::Moved(_) => None,
    }
}
