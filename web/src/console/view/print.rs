//! Pages made to be printed: packing slips and invoices.

use super::parts::Sum;
use askama::Template;

/// A sheet of paper.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
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
    sheet: &'s Sheet,
}

impl Sheet {
    pub fn render(&self) -> String {
        SheetTemplate { sheet: self }.render().expect(super::NEVER_FAILS)
    }

    fn is_number(&self, index: &usize) -> bool {
        self.columns.get(*index).is_some_and(|column| column.numeric)
    }
}
