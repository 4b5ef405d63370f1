//! Numbers on labels, checked once at the edge.

use serde::{Deserialize, Serialize};

/// Why text is not the number asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum LabelError {
    #[error("an SKU has 1 to 64 characters of A-Z, a-z, 0-9 and - _ . /")]
    Sku,
    #[error("a GTIN has 8, 12, 13 or 14 digits and ends in its check digit")]
    Gtin,
    #[error("a customs code has 6 to 10 digits")]
    HsCode,
}

macro_rules! labels {
    ($($(#[$doc:meta])* $name:ident, $error:expr, $good:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<$name, LabelError> {
                let good: fn(&str) -> bool = $good;
                if good(text) { Ok($name(text.to_owned())) } else { Err($error) }
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = LabelError;
            fn try_from(text: String) -> Result<$name, LabelError> {
                $name::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> String {
                value.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )+};
}

labels! {
    /// A merchant's own number for a variant. Kept as typed; compared without regard to case.
    Sku, LabelError::Sku, |text| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
        (1..=64).contains(&text.len()) && text.bytes().all(letter)
    };

    /// A global trade item number. Source of the check digit: GS1 General Specifications § 7.9.
    Gtin, LabelError::Gtin, |text| {
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
        let weighted = digits.iter().rev().enumerate().map(|(n, digit)| digit * if n % 2 == 0 { 1 } else { 3 });
        matches!(text.len(), 8 | 12 | 13 | 14) && digits.len() == text.len() && weighted.sum::<u32>() % 10 == 0
    };

    /// A code of the Harmonised System, with national digits if wanted.
    HsCode, LabelError::HsCode, |text| {
        (6..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
    };
}

impl Sku {
    /// The form under which SKUs are equal.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_digit_must_fit() {
        for good in ["4006381333931", "96385074", "036000291452", "10614141000415"] {
            assert!(Gtin::parse(good).is_ok(), "{good}");
        }
        for bad in ["4006381333930", "96385075", "", "12345", "400638133393a", "٤٠٠٦٣٨١٣"] {
            assert!(Gtin::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_sku_is_plain() {
        assert_eq!(Sku::parse("BAT-English/SH.2_8").unwrap().folded(), "bat-english/sh.2_8");
        for bad in ["", "a b", "é", &"a".repeat(65)] {
            assert!(Sku::parse(bad).is_err(), "{bad}");
        }
        assert!(HsCode::parse("950699").is_ok() && HsCode::parse("9506.99").is_err());
    }
}
