//! A network inside one process, for tests: frames between nodes by function call, with cuts,
//! delays and drops.
//!
//! A cut link refuses calls and breaks streams at once, like a closed port. A *silent* cut loses
//! frames and says nothing, like a partition: whoever waits must have a deadline of its own.

use crate::inbound::Inbound;
use crate::position::{GroupId, NodeId};
use crate::snapshots::SnapshotFile;
use crate::transport::{AppendChannel, Lane, STREAM_FRAMES_MAX, Transport, TransportError};
use bytes::Bytes;
use futures::future::BoxFuture;
use parking_lot::RwLock;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// Bytes of a snapshot sent at a time.
const SNAPSHOT_PIECE_BYTES: usize = 256 << 10;

/// One frame about to travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    pub from: NodeId,
    pub to: NodeId,
    pub group: GroupId,
    pub kind: PassageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassageKind {
    Call,
    Stream(Lane),
    Snapshot,
}

/// What a hook decides about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Pass,
    Delay(Duration),
    /// Lost without a sign.
    Lose,
    /// A request arrives twice; the second answer is the one that counts. In a stream the same as `Pass`.
    Twice,
}

/// What became of a frame on its way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Carried {
    Lost,
    Once,
    Twice,
}

type Hook = Arc<dyn Fn(Passage) -> Verdict + Send + Sync>;

#[derive(Default)]
struct Shared {
    nodes: RwLock<BTreeMap<NodeId, Inbound>>,
    /// How often each node has ended: what an earlier life of it still sends is not carried.
    ended: RwLock<BTreeMap<NodeId, u64>>,
    cuts: RwLock<BTreeSet<(NodeId, NodeId)>>,
    silent_cuts: RwLock<BTreeSet<(NodeId, NodeId)>>,
    hook: RwLock<Option<Hook>>,
    streams_opened: AtomicU64,
}

/// Connects nodes of one process. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryNet {
    shared: Arc<Shared>,
}

impl MemoryNet {
    pub fn new() -> MemoryNet {
        MemoryNet::default()
    }

    /// The transport of one node; give it to the node's options before it opens.
    pub fn transport(&self, node: NodeId) -> Arc<dyn Transport> {
        Arc::new(Link { me: node, life: self.life(node), net: self.clone() })
    }

    /// Lets a node receive.
    pub fn attach(&self, inbound: Inbound) {
        self.shared.nodes.write().insert(inbound.node(), inbound);
    }

    /// Makes a node unreachable, like a process that ended. What is on its way from it still arrives; what
    /// its transport is given from now on does not leave.
    pub fn detach(&self, node: NodeId) {
        self.shared.nodes.write().remove(&node);
        *self.shared.ended.write().entry(node).or_default() += 1;
    }

    fn life(&self, node: NodeId) -> u64 {
        self.shared.ended.read().get(&node).copied().unwrap_or_default()
    }

    /// Cuts a node off from all others, both ways.
    pub fn isolate(&self, node: NodeId) {
        let others: Vec<NodeId> = self.shared.nodes.read().keys().copied().filter(|n| *n != node).collect();
        others.into_iter().for_each(|other| self.cut(node, other));
    }

    /// Cuts the link between two nodes, both ways.
    pub fn cut(&self, one: NodeId, other: NodeId) {
        self.shared.cuts.write().extend([(one, other), (other, one)]);
    }

    /// Loses frames between two nodes, both ways, without a sign.
    pub fn cut_silently(&self, one: NodeId, other: NodeId) {
        self.shared.silent_cuts.write().extend([(one, other), (other, one)]);
    }

    /// Loses frames in one direction only.
    pub fn cut_one_way(&self, from: NodeId, to: NodeId) {
        self.shared.silent_cuts.write().insert((from, to));
    }

    /// Undoes every cut. Streams that were broken stay broken and are opened anew.
    pub fn heal(&self) {
        self.shared.cuts.write().clear();
        self.shared.silent_cuts.write().clear();
    }

    /// Asks `hook` about every frame from now on.
    pub fn set_hook(&self, hook: impl Fn(Passage) -> Verdict + Send + Sync + 'static) {
        *self.shared.hook.write() = Some(Arc::new(hook));
    }

    pub fn clear_hook(&self) {
        *self.shared.hook.write() = None;
    }

    /// How many streams were asked for so far, successful or not.
    pub fn streams_opened(&self) -> u64 {
        self.shared.streams_opened.load(Ordering::Relaxed)
    }

    fn reach(&self, passage: Passage) -> Result<Inbound, TransportError> {
        let unreachable =
            |reason: &str| TransportError::Unreachable { node: passage.to, reason: reason.to_owned() };
        if self.shared.cuts.read().contains(&(passage.from, passage.to)) {
            return Err(unreachable("cut"));
        }
        self.shared.nodes.read().get(&passage.to).cloned().ok_or_else(|| unreachable("not there"))
    }

    /// Carries one frame: waits as long as the hook says.
    async fn carry(&self, passage: Passage) -> Carried {
        if self.shared.silent_cuts.read().contains(&(passage.from, passage.to)) {
            return Carried::Lost;
        }
        let hook = self.shared.hook.read().clone();
        match hook.map_or(Verdict::Pass, |hook| hook(passage)) {
            Verdict::Pass => Carried::Once,
            Verdict::Delay(delay) => {
                tokio::time::sleep(delay).await;
                Carried::Once
            }
            Verdict::Lose => Carried::Lost,
            Verdict::Twice => Carried::Twice,
        }
    }

    async fn call(&self, passage: Passage, request: Bytes) -> Result<Bytes, TransportError> {
        let peer = self.reach(passage)?;
        match self.carry(passage).await {
            Carried::Lost => std::future::pending::<()>().await,
            Carried::Once => {}
            Carried::Twice => drop(peer.call(passage.from, passage.group, request.clone()).await),
        }
        let answer = peer.call(passage.from, passage.group, request).await?;
        // A node that ended meanwhile has said nothing.
        self.reach(passage)?;
        if self.shared.cuts.read().contains(&(passage.to, passage.from)) {
            return Err(TransportError::Unreachable { node: passage.to, reason: "cut".to_owned() });
        }
        if self.carry(passage.back()).await == Carried::Lost {
            std::future::pending::<()>().await;
        }
        Ok(answer)
    }

    async fn open(&self, passage: Passage) -> Result<AppendChannel, TransportError> {
        self.shared.streams_opened.fetch_add(1, Ordering::Relaxed);
        let peer = self.reach(passage)?;
        if self.carry(passage).await == Carried::Lost {
            std::future::pending::<()>().await;
        }
        let far = peer.open_append(passage.from, passage.group)?;
        let (requests, outgoing) = mpsc::channel(STREAM_FRAMES_MAX);
        let (incoming, answers) = mpsc::channel(STREAM_FRAMES_MAX);
        tokio::spawn(self.clone().pump(passage, outgoing, far.requests));
        tokio::spawn(self.clone().pump(passage.back(), far.answers, incoming));
        Ok(AppendChannel { requests, answers })
    }

    /// Moves frames one way until an end closes or the link is cut.
    async fn pump(self, passage: Passage, mut from: mpsc::Receiver<Bytes>, to: mpsc::Sender<Bytes>) {
        let lives = (self.life(passage.from), self.life(passage.to));
        loop {
            let frame = tokio::select! {
                biased;
                frame = from.recv() => frame,
                () = to.closed() => return,
            };
            let Some(frame) = frame else { return };
            if self.reach(passage).is_err() || lives != (self.life(passage.from), self.life(passage.to)) {
                return;
            }
            if self.carry(passage).await == Carried::Lost {
                // A stream has no holes: after a lost frame nothing more arrives.
                return to.closed().await;
            }
            if to.send(frame).await.is_err() {
                return;
            }
        }
    }

    async fn snapshot(
        &self,
        passage: Passage,
        header: Bytes,
        file: SnapshotFile,
    ) -> Result<Bytes, TransportError> {
        let peer = self.reach(passage)?;
        let broken = |reason: String| TransportError::Broken { node: passage.to, reason };
        let mut sink = peer.begin_snapshot(passage.from, passage.group, header)?;
        let mut offset = sink.offset();
        while offset < file.bytes() {
            self.reach(passage)?;
            if self.carry(passage).await == Carried::Lost {
                std::future::pending::<()>().await;
            }
            let mut piece = vec![0; SNAPSHOT_PIECE_BYTES];
            let read = file.read_at(offset, &mut piece).map_err(|error| broken(error.to_string()))?;
            offset += read as u64;
            sink.write(&piece[..read]).map_err(|error| broken(error.to_string()))?;
        }
        sink.finish().await
    }
}

impl Passage {
    fn back(self) -> Passage {
        Passage { from: self.to, to: self.from, ..self }
    }
}

struct Link {
    me: NodeId,
    /// The life of the node that this is the transport of.
    life: u64,
    net: MemoryNet,
}

impl Link {
    /// Nothing leaves a node that has ended.
    fn require_life(net: &MemoryNet, life: u64, me: NodeId, to: NodeId) -> Result<(), TransportError> {
        let ended = || TransportError::Unreachable { node: to, reason: "this node has ended".to_owned() };
        if net.life(me) == life { Ok(()) } else { Err(ended()) }
    }

    fn passage(&self, to: NodeId, group: GroupId, kind: PassageKind) -> Passage {
        Passage { from: self.me, to, group, kind }
    }
}

impl Transport for Link {
    fn call(
        &self,
        to: NodeId,
        group: GroupId,
        request: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>> {
        let (net, me, life) = (self.net.clone(), self.me, self.life);
        let passage = self.passage(to, group, PassageKind::Call);
        Box::pin(async move {
            Link::require_life(&net, life, me, to)?;
            let call = net.call(passage, request);
            tokio::time::timeout(deadline, call).await.unwrap_or(Err(TransportError::TimedOut { node: to }))
        })
    }

    fn open_append(
        &self,
        to: NodeId,
        group: GroupId,
        lane: Lane,
    ) -> BoxFuture<'static, Result<AppendChannel, TransportError>> {
        let (net, me, life) = (self.net.clone(), self.me, self.life);
        let passage = self.passage(to, group, PassageKind::Stream(lane));
        Box::pin(async move {
            Link::require_life(&net, life, me, to)?;
            net.open(passage).await
        })
    }

    fn send_snapshot(
        &self,
        to: NodeId,
        group: GroupId,
        header: Bytes,
        file: SnapshotFile,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>> {
        let (net, me, life) = (self.net.clone(), self.me, self.life);
        let passage = self.passage(to, group, PassageKind::Snapshot);
        Box::pin(async move {
            Link::require_life(&net, life, me, to)?;
            let send = net.snapshot(passage, header, file);
            tokio::time::timeout(deadline, send).await.unwrap_or(Err(TransportError::TimedOut { node: to }))
        })
    }
}
