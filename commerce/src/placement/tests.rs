//! Seats are given, sites placed once, and a site that is elsewhere takes no command.

use super::*;
use crate::cart;
use crate::command::Refusal as AnyRefusal;
use crate::harness::Harness;
use crate::ids::{CartId, TenantId};
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
