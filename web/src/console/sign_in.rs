//! The door: signing in and out, and the link that sets a first password.

use super::done::Done;
use super::typed::Typed;
use super::view::{Field, FieldKind, Form, Frame, Notice, Page, Submit, Tone};
use super::visit::{Visit, frame, go, see};
use super::wrong::{Check, Wrong};
use crate::auth::{Cookie, PASSWORD_CHARS_MIN, check_password};
use crate::extract::Path;
use crate::gate::{Call, Caller};
use crate::problem::Problem;
use crate::routes::{Route, routes};
use crate::sessions::cookie_of;
use axum::response::{Html, IntoResponse, Response};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{Command as Customers, Who};
use gearify_commerce::ids::uuid_v7;
use gearify_commerce::sealed::{KeyedHash, normal_email};
use gearify_commerce::staff::{self, STAFF, StaffMember};
use gearify_commerce::time::{DAY_MS, SECOND_MS};
use gearify_commerce::{Actor, SessionId, StaffId, TenantId, Vault};
use http::{StatusCode, header};

pub fn routes() -> Vec<Route> {
    routes! { "Console: the door", Console, Known;
        Get "/console/sign-in" sign_in_page: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "The door";
        Post "/console/sign-in" sign_in_form: Open, SHOPPER, SignIn, Form, None, Origin,
            query(), request(), 303(), "Opens a session of a staff member or operator";
        Post "/console/sign-out" sign_out_form: Open, SHOPPER, Write, Form, None, Token,
            query(), request(), 303(), "Ends the session";
        Get "/console/set-up/{staff}/{token}" set_up_page: Open, SHOPPER, Read, None, None, None,
            query(), request(), 200(), "Asks for a first password";
        Post "/console/set-up/{staff}/{token}" set_up_form: Open, SHOPPER, SignIn, Form, None, Origin,
            query(), request(), 303(), "Sets a first password, once";
    }
}

/// Where a set-up link leads, under the host of the shop or the platform.
pub fn setup_path(staff: StaffId, token: &str) -> String {
    format!("/console/set-up/{staff}/{token}")
}

/// What is stored of a set-up link's token.
pub fn setup_token_hash(vault: &dyn Vault, tenant: TenantId, token: &str) -> KeyedHash {
    vault.hash(tenant, "setup-token", token.as_bytes())
}

pub async fn sign_in_page(visit: Visit) -> Response {
    if matches!(visit.call.caller(), Caller::Staff(_)) {
        return go("/console");
    }
    let mut typed = Typed::default();
    typed.set("next", visit.get("next"));
    let mut frame = visit.frame();
    if frame.notice.is_none() && !visit.get("next").is_empty() && visit.get("next") != "/console" {
        frame.notice = Some(Notice::new(Tone::Plain, "Sign in to go on."));
    }
    at_the_door(StatusCode::OK, &frame, &sign_in(&typed, &Wrong::default()))
}

fn at_the_door(status: StatusCode, frame: &Frame, page: &Page) -> Response {
    (status, Html(page.render_at_the_door(frame))).into_response()
}

fn sign_in(typed: &Typed, wrong: &Wrong) -> Page {
    let form = Form::post("sign-in", "/console/sign-in")
        .hidden("next", typed.get("next"))
        .fields(vec![
            Field::new(FieldKind::Email, "email", "E-mail").autocomplete("username"),
            Field::new(FieldKind::Password, "password", "Password").autocomplete("current-password"),
        ])
        .submit(Submit::main("Sign in"))
        .filled(typed, wrong);
    Page::new("Sign in to the console").part(form)
}

pub async fn sign_in_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let mut check = Check::new(&typed);
    let email = check.value("email", |text| Ok::<_, String>(text.to_owned()));
    if typed.get("password").is_empty() {
        check.fault("password", "Fill this in");
    }
    let email = match check.done(email) {
        Ok(email) => email,
        Err(wrong) => {
            return Ok(at_the_door(
                StatusCode::UNPROCESSABLE_ENTITY,
                &frame(&call),
                &sign_in(&typed, &wrong),
            ));
        }
    };
    let member = by_email(&call, &email);
    let stored =
        member.as_ref().filter(|member| member.active).and_then(|member| member.password_hash.clone());
    // The same work and the same words whether the address is known or not.
    if !call.state().passwords.verify(typed.get("password").to_owned(), stored).await? {
        let wrong = Wrong::saying("The e-mail address or the password is wrong.");
        return Ok(at_the_door(StatusCode::UNPROCESSABLE_ENTITY, &frame(&call), &sign_in(&typed, &wrong)));
    }
    let member = member.ok_or_else(|| Problem::internal("a password fits nobody"))?;
    open_session(&call, member.id, go(next(typed.get("next")))).await
}

fn by_email(call: &Call, email: &str) -> Option<StaffMember> {
    let hash = call.vault().hash(call.tenant(), "email", normal_email(email).as_bytes());
    call.read(GroupKind::World, |view| staff::by_email(view, &hash))
}

/// Only into the console itself: a link must not lead elsewhere through the door.
fn next(wanted: &str) -> &str {
    let inside = wanted == "/console" || wanted.starts_with("/console/");
    let plain = wanted.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') && !wanted.contains("//");
    if inside && plain { wanted } else { "/console" }
}

async fn open_session(call: &Call, staff: StaffId, mut answer: Response) -> Result<Response, Problem> {
    let lifetime_ms = call.shop().map_or(DAY_MS, |shop| shop.settings().lifetimes.session_ms);
    let session = SessionId::from_bits(uuid_v7(call.now(), rand::random()));
    let start = Customers::StartSession {
        session,
        who: Who::Staff(staff),
        // A browser's session is renewed by signing in; nobody holds a refresh token for it.
        token_hash: rand::random(),
        lifetime_ms,
    };
    call.submit_unkeyed(Actor::Staff(staff), start).await?;
    let cookie = cookie_of(call.state(), call.tenant(), session);
    answer.headers_mut().append(header::SET_COOKIE, Cookie::Staff.set(&cookie, lifetime_ms / SECOND_MS));
    Ok(answer)
}

pub async fn sign_out_form(call: Call, _typed: Typed) -> Result<Response, Problem> {
    if let Caller::Staff(staff) = call.caller() {
        call.submit_unkeyed(call.actor(), Customers::EndSession { session: staff.session }).await?;
    }
    let mut answer = see("/console/sign-in", Done::SignedOut);
    answer.headers_mut().append(header::SET_COOKIE, Cookie::Staff.clear());
    Ok(answer)
}

pub async fn set_up_page(
    visit: Visit,
    Path((staff, token)): Path<(StaffId, String)>,
) -> Result<Response, Problem> {
    let page = match open_link(&visit.call, staff, &token) {
        Some(_) => set_up(staff, &token, &Typed::default(), &Wrong::default()),
        None => link_over(),
    };
    Ok(at_the_door(StatusCode::OK, &visit.frame(), &page))
}

/// The member whose link this is, while it works.
fn open_link(call: &Call, staff: StaffId, token: &str) -> Option<StaffMember> {
    let hash = setup_token_hash(call.vault(), call.tenant(), token);
    let member = call.read(GroupKind::World, |view| STAFF.get(view, &staff))?;
    let works = member.setup.is_some_and(|link| link.token_hash == hash && link.expires_at > call.now());
    (works && member.active).then_some(member)
}

fn link_over() -> Page {
    let text = "It was used, or it is older than two days. Ask the person who sent it for another one.";
    Page::new("This link does not work any more").part(Notice::new(Tone::Warn, text))
}

fn set_up(staff: StaffId, token: &str, typed: &Typed, wrong: &Wrong) -> Page {
    let form = Form::post("set-up", setup_path(staff, token))
        .fields(vec![
            Field::new(FieldKind::Password, "password", "New password")
                .autocomplete("new-password")
                .hint(format!("At least {PASSWORD_CHARS_MIN} characters. Long is better than complicated.")),
            Field::new(FieldKind::Password, "again", "The same again").autocomplete("new-password"),
        ])
        .submit(Submit::main("Set the password and sign in"))
        .filled(typed, wrong);
    Page::new("Welcome").about("Choose the password you will sign in with.").part(form)
}

pub async fn set_up_form(
    call: Call,
    Path((staff, token)): Path<(StaffId, String)>,
    typed: Typed,
) -> Result<Response, Problem> {
    if open_link(&call, staff, &token).is_none() {
        return Ok(at_the_door(StatusCode::UNPROCESSABLE_ENTITY, &frame(&call), &link_over()));
    }
    let password = typed.get("password");
    let wrong = match check_password(password) {
        Err(words) => Some(Wrong::field("password", super::wrong::sentence(&words))),
        Ok(()) if password != typed.get("again") => Some(Wrong::field("again", "The two are not the same.")),
        Ok(()) => None,
    };
    if let Some(wrong) = wrong {
        let page = set_up(staff, &token, &typed, &wrong);
        return Ok(at_the_door(StatusCode::UNPROCESSABLE_ENTITY, &frame(&call), &page));
    }
    let password_hash = call.state().passwords.hash(password.to_owned()).await?;
    let token_hash = setup_token_hash(call.vault(), call.tenant(), &token);
    call.submit_unkeyed(Actor::Staff(staff), staff::Command::SetUp { staff, token_hash, password_hash })
        .await?;
    open_session(&call, staff, see("/console", Done::PasswordSet)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_leads_into_the_console_only() {
        for good in ["/console", "/console/orders/order_1"] {
            assert_eq!(next(good), good);
        }
        let elsewhere = [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "/console//evil.example",
            "/consoles",
            "/console/\\evil",
            "/console/a\r\nb",
        ];
        for bad in elsewhere {
            assert_eq!(next(bad), "/console", "{bad}");
        }
    }
}
