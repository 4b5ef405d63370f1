//! How much at once and how often: bounds that keep a busy node answering.

use crate::app::AppState;
use crate::problem::{Kind, Problem};
use crate::routes::RateClass;
use crate::settings::{Rates, Settings};
use axum::extract::Request;
use gearify_commerce::TenantId;
use governor::clock::Clock;
use governor::clock::MonotonicClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use http::HeaderName;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The other end of the connection, left by the server.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// The shopper's address: the peer's, or the one a trusted proxy names. IPv6 by its /64, which is one
/// customer's.
pub fn client(state: &AppState, request: &Request) -> IpAddr {
    let peer = request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |peer| peer.0.ip());
    let trusted = &state.settings.trusted_proxy;
    if !trusted(peer) {
        return network_of(peer);
    }
    // Read from the right: everything a trusted proxy appended, until the first stranger.
    let forwarded = request.headers().get_all("x-forwarded-for").iter();
    let named: Vec<IpAddr> = forwarded
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|address| address.trim().parse().ok())
        .collect();
    let stranger = named.iter().rev().find(|address| !trusted(**address));
    network_of(stranger.copied().unwrap_or(peer))
}

fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

type Who = (TenantId, IpAddr);
type Limiter = RateLimiter<Who, DashMapStateStore<Who>, MonotonicClock, NoOpMiddleware<std::time::Instant>>;

/// Counts callers and requests.
pub struct Limits {
    requests: Arc<Semaphore>,
    pub(super) waiting_reads: Semaphore,
    classes: Option<[Class; 3]>,
    checks: AtomicU32,
}

struct Class {
    name: &'static str,
    limiter: Limiter,
    quota: u32,
    window_seconds: u32,
}

impl Limits {
    pub fn new(settings: &Settings) -> Limits {
        let Rates { enabled, reads_per_second, writes_per_second, sign_ins_per_minute, burst_seconds } =
            settings.rates;
        let burst = burst_seconds.max(1);
        let classes = enabled.then(|| {
            [
                Class::new("reads", reads_per_second.saturating_mul(burst), burst),
                Class::new("writes", writes_per_second.saturating_mul(burst), burst),
                Class::new("sign-ins", sign_ins_per_minute, 60),
            ]
        });
        Limits {
            requests: Arc::new(Semaphore::new(settings.concurrent_requests_max)),
            waiting_reads: Semaphore::new(settings.waiting_reads_max),
            classes,
            checks: AtomicU32::new(0),
        }
    }

    /// A place among the requests in work. Health checks always get one.
    pub(super) fn enter(&self, class: RateClass) -> Option<Option<OwnedSemaphorePermit>> {
        if class == RateClass::Free {
            return Some(None);
        }
        self.requests.clone().try_acquire_owned().ok().map(Some)
    }

    /// # Errors
    /// `too-many-requests` with when to come back.
    pub(super) fn check_rate(
        &self,
        class: RateClass,
        tenant: TenantId,
        client: IpAddr,
    ) -> Result<(), Problem> {
        let Some(classes) = &self.classes else { return Ok(()) };
        let class = match class {
            RateClass::Read => &classes[0],
            RateClass::Write => &classes[1],
            RateClass::SignIn => &classes[2],
            RateClass::Free => return Ok(()),
        };
        self.forget_quiet_callers(classes);
        let Err(early) = class.limiter.check_key(&(tenant, client)) else { return Ok(()) };
        let wait = early.wait_time_from(class.limiter.clock().now());
        Err(class.refusal(wait.as_secs() + 1))
    }

    /// Every so many checks, callers whose allowance is full again are forgotten.
    fn forget_quiet_callers(&self, classes: &[Class; 3]) {
        const CHECKS: u32 = 1 << 16;
        if self.checks.fetch_add(1, Ordering::Relaxed).wrapping_add(1).is_multiple_of(CHECKS) {
            classes.iter().for_each(|class| class.limiter.retain_recent());
        }
    }
}

impl Class {
    fn new(name: &'static str, quota: u32, window_seconds: u32) -> Class {
        let quota = NonZeroU32::new(quota).unwrap_or(NonZeroU32::MIN);
        let window = std::time::Duration::from_secs(window_seconds.into());
        let one = window / quota.get();
        let allowance = Quota::with_period(one.max(std::time::Duration::from_nanos(1)))
            .expect("the period is not zero")
            .allow_burst(quota);
        Class { name, limiter: RateLimiter::dashmap(allowance), quota: quota.get(), window_seconds }
    }

    /// Source of the two headers: IETF draft "RateLimit header fields for HTTP".
    fn refusal(&self, seconds: u64) -> Problem {
        let Class { name, quota, window_seconds, .. } = self;
        Problem::new(Kind::TooManyRequests)
            .retry_after(seconds)
            .header(HeaderName::from_static("ratelimit"), format!("\"{name}\";r=0;t={seconds}"))
            .header(
                HeaderName::from_static("ratelimit-policy"),
                format!("\"{name}\";q={quota};w={window_seconds}"),
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_caller_is_slowed_and_another_is_not() {
        let rates = Rates { reads_per_second: 2, burst_seconds: 1, ..Rates::default() };
        let limits = Limits::new(&Settings { rates, ..Settings::default() });
        let check =
            |client: [u8; 4]| limits.check_rate(RateClass::Read, TenantId::PLATFORM, IpAddr::from(client));
        assert!(check([1, 1, 1, 1]).is_ok() && check([1, 1, 1, 1]).is_ok());
        assert_eq!(check([1, 1, 1, 1]).unwrap_err().kind(), Kind::TooManyRequests);
        assert!(check([2, 2, 2, 2]).is_ok());
    }

    #[test]
    fn an_ipv6_customer_is_one_caller() {
        let one: IpAddr = "2001:db8:1:2:3::4".parse().unwrap();
        let two: IpAddr = "2001:db8:1:2:ffff::9".parse().unwrap();
        assert_eq!(network_of(one), network_of(two));
        assert_eq!(network_of("::ffff:10.0.0.1".parse().unwrap()), IpAddr::from([10, 0, 0, 1]));
    }
}
