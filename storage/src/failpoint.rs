//! Places between two steps that have to survive a kill: there a test lets the process end.
//!
//! The file that the environment names in `FAILPOINT_FILE` is looked at all the time; `log-synced:7` in it ends
//! the process, as `kill -9` does, when it comes to that place for the seventh time. In builds with debug assertions
//! only: a release has none of this.

use std::fmt;

macro_rules! failpoints {
    ($($(#[$doc:meta])* $point:ident $name:literal)+) => {
        /// A place between two steps.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Failpoint {
            $($(#[$doc])* $point,)+
        }

        impl Failpoint {
            pub const ALL: &[Failpoint] = &[$(Failpoint::$point),+];

            pub fn name(self) -> &'static str {
                match self {
                    $(Failpoint::$point => $name,)+
                }
            }
        }
    };
}

failpoints! {
    /// Rows of the log are written and not synced.
    LogUnsynced "log-unsynced"
    /// They are synced, and the side file does not know it.
    LogSynced "log-synced"
    /// Nobody was told yet that they are.
    LogConfirmed "log-confirmed"
    /// An entry was applied to nothing yet.
    StateUnwritten "state-unwritten"
    /// It was, and nobody knows.
    StateWritten "state-written"
    /// Whoever asked was not answered yet.
    Decided "decided"
    /// Events wait, and the history does not have them.
    HistoryUnwritten "history-unwritten"
    /// It has them, and they wait still.
    HistoryWritten "history-written"
    /// A projection computed what events mean, and did not keep it.
    ProjectionUnwritten "projection-unwritten"
    /// A snapshot is written, and does not count yet.
    SnapshotUnnamed "snapshot-unnamed"
    /// It counts, and the one before is still there.
    SnapshotNamed "snapshot-named"
    /// One is about to take the place of the state, and the state is untouched.
    InstallMarked "install-marked"
    /// Its rows are beside the state, its history is missing.
    InstallRows "install-rows"
    /// Everything is there, and the state is still the old one.
    InstallFilled "install-filled"
    /// The state is the new one, and the marker stands still.
    InstallSwitched "install-switched"
    /// The marker is gone, and openraft was not told.
    InstallEnded "install-ended"
}

impl fmt::Display for Failpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Comes to a place; does not return if a test wants the process to end there.
#[inline]
pub fn reach(point: Failpoint) {
    #[cfg(debug_assertions)]
    switch::reach(point);
    #[cfg(not(debug_assertions))]
    let _ = point;
}

#[cfg(debug_assertions)]
mod switch {
    use super::Failpoint;
    use rustix::process::{Signal, getpid, kill_process};
    use std::path::{Path, PathBuf};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    const LOOK_AGAIN: Duration = Duration::from_millis(10);

    /// Which place, counted from 1, in the upper half; how often it has to be come to in the lower. 0 is none.
    static ARMED: AtomicU64 = AtomicU64::new(0);
    static WATCHED: OnceLock<()> = OnceLock::new();

    pub fn reach(point: Failpoint) {
        WATCHED.get_or_init(watch);
        let is_here = |armed: u64| (armed >> 32 == point as u64 + 1).then(|| armed - 1);
        let armed = ARMED.fetch_update(Ordering::SeqCst, Ordering::SeqCst, is_here);
        if armed.is_ok_and(|armed| armed as u32 <= 1) {
            // Nothing is written any more, and nobody is told anything.
            let _ = kill_process(getpid(), Signal::KILL);
            loop {
                std::thread::park();
            }
        }
    }

    fn watch() {
        let Some(order) = std::env::var_os("FAILPOINT_FILE").map(PathBuf::from) else { return };
        std::thread::spawn(move || {
            loop {
                if let Some(armed) = read(&order) {
                    ARMED.store(armed, Ordering::SeqCst);
                    let _ = std::fs::remove_file(&order);
                }
                std::thread::sleep(LOOK_AGAIN);
            }
        });
    }

    fn read(order: &Path) -> Option<u64> {
        let text = std::fs::read_to_string(order).ok()?;
        let (name, times) = text.trim().split_once(':')?;
        let point = Failpoint::ALL.iter().find(|point| point.name() == name)?;
        Some((*point as u64 + 1) << 32 | u64::from(times.parse::<u32>().ok()?))
    }
}
