//! Removing blobs that nobody names.
//!
//! A blob is put before anything names it, so one without a name may be about to get one. It is marked when
//! a sweep first finds it nameless and removed by a sweep long after; whoever puts it again in between takes
//! the mark away first, on disk too. Marks and removals are under one lock: a blob that `put` has just found
//! here is not removed behind its back.
//!
//! Time is the caller's: that of the replicated state, so that no machine's clock can shorten the while.

use super::{BlobError, BlobHash, BlobStore};
use crate::disk;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Beside the shelves: a line per marked blob, its hash and the time in milliseconds.
const FILE: &str = "nameless";

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Without a name, and kept for now.
    pub nameless: usize,
    pub removed: usize,
}

#[derive(Debug)]
pub(super) struct Marks {
    path: PathBuf,
    since: Mutex<BTreeMap<BlobHash, i64>>,
}

impl Marks {
    pub(super) fn open(dir: &Path) -> Result<Marks, BlobError> {
        let path = dir.join(FILE);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => String::new(),
            Err(failure) => return Err(failure.into()),
        };
        // A line that can't be read marks nothing: that blob only stays longer.
        let mark = |line: &str| {
            let (hash, at) = line.split_once(' ')?;
            Some((hash.parse().ok()?, at.parse().ok()?))
        };
        Ok(Marks { path, since: Mutex::new(text.lines().filter_map(mark).collect()) })
    }

    pub(super) fn unmark(&self, hash: BlobHash) -> Result<(), BlobError> {
        let mut since = self.since.lock();
        if since.remove(&hash).is_some() {
            self.save(&since)?;
        }
        Ok(())
    }

    fn save(&self, since: &BTreeMap<BlobHash, i64>) -> Result<(), BlobError> {
        let text: String = since.iter().map(|(hash, at)| format!("{hash} {at}\n")).collect();
        Ok(disk::write_durably(&self.path, text.as_bytes())?)
    }
}

impl BlobStore {
    /// Marks the blobs in `here` that `named` lacks, and removes those marked `keep_ms` ago or earlier.
    /// `here` must have been listed before `named` was read: what is put and named in between is in neither.
    pub fn sweep(
        &self,
        here: &[BlobHash],
        named: &BTreeSet<BlobHash>,
        now_ms: i64,
        keep_ms: i64,
    ) -> Result<Swept, BlobError> {
        let mut since = self.marks.since.lock();
        let before = since.clone();
        let nameless: BTreeSet<BlobHash> =
            here.iter().filter(|hash| !named.contains(hash)).copied().collect();
        since.retain(|hash, _| nameless.contains(hash));
        let mut swept = Swept::default();
        for hash in nameless {
            let marked = *since.entry(hash).or_insert(now_ms);
            if now_ms.saturating_sub(marked) >= keep_ms {
                self.remove(hash)?;
                since.remove(&hash);
                swept.removed += 1;
            } else {
                swept.nameless += 1;
            }
        }
        if *since != before {
            self.marks.save(&since)?;
        }
        Ok(swept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: i64 = 1_000;

    fn swept(nameless: usize, removed: usize) -> Swept {
        Swept { nameless, removed }
    }

    #[test]
    fn a_blob_goes_when_it_had_no_name_for_long_and_not_when_it_was_put_again() {
        let dir = tempfile::tempdir().unwrap();
        let open = || BlobStore::open(dir.path(), 1_000).unwrap();
        let store = open();
        let (named, old, again) =
            (store.put(b"named").unwrap(), store.put(b"old").unwrap(), store.put(b"again").unwrap());
        let names = BTreeSet::from([named]);
        let sweep = |store: &BlobStore, now| store.sweep(&store.list().unwrap(), &names, now, KEEP).unwrap();
        assert_eq!(sweep(&store, 10), swept(2, 0));
        assert_eq!(sweep(&store, 10 + KEEP - 1), swept(2, 0));
        // The marks are kept over a restart, and so is that one was taken away.
        store.put(b"again").unwrap();
        let store = open();
        assert_eq!(sweep(&store, 10 + KEEP), swept(1, 1));
        assert_eq!(store.list().unwrap().len(), 2);
        assert!(!store.contains(old).unwrap() && store.contains(named).unwrap());
        assert!(store.contains(again).unwrap());
        assert_eq!(sweep(&store, 10 + 2 * KEEP), swept(0, 1));
    }

    #[test]
    fn a_name_given_late_saves_a_marked_blob() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path(), 1_000).unwrap();
        let late = store.put(b"late").unwrap();
        let here = store.list().unwrap();
        assert_eq!(store.sweep(&here, &BTreeSet::new(), 0, KEEP).unwrap(), swept(1, 0));
        assert_eq!(store.sweep(&here, &BTreeSet::from([late]), KEEP * 2, KEEP).unwrap(), swept(0, 0));
        assert_eq!(store.sweep(&here, &BTreeSet::new(), KEEP * 3, KEEP).unwrap(), swept(1, 0));
        assert!(store.contains(late).unwrap());
    }
}
