//! Problems as pages of the console.

use super::view::{Action, Frame, Notice, Page, Part, Tone};
use super::visit::{frame, go};
use crate::gate::{Call, RequestId};
use crate::problem::{Kind, Problem};
use crate::routes::Row;
use axum::response::{Html, IntoResponse, Response};

/// The answer to a request of the console that met a problem: who is not signed in goes to the door and
/// comes back from there.
pub fn problem_page(
    problem: &Problem,
    call: Option<&Call>,
    row: &Row,
    path: &str,
    id: &RequestId,
) -> Response {
    if matches!(problem.kind(), Kind::Unauthorized | Kind::InvalidToken) && row.method.is_read() {
        let next: String = form_urlencoded::byte_serialize(path.as_bytes()).collect();
        return go(&format!("/console/sign-in?next={next}"));
    }
    let (title, text) = words(problem);
    let page = Page::new(title)
        .part(Notice::new(Tone::Warn, text).text(format!("Request {}", id.text())))
        .part(Part::Actions(vec![Action::go("To the first page", "/console")]));
    let body = match call {
        Some(call) => page.render(&frame(call)),
        None => page.render_at_the_door(&Frame { name: "Console".to_owned(), ..Frame::default() }),
    };
    let mut response = (problem.status(), Html(body)).into_response();
    problem.put_headers(response.headers_mut());
    response
}

/// What happened and what now.
fn words(problem: &Problem) -> (String, String) {
    let kind = problem.kind();
    let said = match kind {
        Kind::Unauthorized | Kind::InvalidToken => {
            "You were signed out. Sign in in another tab, then go back and send the form again: your browser keeps what you typed."
        }
        Kind::Forbidden => "Your role does not include this. An owner can change it under Staff.",
        Kind::CrossSite => {
            "The form was not sent by a page of this console, or it is from before you signed in. Open the page again."
        }
        _ => problem.detail_text().unwrap_or(kind.meaning()),
    };
    (kind.title().to_owned(), said.to_owned())
}
