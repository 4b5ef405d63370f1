//! A replica on a disk whose process ends in the middle: what it had not written out is gone, and it goes on from
//! what its files say, as a node does after `kill -9`.

use crate::files::copy;
use bytes::Bytes;
use gearify_commerce::GroupKind;
use gearify_commerce::event::Envelope;
use gearify_node::machine::{Listener, ShopMachine};
use gearify_node::snapshot::{History, NoPeers};
use gearify_node::state::{AppliedRow, GroupState, LOCAL, group_name};
use gearify_replication::{Applied, CommittedEntry, LogPosition, Machine, NodeId};
use gearify_storage::{EventStore, Reader, Row, SledOptions, decode};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The real machines over the real files, fed with a log.
pub struct Crashing {
    disks: tempfile::TempDir,
    /// How often it has ended: each time leaves a disk of its own.
    ends: usize,
    /// Every entry with its place in its group's log.
    entries: Vec<(GroupKind, u64, Bytes)>,
    replicas: BTreeMap<GroupKind, Replica>,
}

struct Replica {
    state: Arc<GroupState>,
    machine: ShopMachine,
}

struct Nobody;

impl Listener for Nobody {
    fn applied(&self, _: GroupKind, _: &[Envelope]) {}

    fn replaced(&self, _: GroupKind) {}
}

impl Replica {
    fn open(disk: &Path, group: GroupKind) -> Replica {
        let name = group_name(group);
        let options = SledOptions { cache_bytes: 8 << 20 };
        let opened = GroupState::open(group, &disk.join("groups").join(name), options);
        let (state, _) = opened.expect("a state opens whatever a crash left of it");
        let store = EventStore::open(&disk.join("events").join(name)).expect("a history opens");
        let history = History { store: Arc::new(Mutex::new(store)), peers: Arc::new(NoPeers) };
        let newest = gearify_commerce::version::NEWEST;
        let machine = ShopMachine::new(state.clone(), history, Arc::new(Nobody), newest);
        Replica { state, machine: machine.expect("the state is of a known version") }
    }
}

impl Crashing {
    /// One with nothing on its disk yet. The log is that of all groups, in the order in which they applied it.
    pub fn with(log: &[(GroupKind, Vec<u8>)]) -> Crashing {
        let mut last = BTreeMap::<GroupKind, u64>::new();
        let numbered = log.iter().map(|(group, entry)| {
            let index = last.entry(*group).or_default();
            *index += 1;
            (*group, *index, Bytes::from(entry.clone()))
        });
        let mut crashing = Crashing {
            disks: tempfile::tempdir().expect("a directory for the test"),
            ends: 0,
            entries: numbered.collect(),
            replicas: BTreeMap::new(),
        };
        crashing.open();
        crashing
    }

    fn open(&mut self) {
        let disk = self.disks.path().join(self.ends.to_string());
        let groups = crate::pure::GROUPS;
        self.replicas = groups.into_iter().map(|group| (group, Replica::open(&disk, group))).collect();
    }

    /// Applies what it has not applied of the first so many entries. Answers how many those were.
    pub fn apply_through(&mut self, end: usize) -> usize {
        let mut done = 0;
        for (group, index, command) in &self.entries[..end] {
            let replica = self.replicas.get_mut(group).expect("every group has a replica");
            let applied = replica.state.applied_index();
            if *index <= applied {
                continue;
            }
            assert_eq!(*index, applied + 1, "no entry of {group:?} is left out");
            let position = LogPosition { term: 1, leader: NodeId(1), index: *index };
            let entry = CommittedEntry { position, commands: vec![command.clone()] };
            let after = Applied { position: Some(position), membership: None };
            replica.machine.apply(&[entry], &after).expect("the disk takes it");
            done += 1;
        }
        done
    }

    /// The process ends here. `written` says whether the files had just been written out; if not, they are as
    /// they happen to be.
    pub fn crash(&mut self, written: bool) {
        if written {
            for replica in self.replicas.values() {
                replica.state.engine().engine().flush().expect("the disk takes it");
            }
        }
        let left = self.disks.path().join(self.ends.to_string());
        self.ends += 1;
        // Copied while it runs: what is in memory alone is in no file.
        copy(&left, &self.disks.path().join(self.ends.to_string()));
        self.replicas.clear();
        self.open();
    }

    /// The replicated rows, without those that only this node has.
    pub fn rows(&self) -> Vec<(GroupKind, Vec<Row>)> {
        let rows = |replica: &Replica| replica.state.engine().scan(&[], &[LOCAL], usize::MAX);
        let of =
            |(group, replica): (&GroupKind, &Replica)| (*group, rows(replica).expect("rows can be read"));
        self.replicas.iter().map(of).collect()
    }

    /// How far each group is, and the hash of all its changes.
    pub fn applied(&self) -> Vec<AppliedRow> {
        self.replicas.values().map(|replica| replica.state.applied().expect("it can be read")).collect()
    }

    /// A group's events, none of which has left for the history yet.
    pub fn events(&self, group: GroupKind) -> Vec<Envelope> {
        let waiting = self.replicas[&group].state.outbox(0, usize::MAX).expect("events can be read");
        waiting.events.iter().map(|(_, body)| decode(body).expect("an event is readable")).collect()
    }
}
