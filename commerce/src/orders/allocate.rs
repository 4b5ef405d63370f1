//! Which house an order's open pieces leave from: chosen when it is placed, changed by staff.

use super::apply::{known, reply, require_status, write};
use super::command::Event;
use super::error::Refusal;
use super::model::*;
use crate::command::Reply;
use crate::ids::{LineId, OrderId, StockItemId, WarehouseId};
use crate::inventory::{Taken, WAREHOUSES, stock};
use crate::scope::Scope;
use std::collections::BTreeMap;

/// Moves what of a line is set aside in `from`, or in any other house, to `to`. Pieces must be free there, unless the
/// line is sold beyond stock: it may wait anywhere.
pub(super) fn reallocate(
    scope: &mut Scope<'_, '_>,
    id: OrderId,
    line_id: LineId,
    from: Option<WarehouseId>,
    to: WarehouseId,
) -> Result<Reply, Refusal> {
    let mut order = known(scope, id)?;
    require_status(&order, &[OrderStatus::Placed, OrderStatus::Confirmed], "moved")?;
    let line = order.line(line_id).ok_or(Refusal::UnknownLine { line: line_id })?;
    let target = WAREHOUSES.get(scope, &to).filter(|warehouse| warehouse.active);
    let target = target.ok_or(Refusal::UnknownWarehouse { warehouse: to })?;
    let leaving: Vec<Taken> = leaving(line, from, to).map(Taken::from).collect();
    let coming = gathered(&leaving, to);
    if coming.is_empty() {
        return Err(Refusal::NothingToMove { line: line_id });
    }
    for part in &coming {
        require_free(scope, line, part)?;
    }
    let line = order.lines.iter_mut().find(|line| line.id == line_id).expect("it was found above");
    line.allocations.retain(|allocation| !leaves(allocation, from, to));
    line.allocations.extend(coming.iter().map(Allocation::from));
    let what = format!("moved to warehouse {}", target.code);
    write(scope, order, Some((&what, None)));
    let revision = reply(scope, id).revision;
    scope.emit(Event::AllocationMoved { order: id, line: line_id, from: leaving, to: coming, revision });
    Ok(reply(scope, id))
}

fn leaves(allocation: &Allocation, from: Option<WarehouseId>, to: WarehouseId) -> bool {
    allocation.warehouse != to && from.is_none_or(|from| allocation.warehouse == from)
}

fn leaving(line: &Line, from: Option<WarehouseId>, to: WarehouseId) -> impl Iterator<Item = &Allocation> {
    line.allocations.iter().filter(move |allocation| leaves(allocation, from, to))
}

/// The same pieces in one house, each item once.
fn gathered(leaving: &[Taken], warehouse: WarehouseId) -> Vec<Taken> {
    let mut pieces: BTreeMap<StockItemId, u32> = BTreeMap::new();
    for part in leaving {
        *pieces.entry(part.item).or_default() += part.quantity;
    }
    pieces.into_iter().map(|(item, quantity)| Taken { item, warehouse, quantity }).collect()
}

fn require_free(scope: &Scope<'_, '_>, line: &Line, part: &Taken) -> Result<(), Refusal> {
    let waits = line.needs.iter().any(|need| need.item == part.item && need.beyond_stock);
    let available = stock::free_at(scope, scope.at(), part.item, part.warehouse);
    if waits || available >= part.quantity {
        return Ok(());
    }
    let (sku, requested) = (line.sku.clone(), part.quantity);
    Err(Refusal::NotThere { line: line.id, sku, requested, available })
}
