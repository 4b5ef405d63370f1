//! So many proposals of one tenant may wait at a time: a shop that imports its range leaves room for others.

use gearify_commerce::TenantId;
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// Enough to fill entries while others are on their way between regions.
pub const OF_ONE_TENANT_MAX: usize = 64;

pub struct Turns {
    max: usize,
    taken: Mutex<BTreeMap<TenantId, usize>>,
}

/// One proposal's place, until it is dropped.
pub struct Turn<'t> {
    turns: &'t Turns,
    tenant: TenantId,
}

impl Turns {
    pub fn new(max: usize) -> Turns {
        Turns { max, taken: Mutex::default() }
    }

    /// `None` if as many of this tenant wait already.
    pub fn take(&self, tenant: TenantId) -> Option<Turn<'_>> {
        let mut taken = self.taken.lock();
        let count = taken.entry(tenant).or_default();
        if *count >= self.max {
            return None;
        }
        *count += 1;
        Some(Turn { turns: self, tenant })
    }
}

impl Default for Turns {
    fn default() -> Turns {
        Turns::new(OF_ONE_TENANT_MAX)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut taken = self.turns.taken.lock();
        if let Some(count) = taken.get_mut(&self.tenant) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_waits_for_its_own_proposals_only() {
        let turns = Turns::new(2);
        let (busy, quiet) = (TenantId::from_bits(1), TenantId::from_bits(2));
        let first = turns.take(busy);
        let second = turns.take(busy);
        assert!(first.is_some() && second.is_some() && turns.take(busy).is_none());
        assert!(turns.take(quiet).is_some());
        drop(first);
        assert!(turns.take(busy).is_some());
        drop(second);
        assert!(turns.taken.lock().is_empty(), "what nobody holds is not remembered");
    }
}
