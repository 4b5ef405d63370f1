//! Orders as shoppers place, pay, read and cancel them.

use super::body::{line, text};
use super::carts::{CartToken, hold, show};
use super::tags::{tag_of, unless_known};
use crate::auth::order_token;
use crate::extract::{Json, Path};
use crate::gate::{Call, Caller, unauthorized};
use crate::problem::{Faults, Kind, Problem};
use crate::read::orders::{self, OrderView};
use crate::routes::{Route, routes};
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use gearify_commerce::command::{GroupKind, Settled};
use gearify_commerce::intent::{CheckoutIntent, Intent, OrderIntent, PaymentChoice};
use gearify_commerce::orders::{
    BY_CUSTOMER, Command as Orders, JOINED, ORDERS, Order, PaymentStatus, Source,
};
use gearify_commerce::payments::{self, PaymentState};
use gearify_commerce::{CartId, OrderId, ReadScope, version};
use gearify_storage::decode;
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::to_value;
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Orders", Api, Shop;
        Post "/api/v1/orders" place_order: Open, SHOPPER, Write, Json, Required, Origin,
            query(), request(PlaceOrder), 201(OrderView), "Makes an order of a cart and starts its payment";
        Post "/api/v1/orders/{id}/payments" pay_order: OrderHolder, SHOPPER, Write, Json, Required, Origin,
            query(), request(PayOrder), 201(OrderView), "Another try to pay, or a second means";
        Get "/api/v1/orders/{id}" get_order: OrderHolder, SHOPPER, Read, None, None, None,
            query(), request(), 200(OrderView), "The order with its payments and shipments";
        Post "/api/v1/orders/{id}/cancel" cancel_order: OrderHolder, SHOPPER, Write, Json, Accepted, Origin,
            query(), request(CancelOrder), 200(OrderView), "Calls the order off before anything is shipped";
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrder {
    pub cart_id: String,
    /// What the shopper saw; a different total is refused.
    pub expected_total: Option<ExpectedTotal>,
    pub payment: PaymentBody,
    /// Where the provider sends the shopper back to.
    pub return_url: Option<String>,
    pub cancel_url: Option<String>,
    pub note: Option<String>,
    pub terms_version: Option<String>,
}

/// Minor units, alone or with their currency.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ExpectedTotal {
    Amount(i64),
    Money(ExpectedMoney),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectedMoney {
    pub amount: i64,
    pub currency: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentBody {
    /// `test`, `manual`, later `stripe`, `paypal`.
    pub provider: String,
    /// One-time token of the provider. Card numbers never come here.
    pub token: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayOrder {
    pub payment: PaymentBody,
    pub return_url: Option<String>,
    pub cancel_url: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    pub reason: Option<String>,
}

const TOKEN_CHARS_MAX: usize = 500;
const NOTE_CHARS_MAX: usize = 1_000;
const URL_CHARS_MAX: usize = 2_000;

impl PaymentBody {
    fn parse(&self, faults: &mut Faults) -> PaymentChoice {
        if self.provider.is_empty() || self.provider.len() > 32 {
            faults.add("/payment/provider", "is not a way to pay");
        }
        if self.token.as_ref().is_some_and(|token| token.chars().count() > TOKEN_CHARS_MAX) {
            faults.add("/payment/token", format!("must have at most {TOKEN_CHARS_MAX} characters"));
        }
        PaymentChoice { provider: self.provider.clone(), token: self.token.clone() }
    }
}

/// Addresses a provider sends the shopper back to must be of this shop: no open redirects.
fn check_return(call: &Call, faults: &mut Faults, pointer: &str, address: &Option<String>) {
    let Some(address) = text(address) else { return };
    let Ok(shop) = call.shop() else { return };
    let own = url::Url::parse(address).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.host_str() == Some(shop.host.as_str())
    });
    if !own || address.len() > URL_CHARS_MAX {
        faults.add(pointer, "must be an address of this shop");
    }
}

async fn place_order(
    call: Call,
    token: CartToken,
    Json(body): Json<PlaceOrder>,
) -> Result<Response, Problem> {
    let mut faults = Faults::new();
    let cart = faults.take("/cart_id", CartId::parse(&body.cart_id));
    let payment = body.payment.parse(&mut faults);
    check_return(&call, &mut faults, "/return_url", &body.return_url);
    check_return(&call, &mut faults, "/cancel_url", &body.cancel_url);
    if body.note.as_ref().is_some_and(|note| note.chars().count() > NOTE_CHARS_MAX) {
        faults.add("/note", format!("must have at most {NOTE_CHARS_MAX} characters"));
    }
    let terms_version = faults.optional("/terms_version", text(&body.terms_version), line);
    let cart = faults.finish(cart)?;
    let held = hold(&call, cart, token)?;
    let expected_total = expected_total(&body, held.market.currency.as_str())?;
    let wanted = CheckoutIntent::Place {
        cart,
        expected_total,
        payment,
        note: text(&body.note).map(str::to_owned),
        terms_version,
        source: if call.caller().by_cookie() { Source::Web } else { Source::Api },
    };
    place(&call, &held, wanted).await
}

fn expected_total(body: &PlaceOrder, currency: &str) -> Result<Option<i64>, Problem> {
    match &body.expected_total {
        None => Ok(None),
        Some(ExpectedTotal::Amount(amount)) => Ok(Some(*amount)),
        Some(ExpectedTotal::Money(money)) if money.currency == currency => Ok(Some(money.amount)),
        Some(ExpectedTotal::Money(_)) => {
            Err(Problem::invalid("/expected_total/currency", format!("the cart is in {currency}")))
        }
    }
}

/// Places the order and follows its payment until it is decided or the time for it is over.
pub async fn place(
    call: &Call,
    held: &super::carts::Held,
    wanted: CheckoutIntent,
) -> Result<Response, Problem> {
    let scope = format!("order of {}", held.id);
    let reply = match call.submit_scoped(&scope, Intent::Checkout(wanted)).await {
        Ok(reply) => reply,
        Err(problem) if problem.kind() == Kind::TotalChanged => {
            let cart = show(call, held)?;
            return Err(problem.member("cart", to_value(cart).unwrap_or_default()));
        }
        Err(problem) => return Err(problem),
    };
    let id = OrderId::from_bits(reply.id.ok_or_else(|| Problem::internal("placing named no order"))?);
    settled(call, id).await
}

/// Answers when the payment is decided: 201 with the order, or 402 for a decline.
async fn settled(call: &Call, id: OrderId) -> Result<Response, Problem> {
    let shop = call.shop()?;
    let state = call.state();
    if awaits_provider(call, id) {
        state.backend.settle(shop.id(), shop.site(), id, state.settings.settle_timeout).await;
        call.saw(GroupKind::Region);
    }
    let (view, declined) = call
        .read(GroupKind::Region, |region| {
            let Settled { order, payments } = decided(call, region, id)?;
            // Nothing paid, nothing under way: the last word was no.
            let unpaid = order.payment_status() == PaymentStatus::Unpaid;
            let failed = payments.iter().filter(|payment| payment.state == PaymentState::Failed);
            let declined = failed.max_by_key(|payment| payment.updated_at).filter(|_| unpaid).cloned();
            let token = order_token(call.vault(), shop.id(), id);
            let view = orders::view_with(region, call.vault(), &order, &payments, token);
            Some((as_told(call, &order, view), declined))
        })
        .ok_or_else(|| Problem::internal("a placed order can't be read"))?;
    match declined {
        None => Ok((StatusCode::CREATED, Json(view)).into_response()),
        Some(payment) => Err(Problem::new(Kind::PaymentDeclined)
            .member("order_id", view.id.clone())
            .member("order_token", view.order_token.clone())
            .member("decline_code", payment.decline_code)
            .member("order", to_value(view).unwrap_or_default())),
    }
}

/// The order as it was when this request's payment was decided, which is what every replay is answered
/// with; while that is open, as it is now.
fn decided(call: &Call, region: &ReadScope<'_>, id: OrderId) -> Option<Settled> {
    let stored = call.stored_reply(region).and_then(|reply| decode::<Settled>(&reply.record?).ok());
    stored.or_else(|| {
        let order = ORDERS.get(region, &id)?;
        Some(Settled { order, payments: payments::of_order(region, id) })
    })
}

/// Whether a provider's word is awaited. A manual payment waits for days; nobody waits with it.
fn awaits_provider(call: &Call, id: OrderId) -> bool {
    let payments = call.read(GroupKind::Region, |region| payments::of_order(region, id));
    payments.iter().any(|payment| payment.state.is_open() && payment.provider != payments::MANUAL)
}

/// What opens an order without a login.
pub struct OrderToken(Option<String>);

impl<S: Send + Sync> FromRequestParts<S> for OrderToken {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<OrderToken, Problem> {
        let header = parts.headers.get("order-token").and_then(|value| value.to_str().ok());
        Ok(OrderToken(header.map(str::to_owned)))
    }
}

impl OrderToken {
    pub fn new(token: Option<String>) -> OrderToken {
        OrderToken(token)
    }
}

/// The order, if the caller holds its token or is its customer.
///
/// # Errors
/// `unauthorized` without either, `not-found` for one that does not fit.
pub fn hold_order(call: &Call, id: OrderId, OrderToken(token): OrderToken) -> Result<Order, Problem> {
    let order = call.read(GroupKind::Region, |view| ORDERS.get(view, &id));
    let by_token = token
        .as_deref()
        .is_some_and(|token| crate::auth::same_secret(&order_token(call.vault(), call.tenant(), id), token));
    let customer = call.caller().customer();
    let by_login = |order: &Order| customer.is_some() && order.customer == customer;
    match order {
        Some(order) if by_token || by_login(&order) => Ok(order),
        _ if token.is_none() && matches!(call.caller(), Caller::Guest) => Err(unauthorized()),
        _ => Err(Problem::not_found("order")),
    }
}

pub fn show_order(call: &Call, order: &Order) -> OrderView {
    let token = order_token(call.vault(), call.tenant(), order.id);
    let view = call.read(GroupKind::Region, |region| orders::view(region, call.vault(), order, token));
    as_told(call, order, view)
}

/// Whoever holds an order's token need not be who has the account of its address: they are not told that there is one.
fn as_told(call: &Call, order: &Order, mut view: OrderView) -> OrderView {
    let may_know = match call.caller() {
        Caller::Guest => false,
        Caller::Customer { id, .. } => order.customer == Some(*id),
        Caller::Staff(_) | Caller::ApiKey { .. } => true,
    };
    if !may_know {
        view.customer_id = None;
        view.timeline.retain(|entry| entry.what != JOINED);
    }
    view
}

/// The order as it stands now.
pub fn reread(call: &Call, id: OrderId) -> Result<OrderView, Problem> {
    let order = call.read(GroupKind::Region, |view| ORDERS.get(view, &id));
    order.map(|order| show_order(call, &order)).ok_or_else(|| Problem::not_found("order"))
}

async fn get_order(call: Call, Path(id): Path<OrderId>, token: OrderToken) -> Result<Response, Problem> {
    let order = hold_order(&call, id, token)?;
    let view = show_order(&call, &order);
    let tag = tag_of(order.revision, &view)?;
    Ok(unless_known(&call, &tag, Json(view)))
}

async fn pay_order(
    call: Call,
    Path(id): Path<OrderId>,
    token: OrderToken,
    Json(body): Json<PayOrder>,
) -> Result<Response, Problem> {
    hold_order(&call, id, token)?;
    let mut faults = Faults::new();
    let payment = body.payment.parse(&mut faults);
    check_return(&call, &mut faults, "/return_url", &body.return_url);
    check_return(&call, &mut faults, "/cancel_url", &body.cancel_url);
    faults.check()?;
    pay(&call, id, payment).await
}

/// Starts another payment of an order and follows it.
pub async fn pay(call: &Call, id: OrderId, payment: PaymentChoice) -> Result<Response, Problem> {
    let wanted = Intent::Checkout(CheckoutIntent::Pay { order: id, payment });
    call.submit_scoped(&format!("payment of {id}"), wanted).await?;
    settled(call, id).await
}

/// Calls an order off. A reason may name people: the leader seals it, once every node knows how.
pub fn cancelling(call: &Call, order: OrderId, reason: Option<String>) -> Intent {
    if call.follows(GroupKind::Region, version::PAPERS) {
        return Intent::Order(OrderIntent::Cancel { order, reason });
    }
    let reason = reason.unwrap_or_else(|| BY_CUSTOMER.to_owned());
    Orders::Cancel { order, reason }.into()
}

async fn cancel_order(
    call: Call,
    Path(id): Path<OrderId>,
    token: OrderToken,
    Json(body): Json<CancelOrder>,
) -> Result<Json<OrderView>, Problem> {
    hold_order(&call, id, token)?;
    let mut faults = Faults::new();
    let reason = faults.optional("/reason", text(&body.reason), line);
    faults.check()?;
    call.submit_scoped(&format!("order {id}"), cancelling(&call, id, reason)).await?;
    reread(&call, id).map(Json)
}
