//! The gearify binary: wiring, command line, clock, projectors, providers.

pub mod telemetry;
pub mod testpay;
