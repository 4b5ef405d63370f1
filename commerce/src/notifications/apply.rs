//! Decides and evolves the outbox.

use super::command::{Command, Event};
use super::error::Refusal;
use super::model::*;
use crate::command::Reply;
use crate::ids::MailId;
use crate::scope::Scope;

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Queue { kind, subject } => Ok(queue(scope, *kind, *subject)),
        Command::Settle { mail, sent } => settle(scope, *mail, *sent),
    }
}

fn queue(scope: &mut Scope<'_, '_>, kind: MailKind, subject: Subject) -> Reply {
    let id = MailId::from_bits(scope.mint());
    let (created_at, updated_at) = (scope.at(), scope.at());
    MAILS.put(scope, &id, &Mail { id, kind, subject, state: MailState::Queued, created_at, updated_at });
    scope.emit(Event::MailQueued { mail: id, kind, subject });
    Reply::about(id.bits(), 1)
}

fn settle(scope: &mut Scope<'_, '_>, id: MailId, sent: bool) -> Result<Reply, Refusal> {
    let mut mail = MAILS.get(scope, &id).ok_or(Refusal::UnknownMail { mail: id })?;
    if mail.state == MailState::Sent {
        return Err(Refusal::AlreadySettled { mail: id });
    }
    mail.state = if sent { MailState::Sent } else { MailState::Failed };
    mail.updated_at = scope.at();
    MAILS.put(scope, &id, &mail);
    scope.emit(if sent {
        Event::NotificationSent { mail: id }
    } else {
        Event::NotificationFailed { mail: id }
    });
    Ok(Reply::about(id.bits(), 2))
}
