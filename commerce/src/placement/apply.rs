//! Seating shards and placing sites.

use super::model::{ELSEWHERE, Elsewhere, SEATS, SITES};
use super::moving;
use super::seating::{Seating, seating};
use super::{Command, Refusal, SHARDS_MAX, Seats, Shard, SitePlace, VOTERS, VOTERS_MAX};
use crate::command::Reply;
use crate::ids::TenantId;
use crate::scope::{Scope, Site, View};
use gearify_storage::table::prefix_end;
use std::collections::{BTreeMap, BTreeSet};

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Seat { shards, nodes } => seat(scope, *shards, nodes, VOTERS),
        Command::SeatWide { shards, nodes, voters } => seat(scope, *shards, nodes, *voters),
        Command::Place { tenant, site } => Ok(Reply::about(place(scope, *tenant, *site).0.into(), 0)),
        Command::Move { tenant, site, to } => moving::intend(scope, (*tenant, *site), *to),
        Command::Attempt { tenant, site, from, to, arrival } => {
            moving::attempt(scope, (*tenant, *site), (*from, *to), *arrival)
        }
        Command::Leave { to } => moving::leave(scope, *to),
        Command::Placed { tenant, site, arrival, since, last } => {
            moving::placed(scope, (*tenant, *site), *arrival, *since, *last)
        }
        Command::Settled { tenant, site, arrival } => moving::settled(scope, (*tenant, *site), *arrival),
        Command::Sweep => moving::sweep(scope),
    }
}

fn all_seats(view: &impl View) -> BTreeMap<Shard, Seats> {
    let number = |key: &[u8]| Shard(u16::from_be_bytes([key[0], key[1]]));
    SEATS.rows(view, &(), usize::MAX).into_iter().map(|(key, seats)| (number(&key), seats)).collect()
}

fn check_seats(now: &BTreeMap<Shard, Seats>, shards: u16, nodes: &[u64], voters: u8) -> Result<(), Refusal> {
    let have = now.len() as u16;
    match () {
        () if voters != VOTERS && voters != VOTERS_MAX => Err(Refusal::Voters),
        () if shards == 0 || shards > SHARDS_MAX => Err(Refusal::ShardsOutOfRange { max: SHARDS_MAX }),
        () if shards < have => Err(Refusal::FewerShards { shards: have }),
        () if nodes.is_empty() => Err(Refusal::NoNodes),
        () => Ok(()),
    }
}

fn seat(scope: &mut Scope<'_, '_>, shards: u16, nodes: &[u64], voters: u8) -> Result<Reply, Refusal> {
    let now = all_seats(scope);
    check_seats(&now, shards, nodes, voters)?;
    let nodes: BTreeSet<u64> = nodes.iter().copied().collect();
    let before: Seating =
        now.iter().map(|(shard, seats)| (*shard, seats.nodes.iter().copied().collect())).collect();
    let mut after = seating(shards, &nodes, voters.into(), &before);
    after.insert(Shard::FIRST, nodes);
    for (shard, nodes) in after {
        let old = now.get(&shard);
        let first = nodes.first().copied().unwrap_or_default();
        let seats = Seats {
            founder: old.map_or(first, |old| old.founder),
            sites: old.map_or(0, |old| old.sites),
            nodes: nodes.into_iter().collect(),
        };
        if old != Some(&seats) {
            SEATS.put(scope, &shard, &seats);
        }
    }
    Ok(Reply::default())
}

fn has_any(view: &impl View) -> bool {
    !view.scan_rows(view.prefix(), &prefix_end(view.prefix()), 1).is_empty()
}

/// The shard of a site: the one it has; the first, if it sold there before the region was divided; else the
/// one with fewest sites.
fn place(scope: &mut Scope<'_, '_>, tenant: TenantId, site: Site) -> Shard {
    if let Some(place) = SITES.get(scope, &(tenant, site)) {
        return place.shard;
    }
    let seats = all_seats(scope);
    let fewest = seats.iter().min_by_key(|(shard, seats)| (seats.sites, **shard));
    let Some((&fewest, _)) = fewest else { return Shard::FIRST };
    let has_rows = scope.within(tenant, site, |scope| has_any(scope));
    let shard = if has_rows { Shard::FIRST } else { fewest };
    SITES.put(scope, &(tenant, site), &SitePlace { shard, since: 0 });
    let mut seats = seats[&shard].clone();
    seats.sites += 1;
    SEATS.put(scope, &shard, &seats);
    if shard != Shard::FIRST {
        let elsewhere = Elsewhere { to: shard, is_leaving: false };
        scope.within(tenant, site, |scope| ELSEWHERE.put(scope, &(), &elsewhere));
    }
    shard
}
