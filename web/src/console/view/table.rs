//! Lists of rows: a head that stays in sight, filters, pages, actions on many rows.

use super::parts::{Action, Badge, Link, Picture};
use super::{Field, Form, Post};

#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Said to screen readers.
    pub caption: String,
    pub columns: Vec<Column>,
    pub rows: Vec<Row>,
    pub filter: Option<Filter>,
    /// Shown while at least one row is ticked.
    pub bulk: Option<Bulk>,
    pub pager: Option<Pager>,
    /// When there are no rows.
    pub empty: String,
    pub empty_action: Option<Action>,
}

#[derive(Clone, Debug, Default)]
pub struct Column {
    pub label: String,
    pub numeric: bool,
    /// Left out where there is little room.
    pub minor: bool,
    /// The head sorts the list.
    pub sort: Option<HeadSort>,
}

/// What a head does to the order of a list.
#[derive(Clone, Debug)]
pub struct HeadSort {
    /// Where the list is sorted by this column, or the other way round.
    pub href: String,
    /// How it is sorted now, if by this column.
    pub now: Option<Direction>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

impl Direction {
    /// For `aria-sort`.
    pub fn aria(self) -> &'static str {
        match self {
            Direction::Up => "ascending",
            Direction::Down => "descending",
        }
    }
}

impl Column {
    pub fn new(label: impl Into<String>) -> Column {
        Column { label: label.into(), ..Column::default() }
    }

    pub fn number(label: impl Into<String>) -> Column {
        Column { numeric: true, ..Column::new(label) }
    }

    pub fn minor(mut self) -> Column {
        self.minor = true;
        self
    }

    pub fn sorts(mut self, href: impl Into<String>, now: Option<Direction>) -> Column {
        self.sort = Some(HeadSort { href: href.into(), now });
        self
    }
}

#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What ticking the row names; empty where rows can't be ticked.
    pub id: String,
    /// Where the row leads; its first link.
    pub href: String,
    pub cells: Vec<Cell>,
    pub dim: bool,
}

impl Row {
    pub fn new(cells: Vec<Cell>) -> Row {
        Row { cells, ..Row::default() }
    }

    pub fn href(mut self, href: impl Into<String>) -> Row {
        self.href = href.into();
        self
    }

    pub fn id(mut self, id: impl ToString) -> Row {
        self.id = id.to_string();
        self
    }

    pub fn dim(mut self, dim: bool) -> Row {
        self.dim = dim;
        self
    }
}

#[derive(Clone, Debug)]
pub enum Cell {
    Text(String),
    /// With a softer second line.
    Lines(String, String),
    Link(Link),
    LinkLines(Link, String),
    Badges(Vec<Badge>),
    /// Breaks between the day and the clock where a column is narrow.
    Time {
        at: String,
        day: String,
        clock: String,
    },
    Picture(Option<Picture>),
    Input(Box<Field>),
    Post(Post),
    Actions(Vec<Action>),
    List(Vec<String>),
    Colour(String),
}

impl Cell {
    pub fn link(label: impl Into<String>, href: impl Into<String>) -> Cell {
        Cell::Link(Link::new(label, href))
    }

    pub fn badge(badge: Badge) -> Cell {
        Cell::Badges(vec![badge])
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<Badge> for Cell {
    fn from(badge: Badge) -> Cell {
        Cell::badge(badge)
    }
}

impl From<Link> for Cell {
    fn from(link: Link) -> Cell {
        Cell::Link(link)
    }
}

/// Which rows are asked for: tabs, a search box, chips, and choices behind a fold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub action: String,
    pub tabs: Vec<Tab>,
    pub search: Option<Search>,
    pub chips: Vec<Chip>,
    /// Leads to the list without any filter.
    pub clear: String,
    pub fields: Vec<Field>,
    /// Carried along by the form.
    pub hidden: Vec<(String, String)>,
    /// Keeps the list as it stands under a name.
    pub save: Option<Box<Form>>,
    /// Where kept views are renamed and deleted.
    pub keep: Option<Link>,
}

#[derive(Clone, Debug)]
pub struct Tab {
    pub label: String,
    pub href: String,
    pub current: bool,
}

#[derive(Clone, Debug)]
pub struct Search {
    pub label: String,
    pub value: String,
    pub hint: String,
}

/// A filter in force, and where the list is without it.
#[derive(Clone, Debug)]
pub struct Chip {
    pub label: String,
    pub href: String,
}

#[derive(Clone, Debug)]
pub struct Bulk {
    pub action: String,
    /// Value and words of each button.
    pub buttons: Vec<(String, String)>,
    /// What the ticked things are: `products`.
    pub noun: String,
    /// Carried along: which list this is.
    pub hidden: Vec<(String, String)>,
    /// Words for all that match, where the page does not show them all.
    pub all: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct Pager {
    pub previous: Option<String>,
    pub next: Option<String>,
    /// `1,240 orders`, `more than 10,000 orders`.
    pub words: String,
}

impl Filter {
    /// Offers to keep the list as it stands.
    pub fn save(mut self, form: Form) -> Filter {
        self.save = Some(Box::new(form.bound()));
        self
    }
}

impl Table {
    pub fn new(caption: impl Into<String>, columns: Vec<Column>) -> Table {
        Table { caption: caption.into(), columns, ..Table::default() }
    }

    pub fn rows(mut self, rows: impl IntoIterator<Item = Row>) -> Table {
        self.rows.extend(rows);
        self
    }

    /// Of each row only the cells of these columns.
    pub fn only(mut self, columns: &[usize]) -> Table {
        let chosen = |column: &usize| self.columns.get(*column).cloned();
        self.columns = columns.iter().filter_map(chosen).collect();
        for row in &mut self.rows {
            row.cells = columns.iter().filter_map(|column| row.cells.get(*column).cloned()).collect();
        }
        self
    }

    pub fn empty(mut self, words: impl Into<String>) -> Table {
        self.empty = words.into();
        self
    }

    /// Column of a cell, for its label on narrow screens and its alignment.
    pub(super) fn column(&self, index: &usize) -> &Column {
        static NONE: Column = Column { label: String::new(), numeric: false, minor: false, sort: None };
        self.columns.get(*index).unwrap_or(&NONE)
    }
}
