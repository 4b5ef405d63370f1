//! The load driver's parts: a lean HTTP client, floors to measure against, and reports.
//!
//! Figures are ratios. The machine is shared and noisy, so every scenario is measured beside a floor in
//! the same run: an axum server that answers a constant of the same size, or a SQLite `FULL` group-commit
//! loop with as many callers and bytes. The client's own share of the processor is told with each
//! figure, since it runs on the same cores.

pub mod client;
pub mod floor;
pub mod report;
pub mod scenarios;
pub mod shop;
