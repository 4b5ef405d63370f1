//! The gate: everything a row of the route table says, enforced in one place before the handler runs,
//! and everything an answer must carry, added in one place after it.
//!
//! Order of checks: size of the head, host, rate, login, permission, origin, body type and size, idempotency key. A
//! request that fails one is refused with a problem and has changed nothing; no refusal makes an entry.

mod call;
mod foreign;
mod headers;
mod host;
mod limits;
mod login;
mod meter;
mod origin;
mod position;
mod relay;
mod request_id;

pub use call::{Call, Conditional, revision_tag};
pub use foreign::ForeignPages;
pub use host::{Place, normal_host};
pub use limits::{Limits, Peer};
pub(crate) use login::unauthorized;
pub use login::{Caller, StaffCaller};
pub use position::{decode_position, encode_position};
use relay::Answers;
pub use relay::answer_relayed;
pub use request_id::RequestId;

use crate::app::AppState;
use crate::extract::{Pairs, read_body, too_large};
use crate::problem::{Kind, Left, Problem};
use crate::routes::{
    Access, Body as RowBody, Csrf, Idempotency, Logins, Method, RateClass, Row, Shapes, Surface, TenantScope,
};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use futures::FutureExt;
use futures::future::BoxFuture;
use http::{HeaderMap, Uri, header};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tower::{Layer, Service, ServiceExt};
use tracing::Instrument;

/// One row with what its enforcement needs.
#[derive(Clone)]
pub struct Guard(Arc<GuardParts>);

struct GuardParts {
    state: AppState,
    row: Arc<Row>,
    meter: meter::Meter,
}

impl Guard {
    pub fn new(state: AppState, row: Row) -> Guard {
        let meter = meter::Meter::new(row.method.as_str(), row.path);
        Guard(Arc::new(GuardParts { state, row: Arc::new(row), meter }))
    }
}

/// Puts the gate in front of a handler.
///
/// Every request lives in one future, which is made and moved as a whole: what few requests need (waiting, handing
/// on, reading a body) is kept out of it by a box, and what waits for it borrows it (`pin!`).
pub fn guarded(guard: Guard, handler: MethodRouter<AppState>) -> MethodRouter<AppState> {
    handler.layer(guard)
}

/// A handler behind the gate.
#[derive(Clone)]
pub struct Gated<S> {
    guard: Guard,
    handler: S,
}

impl<S> Layer<S> for Guard {
    type Service = Gated<S>;

    fn layer(&self, handler: S) -> Gated<S> {
        Gated { guard: self.clone(), handler }
    }
}

impl<S> Service<Request> for Gated<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    /// The handler is asked when it is known that it will run.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Gated { guard, handler } = self.clone();
        async move {
            let run = |request| async move {
                match handler.oneshot(request).await {
                    Ok(response) => response,
                    Err(never) => match never {},
                }
            };
            Ok(answer(&guard, request, run).await)
        }
        .boxed()
    }
}

/// Stands for every path without a row, so that strangers can't make labels.
const UNMATCHED: &str = "unmatched";

/// Requests that match no row go through the gate too, so that they are counted, limited and answered
/// like all others.
pub fn guarded_fallback(state: AppState, router: Router<AppState>) -> Router<AppState> {
    let guard = |surface| {
        let row = Row {
            method: Method::Any,
            path: UNMATCHED,
            operation: UNMATCHED,
            chapter: "",
            surface,
            scope: TenantScope::Known,
            access: Access::Open,
            logins: Logins { guest: true, token: false, cookie: false, api_key: false },
            rate: RateClass::Read,
            body: RowBody::None,
            idempotency: Idempotency::None,
            csrf: Csrf::None,
            summary: "",
            shapes: Shapes { query: &[], request: None, status: 404, response: None },
        };
        Guard::new(state.clone(), row)
    };
    let (api, pages) = (guard(Surface::Api), guard(Surface::Storefront));
    let unmatched = move |kind: Kind| {
        let (api, pages) = (api.clone(), pages.clone());
        move |request: Request| async move {
            let guard = if is_machine_path(request.uri().path()) { api } else { pages };
            answer(&guard, request, |_| async move { Problem::new(kind).into_response() }).await
        }
    };
    router.fallback(unmatched(Kind::NotFound)).method_not_allowed_fallback(unmatched(Kind::MethodNotAllowed))
}

fn is_machine_path(path: &str) -> bool {
    ["/api/", "/platform/", "/health/", "/.well-known/"].iter().any(|start| path.starts_with(start))
}

/// Largest body of this request, left for the extractors by the gate.
#[derive(Clone, Copy)]
pub struct BodyMax(usize);

impl BodyMax {
    pub fn of(request: &Request) -> usize {
        request.extensions().get::<BodyMax>().map_or(0, |max| max.0)
    }
}

async fn answer<F>(guard: &Guard, request: Request, handle: impl FnOnce(Request) -> F) -> Response
where
    F: Future<Output = Response>,
{
    let started = Instant::now();
    let GuardParts { state, row, meter } = &*guard.0;
    let id = RequestId::of(request.headers());
    let place = host::place(state, row.scope, &request);
    let asked = Asked::of(row, place.as_ref().ok(), &request);
    let span = span_of(row, &id);
    let work = pin!(admit_and_run(state, row, &id, place, request, handle).instrument(span.clone()));
    let (response, call) = work.await;
    let mut response = show_problem(response, state, call.as_ref(), row, &asked, &id, &span);
    headers::put(response.headers_mut(), state, row, &id, call.as_ref(), &asked);
    let elapsed = started.elapsed();
    meter.record(response.status(), elapsed);
    span.in_scope(|| {
        let (status, ms) = (response.status().as_u16(), elapsed.as_secs_f64() * 1_000.0);
        tracing::debug!(status, ms, "answered");
    });
    response
}

/// Reads are many and log little: their spans are made only where somebody looks that closely.
fn span_of(row: &Row, id: &RequestId) -> tracing::Span {
    let (method, route) = (row.method.as_str(), row.path);
    match row.method.is_read() {
        true => tracing::debug_span!("request", id = id.text(), method, route),
        false => tracing::info_span!("request", id = id.text(), method, route),
    }
}

/// What the answer needs to know of the request after the handler has taken it.
pub(crate) struct Asked {
    target: Uri,
    cors: origin::Cors,
    /// What a page about a problem is made from: cheap copies of three headers.
    pub page: crate::pages::AskedPage,
}

impl Asked {
    fn of(row: &Row, place: Option<&Place>, request: &Request) -> Asked {
        // With a router nested in another the original path is what the caller knows; ours is flat.
        let target = request.uri().clone();
        let page = (row.surface == Surface::Storefront).then(|| crate::pages::AskedPage::of(request));
        Asked { target, cors: origin::Cors::of(row, place, request), page: page.unwrap_or_default() }
    }

    pub fn path(&self) -> &str {
        self.target.path()
    }
}

async fn admit_and_run<F>(
    state: &AppState,
    row: &Arc<Row>,
    id: &RequestId,
    place: Result<Place, Problem>,
    mut request: Request,
    handle: impl FnOnce(Request) -> F,
) -> (Response, Option<Call>)
where
    F: Future<Output = Response>,
{
    let Some(_place) = state.limits.enter(row.rate) else {
        return (Problem::new(Kind::Overloaded).retry_after(1).into_response(), None);
    };
    // A panic ends this request, never the process; the panic hook has logged where it happened.
    let work = pin!(
        AssertUnwindSafe(async {
            if let Some(preflight) = origin::preflight(row, place.as_ref().ok(), &request) {
                return (preflight, None);
            }
            let answers = match &place {
                Ok(place) => relay::relay(state, row, place, &mut request).await,
                Err(_) => Answers::Anywhere,
            };
            let shop = match answers {
                Answers::There(answer) => return (answer, None),
                Answers::Here { shop, is_relayed } => Some((shop, is_relayed)),
                Answers::Anywhere => None,
            };
            if let Ok(place) = &place
                && let Some(answer) = relay::catch_up(state, row, place, &mut request).await
            {
                return (answer, None);
            }
            match admit(state, row, id, place, &mut request).await {
                Ok(call) => {
                    let mut answer = handle(request).await;
                    if let Some((shop, is_relayed)) = shop {
                        answer = relay::after_leaving(state, row, &shop, is_relayed, answer);
                    }
                    (answer, Some(call))
                }
                Err(problem) => (problem.into_response(), None),
            }
        })
        .catch_unwind()
    );
    match tokio::time::timeout(state.settings.request_timeout, work).await {
        Ok(Ok(answered)) => answered,
        Ok(Err(_panic)) => (Problem::internal("the handler panicked").into_response(), None),
        Err(_elapsed) => (Problem::new(Kind::TooSlow).into_response(), None),
    }
}

async fn admit(
    state: &AppState,
    row: &Arc<Row>,
    id: &RequestId,
    place: Result<Place, Problem>,
    request: &mut Request,
) -> Result<Call, Problem> {
    check_head(request)?;
    let peer = limits::client(state, request);
    let place = place?;
    state.limits.check_rate(row.rate, place.tenant(), peer)?;
    host::require_open(&place, row)?;
    let caller = login::identify(state, row, &place, request.headers())?;
    login::authorize(row, &place, &caller)?;
    origin::check(row, &place, &caller, request)?;
    refuse_unknown_query(row, request)?;
    let max = body_max(state, row.body);
    check_body_headers(row, request.headers(), max)?;
    let key = idempotency_key(row, request.headers())?;
    let hash = hash_request(state, row, request, max).await?;
    let conditional = Conditional::of(request.headers())?;
    if request.extensions().get::<relay::Stranded>().is_none() {
        position::wait(state, row, place.tenant(), request.headers()).await?;
    }
    let call = Call::new(call::Admitted {
        state: state.clone(),
        row: row.clone(),
        request_id: *id,
        place,
        caller,
        client: peer,
        target: request.uri().clone(),
        key,
        conditional,
        hash,
    });
    if max > 0 {
        request.extensions_mut().insert(BodyMax(max));
    }
    request.extensions_mut().insert(call.clone());
    Ok(call)
}

/// Longest path with its query, in bytes: eight times what the longest of our own pages asks.
const TARGET_BYTES_MAX: usize = 16 * 1024;
/// Headers in all: a browser with every cookie of ours sends a tenth of either.
const HEADERS_MAX: usize = 100;
const HEADER_BYTES_MAX: usize = 32 * 1024;

/// Bounds of what comes before the body. The listener's own are wider, so that these are told as problems.
fn check_head(request: &Request) -> Result<(), Problem> {
    let target = request.uri().path_and_query().map_or(0, |target| target.as_str().len());
    if target > TARGET_BYTES_MAX {
        return Err(Problem::new(Kind::AddressTooLong).member("bytes_max", TARGET_BYTES_MAX as u64));
    }
    let headers = request.headers();
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if headers.len() > HEADERS_MAX || bytes > HEADER_BYTES_MAX {
        return Err(Problem::new(Kind::HeadersTooLarge)
            .member("headers_max", HEADERS_MAX as u64)
            .member("bytes_max", HEADER_BYTES_MAX as u64));
    }
    // With two of them, who stands in front of us may have read the other one (RFC 9112, 3.2).
    if headers.get_all(header::HOST).iter().nth(1).is_some() {
        return Err(Problem::new(Kind::Malformed).detail("The request names its host more than once."));
    }
    Ok(())
}

/// Operations that take no parameters refuse all of them; the others look at theirs themselves.
fn refuse_unknown_query(row: &Row, request: &Request) -> Result<(), Problem> {
    let described = row.surface == Surface::Api && row.path != UNMATCHED;
    match request.uri().query() {
        Some(query) if described && row.shapes.query.is_empty() => Pairs::parse(query)?.finish(),
        _ => Ok(()),
    }
}

/// Room for an empty object and some blanks.
const EMPTY_BYTES_MAX: usize = 1_024;

fn body_max(state: &AppState, body: RowBody) -> usize {
    match body {
        RowBody::None => 0,
        RowBody::Empty => EMPTY_BYTES_MAX,
        RowBody::Json | RowBody::Form | RowBody::Signed => state.settings.body_bytes_max,
        RowBody::Upload => state.settings.upload_bytes_max,
        RowBody::Import => state.settings.import_bytes_max,
    }
}

fn check_body_headers(row: &Row, headers: &HeaderMap, max: usize) -> Result<(), Problem> {
    let length =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if row.body != RowBody::None && length.is_some_and(|length| length > max as u64) {
        return Err(too_large(max));
    }
    match row.body {
        RowBody::Json => crate::extract::require_json(headers),
        // Pages send files inside forms.
        RowBody::Import if row.surface == Surface::Api => require_csv(headers),
        RowBody::None
        | RowBody::Empty
        | RowBody::Form
        | RowBody::Upload
        | RowBody::Import
        | RowBody::Signed => Ok(()),
    }
}

fn require_csv(headers: &HeaderMap) -> Result<(), Problem> {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("text/csv") {
        return Ok(());
    }
    Err(Problem::new(Kind::UnsupportedMediaType)
        .header(header::ACCEPT, "text/csv")
        .detail("Send the file as text/csv."))
}

/// Hashes method, path and body, so that a key that comes again with another request is noticed. Keyed,
/// since the hash is kept and a body may hold a password. The body is read here and handed on.
async fn hash_request(
    state: &AppState,
    row: &Row,
    request: &mut Request,
    max: usize,
) -> Result<[u8; 16], Problem> {
    if row.method.is_read() {
        return Ok([0; 16]);
    }
    let bytes = match row.body {
        RowBody::None => Bytes::new(),
        _ => {
            let body = std::mem::replace(request.body_mut(), Body::empty());
            let bytes = Box::pin(read_body(body, max)).await?;
            *request.body_mut() = Body::from(bytes.clone());
            bytes
        }
    };
    if row.body == RowBody::Empty {
        require_empty(&bytes)?;
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(row.method.as_str().as_bytes());
    hasher.update(request.uri().path().as_bytes());
    hasher.update(&[0]);
    hasher.update(&bytes);
    let digest = hasher.finalize();
    Ok(state.backend.vault().hash(gearify_commerce::TenantId::PLATFORM, "request", digest.as_bytes()))
}

fn require_empty(bytes: &[u8]) -> Result<(), Problem> {
    let text = bytes.trim_ascii();
    if text.is_empty() {
        return Ok(());
    }
    let fields: serde_json::Map<String, serde_json::Value> = crate::extract::read_json(text)?;
    match fields.keys().next() {
        None => Ok(()),
        Some(field) => Err(Problem::new(Kind::UnknownField).field(
            format!("/{}", field.chars().take(60).collect::<String>()),
            "is not a field of this operation",
        )),
    }
}

/// Longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;

fn idempotency_key(row: &Row, headers: &HeaderMap) -> Result<Option<String>, Problem> {
    if row.idempotency == Idempotency::None {
        return Ok(None);
    }
    let mut values = headers.get_all("idempotency-key").iter();
    let (first, second) = (values.next(), values.next());
    let key = match (first, row.idempotency) {
        (None, Idempotency::Required) => return Err(Problem::new(Kind::KeyMissing)),
        (None, _) => return Ok(None),
        (Some(value), _) => value.to_str().unwrap_or_default().trim(),
    };
    // The draft writes the key as a quoted string; bare ones are common and mean the same.
    let key = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or(key);
    let good =
        (1..=KEY_BYTES_MAX).contains(&key.len()) && key.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if second.is_some() || !good {
        let detail = "Idempotency-Key must be one value of 1 to 255 visible ASCII characters.";
        return Err(Problem::new(Kind::Malformed).detail(detail));
    }
    Ok(Some(key.to_owned()))
}

fn show_problem(
    mut response: Response,
    state: &AppState,
    call: Option<&Call>,
    row: &Row,
    asked: &Asked,
    id: &RequestId,
    span: &tracing::Span,
) -> Response {
    let problem = match response.extensions_mut().remove::<Left>() {
        Some(Left(problem)) => problem,
        None => return response,
    };
    if problem.status().is_server_error() && problem.kind() == Kind::InternalError {
        let cause = problem.cause().unwrap_or("no cause was noted");
        let (id, route) = (id.text(), row.path);
        span.in_scope(|| tracing::error!(id, route, cause, "answered with an internal error"));
    }
    let allow = response.headers_mut().remove(header::ALLOW);
    let mut shown = match row.surface {
        Surface::Console => crate::console::problem_page(&problem, call, row, asked.path(), id),
        Surface::Storefront => crate::pages::problem_page(&problem, state, call, asked, id),
        Surface::Api | Surface::Plain => problem.answer(asked.path(), id.text()),
    };
    if let Some(allow) = allow {
        shown.headers_mut().insert(header::ALLOW, allow);
    }
    shown
}
