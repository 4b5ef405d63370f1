//! Categories and searches: one kind of page, narrowed by filters, as a grid or as a table of numbers.

mod facets;
mod query;

pub use query::ListQuery;

use super::answer::{Built, redirect, see_other, shared};
use super::as_of::Shelf;
use super::convert::excerpt;
use super::faces::Face;
use super::view::listing::{Column, ColumnSort, Layout, ListingKind, ListingPage, SortDirection, Total};
use super::view::parts::{Choice, Link, ProductCard};
use super::view::structured_data::BreadcrumbData;
use super::view::{Head, StructuredData};
use super::visit::Visit;
use crate::ports_search::{SearchAnswer, SearchFrom, SearchQuery, SearchSort};
use crate::problem::{Kind, Problem};
use crate::read::products::Market;
use crate::sought::{missed, words_alone};
use axum::response::Response;
use facets::{Words, attribute_of};
use gearify_commerce::Code;
use gearify_commerce::catalog::{self, AttributeKind, Category, Found, WEIGHT};
use gearify_commerce::command::GroupKind;
use gearify_commerce::scope::View;
use http::StatusCode;
use std::collections::BTreeMap;
use std::sync::Arc;

/// `GET /c/{path}`
pub async fn show_category(visit: Visit) -> Result<Response, Problem> {
    let path = visit.segment().trim_matches('/').to_owned();
    let found = visit.call.read(GroupKind::Catalogue, |view| catalog::category_by_path(view, &path));
    let category = match found {
        Some(Found::Here(category)) if !category.archived => category,
        Some(Found::Moved(path)) => {
            return Ok(redirect(StatusCode::MOVED_PERMANENTLY, &visit.to(&format!("/c/{path}"))));
        }
        _ => return Err(Problem::not_found("category")),
    };
    let mut query = ListQuery::of(&visit);
    query.text.clear();
    query.category = None;
    answer(&visit, &query, async || category_page(&visit, &query, &category).await).await
}

/// `GET /search`
pub async fn show_search(visit: Visit) -> Result<Response, Problem> {
    let query = ListQuery::of(&visit);
    answer(&visit, &query, async || search_page(&visit, &query).await).await
}

async fn answer<F>(visit: &Visit, query: &ListQuery, build: F) -> Result<Response, Problem>
where
    F: AsyncFnOnce() -> Result<Built, Problem>,
{
    let pairs = query.pairs();
    let parameters: Vec<(&str, &str)> =
        pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    match shared(visit, &parameters, build).await {
        // A filter this shop does not have, from an old link: the list without any.
        Err(problem) if problem.kind() == Kind::UnknownParameter && query.is_filtered() => {
            Ok(see_other(&ListQuery { text: query.text.clone(), ..ListQuery::default() }.href(&visit.path)))
        }
        answer => answer,
    }
}

async fn category_page(visit: &Visit, query: &ListQuery, category: &Category) -> Result<Built, Problem> {
    let market = visit.market();
    let asked = ListQuery { category: Some(category.path.clone()), ..query.clone() };
    let found = find(visit, &asked, &market).await?;
    let words = |text: &gearify_commerce::Text| text.words(&market.locale, &market.default_locale).to_owned();
    let (line, children) = visit.call.read(GroupKind::Catalogue, |view| {
        (catalog::category_line(view, category.id), children_of(view, category))
    });
    let link = |category: &Category| {
        Link::new(words(&category.details.name), visit.to(&format!("/c/{}", category.path)))
    };
    let introduction = excerpt(&words(&category.details.description), 300);
    let list = List {
        kind: ListingKind::Category { name: words(&category.details.name) },
        path: visit.path.clone(),
        query,
        introduction: introduction.clone(),
        children: children.iter().map(link).collect(),
    };
    let mut page = page(visit, &market, &found, list);
    page.crumbs = crumbs(visit, line.iter().map(link).collect());
    let described = match introduction.as_str() {
        "" => visit
            .text()
            .category_description(words(&category.details.name), &visit.shop.tenant.profile.value.name),
        told => told.to_owned(),
    };
    let head = Head {
        description: excerpt(&described, 155),
        structured_data: vec![breadcrumb_data(visit, &page.crumbs, &format!("/c/{}", category.path))],
        ..head(visit, query, &page, &format!("/c/{}", category.path))
    };
    Ok(Built { shelf: Shelf::Summary { stale_ms: 0 }, ..Built::new(page, head) })
}

async fn search_page(visit: &Visit, query: &ListQuery) -> Result<Built, Problem> {
    let market = visit.market();
    let asked = asked(visit, query, &market);
    let words = words_alone(&asked);
    let found = search(visit, asked).await?;
    let list = List {
        kind: ListingKind::Search { term: query.text.clone(), corrected: None },
        path: visit.path.clone(),
        query,
        introduction: String::new(),
        children: Vec::new(),
    };
    let page = page(visit, &market, &found, list);
    let head = Head { no_index: true, ..head(visit, query, &page, super::view::paths::SEARCH) };
    let built = Built { missed: missed(words, &found.answer), ..Built::new(page, head) };
    Ok(Built { query: query.text.clone(), shelf: Shelf::Summary { stale_ms: 0 }, ..built })
}

fn children_of(view: &(impl View + ?Sized), parent: &Category) -> Vec<Category> {
    let below = |category: &Category| !category.archived && category.details.parent == Some(parent.id);
    let mut children: Vec<Category> = catalog::categories(view).into_iter().filter(below).collect();
    children.sort_by_key(|category| (category.details.position, category.id));
    children
}

/// Hits with the faces of their products.
pub struct FoundProducts {
    pub answer: SearchAnswer,
    pub faces: Vec<Option<Arc<Face>>>,
}

impl FoundProducts {
    pub fn cards(&self, visit: &Visit, specs: impl Fn(&Face) -> Vec<String>) -> Vec<ProductCard> {
        let pairs = self.answer.hits.iter().zip(&self.faces);
        let cards =
            pairs.filter_map(|(hit, face)| face.as_ref().map(|face| face.card(visit, hit, specs(face))));
        let mut cards: Vec<ProductCard> = cards.collect();
        keep_telling_badges(&mut cards);
        cards
    }
}

/// A badge sets a few apart: on more than every third card it says nothing and is left out.
fn keep_telling_badges(cards: &mut [ProductCard]) {
    let badged = cards.iter().filter(|card| card.badge.is_some()).count();
    if badged * 3 > cards.len() {
        cards.iter_mut().for_each(|card| card.badge = None);
    }
}

pub async fn find(visit: &Visit, query: &ListQuery, market: &Market) -> Result<FoundProducts, Problem> {
    search(visit, asked(visit, query, market)).await
}

fn asked(visit: &Visit, query: &ListQuery, market: &Market) -> SearchQuery {
    visit.call.read(GroupKind::Catalogue, |view| {
        query.search(visit, market, |key| {
            match attribute_of(view, key).map(|attribute| attribute.details.kind) {
                Some(AttributeKind::Number { decimals, .. }) => decimals,
                _ => 0,
            }
        })
    })
}

/// What stands in a category, as strangers see it.
pub fn shelf(market: &Market, path: String, limit: usize) -> SearchQuery {
    SearchQuery {
        text: None,
        locale: market.locale.clone(),
        fallback_locales: Vec::new(),
        currency: market.currency,
        category: Some(path),
        filters: BTreeMap::new(),
        price_min: None,
        price_max: None,
        in_stock: None,
        rating_min: None,
        sort: SearchSort::Relevance,
        sort_key: None,
        limit,
        from: SearchFrom::Start,
        facets: false,
    }
}

pub async fn search(visit: &Visit, asked: SearchQuery) -> Result<FoundProducts, Problem> {
    let state = visit.call.state();
    let answer = state.search.search(visit.shop.id(), asked).await?;
    let sequence = crate::answers::catalogue_sequence(state, visit.shop.id());
    let faces = &state.storefront.faces;
    let faces = answer.hits.iter().map(|hit| faces.face(visit, sequence, hit.product)).collect();
    Ok(FoundProducts { answer, faces })
}

struct List<'q> {
    kind: ListingKind,
    path: String,
    query: &'q ListQuery,
    introduction: String,
    children: Vec<Link>,
}

fn page(visit: &Visit, market: &Market, found: &FoundProducts, list: List<'_>) -> ListingPage {
    let List { kind, path, query, introduction, children } = list;
    let (columns, bought_by_numbers) =
        visit.call.read(GroupKind::Catalogue, |view| columns(view, market, found));
    let by_default = if bought_by_numbers { Layout::Table } else { Layout::Grid };
    let layout = query.layout.unwrap_or(by_default);
    let products = match layout {
        Layout::Grid => found.cards(visit, Face::short_specs),
        Layout::Table => found.cards(visit, |face| columns.iter().map(|column| column.cell(face)).collect()),
    };
    let (facets, chips) = visit.call.read(GroupKind::Catalogue, |view| {
        let with_tree = matches!(kind, ListingKind::Search { .. });
        let words = Words { view, visit, market, query, path: &path, with_tree };
        (words.facets(&found.answer.facets), words.chips())
    });
    let total = found.answer.total;
    let more = total > query.page * query::PAGE_SIZE as u64;
    let to_page = |page: u64| ListQuery { page, ..query.clone() }.href(&path);
    let in_layout = |layout: Layout| query.with(|query| query.layout = Some(layout)).href(&path);
    let cleared = ListQuery {
        text: query.text.clone(),
        layout: query.layout,
        sort: query.sort,
        sort_key: query.sort_key.clone(),
        ..ListQuery::default()
    };
    let by = |ascending: SearchSort, descending: SearchSort, key: Option<String>| {
        column_sort(query, &path, ascending, descending, key)
    };
    let t = visit.text();
    let product_column = Column {
        label: t.product().to_owned(),
        numeric: false,
        // There is no name backwards.
        sort: by(SearchSort::Name, SearchSort::Name, None),
    };
    let price_column = Column {
        label: t.price().to_owned(),
        numeric: true,
        sort: by(SearchSort::PriceAsc, SearchSort::PriceDesc, None),
    };
    let sorts = sorts(visit, query, &kind, &columns);
    ListingPage {
        product_column,
        price_column,
        crumbs: Vec::new(),
        introduction,
        children,
        total: Total { value: total, at_least: !found.answer.total_exact },
        layout,
        grid_href: in_layout(Layout::Grid),
        table_href: in_layout(Layout::Table),
        columns: if layout == Layout::Table {
            let head = |column: SpecColumn| Column {
                sort: column.sort_key().map_or_else(ColumnSort::default, |key| {
                    by(SearchSort::NumberAsc, SearchSort::NumberDesc, Some(key))
                }),
                label: column.label,
                numeric: column.numeric,
            };
            columns.into_iter().map(head).collect()
        } else {
            Vec::new()
        },
        suggestions: if products.is_empty() { departments(visit) } else { Vec::new() },
        products,
        form_action: path.clone(),
        carried: carried(query, &kind),
        facets,
        chips,
        clear_href: cleared.href(&path),
        sorts,
        previous_href: (query.page > 1).then(|| to_page(query.page - 1)),
        next_href: more.then(|| to_page(query.page + 1)),
        page_number: query.page,
        kind,
    }
}

/// What the filter form sends along unseen.
fn carried(query: &ListQuery, kind: &ListingKind) -> Vec<(String, String)> {
    let mut carried = Vec::new();
    if matches!(kind, ListingKind::Search { .. }) {
        carried.push(("q".to_owned(), query.text.clone()));
        carried.extend(query.category.iter().map(|category| ("category".to_owned(), category.clone())));
    }
    let only_layout = ListQuery { layout: query.layout, ..ListQuery::default() };
    carried.extend(only_layout.pairs());
    carried
}

/// Where the head of a column leads: the other way round where it is sorted so already.
fn column_sort(
    query: &ListQuery,
    path: &str,
    ascending: SearchSort,
    descending: SearchSort,
    key: Option<String>,
) -> ColumnSort {
    let is = |sort: SearchSort| query.sort == sort && query.sort_key == key;
    let sorted = match () {
        () if is(ascending) => Some(SortDirection::Ascending),
        () if is(descending) => Some(SortDirection::Descending),
        () => None,
    };
    let next = if is(ascending) { descending } else { ascending };
    let href = query.with(|query| (query.sort, query.sort_key) = (next, key.clone())).href(path);
    ColumnSort { href: Some(href), sorted }
}

fn sorts(visit: &Visit, query: &ListQuery, kind: &ListingKind, columns: &[SpecColumn]) -> Vec<Choice> {
    let t = visit.text();
    let label = |sort: SearchSort| match (sort, kind) {
        (SearchSort::Relevance, ListingKind::Search { .. }) => t.sort_match(),
        (SearchSort::Relevance, ListingKind::Category { .. }) => t.sort_featured(),
        (SearchSort::PriceAsc, _) => t.sort_price_up(),
        (SearchSort::PriceDesc, _) => t.sort_price_down(),
        (SearchSort::Newest, _) => t.sort_newest(),
        (SearchSort::Rating, _) => t.sort_rating(),
        // Those by number are named by their column.
        (SearchSort::Name | SearchSort::NumberAsc | SearchSort::NumberDesc, _) => t.sort_name(),
    };
    let choice = |sort: SearchSort| Choice {
        value: query::sort_name(sort, None),
        label: label(sort).to_owned(),
        selected: sort == query.sort,
    };
    let by_number = columns.iter().filter_map(|column| Some((column.sort_key()?, &column.label)));
    let by_number = by_number.flat_map(|(key, label)| {
        let way = |sort: SearchSort, label: String| Choice {
            value: query::sort_name(sort, Some(&key)),
            label,
            selected: sort == query.sort && query.sort_key.as_deref() == Some(key.as_str()),
        };
        [way(SearchSort::NumberAsc, t.sort_up(label)), way(SearchSort::NumberDesc, t.sort_down(label))]
    });
    query::SORTS.map(choice).into_iter().chain(by_number).collect()
}

/// The shop's departments, offered where there is nothing else.
pub fn departments(visit: &Visit) -> Vec<Link> {
    let state = visit.call.state();
    let frame = state.storefront.frames.frame(state, &visit.shop, &visit.locale, &visit.base);
    frame.view.categories.iter().map(|category| Link::new(&category.name, &category.href)).collect()
}

/// A column of the table: an attribute or an option.
struct SpecColumn {
    code: Code,
    is_option: bool,
    label: String,
    numeric: bool,
    sortable: bool,
}

impl SpecColumn {
    fn cell(&self, face: &Face) -> String {
        let known = if self.is_option { &face.options } else { &face.specs };
        known.get(&self.code).cloned().unwrap_or_default()
    }

    /// What the index sorts by it, where the merchant lets a list be sorted so.
    fn sort_key(&self) -> Option<String> {
        self.sortable.then(|| format!("attr.{}", self.code))
    }
}

const COLUMNS_MAX: usize = 5;

/// The columns that tell these products apart, and whether they are bought by them: what has its own
/// weight is.
fn columns(view: &(impl View + ?Sized), market: &Market, found: &FoundProducts) -> (Vec<SpecColumn>, bool) {
    let faces: Vec<&Face> = found.faces.iter().flatten().map(|face| &**face).collect();
    let mut types: BTreeMap<&Code, usize> = BTreeMap::new();
    for face in &faces {
        *types.entry(&face.product_type).or_default() += 1;
    }
    let Some((commonest, count)) = types.into_iter().max_by_key(|(_, count)| *count) else {
        return (Vec::new(), false);
    };
    let (locale, default) = (&market.locale, &market.default_locale);
    let of_type =
        catalog::product_type(view, commonest).map(|found| found.details.attributes).unwrap_or_default();
    let mut attributes: Vec<_> = of_type.iter().filter_map(|code| catalog::attribute(view, code)).collect();
    attributes.sort_by_key(|attribute| attribute.details.position);
    let used = |code: &Code| faces.iter().any(|face| face.specs.contains_key(code));
    let is_number =
        |attribute: &catalog::Attribute| matches!(attribute.details.kind, AttributeKind::Number { .. });
    let compared =
        attributes.iter().filter(|attribute| attribute.details.compared && used(&attribute.details.code));
    let mut columns: Vec<SpecColumn> = compared
        .map(|attribute| SpecColumn {
            code: attribute.details.code.clone(),
            is_option: false,
            label: attribute.details.name.words(locale, default).to_owned(),
            numeric: is_number(attribute),
            sortable: is_number(attribute) && attribute.details.sortable,
        })
        .collect();
    let options: std::collections::BTreeSet<&Code> =
        faces.iter().flat_map(|face| face.options.keys()).collect();
    for option in options {
        // An option that repeats an attribute (`bat_weight` of `weight`) is there already.
        let repeated = columns.iter().any(|column| option.as_str().ends_with(column.code.as_str()));
        if let Some(found) = catalog::option_type(view, option).filter(|_| !repeated) {
            let label = found.details.name.words(locale, default).to_owned();
            let code = option.clone();
            columns.push(SpecColumn { code, is_option: true, label, numeric: false, sortable: false });
        }
    }
    columns.truncate(COLUMNS_MAX);
    let weighed = of_type.iter().any(|code| code.as_str() == WEIGHT);
    (columns, weighed && count * 2 > faces.len())
}

/// From the first page down to where the visitor is.
pub fn crumbs(visit: &Visit, mut line: Vec<Link>) -> Vec<Link> {
    if let Some(last) = line.last_mut() {
        last.href.clear();
    }
    line.insert(0, Link::new(visit.text().home(), visit.to("/")));
    line
}

/// The same for search engines; the last one is the page itself.
pub fn breadcrumb_data(visit: &Visit, crumbs: &[Link], path: &str) -> StructuredData {
    let crumb = |crumb: &Link| BreadcrumbData {
        name: crumb.label.clone(),
        url: visit.absolute(if crumb.href.is_empty() { path } else { &crumb.href }),
    };
    StructuredData::Breadcrumbs(crumbs.iter().map(crumb).collect())
}

fn head(visit: &Visit, query: &ListQuery, page: &ListingPage, path: &str) -> Head {
    let canonical = ListQuery { page: query.page, ..ListQuery::default() }.href(&visit.canonical_path(path));
    let absolute = |href: &Option<String>| href.as_ref().map(|href| visit.absolute(href));
    Head {
        canonical_url: Some(visit.absolute(&canonical)),
        // One page of a list is enough for search engines; its filters are countless.
        no_index: query.is_filtered() || page.products.is_empty(),
        image_url: page
            .products
            .iter()
            .find_map(|product| product.picture.as_ref())
            .map(|picture| visit.absolute(&picture.url)),
        parameters: query.href(""),
        previous_url: absolute(&page.previous_href),
        next_url: absolute(&page.next_href),
        ..Head::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storefront::view::parts::{Availability, PriceTag};
    use gearify_commerce::Currency;

    fn cards(badges: &[bool]) -> Vec<ProductCard> {
        let price = crate::storefront::convert::amount(1_200, Currency::GBP);
        let card = |badged: &bool| ProductCard {
            slug: "match-ball".to_owned(),
            href: "/p/match-ball".to_owned(),
            name: "Match Ball".to_owned(),
            brand: None,
            picture: None,
            price: PriceTag::plain(price),
            availability: Availability::InStock,
            specs: Vec::new(),
            rating: None,
            badge: badged.then(|| "New".to_owned()),
        };
        badges.iter().map(card).collect()
    }

    #[test]
    fn new_is_said_of_a_few_or_of_none() {
        let told = |badges: &[bool]| {
            let mut cards = cards(badges);
            keep_telling_badges(&mut cards);
            cards.iter().map(|card| card.badge.is_some()).collect::<Vec<_>>()
        };
        assert_eq!(told(&[true, false, false]), [true, false, false]);
        assert_eq!(told(&[true, true, false]), [false; 3]);
        assert_eq!(told(&[true]), [false], "alone it sets nothing apart");
        assert!(told(&[]).is_empty());
    }
}
