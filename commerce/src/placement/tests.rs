//! Seats are given, sites placed once, and a site that is elsewhere takes no command.

use super::*;
use crate::bundle::{self, ArrivalId, Change};
use crate::cart;
use crate::command::{GroupKind, Refusal as AnyRefusal};
use crate::harness::Harness;
use crate::ids::{CartId, TenantId};
use crate::processes::schedule::Due;
use crate::scope::Site;

fn seat(shards: u16, nodes: &[u64]) -> Command {
    Command::Seat { shards, nodes: nodes.to_vec() }
}

fn tenant(n: u128) -> TenantId {
    TenantId::from_bits(0x100 + n)
}

/// The first shard's state, and commands of the platform.
fn first_shard() -> Harness {
    let mut shard = Harness::new();
    shard.switch(TenantId::PLATFORM);
    shard
}

fn place(shard: &mut Harness, n: u128) -> Option<u128> {
    shard.run(Command::Place { tenant: tenant(n), site: Site::FIRST }).id
}

#[test]
fn sites_go_where_fewest_are_and_stay_there() {
    let mut shard = first_shard();
    assert_eq!(place(&mut shard, 1), Some(0), "a region that was never divided has one shard");
    assert!(!read(&shard.engine).is_divided());
    shard.run(seat(3, &[1, 2, 3, 4, 5]));
    let placed: Vec<_> = (1..=7).map(|n| place(&mut shard, n)).collect();
    assert_eq!(placed, [0, 1, 2, 0, 1, 2, 0].map(Some));
    assert_eq!(place(&mut shard, 2), Some(1), "asked again, it stays");
    let placement = read(&shard.engine);
    assert_eq!(placement.shard_of(tenant(3), Site::FIRST), Some(Shard(2)));
    assert_eq!(placement.shard_of(tenant(8), Site::FIRST), None);
    assert_eq!(placement.shard_of(TenantId::PLATFORM, Site::NONE), Some(Shard::FIRST));
    let seats: Vec<_> = placement.shards.values().map(|seats| (seats.nodes.len(), seats.sites)).collect();
    assert_eq!(seats, [(5, 3), (3, 2), (3, 2)]);
}

#[test]
fn a_shard_has_as_many_seats_as_is_said() {
    let mut shard = first_shard();
    let wide = |voters| Command::SeatWide { shards: 3, nodes: vec![1, 2, 3, 4, 5], voters };
    let widths = |shard: &Harness| {
        read(&shard.engine).shards.values().map(|seats| seats.nodes.len()).collect::<Vec<_>>()
    };
    for (voters, expected) in [(3, [5, 3, 3]), (5, [5, 5, 5]), (3, [5, 3, 3])] {
        shard.run(wide(voters));
        assert_eq!(widths(&shard), expected, "{voters} voters");
    }
    for voters in [0, 1, 2, 4, 6, 255] {
        let refusal = shard.refused(wide(voters));
        assert_eq!(refusal, AnyRefusal::Placement(Refusal::Voters), "{voters} voters");
    }
}

#[test]
fn who_sold_before_the_region_was_divided_stays_in_the_first_shard() {
    let mut shard = Harness::site();
    let (code, name) = ("MAIN".to_owned(), crate::Name::parse("Main").unwrap());
    let country = crate::Country::parse("GB").unwrap();
    shard.switch(tenant(1)).run(crate::inventory::Command::PutWarehouse {
        id: None,
        code,
        name,
        country,
        priority: 1,
        active: true,
    });
    shard.site = Site::NONE;
    shard.switch(TenantId::PLATFORM).run(seat(2, &[1]));
    assert_eq!(place(&mut shard, 2), Some(0));
    assert_eq!(place(&mut shard, 3), Some(1));
    assert_eq!(place(&mut shard, 1), Some(0), "the second has fewer sites");
}

#[test]
fn a_shard_refuses_what_another_one_holds() {
    let mut shard = first_shard();
    shard.run(seat(2, &[1]));
    place(&mut shard, 1);
    assert_eq!(place(&mut shard, 2), Some(1));
    shard.site = Site::FIRST;
    let sale = || cart::Command::Expire { cart: CartId::from_bits(1) };
    let refusal = shard.switch(tenant(2)).refused(sale());
    assert_eq!(refusal, AnyRefusal::Placement(Refusal::Moved { to: Shard(1) }));
    let refusal = shard.switch(tenant(1)).refused(sale());
    assert!(!matches!(refusal, AnyRefusal::Placement(_)), "{refusal}");
}

#[test]
fn shards_are_seated_within_bounds_and_never_fewer() {
    let mut shard = first_shard();
    let refused = |shard: &mut Harness, command| shard.refused(command);
    let out = AnyRefusal::Placement(Refusal::ShardsOutOfRange { max: SHARDS_MAX });
    assert_eq!(refused(&mut shard, seat(0, &[1])), out);
    assert_eq!(refused(&mut shard, seat(65, &[1])), out);
    assert_eq!(refused(&mut shard, seat(2, &[])), Refusal::NoNodes.into());
    shard.run(seat(4, &[2, 1]));
    assert_eq!(refused(&mut shard, seat(3, &[1])), Refusal::FewerShards { shards: 4 }.into());
    let founders = |shard: &Harness| -> Vec<u64> {
        read(&shard.engine).shards.values().map(|seats| seats.founder).collect()
    };
    assert_eq!(founders(&shard), [1; 4]);
    shard.run(seat(4, &[2, 3, 4]));
    assert_eq!(founders(&shard), [1; 4], "a log begins once");
}

fn mv(n: u128, to: u16) -> Command {
    Command::Move { tenant: tenant(n), site: Site::FIRST, to: Shard(to) }
}

/// From the second shard to the third.
fn attempt(n: u128, arrival: u128) -> Command {
    attempt_on(n, (1, 2), arrival)
}

fn attempt_on(n: u128, (from, to): (u16, u16), arrival: u128) -> Command {
    let (from, to) = (Shard(from), Shard(to));
    Command::Attempt { tenant: tenant(n), site: Site::FIRST, from, to, arrival: ArrivalId(arrival) }
}

const LAST: LastStep = LastStep { step: 7, sequence: 4 };

fn placed(n: u128, arrival: u128, last: LastStep) -> Command {
    let arrival = ArrivalId(arrival);
    Command::Placed { tenant: tenant(n), site: Site::FIRST, arrival, since: 99, last }
}

fn settled(n: u128, arrival: u128) -> Command {
    Command::Settled { tenant: tenant(n), site: Site::FIRST, arrival: ArrivalId(arrival) }
}

/// Three shards; the second shop is in the second.
fn three_shards() -> Harness {
    let mut shard = first_shard();
    shard.run(seat(3, &[1]));
    assert_eq!(place(&mut shard, 1), Some(0));
    assert_eq!(place(&mut shard, 2), Some(1));
    shard
}

#[test]
fn what_is_written_down_of_a_move_goes_forward_only() {
    use Refusal::*;
    let mut shard = three_shards();
    let early = || LastStep { step: 1, ..LAST };
    let table: [(Command, Result<(), Refusal>); 25] = [
        (attempt(2, 5), Err(NotMoving)),
        (placed(2, 5, LAST), Err(NotMoving)),
        (settled(2, 5), Ok(())),
        (mv(2, 3), Err(UnknownShard { to: Shard(3) })),
        (mv(9, 2), Err(NotPlaced)),
        (mv(2, 1), Err(AlreadyThere { to: Shard(1) })),
        (mv(2, 2), Ok(())),
        (mv(2, 2), Ok(())),
        (mv(2, 0), Err(AlreadyMoving { to: Shard(2) })),
        (placed(2, 5, LAST), Err(OtherAttempt)),
        (attempt(2, 5), Ok(())),
        (attempt(2, 5), Ok(())),
        (attempt(2, 6), Ok(())),
        (attempt(2, 5), Err(OtherAttempt)),
        (placed(2, 5, LAST), Err(OtherAttempt)),
        (settled(2, 6), Err(NotArrived)),
        (placed(2, 6, LAST), Ok(())),
        (placed(2, 6, LAST), Ok(())),
        (placed(2, 6, early()), Err(AlreadyPlaced)),
        (attempt(2, 7), Err(AlreadyPlaced)),
        (settled(2, 5), Err(OtherAttempt)),
        (settled(2, 6), Ok(())),
        (settled(2, 6), Ok(())),
        (mv(2, 0), Ok(())),
        (attempt(2, 8), Err(OtherWay { from: Shard(2), to: Shard(0) })),
    ];
    for (n, (command, expected)) in table.into_iter().enumerate() {
        let told = shard.try_run(command.clone()).map(drop);
        assert_eq!(told, expected.map_err(AnyRefusal::from), "{n}: {command:?}");
    }
    let placement = read(&shard.engine);
    let place = placement.sites[&(tenant(2), Site::FIRST)];
    assert_eq!((place, placement.moves.len()), (SitePlace { shard: Shard(2), since: 99 }, 1));
    let sites: Vec<_> = placement.shards.values().map(|seats| seats.sites).collect();
    assert_eq!(sites, [1, 0, 1]);
    // Asked for the shop, the first shard says where it is now.
    shard.site = Site::FIRST;
    let refusal = shard.switch(tenant(2)).refused(cart::Command::Expire { cart: CartId::from_bits(1) });
    assert_eq!(refusal, Moved { to: Shard(2) }.into());
}

fn arrive(arrival: u128, step: u64, change: Change) -> bundle::Command {
    bundle::Command::Arrive { group: GroupKind::Region, arrival: ArrivalId(arrival), step, change }
}

fn sale() -> crate::command::Command {
    cart::Command::Expire { cart: CartId::from_bits(1) }.into()
}

#[test]
fn a_shard_that_a_site_leaves_takes_nothing_for_it_but_what_cleans_up() {
    let mut shop = Harness::site();
    let (gone, there) = (Refusal::Moved { to: Shard(2) }, Command::Leave { to: Shard(2) });
    let begin = || arrive(5, 0, Change::Begin);
    assert_eq!(shop.refused(Command::Sweep), Refusal::NotLeft.into());
    shop.run(begin());
    assert_eq!(
        shop.refused(there.clone()),
        bundle::Refusal::Arriving.into(),
        "nobody leaves who has not come"
    );
    shop.run(arrive(5, 1, Change::Rows(vec![(vec![200, 1], vec![1])])));
    shop.run(arrive(5, 2, Change::Land { sequence: 0 }));
    for _ in 0..2 {
        shop.run(there.clone());
    }
    assert_eq!(shop.refused(sale()), gone.clone().into());
    assert_eq!(shop.refused(Command::Leave { to: Shard(1) }), gone.clone().into());
    assert_eq!(shop.refused(arrive(6, 0, Change::Begin)), gone.clone().into(), "something of it is here");
    let owner = (shop.tenant, shop.site);
    assert_eq!(left(&shop.engine, 9).iter().map(|(owner, _)| *owner).collect::<Vec<_>>(), [owner]);
    let swept: Vec<_> = (0..3).map(|_| shop.run(Command::Sweep).id).collect();
    assert_eq!(swept, [Some(1), Some(0), Some(0)]);
    assert!(left(&shop.engine, 9).is_empty());
    assert!(bundle::rows(&shop.engine, owner, None, 9).unwrap().is_empty());
    assert_eq!(shop.refused(sale()), gone.clone().into());
    // It may come back, as a move and as nothing else.
    shop.run(arrive(6, 0, Change::Begin));
    let end = Change::End { sequence: 0, tenant: None, keys_of: None };
    assert_eq!(shop.refused(arrive(6, 1, end)), bundle::Refusal::Elsewhere.into());
    assert_eq!(shop.refused(sale()), gone.into());
    shop.run(arrive(6, 1, Change::Land { sequence: 0 }));
    assert_eq!(moved_to(&shop.view()), None);
}

#[test]
fn plans_of_a_site_wait_while_it_goes_or_comes_and_are_dropped_where_it_was() {
    let plans = |shop: &Harness| {
        let page = bundle::plan(&shop.engine, (shop.tenant, shop.site), None, 9).unwrap();
        page.plans.into_iter().map(|(at, _)| at.millis_since(shop.at)).collect::<Vec<_>>()
    };
    let run_due = |shop: &mut Harness| {
        let (tenant, site) = (shop.tenant, shop.site);
        (shop.tenant, shop.site) = (TenantId::PLATFORM, Site::NONE);
        shop.run(crate::processes::schedule::Command::RunDue { limit: 9 });
        (shop.tenant, shop.site) = (tenant, site);
    };
    let mut shop = Harness::site();
    let plan = vec![(shop.at, Due::Cart(CartId::from_bits(1)))];
    shop.run(arrive(5, 0, Change::Begin));
    shop.run(arrive(5, 1, Change::Plan(plan)));
    run_due(&mut shop);
    assert_eq!(plans(&shop), [10_000]);
    shop.run(arrive(5, 2, Change::Land { sequence: 0 }));
    shop.run(Command::Leave { to: Shard(1) });
    shop.pass(10_000);
    run_due(&mut shop);
    assert_eq!(plans(&shop), [1_000]);
    shop.run(Command::Sweep);
    shop.pass(1_000);
    run_due(&mut shop);
    assert!(plans(&shop).is_empty());
}

#[test]
fn who_has_left_the_first_shard_and_moves_on_is_still_swept_up_there() {
    let mut shard = three_shards();
    let of_shop = |shard: &mut Harness| (shard.tenant, shard.site) = (tenant(1), Site::FIRST);
    let of_platform = |shard: &mut Harness| (shard.tenant, shard.site) = (TenantId::PLATFORM, Site::NONE);
    of_shop(&mut shard);
    shard.run(arrive(3, 0, Change::Begin));
    shard.run(arrive(3, 1, Change::Rows(vec![(vec![200, 1], vec![1])])));
    shard.run(arrive(3, 2, Change::Land { sequence: 0 }));
    for to in 1..3 {
        of_platform(&mut shard);
        shard.run(mv(1, to));
        shard.run(attempt_on(1, (to - 1, to), to.into()));
        of_shop(&mut shard);
        if to == 1 {
            shard.run(Command::Leave { to: Shard(to) });
        }
        of_platform(&mut shard);
        shard.run(placed(1, to.into(), LAST));
        shard.run(settled(1, to.into()));
    }
    of_shop(&mut shard);
    assert_eq!(shard.refused(sale()), Refusal::Moved { to: Shard(2) }.into());
    assert_eq!([shard.run(Command::Sweep).id, shard.run(Command::Sweep).id], [Some(1), Some(0)]);
    assert!(left(&shard.engine, 9).is_empty());
}
