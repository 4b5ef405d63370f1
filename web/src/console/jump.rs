//! What the command palette offers for a few typed letters: orders, products, customers and things to do.

use super::customers;
use super::lists::list_problem;
use super::orders::OrderAsk;
use super::visit::{Visit, may, settings, words};
use crate::gate::{Call, Place};
use crate::ports_lists::{CustomerSort, ListScope, PageRequest, ProductQuery};
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::Json;
use axum::response::{IntoResponse, Response};
use gearify_commerce::Site;
use gearify_commerce::staff::Permission::{self, *};
use serde::Serialize;

/// Of each kind.
const ROWS: usize = 5;

pub fn routes() -> Vec<Route> {
    routes! { "Console: jump", Console, Known;
        Get "/console/jump" jump: AnyStaff, PERSON, Read, None, None, None,
            query(), request(), 200(), "Where the command palette can lead, as JSON";
    }
}

#[derive(Serialize)]
struct Jump {
    label: String,
    /// Tells two of the same name apart: who ordered, the slug, the address.
    more: String,
    href: String,
    about: &'static str,
}

fn to(label: impl Into<String>, more: impl Into<String>, href: String, about: &'static str) -> Jump {
    Jump { label: label.into(), more: more.into(), href, about }
}

/// Things to do that begin with a page of their own.
const ACTIONS: [(&str, &str, Permission); 11] = [
    ("New product", "/console/products/new", ProductsWrite),
    ("New category", "/console/categories/new", ProductsWrite),
    ("New add-on", "/console/add-ons/new", ProductsWrite),
    ("Import a file", "/console/import", ProductsWrite),
    ("Prices and stock as a sheet", "/console/stock/sheet", StockWrite),
    ("New warehouse", "/console/warehouses/new", StockWrite),
    ("New delivery zone", "/console/delivery/new", SettingsWrite),
    ("New tax zone", "/console/taxes/new", SettingsWrite),
    ("Invite a colleague", "/console/staff/new", StaffWrite),
    ("Failed payments", "/console/orders/failed-payments", OrdersRead),
    ("Low stock", "/console/stock?low=yes", StockRead),
];

/// Signed-out visitors and operators have no shop to look into.
async fn jump(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let asked = visit.get("q").to_owned();
    if matches!(call.place(), Place::Platform) || asked.is_empty() {
        return Ok(Json(serde_json::json!({ "data": [] })).into_response());
    }
    let mut found = actions(call, &asked);
    if may(call, OrdersRead) {
        found.extend(orders(&visit).await?);
    }
    if may(call, ProductsRead) {
        found.extend(products(call, &asked).await?);
    }
    if may(call, CustomersRead) {
        found.extend(people(call, &asked).await?);
    }
    Ok(Json(serde_json::json!({ "data": found })).into_response())
}

fn limited() -> PageRequest {
    PageRequest { limit: ROWS, ..PageRequest::default() }
}

fn actions(call: &Call, asked: &str) -> Vec<Jump> {
    let parts: Vec<String> = asked.split_whitespace().map(str::to_lowercase).collect();
    let fits = |label: &str| {
        let label = label.to_lowercase();
        parts.iter().all(|part| label.contains(part.as_str()))
    };
    let offered = ACTIONS.into_iter().filter(|(label, _, needs)| fits(label) && may(call, *needs));
    offered.map(|(label, href, _)| to(label, "", href.to_owned(), "do")).collect()
}

async fn orders(visit: &Visit) -> Result<Vec<Jump>, Problem> {
    let call = &visit.call;
    let mut query = OrderAsk::read(visit, &words(call)?, settings(call)?.currency).query("");
    query.page = limited();
    let scope = ListScope::new(call.tenant(), Site::FIRST);
    let found = call.state().lists.clone().orders(scope, query).await.map_err(list_problem)?;
    let buyers = super::orders::buyers(call, &found.data);
    let order = |(row, buyer): (&crate::ports_lists::OrderRow, String)| {
        to(format!("Order {}", row.number), buyer, format!("/console/orders/{}", row.id), "order")
    };
    Ok(found.data.iter().zip(buyers).map(order).collect())
}

async fn products(call: &Call, asked: &str) -> Result<Vec<Jump>, Problem> {
    let query = ProductQuery { text: Some(asked.to_owned()), page: limited(), ..ProductQuery::default() };
    let found = call.state().lists.clone().products(call.tenant(), query).await.map_err(list_problem)?;
    let product = |row: &crate::ports_lists::ProductRow| {
        to(row.name.clone(), row.slug.clone(), format!("/console/products/{}", row.id), "product")
    };
    Ok(found.data.iter().map(product).collect())
}

async fn people(call: &Call, asked: &str) -> Result<Vec<Jump>, Problem> {
    let found = customers::find(call, asked, CustomerSort::Newest, limited()).await?;
    let person = |row: &crate::ports_lists::CustomerRow| {
        let (_, profile) = customers::opened(call, row.id)?;
        Some(to(profile.name, profile.email, format!("/console/customers/{}", row.id), "customer"))
    };
    Ok(found.data.iter().filter_map(person).collect())
}
