//! Gateway, REST API, storefront and console: the only crate that knows HTTP, JSON and HTML.
//!
//! A request passes the gate (host, rate, login, permission, origin, body, key), a handler translates
//! it into an intent, submits it through a port, and translates the answer back. Every route is one row
//! of the table in [`routes`]; the router, the OpenAPI document and the authorization tests come from it.
//! Nothing here knows how a command is replicated or where a record is stored.

mod answers;
pub mod api;
pub mod app;
pub mod assets;
pub mod auth;
pub mod colour;
pub mod console;
pub mod extract;
pub mod gate;
mod health;
pub mod illustration;
pub mod l10n;
mod openapi;
mod pages;
pub mod ports;
pub mod ports_cluster;
pub mod ports_lists;
pub mod ports_regions;
pub mod ports_search;
pub mod problem;
pub mod read;
pub mod routes;
pub mod server;
pub mod sessions;
pub mod settings;
pub mod shop;
pub mod sought;
pub mod storefront;
mod tally;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(test)]
mod tests;

pub use app::{AppState, Clock, Health, PartHealth, Parts, SystemClock, app};
pub use openapi::document as openapi_document;
pub use settings::{Rates, Settings};
