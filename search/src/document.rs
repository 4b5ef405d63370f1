//! What the index is fed: documents, and the record of each that the index keeps.
//!
//! A document carries only what changes when a merchant edits a product. Price, stock and rating
//! change with every sale and live in [`crate::Columns`]; they are never part of a document.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::columns::NUMBER_MAX;
use crate::error::SearchError;

/// Text by locale (`"en-GB"`, `"hi-IN"`, `"hi"`).
pub type Texts = BTreeMap<String, String>;

/// The most bytes of a document's payload.
pub const STORED_BYTES_MAX: usize = 64 * 1024;

/// Bound of every code a document carries (id, SKU, category path, attribute name or term), in bytes.
pub const CODE_BYTES_MAX: usize = 256;

/// One product as the index knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Document {
    /// The tenant's dense product number: small, never given to another product. At most [`NUMBER_MAX`].
    pub number: u32,
    /// The product's public id; handed back with a hit.
    pub id: String,
    /// Whatever the caller needs to show the hit in a list; opaque, at most [`STORED_BYTES_MAX`].
    pub stored: Vec<u8>,
    /// At least one locale has a name.
    pub name: Texts,
    /// Plain text, no markup.
    pub description: Texts,
    pub keywords: Texts,
    /// Every variant's SKU; found by its whole, in any case and with or without its dashes.
    pub skus: Vec<String>,
    pub brand: Option<String>,
    /// Paths such as `bats/english-willow`; a product is in all ancestors of its categories too.
    pub categories: Vec<String>,
    /// By name without prefix: `grade`, `weight_class`, `weight`. Facets and filters call them `attr.grade`.
    pub attributes: BTreeMap<String, Vec<AttributeValue>>,
    /// What [`crate::Sort::Newest`] sorts by; milliseconds since 1970.
    pub newest: i64,
    /// Where [`crate::Columns`] has no popularity of the product, this one counts.
    pub popularity: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum AttributeValue {
    /// An enum code or a short text: counted per value, filtered by equality.
    Term(String),
    /// A whole number of the attribute's unit (`g`, `mm`): shown as a range, filtered by ranges.
    Number { value: i64, unit: String },
}

/// One step of a product's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds the document, or replaces the one of the same number.
    Put(Box<Document>),
    Delete(u32),
}

impl Change {
    pub fn put(document: Document) -> Change {
        Change::Put(Box::new(document))
    }

    pub fn number(&self) -> u32 {
        match self {
            Change::Put(document) => document.number,
            Change::Delete(number) => *number,
        }
    }

    pub(crate) fn check(&self) -> Result<(), SearchError> {
        match self {
            Change::Put(document) => document.check(),
            Change::Delete(number) => check_number(*number),
        }
    }
}

pub(crate) fn check_number(number: u32) -> Result<(), SearchError> {
    if number > NUMBER_MAX {
        return Err(SearchError::Number { number, max: NUMBER_MAX });
    }
    Ok(())
}

/// Equal for equal documents, whatever of them the index can give back.
pub type Digest = [u8; 16];

impl Document {
    /// Of everything that is fed, the texts too that only matching needs.
    pub fn digest(&self) -> Digest {
        let bytes = postcard::to_allocvec(self).expect("a document has no shape postcard refuses");
        let mut digest = Digest::default();
        digest.copy_from_slice(&blake3::hash(&bytes).as_bytes()[..16]);
        digest
    }

    /// # Errors
    /// [`SearchError::Number`] and [`SearchError::Document`]: what could not be found again, or
    /// would cost every query, is refused before anything is written.
    pub(crate) fn check(&self) -> Result<(), SearchError> {
        check_number(self.number)?;
        match self.fault() {
            Some(reason) => Err(SearchError::Document { number: self.number, reason }),
            None => Ok(()),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        if self.id.is_empty() {
            return Some("it has no id");
        }
        if self.name.values().all(|name| name.trim().is_empty()) {
            return Some("it has no name");
        }
        if self.stored.len() > STORED_BYTES_MAX {
            return Some("its payload is over 64 KiB");
        }
        if self.attributes.keys().any(String::is_empty) {
            return Some("an attribute has no name");
        }
        if self.codes().any(|code| code.len() > CODE_BYTES_MAX) {
            return Some("a code is longer than 256 bytes");
        }
        None
    }

    fn codes(&self) -> impl Iterator<Item = &String> {
        let attributes = self.attributes.iter().flat_map(|(name, values)| {
            std::iter::once(name).chain(values.iter().map(|value| match value {
                AttributeValue::Term(term) => term,
                AttributeValue::Number { unit, .. } => unit,
            }))
        });
        std::iter::once(&self.id)
            .chain(&self.skus)
            .chain(&self.brand)
            .chain(&self.categories)
            .chain(attributes)
    }

    /// Each category and all its ancestors, once, in order.
    pub(crate) fn category_paths(&self) -> Vec<String> {
        let mut paths: Vec<String> = Vec::new();
        for category in &self.categories {
            let mut path = String::new();
            for step in category.split('/').map(str::trim).filter(|step| !step.is_empty()) {
                if !path.is_empty() {
                    path.push('/');
                }
                path.push_str(step);
                paths.push(path.clone());
            }
        }
        paths.sort();
        paths.dedup();
        paths
    }
}

/// What the index stores of a document: all that lists, filters and facets need after a restart,
/// without the texts that only matching needs.
///
/// Its layout is part of [`crate::engine::FORMAT`]: a change here is a new format.
#[derive(Serialize, Deserialize)]
pub(crate) struct Record {
    pub number: u32,
    pub id: String,
    pub stored: Vec<u8>,
    pub name: Texts,
    pub terms: Vec<(String, String)>,
    pub numbers: Vec<(String, i64, String)>,
    pub newest: i64,
    pub popularity: u64,
    /// Of the document it was made from.
    pub digest: Digest,
}

/// The facet keys that are no attributes.
pub(crate) const BRAND: &str = "brand";
pub(crate) const CATEGORY: &str = "category";
pub(crate) const PRICE: &str = "price";
pub(crate) const IN_STOCK: &str = "in_stock";

impl Record {
    pub fn of(document: &Document) -> Record {
        let mut terms = Vec::new();
        let mut numbers = Vec::new();
        terms.extend(document.brand.iter().map(|brand| (BRAND.to_owned(), brand.clone())));
        terms.extend(document.category_paths().into_iter().map(|path| (CATEGORY.to_owned(), path)));
        for (name, values) in &document.attributes {
            let key = format!("attr.{name}");
            for value in values {
                match value {
                    AttributeValue::Term(term) => terms.push((key.clone(), term.clone())),
                    AttributeValue::Number { value, unit } => {
                        numbers.push((key.clone(), *value, unit.clone()));
                    }
                }
            }
        }
        terms.sort();
        terms.dedup();
        numbers.sort();
        numbers.dedup();
        Record {
            number: document.number,
            id: document.id.clone(),
            stored: document.stored.clone(),
            name: document.name.clone(),
            terms,
            numbers,
            newest: document.newest,
            popularity: document.popularity,
            digest: document.digest(),
        }
    }
}
