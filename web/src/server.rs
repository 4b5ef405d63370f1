//! Serving connections: TLS where there is a certificate, header deadlines, a bound on connections, and a
//! graceful end.

use crate::gate::{Peer, normal_host};
use crate::settings::Settings;
use axum::Router;
use axum::body::Body;
use axum::response::IntoResponse;
use http::{Request, StatusCode, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

/// Serves until `stop` resolves; then finishes what is in work, at most `drain_timeout`. With `tls` every
/// connection begins with a handshake, which has as long as the headers after it.
///
/// # Errors
/// Only what ends the listener itself; a failed connection ends that connection.
pub async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    app: Router,
    settings: &Settings,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let talk = Arc::new(Talk { builder: connection_builder(settings), app, tls, settings: settings.clone() });
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(settings.connections_max));
    tokio::pin!(stop);
    loop {
        // A connection beyond the bound waits in the kernel's queue until another one ends.
        let place = tokio::select! {
            place = places.clone().acquire_owned() => place.map_err(io::Error::other)?,
            () = &mut stop => break,
        };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    accept_failed(&error).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        // Answers are small and whole: waiting to fill a packet only adds delay.
        let _ = stream.set_nodelay(true);
        let (talk, watcher) = (talk.clone(), graceful.watcher());
        tokio::spawn(async move {
            talk.with(stream, peer, watcher).await;
            drop(place);
        });
    }
    drop(listener);
    drain(graceful, settings.drain_timeout).await;
    Ok(())
}

/// What every connection needs.
struct Talk {
    builder: Builder<TokioExecutor>,
    app: Router,
    tls: Option<TlsAcceptor>,
    settings: Settings,
}

impl Talk {
    /// A client that breaks off is no fault of ours; details are for debugging only.
    async fn with(&self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let Some(tls) = &self.tls else { return self.converse(stream, peer, watcher).await };
        match tokio::time::timeout(self.settings.header_timeout, tls.accept(stream)).await {
            Ok(Ok(stream)) => self.converse(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
            Err(_) => tracing::debug!("a handshake took too long"),
        }
    }

    async fn converse<S>(&self, stream: S, peer: SocketAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let app = &self.app;
        let service = hyper::service::service_fn(|request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            app.clone().oneshot(request)
        });
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Sends every request on to the same address over TLS, which is on `port`.
pub fn to_https(port: u16) -> Router {
    Router::new().fallback(move |request: Request<Body>| async move {
        let header = || request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
        let host = request.uri().host().or_else(header).map(normal_host).filter(|host| is_host(host));
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        match host {
            Some(host) => {
                let location = format!("https://{host}{port}{target}");
                (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, location)]).into_response()
            }
            None => StatusCode::BAD_REQUEST.into_response(),
        }
    })
}

/// A name or an address, and nothing that could mean another place to a browser.
fn is_host(host: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'[' | b']' | b':');
    !host.is_empty() && host.bytes().all(plain)
}

/// Wider than the gate's bounds, which answer with a problem; beyond these the connection ends with a bare
/// status.
const HEADERS_READ_MAX: usize = 250;
const HEADER_LIST_BYTES_MAX: u32 = 64 * 1024;

fn connection_builder(settings: &Settings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_timeout)
        .max_headers(HEADERS_READ_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_concurrent_streams(100)
        .max_header_list_size(HEADER_LIST_BYTES_MAX);
    builder
}

/// Running out of descriptors passes: others are about to close. Accepting again at once would spin.
async fn accept_failed(error: &io::Error) {
    let about_one = matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    );
    if !about_one {
        tracing::warn!(%error, "connections can't be accepted at the moment");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn drain(graceful: GracefulShutdown, limit: Duration) {
    if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not finish in time and were broken off");
    }
}
