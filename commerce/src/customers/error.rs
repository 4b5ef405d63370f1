//! Refusals of customers and sessions: facts, not sentences.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no such customer")]
    UnknownCustomer,
    #[error("this address already has an account")]
    EmailTaken,
    #[error("there is no such address")]
    UnknownAddress,
    #[error("an address book has at most {max} addresses")]
    TooManyAddresses { max: u32 },
    #[error("the record changed meanwhile")]
    Stale { revision: u64 },
    #[error("the session is over")]
    SessionOver,
    #[error("the token was used before")]
    TokenReused,
    #[error("the text is too long")]
    TooLong,
    #[error("personal data can't be written: it was erased")]
    Erased,
}
