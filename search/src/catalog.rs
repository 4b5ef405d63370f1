//! One tenant's products in memory, as of one commit: what filters, facets, sorting and display
//! need, so that only the words of a query go to Tantivy.
//!
//! Why not Tantivy's own facets and fast fields: they visit every matching document for every
//! facet, and would have to again for each facet that has a selection of its own. Here a value is a
//! set of product numbers, a count an AND with a popcount (100,000 products are 1,563 words), a
//! selection an AND. Browsing without text does not touch Tantivy at all. Payloads are here too,
//! because Tantivy's store would decompress a block for nearly every hit. Price: roughly the
//! payload plus 400 bytes a product.
//!
//! A catalog never changes: [`Catalog::with`] makes the next one and shares what stayed the same,
//! so queries keep the one they began with.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::analysis::fold;
use crate::bits::{Bits, Numbers};
use crate::document::{Digest, Record};

/// Products of one page share an allocation that is copied when one of them changes.
const PAGE_ROWS: usize = 512;
/// Orders by name that are kept ready, one for each chain of locales in use.
const NAME_ORDERS_MAX: usize = 8;
/// How much of a name decides its place.
const NAME_KEY_BYTES_MAX: usize = 64;

#[derive(Default)]
pub struct Catalog {
    /// Numbers are below this; a multiple of 64.
    len: usize,
    all: Bits,
    pages: Vec<Arc<Vec<Option<Arc<Row>>>>>,
    newest: Vec<i64>,
    popularity: Vec<u64>,
    terms: BTreeMap<String, BTreeMap<String, Arc<Numbers>>>,
    numbers: BTreeMap<String, Arc<NumberColumn>>,
    /// Every locale a name is in; rows share them.
    locales: BTreeSet<Arc<str>>,
    name_orders: Mutex<Vec<Arc<NameOrder>>>,
}

pub struct Row {
    pub id: Arc<str>,
    pub stored: Arc<[u8]>,
    pub digest: Digest,
    pub name: Box<[(Arc<str>, Box<str>)]>,
}

/// All numbers of one numeric attribute, ascending; a product may have several.
#[derive(Clone, Default)]
pub struct NumberColumn {
    pub values: Vec<(i64, u32)>,
    /// An attribute has one unit; should products disagree, the one written last.
    pub unit: String,
}

/// A step from one catalog to the next.
pub enum RowChange {
    Put(Box<Record>),
    Delete(u32),
}

impl RowChange {
    fn number(&self) -> u32 {
        match self {
            RowChange::Put(record) => record.number,
            RowChange::Delete(number) => *number,
        }
    }
}

impl Catalog {
    /// Later changes of a number replace earlier ones.
    pub fn with(&self, changes: Vec<RowChange>) -> Catalog {
        let changes: BTreeMap<u32, RowChange> =
            changes.into_iter().map(|change| (change.number(), change)).collect();
        let highest = changes.keys().next_back().map_or(0, |number| *number as usize + 1);
        let len = self.len.max(highest.next_multiple_of(64));
        let mut changed = Bits::new(len);
        changes.keys().for_each(|number| changed.insert(*number));

        let mut next = self.copy(len);
        next.all.subtract(&changed);
        let mut terms: BTreeMap<(String, String), Vec<u32>> = BTreeMap::new();
        let mut numbers: BTreeMap<String, Vec<(i64, u32, String)>> = BTreeMap::new();
        let mut names = Vec::new();
        for (number, change) in changes {
            let record = match change {
                RowChange::Put(record) => *record,
                RowChange::Delete(_) => {
                    next.set_row(number, None);
                    continue;
                }
            };
            next.all.insert(number);
            next.newest[number as usize] = record.newest;
            next.popularity[number as usize] = record.popularity;
            for term in record.terms {
                terms.entry(term).or_default().push(number);
            }
            for (key, value, unit) in record.numbers {
                numbers.entry(key).or_default().push((value, number, unit));
            }
            let row = Arc::new(Row {
                id: record.id.into(),
                stored: record.stored.into(),
                digest: record.digest,
                name: record.name.into_iter().map(|(l, name)| (next.locale(l), name.into())).collect(),
            });
            names.push((number, row.clone()));
            next.set_row(number, Some(row));
        }
        next.change_terms(&changed, terms);
        next.change_numbers(&changed, numbers);
        let orders = self.name_orders.lock().clone();
        next.name_orders =
            Mutex::new(orders.iter().map(|order| Arc::new(order.with(&changed, &names, len))).collect());
        next
    }

    fn copy(&self, len: usize) -> Catalog {
        let mut all = self.all.clone();
        all.grow(len);
        let mut pages = self.pages.clone();
        pages.resize_with(len.div_ceil(PAGE_ROWS), || Arc::new(vec![None; PAGE_ROWS]));
        let (mut newest, mut popularity) = (self.newest.clone(), self.popularity.clone());
        newest.resize(len, 0);
        popularity.resize(len, 0);
        Catalog {
            len,
            all,
            pages,
            newest,
            popularity,
            terms: self.terms.clone(),
            numbers: self.numbers.clone(),
            locales: self.locales.clone(),
            name_orders: Mutex::default(),
        }
    }

    fn locale(&mut self, locale: String) -> Arc<str> {
        if let Some(known) = self.locales.get(locale.as_str()) {
            return known.clone();
        }
        let locale: Arc<str> = locale.into();
        self.locales.insert(locale.clone());
        locale
    }

    fn set_row(&mut self, number: u32, row: Option<Arc<Row>>) {
        let index = number as usize;
        Arc::make_mut(&mut self.pages[index / PAGE_ROWS])[index % PAGE_ROWS] = row;
    }

    fn change_terms(&mut self, changed: &Bits, mut added: BTreeMap<(String, String), Vec<u32>>) {
        let len = self.len;
        for (key, values) in &mut self.terms {
            for (value, numbers) in values.iter_mut() {
                let added = added.remove(&(key.clone(), value.clone())).unwrap_or_default();
                if !added.is_empty() || numbers.touches(changed) {
                    *numbers = Arc::new(numbers.changed(changed, &added, len));
                }
            }
            values.retain(|_, numbers| !numbers.is_empty());
        }
        for ((key, value), added) in added {
            let numbers = Numbers::empty().changed(changed, &added, len);
            self.terms.entry(key).or_default().insert(value, Arc::new(numbers));
        }
        self.terms.retain(|_, values| !values.is_empty());
    }

    fn change_numbers(&mut self, changed: &Bits, mut added: BTreeMap<String, Vec<(i64, u32, String)>>) {
        let keys: BTreeSet<String> = self.numbers.keys().chain(added.keys()).cloned().collect();
        for key in keys {
            let added = added.remove(&key).unwrap_or_default();
            let column = self.numbers.entry(key).or_default();
            if !added.is_empty() || column.values.iter().any(|(_, number)| changed.contains(*number)) {
                *column = Arc::new(column.with(changed, added));
            }
        }
        self.numbers.retain(|_, column| !column.values.is_empty());
    }

    pub fn len(&self) -> usize {
        self.len
    }

    /// Every product.
    pub fn all(&self) -> &Bits {
        &self.all
    }

    pub fn row(&self, number: u32) -> Option<&Arc<Row>> {
        let index = number as usize;
        self.pages.get(index / PAGE_ROWS)?.get(index % PAGE_ROWS)?.as_ref()
    }

    pub fn newest(&self, number: u32) -> i64 {
        self.newest.get(number as usize).copied().unwrap_or(i64::MIN)
    }

    pub fn popularity(&self, number: u32) -> u64 {
        self.popularity.get(number as usize).copied().unwrap_or(0)
    }

    pub fn terms(&self) -> &BTreeMap<String, BTreeMap<String, Arc<Numbers>>> {
        &self.terms
    }

    pub fn numbers(&self) -> &BTreeMap<String, Arc<NumberColumn>> {
        &self.numbers
    }

    /// The order by name for a chain of locales; worked out at its first use, kept up afterwards.
    pub fn name_order(&self, locales: &[String]) -> Arc<NameOrder> {
        let mut orders = self.name_orders.lock();
        if let Some(order) = orders.iter().find(|order| order.locales == locales) {
            return order.clone();
        }
        let named = self.all.iter().filter_map(|number| Some((number, self.row(number)?.clone())));
        let named: Vec<(u32, Arc<Row>)> = named.collect();
        let empty = NameOrder { locales: locales.to_vec(), entries: Vec::new(), ranks: Vec::new() };
        let order = Arc::new(empty.with(&self.all, &named, self.len));
        if orders.len() == NAME_ORDERS_MAX {
            orders.remove(0);
        }
        orders.push(order.clone());
        order
    }
}

impl Row {
    /// The name for a chain of locales; where none of them has one, any name.
    pub fn name(&self, locales: &[String]) -> &str {
        let of = |wanted: &String| {
            self.name.iter().find(|(locale, name)| **locale == **wanted && !name.is_empty())
        };
        let language = locales.first().and_then(|locale| locale.split('-').next()).unwrap_or_default();
        let kin = || self.name.iter().find(|(locale, _)| locale.split('-').next() == Some(language));
        let found = locales.iter().find_map(of).or_else(kin).or_else(|| self.name.first());
        found.map_or("", |(_, name)| name)
    }
}

impl NumberColumn {
    fn with(&self, changed: &Bits, added: Vec<(i64, u32, String)>) -> NumberColumn {
        let mut next = self.clone();
        next.values.retain(|(_, number)| !changed.contains(*number));
        for (value, number, unit) in added {
            next.values.push((value, number));
            next.unit = unit;
        }
        next.values.sort();
        next
    }

    /// Adds the products with a number from `from` to `to`, both within.
    pub fn add_range(&self, from: i64, to: i64, union: &mut Bits) {
        let start = self.values.partition_point(|(value, _)| *value < from);
        for (_, number) in self.values[start..].iter().take_while(|(value, _)| *value <= to) {
            union.insert(*number);
        }
    }

    /// The lowest and the highest number among `mask`.
    pub fn range(&self, mask: &Bits) -> Option<(i64, i64)> {
        let (min, _) = self.values.iter().find(|(_, number)| mask.contains(*number))?;
        let (max, _) = self.values.iter().rev().find(|(_, number)| mask.contains(*number))?;
        Some((*min, *max))
    }
}

/// All products by name.
pub struct NameOrder {
    locales: Vec<String>,
    /// Ascending by folded name, then number.
    entries: Vec<(Arc<str>, u32)>,
    /// By number: place in `entries`.
    ranks: Vec<u32>,
}

impl NameOrder {
    fn with(&self, changed: &Bits, put: &[(u32, Arc<Row>)], len: usize) -> NameOrder {
        let key = |row: &Row| Arc::from(name_key(row.name(&self.locales)));
        let mut added: Vec<(Arc<str>, u32)> = put.iter().map(|(number, row)| (key(row), *number)).collect();
        added.sort();
        let kept = self.entries.iter().filter(|(_, number)| !changed.contains(*number)).cloned();
        let mut entries: Vec<(Arc<str>, u32)> = Vec::with_capacity(self.entries.len() + added.len());
        let mut added = added.into_iter().peekable();
        for entry in kept {
            while let Some(earlier) = added.next_if(|earlier| *earlier < entry) {
                entries.push(earlier);
            }
            entries.push(entry);
        }
        entries.extend(added);
        let mut ranks = vec![u32::MAX; len];
        for (rank, (_, number)) in entries.iter().enumerate() {
            ranks[*number as usize] = rank as u32;
        }
        NameOrder { locales: self.locales.clone(), entries, ranks }
    }

    /// Odd, so that [`NameOrder::place`] has room between two neighbours.
    pub fn rank(&self, number: u32) -> u64 {
        let rank = self.ranks.get(number as usize).copied().unwrap_or(u32::MAX);
        u64::from(rank) * 2 + 1
    }

    /// The rank of this name and number, or the gap where it would be.
    pub fn place(&self, key: &str, number: u32) -> u64 {
        match self.entries.binary_search_by(|(k, n)| (&**k, *n).cmp(&(key, number))) {
            Ok(rank) => rank as u64 * 2 + 1,
            Err(gap) => gap as u64 * 2,
        }
    }

    pub fn key(&self, number: u32) -> &str {
        let entry = self.ranks.get(number as usize).and_then(|rank| self.entries.get(*rank as usize));
        entry.map_or("", |(key, _)| key)
    }
}

fn name_key(name: &str) -> String {
    let mut key = fold(name.trim());
    let end = (0..=NAME_KEY_BYTES_MAX.min(key.len())).rev().find(|end| key.is_char_boundary(*end));
    key.truncate(end.unwrap_or(0));
    key
}

/// The locales to try in order: each asked for, followed by its language.
pub fn locale_chain(locale: &str, fallbacks: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for locale in std::iter::once(locale).chain(fallbacks.iter().map(String::as_str)) {
        let language = locale.split('-').next().unwrap_or(locale);
        for candidate in [locale, language] {
            if !chain.iter().any(|known| known == candidate) {
                chain.push(candidate.to_owned());
            }
        }
    }
    chain
}
