//! What went wrong, as the caller reads it: `application/problem+json` (RFC 9457).
//!
//! The kinds are a closed table: each has a slug, a status, a title and a page that explains it.
//! A [`Problem`] carries facts for the caller and nothing about the inside: no stack, path or SQL. What
//! the operator needs to know goes to the log, under the same request id.

mod kinds;
mod pages;
mod refusals;

pub use kinds::Kind;
pub use pages::{explain_problem, list_problems};

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::sync::Arc;

/// One answer that is not the one hoped for.
#[derive(Clone, Debug)]
pub struct Problem(Box<Facts>);

#[derive(Clone, Debug)]
struct Facts {
    kind: Kind,
    detail: Option<Cow<'static, str>>,
    errors: Vec<FieldError>,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log only.
    cause: Option<String>,
}

/// What is wrong with one field of the request.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// RFC 6901 pointer into the body, or `?name` for a query parameter.
    pub pointer: String,
    pub detail: String,
}

impl Problem {
    pub fn new(kind: Kind) -> Problem {
        Problem(Box::new(Facts {
            kind,
            detail: None,
            errors: Vec::new(),
            members: Map::new(),
            headers: Vec::new(),
            cause: None,
        }))
    }

    /// One sentence for the caller about this occurrence.
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Problem {
        self.0.detail = Some(detail.into());
        self
    }

    /// A member of its own, as the table of kinds promises it.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.0.members.insert(name.to_owned(), value.into());
        self
    }

    pub fn field(mut self, pointer: impl Into<String>, detail: impl Into<String>) -> Problem {
        self.0.errors.push(FieldError { pointer: pointer.into(), detail: detail.into() });
        self
    }

    pub fn fields(mut self, errors: Vec<FieldError>) -> Problem {
        self.0.errors.extend(errors);
        self
    }

    pub fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Problem {
        if let Ok(value) = value.try_into() {
            self.0.headers.push((name, value));
        }
        self
    }

    /// Asks the caller to come back after so many seconds.
    pub fn retry_after(self, seconds: u64) -> Problem {
        self.header(header::RETRY_AFTER, seconds.to_string())
    }

    /// Notes for the log what the caller must not see.
    pub fn because(mut self, cause: impl std::fmt::Display) -> Problem {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// A disk is nearly full: an operator has to act.
    pub fn no_room() -> Problem {
        Problem::new(Kind::InsufficientStorage).retry_after(60)
    }

    /// A fault on this side.
    pub fn internal(cause: impl std::fmt::Display) -> Problem {
        Problem::new(Kind::InternalError).because(cause)
    }

    /// Not there, or another tenant's: the answer is the same.
    pub fn not_found(what: &str) -> Problem {
        Problem::new(Kind::NotFound).detail(format!("There is no such {what} here."))
    }

    /// One field that was understood and is wrong.
    pub fn invalid(pointer: impl Into<String>, detail: impl std::fmt::Display) -> Problem {
        Problem::new(Kind::Validation).field(pointer, detail.to_string())
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn status(&self) -> StatusCode {
        self.0.kind.status()
    }

    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    pub fn errors(&self) -> &[FieldError] {
        &self.0.errors
    }

    pub fn detail_text(&self) -> Option<&str> {
        self.0.detail.as_deref()
    }

    pub fn member_value(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// The document, about this request.
    pub fn document(&self, instance: &str, request_id: &str) -> Value {
        let Facts { kind, detail, errors, members, .. } = &*self.0;
        let mut document = Map::new();
        document.insert("type".into(), format!("/problems/{}", kind.slug()).into());
        document.insert("title".into(), kind.title().into());
        document.insert("status".into(), kind.status().as_u16().into());
        document.insert("detail".into(), detail.as_deref().unwrap_or(kind.meaning()).into());
        document.insert("instance".into(), instance.into());
        document.insert("request_id".into(), request_id.into());
        if !errors.is_empty() {
            document.insert("errors".into(), serde_json::to_value(errors).unwrap_or_default());
        }
        document.extend(members.clone());
        Value::Object(document)
    }

    /// The answer for a caller that reads JSON.
    pub fn answer(&self, instance: &str, request_id: &str) -> Response {
        let body = self.document(instance, request_id).to_string();
        let mut response = (self.status(), body).into_response();
        self.put_headers(response.headers_mut());
        let json = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, json);
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// What this problem says in headers, whatever the body is.
    pub fn put_headers(&self, headers: &mut http::HeaderMap) {
        for (name, value) in &self.0.headers {
            headers.insert(name.clone(), value.clone());
        }
    }
}

/// Where a handler leaves its problem for the gate, which knows the request id and whether the caller
/// reads JSON or pages.
#[derive(Clone)]
pub(crate) struct Left(pub Arc<Problem>);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Left(Arc::new(self)));
        response
    }
}

/// Gathers what is wrong with a request's values, so that the caller sees all of it at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<FieldError>);

impl Faults {
    pub fn new() -> Faults {
        Faults::default()
    }

    pub fn add(&mut self, pointer: impl Into<String>, detail: impl std::fmt::Display) {
        self.0.push(FieldError { pointer: pointer.into(), detail: detail.to_string() });
    }

    /// The value, or a note of what is wrong with it.
    pub fn take<T, E: std::fmt::Display>(
        &mut self,
        pointer: impl Into<String>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|error| self.add(pointer, error)).ok()
    }

    /// Parses a value that may be absent.
    pub fn optional<T, E: std::fmt::Display>(
        &mut self,
        pointer: impl Into<String>,
        text: Option<&str>,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        text.and_then(|text| self.take(pointer, parse(text)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// # Errors
    /// `validation` with every note, if there is one.
    pub fn check(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::new(Kind::Validation).fields(self.0)) }
    }

    /// `value` if nothing was wrong. A missing value without a note is a fault of this program.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problem> {
        self.check()?;
        value.ok_or_else(|| Problem::internal("a value is missing that no check has refused"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_says_what_and_where_and_nothing_of_the_inside() {
        let problem = Problem::invalid("/lines/0/quantity", "must be 1 to 999").because("secret");
        let document = problem.document("/api/v1/carts", "req_1");
        assert_eq!(document["type"], "/problems/validation");
        assert_eq!(document["status"], 422);
        assert_eq!(document["errors"][0]["pointer"], "/lines/0/quantity");
        assert_eq!(document["request_id"], "req_1");
        assert!(!document.to_string().contains("secret"));
    }

    #[test]
    fn slugs_are_flat_and_name_one_kind_each() {
        let mut slugs: Vec<&str> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        let before = slugs.len();
        slugs.dedup();
        assert_eq!(slugs.len(), before);
        for kind in Kind::ALL {
            assert!(kind.slug().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'), "{}", kind.slug());
            assert_eq!(Kind::from_slug(kind.slug()), Some(*kind));
            assert!(kind.status().is_client_error() || kind.status().is_server_error());
        }
    }
}
