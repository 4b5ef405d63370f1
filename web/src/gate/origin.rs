//! Requests that browsers send on behalf of other websites: refused where a cookie would speak for them,
//! allowed on the API where the shop lists the exact origin. Credentials are never allowed: what a listed
//! origin wants to do for somebody it does with their token.

use super::host::Place;
use super::login::Caller;
use crate::problem::{Kind, Problem};
use crate::routes::{Csrf, Row, Surface};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use gearify_commerce::tenants::Origin;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// # Errors
/// `cross-site` if a cookie could speak for the caller and the request is not from a page of this host.
pub fn check(row: &Row, place: &Place, caller: &Caller, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let bearer = headers.contains_key(header::AUTHORIZATION);
    if row.csrf == Csrf::None || (bearer && !caller.by_cookie()) || same_origin(request) {
        return Ok(());
    }
    let listed = headers.get(header::ORIGIN).is_some_and(|origin| allows(row, place, origin));
    if listed && !headers.contains_key(header::COOKIE) { Ok(()) } else { Err(Problem::new(Kind::CrossSite)) }
}

/// Browsers say where a request comes from; a caller that says nothing is no browser, and holds no
/// cookie that another site could use.
fn same_origin(request: &Request) -> bool {
    let headers = request.headers();
    if let Some(site) = text(headers, "sec-fetch-site") {
        return matches!(site, "same-origin" | "none");
    }
    match text(headers, "origin") {
        Some(origin) => origin_host(origin) == request_authority(request),
        None => true,
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn origin_host(origin: &str) -> Option<String> {
    origin.split_once("://").map(|(_, authority)| authority.to_ascii_lowercase())
}

fn request_authority(request: &Request) -> Option<String> {
    let authority = request.uri().authority().map(|authority| authority.as_str());
    authority.or_else(|| text(request.headers(), "host")).map(str::to_ascii_lowercase)
}

/// Answers a CORS preflight. Only origins on the shop's list are told anything.
pub fn preflight(row: &Row, place: Option<&Place>, request: &Request) -> Option<Response> {
    if request.method() != Method::OPTIONS {
        return None;
    }
    let headers = request.headers();
    let origin = headers.get(header::ORIGIN)?;
    headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    answer.insert(header::VARY, HeaderValue::from_static("Origin"));
    if allows(row, place?, origin) {
        const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
        const HEADERS: HeaderValue = HeaderValue::from_static(
            "Authorization, Content-Type, Cart-Token, Order-Token, Idempotency-Key, If-Match, If-None-Match, \
             Gearify-Min-Position, Gearify-Consistency, Traceparent",
        );
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    Some(response)
}

/// What an answer has to say to other websites, decided before the request is: a refusal is to be read too.
#[derive(Default)]
pub struct Cors {
    /// The shop lists origins, so that answers differ by who asks.
    varies: bool,
    /// The caller's, if the shop lists it.
    origin: Option<HeaderValue>,
}

impl Cors {
    pub fn of(row: &Row, place: Option<&Place>, request: &Request) -> Cors {
        if row.surface != Surface::Api {
            return Cors::default();
        }
        let Some(place) = place else { return Cors::default() };
        let origin = request.headers().get(header::ORIGIN).filter(|origin| allows(row, place, origin));
        Cors { varies: !listed(place).is_empty(), origin: origin.cloned() }
    }

    /// Lets a listed origin read the answer. Never `*`, never credentials.
    pub fn put(&self, answer: &mut HeaderMap) {
        const EXPOSED: HeaderValue = HeaderValue::from_static(
            "ETag, Location, Request-Id, Gearify-Position, Idempotent-Replayed, Retry-After, RateLimit, \
             RateLimit-Policy, Traceparent",
        );
        if let Some(origin) = &self.origin {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
        if self.varies {
            answer.append(header::VARY, HeaderValue::from_static("Origin"));
        }
    }
}

/// Pages are nobody else's; the interface may be used by the origins the shop lists, compared as a whole.
fn allows(row: &Row, place: &Place, origin: &HeaderValue) -> bool {
    row.surface == Surface::Api && listed(place).iter().any(|listed| listed.as_str().as_bytes() == origin)
}

fn listed(place: &Place) -> &[Origin] {
    match place {
        Place::Shop(shop) => &shop.origins,
        Place::Platform | Place::Anywhere => &[],
    }
}
