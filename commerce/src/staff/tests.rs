//! Stories of this context.

use super::*;
use crate::command;
use crate::harness::Harness;
use crate::ids::{ApiKeyId, StaffId, TenantId, ViewId};
use crate::sealed::{KeyedHash, PERSON_KEYS, PersonRef, SealError, Sealed, Vault, WrappedKey, open, seal};
use crate::text::Name;
use crate::time::DAY_MS;

/// Turns bytes round: enough to show that nothing stands in the clear.
struct Mirror;

impl Vault for Mirror {
    fn new_key(&self, _: TenantId) -> WrappedKey {
        WrappedKey(vec![7])
    }

    fn seal(
        &self,
        _: TenantId,
        _: crate::ids::PersonId,
        _: &WrappedKey,
        plain: &[u8],
    ) -> Result<([u8; 12], Vec<u8>), SealError> {
        Ok(([0; 12], plain.iter().map(|byte| !byte).collect()))
    }

    fn open(
        &self,
        _: TenantId,
        _: crate::ids::PersonId,
        _: &WrappedKey,
        _: &[u8; 12],
        cipher: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        Ok(cipher.iter().map(|byte| !byte).collect())
    }

    fn hash(&self, _: TenantId, _: &str, value: &[u8]) -> KeyedHash {
        let mut hash = [0; 16];
        hash.copy_from_slice(&blake3::hash(value).as_bytes()[..16]);
        hash
    }
}

fn email_hash(name: &str) -> KeyedHash {
    Mirror.hash(TenantId::PLATFORM, "email", format!("{name}@shop.example").as_bytes())
}

fn card(shop: &Harness, id: StaffId, name: &str) -> (PersonRef, Sealed<Card>) {
    let person = PersonRef::of(&shop.view(), &Mirror, person_of(id));
    let card = Card { email: format!("{name}@shop.example"), name: name.to_owned() };
    let sealed = seal(&shop.view(), &Mirror, &person, &card).unwrap();
    (person, sealed)
}

fn adding(shop: &Harness, bits: u128, name: &str, role: Role) -> Command {
    let staff = StaffId::from_bits(bits);
    let (person, card) = card(shop, staff, name);
    let password_hash = Some("$argon2id$first".to_owned());
    Command::Add { staff, person, card, email_hash: email_hash(name), role, password_hash, setup: None }
}

fn add(shop: &mut Harness, bits: u128, name: &str, role: Role) -> StaffId {
    let command = adding(shop, bits, name, role);
    shop.run(command);
    StaffId::from_bits(bits)
}

fn refused(shop: &mut Harness, command: Command) -> Refusal {
    match shop.refused(command) {
        command::Refusal::Staff(refusal) => refusal,
        other => panic!("{other}"),
    }
}

#[test]
fn a_member_is_found_by_the_hash_of_the_address_and_reads_sealed() {
    let mut shop = Harness::new();
    let ada = add(&mut shop, 1, "ada", Role::Owner);
    let found = by_email(&shop.view(), &email_hash("ada")).unwrap();
    assert_eq!((found.id, found.revision, found.active), (ada, 1, true));
    assert!(!format!("{found:?}").contains("ada"), "nothing personal is printed");
    assert_eq!(open(&shop.view(), &Mirror, &found.card).map(|card| card.name), Ok("ada".to_owned()));
    assert!(PERSON_KEYS.contains(&shop.view(), &person_of(ada)));
    let again = adding(&shop, 2, "ada", Role::Support);
    assert_eq!(refused(&mut shop, again), Refusal::EmailTaken);
}

#[test]
fn the_same_address_may_work_in_two_shops_and_operators_only_on_the_platform() {
    let mut shop = Harness::new();
    add(&mut shop, 1, "ada", Role::Owner);
    shop.switch(TenantId::from_bits(0x72));
    add(&mut shop, 2, "ada", Role::Owner);
    let operator = adding(&shop, 3, "bob", Role::Operator);
    assert_eq!(refused(&mut shop, operator), Refusal::WrongPlace);
    shop.switch(TenantId::PLATFORM);
    let owner = adding(&shop, 4, "bob", Role::Owner);
    assert_eq!(refused(&mut shop, owner), Refusal::WrongPlace);
    add(&mut shop, 5, "bob", Role::Operator);
    assert_eq!(list(&shop.view()).len(), 1);
}

#[test]
fn a_set_up_link_works_once_and_in_time() {
    let mut shop = Harness::new();
    let expires_at = shop.at.plus_millis(DAY_MS);
    let link = SetupLink { token_hash: [9; 16], expires_at };
    let staff = StaffId::from_bits(1);
    let (person, card) = card(&shop, staff, "ada");
    let (email_hash, role) = (email_hash("ada"), Role::Owner);
    shop.run(Command::Add { staff, person, card, email_hash, role, password_hash: None, setup: Some(link) });
    let use_link = |token| Command::SetUp { staff, token_hash: token, password_hash: "$argon2id$own".into() };
    assert_eq!(refused(&mut shop, use_link([8; 16])), Refusal::LinkOver);
    shop.run(use_link([9; 16]));
    let found = by_email(&shop.view(), &email_hash).unwrap();
    assert_eq!(found.password_hash.as_deref(), Some("$argon2id$own"));
    assert_eq!(refused(&mut shop, use_link([9; 16])), Refusal::LinkOver, "it was used");
}

#[test]
fn a_set_up_link_runs_out() {
    let mut shop = Harness::new();
    let link = SetupLink { token_hash: [9; 16], expires_at: shop.at.plus_millis(DAY_MS) };
    let staff = StaffId::from_bits(1);
    let (person, card) = card(&shop, staff, "ada");
    let email_hash = email_hash("ada");
    let role = Role::Owner;
    shop.run(Command::Add { staff, person, card, email_hash, role, password_hash: None, setup: Some(link) });
    shop.pass(DAY_MS);
    let late = Command::SetUp { staff, token_hash: [9; 16], password_hash: "$argon2id$own".into() };
    assert_eq!(refused(&mut shop, late), Refusal::LinkOver);
    assert_eq!(by_email(&shop.view(), &email_hash).unwrap().password_hash, None);
}

#[test]
fn a_shop_keeps_an_active_owner() {
    let mut shop = Harness::new();
    let ada = add(&mut shop, 1, "ada", Role::Owner);
    let bob = add(&mut shop, 2, "bob", Role::Manager);
    let demote = Command::ChangeRole { staff: ada, role: Role::Support };
    assert_eq!(refused(&mut shop, demote.clone()), Refusal::LastOwner);
    assert_eq!(refused(&mut shop, Command::Deactivate { staff: ada }), Refusal::LastOwner);
    shop.run(Command::ChangeRole { staff: bob, role: Role::Owner });
    shop.run(Command::Deactivate { staff: bob });
    assert_eq!(refused(&mut shop, demote.clone()), Refusal::LastOwner, "an inactive owner lets nobody in");
    shop.run(Command::Reactivate { staff: bob });
    shop.run(demote);
    assert_eq!(
        shop.story()[2..],
        ["staff.role_changed", "staff.deactivated", "staff.reactivated", "staff.role_changed"]
    );
}

#[test]
fn a_revoked_key_opens_nothing() {
    let mut shop = Harness::new();
    let secret_hash = [5; 16];
    let name = Name::parse("warehouse").unwrap();
    let make = |scopes| Command::AddApiKey { name: name.clone(), secret_hash, scopes };
    assert_eq!(refused(&mut shop, make(vec![])), Refusal::NoScope);
    let key = ApiKeyId::from_bits(shop.make(make(vec![Permission::StockWrite])));
    assert_eq!(api_key(&shop.view(), &secret_hash).map(|found| found.id), Some(key));
    shop.run(Command::RevokeApiKey { key });
    assert_eq!(api_key(&shop.view(), &secret_hash), None);
    assert!(API_KEYS.get(&shop.view(), &key).is_some_and(|found| found.revoked_at == Some(shop.at)));
    let unknown = Command::RevokeApiKey { key: ApiKeyId::from_bits(1) };
    assert_eq!(refused(&mut shop, unknown), Refusal::UnknownKey);
}

fn saving(shop: &Harness, view: Option<ViewId>, owner: StaffId, by: StaffId, shared: bool) -> Command {
    let person = PersonRef::of(&shop.view(), &Mirror, person_of(owner));
    let words = ViewWords { name: "Pat's orders".to_owned(), query: "q=pat%40shopper.example".to_owned() };
    let words = seal(&shop.view(), &Mirror, &person, &words).unwrap();
    Command::SaveView { view, by, list: ViewList::Orders, shared, person, words }
}

fn names(shop: &Harness, staff: StaffId, list: ViewList) -> Vec<ViewId> {
    views_of(&shop.view(), staff, list).into_iter().map(|saved| saved.id).collect()
}

#[test]
fn a_view_is_its_owners_until_it_is_shared_and_reads_sealed() {
    let mut shop = Harness::new();
    let (ada, bob, eve) = (
        add(&mut shop, 1, "ada", Role::Owner),
        add(&mut shop, 2, "bob", Role::Support),
        add(&mut shop, 3, "eve", Role::Support),
    );
    let command = saving(&shop, None, bob, bob, false);
    let view = ViewId::from_bits(shop.make(command));
    assert_eq!(names(&shop, bob, ViewList::Orders), [view]);
    assert_eq!(names(&shop, bob, ViewList::Products), [], "a view is of one list");
    assert_eq!(names(&shop, ada, ViewList::Orders), [], "not even the shop's owner sees it");
    let found = SAVED_VIEWS.get(&shop.view(), &view).unwrap();
    assert!(!format!("{found:?}").contains("pat"), "who is looked for is not printed");
    assert_eq!(open(&shop.view(), &Mirror, &found.words).unwrap().query, "q=pat%40shopper.example");
    for command in [saving(&shop, Some(view), bob, ada, true), Command::DeleteView { view, by: ada }] {
        assert_eq!(refused(&mut shop, command), Refusal::UnknownView, "it is as good as none");
    }

    let command = saving(&shop, Some(view), bob, bob, true);
    shop.run(command);
    assert_eq!(names(&shop, ada, ViewList::Orders), [view]);
    let by_eve = saving(&shop, Some(view), bob, eve, false);
    assert_eq!(refused(&mut shop, by_eve), Refusal::NotYourView);
    assert_eq!(refused(&mut shop, Command::DeleteView { view, by: eve }), Refusal::NotYourView);
    let command = saving(&shop, Some(view), bob, ada, true);
    shop.run(command);
    let found = SAVED_VIEWS.get(&shop.view(), &view).unwrap();
    assert_eq!((found.owner, found.revision), (bob, 3), "it stays whose it was");
    shop.run(Command::DeleteView { view, by: ada });
    assert_eq!(names(&shop, bob, ViewList::Orders), []);
    assert_eq!(refused(&mut shop, Command::DeleteView { view, by: bob }), Refusal::UnknownView);
    let told = ["staff.view_saved", "staff.view_saved", "staff.view_saved", "staff.view_deleted"];
    assert_eq!(shop.story()[3..], told);
}

#[test]
fn views_are_of_one_shop_and_not_without_end() {
    let mut shop = Harness::new();
    let ada = add(&mut shop, 1, "ada", Role::Owner);
    for _ in 0..VIEWS_MAX {
        let command = saving(&shop, None, ada, ada, true);
        shop.run(command);
    }
    let more = saving(&shop, None, ada, ada, true);
    assert_eq!(refused(&mut shop, more), Refusal::TooMany { max: VIEWS_MAX as u32 });
    shop.switch(TenantId::from_bits(0x72));
    let ada = add(&mut shop, 1, "ada", Role::Owner);
    assert_eq!(names(&shop, ada, ViewList::Orders), [], "those of another shop are not here");
    let command = saving(&shop, None, ada, ada, true);
    shop.run(command);
    let nobody = StaffId::from_bits(9);
    let by_nobody = saving(&shop, None, ada, nobody, true);
    assert_eq!(refused(&mut shop, by_nobody), Refusal::UnknownStaff);
}

#[test]
fn a_view_waits_until_every_node_knows_views() {
    let mut shop = Harness::new();
    let ada = add(&mut shop, 1, "ada", Role::Owner);
    shop.rules = VIEWS - 1;
    let early = saving(&shop, None, ada, ada, true);
    assert_eq!(refused(&mut shop, early), Refusal::NotYet);
}

#[test]
fn each_role_may_do_its_own() {
    let check = |role: Role, permission: &str, may: bool| {
        let permission = Permission::parse(permission).unwrap();
        assert_eq!(role.may(permission), may, "{role} {permission}");
    };
    check(Role::Owner, "staff:write", true);
    check(Role::Owner, "platform:write", false);
    check(Role::Manager, "settings:write", true);
    check(Role::Manager, "staff:write", false);
    check(Role::Fulfilment, "stock:write", true);
    check(Role::Fulfilment, "orders:refund", false);
    check(Role::Fulfilment, "customers:read", false);
    check(Role::Support, "orders:refund", true);
    check(Role::Support, "products:write", false);
    check(Role::Operator, "platform:write", true);
    check(Role::Operator, "customers:read", false);
    for role in Role::ALL {
        assert_eq!(Role::parse(role.as_str()), Some(*role));
    }
    for permission in Permission::ALL {
        assert_eq!(Permission::parse(permission.as_str()), Some(*permission));
    }
}
