//! Refusals of the outbox: facts, not sentences.

use crate::ids::MailId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error("there is no mail {mail}")]
    UnknownMail { mail: MailId },
    #[error("the mail was settled before")]
    AlreadySettled { mail: MailId },
}
