//! Three nodes and their disks are lost at once: what the archive has is what is left.

use crate::buyers::{Acknowledged, Attempt, acknowledged, read};
use crate::region::{PATIENCE, Region, token_in};
use gearify_tests::http::Host;
use gearify_tests::process::{gearify, run};
use gearify_tests::shop::{Premises, SLUG};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const BUYERS: usize = 3;
/// What may be missing in the archive.
const RECOVERY_POINT: Duration = Duration::from_secs(10);
/// For how long people buy: longer than that, so that something must be there.
const SALE: Duration = Duration::from_secs(16);

/// Orders, and when they were acknowledged.
type Sold = Vec<(Instant, Acknowledged)>;

async fn buy(host: Host, stop: Arc<AtomicBool>, serial: Arc<AtomicUsize>) -> Sold {
    let mut sold = Sold::new();
    while !stop.load(Ordering::Relaxed) {
        let number = serial.fetch_add(1, Ordering::Relaxed);
        let attempt = Attempt::prepare(&host, "BALL", number, "tok_ok").await.expect("a cart");
        let answer = attempt.place().await.expect("the node answers").expect(201);
        sold.push((Instant::now(), acknowledged(&answer.json)));
    }
    sold
}

#[test]
fn what_was_acknowledged_ten_seconds_before_three_disks_burned_is_restored_from_the_archive() {
    let premises = Premises::new();
    premises.shop_selling(&[("BALL", 2_490, 100_000)]);
    let safe = tempfile::tempdir().expect("a directory elsewhere");
    let key = safe.path().join("master.key");
    std::fs::copy(premises.data().join("master.key"), &key).expect("the key is kept elsewhere");
    let target = format!("file://{}", safe.path().join("archive").display());

    let mut region = Region::of(&premises, 3);
    region.archive = Some(target.clone());
    let mut token = token_in(&region.done(0, &["cluster", "init"]));
    region.start(0);
    for n in [1, 2] {
        region.join(n, &token);
        region.start(n);
        token = token_in(&region.done(0, &["cluster", "token"]));
    }
    region.wait_for_voters(&[1, 2, 3]);
    let old = region.status(0)["cluster"].clone();

    let (stop, serial) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut sold = premises.runtime.block_on(async {
        let mut buyers = JoinSet::new();
        for buyer in 0..BUYERS {
            buyers.spawn(buy(region.host(buyer), stop.clone(), serial.clone()));
        }
        tokio::time::sleep(SALE).await;
        stop.store(true, Ordering::Relaxed);
        buyers.join_all().await.concat()
    });
    let struck = Instant::now();
    region.nodes.values().for_each(|node| node.strike());
    let places: Vec<_> = (0..3).map(|n| region.serve(n).data).collect();
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.kill();
    }
    places.iter().for_each(|data| std::fs::remove_dir_all(data).expect("the disks burn"));
    sold.sort_by_key(|(at, _)| *at);

    let data = safe.path().join("node");
    let tell = |words: &[&str]| {
        let mut command = gearify(words);
        let settings = [
            ("node.data_dir", data.display().to_string()),
            ("keys.master_key_file", key.display().to_string()),
            ("backup.target", target.clone()),
            ("cluster.listen", region.peers[0].to_string()),
        ];
        for (name, value) in settings {
            command.args(["--set", &format!("{name}={value}")]);
        }
        let ran = run(command);
        assert!(ran.status.success(), "{words:?}: {}", ran.stderr);
        ran.stdout
    };
    let into = data.display().to_string();
    let told = tell(&["restore", "--into", &into]);
    assert!(told.contains("belongs to no cluster"), "{told}");
    tell(&["cluster", "init"]);
    let serve = premises.serve_on(&data, &safe.path().join("log"));
    let serve = serve.set("keys.master_key_file", key.display()).set("cluster.listen", region.peers[0]);
    let node = serve.start();
    let status = tell(&["cluster", "status", "--json"]);
    let status: serde_json::Value = serde_json::from_str(&status).expect("status is JSON");
    assert!(status["cluster"].is_string() && status["cluster"] != old, "{status}");

    let (must, may) = sold.split_at(sold.partition_point(|(at, _)| struck - *at > RECOVERY_POINT));
    assert!(must.len() > 3 && !may.is_empty(), "{} and {} orders", must.len(), may.len());
    let host = Host::new(node.public, &format!("{SLUG}.localhost"));
    premises.runtime.block_on(async {
        for (_, order) in must {
            assert_eq!(&acknowledged(&read(&host, order).await), order);
        }
        // It sells on, under numbers that nobody was told before.
        let attempt = Attempt::prepare(&host, "BALL", 1_000_000, "tok_ok").await.expect("a cart");
        let until = Instant::now() + PATIENCE;
        let next = loop {
            let answer = attempt.place().await.expect("the node answers");
            if answer.status == 201 {
                break acknowledged(&answer.json);
            }
            assert!(Instant::now() < until, "{}", answer.json);
        };
        assert!(must.iter().all(|(_, order)| order.number != next.number));
    });
    node.stop();
    let ran = run(serve.tool(&["doctor", "--audit"]));
    assert!(ran.status.success(), "{}{}", ran.stdout, ran.stderr);
}
