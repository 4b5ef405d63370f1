//! The smallest shop for tests: state in memory, one command an entry, a clock that is set by hand.

use crate::actor::Actor;
use crate::command::{self, Command, CommandId, Keep, Refusal, Reply, Stamped};
use crate::event::Envelope;
use crate::ids::{IdSource, PersonId, TenantId};
use crate::scope::{ReadScope, Scope, Site};
use crate::sealed::Sealed;
use crate::time::Timestamp;
use crate::version::StateVersion;
use gearify_storage::{Engine, MemoryEngine, Tx};

pub struct Harness {
    pub engine: MemoryEngine,
    pub tenant: TenantId,
    pub site: Site,
    pub at: Timestamp,
    /// The rules that are followed: the newest, if nothing else is said.
    pub rules: StateVersion,
    pub events: Vec<Envelope>,
    pub seed: u128,
}

impl Harness {
    pub fn new() -> Harness {
        Harness {
            engine: MemoryEngine::new(),
            tenant: TenantId::from_bits(0x71),
            site: Site::NONE,
            at: Timestamp::from_millis(1_000_000_000_000),
            rules: StateVersion::MAX,
            events: Vec::new(),
            seed: 0,
        }
    }

    /// A shop whose commands go to its site in the region.
    pub fn site() -> Harness {
        Harness { site: Site::FIRST, ..Harness::new() }
    }

    /// The same state, seen by another tenant.
    pub fn switch(&mut self, tenant: TenantId) -> &mut Harness {
        self.tenant = tenant;
        self
    }

    pub fn pass(&mut self, millis: i64) {
        self.at = self.at.plus_millis(millis);
    }

    pub fn try_run(&mut self, command: impl Into<Command>) -> Result<Reply, Refusal> {
        self.seed += 1;
        let stamped = Stamped {
            id: CommandId(self.seed.to_be_bytes()),
            keep: Keep::Nothing,
            request: [0; 16],
            tenant: self.tenant,
            site: self.site,
            actor: Actor::System,
            at: self.at,
            seed: self.seed,
            command: command.into(),
        };
        let mut tx = Tx::at_version(&self.engine, self.rules);
        let outcome = command::apply(&mut tx, &stamped, &mut self.events);
        let batch = tx.into_batch().expect("memory never fails");
        for (key, value) in batch.iter() {
            let size = value.map_or(0, <[u8]>::len);
            assert!(size < 64 * 1024, "a value of {size} bytes under {key:?}");
        }
        self.engine.commit(batch).expect("memory never fails");
        outcome.result
    }

    /// Runs what must succeed.
    #[track_caller]
    pub fn run(&mut self, command: impl Into<Command>) -> Reply {
        self.try_run(command).unwrap_or_else(|refusal| panic!("refused: {refusal}"))
    }

    /// Runs what makes a record; answers the bits of its id.
    #[track_caller]
    pub fn make(&mut self, command: impl Into<Command>) -> u128 {
        self.run(command).id.expect("the command makes something")
    }

    /// Runs what must be refused.
    #[track_caller]
    pub fn refused(&mut self, command: impl Into<Command>) -> Refusal {
        match self.try_run(command) {
            Ok(reply) => panic!("not refused: {reply:?}"),
            Err(refusal) => refusal,
        }
    }

    /// Writes rows as a command would, and lets nothing follow.
    pub fn write<T>(&mut self, with: impl FnOnce(&mut Scope<'_, '_>) -> T) -> T {
        let mut tx = Tx::at_version(&self.engine, self.rules);
        let mut ids = IdSource::new(self.at, self.seed);
        let site = (self.tenant, self.site);
        let mut scope = Scope::new(&mut tx, site, self.at, Actor::System, &mut ids, &mut self.events);
        let result = with(&mut scope);
        self.engine.commit(tx.into_batch().expect("memory never fails")).expect("memory never fails");
        result
    }

    pub fn view(&self) -> ReadScope<'_> {
        ReadScope::new(&self.engine, self.tenant, self.site)
    }

    /// Dotted names of everything that happened, in order.
    pub fn story(&self) -> Vec<&'static str> {
        self.events.iter().map(|envelope| envelope.event.name()).collect()
    }
}

/// An event for those who do not care which.
pub fn any_event() -> Envelope {
    Envelope {
        sequence: 1,
        tenant: TenantId::from_bits(0x71),
        site: Site::FIRST,
        at: Timestamp::from_millis(1_000_000_000_000),
        actor: Actor::System,
        event: crate::cart::Event::CartExpired { cart: crate::ids::CartId::from_bits(1) }.into(),
        cause: None,
        subject_version: None,
    }
}

/// Something personal, for those who never open it.
pub fn sealed<T>() -> Sealed<T> {
    let parts = (PersonId::from_bits(7), [0u8; 12], Vec::<u8>::new());
    let stored = postcard::to_allocvec(&parts).expect("postcard writes these");
    postcard::from_bytes(&stored).expect("it is the form of what is sealed")
}
