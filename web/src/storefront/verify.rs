//! Whose address it is: a mail with a link that its owner follows while signed in.
//!
//! The link is good for one account and address. Opening it changes nothing, because programs that look through mails open links too; the button on its page does.
//! Both are needed, the mailbox and the login: who made an account under somebody else's address has no mail,
//! and who gets a mail about an account that they did not make can't confirm it for its maker.

use super::answer::{private_page, see_other};
use super::mail_link::MailLink;
use super::notes::{Note, notice};
use super::typed::Typed;
use super::view::account::FormPage;
use super::view::parts::Link;
use super::view::paths;
use super::visit::Visit;
use crate::extract::Form;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS, Command as Customers};
use gearify_commerce::notifications::{Command as Mails, MailKind, Subject};
use gearify_commerce::time::DAY_MS;
use gearify_commerce::{Actor, CustomerId, ids};
use http::StatusCode;

/// Good for one address only.
pub const VERIFY_LINK: MailLink = MailLink {
    path: paths::VERIFY,
    purpose: "verify-email",
    good_for_ms: 3 * DAY_MS,
    bound_to: |customer| ids::encode_base32(u128::from_be_bytes(customer.email_hash)),
};

/// What a link is to whoever follows it.
enum Met {
    /// It may be confirmed.
    Mine(CustomerId),
    /// Everything is done already.
    Done,
    /// Good, but nobody is signed in.
    Stranger,
    /// Wrong, too old, or of another account than the one that is signed in.
    Over,
}

fn met(visit: &Visit, token: &str) -> Met {
    let Some(account) = VERIFY_LINK.account_of(visit, token) else { return Met::Over };
    match visit.call.caller().customer() {
        None => Met::Stranger,
        Some(customer) if customer != account.id => Met::Over,
        Some(_) if account.email_verified => Met::Done,
        Some(customer) => Met::Mine(customer),
    }
}

/// `GET /account/verify`: from the mail, asks whether the address is theirs.
pub async fn show_verify(visit: Visit) -> Result<Response, Problem> {
    let token = visit.parameter("token").unwrap_or_default();
    Ok(match met(&visit, token) {
        Met::Mine(_) => confirm_page(&visit, token),
        Met::Done => done(&visit),
        Met::Stranger => to_sign_in(&visit, token),
        Met::Over => over_page(&visit),
    })
}

fn confirm_page(visit: &Visit, token: &str) -> Response {
    let t = visit.text();
    let page = FormPage {
        title: t.verify_title().to_owned(),
        introduction: t.verify_text().to_owned(),
        action: visit.to(paths::VERIFY),
        hidden: vec![("token".to_owned(), token.to_owned())],
        fields: Vec::new(),
        button: t.verify_go().to_owned(),
        error: None,
        links: Vec::new(),
    };
    private_page(visit, &page, notice(visit), StatusCode::OK)
}

/// Says that the link is no good, and offers another one to whoever is signed in.
fn over_page(visit: &Visit) -> Response {
    let t = visit.text();
    let button = match visit.call.caller().customer() {
        Some(_) => t.verify_again(),
        None => t.sign_in(),
    };
    let page = FormPage {
        title: t.verify_title().to_owned(),
        introduction: t.verify_over().to_owned(),
        action: visit.to(paths::VERIFY),
        hidden: Vec::new(),
        fields: Vec::new(),
        button: button.to_owned(),
        error: None,
        links: vec![Link::new(t.profile(), visit.to(paths::PROFILE))],
    };
    private_page(visit, &page, None, StatusCode::UNPROCESSABLE_ENTITY)
}

fn done(visit: &Visit) -> Response {
    see_other(&Note::EmailVerified.on(&visit.to(paths::PROFILE)))
}

/// Back here once they have signed in.
fn to_sign_in(visit: &Visit, token: &str) -> Response {
    let pair = |name: &str, value: &str| {
        form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish()
    };
    let next = match token {
        "" => visit.to(paths::PROFILE),
        token => format!("{}?{}", visit.to(paths::VERIFY), pair("token", token)),
    };
    see_other(&format!("{}?{}", visit.to(paths::SIGN_IN), pair("next", &next)))
}

/// `POST /account/verify`: confirms the address, or, without a token, sends the link again.
pub async fn take_verify(visit: Visit, form: Form) -> Result<Response, Problem> {
    let typed = Typed::of(form);
    let Some(token) = typed.some("token") else { return send_again(&visit).await };
    match met(&visit, token) {
        Met::Mine(customer) => {
            let command = Customers::VerifyEmail { customer };
            visit.call.submit_unkeyed(Actor::Customer(customer), command).await?;
            Ok(done(&visit))
        }
        Met::Done => Ok(done(&visit)),
        Met::Stranger => Ok(to_sign_in(&visit, token)),
        Met::Over => Ok(over_page(&visit)),
    }
}

async fn send_again(visit: &Visit) -> Result<Response, Problem> {
    let Some(customer) = visit.call.caller().customer() else { return Ok(to_sign_in(visit, "")) };
    if is_verified(visit, customer) {
        return Ok(done(visit));
    }
    let mail = Mails::Queue { kind: MailKind::VerifyEmail, subject: Subject::Customer(customer) };
    visit.call.submit_unkeyed(Actor::Customer(customer), mail).await?;
    Ok(see_other(&Note::VerifySent.on(&visit.to(paths::PROFILE))))
}

/// Whether the customer's address was confirmed.
pub(super) fn is_verified(visit: &Visit, customer: CustomerId) -> bool {
    let known = visit.call.read(GroupKind::Region, |view| CUSTOMERS.get(view, &customer));
    known.is_some_and(|known| known.email_verified)
}
