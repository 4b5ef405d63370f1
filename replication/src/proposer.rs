//! Gathers commands into entries: so many entries in flight, what arrives meanwhile shares the next.
//!
//! An entry costs one fsync on a majority, however many commands it carries, so a loaded group
//! gathers by itself and an idle one waits for nobody.

use crate::batch::{self, COMMAND_OVERHEAD_BYTES};
use crate::position::{LogPosition, NodeId};
use crate::types::{self, Payload, Raft, Types};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use openraft::errors::{ClientWriteError, RaftError};
use openraft::raft::ClientWriteResponse;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Commands in one entry, unless the group's options say otherwise: bounds how long the machine works on one
/// batch.
pub const ENTRY_COMMANDS_MAX: usize = 256;
/// Bytes of commands in one entry, and so of the largest command.
pub const ENTRY_BYTES_MAX: usize = 1 << 20;
/// Commands that may wait for the next entries, unless the group's options say otherwise: about a second's
/// work, then callers must back off.
pub const QUEUE_COMMANDS_MAX: usize = 4096;
const QUEUE_BYTES_MAX: usize = 32 << 20;

/// A command that was committed and applied here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposed {
    /// The entry that carried it.
    pub position: LogPosition,
    /// What the machine replied to this command.
    pub reply: Bytes,
}

/// Why a command has no reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// Not accepted: safe to send to the leader.
    #[error("this node does not lead the group")]
    NotLeader { leader: Option<NodeId> },
    /// May have been committed, or may yet be. Only a retry under the same command id is safe.
    #[error("the outcome is unknown")]
    Unknown,
    /// Not accepted: too much is waiting already.
    #[error("too many commands are waiting")]
    Overloaded,
    #[error("a command of {bytes} bytes is too large; at most {bytes_max} fit")]
    TooLarge { bytes: usize, bytes_max: usize },
    /// Not accepted: the group is stopping.
    #[error("the group has stopped")]
    Stopped,
}

type Outcome = Result<Proposed, ProposeError>;

struct Waiting {
    command: Bytes,
    answer: oneshot::Sender<Outcome>,
}

impl Waiting {
    fn size(&self) -> usize {
        self.command.len() + COMMAND_OVERHEAD_BYTES
    }
}

/// The queue's end that callers hold.
#[derive(Clone)]
pub(crate) struct Proposer {
    queue: mpsc::Sender<Waiting>,
    queued_bytes: Arc<AtomicUsize>,
}

/// How many commands share an entry, how many wait for one, and how many entries are on their way; each at
/// least one.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    pub entry_commands: usize,
    pub queue_commands: usize,
    pub entries_in_flight: usize,
}

/// How long the gathering task waits for what.
pub(crate) struct Patience {
    /// After this long the next entry no longer waits for the one in flight.
    pub overtake: Duration,
    /// After this long an entry's outcome is unknown.
    pub give_up: Duration,
}

impl Proposer {
    pub(crate) fn start(raft: Raft, room: Room, patience: Patience, stop: CancellationToken) -> Proposer {
        let (queue, waiting) = mpsc::channel(room.queue_commands.max(1));
        let queued_bytes = Arc::new(AtomicUsize::new(0));
        let gathering = Gathering {
            raft,
            waiting,
            left_over: None,
            queued_bytes: Arc::clone(&queued_bytes),
            entry_commands: room.entry_commands,
            entries_in_flight: room.entries_in_flight.max(1),
            patience,
        };
        tokio::spawn(gathering.run(stop));
        Proposer { queue, queued_bytes }
    }

    pub(crate) async fn propose(&self, command: Bytes) -> Outcome {
        let (answer, outcome) = oneshot::channel();
        let waiting = Waiting { command, answer };
        let size = waiting.size();
        if size > ENTRY_BYTES_MAX {
            let bytes_max = ENTRY_BYTES_MAX - COMMAND_OVERHEAD_BYTES;
            return Err(ProposeError::TooLarge { bytes: waiting.command.len(), bytes_max });
        }
        if self.queued_bytes.fetch_add(size, Ordering::Relaxed) + size > QUEUE_BYTES_MAX {
            self.queued_bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(ProposeError::Overloaded);
        }
        if let Err(refused) = self.queue.try_send(waiting) {
            self.queued_bytes.fetch_sub(size, Ordering::Relaxed);
            return Err(match refused {
                mpsc::error::TrySendError::Full(_) => ProposeError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => ProposeError::Stopped,
            });
        }
        outcome.await.unwrap_or(Err(ProposeError::Unknown))
    }
}

struct Gathering {
    raft: Raft,
    waiting: mpsc::Receiver<Waiting>,
    /// A command that did not fit the last entry.
    left_over: Option<Waiting>,
    queued_bytes: Arc<AtomicUsize>,
    entry_commands: usize,
    entries_in_flight: usize,
    patience: Patience,
}

type Written = Result<ClientWriteResponse<Types>, RaftError<Types, ClientWriteError<Types>>>;
type Writing = Pin<Box<dyn Future<Output = Option<Written>> + Send>>;

impl Gathering {
    async fn run(mut self, stop: CancellationToken) {
        let mut in_flight = FuturesUnordered::new();
        loop {
            if in_flight.len() >= self.entries_in_flight
                && tokio::time::timeout(self.patience.overtake, in_flight.next()).await.is_err()
            {
                // Most likely cut off from the majority. Whoever waits behind must hear so.
                let overtaken = std::mem::take(&mut in_flight);
                tokio::spawn(overtaken.collect::<()>());
            }
            let entry = tokio::select! {
                biased;
                Some(()) = in_flight.next() => continue,
                entry = self.next_entry(&stop) => entry,
            };
            let Some(entry) = entry else { break };
            let (commands, answers): (Vec<Bytes>, Vec<_>) =
                entry.into_iter().map(|waiting| (waiting.command, waiting.answer)).unzip();
            let writing = self.write(batch::encode(&commands), stop.clone());
            in_flight.push(async move { answer_all(answers, writing.await) });
        }
        in_flight.collect::<()>().await;
        self.waiting.close();
        while let Some(waiting) = self.left_over.take().or_else(|| self.waiting.try_recv().ok()) {
            let _ = waiting.answer.send(Err(ProposeError::Stopped));
        }
    }

    /// Writes one entry; `None` if it was given up.
    fn write(&self, body: Bytes, stop: CancellationToken) -> Writing {
        let raft = self.raft.clone();
        let give_up = self.patience.give_up;
        Box::pin(async move {
            tokio::select! {
                biased;
                written = raft.client_write(Payload(body)) => Some(written),
                () = tokio::time::sleep(give_up) => None,
                () = stop.cancelled() => None,
            }
        })
    }

    async fn next_entry(&mut self, stop: &CancellationToken) -> Option<Vec<Waiting>> {
        let first = match self.left_over.take() {
            Some(waiting) => waiting,
            None => tokio::select! {
                biased;
                () = stop.cancelled() => return None,
                waiting = self.waiting.recv() => waiting?,
            },
        };
        let mut bytes = first.size();
        let mut entry = vec![first];
        while entry.len() < self.entry_commands {
            let Ok(waiting) = self.waiting.try_recv() else { break };
            if bytes + waiting.size() > ENTRY_BYTES_MAX {
                self.left_over = Some(waiting);
                break;
            }
            bytes += waiting.size();
            entry.push(waiting);
        }
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
        Some(entry)
    }
}

fn answer_all(answers: Vec<oneshot::Sender<Outcome>>, written: Option<Written>) {
    let error = match written {
        Some(Ok(response)) if response.data.0.len() == answers.len() => {
            let position = types::position(&response.log_id);
            for (answer, reply) in answers.into_iter().zip(response.data.0) {
                let _ = answer.send(Ok(Proposed { position, reply }));
            }
            return;
        }
        Some(Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to)))) => {
            ProposeError::NotLeader { leader: to.leader_id }
        }
        _ => ProposeError::Unknown,
    };
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}
