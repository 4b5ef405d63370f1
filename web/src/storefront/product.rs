//! A product's page, and what of it is chosen.

use super::answer::{Built, redirect, shared};
use super::as_of::Shelf;
use super::compare;
use super::convert::{PAGE_WIDTH, amount, day_after, excerpt, media_picture, next_midnight, shown};
use super::faces::Face;
use super::listing::{self, breadcrumb_data, crumbs};
use super::places::country_in_words;
use super::size_guide;
use super::specs;
use super::view::parts::{Availability as Shown, Link, Picture, PriceTag, ProductCard};
use super::view::product::{
    AddOn, DeliveryNote, KitPart, OptionGroup, OptionValue, ProductPage, TaxNote, VariantData,
};
use super::view::structured_data::{OfferData, ProductData};
use super::view::{Head, RichText, StructuredData};
use super::visit::Visit;
use crate::answers::find;
use crate::ports_search::{Availability, SearchQuery};
use crate::problem::Problem;
use crate::read::kits;
use crate::read::products::{Market, price_of, visible};
use crate::read::stock::{Needs, best};
use axum::response::Response;
use gearify_commerce::cart::{Destination, LINE_QUANTITY_MAX};
use gearify_commerce::catalog::{self, Found, Policy, Product, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::pricing::{self, Effective};
use gearify_commerce::scope::View;
use gearify_commerce::{AddOnId, Code, ProductId, ReadScope, Timestamp, shipping};
use http::StatusCode;
use std::collections::{BTreeMap, BTreeSet};

/// What a shopper has chosen on the page so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Chosen {
    pub options: BTreeMap<String, String>,
    pub add_ons: BTreeSet<AddOnId>,
    pub quantity: Option<u32>,
}

/// `GET /p/{slug}`
pub async fn show_product(visit: Visit) -> Result<Response, Problem> {
    let found = visit.call.read(GroupKind::Catalogue, |view| find(view, visit.segment()));
    let product = match found {
        Some(Found::Here(product)) if visible(&product) => product,
        Some(Found::Moved(slug)) => {
            return Ok(redirect(StatusCode::MOVED_PERMANENTLY, &visit.to(&format!("/p/{slug}"))));
        }
        _ => return Err(Problem::not_found("product")),
    };
    let slug = product.details.slug.as_str();
    if visit.segment() != slug {
        return Ok(redirect(StatusCode::MOVED_PERMANENTLY, &visit.to(&format!("/p/{slug}"))));
    }
    let chosen = chosen_by(&visit, &product);
    let added = visit.parameter("added").is_some();
    let parameters: Vec<(&str, &str)> =
        chosen.options.iter().map(|(option, value)| (option.as_str(), value.as_str())).collect();
    let mut parameters = parameters;
    if added {
        parameters.push(("added", "1"));
    }
    shared(&visit, &parameters, async || {
        let mut built = build(&visit, &product, &chosen).await;
        built.page.added = added;
        Ok(built.into_built(next_midnight(visit.market().at, visit.settings())))
    })
    .await
}

/// `GET /product/{id}`: the address of the original specification.
pub async fn move_product(visit: Visit) -> Result<Response, Problem> {
    let found = visit.call.read(GroupKind::Catalogue, |view| find(view, visit.segment()));
    let slug = match found {
        Some(Found::Here(product)) if visible(&product) => product.details.slug,
        Some(Found::Moved(slug)) => slug,
        _ => return Err(Problem::not_found("product")),
    };
    Ok(redirect(StatusCode::PERMANENT_REDIRECT, &visit.to(&format!("/p/{slug}"))))
}

/// Options named in the address, so that a variant can be linked to.
fn chosen_by(visit: &Visit, product: &Product) -> Chosen {
    let of_option = |option: &Code| {
        let value = visit.parameter(&format!("option.{option}"))?;
        // Only what is one of ours becomes part of the page and of its place in the cache.
        let known = visit.call.read(GroupKind::Catalogue, |view| {
            catalog::option_value(view, option, &Code::parse(value).ok()?)
        });
        known.map(|known| (option.to_string(), known.details.code.to_string()))
    };
    Chosen { options: product.details.options.iter().filter_map(of_option).collect(), ..Chosen::default() }
}

/// A product's page with what it depends on.
pub struct BuiltProduct {
    pub page: ProductPage,
    pub head: Head,
    said: Vec<(Needs, Availability)>,
}

impl BuiltProduct {
    /// Prices turn by entries of their own; the days of a delivery turn at midnight.
    fn into_built(self, midnight: Timestamp) -> Built {
        let built = Built::new(self.page, self.head);
        Built { shelf: Shelf::Said(self.said), good_until: Some(midnight), ..built }
    }
}

/// Everything read about a product's variants.
pub(super) struct Stall {
    pub variants: Vec<Variant>,
    pub prices: Vec<Option<Effective>>,
    needs: Vec<Needs>,
    pub said: Vec<Availability>,
    pieces: Vec<i64>,
}

impl Stall {
    pub fn of(visit: &Visit, market: &Market, product: &Product) -> Stall {
        let (variants, prices) = visit.call.read(GroupKind::Catalogue, |view| {
            let variants = catalog::live_variants_of(view, product.id);
            let prices = variants.iter().map(|variant| price_of(view, market, variant)).collect();
            (variants, prices)
        });
        let needs: Vec<Needs> = variants.iter().map(Needs::of).collect();
        let (said, pieces) = visit.call.read(GroupKind::Region, |region| {
            let said = needs.iter().map(|needs| needs.availability(region)).collect();
            (said, needs.iter().map(|needs| needs.pieces(region)).collect())
        });
        Stall { variants, prices, needs, said, pieces }
    }

    /// What was said of each variant's stock, to be compared with what is said later.
    pub fn into_said(self) -> impl Iterator<Item = (Needs, Availability)> {
        self.needs.into_iter().zip(self.said)
    }

    fn shown(&self, visit: &Visit, place: usize) -> Shown {
        if self.prices[place].is_none() {
            return Shown::OutOfStock;
        }
        let policy = self.variants[place].details.policy;
        shown(self.said[place], Some(self.pieces[place]), Some(policy), visit.settings())
    }

    fn fits(&self, place: usize, chosen: &BTreeMap<String, String>, except: Option<&Code>) -> bool {
        let options = &self.variants[place].details.options;
        chosen
            .iter()
            .filter(|(option, _)| except.is_none_or(|except| except.as_str() != option.as_str()))
            .all(|(option, value)| {
                options.iter().any(|(known, has)| known.as_str() == option && has.as_str() == value)
            })
    }

    /// Variants that fit what is chosen, by place.
    fn fitting(&self, chosen: &BTreeMap<String, String>, except: Option<&Code>) -> Vec<usize> {
        (0..self.variants.len()).filter(|place| self.fits(*place, chosen, except)).collect()
    }

    /// The best that can be said of several variants.
    fn best(&self, visit: &Visit, places: &[usize]) -> Shown {
        let priced = places.iter().copied().filter(|place| self.prices[*place].is_some());
        match priced.min_by_key(|place| self.said[*place]) {
            Some(place) if places.len() == 1 => self.shown(visit, place),
            // How many are left of one is not how many are left of all.
            Some(place) => {
                shown(self.said[place], None, Some(self.variants[place].details.policy), visit.settings())
            }
            None => Shown::OutOfStock,
        }
    }
}

pub async fn build(visit: &Visit, product: &Product, chosen: &Chosen) -> BuiltProduct {
    let market = visit.market();
    let stall = Stall::of(visit, &market, product);
    let (related, related_said) = related(visit, &market, product).await;
    let locale = (&market.locale, &market.default_locale);
    let details = &product.details;
    let name = details.name.words(locale.0, locale.1).to_owned();
    let description = details.description.words(locale.0, locale.1).to_owned();
    let options = defaulted(&stall, product, &chosen.options);
    let places = stall.fitting(&options, None);
    let decided = places.len() == 1 && options.len() == details.options.len();
    let single = decided.then(|| places[0]);
    let price = price_tag(&stall, &places, market.currency);
    let mut page = visit.call.read(GroupKind::Catalogue, |view| ProductPage {
        id: product.id.to_string(),
        name: name.clone(),
        brand: details.brand.as_ref().map(|brand| brand_link(visit, brand.as_str())),
        crumbs: product_crumbs(view, visit, &market, product, &name),
        pictures: pictures(view, &market, product, single.map(|place| &stall.variants[place])),
        price: price.clone(),
        tax_note: tax_note(&stall),
        lowest_price: single.and_then(|place| lowest(view, &stall, place, &market)),
        availability: stall.best(visit, &places),
        rating: None,
        summary: details.seo.description.words(locale.0, locale.1).to_owned(),
        options: option_groups(view, visit, &market, product, &stall, &options),
        variants: variants(visit, &stall, &market),
        sku: single.map(|place| stall.variants[place].details.sku.to_string()),
        kit: kit(view, visit, &market, &stall, &places),
        add_ons: add_ons(view, &market, product, chosen),
        quantity: chosen.quantity.unwrap_or(1),
        quantity_max: quantity_max(&stall, &places),
        delivery: delivery(view, visit, &market, &stall, &places),
        description: RichText::from_markdown(&description),
        specs: specs::table(view, visit, product, &stall.variants),
        compare_href: None,
        size_guide: None,
        related,
        error: None,
        added: false,
    });
    // What is told by nothing but its price has nothing to be compared by.
    let compared = !page.specs.is_empty();
    page.size_guide = size_guide::of(visit.text(), &details.product_type, &page.options);
    page.compare_href = compared.then(|| compare::href(visit, [details.slug.as_str()]));
    let head = head(visit, product, &page, &stall, &description);
    let said = stall.into_said().chain(related_said).collect();
    BuiltProduct { page, head, said }
}

/// What is chosen, with every option added that leaves no choice.
fn defaulted(
    stall: &Stall,
    product: &Product,
    chosen: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut options = chosen.clone();
    for option in &product.details.options {
        let values: BTreeSet<&str> = stall
            .variants
            .iter()
            .filter_map(|variant| variant.details.options.get(option).map(Code::as_str))
            .collect();
        if let (1, Some(only)) = (values.len(), values.first()) {
            options.entry(option.to_string()).or_insert_with(|| (*only).to_owned());
        }
    }
    options
}

/// The variant that is wanted.
///
/// # Errors
/// What is still to be chosen, or that this combination is not made, in the shopper's words.
pub fn pick(visit: &Visit, product: &Product, chosen: &Chosen) -> Result<Variant, String> {
    let market = visit.market();
    let stall = Stall::of(visit, &market, product);
    let options = defaulted(&stall, product, &chosen.options);
    let t = visit.text();
    if let Some(missing) =
        product.details.options.iter().find(|option| !options.contains_key(option.as_str()))
    {
        let name = visit.call.read(GroupKind::Catalogue, |view| {
            let option = catalog::option_type(view, missing)?;
            Some(option.details.name.words(&market.locale, &market.default_locale).to_owned())
        });
        return Err(t.choose_first(name.unwrap_or_else(|| missing.to_string())));
    }
    match stall.fitting(&options, None).as_slice() {
        [place] if stall.prices[*place].is_some() => Ok(stall.variants[*place].clone()),
        [_] => Err(t.line_gone().to_owned()),
        _ => Err(t.combination_gone().to_owned()),
    }
}

fn brand_link(visit: &Visit, brand: &str) -> Link {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("filter.brand", brand).finish();
    Link::new(brand, visit.to(&format!("/search?{query}")))
}

fn product_crumbs(
    view: &ReadScope<'_>,
    visit: &Visit,
    market: &Market,
    product: &Product,
    name: &str,
) -> Vec<Link> {
    let line =
        product.details.categories.first().map(|id| catalog::category_line(view, *id)).unwrap_or_default();
    let link = |category: &catalog::Category| {
        let name = category.details.name.words(&market.locale, &market.default_locale);
        Link::new(name, visit.to(&format!("/c/{}", category.path)))
    };
    let mut line: Vec<Link> = line.iter().map(link).collect();
    line.push(Link::new(name, ""));
    crumbs(visit, line)
}

/// The chosen variant's pictures first, then the product's.
fn pictures(
    view: &(impl View + ?Sized),
    market: &Market,
    product: &Product,
    variant: Option<&Variant>,
) -> Vec<Picture> {
    let own = variant.map(|variant| variant.details.media.as_slice()).unwrap_or_default();
    let mut ids = own.to_vec();
    ids.extend(product.details.media.iter().filter(|id| !own.contains(id)));
    let found = ids.iter().filter_map(|id| catalog::media(view, *id));
    found.map(|media| media_picture(&media, &market.locale, &market.default_locale, PAGE_WIDTH)).collect()
}

pub(super) fn price_tag(stall: &Stall, places: &[usize], currency: gearify_commerce::Currency) -> PriceTag {
    let all: Vec<usize> = (0..stall.variants.len()).collect();
    // A combination that does not exist has no price; the product still has one.
    let places = if places.is_empty() { &all } else { places };
    let prices: Vec<&Effective> = places.iter().filter_map(|place| stall.prices[*place].as_ref()).collect();
    let lowest = prices.iter().min_by_key(|price| price.amount);
    let highest = prices.iter().map(|price| price.amount).max();
    PriceTag {
        price: lowest.map(|price| amount(price.amount, currency)),
        from: lowest.zip(highest).is_some_and(|(lowest, highest)| highest > lowest.amount),
        compare_at: lowest.and_then(|price| price.compare_at).map(|before| amount(before, currency)),
    }
}

fn tax_note(stall: &Stall) -> TaxNote {
    match stall.prices.iter().flatten().next() {
        Some(price) if price.tax_included => TaxNote::Included,
        Some(_) => TaxNote::Excluded,
        None => TaxNote::Silent,
    }
}

/// Only a reduction has to name the lowest price before it.
fn lowest(
    view: &(impl View + ?Sized),
    stall: &Stall,
    place: usize,
    market: &Market,
) -> Option<crate::l10n::Amount> {
    let price = stall.prices[place].as_ref()?;
    price.compare_at?;
    let lowest = pricing::lowest_before(view, stall.variants[place].id, &price.list)?;
    Some(amount(lowest, market.currency))
}

fn option_groups(
    view: &(impl View + ?Sized),
    visit: &Visit,
    market: &Market,
    product: &Product,
    stall: &Stall,
    chosen: &BTreeMap<String, String>,
) -> Vec<OptionGroup> {
    let (locale, default) = (&market.locale, &market.default_locale);
    let group = |code: &Code| {
        let option = catalog::option_type(view, code)?;
        // With the other choices as they stand; this one is what is being asked.
        let beside = stall.fitting(chosen, Some(code));
        let value = |value: catalog::OptionValue| {
            let has =
                |place: &usize| stall.variants[*place].details.options.get(code) == Some(&value.details.code);
            if !(0..stall.variants.len()).any(|place| has(&place)) {
                return None;
            }
            let places: Vec<usize> = beside.iter().copied().filter(has).collect();
            let selected =
                chosen.get(code.as_str()).is_some_and(|chosen| chosen == value.details.code.as_str());
            Some(OptionValue {
                code: value.details.code.to_string(),
                label: value.details.label.words(locale, default).to_owned(),
                detail: None,
                selected,
                combines: !places.is_empty(),
                availability: stall.best(visit, &places),
            })
        };
        Some(OptionGroup {
            code: code.to_string(),
            label: option.details.name.words(locale, default).to_owned(),
            values: catalog::option_values(view, code).into_iter().filter_map(value).collect(),
            hint: None,
        })
    };
    product.details.options.iter().filter_map(group).collect()
}

fn variants(visit: &Visit, stall: &Stall, market: &Market) -> Vec<VariantData> {
    let variant = |place: usize| {
        let details = &stall.variants[place].details;
        let price = stall.prices[place].as_ref()?;
        Some(VariantData {
            sku: details.sku.to_string(),
            options: details
                .options
                .iter()
                .map(|(option, value)| (option.to_string(), value.to_string()))
                .collect(),
            price: amount(price.amount, market.currency),
            compare_at: price.compare_at.map(|before| amount(before, market.currency)),
            availability: stall.shown(visit, place),
        })
    };
    (0..stall.variants.len()).filter_map(variant).collect()
}

/// What the chosen kit is put together from; while nothing is chosen, the first that can be had.
fn kit(
    view: &(impl View + ?Sized),
    visit: &Visit,
    market: &Market,
    stall: &Stall,
    places: &[usize],
) -> Vec<KitPart> {
    let Some(variant) = places.first().map(|place| &stall.variants[*place]) else { return Vec::new() };
    let part = |part: &kits::Part| KitPart {
        pieces: part.pieces,
        goods: Link::new(
            part.words(view, market),
            part.slug().map_or(String::new(), |slug| visit.to(&format!("/p/{slug}"))),
        ),
    };
    kits::parts(view, variant).iter().map(part).collect()
}

fn add_ons(view: &(impl View + ?Sized), market: &Market, product: &Product, chosen: &Chosen) -> Vec<AddOn> {
    let (locale, default) = (&market.locale, &market.default_locale);
    let offered = |add_on: catalog::AddOn| {
        let details = add_on.details;
        let price = *details.prices.get(&market.currency)?;
        Some(AddOn {
            id: add_on.id.to_string(),
            name: details.name.words(locale, default).to_owned(),
            description: details.description.words(locale, default).to_owned(),
            price: amount(price, market.currency),
            lead_days: (details.lead_days > 0).then(|| u32::from(details.lead_days)),
            returnable: !details.not_returnable,
            selected: chosen.add_ons.contains(&add_on.id),
        })
    };
    catalog::add_ons_for(view, product).into_iter().filter_map(offered).collect()
}

/// More than the shelf holds can't be had, unless more is sold than it holds.
fn quantity_max(stall: &Stall, places: &[usize]) -> u32 {
    let of_place = |place: &usize| match stall.variants[*place].details.policy {
        Policy::Deny => u32::try_from(stall.pieces[*place]).unwrap_or(0),
        Policy::Backorder | Policy::Preorder { .. } => LINE_QUANTITY_MAX,
    };
    places.iter().map(of_place).max().unwrap_or(1).clamp(1, LINE_QUANTITY_MAX)
}

/// When it would be at the home of this shop's shoppers, and for how much.
fn delivery(
    view: &(impl View + ?Sized),
    visit: &Visit,
    market: &Market,
    stall: &Stall,
    places: &[usize],
) -> Option<DeliveryNote> {
    let place = *places.first()?;
    let settings = visit.settings();
    let home = &settings.home;
    let to = Destination { country: home.country.clone(), region: home.region.clone(), postal_prefix: None };
    let worth = stall.prices[place].as_ref()?.amount;
    let grams = u64::from(stall.variants[place].details.shipping_weight_grams);
    let destination = country_in_words(&home.country, visit.page_locale());
    let options = shipping::options(view, &to, grams, worth, market.currency);
    let Ok(options) = options else {
        return Some(DeliveryNote { destination, window: None, price_from: None, refused: true });
    };
    let cheapest = options.iter().min_by_key(|option| option.price)?;
    // What is made to order or not there yet has no date that could be promised here.
    let on_shelf = stall.said[place].in_stock();
    let window = on_shelf.then(|| super::view::parts::DeliveryWindow {
        from: day_after(market.at, settings, cheapest.days_min),
        to: day_after(market.at, settings, cheapest.days_max),
    });
    Some(DeliveryNote {
        destination,
        window,
        price_from: Some(amount(cheapest.price, market.currency)),
        refused: false,
    })
}

const RELATED: usize = 4;

/// Others of the same category, with what is said of their stock.
async fn related(
    visit: &Visit,
    market: &Market,
    product: &Product,
) -> (Vec<ProductCard>, Vec<(Needs, Availability)>) {
    let Some(category) = product.details.categories.first() else { return (Vec::new(), Vec::new()) };
    let Some(category) = visit.call.read(GroupKind::Catalogue, |view| catalog::category(view, *category))
    else {
        return (Vec::new(), Vec::new());
    };
    let asked = SearchQuery { in_stock: Some(true), ..listing::shelf(market, category.path, RELATED + 1) };
    // The page stands without them: an index that is not ready yet is no reason to show nothing.
    let Ok(mut found) = listing::search(visit, asked).await else { return (Vec::new(), Vec::new()) };
    found.answer.hits.retain(|hit| hit.product != product.id);
    found.answer.hits.truncate(RELATED);
    let mut said = Vec::new();
    for hit in &mut found.answer.hits {
        let shelf = shelf_of(visit, hit.product);
        // The index may be a moment behind; what the page is compared with later is the state.
        hit.availability = best(shelf.iter().map(|(_, said)| *said));
        said.extend(shelf);
    }
    let faces = &visit.call.state().storefront.faces;
    let sequence = crate::answers::catalogue_sequence(visit.call.state(), visit.shop.id());
    found.faces = found.answer.hits.iter().map(|hit| faces.face(visit, sequence, hit.product)).collect();
    (found.cards(visit, Face::short_specs), said)
}

fn shelf_of(visit: &Visit, product: ProductId) -> Vec<(Needs, Availability)> {
    let variants = visit.call.read(GroupKind::Catalogue, |view| catalog::live_variants_of(view, product));
    visit.call.read(GroupKind::Region, |region| {
        let needs = variants.iter().map(Needs::of);
        needs
            .map(|needs| {
                let said = needs.availability(region);
                (needs, said)
            })
            .collect()
    })
}

fn head(visit: &Visit, product: &Product, page: &ProductPage, stall: &Stall, description: &str) -> Head {
    let settings = visit.settings();
    let words = |text: &gearify_commerce::Text| text.words(&visit.locale, &settings.locale).to_owned();
    let path = format!("/p/{}", product.details.slug);
    let url = visit.absolute(&visit.canonical_path(&path));
    let told = words(&product.details.seo.description);
    let told = if told.is_empty() { excerpt(description, 155) } else { excerpt(&told, 155) };
    let images: Vec<String> = page.pictures.iter().map(|picture| visit.absolute(&picture.url)).collect();
    let data = ProductData {
        name: page.name.clone(),
        description: told.clone(),
        url: url.clone(),
        image_urls: images.clone(),
        sku: page.sku.clone(),
        gtin: match stall.variants.as_slice() {
            [only] => only.details.gtin.as_ref().map(ToString::to_string),
            _ => None,
        },
        brand: page.brand.as_ref().map(|brand| brand.label.clone()),
        rating: page.rating,
        offers: offers(page, &url),
    };
    Head {
        title: words(&product.details.seo.title),
        description: told,
        canonical_url: Some(url),
        image_url: images.first().cloned(),
        open_graph_type: "product".to_owned(),
        structured_data: vec![StructuredData::Product(data), breadcrumb_data(visit, &page.crumbs, &path)],
        ..Head::default()
    }
}

/// Offers a search engine is told of; it reads no more of one product.
const OFFERS_MAX: usize = 30;

/// The page with this one chosen.
fn variant_url(url: &str, variant: &VariantData) -> String {
    if variant.options.is_empty() {
        return url.to_owned();
    }
    let pairs = variant.options.iter().map(|(option, value)| (format!("option.{option}"), value));
    format!("{url}?{}", form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

fn offers(page: &ProductPage, url: &str) -> Vec<OfferData> {
    let offer = |variant: &VariantData| OfferData {
        sku: variant.sku.clone(),
        url: variant_url(url, variant),
        price: variant.price,
        availability: variant.availability,
    };
    page.variants.iter().take(OFFERS_MAX).map(offer).collect()
}
