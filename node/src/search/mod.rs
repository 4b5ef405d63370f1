//! Product search: the index and the live columns as the web's search port.

pub mod document;
pub mod live;

use crate::projectors::search::FedTo;
use document::availability_from;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::{Locale, ProductId, TenantId};
use gearify_search::{
    Answer, Digest, Facet, FacetKind, Matching, Query, Relation, SearchError, SearchIndexes, Sort, Start,
    SuggestionKind as Kind,
};
use gearify_web::ports_search::*;
use live::Live;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Answers the web's searches.
#[derive(Clone)]
pub struct IndexSearch {
    indexes: Arc<SearchIndexes>,
    live: Live,
    fed: FedTo,
}

impl IndexSearch {
    pub fn new(indexes: Arc<SearchIndexes>, live: Live, fed: FedTo) -> IndexSearch {
        IndexSearch { indexes, live, fed }
    }

    /// Tenants with an index.
    pub fn tenants(&self) -> BTreeSet<TenantId> {
        self.fed.tenants()
    }

    /// What each document of a tenant was when it was fed, by product number.
    pub fn digests(&self, tenant: TenantId) -> Result<BTreeMap<u32, Digest>, SearchError> {
        self.indexes.digests(&tenant.to_string())
    }

    /// Runs a search on a thread that may compute for some milliseconds.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&SearchIndexes) -> Result<T, SearchError> + Send + 'static,
    ) -> Result<T, SearchFault> {
        self.live.caught_up().await;
        let indexes = self.indexes.clone();
        let done = tokio::task::spawn_blocking(move || work(&indexes)).await;
        done.map_err(|error| SearchFault::Failed(error.to_string()))?.map_err(fault)
    }
}

impl ProductSearch for IndexSearch {
    fn search(
        &self,
        tenant: TenantId,
        query: SearchQuery,
    ) -> BoxFuture<'_, Result<SearchAnswer, SearchFault>> {
        async move {
            if !self.live.is_loaded() {
                return Err(SearchFault::NotReady);
            }
            let query = query_of(query);
            // Read before the index: what it holds is at least this new.
            let fed = self.fed.position();
            let answer = self.on_thread(move |indexes| indexes.search(&tenant.to_string(), &query)).await?;
            Ok(answer_of(answer, fed))
        }
        .boxed()
    }

    fn suggest(
        &self,
        tenant: TenantId,
        text: String,
        locale: Locale,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Suggestion>, SearchFault>> {
        async move {
            let locales = [locale.as_str().to_owned(), locale.language().to_owned()];
            let found = self
                .on_thread(move |indexes| indexes.suggest(&tenant.to_string(), &text, &locales, limit))
                .await?;
            Ok(found.into_iter().filter_map(suggestion_of).collect())
        }
        .boxed()
    }
}

fn query_of(query: SearchQuery) -> Query {
    Query {
        text: query.text,
        locale: query.locale.as_str().to_owned(),
        fallback_locales: query.fallback_locales.iter().map(|locale| locale.as_str().to_owned()).collect(),
        category: query.category,
        filters: query.filters,
        price_min: query.price_min,
        price_max: query.price_max,
        currency: Some(query.currency.as_str().to_owned()),
        in_stock: query.in_stock,
        rating_min: query.rating_min,
        sort: match query.sort {
            SearchSort::Relevance => Sort::Relevance,
            SearchSort::PriceAsc => Sort::PriceAsc,
            SearchSort::PriceDesc => Sort::PriceDesc,
            SearchSort::Newest => Sort::Newest,
            SearchSort::Rating => Sort::Rating,
            SearchSort::Name => Sort::Name,
            SearchSort::NumberAsc => Sort::NumberAsc,
            SearchSort::NumberDesc => Sort::NumberDesc,
        },
        sort_key: query.sort_key,
        limit: query.limit,
        start: match query.from {
            SearchFrom::Start => Start::Beginning,
            SearchFrom::Cursor(cursor) => Start::Cursor(cursor),
            SearchFrom::Offset(skip) => Start::Offset(skip),
        },
        facets: query.facets,
        ..Query::default()
    }
}

fn answer_of(answer: Answer, fed: u64) -> SearchAnswer {
    let hits = answer.hits.iter().filter_map(|hit| {
        Some(SearchHit {
            product: ProductId::parse(&hit.id).ok()?,
            price_min: hit.price.map(|price| price.amount),
            price_max: hit.price.map(|price| price.amount_max),
            compare_at: hit.price.and_then(|price| price.compare_at),
            availability: availability_from(hit.availability),
            rating: hit.rating.map(|rating| (rating.average_hundredths, rating.count)),
        })
    });
    SearchAnswer {
        hits: hits.collect(),
        facets: answer.facets.into_iter().map(facet_of).collect(),
        total: answer.total.value as u64,
        total_exact: answer.total.relation == Relation::Exact,
        next_cursor: answer.next_cursor,
        prev_cursor: answer.prev_cursor,
        position: answer.position.max(fed),
        corrected: answer.matching != Matching::Exact,
    }
}

fn facet_of(facet: Facet) -> SearchFacet {
    let values = facet.values.into_iter().map(|value| SearchFacetValue {
        value: value.value,
        count: value.count as u64,
        selected: value.selected,
    });
    SearchFacet {
        kind: match facet.kind {
            FacetKind::Terms => SearchFacetKind::Terms,
            FacetKind::Range => SearchFacetKind::Range,
            FacetKind::Tree => SearchFacetKind::Tree,
            FacetKind::Boolean => SearchFacetKind::Boolean,
        },
        values: values.collect(),
        key: facet.key,
        min: facet.min,
        max: facet.max,
        unit: facet.unit,
    }
}

fn suggestion_of(suggestion: gearify_search::Suggestion) -> Option<Suggestion> {
    let kind = match suggestion.kind {
        Kind::Product { id, .. } => SuggestionKind::Product(ProductId::parse(&id).ok()?),
        Kind::Category { path } => SuggestionKind::Category(path),
    };
    Some(Suggestion { text: suggestion.text, kind })
}

fn fault(error: SearchError) -> SearchFault {
    let parameter = match &error {
        SearchError::UnknownFilter { key } | SearchError::FilterValue { key, .. } => format!("filter.{key}"),
        SearchError::Limit { .. } => "limit".to_owned(),
        SearchError::Offset { .. } => "page".to_owned(),
        SearchError::CurrencyNeeded => "currency".to_owned(),
        SearchError::Cursor => "cursor".to_owned(),
        other => return SearchFault::Failed(other.to_string()),
    };
    SearchFault::Refused { parameter, detail: error.to_string() }
}
