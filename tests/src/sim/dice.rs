//! Randomness that a seed decides: one sequence for each thing that draws, so that who draws first in a
//! moment changes nothing for the others.

use gearify_storage::seal::{Random, SealError};
use parking_lot::Mutex;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::sync::Arc;

/// A sequence of draws. Clones go on with the same one.
#[derive(Clone)]
pub struct Dice(Arc<Mutex<SmallRng>>);

impl Dice {
    /// The sequence of this seed for whatever `purpose` names.
    pub fn new(seed: u64, purpose: &str) -> Dice {
        // FNV-1a over the name: stable, and good enough to keep sequences apart.
        let name = purpose.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Dice(Arc::new(Mutex::new(SmallRng::seed_from_u64(seed.rotate_left(17) ^ name))))
    }

    /// A number from 0 up to and without `end`; 0 if there is none.
    pub fn below(&self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.0.lock().random_range(0..end) }
    }

    pub fn between(&self, from: u64, until: u64) -> u64 {
        from + self.below(until - from)
    }

    pub fn one_in(&self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn bits(&self) -> u128 {
        self.0.lock().random()
    }

    pub fn pick<'t, T>(&self, among: &'t [T]) -> Option<&'t T> {
        among.get(self.below(among.len() as u64) as usize)
    }
}

impl Random for Dice {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), SealError> {
        self.0.lock().fill(bytes);
        Ok(())
    }
}
