//! An order after it was placed: its page, another try to pay, calling it off, finding it again.

use super::answer::{private_page, see_other};
use super::checkout::{key_of, means_of, methods, settle};
use super::convert::{amount, moment, page_label};
use super::jar::{remember_order, token_of};
use super::notes::{Note, notice};
use super::paper;
use super::till::{component_of, goods, totals_of};
use super::typed::{Typed, address_lines};
use super::view::cart::CartLine;
use super::view::order::{
    OrderHeadline, OrderLookUpPage, OrderPage, Parcel, PaymentRecord, PaymentRetry, Transfer,
};
use super::view::parts::{Field, FieldKind, Link, StepState, TimelineStep};
use super::view::paths;
use super::visit::Visit;
use crate::api::orders::{OrderToken, cancelling, hold_order};
use crate::auth::{order_token, same_secret};
use crate::extract::Form;
use crate::l10n::Text;
use crate::problem::{Kind, Problem};
use crate::read::orders::{ComponentView, TaxLineView, TotalsView};
use axum::response::Response;
use gearify_commerce::cart::{Address, Contact};
use gearify_commerce::command::GroupKind;
use gearify_commerce::intent::{CheckoutIntent, Intent, PaymentChoice};
use gearify_commerce::orders::{
    FulfillmentStatus, Line, ORDERS, ORDERS_BY_NUMBER, Order, OrderStatus, PaymentStatus, RefundState,
    Shipment, ShipmentState, was_placed_by_a_guest,
};
use gearify_commerce::payments::{self, MANUAL, Payment, PaymentState};
use gearify_commerce::sealed::{normal_email, open};
use gearify_commerce::tenants::{self, PageKind};
use gearify_commerce::time::MINUTE_MS;
use gearify_commerce::{OrderId, ReadScope, Timestamp, ids};
use http::{StatusCode, header};

/// `GET /orders/{id}`
pub async fn show_order(visit: Visit) -> Result<Response, Problem> {
    let id = OrderId::parse(visit.segment()).map_err(|_| Problem::not_found("order"))?;
    if let Some(token) = visit.parameter("token") {
        return open_by_link(&visit, id, token);
    }
    let order = match hold_or_look_up(&visit, id)? {
        Ok(order) => order,
        Err(elsewhere) => return Ok(elsewhere),
    };
    let page = page(&visit, &order);
    Ok(private_page(&visit, &page, notice(&visit), StatusCode::OK))
}

/// The link of a mail: the browser remembers the token, the address forgets it.
fn open_by_link(visit: &Visit, id: OrderId, token: &str) -> Result<Response, Problem> {
    if !same_secret(&order_token(visit.call.vault(), visit.shop.id(), id), token) {
        return Err(Problem::not_found("order"));
    }
    let mut response = see_other(&visit.to(&paths::order(&id.to_string())));
    response.headers_mut().append(header::SET_COOKIE, remember_order(visit, id));
    Ok(response)
}

/// The order, or where it can be looked for if nothing here opens it.
pub fn hold_or_look_up(visit: &Visit, id: OrderId) -> Result<Result<Order, Response>, Problem> {
    match hold(visit, id) {
        Ok(order) => Ok(Ok(order)),
        Err(problem) if problem.kind() == Kind::Unauthorized => {
            Ok(Err(see_other(&visit.to(paths::ORDER_LOOK_UP))))
        }
        Err(problem) => Err(problem),
    }
}

fn hold(visit: &Visit, id: OrderId) -> Result<Order, Problem> {
    hold_order(&visit.call, id, OrderToken::new(token_of(visit, id)))
}

/// So long after placing the page says thanks; later it tells where the order is.
const THANKS_MS: i64 = 30 * MINUTE_MS;

fn page(visit: &Visit, order: &Order) -> OrderPage {
    let t = visit.text();
    let settings = visit.settings();
    let payments = visit.call.read(GroupKind::Region, |view| payments::of_order(view, order.id));
    let headline = headline(visit, order, &payments);
    let (contact, shipping, billing) = visit.call.read(GroupKind::Region, |view| opened(visit, view, order));
    let taxes = order.lines.iter().flat_map(|line| &line.tax_lines).chain(&order.shipping.tax_lines);
    let taxes = TaxLineView::merged(taxes, order.currency);
    let totals = TotalsView::of(&order.totals, taxes, false, order.amount_due());
    let lines = |address: Option<Address>| address.map(|address| address_lines(&address, visit));
    OrderPage {
        id: order.id.to_string(),
        number: order.number.clone(),
        placed_at: moment(order.placed_at, settings),
        headline,
        timeline: timeline(visit, order, &payments),
        payments: records(visit, order, &payments),
        retry: retry(visit, order, &payments, headline),
        transfer: transfer(visit, order, headline),
        parcels: parcels(order, t),
        lines: visit.call.read(GroupKind::Catalogue, |view| {
            order.lines.iter().map(|line| line_of(view, visit, order, line)).collect()
        }),
        totals: totals_of(&totals, order.currency, true),
        contact: contact.map(|contact| contact.email).unwrap_or_default(),
        delivery_address: lines(shipping).unwrap_or_default(),
        billing_address: lines(billing),
        shipping: order.shipping.name.clone(),
        can_cancel: order.may_cancel(),
        documents: documents(visit, order),
        register_href: None,
        in_account: order.customer.is_some() && order.customer == visit.call.caller().customer(),
    }
}

fn documents(visit: &Visit, order: &Order) -> Vec<Link> {
    let id = order.id.to_string();
    let link =
        |(number, title): (String, String)| Link::new(title, visit.to(&paths::order_document(&id, &number)));
    paper::titles(&visit.call, order, visit.text()).into_iter().map(link).collect()
}

fn opened(
    visit: &Visit,
    view: &ReadScope<'_>,
    order: &Order,
) -> (Option<Contact>, Option<Address>, Option<Address>) {
    let vault = visit.call.vault();
    let billing = order.billing_address.as_ref().and_then(|address| open(view, vault, address).ok());
    (open(view, vault, &order.contact.sealed).ok(), open(view, vault, &order.shipping_address).ok(), billing)
}

fn headline(visit: &Visit, order: &Order, payments: &[Payment]) -> OrderHeadline {
    let newest = payments.last();
    match (order.status, order.fulfillment_status()) {
        (OrderStatus::Cancelled, _) => OrderHeadline::Cancelled,
        (OrderStatus::Expired, _) => OrderHeadline::Expired,
        (_, FulfillmentStatus::Delivered) => OrderHeadline::Delivered,
        (_, FulfillmentStatus::Fulfilled | FulfillmentStatus::Partial) => OrderHeadline::Shipped,
        (OrderStatus::Placed, _) => match newest {
            Some(payment) if payment.state.is_open() && payment.provider == MANUAL => {
                OrderHeadline::AwaitingManualPayment
            }
            Some(payment) if payment.state.is_open() => OrderHeadline::PaymentPending,
            _ => OrderHeadline::PaymentFailed {
                held_until: order.expires_at.map(|at| moment(at, visit.settings())),
            },
        },
        (OrderStatus::Confirmed | OrderStatus::Completed, _) => {
            let fresh = visit.call.now().millis_since(order.placed_at) < THANKS_MS;
            if fresh { OrderHeadline::Thanks } else { OrderHeadline::InProgress }
        }
    }
}

/// Placed, paid, made ready, on its way, arrived; or where it ended instead.
fn timeline(visit: &Visit, order: &Order, payments: &[Payment]) -> Vec<TimelineStep> {
    let t = visit.text();
    let settings = visit.settings();
    let step = |label: &str, at, done: bool| TimelineStep {
        label: label.to_owned(),
        at,
        state: if done { StepState::Done } else { StepState::Ahead },
        note: None,
    };
    let mut steps = vec![step(t.step_placed(), Some(moment(order.placed_at, settings)), true)];
    let ended = match order.status {
        OrderStatus::Cancelled => Some(t.step_cancelled()),
        OrderStatus::Expired => Some(t.step_expired()),
        _ => None,
    };
    if let Some(label) = ended {
        let at = Some(moment(order.updated_at, settings));
        steps.push(TimelineStep { state: StepState::Stopped, ..step(label, at, false) });
        return steps;
    }
    let paid = matches!(
        order.payment_status(),
        PaymentStatus::Paid | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded
    );
    let fulfillment = order.fulfillment_status();
    let sent = matches!(fulfillment, FulfillmentStatus::Fulfilled | FulfillmentStatus::Delivered);
    let arrived = fulfillment == FulfillmentStatus::Delivered;
    let captured = payments.iter().filter(|payment| payment.captured > 0);
    let last_paid = captured.map(|payment| payment.updated_at).max();
    let last_sent = order.shipments.iter().map(|shipment| shipment.created_at).max();
    let last_change = order.shipments.iter().map(|shipment| shipment.updated_at).max();
    let at = |at: Option<Timestamp>, done: bool| at.filter(|_| done).map(|at| moment(at, settings));
    steps.push(step(if paid { t.step_paid() } else { t.step_payment() }, at(last_paid, paid), paid));
    steps.push(step(t.step_ready(), None, sent));
    steps.push(step(t.step_sent(), at(last_sent, sent), arrived));
    steps.push(step(t.step_arrived(), at(last_change, arrived), arrived));
    // A step is the current one while it lasts: nothing is on its way before it has left.
    if let Some(next) = steps.iter_mut().find(|step| step.state == StepState::Ahead) {
        next.state = StepState::Current;
    }
    steps
}

fn records(visit: &Visit, order: &Order, payments: &[Payment]) -> Vec<PaymentRecord> {
    let t = visit.text();
    let settings = visit.settings();
    let paid = payments.iter().map(|payment| PaymentRecord {
        method: method_name(&payment.provider, t).to_owned(),
        status: payment_words(payment, t),
        amount: amount(payment.amount, payment.currency),
        at: Some(moment(payment.updated_at, settings)),
        failed: matches!(payment.state, PaymentState::Failed | PaymentState::Voided),
    });
    let refunded = order.refunds.iter().map(|refund| PaymentRecord {
        method: t.payment_refund().to_owned(),
        status: match refund.state {
            RefundState::Pending => t.refund_pending(),
            RefundState::Succeeded => t.refund_done(),
            RefundState::Failed => t.refund_failed(),
        }
        .to_owned(),
        amount: amount(-refund.amount, order.currency),
        at: Some(moment(refund.at, settings)),
        failed: refund.state == RefundState::Failed,
    });
    paid.chain(refunded).collect()
}

fn method_name(provider: &str, t: Text) -> &'static str {
    match provider {
        MANUAL => t.pay_manual(),
        "test" => t.pay_test(),
        "paypal" => "PayPal",
        _ => t.pay_card(),
    }
}

fn payment_words(payment: &Payment, t: Text) -> String {
    match payment.state {
        PaymentState::Pending if payment.provider == MANUAL => t.payment_awaited().to_owned(),
        PaymentState::Pending | PaymentState::Authorised => t.payment_pending().to_owned(),
        PaymentState::PartiallyCaptured | PaymentState::Captured => t.payment_paid().to_owned(),
        PaymentState::Voided => t.payment_voided().to_owned(),
        PaymentState::Failed => decline_words(payment.decline_code.as_deref(), t).to_owned(),
    }
}

/// Why a payment failed and what to do about it; codes are those of the providers.
fn decline_words(code: Option<&str>, t: Text) -> &'static str {
    match code {
        Some("insufficient_funds") => t.decline_funds(),
        Some("expired_card") => t.decline_expired(),
        Some("timeout" | "unavailable" | "provider_unavailable") => t.decline_unreachable(),
        _ => t.decline_other(),
    }
}

fn retry(
    visit: &Visit,
    order: &Order,
    payments: &[Payment],
    headline: OrderHeadline,
) -> Option<PaymentRetry> {
    matches!(headline, OrderHeadline::PaymentFailed { .. }).then(|| PaymentRetry {
        reason: decline_words(
            payments.last().and_then(|payment| payment.decline_code.as_deref()),
            visit.text(),
        )
        .to_owned(),
        amount: amount(order.amount_due(), order.currency),
        methods: methods(visit, None),
        idempotency_key: ids::encode_base32(rand::random()),
    })
}

fn transfer(visit: &Visit, order: &Order, headline: OrderHeadline) -> Option<Transfer> {
    let tenant = &visit.shop.tenant;
    let kind = PageKind::Contact;
    let told = visit.call.read(GroupKind::World, |view| tenants::page(view, kind).is_some());
    (headline == OrderHeadline::AwaitingManualPayment).then(|| Transfer {
        payee: match &tenant.legal.value {
            Some(legal) => legal.name.to_string(),
            None => tenant.profile.value.name.to_string(),
        },
        amount: amount(order.amount_due(), order.currency),
        reference: order.number.clone(),
        account: told.then(|| {
            let address = visit.to(&format!("/pages/{}", kind.as_str()));
            Link::new(page_label(kind, visit.text()), address)
        }),
    })
}

fn parcels(order: &Order, t: Text) -> Vec<Parcel> {
    let all = order.shipments.len();
    let parcel = |(place, shipment): (usize, &Shipment)| Parcel {
        title: t.parcel(place + 1, all),
        status: match shipment.state {
            ShipmentState::Packed => t.parcel_packed(),
            ShipmentState::Shipped => t.parcel_sent(),
            ShipmentState::Delivered => t.parcel_arrived(),
            ShipmentState::Lost => t.parcel_lost(),
        }
        .to_owned(),
        carrier: shipment.carrier.clone().unwrap_or_default(),
        tracking_number: shipment.tracking.clone().unwrap_or_default(),
        tracking_href: None,
        contents: shipment
            .lines
            .iter()
            .filter_map(|(line, quantity)| Some(format!("{quantity} × {}", order.line(*line)?.name)))
            .collect(),
    };
    order.shipments.iter().enumerate().map(parcel).collect()
}

fn line_of(catalogue: &ReadScope<'_>, visit: &Visit, order: &Order, line: &Line) -> CartLine {
    let goods = goods(catalogue, visit, &line.product.to_string(), &line.variant.to_string());
    let components = ComponentView::all(&line.components, order.currency);
    let unit_price = amount(line.unit_price, order.currency);
    let cancelled = line.quantities.cancelled;
    let returned = line.quantities.returned;
    let mut notices = Vec::new();
    if cancelled > 0 {
        notices.push(visit.text().pieces_cancelled(u64::from(cancelled)));
    }
    if returned > 0 {
        notices.push(visit.text().pieces_returned(u64::from(returned)));
    }
    CartLine {
        id: line.id.to_string(),
        name: line.name.clone(),
        href: goods.href,
        picture: goods.picture,
        options: line.options.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(" · "),
        sku: line.sku.clone(),
        quantity: line.quantities.ordered,
        quantity_max: line.quantities.ordered,
        unit_price,
        list_price: Some(amount(line.list_price, order.currency))
            .filter(|list| list.minor > unit_price.minor),
        total: amount(line.total, order.currency),
        components: components
            .iter()
            .map(|component| component_of(visit, component, order.currency))
            .collect(),
        notices,
        error: None,
    }
}

/// The order that the path names, for whoever may act on it.
fn held_order(visit: &Visit) -> Result<Order, Problem> {
    hold(visit, OrderId::parse(visit.segment()).map_err(|_| Problem::not_found("order"))?)
}

fn order_path(visit: &Visit, id: OrderId) -> String {
    visit.to(&paths::order(&id.to_string()))
}

/// `POST /orders/{id}/payments`
pub async fn pay_again(visit: Visit, form: Form) -> Result<Response, Problem> {
    let order = held_order(&visit)?;
    let typed = Typed::of(form);
    let path = order_path(&visit, order.id);
    let Some(means) = means_of(&visit, &typed) else { return Ok(see_other(&path)) };
    if let Some(key) = key_of(&typed) {
        visit.call.adopt_key(key);
    }
    let payment = PaymentChoice { provider: means.provider, token: means.token };
    let wanted = Intent::Checkout(CheckoutIntent::Pay { order: order.id, payment });
    match visit.call.submit_scoped(&format!("payment of {}", order.id), wanted).await {
        Ok(_) => {
            settle(&visit, order.id).await;
            Ok(see_other(&path))
        }
        // Paid meanwhile, lapsed, or a try is under way: the page says which.
        Err(problem) if matches!(problem.kind(), Kind::PaymentRefused | Kind::KeyReused) => {
            Ok(see_other(&Note::PaymentRunning.on(&path)))
        }
        Err(problem) => Err(problem),
    }
}

/// `POST /orders/{id}/cancel`
pub async fn cancel_order(visit: Visit, _: Form) -> Result<Response, Problem> {
    let order = held_order(&visit)?;
    let path = order_path(&visit, order.id);
    let wanted = cancelling(&visit.call, order.id, None);
    match visit.call.submit_scoped(&format!("order {}", order.id), wanted).await {
        Ok(_) => Ok(see_other(&Note::OrderCancelled.on(&path))),
        Err(problem) if problem.kind() == Kind::NotCancellable => {
            Ok(see_other(&Note::TooLateToCancel.on(&path)))
        }
        Err(problem) => Err(problem),
    }
}

/// `GET /orders/look-up`
pub async fn show_look_up(visit: Visit) -> Result<Response, Problem> {
    Ok(look_up_page(&visit, "", "", None, StatusCode::OK))
}

fn look_up_page(
    visit: &Visit,
    number: &str,
    email: &str,
    error: Option<&str>,
    status: StatusCode,
) -> Response {
    let t = visit.text();
    let page = OrderLookUpPage {
        fields: vec![
            Field::new(FieldKind::Text, "number", t.order_number()).value(number).max_length(40),
            Field::new(FieldKind::Email, "email", t.email())
                .value(email)
                .autocomplete("email")
                .max_length(254),
        ],
        error: error.map(str::to_owned),
    };
    private_page(visit, &page, notice(visit), status)
}

/// `POST /orders/look-up`: the answer is the same whatever did not fit.
pub async fn look_up_order(visit: Visit, form: Form) -> Result<Response, Problem> {
    let typed = Typed::of(form);
    let number = typed.text("number").trim().trim_start_matches('#').to_ascii_uppercase();
    let email = typed.text("email");
    match guest_order(&visit, &number, email) {
        Some(order) => {
            let mut response = see_other(&order_path(&visit, order));
            response.headers_mut().append(header::SET_COOKIE, remember_order(&visit, order));
            Ok(response)
        }
        None => {
            let error = visit.text().look_up_failed();
            let number = typed.text("number");
            Ok(look_up_page(&visit, number, email, Some(error), StatusCode::UNPROCESSABLE_ENTITY))
        }
    }
}

/// The guest's order with this number, if this address ordered it, whether or not there is an account of it. What was
/// ordered in an account is seen by signing in.
fn guest_order(visit: &Visit, number: &str, email: &str) -> Option<OrderId> {
    let hash = visit.call.vault().hash(visit.shop.id(), "email", normal_email(email).as_bytes());
    visit.call.read(GroupKind::Region, |view| {
        let found = ORDERS_BY_NUMBER.get(view, number)?.0;
        let order = ORDERS.get(view, &found)?;
        (was_placed_by_a_guest(view, &order) && order.contact.email_hash == hash).then_some(order.id)
    })
}
