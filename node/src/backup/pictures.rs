//! Pictures: those that shops name are in the archive, and of the others it says since when none does.

use super::archiver::{BackupError, Sources};
use super::names::Object;
use crate::blobs;
use gearify_storage::{BlobError, BlobHash};
use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

/// They are looked over this often, if what names them has changed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What a node does about pictures.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Duties {
    /// Ships those that this region's shops name.
    pub ships: bool,
    /// Notes those that no shop names any more.
    pub marks: bool,
}

pub(super) struct Pictures {
    sources: Sources,
    /// The entries of `world` and `catalogue` when they were last looked over, and what for, if all were there.
    seen: Option<((u64, u64), Duties)>,
    looked_at: Option<Instant>,
}

impl Pictures {
    pub fn new(sources: Sources) -> Pictures {
        Pictures { sources, seen: None, looked_at: None }
    }

    /// The next look is not put off.
    pub fn look_again(&mut self) {
        self.looked_at = None;
    }

    pub async fn keep(&mut self, duties: Duties) -> Result<(), BackupError> {
        let Sources { archive, states, .. } = &self.sources;
        let position = ((states.world.applied_index(), states.catalogue.applied_index()), duties);
        let is_rest = self.looked_at.is_some_and(|at| at.elapsed() < LOOK_EVERY);
        if self.seen == Some(position) || is_rest {
            return Ok(());
        }
        let (states, sources) = (states.clone(), self.sources.clone());
        let named = tokio::task::spawn_blocking(move || blobs::named(&states, |home| sources.is_home(home)));
        let named = named.await.map_err(io::Error::other)?;
        let there: BTreeSet<BlobHash> =
            archive.list(Some("blob")).await?.iter().filter_map(hash_of).collect();
        let mut is_whole = true;
        for hash in named.own.difference(&there).filter(|_| duties.ships) {
            is_whole &= self.ship(*hash).await?;
        }
        if duties.marks {
            self.mark(&there, &(&named.own | &named.foreign)).await?;
        }
        self.looked_at = Some(Instant::now());
        self.seen = is_whole.then_some(position);
        Ok(())
    }

    /// Says of what is in the archive since when no shop names it.
    async fn mark(&self, there: &BTreeSet<BlobHash>, named: &BTreeSet<BlobHash>) -> Result<(), BackupError> {
        let Sources { archive, clock, .. } = &self.sources;
        let marks = archive.list(Some("nameless")).await?;
        for mark in marks.iter().filter(|mark| hash_of(mark).is_some_and(|hash| named.contains(&hash))) {
            archive.remove(mark).await?;
        }
        let marked: BTreeSet<BlobHash> = marks.iter().filter_map(hash_of).collect();
        let since_ms = clock.now().as_millis();
        for hash in there.difference(named).filter(|hash| !marked.contains(hash)) {
            archive.put(&Object::Nameless { hash: *hash, since_ms }, &[]).await?;
        }
        Ok(())
    }

    /// Whether it was here to be shipped.
    async fn ship(&self, hash: BlobHash) -> Result<bool, BackupError> {
        let store = self.sources.blobs.clone();
        let read = tokio::task::spawn_blocking(move || store.get(hash)).await.map_err(io::Error::other)?;
        match read {
            Ok(bytes) => {
                self.sources.archive.put(&Object::Blob { hash }, &bytes).await?;
                Ok(true)
            }
            // It is on its way here, or mended from another node.
            Err(BlobError::Missing { .. } | BlobError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn hash_of(object: &Object) -> Option<BlobHash> {
    match object {
        Object::Blob { hash } | Object::Nameless { hash, .. } => Some(*hash),
        _ => None,
    }
}
