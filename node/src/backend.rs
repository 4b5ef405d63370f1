//! Writes and reads of the replicated state, as the web needs them.
//!
//! A write: the group's leader adds facts to the request, proposes it, and answers once the entry is
//! applied. Facts that went stale in between are added anew, at most [`FACT_ROUNDS`] times. An unknown
//! outcome is asked for again under the same command id, which acts once whatever comes of it.

use crate::footing::Footing;
use crate::forward::{Forward, Undecided};
use crate::state::GroupState;
use crate::turns::Turns;
use crate::vault::NodeVault;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::event::Envelope;
use gearify_commerce::facts::{self, Desk};
use gearify_commerce::intent::Request;
use gearify_commerce::orders::{ORDERS, OrderStatus, PaymentStatus};
use gearify_commerce::scope::scope_prefix;
use gearify_commerce::{
    GroupKind, OrderId, Outcome, ReadScope, Refusal, Site, Stamped, StateVersion, TenantId, Timestamp, Vault,
};
use gearify_commerce::{command, version};
use gearify_replication::{Group, ProposeError};
use gearify_storage::{EventReader, Reader, decode, encode};
use gearify_web::Clock;
use gearify_web::ports::{Backend, Decided, HistoryError, Position, ProviderEventError, SubmitError};
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How often facts are added to one request.
const FACT_ROUNDS: usize = 3;
/// A request is decided within this time, or its outcome is unknown.
const SUBMIT_DEADLINE: Duration = Duration::from_secs(10);
/// A region that can't reach the leader of what all regions share says so after this time.
const READ_ONLY_AFTER: Duration = Duration::from_secs(3);
/// Pause before looking for a leader again.
const LEADER_PAUSE: Duration = Duration::from_millis(20);

/// One group as the backend uses it.
#[derive(Clone)]
pub struct GroupHandle {
    pub group: Group,
    pub state: Arc<GroupState>,
    pub history: EventReader,
}

/// What becomes of verified events of payment providers.
pub trait ProviderDesk: Send + Sync + 'static {
    fn event<'a>(
        &'a self,
        backend: &'a NodeBackend,
        tenant: TenantId,
        provider: &'a str,
        headers: http::HeaderMap,
        body: Bytes,
    ) -> BoxFuture<'a, Result<(), ProviderEventError>>;
}

pub struct NodeBackend {
    groups: BTreeMap<GroupKind, GroupHandle>,
    vault: Arc<NodeVault>,
    forward: Arc<dyn Forward>,
    providers: Arc<dyn ProviderDesk>,
    clock: Arc<dyn Clock>,
    footing: ArcSwap<Footing>,
    catalogue_turns: Turns,
}

impl NodeBackend {
    pub fn new(
        groups: BTreeMap<GroupKind, GroupHandle>,
        vault: Arc<NodeVault>,
        forward: Arc<dyn Forward>,
        providers: Arc<dyn ProviderDesk>,
        clock: Arc<dyn Clock>,
    ) -> NodeBackend {
        let (footing, catalogue_turns) = Default::default();
        NodeBackend { groups, vault, forward, providers, clock, footing, catalogue_turns }
    }

    /// What is known from here on about the machines below.
    pub fn set_footing(&self, footing: Footing) {
        if **self.footing.load() != footing {
            self.footing.store(Arc::new(footing));
        }
    }

    pub fn footing(&self) -> Arc<Footing> {
        self.footing.load_full()
    }

    pub fn group(&self, kind: GroupKind) -> &GroupHandle {
        self.groups.get(&kind).expect("a node has every group")
    }

    pub fn groups(&self) -> impl Iterator<Item = (GroupKind, &GroupHandle)> {
        self.groups.iter().map(|(kind, handle)| (*kind, handle))
    }

    pub fn history(&self, kind: GroupKind) -> &EventReader {
        &self.group(kind).history
    }

    pub fn is_leader(&self, kind: GroupKind) -> bool {
        self.group(kind).group.is_leader()
    }

    /// Committed state of one tenant's site.
    pub fn state(&self, kind: GroupKind) -> &Arc<GroupState> {
        &self.group(kind).state
    }

    /// Decides a request as the leader of its group; a node that does not lead says so.
    pub async fn decide(&self, request: &Request) -> Result<Decided, Undecided> {
        let kind = request.intent.group();
        let handle = self.group(kind);
        let mut round = 1;
        if let Some(Outcome { result, replayed }) = facts::earlier(request, &self.desk()) {
            // Read after the record was found: it is at or before this position.
            let index = handle.state.applied_index();
            return Ok(Decided { result, replayed, position: Position { group: kind, index } });
        }
        loop {
            if !handle.group.is_leader() {
                return Err(Undecided::NotLeader { leader: handle.group.leader() });
            }
            if let Some(decided) = self.earlier(handle, request) {
                return Ok(decided);
            }
            let footing = self.footing.load();
            if footing.clock_is_off {
                // It is about to hand over.
                return Err(Undecided::NotLeader { leader: None });
            }
            if footing.full.contains(&kind) && request.intent.grows() {
                return Err(SubmitError::NoRoom.into());
            }
            drop(footing);
            let turn = (kind == GroupKind::Catalogue).then(|| self.catalogue_turns.take(request.tenant));
            if matches!(turn, Some(None)) {
                return Err(SubmitError::Overloaded.into());
            }
            let stamped = self.complete(request).map_err(SubmitError::Refused)?;
            if let Some(refusal) = self.foresee(request, &stamped)
                && !facts::is_stale(&refusal)
            {
                return Err(SubmitError::Refused(refusal).into());
            }
            let decided = self.propose(handle, &stamped).await?;
            let is_stale = matches!(&decided.result, Err(refusal) if facts::is_stale(refusal));
            if !is_stale || round == FACT_ROUNDS {
                return Ok(decided);
            }
            round += 1;
        }
    }

    /// As leader: the group follows the rules of version `to` from here on.
    pub async fn raise_version(&self, kind: GroupKind, to: StateVersion) -> Result<(), Undecided> {
        let stamped = version::raise(kind, to, self.clock.now());
        self.propose(self.group(kind), &stamped).await.map(drop)
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            now: self.clock.now(),
            seed: rand::random(),
            vault: &*self.vault,
            world: &**self.state(GroupKind::World),
            catalogue: &**self.state(GroupKind::Catalogue),
            region: &**self.state(GroupKind::Region),
        }
    }

    /// The answer to an earlier request with this id, if it was decided.
    fn earlier(&self, handle: &GroupHandle, request: &Request) -> Option<Decided> {
        let index = handle.state.applied_index();
        let view = ReadScope::new(&*handle.state, request.tenant, request.site);
        let outcome = command::earlier(&view, request.id, request.keep, &request.hash)?;
        let position = Position { group: handle.state.kind(), index };
        Some(Decided { result: outcome.result, replayed: true, position })
    }

    fn complete(&self, request: &Request) -> Result<Stamped, Refusal> {
        facts::complete(request, &self.desk())
    }

    /// What the entry would refuse. State that moves while it is looked at may look impossible; what comes of
    /// that is left to the entry.
    fn foresee(&self, request: &Request, stamped: &Stamped) -> Option<Refusal> {
        let look = AssertUnwindSafe(|| facts::foresee(request, stamped, &self.desk()));
        std::panic::catch_unwind(look).unwrap_or_default()
    }

    async fn propose(&self, handle: &GroupHandle, stamped: &Stamped) -> Result<Decided, Undecided> {
        let proposed = handle.group.propose(Bytes::from(encode(stamped))).await;
        let proposed = proposed.map_err(|error| match error {
            ProposeError::NotLeader { leader } => Undecided::NotLeader { leader },
            ProposeError::Unknown => SubmitError::Unknown.into(),
            ProposeError::Overloaded => SubmitError::Overloaded.into(),
            ProposeError::Stopped => SubmitError::Unavailable.into(),
            ProposeError::TooLarge { bytes, bytes_max } => {
                tracing::error!(bytes, bytes_max, "a command is larger than an entry may be");
                SubmitError::Overloaded.into()
            }
        })?;
        let outcome: Outcome = decode(&proposed.reply)
            .expect("the machine of this process wrote the reply with the same program");
        let position = Position { group: handle.state.kind(), index: proposed.position.index };
        Ok(Decided { result: outcome.result, replayed: outcome.replayed, position })
    }

    /// Finds the leader, wherever it is, and has the request decided.
    async fn submit_within(&self, request: &Request, deadline: Instant) -> Result<Decided, SubmitError> {
        let handle = self.group(request.intent.group());
        let me = handle.group.node();
        let may_be_cut_off = handle.state.kind() != GroupKind::Region && self.forward.spans_regions();
        if may_be_cut_off && handle.group.is_observer() && handle.group.is_cut_off() {
            return Err(SubmitError::ReadOnly);
        }
        // Once an outcome was unknown, giving up is unknown too.
        let mut give_up = if may_be_cut_off { SubmitError::ReadOnly } else { SubmitError::Unavailable };
        let deadline = match may_be_cut_off {
            true => deadline.min(Instant::now() + READ_ONLY_AFTER),
            false => deadline,
        };
        loop {
            let decided = match handle.group.leader() {
                Some(leader) if leader != me => self.forward.forward(leader, request.clone()).await,
                _ => self.decide(request).await,
            };
            match decided {
                Ok(decided) => return Ok(decided),
                Err(Undecided::Submit(SubmitError::Unknown)) => give_up = SubmitError::Unknown,
                Err(Undecided::Submit(error)) => return Err(error),
                Err(Undecided::NotLeader { .. } | Undecided::Unreachable) => {}
            }
            if Instant::now() + LEADER_PAUSE >= deadline {
                return Err(give_up);
            }
            sleep(LEADER_PAUSE).await;
        }
    }

    /// Submits and waits until the entry is applied here.
    pub async fn submit_now(&self, request: &Request) -> Result<Decided, SubmitError> {
        let deadline = Instant::now() + SUBMIT_DEADLINE;
        let decided = tokio::time::timeout_at(deadline, self.submit_within(request, deadline)).await;
        let decided = decided.unwrap_or(Err(SubmitError::Unknown))?;
        let handle = self.group(decided.position.group);
        if handle.group.applied_index() < decided.position.index {
            // It is decided; a node that can't keep up only reads a little later than it could.
            let _ = handle.group.wait_applied(decided.position.index, deadline - Instant::now()).await;
        }
        Ok(decided)
    }
}

/// The machine's clock.
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}

impl Backend for NodeBackend {
    fn submit(&self, request: Request) -> BoxFuture<'_, Result<Decided, SubmitError>> {
        async move { self.submit_now(&request).await }.boxed()
    }

    fn reader(&self, group: GroupKind) -> Arc<dyn Reader> {
        self.state(group).clone()
    }

    fn applied(&self, group: GroupKind) -> u64 {
        self.state(group).applied_index()
    }

    fn wait_for(&self, position: Position, deadline: Duration) -> BoxFuture<'_, bool> {
        let group = &self.group(position.group).group;
        async move { group.wait_applied(position.index, deadline).await.is_ok() }.boxed()
    }

    fn read_barrier(&self, group: GroupKind) -> BoxFuture<'_, bool> {
        let group = &self.group(group).group;
        async move { group.read_barrier().await.is_ok() }.boxed()
    }

    fn vault(&self) -> &dyn Vault {
        &*self.vault
    }

    fn settle(&self, tenant: TenantId, site: Site, order: OrderId, deadline: Duration) -> BoxFuture<'_, ()> {
        async move {
            let state = self.state(GroupKind::Region);
            let mut applied = state.watch_applied();
            let settled = async {
                while is_undecided(&**state, tenant, site, order) {
                    if applied.changed().await.is_err() {
                        return;
                    }
                }
            };
            let _ = tokio::time::timeout(deadline, settled).await;
        }
        .boxed()
    }

    fn history(
        &self,
        group: GroupKind,
        tenant: TenantId,
        site: Site,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Envelope>, HistoryError>> {
        let history = self.history(group).clone();
        // Reading waits for the disk.
        let read = tokio::task::spawn_blocking(move || {
            let stream = scope_prefix(tenant, site);
            let rows = history.read_stream(&stream, after.saturating_add(1), limit);
            let rows = rows.map_err(|error| HistoryError::Failed(error.to_string()))?;
            let envelopes = rows.iter().map(|row| decode(&row.body));
            envelopes
                .collect::<Result<Vec<Envelope>, _>>()
                .map_err(|error| HistoryError::Failed(error.to_string()))
        });
        async move { read.await.unwrap_or_else(|error| Err(HistoryError::Failed(error.to_string()))) }.boxed()
    }

    fn provider_event(
        &self,
        tenant: TenantId,
        provider: &str,
        headers: &http::HeaderMap,
        body: Bytes,
    ) -> BoxFuture<'_, Result<(), ProviderEventError>> {
        let (provider, headers) = (provider.to_owned(), headers.clone());
        async move { self.providers.event(self, tenant, &provider, headers, body).await }.boxed()
    }
}

/// Whether the order's payment still waits for the provider's word.
fn is_undecided(state: &dyn Reader, tenant: TenantId, site: Site, order: OrderId) -> bool {
    let view = ReadScope::new(state, tenant, site);
    let order = ORDERS.get(&view, &order);
    order.is_some_and(|order| {
        order.status == OrderStatus::Placed
            && matches!(order.payment_status(), PaymentStatus::Pending | PaymentStatus::Authorised)
    })
}
