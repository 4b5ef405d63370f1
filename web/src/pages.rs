//! Problems as pages, for people.

use crate::gate::{Call, RequestId};
use crate::problem::Problem;
use crate::routes::Surface;
use askama::Template;
use axum::response::{Html, IntoResponse, Response};

#[derive(Template)]
#[template(
    ext = "html",
    source = r#"<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{{ title }}</title></head>
<body>
<main>
<h1>{{ title }}</h1>
<p>{{ detail }}</p>
<p><a href="/">Go to the first page</a></p>
<p><small>{{ request_id }}</small></p>
</main>
</body>
</html>
"#
)]
struct Plain<'p> {
    title: &'p str,
    detail: &'p str,
    request_id: &'p str,
}

/// The page for a problem that a storefront or console request met.
pub fn problem_page(problem: &Problem, _call: Option<&Call>, _surface: Surface, id: &RequestId) -> Response {
    let kind = problem.kind();
    let detail = problem.detail_text().unwrap_or(kind.meaning());
    let page = Plain { title: kind.title(), detail, request_id: id.text() };
    let mut response = match page.render() {
        Ok(text) => (problem.status(), Html(text)).into_response(),
        Err(_) => problem.status().into_response(),
    };
    problem.put_headers(response.headers_mut());
    response
}
