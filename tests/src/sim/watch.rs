//! What must hold at every tick of a simulation, seen from outside of the nodes.
//!
//! Raft: one leader a term; what is committed never changes and is on every later leader; two logs that
//! agree on an entry agree on all before it; a node never forgets a term it has been in; what is applied
//! never goes back while a process lives. The shop: equal positions have equal states.

use super::host::Host;
use gearify_commerce::GroupKind;
use gearify_node::state::{GROUPS, group_id};
use gearify_replication::{GroupId, Leadership};
use std::collections::BTreeMap;

/// Which group of which region: the shared ones have one place for all.
type Place = (GroupId, GroupKind);
/// The bytes that name an entry's term, and the hash of its body.
type Entry = (Vec<u8>, [u8; 32]);
/// A node's log of one group, by index.
type NodeLog = (u64, BTreeMap<u64, Entry>);

/// Looks after which a node is examined though nothing seems to have changed.
const THOROUGH_EVERY: u64 = 50;

#[derive(Default)]
struct Seen {
    life: u64,
    applied: u64,
    committed: u64,
    /// Entries up to here were compared.
    compared: u64,
}

/// What was seen so far.
#[derive(Default)]
pub struct Watch {
    leaders: BTreeMap<(Place, u64), u64>,
    committed: BTreeMap<Place, BTreeMap<u64, Entry>>,
    hashes: BTreeMap<Place, BTreeMap<u64, [u8; 32]>>,
    terms: BTreeMap<(Place, u64), u64>,
    seen: BTreeMap<(Place, u64), Seen>,
    /// What a quick look saw last: the process, what it has applied, and who leads.
    glances: BTreeMap<(Place, u64), (u64, u64, Leadership)>,
    pub wrong: Vec<String>,
    pub checks: u64,
}

impl Watch {
    /// How many leaders there were, over all groups.
    pub fn leaders(&self) -> u64 {
        self.leaders.len() as u64
    }

    /// Entries known to be committed.
    pub fn entries(&self) -> u64 {
        self.committed.values().map(|entries| entries.len() as u64).sum()
    }

    /// The last entry known to be committed in a group.
    pub fn last_committed(&self, place: Place) -> u64 {
        self.committed.get(&place).and_then(|entries| entries.last_key_value()).map_or(0, |(index, _)| *index)
    }

    fn say(&mut self, wrong: String) {
        if self.wrong.len() < 20 {
            self.wrong.push(wrong);
        }
    }

    pub fn look(&mut self, hosts: &BTreeMap<u64, Host>) {
        for host in hosts.values() {
            for kind in GROUPS {
                self.look_at(host, kind);
            }
        }
        self.checks += 1;
    }

    fn look_at(&mut self, host: &Host, kind: GroupKind) {
        let Some(running) = &host.running else { return };
        let (place, node) = ((group_id(kind, host.region), kind), host.id);
        let handle = running.backend.group(kind);
        let glance = (running.life, handle.group.applied_index(), *handle.group.leadership().borrow());
        let is_news = self.glances.insert((place, node), glance) != Some(glance);
        if !is_news && !self.checks.is_multiple_of(THOROUGH_EVERY) {
            return;
        }
        let metrics = handle.group.metrics();
        if metrics.mine {
            self.leads(host, place, metrics.term);
        }
        let term = self.terms.entry((place, node)).or_default();
        let before = std::mem::replace(term, metrics.term.max(*term));
        // A group that has just begun says 0 until it has looked at its log.
        if metrics.term < before && metrics.term != 0 && !handle.group.is_observer() {
            self.say(format!("node {node} forgot term {before} of {kind:?} and is in {}", metrics.term));
        }
        let committed = metrics.committed.unwrap_or(0);
        let (applied, hash) = match handle.state.applied() {
            Ok(row) => (row.index, row.state_hash),
            Err(error) => {
                return self.say(format!("node {node} can't say what {kind:?} has applied: {error}"));
            }
        };
        let seen = self.seen.entry((place, node)).or_default();
        if seen.life != running.life {
            *seen = Seen { life: running.life, applied, committed: 0, compared: seen.compared.min(applied) };
        }
        let back = applied < seen.applied || committed < seen.committed;
        let (from, was) = (seen.compared, (seen.applied, seen.committed));
        (seen.applied, seen.committed) = (applied, committed);
        if back {
            self.say(format!("node {node} went back in {kind:?}: from {was:?} to {applied}, {committed}"));
        }
        self.compare_entries(host, place, from, committed);
        if let Some(other) = self.hashes.entry(place).or_default().insert(applied, hash)
            && other != hash
        {
            self.say(format!("node {node} has another state than others at {applied} of {kind:?}"));
        }
    }

    /// One leader a term, and it holds all that was committed.
    fn leads(&mut self, host: &Host, place: Place, term: u64) {
        let newest =
            self.leaders.range((place, 0)..=(place, u64::MAX)).next_back().map_or(0, |((_, term), _)| *term);
        let is_new = !self.leaders.contains_key(&(place, term));
        let leader = *self.leaders.entry((place, term)).or_insert(host.id);
        if leader != host.id {
            let node = host.id;
            return self.say(format!("nodes {leader} and {node} both led {:?} in term {term}", place.1));
        }
        // One that was seen before, or of an older term, may lack what its successors committed.
        if !is_new || term < newest {
            return;
        }
        let Some((index, entry)) = self.committed.get(&place).and_then(|entries| entries.last_key_value())
        else {
            return;
        };
        let (found, first, last) = host.disk.look(place.0, |log| {
            (log.row(*index).map(entry_of), log.first(), log.rows().last().map_or(0, |row| row.index))
        });
        if *index >= first && found.as_ref() != Some(entry) {
            let wrong = format!(
                "node {} leads {:?} in term {term} without entry {index}, which is committed; its log is {first} to {last}",
                host.id, place.1
            );
            self.say(wrong);
        }
    }

    fn compare_entries(&mut self, host: &Host, place: Place, from: u64, committed: u64) {
        if committed <= from {
            return;
        }
        let known = self.committed.entry(place).or_default();
        let wrong = host.disk.look(place.0, |log| {
            let mut wrong = None;
            for row in log.rows().filter(|row| row.index > from && row.index <= committed) {
                let entry = entry_of(row);
                if *known.entry(row.index).or_insert_with(|| entry.clone()) != entry {
                    wrong = wrong.or(Some(row.index));
                }
            }
            wrong
        });
        if let Some(seen) = self.seen.get_mut(&(place, host.id)) {
            seen.compared = committed;
        }
        if let Some(index) = wrong {
            self.say(format!(
                "node {} has another entry {index} of {:?} than was committed",
                host.id, place.1
            ));
        }
    }

    /// Two logs that agree on an entry agree on all before it, as far as both have them.
    pub fn compare_logs(&mut self, hosts: &BTreeMap<u64, Host>) {
        let mut all: BTreeMap<Place, Vec<NodeLog>> = BTreeMap::new();
        for host in hosts.values().filter(|host| host.running.is_some()) {
            for kind in GROUPS {
                let place = (group_id(kind, host.region), kind);
                let log =
                    host.disk.look(place.0, |log| log.rows().map(|row| (row.index, entry_of(row))).collect());
                all.entry(place).or_default().push((host.id, log));
            }
        }
        for (place, logs) in &all {
            for (n, (one, log)) in logs.iter().enumerate() {
                for (other, second) in &logs[n + 1..] {
                    let agreed = log
                        .iter()
                        .rev()
                        .find(|(index, entry)| second.get(index).is_some_and(|theirs| theirs.0 == entry.0));
                    let Some((last, _)) = agreed else { continue };
                    let parted = log
                        .range(..=last)
                        .find(|(index, entry)| second.get(index).is_some_and(|theirs| theirs != *entry));
                    if let Some((index, _)) = parted {
                        let wrong = format!(
                            "the logs of nodes {one} and {other} of {:?} part at {index} and meet at {last}",
                            place.1
                        );
                        self.say(wrong);
                    }
                }
            }
        }
    }
}

fn entry_of(row: &gearify_storage::raftlog::LogRow) -> Entry {
    (row.term.to_vec(), *blake3::hash(&row.body).as_bytes())
}
