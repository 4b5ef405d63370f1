//! Languages, countries and regions as codes that can't be malformed.

use serde::{Deserialize, Serialize};

/// Why text is not a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum CodeError {
    #[error("expected a language tag such as en-GB")]
    Locale,
    #[error("expected a two-letter country code such as GB")]
    Country,
    #[error("expected an ISO 3166-2 code such as IN-MH")]
    Region,
}

macro_rules! code {
    ($(#[$doc:meta])* $name:ident, $error:expr, $normalise:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<$name, CodeError> {
                let normalise: fn(&str) -> Option<String> = $normalise;
                normalise(text).map($name).ok_or($error)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = CodeError;
            fn try_from(text: String) -> Result<$name, CodeError> {
                $name::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(code: $name) -> String {
                code.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl crate::scope::Key for $name {
            fn push(&self, out: &mut Vec<u8>) {
                crate::scope::Key::push(&self.0, out);
            }
        }
    };
}

code!(
    /// A language with an optional region: `en`, `hi-IN`.
    Locale,
    CodeError::Locale,
    |text| {
        let (language, region) = match text.split_once('-') {
            Some((language, region)) => (language, Some(region)),
            None => (text, None),
        };
        let letters = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
        if !(2..=3).contains(&language.len()) || !letters(language) {
            return None;
        }
        match region {
            None => Some(language.to_ascii_lowercase()),
            Some(region) if region.len() == 2 && letters(region) => {
                Some(format!("{}-{}", language.to_ascii_lowercase(), region.to_ascii_uppercase()))
            }
            Some(_) => None,
        }
    }
);

code!(
    /// An ISO 3166-1 alpha-2 code.
    Country,
    CodeError::Country,
    |text| (text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
);

code!(
    /// An ISO 3166-2 code of a state or province: country, hyphen, one to three letters or digits.
    RegionCode,
    CodeError::Region,
    |text| {
        let (country, part) = text.split_once('-')?;
        let good = country.len() == 2
            && country.bytes().all(|b| b.is_ascii_alphabetic())
            && (1..=3).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_alphanumeric());
        good.then(|| text.to_ascii_uppercase())
    }
);

impl Locale {
    /// `hi` for `hi-IN`.
    pub fn language(&self) -> &str {
        self.0.split('-').next().unwrap_or(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_take_one_form() {
        assert_eq!(Locale::parse("EN-gb").unwrap().as_str(), "en-GB");
        assert_eq!(Locale::parse("hi").unwrap().language(), "hi");
        assert_eq!(Country::parse("gb").unwrap().as_str(), "GB");
        assert_eq!(RegionCode::parse("in-mh").unwrap().as_str(), "IN-MH");
        for bad in ["", "e", "en-", "en-GBR", "en_GB", "en-G1"] {
            assert!(Locale::parse(bad).is_err(), "{bad}");
        }
        assert!(Country::parse("GBR").is_err() && RegionCode::parse("MH").is_err());
    }
}
