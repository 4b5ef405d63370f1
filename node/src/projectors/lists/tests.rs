//! Pages against what a filter in memory would answer.

use super::codes::Coded;
use super::rows::{name_parts, words};
use super::{ListReader, SCHEMA, synthetic};
use crate::projectors::ProjectorError;
use crate::vault::NodeVault;
use gearify_commerce::OrderId;
use gearify_commerce::orders::{FulfillmentStatus, OrderStatus, PaymentStatus};
use gearify_storage::seal::{MasterKey, SystemRandom};
use gearify_storage::{EventPosition, ProjectionDb};
use gearify_web::ports_lists::*;
use std::sync::Arc;

const COUNT: u64 = 500;

fn reader(dir: &tempfile::TempDir) -> ListReader {
    let vault = Arc::new(NodeVault::new(MasterKey::generate(&SystemRandom).unwrap()));
    synthetic::orders(&dir.path().join("lists.db"), COUNT, vault).unwrap()
}

async fn ask(reader: &ListReader, query: &OrderQuery, from: ListFrom, limit: usize) -> ListPage<OrderRow> {
    let query = OrderQuery { page: PageRequest { limit, from }, ..query.clone() };
    reader.orders(synthetic::scope(), query).await.unwrap()
}

/// Walks to the end and back by cursors; answers what was seen on the way there.
async fn walk(reader: &ListReader, query: &OrderQuery, limit: usize) -> Vec<OrderId> {
    let mut seen = Vec::new();
    let mut page = ask(reader, query, ListFrom::Start, limit).await;
    assert_eq!(page.prev_cursor, None);
    loop {
        seen.extend(page.data.iter().map(|row| row.id));
        let Some(next) = page.next_cursor else { break };
        page = ask(reader, query, ListFrom::Cursor(next), limit).await;
    }
    let mut back: Vec<OrderId> = page.data.iter().rev().map(|row| row.id).collect();
    while let Some(prev) = page.prev_cursor {
        page = ask(reader, query, ListFrom::Cursor(prev), limit).await;
        back.extend(page.data.iter().rev().map(|row| row.id));
    }
    back.reverse();
    assert_eq!(back, seen, "the way back shows the same");
    seen
}

/// The same by looking at every order.
fn expected(query: &OrderQuery) -> Vec<OrderId> {
    let has = |n: &u64| {
        let (status, payment, fulfillment) = synthetic::axes(*n);
        (query.status.is_empty() || query.status.contains(&status))
            && (query.payment_status.is_empty() || query.payment_status.contains(&payment))
            && (query.fulfillment_status.is_empty() || query.fulfillment_status.contains(&fulfillment))
            && query.total_min.is_none_or(|min| synthetic::total(*n) >= min)
            && query.total_max.is_none_or(|max| synthetic::total(*n) <= max)
            && query.placed_from.is_none_or(|from| synthetic::placed_at(*n) >= from)
            && query.placed_until.is_none_or(|until| synthetic::placed_at(*n) < until)
    };
    let mut all: Vec<u64> = (0..COUNT).filter(has).collect();
    match query.sort {
        OrderSort::Oldest => {}
        OrderSort::Newest => all.reverse(),
        OrderSort::Cheapest => all.sort_by_key(|n| (synthetic::total(*n), synthetic::id(*n))),
        OrderSort::Dearest => {
            all.sort_by_key(|n| (synthetic::total(*n), synthetic::id(*n)));
            all.reverse();
        }
    }
    all.into_iter().map(synthetic::id).collect()
}

#[tokio::test]
async fn every_filter_and_order_shows_each_order_once_forwards_and_back() {
    let dir = tempfile::tempdir().unwrap();
    let reader = reader(&dir);
    let filters = [
        OrderQuery::default(),
        OrderQuery { status: vec![OrderStatus::Confirmed, OrderStatus::Placed], ..OrderQuery::default() },
        OrderQuery { payment_status: vec![PaymentStatus::Paid], ..OrderQuery::default() },
        OrderQuery {
            status: vec![OrderStatus::Confirmed],
            fulfillment_status: vec![FulfillmentStatus::Unfulfilled, FulfillmentStatus::Partial],
            total_min: Some(20_000),
            ..OrderQuery::default()
        },
        OrderQuery {
            placed_from: Some(synthetic::placed_at(100)),
            placed_until: Some(synthetic::placed_at(203)),
            total_max: Some(60_000),
            ..OrderQuery::default()
        },
        OrderQuery { status: vec![OrderStatus::Expired], ..OrderQuery::default() },
    ];
    for filter in filters {
        for sort in [OrderSort::Newest, OrderSort::Oldest, OrderSort::Dearest, OrderSort::Cheapest] {
            let query = OrderQuery { sort, ..filter.clone() };
            let wanted = expected(&query);
            assert_eq!(walk(&reader, &query, 17).await, wanted, "{query:?}");
            let page = ask(&reader, &query, ListFrom::Page(3), 10).await;
            let there: Vec<OrderId> = wanted.iter().skip(20).take(10).copied().collect();
            assert_eq!(page.data.iter().map(|row| row.id).collect::<Vec<_>>(), there, "{query:?}");
            assert_eq!((page.total, page.total_exact), (wanted.len() as u64, true), "{query:?}");
        }
    }
}

#[tokio::test]
async fn wrong_questions_are_refused_by_the_name_of_their_parameter() {
    let dir = tempfile::tempdir().unwrap();
    let reader = reader(&dir);
    let refused = async |limit, from| {
        let query = OrderQuery { page: PageRequest { limit, from }, ..OrderQuery::default() };
        match reader.orders(synthetic::scope(), query).await {
            Err(ListFault::Refused { parameter, .. }) => parameter,
            other => panic!("not refused: {other:?}"),
        }
    };
    assert_eq!(refused(0, ListFrom::Start).await, "limit");
    assert_eq!(refused(101, ListFrom::Start).await, "limit");
    assert_eq!(refused(24, ListFrom::Page(0)).await, "page");
    assert_eq!(refused(24, ListFrom::Page(10_000)).await, "page");
    for cursor in ["", "zz", "00000000", "é0"] {
        assert_eq!(refused(24, ListFrom::Cursor(cursor.into())).await, "cursor", "{cursor}");
    }
    let newest = ask(&reader, &OrderQuery::default(), ListFrom::Start, 5).await.next_cursor.unwrap();
    let query = OrderQuery {
        sort: OrderSort::Dearest,
        page: PageRequest { limit: 5, from: ListFrom::Cursor(newest) },
        ..OrderQuery::default()
    };
    assert!(reader.orders(synthetic::scope(), query).await.is_err(), "a cursor of another order");
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let reader = reader(&dir);
    let stranger = ListScope::new(gearify_commerce::TenantId::from_bits(9), gearify_commerce::Site::FIRST);
    let page = reader.orders(stranger, OrderQuery::default()).await.unwrap();
    assert_eq!((page.data.len(), page.total, page.next_cursor), (0, 0, None));
}

#[test]
fn names_are_found_by_words_and_their_beginnings() {
    let found: Vec<String> = words("Asha O'Bowler-Jones").flat_map(|word| name_parts(&word)).collect();
    for part in ["asha", "bow", "bowl", "bowle", "bowler", "jon", "jone", "jones", "o"] {
        assert!(found.iter().any(|known| known == part), "{part} in {found:?}");
    }
    assert_eq!(words("विराट सिंह").collect::<Vec<_>>(), ["विराट", "सिंह"]);
}

#[test]
fn numbers_of_states_stay_what_they_are() {
    // Stored in lists.db: whoever changes one raises the schema's version.
    assert_eq!(OrderStatus::Expired.code(), 4);
    assert_eq!(PaymentStatus::Refunded.code(), 6);
    assert_eq!(FulfillmentStatus::Delivered.code(), 3);
    assert_eq!(OrderStatus::from_code(5), None);
}

/// The statements of `rows.rs`, as they stand there.
fn written() -> impl Iterator<Item = &'static str> {
    let texts = include_str!("rows.rs").split('"').skip(1).step_by(2);
    texts.filter(|text| ["SELECT ", "UPDATE ", "DELETE "].iter().any(|verb| text.starts_with(verb)))
}

#[test]
fn no_event_walks_through_all_rows_of_a_shop() {
    let dir = tempfile::tempdir().unwrap();
    let db = ProjectionDb::open(&dir.path().join("lists.db"), SCHEMA).unwrap();
    // Of axes there are a few; all of a shop is worded again when its language changes.
    let whole = ["SEARCH order_axes", "products_by_age (scope=?)", "customers_by_last (scope=?)"];
    let mut walks = Vec::new();
    let mut asked = 0;
    db.transact("plans", EventPosition::default(), |tx| {
        for sql in written() {
            asked += 1;
            let mut statement = tx.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
            let mut rows = statement.raw_query();
            while let Some(row) = rows.next()? {
                let step: String = row.get(3)?;
                let is_wide = step.starts_with("SCAN") || step.ends_with("(scope=?)");
                if is_wide && !whole.iter().any(|known| step.contains(known)) {
                    walks.push(format!("{step}: {sql}"));
                }
            }
        }
        Ok::<_, ProjectorError>(())
    })
    .unwrap();
    assert!(asked > 10 && walks.is_empty(), "{asked} statements: {walks:#?}");
}
