//! The storefront: what shoppers see.
//!
//! `view` is the look, as pure functions from plain structs to HTML. The modules beside it are the
//! handlers: each reads the state, fills the structs, and turns forms into intents. Everything works
//! without scripts; a form that can't be taken comes back with what was typed and what is wrong.

mod account;
mod answer;
mod as_of;
mod bag;
mod cart;
mod checkout;
mod compare;
mod consent;
mod content;
mod convert;
mod faces;
mod frame;
mod home;
mod jar;
mod listing;
pub mod mail_link;
mod notes;
mod order;
pub mod paper;
pub mod password;
pub(crate) mod places;
pub(crate) mod problem;
mod product;
mod size_guide;
mod specs;
#[cfg(test)]
mod tests;
mod till;
pub(crate) mod typed;
pub mod verify;
pub mod view;
mod visit;

pub use answer::Storefront;
pub(crate) use as_of::CatalogueAsOf;
pub use checkout::at_checkout;
pub(crate) use view::ShellKind;
pub use visit::shell_kind;

use crate::routes::{Route, Row, routes};
use account::{
    add_address, register, remove_address, save_address, save_profile, show_address, show_addresses,
    show_new_address, show_orders, show_profile, show_register, show_sign_in, sign_in, sign_out,
};
use cart::{add_line, change_line, remove_line, set_destination, show_cart};
use checkout::{
    place_order, show_contact, show_delivery, show_payment, show_review, take_contact, take_delivery,
    take_payment,
};
use compare::show_compare;
use content::{
    get_asset, get_brand, get_drawing, get_favicon, get_robots, get_site_map, get_site_map_part, move_admin,
    move_catalog, show_page,
};
use home::{complete_home, show_home};
use listing::{show_category, show_search};
use order::{cancel_order, look_up_order, pay_again, show_look_up, show_order};
use paper::show_document;
use parking_lot::Mutex;
use password::{show_reset, take_reset};
use product::{move_product, show_product};
use std::collections::BTreeMap;
use verify::{show_verify, take_verify};

pub fn routes() -> Vec<Route> {
    let all = [pages(), till(), orders(), account()].into_iter().flatten().collect();
    let mut rows = in_every_language(all);
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
        Get "/compare" show_compare: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Up to four products side by side";
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

fn till() -> Vec<Route> {
    routes! { "Pages", Storefront, Shop;
        Get "/cart" show_cart: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "The cart";
        Post "/cart/lines" add_line: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Puts a product in the cart";
        Post "/cart/lines/{line}" change_line: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Changes how many; zero takes the line out";
        Post "/cart/lines/{line}/remove" remove_line: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Takes a line out";
        Post "/cart/destination" set_destination: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Where an estimate is for";
        Get "/checkout/contact" show_contact: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Whom to tell";
        Post "/checkout/contact" take_contact: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Whom to tell";
        Get "/checkout/delivery" show_delivery: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Where to, and how";
        Post "/checkout/delivery" take_delivery: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Where to, and how";
        Get "/checkout/payment" show_payment: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "How to pay";
        Post "/checkout/payment" take_payment: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "How to pay; holds the stock";
        Get "/checkout/review" show_review: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Everything at a glance";
        Post "/checkout/review" place_order: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Places the order";
    }
}

fn orders() -> Vec<Route> {
    routes! { "Pages", Storefront, Shop;
        Get "/orders/look-up" show_look_up: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Finds a guest's order";
        Post "/orders/look-up" look_up_order: Open, SHOPPER, SignIn, Form, None, Token,
            query(), request(), 303(), "Finds a guest's order";
        Get "/orders/{id}" show_order: OrderHolder, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "An order";
        Get "/orders/{id}/documents/{number}" show_document: OrderHolder, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "An invoice or a credit note, to print";
        Post "/orders/{id}/payments" pay_again: OrderHolder, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Another try to pay";
        Post "/orders/{id}/cancel" cancel_order: OrderHolder, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Calls an order off";
    }
}

fn account() -> Vec<Route> {
    routes! { "Pages", Storefront, Shop;
        Get "/account/sign-in" show_sign_in: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Signing in";
        Post "/account/sign-in" sign_in: Open, SHOPPER, SignIn, Form, None, Token,
            query(), request(), 303(), "Signs in; a guest's cart comes along";
        Post "/account/sign-out" sign_out: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Signs out";
        Get "/account/register" show_register: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Making an account";
        Post "/account/register" register: Open, SHOPPER, SignIn, Form, None, Token,
            query(), request(), 303(), "Makes an account and signs in";
        Get "/account/password-reset" show_reset: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "A new password";
        Post "/account/password-reset" take_reset: Open, SHOPPER, SignIn, Form, None, Token,
            query(), request(), 303(), "Sends the link for a new password, or sets it";
        Get "/account/verify" show_verify: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Whether an address is the customer's";
        Post "/account/verify" take_verify: Open, SHOPPER, SignIn, Form, None, Token,
            query(), request(), 303(), "Confirms the customer's address, or sends the link for it again";
        Get "/account" show_profile: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(), "The customer's details";
        Post "/account" save_profile: Customer, ACCOUNT, Write, Form, None, Token,
            query(), request(), 303(), "Changes the customer's details";
        Get "/account/orders" show_orders: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(), "The customer's orders";
        Get "/account/addresses" show_addresses: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(), "The customer's addresses";
        Post "/account/addresses" add_address: Customer, ACCOUNT, Write, Form, None, Token,
            query(), request(), 303(), "Adds an address";
        Get "/account/addresses/new" show_new_address: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(), "An address to be filled in";
        Get "/account/addresses/{id}" show_address: Customer, ACCOUNT, Read, None, None, None,
            query(), request(), 200(), "An address to be changed";
        Post "/account/addresses/{id}" save_address: Customer, ACCOUNT, Write, Form, None, Token,
            query(), request(), 303(), "Changes an address";
        Post "/account/addresses/{id}/remove" remove_address: Customer, ACCOUNT, Write, Form, None, Token,
            query(), request(), 303(), "Takes an address out of the book";
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
