//! One look at a page: the caller, what the address asks for, and the frame around the answer.

use super::done::Done;
use super::menu;
use super::view::{Frame, Notice, Page, Person, Tone};
use super::words::Words;
use crate::gate::{Call, Caller, Place};
use crate::problem::Problem;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::{Permission, Role, STAFF};
use gearify_commerce::{StaffId, tenants};
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use std::collections::BTreeMap;

/// More than any page of ours reads.
const PAIRS_MAX: usize = 200;

/// A request for a page. Parameters nobody knows are left alone: addresses of pages are typed and shared.
pub struct Visit {
    pub call: Call,
    query: BTreeMap<String, Vec<String>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Visit, Problem> {
        Ok(Visit::of(Call::of(&parts.extensions)?, parts.uri.query().unwrap_or_default()))
    }
}

impl Visit {
    /// As if a list with this query were asked for: what a form carries along of the list it stands under.
    pub fn of(call: Call, query: &str) -> Visit {
        let mut visit = Visit { call, query: BTreeMap::new() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()).take(PAIRS_MAX) {
            visit.query.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        visit
    }

    pub fn get(&self, name: &str) -> &str {
        self.query.get(name).and_then(|values| values.first()).map_or("", |text| text.trim())
    }

    pub fn all(&self, name: &str) -> &[String] {
        self.query.get(name).map_or(&[], Vec::as_slice)
    }

    /// The frame with the news the address brings.
    pub fn frame(&self) -> Frame {
        let mut frame = frame(&self.call);
        let count = self.get("count").parse().unwrap_or(0);
        frame.notice = Done::parse(self.get("done")).map(|done| Notice::new(Tone::Good, done.words(count)));
        frame
    }

    pub fn show(&self, page: &Page) -> Response {
        Html(page.render(&self.frame())).into_response()
    }
}

/// What every page of this caller shares.
pub fn frame(call: &Call) -> Frame {
    let (name, shop_href) = match call.place() {
        Place::Shop(shop) => (shop.tenant.profile.value.name.to_string(), Some("/".to_owned())),
        Place::Platform | Place::Anywhere => ("Gearify".to_owned(), None),
    };
    Frame {
        name,
        shop_href,
        person: person(call),
        menu: menu::menu(call),
        token: call.form_token().unwrap_or_default(),
        key: fresh_key(),
        notice: None,
    }
}

fn fresh_key() -> String {
    gearify_commerce::ids::encode_base32(rand::random())
}

fn person(call: &Call) -> Option<Person> {
    let Caller::Staff(staff) = call.caller() else { return None };
    let name = staff_name(call, staff.id);
    Some(Person { name, role: role_words(staff.role).to_owned() })
}

/// The name of a colleague, or what is known of somebody whose data is gone.
pub fn staff_name(call: &Call, id: StaffId) -> String {
    let open = |view: &gearify_commerce::ReadScope<'_>| {
        let member = STAFF.get(view, &id)?;
        gearify_commerce::sealed::open(view, call.vault(), &member.card).ok()
    };
    call.read(GroupKind::World, open).map_or_else(|| "Former colleague".to_owned(), |card| card.name)
}

pub fn role_words(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Manager => "Manager",
        Role::Fulfilment => "Fulfilment",
        Role::Support => "Support",
        Role::Operator => "Operator",
    }
}

pub fn may(call: &Call, permission: Permission) -> bool {
    call.caller().may(permission)
}

/// The shop's settings as they stand; routes of shops always have them.
///
/// # Errors
/// `not-found` under the operator's host.
pub fn settings(call: &Call) -> Result<&tenants::Settings, Problem> {
    Ok(call.shop()?.settings())
}

/// # Errors
/// `not-found` under the operator's host.
pub fn words(call: &Call) -> Result<Words, Problem> {
    Ok(Words::of(settings(call)?))
}

/// The page again, with what is wrong in it.
pub fn refused(call: &Call, page: &Page) -> Response {
    (StatusCode::UNPROCESSABLE_ENTITY, Html(page.render(&frame(call)))).into_response()
}

/// On to `path`, which tells what was done.
pub fn see(path: &str, done: Done) -> Response {
    see_many(path, done, 0)
}

pub fn see_many(path: &str, done: Done, count: u64) -> Response {
    let joint = if path.contains('?') { '&' } else { '?' };
    let news = match count {
        0 => format!("done={}", done.as_str()),
        count => format!("done={}&count={count}", done.as_str()),
    };
    let (path, fragment) =
        path.split_once('#').map_or((path, String::new()), |(path, rest)| (path, format!("#{rest}")));
    go(&format!("{path}{joint}{news}{fragment}"))
}

/// A redirect that a browser follows with GET.
pub fn go(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(value) = HeaderValue::try_from(path) {
        response.headers_mut().insert(header::LOCATION, value);
    }
    response
}
