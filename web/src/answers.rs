//! Catalogue answers kept ready: the bytes of a product's JSON and the faces of cards.
//!
//! An entry is as good as the positions it was read at. When the catalogue's log has moved, the
//! tenant's own event stream says whether anything of this tenant changed; when the region's log has
//! moved, the stock of this product is looked at again, and the bytes stay if it says the same.

use crate::app::AppState;
use crate::gate::Call;
use crate::ports::with_scope;
use crate::ports_search::Availability;
use crate::read::cards::{self, CardFace};
use crate::read::products::{self, Built, Market};
use crate::read::stock::Needs;
use crate::shop::Shop;
use crate::tally::Tally;
use axum::body::Bytes;
use axum::response::Response;
use gearify_commerce::catalog::{self, Found, Product};
use gearify_commerce::command::GroupKind;
use gearify_commerce::scope::{Count, Table};
use gearify_commerce::{ProductId, Site, Slug, TenantId};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use moka::sync::Cache;
use parking_lot::RwLock;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub struct Answers {
    products: Cache<Key, Arc<ProductAnswer>>,
    /// The last answer under each key's first bits: asked before the cache, which keeps books of every
    /// look-up to know what to give up.
    hot: Box<[RwLock<Option<Hot>>]>,
    faces: Cache<Key, Arc<(u64, CardFace)>>,
    product_tally: Tally,
    face_tally: Tally,
}

/// A hash of everything the answer depends on besides time.
type Key = [u8; 16];
type Hot = (Key, Arc<ProductAnswer>);

/// Answers at hand before the cache: a power of two, and few enough to add little to its memory.
const HOT_MAX: usize = 512;

/// Card faces kept.
const FACES_MAX: u64 = 20_000;

/// A product's JSON with what it depends on.
pub struct ProductAnswer {
    /// Index of the catalogue's log it was found good at.
    catalogue: AtomicU64,
    /// Of the tenant's catalogue stream.
    sequence: u64,
    region: AtomicU64,
    needs: Vec<Needs>,
    shelf: Vec<Availability>,
    body: Bytes,
    tag: String,
    tag_header: HeaderValue,
    language: HeaderValue,
}

/// What stands under a slug or an id.
pub enum ProductFound {
    Here(Arc<ProductAnswer>),
    /// Its address is another one for good.
    Moved(Slug),
    Nothing,
}

/// Number of the tenant's last catalogue event. The scope keeps it under tag 0 of every stream.
const STREAM: Table<(), Count> = Table::new(0);

/// How far the tenant's own catalogue has come: it moves with every change of it and nothing else.
pub fn catalogue_sequence(state: &AppState, tenant: TenantId) -> u64 {
    let read = |view: &gearify_commerce::ReadScope<'_>| STREAM.get(view, &()).map_or(0, |count| count.0);
    with_scope(&*state.backend, GroupKind::Catalogue, tenant, Site::NONE, read)
}

impl Answers {
    pub fn new(bytes_max: u64) -> Answers {
        let weight = |_: &Key, answer: &Arc<ProductAnswer>| answer.body.len() as u32 + 512;
        Answers {
            products: Cache::builder().max_capacity(bytes_max).weigher(weight).build(),
            hot: (0..HOT_MAX).map(|_| RwLock::new(None)).collect(),
            faces: Cache::new(FACES_MAX),
            product_tally: Tally::of("products"),
            face_tally: Tally::of("cards"),
        }
    }

    fn hot(&self, key: &Key) -> &RwLock<Option<Hot>> {
        &self.hot[usize::from(u16::from_be_bytes([key[0], key[1]])) % HOT_MAX]
    }

    fn known(&self, key: &Key) -> Option<Arc<ProductAnswer>> {
        let hot = self.hot(key).read();
        if let Some((_, answer)) = hot.as_ref().filter(|(known, _)| known == key) {
            return Some(answer.clone());
        }
        drop(hot);
        let answer = self.products.get(key)?;
        *self.hot(key).write() = Some((*key, answer.clone()));
        Some(answer)
    }

    /// The JSON of a product by slug or id, from the cache if it is still true.
    pub fn product(&self, call: &Call, shop: &Shop, market: &Market, name: &str) -> ProductFound {
        let state = call.state();
        let key = key_of(shop.id(), name, market);
        if let Some(answer) = self.known(&key)
            && answer.still_true(state, shop.id())
        {
            self.product_tally.hit();
            return ProductFound::Here(answer);
        }
        self.product_tally.miss();
        match build(state, shop, market, name) {
            Outcome::Answer(answer) => {
                let answer = Arc::new(*answer);
                self.products.insert(key, answer.clone());
                *self.hot(&key).write() = Some((key, answer.clone()));
                ProductFound::Here(answer)
            }
            Outcome::Moved(slug) => ProductFound::Moved(slug),
            Outcome::Nothing => ProductFound::Nothing,
        }
    }

    /// The face of a product's card; `None` if the product is gone or not published.
    pub fn face(
        &self,
        state: &AppState,
        shop: &Shop,
        market: &Market,
        sequence: u64,
        product: ProductId,
    ) -> Option<Arc<(u64, CardFace)>> {
        let key = key_of(shop.id(), &product.to_string(), market);
        if let Some(face) = self.faces.get(&key)
            && face.0 == sequence
        {
            self.face_tally.hit();
            return Some(face);
        }
        self.face_tally.miss();
        let read = |view: &gearify_commerce::ReadScope<'_>| {
            let product = catalog::product(view, product).filter(products::visible)?;
            Some(cards::face(view, market, &product))
        };
        let face = with_scope(&*state.backend, GroupKind::Catalogue, shop.id(), Site::NONE, read)?;
        let face = Arc::new((sequence, face));
        self.faces.insert(key, face.clone());
        Some(face)
    }
}

fn key_of(tenant: TenantId, name: &str, market: &Market) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&tenant.bits().to_be_bytes());
    let parts = [
        name,
        market.locale.as_str(),
        market.default_locale.as_str(),
        market.currency.as_str(),
        market.country.as_str(),
    ];
    for part in parts {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}

enum Outcome {
    Answer(Box<ProductAnswer>),
    Moved(Slug),
    Nothing,
}

fn build(state: &AppState, shop: &Shop, market: &Market, name: &str) -> Outcome {
    // Positions first: what is read after them is at least as new.
    let catalogue_index = state.backend.applied(GroupKind::Catalogue, shop.id());
    let region_index = state.backend.applied(GroupKind::Region, shop.id());
    let sequence = catalogue_sequence(state, shop.id());
    let catalogue_reader = state.backend.reader(GroupKind::Catalogue, shop.id());
    let catalogue = gearify_commerce::ReadScope::new(catalogue_reader.as_ref(), shop.id(), Site::NONE);
    let product = match find(&catalogue, name) {
        Some(Found::Here(product)) if products::visible(&product) => product,
        Some(Found::Moved(slug)) => return Outcome::Moved(slug),
        Some(Found::Here(_)) | None => return Outcome::Nothing,
    };
    let region_reader = state.backend.reader(GroupKind::Region, shop.id());
    let region = gearify_commerce::ReadScope::new(region_reader.as_ref(), shop.id(), shop.site());
    let Built { view, revision, needs } = products::build(&catalogue, &region, market, &product);
    let Ok(body) = serde_json::to_vec(&view) else { return Outcome::Nothing };
    let shelf = needs.iter().map(|needs| needs.availability(&region)).collect();
    // Weak: stock is part of the body and not of the tag, since a sale is no change of the product.
    let tag = format!("W/\"{revision}.{sequence}\"");
    Outcome::Answer(Box::new(ProductAnswer {
        catalogue: AtomicU64::new(catalogue_index),
        sequence,
        region: AtomicU64::new(region_index),
        needs,
        shelf,
        body: body.into(),
        tag_header: HeaderValue::try_from(&tag).expect("a tag is plain ASCII"),
        tag,
        language: HeaderValue::try_from(market.locale.as_str()).expect("a language tag is plain ASCII"),
    }))
}

/// A product by its id, or by its slug of today or earlier.
pub fn find(catalogue: &gearify_commerce::ReadScope<'_>, name: &str) -> Option<Found<Product, Slug>> {
    if let Ok(id) = ProductId::parse(name) {
        return catalog::product(catalogue, id).map(Found::Here);
    }
    catalog::product_by_slug(catalogue, &Slug::parse(name).ok()?)
}

impl ProductAnswer {
    fn still_true(&self, state: &AppState, tenant: TenantId) -> bool {
        let index = state.backend.applied(GroupKind::Catalogue, tenant);
        if self.catalogue.load(Ordering::Relaxed) != index {
            if catalogue_sequence(state, tenant) != self.sequence {
                return false;
            }
            self.catalogue.store(index, Ordering::Relaxed);
        }
        let index = state.backend.applied(GroupKind::Region, tenant);
        if self.region.load(Ordering::Relaxed) != index {
            if !self.shelf_says_the_same(state, tenant) {
                return false;
            }
            self.region.store(index, Ordering::Relaxed);
        }
        true
    }

    fn shelf_says_the_same(&self, state: &AppState, tenant: TenantId) -> bool {
        with_scope(&*state.backend, GroupKind::Region, tenant, Site::FIRST, |region| {
            self.needs.iter().zip(&self.shelf).all(|(needs, said)| needs.availability(region) == *said)
        })
    }

    /// The answer, or 304 if the caller has it.
    pub fn respond(&self, call: &Call) -> Response {
        let known = call.conditional().has(&self.tag);
        let mut response = Response::new(if known { Bytes::new().into() } else { self.body.clone().into() });
        // These and the gate's.
        *response.headers_mut() = HeaderMap::with_capacity(HEADERS);
        let headers = response.headers_mut();
        if !known {
            headers.insert(header::CONTENT_TYPE, JSON);
        }
        headers.insert(header::ETAG, self.tag_header.clone());
        headers.insert(header::CONTENT_LANGUAGE, self.language.clone());
        headers.insert(header::CACHE_CONTROL, SHARED);
        headers.insert(header::VARY, BY_ENCODING);
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        response
    }
}

/// That a shared answer carries, at most.
const HEADERS: usize = 12;
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Anybody may keep it, and asks before using it.
pub const SHARED: HeaderValue = HeaderValue::from_static("public, no-cache");
pub const BY_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

/// A shared answer of the catalogue with its tag, or 304 if the caller has it.
pub fn shared<T: serde::Serialize>(
    call: &Call,
    market: &Market,
    tag: String,
    view: impl FnOnce() -> T,
) -> Result<Response, crate::problem::Problem> {
    let known = call.conditional().has(&tag);
    let body = if known {
        Bytes::new()
    } else {
        serde_json::to_vec(&view()).map_err(crate::problem::Problem::internal)?.into()
    };
    Ok(told(known, market, tag, body))
}

/// As [`shared`], for what depends on so much that only its own words can tell whether it is another one.
pub fn shared_by_content<T: serde::Serialize>(
    call: &Call,
    market: &Market,
    view: &T,
) -> Result<Response, crate::problem::Problem> {
    let body = serde_json::to_vec(view).map_err(crate::problem::Problem::internal)?;
    let tag = format!("W/\"{}\"", &blake3::hash(&body).to_hex()[..16]);
    let known = call.conditional().has(&tag);
    Ok(told(known, market, tag, if known { Bytes::new() } else { body.into() }))
}

fn told(known: bool, market: &Market, tag: String, body: Bytes) -> Response {
    let mut response = if known { Response::new(body.into()) } else { crate::extract::json_response(body) };
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let headers = response.headers_mut();
    if let Ok(tag) = HeaderValue::try_from(tag) {
        headers.insert(header::ETAG, tag);
    }
    if let Ok(language) = HeaderValue::try_from(market.locale.as_str()) {
        headers.insert(header::CONTENT_LANGUAGE, language);
    }
    headers.insert(header::CACHE_CONTROL, SHARED);
    headers.insert(header::VARY, BY_ENCODING);
    response
}
