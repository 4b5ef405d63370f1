//! One group's state, built from a backup and the entries after it.

use super::names::Object;
use super::plan::{PlanError, Until, Way, plan};
use super::restore::{RestoreError, Source, UNDER_WAY, off_the_loop};
use super::segment::{Entry, Events, Manifest, Segment};
use super::store::Archive;
use crate::bell::Bell;
use crate::machine::{Listener, ShopMachine};
use crate::projectors::Recent;
use crate::projectors::mover::Mover;
use crate::snapshot::{self, FROZEN_BYTES_MAX, History, HistoryPeers};
use crate::state::{GroupKey, GroupState, group_id, group_name, read_applied};
use futures::{StreamExt, TryStreamExt};
use gearify_commerce::event::Envelope;
use gearify_commerce::{GroupKind, command, version};
use gearify_replication::{Applied, LogPosition, Machine, Seed};
use gearify_storage::{ContentHash, EventPosition, EventRow, EventStore, SledOptions};
use parking_lot::Mutex;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// Entries of one batch.
const BATCH: usize = 256;

/// A group's state, built.
pub(super) struct Built {
    pub key: GroupKey,
    pub state: Arc<GroupState>,
    pub position: LogPosition,
    pub state_hash: [u8; 32],
    /// What it was built from.
    pub base: Option<Object>,
    store: Arc<Mutex<EventStore>>,
}

impl Built {
    /// The new node is the first of its own first region.
    pub fn seed(self) -> Result<Seed, RestoreError> {
        let rows = self.state.engine().sweep(FROZEN_BYTES_MAX);
        let applied = read_applied(rows.ahead())?;
        let content = snapshot::without_history(rows, applied, self.store.lock().reader());
        Ok(Seed { group: group_id(self.key, 0), position: self.position, content })
    }
}

/// Builds one group below `dir`, in the places where a node has it.
pub(super) async fn build(
    source: &Source<'_>,
    key: GroupKey,
    until: Until,
    dir: &Path,
) -> Result<Built, RestoreError> {
    let of_group = |error| RestoreError::Plan { group: group_name(key), error };
    let Way { base, logs } = plan(source.inventory, source.maker.group(key), until).map_err(of_group)?;
    let mut builder = Builder::open(source, key, dir)?;
    if let Some(base) = &base {
        let manifest: Manifest = source.archive.get_record(base).await?;
        if manifest.master_key != source.maker.master_key {
            return Err(RestoreError::OtherKey(manifest.master_key));
        }
        if manifest.state_version > version::NEWEST {
            return Err(RestoreError::NewerRules { version: manifest.state_version });
        }
        builder = builder.install(source.archive, base, manifest).await?;
    }
    let reading = logs.iter().map(|object| source.archive.get_record::<Segment>(object));
    let mut segments = futures::stream::iter(reading).buffered(UNDER_WAY);
    while let Some(segment) = segments.try_next().await? {
        let is_over = |entry: &&Entry| match until {
            Until::Newest => false,
            Until::Time(time) => entry.at_ms > time,
            Until::Index(index) => entry.index > index,
        };
        let before = segment.entries.len();
        let entries: Vec<Entry> =
            segment.entries.iter().take_while(|entry| !is_over(entry)).cloned().collect();
        let is_last = entries.len() < before;
        builder = builder.apply(entries).await?;
        if is_last {
            break;
        }
    }
    let built = builder.finish(base).ok_or(of_group(PlanError::TooEarly))?;
    // Before its first tenant there was no platform to go back to.
    if key == GroupKey::World && command::group_time(&*built.state).is_none() {
        return Err(of_group(PlanError::TooEarly));
    }
    Ok(built)
}

/// Applies to a group what it is built from.
struct Builder {
    state: Arc<GroupState>,
    history: History,
    store: Arc<Mutex<EventStore>>,
    machine: ShopMachine,
    mover: Mover,
    applied: Applied,
}

/// Nobody looks at a state while it is built.
struct Nobody;

impl Listener for Nobody {
    fn applied(&self, _: GroupKind, _: &[Envelope]) {}
    fn replaced(&self, _: GroupKind) {}
}

impl Builder {
    fn open(source: &Source<'_>, key: GroupKey, dir: &Path) -> Result<Builder, RestoreError> {
        let (name, maker) = (group_name(key), source.maker);
        let sled = SledOptions { cache_bytes: maker.sled_cache_bytes };
        let (state, _) = GroupState::open(key, &dir.join("groups").join(name), sled)?;
        let store = EventStore::open_with(&dir.join("events").join(name), maker.event_file_bytes)?;
        let store = Arc::new(Mutex::new(store));
        let is_of =
            |object: &&Object| matches!(object, Object::Events { group, .. } if *group == maker.group(key));
        let peers = ArchivedHistory {
            archive: source.archive.clone(),
            objects: source.inventory.iter().filter(is_of).cloned().collect(),
            runtime: Handle::current(),
            open: Mutex::default(),
        };
        let history = History { store: store.clone(), peers: Arc::new(peers) };
        let machine = ShopMachine::new(state.clone(), history.clone(), Arc::new(Nobody), version::NEWEST)?;
        let mover = Mover::new(state.clone(), store.clone(), Recent::default(), Bell::default());
        Ok(Builder { state, history, store, machine, mover, applied: Applied::default() })
    }

    /// Puts a backup's state in place, and the history up to it.
    async fn install(
        self,
        archive: &Archive,
        base: &Object,
        manifest: Manifest,
    ) -> Result<Builder, RestoreError> {
        let Object::Backup { group, index, at_ms } = *base else { return Ok(self) };
        let mut builder = self;
        let applied = Applied::decode(manifest.account.clone().into())?;
        let mut content = Parts {
            archive: archive.clone(),
            of: (group, index, at_ms),
            hashes: manifest.parts,
            next: 0,
            part: io::Cursor::new(Vec::new()),
            runtime: Handle::current(),
        };
        off_the_loop(move || {
            let installed = snapshot::install(&builder.state, &applied, &mut content, &builder.history)?;
            builder.applied = applied;
            // The machine reads the state anew.
            let (state, history) = (builder.state.clone(), builder.history.clone());
            builder.machine = ShopMachine::new(state, history, Arc::new(Nobody), version::NEWEST)?;
            debug_assert_eq!(installed.index, index);
            Ok(builder)
        })
        .await
    }

    async fn apply(self, entries: Vec<Entry>) -> Result<Builder, RestoreError> {
        let mut builder = self;
        off_the_loop(move || {
            // A segment may begin with entries that the state has already.
            let done = builder.applied.position.map(|position| position.index);
            let news: Vec<Entry> =
                entries.into_iter().filter(|entry| done.is_none_or(|done| entry.index > done)).collect();
            for batch in news.chunks(BATCH) {
                let committed: Vec<_> = batch.iter().map(Entry::committed).collect();
                let membership = batch.iter().rev().find_map(|entry| entry.membership.clone());
                let after = Applied {
                    position: batch.last().map(Entry::position),
                    membership: membership.or(builder.applied.membership.take()),
                };
                builder.machine.apply(&committed, &after)?;
                builder.applied = after;
                while builder.mover.step()? {}
            }
            Ok(builder)
        })
        .await
    }

    /// `None` if there was nothing to build it from.
    fn finish(self, base: Option<Object>) -> Option<Built> {
        let position = self.applied.position?;
        let state_hash = self.state.applied().ok()?.state_hash;
        let (key, state, store) = (self.state.key(), self.state, self.store);
        Some(Built { key, state, position, state_hash, base, store })
    }
}

/// The bytes of a backup's parts, one after the other. Read off the async threads.
struct Parts {
    archive: Archive,
    of: (u16, u64, i64),
    hashes: Vec<ContentHash>,
    next: usize,
    part: io::Cursor<Vec<u8>>,
    runtime: Handle,
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.part.read(buffer)? {
                0 if self.next < self.hashes.len() => {
                    let (group, index, at_ms) = self.of;
                    let object = Object::Part { group, index, at_ms, part: self.next as u32 };
                    let part = self.runtime.block_on(self.archive.get(&object)).map_err(io::Error::other)?;
                    if ContentHash::of(&part) != self.hashes[self.next] {
                        return Err(io::Error::other(format!("{} is not of its backup", object.name())));
                    }
                    self.part = io::Cursor::new(part);
                    self.next += 1;
                }
                read => return Ok(read),
            }
        }
    }
}

/// The history before a backup, out of the archive.
struct ArchivedHistory {
    archive: Archive,
    objects: Vec<Object>,
    runtime: Handle,
    /// The object that was read last.
    open: Mutex<Option<(Object, Arc<Vec<EventRow>>)>>,
}

impl ArchivedHistory {
    fn rows(&self, object: &Object) -> Result<Arc<Vec<EventRow>>, String> {
        if let Some((of, rows)) = &*self.open.lock()
            && of == object
        {
            return Ok(rows.clone());
        }
        let events: Events =
            self.runtime.block_on(self.archive.get_record(object)).map_err(|error| error.to_string())?;
        let rows: Arc<Vec<EventRow>> = Arc::new(events.rows.into_iter().map(EventRow::from).collect());
        *self.open.lock() = Some((object.clone(), rows.clone()));
        Ok(rows)
    }
}

impl HistoryPeers for ArchivedHistory {
    fn read(
        &self,
        _: GroupKey,
        from: EventPosition,
        through: u64,
        limit: usize,
    ) -> Result<Vec<EventRow>, String> {
        let mut found = Vec::new();
        let mut next = from.index;
        for object in &self.objects {
            let Object::Events { first, last, .. } = object else { continue };
            if *last < next {
                continue;
            }
            if *first > next {
                break;
            }
            let rows = self.rows(object)?;
            let wanted = rows.iter().filter(|row| row.position >= from && row.position.index >= next);
            found.extend(wanted.take(limit - found.len()).cloned());
            next = last + 1;
            if found.len() == limit || next > through {
                return Ok(found);
            }
        }
        Err(format!("the events of entry {next} are not in the archive"))
    }
}
