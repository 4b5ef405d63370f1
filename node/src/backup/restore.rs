//! A node made from an archive, as it was at some moment.
//!
//! Each group's state is built from a backup and the entries after it: the same as a replay of the whole log,
//! down to the state hash. The new node's log begins with that state and has a name of its own; the node is
//! alone, no node of the old cluster takes it for one of theirs, and none is let in until the operator founds
//! a new cluster. Before it can serve, everybody is erased again who was erased after that moment.

use super::building::{Built, build};
use super::forgetting::{newest_register, settle_in};
use super::names::Object;
use super::plan::{PlanError, Until};
use super::segment::Segment;
use super::store::{Archive, ArchiveError};
use crate::bundle::ImportError;
use crate::core::{CoreError, CoreOptions};
use crate::machine::ApplyError;
use crate::projectors::ProjectorError;
use crate::state::{GROUPS, GroupKey, group_id, group_name};
use futures::{StreamExt, TryStreamExt};
use gearify_commerce::{Shard, Timestamp, placement, version};
use gearify_replication::{FrameError, MachineError, NodeId, StartError, seed};
use gearify_storage::disk::write_durably;
use gearify_storage::{BlobError, BlobStore, EventStoreError, StorageError};
use std::io;
use std::path::Path;

/// Objects on their way at a time.
pub(super) const UNDER_WAY: usize = 8;
/// In a data directory that was restored: the node looks up every payment before it asks for any.
const RESTORED: &str = "RESTORED";

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("{group}: {error}")]
    Plan { group: &'static str, error: PlanError },
    #[error("{path} is not empty: a backup is restored into a new directory")]
    NotEmpty { path: String },
    #[error(
        "the archive is of rules of version {version}; this program knows those up to {}",
        version::NEWEST
    )]
    NewerRules { version: u32 },
    #[error("the archive was made under another master key ({0})")]
    OtherKey(String),
    #[error("the restored node does not settle in: {0}")]
    Unsettled(String),
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Events(#[from] EventStoreError),
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Machine(#[from] MachineError),
    #[error(transparent)]
    Apply(#[from] ApplyError),
    #[error(transparent)]
    Projector(#[from] ProjectorError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the new log can't be written: {0}")]
    Log(#[from] StartError),
    #[error(transparent)]
    Core(#[from] CoreError),
    #[error("the erasure register can't be told again: {0}")]
    Register(#[from] ImportError),
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

/// The moment to go back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Newest,
    Time(Timestamp),
    /// An entry of one group; the others as they were at its time.
    Position {
        group: GroupKey,
        index: u64,
    },
}

/// What a restore needs to know of the node that is made.
pub struct Maker<'m> {
    /// The region whose sales are restored, by its number in the archived cluster.
    pub region: u16,
    pub node: NodeId,
    /// What the log of a node alone is called.
    pub log_name: String,
    pub master_key: String,
    pub sled_cache_bytes: u64,
    pub event_file_bytes: u64,
    pub blob_bytes_max: u64,
    /// How the node is opened in a directory, with nobody to serve.
    pub options: &'m (dyn Fn(&Path) -> CoreOptions + Sync),
}

impl Maker<'_> {
    /// A group's number in the archive.
    pub(super) fn group(&self, key: GroupKey) -> u16 {
        group_id(key, self.region).0
    }
}

/// A group as it was restored.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct RestoredGroup {
    pub group: &'static str,
    /// The last entry of the old log.
    pub index: u64,
    pub state_hash: [u8; 32],
    /// The backup that it was built from, if it was not from entries alone.
    #[serde(skip)]
    pub base: Option<Object>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Restored {
    /// `world`, `catalogue-0`, and the region's shards in their order.
    pub groups: Vec<RestoredGroup>,
    pub blobs: u64,
    /// People erased again.
    pub erased: u64,
}

/// Makes a node in `dir`, which must be missing or empty, as the archived one was at `moment`.
pub async fn restore(
    archive: &Archive,
    moment: Moment,
    dir: &Path,
    maker: &Maker<'_>,
) -> Result<Restored, RestoreError> {
    let is_empty = match std::fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    if !is_empty {
        return Err(RestoreError::NotEmpty { path: dir.display().to_string() });
    }
    std::fs::create_dir_all(dir)?;
    let source = Source { archive, inventory: &archive.list(None).await?, maker };
    let register = match moment {
        Moment::Newest => Vec::new(),
        _ => newest_register(&source, dir).await?,
    };
    let untils = untils(&source, moment).await?;
    let mut restored = Restored::default();
    let mut seeds = Vec::new();
    for built in build_all(&source, &untils, dir).await? {
        restored.groups.push(RestoredGroup {
            group: group_name(built.key),
            index: built.position.index,
            state_hash: built.state_hash,
            base: built.base.clone(),
        });
        seeds.push(built.seed()?);
    }
    restored.blobs = bring_blobs(&source, dir).await?;
    let (log, name, node) = (dir.join("log"), maker.log_name.clone(), maker.node);
    off_the_loop(move || Ok(seed(&log, &name, node, seeds)?)).await?;
    // The node makes its state from the snapshots in its log.
    std::fs::remove_dir_all(dir.join("groups"))?;
    restored.erased = settle_in(dir, register, maker).await?;
    // Last: what has this mark is whole.
    write_durably(&dir.join(RESTORED), archive.cluster().as_bytes())?;
    Ok(restored)
}

/// Whether a data directory comes from a backup.
pub fn is_restored(data_dir: &Path) -> bool {
    data_dir.join(RESTORED).exists()
}

/// What a node is made from.
#[derive(Clone, Copy)]
pub(super) struct Source<'s> {
    pub archive: &'s Archive,
    pub inventory: &'s [Object],
    pub maker: &'s Maker<'s>,
}

/// Up to where each group is brought.
pub(super) struct Untils {
    pub all: Until,
    pub but: Option<(GroupKey, Until)>,
}

impl Untils {
    fn of(&self, key: GroupKey) -> Until {
        self.but.filter(|(but, _)| *but == key).map_or(self.all, |(_, until)| until)
    }
}

async fn untils(source: &Source<'_>, moment: Moment) -> Result<Untils, RestoreError> {
    Ok(match moment {
        Moment::Newest => Untils { all: Until::Newest, but: None },
        Moment::Time(time) => Untils { all: Until::Time(time.as_millis()), but: None },
        Moment::Position { group, index } => {
            let at_ms = time_of(source, group, index).await?;
            Untils { all: Until::Time(at_ms), but: Some((group, Until::Index(index))) }
        }
    })
}

/// The time of an entry.
async fn time_of(source: &Source<'_>, key: GroupKey, index: u64) -> Result<i64, RestoreError> {
    let id = source.maker.group(key);
    let holds = |object: &&Object| matches!(object, Object::Log { group, first, last, .. } if *group == id && (*first..=*last).contains(&index));
    let Some(object) = source.inventory.iter().find(holds) else {
        let error = PlanError::Gap { missing: index };
        return Err(RestoreError::Plan { group: group_name(key), error });
    };
    let segment: Segment = source.archive.get_record(object).await?;
    let entry = segment.entries.iter().find(|entry| entry.index == index);
    Ok(entry.map_or(0, |entry| entry.at_ms))
}

/// Builds every group below `dir`: of the region, the shards that it had at that moment.
pub(super) async fn build_all(
    source: &Source<'_>,
    untils: &Untils,
    dir: &Path,
) -> Result<Vec<Built>, RestoreError> {
    let mut all = Vec::new();
    for key in GROUPS.map(GroupKey::from) {
        all.push(build(source, key, untils.of(key), dir).await?);
    }
    let first = all.last().expect("the region's first shard comes last");
    let placed = placement::read(&*first.state);
    for shard in placed.shards.into_keys().filter(|shard| *shard != Shard::FIRST) {
        let key = GroupKey::Region(shard);
        all.push(build(source, key, untils.of(key), dir).await?);
    }
    Ok(all)
}

/// Brings every picture that the archive has. Those that the restored shops do not name are swept by the node.
async fn bring_blobs(source: &Source<'_>, dir: &Path) -> Result<u64, RestoreError> {
    let store = BlobStore::open(&dir.join("blobs"), source.maker.blob_bytes_max)?;
    let hashes = source.inventory.iter().filter_map(|object| match object {
        Object::Blob { hash } => Some((object, *hash)),
        _ => None,
    });
    let bringing = hashes.map(|(object, hash)| {
        let store = store.clone();
        async move {
            let bytes = source.archive.get(object).await?;
            off_the_loop(move || Ok(store.put_named(hash, &bytes)?)).await
        }
    });
    let brought = futures::stream::iter(bringing).buffer_unordered(UNDER_WAY);
    brought.try_fold(0, |brought, _| async move { Ok(brought + 1) }).await
}

pub(super) async fn off_the_loop<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, RestoreError> + Send + 'static,
) -> Result<T, RestoreError> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}
