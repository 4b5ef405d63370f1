//! The shop a request is for: found by host name alone, kept until the world's log moves on.

use crate::ports::{Backend, with_scope};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::{self, Origin, Tenant};
use gearify_commerce::{Currency, Locale, Site, TenantId};
use moka::sync::Cache;
use std::sync::Arc;

/// A tenant as requests see it.
pub struct Shop {
    pub tenant: Tenant,
    /// Other websites whose scripts may use the shop's interface.
    pub origins: Vec<Origin>,
    /// The host of the request, in lower case, without port.
    pub host: String,
}

impl Shop {
    pub fn id(&self) -> TenantId {
        self.tenant.id
    }

    pub fn site(&self) -> Site {
        Site::FIRST
    }

    pub fn settings(&self) -> &tenants::Settings {
        &self.tenant.settings.value
    }

    /// The offered language closest to `wanted`: itself, the same language, else the default.
    pub fn locale(&self, wanted: Option<&Locale>) -> Locale {
        let offered = || self.settings().locales();
        wanted
            .and_then(|wanted| {
                offered()
                    .find(|locale| *locale == wanted)
                    .or_else(|| offered().find(|locale| locale.language() == wanted.language()))
            })
            .unwrap_or(&self.settings().locale)
            .clone()
    }

    /// `wanted` if the shop sells in it, else `None`.
    pub fn currency(&self, wanted: Currency) -> Option<Currency> {
        self.settings().currencies().find(|currency| *currency == wanted)
    }
}

/// Shops by host, as of a position of the world's log.
pub struct Shops {
    by_host: Cache<String, (u64, Option<Arc<Shop>>)>,
}

/// Hosts remembered; unknown ones too, so that a stray name costs no look-up each time.
const HOSTS_MAX: u64 = 10_000;

impl Default for Shops {
    fn default() -> Shops {
        Shops { by_host: Cache::new(HOSTS_MAX) }
    }
}

impl Shops {
    /// The shop of a host in its normal form.
    pub fn by_host(&self, backend: &dyn Backend, host: &str) -> Option<Arc<Shop>> {
        let position = backend.applied(GroupKind::World);
        if let Some((at, shop)) = self.by_host.get(host)
            && at == position
        {
            return shop;
        }
        let shop = read_shop(backend, host).map(Arc::new);
        self.by_host.insert(host.to_owned(), (position, shop.clone()));
        shop
    }
}

fn read_shop(backend: &dyn Backend, host: &str) -> Option<Shop> {
    let platform = TenantId::PLATFORM;
    let id =
        with_scope(backend, GroupKind::World, platform, Site::NONE, |view| tenants::by_host(view, host))?;
    with_scope(backend, GroupKind::World, id, Site::NONE, |view| {
        let (tenant, origins) = (tenants::get(view)?, tenants::origins(view).origins);
        Some(Shop { tenant, origins, host: host.to_owned() })
    })
}
