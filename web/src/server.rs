//! Serving connections: header deadlines, a bound on connections, and a graceful end.

use crate::gate::Peer;
use crate::settings::Settings;
use axum::Router;
use axum::body::Body;
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// Serves until `stop` resolves; then finishes what is in work, at most `drain_timeout`.
///
/// # Errors
/// Only what ends the listener itself; a failed connection ends that connection.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    settings: &Settings,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    let builder = connection_builder(settings);
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
        let app = app.clone();
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            app.clone().oneshot(request)
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that breaks off is no fault of ours; details are for debugging only.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
    drop(listener);
    drain(graceful, settings.drain_timeout).await;
    Ok(())
}

fn connection_builder(settings: &Settings) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(settings.header_timeout).max_headers(100);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Duration::from_secs(20))
        .max_concurrent_streams(100)
        .max_header_list_size(32 * 1024);
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
