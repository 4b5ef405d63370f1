//! One hash over a range of rows, to compare the state of two nodes.

use crate::table::{Reader, StorageError};

/// Rows held in memory at a time.
const CHUNK_ROWS: usize = 512;

/// blake3 over the rows with `from <= key < until` in key order; an empty `until` means "no end".
///
/// Equal rows give equal hashes, whatever the engine and whatever order they were written in. Lengths
/// are hashed before keys and values, so that no two different states give the same bytes.
///
/// ```
/// use gearify_storage::{Batch, Engine, MemoryEngine, state_hash::hash_rows};
/// let (one, other) = (MemoryEngine::new(), MemoryEngine::new());
/// let mut batch = Batch::new();
/// batch.put("cart/7", "one bat");
/// one.commit(batch)?;
/// assert_ne!(hash_rows(&one, b"", b"")?, hash_rows(&other, b"", b"")?);
/// assert_eq!(hash_rows(&one, b"order/", b"")?, hash_rows(&other, b"order/", b"")?);
/// # Ok::<(), gearify_storage::StorageError>(())
/// ```
pub fn hash_rows(reader: &dyn Reader, from: &[u8], until: &[u8]) -> Result<[u8; 32], StorageError> {
    let mut hasher = blake3::Hasher::new();
    let mut from = from.to_vec();
    loop {
        let rows = reader.scan(&from, until, CHUNK_ROWS)?;
        for (key, value) in &rows {
            hasher.update(&(key.len() as u64).to_le_bytes());
            hasher.update(&(value.len() as u64).to_le_bytes());
            hasher.update(key);
            hasher.update(value);
        }
        match rows.last() {
            Some((key, _)) if rows.len() == CHUNK_ROWS => from = [key, &[0][..]].concat(),
            _ => return Ok(hasher.finalize().into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sled_engine::{SledEngine, SledOptions};
    use crate::{Batch, Engine, MemoryEngine};
    use std::collections::BTreeSet;

    fn put(engine: &dyn Engine, key: &[u8], value: &[u8]) {
        let mut batch = Batch::new();
        batch.put(key, value);
        engine.commit(batch).unwrap();
    }

    #[test]
    fn order_of_writing_and_engine_do_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        let sled = SledEngine::open(dir.path(), SledOptions { cache_bytes: 8 << 20 }).unwrap();
        let memory = MemoryEngine::new();
        for n in 0..CHUNK_ROWS as u32 * 3 {
            put(&memory, &n.to_be_bytes(), b"row");
            put(&sled, &(CHUNK_ROWS as u32 * 3 - 1 - n).to_be_bytes(), b"row");
        }
        assert_eq!(hash_rows(&sled, b"", b"").unwrap(), hash_rows(&memory, b"", b"").unwrap());
        // The last row of a chunk, the first of the next and the very last all count.
        for n in [CHUNK_ROWS as u32 - 1, CHUNK_ROWS as u32, CHUNK_ROWS as u32 * 3 - 1] {
            put(&sled, &n.to_be_bytes(), b"other");
            assert_ne!(hash_rows(&sled, b"", b"").unwrap(), hash_rows(&memory, b"", b"").unwrap());
            put(&sled, &n.to_be_bytes(), b"row");
        }
        assert_eq!(hash_rows(&sled, b"", b"").unwrap(), hash_rows(&memory, b"", b"").unwrap());
    }

    #[test]
    fn different_states_differ() {
        let states: [&[(&str, &str)]; 6] = [
            &[],
            &[("", "")],
            &[("a", "b")],
            &[("ab", "")],
            &[("a", ""), ("b", "")],
            &[("a", "b"), ("b", "")],
        ];
        let mut seen = BTreeSet::new();
        for state in states {
            let engine = MemoryEngine::new();
            state.iter().for_each(|(key, value)| put(&engine, key.as_bytes(), value.as_bytes()));
            assert!(seen.insert(hash_rows(&engine, b"", b"").unwrap()));
        }
    }
}
