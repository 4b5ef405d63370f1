//! One backup of a group: its history and its state as of one entry.

use super::archiver::{BackupError, Made, Sources};
use super::names::Object;
use super::segment::{Events, Manifest};
use super::store::OBJECT_BYTES;
use crate::backend::GroupHandle;
use crate::blobs;
use crate::snapshot::{self, FROZEN_BYTES_MAX};
use crate::state::{AppliedRow, GroupKey, group_name, read_applied};
use futures::{StreamExt, TryStreamExt};
use gearify_commerce::command::group_time;
use gearify_commerce::{StateVersion, version};
use gearify_storage::{ContentHash, EventPosition, EventReader, EventStoreError};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events read at once.
const EVENT_ROWS: usize = 1_000;
/// Objects on their way at a time: a store that is far away answers slowly, but to several at once.
const UNDER_WAY: usize = 4;
const HISTORY_WAIT: Duration = Duration::from_secs(30);
const HISTORY_PAUSE: Duration = Duration::from_millis(5);

/// A group's state of one moment, in a file.
struct Taken {
    applied: AppliedRow,
    /// The group's time then.
    time_ms: i64,
    state_version: StateVersion,
    file: File,
    bytes: u64,
}

/// Ships a group's history and state as they are now. `events_next` is the first entry whose events are not
/// in the archive yet.
pub(super) async fn back_up(
    sources: &Sources,
    key: GroupKey,
    handle: &GroupHandle,
    events_next: &mut u64,
) -> Result<Made, BackupError> {
    // Most of the history beforehand, so that the state's own moment has little to wait for.
    ship_events(sources, handle, events_next, handle.state.applied_index()).await?;
    let taken = take(sources, key, handle).await?;
    let (group, index) = (handle.group.id().0, taken.applied.index);
    ship_events(sources, handle, events_next, index).await?;
    // Never before any entry that is in it, whatever the clocks say.
    let at_ms = sources.clock.now().as_millis().max(taken.time_ms);
    let named = match key {
        GroupKey::Catalogue => {
            let states = sources.states.clone();
            let named = tokio::task::spawn_blocking(move || blobs::named(&states, |_| true)).await;
            named.map_err(io::Error::other)?.own.into_iter().collect()
        }
        _ => Vec::new(),
    };
    let of = |part| Object::Part { group, index, at_ms, part };
    let parts = ship_parts(sources, Arc::new(taken.file), taken.bytes, of).await?;
    let manifest = Manifest {
        cluster: sources.archive.cluster().to_owned(),
        master_key: sources.options.master_key.clone(),
        group,
        index,
        account: taken.applied.account,
        at_ms: taken.time_ms,
        state_hash: taken.applied.state_hash,
        state_version: taken.state_version,
        parts,
        bytes: taken.bytes,
        blobs: named,
    };
    sources.archive.put_record(&Object::Backup { group, index, at_ms }, &manifest).await?;
    let (group, bytes) = (group_name(key), manifest.bytes);
    tracing::info!(group, index, bytes, "a backup was made");
    Ok(Made { group: group.to_owned(), index, at_ms, bytes })
}

/// Writes the state to a file of this node first: its machine may have to wait for whoever reads the state,
/// and must not wait for a store that is far away.
async fn take(sources: &Sources, key: GroupKey, handle: &GroupHandle) -> Result<Taken, BackupError> {
    let (handle, scratch) = (handle.clone(), sources.options.scratch.clone());
    let taken = tokio::task::spawn_blocking(move || {
        let rows = handle.state.engine().sweep(FROZEN_BYTES_MAX);
        let applied = read_applied(rows.ahead())?;
        let time_ms = group_time(rows.ahead()).map_or(0, |at| at.as_millis());
        let state_version = version::of(rows.ahead());
        let source = snapshot::without_history(rows, applied.clone(), handle.history.clone());
        let file = nameless(&scratch, group_name(key))?;
        let mut out = BufWriter::new(file);
        source.write_to(&mut out)?;
        out.flush()?;
        let file = out.into_inner().map_err(|error| error.into_error())?;
        let bytes = file.metadata()?.len();
        Ok::<_, BackupError>(Taken { applied, time_ms, state_version, file, bytes })
    });
    taken.await.map_err(io::Error::other)?
}

/// A file that is gone when nobody has it open any more.
fn nameless(dir: &Path, name: &str) -> io::Result<File> {
    std::fs::create_dir_all(dir)?;
    let path: PathBuf = dir.join(name);
    let file = File::options().read(true).write(true).create(true).truncate(true).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// Ships a file in parts; answers their hashes.
pub(super) async fn ship_parts(
    sources: &Sources,
    file: Arc<File>,
    bytes: u64,
    of: impl Fn(u32) -> Object,
) -> Result<Vec<ContentHash>, BackupError> {
    let count = bytes.div_ceil(OBJECT_BYTES as u64) as u32;
    let shipping = (0..count).map(|part| {
        let (file, object) = (file.clone(), of(part));
        async move {
            let at = u64::from(part) * OBJECT_BYTES as u64;
            let length = (bytes - at).min(OBJECT_BYTES as u64) as usize;
            let read = tokio::task::spawn_blocking(move || {
                let mut part = vec![0; length];
                file.read_exact_at(&mut part, at).map(|()| part)
            });
            let part = read.await.map_err(io::Error::other)??;
            sources.archive.put(&object, &part).await?;
            Ok::<_, BackupError>(ContentHash::of(&part))
        }
    });
    futures::stream::iter(shipping).buffered(UNDER_WAY).try_collect().await
}

/// Ships the events of all entries up to and with `through` that are not there yet.
async fn ship_events(
    sources: &Sources,
    handle: &GroupHandle,
    next: &mut u64,
    through: u64,
) -> Result<(), BackupError> {
    let until = Instant::now() + HISTORY_WAIT;
    while handle.history.position() < through {
        if Instant::now() > until {
            return Err(BackupError::HistoryBehind);
        }
        tokio::time::sleep(HISTORY_PAUSE).await;
    }
    while *next <= through {
        let (reader, first) = (handle.history.clone(), *next);
        let read = tokio::task::spawn_blocking(move || read_events(&reader, first, through));
        let (events, last) = read.await.map_err(io::Error::other)??;
        let object = Object::Events { group: handle.group.id().0, first, last };
        sources.archive.put_record(&object, &events).await?;
        *next = last + 1;
    }
    Ok(())
}

/// The first entry whose events are not in the archive yet.
pub(super) async fn events_next(sources: &Sources, group: u16) -> Result<u64, BackupError> {
    let events = sources.archive.list(Some(&Object::events_of(group))).await?;
    Ok(events.into_iter().fold(1, |next, object| match object {
        Object::Events { first, last, .. } if first <= next => next.max(last + 1),
        _ => next,
    }))
}

/// About an object's worth of events from `first` on, those of each entry whole, and the last entry covered.
fn read_events(reader: &EventReader, first: u64, through: u64) -> Result<(Events, u64), EventStoreError> {
    let mut rows = Vec::new();
    let mut from = EventPosition::new(first, 0);
    let mut bytes = 0;
    loop {
        let page = reader.read(from, EVENT_ROWS)?;
        let is_past = page.last().is_some_and(|row| row.position.index > through);
        let is_all = page.len() < EVENT_ROWS || is_past;
        for row in page.into_iter().filter(|row| row.position.index <= through) {
            let begins_entry = row.position.n == 0;
            if begins_entry && bytes >= OBJECT_BYTES {
                return Ok((Events { rows }, row.position.index - 1));
            }
            bytes += row.body.len() + 64;
            from = row.position.next();
            rows.push(row.into());
        }
        if is_all {
            return Ok((Events { rows }, through));
        }
    }
}
