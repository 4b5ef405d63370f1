//! A new password for somebody who forgot theirs: a mail with a link that works once, for an hour.
//!
//! The link is bound to the password's present hash, so that a changed password ends every link there was. Whoever asks learns nothing about
//! which addresses have accounts; the mail alone does.

use super::answer::{private_page, see_other};
use super::mail_link::MailLink;
use super::notes::{Note, notice};
use super::typed::Typed;
use super::view::account::FormPage;
use super::view::parts::{Field, FieldKind, Link};
use super::view::paths;
use super::visit::Visit;
use crate::auth::{PASSWORD_CHARS_MIN, check_password};
use crate::extract::Form;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::Actor;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS_BY_EMAIL, Command as Customers};
use gearify_commerce::notifications::{Command as Mails, MailKind, Subject};
use gearify_commerce::sealed::normal_email;
use gearify_commerce::time::HOUR_MS;
use http::StatusCode;

/// Good until the password is another.
pub const RESET_LINK: MailLink = MailLink {
    path: paths::PASSWORD_RESET,
    purpose: "password-reset",
    good_for_ms: HOUR_MS,
    bound_to: |customer| customer.password_hash.clone(),
};

/// `GET /account/password-reset`: asks for the address, or, from the mail, for the new password.
pub async fn show_reset(visit: Visit) -> Result<Response, Problem> {
    Ok(match visit.parameter("token") {
        None => ask_page(&visit, "", None, StatusCode::OK),
        Some(token) if RESET_LINK.account_of(&visit, token).is_some() => {
            choose_page(&visit, token, None, StatusCode::OK)
        }
        Some(_) => {
            let error = visit.text().reset_link_over();
            ask_page(&visit, "", Some(error), StatusCode::UNPROCESSABLE_ENTITY)
        }
    })
}

fn ask_page(visit: &Visit, email: &str, error: Option<&str>, status: StatusCode) -> Response {
    let t = visit.text();
    let page = FormPage {
        title: t.reset_title().to_owned(),
        introduction: t.reset_text().to_owned(),
        action: visit.to(paths::PASSWORD_RESET),
        hidden: Vec::new(),
        fields: vec![
            Field::new(FieldKind::Email, "email", t.email())
                .value(email)
                .autocomplete("email")
                .max_length(254),
        ],
        button: t.reset_send().to_owned(),
        error: error.map(str::to_owned),
        links: vec![Link::new(t.sign_in(), visit.to(paths::SIGN_IN))],
    };
    private_page(visit, &page, notice(visit), status)
}

fn choose_page(visit: &Visit, token: &str, error: Option<String>, status: StatusCode) -> Response {
    let t = visit.text();
    let page = FormPage {
        title: t.reset_title().to_owned(),
        introduction: String::new(),
        action: visit.to(paths::PASSWORD_RESET),
        hidden: vec![("token".to_owned(), token.to_owned())],
        fields: vec![
            Field::new(FieldKind::Password, "password", t.password())
                .autocomplete("new-password")
                .hint(t.password_hint(PASSWORD_CHARS_MIN as u64))
                .error(error)
                .max_length(200),
        ],
        button: t.save().to_owned(),
        error: None,
        links: Vec::new(),
    };
    private_page(visit, &page, None, status)
}

/// `POST /account/password-reset`
pub async fn take_reset(visit: Visit, form: Form) -> Result<Response, Problem> {
    let typed = Typed::of(form);
    match typed.some("token") {
        Some(token) => change(&visit, token, typed.text("password")).await,
        None => {
            send(&visit, typed.text("email"));
            Ok(see_other(&Note::ResetSent.on(&visit.to(paths::SIGN_IN))))
        }
    }
}

/// Queues the mail beside this request: how long the answer takes tells nothing either.
fn send(visit: &Visit, email: &str) {
    let hash = visit.call.vault().hash(visit.shop.id(), "email", normal_email(email).as_bytes());
    let Some(found) = visit.call.read(GroupKind::Region, |view| CUSTOMERS_BY_EMAIL.get(view, &hash)) else {
        return;
    };
    let call = visit.call.clone();
    tokio::spawn(async move {
        let mail = Mails::Queue { kind: MailKind::PasswordReset, subject: Subject::Customer(found.0) };
        if let Err(problem) = call.submit_unkeyed(Actor::System, mail).await {
            tracing::warn!(kind = problem.kind().slug(), "a mail about a forgotten password was not queued");
        }
    });
}

async fn change(visit: &Visit, token: &str, password: &str) -> Result<Response, Problem> {
    let Some(account) = RESET_LINK.account_of(visit, token) else {
        let error = visit.text().reset_link_over();
        return Ok(ask_page(visit, "", Some(error), StatusCode::UNPROCESSABLE_ENTITY));
    };
    if check_password(password).is_err() {
        let error = visit.text().error_password(PASSWORD_CHARS_MIN as u64);
        return Ok(choose_page(visit, token, Some(error), StatusCode::UNPROCESSABLE_ENTITY));
    }
    let password_hash = visit.call.state().passwords.hash(password.to_owned()).await?;
    // Also signs out every device: whoever knew the old password is out.
    let command = Customers::ChangePassword { customer: account.id, password_hash };
    visit.call.submit_unkeyed(Actor::Customer(account.id), command).await?;
    Ok(see_other(&Note::PasswordChanged.on(&visit.to(paths::SIGN_IN))))
}
