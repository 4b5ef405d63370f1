//! The in-memory twin of the sled engine, for tests and pure scenarios.

use crate::table::{Batch, Engine, Reader, Row, StorageError, bounds};
use bytes::Bytes;
use parking_lot::RwLock;
use std::collections::BTreeMap;

/// A key space held in a `BTreeMap`. Not durable; never used by a running node.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    rows: RwLock<BTreeMap<Bytes, Bytes>>,
}

impl MemoryEngine {
    pub fn new() -> MemoryEngine {
        MemoryEngine::default()
    }
}

impl Reader for MemoryEngine {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageError> {
        Ok(self.rows.read().get(key).cloned())
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        let Some(range) = bounds(from, until) else { return Ok(Vec::new()) };
        let rows = self.rows.read();
        Ok(rows.range::<[u8], _>(range).take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
    }

    fn scan_back(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<Row>, StorageError> {
        let Some(range) = bounds(from, until) else { return Ok(Vec::new()) };
        let rows = self.rows.read();
        Ok(rows.range::<[u8], _>(range).rev().take(limit).map(|(k, v)| (k.clone(), v.clone())).collect())
    }
}

impl Engine for MemoryEngine {
    fn commit(&self, batch: Batch) -> Result<(), StorageError> {
        batch.check_sizes()?;
        let mut rows = self.rows.write();
        for (key, value) in batch.iter() {
            match value {
                Some(value) => rows.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)),
                None => rows.remove(key),
            };
        }
        Ok(())
    }
}
