//! Sessions: families of refresh tokens, of which only the newest works.
//!
//! A token presented twice means that two parties hold it: the family ends. The one exception is the
//! moment after a rotation, when an answer may have been lost and the old token comes once more.

use super::command::Event;
use super::error::Refusal;
use super::model::*;
use crate::command::Reply;
use crate::ids::SessionId;
use crate::processes::schedule::Due;
use crate::scope::Scope;
use crate::sealed::KeyedHash;
use crate::time::SECOND_MS;

/// How long the token before the newest may come again.
const GRACE_MS: i64 = 10 * SECOND_MS;

pub(super) fn start(
    scope: &mut Scope<'_, '_>,
    id: SessionId,
    who: Who,
    token_hash: KeyedHash,
    lifetime_ms: i64,
) -> Reply {
    let others = SESSIONS_OF.list(scope, &who, SESSIONS_MAX);
    if others.len() >= SESSIONS_MAX
        && let Some(SessionRef(oldest)) = others.first()
    {
        let _ = end(scope, *oldest);
    }
    let session = Session {
        id,
        who,
        token_hash,
        previous_hash: None,
        rotated_at: scope.at(),
        created_at: scope.at(),
        expires_at: scope.at().plus_millis(lifetime_ms),
    };
    scope.schedule(session.expires_at, &Due::Session(id));
    SESSIONS.put(scope, &id, &session);
    SESSIONS_OF.put(scope, &(who, id), &SessionRef(id));
    scope.emit(Event::SessionStarted { session: id, who });
    Reply::about(id.bits(), 1)
}

pub(super) fn rotate(
    scope: &mut Scope<'_, '_>,
    id: SessionId,
    presented: KeyedHash,
    next: KeyedHash,
    lifetime_ms: i64,
) -> Result<Reply, Refusal> {
    let mut session = SESSIONS.get(scope, &id).ok_or(Refusal::SessionOver)?;
    if session.expires_at <= scope.at() {
        return Err(Refusal::SessionOver);
    }
    let in_grace = scope.at().millis_since(session.rotated_at) <= GRACE_MS;
    let newest = presented == session.token_hash;
    let lost_answer = in_grace && session.previous_hash == Some(presented);
    if !newest && !lost_answer {
        remove(scope, &session);
        scope.emit(Event::TokenReused { session: id, who: session.who });
        // The family is gone, so this is news, not a refusal: the reply says so by its revision.
        return Ok(Reply::about(id.bits(), 0));
    }
    scope.unschedule(session.expires_at, &Due::Session(id));
    session.previous_hash = Some(presented);
    session.token_hash = next;
    session.rotated_at = scope.at();
    session.expires_at = scope.at().plus_millis(lifetime_ms);
    scope.schedule(session.expires_at, &Due::Session(id));
    SESSIONS.put(scope, &id, &session);
    Ok(Reply::about(id.bits(), 1))
}

pub(super) fn end(scope: &mut Scope<'_, '_>, id: SessionId) -> Result<Reply, Refusal> {
    let session = SESSIONS.get(scope, &id).ok_or(Refusal::SessionOver)?;
    remove(scope, &session);
    scope.emit(Event::SessionEnded { session: id, who: session.who });
    Ok(Reply::about(id.bits(), 1))
}

pub(super) fn end_all(scope: &mut Scope<'_, '_>, who: Who) {
    for SessionRef(id) in SESSIONS_OF.list(scope, &who, SESSIONS_MAX + 1) {
        let _ = end(scope, id);
    }
}

fn remove(scope: &mut Scope<'_, '_>, session: &Session) {
    scope.unschedule(session.expires_at, &Due::Session(session.id));
    SESSIONS.delete(scope, &session.id);
    SESSIONS_OF.delete(scope, &(session.who, session.id));
}
