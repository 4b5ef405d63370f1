//! Opening a group's files, and a whole further shard while the node runs.

use crate::backend::GroupHandle;
use crate::core::CoreError;
use crate::machine::{Listener, ShopMachine};
use crate::mended::Mended;
use crate::projectors::ledger::Ledger;
use crate::projectors::lists::{Lists, States};
use crate::projectors::metrics::Counters;
use crate::projectors::mover::Mover;
use crate::projectors::{self, Board, Histories, Recent};
use crate::shards::{ShardParts, Shards};
use crate::snapshot::{History, HistoryPeers};
use crate::state::{GroupKey, GroupState, group_id, group_name};
use crate::telemetry::TenantLabels;
use gearify_commerce::{GroupKind, Shard, StateVersion, Vault};
use gearify_replication::{Group, GroupOptions, Node};
use gearify_storage::raftlog::OnFatal;
use gearify_storage::{EventStore, ProjectionDb, SledOptions, StorageError};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

/// A group's files before its machine starts.
pub struct Opened {
    pub state: Arc<GroupState>,
    pub store: Arc<Mutex<EventStore>>,
}

/// What groups' files are opened with.
#[derive(Clone)]
pub struct Places {
    pub data_dir: PathBuf,
    pub sled: SledOptions,
    pub event_file_bytes: u64,
    pub mended: Mended,
    /// Told when a book that is in use is found damaged; nobody looks where nobody is told.
    pub on_damage: Option<OnFatal>,
}

impl Places {
    pub fn open(&self, key: GroupKey) -> Result<Opened, CoreError> {
        let group = group_name(key);
        let state = GroupState::open(key, &self.data_dir.join("groups").join(group), self.sled);
        let (state, set_aside) = state.map_err(|source| CoreError::State { group, source })?;
        if let Some(set_aside) = set_aside {
            let kept = set_aside.path.display().to_string();
            let reason = set_aside.reason;
            self.mended.note(format!("state of {group}"), &reason);
            tracing::warn!(group, kept, reason, "state is built again from snapshot and log");
        }
        let dir = self.data_dir.join("events").join(group);
        let store = EventStore::open_or_set_aside(&dir, self.event_file_bytes, group);
        let (store, damage) = store.map_err(|source| CoreError::Events { group, source })?;
        let state = self.whole(state, &store, damage, &self.data_dir.join("groups").join(group));
        let state = state.map_err(|source| CoreError::State { group, source })?;
        Ok(Opened { state, store: Arc::new(Mutex::new(store)) })
    }

    /// The ledger and the lists of a shard.
    pub fn open_books(
        &self,
        shard: Shard,
        states: &States,
        vault: Arc<dyn Vault>,
    ) -> Result<(Ledger, Lists), CoreError> {
        let dir = self.data_dir.join("projections");
        let name = |base| format!("{}.db", projectors::shard_name(base, shard));
        let failed = |file| move |source| CoreError::Projection { file, source };
        let ledger = Ledger::open(&dir.join(name("ledger")), shard);
        let (ledger, reason) = ledger.map_err(failed("ledger.db"))?;
        self.mended.projection(&name("ledger"), reason);
        let lists = Lists::open(&dir.join(name("lists")), states.clone(), vault);
        let (lists, reason) = lists.map_err(failed("lists.db"))?;
        self.mended.projection(&name("lists"), reason);
        if let Some(on_damage) = &self.on_damage {
            for (file, db) in [("ledger.db", ledger.db()), ("lists.db", lists.db())] {
                let tell = on_damage.clone();
                let looks = db.look_through(move |what| tell(what));
                looks.map_err(|error| failed(file)(StorageError::from(error).into()))?;
            }
        }
        Ok((ledger, lists))
    }

    /// A history that is damaged, or that lost its end, as SQLite lets it where the end of its journal is damaged,
    /// lacks events that the state no longer has: the state is made again, and they with it.
    fn whole(
        &self,
        state: Arc<GroupState>,
        store: &EventStore,
        damage: Option<String>,
        dir: &Path,
    ) -> Result<Arc<GroupState>, StorageError> {
        let (key, cleared, position) = (state.key(), state.cleared()?, store.position());
        if cleared <= position && damage.is_none() {
            return Ok(state);
        }
        let group = state.name();
        tracing::error!(
            group,
            position,
            cleared,
            damage,
            "the event history lost its end; state and events are made again from snapshot and log"
        );
        let lost = || format!("it ends at entry {position} and the state has handed over up to {cleared}");
        self.mended.note(format!("history of {group}"), damage.unwrap_or_else(lost));
        drop(state);
        GroupState::open_anew(key, dir, self.sled)
    }
}

/// The node's own threads.
#[derive(Clone, Default)]
pub struct Threads {
    running: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

impl Threads {
    pub fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), CoreError> {
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(CoreError::Thread)?;
        self.running.lock().push(thread);
        Ok(())
    }

    pub fn project(
        &self,
        projector: impl projectors::Projector + 'static,
        histories: &Histories,
        board: &Board,
    ) -> Result<(), CoreError> {
        let (histories, board) = (histories.clone(), board.clone());
        let name = projector.name();
        board.begin(name, projector.groups().iter().map(|group| histories.group_name(*group)));
        self.spawn(&format!("projector-{name}"), move || projectors::run(projector, &histories, &board))
    }

    /// Moves a group's events into its history.
    pub fn move_events(
        &self,
        opened: &Opened,
        recent: Recent,
        histories: &Histories,
        on_fatal: &OnFatal,
    ) -> Result<(), CoreError> {
        let (group, on_fatal) = (opened.state.name(), on_fatal.clone());
        let mover = Mover::new(opened.state.clone(), opened.store.clone(), recent, histories.grown.clone());
        self.spawn(&format!("mover-{group}"), move || {
            if let Err(error) = mover.run() {
                on_fatal(&format!("events of {group} can't be kept: {error}"));
            }
        })
    }

    pub fn take(&self) -> Vec<JoinHandle<()>> {
        std::mem::take(&mut *self.running.lock())
    }
}

/// What a further shard is opened with.
pub struct Opener {
    pub places: Places,
    pub node: Weak<Node>,
    /// The number of this node's region.
    pub region: u16,
    pub group_options: GroupOptions,
    pub newest: StateVersion,
    pub vault: Arc<dyn Vault>,
    pub peers: Arc<dyn HistoryPeers>,
    pub listener: Arc<dyn Listener>,
    pub states: States,
    pub histories: Histories,
    pub labels: Arc<TenantLabels>,
    pub board: Board,
    pub threads: Threads,
    pub on_fatal: OnFatal,
    pub shards: Shards,
    /// Opened here wherever they are placed.
    pub keeps: BTreeSet<Shard>,
}

impl Opener {
    /// Opens a shard and lets it take part; its founder begins its log.
    pub async fn open(&self, shard: Shard, founds: bool) -> Result<(), CoreError> {
        let key = GroupKey::Region(shard);
        let opened = self.places.open(key)?;
        let states = States { region: opened.state.clone(), ..self.states.clone() };
        let histories = self.histories.of_shard(shard, opened.store.lock().reader());
        let (ledger, lists) = self.places.open_books(shard, &states, self.vault.clone())?;
        let is_empty = opened.state.applied_index() == 0;
        let group = self.start(key, &opened).await?;
        if founds {
            found(&group, key).await?;
        }
        let history = opened.store.lock().reader();
        let handle = GroupHandle { group, state: opened.state.clone(), history };
        let recent = histories.recent(GroupKind::Region);
        self.threads.move_events(&opened, recent, &histories, &self.on_fatal)?;
        let counters = Counters::new(&histories, shard, self.states.world.clone(), self.labels.clone());
        let dbs: (Arc<ProjectionDb>, Arc<ProjectionDb>) = (lists.db(), ledger.db());
        let reader = lists.reader();
        self.threads.project(ledger, &histories, &self.board)?;
        self.threads.project(lists, &histories, &self.board)?;
        self.threads.project(counters, &histories, &self.board)?;
        self.shards.add(shard, ShardParts::new(handle, histories, reader, dbs, !is_empty));
        Ok(())
    }

    async fn start(&self, key: GroupKey, opened: &Opened) -> Result<Group, CoreError> {
        let group = group_name(key);
        let history = History { store: opened.store.clone(), peers: self.peers.clone() };
        let machine = ShopMachine::new(opened.state.clone(), history, self.listener.clone(), self.newest)?;
        let node = self.node.upgrade().ok_or(CoreError::Stopping)?;
        let id = group_id(key, self.region);
        let started = node.start_group(id, machine, self.group_options.clone()).await;
        started.map_err(|source| CoreError::Group { group, source })
    }
}

/// Makes this node the only voter of a group without members.
pub async fn found(group: &Group, key: GroupKey) -> Result<(), CoreError> {
    let failed = |reason: String| CoreError::Found { group: group_name(key), reason };
    if !group.is_bootstrapped().await.map_err(|error| failed(error.to_string()))? {
        let founded = group.bootstrap([group.node()].into()).await;
        founded.map_err(|error| failed(error.to_string()))?;
    }
    Ok(())
}
