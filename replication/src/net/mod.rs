//! The network between nodes: TCP with mutual TLS, frames of our own, a connection per purpose.
//!
//! Contract:
//! - Both ends know each other by certificate: cluster, region and number must be those dialled, those
//!   of the first frame and those of the book; each frame's group must be one the other may speak for.
//! - Streams of entries and of heartbeats have a connection per group; calls, requests and snapshots
//!   have their own. A peer that stalls, in the middle of a frame too, holds up nothing but that
//!   connection, and that for a bounded time.
//! - The first frame and its answer name the versions of frames that each end speaks; both go on in the newest
//!   that they have in common, and a caller without one hears which they are.
//! - Every queue is bounded. What does not fit waits at the sender, by TCP's own window in the end.
//! - Bytes that are no frame, or too long a one, end their connection with one line in the log.
//! - After a failed connect a node waits, longer each time and never exactly as long as others, before
//!   it tries that peer again; meanwhile callers hear at once that it can't be reached.
//! - A snapshot goes in chunks with a hash each, and goes on where it stopped.

mod authority;
mod book;
mod calls;
mod dial;
mod hello;
mod name;
mod serve;
mod snapshot;
mod streams;
mod tls;
mod wire;

#[cfg(test)]
mod tests;

pub use authority::{Authority, AuthorityError, Issued, NodeKey, PUBLIC_KEY_BYTES, anchor, check_proof};
pub use book::{PeerBook, PeerRecord};
pub use name::{LabelError, PeerName};
pub use serve::{JoinRefused, PeerService};
pub use tls::{Credentials, TlsError};

use crate::inbound::Inbound;
use crate::position::{GroupId, NodeId};
use crate::snapshots::SnapshotFile;
use crate::transport::{AppendChannel, Lane, Transport, TransportError};
use arc_swap::ArcSwap;
use bytes::Bytes;
use dial::Link;
use futures::future::BoxFuture;
use hello::Purpose;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tls::Tls;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wire::{Patience, Versions};

/// Bounds of the network. The defaults fit nodes of one region and of several.
#[derive(Clone, Debug)]
pub struct NetLimits {
    /// TCP, TLS and the first two frames together.
    pub connect: Duration,
    /// From the first byte of a frame to its last.
    pub frame: Duration,
    /// A connection without frames is closed; who needs it again connects again.
    pub idle: Duration,
    /// Pause after the first failed connect; doubled with each, up to `pause_max`.
    pub pause_min: Duration,
    pub pause_max: Duration,
    /// Accepted connections; three groups and four peers need about fifty.
    pub connections_max: usize,
    /// Callers that have not shown who they are.
    pub strangers_max: usize,
}

impl Default for NetLimits {
    fn default() -> NetLimits {
        NetLimits {
            connect: Duration::from_secs(3),
            frame: Duration::from_secs(10),
            idle: Duration::from_secs(600),
            pause_min: Duration::from_millis(50),
            pause_max: Duration::from_secs(1),
            connections_max: 4096,
            strangers_max: 64,
        }
    }
}

/// A node's end of the network. Clones share it.
#[derive(Clone)]
pub struct TcpNet {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub me: PeerName,
    pub tls: ArcSwap<Tls>,
    pub book: PeerBook,
    pub limits: NetLimits,
    pub versions: Versions,
    pub links: Mutex<BTreeMap<NodeId, Arc<Link>>>,
    pub stop: CancellationToken,
    /// Set when a peer says that this node was removed.
    pub removed: watch::Sender<bool>,
    pub connects: AtomicU64,
}

impl Shared {
    pub(crate) fn patience(&self) -> Patience {
        Patience { frame: self.limits.frame, idle: self.limits.idle }
    }

    pub(crate) fn link(&self, to: NodeId) -> Arc<Link> {
        self.links.lock().entry(to).or_default().clone()
    }
}

impl TcpNet {
    /// # Errors
    /// If certificate, key and authority don't fit each other.
    pub fn new(credentials: &Credentials, book: PeerBook, limits: NetLimits) -> Result<TcpNet, TlsError> {
        TcpNet::speaking(Versions::SPOKEN, credentials, book, limits)
    }

    /// As a program that speaks these versions of the frames.
    fn speaking(
        versions: Versions,
        credentials: &Credentials,
        book: PeerBook,
        limits: NetLimits,
    ) -> Result<TcpNet, TlsError> {
        let shared = Shared {
            me: credentials.name.clone(),
            tls: ArcSwap::from_pointee(Tls::new(credentials)?),
            book,
            limits,
            versions,
            links: Mutex::default(),
            stop: CancellationToken::new(),
            removed: watch::Sender::new(false),
            connects: AtomicU64::new(0),
        };
        Ok(TcpNet { shared: Arc::new(shared) })
    }

    pub fn me(&self) -> &PeerName {
        &self.shared.me
    }

    pub fn book(&self) -> &PeerBook {
        &self.shared.book
    }

    /// Uses a renewed certificate for every connection from now on.
    pub fn renew(&self, credentials: &Credentials) -> Result<(), TlsError> {
        self.shared.tls.store(Arc::new(Tls::new(credentials)?));
        Ok(())
    }

    /// Becomes true when a peer refuses this node as removed from the cluster.
    pub fn removed(&self) -> watch::Receiver<bool> {
        self.shared.removed.subscribe()
    }

    /// How many connections this node has begun, successful or not.
    pub fn connects(&self) -> u64 {
        self.shared.connects.load(Ordering::Relaxed)
    }

    /// Answers peers until [`TcpNet::stop`].
    pub fn serve(&self, listener: TcpListener, inbound: Inbound, service: Arc<dyn PeerService>) {
        tokio::spawn(serve::run(self.shared.clone(), listener, inbound, service));
    }

    /// Ends every connection of this node; nothing works after it.
    pub fn stop(&self) {
        self.shared.stop.cancel();
    }

    /// Asks another node's [`PeerService`].
    ///
    /// # Errors
    /// [`TransportError::Unreachable`]: the request was not sent. [`TransportError::Refused`]: it was
    /// not acted on. After the others it may have been.
    pub async fn request(
        &self,
        to: NodeId,
        request: Bytes,
        deadline: Duration,
    ) -> Result<Bytes, TransportError> {
        calls::call(&self.shared, to, Purpose::Requests, GroupId(0), request, deadline).await
    }
}

/// Asks a node at an address to take in this one, without a certificate. `authority` is what the token
/// says the cluster's authority is; nobody else is talked to.
pub async fn join(
    address: &str,
    cluster: &str,
    authority: &[u8],
    request: Bytes,
    deadline: Duration,
) -> Result<Bytes, TransportError> {
    dial::join(address, cluster, authority, request, deadline).await
}

impl Transport for TcpNet {
    fn call(
        &self,
        to: NodeId,
        group: GroupId,
        request: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>> {
        let shared = self.shared.clone();
        Box::pin(async move { calls::call(&shared, to, Purpose::Calls, group, request, deadline).await })
    }

    fn open_append(
        &self,
        to: NodeId,
        group: GroupId,
        lane: Lane,
    ) -> BoxFuture<'static, Result<AppendChannel, TransportError>> {
        let purpose = match lane {
            Lane::Entries => Purpose::Entries,
            Lane::Heartbeats => Purpose::Heartbeats,
        };
        let shared = self.shared.clone();
        Box::pin(async move { streams::open(&shared, to, purpose, group).await })
    }

    fn send_snapshot(
        &self,
        to: NodeId,
        group: GroupId,
        header: Bytes,
        file: SnapshotFile,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>> {
        let shared = self.shared.clone();
        Box::pin(async move {
            let send = snapshot::send(&shared, to, group, header, file);
            tokio::time::timeout(deadline, send).await.unwrap_or(Err(TransportError::TimedOut { node: to }))
        })
    }
}
