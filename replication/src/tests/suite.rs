//! openraft's own conformance tests on the real log and a real machine.

use super::machine::{Shelf, TestMachine};
use crate::apply::{MachineStore, SnapshotDue, Worker};
use crate::log_store::LogStore;
use crate::position::{Applied, GroupId};
use crate::snapshots::{SnapshotFile, SnapshotStore};
use crate::types::{Entry, LogId, Snapshot, SnapshotMeta, StoredMembership, Types};
use futures::{Stream, StreamExt};
use gearify_storage::raftlog::{RaftLog, RaftLogOptions};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::testing::log::{StoreBuilder, Suite};
use openraft::type_config::TypeConfigExt;
use openraft::{EntryPayload, OptionalSend, StorageError};
use std::io;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// Keeps the files and the log's writer until a test is done.
struct Kept {
    _log: RaftLog,
    _dir: tempfile::TempDir,
}

struct Builder {
    cache_bytes: usize,
}

impl StoreBuilder<Types, LogStore, Filled, Kept> for Builder {
    async fn build(&self) -> Result<(Kept, LogStore, Filled), StorageError<Types>> {
        let dir = tempfile::tempdir().unwrap();
        let mut options = RaftLogOptions::new(dir.path(), &b"suite"[..]);
        options.cache_bytes = self.cache_bytes;
        let log = RaftLog::open(options).unwrap();
        let snapshots = Arc::new(SnapshotStore::open(dir.path().join("snapshots")).unwrap());
        let (progress, _) = watch::channel(0);
        let due = SnapshotDue {
            log_bytes: u64::MAX,
            state_percent: 0,
            entries: u64::MAX,
            bytes_before: 0,
            notify: Arc::new(Notify::new()),
        };
        let machine = Box::new(TestMachine::on(&Shelf::default()));
        let applied = Applied::default();
        let (machine, _) = MachineStore::start(
            GroupId(1),
            Worker::new(machine, applied, snapshots, progress, due),
            crate::Workers::Threads,
        )
        .unwrap();
        // The suite purges without ever taking a snapshot, which a running group never may.
        let store = LogStore::new(Arc::new(log.group(1)), None);
        Ok((Kept { _log: log, _dir: dir }, store, Filled { inner: machine, last: None }))
    }
}

/// The suite applies entries with holes between them, which a running group never does and the
/// apply thread refuses. Blank entries fill them.
struct Filled {
    inner: MachineStore,
    last: Option<u64>,
}

impl RaftStateMachine<Types> for Filled {
    type SnapshotData = SnapshotFile;
    type SnapshotBuilder = MachineStore;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        self.inner.applied_state().await
    }

    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = io::Result<EntryResponder<Types>>> + Unpin + OptionalSend,
    {
        let mut filled = Vec::new();
        while let Some(entry) = entries.next().await {
            let (entry, responder) = entry?;
            let index = entry.log_id.index;
            for hole in self.last.map_or(0, |last| last + 1)..index {
                let log_id = LogId { index: hole, ..entry.log_id };
                filled.push(Ok((Entry { log_id, payload: EntryPayload::Blank }, None)));
            }
            self.last = Some(index);
            filled.push(Ok((entry, responder)));
        }
        self.inner.apply(futures::stream::iter(filled)).await
    }

    async fn get_snapshot_builder(&mut self) -> MachineStore {
        self.inner.clone()
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMeta, snapshot: SnapshotFile) -> io::Result<()> {
        self.last = meta.last_log_id.map(|log_id| log_id.index);
        self.inner.install_snapshot(meta, snapshot).await
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<Snapshot>> {
        self.inner.get_current_snapshot().await
    }
}

#[test]
fn openrafts_suite_passes() {
    Types::run(async { Suite::test_all(Builder { cache_bytes: 64 << 20 }).await.unwrap() });
}

#[test]
fn openrafts_suite_passes_without_a_cache() {
    Types::run(async { Suite::test_all(Builder { cache_bytes: 0 }).await.unwrap() });
}
