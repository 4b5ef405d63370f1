//! A request decided by the leader of its group: facts are added, the entry proposed, the reply awaited.

use super::{GroupHandle, NodeBackend, of_platform, position};
use crate::forward::Undecided;
use crate::state::GroupKey;
use bytes::Bytes;
use gearify_commerce::facts::{self, Desk};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::{Command, GroupKind, Outcome, ReadScope, Refusal, Stamped, StateVersion};
use gearify_commerce::{bundle, command, placement, version};
use gearify_replication::ProposeError;
use gearify_storage::failpoint::{self, Failpoint};
use gearify_storage::{decode, encode};
use gearify_web::ports::{Decided, SubmitError};
use std::panic::AssertUnwindSafe;

/// How often facts are added to one request.
const FACT_ROUNDS: usize = 3;
impl NodeBackend {
    /// Decides a request as the leader of its group; a node that does not lead says so.
    pub async fn decide(&self, request: &Request) -> Result<Decided, Undecided> {
        match self.key_of(request) {
            Some(key) => self.decide_in(key, request).await,
            None => Err(Undecided::NotLeader { leader: None }),
        }
    }

    /// As [`NodeBackend::decide`], in a group that is known.
    pub async fn decide_in(&self, key: GroupKey, request: &Request) -> Result<Decided, Undecided> {
        let handle = self.find(key).ok_or(Undecided::NotLeader { leader: None })?;
        if let Some(refusal) = closed(handle, request) {
            // Before anything is looked up here: what is here may be old, gone, or not all there yet.
            return Err(SubmitError::Refused(refusal).into());
        }
        let (mut round, mut is_confirmed) = (1, false);
        loop {
            if let Some(decided) = self.earlier(handle, request) {
                return Ok(decided);
            }
            if !handle.group.is_leader() {
                return Err(Undecided::NotLeader { leader: handle.group.leader() });
            }
            let kind = request.intent.group();
            let footing = self.footing.load();
            if footing.clock_is_off {
                // It is about to hand over.
                return Err(Undecided::NotLeader { leader: None });
            }
            if footing.full.contains(&kind) && request.intent.grows() {
                return Err(SubmitError::NoRoom.into());
            }
            drop(footing);
            let turn = (kind == GroupKind::Catalogue).then(|| self.catalogue_turns.take(request.tenant));
            if matches!(turn, Some(None)) {
                return Err(SubmitError::Overloaded.into());
            }
            let stamped = match self.stamped(handle, request) {
                Ok(stamped) => stamped,
                Err(refusal) if is_confirmed => return Err(SubmitError::Refused(refusal).into()),
                Err(_) => {
                    // A leader that was cut off or stood still may be the last to know what is true by now.
                    Box::pin(handle.group.read_barrier())
                        .await
                        .map_err(|_| Undecided::NotLeader { leader: None })?;
                    is_confirmed = true;
                    continue;
                }
            };
            let decided = self.propose(handle, &stamped).await?;
            let is_stale = matches!(&decided.result, Err(refusal) if facts::is_stale(refusal));
            if !is_stale || round == FACT_ROUNDS {
                return Ok(decided);
            }
            round += 1;
        }
    }

    /// As leader: the group follows the rules of version `to` from here on.
    pub async fn raise_version(&self, group: impl Into<GroupKey>, to: StateVersion) -> Result<(), Undecided> {
        let key = group.into();
        let handle = self.find(key).ok_or(Undecided::NotLeader { leader: None })?;
        let stamped = version::raise(key.kind(), to, self.clock.now());
        self.propose(handle, &stamped).await.map(drop)
    }

    /// Facts for a group's commands; of the region, those of the shard.
    fn desk<'a>(&'a self, handle: &'a GroupHandle) -> Desk<'a> {
        let region = match handle.state.kind() {
            GroupKind::Region => &handle.state,
            _ => self.state(GroupKind::Region),
        };
        Desk {
            now: self.clock.now(),
            seed: (self.seeds)(),
            vault: &*self.vault,
            world: &**self.state(GroupKind::World),
            catalogue: &**self.state(GroupKind::Catalogue),
            region: &**region,
        }
    }

    /// The answer to an earlier request with this id, if it was decided.
    fn earlier(&self, handle: &GroupHandle, request: &Request) -> Option<Decided> {
        let view = ReadScope::new(&*handle.state, request.tenant, request.site);
        let Outcome { result, replayed } = command::earlier(&view, request.id, request.keep, &request.hash)?;
        // Read after the record was found: it is at or before this position.
        Some(Decided { result, replayed, position: position(handle, handle.state.applied_index()) })
    }

    /// The request with its facts; a refusal that needs no entry.
    fn stamped(&self, handle: &GroupHandle, request: &Request) -> Result<Stamped, Refusal> {
        let stamped = facts::complete(request, &self.desk(handle))?;
        match self.foresee(handle, request, &stamped) {
            Some(refusal) if !facts::is_stale(&refusal) => Err(refusal),
            _ => Ok(stamped),
        }
    }

    /// What the entry would refuse. State that moves while it is looked at may look impossible; what comes of
    /// that is left to the entry.
    fn foresee(&self, handle: &GroupHandle, request: &Request, stamped: &Stamped) -> Option<Refusal> {
        let look = AssertUnwindSafe(|| facts::foresee(request, stamped, &self.desk(handle)));
        std::panic::catch_unwind(look).unwrap_or_default()
    }

    async fn propose(&self, handle: &GroupHandle, stamped: &Stamped) -> Result<Decided, Undecided> {
        let proposed = handle.group.propose(Bytes::from(encode(stamped))).await;
        let proposed = proposed.map_err(|error| match error {
            ProposeError::NotLeader { leader } => Undecided::NotLeader { leader },
            ProposeError::Unknown => SubmitError::Unknown.into(),
            ProposeError::Overloaded => SubmitError::Overloaded.into(),
            ProposeError::Stopped => SubmitError::Unavailable.into(),
            ProposeError::TooLarge { bytes, bytes_max } => {
                tracing::error!(bytes, bytes_max, "a command is larger than an entry may be");
                SubmitError::Overloaded.into()
            }
        })?;
        failpoint::reach(Failpoint::Decided);
        let outcome: Outcome = decode(&proposed.reply)
            .expect("the machine of this process wrote the reply with the same program");
        let position = position(handle, proposed.position.index);
        Ok(Decided { result: outcome.result, replayed: outcome.replayed, position })
    }

    /// As leader of the first shard: how the region's shards are seated.
    pub async fn seat(&self, command: placement::Command) -> Result<Decided, Undecided> {
        self.decide(&of_platform(command)).await
    }
}

/// Why a shard does not decide for a site that is not in it, or not open yet.
fn closed(handle: &GroupHandle, request: &Request) -> Option<Refusal> {
    if request.intent.group() != GroupKind::Region {
        return None;
    }
    let command = match &request.intent {
        Intent::Ready(command) => Some(&**command),
        _ => None,
    };
    let view = ReadScope::new(&*handle.state, request.tenant, request.site);
    if let Some(to) = placement::closed(&view, command) {
        return Some(placement::Refusal::Moved { to }.into());
    }
    let brings = matches!(command, Some(Command::Bundle(_) | Command::Version(_)));
    (!brings && bundle::is_arriving(&view)).then(|| bundle::Refusal::Arriving.into())
}
