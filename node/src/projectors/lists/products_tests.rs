//! Filters of the list of products against what a filter in memory would answer.

use super::codes::*;
use super::rows::bytes;
use super::{ListReader, SCHEMA};
use crate::vault::NodeVault;
use gearify_commerce::catalog::ProductStatus;
use gearify_commerce::{CategoryId, Code, ProductId, TenantId};
use gearify_storage::seal::{MasterKey, SystemRandom};
use gearify_storage::{EventPosition, ProjectionDb, ProjectionError};
use gearify_web::ports_lists::*;
use rusqlite::params;
use std::sync::Arc;

const COUNT: u64 = 300;
const TENANT: TenantId = TenantId::from_bits(0x5eed);

/// What the `n`th product is filed under; every fifth is in two categories.
struct Made {
    id: ProductId,
    status: ProductStatus,
    kind: &'static str,
    brand: &'static str,
    categories: Vec<CategoryId>,
    name: String,
    /// Every one was made and changed at a time of its own.
    at: i64,
}

fn category(n: u64) -> CategoryId {
    CategoryId::from_bits(u128::from(n) + 1)
}

fn made(n: u64) -> Made {
    let mut categories = vec![category(n % 7)];
    if n.is_multiple_of(5) {
        categories.push(category((n + 1) % 7));
    }
    Made {
        id: ProductId::from_bits(u128::from(n) + 1),
        status: [ProductStatus::Active, ProductStatus::Active, ProductStatus::Draft][(n % 3) as usize],
        kind: ["bat", "ball"][(n % 2) as usize],
        brand: ["longroom", "kestrel", "seam & co"][(n / 2 % 3) as usize],
        categories,
        name: format!("name {:03}", n.wrapping_mul(7_919) % 1_000),
        at: n.wrapping_mul(104_729) as i64 % 99_991,
    }
}

fn reader(dir: &tempfile::TempDir) -> ListReader {
    let db = ProjectionDb::open(&dir.path().join("lists.db"), SCHEMA).unwrap();
    db.transact("products", EventPosition::new(1, 0), |tx| {
        tx.execute("INSERT INTO scopes (n, tenant, site) VALUES (1, ?1, 0)", [bytes(TENANT.bits())])?;
        for product in (0..COUNT).map(made) {
            let key = bytes(product.id.bits());
            tx.execute(
                "INSERT INTO products (scope, id, status, name, name_key, slug, created_at, updated_at, variants)
                 VALUES (1, ?1, ?2, ?3, ?3, 'slug', ?4, ?4, 1)",
                params![key, product.status.code(), product.name, product.at],
            )?;
            let kind = (PRODUCT_TYPE, product.kind.as_bytes().to_vec());
            let brand = (PRODUCT_BRAND, product.brand.as_bytes().to_vec());
            let categories =
                product.categories.iter().map(|id| (PRODUCT_CATEGORY, bytes(id.bits()).to_vec()));
            for (kind, term) in categories.chain([kind, brand]) {
                tx.execute(
                    "INSERT INTO product_facets (scope, kind, term, id, status, name_key, created_at, updated_at)
                     VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?6)",
                    params![kind, term, key, product.status.code(), product.name, product.at],
                )?;
            }
            for word in product.name.split(' ') {
                tx.execute(
                    "INSERT INTO terms (scope, kind, term, id) VALUES (1, ?1, ?2, ?3)",
                    params![PRODUCT_WORD, word.as_bytes(), key],
                )?;
            }
        }
        Ok::<(), ProjectionError>(())
    })
    .unwrap();
    ListReader::new(Arc::new(db), Arc::new(NodeVault::new(MasterKey::generate(&SystemRandom).unwrap())))
}

fn expected(query: &ProductQuery) -> Vec<ProductId> {
    let fits = |product: &Made| {
        (query.status.is_empty() || query.status.contains(&product.status))
            && query.product_type.as_ref().is_none_or(|kind| kind.as_str() == product.kind)
            && query.brand.as_ref().is_none_or(|brand| brand.to_lowercase() == product.brand)
            && (query.categories.is_empty()
                || product.categories.iter().any(|id| query.categories.contains(id)))
            && query
                .text
                .as_ref()
                .is_none_or(|text| product.name.split(' ').any(|word| word.starts_with(text.as_str())))
    };
    let mut found: Vec<Made> = (0..COUNT).map(made).filter(fits).collect();
    match query.sort {
        ProductSort::Name => found.sort_by_key(|product| (product.name.clone(), product.id)),
        ProductSort::Updated | ProductSort::Newest => {
            found.sort_by_key(|product| std::cmp::Reverse((product.at, product.id)));
        }
    }
    found.into_iter().map(|product| product.id).collect()
}

/// Walks to the end by cursors.
async fn walk(reader: &ListReader, query: &ProductQuery) -> (Vec<ProductId>, u64) {
    let (mut seen, mut from) = (Vec::new(), ListFrom::Start);
    loop {
        let query = ProductQuery { page: PageRequest { limit: 13, from }, ..query.clone() };
        let page = reader.products(TENANT, query).await.unwrap();
        seen.extend(page.data.iter().map(|row| row.id));
        match page.next_cursor {
            Some(next) => from = ListFrom::Cursor(next),
            None => return (seen, page.total),
        }
    }
}

#[tokio::test]
async fn every_filter_and_order_shows_each_product_once() {
    let dir = tempfile::tempdir().unwrap();
    let reader = reader(&dir);
    let kind = |text| Some(Code::parse(text).unwrap());
    let brand = |text: &str| Some(text.to_owned());
    let draft = vec![ProductStatus::Draft];
    let filters = [
        ProductQuery::default(),
        ProductQuery { product_type: kind("bat"), ..ProductQuery::default() },
        ProductQuery { brand: brand("Longroom"), status: draft.clone(), ..ProductQuery::default() },
        ProductQuery { categories: vec![category(2)], ..ProductQuery::default() },
        // Those in both are there once.
        ProductQuery { categories: vec![category(0), category(1), category(5)], ..ProductQuery::default() },
        ProductQuery {
            product_type: kind("ball"),
            brand: brand("SEAM & CO"),
            categories: vec![category(3), category(4)],
            status: vec![ProductStatus::Active],
            ..ProductQuery::default()
        },
        ProductQuery {
            text: brand("1"),
            product_type: kind("bat"),
            categories: vec![category(1)],
            ..ProductQuery::default()
        },
        ProductQuery { brand: brand("nobody"), ..ProductQuery::default() },
    ];
    let mut shown = 0;
    for filter in filters {
        for sort in [ProductSort::Updated, ProductSort::Name, ProductSort::Newest] {
            let query = ProductQuery { sort, ..filter.clone() };
            let wanted = expected(&query);
            shown += wanted.len();
            assert_eq!(walk(&reader, &query).await, (wanted.clone(), wanted.len() as u64), "{query:?}");
        }
    }
    assert!(shown > 1_000, "the filters let hardly anything through: {shown}");
    let stranger = reader.products(TenantId::from_bits(9), ProductQuery::default()).await.unwrap();
    assert_eq!((stranger.data.len(), stranger.total), (0, 0));
}
