//! How a provider is called: deadline, retries under the same key, breaker and bulkhead, as tower layers.
//!
//! From the outside in: the bulkhead (10 running and 20 waiting calls per provider and tenant; more are
//! turned away and come again), the retries (3, after 2, 4 and 8 seconds and some jitter), the breaker of
//! the provider, the deadline of one call.

use super::breaker::Breaker;
use super::{Answer, CALL_DEADLINE, Call, CallError, Gateway};
use crate::telemetry::names;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::TenantId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Semaphore;
use tower::limit::ConcurrencyLimit;
use tower::retry::{Policy, Retry};
use tower::timeout::Timeout;
use tower::{Service, ServiceBuilder, ServiceExt};

/// Calls of one provider and tenant that run at a time, and that wait for one to end.
const RUNNING_MAX: usize = 10;
const WAITING_MAX: usize = 20;
/// Pauses before the second, third and fourth try.
const PAUSES: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(4), Duration::from_secs(8)];

/// Why there is no answer.
#[derive(Debug)]
pub enum Exhausted {
    /// As many calls run and wait as may.
    Full,
    /// Every try failed.
    Failed(CallError),
}

/// The ways to all providers, made when first needed.
#[derive(Default)]
pub struct Callers {
    breakers: Mutex<BTreeMap<String, Arc<Breaker>>>,
    bulkheads: Mutex<BTreeMap<(String, TenantId), Bulkhead>>,
}

#[derive(Clone)]
struct Bulkhead {
    /// A place for every call that runs or waits.
    places: Arc<Semaphore>,
    service: ConcurrencyLimit<Retry<Patience, Guarded>>,
}

impl Callers {
    /// Calls, and calls again as far as that is sensible.
    pub async fn call(
        &self,
        provider: &str,
        tenant: TenantId,
        gateway: Arc<dyn Gateway>,
        call: Call,
    ) -> Result<Answer, Exhausted> {
        let bulkhead = self.bulkhead(provider, tenant, gateway);
        let Ok(_place) = bulkhead.places.clone().try_acquire_owned() else { return Err(Exhausted::Full) };
        bulkhead.service.oneshot(call).await.map_err(Exhausted::Failed)
    }

    /// Shows that nothing is held back from a provider before anybody has called it.
    pub fn begin(&self, provider: &str) {
        show(provider, &self.breaker(provider));
    }

    fn breaker(&self, provider: &str) -> Arc<Breaker> {
        self.breakers.lock().entry(provider.to_owned()).or_default().clone()
    }

    fn bulkhead(&self, provider: &str, tenant: TenantId, gateway: Arc<dyn Gateway>) -> Bulkhead {
        let breaker = self.breaker(provider);
        let make = || {
            let timed = Timeout::new(Asking { gateway }, CALL_DEADLINE);
            let service = ServiceBuilder::new()
                .concurrency_limit(RUNNING_MAX)
                .retry(Patience { pauses: &PAUSES })
                .service(Guarded { timed, breaker, provider: provider.into() });
            Bulkhead { places: Arc::new(Semaphore::new(RUNNING_MAX + WAITING_MAX)), service }
        };
        self.bulkheads.lock().entry((provider.to_owned(), tenant)).or_insert_with(make).clone()
    }
}

/// The provider itself as a service.
#[derive(Clone)]
struct Asking {
    gateway: Arc<dyn Gateway>,
}

impl Service<Call> for Asking {
    type Response = Answer;
    type Error = CallError;
    type Future = BoxFuture<'static, Result<Answer, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let gateway = self.gateway.clone();
        async move { gateway.call(call).await }.boxed()
    }
}

/// One try: the breaker before it, the deadline over it.
#[derive(Clone)]
struct Guarded {
    timed: Timeout<Asking>,
    breaker: Arc<Breaker>,
    provider: Arc<str>,
}

fn show(provider: &str, breaker: &Breaker) {
    let up = f64::from(u8::from(breaker.is_closed()));
    metrics::gauge!(names::PAYMENT_PROVIDER_UP, "gateway" => provider.to_owned()).set(up);
}

impl Service<Call> for Guarded {
    type Response = Answer;
    type Error = CallError;
    type Future = BoxFuture<'static, Result<Answer, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let Guarded { timed, breaker, provider } = self.clone();
        async move {
            // The time of the runtime, as the pauses and the deadline have it.
            let now = || tokio::time::Instant::now().into_std();
            if !breaker.may_call(now()) {
                return Err(CallError::NotSent(
                    "the provider failed too often; it is left alone for a while".into(),
                ));
            }
            let answer = timed.oneshot(call).await.map_err(|error| match error.downcast::<CallError>() {
                Ok(error) => *error,
                Err(_) => CallError::Unknown("no answer in time".into()),
            });
            match &answer {
                Ok(_) => breaker.succeeded(),
                Err(_) => breaker.failed(now()),
            }
            show(&provider, &breaker);
            answer
        }
        .boxed()
    }
}

/// Tries again after pauses; a payment whose outcome is unknown is looked up first.
#[derive(Clone)]
struct Patience {
    pauses: &'static [Duration],
}

impl Policy<Call, Answer, CallError> for Patience {
    type Future = BoxFuture<'static, ()>;

    fn retry(&mut self, call: &mut Call, result: &mut Result<Answer, CallError>) -> Option<Self::Future> {
        if result.is_ok() {
            return None;
        }
        let (pause, left) = self.pauses.split_first()?;
        self.pauses = left;
        if let Call::Pay { look_up, .. } = call {
            *look_up = true;
        }
        let jitter = pause.mul_f64(rand::random_range(0.0..0.25));
        Some(tokio::time::sleep(*pause + jitter).boxed())
    }

    fn clone_request(&mut self, call: &Call) -> Option<Call> {
        Some(call.clone())
    }
}

#[cfg(test)]
#[path = "caller_tests.rs"]
mod tests;
