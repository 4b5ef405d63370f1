//! How this node stands, and the whole cluster as it sees it.

use super::CLUSTER_GROUP_NAME;
use super::member::Member;
use super::messages::{ClusterStatus, GroupReport, NodeReport, NodeStatus, PeerRequest};
use super::roster::NodeState;
use crate::state::group_name;
use gearify_commerce::{StateVersion, version};
use gearify_replication::{Group, NodeId};
use gearify_storage::{decode, disk, encode};
use std::path::Path;
use std::time::Duration;

const REPORT_WITHIN: Duration = Duration::from_secs(2);

impl Member {
    pub(super) async fn status(&self) -> ClusterStatus {
        let roster = self.roster.borrow().clone();
        let asked = roster.nodes.iter().map(|(node, record)| async move {
            let report = match record.state {
                NodeState::Removed => None,
                _ if *node == self.node().0 => Some(self.report().await),
                _ => self.report_of(NodeId(*node)).await,
            };
            NodeStatus {
                node: *node,
                region: record.region.clone(),
                address: record.address.clone(),
                state: record.state,
                report,
            }
        });
        let nodes = futures::future::join_all(asked).await;
        ClusterStatus { cluster: self.me.cluster().to_owned(), asked: self.node().0, nodes }
    }

    async fn report_of(&self, node: NodeId) -> Option<NodeReport> {
        let answer = self.net.request(node, encode(&PeerRequest::Report).into(), REPORT_WITHIN).await;
        decode(&answer.ok()?).ok()
    }

    pub(super) async fn report(&self) -> NodeReport {
        let dir = self.data_dir.clone();
        let sizes = tokio::task::spawn_blocking(move || {
            (bytes_in(&dir.join("log")), bytes_in(&dir.join("groups")), disk::free_bytes(&dir).unwrap_or(0))
        });
        let (log_bytes, state_bytes, free_bytes) = sizes.await.unwrap_or_default();
        NodeReport {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            now_ms: crate::backend::now().as_millis(),
            certificate_until: self.certificate_until(),
            log_bytes,
            state_bytes,
            free_bytes,
            newest: self.newest,
            groups: self
                .groups()
                .iter()
                .map(|(name, group)| ((*name).to_owned(), group_report(group, self.version_of(name))))
                .collect(),
        }
    }

    /// Whether this node is a member of every group, has caught up since its start, and is not behind.
    pub fn standing(&self) -> Result<String, String> {
        match self.state() {
            None => return Err("this node is not in the roster yet".into()),
            Some(NodeState::Active) => {}
            Some(NodeState::Draining) => return Err("this node is draining".into()),
            Some(NodeState::Removed) => return Err("this node was removed".into()),
        }
        if !self.may_sell() {
            return Err("catching up since the start".into());
        }
        if let Some(off_by) = self.clock_off_by() {
            return Err(format!("its clock differs from the others' by {off_by} ms"));
        }
        const BEHIND_MAX: u64 = 1_000;
        for (name, group) in self.groups() {
            let metrics = group.metrics();
            if group.is_observer() {
                // Cut off it is as good as any other for what it sells itself.
                if metrics.applied.unwrap_or(0) == 0 {
                    return Err(format!("nothing of {name} is here yet"));
                }
            } else if !metrics.voters.contains(&self.node()) && !metrics.learners.contains(&self.node()) {
                return Err(format!("not a member of {name} yet"));
            }
            let behind = metrics.last_log.unwrap_or(0).saturating_sub(metrics.applied.unwrap_or(0));
            if behind > BEHIND_MAX {
                return Err(format!("{behind} entries behind in {name}"));
            }
        }
        Ok(format!("node {} of cluster {}", self.node(), self.me.cluster()))
    }

    /// The version of the rules that a group's state follows here.
    fn version_of(&self, name: &str) -> Option<StateVersion> {
        if name == CLUSTER_GROUP_NAME {
            return Some(self.roster.borrow().version).filter(|version| *version > 0);
        }
        let backend = self.backend()?;
        let (_, handle) = backend.groups().find(|(key, _)| group_name(*key) == name)?;
        Some(version::of(&*handle.state))
    }
}

fn group_report(group: &Group, version: Option<StateVersion>) -> GroupReport {
    let metrics = group.metrics();
    let numbers = |nodes: &std::collections::BTreeSet<NodeId>| nodes.iter().map(|node| node.0).collect();
    GroupReport {
        leader: metrics.leader.map(|leader| leader.0),
        term: metrics.term,
        last_log: metrics.last_log.unwrap_or(0),
        committed: metrics.committed.unwrap_or(0),
        applied: metrics.applied.unwrap_or(0),
        snapshot: metrics.snapshot,
        voters: numbers(&metrics.voters),
        learners: numbers(&metrics.learners),
        is_changing: metrics.is_joint,
        is_observer: group.is_observer(),
        version,
    }
}

fn bytes_in(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() => bytes_in(&entry.path()),
        Ok(data) => data.len(),
        Err(_) => 0,
    };
    entries.flatten().map(of).sum()
}
