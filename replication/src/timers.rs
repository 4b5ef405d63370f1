//! How long a group waits for what.

use std::time::Duration;

/// The clocks of one group. Fail-over takes about `election_max` after the last heartbeat plus one
/// draw between the two election times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Also the budget of one heartbeat: must exceed a round trip plus a slow fsync.
    pub heartbeat: Duration,
    pub election_min: Duration,
    pub election_max: Duration,
    /// How long a stream of entries may go without an answer before it is given up.
    pub append_answer: Duration,
    /// A leader without a quorum pauses its heartbeats this often, so that followers it still
    /// reaches may elect another. At least twice `election_max`.
    pub quorum_probe: Duration,
    pub snapshot_transfer: Duration,
    /// After this long without an outcome a proposal is [`crate::ProposeError::Unknown`].
    pub propose: Duration,
    pub read: Duration,
}

impl Timers {
    /// Members within 2 ms of each other.
    pub fn lan() -> Timers {
        Timers {
            heartbeat: Duration::from_millis(100),
            election_min: Duration::from_millis(500),
            election_max: Duration::from_millis(1000),
            append_answer: Duration::from_millis(2000),
            quorum_probe: Duration::from_millis(2500),
            snapshot_transfer: Duration::from_secs(60),
            propose: Duration::from_secs(10),
            read: Duration::from_secs(5),
        }
    }

    /// Members up to 300 ms from each other.
    pub fn wan() -> Timers {
        Timers {
            heartbeat: Duration::from_millis(1000),
            election_min: Duration::from_millis(4000),
            election_max: Duration::from_millis(8000),
            append_answer: Duration::from_secs(10),
            quorum_probe: Duration::from_secs(20),
            snapshot_transfer: Duration::from_secs(600),
            propose: Duration::from_secs(30),
            read: Duration::from_secs(15),
        }
    }

    /// For tests: members in one process on a busy machine.
    pub fn fast() -> Timers {
        Timers {
            heartbeat: Duration::from_millis(60),
            election_min: Duration::from_millis(200),
            election_max: Duration::from_millis(400),
            append_answer: Duration::from_millis(800),
            quorum_probe: Duration::from_millis(1000),
            snapshot_transfer: Duration::from_secs(10),
            propose: Duration::from_secs(3),
            read: Duration::from_secs(3),
        }
    }
}
