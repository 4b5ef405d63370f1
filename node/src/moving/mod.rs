//! Shops on their way from one shard of the region to another, while they sell.
//!
//! Whoever leads a shard carries away what shall leave it: an attempt copies the site's rows, follows what is
//! written to it meanwhile, says `Leave`, brings the rest and says `Placed` ([`carry`]). Only from `Leave` to the
//! last step nobody may write to the shop; whoever asks waits. An attempt that broke off, wherever, is begun anew
//! by whoever leads then. A while after the site has gone, what it left is swept up.

pub mod carry;
mod ground;

pub use self::ground::NodeGround;

use self::carry::CarryError;
use crate::backend::{GroupHandle, NodeBackend};
use crate::state::{GroupKey, group_name};
use gearify_commerce::bundle::ArrivalId;
use gearify_commerce::command::{CommandId, Keep};
use gearify_commerce::intent::{Intent, Request};
use gearify_commerce::placement::{self, Move};
use gearify_commerce::{Actor, Shard, Site, TenantId, ids};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often it is looked for sites that shall leave, and for what others have left.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// A node that hears late where a site is reads it where it was; for so long everything stays.
const SWEEP_AFTER_MS: i64 = 60_000;
/// Sites that are looked at in one round of sweeping.
const SWEPT_AT_ONCE: usize = 64;

/// A site, as it is named everywhere here.
pub type Owner = (TenantId, Site);

/// Carries away what shall leave the shards that this node leads, until it stops.
pub async fn run(backend: Arc<NodeBackend>, stop: CancellationToken) {
    tokio::select! {
        () = backend.shards().tend_each(|shard| tend(&backend, shard)) => {}
        () = stop.cancelled() => {}
    }
}

async fn tend(backend: &NodeBackend, shard: Shard) {
    let Some(handle) = backend.find(GroupKey::Region(shard)) else { return };
    let mut changes = backend.shards().watch();
    loop {
        changes.mark_unchanged();
        if handle.group.is_leader() {
            let placement = backend.shards().placement();
            let leaving = placement.moves.iter().filter(|(_, row)| row.from == shard);
            let mut is_held_up = false;
            for (owner, row) in leaving {
                is_held_up |= !go_on(backend, handle, *owner, *row).await;
            }
            sweep(backend, shard, handle).await;
            if is_held_up {
                // The attempt itself has changed what is watched.
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            changed = changes.changed() => if changed.is_err() { return },
        }
    }
}

/// One attempt, or what an earlier one has left to do; whether the site is where it shall be.
async fn go_on(backend: &NodeBackend, handle: &GroupHandle, owner: Owner, row: Move) -> bool {
    let Move { from, to, arrival, last } = row;
    let (tenant, shard) = (owner.0, group_name(GroupKey::Region(from)));
    let mut ground = NodeGround::new(backend, handle.clone(), owner, to);
    let done = match (arrival, last) {
        (Some(arrival), Some(last)) => carry::finish(&mut ground, owner, arrival, last).await,
        _ => {
            let fresh = ids::uuid_v7(backend.now(), rand::random());
            // Whatever the clocks say, a later attempt is greater.
            let arrival = ArrivalId(arrival.map_or(fresh, |before| fresh.max(before.0 + 1)));
            carry::carry(&mut ground, owner, (from, to), arrival).await
        }
    };
    match &done {
        Ok(()) => match ground.paused_for() {
            Some(paused) => {
                let paused_ms = paused.as_millis() as u64;
                tracing::info!(%tenant, from = shard, %to, paused_ms, "a shop has moved");
            }
            None => tracing::info!(%tenant, from = shard, %to, "a shop's move that broke off is over"),
        },
        Err(CarryError::Refused(refusal)) => {
            tracing::info!(%tenant, from = shard, %to, %refusal, "an attempt to move a shop was given up");
        }
        Err(error) => {
            tracing::warn!(%tenant, from = shard, %to, %error, "a shop has not moved yet; it is tried again");
        }
    }
    done.is_ok()
}

/// Removes what sites have left here that are elsewhere for good.
async fn sweep(backend: &NodeBackend, shard: Shard, handle: &GroupHandle) {
    for (owner, left) in placement::left(&*handle.state, SWEPT_AT_ONCE) {
        let placement = backend.shards().placement();
        let is_gone = placement.shard_of(owner.0, owner.1).is_some_and(|holder| holder != shard);
        let is_due = match placement.moves.get(&owner) {
            // It comes back, and finds the place clean.
            Some(row) => row.to == shard,
            None => backend.now().millis_since(left.at) >= SWEEP_AFTER_MS,
        };
        if !is_gone || !is_due {
            continue;
        }
        loop {
            let request = of_site(owner, placement::Command::Sweep);
            match backend.decide_in(GroupKey::Region(shard), &request).await.map(|decided| decided.result) {
                Ok(Ok(reply)) if reply.id != Some(0) => {}
                Ok(Ok(_)) => break,
                other => {
                    tracing::debug!(tenant = %owner.0, ?other, "what a shop has left stays for now");
                    return;
                }
            }
        }
    }
}

/// What the node itself asks about a site. Such commands act once by what they say, not by their id.
fn of_site((tenant, site): Owner, command: impl Into<Intent>) -> Request {
    Request {
        id: CommandId(rand::random()),
        keep: Keep::Nothing,
        hash: [0; 16],
        tenant,
        site,
        actor: Actor::System,
        intent: command.into(),
    }
}
