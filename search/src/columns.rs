//! Live columns: what changes with every sale, in memory, keyed by dense product number.
//!
//! The caller writes them whenever a price, a stock level or a rating changes; every query reads
//! them as they are at that moment, so a change shows on the next answer and commits nothing.
//! Invariant: the `available` bit of a number is set exactly if its last `set_availability` said so.
//! Cost: a write is a few atomic stores under a shared lock, so that neither a flash sale's writes
//! wait for slow queries nor the other way round; only growth beyond the highest number excludes
//! readers. A reader may see a price between two of its parts for the length of those stores.
//! Not stored anywhere: after a start the caller loads them again ([`Columns::load`]).

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering::Relaxed};

use parking_lot::{RwLock, RwLockReadGuard};

use crate::bits::Bits;
use crate::document::check_number;
use crate::error::SearchError;

/// The highest product number: memory is proportional to the highest one used.
pub const NUMBER_MAX: u32 = (1 << 22) - 1;

/// A product's price in one currency, in minor units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// The lowest variant's price: what filters, sorting and facets go by.
    pub amount: i64,
    /// The dearest variant's price; equal to `amount` where there is one price only.
    pub amount_max: i64,
    pub compare_at: Option<i64>,
}

impl Price {
    pub fn flat(amount: i64) -> Price {
        Price { amount, amount_max: amount, compare_at: None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rating {
    /// The average in hundredths: 4.50 is 450.
    pub average_hundredths: u16,
    pub count: u32,
}

/// All columns of one product, for a bulk load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ColumnRow {
    pub number: u32,
    /// By ISO 4217 code.
    pub prices: BTreeMap<String, Price>,
    pub available: bool,
    /// The caller's own code (in stock, low, backorder …); handed back with a hit.
    pub availability: u8,
    pub rating: Option<Rating>,
    pub popularity: Option<u64>,
}

/// The live columns of one tenant. A product that was never written is unavailable (code 0), has
/// no price and no rating.
#[derive(Default)]
pub struct Columns {
    arrays: RwLock<Arrays>,
}

const NO_AMOUNT: i64 = i64::MIN;
const NO_RATING: u64 = 0;
const NO_POPULARITY: u64 = u64::MAX;

#[derive(Default)]
pub(crate) struct Arrays {
    /// Numbers below this have a place in every column; a multiple of 64.
    len: usize,
    available: Vec<AtomicU64>,
    availability: Vec<AtomicU8>,
    /// Average in hundredths above bit 32, count below: its order is the order of ratings.
    rating: Vec<AtomicU64>,
    popularity: Vec<AtomicU64>,
    prices: BTreeMap<String, PriceColumn>,
}

#[derive(Default)]
pub(crate) struct PriceColumn {
    amount: Vec<AtomicI64>,
    amount_max: Vec<AtomicI64>,
    compare_at: Vec<AtomicI64>,
}

impl Columns {
    /// Sets or, with `None`, takes away the price in one currency.
    ///
    /// # Errors
    /// [`SearchError::Number`], [`SearchError::Currency`] (anything but three capital letters).
    pub fn set_price(&self, number: u32, currency: &str, price: Option<Price>) -> Result<(), SearchError> {
        check_currency(currency)?;
        self.with_room(number, Some(currency), |arrays| arrays.set_price(number, currency, price))
    }

    /// # Errors
    /// [`SearchError::Number`].
    pub fn set_availability(&self, number: u32, available: bool, code: u8) -> Result<(), SearchError> {
        self.with_room(number, None, |arrays| arrays.set_availability(number, available, code))
    }

    /// # Errors
    /// [`SearchError::Number`].
    pub fn set_rating(&self, number: u32, rating: Option<Rating>) -> Result<(), SearchError> {
        self.with_room(number, None, |arrays| {
            arrays.rating[number as usize].store(rating.map_or(NO_RATING, Rating::packed), Relaxed);
        })
    }

    /// `None` falls back to the document's own popularity.
    ///
    /// # Errors
    /// [`SearchError::Number`].
    pub fn set_popularity(&self, number: u32, popularity: Option<u64>) -> Result<(), SearchError> {
        self.with_room(number, None, |arrays| arrays.set_popularity(number, popularity))
    }

    /// Forgets a product: unavailable, without price and rating.
    pub fn remove(&self, number: u32) {
        let arrays = self.arrays.read();
        if (number as usize) < arrays.len {
            arrays.clear(number);
        }
    }

    /// Writes many products whole; numbers that are not named stay as they are.
    ///
    /// # Errors
    /// [`SearchError::Number`], [`SearchError::Currency`]; rows before the refused one are written.
    pub fn load(&self, rows: impl IntoIterator<Item = ColumnRow>) -> Result<(), SearchError> {
        for row in rows {
            check_number(row.number)?;
            for (currency, price) in &row.prices {
                self.set_price(row.number, currency, Some(*price))?;
            }
            self.with_room(row.number, None, |arrays| arrays.set_row(&row))?;
        }
        Ok(())
    }

    pub fn price(&self, number: u32, currency: &str) -> Option<Price> {
        self.arrays.read().price(number, currency)
    }

    /// (available, the caller's code)
    pub fn availability(&self, number: u32) -> (bool, u8) {
        self.arrays.read().availability(number)
    }

    pub fn rating(&self, number: u32) -> Option<Rating> {
        self.arrays.read().rating(number)
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Arrays> {
        self.arrays.read()
    }

    fn with_room<T>(
        &self,
        number: u32,
        currency: Option<&str>,
        write: impl FnOnce(&Arrays) -> T,
    ) -> Result<T, SearchError> {
        check_number(number)?;
        let arrays = self.arrays.read();
        if arrays.has_room(number, currency) {
            return Ok(write(&arrays));
        }
        drop(arrays);
        let mut arrays = self.arrays.write();
        arrays.make_room(number, currency);
        Ok(write(&arrays))
    }
}

impl Arrays {
    pub fn price(&self, number: u32, currency: &str) -> Option<Price> {
        self.prices.get(currency)?.get(number)
    }

    pub fn price_column(&self, currency: &str) -> Option<&PriceColumn> {
        self.prices.get(currency)
    }

    pub fn availability(&self, number: u32) -> (bool, u8) {
        let index = number as usize;
        if index >= self.len {
            return (false, 0);
        }
        let available = self.available[index / 64].load(Relaxed) >> (index % 64) & 1 == 1;
        (available, self.availability[index].load(Relaxed))
    }

    pub fn rating(&self, number: u32) -> Option<Rating> {
        match self.rating_packed(number) {
            NO_RATING => None,
            packed => Some(Rating::unpack(packed)),
        }
    }

    /// Ordered like ratings (average, then count); 0 where there is none.
    pub fn rating_packed(&self, number: u32) -> u64 {
        self.rating.get(number as usize).map_or(NO_RATING, |rating| rating.load(Relaxed))
    }

    pub fn popularity(&self, number: u32) -> Option<u64> {
        let popularity = self.popularity.get(number as usize)?.load(Relaxed);
        (popularity != NO_POPULARITY).then_some(popularity)
    }

    /// The available numbers below `len`.
    pub fn available(&self, len: usize) -> Bits {
        Bits::from_words(len, self.available.iter().map(|word| word.load(Relaxed)))
    }

    fn set_price(&self, number: u32, currency: &str, price: Option<Price>) {
        if let Some(column) = self.prices.get(currency) {
            column.set(number, price);
        }
    }

    fn set_availability(&self, number: u32, available: bool, code: u8) {
        let index = number as usize;
        let bit = 1u64 << (index % 64);
        self.availability[index].store(code, Relaxed);
        if available {
            self.available[index / 64].fetch_or(bit, Relaxed);
        } else {
            self.available[index / 64].fetch_and(!bit, Relaxed);
        }
    }

    fn set_popularity(&self, number: u32, popularity: Option<u64>) {
        let stored = popularity.map_or(NO_POPULARITY, |popularity| popularity.min(NO_POPULARITY - 1));
        self.popularity[number as usize].store(stored, Relaxed);
    }

    fn set_row(&self, row: &ColumnRow) {
        for (currency, column) in &self.prices {
            column.set(row.number, row.prices.get(currency).copied());
        }
        self.set_availability(row.number, row.available, row.availability);
        self.rating[row.number as usize].store(row.rating.map_or(NO_RATING, Rating::packed), Relaxed);
        self.set_popularity(row.number, row.popularity);
    }

    fn clear(&self, number: u32) {
        self.set_row(&ColumnRow { number, ..ColumnRow::default() });
    }

    fn has_room(&self, number: u32, currency: Option<&str>) -> bool {
        (number as usize) < self.len && currency.is_none_or(|currency| self.prices.contains_key(currency))
    }

    fn make_room(&mut self, number: u32, currency: Option<&str>) {
        if number as usize >= self.len {
            // Half as much again, so that numbers given out one by one grow the columns rarely.
            let wanted = number as usize + 1;
            self.len = wanted.max(wanted.min(self.len + self.len / 2)).next_multiple_of(64).max(1024);
        }
        if let Some(currency) = currency {
            self.prices.entry(currency.to_owned()).or_default();
        }
        let len = self.len;
        self.available.resize_with(len / 64, AtomicU64::default);
        self.availability.resize_with(len, AtomicU8::default);
        self.rating.resize_with(len, || AtomicU64::new(NO_RATING));
        self.popularity.resize_with(len, || AtomicU64::new(NO_POPULARITY));
        for column in self.prices.values_mut() {
            column.amount.resize_with(len, || AtomicI64::new(NO_AMOUNT));
            column.amount_max.resize_with(len, || AtomicI64::new(NO_AMOUNT));
            column.compare_at.resize_with(len, || AtomicI64::new(NO_AMOUNT));
        }
    }
}

impl PriceColumn {
    pub fn amount(&self, number: u32) -> Option<i64> {
        let amount = self.amount.get(number as usize)?.load(Relaxed);
        (amount != NO_AMOUNT).then_some(amount)
    }

    fn get(&self, number: u32) -> Option<Price> {
        let amount = self.amount(number)?;
        let amount_max = self.amount_max[number as usize].load(Relaxed).max(amount);
        let compare_at = self.compare_at[number as usize].load(Relaxed);
        Some(Price { amount, amount_max, compare_at: (compare_at != NO_AMOUNT).then_some(compare_at) })
    }

    fn set(&self, number: u32, price: Option<Price>) {
        let index = number as usize;
        let (amount, amount_max, compare_at) = match price {
            Some(price) => (price.amount, price.amount_max, price.compare_at.unwrap_or(NO_AMOUNT)),
            None => (NO_AMOUNT, NO_AMOUNT, NO_AMOUNT),
        };
        self.amount[index].store(amount, Relaxed);
        self.amount_max[index].store(amount_max, Relaxed);
        self.compare_at[index].store(compare_at, Relaxed);
    }
}

impl Rating {
    fn packed(self) -> u64 {
        u64::from(self.average_hundredths) << 32 | u64::from(self.count)
    }

    fn unpack(packed: u64) -> Rating {
        // The average was shifted in from 16 bits, the count is the low half.
        Rating { average_hundredths: (packed >> 32) as u16, count: packed as u32 }
    }
}

fn check_currency(code: &str) -> Result<(), SearchError> {
    if code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(());
    }
    Err(SearchError::Currency { code: code.to_owned() })
}
