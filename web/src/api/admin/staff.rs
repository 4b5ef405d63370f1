//! Staff and API keys. A new member gets a link that sets the first password, once.

use super::products::made;
use crate::api::body::{email, line};
use crate::api::me::tagged;
use crate::auth::check_password;
use crate::extract::{Json, Path};
use crate::gate::Call;
use crate::problem::{Faults, Problem};
use crate::read::{list_view, moment};
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{Command as Customers, Who};
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::sealed::open;
use gearify_commerce::staff::{
    self, API_KEYS, API_KEYS_MAX, ApiKey, Command, Permission, Role, STAFF, StaffMember,
};
use gearify_commerce::{Actor, ApiKeyId, Name, StaffId, TenantId, ids};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    let mut rows = routes! { "Merchant: staff", Api, Shop;
        Get "/api/v1/admin/staff" list_staff: Staff(StaffRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(StaffList), "Everybody who works here";
        Post "/api/v1/admin/staff" invite_staff: Staff(StaffWrite), PERSON, Write, Json, Accepted, Origin,
            query(), request(Invite), 201(Invited), "Adds a member; the answer holds the set-up link's token";
        Patch "/api/v1/admin/staff/{id}" change_staff: Staff(StaffWrite), PERSON, Write, Json, Accepted, Origin,
            query(), request(ChangeStaff), 200(StaffView), "Changes the role, or lets somebody in or out";
        Get "/api/v1/admin/me" get_me_staff: AnyStaff, PERSON, Read, None, None, None,
            query(), request(), 200(StaffView), "Who is signed in, and what they may do";
        Post "/api/v1/admin/me/password" change_own_password: AnyStaff, PERSON, SignIn, Json, Accepted, Origin,
            query(), request(ChangePassword), 204(), "Changes one's own password and signs out everywhere";
        Get "/api/v1/admin/api-keys" list_api_keys: Staff(StaffRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(ApiKeyList), "API keys; their secrets are shown once only";
        Post "/api/v1/admin/api-keys" create_api_key: Staff(StaffWrite), PERSON, Write, Json, Accepted, Origin,
            query(), request(CreateApiKey), 201(NewApiKey), "Makes an API key";
        Delete "/api/v1/admin/api-keys/{id}" revoke_api_key: Staff(StaffWrite), PERSON, Write, None, Accepted, Origin,
            query(), request(), 204(), "Revokes an API key at once";
    };
    rows.extend(routes! { "Signing in", Api, Known;
        Post "/api/v1/admin/auth/setup" set_up_staff: Open, NOBODY, SignIn, Json, None, Origin,
            query(), request(SetUp), 204(), "Sets the first password with a set-up link's token";
    });
    rows
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invite {
    pub email: String,
    pub name: String,
    /// `owner`, `manager`, `fulfilment` or `support`.
    pub role: String,
}

#[derive(Serialize, ToSchema)]
pub struct Invited {
    pub staff: StaffView,
    /// Good once, for two days. Give it to the new member alone.
    pub setup_token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStaff {
    pub role: Option<String>,
    pub active: Option<bool>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    pub current_password: String,
    pub new_password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetUp {
    pub setup_token: String,
    pub password: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StaffView {
    pub id: String,
    pub revision: u64,
    pub name: Option<String>,
    pub email: Option<String>,
    pub role: &'static str,
    pub permissions: Vec<&'static str>,
    pub active: bool,
    /// Whether a password has been set.
    pub set_up: bool,
    pub created_at: String,
}
list_view!(StaffList of StaffView);

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateApiKey {
    pub name: String,
    /// Such as `orders:read`.
    pub scopes: Vec<String>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    pub id: String,
    pub name: String,
    pub scopes: Vec<&'static str>,
    pub created_at: String,
    pub revoked_at: Option<String>,
}
list_view!(ApiKeyList of ApiKeyView);

#[derive(Serialize, ToSchema)]
pub struct NewApiKey {
    pub api_key: ApiKeyView,
    /// Shown this once.
    pub secret: String,
}

fn staff_view(call: &Call, member: &StaffMember) -> StaffView {
    let card = call.read(GroupKind::World, |view| open(view, call.vault(), &member.card).ok());
    let permissions = Permission::ALL.iter().filter(|permission| member.role.may(**permission));
    StaffView {
        id: member.id.to_string(),
        revision: member.revision,
        name: card.as_ref().map(|card| card.name.clone()),
        email: card.map(|card| card.email),
        role: member.role.as_str(),
        permissions: permissions.map(|permission| permission.as_str()).collect(),
        active: member.active,
        set_up: member.password_hash.is_some(),
        created_at: moment(member.created_at),
    }
}

fn record(call: &Call, id: StaffId) -> Result<StaffMember, Problem> {
    call.read(GroupKind::World, |view| STAFF.get(view, &id)).ok_or_else(|| Problem::not_found("staff member"))
}

async fn list_staff(call: Call) -> Json<StaffList> {
    let all = call.read(GroupKind::World, |view| staff::list(view));
    Json(StaffList::whole(all.iter().map(|member| staff_view(&call, member)).collect()))
}

async fn invite_staff(call: Call, Json(body): Json<Invite>) -> Result<(StatusCode, Json<Invited>), Problem> {
    let mut faults = Faults::new();
    let address = faults.take("/email", email(&body.email));
    let name = faults.take("/name", line(&body.name));
    let role = Role::parse(&body.role).filter(|role| *role != Role::Operator);
    let role = faults.take("/role", role.ok_or("must be owner, manager, fulfilment or support"));
    let (email, (name, role)) = faults.finish(address.zip(name.zip(role)))?;
    let (secret, hash) = setup_link(&call, call.tenant());
    let setup_token_hash = Some(hash);
    let role = role.as_str().to_owned();
    let intent = StaffIntent::Add { email, name, role, password_hash: None, setup_token_hash };
    let reply = call.submit(Intent::Staff(intent)).await?;
    let id = made(&reply, StaffId::from_bits)?;
    let staff = staff_view(&call, &record(&call, id)?);
    Ok((StatusCode::CREATED, Json(Invited { staff, setup_token: format!("{id}.{secret}") })))
}

/// The secret of a set-up link of this tenant, and its hash.
pub fn setup_link(call: &Call, tenant: TenantId) -> (String, [u8; 16]) {
    let secret = new_secret(call, tenant, "setup-secret");
    let hash = setup_hash(call, tenant, &secret);
    (secret, hash)
}

/// Random; with an idempotency key the same again, so that a repeated request can be answered alike.
fn new_secret(call: &Call, tenant: TenantId, purpose: &str) -> String {
    match call.key() {
        Some(key) => {
            let scope = format!("{}\n{key}", call.caller().name());
            let hash = call.vault().hash(tenant, purpose, scope.as_bytes());
            ids::encode_base32(u128::from_be_bytes(hash))
        }
        None => ids::encode_base32(rand::random()),
    }
}

fn setup_hash(call: &Call, tenant: TenantId, secret: &str) -> [u8; 16] {
    call.vault().hash(tenant, "setup-token", secret.as_bytes())
}

async fn set_up_staff(call: Call, Json(body): Json<SetUp>) -> Result<StatusCode, Problem> {
    let mut faults = Faults::new();
    faults.take("/password", check_password(&body.password));
    faults.check()?;
    let over = || Problem::from(staff::Refusal::LinkOver);
    let (id, secret) = body.setup_token.split_once('.').ok_or_else(over)?;
    let staff = StaffId::parse(id).map_err(|_| over())?;
    let token_hash = setup_hash(&call, call.tenant(), secret);
    // Hashing is slow: a link that can't be good is refused before.
    let member = call.read(GroupKind::World, |view| STAFF.get(view, &staff)).ok_or_else(over)?;
    member
        .setup
        .filter(|link| link.token_hash == token_hash && link.expires_at > call.now())
        .ok_or_else(over)?;
    let password_hash = call.state().passwords.hash(body.password).await?;
    call.submit_unkeyed(Actor::Staff(staff), Command::SetUp { staff, token_hash, password_hash }).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn change_staff(
    call: Call,
    Path(id): Path<StaffId>,
    Json(body): Json<ChangeStaff>,
) -> Result<Response, Problem> {
    let mut faults = Faults::new();
    let role = faults.optional("/role", body.role.as_deref(), |role| {
        let role = Role::parse(role).filter(|role| *role != Role::Operator);
        role.ok_or("must be owner, manager, fulfilment or support")
    });
    faults.check()?;
    super::merge::base(&call, record(&call, id)?.revision)?;
    if let Some(role) = role {
        call.submit(Command::ChangeRole { staff: id, role }).await?;
    }
    match body.active {
        Some(true) => drop(call.submit(Command::Reactivate { staff: id }).await?),
        Some(false) => {
            call.submit(Command::Deactivate { staff: id }).await?;
            call.submit(Customers::EndSessionsOf { who: Who::Staff(id) }).await?;
        }
        None => {}
    }
    let member = record(&call, id)?;
    Ok(tagged(member.revision, Json(staff_view(&call, &member))))
}

fn own_record(call: &Call) -> Result<StaffMember, Problem> {
    match call.caller() {
        crate::gate::Caller::Staff(staff) => record(call, staff.id),
        _ => Err(crate::gate::unauthorized()),
    }
}

async fn get_me_staff(call: Call) -> Result<Response, Problem> {
    let member = own_record(&call)?;
    Ok(tagged(member.revision, Json(staff_view(&call, &member))))
}

async fn change_own_password(call: Call, Json(body): Json<ChangePassword>) -> Result<StatusCode, Problem> {
    let mut faults = Faults::new();
    faults.take("/new_password", check_password(&body.new_password));
    faults.check()?;
    let member = own_record(&call)?;
    let passwords = &call.state().passwords;
    if !passwords.verify(body.current_password, member.password_hash.clone()).await? {
        return Err(Problem::invalid("/current_password", "is not your password"));
    }
    let password_hash = passwords.hash(body.new_password).await?;
    let staff = member.id;
    call.submit(Intent::Staff(StaffIntent::ChangePassword { staff, password_hash })).await?;
    call.submit(Customers::EndSessionsOf { who: Who::Staff(staff) }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn key_view(key: &ApiKey) -> ApiKeyView {
    ApiKeyView {
        id: key.id.to_string(),
        name: key.name.to_string(),
        scopes: key.scopes.iter().map(|scope| scope.as_str()).collect(),
        created_at: moment(key.created_at),
        revoked_at: key.revoked_at.map(moment),
    }
}

async fn list_api_keys(call: Call) -> Json<ApiKeyList> {
    let all = call.read(GroupKind::World, |view| API_KEYS.list(view, &(), API_KEYS_MAX));
    Json(ApiKeyList::whole(all.iter().map(key_view).collect()))
}

async fn create_api_key(
    call: Call,
    Json(body): Json<CreateApiKey>,
) -> Result<(StatusCode, Json<NewApiKey>), Problem> {
    let mut faults = Faults::new();
    let name = faults.take("/name", Name::parse(&body.name));
    let mut scopes = Vec::new();
    for (n, scope) in body.scopes.iter().enumerate() {
        match Permission::parse(scope).filter(|permission| Role::Owner.may(*permission)) {
            // Nobody hands out more than they hold.
            Some(scope) if call.caller().may(scope) => scopes.push(scope),
            Some(_) => faults.add(format!("/scopes/{n}"), "is more than you may do yourself"),
            None => faults.add(format!("/scopes/{n}"), "is not a permission"),
        }
    }
    let name = faults.finish(name)?;
    scopes.sort();
    scopes.dedup();
    let secret = format!("gfy_{}", new_secret(&call, call.tenant(), "api-key-secret"));
    let secret_hash = call.vault().hash(call.tenant(), "api-key", secret.as_bytes());
    let reply = call.submit(Command::AddApiKey { name, secret_hash, scopes }).await?;
    let id = made(&reply, ApiKeyId::from_bits)?;
    let key = call.read(GroupKind::World, |view| API_KEYS.get(view, &id));
    let key = key.ok_or_else(|| Problem::internal("a new key can't be read"))?;
    Ok((StatusCode::CREATED, Json(NewApiKey { api_key: key_view(&key), secret })))
}

async fn revoke_api_key(call: Call, Path(key): Path<ApiKeyId>) -> Result<StatusCode, Problem> {
    let known = call.read(GroupKind::World, |view| API_KEYS.contains(view, &key));
    if !known {
        return Err(staff::Refusal::UnknownKey.into());
    }
    call.submit(Command::RevokeApiKey { key }).await?;
    Ok(StatusCode::NO_CONTENT)
}
