//! Pages of shops that another region sells for, kept at the node a shopper is near to.
//!
//! A stranger's page is made at the shop's home, which may be an ocean away; the next stranger's comes from here.
//! Kept is what home says anybody may keep and gives a tag. Whoever brings a cookie, a login or a position is
//! always answered by home, and so is everything that changes something.
//!
//! Such a page is shown as it is for [`AS_IS_MS`], up to [`SHOWN_MS`] while home is asked for it anew, and no
//! longer once the shop or its catalogue has changed here. What can be old in it is stock, which a cart asks
//! home for.

use super::Conditional;
use crate::app::AppState;
use crate::ports_regions::{Elsewhere, Relayed};
use crate::routes::{Access, Row, Surface};
use crate::shop::Shop;
use crate::storefront::{CatalogueAsOf, ShellKind, shell_kind};
use crate::tally::Tally;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use gearify_commerce::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use moka::sync::Cache;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};

/// Nobody is asked again within this time: a crowd at one page is one request to its home.
const AS_IS_MS: i64 = 2_000;
/// Longer than a shopper stays at one page and goes back to the one before.
const SHOWN_MS: i64 = 30_000;

/// What a stranger's page depends on besides its address, as its home is told it.
const TOLD: [HeaderName; 3] = [header::HOST, header::USER_AGENT, HeaderName::from_static("sec-ch-ua-mobile")];
/// Who brings one of these is no stranger, or wants something else than a page as everybody sees it.
const NO_STRANGER: [HeaderName; 6] = [
    header::COOKIE,
    header::AUTHORIZATION,
    header::RANGE,
    header::IF_MATCH,
    HeaderName::from_static("gearify-min-position"),
    HeaderName::from_static("gearify-consistency"),
];

/// Pages that are being fetched, at a time.
const TURNS_MAX: u64 = 4_096;

pub struct ForeignPages {
    pages: Cache<Key, Arc<Kept>>,
    /// Who fetches a page; others wait for what comes of it.
    turns: Cache<Key, Arc<Mutex<()>>>,
    tally: Tally,
}

/// A hash of everything the page depends on besides time.
type Key = [u8; 16];

/// A page as its home sent it.
pub struct Kept {
    asked: AsOf,
    is_asked_anew: AtomicBool,
    headers: HeaderMap,
    tag: String,
    body: Bytes,
}

/// What is kept of a page.
pub enum Found {
    Kept(Arc<Kept>),
    /// Those who come meanwhile wait for whoever has the turn, for as long as it is held.
    Nothing {
        _turn: Option<OwnedMutexGuard<()>>,
    },
}

/// When home was asked, and what was known here then.
pub struct AsOf {
    at: Timestamp,
    shop: Arc<Shop>,
    catalogue: CatalogueAsOf,
}

/// A stranger's request for a page of another region.
pub struct Look {
    key: Key,
    shop: Arc<Shop>,
    conditional: Conditional,
}

impl Look {
    /// `None` for a request that only home can answer.
    pub fn of(row: &Row, shop: &Arc<Shop>, to: &Elsewhere, request: &Request) -> Option<Look> {
        let headers = request.headers();
        let is_page = row.surface == Surface::Storefront && row.access == Access::Open;
        let is_stranger = !NO_STRANGER.iter().any(|name| headers.contains_key(name));
        if !matches!(to, Elsewhere::Region(_)) || !is_page || !is_stranger || request.method() != Method::GET
        {
            return None;
        }
        let conditional = Conditional::of(headers).ok()?;
        Some(Look { key: key_of(shop, request), shop: shop.clone(), conditional })
    }

    /// What its home is asked in the name of all strangers.
    pub fn plain(&self, relayed: Relayed) -> Relayed {
        let told = |name: &str| TOLD.iter().any(|told| told.as_str() == name);
        let headers = relayed.headers.into_iter().filter(|(name, _)| told(name)).collect();
        Relayed { headers, ..relayed }
    }

    pub fn now(&self, state: &AppState) -> AsOf {
        let catalogue = CatalogueAsOf::now(state, self.shop.id());
        AsOf { at: state.clock.now(), shop: self.shop.clone(), catalogue }
    }

    /// Looks for the page; where somebody is fetching it just now, after that.
    pub async fn find(&self, state: &AppState) -> Found {
        let ForeignPages { turns, tally, .. } = &state.foreign_pages;
        if let Some(kept) = self.kept(state) {
            tally.hit();
            return Found::Kept(kept);
        }
        let turn = turns.get_with(self.key, Arc::default);
        let mine = turn.clone().try_lock_owned().ok();
        if mine.is_none() {
            // Where nothing came of it that may be kept, nobody has a turn: each asks for itself.
            drop(turn.lock().await);
        }
        match self.kept(state) {
            Some(kept) => {
                tally.hit();
                Found::Kept(kept)
            }
            None => {
                tally.miss();
                Found::Nothing { _turn: mine }
            }
        }
    }

    /// The page, if it may still be shown.
    fn kept(&self, state: &AppState) -> Option<Arc<Kept>> {
        let kept = state.foreign_pages.pages.get(&self.key);
        kept.filter(|kept| kept.may_be_shown(state, &self.shop))
    }

    /// Keeps what its home has answered; `None` if that is not for everybody.
    pub fn keep(&self, state: &AppState, asked: AsOf, answer: &http::Response<Bytes>) -> Option<Arc<Kept>> {
        let pages = &state.foreign_pages.pages;
        let kept = Kept::of(asked, answer).map(Arc::new);
        match &kept {
            Some(kept) => pages.insert(self.key, kept.clone()),
            None => pages.invalidate(&self.key),
        }
        kept
    }

    pub fn respond(&self, state: &AppState, kept: &Kept) -> Response {
        let is_known = self.conditional.has(&kept.tag);
        let body = if is_known { Bytes::new() } else { kept.body.clone() };
        let mut response = Response::new(body.into());
        *response.status_mut() = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
        *response.headers_mut() = kept.headers.clone();
        let age = kept.age_ms(state).max(0) / 1_000;
        response.headers_mut().insert(header::AGE, HeaderValue::from(age));
        response
    }
}

fn key_of(shop: &Shop, request: &Request) -> Key {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&shop.id().bits().to_be_bytes());
    hasher.update(&[u8::from(shell_kind(request.headers()) == ShellKind::Mobile)]);
    // Links in the page carry the port it was asked at.
    let host = request.headers().get(header::HOST).map(HeaderValue::as_bytes);
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    hasher.update(authority.or(host).unwrap_or_default()).update(&[0]);
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    hasher.update(target.as_bytes());
    let mut key = [0; 16];
    key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    key
}

impl Kept {
    fn of(asked: AsOf, answer: &http::Response<Bytes>) -> Option<Kept> {
        let text = |name: HeaderName| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let is_for_all = answer.status() == StatusCode::OK
            && text(header::CACHE_CONTROL).is_some_and(|kept| kept.starts_with("public"))
            && !answer.headers().contains_key(header::SET_COOKIE);
        let tag = text(header::ETAG).filter(|_| is_for_all)?.to_owned();
        let (headers, body) = (answer.headers().clone(), answer.body().clone());
        Some(Kept { asked, is_asked_anew: AtomicBool::new(false), headers, tag, body })
    }

    fn age_ms(&self, state: &AppState) -> i64 {
        state.clock.now().millis_since(self.asked.at)
    }

    fn may_be_shown(&self, state: &AppState, shop: &Arc<Shop>) -> bool {
        // A clock that was set back tells no age.
        (0..SHOWN_MS).contains(&self.age_ms(state))
            && Arc::ptr_eq(&self.asked.shop, shop)
            && self.asked.catalogue.still_holds(state, shop.id())
    }

    /// Whether home is to be asked anew, which is for one to do.
    pub fn wants_asking(&self, state: &AppState) -> bool {
        self.age_ms(state) >= AS_IS_MS && !self.is_asked_anew.swap(true, Ordering::Relaxed)
    }

    /// Home did not answer: the next one may ask.
    pub fn was_asked_in_vain(&self) {
        self.is_asked_anew.store(false, Ordering::Relaxed);
    }
}

impl ForeignPages {
    pub fn new(bytes_max: u64) -> ForeignPages {
        let weight = |_: &Key, kept: &Arc<Kept>| kept.body.len() as u32 + 4_096;
        let pages = Cache::builder()
            .max_capacity(bytes_max)
            .weigher(weight)
            .time_to_live(Duration::from_millis(SHOWN_MS as u64));
        let turns =
            Cache::builder().max_capacity(TURNS_MAX).time_to_idle(Duration::from_millis(SHOWN_MS as u64));
        ForeignPages { pages: pages.build(), turns: turns.build(), tally: Tally::of("foreign-pages") }
    }
}
