//! The layers as they are put together, in a time that goes on when everybody waits.

use super::*;
use gearify_commerce::payments::{Attempt, Outcome, Payment, PaymentState};
use gearify_commerce::{AttemptId, Currency, OrderId, PaymentId, Timestamp};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::Instant;

/// What a gateway does with a call.
#[derive(Clone, Copy)]
enum Manner {
    Answers,
    Fails,
    /// Loses its first answer.
    Forgets,
    Hangs,
}

/// Notes when it is called, and whether it is asked to look first.
struct Desk {
    manner: Manner,
    is_well: AtomicBool,
    calls: Mutex<Vec<(Instant, bool)>>,
}

impl Desk {
    fn that(manner: Manner) -> Arc<Desk> {
        Arc::new(Desk { manner, is_well: AtomicBool::new(false), calls: Mutex::default() })
    }

    fn called(&self) -> usize {
        self.calls.lock().len()
    }

    /// Pauses between its calls.
    fn pauses(&self) -> Vec<Duration> {
        self.calls.lock().windows(2).map(|pair| pair[1].0 - pair[0].0).collect()
    }
}

impl Gateway for Desk {
    fn call(&self, call: Call) -> BoxFuture<'_, Result<Answer, CallError>> {
        let Call::Pay { look_up, .. } = call else { panic!("only payments are asked for") };
        self.calls.lock().push((Instant::now(), look_up));
        let good = Ok(Answer::Payment(Outcome::Pending { reference: "p".into() }));
        let is_well = self.is_well.load(Ordering::SeqCst);
        async move {
            match self.manner {
                Manner::Hangs => futures::future::pending().await,
                Manner::Forgets if self.called() == 1 => Err(CallError::Unknown("no answer".into())),
                Manner::Fails if !is_well => Err(CallError::NotSent("nobody is there".into())),
                Manner::Answers | Manner::Fails | Manner::Forgets => good,
            }
        }
        .boxed()
    }
}

fn pay() -> Call {
    let at = Timestamp::from_millis(0);
    let attempt = Attempt { id: AttemptId::from_bits(1), token: Some("tok_ok".into()), started_at: at };
    let payment = Payment {
        id: PaymentId::from_bits(1),
        order: OrderId::from_bits(1),
        provider: "p".into(),
        amount: 100,
        currency: Currency::GBP,
        state: PaymentState::Pending,
        attempt,
        reference: None,
        captured: 0,
        refunding: 0,
        refunded: 0,
        decline_code: None,
        created_at: at,
        updated_at: at,
    };
    Call::Pay { tenant: tenant(1), payment: Box::new(payment), look_up: false }
}

fn tenant(bits: u128) -> TenantId {
    TenantId::from_bits(bits)
}

async fn ask(callers: &Callers, desk: &Arc<Desk>) -> Result<Answer, Exhausted> {
    callers.call("p", tenant(1), desk.clone(), pay()).await
}

fn between(pause: Duration, low: u64, high: u64) {
    let (low, high) = (Duration::from_millis(low), Duration::from_millis(high + 1));
    assert!((low..=high).contains(&pause), "{pause:?} is not within {low:?} to {high:?}");
}

#[tokio::test(start_paused = true)]
async fn after_a_lost_answer_the_next_try_looks_first() {
    let (callers, desk) = (Callers::default(), Desk::that(Manner::Forgets));
    let answer = ask(&callers, &desk).await;
    assert!(matches!(answer, Ok(Answer::Payment(Outcome::Pending { .. }))));
    let looked: Vec<bool> = desk.calls.lock().iter().map(|(_, looked)| *looked).collect();
    assert_eq!(looked, [false, true]);
    between(desk.pauses()[0], 2_000, 2_500);
}

#[tokio::test(start_paused = true)]
async fn there_are_three_more_tries_each_after_a_longer_pause_that_is_never_quite_the_same() {
    let mut first = Vec::new();
    for _ in 0..8 {
        let (callers, desk) = (Callers::default(), Desk::that(Manner::Fails));
        assert!(matches!(ask(&callers, &desk).await, Err(Exhausted::Failed(CallError::NotSent(_)))));
        let pauses = desk.pauses();
        assert_eq!(pauses.len(), 3);
        between(pauses[0], 2_000, 2_500);
        between(pauses[1], 4_000, 5_000);
        between(pauses[2], 8_000, 10_000);
        first.push(pauses[0]);
    }
    first.sort();
    first.dedup();
    assert!(first.len() > 1, "callers that failed together do not come back together: {first:?}");
}

#[tokio::test(start_paused = true)]
async fn a_try_that_is_not_answered_ends_after_ten_seconds_and_is_unknown() {
    let (callers, desk) = (Callers::default(), Desk::that(Manner::Hangs));
    let begun = Instant::now();
    assert!(matches!(ask(&callers, &desk).await, Err(Exhausted::Failed(CallError::Unknown(_)))));
    // Four tries of ten seconds, and the pauses between them.
    between(begun.elapsed(), 40_000 + 14_000, 40_000 + 17_500);
    between(desk.pauses()[0], 12_000, 12_500);
}

#[tokio::test(start_paused = true)]
async fn five_failures_keep_everybody_away_for_half_a_minute_and_the_gauge_says_so() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let page = recorder.handle();
    let _here = metrics::set_default_local_recorder(&recorder);
    let up = |value: u8| {
        let line = format!("gearify_payment_provider_up{{gateway=\"p\"}} {value}\n");
        assert!(page.render().contains(&line), "{line}{}", page.render());
    };
    let (callers, desk) = (Arc::new(Callers::default()), Desk::that(Manner::Fails));
    let asked = |number: u128| {
        let (callers, desk) = (callers.clone(), desk.clone());
        tokio::spawn(async move { callers.call("p", tenant(number), desk, pay()).await })
    };
    callers.begin("p");
    up(1);
    ask(&callers, &desk).await.expect_err("it fails four times");
    assert_eq!(desk.called(), 4);
    up(1);
    // The fifth failure in a row.
    let fifth = asked(1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    up(0);
    let opened = desk.calls.lock().last().expect("it was called").0;
    desk.is_well.store(true, Ordering::SeqCst);
    // No other shop's call comes through either, and no further try of the same.
    let second = asked(2);
    for held in [fifth, second] {
        let held = held.await.expect("it does not panic");
        let Err(Exhausted::Failed(CallError::NotSent(reason))) = held else { panic!("{held:?}") };
        assert!(reason.contains("left alone"), "{reason}");
    }
    assert_eq!(desk.called(), 5);
    up(0);
    // Another provider is another matter.
    callers.call("q", tenant(1), Desk::that(Manner::Answers), pay()).await.expect("it answers");
    assert!(page.render().contains("gearify_payment_provider_up{gateway=\"q\"} 1\n"));
    tokio::time::sleep_until(opened + Duration::from_secs(30)).await;
    ask(&callers, &desk).await.expect("it is well again");
    assert_eq!(desk.called(), 6);
    up(1);
}

#[tokio::test(start_paused = true)]
async fn the_call_that_tries_after_the_pause_is_alone() {
    let (callers, desk) = (Arc::new(Callers::default()), Desk::that(Manner::Fails));
    for _ in 0..2 {
        ask(&callers, &desk).await.expect_err("it fails");
    }
    let opened = desk.calls.lock().last().expect("it was called").0;
    tokio::time::sleep_until(opened + Duration::from_secs(30)).await;
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let (callers, desk) = (callers.clone(), desk.clone());
            tokio::spawn(async move { ask(&callers, &desk).await })
        })
        .collect();
    for call in asked {
        call.await.expect("it does not panic").expect_err("it fails still");
    }
    // One of eight went through, and failed; their later tries came within the next half minute.
    assert_eq!(desk.called(), 5 + 1);
}

#[tokio::test(start_paused = true)]
async fn ten_calls_run_twenty_wait_and_more_are_turned_away() {
    let (callers, desk) = (Arc::new(Callers::default()), Desk::that(Manner::Hangs));
    let call = |number: u128| {
        let (callers, desk) = (callers.clone(), desk.clone());
        tokio::spawn(async move { callers.call("p", tenant(number), desk, pay()).await })
    };
    let running: Vec<_> = (0..RUNNING_MAX + WAITING_MAX).map(|_| call(1)).collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(desk.called(), RUNNING_MAX, "the others wait");
    assert!(matches!(call(1).await.expect("no panic"), Err(Exhausted::Full)));
    // Another shop has a bulkhead of its own, and so has this one at another provider.
    let elsewhere = call(2);
    let fine = Desk::that(Manner::Answers);
    callers.call("q", tenant(1), fine, pay()).await.expect("another provider answers");
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(desk.called(), RUNNING_MAX + 1);
    // Whoever ends makes room: for one that waits, and for one more to wait.
    running[0].abort();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(desk.called(), RUNNING_MAX + 2);
    let late = call(1);
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!late.is_finished(), "it waits");
    running.iter().chain([&elsewhere, &late]).for_each(tokio::task::JoinHandle::abort);
}
