//! Reading what one wrote: positions as opaque tokens, and waiting for them.

use crate::app::AppState;
use crate::auth::{Cookie, cookie_value};
use crate::ports::Position;
use crate::ports_regions::Elsewhere;
use crate::problem::{Kind, Problem};
use crate::routes::Row;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Shard, TenantId, ids};
use http::HeaderMap;

/// Group, index and check bits in 128: `[version 4][group 4][epoch 24][index 64][check 32]`. Of a shard that is
/// not the region's first, version 2: its number is the highest byte of the index.
///
/// A token names the last write of one request; a request writes to one group.
pub fn encode_position(epoch: u32, position: Position) -> String {
    let group = match position.group {
        GroupKind::World => 1u128,
        GroupKind::Catalogue => 2,
        GroupKind::Region => 3,
    };
    let (version, index) = match position.shard {
        Shard::FIRST => (1u128, position.index),
        Shard(number) => (2, u64::from(number) << SHARD_AT | position.index & INDEX),
    };
    let body = version << 92 | group << 88 | u128::from(epoch & 0xff_ffff) << 64 | u128::from(index);
    ids::encode_base32(body << 32 | u128::from(check_bits(body)))
}

/// What [`encode_position`] wrote for the same cluster; nothing else.
pub fn decode_position(epoch: u32, text: &str) -> Option<Position> {
    let bits = ids::decode_base32(text)?;
    let (body, check) = (bits >> 32, bits as u32);
    let ours = check == check_bits(body) && (body >> 64) as u32 & 0xff_ffff == epoch & 0xff_ffff;
    let (shard, index) = match body >> 92 {
        1 => (Shard::FIRST, body as u64),
        2 => (Shard((body as u64 >> SHARD_AT) as u16), body as u64 & INDEX),
        _ => return None,
    };
    let group = match body >> 88 & 0xf {
        1 => GroupKind::World,
        2 => GroupKind::Catalogue,
        3 => GroupKind::Region,
        _ => return None,
    };
    ours.then_some(Position { group, shard, index })
}

/// Where the number of a shard stands in the index, and what is left of that.
const SHARD_AT: u32 = 56;
const INDEX: u64 = (1 << SHARD_AT) - 1;

fn check_bits(body: u128) -> u32 {
    let hash = blake3::hash(&body.to_be_bytes());
    u32::from_be_bytes([hash.as_bytes()[0], hash.as_bytes()[1], hash.as_bytes()[2], hash.as_bytes()[3]])
}

/// Does what `Gearify-Min-Position` and `Gearify-Consistency` ask for.
///
/// # Errors
/// `not-caught-up` if the position is not reached in time or too many wait; `malformed` for a token
/// that is none of ours.
pub async fn wait(state: &AppState, row: &Row, tenant: TenantId, headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(wanted) = wanted_position(state, headers)? {
        Box::pin(wait_for(state, tenant, wanted)).await?;
    }
    let Some(consistency) = headers.get("gearify-consistency") else { return Ok(()) };
    match consistency.to_str().unwrap_or_default() {
        "linearizable" if row.method.is_read() => Box::pin(barrier(state, tenant)).await,
        "linearizable" | "local" => Ok(()),
        _ => Err(Problem::new(Kind::Malformed).detail("Gearify-Consistency is linearizable or local.")),
    }
}

/// Which part of the time that a read may wait is waited before another node is asked.
const HERE_FIRST: u32 = 4;

/// A node that has the position which a read asks for, if it does not come here in a moment.
pub async fn find_ahead(state: &AppState, tenant: TenantId, headers: &HeaderMap) -> Option<Elsewhere> {
    let wanted = wanted_position(state, headers).ok()??;
    let here = state.backend.position(wanted.group, tenant);
    // Of another shard, which is nothing to be waited for: the shop has moved.
    if here.shard != wanted.shard || here.index >= wanted.index {
        return None;
    }
    let _place = state.limits.waiting_reads.try_acquire().ok()?;
    let moment = state.settings.waiting_read_timeout / HERE_FIRST;
    if Box::pin(state.backend.wait_for(wanted, moment)).await {
        return None;
    }
    state.regions.ahead(wanted)
}

fn wanted_position(state: &AppState, headers: &HeaderMap) -> Result<Option<Position>, Problem> {
    let epoch = state.settings.cluster_epoch;
    if let Some(value) = headers.get("gearify-min-position") {
        let position = value.to_str().ok().and_then(|text| decode_position(epoch, text.trim()));
        let malformed = || {
            Problem::new(Kind::Malformed).detail("Gearify-Min-Position is not a position of this cluster.")
        };
        return position.map(Some).ok_or_else(malformed);
    }
    // A browser may bring a position from before a restore: it is not believed rather than refused.
    Ok(cookie_value(headers, Cookie::Position).and_then(|text| decode_position(epoch, text)))
}

async fn wait_for(state: &AppState, tenant: TenantId, wanted: Position) -> Result<(), Problem> {
    let here = state.backend.position(wanted.group, tenant);
    if here.shard == wanted.shard && here.index >= wanted.index {
        return Ok(());
    }
    let behind = || Problem::new(Kind::NotCaughtUp).retry_after(1);
    let _place = state.limits.waiting_reads.try_acquire().map_err(|_| behind())?;
    if here.shard != wanted.shard {
        // Either it is there now and this node has not heard of it, or it was there before.
        if !state.backend.know_places().await {
            return Err(behind());
        }
        if state.backend.position(wanted.group, tenant).shard != wanted.shard {
            // Where it is now it brought everything along.
            return Ok(());
        }
    }
    let reached = state.backend.wait_for(wanted, state.settings.waiting_read_timeout).await;
    if reached { Ok(()) } else { Err(behind()) }
}

async fn barrier(state: &AppState, tenant: TenantId) -> Result<(), Problem> {
    // A page or record is read from up to three groups; all of them have to be current.
    for group in [GroupKind::World, GroupKind::Catalogue, GroupKind::Region] {
        if !state.backend.read_barrier(group, tenant).await {
            return Err(Problem::new(Kind::Unavailable).retry_after(1));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_survives_its_text_and_nothing_else_does() {
        let places = [
            (GroupKind::World, Shard::FIRST, u64::MAX - 7),
            (GroupKind::Catalogue, Shard::FIRST, 1),
            (GroupKind::Region, Shard::FIRST, u64::MAX),
            (GroupKind::Region, Shard(63), INDEX),
        ];
        for (group, shard, index) in places {
            let position = Position { group, shard, index };
            let text = encode_position(5, position);
            assert_eq!(decode_position(5, &text), Some(position));
            assert_eq!(decode_position(6, &text), None, "another cluster's");
            let mut changed = text.into_bytes();
            changed[8] = if changed[8] == b'0' { b'1' } else { b'0' };
            assert_eq!(decode_position(5, std::str::from_utf8(&changed).unwrap()), None);
        }
    }
}
