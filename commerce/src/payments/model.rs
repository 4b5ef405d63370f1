//! Records and values.
