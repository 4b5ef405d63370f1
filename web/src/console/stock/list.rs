//! Lists of levels and of movements.

use crate::api::csv_file::{cell, csv_answer, line};
use crate::console::lists::{Columns, ListColumn, Show, column, list_problem, pager, with_query};
use crate::console::view::form::Choice;
use crate::console::view::{
    Action, Badge, Cell, Chip, Column, Field, Filter, Link, Page, Row, Search, Tab, Table, Tone,
};
use crate::console::views;
use crate::console::visit::{Visit, may, words};
use crate::console::wrong::sentence;
use crate::gate::Call;
use crate::ports_lists::{
    ListFrom, ListPage, ListScope, MovementQuery, MovementRow, NUMBERED_ROWS_MAX, PageRequest, StockQuery,
    StockRow,
};
use crate::problem::Problem;
use axum::body::Body;
use axum::response::Response;
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{self, Warehouse};
use gearify_commerce::staff::Permission::StockWrite;
use gearify_commerce::staff::ViewList;
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

const COLUMNS: [ListColumn; 11] = [
    column("sku", "SKU", Show::Always),
    column("warehouse", "Warehouse", Show::Usual),
    column("on_hand", "On hand", Show::Usual),
    column("reserved", "Reserved", Show::Usual),
    column("allocated", "Allocated", Show::Usual),
    column("available", "Available", Show::Usual),
    column("state", "State", Show::Usual),
    column("low_at", "Warns at", Show::Asked),
    column("safety", "Kept back", Show::Asked),
    column("unavailable", "Unusable", Show::Asked),
    column("incoming", "Coming", Show::Asked),
];

#[derive(Clone, Default, PartialEq)]
struct Ask {
    sku: String,
    warehouse: Option<WarehouseId>,
    low: bool,
    columns: Columns,
}

impl Ask {
    fn read(visit: &Visit) -> Ask {
        Ask {
            sku: visit.get("q").to_owned(),
            warehouse: WarehouseId::parse(visit.get("warehouse")).ok(),
            low: visit.get("low") == "yes",
            columns: Columns::read(visit, &COLUMNS),
        }
    }

    fn query(&self, page: PageRequest) -> StockQuery {
        StockQuery {
            sku: Some(self.sku.clone()).filter(|sku| !sku.is_empty()),
            warehouse: self.warehouse,
            low: self.low,
            page,
        }
    }

    fn href(&self) -> String {
        self.address("/console/stock")
    }

    fn address(&self, path: &str) -> String {
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
        pairs.extend_pairs(self.columns.pairs());
        with_query(path, &pairs.finish())
    }
}

pub async fn list_stock_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = Ask::read(&visit);
    let query = ask.query(from(visit.get("cursor")));
    let found = call.state().lists.clone().stock(scope(call), query).await.map_err(list_problem)?;
    let warehouses = warehouses(call);
    let mut table = ask.columns.of(stock_table(call, &found, &warehouses)?, &COLUMNS);
    table.pager = Some(pager(&found, &ask.href(), "level", "levels"));
    let filter = stock_filter(&ask, &warehouses);
    table.filter = Some(views::keep(call, ViewList::Stock, &ask.href(), filter));
    table.empty = match ask.low {
        true => "Nothing is low. Good.".to_owned(),
        false => "Nothing was counted yet. Open a variant of a product and count it in, or import a file."
            .to_owned(),
    };
    let mut page = Page::new("Stock");
    if !table.rows.is_empty() {
        page = page.action(Action::go("Export these", ask.address("/console/stock/export")));
    }
    if may(call, StockWrite) {
        page = page.primary(Action::go("Prices and stock as a sheet", "/console/stock/sheet"));
    }
    Ok(visit.show(&page.part(table)))
}

/// Levels read at a time.
const PAGE: usize = 100;

/// What the list shows, as a file: the same rows in the same order, the same columns; at most
/// [`NUMBERED_ROWS_MAX`] of them.
pub async fn export_stock(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let ask = Ask::read(&visit);
    let warehouses = warehouses(call);
    let shown: Vec<&'static str> =
        ask.columns.places(&COLUMNS).into_iter().map(|place| COLUMNS[place].word).collect();
    let heads = shown.iter().flat_map(|word| match *word {
        "sku" => vec!["sku", "product"],
        word => vec![word],
    });
    let (mut file, mut rows, mut from) = (line(heads), 0, ListFrom::Start);
    loop {
        let query = ask.query(PageRequest { limit: PAGE, from });
        let found = call.state().lists.clone().stock(scope(call), query).await.map_err(list_problem)?;
        rows += found.data.len();
        for (row, name) in found.data.iter().zip(names(call, &found.data)?) {
            let cells: Vec<String> =
                shown.iter().flat_map(|word| cells(word, row, &name, &warehouses)).collect();
            file.extend(line(cells.iter().map(String::as_str)));
        }
        match found.next_cursor {
            Some(next) if rows < NUMBERED_ROWS_MAX => from = ListFrom::Cursor(next),
            _ => return Ok(csv_answer("stock", Body::from(file))),
        }
    }
}

fn cells(word: &str, row: &StockRow, name: &str, warehouses: &[Warehouse]) -> Vec<String> {
    let number = match word {
        "sku" => return vec![cell(&row.sku), cell(name)],
        "warehouse" => return vec![cell(&name_of(warehouses, row.warehouse))],
        "state" => return vec![level_badge(row.available, row.low_at).label],
        "on_hand" => row.on_hand,
        "reserved" => row.reserved,
        "allocated" => row.allocated,
        "available" => row.available,
        "low_at" => i64::from(row.low_at),
        "safety" => row.safety,
        "unavailable" => row.unavailable,
        _ => row.incoming,
    };
    vec![number.to_string()]
}

/// What the products are called that the levels are of.
fn names(call: &Call, rows: &[StockRow]) -> Result<Vec<String>, Problem> {
    let locale = crate::console::visit::settings(call)?.locale.clone();
    Ok(call.read(GroupKind::Catalogue, |view| {
        let name = |row: &StockRow| {
            let variant = catalog::variant_of_stock_item(view, row.item)?;
            let product = catalog::product(view, variant.product)?;
            Some(product.details.name.words(&locale, &locale).to_owned())
        };
        rows.iter().map(|row| name(row).unwrap_or_default()).collect()
    }))
}

fn stock_table(call: &Call, found: &ListPage<StockRow>, warehouses: &[Warehouse]) -> Result<Table, Problem> {
    let words = words(call)?;
    let columns = COLUMNS.map(|column| match column.word {
        "sku" | "warehouse" | "state" => Column::new(column.label),
        "reserved" | "allocated" => Column::number(column.label).minor(),
        _ => Column::number(column.label),
    });
    let rows = found.data.iter().zip(names(call, &found.data)?).map(|(row, name)| {
        let href = format!("/console/stock/{}", row.item);
        Row::new(vec![
            Cell::LinkLines(Link::new(row.sku.clone(), href.clone()), name),
            Cell::Text(name_of(warehouses, row.warehouse)),
            Cell::Text(words.count(row.on_hand)),
            Cell::Text(words.count(row.reserved)),
            Cell::Text(words.count(row.allocated)),
            Cell::Text(words.count(row.available)),
            Cell::badge(level_badge(row.available, row.low_at)),
            Cell::Text(words.count(row.low_at.into())),
            Cell::Text(words.count(row.safety)),
            Cell::Text(words.count(row.unavailable)),
            Cell::Text(words.count(row.incoming)),
        ])
        .href(href)
    });
    Ok(Table::new("Stock", columns.to_vec()).rows(rows))
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
        let view = Ask { low, columns: ask.columns.clone(), ..Ask::default() };
        Tab { label: label.to_owned(), href: view.href(), current: view == *ask }
    };
    let mut chips = Vec::new();
    if !ask.sku.is_empty() {
        let without = Ask { sku: String::new(), ..ask.clone() };
        chips.push(Chip { label: format!("SKU {}", ask.sku), href: without.href() });
    }
    if let Some(warehouse) = ask.warehouse {
        let without = Ask { warehouse: None, ..ask.clone() };
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
        clear: Ask { columns: ask.columns.clone(), ..Ask::default() }.href(),
        fields: vec![Field::select("warehouse", "Warehouse", choices), ask.columns.field(&COLUMNS)],
        hidden: if ask.low { vec![("low".to_owned(), "yes".to_owned())] } else { Vec::new() },
        ..Filter::default()
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
