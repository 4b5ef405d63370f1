//! Lists of levels and of movements.

use crate::console::lists::{list_problem, pager};
use crate::console::view::form::Choice;
use crate::console::view::{
    Badge, Cell, Chip, Column, Field, Filter, Link, Page, Row, Search, Tab, Table, Tone,
};
use crate::console::visit::{Visit, words};
use crate::console::wrong::sentence;
use crate::gate::Call;
use crate::ports_lists::{
    ListFrom, ListPage, ListScope, MovementQuery, MovementRow, PageRequest, StockQuery, StockRow,
};
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{self, Warehouse};
use gearify_commerce::{Site, StockItemId, WarehouseId};

const ROWS: usize = 50;

fn from(cursor: &str) -> PageRequest {
    let from = if cursor.is_empty() { ListFrom::Start } else { ListFrom::Cursor(cursor.to_owned()) };
    PageRequest { limit: ROWS, from }
}

fn scope(call: &Call) -> ListScope {
    ListScope::new(call.tenant(), Site::FIRST)
}

fn warehouses(call: &Call) -> Vec<Warehouse> {
    call.read(GroupKind::Region, |view| inventory::warehouses(view))
}

/// What a warehouse is called in lists.
fn name_of(warehouses: &[Warehouse], id: WarehouseId) -> String {
    let known = warehouses.iter().find(|warehouse| warehouse.id == id);
    known.map_or_else(|| id.to_string(), |warehouse| warehouse.name.to_string())
}

struct Ask {
    sku: String,
    warehouse: Option<WarehouseId>,
    low: bool,
}

impl Ask {
    fn href(&self) -> String {
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        if !self.sku.is_empty() {
            pairs.append_pair("q", &self.sku);
        }
        if let Some(warehouse) = self.warehouse {
            pairs.append_pair("warehouse", &warehouse.to_string());
        }
        if self.low {
            pairs.append_pair("low", "yes");
        }
        match pairs.finish() {
            query if query.is_empty() => "/console/stock".to_owned(),
            query => format!("/console/stock?{query}"),
        }
    }
}

pub async fn list_stock_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = Ask {
        sku: visit.get("q").to_owned(),
        warehouse: WarehouseId::parse(visit.get("warehouse")).ok(),
        low: visit.get("low") == "yes",
    };
    let query = StockQuery {
        sku: Some(ask.sku.clone()).filter(|sku| !sku.is_empty()),
        warehouse: ask.warehouse,
        low: ask.low,
        page: from(visit.get("cursor")),
    };
    let found = call.state().lists.clone().stock(scope(call), query).await.map_err(list_problem)?;
    let warehouses = warehouses(call);
    let mut table = stock_table(call, &found, &warehouses)?;
    table.pager = Some(pager(&found, &ask.href(), "level", "levels"));
    table.filter = Some(stock_filter(&ask, &warehouses));
    table.empty = match ask.low {
        true => "Nothing is low. Good.".to_owned(),
        false => "Nothing was counted yet. Open a variant of a product and count it in, or import a file."
            .to_owned(),
    };
    Ok(visit.show(&Page::new("Stock").part(table)))
}

fn stock_table(call: &Call, found: &ListPage<StockRow>, warehouses: &[Warehouse]) -> Result<Table, Problem> {
    let words = words(call)?;
    let locale = crate::console::visit::settings(call)?.locale.clone();
    let columns = vec![
        Column::new("SKU"),
        Column::new("Warehouse"),
        Column::number("On hand"),
        Column::number("Reserved").minor(),
        Column::number("Allocated").minor(),
        Column::number("Available"),
        Column::new("State"),
    ];
    let names: Vec<String> = call.read(GroupKind::Catalogue, |view| {
        let name = |row: &StockRow| {
            let variant = catalog::variant_of_stock_item(view, row.item)?;
            let product = catalog::product(view, variant.product)?;
            Some(product.details.name.words(&locale, &locale).to_owned())
        };
        found.data.iter().map(|row| name(row).unwrap_or_default()).collect()
    });
    let rows = found.data.iter().zip(names).map(|(row, name)| {
        let href = format!("/console/stock/{}", row.item);
        Row::new(vec![
            Cell::LinkLines(Link::new(row.sku.clone(), href.clone()), name),
            Cell::Text(name_of(warehouses, row.warehouse)),
            Cell::Text(words.count(row.on_hand)),
            Cell::Text(words.count(row.reserved)),
            Cell::Text(words.count(row.allocated)),
            Cell::Text(words.count(row.available)),
            Cell::badge(level_badge(row.available, row.low_at)),
        ])
        .href(href)
    });
    Ok(Table::new("Stock", columns).rows(rows))
}

pub fn level_badge(available: i64, low_at: u32) -> Badge {
    match available {
        ..=0 => Badge::new("None left", Tone::Bad),
        left if left <= i64::from(low_at) => Badge::new("Low", Tone::Warn),
        _ => Badge::new("In stock", Tone::Good),
    }
}

fn stock_filter(ask: &Ask, warehouses: &[Warehouse]) -> Filter {
    let tab = |label: &str, low: bool| {
        let view = Ask { sku: String::new(), warehouse: None, low };
        let current = ask.low == low && ask.sku.is_empty() && ask.warehouse.is_none();
        Tab { label: label.to_owned(), href: view.href(), current }
    };
    let mut chips = Vec::new();
    if !ask.sku.is_empty() {
        let without = Ask { sku: String::new(), ..*ask };
        chips.push(Chip { label: format!("SKU {}", ask.sku), href: without.href() });
    }
    if let Some(warehouse) = ask.warehouse {
        let without = Ask { sku: ask.sku.clone(), warehouse: None, low: ask.low };
        chips.push(Chip { label: name_of(warehouses, warehouse), href: without.href() });
    }
    let choice = |warehouse: &Warehouse| {
        Choice::new(warehouse.id, warehouse.name.as_str()).chosen(ask.warehouse == Some(warehouse.id))
    };
    let choices = std::iter::once(Choice::new("", "All")).chain(warehouses.iter().map(choice)).collect();
    Filter {
        action: "/console/stock".to_owned(),
        tabs: vec![tab("All", false), tab("Low", true)],
        search: Some(Search {
            label: "SKU or its beginning".to_owned(),
            value: ask.sku.clone(),
            hint: String::new(),
        }),
        chips,
        clear: "/console/stock".to_owned(),
        fields: vec![Field::select("warehouse", "Warehouse", choices)],
        hidden: if ask.low { vec![("low".to_owned(), "yes".to_owned())] } else { Vec::new() },
    }
}

pub async fn list_movements_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let sku = visit.get("q").to_owned();
    let query = MovementQuery {
        sku: Some(sku.clone()).filter(|sku| !sku.is_empty()),
        page: from(visit.get("cursor")),
        ..MovementQuery::default()
    };
    let found = call.state().lists.clone().movements(scope(call), query).await.map_err(list_problem)?;
    let asked: String = form_urlencoded::byte_serialize(sku.as_bytes()).collect();
    let href = if sku.is_empty() {
        "/console/movements".to_owned()
    } else {
        format!("/console/movements?q={asked}")
    };
    let mut table = movements_table(call, &found.data, true)?;
    table.pager = Some(pager(&found, &href, "movement", "movements"));
    table.filter = Some(Filter {
        action: "/console/movements".to_owned(),
        search: Some(Search { label: "SKU or its beginning".to_owned(), value: sku, hint: String::new() }),
        clear: "/console/movements".to_owned(),
        ..Filter::default()
    });
    Ok(visit.show(&Page::new("Movements").about("Every change of a level, the newest first.").part(table)))
}

fn movements_table(call: &Call, movements: &[MovementRow], with_sku: bool) -> Result<Table, Problem> {
    let words = words(call)?;
    let warehouses = warehouses(call);
    let mut columns = vec![Column::new("When")];
    if with_sku {
        columns.push(Column::new("SKU"));
    }
    columns.extend([
        Column::new("What"),
        Column::new("Warehouse").minor(),
        Column::number("Change"),
        Column::number("On hand"),
        Column::number("Available"),
        Column::new("By").minor(),
    ]);
    let rows = movements.iter().map(|moved| {
        let mut cells = vec![words.time(moved.at)];
        if with_sku {
            cells.push(Cell::link(moved.sku.clone(), format!("/console/stock/{}", moved.item)));
        }
        let cause = sentence(&moved.cause.replace('_', " ")).trim_end_matches('.').to_owned();
        let what = match moved.order {
            Some(order) => {
                Cell::LinkLines(Link::new(cause, format!("/console/orders/{order}")), String::new())
            }
            None => Cell::Text(cause),
        };
        let sign = if moved.delta > 0 { "+" } else { "" };
        cells.extend([
            what,
            Cell::Text(name_of(&warehouses, moved.warehouse)),
            Cell::Text(format!("{sign}{}", words.count(moved.delta))),
            Cell::Text(words.count(moved.on_hand)),
            Cell::Text(words.count(moved.available)),
            Cell::Text(actor_words(call, &moved.actor)),
        ]);
        Row::new(cells)
    });
    Ok(Table::new("Movements", columns).rows(rows).empty("Nothing moved yet."))
}

/// `staff staff_…` names a colleague; all others are kinds.
fn actor_words(call: &Call, actor: &str) -> String {
    let id = actor.split_whitespace().find_map(|word| gearify_commerce::StaffId::parse(word).ok());
    match id {
        Some(id) if !actor.starts_with("operator") => crate::console::visit::staff_name(call, id),
        _ => sentence(&actor.split_whitespace().next().unwrap_or("system").replace('_', " "))
            .trim_end_matches('.')
            .to_owned(),
    }
}

/// The last movements of one item.
pub async fn movements_of(call: &Call, item: StockItemId) -> Result<Table, Problem> {
    let query = MovementQuery {
        item: Some(item),
        page: PageRequest { limit: 20, from: ListFrom::Start },
        ..MovementQuery::default()
    };
    let found = call.state().lists.clone().movements(scope(call), query).await.map_err(list_problem)?;
    movements_table(call, &found.data, false)
}
