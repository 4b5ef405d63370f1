//! The provider's HTTP interface. Handlers parse, ask the book, and suffer the planned faults around it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use serde::de::DeserializeOwned;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::book::{Answer, Book, BookError, Keyed};
use super::faults::{Fault, Saboteur};
use super::model::{Capture, CreatePayment, CreateRefund, Faults, PaymentList, Settle, Token};

/// A caller that is not answered is let go after this time at the latest.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const BODY_BYTES_MAX: usize = 64 * 1024;
const KEY_BYTES_MAX: usize = 255;
const REFERENCE_BYTES_MAX: usize = 255;

#[derive(Clone)]
pub(super) struct Provider {
    pub book: Arc<Book>,
    pub saboteur: Arc<Saboteur>,
    pub bell: Arc<Notify>,
    pub webhook_url: Option<Url>,
    pub stop: CancellationToken,
}

pub(super) fn routes(provider: Provider) -> Router {
    Router::new()
        .route("/v1/payments", post(create_payment).get(find_payments))
        .route("/v1/payments/by-key/{key}", get(payment_by_key))
        .route("/v1/payments/{id}", get(read_payment))
        .route("/v1/payments/{id}/capture", post(capture_payment))
        .route("/v1/payments/{id}/cancel", post(cancel_payment))
        .route("/v1/payments/{id}/refunds", post(create_refund))
        .route("/v1/refunds/by-key/{key}", get(refund_by_key))
        .route("/v1/test/payments/{id}/outcome", post(settle_payment))
        .route("/v1/book", get(read_statement))
        .route("/v1/faults", put(set_faults).get(read_faults))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(provider)
}

type Reply = Result<Answer, Answer>;

async fn create_payment(State(provider): State<Provider>, headers: HeaderMap, body: Bytes) -> Response {
    let checked = checked_payment(&provider, &headers, &body);
    provider
        .suffering(async {
            let (keyed, request, token, url) = checked?;
            done(provider.book.create(keyed, request, token, url).await)
        })
        .await
}

type CheckedPayment = (Keyed, CreatePayment, Token, Option<String>);

fn checked_payment(provider: &Provider, headers: &HeaderMap, body: &[u8]) -> Result<CheckedPayment, Answer> {
    let request: CreatePayment = parse(body)?;
    let keyed = keyed(headers, "payments", &request)?;
    positive(request.amount)?;
    let is_currency = request.currency.len() == 3 && request.currency.bytes().all(|b| b.is_ascii_uppercase());
    require(is_currency, "currency is three capital letters")?;
    let has_reference = !request.reference.is_empty() && request.reference.len() <= REFERENCE_BYTES_MAX;
    require(has_reference, "reference is 1 to 255 bytes")?;
    let token = Token::parse(&request.token).ok_or_else(|| invalid("token is unknown"))?;
    let own_url = request.webhook_url.as_deref().map(Url::parse).transpose();
    let own_url = own_url.ok().filter(|url| url.as_ref().is_none_or(|url| url.scheme() == "http"));
    let own_url = own_url.ok_or_else(|| invalid("webhook_url is an http address"))?;
    let url = own_url.or_else(|| provider.webhook_url.clone()).map(String::from);
    Ok((keyed, request, token, url))
}

async fn create_refund(
    State(provider): State<Provider>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let checked = || {
        let request: CreateRefund = parse(&body)?;
        let keyed = keyed(&headers, &format!("payments/{id}/refunds"), &request)?;
        positive(request.amount)?;
        Ok((keyed, request.amount))
    };
    let checked = checked();
    provider
        .suffering(async {
            let (keyed, amount) = checked?;
            done(provider.book.refund(keyed, id, amount).await)
        })
        .await
}

async fn capture_payment(State(provider): State<Provider>, Path(id): Path<String>, body: Bytes) -> Response {
    let capture = if body.is_empty() { Ok(Capture::default()) } else { parse::<Capture>(&body) };
    provider
        .suffering(async {
            let capture = capture?;
            capture.amount.map_or(Ok(()), positive)?;
            done(provider.book.capture(id, capture).await)
        })
        .await
}

async fn cancel_payment(State(provider): State<Provider>, Path(id): Path<String>) -> Response {
    provider.suffering(async { done(provider.book.cancel(id).await) }).await
}

/// Not subject to faults: this is the hand of whoever tests.
async fn settle_payment(State(provider): State<Provider>, Path(id): Path<String>, body: Bytes) -> Response {
    let reply = match parse::<Settle>(&body) {
        Ok(settle) => done(provider.book.settle(id, settle.outcome).await),
        Err(refusal) => Err(refusal),
    };
    provider.bell.notify_one();
    respond(reply)
}

async fn read_payment(State(provider): State<Provider>, Path(id): Path<String>) -> Response {
    provider.looked_up(provider.book.payment(id)).await
}

async fn payment_by_key(State(provider): State<Provider>, Path(key): Path<String>) -> Response {
    provider.looked_up(provider.book.payment_by_key(key)).await
}

async fn refund_by_key(State(provider): State<Provider>, Path(key): Path<String>) -> Response {
    provider.looked_up(provider.book.refund_by_key(key)).await
}

async fn find_payments(State(provider): State<Provider>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
    let [(name, reference)] = pairs.as_slice() else { return respond(Err(invalid("give ?reference="))) };
    if name != "reference" {
        return respond(Err(invalid("give ?reference=")));
    }
    let found = provider.book.payments_by_reference(reference.clone().into_owned());
    provider.looked_up(async { found.await.map(|data| Some(PaymentList { data })) }).await
}

async fn read_statement(State(provider): State<Provider>) -> Response {
    respond(done(provider.book.statement().await.map(|statement| Answer::ok(&statement))))
}

async fn read_faults(State(provider): State<Provider>) -> Response {
    respond(Ok(Answer::ok(&provider.saboteur.faults())))
}

async fn set_faults(State(provider): State<Provider>, body: Bytes) -> Response {
    let set = parse::<Faults>(&body).and_then(|faults| provider.saboteur.set(faults).map_err(invalid));
    respond(set.map(|()| Answer::ok(&provider.saboteur.faults())))
}

impl Provider {
    /// Does `work` between the faults that are planned for this request.
    async fn suffering(&self, work: impl Future<Output = Reply>) -> Response {
        let plan = self.saboteur.plan();
        tokio::time::sleep(plan.delay).await;
        match plan.before {
            Some(Fault::Silence) => return self.silence().await,
            Some(Fault::Error) => return respond(Err(internal())),
            None => {}
        }
        let reply = work.await;
        self.bell.notify_one();
        match plan.after {
            Some(Fault::Silence) => self.silence().await,
            Some(Fault::Error) => respond(Err(internal())),
            None if reply.as_ref().is_ok_and(|answer| answer.withheld) => self.silence().await,
            None => respond(reply),
        }
    }

    /// Look-ups are slow when the provider is, but they always answer.
    async fn looked_up<T: serde::Serialize>(
        &self,
        found: impl Future<Output = Result<Option<T>, BookError>>,
    ) -> Response {
        tokio::time::sleep(Duration::from_millis(self.saboteur.faults().delay_ms)).await;
        let answer = found.await.map(|found| match found {
            Some(found) => Answer::ok(&found),
            None => Answer::refusal(404, "not_found", "nothing is known under this name"),
        });
        respond(done(answer))
    }

    /// Says nothing until the caller has gone, or long enough.
    async fn silence(&self) -> Response {
        tokio::select! {
            () = tokio::time::sleep(SILENCE_MAX) => {}
            () = self.stop.cancelled() => {}
        }
        respond(Err(Answer::refusal(504, "timeout", "no answer")))
    }
}

fn done(answer: Result<Answer, BookError>) -> Reply {
    answer.map_err(|error| {
        tracing::error!(%error, "the test provider's book failed");
        internal()
    })
}

fn internal() -> Answer {
    Answer::refusal(500, "internal", "internal error")
}

fn invalid(message: impl Into<String>) -> Answer {
    Answer::refusal(422, "invalid", message)
}

fn require(holds: bool, message: &str) -> Result<(), Answer> {
    if holds { Ok(()) } else { Err(invalid(message)) }
}

fn positive(amount: i64) -> Result<(), Answer> {
    require(amount > 0, "amount is a positive number of minor units")
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Answer> {
    serde_json::from_slice(body).map_err(|error| Answer::refusal(400, "invalid", error.to_string()))
}

/// The request's key and a hash of what it asks for, wherever white space or the order of fields differ.
fn keyed(headers: &HeaderMap, path: &str, request: &impl serde::Serialize) -> Result<Keyed, Answer> {
    let key = headers.get("Idempotency-Key").and_then(|key| key.to_str().ok()).unwrap_or_default();
    if key.is_empty() || key.len() > KEY_BYTES_MAX {
        return Err(Answer::refusal(400, "invalid", "an Idempotency-Key of 1 to 255 bytes is needed"));
    }
    let request = serde_json::to_vec(&(path, request)).expect("the model always has a JSON form");
    Ok(Keyed { key: key.to_owned(), request_hash: *blake3::hash(&request).as_bytes() })
}

fn respond(reply: Reply) -> Response {
    let (Ok(answer) | Err(answer)) = reply;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, answer.body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if answer.replayed {
        response.headers_mut().insert("Idempotent-Replayed", HeaderValue::from_static("true"));
    }
    response
}
