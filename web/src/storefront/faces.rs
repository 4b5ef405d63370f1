//! Products as lists show them: names, pictures and facts from the catalogue, kept; prices and stock
//! come with each search.

use super::convert::{CARD_WIDTH, amount, lead_picture, shown};
use super::specs;
use super::view::parts::{Availability as Shown, Picture, PriceTag, ProductCard, Rating};
use super::visit::Visit;
use crate::ports_search::SearchHit;
use gearify_commerce::catalog::{self, Product, ProductStatus};
use gearify_commerce::command::GroupKind;
use gearify_commerce::scope::View;
use gearify_commerce::time::DAY_MS;
use gearify_commerce::{Code, Locale, ProductId, TenantId, Timestamp};
use moka::sync::Cache;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What of a card changes with the catalogue alone.
pub struct Face {
    pub product_type: Code,
    slug: String,
    name: String,
    brand: Option<String>,
    picture: Option<Picture>,
    /// By attribute, over all variants: `2 lb 8 oz – 2 lb 12 oz`.
    pub specs: BTreeMap<Code, String>,
    /// By option: `SH, LH`.
    pub options: BTreeMap<Code, String>,
    published_at: Option<Timestamp>,
}

pub struct Faces(Cache<(TenantId, ProductId, Locale), (u64, Arc<Face>)>);

const FACES_MAX: u64 = 20_000;
/// How long something counts as new.
const NEW_MS: i64 = 21 * DAY_MS;
/// How long a shop is being stocked for the first time.
const OPENING_MS: i64 = 14 * DAY_MS;

impl Default for Faces {
    fn default() -> Faces {
        Faces(Cache::new(FACES_MAX))
    }
}

impl Faces {
    /// The face of a published product. `sequence` is how far the tenant's catalogue has come.
    pub fn face(&self, visit: &Visit, sequence: u64, id: ProductId) -> Option<Arc<Face>> {
        let key = (visit.shop.id(), id, visit.locale.clone());
        if let Some((at, face)) = self.0.get(&key)
            && at == sequence
        {
            return Some(face);
        }
        let face = visit.call.read(GroupKind::Catalogue, |view| {
            let product =
                catalog::product(view, id).filter(|product| product.status == ProductStatus::Active)?;
            Some(face_of(view, visit, &product))
        })?;
        let face = Arc::new(face);
        self.0.insert(key, (sequence, face.clone()));
        Some(face)
    }
}

fn face_of(view: &(impl View + ?Sized), visit: &Visit, product: &Product) -> Face {
    let (locale, default) = (&visit.locale, &visit.settings().locale);
    let details = &product.details;
    let variants = catalog::live_variants_of(view, product.id);
    let name = details.name.words(locale, default).to_owned();
    Face {
        product_type: details.product_type.clone(),
        slug: details.slug.to_string(),
        brand: brand_beside(details.brand.as_ref().map(ToString::to_string), &name),
        name,
        picture: lead_picture(view, product, None, locale, default, CARD_WIDTH),
        specs: specs::of_product(view, visit, product, &variants),
        options: specs::option_spans(view, visit, product, &variants),
        published_at: product.published_at,
    }
}

/// A maker beside a name that begins with it would be said twice.
fn brand_beside(brand: Option<String>, name: &str) -> Option<String> {
    brand.filter(|brand| !name.starts_with(brand.as_str()))
}

/// What was said of it so far.
pub fn rating_of(hit: &SearchHit) -> Option<Rating> {
    let (hundredths, count) = hit.rating?;
    Some(Rating { tenths: (u32::from(hundredths) + 5) / 10, count: u64::from(count) })
}

impl Face {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// With its maker.
    pub fn full_name(&self) -> String {
        match &self.brand {
            Some(brand) => format!("{brand} {}", self.name),
            None => self.name.clone(),
        }
    }

    /// The card of a hit, with these facts about it.
    pub fn card(&self, visit: &Visit, hit: &SearchHit, specs: Vec<String>) -> ProductCard {
        let settings = visit.settings();
        let currency = settings.currency;
        let price = PriceTag {
            price: hit.price_min.map(|lowest| amount(lowest, currency)),
            from: hit.price_min.zip(hit.price_max).is_some_and(|(lowest, highest)| highest > lowest),
            compare_at: hit.compare_at.map(|before| amount(before, currency)),
        };
        let availability = shown(hit.availability, None, None, settings);
        self.card_with(visit, price, availability, rating_of(hit), specs)
    }

    /// The card with a price and a stock read elsewhere.
    pub fn card_with(
        &self,
        visit: &Visit,
        price: PriceTag,
        availability: Shown,
        rating: Option<Rating>,
        specs: Vec<String>,
    ) -> ProductCard {
        // In a shop that has just opened everything is new, and nothing has to say so.
        let opened = visit.shop.tenant.created_at.plus_millis(OPENING_MS);
        let is_new =
            self.published_at.is_some_and(|at| at > opened && visit.call.now().millis_since(at) < NEW_MS);
        ProductCard {
            slug: self.slug.clone(),
            href: visit.to(&format!("/p/{}", self.slug)),
            name: self.name.clone(),
            brand: self.brand.clone(),
            picture: self.picture.clone(),
            price,
            availability,
            specs,
            rating,
            badge: is_new.then(|| visit.text().badge_new().to_owned()),
        }
    }

    /// The two facts a card in a grid has room for.
    pub fn short_specs(&self) -> Vec<String> {
        let telling = [catalog::GRADE, catalog::WEIGHT];
        let by_code = telling
            .into_iter()
            .filter_map(|code| self.specs.iter().find(|(known, _)| known.as_str() == code));
        let mut short: Vec<String> = by_code.map(|(_, words)| words.clone()).collect();
        // An option that is also an attribute (weight) is told by it.
        let told = |code: &Code| self.specs.keys().any(|known| code.as_str().ends_with(known.as_str()));
        short.extend(self.options.iter().filter(|(code, _)| !told(code)).map(|(_, words)| words.clone()));
        short.truncate(2);
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maker_is_said_once() {
        let beside = |brand: &str, name| brand_beside(Some(brand.to_owned()), name);
        assert_eq!(beside("Longroom", "Longroom Signature"), None);
        assert_eq!(beside("Seam & Co", "Seam Edition Bat").as_deref(), Some("Seam & Co"));
    }
}
