//! What a leader has to know about the machines below it before it lets something in: whether all that keep
//! a group have room, and whether its own clock may stamp entries.
//!
//! Looked at in the background; a decision reads what was seen last.

use crate::backend::NodeBackend;
use crate::cluster::Member;
use crate::room::{Disk, Room};
use crate::state::{GROUPS, group_name};
use gearify_commerce::GroupKind;
use gearify_replication::NodeId;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Between two looks at this node's own disk: even a small one does not fill in between.
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Between two questions to the nodes that keep the same.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// A disk that stays nearly full: the log may have something to give up by now.
const SHRINK_AGAIN: Duration = Duration::from_secs(600);

/// The state of the ground at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Footing {
    /// Groups that a node keeps which has too little disk left.
    pub full: BTreeSet<GroupKind>,
    /// This node's clock is not that of the others.
    pub clock_is_off: bool,
}

/// Looks on until the node stops.
pub async fn watch(
    backend: Arc<NodeBackend>,
    disk: Arc<Disk>,
    member: Option<Arc<Member>>,
    stop: CancellationToken,
) {
    tokio::select! {
        () = look_on(&backend, &disk, member.as_deref()) => {}
        () = stop.cancelled() => {}
    }
}

async fn look_on(backend: &NodeBackend, disk: &Disk, member: Option<&Member>) {
    let (mut asked_at, mut shrunk_at) = (None::<Instant>, None::<Instant>);
    loop {
        if let Err(error) = disk.look() {
            tracing::warn!(%error, "the disk can't be looked at, or the reserve not kept");
        }
        let room = disk.seen().0;
        if let Some(member) = member
            && asked_at.is_none_or(|at| at.elapsed() >= ASK_AGAIN)
        {
            member.exchange_pulses(room).await;
            asked_at = Some(Instant::now());
        }
        backend.set_footing(footing(backend, room, member));
        if room < Room::Full {
            shrunk_at = None;
        } else if shrunk_at.is_none_or(|at| at.elapsed() >= SHRINK_AGAIN) {
            shrink(backend).await;
            shrunk_at = Some(Instant::now());
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn footing(backend: &NodeBackend, room: Room, member: Option<&Member>) -> Footing {
    let full_elsewhere = member.map(Member::nodes_without_room).unwrap_or_default();
    let is_full = |kind: &GroupKind| {
        let metrics = backend.group(*kind).group.metrics();
        let mut kept_by = metrics.voters.union(&metrics.learners);
        room == Room::Full || kept_by.any(|node: &NodeId| full_elsewhere.contains(node))
    };
    Footing {
        full: GROUPS.into_iter().filter(is_full).collect(),
        clock_is_off: member.is_some_and(|member| member.clock_off_by().is_some()),
    }
}

/// A snapshot of each group lets its log give up what the snapshot covers.
async fn shrink(backend: &NodeBackend) {
    for (kind, handle) in backend.groups() {
        if let Err(error) = handle.group.trigger_snapshot().await {
            tracing::warn!(group = group_name(kind), %error, "no snapshot is begun");
        }
    }
}
