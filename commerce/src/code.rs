//! Codes: short machine names that carry no language, such as `weight_class`.

use serde::{Deserialize, Serialize};

/// Text is not a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("use a-z, 0-9 and _, starting with a letter or digit, at most 40 characters")]
pub struct NotACode;

/// `a-z`, `0-9` and `_`, starting with a letter or digit, 1 to 40 characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Code(String);

impl Code {
    pub const CHARS_MAX: usize = 40;

    pub fn parse(text: &str) -> Result<Code, NotACode> {
        let good = (1..=Code::CHARS_MAX).contains(&text.len())
            && !text.starts_with('_')
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if good { Ok(Code(text.to_owned())) } else { Err(NotACode) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Code {
    type Error = NotACode;
    fn try_from(text: String) -> Result<Code, NotACode> {
        Code::parse(&text)
    }
}

impl From<Code> for String {
    fn from(code: Code) -> String {
        code.0
    }
}

impl std::str::FromStr for Code {
    type Err = NotACode;
    fn from_str(text: &str) -> Result<Code, NotACode> {
        Code::parse(text)
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::fmt::Debug for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl crate::scope::Key for Code {
    fn push(&self, out: &mut Vec<u8>) {
        self.0.push(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_form() {
        for good in ["a", "weight_class", "6", "0_5kg"] {
            assert_eq!(Code::parse(good).unwrap().as_str(), good);
        }
        let long = "a".repeat(41);
        for bad in ["", "_a", "A", "a-b", "a b", "é", &long] {
            assert_eq!(Code::parse(bad), Err(NotACode), "{bad}");
        }
    }
}
