//! Requests that browsers send on behalf of other sites: refused where a cookie would speak for them,
//! allowed where the shop names the origin.

use super::login::Caller;
use crate::app::AppState;
use crate::problem::{Kind, Problem};
use crate::routes::{Csrf, Row};
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

/// # Errors
/// `cross-site` if a cookie speaks for the caller and the request is not from a page of this host.
pub fn check(row: &Row, caller: &Caller, request: &Request) -> Result<(), Problem> {
    let bearer = request.headers().contains_key(header::AUTHORIZATION);
    if row.csrf == Csrf::None || (bearer && !caller.by_cookie()) {
        return Ok(());
    }
    if same_origin(request) { Ok(()) } else { Err(Problem::new(Kind::CrossSite)) }
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
pub fn preflight(state: &AppState, row: &Row, request: &Request) -> Option<Response> {
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
    let place = super::host::place(state, row.scope, request).ok()?;
    if allows(&place, origin) {
        const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
        const HEADERS: HeaderValue = HeaderValue::from_static(
            "Authorization, Content-Type, Cart-Token, Order-Token, Idempotency-Key, If-Match, If-None-Match, \
             Gearify-Min-Position, Gearify-Consistency",
        );
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        answer.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    Some(response)
}

/// Lets a listed origin read the answer. Never `*`, never credentials.
pub fn put_headers(answer: &mut HeaderMap, place: &super::host::Place, origin: Option<&HeaderValue>) {
    const EXPOSED: HeaderValue = HeaderValue::from_static(
        "ETag, Request-Id, Gearify-Position, Idempotent-Replayed, Retry-After, RateLimit, RateLimit-Policy",
    );
    let Some(origin) = origin else { return };
    if allows(place, origin) {
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    answer.append(header::VARY, HeaderValue::from_static("Origin"));
}

/// The shop's list of exact origins. Shops have no such list yet, so that nobody is on it.
fn allows(_place: &super::host::Place, _origin: &HeaderValue) -> bool {
    false
}
