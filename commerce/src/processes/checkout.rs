//! Checkout: the hold, and placing an order, each over cart, stock, order and payment in one entry.
//!
//! Invariant: checking and taking stock, the order, its payment attempt and the cart's end are one
//! step. Either all of it happened or none, on every node, whatever crashed when.

use crate::cart::{self, Cart, CartLine, Hold};
use crate::command::{Reply, apply_inner};
use crate::customers::{CUSTOMERS, CUSTOMERS_BY_EMAIL, CustomerRef};
use crate::ids::{CartId, CustomerId, LineId, OrderId};
use crate::inventory::stock::{self, Short, Want};
use crate::inventory::{RESERVATIONS, Taken};
use crate::locale::Locale;
use crate::money::Currency;
use crate::orders::{
    self, Allocation, GUEST_ORDERS, Line, NUMBERS, ORDERS, Order, OrderStatus, PaidSums, Seller,
    ShippingLine, Source, Totals, document,
};
use crate::payments;
use crate::scope::{Count, Present, Scope, View};
use crate::sealed::Sealed;
use crate::version;
use serde::{Deserialize, Serialize};

/// Holds that one delivery address may have at a time.
const HOLDS_PER_ADDRESS_MAX: usize = 5;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Holds the cart's stock, or renews the hold once.
    Reserve {
        cart: CartId,
        hold_ms: i64,
    },
    Place {
        cart: CartId,
        revision: u64,
        draft: Box<Draft>,
    },
    /// Another try, or a second tender, for an order that is not paid.
    Pay {
        order: OrderId,
        payment: PaymentDraft,
    },
    /// As `Pay`, by a way that takes its time: the order waits for it at least so long from now on. Since state
    /// version 6.
    PayWithin {
        order: OrderId,
        payment: PaymentDraft,
        unpaid_ms: i64,
    },
    /// As `Place`, with who sells. Since state version 8.
    PlaceAs {
        cart: CartId,
        revision: u64,
        draft: Box<Draft>,
        seller: Box<Seller>,
    },
}

/// What the leader computed from the cart at its revision, the catalogue and the tenant's settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    pub currency: Currency,
    pub locale: Locale,
    pub tax_included: bool,
    pub rounding: crate::tax::Rounding,
    pub lines: Vec<Line>,
    pub shipping: ShippingLine,
    pub totals: Totals,
    pub number_prefix: String,
    pub number_start: u64,
    pub source: Source,
    pub note: Option<Sealed<String>>,
    pub terms_version: Option<String>,
    pub payment: PaymentDraft,
    pub unpaid_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaymentDraft {
    pub provider: String,
    pub token: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {}

impl Event {
    pub fn name(&self) -> &'static str {
        match *self {}
    }
}

/// A line that can't be had as wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShortLine {
    pub line: LineId,
    pub sku: String,
    pub requested: u32,
    pub available: u32,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Refusal {
    #[error(transparent)]
    Cart(#[from] cart::Refusal),
    #[error(transparent)]
    Payment(#[from] payments::Refusal),
    #[error("not everything is in stock")]
    OutOfStock { lines: Vec<ShortLine> },
    #[error("{what} is missing")]
    Incomplete { what: String },
    #[error("the total is now {total}")]
    TotalChanged { total: i64 },
    #[error("the chosen delivery is no longer offered")]
    RateExpired,
    #[error("we don't deliver there")]
    NotDeliverable,
    #[error("this way to pay is not offered")]
    UnknownProvider { provider: String },
    #[error("the cart changed meanwhile")]
    Stale,
    #[error("the hold was renewed before")]
    HoldRenewed,
    #[error("too many holds for this address")]
    TooManyHolds,
    #[error("there is no order {order}")]
    UnknownOrder { order: OrderId },
    #[error("the order is not waiting for a payment")]
    NothingDue,
    #[error("the cart can't be priced: {why}")]
    Unpriced { why: String },
}

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Reserve { cart, hold_ms } => reserve(scope, *cart, *hold_ms),
        Command::Place { cart, revision, draft } => place(scope, *cart, *revision, draft, None),
        Command::PlaceAs { cart, revision, draft, seller } => {
            place(scope, *cart, *revision, draft, Some(seller))
        }
        Command::Pay { order, payment } => pay(scope, *order, payment),
        Command::PayWithin { order, payment, unpaid_ms } => {
            let reply = pay(scope, *order, payment)?;
            let until = scope.at().plus_millis(*unpaid_ms);
            run(scope, orders::Command::Await { order: *order, until });
            Ok(reply)
        }
    }
}

/// What a cart's lines take from stock.
pub fn wants(lines: &[CartLine]) -> Vec<Want> {
    let of_line = |line: &CartLine| -> Vec<Want> {
        line.stock
            .iter()
            .map(|need| Want {
                item: need.item,
                quantity: need.per_unit.saturating_mul(line.quantity),
                beyond_stock: need.beyond_stock,
            })
            .collect()
    };
    lines.iter().flat_map(of_line).collect()
}

/// Plans the cart's stock, or says which lines fall short.
pub fn plan(view: &impl View, now: crate::Timestamp, cart: &Cart) -> Result<Vec<Taken>, Refusal> {
    let own = RESERVATIONS.get(view, &cart.id);
    let planned = stock::plan(view, now, &wants(&cart.lines), own.as_ref());
    planned.map_err(|short| Refusal::OutOfStock { lines: short_lines(&cart.lines, &short) })
}

fn short_lines(lines: &[CartLine], short: &[Short]) -> Vec<ShortLine> {
    let of_line = |line: &CartLine| {
        let pieces = line.stock.iter().filter_map(|need| {
            let short = short.iter().find(|short| short.item == need.item)?;
            Some(short.available / need.per_unit.max(1))
        });
        let available = pieces.min()?;
        Some(ShortLine { line: line.id, sku: line.sku.clone(), requested: line.quantity, available })
    };
    lines.iter().filter_map(of_line).collect()
}

fn reserve(scope: &mut Scope<'_, '_>, id: CartId, hold_ms: i64) -> Result<Reply, Refusal> {
    let cart = cart::open_cart(scope, id)?;
    let addresses = cart.addresses.as_ref().ok_or_else(|| missing("the delivery address"))?;
    if cart.contact.is_none() {
        return Err(missing("the contact"));
    }
    if cart.lines.is_empty() {
        return Err(missing("a line"));
    }
    let running = cart.hold.as_ref().filter(|hold| hold.expires_at > scope.at());
    if running.is_some_and(|hold| hold.renewed) {
        return Err(Refusal::HoldRenewed);
    }
    let renewed = running.is_some();
    let holds = cart::HOLDS_BY_ADDRESS.list(scope, &addresses.shipping_hash, HOLDS_PER_ADDRESS_MAX);
    if !renewed && holds.len() >= HOLDS_PER_ADDRESS_MAX {
        return Err(Refusal::TooManyHolds);
    }
    let taken = plan(scope, scope.at(), &cart)?;
    let expires_at = scope.at().plus_millis(hold_ms);
    stock::release(scope, id);
    stock::reserve(scope, id, taken, expires_at);
    Ok(cart::set_hold(scope, cart, Hold { expires_at, renewed }))
}

fn missing(what: &str) -> Refusal {
    Refusal::Incomplete { what: what.to_owned() }
}

fn place(
    scope: &mut Scope<'_, '_>,
    id: CartId,
    revision: u64,
    draft: &Draft,
    seller: Option<&Seller>,
) -> Result<Reply, Refusal> {
    let cart = cart::open_cart(scope, id)?;
    if cart.revision != revision {
        return Err(Refusal::Stale);
    }
    require_complete(&cart)?;
    let taken = plan(scope, scope.at(), &cart)?;
    let order_id = OrderId::from_bits(scope.mint());
    let number = NUMBERS.get(scope, &()).unwrap_or_default().0.max(draft.number_start.saturating_sub(1)) + 1;
    let mut order = order_of(scope, order_id, number, &cart, draft, &taken);
    let account = account_of(scope, &order);
    order.customer = order.customer.or(account);
    if orders::stored_bytes(&order) > orders::NEW_ORDER_BYTES_MAX {
        return Err(Refusal::Unpriced { why: "the cart is too large for one order".to_owned() });
    }
    // Everything that could refuse has spoken.
    NUMBERS.put(scope, &(), &Count(number));
    stock::release(scope, id);
    stock::allocate(scope, order_id, &taken);
    let total = order.totals.total;
    if let Some(seller) = seller {
        document::sold_by(scope, order_id, seller);
    }
    run(scope, crate::orders::Command::Place { order: Box::new(order) });
    if account.is_some() {
        GUEST_ORDERS.put(scope, &order_id, &Present);
    }
    cart::mark_ordered(scope, cart, order_id);
    if total == 0 {
        run(scope, crate::orders::Command::Confirm { order: order_id });
    } else {
        run(scope, start(order_id, &draft.payment, total, draft.currency));
    }
    let revision = ORDERS.get(scope, &order_id).map_or(0, |order| order.revision);
    Ok(Reply::about(order_id.bits(), revision))
}

/// The account that a guest's order belongs to from the first: that of its address, if the address was shown to be the
/// customer's. An order placed before that joins when it is shown (`guest_order_joins_account`). Nothing tells the
/// guest: anybody can type an address.
fn account_of(scope: &Scope<'_, '_>, order: &Order) -> Option<CustomerId> {
    if order.customer.is_some() || !scope.follows(version::PAPERS) {
        return None;
    }
    let CustomerRef(id) = CUSTOMERS_BY_EMAIL.get(scope, &order.contact.email_hash)?;
    CUSTOMERS.get(scope, &id).filter(|customer| customer.email_verified).map(|customer| customer.id)
}

/// Commands whose refusals were ruled out by the decision before.
fn run(scope: &mut Scope<'_, '_>, command: impl Into<crate::command::Command>) {
    let result = apply_inner(scope, &command.into());
    assert!(result.is_ok(), "a decided checkout step was refused: {result:?}");
}

fn start(order: OrderId, payment: &PaymentDraft, amount: i64, currency: Currency) -> payments::Command {
    payments::Command::Start {
        order,
        provider: payment.provider.clone(),
        token: payment.token.clone(),
        amount,
        currency,
    }
}

/// Whether the cart has all that an order needs.
pub fn require_complete(cart: &Cart) -> Result<(), Refusal> {
    match () {
        _ if cart.lines.is_empty() => Err(missing("a line")),
        _ if cart.contact.is_none() => Err(missing("the contact")),
        _ if cart.addresses.is_none() => Err(missing("the delivery address")),
        _ if cart.shipping_rate.is_none() => Err(missing("the delivery option")),
        _ => Ok(()),
    }
}

fn order_of(
    scope: &Scope<'_, '_>,
    id: OrderId,
    number: u64,
    cart: &Cart,
    draft: &Draft,
    taken: &[Taken],
) -> Order {
    let contact = cart.contact.clone().expect("a complete cart has a contact");
    let addresses = cart.addresses.clone().expect("a complete cart has addresses");
    let destination = cart.destination.clone().expect("addresses come with a destination");
    let mut lines = draft.lines.clone();
    give_allocations(&cart.lines, &mut lines, taken);
    Order {
        id,
        number: format!("{}{number}", draft.number_prefix),
        revision: 0,
        cart: cart.id,
        customer: cart.customer,
        source: draft.source,
        status: OrderStatus::Placed,
        contact,
        shipping_address: addresses.shipping,
        billing_address: addresses.billing,
        destination,
        locale: draft.locale.clone(),
        currency: draft.currency,
        tax_included: draft.tax_included,
        rounding: draft.rounding,
        lines,
        shipping: draft.shipping.clone(),
        totals: draft.totals,
        paid: PaidSums::default(),
        payments: Vec::new(),
        shipments: Vec::new(),
        refunds: Vec::new(),
        notes: Vec::new(),
        timeline: Vec::new(),
        cancel_reason: None,
        customer_note: draft.note.clone(),
        terms_version: draft.terms_version.clone(),
        placed_at: scope.at(),
        updated_at: scope.at(),
        expires_at: Some(scope.at().plus_millis(draft.unpaid_ms)),
    }
}

/// Deals the planned pieces out to the lines that want them, in order.
fn give_allocations(cart_lines: &[CartLine], lines: &mut [Line], taken: &[Taken]) {
    let mut pool: Vec<Taken> = taken.to_vec();
    for line in lines.iter_mut() {
        let Some(cart_line) = cart_lines.iter().find(|cart_line| cart_line.id == line.id) else { continue };
        for need in &cart_line.stock {
            let mut wanted = need.per_unit * cart_line.quantity;
            for part in pool.iter_mut().filter(|part| part.item == need.item && part.quantity > 0) {
                let pieces = wanted.min(part.quantity);
                if pieces == 0 {
                    break;
                }
                part.quantity -= pieces;
                wanted -= pieces;
                line.allocations.push(Allocation {
                    item: part.item,
                    warehouse: part.warehouse,
                    quantity: pieces,
                });
            }
        }
    }
}

/// Plans an expired order's stock again, for a capture that came late.
pub fn plan_again(
    view: &impl View,
    now: crate::Timestamp,
    order: &Order,
) -> Result<Vec<(LineId, Vec<Taken>)>, Vec<Short>> {
    let want = |line: &Line| -> Vec<Want> {
        let needs = line.needs.iter();
        needs
            .map(|need| Want {
                item: need.item,
                quantity: need.per_unit.saturating_mul(line.quantities.ordered),
                beyond_stock: need.beyond_stock,
            })
            .collect()
    };
    let all: Vec<Want> = order.lines.iter().flat_map(want).collect();
    let mut pool = stock::plan(view, now, &all, None)?;
    let mut dealt = Vec::new();
    for line in &order.lines {
        let mut parts = Vec::new();
        for need in want(line) {
            let mut wanted = need.quantity;
            for part in pool.iter_mut().filter(|part| part.item == need.item && part.quantity > 0) {
                let quantity = wanted.min(part.quantity);
                if quantity > 0 {
                    part.quantity -= quantity;
                    wanted -= quantity;
                    parts.push(Taken { quantity, ..part.clone() });
                }
            }
        }
        dealt.push((line.id, parts));
    }
    Ok(dealt)
}

fn pay(scope: &mut Scope<'_, '_>, id: OrderId, payment: &PaymentDraft) -> Result<Reply, Refusal> {
    let order = ORDERS.get(scope, &id).ok_or(Refusal::UnknownOrder { order: id })?;
    let due = order.amount_due();
    if order.status != OrderStatus::Placed || due == 0 {
        return Err(Refusal::NothingDue);
    }
    let command = start(id, payment, due, order.currency);
    Ok(payments::apply(scope, &command).map(|_| Reply::about(id.bits(), order.revision))?)
}
