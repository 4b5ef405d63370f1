//! Connecting to a peer, and not too often.

use super::Shared;
use super::book::PeerRecord;
use super::calls::CallLine;
use super::hello::{Cause, Hello, Purpose, Refusal};
use super::name::PeerName;
use super::streams::Slot;
use super::tls;
use super::wire::{self, Frame, GREETING, Kind, Patience, Versions, WireError};
use crate::position::{GroupId, NodeId};
use crate::transport::TransportError;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, BufWriter, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

const BUFFER_BYTES: usize = 64 << 10;

/// Both directions of one connection.
pub(crate) struct Connection<S> {
    pub reader: BufReader<ReadHalf<S>>,
    pub writer: BufWriter<WriteHalf<S>>,
    /// Of its frames from here on.
    pub version: u8,
}

impl<S: AsyncRead + AsyncWrite> Connection<S> {
    pub(crate) fn over(stream: S) -> Connection<S> {
        let (reader, writer) = tokio::io::split(stream);
        Connection {
            reader: BufReader::with_capacity(BUFFER_BYTES, reader),
            writer: BufWriter::with_capacity(BUFFER_BYTES, writer),
            version: GREETING,
        }
    }

    pub(crate) async fn read(&mut self, patience: Patience) -> Result<Option<Frame>, WireError> {
        wire::read(&mut self.reader, self.version, patience).await
    }

    /// Writes one frame and sends it off.
    pub(crate) async fn send(&mut self, frame: &Frame, patience: Patience) -> Result<(), WireError> {
        wire::write(&mut self.writer, self.version, frame, patience).await?;
        wire::flush(&mut self.writer, patience).await
    }
}

pub(crate) type Outgoing = Connection<tokio_rustls::client::TlsStream<TcpStream>>;

/// What a node keeps per peer it calls.
#[derive(Default)]
pub(crate) struct Link {
    gate: Mutex<Gate>,
    pub calls: CallLine,
    pub requests: CallLine,
    slots: Mutex<BTreeMap<(Purpose, GroupId), Arc<Slot>>>,
}

impl Link {
    pub(crate) fn slot(&self, purpose: Purpose, group: GroupId) -> Arc<Slot> {
        self.slots.lock().entry((purpose, group)).or_default().clone()
    }
}

/// When the peer may be tried again.
#[derive(Default)]
struct Gate {
    failures: u32,
    closed_until: Option<Instant>,
}

/// A connection to a peer, greeted and welcomed.
pub(crate) async fn connect(
    shared: &Shared,
    to: NodeId,
    purpose: Purpose,
    group: GroupId,
) -> Result<Outgoing, TransportError> {
    let unreachable = |reason: String| TransportError::Unreachable { node: to, reason };
    if shared.stop.is_cancelled() {
        return Err(unreachable("this node has stopped".into()));
    }
    let record = shared.book.find(to).ok_or_else(|| unreachable("its address is not known".into()))?;
    let link = shared.link(to);
    if link.gate.lock().closed_until.is_some_and(|until| Instant::now() < until) {
        return Err(unreachable("it did not answer a moment ago".into()));
    }
    shared.connects.fetch_add(1, Ordering::Relaxed);
    let greeted = timeout(shared.limits.connect, greet(shared, to, &record, purpose, group)).await;
    match greeted.unwrap_or(Err(Unmet::NoConnection("no connection in time".into()))) {
        Ok(connection) => {
            let failures = std::mem::take(&mut *link.gate.lock()).failures;
            if failures > 0 {
                tracing::info!(node = %to, failures, "a peer can be reached again");
            }
            Ok(connection)
        }
        Err(Unmet::Refused(refusal)) => {
            if refusal.cause == Cause::Removed {
                shared.removed.send_replace(true);
            }
            if refusal.cause != Cause::NotServed {
                close_gate(shared, &link, to, &refusal.reason);
            }
            Err(TransportError::Refused { node: to, reason: refusal.reason })
        }
        Err(Unmet::NoConnection(reason)) => {
            close_gate(shared, &link, to, &reason);
            Err(unreachable(reason))
        }
    }
}

enum Unmet {
    NoConnection(String),
    Refused(Refusal),
}

impl<E: std::error::Error> From<E> for Unmet {
    fn from(error: E) -> Unmet {
        Unmet::NoConnection(error.to_string())
    }
}

async fn greet(
    shared: &Shared,
    to: NodeId,
    record: &PeerRecord,
    purpose: Purpose,
    group: GroupId,
) -> Result<Outgoing, Unmet> {
    let name = PeerName::new(shared.me.cluster(), &record.region, to)?;
    if !name.may_speak_for(group, shared.me.region()) {
        let reason = format!("group {group} is not shared with region {}", record.region);
        return Err(Unmet::Refused(Refusal::new(Cause::NotServed, reason)));
    }
    let stream = TcpStream::connect(&record.address).await?;
    stream.set_nodelay(true)?;
    let tls = shared.tls.load_full();
    let mut connection = Connection::over(tls.connect(stream, &name).await?);
    let hello = Hello { purpose, from: shared.me.clone(), to: name, versions: shared.versions };
    let patience = shared.patience();
    connection.send(&hello.frame(group), patience).await?;
    match connection.read(patience).await? {
        Some(frame) if frame.kind == Kind::Welcome && frame.group == group => {
            let theirs = Versions::from_id(frame.id);
            let common = shared.versions.common(theirs);
            connection.version =
                common.ok_or_else(|| Unmet::NoConnection(hello.nothing_in_common(theirs)))?;
            Ok(connection)
        }
        Some(frame) if frame.kind == Kind::Refusal => Err(Unmet::Refused(Refusal::decode(frame.body)?)),
        Some(frame) => Err(WireError::Unexpected(frame.kind).into()),
        None => Err(Unmet::NoConnection("it closed the connection".into())),
    }
}

fn close_gate(shared: &Shared, link: &Link, to: NodeId, reason: &str) {
    let mut gate = link.gate.lock();
    let limits = &shared.limits;
    let longest = limits.pause_min.saturating_mul(1 << gate.failures.min(10)).min(limits.pause_max);
    // Between half and whole, so that nodes that lost the same peer don't come back in step.
    let pause = longest.mul_f64(rand::random_range(0.5..=1.0));
    gate.failures += 1;
    gate.closed_until = Some(Instant::now() + pause);
    metrics::counter!("gearify_peer_connect_failures_total").increment(1);
    if gate.failures == 1 {
        tracing::warn!(node = %to, reason, "a peer can't be reached");
    }
}

/// The one exchange of a joining node.
pub(crate) async fn join(
    address: &str,
    cluster: &str,
    authority: &[u8],
    request: Bytes,
    deadline: Duration,
) -> Result<Bytes, TransportError> {
    let node = NodeId(0);
    let patience = Patience { frame: deadline, idle: deadline };
    let exchange = async {
        let stream = TcpStream::connect(address).await?;
        let mut connection = Connection::over(tls::connect_to_join(stream, cluster, authority).await?);
        let frame = Frame { kind: Kind::Join, group: GroupId(0), id: 0, body: request };
        connection.send(&frame, patience).await?;
        match connection.read(patience).await? {
            Some(frame) if frame.kind == Kind::JoinAnswer => Ok(frame.body),
            Some(frame) if frame.kind == Kind::Refusal => Err(Unmet::Refused(Refusal::decode(frame.body)?)),
            Some(frame) => Err(WireError::Unexpected(frame.kind).into()),
            None => Err(Unmet::NoConnection("it closed the connection".into())),
        }
    };
    match timeout(deadline, exchange).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(Unmet::Refused(refusal))) => Err(TransportError::Refused { node, reason: refusal.reason }),
        Ok(Err(Unmet::NoConnection(reason))) => Err(TransportError::Unreachable { node, reason }),
        Err(_) => Err(TransportError::TimedOut { node }),
    }
}
