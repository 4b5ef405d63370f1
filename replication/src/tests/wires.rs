//! The two networks the cluster tests run over: function calls, and TCP with TLS through a proxy per
//! link that can cut it.

use crate::memory_net::MemoryNet;
use crate::net::TcpNet;
use crate::net::{Authority, Credentials, NetLimits, NodeKey, PeerBook, PeerName, PeerRecord, PeerService};
use crate::{Inbound, NodeId, Transport};
use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub const CLUSTER: &str = "test-0001";
pub const REGION: &str = "home";
/// No test has a node with a higher number.
const NODES_MAX: u64 = 5;

#[derive(Clone, Copy, Debug)]
pub enum Wire {
    Memory,
    Tcp,
}

/// Makes two tests of one body.
macro_rules! over_both_wires {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn over_memory() {
                super::$name(super::Wire::Memory).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn over_tcp() {
                super::$name(super::Wire::Tcp).await;
            }
        }
    )+};
}
pub(crate) use over_both_wires;

/// Either network, with the same faults.
pub enum Net {
    Memory(MemoryNet),
    Tcp(Box<TcpLab>),
}

impl Net {
    pub fn over(wire: Wire) -> Net {
        match wire {
            Wire::Memory => Net::Memory(MemoryNet::new()),
            Wire::Tcp => Net::Tcp(Box::new(TcpLab::new())),
        }
    }

    pub async fn transport(&self, node: NodeId) -> Arc<dyn Transport> {
        match self {
            Net::Memory(net) => net.transport(node),
            Net::Tcp(lab) => Arc::new(lab.net_of(node).await),
        }
    }

    pub async fn attach(&self, inbound: Inbound) {
        match self {
            Net::Memory(net) => net.attach(inbound),
            Net::Tcp(lab) => lab.attach(inbound).await,
        }
    }

    pub fn detach(&self, node: NodeId) {
        match self {
            Net::Memory(net) => net.detach(node),
            Net::Tcp(lab) => lab.detach(node),
        }
    }

    pub fn isolate(&self, node: NodeId) {
        match self {
            Net::Memory(net) => net.isolate(node),
            Net::Tcp(lab) => (1..=NODES_MAX).map(NodeId).for_each(|other| lab.cut(node, other)),
        }
    }

    pub fn cut(&self, one: NodeId, other: NodeId) {
        match self {
            Net::Memory(net) => net.cut(one, other),
            Net::Tcp(lab) => lab.cut(one, other),
        }
    }

    pub fn cut_silently(&self, one: NodeId, other: NodeId) {
        self.cut_one_way(one, other);
        self.cut_one_way(other, one);
    }

    pub fn cut_one_way(&self, from: NodeId, to: NodeId) {
        match self {
            Net::Memory(net) => net.cut_one_way(from, to),
            Net::Tcp(lab) => lab.silence(from, to),
        }
    }

    pub fn heal(&self) {
        match self {
            Net::Memory(net) => net.heal(),
            Net::Tcp(lab) => lab.change(|faults| *faults = Faults::default()),
        }
    }

    pub fn streams_opened(&self) -> u64 {
        match self {
            Net::Memory(net) => net.streams_opened(),
            Net::Tcp(lab) => lab.shared.connections.load(Ordering::Relaxed),
        }
    }

    pub fn memory(&self) -> &MemoryNet {
        match self {
            Net::Memory(net) => net,
            Net::Tcp(_) => panic!("only the network in memory can do this"),
        }
    }
}

/// Nodes of one process that talk over loopback, each link through a proxy of its own.
pub struct TcpLab {
    pub authority: Authority,
    nets: Mutex<BTreeMap<NodeId, TcpNet>>,
    shared: Arc<Links>,
}

#[derive(Default)]
struct Links {
    /// Where the proxy of each link listens, from one node to another.
    proxies: Mutex<BTreeMap<(NodeId, NodeId), SocketAddr>>,
    nodes: Mutex<BTreeMap<NodeId, SocketAddr>>,
    faults: watch::Sender<Faults>,
    connections: AtomicU64,
}

#[derive(Clone, Default)]
struct Faults {
    cut: BTreeSet<(NodeId, NodeId)>,
    silent: BTreeSet<(NodeId, NodeId)>,
}

impl TcpLab {
    pub fn new() -> TcpLab {
        let authority = Authority::generate(CLUSTER).unwrap();
        TcpLab { authority, nets: Mutex::default(), shared: Arc::default() }
    }

    async fn net_of(&self, node: NodeId) -> TcpNet {
        let book = PeerBook::default();
        for other in (1..=NODES_MAX).map(NodeId).filter(|other| *other != node) {
            let address = self.proxy(node, other).await.to_string();
            book.insert(other, PeerRecord { region: REGION.into(), address });
        }
        let net = TcpNet::new(&credentials(&self.authority, node), book, brisk()).unwrap();
        self.nets.lock().insert(node, net.clone());
        net
    }

    async fn proxy(&self, from: NodeId, to: NodeId) -> SocketAddr {
        if let Some(address) = self.shared.proxies.lock().get(&(from, to)) {
            return *address;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        self.shared.proxies.lock().insert((from, to), address);
        tokio::spawn(self.shared.clone().relay(listener, from, to));
        address
    }

    async fn attach(&self, inbound: Inbound) {
        let node = inbound.node();
        let net = self.nets.lock()[&node].clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        self.shared.nodes.lock().insert(node, listener.local_addr().unwrap());
        net.serve(listener, inbound, Arc::new(NoService));
    }

    fn detach(&self, node: NodeId) {
        self.shared.nodes.lock().remove(&node);
        if let Some(net) = self.nets.lock().remove(&node) {
            net.stop();
        }
    }

    fn cut(&self, one: NodeId, other: NodeId) {
        self.change(|faults| faults.cut.extend([(one, other), (other, one)]));
    }

    fn silence(&self, from: NodeId, to: NodeId) {
        self.change(|faults| {
            faults.silent.insert((from, to));
        });
    }

    fn change(&self, change: impl FnOnce(&mut Faults)) {
        self.shared.faults.send_modify(change);
    }
}

impl Links {
    async fn relay(self: Arc<Links>, listener: TcpListener, from: NodeId, to: NodeId) {
        while let Ok((near, _)) = listener.accept().await {
            self.connections.fetch_add(1, Ordering::Relaxed);
            let target = self.nodes.lock().get(&to).copied();
            let is_cut = self.faults.borrow().cut.contains(&(from, to));
            let (Some(target), false) = (target, is_cut) else { continue };
            let Ok(far) = TcpStream::connect(target).await else { continue };
            near.set_nodelay(true).unwrap();
            far.set_nodelay(true).unwrap();
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::spawn(carry(near_in, far_out, self.faults.subscribe(), (from, to)));
            tokio::spawn(carry(far_in, near_out, self.faults.subscribe(), (to, from)));
        }
    }
}

/// Moves bytes one way until an end closes or the link is cut; holds them while it is silent.
async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut faults: watch::Receiver<Faults>,
    way: (NodeId, NodeId),
) {
    let mut buffer = vec![0; 16 << 10];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            cut = faults.wait_for(|faults| faults.cut.contains(&way)) => { drop(cut); return }
        };
        let Ok(read @ 1..) = read else { return };
        if faults.wait_for(|faults| !faults.silent.contains(&way)).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}

pub fn credentials(authority: &Authority, node: NodeId) -> Credentials {
    let name = PeerName::new(CLUSTER, REGION, node).unwrap();
    credentials_for(authority, name, Duration::from_secs(3600))
}

pub fn credentials_for(authority: &Authority, name: PeerName, valid: Duration) -> Credentials {
    let key = NodeKey::generate().unwrap();
    let issued = authority.issue(&name, &key.public(), SystemTime::now(), valid).unwrap();
    Credentials { name, key, issued, authority: authority.certificate().to_vec() }
}

/// Pauses that fit the fast timers.
pub fn brisk() -> NetLimits {
    NetLimits {
        connect: Duration::from_secs(2),
        frame: Duration::from_secs(2),
        pause_min: Duration::from_millis(20),
        pause_max: Duration::from_millis(200),
        ..NetLimits::default()
    }
}

pub struct NoService;

impl PeerService for NoService {
    fn request(&self, _: PeerName, _: Bytes) -> BoxFuture<'_, Result<Bytes, String>> {
        Box::pin(std::future::ready(Err("nothing is served here".to_owned())))
    }

    fn join(&self, _: Bytes) -> BoxFuture<'_, Result<Bytes, crate::net::JoinRefused>> {
        Box::pin(async { Err(crate::net::JoinRefused::new("not-now", "this node takes nobody in")) })
    }
}
