//! The scenario language, the cluster harness and the browser tests.
