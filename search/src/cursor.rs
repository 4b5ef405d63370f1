//! Cursors: where a page ended, as an opaque text.
//!
//! A cursor holds the sort value and number of the first or last hit of a page, so the next page
//! is found by comparing, however many hits come before. Its check sum covers the tenant and all
//! of the query that decides the order, so one that was altered, or belongs to another query,
//! shop or sort, is refused. It is no secret and protects nothing: forging one finds only what
//! the query finds anyway.

use crate::error::SearchError;
use crate::query::{Query, Sort};

const VERSION: u8 = 1;
const TAG_BYTES: usize = 8;
/// Far above the longest that is ever given out.
const TEXT_BYTES_MAX: usize = 512;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub direction: Direction,
    pub value: SortValue,
    pub number: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    After,
    Before,
}

/// A name stands for itself, because ranks shift when products come and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SortValue {
    Key(u64),
    Name(String),
}

/// What a cursor is bound to.
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub fn of(tenant: &str, query: &Query) -> Fingerprint {
        // Taken apart without `..`, so that a new part of the question has to be placed here.
        let Query {
            text,
            locale,
            fallback_locales,
            category,
            filters,
            declared_keys: _, // decides only what is refused
            price_min,
            price_max,
            currency,
            in_stock,
            rating_min,
            sort,
            sort_key,
            limit: _,
            start: _,
            facets: _,
            synonyms: _, // a shop-wide table; a change of it moves hits like any other edit
        } = query;
        let mut hasher = blake3::Hasher::new();
        let mut part = |bytes: &[u8]| {
            hasher.update(&(bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        part(tenant.as_bytes());
        part(format!("{text:?}{category:?}{currency:?}{price_min:?}{price_max:?}").as_bytes());
        part(format!("{locale:?}{fallback_locales:?}{filters:?}").as_bytes());
        part(format!("{in_stock:?}{rating_min:?}{sort:?}{sort_key:?}").as_bytes());
        Fingerprint(*hasher.finalize().as_bytes())
    }
}

impl Cursor {
    pub fn encode(&self, fingerprint: &Fingerprint) -> String {
        let mut bytes = vec![
            VERSION,
            match self.direction {
                Direction::After => 0,
                Direction::Before => 1,
            },
        ];
        bytes.extend(self.number.to_be_bytes());
        match &self.value {
            SortValue::Key(key) => bytes.extend(key.to_be_bytes()),
            SortValue::Name(name) => bytes.extend(name.as_bytes()),
        }
        let tag = tag(&bytes, fingerprint);
        bytes.extend(tag);
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// # Errors
    /// [`SearchError::Cursor`] for everything that [`Cursor::encode`] did not make of the same
    /// tenant and query.
    pub fn decode(text: &str, sort: Sort, fingerprint: &Fingerprint) -> Result<Cursor, SearchError> {
        let bytes = from_hex(text).ok_or(SearchError::Cursor)?;
        let end = bytes.len().checked_sub(TAG_BYTES).ok_or(SearchError::Cursor)?;
        let (body, given) = bytes.split_at(end);
        if given != tag(body, fingerprint) {
            return Err(SearchError::Cursor);
        }
        parse(body, sort).ok_or(SearchError::Cursor)
    }
}

fn parse(body: &[u8], sort: Sort) -> Option<Cursor> {
    let (&[version, direction], rest) = body.split_first_chunk()?;
    let (number, value) = rest.split_first_chunk()?;
    if version != VERSION {
        return None;
    }
    let value = match sort {
        Sort::Name => SortValue::Name(String::from_utf8(value.to_vec()).ok()?),
        _ => SortValue::Key(u64::from_be_bytes(value.try_into().ok()?)),
    };
    let direction = match direction {
        0 => Direction::After,
        1 => Direction::Before,
        _ => return None,
    };
    Some(Cursor { direction, value, number: u32::from_be_bytes(*number) })
}

fn tag(body: &[u8], fingerprint: &Fingerprint) -> [u8; TAG_BYTES] {
    let hash = blake3::keyed_hash(&fingerprint.0, body);
    let mut tag = [0; TAG_BYTES];
    tag.copy_from_slice(&hash.as_bytes()[..TAG_BYTES]);
    tag
}

/// Lower-case digits only, so that one cursor has one spelling.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    text.as_bytes().chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
