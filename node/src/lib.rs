//! The gearify binary: wiring, command line, clock, projectors, providers.
//!
//! The only crate that names all others. What a node is made of: replicated groups with their machines
//! (`machine`, `state`, `snapshot`, `rebuild`), the event history and what is computed from it (`projectors`), the
//! way for writes and reads (`backend`, `forward`), its place among other nodes (`cluster`), what only a leader does (`scheduler`, `providers`),
//! the ground it stands on (`room`, `footing`),
//! and the process around it (`runtime`, `telemetry`, the command line in `main`).

pub mod audit;
pub mod backend;
pub mod backup;
pub mod bell;
pub mod blobs;
pub mod bundle;
pub mod cluster;
pub mod control;
pub mod core;
pub mod demo;
pub mod doctor;
pub mod footing;
pub mod forward;
pub mod health;
pub mod machine;
mod memo;
pub mod mended;
pub mod moving;
pub mod opening;
pub mod operations;
pub mod projectors;
pub mod providers;
pub mod rebuild;
pub mod room;
pub mod runtime;
pub mod scheduler;
pub mod search;
pub mod shards;
pub mod snapshot;
pub mod state;
pub mod telemetry;
pub mod tenant_restore;
pub mod testing;
pub mod testpay;
pub mod tls;
mod turns;
pub mod upgrade;
pub mod vault;
pub mod writer;
