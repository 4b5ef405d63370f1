//! A process killed while it acknowledges: the acknowledged is there when it comes back, from one
//! node alone and from three that died at once.

use super::*;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

const DIR: &str = "REPLICATION_VICTIM_DIR";
const NODES: &str = "REPLICATION_VICTIM_NODES";

/// Proposes until killed, when asked to by the environment; nothing otherwise. The machines are in
/// memory and die with it, so each round also replays everything.
#[test]
fn victim_acknowledges_until_killed_when_asked() {
    let (Some(dir), Ok(nodes)) = (std::env::var_os(DIR), std::env::var(NODES)) else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut cluster = Cluster::in_dir(Path::new(&dir), nodes.parse().unwrap(), small_log()).await;
        let round = std::process::id();
        let leader = cluster.leader().await;
        let mut clients = tokio::task::JoinSet::new();
        for client in 0..8 {
            let group = cluster.group(leader).clone();
            clients.spawn(async move {
                for number in 0.. {
                    let name = format!("{round}-{client}-{number}");
                    match group.propose(named(&name)).await {
                        Ok(_) => writeln!(std::io::stdout(), "acknowledged {name}").unwrap(),
                        // A busy machine may elect anew; the others die with this one.
                        Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
                    }
                }
            });
        }
        clients.join_next().await.unwrap().unwrap();
    });
}

fn small_log() -> GroupOptions {
    GroupOptions { snapshot_entries: 40, keep_entries: 5, purge_entries: 1, ..quick() }
}

/// Runs victims one after the other on the same files; gives what they acknowledged.
fn kill_while_acknowledging(dir: &Path, nodes: u64) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for round in 0..4 {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["tests::killed::victim_acknowledges_until_killed_when_asked", "--exact", "--nocapture"])
            .env(DIR, dir)
            .env(NODES, nodes.to_string())
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
    assert!(acknowledged.len() > 1_000);
    acknowledged
}

async fn check_after_kills(nodes: u64) {
    let dir = tempfile::tempdir().unwrap();
    let acknowledged = kill_while_acknowledging(dir.path(), nodes);
    let mut cluster = Cluster::in_dir(dir.path(), nodes, small_log()).await;
    cluster.agreed().await;
    for node in cluster.nodes() {
        for name in &acknowledged {
            assert_eq!(cluster.shelf(node).count(name), 1, "node {node}: {name} was acknowledged");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_acknowledged_is_there() {
    check_after_kills(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_three_nodes_killed_at_once_acknowledged_is_there() {
    check_after_kills(3).await;
}
