//! The gearify binary: wiring, command line, clock, projectors, providers.
//!
//! The only crate that names all others. What a node is made of: replicated groups with their machines
//! (`machine`, `state`, `snapshot`), the event history and what is computed from it (`projectors`), the
//! way for writes and reads (`backend`, `forward`), what only a leader does (`scheduler`, `providers`),
//! and the process around it (`runtime`, `telemetry`, the command line in `main`).

pub mod backend;
pub mod bell;
pub mod forward;
pub mod machine;
pub mod projectors;
pub mod scheduler;
pub mod snapshot;
pub mod state;
pub mod telemetry;
pub mod testpay;
pub mod vault;
