//! Criterion benches and the load driver.
