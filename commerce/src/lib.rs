//! The shop: bounded contexts, pure and deterministic.
