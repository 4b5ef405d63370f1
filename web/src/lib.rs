//! Gateway, REST API, storefront and console.

pub mod assets;
pub mod l10n;
pub mod ports_lists;
pub mod storefront;
