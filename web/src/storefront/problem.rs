//! Pages about what went wrong, in the shop's frame.

use super::answer::see_other;
use super::listing::departments;
use super::view::content::{NotFoundPage, ProblemPage};
use super::view::parts::Link;
use super::view::{Head, Page, Shell, Visitor, paths};
use super::visit::{Visit, base_of, page_locale};
use crate::app::AppState;
use crate::gate::{Asked, Call, RequestId};
use crate::problem::{Kind, Problem};
use crate::shop::Shop;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderMap, header};
use std::sync::Arc;

/// A request that ended in a problem, perhaps before anybody knew whose it was.
pub struct Frameless<'p> {
    pub state: &'p AppState,
    pub shop: Arc<Shop>,
    pub call: Option<&'p Call>,
    pub asked: &'p Asked,
    pub id: &'p RequestId,
}

pub fn show(problem: &Problem, met: &Frameless<'_>) -> Response {
    let (locale, base) = base_of(met.shop.settings(), met.asked.path());
    if problem.kind() == Kind::Unauthorized {
        return see_other(&sign_in_address(&base, met.asked.path()));
    }
    let head = Head { no_index: true, ..Head::default() };
    let visit = met.call.map(|call| Visit::again(call, &met.shop, met.asked));
    let shell = match &visit {
        Some(visit) => super::answer::personal_shell(visit, head, String::new()),
        None => Shell {
            shop: met.state.storefront.frames.frame(met.state, &met.shop, &locale, &base).view.clone(),
            kind: met.asked.page.kind,
            locale: page_locale(&locale),
            base,
            head,
            visitor: Visitor::default(),
            path: met.asked.path().to_owned(),
            query: String::new(),
            csrf: String::new(),
            notice: None,
        },
    };
    let page: Box<dyn Page> = match problem.kind() {
        Kind::NotFound => {
            Box::new(NotFoundPage { suggestions: visit.as_ref().map(departments).unwrap_or_default() })
        }
        _ => Box::new(ProblemPage {
            status: problem.status().as_u16(),
            detail: None,
            request_id: met.id.text().to_owned(),
            retry_after_seconds: retry_after(problem),
            action: action(problem.kind(), &shell),
        }),
    };
    (problem.status(), Html(page.render(&shell))).into_response()
}

/// Where to sign in, and where to go on afterwards. What a form was sent to may have no page of its
/// own: its first two parts always have one.
fn sign_in_address(base: &str, path: &str) -> String {
    let account: Vec<&str> = path.strip_prefix(base).unwrap_or(path).split('/').take(3).collect();
    let next = format!("{base}{}", account.join("/"));
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", &next).finish();
    format!("{base}{}?{query}", paths::SIGN_IN)
}

fn retry_after(problem: &Problem) -> Option<u64> {
    let mut headers = HeaderMap::new();
    problem.put_headers(&mut headers);
    headers.get(header::RETRY_AFTER)?.to_str().ok()?.parse().ok()
}

fn action(kind: Kind, shell: &Shell) -> Option<Link> {
    let t = shell.text();
    match kind {
        Kind::CartEmpty | Kind::CartExpired | Kind::CartChanged | Kind::OutOfStock | Kind::NotForSale => {
            Some(Link::new(t.view_cart(), shell.to(paths::CART)))
        }
        Kind::Forbidden | Kind::InvalidToken => Some(Link::new(t.sign_in(), shell.to(paths::SIGN_IN))),
        _ => None,
    }
}
