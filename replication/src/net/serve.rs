//! The accepting end: who may speak, and what for.

use super::Shared;
use super::dial::Connection;
use super::hello::{Cause, Hello, Purpose, Refusal};
use super::name::PeerName;
use super::streams::{receive, send, until_either_ends};
use super::tls::Caller;
use super::wire::{self, Frame, Kind, WireError};
use super::{snapshot, tls};
use crate::inbound::Inbound;
use crate::position::{GroupId, NodeId};
use crate::transport::TransportError;
use bytes::Bytes;
use futures::future::BoxFuture;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// Calls of one connection in work at a time; with more, no more are read from it.
const CALLS_IN_WORK_MAX: usize = 256;
/// After a failed accept, usually for want of file handles.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How soon a connection of a node that was removed ends.
const REMOVAL_CHECK: Duration = Duration::from_secs(1);

pub(crate) type Incoming = Connection<tokio_rustls::server::TlsStream<TcpStream>>;

/// What a node does for others beside taking part in groups.
pub trait PeerService: Send + Sync + 'static {
    /// A request of another node of the cluster, or of a tool that holds this node's own key.
    fn request(&self, from: PeerName, request: Bytes) -> BoxFuture<'_, Result<Bytes, String>>;

    /// A request of somebody unknown who wants to become a node.
    fn join(&self, request: Bytes) -> BoxFuture<'_, Result<Bytes, JoinRefused>>;
}

/// Why somebody may not join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct JoinRefused {
    /// A label of `gearify_peer_refused_total`.
    pub reason: &'static str,
    /// For the log and the one who asked.
    pub text: String,
}

impl JoinRefused {
    pub fn new(reason: &'static str, text: impl ToString) -> JoinRefused {
        JoinRefused { reason, text: text.to_string() }
    }
}

/// Why a connection was not served, or no further.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("{0}")]
    Tls(#[from] tls::TlsError),
    #[error("{0}")]
    Wire(#[from] WireError),
    #[error("{0}")]
    Frame(#[from] crate::frames::FrameError),
    #[error("it did not say who it is in time")]
    TooSlow,
    /// With its label.
    #[error("{}", .1.reason)]
    Refused(&'static str, Refusal),
    #[error("{0}")]
    Failed(#[from] TransportError),
}

impl Ended {
    /// A label with few values.
    fn reason(&self) -> &'static str {
        match self {
            Ended::Tls(error) => error.label(),
            Ended::Wire(WireError::TooLarge { .. }) => "frame-too-large",
            Ended::Wire(WireError::Stalled) => "stalled",
            Ended::Wire(_) | Ended::Frame(_) => "frame",
            Ended::TooSlow => "slow",
            Ended::Refused(reason, _) => reason,
            Ended::Failed(_) => "failed",
        }
    }

    /// A peer that went away, or a network that broke, is everyday life.
    fn is_farewell(&self) -> bool {
        use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
        match self {
            Ended::Wire(WireError::Io(_) | WireError::Idle) => true,
            Ended::Tls(tls::TlsError::Handshake(error)) => {
                matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
            }
            _ => false,
        }
    }
}

fn count(reason: &'static str) {
    metrics::counter!("gearify_peer_refused_total", "reason" => reason).increment(1);
}

struct Server {
    shared: Arc<Shared>,
    inbound: Inbound,
    service: Arc<dyn PeerService>,
}

pub(crate) async fn run(
    shared: Arc<Shared>,
    listener: TcpListener,
    inbound: Inbound,
    service: Arc<dyn PeerService>,
) {
    let stop = shared.stop.clone();
    let strangers = Arc::new(Semaphore::new(shared.limits.strangers_max));
    let connections = Arc::new(Semaphore::new(shared.limits.connections_max));
    let server = Arc::new(Server { shared, inbound, service });
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a peer's connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let permits = (strangers.clone().try_acquire_owned(), connections.clone().try_acquire_owned());
        let (Ok(stranger), Ok(connection)) = permits else {
            count("full");
            continue;
        };
        let server = server.clone();
        let stop = stop.clone();
        tokio::spawn(async move {
            let _connection = connection;
            let ended = tokio::select! {
                ended = server.connection(stream, stranger) => ended,
                () = stop.cancelled() => return,
            };
            if let Err(error) = ended {
                log(address, &error);
            }
        });
    }
}

fn log(address: SocketAddr, error: &Ended) {
    if error.is_farewell() {
        tracing::debug!(%address, %error, "a peer's connection ended");
    } else {
        count(error.reason());
        tracing::warn!(%address, reason = error.reason(), %error, "a peer's connection was ended");
    }
}

impl Server {
    async fn connection(
        &self,
        stream: TcpStream,
        stranger: tokio::sync::OwnedSemaphorePermit,
    ) -> Result<(), Ended> {
        let within = self.shared.limits.connect;
        let tls = self.shared.tls.load_full();
        let accepted = timeout(within, async {
            stream.set_nodelay(true).map_err(tls::TlsError::Handshake)?;
            tls.accept(stream).await
        });
        match accepted.await.map_err(|_| Ended::TooSlow)?? {
            Caller::Joiner(stream) => self.joiner(Connection::over(*stream), stranger).await,
            Caller::Peer(name, stream) => {
                let mut connection = Connection::over(*stream);
                let hello = timeout(within, self.hello(&name, &mut connection)).await;
                let Some((hello, group)) = hello.map_err(|_| Ended::TooSlow)?? else { return Ok(()) };
                drop(stranger);
                self.peer(connection, hello, group).await
            }
        }
    }

    /// Reads the first frame and compares it with certificate and book.
    async fn hello(
        &self,
        certified: &PeerName,
        connection: &mut Incoming,
    ) -> Result<Option<(Hello, GroupId)>, Ended> {
        let patience = self.shared.patience();
        let Some(frame) = connection.read(patience).await? else { return Ok(None) };
        if frame.kind != Kind::Hello {
            return Err(WireError::Unexpected(frame.kind).into());
        }
        let group = frame.group;
        let hello = Hello::decode(frame)?;
        let checked = self.check(certified, &hello, group).map_err(|refusal| {
            let reason = match refusal.cause {
                Cause::Removed => "removed",
                Cause::Identity => "identity",
                Cause::NotServed => "group",
            };
            (reason, refusal)
        });
        if let Err((reason, refusal)) = checked.and_then(|()| self.check_versions(&hello)) {
            let _ = connection.send(&refusal.frame(Kind::Refusal, group, 0), patience).await;
            return Err(Ended::Refused(reason, refusal));
        }
        Ok(Some((hello, group)))
    }

    fn check(&self, certified: &PeerName, hello: &Hello, group: GroupId) -> Result<(), Refusal> {
        let refuse = |cause, reason: String| Err(Refusal::new(cause, reason));
        let (me, book) = (&self.shared.me, &self.shared.book);
        if hello.from != *certified {
            return refuse(Cause::Identity, format!("{certified} called itself {}", hello.from));
        }
        if hello.to != *me {
            return refuse(Cause::Identity, format!("{certified} looked for {}, this is {me}", hello.to));
        }
        if let Some(objection) = book.objection(me, certified) {
            let is_removed = book.is_removed(certified.node());
            return refuse(if is_removed { Cause::Removed } else { Cause::Identity }, objection);
        }
        self.check_group(certified, group)
    }

    fn check_versions(&self, hello: &Hello) -> Result<(), (&'static str, Refusal)> {
        match hello.versions.common(self.shared.versions) {
            Some(_) => Ok(()),
            None => {
                let reason = hello.nothing_in_common(self.shared.versions);
                Err(("versions", Refusal::new(Cause::Identity, reason)))
            }
        }
    }

    fn check_group(&self, from: &PeerName, group: GroupId) -> Result<(), Refusal> {
        if from.may_speak_for(group, self.shared.me.region()) {
            return Ok(());
        }
        Err(Refusal::new(Cause::NotServed, format!("{from} has no business with group {group}")))
    }

    fn check_call(&self, from: &PeerName, group: GroupId) -> Result<(), Refusal> {
        self.check_group(from, group)?;
        if self.inbound.has_group(group) {
            return Ok(());
        }
        Err(Refusal::new(Cause::NotServed, format!("{from} calls group {group}, which is not here")))
    }

    async fn peer(&self, mut connection: Incoming, hello: Hello, group: GroupId) -> Result<(), Ended> {
        let patience = self.shared.patience();
        match hello.purpose {
            Purpose::Entries | Purpose::Heartbeats => {
                let channel = match self.inbound.open_append(hello.from.node(), group) {
                    Ok(channel) => channel,
                    Err(error) => return self.turn_away(connection, group, error).await,
                };
                self.welcome(&mut connection, &hello, group).await?;
                let Incoming { reader, writer, version } = connection;
                let answering = send((writer, version), channel.answers, Kind::AppendAnswer, group, patience);
                let receiving = receive((reader, version), &channel.requests, Kind::Append, group, patience);
                Ok(until_either_ends(answering, receiving, self.until_removed(hello.from.node())).await?)
            }
            Purpose::Calls | Purpose::Requests => {
                self.welcome(&mut connection, &hello, group).await?;
                self.calls(connection, hello).await
            }
            Purpose::Snapshot => {
                self.welcome(&mut connection, &hello, group).await?;
                let from = hello.from.node();
                match snapshot::receive(&self.inbound, from, group, &mut connection, patience).await {
                    Ok(()) => Ok(()),
                    Err(snapshot::Failed::Wire(error)) => Err(error.into()),
                    Err(snapshot::Failed::Refused(error)) => self.turn_away(connection, group, error).await,
                }
            }
        }
    }

    /// Says what this end speaks; what comes after it is of the version that both do.
    async fn welcome(
        &self,
        connection: &mut Incoming,
        hello: &Hello,
        group: GroupId,
    ) -> Result<(), WireError> {
        let ours = self.shared.versions;
        let welcome = Frame { kind: Kind::Welcome, group, id: ours.to_id(), body: Bytes::new() };
        connection.send(&welcome, self.shared.patience()).await?;
        connection.version = hello.versions.common(ours).expect("the hello was checked");
        Ok(())
    }

    /// Ends when the peer is removed from the cluster.
    async fn until_removed(&self, peer: NodeId) {
        while !self.shared.book.is_removed(peer) {
            tokio::time::sleep(REMOVAL_CHECK).await;
        }
    }

    async fn turn_away(
        &self,
        mut connection: Incoming,
        group: GroupId,
        error: TransportError,
    ) -> Result<(), Ended> {
        let reason = match &error {
            TransportError::Refused { reason, .. } => reason.clone(),
            other => other.to_string(),
        };
        let refusal = Refusal::new(Cause::NotServed, reason);
        let _ = connection.send(&refusal.frame(Kind::Refusal, group, 0), self.shared.patience()).await;
        if !self.inbound.has_group(group) {
            return Err(Ended::Refused("group", refusal));
        }
        tracing::debug!(%error, "a peer was turned away");
        Ok(())
    }

    async fn calls(&self, connection: Incoming, hello: Hello) -> Result<(), Ended> {
        let patience = self.shared.patience();
        let Incoming { mut reader, mut writer, version } = connection;
        let (finished, mut answers) = mpsc::channel::<Frame>(CALLS_IN_WORK_MAX);
        let in_work = Arc::new(Semaphore::new(CALLS_IN_WORK_MAX));
        let answering = async {
            while let Some(mut frame) = answers.recv().await {
                loop {
                    wire::write(&mut writer, version, &frame, patience).await?;
                    match answers.try_recv() {
                        Ok(next) => frame = next,
                        Err(_) => break,
                    }
                }
                wire::flush(&mut writer, patience).await?;
            }
            Ok(())
        };
        let reading = async {
            while let Some(frame) = wire::read(&mut reader, version, patience).await? {
                if frame.kind != Kind::Call {
                    return Err(WireError::Unexpected(frame.kind));
                }
                let permit = in_work.clone().acquire_owned().await;
                let (server, from, finished) = (self.worker(), hello.clone(), finished.clone());
                tokio::spawn(async move {
                    let _permit = permit;
                    let answer = server.answer(&from, frame).await;
                    let _ = finished.send(answer).await;
                });
            }
            Ok(())
        };
        Ok(until_either_ends(answering, reading, self.until_removed(hello.from.node())).await?)
    }

    fn worker(&self) -> Server {
        Server { shared: self.shared.clone(), inbound: self.inbound.clone(), service: self.service.clone() }
    }

    async fn answer(&self, hello: &Hello, call: Frame) -> Frame {
        let (group, id) = (call.group, call.id);
        let result = match hello.purpose {
            Purpose::Requests => self.service.request(hello.from.clone(), call.body).await,
            _ => match self.check_call(&hello.from, group) {
                Err(refusal) => {
                    count("group");
                    tracing::warn!(reason = "group", error = refusal.reason, "a peer's call was refused");
                    Err(refusal.reason)
                }
                Ok(()) => self.inbound.call(hello.from.node(), group, call.body).await.map_err(|error| {
                    if let TransportError::Refused { reason, .. } = error {
                        reason
                    } else {
                        error.to_string()
                    }
                }),
            },
        };
        match result {
            Ok(body) if body.len() <= Kind::CallAnswer.body_bytes_max() => {
                Frame { kind: Kind::CallAnswer, group, id, body }
            }
            Ok(_) => {
                Refusal::new(Cause::NotServed, "the answer is too long").frame(Kind::CallRefused, group, id)
            }
            Err(reason) => Refusal::new(Cause::NotServed, reason).frame(Kind::CallRefused, group, id),
        }
    }

    async fn joiner(
        &self,
        mut connection: Incoming,
        _stranger: tokio::sync::OwnedSemaphorePermit,
    ) -> Result<(), Ended> {
        let patience = self.shared.patience();
        let request = timeout(self.shared.limits.connect, connection.read(patience)).await;
        let Some(frame) = request.map_err(|_| Ended::TooSlow)?? else { return Ok(()) };
        if frame.kind != Kind::Join {
            return Err(WireError::Unexpected(frame.kind).into());
        }
        match self.service.join(frame.body).await {
            Ok(body) => {
                let answer = Frame { kind: Kind::JoinAnswer, group: GroupId(0), id: 0, body };
                Ok(connection.send(&answer, patience).await?)
            }
            Err(JoinRefused { reason, text }) => {
                let refusal = Refusal::new(Cause::NotServed, format!("joining was refused: {text}"));
                let _ = connection.send(&refusal.frame(Kind::Refusal, GroupId(0), 0), patience).await;
                Err(Ended::Refused(reason, refusal))
            }
        }
    }
}
