//! Signing in: customers at their shop, staff and operators at theirs.
//!
//! An unknown address, a wrong password and an account without one answer alike and take equally long.
//! Refresh tokens form a family: each is good once; one that comes back ends the family.

use super::body::{email, line, text};
use super::carts::cart_of_customer;
use crate::auth::{TOKEN_SECONDS, check_password, read_cart_token};
use crate::extract::Json;
use crate::gate::{Call, Caller};
use crate::problem::{Faults, Kind, Problem};
use crate::routes::{Route, routes};
use crate::sessions::subject;
use axum::response::{IntoResponse, Response};
use gearify_commerce::cart::{CARTS, CartStatus};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{
    CUSTOMERS, CUSTOMERS_BY_EMAIL, Command as Customers, Customer, SESSIONS, Who,
};
use gearify_commerce::intent::{CartIntent, CustomerIntent, Intent};
use gearify_commerce::sealed::normal_email;
use gearify_commerce::staff::{self, Role, StaffMember};
use gearify_commerce::{Actor, CartId, CustomerId, Locale, SessionId, StaffId, ids};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    let mut rows = routes! { "Signing in", Api, Shop;
        Post "/api/v1/auth/register" register: Open, SHOPPER, SignIn, Json, Accepted, Origin,
            query(), request(Register), 201(TokensView), "Makes an account and signs in";
        Post "/api/v1/auth/login" log_in: Open, SHOPPER, SignIn, Json, Accepted, Origin,
            query(), request(LogIn), 200(TokensView), "Signs a customer in; a guest's cart joins theirs";
        Post "/api/v1/admin/auth/login" log_in_staff: Open, NOBODY, SignIn, Json, Accepted, Origin,
            query(), request(LogInStaff), 200(TokensView), "Signs a staff member in";
    };
    rows.extend(routes! { "Signing in", Api, Known;
        Post "/api/v1/auth/refresh" refresh: Open, NOBODY, SignIn, Json, Accepted, Origin,
            query(), request(Refresh), 200(TokensView), "The next pair of tokens for a refresh token";
        Post "/api/v1/auth/logout" log_out: Open, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(LogOut), 204(), "Ends the session of the access token or the refresh token";
    });
    rows.extend(routes! { "Signing in", Api, Platform;
        Post "/platform/v1/auth/login" log_in_operator: Open, NOBODY, SignIn, Json, Accepted, Origin,
            query(), request(LogInStaff), 200(TokensView), "Signs an operator in";
    });
    rows
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    pub email: String,
    pub password: String,
    pub name: String,
    pub locale: Option<String>,
    /// A guest's cart to take along, with its token.
    pub cart_id: Option<String>,
    pub cart_token: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogIn {
    pub email: String,
    pub password: String,
    /// A guest's cart to take along, with its token here or in `Cart-Token`.
    pub cart_id: Option<String>,
    pub cart_token: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogInStaff {
    pub email: String,
    pub password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    pub refresh_token: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogOut {
    pub refresh_token: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct TokensView {
    pub access_token: String,
    /// `Bearer`.
    pub token_type: &'static str,
    /// Seconds.
    pub expires_in: i64,
    pub refresh_token: String,
    /// The customer's cart, with the guest's lines in it.
    pub cart_id: Option<String>,
}

/// Who signed in, and the new session.
pub struct SignedIn {
    pub who: Who,
    pub session: SessionId,
    pub refresh_token: String,
}

/// How long a refresh token is good for: a month since it was last used.
const REFRESH_MS: i64 = 30 * gearify_commerce::time::DAY_MS;

async fn register(
    call: Call,
    cart: super::carts::CartToken,
    Json(body): Json<Register>,
) -> Result<(StatusCode, Json<TokensView>), Problem> {
    let mut faults = Faults::new();
    let address = faults.take("/email", email(&body.email));
    let name = faults.take("/name", line(&body.name));
    faults.take("/password", check_password(&body.password));
    let locale = faults.optional("/locale", text(&body.locale), Locale::parse);
    let (address, name) = faults.finish(address.zip(name))?;
    let locale = call.shop()?.locale(locale.as_ref());
    let customer = make_account(&call, address, name, body.password, locale).await?;
    let signed_in = open_session(&call, Who::Customer(customer)).await?;
    let cart = bring_cart(&call, customer, &body.cart_id, cart.or(body.cart_token)).await;
    Ok((StatusCode::CREATED, Json(tokens_view(&call, signed_in, cart)?)))
}

/// Makes an account.
///
/// # Errors
/// `already-exists` if the address has one.
pub async fn make_account(
    call: &Call,
    email: String,
    name: String,
    password: String,
    locale: Locale,
) -> Result<CustomerId, Problem> {
    let password_hash = call.state().passwords.hash(password).await?;
    let intent = CustomerIntent::Register { email, name, password_hash, locale };
    let reply = call.submit(Intent::Customer(intent)).await?;
    reply.id.map(CustomerId::from_bits).ok_or_else(|| Problem::internal("registering named nobody"))
}

async fn log_in(
    call: Call,
    cart: super::carts::CartToken,
    Json(body): Json<LogIn>,
) -> Result<Json<TokensView>, Problem> {
    let signed_in = sign_in_customer(&call, &body.email, body.password).await?;
    let Who::Customer(customer) = signed_in.who else { return Err(Problem::internal("a customer signs in")) };
    let cart = bring_cart(&call, customer, &body.cart_id, cart.or(body.cart_token)).await;
    tokens_view(&call, signed_in, cart).map(Json)
}

/// Checks a customer's password and opens a session.
///
/// # Errors
/// `wrong-credentials`, whatever it was.
pub async fn sign_in_customer(call: &Call, email: &str, password: String) -> Result<SignedIn, Problem> {
    let tenant = call.shop()?.id();
    let hash = call.vault().hash(tenant, "email", normal_email(email).as_bytes());
    let found: Option<Customer> =
        call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &CUSTOMERS_BY_EMAIL.get(view, &hash)?.0));
    let stored = found.as_ref().map(|customer| customer.password_hash.clone());
    let fits = call.state().passwords.verify(password, stored).await?;
    match found {
        Some(customer) if fits => open_session(call, Who::Customer(customer.id)).await,
        _ => Err(Problem::new(Kind::WrongCredentials)),
    }
}

async fn log_in_staff(call: Call, Json(body): Json<LogInStaff>) -> Result<Json<TokensView>, Problem> {
    let signed_in = sign_in_staff(&call, &body.email, body.password).await?;
    tokens_view(&call, signed_in, None).map(Json)
}

async fn log_in_operator(call: Call, Json(body): Json<LogInStaff>) -> Result<Json<TokensView>, Problem> {
    let signed_in = sign_in_staff(&call, &body.email, body.password).await?;
    tokens_view(&call, signed_in, None).map(Json)
}

/// Checks the password of a staff member of this shop, or of an operator under the operator's host.
///
/// # Errors
/// `wrong-credentials`, whatever it was.
pub async fn sign_in_staff(call: &Call, email: &str, password: String) -> Result<SignedIn, Problem> {
    let hash = call.vault().hash(call.tenant(), "email", normal_email(email).as_bytes());
    let found: Option<StaffMember> = call.read(GroupKind::World, |view| staff::by_email(view, &hash));
    let found = found.filter(|member| member.active);
    let stored = found.as_ref().and_then(|member| member.password_hash.clone());
    let fits = call.state().passwords.verify(password, stored).await?;
    match found {
        Some(member) if fits => open_session(call, Who::Staff(member.id)).await,
        _ => Err(Problem::new(Kind::WrongCredentials)),
    }
}

/// Starts a session for somebody who has just proved who they are.
pub async fn open_session(call: &Call, who: Who) -> Result<SignedIn, Problem> {
    let scope = format!("{} signs in", subject(who));
    let session = match keyed(call, "session-id", &scope) {
        Some(hash) => SessionId::from_bits(u128::from_be_bytes(hash)),
        None => SessionId::from_bits(ids::uuid_v7(call.now(), rand::random())),
    };
    let refresh_token = new_refresh_token(call, session, &scope);
    let token_hash = refresh_hash(call, &refresh_token);
    let command = Customers::StartSession { session, who, token_hash, lifetime_ms: REFRESH_MS };
    call.submit_proven(actor_of(call, who), &in_its_hour(call, &scope), command).await?;
    Ok(SignedIn { who, session, refresh_token })
}

/// Hidden from everybody but the same again for the same key, so that a repeated request is answered alike.
fn keyed(call: &Call, purpose: &str, scope: &str) -> Option<[u8; 16]> {
    let key = call.key()?;
    let scope = format!("{}\n{key}", in_its_hour(call, scope));
    Some(call.vault().hash(call.tenant(), purpose, scope.as_bytes()))
}

/// A key that is used every day opens a session of its own every time: as long as its command is kept.
fn in_its_hour(call: &Call, scope: &str) -> String {
    const HOUR_MS: i64 = gearify_commerce::time::DAY_MS / 24;
    format!("{scope}\n{}", call.now().as_millis() / HOUR_MS)
}

fn actor_of(call: &Call, who: Who) -> Actor {
    match who {
        Who::Customer(id) => Actor::Customer(id),
        Who::Staff(id) if is_operator(call, id) => Actor::Operator(id),
        Who::Staff(id) => Actor::Staff(id),
    }
}

fn is_operator(call: &Call, id: StaffId) -> bool {
    let role = call.read(GroupKind::World, |view| staff::STAFF.get(view, &id)).map(|member| member.role);
    role == Some(Role::Operator)
}

/// `{session}.{secret}`: the session names the family, the secret is 128 bits that nobody can guess.
fn new_refresh_token(call: &Call, session: SessionId, scope: &str) -> String {
    let secret = keyed(call, "refresh-secret", scope).map_or_else(rand::random, u128::from_be_bytes);
    format!("{session}.{}", ids::encode_base32(secret))
}

fn refresh_hash(call: &Call, token: &str) -> [u8; 16] {
    call.vault().hash(call.tenant(), "refresh-token", token.as_bytes())
}

fn tokens_view(call: &Call, signed_in: SignedIn, cart: Option<CartId>) -> Result<TokensView, Problem> {
    let SignedIn { who, session, refresh_token } = signed_in;
    // With a key as of the moment that the log has, so that a repeated request is told the same token.
    let stored = call.key().and_then(|_| call.read(GroupKind::Region, |view| SESSIONS.get(view, &session)));
    let began = stored.map_or(call.now(), |session| session.rotated_at);
    let issued =
        call.state().tokens.issue(subject(who), call.tenant().to_string(), session.to_string(), began);
    Ok(TokensView {
        access_token: issued.map_err(Problem::internal)?,
        token_type: "Bearer",
        expires_in: TOKEN_SECONDS,
        refresh_token,
        cart_id: cart.map(|cart| cart.to_string()),
    })
}

async fn refresh(call: Call, Json(body): Json<Refresh>) -> Result<Json<TokensView>, Problem> {
    let over =
        || Problem::new(Kind::InvalidToken).detail("The refresh token is not valid any more. Sign in again.");
    let session = session_of(&body.refresh_token).ok_or_else(over)?;
    let stored = call.read(GroupKind::Region, |view| SESSIONS.get(view, &session)).ok_or_else(over)?;
    let presented = refresh_hash(&call, &body.refresh_token);
    let scope = format!("{session} goes on from {}", ids::encode_base32(u128::from_be_bytes(presented)));
    let next_token = new_refresh_token(&call, session, &scope);
    let next = refresh_hash(&call, &next_token);
    let command = Customers::Rotate { session, presented, next, lifetime_ms: REFRESH_MS };
    let actor = actor_of(&call, stored.who);
    let rotated = call.submit_proven(actor, &in_its_hour(&call, &scope), command).await;
    let reply = rotated.map_err(|problem| match problem.kind() {
        Kind::InvalidToken => over(),
        _ => problem,
    })?;
    // Revision 0: the token had been used before, and the family was ended.
    if reply.revision == 0 {
        return Err(over());
    }
    tokens_view(&call, SignedIn { who: stored.who, session, refresh_token: next_token }, None).map(Json)
}

fn session_of(refresh_token: &str) -> Option<SessionId> {
    SessionId::parse(refresh_token.split_once('.')?.0).ok()
}

async fn log_out(call: Call, Json(body): Json<LogOut>) -> Result<Response, Problem> {
    let by_token = body.refresh_token.as_deref().and_then(|token| {
        let session = session_of(token)?;
        let stored = call.read(GroupKind::Region, |view| SESSIONS.get(view, &session))?;
        (stored.token_hash == refresh_hash(&call, token)).then_some(session)
    });
    let by_login = match call.caller() {
        Caller::Customer { session, .. } => Some(*session),
        Caller::Staff(staff) => Some(staff.session),
        Caller::Guest | Caller::ApiKey { .. } => None,
    };
    // Signing out twice is signed out: no session to end is no error.
    if let Some(session) = by_token.or(by_login) {
        end_session(&call, session).await?;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Ends a session; one that is over already stays so.
pub async fn end_session(call: &Call, session: SessionId) -> Result<(), Problem> {
    match call.submit_unkeyed(call.actor(), Customers::EndSession { session }).await {
        Ok(_) => Ok(()),
        Err(problem) if problem.kind() == Kind::InvalidToken => Ok(()),
        Err(problem) => Err(problem),
    }
}

/// Moves a guest's cart into the customer's. A cart that can't be moved is left where it is: signing in
/// does not fail for it.
pub async fn bring_cart(
    call: &Call,
    customer: CustomerId,
    cart_id: &Option<String>,
    token: Option<String>,
) -> Option<CartId> {
    let own = call.read(GroupKind::Region, |view| cart_of_customer(view, customer)).map(|cart| cart.id);
    let from = cart_id.as_deref().and_then(|id| CartId::parse(id).ok());
    let (Some(from), Some(token)) = (from, token) else { return own };
    read_cart_token(call.vault(), call.tenant(), from, &token)?;
    let stored = call.read(GroupKind::Region, |view| CARTS.get(view, &from));
    let movable = stored.is_some_and(|cart| cart.customer.is_none() && cart.status == CartStatus::Open);
    if !movable {
        return own;
    }
    let into = own.unwrap_or_else(|| CartId::from_bits(ids::uuid_v7(call.now(), rand::random())));
    let intent = Intent::Cart(CartIntent::Merge { from, into, customer });
    match call.submit_unkeyed(Actor::Customer(customer), intent).await {
        Ok(_) => Some(into),
        Err(problem) => {
            tracing::info!(kind = problem.kind().slug(), "a guest's cart was not merged");
            own
        }
    }
}
