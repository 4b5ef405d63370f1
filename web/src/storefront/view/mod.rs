//! The storefront's look: plain structs in, HTML out.
//!
//! Nothing here knows HTTP, a tenant's state or a clock. A handler fills a [`Shell`] and one page
//! struct and calls [`Page::render`]. The same values always give the same bytes, so a page can be
//! cached and compared. Every text is escaped by the templates (`web/templates/storefront/`); the
//! only unescaped values are [`RichText`], which is sanitized where it is made, and
//! [`StructuredData`], which escapes itself. No page contains inline style or script.
//!
//! | module | what it describes |
//! |---|---|
//! | [`shell`] | shop, visitor, document head, language |
//! | [`parts`] | links, pictures, prices, fields, notices, timelines |
//! | [`paths`] | fixed addresses and the fields their forms send |
//! | [`home`], [`listing`], [`product`], [`compare`], [`cart`], [`checkout`], [`order`], [`account`], [`content`] | one page family each |
//! | [`branding`] | the tenant's style sheet, with contrast computed |

pub mod account;
pub mod address;
pub mod branding;
pub mod cart;
pub mod checkout;
pub mod compare;
pub mod content;
pub mod home;
pub mod listing;
pub mod order;
pub mod parts;
pub mod paths;
pub mod product;
mod render;
mod rich_text;
pub mod sample;
pub mod shell;
pub mod structured_data;
#[cfg(test)]
mod tests;
mod wording;

pub use branding::{Branding, Colour, FontChoice, branding_css};
pub use render::Page;
pub use rich_text::RichText;
pub use shell::{Category, Footer, Head, LanguageLink, Shell, ShellKind, Shop, Visitor};
pub use structured_data::StructuredData;
