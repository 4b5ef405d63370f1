//! Requests for shops that another node sells for: sent there whole, answered there, passed back.
//!
//! Carts, orders, accounts and stock lie in the shop's home region alone, so a node elsewhere hands on what
//! it is asked, with everything a caller said and the address of whoever said it: positions, idempotency
//! keys and limits mean at home what they mean here. Within a region, a node without the shop's shard hands on
//! to one that has it. One hop to the region and one in it: who was handed a request by a neighbour answers it.
//!
//! A read that asks for more than this node has goes to whoever leads, if it does not come here in a moment.
//!
//! Strangers' pages of another region's shops come from what is kept of them here ([`super::foreign`]).
//!
//! While the home can't be reached, pages and reads that need nobody in particular are answered from the
//! catalogue that every node has, without stock; everything else is told to come back.

use super::foreign::{Found, Kept, Look};
use super::{Place, body_max, check_head, limits, position};
use crate::app::AppState;
use crate::extract::read_body;
use crate::ports_regions::{Elsewhere, NOT_HERE, RELAYED_BYTES_MAX, RelayError, Relayed, RelayedAnswer};
use crate::problem::{Kind, Problem};
use crate::routes::{Access, Row, Surface};
use crate::shop::Shop;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use http_body_util::BodyExt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tower::ServiceExt;

/// So long it is looked for a node of this region that has the shop, and so often.
const LOOK_FOR: Duration = Duration::from_secs(1);
const LOOK_PAUSE: Duration = Duration::from_millis(30);

/// The request came from another node.
#[derive(Clone, Copy)]
struct WasRelayed {
    /// Of another region.
    from_afar: bool,
}

/// The shop's home can't be reached: positions of its region mean nothing here.
#[derive(Clone, Copy)]
pub struct Stranded;

/// These are between two ends of one connection, or are made anew for each.
const OWN: [HeaderName; 7] = [
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::ACCEPT_ENCODING,
    header::EXPECT,
];

/// Who answers a request.
pub enum Answers {
    /// Another node did.
    There(Response),
    /// This node, from the data of a shop that it has; for another node, if `is_relayed`.
    Here { shop: Arc<Shop>, is_relayed: bool },
    /// This node, from what every node has.
    Anywhere,
}

/// Hands a request on to where its shop is, unless that is here.
pub async fn relay(state: &AppState, row: &Row, place: &Place, request: &mut Request) -> Answers {
    let Some(shop) = shop_of(row, place).filter(|shop| shop.home().is_some()) else {
        return Answers::Anywhere;
    };
    if !row.method.is_read() {
        state.regions.place(shop.id(), shop.site()).await;
    }
    let hop = request.extensions().get::<WasRelayed>().copied();
    let Some(to) = is_at(state, shop) else {
        return Answers::Here { shop: shop.clone(), is_relayed: hop.is_some() };
    };
    let goes_on = hop.is_none_or(|hop| hop.from_afar && matches!(to, Elsewhere::Shard(_)));
    if !goes_on {
        // Two nodes see different places for a moment: no request goes in circles.
        return Answers::There(not_here());
    }
    let sent = match Look::of(row, shop, &to, request) {
        Some(look) => Box::pin(show(state, row, place, request, to, look)).await,
        None => Box::pin(send(state, row, place, request, to)).await,
    };
    match sent {
        Ok(answer) => Answers::There(answer),
        Err(problem) if problem.kind() == Kind::Unavailable && is_for_anybody(row) => {
            request.extensions_mut().insert(Stranded);
            Answers::Anywhere
        }
        Err(problem) => Answers::There(problem.into_response()),
    }
}

/// Where a shop's data is, if that is not here.
fn is_at(state: &AppState, shop: &Shop) -> Option<Elsewhere> {
    state.regions.elsewhere(shop.home()?, shop.id(), shop.site())
}

fn not_here() -> Response {
    let mut answer = Problem::new(Kind::Unavailable).retry_after(1).into_response();
    answer.headers_mut().insert(HeaderName::from_static(NOT_HERE), HeaderValue::from_static("1"));
    answer
}

/// What is answered instead, if the shop's data has gone to another node while the request was in work: what
/// was read of it may have been nothing.
pub fn after_leaving(
    state: &AppState,
    row: &Row,
    shop: &Shop,
    is_relayed: bool,
    answer: Response,
) -> Response {
    let has_left = || is_at(state, shop).is_some();
    let is_good = answer.status().is_success() || answer.status().is_redirection();
    match row.method.is_read() {
        true if has_left() && is_relayed => not_here(),
        true if has_left() => Problem::new(Kind::Unavailable).retry_after(1).into_response(),
        false if !is_good && has_left() => Problem::new(Kind::OutcomeUnknown).retry_after(1).into_response(),
        _ => answer,
    }
}

/// The answer of a node that has what this one waits for in vain; `None` if this node answers.
pub async fn catch_up(state: &AppState, row: &Row, place: &Place, request: &mut Request) -> Option<Response> {
    let was_relayed = request.extensions().get::<WasRelayed>().is_some();
    let is_stranded = request.extensions().get::<Stranded>().is_some();
    if !row.method.is_read() || was_relayed || is_stranded {
        return None;
    }
    let to = position::find_ahead(state, place.tenant(), request.headers()).await?;
    // Whoever can't be reached may be reached in the next moment: what is left of the time is waited here.
    Box::pin(send(state, row, place, request, to)).await.ok()
}

/// The shop that a request is for, if it is for one.
fn shop_of<'p>(row: &Row, place: &'p Place) -> Option<&'p Arc<Shop>> {
    match place {
        Place::Shop(shop) if row.surface != Surface::Plain => Some(shop),
        _ => None,
    }
}

/// Reads that are the same for everybody.
fn is_for_anybody(row: &Row) -> bool {
    row.method.is_read() && row.access == Access::Open && row.surface != Surface::Console
}

/// A page of another region, kept here or fetched and kept.
async fn show(
    state: &AppState,
    row: &Row,
    place: &Place,
    request: &mut Request,
    to: Elsewhere,
    look: Look,
) -> Result<Response, Problem> {
    check_head(request)?;
    let plain = look.plain(pack(state, row, place, request).await?);
    let found = look.find(state).await;
    if let Found::Kept(kept) = found {
        let answer = look.respond(state, &kept);
        if kept.wants_asking(state) {
            tokio::spawn(ask_anew(state.clone(), to, plain, look, kept));
        }
        return Ok(answer);
    }
    // What is known here before: what comes here later makes the page old.
    let asked = look.now(state);
    let answer = answer_in(deliver(state, row, place, to, plain).await?);
    Ok(match look.keep(state, asked, &answer) {
        Some(kept) => look.respond(state, &kept),
        None => answer.map(Body::from),
    })
}

async fn ask_anew(state: AppState, to: Elsewhere, plain: Relayed, look: Look, kept: Arc<Kept>) {
    let asked = look.now(&state);
    match state.regions.relay(to, plain).await.map(answer_in) {
        // It has too much to do, which says nothing of the page.
        Ok(answer) if is_busy(answer.status()) => kept.was_asked_in_vain(),
        Ok(answer) => drop(look.keep(&state, asked, &answer)),
        Err(_) => kept.was_asked_in_vain(),
    }
}

fn is_busy(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

async fn send(
    state: &AppState,
    row: &Row,
    place: &Place,
    request: &mut Request,
    to: Elsewhere,
) -> Result<Response, Problem> {
    let relayed = pack(state, row, place, request).await?;
    Ok(answer_in(deliver(state, row, place, to, relayed).await?).map(Body::from))
}

/// A request as it travels. It counts for its caller's limits here.
async fn pack(state: &AppState, row: &Row, place: &Place, request: &mut Request) -> Result<Relayed, Problem> {
    let client = limits::client(state, request);
    state.limits.check_rate(row.rate, place.tenant(), client)?;
    let max = body_max(state, row.body).min(RELAYED_BYTES_MAX);
    let body = std::mem::replace(request.body_mut(), Body::empty());
    let body = read_body(body, max).await?;
    Ok(Relayed {
        method: request.method().as_str().to_owned(),
        target: request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned(),
        headers: headers_out(request.headers(), request.uri()),
        body: body.to_vec(),
        client,
    })
}

async fn deliver(
    state: &AppState,
    row: &Row,
    place: &Place,
    to: Elsewhere,
    relayed: Relayed,
) -> Result<RelayedAnswer, Problem> {
    let (who, retry_after) = match &to {
        Elsewhere::Region(_) => ("The region that sells for this shop", 5),
        Elsewhere::Shard(_) | Elsewhere::Node(_) => ("The nodes that sell for this shop", 1),
    };
    let unavailable = || {
        let detail = format!("{who} can't be reached from here at the moment.");
        Problem::new(Kind::Unavailable).retry_after(retry_after).detail(detail)
    };
    let until = Instant::now() + LOOK_FOR;
    let mut sent = state.regions.relay(to, relayed.clone()).await;
    while matches!(sent, Err(RelayError::Unreachable)) && Instant::now() < until {
        // It may be on its way from one shard to another, which not all have heard of.
        tokio::time::sleep(LOOK_PAUSE).await;
        match shop_of(row, place).and_then(|shop| is_at(state, shop)) {
            Some(to @ Elsewhere::Shard(_)) => sent = state.regions.relay(to, relayed.clone()).await,
            _ => break,
        }
    }
    match sent {
        Ok(answer) => Ok(answer),
        Err(RelayError::Unreachable) => Err(unavailable()),
        Err(RelayError::Unknown) if row.method.is_read() => Err(unavailable()),
        Err(RelayError::Unknown) => Err(Problem::new(Kind::OutcomeUnknown).retry_after(1)),
    }
}

fn headers_out(headers: &HeaderMap, target: &Uri) -> Vec<(String, Vec<u8>)> {
    let own = |name: &HeaderName| OWN.contains(name);
    let said = headers.iter().filter(|(name, _)| !own(name));
    let mut said: Vec<_> =
        said.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    // HTTP/2 names the host in the target.
    if let Some(authority) = target.authority()
        && !headers.contains_key(header::HOST)
    {
        said.push((header::HOST.as_str().to_owned(), authority.as_str().as_bytes().to_vec()));
    }
    said
}

fn put_headers(into: &mut HeaderMap, headers: &[(String, Vec<u8>)]) {
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            into.append(name, value);
        }
    }
}

fn answer_in(answer: RelayedAnswer) -> http::Response<Bytes> {
    let mut response = http::Response::new(Bytes::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::BAD_GATEWAY);
    put_headers(response.headers_mut(), &answer.headers);
    response
}

/// Answers what another node hands on; `from_afar`, one of another region.
pub async fn answer_relayed(app: Router, relayed: Relayed, from_afar: bool) -> RelayedAnswer {
    let body = Body::from(relayed.body());
    let request = http::Request::builder().method(relayed.method.as_str()).uri(&relayed.target).body(body);
    let Ok(mut request) = request else { return plain(StatusCode::BAD_REQUEST) };
    put_headers(request.headers_mut(), &relayed.headers);
    request.extensions_mut().insert(limits::Peer(SocketAddr::new(relayed.client, 0)));
    request.extensions_mut().insert(WasRelayed { from_afar });
    let response = match app.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let (parts, body) = response.into_parts();
    let Ok(body) = http_body_util::Limited::new(body, RELAYED_BYTES_MAX).collect().await else {
        return plain(StatusCode::BAD_GATEWAY);
    };
    let kept =
        parts.headers.iter().filter(|(name, _)| !OWN.contains(name) && **name != header::CONTENT_LENGTH);
    let headers = kept.map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    RelayedAnswer { status: parts.status.as_u16(), headers, body: body.to_bytes().to_vec() }
}

fn plain(status: StatusCode) -> RelayedAnswer {
    RelayedAnswer { status: status.as_u16(), headers: Vec::new(), body: Vec::new() }
}
