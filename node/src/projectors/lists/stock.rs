//! The lists of stock levels and of what moved them.

use super::page::{Key, Order, Spot, page, total};
use super::read::{Answer, after_prefix, bits, empty, filled, scope_number, scope_run};
use super::rows::bytes;
use gearify_commerce::{OrderId, StockItemId, Timestamp, WarehouseId};
use gearify_web::ports_lists::*;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params};

pub(super) fn stock(db: &Connection, scope: ListScope, query: &StockQuery) -> Answer<ListPage<StockRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let mut run = scope_run(n);
    let mut add = |condition: &str, value: Value| {
        run.values.push(value);
        run.condition += &condition.replace('?', &format!("?{}", run.values.len()));
    };
    if let Some(sku) = query.sku.as_deref().map(|sku| sku.trim().to_lowercase()).filter(|sku| !sku.is_empty())
    {
        add(" AND sku_key >= ?", Value::Text(sku.clone()));
        add(" AND sku_key < ?", Value::Text(after_prefix(&sku)));
    }
    if let Some(warehouse) = query.warehouse {
        add(" AND substr(place, 17) = ?", Value::Blob(bytes(warehouse.bits()).to_vec()));
    }
    if query.low {
        run.condition +=
            " AND substr(place, 1, 16) IN (SELECT item FROM stock_items WHERE scope = ?1 AND low = 1)";
    }
    let table = match query.warehouse {
        Some(_) => "stock INDEXED BY stock_by_warehouse",
        None => "stock",
    };
    let order = Order { name: "stock", table, key: "sku_key", id: "place", descending: false };
    let runs = [run];
    filled(db, page(db, order, &runs, &query.page)?, total(db, order, &runs)?, |db, spot| {
        stock_row(db, n, spot)
    })
}

fn stock_row(db: &Connection, scope: i64, spot: &Spot) -> Answer<Option<StockRow>> {
    let Key::Text(sku_key) = &spot.key else { return Ok(None) };
    let (item, warehouse) = spot.id.split_at(16);
    let sql =
        "SELECT i.sku, s.on_hand, s.reserved, s.allocated, s.incoming, s.unavailable, s.safety, s.available,
                 i.low_at FROM stock s JOIN stock_items i ON i.scope = s.scope AND i.item = ?4
               WHERE s.scope = ?1 AND s.sku_key = ?2 AND s.place = ?3";
    let mut statement = db.prepare_cached(sql)?;
    let row = statement.query_row(params![scope, sku_key, spot.id, item], |row| {
        Ok(StockRow {
            item: StockItemId::from_bits(bits(item)),
            sku: row.get(0)?,
            warehouse: WarehouseId::from_bits(bits(warehouse)),
            on_hand: row.get(1)?,
            reserved: row.get(2)?,
            allocated: row.get(3)?,
            incoming: row.get(4)?,
            unavailable: row.get(5)?,
            safety: row.get(6)?,
            available: row.get(7)?,
            low_at: row.get(8)?,
        })
    });
    Ok(row.optional()?)
}

pub(super) fn movements(
    db: &Connection,
    scope: ListScope,
    query: &MovementQuery,
) -> Answer<ListPage<MovementRow>> {
    let Some(n) = scope_number(db, scope)? else { return Ok(empty()) };
    let item = match (&query.item, &query.sku) {
        (Some(item), _) => Some(bytes(item.bits()).to_vec()),
        (None, Some(sku)) => match item_of_sku(db, n, sku)? {
            Some(item) => Some(item),
            None => return Ok(empty()),
        },
        (None, None) => None,
    };
    let mut run = scope_run(n);
    let mut add = |column: &str, id: Vec<u8>| {
        run.values.push(Value::Blob(id));
        run.condition += &format!(" AND {column} = ?{}", run.values.len());
    };
    let table = match (item, query.order) {
        (Some(item), order) => {
            add("item", item);
            order.into_iter().for_each(|order| add("order_id", bytes(order.bits()).to_vec()));
            "movements INDEXED BY movements_by_item"
        }
        (None, Some(order)) => {
            add("order_id", bytes(order.bits()).to_vec());
            "movements INDEXED BY movements_by_order"
        }
        (None, None) => "movements",
    };
    let order = Order { name: "movements", table, key: "log_index", id: "place", descending: true };
    let runs = [run];
    filled(db, page(db, order, &runs, &query.page)?, total(db, order, &runs)?, |db, spot| {
        movement_row(db, n, spot)
    })
}

fn item_of_sku(db: &Connection, scope: i64, sku: &str) -> Answer<Option<Vec<u8>>> {
    let sql = "SELECT substr(place, 1, 16) FROM stock WHERE scope = ?1 AND sku_key = ?2 LIMIT 1";
    let mut statement = db.prepare_cached(sql)?;
    Ok(statement.query_row(params![scope, sku.trim().to_lowercase()], |row| row.get(0)).optional()?)
}

fn movement_row(db: &Connection, scope: i64, spot: &Spot) -> Answer<Option<MovementRow>> {
    let Key::Int(log_index) = spot.key else { return Ok(None) };
    let sql =
        "SELECT m.at, m.item, coalesce(i.sku, ''), m.warehouse, m.delta, m.on_hand, m.available, m.cause,
                 m.order_id, m.actor
               FROM movements m LEFT JOIN stock_items i ON i.scope = m.scope AND i.item = m.item
               WHERE m.scope = ?1 AND m.log_index = ?2 AND m.place = ?3";
    let mut statement = db.prepare_cached(sql)?;
    let row = statement.query_row(params![scope, log_index, spot.id], |row| {
        Ok(MovementRow {
            at: Timestamp::from_millis(row.get(0)?),
            item: StockItemId::from_bits(bits(&row.get::<_, Vec<u8>>(1)?)),
            sku: row.get(2)?,
            warehouse: WarehouseId::from_bits(bits(&row.get::<_, Vec<u8>>(3)?)),
            delta: row.get(4)?,
            on_hand: row.get(5)?,
            available: row.get(6)?,
            cause: row.get(7)?,
            order: row.get::<_, Option<Vec<u8>>>(8)?.map(|id| OrderId::from_bits(bits(&id))),
            actor: row.get(9)?,
        })
    });
    Ok(row.optional()?)
}
