//! How the parts of a node are.

use crate::backend::NodeBackend;
use crate::core::Core;
use crate::projectors::Board;
use crate::search::live::Live;
use crate::state::group_name;
use gearify_storage::disk;
use gearify_web::{Health, PartHealth};
use std::path::PathBuf;
use std::sync::Arc;

/// A node whose projections are further behind than this sends readers elsewhere.
const LAG_MAX: u64 = 10_000;
/// Below this a node takes no more work: soon it could not keep what it accepts.
const FREE_BYTES_MIN: u64 = 64 << 20;

pub struct NodeHealth {
    backend: Arc<NodeBackend>,
    board: Board,
    live: Live,
    data_dir: PathBuf,
}

impl NodeHealth {
    pub fn new(core: &Core, data_dir: PathBuf) -> NodeHealth {
        NodeHealth {
            backend: core.backend().clone(),
            board: core.board.clone(),
            live: core.live().clone(),
            data_dir,
        }
    }
}

impl Health for NodeHealth {
    fn parts(&self) -> Vec<PartHealth> {
        let mut parts = Vec::new();
        for (kind, handle) in self.backend.groups() {
            let leader = handle.group.leader();
            let detail = match leader {
                Some(leader) => format!("led by node {leader}, applied to {}", handle.group.applied_index()),
                None => "has no leader".to_owned(),
            };
            parts.push(PartHealth {
                part: format!("group {}", group_name(kind)),
                ready: leader.is_some(),
                detail,
            });
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
        parts.push(self.disk());
        parts
    }
}

impl NodeHealth {
    fn disk(&self) -> PartHealth {
        let (ready, detail) = match disk::free_bytes(&self.data_dir) {
            Ok(free) => (free >= FREE_BYTES_MIN, format!("{} MiB free", free >> 20)),
            Err(error) => (false, error.to_string()),
        };
        PartHealth { part: "disk".into(), ready, detail }
    }
}
