//! Replicated logs over openraft, behind a small interface.
