//! The dialling end of a stream of entries or heartbeats: a connection of its own, both ways in order.

use super::Shared;
use super::dial::{self, Outgoing};
use super::hello::Purpose;
use super::wire::{self, Frame, Kind, Patience, WireError};
use crate::position::{GroupId, NodeId};
use crate::transport::{AppendChannel, STREAM_FRAMES_MAX, TransportError};
use bytes::Bytes;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot};

/// A connection on its way, or there and not yet used.
#[derive(Default)]
pub(crate) struct Slot {
    opening: tokio::sync::Mutex<Option<oneshot::Receiver<Opened>>>,
}

type Opened = Result<AppendChannel, TransportError>;

/// Opens a stream. Should the caller stop waiting, the connection comes about all the same and is there
/// for the next one: else a caller in a hurry would never get any where a handshake takes longer.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    to: NodeId,
    purpose: Purpose,
    group: GroupId,
) -> Result<AppendChannel, TransportError> {
    let slot = shared.link(to).slot(purpose, group);
    let mut opening = slot.opening.lock().await;
    loop {
        let opened = match &mut *opening {
            Some(opened) => opened.await,
            None => {
                let (done, opened) = oneshot::channel();
                let shared = shared.clone();
                tokio::spawn(async move {
                    let _ = done.send(connect(&shared, to, purpose, group).await);
                });
                *opening = Some(opened);
                continue;
            }
        };
        *opening = None;
        match opened {
            // It was there for a while, and is gone by now.
            Ok(Ok(channel)) if channel.requests.is_closed() => {}
            Ok(opened) => return opened,
            Err(_) => return Err(TransportError::Broken { node: to, reason: "it was given up".into() }),
        }
    }
}

async fn connect(shared: &Arc<Shared>, to: NodeId, purpose: Purpose, group: GroupId) -> Opened {
    let Outgoing { reader, writer, version } = dial::connect(shared, to, purpose, group).await?;
    let (requests, outgoing) = mpsc::channel(STREAM_FRAMES_MAX);
    let (incoming, answers) = mpsc::channel(STREAM_FRAMES_MAX);
    let end = shared.stop.child_token();
    // This side never gives up an idle stream: the other does, and openraft's deadlines judge the rest.
    let patience = Patience { idle: shared.limits.idle * 2, ..shared.patience() };
    let (sending, receiving) = (end.clone(), end.clone());
    tokio::spawn(async move {
        let _guard = sending.clone().drop_guard();
        tokio::select! {
            ended = send((writer, version), outgoing, Kind::Append, group, patience) => log_end(to, purpose, ended),
            () = sending.cancelled() => {}
        }
    });
    tokio::spawn(async move {
        let _guard = receiving.clone().drop_guard();
        tokio::select! {
            ended = receive((reader, version), &incoming, Kind::AppendAnswer, group, patience) => log_end(to, purpose, ended),
            () = receiving.cancelled() => {}
            () = incoming.closed() => {}
        }
    });
    Ok(AppendChannel { requests, answers })
}

fn log_end(to: NodeId, purpose: Purpose, ended: Result<(), WireError>) {
    if let Err(error) = ended {
        tracing::debug!(node = %to, purpose = purpose.name(), %error, "a stream to a peer ended");
    }
}

/// Sends what comes out of a queue as numbered frames, until the queue ends.
pub(crate) async fn send<W: AsyncWrite + Unpin>(
    (mut writer, version): (W, u8),
    mut queue: mpsc::Receiver<Bytes>,
    kind: Kind,
    group: GroupId,
    patience: Patience,
) -> Result<(), WireError> {
    let mut id = 0;
    while let Some(mut body) = queue.recv().await {
        loop {
            wire::write(&mut writer, version, &Frame { kind, group, id, body }, patience).await?;
            id += 1;
            match queue.try_recv() {
                Ok(next) => body = next,
                Err(_) => break,
            }
        }
        wire::flush(&mut writer, patience).await?;
    }
    let _ = tokio::time::timeout(patience.frame, writer.shutdown()).await;
    Ok(())
}

/// Puts the bodies of numbered frames into a queue, until the connection or the queue's reader ends.
///
/// # Errors
/// Also for a frame of another kind or group, or one out of order.
pub(crate) async fn receive<R: AsyncRead + Unpin>(
    (mut reader, version): (R, u8),
    queue: &mpsc::Sender<Bytes>,
    kind: Kind,
    group: GroupId,
    patience: Patience,
) -> Result<(), WireError> {
    let mut expected = 0;
    while let Some(frame) = wire::read(&mut reader, version, patience).await? {
        if frame.kind != kind || frame.group != group || frame.id != expected {
            return Err(WireError::Unexpected(frame.kind));
        }
        expected += 1;
        if queue.send(frame.body).await.is_err() {
            break;
        }
    }
    Ok(())
}

/// Ends with whichever half of a stream ends first, or when it has to.
pub(crate) async fn until_either_ends(
    sending: impl Future<Output = Result<(), WireError>>,
    receiving: impl Future<Output = Result<(), WireError>>,
    stop: impl Future<Output = ()>,
) -> Result<(), WireError> {
    tokio::select! {
        ended = sending => ended,
        ended = receiving => ended,
        () = stop => Ok(()),
    }
}
