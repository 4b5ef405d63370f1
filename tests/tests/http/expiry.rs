//! Time passes in the running program: what is held or ordered and not paid for lapses by itself, its pieces are
//! for sale again, and people are told. The shop's lifetimes are the shortest that settings allow.

use gearify_commerce::Shard;
use gearify_commerce::command::GroupKind;
use gearify_commerce::notifications::{MAILS, MailKind, Subject};
use gearify_commerce::orders::{ORDERS, OrderStatus};
use gearify_tests::http::{Answer, Cart, Host, Person};
use gearify_tests::shop::{OWNER, Premises};
use gearify_tests::stage::look;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The shortest lifetime.
const SHORTEST: Duration = Duration::from_secs(30);
/// Nothing lapses before its time; what the clock of the test and that of the node read apart.
const EARLY: Duration = Duration::from_secs(2);
/// A plan is run at most a second late; the rest is for a busy machine.
const LATE: Duration = Duration::from_secs(30);

/// One piece of each: a hold, an order whose card was declined, and one that waits for a transfer.
const SKUS: [&str; 3] = ["HELD", "DECLINED", "WIRED"];

async fn shorten(host: &Host, token: &str) {
    let patch = |millis: u64| {
        let names = ["checkout_hold_ms", "unpaid_order_ms", "unpaid_manual_order_ms"];
        let lifetimes: serde_json::Map<String, Value> =
            names.into_iter().map(|name| (name.to_owned(), json!(millis))).collect();
        let request = host.request(Method::PATCH, "/api/v1/admin/settings/shop").bearer_auth(token);
        host.send(request.json(&json!({ "lifetimes": lifetimes })))
    };
    let shortest = SHORTEST.as_millis() as u64;
    let refused = patch(shortest - 1).await.expect("the node answers").expect(422);
    assert!(refused.json.to_string().contains("checkout_hold_ms"), "{}", refused.json);
    patch(shortest).await.expect("the node answers").expect(200);
}

async fn ready(host: &Host, sku: &str, number: usize) -> Cart {
    let cart = Cart::begin(host).await.expect("a cart is begun");
    cart.add(sku, 1, &[]).await.expect("the node answers").expect(200);
    cart.addressed_to(&Person::numbered(number)).await.expect("the node answers").expect(200);
    cart
}

async fn is_there(host: &Host, sku: &str) -> bool {
    let path = format!("/api/v1/products/{}", sku.to_lowercase());
    host.get(&path).await.expect(200).text("availability") != "out_of_stock"
}

/// The order as its owner sees it.
async fn status(host: &Host, token: &str, id: &str) -> String {
    let request = host.request(Method::GET, &format!("/api/v1/admin/orders/{id}")).bearer_auth(token);
    host.send(request).await.expect("the node answers").expect(200).text("status")
}

fn placed(answer: &Answer) -> String {
    let order = if answer.problem() == "payment-declined" { &answer.json["order"] } else { &answer.json };
    order["id"].as_str().unwrap_or_else(|| panic!("no order in {}", answer.json)).to_owned()
}

#[test]
fn what_is_not_paid_for_lapses_by_itself_and_is_for_sale_again() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    for sku in SKUS {
        market.product(&mut files, sku, 24_900);
        market.stock(&mut files, sku, 0, 1);
    }
    files.raise(Shard::FIRST);
    files.stop();
    let node = premises.start();
    let host = premises.host(&node);

    let (declined, wired) = premises.runtime.block_on(async {
        let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
        shorten(&host, &token).await;
        let began = Instant::now();
        let holder = ready(&host, "HELD", 1).await;
        let held = holder.reserve().await.expect("the node answers").expect(200);
        assert_eq!(held.json["lines"][0]["sku"], "HELD", "{}", held.json);
        let cart = ready(&host, "DECLINED", 2).await;
        let declined =
            placed(&cart.place("declined", "tok_declined").await.expect("the node answers").expect(402));
        let cart = ready(&host, "WIRED", 3).await;
        let order = cart.order("wired", json!({ "provider": "manual" }), None);
        let wired = placed(&host.send(order).await.expect("the node answers").expect(201));

        for sku in SKUS {
            let rival = ready(&host, sku, 4).await;
            let refused =
                rival.place(&format!("early-{sku}"), "tok_ok").await.expect("the node answers").expect(409);
            assert_eq!(refused.problem(), "out-of-stock", "{sku} is somebody's for now");
        }
        assert!(began.elapsed() < SHORTEST - EARLY, "the machine is too slow to see what holds");
        for order in [&declined, &wired] {
            assert_eq!(status(&host, &token, order).await, "placed");
        }

        let last = Instant::now();
        for sku in SKUS {
            while !is_there(&host, sku).await {
                assert!(last.elapsed() < SHORTEST + LATE, "nobody gives {sku} back");
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            assert!(began.elapsed() + EARLY > SHORTEST, "{sku} was given back before its time");
        }
        for order in [&declined, &wired] {
            assert_eq!(status(&host, &token, order).await, "expired");
        }
        for (sku, number) in SKUS.into_iter().zip(5..) {
            let buyer = ready(&host, sku, number).await;
            let bought =
                buyer.place(&format!("late-{sku}"), "tok_ok").await.expect("the node answers").expect(201);
            assert_eq!(bought.json["payment_status"], "paid", "{sku} is for sale again");
        }
        let late = holder.place("holder", "tok_ok").await.expect("the node answers").expect(409);
        assert_eq!(late.problem(), "out-of-stock", "a hold that lapsed holds nothing");
        (declined, wired)
    });

    node.stop();
    premises.look_over(&market);
    let files = premises.open();
    let (orders, mails) = look(&files, GroupKind::Region, market.tenant, |view| {
        (ORDERS.list(view, &(), 100), MAILS.list(view, &(), 100))
    });
    files.stop();
    let expired = orders.iter().filter(|order| order.status == OrderStatus::Expired);
    let mut expired: Vec<String> = expired.map(|order| order.id.to_string()).collect();
    let told = mails.iter().filter(|mail| mail.kind == MailKind::OrderExpired);
    let mut told: Vec<String> = told
        .map(|mail| match mail.subject {
            Subject::Order(order) => order.to_string(),
            ref other => panic!("a mail about an order is about {other:?}"),
        })
        .collect();
    let mut lapsed = vec![declined, wired];
    for ids in [&mut expired, &mut told, &mut lapsed] {
        ids.sort();
    }
    assert_eq!(expired, lapsed);
    assert_eq!(told, lapsed, "each is told once");
}
