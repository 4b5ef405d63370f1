//! The REST API: one file per chapter, each with its rows and handlers.
//!
//! A handler translates a request into an intent or a read, and the result back; rules live in commerce.

mod admin;
mod auth;
mod body;
mod carts;
mod catalog;
mod countries;
mod market;
mod me;
mod media;
mod orders;
mod platform;
mod webhooks;

pub use auth::{SignedIn, open_session, sign_in_customer};
pub use body::AddressBody;
pub use catalog::ProductsQuery;
pub use countries::{AddressFormat, address_format};
pub use market::MarketQuery;

use crate::routes::Route;

pub fn routes() -> Vec<Route> {
    let chapters: [fn() -> Vec<Route>; 10] = [
        catalog::routes,
        countries::routes,
        carts::routes,
        orders::routes,
        webhooks::routes,
        auth::routes,
        me::routes,
        media::routes,
        admin::routes,
        platform::routes,
    ];
    chapters.into_iter().flat_map(|chapter| chapter()).collect()
}
