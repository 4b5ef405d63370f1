//! Warehouses, stock and its movements.

use super::merge::base;
use super::products::made;
use crate::api::body::text;
use crate::api::me::{CURSOR, LIMIT, PAGE, page_request, tagged};
use crate::extract::{Asked, Json, Pairs, Parameter, Path, Query};
use crate::gate::Call;
use crate::ports_lists::{ListScope, MovementQuery, MovementRow, PageRequest, StockQuery, StockRow};
use crate::problem::{Faults, Problem};
use crate::read::{list_view, moment};
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::catalog::{self, Sku, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{
    self, Command, ITEMS_BY_SKU, LEVELS, Level, Reason, STOCK_ITEMS, WAREHOUSES, WAREHOUSES_MAX, Warehouse,
};
use gearify_commerce::{Country, Name, OrderId, StockItemId, WarehouseId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: stock", Api, Shop;
        Get "/api/v1/admin/warehouses" list_warehouses: Staff(StockRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(WarehouseList), "Warehouses, inactive ones too";
        Post "/api/v1/admin/warehouses" create_warehouse: Staff(StockWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(WarehouseBody), 201(WarehouseView), "Makes a warehouse";
        Get "/api/v1/admin/warehouses/{id}" get_warehouse: Staff(StockRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(WarehouseView), "One warehouse";
        Put "/api/v1/admin/warehouses/{id}" replace_warehouse: Staff(StockWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(WarehouseBody), 200(WarehouseView), "Replaces what is said about a warehouse";
        Get "/api/v1/admin/inventory" list_stock: Staff(StockRead), MERCHANT, Read, None, None, None,
            query(StockAsked), request(), 200(StockList), "Levels by SKU and warehouse";
        Post "/api/v1/admin/inventory/adjustments" adjust_stock: Staff(StockWrite), MERCHANT, Write, Json, Required, Origin,
            query(), request(Adjustment), 200(StockItemView), "Counts pieces in or out";
        Post "/api/v1/admin/inventory/transfers" transfer_stock: Staff(StockWrite), MERCHANT, Write, Json, Required, Origin,
            query(), request(Transfer), 200(StockItemView), "Moves free pieces between warehouses";
        Get "/api/v1/admin/inventory/{sku}" get_stock: Staff(StockRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(StockItemView), "Levels of one SKU in every warehouse";
        Patch "/api/v1/admin/inventory/{sku}" change_stock: Staff(StockWrite), MERCHANT, Write, Json, Accepted, Origin,
            query(), request(ChangeStock), 200(StockItemView), "Warning level, safety stock, unusable and incoming pieces";
        Get "/api/v1/admin/stock-movements" list_movements: Staff(StockRead), MERCHANT, Read, None, None, None,
            query(MovementsAsked), request(), 200(MovementList), "Changes of stock, newest first";
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WarehouseBody {
    /// 1 to 12 letters, digits or hyphens.
    pub code: String,
    pub name: String,
    pub country: String,
    /// Lower goes first.
    #[serde(default)]
    pub priority: u16,
    #[serde(default = "yes")]
    pub active: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WarehouseView {
    pub id: String,
    pub revision: u64,
    pub code: String,
    pub name: String,
    pub country: String,
    pub priority: u16,
    pub active: bool,
}
list_view!(WarehouseList of WarehouseView);

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StockLevel {
    pub sku: String,
    pub stock_item_id: String,
    pub warehouse_id: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub allocated: i64,
    pub incoming: i64,
    pub unavailable: i64,
    pub safety: i64,
    pub available: i64,
    pub low_at: u32,
}
list_view!(StockList of StockLevel);

#[derive(Serialize, ToSchema)]
pub struct StockItemView {
    pub sku: String,
    pub stock_item_id: String,
    /// Warned when what is available falls to this.
    pub low_at: u32,
    /// Over all warehouses.
    pub available: i64,
    pub levels: Vec<StockLevel>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjustment {
    pub sku: String,
    /// Id or code; the first active one if absent.
    pub warehouse: Option<String>,
    /// Pieces counted in, or out if negative.
    pub delta: i64,
    /// `received`, `counted`, `damaged`, `returned` or `correction`.
    pub reason: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    pub sku: String,
    /// Ids or codes.
    pub from: String,
    pub to: String,
    pub quantity: u32,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeStock {
    pub low_at: Option<u32>,
    /// Where the following are set: id or code.
    pub warehouse: Option<String>,
    pub safety: Option<u32>,
    pub unavailable: Option<u32>,
    pub incoming: Option<u32>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MovementView {
    pub at: String,
    pub sku: String,
    pub stock_item_id: String,
    pub warehouse_id: String,
    /// Change of what is on hand.
    pub delta: i64,
    pub on_hand: i64,
    pub available: i64,
    pub cause: String,
    pub order_id: Option<String>,
    pub actor: String,
}
list_view!(MovementList of MovementView);

#[derive(Clone, Debug)]
pub struct StockAsked {
    sku: Option<String>,
    warehouse: Option<String>,
    low: bool,
    page: PageRequest,
}

impl Asked for StockAsked {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("sku", "string", "A SKU or its beginning."),
        Parameter::new("warehouse", "string", "Id or code."),
        Parameter::new("low", "boolean", "Only what is at or below its warning level."),
        LIMIT,
        CURSOR,
        PAGE,
    ];

    fn read(pairs: &mut Pairs) -> StockAsked {
        StockAsked {
            sku: pairs.text("sku"),
            warehouse: pairs.text("warehouse"),
            low: pairs.boolean("low").unwrap_or(false),
            page: page_request(pairs),
        }
    }
}

#[derive(Clone, Debug)]
pub struct MovementsAsked {
    sku: Option<String>,
    order: Option<OrderId>,
    page: PageRequest,
}

impl Asked for MovementsAsked {
    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("sku", "string", "Of this SKU."),
        Parameter::new("order", "string", "Caused by this order."),
        LIMIT,
        CURSOR,
        PAGE,
    ];

    fn read(pairs: &mut Pairs) -> MovementsAsked {
        let sku = pairs.text("sku");
        MovementsAsked { sku, order: pairs.with("order", OrderId::parse), page: page_request(pairs) }
    }
}

impl From<StockRow> for StockLevel {
    fn from(row: StockRow) -> StockLevel {
        StockLevel {
            sku: row.sku,
            stock_item_id: row.item.to_string(),
            warehouse_id: row.warehouse.to_string(),
            on_hand: row.on_hand,
            reserved: row.reserved,
            allocated: row.allocated,
            incoming: row.incoming,
            unavailable: row.unavailable,
            safety: row.safety,
            available: row.available,
            low_at: row.low_at,
        }
    }
}

impl From<MovementRow> for MovementView {
    fn from(row: MovementRow) -> MovementView {
        MovementView {
            at: moment(row.at),
            sku: row.sku,
            stock_item_id: row.item.to_string(),
            warehouse_id: row.warehouse.to_string(),
            delta: row.delta,
            on_hand: row.on_hand,
            available: row.available,
            cause: row.cause,
            order_id: row.order.map(|id| id.to_string()),
            actor: row.actor,
        }
    }
}

fn warehouse_view(warehouse: &Warehouse) -> WarehouseView {
    WarehouseView {
        id: warehouse.id.to_string(),
        revision: warehouse.revision,
        code: warehouse.code.clone(),
        name: warehouse.name.to_string(),
        country: warehouse.country.to_string(),
        priority: warehouse.priority,
        active: warehouse.active,
    }
}

fn warehouse(call: &Call, id: WarehouseId) -> Result<Warehouse, Problem> {
    call.read(GroupKind::Region, |view| WAREHOUSES.get(view, &id))
        .ok_or_else(|| Problem::not_found("warehouse"))
}

fn show_warehouse(call: &Call, id: WarehouseId, status: StatusCode) -> Result<Response, Problem> {
    let warehouse = warehouse(call, id)?;
    Ok(tagged(warehouse.revision, (status, Json(warehouse_view(&warehouse)))))
}

async fn list_warehouses(call: Call) -> Json<WarehouseList> {
    let mut all = call.read(GroupKind::Region, |view| WAREHOUSES.list(view, &(), WAREHOUSES_MAX));
    all.sort_by_key(|warehouse| (warehouse.priority, warehouse.id));
    Json(WarehouseList::whole(all.iter().map(warehouse_view).collect()))
}

impl WarehouseBody {
    fn command(&self, id: Option<WarehouseId>) -> Result<Command, Problem> {
        let mut faults = Faults::new();
        let name = faults.take("/name", Name::parse(&self.name));
        let country = faults.take("/country", Country::parse(&self.country));
        let (name, country) = faults.finish(name.zip(country))?;
        let WarehouseBody { code, priority, active, .. } = self;
        Ok(Command::PutWarehouse {
            id,
            code: code.clone(),
            name,
            country,
            priority: *priority,
            active: *active,
        })
    }
}

async fn create_warehouse(call: Call, Json(body): Json<WarehouseBody>) -> Result<Response, Problem> {
    let reply = call.submit(body.command(None)?).await?;
    show_warehouse(&call, made(&reply, WarehouseId::from_bits)?, StatusCode::CREATED)
}

async fn get_warehouse(call: Call, Path(id): Path<WarehouseId>) -> Result<Response, Problem> {
    show_warehouse(&call, id, StatusCode::OK)
}

async fn replace_warehouse(
    call: Call,
    Path(id): Path<WarehouseId>,
    Json(body): Json<WarehouseBody>,
) -> Result<Response, Problem> {
    let command = body.command(Some(id))?;
    let before = warehouse(&call, id)?;
    call.require_match()?;
    base(&call, before.revision)?;
    call.submit(command).await?;
    show_warehouse(&call, id, StatusCode::OK)
}

/// A warehouse by its id or code; the first active one where none is named.
pub fn find_warehouse(call: &Call, wanted: Option<&str>) -> Option<WarehouseId> {
    let known = call.read(GroupKind::Region, |view| inventory::warehouses(view));
    match wanted {
        None => known.iter().find(|warehouse| warehouse.active).map(|warehouse| warehouse.id),
        Some(wanted) => known
            .iter()
            .find(|warehouse| {
                warehouse.id.to_string() == wanted || warehouse.code.eq_ignore_ascii_case(wanted)
            })
            .map(|warehouse| warehouse.id),
    }
}

/// The item behind a SKU: the variant's own. A kit is counted by its parts.
pub fn find_item(call: &Call, sku: &str) -> Result<(StockItemId, String), String> {
    let variant = Sku::parse(sku.trim())
        .ok()
        .and_then(|sku| call.read(GroupKind::Catalogue, |view| catalog::variant_by_sku(view, &sku)));
    match variant {
        Some(variant) if variant.is_kit() => Err("is a kit; its parts are counted".into()),
        Some(variant) => Ok((Variant::own_stock_item(variant.id), variant.details.sku.to_string())),
        // What is no longer sold may still lie on a shelf.
        None => call
            .read(GroupKind::Region, |view| ITEMS_BY_SKU.get(view, sku.trim()))
            .map(|item| (item.0, sku.trim().to_owned()))
            .ok_or_else(|| "is not a SKU of this shop".into()),
    }
}

fn show_item(call: &Call, item: StockItemId, sku: String) -> StockItemView {
    call.read(GroupKind::Region, |view| {
        let low_at = STOCK_ITEMS.get(view, &item).map_or(0, |item| item.low_at);
        let level = |warehouse: Warehouse| {
            let level: Level = LEVELS.get(view, &(item, warehouse.id))?;
            Some(StockLevel {
                sku: sku.clone(),
                stock_item_id: item.to_string(),
                warehouse_id: warehouse.id.to_string(),
                on_hand: level.on_hand,
                reserved: level.reserved,
                allocated: level.allocated,
                incoming: level.incoming,
                unavailable: level.unavailable,
                safety: level.safety,
                available: level.available(),
                low_at,
            })
        };
        let levels = inventory::warehouses(view).into_iter().filter_map(level).collect();
        let available = inventory::available(view, item);
        StockItemView { stock_item_id: item.to_string(), low_at, available, levels, sku: sku.clone() }
    })
}

async fn list_stock(call: Call, Query(asked): Query<StockAsked>) -> Result<Json<StockList>, Problem> {
    let shop = call.shop()?;
    let warehouse = match asked.warehouse.as_deref() {
        None => None,
        Some(wanted) => Some(find_warehouse(&call, Some(wanted)).ok_or_else(|| {
            Problem::new(crate::problem::Kind::UnknownParameter)
                .field("?warehouse", "is not a warehouse of this shop")
        })?),
    };
    let query = StockQuery { sku: asked.sku, warehouse, low: asked.low, page: asked.page };
    let page = call.state().lists.stock(ListScope::new(shop.id(), shop.site()), query).await?;
    Ok(Json(StockList::page(page, StockLevel::from)))
}

async fn get_stock(call: Call, Path(sku): Path<String>) -> Result<Json<StockItemView>, Problem> {
    let (item, sku) = find_item(&call, &sku).map_err(|_| Problem::not_found("SKU"))?;
    Ok(Json(show_item(&call, item, sku)))
}

async fn adjust_stock(call: Call, Json(body): Json<Adjustment>) -> Result<Json<StockItemView>, Problem> {
    let mut faults = Faults::new();
    let item = faults.take("/sku", find_item(&call, &body.sku));
    let warehouse = find_warehouse(&call, text(&body.warehouse));
    let warehouse = faults.take("/warehouse", warehouse.ok_or("is not a warehouse of this shop"));
    let reason = Reason::parse(&body.reason).filter(|reason| *reason != Reason::Import);
    let reason =
        faults.take("/reason", reason.ok_or("must be received, counted, damaged, returned or correction"));
    let ((item, sku), (warehouse, reason)) = faults.finish(item.zip(warehouse.zip(reason)))?;
    call.submit(Command::Adjust { item, sku: sku.clone(), warehouse, delta: body.delta, reason }).await?;
    Ok(Json(show_item(&call, item, sku)))
}

async fn transfer_stock(call: Call, Json(body): Json<Transfer>) -> Result<Json<StockItemView>, Problem> {
    let mut faults = Faults::new();
    let item = faults.take("/sku", find_item(&call, &body.sku));
    let place = |wanted: &str| find_warehouse(&call, Some(wanted)).ok_or("is not a warehouse of this shop");
    let from = faults.take("/from", place(&body.from));
    let to = faults.take("/to", place(&body.to));
    let ((item, sku), (from, to)) = faults.finish(item.zip(from.zip(to)))?;
    call.submit(Command::Transfer { item, from, to, quantity: body.quantity }).await?;
    Ok(Json(show_item(&call, item, sku)))
}

async fn change_stock(
    call: Call,
    Path(sku): Path<String>,
    Json(body): Json<ChangeStock>,
) -> Result<Json<StockItemView>, Problem> {
    let (item, sku) = find_item(&call, &sku).map_err(|_| Problem::not_found("SKU"))?;
    call.refuse_match()?;
    let ChangeStock { low_at, safety, unavailable, incoming, .. } = body;
    let parts = safety.or(unavailable).or(incoming).is_some();
    let warehouse = find_warehouse(&call, text(&body.warehouse));
    if parts && warehouse.is_none() {
        return Err(Problem::invalid("/warehouse", "is not a warehouse of this shop"));
    }
    // What can be refused comes first, so that a refusal has changed nothing.
    if let Some(warehouse) = warehouse.filter(|_| parts) {
        call.submit(Command::SetParts { item, warehouse, safety, unavailable, incoming }).await?;
    }
    if let Some(low_at) = low_at {
        call.submit(Command::SetLowAt { item, low_at }).await?;
    }
    Ok(Json(show_item(&call, item, sku)))
}

async fn list_movements(
    call: Call,
    Query(asked): Query<MovementsAsked>,
) -> Result<Json<MovementList>, Problem> {
    let shop = call.shop()?;
    let query = MovementQuery { sku: asked.sku, item: None, order: asked.order, page: asked.page };
    let page = call.state().lists.movements(ListScope::new(shop.id(), shop.site()), query).await?;
    Ok(Json(MovementList::page(page, MovementView::from)))
}
