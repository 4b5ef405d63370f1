//! JSON bodies: typed, bounded, and with a pointer to whatever is wrong.

use super::read_body;
use crate::gate::BodyMax;
use crate::problem::{Kind, Problem};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, header};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_path_to_error::{Path, Segment};

/// A body read from JSON, or an answer written as JSON.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Json<T>, Problem> {
        let max = BodyMax::of(&request);
        let (parts, body) = request.into_parts();
        require_json(&parts.headers)?;
        let bytes = read_body(body, max).await?;
        read_json(&bytes).map(Json)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => json_response(bytes.into()),
            Err(error) => Problem::internal(error).into_response(),
        }
    }
}

/// An answer that is JSON already.
pub fn json_response(bytes: Bytes) -> Response {
    let mut response = Response::new(bytes.into());
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// # Errors
/// `unsupported-media-type` unless the body is JSON in UTF-8.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = || {
        Problem::new(Kind::UnsupportedMediaType)
            .header(header::ACCEPT, "application/json")
            .detail("Send the body as application/json in UTF-8.")
    };
    let given = headers.get(header::CONTENT_TYPE).ok_or_else(refused)?;
    let given = given.to_str().map_err(|_| refused())?.to_ascii_lowercase();
    let mut parts = given.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    let is_json = essence == "application/json"
        || essence.strip_prefix("application/").is_some_and(|subtype| subtype.ends_with("+json"));
    let utf8 = parts
        .filter_map(|parameter| parameter.strip_prefix("charset="))
        .all(|charset| charset.trim_matches('"') == "utf-8");
    if is_json && utf8 { Ok(()) } else { Err(refused()) }
}

/// Deepest nesting of arrays and objects that any body of ours needs, with room to spare.
const DEPTH_MAX: usize = 32;

/// Reads a value from JSON.
///
/// # Errors
/// `malformed`, `unknown-field`, or `validation` with the pointer of the first value that does not fit.
pub fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| Problem::new(Kind::Malformed).detail("The body is not UTF-8."))?;
    if depth(text) > DEPTH_MAX {
        return Err(Problem::new(Kind::Malformed).detail("The body is nested too deeply."));
    }
    refuse_ambiguities(text)?;
    let mut source = serde_json::Deserializer::from_str(text);
    let value = match serde_path_to_error::deserialize(&mut source) {
        Ok(value) => value,
        // A list would be taken for the fields in their order.
        Err(error) if error.inner().is_data() && !is_object(text) => return Err(not_an_object()),
        Err(error) => return Err(explain(error)),
    };
    source.end().map_err(|error| malformed(&error))?;
    if is_object(text) { Ok(value) } else { Err(not_an_object()) }
}

/// A member that stands twice means one thing to one reader and another to the next (RFC 8259, 4), and so does a
/// whole number that many readers round.
fn refuse_ambiguities(text: &str) -> Result<(), Problem> {
    let mut source = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, Distinct>(&mut source) {
        Err(error) if error.inner().is_data() => Err(explain(error)),
        // What is no JSON at all is told by the reader that follows.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The largest whole number that a script can tell from its neighbours; its negative is the smallest. Source:
/// RFC 8259, section 6.
const WHOLE_MAX: i64 = (1 << 53) - 1;

fn too_large<E: serde::de::Error>() -> E {
    E::custom(format!("must be a whole number from -{WHOLE_MAX} to {WHOLE_MAX}"))
}

/// Any value whose objects name no member twice and whose whole numbers mean the same to everybody.
struct Distinct;

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Distinct, D::Error> {
        source.deserialize_any(Distinct)
    }
}

impl<'de> serde::de::Visitor<'de> for Distinct {
    type Value = Distinct;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut members: A) -> Result<Distinct, A::Error> {
        let mut seen = std::collections::BTreeSet::new();
        while let Some(name) = members.next_key::<std::borrow::Cow<'de, str>>()? {
            if seen.contains(&name) {
                let shown: String = name.chars().take(60).collect();
                return Err(serde::de::Error::custom(format!("duplicate field `{shown}`")));
            }
            members.next_value::<Distinct>()?;
            seen.insert(name);
        }
        Ok(self)
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Distinct, A::Error> {
        while items.next_element::<Distinct>()?.is_some() {}
        Ok(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Distinct, E> {
        Ok(self)
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Distinct, E> {
        if number < -WHOLE_MAX { Err(too_large()) } else { Ok(self) }
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Distinct, E> {
        if number > WHOLE_MAX as u64 { Err(too_large()) } else { Ok(self) }
    }

    fn visit_f64<E>(self, _: f64) -> Result<Distinct, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Distinct, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Distinct, E> {
        Ok(self)
    }
}

fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

fn not_an_object() -> Problem {
    Problem::invalid("", "must be an object")
}

fn depth(text: &str) -> usize {
    let (mut deepest, mut open, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => open += 1,
            b']' | b'}' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(open);
    }
    deepest
}

fn malformed(error: &serde_json::Error) -> Problem {
    let place = format!("The body is not JSON: line {}, column {}.", error.line(), error.column());
    Problem::new(Kind::Malformed).detail(place)
}

fn explain(error: serde_path_to_error::Error<serde_json::Error>) -> Problem {
    let mut pointer = pointer(error.path());
    let inner = error.into_inner();
    if !inner.is_data() {
        return malformed(&inner);
    }
    let message = inner.to_string();
    // serde_json ends a message with the place in the text; the pointer says it better.
    let message = message.split(" at line ").next().unwrap_or_default();
    let named = |prefix: &str| message.strip_prefix(prefix).and_then(|rest| rest.split('`').next());
    if let Some(field) = named("unknown field `") {
        let shown: String = field.chars().take(60).collect();
        if !pointer.ends_with(&format!("/{}", escape(&shown))) {
            pointer = format!("{pointer}/{}", escape(&shown));
        }
        return Problem::new(Kind::UnknownField).field(pointer, "is not a field of this operation");
    }
    if let Some(field) = named("duplicate field `") {
        return Problem::new(Kind::Malformed).field(format!("{pointer}/{}", escape(field)), "is there twice");
    }
    if let Some(field) = named("missing field `") {
        return Problem::invalid(format!("{pointer}/{field}"), "is required");
    }
    Problem::invalid(pointer, wording(message))
}

/// serde's "invalid type: string \"x\", expected u32" without what the caller sent, which may be personal.
fn wording(message: &str) -> String {
    match message.rsplit_once("expected ") {
        Some((_, expected)) if message.starts_with("invalid") => format!("must be {}", people_say(expected)),
        _ => message.to_owned(),
    }
}

fn people_say(expected: &str) -> &str {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, zero or more",
        "i8" | "i16" | "i32" | "i64" => "a whole number",
        "a string" | "a borrowed string" => "text",
        "a boolean" => "true or false",
        "a sequence" => "a list",
        other if other.starts_with("struct ") || other == "a map" => "an object",
        other => other,
    }
}

fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => pointer.push_str(&format!("/{}", escape(key))),
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// A field of a JSON Merge Patch (RFC 7396): absent keeps, `null` clears, anything else replaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    #[default]
    Keep,
    Clear,
    Set(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Patch<T> {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Patch<T>, D::Error> {
        Ok(match Option::deserialize(source)? {
            None => Patch::Clear,
            Some(value) => Patch::Set(value),
        })
    }
}

impl<T> Patch<T> {
    /// `None` keeps, `Some(None)` clears.
    pub fn into_option(self) -> Option<Option<T>> {
        match self {
            Patch::Keep => None,
            Patch::Clear => Some(None),
            Patch::Set(value) => Some(Some(value)),
        }
    }

    /// The value after the patch.
    pub fn over(self, before: Option<T>) -> Option<T> {
        match self {
            Patch::Keep => before,
            Patch::Clear => None,
            Patch::Set(value) => Some(value),
        }
    }

    pub fn as_set(&self) -> Option<&T> {
        match self {
            Patch::Set(value) => Some(value),
            Patch::Keep | Patch::Clear => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Body {
        lines: Vec<Line>,
        #[serde(default)]
        note: Patch<String>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "read by serde only")]
    struct Line {
        quantity: u32,
    }

    #[test]
    fn every_fault_has_its_kind_and_place() {
        let check = |body: &str, kind: Kind, place: &str| {
            let problem = read_json::<Body>(body.as_bytes()).unwrap_err();
            let pointer = problem.errors().first().map_or("", |error| &error.pointer);
            assert_eq!((problem.kind(), pointer), (kind, place), "{body}");
        };
        check("", Kind::Malformed, "");
        check("{", Kind::Malformed, "");
        check(r#"{"lines": []} x"#, Kind::Malformed, "");
        check(r#"{"lines": [], "lines": []}"#, Kind::Malformed, "/lines");
        check(r#"{"lines": [{"quantity": 1, "quantity": 2}]}"#, Kind::Malformed, "/lines/0/quantity");
        check(r#"{"colour": 1, "colour": 1}"#, Kind::Malformed, "/colour");
        check(&format!("{}{}", "[".repeat(200), "]".repeat(200)), Kind::Malformed, "");
        check(r#"{"lines": [], "colour": 1}"#, Kind::UnknownField, "/colour");
        check(r#"{"lines": [{"quantity": 1, "a/b": 2}]}"#, Kind::UnknownField, "/lines/0/a~1b");
        check("{}", Kind::Validation, "/lines");
        check(r#"{"lines": [{}]}"#, Kind::Validation, "/lines/0/quantity");
        check(r#"{"lines": [{"quantity": -1}]}"#, Kind::Validation, "/lines/0/quantity");
        check(r#"{"lines": [{"quantity": 1.5}]}"#, Kind::Validation, "/lines/0/quantity");
        check(r#"{"lines": [{"quantity": 4294967296}]}"#, Kind::Validation, "/lines/0/quantity");
        check(r#"{"lines": [{"quantity": "two"}]}"#, Kind::Validation, "/lines/0/quantity");
        check("[]", Kind::Validation, "");
        check("[[]]", Kind::Validation, "");
        check("\"text\"", Kind::Validation, "");
        assert_eq!(read_json::<Body>(b"\xff").unwrap_err().kind(), Kind::Malformed);
    }

    #[test]
    fn no_member_stands_twice_however_deep_and_whatever_takes_it() {
        let twice = r#"{"a": [{"b/c": {"d": 1, "\u0064": null}}]}"#;
        let problem = read_json::<serde_json::Value>(twice.as_bytes()).unwrap_err();
        assert_eq!((problem.kind(), problem.errors()[0].pointer.as_str()), (Kind::Malformed, "/a/0/b~1c/d"));
        let fine = r#"{"a": {"a": [1, -1, 1.5, true, null, "a", 1e300]}, "b": {"a": {}}}"#;
        assert!(read_json::<serde_json::Value>(fine.as_bytes()).is_ok());
    }

    #[test]
    fn whole_numbers_are_those_that_everybody_reads_alike() {
        let check = |number: &str, is_taken: bool| {
            let body = format!(r#"{{"a": [{{"b": {number}}}]}}"#);
            let read = read_json::<serde_json::Value>(body.as_bytes());
            assert_eq!(read.is_ok(), is_taken, "{number}");
            if let Err(problem) = read {
                assert_eq!(problem.kind(), Kind::Validation);
                assert_eq!(problem.errors()[0].pointer, "/a/0/b");
                assert!(problem.errors()[0].detail.ends_with("to 9007199254740991"));
            }
        };
        check("9007199254740991", true);
        check("-9007199254740991", true);
        check("9007199254740992", false);
        check("-9007199254740992", false);
        check("9223372036854775807", false);
        check("18446744073709551615", false);
    }

    #[test]
    fn a_patch_tells_absent_from_null() {
        let note = |body: &str| read_json::<Body>(body.as_bytes()).unwrap().note;
        assert_eq!(note(r#"{"lines": []}"#), Patch::Keep);
        assert_eq!(note(r#"{"lines": [], "note": null}"#), Patch::Clear);
        assert_eq!(note(r#"{"lines": [], "note": "x"}"#), Patch::Set("x".into()));
    }

    #[test]
    fn what_the_caller_sent_is_not_repeated() {
        let problem = read_json::<Body>(br#"{"lines": [{"quantity": "ada@shop.example"}]}"#).unwrap_err();
        assert_eq!(problem.errors()[0].detail, "must be a whole number, zero or more");
    }
}
