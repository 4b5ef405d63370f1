//! State in memory, and a provider that is a table of tokens.

use super::vault::ToyVault;
use crate::app::{Clock, Health, PartHealth};
use crate::ports::{Backend, Blobs, Decided, HistoryError, Position, ProviderEventError, SubmitError};
use crate::ports_cluster::{ClusterView, GroupView, MemberView};
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::command::{self, Command, CommandId, GroupKind, Keep, Stamped};
use gearify_commerce::event::Envelope;
use gearify_commerce::facts::{self, Desk};
use gearify_commerce::intent::Request;
use gearify_commerce::inventory;
use gearify_commerce::payments::{self, MANUAL, Outcome, PAYMENTS, RefundOutcome};
use gearify_commerce::processes::schedule::{self, Work};
use gearify_commerce::scope::{first_due, open_work};
use gearify_commerce::{Actor, OrderId, ReadScope, Shard, Site, TenantId, Timestamp, Vault, version};
use gearify_storage::{Engine, MemoryEngine, Reader, Tx};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

#[derive(Default)]
struct Group {
    engine: Arc<MemoryEngine>,
    applied: AtomicU64,
}

/// All groups of one node, in memory.
pub struct MemoryBackend {
    world: Group,
    catalogue: Group,
    region: Group,
    /// Held while one command is decided: apply is serial.
    turn: Mutex<Vec<(GroupKind, Envelope)>>,
    vault: ToyVault,
    now: AtomicI64,
    blobs: Mutex<BTreeMap<String, bytes::Bytes>>,
}

impl Default for MemoryBackend {
    fn default() -> MemoryBackend {
        let backend = MemoryBackend {
            world: Group::default(),
            catalogue: Group::default(),
            region: Group::default(),
            turn: Mutex::default(),
            vault: ToyVault,
            now: AtomicI64::new(1_767_225_600_000),
            blobs: Mutex::default(),
        };
        for kind in [GroupKind::World, GroupKind::Catalogue, GroupKind::Region] {
            let raise = version::raise(kind, version::NEWEST, Clock::now(&backend));
            backend.apply(kind, raise).result.expect("the first version is the oldest");
        }
        backend
    }
}

impl MemoryBackend {
    fn group(&self, kind: GroupKind) -> &Group {
        match kind {
            GroupKind::World => &self.world,
            GroupKind::Catalogue => &self.catalogue,
            GroupKind::Region => &self.region,
        }
    }

    /// Lets time pass, and what falls due happen.
    pub fn pass(&self, millis: i64) {
        self.now.fetch_add(millis, Ordering::SeqCst);
        for kind in [GroupKind::Catalogue, GroupKind::Region] {
            while first_due(&*self.group(kind).engine).is_some_and(|due| due <= Clock::now(self)) {
                let command = schedule::Command::RunDue { limit: schedule::DUE_MAX };
                self.apply(kind, self.stamp(TenantId::PLATFORM, Site::NONE, Actor::System, command.into()));
            }
        }
    }

    fn stamp(&self, tenant: TenantId, site: Site, actor: Actor, command: Command) -> Stamped {
        Stamped {
            id: CommandId(rand::random()),
            keep: Keep::Nothing,
            request: [0; 16],
            tenant,
            site,
            actor,
            at: Clock::now(self),
            seed: rand::random(),
            command,
        }
    }

    /// Applies a command as the system, for setting a scene.
    pub fn run(&self, tenant: TenantId, command: impl Into<Command>) -> gearify_commerce::Reply {
        let command = command.into();
        let kind = command.group();
        let site = if kind == GroupKind::Region { Site::FIRST } else { Site::NONE };
        let told = format!("{command:?}");
        let decided = self.apply(kind, self.stamp(tenant, site, Actor::System, command));
        decided.result.unwrap_or_else(|refusal| panic!("{refusal}: {told}"))
    }

    fn apply(&self, kind: GroupKind, stamped: Stamped) -> Decided {
        let mut history = self.turn.lock();
        let group = self.group(kind);
        let mut tx = Tx::new(&*group.engine);
        let mut events = Vec::new();
        let outcome = command::apply(&mut tx, &stamped, &mut events);
        history.extend(events.into_iter().map(|event| (kind, event)));
        group.engine.commit(tx.into_batch().expect("memory never fails")).expect("memory never fails");
        let index = group.applied.fetch_add(1, Ordering::SeqCst) + 1;
        Decided {
            result: outcome.result,
            replayed: outcome.replayed,
            position: Position { group: kind, shard: Shard::FIRST, index },
        }
    }

    fn decide(&self, request: &Request) -> Result<Decided, SubmitError> {
        loop {
            let desk = Desk {
                // Every request is a moment later than the one before, so that ids tell their order.
                now: Timestamp::from_millis(self.now.fetch_add(1, Ordering::SeqCst)),
                seed: rand::random(),
                vault: &self.vault,
                world: &*self.world.engine,
                catalogue: &*self.catalogue.engine,
                region: &*self.region.engine,
            };
            let stamped = facts::complete(request, &desk)?;
            if let Some(refusal) = facts::foresee(request, &stamped, &desk) {
                return Err(refusal.into());
            }
            let decided = self.apply(request.intent.group(), stamped);
            if !matches!(&decided.result, Err(refusal) if facts::is_stale(refusal)) {
                return Ok(decided);
            }
        }
    }

    /// The provider answers what was asked of it, by token: `tok_declined` declines, `tok_later` waits,
    /// `tok_timeout` never answers, anything else succeeds.
    pub fn answer_calls(&self) {
        for (tenant, site, work) in open_work(&*self.region.engine, 100) {
            let view = ReadScope::new(&*self.region.engine, tenant, site);
            let command = match work {
                Work::Pay(id) => {
                    let Some(payment) = PAYMENTS.get(&view, &id).filter(|payment| payment.provider != MANUAL)
                    else {
                        continue;
                    };
                    let reference = format!("ref-{}", payment.id);
                    let outcome = match payment.attempt.token.as_deref() {
                        Some("tok_declined") => {
                            Outcome::Declined { reference: None, code: "card_declined".into() }
                        }
                        Some("tok_later") => Outcome::Pending { reference },
                        Some("tok_timeout") => continue,
                        _ => Outcome::Captured { reference, amount: payment.amount },
                    };
                    payments::Command::Settle { payment: id, attempt: payment.attempt.id, outcome }
                }
                Work::Refund(refund) => payments::Command::SettleRefund {
                    refund,
                    outcome: RefundOutcome::Succeeded { reference: format!("ref-{refund}") },
                },
                Work::Shelf(item) => {
                    let catalogue = ReadScope::new(&*self.catalogue.engine, tenant, Site::NONE);
                    let shelf = inventory::shelf::of_item(&catalogue, item);
                    let report = inventory::Command::Report { item, shelf };
                    self.apply(GroupKind::Region, self.stamp(tenant, site, Actor::System, report.into()));
                    continue;
                }
            };
            let actor = Actor::Provider("test".into());
            self.apply(GroupKind::Region, self.stamp(tenant, site, actor, command.into()));
        }
    }

    /// One hash over everything: equal before and after whatever changes nothing.
    pub fn state_hash(&self) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for group in [&self.world, &self.catalogue, &self.region] {
            for (key, value) in group.engine.scan(&[], &[], usize::MAX).expect("memory never fails") {
                hasher.update(&key).update(&[0]).update(&value).update(&[1]);
            }
        }
        hasher.finalize()
    }

    /// Names of the events so far.
    pub fn story(&self) -> Vec<&'static str> {
        self.turn.lock().iter().map(|(_, envelope)| envelope.event.name()).collect()
    }
}

impl Clock for MemoryBackend {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now.load(Ordering::SeqCst))
    }
}

impl Health for MemoryBackend {
    fn parts(&self) -> Vec<PartHealth> {
        vec![PartHealth { part: "memory".into(), ready: true, detail: "always".into() }]
    }

    fn cluster(&self) -> ClusterView {
        let group = |(name, kind): (&str, GroupKind)| {
            let applied = Some(self.position(kind, TenantId::PLATFORM).index);
            let member = MemberView { node: 1, role: "voter", position: applied, lag: Some(0) };
            let members = vec![member];
            GroupView { name: name.into(), leader: Some(1), applied, members, ..GroupView::default() }
        };
        let groups = [
            ("world", GroupKind::World),
            ("catalogue-0", GroupKind::Catalogue),
            ("region-0", GroupKind::Region),
        ];
        ClusterView { node: 1, groups: groups.map(group).to_vec(), ..ClusterView::default() }
    }
}

impl Backend for MemoryBackend {
    fn submit(&self, request: Request) -> BoxFuture<'_, Result<Decided, SubmitError>> {
        async move { self.decide(&request) }.boxed()
    }

    fn reader(&self, group: GroupKind, _: TenantId) -> Arc<dyn Reader> {
        self.group(group).engine.clone()
    }

    fn position(&self, group: GroupKind, _: TenantId) -> Position {
        Position { group, shard: Shard::FIRST, index: self.group(group).applied.load(Ordering::SeqCst) }
    }

    fn wait_for(&self, position: Position, _: Duration) -> BoxFuture<'_, bool> {
        async move { self.position(position.group, TenantId::PLATFORM).index >= position.index }.boxed()
    }

    fn read_barrier(&self, _: GroupKind, _: TenantId) -> BoxFuture<'_, bool> {
        async { true }.boxed()
    }

    fn vault(&self) -> &dyn Vault {
        &self.vault
    }

    fn settle(&self, _: TenantId, _: Site, _: OrderId, _: Duration) -> BoxFuture<'_, ()> {
        async move { self.answer_calls() }.boxed()
    }

    fn history(
        &self,
        group: GroupKind,
        tenant: TenantId,
        site: Site,
        after: u64,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Envelope>, HistoryError>> {
        let history = self.turn.lock();
        let in_group = history.iter().filter(|(kind, _)| *kind == group).map(|(_, envelope)| envelope);
        let ours =
            in_group.filter(|event| (event.tenant, event.site) == (tenant, site) && event.sequence > after);
        let found = ours.take(limit).cloned().collect();
        drop(history);
        async move { Ok(found) }.boxed()
    }

    fn provider_event(
        &self,
        _: TenantId,
        provider: &str,
        _: &http::HeaderMap,
        body: bytes::Bytes,
    ) -> BoxFuture<'_, Result<(), ProviderEventError>> {
        let known = provider == "test";
        async move {
            match serde_json::from_slice::<serde_json::Value>(&body) {
                _ if !known => Err(ProviderEventError::UnknownProvider),
                Ok(_) => Ok(()),
                Err(_) => Err(ProviderEventError::Malformed),
            }
        }
        .boxed()
    }
}

impl Blobs for MemoryBackend {
    fn put(&self, bytes: bytes::Bytes) -> BoxFuture<'_, io::Result<String>> {
        async move {
            let hash = blake3::hash(&bytes).to_hex().to_string();
            self.blobs.lock().insert(hash.clone(), bytes);
            Ok(hash)
        }
        .boxed()
    }

    fn get(&self, hash: &str) -> BoxFuture<'_, io::Result<Option<bytes::Bytes>>> {
        let found = self.blobs.lock().get(hash).cloned();
        async move { Ok(found) }.boxed()
    }
}
