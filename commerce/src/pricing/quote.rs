//! The quote of a cart: being written by the lead (checkout's critical path); see facts/checkouts.rs.
