//! What every answer carries.

use super::call::Call;
use super::{Asked, RequestId, encode_position};
use crate::app::AppState;
use crate::auth::Cookie;
use crate::routes::{Row, Surface};
use http::header::{self, Entry};
use http::{HeaderMap, HeaderName, HeaderValue};

/// Scripts and styles come from here alone; nothing is inline, nothing is framed.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
     connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
);
/// An API answer is no page, whatever a browser makes of it.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const REFERRER: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
const PERMISSIONS: HeaderValue = HeaderValue::from_static("camera=(), geolocation=(), microphone=()");
const OPENER: HeaderValue = HeaderValue::from_static("same-origin");
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000; includeSubDomains");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Headers that are added here: room for all of them is made at once.
const ROOM: usize = 6;

/// How long a browser remembers where its last write landed: longer than any node lags.
const POSITION_SECONDS: i64 = 60;

pub fn put(
    headers: &mut HeaderMap,
    state: &AppState,
    row: &Row,
    id: &RequestId,
    call: Option<&Call>,
    asked: &Asked,
) {
    headers.reserve(ROOM);
    headers.insert(HeaderName::from_static("request-id"), id.header());
    headers.insert(HeaderName::from_static("traceparent"), id.trace_header());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    let is_page =
        headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    put_if_absent(headers, header::CONTENT_SECURITY_POLICY, if is_page { PAGE_POLICY } else { DATA_POLICY });
    if is_page {
        put_if_absent(headers, header::REFERRER_POLICY, REFERRER);
        headers.insert(HeaderName::from_static("permissions-policy"), PERMISSIONS);
        headers.insert(HeaderName::from_static("cross-origin-opener-policy"), OPENER);
    }
    if state.settings.tls {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
    // Whatever does not say that it may be kept may not.
    put_if_absent(headers, header::CACHE_CONTROL, NO_STORE);
    asked.cors.put(headers);
    let Some(call) = call else { return };
    if let Some(position) = call.wrote_at() {
        let token = encode_position(state.settings.cluster_epoch, position);
        if matches!(row.surface, Surface::Storefront | Surface::Console) || call.caller().by_cookie() {
            headers.append(header::SET_COOKIE, Cookie::Position.set(&token, POSITION_SECONDS));
        }
        if let Ok(value) = HeaderValue::try_from(token) {
            headers.insert(HeaderName::from_static("gearify-position"), value);
        }
    }
    if call.was_replayed() {
        headers.insert(HeaderName::from_static("idempotent-replayed"), HeaderValue::from_static("true"));
    }
}

fn put_if_absent(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    if let Entry::Vacant(place) = headers.entry(name) {
        place.insert(value);
    }
}
