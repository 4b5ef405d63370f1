//! Payments that failed of late: what the figure on the first page counts, one by one.

use super::buyer;
use super::detail::provider_words;
use crate::console::lists::{list_problem, pager};
use crate::console::view::{Cell, Column, Link, Page, Row, Table};
use crate::console::visit::{Visit, words};
use crate::console::words::{Words, order_badge};
use crate::gate::Call;
use crate::ports_lists::{FAILED_FOR_MS, ListFrom, ListScope, PageRequest, PaymentQuery, PaymentRow};
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::Site;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::ORDERS;
use gearify_commerce::payments::PaymentState;

pub const FAILED_PAYMENTS: &str = "/console/orders/failed-payments";
const ROWS: usize = 50;

pub async fn failed_payments_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let from = match visit.get("cursor") {
        "" => ListFrom::Start,
        cursor => ListFrom::Cursor(cursor.to_owned()),
    };
    let query = PaymentQuery {
        state: vec![PaymentState::Failed],
        from: Some(call.now().plus_millis(-FAILED_FOR_MS)),
        page: PageRequest { limit: ROWS, from },
        ..PaymentQuery::default()
    };
    let scope = ListScope::new(call.tenant(), Site::FIRST);
    let found = call.state().lists.clone().payments(scope, query).await.map_err(list_problem)?;
    let mut table = payment_rows(call, &words(call)?, &found.data);
    table.pager = Some(pager(&found, FAILED_PAYMENTS, "payment", "payments"));
    table.empty = "No payment failed in the last seven days.".to_owned();
    let page = Page::new("Failed payments").about("Of the last seven days, the newest first.");
    Ok(visit.show(&page.under("Orders", "/console/orders").part(table)))
}

fn payment_rows(call: &Call, words: &Words, payments: &[PaymentRow]) -> Table {
    let columns = vec![
        Column::new("Order"),
        Column::new("Tried"),
        Column::new("Customer"),
        Column::new("By"),
        Column::new("Declined"),
        Column::new("Order is"),
        Column::number("Amount"),
    ];
    let rows: Vec<Row> = call.read(GroupKind::Region, |view| {
        let row = |payment: &PaymentRow| {
            let order = ORDERS.get(view, &payment.order)?;
            let href = format!("/console/orders/{}", order.id);
            let row = Row::new(vec![
                Cell::Link(Link::new(order.number.clone(), href.clone())),
                words.time(payment.created_at),
                Cell::Text(buyer(call, view, &order)),
                Cell::Text(provider_words(&payment.provider)),
                Cell::Text(payment.decline_code.clone().unwrap_or_default()),
                Cell::badge(order_badge(order.status)),
                Cell::Text(words.money(payment.amount, payment.currency)),
            ]);
            Some(row.href(href))
        };
        payments.iter().filter_map(row).collect()
    });
    Table::new("Failed payments", columns).rows(rows)
}
