//! Backups: an archive of every group's log, kept while the node runs, and nodes made from it.
//!
//! An archive is a folder in a directory or in an S3-compatible store, one for each cluster. It holds the
//! entries of every group, shipped once a second by whoever leads it; backups of each group's state; the
//! history; the pictures; all sealed under a key drawn from the master key, which is not in it and must be
//! kept elsewhere. Any moment of the last 35 days can be restored from it, into a node that belongs to no
//! cluster.

mod archiver;
mod building;
mod forgetting;
mod http;
mod keeper;
mod lag;
mod making;
mod merging;
mod names;
mod pictures;
mod plan;
mod restore;
mod retention;
mod segment;
mod settings;
mod shipper;
mod store;

pub use archiver::{Archiver, BackupError, Backups, Made, Options};
pub use lag::{GroupLag, LAG_MAX, Lag};
pub use names::Object;
pub use plan::{PlanError, Until};
pub use restore::{Maker, Moment, RestoreError, Restored, RestoredGroup, is_restored, restore};
pub use retention::{Rules, expired};
pub use segment::Manifest;
pub use settings::{cluster_of, known_cluster_of, place, rules};
pub use store::{Archive, ArchiveError, Place, Target};
