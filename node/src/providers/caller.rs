//! How a provider is called: deadline, retries under the same key, breaker and bulkhead, as tower layers.
//!
//! From the outside in: the bulkhead (10 running and 20 waiting calls per provider and tenant; more are
//! turned away and come again), the retries (3, after 2, 4 and 8 seconds and some jitter), the breaker of
//! the provider, the deadline of one call.

use super::breaker::Breaker;
use super::{Answer, CALL_DEADLINE, Call, CallError, Gateway};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::TenantId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
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

    /// Whether a provider's breaker lets calls through.
    pub fn is_up(&self, provider: &str) -> bool {
        self.breaker(provider).is_closed()
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
                .service(Guarded { timed, breaker });
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
}

impl Service<Call> for Guarded {
    type Response = Answer;
    type Error = CallError;
    type Future = BoxFuture<'static, Result<Answer, CallError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let (timed, breaker) = (self.timed.clone(), self.breaker.clone());
        async move {
            if !breaker.may_call(Instant::now()) {
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
                Err(_) => breaker.failed(Instant::now()),
            }
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
mod tests {
    use super::*;
    use gearify_commerce::payments::{Attempt, Outcome, Payment, PaymentState};
    use gearify_commerce::{AttemptId, Currency, OrderId, PaymentId, Timestamp};
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// Loses its first answer; remembers whether it was asked to look first.
    #[derive(Default)]
    struct Forgetful {
        calls: AtomicUsize,
        looked: Mutex<Vec<bool>>,
    }

    impl Gateway for Forgetful {
        fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, CallError>> {
            let Call::Pay { look_up, .. } = call else { panic!("only payments are asked for") };
            self.looked.lock().push(look_up);
            let first = self.calls.fetch_add(1, Ordering::SeqCst) == 0;
            let answer = if first {
                Err(CallError::Unknown("no answer".into()))
            } else {
                Ok(Answer::Payment(Outcome::Pending { reference: "p".into() }))
            };
            futures::future::ready(answer).boxed()
        }
    }

    /// Never answers.
    struct Silent;

    impl Gateway for Silent {
        fn call(&self, _: Call) -> BoxFuture<'_, Result<Answer, CallError>> {
            futures::future::pending().boxed()
        }
    }

    fn pay() -> Call {
        let at = Timestamp::from_millis(0);
        let attempt = Attempt { id: AttemptId::from_bits(1), token: Some("tok_ok".into()), started_at: at };
        let payment = Payment {
            id: PaymentId::from_bits(1),
            order: OrderId::from_bits(1),
            provider: "p".into(),
            amount: 100,
            currency: Currency::GBP,
            state: PaymentState::Pending,
            attempt,
            reference: None,
            captured: 0,
            refunding: 0,
            refunded: 0,
            decline_code: None,
            created_at: at,
            updated_at: at,
        };
        Call::Pay { tenant: TenantId::from_bits(1), payment: Box::new(payment), look_up: false }
    }

    #[tokio::test]
    async fn after_a_lost_answer_the_next_try_looks_first() {
        let gateway = Arc::new(Forgetful::default());
        let callers = Callers::default();
        let begun = Instant::now();
        let answer = callers.call("p", TenantId::from_bits(1), gateway.clone(), pay()).await;
        assert!(matches!(answer, Ok(Answer::Payment(Outcome::Pending { .. }))));
        assert_eq!(*gateway.looked.lock(), [false, true]);
        assert!(begun.elapsed() >= PAUSES[0], "it waited before it tried again");
        assert!(callers.is_up("p"));
    }

    #[tokio::test]
    async fn calls_beyond_the_bulkhead_are_turned_away_and_other_tenants_are_not() {
        let callers = Arc::new(Callers::default());
        let silent: Arc<dyn Gateway> = Arc::new(Silent);
        let call = |tenant: u128| {
            let (callers, silent) = (callers.clone(), silent.clone());
            async move { callers.call("p", TenantId::from_bits(tenant), silent, pay()).await }
        };
        let running: Vec<_> = (0..RUNNING_MAX + WAITING_MAX).map(|_| tokio::spawn(call(1))).collect();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(matches!(call(1).await, Err(Exhausted::Full)));
        let other = tokio::time::timeout(Duration::from_millis(100), call(2)).await;
        assert!(other.is_err(), "another tenant's call is made, and waits for its answer");
        running.iter().for_each(tokio::task::JoinHandle::abort);
    }
}
