//! What a restored node does before it can serve: it takes its shards' seats, and erases again who was erased
//! after the moment that it is restored to.

use super::plan::Until;
use super::restore::{Maker, RestoreError, Source, Untils, build_all, off_the_loop};
use crate::bundle::{Destination, ImportError, Submitting};
use crate::core::Core;
use crate::state::GroupKey;
use gearify_commerce::bundle as arrivals;
use gearify_commerce::placement::Command::Seat;
use gearify_commerce::scope::scope_prefix;
use gearify_commerce::sealed::ERASED;
use gearify_commerce::{GroupKind, PersonId, ReadScope, Site, TenantId, Timestamp, version};
use gearify_storage::Reader;
use gearify_storage::table::prefix_end;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

/// People erased by one entry.
const FORGET_MAX: usize = 500;
/// Rows looked at once for the register.
const REGISTER_PAGE: usize = 2_000;
const LEADER_WAIT: Duration = Duration::from_secs(60);
const SEATED_PAUSE: Duration = Duration::from_millis(20);

type Owner = (TenantId, Site);

/// Somebody who was erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gone {
    group: GroupKind,
    owner: Owner,
    person: PersonId,
    at: Timestamp,
}

/// Everybody who is erased in the newest state that the archive has.
pub(super) async fn newest_register(source: &Source<'_>, dir: &Path) -> Result<Vec<Gone>, RestoreError> {
    let scratch = dir.join("newest");
    let mut register = Vec::new();
    for built in build_all(source, &Untils { all: Until::Newest, but: None }, &scratch).await? {
        let (group, state) = (built.key.kind(), built.state.clone());
        register.extend(off_the_loop(move || register_of(group, &*state)).await?);
    }
    std::fs::remove_dir_all(&scratch)?;
    Ok(register)
}

/// The register of one group, over all shops.
fn register_of(group: GroupKind, rows: &dyn Reader) -> Result<Vec<Gone>, RestoreError> {
    let mut register = Vec::new();
    let mut from = Vec::new();
    // From shop to shop: the first key after all of one site's names the next site.
    while let Some((key, _)) = rows.scan(&from, &[crate::state::LOCAL], 1)?.into_iter().next() {
        let Some(owner) = gearify_commerce::scope::owner_of(&key) else { break };
        let mut after = None;
        loop {
            let page = arrivals::erased(rows, owner, after, REGISTER_PAGE);
            after = page.last().map(|(person, _)| *person);
            register.extend(page.iter().map(|(person, at)| Gone { group, owner, person: *person, at: *at }));
            if page.len() < REGISTER_PAGE {
                break;
            }
        }
        from = prefix_end(&scope_prefix(owner.0, owner.1));
    }
    Ok(register)
}

/// Opens the new node once, with nobody to serve; answers how many people were erased again, as entries of its
/// own log.
pub(super) async fn settle_in(
    dir: &Path,
    register: Vec<Gone>,
    maker: &Maker<'_>,
) -> Result<u64, RestoreError> {
    let core = Core::start((maker.options)(dir)).await?;
    core.wait_for_leaders(LEADER_WAIT).await?;
    let told = match take_seats(&core).await {
        Ok(()) => tell_again(&core, register).await,
        Err(error) => Err(error),
    };
    core.stop().await;
    told
}

/// All shards of the region are this node's now, and no other node is placed anywhere.
async fn take_seats(core: &Core) -> Result<(), RestoreError> {
    let backend = core.backend();
    let me = core.node().id();
    let placement = core.shards.placement();
    if !placement.is_divided() {
        return Ok(());
    }
    let failed = |error: String| RestoreError::Unsettled(format!("its shards are not seated: {error}"));
    let seated = backend.seat(Seat { shards: placement.shards.len() as u16, nodes: vec![me.0] }).await;
    seated
        .map_err(|error| failed(format!("{error:?}")))?
        .result
        .map_err(|error| failed(error.to_string()))?;
    let until = Instant::now() + LEADER_WAIT;
    let leads = |shard| backend.is_leader(GroupKey::Region(shard));
    while !placement.shards.keys().all(|shard| leads(*shard)) {
        if Instant::now() > until {
            return Err(failed("not all of them have begun".into()));
        }
        tokio::time::sleep(SEATED_PAUSE).await;
    }
    Ok(())
}

async fn tell_again(core: &Core, register: Vec<Gone>) -> Result<u64, RestoreError> {
    let backend = core.backend();
    let mut missing: BTreeMap<(GroupKey, Owner), Vec<(PersonId, Timestamp)>> = BTreeMap::new();
    for Gone { group, owner: (tenant, site), person, at } in register {
        let key = match group {
            // Whoever bought in a shop that had not sold anything yet at that moment is not in there.
            GroupKind::Region => match core.shards.shard_of(tenant, site) {
                Some(shard) => GroupKey::Region(shard),
                None => continue,
            },
            shared => shared.into(),
        };
        let handle =
            backend.find(key).ok_or_else(|| RestoreError::Unsettled(format!("{key:?} is not here")))?;
        if !ERASED.contains(&ReadScope::new(&*handle.state, tenant, site), &person) {
            missing.entry((key, (tenant, site))).or_default().push((person, at));
        }
    }
    let mut told = 0;
    for ((key, (tenant, site)), people) in missing {
        let state = &backend.find(key).expect("it was looked into above").state;
        if version::of(&**state) < version::BUNDLES {
            let raised = backend.raise_version(key, version::BUNDLES).await;
            raised.map_err(|error| ImportError::Unreachable(format!("{error:?}")))?;
        }
        let mut destination = Submitting::new(backend, tenant, site);
        for some in people.chunks(FORGET_MAX) {
            let command = arrivals::Command::Forget { group: key.kind(), people: some.to_vec() };
            destination.step(command).await?;
            told += some.len() as u64;
        }
    }
    Ok(told)
}
