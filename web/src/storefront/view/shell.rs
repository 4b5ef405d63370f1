//! What every page stands in: the shop, the visitor, the head of the document.

use std::sync::Arc;

use super::parts::{Link, Notice};
use super::structured_data::StructuredData;
use crate::l10n::{Locale, Text};

/// The frame of one answer. Everything here is plain data; the page itself is a separate struct.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The same for every visitor: cache it per tenant and locale and share it.
    pub shop: Arc<Shop>,
    pub kind: ShellKind,
    pub locale: Locale,
    /// `""`, or `"/hi"` where the shop has several languages; stands before every fixed address.
    pub base: String,
    pub head: Head,
    pub visitor: Visitor,
    /// The path of this page, without query, to mark the current place in menus.
    pub path: String,
    /// What stands in the search box.
    pub query: String,
    /// The token every POST form of the page carries as `csrf`; empty on pages that are shared.
    pub csrf: String,
    pub notice: Option<Notice>,
}

impl Shell {
    pub fn text(&self) -> Text {
        self.locale.text()
    }

    pub fn is_mobile(&self) -> bool {
        self.kind == ShellKind::Mobile
    }

    /// A fixed address with the locale prefix.
    pub fn to(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// As Open Graph writes a language: `en_GB`.
    pub fn open_graph_locale(&self) -> String {
        self.locale.tag().replace('-', "_")
    }

    /// Whether a menu entry leads to this page or to a page above it.
    pub fn is_within(&self, href: &str) -> bool {
        self.path == href
            || (href.len() > 1 && self.path.strip_prefix(href).is_some_and(|rest| rest.starts_with('/')))
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ShellKind {
    /// Header with search and departments, side bar, footer.
    #[default]
    Desktop,
    /// Bottom bar, departments behind a menu button, filters in a sheet.
    Mobile,
}

impl ShellKind {
    pub const ALL: [ShellKind; 2] = [ShellKind::Desktop, ShellKind::Mobile];

    pub fn class(self) -> &'static str {
        match self {
            ShellKind::Desktop => "shell-desktop",
            ShellKind::Mobile => "shell-mobile",
        }
    }
}

/// A tenant as its visitors see it.
#[derive(Debug, Clone)]
pub struct Shop {
    pub name: String,
    /// One line under the name, may be empty.
    pub tagline: String,
    /// Where [`super::branding::stylesheet`] of this tenant is served, under a name with its hash.
    pub stylesheet_url: String,
    /// The merchant's own logo; without one the name is set as a wordmark.
    pub logo: Option<super::parts::Picture>,
    pub favicon_url: String,
    /// The web app manifest, if there is one.
    pub manifest_url: Option<String>,
    /// For the browser's frame, `#rrggbb`.
    pub theme_colour: String,
    /// Departments, two levels are shown.
    pub categories: Vec<Category>,
    /// A line above everything ("Free delivery over £75"), may be absent.
    pub promise: Option<Link>,
    pub footer: Footer,
    /// More than one only where the shop has several; the current one is marked.
    pub languages: Vec<LanguageLink>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub name: String,
    pub href: String,
    pub children: Vec<Category>,
}

#[derive(Debug, Clone, Default)]
pub struct Footer {
    /// Delivery, returns, privacy, terms, contact …
    pub help: Vec<Link>,
    /// The legal entity with its address and registration, one line each.
    pub legal_entity: Vec<String>,
    /// E-mail, telephone, opening hours, one line each.
    pub contact: Vec<String>,
    /// Names of what is accepted at the till: "Visa", "UPI".
    pub payment_methods: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LanguageLink {
    /// In its own words: "हिन्दी".
    pub label: String,
    /// BCP 47.
    pub tag: String,
    /// This page in that language.
    pub href: String,
    pub current: bool,
}

/// What only this visitor sees. `Visitor::default()` is the stranger of a shared page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Visitor {
    pub signed_in_name: Option<String>,
    /// Pieces in the bag.
    pub cart_count: u64,
}

/// The head of the document.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Without the shop's name, which is added; empty on the home page.
    pub title: String,
    /// For search engines, about 150 characters; empty for none.
    pub description: String,
    /// Absolute.
    pub canonical_url: Option<String>,
    /// Personal pages, results and errors stay out of search engines.
    pub no_index: bool,
    /// Absolute address of the picture for Open Graph.
    pub image_url: Option<String>,
    /// `website`, `product` …; empty means `website`.
    pub open_graph_type: String,
    /// `?` and what follows it, where that is part of what is shown: the page in another language shows the same.
    pub parameters: String,
    /// Absolute addresses of neighbours in a paged list.
    pub previous_url: Option<String>,
    pub next_url: Option<String>,
    pub structured_data: Vec<StructuredData>,
}
