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
use crate::state::{GROUPS, group_name};
use crate::telemetry::names;
use gearify_commerce::GroupKind;
use gearify_commerce::event::Envelope;
use gearify_storage::{EventPosition, EventReader, EventStoreError, ProjectionError, StorageError, decode};
use parking_lot::Mutex;
use std::collections::BTreeMap;
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

/// An event with its place.
#[derive(Clone, Debug)]
pub struct Projected {
    pub position: EventPosition,
    pub envelope: Envelope,
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

/// A projector that failed tries again after this long; the fault shows in health meanwhile.
const RETRY: Duration = Duration::from_secs(2);

/// The event histories of this node, and what rings when one has grown.
#[derive(Clone)]
pub struct Histories {
    readers: Arc<BTreeMap<GroupKind, EventReader>>,
    pub grown: Bell,
}

impl Histories {
    pub fn new(readers: BTreeMap<GroupKind, EventReader>, grown: Bell) -> Histories {
        Histories { readers: Arc::new(readers), grown }
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
                Ok(Projected { position, envelope })
            })
            .collect::<Result<Vec<_>, ProjectorError>>()?;
        let last = events.last().map(|event| event.position);
        let to =
            if is_all { last.map_or(covered, |last| last.max(covered)) } else { last.unwrap_or(covered) };
        Ok((events, to))
    }
}

/// How a projector does.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Entries that it has not seen yet, by group.
    pub lag: BTreeMap<GroupKind, u64>,
    /// The last entry that it has seen, by group.
    pub seen: BTreeMap<GroupKind, u64>,
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
    pub fn begin(&self, name: &'static str, groups: &[GroupKind]) {
        self.update(name, |progress| progress.seen.extend(groups.iter().map(|group| (*group, 0))));
    }

    /// Whether every projector has seen these entries of the groups it follows.
    pub fn seen_at_least(&self, targets: &[(GroupKind, u64)]) -> bool {
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
        let seen = histories.grown.count();
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
    let name = projector.name();
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
        progress.lag.insert(group, lag);
        progress.seen.insert(group, to.index);
    });
    ::metrics::gauge!(names::PROJECTOR_LAG, "projector" => name, "group" => group_name(group))
        .set(lag as f64);
    Ok(is_news && !events.is_empty())
}

/// Every group, for projectors that follow all.
pub const ALL_GROUPS: &[GroupKind] = &GROUPS;
