//! Blobs: immutable bytes named by their hash.
//!
//! Files: `aa/bb…`, the first two digits of the hash and the other 62. A blob is written beside its
//! place, synced, renamed and its directory synced: when `put` returns, the bytes survive a power cut.
//! Invariant: `get` returns the bytes of that hash or an error, never others.
//! What nobody names is removed by [`BlobStore::sweep`], and only after a long while: see `sweep`. What is
//! only cached here is removed by [`BlobStore::evict`].

mod evict;
mod sweep;

pub use evict::Evicted;
pub use sweep::Swept;

use crate::disk;
use crate::hash::ContentHash;
use bytes::Bytes;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use sweep::Marks;

/// The name of a blob.
pub type BlobHash = ContentHash;

/// What can go wrong with a blob.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("a blob of {bytes} bytes is over the limit of {max}")]
    TooLarge { bytes: u64, max: u64 },
    #[error("no blob {hash} here")]
    Missing { hash: BlobHash },
    #[error("blob {hash} is damaged on disk")]
    Damaged { hash: BlobHash },
    #[error("input or output failed: {0}")]
    Io(#[from] io::Error),
}

/// A directory of blobs. Shared freely between threads.
#[derive(Clone, Debug)]
pub struct BlobStore {
    dir: PathBuf,
    blob_bytes_max: u64,
    /// Since when which blob has had no name; locked while one is put or removed.
    marks: Arc<Marks>,
}

impl BlobStore {
    /// Opens the directory, creating it where it is missing. `blob_bytes_max` bounds one blob.
    pub fn open(dir: &Path, blob_bytes_max: u64) -> Result<BlobStore, BlobError> {
        fs::create_dir_all(dir)?;
        for shelf in shelves(dir)? {
            remove_leftovers(&shelf)?;
        }
        let marks = Arc::new(Marks::open(dir)?);
        Ok(BlobStore { dir: dir.to_path_buf(), blob_bytes_max, marks })
    }

    /// Stores the bytes durably and returns their name. A blob already here is not written again,
    /// unless it is damaged: then this repairs it.
    ///
    /// # Errors
    /// [`BlobError::TooLarge`] before anything is written.
    pub fn put(&self, bytes: &[u8]) -> Result<BlobHash, BlobError> {
        let size = bytes.len() as u64;
        if size > self.blob_bytes_max {
            return Err(BlobError::TooLarge { bytes: size, max: self.blob_bytes_max });
        }
        let hash = BlobHash::of(bytes);
        if !self.renew(hash)? {
            self.write(hash, bytes)?;
        }
        Ok(hash)
    }

    /// Stores what another node took in under this name, whatever the own limit is.
    ///
    /// # Errors
    /// [`BlobError::Damaged`] before anything is written, if the bytes are not of that hash.
    pub fn put_named(&self, hash: BlobHash, bytes: &[u8]) -> Result<(), BlobError> {
        if BlobHash::of(bytes) != hash {
            return Err(BlobError::Damaged { hash });
        }
        if self.renew(hash)? { Ok(()) } else { self.write(hash, bytes) }
    }

    /// Makes sure that a blob which is here and whole stays for as long as a new one would; false if it
    /// has to be written.
    pub fn renew(&self, hash: BlobHash) -> Result<bool, BlobError> {
        self.marks.unmark(hash)?;
        match self.get(hash) {
            Ok(_) => {
                // Whoever wrote it may have been stopped, or may not be there yet, before syncing its name.
                self.sync_name(hash)?;
                Ok(true)
            }
            Err(BlobError::Missing { .. } | BlobError::Damaged { .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    fn write(&self, hash: BlobHash, bytes: &[u8]) -> Result<(), BlobError> {
        let path = self.path(hash);
        fs::create_dir_all(disk::parent(&path)?)?;
        disk::write_durably(&path, bytes)?;
        self.sync_name(hash)
    }

    /// At most `bytes_max` bytes from `offset` on, and the size of the whole. Not checked: whoever puts
    /// the parts together compares the hash.
    ///
    /// # Errors
    /// [`BlobError::Missing`].
    pub fn read_part(
        &self,
        hash: BlobHash,
        offset: u64,
        bytes_max: u64,
    ) -> Result<(u64, Vec<u8>), BlobError> {
        let mut file = fs::File::open(self.path(hash)).map_err(|failure| missing(failure, hash))?;
        let total = file.metadata()?.len();
        let mut part = Vec::new();
        file.seek(SeekFrom::Start(offset))?;
        file.take(bytes_max).read_to_end(&mut part)?;
        Ok((total, part))
    }

    /// The bytes of that hash, checked.
    ///
    /// # Errors
    /// [`BlobError::Missing`] and [`BlobError::Damaged`]: fetch it from a peer and `put` it.
    pub fn get(&self, hash: BlobHash) -> Result<Bytes, BlobError> {
        let bytes = fs::read(self.path(hash)).map_err(|failure| missing(failure, hash))?;
        if BlobHash::of(&bytes) != hash {
            return Err(BlobError::Damaged { hash });
        }
        Ok(bytes.into())
    }

    /// Whether a file of that name is here. Only `get` knows whether its bytes are right.
    pub fn contains(&self, hash: BlobHash) -> Result<bool, BlobError> {
        Ok(self.path(hash).try_exists()?)
    }

    /// Size in bytes, without reading the blob.
    ///
    /// # Errors
    /// [`BlobError::Missing`].
    pub fn len_bytes(&self, hash: BlobHash) -> Result<u64, BlobError> {
        Ok(fs::metadata(self.path(hash)).map_err(|failure| missing(failure, hash))?.len())
    }

    /// Removes a blob nobody refers to any more; false if it was not here.
    pub fn remove(&self, hash: BlobHash) -> Result<bool, BlobError> {
        match fs::remove_file(self.path(hash)) {
            Ok(()) => Ok(true),
            Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Every blob here, in the order of the hashes; for backup and for sweeping what is unreferenced.
    pub fn list(&self) -> Result<Vec<BlobHash>, BlobError> {
        let mut hashes = Vec::new();
        for shelf in shelves(&self.dir)? {
            for entry in fs::read_dir(&shelf)? {
                let (head, rest) = (shelf.file_name(), entry?.file_name());
                let text = head.and_then(|head| head.to_str()).zip(rest.to_str());
                hashes.extend(text.and_then(|(head, rest)| format!("{head}{rest}").parse::<BlobHash>().ok()));
            }
        }
        hashes.sort_unstable();
        Ok(hashes)
    }

    fn sync_name(&self, hash: BlobHash) -> Result<(), BlobError> {
        disk::sync_dir(disk::parent(&self.path(hash))?)?;
        Ok(disk::sync_dir(&self.dir)?)
    }

    fn path(&self, hash: BlobHash) -> PathBuf {
        let name = hash.to_string();
        let (shelf, rest) = name.split_at(2);
        self.dir.join(shelf).join(rest)
    }
}

fn missing(failure: io::Error, hash: BlobHash) -> BlobError {
    match failure.kind() {
        io::ErrorKind::NotFound => BlobError::Missing { hash },
        _ => failure.into(),
    }
}

/// The directories with two hexadecimal digits for a name.
fn shelves(dir: &Path) -> Result<Vec<PathBuf>, BlobError> {
    let mut shelves = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        if name.len() == 2 && entry.file_type()?.is_dir() {
            shelves.push(entry.path());
        }
    }
    Ok(shelves)
}

fn remove_leftovers(shelf: &Path) -> Result<(), BlobError> {
    for entry in fs::read_dir(shelf)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(disk::TEMPORARY_SUFFIX) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, BlobStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = BlobStore::open(dir.path(), 1_000).unwrap();
        (dir, store)
    }

    #[test]
    fn a_blob_is_found_under_its_hash() {
        let (dir, store) = store();
        let bat = store.put(b"picture of a bat").unwrap();
        let empty = store.put(b"").unwrap();
        assert_eq!(store.put(b"picture of a bat").unwrap(), bat);
        assert_eq!(bat, BlobHash::of(b"picture of a bat"));
        let name = bat.to_string();
        assert!(dir.path().join(&name[..2]).join(&name[2..]).is_file());
        let store = BlobStore::open(dir.path(), 1_000).unwrap();
        assert_eq!(store.get(bat).unwrap(), "picture of a bat");
        assert_eq!(store.get(empty).unwrap(), "");
        assert_eq!(store.len_bytes(bat).unwrap(), 16);
        assert!(store.contains(bat).unwrap());
        let mut both = [bat, empty];
        both.sort();
        assert_eq!(store.list().unwrap(), both);
    }

    #[test]
    fn an_unknown_or_removed_blob_is_missing() {
        let (_dir, store) = store();
        let hash = store.put(b"ball").unwrap();
        assert!(store.remove(hash).unwrap());
        assert!(!store.remove(hash).unwrap());
        assert!(!store.contains(hash).unwrap());
        assert!(matches!(store.get(hash), Err(BlobError::Missing { hash: named }) if named == hash));
        assert!(matches!(store.len_bytes(hash), Err(BlobError::Missing { .. })));
    }

    #[test]
    fn a_damaged_blob_is_an_error_until_it_is_put_again() {
        let (_dir, store) = store();
        let hash = store.put(b"gloves").unwrap();
        for damaged in [&b"glovez"[..], b"glove", b"gloves and more", b""] {
            fs::write(store.path(hash), damaged).unwrap();
            assert!(matches!(store.get(hash), Err(BlobError::Damaged { .. })));
        }
        store.put(b"gloves").unwrap();
        assert_eq!(store.get(hash).unwrap(), "gloves");
    }

    #[test]
    fn a_large_blob_is_refused_before_anything_is_written() {
        let (dir, store) = store();
        store.put(&[1; 1_000]).unwrap();
        let before = store.list().unwrap();
        let refusal = store.put(&[1; 1_001]).unwrap_err();
        assert_eq!(refusal.to_string(), "a blob of 1001 bytes is over the limit of 1000");
        assert_eq!(store.list().unwrap(), before);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn parts_put_together_are_the_whole_and_others_are_refused() {
        let (_dir, store) = store();
        let hash = store.put(&[7; 900]).unwrap();
        let mut whole = Vec::new();
        while whole.len() < 900 {
            let (total, part) = store.read_part(hash, whole.len() as u64, 256).unwrap();
            assert_eq!((total, part.len() <= 256 && !part.is_empty()), (900, true));
            whole.extend(part);
        }
        assert_eq!(store.read_part(hash, 2_000, 256).unwrap(), (900, Vec::new()));
        let (_other_dir, other) = self::store();
        assert!(matches!(other.put_named(hash, &whole[1..]), Err(BlobError::Damaged { .. })));
        assert!(matches!(other.read_part(hash, 0, 256), Err(BlobError::Missing { .. })));
        other.put_named(hash, &whole).unwrap();
        assert_eq!(other.get(hash).unwrap(), whole);
        // Another node's limit was higher.
        other.put_named(BlobHash::of(&[1; 1_001]), &[1; 1_001]).unwrap();
    }

    #[test]
    fn an_interrupted_write_leaves_nothing_after_the_next_start() {
        let (dir, store) = store();
        let hash = store.put(b"pads").unwrap();
        let half = disk::temporary_beside(&store.path(hash)).unwrap();
        fs::write(&half, b"pa").unwrap();
        assert_eq!(store.list().unwrap(), [hash]);
        BlobStore::open(dir.path(), 1_000).unwrap();
        assert!(!half.exists() && store.contains(hash).unwrap());
    }
}
