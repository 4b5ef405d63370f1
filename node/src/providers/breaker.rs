//! A circuit breaker: after some failures in a row nobody is called for a while, then one call tries.

use parking_lot::Mutex;
use std::time::{Duration, Instant};

/// Failures in a row that open the circuit.
const FAILURES_MAX: u32 = 5;
/// How long it stays open.
const OPEN_FOR: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Breaker {
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    failures: u32,
    /// Open until then; the first call after it tries alone.
    open_until: Option<Instant>,
    trying: bool,
}

impl Breaker {
    /// Whether a call may be made. A call that may is followed by [`Breaker::succeeded`] or
    /// [`Breaker::failed`].
    pub fn may_call(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        match state.open_until {
            None => true,
            Some(until) if now < until || state.trying => false,
            Some(_) => {
                state.trying = true;
                true
            }
        }
    }

    pub fn succeeded(&self) {
        *self.state.lock() = State::default();
    }

    pub fn failed(&self, now: Instant) {
        let mut state = self.state.lock();
        state.failures += 1;
        state.trying = false;
        if state.failures >= FAILURES_MAX {
            state.open_until = Some(now + OPEN_FOR);
        }
    }

    /// Whether calls are let through.
    pub fn is_closed(&self) -> bool {
        self.state.lock().open_until.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_success_closes_it() {
        let breaker = Breaker::default();
        let start = Instant::now();
        for _ in 0..FAILURES_MAX {
            assert!(breaker.may_call(start));
            breaker.failed(start);
        }
        assert!(!breaker.may_call(start) && !breaker.is_closed());
        let later = start + OPEN_FOR;
        assert!(breaker.may_call(later), "one call tries");
        assert!(!breaker.may_call(later), "and no second one beside it");
        breaker.failed(later);
        assert!(!breaker.may_call(later), "it failed: another pause");
        assert!(breaker.may_call(later + OPEN_FOR));
        breaker.succeeded();
        assert!(breaker.may_call(later) && breaker.is_closed());
    }

    #[test]
    fn a_success_in_between_starts_the_count_anew() {
        let breaker = Breaker::default();
        let now = Instant::now();
        for _ in 0..3 {
            (0..FAILURES_MAX - 1).for_each(|_| breaker.failed(now));
            breaker.succeeded();
        }
        assert!(breaker.may_call(now));
    }
}
