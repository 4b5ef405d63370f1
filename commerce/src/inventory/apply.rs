//! Stock commands of staff and of the schedule. Checkout takes stock through [`super::stock`].

use super::command::{Cause, Change, Command, Event, Reason};
use super::error::Refusal;
use super::model::*;
use super::{shelf, stock};
use crate::command::Reply;
use crate::ids::{CartId, StockItemId, WarehouseId};
use crate::scope::{Scope, View};

/// Pieces at which an item counts as low until somebody says otherwise.
const LOW_AT_DEFAULT: u32 = 3;

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    match command {
        Command::PutWarehouse { .. } => put_warehouse(scope, command),
        Command::Adjust { item, sku, warehouse, delta, reason } => {
            adjust(scope, *item, sku, *warehouse, *delta, *reason)
        }
        Command::Transfer { item, from, to, quantity } => transfer(scope, *item, *from, *to, *quantity),
        Command::SetParts { item, warehouse, safety, unavailable, incoming } => {
            set_parts(scope, *item, *warehouse, [*safety, *unavailable, *incoming])
        }
        Command::SetLowAt { item, low_at } => set_low_at(scope, *item, *low_at),
        Command::ExpireHold { cart } => expire_hold(scope, *cart),
        Command::Release { cart } => release(scope, *cart),
        Command::Allocate { order, taken } => {
            stock::allocate(scope, *order, taken);
            Ok(Reply::about(order.bits(), 0))
        }
        Command::Unallocate { order, taken } => {
            stock::unallocate(scope, *order, taken);
            Ok(Reply::about(order.bits(), 0))
        }
        Command::Ship { order, taken } => {
            stock::ship(scope, *order, taken);
            Ok(Reply::about(order.bits(), 0))
        }
        Command::Restock { order, taken } => {
            stock::restock(scope, *order, taken);
            Ok(Reply::about(order.bits(), 0))
        }
        Command::Report { item, shelf } => {
            shelf::report(scope, *item, shelf.as_ref());
            Ok(Reply::about(item.bits(), 0))
        }
        Command::Reallocate { order, from, to } => {
            stock::reallocate(scope, *order, from, to);
            Ok(Reply::about(order.bits(), 0))
        }
    }
}

fn put_warehouse(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    let Command::PutWarehouse { id, code, name, country, priority, active } = command else {
        unreachable!("called for PutWarehouse only")
    };
    let existing = decide_warehouse(scope, *id, code)?;
    let id = existing.as_ref().map_or_else(|| WarehouseId::from_bits(scope.mint()), |warehouse| warehouse.id);
    let revision = existing.map_or(1, |warehouse| warehouse.revision + 1);
    let warehouse = Warehouse {
        id,
        code: code.clone(),
        name: name.clone(),
        country: country.clone(),
        priority: *priority,
        active: *active,
        revision,
    };
    WAREHOUSES.put(scope, &id, &warehouse);
    scope.emit(Event::WarehousePut { id, revision });
    Ok(Reply::about(id.bits(), revision))
}

fn decide_warehouse(
    view: &impl View,
    id: Option<WarehouseId>,
    code: &str,
) -> Result<Option<Warehouse>, Refusal> {
    let good = (1..=12).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !good {
        return Err(Refusal::BadCode);
    }
    let all = warehouses(view);
    if all.iter().any(|other| other.code.eq_ignore_ascii_case(code) && Some(other.id) != id) {
        return Err(Refusal::CodeTaken { code: code.to_owned() });
    }
    match id {
        Some(id) => WAREHOUSES.get(view, &id).map(Some).ok_or(Refusal::UnknownWarehouse { warehouse: id }),
        None if all.len() >= WAREHOUSES_MAX => Err(Refusal::TooManyWarehouses { max: WAREHOUSES_MAX as u32 }),
        None => Ok(None),
    }
}

fn known_warehouse(view: &impl View, warehouse: WarehouseId) -> Result<(), Refusal> {
    WAREHOUSES.contains(view, &warehouse).then_some(()).ok_or(Refusal::UnknownWarehouse { warehouse })
}

fn known_item(view: &impl View, item: StockItemId) -> Result<StockItem, Refusal> {
    STOCK_ITEMS.get(view, &item).ok_or(Refusal::UnknownItem { item })
}

fn adjust(
    scope: &mut Scope<'_, '_>,
    item: StockItemId,
    sku: &str,
    warehouse: WarehouseId,
    delta: i64,
    reason: Reason,
) -> Result<Reply, Refusal> {
    known_warehouse(scope, warehouse)?;
    let mut level = LEVELS.get(scope, &(item, warehouse)).unwrap_or_default();
    let promised = level.reserved + level.allocated;
    let on_hand = level.on_hand.checked_add(delta).filter(|after| *after <= ON_HAND_MAX);
    let on_hand = on_hand.ok_or(Refusal::TooMany { max: ON_HAND_MAX })?;
    if delta == 0 {
        return Err(Refusal::Zero);
    }
    // Taking out what is promised would break a promise; counting more in is always possible.
    if delta < 0 && on_hand < promised {
        return Err(Refusal::BelowPromised { free: (level.on_hand - promised).max(0) });
    }
    if STOCK_ITEMS.get(scope, &item).is_none() {
        STOCK_ITEMS.put(scope, &item, &StockItem { id: item, sku: sku.to_owned(), low_at: LOW_AT_DEFAULT });
        ITEMS_BY_SKU.put(scope, sku, &ItemRef(item));
    }
    level.on_hand = on_hand;
    write_level(scope, Cause::Adjusted(reason), item, warehouse, delta, level);
    Ok(Reply::about(item.bits(), 0))
}

fn transfer(
    scope: &mut Scope<'_, '_>,
    item: StockItemId,
    from: WarehouseId,
    to: WarehouseId,
    quantity: u32,
) -> Result<Reply, Refusal> {
    known_item(scope, item)?;
    known_warehouse(scope, from)?;
    known_warehouse(scope, to)?;
    if quantity == 0 {
        return Err(Refusal::Zero);
    }
    if from == to {
        return Err(Refusal::SameWarehouse);
    }
    let mut source = LEVELS.get(scope, &(item, from)).unwrap_or_default();
    let mut target = LEVELS.get(scope, &(item, to)).unwrap_or_default();
    let pieces = i64::from(quantity);
    let free = source.available().max(0);
    if pieces > free {
        return Err(Refusal::BelowPromised { free });
    }
    source.on_hand -= pieces;
    target.on_hand += pieces;
    write_level(scope, Cause::Transferred, item, from, -pieces, source);
    write_level(scope, Cause::Transferred, item, to, pieces, target);
    Ok(Reply::about(item.bits(), 0))
}

fn set_parts(
    scope: &mut Scope<'_, '_>,
    item: StockItemId,
    warehouse: WarehouseId,
    [safety, unavailable, incoming]: [Option<u32>; 3],
) -> Result<Reply, Refusal> {
    known_item(scope, item)?;
    known_warehouse(scope, warehouse)?;
    let mut level = LEVELS.get(scope, &(item, warehouse)).unwrap_or_default();
    level.safety = safety.map_or(level.safety, i64::from);
    level.unavailable = unavailable.map_or(level.unavailable, i64::from);
    level.incoming = incoming.map_or(level.incoming, i64::from);
    write_level(scope, Cause::PartsSet, item, warehouse, 0, level);
    Ok(Reply::about(item.bits(), 0))
}

fn set_low_at(scope: &mut Scope<'_, '_>, item: StockItemId, low_at: u32) -> Result<Reply, Refusal> {
    let known = known_item(scope, item)?;
    STOCK_ITEMS.put(scope, &item, &StockItem { low_at, ..known });
    Ok(Reply::about(item.bits(), 0))
}

fn expire_hold(scope: &mut Scope<'_, '_>, cart: CartId) -> Result<Reply, Refusal> {
    let hold = RESERVATIONS.get(scope, &cart).ok_or(Refusal::NoHold)?;
    if hold.expires_at > scope.at() {
        return Err(Refusal::NotDue);
    }
    stock::release(scope, cart);
    Ok(Reply::about(cart.bits(), 0))
}

fn release(scope: &mut Scope<'_, '_>, cart: CartId) -> Result<Reply, Refusal> {
    if !RESERVATIONS.contains(scope, &cart) {
        return Err(Refusal::NoHold);
    }
    stock::release(scope, cart);
    Ok(Reply::about(cart.bits(), 0))
}

fn write_level(
    scope: &mut Scope<'_, '_>,
    cause: Cause,
    item: StockItemId,
    warehouse: WarehouseId,
    delta: i64,
    level: Level,
) {
    let before = available(scope, item);
    level.assert_sound();
    LEVELS.put(scope, &(item, warehouse), &level);
    scope.emit(Event::InventoryUpdated {
        cause,
        changes: vec![Change { item, warehouse, delta, after: level }],
    });
    stock::alert(scope, item, before);
}
