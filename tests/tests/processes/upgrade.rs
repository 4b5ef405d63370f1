//! Three nodes of the program before, replaced one by one by the present one while people order.

use crate::buyers::Heard;
use crate::cluster::{LastSale, buy_through};
use crate::kills::retried;
use crate::region::{PATIENCE, Region, token_in};
use gearify_commerce::{GroupKind, version};
use gearify_node::cluster::CLUSTER_GROUP_NAME;
use gearify_node::state::{GROUPS, GroupState, group_name};
use gearify_storage::SledOptions;
use gearify_tests::audit::orders_in;
use gearify_tests::process::{free_address, run};
use gearify_tests::shop::Premises;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const BEFORE: version::StateVersion = version::NEWEST - 1;
/// What the roster follows until the last node is replaced: programs before that version can't raise it.
const ROSTER_BEFORE: version::StateVersion = if BEFORE < version::ROSTER { version::FIRST } else { BEFORE };

fn program_before() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_gearify-before"))
}

/// The versions of the rules that a node's groups follow, as it says itself: those of shops, and the roster.
fn versions(region: &Region<'_>, n: usize) -> (BTreeSet<u64>, u64) {
    let status = region.status(n);
    let nodes = status["nodes"].as_array().expect("nodes are listed");
    let own = nodes.iter().find(|node| node["node"] == (n + 1) as u64).expect("it lists itself");
    let of = |name: &str| own["report"]["groups"][name]["version"].as_u64().expect("a group has a version");
    (GROUPS.into_iter().map(|kind| of(group_name(kind))).collect(), of(CLUSTER_GROUP_NAME))
}

/// The one line with which a program that is too old ends.
fn refusal(command: Command) -> String {
    let ran = run(command);
    assert!(!ran.status.success(), "{}", ran.stdout);
    let is_said = |line: &&str| line.starts_with("gearify: ") || line.starts_with("Error: ");
    let said: Vec<&str> = ran.stderr.lines().filter(is_said).collect();
    assert_eq!(said.len(), 1, "{}", ran.stderr);
    said[0].to_owned()
}

fn state_hash(data: &Path, kind: GroupKind) -> [u8; 32] {
    let dir = data.join("groups").join(group_name(kind));
    let options = SledOptions { cache_bytes: 8 << 20 };
    let (state, _) = GroupState::open(kind, &dir, options).expect("the state opens");
    state.applied().expect("a position").state_hash
}

#[test]
fn nodes_are_replaced_one_by_one_and_new_rules_begin_with_the_last() {
    let premises = Premises::new();
    let market =
        premises.shop_selling(&[("BALL", 2_490, 100_000), ("GRIP", 333, 100_000), ("RARE", 4_999, 20)]);
    let mut region = Region::of(&premises, 3);
    region.program = Some(program_before());
    let mut token = token_in(&region.done(0, &["cluster", "init"]));
    region.start(0);
    for n in 1..3 {
        region.join(n, &token);
        region.start(n);
        token = token_in(&region.done(0, &["cluster", "token"]));
    }
    region.wait_for_voters(&[1, 2, 3]);

    region.program = None;
    let (serial, last) = (Arc::new(AtomicUsize::new(0)), Arc::<LastSale>::default());
    let mut known = BTreeSet::new();
    let add_divided = ["region", "add", "south", "--public", "https://south.shops.example", "--shards", "2"];
    for n in 0..3 {
        let before = ([u64::from(BEFORE)].into(), u64::from(ROSTER_BEFORE));
        assert_eq!(versions(&region, n), before, "new rules began too early");
        let stop = Arc::new(AtomicBool::new(false));
        let others: Vec<usize> = (0..3).filter(|other| *other != n).collect();
        let mut buyers = JoinSet::new();
        let _runtime = premises.runtime.enter();
        for other in &others {
            buyers.spawn(buy_through(region.host(*other), stop.clone(), serial.clone(), last.clone()));
        }
        region.nodes.remove(&n).expect("it runs").stop();
        // Programs without versions of the roster might not read every command of it.
        let added = region.tell(others[0], &add_divided);
        assert_eq!(added.status.success(), BEFORE >= version::ROSTER, "{}", added.stderr);
        assert!(
            added.status.success() || added.stderr.contains("not every node of the cluster"),
            "{}",
            added.stderr
        );
        region.start(n);
        // Whoever leads has asked by then.
        std::thread::sleep(Duration::from_secs(3));
        stop.store(true, Ordering::Relaxed);
        let heard = premises.runtime.block_on(async {
            let mut heard = Heard::default();
            while let Some(bought) = buyers.join_next().await {
                heard.add(bought.expect("buyers do not panic"));
            }
            let unknown = std::mem::take(&mut heard.unknown);
            heard.add(retried(unknown, &region.host(n)).await);
            assert!(heard.unknown.is_empty(), "{} outcomes stay unknown", heard.unknown.len());
            heard
        });
        assert!(!heard.acknowledged.is_empty(), "nothing was sold while node {} was replaced", n + 1);
        known.extend(heard.acknowledged.into_iter().map(|order| order.id));
    }
    let newest = u64::from(version::NEWEST);
    let until = Instant::now() + PATIENCE;
    while (0..3).any(|n| versions(&region, n) != ([newest].into(), newest)) {
        assert!(Instant::now() < until, "the new rules did not begin: {}", region.status(0));
        std::thread::sleep(Duration::from_millis(200));
    }
    region.done(0, &add_divided);
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }

    let dirs: Vec<PathBuf> = (0..3).map(|n| region.serve(n).data).collect();
    for dir in &dirs {
        let orders = orders_in(dir, market.tenant);
        assert!(known.is_subset(&orders), "{} lost an acknowledged order", dir.display());
        for kind in GROUPS {
            assert_eq!(state_hash(dir, kind), state_hash(&dirs[0], kind), "{}", group_name(kind));
        }
    }

    // There is no way back, and the program before says so.
    region.program = Some(program_before());
    let said = refusal(region.serve(0).command(free_address(), free_address()));
    let why = format!("has version {newest}, and this version of gearify knows those up to {BEFORE}");
    assert!(said.contains(&why), "{said}");
    // Nor would it know the cluster's roster.
    let mut command = region.serve(0).command(free_address(), free_address());
    command.arg("--roster-only");
    let said = refusal(command);
    let why = format!(
        "too old for the cluster: the roster has version {newest}, and it knows those up to {BEFORE}"
    );
    assert!(said.contains(&why), "{said}");
}
