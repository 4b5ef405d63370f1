//! Products, by words or by what they are filed under.
//!
//! A filter by type, category or brand reads runs of `product_facets`, which has the list's orders under each
//! value. A second filter is looked up for each row that the first one lets through.

use super::codes::*;
use super::page::{Key, Order, Run, Spot, page, page_of, total};
use super::read::{
    Answer, all_of, beginning_with, bits, capped, empty, filled, has_code, one, scope_number, state,
};
use super::rows::{bytes, words};
use gearify_commerce::catalog::ProductStatus;
use gearify_commerce::{ProductId, Timestamp};
use gearify_web::ports_lists::*;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

pub fn products(db: &Connection, scope: ListScope, query: &ProductQuery) -> Answer<ListPage<ProductRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let facets = facets(query);
    let text = query.text.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let order = order(query.sort, text.is_none() && !facets.is_empty());
    let fill = |db: &Connection, spot: &Spot| product_row(db, n, &spot.id);
    let wanted = if query.status.is_empty() { ProductStatus::ALL.to_vec() } else { query.status.clone() };
    if let Some(text) = text {
        let spots = found(db, n, text, query.sort, &wanted, &facets)?;
        let total = capped(spots.len() as u64);
        return filled(db, page_of(spots, order, &query.page)?, total, fill);
    }
    let runs: Vec<Run> = match facets.split_first() {
        None => wanted.iter().map(|status| status_run(n, *status)).collect(),
        Some((first, others)) => {
            let run = |place, status: &ProductStatus| facet_run(n, first, place, others, *status);
            (0..first.terms.len())
                .flat_map(|place| wanted.iter().map(move |status| run(place, status)))
                .collect()
        }
    };
    filled(db, page(db, order, &runs, &query.page)?, total(db, order, &runs)?, fill)
}

fn order(sort: ProductSort, by_facet: bool) -> Order {
    let (name, table, key, descending) = match (sort, by_facet) {
        (ProductSort::Updated, false) => {
            ("products-updated", "products INDEXED BY products_by_update", "updated_at", true)
        }
        (ProductSort::Name, false) => {
            ("products-name", "products INDEXED BY products_by_name", "name_key", false)
        }
        (ProductSort::Newest, false) => {
            ("products-newest", "products INDEXED BY products_by_age", "created_at", true)
        }
        (ProductSort::Updated, true) => {
            ("products-updated", "product_facets INDEXED BY product_facets_by_update", "updated_at", true)
        }
        (ProductSort::Name, true) => {
            ("products-name", "product_facets INDEXED BY product_facets_by_name", "name_key", false)
        }
        (ProductSort::Newest, true) => {
            ("products-newest", "product_facets INDEXED BY product_facets_by_age", "created_at", true)
        }
    };
    Order { name, table, key, id: "id", descending }
}

/// One filter: any of these values.
struct Facet {
    kind: i64,
    terms: Vec<Vec<u8>>,
}

fn facets(query: &ProductQuery) -> Vec<Facet> {
    let of = |kind, terms: Vec<Vec<u8>>| Facet { kind, terms };
    // Brands are the narrowest as a rule, categories may be many.
    let facets = [
        of(PRODUCT_BRAND, query.brand.iter().map(|brand| brand.to_lowercase().into_bytes()).collect()),
        of(PRODUCT_TYPE, query.product_type.iter().map(|code| code.as_str().as_bytes().to_vec()).collect()),
        of(PRODUCT_CATEGORY, query.categories.iter().map(|id| bytes(id.bits()).to_vec()).collect()),
    ];
    facets.into_iter().filter(|facet| !facet.terms.is_empty()).collect()
}

fn status_run(scope: i64, status: ProductStatus) -> Run {
    Run {
        condition: "scope = ?1 AND status = ?2".into(),
        values: vec![Value::Integer(scope), Value::Integer(status.code())],
    }
}

/// Rows under one value of a facet, without those that an earlier value of it has already shown.
fn facet_run(scope: i64, facet: &Facet, place: usize, others: &[Facet], status: ProductStatus) -> Run {
    let mut values = vec![
        Value::Integer(scope),
        Value::Integer(facet.kind),
        Value::Blob(facet.terms[place].clone()),
        Value::Integer(status.code()),
    ];
    let mut condition = "scope = ?1 AND kind = ?2 AND term = ?3 AND status = ?4".to_owned();
    let mut is_under = |kind: i64, terms: &[Vec<u8>], is: &str| {
        values.push(Value::Integer(kind));
        let kind = values.len();
        let first = values.len() + 1;
        values.extend(terms.iter().cloned().map(Value::Blob));
        let terms: Vec<String> = (first..=values.len()).map(|n| format!("?{n}")).collect();
        condition += &format!(
            " AND {is} (SELECT 1 FROM product_facets f WHERE f.scope = ?1 AND f.kind = ?{kind}
               AND f.term IN ({}) AND f.id = product_facets.id)",
            terms.join(", ")
        );
    };
    if place > 0 {
        is_under(facet.kind, &facet.terms[..place], "NOT EXISTS");
    }
    for other in others {
        is_under(other.kind, &other.terms, "EXISTS");
    }
    Run { condition, values }
}

/// Products that a text may mean. They are few, so they are filtered and sorted here.
fn found(
    db: &Connection,
    n: i64,
    text: &str,
    sort: ProductSort,
    wanted: &[ProductStatus],
    facets: &[Facet],
) -> Answer<Vec<Spot>> {
    let mut ids: BTreeSet<Vec<u8>> = BTreeSet::new();
    ids.extend(beginning_with(db, n, PRODUCT_SKU, &text.to_lowercase())?);
    ids.extend(all_of(words(text).map(|word| beginning_with(db, n, PRODUCT_WORD, &word)))?);
    let mut spots = Vec::new();
    for id in ids {
        let sql =
            "SELECT status, updated_at, name_key, created_at FROM products WHERE scope = ?1 AND id = ?2";
        let key = one(db, sql, n, &id, |row| {
            let key = match sort {
                ProductSort::Updated => Key::Int(row.get(1)?),
                ProductSort::Name => Key::Text(row.get(2)?),
                ProductSort::Newest => Key::Int(row.get(3)?),
            };
            Ok((row.get::<_, i64>(0)?, key))
        })?;
        let Some((_, key)) = key.filter(|(status, _)| has_code(wanted, *status)) else { continue };
        if is_under_all(db, n, &id, facets)? {
            spots.push(Spot { key, id });
        }
    }
    Ok(spots)
}

fn is_under_all(db: &Connection, scope: i64, id: &[u8], facets: &[Facet]) -> Answer<bool> {
    let sql = "SELECT 1 FROM product_facets WHERE scope = ?1 AND kind = ?2 AND term = ?3 AND id = ?4";
    let mut statement = db.prepare_cached(sql)?;
    for facet in facets {
        let mut is_under = false;
        for term in &facet.terms {
            let row = statement.query_row(params![scope, facet.kind, term, id], |_| Ok(()));
            is_under = is_under || row.optional()?.is_some();
        }
        if !is_under {
            return Ok(false);
        }
    }
    Ok(true)
}

fn product_row(db: &Connection, scope: i64, id: &[u8]) -> Answer<Option<ProductRow>> {
    let sql = "SELECT status, name, slug, updated_at, variants FROM products WHERE scope = ?1 AND id = ?2";
    one(db, sql, scope, id, |row| {
        Ok(ProductRow {
            id: ProductId::from_bits(bits(id)),
            status: state(row, 0, ProductStatus::Draft)?,
            name: row.get(1)?,
            slug: row.get(2)?,
            updated_at: Timestamp::from_millis(row.get(3)?),
            variants: row.get(4)?,
        })
    })
}
