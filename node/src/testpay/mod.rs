//! The test payment provider: a counterparty of its own, with its own book, that moves no money.
//!
//! It runs as its own server (`gearify testpay`; the demo runs it beside the node) and is talked to over
//! HTTP like any provider, so that everything a real one does to a shop can be had at will: declines,
//! pending payments, lost answers before and after the work, errors, events that repeat and overtake each
//! other. What it promised it keeps: its book is synced before it answers, and tests end by comparing that
//! book with the shop's.
//!
//! It knows nothing of orders or tenants: a payment has a caller's `reference` and, if the caller likes, an
//! address of its own for events.
//!
//! | request | does |
//! |---|---|
//! | `POST /v1/payments` (key) | asks for money; a decline is a 201 with `status: declined` |
//! | `GET /v1/payments/{id}`, `/by-key/{key}`, `?reference=` | tells what is known |
//! | `POST /v1/payments/{id}/capture {amount?}`, `/cancel` | moves or releases money set aside |
//! | `POST /v1/payments/{id}/refunds {amount}` (key) | gives money back |
//! | `GET /v1/refunds/by-key/{key}` | tells what came of a refund |
//! | `POST /v1/test/payments/{id}/outcome {outcome}` | settles a pending payment |
//! | `GET /v1/book` | everything, for reconciliation |
//! | `PUT /v1/faults`, `GET /v1/faults` | how to misbehave |

mod book;
mod client;
mod events;
mod faults;
mod model;
mod rows;
mod server;
mod signature;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use gearify_config::Secret;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use book::BookError;
pub use client::{Client, ClientError};
pub use model::{
    Capture, CreatePayment, CreateRefund, Event, EventData, EventKind, Faults, Outcome, Payment, PaymentList,
    PaymentStatus, Refund, Refusal, Settle, Statement, Token,
};
pub use signature::{SIGNATURE_HEADER, SignatureError, sign, verify_signature};

/// What the server needs to start.
#[derive(Debug, Clone)]
pub struct TestPaySettings {
    /// Port 0 takes a free one; [`TestPay::address`] tells which.
    pub listen: SocketAddr,
    /// The SQLite file of the book; made if it is not there.
    pub book: PathBuf,
    /// Where events go when the payment names no address of its own; without either none are sent.
    pub webhook_url: Option<Url>,
    pub webhook_secret: Secret,
    /// Seed of the faults' luck.
    pub seed: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum TestPayError {
    #[error(transparent)]
    Book(#[from] BookError),
    #[error("the test provider cannot listen on {address}: {source}")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the test provider cannot send events: {0}")]
    Events(#[from] reqwest::Error),
    #[error("the test provider stopped: {0}")]
    Stopped(String),
}

/// A running server. Dropping it stops it as if the process had died.
#[derive(Debug)]
pub struct TestPay {
    address: SocketAddr,
    stop: CancellationToken,
    serving: Option<JoinHandle<std::io::Result<()>>>,
    delivering: Option<JoinHandle<Result<(), BookError>>>,
}

/// Runs until `stop` is cancelled, then finishes the requests in work.
pub async fn serve(settings: TestPaySettings, stop: CancellationToken) -> Result<(), TestPayError> {
    start(settings, stop).await?.finished().await
}

/// Opens the book, binds the address and starts to answer.
pub async fn start(settings: TestPaySettings, stop: CancellationToken) -> Result<TestPay, TestPayError> {
    let listen_error = |source| TestPayError::Listen { address: settings.listen, source };
    let book = Arc::new(book::Book::open(&settings.book)?);
    let listener = TcpListener::bind(settings.listen).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;

    let saboteur = Arc::new(faults::Saboteur::new(settings.seed));
    let bell = Arc::new(Notify::new());
    let courier = events::Courier {
        book: book.clone(),
        saboteur: saboteur.clone(),
        secret: settings.webhook_secret,
        bell: bell.clone(),
        http: events::delivery_client()?,
    };
    // A child: whoever drops the server stops it without stopping the one who started it.
    let stop = stop.child_token();
    let provider =
        server::Provider { book, saboteur, bell, webhook_url: settings.webhook_url, stop: stop.clone() };
    let server = axum::serve(listener, server::routes(provider))
        .with_graceful_shutdown(stop.clone().cancelled_owned());
    tracing::info!(%address, "the test payment provider answers");
    Ok(TestPay {
        address,
        serving: Some(tokio::spawn(async move { server.await })),
        delivering: Some(tokio::spawn(courier.deliver_until(stop.clone()))),
        stop,
    })
}

impl TestPay {
    /// The address it answers on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address as a client wants it.
    pub fn url(&self) -> Url {
        Url::parse(&format!("http://{}", self.address)).expect("an address makes a valid URL")
    }

    /// Stops it: requests in work are finished, callers kept waiting on purpose are let go.
    pub async fn shut_down(self) -> Result<(), TestPayError> {
        self.stop.cancel();
        self.finished().await
    }

    /// Waits until the server was told to stop and has finished what it was doing. A fault that ends it
    /// earlier is an error.
    pub async fn finished(mut self) -> Result<(), TestPayError> {
        let (Some(mut serving), Some(mut delivering)) = (self.serving.take(), self.delivering.take()) else {
            return Ok(());
        };
        let stopped = |reason: &dyn std::fmt::Display| TestPayError::Stopped(reason.to_string());
        tokio::select! {
            served = &mut serving => {
                self.stop.cancel();
                served.map_err(|error| stopped(&error))?.map_err(|error| stopped(&error))?;
                delivering.await.map_err(|error| stopped(&error))??;
            }
            delivered = &mut delivering => {
                self.stop.cancel();
                let served = serving.await;
                delivered.map_err(|error| stopped(&error))??;
                served.map_err(|error| stopped(&error))?.map_err(|error| stopped(&error))?;
            }
        }
        Ok(())
    }
}

impl Drop for TestPay {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(serving) = &self.serving {
            serving.abort();
        }
        if let Some(delivering) = &self.delivering {
            delivering.abort();
        }
    }
}
