//! Stories of this context.

use super::{Command, Event, PREFERENCES, Refusal, SESSIONS, SESSIONS_MAX, Who, Wishes};
use crate::harness::Harness;
use crate::ids::{CustomerId, SessionId};
use crate::scope::Site;
use crate::time::{DAY_MS, SECOND_MS};

const WHO: Who = Who::Customer(CustomerId::from_bits(7));
const SESSION: SessionId = SessionId::from_bits(1);

fn token(n: u8) -> [u8; 16] {
    [n; 16]
}

fn start(session: SessionId) -> Command {
    Command::StartSession { session, who: WHO, token_hash: token(1), lifetime_ms: DAY_MS }
}

fn rotate(presented: u8, next: u8) -> Command {
    Command::Rotate { session: SESSION, presented: token(presented), next: token(next), lifetime_ms: DAY_MS }
}

#[test]
fn only_the_newest_token_of_a_session_works() {
    let mut shop = Harness::site();
    shop.run(start(SESSION));
    assert_eq!(shop.run(rotate(1, 2)).revision, 1);
    shop.pass(11 * SECOND_MS);
    assert_eq!(shop.run(rotate(2, 3)).revision, 1);
    shop.pass(11 * SECOND_MS);
    assert_eq!(shop.run(rotate(2, 4)).revision, 0, "an old token ends the family");
    assert!(shop.story().contains(&"session.token_reused"));
    assert_eq!(shop.refused(rotate(3, 5)), Refusal::SessionOver.into());
}

#[test]
fn a_lost_answer_is_not_theft() {
    let mut shop = Harness::site();
    shop.run(start(SESSION));
    shop.run(rotate(1, 2));
    shop.pass(3 * SECOND_MS);
    assert_eq!(shop.run(rotate(1, 3)).revision, 1, "the old token once more, a moment later");
    shop.pass(SECOND_MS);
    assert_eq!(shop.run(rotate(2, 9)).revision, 0, "the token that was never delivered is nobody's");
}

#[test]
fn a_session_ends_by_itself() {
    let mut shop = Harness::site();
    shop.run(start(SESSION));
    shop.pass(DAY_MS);
    assert_eq!(shop.refused(rotate(1, 2)), Refusal::SessionOver.into());
    shop.switch(crate::TenantId::PLATFORM).site = Site::NONE;
    shop.run(crate::processes::schedule::Command::RunDue { limit: 10 });
    shop.switch(crate::TenantId::from_bits(0x71)).site = Site::FIRST;
    assert!(SESSIONS.get(&shop.view(), &SESSION).is_none());
}

#[test]
fn the_oldest_of_too_many_devices_is_signed_out() {
    let mut shop = Harness::site();
    for n in 0..=SESSIONS_MAX as u128 {
        shop.run(start(SessionId::from_bits(n + 1)));
    }
    let open = |n| SESSIONS.contains(&shop.view(), &SessionId::from_bits(n));
    assert!(!open(1) && open(2) && open(SESSIONS_MAX as u128 + 1));
    shop.run(Command::EndSessionsOf { who: WHO });
    let ended = shop
        .events
        .iter()
        .filter(|envelope| matches!(envelope.event, crate::Event::Customers(Event::SessionEnded { .. })));
    assert_eq!(ended.count(), SESSIONS_MAX + 1);
}

#[test]
fn preferences_belong_to_somebody_and_change_from_the_revision_that_was_seen() {
    let mut shop = Harness::site();
    let customer = CustomerId::from_bits(7);
    let set = |if_revision| Command::SetWishes { customer, if_revision, wishes: Wishes::default() };
    assert_eq!(shop.refused(set(None)), Refusal::UnknownCustomer.into());
    assert_eq!(shop.refused(Command::Erase { customer }), Refusal::UnknownCustomer.into());
    assert!(PREFERENCES.get(&shop.view(), &customer).is_none());
}
