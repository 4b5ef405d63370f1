//! The state machines alone: memory tables, no log, no network, a clock that is a number.

use crate::stage::{self, Stage};
use gearify_commerce::command::{self, GroupKind, Reply, Stamped};
use gearify_commerce::facts::{self, Desk};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::processes::schedule;
use gearify_commerce::{
    Actor, ReadScope, Refusal, Site, StateVersion, TenantId, Timestamp, Vault, scope, version,
};
use gearify_node::vault::NodeVault;
use gearify_storage::seal::{MasterKey, SystemRandom};
use gearify_storage::{Engine, MemoryEngine, Reader, Tx, decode, encode};
use std::collections::BTreeMap;

/// One replica of everything, and the log that made it.
pub struct Pure {
    groups: BTreeMap<GroupKind, MemoryEngine>,
    vault: NodeVault,
    now: Timestamp,
    seeds: u128,
    /// Every entry that was applied, as bytes, in order, after those that every replica begins with.
    pub log: Vec<(GroupKind, Vec<u8>)>,
    pub events: Vec<(GroupKind, gearify_commerce::event::Envelope)>,
}

pub const GROUPS: [GroupKind; 3] = [GroupKind::World, GroupKind::Catalogue, GroupKind::Region];

/// 2026-05-01, the first day of a season.
const BEGUN: Timestamp = Timestamp::from_millis(1_777_593_600_000);

impl Default for Pure {
    fn default() -> Pure {
        Pure::new()
    }
}

impl Pure {
    pub fn new() -> Pure {
        Pure::following(version::NEWEST)
    }

    /// One whose groups follow the rules of this version.
    pub fn following(rules: StateVersion) -> Pure {
        let master = MasterKey::generate(&SystemRandom).expect("the machine has randomness");
        let mut pure = Pure {
            groups: GROUPS.map(|group| (group, MemoryEngine::new())).into(),
            vault: NodeVault::new(master),
            now: BEGUN,
            seeds: 0,
            log: Vec::new(),
            events: Vec::new(),
        };
        for (group, entry) in Pure::first_entries(rules) {
            pure.apply(group, &entry);
        }
        pure
    }

    /// What every replica applies before its log begins.
    fn first_entries(rules: StateVersion) -> [(GroupKind, Vec<u8>); 3] {
        GROUPS.map(|group| (group, encode(&version::raise(group, rules, BEGUN))))
    }

    /// The log from the very first entry on.
    pub fn whole_log(&self) -> Vec<(GroupKind, Vec<u8>)> {
        Pure::first_entries(version::NEWEST).into_iter().chain(self.log.iter().cloned()).collect()
    }

    /// A replica that applies the same entries from nothing.
    pub fn replay(log: &[(GroupKind, Vec<u8>)]) -> Pure {
        let mut replica = Pure::new();
        for (group, entry) in log {
            replica.apply(*group, entry);
        }
        replica
    }

    pub fn apply(&mut self, group: GroupKind, entry: &[u8]) -> command::Outcome {
        let stamped: Stamped = decode(entry).expect("the log holds what was encoded");
        let engine = &self.groups[&group];
        let mut tx = Tx::at_version(engine, version::of(engine));
        let mut events = Vec::new();
        let outcome = command::apply(&mut tx, &stamped, &mut events);
        let batch = tx.into_batch().expect("memory can be read");
        engine.commit(batch).expect("records fit their place");
        self.events.extend(events.into_iter().map(|event| (group, event)));
        outcome
    }

    pub fn node_vault(&self) -> &NodeVault {
        &self.vault
    }

    /// Every row of every group, for comparing replicas.
    pub fn rows(&self) -> Vec<(GroupKind, Vec<gearify_storage::Row>)> {
        let all = |engine: &MemoryEngine| engine.scan(&[], &[], usize::MAX).expect("memory can be read");
        self.groups.iter().map(|(group, engine)| (*group, all(engine))).collect()
    }

    fn propose(&mut self, stamped: &Stamped) -> command::Outcome {
        let (group, entry) = (stamped.command.group(), encode(stamped));
        self.log.push((group, entry.clone()));
        self.apply(group, &entry)
    }

    fn desk(&self) -> Desk<'_> {
        Desk {
            now: self.now,
            seed: self.seeds.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835) ^ 0x5bd1_e995,
            vault: &self.vault,
            world: &self.groups[&GroupKind::World],
            catalogue: &self.groups[&GroupKind::Catalogue],
            region: &self.groups[&GroupKind::Region],
        }
    }

    fn request(&self, tenant: TenantId, actor: Actor, key: Option<&str>, intent: Intent) -> Request {
        stage::request(&self.vault, tenant, actor, key, self.seeds, intent)
    }
}

impl Stage for Pure {
    fn submit(
        &mut self,
        tenant: TenantId,
        actor: Actor,
        key: Option<&str>,
        intent: Intent,
    ) -> Result<Reply, Refusal> {
        // As on a leader: a replay is answered before facts are looked for.
        self.seeds += 1;
        let request = self.request(tenant, actor, key, intent);
        let view = ReadScope::new(self.desk().reader(request.intent.group()), request.tenant, request.site);
        if let Some(earlier) = command::earlier(&view, request.id, request.keep, &request.hash) {
            return earlier.result;
        }
        let stamped = facts::complete(&request, &self.desk())?;
        self.propose(&stamped).result
    }

    fn pass(&mut self, millis: i64) {
        let until = self.now.plus_millis(millis);
        loop {
            let due = scope::first_due(&self.groups[&GroupKind::Region]).filter(|due| *due <= until);
            let Some(due) = due else { break };
            self.now = due.max(self.now);
            self.seeds += 1;
            let run = schedule::Command::RunDue { limit: schedule::DUE_MAX };
            let intent = Intent::from(run);
            let request = self.request(TenantId::PLATFORM, Actor::System, None, intent);
            let stamped = facts::complete(&request, &self.desk()).expect("the schedule needs no facts");
            self.propose(&Stamped { keep: command::Keep::Nothing, site: Site::NONE, ..stamped });
        }
        self.now = until;
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn read(&self, group: GroupKind, _: TenantId, with: &mut dyn FnMut(&dyn Reader)) {
        with(&self.groups[&group]);
    }

    fn vault(&self) -> &dyn Vault {
        &self.vault
    }
}
