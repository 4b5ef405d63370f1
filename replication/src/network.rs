//! openraft's view of the transport: frames out, answers back, every wait bounded.
//!
//! Only streams carry entries and heartbeats. A stream is opened after there is something to send:
//! openraft keeps its pauses between attempts inside the request stream, so a connection made before
//! asking for the first request would be made again and again without pause. A stream that ended
//! cleanly is kept for the next time, and so is one whose caller stopped waiting while few answers were
//! due: a slow moment must not cost a new connection. What is still due is then thrown away as it comes.

use crate::frames::{self, Request, SnapshotHeader};
use crate::position::{GroupId, NodeId};
use crate::snapshots::SnapshotFile;
use crate::timers::Timers;
use crate::transport::{AppendChannel, Lane, STREAM_FRAMES_MAX, Transport, TransportError};
use crate::types::{Snapshot, Types, Vote};
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{Stream, StreamExt};
use openraft::errors::{NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable};
use openraft::network::RPCOption;
use openraft::raft::{
    AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, StreamAppendResult, TransferLeaderRequest,
    TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft::{EmptyNode, OptionalSend, RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Answers that may be due on a stream that is kept; with more of them it is stuck, and given up.
const DUE_ANSWERS_MAX: usize = 4;

type Failure = RPCError<Types>;
type Answer = Result<StreamAppendResult<Types>, Failure>;

/// Makes one [`Peer`] for each use openraft has for another node.
pub(crate) struct Network {
    pub me: NodeId,
    pub group: GroupId,
    pub transport: Arc<dyn Transport>,
    pub timers: Timers,
}

impl Network {
    fn peer(&self, target: NodeId, lane: Lane) -> Peer {
        Peer {
            me: self.me,
            target,
            group: self.group,
            lane,
            transport: Arc::clone(&self.transport),
            answer_within: self.timers.append_answer,
            idle: None,
        }
    }
}

impl RaftNetworkFactory<Types> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: NodeId, _node: &EmptyNode) -> Peer {
        self.peer(target, Lane::Entries)
    }

    async fn new_heartbeat_client(&mut self, target: NodeId, _node: &EmptyNode) -> Peer {
        self.peer(target, Lane::Heartbeats)
    }
}

pub(crate) struct Peer {
    me: NodeId,
    target: NodeId,
    group: GroupId,
    lane: Lane,
    transport: Arc<dyn Transport>,
    answer_within: Duration,
    /// A stream that nobody uses, kept for the next time.
    idle: Option<Idle>,
}

struct Idle {
    channel: AppendChannel,
    /// Answers that nobody waits for any more.
    due: usize,
}

impl Peer {
    async fn call(&self, request: Request, action: RPCTypes, option: RPCOption) -> Result<Bytes, Failure> {
        let deadline = option.hard_ttl();
        let call = self.transport.call(self.target, self.group, frames::encode_request(&request), deadline);
        match tokio::time::timeout(deadline, call).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(self.failure(error, action, deadline)),
            Err(_) => Err(self.timed_out(action, deadline)),
        }
    }

    fn failure(&self, error: TransportError, action: RPCTypes, deadline: Duration) -> Failure {
        match &error {
            TransportError::Unreachable { .. } | TransportError::Refused { .. } => {
                RPCError::Unreachable(Unreachable::new(&error))
            }
            TransportError::Broken { .. } => RPCError::Network(NetworkError::new(&error)),
            TransportError::TimedOut { .. } => self.timed_out(action, deadline),
        }
    }

    fn timed_out(&self, action: RPCTypes, timeout: Duration) -> Failure {
        RPCError::Timeout(Timeout { action, id: self.me, target: self.target, timeout })
    }

    fn broken(&self, reason: &str) -> Failure {
        let error = TransportError::Broken { node: self.target, reason: reason.to_owned() };
        RPCError::Network(NetworkError::new(&error))
    }

    async fn open(&mut self) -> Result<Idle, Failure> {
        if let Some(idle) = self.idle.take()
            && !idle.channel.requests.is_closed()
        {
            return Ok(idle);
        }
        let open = self.transport.open_append(self.target, self.group, self.lane);
        match tokio::time::timeout(self.answer_within, open).await {
            Ok(Ok(channel)) => Ok(Idle { channel, due: 0 }),
            Ok(Err(error)) => Err(self.failure(error, RPCTypes::AppendEntries, self.answer_within)),
            Err(_) => Err(self.timed_out(RPCTypes::AppendEntries, self.answer_within)),
        }
    }
}

fn not_understood(error: &frames::FrameError) -> Failure {
    RPCError::Network(NetworkError::new(error))
}

/// One run of a stream: requests go out as openraft makes them, answers come back in order.
struct Streaming<'s, S> {
    peer: &'s mut Peer,
    input: S,
    input_ended: bool,
    channel: Option<AppendChannel>,
    /// Answers to an earlier caller, which come first.
    due: usize,
    unanswered: usize,
    answer_by: Instant,
}

impl<S> Drop for Streaming<'_, S> {
    fn drop(&mut self) {
        let due = self.due + self.unanswered;
        if let Some(channel) = self.channel.take()
            && due <= DUE_ANSWERS_MAX
        {
            self.peer.idle = Some(Idle { channel, due });
        }
    }
}

impl<S: Stream<Item = AppendEntriesRequest<Types>> + Unpin> Streaming<'_, S> {
    /// The next answer; `None` when everything was answered and nothing more is to be sent. The
    /// flag says whether the stream goes on.
    async fn next(&mut self) -> Option<(Answer, bool)> {
        match self.step().await {
            Ok(Some(answer)) => {
                let goes_on = answer.is_ok();
                if !goes_on {
                    // The other side ends the stream with such an answer.
                    self.channel = None;
                }
                Some((Ok(answer), goes_on))
            }
            Ok(None) => None,
            Err(failure) => {
                self.channel = None;
                Some((Err(failure), false))
            }
        }
    }

    async fn step(&mut self) -> Result<Option<StreamAppendResult<Types>>, Failure> {
        loop {
            if self.input_ended && self.unanswered == 0 {
                return Ok(None);
            }
            let Some(channel) = &mut self.channel else {
                match self.input.next().await {
                    Some(request) => {
                        let Idle { channel, due } = self.peer.open().await?;
                        (self.channel, self.due) = (Some(channel), due);
                        self.send(&request)?;
                    }
                    None => self.input_ended = true,
                }
                continue;
            };
            let may_send = !self.input_ended && self.due + self.unanswered < STREAM_FRAMES_MAX;
            tokio::select! {
                biased;
                answer = channel.answers.recv(), if self.unanswered > 0 => {
                    let answer = answer.ok_or_else(|| self.peer.broken("the stream ended"))?;
                    if self.due > 0 {
                        self.due -= 1;
                        continue;
                    }
                    self.unanswered -= 1;
                    self.answer_by = Instant::now() + self.peer.answer_within;
                    return frames::decode_append_answer(answer).map(Some).map_err(|error| not_understood(&error));
                }
                request = self.input.next(), if may_send => match request {
                    Some(request) => self.send(&request)?,
                    None => self.input_ended = true,
                },
                () = tokio::time::sleep_until(self.answer_by), if self.unanswered > 0 => {
                    return Err(self.peer.timed_out(RPCTypes::AppendEntries, self.peer.answer_within));
                }
            }
        }
    }

    fn send(&mut self, request: &AppendEntriesRequest<Types>) -> Result<(), Failure> {
        let Some(channel) = &self.channel else { return Err(self.peer.broken("no stream")) };
        // There is room: the channel holds as many frames as may be unanswered.
        let sent = channel.requests.try_send(frames::encode_append(request));
        sent.map_err(|_| self.peer.broken("the stream does not take frames"))?;
        if self.unanswered == 0 {
            self.answer_by = Instant::now() + self.peer.answer_within;
        }
        self.unanswered += 1;
        Ok(())
    }
}

impl RaftNetworkV2<Types> for Peer {
    type SnapshotData = SnapshotFile;

    async fn append_entries(
        &mut self,
        request: AppendEntriesRequest<Types>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<Types>, Failure> {
        let one = Box::pin(futures::stream::once(async { request }));
        let mut answers = self.stream_append(one, option).await?;
        match answers.next().await {
            Some(answer) => Ok(answer?.into()),
            None => Err(RPCError::Network(NetworkError::from_string("the stream gave no answer"))),
        }
    }

    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        _option: RPCOption,
    ) -> BoxFuture<'s, Result<BoxStream<'s, Answer>, Failure>>
    where
        S: Stream<Item = AppendEntriesRequest<Types>> + OptionalSend + Unpin + 'static,
    {
        let answer_by = Instant::now();
        let streaming = Streaming {
            peer: self,
            input,
            input_ended: false,
            channel: None,
            due: 0,
            unanswered: 0,
            answer_by,
        };
        let answers = futures::stream::unfold(Some(streaming), |streaming| async move {
            let mut streaming = streaming?;
            let (answer, goes_on) = streaming.next().await?;
            Some((answer, goes_on.then_some(streaming)))
        });
        let answers: BoxStream<'s, Answer> = Box::pin(answers);
        Box::pin(std::future::ready(Ok(answers)))
    }

    async fn vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, Failure> {
        let answer = self.call(Request::Vote(request), RPCTypes::Vote, option).await?;
        frames::decode_vote_answer(answer).map_err(|error| not_understood(&error))
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Types>,
        option: RPCOption,
    ) -> Result<VoteResponse<Types>, Failure> {
        let answer = self.call(Request::PreVote(request), RPCTypes::Vote, option).await?;
        frames::decode_vote_answer(answer).map_err(|error| not_understood(&error))
    }

    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Types>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Types>, Failure> {
        let answer = self.call(Request::Transfer(request), RPCTypes::TransferLeader, option).await?;
        frames::decode_transfer_answer(answer).map_err(|error| not_understood(&error))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + OptionalSend + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Types>, StreamingError<Types>> {
        let file = snapshot.snapshot;
        let header = SnapshotHeader { group: self.group, vote, bytes: file.bytes(), hash: file.hash() };
        let header = frames::encode_snapshot_header(&header);
        let deadline = option.hard_ttl();
        let send = self.transport.send_snapshot(self.target, self.group, header, file, deadline);
        let answer = tokio::select! {
            biased;
            closed = cancel => return Err(StreamingError::Closed(closed)),
            sent = tokio::time::timeout(deadline, send) => match sent {
                Ok(Ok(answer)) => answer,
                Ok(Err(error)) => return Err(self.failure(error, RPCTypes::InstallSnapshot, deadline).into()),
                Err(_) => return Err(self.timed_out(RPCTypes::InstallSnapshot, deadline).into()),
            },
        };
        match frames::decode_vote(answer) {
            Ok(vote) => Ok(SnapshotResponse::new(vote)),
            Err(error) => Err(StreamingError::Network(NetworkError::new(&error))),
        }
    }
}
