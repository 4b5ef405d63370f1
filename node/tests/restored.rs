//! A node made from a backup and its payment provider: what the provider did after the backup is found out
//! before anything is charged.

mod support;

use gearify_commerce::event::{Envelope, Event};
use gearify_commerce::orders::{Event as OrderEvent, OrderStatus};
use gearify_commerce::payments::{self, PaymentState};
use gearify_commerce::{GroupKind, ReadScope, Site};
use gearify_node::backup::{Archiver, Maker, Moment, Options, Place, Rules, Target, is_restored, restore};
use gearify_node::testing::{LOG_NAME, TestCluster, TestOptions};
use gearify_node::testpay::{Client, Faults};
use gearify_replication::NodeId;
use gearify_storage::{EventPosition, decode};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use support::{LONG, Shopper, willow};

/// The entry in which the only order was placed.
fn placed_at(cluster: &TestCluster) -> u64 {
    let history = cluster.node(0).core.histories.reader(GroupKind::Region);
    let rows = history.read(EventPosition::new(1, 0), 10_000).unwrap();
    let is_placed = |body: &[u8]| {
        let envelope: Envelope = decode(body).unwrap();
        matches!(envelope.event, Event::Orders(OrderEvent::OrderPlaced { .. }))
    };
    rows.iter().find(|row| is_placed(&row.body)).expect("an order was placed").position.index
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_an_open_payment_is_looked_up_and_never_charged_again() {
    let (dir, later) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    let shopper = Shopper::at(&cluster, 0, tenant);
    shopper.adds("LAST-BALL", 1).await.unwrap();
    let order = shopper.buys("tok_ok").await.unwrap();
    cluster.settled(LONG).await.unwrap();
    assert_eq!(shopper.order(order).status, OrderStatus::Confirmed);
    let index = placed_at(&cluster);

    let target = Target::open(&Place::Directory(dir.path().join("archive"))).unwrap();
    let archive = target.archive("shops", cluster.vault());
    let master_key = cluster.vault().fingerprint();
    let options = Options {
        interval: Duration::from_secs(3_600),
        rules: Rules::default(),
        master_key: master_key.clone(),
        settings: String::new(),
        scratch: dir.path().join("archiving"),
    };
    let core = &cluster.node(0).core;
    let mut archiver =
        Archiver::new(archive.clone(), core, None, Arc::new(gearify_web::SystemClock), options);
    archiver.pass().await.unwrap();
    drop(archiver);

    let options = |dir: &Path| cluster.options_alone(dir);
    let maker = Maker {
        region: 0,
        node: NodeId(1),
        log_name: LOG_NAME.into(),
        master_key,
        sled_cache_bytes: 8 << 20,
        event_file_bytes: 16 << 20,
        blob_bytes_max: 4 << 20,
        options: &options,
    };
    let into = later.path().join("node-1");
    let moment = Moment::Position { group: GroupKind::Region.into(), index };
    restore(&archive, moment, &into, &maker).await.unwrap();
    assert!(is_restored(&into) && !is_restored(&dir.path().join("node-1")));
    cluster.stop().await.unwrap();
    for file in ["master.key", "testpay.db"] {
        std::fs::copy(dir.path().join(file), later.path().join(file)).unwrap();
    }

    // Whoever asks for a payment is turned away; only looking one up works.
    let faults = Faults { error_500_before: 1.0, ..Faults::default() };
    let options = TestOptions { faults, ..TestOptions::default() };
    let cluster = TestCluster::start(later.path(), options).await.unwrap();
    let shopper = Shopper::at(&cluster, 0, tenant);
    let mut waited = 0;
    while shopper.order(order).status != OrderStatus::Confirmed {
        assert!(waited < 600, "{:?}", shopper.order(order));
        waited += 1;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let region = cluster.node(0).core.states.of(GroupKind::Region).clone();
    let payment = payments::of_order(&ReadScope::new(&*region, tenant, Site::FIRST), order).pop().unwrap();
    assert_eq!(payment.state, PaymentState::Captured);
    let client = Client::new(&cluster.provider().url(), LONG).unwrap();
    let book = client.statement().await.unwrap();
    assert_eq!(book.payments.len(), 1);
    assert_eq!(book.payments[0].amount_captured, payment.captured);
    drop(region);
    cluster.stop().await.unwrap();
}
