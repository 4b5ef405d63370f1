//! Stories of this context.
