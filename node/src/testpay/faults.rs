//! Misbehaviour on demand, from a seed, so that a failing run can be had again.

use std::time::Duration;

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::model::Faults;

/// What goes wrong on one side of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// No answer comes.
    Silence,
    /// The answer is 500.
    Error,
}

/// What one request has to suffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    pub delay: Duration,
    /// Instead of the work.
    pub before: Option<Fault>,
    /// Instead of telling that it was done.
    pub after: Option<Fault>,
}

pub(super) struct Saboteur {
    state: Mutex<(Faults, StdRng)>,
}

/// A longer delay would outlast every caller's patience and only hold connections.
const DELAY_MS_MAX: u64 = 60_000;
const DUPLICATES_MAX: u32 = 10;
/// How long shuffled deliveries may be held back.
const SHUFFLE_MS_MAX: u64 = 250;

impl Saboteur {
    pub fn new(seed: u64) -> Saboteur {
        Saboteur { state: Mutex::new((Faults::default(), StdRng::seed_from_u64(seed))) }
    }

    pub fn faults(&self) -> Faults {
        self.state.lock().0.clone()
    }

    /// Sets what goes wrong from now on, or says what is wrong with it.
    pub fn set(&self, faults: Faults) -> Result<(), String> {
        let probabilities =
            [faults.timeout_before, faults.timeout_after, faults.error_500_before, faults.error_500_after];
        if !probabilities.iter().all(|p| (0.0..=1.0).contains(p)) {
            return Err("probabilities are between 0 and 1".to_owned());
        }
        if faults.delay_ms > DELAY_MS_MAX {
            return Err(format!("delay_ms is at most {DELAY_MS_MAX}"));
        }
        if faults.duplicate_events > DUPLICATES_MAX {
            return Err(format!("duplicate_events is at most {DUPLICATES_MAX}"));
        }
        self.state.lock().0 = faults;
        Ok(())
    }

    /// Draws what happens to the next request. Four draws each, whatever the settings, so that changing one
    /// probability does not change the luck of the others.
    pub fn plan(&self) -> Plan {
        let mut state = self.state.lock();
        let (faults, random) = &mut *state;
        let mut happens = |probability: f64| random.random::<f64>() < probability;
        let timeout_before = happens(faults.timeout_before);
        let error_before = happens(faults.error_500_before);
        let timeout_after = happens(faults.timeout_after);
        let error_after = happens(faults.error_500_after);
        let pick = |timeout, error| match (timeout, error) {
            (true, _) => Some(Fault::Silence),
            (false, true) => Some(Fault::Error),
            (false, false) => None,
        };
        Plan {
            delay: Duration::from_millis(faults.delay_ms),
            before: pick(timeout_before, error_before),
            after: pick(timeout_after, error_after),
        }
    }

    /// How long each copy of an event is held back; one entry per delivery.
    pub fn deliveries(&self) -> Vec<Duration> {
        let mut state = self.state.lock();
        let (faults, random) = &mut *state;
        let copies = 1 + faults.duplicate_events;
        let held_back = |_| match faults.shuffle_events {
            true => Duration::from_millis(random.random_range(0..=SHUFFLE_MS_MAX)),
            false => Duration::ZERO,
        };
        (0..copies).map(held_back).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plans(seed: u64, faults: &Faults) -> Vec<Plan> {
        let saboteur = Saboteur::new(seed);
        saboteur.set(faults.clone()).expect("valid faults");
        (0..1_000).map(|_| saboteur.plan()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_misfortune() {
        let faults = Faults { timeout_before: 0.1, error_500_after: 0.3, ..Faults::default() };
        let first = plans(7, &faults);
        assert_eq!(first, plans(7, &faults));
        assert_ne!(first, plans(8, &faults));
        let silent = first.iter().filter(|plan| plan.before == Some(Fault::Silence)).count();
        assert!((60..=140).contains(&silent), "{silent} of 1000 at a tenth");
        let errors = first.iter().filter(|plan| plan.after == Some(Fault::Error)).count();
        assert!((240..=360).contains(&errors), "{errors} of 1000 at three tenths");
    }

    #[test]
    fn nothing_goes_wrong_unless_asked_for_and_certainty_is_certain() {
        assert!(
            plans(1, &Faults::default()).iter().all(|plan| plan.before.is_none() && plan.after.is_none())
        );
        let certain = Faults { error_500_before: 1.0, ..Faults::default() };
        assert!(plans(1, &certain).iter().all(|plan| plan.before == Some(Fault::Error)));
    }

    #[test]
    fn impossible_faults_are_refused_and_change_nothing() {
        let saboteur = Saboteur::new(1);
        let refused = [
            Faults { timeout_after: 1.5, ..Faults::default() },
            Faults { error_500_before: f64::NAN, ..Faults::default() },
            Faults { delay_ms: 60_001, ..Faults::default() },
            Faults { duplicate_events: 11, ..Faults::default() },
        ];
        for faults in refused {
            assert!(saboteur.set(faults.clone()).is_err(), "{faults:?}");
        }
        assert_eq!(saboteur.faults(), Faults::default());
    }
}
