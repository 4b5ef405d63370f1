//! Giving money back: what a part is worth, and how refunds follow their payment.
//!
//! A refund of k of n pieces is `allocated(before + k) − allocated(before)`, so that parts always sum
//! to the whole, whatever their order. Lines, shipping and goodwill are separate items; restocking is
//! a choice of its own.

use super::apply::{PARTS_MAX, known, reply, require_room, require_status, write};
use super::command::Event;
use super::error::Refusal;
use super::model::*;
use super::reason::{About, Why};
use crate::cart::StockNeed;
use crate::command::Reply;
use crate::ids::{LineId, OrderId, PaymentId, RefundId};
use crate::intent::{RefundPreview, RefundRequest};
use crate::inventory::Taken;
use crate::money::split;
use crate::scope::{Scope, View};
use crate::version;

/// What the asked-for parts are worth, and which payment gives it.
///
/// # Errors
/// Refuses unknown lines, more pieces than were not yet refunded, and more than was paid.
pub fn preview(
    view: &impl View,
    order: &Order,
    payment: Option<PaymentId>,
    requests: &[RefundRequest],
) -> Result<RefundPreview, Refusal> {
    let mut items = Vec::with_capacity(requests.len());
    for request in requests {
        items.push(worth(order, &items, request)?);
    }
    // More than can be counted is more than was paid in any case.
    let amount = items.iter().map(RefundItem::amount).fold(0, i64::saturating_add);
    if items.is_empty() || amount <= 0 {
        return Err(Refusal::NothingChosen);
    }
    let payments = sources(view, order, payment, amount)?;
    Ok(RefundPreview { payments, items, amount })
}

/// Which payments give the amount: the one that is wanted, else the newest that has enough, else the newest first
/// until it is covered.
fn sources(
    view: &impl View,
    order: &Order,
    wanted: Option<PaymentId>,
    amount: i64,
) -> Result<Vec<(PaymentId, i64)>, Refusal> {
    let mut payments = crate::payments::of_order(view, order.id);
    payments.retain(|payment| wanted.is_none_or(|wanted| payment.id == wanted));
    if payments.is_empty() {
        return Err(Refusal::NoPayment);
    }
    payments.reverse();
    if let Some(whole) = payments.iter().find(|payment| payment.refundable() >= amount) {
        return Ok(vec![(whole.id, amount)]);
    }
    let mut open = amount;
    let mut parts = Vec::new();
    for payment in payments.iter().filter(|payment| payment.refundable() > 0) {
        let part = payment.refundable().min(open);
        open -= part;
        if part > 0 {
            parts.push((payment.id, part));
        }
    }
    if open > 0 { Err(Refusal::MoreThanPaid { refundable: amount - open }) } else { Ok(parts) }
}

fn worth(order: &Order, chosen: &[RefundItem], request: &RefundRequest) -> Result<RefundItem, Refusal> {
    match request {
        RefundRequest::Line { line, quantity, restock } => {
            let known = order.line(*line).ok_or(Refusal::UnknownLine { line: *line })?;
            let before = refunded_pieces(order, *line) + pieces_in(chosen, *line);
            let open = known.quantities.ordered - before.min(known.quantities.ordered);
            if *quantity == 0 {
                return Err(Refusal::NothingChosen);
            }
            if *quantity > open {
                return Err(Refusal::TooMany { line: *line, open });
            }
            let amount = allocated(known, before + quantity) - allocated(known, before);
            Ok(RefundItem::Line { line: *line, quantity: *quantity, amount, restock: *restock })
        }
        RefundRequest::Shipping { amount } => {
            let left = order.shipping.total - refunded_shipping(order, chosen);
            let amount = amount.unwrap_or(left);
            match amount {
                _ if amount <= 0 => Err(Refusal::NotPositive),
                _ if amount > left => Err(Refusal::MoreThanPaid { refundable: left }),
                _ => Ok(RefundItem::Shipping { amount }),
            }
        }
        RefundRequest::Goodwill { amount } if *amount <= 0 => Err(Refusal::NotPositive),
        RefundRequest::Goodwill { amount } => Ok(RefundItem::Goodwill { amount: *amount }),
    }
}

/// The part of a line's total that belongs to its first `pieces` pieces.
fn allocated(line: &Line, pieces: u32) -> i64 {
    let shares = vec![1; line.quantities.ordered as usize];
    let parts = split(line.total, &shares).expect("a line has at least one piece");
    parts.into_iter().take(pieces as usize).sum()
}

fn standing(order: &Order) -> impl Iterator<Item = &RefundItem> {
    order.refunds.iter().filter(|refund| refund.state != RefundState::Failed).flat_map(|refund| &refund.items)
}

fn refunded_pieces(order: &Order, line: LineId) -> u32 {
    standing(order).map(|item| pieces_of(item, line)).sum()
}

fn pieces_in(items: &[RefundItem], line: LineId) -> u32 {
    items.iter().map(|item| pieces_of(item, line)).sum()
}

fn pieces_of(item: &RefundItem, wanted: LineId) -> u32 {
    match item {
        RefundItem::Line { line, quantity, .. } if *line == wanted => *quantity,
        _ => 0,
    }
}

fn refunded_shipping(order: &Order, chosen: &[RefundItem]) -> i64 {
    let shipping = |item: &RefundItem| match item {
        RefundItem::Shipping { amount } => *amount,
        _ => 0,
    };
    standing(order).chain(chosen).map(shipping).sum()
}

pub(super) fn request(
    scope: &mut Scope<'_, '_>,
    id: OrderId,
    revision: u64,
    payments: &[(PaymentId, i64)],
    items: &[RefundItem],
    why: &Why,
) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    if order.revision != revision {
        return Err(Refusal::Stale);
    }
    let refundable =
        [OrderStatus::Confirmed, OrderStatus::Completed, OrderStatus::Cancelled, OrderStatus::Expired];
    require_status(&order, &refundable, "refunded")?;
    require_room(&order, payments.len() * (64 + 24 * items.len()))?;
    if order.refunds.len() + payments.len() > PARTS_MAX {
        return Err(Refusal::Full);
    }
    require_sources(scope, id, payments)?;
    let amount: i64 = items.iter().map(RefundItem::amount).sum();
    if amount != payments.iter().map(|(_, part)| part).sum::<i64>() {
        return Err(Refusal::Stale);
    }
    let (items, restock) = if scope.follows(version::RETURNS) {
        put_back(scope, &mut order, items)
    } else {
        (items.to_vec(), restocked_before(&order, items))
    };
    let mut restock = Some(restock);
    let mut reply = None;
    for (source, part) in payments.iter().zip(dealt(items, payments)) {
        let began = begin(scope, order, *source, part, why, restock.take().unwrap_or_default());
        reply = reply.or(Some(began));
        order = known(scope, id)?;
    }
    reply.ok_or(Refusal::NothingChosen)
}

/// Each payment is one of the order's, named once, and has as much left.
fn require_sources(view: &impl View, id: OrderId, payments: &[(PaymentId, i64)]) -> Result<(), Refusal> {
    let mut seen = std::collections::BTreeSet::new();
    for (payment, amount) in payments {
        let source = crate::payments::PAYMENTS.get(view, payment).filter(|source| source.order == id);
        let refundable = source.filter(|_| seen.insert(*payment)).ok_or(Refusal::NoPayment)?.refundable();
        match *amount {
            amount if amount <= 0 => return Err(Refusal::NotPositive),
            amount if amount > refundable => return Err(Refusal::MoreThanPaid { refundable }),
            _ => {}
        }
    }
    if payments.is_empty() { Err(Refusal::NoPayment) } else { Ok(()) }
}

/// The items that each payment gives back, in order. One that a payment can't pay to its end goes on with the next,
/// where it counts no pieces any more.
fn dealt(items: Vec<RefundItem>, payments: &[(PaymentId, i64)]) -> Vec<Vec<RefundItem>> {
    let mut items: std::collections::VecDeque<RefundItem> = items.into();
    let mut parts = Vec::with_capacity(payments.len());
    for (n, (_, amount)) in payments.iter().enumerate() {
        let is_last = n + 1 == payments.len();
        let (mut left, mut part) = (*amount, Vec::new());
        while (left > 0 || is_last)
            && let Some(item) = items.pop_front()
        {
            if item.amount() <= left || is_last {
                left -= item.amount();
                part.push(item);
            } else {
                let (now, later) = cut(item, left);
                left = 0;
                part.push(now);
                items.push_front(later);
            }
        }
        parts.push(part);
    }
    parts
}

fn cut(item: RefundItem, at: i64) -> (RefundItem, RefundItem) {
    match item {
        RefundItem::Line { line, quantity, amount, restock } => (
            RefundItem::Line { line, quantity, amount: at, restock },
            RefundItem::Line { line, quantity: 0, amount: amount - at, restock: false },
        ),
        RefundItem::Shipping { amount } => {
            (RefundItem::Shipping { amount: at }, RefundItem::Shipping { amount: amount - at })
        }
        RefundItem::Goodwill { amount } => {
            (RefundItem::Goodwill { amount: at }, RefundItem::Goodwill { amount: amount - at })
        }
    }
}

/// Gives back what is not the price of any part: a refund without items. There is always room for it in the record,
/// since an order has few payments.
pub(super) fn give_back(
    scope: &mut Scope<'_, '_>,
    id: OrderId,
    payment: PaymentId,
    amount: i64,
    reason: &str,
) -> Result<Reply, Refusal> {
    let order = known(scope, id)?;
    let source = crate::payments::PAYMENTS.get(scope, &payment).filter(|source| source.order == id);
    let refundable = source.ok_or(Refusal::NoPayment)?.refundable();
    match amount {
        _ if amount <= 0 => Err(Refusal::NotPositive),
        _ if amount > refundable => Err(Refusal::MoreThanPaid { refundable }),
        _ => {
            let why = Why::Words(reason.to_owned());
            Ok(begin(scope, order, (payment, amount), Vec::new(), &why, Vec::new()))
        }
    }
}

fn begin(
    scope: &mut Scope<'_, '_>,
    mut order: Order,
    (payment, amount): (PaymentId, i64),
    items: Vec<RefundItem>,
    why: &Why,
    restock: Vec<Taken>,
) -> Reply {
    let (id, currency, at) = (order.id, order.currency, scope.at());
    let refund = RefundId::from_bits(scope.mint());
    why.keep(scope, id, About::Refund(refund));
    let reason = why.words().unwrap_or_default().to_owned();
    let state = RefundState::Pending;
    order.refunds.push(OrderRefund { id: refund, payment, amount, items, reason, state, at });
    write(scope, order, Some(("refund requested", Some(amount))));
    scope.emit(Event::RefundRequested { order: id, refund, payment, amount, currency, restock });
    Reply { record: Some(refund.bits().to_be_bytes().to_vec()), ..reply(scope, id) }
}

/// Counts what comes back: no more pieces of a line than left and are not back yet, whatever became of the money.
/// The items then say of the others that they do not come back; the pieces go where they left from.
fn put_back(view: &impl View, order: &mut Order, items: &[RefundItem]) -> (Vec<RefundItem>, Vec<Taken>) {
    let (mut told, mut restock) = (Vec::with_capacity(items.len()), Vec::new());
    for item in items {
        let (RefundItem::Line { line: id, quantity, amount, restock: true }, Some(line)) =
            (item, line_of(order, item))
        else {
            told.push(item.clone());
            continue;
        };
        let (id, quantity, amount) = (*id, *quantity, *amount);
        let back_before: u32 = order
            .refunds
            .iter()
            .flat_map(|refund| &refund.items)
            .chain(&told)
            .map(|item| back(item, id))
            .sum();
        let pieces = quantity.min(line.quantities.shipped.saturating_sub(back_before));
        for need in &line.needs {
            let before = need.per_unit * back_before;
            restock.extend(section(sent(view, order, line, need), before, need.per_unit * pieces));
        }
        let refunded = refunded_pieces(order, id) + pieces_in(&told, id);
        let worth = allocated(line, refunded + pieces) - allocated(line, refunded);
        let parts = [(pieces, worth, true), (quantity - pieces, amount - worth, false)];
        let parts = parts.into_iter().filter(|(quantity, ..)| *quantity > 0);
        told.extend(parts.map(|(quantity, amount, restock)| RefundItem::Line {
            line: id,
            quantity,
            amount,
            restock,
        }));
        let line = order.lines.iter_mut().find(|line| line.id == id).expect("it was found above");
        line.quantities.returned += pieces;
    }
    (told, restock)
}

fn line_of<'o>(order: &'o Order, item: &RefundItem) -> Option<&'o Line> {
    match item {
        RefundItem::Line { line, .. } => order.line(*line),
        RefundItem::Shipping { .. } | RefundItem::Goodwill { .. } => None,
    }
}

/// Pieces of a line that an item brings back.
fn back(item: &RefundItem, wanted: LineId) -> u32 {
    match item {
        RefundItem::Line { restock: true, .. } => pieces_of(item, wanted),
        _ => 0,
    }
}

/// What a line's shipments took of a stock item, in the order in which they left.
fn sent(view: &impl View, order: &Order, line: &Line, need: &StockNeed) -> Vec<Taken> {
    let of_shipment = |shipment: &Shipment| match PARCELS.get(view, &(order.id, shipment.id)) {
        Some(Parcel(parts)) => {
            let own = |(id, part): &(LineId, Taken)| *id == line.id && part.item == need.item;
            parts.into_iter().filter(own).map(|(_, part)| part).collect()
        }
        None => {
            let lines = shipment.lines.iter().filter(|(id, _)| *id == line.id);
            let pieces = lines.map(|(_, quantity)| quantity * need.per_unit).sum();
            let from = |warehouse| Taken { item: need.item, warehouse, quantity: pieces };
            shipment.warehouse.map(from).into_iter().collect::<Vec<_>>()
        }
    };
    order.shipments.iter().flat_map(of_shipment).collect()
}

/// The `pieces` that follow the first `skipped` ones.
fn section(parts: Vec<Taken>, mut skipped: u32, mut pieces: u32) -> Vec<Taken> {
    let mut taken = Vec::new();
    for part in parts {
        let passed = skipped.min(part.quantity);
        let quantity = pieces.min(part.quantity - passed);
        skipped -= passed;
        pieces -= quantity;
        if quantity > 0 {
            taken.push(Taken { quantity, ..part });
        }
    }
    taken
}

/// As it was before state version 6, where every refund could bring back all that was ever shipped.
fn restocked_before(order: &Order, items: &[RefundItem]) -> Vec<Taken> {
    let mut restock = Vec::new();
    for item in items {
        let RefundItem::Line { line, quantity, restock: true, .. } = item else { continue };
        let Some(line) = order.line(*line) else { continue };
        let warehouse = order
            .shipments
            .iter()
            .find(|s| s.lines.iter().any(|(id, _)| *id == line.id))
            .and_then(|s| s.warehouse);
        let Some(warehouse) = warehouse else { continue };
        for need in &line.needs {
            restock.push(Taken {
                item: need.item,
                warehouse,
                quantity: need.per_unit * quantity.min(&line.quantities.shipped),
            });
        }
    }
    restock
}

pub(super) fn settle(
    scope: &mut Scope<'_, '_>,
    id: OrderId,
    refund_id: RefundId,
    succeeded: bool,
) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    let currency = order.currency;
    let refund =
        order.refunds.iter_mut().find(|refund| refund.id == refund_id).ok_or(Refusal::NothingChosen)?;
    if refund.state != RefundState::Pending {
        return Err(Refusal::Stale);
    }
    refund.state = if succeeded { RefundState::Succeeded } else { RefundState::Failed };
    let amount = refund.amount;
    let what = if succeeded { "refunded" } else { "refund failed" };
    write(scope, order, Some((what, Some(amount))));
    let event = if succeeded {
        Event::OrderRefunded { order: id, refund: refund_id, amount, currency }
    } else {
        Event::RefundFailed { order: id, refund: refund_id }
    };
    scope.emit(event);
    Ok(reply(scope, id))
}
