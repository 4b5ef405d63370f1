//! Wakes threads that wait for something new, and tells them when to stop.

use parking_lot::{Condvar, Mutex};
use std::time::{Duration, Instant};

/// Counts its own ringing, so that a ring between a look and a wait is never missed. Cheap to clone.
#[derive(Clone, Default)]
pub struct Bell {
    shared: std::sync::Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    rung: Condvar,
}

#[derive(Default)]
struct State {
    count: u64,
    stopped: bool,
}

impl Bell {
    pub fn ring(&self) {
        self.shared.state.lock().count += 1;
        self.shared.rung.notify_all();
    }

    /// Every wait returns `false` from now on.
    pub fn stop(&self) {
        self.shared.state.lock().stopped = true;
        self.shared.rung.notify_all();
    }

    /// How often it has rung: taken before looking, handed to [`Bell::wait`] after.
    pub fn count(&self) -> u64 {
        self.shared.state.lock().count
    }

    pub fn is_stopped(&self) -> bool {
        self.shared.state.lock().stopped
    }

    /// Waits until it has rung since `seen` or `timeout` has passed; `false` once it was stopped.
    pub fn wait(&self, seen: u64, timeout: Duration) -> bool {
        let until = Instant::now() + timeout;
        let mut state = self.shared.state.lock();
        while state.count == seen && !state.stopped {
            if self.shared.rung.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        !state.stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_ring_before_the_wait_is_not_missed() {
        let bell = Bell::default();
        let seen = bell.count();
        bell.ring();
        let begun = Instant::now();
        assert!(bell.wait(seen, LONG));
        assert!(begun.elapsed() < LONG);
    }

    #[test]
    fn a_stopped_bell_lets_everybody_go() {
        let bell = Bell::default();
        std::thread::scope(|threads| {
            let waiting = threads.spawn(|| bell.wait(bell.count(), LONG));
            bell.stop();
            assert!(!waiting.join().expect("the thread does not panic"));
        });
    }
}
