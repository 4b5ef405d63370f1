//! Signing in and out, and what a customer keeps here: details, orders, addresses.

use super::answer::{private_page, see_other};
use super::cart::{own_path, served};
use super::consent;
use super::content::version;
use super::convert::{amount, day, page_label};
use super::notes::{Note, notice};
use super::typed::{AddressForm, Typed, address_lines};
use super::verify::is_verified;
use super::view::account::{
    AddressCard, AddressEditPage, AddressesPage, OrderRow, OrdersPage, ProfilePage, RegisterPage, SignInPage,
};
use super::view::parts::{Field, FieldKind, Link, Tone};
use super::view::paths;
use super::visit::Visit;
use crate::api::auth::{bring_cart, end_session, make_account, sign_in_customer};
use crate::api::body::{email, line, phone};
use crate::api::carts::{cart_of_customer, market_of};
use crate::api::{SignedIn, open_session};
use crate::auth::{Cookie, PASSWORD_CHARS_MIN, cart_token, check_password};
use crate::extract::Form;
use crate::gate::Caller;
use crate::l10n::Text;
use crate::problem::{Kind, Problem};
use crate::sessions::cookie_of;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{
    ADDRESSES, ADDRESSES_MAX, CUSTOMERS, Command as Customers, MARKETING, Profile, SavedAddress, Who,
    agreed_to_marketing,
};
use gearify_commerce::intent::{CustomerIntent, Intent};
use gearify_commerce::orders::{
    FulfillmentStatus, ORDERS, ORDERS_BY_CUSTOMER, Order, OrderRef, OrderStatus, PaymentStatus,
};
use gearify_commerce::sealed::open;
use gearify_commerce::tenants::PageKind;
use gearify_commerce::{AddressId, CustomerId};
use http::{StatusCode, header};

/// Where to go after signing in: a path of this shop, else the account.
fn next(visit: &Visit, given: &str) -> String {
    own_path(given).map_or_else(|| visit.to(paths::ORDERS), str::to_owned)
}

/// `GET /account/sign-in`
pub async fn show_sign_in(visit: Visit) -> Result<Response, Problem> {
    let next = next(&visit, visit.parameter("next").unwrap_or_default());
    if visit.call.caller().customer().is_some() {
        return Ok(see_other(&next));
    }
    Ok(sign_in_page(&visit, "", &next, None, StatusCode::OK))
}

fn sign_in_page(visit: &Visit, email: &str, next: &str, error: Option<&str>, status: StatusCode) -> Response {
    let to_till = next.contains("/checkout/");
    let page = SignInPage {
        email: email.to_owned(),
        error: error.map(str::to_owned),
        next: next.to_owned(),
        guest_href: to_till.then(|| visit.to(paths::CHECKOUT_CONTACT)),
    };
    private_page(visit, &page, notice(visit), status)
}

/// `POST /account/sign-in`
pub async fn sign_in(visit: Visit, form: Form) -> Result<Response, Problem> {
    let typed = Typed::of(form);
    let next = next(&visit, typed.text("next"));
    let (email, password) = (typed.text("email"), typed.text("password").to_owned());
    match sign_in_customer(&visit.call, email, password).await {
        Ok(signed_in) => welcome(&visit, signed_in, &next).await,
        Err(problem) if problem.kind() == Kind::WrongCredentials => {
            let error = visit.text().error_credentials();
            Ok(sign_in_page(&visit, email, &next, Some(error), StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(problem) => Err(problem),
    }
}

/// Sets the session's cookie and brings a guest's cart along.
async fn welcome(visit: &Visit, signed_in: SignedIn, next: &str) -> Result<Response, Problem> {
    let Who::Customer(customer) = signed_in.who else { return Err(Problem::internal("a customer signs in")) };
    let guest = visit.cookie(Cookie::Cart).and_then(|value| value.split_once('~'));
    let id = guest.map(|(id, _)| id.to_owned());
    bring_cart(&visit.call, customer, &id, guest.map(|(_, token)| token.to_owned())).await;
    let mut response = see_other(next);
    let headers = response.headers_mut();
    let state = visit.call.state();
    let session = cookie_of(state, visit.shop.id(), signed_in.session);
    let seconds = visit.settings().lifetimes.session_ms / 1_000;
    headers.append(header::SET_COOKIE, Cookie::Customer.set(&session, seconds));
    let cart = visit.call.read(GroupKind::Region, |view| cart_of_customer(view, customer));
    headers.append(
        header::SET_COOKIE,
        match cart {
            Some(cart) => {
                let token = cart_token(visit.call.vault(), visit.shop.id(), cart.id, &market_of(&cart));
                let seconds = visit.settings().lifetimes.customer_cart_ms / 1_000;
                Cookie::Cart.set(&format!("{}~{token}", cart.id), seconds)
            }
            None => Cookie::Cart.clear(),
        },
    );
    Ok(response)
}

/// `POST /account/sign-out`
pub async fn sign_out(visit: Visit, _: Form) -> Result<Response, Problem> {
    if let Caller::Customer { session, .. } = visit.call.caller() {
        end_session(&visit.call, *session).await?;
    }
    let mut response = see_other(&Note::SignedOut.on(&visit.to(paths::SIGN_IN)));
    let headers = response.headers_mut();
    headers.append(header::SET_COOKIE, Cookie::Customer.clear());
    // The cart is the customer's; it is there again at the next sign-in.
    headers.append(header::SET_COOKIE, Cookie::Cart.clear());
    Ok(response)
}

/// `GET /account/register`
pub async fn show_register(visit: Visit) -> Result<Response, Problem> {
    let next = next(&visit, visit.parameter("next").unwrap_or_default());
    if visit.call.caller().customer().is_some() {
        return Ok(see_other(&next));
    }
    Ok(register_page(&visit, register_fields(&visit, &Typed::default()), false, &next, StatusCode::OK))
}

fn register_fields(visit: &Visit, typed: &Typed) -> Vec<Field> {
    let t = visit.text();
    let field = |kind, name: &str, label, token: &str| {
        Field::new(kind, name, label).value(typed.text(name)).autocomplete(token)
    };
    vec![
        field(FieldKind::Text, "name", t.field_name(), "name").max_length(100),
        field(FieldKind::Email, "email", t.email(), "email").max_length(254),
        Field::new(FieldKind::Password, "password", t.password())
            .autocomplete("new-password")
            .hint(t.password_hint(PASSWORD_CHARS_MIN as u64))
            .max_length(200),
    ]
}

fn register_page(
    visit: &Visit,
    fields: Vec<Field>,
    consent: bool,
    next: &str,
    status: StatusCode,
) -> Response {
    let t = visit.text();
    let terms = [PageKind::Terms, PageKind::Privacy];
    let written = terms.into_iter().filter(|kind| version(visit, *kind).is_some());
    let page = RegisterPage {
        fields,
        consent: Some(consent::field(t, consent)),
        error: None,
        next: next.to_owned(),
        terms: written
            .map(|kind| Link::new(page_label(kind, t), visit.to(&format!("/pages/{}", kind.as_str()))))
            .collect(),
    };
    private_page(visit, &page, notice(visit), status)
}

/// `POST /account/register`
pub async fn register(visit: Visit, form: Form) -> Result<Response, Problem> {
    let typed = Typed::of(form);
    let t = visit.text();
    let next = next(&visit, typed.text("next"));
    let name = line(typed.text("name"));
    let address = email(typed.text("email"));
    let password = typed.text("password");
    let mut fields = register_fields(&visit, &typed);
    let missing = |name: &str, wrong: &str| match typed.some(name) {
        None => t.error_required().to_owned(),
        Some(_) => wrong.to_owned(),
    };
    fields[0].error = name.is_err().then(|| missing("name", t.error_text()));
    fields[1].error = address.is_err().then(|| missing("email", t.error_email()));
    fields[2].error = check_password(password).is_err().then(|| t.error_password(PASSWORD_CHARS_MIN as u64));
    let again = |fields| {
        register_page(&visit, fields, typed.ticked(consent::NAME), &next, StatusCode::UNPROCESSABLE_ENTITY)
    };
    let (Ok(name), Ok(address), None) = (name, address, &fields[2].error) else { return Ok(again(fields)) };
    let made = make_account(&visit.call, address, name, password.to_owned(), visit.locale.clone()).await;
    let customer = match made {
        Ok(customer) => customer,
        Err(problem) if problem.kind() == Kind::AlreadyExists => {
            fields[1].error = Some(t.error_email_taken().to_owned());
            return Ok(again(fields));
        }
        Err(problem) => return Err(problem),
    };
    let signed_in = open_session(&visit.call, Who::Customer(customer)).await?;
    if typed.ticked(consent::NAME) {
        set_consent(&visit, customer, true, "registration").await?;
    }
    welcome(&visit, signed_in, &next).await
}

async fn set_consent(
    visit: &Visit,
    customer: CustomerId,
    granted: bool,
    source: &str,
) -> Result<(), Problem> {
    let command = Customers::SetConsent {
        customer,
        purpose: MARKETING.into(),
        granted,
        source: source.into(),
        wording_version: consent::WORDING.into(),
    };
    let actor = gearify_commerce::Actor::Customer(customer);
    visit.call.submit_unkeyed(actor, command).await.map(drop)
}

fn customer_of(visit: &Visit) -> Result<CustomerId, Problem> {
    visit.call.caller().customer().ok_or_else(|| Problem::new(Kind::Unauthorized))
}

fn profile_of(visit: &Visit, customer: CustomerId) -> Result<Profile, Problem> {
    let found = visit.call.read(GroupKind::Region, |view| {
        open(view, visit.call.vault(), &CUSTOMERS.get(view, &customer)?.profile).ok()
    });
    found.ok_or_else(|| Problem::not_found("customer"))
}

fn has_consented(visit: &Visit, customer: CustomerId) -> bool {
    visit.call.read(GroupKind::Region, |view| agreed_to_marketing(view, customer))
}

/// `GET /account`
pub async fn show_profile(visit: Visit) -> Result<Response, Problem> {
    let customer = customer_of(&visit)?;
    let profile = profile_of(&visit, customer)?;
    let phone = profile.phone.clone().unwrap_or_default();
    let fields = profile_fields(&visit, &profile.name, &phone, has_consented(&visit, customer));
    Ok(profile_page(&visit, &profile.email, fields, StatusCode::OK))
}

fn profile_fields(visit: &Visit, name: &str, phone: &str, consent: bool) -> Vec<Field> {
    let t = visit.text();
    vec![
        Field::new(FieldKind::Text, "name", t.field_name()).value(name).autocomplete("name").max_length(100),
        Field::new(FieldKind::Phone, "phone", t.field_phone())
            .value(phone)
            .autocomplete("tel")
            .max_length(30)
            .optional(),
        consent::field(t, consent),
    ]
}

fn profile_page(visit: &Visit, email: &str, fields: Vec<Field>, status: StatusCode) -> Response {
    let unverified = visit.call.caller().customer().is_some_and(|customer| !is_verified(visit, customer));
    let page = ProfilePage { email: email.to_owned(), unverified, fields, error: None };
    private_page(visit, &page, notice(visit), status)
}

/// `POST /account`
pub async fn save_profile(visit: Visit, form: Form) -> Result<Response, Problem> {
    let customer = customer_of(&visit)?;
    let typed = Typed::of(form);
    let t = visit.text();
    let name = line(typed.text("name"));
    let number = typed.some("phone").map(phone).transpose();
    let (Ok(name), Ok(number)) = (name.clone(), number.clone()) else {
        let profile = profile_of(&visit, customer)?;
        let consent = typed.ticked(consent::NAME);
        let mut fields = profile_fields(&visit, typed.text("name"), typed.text("phone"), consent);
        fields[0].error = name.is_err().then(|| match typed.some("name") {
            None => t.error_required().to_owned(),
            Some(_) => t.error_text().to_owned(),
        });
        fields[1].error = number.is_err().then(|| t.error_phone().to_owned());
        return Ok(profile_page(&visit, &profile.email, fields, StatusCode::UNPROCESSABLE_ENTITY));
    };
    let intent = CustomerIntent::UpdateProfile {
        customer,
        name: Some(name),
        phone: Some(number),
        locale: None,
        if_revision: None,
    };
    visit.call.submit(Intent::Customer(intent)).await?;
    let consent = typed.ticked(consent::NAME);
    if consent != has_consented(&visit, customer) {
        set_consent(&visit, customer, consent, "account").await?;
    }
    Ok(see_other(&Note::Saved.on(&visit.to(paths::PROFILE))))
}

const ORDERS_PAGE: usize = 10;
/// As far back as the list goes: no handler reads more rows.
const ORDERS_MAX: usize = 1_000;

/// `GET /account/orders`
pub async fn show_orders(visit: Visit) -> Result<Response, Problem> {
    let customer = customer_of(&visit)?;
    let number: usize = visit.parameter("page").and_then(|page| page.parse().ok()).unwrap_or(1).clamp(1, 100);
    let (orders, more) = visit.call.read(GroupKind::Region, |view| {
        // Ids sort by time, the oldest first.
        let mut all = ORDERS_BY_CUSTOMER.list(view, &customer, ORDERS_MAX);
        all.reverse();
        let more = all.len() > number * ORDERS_PAGE;
        let here = all.into_iter().skip((number - 1) * ORDERS_PAGE).take(ORDERS_PAGE);
        let orders: Vec<Order> = here.filter_map(|OrderRef(id)| ORDERS.get(view, &id)).collect();
        (orders, more)
    });
    let to = |page: usize| visit.to(&format!("{}?page={page}", paths::ORDERS));
    let page = OrdersPage {
        unverified: !is_verified(&visit, customer),
        orders: orders.iter().map(|order| order_row(&visit, order)).collect(),
        previous_href: (number > 1).then(|| to(number - 1)),
        next_href: more.then(|| to(number + 1)),
    };
    Ok(private_page(&visit, &page, notice(&visit), StatusCode::OK))
}

fn order_row(visit: &Visit, order: &Order) -> OrderRow {
    let t = visit.text();
    let pieces = order.lines.iter().map(|line| u64::from(line.quantities.ordered)).sum();
    let contents = match order.lines.as_slice() {
        [] => String::new(),
        [only] => only.name.clone(),
        [first, others @ ..] => t.and_more(others.len() as u64, &first.name),
    };
    let (status, tone) = status_words(order, t);
    OrderRow {
        number: order.number.clone(),
        href: visit.to(&paths::order(&order.id.to_string())),
        placed_on: day(order.placed_at, visit.settings()),
        status: status.to_owned(),
        tone,
        item_count: pieces,
        total: amount(order.totals.total, order.currency),
        contents,
    }
}

fn status_words(order: &Order, t: Text) -> (&'static str, Tone) {
    match (order.status, order.fulfillment_status(), order.payment_status()) {
        (OrderStatus::Cancelled, ..) => (t.step_cancelled(), Tone::Information),
        (OrderStatus::Expired, ..) => (t.step_expired(), Tone::Information),
        (_, FulfillmentStatus::Delivered, _) => (t.step_arrived(), Tone::Done),
        (_, FulfillmentStatus::Fulfilled | FulfillmentStatus::Partial, _) => (t.step_sent(), Tone::Done),
        (OrderStatus::Placed, _, PaymentStatus::Unpaid) => (t.status_unpaid(), Tone::Problem),
        (OrderStatus::Placed, ..) => (t.payment_pending(), Tone::Information),
        (OrderStatus::Confirmed | OrderStatus::Completed, ..) => (t.status_in_hand(), Tone::Done),
    }
}

fn opened(visit: &Visit, saved: &SavedAddress) -> Option<gearify_commerce::cart::Address> {
    visit.call.read(GroupKind::Region, |view| open(view, visit.call.vault(), &saved.address).ok())
}

/// `GET /account/addresses`
pub async fn show_addresses(visit: Visit) -> Result<Response, Problem> {
    let customer = customer_of(&visit)?;
    let book = visit.call.read(GroupKind::Region, |view| ADDRESSES.list(view, &customer, ADDRESSES_MAX));
    let card = |saved: &SavedAddress| {
        let lines = address_lines(&opened(&visit, saved)?, &visit);
        Some(AddressCard { id: saved.id.to_string(), lines, is_default: saved.default })
    };
    let page = AddressesPage { addresses: book.iter().filter_map(card).collect() };
    Ok(private_page(&visit, &page, notice(&visit), StatusCode::OK))
}

/// The saved address that the path names.
fn saved_address(visit: &Visit, customer: CustomerId) -> Result<SavedAddress, Problem> {
    let unknown = || Problem::not_found("address");
    let id = AddressId::parse(visit.segment()).map_err(|_| unknown())?;
    visit.call.read(GroupKind::Region, |view| ADDRESSES.get(view, &(customer, id))).ok_or_else(unknown)
}

fn edit_page(
    visit: &Visit,
    id: Option<AddressId>,
    form: &AddressForm,
    default: bool,
    status: StatusCode,
) -> Response {
    let t = visit.text();
    let mut fields = form.fields(visit, &served(visit));
    let value = if default { "yes" } else { "" };
    fields.push(Field::new(FieldKind::Tick, "default", t.address_as_default()).value(value).optional());
    let page = AddressEditPage { id: id.map(|id| id.to_string()), fields, error: None };
    private_page(visit, &page, notice(visit), status)
}

/// `GET /account/addresses/new`
pub async fn show_new_address(visit: Visit) -> Result<Response, Problem> {
    customer_of(&visit)?;
    let form = AddressForm::empty("address", &visit.settings().home.country);
    Ok(edit_page(&visit, None, &form, false, StatusCode::OK))
}

/// `GET /account/addresses/{id}`
pub async fn show_address(visit: Visit) -> Result<Response, Problem> {
    let saved = saved_address(&visit, customer_of(&visit)?)?;
    let address = opened(&visit, &saved).ok_or_else(|| Problem::not_found("address"))?;
    let form = AddressForm::of("address", &address);
    Ok(edit_page(&visit, Some(saved.id), &form, saved.default, StatusCode::OK))
}

/// `POST /account/addresses`
pub async fn add_address(visit: Visit, form: Form) -> Result<Response, Problem> {
    let customer = customer_of(&visit)?;
    let typed = Typed::of(form);
    let mut form = AddressForm::typed("address", &typed);
    let default = typed.ticked("default");
    // The country was changed: its fields are shown, nothing is saved yet.
    if typed.has("update") {
        return Ok(edit_page(&visit, None, &form, default, StatusCode::OK));
    }
    let Some(address) = form.check(visit.text()) else {
        return Ok(edit_page(&visit, None, &form, default, StatusCode::UNPROCESSABLE_ENTITY));
    };
    let intent = CustomerIntent::AddAddress { customer, address: Box::new(address), default };
    visit.call.submit(Intent::Customer(intent)).await?;
    Ok(see_other(&Note::AddressSaved.on(&visit.to(paths::ADDRESSES))))
}

/// `POST /account/addresses/{id}`
pub async fn save_address(visit: Visit, form: Form) -> Result<Response, Problem> {
    let customer = customer_of(&visit)?;
    let saved = saved_address(&visit, customer)?;
    let typed = Typed::of(form);
    let mut form = AddressForm::typed("address", &typed);
    let default = typed.ticked("default");
    if typed.has("update") {
        return Ok(edit_page(&visit, Some(saved.id), &form, default, StatusCode::OK));
    }
    let Some(address) = form.check(visit.text()) else {
        return Ok(edit_page(&visit, Some(saved.id), &form, default, StatusCode::UNPROCESSABLE_ENTITY));
    };
    let address = Box::new(address);
    let intent =
        CustomerIntent::UpdateAddress { customer, id: saved.id, address, default, if_revision: None };
    visit.call.submit(Intent::Customer(intent)).await?;
    Ok(see_other(&Note::AddressSaved.on(&visit.to(paths::ADDRESSES))))
}

/// `POST /account/addresses/{id}/remove`
pub async fn remove_address(visit: Visit, _: Form) -> Result<Response, Problem> {
    let customer = customer_of(&visit)?;
    let id = saved_address(&visit, customer)?.id;
    visit.call.submit(Customers::RemoveAddress { customer, id }).await?;
    Ok(see_other(&Note::AddressRemoved.on(&visit.to(paths::ADDRESSES))))
}
