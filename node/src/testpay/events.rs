//! Delivery of events: signed, repeated until they arrive or are given up, and not necessarily in order.
//!
//! The queue is part of the book, so that a restart delivers what was left. An event counts as arrived when
//! the receiver answers 2xx; an event may therefore arrive twice, and receivers tell by its id.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use gearify_config::Secret;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::book::{Book, BookError, Undelivered, now_unix};
use super::faults::Saboteur;
use super::signature::{SIGNATURE_HEADER, sign};

/// Deliveries under way at a time: one slow shop must not hold up the others.
const DELIVERIES_MAX: usize = 32;
/// After so many attempts (about a minute) an event is given up; look-ups still tell the truth.
const ATTEMPTS_MAX: u32 = 12;
const BACKOFF_FIRST: Duration = Duration::from_millis(200);
const BACKOFF_MAX: Duration = Duration::from_secs(10);
const DELIVERY_DEADLINE: Duration = Duration::from_secs(10);

pub(super) struct Courier {
    pub book: Arc<Book>,
    pub saboteur: Arc<Saboteur>,
    pub secret: Secret,
    /// Rung when the book may hold a new event.
    pub bell: Arc<Notify>,
    pub http: reqwest::Client,
}

/// The client that deliveries go through; its names ending in `.localhost` are this machine.
pub(super) fn delivery_client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .timeout(DELIVERY_DEADLINE)
        .redirect(reqwest::redirect::Policy::none())
        .dns_resolver(Arc::new(LocalhostResolver))
        .no_proxy()
        .build()
}

impl Courier {
    /// Delivers until told to stop; deliveries under way are then given up and tried again after a restart.
    pub async fn deliver_until(self, stop: CancellationToken) -> Result<(), BookError> {
        let courier = Arc::new(self);
        let mut underway = JoinSet::new();
        let mut numbers = BTreeSet::new();
        loop {
            let (due, next_due) = courier.book.due_events(DELIVERIES_MAX + numbers.len()).await?;
            let free = DELIVERIES_MAX.saturating_sub(numbers.len());
            let fresh: Vec<_> =
                due.into_iter().filter(|event| !numbers.contains(&event.seq)).take(free).collect();
            for event in fresh {
                numbers.insert(event.seq);
                let courier = courier.clone();
                underway.spawn(async move { (event.seq, courier.deliver(event).await) });
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = courier.bell.notified() => {}
                () = tokio::time::sleep(next_due.unwrap_or(BACKOFF_MAX)) => {}
                Some(done) = underway.join_next() => {
                    let (seq, noted) = done.expect("deliveries are neither aborted nor do they panic");
                    noted?;
                    numbers.remove(&seq);
                }
            }
        }
    }

    async fn deliver(&self, event: Undelivered) -> Result<(), BookError> {
        let mut copies = JoinSet::new();
        for held_back in self.saboteur.deliveries() {
            let (http, url, body, secret) =
                (self.http.clone(), event.url.clone(), event.body.clone(), self.secret.clone());
            copies.spawn(async move {
                tokio::time::sleep(held_back).await;
                send(&http, &url, body, &secret).await
            });
        }
        let arrived = copies.join_all().await.into_iter().any(|arrived| arrived);
        let attempts = event.attempts + 1;
        if arrived {
            self.book.event_done(event.seq).await
        } else if attempts >= ATTEMPTS_MAX {
            tracing::warn!(event = event.seq, attempts, "an event of the test provider is given up");
            self.book.event_done(event.seq).await
        } else {
            self.book.event_failed(event.seq, backoff(attempts)).await
        }
    }
}

async fn send(http: &reqwest::Client, url: &str, body: String, secret: &Secret) -> bool {
    let signature = sign(secret.expose(), body.as_bytes(), now_unix());
    let request = http
        .post(url)
        .header(SIGNATURE_HEADER, signature)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body);
    match request.send().await {
        Ok(answer) => answer.status().is_success(),
        Err(error) => {
            tracing::debug!(%error, "an event of the test provider did not arrive");
            false
        }
    }
}

/// 0.2 s, 0.4 s, 0.8 s … up to 10 s after the given number of failed attempts.
fn backoff(attempts: u32) -> Duration {
    let doublings = attempts.saturating_sub(1).min(16);
    BACKOFF_FIRST.saturating_mul(1 << doublings).min(BACKOFF_MAX)
}

/// Shops of a demo live at `NAME.localhost`, which not every system resolves (RFC 6761 says it should).
struct LocalhostResolver;

impl Resolve for LocalhostResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_owned();
        Box::pin(async move {
            if host == "localhost" || host.ends_with(".localhost") {
                let here = SocketAddr::from((IpAddr::V4(Ipv4Addr::LOCALHOST), 0));
                return Ok(Box::new(std::iter::once(here)) as Addrs);
            }
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(Box::new(found.collect::<Vec<_>>().into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_are_spread_over_about_a_minute() {
        assert_eq!(backoff(1), Duration::from_millis(200));
        assert_eq!(backoff(3), Duration::from_millis(800));
        assert_eq!(backoff(40), BACKOFF_MAX);
        let total: Duration = (1..ATTEMPTS_MAX).map(backoff).sum();
        assert!((Duration::from_secs(50)..Duration::from_secs(90)).contains(&total), "{total:?}");
    }
}
