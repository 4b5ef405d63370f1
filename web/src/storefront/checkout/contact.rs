//! First step: whom to tell about the order.

use super::super::answer::{private_page, see_other};
use super::super::cart::{back_to_cart, place_of, served, write};
use super::super::consent;
use super::super::notes::notice;
use super::super::places::country_name;
use super::super::typed::Typed;
use super::super::view::checkout::{ContactPage, NotDeliverablePage};
use super::super::view::parts::{Field, FieldKind, Link};
use super::super::view::paths;
use super::super::visit::Visit;
use super::Till;
use crate::api::body::{email, phone};
use crate::extract::Form;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::cart::{self, Contact};
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS, MARKETING, Profile};
use gearify_commerce::intent::CartIntent;
use gearify_commerce::sealed::open;
use gearify_commerce::version;
use http::StatusCode;

/// `GET /checkout/contact`
pub async fn show_contact(visit: Visit) -> Result<Response, Problem> {
    let till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    // Better said here than after everything was typed in.
    if till.counted.notice("not_deliverable").is_some() {
        return Ok(not_deliverable(&visit, &till));
    }
    let known = till.contact().map(|contact| (contact.email.clone(), contact.phone.clone()));
    let known = known.or_else(|| profile(&visit).map(|profile| (profile.email, profile.phone)));
    let (email, phone) = known.unwrap_or_default();
    let fields = fields(&visit, &email, phone.as_deref().unwrap_or_default());
    Ok(page(&visit, &till, fields, guest_agreed(&visit, &till), StatusCode::OK))
}

fn not_deliverable(visit: &Visit, till: &Till) -> Response {
    let locale = visit.page_locale();
    let mut countries: Vec<String> =
        served(visit).iter().map(|country| country_name(country, locale).to_owned()).collect();
    countries.sort();
    let page = NotDeliverablePage {
        destination: place_of(visit, till.cart()),
        countries,
        actions: vec![Link::new(visit.text().back_to_cart(), visit.to(paths::CART))],
    };
    private_page(visit, &page, None, StatusCode::OK)
}

/// The signed-in customer, as they told us of themselves.
pub(super) fn profile(visit: &Visit) -> Option<Profile> {
    let customer = visit.call.caller().customer()?;
    visit.call.read(GroupKind::Region, |view| {
        let known = CUSTOMERS.get(view, &customer)?;
        open(view, visit.call.vault(), &known.profile).ok()
    })
}

fn fields(visit: &Visit, email: &str, phone: &str) -> Vec<Field> {
    let t = visit.text();
    vec![
        Field::new(FieldKind::Email, "email", t.email())
            .value(email)
            .autocomplete("email")
            .hint(t.email_hint())
            .max_length(254),
        Field::new(FieldKind::Phone, "phone", t.field_phone())
            .value(phone)
            .autocomplete("tel")
            .hint(t.phone_hint())
            .max_length(30)
            .optional(),
    ]
}

/// Customers say it in their account. Nobody is asked before every node can keep the answer.
fn asks_consent(visit: &Visit) -> bool {
    let region = visit.call.state().backend.reader(GroupKind::Region, visit.shop.id());
    visit.call.caller().customer().is_none() && version::of(&*region) >= version::GUESTS
}

fn guest_agreed(visit: &Visit, till: &Till) -> bool {
    visit.call.read(GroupKind::Region, |view| cart::guest_agreed(view, till.held.id))
}

fn page(visit: &Visit, till: &Till, fields: Vec<Field>, agreed: bool, status: StatusCode) -> Response {
    let page = ContactPage {
        summary: till.summary(visit),
        fields,
        consent: asks_consent(visit).then(|| consent::field(visit.text(), agreed)),
        signed_in: visit.call.caller().customer().is_some(),
        error: None,
    };
    private_page(visit, &page, notice(visit), status)
}

/// `POST /checkout/contact`
pub async fn take_contact(visit: Visit, form: Form) -> Result<Response, Problem> {
    let till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let typed = Typed::of(form);
    let t = visit.text();
    let address = email(typed.text("email"));
    let number = typed.some("phone").map(phone).transpose();
    let (Ok(address), Ok(number)) = (address, number) else {
        let mut fields = fields(&visit, typed.text("email"), typed.text("phone"));
        fields[0].error = email(typed.text("email")).err().map(|_| match typed.some("email") {
            None => t.error_required().to_owned(),
            Some(_) => t.error_email().to_owned(),
        });
        fields[1].error =
            typed.some("phone").and_then(|number| phone(number).err()).map(|_| t.error_phone().to_owned());
        let agreed = typed.ticked(consent::NAME);
        return Ok(page(&visit, &till, fields, agreed, StatusCode::UNPROCESSABLE_ENTITY));
    };
    let name = profile(&visit).map(|profile| profile.name);
    let same = till.contact().is_some_and(|known| known.email == address && known.phone == number);
    if !same {
        let contact = Contact { email: address, phone: number, name };
        let intent = CartIntent::SetContact { cart: till.held.id, contact };
        if let Err(problem) = write(&visit, &till.held, intent).await {
            return back_to_cart(&visit, problem);
        }
    }
    let agreed = typed.ticked(consent::NAME);
    if asks_consent(&visit) && agreed != guest_agreed(&visit, &till) {
        let intent = CartIntent::SetConsent {
            cart: till.held.id,
            purpose: MARKETING.into(),
            granted: agreed,
            source: "checkout".into(),
            wording_version: consent::WORDING.into(),
        };
        if let Err(problem) = write(&visit, &till.held, intent).await {
            return back_to_cart(&visit, problem);
        }
    }
    Ok(see_other(&visit.to(paths::CHECKOUT_DELIVERY)))
}
