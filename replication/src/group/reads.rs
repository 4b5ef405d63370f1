//! Reads that see everything acknowledged before them.

use super::{Group, GroupInner, Seat};
use crate::frames::{self, ReadIndexAnswer, Request};
use crate::position::NodeId;
use gearify_storage::planted::{self, Bug};
use openraft::ReadPolicy;
use openraft::errors::{LinearizableReadError, RaftError};
use std::time::Duration;

/// How long a read waits for a leader: an election among near members takes about as long.
const ELECTION_WAIT: Duration = Duration::from_secs(2);
const ELECTION_PAUSE: Duration = Duration::from_millis(50);

/// Why a read could not be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    #[error("no leader of the group is known here")]
    NotLeader { leader: Option<NodeId> },
    #[error("the leader does not reach a majority")]
    NoQuorum,
    #[error("the state needed was not reached in time")]
    TimedOut,
    #[error("the group has stopped")]
    Stopped,
}

impl Group {
    /// Returns once this node has applied everything that was acknowledged anywhere before the call:
    /// a local read after it is linearizable. The index returned is how far that was.
    pub async fn read_barrier(&self) -> Result<u64, ReadError> {
        if planted::is(Bug::StaleRead) {
            return Ok(self.applied_index());
        }
        tokio::time::timeout(self.read_deadline(), self.read_barrier_over_elections())
            .await
            .unwrap_or(Err(ReadError::TimedOut))
    }

    /// Leaders come and go; whoever reads meanwhile waits for the next, but not for one that does not come.
    async fn read_barrier_over_elections(&self) -> Result<u64, ReadError> {
        let until = tokio::time::Instant::now() + ELECTION_WAIT;
        let mut leadership = self.leadership();
        loop {
            leadership.mark_unchanged();
            match self.read_barrier_now().await {
                Err(ReadError::NotLeader { .. } | ReadError::NoQuorum)
                    if tokio::time::Instant::now() < until =>
                {
                    // Others may know of the change before this node does, and it may know before they do.
                    let changed = tokio::time::timeout(ELECTION_PAUSE, leadership.changed()).await;
                    if matches!(changed, Ok(Err(_))) {
                        return Err(ReadError::Stopped);
                    }
                }
                read => return read,
            }
        }
    }

    async fn read_barrier_now(&self) -> Result<u64, ReadError> {
        let mut answer = match &self.seat {
            Seat::Member(inner) => inner.read_index().await.map_err(|_| ReadError::Stopped)?,
            Seat::Observer(_) => ReadIndexAnswer::NotLeader(self.leader()),
        };
        if let ReadIndexAnswer::NotLeader(Some(leader)) = answer
            && leader != self.node()
        {
            answer = self.remote_read_index(leader).await?;
        }
        match answer {
            ReadIndexAnswer::Index(index) => {
                self.wait_applied(index, self.read_deadline()).await?;
                Ok(index)
            }
            ReadIndexAnswer::NotLeader(leader) => Err(ReadError::NotLeader { leader }),
            ReadIndexAnswer::NoQuorum => Err(ReadError::NoQuorum),
        }
    }

    async fn remote_read_index(&self, leader: NodeId) -> Result<ReadIndexAnswer, ReadError> {
        let request = frames::encode_request(&Request::ReadIndex);
        let transport = match &self.seat {
            Seat::Member(inner) => &inner.transport,
            Seat::Observer(observed) => &observed.transport,
        };
        let call = transport.call(leader, self.id(), request, self.read_deadline());
        let unreachable = ReadError::NotLeader { leader: Some(leader) };
        let answer = call.await.map_err(|_| unreachable.clone())?;
        frames::decode_read_index_answer(answer).map_err(|_| unreachable)
    }

    /// Waits until the entry at `index` is applied on this node.
    pub async fn wait_applied(&self, index: u64, deadline: Duration) -> Result<(), ReadError> {
        let mut applied = self.applied();
        let reached = applied.wait_for(|applied| *applied >= index);
        match tokio::time::timeout(deadline, reached).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) => Err(ReadError::Stopped),
            Err(_) => Err(ReadError::TimedOut),
        }
    }

    fn read_deadline(&self) -> Duration {
        match &self.seat {
            Seat::Member(inner) => inner.timers.read,
            Seat::Observer(observed) => observed.read,
        }
    }
}

impl GroupInner {
    /// How far a read that begins now must wait, confirmed by a majority.
    pub(crate) async fn read_index(&self) -> Result<ReadIndexAnswer, String> {
        self.read_rounds.join(self.ask_majority()).await
    }

    async fn ask_majority(&self) -> Result<ReadIndexAnswer, String> {
        match self.raft.get_read_log_id(ReadPolicy::ReadIndex).await {
            Ok((read, _)) => Ok(ReadIndexAnswer::Index(read.index())),
            Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(to))) => {
                Ok(ReadIndexAnswer::NotLeader(to.leader_id))
            }
            Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(_))) => {
                Ok(ReadIndexAnswer::NoQuorum)
            }
            Err(RaftError::Fatal(error)) => Err(error.to_string()),
        }
    }
}
