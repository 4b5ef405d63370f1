//! Steps in and out of turn, what stays, and what is refused.

use super::*;
use crate::ReadScope;
use crate::command::{GroupKind, Refusal as AnyRefusal, Reply};
use crate::harness::Harness;
use crate::ids::PersonId;
use crate::sealed::{ERASED, PERSON_KEYS, WrappedKey};
use gearify_storage::encode;

fn step(shop: &mut Harness, arrival: u128, step: u64, change: Change) -> Result<Reply, AnyRefusal> {
    let arrival = ArrivalId(arrival);
    shop.try_run(Command::Arrive { group: GroupKind::Region, arrival, step, change })
}

fn end() -> Change {
    Change::End { sequence: 0, tenant: None, keys_of: None }
}

fn row(key: u8) -> Change {
    Change::Rows(vec![(vec![200, key], vec![key])])
}

fn keys(shop: &Harness) -> Vec<Vec<u8>> {
    let rows = rows(&shop.engine, (shop.tenant, shop.site), None, 100).unwrap();
    rows.into_iter().map(|(key, _)| key).collect()
}

#[test]
fn steps_count_once_and_in_their_turn() {
    let mut shop = Harness::site();
    let next = |next| Err(AnyRefusal::Bundle(Refusal::OutOfTurn { next }));
    assert_eq!(step(&mut shop, 5, 1, row(1)), next(0));
    assert_eq!(step(&mut shop, 5, 0, row(1)), next(0));
    assert!(step(&mut shop, 5, 0, Change::Begin).is_ok());
    assert_eq!(step(&mut shop, 5, 2, row(2)), next(1));
    for _ in 0..2 {
        assert!(step(&mut shop, 5, 1, row(1)).is_ok());
    }
    assert_eq!(keys(&shop), [[200, 1]]);
    // Asked for again with something else in it, a step that was taken stays as it was.
    assert!(step(&mut shop, 5, 1, row(9)).is_ok());
    assert_eq!(keys(&shop), [[200, 1]]);
    assert!(step(&mut shop, 5, 2, end()).is_ok());
    // The first step, come late, does not begin again.
    assert!(step(&mut shop, 5, 0, Change::Begin).is_ok());
    assert!(!is_arriving(&ReadScope::new(&shop.engine, shop.tenant, shop.site)));
    assert!(step(&mut shop, 7, 0, Change::Begin).is_ok());
    assert_eq!(step(&mut shop, 6, 0, Change::Begin), Err(AnyRefusal::Bundle(Refusal::Overtaken)));
    assert!(step(&mut shop, 8, 0, Change::Begin).is_ok(), "a later arrival takes over");
}

#[test]
fn while_a_site_arrives_nothing_else_is_written_to_it() {
    let mut shop = Harness::site();
    step(&mut shop, 5, 0, Change::Begin).unwrap();
    let sale = || crate::processes::schedule::Command::RunDue { limit: 1 };
    assert_eq!(shop.try_run(sale()), Err(AnyRefusal::Bundle(Refusal::Arriving)));
    let other = shop.tenant;
    shop.switch(crate::TenantId::from_bits(0x99));
    assert!(shop.try_run(sale()).is_ok());
    shop.switch(other);
    step(&mut shop, 5, 1, end()).unwrap();
    assert!(shop.try_run(sale()).is_ok());
}

#[test]
fn clearing_takes_bounded_steps_and_leaves_history_and_register() {
    let mut shop = Harness::site();
    step(&mut shop, 5, 0, Change::Begin).unwrap();
    for n in 0..3u64 {
        let rows = (0..400u32).map(|key| ([&[30 + n as u8][..], &key.to_be_bytes()].concat(), vec![1]));
        step(&mut shop, 5, 1 + n, Change::Rows(rows.collect())).unwrap();
    }
    step(&mut shop, 5, 4, end()).unwrap();
    let gone = PersonId::from_bits(3);
    let at = shop.at;
    shop.try_run(Command::Forget { group: GroupKind::Region, people: vec![(gone, at)] }).unwrap();
    step(&mut shop, 6, 0, Change::Begin).unwrap();
    let removed: Vec<_> = (1..5).map(|n| step(&mut shop, 6, n, Change::Clear).unwrap().id).collect();
    assert_eq!(removed, [Some(512), Some(512), Some(176), Some(0)]);
    assert_eq!(erased(&shop.engine, (shop.tenant, shop.site), None, 10), [(gone, at)]);
    let later = erased(&shop.engine, (shop.tenant, shop.site), Some(gone), 10);
    assert!(later.is_empty());
}

#[test]
fn a_range_is_filled_and_emptied_of_everything_else() {
    let mut shop = Harness::site();
    step(&mut shop, 5, 0, Change::Begin).unwrap();
    let many = (0..700u16).map(|n| ([&[40][..], &n.to_be_bytes()].concat(), vec![1])).collect();
    step(&mut shop, 5, 1, Change::Rows(many)).unwrap();
    step(&mut shop, 5, 2, row(1)).unwrap();
    let filled = |key: u16| (([&[40][..], &key.to_be_bytes()].concat()), vec![2]);
    let range = |until: &[u8]| Change::Range {
        from: vec![40, 0, 1],
        until: until.to_vec(),
        rows: vec![filled(300), filled(1_000)],
    };
    let outside = Change::Range { from: vec![41], until: vec![], rows: vec![filled(300)] };
    assert_eq!(step(&mut shop, 5, 3, outside), Err(AnyRefusal::Bundle(Refusal::OutOfRange)));
    let removed: Vec<_> = (3..5).map(|n| step(&mut shop, 5, n, range(&[41])).unwrap().id).collect();
    assert_eq!(removed, [Some(1), Some(0)], "bounded, and asked for again");
    let left = |keys: &[u16]| keys.iter().map(|key| filled(*key).0).collect::<Vec<_>>();
    assert_eq!(keys(&shop), [left(&[0, 300, 1_000]), vec![vec![200, 1]]].concat());
    assert_eq!(step(&mut shop, 5, 5, range(&[])).unwrap().id, Some(0));
    step(&mut shop, 5, 6, Change::Remove(left(&[1_000, 7]))).unwrap();
    assert_eq!(keys(&shop), left(&[0, 300]));
}

#[test]
fn who_was_erased_here_gets_no_key_that_arrives() {
    let mut shop = Harness::site();
    let (gone, kept) = (PersonId::from_bits(3), PersonId::from_bits(4));
    let at = shop.at;
    shop.try_run(Command::Forget { group: GroupKind::Region, people: vec![(gone, at)] }).unwrap();
    step(&mut shop, 5, 0, Change::Begin).unwrap();
    let key = |person: PersonId| [&[PERSON_KEYS.tag()][..], &person.bits().to_be_bytes()].concat();
    let arriving = [gone, kept].map(|person| (key(person), encode(&WrappedKey(vec![7; 4]))));
    step(&mut shop, 5, 1, Change::Rows(arriving.into())).unwrap();
    step(&mut shop, 5, 2, end()).unwrap();
    let view = ReadScope::new(&shop.engine, shop.tenant, shop.site);
    assert!(!PERSON_KEYS.contains(&view, &gone) && ERASED.contains(&view, &gone));
    assert!(PERSON_KEYS.contains(&view, &kept));
}

#[test]
fn rows_of_the_place_itself_are_refused() {
    let mut shop = Harness::site();
    step(&mut shop, 5, 0, Change::Begin).unwrap();
    for key in [vec![], vec![0], vec![10], vec![20]] {
        let rows = Change::Rows(vec![(key, vec![1])]);
        assert_eq!(step(&mut shop, 5, 1, rows), Err(AnyRefusal::Bundle(Refusal::OwnRow)));
    }
    let missing = Change::End { sequence: 4, tenant: None, keys_of: None };
    let refusal = Refusal::EventsMissing { wanted: 4, here: 0 };
    assert_eq!(step(&mut shop, 5, 1, missing), Err(AnyRefusal::Bundle(refusal)));
}
