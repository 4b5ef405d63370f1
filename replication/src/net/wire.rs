//! Frames on a connection: a fixed head, a body of a bounded length, a checksum over both.
//!
//! Head: `[length u32][version u8][kind u8][group u16][id u64][crc32c u32]`, big-endian; the length is
//! that of the body, the checksum covers the sixteen bytes before it and the body. What `id` means
//! depends on the kind. Bodies are encoded in `frames`, each with a version of its own.
//!
//! Programs of several versions talk to each other while nodes are upgraded. A connection begins with frames of
//! version [`GREETING`], in which both ends say what they speak; those after it are of the newest that both do.

use crate::position::GroupId;
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Of hello, welcome, and a refusal in the place of one, for ever; and of what joining nodes say.
pub(crate) const GREETING: u8 = 1;
const HEAD_BYTES: usize = 20;
/// Memory taken for a body before any of it has arrived.
const FIRST_RESERVE_BYTES: usize = 64 << 10;

/// The versions of frames that a program speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Versions {
    pub oldest: u8,
    pub newest: u8,
}

impl Versions {
    /// By this program.
    pub(crate) const SPOKEN: Versions = Versions { oldest: 1, newest: 1 };
    /// By programs that did not say.
    const UNSAID: Versions = Versions { oldest: 1, newest: 1 };

    /// The newest that two programs speak.
    pub(crate) fn common(self, other: Versions) -> Option<u8> {
        let newest = self.newest.min(other.newest);
        (newest >= self.oldest.max(other.oldest)).then_some(newest)
    }

    /// As the `id` of hello and welcome: its last two bytes.
    pub(crate) fn to_id(self) -> u64 {
        u64::from(u16::from_be_bytes([self.oldest, self.newest]))
    }

    pub(crate) fn from_id(id: u64) -> Versions {
        match (id as u16).to_be_bytes() {
            [0, 0] => Versions::UNSAID,
            [oldest, newest] => Versions { oldest, newest },
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} to {}", self.oldest, self.newest)
    }
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The first on every connection; says what the connection is for. `id` is the caller's [`Versions`].
    Hello,
    /// `id` is the answering end's [`Versions`].
    Welcome,
    /// The end of a connection, or of a snapshot, with the reason.
    Refusal,
    /// `id` counts requests; answers repeat it and come in the same order.
    Append,
    AppendAnswer,
    /// `id` is chosen by the caller; answers repeat it and come in any order.
    Call,
    CallAnswer,
    CallRefused,
    SnapshotBegin,
    /// `id` is the offset from which to send.
    SnapshotResume,
    /// `id` is the offset; the body begins with the hash of what follows.
    SnapshotChunk,
    SnapshotEnd,
    SnapshotDone,
    Join,
    JoinAnswer,
}

impl Kind {
    const ALL: [Kind; 15] = [
        Kind::Hello,
        Kind::Welcome,
        Kind::Refusal,
        Kind::Append,
        Kind::AppendAnswer,
        Kind::Call,
        Kind::CallAnswer,
        Kind::CallRefused,
        Kind::SnapshotBegin,
        Kind::SnapshotResume,
        Kind::SnapshotChunk,
        Kind::SnapshotEnd,
        Kind::SnapshotDone,
        Kind::Join,
        Kind::JoinAnswer,
    ];

    fn number(self) -> u8 {
        self as u8 + 1
    }

    fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// On metrics.
    fn name(self) -> &'static str {
        match self {
            Kind::Hello => "hello",
            Kind::Welcome => "welcome",
            Kind::Refusal => "refusal",
            Kind::Append => "append",
            Kind::AppendAnswer => "append_answer",
            Kind::Call => "call",
            Kind::CallAnswer => "call_answer",
            Kind::CallRefused => "call_refused",
            Kind::SnapshotBegin => "snapshot_begin",
            Kind::SnapshotResume => "snapshot_resume",
            Kind::SnapshotChunk => "snapshot_chunk",
            Kind::SnapshotEnd => "snapshot_end",
            Kind::SnapshotDone => "snapshot_done",
            Kind::Join => "join",
            Kind::JoinAnswer => "join_answer",
        }
    }

    /// No body of this kind is longer.
    pub(crate) fn body_bytes_max(self) -> usize {
        match self {
            Kind::Append => 4 << 20,
            Kind::Call | Kind::CallAnswer => 8 << 20,
            Kind::SnapshotChunk => (1 << 20) + 32,
            Kind::Join | Kind::JoinAnswer => 64 << 10,
            _ => 4 << 10,
        }
    }
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub kind: Kind,
    pub group: GroupId,
    pub id: u64,
    pub body: Bytes,
}

/// Why a connection can't go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WireError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("it ended in the middle of a frame")]
    Truncated,
    #[error("a frame of version {found} where {spoken} is spoken")]
    Version { found: u8, spoken: u8 },
    #[error("frame kind {0} is not known")]
    Kind(u8),
    #[error("a frame of kind {kind:?} with {bytes} bytes; {max} are the most")]
    TooLarge { kind: Kind, bytes: usize, max: usize },
    #[error("the checksum of a frame is wrong")]
    Checksum,
    #[error("a frame of kind {0:?} does not belong here")]
    Unexpected(Kind),
    #[error("it stalled in the middle of a frame")]
    Stalled,
    #[error("it was silent for too long")]
    Idle,
}

/// How long a connection may take for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// From a frame's first byte to its last, in either direction.
    pub frame: Duration,
    /// Between frames.
    pub idle: Duration,
}

/// The next frame; `None` if the other side closed the connection between frames.
pub(crate) async fn read<R: AsyncRead + Unpin>(
    reader: &mut R,
    version: u8,
    patience: Patience,
) -> Result<Option<Frame>, WireError> {
    let mut head = [0; HEAD_BYTES];
    let first = timeout(patience.idle, reader.read(&mut head)).await.map_err(|_| WireError::Idle)??;
    if first == 0 {
        return Ok(None);
    }
    let rest = read_rest(reader, version, head, first);
    timeout(patience.frame, rest).await.map_err(|_| WireError::Stalled)?.map(Some)
}

async fn read_rest<R: AsyncRead + Unpin>(
    reader: &mut R,
    version: u8,
    mut head: [u8; HEAD_BYTES],
    have: usize,
) -> Result<Frame, WireError> {
    reader.read_exact(&mut head[have..]).await.map_err(cut_short)?;
    let (kind, bytes) = checked_head(&head, version)?;
    let mut body = BytesMut::with_capacity(bytes.min(FIRST_RESERVE_BYTES));
    while body.len() < bytes {
        if body.len() == body.capacity() {
            // Grows with what arrives, not with what was announced.
            body.reserve((bytes - body.len()).min(body.len().max(FIRST_RESERVE_BYTES)));
        }
        let missing = bytes - body.len();
        if reader.read_buf(&mut (&mut body).limit(missing)).await? == 0 {
            return Err(WireError::Truncated);
        }
    }
    let number = |at: usize| u64::from_be_bytes(head[at..at + 8].try_into().expect("eight bytes"));
    let sum = u32::from_be_bytes(head[16..].try_into().expect("four bytes"));
    if sum != checksum(&head[..16], &body) {
        return Err(WireError::Checksum);
    }
    let group = GroupId(u16::from_be_bytes([head[6], head[7]]));
    Ok(Frame { kind, group, id: number(8), body: body.freeze() })
}

fn checked_head(head: &[u8; HEAD_BYTES], version: u8) -> Result<(Kind, usize), WireError> {
    let bytes = u32::from_be_bytes(head[..4].try_into().expect("four bytes")) as usize;
    if head[4] != version {
        return Err(WireError::Version { found: head[4], spoken: version });
    }
    let kind = Kind::from_number(head[5]).ok_or(WireError::Kind(head[5]))?;
    let max = kind.body_bytes_max();
    if bytes > max { Err(WireError::TooLarge { kind, bytes, max }) } else { Ok((kind, bytes)) }
}

/// Writes one frame; flushing is for the caller, when nothing more waits.
///
/// # Errors
/// [`WireError::Stalled`] if the other side takes nothing.
pub(crate) async fn write<W: AsyncWrite + Unpin>(
    writer: &mut W,
    version: u8,
    frame: &Frame,
    patience: Patience,
) -> Result<(), WireError> {
    let max = frame.kind.body_bytes_max();
    if frame.body.len() > max {
        return Err(WireError::TooLarge { kind: frame.kind, bytes: frame.body.len(), max });
    }
    let head = head_of(frame, version);
    let all = async {
        writer.write_all(&head).await?;
        writer.write_all(&frame.body).await
    };
    timeout(patience.frame, all).await.map_err(|_| WireError::Stalled)??;
    count(frame);
    Ok(())
}

/// What nodes cost each other: the frames of each group and kind, and their bytes before encryption.
fn count(frame: &Frame) {
    let (frame_kind, group) = (frame.kind.name(), frame.group.0.to_string());
    let bytes = (HEAD_BYTES + frame.body.len()) as u64;
    metrics::counter!("gearify_peer_sent_frames_total", "frame" => frame_kind, "group" => group.clone())
        .increment(1);
    metrics::counter!("gearify_peer_sent_bytes_total", "frame" => frame_kind, "group" => group)
        .increment(bytes);
}

pub(crate) async fn flush<W: AsyncWrite + Unpin>(
    writer: &mut W,
    patience: Patience,
) -> Result<(), WireError> {
    Ok(timeout(patience.frame, writer.flush()).await.map_err(|_| WireError::Stalled)??)
}

fn head_of(frame: &Frame, version: u8) -> [u8; HEAD_BYTES] {
    let mut head = BytesMut::with_capacity(HEAD_BYTES);
    head.put_u32(frame.body.len() as u32);
    head.put_u8(version);
    head.put_u8(frame.kind.number());
    head.put_u16(frame.group.0);
    head.put_u64(frame.id);
    let sum = checksum(&head, &frame.body);
    head.put_u32(sum);
    head.as_ref().try_into().expect("the fields of a head are twenty bytes")
}

fn checksum(head: &[u8], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(head), body)
}

fn cut_short(error: io::Error) -> WireError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => WireError::Truncated,
        _ => WireError::Io(error),
    }
}

#[cfg(test)]
mod tests;
