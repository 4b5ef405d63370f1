//! Decides and evolves orders. Refunds and shipments have files of their own.

use super::command::{Command, Event};
use super::error::Refusal;
use super::model::*;
use super::reason::{About, Why};
use super::{allocate, document, refund, ship};
use crate::check::RECORD_BYTES_MAX;
use crate::command::Reply;
use crate::ids::{CustomerId, LineId, NoteId, OrderId};
use crate::inventory::Taken;
use crate::processes::schedule::Due;
use crate::scope::{Present, Scope, View};
use crate::time::Timestamp;
use crate::version;

/// Shipments, refunds and notes of one order: keeps the record far under the largest stored value.
pub(super) const PARTS_MAX: usize = 60;

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::Place { order } => Ok(place(scope, (**order).clone())),
        Command::SetPaid { order, paid, note } => set_paid(scope, *order, *paid, note),
        Command::Confirm { order } => confirm(scope, *order),
        Command::Cancel { order, reason } => cancel(scope, *order, &Why::Words(reason.clone())),
        Command::CallOff { order, why } => cancel(scope, *order, why),
        Command::Expire { order } => expire(scope, *order),
        Command::Revive { order, taken } => revive(scope, *order, taken),
        Command::AddNote { order, person, text } => {
            let mut order = known(scope, *order)?;
            require_room(&order, text.stored_bytes())?;
            person.remember(scope);
            let staff = match scope.actor() {
                crate::Actor::Staff(staff) => Some(*staff),
                _ => None,
            };
            let note =
                Note { id: NoteId::from_bits(scope.mint()), staff, text: text.clone(), at: scope.at() };
            order.notes.push(note.clone());
            let id = order.id;
            write(scope, order, None);
            scope.emit(Event::NoteAdded { order: id, note });
            Ok(reply(scope, id))
        }
        Command::Ship { order, lines, carrier, tracking } => {
            ship::ship(scope, *order, lines, carrier, tracking)
        }
        Command::MarkDelivered { order, shipment } => ship::deliver(scope, *order, *shipment),
        Command::Refund { order, revision, payment, items, reason } => {
            let amount = items.iter().map(RefundItem::amount).sum();
            let why = Why::Words(reason.clone());
            refund::request(scope, *order, *revision, &[(*payment, amount)], items, &why)
        }
        Command::RefundFor { why, .. } if why.is_too_long() => Err(Refusal::TooLong),
        Command::RefundFor { order, revision, payments, items, why } => {
            refund::request(scope, *order, *revision, payments, items, why)
        }
        Command::SettleRefund { order, refund, succeeded } => {
            refund::settle(scope, *order, *refund, *succeeded)
        }
        Command::Join { order, customer } => join(scope, *order, *customer),
        Command::Erase { order } => erase(scope, *order),
        Command::GiveBack { order, payment, amount, reason } => {
            refund::give_back(scope, *order, *payment, *amount, reason)
        }
        Command::Await { order, until } => wait(scope, *order, *until),
        Command::Reallocate { order, line, from, to } => {
            allocate::reallocate(scope, *order, *line, *from, *to)
        }
        Command::IssueInvoice { order } => document::issue_invoice(scope, *order),
        Command::IssueCreditNote { order, refund } => document::issue_credit_note(scope, *order, *refund),
    }
}

pub(super) fn known(view: &impl View, order: OrderId) -> Result<Order, Refusal> {
    ORDERS.get(view, &order).ok_or(Refusal::UnknownOrder { order })
}

/// Room that every order keeps for what must always be possible: its timeline, and coming to an end.
const ROOM_BYTES: usize = 8 * 1024;

/// What a new order may take, so that it can be shipped and given back in parts afterwards.
pub const NEW_ORDER_BYTES_MAX: usize = RECORD_BYTES_MAX / 2;

/// Bytes of the stored record.
pub fn stored_bytes(order: &Order) -> usize {
    gearify_storage::encode(order).len()
}

/// Refuses another part of `bytes` when the record would no longer fit its place.
pub(super) fn require_room(order: &Order, bytes: usize) -> Result<(), Refusal> {
    let counts = [order.notes.len(), order.shipments.len(), order.refunds.len()];
    let full = counts.iter().any(|&parts| parts >= PARTS_MAX);
    if full || stored_bytes(order) + bytes + ROOM_BYTES > RECORD_BYTES_MAX {
        Err(Refusal::Full)
    } else {
        Ok(())
    }
}

pub(super) fn require_status(order: &Order, allowed: &[OrderStatus], wanted: &str) -> Result<(), Refusal> {
    if allowed.contains(&order.status) {
        return Ok(());
    }
    Err(Refusal::WrongStatus { status: order.status.as_str().to_owned(), wanted: wanted.to_owned() })
}

/// Stores an order with its next revision and what happened, for the timeline; returns it as stored.
pub(super) fn write(
    scope: &mut Scope<'_, '_>,
    mut order: Order,
    happened: Option<(&str, Option<i64>)>,
) -> Order {
    order.revision += 1;
    order.updated_at = scope.at();
    if let Some((what, amount)) = happened {
        let actor = match scope.follows(version::PAPERS) {
            true => scope.actor().to_string(),
            false => scope.actor().kind().to_owned(),
        };
        order.timeline.push(TimelineEntry { at: scope.at(), actor, what: what.to_owned(), amount });
        let extra = order.timeline.len().saturating_sub(TIMELINE_MAX);
        order.timeline.drain(..extra);
    }
    assert_sums(&order);
    ORDERS.put(scope, &order.id.clone(), &order);
    order
}

pub(super) fn reply(view: &impl View, order: OrderId) -> Reply {
    let revision = ORDERS.get(view, &order).map_or(0, |order| order.revision);
    Reply::about(order.bits(), revision)
}

/// The invariant of every stored order: its totals are the sums of its lines.
fn assert_sums(order: &Order) {
    for line in &order.lines {
        let quantities = line.quantities;
        assert_eq!(
            line.subtotal,
            line.unit_price * i64::from(quantities.ordered),
            "a line's subtotal is its price times its pieces"
        );
        assert_eq!(
            line.tax,
            line.tax_lines.iter().map(|tax| tax.amount).sum::<i64>(),
            "a line's tax is the sum of its tax lines"
        );
        assert!(
            quantities.cancelled + quantities.shipped <= quantities.ordered,
            "no more leaves than was ordered"
        );
        assert!(quantities.delivered <= quantities.shipped, "no more arrives than left");
        assert!(quantities.returned <= quantities.shipped, "no more comes back than left");
    }
    let totals = Totals::of(order.currency, order.tax_included, &order.lines, &order.shipping);
    assert_eq!(totals.as_ref(), Ok(&order.totals), "an order's totals are the sums of its lines");
}

fn place(scope: &mut Scope<'_, '_>, order: Order) -> Reply {
    let id = order.id;
    ORDERS_BY_NUMBER.put(scope, order.number.as_str(), &OrderRef(id));
    ORDERS_BY_EMAIL.put(scope, &(order.contact.email_hash, id), &OrderRef(id));
    if let Some(customer) = order.customer {
        ORDERS_BY_CUSTOMER.put(scope, &(customer, id), &OrderRef(id));
    }
    if let Some(expires_at) = order.expires_at {
        scope.schedule(expires_at, &Due::Order(id));
    }
    let total = order.totals.total;
    let order = write(scope, order, Some(("placed", Some(total))));
    let reply = Reply::about(id.bits(), order.revision);
    scope.emit(Event::OrderPlaced { order: Box::new(order) });
    reply
}

fn set_paid(scope: &mut Scope<'_, '_>, id: OrderId, paid: PaidSums, note: &str) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    if order.paid == paid {
        return Ok(reply(scope, id));
    }
    let before = status_of(scope, &order);
    let amount = paid.captured - order.paid.captured;
    order.paid = paid;
    order.payments = crate::payments::of_order(scope, id).iter().map(|payment| payment.id).collect();
    let status = status_of(scope, &order);
    // Told by a process, but done by whoever moved the money or saw it move.
    let by = match scope.follows(version::PAPERS) {
        true => scope.origin().clone(),
        false => scope.actor().clone(),
    };
    let happened = Some((note, (amount != 0).then_some(amount)));
    scope.acting_as(by, |scope| write(scope, order, happened));
    if status != before {
        scope.emit(Event::PaymentStatusChanged { order: id, status, paid });
    }
    Ok(reply(scope, id))
}

/// The payment's status as the rules that the group follows have it.
fn status_of(scope: &Scope<'_, '_>, order: &Order) -> PaymentStatus {
    let PaidSums { captured, refunded, .. } = order.paid;
    match () {
        _ if scope.follows(version::RETURNS) || refunded == 0 => order.payment_status(),
        _ if refunded >= captured => PaymentStatus::Refunded,
        _ => PaymentStatus::PartiallyRefunded,
    }
}

fn confirm(scope: &mut Scope<'_, '_>, id: OrderId) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    require_status(&order, &[OrderStatus::Placed], "confirmed")?;
    order.status = OrderStatus::Confirmed;
    unplan_expiry(scope, &mut order);
    write(scope, order, Some(("confirmed", None)));
    scope.emit(Event::OrderConfirmed { order: id });
    Ok(reply(scope, id))
}

fn cancel(scope: &mut Scope<'_, '_>, id: OrderId, why: &Why) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    require_status(&order, &[OrderStatus::Placed, OrderStatus::Confirmed], "cancelled")?;
    if !order.may_cancel() {
        return Err(Refusal::WrongStatus {
            status: "partly shipped".to_owned(),
            wanted: "cancelled".to_owned(),
        });
    }
    if why.is_too_long() {
        return Err(Refusal::TooLong);
    }
    order.status = OrderStatus::Cancelled;
    let reason = why.words().map(str::to_owned);
    order.cancel_reason = reason.clone();
    let taken = give_up_stock(&mut order);
    unplan_expiry(scope, &mut order);
    why.keep(scope, id, About::Cancelling);
    write(scope, order, Some(("cancelled", None)));
    let revision = reply(scope, id).revision;
    let reason = reason.unwrap_or_default();
    scope.emit(Event::OrderCancelled { order: id, reason, taken, revision });
    Ok(reply(scope, id))
}

fn expire(scope: &mut Scope<'_, '_>, id: OrderId) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    require_status(&order, &[OrderStatus::Placed], "expired")?;
    if order.expires_at.is_none_or(|expires_at| expires_at > scope.at()) {
        return Err(Refusal::WrongStatus {
            status: order.status.as_str().to_owned(),
            wanted: "expired".to_owned(),
        });
    }
    order.status = OrderStatus::Expired;
    let taken = give_up_stock(&mut order);
    order.expires_at = None;
    write(scope, order, Some(("expired", None)));
    let revision = reply(scope, id).revision;
    scope.emit(Event::OrderExpired { order: id, taken, revision });
    Ok(reply(scope, id))
}

fn wait(scope: &mut Scope<'_, '_>, id: OrderId, until: Timestamp) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    require_status(&order, &[OrderStatus::Placed], "awaited")?;
    if order.expires_at.is_some_and(|expires_at| expires_at < until) {
        unplan_expiry(scope, &mut order);
        order.expires_at = Some(until);
        scope.schedule(until, &Due::Order(id));
        write(scope, order, None);
    }
    Ok(reply(scope, id))
}

fn revive(scope: &mut Scope<'_, '_>, id: OrderId, taken: &[(LineId, Vec<Taken>)]) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    require_status(&order, &[OrderStatus::Expired], "revived")?;
    order.status = OrderStatus::Confirmed;
    for line in &mut order.lines {
        line.quantities.cancelled = 0;
        let parts = taken.iter().filter(|(taken_for, _)| *taken_for == line.id).flat_map(|(_, parts)| parts);
        line.allocations = parts.map(Allocation::from).collect();
    }
    write(scope, order, Some(("paid late, stock taken again", None)));
    scope.emit(Event::OrderRevived { order: id });
    scope.emit(Event::OrderConfirmed { order: id });
    Ok(reply(scope, id))
}

/// Takes every allocation off the lines and counts their pieces as cancelled.
fn give_up_stock(order: &mut Order) -> Vec<Taken> {
    let mut taken = Vec::new();
    for line in &mut order.lines {
        line.quantities.cancelled = line.quantities.ordered - line.quantities.shipped;
        taken.extend(line.allocations.drain(..).map(|allocation| Taken::from(&allocation)));
    }
    taken
}

fn unplan_expiry(scope: &mut Scope<'_, '_>, order: &mut Order) {
    if let Some(expires_at) = order.expires_at.take() {
        scope.unschedule(expires_at, &Due::Order(order.id));
    }
}

fn join(scope: &mut Scope<'_, '_>, id: OrderId, customer: CustomerId) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    if order.customer.is_some() {
        return Err(Refusal::Stale);
    }
    order.customer = Some(customer);
    ORDERS_BY_CUSTOMER.put(scope, &(customer, id), &OrderRef(id));
    if scope.follows(version::PAPERS) {
        GUEST_ORDERS.put(scope, &id, &Present);
    }
    write(scope, order, Some((JOINED, None)));
    scope.emit(Event::Joined { order: id, customer });
    Ok(reply(scope, id))
}

/// Whether an order came to nothing: it is over, no money was taken, and none can come any more. Nothing
/// obliges the shop to keep whom it was for.
pub fn came_to_nothing(view: &impl View, order: &Order) -> bool {
    let over = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Expired);
    let waits = |payment: &crate::payments::Payment| payment.state.is_open() || payment.captured > 0;
    over && order.paid.captured == 0 && !crate::payments::of_order(view, order.id).iter().any(waits)
}

fn erase(scope: &mut Scope<'_, '_>, id: OrderId) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    if !came_to_nothing(scope, &order) {
        return Err(Refusal::WrongStatus {
            status: order.status.as_str().to_owned(),
            wanted: "erased".to_owned(),
        });
    }
    ORDERS_BY_EMAIL.delete(scope, &(order.contact.email_hash, id));
    order.contact.email_hash = NO_HASH;
    crate::sealed::erase(scope, order.contact.sealed.person());
    crate::sealed::erase(scope, order.shipping_address.person());
    write(scope, order, Some(("personal data erased", None)));
    scope.emit(Event::OrderErased { order: id });
    Ok(reply(scope, id))
}
