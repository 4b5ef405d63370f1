//! The shop a request is for: found by host name alone, kept until the world's log moves on.

use crate::ports::{Backend, with_scope};
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::{self, Origin, Tenant};
use gearify_commerce::{Currency, Locale, Site, TenantId};
use parking_lot::RwLock;
use std::collections::BTreeMap;
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

    /// The region that the shop sells from.
    pub fn home(&self) -> Option<&str> {
        let home = self.tenant.sites.iter().find(|place| place.site == self.site())?;
        Some(home.region.as_str())
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
#[derive(Default)]
pub struct Shops {
    hosts: RwLock<Hosts>,
}

/// Every request asks, and the world's log hardly ever moves: one plain map, begun anew when it does.
#[derive(Default)]
struct Hosts {
    position: u64,
    shops: BTreeMap<String, Option<Arc<Shop>>>,
}

/// Hosts remembered; unknown ones too, so that a stray name costs no look-up each time.
const HOSTS_MAX: usize = 10_000;

impl Shops {
    /// The shop of a host in its normal form.
    pub fn by_host(&self, backend: &dyn Backend, host: &str) -> Option<Arc<Shop>> {
        let position = backend.applied(GroupKind::World, TenantId::PLATFORM);
        let known = self.hosts.read();
        if known.position == position
            && let Some(shop) = known.shops.get(host)
        {
            return shop.clone();
        }
        drop(known);
        let shop = read_shop(backend, host).map(Arc::new);
        let mut hosts = self.hosts.write();
        if hosts.position < position {
            *hosts = Hosts { position, ..Hosts::default() };
        }
        if hosts.shops.len() >= HOSTS_MAX {
            // Strangers' names go first: they can't push out a shop.
            hosts.shops.retain(|_, shop| shop.is_some());
        }
        if hosts.shops.len() >= HOSTS_MAX {
            hosts.shops.clear();
        }
        // What was read at an older position may be of the past by now.
        if hosts.position == position {
            hosts.shops.insert(host.to_owned(), shop.clone());
        }
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
