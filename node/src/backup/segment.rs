//! What the larger objects hold.

use bytes::Bytes;
use gearify_commerce::{Stamped, StateVersion};
use gearify_replication::{CommittedEntry, FollowedEntry, LogPosition, NodeId};
use gearify_storage::{BlobHash, ContentHash, EventPosition, EventRow, decode};
use serde::{Deserialize, Serialize};

/// One committed entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub index: u64,
    pub term: u64,
    pub leader: u64,
    /// The group's time after it; that of the entry before where it says nothing of time.
    pub at_ms: i64,
    pub commands: Vec<Bytes>,
    pub membership: Option<Bytes>,
}

impl Entry {
    /// An entry as a group's follower gets it. `before_ms` is the group's time before it.
    pub fn of(entry: FollowedEntry, before_ms: i64) -> Entry {
        let times = entry.commands.iter().filter_map(|command| decode::<Stamped>(command).ok());
        let at_ms = times.map(|stamped| stamped.at.as_millis()).fold(before_ms, i64::max);
        let FollowedEntry { position: LogPosition { term, leader, index }, commands, membership } = entry;
        Entry { index, term, leader: leader.0, at_ms, commands, membership }
    }

    pub fn position(&self) -> LogPosition {
        LogPosition { term: self.term, leader: NodeId(self.leader), index: self.index }
    }

    pub fn committed(&self) -> CommittedEntry {
        CommittedEntry { position: self.position(), commands: self.commands.clone() }
    }

    /// What it adds to a segment, about.
    pub fn bytes(&self) -> usize {
        64 + self.commands.iter().map(|command| command.len() + 8).sum::<usize>()
    }
}

/// Entries of a group without gaps between them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    pub entries: Vec<Entry>,
}
gearify_storage::first_version!(Segment);

/// Events of a group, those of each entry whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    pub rows: Vec<PlainEvent>,
}
gearify_storage::first_version!(Events);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlainEvent {
    pub index: u64,
    pub n: u32,
    pub stream: Bytes,
    pub seq: u64,
    pub body: Bytes,
}

impl From<EventRow> for PlainEvent {
    fn from(row: EventRow) -> PlainEvent {
        let EventRow { position: EventPosition { index, n }, stream, seq, body } = row;
        PlainEvent { index, n, stream, seq, body }
    }
}

impl From<PlainEvent> for EventRow {
    fn from(event: PlainEvent) -> EventRow {
        let PlainEvent { index, n, stream, seq, body } = event;
        EventRow { position: EventPosition::new(index, n), stream, seq, body }
    }
}

/// A whole backup of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub cluster: String,
    /// Of the master key that the archive and all in it is sealed with.
    pub master_key: String,
    pub group: u16,
    /// The entry that the state is as of, and replication's own account of it.
    pub index: u64,
    pub account: Vec<u8>,
    /// The group's time then.
    pub at_ms: i64,
    pub state_hash: [u8; 32],
    pub state_version: StateVersion,
    /// Hashes of the parts that the state's bytes are in, in order.
    pub parts: Vec<ContentHash>,
    pub bytes: u64,
    /// Pictures that the shops name; told by the group that knows them.
    pub blobs: Vec<BlobHash>,
}
gearify_storage::first_version!(Manifest);
