//! Import and export: a file is checked row by row first, and nothing changes; then it is applied.
//!
//! What is checked is what is applied: the page carries the text of the file to the second step.

use super::done::Done;
use super::typed::Typed;
use super::view::form::{Choice, Submit};
use super::view::{Cell, Column, Field, FieldKind, Form, Link, Notice, Page, Panel, Part, Row, Table, Tone};
use super::visit::{Visit, frame, may, refused};
use super::wrong::{Wrong, sentence};
use crate::api::{ImportReport, RowFault, import_products, import_stock};
use crate::gate::Call;
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::staff::Permission::{StockRead, StockWrite};

pub fn routes() -> Vec<Route> {
    routes! { "Console: import and export", Console, Shop;
        Get "/console/import" import_page: Staff(ProductsWrite), PERSON, Read, None, None, None,
            query(), request(), 200(), "Files in and out";
        Post "/console/import" import_form: Staff(ProductsWrite), PERSON, Write, Import, None, Token,
            query(), request(), 200(), "Checks a file, then applies it";
    }
}

/// The page carries the text once more; larger files go in parts, or through the interface.
const FILE_BYTES_MAX: usize = 4 << 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Products,
    Stock,
}

impl What {
    fn parse(text: &str) -> Option<What> {
        match text {
            "products" => Some(What::Products),
            "stock" => Some(What::Stock),
            _ => None,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            What::Products => "products",
            What::Stock => "stock",
        }
    }
}

pub async fn import_page(visit: Visit) -> Response {
    let mut typed = Typed::default();
    typed.set("what", "products");
    visit.show(&page(&visit.call, &typed, &Wrong::default()))
}

fn page(call: &Call, typed: &Typed, wrong: &Wrong) -> Page {
    let mut kinds = vec![
        Choice::new("products", "Products")
            .hint("A row for each variant; rows of one product share its slug"),
    ];
    if may(call, StockWrite) {
        kinds.push(Choice::new("stock", "Stock").hint("A row for each SKU and warehouse"));
    }
    let file =
        Field::new(FieldKind::File { accept: ".csv,text/csv".to_owned(), many: false }, "file", "CSV file");
    let form = Form::post("import", "/console/import")
        .upload()
        .fields(vec![
            Field::new(FieldKind::Radio(kinds), "what", "What is in it"),
            file.hint("UTF-8, at most 4 MiB and 5,000 rows, with the columns an export has."),
        ])
        .submit(Submit::main("Check the file"))
        .filled(typed, wrong);
    let mut exports = vec![Link::new("Products as CSV", "/api/v1/admin/exports/products")];
    if may(call, StockRead) {
        exports.push(Link::new("Stock as CSV", "/api/v1/admin/exports/stock"));
    }
    let about = "An export holds exactly what an import reads: change cells and send it back. Columns may be left out, \
        and empty cells change nothing. Amounts are in the smallest unit: 24900 is 249.00.";
    Page::new("Import and export")
        .part(Panel::new("Import").note("First checked; nothing changes yet").part(form))
        .aside(Panel::new("Export").part(Part::Text(about.to_owned())).part(Part::Links(exports)))
}

pub async fn import_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let read = match read(&call, &typed) {
        Ok(read) => read,
        Err(wrong) => return Ok(refused(&call, &page(&call, &typed, &wrong))),
    };
    let (what, text) = read;
    let dry_run = typed.get("step") != "apply";
    let report = match what {
        What::Products => import_products(&call, text.as_bytes(), dry_run).await,
        What::Stock => import_stock(&call, text.as_bytes(), dry_run).await,
    };
    match report {
        Ok(report) => Ok(Html(report_page(what, &text, &report).render(&frame(&call))).into_response()),
        Err(problem) if problem.status().is_server_error() => Err(problem),
        Err(problem) => {
            let wrong = Wrong::field("file", file_words(&problem));
            Ok(refused(&call, &page(&call, &typed, &wrong)))
        }
    }
}

/// What is wrong with the file as a whole.
fn file_words(problem: &Problem) -> String {
    let column = |pointer: &str| match pointer.trim_start_matches('/') {
        "" => "The file".to_owned(),
        column => format!("The column {column}"),
    };
    match problem.errors().first() {
        Some(error) => sentence(&format!("{} {}", column(&error.pointer), error.detail)),
        None => problem.detail_text().unwrap_or(problem.kind().meaning()).to_owned(),
    }
}

/// The file as it was chosen, or as the first step carried it here. Line ends are made one, since a
/// browser changes them on the way.
fn read(call: &Call, typed: &Typed) -> Result<(What, String), Wrong> {
    let what = What::parse(typed.get("what")).ok_or_else(|| Wrong::field("what", "Choose one of these."))?;
    if what == What::Stock && !may(call, StockWrite) {
        return Err(Wrong::field("what", "Your role does not include counting stock."));
    }
    let carried = typed.get("text");
    if !carried.is_empty() {
        return Ok((what, carried.replace("\r\n", "\n")));
    }
    let file = typed.files("file").next().ok_or_else(|| Wrong::field("file", "Choose a file first."))?;
    if file.bytes.len() > FILE_BYTES_MAX {
        return Err(Wrong::field("file", "The file is larger than 4 MiB. Send it in parts."));
    }
    match std::str::from_utf8(&file.bytes) {
        Ok(text) => Ok((what, text.replace("\r\n", "\n"))),
        Err(_) => Err(Wrong::field("file", "The file is not UTF-8 text. Save it as CSV UTF-8.")),
    }
}

fn report_page(what: What, text: &str, report: &ImportReport) -> Page {
    let title = if report.dry_run { "Checked" } else { "Imported" };
    let mut page = Page::new(title).under("Import and export", "/console/import").part(verdict(report));
    let counts = [
        ("Rows", report.rows),
        ("New", report.created),
        ("Changed", report.updated),
        ("As they are", report.unchanged),
        ("Refused", refused_rows(&report.faults)),
    ];
    let figures = counts.map(|(name, count)| super::view::Figure {
        name: name.to_owned(),
        value: count.to_string(),
        beside: String::new(),
        tone: Tone::Plain,
        href: None,
    });
    page = page.part(Part::Figures(figures.to_vec()));
    if !report.faults.is_empty() {
        page = page.part(Panel::new("Refused").flush().part(faults(&report.faults)));
    }
    if report.dry_run && report.created + report.updated > 0 {
        let label = if report.faults.is_empty() { "Apply" } else { "Apply the rows that are good" };
        let form = Form::post("apply", "/console/import")
            .hidden("what", what.as_str())
            .hidden("step", "apply")
            .hidden("text", text)
            .submit(Submit::main(label))
            .cancel("Choose another file", "/console/import");
        page = page.part(Panel::new("Go on").part(form));
    }
    page
}

fn verdict(report: &ImportReport) -> Notice {
    let changes = report.created + report.updated;
    match (report.dry_run, changes, report.faults.is_empty()) {
        (true, 0, true) => {
            Notice::new(Tone::Good, "No change.").text("Everything in the file is as it stands.")
        }
        (true, 0, false) => Notice::new(Tone::Bad, "Nothing can be applied.")
            .text("Put the rows below right and check again."),
        (true, _, true) => Notice::new(Tone::Good, "The file is good.").text("Nothing was changed yet."),
        (true, _, false) => {
            Notice::new(Tone::Warn, "Some rows can't be applied.").text("Nothing was changed yet.")
        }
        (false, _, true) => Notice::new(Tone::Good, Done::Saved.words(0)),
        (false, _, false) => Notice::new(Tone::Warn, "Saved, but not all of it.")
            .text("The rows below were refused and are as they were."),
    }
}

fn refused_rows(faults: &[RowFault]) -> usize {
    let rows: std::collections::BTreeSet<u64> = faults.iter().map(|fault| fault.row).collect();
    rows.len()
}

fn faults(faults: &[RowFault]) -> Table {
    let rows = faults.iter().map(|fault| {
        let column = fault.column.clone().unwrap_or_default();
        Row::new(vec![
            Cell::Text(fault.row.to_string()),
            Cell::Text(column),
            Cell::Text(sentence(&fault.detail)),
        ])
    });
    let columns = vec![Column::number("Row"), Column::new("Column"), Column::new("What is wrong")];
    Table::new("Rows that were refused", columns).rows(rows)
}
