//! Which members a group has and which it should have: one safe step at a time.
//!
//! The leader asks [`next_step`] again and again and does what it says. Each step leaves the group able to
//! work, and whatever a crash interrupts is where the next leader goes on: a change of voters that was
//! left half done is finished first.
//!
//! Voters are added only up to an odd count, because an even one needs a larger majority and survives no
//! more losses; they are never taken away except with their node.

use crate::group::{Group, MembershipError};
use crate::position::NodeId;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// More voters make every write wait for more disks and survive nothing likely.
pub const VOTERS_MAX: usize = 5;
/// A learner that lacks fewer entries than this is caught up: as a voter it will not hold up writes.
pub const CAUGHT_UP_ENTRIES: u64 = 1_000;
/// One step must be done by then; the next round sees how far it came.
const STEP_DEADLINE: Duration = Duration::from_secs(15);

/// The nodes that should be members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedMembers {
    pub members: BTreeSet<NodeId>,
    /// Those among them that are about to stop: they should not lead, nor begin to vote.
    pub resting: BTreeSet<NodeId>,
    /// Exactly these should vote, once each of them is caught up; `None` leaves the choice to the count.
    pub voters: Option<BTreeSet<NodeId>>,
}

/// The members as the leader sees them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenMembers {
    pub me: NodeId,
    /// Those of the newest change, should one be half done.
    pub voters: BTreeSet<NodeId>,
    pub learners: BTreeSet<NodeId>,
    /// Two sets of voters decide together: a change is half done.
    pub is_joint: bool,
    pub last_log: u64,
    /// The last entry each member is known to hold.
    pub matched: BTreeMap<NodeId, u64>,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberStep {
    AddLearner(NodeId),
    SetVoters(BTreeSet<NodeId>),
    RemoveLearners(BTreeSet<NodeId>),
    HandOver(NodeId),
}

/// `None` when the group has the members it should have.
pub fn next_step(wanted: &WantedMembers, seen: &SeenMembers) -> Option<MemberStep> {
    if seen.is_joint {
        return Some(MemberStep::SetVoters(seen.voters.clone()));
    }
    let is_new = |node: &&NodeId| !seen.voters.contains(node) && !seen.learners.contains(node);
    if let Some(missing) = wanted.members.iter().find(is_new) {
        return Some(MemberStep::AddLearner(*missing));
    }
    let target = target_voters(wanted, seen);
    let heir = heir(wanted, seen, &target);
    if target != seen.voters && !target.is_empty() {
        return match heir {
            Some(heir) if !target.contains(&seen.me) => Some(MemberStep::HandOver(heir)),
            _ => Some(MemberStep::SetVoters(target)),
        };
    }
    let leaving: BTreeSet<NodeId> = seen.learners.difference(&wanted.members).copied().collect();
    if !leaving.is_empty() {
        return Some(MemberStep::RemoveLearners(leaving));
    }
    if wanted.resting.contains(&seen.me) { heir.map(MemberStep::HandOver) } else { None }
}

fn target_voters(wanted: &WantedMembers, seen: &SeenMembers) -> BTreeSet<NodeId> {
    let mut target: BTreeSet<NodeId> = seen.voters.intersection(&wanted.members).copied().collect();
    if let Some(chosen) = &wanted.voters {
        let ready = |node: &NodeId| {
            target.contains(node) || (seen.learners.contains(node) && is_caught_up(seen, *node))
        };
        // All at once: one by one they would pass through even numbers.
        return if !chosen.is_empty() && chosen.iter().all(ready) { chosen.clone() } else { target };
    }
    let ready = |node: &&NodeId| {
        wanted.members.contains(node) && !wanted.resting.contains(node) && is_caught_up(seen, **node)
    };
    let candidates: Vec<NodeId> = seen.learners.iter().filter(ready).copied().collect();
    let most = (target.len() + candidates.len()).min(VOTERS_MAX);
    let odd = if most % 2 == 1 { most } else { most - most.min(1) };
    let room = odd.saturating_sub(target.len());
    target.extend(candidates.into_iter().take(room));
    target
}

/// The voter to whom leadership goes: the one that holds most.
fn heir(wanted: &WantedMembers, seen: &SeenMembers, target: &BTreeSet<NodeId>) -> Option<NodeId> {
    let fit = |node: &&NodeId| {
        **node != seen.me
            && target.contains(node)
            && !wanted.resting.contains(node)
            && is_caught_up(seen, **node)
    };
    seen.voters.iter().filter(fit).max_by_key(|node| seen.matched.get(node)).copied()
}

fn is_caught_up(seen: &SeenMembers, node: NodeId) -> bool {
    node == seen.me
        || seen.matched.get(&node).is_some_and(|matched| matched + CAUGHT_UP_ENTRIES >= seen.last_log)
}

impl Group {
    /// Does one step towards the members wanted, if this node leads; says which it was.
    ///
    /// # Errors
    /// If the step did not come about; asking again is safe.
    pub async fn reconcile(&self, wanted: &WantedMembers) -> Result<Option<MemberStep>, MembershipError> {
        if !self.is_leader() {
            return Ok(None);
        }
        let Some(step) = next_step(wanted, &self.seen_members()) else { return Ok(None) };
        let done = async {
            match &step {
                MemberStep::AddLearner(node) => self.begin_learner(*node).await,
                MemberStep::SetVoters(voters) => self.set_voters(voters.clone()).await,
                MemberStep::RemoveLearners(nodes) => self.remove_learners(nodes.clone()).await,
                MemberStep::HandOver(to) => self.transfer_leader(*to).await,
            }
        };
        tokio::time::timeout(STEP_DEADLINE, done).await.unwrap_or(Err(MembershipError::TimedOut))?;
        Ok(Some(step))
    }

    /// Hands leadership to the voter that holds most, if this node leads and there is another.
    pub async fn resign(&self) -> Result<(), MembershipError> {
        let seen = self.seen_members();
        if !self.is_leader() || seen.voters.len() < 2 {
            return Ok(());
        }
        let wanted = WantedMembers { members: seen.voters.clone(), ..WantedMembers::default() };
        match heir(&wanted, &seen, &seen.voters) {
            Some(heir) => self.transfer_leader(heir).await,
            None => Err(MembershipError::Refused { reason: "no other voter is caught up".into() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(numbers: &[u64]) -> BTreeSet<NodeId> {
        numbers.iter().copied().map(NodeId).collect()
    }

    /// Members that hold everything, led by the first voter.
    fn seen(voters: &[u64], learners: &[u64]) -> SeenMembers {
        let all = voters.iter().chain(learners).map(|node| (NodeId(*node), 5_000)).collect();
        SeenMembers {
            me: NodeId(voters[0]),
            voters: nodes(voters),
            learners: nodes(learners),
            is_joint: false,
            last_log: 5_000,
            matched: all,
        }
    }

    fn wanted(members: &[u64], resting: &[u64]) -> WantedMembers {
        WantedMembers { members: nodes(members), resting: nodes(resting), voters: None }
    }

    fn check(wanted: WantedMembers, seen: &SeenMembers, step: Option<MemberStep>) {
        assert_eq!(next_step(&wanted, seen), step, "{wanted:?} {seen:?}");
    }

    #[test]
    fn a_group_grows_by_learners_and_votes_in_odd_numbers() {
        check(wanted(&[1], &[]), &seen(&[1], &[]), None);
        check(wanted(&[1, 2], &[]), &seen(&[1], &[]), Some(MemberStep::AddLearner(NodeId(2))));
        check(wanted(&[1, 2], &[]), &seen(&[1], &[2]), None);
        check(wanted(&[1, 2, 3], &[]), &seen(&[1], &[2]), Some(MemberStep::AddLearner(NodeId(3))));
        let three = Some(MemberStep::SetVoters(nodes(&[1, 2, 3])));
        check(wanted(&[1, 2, 3], &[]), &seen(&[1], &[2, 3]), three);
        check(wanted(&[1, 2, 3, 4], &[]), &seen(&[1, 2, 3], &[4]), None);
        let five = Some(MemberStep::SetVoters(nodes(&[1, 2, 3, 4, 5])));
        check(wanted(&[1, 2, 3, 4, 5, 6], &[]), &seen(&[1, 2, 3], &[4, 5, 6]), five);
        check(wanted(&[1, 2, 3, 4, 5, 6], &[]), &seen(&[1, 2, 3, 4, 5], &[6]), None);
    }

    #[test]
    fn chosen_voters_take_over_together() {
        let chosen = |members: &[u64], voters: &[u64]| WantedMembers {
            voters: Some(nodes(voters)),
            ..wanted(members, &[])
        };
        let spread = || chosen(&[1, 2, 3, 4, 5, 6], &[1, 2, 4, 5, 6]);
        check(spread(), &seen(&[1, 2, 3], &[4, 5]), Some(MemberStep::AddLearner(NodeId(6))));
        let mut behind = seen(&[1, 2, 3], &[4, 5, 6]);
        behind.matched.remove(&NodeId(6));
        check(spread(), &behind, None);
        let five = Some(MemberStep::SetVoters(nodes(&[1, 2, 4, 5, 6])));
        check(spread(), &seen(&[1, 2, 3], &[4, 5, 6]), five);
        // Who no longer votes stays as a learner.
        check(spread(), &seen(&[1, 2, 4, 5, 6], &[]), Some(MemberStep::AddLearner(NodeId(3))));
        check(spread(), &seen(&[1, 2, 4, 5, 6], &[3]), None);
        // A leader that is not chosen hands over first.
        let third_leads = seen(&[3, 1, 2], &[4, 5, 6]);
        check(spread(), &third_leads, Some(MemberStep::HandOver(NodeId(2))));
    }

    #[test]
    fn nobody_votes_before_it_is_caught_up() {
        let mut behind = seen(&[1], &[2, 3]);
        behind.matched.insert(NodeId(3), 3_999);
        check(wanted(&[1, 2, 3], &[]), &behind, None);
        behind.matched.remove(&NodeId(3));
        check(wanted(&[1, 2, 3], &[]), &behind, None);
        behind.matched.insert(NodeId(3), 4_000);
        let three = Some(MemberStep::SetVoters(nodes(&[1, 2, 3])));
        check(wanted(&[1, 2, 3], &[]), &behind, three);
    }

    #[test]
    fn a_removed_node_goes_and_is_replaced_by_one_that_waits() {
        let two = Some(MemberStep::SetVoters(nodes(&[1, 3])));
        check(wanted(&[1, 3], &[]), &seen(&[1, 2, 3], &[]), two);
        let replaced = Some(MemberStep::SetVoters(nodes(&[1, 3, 4])));
        check(wanted(&[1, 3, 4], &[]), &seen(&[1, 2, 3], &[4]), replaced);
        let gone = Some(MemberStep::RemoveLearners(nodes(&[4])));
        check(wanted(&[1, 2, 3], &[]), &seen(&[1, 2, 3], &[4]), gone);
    }

    #[test]
    fn a_leader_that_is_removed_or_rests_hands_over_first() {
        let mut members = seen(&[1, 2, 3], &[]);
        members.matched.insert(NodeId(2), 4_990);
        check(wanted(&[2, 3], &[]), &members, Some(MemberStep::HandOver(NodeId(3))));
        check(wanted(&[1, 2, 3], &[1]), &members, Some(MemberStep::HandOver(NodeId(3))));
        check(wanted(&[1, 2, 3], &[1, 3]), &members, Some(MemberStep::HandOver(NodeId(2))));
        check(wanted(&[1, 2, 3], &[2]), &members, None);
        // Nobody is fit to lead: it stays.
        members.matched.clear();
        check(wanted(&[1, 2, 3], &[1]), &members, None);
        // The last voter can't be taken away by taking everything away.
        check(wanted(&[], &[]), &seen(&[1], &[]), None);
    }

    #[test]
    fn a_half_done_change_is_finished_before_anything_else() {
        let mut members = seen(&[1, 2, 3], &[4]);
        members.is_joint = true;
        let finish = Some(MemberStep::SetVoters(nodes(&[1, 2, 3])));
        check(wanted(&[1, 2, 3, 4, 5], &[]), &members, finish);
    }
}
