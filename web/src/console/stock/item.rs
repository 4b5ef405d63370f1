//! One stock item: its levels, and forms that change them.

use super::list::{level_badge, movements_of};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Submit};
use crate::console::view::{Cell, Column, Field, Form, Notice, Page, Panel, Row, Table, Tone};
use crate::console::visit::{Visit, may, refused, see, settings, words};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{self, Command, Level, ON_HAND_MAX, Reason, STOCK_ITEMS, Warehouse};
use gearify_commerce::staff::Permission::StockWrite;
use gearify_commerce::{StockItemId, WarehouseId};
use std::collections::BTreeMap;

/// What is known of an item, counted or not.
struct Item {
    id: StockItemId,
    sku: String,
    name: String,
    low_at: u32,
    counted: bool,
    levels: BTreeMap<WarehouseId, Level>,
    warehouses: Vec<Warehouse>,
}

fn read(call: &Call, id: StockItemId) -> Result<Item, Problem> {
    let locale = settings(call)?.locale.clone();
    let (record, levels, warehouses) = call.read(GroupKind::Region, |view| {
        (STOCK_ITEMS.get(view, &id), inventory::levels(view, id), inventory::warehouses(view))
    });
    let named = call.read(GroupKind::Catalogue, |view| {
        let variant = catalog::variant_of_stock_item(view, id)?;
        let product = catalog::product(view, variant.product)?;
        Some((variant.details.sku.to_string(), product.details.name.words(&locale, &locale).to_owned()))
    });
    let sku = named
        .as_ref()
        .map(|(sku, _)| sku.clone())
        .or_else(|| record.as_ref().map(|record| record.sku.clone()));
    Ok(Item {
        id,
        sku: sku.ok_or_else(|| Problem::not_found("stock item"))?,
        name: named.map_or(String::new(), |(_, name)| name),
        low_at: record.as_ref().map_or(0, |record| record.low_at),
        counted: record.is_some(),
        levels,
        warehouses,
    })
}

fn path_of(id: StockItemId) -> String {
    format!("/console/stock/{id}")
}

pub async fn stock_item_page(visit: Visit, Path(id): Path<StockItemId>) -> Result<Response, Problem> {
    let item = read(&visit.call, id)?;
    let page = page(&visit.call, &item, "", &Typed::default(), &Wrong::default()).await?;
    Ok(visit.show(&page))
}

/// `sent` names the form that came back, which keeps what was typed.
async fn page(call: &Call, item: &Item, sent: &str, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let words = words(call)?;
    let mut page = Page::new(item.sku.clone()).under("Stock", "/console/stock").about(item.name.clone());
    let available: i64 = item.levels.values().map(|level| level.available().max(0)).sum();
    page = page.badge(level_badge(available, item.low_at));
    let columns = vec![
        Column::new("Warehouse"),
        Column::number("On hand"),
        Column::number("Reserved"),
        Column::number("Allocated"),
        Column::number("Kept back"),
        Column::number("Unusable"),
        Column::number("Coming"),
        Column::number("Available"),
    ];
    let rows = item.warehouses.iter().map(|warehouse| {
        let level = item.levels.get(&warehouse.id).copied().unwrap_or_default();
        let numbers = [
            level.on_hand,
            level.reserved,
            level.allocated,
            level.safety,
            level.unavailable,
            level.incoming,
            level.available(),
        ];
        let mut cells = vec![Cell::Lines(warehouse.name.to_string(), warehouse.code.clone())];
        cells.extend(numbers.map(|number| Cell::Text(words.count(number))));
        Row::new(cells).dim(!warehouse.active)
    });
    let table = Table::new("Levels", columns).rows(rows).empty("There is no warehouse yet.");
    page = page.part(Panel::new("Levels").flush().part(table));
    page = page
        .part(Panel::new("Movements").note("The last 20").flush().part(movements_of(call, item.id).await?));
    if !may(call, StockWrite) {
        return Ok(page);
    }
    if item.warehouses.is_empty() {
        let notice = Notice::new(Tone::Warn, "Make a warehouse first.");
        return Ok(page.aside(
            notice.link(crate::console::view::Link::new("New warehouse", "/console/warehouses/new")),
        ));
    }
    for (name, title, form) in forms(item) {
        let form = if name == sent { form.filled(typed, wrong) } else { form };
        page = page.aside(Panel::new(title).part(form));
    }
    Ok(page)
}

fn forms(item: &Item) -> Vec<(&'static str, &'static str, Form)> {
    let path = path_of(item.id);
    let warehouse = |name: &str, label: &str| {
        let choice = |warehouse: &Warehouse| Choice::new(warehouse.id, warehouse.name.as_str());
        Field::select(name, label, item.warehouses.iter().map(choice).collect())
    };
    let reason = |reason: Reason| Choice::new(reason.as_str(), reason_words(reason));
    let adjust = Form::post("adjust", format!("{path}/adjust"))
        .fields(vec![
            warehouse("warehouse", "Warehouse"),
            Field::number("delta", "Change by").half().hint("12 adds, -3 takes away."),
            Field::select("reason", "Reason", Reason::ALL.map(reason).to_vec()).half(),
        ])
        .submit(Submit::main("Count"));
    let mut forms = vec![("adjust", "Count in or out", adjust)];
    if !item.counted {
        return forms;
    }
    if item.warehouses.len() > 1 {
        let transfer = Form::post("transfer", format!("{path}/transfer"))
            .fields(vec![
                warehouse("from", "From").half(),
                warehouse("to", "To").half(),
                Field::number("quantity", "Pieces"),
            ])
            .submit(Submit::plain("Move"));
        forms.push(("transfer", "Move between warehouses", transfer));
    }
    let parts = Form::post("parts", format!("{path}/parts"))
        .intro("Empty fields stay as they are.")
        .fields(vec![
            warehouse("warehouse", "Warehouse"),
            Field::number("safety", "Kept back").optional(),
            Field::number("unavailable", "Unusable").optional(),
            Field::number("incoming", "Coming").optional(),
        ])
        .submit(Submit::plain("Save"));
    forms.push(("parts", "Kept back, unusable, coming", parts));
    let low = Form::post("low-at", format!("{path}/low-at"))
        .inline()
        .fields(vec![Field::number("low_at", "Warn at this many or fewer").value(item.low_at)])
        .submit(Submit::plain("Save"));
    forms.push(("low-at", "Warning", low));
    forms
}

fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Received => "Received",
        Reason::Counted => "Counted",
        Reason::Damaged => "Damaged",
        Reason::Returned => "Returned",
        Reason::Correction => "Correction",
        Reason::Import => "Import",
    }
}

async fn answer(
    call: &Call,
    item: &Item,
    form: &str,
    typed: &Typed,
    command: Result<Command, Wrong>,
    done: Done,
) -> Result<Response, Problem> {
    let wrong = match command {
        Ok(command) => match call.submit(command).await {
            Ok(_) => return Ok(see(&path_of(item.id), done)),
            Err(problem) => Wrong::of(problem, |pointer| Some(pointer.to_owned()))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(call, &page(call, item, form, typed, &wrong).await?))
}

pub async fn adjust_stock_form(
    call: Call,
    Path(id): Path<StockItemId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let item = read(&call, id)?;
    let mut check = Check::new(&typed);
    let warehouse = check.value("warehouse", WarehouseId::parse);
    let delta = check.integer("delta", -ON_HAND_MAX, ON_HAND_MAX);
    let reason = check.choice("reason", Reason::parse);
    let sku = item.sku.clone();
    let command =
        (|| Some(Command::Adjust { item: id, sku, warehouse: warehouse?, delta: delta?, reason: reason? }))();
    let command = check.done(command);
    answer(&call, &item, "adjust", &typed, command, Done::Adjusted).await
}

pub async fn transfer_stock_form(
    call: Call,
    Path(id): Path<StockItemId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let item = read(&call, id)?;
    let mut check = Check::new(&typed);
    let from = check.value("from", WarehouseId::parse);
    let to = check.value("to", WarehouseId::parse);
    let quantity = check.integer("quantity", 1, ON_HAND_MAX);
    let command = (|| Some(Command::Transfer { item: id, from: from?, to: to?, quantity: quantity? }))();
    let command = check.done(command);
    answer(&call, &item, "transfer", &typed, command, Done::Moved).await
}

pub async fn set_parts_form(
    call: Call,
    Path(id): Path<StockItemId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let item = read(&call, id)?;
    let mut check = Check::new(&typed);
    let warehouse = check.value("warehouse", WarehouseId::parse);
    let safety = check.optional_integer("safety", 0, ON_HAND_MAX);
    let unavailable = check.optional_integer("unavailable", 0, ON_HAND_MAX);
    let incoming = check.optional_integer("incoming", 0, ON_HAND_MAX);
    let command = (|| {
        Some(Command::SetParts {
            item: id,
            warehouse: warehouse?,
            safety: safety?,
            unavailable: unavailable?,
            incoming: incoming?,
        })
    })();
    let command = check.done(command);
    answer(&call, &item, "parts", &typed, command, Done::Saved).await
}

pub async fn set_low_at_form(
    call: Call,
    Path(id): Path<StockItemId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let item = read(&call, id)?;
    let mut check = Check::new(&typed);
    let low_at = check.integer("low_at", 0, ON_HAND_MAX);
    let command = check.done((|| Some(Command::SetLowAt { item: id, low_at: low_at? }))());
    answer(&call, &item, "low-at", &typed, command, Done::Saved).await
}
