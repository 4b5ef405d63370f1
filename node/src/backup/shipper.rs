//! Shipping entries: what was committed is in the archive a second later.

use super::archiver::{BackupError, Sources};
use super::lag::Lag;
use super::names::Object;
use super::segment::{Entry, Segment};
use super::store::OBJECT_BYTES;
use crate::backend::GroupHandle;
use crate::state::{GroupKey, group_name};
use futures::StreamExt;
use futures::future::join_all;
use gearify_replication::FollowError;
use std::collections::BTreeMap;

/// Where a group's entries end in the archive.
#[derive(Clone, Copy, Debug, Default)]
struct End {
    /// The next entry to ship.
    next: u64,
    /// The time of the one before.
    at_ms: i64,
}

pub(super) struct Shipper {
    sources: Sources,
    lag: Lag,
    /// Of the groups that this node leads.
    ends: BTreeMap<GroupKey, End>,
}

impl Shipper {
    pub fn new(sources: Sources, lag: Lag) -> Shipper {
        Shipper { sources, lag, ends: BTreeMap::new() }
    }

    /// Ships the entries of all groups that this node leads, as far as they are applied.
    pub async fn ship_all(&mut self) -> Result<(), BackupError> {
        let led = self.sources.led();
        // Whoever led meanwhile has shipped on.
        self.ends.retain(|key, _| led.contains_key(key));
        self.lag.keep_only(|key| led.contains_key(&key));
        let (sources, lag) = (&self.sources, &self.lag);
        let shipping = led.into_iter().map(|(key, handle)| {
            let end = self.ends.get(&key).copied();
            async move {
                let mut end = end;
                let shipped = ship(sources, lag, key, &handle, &mut end).await;
                match &shipped {
                    Ok(()) => lag.shipped(key, end.map_or(0, |end| end.next.saturating_sub(1))),
                    Err(error) => lag.failed(key, error.to_string()),
                }
                (key, end, shipped)
            }
        });
        let mut failed = None;
        for (key, end, shipped) in join_all(shipping).await {
            self.ends.extend(end.map(|end| (key, end)));
            failed = shipped.err().or(failed);
        }
        self.lag.tell();
        failed.map_or(Ok(()), Err)
    }
}

/// Ships what a group has applied; `end` is as far as it came, however it ended.
async fn ship(
    sources: &Sources,
    lag: &Lag,
    key: GroupKey,
    handle: &GroupHandle,
    end: &mut Option<End>,
) -> Result<(), BackupError> {
    let (applied, group) = (handle.state.applied_index(), handle.group.id().0);
    if end.is_none_or(|end| end.next <= applied) {
        lag.waits(key);
    }
    let mut now = match *end {
        Some(end) => end,
        None => look(sources, group).await?,
    };
    *end = Some(now);
    let mut entries = handle.group.follow(now.next);
    while now.next <= applied {
        let (mut segment, mut bytes, begun) = (Segment { entries: Vec::new() }, 0, now);
        while now.next <= applied && bytes < OBJECT_BYTES {
            let entry = match entries.next().await {
                Some(Ok(entry)) => Entry::of(entry, now.at_ms),
                Some(Err(FollowError::Purged { first })) => {
                    let (group, next) = (group_name(key), now.next);
                    tracing::warn!(group, next, first, "entries left the log unarchived; a backup is made");
                    lag.has_gap(key, first - 1);
                    *end = Some(End { next: first, ..now });
                    return Ok(());
                }
                Some(Err(error)) => return Err(error.into()),
                None => return Err(BackupError::Stopped),
            };
            now = End { next: entry.index + 1, at_ms: entry.at_ms };
            bytes += entry.bytes();
            segment.entries.push(entry);
        }
        let (first, last) = (begun.next, now.next - 1);
        let object = Object::Log { group, first, last, from_ms: begun.at_ms, until_ms: now.at_ms };
        sources.archive.put_record(&object, &segment).await?;
        *end = Some(now);
    }
    Ok(())
}

/// Where this group's archive ends.
async fn look(sources: &Sources, group: u16) -> Result<End, BackupError> {
    let logs = sources.archive.list(Some(&Object::logs_of(group))).await?;
    Ok(logs.into_iter().fold(End::default(), |end, object| match object {
        Object::Log { last, until_ms, .. } => {
            End { next: end.next.max(last + 1), at_ms: end.at_ms.max(until_ms) }
        }
        _ => end,
    }))
}
