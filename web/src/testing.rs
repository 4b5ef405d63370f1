//! A node in memory behind the same ports: state in maps, one command an entry, no replication.
//!
//! Requests go through the real router, gate and handlers; commands through the real facts and apply.
//! Only the machinery that makes several nodes agree is missing, and the providers are a table of
//! tokens. Nothing here is part of a running node.

mod backend;
mod client;
mod fixture;
mod lists;
mod search;
mod vault;

pub use backend::MemoryBackend;
pub use client::{Client, Reply};
pub use fixture::{OWNER_EMAIL, STAFF_PASSWORD, Shopfront};
