//! A disk that says it could not sync: the node that hears it ends, says why, and nothing acknowledged is lost.

use crate::buyers::{Acknowledged, Attempt, acknowledged, read};
use crate::region::{PATIENCE, Region, token_in};
use gearify_tests::http::Host;
use gearify_tests::process::Serve;
use gearify_tests::shop::Premises;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a node must not go on without, and why not: the log has promised it to others, and the log is cut off
/// behind what the state and the history say they have.
const PARTS: [&str; 3] = ["/log/", "/groups/", "/events/"];
/// What a node says with when it can't go on.
const CANT_GO_ON: i32 = 2;

/// Refuses what it is told to refuse to whoever was started with it.
struct BadDisk {
    library: PathBuf,
    order: PathBuf,
}

impl BadDisk {
    fn new(dir: &Path, name: &str) -> BadDisk {
        let library = dir.join("refuse.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/processes/fsyncs/refuse.c");
        if !library.exists() {
            let mut compiler = Command::new("cc");
            compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
            let made = compiler.output().expect("a C compiler is there: apt-get install build-essential");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        }
        let disk = BadDisk { library, order: dir.join(name) };
        disk.refuse("");
        disk
    }

    fn under(&self, serve: Serve) -> Serve {
        let mut serve = serve;
        for (name, path) in [("LD_PRELOAD", &self.library), ("REFUSE_FSYNC", &self.order)] {
            serve.environment.push((name.to_owned(), path.display().to_string()));
        }
        serve
    }

    fn refuse(&self, part: &str) {
        std::fs::write(&self.order, part).expect("the test's directory takes a file");
    }
}

async fn order(host: &Host, number: usize) -> Option<Acknowledged> {
    let attempt = Attempt::prepare(host, "BALL", number, "tok_ok").await.ok()?;
    let answer = attempt.place().await.ok()?;
    (answer.status == 201).then(|| acknowledged(&answer.json))
}

#[test]
fn a_node_whose_disk_does_not_sync_ends_and_loses_nothing() {
    let premises = Premises::new();
    premises.shop_selling(&[("BALL", 2_490, 100_000)]);
    let mut region = Region::of(&premises, 3);
    let dir = premises.log().parent().expect("a log lies in a directory").to_owned();
    let disks: Vec<BadDisk> = (0..3).map(|n| BadDisk::new(&dir, &format!("order-{n}"))).collect();
    let token = token_in(&region.done(0, &["cluster", "init"]));
    let start = |region: &mut Region<'_>, n: usize| {
        let node = disks[n].under(region.serve(n)).start();
        region.nodes.insert(n, node);
    };
    start(&mut region, 0);
    region.join(1, &token);
    start(&mut region, 1);
    let token = token_in(&region.done(0, &["cluster", "token"]));
    region.join(2, &token);
    start(&mut region, 2);
    region.wait_for_voters(&[1, 2, 3]);

    let (mut orders, mut number) = (Vec::new(), 0);
    // As many orders as are wanted through these nodes, in turn.
    let mut sell = |region: &Region<'_>, through: &[usize], wanted: usize| {
        let (until, before) = (Instant::now() + PATIENCE, orders.len());
        for n in through.iter().cycle() {
            if orders.len() >= before + wanted {
                return;
            }
            assert!(Instant::now() < until, "nothing is sold through {through:?}");
            number += 1;
            orders.extend(premises.runtime.block_on(order(&region.host(*n), number)));
        }
    };
    for (n, part) in PARTS.into_iter().enumerate() {
        sell(&region, &[0, 1, 2], 4);
        disks[n].refuse(part);
        let until = Instant::now() + PATIENCE;
        let others = [(n + 1) % 3, (n + 2) % 3];
        let status = loop {
            sell(&region, &others, 1);
            if let Some(status) = region.nodes.get_mut(&n).expect("it was started").has_ended() {
                break status;
            }
            assert!(Instant::now() < until, "node {} goes on without {part}", n + 1);
        };
        let log = region.nodes[&n].log();
        assert_eq!(status.code(), Some(CANT_GO_ON), "{part}: {log}");
        let why = log.lines().rev().find(|line| line.contains("the node can't go on")).unwrap_or_default();
        println!("{part}: {why}");
        assert!(
            ["Input/output error", "disk I/O error"].iter().any(|words| why.contains(words)),
            "{part}: {why}: {log}"
        );
        sell(&region, &others, 2);
        disks[n].refuse("");
        start(&mut region, n);
    }

    for n in 0..3 {
        let host = region.host(n);
        for order in &orders {
            let until = Instant::now() + PATIENCE;
            let now = loop {
                let now = premises.runtime.block_on(read(&host, order));
                if now["number"].is_string() || Instant::now() > until {
                    break now;
                }
                std::thread::sleep(Duration::from_millis(100));
            };
            assert_eq!(&acknowledged(&now), order, "node {} has another", n + 1);
        }
    }
}
