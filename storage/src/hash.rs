//! The name of some bytes: their blake3 hash, written as 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

/// blake3 of a content. Equal hashes mean equal bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct ContentHash([u8; 32]);

/// The text is not 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a content hash is 64 lower-case hexadecimal digits")]
pub struct NotAContentHash;

impl ContentHash {
    pub fn of(bytes: &[u8]) -> ContentHash {
        ContentHash(blake3::hash(bytes).into())
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl From<[u8; 32]> for ContentHash {
    fn from(bytes: [u8; 32]) -> ContentHash {
        ContentHash(bytes)
    }
}

impl From<blake3::Hash> for ContentHash {
    fn from(hash: blake3::Hash) -> ContentHash {
        ContentHash(hash.into())
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentHash {
    type Err = NotAContentHash;

    fn from_str(text: &str) -> Result<ContentHash, NotAContentHash> {
        // One spelling only: a hash is also a file name and a cache key.
        if text.len() != 64 || text.bytes().any(|byte| !matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(NotAContentHash);
        }
        blake3::Hash::from_hex(text).map(ContentHash::from).map_err(|_| NotAContentHash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_read_back_from_its_text_and_has_one_spelling() {
        let hash = ContentHash::of(b"a cover drive");
        let text = hash.to_string();
        assert_eq!(text.parse(), Ok(hash));
        assert_eq!(hash.as_bytes(), blake3::hash(b"a cover drive").as_bytes());
        for wrong in [text.to_uppercase().as_str(), &text[1..], "", &"é".repeat(32)] {
            assert_eq!(wrong.parse::<ContentHash>(), Err(NotAContentHash));
        }
    }
}
