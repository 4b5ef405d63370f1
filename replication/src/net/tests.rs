//! One node that serves, and callers that are who they say, are not, or do not behave.

mod counted;
mod hostile;
mod identity;
mod snapshots;
mod traffic;
mod versions;

use super::*;
use crate::tests::machine::{Shelf, TestMachine};
use crate::tests::wires::{CLUSTER, REGION, brisk, credentials, credentials_for};
use crate::{Group, GroupOptions, Node, NodeOptions, Timers};
use bytes::Bytes;
use std::net::SocketAddr;
use std::time::Instant;

const REGIONAL: GroupId = GroupId(16);
const PATIENCE: Duration = Duration::from_secs(20);

/// Answers requests with what was asked, or as the first word says.
#[derive(Default)]
struct Echo;

impl PeerService for Echo {
    fn request(&self, from: PeerName, request: Bytes) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(async move {
            match &request[..] {
                b"who" => Ok(from.to_string().into()),
                b"never" => std::future::pending().await,
                b"slowly" => {
                    tokio::time::sleep(Duration::from_millis(300)).await;
                    Ok(request)
                }
                b"refuse" => Err("as asked".to_owned()),
                b"too much" => Ok(vec![0; 9 << 20].into()),
                b"much" => Ok(vec![0; 1 << 20].into()),
                _ => Ok(request),
            }
        })
    }

    fn join(&self, request: Bytes) -> BoxFuture<'_, Result<Bytes, JoinRefused>> {
        Box::pin(async move {
            if &request[..] == b"token" { Ok(request) } else { Err(JoinRefused::new("token-unknown", "no")) }
        })
    }
}

/// Node 1, which leads a group alone and serves.
struct Host {
    authority: Authority,
    net: TcpNet,
    _node: Node,
    group: Group,
    shelf: Shelf,
    address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Host {
    async fn start() -> Host {
        Host::with(brisk()).await
    }

    async fn with(limits: NetLimits) -> Host {
        let authority = Authority::generate(CLUSTER).unwrap();
        let own = credentials(&authority, NodeId(1));
        Host::serving(authority, &own, limits).await
    }

    async fn with_authority(authority: Authority) -> Host {
        let own = credentials(&authority, NodeId(1));
        Host::serving(authority, &own, brisk()).await
    }

    async fn serving(authority: Authority, own: &Credentials, limits: NetLimits) -> Host {
        Host::speaking(Versions::SPOKEN, authority, own, limits).await
    }

    async fn speaking(
        versions: Versions,
        authority: Authority,
        own: &Credentials,
        limits: NetLimits,
    ) -> Host {
        let (dir, shelf) = (tempfile::tempdir().unwrap(), Shelf::default());
        let book = PeerBook::default();
        book.insert(NodeId(2), PeerRecord { region: REGION.into(), address: "127.0.0.1:1".into() });
        let net = TcpNet::speaking(versions, own, book, limits).unwrap();
        let mut options = NodeOptions::new(NodeId(1), "test", dir.path());
        options.transport = Arc::new(net.clone());
        let node = Node::open(options).unwrap();
        let quick = GroupOptions { timers: Timers::fast(), ..GroupOptions::default() };
        let group = node.start_group(REGIONAL, TestMachine::on(&shelf), quick).await.unwrap();
        group.bootstrap([NodeId(1)].into()).await.unwrap();
        let mut leadership = group.leadership();
        let led = leadership.wait_for(|leadership| leadership.mine);
        drop(tokio::time::timeout(PATIENCE, led).await.expect("in time").expect("running"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        net.serve(listener, node.inbound(), Arc::new(Echo));
        Host { authority, net, _node: node, group, shelf, address, _dir: dir }
    }

    /// Another node's end of the network, which knows node 1 by its address.
    fn caller(&self, node: u64) -> TcpNet {
        self.caller_as(&credentials(&self.authority, NodeId(node)))
    }

    fn caller_as(&self, credentials: &Credentials) -> TcpNet {
        self.caller_speaking(Versions::SPOKEN, credentials)
    }

    fn caller_speaking(&self, versions: Versions, credentials: &Credentials) -> TcpNet {
        let book = PeerBook::default();
        book.insert(NodeId(1), PeerRecord { region: REGION.into(), address: self.address.to_string() });
        TcpNet::speaking(versions, credentials, book, brisk()).unwrap()
    }

    /// It serves a well-behaved peer and its group works.
    async fn is_well(&self) {
        let caller = self.caller(2);
        let answer = caller.request(NodeId(1), Bytes::from_static(b"are you there"), PATIENCE).await;
        assert_eq!(answer, Ok(Bytes::from_static(b"are you there")));
        let term = self.group.metrics().term;
        let proposed = tokio::time::timeout(PATIENCE, self.group.propose(Bytes::from_static(b"go on"))).await;
        proposed.expect("in time").expect("acknowledged");
        assert_eq!(self.group.metrics().term, term);
        caller.stop();
    }
}

async fn ask(caller: &TcpNet, what: &'static str) -> Result<Bytes, TransportError> {
    caller.request(NodeId(1), Bytes::from_static(what.as_bytes()), PATIENCE).await
}
