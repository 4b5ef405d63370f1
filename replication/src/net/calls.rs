//! Calls to a peer: many on one connection, answers in any order, each within its deadline.

use super::Shared;
use super::dial::{self, Outgoing};
use super::hello::{Purpose, Refusal};
use super::wire::{self, Frame, Kind, WireError};
use crate::position::{GroupId, NodeId};
use crate::transport::TransportError;
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// Calls waiting to be written; more wait in their callers, each with its deadline.
const QUEUED_CALLS_MAX: usize = 64;
/// A connection on which a call got no answer is given up if nothing else was heard for so long.
const SILENCE_MIN: Duration = Duration::from_secs(1);

/// The place of one connection for calls, made when first needed and again when lost.
#[derive(Default)]
pub(crate) struct CallLine {
    current: tokio::sync::Mutex<Option<Line>>,
}

#[derive(Clone)]
struct Line {
    queue: mpsc::Sender<Frame>,
    waiting: Arc<Waiting>,
    end: CancellationToken,
}

type Answer = Result<Bytes, String>;

/// Callers by the number of their call.
struct Waiting {
    callers: Mutex<BTreeMap<u64, oneshot::Sender<Answer>>>,
    next: AtomicU64,
    heard: Mutex<Instant>,
}

/// Forgets a call when its caller does.
struct Ticket {
    waiting: Arc<Waiting>,
    id: u64,
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.waiting.callers.lock().remove(&self.id);
    }
}

pub(crate) async fn call(
    shared: &Arc<Shared>,
    to: NodeId,
    purpose: Purpose,
    group: GroupId,
    request: Bytes,
    deadline: Duration,
) -> Result<Bytes, TransportError> {
    let max = Kind::Call.body_bytes_max();
    if request.len() > max {
        let reason = format!("a request of {} bytes; {max} are the most", request.len());
        return Err(TransportError::Refused { node: to, reason });
    }
    let until = Instant::now() + deadline;
    let link = shared.link(to);
    let line = match purpose {
        Purpose::Requests => &link.requests,
        _ => &link.calls,
    };
    let not_sent = |reason: &str| TransportError::Unreachable { node: to, reason: reason.to_owned() };
    let line = timeout_at(until, line.get(shared, to, purpose)).await;
    let line = line.map_err(|_| not_sent("no connection in time"))??;

    let id = line.waiting.next.fetch_add(1, Ordering::Relaxed);
    let (answered, answer) = oneshot::channel();
    line.waiting.callers.lock().insert(id, answered);
    let _ticket = Ticket { waiting: line.waiting.clone(), id };
    let frame = Frame { kind: Kind::Call, group, id, body: request };
    match timeout_at(until, line.queue.send(frame)).await {
        Ok(Ok(())) => {}
        Ok(Err(_)) => return Err(not_sent("the connection ended")),
        Err(_) => return Err(not_sent("it takes no more calls")),
    }
    let broken = || TransportError::Broken { node: to, reason: "it ended before the answer".into() };
    tokio::select! {
        biased;
        answer = timeout_at(until, answer) => match answer {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(reason))) => Err(TransportError::Refused { node: to, reason }),
            Ok(Err(_)) => Err(broken()),
            Err(_) => {
                line.give_up_if_silent(deadline);
                Err(TransportError::TimedOut { node: to })
            }
        },
        () = line.end.cancelled() => Err(broken()),
    }
}

impl CallLine {
    async fn get(&self, shared: &Arc<Shared>, to: NodeId, purpose: Purpose) -> Result<Line, TransportError> {
        let mut current = self.current.lock().await;
        if let Some(line) = current.as_ref().filter(|line| !line.end.is_cancelled()) {
            return Ok(line.clone());
        }
        let connection = dial::connect(shared, to, purpose, GroupId(0)).await?;
        let line = Line::over(shared, to, connection);
        *current = Some(line.clone());
        Ok(line)
    }
}

impl Line {
    fn over(shared: &Arc<Shared>, to: NodeId, connection: Outgoing) -> Line {
        let (queue, mut queued) = mpsc::channel::<Frame>(QUEUED_CALLS_MAX);
        let waiting = Arc::new(Waiting {
            callers: Mutex::default(),
            next: AtomicU64::new(0),
            heard: Mutex::new(Instant::now()),
        });
        let end = shared.stop.child_token();
        let patience = shared.patience();
        let Outgoing { mut reader, mut writer, version } = connection;
        let (answered, ending) = (waiting.clone(), end.clone());
        tokio::spawn(async move {
            let _guard = ending.clone().drop_guard();
            let sending = async {
                while let Some(mut frame) = queued.recv().await {
                    loop {
                        wire::write(&mut writer, version, &frame, patience).await?;
                        match queued.try_recv() {
                            Ok(next) => frame = next,
                            Err(_) => break,
                        }
                    }
                    wire::flush(&mut writer, patience).await?;
                }
                Ok::<(), WireError>(())
            };
            let receiving = async {
                while let Some(frame) = wire::read(&mut reader, version, patience).await? {
                    answered.answer(frame)?;
                }
                Ok(())
            };
            let ended = super::streams::until_either_ends(sending, receiving, ending.cancelled()).await;
            // Whoever still waits hears that the connection broke.
            answered.callers.lock().clear();
            if let Err(error) = ended {
                tracing::debug!(node = %to, %error, "a connection for calls ended");
            }
        });
        Line { queue, waiting, end }
    }

    fn give_up_if_silent(&self, deadline: Duration) {
        if self.waiting.heard.lock().elapsed() >= deadline.max(SILENCE_MIN) {
            self.end.cancel();
        }
    }
}

impl Waiting {
    fn answer(&self, frame: Frame) -> Result<(), WireError> {
        let answer =
            match frame.kind {
                Kind::CallAnswer => Ok(frame.body),
                Kind::CallRefused => Err(Refusal::decode(frame.body)
                    .map_or_else(|error| error.to_string(), |refusal| refusal.reason)),
                kind => return Err(WireError::Unexpected(kind)),
            };
        *self.heard.lock() = Instant::now();
        // Nobody waits for an answer that came too late.
        if let Some(caller) = self.callers.lock().remove(&frame.id) {
            let _ = caller.send(answer);
        }
        Ok(())
    }
}
