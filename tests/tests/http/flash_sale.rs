//! Five hundred people want the last ten balls of the demo shop at once.

use gearify_commerce::orders::ORDERS;
use gearify_commerce::tenants;
use gearify_commerce::{GroupKind, ReadScope, Site, TenantId};
use gearify_config::Secret;
use gearify_node::projectors::ledger;
use gearify_node::testpay::{self, TestPaySettings};
use gearify_tests::http::{Cart, Host, Person};
use gearify_tests::process::NodeProcess;
use gearify_tests::stage::{Stage, look};
use gearify_tests::{Cluster, audit};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Barrier, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

const BUYERS: usize = 500;
const PIECES: usize = 10;
const SKU: &str = "LAST-BALL";
const SHOP: &str = "willow.localhost";
/// Carts that are filled at a time; ordering itself is not held back.
const FILLING: usize = 32;

async fn fill(host: Host, number: usize) -> Cart {
    let cart = Cart::begin(&host).await.expect("a cart is begun");
    cart.add(SKU, 1, &[]).await.expect("the node answers").expect(200);
    cart.addressed_to(&Person::numbered(number)).await.expect("the node answers").expect(200);
    cart
}

#[test]
fn five_hundred_buyers_get_ten_balls_and_490_clear_answers() {
    let dir = tempfile::tempdir().expect("a directory for the test");
    let data = dir.path().join("demo");
    let demo = NodeProcess::demo(&data, &dir.path().join("summary.json"), &dir.path().join("log"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime for the test");
    let host = Host::new(demo.public, SHOP);

    let answers = runtime.block_on(async {
        let room = Arc::new(Semaphore::new(FILLING));
        let all_ready = Arc::new(Barrier::new(BUYERS));
        let mut buyers = JoinSet::new();
        for number in 0..BUYERS {
            let (host, room, all_ready) = (host.clone(), room.clone(), all_ready.clone());
            buyers.spawn(async move {
                let place = room.acquire().await.expect("the room stays open");
                let cart = fill(host, number).await;
                drop(place);
                all_ready.wait().await;
                cart.place(&format!("flash-{number}"), "tok_ok").await.expect("everybody gets an answer")
            });
        }
        buyers.join_all().await
    });
    let mut told: BTreeMap<(u16, &str), usize> = BTreeMap::new();
    for answer in &answers {
        *told.entry((answer.status.as_u16(), answer.problem())).or_default() += 1;
    }
    assert_eq!(told, BTreeMap::from([((201, ""), PIECES), ((409, "out-of-stock"), BUYERS - PIECES)]));
    for answer in &answers {
        if answer.status == 201 {
            assert_eq!(answer.json["payment_status"], "paid", "{}", answer.json);
            assert_eq!(answer.json["status"], "confirmed");
        } else {
            let line = &answer.json["lines"][0];
            assert_eq!(
                (&line["sku"], &line["requested"], &line["available"]),
                (&SKU.into(), &1.into(), &0.into())
            );
        }
    }
    demo.stop();

    let files = Cluster::at(&data);
    let tenant = tenant(&files);
    audit::check(&files, tenant);
    let orders = look(&files, GroupKind::Region, tenant, |view| ORDERS.list(view, &(), usize::MAX));
    assert_eq!(orders.len(), PIECES, "every answer of 201 is an order, and no other");
    files.projections(1);
    let ledger_db = &files.node(1).ledger_db;
    let balance = ledger::balance(ledger_db).expect("the ledger can be read");
    assert_eq!((balance.payments, balance.postings), (PIECES as u64, PIECES as u64 * 2));
    assert_eq!((balance.unbalanced_events, balance.wrong_sums, balance.discrepancies), (0, 0, 0));
    let book = runtime.block_on(async {
        let settings = TestPaySettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            book: data.join("demo/testpay.db"),
            webhook_url: None,
            webhook_secret: Secret::parse("nothing-is-sent-here").expect("a secret"),
            seed: 1,
        };
        let provider = testpay::start(settings, CancellationToken::new()).await.expect("the book opens");
        let client = testpay::Client::new(&provider.url(), Duration::from_secs(10)).expect("a client");
        client.statement().await.expect("the provider answers")
    });
    assert_eq!(book.payments.len(), PIECES, "nobody else was charged");
    audit::same_as_provider(ledger_db, &book);
}

fn tenant(files: &Cluster) -> TenantId {
    let mut found = None;
    files.read(GroupKind::World, TenantId::PLATFORM, &mut |world| {
        found = tenants::by_host(&ReadScope::new(world, TenantId::PLATFORM, Site::NONE), SHOP);
    });
    found.expect("the demo has this shop")
}
