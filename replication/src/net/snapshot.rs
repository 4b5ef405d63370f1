//! A snapshot on its way: chunks with a hash each, from where the receiver stopped last time.

use super::Shared;
use super::dial;
use super::hello::{Purpose, Refusal};
use super::serve::Incoming;
use super::wire::{Frame, Kind, Patience, WireError};
use crate::inbound::Inbound;
use crate::position::{GroupId, NodeId};
use crate::snapshots::SnapshotFile;
use crate::transport::TransportError;
use bytes::{Bytes, BytesMut};
use std::sync::Arc;

/// Bytes of the file in one chunk.
const CHUNK_BYTES: usize = 256 << 10;
const HASH_BYTES: usize = 32;

pub(crate) async fn send(
    shared: &Arc<Shared>,
    to: NodeId,
    group: GroupId,
    header: Bytes,
    file: SnapshotFile,
) -> Result<Bytes, TransportError> {
    let broken = |reason: String| TransportError::Broken { node: to, reason };
    let patience = shared.patience();
    let mut connection = dial::connect(shared, to, Purpose::Snapshot, group).await?;
    let begin = Frame { kind: Kind::SnapshotBegin, group, id: 0, body: header };
    connection.send(&begin, patience).await.map_err(|error| broken(error.to_string()))?;
    let resume = answer(to, &mut connection, patience, Kind::SnapshotResume).await?;
    if resume.id > file.bytes() {
        return Err(broken("it has more of the snapshot than there is".into()));
    }
    let mut offset = resume.id;
    while offset < file.bytes() {
        let chunk = read_chunk(file.clone(), offset).await.map_err(|error| broken(error.to_string()))?;
        let next = offset + (chunk.len() - HASH_BYTES) as u64;
        let frame = Frame { kind: Kind::SnapshotChunk, group, id: offset, body: chunk };
        if let Err(error) = connection.send(&frame, patience).await {
            // It may have said why before it closed.
            answer(to, &mut connection, patience, Kind::SnapshotDone).await?;
            return Err(broken(error.to_string()));
        }
        offset = next;
    }
    let end = Frame { kind: Kind::SnapshotEnd, group, id: offset, body: Bytes::new() };
    connection.send(&end, patience).await.map_err(|error| broken(error.to_string()))?;
    Ok(answer(to, &mut connection, patience, Kind::SnapshotDone).await?.body)
}

async fn answer(
    to: NodeId,
    connection: &mut dial::Outgoing,
    patience: Patience,
    kind: Kind,
) -> Result<Frame, TransportError> {
    let broken = |reason: String| TransportError::Broken { node: to, reason };
    match connection.read(patience).await {
        Ok(Some(frame)) if frame.kind == kind => Ok(frame),
        Ok(Some(frame)) if frame.kind == Kind::Refusal => {
            let refusal = Refusal::decode(frame.body).map_err(|error| broken(error.to_string()))?;
            Err(TransportError::Refused { node: to, reason: refusal.reason })
        }
        Ok(Some(frame)) => Err(broken(WireError::Unexpected(frame.kind).to_string())),
        Ok(None) => Err(broken("it closed the connection".into())),
        Err(error) => Err(broken(error.to_string())),
    }
}

async fn read_chunk(file: SnapshotFile, offset: u64) -> std::io::Result<Bytes> {
    let read = move || {
        let mut piece = vec![0; CHUNK_BYTES];
        let read = file.read_at(offset, &mut piece)?;
        if read == 0 {
            return Err(std::io::Error::other("the snapshot file is shorter than it was"));
        }
        let mut chunk = BytesMut::with_capacity(HASH_BYTES + read);
        chunk.extend_from_slice(blake3::hash(&piece[..read]).as_bytes());
        chunk.extend_from_slice(&piece[..read]);
        Ok(chunk.freeze())
    };
    tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?
}

pub(crate) enum Failed {
    Wire(WireError),
    Refused(TransportError),
}

impl From<WireError> for Failed {
    fn from(error: WireError) -> Failed {
        Failed::Wire(error)
    }
}

/// Takes one snapshot, installs it and says so.
pub(crate) async fn receive(
    inbound: &Inbound,
    from: NodeId,
    group: GroupId,
    connection: &mut Incoming,
    patience: Patience,
) -> Result<(), Failed> {
    let refused = |reason: String| Failed::Refused(TransportError::Refused { node: inbound.node(), reason });
    let Some(begin) = connection.read(patience).await? else { return Ok(()) };
    if begin.kind != Kind::SnapshotBegin || begin.group != group {
        return Err(WireError::Unexpected(begin.kind).into());
    }
    let mut sink = inbound.begin_snapshot(from, group, begin.body).map_err(Failed::Refused)?;
    let resume = Frame { kind: Kind::SnapshotResume, group, id: sink.offset(), body: Bytes::new() };
    connection.send(&resume, patience).await?;
    loop {
        let Some(mut frame) = connection.read(patience).await? else {
            return Err(WireError::Truncated.into());
        };
        match frame.kind {
            _ if frame.group != group || frame.id != sink.offset() => {
                return Err(WireError::Unexpected(frame.kind).into());
            }
            Kind::SnapshotChunk if frame.body.len() > HASH_BYTES => {
                let hash = frame.body.split_to(HASH_BYTES);
                if blake3::hash(&frame.body).as_bytes() != hash.as_ref() {
                    return Err(refused("a chunk of the snapshot differs from its hash".into()));
                }
                let written = tokio::task::spawn_blocking(move || {
                    let written = sink.write(&frame.body);
                    (sink, written)
                });
                let (back, written) = written.await.map_err(|error| refused(error.to_string()))?;
                written.map_err(|error| refused(error.to_string()))?;
                sink = back;
            }
            Kind::SnapshotEnd => {
                let body = sink.finish().await.map_err(Failed::Refused)?;
                let done = Frame { kind: Kind::SnapshotDone, group, id: 0, body };
                return Ok(connection.send(&done, patience).await?);
            }
            kind => return Err(WireError::Unexpected(kind).into()),
        }
    }
}
