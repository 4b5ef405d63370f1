//! Bytes on disk: ordered tables with atomic batches, the raft log file, the event store, blobs,
//! and encryption at rest.
//!
//! This crate knows keys, values and files. It does *not* know what an order, a tenant or a raft
//! vote is; whoever calls it gives bytes their meaning.

pub mod blobs;
pub mod chunks;
pub mod codec;
pub mod disk;
pub mod events;
pub mod failpoint;
pub mod frozen;
pub mod hash;
pub mod lock;
pub mod memory;
pub mod planted;
pub mod projection;
pub mod raftlog;
pub mod seal;
pub mod sled_engine;
pub mod snapshot_file;
pub mod state_hash;
pub mod table;
pub mod tx;

pub use blobs::{BlobError, BlobHash, BlobStore, Swept};
pub use chunks::{ChunkError, ChunkReader, ChunkWriter};
pub use codec::{CodecError, Record, decode, encode, encode_at};
pub use events::{EventPosition, EventReader, EventRow, EventStore, EventStoreError};
pub use frozen::{Frozen, FrozenView};
pub use hash::ContentHash;
pub use lock::DirLock;
pub use memory::MemoryEngine;
pub use projection::{ProjectionDb, ProjectionError, Schema};
pub use seal::{DataKey, KeyFileError, MasterKey, Random, SealError, SystemRandom};
pub use sled_engine::{Opened, SetAside, SledEngine, SledOptions};
pub use snapshot_file::{SnapshotError, SnapshotInfo, SnapshotReader, SnapshotWriter};
pub use table::{Batch, Engine, Reader, Row, StorageError};
pub use tx::Tx;
