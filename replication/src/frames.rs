//! Everything this crate writes to disk or wire, in encodings of its own.
//!
//! A frame is `[version][fields…]`, integers big-endian, options a byte 0 or 1, byte strings with a
//! length of four bytes. openraft's structs change between versions and are never serialised. A new
//! version of a frame gets a new number and keeps reading the old one.

use crate::batch;
use crate::position::{GroupId, LogPosition, NodeId};
use crate::types::{self, Entry, LogId, Membership, Payload, StoredMembership, Vote};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use openraft::raft::{
    AppendEntriesRequest, StreamAppendError, StreamAppendResult, TransferLeaderError, TransferLeaderRequest,
    VoteRequest, VoteResponse,
};
use openraft::{EmptyNode, EntryPayload};
use std::collections::{BTreeMap, BTreeSet};

/// Why bytes are not the frame they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("the frame ends early")]
    Short,
    #[error("the frame has bytes left over")]
    Surplus,
    #[error("frame version {found} is not known")]
    Version { found: u8 },
    #[error("frame kind {found} is not known")]
    Kind { found: u8 },
    #[error("the frame contradicts itself")]
    Contradiction,
}

impl From<FrameError> for std::io::Error {
    fn from(error: FrameError) -> std::io::Error {
        std::io::Error::new(std::io::ErrorKind::InvalidData, error)
    }
}

const VERSION: u8 = 1;

/// The first two bytes of every log row's body.
pub(crate) const BODY_VERSION: u8 = 1;
const BODY_BLANK: u8 = 0;
pub(crate) const BODY_COMMANDS: u8 = 1;
const BODY_MEMBERSHIP: u8 = 2;

pub(crate) struct FrameWriter(BytesMut);

impl FrameWriter {
    pub(crate) fn new(version: u8) -> FrameWriter {
        let mut out = BytesMut::with_capacity(64);
        out.put_u8(version);
        FrameWriter(out)
    }

    pub(crate) fn u8(&mut self, value: u8) {
        self.0.put_u8(value);
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.put_u32(value);
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.0.put_u64(value);
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }

    pub(crate) fn sized(&mut self, bytes: &[u8]) {
        self.u32(bytes.len() as u32);
        self.raw(bytes);
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut FrameWriter, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            put(self, value);
        }
    }

    pub(crate) fn position(&mut self, position: &LogPosition) {
        self.u64(position.term);
        self.u64(position.leader.0);
        self.u64(position.index);
    }

    fn log_id(&mut self, log_id: &LogId) {
        self.position(&types::position(log_id));
    }

    fn vote(&mut self, vote: &Vote) {
        self.u64(vote.leader_id.term);
        self.u64(vote.leader_id.node_id.0);
        self.u8(u8::from(vote.committed));
    }

    fn membership(&mut self, membership: &Membership) {
        let configs = membership.get_joint_config();
        self.u32(configs.len() as u32);
        for voters in configs {
            self.u32(voters.len() as u32);
            voters.iter().for_each(|node| self.u64(node.0));
        }
        let nodes: Vec<NodeId> = membership.nodes().map(|(node, _)| *node).collect();
        self.u32(nodes.len() as u32);
        nodes.iter().for_each(|node| self.u64(node.0));
    }

    pub(crate) fn finish(self) -> Bytes {
        self.0.freeze()
    }
}

pub(crate) struct FrameReader(Bytes);

impl FrameReader {
    pub(crate) fn new(bytes: Bytes, version: u8) -> Result<FrameReader, FrameError> {
        let mut input = FrameReader(bytes);
        match input.u8()? {
            found if found == version => Ok(input),
            found => Err(FrameError::Version { found }),
        }
    }

    fn need(&self, bytes: usize) -> Result<(), FrameError> {
        if self.0.len() < bytes { Err(FrameError::Short) } else { Ok(()) }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FrameError> {
        self.need(1)?;
        Ok(self.0.get_u8())
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FrameError> {
        self.need(4)?;
        Ok(self.0.get_u32())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FrameError> {
        self.need(8)?;
        Ok(self.0.get_u64())
    }

    fn flag(&mut self) -> Result<bool, FrameError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            found => Err(FrameError::Kind { found }),
        }
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<Bytes, FrameError> {
        self.need(length)?;
        Ok(self.0.split_to(length))
    }

    pub(crate) fn sized(&mut self) -> Result<Bytes, FrameError> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    pub(crate) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut FrameReader) -> Result<T, FrameError>,
    ) -> Result<Option<T>, FrameError> {
        if self.flag()? { read(self).map(Some) } else { Ok(None) }
    }

    pub(crate) fn position(&mut self) -> Result<LogPosition, FrameError> {
        Ok(LogPosition { term: self.u64()?, leader: NodeId(self.u64()?), index: self.u64()? })
    }

    fn log_id(&mut self) -> Result<LogId, FrameError> {
        Ok(types::log_id(&self.position()?))
    }

    fn vote(&mut self) -> Result<Vote, FrameError> {
        Ok(types::vote(self.u64()?, NodeId(self.u64()?), self.flag()?))
    }

    fn node_ids(&mut self) -> Result<BTreeSet<NodeId>, FrameError> {
        let count = self.u32()?;
        (0..count).map(|_| self.u64().map(NodeId)).collect()
    }

    fn membership(&mut self) -> Result<Membership, FrameError> {
        let configs = self.u32()?;
        let configs: Vec<BTreeSet<NodeId>> =
            (0..configs).map(|_| self.node_ids()).collect::<Result<_, _>>()?;
        let nodes: BTreeMap<NodeId, EmptyNode> =
            self.node_ids()?.into_iter().map(|node| (node, EmptyNode::new())).collect();
        if configs.is_empty() && nodes.is_empty() {
            return Ok(Membership::default());
        }
        Membership::new(configs, nodes).map_err(|_| FrameError::Contradiction)
    }

    pub(crate) fn end(&self) -> Result<(), FrameError> {
        if self.0.is_empty() { Ok(()) } else { Err(FrameError::Surplus) }
    }
}

// --- on disk -------------------------------------------------------------------------------------

pub(crate) fn encode_vote(vote: &Vote) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    out.vote(vote);
    out.finish()
}

pub(crate) fn decode_vote(bytes: Bytes) -> Result<Vote, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let vote = input.vote()?;
    input.end()?;
    Ok(vote)
}

pub(crate) fn encode_log_id(log_id: &LogId) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    out.log_id(log_id);
    out.finish()
}

pub(crate) fn decode_log_id(bytes: Bytes) -> Result<LogId, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let log_id = input.log_id()?;
    input.end()?;
    Ok(log_id)
}

/// A row's term bytes: term and leader.
pub(crate) fn encode_term(log_id: &LogId) -> Bytes {
    let mut out = BytesMut::with_capacity(16);
    out.put_u64(log_id.leader_id.term);
    out.put_u64(log_id.leader_id.node_id.0);
    out.freeze()
}

pub(crate) fn decode_term(mut term: Bytes, index: u64) -> Result<LogId, FrameError> {
    match term.len() {
        16 => {
            let (term, leader) = (term.get_u64(), NodeId(term.get_u64()));
            Ok(types::log_id(&LogPosition { term, leader, index }))
        }
        0..16 => Err(FrameError::Short),
        _ => Err(FrameError::Surplus),
    }
}

/// A row's body; a command entry's is shared, not copied.
pub(crate) fn encode_body(entry: &Entry) -> Bytes {
    match &entry.payload {
        EntryPayload::Normal(Payload(body)) => body.clone(),
        EntryPayload::Blank => Bytes::from_static(&[BODY_VERSION, BODY_BLANK]),
        EntryPayload::Membership(membership) => {
            let mut out = FrameWriter::new(BODY_VERSION);
            out.u8(BODY_MEMBERSHIP);
            out.membership(membership);
            out.finish()
        }
    }
}

pub(crate) fn decode_entry(log_id: LogId, body: Bytes) -> Result<Entry, FrameError> {
    let mut input = FrameReader::new(body.clone(), BODY_VERSION)?;
    let payload = match input.u8()? {
        BODY_BLANK => EntryPayload::Blank,
        BODY_COMMANDS => EntryPayload::Normal(Payload(body)),
        BODY_MEMBERSHIP => {
            let membership = input.membership()?;
            input.end()?;
            EntryPayload::Membership(membership)
        }
        found => return Err(FrameError::Kind { found }),
    };
    Ok(Entry { log_id, payload })
}

/// The commands of an entry, none for the group's own entries.
pub(crate) fn commands_of(entry: &Entry) -> Result<Vec<Bytes>, FrameError> {
    match &entry.payload {
        EntryPayload::Normal(Payload(body)) => batch::decode(body),
        EntryPayload::Blank | EntryPayload::Membership(_) => Ok(Vec::new()),
    }
}

pub(crate) fn encode_stored_membership(stored: &StoredMembership) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    out.option(stored.log_id().as_ref(), |out, log_id| out.log_id(log_id));
    out.membership(stored.membership());
    out.finish()
}

pub(crate) fn decode_stored_membership(bytes: Bytes) -> Result<StoredMembership, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let log_id = input.option(FrameReader::log_id)?;
    let membership = input.membership()?;
    input.end()?;
    Ok(StoredMembership::new(log_id, membership))
}

/// Who owns a raft log: cluster name and node.
pub(crate) fn encode_identity(cluster: &str, node: NodeId) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    out.sized(cluster.as_bytes());
    out.u64(node.0);
    out.finish()
}

// --- between nodes -------------------------------------------------------------------------------

pub(crate) enum Request {
    Vote(VoteRequest<types::Types>),
    PreVote(VoteRequest<types::Types>),
    Transfer(TransferLeaderRequest<types::Types>),
    ReadIndex,
}

const REQUEST_VOTE: u8 = 1;
const REQUEST_PRE_VOTE: u8 = 2;
const REQUEST_TRANSFER: u8 = 3;
const REQUEST_READ_INDEX: u8 = 4;

pub(crate) fn encode_request(request: &Request) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    match request {
        Request::Vote(vote) => put_vote_request(&mut out, REQUEST_VOTE, vote),
        Request::PreVote(vote) => put_vote_request(&mut out, REQUEST_PRE_VOTE, vote),
        Request::Transfer(transfer) => {
            out.u8(REQUEST_TRANSFER);
            out.vote(transfer.from_leader());
            out.u64(transfer.to_node_id().0);
            out.option(transfer.last_log_id(), |out, log_id| out.log_id(log_id));
        }
        Request::ReadIndex => out.u8(REQUEST_READ_INDEX),
    }
    out.finish()
}

fn put_vote_request(out: &mut FrameWriter, kind: u8, request: &VoteRequest<types::Types>) {
    out.u8(kind);
    out.vote(&request.vote);
    out.option(request.last_log_id.as_ref(), |out, log_id| out.log_id(log_id));
    out.u8(u8::from(request.leadership_transfer));
}

pub(crate) fn decode_request(bytes: Bytes) -> Result<Request, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let request = match input.u8()? {
        REQUEST_VOTE => Request::Vote(vote_request(&mut input)?),
        REQUEST_PRE_VOTE => Request::PreVote(vote_request(&mut input)?),
        REQUEST_TRANSFER => {
            let (from, to) = (input.vote()?, NodeId(input.u64()?));
            let last = input.option(FrameReader::log_id)?;
            Request::Transfer(TransferLeaderRequest::new(from, to, last))
        }
        REQUEST_READ_INDEX => Request::ReadIndex,
        found => return Err(FrameError::Kind { found }),
    };
    input.end()?;
    Ok(request)
}

fn vote_request(input: &mut FrameReader) -> Result<VoteRequest<types::Types>, FrameError> {
    let mut request = VoteRequest::new(input.vote()?, input.option(FrameReader::log_id)?);
    request.leadership_transfer = input.flag()?;
    Ok(request)
}

pub(crate) fn encode_vote_answer(answer: &VoteResponse<types::Types>) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    out.vote(&answer.vote);
    out.u8(u8::from(answer.vote_granted));
    out.option(answer.last_log_id.as_ref(), |out, log_id| out.log_id(log_id));
    out.finish()
}

pub(crate) fn decode_vote_answer(bytes: Bytes) -> Result<VoteResponse<types::Types>, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let (vote, granted) = (input.vote()?, input.flag()?);
    let last = input.option(FrameReader::log_id)?;
    input.end()?;
    Ok(VoteResponse::new(vote, last, granted))
}

type TransferAnswer = Result<(), TransferLeaderError<types::Types>>;

pub(crate) fn encode_transfer_answer(answer: &TransferAnswer) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    match answer {
        Ok(()) => out.u8(0),
        Err(TransferLeaderError::VoteChanged { expected, actual }) => {
            out.u8(1);
            out.vote(expected);
            out.vote(actual);
        }
        Err(TransferLeaderError::LogNotFlushed { expected, actual }) => {
            out.u8(2);
            out.option(expected.as_ref(), |out, log_id| out.log_id(log_id));
            out.option(actual.as_ref(), |out, log_id| out.log_id(log_id));
        }
    }
    out.finish()
}

pub(crate) fn decode_transfer_answer(bytes: Bytes) -> Result<TransferAnswer, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let answer = match input.u8()? {
        0 => Ok(()),
        1 => Err(TransferLeaderError::VoteChanged { expected: input.vote()?, actual: input.vote()? }),
        2 => Err(TransferLeaderError::LogNotFlushed {
            expected: input.option(FrameReader::log_id)?,
            actual: input.option(FrameReader::log_id)?,
        }),
        found => return Err(FrameError::Kind { found }),
    };
    input.end()?;
    Ok(answer)
}

/// A leader's word on how far a read must wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadIndexAnswer {
    Index(u64),
    NotLeader(Option<NodeId>),
    NoQuorum,
}

pub(crate) fn encode_read_index_answer(answer: ReadIndexAnswer) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    match answer {
        ReadIndexAnswer::Index(index) => {
            out.u8(0);
            out.u64(index);
        }
        ReadIndexAnswer::NotLeader(leader) => {
            out.u8(1);
            out.option(leader, |out, leader| out.u64(leader.0));
        }
        ReadIndexAnswer::NoQuorum => out.u8(2),
    }
    out.finish()
}

pub(crate) fn decode_read_index_answer(bytes: Bytes) -> Result<ReadIndexAnswer, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let answer = match input.u8()? {
        0 => ReadIndexAnswer::Index(input.u64()?),
        1 => ReadIndexAnswer::NotLeader(input.option(|input| input.u64().map(NodeId))?),
        2 => ReadIndexAnswer::NoQuorum,
        found => return Err(FrameError::Kind { found }),
    };
    input.end()?;
    Ok(answer)
}

pub(crate) fn encode_append(request: &AppendEntriesRequest<types::Types>) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    out.vote(&request.vote);
    out.option(request.prev_log_id.as_ref(), |out, log_id| out.log_id(log_id));
    out.option(request.leader_commit.as_ref(), |out, log_id| out.log_id(log_id));
    out.u32(request.entries.len() as u32);
    for entry in &request.entries {
        out.log_id(&entry.log_id);
        out.sized(&encode_body(entry));
    }
    out.finish()
}

pub(crate) fn decode_append(bytes: Bytes) -> Result<AppendEntriesRequest<types::Types>, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let vote = input.vote()?;
    let prev_log_id = input.option(FrameReader::log_id)?;
    let leader_commit = input.option(FrameReader::log_id)?;
    let count = input.u32()?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let log_id = input.log_id()?;
        entries.push(decode_entry(log_id, input.sized()?)?);
    }
    input.end()?;
    let request = AppendEntriesRequest { vote, prev_log_id, entries, leader_commit };
    if is_consecutive(&request) { Ok(request) } else { Err(FrameError::Contradiction) }
}

/// openraft trusts its peers to send entries without holes; bytes from a wire are not trusted.
fn is_consecutive(request: &AppendEntriesRequest<types::Types>) -> bool {
    let first = request.prev_log_id.as_ref().map_or(0, |log_id| log_id.index + 1);
    request.entries.iter().zip(first..).all(|(entry, index)| entry.log_id.index == index)
}

pub(crate) fn encode_append_answer(answer: &StreamAppendResult<types::Types>) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    match answer {
        Ok(matching) => {
            out.u8(0);
            out.option(matching.as_ref(), |out, log_id| out.log_id(log_id));
        }
        Err(StreamAppendError::Conflict(log_id)) => {
            out.u8(1);
            out.log_id(log_id);
        }
        Err(StreamAppendError::HigherVote(vote)) => {
            out.u8(2);
            out.vote(vote);
        }
    }
    out.finish()
}

pub(crate) fn decode_append_answer(bytes: Bytes) -> Result<StreamAppendResult<types::Types>, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let answer = match input.u8()? {
        0 => Ok(input.option(FrameReader::log_id)?),
        1 => Err(StreamAppendError::Conflict(input.log_id()?)),
        2 => Err(StreamAppendError::HigherVote(input.vote()?)),
        found => return Err(FrameError::Kind { found }),
    };
    input.end()?;
    Ok(answer)
}

/// What precedes the bytes of a snapshot: who sends it, what it covers, how long it is, its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotHeader {
    pub group: GroupId,
    pub vote: Vote,
    pub bytes: u64,
    pub hash: [u8; 32],
}

pub(crate) fn encode_snapshot_header(header: &SnapshotHeader) -> Bytes {
    let mut out = FrameWriter::new(VERSION);
    out.u32(u32::from(header.group.0));
    out.vote(&header.vote);
    out.u64(header.bytes);
    out.raw(&header.hash);
    out.finish()
}

pub(crate) fn decode_snapshot_header(bytes: Bytes) -> Result<SnapshotHeader, FrameError> {
    let mut input = FrameReader::new(bytes, VERSION)?;
    let group = u16::try_from(input.u32()?).map_err(|_| FrameError::Contradiction)?;
    let vote = input.vote()?;
    let bytes = input.u64()?;
    let hash = input.take(32)?.as_ref().try_into().map_err(|_| FrameError::Short)?;
    input.end()?;
    Ok(SnapshotHeader { group: GroupId(group), vote, bytes, hash })
}

#[cfg(test)]
mod tests;
