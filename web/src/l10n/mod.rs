//! What a page says and how it writes numbers, in the visitor's language.
//!
//! `Locale` is a language with a country; the language chooses the words (`locales/*.toml`), the
//! country chooses grouping of digits, order of dates and the clock. `Text` has one method per
//! message: a key that is missing, or called with the wrong arguments, does not compile; a language
//! file that misses a key or a placeholder fails the tests of this module.
//! Nothing here reads a clock or an environment: the same arguments give the same text.

mod date;
mod messages;
mod money;
mod number;

pub use date::{Day, Moment};
pub use messages::{Text, catalogue_problems};
pub use money::{Amount, CurrencyCode, UnknownCurrency};
pub use number::{ounces_from_grams, pounds_and_ounces};

/// A language that has its file in `locales/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    English,
    Hindi,
}

impl Language {
    pub const ALL: [Language; 2] = [Language::English, Language::Hindi];

    /// The ISO 639-1 code.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Hindi => "hi",
        }
    }

    /// The language's own name for itself, for a language menu.
    pub fn endonym(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Hindi => "हिन्दी",
        }
    }
}

/// A language as one country writes it: `en-GB`, `en-AU`, `en-IN`, `hi-IN` …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Locale {
    language: Language,
    country: [u8; 2],
}

impl Locale {
    pub const EN_GB: Locale = Locale { language: Language::English, country: *b"GB" };
    pub const EN_AU: Locale = Locale { language: Language::English, country: *b"AU" };
    pub const EN_IN: Locale = Locale { language: Language::English, country: *b"IN" };
    pub const HI_IN: Locale = Locale { language: Language::Hindi, country: *b"IN" };

    /// Reads a BCP 47 tag with an optional country (`en`, `en-GB`, `hi_IN`, any case).
    /// `None` if the language has no file here or the country is not two letters.
    pub fn parse(tag: &str) -> Option<Locale> {
        let mut parts = tag.split(['-', '_']);
        let language = match parts.next()?.to_ascii_lowercase().as_str() {
            "en" => Language::English,
            "hi" => Language::Hindi,
            _ => return None,
        };
        let country = match parts.next() {
            None => match language {
                Language::English => *b"GB",
                Language::Hindi => *b"IN",
            },
            Some(country) => {
                let bytes: [u8; 2] = country.as_bytes().try_into().ok()?;
                if !bytes.iter().all(u8::is_ascii_alphabetic) {
                    return None;
                }
                bytes.map(|letter| letter.to_ascii_uppercase())
            }
        };
        parts.next().is_none().then_some(Locale { language, country })
    }

    pub fn language(self) -> Language {
        self.language
    }

    /// The ISO 3166-1 code of the country.
    pub fn country(&self) -> &str {
        std::str::from_utf8(&self.country).expect("a locale's country is ASCII by construction")
    }

    /// The tag for `lang`, `Content-Language` and `hreflang`.
    pub fn tag(&self) -> String {
        format!("{}-{}", self.language.code(), self.country())
    }

    /// The writing direction, for `dir`.
    pub fn direction(self) -> &'static str {
        match self.language {
            Language::English | Language::Hindi => "ltr",
        }
    }

    pub fn text(self) -> Text {
        Text::new(self)
    }

    /// Whether digits group as 12,34,567 instead of 1,234,567.
    fn groups_in_lakhs(self) -> bool {
        matches!(&self.country, b"IN" | b"BD" | b"NP" | b"PK")
    }

    fn uses_24_hour_clock(self) -> bool {
        !matches!(&self.country, b"AU" | b"IN" | b"US" | b"NZ" | b"PK" | b"BD" | b"CA")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_read_from_its_tag() {
        let cases = [
            ("en-GB", Some("en-GB")),
            ("EN_au", Some("en-AU")),
            ("hi", Some("hi-IN")),
            ("en", Some("en-GB")),
            ("fr-FR", None),
            ("en-GBR", None),
            ("en-G1", None),
            ("en-Latn-GB", None),
            ("", None),
        ];
        for (tag, expected) in cases {
            assert_eq!(Locale::parse(tag).map(|locale| locale.tag()).as_deref(), expected, "{tag}");
        }
    }
}
