//! How the parts of a node are.

use crate::backend::{GroupHandle, NodeBackend};
use crate::backup::{self, Lag};
use crate::cluster::Member;
use crate::core::Core;
use crate::projectors::Board;
use crate::room::{Disk, FREE_BYTES_MIN};
use crate::search::live::Live;
use crate::state::{GroupKey, group_name};
use crate::telemetry::names;
use gearify_replication::{GroupMetrics, NodeId};
use gearify_web::ports_cluster::{ClusterView, GroupView, MemberView, NodeView, ProjectorView, StorageView};
use gearify_web::{Health, PartHealth};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A node whose projections are further behind than this sends readers elsewhere.
const LAG_MAX: u64 = 10_000;

pub struct NodeHealth {
    backend: Arc<NodeBackend>,
    board: Board,
    live: Live,
    disk: Arc<Disk>,
    member: Option<Arc<Member>>,
    archive: Option<Lag>,
}

impl NodeHealth {
    pub fn new(core: &Core, disk: Arc<Disk>, member: Option<Arc<Member>>) -> NodeHealth {
        NodeHealth {
            backend: core.backend().clone(),
            board: core.board.clone(),
            live: core.live().clone(),
            disk,
            member,
            archive: None,
        }
    }

    /// Tells how far the archive is, too.
    pub fn archived(self, archive: Option<Lag>) -> NodeHealth {
        NodeHealth { archive, ..self }
    }
}

impl Health for NodeHealth {
    fn parts(&self) -> Vec<PartHealth> {
        let mut parts = Vec::new();
        for (kind, handle) in self.backend.groups() {
            let leader = handle.group.leader();
            let is_observer = handle.group.is_observer();
            let ready = leader.is_some() || (is_observer && handle.group.applied_index() > 0);
            let detail = match leader {
                _ if is_observer && handle.group.is_cut_off() => {
                    format!("cut off from other regions, applied to {}", handle.group.applied_index())
                }
                Some(leader) => format!("led by node {leader}, applied to {}", handle.group.applied_index()),
                None => "has no leader".to_owned(),
            };
            parts.push(PartHealth { part: format!("group {}", group_name(kind)), ready, detail });
        }
        for (name, progress) in self.board.rows() {
            let lag = progress.lag.values().sum::<u64>();
            let (ready, detail) = match progress.fault {
                Some(fault) => (false, fault),
                None => (lag <= LAG_MAX, format!("{lag} entries behind")),
            };
            parts.push(PartHealth { part: format!("projector {name}"), ready, detail });
        }
        let loaded = self.live.is_loaded();
        let detail = if loaded { "loaded" } else { "being loaded" }.to_owned();
        parts.push(PartHealth { part: "prices and stock in memory".into(), ready: loaded, detail });
        if let Some(member) = &self.member {
            let standing = member.standing();
            let ready = standing.is_ok();
            let detail = standing.unwrap_or_else(|reason| reason);
            parts.push(PartHealth { part: "cluster".into(), ready, detail });
        }
        parts.extend(self.archive.as_ref().map(archive));
        parts.push(self.disk());
        parts
    }

    fn cluster(&self) -> ClusterView {
        let mut nodes: BTreeMap<u64, NodeView> = BTreeMap::new();
        let mut groups = Vec::new();
        let mut me = 0;
        for (kind, handle) in self.backend.groups() {
            me = handle.group.node().0;
            let name = group_name(kind).to_owned();
            let metrics = handle.group.metrics();
            let mut node = |id: NodeId, noted: fn(&mut NodeView) -> &mut Vec<String>| {
                let view = nodes.entry(id.0).or_insert_with(|| NodeView { id: id.0, ..NodeView::default() });
                noted(view).push(name.clone());
            };
            metrics.leader.iter().for_each(|leader| node(*leader, |view| &mut view.leads));
            metrics.voters.iter().for_each(|voter| node(*voter, |view| &mut view.votes_in));
            metrics.learners.iter().for_each(|learner| node(*learner, |view| &mut view.learns_in));
            groups.push(self.group(kind, handle, &metrics));
        }
        let projectors = self.board.rows().into_iter().map(|(name, progress)| ProjectorView {
            name: name.to_owned(),
            lag: progress.lag.values().sum(),
            fault: progress.fault,
        });
        let projectors = projectors.collect();
        ClusterView {
            node: me,
            nodes: nodes.into_values().collect(),
            groups,
            projectors,
            storage: self.storage(),
        }
    }
}

impl NodeHealth {
    fn group(&self, kind: GroupKey, handle: &GroupHandle, metrics: &GroupMetrics) -> GroupView {
        let last = metrics.last_log;
        let member = |role: &'static str| {
            move |node: &NodeId| {
                let position = metrics.matched.get(node).copied().filter(|_| metrics.mine);
                let lag = position.and_then(|position| Some(last?.saturating_sub(position)));
                MemberView { node: node.0, role, position, lag }
            }
        };
        let voters = metrics.voters.iter().map(member("voter"));
        let members = voters.chain(metrics.learners.iter().map(member("learner"))).collect();
        let (committed, applied) = (metrics.committed, metrics.applied);
        GroupView {
            name: group_name(kind).to_owned(),
            leader: metrics.leader.map(|leader| leader.0),
            term: metrics.term,
            last_log: last,
            committed,
            applied,
            lag: committed.unwrap_or(0).saturating_sub(applied.unwrap_or(0)),
            snapshot: metrics.snapshot,
            purged: metrics.purged,
            history: handle.history.position(),
            state_bytes: handle.state.engine().engine().size_on_disk().unwrap_or(0),
            members,
        }
    }

    fn storage(&self) -> StorageView {
        let log = self.disk.dir().join("log");
        let log_bytes = files_in(&log);
        StorageView {
            log_bytes,
            snapshot_bytes: files_below(&log).saturating_sub(log_bytes),
            history_bytes: files_below(&self.disk.dir().join("events")),
            free_bytes: self.disk.seen().1.free,
        }
    }

    /// Writes what [`Health::cluster`] tells into the process's metrics, for whoever is about to read them.
    pub fn measure(&self) {
        let seen = self.cluster();
        let gauge = |name: &'static str, group: &str, value: u64| {
            ::metrics::gauge!(name, "group" => group.to_owned()).set(value as f64);
        };
        for group in &seen.groups {
            let name = group.name.as_str();
            gauge(names::RAFT_LEADER, name, u64::from(group.leader == Some(seen.node)));
            gauge(names::RAFT_TERM, name, group.term);
            gauge(names::RAFT_COMMITTED, name, group.committed.unwrap_or(0));
            gauge(names::RAFT_APPLIED, name, group.applied.unwrap_or(0));
            gauge(names::RAFT_SNAPSHOT, name, group.snapshot.unwrap_or(0));
            gauge(names::RAFT_PURGED, name, group.purged.unwrap_or(0));
            gauge(names::STATE_BYTES, name, group.state_bytes);
            for member in &group.members {
                if let Some(lag) = member.lag {
                    let node = member.node.to_string();
                    ::metrics::gauge!(names::RAFT_LAG, "group" => group.name.clone(), "node" => node)
                        .set(lag as f64);
                }
            }
        }
        ::metrics::gauge!(names::LOG_BYTES).set(seen.storage.log_bytes as f64);
    }

    /// A node that is nearly full stays ready: what is let in then still has to reach it, and its leader
    /// refuses the rest on every node alike.
    fn disk(&self) -> PartHealth {
        let ready = self.disk.seen().1.free >= FREE_BYTES_MIN;
        PartHealth { part: "disk".into(), ready, detail: self.disk.describe() }
    }
}

/// A node whose archive is behind still serves: others would not archive faster.
fn archive(lag: &Lag) -> PartHealth {
    let fault = lag.groups().into_values().find_map(|group| group.fault);
    let seconds = lag.longest().as_secs();
    let detail = match fault {
        Some(fault) => format!("{seconds} s behind: {fault}"),
        None if lag.longest() > backup::LAG_MAX => {
            format!("{seconds} s behind, more than {} s", backup::LAG_MAX.as_secs())
        }
        None => format!("{seconds} s behind"),
    };
    PartHealth { part: "archive".into(), ready: true, detail }
}

/// Bytes of the files in a directory; 0 where there is none.
fn files_in(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.metadata().ok())
        .filter(|seen| seen.is_file())
        .map(|seen| seen.len())
        .sum()
}

/// Bytes of the files in a directory and all below it.
fn files_below(dir: &Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let below: u64 =
        entries.map(|entry| entry.path()).filter(|path| path.is_dir()).map(|path| files_below(&path)).sum();
    below + files_in(dir)
}
