//! Writes and reads of the replicated state, as the web needs them.
//!
//! A write: the group's leader adds facts to the request, proposes it, and answers once the entry is
//! applied. Facts that went stale in between are added anew, at most [`FACT_ROUNDS`] times. An unknown
//! outcome is asked for again under the same command id, which acts once whatever comes of it.
//!
//! What belongs to a site goes to the shard that holds it, wherever that runs: a site without a shard is given
//! one first, and a shard that the site has left meanwhile says so, whereupon the placement is looked up again.

use crate::footing::Footing;
use crate::forward::{Forward, Undecided};
use crate::shards::Shards;
use crate::state::{GroupKey, GroupState};
use crate::turns::Turns;
use crate::vault::NodeVault;
use arc_swap::ArcSwap;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::event::Envelope;
use gearify_commerce::facts::{self, Desk};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::orders::{ORDERS, OrderStatus, PaymentStatus};
use gearify_commerce::scope::scope_prefix;
use gearify_commerce::{
    Actor, Command, GroupKind, OrderId, Outcome, ReadScope, Refusal, Shard, Site, Stamped, StateVersion,
    TenantId, Timestamp, Vault,
};
use gearify_commerce::{bundle, command, placement, version};
use gearify_replication::{Group, NodeId, ProposeError};
use gearify_storage::failpoint::{self, Failpoint};
use gearify_storage::{EventReader, MemoryEngine, Reader, decode, encode};
use gearify_web::Clock;
use gearify_web::ports::{Backend, Decided, HistoryError, Position, ProviderEventError, SubmitError};
use rand::seq::IndexedRandom;
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
    /// Those that all regions share.
    groups: BTreeMap<GroupKind, GroupHandle>,
    shards: Shards,
    vault: Arc<NodeVault>,
    forward: Arc<dyn Forward>,
    providers: Arc<dyn ProviderDesk>,
    clock: Arc<dyn Clock>,
    footing: ArcSwap<Footing>,
    catalogue_turns: Turns,
    /// Where ids begin that a leader gives: the system's randomness, or a sequence of a simulation.
    seeds: Box<dyn Fn() -> u128 + Send + Sync>,
}

impl NodeBackend {
    pub fn new(
        groups: BTreeMap<GroupKind, GroupHandle>,
        shards: Shards,
        vault: Arc<NodeVault>,
        forward: Arc<dyn Forward>,
        providers: Arc<dyn ProviderDesk>,
        clock: Arc<dyn Clock>,
    ) -> NodeBackend {
        let (footing, catalogue_turns) = Default::default();
        let seeds = Box::new(rand::random);
        NodeBackend { groups, shards, vault, forward, providers, clock, seeds, footing, catalogue_turns }
    }

    /// Draws ids from a sequence, so that the same sequence gives the same ids.
    pub fn drawing(self, seeds: impl Fn() -> u128 + Send + Sync + 'static) -> NodeBackend {
        NodeBackend { seeds: Box::new(seeds), ..self }
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

    /// A group that every node has; of the region, its first shard.
    pub fn group(&self, kind: GroupKind) -> &GroupHandle {
        self.find(kind).expect("every node has it")
    }

    /// A group, if it runs here.
    pub fn find(&self, group: impl Into<GroupKey>) -> Option<&GroupHandle> {
        match group.into() {
            GroupKey::Region(shard) => self.shards.get(shard).map(|parts| &parts.handle),
            shared => self.groups.get(&shared.kind()),
        }
    }

    /// All groups that run here and shall.
    pub fn groups(&self) -> impl Iterator<Item = (GroupKey, &GroupHandle)> {
        let shared = self.groups.iter().map(|(kind, handle)| ((*kind).into(), handle));
        let shards = self.shards.open().filter(|(shard, _)| self.shards.is_seated(*shard));
        shared.chain(shards.map(|(shard, parts)| (GroupKey::Region(shard), &parts.handle)))
    }

    pub fn shards(&self) -> &Shards {
        &self.shards
    }

    pub fn history(&self, kind: GroupKind) -> &EventReader {
        &self.group(kind).history
    }

    pub fn is_leader(&self, group: impl Into<GroupKey>) -> bool {
        self.find(group).is_some_and(|handle| handle.group.is_leader())
    }

    /// Who leads the group of a position, as far as is known here.
    pub fn leader_of(&self, position: &Position) -> Option<NodeId> {
        self.find(key_at(position))?.group.leader()
    }

    /// Committed state of a group that every node has; of the region, its first shard.
    pub fn state(&self, kind: GroupKind) -> &Arc<GroupState> {
        &self.group(kind).state
    }

    /// Committed state of the shard that holds a site, if it serves from here.
    pub fn state_of(&self, tenant: TenantId, site: Site) -> Option<&Arc<GroupState>> {
        Some(&self.shards.serving(tenant, site)?.handle.state)
    }

    /// The group that decides a request; `None` for a site without a shard.
    fn key_of(&self, request: &Request) -> Option<GroupKey> {
        let shard = match (&request.intent, request.intent.group()) {
            (Intent::Ready(command), _) if matches!(**command, Command::Placement(_)) => Shard::FIRST,
            (_, GroupKind::Region) => self.shards.shard_of(request.tenant, request.site)?,
            (_, shared) => return Some(shared.into()),
        };
        Some(GroupKey::Region(shard))
    }

    /// Decides a request as the leader of its group; a node that does not lead says so.
    pub async fn decide(&self, request: &Request) -> Result<Decided, Undecided> {
        match self.key_of(request) {
            Some(key) => self.decide_in(key, request).await,
            None => Err(Undecided::NotLeader { leader: None }),
        }
    }

    /// As [`NodeBackend::decide`], in a group that is known.
    pub async fn decide_in(&self, key: GroupKey, request: &Request) -> Result<Decided, Undecided> {
        let handle = self.find(key).ok_or(Undecided::NotLeader { leader: None })?;
        if let Some(refusal) = closed(handle, request) {
            // Before anything is looked up here: what is here may be old, gone, or not all there yet.
            return Err(SubmitError::Refused(refusal).into());
        }
        let mut round = 1;
        if let Some(Outcome { result, replayed }) = facts::earlier(request, &self.desk(handle)) {
            // Read after the record was found: it is at or before this position.
            let index = handle.state.applied_index();
            return Ok(Decided { result, replayed, position: position(handle, index) });
        }
        loop {
            if !handle.group.is_leader() {
                return Err(Undecided::NotLeader { leader: handle.group.leader() });
            }
            if let Some(decided) = self.earlier(handle, request) {
                return Ok(decided);
            }
            let kind = request.intent.group();
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
            let stamped = facts::complete(request, &self.desk(handle)).map_err(SubmitError::Refused)?;
            if let Some(refusal) = self.foresee(handle, request, &stamped)
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
    pub async fn raise_version(&self, group: impl Into<GroupKey>, to: StateVersion) -> Result<(), Undecided> {
        let key = group.into();
        let handle = self.find(key).ok_or(Undecided::NotLeader { leader: None })?;
        let stamped = version::raise(key.kind(), to, self.clock.now());
        self.propose(handle, &stamped).await.map(drop)
    }

    /// Facts for a group's commands; of the region, those of the shard.
    fn desk<'a>(&'a self, handle: &'a GroupHandle) -> Desk<'a> {
        let region = match handle.state.kind() {
            GroupKind::Region => &handle.state,
            _ => self.state(GroupKind::Region),
        };
        Desk {
            now: self.clock.now(),
            seed: (self.seeds)(),
            vault: &*self.vault,
            world: &**self.state(GroupKind::World),
            catalogue: &**self.state(GroupKind::Catalogue),
            region: &**region,
        }
    }

    /// The answer to an earlier request with this id, if it was decided.
    fn earlier(&self, handle: &GroupHandle, request: &Request) -> Option<Decided> {
        let index = handle.state.applied_index();
        let view = ReadScope::new(&*handle.state, request.tenant, request.site);
        let outcome = command::earlier(&view, request.id, request.keep, &request.hash)?;
        Some(Decided { result: outcome.result, replayed: true, position: position(handle, index) })
    }

    /// What the entry would refuse. State that moves while it is looked at may look impossible; what comes of
    /// that is left to the entry.
    fn foresee(&self, handle: &GroupHandle, request: &Request, stamped: &Stamped) -> Option<Refusal> {
        let look = AssertUnwindSafe(|| facts::foresee(request, stamped, &self.desk(handle)));
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
        failpoint::reach(Failpoint::Decided);
        let outcome: Outcome = decode(&proposed.reply)
            .expect("the machine of this process wrote the reply with the same program");
        let position = position(handle, proposed.position.index);
        Ok(Decided { result: outcome.result, replayed: outcome.replayed, position })
    }

    /// Finds the leader, wherever it is, and has the request decided.
    async fn submit_within(&self, request: &Request, deadline: Instant) -> Result<Decided, SubmitError> {
        self.submit_to(Route::ByPlacement, request, deadline).await
    }

    async fn submit_to(
        &self,
        route: Route,
        request: &Request,
        deadline: Instant,
    ) -> Result<Decided, SubmitError> {
        let kind = request.intent.group();
        let may_be_cut_off = kind != GroupKind::Region && self.forward.spans_regions();
        if may_be_cut_off && self.group(kind).group.is_observer() && self.group(kind).group.is_cut_off() {
            return Err(SubmitError::ReadOnly);
        }
        // Once an outcome was unknown, giving up is unknown too.
        let mut give_up = if may_be_cut_off { SubmitError::ReadOnly } else { SubmitError::Unavailable };
        let deadline = match may_be_cut_off {
            true => deadline.min(Instant::now() + READ_ONLY_AFTER),
            false => deadline,
        };
        let mut hint = None;
        loop {
            let key = match route {
                Route::ByPlacement => self.key_of(request),
                Route::To(key) => Some(key),
            };
            let decided = match key {
                Some(key) => self.ask(route, key, request, &mut hint).await,
                None => match Box::pin(self.place(request.tenant, request.site, deadline)).await {
                    Ok(()) => continue,
                    Err(error) => Err(error.into()),
                },
            };
            match decided {
                Ok(Decided { result: Err(refusal), .. })
                | Err(Undecided::Submit(SubmitError::Refused(refusal)))
                    if route == Route::ByPlacement && self.is_elsewhere(request, &refusal) =>
                {
                    hint = None;
                }
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

    /// Has a request decided where its group is led. `hint` is the leader that another node has named.
    async fn ask(
        &self,
        route: Route,
        key: GroupKey,
        request: &Request,
        hint: &mut Option<NodeId>,
    ) -> Result<Decided, Undecided> {
        // What is left of a shard that was here knows only who led it then.
        let handle = self.find(key).filter(|_| self.shards.is_current(key.shard()));
        let led_by = handle.map(|handle| (handle.group.node(), handle.group.leader()));
        let to = match (hint.take(), led_by) {
            (Some(named), _) => named,
            (None, Some((_, Some(leader)))) => leader,
            (None, Some((me, None))) if self.shards.is_seated(key.shard()) => me,
            (None, _) => {
                let others = self.shards.others(key.shard());
                *others.choose(&mut rand::rng()).ok_or(Undecided::Unreachable)?
            }
        };
        if led_by.is_some_and(|(me, _)| me == to) {
            return self.decide_in(key, request).await;
        }
        let decided = match route {
            Route::ByPlacement => self.forward.forward(to, request.clone()).await,
            Route::To(key) => self.forward.forward_in(to, key.shard(), request.clone()).await,
        };
        if let Err(Undecided::NotLeader { leader }) = &decided {
            *hint = *leader;
        }
        decided
    }

    /// Has a site given its shard, and waits until it is known here.
    async fn place(&self, tenant: TenantId, site: Site, deadline: Instant) -> Result<(), SubmitError> {
        let request = of_platform(placement::Command::Place { tenant, site });
        let decided = self.submit_within(&request, deadline).await?;
        let first = &self.group(GroupKind::Region).group;
        let known = first.wait_applied(decided.position.index, deadline - Instant::now()).await;
        match known {
            Ok(()) if self.shards.shard_of(tenant, site).is_some() => Ok(()),
            _ => Err(SubmitError::Unavailable),
        }
    }

    /// Has a site given its shard.
    pub async fn place_now(&self, tenant: TenantId, site: Site) -> Result<(), SubmitError> {
        let deadline = Instant::now() + SUBMIT_DEADLINE;
        self.place(tenant, site, deadline).await
    }

    /// As leader of the first shard: the region has these shards and nodes.
    pub async fn seat(&self, shards: u16, nodes: Vec<u64>) -> Result<Decided, Undecided> {
        self.decide(&of_platform(placement::Command::Seat { shards, nodes })).await
    }

    /// The group that holds a tenant's data of this kind, if it serves from here.
    fn serving(&self, group: GroupKind, tenant: TenantId) -> Option<&GroupHandle> {
        match group {
            GroupKind::Region => Some(&self.shards.serving(tenant, Site::FIRST)?.handle),
            shared => Some(self.group(shared)),
        }
    }

    /// Whether it is worth while to look again where the site is: it has left the shard that was asked, or is
    /// about to open in it.
    fn is_elsewhere(&self, request: &Request, refusal: &Refusal) -> bool {
        match refusal {
            Refusal::Placement(placement::Refusal::Moved { .. }) => true,
            Refusal::Bundle(bundle::Refusal::Arriving) => self.shards.is_moving(request.tenant, request.site),
            _ => false,
        }
    }

    /// The time as leaders stamp it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Submits and waits until the entry is applied here.
    pub async fn submit_now(&self, request: &Request) -> Result<Decided, SubmitError> {
        self.submit_and_wait(Route::ByPlacement, request).await
    }

    /// As [`NodeBackend::submit_now`], in a shard of the region that is named, whether or not it holds the site.
    pub async fn submit_in(&self, key: GroupKey, request: &Request) -> Result<Decided, SubmitError> {
        self.submit_and_wait(Route::To(key), request).await
    }

    async fn submit_and_wait(&self, route: Route, request: &Request) -> Result<Decided, SubmitError> {
        let deadline = Instant::now() + SUBMIT_DEADLINE;
        let decided = tokio::time::timeout_at(deadline, self.submit_to(route, request, deadline)).await;
        let decided = decided.unwrap_or(Err(SubmitError::Unknown))?;
        let handle = match decided.position.group {
            GroupKind::Region => self.shards.serving(request.tenant, request.site).map(|parts| &parts.handle),
            shared => self.find(shared),
        };
        // Of another shard nothing is read here, and what is left of one that was here stands still.
        if let Some(handle) = handle.filter(|handle| handle.state.key() == key_at(&decided.position))
            && handle.group.applied_index() < decided.position.index
        {
            // It is decided; a node that can't keep up only reads a little later than it could.
            let _ = handle.group.wait_applied(decided.position.index, deadline - Instant::now()).await;
        }
        Ok(decided)
    }
}

fn position(handle: &GroupHandle, index: u64) -> Position {
    Position { group: handle.state.kind(), shard: handle.state.key().shard(), index }
}

fn key_at(position: &Position) -> GroupKey {
    match position.group {
        GroupKind::Region => GroupKey::Region(position.shard),
        shared => shared.into(),
    }
}

/// Which group decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Route {
    /// The one that holds what the request is about.
    ByPlacement,
    To(GroupKey),
}

/// Why a shard does not decide for a site that is not in it, or not open yet.
fn closed(handle: &GroupHandle, request: &Request) -> Option<Refusal> {
    if request.intent.group() != GroupKind::Region {
        return None;
    }
    let command = match &request.intent {
        Intent::Ready(command) => Some(&**command),
        _ => None,
    };
    let view = ReadScope::new(&*handle.state, request.tenant, request.site);
    if let Some(to) = placement::closed(&view, command) {
        return Some(placement::Refusal::Moved { to }.into());
    }
    let brings = matches!(command, Some(Command::Bundle(_) | Command::Version(_)));
    (!brings && bundle::is_arriving(&view)).then(|| bundle::Refusal::Arriving.into())
}

/// What nodes ask of each other for themselves.
pub(crate) fn of_platform(command: placement::Command) -> Request {
    Request {
        id: CommandId(rand::random()),
        keep: Keep::Nothing,
        hash: [0; 16],
        tenant: TenantId::PLATFORM,
        site: Site::NONE,
        actor: Actor::System,
        intent: Intent::Ready(Box::new(command.into())),
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

    fn reader(&self, group: GroupKind, tenant: TenantId) -> Arc<dyn Reader> {
        match self.serving(group, tenant) {
            Some(handle) => handle.state.clone(),
            None => Arc::new(MemoryEngine::new()),
        }
    }

    fn position(&self, group: GroupKind, tenant: TenantId) -> Position {
        let shard = self.serving(group, tenant).map(|handle| (handle.state.key().shard(), handle));
        let (shard, index) =
            shard.map_or((Shard::FIRST, 0), |(shard, handle)| (shard, handle.state.applied_index()));
        Position { group, shard, index }
    }

    fn wait_for(&self, position: Position, deadline: Duration) -> BoxFuture<'_, bool> {
        let handle = self.find(key_at(&position));
        async move {
            match handle {
                Some(handle) => handle.group.wait_applied(position.index, deadline).await.is_ok(),
                // Of a shard that the site was in before: where it is now it brought everything along.
                None => true,
            }
        }
        .boxed()
    }

    fn know_places(&self) -> BoxFuture<'_, bool> {
        async move {
            let first = &self.group(GroupKind::Region).group;
            let is_known = first.read_barrier().await.is_ok();
            self.shards.refresh();
            is_known
        }
        .boxed()
    }

    fn read_barrier(&self, group: GroupKind, tenant: TenantId) -> BoxFuture<'_, bool> {
        let handle = self.serving(group, tenant);
        async move {
            match handle {
                Some(handle) => handle.group.read_barrier().await.is_ok(),
                None => true,
            }
        }
        .boxed()
    }

    fn vault(&self) -> &dyn Vault {
        &*self.vault
    }

    fn settle(&self, tenant: TenantId, site: Site, order: OrderId, deadline: Duration) -> BoxFuture<'_, ()> {
        async move {
            let Some(state) = self.state_of(tenant, site) else { return };
            let (mut applied, mut placement) = (state.watch_applied(), self.shards.watch());
            let is_here = || self.state_of(tenant, site).is_some_and(|now| Arc::ptr_eq(now, state));
            // A shop that goes to another shard takes the answer with it.
            let settled = async {
                while is_here() && is_undecided(&**state, tenant, site, order) {
                    let is_over = tokio::select! {
                        changed = applied.changed() => changed.is_err(),
                        changed = placement.changed() => changed.is_err(),
                    };
                    if is_over {
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
        let Some(handle) = self.serving(group, tenant) else {
            return async { Err(HistoryError::NotKept) }.boxed();
        };
        let history = handle.history.clone();
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
