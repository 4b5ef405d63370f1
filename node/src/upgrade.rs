//! Raises the version of the groups' rules once every node that applies them knows the new ones.
//!
//! Programs are replaced node by node. A new one goes on with the rules that the groups follow; whoever leads
//! a group asks all nodes that apply its log which newest version they know, and proposes the least of them.
//! A node that does not answer may be an old one: nothing is raised until it does, or is removed. So it is with the
//! roster of the cluster, which all nodes have.

use crate::backend::GroupHandle;
use crate::backend::NodeBackend;
use crate::cluster::Member;
use crate::state::{GroupKey, group_name};
use gearify_commerce::{StateVersion, version};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often a leader that knows newer rules than its group follows asks the others.
const ASK_PAUSE: Duration = Duration::from_secs(2);

/// Looks after the versions of the groups that this node leads, until it stops.
pub async fn run(
    backend: Arc<NodeBackend>,
    member: Option<Arc<Member>>,
    newest: StateVersion,
    stop: CancellationToken,
) {
    let tending = async {
        loop {
            for (key, handle) in backend.groups() {
                tend(&backend, member.as_deref(), newest, (key, handle)).await;
            }
            if let Some(member) = &member {
                member.raise_roster().await;
            }
            tokio::time::sleep(ASK_PAUSE).await;
        }
    };
    tokio::select! {
        () = tending => {}
        () = stop.cancelled() => {}
    }
}

async fn tend(
    backend: &NodeBackend,
    member: Option<&Member>,
    newest: StateVersion,
    (key, handle): (GroupKey, &GroupHandle),
) {
    let follows = version::of(&*handle.state);
    if newest <= follows || !handle.group.is_leader() {
        return;
    }
    let all_know = match member {
        Some(member) => member.newest_known(key.kind()).await,
        None => Some(newest),
    };
    let Some(to) = all_know.map(|known| known.min(newest)).filter(|to| *to > follows) else { return };
    if let Err(error) = backend.raise_version(key, to).await {
        tracing::debug!(group = group_name(key), ?error, "the state's version was not raised yet");
    }
}
