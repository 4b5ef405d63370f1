//! Pages over ordered runs of an index.
//!
//! A list with filters is a few *runs*: stretches of one index that are each in the wanted order. A page
//! steps through them side by side and takes the next row of whichever is first, so it reads as many
//! rows as it shows, however many there are and however the filters divide them.

use gearify_web::ports_lists::{ListFault, ListFrom, NUMBERED_ROWS_MAX, PageRequest, TOTAL_MAX};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// What rows are ordered by first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Key {
    Int(i64),
    Text(String),
}

/// Where a row stands: its key, then its id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spot {
    pub key: Key,
    pub id: Vec<u8>,
}

/// A list's order and the columns that make it.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// Tells lists and orders apart in cursors.
    pub name: &'static str,
    /// `FROM` clause.
    pub table: &'static str,
    pub key: &'static str,
    pub id: &'static str,
    pub descending: bool,
}

/// One stretch of the index: a condition with its values.
#[derive(Clone, Debug)]
pub struct Run {
    pub condition: String,
    pub values: Vec<Value>,
}

/// The spots of one page, in the list's order, and where to go from there.
#[derive(Debug)]
pub struct Spots {
    pub spots: Vec<Spot>,
    pub next_cursor: Option<String>,
    pub prev_cursor: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Cursor {
    list: String,
    back: bool,
    spot: Spot,
}

/// Finds the spots of a page.
pub fn page(db: &Connection, order: Order, runs: &[Run], page: &PageRequest) -> Result<Spots, ListFault> {
    check(page)?;
    let (cursor, skip) = start(order, page)?;
    let back = cursor.as_ref().is_some_and(|cursor| cursor.back);
    let descending = order.descending != back;
    let wanted = page.limit + 1;
    let after = cursor.as_ref().map(|cursor| &cursor.spot);
    let mut spots = merge(db, order, runs, after, descending, skip, wanted).map_err(failed)?;
    let more = spots.len() > page.limit;
    spots.truncate(page.limit);
    if back {
        spots.reverse();
    }
    let cursor_at = |spot: Option<&Spot>, back| {
        let spot = spot?.clone();
        Some(encode(&Cursor { list: order.name.to_owned(), back, spot }))
    };
    let has_next = if back { !spots.is_empty() } else { more };
    let has_prev = if back { more } else { cursor.is_some() || skip > 0 };
    Ok(Spots {
        next_cursor: cursor_at(spots.last().filter(|_| has_next), false),
        prev_cursor: cursor_at(spots.first().filter(|_| has_prev), true),
        spots,
    })
}

/// The same for spots that are in memory already, in any order.
pub fn page_of(mut all: Vec<Spot>, order: Order, page: &PageRequest) -> Result<Spots, ListFault> {
    check(page)?;
    let (cursor, skip) = start(order, page)?;
    all.sort();
    all.dedup();
    if order.descending {
        all.reverse();
    }
    let is_before = |a: &Spot, b: &Spot| if order.descending { a > b } else { a < b };
    let (from, until) = match &cursor {
        None => (skip.min(all.len()), all.len()),
        Some(Cursor { back: false, spot, .. }) => {
            (all.partition_point(|s| s == spot || is_before(s, spot)), all.len())
        }
        Some(Cursor { back: true, spot, .. }) => (0, all.partition_point(|s| is_before(s, spot))),
    };
    let back = cursor.is_some_and(|cursor| cursor.back);
    let (from, until) =
        if back { (until.saturating_sub(page.limit), until) } else { (from, until.min(from + page.limit)) };
    let cursor_at = |spot: Option<&Spot>, back| {
        let spot = spot?.clone();
        Some(encode(&Cursor { list: order.name.to_owned(), back, spot }))
    };
    let spots = all[from..until].to_vec();
    Ok(Spots {
        next_cursor: cursor_at(spots.last().filter(|_| until < all.len()), false),
        prev_cursor: cursor_at(spots.first().filter(|_| from > 0), true),
        spots,
    })
}

/// How many rows the runs have together, counted up to [`TOTAL_MAX`], and whether that is all.
pub fn total(db: &Connection, order: Order, runs: &[Run]) -> Result<(u64, bool), ListFault> {
    let mut total = 0;
    for run in runs {
        let left = TOTAL_MAX + 1 - total;
        let sql = format!(
            "SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT {left})",
            order.table, run.condition
        );
        let count = |sql: &str| -> Result<u64, rusqlite::Error> {
            let mut statement = db.prepare_cached(sql)?;
            let count: i64 = statement.query_row(params_from_iter(&run.values), |row| row.get(0))?;
            Ok(count as u64)
        };
        total += count(&sql).map_err(failed)?;
        if total > TOTAL_MAX {
            return Ok((TOTAL_MAX, false));
        }
    }
    Ok((total, true))
}

fn check(page: &PageRequest) -> Result<(), ListFault> {
    if !(1..=100).contains(&page.limit) {
        return Err(refused("limit", "must be between 1 and 100"));
    }
    match page.from {
        ListFrom::Page(0) => Err(refused("page", "counts from 1")),
        ListFrom::Page(n) if n.saturating_mul(page.limit) > NUMBERED_ROWS_MAX => {
            let last = NUMBERED_ROWS_MAX / page.limit;
            Err(refused(
                "page",
                &format!("goes up to {last}; use the cursor beyond that, or narrow the list"),
            ))
        }
        _ => Ok(()),
    }
}

fn start(order: Order, page: &PageRequest) -> Result<(Option<Cursor>, usize), ListFault> {
    match &page.from {
        ListFrom::Start => Ok((None, 0)),
        ListFrom::Page(n) => Ok((None, (n - 1) * page.limit)),
        ListFrom::Cursor(text) => {
            let cursor = decode(text).filter(|cursor| cursor.list == order.name);
            let cursor = cursor.ok_or_else(|| refused("cursor", "is damaged, or belongs to another list"))?;
            Ok((Some(cursor), 0))
        }
    }
}

fn merge(
    db: &Connection,
    order: Order,
    runs: &[Run],
    after: Option<&Spot>,
    descending: bool,
    skip: usize,
    wanted: usize,
) -> Result<Vec<Spot>, rusqlite::Error> {
    let Order { table, key, id, .. } = order;
    let (direction, beyond) = if descending { ("DESC", "<") } else { ("ASC", ">") };
    let mut statements = Vec::with_capacity(runs.len());
    for run in runs {
        let (mut condition, mut values) = (run.condition.clone(), run.values.clone());
        if let Some(spot) = after {
            let n = values.len();
            condition += &format!(" AND ({key}, {id}) {beyond} (?{}, ?{})", n + 1, n + 2);
            values.push(match &spot.key {
                Key::Int(key) => Value::Integer(*key),
                Key::Text(key) => Value::Text(key.clone()),
            });
            values.push(Value::Blob(spot.id.clone()));
        }
        let sql = format!(
            "SELECT {key}, {id} FROM {table} WHERE {condition} ORDER BY {key} {direction}, {id} {direction}"
        );
        statements.push((db.prepare_cached(&sql)?, values));
    }
    let mut sources = Vec::with_capacity(statements.len());
    for (statement, values) in &mut statements {
        let mut rows = statement.query(params_from_iter(values.iter()))?;
        if let Some(head) = next_spot(&mut rows)? {
            sources.push((head, rows));
        }
    }
    let mut spots = Vec::with_capacity(wanted);
    let mut skip = skip;
    while spots.len() < wanted {
        let first = |a: &Spot, b: &Spot| if descending { b.cmp(a) } else { a.cmp(b) };
        let place = sources.iter().enumerate().min_by(|(_, (a, _)), (_, (b, _))| first(a, b)).map(|(n, _)| n);
        let Some(place) = place else { break };
        let (head, rows) = &mut sources[place];
        let spot = match next_spot(rows)? {
            Some(next) => std::mem::replace(head, next),
            None => sources.swap_remove(place).0,
        };
        match skip.cmp(&0) {
            Ordering::Greater => skip -= 1,
            _ => spots.push(spot),
        }
    }
    Ok(spots)
}

fn next_spot(rows: &mut rusqlite::Rows<'_>) -> Result<Option<Spot>, rusqlite::Error> {
    let Some(row) = rows.next()? else { return Ok(None) };
    let key = match row.get::<_, Value>(0)? {
        Value::Text(text) => Key::Text(text),
        Value::Integer(number) => Key::Int(number),
        _ => Key::Int(0),
    };
    Ok(Some(Spot { key, id: row.get(1)? }))
}

fn encode(cursor: &Cursor) -> String {
    use std::fmt::Write;
    let bytes = postcard::to_allocvec(cursor).expect("text, numbers and bytes can be written");
    let check = blake3::hash(&bytes);
    check.as_bytes()[..4].iter().chain(&bytes).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn decode(text: &str) -> Option<Cursor> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) || digits.len() > 2_000 {
        return None;
    }
    let digit = |digit: u8| (digit as char).to_digit(16).map(|value| value as u8);
    let bytes: Option<Vec<u8>> =
        digits.chunks(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
    let bytes = bytes?;
    let (check, body) = bytes.split_at_checked(4)?;
    if check != &blake3::hash(body).as_bytes()[..4] {
        return None;
    }
    postcard::from_bytes(body).ok()
}

pub fn refused(parameter: &'static str, detail: &str) -> ListFault {
    ListFault::Refused { parameter, detail: detail.to_owned() }
}

pub fn failed(error: impl std::fmt::Display) -> ListFault {
    ListFault::Failed(error.to_string())
}
