//! `/compare`: up to four products side by side. What is compared stands in the address, so that the page can
//! be shared and needs no script; what is not there, or not any more, is left out.

use super::answer::{Built, shared};
use super::as_of::Shelf;
use super::convert::shown;
use super::faces::Face;
use super::listing::{self, crumbs, departments};
use super::product::{Stall, price_tag};
use super::view::Head;
use super::view::compare::{ComparePage, CompareRow, Compared, SIDE_BY_SIDE_MAX};
use super::view::parts::{Choice, Link, Rating};
use super::view::paths;
use super::visit::Visit;
use crate::answers::{catalogue_sequence, find};
use crate::ports_search::{Availability, SearchQuery, SearchSort};
use crate::problem::Problem;
use crate::read::products::{Market, visible};
use crate::read::stock::{Needs, best};
use axum::response::Response;
use gearify_commerce::Code;
use gearify_commerce::catalog::{self, Attribute, Found, Product};
use gearify_commerce::command::GroupKind;
use gearify_commerce::scope::View;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Names looked up of one address; nobody ticks more.
const NAMES_MAX: usize = 20;
/// Others that are offered.
const OTHERS_MAX: usize = 100;
/// The parameter that names a product.
const PRODUCT: &str = "p";

/// Where products are compared.
pub fn href<'s>(visit: &Visit, slugs: impl IntoIterator<Item = &'s str>) -> String {
    visit.to(&format!("{}{}", paths::COMPARE, query_of(slugs)))
}

fn query_of<'s>(slugs: impl IntoIterator<Item = &'s str>) -> String {
    let pairs = slugs.into_iter().map(|slug| (PRODUCT, slug));
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { query } else { format!("?{query}") }
}

/// `GET /compare`
pub async fn show_compare(visit: Visit) -> Result<Response, Problem> {
    let mut products = asked_for(&visit);
    let too_many = products.len() > SIDE_BY_SIDE_MAX;
    products.truncate(SIDE_BY_SIDE_MAX);
    let ids: Vec<String> = products.iter().map(|product| product.id.to_string()).collect();
    let mut parameters: Vec<(&str, &str)> = ids.iter().map(|id| (PRODUCT, id.as_str())).collect();
    if too_many {
        parameters.push(("more", "1"));
    }
    shared(&visit, &parameters, async || Ok(build(&visit, &products, too_many).await)).await
}

/// The products an address names, by slug or id, each once.
fn asked_for(visit: &Visit) -> Vec<Product> {
    let names = visit.query.iter().filter(|(name, _)| name == PRODUCT).map(|(_, name)| name.trim());
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).take(NAMES_MAX).collect();
    visit.call.read(GroupKind::Catalogue, |view| {
        let mut found: Vec<Product> = Vec::new();
        for name in names {
            let product = match find(view, name) {
                Some(Found::Moved(slug)) => match catalog::product_by_slug(view, &slug) {
                    Some(Found::Here(product)) => Some(product),
                    _ => None,
                },
                Some(Found::Here(product)) => Some(product),
                None => None,
            };
            let is_new = |product: &Product| found.iter().all(|known| known.id != product.id);
            let product = product.filter(visible).filter(is_new);
            found.extend(product);
        }
        found
    })
}

async fn build(visit: &Visit, products: &[Product], too_many: bool) -> Built {
    let market = visit.market();
    let others = others(visit, &market, products).await;
    let sequence = catalogue_sequence(visit.call.state(), visit.shop.id());
    let faces = &visit.call.state().storefront.faces;
    let known = products.iter().filter_map(|product| {
        let face = faces.face(visit, sequence, product.id)?;
        Some((face, Stall::of(visit, &market, product)))
    });
    let (faces, stalls): (Vec<Arc<Face>>, Vec<Stall>) = known.unzip();
    let slugs: Vec<&str> = faces.iter().map(|face| face.slug()).collect();
    let column = |(place, stall): (usize, &Stall)| {
        let rest = slugs.iter().enumerate().filter(|(other, _)| *other != place).map(|(_, slug)| *slug);
        Compared {
            card: card(visit, &market, &faces[place], stall, others.ratings.get(slugs[place]).copied()),
            without_href: href(visit, rest),
        }
    };
    let page = ComparePage {
        crumbs: crumbs(visit, vec![Link::new(visit.text().compare(), "")]),
        products: stalls.iter().enumerate().map(column).collect(),
        rows: visit.call.read(GroupKind::Catalogue, |view| rows(view, &market, &faces)),
        full: too_many.then_some(SIDE_BY_SIDE_MAX as u64),
        others: if faces.len() < SIDE_BY_SIDE_MAX { others.choices } else { Vec::new() },
        suggestions: if faces.is_empty() { departments(visit) } else { Vec::new() },
    };
    let head = Head { no_index: true, parameters: query_of(slugs.iter().copied()), ..Head::default() };
    let said: Vec<(Needs, Availability)> = stalls.into_iter().flat_map(Stall::into_said).collect();
    Built { shelf: Shelf::Said(said), ..Built::new(page, head) }
}

fn card(
    visit: &Visit,
    market: &Market,
    face: &Face,
    stall: &Stall,
    rating: Option<Rating>,
) -> super::view::parts::ProductCard {
    let all: Vec<usize> = (0..stall.variants.len()).collect();
    let on_sale = all.iter().filter(|place| stall.prices[**place].is_some()).map(|place| stall.said[*place]);
    let availability = shown(best(on_sale), None, None, visit.settings());
    face.card_with(visit, price_tag(stall, &all, market.currency), availability, rating, Vec::new())
}

/// What the merchant wants compared, in the merchant's order, then what can be chosen of each.
fn rows(view: &(impl View + ?Sized), market: &Market, faces: &[Arc<Face>]) -> Vec<CompareRow> {
    let (locale, default) = (&market.locale, &market.default_locale);
    let codes: BTreeSet<&Code> = faces.iter().flat_map(|face| face.specs.keys()).collect();
    let compared = codes
        .into_iter()
        .filter_map(|code| catalog::attribute(view, code))
        .filter(|attribute| attribute.details.compared);
    let mut attributes: Vec<Attribute> = compared.collect();
    attributes
        .sort_by(|a, b| (a.details.position, &a.details.code).cmp(&(b.details.position, &b.details.code)));
    let cells = |known: &dyn Fn(&Face) -> Option<String>| -> Vec<String> {
        faces.iter().map(|face| known(face).unwrap_or_default()).collect()
    };
    let mut rows: Vec<CompareRow> = attributes
        .iter()
        .map(|attribute| CompareRow {
            label: attribute.details.name.words(locale, default).to_owned(),
            cells: cells(&|face| face.specs.get(&attribute.details.code).cloned()),
        })
        .collect();
    let options: BTreeSet<&Code> = faces.iter().flat_map(|face| face.options.keys()).collect();
    // An option that repeats an attribute (`bat_weight` of `weight`) is there already.
    let told = |option: &Code| {
        attributes.iter().any(|attribute| option.as_str().ends_with(attribute.details.code.as_str()))
    };
    for option in options.into_iter().filter(|option| !told(option)) {
        let Some(found) = catalog::option_type(view, option) else { continue };
        rows.push(CompareRow {
            label: found.details.name.words(locale, default).to_owned(),
            cells: cells(&|face| face.options.get(option).cloned()),
        });
    }
    rows
}

/// The shelf the first of them stands on.
#[derive(Default)]
struct Others {
    choices: Vec<Choice>,
    /// By slug; of the compared ones too.
    ratings: BTreeMap<String, Rating>,
}

async fn others(visit: &Visit, market: &Market, products: &[Product]) -> Others {
    let category = products.iter().find_map(|product| product.details.categories.first());
    let category = category.and_then(|id| {
        visit.call.read(GroupKind::Catalogue, |view| catalog::category_line(view, *id).into_iter().next())
    });
    let Some(category) = category else { return Others::default() };
    let asked = SearchQuery { sort: SearchSort::Name, ..listing::shelf(market, category.path, OTHERS_MAX) };
    // The page stands without them: an index that is not ready yet is no reason to show nothing.
    let Ok(found) = listing::search(visit, asked).await else { return Others::default() };
    let mut others = Others::default();
    for (hit, face) in found.answer.hits.iter().zip(&found.faces) {
        let Some(face) = face else { continue };
        others.ratings.extend(super::faces::rating_of(hit).map(|rating| (face.slug().to_owned(), rating)));
        if products.iter().all(|product| product.id != hit.product) {
            others.choices.push(Choice {
                value: face.slug().to_owned(),
                label: face.full_name(),
                selected: false,
            });
        }
    }
    others
}
