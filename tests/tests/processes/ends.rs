//! Being asked to end while people order.

use crate::buyers::{Attempt, Heard, acknowledged, buy_on, read};
use gearify_node::testpay::Faults;
use gearify_tests::shop::Premises;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;

const IN_WORK: usize = 8;
const BUYERS: usize = 4;

/// From here on a payment takes a while.
async fn slow_down(premises: &Premises, delay_ms: u64) {
    let slow = Faults { delay_ms, ..Faults::default() };
    premises.provider.set_faults(&slow).await.expect("the provider takes orders");
}

#[test]
fn ctrl_c_lets_an_order_finish_and_ends_well() {
    let premises = Premises::new();
    let market = premises.shop_selling(&[("BALL", 2_490, 10)]);
    let node = premises.start();
    let host = premises.host(&node);
    premises.runtime.block_on(async {
        let attempt = Attempt::prepare(&host, "BALL", 1, "tok_ok").await.expect("a cart is prepared");
        slow_down(&premises, 1_500).await;
        let order = tokio::spawn(async move { attempt.place().await });
        tokio::time::sleep(Duration::from_millis(700)).await;
        node.interrupt();
        let answer = order.await.expect("buyers do not panic").expect("it is answered").expect(201);
        assert_eq!(answer.json["payment_status"], "paid", "the answer waits for the payment");
        slow_down(&premises, 0).await;
    });
    let log = node.log();
    let status = node.ended();
    assert_eq!(status.code(), Some(0), "{status}: {log}");
    premises.look_over(&market);
}

#[test]
fn sigterm_lets_accepted_orders_finish_and_loses_none() {
    let premises = Premises::new();
    let market = premises.shop_selling(&[("BALL", 2_490, 100_000)]);
    let node = premises.start();
    let host = premises.host(&node);
    let heard = premises.runtime.block_on(async {
        let mut waiting = Vec::new();
        for number in 0..IN_WORK {
            waiting
                .push(Attempt::prepare(&host, "BALL", number, "tok_ok").await.expect("a cart is prepared"));
        }
        let mut buyers = JoinSet::new();
        let (skus, serial) = (Arc::new(vec!["BALL".to_owned()]), Arc::new(AtomicUsize::new(IN_WORK)));
        for _ in 0..BUYERS {
            buyers.spawn(buy_on(host.clone(), skus.clone(), serial.clone()));
        }
        // Whoever begins another cart has an answer to the last.
        while serial.load(Ordering::Relaxed) < IN_WORK + BUYERS + 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        // These orders are surely in work when the signal comes.
        slow_down(&premises, 1_500).await;
        let mut orders = JoinSet::new();
        for attempt in waiting {
            orders.spawn(async move { attempt.place().await });
        }
        tokio::time::sleep(Duration::from_millis(700)).await;
        node.ask_to_end();
        let mut heard = Heard::default();
        while let Some(answer) = orders.join_next().await {
            let answer =
                answer.expect("buyers do not panic").expect("an accepted order is answered").expect(201);
            assert_eq!(answer.json["payment_status"], "paid", "the answer waits for the payment");
            heard.acknowledged.push(acknowledged(&answer.json));
        }
        while let Some(bought) = buyers.join_next().await {
            heard.add(bought.expect("buyers do not panic"));
        }
        slow_down(&premises, 0).await;
        heard
    });
    let log = node.log();
    let status = node.ended();
    assert!(status.success(), "{status}: {log}");

    let node = premises.start();
    let host = premises.host(&node);
    premises.runtime.block_on(async {
        assert!(heard.acknowledged.len() > IN_WORK, "the others bought something too");
        for order in &heard.acknowledged {
            assert_eq!(acknowledged(&read(&host, order).await), *order);
        }
        for attempt in &heard.unknown {
            attempt.moved(&host).place().await.expect("the node answers").expect(201);
        }
    });
    node.stop();
    premises.look_over(&market);
}
