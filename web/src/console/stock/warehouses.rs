//! Warehouses.

use crate::console::choices::country_field;
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::Submit;
use crate::console::view::{Action, Badge, Cell, Column, Field, Form, Page, Panel, Row, Table, Tone};
use crate::console::visit::{Visit, may, refused, see};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{self, Command, WAREHOUSES, Warehouse};
use gearify_commerce::staff::Permission::StockWrite;
use gearify_commerce::{Country, Name, WarehouseId};

pub async fn list_warehouses_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let warehouses = call.read(GroupKind::Region, |view| inventory::warehouses(view));
    let columns = vec![
        Column::new("Warehouse"),
        Column::new("Code"),
        Column::new("Country"),
        Column::number("Priority"),
        Column::new("State"),
    ];
    let rows = warehouses.iter().map(|warehouse| {
        let href = format!("/console/warehouses/{}", warehouse.id);
        Row::new(vec![
            Cell::link(warehouse.name.as_str(), href.clone()),
            Cell::Text(warehouse.code.clone()),
            Cell::Text(warehouse.country.to_string()),
            Cell::Text(warehouse.priority.to_string()),
            Cell::badge(state(warehouse)),
        ])
        .href(href)
        .dim(!warehouse.active)
    });
    let table = Table::new("Warehouses", columns)
        .rows(rows)
        .empty("No warehouse yet: without one nothing can be counted in.");
    let mut page = Page::new("Warehouses")
        .about("Orders leave from the lowest priority that has everything.")
        .part(table);
    if may(call, StockWrite) {
        page = page.primary(Action::go("New warehouse", "/console/warehouses/new"));
    }
    Ok(visit.show(&page))
}

fn state(warehouse: &Warehouse) -> Badge {
    if warehouse.active { Badge::new("In use", Tone::Good) } else { Badge::new("Closed", Tone::Plain) }
}

pub async fn new_warehouse_page(visit: Visit) -> Result<Response, Problem> {
    let mut typed = Typed::default();
    typed.set("priority", 10);
    typed.tick("active", true);
    typed.set("country", &crate::console::visit::settings(&visit.call)?.home.country);
    Ok(visit.show(&page("New warehouse", "/console/warehouses", &typed, &Wrong::default(), true)))
}

fn page(title: &str, action: &str, typed: &Typed, wrong: &Wrong, may_write: bool) -> Page {
    let mut form = Form::post("warehouse", action).guarded().fields(vec![
        Field::text("name", "Name"),
        Field::text("code", "Code").short().hint("Up to 12 letters, digits, hyphens: LONDON."),
        country_field("country", "Country", typed),
        Field::number("priority", "Priority").hint("Lower goes first."),
        Field::tick("active", "Orders leave from here", true),
    ]);
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to warehouses", "/console/warehouses");
    }
    Page::new(title)
        .under("Warehouses", "/console/warehouses")
        .part(Panel::new("Warehouse").part(form.filled(typed, wrong)))
}

fn known(call: &Call, id: WarehouseId) -> Result<Warehouse, Problem> {
    call.read(GroupKind::Region, |view| WAREHOUSES.get(view, &id))
        .ok_or_else(|| Problem::not_found("warehouse"))
}

pub async fn warehouse_page(visit: Visit, Path(id): Path<WarehouseId>) -> Result<Response, Problem> {
    let warehouse = known(&visit.call, id)?;
    let mut typed = Typed::default();
    typed.set("name", &warehouse.name);
    typed.set("code", &warehouse.code);
    typed.set("country", &warehouse.country);
    typed.set("priority", warehouse.priority);
    typed.tick("active", warehouse.active);
    let action = format!("/console/warehouses/{id}");
    let may_write = may(&visit.call, StockWrite);
    Ok(visit.show(&page(warehouse.name.as_str(), &action, &typed, &Wrong::default(), may_write)))
}

fn read(typed: &Typed, id: Option<WarehouseId>) -> Result<Command, Wrong> {
    let mut check = Check::new(typed);
    let name = check.value("name", Name::parse);
    let code = check.value("code", |text| Ok::<_, String>(text.to_owned()));
    let country = check.value("country", Country::parse);
    let priority = check.integer("priority", 0, i64::from(u16::MAX));
    let active = typed.is_ticked("active");
    let command = (|| {
        Some(Command::PutWarehouse {
            id,
            code: code?,
            name: name?,
            country: country?,
            priority: priority?,
            active,
        })
    })();
    check.done(command)
}

pub async fn put_warehouse_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    put(&call, None, "New warehouse", "/console/warehouses", &typed).await
}

pub async fn update_warehouse_form(
    call: Call,
    Path(id): Path<WarehouseId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let warehouse = known(&call, id)?;
    put(&call, Some(id), warehouse.name.as_str(), &format!("/console/warehouses/{id}"), &typed).await
}

async fn put(
    call: &Call,
    id: Option<WarehouseId>,
    title: &str,
    action: &str,
    typed: &Typed,
) -> Result<Response, Problem> {
    let wrong = match read(typed, id) {
        Ok(command) => match call.submit(command).await {
            Ok(_) => {
                return Ok(see(
                    "/console/warehouses",
                    if id.is_some() { Done::Saved } else { Done::Created },
                ));
            }
            Err(problem) => Wrong::of(problem, |pointer| Some(pointer.to_owned()))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(call, &page(title, action, typed, &wrong, true)))
}
