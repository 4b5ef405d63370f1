//! Values of a tenant's settings that can't be malformed.

use serde::{Deserialize, Serialize};

/// Why text is not the value asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
pub enum ValueError {
    #[error("expected a host name such as shop.example.com, without scheme or port")]
    Host,
    #[error("expected a colour such as #1a2b3c")]
    Colour,
    #[error("expected a time zone such as Europe/London")]
    TimeZone,
    #[error("an order number's prefix has at most 8 characters of A-Z, 0-9 and -")]
    NumberPrefix,
    #[error("expected 64 characters of 0-9 and a-f")]
    BlobHash,
    #[error("expected an origin such as https://www.example.com, without a path")]
    Origin,
}

/// Declares text that passes through one check.
macro_rules! checked_text {
    ($($(#[$doc:meta])* $name:ident, $error:expr, $normal:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            pub fn parse(text: &str) -> Result<$name, ValueError> {
                let normal: fn(&str) -> Option<String> = $normal;
                normal(text).map($name).ok_or($error)
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = ValueError;
            fn try_from(text: String) -> Result<$name, ValueError> {
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

checked_text! {
    /// A host name in lower case, without scheme, port or trailing dot.
    Host, ValueError::Host, |text| {
        let host = text.trim().trim_end_matches('.').to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        (host.len() <= 253 && host.split('.').all(label)).then_some(host)
    };

    /// Scheme, host and port, as browsers write where a script comes from (RFC 6454): lower case, no default
    /// port, no path.
    Origin, ValueError::Origin, |text| {
        let text = text.trim().to_ascii_lowercase();
        let (scheme, authority) = text.split_once("://")?;
        let default_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return None,
        };
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        // Host::parse forgives blanks and a last dot; an origin has neither.
        Host::parse(host).ok().filter(|parsed| parsed.as_str() == host)?;
        let Some(port) = port else { return Some(text) };
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        match port.parse::<u16>() {
            Ok(port) if digits && port == default_port => Some(format!("{scheme}://{host}")),
            Ok(port) if digits && port > 0 => Some(format!("{scheme}://{host}:{port}")),
            _ => None,
        }
    };

    /// `#rrggbb` in lower case.
    Colour, ValueError::Colour, |text| {
        let digits = text.strip_prefix('#')?;
        let good = digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit());
        good.then(|| text.to_ascii_lowercase())
    };

    /// The name of a time zone in the IANA database. Only the form is checked here; whoever computes
    /// local times knows the database.
    TimeZone, ValueError::TimeZone, |text| {
        let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'+');
        let part = |part: &str| !part.is_empty() && part.bytes().all(letter);
        (text.len() <= 64 && text.split('/').count() <= 3 && text.split('/').all(part)).then(|| text.to_owned())
    };

    /// What stands before an order's number: `WLW-`. May be empty.
    NumberPrefix, ValueError::NumberPrefix, |text| {
        let good = text.len() <= 8
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
        good.then(|| text.to_owned())
    };

    /// The name of a blob: the BLAKE3 hash of its content in lower-case hexadecimal.
    BlobHash, ValueError::BlobHash, |text| {
        let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        (text.len() == 64 && text.bytes().all(digit)).then(|| text.to_owned())
    };
}

impl crate::scope::Key for Host {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
    }
}

impl Colour {
    /// Red, green and blue, 0 to 255.
    pub fn rgb(&self) -> [u8; 3] {
        let number = u32::from_str_radix(&self.0[1..], 16).expect("a colour is six hexadecimal digits");
        let [_, red, green, blue] = number.to_be_bytes();
        [red, green, blue]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_one_form() {
        assert_eq!(Host::parse(" Shop.Example.COM. ").unwrap().as_str(), "shop.example.com");
        let origin = |text| Origin::parse(text).unwrap().to_string();
        assert_eq!(origin(" HTTPS://Www.Example.COM:443 "), "https://www.example.com");
        assert_eq!(origin("http://localhost:08080"), "http://localhost:8080");
        assert_eq!(Colour::parse("#1A2b3C").unwrap().rgb(), [0x1a, 0x2b, 0x3c]);
        assert_eq!(TimeZone::parse("America/Argentina/Salta").unwrap().as_str(), "America/Argentina/Salta");
        assert_eq!(NumberPrefix::parse("").unwrap().as_str(), "");
    }

    #[test]
    fn malformed_values_are_refused() {
        for bad in [
            "",
            "*",
            "null",
            "example.com",
            "https://",
            "https://*.example.com",
            "https://a.example/",
            "https://a.example/path",
            "https://a.example?x",
            "https://user@a.example",
            "ftp://a.example",
            "https://a.example:",
            "https://a.example:0",
            "https://a.example:65536",
            "https://a.example:+1",
            "https://a.example.",
            "https://a .example",
            "https://a.example:443:1",
        ] {
            assert!(Origin::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "a..b", "-a.b", "a_b.c", "a:80", "http://a", "é.example", &"a".repeat(64)] {
            assert!(Host::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "#12345", "123456", "#12345g", "#1234567", "#é234"] {
            assert!(Colour::parse(bad).is_err(), "{bad}");
        }
        for bad in ["", "/", "Europe/", "a b", "a/b/c/d"] {
            assert!(TimeZone::parse(bad).is_err(), "{bad}");
        }
        assert!(NumberPrefix::parse("w").is_err() && NumberPrefix::parse("ABCDEFGHI").is_err());
        assert!(BlobHash::parse(&"A".repeat(64)).is_err() && BlobHash::parse(&"a".repeat(63)).is_err());
    }
}
