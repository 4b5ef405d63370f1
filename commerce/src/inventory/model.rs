//! Levels, warehouses and reservations.
//!
//! Invariant, asserted on every write: `on_hand` never falls below what is reserved and allocated,
//! except for items sold beyond stock, and no part is ever negative.

use crate::ids::{CartId, StockItemId, WarehouseId};
use crate::locale::Country;
use crate::scope::{Table, View};
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Warehouses of one site: keeps allocation a bounded search.
pub const WAREHOUSES_MAX: usize = 16;
/// Pieces of one item in one warehouse.
pub const ON_HAND_MAX: i64 = 100_000_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Warehouse {
    pub id: WarehouseId,
    pub code: String,
    pub name: Name,
    pub country: Country,
    /// Lower goes first.
    pub priority: u16,
    pub active: bool,
    pub revision: u64,
}
gearify_storage::first_version!(Warehouse);

/// What is counted. A variant points to one or more of these.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StockItem {
    pub id: StockItemId,
    pub sku: String,
    /// `LowStockAlert` when what is available falls to this or below.
    pub low_at: u32,
}
gearify_storage::first_version!(StockItem);

/// Pieces of one item in one warehouse.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Physically there.
    pub on_hand: i64,
    /// Held for carts; every hold expires.
    pub reserved: i64,
    /// Ordered, not yet shipped.
    pub allocated: i64,
    /// On its way in; not sold.
    pub incoming: i64,
    /// There, but damaged or set aside.
    pub unavailable: i64,
    /// Kept back on purpose.
    pub safety: i64,
}
gearify_storage::first_version!(Level);

impl Level {
    /// What can still be promised. Below zero only for items sold beyond stock.
    pub fn available(self) -> i64 {
        self.on_hand - self.reserved - self.allocated - self.unavailable - self.safety
    }

    pub(super) fn assert_sound(self) {
        let Level { on_hand, reserved, allocated, incoming, unavailable, safety } = self;
        let parts = [on_hand, reserved, allocated, incoming, unavailable, safety];
        assert!(parts.iter().all(|&part| part >= 0), "a stock level went below zero: {self:?}");
    }
}

/// Pieces of an item in a warehouse, taken or promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    pub item: StockItemId,
    pub warehouse: WarehouseId,
    pub quantity: u32,
}

/// What a cart holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub cart: CartId,
    pub taken: Vec<Taken>,
    pub expires_at: Timestamp,
}
gearify_storage::first_version!(Reservation);

pub const WAREHOUSES: Table<WarehouseId, Warehouse> = Table::new(80);
pub const STOCK_ITEMS: Table<StockItemId, StockItem> = Table::new(81);
pub const LEVELS: Table<(StockItemId, WarehouseId), Level> = Table::new(82);
pub const RESERVATIONS: Table<CartId, Reservation> = Table::new(83);
/// Holds by item and end, so that expired ones can be found at use: `(item, expires, cart)`.
pub const HOLDS: Table<(StockItemId, Timestamp, CartId), crate::scope::Present> = Table::new(84);
pub const ITEMS_BY_SKU: Table<str, ItemRef> = Table::new(85);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemRef(pub StockItemId);
gearify_storage::first_version!(ItemRef);

/// Active warehouses, best first.
pub fn warehouses(view: &(impl View + ?Sized)) -> Vec<Warehouse> {
    let mut warehouses = WAREHOUSES.list(view, &(), WAREHOUSES_MAX);
    warehouses.sort_by_key(|warehouse| (warehouse.priority, warehouse.id));
    warehouses
}

/// Levels of an item by warehouse.
pub fn levels(view: &(impl View + ?Sized), item: StockItemId) -> BTreeMap<WarehouseId, Level> {
    let rows = LEVELS.rows(view, &item, WAREHOUSES_MAX);
    rows.into_iter().filter_map(|(key, level)| Some((warehouse_of(&key)?, level))).collect()
}

fn warehouse_of(key: &[u8]) -> Option<WarehouseId> {
    Some(WarehouseId::from_bits(u128::from_be_bytes(key.try_into().ok()?)))
}

/// What can be promised of an item over all warehouses, never below zero.
pub fn available(view: &(impl View + ?Sized), item: StockItemId) -> i64 {
    levels(view, item).values().map(|level| level.available().max(0)).sum()
}
