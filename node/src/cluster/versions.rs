//! Which versions of the rules all nodes know, and how the roster comes to follow a newer one.

use super::member::{Member, known_peers};
use super::messages::{NewestAnswer, PeerRequest, ProposeAnswer};
use super::roster::{Command, Refusal};
use gearify_commerce::{GroupKind, StateVersion, version};
use gearify_replication::{Group, NodeId, TransportError};
use gearify_storage::{decode, encode};
use std::time::Duration;

const ANSWER_WITHIN: Duration = Duration::from_secs(2);

impl Member {
    /// Whoever joins must know that much.
    pub(super) fn follows(&self) -> StateVersion {
        let backend = self.backend();
        let groups = backend.iter().flat_map(|backend| backend.groups());
        let versions = groups.map(|(_, handle)| version::of(&*handle.state));
        versions.max().unwrap_or(version::FIRST).max(self.roster.borrow().version)
    }

    /// Whether every node can read this command: the roster follows rules that have it, if need be from now on.
    ///
    /// # Errors
    /// What to answer instead of proposing it.
    pub(super) async fn require_known(&self, group: &Group, command: &Command) -> Result<(), ProposeAnswer> {
        let needs = command.since();
        let follows = || self.roster.borrow().version.max(version::FIRST);
        if needs <= follows() {
            return Ok(());
        }
        if !group.is_leader() {
            let leader = group.leader().map(|leader| leader.0);
            return Err(ProposeAnswer::NotLeader { leader });
        }
        self.raise_roster().await;
        match follows() {
            follows if needs <= follows => Ok(()),
            follows => Err(ProposeAnswer::Applied(Err(Refusal::TooEarly { follows, needs }))),
        }
    }

    /// As leader of the cluster group: the roster follows the newest rules that every node knows.
    pub async fn raise_roster(&self) {
        let (name, follows) = {
            let roster = self.roster.borrow();
            (roster.cluster.clone(), roster.version)
        };
        let leads = self.group().is_some_and(Group::is_leader);
        if !leads || name != self.me.cluster() || self.newest <= follows {
            return;
        }
        // Every node has the roster, as it has the world.
        let all_know = self.newest_known(GroupKind::World).await;
        // Programs before that version do not know that it can be raised.
        let Some(to) = all_know.filter(|to| *to > follows && *to >= version::ROSTER) else { return };
        let answer = Box::pin(self.propose_here(Command::Raise { to })).await;
        if !matches!(answer, ProposeAnswer::Applied(Ok(_))) {
            tracing::debug!("the roster's version was not raised yet");
        }
    }

    /// The newest version of the rules that every node knows which applies a group's log; `None` if one did
    /// not say.
    pub async fn newest_known(&self, group: GroupKind) -> Option<StateVersion> {
        let known = known_peers(&self.roster.borrow());
        let here = self.me.region();
        let others = known.into_iter().filter(|(node, peer)| {
            let applies = group != GroupKind::Region || peer.region == here;
            applies && !peer.is_removed && *node != self.node().0
        });
        let asked = others.map(|(node, _)| self.newest_known_by(NodeId(node)));
        let answers = futures::future::join_all(asked).await;
        answers.into_iter().try_fold(self.newest, |least, answer| Some(least.min(answer?)))
    }

    async fn newest_known_by(&self, node: NodeId) -> Option<StateVersion> {
        let request = encode(&PeerRequest::NewestKnown).into();
        match self.net.request(node, request, ANSWER_WITHIN).await {
            Ok(answer) => decode(&answer).ok().map(|NewestAnswer(newest)| newest),
            // It does not understand the question.
            Err(TransportError::Refused { .. }) => Some(version::FIRST),
            Err(_) => None,
        }
    }
}
