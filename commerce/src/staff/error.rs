//! Refusals of staff: facts, not sentences.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no such staff member")]
    UnknownStaff,
    #[error("there is no such API key")]
    UnknownKey,
    #[error("there is no role {role}")]
    UnknownRole { role: String },
    #[error("this address already belongs to a staff member")]
    EmailTaken,
    #[error("the link was used, or it expired")]
    LinkOver,
    #[error("a shop needs an active owner")]
    LastOwner,
    #[error("this role does not exist here")]
    WrongPlace,
    #[error("at most {max}")]
    TooMany { max: u32 },
    #[error("a key needs at least one scope")]
    NoScope,
    #[error("personal data can't be written: it was erased")]
    Erased,
    #[error("there is no such view")]
    UnknownView,
    #[error("the view belongs to somebody else")]
    NotYourView,
    #[error("a view has a name and a question of at most {query_max} bytes")]
    NoView { query_max: u32 },
    #[error("not yet: a node of the cluster does not know views")]
    NotYet,
}
