//! What nodes say to each other beside the groups' own traffic. Postcard behind a version byte.

use super::roster::{Command, NodeState, Outcome, Refusal, TokenId};
use super::warrant::Warrant;
use crate::forward::Undecided;
use crate::room::Room;
use bytes::Bytes;
use gearify_commerce::intent::Request;
use gearify_commerce::{GroupKind, Shard, StateVersion};
use gearify_commerce::{Refusal as ShopRefusal, Reply as ShopReply};
use gearify_replication::NodeId;
use gearify_storage::{BlobHash, ContentHash, EventPosition, EventRow};
use gearify_web::ports::{Decided, Position, SubmitError};
use gearify_web::ports_regions::{Relayed, RelayedAnswer};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The order of variants is part of the protocol: only append.
#[derive(Serialize, Deserialize)]
pub enum PeerRequest {
    /// Decide a shop's request, as leader.
    Decide(Box<Request>),
    History(HistoryQuery),
    /// How the node and its groups are.
    Report,
    /// Propose to the cluster group, as leader: only what a node may say about itself.
    Propose(Command),
    /// A certificate for the caller's key, for another while.
    Renew,
    /// Refused by now: see `Order`.
    Admin(Admin),
    /// Committed entries of a shared group, for an observer.
    Follow {
        group: u16,
        from: u64,
    },
    /// A piece of the snapshot that an answer to `Follow` named.
    SnapshotPart {
        group: u16,
        hash: [u8; 32],
        offset: u64,
    },
    BlobPart(BlobPart),
    /// Fetch this blob from the caller, and answer when it is on disk.
    KeepBlob(BlobHash),
    /// An [`Order`], and the proof that the operator gave it.
    Order(Warrant, Vec<u8>),
    /// A request for a shop that this node's region sells for.
    Web(Box<Relayed>),
    /// The newest version of the groups' rules that this node's program knows.
    NewestKnown,
    /// How far the caller's logs go, by group: it is about to vote.
    Holds(BTreeMap<u16, HeldLog>),
    /// How the caller is, in exchange for the same of this node.
    Pulse(Pulse),
    HistoryFile(HistoryFile),
    /// History of a shard that is not the region's first.
    ShardHistory(Shard, HistoryQuery),
    /// As `Decide`, in a shard that is named; what brings a site along goes where it is not yet.
    DecideIn(Shard, Box<Request>),
    /// How far the caller's logs go for good, by group, for as long as it runs.
    Kept(BTreeMap<u16, HeldLog>),
}
gearify_storage::first_version!(PeerRequest);

/// What only the operator may ask for. The order of variants is part of the protocol: only append.
#[derive(Serialize, Deserialize)]
pub enum Order {
    /// From a tool that holds this node's own key.
    Admin(Admin),
    /// Passed on to the leader of the cluster group.
    Propose(Command),
}
gearify_storage::first_version!(Order);

/// A part of a blob, as long as the answering node likes.
#[derive(Serialize, Deserialize)]
pub struct BlobPart {
    pub hash: BlobHash,
    pub offset: u64,
}

/// The last entry, and a term.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldLog {
    pub last: u64,
    pub term: u64,
}

impl HeldLog {
    /// Whether a log that goes so far lacks what was confirmed to a leader. One of an older term may remember
    /// entries that a newer one has replaced.
    pub fn lacks(self, confirmed: HeldLog) -> bool {
        self.term <= confirmed.term && self.last < confirmed.last
    }

    /// Whichever says more.
    pub fn or_longer(self, other: HeldLog) -> HeldLog {
        if other.last > self.last { other } else { self }
    }
}

/// What the caller has confirmed of its logs to the answering node, as far as that remembers, and in which term.
#[derive(Serialize, Deserialize)]
pub struct ConfirmedAnswer(pub BTreeMap<u16, HeldLog>);
gearify_storage::first_version!(ConfirmedAnswer);

#[derive(Serialize, Deserialize)]
pub enum BlobAnswer {
    Missing,
    Part { bytes_total: u64, part: Vec<u8> },
    Kept,
}
gearify_storage::first_version!(BlobAnswer);

#[derive(Serialize, Deserialize)]
pub enum Admin {
    Status,
    Token {
        valid_secs: u64,
    },
    SetState {
        node: u64,
        state: NodeState,
    },
    AddRegion {
        region: String,
        public: String,
        valid_secs: u64,
    },
    Replace {
        node: u64,
        valid_secs: u64,
    },
    /// How many shards a region has that is about to be added.
    SetShards {
        region: String,
        shards: u16,
    },
    /// Where a shop is; first of all, that it shall go to another shard of its region.
    Shop {
        slug: String,
        to: Option<Shard>,
    },
    /// How many voters each of a region's shards has.
    SetVoters {
        region: String,
        voters: u8,
    },
}

#[derive(Serialize, Deserialize)]
pub struct HistoryQuery {
    pub group: GroupKind,
    pub index: u64,
    pub n: u32,
    /// A node whose history ends before this entry can't answer.
    pub through: u64,
    pub limit: u32,
}

/// A part of a closed file of the history, as long as the answering node likes.
#[derive(Serialize, Deserialize)]
pub struct HistoryFile {
    pub group: GroupKind,
    /// Of a region's group.
    pub shard: Shard,
    pub hash: ContentHash,
    pub offset: u64,
}

/// Empty at the file's end.
#[derive(Serialize, Deserialize)]
pub struct HistoryFilePart(pub Vec<u8>);
gearify_storage::first_version!(HistoryFilePart);

#[derive(Serialize, Deserialize)]
pub struct HistoryPage {
    pub rows: Vec<PlainRow>,
    /// There is no more, or as much as was asked for is there.
    pub is_whole: bool,
}
gearify_storage::first_version!(HistoryPage);

/// Position, stream, number and body of an event.
pub type PlainRow = (u64, u32, Vec<u8>, u64, Vec<u8>);

pub fn plain(row: &EventRow) -> PlainRow {
    (row.position.index, row.position.n, row.stream.to_vec(), row.seq, row.body.to_vec())
}

pub fn row((index, n, stream, seq, body): PlainRow) -> EventRow {
    EventRow {
        position: EventPosition::new(index, n),
        stream: Bytes::from(stream),
        seq,
        body: Bytes::from(body),
    }
}

#[derive(Serialize, Deserialize)]
pub enum DecideAnswer {
    Decided {
        result: Result<ShopReply, ShopRefusal>,
        replayed: bool,
        group: GroupKind,
        index: u64,
    },
    NotLeader {
        leader: Option<u64>,
    },
    Refused(ShopRefusal),
    Overloaded,
    Unavailable,
    Unknown,
    NoRoom,
    /// As `Decided`, in a shard that is not the region's first.
    DecidedInShard {
        result: Result<ShopReply, ShopRefusal>,
        replayed: bool,
        shard: Shard,
        index: u64,
    },
}
gearify_storage::first_version!(DecideAnswer);

impl From<Result<Decided, Undecided>> for DecideAnswer {
    fn from(decided: Result<Decided, Undecided>) -> DecideAnswer {
        match decided {
            Ok(Decided { result, replayed, position }) => match position {
                Position { group, shard: Shard::FIRST, index } => {
                    DecideAnswer::Decided { result, replayed, group, index }
                }
                Position { shard, index, .. } => {
                    DecideAnswer::DecidedInShard { result, replayed, shard, index }
                }
            },
            Err(Undecided::NotLeader { leader }) => {
                DecideAnswer::NotLeader { leader: leader.map(|leader| leader.0) }
            }
            Err(Undecided::Unreachable) => DecideAnswer::Unavailable,
            Err(Undecided::Submit(SubmitError::Refused(refusal))) => DecideAnswer::Refused(refusal),
            Err(Undecided::Submit(SubmitError::Overloaded)) => DecideAnswer::Overloaded,
            // Whoever forwards finds out for itself whether its region is cut off.
            Err(Undecided::Submit(SubmitError::Unavailable | SubmitError::ReadOnly)) => {
                DecideAnswer::Unavailable
            }
            Err(Undecided::Submit(SubmitError::Unknown)) => DecideAnswer::Unknown,
            Err(Undecided::Submit(SubmitError::NoRoom)) => DecideAnswer::NoRoom,
        }
    }
}

impl From<DecideAnswer> for Result<Decided, Undecided> {
    fn from(answer: DecideAnswer) -> Result<Decided, Undecided> {
        Err(match answer {
            DecideAnswer::Decided { result, replayed, group, index } => {
                let position = Position { group, shard: Shard::FIRST, index };
                return Ok(Decided { result, replayed, position });
            }
            DecideAnswer::DecidedInShard { result, replayed, shard, index } => {
                let position = Position { group: GroupKind::Region, shard, index };
                return Ok(Decided { result, replayed, position });
            }
            DecideAnswer::NotLeader { leader } => Undecided::NotLeader { leader: leader.map(NodeId) },
            DecideAnswer::Refused(refusal) => SubmitError::Refused(refusal).into(),
            DecideAnswer::Overloaded => SubmitError::Overloaded.into(),
            DecideAnswer::Unavailable => SubmitError::Unavailable.into(),
            DecideAnswer::Unknown => SubmitError::Unknown.into(),
            DecideAnswer::NoRoom => SubmitError::NoRoom.into(),
        })
    }
}

/// What nodes that keep something together tell each other all the time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Pulse {
    /// By the sender's clock, when it was sent.
    pub now_ms: i64,
    pub room: Room,
}
gearify_storage::first_version!(Pulse);

/// Of a program that does not know the question it is [`gearify_commerce::version::FIRST`].
#[derive(Serialize, Deserialize)]
pub struct NewestAnswer(pub StateVersion);
gearify_storage::first_version!(NewestAnswer);

/// [`RelayedAnswer`] with a version.
#[derive(Serialize, Deserialize)]
pub struct WebAnswer(pub RelayedAnswer);
gearify_storage::first_version!(WebAnswer);

#[derive(Serialize, Deserialize)]
pub enum ProposeAnswer {
    Applied(Outcome),
    NotLeader { leader: Option<u64> },
    Unknown,
}
gearify_storage::first_version!(ProposeAnswer);

/// A certificate, in the order of [`gearify_replication::net::Issued`].
#[derive(Serialize, Deserialize)]
pub struct IssuedAnswer {
    pub certificate: Vec<u8>,
    pub valid_until: u64,
}
gearify_storage::first_version!(IssuedAnswer);

#[derive(Serialize, Deserialize)]
pub enum AdminAnswer {
    Status(Box<ClusterStatus>),
    Token(String),
    Done,
    Refused(Refusal),
    Unavailable,
    Shop(ShopPlace),
    /// One line for the operator.
    Declined(String),
}
gearify_storage::first_version!(AdminAnswer);

/// Where a shop is within its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShopPlace {
    /// `None` before it was written to.
    pub shard: Option<Shard>,
    pub moving: Option<Moving>,
}

/// How far a shop's move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moving {
    /// Nobody has begun yet.
    Intended,
    Copying,
    /// It is there, but for the last step.
    Opening,
}

/// Who wants to join, with the proof that it holds the key and the token.
#[derive(Serialize, Deserialize)]
pub struct JoinRequest {
    pub token: TokenId,
    pub secret: [u8; 16],
    pub public_key: [u8; 32],
    /// Over [`join_proof_text`].
    pub proof: Vec<u8>,
    pub region: String,
    pub address: String,
    pub master_key: String,
    pub now_ms: i64,
    /// The newest version of the groups' rules that its program knows.
    pub newest: StateVersion,
}
gearify_storage::first_version!(JoinRequest);

/// What the joining node signs: its key belongs to this request and to no other.
pub fn join_proof_text(token: &TokenId, region: &str, address: &str) -> Vec<u8> {
    [b"gearify join\0", &token[..], region.as_bytes(), b"\0", address.as_bytes()].concat()
}

#[derive(Serialize, Deserialize)]
pub enum JoinAnswer {
    Admitted(Box<Admission>),
    /// Only the leader takes in nodes.
    TryAt {
        address: String,
    },
}
gearify_storage::first_version!(JoinAnswer);

#[derive(Serialize, Deserialize)]
pub struct Admission {
    pub node: u64,
    pub certificate: Vec<u8>,
    pub valid_until: u64,
    pub authority: Vec<u8>,
    pub peers: super::identity::KnownPeers,
}

/// One node as it sees itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeReport {
    pub version: String,
    pub now_ms: i64,
    pub certificate_until: u64,
    pub log_bytes: u64,
    pub state_bytes: u64,
    pub free_bytes: u64,
    /// The newest version of the groups' rules that its program knows.
    pub newest: StateVersion,
    pub groups: BTreeMap<String, GroupReport>,
}
gearify_storage::first_version!(NodeReport);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupReport {
    pub leader: Option<u64>,
    pub term: u64,
    pub last_log: u64,
    pub committed: u64,
    pub applied: u64,
    pub snapshot: Option<u64>,
    pub voters: BTreeSet<u64>,
    pub learners: BTreeSet<u64>,
    pub is_changing: bool,
    /// It follows the group without being a member.
    pub is_observer: bool,
    /// Of the rules that its state follows.
    pub version: Option<StateVersion>,
}

/// The cluster as one node could gather it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClusterStatus {
    pub cluster: String,
    pub asked: u64,
    pub nodes: Vec<NodeStatus>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    pub node: u64,
    pub region: String,
    pub address: String,
    pub state: NodeState,
    /// `None`: it did not answer.
    pub report: Option<NodeReport>,
}
