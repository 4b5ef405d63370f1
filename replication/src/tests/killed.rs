//! A node's process killed while it acknowledges: the acknowledged is there when it comes back.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const DIR: &str = "REPLICATION_VICTIM_DIR";

/// Proposes until killed, when asked to by the environment; nothing otherwise. Its machine is in
/// memory and dies with it, so each round also replays everything.
#[test]
fn victim_acknowledges_until_killed_when_asked() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let shelf = Shelf::default();
        let options = GroupOptions { snapshot_entries: 40, keep_entries: 5, purge_entries: 1, ..quick() };
        let running = start_alone(Path::new(&dir), &shelf, options).await;
        if !running.group.is_bootstrapped().await.unwrap() {
            running.group.bootstrap([NodeId(1)].into()).await.unwrap();
        }
        led(&running.group).await;
        let round = std::process::id();
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..8 {
            let group = running.group.clone();
            clients.spawn(async move {
                for number in 0.. {
                    let name = format!("{round}-{client}-{number}");
                    group.propose(named(&name)).await.unwrap();
                    writeln!(std::io::stdout(), "acknowledged {name}").unwrap();
                }
            });
        }
        clients.join_next().await.unwrap().unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_acknowledged_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["tests::killed::victim_acknowledges_until_killed_when_asked", "--exact", "--nocapture"])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let lives = 200 + round * 333;
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(name) = line.strip_prefix("acknowledged ") {
                acknowledged.push(name.to_owned());
                seen += 1;
            }
            if seen == lives {
                victim.kill().unwrap();
            }
        }
        victim.wait().unwrap();
        assert!(seen >= lives, "the victim stopped after {seen} lines");
    }
    let shelf = Shelf::default();
    let running = start_alone(dir.path(), &shelf, quick()).await;
    led(&running.group).await;
    running.group.read_barrier().await.unwrap();
    assert!(acknowledged.len() > 1_000);
    for name in &acknowledged {
        assert_eq!(shelf.count(name), 1, "{name} was acknowledged");
    }
    running.node.stop().await;
}
