//! Who asks, and whether they may.

use super::host::Place;
use crate::app::AppState;
use crate::problem::{Kind, Problem};
use crate::routes::{Access, Row};
use gearify_commerce::staff::{Permission, Role};
use gearify_commerce::{Actor, ApiKeyId, CustomerId, SessionId, StaffId};
use http::{HeaderMap, HeaderValue, header};

/// The caller of a request.
#[derive(Clone, Debug)]
pub enum Caller {
    Guest,
    Customer { id: CustomerId, session: SessionId, by_cookie: bool },
    Staff(StaffCaller),
    ApiKey { id: ApiKeyId, scopes: Vec<Permission> },
}

/// A staff member of the shop, or an operator of the platform.
#[derive(Clone, Debug)]
pub struct StaffCaller {
    pub id: StaffId,
    pub session: SessionId,
    pub role: Role,
    pub by_cookie: bool,
}

impl Caller {
    pub fn actor(&self) -> Actor {
        match self {
            Caller::Guest => Actor::Guest,
            Caller::Customer { id, .. } => Actor::Customer(*id),
            Caller::Staff(staff) if staff.role == Role::Operator => Actor::Operator(staff.id),
            Caller::Staff(staff) => Actor::Staff(staff.id),
            Caller::ApiKey { id, .. } => Actor::ApiKey(*id),
        }
    }

    /// Unique among callers of a tenant.
    pub fn name(&self) -> String {
        match self {
            Caller::Guest => "guest".into(),
            Caller::Customer { id, .. } => id.to_string(),
            Caller::Staff(staff) => staff.id.to_string(),
            Caller::ApiKey { id, .. } => id.to_string(),
        }
    }

    /// Whether a cookie speaks for the caller, which another site could try to use.
    pub fn by_cookie(&self) -> bool {
        match self {
            Caller::Guest | Caller::ApiKey { .. } => false,
            Caller::Customer { by_cookie, .. } => *by_cookie,
            Caller::Staff(staff) => staff.by_cookie,
        }
    }

    pub fn customer(&self) -> Option<CustomerId> {
        match self {
            Caller::Customer { id, .. } => Some(*id),
            Caller::Guest | Caller::Staff(_) | Caller::ApiKey { .. } => None,
        }
    }

    pub fn may(&self, permission: Permission) -> bool {
        match self {
            Caller::Staff(staff) => staff.role.may(permission),
            Caller::ApiKey { scopes, .. } => scopes.iter().any(|held| covers(*held, permission)),
            Caller::Guest | Caller::Customer { .. } => false,
        }
    }
}

/// A key that may write may read what it writes.
fn covers(held: Permission, wanted: Permission) -> bool {
    let subject = |permission: Permission, verb| permission.as_str().strip_suffix(verb);
    held == wanted
        || subject(wanted, ":read").is_some_and(|subject_read| subject(held, ":write") == Some(subject_read))
}

/// Who the headers say is asking. A route takes only its kinds of login; others are refused rather
/// than ignored, so that nobody acts as a guest by mistake.
pub fn identify(state: &AppState, row: &Row, place: &Place, headers: &HeaderMap) -> Result<Caller, Problem> {
    let logins = row.logins;
    if !(logins.token || logins.cookie || logins.api_key) {
        return Ok(Caller::Guest);
    }
    if let Some(value) = headers.get(header::AUTHORIZATION) {
        return bearer(state, row, place, value);
    }
    if logins.cookie
        && let Some(caller) = crate::sessions::by_cookie(state, row, place, headers)
    {
        return Ok(caller);
    }
    Ok(Caller::Guest)
}

fn bearer(state: &AppState, row: &Row, place: &Place, value: &HeaderValue) -> Result<Caller, Problem> {
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .ok_or_else(invalid_token)?;
    let caller = if token.starts_with("gfy_") {
        row.logins.api_key.then(|| crate::sessions::by_api_key(state, place, token)).flatten()
    } else {
        row.logins.token.then(|| crate::sessions::by_token(state, place, token)).flatten()
    };
    caller.ok_or_else(invalid_token)
}

fn invalid_token() -> Problem {
    let challenge = "Bearer error=\"invalid_token\"";
    Problem::new(Kind::InvalidToken).header(header::WWW_AUTHENTICATE, challenge)
}

pub(crate) fn unauthorized() -> Problem {
    Problem::new(Kind::Unauthorized).header(header::WWW_AUTHENTICATE, "Bearer")
}

/// # Errors
/// `unauthorized` if nobody is known, `forbidden` if somebody is and may not.
pub fn authorize(row: &Row, place: &Place, caller: &Caller) -> Result<(), Problem> {
    let refused = || match caller {
        Caller::Guest => unauthorized(),
        _ => Problem::new(Kind::Forbidden),
    };
    let allowed = match row.access {
        // Holders show their token to the handler, which knows the cart or order.
        Access::Open | Access::Signed | Access::CartHolder | Access::OrderHolder => true,
        Access::Customer => matches!(caller, Caller::Customer { .. }),
        Access::AnyStaff => matches!(caller, Caller::Staff(_)),
        Access::Staff(permission) => matches!(place, Place::Shop(_)) && caller.may(permission),
        Access::Operator(permission) => matches!(place, Place::Platform) && caller.may(permission),
    };
    if allowed { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::staff::Permission::*;

    #[test]
    fn writing_includes_reading_and_nothing_else() {
        assert!(covers(OrdersWrite, OrdersRead) && covers(OrdersRead, OrdersRead));
        assert!(!covers(OrdersRead, OrdersWrite) && !covers(OrdersWrite, ProductsRead));
        assert!(!covers(OrdersRefund, OrdersRead));
    }
}
