//! What can go wrong in a search, an update or an opening.
//!
//! A caller treats three families differently: the asker's fault (an unknown filter, a foreign
//! cursor …, [`SearchError::is_callers_fault`]), the feeder's fault (a document that cannot be
//! indexed, a position that goes back) and a fault of the disk or the index.

use std::error::Error;
use std::io;
use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    #[error("no filter is called `{key}`")]
    UnknownFilter { key: String },
    #[error("`{value}` is no value for the filter `{key}`; a number, or a range such as `1100..1250`, is")]
    FilterValue { key: String, value: String },
    #[error("limit {given} is not within 1..={max}")]
    Limit { given: usize, max: usize },
    #[error("offset {given} is beyond {max}; walk with a cursor, or narrow the query")]
    Offset { given: usize, max: usize },
    #[error("prices need a currency")]
    CurrencyNeeded,
    #[error("the cursor is damaged, or belongs to another query")]
    Cursor,

    #[error("`{name}` is no tenant's name: 1 to 64 of a-z, 0-9, `_` and `-`")]
    Tenant { name: String },
    #[error("product number {number} is beyond {max}")]
    Number { number: u32, max: u32 },
    #[error("`{code}` is no currency code")]
    Currency { code: String },
    #[error("document {number} cannot be indexed: {reason}")]
    Document { number: u32, reason: &'static str },
    #[error("position {given} is behind {current}, which is already indexed")]
    PositionWentBack { current: u64, given: u64 },

    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("the index of `{tenant}` failed: {source}")]
    Index { tenant: String, source: Box<dyn Error + Send + Sync> },
}

impl SearchError {
    /// Whether the question was wrong, rather than the index or what it was fed.
    pub fn is_callers_fault(&self) -> bool {
        match self {
            SearchError::UnknownFilter { .. }
            | SearchError::FilterValue { .. }
            | SearchError::Limit { .. }
            | SearchError::Offset { .. }
            | SearchError::CurrencyNeeded
            | SearchError::Cursor => true,
            SearchError::Tenant { .. }
            | SearchError::Number { .. }
            | SearchError::Currency { .. }
            | SearchError::Document { .. }
            | SearchError::PositionWentBack { .. }
            | SearchError::Io { .. }
            | SearchError::Index { .. } => false,
        }
    }
}
