//! Whose request it is, by the host name alone.

use crate::app::AppState;
use crate::problem::{Kind, Problem};
use crate::routes::{Access, Row, Surface, TenantScope};
use crate::shop::Shop;
use axum::extract::Request;
use gearify_commerce::TenantId;
use gearify_commerce::tenants::Status;
use http::header;
use std::sync::Arc;

/// What a host name stands for.
#[derive(Clone)]
pub enum Place {
    Shop(Arc<Shop>),
    Platform,
    /// The route answers under any host and did not ask.
    Anywhere,
}

impl Place {
    /// The platform's own id where there is no shop.
    pub fn tenant(&self) -> TenantId {
        match self {
            Place::Shop(shop) => shop.id(),
            Place::Platform | Place::Anywhere => TenantId::PLATFORM,
        }
    }
}

/// A host as it is looked up: lower case, without port and trailing dot.
pub fn normal_host(host: &str) -> String {
    // An IPv6 literal has colons of its own, inside its brackets.
    let name = match host.rfind(']') {
        Some(end) => &host[..=end],
        None => host.split(':').next().unwrap_or_default(),
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

fn host_of(request: &Request) -> Option<String> {
    // HTTP/2 has the host in the target; HTTP/1.1 in its header.
    let authority = request.uri().authority().map(|authority| authority.as_str());
    let header = || request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    authority.or_else(header).map(normal_host).filter(|host| !host.is_empty())
}

pub fn place(state: &AppState, scope: TenantScope, request: &Request) -> Result<Place, Problem> {
    if scope == TenantScope::Any {
        return Ok(Place::Anywhere);
    }
    let unknown = || Problem::new(Kind::UnknownHost);
    let host = host_of(request).ok_or_else(unknown)?;
    let place = if host == state.settings.operator_host {
        Place::Platform
    } else {
        Place::Shop(state.shops.by_host(&*state.backend, &host).ok_or_else(unknown)?)
    };
    match (scope, &place) {
        (TenantScope::Shop, Place::Platform) | (TenantScope::Platform, Place::Shop(_)) => {
            Err(Problem::new(Kind::NotFound))
        }
        _ => Ok(place),
    }
}

/// A suspended shop shows nothing and sells nothing; its staff may still sign in and read.
pub fn require_open(place: &Place, row: &Row) -> Result<(), Problem> {
    let Place::Shop(shop) = place else { return Ok(()) };
    let for_staff =
        matches!(row.access, Access::Staff(_) | Access::AnyStaff) || row.surface == Surface::Console;
    let exempt = row.surface == Surface::Plain || (for_staff && row.method.is_read());
    if shop.tenant.status == Status::Active || exempt {
        return Ok(());
    }
    Err(Problem::new(Kind::TenantSuspended).retry_after(3_600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_one_form() {
        for written in ["Willow.Localhost:8080", "willow.localhost.", "willow.localhost.:80"] {
            assert_eq!(normal_host(written), "willow.localhost");
        }
        assert_eq!(normal_host("[::1]:8080"), "[::1]");
        assert_eq!(normal_host(""), "");
    }
}
