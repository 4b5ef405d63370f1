//! Text that merchants and shoppers type, checked once at the edge.

use crate::locale::Locale;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Why typed text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum TextError {
    #[error("must not be empty")]
    Empty,
    #[error("must have at most {chars_max} characters")]
    TooLong { chars_max: u32 },
    #[error("must not contain control characters")]
    Control,
    #[error("use a-z, 0-9 and single hyphens")]
    Slug,
}

/// One line of human text: trimmed, not empty, at most 200 characters, no control characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    pub const CHARS_MAX: u32 = 200;

    pub fn parse(text: &str) -> Result<Name, TextError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.chars().count() > Name::CHARS_MAX as usize {
            return Err(TextError::TooLong { chars_max: Name::CHARS_MAX });
        }
        if text.chars().any(char::is_control) {
            return Err(TextError::Control);
        }
        Ok(Name(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = TextError;
    fn try_from(text: String) -> Result<Name, TextError> {
        Name::parse(&text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.0
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// The part of an address that names a page: `kashmir-willow-bat`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    pub const CHARS_MAX: u32 = 80;

    pub fn parse(text: &str) -> Result<Slug, TextError> {
        if text.is_empty() {
            return Err(TextError::Empty);
        }
        if text.len() > Slug::CHARS_MAX as usize {
            return Err(TextError::TooLong { chars_max: Slug::CHARS_MAX });
        }
        let good = text.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        });
        if good { Ok(Slug(text.to_owned())) } else { Err(TextError::Slug) }
    }

    /// A slug made from a name; letters outside a-z are left out. `None` if nothing is left.
    pub fn from_name(name: &str) -> Option<Slug> {
        let lower = name.to_lowercase();
        let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let mut slug = String::new();
        for word in words {
            if slug.len() + word.len() + 1 > Slug::CHARS_MAX as usize {
                break;
            }
            if !slug.is_empty() {
                slug.push('-');
            }
            slug.push_str(word);
        }
        Slug::parse(&slug).ok()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Slug {
    type Error = TextError;
    fn try_from(text: String) -> Result<Slug, TextError> {
        Slug::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> String {
        slug.0
    }
}

impl std::fmt::Display for Slug {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl crate::scope::Key for Slug {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
    }
}

/// A merchant's words by language. Lookup falls back `hi-IN → hi → the shop's default → any`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text(BTreeMap<Locale, String>);

impl Text {
    pub fn new(locale: Locale, words: impl Into<String>) -> Text {
        Text(BTreeMap::from([(locale, words.into())]))
    }

    pub fn set(&mut self, locale: Locale, words: impl Into<String>) {
        self.0.insert(locale, words.into());
    }

    pub fn is_empty(&self) -> bool {
        self.0.values().all(|words| words.is_empty())
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Locale, &str)> {
        self.0.iter().map(|(locale, words)| (locale, words.as_str()))
    }

    /// Characters of the longest translation.
    pub fn chars_max(&self) -> usize {
        self.0.values().map(|words| words.chars().count()).max().unwrap_or(0)
    }

    /// The words for `wanted`, with the locale they are really in.
    pub fn get<'t>(&'t self, wanted: &Locale, default: &Locale) -> Option<(&'t Locale, &'t str)> {
        let language = Locale::parse(wanted.language()).ok();
        [Some(wanted.clone()), language, Some(default.clone())]
            .into_iter()
            .flatten()
            .find_map(|locale| self.0.get_key_value(&locale))
            .or_else(|| self.0.iter().find(|(locale, _)| locale.language() == wanted.language()))
            .or_else(|| self.0.first_key_value())
            .map(|(locale, words)| (locale, words.as_str()))
    }

    /// The words alone; empty if there are none in any language.
    pub fn words(&self, wanted: &Locale, default: &Locale) -> &str {
        self.get(wanted, default).map_or("", |(_, words)| words)
    }
}

impl FromIterator<(Locale, String)> for Text {
    fn from_iter<I: IntoIterator<Item = (Locale, String)>>(words: I) -> Text {
        Text(words.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locale(text: &str) -> Locale {
        Locale::parse(text).unwrap()
    }

    #[test]
    fn words_fall_back_from_region_to_language_to_default() {
        let text: Text =
            [(locale("en-GB"), "bat".to_owned()), (locale("hi"), "बल्ला".to_owned())].into_iter().collect();
        let check =
            |wanted, words| assert_eq!(text.words(&locale(wanted), &locale("en-GB")), words, "{wanted}");
        check("hi-IN", "बल्ला");
        check("en-GB", "bat");
        check("fr", "bat");
        assert_eq!(Text::default().words(&locale("en"), &locale("en")), "");
    }

    #[test]
    fn a_slug_is_made_from_a_name() {
        assert_eq!(
            Slug::from_name("Kashmir Willow – Size 6 (Boys')").unwrap().as_str(),
            "kashmir-willow-size-6-boys"
        );
        assert_eq!(Slug::from_name("बल्ला"), None);
        for bad in ["", "-a", "a--b", "A", "a_b"] {
            assert!(Slug::parse(bad).is_err(), "{bad}");
        }
    }
}
