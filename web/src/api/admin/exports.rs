//! Products and stock as CSV: a row is a variant. What is written here is what imports read.

use super::csv_file::{cell, csv_answer, line};
use super::texts::write_attributes;
use crate::gate::Call;
use crate::problem::Problem;
use crate::routes::{Route, routes};
use axum::body::Body;
use axum::response::Response;
use futures::{StreamExt, stream};
use gearify_commerce::catalog::{self, Product, ProductStatus, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::inventory::{self, LEVELS, Level, STOCK_ITEMS, StockItem, Warehouse};
use gearify_commerce::pricing::{self, PriceListDetails};
use gearify_commerce::{Currency, Locale, ProductId, ReadScope, StockItemId};
use std::convert::Infallible;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: import and export", Api, Shop;
        Get "/api/v1/admin/exports/products" export_products: Staff(ProductsRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(), "All products as CSV, a row for each variant";
        Get "/api/v1/admin/exports/stock" export_stock: Staff(StockRead), MERCHANT, Read, None, None, None,
            query(), request(), 200(), "All levels as CSV, a row for each SKU and warehouse";
    }
}

pub const PRODUCT_COLUMNS: [&str; 17] = [
    "product_slug",
    "name",
    "product_type",
    "brand",
    "categories",
    "tax_category",
    "description",
    "options",
    "status",
    "sku",
    "gtin",
    "choices",
    "attributes",
    "weight_grams",
    "policy",
    "price",
    "compare_at",
];

pub const STOCK_COLUMNS: [&str; 6] = ["sku", "warehouse", "on_hand", "available", "safety", "low_at"];

/// Products read for one piece of the answer.
const PAGE: usize = 200;

enum From<T> {
    Head,
    After(Option<T>),
    Done,
}

async fn export_products(call: Call) -> Result<Response, Problem> {
    let settings = call.shop()?.settings();
    let (locale, currency) = (settings.locale.clone(), settings.currency);
    let pages = stream::unfold(From::Head, move |from| {
        let (call, locale) = (call.clone(), locale.clone());
        async move {
            let after = match from {
                From::Head => return Some((Ok::<_, Infallible>(line(PRODUCT_COLUMNS)), From::After(None))),
                From::After(after) => after,
                From::Done => return None,
            };
            let (rows, next) =
                call.read(GroupKind::Catalogue, |view| product_page(view, after, &locale, currency));
            let bytes = rows.iter().flat_map(|row| line(row.iter().map(String::as_str))).collect();
            Some((Ok(bytes), next.map_or(From::Done, |next| From::After(Some(next)))))
        }
    });
    Ok(csv_answer("products", Body::from_stream(pages.fuse())))
}

type Row = Vec<String>;

fn product_page(
    view: &ReadScope<'_>,
    after: Option<ProductId>,
    locale: &Locale,
    currency: Currency,
) -> (Vec<Row>, Option<ProductId>) {
    let products = catalog::products_after(view, after, PAGE);
    let next = (products.len() == PAGE).then(|| products.last().map(|product| product.id)).flatten();
    let list = default_list(view, currency);
    let live = products.iter().filter(|product| product.status != ProductStatus::Archived);
    (live.flat_map(|product| product_rows(view, product, locale, list.as_ref())).collect(), next)
}

/// The price list that the shop's own currency falls back to.
pub fn default_list(view: &ReadScope<'_>, currency: Currency) -> Option<PriceListDetails> {
    let lists = pricing::lists(view).into_iter().map(|list| list.details);
    lists.into_iter().find(|list| list.currency == currency && list.is_default())
}

/// A product's live variants, each as a row of [`PRODUCT_COLUMNS`].
pub fn product_rows(
    view: &ReadScope<'_>,
    product: &Product,
    locale: &Locale,
    list: Option<&PriceListDetails>,
) -> Vec<Row> {
    let details = &product.details;
    let words = |text: &gearify_commerce::Text| cell(text.words(locale, locale));
    let paths = details.categories.iter().filter_map(|id| Some(catalog::category(view, *id)?.path));
    let shared: Row = vec![
        details.slug.to_string(),
        words(&details.name),
        details.product_type.to_string(),
        details.brand.as_ref().map_or_else(String::new, |brand| cell(brand.as_str())),
        paths.collect::<Vec<_>>().join(";"),
        details.tax_category.to_string(),
        words(&details.description),
        details.options.iter().map(|code| code.to_string()).collect::<Vec<_>>().join(";"),
        product.status.as_str().to_owned(),
    ];
    let row = |variant: &Variant| {
        let mut row = shared.clone();
        row.extend(variant_cells(view, variant, list));
        row
    };
    catalog::live_variants_of(view, product.id).iter().map(row).collect()
}

fn variant_cells(view: &ReadScope<'_>, variant: &Variant, list: Option<&PriceListDetails>) -> Row {
    let details = &variant.details;
    let price = list.and_then(|list| {
        let mut rows = pricing::prices_of(view, variant.id).into_iter();
        rows.rfind(|row| row.list == list.code && row.min_quantity == 1 && row.starts.is_none())
    });
    let pairs = |pairs: Vec<(String, String)>| {
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(";")
    };
    let choices =
        details.options.iter().map(|(option, value)| (option.to_string(), value.to_string())).collect();
    // Texts in several languages have no place in a cell; they stay as they are on import.
    let plain = write_attributes(view, &details.attributes).into_iter().filter_map(|(name, value)| {
        Some((
            name,
            value.as_str().map(str::to_owned).or_else(|| (!value.is_object()).then(|| value.to_string()))?,
        ))
    });
    vec![
        cell(details.sku.as_str()),
        details.gtin.as_ref().map_or_else(String::new, |gtin| gtin.to_string()),
        pairs(choices),
        pairs(plain.collect()),
        details.shipping_weight_grams.to_string(),
        policy_word(variant).to_owned(),
        price.as_ref().map_or_else(String::new, |price| price.amount.to_string()),
        price.and_then(|price| price.compare_at).map_or_else(String::new, |amount| amount.to_string()),
    ]
}

fn policy_word(variant: &Variant) -> &'static str {
    match variant.details.policy {
        catalog::Policy::Deny => "deny",
        catalog::Policy::Backorder => "backorder",
        catalog::Policy::Preorder { .. } => "preorder",
    }
}

async fn export_stock(call: Call) -> Result<Response, Problem> {
    let pages = stream::unfold(From::Head, move |from| {
        let call = call.clone();
        async move {
            let after = match from {
                From::Head => return Some((Ok::<_, Infallible>(line(STOCK_COLUMNS)), From::After(None))),
                From::After(after) => after,
                From::Done => return None,
            };
            let (rows, next) = call.read(GroupKind::Region, |view| stock_page(view, after));
            let bytes = rows.iter().flat_map(|row| line(row.iter().map(String::as_str))).collect();
            Some((Ok(bytes), next.map_or(From::Done, |next| From::After(Some(next)))))
        }
    });
    Ok(csv_answer("stock", Body::from_stream(pages.fuse())))
}

fn stock_page(view: &ReadScope<'_>, after: Option<StockItemId>) -> (Vec<Row>, Option<StockItemId>) {
    let items = match after {
        Some(after) => STOCK_ITEMS.list_after(view, &after, PAGE),
        None => STOCK_ITEMS.list(view, &(), PAGE),
    };
    let next = (items.len() == PAGE).then(|| items.last().map(|item| item.id)).flatten();
    let warehouses = inventory::warehouses(view);
    (items.iter().flat_map(|item| stock_rows(view, item, &warehouses)).collect(), next)
}

/// An item's levels, each as a row of [`STOCK_COLUMNS`].
pub fn stock_rows(view: &ReadScope<'_>, item: &StockItem, warehouses: &[Warehouse]) -> Vec<Row> {
    let row = |warehouse: &Warehouse| {
        let level: Level = LEVELS.get(view, &(item.id, warehouse.id))?;
        Some(vec![
            cell(&item.sku),
            cell(&warehouse.code),
            level.on_hand.to_string(),
            level.available().to_string(),
            level.safety.to_string(),
            item.low_at.to_string(),
        ])
    };
    warehouses.iter().filter_map(row).collect()
}
