//! What may be asked of stock, and what is reported.

use super::model::{Level, Taken};
use super::shelf::Shelf;
use crate::ids::{CartId, OrderId, ProductId, StockItemId, WarehouseId};
use crate::locale::Country;
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Makes or changes a warehouse. `id` is `None` for a new one.
    PutWarehouse {
        id: Option<WarehouseId>,
        code: String,
        name: Name,
        country: Country,
        priority: u16,
        active: bool,
    },
    /// Counts pieces in or out. The first adjustment of an item makes its record.
    Adjust {
        item: StockItemId,
        sku: String,
        warehouse: WarehouseId,
        delta: i64,
        reason: Reason,
    },
    /// Moves free pieces between two warehouses of the site.
    Transfer {
        item: StockItemId,
        from: WarehouseId,
        to: WarehouseId,
        quantity: u32,
    },
    /// Keeps pieces back, marks some unusable, announces others.
    SetParts {
        item: StockItemId,
        warehouse: WarehouseId,
        safety: Option<u32>,
        unavailable: Option<u32>,
        incoming: Option<u32>,
    },
    SetLowAt {
        item: StockItemId,
        low_at: u32,
    },
    /// Ends a cart's hold if it is over.
    ExpireHold {
        cart: CartId,
    },
    /// Ends a cart's hold now.
    Release {
        cart: CartId,
    },
    /// An order that expired was paid after all and takes its pieces again.
    Allocate {
        order: OrderId,
        taken: Vec<Taken>,
    },
    /// An order no longer wants these pieces.
    Unallocate {
        order: OrderId,
        taken: Vec<Taken>,
    },
    /// These pieces left the house.
    Ship {
        order: OrderId,
        taken: Vec<Taken>,
    },
    /// These pieces came back and can be sold again.
    Restock {
        order: OrderId,
        taken: Vec<Taken>,
    },
    /// What the catalogue says of an item that ran out, asked for by `Work::Shelf`: since state version 8.
    Report {
        item: StockItemId,
        shelf: Option<Shelf>,
    },
    /// An order's pieces are set aside elsewhere: since state version 8.
    Reallocate {
        order: OrderId,
        from: Vec<Taken>,
        to: Vec<Taken>,
    },
}

/// Why pieces were counted in or out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    Received,
    Counted,
    Damaged,
    Returned,
    Correction,
    Import,
}

impl Reason {
    pub const ALL: [Reason; 6] = [
        Reason::Received,
        Reason::Counted,
        Reason::Damaged,
        Reason::Returned,
        Reason::Correction,
        Reason::Import,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Received => "received",
            Reason::Counted => "counted",
            Reason::Damaged => "damaged",
            Reason::Returned => "returned",
            Reason::Correction => "correction",
            Reason::Import => "import",
        }
    }

    pub fn parse(text: &str) -> Option<Reason> {
        Reason::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// What moved a level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cause {
    Adjusted(Reason),
    Transferred,
    PartsSet,
    Reserved(CartId),
    Released(CartId),
    Allocated(OrderId),
    /// Shipped to the customer.
    Shipped(OrderId),
    /// No longer wanted by the order, back on the shelf's account.
    Unallocated(OrderId),
    /// Came back from a customer.
    Restocked(OrderId),
    /// Set aside in another warehouse.
    Reallocated(OrderId),
}

/// One level after a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub item: StockItemId,
    pub warehouse: WarehouseId,
    /// Change of `on_hand`.
    pub delta: i64,
    pub after: Level,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Event {
    WarehousePut {
        id: WarehouseId,
        revision: u64,
    },
    /// Levels changed, for one cause.
    InventoryUpdated {
        cause: Cause,
        changes: Vec<Change>,
    },
    InventoryReserved {
        cart: CartId,
        taken: Vec<Taken>,
        expires_at: Timestamp,
    },
    InventoryReleased {
        cart: CartId,
    },
    /// Nothing of an item can be promised any more.
    OutOfStock {
        item: StockItemId,
    },
    LowStockAlert {
        item: StockItemId,
        available: i64,
    },
    /// The last variant of a product that could be sold has run out.
    ProductOutOfStock {
        product: ProductId,
    },
}

impl Event {
    pub fn name(&self) -> &'static str {
        match self {
            Event::WarehousePut { .. } => "warehouse.put",
            Event::InventoryUpdated { .. } => "inventory.updated",
            Event::InventoryReserved { .. } => "inventory.reserved",
            Event::InventoryReleased { .. } => "inventory.released",
            Event::OutOfStock { .. } => "inventory.out_of_stock",
            Event::LowStockAlert { .. } => "inventory.low_stock",
            Event::ProductOutOfStock { .. } => "product.out_of_stock",
        }
    }
}
