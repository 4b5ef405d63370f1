//! How much room is left where the node keeps its files, and what follows from it.
//!
//! Below one share of the disk the node warns; below another it takes in nothing that asks for more to be
//! kept (`commerce::growth`), while what is under way goes on. For that rest, and for the snapshots that let
//! the log shrink, a file keeps room: it is removed when the disk is nearly full, and what it held does not
//! count as free until it is there again.

use crate::telemetry::names;
use gearify_storage::disk::{self, Space};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

const RESERVE: &str = "reserve";
/// The reserve of a small disk is this part of it.
const RESERVE_PART: u64 = 50;
/// So many more percent must be free before a state is left than were free when it was entered.
const LEAVE_PERCENT: u64 = 1;
/// With less a node can't even note a vote.
pub const FREE_BYTES_MIN: u64 = 4 << 20;

/// What fits. The order of variants is part of the protocol between nodes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Room {
    #[default]
    Ample,
    /// Somebody should look.
    Low,
    /// Nothing that asks for more to be kept is let in.
    Full,
}

/// When which state begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// Percent of the disk that are free when [`Room::Low`] begins.
    pub low_percent: u64,
    /// … and when [`Room::Full`] begins.
    pub full_percent: u64,
    pub reserve_bytes: u64,
}

impl Default for RoomLimits {
    fn default() -> RoomLimits {
        RoomLimits { low_percent: 10, full_percent: 5, reserve_bytes: 64 << 20 }
    }
}

impl RoomLimits {
    /// The room in a space, after `before`; `owed` bytes of the free ones belong to the reserve.
    fn room(&self, space: Space, owed: u64, before: Room) -> Room {
        let is_below = |percent: u64, entered: bool| {
            let percent = if entered { percent + LEAVE_PERCENT } else { percent };
            u128::from(space.free.saturating_sub(owed)) * 100 < u128::from(space.total) * u128::from(percent)
        };
        match () {
            () if is_below(self.full_percent, before == Room::Full) => Room::Full,
            () if is_below(self.low_percent, before >= Room::Low) => Room::Low,
            () => Room::Ample,
        }
    }

    fn reserve_of(&self, space: Space) -> u64 {
        self.reserve_bytes.min(space.total / RESERVE_PART)
    }
}

/// The disk of one node.
pub struct Disk {
    dir: PathBuf,
    limits: RoomLimits,
    seen: Mutex<(Room, Space)>,
}

impl Disk {
    pub fn new(dir: &Path, limits: RoomLimits) -> Disk {
        Disk { dir: dir.to_owned(), limits, seen: Mutex::default() }
    }

    /// Where the node keeps its files.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// As last looked at.
    pub fn seen(&self) -> (Room, Space) {
        *self.seen.lock()
    }

    /// Looks at the disk, keeps the reserve as it should be, and says once what has changed. Answers the room
    /// before and now.
    pub fn look(&self) -> io::Result<(Room, Room)> {
        let space = disk::space(&self.dir)?;
        let reserve = self.dir.join(RESERVE);
        let wanted = self.limits.reserve_of(space);
        let kept = std::fs::metadata(&reserve).map_or(0, |seen| seen.len());
        let owed = wanted.saturating_sub(kept);
        let before = self.seen.lock().0;
        let now = self.limits.room(space, owed, before);
        match now {
            Room::Full if kept > 0 => std::fs::remove_file(&reserve)?,
            // Whoever takes the room in between is noticed at the next look.
            Room::Ample if owed > 0 => disk::set_aside(&reserve, wanted)?,
            _ => {}
        }
        *self.seen.lock() = (now, space);
        metrics::gauge!(names::DISK_ROOM).set(now as u8 as f64);
        metrics::gauge!(names::DISK_FREE_BYTES).set(space.free as f64);
        if before != now {
            say(now, space);
        }
        Ok((before, now))
    }

    /// For people.
    pub fn describe(&self) -> String {
        let (room, space) = self.seen();
        let free = format!("{} MiB free, {} %", space.free >> 20, percent(space));
        match room {
            Room::Ample => free,
            Room::Low => format!("{free}: little room is left"),
            Room::Full => format!("{free}: nothing new is taken in"),
        }
    }
}

fn percent(space: Space) -> u64 {
    (u128::from(space.free) * 100 / u128::from(space.total.max(1))) as u64
}

fn say(now: Room, space: Space) {
    let (free_bytes, free_percent) = (space.free, percent(space));
    match now {
        Room::Ample => tracing::info!(free_bytes, free_percent, "the disk has room again"),
        Room::Low => tracing::warn!(free_bytes, free_percent, "little room is left on the disk"),
        Room::Full => tracing::error!(
            free_bytes,
            free_percent,
            "the disk is nearly full: nothing new is taken in, and the reserve is given to snapshots"
        ),
    }
}

/// Before anything is opened: enough room to start with, be it that of the reserve.
///
/// # Errors
/// With the bytes that are free.
pub fn require_some(dir: &Path) -> io::Result<Result<(), u64>> {
    let mut free = disk::free_bytes(dir)?;
    let reserve = dir.join(RESERVE);
    if free < FREE_BYTES_MIN && reserve.exists() {
        std::fs::remove_file(&reserve)?;
        free = disk::free_bytes(dir)?;
    }
    Ok(if free < FREE_BYTES_MIN { Err(free) } else { Ok(()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: RoomLimits = RoomLimits { low_percent: 10, full_percent: 5, reserve_bytes: 1 << 20 };

    #[test]
    fn states_begin_at_their_share_and_end_a_little_above_it() {
        use Room::*;
        let table = [
            (Ample, 10, 0, Ample),
            (Ample, 9, 0, Low),
            (Low, 10, 0, Low),
            (Low, 11, 0, Ample),
            (Low, 5, 0, Low),
            (Low, 4, 0, Full),
            (Ample, 4, 0, Full),
            (Full, 5, 0, Full),
            (Full, 6, 0, Low),
            (Full, 11, 0, Ample),
            // What the reserve should hold is not free.
            (Ample, 12, 3, Low),
            (Full, 8, 3, Full),
            (Full, 2, 3, Full),
        ];
        for (before, free, owed, now) in table {
            let space = Space { total: 100, free };
            assert_eq!(LIMITS.room(space, owed, before), now, "{before:?} {free} {owed}");
        }
    }

    #[test]
    fn the_reserve_is_given_when_the_disk_is_nearly_full_and_taken_back_when_it_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let reserve = dir.path().join(RESERVE);
        let disk = Disk::new(dir.path(), RoomLimits { low_percent: 0, full_percent: 0, ..LIMITS });
        assert_eq!(disk.look().unwrap(), (Room::Ample, Room::Ample));
        assert_eq!(std::fs::metadata(&reserve).unwrap().len(), 1 << 20);
        // Whatever the machine has free is less than that.
        let full = Disk::new(dir.path(), RoomLimits { low_percent: 99, full_percent: 98, ..LIMITS });
        assert_eq!(full.look().unwrap(), (Room::Ample, Room::Full));
        assert!(!reserve.exists());
        assert_eq!(full.look().unwrap(), (Room::Full, Room::Full));
        assert!(full.describe().contains("nothing new"));
        disk.look().unwrap();
        assert!(reserve.exists());
    }
}
