//! The merchant's API: staff and API keys, each operation with its permission.

use crate::routes::Route;

pub fn routes() -> Vec<Route> {
    Vec::new()
}
