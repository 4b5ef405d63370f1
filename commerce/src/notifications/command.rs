//! What may be asked of the outbox, and what is reported.

use super::model::{MailKind, Subject};
use crate::ids::MailId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    Queue {
        kind: MailKind,
        subject: Subject,
    },
    /// The mail was handed over, or could not be.
    Settle {
        mail: MailId,
        sent: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    MailQueued { mail: MailId, kind: MailKind, subject: Subject },
    NotificationSent { mail: MailId },
    NotificationFailed { mail: MailId },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::MailQueued { .. } => "notification.queued",
            Event::NotificationSent { .. } => "notification.sent",
            Event::NotificationFailed { .. } => "notification.failed",
        }
    }
}
