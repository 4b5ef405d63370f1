//! Stories of this context.

use super::{Command, Outcome, PAYMENTS, PaymentState, REFUNDS, RefundOutcome, RefundState, Refusal};
use crate::harness::Harness;
use crate::ids::{OrderId, PaymentId, RefundId};
use crate::money::Currency;
use crate::scope::open_work;

const ORDER: OrderId = OrderId::from_bits(5);

struct Till {
    shop: Harness,
    payment: PaymentId,
}

fn start(amount: i64) -> Command {
    Command::Start {
        order: ORDER,
        provider: "test".into(),
        token: Some("tok".into()),
        amount,
        currency: Currency::GBP,
    }
}

impl Till {
    fn new(amount: i64) -> Till {
        let mut shop = Harness::site();
        let payment = PaymentId::from_bits(shop.make(start(amount)));
        Till { shop, payment }
    }

    fn state(&self) -> PaymentState {
        PAYMENTS.get(&self.shop.view(), &self.payment).unwrap().state
    }

    fn settle(&mut self, outcome: Outcome) -> Result<(), crate::Refusal> {
        let attempt = PAYMENTS.get(&self.shop.view(), &self.payment).unwrap().attempt.id;
        self.shop.try_run(Command::Settle { payment: self.payment, attempt, outcome }).map(|_| ())
    }

    fn refund(&mut self, amount: i64) -> Result<RefundId, crate::Refusal> {
        let start = Command::StartRefund { payment: self.payment, refund: None, amount };
        self.shop.try_run(start).map(|reply| RefundId::from_bits(reply.id.unwrap()))
    }

    fn settle_refund(&mut self, refund: RefundId, outcome: RefundOutcome) {
        self.shop.run(Command::SettleRefund { refund, outcome });
    }

    fn calls(&self) -> usize {
        open_work(&self.shop.engine, 10).len()
    }
}

fn captured(amount: i64) -> Outcome {
    Outcome::Captured { reference: "p_1".into(), amount }
}

fn declined() -> Outcome {
    Outcome::Declined { reference: Some("p_1".into()), code: "card_declined".into() }
}

fn arrived() -> RefundOutcome {
    RefundOutcome::Succeeded { reference: "r_1".into() }
}

#[test]
fn a_state_and_a_word_make_the_next_state() {
    use PaymentState::*;
    let pending = || Outcome::Pending { reference: "p_1".into() };
    let authorised = || Outcome::Authorised { reference: "p_1".into() };
    let check = |words: Vec<Outcome>, expected: PaymentState, last_is_refused: bool| {
        let mut till = Till::new(1_000);
        let results: Vec<_> = words.iter().cloned().map(|word| till.settle(word).is_err()).collect();
        assert_eq!(till.state(), expected, "{words:?}");
        assert_eq!(results.last().copied().unwrap_or(false), last_is_refused, "{words:?}");
        assert_eq!(till.calls(), 0, "after its first word nobody is called again");
    };
    check(vec![captured(1_000)], Captured, false);
    check(vec![captured(400)], PartiallyCaptured, false);
    check(vec![pending()], Pending, false);
    check(vec![pending(), captured(1_000)], Captured, false);
    check(vec![authorised(), authorised(), captured(1_000)], Captured, false);
    check(vec![declined()], Failed, false);
    check(vec![declined(), captured(1_000)], Captured, false);
    check(vec![declined(), declined()], Failed, false);
    check(vec![captured(1_000), captured(1_000)], Captured, true);
    check(vec![captured(1_000), declined()], Captured, true);
}

#[test]
fn a_call_is_owed_until_its_outcome_is_known() {
    let mut till = Till::new(1_000);
    assert_eq!(till.calls(), 1);
    till.shop.run(Command::Void { payment: till.payment });
    assert_eq!(till.calls(), 1, "given up here, but the provider may have captured");
    till.settle(captured(1_000)).unwrap();
    assert_eq!((till.calls(), till.state()), (0, PaymentState::Captured));
}

#[test]
fn an_order_has_one_payment_under_way() {
    let mut till = Till::new(1_000);
    assert_eq!(till.shop.refused(start(1_000)), Refusal::UnderWay { payment: till.payment }.into());
    till.settle(declined()).unwrap();
    till.shop.run(start(1_000));
    assert_eq!(till.shop.refused(start(0)), Refusal::NotPositive.into());
}

#[test]
fn refunds_under_way_count_against_what_is_left() {
    let mut till = Till::new(1_000);
    till.settle(captured(1_000)).unwrap();
    let first = till.refund(600).unwrap();
    assert_eq!(till.refund(600), Err(Refusal::MoreThanCaptured { refundable: 400 }.into()));
    let second = till.refund(400).unwrap();
    till.settle_refund(first, RefundOutcome::Failed { reason: "closed account".into() });
    till.settle_refund(second, arrived());
    assert_eq!(REFUNDS.get(&till.shop.view(), &first).unwrap().state, RefundState::Failed);
    let again = till.refund(600).unwrap();
    till.settle_refund(again, arrived());
    let payment = PAYMENTS.get(&till.shop.view(), &till.payment).unwrap();
    assert_eq!((payment.captured, payment.refunded, payment.refunding), (1_000, 1_000, 0));
    let repeated = till.shop.refused(Command::SettleRefund { refund: again, outcome: arrived() });
    assert_eq!(repeated, Refusal::AlreadySettled { payment: till.payment }.into());
}

#[test]
fn a_providers_event_acts_once_and_only_on_its_attempt() {
    let mut till = Till::new(1_000);
    let attempt = PAYMENTS.get(&till.shop.view(), &till.payment).unwrap().attempt.id;
    let event = |attempt, outcome| Command::TakeEvent {
        provider: "test".into(),
        event: "evt_1".into(),
        payment: till.payment,
        attempt,
        outcome,
    };
    let (good, bad) =
        (event(attempt, captured(1_000)), event(crate::AttemptId::from_bits(1), captured(1_000)));
    assert_eq!(till.shop.refused(bad), Refusal::OtherAttempt { payment: till.payment }.into());
    till.shop.run(good.clone());
    assert_eq!(till.state(), PaymentState::Captured);
    assert_eq!(till.shop.refused(good), Refusal::RepeatedEvent.into());
}
