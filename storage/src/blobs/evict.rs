//! Keeping a cache of blobs within bounds.
//!
//! What others keep anyway may go from here: it is fetched again when it is asked for. The one that was not
//! asked for longest goes first, by the time of its file; a machine's clock that jumps changes the order, and
//! nothing else.

use super::{BlobError, BlobHash, BlobStore, missing};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

/// A file's time is set anew at most this often, so that reading hardly ever writes.
const USED_ANEW: Duration = Duration::from_secs(3600);

/// What an eviction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    pub removed: usize,
    /// What stays of the blobs that might have gone.
    pub bytes_left: u64,
}

impl BlobStore {
    /// Says that a blob was asked for.
    ///
    /// # Errors
    /// [`BlobError::Missing`].
    pub fn used(&self, hash: BlobHash) -> Result<(), BlobError> {
        self.used_at(hash, SystemTime::now())
    }

    fn used_at(&self, hash: BlobHash, now: SystemTime) -> Result<(), BlobError> {
        let path = self.path(hash);
        let last = fs::metadata(&path).and_then(|data| data.modified());
        let last = last.map_err(|failure| missing(failure, hash))?;
        // A time in the future is set right.
        if now.duration_since(last).is_ok_and(|since| since < USED_ANEW) {
            return Ok(());
        }
        let file = File::options().append(true).open(&path).map_err(|failure| missing(failure, hash))?;
        Ok(file.set_modified(now)?)
    }

    /// Removes of the blobs in `cached` those that were not used longest, until the rest has at most
    /// `bytes_max` bytes.
    pub fn evict(&self, cached: &BTreeSet<BlobHash>, bytes_max: u64) -> Result<Evicted, BlobError> {
        let mut here = Vec::new();
        for hash in cached {
            match fs::metadata(self.path(*hash)).map_err(|failure| missing(failure, *hash)) {
                Ok(data) => here.push((data.modified()?, *hash, data.len())),
                Err(BlobError::Missing { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        here.sort_unstable();
        let mut evicted = Evicted { removed: 0, bytes_left: here.iter().map(|(.., bytes)| bytes).sum() };
        for (_, hash, bytes) in here {
            if evicted.bytes_left <= bytes_max {
                break;
            }
            self.remove(hash)?;
            evicted.removed += 1;
            evicted.bytes_left -= bytes;
        }
        Ok(evicted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_go_and_no_others() {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path(), 1_000).unwrap();
        let put = |byte: u8| store.put(&[byte; 100]).unwrap();
        let [own, first, second, third] = [0, 1, 2, 3].map(put);
        let cached = BTreeSet::from([first, second, third, BlobHash::of(b"elsewhere")]);
        let at = |hours: u64| SystemTime::now() + Duration::from_secs(hours * 3600);
        for (hash, hours) in [(own, 0), (second, 2), (third, 4), (first, 6)] {
            store.used_at(hash, at(hours)).unwrap();
        }
        // Asked for again soon, its time stays; later, it is the newest.
        store.used_at(second, at(2) + Duration::from_secs(60)).unwrap();
        assert_eq!(store.evict(&cached, 300).unwrap(), Evicted { removed: 0, bytes_left: 300 });
        assert_eq!(store.evict(&cached, 299).unwrap(), Evicted { removed: 1, bytes_left: 200 });
        assert!(!store.contains(second).unwrap() && store.get(first).is_ok() && store.get(third).is_ok());
        store.used_at(third, at(9)).unwrap();
        assert_eq!(store.evict(&cached, 150).unwrap(), Evicted { removed: 1, bytes_left: 100 });
        assert_eq!(store.evict(&cached, 0).unwrap(), Evicted { removed: 1, bytes_left: 0 });
        assert_eq!(store.list().unwrap(), [own]);
        assert!(matches!(store.used(third), Err(BlobError::Missing { .. })));
    }
}
