//! How often a cache had what was asked for.

use metrics::{Counter, counter};
use std::sync::OnceLock;

/// Counts of one cache, under handles kept from its first look-up on.
pub struct Tally {
    cache: &'static str,
    hits: OnceLock<Counter>,
    misses: OnceLock<Counter>,
}

impl Tally {
    pub const fn of(cache: &'static str) -> Tally {
        Tally { cache, hits: OnceLock::new(), misses: OnceLock::new() }
    }

    pub fn hit(&self) {
        self.counter(&self.hits, "hit").increment(1);
    }

    pub fn miss(&self) {
        self.counter(&self.misses, "miss").increment(1);
    }

    fn counter<'t>(&self, handle: &'t OnceLock<Counter>, result: &'static str) -> &'t Counter {
        handle.get_or_init(
            || counter!("gearify_cache_requests_total", "cache" => self.cache, "result" => result),
        )
    }
}
