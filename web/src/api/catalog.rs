//! What shoppers browse: the shop, its products, categories and suggestions.

use super::market::{COUNTRY, CURRENCY, LOCALE, MarketQuery};
use crate::answers::{ProductFound, SHARED, catalogue_sequence, shared, shared_by_content};
use crate::extract::{Asked, Pairs, Parameter, Path, Query};
use crate::gate::{Call, encode_position};
use crate::ports::Position;
use crate::ports_search::{
    SearchAnswer, SearchFacet, SearchFacetKind, SearchFrom, SearchQuery, SearchSort, SuggestionKind,
};
use crate::problem::{Kind, Problem};
use crate::read::ListTotal;
use crate::read::cards::ProductCard;
use crate::read::categories::{self, CategoryView};
use crate::read::products::{Market, ProductView};
use crate::routes::{Route, routes};
use crate::shop::Shop;
use crate::sought::{missed, words_alone};
use axum::response::{IntoResponse, Response};
use gearify_commerce::catalog::{self, AttributeKind};
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{ReadScope, Shard, shipping, tenants};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Catalogue", Api, Shop;
        Get "/api/v1/shop" get_shop: Open, NOBODY, Read, None, None, None,
            query(MarketQuery), request(), 200(ShopView), "The shop: languages, currencies, payment methods, looks";
        Get "/api/v1/products" list_products: Open, NOBODY, Read, None, None, None,
            query(ProductsQuery), request(), 200(ProductList), "Products by words and filters, with facets";
        Get "/api/v1/products/{slug_or_id}" get_product: Open, NOBODY, Read, None, None, None,
            query(MarketQuery), request(), 200(ProductView), "One product with its variants and add-ons";
        Get "/api/v1/categories" list_categories: Open, NOBODY, Read, None, None, None,
            query(MarketQuery), request(), 200(CategoryTree), "The tree of categories";
        Get "/api/v1/search/suggestions" list_suggestions: Open, NOBODY, Read, None, None, None,
            query(SuggestionsQuery), request(), 200(SuggestionList), "What the typed words may become";
    }
}

#[derive(Serialize, ToSchema)]
pub struct ShopView {
    pub name: String,
    pub slug: String,
    /// The default first.
    pub currencies: Vec<String>,
    /// The default first.
    pub locales: Vec<String>,
    /// Countries that are delivered to.
    pub countries: Vec<String>,
    pub home_country: String,
    pub time_zone: String,
    pub payment_methods: Vec<PaymentMethodView>,
    pub branding: BrandingView,
    /// Pages every shop has, with the version that stands.
    pub policies: Vec<PolicyView>,
    /// `included`: prices contain taxes; `excluded`: they come on top.
    pub tax_display: &'static str,
    pub legal_entity: Option<LegalView>,
}

#[derive(Serialize, ToSchema)]
pub struct PaymentMethodView {
    pub provider: &'static str,
    pub public_key: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct BrandingView {
    pub logo_url: Option<String>,
    pub header_colour: String,
    pub primary_colour: String,
    pub secondary_colour: String,
    pub font: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct PolicyView {
    pub kind: &'static str,
    pub version: u64,
    pub url: String,
}

#[derive(Serialize, ToSchema)]
pub struct LegalView {
    pub name: String,
    pub address: Vec<String>,
    pub country: String,
    pub registration: Option<String>,
    pub tax_id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

impl BrandingView {
    pub fn of(branding: &tenants::Branding) -> BrandingView {
        BrandingView {
            logo_url: branding.logo.as_ref().map(|hash| crate::read::values::media_url(hash.as_str(), None)),
            header_colour: branding.header_colour.to_string(),
            primary_colour: branding.primary_colour.to_string(),
            secondary_colour: branding.secondary_colour.to_string(),
            font: branding.font.as_str(),
        }
    }
}

impl LegalView {
    pub fn of(legal: &tenants::LegalEntity) -> LegalView {
        let text = |name: &Option<gearify_commerce::Name>| name.as_ref().map(|name| name.to_string());
        LegalView {
            name: legal.name.to_string(),
            address: legal.address.iter().map(|line| line.to_string()).collect(),
            country: legal.country.to_string(),
            registration: text(&legal.registration),
            tax_id: text(&legal.tax_id),
            email: text(&legal.email),
            phone: text(&legal.phone),
        }
    }
}

async fn get_shop(call: Call, Query(query): Query<MarketQuery>) -> Result<Response, Problem> {
    let shop = call.shop()?;
    let market = query.resolve(&call, shop)?;
    let sequence = catalogue_sequence(call.state(), shop.id());
    let tenant = &shop.tenant;
    let revisions =
        [tenant.profile.revision, tenant.branding.revision, tenant.settings.revision, tenant.legal.revision];
    let tag = format!("W/\"{}.{sequence}.{}\"", revisions.iter().sum::<u64>(), tenant.updated_at.as_millis());
    shared(&call, &market, tag, || shop_view(&call, shop))
}

fn shop_view(call: &Call, shop: &Shop) -> ShopView {
    let settings = shop.settings();
    let countries = call.read(GroupKind::Catalogue, |view| shipping::countries_served(view));
    let policies = call.read(GroupKind::World, |view| {
        let page = |kind: tenants::PageKind| tenants::page(view, kind).map(|page| (kind, page.revision));
        tenants::PageKind::ALL.into_iter().filter_map(page).collect::<Vec<_>>()
    });
    ShopView {
        name: shop.tenant.profile.value.name.to_string(),
        slug: shop.tenant.slug.to_string(),
        currencies: settings.currencies().map(|currency| currency.to_string()).collect(),
        locales: settings.locales().map(|locale| locale.to_string()).collect(),
        countries: countries.iter().map(|country| country.to_string()).collect(),
        home_country: settings.home.country.to_string(),
        time_zone: settings.time_zone.to_string(),
        payment_methods: settings
            .payment_methods
            .iter()
            .map(|method| PaymentMethodView { provider: method.as_str(), public_key: None })
            .collect(),
        branding: BrandingView::of(&shop.tenant.branding.value),
        policies: policies
            .into_iter()
            .map(|(kind, version)| PolicyView {
                kind: kind.as_str(),
                version,
                url: format!("/pages/{}", kind.as_str()),
            })
            .collect(),
        tax_display: if settings.tax.prices_include_tax { "included" } else { "excluded" },
        legal_entity: shop.tenant.legal.value.as_ref().map(LegalView::of),
    }
}

async fn get_product(
    call: Call,
    Path(name): Path<String>,
    Query(query): Query<MarketQuery>,
) -> Result<Response, Problem> {
    let shop = call.shop()?;
    let market = query.resolve(&call, shop)?;
    match call.state().answers.product(&call, shop, &market, &name) {
        ProductFound::Here(answer) => Ok(answer.respond(&call)),
        ProductFound::Moved(slug) => Ok(moved(&format!("/api/v1/products/{slug}"))),
        ProductFound::Nothing => Err(Problem::not_found("product")),
    }
}

fn moved(address: &str) -> Response {
    let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
    if let Ok(address) = HeaderValue::try_from(address) {
        response.headers_mut().insert(header::LOCATION, address);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, SHARED);
    response
}

#[derive(Serialize, ToSchema)]
pub struct CategoryTree {
    pub data: Vec<CategoryView>,
}

async fn list_categories(call: Call, Query(query): Query<MarketQuery>) -> Result<Response, Problem> {
    let shop = call.shop()?;
    let market = query.resolve(&call, shop)?;
    let tag = format!("W/\"{}\"", catalogue_sequence(call.state(), shop.id()));
    shared(&call, &market, tag, || CategoryTree {
        data: call.read(GroupKind::Catalogue, |view| categories::tree(view, &market)),
    })
}

/// Words, filters, order and page.
#[derive(Clone, Debug, Default)]
pub struct ProductsQuery {
    pub market: MarketQuery,
    pub text: Option<String>,
    pub category: Option<String>,
    pub filters: BTreeMap<String, Vec<String>>,
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub in_stock: Option<bool>,
    pub rating_min: Option<u16>,
    pub sort: SearchSort,
    pub limit: usize,
    pub from: SearchFrom,
}

/// Longest text that is searched for, in characters: the rest would find nothing more.
const TEXT_CHARS_MAX: usize = 200;
const AMOUNT_MAX: i64 = 1_000_000_000_000;
const FILTER_VALUES_MAX: usize = 100;

impl Asked for ProductsQuery {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("q", "string", "What somebody typed."),
        Parameter::new("category", "string", "A category's path; what is below it counts too."),
        Parameter::new("filter.brand", "string", "May be given several times: one of them has to fit."),
        Parameter::new("filter.attr.grade", "string", "Likewise, for every attribute that is a filter."),
        Parameter::new("price_min", "integer", "Minor units."),
        Parameter::new("price_max", "integer", "Minor units."),
        Parameter::new("in_stock", "boolean", "Only what is on the shelf, or only what is not."),
        Parameter::new("rating_min", "string", "Stars, 0 to 5."),
        Parameter::new("sort", "string", "relevance, price, -price, newest, rating or name."),
        Parameter::new("limit", "integer", "1 to 100; 24 if not given."),
        Parameter::new("cursor", "string", "From an earlier answer to the same question."),
        Parameter::new("page", "integer", "A numbered page instead of a cursor."),
        COUNTRY,
        CURRENCY,
        LOCALE,
    ];

    fn read(pairs: &mut Pairs) -> ProductsQuery {
        let limit = pairs.integer("limit", 1, 100).unwrap_or(24) as usize;
        let cursor = pairs.text("cursor");
        let page = pairs.integer("page", 1, 10_000);
        if cursor.is_some() && page.is_some() {
            pairs.fault("page", "can't be given together with cursor");
        }
        let from = match (cursor, page) {
            (Some(cursor), _) => SearchFrom::Cursor(cursor),
            (None, Some(page)) if page > 1 => SearchFrom::Offset((page as usize - 1) * limit),
            (None, _) => SearchFrom::Start,
        };
        let text = pairs.text("q").map(|text| text.chars().take(TEXT_CHARS_MAX).collect::<String>());
        let filters = pairs.prefixed("filter.");
        if filters.values().map(Vec::len).sum::<usize>() > FILTER_VALUES_MAX {
            pairs.fault("filter", "has too many values");
        }
        ProductsQuery {
            market: MarketQuery::read(pairs),
            text: text.filter(|text| !text.trim().is_empty()),
            category: pairs.text("category").map(|path| path.trim_matches('/').to_owned()),
            filters,
            price_min: pairs.integer("price_min", 0, AMOUNT_MAX),
            price_max: pairs.integer("price_max", 0, AMOUNT_MAX),
            in_stock: pairs.boolean("in_stock"),
            rating_min: pairs.with("rating_min", rating),
            sort: pairs.with("sort", sort).unwrap_or_default(),
            limit,
            from,
        }
    }
}

fn rating(text: &str) -> Result<u16, &'static str> {
    let stars: f64 = text.parse().map_err(|_| "must be a number from 0 to 5")?;
    if (0.0..=5.0).contains(&stars) {
        Ok((stars * 100.0).round() as u16)
    } else {
        Err("must be a number from 0 to 5")
    }
}

fn sort(text: &str) -> Result<SearchSort, &'static str> {
    Ok(match text {
        "relevance" => SearchSort::Relevance,
        "price" => SearchSort::PriceAsc,
        "-price" => SearchSort::PriceDesc,
        "newest" => SearchSort::Newest,
        "rating" => SearchSort::Rating,
        "name" => SearchSort::Name,
        _ => return Err("must be relevance, price, -price, newest, rating or name"),
    })
}

#[derive(Serialize, ToSchema)]
pub struct ProductList {
    pub data: Vec<ProductCard>,
    pub facets: Vec<FacetView>,
    pub next_cursor: Option<String>,
    pub prev_cursor: Option<String>,
    pub total: ListTotal,
    /// Up to where the index had seen the catalogue.
    pub position: String,
    /// Words were taken for similar ones, or not all of them were found.
    pub corrected: bool,
}

#[derive(Serialize, ToSchema)]
pub struct FacetView {
    /// What a filter of it is called: `filter.{key}`.
    pub key: String,
    pub label: String,
    /// `terms`, `range`, `tree` or `boolean`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub values: Vec<FacetValueView>,
    pub min: Option<i64>,
    pub max: Option<i64>,
    pub unit: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct FacetValueView {
    pub value: String,
    pub label: String,
    pub count: u64,
    pub selected: bool,
}

async fn list_products(call: Call, Query(query): Query<ProductsQuery>) -> Result<Response, Problem> {
    let shop = call.shop()?;
    let market = query.market.resolve(&call, shop)?;
    let list = find_products(&call, &query, &market).await?;
    // It depends on every price and every shelf, so only what it says can tell whether it is another one.
    shared_by_content(&call, &market, &list)
}

/// Searches, and joins the hits with what the catalogue says of them.
pub async fn find_products(
    call: &Call,
    query: &ProductsQuery,
    market: &Market,
) -> Result<ProductList, Problem> {
    let shop = call.shop()?;
    if let (Some(min), Some(max)) = (query.price_min, query.price_max)
        && min > max
    {
        return Err(
            Problem::new(Kind::UnknownParameter).field("?price_max", "must not be less than price_min")
        );
    }
    let state = call.state();
    let asked = search_query(query, market, shop);
    let words = words_alone(&asked);
    let answer = state.search.search(shop.id(), asked).await?;
    if let Some(term) = missed(words, &answer) {
        state.sought.note(call, term);
    }
    let sequence = catalogue_sequence(state, shop.id());
    let hits = answer.hits.iter().filter_map(|hit| {
        let face = state.answers.face(state, shop, market, sequence, hit.product)?;
        Some(face.1.card(hit, market))
    });
    let data = hits.collect();
    let facets = call.read(GroupKind::Catalogue, |view| facet_views(view, &answer.facets, market));
    let SearchAnswer { next_cursor, prev_cursor, total, total_exact, position, corrected, .. } = answer;
    let position = Position { group: GroupKind::Catalogue, shard: Shard::FIRST, index: position };
    Ok(ProductList {
        data,
        facets,
        next_cursor,
        prev_cursor,
        total: ListTotal::new(total, total_exact),
        position: encode_position(state.settings.cluster_epoch, position),
        corrected,
    })
}

fn search_query(query: &ProductsQuery, market: &Market, shop: &Shop) -> SearchQuery {
    SearchQuery {
        text: query.text.clone(),
        locale: market.locale.clone(),
        fallback_locales: shop
            .settings()
            .locales()
            .filter(|locale| **locale != market.locale)
            .cloned()
            .collect(),
        currency: market.currency,
        category: query.category.clone(),
        filters: query.filters.clone(),
        price_min: query.price_min,
        price_max: query.price_max,
        in_stock: query.in_stock,
        rating_min: query.rating_min,
        sort: query.sort,
        sort_key: None,
        limit: query.limit,
        from: query.from.clone(),
        // A following page shows the facets of the first.
        facets: !matches!(query.from, SearchFrom::Cursor(_)),
    }
}

/// Our own words in the language of the answer, or in English where we do not speak it.
fn words_of(market: &Market) -> crate::l10n::Text {
    crate::l10n::Locale::parse(market.locale.as_str()).unwrap_or(crate::l10n::Locale::EN_GB).text()
}

fn facet_views(view: &ReadScope<'_>, facets: &[SearchFacet], market: &Market) -> Vec<FacetView> {
    facets.iter().map(|facet| facet_view(view, facet, market)).collect()
}

fn facet_view(view: &ReadScope<'_>, facet: &SearchFacet, market: &Market) -> FacetView {
    let (locale, default) = (&market.locale, &market.default_locale);
    let attribute = facet.key.strip_prefix("attr.").and_then(|code| Code::parse(code).ok());
    let attribute = attribute.and_then(|code| catalog::attribute(view, &code));
    let t = words_of(market);
    let label = match (&attribute, facet.key.as_str()) {
        (Some(attribute), _) => attribute.details.name.words(locale, default),
        (None, "brand") => t.facet_brand(),
        (None, "category") => t.facet_category(),
        (None, "price") => t.price(),
        (None, "in_stock") => t.facet_stock(),
        (None, key) => key,
    };
    let label = label.to_owned();
    let is_yes_or_no = facet.kind == SearchFacetKind::Boolean
        || attribute.as_ref().is_some_and(|attribute| attribute.details.kind == AttributeKind::Boolean);
    let value_label = |value: &str| -> String {
        match value {
            "true" if is_yes_or_no => return t.yes().to_owned(),
            "false" if is_yes_or_no => return t.no().to_owned(),
            _ => {}
        }
        if let Some(AttributeKind::Choice { values }) =
            attribute.as_ref().map(|attribute| &attribute.details.kind)
            && let Some(choice) = values.iter().find(|choice| choice.code.as_str() == value)
        {
            return choice.label.words(locale, default).to_owned();
        }
        if facet.key == "category"
            && let Some(catalog::Found::Here(category)) = catalog::category_by_path(view, value)
        {
            return category.details.name.words(locale, default).to_owned();
        }
        value.to_owned()
    };
    FacetView {
        key: facet.key.clone(),
        label,
        kind: match facet.kind {
            SearchFacetKind::Terms => "terms",
            SearchFacetKind::Range => "range",
            SearchFacetKind::Tree => "tree",
            SearchFacetKind::Boolean => "boolean",
        },
        values: facet
            .values
            .iter()
            .map(|value| FacetValueView {
                label: value_label(&value.value),
                value: value.value.clone(),
                count: value.count,
                selected: value.selected,
            })
            .collect(),
        min: facet.min,
        max: facet.max,
        unit: facet.unit.clone(),
    }
}

#[derive(Clone, Debug)]
pub struct SuggestionsQuery {
    text: Option<String>,
    limit: usize,
    market: MarketQuery,
}

impl Asked for SuggestionsQuery {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("q", "string", "What has been typed so far."),
        Parameter::new("limit", "integer", "1 to 20; 8 if not given."),
        COUNTRY,
        CURRENCY,
        LOCALE,
    ];

    fn read(pairs: &mut Pairs) -> SuggestionsQuery {
        SuggestionsQuery {
            text: pairs.text("q").map(|text| text.chars().take(TEXT_CHARS_MAX).collect()),
            limit: pairs.integer("limit", 1, 20).unwrap_or(8) as usize,
            market: MarketQuery::read(pairs),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct SuggestionList {
    pub data: Vec<SuggestionView>,
}

#[derive(Serialize, ToSchema)]
pub struct SuggestionView {
    pub text: String,
    /// `product`, `category` or `query`.
    pub kind: &'static str,
    /// Of the product, or the category's path.
    pub slug: Option<String>,
}

async fn list_suggestions(call: Call, Query(query): Query<SuggestionsQuery>) -> Result<Response, Problem> {
    let shop = call.shop()?;
    let market = query.market.resolve(&call, shop)?;
    let text = query.text.unwrap_or_default();
    if text.trim().is_empty() {
        return shared_by_content(&call, &market, &SuggestionList { data: Vec::new() });
    }
    let found = call.state().search.suggest(shop.id(), text, market.locale.clone(), query.limit).await?;
    let data = call.read(GroupKind::Catalogue, |view| {
        let suggestion = |suggestion: crate::ports_search::Suggestion| {
            let (kind, slug) = match suggestion.kind {
                SuggestionKind::Product(id) => {
                    ("product", Some(catalog::product(view, id)?.details.slug.to_string()))
                }
                SuggestionKind::Category(path) => ("category", Some(path)),
                SuggestionKind::Query => ("query", None),
            };
            Some(SuggestionView { text: suggestion.text, kind, slug })
        };
        found.into_iter().filter_map(suggestion).collect()
    });
    shared_by_content(&call, &market, &SuggestionList { data })
}
