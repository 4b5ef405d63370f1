//! Search by looking at every product.

use super::MemoryBackend;
use crate::ports::{Backend, with_scope};
use crate::ports_search::{
    ProductSearch, SearchAnswer, SearchFacet, SearchFacetKind, SearchFacetValue, SearchFault, SearchFrom,
    SearchHit, SearchQuery, SearchSort, Suggestion, SuggestionKind,
};
use crate::read::products::{Market, price_of, visible};
use crate::read::stock::{Needs, best};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::catalog::{self, Product};
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Locale, Site, TenantId};
use std::collections::BTreeMap;

impl MemoryBackend {
    fn published(&self, tenant: TenantId) -> Vec<Product> {
        let all = with_scope(self, GroupKind::Catalogue, tenant, Site::NONE, |view| {
            catalog::products_after(view, None, 1_000)
        });
        all.into_iter().filter(visible).collect()
    }

    fn hit(&self, tenant: TenantId, product: &Product, query: &SearchQuery) -> SearchHit {
        let variants = with_scope(self, GroupKind::Catalogue, tenant, Site::NONE, |view| {
            catalog::live_variants_of(view, product.id)
        });
        let market = Market {
            locale: query.locale.clone(),
            default_locale: query.locale.clone(),
            currency: query.currency,
            country: gearify_commerce::Country::parse("GB").expect("a country"),
            at: crate::app::Clock::now(self),
        };
        let prices: Vec<_> = with_scope(self, GroupKind::Catalogue, tenant, Site::NONE, |view| {
            variants.iter().filter_map(|variant| price_of(view, &market, variant)).collect()
        });
        let availability = with_scope(self, GroupKind::Region, tenant, Site::FIRST, |view| {
            best(variants.iter().map(|variant| Needs::of(variant).availability(view)))
        });
        SearchHit {
            product: product.id,
            price_min: prices.iter().map(|price| price.amount).min(),
            price_max: prices.iter().map(|price| price.amount).max(),
            compare_at: None,
            availability,
            rating: None,
        }
    }

    /// The first number a product is sorted by.
    fn number(&self, tenant: TenantId, product: &Product, query: &SearchQuery) -> Option<i64> {
        let code = query.sort_key.as_deref()?.strip_prefix("attr.")?;
        let variants = with_scope(self, GroupKind::Catalogue, tenant, Site::NONE, |view| {
            catalog::live_variants_of(view, product.id)
        });
        variants.iter().find_map(|variant| match variant.attribute(code)? {
            catalog::AttributeValue::Number(number) => Some(*number),
            _ => None,
        })
    }

    fn find(&self, tenant: TenantId, query: &SearchQuery) -> Result<SearchAnswer, SearchFault> {
        if let Some(key) = query.filters.keys().find(|key| !matches!(key.as_str(), "brand" | "category")) {
            let detail = "is not a filter of this shop".to_owned();
            return Err(SearchFault::Refused { parameter: format!("filter.{key}"), detail });
        }
        let words = query.text.as_deref().unwrap_or_default().to_lowercase();
        let brand = |product: &Product| product.details.brand.as_ref().map(|brand| brand.to_string());
        let mut hits: Vec<(Product, SearchHit)> = self
            .published(tenant)
            .into_iter()
            .filter(|product| {
                product.details.name.words(&query.locale, &query.locale).to_lowercase().contains(&words)
            })
            .filter(|product| {
                query
                    .filters
                    .get("brand")
                    .is_none_or(|wanted| brand(product).is_some_and(|brand| wanted.contains(&brand)))
            })
            .map(|product| (product.clone(), self.hit(tenant, &product, query)))
            .filter(|(_, hit)| query.in_stock.is_none_or(|wanted| hit.availability.in_stock() == wanted))
            .filter(|(_, hit)| {
                query.price_min.is_none_or(|least| hit.price_min.is_some_and(|price| price >= least))
            })
            .filter(|(_, hit)| {
                query.price_max.is_none_or(|most| hit.price_min.is_some_and(|price| price <= most))
            })
            .collect();
        match query.sort {
            SearchSort::PriceAsc => hits.sort_by_key(|(_, hit)| hit.price_min),
            SearchSort::PriceDesc => hits.sort_by_key(|(_, hit)| std::cmp::Reverse(hit.price_min)),
            SearchSort::NumberAsc => hits.sort_by_key(|(product, _)| self.number(tenant, product, query)),
            SearchSort::NumberDesc => {
                hits.sort_by_key(|(product, _)| std::cmp::Reverse(self.number(tenant, product, query)))
            }
            SearchSort::Relevance | SearchSort::Newest | SearchSort::Rating | SearchSort::Name => {}
        }
        let skip = match &query.from {
            SearchFrom::Start => 0,
            SearchFrom::Offset(offset) => *offset,
            SearchFrom::Cursor(cursor) => cursor.parse().map_err(|_| SearchFault::Refused {
                parameter: "cursor".into(),
                detail: "is not a cursor of this question".into(),
            })?,
        };
        let mut brands: BTreeMap<String, u64> = BTreeMap::new();
        hits.iter()
            .filter_map(|(product, _)| brand(product))
            .for_each(|brand| *brands.entry(brand).or_default() += 1);
        let total = hits.len();
        let page: Vec<SearchHit> =
            hits.into_iter().skip(skip).take(query.limit).map(|(_, hit)| hit).collect();
        let next = skip + page.len();
        Ok(SearchAnswer {
            facets: if query.facets { vec![brand_facet(brands)] } else { Vec::new() },
            next_cursor: (next < total).then(|| next.to_string()),
            prev_cursor: None,
            total: total as u64,
            total_exact: true,
            position: self.position(GroupKind::Catalogue, tenant).index,
            corrected: false,
            hits: page,
        })
    }
}

fn brand_facet(brands: BTreeMap<String, u64>) -> SearchFacet {
    let value = |(value, count)| SearchFacetValue { value, count, selected: false };
    SearchFacet {
        key: "brand".into(),
        kind: SearchFacetKind::Terms,
        values: brands.into_iter().map(value).collect(),
        min: None,
        max: None,
        unit: None,
    }
}

impl ProductSearch for MemoryBackend {
    fn search(
        &self,
        tenant: TenantId,
        query: SearchQuery,
    ) -> BoxFuture<'_, Result<SearchAnswer, SearchFault>> {
        async move { self.find(tenant, &query) }.boxed()
    }

    fn suggest(
        &self,
        tenant: TenantId,
        text: String,
        locale: Locale,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Suggestion>, SearchFault>> {
        async move {
            let names = self
                .published(tenant)
                .into_iter()
                .map(|product| (product.id, product.details.name.words(&locale, &locale).to_owned()));
            let fitting = names.filter(|(_, name)| name.to_lowercase().contains(&text.to_lowercase()));
            let suggestion = |(id, text)| Suggestion { text, kind: SuggestionKind::Product(id) };
            Ok(fitting.map(suggestion).take(limit).collect())
        }
        .boxed()
    }
}
