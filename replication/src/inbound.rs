//! The receiving side of a node: what a transport calls with frames from peers.
//!
//! A frame that speaks for another node than the one the transport authenticated is refused, and so
//! is one for a group that does not live here.

use crate::frames::{self, Request, SnapshotHeader};
use crate::group::GroupInner;
use crate::node::GroupTable;
use crate::position::{GroupId, NodeId};
use crate::snapshots::Partial;
use crate::transport::{AppendChannel, STREAM_FRAMES_MAX, TransportError};
use crate::types::{Snapshot, Vote};
use bytes::Bytes;
use futures::StreamExt;
use std::io;
use std::sync::Arc;
use tokio::sync::mpsc;

/// A cloneable door into one node's groups.
#[derive(Clone)]
pub struct Inbound {
    me: NodeId,
    groups: Arc<GroupTable>,
}

impl Inbound {
    pub(crate) fn new(me: NodeId, groups: Arc<GroupTable>) -> Inbound {
        Inbound { me, groups }
    }

    pub fn node(&self) -> NodeId {
        self.me
    }

    /// Answers one request of [`crate::Transport::call`].
    pub async fn call(&self, from: NodeId, group: GroupId, request: Bytes) -> Result<Bytes, TransportError> {
        let group = self.group(group)?;
        let request = frames::decode_request(request).map_err(|error| self.refused(error))?;
        match request {
            Request::Vote(request) => {
                self.check_sender(from, &request.vote)?;
                let answer = group.raft.vote(request).await.map_err(|error| self.refused(error))?;
                Ok(frames::encode_vote_answer(&answer))
            }
            Request::PreVote(request) => {
                self.check_sender(from, &request.vote)?;
                let answer = group.raft.pre_vote(request).await.map_err(|error| self.refused(error))?;
                Ok(frames::encode_vote_answer(&answer))
            }
            Request::Transfer(request) => {
                self.check_sender(from, request.from_leader())?;
                let answer = group.raft.handle_transfer_leader(request).await;
                Ok(frames::encode_transfer_answer(&answer.map_err(|error| self.refused(error))?))
            }
            Request::ReadIndex => {
                let answer = group.read_index().await.map_err(|error| self.refused(error))?;
                Ok(frames::encode_read_index_answer(answer))
            }
        }
    }

    /// Opens the receiving end of [`crate::Transport::open_append`]: the transport feeds request
    /// frames and carries the answers back.
    pub fn open_append(&self, from: NodeId, group: GroupId) -> Result<AppendChannel, TransportError> {
        let group = self.group(group)?;
        let (requests, incoming) = mpsc::channel(STREAM_FRAMES_MAX);
        let (outgoing, answers) = mpsc::channel(STREAM_FRAMES_MAX);
        tokio::spawn(serve_append(from, group, incoming, outgoing));
        Ok(AppendChannel { requests, answers })
    }

    /// Prepares to receive a snapshot whose header arrived.
    pub fn begin_snapshot(
        &self,
        from: NodeId,
        group: GroupId,
        header: Bytes,
    ) -> Result<SnapshotSink, TransportError> {
        let header = frames::decode_snapshot_header(header).map_err(|error| self.refused(error))?;
        self.check_sender(from, &header.vote)?;
        if header.group != group {
            return Err(self.refused(format!("a snapshot of group {} came as one of {group}", header.group)));
        }
        let group = self.group(group)?;
        SnapshotSink::create(self.me, group, header).map_err(|error| self.refused(error))
    }

    pub(crate) fn has_group(&self, group: GroupId) -> bool {
        self.groups.read().contains_key(&group)
    }

    fn group(&self, group: GroupId) -> Result<Arc<GroupInner>, TransportError> {
        let found = self.groups.read().get(&group).cloned();
        found.ok_or_else(|| self.refused(format!("group {group} is not here")))
    }

    fn check_sender(&self, from: NodeId, vote: &Vote) -> Result<(), TransportError> {
        if vote.leader_id.node_id == from {
            return Ok(());
        }
        Err(self.refused(format!("node {from} spoke for node {}", vote.leader_id.node_id)))
    }

    fn refused(&self, reason: impl ToString) -> TransportError {
        TransportError::Refused { node: self.me, reason: reason.to_string() }
    }
}

/// Feeds one stream of entries or heartbeats to the group until either side ends it.
async fn serve_append(
    from: NodeId,
    group: Arc<GroupInner>,
    incoming: mpsc::Receiver<Bytes>,
    outgoing: mpsc::Sender<Bytes>,
) {
    let requests = futures::stream::unfold(incoming, move |mut incoming| async move {
        let request = frames::decode_append(incoming.recv().await?);
        match request {
            Ok(request) if request.vote.leader_id.node_id == from => Some((request, incoming)),
            Ok(request) => {
                let claimed = request.vote.leader_id.node_id;
                tracing::warn!(%from, %claimed, "entries in the name of another node were refused");
                None
            }
            Err(error) => {
                tracing::warn!(%from, %error, "a frame of entries was not understood");
                None
            }
        }
    });
    let mut answers = std::pin::pin!(group.raft.stream_append(requests));
    while let Some(Ok(answer)) = answers.next().await {
        if outgoing.send(frames::encode_append_answer(&answer)).await.is_err() {
            return;
        }
    }
}

/// Takes the bytes of one snapshot. What has arrived is kept when the sender goes away, and the next
/// attempt to send the same snapshot goes on behind it; another snapshot takes its place.
pub struct SnapshotSink {
    me: NodeId,
    group: Arc<GroupInner>,
    header: SnapshotHeader,
    partial: Partial,
}

impl SnapshotSink {
    fn create(me: NodeId, group: Arc<GroupInner>, header: SnapshotHeader) -> io::Result<SnapshotSink> {
        let partial = group.snapshots.receive(&header.hash, header.bytes)?;
        Ok(SnapshotSink { me, group, header, partial })
    }

    /// Where the sender has to begin.
    pub fn offset(&self) -> u64 {
        self.partial.received()
    }

    /// Adds bytes. Blocks on the disk: call it from a thread that may.
    ///
    /// # Errors
    /// Also if more arrives than was announced, or another attempt has begun meanwhile.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.partial.write(bytes)
    }

    /// Checks what arrived, installs it, and gives the answer for the sender.
    pub async fn finish(self) -> Result<Bytes, TransportError> {
        let node = self.me;
        let refused = |error: &dyn ToString| TransportError::Refused { node, reason: error.to_string() };
        let SnapshotSink { group, header, partial, .. } = self;
        let hash = header.hash;
        let checked = tokio::task::spawn_blocking(move || partial.complete(&hash)).await;
        let snapshot = checked.map_err(|error| refused(&error))?.map_err(|error| refused(&error))?;
        let meta = crate::apply::meta_of(snapshot.applied()).map_err(|error| refused(&error))?;
        let leftover = snapshot.clone();
        let installed = group.raft.install_full_snapshot(header.vote, Snapshot { meta, snapshot }).await;
        // A snapshot the group took over was renamed; what still has this name is of no use.
        leftover.discard_partial();
        let answer = installed.map_err(|error| refused(&error))?;
        Ok(frames::encode_vote(&answer.vote))
    }
}
