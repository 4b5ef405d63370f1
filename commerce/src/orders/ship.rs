//! Shipping an order, whole or in parts.

use super::apply::{known, reply, require_room, require_status, write};
use super::command::Event;
use super::error::Refusal;
use super::model::*;
use crate::command::Reply;
use crate::ids::{LineId, OrderId, ShipmentId};
use crate::inventory::{self, Taken};
use crate::scope::{Scope, View};
use crate::version;

pub(super) fn ship(
    scope: &mut Scope<'_, '_>,
    id: OrderId,
    lines: &[(LineId, u32)],
    carrier: &Option<String>,
    tracking: &Option<String>,
) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    require_status(&order, &[OrderStatus::Confirmed], "shipped")?;
    require_room(&order, 64 + 24 * order.lines.len())?;
    let lines = choose(&order, lines)?;
    let taken = parts_of(scope, &order, &lines)?;
    for (line_id, quantity) in &lines {
        let line =
            order.lines.iter_mut().find(|line| line.id == *line_id).expect("chosen lines are of this order");
        line.quantities.shipped += quantity;
    }
    remove_allocations(&mut order, &lines, &taken);
    let shipment = Shipment {
        id: ShipmentId::from_bits(scope.mint()),
        state: ShipmentState::Shipped,
        warehouse: taken.first().map(|part| part.1.warehouse),
        lines: lines.clone(),
        carrier: carrier.clone(),
        tracking: tracking.clone(),
        created_at: scope.at(),
        updated_at: scope.at(),
    };
    let shipment_id = shipment.id;
    order.shipments.push(shipment);
    if scope.follows(version::RETURNS) {
        PARCELS.put(scope, &(id, shipment_id), &Parcel(taken.clone()));
    }
    write(scope, order, Some(("shipped", None)));
    let taken = taken.into_iter().map(|(_, part)| part).collect();
    scope.emit(Event::OrderShipped { order: id, shipment: shipment_id, lines, taken });
    Ok(reply(scope, id))
}

/// The lines asked for, or everything open; each with at least one piece and no more than is open.
fn choose(order: &Order, lines: &[(LineId, u32)]) -> Result<Vec<(LineId, u32)>, Refusal> {
    if lines.is_empty() {
        let open: Vec<(LineId, u32)> = order
            .lines
            .iter()
            .map(|line| (line.id, line.quantities.open()))
            .filter(|(_, open)| *open > 0)
            .collect();
        return if open.is_empty() { Err(Refusal::NothingToShip) } else { Ok(open) };
    }
    let mut seen = std::collections::BTreeSet::new();
    for (line, quantity) in lines {
        let open = order.line(*line).ok_or(Refusal::UnknownLine { line: *line })?.quantities.open();
        if *quantity == 0 || !seen.insert(*line) {
            return Err(Refusal::NothingChosen);
        }
        if *quantity > open {
            return Err(Refusal::TooMany { line: *line, open });
        }
    }
    Ok(lines.to_vec())
}

/// The allocated pieces that leave with these lines. A line's allocations shrink in proportion.
fn parts_of(
    view: &impl View,
    order: &Order,
    lines: &[(LineId, u32)],
) -> Result<Vec<(LineId, Taken)>, Refusal> {
    let mut parts: Vec<(LineId, Taken)> = Vec::new();
    for (line_id, quantity) in lines {
        let line = order.line(*line_id).ok_or(Refusal::UnknownLine { line: *line_id })?;
        let open = line.quantities.open();
        // Each stock item of the line gives `its pieces per unit × quantity`, from its warehouses in turn.
        let items: std::collections::BTreeSet<_> =
            line.allocations.iter().map(|allocation| allocation.item).collect();
        for item in items {
            let of_item = || line.allocations.iter().filter(|allocation| allocation.item == item);
            let allocated: u32 = of_item().map(|allocation| allocation.quantity).sum();
            let mut wanted = allocated / open * quantity;
            for allocation in of_item() {
                let pieces = wanted.min(allocation.quantity);
                if pieces == 0 {
                    continue;
                }
                let warehouse = allocation.warehouse;
                let level = inventory::LEVELS.get(view, &(item, warehouse)).unwrap_or_default();
                let same = |part: &&(LineId, Taken)| part.1.item == item && part.1.warehouse == warehouse;
                let chosen: i64 = parts.iter().filter(same).map(|(_, part)| i64::from(part.quantity)).sum();
                let short = chosen + i64::from(pieces) - level.on_hand;
                if short > 0 {
                    return Err(Refusal::NotInStock {
                        line: *line_id,
                        short: u32::try_from(short).unwrap_or(u32::MAX),
                    });
                }
                wanted -= pieces;
                parts.push((*line_id, Taken { item, warehouse, quantity: pieces }));
            }
        }
    }
    Ok(parts)
}

fn remove_allocations(order: &mut Order, lines: &[(LineId, u32)], taken: &[(LineId, Taken)]) {
    for line in order.lines.iter_mut().filter(|line| lines.iter().any(|(id, _)| *id == line.id)) {
        for (_, part) in taken.iter().filter(|(id, _)| *id == line.id) {
            // What was there and what had to come were allocated one after the other.
            let place = |a: &&mut Allocation| a.item == part.item && a.warehouse == part.warehouse;
            let mut left = part.quantity;
            for allocation in line.allocations.iter_mut().filter(place) {
                let pieces = left.min(allocation.quantity);
                allocation.quantity -= pieces;
                left -= pieces;
            }
        }
        line.allocations.retain(|allocation| allocation.quantity > 0);
    }
}

pub(super) fn deliver(
    scope: &mut Scope<'_, '_>,
    id: OrderId,
    shipment_id: ShipmentId,
) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    let at = scope.at();
    let shipment = order.shipments.iter_mut().find(|shipment| shipment.id == shipment_id);
    let shipment = shipment.ok_or(Refusal::UnknownShipment { shipment: shipment_id })?;
    if shipment.state == ShipmentState::Delivered {
        return Err(Refusal::WrongStatus { status: "delivered".to_owned(), wanted: "delivered".to_owned() });
    }
    shipment.state = ShipmentState::Delivered;
    shipment.updated_at = at;
    for (line_id, quantity) in shipment.lines.clone() {
        if let Some(line) = order.lines.iter_mut().find(|line| line.id == line_id) {
            line.quantities.delivered += quantity;
        }
    }
    let completed = order.fulfillment_status() == FulfillmentStatus::Delivered;
    if completed {
        order.status = OrderStatus::Completed;
    }
    write(scope, order, Some(("delivered", None)));
    scope.emit(Event::OrderDelivered { order: id, shipment: shipment_id });
    if completed {
        scope.emit(Event::OrderCompleted { order: id });
    }
    Ok(reply(scope, id))
}
