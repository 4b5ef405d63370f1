//! Who and where: node and group numbers, positions in a log, what a machine has applied.

use crate::frames::{FrameError, FrameReader, FrameWriter};
use bytes::Bytes;
use std::fmt;

/// A node of the cluster. Never used again after its node is gone: a vote was given under it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct NodeId(pub u64);

impl From<u64> for NodeId {
    fn from(number: u64) -> NodeId {
        NodeId(number)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The stable number of a replicated group: 1 is `world`, 2 is `catalogue/0`, 16 on are shards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupId(pub u16);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in one group's log. Two entries with equal positions are equal.
///
/// Ordered by term, leader, index: the field order matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogPosition {
    pub term: u64,
    /// The leader that wrote the entry; a term may have had more than one candidate win in turn.
    pub leader: NodeId,
    pub index: u64,
}

/// How far a machine has come. It stores [`Applied::encode`] in the same batch as the effects, and
/// gives it back when it opens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The last entry applied; `None` before the first.
    pub position: Option<LogPosition>,
    /// The members of the group as of `position`, opaque.
    pub membership: Option<Bytes>,
}

impl Applied {
    const VERSION: u8 = 1;

    pub fn index(&self) -> u64 {
        self.position.map_or(0, |position| position.index)
    }

    pub fn encode(&self) -> Bytes {
        let mut out = FrameWriter::new(Applied::VERSION);
        out.option(self.position.as_ref(), |out, position| out.position(position));
        out.option(self.membership.as_ref(), |out, membership| out.sized(membership));
        out.finish()
    }

    /// # Errors
    /// [`FrameError`] if the bytes are not what [`Applied::encode`] gave.
    pub fn decode(bytes: Bytes) -> Result<Applied, FrameError> {
        let mut input = FrameReader::new(bytes, Applied::VERSION)?;
        let position = input.option(FrameReader::position)?;
        let membership = input.option(FrameReader::sized)?;
        input.end()?;
        Ok(Applied { position, membership })
    }
}
