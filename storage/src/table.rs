//! The table traits every engine keeps: ordered bytes, range reads, one atomic batch.
//!
//! Invariant: a batch is visible and durable-as-the-engine-goes either whole or not at all.
//! Engines are rebuildable views of a replicated log; none of them is the only copy of anything.

use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::btree_map;
use std::ops::Bound;
use std::sync::Arc;

/// Longest value an engine takes, in bytes: sled keeps larger ones in files that it never syncs.
pub const VALUE_BYTES_MAX: usize = 60 * 1024;

/// Longest key an engine takes, in bytes. Keys are copied into the inner pages of the trees.
pub const KEY_BYTES_MAX: usize = 4 * 1024;

/// A key with its value.
pub type Row = (Bytes, Bytes);

/// What can go wrong below a table.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    #[error("input or output failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("the engine failed: {0}")]
    Engine(String),
    #[error("stored bytes are damaged: {0}")]
    Damaged(String),
    #[error("{path} is in use by another process")]
    InUse { path: String },
    #[error("SQLite failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("a {what} of {bytes} bytes is over the limit of {max}")]
    TooLarge { what: &'static str, bytes: usize, max: usize },
    #[error("the frozen view is lost: commits changed more than {bytes_max} bytes under it")]
    ViewLost { bytes_max: usize },
}

/// Reads of an ordered key space.
pub trait Reader: Send + Sync {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError>;

    /// Rows with `from <= key < until`, ascending, at most `limit`; an empty `until` means "no end".
    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError>;

    /// Rows with `from <= key < until`, descending, at most `limit`.
    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError>;
}

/// An ordered key space that takes atomic batches.
pub trait Engine: Reader {
    /// Applies the whole batch or nothing of it.
    ///
    /// # Errors
    /// [`StorageError::TooLarge`] before anything is written, if a key is longer than
    /// [`KEY_BYTES_MAX`] or a value longer than [`VALUE_BYTES_MAX`]; else the engine's own faults.
    fn commit(&self, batch: Batch) -> Result<(), StorageError>;
}

impl<R: Reader + ?Sized> Reader for Arc<R> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        (**self).get(key)
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        (**self).scan(from, until, limit)
    }

    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        (**self).scan_back(from, until, limit)
    }
}

impl<E: Engine + ?Sized> Engine for Arc<E> {
    fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        (**self).commit(batch)
    }
}

/// Puts and deletes that happen together. The last word on a key wins; iteration is in key order,
/// so that equal batches are equal bytes on every node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Batch {
    ops: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
}

impl Batch {
    pub fn new() -> Batch {
        Batch::default()
    }

    pub fn put(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.ops.insert(key.into(), Some(value.into()));
    }

    pub fn delete(&mut self, key: impl Into<Vec<u8>>) {
        self.ops.insert(key.into(), None);
    }

    /// The batch's word on a key: `None` if it says nothing, `Some(None)` for a delete.
    pub fn get(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.ops.get(key).map(|value| value.as_deref())
    }

    /// Operations in key order; a `None` value is a delete.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.ops.iter().map(|(key, value)| (key.as_slice(), value.as_deref()))
    }

    /// Operations with `from <= key < until`, ascending; an empty `until` means "no end".
    pub fn range<'b>(
        &'b self,
        from: &'b [u8],
        until: &'b [u8],
    ) -> btree_map::Range<'b, Vec<u8>, Option<Vec<u8>>> {
        let nothing = (Bound::Included(from), Bound::Excluded(from));
        self.ops.range::<[u8], _>(bounds(from, until).unwrap_or(nothing))
    }

    /// Refuses what no engine may take.
    ///
    /// # Errors
    /// [`StorageError::TooLarge`] for the first key or value over its limit.
    pub fn check_sizes(&self) -> Result<(), StorageError> {
        let check = |what, bytes, max| match bytes > max {
            true => Err(StorageError::TooLarge { what, bytes, max }),
            false => Ok(()),
        };
        for (key, value) in self.iter() {
            check("key", key.len(), KEY_BYTES_MAX)?;
            check("value", value.map_or(0, <[u8]>::len), VALUE_BYTES_MAX)?;
        }
        Ok(())
    }

    pub fn len(&self) -> usize {
        self.ops.len()
    }

    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }
}

pub(crate) type KeyBounds<'k> = (Bound<&'k [u8]>, Bound<&'k [u8]>);

/// The bounds of `from <= key < until`, where an empty `until` means "no end"; `None` for an empty range.
pub(crate) fn bounds<'k>(from: &'k [u8], until: &'k [u8]) -> Option<KeyBounds<'k>> {
    if until.is_empty() {
        return Some((Bound::Included(from), Bound::Unbounded));
    }
    (from < until).then_some((Bound::Included(from), Bound::Excluded(until)))
}

/// The first key after every key that starts with `prefix`; empty means "no end".
///
/// ```
/// use gearify_storage::table::prefix_end;
/// assert_eq!(prefix_end(b"ab"), b"ac");
/// assert_eq!(prefix_end(b"a\xff"), b"b");
/// assert_eq!(prefix_end(b"\xff"), b"");
/// ```
pub fn prefix_end(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    end
}
