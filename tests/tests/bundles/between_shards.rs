//! A shop that moves to another shard while it sells ends as one that never moved, whatever breaks off meanwhile.

use crate::moves;
use futures::FutureExt;
use futures::future::BoxFuture;
use gearify_commerce::bundle::{self, ArrivalId, Command};
use gearify_commerce::command::{self, CommandId, Keep, Stamped};
use gearify_commerce::event::Envelope;
use gearify_commerce::placement::{self, Move};
use gearify_commerce::{
    Actor, GroupKind, Outcome, ReadScope, Refusal, Shard, Site, TenantId, Timestamp, scope,
};
use gearify_node::moving::carry::{CarryError, Ground, Numbered, Taken, carry, finish};
use gearify_storage::{Engine, MemoryEngine, Reader, Tx, decode, encode};
use gearify_tests::{Pure, Stage};
use proptest::prelude::*;
use std::collections::{BTreeSet, VecDeque};

/// Sites that take the other shards' places before the shop is given its own.
const NEIGHBOURS: u128 = 0x9000;

/// Three shards of a region without a log: what is decided in one is applied at once.
struct Region {
    engines: [MemoryEngine; 3],
    events: [Vec<Envelope>; 3],
    /// Decided in each so far.
    indexes: [u64; 3],
    shop: (TenantId, Site),
    from: Shard,
    to: Shard,
    touched: BTreeSet<Vec<u8>>,
    /// What is still to happen in the shop.
    ahead: VecDeque<Stamped>,
    at: Timestamp,
    seeds: u128,
    /// How many things happen in the shop before each call, over and over.
    pace: Vec<usize>,
    calls: usize,
    /// The attempt breaks off at this call: before it is made, or after.
    breaks_at: Option<(usize, bool)>,
}

impl Region {
    fn new(shop: TenantId, (from, to): (Shard, Shard), ahead: VecDeque<Stamped>, pace: Vec<usize>) -> Region {
        let mut region = Region {
            engines: Default::default(),
            events: Default::default(),
            indexes: [0; 3],
            shop: (shop, Site::FIRST),
            from,
            to,
            touched: BTreeSet::new(),
            at: ahead.front().expect("something happens").at,
            ahead,
            seeds: 0,
            pace,
            calls: 0,
            breaks_at: None,
        };
        region.note_now(placement::Command::Seat { shards: 3, nodes: vec![1] });
        for n in 0..u128::from(from.0) {
            let (tenant, site) = (TenantId::from_bits(NEIGHBOURS + n), Site::FIRST);
            region.note_now(placement::Command::Place { tenant, site });
        }
        region.note_now(placement::Command::Place { tenant: shop, site: Site::FIRST });
        assert_eq!(region.placement().shard_of(shop, Site::FIRST), Some(from));
        region
    }

    fn placement(&self) -> placement::Placement {
        placement::read(&self.engines[0])
    }

    fn moving(&self) -> Option<Move> {
        self.placement().moves.get(&self.shop).copied()
    }

    fn apply(&mut self, shard: Shard, stamped: &Stamped) -> Outcome {
        let n = usize::from(shard.0);
        let mut tx = Tx::new(&self.engines[n]);
        let outcome = command::apply(&mut tx, stamped, &mut self.events[n]);
        let batch = tx.into_batch().unwrap();
        if shard == self.from {
            let prefix = scope::scope_prefix(self.shop.0, self.shop.1);
            let keys = batch.iter().filter_map(|(key, _)| key.strip_prefix(&prefix));
            self.touched.extend(keys.filter(|key| bundle::travels(key)).map(<[u8]>::to_vec));
        }
        self.engines[n].commit(batch).unwrap();
        self.indexes[n] += 1;
        outcome
    }

    fn stamped(&mut self, (tenant, site): (TenantId, Site), command: command::Command) -> Stamped {
        self.seeds += 1;
        Stamped {
            id: CommandId([0; 16]),
            keep: Keep::Nothing,
            request: [0; 16],
            tenant,
            site,
            actor: Actor::System,
            at: self.at,
            seed: self.seeds,
            command,
        }
    }

    /// Twice, as after an answer that was lost.
    fn decide(
        &mut self,
        shard: Shard,
        owner: (TenantId, Site),
        command: command::Command,
    ) -> Result<Taken, CarryError> {
        let stamped = self.stamped(owner, command);
        let first = self.apply(shard, &stamped).result;
        let again = self.apply(shard, &stamped).result;
        assert_eq!(first.is_ok(), again.is_ok(), "{first:?} {again:?}");
        let index = self.indexes[usize::from(shard.0)];
        first.map(|reply| Taken { reply, index }).map_err(CarryError::Refused)
    }

    fn note_now(&mut self, command: placement::Command) {
        let platform = (TenantId::PLATFORM, Site::NONE);
        self.decide(Shard::FIRST, platform, command.into()).unwrap();
    }

    /// What is next in the shop happens where the shop is; whether it could.
    fn goes_on(&mut self) -> bool {
        let Some(next) = self.ahead.front().cloned() else { return false };
        let holder = self.placement().shard_of(self.shop.0, self.shop.1).unwrap();
        let is_closed =
            |view: &ReadScope<'_>| placement::moved_to(view).is_some() || bundle::is_arriving(view);
        if next.tenant == TenantId::PLATFORM {
            let engine = &self.engines[usize::from(holder.0)];
            if is_closed(&ReadScope::new(engine, self.shop.0, self.shop.1)) {
                // The shop's plans wait; here everything else waits for them.
                return false;
            }
            (0..3).for_each(|shard| drop(self.apply(Shard(shard), &next)));
        } else {
            let outcome = self.apply(holder, &next);
            let is_told_to_wait = matches!(
                outcome.result,
                Err(Refusal::Placement(placement::Refusal::Moved { .. })
                    | Refusal::Bundle(bundle::Refusal::Arriving))
            );
            if is_told_to_wait {
                return false;
            }
        }
        self.at = self.at.max(next.at);
        self.ahead.pop_front();
        true
    }

    fn call<T>(&mut self, make: impl FnOnce(&mut Region) -> Result<T, CarryError>) -> Result<T, CarryError> {
        let lively = self.pace[self.calls % self.pace.len()];
        for _ in 0..lively {
            self.goes_on();
        }
        self.calls += 1;
        let lost = || CarryError::Unreachable("the node was lost".into());
        match self.breaks_at {
            Some((at, false)) if at == self.calls => Err(lost()),
            Some((at, true)) if at == self.calls => make(self).and(Err(lost())),
            _ => make(self),
        }
    }

    /// As whoever leads the shard does it.
    fn attempt(&mut self, breaks_at: Option<(usize, bool)>) {
        self.breaks_at = breaks_at.map(|(after, late)| (self.calls + after, late));
        let Some(Move { from, to, arrival, last }) = self.moving() else { return };
        let shop = self.shop;
        self.touched.clear();
        let done = match (arrival, last) {
            (Some(arrival), Some(last)) => finish(self, shop, arrival, last).now_or_never(),
            _ => {
                let arrival = ArrivalId(arrival.map_or(7, |before| before.0 + 1));
                carry(self, shop, (from, to), arrival).now_or_never()
            }
        };
        match done.expect("memory never waits") {
            Ok(()) => assert_eq!(self.moving(), None),
            Err(CarryError::Unreachable(_)) => assert!(breaks_at.is_some()),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Ground for Region {
    fn rows(&self) -> &dyn Reader {
        &self.engines[usize::from(self.from.0)]
    }

    fn touched(&mut self) -> BoxFuture<'_, Result<Vec<Vec<u8>>, CarryError>> {
        let touched = self.call(|region| Ok(std::mem::take(&mut region.touched).into_iter().collect()));
        std::future::ready(touched).boxed()
    }

    fn events(&mut self, from: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Numbered>, CarryError>> {
        let page = self.call(|region| {
            let told = &region.events[usize::from(region.from.0)];
            let of_shop = told.iter().filter(|event| (event.tenant, event.site) == region.shop);
            let page = of_shop.filter(|event| event.sequence >= from).take(limit.min(3));
            Ok(page.map(|event| (event.sequence, encode(event))).collect())
        });
        std::future::ready(page).boxed()
    }

    fn leave(&mut self) -> BoxFuture<'_, Result<(), CarryError>> {
        let left = self.call(|region| {
            let command = placement::Command::Leave { to: region.to };
            region.decide(region.from, region.shop, command.into()).map(drop)
        });
        std::future::ready(left).boxed()
    }

    fn step(&mut self, command: Command) -> BoxFuture<'_, Result<Taken, CarryError>> {
        let taken = self.call(|region| region.decide(region.to, region.shop, command.into()));
        std::future::ready(taken).boxed()
    }

    fn note(&mut self, command: placement::Command) -> BoxFuture<'_, Result<(), CarryError>> {
        let noted = self.call(|region| {
            let platform = (TenantId::PLATFORM, Site::NONE);
            region.decide(Shard::FIRST, platform, command.into()).map(drop)
        });
        std::future::ready(noted).boxed()
    }
}

/// Rows, plans and owed calls of the shop.
type Kept = (Vec<bundle::SiteRow>, Vec<String>, Vec<String>);

fn kept(reader: &dyn Reader, shop: (TenantId, Site)) -> Kept {
    let rows = bundle::rows(reader, shop, None, usize::MAX).unwrap();
    let plans = bundle::plan(reader, shop, None, usize::MAX).unwrap().plans;
    let work = bundle::work(reader, shop, usize::MAX).unwrap();
    let told = |thing: &dyn std::fmt::Debug| format!("{thing:?}");
    (rows, plans.iter().map(|plan| told(plan)).collect(), work.iter().map(|work| told(work)).collect())
}

fn regional(stage: &Pure) -> VecDeque<Stamped> {
    let entries = stage.log.iter().filter(|(group, _)| *group == GroupKind::Region);
    entries.map(|(_, entry)| decode(entry).unwrap()).collect()
}

fn pairs() -> impl Strategy<Value = (Shard, Shard)> {
    prop::sample::select(vec![(0, 1), (1, 0), (1, 2), (2, 1)]).prop_map(|(from, to)| (Shard(from), Shard(to)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_shop_that_moves_while_it_sells_ends_as_one_that_never_did(
        moves in moves::some(40),
        pair in pairs(),
        before in any::<prop::sample::Index>(),
        pace in prop::collection::vec(0..4usize, 1..6),
        breaks in prop::collection::vec((1..25usize, any::<bool>()), 0..4),
    ) {
        let stays = moves::play(&moves);
        let shop = (stays.tenant(), Site::FIRST);
        let entries = regional(&stays.stage);
        let begins = before.index(entries.len());
        let mut region = Region::new(shop.0, pair, entries, pace);
        for _ in 0..begins {
            prop_assert!(region.goes_on());
        }
        region.note_now(placement::Command::Move { tenant: shop.0, site: shop.1, to: pair.1 });
        for at in breaks {
            region.attempt(Some(at));
            region.goes_on();
        }
        region.attempt(None);
        prop_assert_eq!(region.placement().shard_of(shop.0, shop.1), Some(pair.1));
        while region.goes_on() {}
        prop_assert!(region.ahead.is_empty());

        let mut stayed = None;
        stays.stage.read(GroupKind::Region, shop.0, &mut |rows| stayed = Some(kept(rows, shop)));
        let to = usize::from(pair.1.0);
        prop_assert_eq!(kept(&region.engines[to], shop), stayed.unwrap());
        let of_shop = |events: &[Envelope]| {
            events.iter().filter(|event| (event.tenant, event.site) == shop).cloned().collect::<Vec<_>>()
        };
        let told: Vec<Envelope> = stays.stage.events.iter()
            .filter(|(group, _)| *group == GroupKind::Region)
            .map(|(_, event)| event.clone())
            .collect();
        prop_assert_eq!(of_shop(&region.events[to]), of_shop(&told));

        // Where it was, nothing is left in the end, and it is still known where it is.
        let sweep = |region: &mut Region| {
            region.decide(pair.0, shop, placement::Command::Sweep.into()).unwrap().reply.id
        };
        while sweep(&mut region) != Some(0) {}
        let (rows, _, work) = kept(&region.engines[usize::from(pair.0.0)], shop);
        prop_assert_eq!((rows.len(), work.len()), (0, 0));
        let view = ReadScope::new(&region.engines[usize::from(pair.0.0)], shop.0, shop.1);
        prop_assert_eq!(placement::moved_to(&view), Some(pair.1));
    }
}
