//! What `decide` checks beyond what types already guarantee: lengths, counts, ranges.
//!
//! Every check names the field as a path into the command (`variants/0/sku`), so that an answer can
//! point at it. No stored value may pass [`RECORD_BYTES_MAX`]: the state view takes values under 64 KiB.

use crate::text::Text;
use gearify_storage::{Record, encode};
use serde::{Deserialize, Serialize};

/// Largest stored record, with room under the engine's limit.
pub const RECORD_BYTES_MAX: usize = 60 * 1024;
/// Languages one text may have.
pub const LOCALES_MAX: usize = 16;

/// A field and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{field} {problem}")]
pub struct Invalid {
    pub field: String,
    pub problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum Problem {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {chars_max} characters")]
    TooLong { chars_max: u32 },
    #[error("must not contain control characters")]
    Control,
    #[error("must have at most {count_max} entries")]
    TooMany { count_max: u32 },
    #[error("must take at most {bytes_max} bytes")]
    TooLarge { bytes_max: u32 },
    #[error("must be from {least} to {most}")]
    OutOfRange { least: i64, most: i64 },
    #[error("names {value} twice")]
    Repeated { value: String },
    #[error("must not be {value} here")]
    Unsuitable { value: String },
}

impl Invalid {
    pub fn new(field: impl Into<String>, problem: Problem) -> Invalid {
        Invalid { field: field.into(), problem }
    }

    /// The same problem, with the field inside `parent`.
    pub fn inside(self, parent: &str) -> Invalid {
        Invalid { field: format!("{parent}/{}", self.field), ..self }
    }

    pub(crate) fn unsuitable(field: &str, value: impl std::fmt::Display) -> Invalid {
        Invalid::new(field, Problem::Unsuitable { value: value.to_string() })
    }
}

type Check = Result<(), Invalid>;

/// One line in every language, which may be missing.
pub(crate) fn line(field: &str, text: &Text, chars_max: usize) -> Check {
    words(field, text, chars_max, &[])
}

/// One line in every language, of which there is at least one.
pub(crate) fn named(field: &str, text: &Text, chars_max: usize) -> Check {
    if text.is_empty() {
        return Err(Invalid::new(field, Problem::Empty));
    }
    line(field, text, chars_max)
}

/// Paragraphs in every language, which may be missing.
pub(crate) fn prose(field: &str, text: &Text, chars_max: usize) -> Check {
    words(field, text, chars_max, &['\n', '\r', '\t'])
}

fn words(field: &str, text: &Text, chars_max: usize, allowed: &[char]) -> Check {
    count(field, text.iter().count(), LOCALES_MAX)?;
    if text.chars_max() > chars_max {
        return Err(Invalid::new(field, Problem::TooLong { chars_max: chars_max as u32 }));
    }
    let control = |letter: char| letter.is_control() && !allowed.contains(&letter);
    match text.iter().any(|(_, words)| words.contains(control)) {
        true => Err(Invalid::new(field, Problem::Control)),
        false => Ok(()),
    }
}

pub(crate) fn count(field: &str, found: usize, count_max: usize) -> Check {
    match found <= count_max {
        true => Ok(()),
        false => Err(Invalid::new(field, Problem::TooMany { count_max: count_max as u32 })),
    }
}

pub(crate) fn not_empty(field: &str, found: usize) -> Check {
    if found == 0 { Err(Invalid::new(field, Problem::Empty)) } else { Ok(()) }
}

pub(crate) fn range(field: &str, value: i64, least: i64, most: i64) -> Check {
    match (least..=most).contains(&value) {
        true => Ok(()),
        false => Err(Invalid::new(field, Problem::OutOfRange { least, most })),
    }
}

/// No value stands twice in the list.
pub(crate) fn distinct<T: Ord + std::fmt::Display>(
    field: &str,
    values: impl IntoIterator<Item = T>,
) -> Check {
    let mut seen = std::collections::BTreeSet::new();
    for value in values {
        let text = value.to_string();
        if !seen.insert(value) {
            return Err(Invalid::new(field, Problem::Repeated { value: text }));
        }
    }
    Ok(())
}

/// The record as a whole fits the state view.
pub(crate) fn fits(field: &str, record: &impl Record) -> Check {
    match encode(record).len() <= RECORD_BYTES_MAX {
        true => Ok(()),
        false => Err(Invalid::new(field, Problem::TooLarge { bytes_max: RECORD_BYTES_MAX as u32 })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locale::Locale;

    #[test]
    fn a_text_is_measured_in_its_longest_language() {
        let en = Locale::parse("en").unwrap();
        let text = Text::new(en.clone(), "ab\ncd");
        assert_eq!(line("name", &text, 9).unwrap_err().problem, Problem::Control);
        assert_eq!(prose("body", &text, 5), Ok(()));
        assert_eq!(prose("body", &text, 4).unwrap_err().problem, Problem::TooLong { chars_max: 4 });
        assert_eq!(named("name", &Text::new(en, ""), 9).unwrap_err().problem, Problem::Empty);
    }

    #[test]
    fn a_value_twice_is_named() {
        assert_eq!(distinct("list", [1, 2, 3]), Ok(()));
        let problem = Problem::Repeated { value: "2".into() };
        assert_eq!(distinct("list", [2, 1, 2]), Err(Invalid::new("list", problem)));
    }
}
