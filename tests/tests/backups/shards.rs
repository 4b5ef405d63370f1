//! A region that is divided: the archive has every shard, and a node made from it runs them all.

use gearify_commerce::catalog::Variant;
use gearify_commerce::{ReadScope, Shard, Site, inventory};
use gearify_node::backend::GroupHandle;
use gearify_node::backup::Moment;
use gearify_node::core::Core;
use gearify_node::state::GroupKey;
use gearify_tests::archives::{self, archivers, pass, restored};
use gearify_tests::market::Market;
use gearify_tests::{Cluster, Stage};
use std::collections::BTreeMap;
use std::time::Duration;

const SHOPS: [&str; 4] = ["willow", "boundary", "maidan", "pavilion"];

/// Applied entry and state hash of all groups.
fn stand(cluster: &Cluster) -> BTreeMap<&'static str, (u64, [u8; 32])> {
    let groups = cluster.node(1).backend().groups();
    let of = |(_, handle): (GroupKey, &GroupHandle)| {
        let applied = handle.state.applied().unwrap();
        (handle.state.name(), (applied.index, applied.state_hash))
    };
    groups.map(of).collect()
}

#[test]
fn every_shard_of_a_region_comes_back_with_its_shops() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("node");
    std::fs::create_dir(&place).unwrap();
    let mut files = Cluster::at(&place);
    files.divide(3);
    let archive = archives::in_directory(&files, &dir.path().join("archive"));
    let mut archivers = archivers(&files, &archive);
    let mut markets: Vec<Market> = SHOPS.iter().map(|slug| Market::open(&mut files, slug)).collect();
    pass(&files, &mut archivers);
    for market in &mut markets {
        market.product(&mut files, "BALL", 2_490);
        market.stock(&mut files, "BALL", 0, 10);
    }
    pass(&files, &mut archivers);
    let (then, at) = (stand(&files), files.now());
    assert_eq!(
        then.keys().copied().collect::<Vec<_>>(),
        ["catalogue-0", "region-0", "region-1", "region-2", "world"]
    );
    // What comes now is of a later millisecond.
    std::thread::sleep(Duration::from_millis(5));
    for market in &markets {
        market.stock(&mut files, "BALL", 0, 5);
    }
    pass(&files, &mut archivers);
    let now = stand(&files);
    let shards = |files: &Cluster, markets: &[Market]| -> Vec<Option<Shard>> {
        let shard = |market: &Market| files.node(1).shards.shard_of(market.tenant, Site::FIRST);
        markets.iter().map(shard).collect()
    };
    let placed = shards(&files, &markets);
    assert_eq!(placed, [0, 1, 2, 0].map(|shard| Some(Shard(shard))));

    for (into, moment, expected, pieces) in
        [("now", Moment::Newest, &now, 15), ("then", Moment::Time(at), &then, 10)]
    {
        let into = dir.path().join(into);
        let made = restored(&files, &archive, moment, &into).unwrap();
        let groups: BTreeMap<_, _> =
            made.groups.iter().map(|group| (group.group, (group.index, group.state_hash))).collect();
        assert_eq!(&groups, expected, "{moment:?}");
        let core = archives::open(&files, into);
        assert!((0..3).all(|shard| core.backend().is_leader(GroupKey::Region(Shard(shard)))));
        for (market, shard) in markets.iter().zip(&placed) {
            assert_eq!(core.shards.shard_of(market.tenant, Site::FIRST), *shard);
            assert_eq!(available(&core, market), pieces, "{moment:?}");
        }
        files.block_on(core.stop());
    }

    // A position of one shard; the others as they were at its time.
    let (index, state_hash) = now["region-2"];
    let position = Moment::Position { group: GroupKey::Region(Shard(2)), index };
    let made = restored(&files, &archive, position, &dir.path().join("position")).unwrap();
    let third = made.groups.iter().find(|group| group.group == "region-2").unwrap();
    assert_eq!((third.index, third.state_hash), (index, state_hash));
    drop(archivers);
    files.stop();
}

fn available(core: &Core, market: &Market) -> i64 {
    let state = core.backend().state_of(market.tenant, Site::FIRST).expect("its shard serves from here");
    let view = ReadScope::new(&**state, market.tenant, Site::FIRST);
    inventory::available(&view, Variant::own_stock_item(market.variants["BALL"]))
}
