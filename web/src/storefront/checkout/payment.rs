//! Third step: how to pay, and whom to bill.

use super::super::answer::{private_page, see_other};
use super::super::cart::{back_to_cart, served, write};
use super::super::jar::MeansToPay;
use super::super::notes::notice;
use super::super::typed::{AddressForm, Typed};
use super::super::view::checkout::{PaymentMethod, PaymentPage};
use super::super::view::parts::{Choice, Field, FieldKind};
use super::super::view::paths;
use super::super::visit::Visit;
use super::Till;
use crate::extract::Form;
use crate::problem::{Kind, Problem};
use axum::response::Response;
use gearify_commerce::cart::Address;
use gearify_commerce::intent::CartIntent;
use gearify_commerce::tenants;
use http::{StatusCode, header};

/// Cards of the demonstration: what the provider makes of each.
const TEST_CARDS: [&str; 4] = ["tok_ok", "tok_declined", "tok_later", "tok_timeout"];

/// Whether the checkout can take it: the pages of the other providers are not built, so that nobody is
/// promised them.
pub fn at_checkout(method: tenants::PaymentMethod) -> bool {
    match method {
        tenants::PaymentMethod::Test | tenants::PaymentMethod::Manual => true,
        tenants::PaymentMethod::Stripe | tenants::PaymentMethod::Paypal => false,
    }
}

/// The ways to pay that this shop offers and this program knows.
pub fn methods(visit: &Visit, chosen: Option<&MeansToPay>) -> Vec<PaymentMethod> {
    let t = visit.text();
    let offered = visit.settings().payment_methods.iter().filter(|method| at_checkout(**method));
    let offered = offered.map(|method| match method {
        tenants::PaymentMethod::Test => (method, t.pay_test(), t.pay_test_text()),
        tenants::PaymentMethod::Manual => (method, t.pay_manual(), t.pay_manual_text()),
        tenants::PaymentMethod::Stripe | tenants::PaymentMethod::Paypal => (method, t.pay_card(), ""),
    });
    let mut methods: Vec<PaymentMethod> = offered
        .map(|(method, name, description)| PaymentMethod {
            id: method.as_str().to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            selected: chosen.is_some_and(|chosen| chosen.provider == method.as_str()),
            fields: match method {
                tenants::PaymentMethod::Test => vec![test_card(visit, chosen)],
                _ => Vec::new(),
            },
        })
        .collect();
    if !methods.iter().any(|method| method.selected)
        && let Some(first) = methods.first_mut()
    {
        first.selected = true;
    }
    methods
}

fn test_card(visit: &Visit, chosen: Option<&MeansToPay>) -> Field {
    let t = visit.text();
    let label = |token: &str| match token {
        "tok_ok" => t.test_card_ok(),
        "tok_declined" => t.test_card_declined(),
        "tok_later" => t.test_card_later(),
        _ => t.test_card_timeout(),
    };
    let wanted = chosen.and_then(|chosen| chosen.token.as_deref()).unwrap_or(TEST_CARDS[0]);
    let choice = |token: &str| Choice {
        value: token.to_owned(),
        label: label(token).to_owned(),
        selected: token == wanted,
    };
    Field::new(FieldKind::Select(TEST_CARDS.map(choice).to_vec()), "test.card", t.test_card())
        .hint(t.test_card_hint())
}

/// What a form says of paying, if it is one of the ways that are offered.
pub fn means_of(visit: &Visit, typed: &Typed) -> Option<MeansToPay> {
    let wanted = typed.text("payment");
    let offered = methods(visit, None).into_iter().find(|method| method.id == wanted)?;
    let token = match offered.id.as_str() {
        "test" => {
            Some(TEST_CARDS.into_iter().find(|card| *card == typed.text("test.card")).unwrap_or("tok_ok"))
        }
        _ => None,
    };
    Some(MeansToPay { provider: offered.id, token: token.map(str::to_owned) })
}

/// `GET /checkout/payment`
pub async fn show_payment(visit: Visit) -> Result<Response, Problem> {
    let till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    if let Some(step) = till.missing_before_payment() {
        return Ok(see_other(&visit.to(step)));
    }
    let billing = till.billing(&visit);
    let form = match &billing {
        Some(address) => AddressForm::of("billing", address),
        None => AddressForm::empty("billing", &visit.settings().home.country),
    };
    let shown = Shown { means: MeansToPay::of(&visit), billing_same: billing.is_none(), form, error: None };
    Ok(page(&visit, &till, shown, StatusCode::OK))
}

struct Shown {
    means: Option<MeansToPay>,
    billing_same: bool,
    form: AddressForm,
    error: Option<String>,
}

fn page(visit: &Visit, till: &Till, shown: Shown, status: StatusCode) -> Response {
    let page = PaymentPage {
        summary: till.summary(visit),
        contact: till.contact_line(),
        delivery_address: till.delivery_lines(visit),
        shipping: till.shipping_words(visit).unwrap_or_default(),
        methods: methods(visit, shown.means.as_ref()),
        billing_same: shown.billing_same,
        // Folded away while it is the same, and then not required.
        billing: billing_fields(visit, &shown),
        error: shown.error,
    };
    private_page(visit, &page, notice(visit), status)
}

fn billing_fields(visit: &Visit, shown: &Shown) -> Vec<Field> {
    let mut fields = shown.form.fields(visit, &served(visit));
    // A browser would not send the form for the sake of a field that is not seen.
    for field in &mut fields {
        field.required = false;
    }
    fields
}

/// `POST /checkout/payment`
pub async fn take_payment(visit: Visit, form: Form) -> Result<Response, Problem> {
    let mut till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    if let Some(step) = till.missing_before_payment() {
        return Ok(see_other(&visit.to(step)));
    }
    let typed = Typed::of(form);
    let billing_same = typed.ticked("billing_same");
    let mut form = AddressForm::typed("billing", &typed);
    let means = means_of(&visit, &typed);
    let billing = if billing_same { Ok(None) } else { form.check(visit.text()).map(Some).ok_or(()) };
    let (Some(means), Ok(billing)) = (means.clone(), billing) else {
        let error = means.is_none().then(|| visit.text().error_choose_payment().to_owned());
        let shown = Shown { means, billing_same, form, error };
        return Ok(page(&visit, &till, shown, StatusCode::UNPROCESSABLE_ENTITY));
    };
    if let Err(problem) = store_billing(&visit, &mut till, billing).await {
        return back_to_cart(&visit, problem);
    }
    if let Err(problem) = reserve(&visit, &till).await {
        return back_to_cart(&visit, problem);
    }
    let mut response = see_other(&visit.to(paths::CHECKOUT_REVIEW));
    response.headers_mut().append(header::SET_COOKIE, means.cookie());
    Ok(response)
}

async fn store_billing(visit: &Visit, till: &mut Till, billing: Option<Address>) -> Result<(), Problem> {
    if till.billing(visit) == billing {
        return Ok(());
    }
    let Some(shipping) = till.shipping(visit) else { return Ok(()) };
    let intent = CartIntent::SetAddresses {
        cart: till.held.id,
        shipping: Box::new(shipping),
        billing: billing.map(Box::new),
    };
    write(visit, &till.held, intent).await
}

/// Holds the goods for the minutes of the review. A hold that runs is left to run; where none is to be
/// had (too many for one address) the order is placed from what is free.
async fn reserve(visit: &Visit, till: &Till) -> Result<(), Problem> {
    let now = visit.call.now();
    if till.cart().hold.as_ref().is_some_and(|hold| hold.expires_at > now) && !till.counted.is_short() {
        return Ok(());
    }
    match write(visit, &till.held, CartIntent::Reserve { cart: till.held.id }).await {
        Err(problem) if problem.kind() == Kind::HoldRefused => Ok(()),
        result => result,
    }
}
