//! The console's look: plain structs in, HTML out.
//!
//! A page is a heading and a list of [`Part`]s: tables, forms, facts, charts. Handlers fill them; the
//! templates in `web/templates/console/` draw them and escape every text. Nothing here knows HTTP,
//! state or a clock, so the same values always give the same bytes. No page has inline style or script.
//!
//! | module | what it describes |
//! |---|---|
//! | [`parts`] | panels, facts, notices, timelines, addresses, steps |
//! | [`table`] | lists of rows with filters, pages and actions on many |
//! | [`form`] | forms with labels, hints, what was typed and what is wrong with it |
//! | [`chart`] | bars drawn as SVG with their numbers in a table |
//! | [`print`] | packing slips and invoices on paper |

pub mod chart;
pub mod form;
pub mod parts;
pub mod print;
pub mod table;

pub use chart::{Bar, Chart};
pub use form::{Choice, Field, FieldKind, Form, Section, Submit};
pub use parts::{
    Action, Badge, Crumb, Fact, Figure, Happening, Link, Notice, Panel, Part, Picture, Post, Step, Sum, Tone,
};
pub use table::{Bulk, Cell, Chip, Column, Direction, Filter, Pager, Row, Search, Tab, Table};

use askama::Template;

/// What every page of one request shares.
#[derive(Clone, Debug, Default)]
pub struct Frame {
    /// The shop's name, or the platform's.
    pub name: String,
    /// The shop's own pages; operators have none.
    pub shop_href: Option<String>,
    pub person: Option<Person>,
    pub menu: Vec<MenuGroup>,
    /// The token every form of this person carries.
    pub token: String,
    /// Names one intention: a form sent twice acts once.
    pub key: String,
    pub notice: Option<Notice>,
}

#[derive(Clone, Debug, Default)]
pub struct Person {
    pub name: String,
    pub role: String,
}

#[derive(Clone, Debug)]
pub struct MenuGroup {
    /// Empty for the first group.
    pub label: String,
    pub entries: Vec<MenuEntry>,
}

#[derive(Clone, Debug)]
pub struct MenuEntry {
    pub label: String,
    pub href: String,
    /// The name of a drawing in `templates/console/icon/`.
    pub icon: &'static str,
    pub current: bool,
}

/// One page of the console.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub title: String,
    /// From the section down to the page above this one.
    pub trail: Vec<Crumb>,
    pub badges: Vec<Badge>,
    /// One line under the title.
    pub about: String,
    /// The single most likely next step.
    pub primary: Option<Action>,
    pub actions: Vec<Action>,
    pub main: Vec<Part>,
    /// Beside the main parts where there is room.
    pub side: Vec<Part>,
}

impl Page {
    pub fn new(title: impl Into<String>) -> Page {
        Page { title: title.into(), ..Page::default() }
    }

    pub fn under(mut self, label: impl Into<String>, href: impl Into<String>) -> Page {
        self.trail.push(Crumb { label: label.into(), href: href.into() });
        self
    }

    pub fn about(mut self, words: impl Into<String>) -> Page {
        self.about = words.into();
        self
    }

    pub fn badge(mut self, badge: Badge) -> Page {
        self.badges.push(badge);
        self
    }

    pub fn primary(mut self, action: Action) -> Page {
        self.primary = Some(action);
        self
    }

    pub fn action(mut self, action: Action) -> Page {
        self.actions.push(action);
        self
    }

    pub fn part(mut self, part: impl Into<Part>) -> Page {
        self.main.push(part.into());
        self
    }

    pub fn aside(mut self, part: impl Into<Part>) -> Page {
        self.side.push(part.into());
        self
    }

    /// The whole document inside the console's shell.
    pub fn render(&self, frame: &Frame) -> String {
        ShellTemplate { frame, page: self }.render().expect(NEVER_FAILS)
    }

    /// The whole document without menu, for people who are not signed in.
    pub fn render_at_the_door(&self, frame: &Frame) -> String {
        DoorTemplate { frame, page: self }.render().expect(NEVER_FAILS)
    }
}

const NEVER_FAILS: &str = "a template only fails where its writer does, and a String does not";

#[derive(Template)]
#[template(path = "console/shell.html")]
struct ShellTemplate<'p> {
    frame: &'p Frame,
    page: &'p Page,
}

#[derive(Template)]
#[template(path = "console/door.html")]
struct DoorTemplate<'p> {
    frame: &'p Frame,
    page: &'p Page,
}

/// A part of a page with a template of its own; printed unescaped, having escaped its values itself.
macro_rules! drawn {
    ($template:ident, $path:tt, $field:ident: $type:ty, in a frame) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $template<'p> {
            $field: &'p $type,
            frame: &'p Frame,
        }

        impl askama::filters::HtmlSafe for $template<'_> {}

        impl $type {
            fn html<'p>(&'p self, frame: &'p Frame) -> $template<'p> {
                $template { $field: self, frame }
            }
        }
    };
    ($template:ident, $path:tt, $field:ident: $type:ty) => {
        #[derive(Template)]
        #[template(path = $path)]
        struct $template<'p> {
            $field: &'p $type,
        }

        impl askama::filters::HtmlSafe for $template<'_> {}

        impl $type {
            fn html(&self) -> $template<'_> {
                $template { $field: self }
            }
        }
    };
}

drawn!(PartTemplate, "console/part/part.html", part: Part, in a frame);
drawn!(TableTemplate, "console/part/table.html", table: Table, in a frame);
drawn!(CellTemplate, "console/part/cell.html", cell: Cell, in a frame);
drawn!(FormTemplate, "console/part/form.html", form: Form, in a frame);
drawn!(ActionTemplate, "console/part/action.html", action: Action, in a frame);
drawn!(FieldTemplate, "console/part/field.html", field: Field);
drawn!(ChartTemplate, "console/part/chart.html", chart: Chart);

/// An id made of a name: letters, digits and hyphens.
fn element_id(prefix: &str, name: &str) -> String {
    let safe = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    std::iter::once(prefix).flat_map(str::chars).chain(['-']).chain(name.chars().map(safe)).collect()
}

/// The outline of a small drawing, on a field of 16 by 16.
fn icon(name: &str) -> &'static str {
    match name {
        "home" => "M2 7.5 8 2.5l6 5M4 6.5v7h8v-7M7 13.5v-4h2v4",
        "orders" => "M3 2.5h10v11l-2-1.2-1.5 1.2L8 12.3l-1.5 1.2L5 12.3 3 13.5zM5.5 5.5h5M5.5 8h5",
        "products" => "M11.5 2 14 4.5 7 11.5l-2.5 2.2-2.2-2.2L4.5 9zM9 4.5 11.5 7M2.2 11.5l2.3 2.3",
        "stock" => "M2 5 8 2l6 3v6l-6 3-6-3zM2 5l6 3 6-3M8 8v6",
        "categories" => "M2.5 2.5h4v4h-4zM9.5 2.5h4v4h-4zM2.5 9.5h4v4h-4zM9.5 9.5h4v4h-4z",
        "warehouse" => "M2 6 8 2.5 14 6v7.5H2zM5 13.5v-5h6v5M5 10.5h6",
        "moves" => "M2.5 5.5h9L9 3M13.5 10.5h-9L7 13",
        "delivery" => {
            "M1.5 4h8v7h-8zM9.5 6.5h3l2 2.3V11h-5zM4.5 11.5a1.2 1.2 0 1 0 .01 0M11.8 11.5a1.2 1.2 0 1 0 .01 0"
        }
        "tax" => "M3.5 12.5l9-9M4.5 6.2a1.6 1.6 0 1 0 .01 0M11.5 13a1.6 1.6 0 1 0 .01 0",
        "brand" => {
            "M8 2.5c3.5 0 6 2.2 6 5 0 2-1.5 3-3 3H9.5c-1 0-1 .8-.6 1.4.4.7 0 1.6-.9 1.6-3.5 0-6-2.5-6-5.5s2.5-5.5 6-5.5zM5 7.2v.1M8 5.2v.1M11 7.2v.1"
        }
        "settings" => "M2.5 4.5h11M2.5 8h11M2.5 11.5h11M5.5 3v3M10.5 6.5v3M6.5 10v3",
        "pages" => "M4 2h5l3 3v9H4zM9 2v3h3M6 8h4M6 10.5h4",
        "customers" => "M8 7.5a2.6 2.6 0 1 0-.01 0M3 13.8c0-2.8 1.9-4.6 5-4.6s5 1.8 5 4.6",
        "staff" => {
            "M6 7.5a2.3 2.3 0 1 0-.01 0M2 13.5c0-2.5 1.6-4 4-4s4 1.5 4 4M11 7.5a1.9 1.9 0 1 0-.3-3.7M11.5 9.6c1.6.2 2.5 1.6 2.5 3.9"
        }
        "history" => "M8 2.5a5.5 5.5 0 1 1-5.3 4M2.5 3v3.5H6M8 5.2V8l2 1.6",
        "mail" => "M2 4h12v8.5H2zM2 4.5l6 4.5 6-4.5",
        "import" => "M8 2v8M5 7.2 8 10l3-2.8M2.5 11v2.5h11V11",
        "addons" => "M8 3v10M3 8h10M3 3h10v10H3z",
        "shops" => {
            "M2 6.5 3.2 3h9.6L14 6.5M3 7v6.5h10V7M2 6.5c0 1 .9 1.7 2 1.7s2-.7 2-1.7c0 1 .9 1.7 2 1.7s2-.7 2-1.7c0 1 .9 1.7 2 1.7s2-.7 2-1.7"
        }
        "health" => "M2 8.5h3l1.5-4 3 7.5 1.5-3.5h3",
        "search" => "M7 11.5a4.5 4.5 0 1 0-.01 0M10.3 10.3 14 14",
        "menu" => "M2 4h12M2 8h12M2 12h12",
        "out" => "M9 3h4v4M13 3 7.5 8.5M11 9.5v3.5H3V5h3.5",
        "door" => "M9.5 3H4v10h5.5M7 8h7M11.5 5.5 14 8l-2.5 2.5",
        "fold" => "M9.5 4 5.5 8l4 4M13 3v10",
        _ => "M8 8h.1",
    }
}
