//! The operator's API: tenants, and how the cluster stands.

use super::admin::{BrandingBody, known_zone, made, setup_link};
use super::body::{email, line, text};
use super::me::tagged;
use crate::app::AppState;
use crate::extract::{Asked, Json, Pairs, Parameter, Path, Query};
use crate::gate::Call;
use crate::ports_cluster::ClusterView;
use crate::problem::{Faults, Problem};
use crate::read::{list_view, moment};
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::code::Code;
use gearify_commerce::command::GroupKind;
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::tenants::{
    self, Command, Entitlements, Host, Profile, Settings, Status, SuspensionCause, Tenant,
};
use gearify_commerce::{Country, Currency, Locale, Name, Slug, StaffId, TenantId, ids, version};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Operator", Api, Platform;
        Get "/platform/v1/tenants" list_tenants: Operator(PlatformRead), PERSON, Read, None, None, None,
            query(TenantsAsked), request(), 200(TenantList), "All tenants, in the order they came";
        Post "/platform/v1/tenants" create_tenant: Operator(PlatformWrite), PERSON, Write, Json, Accepted, Origin,
            query(), request(CreateTenant), 201(CreatedTenant), "Makes a tenant and its owner";
        Get "/platform/v1/tenants/{id}" get_tenant: Operator(PlatformRead), PERSON, Read, None, None, None,
            query(), request(), 200(TenantView), "One tenant";
        Patch "/platform/v1/tenants/{id}" change_tenant: Operator(PlatformWrite), PERSON, Write, Json, Accepted, Origin,
            query(), request(ChangeTenant), 200(TenantView), "Changes name, plan or features";
        Post "/platform/v1/tenants/{id}/suspend" suspend_tenant: Operator(PlatformWrite), PERSON, Write, Empty, Accepted, Origin,
            query(SuspendAsked), request(), 200(TenantView), "Closes a shop; its data stays";
        Post "/platform/v1/tenants/{id}/resume" resume_tenant: Operator(PlatformWrite), PERSON, Write, Empty, Accepted, Origin,
            query(), request(), 200(TenantView), "Opens a shop again";
        Post "/platform/v1/tenants/{id}/domains" add_domain: Operator(PlatformWrite), PERSON, Write, Json, Accepted, Origin,
            query(), request(DomainBody), 200(TenantView), "Lets a shop answer to another host";
        Delete "/platform/v1/tenants/{id}/domains/{host}" remove_domain: Operator(PlatformWrite), PERSON, Write, None, Accepted, Origin,
            query(), request(), 200(TenantView), "Takes a host away from a shop";
        Get "/platform/v1/cluster" get_cluster: Operator(PlatformRead), PERSON, Read, None, None, None,
            query(), request(), 200(ClusterView), "Groups, nodes, leaders, positions and sizes, as the answering node sees them";
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateTenant {
    pub slug: String,
    pub name: String,
    #[serde(default = "standard")]
    pub plan: String,
    pub domains: Vec<String>,
    pub currency: String,
    pub locale: String,
    pub country: String,
    pub time_zone: String,
    /// Where it is sold from: one of `GET /api/v1/regions`; the answering region if not given.
    #[serde(default)]
    pub region: Option<String>,
    /// Gets a set-up link.
    pub owner_email: String,
    pub owner_name: String,
    pub branding: Option<BrandingBody>,
}

fn standard() -> String {
    "standard".into()
}

#[derive(Serialize, ToSchema)]
pub struct CreatedTenant {
    pub tenant: TenantView,
    pub owner_id: String,
    /// Good once, for two days: `POST /api/v1/admin/auth/setup` under the shop's host.
    pub setup_token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeTenant {
    pub name: Option<String>,
    pub plan: Option<String>,
    /// Replaces all features.
    pub features: Option<BTreeMap<String, bool>>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DomainBody {
    pub host: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TenantView {
    pub id: String,
    pub slug: String,
    pub name: String,
    pub plan: String,
    /// `active` or `suspended`.
    pub status: &'static str,
    /// The first is the canonical one.
    pub domains: Vec<String>,
    pub features: BTreeMap<String, bool>,
    pub currency: String,
    pub locale: String,
    pub created_at: String,
    pub updated_at: String,
}
list_view!(TenantList of TenantView);

#[derive(Clone, Debug)]
pub struct TenantsAsked {
    after: Option<TenantId>,
    limit: usize,
}

impl Asked for TenantsAsked {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("limit", "integer", "1 to 100; 24 if not given."),
        Parameter::new("cursor", "string", "From an earlier answer."),
    ];

    fn read(pairs: &mut Pairs) -> TenantsAsked {
        let after = pairs.with("cursor", TenantId::parse);
        TenantsAsked { after, limit: pairs.integer("limit", 1, 100).unwrap_or(24) as usize }
    }
}

fn view(tenant: &Tenant) -> TenantView {
    let features = tenant.entitlements.value.features.iter();
    TenantView {
        id: tenant.id.to_string(),
        slug: tenant.slug.to_string(),
        name: tenant.profile.value.name.to_string(),
        plan: tenant.profile.value.plan.to_string(),
        status: match tenant.status {
            Status::Active => "active",
            Status::Suspended => "suspended",
        },
        domains: tenant.domains.iter().map(|host| host.to_string()).collect(),
        features: features.map(|(code, on)| (code.to_string(), *on)).collect(),
        currency: tenant.settings.value.currency.to_string(),
        locale: tenant.settings.value.locale.to_string(),
        created_at: moment(tenant.created_at),
        updated_at: moment(tenant.updated_at),
    }
}

fn record(call: &Call, id: TenantId) -> Result<Tenant, Problem> {
    let found = call.read_tenant(id, GroupKind::World, |view| tenants::get(view));
    found.ok_or_else(|| Problem::not_found("tenant"))
}

/// The tenant, at the revision that the caller saw, where one is named.
fn unchanged(call: &Call, id: TenantId) -> Result<Tenant, Problem> {
    let tenant = record(call, id)?;
    super::admin::base(call, tenant.profile.revision)?;
    Ok(tenant)
}

fn show(call: &Call, id: TenantId) -> Result<Response, Problem> {
    let tenant = record(call, id)?;
    Ok(tagged(tenant.profile.revision, Json(view(&tenant))))
}

async fn list_tenants(call: Call, Query(asked): Query<TenantsAsked>) -> Json<TenantList> {
    let found = call.read(GroupKind::World, |view| tenants::list(view, asked.after, asked.limit + 1));
    let more = found.len() > asked.limit;
    let page = &found[..found.len().min(asked.limit)];
    let next_cursor = page.last().filter(|_| more).map(|tenant| tenant.id.to_string());
    Json(TenantList { data: page.iter().map(view).collect(), next_cursor, prev_cursor: None, total: None })
}

async fn create_tenant(
    call: Call,
    Json(body): Json<CreateTenant>,
) -> Result<(StatusCode, Json<CreatedTenant>), Problem> {
    let (command, owner) = body.parse(call.state())?;
    let tenant = new_tenant_id(&call);
    call.submit_to(tenant, command).await?;
    let (email, name) = owner;
    let (secret, setup_token_hash) = setup_link(&call, tenant);
    let setup_token_hash = Some(setup_token_hash);
    let role = "owner".to_owned();
    let intent = StaffIntent::Add { email, name, role, password_hash: None, setup_token_hash };
    let reply = call.submit_to(tenant, Intent::Staff(intent)).await?;
    let owner = made(&reply, StaffId::from_bits)?;
    let created = CreatedTenant {
        tenant: view(&record(&call, tenant)?),
        owner_id: owner.to_string(),
        setup_token: format!("{owner}.{secret}"),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// Random; with an idempotency key the same again, so that a repeated request makes no second tenant.
fn new_tenant_id(call: &Call) -> TenantId {
    match call.key() {
        Some(key) => {
            let scope = format!("{}\n{key}", call.caller().name());
            let bits =
                u128::from_be_bytes(call.vault().hash(TenantId::PLATFORM, "tenant-id", scope.as_bytes()));
            TenantId::from_bits(bits)
        }
        None => TenantId::from_bits(ids::uuid_v7(call.now(), rand::random())),
    }
}

/// The region that shall sell for a new shop.
pub fn home_region(state: &AppState, wanted: Option<&str>) -> Result<Name, String> {
    let here = state.regions.here();
    let wanted = wanted.map(str::trim).filter(|wanted| !wanted.is_empty()).unwrap_or(&here);
    let is_known = wanted == here || state.regions.list().iter().any(|region| region.name == wanted);
    match Name::parse(wanted) {
        Ok(name) if is_known => Ok(name),
        _ => Err("is not the name of a region".to_owned()),
    }
}

impl CreateTenant {
    fn parse(&self, state: &AppState) -> Result<(Command, (String, String)), Problem> {
        let mut faults = Faults::new();
        let region = faults.take("/region", home_region(state, self.region.as_deref()));
        let slug = faults.take("/slug", Slug::parse(&self.slug));
        let name = faults.take("/name", Name::parse(&self.name));
        let plan = faults.take("/plan", Code::parse(&self.plan));
        let domains = super::admin::all(&mut faults, "/domains", &self.domains, Host::parse);
        let currency = faults.take("/currency", Currency::parse(&self.currency));
        let locale = faults.take("/locale", Locale::parse(&self.locale));
        let country = faults.take("/country", Country::parse(&self.country));
        let zone = faults.take("/time_zone", known_zone(&self.time_zone));
        let owner_email = faults.take("/owner_email", email(&self.owner_email));
        let owner_name = faults.take("/owner_name", line(&self.owner_name));
        let market = currency.zip(locale).zip(country.zip(zone));
        let named = slug.zip(name.zip(plan)).zip(owner_email.zip(owner_name));
        let ((((currency, locale), (country, zone)), ((slug, (name, plan)), owner)), region) =
            faults.finish(market.zip(named).zip(region))?;
        let branding = match &self.branding {
            Some(BrandingBody { logo: Some(_), .. }) => {
                return Err(Problem::invalid(
                    "/branding/logo",
                    "is not a picture of this shop: it has none yet",
                ));
            }
            Some(branding) => branding.parse()?,
            None => BrandingBody::plain().parse()?,
        };
        let command = Command::CreateTenant {
            slug,
            profile: Profile { name, plan },
            domains,
            branding,
            settings: Settings::new(currency, locale, country, zone),
            region,
        };
        Ok((command, owner))
    }
}

async fn get_tenant(call: Call, Path(id): Path<TenantId>) -> Result<Response, Problem> {
    show(&call, id)
}

async fn change_tenant(
    call: Call,
    Path(id): Path<TenantId>,
    Json(body): Json<ChangeTenant>,
) -> Result<Response, Problem> {
    let tenant = unchanged(&call, id)?;
    let mut faults = Faults::new();
    let name = faults.optional("/name", text(&body.name), Name::parse);
    let plan = faults.optional("/plan", text(&body.plan), Code::parse);
    let mut features = BTreeMap::new();
    for (feature, on) in body.features.iter().flatten() {
        if let Some(code) = faults.take(format!("/features/{feature}"), Code::parse(feature)) {
            features.insert(code, *on);
        }
    }
    faults.check()?;
    // What can be refused comes first, so that a refusal has changed nothing.
    if body.features.is_some() {
        let expected = Some(tenant.entitlements.revision);
        call.submit_to(id, Command::UpdateEntitlements { expected, entitlements: Entitlements { features } })
            .await?;
    }
    if name.is_some() || plan.is_some() {
        let before = tenant.profile;
        let profile =
            Profile { name: name.unwrap_or(before.value.name), plan: plan.unwrap_or(before.value.plan) };
        let expected = call.if_match().or(Some(before.revision));
        call.submit_to(id, Command::UpdateProfile { expected, profile }).await?;
    }
    show(&call, id)
}

pub struct SuspendAsked {
    cause: Option<SuspensionCause>,
}

impl Asked for SuspendAsked {
    const PARAMETERS: &'static [Parameter] = &[Parameter::new(
        "cause",
        "string",
        "Why: `unpaid`, `terms`, `fraud`, `security`, `asked` or `maintenance`; told by the event.",
    )];

    fn read(pairs: &mut Pairs) -> SuspendAsked {
        let read = |text: &str| SuspensionCause::parse(text).ok_or("Expected a known cause");
        SuspendAsked { cause: pairs.with("cause", read) }
    }
}

/// The command that closes a shop; without its cause as long as some node can't read one.
pub fn suspension(call: &Call, cause: Option<SuspensionCause>) -> Command {
    let known = cause.filter(|_| call.follows(GroupKind::World, version::SUSPENSIONS));
    known.map_or(Command::Suspend, |cause| Command::SuspendFor { cause })
}

async fn suspend_tenant(
    call: Call,
    Path(id): Path<TenantId>,
    Query(asked): Query<SuspendAsked>,
) -> Result<Response, Problem> {
    unchanged(&call, id)?;
    call.submit_to(id, suspension(&call, asked.cause)).await?;
    show(&call, id)
}

async fn resume_tenant(call: Call, Path(id): Path<TenantId>) -> Result<Response, Problem> {
    unchanged(&call, id)?;
    call.submit_to(id, Command::Resume).await?;
    show(&call, id)
}

async fn add_domain(
    call: Call,
    Path(id): Path<TenantId>,
    Json(body): Json<DomainBody>,
) -> Result<Response, Problem> {
    let host = Host::parse(&body.host).map_err(|error| Problem::invalid("/host", error))?;
    if host.as_str() == call.state().settings.operator_host {
        return Err(Problem::invalid("/host", "is the operator's own"));
    }
    unchanged(&call, id)?;
    call.submit_to(id, Command::AddDomain { host }).await?;
    show(&call, id)
}

async fn remove_domain(call: Call, Path((id, host)): Path<(TenantId, String)>) -> Result<Response, Problem> {
    let host = Host::parse(&host).map_err(|error| Problem::not_found("host").because(error))?;
    unchanged(&call, id)?;
    call.submit_to(id, Command::RemoveDomain { host }).await?;
    show(&call, id)
}

async fn get_cluster(call: Call) -> Result<Json<ClusterView>, Problem> {
    let state = call.state().clone();
    let seen = tokio::task::spawn_blocking(move || state.health.cluster()).await;
    seen.map(Json).map_err(Problem::internal)
}
