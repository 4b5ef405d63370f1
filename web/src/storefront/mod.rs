//! The storefront: what shoppers see.
//!
//! `view` is the look, as pure functions from plain structs to HTML. The modules beside it are the
//! handlers: each reads the state, fills the structs, and turns forms into intents. Everything works
//! without scripts; a form that can't be taken comes back with what was typed and what is wrong.

mod answer;
mod as_of;
mod bag;
mod content;
mod convert;
mod faces;
mod frame;
mod home;
mod listing;
mod places;
pub(crate) mod problem;
mod product;
mod specs;
#[cfg(test)]
mod tests;
pub mod view;
mod visit;

pub use answer::Storefront;
pub use visit::shell_kind;

use crate::routes::{Route, Row, routes};
use content::{
    get_asset, get_brand, get_drawing, get_favicon, get_robots, get_site_map, get_site_map_part, move_admin,
    move_catalog, show_page,
};
use home::{complete_home, show_home};
use listing::{show_category, show_search};
use parking_lot::Mutex;
use product::{move_product, show_product};
use std::collections::BTreeMap;

pub fn routes() -> Vec<Route> {
    let mut rows = in_every_language(pages());
    rows.extend(routes! { "Pages", Storefront, Shop;
        Get "/{locale}" complete_home: Open, SHOPPER, Read, None, None, None,
            query(), request(), 308(), "The first page in another language, by its short address";
        Get "/admin" move_admin: Open, NOBODY, Read, None, None, None,
            query(), request(), 308(), "The console, by its former address";
    });
    rows.extend(files());
    rows
}

fn pages() -> Vec<Route> {
    routes! { "Pages", Storefront, Shop;
        Get "/" show_home: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "The first page";
        Get "/c/{*path}" show_category: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "A category with its filters";
        Get "/search" show_search: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "What was found";
        Get "/p/{slug}" show_product: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "A product";
        Get "/pages/{slug}" show_page: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Delivery, returns, privacy, terms, contact";
        Get "/catalog" move_catalog: Open, SHOPPER, Read, None, None, None,
            query(), request(), 308(), "The first page, by its former address";
        Get "/catalog/{*path}" move_catalog: Open, SHOPPER, Read, None, None, None,
            query(), request(), 308(), "A category, by its former address";
        Get "/product/{id}" move_product: Open, SHOPPER, Read, None, None, None,
            query(), request(), 308(), "A product, by its former address";
    }
}

fn files() -> Vec<Route> {
    let mut rows = routes! { "Files", Plain, Shop;
        Get "/brand/{file}" get_brand: Open, NOBODY, Free, None, None, None,
            query(), request(), 200(), "The shop's style sheet, icon and manifest";
        Get "/favicon.ico" get_favicon: Open, NOBODY, Free, None, None, None,
            query(), request(), 302(), "The shop's icon";
        Get "/media/{spec}" get_drawing: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "One of the platform's own drawings";
        Get "/robots.txt" get_robots: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "What search engines leave alone";
        Get "/sitemap.xml" get_site_map: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "All addresses, or the list of their lists";
        Get "/sitemap/{part}" get_site_map_part: Open, NOBODY, Read, None, None, None,
            query(), request(), 200(), "A part of all addresses";
    };
    rows.extend(routes! { "Files", Plain, Any;
        Get "/assets/{*path}" get_asset: Open, NOBODY, Free, None, None, None,
            query(), request(), 200(), "Style sheets, scripts and drawings, named by their hash";
    });
    rows
}

/// Each row once more behind the prefix of a language. Shops with one language answer 404 there.
fn in_every_language(rows: Vec<Route>) -> Vec<Route> {
    let twin = |route: &Route| Route {
        row: Row { path: prefixed(route.row.path), ..route.row.clone() },
        handler: route.handler.clone(),
    };
    let twins: Vec<Route> = rows.iter().map(twin).collect();
    rows.into_iter().chain(twins).collect()
}

/// Rows name their path for the life of the program; each prefixed one is made once.
fn prefixed(path: &'static str) -> &'static str {
    static MADE: Mutex<BTreeMap<&'static str, &'static str>> = Mutex::new(BTreeMap::new());
    MADE.lock().entry(path).or_insert_with(|| Box::leak(format!("/{{locale}}{path}").into_boxed_str()))
}
