//! `kill -9` while people order, fifty times.

use crate::buyers::{Acknowledged, Heard, acknowledged, buy_on, read};
use gearify_commerce::GroupKind;
use gearify_commerce::orders::ORDERS;
use gearify_tests::shop::Premises;
use gearify_tests::stage::look;
use rand::Rng;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const KILLS: usize = 50;
const BUYERS: usize = 6;
const RARE_PIECES: i64 = 25;

#[test]
fn no_acknowledged_order_is_lost_by_fifty_kills_during_checkouts() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    for (sku, minor, pieces) in
        [("BALL", 2_490, 100_000), ("GRIP", 333, 100_000), ("RARE", 4_999, RARE_PIECES)]
    {
        market.product(&mut files, sku, minor);
        market.stock(&mut files, sku, 0, pieces);
    }
    files.stop();
    let skus = Arc::new(["BALL", "GRIP", "BALL", "RARE"].map(str::to_owned).to_vec());
    let serial = Arc::new(AtomicUsize::new(0));
    let mut known: Vec<Acknowledged> = Vec::new();
    let (mut unknown_before, mut uncertain, mut refused, mut seen) = (Vec::new(), 0, 0, 0);

    for _ in 0..KILLS {
        let node = premises.start();
        let host = premises.host(&node);
        let heard = premises.runtime.block_on(async {
            // A node that says it is ready has everything that was acknowledged before.
            for order in &known[seen..] {
                assert_eq!(acknowledged(&read(&host, order).await), *order);
            }
            let mut heard = retried(std::mem::take(&mut unknown_before), &host).await;
            let mut buyers = JoinSet::new();
            let begun = serial.load(Ordering::Relaxed);
            for _ in 0..BUYERS {
                buyers.spawn(buy_on(host.clone(), skus.clone(), serial.clone()));
            }
            let pause = rand::rng().random_range(150..700);
            tokio::time::sleep(Duration::from_millis(pause)).await;
            // On a busy machine it takes longer until something was sold at all: whoever begins another cart
            // has an answer to the last.
            let until = Instant::now() + Duration::from_secs(60);
            while serial.load(Ordering::Relaxed) < begun + BUYERS + 2 && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            node.kill();
            while let Some(bought) = buyers.join_next().await {
                heard.add(bought.expect("buyers do not panic"));
            }
            heard
        });
        seen = known.len();
        uncertain += heard.unknown.len();
        refused += heard.refused;
        known.extend(heard.acknowledged);
        unknown_before = heard.unknown;
    }

    let node = premises.start();
    let host = premises.host(&node);
    premises.runtime.block_on(async {
        let heard = retried(unknown_before, &host).await;
        assert!(heard.unknown.is_empty(), "with the node up every outcome becomes known");
        known.extend(heard.acknowledged);
        let until = Instant::now() + Duration::from_secs(60);
        for order in &known {
            loop {
                let now = read(&host, order).await;
                assert_eq!(acknowledged(&now), *order, "an order stays what was acknowledged");
                if now["payment_status"] != "pending" {
                    break;
                }
                assert!(Instant::now() < until, "the payment is not settled: {now}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    node.stop();

    println!("{KILLS} kills: {} orders, {uncertain} uncertain at a kill, {refused} refused", known.len());
    assert!(known.len() >= KILLS * 2, "too few orders to mean anything: {}", known.len());
    assert!(uncertain >= KILLS / 2, "too few kills hit an order in flight: {uncertain}");
    let balance = premises.look_over(&market);
    assert!(balance.payments as usize >= known.len());
    let mut files = premises.open();
    let orders = look(&files, GroupKind::Region, market.tenant, |view| ORDERS.list(view, &(), usize::MAX));
    let there: BTreeSet<String> = orders.iter().map(|order| order.id.to_string()).collect();
    let told: BTreeSet<String> = known.iter().map(|order| order.id.clone()).collect();
    assert_eq!(there, told, "the orders that are there are those that were acknowledged");
    let carts: BTreeSet<_> = orders.iter().map(|order| order.cart).collect();
    assert_eq!(carts.len(), orders.len(), "a cart becomes at most one order");
    let numbers: BTreeSet<_> = orders.iter().map(|order| &order.number).collect();
    assert_eq!(numbers.len(), orders.len(), "no number is given twice");
    // Nothing is sold twice, and nothing disappears: what is not promised is still for sale.
    let rare = gearify_commerce::catalog::Variant::own_stock_item(market.variants["RARE"]);
    let taken: i64 = orders
        .iter()
        .flat_map(|order| &order.lines)
        .flat_map(|line| &line.allocations)
        .filter(|allocation| allocation.item == rare)
        .map(|allocation| i64::from(allocation.quantity))
        .sum();
    assert_eq!(market.available(&files, "RARE"), RARE_PIECES - taken);
    files.agreed();
}

/// Sends every uncertain order again under its own key: each becomes certain.
pub async fn retried(unknown: Vec<crate::buyers::Attempt>, host: &gearify_tests::http::Host) -> Heard {
    let mut heard = Heard::default();
    for attempt in unknown {
        let attempt = attempt.moved(host);
        let answer = attempt.place().await;
        if let Ok(first) = &answer
            && first.status.as_u16() == 201
        {
            let again = attempt.place().await.expect("the node answers");
            assert_eq!((again.status, &again.json["id"]), (first.status, &first.json["id"]));
            assert!(again.replayed, "the second time is a replay");
        }
        heard.note(attempt, answer);
    }
    heard
}
