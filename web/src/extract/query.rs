//! Query parameters: read by name, and refused if nobody asked for them.

use crate::problem::{FieldError, Kind, Problem};
use axum::extract::FromRequestParts;
use http::request::Parts;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// The query of a request, read as `T`.
#[derive(Clone, Debug)]
pub struct Query<T>(pub T);

/// What a route takes as query parameters.
pub trait Asked: Sized {
    const PARAMETERS: &'static [Parameter];
    fn read(pairs: &mut Pairs) -> Self;
}

/// One parameter, for the description of the interface.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    pub name: &'static str,
    /// `string`, `integer` or `boolean`.
    pub kind: &'static str,
    pub about: &'static str,
}

impl Parameter {
    pub const fn new(name: &'static str, kind: &'static str, about: &'static str) -> Parameter {
        Parameter { name, kind, about }
    }
}

/// Parameters not yet asked for, and what was wrong with those that were.
#[derive(Debug, Default)]
pub struct Pairs {
    left: BTreeMap<String, Vec<String>>,
    faults: Vec<FieldError>,
}

/// The names and values of a query or form.
///
/// # Errors
/// `malformed` if what is percent-encoded in it is not UTF-8: it would be read as something nobody wrote.
pub fn form_pairs(text: &[u8]) -> Result<form_urlencoded::Parse<'_>, Problem> {
    match percent_encoding::percent_decode(text).decode_utf8() {
        Ok(_) => Ok(form_urlencoded::parse(text)),
        Err(_) => Err(Problem::new(Kind::Malformed).detail("The parameters are not UTF-8.")),
    }
}

impl Pairs {
    /// More than any page of ours sends.
    const PAIRS_MAX: usize = 100;

    pub fn parse(query: &str) -> Result<Pairs, Problem> {
        let mut pairs = Pairs::default();
        for (number, (name, value)) in form_pairs(query.as_bytes())?.enumerate() {
            if number == Pairs::PAIRS_MAX {
                return Err(Problem::new(Kind::Malformed).detail("The query has too many parameters."));
            }
            pairs.left.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Ok(pairs)
    }

    /// A parameter given at most once.
    pub fn text(&mut self, name: &str) -> Option<String> {
        let mut values = self.left.remove(name)?;
        if values.len() > 1 {
            self.fault(name, "may be given once only");
        }
        values.pop()
    }

    /// A parameter of another type, given at most once.
    pub fn value<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<T> {
        self.with(name, T::from_str)
    }

    pub fn with<T, E: Display>(&mut self, name: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.text(name)?;
        match parse(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(name, error);
                None
            }
        }
    }

    /// An integer within bounds, both included.
    pub fn integer(&mut self, name: &str, min: i64, max: i64) -> Option<i64> {
        self.with(name, |text| match text.parse::<i64>() {
            Ok(value) if (min..=max).contains(&value) => Ok(value),
            _ => Err(format!("must be a whole number from {min} to {max}")),
        })
    }

    pub fn boolean(&mut self, name: &str) -> Option<bool> {
        self.with(name, |text| match text {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => Err("must be true or false"),
        })
    }

    /// Every parameter whose name starts with `prefix`, without it.
    pub fn prefixed(&mut self, prefix: &str) -> BTreeMap<String, Vec<String>> {
        let names: Vec<String> = self.left.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        let take =
            |name: String| (name[prefix.len()..].to_owned(), self.left.remove(&name).unwrap_or_default());
        names.into_iter().map(take).collect()
    }

    pub fn fault(&mut self, name: &str, detail: impl Display) {
        self.faults.push(FieldError { pointer: format!("?{name}"), detail: detail.to_string() });
    }

    /// # Errors
    /// `unknown-parameter` for what nobody asked for or could not be read.
    pub fn finish(mut self) -> Result<(), Problem> {
        for name in std::mem::take(&mut self.left).into_keys() {
            let shown: String = name.chars().take(60).collect();
            self.fault(&shown, "is not a parameter of this operation");
        }
        if self.faults.is_empty() {
            return Ok(());
        }
        Err(Problem::new(Kind::UnknownParameter).fields(self.faults))
    }
}

impl<T: Asked, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Query<T>, Problem> {
        let mut pairs = Pairs::parse(parts.uri.query().unwrap_or_default())?;
        let asked = T::read(&mut pairs);
        pairs.finish()?;
        Ok(Query(asked))
    }
}

/// Takes no parameters at all.
impl Asked for () {
    const PARAMETERS: &'static [Parameter] = &[];
    fn read(_: &mut Pairs) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_asked_for_is_refused_by_name() {
        let mut pairs = Pairs::parse("limit=5&colour=red&filter.brand=a&filter.brand=b").unwrap();
        assert_eq!(pairs.integer("limit", 1, 100), Some(5));
        assert_eq!(pairs.prefixed("filter.")["brand"], ["a", "b"]);
        let problem = pairs.finish().unwrap_err();
        assert_eq!(problem.kind(), Kind::UnknownParameter);
        assert_eq!(problem.errors()[0].pointer, "?colour");
    }

    #[test]
    fn values_out_of_bounds_and_repeats_are_refused() {
        let check = |query: &str| {
            let mut pairs = Pairs::parse(query).unwrap();
            pairs.integer("limit", 1, 100);
            pairs.boolean("in_stock");
            pairs.finish().unwrap_err().errors().len()
        };
        assert_eq!(check("limit=0"), 1);
        assert_eq!(check("limit=1&limit=2"), 1);
        assert_eq!(check("limit=99999999999999999999&in_stock=maybe"), 2);
    }
}
