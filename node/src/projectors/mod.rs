//! What is computed from events: ledger, lists, search and counters.
//!
//! Each projector runs on a thread of its own, reads only the event stores, and advances its position
//! in the same transaction as its effect, so that an event counts once whatever crashes. Any of them
//! can be deleted and is then computed again from the first event.

pub mod ledger;
pub mod lists;
pub mod metrics;
pub mod mover;
pub mod search;

use crate::bell::Bell;
use crate::state::{GROUPS, GroupKey, group_name};
use crate::telemetry::names;
use gearify_commerce::event::Envelope;
use gearify_commerce::{GroupKind, Shard};
use gearify_storage::{EventPosition, EventReader, EventStoreError, ProjectionError, StorageError, decode};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug, thiserror::Error)]
pub enum ProjectorError {
    #[error(
        "event {position} can't be read ({reason}); start the version of gearify that wrote it, or a newer one"
    )]
    UnreadableEvent { position: EventPosition, reason: String },
    #[error(transparent)]
    Events(#[from] EventStoreError),
    #[error(transparent)]
    Projection(#[from] ProjectionError),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Search(#[from] gearify_search::SearchError),
    #[error("{0}")]
    Broken(String),
}

impl From<rusqlite::Error> for ProjectorError {
    fn from(failure: rusqlite::Error) -> ProjectorError {
        ProjectorError::Storage(failure.into())
    }
}

/// The name of a projector that each shard has one of; the first shard's goes by the name alone.
pub fn shard_name(base: &'static str, shard: Shard) -> &'static str {
    static NAMES: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    if shard == Shard::FIRST {
        return base;
    }
    let name = format!("{base}-{}", shard.0);
    let mut names = NAMES.lock();
    if let Some(known) = names.get(name.as_str()) {
        return known;
    }
    // Kept for good: there are at most as many as shards and projectors.
    let name: &'static str = name.leak();
    names.insert(name);
    name
}

/// An event with its place. Cheap to clone: projectors share what was decoded once.
#[derive(Clone, Debug)]
pub struct Projected {
    pub position: EventPosition,
    pub envelope: Arc<Envelope>,
}

/// Turns events into something that can be asked.
pub trait Projector: Send {
    /// Names its thread, its metric labels and its position.
    fn name(&self) -> &'static str;

    /// Groups whose events it wants.
    fn groups(&self) -> &'static [GroupKind];

    /// The last position of a group whose effect is stored.
    fn position(&self, group: GroupKind) -> Result<Option<EventPosition>, ProjectorError>;

    /// Takes in `events`, which may be empty, and stores that everything up to `to` is done.
    fn project(
        &mut self,
        group: GroupKind,
        events: &[Projected],
        to: EventPosition,
    ) -> Result<(), ProjectorError>;
}

/// Events a projector takes in at once.
const PAGE: usize = 512;

/// From one round of a projector to the next: under load one transaction serves all events of this time,
/// and an event that comes alone is taken in at once.
const PACE: Duration = Duration::from_millis(100);

/// A projector that failed tries again after this long; the fault shows in health meanwhile.
const RETRY: Duration = Duration::from_secs(2);

/// The event histories of this node, and what rings when one has grown.
#[derive(Clone)]
pub struct Histories {
    readers: Arc<BTreeMap<GroupKind, EventReader>>,
    recent: Arc<BTreeMap<GroupKind, Recent>>,
    /// Whose events those of the region are.
    shard: Shard,
    pub grown: Bell,
}

impl Histories {
    pub fn new(readers: BTreeMap<GroupKind, EventReader>, grown: Bell) -> Histories {
        let recent = readers.keys().map(|group| (*group, Recent::default())).collect();
        Histories { readers: Arc::new(readers), recent: Arc::new(recent), shard: Shard::FIRST, grown }
    }

    /// The same with the events of another shard in the place of the region's.
    pub fn of_shard(&self, shard: Shard, reader: EventReader) -> Histories {
        let (mut readers, mut recent) = ((*self.readers).clone(), (*self.recent).clone());
        readers.insert(GroupKind::Region, reader);
        recent.insert(GroupKind::Region, Recent::default());
        Histories { readers: Arc::new(readers), recent: Arc::new(recent), shard, grown: self.grown.clone() }
    }

    /// The name of a group as these histories have it.
    pub fn group_name(&self, group: GroupKind) -> &'static str {
        match group {
            GroupKind::Region => group_name(GroupKey::Region(self.shard)),
            shared => group_name(shared),
        }
    }

    /// Where a group's mover leaves what it has just stored.
    pub fn recent(&self, group: GroupKind) -> Recent {
        self.recent.get(&group).expect("every group has a history").clone()
    }

    pub fn reader(&self, group: GroupKind) -> &EventReader {
        self.readers.get(&group).expect("every group has a history")
    }

    /// Events of a group after `after`, at most `limit`, and how far they reach.
    pub fn page(
        &self,
        group: GroupKind,
        after: Option<EventPosition>,
        limit: usize,
    ) -> Result<(Vec<Projected>, EventPosition), ProjectorError> {
        if let Some(page) = after.and_then(|after| self.recent(group).page(after, limit)) {
            return Ok(page);
        }
        let reader = self.reader(group);
        // Read before the rows: entries without events up to here are covered by an empty page.
        let covered = EventPosition::new(reader.position(), u32::MAX);
        let rows = reader.read(after.map_or(EventPosition::default(), EventPosition::next), limit)?;
        let is_all = rows.len() < limit;
        let events = rows
            .into_iter()
            .map(|row| {
                let position = row.position;
                let reason = |error: gearify_storage::CodecError| error.to_string();
                let envelope = decode(&row.body)
                    .map_err(|error| ProjectorError::UnreadableEvent { position, reason: reason(error) })?;
                Ok(Projected { position, envelope: Arc::new(envelope) })
            })
            .collect::<Result<Vec<_>, ProjectorError>>()?;
        let last = events.last().map(|event| event.position);
        let to =
            if is_all { last.map_or(covered, |last| last.max(covered)) } else { last.unwrap_or(covered) };
        Ok((events, to))
    }
}

/// Events kept in memory behind the event store, a group. A projector further behind reads the store.
const RECENT_MAX: usize = 2_048;

/// The newest events of a group as they were stored, decoded once for all projectors. Cheap to clone.
#[derive(Clone, Default)]
pub struct Recent {
    tail: Arc<Mutex<Tail>>,
}

/// Every event of the entries after `base` up to and with `through`.
#[derive(Default)]
struct Tail {
    base: u64,
    through: u64,
    events: VecDeque<Projected>,
}

impl Recent {
    /// The store has the entries from `first` to `through` now, with these events.
    pub fn push(&self, first: u64, events: impl Iterator<Item = Projected>, through: u64) {
        let mut tail = self.tail.lock();
        if tail.through + 1 != first {
            *tail = Tail { base: first - 1, ..Tail::default() };
        }
        tail.events.extend(events);
        tail.through = through;
        while tail.events.len() > RECENT_MAX {
            // Whole entries, so that the rest is all there is after some entry.
            let Some(oldest) = tail.events.front().map(|event| event.position.index) else { break };
            while tail.events.front().is_some_and(|event| event.position.index == oldest) {
                tail.events.pop_front();
            }
            tail.base = oldest;
        }
    }

    /// As [`Histories::page`], if all after `after` is here.
    fn page(&self, after: EventPosition, limit: usize) -> Option<(Vec<Projected>, EventPosition)> {
        let tail = self.tail.lock();
        // An entry that was begun elsewhere may not be whole here.
        if after < EventPosition::new(tail.base, u32::MAX) || tail.through == 0 {
            return None;
        }
        let start = tail.events.partition_point(|event| event.position <= after);
        let events: Vec<Projected> = tail.events.iter().skip(start).take(limit).cloned().collect();
        let covered = EventPosition::new(tail.through, u32::MAX);
        let to = match events.last() {
            Some(last) if events.len() == limit => last.position,
            _ => covered.max(after),
        };
        Some((events, to))
    }
}

/// How a projector does.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Entries that it has not seen yet, by group.
    pub lag: BTreeMap<&'static str, u64>,
    /// The last entry that it has seen, by group.
    pub seen: BTreeMap<&'static str, u64>,
    /// Why it does not get on.
    pub fault: Option<String>,
}

/// All projectors of the node with their progress.
#[derive(Clone, Default)]
pub struct Board {
    rows: Arc<Mutex<BTreeMap<&'static str, Progress>>>,
}

impl Board {
    pub fn rows(&self) -> BTreeMap<&'static str, Progress> {
        self.rows.lock().clone()
    }

    /// A projector is about to start.
    pub fn begin(&self, name: &'static str, groups: impl Iterator<Item = &'static str>) {
        self.update(name, |progress| progress.seen.extend(groups.map(|group| (group, 0))));
    }

    /// Whether every projector has seen these entries of the groups it follows.
    pub fn seen_at_least(&self, targets: &[(&'static str, u64)]) -> bool {
        let rows = self.rows.lock();
        let is_there = |progress: &Progress| {
            targets.iter().all(|(group, index)| progress.seen.get(group).is_none_or(|seen| seen >= index))
        };
        rows.values().all(is_there)
    }

    fn update(&self, name: &'static str, change: impl FnOnce(&mut Progress)) {
        change(self.rows.lock().entry(name).or_default());
    }
}

/// Runs a projector until the bell is stopped.
pub fn run(mut projector: impl Projector, histories: &Histories, board: &Board) {
    let name = projector.name();
    loop {
        let (seen, begun) = (histories.grown.count(), Instant::now());
        let outcome = catch_up(&mut projector, histories, board);
        let pause = match outcome {
            Ok(()) => {
                board.update(name, |progress| progress.fault = None);
                Duration::from_secs(5)
            }
            Err(error) => {
                tracing::error!(projector = name, %error, "projector is stuck");
                board.update(name, |progress| progress.fault = Some(error.to_string()));
                if !histories.grown.is_stopped() {
                    std::thread::sleep(RETRY);
                }
                Duration::ZERO
            }
        };
        if !histories.grown.wait(seen, pause) {
            return;
        }
        std::thread::sleep(PACE.saturating_sub(begun.elapsed()));
    }
}

/// Takes in everything there is.
pub fn catch_up(
    projector: &mut impl Projector,
    histories: &Histories,
    board: &Board,
) -> Result<(), ProjectorError> {
    for &group in projector.groups() {
        while step(projector, histories, board, group)? && !histories.grown.is_stopped() {}
    }
    Ok(())
}

fn step(
    projector: &mut impl Projector,
    histories: &Histories,
    board: &Board,
    group: GroupKind,
) -> Result<bool, ProjectorError> {
    let (name, group_name) = (projector.name(), histories.group_name(group));
    let after = projector.position(group)?;
    let (events, to) = histories.page(group, after, PAGE)?;
    let is_news = after.is_none_or(|after| after < to);
    if is_news {
        let begun = Instant::now();
        projector.project(group, &events, to)?;
        ::metrics::histogram!(names::EVENT_PROCESSING, "projector" => name)
            .record(begun.elapsed().as_secs_f64());
    }
    let lag = histories.reader(group).position().saturating_sub(to.index);
    board.update(name, |progress| {
        progress.lag.insert(group_name, lag);
        progress.seen.insert(group_name, to.index);
    });
    ::metrics::gauge!(names::PROJECTOR_LAG, "projector" => name, "group" => group_name).set(lag as f64);
    Ok(events.len() == PAGE)
}

/// Every group, for projectors that follow all.
pub const ALL_GROUPS: &[GroupKind] = &GROUPS;

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::actor::Actor;
    use gearify_commerce::cart::Event as Cart;
    use gearify_commerce::event::Event;
    use gearify_commerce::{CartId, Site, TenantId, Timestamp};

    fn event(index: u64, n: u32) -> Projected {
        let envelope = Envelope {
            sequence: index,
            tenant: TenantId::from_bits(1),
            site: Site::FIRST,
            at: Timestamp::from_millis(0),
            actor: Actor::System,
            event: Event::Cart(Cart::CartExpired { cart: CartId::from_bits(1) }),
            cause: None,
            subject_version: None,
        };
        Projected { position: EventPosition::new(index, n), envelope: Arc::new(envelope) }
    }

    fn places(page: Option<(Vec<Projected>, EventPosition)>) -> Option<(Vec<(u64, u32)>, u64)> {
        let (events, to) = page?;
        Some((events.iter().map(|event| (event.position.index, event.position.n)).collect(), to.index))
    }

    #[test]
    fn recent_events_are_told_to_whoever_is_not_further_behind() {
        let recent = Recent::default();
        assert!(recent.page(EventPosition::new(9, 0), 10).is_none());
        recent.push(10, [event(10, 0), event(10, 1), event(12, 0)].into_iter(), 13);
        let page = |index, n, limit| places(recent.page(EventPosition::new(index, n), limit));
        assert_eq!(page(8, u32::MAX, 10), None);
        assert_eq!(page(9, u32::MAX, 10), Some((vec![(10, 0), (10, 1), (12, 0)], 13)));
        assert_eq!(page(10, 0, 10), Some((vec![(10, 1), (12, 0)], 13)));
        assert_eq!(page(10, 0, 1), Some((vec![(10, 1)], 10)));
        assert_eq!(page(13, u32::MAX, 10), Some((vec![], 13)));
        // The store went on without the mover, as a snapshot makes it: what was kept is no longer all.
        recent.push(20, [event(20, 0)].into_iter(), 20);
        assert_eq!(page(13, u32::MAX, 10), None);
        assert_eq!(page(19, u32::MAX, 10), Some((vec![(20, 0)], 20)));
    }

    #[test]
    fn what_is_kept_of_events_is_bounded_and_whole_entries() {
        let recent = Recent::default();
        let all = (1..=RECENT_MAX as u64).flat_map(|index| [event(index, 0), event(index, 1)]);
        recent.push(1, all, RECENT_MAX as u64);
        let base = RECENT_MAX as u64 / 2;
        assert!(recent.page(EventPosition::new(base - 1, u32::MAX), 1).is_none());
        let (events, _) = recent.page(EventPosition::new(base, u32::MAX), RECENT_MAX + 1).unwrap();
        assert_eq!((events.len(), events[0].position), (RECENT_MAX, EventPosition::new(base + 1, 0)));
    }
}
