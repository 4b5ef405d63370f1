//! A site's bundle: everything that one group keeps of one shop, in one checked stream.
//!
//! The one format in which a shop is moved, restored, copied and handed out. It holds a head; the site's rows
//! (records, command records, sessions, counters) at one position; its events from the first on; its plans
//! and the calls it owes; and the names of the pictures it shows. A shop as a whole is several bundles, one
//! per group and site. Nothing in it is in the clear that was sealed in the state.
//!
//! Equal content gives an equal digest, wherever it is: a bundle that was brought elsewhere and is exported
//! again from there differs in its head only.

mod export;
mod import;

pub use export::{Exported, GroupPart, History, blobs_of, export, of_group};
pub use import::{Destination, ImportError, Place, Submitting, import};

use gearify_commerce::bundle::SiteRow;
use gearify_commerce::processes::schedule::{Due, Work};
use gearify_commerce::{GroupKind, Site, StateVersion, TenantId, Timestamp};
use gearify_storage::{
    BlobHash, ChunkError, ChunkReader, CodecError, ContentHash, EventStoreError, StorageError, decode,
};
use serde::{Deserialize, Serialize};
use std::io::{self, Read};

/// What the bundle is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub group: GroupKind,
    pub tenant: TenantId,
    pub site: Site,
    /// The last entry that the rows have in them.
    pub position: u64,
    /// That entry's time.
    pub at: Option<Timestamp>,
    /// Of the group's rules.
    pub state_version: StateVersion,
    /// The last number of the site's events.
    pub sequence: u64,
    /// Whose keys its sealed values and hashes are under.
    pub keys_of: TenantId,
}
gearify_storage::first_version!(Head);

/// What comes after the head, in bounded pieces.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Rows(Vec<SiteRow>),
    /// Envelopes as the history has them.
    Events(Vec<Vec<u8>>),
    Plan(Vec<(Timestamp, Due)>),
    Work(Vec<Work>),
    Blobs(Vec<BlobHash>),
}

const HEAD: u8 = 0;
const ROWS: u8 = 1;
const EVENTS: u8 = 2;
const PLAN: u8 = 3;
const WORK: u8 = 4;
const BLOBS: u8 = 5;

#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("the bundle can't be used: {0}")]
    Stream(#[from] ChunkError),
    #[error("the bundle can't be used: {0}")]
    Codec(#[from] CodecError),
    #[error("the bundle can't be used: {0}")]
    Content(&'static str),
    #[error("event {wanted} of the site is not in the history")]
    EventMissing { wanted: u64 },
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error(transparent)]
    Events(#[from] EventStoreError),
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

/// Reads a bundle part by checked part.
pub struct Bundle<R> {
    chunks: ChunkReader<R>,
    head: Head,
}

impl<R: Read> Bundle<R> {
    pub fn open(input: R) -> Result<Bundle<R>, BundleError> {
        let mut chunks = ChunkReader::new(input)?;
        match chunks.next_chunk()? {
            Some((HEAD, bytes)) => Ok(Bundle { chunks, head: decode(&bytes)? }),
            _ => Err(BundleError::Content("it has no head")),
        }
    }

    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The next part; `None` at the end of a whole bundle.
    pub fn next_part(&mut self) -> Result<Option<Part>, BundleError> {
        let Some((kind, bytes)) = self.chunks.next_chunk()? else { return Ok(None) };
        Ok(Some(match kind {
            ROWS => Part::Rows(read(&bytes)?),
            EVENTS => Part::Events(read(&bytes)?),
            PLAN => Part::Plan(read(&bytes)?),
            WORK => Part::Work(read(&bytes)?),
            BLOBS => Part::Blobs(read(&bytes)?),
            _ => return Err(BundleError::Content("it has a part of a kind that is not known here")),
        }))
    }

    pub fn digest(&self) -> ContentHash {
        self.chunks.digest()
    }
}

/// What a whole bundle holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    pub head: Head,
    pub rows: u64,
    pub events: u64,
    pub blobs: Vec<BlobHash>,
    /// Of everything in it, its head too.
    pub digest: ContentHash,
}

/// Reads a bundle to its end.
///
/// # Errors
/// The first thing wrong with it.
pub fn check(input: impl Read) -> Result<Summary, BundleError> {
    let mut bundle = Bundle::open(input)?;
    let (mut rows, mut events, mut blobs) = (0, 0, Vec::new());
    while let Some(part) = bundle.next_part()? {
        match part {
            Part::Rows(some) => rows += some.len() as u64,
            Part::Events(some) => events += some.len() as u64,
            Part::Blobs(some) => blobs.extend(some),
            Part::Plan(_) | Part::Work(_) => {}
        }
    }
    Ok(Summary { head: bundle.head.clone(), rows, events, blobs, digest: bundle.digest() })
}

fn read<'b, T: Deserialize<'b>>(bytes: &'b [u8]) -> Result<T, BundleError> {
    match postcard::take_from_bytes(bytes) {
        Ok((part, [])) => Ok(part),
        _ => Err(BundleError::Content("a part does not have the shape of its kind")),
    }
}
