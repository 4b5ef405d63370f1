//! What belongs to a site, for whoever takes it along.

use super::SiteRow;
use super::apply::OWN_TAGS;
use crate::ids::{PersonId, TenantId};
use crate::processes::schedule::{Due, Work};
use crate::scope::{self, ReadScope, SEQUENCE, Site};
use crate::sealed::{ERASED, Erased};
use crate::time::Timestamp;
use gearify_storage::table::prefix_end;
use gearify_storage::{Reader, StorageError};

/// The site's rows after `after` (a key as [`SiteRow`] has it), at most `limit`. Left out is what belongs to
/// the place and not to the site: how far its stream of events is, and its last arrival.
pub fn rows(
    reader: &dyn Reader,
    (tenant, site): (TenantId, Site),
    after: Option<&[u8]>,
    limit: usize,
) -> Result<Vec<SiteRow>, StorageError> {
    let prefix = scope::scope_prefix(tenant, site);
    let mut from = prefix.to_vec();
    if let Some(after) = after {
        from.extend_from_slice(after);
        from.push(0);
    }
    let until = prefix_end(&prefix);
    let mut rows = Vec::new();
    while rows.len() < limit {
        let page = reader.scan(&from, &until, limit)?;
        let is_last = page.len() < limit;
        if let Some((last, _)) = page.last() {
            from = [last, &[0][..]].concat();
        }
        let of_site = page.into_iter().map(|(key, row)| (key[prefix.len()..].to_vec(), row.to_vec()));
        rows.extend(of_site.filter(|(key, _)| travels(key)));
        if is_last {
            break;
        }
    }
    rows.truncate(limit);
    Ok(rows)
}

/// Whether a row, by its key after the scope's prefix, goes where its site goes.
pub fn travels(key: &[u8]) -> bool {
    key.first().is_some_and(|tag| !OWN_TAGS.contains(tag))
}

/// The last number given in the site's stream of events.
pub fn sequence(reader: &dyn Reader, (tenant, site): (TenantId, Site)) -> u64 {
    SEQUENCE.get(&ReadScope::new(reader, tenant, site), &()).unwrap_or_default().0
}

/// Some of a site's plans, and where to go on.
pub struct PlanPage {
    pub plans: Vec<(Timestamp, Due)>,
    pub next: Option<Vec<u8>>,
}

/// The site's plans among the next `limit` of all sites', from `from` on.
pub fn plan(
    reader: &dyn Reader,
    owner: (TenantId, Site),
    from: Option<Vec<u8>>,
    limit: usize,
) -> Result<PlanPage, StorageError> {
    let start = scope::due_table_prefix();
    let page = reader.scan(from.as_ref().unwrap_or(&start), &prefix_end(&start), limit)?;
    let next = page.last().filter(|_| page.len() == limit).map(|(key, _)| [key, &[0][..]].concat());
    let plans = page.iter().map(|(key, row)| scope::read_plan(key, row));
    let plans = plans.filter(|(of, ..)| *of == owner).map(|(_, at, due)| (at, due)).collect();
    Ok(PlanPage { plans, next })
}

/// Calls that the site still owes somebody outside, at most `limit`.
pub fn work(reader: &dyn Reader, owner: (TenantId, Site), limit: usize) -> Result<Vec<Work>, StorageError> {
    let from = scope::work_prefix_of(owner);
    let rows = reader.scan(&from, &prefix_end(&from), limit)?;
    Ok(rows.iter().map(|(_, row)| scope::read_row(row)).collect())
}

/// Who was erased in the site, after `after`, at most `limit`.
pub fn erased(
    reader: &dyn Reader,
    (tenant, site): (TenantId, Site),
    after: Option<PersonId>,
    limit: usize,
) -> Vec<(PersonId, Timestamp)> {
    let view = ReadScope::new(reader, tenant, site);
    ERASED
        .rows_after(&view, after.as_ref(), limit)
        .into_iter()
        .map(|(key, Erased { at })| {
            let bits = key.as_ref().try_into().map(u128::from_be_bytes);
            (PersonId::from_bits(bits.expect("a person's row is keyed by 16 bytes")), at)
        })
        .collect()
}
