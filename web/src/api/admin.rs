//! The merchant's API: staff and API keys, each operation with its permission.
//!
//! `PATCH` merges into the whole record as it stands and writes it from that revision, so that a change
//! in between is refused, never lost; `If-Match` names the revision the caller saw. `PUT` replaces a
//! record and has to name it.

mod catalogue;
pub(crate) mod csv_file;
mod customers;
mod definitions;
pub(crate) mod events;
mod exports;
mod imports;
mod inventory;
mod media;
mod merge;
mod orders;
mod pricing;
mod product_bodies;
mod products;
mod settings;
mod shipping;
mod staff;
mod taxes;
mod texts;

pub use imports::{ImportReport, RowFault, import_products, import_stock};
pub(super) use merge::base;
pub(super) use product_bodies::all;
pub(super) use products::made;
pub(super) use settings::BrandingBody;
pub(crate) use settings::known_zone;
pub(super) use staff::setup_link;

use crate::routes::Route;

pub fn routes() -> Vec<Route> {
    let chapters: [fn() -> Vec<Route>; 14] = [
        products::routes,
        catalogue::routes,
        definitions::routes,
        media::routes,
        pricing::routes,
        inventory::routes,
        orders::routes,
        customers::routes,
        shipping::routes,
        taxes::routes,
        settings::routes,
        staff::routes,
        imports::routes,
        events::routes,
    ];
    chapters.into_iter().flat_map(|chapter| chapter()).chain(exports::routes()).collect()
}
