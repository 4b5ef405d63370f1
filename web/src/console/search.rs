//! One box for everything: orders, products and stock that fit the words.

use super::lists::list_problem;
use super::orders::{OrderAsk, order_rows, usual};
use super::view::{Cell, Column, Field, Form, Link, Page, Panel, Row, Submit, Table};
use super::visit::{Visit, go, may, settings, words};
use super::words::product_badge;
use crate::gate::Place;
use crate::ports_lists::{ListScope, PageRequest, ProductQuery};
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::response::Response;
use gearify_commerce::Site;
use gearify_commerce::staff::Permission::{OrdersRead, ProductsRead};

/// Rows of each kind.
const ROWS: usize = 10;

pub fn routes() -> Vec<Route> {
    routes! { "Console: search", Console, Known;
        Get "/console/search" search_page: AnyStaff, PERSON, Read, None, None, None,
            query(), request(), 200(), "Orders and products that fit the words; operators go on to their shops";
    }
}

pub async fn search_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    if matches!(call.place(), Place::Platform) {
        return Ok(go("/console/tenants"));
    }
    let asked = visit.get("q").to_owned();
    let form = Form::get("search", "/console/search")
        .inline()
        .fields(vec![Field::text("q", "Order number, name, e-mail, SKU or product").value(&asked)])
        .submit(Submit::main("Search"));
    let mut page = Page::new("Search").part(form);
    if asked.is_empty() {
        return Ok(visit.show(&page));
    }
    let words = words(call)?;
    let lists = call.state().lists.clone();
    let limited = PageRequest { limit: ROWS, ..PageRequest::default() };
    if may(call, OrdersRead) {
        let mut query = OrderAsk::read(&visit, &words, settings(call)?.currency).query("");
        query.page = limited.clone();
        let found =
            lists.orders(ListScope::new(call.tenant(), Site::FIRST), query).await.map_err(list_problem)?;
        let table = usual(order_rows(call, &words, &found.data)).empty("No order fits.");
        page = page.part(Panel::new("Orders").flush().part(table));
    }
    if may(call, ProductsRead) {
        let query = ProductQuery { text: Some(asked), page: limited, ..ProductQuery::default() };
        let found = lists.products(call.tenant(), query).await.map_err(list_problem)?;
        let rows = found.data.iter().map(|product| {
            let href = format!("/console/products/{}", product.id);
            Row::new(vec![
                Cell::LinkLines(Link::new(product.name.clone(), href.clone()), product.slug.clone()),
                Cell::badge(product_badge(product.status)),
                words.time(product.updated_at),
            ])
            .href(href)
        });
        let columns = vec![Column::new("Product"), Column::new("Status"), Column::new("Changed")];
        let table = Table::new("Products", columns).rows(rows).empty("No product fits.");
        page = page.part(Panel::new("Products").flush().part(table));
    }
    Ok(visit.show(&page))
}
