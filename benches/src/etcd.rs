//! The floor for three nodes: etcd with three members on the same machine, driven over HTTP like ours.
//!
//! A transaction has as many compares, puts and bytes as an order of three lines. Needs Debian's
//! `etcd-server`.

use crate::client::Connection;
use crate::node::free_address;
use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// What an order of three lines reads to decide: its cart, its key, the stock of three goods.
pub const ORDER_COMPARES: usize = 5;
/// Rows that an order of three lines writes; `cargo bench --bench engine` counts them.
pub const ORDER_PUTS: usize = 30;

const HOST: &str = "localhost";
const STARTING_MAX: Duration = Duration::from_secs(30);

/// Three running members.
pub struct Etcd {
    pub clients: Vec<SocketAddr>,
    _members: Vec<Child>,
    _data: tempfile::TempDir,
}

impl Etcd {
    pub async fn start() -> Result<Etcd> {
        let data = tempfile::tempdir()?;
        let addresses = || (0..3).map(|_| free_address()).collect::<Result<Vec<SocketAddr>>>();
        let (clients, peers) = (addresses()?, addresses()?);
        let cluster: Vec<String> =
            peers.iter().enumerate().map(|(n, peer)| format!("m{n}=http://{peer}")).collect();
        let mut members = Vec::new();
        for n in 0..3 {
            let (client, peer) = (format!("http://{}", clients[n]), format!("http://{}", peers[n]));
            let member = Command::new("etcd")
                .arg("--name")
                .arg(format!("m{n}"))
                .arg("--data-dir")
                .arg(data.path().join(n.to_string()))
                .args(["--listen-client-urls", &client, "--advertise-client-urls", &client])
                .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
                .args(["--initial-cluster", &cluster.join(","), "--initial-cluster-state", "new"])
                .args(["--quota-backend-bytes", "4294967296"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .kill_on_drop(true)
                .spawn()
                .context("starting etcd; `sudo apt-get install -y etcd-server` provides it")?;
            members.push(member);
        }
        let etcd = Etcd { clients, _members: members, _data: data };
        etcd.wait().await?;
        Ok(etcd)
    }

    async fn wait(&self) -> Result<()> {
        let until = Instant::now() + STARTING_MAX;
        for address in &self.clients {
            loop {
                if let Ok(mut connection) = Connection::open(*address, HOST).await
                    && connection.must(Method::POST, "/v3/kv/put", &[], Some(&put("ready", 8))).await.is_ok()
                {
                    break;
                }
                if Instant::now() > until {
                    bail!("etcd does not answer within {STARTING_MAX:?}");
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    pub async fn connect(address: SocketAddr) -> Result<Connection> {
        Connection::open(address, HOST).await
    }
}

fn put(key: &str, bytes: usize) -> Value {
    json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(vec![b'v'; bytes]) })
}

/// A transaction that takes a new name, looks at rows others write too, and writes an order's bytes.
pub async fn transact(connection: &mut Connection, number: u64, bytes: usize) -> Result<()> {
    let absent = |key: String| json!({ "key": STANDARD.encode(key), "target": "CREATE", "result": "EQUAL", "createRevision": "0" });
    let any = |key: String| json!({ "key": STANDARD.encode(key), "target": "MOD", "result": "GREATER", "modRevision": "-1" });
    let mut compares = vec![absent(format!("order/{number}"))];
    compares.extend((1..ORDER_COMPARES as u64).map(|n| any(format!("stock/{}", (number + n) % 100))));
    let each = bytes / ORDER_PUTS;
    let name = |n: usize| match n {
        0 => format!("order/{number}"),
        // As many rows of stock as compares look at; the rest is the order's own.
        n if n < ORDER_COMPARES => format!("stock/{}", (number + n as u64) % 100),
        n => format!("order/{number}/{n}"),
    };
    let puts: Vec<Value> = (0..ORDER_PUTS).map(|n| json!({ "requestPut": put(&name(n), each) })).collect();
    let body = json!({ "compare": compares, "success": puts });
    let answer = connection.must(Method::POST, "/v3/kv/txn", &[], Some(&body)).await?.json()?;
    if answer["succeeded"] != true {
        bail!("the transaction was refused");
    }
    Ok(())
}

/// One key, an order's bytes.
pub async fn put_one(connection: &mut Connection, number: u64, bytes: usize) -> Result<()> {
    let body = put(&format!("plain/{number}"), bytes);
    connection.must(Method::POST, "/v3/kv/put", &[], Some(&body)).await?;
    Ok(())
}
