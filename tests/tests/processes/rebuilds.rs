//! What can be made again is: state from snapshot and log, projections from history, a whole node from
//! its neighbours.

use gearify_commerce::GroupKind;
use gearify_node::state::{GROUPS, group_name};
use gearify_replication::{GroupOptions, Timers};
use gearify_tests::acts::{Act, owner};
use gearify_tests::files::copy;
use gearify_tests::process::{gearify, run};
use gearify_tests::shop::Premises;
use gearify_tests::{Cluster, OverHttp, Scenario, Telling};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Purges everything a snapshot covers.
pub fn purging() -> GroupOptions {
    GroupOptions { timers: Timers::lan(), keep_entries: 0, purge_entries: 1, ..GroupOptions::default() }
}

/// A story with something of everything; it ends with stock, orders, payments and refunds.
fn a_season(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 20).product("GRIP", "3.33").stock("GRIP", 200);
    for name in ["ada", "bob", "cat", "dan", "eve"] {
        let who = shop.shopper(name);
        shop.run([who.adds("BAT", 1), who.adds("GRIP", 3), who.pays(), owner::ships(&who)]);
        shop.run([owner::refunds(&who, 1, true)]);
    }
    let (fay, gus) = (shop.shopper("fay"), shop.shopper("gus"));
    shop.run([fay.adds("BAT", 2), fay.pays_with("tok_declined"), gus.adds("GRIP", 1), gus.pays_later()]);
    shop.run([owner::marks_received(&gus), owner::cancels(&gus)]);
}

/// `gearify doctor --json` with further options: what it found, by what it looked at.
pub fn doctor(data: &Path, options: &[&str]) -> (bool, BTreeMap<String, (bool, String)>) {
    let mut command = gearify(&["doctor", "--json"]);
    command.args(options).args(["--set", &format!("node.data_dir={}", data.display())]);
    let ran = run(command);
    let findings: Vec<Value> = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ran.stdout, ran.stderr));
    let finding = |finding: &Value| {
        let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
        (text("check"), (finding["ok"] == true, text("detail")))
    };
    (ran.status.success(), findings.iter().map(finding).collect())
}

/// The hash of each group's state. The position moves on with every start: a leader begins its term.
fn states(findings: &BTreeMap<String, (bool, String)>) -> BTreeMap<&str, &str> {
    let states = findings.iter().filter(|(check, _)| check.starts_with("state of "));
    states
        .map(|(check, (_, detail))| {
            (check.as_str(), detail.rsplit_once("hash ").expect("a state has a hash").1)
        })
        .collect()
}

#[test]
fn state_that_is_deleted_after_a_purge_comes_back_from_snapshot_and_log() {
    let mut shop = OverHttp::new();
    a_season(&mut shop);
    let premises = shop.close();
    let data = premises.data();
    let files = Cluster::at_with(&data, purging());
    files.purge();
    for kind in GROUPS {
        let purged = files.node(1).backend().group(kind).group.metrics().purged;
        assert!(purged.is_some_and(|purged| purged > 0), "{kind:?} has a purged log: {purged:?}");
    }
    files.stop();
    let (well, before) = doctor(&data, &["--audit"]);
    assert!(well, "{before:#?}");
    assert_eq!(states(&before).len(), GROUPS.len());

    std::fs::remove_dir_all(data.join("groups")).expect("the state can be deleted");
    let (well, after) = doctor(&data, &["--audit"]);
    assert!(well, "{after:#?}");
    assert_eq!(states(&before), states(&after), "the same state, hash and all");
    // And it is a node that serves.
    premises.start().stop();
}

#[test]
fn projections_that_are_deleted_are_computed_again_and_equal() {
    let mut shop = OverHttp::new();
    a_season(&mut shop);
    let premises = shop.close();
    let data = premises.data();
    let (well, findings) = doctor(&data, &["--audit", "--rebuild"]);
    assert!(well, "{findings:#?}");
    let rebuilt = |name: &str| findings[&format!("rebuilt {name}")].clone();
    for table in
        ["ledger.db postings", "ledger.db refunds", "lists.db orders", "lists.db stock", "search index"]
    {
        let (ok, detail) = rebuilt(table);
        assert!(ok && !detail.starts_with("0 rows"), "{table}: {detail}");
    }

    // The same without its help, and one by one.
    let files = premises.open();
    let before = files.projections(1);
    files.stop();
    for name in ["ledger.db", "lists.db", "search.db", "search", ""] {
        let place = data.join("projections").join(name);
        match place.is_dir() {
            true => std::fs::remove_dir_all(&place),
            false => std::fs::remove_file(&place),
        }
        .unwrap_or_else(|error| panic!("{}: {error}", place.display()));
        let files = premises.open();
        assert_eq!(files.projections(1), before, "without {name:?}");
        files.stop();
    }
}

#[test]
fn a_node_that_is_fed_by_snapshot_has_the_same_hash_ledger_and_lists() {
    let mut shop = Scenario::on(Cluster::three_with(purging()));
    a_season(&mut shop);
    shop.run([Act::Minutes(31)]);
    let before = shop.stage.agreed();
    shop.stage.purge();
    shop.stage.add_learner(4);
    let after = shop.stage.agreed();
    for kind in GROUPS {
        assert_eq!(before[&kind].1, after[&kind].1, "{kind:?}: no entry changed anything since");
        let metrics = shop.stage.node(4).backend().group(kind).group.metrics();
        assert!(metrics.snapshot.is_some(), "{kind:?} came as a snapshot: {metrics:?}");
    }
    let first = shop.stage.projections(1);
    assert_eq!(first, shop.stage.projections(4));
    let history = |node: u64| shop.stage.node(node).histories.reader(GroupKind::Region).verify();
    let (first, fed) = (history(1).expect("a whole history"), history(4).expect("a whole history"));
    assert_eq!((first.rows, first.through), (fed.rows, fed.through), "the history came along");
    // It goes on with the others.
    let who = shop.shopper("hal");
    shop.run([who.adds("GRIP", 2), who.pays()]);
    shop.stage.agreed();
    assert_eq!(shop.stage.projections(1), shop.stage.projections(4));
}

#[test]
fn a_history_that_lost_its_end_is_made_again_with_the_state_it_tells_about() {
    let premises = Premises::new();
    let (files, mut market) = premises.open_shop();
    files.stop();
    let data = premises.data();
    let (events, kept) = (data.join("events"), data.with_file_name("events-of-before"));
    copy(&events, &kept);
    let mut files = premises.open();
    market.product(&mut files, "BAT", 24_900);
    files.stop();
    // With this start the events are in the history only.
    premises.open().stop();
    let (well, before) = doctor(&data, &["--audit"]);
    assert!(well, "{before:#?}");

    // As where the end of a journal is damaged: SQLite opens what is before it.
    std::fs::remove_dir_all(&events).expect("the history can be removed");
    std::fs::rename(&kept, &events).expect("the older one takes its place");
    let (well, told) = doctor(&data, &["--audit"]);
    assert!(!well && told.keys().any(|check| check.starts_with("mended history of ")), "{told:#?}");
    let (well, after) = doctor(&data, &["--audit"]);
    assert!(well, "{after:#?}");
    for kind in GROUPS {
        let events = |findings: &BTreeMap<String, (bool, String)>| {
            let (_, detail) = &findings[&format!("history of {}", group_name(kind))];
            detail.split(" events").next().map(str::to_owned)
        };
        assert_eq!(events(&before), events(&after), "{kind:?}");
    }
    assert_eq!(states(&before), states(&after), "the same state, hash and all");
}
