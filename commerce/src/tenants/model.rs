//! Records and values.

use super::values::{BlobHash, Colour, Host, NumberPrefix, Origin, TimeZone};
use crate::code::Code;
use crate::ids::{RateId, TenantId};
use crate::locale::{Country, Locale};
use crate::money::Currency;
use crate::scope::{Key, Site, Table, View, scope_prefix};
use crate::tax::{Elsewhere, Place, Rounding, Rules};
use crate::text::{Name, Slug, Text};
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS, Timestamp};
use bytes::Bytes;
use gearify_storage::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub const DOMAINS_MAX: usize = 20;
pub const FEATURES_MAX: usize = 100;
pub const PAGE_CHARS_MAX: usize = 20_000;
pub const ORIGINS_MAX: usize = 20;

/// A group of settings with its own revision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Versioned<T> {
    pub revision: u64,
    pub value: T,
}

impl<T> Versioned<T> {
    pub fn first(value: T) -> Versioned<T> {
        Versioned { revision: 1, value }
    }
}

/// A shop's owner on the platform: one record, since all of it is read together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tenant {
    pub id: TenantId,
    /// Never changes: it is part of addresses and backups.
    pub slug: Slug,
    pub status: Status,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// The first is the canonical one.
    pub domains: Vec<Host>,
    pub sites: Vec<SitePlace>,
    pub profile: Versioned<Profile>,
    pub branding: Versioned<Branding>,
    pub settings: Versioned<Settings>,
    pub entitlements: Versioned<Entitlements>,
    pub legal: Versioned<Option<LegalEntity>>,
}
gearify_storage::first_version!(Tenant);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    Active,
    /// Shows nothing and sells nothing; its data stays.
    Suspended,
}

/// Which region sells for a site.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SitePlace {
    pub site: Site,
    pub region: Name,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub name: Name,
    pub plan: Code,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branding {
    pub logo: Option<BlobHash>,
    pub header_colour: Colour,
    pub primary_colour: Colour,
    pub secondary_colour: Colour,
    pub font: FontFamily,
}

/// Font stacks that every device has; nothing is loaded from elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FontFamily {
    /// A serif for display, a sans for text.
    #[default]
    Classic,
    /// Sans throughout.
    Modern,
    /// Rounded letters.
    Friendly,
    /// Serif throughout.
    Bookish,
}

impl FontFamily {
    pub const ALL: [FontFamily; 4] =
        [FontFamily::Classic, FontFamily::Modern, FontFamily::Friendly, FontFamily::Bookish];

    pub fn as_str(self) -> &'static str {
        match self {
            FontFamily::Classic => "classic",
            FontFamily::Modern => "modern",
            FontFamily::Friendly => "friendly",
            FontFamily::Bookish => "bookish",
        }
    }

    pub fn parse(text: &str) -> Option<FontFamily> {
        FontFamily::ALL.into_iter().find(|font| font.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub currency: Currency,
    pub further_currencies: Vec<Currency>,
    pub time_zone: TimeZone,
    pub locale: Locale,
    pub further_locales: Vec<Locale>,
    /// Where the seller is, for taxes and for what is assumed before a destination is known.
    pub home: Place,
    /// Chosen beforehand at checkout where it is offered.
    pub default_rate: Option<RateId>,
    pub payment_methods: Vec<PaymentMethod>,
    pub tax: TaxSettings,
    pub lifetimes: Lifetimes,
    pub numbers: OrderNumbers,
}

impl Settings {
    /// A shop that sells in one currency and language from one country, everything else by default.
    pub fn new(currency: Currency, locale: Locale, country: Country, time_zone: TimeZone) -> Settings {
        Settings {
            currency,
            further_currencies: Vec::new(),
            time_zone,
            locale,
            further_locales: Vec::new(),
            home: Place::country(country),
            default_rate: None,
            payment_methods: vec![PaymentMethod::Manual],
            tax: TaxSettings::default(),
            lifetimes: Lifetimes::default(),
            numbers: OrderNumbers::default(),
        }
    }

    /// The default first.
    pub fn currencies(&self) -> impl Iterator<Item = Currency> + '_ {
        std::iter::once(self.currency).chain(self.further_currencies.iter().copied())
    }

    /// The default first.
    pub fn locales(&self) -> impl Iterator<Item = &Locale> {
        std::iter::once(&self.locale).chain(&self.further_locales)
    }

    /// What a quote needs to know of the seller.
    pub fn tax_rules(&self) -> Rules {
        Rules { home: self.home.clone(), rounding: self.tax.rounding, elsewhere: self.tax.elsewhere }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PaymentMethod {
    /// Outside production only.
    Test,
    /// Bank transfer or cash, marked as received by staff.
    Manual,
    Stripe,
    Paypal,
}

impl PaymentMethod {
    pub const ALL: [PaymentMethod; 4] =
        [PaymentMethod::Test, PaymentMethod::Manual, PaymentMethod::Stripe, PaymentMethod::Paypal];

    pub fn as_str(self) -> &'static str {
        match self {
            PaymentMethod::Test => "test",
            PaymentMethod::Manual => "manual",
            PaymentMethod::Stripe => "stripe",
            PaymentMethod::Paypal => "paypal",
        }
    }

    pub fn parse(text: &str) -> Option<PaymentMethod> {
        PaymentMethod::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

impl std::fmt::Display for PaymentMethod {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxSettings {
    /// What new price lists begin with, and how prices are shown.
    pub prices_include_tax: bool,
    pub rounding: Rounding,
    pub elsewhere: Elsewhere,
}

impl Default for TaxSettings {
    fn default() -> TaxSettings {
        TaxSettings { prices_include_tax: true, rounding: Rounding::PerLine, elsewhere: Elsewhere::KeepGross }
    }
}

/// How long things last, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetimes {
    pub anonymous_cart_ms: i64,
    pub customer_cart_ms: i64,
    pub session_ms: i64,
    pub checkout_hold_ms: i64,
    pub unpaid_order_ms: i64,
    pub unpaid_manual_order_ms: i64,
    /// Idle time after which a cart counts as abandoned.
    pub cart_idle_ms: i64,
}

impl Default for Lifetimes {
    fn default() -> Lifetimes {
        Lifetimes {
            anonymous_cart_ms: 7 * DAY_MS,
            customer_cart_ms: 30 * DAY_MS,
            session_ms: DAY_MS,
            checkout_hold_ms: 5 * MINUTE_MS,
            unpaid_order_ms: 30 * MINUTE_MS,
            unpaid_manual_order_ms: 7 * DAY_MS,
            cart_idle_ms: HOUR_MS,
        }
    }
}

impl Lifetimes {
    pub(super) fn named(&self) -> [(&'static str, i64); 7] {
        [
            ("anonymous_cart_ms", self.anonymous_cart_ms),
            ("customer_cart_ms", self.customer_cart_ms),
            ("session_ms", self.session_ms),
            ("checkout_hold_ms", self.checkout_hold_ms),
            ("unpaid_order_ms", self.unpaid_order_ms),
            ("unpaid_manual_order_ms", self.unpaid_manual_order_ms),
            ("cart_idle_ms", self.cart_idle_ms),
        ]
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNumbers {
    pub prefix: NumberPrefix,
    /// The first order's number.
    pub start: u64,
}

impl Default for OrderNumbers {
    fn default() -> OrderNumbers {
        OrderNumbers { prefix: NumberPrefix::parse("").expect("an empty prefix is allowed"), start: 1_001 }
    }
}

/// What the tenant's plan and contract allow, by feature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlements {
    pub features: BTreeMap<Code, bool>,
}

impl Entitlements {
    /// A feature that is not named is not included.
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|(code, on)| code.as_str() == feature && *on)
    }
}

/// Who sells: public business data, printed on pages and invoices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalEntity {
    pub name: Name,
    pub address: Vec<Name>,
    pub country: Country,
    pub registration: Option<Name>,
    pub tax_id: Option<Name>,
    pub email: Option<Name>,
    pub phone: Option<Name>,
}

/// Pages every shop needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PageKind {
    Delivery,
    Returns,
    Privacy,
    Terms,
    Contact,
}

impl PageKind {
    pub const ALL: [PageKind; 5] =
        [PageKind::Delivery, PageKind::Returns, PageKind::Privacy, PageKind::Terms, PageKind::Contact];

    /// Its place under `/pages/`.
    pub fn as_str(self) -> &'static str {
        match self {
            PageKind::Delivery => "delivery",
            PageKind::Returns => "returns",
            PageKind::Privacy => "privacy",
            PageKind::Terms => "terms",
            PageKind::Contact => "contact",
        }
    }

    pub fn parse(text: &str) -> Option<PageKind> {
        PageKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl Key for PageKind {
    fn push(&self, out: &mut Vec<u8>) {
        self.as_str().push(out);
    }
}

/// A page in Markdown. Its revision is the version that a shopper accepts (terms).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Page {
    pub kind: PageKind,
    pub revision: u64,
    pub body: Text,
    pub updated_at: Timestamp,
}
gearify_storage::first_version!(Page);

/// Other websites whose scripts may use the shop's interface. None to begin with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origins {
    pub revision: u64,
    pub origins: Vec<Origin>,
}
gearify_storage::first_version!(Origins);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantRef(pub TenantId);
gearify_storage::first_version!(TenantRef);

/// The tenant itself, in its own scope.
pub const TENANT: Table<(), Tenant> = Table::new(20);
pub const PAGES: Table<PageKind, Page> = Table::new(21);
pub(super) const ORIGINS: Table<(), Origins> = Table::new(25);
/// Under the platform's scope: which tenants there are, and their names.
pub(super) const TENANT_IDS: Table<TenantId, TenantRef> = Table::new(22);
pub(super) const SLUGS: Table<Slug, TenantRef> = Table::new(23);
pub(super) const HOSTS: Table<Host, TenantRef> = Table::new(24);

/// Under the platform's scope: whose keys a shop's personal data and hashes are under, where they are not its
/// own. It is a copy of that shop.
pub(crate) const KEY_SOURCES: Table<TenantId, TenantRef> = Table::new(26);

/// Whose keys a shop's personal data and hashes are under. Any scope of the world group will do.
pub fn keys_of(view: &(impl View + ?Sized), tenant: TenantId) -> TenantId {
    KEY_SOURCES.get(&Platform::of(view), &tenant).map_or(tenant, |TenantRef(source)| source)
}

/// Tenants one call lists.
pub const LIST_MAX: usize = 200;

/// The tenant of this scope.
pub fn get(view: &(impl View + ?Sized)) -> Option<Tenant> {
    TENANT.get(view, &())
}

/// The tenant's page, if it has been written.
pub fn page(view: &(impl View + ?Sized), kind: PageKind) -> Option<Page> {
    PAGES.get(view, &kind)
}

/// Other websites that may use the tenant's interface; revision 0 if that was never said.
pub fn origins(view: &(impl View + ?Sized)) -> Origins {
    ORIGINS.get(view, &()).unwrap_or_default()
}

/// Whose host this is. `host` has no port. Any scope of the world group will do.
pub fn by_host(view: &(impl View + ?Sized), host: &str) -> Option<TenantId> {
    let host = Host::parse(host).ok()?;
    HOSTS.get(&Platform::of(view), &host).map(|found| found.0)
}

/// Whose slug this is. Any scope of the world group will do.
pub fn by_slug(view: &(impl View + ?Sized), slug: &Slug) -> Option<TenantId> {
    SLUGS.get(&Platform::of(view), slug).map(|found| found.0)
}

/// Tenants in the order of their ids after `after`, at most `limit` and [`LIST_MAX`].
pub fn list(view: &(impl View + ?Sized), after: Option<TenantId>, limit: usize) -> Vec<Tenant> {
    let platform = Platform::of(view);
    // Ids sort by time, and the platform itself, which is zero, is no tenant.
    let after = after.unwrap_or(TenantId::PLATFORM);
    TENANT_IDS
        .list_after(&platform, &after, limit.min(LIST_MAX))
        .into_iter()
        .filter_map(|TenantRef(id)| get(&Platform { view, prefix: scope_prefix(id, Site::NONE) }))
        .collect()
}

/// The same state seen from another scope of the world group, for the indexes over all tenants.
pub(super) struct Platform<'v, V: View + ?Sized> {
    view: &'v V,
    prefix: [u8; 18],
}

impl<'v, V: View + ?Sized> Platform<'v, V> {
    pub(super) fn of(view: &'v V) -> Platform<'v, V> {
        Platform { view, prefix: scope_prefix(TenantId::PLATFORM, Site::NONE) }
    }
}

impl<V: View + ?Sized> View for Platform<'_, V> {
    fn prefix(&self) -> &[u8; 18] {
        &self.prefix
    }

    fn get_row(&self, key: &[u8]) -> Option<Bytes> {
        self.view.get_row(key)
    }

    fn scan_rows(&self, from: &[u8], until: &[u8], limit: usize) -> Vec<Row> {
        self.view.scan_rows(from, until, limit)
    }
}
