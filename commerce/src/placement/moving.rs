//! A site on its way from one shard to another.

use super::model::{ELSEWHERE, Elsewhere, LEFT, MOVES, SEATS, SITES};
use super::{LastStep, Left, Move, Refusal, Shard, SitePlace};
use crate::bundle::{ARRIVAL_TAG, ArrivalId, CLEAR_MAX, ELSEWHERE_TAG, SEQUENCE_TAG};
use crate::command::Reply;
use crate::ids::TenantId;
use crate::scope::{Scope, Site, View};
use crate::version;

type Owner = (TenantId, Site);

/// What stays where a site was: how far its events are numbered, its last arrival, and where it went.
const STAYING_TAGS: [u8; 3] = [SEQUENCE_TAG, ARRIVAL_TAG, ELSEWHERE_TAG];

pub fn intend(scope: &mut Scope<'_, '_>, owner: Owner, to: Shard) -> Result<Reply, Refusal> {
    if !scope.follows(version::BUNDLES) {
        return Err(Refusal::OldProgram);
    }
    if !SEATS.contains(scope, &to) {
        return Err(Refusal::UnknownShard { to });
    }
    let SitePlace { shard: from, .. } = SITES.get(scope, &owner).ok_or(Refusal::NotPlaced)?;
    match MOVES.get(scope, &owner) {
        Some(row) if row.to == to => return Ok(Reply::default()),
        Some(row) => return Err(Refusal::AlreadyMoving { to: row.to }),
        None if from == to => return Err(Refusal::AlreadyThere { to }),
        None => {}
    }
    MOVES.put(scope, &owner, &Move { from, to, arrival: None, last: None });
    Ok(Reply::default())
}

pub fn attempt(
    scope: &mut Scope<'_, '_>,
    owner: Owner,
    way: (Shard, Shard),
    arrival: ArrivalId,
) -> Result<Reply, Refusal> {
    let row = MOVES.get(scope, &owner).ok_or(Refusal::NotMoving)?;
    if (row.from, row.to) != way {
        // The shard that it would be carried to may hold it by now, and would be closed.
        return Err(Refusal::OtherWay { from: row.from, to: row.to });
    }
    if row.last.is_some() {
        return Err(Refusal::AlreadyPlaced);
    }
    if row.arrival > Some(arrival) {
        return Err(Refusal::OtherAttempt);
    }
    MOVES.put(scope, &owner, &Move { arrival: Some(arrival), ..row });
    Ok(Reply::default())
}

pub fn leave(scope: &mut Scope<'_, '_>, to: Shard) -> Result<Reply, Refusal> {
    match ELSEWHERE.get(scope, &()) {
        Some(gone) if gone.is_leaving && gone.to == to => return Ok(Reply::default()),
        Some(gone) => return Err(Refusal::Moved { to: gone.to }),
        None => {}
    }
    ELSEWHERE.put(scope, &(), &Elsewhere { to, is_leaving: true });
    let (owner, left) = (owner_of(scope), Left { at: scope.at() });
    scope.within(TenantId::PLATFORM, Site::NONE, |platform| LEFT.put(platform, &owner, &left));
    Ok(Reply::default())
}

pub fn placed(
    scope: &mut Scope<'_, '_>,
    owner: Owner,
    arrival: ArrivalId,
    since: u64,
    last: LastStep,
) -> Result<Reply, Refusal> {
    let row = MOVES.get(scope, &owner).ok_or(Refusal::NotMoving)?;
    if row.arrival != Some(arrival) {
        return Err(Refusal::OtherAttempt);
    }
    match row.last {
        Some(told) if told == last => return Ok(Reply::default()),
        Some(_) => return Err(Refusal::AlreadyPlaced),
        None => {}
    }
    let Move { from, to, .. } = row;
    SITES.put(scope, &owner, &SitePlace { shard: to, since });
    MOVES.put(scope, &owner, &Move { last: Some(last), ..row });
    for (shard, change) in [(from, -1), (to, 1)] {
        if let Some(mut seats) = SEATS.get(scope, &shard) {
            seats.sites = seats.sites.saturating_add_signed(change);
            SEATS.put(scope, &shard, &seats);
        }
    }
    // The first shard itself says `Leave` where it is left, and opens with the last step.
    if from != Shard::FIRST && to != Shard::FIRST {
        scope.within(owner.0, owner.1, |scope| {
            // It may have been here before, and not all of it is swept up yet.
            let is_leaving = ELSEWHERE.get(scope, &()).is_some_and(|elsewhere| elsewhere.is_leaving);
            ELSEWHERE.put(scope, &(), &Elsewhere { to, is_leaving });
        });
    }
    Ok(Reply::default())
}

pub fn settled(scope: &mut Scope<'_, '_>, owner: Owner, arrival: ArrivalId) -> Result<Reply, Refusal> {
    let Some(row) = MOVES.get(scope, &owner) else { return Ok(Reply::default()) };
    if row.arrival != Some(arrival) {
        return Err(Refusal::OtherAttempt);
    }
    if row.last.is_none() {
        return Err(Refusal::NotArrived);
    }
    MOVES.delete(scope, &owner);
    Ok(Reply::default())
}

pub fn sweep(scope: &mut Scope<'_, '_>) -> Result<Reply, Refusal> {
    let gone = ELSEWHERE.get(scope, &()).ok_or(Refusal::NotLeft)?;
    if !gone.is_leaving {
        return Ok(Reply::about(0, 0));
    }
    let removed = scope.clear(&STAYING_TAGS, CLEAR_MAX);
    if removed == 0 {
        ELSEWHERE.put(scope, &(), &Elsewhere { is_leaving: false, ..gone });
        let owner = owner_of(scope);
        scope.within(TenantId::PLATFORM, Site::NONE, |platform| LEFT.delete(platform, &owner));
    }
    Ok(Reply::about(removed as u128, 0))
}

fn owner_of(scope: &Scope<'_, '_>) -> Owner {
    (scope.tenant(), scope.site())
}
