//! People who buy, as the library has them.

pub use gearify_tests::buyers::{Acknowledged, Attempt, Heard, acknowledged, buy_on, read};
