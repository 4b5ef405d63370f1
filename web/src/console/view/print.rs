//! Pages made to be printed: packing slips and invoices.

use super::parts::Sum;
use askama::Template;

/// What stands around the sheet, and in which language all of it is.
#[derive(Clone, Debug)]
pub struct SheetWords {
    pub language: String,
    pub back: String,
    pub print: String,
}

impl Default for SheetWords {
    fn default() -> SheetWords {
        SheetWords { language: "en".into(), back: "Back to the order".into(), print: "Print".into() }
    }
}

/// A sheet of paper; several of a kind are printed one after another, each on pages of its own.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    pub words: SheetWords,
    /// `Packing slip`, `Invoice`.
    pub title: String,
    /// Back to the order.
    pub back: String,
    /// Who sells, one line each.
    pub seller: Vec<String>,
    /// Heading and lines: `Ship to`, `Bill to`.
    pub addresses: Vec<(String, Vec<String>)>,
    pub facts: Vec<(String, String)>,
    pub columns: Vec<super::Column>,
    pub rows: Vec<Vec<(String, String)>>,
    pub sums: Vec<Sum>,
    pub notes: Vec<String>,
}

#[derive(Template)]
#[template(path = "console/sheet.html")]
struct SheetTemplate<'s> {
    title: &'s str,
    back: &'s str,
    words: &'s SheetWords,
    sheets: &'s [Sheet],
}

/// A page of several sheets, named `title`, with the way `back` to where they were asked for.
pub fn render_sheets(title: &str, back: &str, sheets: &[Sheet]) -> String {
    let words = sheets.first().map_or_else(SheetWords::default, |sheet| sheet.words.clone());
    SheetTemplate { title, back, words: &words, sheets }.render().expect(super::NEVER_FAILS)
}

impl Sheet {
    pub fn render(&self) -> String {
        render_sheets(&self.title, &self.back, std::slice::from_ref(self))
    }

    fn is_number(&self, index: &usize) -> bool {
        self.columns.get(*index).is_some_and(|column| column.numeric)
    }
}
