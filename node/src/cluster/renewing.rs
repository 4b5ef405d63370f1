//! A node's certificate, renewed while a part of its time is left.

use super::CERTIFICATE_RENEWED_AT;
use super::member::Member;
use super::messages::{IssuedAnswer, PeerRequest};
use gearify_replication::net::Issued;
use gearify_replication::{Group, TransportError};
use gearify_storage::{decode, encode};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

const CALL_WITHIN: Duration = Duration::from_secs(5);
const RENEWAL_CHECK: Duration = Duration::from_secs(3600);
/// Looks at a certificate that holds for less than a few days, over its time.
const RENEWAL_CHECKS: u32 = 30;

impl Member {
    pub(super) async fn renew(self: Arc<Member>) {
        loop {
            let left = self.certificate_until().saturating_sub(seconds_now());
            if left <= (self.certificate_valid / CERTIFICATE_RENEWED_AT).as_secs() {
                match self.renew_now().await {
                    Ok(()) => tracing::info!("the node's certificate is renewed"),
                    Err(reason) => tracing::warn!(reason, left, "the node's certificate is not renewed"),
                }
            }
            sleep(RENEWAL_CHECK.min(self.certificate_valid / RENEWAL_CHECKS)).await;
        }
    }

    async fn renew_now(&self) -> Result<(), String> {
        let leader = self.group().and_then(Group::leader).ok_or("no leader is known")?;
        let issued = if leader == self.node() {
            self.issue(&self.me)?
        } else {
            let request = encode(&PeerRequest::Renew).into();
            let answer = self.net.request(leader, request, CALL_WITHIN).await;
            let answer = answer.map_err(|error: TransportError| error.to_string())?;
            let IssuedAnswer { certificate, valid_until } = decode(&answer).map_err(|e| e.to_string())?;
            Issued { certificate, valid_until }
        };
        self.note(|identity| {
            identity.certificate = super::hex::encode(&issued.certificate);
            identity.valid_until = issued.valid_until;
        })
        .map_err(|error| error.to_string())?;
        let credentials = self.identity.lock().credentials().map_err(|error| error.to_string())?;
        self.net.renew(&credentials).map_err(|error| error.to_string())
    }
}

fn seconds_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
