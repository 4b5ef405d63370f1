//! Logins as they arrive: access tokens, browser sessions, API keys, each checked against the state, so
//! that signing out, deactivating and revoking take effect at once.

use crate::app::AppState;
use crate::auth::{Cookie, cookie_value, same_secret, session_secret};
use crate::gate::{Caller, Place, StaffCaller};
use crate::ports::with_scope;
use crate::routes::{Access, Row, Surface};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{self, CUSTOMERS, SESSIONS, Session, Who};
use gearify_commerce::staff::{self, STAFF};
use gearify_commerce::{SessionId, Site, TenantId};
use http::HeaderMap;

/// The caller an access token names, if the token is good, for this tenant, and its session is open.
pub fn by_token(state: &AppState, place: &Place, token: &str) -> Option<Caller> {
    let claims = state.tokens.check(token, state.clock.now()).ok()?;
    let tenant = place.tenant();
    if claims.tid != tenant.to_string() {
        return None;
    }
    let session = open_session(state, tenant, SessionId::parse(&claims.sid).ok()?)?;
    (subject(session.who) == claims.sub).then(|| caller_of(state, tenant, &session, false)).flatten()
}

/// The subject an access token of this session carries.
pub fn subject(who: Who) -> String {
    match who {
        Who::Customer(id) => id.to_string(),
        Who::Staff(id) => id.to_string(),
    }
}

/// The caller a session cookie names, if the session is open. Pages for shoppers and pages for staff
/// have cookies of their own, so that one browser can be both.
pub fn by_cookie(state: &AppState, row: &Row, place: &Place, headers: &HeaderMap) -> Option<Caller> {
    let tenant = place.tenant();
    let for_staff = row.surface == Surface::Console
        || matches!(row.access, Access::Staff(_) | Access::AnyStaff | Access::Operator(_));
    let cookie = if for_staff { Cookie::Staff } else { Cookie::Customer };
    let (id, secret) = cookie_value(headers, cookie)?.split_once('~')?;
    let id = SessionId::parse(id).ok()?;
    if !same_secret(&session_secret(state.backend.vault(), tenant, id), secret) {
        return None;
    }
    let session = open_session(state, tenant, id)?;
    let fits = matches!(session.who, Who::Staff(_)) == for_staff;
    fits.then(|| caller_of(state, tenant, &session, true)).flatten()
}

/// What the cookie of a browser session holds.
pub fn cookie_of(state: &AppState, tenant: TenantId, session: SessionId) -> String {
    format!("{session}~{}", session_secret(state.backend.vault(), tenant, session))
}

/// The API key's owner, if the key is good and of this tenant.
pub fn by_api_key(state: &AppState, place: &Place, token: &str) -> Option<Caller> {
    let tenant = place.tenant();
    let hash = state.backend.vault().hash(tenant, "api-key", token.as_bytes());
    let key = with_scope(&*state.backend, GroupKind::World, tenant, Site::NONE, |view| {
        staff::api_key(view, &hash)
    })?;
    Some(Caller::ApiKey { id: key.id, scopes: key.scopes })
}

fn open_session(state: &AppState, tenant: TenantId, id: SessionId) -> Option<Session> {
    let session =
        with_scope(&*state.backend, GroupKind::Region, tenant, Site::FIRST, |view| SESSIONS.get(view, &id))?;
    (session.expires_at > state.clock.now()).then_some(session)
}

fn caller_of(state: &AppState, tenant: TenantId, session: &Session, by_cookie: bool) -> Option<Caller> {
    match session.who {
        Who::Customer(id) => {
            let known = with_scope(&*state.backend, GroupKind::Region, tenant, Site::FIRST, |view| {
                CUSTOMERS.contains(view, &id)
            });
            known.then_some(Caller::Customer { id, session: session.id, by_cookie })
        }
        Who::Staff(id) => {
            let member = with_scope(&*state.backend, GroupKind::World, tenant, Site::NONE, |view| {
                STAFF.get(view, &id)
            })?;
            let caller = StaffCaller { id, session: session.id, role: member.role, by_cookie };
            member.active.then_some(Caller::Staff(caller))
        }
    }
}

/// The customer's record behind a caller.
pub fn customer_record(
    state: &AppState,
    tenant: TenantId,
    id: gearify_commerce::CustomerId,
) -> Option<customers::Customer> {
    with_scope(&*state.backend, GroupKind::Region, tenant, Site::FIRST, |view| CUSTOMERS.get(view, &id))
}
