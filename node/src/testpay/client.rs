//! What a shop uses to talk to the test provider.
//!
//! Contract: every call ends within the deadline given at the start. The error says what the caller knows:
//! nothing happened ([`ClientError::NotSent`], [`ClientError::Refused`]) or it may have happened
//! ([`ClientError::Unknown`]), in which case the look-ups by key tell the truth.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::model::{
    Capture, CreatePayment, CreateRefund, Faults, Outcome, Payment, PaymentList, Refund, Refusal,
    RefusalBody, Settle, Statement,
};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The provider could not be reached: it has not seen the request.
    #[error("the payment provider cannot be reached: {0}")]
    NotSent(String),
    /// No answer, a broken one, or a failure of the provider: it may or may not have done it.
    #[error("the payment provider's outcome is unknown: {0}")]
    Unknown(String),
    /// The provider understood and did nothing.
    #[error("the payment provider refused: {} ({status}): {}", refusal.code, refusal.message)]
    Refused { status: u16, refusal: Refusal },
}

/// Keeps connections open between calls; cheap to clone.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
}

impl Client {
    /// `base` is the provider's address; each call, connecting included, may take until `deadline`.
    pub fn new(base: &Url, deadline: Duration) -> Result<Client, ClientError> {
        let http = reqwest::Client::builder()
            .timeout(deadline)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| ClientError::NotSent(error.to_string()))?;
        Ok(Client { http, base: base.clone() })
    }

    /// Asks for money. Declined payments are answers, not errors. `key` names this attempt for good.
    pub async fn create(&self, key: &str, request: &CreatePayment) -> Result<Payment, ClientError> {
        self.ask(self.keyed(key, &["payments"], request)).await
    }

    pub async fn payment(&self, id: &str) -> Result<Option<Payment>, ClientError> {
        self.find(&["payments", id]).await
    }

    /// What came of an attempt whose answer was lost: `None` if the provider never saw it.
    pub async fn payment_by_key(&self, key: &str) -> Result<Option<Payment>, ClientError> {
        self.find(&["payments", "by-key", key]).await
    }

    /// All payments with this reference, oldest first.
    pub async fn payments_by_reference(&self, reference: &str) -> Result<Vec<Payment>, ClientError> {
        let mut url = self.url(&["payments"]);
        url.query_pairs_mut().append_pair("reference", reference);
        let list: PaymentList = self.ask(self.http.get(url)).await?;
        Ok(list.data)
    }

    /// Captures what was set aside: `None` all of it. Safe to repeat with the same amount.
    pub async fn capture(&self, id: &str, amount: Option<i64>) -> Result<Payment, ClientError> {
        self.ask(self.http.post(self.url(&["payments", id, "capture"])).json(&Capture { amount })).await
    }

    /// Gives up a payment whose money has not moved. Safe to repeat.
    pub async fn cancel(&self, id: &str) -> Result<Payment, ClientError> {
        self.ask(self.http.post(self.url(&["payments", id, "cancel"]))).await
    }

    pub async fn refund(&self, key: &str, id: &str, amount: i64) -> Result<Refund, ClientError> {
        self.ask(self.keyed(key, &["payments", id, "refunds"], &CreateRefund { amount })).await
    }

    /// What came of a refund whose answer was lost: `None` if the provider never saw it, or refused it.
    pub async fn refund_by_key(&self, key: &str) -> Result<Option<Refund>, ClientError> {
        self.find(&["refunds", "by-key", key]).await
    }

    /// Gives a pending payment its outcome, as a tester does.
    pub async fn settle(&self, id: &str, outcome: Outcome) -> Result<Payment, ClientError> {
        let url = self.url(&["test", "payments", id, "outcome"]);
        self.ask(self.http.post(url).json(&Settle { outcome })).await
    }

    /// Everything the provider knows, for comparing with one's own books.
    pub async fn statement(&self) -> Result<Statement, ClientError> {
        self.ask(self.http.get(self.url(&["book"]))).await
    }

    /// Sets how the provider misbehaves from now on.
    pub async fn set_faults(&self, faults: &Faults) -> Result<(), ClientError> {
        let request = self.http.request(Method::PUT, self.url(&["faults"])).json(faults);
        self.ask::<Faults>(request).await.map(drop)
    }

    fn keyed(&self, key: &str, path: &[&str], body: &impl Serialize) -> RequestBuilder {
        self.http.post(self.url(path)).header("Idempotency-Key", key).json(body)
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        let mut parts = url.path_segments_mut().expect("http addresses have a path");
        // Segments are percent-encoded here, so that an id cannot become another path.
        parts.pop_if_empty().push("v1").extend(path);
        drop(parts);
        url
    }

    async fn find<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, ClientError> {
        match self.ask(self.http.get(self.url(path))).await {
            Ok(found) => Ok(Some(found)),
            Err(ClientError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn ask<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, ClientError> {
        let answer = request.send().await.map_err(failed)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(failed)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|error| ClientError::Unknown(error.to_string()));
        }
        if !status.is_client_error() || status == StatusCode::REQUEST_TIMEOUT {
            return Err(ClientError::Unknown(format!("status {status}")));
        }
        let refusal = serde_json::from_slice(&body).map_or_else(
            |_| Refusal { code: "invalid".to_owned(), message: status.to_string() },
            |body: RefusalBody| body.error,
        );
        Err(ClientError::Refused { status: status.as_u16(), refusal })
    }
}

fn failed(error: reqwest::Error) -> ClientError {
    // Without the address: it holds the key, which is nobody else's business in a log.
    let connecting = error.is_connect();
    let message = error.without_url().to_string();
    if connecting { ClientError::NotSent(message) } else { ClientError::Unknown(message) }
}
