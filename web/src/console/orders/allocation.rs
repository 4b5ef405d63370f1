//! Which warehouse an order's open pieces leave from, and sending them from another one.

use super::detail::beneath;
use super::{order, path_of};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::{
    Cell, Choice, Column, Field, Form, Notice, Page, Panel, Row, Submit, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see};
use crate::console::words::counted;
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::{Kind, Problem};
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{self, Warehouse, stock};
use gearify_commerce::orders::{Allocation, Command, Line, Order, OrderStatus};
use gearify_commerce::staff::Permission::OrdersWrite;
use gearify_commerce::{LineId, OrderId, WarehouseId};

fn warehouses(call: &Call) -> Vec<Warehouse> {
    call.read(GroupKind::Region, |view| inventory::warehouses(view))
}

fn name_of(warehouses: &[Warehouse], id: WarehouseId) -> String {
    let known = warehouses.iter().find(|warehouse| warehouse.id == id);
    known.map_or_else(|| id.to_string(), |warehouse| warehouse.name.to_string())
}

/// What waits to be shipped and where; `None` if nothing does.
pub(super) fn allocations(call: &Call, order: &Order) -> Option<Panel> {
    let waiting: Vec<&Line> = order.lines.iter().filter(|line| !line.allocations.is_empty()).collect();
    if waiting.is_empty() {
        return None;
    }
    let warehouses = warehouses(call);
    let sending = warehouses.iter().filter(|warehouse| warehouse.active).count();
    let open = matches!(order.status, OrderStatus::Placed | OrderStatus::Confirmed);
    let can_move = open && sending > 1 && may(call, OrdersWrite);
    let columns = vec![
        Column::new("Product"),
        Column::number("Still to ship"),
        Column::new("Sent from"),
        Column::new(""),
    ];
    let rows = waiting.into_iter().map(|line| {
        let link = match can_move {
            true => Cell::link(
                format!("Send {} from elsewhere", line.sku),
                format!("{}/allocations/{}", path_of(order), line.id),
            ),
            false => Cell::Text(String::new()),
        };
        Row::new(vec![
            Cell::Lines(line.name.clone(), beneath(line)),
            Cell::Text(line.quantities.open().to_string()),
            Cell::List(told(line, &warehouses)),
            link,
        ])
    });
    Some(Panel::new("Set aside").flush().part(Table::new("Set aside", columns).rows(rows)))
}

fn told(line: &Line, warehouses: &[Warehouse]) -> Vec<String> {
    let words = |allocation: &Allocation| {
        format!("{}: {}", name_of(warehouses, allocation.warehouse), allocation.quantity)
    };
    line.allocations.iter().map(words).collect()
}

pub async fn move_allocation_page(
    visit: Visit,
    Path((id, line)): Path<(OrderId, LineId)>,
) -> Result<Response, Problem> {
    let order = order(&visit.call, id)?;
    let page = move_page(&visit.call, &order, line, &Typed::default(), &Wrong::default())?;
    Ok(visit.show(&page))
}

fn move_page(
    call: &Call,
    order: &Order,
    line: LineId,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Page, Problem> {
    let line = order.line(line).ok_or_else(|| Problem::not_found("line"))?;
    let page = Page::new("Send from another warehouse")
        .under("Orders", "/console/orders")
        .under(order.number.clone(), path_of(order));
    if line.allocations.is_empty() {
        return Ok(page.part(Notice::new(Tone::Plain, "Nothing of this line is waiting to be shipped.")));
    }
    let warehouses = warehouses(call);
    let choices = warehouses.iter().filter(|warehouse| warehouse.active);
    let choices = choices.map(|warehouse| {
        let free = free_in(call, line, warehouse.id);
        let free = counted(free.into(), "piece is free", "pieces are free");
        Choice::new(warehouse.id, format!("{} ({free})", warehouse.name))
    });
    let form = Form::post("move", format!("{}/allocations/{}", path_of(order), line.id))
        .fields(vec![
            Field::select("warehouse", "Send from", choices.collect())
                .hint(format!("Set aside now: {}.", told(line, &warehouses).join(", "))),
        ])
        .submit(Submit::main("Send from there"))
        .cancel("Back to the order", path_of(order))
        .filled(typed, wrong);
    let about = format!("All that is still to ship of {}, {}.", line.name, line.sku);
    Ok(page.about(about).part(Panel::new("Warehouse").part(form)))
}

/// Of how many more pieces of the line everything is free there.
fn free_in(call: &Call, line: &Line, warehouse: WarehouseId) -> u32 {
    let pieces = line.needs.iter().map(|need| {
        let now = call.now();
        let free = call.read(GroupKind::Region, |view| stock::free_at(view, now, need.item, warehouse));
        free / need.per_unit.max(1)
    });
    pieces.min().unwrap_or(0)
}

pub async fn move_allocation_form(
    call: Call,
    Path((id, line)): Path<(OrderId, LineId)>,
    typed: Typed,
) -> Result<Response, Problem> {
    let order = order(&call, id)?;
    let mut check = Check::new(&typed);
    let to = check.value("warehouse", WarehouseId::parse);
    let wrong = match check.done(to) {
        Ok(to) => match call.submit(Command::Reallocate { order: id, line, from: None, to }).await {
            Ok(_) => return Ok(see(&path_of(&order), Done::Moved)),
            Err(problem) if problem.kind() == Kind::OutOfStock => {
                Wrong::field("warehouse", "Not enough is free there.")
            }
            Err(problem) => Wrong::of(problem, |_| Some("warehouse".to_owned()))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &move_page(&call, &order, line, &typed, &wrong)?))
}
