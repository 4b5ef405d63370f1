//! Given these events, this command.
//!
//! Whole stories stand in the scenario suite; here each process is asked alone what it would order,
//! on a state that holds just what the case needs.

use super::{Now, due, react, schedule::Due};
use crate::command::{Command, Event};
use crate::harness::Harness;
use crate::ids::{CartId, CustomerId, OrderId, PaymentId, RefundId, ShipmentId, StockItemId, WarehouseId};
use crate::inventory::{self, Taken};
use crate::money::Currency;
use crate::notifications::{self, MailKind};
use crate::orders::testing::Sold;
use crate::orders::{self, OrderStatus, PaidSums, PaymentStatus};
use crate::payments;
use crate::scope::{ReadScope, View};
use crate::version::{self, StateVersion};
use crate::{Timestamp, cart, customers};

const ORDER: OrderId = OrderId::from_bits(1);
const CART: CartId = CartId::from_bits(2);
const PAYMENT: PaymentId = PaymentId::from_bits(3);
const REFUND: RefundId = RefundId::from_bits(4);

/// Committed state with a time and rules, as a process sees it.
struct Moment<'h>(ReadScope<'h>, Timestamp, StateVersion);

impl View for Moment<'_> {
    fn prefix(&self) -> &[u8; 18] {
        self.0.prefix()
    }

    fn get_row(&self, key: &[u8]) -> Option<bytes::Bytes> {
        self.0.get_row(key)
    }

    fn scan_rows(&self, from: &[u8], until: &[u8], limit: usize) -> Vec<gearify_storage::Row> {
        self.0.scan_rows(from, until, limit)
    }
}

impl Now for Moment<'_> {
    fn now(&self) -> Timestamp {
        self.1
    }

    fn follows(&self, version: StateVersion) -> bool {
        version <= self.2
    }
}

fn given(shop: &Harness, event: impl Into<Event>) -> Vec<Command> {
    react(&Moment(shop.view(), shop.at, version::NEWEST), &event.into())
}

fn taken(quantity: u32) -> Vec<Taken> {
    vec![Taken { item: StockItemId::from_bits(8), warehouse: WarehouseId::from_bits(9), quantity }]
}

#[test]
fn stock_follows_its_order() {
    let shop = Harness::site();
    let check = |event: orders::Event, command: inventory::Command| {
        let commands = given(&shop, event.clone());
        assert!(commands.contains(&command.into()), "{event:?} orders {commands:?}");
    };
    let (order, reason) = (ORDER, "changed mind".to_owned());
    check(
        orders::Event::OrderCancelled { order, reason, taken: taken(2), revision: 3 },
        inventory::Command::Unallocate { order, taken: taken(2) },
    );
    check(
        orders::Event::OrderExpired { order, taken: taken(1), revision: 2 },
        inventory::Command::Unallocate { order, taken: taken(1) },
    );
    check(
        orders::Event::OrderShipped {
            order,
            shipment: ShipmentId::from_bits(5),
            lines: Vec::new(),
            taken: taken(3),
        },
        inventory::Command::Ship { order, taken: taken(3) },
    );
    let (refund, payment, currency) = (REFUND, PAYMENT, Currency::GBP);
    check(
        orders::Event::RefundRequested { order, refund, payment, amount: 5, currency, restock: taken(1) },
        inventory::Command::Restock { order, taken: taken(1) },
    );
}

#[test]
fn a_payment_follows_its_order() {
    let mut shop = Harness::site();
    let start = payments::Command::Start {
        order: ORDER,
        provider: "test".into(),
        token: None,
        amount: 500,
        currency: Currency::GBP,
    };
    let payment = PaymentId::from_bits(shop.make(start));
    let cancelled = || orders::Event::OrderCancelled {
        order: ORDER,
        reason: String::new(),
        taken: Vec::new(),
        revision: 2,
    };
    let expired = || orders::Event::OrderExpired { order: ORDER, taken: Vec::new(), revision: 2 };
    let void: Command = payments::Command::Void { payment }.into();
    assert!(given(&shop, cancelled()).contains(&void));
    assert!(given(&shop, expired()).contains(&void));

    let attempt = payments::PAYMENTS.get(&shop.view(), &payment).unwrap().attempt.id;
    let outcome = payments::Outcome::Captured { reference: "p".into(), amount: 500 };
    shop.run(payments::Command::Settle { payment, attempt, outcome });
    let (amount, reason) = (500, "cancelled".to_owned());
    let back: Command = orders::Command::GiveBack { order: ORDER, payment, amount, reason }.into();
    assert!(given(&shop, cancelled()).contains(&back), "what was collected goes back");
    assert!(!given(&shop, cancelled()).contains(&void), "there is nothing left to give up");

    let (order, currency) = (ORDER, Currency::GBP);
    let asked = orders::Event::RefundRequested {
        order,
        refund: REFUND,
        payment,
        amount: 200,
        currency,
        restock: Vec::new(),
    };
    let refund = payments::Command::StartRefund { payment, refund: Some(REFUND), amount: 200 };
    assert_eq!(given(&shop, asked), [refund.into()]);
}

#[test]
fn papers_follow_their_order() {
    let shop = Harness::site();
    let (order, refund) = (ORDER, REFUND);
    let check = |event: orders::Event, command: Option<orders::Command>| {
        let given = given(&shop, event.clone()).into_iter();
        let papers = given.filter(|command| {
            let Command::Orders(command) = command else { return false };
            matches!(command, orders::Command::IssueInvoice { .. } | orders::Command::IssueCreditNote { .. })
        });
        let expected: Vec<Command> = command.into_iter().map(Command::from).collect();
        assert_eq!(papers.collect::<Vec<_>>(), expected, "{event:?}");
    };
    let credit = |refund| Some(orders::Command::IssueCreditNote { order, refund });
    check(orders::Event::OrderConfirmed { order }, Some(orders::Command::IssueInvoice { order }));
    let refunded = orders::Event::OrderRefunded { order, refund, amount: 1, currency: Currency::GBP };
    check(refunded, credit(Some(refund)));
    let (reason, taken, revision) = (String::new(), Vec::new(), 2);
    check(orders::Event::OrderCancelled { order, reason, taken, revision }, credit(None));
    check(orders::Event::OrderExpired { order, taken: Vec::new(), revision }, None);
    check(orders::Event::RefundFailed { order, refund }, None);
}

#[test]
fn an_unknown_orders_payment_orders_nothing() {
    let shop = Harness::site();
    let (order, payment) = (ORDER, PAYMENT);
    let failed =
        payments::Event::PaymentFailed { payment, order, provider: "test".into(), code: "no".into() };
    assert_eq!(given(&shop, failed), []);
}

#[test]
fn a_hold_follows_its_cart() {
    let shop = Harness::site();
    let changed = |drop_hold| cart::Event::CartChanged { cart: CART, revision: 2, drop_hold };
    assert_eq!(given(&shop, changed(true)), [inventory::Command::Release { cart: CART }.into()]);
    assert_eq!(given(&shop, changed(false)), []);
    assert_eq!(
        given(&shop, inventory::Event::InventoryReleased { cart: CART }),
        [],
        "there is no cart to tell"
    );
}

#[test]
fn guest_orders_join_only_what_was_verified() {
    let shop = Harness::site();
    let customer = CustomerId::from_bits(6);
    let verified = customers::Event::EmailVerified { customer, email_hash: [1; 16] };
    assert_eq!(given(&shop, verified), [], "nobody ordered under this address");
    let locale = crate::Locale::parse("en").unwrap();
    let registered = given(&shop, customers::Event::CustomerRegistered { customer, locale });
    let queue = notifications::Command::Queue {
        kind: MailKind::VerifyEmail,
        subject: notifications::Subject::Customer(customer),
    };
    assert_eq!(registered, [queue.into()]);
}

#[test]
fn people_are_told_what_happened() {
    let shop = Harness::site();
    let order = ORDER;
    let check = |event: Event, kind: Option<MailKind>| {
        let mails = given(&shop, event.clone()).into_iter().filter_map(|command| match command {
            Command::Notifications(notifications::Command::Queue { kind, .. }) => Some(kind),
            _ => None,
        });
        assert_eq!(mails.collect::<Vec<_>>(), kind.into_iter().collect::<Vec<_>>(), "{event:?}");
    };
    let started = |provider: &str| payments::Event::PaymentInitiated {
        payment: PAYMENT,
        order,
        provider: provider.into(),
        amount: 1,
        currency: Currency::GBP,
    };
    check(started("manual").into(), Some(MailKind::OrderReceived));
    check(started("test").into(), None);
    check(orders::Event::OrderConfirmed { order }.into(), Some(MailKind::OrderConfirmed));
    let refunded = orders::Event::OrderRefunded { order, refund: REFUND, amount: 1, currency: Currency::GBP };
    check(refunded.into(), Some(MailKind::OrderRefunded));
    let status = orders::PaymentStatus::Paid;
    check(orders::Event::PaymentStatusChanged { order, status, paid: PaidSums::default() }.into(), None);
    check(orders::Event::OrderExpired { order, taken: Vec::new(), revision: 1 }.into(), None);
}

#[test]
fn what_falls_due_becomes_one_command() {
    let check = |plan: Due, command: Command| assert_eq!(due(&plan), [command]);
    check(Due::Cart(CART), cart::Command::Expire { cart: CART }.into());
    check(Due::CartIdle(CART), cart::Command::Idle { cart: CART }.into());
    check(Due::Hold(CART), inventory::Command::ExpireHold { cart: CART }.into());
    check(Due::Order(ORDER), orders::Command::Expire { order: ORDER }.into());
}

#[test]
fn what_is_captured_beyond_the_total_goes_back() {
    let mut sold = Sold::of([1, 0]);
    let late = sold.starts("test");
    sold.declines(late);
    let paid = sold.pays();
    assert_eq!(sold.order().status, OrderStatus::Confirmed);
    sold.captures(late, 1_000);
    assert_eq!(sold.money(), [(1_000, 1_000), (1_000, 0)], "of the payment that came late, not of {paid}");
    let order = sold.order();
    assert_eq!(order.payment_status(), PaymentStatus::Paid, "the order itself was not refunded");
    let refunds: Vec<_> = order.refunds.iter().map(|refund| (refund.amount, refund.state)).collect();
    assert_eq!(refunds, [(1_000, orders::RefundState::Succeeded)]);
    assert_eq!(sold.mails(), [MailKind::OrderConfirmed, MailKind::OrderRefunded]);
}

#[test]
fn a_paid_order_gives_up_what_else_is_under_way() {
    let mut sold = Sold::of([1, 0]);
    let late = sold.starts("test");
    sold.declines(late);
    let waits = sold.starts("manual");
    sold.captures(late, 1_000);
    let state = payments::PAYMENTS.get(&sold.shop.view(), &waits).unwrap().state;
    assert_eq!((sold.order().status, state), (OrderStatus::Confirmed, payments::PaymentState::Voided));
    // The transfer arrives all the same.
    sold.shop.run(payments::Command::MarkReceived { payment: waits });
    assert_eq!(sold.money(), [(1_000, 0), (1_000, 1_000)]);
}

#[test]
fn parts_that_make_more_than_the_total_give_the_rest_back() {
    let mut sold = Sold::of([1, 0]);
    let late = sold.starts("test");
    sold.declines(late);
    let part = sold.starts("test");
    sold.captures(part, 400);
    assert_eq!(sold.order().payment_status(), PaymentStatus::PartiallyPaid);
    sold.captures(late, 1_000);
    assert_eq!(sold.order().status, OrderStatus::Confirmed);
    assert_eq!(sold.money(), [(1_000, 400), (400, 0)]);
}

#[test]
fn a_refund_of_the_order_is_no_reason_to_keep_a_second_capture() {
    let mut sold = Sold::of([2, 0]);
    let late = sold.starts("test");
    sold.declines(late);
    sold.pays();
    sold.gives_back(1, false);
    sold.captures(late, 2_000);
    assert_eq!(sold.money(), [(2_000, 2_000), (2_000, 1_000)]);
    assert_eq!(sold.order().payment_status(), PaymentStatus::PartiallyRefunded);
}

#[test]
fn an_order_that_expires_gives_back_what_was_captured_of_it() {
    let mut sold = Sold::of([1, 0]);
    let part = sold.starts("test");
    sold.captures(part, 400);
    let rest = sold.starts("test");
    sold.lapses();
    assert_eq!(sold.order().status, OrderStatus::Expired);
    assert_eq!(sold.money(), [(400, 400), (0, 0)]);
    assert_eq!(sold.mails(), [MailKind::OrderExpired, MailKind::OrderRefunded]);
    // The rest comes late: it pays no order by itself, and goes back as well.
    sold.captures(rest, 600);
    assert_eq!(sold.order().status, OrderStatus::Expired);
    assert_eq!(sold.money(), [(400, 400), (600, 600)]);
}

#[test]
fn a_late_capture_of_all_takes_the_stock_again_and_keeps_no_more_than_the_total() {
    let mut sold = Sold::of([1, 0]);
    let first = sold.starts("test");
    sold.declines(first);
    let second = sold.starts("test");
    sold.lapses();
    sold.captures(first, 1_000);
    assert_eq!(sold.order().status, OrderStatus::Confirmed);
    sold.captures(second, 1_000);
    assert_eq!(sold.money(), [(1_000, 0), (1_000, 1_000)]);
}

#[test]
fn a_cancelled_order_names_what_it_gives_back() {
    let mut sold = Sold::of([1, 0]);
    sold.pays();
    sold.cancels();
    let order = sold.order();
    assert_eq!(order.payment_status(), PaymentStatus::Refunded);
    assert_eq!(order.refunds.len(), 1);
    assert_eq!(sold.mails(), [MailKind::OrderConfirmed, MailKind::OrderCancelled, MailKind::OrderRefunded]);
}

#[test]
fn what_comes_after_an_order_was_cancelled_goes_back_and_is_told() {
    let mut sold = Sold::of([1, 0]);
    let late = sold.starts("test");
    sold.cancels();
    sold.captures(late, 1_000);
    assert_eq!(sold.money(), [(1_000, 1_000)]);
    assert_eq!(sold.mails(), [MailKind::OrderCancelled, MailKind::OrderRefunded]);
}

#[test]
fn under_older_rules_a_second_capture_stays_as_it_did() {
    let mut sold = Sold::under(version::IDLE, [1, 0]);
    let late = sold.starts("test");
    sold.declines(late);
    sold.pays();
    sold.captures(late, 1_000);
    assert_eq!(sold.money(), [(1_000, 0), (1_000, 0)]);
    assert_eq!(sold.order().refunds, []);
}
