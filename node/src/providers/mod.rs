//! Calls to payment providers: made by the leader, for attempts that are committed and have no outcome.
//!
//! The rule: an attempt stands in the log before anybody is called, its outcome is an entry of its own,
//! and an unknown outcome is looked up under the attempt's key, never assumed and never charged again
//! under another. So the worker needs no memory: whoever leads reads which calls are owed. What the leader owes a look
//! into another log for is read in the same way.

mod breaker;
mod caller;
mod event;
mod shelf;
mod test;

use crate::backend::{NodeBackend, ProviderDesk, now};
use crate::state::{GroupKey, GroupState};
use crate::telemetry::names;
use bytes::Bytes;
use caller::{Callers, Exhausted};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::payments::{
    Command, Outcome, PAYMENTS, Payment, PaymentState, REFUNDS, Refund, RefundOutcome, RefundState,
};
use gearify_commerce::processes::schedule::Work;
use gearify_commerce::{Actor, ReadScope, Shard, Site, TenantId, Timestamp, View, bundle, placement, scope};
use gearify_config::{Mode, Settings};
use gearify_web::ports::ProviderEventError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use test::TestGateway;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// One call may take so long.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);
/// Calls that are looked at in one round.
const WORK_MAX: usize = 1_000;
/// Owed calls are looked for this often, even if no entry asked for one.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A call whose tries are used up is looked up again after this long.
const LATER: Duration = Duration::from_secs(30);

/// Why a provider's answer is not known.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// It has not seen the request.
    #[error("not reached: {0}")]
    NotSent(String),
    /// It may or may not have done it.
    #[error("unknown: {0}")]
    Unknown(String),
}

/// What is asked of a provider.
#[derive(Clone, Debug)]
#[expect(clippy::enum_variant_names, reason = "to call off is the word for it")]
pub enum Call {
    /// Collects a payment. With `look_up`, asks first whether that has happened already.
    Pay { tenant: TenantId, payment: Box<Payment>, look_up: bool },
    /// Finds out what became of a payment that was given up here, and calls it off there.
    CallOff { payment: Box<Payment> },
    /// Gives back; a refund's key makes repeating it harmless.
    Refund { payment: Box<Payment>, refund: Box<Refund> },
}

/// What a provider said.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Payment(Outcome),
    Refund(RefundOutcome),
}

/// One provider's way of being called.
pub trait Gateway: Send + Sync + 'static {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, CallError>>;
}

/// The providers this node can call.
pub struct Providers {
    test: Option<Arc<TestGateway>>,
    production: bool,
    callers: Callers,
    under_way: Mutex<Busy>,
    /// Counts calls that ended: there may be room for another.
    ended: watch::Sender<u64>,
    /// Attempts begun before this moment are looked up before anything is asked for.
    distrusted: Option<Timestamp>,
}

#[derive(Default)]
struct Busy {
    running: BTreeSet<(TenantId, Work)>,
    /// Calls that failed, and when they may be tried again.
    resting: BTreeMap<(TenantId, Work), Instant>,
}

impl Providers {
    /// `operations` is where this node's own listener takes the test provider's events.
    pub fn new(settings: &Settings, operations: SocketAddr) -> Result<Providers, String> {
        let test = &settings.payments.test;
        let gateway = match (&test.webhook_secret, test.enabled) {
            (Some(secret), true) => {
                let gateway = TestGateway::new(test.url.as_url(), secret.clone(), operations);
                Some(Arc::new(gateway.map_err(|error| error.to_string())?))
            }
            _ => None,
        };
        Ok(Providers::with(gateway, settings.mode == Mode::Production))
    }

    /// Providers of a node under test.
    pub fn for_test(
        url: &url::Url,
        secret: gearify_config::Secret,
        operations: SocketAddr,
    ) -> Result<Providers, String> {
        let gateway = TestGateway::new(url, secret, operations).map_err(|error| error.to_string())?;
        Ok(Providers::with(Some(Arc::new(gateway)), false))
    }

    /// A node that calls nobody.
    pub fn none() -> Providers {
        Providers::with(None, true)
    }

    fn with(test: Option<Arc<TestGateway>>, production: bool) -> Providers {
        Providers {
            test,
            production,
            callers: Callers::default(),
            under_way: Mutex::default(),
            ended: watch::Sender::new(0),
            distrusted: None,
        }
    }

    /// On a node that was restored: what its log does not know of an older attempt, its provider may.
    pub fn distrust_older_than(&mut self, moment: Timestamp) {
        self.distrusted = Some(moment);
    }

    fn gateway(&self, provider: &str) -> Option<Arc<dyn Gateway>> {
        match provider {
            test::NAME => self.test.clone().map(|gateway| gateway as Arc<dyn Gateway>),
            _ => None,
        }
    }

    /// Takes a call for itself, unless it is under way or rests.
    fn begin(&self, tenant: TenantId, work: Work) -> bool {
        let mut busy = self.under_way.lock();
        let key = (tenant, work);
        if busy.resting.get(&key).is_some_and(|until| Instant::now() < *until) {
            return false;
        }
        busy.running.insert(key)
    }

    fn end(&self, tenant: TenantId, work: Work, rest: Option<Duration>) {
        let mut busy = self.under_way.lock();
        busy.running.remove(&(tenant, work));
        match rest {
            Some(rest) => busy.resting.insert((tenant, work), Instant::now() + rest),
            None => busy.resting.remove(&(tenant, work)),
        };
        drop(busy);
        self.ended.send_modify(|count| *count += 1);
    }
}

impl ProviderDesk for Providers {
    fn event<'a>(
        &'a self,
        backend: &'a NodeBackend,
        tenant: TenantId,
        provider: &'a str,
        headers: http::HeaderMap,
        body: Bytes,
    ) -> BoxFuture<'a, Result<(), ProviderEventError>> {
        async move {
            match (&self.test, provider) {
                (Some(gateway), test::NAME) => {
                    event::take(gateway, backend, tenant, &headers, &body, self.production).await
                }
                _ => Err(ProviderEventError::UnknownProvider),
            }
        }
        .boxed()
    }
}

/// Makes owed calls while this node leads, until it stops. Calls under way are finished by whoever
/// leads next: their attempt is in the log.
pub async fn run(backend: Arc<NodeBackend>, providers: Arc<Providers>, stop: CancellationToken) {
    if providers.test.is_some() {
        providers.callers.begin(test::NAME);
    }
    tokio::select! {
        () = backend.shards().tend_each(|shard| tend(&backend, &providers, shard)) => {}
        () = stop.cancelled() => {}
    }
}

async fn tend(backend: &Arc<NodeBackend>, providers: &Arc<Providers>, shard: Shard) {
    let Some(handle) = backend.find(GroupKey::Region(shard)) else { return };
    let (mut applied, mut ended) = (handle.state.watch_applied(), providers.ended.subscribe());
    loop {
        applied.mark_unchanged();
        ended.mark_unchanged();
        if handle.group.is_leader() {
            begin_calls(backend, providers, &handle.state);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            _ = ended.changed() => {}
            changed = applied.changed() => if changed.is_err() { return },
        }
    }
}

fn begin_calls(backend: &Arc<NodeBackend>, providers: &Arc<Providers>, state: &Arc<GroupState>) {
    let owed = scope::open_work(&**state, WORK_MAX);
    for (tenant, site, work) in owed {
        let view = ReadScope::new(&**state, tenant, site);
        // Whoever has the site calls, once all of it is there.
        let is_ours = placement::moved_to(&view).is_none() && !bundle::is_arriving(&view);
        if !is_ours {
            continue;
        }
        if !providers.begin(tenant, work) {
            continue;
        }
        let (backend, providers, state) = (backend.clone(), providers.clone(), state.clone());
        tokio::spawn(async move {
            let rest = settle(&backend, &providers, &ReadScope::new(&*state, tenant, site), work).await;
            providers.end(tenant, work, rest);
        });
    }
}

/// Makes one call and commits its outcome. Answers how long the call should rest if it has none.
async fn settle(
    backend: &NodeBackend,
    providers: &Providers,
    view: &ReadScope<'_>,
    work: Work,
) -> Option<Duration> {
    let (tenant, site) = (view.tenant(), view.site());
    if let Work::Shelf(item) = work {
        return shelf::report(backend, (tenant, site), item).await;
    }
    let Some((provider, call)) = read_call(providers, view, work) else { return Some(LATER) };
    let Some(gateway) = providers.gateway(&provider) else {
        tracing::warn!(provider, "a payment waits for a provider that this node can't call");
        return Some(LATER);
    };
    let begun = Instant::now();
    let answer = providers.callers.call(&provider, tenant, gateway, call).await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(Exhausted::Full) => return Some(Duration::from_millis(50)),
        Err(Exhausted::Failed(error)) => {
            tracing::warn!(provider, ?work, %error, "the outcome is unknown; it will be looked up");
            return Some(LATER);
        }
    };
    metrics::histogram!(names::PAYMENT_DURATION, "gateway" => provider.clone())
        .record(begun.elapsed().as_secs_f64());
    let command = match (answer, work, &payment_of(view, work)) {
        (Answer::Payment(outcome), Work::Pay(payment), Some(record)) => {
            Command::Settle { payment, attempt: record.attempt.id, outcome }
        }
        (Answer::Refund(outcome), Work::Refund(refund), _) => Command::SettleRefund { refund, outcome },
        _ => return Some(LATER),
    };
    match backend.submit_now(&outcome_request(tenant, site, &provider, command)).await {
        Ok(_) => None,
        // The next leader, or this one a moment later, asks again under the same key.
        Err(error) => {
            tracing::warn!(provider, %error, "an outcome could not be committed");
            Some(Duration::from_secs(1))
        }
    }
}

fn payment_of(view: &ReadScope<'_>, work: Work) -> Option<Payment> {
    match work {
        Work::Pay(payment) => PAYMENTS.get(view, &payment),
        Work::Refund(refund) => PAYMENTS.get(view, &REFUNDS.get(view, &refund)?.payment),
        Work::Shelf(_) => None,
    }
}

/// The provider and what to ask it, read from the state.
fn read_call(providers: &Providers, view: &ReadScope<'_>, work: Work) -> Option<(String, Call)> {
    let tenant = view.tenant();
    let payment = payment_of(view, work)?;
    let provider = payment.provider.clone();
    let call = match work {
        Work::Pay(_) if payment.state == PaymentState::Pending => {
            // An attempt from before this process, or one that rested, may have reached the provider.
            let begun = payment.attempt.started_at;
            let is_old = now().millis_since(begun) > CALL_DEADLINE.as_millis() as i64;
            let look_up = is_old || providers.distrusted.is_some_and(|moment| begun < moment);
            Call::Pay { tenant, payment: Box::new(payment), look_up }
        }
        Work::Pay(_) => Call::CallOff { payment: Box::new(payment) },
        Work::Refund(refund) => {
            let refund = REFUNDS.get(view, &refund).filter(|refund| refund.state == RefundState::Pending)?;
            Call::Refund { payment: Box::new(payment), refund: Box::new(refund) }
        }
        Work::Shelf(_) => return None,
    };
    Some((provider, call))
}

/// A request that carries a provider's word.
fn outcome_request(tenant: TenantId, site: Site, provider: &str, command: Command) -> Request {
    Request {
        id: CommandId(rand::random()),
        keep: Keep::Nothing,
        hash: [0; 16],
        tenant,
        site,
        actor: Actor::Provider(provider.to_owned()),
        intent: Intent::Ready(Box::new(command.into())),
    }
}
