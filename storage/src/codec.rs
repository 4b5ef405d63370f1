//! Versioned record formats: one version byte, then the record in postcard.
//!
//! A record that changes shape gets a new version and names the old shape as its `Previous`; decoding
//! walks the chain, so that old rows stay readable for ever. Rows are rewritten only when they change.
//!
//! Nodes of one group may run different programs for a while. What they write while applying the same
//! entry must be the same bytes, and readable by all of them: a new shape of replicated state names the
//! state version it came with ([`Record::SINCE`]), and until that version is switched on the previous
//! shape is written ([`encode_at`]).

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why bytes could not be read as a record.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error("the record is empty")]
    Empty,
    #[error("format version {found} is not known here (newest known: {newest})")]
    UnknownVersion { found: u8, newest: u8 },
    #[error("the record of version {version} is damaged")]
    Damaged { version: u8 },
}

/// A stored shape. The first shape of a record has [`Nothing`] as its `Previous`.
pub trait Record: Serialize + DeserializeOwned + Sized {
    const VERSION: u8;
    /// The version of the state machine from which on this shape is written; see [`encode_at`].
    const SINCE: u32 = 0;
    type Previous: Record + Into<Self>;

    /// This record as programs before [`Record::SINCE`] know it: what they did not have is left out. Only
    /// asked of records that have a `SINCE`.
    fn to_previous(&self) -> Option<Self::Previous> {
        None
    }
}

/// Ends every chain of versions: it can't be made, so nothing migrates from it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub enum Nothing {}

impl Record for Nothing {
    const VERSION: u8 = 0;
    type Previous = Nothing;
}

/// Declares the first version of a stored record.
#[macro_export]
macro_rules! first_version {
    ($($record:ty),+ $(,)?) => {$(
        impl $crate::codec::Record for $record {
            const VERSION: u8 = 1;
            type Previous = $crate::codec::Nothing;
        }
        impl From<$crate::codec::Nothing> for $record {
            fn from(nothing: $crate::codec::Nothing) -> Self {
                match nothing {}
            }
        }
    )+};
}

/// `[version][postcard]`.
pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    let out = vec![R::VERSION];
    postcard::to_extend(record, out).expect("records hold only types that postcard can write")
}

/// As [`encode`], in the newest shape that a state machine of this version writes.
pub fn encode_at<R: Record>(record: &R, state_version: u32) -> Vec<u8> {
    if state_version >= R::SINCE {
        return encode(record);
    }
    let previous = record.to_previous().expect("a shape that came with a state version has a way back");
    encode_at(&previous, state_version)
}

/// Reads a record of any known version and migrates it to the newest.
///
/// # Errors
/// [`CodecError::UnknownVersion`] for a version newer than this program, [`CodecError::Damaged`] for
/// bytes that do not fit their version or have something left over.
pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, CodecError> {
    let (&version, body) = bytes.split_first().ok_or(CodecError::Empty)?;
    decode_version(version, body, R::VERSION)
}

fn decode_version<R: Record>(version: u8, body: &[u8], newest: u8) -> Result<R, CodecError> {
    if version == R::VERSION && R::VERSION > 0 {
        return match postcard::take_from_bytes::<R>(body) {
            Ok((record, [])) => Ok(record),
            _ => Err(CodecError::Damaged { version }),
        };
    }
    if version > R::VERSION || R::VERSION == 0 {
        return Err(CodecError::UnknownVersion { found: version, newest });
    }
    decode_version::<R::Previous>(version, body, newest).map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct NameV1(String);
    crate::first_version!(NameV1);

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Name {
        first: String,
        last: String,
    }

    impl From<NameV1> for Name {
        fn from(NameV1(whole): NameV1) -> Name {
            let (first, last) = whole.split_once(' ').unwrap_or((&whole, ""));
            Name { first: first.into(), last: last.into() }
        }
    }

    impl Record for Name {
        const VERSION: u8 = 2;
        const SINCE: u32 = 7;
        type Previous = NameV1;

        fn to_previous(&self) -> Option<NameV1> {
            Some(NameV1(format!("{} {}", self.first, self.last)))
        }
    }

    #[test]
    fn an_old_row_is_read_as_the_newest_shape() {
        let old = encode(&NameV1("Opening Batter".into()));
        assert_eq!(decode(&old), Ok(Name { first: "Opening".into(), last: "Batter".into() }));
    }

    #[test]
    fn before_its_state_version_a_record_is_written_as_it_was() {
        let name = Name { first: "Opening".into(), last: "Batter".into() };
        assert_eq!(encode_at(&name, 6), encode(&NameV1("Opening Batter".into())));
        assert_eq!(encode_at(&name, 7), encode(&name));
        assert_eq!(encode_at(&NameV1("One".into()), 0), encode(&NameV1("One".into())));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let damaged = [2, 9, 9];
        let check = |bytes: &[u8]| decode::<Name>(bytes).unwrap_err();
        assert_eq!(check(&[]), CodecError::Empty);
        assert_eq!(check(&[0]), CodecError::UnknownVersion { found: 0, newest: 2 });
        assert_eq!(check(&[3, 0]), CodecError::UnknownVersion { found: 3, newest: 2 });
        assert_eq!(check(&damaged), CodecError::Damaged { version: 2 });
        let mut longer = encode(&Name { first: "a".into(), last: "b".into() });
        longer.push(0);
        assert_eq!(check(&longer), CodecError::Damaged { version: 2 });
    }
}
