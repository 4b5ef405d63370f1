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

#[test]
fn sigterm_lets_accepted_orders_finish_and_loses_none() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    market.product(&mut files, "BALL", 2_490);
    market.stock(&mut files, "BALL", 0, 100_000);
    files.stop();
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
        // From here on a payment takes a while: these orders are surely in work when the signal comes.
        let slow = Faults { delay_ms: 1_500, ..Faults::default() };
        premises.provider.set_faults(&slow).await.expect("the provider takes orders");
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
        premises.provider.set_faults(&Faults::default()).await.expect("the provider takes orders");
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
