//! From a page to an answer: shared pages from the cache, personal ones rendered for their visitor.
//!
//! Whoever has neither cart nor login sees what every stranger sees: one rendering, kept until the
//! state it was made from has moved on, with a tag to ask again by. Everybody else gets the same page
//! in a frame of their own, and nobody may keep that.

use super::as_of::{CatalogueAsOf, Shelf, StockAsOf};
use super::bag;
use super::frame::Frames;
use super::view::parts::Notice;
use super::view::{Head, Page, Shell, Visitor};
use super::visit::Visit;
use crate::gate::Caller;
use crate::problem::Problem;
use crate::shop::Shop;
use crate::tally::Tally;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use gearify_commerce::Timestamp;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::CUSTOMERS;
use gearify_commerce::sealed::open;
use gearify_commerce::searches::Term;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use moka::sync::Cache;
use std::io::Write;
use std::sync::{Arc, OnceLock};

/// A page with what its document says of itself.
pub struct Built {
    pub page: Box<dyn Page + Send + Sync>,
    pub head: Head,
    /// What stands in the search box.
    pub query: String,
    pub status: StatusCode,
    pub shelf: Shelf,
    /// Sought and not found: counted for everybody who is shown it.
    pub missed: Option<Term>,
    /// Told differently from then on: a price begins or ends, a day is over.
    pub good_until: Option<Timestamp>,
}

impl Built {
    pub fn new(page: impl Page + Send + Sync + 'static, head: Head) -> Built {
        Built {
            page: Box::new(page),
            head,
            query: String::new(),
            status: StatusCode::OK,
            shelf: Shelf::Unsaid,
            missed: None,
            good_until: None,
        }
    }
}

/// Everything of the storefront that is kept between requests.
pub struct Storefront {
    pub frames: Frames,
    pub faces: super::faces::Faces,
    pages: Cache<Key, Arc<Kept>>,
    tally: Tally,
}

type Key = [u8; 16];

struct Kept {
    built: Built,
    shop: Arc<Shop>,
    catalogue: CatalogueAsOf,
    stock: StockAsOf,
    whole: Whole,
}

/// A document as it is sent.
struct Whole {
    body: Bytes,
    zipped: OnceLock<Bytes>,
    tag: String,
    tag_header: HeaderValue,
    language: HeaderValue,
}

impl Storefront {
    pub fn new(bytes_max: u64) -> Storefront {
        // What is compressed later is about a fifth again.
        let weight = |_: &Key, kept: &Arc<Kept>| (kept.whole.body.len() as u32).saturating_mul(5) / 4 + 4_096;
        Storefront {
            frames: Frames::default(),
            faces: super::faces::Faces::default(),
            tally: Tally::of("pages"),
            pages: Cache::builder().max_capacity(bytes_max).weigher(weight).build(),
        }
    }
}

impl Kept {
    fn still_true(&self, visit: &Visit) -> bool {
        let (state, tenant, now) = (visit.call.state(), visit.shop.id(), visit.call.now());
        Arc::ptr_eq(&self.shop, &visit.shop)
            && self.built.good_until.is_none_or(|until| now < until)
            && self.catalogue.still_holds(state, tenant)
            && self.stock.still_holds(state, tenant, now)
    }
}

/// Answers with a page that is the same for all strangers. `parameters` are those the page depends on;
/// others in the address change nothing.
pub async fn shared<F>(visit: &Visit, parameters: &[(&str, &str)], build: F) -> Result<Response, Problem>
where
    F: AsyncFnOnce() -> Result<Built, Problem>,
{
    let storefront = &visit.call.state().storefront;
    let key = key_of(visit, parameters);
    let kept = match storefront.pages.get(&key) {
        Some(kept) if kept.still_true(visit) => {
            storefront.tally.hit();
            kept
        }
        _ => {
            storefront.tally.miss();
            // Positions first: what is read after them is at least as new.
            let state = visit.call.state();
            let catalogue = CatalogueAsOf::now(state, visit.shop.id());
            let region = state.backend.applied(GroupKind::Region, visit.shop.id());
            let mut built = build().await?;
            let shelf = std::mem::replace(&mut built.shelf, Shelf::Unsaid);
            let stock = StockAsOf::new(region, visit.call.now(), shelf);
            let whole = Whole::of(visit, &built);
            let kept = Arc::new(Kept { built, shop: visit.shop.clone(), catalogue, stock, whole });
            storefront.pages.insert(key, kept.clone());
            kept
        }
    };
    if let Some(term) = &kept.built.missed {
        visit.call.state().sought.note(&visit.call, term.clone());
    }
    if visit.is_known() {
        return Ok(personal(
            visit,
            &*kept.built.page,
            kept.built.head.clone(),
            kept.built.query.clone(),
            None,
            kept.built.status,
        ));
    }
    let mut response = kept.whole.respond(visit, kept.built.status);
    if kept.built.missed.is_some() {
        // Whoever keeps it in between would leave the next one uncounted.
        response.headers_mut().insert(header::CACHE_CONTROL, MAY_BE_KEPT_BY_ONE);
    }
    Ok(response)
}

fn key_of(visit: &Visit, parameters: &[(&str, &str)]) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&visit.shop.id().bits().to_be_bytes());
    hasher.update(&[u8::from(visit.kind == super::view::ShellKind::Mobile)]);
    for part in [visit.authority.as_str(), visit.path.as_str()] {
        hasher.update(part.as_bytes()).update(&[0]);
    }
    for (name, value) in parameters {
        hasher.update(name.as_bytes()).update(&[1]).update(value.as_bytes()).update(&[0]);
    }
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}

/// A shared page may be kept by anybody, who asks whether it still stands before using it. What it
/// depends on besides its address: the shell, and having a cart or login or not.
const MAY_BE_KEPT: HeaderValue = HeaderValue::from_static("public, max-age=0, must-revalidate");
const MAY_BE_KEPT_BY_ONE: HeaderValue = HeaderValue::from_static("private, max-age=0, must-revalidate");
const DEPENDS_ON: HeaderValue =
    HeaderValue::from_static("Cookie, Sec-CH-UA-Mobile, User-Agent, Accept-Encoding");
const PERSONAL: HeaderValue = HeaderValue::from_static("private, no-store");
const PAGE: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

impl Whole {
    fn of(visit: &Visit, built: &Built) -> Whole {
        let shell = shell(visit, built.head.clone(), built.query.clone());
        let body = Bytes::from(built.page.render(&shell));
        let tag = format!("W/\"{}\"", &blake3::hash(&body).to_hex()[..20]);
        Whole {
            tag_header: HeaderValue::try_from(&tag).expect("a tag is plain ASCII"),
            language: language(visit),
            zipped: OnceLock::new(),
            body,
            tag,
        }
    }

    fn respond(&self, visit: &Visit, status: StatusCode) -> Response {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = status;
        if status == StatusCode::OK && visit.call.conditional().has(&self.tag) {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        } else if takes_gzip(&visit.headers) {
            *response.body_mut() = self.zipped.get_or_init(|| zip(&self.body)).clone().into();
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        } else {
            *response.body_mut() = self.body.clone().into();
        }
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, PAGE);
        headers.insert(header::ETAG, self.tag_header.clone());
        headers.insert(header::CACHE_CONTROL, MAY_BE_KEPT);
        headers.insert(header::VARY, DEPENDS_ON);
        headers.insert(header::CONTENT_LANGUAGE, self.language.clone());
        response
    }
}

pub fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| {
        accepted.split(',').any(|coding| {
            let mut parts = coding.split(';');
            parts.next().is_some_and(|name| name.trim() == "gzip")
                && parts.all(|weight| weight.trim() != "q=0")
        })
    })
}

pub fn zip(body: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::new(6));
    encoder
        .write_all(body)
        .and_then(|()| encoder.finish())
        .expect("memory takes what is written to it")
        .into()
}

fn language(visit: &Visit) -> HeaderValue {
    HeaderValue::try_from(visit.locale.as_str()).expect("a language tag is plain ASCII")
}

/// The frame of a page as a stranger sees it.
pub fn shell(visit: &Visit, head: Head, query: String) -> Shell {
    let state = visit.call.state();
    let frame = state.storefront.frames.frame(state, &visit.shop, &visit.locale, &visit.base);
    Shell {
        shop: frame.for_page(visit),
        kind: visit.kind,
        locale: visit.page_locale(),
        base: visit.base.clone(),
        head,
        visitor: Visitor::default(),
        path: visit.path.clone(),
        query,
        csrf: String::new(),
        notice: None,
    }
}

/// The frame of a page for this visitor alone.
pub fn personal_shell(visit: &Visit, head: Head, query: String) -> Shell {
    let csrf = visit.call.form_token().unwrap_or_default();
    Shell { visitor: visitor(visit), csrf, ..shell(visit, head, query) }
}

/// A page for this visitor alone.
pub fn personal(
    visit: &Visit,
    page: &dyn Page,
    head: Head,
    query: String,
    notice: Option<Notice>,
    status: StatusCode,
) -> Response {
    let shell = Shell { notice, ..personal_shell(visit, head, query) };
    let mut response = Response::new(page.render(&shell).into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PAGE);
    headers.insert(header::CACHE_CONTROL, PERSONAL);
    headers.insert(header::CONTENT_LANGUAGE, language(visit));
    response
}

/// A personal page that search engines leave alone.
pub fn private_page(visit: &Visit, page: &dyn Page, notice: Option<Notice>, status: StatusCode) -> Response {
    let head = Head { no_index: true, ..Head::default() };
    personal(visit, page, head, String::new(), notice, status)
}

fn visitor(visit: &Visit) -> Visitor {
    let name = match visit.call.caller() {
        Caller::Customer { id, .. } => visit.call.read(GroupKind::Region, |view| {
            let profile = CUSTOMERS.get(view, id)?.profile;
            open(view, visit.call.vault(), &profile).ok().map(|profile| profile.name)
        }),
        _ => None,
    };
    Visitor { signed_in_name: name, cart_count: bag::piece_count(visit) }
}

/// Sends the browser on with a fresh GET.
pub fn see_other(to: &str) -> Response {
    redirect(StatusCode::SEE_OTHER, to)
}

pub fn redirect(status: StatusCode, to: &str) -> Response {
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = status;
    match HeaderValue::try_from(to) {
        Ok(to) => {
            response.headers_mut().insert(header::LOCATION, to);
        }
        // A path with strange characters came from the browser itself: home is always there.
        Err(_) => {
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("/"));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_whoever_takes_it() {
        let takes = |accepted: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepted));
            takes_gzip(&headers)
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, gzip;q=0.8"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes("identity"));
        assert!(!takes_gzip(&HeaderMap::new()));
    }

    #[test]
    fn a_zipped_body_unzips_to_itself() {
        use std::io::Read;
        let body = "the same words again and again ".repeat(100);
        let zipped = zip(body.as_bytes());
        let mut back = String::new();
        flate2::read::GzDecoder::new(&zipped[..]).read_to_string(&mut back).unwrap();
        assert!(zipped.len() < body.len() / 10 && back == body);
    }
}
