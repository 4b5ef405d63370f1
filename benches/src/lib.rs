//! The load driver's parts: a lean HTTP client, floors to measure against, and reports.
//!
//! Figures are ratios. The machine is shared and noisy, so every scenario is measured beside a floor in
//! the same run: an axum server that answers a constant of the same size, or a SQLite `FULL` commit loop
//! with as many writers and bytes. Processor time of client and node is told with each figure, since
//! both run on the same cores: the node's milliseconds a request hold still where throughput does not.

pub mod client;
pub mod etcd;
pub mod floor;
pub mod node;
pub mod outage;
pub mod region;
pub mod report;
pub mod scenarios;
pub mod shop;
