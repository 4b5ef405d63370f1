//! Price lists and price rows.

use crate::code::Code;
use crate::ids::VariantId;
use crate::locale::Country;
use crate::money::Currency;
use crate::scope::{Count, Table};
use crate::text::Name;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

pub const LISTS_MAX: usize = 50;
pub const LIST_COUNTRIES_MAX: usize = 250;
/// Rows of one variant, over all lists.
pub const ROWS_MAX: usize = 200;
/// Prices set by one command.
pub const PRICES_MAX: usize = 500;
/// Minor units; every sum over a full cart of such prices stays inside 64 bits.
pub const AMOUNT_MAX: i64 = 100_000_000_000;
/// Past prices kept per variant and list.
pub const HISTORY_MAX: usize = 100;

/// For whom prices are, and what they contain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceList {
    pub revision: u64,
    pub details: PriceListDetails,
}
gearify_storage::first_version!(PriceList);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceListDetails {
    pub code: Code,
    pub name: Name,
    pub currency: Currency,
    /// Empty: everywhere.
    pub countries: Vec<Country>,
    /// `None`: everybody.
    pub customer_group: Option<Code>,
    pub tax_included: bool,
}

impl PriceListDetails {
    /// The list that a currency falls back to.
    pub fn is_default(&self) -> bool {
        self.countries.is_empty() && self.customer_group.is_none()
    }
}

/// The price of one piece.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    pub variant: VariantId,
    pub list: Code,
    /// Applies from this many pieces on.
    pub min_quantity: u32,
    /// Minor units of the list's currency.
    pub amount: i64,
    /// What it is compared with, struck through.
    pub compare_at: Option<i64>,
    pub starts: Option<Timestamp>,
    /// Exclusive.
    pub ends: Option<Timestamp>,
}
gearify_storage::first_version!(Price);

impl Price {
    pub fn holds_at(&self, at: Timestamp) -> bool {
        self.starts.is_none_or(|starts| starts <= at) && self.ends.is_none_or(|ends| at < ends)
    }

    pub fn is_limited(&self) -> bool {
        self.starts.is_some() || self.ends.is_some()
    }

    /// The most specific row wins: more pieces, then a limited time, then the later beginning.
    pub(super) fn rank(&self) -> (u32, bool, Option<Timestamp>) {
        (self.min_quantity, self.is_limited(), self.starts)
    }

    pub fn key(&self) -> PriceKey {
        let Price { variant, list, min_quantity, starts, .. } = self;
        PriceKey { variant: *variant, list: list.clone(), min_quantity: *min_quantity, starts: *starts }
    }
}

/// Names a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceKey {
    pub variant: VariantId,
    pub list: Code,
    pub min_quantity: u32,
    pub starts: Option<Timestamp>,
}

/// A row as it once stood, for telling the lowest price of the last thirty days.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPrice {
    pub price: Price,
    /// When the row was written.
    pub from: Timestamp,
    /// When it was replaced or taken away.
    pub until: Option<Timestamp>,
}

/// Past and standing single-piece rows of a variant in a list, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    pub rows: Vec<PastPrice>,
}
gearify_storage::first_version!(History);

/// How far entries have carried a variant's limited prices through time. What holds is asked of this
/// moment, never of a clock, so that every reader sees a price turn at the same entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    pub at: Timestamp,
    /// The next beginning or end of a row.
    pub next: Option<Timestamp>,
}
gearify_storage::first_version!(Turned);

/// `((variant, list), (least pieces, beginning))`.
pub type StoredKey = ((VariantId, Code), (u32, Timestamp));

pub const LISTS: Table<Code, PriceList> = Table::new(60);
/// Rows; no beginning is the beginning of time.
pub const PRICES: Table<StoredKey, Price> = Table::new(61);
pub const HISTORY: Table<(VariantId, Code), History> = Table::new(62);
/// Counts changes of a variant's prices.
pub const REVISIONS: Table<VariantId, Count> = Table::new(63);
/// Of variants with limited prices.
pub const TURNED: Table<VariantId, Turned> = Table::new(64);

impl PriceKey {
    pub(super) fn stored(&self) -> StoredKey {
        let starts = self.starts.unwrap_or(Timestamp::from_millis(i64::MIN));
        ((self.variant, self.list.clone()), (self.min_quantity, starts))
    }
}
