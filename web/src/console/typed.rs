//! What a person typed: kept as typed, so that a refused form comes back as it was.
//!
//! A record is turned into the same shape before it is edited, so that every form is drawn from one
//! source and read back by one reader.

use super::view::form::{Choice, Field, FieldKind, Form};
use super::view::table::Cell;
use super::wrong::Wrong;
use crate::extract::{form_pairs, read_body};
use crate::gate::{BodyMax, Call};
use crate::problem::{Kind, Problem};
use crate::routes::Body as RowBody;
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use bytes::Bytes;
use http::header;
use std::collections::BTreeMap;

/// The fields and files of a form.
#[derive(Clone, Debug, Default)]
pub struct Typed {
    fields: BTreeMap<String, Vec<String>>,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
pub struct File {
    pub field: String,
    pub bytes: Bytes,
}

/// Shows that a page of ours sent the form.
const TOKEN_FIELD: &str = "csrf";
/// Names the intention, so that a form sent twice acts once.
const KEY_FIELD: &str = "form_key";
/// More than any form of ours sends.
const FIELDS_MAX: usize = 5_000;

impl Typed {
    pub fn get(&self, name: &str) -> &str {
        self.fields.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// Without white space around it.
    pub fn trimmed(&self, name: &str) -> &str {
        self.get(name).trim()
    }

    pub fn all(&self, name: &str) -> &[String] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }

    pub fn has(&self, name: &str) -> bool {
        self.fields.contains_key(name)
    }

    pub fn is_ticked(&self, name: &str) -> bool {
        self.get(name) == "yes"
    }

    pub fn set(&mut self, name: impl Into<String>, value: impl ToString) {
        self.fields.insert(name.into(), vec![value.to_string()]);
    }

    pub fn add(&mut self, name: impl Into<String>, value: impl ToString) {
        self.fields.entry(name.into()).or_default().push(value.to_string());
    }

    /// `yes`, or nothing.
    pub fn tick(&mut self, name: impl Into<String>, on: bool) {
        if on {
            self.set(name, "yes");
        }
    }

    /// Names of fields that start with `prefix`, without it, and their values.
    pub fn prefixed<'t>(&'t self, prefix: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
        let from = self.fields.range(prefix.to_owned()..);
        let inside = from.take_while(move |(name, _)| name.starts_with(prefix));
        inside.map(move |(name, values)| (&name[prefix.len()..], values.first().map_or("", String::as_str)))
    }

    /// Files that were chosen for a field; an empty choice sends an empty file.
    pub fn files<'t>(&'t self, field: &'t str) -> impl Iterator<Item = &'t File> {
        self.files.iter().filter(move |file| file.field == field && !file.bytes.is_empty())
    }

    fn parse(text: &[u8]) -> Result<Typed, Problem> {
        let mut typed = Typed::default();
        for (number, (name, value)) in form_pairs(text)?.enumerate() {
            require_few(number)?;
            typed.add(name, value);
        }
        Ok(typed)
    }

    async fn parts(request: Request) -> Result<Typed, Problem> {
        let max = BodyMax::of(&request);
        let malformed = |error: &dyn std::fmt::Display| {
            Problem::new(Kind::Malformed).detail("The form can't be read.").because(error)
        };
        let (parts, body) = request.into_parts();
        let bytes = read_body(body, max).await?;
        let mut request = Request::from_parts(parts, axum::body::Body::from(bytes));
        // The gate's bound holds; axum's own, which is smaller, does not.
        DefaultBodyLimit::disable().apply(&mut request);
        let mut parts = Multipart::from_request(request, &()).await.map_err(|error| malformed(&error))?;
        let mut typed = Typed::default();
        let mut number = 0;
        while let Some(part) = parts.next_field().await.map_err(|error| malformed(&error))? {
            require_few(number)?;
            number += 1;
            let field = part.name().unwrap_or_default().to_owned();
            let is_file = part.file_name().is_some();
            let bytes = part.bytes().await.map_err(|error| malformed(&error))?;
            if is_file {
                typed.files.push(File { field, bytes });
            } else {
                let text = std::str::from_utf8(&bytes).map_err(|error| malformed(&error))?;
                typed.add(field, text);
            }
        }
        Ok(typed)
    }
}

fn require_few(number: usize) -> Result<(), Problem> {
    if number < FIELDS_MAX {
        return Ok(());
    }
    Err(Problem::new(Kind::Malformed).detail("The form has too many fields."))
}

impl<S: Send + Sync> FromRequest<S> for Typed {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Typed, Problem> {
        let call = Call::of(request.extensions())?;
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        let takes_files = matches!(call.row().body, RowBody::Upload | RowBody::Import);
        let typed = if kind.starts_with("application/x-www-form-urlencoded") {
            let max = BodyMax::of(&request);
            Typed::parse(&read_body(request.into_body(), max).await?)?
        } else if kind.starts_with("multipart/form-data") && takes_files {
            Typed::parts(request).await?
        } else {
            return Err(Problem::new(Kind::UnsupportedMediaType).detail("Send the fields of a form."));
        };
        call.check_form_token(Some(typed.get(TOKEN_FIELD)))?;
        let key = typed.get(KEY_FIELD);
        if !key.is_empty() && key.len() <= 64 {
            call.adopt_key(format!("form {} {key}", call.path()));
        }
        Ok(typed)
    }
}

impl Form {
    /// Puts what was typed into the fields, and what is wrong beside them.
    pub fn filled(mut self, typed: &Typed, wrong: &Wrong) -> Form {
        for section in &mut self.sections {
            for field in &mut section.fields {
                field.fill(typed, wrong);
            }
            let cells = section.grid.iter_mut().flat_map(|grid| grid.rows.iter_mut().flatten());
            for cell in cells {
                if let Cell::Input(field) = cell {
                    field.fill(typed, wrong);
                }
            }
        }
        self.error = wrong.form.clone();
        self
    }
}

impl Field {
    pub fn fill(&mut self, typed: &Typed, wrong: &Wrong) {
        self.error = wrong.fields.get(&self.name).cloned();
        let given = typed.all(&self.name);
        let choose = |choices: &mut Vec<Choice>| {
            for choice in choices {
                choice.chosen = given.contains(&choice.value);
            }
        };
        match &mut self.kind {
            FieldKind::Password | FieldKind::File { .. } | FieldKind::Fixed => {}
            FieldKind::Select(choices) | FieldKind::Radio(choices) if typed.has(&self.name) => {
                choose(choices)
            }
            FieldKind::Ticks(choices) => choose(choices),
            FieldKind::Tick => self.value = typed.get(&self.name).to_owned(),
            _ if typed.has(&self.name) => self.value = typed.get(&self.name).to_owned(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_comes_back_as_it_was() {
        let typed = Typed::parse(b"name=A+%3Cbat%3E&tag=x&tag=y&on=yes&size.b=2&size.a=1").unwrap();
        assert_eq!((typed.get("name"), typed.get("nothing")), ("A <bat>", ""));
        assert_eq!(typed.all("tag"), ["x", "y"]);
        assert!(typed.is_ticked("on") && !typed.is_ticked("name"));
        assert_eq!(typed.prefixed("size.").collect::<Vec<_>>(), [("a", "1"), ("b", "2")]);
    }

    #[test]
    fn a_form_of_too_many_fields_is_refused() {
        let text = "a=1&".repeat(FIELDS_MAX + 1);
        assert_eq!(Typed::parse(text.as_bytes()).unwrap_err().kind(), Kind::Malformed);
    }

    #[test]
    fn choices_follow_what_was_chosen() {
        let mut typed = Typed::default();
        typed.set("colour", "red");
        let choices = || vec![Choice::new("red", "Red"), Choice::new("blue", "Blue").chosen(true)];
        let form = Form::post("f", "/x")
            .fields(vec![
                Field::select("colour", "Colour", choices()),
                Field::select("other", "Other", choices()),
            ])
            .filled(&typed, &Wrong::default());
        let chosen = |place: usize| match &form.sections[0].fields[place].kind {
            FieldKind::Select(choices) => choices.iter().map(|choice| choice.chosen).collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        assert_eq!(chosen(0), [true, false]);
        assert_eq!(chosen(1), [false, true], "what was not sent keeps its first choice");
    }
}
