//! The storefront: what shoppers see. `view` is the look, as pure functions from plain structs to HTML.

pub mod view;
