//! The state of a simulated node: an engine in memory whose last commits a crash may take back, down to
//! nothing, as it is with a store that is written out now and then.

use super::dice::Dice;
use bytes::Bytes;
use gearify_node::state::{Rows, Shelf, Store};
use gearify_storage::{Batch, Engine, Reader, Row, StorageError};
use parking_lot::{Mutex, MutexGuard};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Commits that a crash may take back.
const UNDO_MAX: usize = 48;

type Map = BTreeMap<Bytes, Bytes>;
type Before = Vec<(Bytes, Option<Bytes>)>;

/// One group's rows, and how they were before the last commits.
#[derive(Default)]
pub struct Ledge {
    rows: Mutex<Map>,
    undo: Mutex<VecDeque<Before>>,
    ended: AtomicBool,
}

impl Ledge {
    fn of(rows: Map) -> Ledge {
        Ledge { rows: Mutex::new(rows), ..Ledge::default() }
    }

    /// What is left after a crash, and how many commits were taken back.
    fn crash(&self, dice: &Dice) -> (Map, usize) {
        self.ended.store(true, Ordering::SeqCst);
        let mut rows = self.rows.lock().clone();
        let undo = std::mem::take(&mut *self.undo.lock());
        let back = match dice.below(8) {
            0 => return (Map::new(), undo.len()),
            1..4 => dice.below(4.min(undo.len() as u64 + 1)),
            4..6 => dice.below(undo.len() as u64 + 1),
            _ => 0,
        } as usize;
        for before in undo.into_iter().rev().take(back) {
            for (key, value) in before {
                match value {
                    Some(value) => rows.insert(key, value),
                    None => rows.remove(&key),
                };
            }
        }
        (rows, back)
    }
}

type Span<'k> = (Bound<&'k [u8]>, Bound<&'k [u8]>);

fn span<'k>(from: &'k [u8], until: &'k [u8]) -> Option<Span<'k>> {
    match until {
        [] => Some((Bound::Included(from), Bound::Unbounded)),
        _ => (from < until).then_some((Bound::Included(from), Bound::Excluded(until))),
    }
}

fn owned((key, value): (&Bytes, &Bytes)) -> Row {
    (key.clone(), value.clone())
}

impl Reader for Ledge {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        Ok(self.rows.lock().get(key).cloned())
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        let Some(span) = span(from, until) else { return Ok(Vec::new()) };
        Ok(self.rows.lock().range::<[u8], _>(span).take(limit).map(owned).collect())
    }

    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        let Some(span) = span(from, until) else { return Ok(Vec::new()) };
        Ok(self.rows.lock().range::<[u8], _>(span).rev().take(limit).map(owned).collect())
    }
}

impl Engine for Ledge {
    fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        batch.check_sizes()?;
        if self.ended.load(Ordering::SeqCst) {
            return Err(StorageError::Engine("the process has ended".into()));
        }
        let mut rows = self.rows.lock();
        let mut before = Before::with_capacity(batch.len());
        for (key, value) in batch.iter() {
            let key = Bytes::copy_from_slice(key);
            let old = match value {
                Some(value) => rows.insert(key.clone(), Bytes::copy_from_slice(value)),
                None => rows.remove(&key),
            };
            before.push((key, old));
        }
        let mut undo = self.undo.lock();
        undo.push_back(before);
        if undo.len() > UNDO_MAX {
            undo.pop_front();
        }
        Ok(())
    }
}

impl Store for Ledge {
    fn flush(&self) -> Result<(), StorageError> {
        self.undo.lock().clear();
        Ok(())
    }

    fn size_on_disk(&self) -> Result<u64, StorageError> {
        let rows = self.rows.lock();
        Ok(rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }
}

/// The engines of one group on one node. Clones are the same.
#[derive(Clone, Default)]
pub struct Ledges(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    /// Counts the processes that used them.
    life: u64,
    current: Arc<Ledge>,
    fresh: Option<Arc<Ledge>>,
}

impl Ledges {
    /// The rows of the process that begins now, and where it gets another engine. Only what is fetched on
    /// the way to one lies in `dir`.
    pub fn open(&self, dir: PathBuf) -> (Rows, Box<dyn Shelf>) {
        let kept = self.0.lock();
        (kept.current.clone(), Box::new(OpenShelf { ledges: self.clone(), life: kept.life, dir }))
    }

    /// Ends the process; says how many commits were lost.
    pub fn crash(&self, dice: &Dice) -> usize {
        let mut kept = self.0.lock();
        kept.life += 1;
        kept.fresh = None;
        let (rows, back) = kept.current.crash(dice);
        kept.current = Arc::new(Ledge::of(rows));
        back
    }
}

struct OpenShelf {
    ledges: Ledges,
    life: u64,
    dir: PathBuf,
}

impl OpenShelf {
    fn kept(&self) -> Result<MutexGuard<'_, Kept>, StorageError> {
        let kept = self.ledges.0.lock();
        if kept.life == self.life {
            Ok(kept)
        } else {
            Err(StorageError::Engine("the process has ended".into()))
        }
    }
}

impl Shelf for OpenShelf {
    fn dir(&self) -> &Path {
        &self.dir
    }

    fn fresh(&self) -> Result<Rows, StorageError> {
        let fresh = Arc::new(Ledge::default());
        self.kept()?.fresh = Some(fresh.clone());
        Ok(fresh)
    }

    fn keep(&self) -> Result<Option<PathBuf>, StorageError> {
        let mut kept = self.kept()?;
        let fresh = kept.fresh.take();
        kept.current = fresh.ok_or_else(|| StorageError::Engine("no engine was made".into()))?;
        Ok(None)
    }
}
