//! How frames travel between nodes: the trait a network implements.
//!
//! Frames are opaque here. A transport authenticates the peer and says who it is when it hands a
//! frame to [`crate::Inbound`]; the frames name their sender too, and `Inbound` refuses one that
//! speaks for somebody else. All groups of a node share its connections. A transport bounds every
//! wait: what hangs must end in an error.

use crate::position::{GroupId, NodeId};
use crate::snapshots::SnapshotFile;
use bytes::Bytes;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::sync::mpsc;

/// Frames of one stream that may be on their way without an answer.
pub const STREAM_FRAMES_MAX: usize = 64;

/// Why a frame or its answer did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// No connection: the caller waits before it tries again.
    #[error("node {node} cannot be reached: {reason}")]
    Unreachable { node: NodeId, reason: String },
    /// A connection broke or a frame was not understood: the caller tries again at once.
    #[error("the connection to node {node} broke: {reason}")]
    Broken { node: NodeId, reason: String },
    #[error("node {node} did not answer in time")]
    TimedOut { node: NodeId },
    #[error("node {node} refused: {reason}")]
    Refused { node: NodeId, reason: String },
}

/// What a stream carries. Heartbeats must not wait behind a megabyte of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    Entries,
    Heartbeats,
}

/// One ordered stream of frames: each request gets one answer, in the order of the requests.
/// Either side closes it by dropping its end.
#[derive(Debug)]
pub struct AppendChannel {
    pub requests: mpsc::Sender<Bytes>,
    pub answers: mpsc::Receiver<Bytes>,
}

/// Sends frames to other nodes.
pub trait Transport: Send + Sync + 'static {
    /// One request with one answer, within `deadline`.
    fn call(
        &self,
        to: NodeId,
        group: GroupId,
        request: Bytes,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>>;

    /// Opens a stream whose channels hold [`STREAM_FRAMES_MAX`] frames each.
    fn open_append(
        &self,
        to: NodeId,
        group: GroupId,
        lane: Lane,
    ) -> BoxFuture<'static, Result<AppendChannel, TransportError>>;

    /// Sends a whole snapshot file, preceded by `header`, and waits until it is installed.
    fn send_snapshot(
        &self,
        to: NodeId,
        group: GroupId,
        header: Bytes,
        file: SnapshotFile,
        deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>>;
}

/// For a node without peers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTransport;

impl NoTransport {
    fn unreachable<T: Send + 'static>(to: NodeId) -> BoxFuture<'static, Result<T, TransportError>> {
        let reason = "this node has no peers".to_owned();
        Box::pin(std::future::ready(Err(TransportError::Unreachable { node: to, reason })))
    }
}

impl Transport for NoTransport {
    fn call(
        &self,
        to: NodeId,
        _group: GroupId,
        _request: Bytes,
        _deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>> {
        NoTransport::unreachable(to)
    }

    fn open_append(
        &self,
        to: NodeId,
        _group: GroupId,
        _lane: Lane,
    ) -> BoxFuture<'static, Result<AppendChannel, TransportError>> {
        NoTransport::unreachable(to)
    }

    fn send_snapshot(
        &self,
        to: NodeId,
        _group: GroupId,
        _header: Bytes,
        _file: SnapshotFile,
        _deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, TransportError>> {
        NoTransport::unreachable(to)
    }
}
