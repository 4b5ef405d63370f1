//! What a merchant reads as history and an operator as the state of the cluster, over real files.

mod support;

use gearify_commerce::{GroupKind, Site, TenantId};
use gearify_node::health::NodeHealth;
use gearify_node::room::{Disk, RoomLimits};
use gearify_node::testing::{TestCluster, TestOptions};
use gearify_web::Health;
use gearify_web::ports::Backend;
use std::sync::Arc;
use support::{LONG, Shopper, willow};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_feed_of_a_shop_is_whole_and_in_order_from_any_place() {
    let dir = tempfile::tempdir().unwrap();
    let cluster = TestCluster::single(dir.path()).await.unwrap();
    let tenant = willow(&cluster, dir.path()).await;
    let shopper = Shopper::at(&cluster, 0, tenant);
    shopper.adds("LAST-BALL", 1).await.unwrap();
    shopper.buys("tok_ok").await.unwrap();
    cluster.settled(LONG).await.unwrap();
    let backend = cluster.node(0).core.backend();
    let page = async |after: u64, limit: usize| {
        Backend::history(&**backend, GroupKind::Region, tenant, Site::FIRST, after, limit).await.unwrap()
    };
    let (mut after, mut names) = (0, Vec::new());
    loop {
        let events = page(after, 7).await;
        for event in &events {
            after += 1;
            assert_eq!((event.sequence, event.tenant), (after, tenant), "without gaps, and its own only");
            names.push(event.event.name());
        }
        if events.len() < 7 {
            break;
        }
    }
    let at = |name| names.iter().position(|seen| *seen == name).unwrap_or_else(|| panic!("no {name}"));
    assert!(at("order.placed") < at("payment.completed") && at("payment.completed") < at("order.confirmed"));
    assert!(page(after, 7).await.is_empty() && page(u64::MAX, 7).await.is_empty());
    let stranger = TenantId::from_bits(0xdead);
    let theirs = Backend::history(&**backend, GroupKind::Region, stranger, Site::FIRST, 0, 7).await.unwrap();
    assert!(theirs.is_empty());
    let catalogue =
        Backend::history(&**backend, GroupKind::Catalogue, tenant, Site::NONE, 0, 3).await.unwrap();
    assert_eq!(catalogue.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
    cluster.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cluster_is_told_as_it_stands_with_who_leads_and_who_is_behind() {
    let dir = tempfile::tempdir().unwrap();
    let options = TestOptions { nodes: 3, ..TestOptions::default() };
    let mut cluster = TestCluster::start(dir.path(), options).await.unwrap();
    cluster.lead(0).await.unwrap();
    let look = |cluster: &TestCluster, n: usize| {
        let disk = Arc::new(Disk::new(&cluster.node_dir(n), RoomLimits::default()));
        disk.look().unwrap();
        NodeHealth::new(&cluster.node(n).core, disk, None).cluster()
    };
    cluster.settled(LONG).await.unwrap();
    let seen = look(&cluster, 0);
    let me = seen.node;
    assert_eq!(seen.nodes.len(), 3);
    let leads = &seen.nodes.iter().find(|node| node.id == me).unwrap().leads;
    assert_eq!(leads, &["world", "catalogue-0", "region-0"]);
    assert!(seen.nodes.iter().all(|node| node.votes_in.len() == 3 && node.learns_in.is_empty()));
    for group in &seen.groups {
        assert_eq!((group.leader, group.lag, group.members.len()), (Some(me), 0, 3), "{group:?}");
        assert!(group.term > 0 && group.state_bytes > 0 && group.committed.is_some(), "{group:?}");
    }
    assert!(seen.storage.log_bytes > 0 && seen.storage.free_bytes > 0);
    assert_eq!(seen.projectors.len(), cluster.node(0).core.board.rows().len());
    let elsewhere = look(&cluster, 1);
    assert!(elsewhere.groups.iter().all(|group| group.leader == Some(me)));
    let members = elsewhere.groups.iter().flat_map(|group| &group.members);
    assert!(members.clone().count() == 9 && members.clone().all(|member| member.lag.is_none()));

    // A member that is away falls behind, and the leader says by how much.
    cluster.stop_node(2).await;
    willow(&cluster, dir.path()).await;
    let region = look(&cluster, 0).groups.remove(2);
    let lags: Vec<u64> = region.members.iter().filter_map(|member| member.lag).collect();
    assert_eq!(lags.len(), 3);
    assert!(lags.iter().any(|lag| *lag > 0), "{region:?}");
    assert!(region.applied > seen.groups[2].applied);
    cluster.stop().await.unwrap();
}
