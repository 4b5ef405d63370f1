//! The leader's timer: proposes what falls due by the passing of time.
//!
//! Nothing changes by itself: commerce keeps a plan, and whoever leads a group looks at its first row.
//! A follower does nothing until it leads; a command proposed twice by two leaders runs what is due
//! once, because running it takes it off the plan.

use crate::backend::{NodeBackend, now};
use crate::state::{GroupKey, GroupState, group_name};
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::processes::schedule::{Command, DUE_MAX};
use gearify_commerce::{Actor, GroupKind, Site, TenantId, catalog, scope};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A plan is run at most this much late, even if no entry woke the timer.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Pause after a plan could not be run.
const RETRY: Duration = Duration::from_millis(500);

/// Runs the timers of a node until it stops.
pub async fn run(backend: Arc<NodeBackend>, stop: CancellationToken) {
    let shards = backend.shards();
    let regional = shards.tend_each(|shard| tend(&backend, GroupKey::Region(shard)));
    let timers = async { tokio::join!(tend(&backend, GroupKey::Catalogue), regional) };
    tokio::select! {
        _ = timers => {}
        () = stop.cancelled() => {}
    }
}

async fn tend(backend: &NodeBackend, key: GroupKey) {
    let Some(handle) = backend.find(key) else { return };
    let state = handle.state.clone();
    let mut applied = state.watch_applied();
    loop {
        applied.mark_unchanged();
        let wait = match handle.group.is_leader() {
            true => run_due(backend, key, &state).await,
            false => LOOK_AGAIN,
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            changed = applied.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
    }
}

/// Runs what is due and answers when to look again.
async fn run_due(backend: &NodeBackend, key: GroupKey, state: &GroupState) -> Duration {
    let due = scope::first_due(state);
    let left = due.map(|due| due.millis_since(now()));
    match left {
        Some(left) if left <= 0 => match backend.decide_in(key, &request(key.kind())).await {
            // There may be more: the applied entry wakes the timer at once.
            Ok(_) => LOOK_AGAIN,
            Err(error) => {
                tracing::debug!(group = group_name(key), ?error, "what is due was not run");
                RETRY
            }
        },
        Some(left) => Duration::from_millis(left as u64).min(LOOK_AGAIN),
        None => LOOK_AGAIN,
    }
}

fn request(kind: GroupKind) -> Request {
    let command = match kind {
        GroupKind::Region => Command::RunDue { limit: DUE_MAX }.into(),
        GroupKind::World | GroupKind::Catalogue => catalog::Command::RunDue { limit: DUE_MAX }.into(),
    };
    Request {
        id: CommandId(rand::random()),
        keep: Keep::Nothing,
        hash: [0; 16],
        tenant: TenantId::PLATFORM,
        site: Site::NONE,
        actor: Actor::System,
        intent: Intent::Ready(Box::new(command)),
    }
}
