//! Payments against the test provider, which keeps its own book: whatever goes wrong in between, both
//! books say the same in the end, and nobody is charged twice.

mod support;

use gearify_commerce::intent::{Intent, OrderIntent, RefundRequest};
use gearify_commerce::orders::{self, Order, OrderStatus, PaymentStatus};
use gearify_commerce::payments::{self, Payment, PaymentState};
use gearify_commerce::{GroupKind, OrderId, ReadScope, Site, version};
use gearify_node::backend::NodeBackend;
use gearify_node::projectors::ledger;
use gearify_node::testing::TestCluster;
use gearify_node::testpay::{Client, Faults, Outcome, Statement};
use gearify_web::ports::Backend;
use std::time::Duration;
use support::{LONG, Shopper, willow};

async fn client(cluster: &TestCluster) -> Client {
    Client::new(&cluster.provider().url(), Duration::from_secs(5)).expect("a client")
}

fn payment(shopper: &Shopper<'_>, order: OrderId) -> Payment {
    let state = shopper.cluster.node(0).core.states.of(GroupKind::Region);
    let view = ReadScope::new(&**state, shopper.tenant, Site::FIRST);
    payments::of_order(&view, order).pop().expect("the order has a payment")
}

/// Waits until an order is as wished.
async fn until(shopper: &Shopper<'_>, order: OrderId, wished: impl Fn(&Order) -> bool) -> Order {
    for _ in 0..600 {
        let now = shopper.order(order);
        if wished(&now) {
            return now;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it never came to that: {:?}", shopper.order(order));
}

/// The provider's book against the ledger.
async fn books_agree(cluster: &TestCluster) -> Statement {
    cluster.settled(LONG).await.unwrap();
    let book = client(cluster).await.statement().await.unwrap();
    let theirs_captured: i64 = book.payments.iter().map(|payment| payment.amount_captured).sum();
    let theirs_refunded: i64 = book.payments.iter().map(|payment| payment.amount_refunded).sum();
    let db = &cluster.node(0).core.ledger_db;
    let sum = |account: &str| -> i64 {
        db.read::<i64, gearify_storage::ProjectionError>(|db| {
            let sql = "SELECT coalesce(sum(amount), 0) FROM postings WHERE account = ?1";
            Ok(db.query_row(sql, [account], |row| row.get(0))?)
        })
        .unwrap()
    };
    assert_eq!(sum("provider:test"), theirs_captured - theirs_refunded);
    assert_eq!((-sum("sales"), sum("refunds")), (theirs_captured, theirs_refunded));
    let balance = ledger::balance(db).unwrap();
    assert_eq!((balance.unbalanced_events, balance.wrong_sums, balance.discrepancies), (0, 0, 0));
    book
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_looked_up_and_never_charged_again() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    let provider = client(&cluster).await;
    let lost = Faults { error_500_after: 1.0, ..Faults::default() };
    provider.set_faults(&lost).await.unwrap();
    let shopper = Shopper::at(&cluster, 0, tenant);
    shopper.adds("LAST-BALL", 1).await.unwrap();
    let order = shopper.places("tok_ok").await.unwrap();
    // The provider has done it and answered 500: its event, or looking it up, tells the truth.
    let paid = until(&shopper, order, |order| order.status == OrderStatus::Confirmed).await;
    assert_eq!(paid.paid.captured, paid.totals.total);
    provider.set_faults(&Faults::default()).await.unwrap();
    // Long enough for the second try, which must not charge again.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let book = books_agree(&cluster).await;
    assert_eq!(book.payments.len(), 1);
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_payment_is_decided_by_the_providers_event_however_often_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    let provider = client(&cluster).await;
    provider
        .set_faults(&Faults { duplicate_events: 3, shuffle_events: true, ..Faults::default() })
        .await
        .unwrap();
    let shopper = Shopper::at(&cluster, 0, tenant);
    shopper.adds("LAST-BALL", 1).await.unwrap();
    let order = shopper.places("tok_later").await.unwrap();
    let told = async || payment(&shopper, order).reference;
    let mut reference = None;
    for _ in 0..200 {
        reference = told().await;
        if reference.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(shopper.order(order).status, OrderStatus::Placed);
    provider.settle(&reference.expect("the provider named it"), Outcome::Succeeded).await.unwrap();
    until(&shopper, order, |order| order.status == OrderStatus::Confirmed).await;
    // A tester may also ask for an outcome by our own id; this one has been decided.
    let wish = format!(r#"{{"payment_id":"{}","outcome":"declined"}}"#, payment(&shopper, order).id);
    let backend = cluster.node(0).core.backend();
    backend.provider_event(tenant, "test", &http::HeaderMap::new(), wish.into()).await.unwrap();
    assert_eq!(shopper.order(order).payment_status(), PaymentStatus::Paid);
    let forged = r#"{"id":"e","type":"payment.succeeded","created":0,"data":{}}"#;
    let mut headers = http::HeaderMap::new();
    headers.insert("Test-Signature", "t=1,v1=00".parse().unwrap());
    let refused = backend.provider_event(tenant, "test", &headers, forged.into()).await;
    assert!(refused.is_err(), "a forged event changes nothing");
    books_agree(&cluster).await;
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refunds_in_parts_and_a_capture_after_the_end_leave_both_books_equal() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    let shopper = Shopper::at(&cluster, 0, tenant);
    shopper.adds("LAST-BALL", 2).await.unwrap();
    let order = shopper.buys("tok_ok").await.unwrap();
    for refunded in 1..=2 {
        let line = shopper.order(order).lines[0].id;
        let items = vec![RefundRequest::Line { line, quantity: 1, restock: true }];
        let refund = OrderIntent::Refund { order, payment: None, items, reason: "changed mind".into() };
        shopper.asks(Intent::Order(refund)).await.unwrap();
        until(&shopper, order, |order| {
            let done = |refund: &&orders::OrderRefund| refund.state == orders::RefundState::Succeeded;
            order.refunds.iter().filter(done).count() == refunded
        })
        .await;
    }
    let items = vec![RefundRequest::Shipping { amount: None }];
    let refund = OrderIntent::Refund { order, payment: None, items, reason: "the rest".into() };
    shopper.asks(Intent::Order(refund)).await.unwrap();
    let given_back = until(&shopper, order, |order| order.payment_status() == PaymentStatus::Refunded).await;
    assert_eq!(given_back.paid.refunded, given_back.totals.total, "the parts are the whole");

    // An order is called off while the provider still thinks; then it says yes.
    let late = Shopper::at(&cluster, 0, tenant);
    late.adds("LAST-BALL", 1).await.unwrap();
    let order = late.places("tok_later").await.unwrap();
    let provider = client(&cluster).await;
    let mut pending = None;
    for _ in 0..200 {
        pending = payment(&late, order).reference;
        if pending.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cancel = orders::Command::Cancel { order, reason: "no longer wanted".into() };
    late.asks(Intent::Ready(Box::new(cancel.into()))).await.unwrap();
    // It may have been cancelled there already; then nothing was captured, which is as good.
    let _ = provider.settle(&pending.expect("the provider named it"), Outcome::Succeeded).await;
    let ended =
        until(&late, order, |order| order.paid.captured == order.paid.refunded && order.paid.pending == 0)
            .await;
    assert_eq!(ended.status, OrderStatus::Cancelled);
    let record = payment(&late, order);
    assert!(record.refundable() == 0 && record.state != PaymentState::Pending, "{record:?}");
    tokio::time::sleep(Duration::from_millis(500)).await;
    books_agree(&cluster).await;
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_product_that_is_sold_out_is_told_of_by_whoever_leads() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    let backend: &NodeBackend = cluster.node(0).core.backend();
    let raised = backend.raise_version(GroupKind::Region, version::NEWEST).await;
    assert!(raised.is_ok(), "the shop follows the newest rules");
    let shopper = Shopper::at(&cluster, 0, tenant);
    shopper.adds("LAST-BALL", 9).await.unwrap();
    shopper.buys("tok_ok").await.unwrap();
    let told = async || {
        let (mut after, mut told) = (0, Vec::new());
        loop {
            let page = Backend::history(backend, GroupKind::Region, tenant, Site::FIRST, after, 500);
            let page = page.await.unwrap();
            let Some(last) = page.last() else { return told };
            after = last.sequence;
            let gone = page.iter().filter(|event| event.event.name() == "product.out_of_stock");
            told.extend(gone.map(|event| event.subject()));
        }
    };
    assert_eq!(told().await, Vec::<String>::new(), "one is left");
    let last = Shopper::at(&cluster, 0, tenant);
    last.adds("LAST-BALL", 1).await.unwrap();
    let order = last.buys("tok_ok").await.unwrap();
    let product = last.order(order).lines[0].product.to_string();
    for _ in 0..200 {
        if !told().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(told().await, [product]);
    let open = gearify_commerce::scope::open_work(&**cluster.node(0).core.states.of(GroupKind::Region), 10);
    assert_eq!(open, [], "nobody is asked any more");
    cluster.stop().await.unwrap();
}
