//! A node over its real files: what is applied survives, projections follow, rebuilt ones are equal,
//! three nodes agree, and a node fed by snapshot has the same history.

mod support;

use gearify_commerce::catalog::{self, Sku};
use gearify_commerce::inventory;
use gearify_commerce::locale::Locale;
use gearify_commerce::orders::{OrderStatus, PaymentStatus};
use gearify_commerce::payments::PaymentState;
use gearify_commerce::{Currency, GroupKind, ReadScope, Site, TenantId, Timestamp};
use gearify_node::forward::Undecided;
use gearify_node::projectors::ledger;
use gearify_node::testing::{TestCluster, TestOptions};
use gearify_node::{doctor, state};
use gearify_replication::{GroupOptions, NodeId, Timers};
use gearify_web::ports::SubmitError;
use gearify_web::ports_lists::{ListScope, Lists, OrderQuery, PaymentQuery};
use gearify_web::ports_search::{Availability, ProductSearch, SearchQuery};
use support::{LONG, Shopper, willow};

fn available(cluster: &TestCluster, node: usize, tenant: TenantId, sku: &str) -> i64 {
    let states = &cluster.node(node).core.states;
    let catalogue = ReadScope::new(&*states.catalogue, tenant, Site::NONE);
    let variant =
        catalog::variant_by_sku(&catalogue, &Sku::parse(sku).unwrap()).expect("the variant is there");
    let region = ReadScope::new(&*states.region, tenant, Site::FIRST);
    inventory::available(&region, catalog::Variant::own_stock_item(variant.id))
}

async fn search(
    cluster: &TestCluster,
    tenant: TenantId,
    text: &str,
) -> gearify_web::ports_search::SearchAnswer {
    let query = SearchQuery {
        text: Some(text.into()),
        locale: Locale::parse("en-GB").unwrap(),
        fallback_locales: Vec::new(),
        currency: Currency::GBP,
        category: None,
        filters: Default::default(),
        price_min: None,
        price_max: None,
        in_stock: None,
        rating_min: None,
        sort: Default::default(),
        sort_key: None,
        limit: 24,
        from: Default::default(),
        facets: true,
    };
    cluster.node(0).core.search.search(tenant, query).await.expect("search answers")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_is_made_bought_from_restarted_and_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;

    let shopper = Shopper::at(&cluster, 0, tenant);
    assert_eq!(available(&cluster, 0, tenant, "LAST-BALL"), 10);
    shopper.adds("LAST-BALL", 2).await.unwrap();
    let paid = shopper.order(shopper.buys("tok_ok").await.unwrap());
    assert_eq!((paid.status, paid.payment_status()), (OrderStatus::Confirmed, PaymentStatus::Paid));
    assert_eq!(available(&cluster, 0, tenant, "LAST-BALL"), 8);
    let shopper = Shopper::at(&cluster, 0, tenant);
    shopper.adds("LAST-BALL", 8).await.unwrap();
    let declined = shopper.order(shopper.buys("tok_declined").await.unwrap());
    assert_eq!((declined.status, declined.payment_status()), (OrderStatus::Placed, PaymentStatus::Unpaid));
    let late = Shopper::at(&cluster, 0, tenant);
    let held = async {
        late.adds("LAST-BALL", 1).await?;
        late.buys("tok_ok").await
    };
    assert!(held.await.is_err(), "the declined order still holds the rest");

    // What sold shows on the next search, and the words of the range are found.
    let answer = search(&cluster, tenant, "last ball").await;
    assert_eq!(answer.hits[0].availability, Availability::OutOfStock);
    assert!(search(&cluster, tenant, "nightwatch").await.hits.len() == 1);

    cluster.settled(LONG).await.unwrap();
    let lists = &cluster.node(0).core.shards.first().lists;
    let scope = ListScope::new(tenant, Site::FIRST);
    let find = async |text: &str| {
        let query = OrderQuery { text: Some(text.into()), ..OrderQuery::default() };
        lists.orders(scope, query).await.unwrap().data.len()
    };
    assert_eq!(find("asha@shopper.example").await, 2, "by e-mail");
    assert_eq!(find("Bowl").await, 2, "by the beginning of a name");
    assert_eq!(find(&paid.number).await, 1, "by number");
    assert_eq!(find("last-ball").await, 2, "by SKU");
    assert_eq!(find("batter").await, 0);
    let waiting = lists.waiting(scope).await.unwrap();
    assert_eq!((waiting.to_ship, waiting.to_pay, waiting.failed_payments), (1, 1, 1));
    let failed = async |from: Timestamp| {
        let query =
            PaymentQuery { state: vec![PaymentState::Failed], from: Some(from), ..PaymentQuery::default() };
        lists.payments(scope, query).await.unwrap().data
    };
    let tried = failed(Timestamp::from_millis(0)).await;
    assert_eq!(tried.len(), 1, "the list has what the figure counts");
    let at = tried[0].created_at;
    assert_eq!((failed(at).await.len(), failed(at.plus_millis(1)).await.len()), (1, 0));
    let balance = ledger::balance(&cluster.node(0).core.ledger_db).unwrap();
    assert_eq!(
        (balance.payments, balance.postings, balance.unbalanced_events, balance.wrong_sums),
        (2, 2, 0, 0)
    );

    // No personal data in the clear in any file of the node.
    let before = doctor::contents(&cluster.node(0).core).await.unwrap();
    let hash = cluster.hashes(GroupKind::Region);
    let node_dir = cluster.node_dir(0);
    cluster.stop().await.unwrap();
    for marker in ["Asha", "asha@shopper", "Crease Lane"] {
        assert_eq!(files_with(&node_dir, marker.as_bytes()), Vec::<String>::new(), "{marker}");
    }

    // Without its view and its projections the node comes back the same.
    std::fs::remove_dir_all(node_dir.join("groups")).unwrap();
    doctor::remove_projections(&node_dir).unwrap();
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    cluster.settled(LONG).await.unwrap();
    assert_eq!(cluster.hashes(GroupKind::Region)[0].1, hash[0].1);
    let after = doctor::contents(&cluster.node(0).core).await.unwrap();
    let wrong: Vec<_> =
        doctor::differences(&before, &after).into_iter().filter(|finding| !finding.ok).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    let findings = doctor::examine(&cluster.node(0).core, true, |_| true);
    let unwell: Vec<_> = findings.into_iter().filter(|finding| !finding.ok).collect();
    assert!(unwell.is_empty(), "{unwell:?}");
    cluster.stop().await.unwrap();
}

fn files_with(dir: &std::path::Path, marker: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, marker));
        } else if std::fs::read(&path).unwrap().windows(marker.len()).any(|window| window == marker) {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_nodes_agree_through_a_follower_and_a_change_of_leader() {
    let dir = tempfile::tempdir().unwrap();
    let options = TestOptions { nodes: 3, ..TestOptions::default() };
    let cluster = TestCluster::start(dir.path(), options).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    cluster.settled(LONG).await.unwrap();
    cluster.lead(0).await.unwrap();

    let shopper = Shopper::at(&cluster, 1, tenant);
    shopper.adds("LAST-BALL", 1).await.unwrap();
    // The leader changes in the middle of the checkout.
    cluster.lead(2).await.unwrap();
    let order = shopper.buys("tok_ok").await.unwrap();
    assert_eq!(shopper.order(order).status, OrderStatus::Confirmed, "read at the follower");

    cluster.settled(LONG).await.unwrap();
    for kind in state::GROUPS {
        let hashes = cluster.hashes(kind);
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{kind:?}: {hashes:?}");
    }
    let mut contents = Vec::new();
    for node in cluster.running() {
        contents.push(doctor::contents(&node.core).await.unwrap());
    }
    assert_eq!(contents[0], contents[1]);
    assert_eq!(contents[1], contents[2]);
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_cut_off_refuses_nothing_from_its_own_state() {
    let dir = tempfile::tempdir().unwrap();
    // Long enough that it is still taken for the leader while it is asked.
    let group_options = GroupOptions { timers: Timers::lan(), ..GroupOptions::default() };
    let options = TestOptions { nodes: 3, group_options, ..TestOptions::default() };
    let cluster = TestCluster::start(dir.path(), options).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    cluster.lead(0).await.unwrap();
    let shopper = Shopper::at(&cluster, 0, tenant);
    let backend = cluster.node(0).core.backend();
    let unknown = shopper.adding("NO-SUCH-BALL", 1);
    let asked = backend.decide(&shopper.request(unknown.clone())).await;
    assert!(matches!(asked, Err(Undecided::Submit(SubmitError::Refused(_)))), "{asked:?}");

    cluster.net.isolate(NodeId(1));
    assert!(backend.is_leader(GroupKind::Region), "it does not know yet");
    // The others may have made such a ball meanwhile.
    let asked = backend.decide(&shopper.request(unknown)).await;
    assert!(matches!(asked, Err(Undecided::NotLeader { .. })), "{asked:?}");
    cluster.net.heal();
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_was_away_is_fed_by_snapshot_and_has_the_same_history() {
    let dir = tempfile::tempdir().unwrap();
    // Every few entries make a snapshot and leave the log, so that a node away for long needs one.
    let group_options = GroupOptions {
        timers: Timers::fast(),
        snapshot_entries: 20,
        keep_entries: 2,
        purge_entries: 1,
        ..GroupOptions::default()
    };
    let options =
        TestOptions { nodes: 3, group_options, event_file_bytes: 16 << 10, ..TestOptions::default() };
    let mut cluster = TestCluster::start(dir.path(), options).await.unwrap();
    cluster.lead(0).await.unwrap();
    cluster.stop_node(2).await;
    let tenant = willow(&cluster, dir.path()).await;
    let shopper = Shopper::at(&cluster, 1, tenant);
    shopper.adds("LAST-BALL", 3).await.unwrap();
    let order = shopper.buys("tok_ok").await.unwrap();
    cluster.settled(LONG).await.unwrap();
    let group = &cluster.node(0).core.backend().group(GroupKind::Catalogue).group;
    assert!(group.metrics().purged.unwrap_or(0) > 10, "the log no longer goes back to the beginning");

    cluster.start_node(2).await.unwrap();
    cluster.settled(LONG).await.unwrap();
    for kind in state::GROUPS {
        let hashes = cluster.hashes(kind);
        assert_eq!(hashes.len(), 3);
        assert!(hashes.windows(2).all(|pair| pair[0] == pair[1]), "{kind:?}: {hashes:?}");
    }
    let here = doctor::contents(&cluster.node(0).core).await.unwrap();
    let there = doctor::contents(&cluster.node(2).core).await.unwrap();
    assert_eq!(here, there, "ledger, lists and search of the fed node");
    let files = |n: usize| {
        let files = cluster.node(n).core.histories.reader(GroupKind::Catalogue).files();
        files.into_iter().filter_map(|file| file.hash).collect::<Vec<_>>()
    };
    let (fed, whole) = (files(2), [files(0), files(1)].concat());
    assert!(fed.iter().any(|hash| whole.contains(hash)), "no file of {whole:?} came whole: {fed:?}");
    let late = Shopper::at(&cluster, 2, tenant);
    assert_eq!(late.order(order).status, OrderStatus::Confirmed);
    cluster.stop().await.unwrap();
}
