//! Events of the test provider on their way to becoming entries.
//!
//! A signed event is taken at its word. A tester outside production may instead name one of our payments
//! and an outcome: the provider is told, and its answer becomes the entry.

use super::outcome_request;
use super::test::{self, TestGateway, outcome_of};
use crate::backend::{NodeBackend, now};
use crate::testpay::{self, EventKind, SIGNATURE_HEADER, verify_signature};
use gearify_commerce::payments::{Command, PAYMENTS, Payment, Refusal};
use gearify_commerce::{PaymentId, ReadScope, Site, TenantId};
use gearify_web::ports::ProviderEventError;
use serde::Deserialize;
use std::time::Duration;

/// How old a signed event may be.
const AGE_MAX: Duration = Duration::from_secs(300);

/// What a tester sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    payment_id: String,
    outcome: testpay::Outcome,
}

pub async fn take(
    gateway: &TestGateway,
    backend: &NodeBackend,
    tenant: TenantId,
    headers: &http::HeaderMap,
    body: &[u8],
    production: bool,
) -> Result<(), ProviderEventError> {
    match headers.get(SIGNATURE_HEADER) {
        Some(signature) => {
            let signature = signature.to_str().map_err(|_| ProviderEventError::Signature)?;
            let now_unix = now().as_millis() / 1_000;
            verify_signature(gateway.secret.expose(), signature, body, now_unix, AGE_MAX)
                .map_err(|_| ProviderEventError::Signature)?;
            take_signed(backend, tenant, body).await
        }
        None if production => Err(ProviderEventError::Signature),
        None => take_wish(gateway, backend, tenant, body).await,
    }
}

async fn take_signed(backend: &NodeBackend, tenant: TenantId, body: &[u8]) -> Result<(), ProviderEventError> {
    let event: testpay::Event = serde_json::from_slice(body).map_err(|_| ProviderEventError::Malformed)?;
    if event.kind == EventKind::RefundSucceeded {
        // Refunds answer at once; their event tells nothing new.
        return Ok(());
    }
    let told = &event.data.payment;
    let payment = our_payment(backend, tenant, &told.reference)?;
    let command = Command::TakeEvent {
        provider: test::NAME.to_owned(),
        event: event.id.clone(),
        payment: payment.id,
        attempt: payment.attempt.id,
        outcome: outcome_of(told),
    };
    commit(backend, tenant, command).await
}

async fn take_wish(
    gateway: &TestGateway,
    backend: &NodeBackend,
    tenant: TenantId,
    body: &[u8],
) -> Result<(), ProviderEventError> {
    let wish: Wish = serde_json::from_slice(body).map_err(|_| ProviderEventError::Malformed)?;
    let payment = our_payment(backend, tenant, &wish.payment_id)?;
    let unavailable = |_| ProviderEventError::Unavailable;
    let key = payment.attempt.id.to_string();
    let known = gateway.client.payment_by_key(&key).await.map_err(unavailable)?;
    let known = known.ok_or(ProviderEventError::Malformed)?;
    let settled = match gateway.client.settle(&known.id, wish.outcome).await {
        Ok(settled) => settled,
        Err(testpay::ClientError::Refused { .. }) => known,
        Err(error) => return Err(unavailable(error)),
    };
    let outcome = outcome_of(&settled);
    commit(backend, tenant, Command::Settle { payment: payment.id, attempt: payment.attempt.id, outcome })
        .await
}

fn our_payment(backend: &NodeBackend, tenant: TenantId, id: &str) -> Result<Payment, ProviderEventError> {
    let id = PaymentId::parse(id).map_err(|_| ProviderEventError::Malformed)?;
    // Shoppers' side hands events on to where the shop sells; here they are for who comes by this node alone.
    let state = backend.state_of(tenant, Site::FIRST).ok_or(ProviderEventError::Unavailable)?;
    let view = ReadScope::new(&**state, tenant, Site::FIRST);
    PAYMENTS.get(&view, &id).ok_or(ProviderEventError::Malformed)
}

async fn commit(backend: &NodeBackend, tenant: TenantId, command: Command) -> Result<(), ProviderEventError> {
    let request = outcome_request(tenant, Site::FIRST, test::NAME, command);
    match backend.submit_now(&request).await {
        Ok(decided) => match decided.result {
            // Told before, or settled meanwhile: the provider need not tell again.
            Ok(_)
            | Err(gearify_commerce::Refusal::Payments(
                Refusal::RepeatedEvent | Refusal::AlreadySettled { .. },
            )) => Ok(()),
            Err(refusal) => {
                tracing::warn!(%refusal, "an event of the test provider changed nothing");
                Ok(())
            }
        },
        Err(_) => Err(ProviderEventError::Unavailable),
    }
}
