//! Problems of the storefront as pages: in the shop's own frame, with a way on.
//!
//! A visitor who has to sign in first is sent there and back. Where no shop is known (a strange host,
//! the operator's) the page is plain.

use crate::app::AppState;
use crate::gate::{Asked, Call, RequestId, normal_host};
use crate::problem::{Kind, Problem};
use crate::storefront::problem::{self as shop_pages, Frameless};
use crate::storefront::shell_kind;
use crate::storefront::view::ShellKind;
use askama::Template;
use axum::extract::Request;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};

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

/// What of a request's headers a page about its problem needs.
#[derive(Default)]
pub struct AskedPage {
    pub kind: ShellKind,
    pub host: Option<HeaderValue>,
    pub cookie: Option<HeaderValue>,
}

impl AskedPage {
    pub fn of(request: &Request) -> AskedPage {
        let headers = request.headers();
        let authority = request.uri().authority().and_then(|host| HeaderValue::try_from(host.as_str()).ok());
        AskedPage {
            kind: shell_kind(headers),
            host: authority.or_else(|| headers.get(header::HOST).cloned()),
            cookie: headers.get(header::COOKIE).cloned(),
        }
    }

    /// The headers that are left, as a request would carry them.
    pub fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let kept = [(header::HOST, &self.host), (header::COOKIE, &self.cookie)];
        headers.extend(kept.into_iter().filter_map(|(name, value)| Some((name, value.clone()?))));
        headers
    }

    fn host(&self) -> Option<String> {
        self.host.as_ref()?.to_str().ok().map(normal_host)
    }
}

/// The page for a problem that a request for a page of a shop met.
pub fn problem_page(
    problem: &Problem,
    state: &AppState,
    call: Option<&Call>,
    asked: &Asked,
    id: &RequestId,
) -> Response {
    let mut response = page(problem, state, call, asked, id);
    problem.put_headers(response.headers_mut());
    response.headers_mut().remove(header::WWW_AUTHENTICATE);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn page(problem: &Problem, state: &AppState, call: Option<&Call>, asked: &Asked, id: &RequestId) -> Response {
    let shop = match call {
        Some(call) => call.shop().ok().cloned(),
        // Refused at the gate: who asks is not known, but whose shop it is.
        None if problem.kind() == Kind::UnknownHost => None,
        None => asked.page.host().and_then(|host| state.shops.by_host(&*state.backend, &host)),
    };
    match shop {
        Some(shop) => shop_pages::show(problem, &Frameless { state, shop, call, asked, id }),
        None => plain(problem, id),
    }
}

fn plain(problem: &Problem, id: &RequestId) -> Response {
    let kind = problem.kind();
    let detail = problem.detail_text().unwrap_or(kind.meaning());
    let page = Plain { title: kind.title(), detail, request_id: id.text() };
    match page.render() {
        Ok(text) => (problem.status(), Html(text)).into_response(),
        Err(_) => problem.status().into_response(),
    }
}
