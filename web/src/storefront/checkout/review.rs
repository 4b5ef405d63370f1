//! Last step: everything at a glance, and the order.

use super::super::answer::{private_page, see_other};
use super::super::cart::back_to_cart;
use super::super::content::version as content_version;
use super::super::convert::page_label;
use super::super::jar::{MeansToPay, remember_order};
use super::super::notes::{Note, notice};
use super::super::typed::{Typed, address_lines};
use super::super::view::checkout::{ReviewError, ReviewPage};
use super::super::view::parts::{Field, FieldKind, Link};
use super::super::view::paths;
use super::super::visit::Visit;
use super::{Till, methods};
use crate::auth::{Cookie, read_cart_token};
use crate::extract::Form;
use crate::problem::{Kind, Problem};
use axum::response::Response;
use gearify_commerce::cart::{CARTS, CartStatus};
use gearify_commerce::command::GroupKind;
use gearify_commerce::intent::{CheckoutIntent, Intent, PaymentChoice};
use gearify_commerce::orders::Source;
use gearify_commerce::tenants::PageKind;
use gearify_commerce::{CartId, OrderId, ids};
use http::{StatusCode, header};

const NOTE_CHARS_MAX: u32 = 1_000;
const KEY_CHARS_MAX: usize = 64;

/// `GET /checkout/review`
pub async fn show_review(visit: Visit) -> Result<Response, Problem> {
    if let Some(order) = ordered(&visit) {
        return Ok(to_order(&visit, order));
    }
    let till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let Some(means) = MeansToPay::of(&visit) else {
        return Ok(see_other(&visit.to(paths::CHECKOUT_PAYMENT)));
    };
    if let Some(elsewhere) = not_ready(&visit, &till) {
        return Ok(elsewhere);
    }
    Ok(page(&visit, &till, &means, "", None, StatusCode::OK))
}

fn not_ready(visit: &Visit, till: &Till) -> Option<Response> {
    if till.counted.is_short() {
        return Some(see_other(&Note::OutOfStock.on(&visit.to(paths::CART))));
    }
    till.missing_before_payment().map(|step| see_other(&visit.to(step)))
}

fn page(
    visit: &Visit,
    till: &Till,
    means: &MeansToPay,
    note: &str,
    error: Option<ReviewError>,
    status: StatusCode,
) -> Response {
    let t = visit.text();
    let terms = [PageKind::Terms, PageKind::Privacy, PageKind::Returns];
    let written = terms.into_iter().filter(|kind| content_version(visit, *kind).is_some());
    let method = methods(visit, Some(means)).into_iter().find(|method| method.selected);
    let page = ReviewPage {
        summary: till.summary(visit),
        contact: till.contact_line(),
        delivery_address: till.delivery_lines(visit),
        billing_address: till.billing(visit).map(|address| address_lines(&address, visit)),
        shipping: till.shipping_words(visit).unwrap_or_default(),
        payment: method.map(|method| method.name).unwrap_or_default(),
        idempotency_key: ids::encode_base32(rand::random()),
        expected_total: till.counted.total(),
        terms: written
            .map(|kind| Link::new(page_label(kind, t), visit.to(&format!("/pages/{}", kind.as_str()))))
            .collect(),
        terms_version: content_version(visit, PageKind::Terms)
            .map_or_else(String::new, |version| version.to_string()),
        note: Some(
            Field::new(FieldKind::Area { rows: 3 }, "note", t.order_note())
                .value(note)
                .max_length(NOTE_CHARS_MAX)
                .optional(),
        ),
        error,
    };
    private_page(visit, &page, notice(visit), status)
}

/// The order that the cart in the browser has become: the form was sent twice, or the page was opened
/// again.
fn ordered(visit: &Visit) -> Option<OrderId> {
    let (id, token) = visit.cookie(Cookie::Cart)?.split_once('~')?;
    let id = CartId::parse(id).ok()?;
    read_cart_token(visit.call.vault(), visit.shop.id(), id, token)?;
    match visit.call.read(GroupKind::Region, |view| CARTS.get(view, &id))?.status {
        CartStatus::Ordered(order) => Some(order),
        CartStatus::Open | CartStatus::Merged(_) => None,
    }
}

/// On to the order, which this browser may see; the cart and the means to pay are done with.
fn to_order(visit: &Visit, order: OrderId) -> Response {
    let mut response = see_other(&visit.to(&paths::order(&order.to_string())));
    let headers = response.headers_mut();
    if visit.call.caller().customer().is_none() {
        headers.append(header::SET_COOKIE, remember_order(visit, order));
    }
    headers.append(header::SET_COOKIE, Cookie::Cart.clear());
    headers.append(header::SET_COOKIE, MeansToPay::forget());
    response
}

/// `POST /checkout/review`
pub async fn place_order(visit: Visit, form: Form) -> Result<Response, Problem> {
    if let Some(order) = ordered(&visit) {
        return Ok(to_order(&visit, order));
    }
    let till = match Till::open(&visit) {
        Ok(till) => till,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let Some(means) = MeansToPay::of(&visit) else {
        return Ok(see_other(&visit.to(paths::CHECKOUT_PAYMENT)));
    };
    if let Some(elsewhere) = not_ready(&visit, &till) {
        return Ok(elsewhere);
    }
    let typed = Typed::of(form);
    let note = typed.text("note").trim().to_owned();
    if note.chars().count() > NOTE_CHARS_MAX as usize {
        let error = ReviewError { text: visit.text().error_note_long().to_owned(), action: None };
        return Ok(page(&visit, &till, &means, &note, Some(error), StatusCode::UNPROCESSABLE_ENTITY));
    }
    if let Some(key) = key_of(&typed) {
        visit.call.adopt_key(key);
    }
    let wanted = CheckoutIntent::Place {
        cart: till.held.id,
        // A form that lost its total is one that nobody has seen a total on: it is shown again.
        expected_total: Some(typed.text("expected_total").parse().unwrap_or(-1)),
        payment: PaymentChoice { provider: means.provider.clone(), token: means.token.clone() },
        note: (!note.is_empty()).then(|| note.clone()),
        terms_version: typed.some("terms_version").map(|version| version.chars().take(32).collect()),
        source: Source::Web,
    };
    let scope = format!("order of {}", till.held.id);
    match visit.call.submit_scoped(&scope, Intent::Checkout(wanted)).await {
        Ok(reply) => {
            let id = reply.id.ok_or_else(|| Problem::internal("placing named no order"))?;
            let order = OrderId::from_bits(id);
            settle(&visit, order).await;
            Ok(to_order(&visit, order))
        }
        Err(problem) => refused(&visit, &till, &means, &note, problem),
    }
}

/// Waits a while for the provider's word, so that the next page can say it.
pub(in super::super) async fn settle(visit: &Visit, order: OrderId) {
    let state = visit.call.state();
    let (tenant, site) = (visit.shop.id(), visit.shop.site());
    state.backend.settle(tenant, site, order, state.settings.settle_timeout).await;
}

pub(in super::super) fn key_of(typed: &Typed) -> Option<String> {
    let key = typed.some("idempotency_key")?;
    let good =
        key.len() <= KEY_CHARS_MAX && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    good.then(|| key.to_owned())
}

/// The order was not placed: the page where it can be put right, with what to do.
fn refused(
    visit: &Visit,
    till: &Till,
    means: &MeansToPay,
    note: &str,
    problem: Problem,
) -> Result<Response, Problem> {
    let t = visit.text();
    let again = |text: &str, action: Option<Link>| {
        // Priced anew: what is shown now is what the next attempt expects.
        let fresh = Till::open(visit).ok();
        let till = fresh.as_ref().unwrap_or(till);
        let error = ReviewError { text: text.to_owned(), action };
        page(visit, till, means, note, Some(error), StatusCode::CONFLICT)
    };
    Ok(match problem.kind() {
        Kind::TotalChanged => again(t.error_total_changed(), None),
        Kind::CartChanged => again(t.note_cart_changed(), None),
        Kind::KeyReused => again(t.error_sent_twice(), None),
        Kind::AlreadyOrdered => {
            match problem.member_value("order_id").and_then(|id| OrderId::parse(id.as_str()?).ok()) {
                Some(order) => to_order(visit, order),
                None => return Err(problem),
            }
        }
        Kind::ShippingOptionExpired | Kind::NotDeliverable => {
            see_other(&Note::DeliveryGone.on(&visit.to(paths::CHECKOUT_DELIVERY)))
        }
        Kind::CartIncomplete => match Till::open(visit).ok().and_then(|till| till.missing_before_payment()) {
            Some(step) => see_other(&visit.to(step)),
            None => see_other(&visit.to(paths::CHECKOUT_CONTACT)),
        },
        Kind::Validation | Kind::PaymentRefused => {
            again(t.error_choose_payment(), Some(Link::new(t.change(), visit.to(paths::CHECKOUT_PAYMENT))))
        }
        _ => return back_to_cart(visit, problem),
    })
}
