//! Writing a bundle from a frozen state and the history that belongs to it.

use super::{BLOBS, BundleError, EVENTS, HEAD, Head, PLAN, ROWS, WORK};
use crate::backend::GroupHandle;
use crate::snapshot::FROZEN_BYTES_MAX;
use crate::state::{Rows, read_applied};
use gearify_commerce::command::group_time;
use gearify_commerce::scope::scope_prefix;
use gearify_commerce::{GroupKind, ReadScope, Site, TenantId, bundle, catalog, tenants, version};
use gearify_storage::{BlobHash, ChunkWriter, ContentHash, EventReader, FrozenView, Reader, encode};
use serde::Serialize;
use std::io::Write;
use std::time::{Duration, Instant};

/// A part is ended by the row that passes this; with its longest value it still fits one log entry.
const PART_BYTES: usize = 128 << 10;
/// Rows and events read at once.
const PAGE: usize = 500;
/// Calls that one site owes, more than it ever has open.
const WORK_MAX: usize = 100_000;
/// How long the mover is waited for; it is a few milliseconds behind.
const HISTORY_WAIT: Duration = Duration::from_secs(30);
const HISTORY_PAUSE: Duration = Duration::from_millis(5);

/// The events of one site, in order.
pub trait History {
    /// Envelopes as they are stored, from number `from` on, at most `limit`, each with its number.
    fn page(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, BundleError>;
}

/// One group's part of a shop, at one moment.
pub struct GroupPart<'g> {
    pub group: GroupKind,
    pub tenant: TenantId,
    pub site: Site,
    /// The group's rows, and no others while they are read.
    pub rows: &'g dyn Reader,
    pub history: &'g dyn History,
    /// The last entry that the rows have in them.
    pub position: u64,
    pub keys_of: TenantId,
    /// What the shop shows, where the part is to name it.
    pub blobs: Vec<BlobHash>,
}

/// A bundle that was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exported {
    pub position: u64,
    pub digest: ContentHash,
}

/// Writes the bundle of one group's part of a shop.
pub fn export(part: &GroupPart<'_>, out: impl Write) -> Result<Exported, BundleError> {
    let owner = (part.tenant, part.site);
    let sequence = bundle::sequence(part.rows, owner);
    let head = Head {
        group: part.group,
        tenant: part.tenant,
        site: part.site,
        position: part.position,
        at: group_time(part.rows),
        state_version: version::of(part.rows),
        sequence,
        keys_of: part.keys_of,
    };
    let mut chunks = ChunkWriter::new(out)?;
    chunks.chunk(HEAD, &encode(&head))?;

    let mut rows = Parts::new(ROWS);
    let mut after: Option<Vec<u8>> = None;
    loop {
        let page = bundle::rows(part.rows, owner, after.as_deref(), PAGE)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(last.clone());
        for row in page {
            let bytes = row.0.len() + row.1.len();
            rows.add(&mut chunks, row, bytes)?;
        }
    }
    rows.end(&mut chunks)?;

    let mut events = Parts::new(EVENTS);
    let mut next = 1;
    while next <= sequence {
        let page = part.history.page(next, PAGE)?;
        if page.is_empty() {
            return Err(BundleError::EventMissing { wanted: next });
        }
        for (number, event) in page.into_iter().filter(|(number, _)| *number <= sequence) {
            if number != next {
                return Err(BundleError::EventMissing { wanted: next });
            }
            next += 1;
            let bytes = event.len();
            events.add(&mut chunks, event, bytes)?;
        }
    }
    events.end(&mut chunks)?;

    let mut plans = Parts::new(PLAN);
    let mut from = None;
    loop {
        let page = bundle::plan(part.rows, owner, from, PAGE)?;
        for plan in page.plans {
            plans.add(&mut chunks, plan, 32)?;
        }
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    plans.end(&mut chunks)?;

    let mut work = Parts::new(WORK);
    for owed in bundle::work(part.rows, owner, WORK_MAX)? {
        work.add(&mut chunks, owed, 32)?;
    }
    work.end(&mut chunks)?;

    let mut blobs = Parts::new(BLOBS);
    for blob in &part.blobs {
        blobs.add(&mut chunks, *blob, 32)?;
    }
    blobs.end(&mut chunks)?;
    let (_, digest) = chunks.finish()?;
    Ok(Exported { position: part.position, digest })
}

/// Writes the bundle of a group that runs here, as it is now. Blocks on the disk.
pub fn of_group(
    handle: &GroupHandle,
    (tenant, site): (TenantId, Site),
    keys_of: TenantId,
    blobs: Vec<BlobHash>,
    out: impl Write,
) -> Result<Exported, BundleError> {
    let view: FrozenView<Rows> = handle.state.engine().freeze(FROZEN_BYTES_MAX);
    let position = read_applied(&view)?.index;
    let until = Instant::now() + HISTORY_WAIT;
    while handle.history.position() < position {
        if Instant::now() > until {
            return Err(BundleError::Content("the history does not keep up with the state"));
        }
        std::thread::sleep(HISTORY_PAUSE);
    }
    let history = Stored { reader: &handle.history, stream: scope_prefix(tenant, site) };
    let group = handle.state.kind();
    let part = GroupPart { group, tenant, site, rows: &view, history: &history, position, keys_of, blobs };
    export(&part, out)
}

/// The pictures that a shop names: in its catalogue, and its logo.
pub fn blobs_of(world: &dyn Reader, catalogue: &dyn Reader, tenant: TenantId) -> Vec<BlobHash> {
    let logo = tenants::get(&ReadScope::new(world, tenant, Site::NONE));
    let logo = logo.and_then(|tenant| tenant.branding.value.logo);
    let view = ReadScope::new(catalogue, tenant, Site::NONE);
    let named = catalog::blobs(&view).chain(logo);
    let mut blobs: Vec<BlobHash> = named.filter_map(|hash| hash.as_str().parse().ok()).collect();
    blobs.sort_unstable();
    blobs.dedup();
    blobs
}

/// A site's stream in an event store.
pub(crate) struct Stored<'e> {
    pub reader: &'e EventReader,
    pub stream: [u8; 18],
}

impl History for Stored<'_> {
    fn page(&self, from: u64, limit: usize) -> Result<Vec<(u64, Vec<u8>)>, BundleError> {
        let rows = self.reader.read_stream(&self.stream, from, limit)?;
        Ok(rows.into_iter().map(|row| (row.seq, row.body.to_vec())).collect())
    }
}

/// Collects things of one kind into parts of bounded size.
struct Parts<T> {
    kind: u8,
    things: Vec<T>,
    bytes: usize,
}

impl<T: Serialize> Parts<T> {
    fn new(kind: u8) -> Parts<T> {
        Parts { kind, things: Vec::new(), bytes: 0 }
    }

    fn add(
        &mut self,
        chunks: &mut ChunkWriter<impl Write>,
        thing: T,
        bytes: usize,
    ) -> Result<(), BundleError> {
        self.things.push(thing);
        self.bytes += bytes;
        if self.bytes >= PART_BYTES { self.end(chunks) } else { Ok(()) }
    }

    fn end(&mut self, chunks: &mut ChunkWriter<impl Write>) -> Result<(), BundleError> {
        if !self.things.is_empty() {
            let part = postcard::to_allocvec(&self.things).expect("a bundle holds what postcard can write");
            chunks.chunk(self.kind, &part)?;
            self.things.clear();
            self.bytes = 0;
        }
        Ok(())
    }
}
