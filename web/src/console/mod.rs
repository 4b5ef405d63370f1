//! The console: where merchants run their shop and operators their platform.
//!
//! `view` is the look, pure functions from plain structs to HTML. A handler reads committed state, fills
//! a page, and for a form submits an intent and sends the browser on to the page that shows the result.
//! Pages work without scripts; the modules in `assets/console/` add the keyboard.
//!
//! Rules: every page is a row of the route table with its permission, so that what a person may not do
//! is not offered and not answered. A form carries the visitor's token, a key that makes a double press
//! act once, and where it overwrites a record the revision it was made from. A refused form comes back
//! with status 422, everything that was typed, and what to do beside each field.

mod choices;
mod customers;
mod dashboard;
mod done;
mod history;
mod import;
mod jump;
mod lists;
mod many;
mod menu;
mod operator;
mod orders;
mod problem;
mod products;
mod range;
mod search;
mod shop;
mod sign_in;
mod stock;
#[cfg(test)]
mod tests;
mod texts;
mod typed;
pub mod view;
mod views;
mod visit;
mod words;
mod wrong;

pub use problem::problem_page;
pub use sign_in::{setup_path, setup_token_hash};

use crate::routes::Route;

/// All pages of the console.
pub fn routes() -> Vec<Route> {
    let chapters: &[fn() -> Vec<Route>] = &[
        sign_in::routes,
        dashboard::routes,
        search::routes,
        jump::routes,
        views::routes,
        orders::routes,
        customers::routes,
        products::routes,
        import::routes,
        range::routes,
        stock::routes,
        shop::routes,
        history::routes,
        operator::routes,
    ];
    chapters.iter().flat_map(|chapter| chapter()).collect()
}
