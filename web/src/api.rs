//! The REST API: one file per chapter, each with its rows and handlers.
//!
//! A handler translates a request into an intent or a read, and the result back; rules live in commerce.

mod admin;
pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod carts;
mod catalog;
pub(crate) mod countries;
mod market;
pub(crate) mod me;
pub(crate) mod media;
pub(crate) mod orders;
mod platform;
mod privacy;
mod regions;
mod tags;
mod webhooks;

pub use admin::{ImportReport, RowFault, import_products, import_stock};
pub(crate) use admin::{csv_file, events, known_zone};
pub use auth::{SignedIn, open_session, sign_in_customer};
pub use body::AddressBody;
pub use catalog::ProductsQuery;
pub use countries::{AddressFormat, address_format};
pub use market::MarketQuery;
pub(crate) use platform::{home_region, suspension};

use crate::routes::Route;

pub fn routes() -> Vec<Route> {
    let chapters: [fn() -> Vec<Route>; 12] = [
        catalog::routes,
        countries::routes,
        carts::routes,
        orders::routes,
        webhooks::routes,
        auth::routes,
        me::routes,
        privacy::routes,
        regions::routes,
        media::routes,
        admin::routes,
        platform::routes,
    ];
    chapters.into_iter().flat_map(|chapter| chapter()).collect()
}
