//! Taking stock: which warehouse gives what, and how levels follow.
//!
//! Allocation is deterministic: a warehouse that has everything, the best first; else the warehouses
//! that cover most, until all is covered; so that an order leaves in as few parcels as can be.

use super::command::{Cause, Change, Event};
use super::model::*;
use super::shelf;
use crate::ids::{CartId, StockItemId, WarehouseId};
use crate::scope::{Present, Scope, View};
use crate::time::Timestamp;
use crate::version;
use std::collections::BTreeMap;

/// Pieces wanted of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Want {
    pub item: StockItemId,
    pub quantity: u32,
    /// May be promised though it is not there.
    pub beyond_stock: bool,
}

/// An item of which there is not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Short {
    pub item: StockItemId,
    pub requested: u32,
    pub available: u32,
}

/// Decides where `wants` are taken from; `own` is the cart's hold, whose pieces count as free.
///
/// Returns what to take, in the order of `wants`, or every item that falls short.
pub fn plan(
    view: &impl View,
    now: Timestamp,
    wants: &[Want],
    own: Option<&Reservation>,
) -> Result<Vec<Taken>, Vec<Short>> {
    let merged = merge(wants);
    let warehouses: Vec<WarehouseId> = warehouses(view)
        .into_iter()
        .filter(|warehouse| warehouse.active)
        .map(|warehouse| warehouse.id)
        .collect();
    let mut free = free_pieces(view, now, &merged, own);
    let short: Vec<Short> = merged.iter().filter_map(|want| shortage(&free, want)).collect();
    if !short.is_empty() {
        return Err(short);
    }
    let mut open: BTreeMap<StockItemId, u32> = merged.iter().map(|want| (want.item, want.quantity)).collect();
    let mut taken = Vec::new();
    while let Some(warehouse) = best_warehouse(&warehouses, &free, &open) {
        take_from(warehouse, &mut free, &mut open, &mut taken);
    }
    // What is left is sold beyond stock; it waits for the first warehouse.
    for (item, quantity) in open.into_iter().filter(|(_, quantity)| *quantity > 0) {
        let Some(&warehouse) = warehouses.first() else {
            return Err(vec![Short { item, requested: quantity, available: 0 }]);
        };
        taken.push(Taken { item, warehouse, quantity });
    }
    Ok(taken)
}

type Free = BTreeMap<(StockItemId, WarehouseId), u32>;

fn merge(wants: &[Want]) -> Vec<Want> {
    let mut merged: BTreeMap<StockItemId, Want> = BTreeMap::new();
    for want in wants {
        let entry = merged.entry(want.item).or_insert(Want { quantity: 0, ..*want });
        entry.quantity = entry.quantity.saturating_add(want.quantity);
        entry.beyond_stock &= want.beyond_stock;
    }
    merged.into_values().collect()
}

fn free_pieces(view: &impl View, now: Timestamp, wants: &[Want], own: Option<&Reservation>) -> Free {
    let mut free: BTreeMap<(StockItemId, WarehouseId), i64> = BTreeMap::new();
    let active: Vec<WarehouseId> = warehouses(view).into_iter().filter(|w| w.active).map(|w| w.id).collect();
    for want in wants {
        for (warehouse, level) in levels(view, want.item) {
            if active.contains(&warehouse) {
                free.insert((want.item, warehouse), level.available());
            }
        }
        for hold in expired_holds(view, now, want.item, own.map(|own| own.cart)) {
            add_back(&mut free, &hold, want.item);
        }
        if let Some(own) = own {
            add_back(&mut free, own, want.item);
        }
    }
    free.into_iter().map(|(key, pieces)| (key, u32::try_from(pieces.max(0)).unwrap_or(u32::MAX))).collect()
}

fn add_back(free: &mut BTreeMap<(StockItemId, WarehouseId), i64>, hold: &Reservation, item: StockItemId) {
    for taken in hold.taken.iter().filter(|taken| taken.item == item) {
        if let Some(pieces) = free.get_mut(&(taken.item, taken.warehouse)) {
            *pieces += i64::from(taken.quantity);
        }
    }
}

/// Holds of an item that are over but not yet swept: an expired hold never counts.
fn expired_holds(
    view: &impl View,
    now: Timestamp,
    item: StockItemId,
    own: Option<CartId>,
) -> Vec<Reservation> {
    /// The sweep takes them anyway; this many at once keep a decision short.
    const EXPIRED_MAX: usize = 256;
    let rows = HOLDS.rows(view, &item, EXPIRED_MAX);
    let carts = rows.iter().filter_map(|(key, _)| split_hold_key(key));
    carts
        .take_while(|(expires_at, _)| *expires_at <= now)
        .filter(|(_, cart)| Some(*cart) != own)
        .filter_map(|(_, cart)| RESERVATIONS.get(view, &cart))
        .collect()
}

fn split_hold_key(key: &[u8]) -> Option<(Timestamp, CartId)> {
    let (expires, cart) = key.split_at_checked(8)?;
    let millis = u64::from_be_bytes(expires.try_into().ok()?) ^ (1 << 63);
    let cart = u128::from_be_bytes(cart.try_into().ok()?);
    Some((Timestamp::from_millis(millis as i64), CartId::from_bits(cart)))
}

fn shortage(free: &Free, want: &Want) -> Option<Short> {
    let pieces =
        free.range((want.item, WarehouseId::from_bits(0))..=(want.item, WarehouseId::from_bits(u128::MAX)));
    let available: u32 = pieces.map(|(_, pieces)| *pieces).fold(0, u32::saturating_add);
    let enough = want.beyond_stock || available >= want.quantity;
    (!enough).then_some(Short { item: want.item, requested: want.quantity, available })
}

/// The warehouse that covers most of what is open; the earlier one among equals.
fn best_warehouse(
    warehouses: &[WarehouseId],
    free: &Free,
    open: &BTreeMap<StockItemId, u32>,
) -> Option<WarehouseId> {
    let covers = |warehouse: WarehouseId| -> u64 {
        open.iter()
            .map(|(&item, &wanted)| u64::from(wanted.min(*free.get(&(item, warehouse)).unwrap_or(&0))))
            .sum()
    };
    let mut best: Option<(u64, WarehouseId)> = None;
    for &warehouse in warehouses {
        let covered = covers(warehouse);
        if covered > best.map_or(0, |(most, _)| most) {
            best = Some((covered, warehouse));
        }
    }
    best.map(|(_, warehouse)| warehouse)
}

fn take_from(
    warehouse: WarehouseId,
    free: &mut Free,
    open: &mut BTreeMap<StockItemId, u32>,
    taken: &mut Vec<Taken>,
) {
    for (&item, wanted) in open.iter_mut() {
        let Some(pieces) = free.get_mut(&(item, warehouse)) else { continue };
        let quantity = (*wanted).min(*pieces);
        if quantity > 0 {
            taken.push(Taken { item, warehouse, quantity });
            *pieces -= quantity;
            *wanted -= quantity;
        }
    }
}

/// Promises `taken` to a cart until `expires_at`. The cart must hold nothing.
pub fn reserve(scope: &mut Scope<'_, '_>, cart: CartId, taken: Vec<Taken>, expires_at: Timestamp) {
    release_expired(scope, &taken);
    change(scope, Cause::Reserved(cart), &taken, |level, pieces| level.reserved += pieces);
    for part in &taken {
        HOLDS.put(scope, &(part.item, expires_at, cart), &Present);
    }
    RESERVATIONS.put(scope, &cart, &Reservation { cart, taken: taken.clone(), expires_at });
    scope.emit(Event::InventoryReserved { cart, taken, expires_at });
}

/// Ends a cart's hold, if it has one.
pub fn release(scope: &mut Scope<'_, '_>, cart: CartId) {
    let Some(hold) = RESERVATIONS.get(scope, &cart) else { return };
    change(scope, Cause::Released(cart), &hold.taken, |level, pieces| level.reserved -= pieces);
    for part in &hold.taken {
        HOLDS.delete(scope, &(part.item, hold.expires_at, cart));
    }
    RESERVATIONS.delete(scope, &cart);
    scope.emit(Event::InventoryReleased { cart });
}

/// Sets `taken` aside for an order. The cart's own hold must have been released in the same entry.
pub fn allocate(scope: &mut Scope<'_, '_>, order: crate::ids::OrderId, taken: &[Taken]) {
    release_expired(scope, taken);
    change(scope, Cause::Allocated(order), taken, |level, pieces| level.allocated += pieces);
}

/// Gives allocated pieces free again.
pub fn unallocate(scope: &mut Scope<'_, '_>, order: crate::ids::OrderId, taken: &[Taken]) {
    change(scope, Cause::Unallocated(order), taken, |level, pieces| level.allocated -= pieces);
}

/// Allocated pieces leave the house.
pub fn ship(scope: &mut Scope<'_, '_>, order: crate::ids::OrderId, taken: &[Taken]) {
    change(scope, Cause::Shipped(order), taken, |level, pieces| {
        level.allocated -= pieces;
        level.on_hand -= pieces;
    });
}

/// Pieces come back and can be sold again.
pub fn restock(scope: &mut Scope<'_, '_>, order: crate::ids::OrderId, taken: &[Taken]) {
    change(scope, Cause::Restocked(order), taken, |level, pieces| level.on_hand += pieces);
}

/// Allocated pieces are set aside elsewhere instead. They must be free there.
pub fn reallocate(scope: &mut Scope<'_, '_>, order: crate::ids::OrderId, from: &[Taken], to: &[Taken]) {
    release_expired(scope, to);
    let parts = from.iter().map(|part| (part, -1)).chain(to.iter().map(|part| (part, 1)));
    let parts: Vec<(&Taken, i64)> =
        parts.map(|(part, sign)| (part, sign * i64::from(part.quantity))).collect();
    change_by(scope, Cause::Reallocated(order), &parts, |level, pieces| level.allocated += pieces);
}

/// Pieces of an item that can still be promised in one warehouse.
pub fn free_at(view: &impl View, now: Timestamp, item: StockItemId, warehouse: WarehouseId) -> u32 {
    let want = Want { item, quantity: 0, beyond_stock: false };
    free_pieces(view, now, &[want], None).get(&(item, warehouse)).copied().unwrap_or(0)
}

fn release_expired(scope: &mut Scope<'_, '_>, taken: &[Taken]) {
    let now = scope.at();
    let items: std::collections::BTreeSet<StockItemId> = taken.iter().map(|part| part.item).collect();
    for item in items {
        for hold in expired_holds(scope, now, item, None) {
            release(scope, hold.cart);
        }
    }
}

/// Changes levels for one cause and reports each with what it means for the item.
pub(super) fn change(
    scope: &mut Scope<'_, '_>,
    cause: Cause,
    taken: &[Taken],
    with: impl Fn(&mut Level, i64),
) {
    let parts: Vec<(&Taken, i64)> = taken.iter().map(|part| (part, i64::from(part.quantity))).collect();
    change_by(scope, cause, &parts, with);
}

/// As [`change`], by these numbers of pieces. What an item has in all is looked at when all of it has changed.
fn change_by(
    scope: &mut Scope<'_, '_>,
    cause: Cause,
    parts: &[(&Taken, i64)],
    with: impl Fn(&mut Level, i64),
) {
    if parts.is_empty() {
        return;
    }
    let mut before: BTreeMap<StockItemId, i64> = BTreeMap::new();
    let mut changes = Vec::with_capacity(parts.len());
    for (part, pieces) in parts {
        before.entry(part.item).or_insert_with(|| available(scope, part.item));
        let key = (part.item, part.warehouse);
        let old = LEVELS.get(scope, &key).unwrap_or_default();
        let mut level = old;
        with(&mut level, *pieces);
        level.assert_sound();
        LEVELS.put(scope, &key, &level);
        changes.push(Change {
            item: part.item,
            warehouse: part.warehouse,
            delta: level.on_hand - old.on_hand,
            after: level,
        });
    }
    scope.emit(Event::InventoryUpdated { cause, changes });
    for (item, before) in before {
        alert(scope, item, before);
    }
}

/// Says once that an item ran out or low: only when it crosses the line.
pub(super) fn alert(scope: &mut Scope<'_, '_>, item: StockItemId, before: i64) {
    let now = available(scope, item);
    let low_at = STOCK_ITEMS.get(scope, &item).map_or(0, |item| i64::from(item.low_at));
    let tells_products = scope.follows(version::PAPERS);
    if now > 0 && before <= 0 && tells_products {
        shelf::came_back(scope, item);
    }
    if now == 0 && before > 0 {
        scope.emit(Event::OutOfStock { item });
        if tells_products {
            shelf::ran_out(scope, item);
        }
    } else if now <= low_at && before > low_at {
        scope.emit(Event::LowStockAlert { item, available: now });
    }
}
