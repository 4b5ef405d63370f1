//! Keeping an archive: the leader of each group ships its entries once a second, and a backup of its state now
//! and then.
//!
//! Nobody coordinates. An entry is committed, so whoever ships it ships the same; a new leader looks at the
//! archive for where its group's entries end and goes on from there. Two that both believe to lead write the
//! same twice, which a restore does not mind. Entries never wait for a backup: each has a task of its own.

use super::keeper::Keeper;
use super::lag::Lag;
use super::retention::Rules;
use super::shipper::Shipper;
use super::store::{Archive, ArchiveError};
use crate::backend::{GroupHandle, NodeBackend};
use crate::cluster::Member;
use crate::core::Core;
use crate::projectors::lists::States;
use crate::state::GroupKey;
use gearify_replication::{FollowError, MachineError};
use gearify_storage::{BlobError, BlobStore, EventStoreError, ProjectionError, StorageError};
use gearify_web::Clock;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// From one shipping of entries to the next, and from one look at what else is due to the next.
const SHIP_EVERY: Duration = Duration::from_secs(1);
/// After an archive could not be reached.
const SHIP_AGAIN: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("the log can't be read: {0}")]
    Follow(#[from] FollowError),
    #[error("the state can't be read: {0}")]
    Storage(#[from] StorageError),
    #[error("the history can't be read: {0}")]
    Events(#[from] EventStoreError),
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error("the ledger can't be copied: {0}")]
    Ledger(#[from] ProjectionError),
    #[error("a picture can't be read: {0}")]
    Blob(#[from] BlobError),
    #[error("the history does not keep up with the state")]
    HistoryBehind,
    #[error("too little of the disk is free for a copy of the state")]
    NoRoom,
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
    #[error("the archiver has stopped")]
    Stopped,
}

/// How an archive is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// From one backup of a group to the next.
    pub interval: Duration,
    pub rules: Rules,
    /// Names the master key in what is written.
    pub master_key: String,
    /// What the node runs with, without its secrets.
    pub settings: String,
    /// A directory for what is on its way into the archive, of nobody else.
    pub scratch: PathBuf,
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Made {
    pub group: String,
    pub index: u64,
    pub at_ms: i64,
    pub bytes: u64,
}

/// What an archive is made from, and where it is.
#[derive(Clone)]
pub(super) struct Sources {
    pub archive: Archive,
    pub backend: Arc<NodeBackend>,
    pub states: States,
    pub blobs: Arc<BlobStore>,
    pub clock: Arc<dyn Clock>,
    /// `None` for a node that is alone.
    pub member: Option<Arc<Member>>,
    pub options: Options,
}

impl Sources {
    /// The groups that this node leads.
    pub fn led(&self) -> BTreeMap<GroupKey, GroupHandle> {
        let groups = self.backend.groups().filter(|(_, handle)| handle.group.is_leader());
        groups.map(|(key, handle)| (key, handle.clone())).collect()
    }

    /// Whether this region sells for the shops whose home has this name.
    pub fn is_home(&self, home: &str) -> bool {
        self.member.as_ref().is_none_or(|member| member.is_home(home))
    }

    pub fn interval_ms(&self) -> i64 {
        self.options.interval.as_millis() as i64
    }
}

/// Asks for a backup of every group.
type Wish = oneshot::Sender<Result<Vec<Made>, BackupError>>;

/// Talks to a running archiver.
#[derive(Clone)]
pub struct Backups {
    wishes: mpsc::Sender<Wish>,
    pub lag: Lag,
}

impl Backups {
    /// A backup of every group that runs here, now.
    pub async fn now(&self) -> Result<Vec<Made>, BackupError> {
        let (wish, made) = oneshot::channel();
        self.wishes.send(wish).await.map_err(|_| BackupError::Stopped)?;
        made.await.map_err(|_| BackupError::Stopped)?
    }
}

pub struct Archiver {
    shipper: Shipper,
    keeper: Keeper,
    lag: Lag,
}

impl Archiver {
    pub fn new(
        archive: Archive,
        core: &Core,
        member: Option<Arc<Member>>,
        clock: Arc<dyn Clock>,
        options: Options,
    ) -> Archiver {
        let sources = Sources {
            archive,
            backend: core.backend().clone(),
            states: core.states.clone(),
            blobs: core.blobs.clone(),
            clock,
            member,
            options,
        };
        let lag = Lag::default();
        let shipper = Shipper::new(sources.clone(), lag.clone());
        Archiver { shipper, keeper: Keeper::new(sources, lag.clone()), lag }
    }

    /// Ships until the node stops, and then what is left.
    pub fn start(self, stop: &CancellationToken) -> (Backups, Vec<JoinHandle<()>>) {
        /// Operators are few and patient.
        const WISHES: usize = 4;
        let (wishes, wished) = mpsc::channel::<Wish>(WISHES);
        let backups = Backups { wishes, lag: self.lag.clone() };
        let shipping = tokio::spawn(ship(self.shipper, self.lag, stop.clone()));
        let keeping = tokio::spawn(keep(self.keeper, wished, stop.clone()));
        (backups, vec![shipping, keeping])
    }

    pub fn lag(&self) -> &Lag {
        &self.lag
    }

    /// Everything that is due: entries, backups, pictures, tidying.
    pub async fn pass(&mut self) -> Result<(), BackupError> {
        self.shipper.ship_all().await?;
        self.keeper.pass().await
    }

    /// Ships the entries of all groups that this node leads.
    pub async fn ship_all(&mut self) -> Result<(), BackupError> {
        self.shipper.ship_all().await
    }

    /// Removes what nobody needs any more, if this node leads `world`.
    pub async fn tidy(&mut self) -> Result<(), BackupError> {
        self.keeper.tidy().await
    }

    /// A backup of every group that runs here, whoever leads it.
    pub async fn backup_now(&mut self) -> Result<Vec<Made>, BackupError> {
        self.shipper.ship_all().await?;
        self.keeper.backup_now().await
    }
}

async fn ship(mut shipper: Shipper, lag: Lag, stop: CancellationToken) {
    loop {
        let shipped = {
            let shipping = shipper.ship_all();
            tokio::pin!(shipping);
            loop {
                tokio::select! {
                    shipped = &mut shipping => break shipped,
                    // A store that does not answer is told of while it is waited for.
                    () = tokio::time::sleep(SHIP_EVERY) => lag.tell(),
                }
            }
        };
        let pause = pause_after(shipped);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    if let Err(error) = shipper.ship_all().await {
        tracing::warn!(%error, "the last entries were not archived");
    }
}

async fn keep(mut keeper: Keeper, mut wished: mpsc::Receiver<Wish>, stop: CancellationToken) {
    let keeping = async {
        loop {
            let pause = pause_after(keeper.pass().await);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                wish = wished.recv() => if let Some(wish) = wish {
                    let _ = wish.send(keeper.backup_now().await);
                },
            }
        }
    };
    // A backup that is broken off has no head, and counts for nothing.
    tokio::select! {
        () = keeping => {}
        () = stop.cancelled() => {}
    }
}

fn pause_after(done: Result<(), BackupError>) -> Duration {
    match done {
        Ok(()) => SHIP_EVERY,
        Err(error) => {
            tracing::warn!(%error, "the archive is not kept; it is tried again");
            SHIP_AGAIN
        }
    }
}
