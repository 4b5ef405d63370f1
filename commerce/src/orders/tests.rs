//! Stories of this context.

use super::testing::{ITEM, LINE, ORDER, Sold, ship};
use super::{Command, OrderStatus, PARCELS, REASONS, RefundItem, Refusal, Why};
use crate::harness::sealed;
use crate::ids::{LineId, PaymentId, PersonId, TenantId, WarehouseId};
use crate::inventory;
use crate::payments::RefundOutcome;
use crate::sealed::{KeyedHash, PersonRef, SealError, Vault, WrappedKey};
use crate::version;

#[test]
fn no_more_pieces_come_back_than_left() {
    let mut sold = Sold::of([3, 0]);
    sold.pays();
    sold.ships(1);
    sold.gives_back(1, true);
    assert_eq!(sold.on_hand()[0], 13, "the one that left is back");
    sold.gives_back(1, true);
    assert_eq!(sold.on_hand()[0], 13, "a piece that never left can't come back");
    sold.ships(1);
    sold.gives_back(1, true);
    assert_eq!(sold.on_hand()[0], 13);
    let order = sold.order();
    assert_eq!(order.lines[0].quantities.returned, 2);
    assert_eq!(order.paid.refunded, order.totals.total);
}

#[test]
fn a_refund_says_which_of_its_pieces_come_back() {
    let mut sold = Sold::of([3, 0]);
    sold.pays();
    sold.ships(1);
    sold.gives_back(2, true);
    let items = sold.order().refunds[0].items.clone();
    let part = |restock| RefundItem::Line { line: LINE, quantity: 1, amount: 1_000, restock };
    assert_eq!(items, [part(true), part(false)]);
    // The other one that was paid back goes out by mistake, and comes back after all: nothing is asked for it.
    sold.ships(2);
    sold.gives_back(1, true);
    assert_eq!(sold.on_hand()[0], 12);
}

#[test]
fn pieces_go_back_to_the_houses_they_left_from() {
    let mut sold = Sold::of([2, 2]);
    sold.pays();
    sold.ships(3);
    sold.ships(1);
    assert_eq!(sold.on_hand(), [10, 10]);
    sold.gives_back(1, true);
    assert_eq!(sold.on_hand(), [11, 10]);
    sold.gives_back(3, true);
    assert_eq!(sold.on_hand(), [12, 12], "as before the sale");
}

#[test]
fn a_piece_that_came_back_stays_when_its_refund_fails() {
    let mut sold = Sold::of([2, 0]);
    sold.pays();
    sold.ships(2);
    sold.asks_back(1, true);
    sold.refunds_end(&RefundOutcome::Failed { reason: "closed account".into() });
    assert_eq!(sold.on_hand()[0], 11);
    // The refund is asked for again, and of both now.
    sold.gives_back(2, true);
    assert_eq!(sold.on_hand()[0], 12);
    assert_eq!(sold.order().lines[0].quantities.returned, 2);
}

#[test]
fn of_a_shipment_of_older_rules_the_first_house_is_known() {
    let mut sold = Sold::under(version::IDLE, [2, 1]);
    sold.pays();
    sold.ships(2);
    sold.ships(1);
    let order = sold.order();
    assert!(!PARCELS.contains(&sold.shop.view(), &(ORDER, order.shipments[0].id)));
    sold.gives_back(1, true);
    // As programs before would: all of it to the first shipment's house, and again as many as were shipped.
    sold.gives_back(1, true);
    assert_eq!((sold.on_hand(), sold.order().lines[0].quantities.returned), ([12, 10], 0));
    sold.shop.rules = version::RETURNS;
    sold.gives_back(1, true);
    assert_eq!((sold.on_hand(), sold.order().lines[0].quantities.returned), ([12, 11], 1));
}

#[test]
fn an_order_waits_longer_and_never_shorter() {
    let mut sold = Sold::of([1, 0]);
    let first = sold.order().expires_at.unwrap();
    let until = |millis| Command::Await { order: ORDER, until: first.plus_millis(millis) };
    sold.shop.run(until(-1));
    assert_eq!(sold.order().expires_at, Some(first));
    sold.shop.run(until(1_000));
    assert_eq!(sold.order().expires_at, Some(first.plus_millis(1_000)));
    sold.shop.at = first;
    let run = || crate::processes::schedule::Command::RunDue { limit: 10 };
    sold.shop.run(run());
    assert_eq!(sold.order().status, OrderStatus::Placed, "the earlier plan is gone");
    sold.shop.pass(1_000);
    sold.shop.run(run());
    assert_eq!(sold.order().status, OrderStatus::Expired);
}

#[test]
fn what_is_sold_beyond_stock_leaves_once_it_has_come() {
    let mut sold = Sold::beyond_stock(2, 2);
    sold.pays();
    let missing = |short| Refusal::NotInStock { line: LINE, short }.into();
    assert_eq!(sold.shop.refused(ship(4)), missing(2));
    assert_eq!(sold.shop.refused(ship(3)), missing(1));
    sold.ships(1);
    sold.receives(2);
    sold.ships(3);
    assert_eq!(sold.on_hand()[0], 0);
    let line = &sold.order().lines[0];
    assert_eq!((line.quantities.shipped, line.allocations.len()), (4, 0));
}

#[test]
fn a_reason_in_somebodys_words_is_kept_sealed_beside_the_order() {
    let mut sold = Sold::of([2, 0]);
    sold.pays();
    let order = sold.order();
    let person = PersonRef { person: order.contact.sealed.person(), new_key: None };
    let why = || Why::Sealed { person: person.clone(), text: sealed() };
    let items = vec![RefundItem::Goodwill { amount: 100 }];
    let (payments, revision) = (vec![(order.payments[0], 100)], order.revision);
    sold.shop.run(Command::RefundFor { order: ORDER, revision, payments, items, why: why() });
    sold.shop.run(Command::CallOff { order: ORDER, why: why() });
    let order = sold.order();
    assert_eq!((order.cancel_reason.as_deref(), order.refunds[0].reason.as_str()), (None, ""));
    let kept = |about: u128| REASONS.contains(&sold.shop.view(), &(ORDER, about));
    assert!(kept(0) && kept(order.refunds[0].id.bits()));
    let told = sold.shop.events.iter().filter_map(|envelope| match &envelope.event {
        crate::Event::Orders(super::Event::OrderCancelled { reason, .. }) => Some(reason.clone()),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [""]);
}

#[test]
fn what_no_payment_covers_alone_is_given_back_by_the_newest_first() {
    let mut sold = Sold::of([2, 0]);
    let part = sold.starts("test");
    sold.captures(part, 400);
    let rest = sold.starts("test");
    sold.captures(rest, 1_600);
    sold.ships(2);
    sold.gives_back(1, true);
    assert_eq!(sold.money(), [(400, 0), (1_600, 1_000)]);
    sold.gives_back(1, true);
    assert_eq!(sold.money(), [(400, 400), (1_600, 1_600)]);
    assert_eq!(sold.on_hand()[0], 12, "each piece comes back once");
    let order = sold.order();
    let of = |n: usize| (order.refunds[n].payment, order.refunds[n].items.clone());
    let line = |quantity, amount, restock| vec![RefundItem::Line { line: LINE, quantity, amount, restock }];
    assert_eq!([of(1), of(2)], [(rest, line(1, 600, true)), (part, line(0, 400, false))]);
}

#[test]
fn several_payments_give_back_what_is_theirs_and_no_more() {
    let mut sold = Sold::of([2, 0]);
    let part = sold.starts("test");
    sold.captures(part, 400);
    let rest = sold.starts("test");
    sold.captures(rest, 1_600);
    let mut check = |payments: &[(PaymentId, i64)], amount, refusal: Refusal| {
        let (payments, items) = (payments.to_vec(), vec![RefundItem::Goodwill { amount }]);
        let (revision, why) = (sold.order().revision, Why::Untold);
        let refund = Command::RefundFor { order: ORDER, revision, payments, items, why };
        assert_eq!(sold.shop.refused(refund), refusal.into());
    };
    check(&[], 100, Refusal::NoPayment);
    check(&[(part, 50), (part, 50)], 100, Refusal::NoPayment);
    check(&[(PaymentId::from_bits(1), 100)], 100, Refusal::NoPayment);
    check(&[(part, 401)], 401, Refusal::MoreThanPaid { refundable: 400 });
    check(&[(part, 100), (rest, 0)], 100, Refusal::NotPositive);
    check(&[(part, 100), (rest, 100)], 300, Refusal::Stale);
    let view = sold.shop.view();
    let asked = [crate::intent::RefundRequest::Goodwill { amount: 2_001 }];
    let too_much = super::refund::preview(&view, &sold.order(), None, &asked);
    assert_eq!(too_much, Err(Refusal::MoreThanPaid { refundable: 2_000 }));
    let of_one = super::refund::preview(&view, &sold.order(), Some(part), &asked);
    assert_eq!(of_one, Err(Refusal::MoreThanPaid { refundable: 400 }));
    // More than can be counted is more than was paid.
    let endless = [i64::MAX, 1].map(|amount| crate::intent::RefundRequest::Goodwill { amount });
    let endless = super::refund::preview(&view, &sold.order(), None, &endless);
    assert_eq!(endless, Err(Refusal::MoreThanPaid { refundable: 2_000 }));
}

#[test]
fn a_reason_is_no_longer_than_a_few_sentences() {
    let mut sold = Sold::of([1, 0]);
    let words = |count| Command::CallOff { order: ORDER, why: Why::Words("x".repeat(count)) };
    assert_eq!(sold.shop.refused(words(501)), Refusal::TooLong.into());
    sold.shop.run(words(500));
}

#[test]
fn an_old_reason_is_read_as_it_stood() {
    let mut sold = Sold::under(version::ROSTER, [1, 0]);
    sold.shop.run(Command::Cancel { order: ORDER, reason: "changed mind".into() });
    let view = sold.shop.view();
    let read = super::why_cancelled(&view, &NoVault, &sold.order());
    assert_eq!(read.as_deref(), Some("changed mind"));
}

/// Nothing is sealed, so nothing is opened.
struct NoVault;

impl Vault for NoVault {
    fn new_key(&self, _: TenantId) -> WrappedKey {
        unreachable!("nobody is new")
    }

    fn seal(
        &self,
        _: TenantId,
        _: PersonId,
        _: &WrappedKey,
        _: &[u8],
    ) -> Result<([u8; 12], Vec<u8>), SealError> {
        Err(SealError::WrongKey)
    }

    fn open(
        &self,
        _: TenantId,
        _: PersonId,
        _: &WrappedKey,
        _: &[u8; 12],
        _: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        Err(SealError::WrongKey)
    }

    fn hash(&self, _: TenantId, _: &str, _: &[u8]) -> KeyedHash {
        [0; 16]
    }
}

/// Pieces set aside in each house.
fn set_aside(sold: &Sold) -> [i64; 2] {
    let level = |house| inventory::LEVELS.get(&sold.shop.view(), &(ITEM, house)).unwrap_or_default();
    sold.houses.map(|house| level(house).allocated)
}

#[test]
fn a_lines_open_pieces_are_sent_from_another_house() {
    let mut sold = Sold::of([3, 0]);
    let [near, far] = sold.houses;
    sold.pays();
    sold.ships(1);
    sold.shop.events.clear();
    let moves = |from, to| Command::Reallocate { order: ORDER, line: LINE, from, to };
    sold.shop.run(moves(None, far));
    assert_eq!((sold.on_hand(), set_aside(&sold)), ([12, 10], [0, 2]), "nothing but the promise moves");
    assert_eq!(sold.shop.story(), ["order.allocation_moved", "inventory.updated"]);
    sold.ships(1);
    assert_eq!((sold.on_hand(), set_aside(&sold)), ([12, 9], [0, 1]));
    sold.shop.run(moves(Some(far), near));
    sold.ships(1);
    assert_eq!((sold.on_hand(), set_aside(&sold)), ([11, 9], [0, 0]));
    // Each piece goes back to where it left from.
    sold.gives_back(3, true);
    assert_eq!(sold.on_hand(), [13, 10]);
}

#[test]
fn pieces_are_not_set_aside_where_they_are_not() {
    let mut sold = Sold::from_stock(version::NEWEST, [3, 2], &[(0, 3)]);
    let [near, far] = sold.houses;
    let moves = |from, to| Command::Reallocate { order: ORDER, line: LINE, from, to };
    let short = Refusal::NotThere { line: LINE, sku: "BALL".into(), requested: 3, available: 2 };
    let nowhere = WarehouseId::from_bits(404);
    let strange = LineId::from_bits(405);
    let table = [
        (moves(None, far), short),
        (moves(None, near), Refusal::NothingToMove { line: LINE }),
        (moves(Some(far), near), Refusal::NothingToMove { line: LINE }),
        (moves(None, nowhere), Refusal::UnknownWarehouse { warehouse: nowhere }),
        (
            Command::Reallocate { order: ORDER, line: strange, from: None, to: far },
            Refusal::UnknownLine { line: strange },
        ),
    ];
    for (command, refusal) in table {
        assert_eq!(sold.shop.refused(command), refusal.into());
    }
    sold.cancels();
    let refused = sold.shop.refused(moves(None, far));
    let (status, wanted) = ("cancelled".to_owned(), "moved".to_owned());
    assert_eq!(refused, Refusal::WrongStatus { status, wanted }.into());
    assert_eq!(set_aside(&sold), [0, 0]);
}

#[test]
fn what_is_sold_beyond_stock_may_wait_in_any_house() {
    let mut sold = Sold::beyond_stock(1, 2);
    sold.pays();
    let far = sold.houses[1];
    sold.shop.run(Command::Reallocate { order: ORDER, line: LINE, from: None, to: far });
    assert_eq!((sold.on_hand(), set_aside(&sold)), ([1, 0], [0, 3]));
    let missing = Refusal::NotInStock { line: LINE, short: 1 };
    assert_eq!(sold.shop.refused(ship(1)), missing.into());
    sold.receives_in(1, 3);
    sold.ships(3);
    assert_eq!(sold.on_hand(), [1, 0]);
}
