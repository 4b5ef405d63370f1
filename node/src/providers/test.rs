//! The test provider as a gateway.

use super::{Answer, CALL_DEADLINE, Call, CallError, Gateway};
use crate::testpay::{self, Client, ClientError, CreatePayment, PaymentStatus};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::TenantId;
use gearify_commerce::payments::{Outcome, Payment, Refund, RefundOutcome};
use gearify_config::Secret;
use std::net::SocketAddr;
use url::Url;

/// What payments call it.
pub const NAME: &str = "test";

/// How the provider refuses a key that came with another request before.
const KEY_REUSED: &str = "key_reused";

pub struct TestGateway {
    pub client: Client,
    pub secret: Secret,
    /// Where events of this node's payments go.
    events_at: SocketAddr,
}

impl TestGateway {
    pub fn new(url: &Url, secret: Secret, events_at: SocketAddr) -> Result<TestGateway, ClientError> {
        Ok(TestGateway { client: Client::new(url, CALL_DEADLINE)?, secret, events_at })
    }

    async fn pay(&self, tenant: TenantId, payment: &Payment, look_up: bool) -> Result<Answer, CallError> {
        let key = payment.attempt.id.to_string();
        if look_up && let Some(found) = self.client.payment_by_key(&key).await.map_err(call_error)? {
            return Ok(Answer::Payment(outcome_of(&found)));
        }
        let Some(token) = &payment.attempt.token else {
            // Without its token nothing can be collected, and the provider has never seen it.
            let code = "token_missing".to_owned();
            return Ok(Answer::Payment(Outcome::Declined { reference: None, code }));
        };
        let request = CreatePayment {
            amount: payment.amount,
            currency: payment.currency.as_str().to_owned(),
            token: token.clone(),
            reference: payment.id.to_string(),
            capture: true,
            webhook_url: Some(format!("http://{}/provider-events/{NAME}/{tenant}", self.events_at)),
        };
        match self.client.create(&key, &request).await {
            Ok(made) => Ok(Answer::Payment(outcome_of(&made))),
            // The provider has seen this key with another request, such as one from before this node's address
            // changed: what became of that one is the truth.
            Err(ClientError::Refused { refusal, .. }) if refusal.code == KEY_REUSED => {
                match self.client.payment_by_key(&key).await.map_err(call_error)? {
                    Some(found) => Ok(Answer::Payment(outcome_of(&found))),
                    None => Err(CallError::Unknown("the key was used, but nothing is known under it".into())),
                }
            }
            Err(ClientError::Refused { refusal, .. }) => {
                Ok(Answer::Payment(Outcome::Declined { reference: None, code: refusal.code }))
            }
            Err(error) => Err(call_error(error)),
        }
    }

    /// A payment given up here: what it became there is the truth, and what is still open there ends.
    async fn call_off(&self, payment: &Payment) -> Result<Answer, CallError> {
        let key = payment.attempt.id.to_string();
        let declined = |reference| Outcome::Declined { reference, code: "given_up".to_owned() };
        let Some(found) = self.client.payment_by_key(&key).await.map_err(call_error)? else {
            return Ok(Answer::Payment(declined(None)));
        };
        match found.status {
            PaymentStatus::Pending | PaymentStatus::RequiresCapture => {
                let cancelled = self.client.cancel(&found.id).await.map_err(call_error)?;
                match outcome_of(&cancelled) {
                    captured @ Outcome::Captured { .. } => Ok(Answer::Payment(captured)),
                    _ => Ok(Answer::Payment(declined(Some(found.id)))),
                }
            }
            _ => Ok(Answer::Payment(outcome_of(&found))),
        }
    }

    async fn refund(&self, payment: &Payment, refund: &Refund) -> Result<Answer, CallError> {
        let failed = |reason: String| Answer::Refund(RefundOutcome::Failed { reason });
        let Some(reference) = &payment.reference else {
            return Ok(failed("the provider's payment is not known".into()));
        };
        match self.client.refund(&refund.id.to_string(), reference, refund.amount).await {
            Ok(made) => Ok(Answer::Refund(RefundOutcome::Succeeded { reference: made.id })),
            Err(ClientError::Refused { refusal, .. }) => Ok(failed(refusal.code)),
            Err(error) => Err(call_error(error)),
        }
    }
}

impl Gateway for TestGateway {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, CallError>> {
        async move {
            match call {
                Call::Pay { tenant, payment, look_up } => self.pay(tenant, &payment, look_up).await,
                Call::CallOff { payment } => self.call_off(&payment).await,
                Call::Refund { payment, refund } => self.refund(&payment, &refund).await,
            }
        }
        .boxed()
    }
}

/// The provider's word in ours.
pub fn outcome_of(payment: &testpay::Payment) -> Outcome {
    let reference = payment.id.clone();
    match payment.status {
        PaymentStatus::Pending => Outcome::Pending { reference },
        PaymentStatus::RequiresCapture => Outcome::Authorised { reference },
        PaymentStatus::Succeeded => Outcome::Captured { reference, amount: payment.amount_captured },
        PaymentStatus::Declined | PaymentStatus::Cancelled => Outcome::Declined {
            reference: Some(reference),
            code: payment.decline_code.clone().unwrap_or_else(|| "cancelled".to_owned()),
        },
    }
}

fn call_error(error: ClientError) -> CallError {
    match error {
        ClientError::NotSent(reason) => CallError::NotSent(reason),
        // A look-up that is refused says nothing about the payment.
        ClientError::Unknown(reason) => CallError::Unknown(reason),
        ClientError::Refused { status, refusal } => {
            CallError::Unknown(format!("{} ({status})", refusal.code))
        }
    }
}
