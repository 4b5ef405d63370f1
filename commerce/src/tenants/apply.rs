//! Decides and evolves.

use super::model::{HOSTS, ORIGINS, PAGES, Platform, SLUGS, TENANT, TENANT_IDS};
use super::{
    Command, DOMAINS_MAX, Entitlements, Event, FEATURES_MAX, Group, Host, LegalEntity, ORIGINS_MAX, Origins,
    PAGE_CHARS_MAX, Page, Refusal, Settings, SitePlace, Status, Tenant, TenantRef, Versioned, by_host,
    by_slug, get, origins as stored_origins, page,
};
use crate::check::{self, Invalid};
use crate::command::Reply;
use crate::ids::TenantId;
use crate::scope::{Scope, Site, View};
use crate::time::{DAY_MS, SECOND_MS, Timestamp};

/// What will be written.
enum Change {
    Tenant {
        after: Box<Tenant>,
        event: Event,
        revision: u64,
    },
    Page(Page),
    Origins(Origins),
    /// Nothing: the state is as wished.
    None,
}

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let change = decide(scope, scope.at(), command)?;
    Ok(evolve(scope, change))
}

fn decide(view: &impl View, at: Timestamp, command: &Command) -> Result<Change, Refusal> {
    if let Command::CreateTenant { .. } = command {
        return create(view, at, command);
    }
    let mut tenant = get(view).ok_or(Refusal::UnknownTenant)?;
    tenant.updated_at = at;
    let (event, revision) = match command {
        Command::CreateTenant { .. } => return Err(Refusal::Exists),
        Command::UpdateProfile { expected, profile } => {
            let revision = replace(&mut tenant.profile, *expected, profile)?;
            (Event::Updated { group: Group::Profile, revision }, revision)
        }
        Command::UpdateBranding { expected, branding } => {
            let revision = replace(&mut tenant.branding, *expected, branding)?;
            (Event::Updated { group: Group::Branding, revision }, revision)
        }
        Command::UpdateSettings { expected, settings } => {
            check_settings(settings)?;
            let revision = replace(&mut tenant.settings, *expected, settings)?;
            (Event::Updated { group: Group::Settings, revision }, revision)
        }
        Command::UpdateEntitlements { expected, entitlements } => {
            check_entitlements(entitlements)?;
            let revision = replace(&mut tenant.entitlements, *expected, entitlements)?;
            (Event::Updated { group: Group::Entitlements, revision }, revision)
        }
        Command::UpdateLegalEntity { expected, legal } => {
            legal.as_ref().map_or(Ok(()), check_legal)?;
            let revision = replace(&mut tenant.legal, *expected, legal)?;
            (Event::Updated { group: Group::LegalEntity, revision }, revision)
        }
        Command::UpdatePage { expected, kind, body } => {
            let before = page(view, *kind).map_or(0, |page| page.revision);
            require_revision(before, *expected)?;
            let page = Page { kind: *kind, revision: before + 1, body: body.clone(), updated_at: at };
            check::prose("body", body, PAGE_CHARS_MAX)?;
            check::fits("body", &page)?;
            return Ok(Change::Page(page));
        }
        Command::UpdateOrigins { expected, origins } => {
            let before = stored_origins(view).revision;
            require_revision(before, *expected)?;
            check::count("origins", origins.len(), ORIGINS_MAX)?;
            check::distinct("origins", origins)?;
            return Ok(Change::Origins(Origins { revision: before + 1, origins: origins.clone() }));
        }
        Command::AddDomain { host } => {
            if !add_domain(view, &mut tenant, host)? {
                return Ok(Change::None);
            }
            (Event::DomainAdded { host: host.clone() }, 0)
        }
        Command::RemoveDomain { host } => {
            remove_domain(&mut tenant, host)?;
            (Event::DomainRemoved { host: host.clone() }, 0)
        }
        Command::Suspend | Command::SuspendFor { .. } if tenant.status == Status::Suspended => {
            return Ok(Change::None);
        }
        Command::Suspend => {
            tenant.status = Status::Suspended;
            (Event::Suspended, 0)
        }
        Command::SuspendFor { cause } => {
            tenant.status = Status::Suspended;
            (Event::SuspendedFor { cause: *cause }, 0)
        }
        Command::Resume if tenant.status == Status::Active => return Ok(Change::None),
        Command::Resume => {
            tenant.status = Status::Active;
            (Event::Resumed, 0)
        }
    };
    check::fits("tenant", &tenant)?;
    Ok(Change::Tenant { after: Box::new(tenant), event, revision })
}

fn create(view: &impl View, at: Timestamp, command: &Command) -> Result<Change, Refusal> {
    let Command::CreateTenant { slug, profile, domains, branding, settings, region } = command else {
        return Err(Refusal::UnknownTenant);
    };
    let id = view.tenant();
    if id == TenantId::PLATFORM {
        return Err(Refusal::Platform);
    }
    if get(view).is_some() {
        return Err(Refusal::Exists);
    }
    if by_slug(view, slug).is_some() {
        return Err(Refusal::SlugTaken { slug: slug.clone() });
    }
    check_settings(settings)?;
    let mut tenant = Tenant {
        id,
        slug: slug.clone(),
        status: Status::Active,
        created_at: at,
        updated_at: at,
        domains: Vec::new(),
        sites: vec![SitePlace { site: Site::FIRST, region: region.clone() }],
        profile: Versioned::first(profile.clone()),
        branding: Versioned::first(branding.clone()),
        settings: Versioned::first(settings.clone()),
        entitlements: Versioned::first(Entitlements::default()),
        legal: Versioned::first(None),
    };
    check::distinct("domains", domains)?;
    for host in domains {
        add_domain(view, &mut tenant, host)?;
    }
    check::fits("tenant", &tenant)?;
    Ok(Change::Tenant { after: Box::new(tenant), event: Event::Created { slug: slug.clone() }, revision: 1 })
}

/// Whether a shop may arrive under this record: its names must not be another's.
pub(crate) fn may_arrive(view: &impl View, tenant: &Tenant) -> Result<(), Refusal> {
    let other = |owner: Option<TenantId>| owner.is_some_and(|owner| owner != tenant.id);
    if tenant.id != view.tenant() || tenant.id == TenantId::PLATFORM {
        return Err(Refusal::Platform);
    }
    if other(by_slug(view, &tenant.slug)) {
        return Err(Refusal::SlugTaken { slug: tenant.slug.clone() });
    }
    match tenant.domains.iter().find(|host| other(by_host(view, host.as_str()))) {
        Some(host) => Err(Refusal::HostTaken { host: host.clone() }),
        None => Ok(()),
    }
}

/// Puts a shop's record that came from elsewhere.
pub(crate) fn arrive(scope: &mut Scope<'_, '_>, tenant: &Tenant) {
    write_indexes(scope, tenant);
    TENANT.put(scope, &(), tenant);
}

/// Whether the host is new to the tenant.
fn add_domain(view: &impl View, tenant: &mut Tenant, host: &Host) -> Result<bool, Refusal> {
    match by_host(view, host.as_str()) {
        Some(owner) if owner == tenant.id => return Ok(false),
        Some(_) => return Err(Refusal::HostTaken { host: host.clone() }),
        None => tenant.domains.push(host.clone()),
    }
    check::count("domains", tenant.domains.len(), DOMAINS_MAX)?;
    Ok(true)
}

fn remove_domain(tenant: &mut Tenant, host: &Host) -> Result<(), Refusal> {
    let position = tenant.domains.iter().position(|domain| domain == host);
    let position = position.ok_or_else(|| Refusal::UnknownHost { host: host.clone() })?;
    tenant.domains.remove(position);
    Ok(())
}

fn replace<T: Clone>(group: &mut Versioned<T>, expected: Option<u64>, value: &T) -> Result<u64, Refusal> {
    require_revision(group.revision, expected)?;
    *group = Versioned { revision: group.revision + 1, value: value.clone() };
    Ok(group.revision)
}

fn require_revision(stands: u64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != stands => Err(Refusal::Stale { revision: stands }),
        _ => Ok(()),
    }
}

fn check_settings(settings: &Settings) -> Result<(), Invalid> {
    check::count("further_currencies", settings.further_currencies.len(), 20)?;
    check::distinct("further_currencies", settings.currencies())?;
    check::count("further_locales", settings.further_locales.len(), check::LOCALES_MAX - 1)?;
    check::distinct("further_locales", settings.locales())?;
    check::not_empty("payment_methods", settings.payment_methods.len())?;
    check::distinct("payment_methods", settings.payment_methods.iter().copied())?;
    if !settings.home.is_consistent() {
        return Err(Invalid::unsuitable("home/region", &settings.home));
    }
    for (name, millis) in settings.lifetimes.named() {
        check::range(&format!("lifetimes/{name}"), millis, 30 * SECOND_MS, 400 * DAY_MS)?;
    }
    check::range("numbers/start", i64::try_from(settings.numbers.start).unwrap_or(i64::MAX), 1, 1 << 40)
}

fn check_entitlements(entitlements: &Entitlements) -> Result<(), Invalid> {
    check::count("features", entitlements.features.len(), FEATURES_MAX)
}

fn check_legal(legal: &LegalEntity) -> Result<(), Invalid> {
    check::not_empty("address", legal.address.len())?;
    check::count("address", legal.address.len(), 8)
}

fn evolve(scope: &mut Scope<'_, '_>, change: Change) -> Reply {
    let id = scope.tenant();
    match change {
        Change::None => Reply::about(id.bits(), 0),
        Change::Page(page) => {
            PAGES.put(scope, &page.kind, &page);
            scope.emit(Event::Updated { group: Group::Page(page.kind), revision: page.revision });
            Reply::about(id.bits(), page.revision)
        }
        Change::Origins(origins) => {
            ORIGINS.put(scope, &(), &origins);
            scope.emit(Event::Updated { group: Group::Origins, revision: origins.revision });
            Reply::about(id.bits(), origins.revision)
        }
        Change::Tenant { after, event, revision } => {
            write_indexes(scope, &after);
            TENANT.put(scope, &(), &after);
            scope.emit(event);
            Reply::about(id.bits(), revision)
        }
    }
}

/// Brings the rows under the platform's scope in line with the tenant.
fn write_indexes(scope: &mut Scope<'_, '_>, after: &Tenant) {
    let before = get(scope).map_or(Vec::new(), |tenant| tenant.domains);
    let owner = TenantRef(after.id);
    scope.within(TenantId::PLATFORM, Site::NONE, |platform| {
        TENANT_IDS.put(platform, &after.id, &owner);
        SLUGS.put(platform, &after.slug, &owner);
        before
            .iter()
            .filter(|host| !after.domains.contains(host))
            .for_each(|host| HOSTS.delete(platform, host));
        after.domains.iter().for_each(|host| HOSTS.put(platform, host, &owner));
    });
    debug_assert!(after.domains.iter().all(|host| HOSTS.contains(&Platform::of(scope), host)));
}
