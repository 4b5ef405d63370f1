//! What a shop says about itself: name, looks, rules, legal entity, pages. Each group has a revision.

use super::merge::{base, patched, replaces};
use super::product_bodies::all;
use super::products::own_locale;
use super::texts::Words;
use crate::api::body::text;
use crate::api::me::tagged;
use crate::api::media::is_named;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::{Faults, Problem};
use crate::read::moment;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::shipping;
use gearify_commerce::tax::{Elsewhere, Place, Rounding};
use gearify_commerce::tenants::{
    self, BlobHash, Branding, Colour, Command, FontFamily, LegalEntity, Lifetimes, NumberPrefix,
    OrderNumbers, Origin, Origins, Page, PageKind, PaymentMethod, Profile, Settings, TaxSettings, Tenant,
    TimeZone,
};
use gearify_commerce::{Country, Currency, Locale, Name, RateId, RegionCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: settings", Api, Shop;
        Get "/api/v1/admin/settings" get_settings: Staff(SettingsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(SettingsView), "All settings with the revision of each group";
        Patch "/api/v1/admin/settings/profile" change_profile: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(ProfileBody), 200(SettingsView), "Changes the shop's name";
        Patch "/api/v1/admin/settings/branding" change_branding: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(BrandingBody), 200(SettingsView), "Changes logo, colours or font by merge patch";
        Patch "/api/v1/admin/settings/shop" change_shop: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(ShopBody), 200(SettingsView), "Changes currencies, languages, payment, taxes, lifetimes by merge patch";
        Patch "/api/v1/admin/settings/legal" change_legal: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(LegalBody), 200(SettingsView), "Changes the legal entity by merge patch";
        Patch "/api/v1/admin/settings/origins" change_origins: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(OriginsBody), 200(SettingsView), "Lists the other websites whose scripts may use the shop's interface";
        Get "/api/v1/admin/pages/{kind}" get_page: Staff(SettingsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(PageView), "A page in all languages: delivery, returns, privacy, terms or contact";
        Put "/api/v1/admin/pages/{kind}" put_page: Staff(SettingsWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(PageBody), 200(PageView), "Writes a page in Markdown";
    }
}

#[derive(Serialize, ToSchema)]
pub struct SettingsView {
    pub slug: String,
    pub domains: Vec<String>,
    pub plan: String,
    pub profile: ProfileBody,
    pub profile_revision: u64,
    pub branding: BrandingBody,
    pub branding_revision: u64,
    pub shop: ShopBody,
    pub shop_revision: u64,
    pub legal: Option<LegalBody>,
    pub legal_revision: u64,
    /// Other websites whose scripts may use the shop's interface.
    pub origins: Vec<String>,
    pub origins_revision: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OriginsBody {
    /// Exact origins such as `https://www.example.com`: no path, no wildcard. Cookies are never accepted from
    /// there; a script acts for somebody with their token.
    pub origins: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProfileBody {
    pub name: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BrandingBody {
    /// Hash of an uploaded picture.
    pub logo: Option<String>,
    pub header_colour: String,
    pub primary_colour: String,
    pub secondary_colour: String,
    /// `classic`, `modern`, `friendly` or `bookish`.
    pub font: String,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShopBody {
    pub currency: String,
    #[serde(default)]
    pub further_currencies: Vec<String>,
    pub time_zone: String,
    pub locale: String,
    #[serde(default)]
    pub further_locales: Vec<String>,
    pub home_country: String,
    /// ISO 3166-2.
    pub home_region_code: Option<String>,
    /// Chosen beforehand at checkout.
    pub default_rate_id: Option<String>,
    /// `test`, `manual`, `stripe`, `paypal`.
    pub payment_methods: Vec<String>,
    pub prices_include_tax: bool,
    /// `per_line` or `per_order`.
    pub tax_rounding: String,
    /// `keep_gross` or `keep_net`.
    pub tax_elsewhere: String,
    pub lifetimes: LifetimesBody,
    /// Before every order number.
    #[serde(default)]
    pub number_prefix: String,
    pub number_start: u64,
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LifetimesBody {
    pub anonymous_cart_ms: i64,
    pub customer_cart_ms: i64,
    pub session_ms: i64,
    pub checkout_hold_ms: i64,
    pub unpaid_order_ms: i64,
    pub unpaid_manual_order_ms: i64,
    pub cart_idle_ms: i64,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LegalBody {
    pub name: String,
    pub address: Vec<String>,
    pub country: String,
    pub registration: Option<String>,
    pub tax_id: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageBody {
    /// Markdown.
    pub body: Words,
}

#[derive(Serialize, ToSchema)]
pub struct PageView {
    pub kind: &'static str,
    /// The version a shopper accepts.
    pub revision: u64,
    pub body: Words,
    pub updated_at: Option<String>,
}

impl BrandingBody {
    /// What a shop begins with.
    pub fn plain() -> BrandingBody {
        BrandingBody {
            logo: None,
            header_colour: "#ffffff".into(),
            primary_colour: "#1f4d3a".into(),
            secondary_colour: "#c8a45c".into(),
            font: FontFamily::default().as_str().into(),
        }
    }

    pub fn of(branding: &Branding) -> BrandingBody {
        BrandingBody {
            logo: branding.logo.as_ref().map(|hash| hash.to_string()),
            header_colour: branding.header_colour.to_string(),
            primary_colour: branding.primary_colour.to_string(),
            secondary_colour: branding.secondary_colour.to_string(),
            font: branding.font.as_str().into(),
        }
    }

    pub fn parse(&self) -> Result<Branding, Problem> {
        let mut faults = Faults::new();
        let logo = faults.optional("/logo", text(&self.logo), BlobHash::parse);
        let header = faults.take("/header_colour", Colour::parse(&self.header_colour));
        let primary = faults.take("/primary_colour", Colour::parse(&self.primary_colour));
        let secondary = faults.take("/secondary_colour", Colour::parse(&self.secondary_colour));
        let font = FontFamily::parse(&self.font).ok_or("must be classic, modern, friendly or bookish");
        let font = faults.take("/font", font);
        let ((header_colour, primary_colour), (secondary_colour, font)) =
            faults.finish(header.zip(primary).zip(secondary.zip(font)))?;
        Ok(Branding { logo, header_colour, primary_colour, secondary_colour, font })
    }
}

impl ShopBody {
    pub fn of(settings: &Settings) -> ShopBody {
        let Lifetimes {
            anonymous_cart_ms,
            customer_cart_ms,
            session_ms,
            checkout_hold_ms,
            unpaid_order_ms,
            unpaid_manual_order_ms,
            cart_idle_ms,
        } = settings.lifetimes;
        ShopBody {
            currency: settings.currency.to_string(),
            further_currencies: settings
                .further_currencies
                .iter()
                .map(|currency| currency.to_string())
                .collect(),
            time_zone: settings.time_zone.to_string(),
            locale: settings.locale.to_string(),
            further_locales: settings.further_locales.iter().map(|locale| locale.to_string()).collect(),
            home_country: settings.home.country.to_string(),
            home_region_code: settings.home.region.as_ref().map(|region| region.to_string()),
            default_rate_id: settings.default_rate.map(|rate| rate.to_string()),
            payment_methods: settings.payment_methods.iter().map(|method| method.to_string()).collect(),
            prices_include_tax: settings.tax.prices_include_tax,
            tax_rounding: match settings.tax.rounding {
                Rounding::PerLine => "per_line",
                Rounding::PerOrder => "per_order",
            }
            .into(),
            tax_elsewhere: match settings.tax.elsewhere {
                Elsewhere::KeepGross => "keep_gross",
                Elsewhere::KeepNet => "keep_net",
            }
            .into(),
            lifetimes: LifetimesBody {
                anonymous_cart_ms,
                customer_cart_ms,
                session_ms,
                checkout_hold_ms,
                unpaid_order_ms,
                unpaid_manual_order_ms,
                cart_idle_ms,
            },
            number_prefix: settings.numbers.prefix.to_string(),
            number_start: settings.numbers.start,
        }
    }

    pub fn parse(&self, production: bool) -> Result<Settings, Problem> {
        let mut faults = Faults::new();
        let currency = faults.take("/currency", Currency::parse(&self.currency));
        let further_currencies =
            all(&mut faults, "/further_currencies", &self.further_currencies, Currency::parse);
        let time_zone = faults.take("/time_zone", known_zone(&self.time_zone));
        let locale = faults.take("/locale", Locale::parse(&self.locale));
        let further_locales = all(&mut faults, "/further_locales", &self.further_locales, Locale::parse);
        let country = faults.take("/home_country", Country::parse(&self.home_country));
        let region = faults.optional("/home_region_code", text(&self.home_region_code), RegionCode::parse);
        let default_rate = faults.optional("/default_rate_id", text(&self.default_rate_id), RateId::parse);
        let payment_methods = all(&mut faults, "/payment_methods", &self.payment_methods, |method| {
            let known =
                PaymentMethod::parse(method).filter(|method| !production || *method != PaymentMethod::Test);
            known.ok_or("is not a way to pay here")
        });
        let rounding = faults.take(
            "/tax_rounding",
            match self.tax_rounding.as_str() {
                "per_line" => Ok(Rounding::PerLine),
                "per_order" => Ok(Rounding::PerOrder),
                _ => Err("must be per_line or per_order"),
            },
        );
        let elsewhere = faults.take(
            "/tax_elsewhere",
            match self.tax_elsewhere.as_str() {
                "keep_gross" => Ok(Elsewhere::KeepGross),
                "keep_net" => Ok(Elsewhere::KeepNet),
                _ => Err("must be keep_gross or keep_net"),
            },
        );
        let prefix = faults.take("/number_prefix", NumberPrefix::parse(&self.number_prefix));
        let money = currency.zip(prefix);
        let place = time_zone.zip(locale).zip(country);
        let ((currency, prefix), ((time_zone, locale), country)) = faults.finish(money.zip(place))?;
        let (Some(rounding), Some(elsewhere)) = (rounding, elsewhere) else {
            return Err(Problem::internal("a checked word is missing"));
        };
        let LifetimesBody {
            anonymous_cart_ms,
            customer_cart_ms,
            session_ms,
            checkout_hold_ms,
            unpaid_order_ms,
            unpaid_manual_order_ms,
            cart_idle_ms,
        } = self.lifetimes;
        Ok(Settings {
            currency,
            further_currencies,
            time_zone,
            locale,
            further_locales,
            home: Place { country, region },
            default_rate,
            payment_methods,
            tax: TaxSettings { prices_include_tax: self.prices_include_tax, rounding, elsewhere },
            lifetimes: Lifetimes {
                anonymous_cart_ms,
                customer_cart_ms,
                session_ms,
                checkout_hold_ms,
                unpaid_order_ms,
                unpaid_manual_order_ms,
                cart_idle_ms,
            },
            numbers: OrderNumbers { prefix, start: self.number_start },
        })
    }
}

/// A zone that clocks here know: a name alone would be taken and then mean UTC.
pub fn known_zone(name: &str) -> Result<TimeZone, String> {
    let zone = TimeZone::parse(name).map_err(|error| error.to_string())?;
    jiff::tz::TimeZone::get(zone.as_str()).map_err(|_| "there is no such time zone".to_owned())?;
    Ok(zone)
}

impl LegalBody {
    pub fn of(legal: &LegalEntity) -> LegalBody {
        let text = |name: &Option<Name>| name.as_ref().map(|name| name.to_string());
        LegalBody {
            name: legal.name.to_string(),
            address: legal.address.iter().map(|line| line.to_string()).collect(),
            country: legal.country.to_string(),
            registration: text(&legal.registration),
            tax_id: text(&legal.tax_id),
            email: text(&legal.email),
            phone: text(&legal.phone),
        }
    }

    pub fn parse(&self) -> Result<LegalEntity, Problem> {
        let mut faults = Faults::new();
        let name = faults.take("/name", Name::parse(&self.name));
        let address = all(&mut faults, "/address", &self.address, Name::parse);
        let country = faults.take("/country", Country::parse(&self.country));
        let registration = faults.optional("/registration", text(&self.registration), Name::parse);
        let tax_id = faults.optional("/tax_id", text(&self.tax_id), Name::parse);
        let email = faults.optional("/email", text(&self.email), Name::parse);
        let phone = faults.optional("/phone", text(&self.phone), Name::parse);
        let (name, country) = faults.finish(name.zip(country))?;
        Ok(LegalEntity { name, address, country, registration, tax_id, email, phone })
    }
}

/// The tenant as the world's log has it now, not as the request began.
fn tenant(call: &Call) -> Result<Tenant, Problem> {
    let found = call.read(GroupKind::World, |view| tenants::get(view));
    found.ok_or_else(|| Problem::internal("a shop without a tenant"))
}

fn view(tenant: &Tenant, others: &Origins) -> SettingsView {
    SettingsView {
        slug: tenant.slug.to_string(),
        domains: tenant.domains.iter().map(|host| host.to_string()).collect(),
        plan: tenant.profile.value.plan.to_string(),
        profile: ProfileBody { name: tenant.profile.value.name.to_string() },
        profile_revision: tenant.profile.revision,
        branding: BrandingBody::of(&tenant.branding.value),
        branding_revision: tenant.branding.revision,
        shop: ShopBody::of(&tenant.settings.value),
        shop_revision: tenant.settings.revision,
        legal: tenant.legal.value.as_ref().map(LegalBody::of),
        legal_revision: tenant.legal.revision,
        origins: others.origins.iter().map(|origin| origin.to_string()).collect(),
        origins_revision: others.revision,
    }
}

fn origins(call: &Call) -> Origins {
    call.read(GroupKind::World, |view| tenants::origins(view))
}

async fn get_settings(call: Call) -> Result<Json<SettingsView>, Problem> {
    Ok(Json(view(&tenant(&call)?, &origins(&call))))
}

/// Answers with all settings, tagged with the changed group's revision.
fn changed(call: &Call, revision: fn(&Tenant) -> u64) -> Result<Response, Problem> {
    let tenant = tenant(call)?;
    Ok(tagged(revision(&tenant), Json(view(&tenant, &origins(call)))))
}

async fn change_origins(call: Call, Json(patch): Json<Value>) -> Result<Response, Problem> {
    let before = origins(&call);
    let current = OriginsBody { origins: before.origins.iter().map(|origin| origin.to_string()).collect() };
    let body = patched(&current, patch)?;
    let expected = base(&call, before.revision)?;
    let mut faults = Faults::new();
    let named = all(&mut faults, "/origins", &body.origins, Origin::parse);
    faults.check()?;
    call.submit(Command::UpdateOrigins { expected, origins: named }).await?;
    let after = origins(&call);
    Ok(tagged(after.revision, Json(view(&tenant(&call)?, &after))))
}

async fn change_profile(call: Call, Json(patch): Json<Value>) -> Result<Response, Problem> {
    let before = tenant(&call)?.profile;
    let body = patched(&ProfileBody { name: before.value.name.to_string() }, patch)?;
    let expected = base(&call, before.revision)?;
    let mut faults = Faults::new();
    let name = faults.take("/name", Name::parse(&body.name));
    let name = faults.finish(name)?;
    let profile = Profile { name, plan: before.value.plan };
    call.submit(Command::UpdateProfile { expected, profile }).await?;
    changed(&call, |tenant| tenant.profile.revision)
}

async fn change_branding(call: Call, Json(patch): Json<Value>) -> Result<Response, Problem> {
    let before = tenant(&call)?.branding;
    let body = patched(&BrandingBody::of(&before.value), patch)?;
    let expected = base(&call, before.revision)?;
    let branding = body.parse()?;
    if branding.logo.as_ref().is_some_and(|logo| !is_named(&call, logo)) {
        return Err(Problem::invalid("/logo", "is not a picture of this shop"));
    }
    call.submit(Command::UpdateBranding { expected, branding }).await?;
    changed(&call, |tenant| tenant.branding.revision)
}

async fn change_shop(call: Call, Json(patch): Json<Value>) -> Result<Response, Problem> {
    let before = tenant(&call)?.settings;
    let body = patched(&ShopBody::of(&before.value), patch)?;
    let expected = base(&call, before.revision)?;
    let settings = body.parse(call.state().settings.production)?;
    if let Some(rate) = settings.default_rate
        && settings.default_rate != before.value.default_rate
        && call.read(GroupKind::Catalogue, |view| shipping::rate(view, rate)).is_none()
    {
        return Err(Problem::invalid("/default_rate_id", "is not a delivery rate of this shop"));
    }
    call.submit(Command::UpdateSettings { expected, settings }).await?;
    changed(&call, |tenant| tenant.settings.revision)
}

async fn change_legal(call: Call, Json(patch): Json<Value>) -> Result<Response, Problem> {
    let before = tenant(&call)?.legal;
    let expected = base(&call, before.revision)?;
    let current = before.value.as_ref().map(LegalBody::of);
    let body: LegalBody =
        patched(&current, patch)?.ok_or_else(|| Problem::invalid("/name", "is required"))?;
    call.submit(Command::UpdateLegalEntity { expected, legal: Some(body.parse()?) }).await?;
    changed(&call, |tenant| tenant.legal.revision)
}

fn kind(text: &str) -> Result<PageKind, Problem> {
    PageKind::parse(text).ok_or_else(|| Problem::not_found("page"))
}

fn show_page(call: &Call, kind: PageKind) -> Response {
    let page: Option<Page> = call.read(GroupKind::World, |view| tenants::page(view, kind));
    let revision = page.as_ref().map_or(0, |page| page.revision);
    let view = PageView {
        kind: kind.as_str(),
        revision,
        body: page.as_ref().map(|page| Words::of(&page.body)).unwrap_or_default(),
        updated_at: page.map(|page| moment(page.updated_at)),
    };
    tagged(revision, Json(view))
}

async fn get_page(call: Call, Path(name): Path<String>) -> Result<Response, Problem> {
    Ok(show_page(&call, kind(&name)?))
}

async fn put_page(
    call: Call,
    Path(name): Path<String>,
    Json(body): Json<PageBody>,
) -> Result<Response, Problem> {
    let kind = kind(&name)?;
    let stands =
        call.read(GroupKind::World, |view| tenants::page(view, kind)).map_or(0, |page| page.revision);
    let mut faults = Faults::new();
    let words = body.body.parse("/body", &own_locale(&call)?, &mut faults);
    faults.check()?;
    let expected = replaces(&call, stands)?;
    call.submit(Command::UpdatePage { expected, kind, body: words }).await?;
    Ok(show_page(&call, kind))
}
