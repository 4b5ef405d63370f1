//! CSV that spreadsheets open and imports read back.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderValue, header};

/// What a spreadsheet takes for a formula, and the mark itself, so that reading takes off exactly what
/// writing put there.
pub const MARKED: [char; 6] = ['=', '+', '-', '@', '\t', '\''];

/// Text that a spreadsheet would take for a formula is marked as text.
pub fn cell(text: &str) -> String {
    if text.starts_with(MARKED) { format!("'{text}") } else { text.to_owned() }
}

/// A file to keep under this name.
pub fn csv_answer(name: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    if let Ok(value) = HeaderValue::try_from(format!("attachment; filename=\"{name}.csv\"")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

/// One record with its end.
pub fn line<'c>(cells: impl IntoIterator<Item = &'c str>) -> Vec<u8> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // A vector takes every byte.
    let _ = writer.write_record(cells);
    writer.into_inner().unwrap_or_default()
}
