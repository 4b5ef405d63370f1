//! Bytes on disk: ordered tables with atomic batches, the raft log file, the event store, blobs,
//! and encryption at rest.
//!
//! This crate knows keys, values and files. It does *not* know what an order, a tenant or a raft
//! vote is; whoever calls it gives bytes their meaning.

pub mod codec;
pub mod disk;
pub mod lock;
pub mod memory;
pub mod sled_engine;
pub mod table;
pub mod tx;

pub use codec::{CodecError, Record, decode, encode};
pub use lock::DirLock;
pub use memory::MemoryEngine;
pub use sled_engine::{Opened, SetAside, SledEngine, SledOptions};
pub use table::{Batch, Engine, Reader, Row, StorageError};
pub use tx::Tx;
