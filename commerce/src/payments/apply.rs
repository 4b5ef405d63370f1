//! Decides and evolves payments.

use super::command::{Command, Event, Outcome, RefundOutcome};
use super::error::Refusal;
use super::model::*;
use crate::command::Reply;
use crate::ids::{AttemptId, OrderId, PaymentId, RefundId};
use crate::money::Currency;
use crate::processes::schedule::Work;
use crate::scope::{Present, Scope, View};
use gearify_storage::planted::{self, Bug};

/// The provider that is a person looking at a bank statement.
pub const MANUAL: &str = "manual";

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Start { order, provider, token, amount, currency } => {
            decide_start(scope, *order, *amount)?;
            Ok(start(scope, *order, provider, token.clone(), *amount, *currency))
        }
        Command::Settle { payment, attempt, outcome } => settle(scope, *payment, *attempt, outcome),
        Command::TakeEvent { provider, event, payment, attempt, outcome } => {
            take_event(scope, (provider, event), *payment, *attempt, outcome)
        }
        Command::MarkReceived { payment } => mark_received(scope, *payment),
        Command::Void { payment } => void(scope, *payment),
        Command::StartRefund { payment, refund, amount } => start_refund(scope, *payment, *refund, *amount),
        Command::SettleRefund { refund, outcome } => settle_refund(scope, *refund, outcome),
    }
}

fn decide_start(view: &impl View, order: OrderId, amount: i64) -> Result<(), Refusal> {
    if amount <= 0 {
        return Err(Refusal::NotPositive);
    }
    let payments = of_order(view, order);
    if let Some(open) = payments.iter().find(|payment| payment.state.is_open()) {
        return Err(Refusal::UnderWay { payment: open.id });
    }
    if payments.len() >= ATTEMPTS_MAX {
        return Err(Refusal::TooManyAttempts { order });
    }
    Ok(())
}

fn start(
    scope: &mut Scope<'_, '_>,
    order: OrderId,
    provider: &str,
    token: Option<String>,
    amount: i64,
    currency: Currency,
) -> Reply {
    let id = PaymentId::from_bits(scope.mint());
    let attempt = Attempt { id: AttemptId::from_bits(scope.mint()), token, started_at: scope.at() };
    let payment = Payment {
        id,
        order,
        provider: provider.to_owned(),
        amount,
        currency,
        state: PaymentState::Pending,
        attempt,
        reference: None,
        captured: 0,
        refunded: 0,
        refunding: 0,
        decline_code: None,
        created_at: scope.at(),
        updated_at: scope.at(),
    };
    PAYMENTS.put(scope, &id, &payment);
    PAYMENTS_BY_ORDER.put(scope, &(order, id), &PaymentRef(id));
    if provider != MANUAL {
        scope.ask(&Work::Pay(id));
    }
    scope.emit(Event::PaymentInitiated {
        payment: id,
        order,
        provider: provider.to_owned(),
        amount,
        currency,
    });
    Reply::about(id.bits(), 1)
}

fn known(view: &impl View, payment: PaymentId) -> Result<Payment, Refusal> {
    PAYMENTS.get(view, &payment).ok_or(Refusal::UnknownPayment { payment })
}

fn settle(
    scope: &mut Scope<'_, '_>,
    id: PaymentId,
    attempt: AttemptId,
    outcome: &Outcome,
) -> Result<Reply, Refusal> {
    let mut payment = known(scope, id)?;
    if payment.attempt.id != attempt {
        return Err(Refusal::OtherAttempt { payment: id });
    }
    // A capture is a fact even after we gave the payment up; everything else is news only while open.
    let late_capture = matches!(payment.state, PaymentState::Failed | PaymentState::Voided)
        && matches!(outcome, Outcome::Captured { .. });
    if !payment.state.is_open() && !late_capture {
        if payment.captured > 0 {
            if let Outcome::Captured { amount, .. } = outcome
                && planted::is(Bug::CaptureBookedTwice)
            {
                payment.captured += *amount;
                PAYMENTS.put(scope, &id, &payment);
            }
            return Err(Refusal::AlreadySettled { payment: id });
        }
        // Given up here, not captured there: both agree, and nobody needs to ask again.
        scope.answered(&Work::Pay(id));
        return Ok(Reply::about(id.bits(), 0));
    }
    payment.updated_at = scope.at();
    let order = payment.order;
    let event = match outcome {
        Outcome::Captured { reference, amount } => {
            payment.captured = *amount;
            payment.state = if *amount < payment.amount {
                PaymentState::PartiallyCaptured
            } else {
                PaymentState::Captured
            };
            payment.reference = Some(reference.clone());
            payment.decline_code = None;
            Some(Event::PaymentCompleted {
                payment: id,
                order,
                provider: payment.provider.clone(),
                amount: *amount,
                currency: payment.currency,
                reference: reference.clone(),
            })
        }
        Outcome::Authorised { reference } => {
            let news = payment.state != PaymentState::Authorised;
            payment.state = PaymentState::Authorised;
            payment.reference = Some(reference.clone());
            news.then_some(Event::PaymentAuthorised {
                payment: id,
                order,
                amount: payment.amount,
                currency: payment.currency,
            })
        }
        Outcome::Pending { reference } => {
            payment.reference = Some(reference.clone());
            None
        }
        Outcome::Declined { reference, code } => {
            payment.state = PaymentState::Failed;
            payment.reference = reference.clone().or(payment.reference);
            payment.decline_code = Some(code.clone());
            Some(Event::PaymentFailed {
                payment: id,
                order,
                provider: payment.provider.clone(),
                code: code.clone(),
            })
        }
    };
    // The call has been answered; a pending payment now waits for the provider's event.
    payment.attempt.token = None;
    PAYMENTS.put(scope, &id, &payment);
    scope.answered(&Work::Pay(id));
    if let Some(event) = event {
        scope.emit(event);
    }
    Ok(Reply::about(id.bits(), 0))
}

fn take_event(
    scope: &mut Scope<'_, '_>,
    (provider, event): (&str, &str),
    payment: PaymentId,
    attempt: AttemptId,
    outcome: &Outcome,
) -> Result<Reply, Refusal> {
    let key = (provider.to_owned(), event.to_owned());
    if PROVIDER_EVENTS.contains(scope, &key) {
        return Err(Refusal::RepeatedEvent);
    }
    let reply = match settle(scope, payment, attempt, outcome) {
        // Old news is taken in, so that the provider stops telling it.
        Err(Refusal::AlreadySettled { .. }) => Reply::about(payment.bits(), 0),
        Err(refusal) => return Err(refusal),
        Ok(reply) => reply,
    };
    PROVIDER_EVENTS.put(scope, &key, &Present);
    Ok(reply)
}

fn mark_received(scope: &mut Scope<'_, '_>, id: PaymentId) -> Result<Reply, Refusal> {
    let payment = known(scope, id)?;
    if payment.provider != MANUAL {
        return Err(Refusal::NotManual { payment: id });
    }
    let reference = payment.attempt.id.to_string();
    settle(scope, id, payment.attempt.id, &Outcome::Captured { reference, amount: payment.amount })
}

fn void(scope: &mut Scope<'_, '_>, id: PaymentId) -> Result<Reply, Refusal> {
    let mut payment = known(scope, id)?;
    if !payment.state.is_open() {
        return Err(Refusal::AlreadySettled { payment: id });
    }
    payment.state = PaymentState::Voided;
    payment.updated_at = scope.at();
    PAYMENTS.put(scope, &id, &payment);
    // The call stays owed: if the provider captured after all, we must hear of it and give it back.
    scope.emit(Event::PaymentVoided { payment: id, order: payment.order });
    Ok(Reply::about(id.bits(), 0))
}

fn start_refund(
    scope: &mut Scope<'_, '_>,
    id: PaymentId,
    refund: Option<RefundId>,
    amount: i64,
) -> Result<Reply, Refusal> {
    let mut payment = known(scope, id)?;
    if amount <= 0 {
        return Err(Refusal::NotPositive);
    }
    if amount > payment.refundable() {
        return Err(Refusal::MoreThanCaptured { refundable: payment.refundable() });
    }
    let refund = refund.unwrap_or_else(|| RefundId::from_bits(scope.mint()));
    payment.refunding += amount;
    payment.updated_at = scope.at();
    let record = Refund {
        id: refund,
        payment: id,
        order: payment.order,
        amount,
        currency: payment.currency,
        state: RefundState::Pending,
        reference: None,
        failure: None,
        created_at: scope.at(),
        updated_at: scope.at(),
    };
    PAYMENTS.put(scope, &id, &payment);
    REFUNDS.put(scope, &refund, &record);
    let order = payment.order;
    scope.emit(Event::RefundInitiated { refund, payment: id, order, amount, currency: payment.currency });
    if payment.provider == MANUAL {
        let reference = refund.to_string();
        return settle_refund(scope, refund, &RefundOutcome::Succeeded { reference });
    }
    scope.ask(&Work::Refund(refund));
    Ok(Reply::about(refund.bits(), 1))
}

fn settle_refund(scope: &mut Scope<'_, '_>, id: RefundId, outcome: &RefundOutcome) -> Result<Reply, Refusal> {
    let mut refund = REFUNDS.get(scope, &id).ok_or(Refusal::UnknownRefund { refund: id })?;
    let mut payment = known(scope, refund.payment)?;
    if refund.state != RefundState::Pending {
        return Err(Refusal::AlreadySettled { payment: refund.payment });
    }
    refund.updated_at = scope.at();
    payment.refunding -= refund.amount;
    let (order, amount, currency) = (refund.order, refund.amount, refund.currency);
    let event = match outcome {
        RefundOutcome::Succeeded { reference } => {
            refund.state = RefundState::Succeeded;
            payment.refunded += refund.amount;
            refund.reference = Some(reference.clone());
            let (provider, reference) = (payment.provider.clone(), reference.clone());
            Event::RefundProcessed {
                refund: id,
                payment: refund.payment,
                order,
                provider,
                amount,
                currency,
                reference,
            }
        }
        RefundOutcome::Failed { reason } => {
            refund.state = RefundState::Failed;
            refund.failure = Some(reason.clone());
            Event::RefundFailed {
                refund: id,
                payment: refund.payment,
                order,
                amount,
                currency,
                reason: reason.clone(),
            }
        }
    };
    REFUNDS.put(scope, &id, &refund);
    PAYMENTS.put(scope, &refund.payment, &payment);
    scope.answered(&Work::Refund(id));
    scope.emit(event);
    Ok(Reply::about(id.bits(), 2))
}
