//! How far the archive is behind, for whoever asks.

use crate::state::{GroupKey, group_name};
use crate::telemetry::names;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The archive is behind if entries wait longer than this.
pub const LAG_MAX: Duration = Duration::from_secs(10);

/// Of all groups that this node leads. Cheap to clone; clones are the same.
#[derive(Clone, Default)]
pub struct Lag {
    groups: Arc<Mutex<BTreeMap<GroupKey, GroupLag>>>,
}

/// Of a group that this node leads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupLag {
    /// Since when an applied entry waits to be shipped.
    pub waiting_since: Option<Instant>,
    /// The last entry that was shipped.
    pub shipped: u64,
    pub fault: Option<String>,
    /// Entries up to this one left the log unarchived: a backup of at least this one has to stand in for them.
    pub gap: Option<u64>,
}

impl Lag {
    pub fn groups(&self) -> BTreeMap<&'static str, GroupLag> {
        self.groups.lock().iter().map(|(key, lag)| (group_name(*key), lag.clone())).collect()
    }

    /// For how long the oldest entry has waited.
    pub fn longest(&self) -> Duration {
        let groups = self.groups.lock();
        let waits = groups.values().filter_map(|lag| lag.waiting_since);
        waits.map(|since| since.elapsed()).max().unwrap_or_default()
    }

    /// Puts it where metrics are read.
    pub(super) fn tell(&self) {
        for (key, lag) in &*self.groups.lock() {
            let seconds = lag.waiting_since.map_or(0.0, |since| since.elapsed().as_secs_f64());
            metrics::gauge!(names::BACKUP_LAG, "group" => group_name(*key)).set(seconds);
        }
    }

    /// Groups that are led elsewhere are another node's to tell of.
    pub(super) fn keep_only(&self, is_led: impl Fn(GroupKey) -> bool) {
        self.groups.lock().retain(|key, _| {
            let stays = is_led(*key);
            if !stays {
                metrics::gauge!(names::BACKUP_LAG, "group" => group_name(*key)).set(0.0);
            }
            stays
        });
    }

    pub(super) fn waits(&self, key: GroupKey) {
        let mut groups = self.groups.lock();
        groups.entry(key).or_default().waiting_since.get_or_insert_with(Instant::now);
    }

    /// Everything up to `shipped` is in the archive, or will be with the backup that a gap waits for.
    pub(super) fn shipped(&self, key: GroupKey, shipped: u64) {
        let mut groups = self.groups.lock();
        let lag = groups.entry(key).or_default();
        (lag.shipped, lag.fault) = (shipped, None);
        if lag.gap.is_none() {
            lag.waiting_since = None;
        }
    }

    pub(super) fn failed(&self, key: GroupKey, fault: String) {
        self.groups.lock().entry(key).or_default().fault = Some(fault);
    }

    pub(super) fn has_gap(&self, key: GroupKey, through: u64) {
        self.groups.lock().entry(key).or_default().gap = Some(through);
    }

    pub(super) fn gap(&self, key: GroupKey) -> Option<u64> {
        self.groups.lock().get(&key)?.gap
    }

    /// A backup of entry `index` is in the archive.
    pub(super) fn backed_up(&self, key: GroupKey, index: u64) {
        if let Some(lag) = self.groups.lock().get_mut(&key)
            && lag.gap.is_some_and(|through| through <= index)
        {
            lag.gap = None;
        }
    }
}
