//! Replicated logs over openraft, behind a small interface.
//!
//! A [`Node`] holds the raft log of one process and its [`Group`]s. A group drives one [`Machine`]:
//! commands given to [`Group::propose`] come back, in the same order on every member, as committed
//! entries to [`Machine::apply`], and the machine's replies go to whoever proposed. An entry is
//! acknowledged only after a majority holds it on disk and it is applied here.
//!
//! What is where: the log and the votes are in one file per node (`gearify_storage::raftlog`) and
//! are the truth; snapshots are files, and one on disk always covers everything purged from the
//! log; the machine's own store is a view that may be behind or lost, and is then rebuilt.
//!
//! This crate is the only one that names openraft, and none of openraft's structs goes to disk or
//! wire: [`frames`] holds our own encodings, each with a version byte. It knows bytes, never what a
//! command means.

mod apply;
pub mod batch;
mod follow;
mod frames;
mod group;
mod inbound;
mod log_engine;
mod log_store;
pub mod machine;
pub mod members;
pub mod memory_net;
pub mod net;
mod network;
mod node;
mod observe;
mod position;
mod proposer;
mod recover;
mod rounds;
mod runtime;
mod seed;
mod snapshots;
#[cfg(test)]
mod tests;
mod timers;
pub mod transport;
mod types;

pub use follow::{FollowError, FollowedEntry};
pub use frames::FrameError;
pub use group::{Group, GroupMetrics, GroupOptions, Leadership, MembershipError, ReadError};
pub use inbound::{Inbound, SnapshotSink};
pub use log_engine::{LogEngine, Logs};
pub use machine::{CommittedEntry, Machine, MachineError, SnapshotSource};
pub use members::{CAUGHT_UP_ENTRIES, MemberStep, WantedMembers};
pub use memory_net::MemoryNet;
pub use node::{Held, Node, NodeOptions, StartError, Workers};
pub use observe::{PAGE_WAIT, PART_BYTES, Page, PageError, SnapshotOffer, Source};
pub use position::{Applied, GroupId, LogPosition, NodeId};
pub use proposer::{ProposeError, Proposed};
pub use recover::{LastMembers, Recovered, StoppedLog};
pub use runtime::seeded;
pub use seed::{Seed, seed};
pub use snapshots::SnapshotFile;
pub use timers::Timers;
pub use transport::{AppendChannel, Lane, Transport, TransportError};
