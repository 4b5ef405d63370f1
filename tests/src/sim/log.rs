//! The raft log of a simulated node: what is written stays in memory until a sync of the disk, and a crash
//! keeps of what was never synced as much as the seed says, from the front.
//!
//! One order for all groups, as in the node's own file. A process that has ended writes nothing more: its
//! handles belong to a life of the disk that is over.

use super::dice::Dice;
use bytes::Bytes;
use gearify_replication::{GroupId, LogEngine, Logs};
use gearify_storage::raftlog::{Done, GroupState, LogRow, Mark, RaftLogError};
use parking_lot::Mutex;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// The rows of one group, with what stands beside them.
#[derive(Clone, Default)]
pub struct Log {
    rows: BTreeMap<u64, LogRow>,
    purged: Option<Mark>,
    vote: Option<Bytes>,
    committed: Option<Bytes>,
}

impl Log {
    fn last(&self) -> Option<Mark> {
        let row = self.rows.last_key_value();
        row.map(|(index, row)| Mark { index: *index, term: row.term.clone() }).or_else(|| self.purged.clone())
    }

    pub fn row(&self, index: u64) -> Option<&LogRow> {
        self.rows.get(&index)
    }

    pub fn rows(&self) -> impl Iterator<Item = &LogRow> {
        self.rows.values()
    }

    /// The first index that is not purged.
    pub fn first(&self) -> u64 {
        self.purged.as_ref().map_or(0, |mark| mark.index + 1)
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Append(rows) => self.rows.extend(rows.iter().map(|row| (row.index, row.clone()))),
            Change::Truncate(keep) => {
                let from = keep.as_ref().map_or(0, |mark| mark.index + 1);
                self.rows.retain(|index, _| *index < from);
            }
            Change::Purge(through) => {
                self.rows.retain(|index, _| *index > through.index);
                self.purged = Some(through.clone());
            }
            Change::Vote(vote) => self.vote = Some(vote.clone()),
            Change::Committed(committed) => self.committed = Some(committed.clone()),
            Change::Nothing => {}
        }
    }
}

enum Change {
    Append(Vec<LogRow>),
    Truncate(Option<Mark>),
    Purge(Mark),
    Vote(Bytes),
    Committed(Bytes),
    Nothing,
}

struct Op {
    group: GroupId,
    change: Change,
    done: Option<Done>,
}

/// What a crash did to a disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lost {
    /// Writes that had not been synced and are gone.
    pub dropped: usize,
    /// Writes that had not been synced and are there nevertheless.
    pub kept: usize,
}

struct Inner {
    /// Counts the processes that used this disk.
    life: u64,
    durable: BTreeMap<GroupId, Log>,
    live: BTreeMap<GroupId, Log>,
    unsynced: VecDeque<Op>,
    syncing: bool,
    /// Every sync takes this much longer.
    slow: Duration,
    /// Syncs that took longer.
    slowed: u64,
    dice: Dice,
}

/// One node's disk. Clones are the same disk.
#[derive(Clone)]
pub struct LogDisk(Arc<Mutex<Inner>>);

impl LogDisk {
    pub fn new(dice: Dice) -> LogDisk {
        LogDisk(Arc::new(Mutex::new(Inner {
            life: 0,
            durable: BTreeMap::new(),
            live: BTreeMap::new(),
            unsynced: VecDeque::new(),
            syncing: false,
            slow: Duration::ZERO,
            slowed: 0,
            dice,
        })))
    }

    /// The logs as the process sees them that begins now.
    pub fn open(&self) -> Arc<dyn Logs> {
        Arc::new(OpenLogs { disk: self.clone(), life: self.0.lock().life })
    }

    /// Ends the process: what was not synced is kept up to a point that the seed says, and lost after it.
    pub fn crash(&self) -> Lost {
        let mut disk = self.0.lock();
        disk.life += 1;
        disk.syncing = false;
        let unsynced = std::mem::take(&mut disk.unsynced);
        let kept = disk.dice.below(unsynced.len() as u64 + 1) as usize;
        for op in unsynced.iter().take(kept) {
            disk.durable.entry(op.group).or_default().apply(&op.change);
        }
        disk.live = disk.durable.clone();
        let lost = Lost { dropped: unsynced.len() - kept, kept };
        drop(disk);
        // Callbacks run no code of this disk, but they must not run under its lock.
        drop(unsynced);
        lost
    }

    pub fn slow_down(&self, by: Duration) {
        self.0.lock().slow = by;
    }

    /// How many syncs were slowed down so far.
    pub fn slowed(&self) -> u64 {
        self.0.lock().slowed
    }

    /// Looks at a group's log as its process sees it.
    pub fn look<T>(&self, group: GroupId, look: impl FnOnce(&Log) -> T) -> T {
        look(self.0.lock().live.entry(group).or_default())
    }

    /// Syncs again and again while there is something to sync.
    async fn sync(self, life: u64) {
        loop {
            let (ops, pause) = {
                let mut disk = self.0.lock();
                if disk.life != life {
                    return;
                }
                if disk.unsynced.is_empty() {
                    disk.syncing = false;
                    return;
                }
                let quick = Duration::from_micros(200 + disk.dice.below(3_000));
                let pause = if disk.dice.one_in(50) { quick * 20 } else { quick };
                disk.slowed += u64::from(!disk.slow.is_zero());
                (disk.unsynced.len(), pause + disk.slow)
            };
            tokio::time::sleep(pause).await;
            let synced: Vec<Op> = {
                let mut disk = self.0.lock();
                if disk.life != life {
                    return;
                }
                let synced: Vec<Op> = disk.unsynced.drain(..ops).collect();
                for op in &synced {
                    disk.durable.entry(op.group).or_default().apply(&op.change);
                }
                synced
            };
            synced.into_iter().filter_map(|op| op.done).for_each(|done| done(Ok(())));
        }
    }
}

struct OpenLogs {
    disk: LogDisk,
    life: u64,
}

impl Logs for OpenLogs {
    fn group(&self, id: GroupId) -> Arc<dyn LogEngine> {
        Arc::new(OpenLog { disk: self.disk.clone(), life: self.life, group: id })
    }

    fn groups(&self) -> Vec<GroupId> {
        self.disk.0.lock().live.keys().copied().collect()
    }
}

struct OpenLog {
    disk: LogDisk,
    life: u64,
    group: GroupId,
}

impl OpenLog {
    fn write(&self, change: Change, done: Option<Done>) -> Result<(), RaftLogError> {
        let mut disk = self.disk.0.lock();
        if disk.life != self.life {
            return Err(RaftLogError::Stopped);
        }
        disk.live.entry(self.group).or_default().apply(&change);
        disk.unsynced.push_back(Op { group: self.group, change, done });
        if !std::mem::replace(&mut disk.syncing, true) {
            tokio::spawn(self.disk.clone().sync(self.life));
        }
        Ok(())
    }
}

impl LogEngine for OpenLog {
    fn state(&self) -> GroupState {
        self.disk.look(self.group, |log| GroupState {
            purged: log.purged.clone(),
            last: log.last(),
            vote: log.vote.clone(),
            committed: log.committed.clone(),
        })
    }

    fn is_full(&self) -> bool {
        false
    }

    fn is_cached(&self, _from: u64) -> bool {
        true
    }

    fn append(&self, rows: Vec<LogRow>, done: Done) -> Result<(), RaftLogError> {
        let expected = self.disk.look(self.group, Log::last).map(|last| last.index + 1);
        let offered = rows.first().map(|row| row.index);
        if let (Some(expected), Some(offered)) = (expected, offered)
            && expected != offered
        {
            return Err(RaftLogError::NotConsecutive { group: self.group.0, expected, offered });
        }
        self.write(Change::Append(rows), Some(done))
    }

    fn truncate_after(&self, keep: Option<Mark>) -> Result<(), RaftLogError> {
        self.write(Change::Truncate(keep), None)
    }

    fn purge(&self, through: Mark) -> Result<(), RaftLogError> {
        self.write(Change::Purge(through), None)
    }

    fn save_vote(&self, vote: Bytes, done: Done) -> Result<(), RaftLogError> {
        self.write(Change::Vote(vote), Some(done))
    }

    fn save_committed(&self, committed: Bytes) -> Result<(), RaftLogError> {
        self.write(Change::Committed(committed), None)
    }

    fn when_on_disk(&self, done: Done) -> Result<(), RaftLogError> {
        self.write(Change::Nothing, Some(done))
    }

    fn bytes_between(&self, from: u64, until: u64) -> Result<u64, RaftLogError> {
        let bytes = |row: &LogRow| (row.body.len() + row.term.len()) as u64;
        Ok(self.disk.look(self.group, |log| {
            log.rows().filter(|row| (from..until).contains(&row.index)).map(bytes).sum()
        }))
    }

    fn read(&self, from: u64, until: u64, bytes_max: usize) -> Result<Vec<LogRow>, RaftLogError> {
        Ok(self.disk.look(self.group, |log| {
            let mut bytes = 0;
            let fits = |row: &&LogRow| {
                let fits = bytes < bytes_max;
                bytes += row.body.len() + row.term.len();
                fits
            };
            let from = from.max(log.first());
            if from >= until {
                Vec::new()
            } else {
                log.rows.range(from..until).map(|(_, row)| row).take_while(fits).cloned().collect()
            }
        }))
    }
}
