//! The first page: departments, bats by weight, what is new, what is done by hand.

use super::answer::{Built, shared};
use super::as_of::Shelf;
use super::convert::{CARD_WIDTH, amount, media_picture, page_label};
use super::faces::Face;
use super::frame::Brand;
use super::listing;
use super::view::home::{
    Hero, HomePage, ProductRow, Promise, Service, Tile, WeightEnd, WeightMark, WeightScale,
};
use super::view::parts::{Link, Picture};
use super::view::structured_data::OrganizationData;
use super::view::{Head, StructuredData};
use super::visit::Visit;
use crate::illustration::{self, Kind, Spec};
use crate::ports_search::{SearchFacetKind, SearchFrom, SearchQuery, SearchSort};
use crate::problem::Problem;
use crate::read::products::Market;
use axum::response::Response;
use gearify_commerce::catalog::{self, CategoryNode, WEIGHT};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::{self, PageKind};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

/// Stock told on this page may be this old: it is seen by many and bought from by none.
const STALE_MS: i64 = 2_000;
const TILES: usize = 8;
const NEW_PRODUCTS: usize = 10;

/// `GET /`
pub async fn show_home(visit: Visit) -> Result<Response, Problem> {
    shared(&visit, &[], async || Ok(build(&visit).await)).await
}

/// `GET /{locale}`: the address of the first page ends with a stroke.
pub async fn complete_home(visit: Visit) -> Result<Response, Problem> {
    Ok(super::answer::redirect(http::StatusCode::PERMANENT_REDIRECT, &visit.to("/")))
}

async fn build(visit: &Visit) -> Built {
    let market = visit.market();
    let t = visit.text();
    let tree = visit.call.read(GroupKind::Catalogue, |view| catalog::category_tree(view));
    // Without an index there are no lists; the rest of the page still leads everywhere.
    let newest = newest(visit, &market).await;
    let bats = match tree.iter().find(|node| is_for_bats(node)) {
        Some(node) => weights(visit, &market, node).await,
        None => None,
    };
    let brand = visit.call.state().storefront.frames.brand(&visit.shop);
    let hero_link = tree.first().map(|node| category_link(visit, &market, node));
    let row = newest.as_ref().map(|found| ProductRow {
        title: t.home_new().to_owned(),
        more: Some(Link::new(t.home_new_more(), visit.to("/search?sort=newest"))),
        products: found.cards(visit, Face::short_specs),
    });
    let page = HomePage {
        hero: Hero {
            headline: t.home_headline().to_owned(),
            text: t.home_text().to_owned(),
            action: match hero_link {
                Some(link) => Link::new(t.home_see(&link.label), link.href),
                None => Link::new(t.search(), visit.to("/search")),
            },
            second: None,
            picture: Some(hero_picture(&brand)),
        },
        departments: tree.iter().take(TILES).map(|node| tile(visit, &market, node)).collect(),
        rows: row.into_iter().filter(|row| !row.products.is_empty()).collect(),
        weights: bats,
        workshop: workshop(visit, &market),
        promises: promises(visit),
    };
    let url = visit.absolute(&visit.canonical_path("/"));
    let name = visit.shop.tenant.profile.value.name.to_string();
    let head = Head {
        description: t.home_description(&name),
        canonical_url: Some(url.clone()),
        image_url: Some(visit.absolute(&brand.front_url)),
        structured_data: vec![
            StructuredData::Organization(OrganizationData {
                name: name.clone(),
                url: url.clone(),
                logo_url: visit.absolute(&brand.icon_url),
            }),
            StructuredData::WebSite {
                name,
                url,
                search_url: visit.absolute(&visit.canonical_path("/search")),
            },
        ],
        ..Head::default()
    };
    let good_until = newest.is_none().then(|| market.at.plus_millis(STALE_MS));
    Built { shelf: Shelf::Summary { stale_ms: STALE_MS }, good_until, ..Built::new(page, head) }
}

/// A bat of no maker with the shop's own label.
fn hero_picture(brand: &Brand) -> Picture {
    Picture {
        url: brand.front_url.clone(),
        alt: String::new(),
        width: illustration::WIDTH,
        height: illustration::HEIGHT,
        large_url: None,
    }
}

async fn newest(visit: &Visit, market: &Market) -> Option<listing::FoundProducts> {
    let sort = SearchSort::Newest;
    let asked = SearchQuery { sort, in_stock: Some(true), limit: NEW_PRODUCTS, ..question(visit, market) };
    listing::search(visit, asked).await.ok()
}

fn question(visit: &Visit, market: &Market) -> SearchQuery {
    SearchQuery {
        text: None,
        locale: market.locale.clone(),
        fallback_locales: visit
            .settings()
            .locales()
            .filter(|locale| **locale != market.locale)
            .cloned()
            .collect(),
        currency: market.currency,
        category: None,
        filters: BTreeMap::new(),
        price_min: None,
        price_max: None,
        in_stock: None,
        rating_min: None,
        sort: SearchSort::Relevance,
        sort_key: None,
        limit: 1,
        from: SearchFrom::Start,
        facets: false,
    }
}

fn category_link(visit: &Visit, market: &Market, node: &CategoryNode) -> Link {
    let name = node.category.details.name.words(&market.locale, &market.default_locale);
    Link::new(name, visit.to(&format!("/c/{}", node.category.path)))
}

fn tile(visit: &Visit, market: &Market, node: &CategoryNode) -> Tile {
    let link = category_link(visit, market, node);
    let (locale, default) = (&market.locale, &market.default_locale);
    let own = visit.call.read(GroupKind::Catalogue, |view| {
        let media = catalog::media(view, node.category.details.image?)?;
        Some(media_picture(&media, locale, default, CARD_WIDTH))
    });
    Tile { name: link.label, href: link.href, picture: own.or_else(|| drawn(node)), note: String::new() }
}

/// A department without a picture of its own gets a drawing of what it is called.
fn drawn(node: &CategoryNode) -> Option<Picture> {
    const KINDS: [(&str, Kind, &str); 14] = [
        ("bat", Kind::Bat, "crimson"),
        ("pad", Kind::Pads, "navy"),
        ("keep", Kind::KeepingGloves, "ochre"),
        ("glove", Kind::BattingGloves, "forest"),
        ("helmet", Kind::Helmet, "navy"),
        ("ball", Kind::Ball, "crimson"),
        ("bag", Kind::Bag, "graphite"),
        ("cloth", Kind::Sweater, "forest"),
        ("shoe", Kind::Shoes, "royal"),
        ("protect", Kind::ThighGuard, "teal"),
        ("kit", Kind::KitSet, "navy"),
        ("access", Kind::Care, "ochre"),
        ("stump", Kind::Stumps, "ochre"),
        ("grip", Kind::Grip, "rose"),
    ];
    let slug = node.category.details.slug.as_str();
    let (_, kind, palette) = KINDS.iter().find(|(word, ..)| slug.contains(word))?;
    let spec = Spec::new(*kind, palette, 4)?;
    Some(Picture {
        url: format!("/media/{spec}"),
        alt: String::new(),
        width: illustration::WIDTH,
        height: illustration::HEIGHT,
        large_url: None,
    })
}

fn is_for_bats(node: &CategoryNode) -> bool {
    node.category.details.slug.as_str().contains("bat")
        && !node.category.details.slug.as_str().contains("batting")
}

/// Marks of the scale.
const MARKS: usize = 7;
/// Steps the bats are counted in before the scale is cut: more ounces than bats differ by.
const STEPS_MAX: i64 = 24;

/// How many bats weigh about what: marks whole ounces apart where most bats are, open at both ends.
async fn weights(visit: &Visit, market: &Market, bats: &CategoryNode) -> Option<WeightScale> {
    let key = format!("attr.{WEIGHT}");
    let category = Some(bats.category.path.clone());
    let asked = SearchQuery { category: category.clone(), facets: true, ..question(visit, market) };
    let found = listing::search(visit, asked).await.ok()?;
    let facet =
        found.answer.facets.iter().find(|facet| facet.key == key && facet.kind == SearchFacetKind::Range)?;
    let (min, max) = (facet.min?, facet.max?);
    let count = async |low: Option<i64>, high: Option<i64>| {
        let end = |end: Option<i64>| end.map_or(String::new(), |end| end.to_string());
        let filters = BTreeMap::from([(key.clone(), vec![format!("{}..{}", end(low), end(high))])]);
        let asked = SearchQuery { category: category.clone(), filters, ..question(visit, market) };
        listing::search(visit, asked).await.ok().map(|found| found.answer.total)
    };
    let first = ounces_of(min);
    let last = ounces_of(max);
    if last - first >= STEPS_MAX {
        return None;
    }
    let mut counts = Vec::new();
    for ounces in first..=last {
        counts.push(count(Some(grams_of(ounces)), Some(grams_of(ounces + 1) - 1)).await?);
    }
    let kept = busiest(&counts, MARKS);
    let path = visit.to(&format!("/c/{}", bats.category.path));
    let mut marks = Vec::new();
    for place in kept.clone() {
        let ounces = first + i64::try_from(place).ok()?;
        // What lies outside the kept marks belongs to the first or the last.
        let low = (place > kept.start).then(|| grams_of(ounces));
        let high = (place + 1 < kept.end).then(|| grams_of(ounces + 1) - 1);
        let count = match (low, high) {
            (Some(_), Some(_)) => counts[place],
            _ => count(low, high).await?,
        };
        let ends = [("min", low), ("max", high)];
        let query = ends.iter().filter_map(|(end, grams)| grams.map(|grams| format!("{end}.{key}={grams}")));
        let href = format!("{path}?{}", query.collect::<Vec<_>>().join("&"));
        let grams = u32::try_from(high.filter(|_| low.is_none()).unwrap_or(grams_of(ounces))).ok()?;
        let open = match (low, high) {
            (None, _) => WeightEnd::UpTo,
            (_, None) => WeightEnd::From,
            _ => WeightEnd::Both,
        };
        if count > 0 {
            marks.push(WeightMark { grams, open, href, count });
        }
    }
    (marks.len() > 1).then_some(WeightScale { marks })
}

/// Millionths of a gram in an ounce.
const OUNCE_MICROGRAMS: i64 = 28_349_523;

/// The whole ounces that `grams` are at least, by the rounding weights are written with.
fn ounces_of(grams: i64) -> i64 {
    (grams * 1_000_000 + OUNCE_MICROGRAMS / 2) / OUNCE_MICROGRAMS
}

/// The lightest whole grams that are written as so many ounces.
fn grams_of(ounces: i64) -> i64 {
    (ounces * OUNCE_MICROGRAMS - OUNCE_MICROGRAMS / 2).div_euclid(1_000_000) + 1
}

/// The run of at most `length` places with the most in it; of equal ones the first.
fn busiest(counts: &[u64], length: usize) -> Range<usize> {
    let length = length.min(counts.len());
    let starts = 0..=counts.len() - length;
    let sum = |start: usize| counts[start..start + length].iter().sum::<u64>();
    let start = starts.max_by_key(|start| (sum(*start), Reverse(*start))).unwrap_or(0);
    start..start + length
}

fn workshop(visit: &Visit, market: &Market) -> Vec<Service> {
    let t = visit.text();
    let service = |add_on: catalog::AddOn| {
        let details = add_on.details;
        let price =
            visit.page_locale().price(amount(*details.prices.get(&market.currency)?, market.currency));
        let note = match details.lead_days {
            0 => price,
            days => format!("{price}. {}", t.adds_days(u64::from(days))),
        };
        Some(Service {
            name: details.name.words(&market.locale, &market.default_locale).to_owned(),
            text: details.description.words(&market.locale, &market.default_locale).to_owned(),
            note,
        })
    };
    let all = visit.call.read(GroupKind::Catalogue, |view| catalog::add_ons(view));
    all.into_iter().filter(|add_on| !add_on.archived).filter_map(service).take(6).collect()
}

/// Only what the shop has written a page about is promised.
fn promises(visit: &Visit) -> Vec<Promise> {
    let t = visit.text();
    let told = [
        (PageKind::Delivery, t.promise_delivery()),
        (PageKind::Returns, t.promise_returns()),
        (PageKind::Contact, t.promise_contact()),
    ];
    let written =
        |kind: PageKind| visit.call.read(GroupKind::World, |view| tenants::page(view, kind).is_some());
    let promise = |(kind, text): (PageKind, &str)| Promise {
        title: page_label(kind, t).to_owned(),
        text: text.to_owned(),
        link: Some(Link::new(t.read_more(), visit.to(&format!("/pages/{}", kind.as_str())))),
    };
    told.into_iter().filter(|(kind, _)| written(*kind)).map(promise).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_stands_where_most_bats_are() {
        assert_eq!(busiest(&[1, 0, 0, 1, 5, 9, 7], 3), 4..7);
        assert_eq!(busiest(&[9, 7, 5, 1, 0, 0, 1], 3), 0..3);
        assert_eq!(busiest(&[1, 1, 1, 1], 2), 0..2, "of equal ones the lightest");
        assert_eq!(busiest(&[3, 4], 7), 0..2);
        assert_eq!(busiest(&[], 7), 0..0);
    }

    #[test]
    fn a_mark_begins_where_its_ounces_are_written() {
        for ounces in 30..60 {
            let grams = u32::try_from(grams_of(ounces)).unwrap();
            let written = |grams| crate::l10n::pounds_and_ounces(grams);
            assert_eq!(ounces_of(grams.into()), ounces);
            assert_ne!(written(grams - 1), written(grams), "{ounces} oz");
            assert_eq!(written(grams), written(u32::try_from(grams_of(ounces + 1) - 1).unwrap()));
        }
    }
}
