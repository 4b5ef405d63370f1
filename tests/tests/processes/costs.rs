//! What nodes cost each other: the figures that docs/scale.md is computed from, with bounds they must keep.

use crate::buyers::Attempt;
use crate::region::{Region, token_in};
use crate::regions::{Place, host, name_of, soon};
use gearify_commerce::GroupKind;
use gearify_node::state::{GroupState, group_name};
use gearify_storage::{Reader, SledOptions};
use gearify_tests::owner::Owner;
use gearify_tests::process::NodeProcess;
use gearify_tests::scrape::{Sample, scrape};
use gearify_tests::shop::{Premises, SLUG};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

const ORDERS: usize = 40;
const PRODUCTS: u64 = 100;
const EDITS: usize = 50;
const IDLE: Duration = Duration::from_secs(10);

/// Frames and bytes that all nodes have sent, by kind of frame and group.
type Sent = BTreeMap<(String, String), (f64, f64)>;

fn sent<'n>(premises: &Premises, nodes: impl IntoIterator<Item = &'n NodeProcess>) -> Sent {
    let mut sent = Sent::new();
    for node in nodes {
        for Sample { name, labels, value } in premises.runtime.block_on(scrape(node)).samples {
            let label = |wanted: &str| labels.get(wanted).cloned().unwrap_or_default();
            let entry = || (label("frame"), label("group"));
            match name.as_str() {
                "gearify_peer_sent_frames_total" => sent.entry(entry()).or_default().0 += value,
                "gearify_peer_sent_bytes_total" => sent.entry(entry()).or_default().1 += value,
                _ => {}
            }
        }
    }
    sent
}

fn less(after: &Sent, before: &Sent) -> Sent {
    let of = |key| before.get(key).copied().unwrap_or_default();
    let pairs = after.iter().map(|(key, now)| (key.clone(), (now.0 - of(key).0, now.1 - of(key).1)));
    pairs.collect()
}

fn total(sent: &Sent, is_counted: impl Fn(&str, &str) -> bool) -> (f64, f64) {
    let counted = sent.iter().filter(|((frame, group), _)| is_counted(frame, group));
    counted.fold((0.0, 0.0), |sum, (_, one)| (sum.0 + one.0, sum.1 + one.1))
}

/// Bytes of keys and values in a stopped node's state.
fn live_bytes(data: &Path, kind: GroupKind) -> u64 {
    let dir = data.join("groups").join(group_name(kind));
    let (state, _) = GroupState::open(kind, &dir, SledOptions { cache_bytes: 8 << 20 }).expect("it opens");
    let rows = state.scan(b"", b"", usize::MAX).expect("rows can be read");
    rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum()
}

fn bytes_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).expect("a directory");
    entries.map(|entry| entry.expect("an entry").metadata().expect("a file").len()).sum()
}

#[test]
fn an_idle_group_and_an_order_cost_what_the_plan_says() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    market.product(&mut files, "BALL", 2_490);
    for number in 1..PRODUCTS {
        market.product(&mut files, &format!("BALL-{number}"), 2_490);
    }
    market.stock(&mut files, "BALL", 0, 1_000);
    files.stop();
    let mut region = Region::of(&premises, 3);
    region.grow(3);
    let leader = region.leader("region-0");
    let host = region.host(leader);
    let prepared: Vec<Attempt> = premises.runtime.block_on(async {
        let mut prepared = Vec::new();
        for number in 0..ORDERS {
            prepared.push(Attempt::prepare(&host, "BALL", number, "tok_ok").await.expect("a cart"));
        }
        prepared
    });

    let (before, began) = (sent(&premises, region.nodes.values()), Instant::now());
    std::thread::sleep(IDLE);
    let idle = less(&sent(&premises, region.nodes.values()), &before);
    let seconds = began.elapsed().as_secs_f64();
    let heartbeats = total(&idle, |frame, _| frame.starts_with("append"));
    let groups = 4.0;
    let per_group = (heartbeats.0 / seconds / groups, heartbeats.1 / seconds / groups);
    let calls = total(&idle, |frame, _| frame.starts_with("call"));
    println!(
        "an idle group of three: {:.0} frames, {:.0} bytes a second; calls of three nodes: {:.1} frames, \
         {:.0} bytes a second",
        per_group.0,
        per_group.1,
        calls.0 / seconds,
        calls.1 / seconds
    );

    let (before, began) = (sent(&premises, region.nodes.values()), Instant::now());
    premises.runtime.block_on(async {
        for attempt in &prepared {
            attempt.place().await.expect("an answer").expect(201);
        }
    });
    let busy = less(&sent(&premises, region.nodes.values()), &before);
    let seconds = began.elapsed().as_secs_f64();
    let of_region = total(&busy, |frame, group| frame.starts_with("append") && group == "16");
    let per_order = (of_region.1 - per_group.1 * seconds) / ORDERS as f64;
    println!("an order of one line, paid at once: {per_order:.0} bytes to two followers and back");
    for ((frame, group), (frames, bytes)) in &busy {
        println!("  {frame} of group {group}: {frames} frames, {bytes} bytes");
    }
    let data = region.serve(leader).data;
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
    let per_product = live_bytes(&data, GroupKind::Catalogue) / PRODUCTS;
    let of_orders = live_bytes(&data, GroupKind::Region) / ORDERS as u64;
    let history = bytes_in(&data.join("events").join(group_name(GroupKind::Region))) / ORDERS as u64;
    println!(
        "kept: {per_product} bytes of rows for a product of one variant, {of_orders} for an order with its \
         cart and payment, {history} of history for an order"
    );
    assert!((200..20_000).contains(&per_product), "{per_product}");
    assert!((1_000..60_000).contains(&of_orders), "{of_orders}");
    assert!((10.0..80.0).contains(&per_group.0), "heartbeats: {per_group:?}");
    assert!(per_group.1 < 8_000.0, "a heartbeat is small: {per_group:?}");
    assert!(calls.1 / seconds < 20_000.0, "nodes do not chat: {calls:?}");
    assert!((2_000.0..60_000.0).contains(&per_order), "an order costs {per_order} bytes");
}

#[test]
fn an_observer_costs_little_at_rest_and_each_entry_once() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    market.product(&mut files, "BALL", 2_490);
    files.stop();
    let home = Place::new(&premises, "home");
    let south = Place::new(&premises, "south");
    home.done(&["cluster", "init"]);
    let first = home.serve().start();
    let token = token_in(&home.done(&["region", "add", "south"]));
    south.done(&["join", &token, &home.peer.to_string()]);
    let second = south.serve().start();
    let (near, far) = (host(&first, SLUG), host(&second, SLUG));
    let runtime = &premises.runtime;
    runtime.block_on(soon("the south knows the shop", async || name_of(&far, "ball").await == "BALL"));

    let (before, began) = (sent(&premises, [&first, &second]), Instant::now());
    std::thread::sleep(IDLE);
    let idle = less(&sent(&premises, [&first, &second]), &before);
    let seconds = began.elapsed().as_secs_f64();
    let calls = total(&idle, |frame, _| frame.starts_with("call"));
    let at_rest = (calls.0 / seconds, calls.1 / seconds);
    println!(
        "a voter and an observer of all that is shared: {:.1} frames, {:.0} bytes a second",
        at_rest.0, at_rest.1
    );
    for ((frame, group), (frames, bytes)) in &idle {
        println!("  {frame} of group {group}: {frames} frames, {bytes} bytes");
    }

    let (before, began) = (sent(&premises, [&first]), Instant::now());
    runtime.block_on(async {
        let owner = Owner::sign_in(near.clone()).await;
        let id = near.get("/api/v1/products/ball").await.expect(200).text("id");
        for number in 0..EDITS {
            owner.rename(&id, &format!("Ball {number}")).await.expect(200);
        }
        let last = format!("Ball {}", EDITS - 1);
        soon("the last edit is there", async || name_of(&far, "ball").await == last).await;
    });
    let busy = less(&sent(&premises, [&first]), &before);
    let answers = total(&busy, |frame, _| frame == "call_answer");
    let rest = at_rest.1 * began.elapsed().as_secs_f64();
    let per_edit = (answers.1 - rest).max(0.0) / EDITS as f64;
    println!("an edit of a product: {per_edit:.0} bytes to an observer");
    second.stop();
    let data = home.serve().data;
    first.stop();
    let product = live_bytes(&data, GroupKind::Catalogue);
    println!("all rows of the catalogue: {product} bytes");
    assert!(at_rest.0 < 20.0 && at_rest.1 < 3_000.0, "an observer at rest: {at_rest:?}");
    assert!((100.0..4_000.0).contains(&per_edit), "an edit costs {per_edit} bytes");
}
