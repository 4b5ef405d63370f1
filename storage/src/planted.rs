//! Bugs that tests plant, to see that the checkers find them.
//!
//! Each is one line of the program that does the wrong thing while the bug is sown on the calling thread.
//! Sowing exists in builds with debug assertions only, and nothing but tests sows: a release holds neither
//! the switch nor, after the compiler is done, the wrong lines.

/// A bug of the kind that loses or doubles something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Entries are acknowledged before they are on disk.
    CallbackBeforeFsync,
    /// A vote is given without being written down.
    VoteNotPersisted,
    /// The record that makes a retry harmless is written after the batch of its command.
    RecordOutsideTheBatch,
    /// A read that asks no majority is given out as linearizable.
    StaleRead,
    /// The applied position is stored before what was applied.
    PositionBeforeEffect,
    /// A snapshot counts before its bytes are on disk.
    SnapshotNotSynced,
    /// The log is purged past what snapshots cover.
    PurgePastSnapshot,
    /// Events leave the outbox before the event store has them.
    OutboxClearedEarly,
    /// Events that wait for the event store do not go with a snapshot.
    SnapshotWithoutOutbox,
    /// An event gets a number that was given before.
    EventNumberReused,
    /// What a provider took is booked once for every time it says so.
    CaptureBookedTwice,
    /// One look-up forgets whose shop it is.
    TenantForgotten,
}

impl Bug {
    pub const ALL: [Bug; 12] = [
        Bug::CallbackBeforeFsync,
        Bug::VoteNotPersisted,
        Bug::RecordOutsideTheBatch,
        Bug::StaleRead,
        Bug::PositionBeforeEffect,
        Bug::SnapshotNotSynced,
        Bug::PurgePastSnapshot,
        Bug::OutboxClearedEarly,
        Bug::SnapshotWithoutOutbox,
        Bug::EventNumberReused,
        Bug::CaptureBookedTwice,
        Bug::TenantForgotten,
    ];
}

/// Whether this bug is sown on this thread.
#[inline]
pub fn is(bug: Bug) -> bool {
    #[cfg(debug_assertions)]
    return switch::SOWN.get() == Some(bug);
    #[cfg(not(debug_assertions))]
    {
        let _ = bug;
        false
    }
}

#[cfg(debug_assertions)]
pub use switch::{Sown, leave_unsynced, sow, take_unsynced};

#[cfg(debug_assertions)]
mod switch {
    use super::Bug;
    use std::cell::{Cell, RefCell};
    use std::path::{Path, PathBuf};

    thread_local! {
        pub(super) static SOWN: Cell<Option<Bug>> = const { Cell::new(None) };
        static UNSYNCED: RefCell<Vec<PathBuf>> = const { RefCell::new(Vec::new()) };
    }

    /// Notes a file whose bytes a power cut may take.
    pub fn leave_unsynced(path: &Path) {
        UNSYNCED.with_borrow_mut(|paths| paths.push(path.to_owned()));
    }

    /// The files noted so far that lie below `dir`.
    pub fn take_unsynced(dir: &Path) -> Vec<PathBuf> {
        UNSYNCED.with_borrow_mut(|paths| paths.extract_if(.., |path| path.starts_with(dir)).collect())
    }

    /// Keeps a bug sown until it is dropped.
    #[derive(Debug)]
    pub struct Sown(());

    /// Sows a bug on this thread.
    pub fn sow(bug: Bug) -> Sown {
        SOWN.set(Some(bug));
        Sown(())
    }

    impl Drop for Sown {
        fn drop(&mut self) {
            SOWN.set(None);
        }
    }
}
