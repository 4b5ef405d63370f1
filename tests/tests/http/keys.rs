//! Idempotency keys and carts: the same intention acts once, another one is told so.

use gearify_commerce::GroupKind;
use gearify_commerce::orders::ORDERS;
use gearify_tests::http::{Cart, Person};
use gearify_tests::market::Market;
use gearify_tests::process::NodeProcess;
use gearify_tests::shop::Premises;
use gearify_tests::stage::look;
use serde_json::json;

fn open() -> (Premises, Market, NodeProcess) {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    market.product(&mut files, "BALL", 2_490);
    market.stock(&mut files, "BALL", 0, 100);
    files.stop();
    let node = premises.start();
    (premises, market, node)
}

async fn filled(premises: &Premises, node: &NodeProcess, number: usize) -> Cart {
    let cart = Cart::begin(&premises.host(node)).await.expect("a cart is begun");
    cart.add("BALL", 1, &[]).await.expect("the node answers").expect(200);
    cart.addressed_to(&Person::numbered(number)).await.expect("the node answers").expect(200);
    cart
}

/// Stops the node and counts.
fn close(premises: &Premises, market: &Market, node: NodeProcess, orders: usize) {
    node.stop();
    premises.look_over(market);
    let files = premises.open();
    let there = look(&files, GroupKind::Region, market.tenant, |view| ORDERS.list(view, &(), usize::MAX));
    assert_eq!(there.len(), orders);
    assert_eq!(premises.statement().payments.len(), orders, "the provider was asked once for each");
}

#[test]
fn the_same_key_gets_the_same_answer_and_another_body_is_refused() {
    let (premises, market, node) = open();
    premises.runtime.block_on(async {
        let cart = filled(&premises, &node, 1).await;
        let first = cart.place("one", "tok_ok").await.expect("the node answers").expect(201);
        assert!(!first.replayed);
        let again = cart.place("one", "tok_ok").await.expect("the node answers").expect(201);
        assert!(again.replayed, "a replay says so");
        assert_eq!(again.json, first.json);

        let other = cart.place("one", "tok_declined").await.expect("the node answers").expect(422);
        assert_eq!(other.problem(), "key-reused");

        let declined = filled(&premises, &node, 2).await;
        let first = declined.place("two", "tok_declined").await.expect("the node answers").expect(402);
        let again = declined.place("two", "tok_declined").await.expect("the node answers").expect(402);
        assert!(again.replayed && !first.replayed);
        let told = |answer: &gearify_tests::http::Answer| {
            ["type", "order_id", "order_token", "decline_code", "order"].map(|name| answer.json[name].clone())
        };
        assert_eq!(told(&again), told(&first));
    });
    close(&premises, &market, node, 2);
}

#[test]
fn a_key_is_needed_to_order_and_a_bad_one_is_refused() {
    let (premises, market, node) = open();
    premises.runtime.block_on(async {
        let cart = filled(&premises, &node, 1).await;
        let host = premises.host(&node);
        let body = json!({ "cart_id": cart.id, "payment": { "provider": "test", "token": "tok_ok" } });
        let order =
            || host.request(reqwest::Method::POST, "/api/v1/orders").header("cart-token", &cart.token);
        let answer = host.send(order().json(&body)).await.expect("the node answers").expect(400);
        assert_eq!(answer.problem(), "key-missing");
        for bad in ["\"\"", "with space", &"k".repeat(256)] {
            let request = order().header("idempotency-key", bad).json(&body);
            let answer = host.send(request).await.expect("the node answers").expect(400);
            assert_eq!(answer.problem(), "malformed", "{bad:?}");
        }
    });
    close(&premises, &market, node, 0);
}

#[test]
fn a_cart_becomes_at_most_one_order_whatever_the_key() {
    let (premises, market, node) = open();
    premises.runtime.block_on(async {
        let cart = filled(&premises, &node, 1).await;
        let first = cart.place("one", "tok_ok").await.expect("the node answers").expect(201);
        let second = cart.place("two", "tok_ok").await.expect("the node answers").expect(409);
        assert_eq!(second.problem(), "already-ordered");
        assert_eq!(second.json["order_id"], first.json["id"], "it names the order");

        // Ten keys at once: one wins, the others learn which.
        let cart = filled(&premises, &node, 2).await;
        let tries = (0..10).map(|number| {
            let cart = cart.clone();
            async move { cart.place(&format!("at-once-{number}"), "tok_ok").await.expect("the node answers") }
        });
        let answers = futures::future::join_all(tries).await;
        let (placed, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 201);
        assert_eq!((placed.len(), refused.len()), (1, 9));
        for answer in refused {
            assert_eq!(
                (answer.status.as_u16(), answer.problem()),
                (409, "already-ordered"),
                "{}",
                answer.json
            );
            assert_eq!(answer.json["order_id"], placed[0].json["id"]);
        }
    });
    close(&premises, &market, node, 2);
}

#[test]
fn a_replay_beside_the_first_call_waits_as_it_does_and_gets_the_same_answer() {
    let (premises, market, node) = open();
    premises.runtime.block_on(async {
        let cart = filled(&premises, &node, 1).await;
        // The provider decides later, so both wait for it to the end of their time: no call is refused because
        // another one with its key still runs.
        let (one, two) = tokio::join!(cart.place("one", "tok_later"), cart.place("one", "tok_later"));
        let answers = [one, two].map(|answer| answer.expect("the node answers").expect(201));
        for answer in &answers {
            assert_eq!(answer.json["payment_status"], "pending");
            assert_eq!(answer.json["id"], answers[0].json["id"]);
        }
        assert_eq!(answers.iter().filter(|answer| answer.replayed).count(), 1);
    });
    close(&premises, &market, node, 1);
}

#[test]
fn three_sends_of_one_key_at_once_make_one_order() {
    let (premises, market, node) = open();
    const ROUNDS: usize = 20;
    premises.runtime.block_on(async {
        for round in 0..ROUNDS {
            let cart = filled(&premises, &node, round).await;
            let key = format!("round-{round}");
            let (one, two, three) = tokio::join!(
                cart.place(&key, "tok_ok"),
                cart.place(&key, "tok_ok"),
                cart.place(&key, "tok_ok")
            );
            let answers = [one, two, three].map(|answer| answer.expect("the node answers"));
            for answer in &answers {
                assert_eq!(answer.status, 201, "{}", answer.json);
                assert_eq!(answer.json["id"], answers[0].json["id"]);
                assert_eq!(answer.json["number"], answers[0].json["number"]);
            }
            let first = answers.iter().filter(|answer| !answer.replayed).count();
            assert_eq!(first, 1, "one is the first, the others are replays");
        }
    });
    close(&premises, &market, node, ROUNDS);
}
