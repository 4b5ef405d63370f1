//! A clock that jumps: whoever has it leads nothing, and no order is of another hour.

use crate::buyers::{Attempt, acknowledged, read};
use crate::region::{PATIENCE, Region, token_in};
use gearify_tests::process::{Serve, binary};
use gearify_tests::shop::Premises;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const FAKETIME: &str = "/usr/bin/faketime";
const HOUR: &str = "+3600s";

/// A program whose clock is what a file says.
fn with_clock(dir: &Path, n: usize) -> (PathBuf, PathBuf) {
    assert!(Path::new(FAKETIME).exists(), "this test turns clocks: apt-get install faketime");
    let (clock, program) = (dir.join(format!("clock-{n}")), dir.join(format!("gearify-{n}")));
    std::fs::write(&clock, "+0s").expect("a clock is set");
    // Timers run by the other clock, which no one turns.
    let script = format!(
        "#!/bin/sh\nexport FAKETIME_TIMESTAMP_FILE={} FAKETIME_NO_CACHE=1 FAKETIME_DONT_FAKE_MONOTONIC=1\n\
         export LD_PRELOAD=$(ls /usr/lib/*/faketime/libfaketimeMT.so.1)\nexec {} \"$@\"\n",
        clock.display(),
        binary().display()
    );
    std::fs::write(&program, script).expect("a script is written");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("it can be run");
    (clock, program)
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}: not in time");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_leader_whose_clock_jumps_hands_over_and_stamps_nothing() {
    let premises = Premises::new();
    premises.shop_selling(&[("BALL", 2_490, 1_000)]);
    let scripts = tempfile::tempdir().expect("a directory for the test");
    let clocks: Vec<_> = (0..3).map(|n| with_clock(scripts.path(), n)).collect();

    let mut region = Region::of(&premises, 3);
    let token = token_in(&region.done(0, &["cluster", "init"]));
    for (n, (_, program)) in clocks.iter().enumerate() {
        if n > 0 {
            let token = if n == 1 { token.clone() } else { token_in(&region.done(0, &["cluster", "token"])) };
            region.join(n, &token);
        }
        let serve = Serve { program: Some(program.clone()), ..region.serve(n) };
        region.nodes.insert(n, serve.start());
    }
    region.wait_for_voters(&[1, 2, 3]);
    let leader = region.leader("region-0");
    let began_ms = jiff::Timestamp::now().as_millisecond();

    std::fs::write(&clocks[leader].0, HOUR).expect("the clock is turned");
    wait_until("it is not ready", || region.nodes[&leader].is_not_ready().contains("clock differs"));
    for group in ["region-0", "world", "catalogue-0", "cluster"] {
        wait_until("another leads", || region.leader_seen_by((leader + 1) % 3, group) != leader);
    }
    let log = region.nodes[&leader].log();
    assert_eq!(log.matches("clock differs from the others").count(), 1, "it is said once: {log}");
    premises.runtime.block_on(async {
        // It still takes requests, and whoever leads decides them.
        let host = region.host(leader);
        let attempt = Attempt::prepare(&host, "BALL", 1, "tok_ok").await.expect("a cart");
        let order = acknowledged(&attempt.place().await.expect("the node answers").expect(201).json);
        let now = read(&host, &order).await;
        let placed = now["placed_at"].as_str().expect("an order has a time");
        let placed_ms = placed.parse::<jiff::Timestamp>().expect("a time").as_millisecond();
        assert!((began_ms..began_ms + 600_000).contains(&placed_ms), "{placed}");
    });

    std::fs::write(&clocks[leader].0, "+0s").expect("the clock is turned back");
    wait_until("it is ready again", || region.nodes[&leader].is_not_ready().is_empty());
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}
