//! Products and stock from CSV: a row is a variant. A dry run decides every row as the real one would
//! and writes nothing; the real run reports what it refused and goes on with the other rows.

use super::csv_file::MARKED;
use super::exports::{PRODUCT_COLUMNS, STOCK_COLUMNS, default_list};
use super::inventory::{find_item, find_warehouse};
use super::products::own_locale;
use super::texts::{Attributes, parse_attributes};
use crate::extract::{Asked, Json, Pairs, Parameter, Query, read_body};
use crate::gate::Call;
use crate::problem::{Faults, Kind, Problem};
use crate::routes::{Route, routes};
use axum::extract::Request;
use csv::StringRecord;
use gearify_commerce::catalog::{
    self, AttributeKind, Command as Catalog, Found, Gtin, Policy, ProductDetails, ProductStatus, Seo, Sku,
    VariantDetails,
};
use gearify_commerce::code::Code;
use gearify_commerce::command::{self, CommandId, GroupKind, Keep, Stamped};
use gearify_commerce::inventory::{Command as Inventory, LEVELS, ON_HAND_MAX, Reason};
use gearify_commerce::pricing::{self, Command as Pricing, Price};
use gearify_commerce::{Actor, Locale, Name, ReadScope, Site, Slug, Text, VariantId};
use gearify_storage::Tx;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;

pub fn routes() -> Vec<Route> {
    routes! { "Merchant: import and export", Api, Shop;
        Post "/api/v1/admin/imports/products" import_products_csv: Staff(ProductsWrite), MERCHANT, Write, Import, Accepted, Origin,
            query(ImportAsked), request(), 200(ImportReport), "Makes and changes products from CSV";
        Post "/api/v1/admin/imports/stock" import_stock_csv: Staff(StockWrite), MERCHANT, Write, Import, Required, Origin,
            query(ImportAsked), request(), 200(ImportReport), "Sets what is on hand from CSV";
    }
}

/// More rows go in several files.
const ROWS_MAX: usize = 5_000;
/// Faults told; a file with more is the wrong file.
const FAULTS_MAX: usize = 200;

#[derive(Clone, Copy, Debug)]
pub struct ImportAsked {
    dry_run: bool,
}

impl Asked for ImportAsked {
    const PARAMETERS: &'static [Parameter] =
        &[Parameter::new("dry_run", "boolean", "Says what would happen and changes nothing.")];

    fn read(pairs: &mut Pairs) -> ImportAsked {
        ImportAsked { dry_run: pairs.boolean("dry_run").unwrap_or(false) }
    }
}

#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ImportReport {
    pub dry_run: bool,
    pub rows: usize,
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    /// Rows that were refused; the others are done.
    pub faults: Vec<RowFault>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowFault {
    /// As a spreadsheet counts: the heading is row 1.
    pub row: u64,
    pub column: Option<String>,
    pub detail: String,
}

impl ImportReport {
    fn fault(&mut self, row: u64, column: Option<&str>, detail: impl std::fmt::Display) {
        if self.faults.len() < FAULTS_MAX {
            let column = column.filter(|column| !column.is_empty()).map(str::to_owned);
            self.faults.push(RowFault { row, column, detail: detail.to_string() });
        }
    }

    /// Notes a problem under the columns it points at.
    fn problem(&mut self, row: u64, problem: &Problem) {
        if problem.errors().is_empty() {
            self.fault(row, None, problem.detail_text().unwrap_or(problem.kind().title()));
        }
        for error in problem.errors() {
            self.fault(row, Some(error.pointer.trim_start_matches('/')), &error.detail);
        }
    }
}

/// A file as rows with named cells.
struct Sheet {
    columns: BTreeMap<String, usize>,
    rows: Vec<(u64, StringRecord)>,
}

impl Sheet {
    fn read(bytes: &[u8], known: &[&str], needed: &[&str]) -> Result<Sheet, Problem> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| Problem::new(Kind::Malformed).detail("The file is not UTF-8."))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let malformed =
            |error: csv::Error| Problem::new(Kind::Malformed).detail("The file is not CSV.").because(error);
        let mut columns = BTreeMap::new();
        for (place, name) in reader.headers().map_err(malformed)?.iter().enumerate() {
            if !known.contains(&name) {
                let shown: String = name.chars().take(60).collect();
                return Err(Problem::new(Kind::UnknownField)
                    .field(format!("/{shown}"), "is not a column of this import"));
            }
            if columns.insert(name.to_owned(), place).is_some() {
                return Err(Problem::new(Kind::Malformed).field(format!("/{name}"), "is there twice"));
            }
        }
        if let Some(missing) = needed.iter().find(|name| !columns.contains_key(**name)) {
            return Err(Problem::invalid(format!("/{missing}"), "is a column that is needed"));
        }
        let mut rows = Vec::new();
        for (number, record) in reader.records().enumerate() {
            if number == ROWS_MAX {
                return Err(Problem::invalid("", format!("has more than {ROWS_MAX} rows; send it in parts")));
            }
            rows.push((number as u64 + 2, record.map_err(malformed)?));
        }
        Ok(Sheet { columns, rows })
    }

    /// The cell, if the column is there and the cell is not empty.
    fn get<'r>(&self, row: &'r StringRecord, column: &str) -> Option<&'r str> {
        let text = row.get(*self.columns.get(column)?)?;
        let text = match text.strip_prefix('\'') {
            Some(plain) if plain.starts_with(MARKED) => plain,
            _ => text,
        };
        (!text.is_empty()).then_some(text)
    }
}

async fn import_products_csv(
    call: Call,
    Query(asked): Query<ImportAsked>,
    request: Request,
) -> Result<Json<ImportReport>, Problem> {
    let bytes = read_body(request.into_body(), call.state().settings.import_bytes_max).await?;
    import_products(&call, &bytes, asked.dry_run).await.map(Json)
}

/// What a group of rows asks for: one product with its variants and prices.
struct Wanted {
    rows: Vec<u64>,
    commands: Vec<Catalog>,
    created: BTreeSet<u64>,
    updated: BTreeSet<u64>,
    /// By row; those that stand already are left out.
    prices: Vec<(u64, Sku, i64, Option<i64>)>,
}

/// Makes and changes products.
///
/// # Errors
/// `malformed`, `unknown-field` or `validation` if the file as a whole can't be taken.
pub async fn import_products(call: &Call, bytes: &[u8], dry_run: bool) -> Result<ImportReport, Problem> {
    let sheet = Sheet::read(bytes, &PRODUCT_COLUMNS, &["product_slug", "sku"])?;
    let default = own_locale(call)?;
    let currency = call.shop()?.settings().currency;
    let list = call.read(GroupKind::Catalogue, |view| default_list(view, currency)).map(|list| list.code);
    let mut report = ImportReport { dry_run, rows: sheet.rows.len(), ..ImportReport::default() };
    let mut groups: BTreeMap<String, Vec<&(u64, StringRecord)>> = BTreeMap::new();
    for entry in &sheet.rows {
        match sheet.get(&entry.1, "product_slug") {
            Some(slug) => groups.entry(slug.to_owned()).or_default().push(entry),
            None => report.fault(entry.0, Some("product_slug"), "is required"),
        }
    }
    // A dry run decides on one overlay over the state, which is dropped.
    let reader = call.state().backend.reader(GroupKind::Catalogue, call.tenant());
    let mut overlay = Tx::new(reader.as_ref());
    for (slug, rows) in groups {
        let wanted = call.read(GroupKind::Catalogue, |view| {
            plan_product(view, &sheet, &slug, &rows, &default, &mut report)
        });
        let Some(mut wanted) = wanted else { continue };
        call.read(GroupKind::Catalogue, |view| leave_out_standing(view, &mut wanted, list.as_ref()));
        if list.is_none() && !wanted.prices.is_empty() {
            report.fault(wanted.rows[0], Some("price"), format!("there is no price list for {currency}"));
            continue;
        }
        let outcome = match dry_run {
            true => decide_only(call, &mut overlay, &wanted.commands),
            false => write_product(call, &slug, &wanted, list.as_ref()).await,
        };
        match outcome {
            Ok(()) => {
                report.created += wanted.created.len();
                report.updated += wanted.updated.len();
                report.unchanged += wanted.rows.len() - wanted.created.len() - wanted.updated.len();
            }
            Err(problem) => report.problem(wanted.rows[0], &problem),
        }
    }
    Ok(report)
}

/// Takes off the prices that hold already; the rows of the others count as changed.
fn leave_out_standing(view: &ReadScope<'_>, wanted: &mut Wanted, list: Option<&Code>) {
    let stands = |sku: &Sku, amount: i64, compare_at: Option<i64>| {
        let variant = catalog::variant_by_sku(view, sku)?.id;
        let rows = pricing::prices_of(view, variant);
        let everyday = |row: &Price| row.min_quantity == 1 && row.starts.is_none() && Some(&row.list) == list;
        Some(rows.iter().any(|row| everyday(row) && (row.amount, row.compare_at) == (amount, compare_at)))
    };
    wanted.prices.retain(|(_, sku, amount, compare_at)| stands(sku, *amount, *compare_at) != Some(true));
    let changed = wanted.prices.iter().map(|(row, ..)| *row).filter(|row| !wanted.created.contains(row));
    wanted.updated.extend(changed.collect::<Vec<_>>());
}

/// Decides commands on the overlay, so that later rows see what earlier ones would have done.
fn decide_only(call: &Call, overlay: &mut Tx<'_>, commands: &[Catalog]) -> Result<(), Problem> {
    for command in commands {
        let stamped = Stamped {
            id: CommandId(rand::random()),
            keep: Keep::Nothing,
            request: [0; 16],
            tenant: call.tenant(),
            site: Site::NONE,
            actor: Actor::System,
            at: call.now(),
            seed: rand::random(),
            command: command.clone().into(),
        };
        command::apply(overlay, &stamped, &mut Vec::new()).result.map_err(Problem::from)?;
    }
    Ok(())
}

async fn write_product(call: &Call, slug: &str, wanted: &Wanted, list: Option<&Code>) -> Result<(), Problem> {
    for (n, command) in wanted.commands.iter().enumerate() {
        call.submit_scoped(&format!("import {slug} {n}"), command.clone()).await?;
    }
    let Some(list) = list.filter(|_| !wanted.prices.is_empty()) else { return Ok(()) };
    let prices = call.read(GroupKind::Catalogue, |view| {
        let price = |(_, sku, amount, compare_at): &(u64, Sku, i64, Option<i64>)| {
            let variant: VariantId = catalog::variant_by_sku(view, sku)?.id;
            let (amount, compare_at) = (*amount, *compare_at);
            Some(Price {
                variant,
                list: list.clone(),
                min_quantity: 1,
                amount,
                compare_at,
                starts: None,
                ends: None,
            })
        };
        wanted.prices.iter().filter_map(price).collect::<Vec<_>>()
    });
    call.submit_scoped(&format!("import {slug} prices"), Pricing::SetPrices { prices }).await?;
    Ok(())
}

fn plan_product(
    view: &ReadScope<'_>,
    sheet: &Sheet,
    slug: &str,
    rows: &[&(u64, StringRecord)],
    default: &Locale,
    report: &mut ImportReport,
) -> Option<Wanted> {
    let (first, head) = rows[0];
    let faults_before = report.faults.len();
    let before = Slug::parse(slug).ok().and_then(|slug| catalog::product_by_slug(view, &slug));
    let before = match before {
        Some(Found::Here(product)) => Some(product),
        Some(Found::Moved(now)) => {
            report.fault(*first, Some("product_slug"), format!("the product is called {now} now"));
            return None;
        }
        None => None,
    };
    if before.as_ref().is_some_and(|product| product.status == ProductStatus::Archived) {
        report.fault(*first, Some("product_slug"), "the product is archived");
        return None;
    }
    let mut faults = Faults::new();
    let details = product_details(
        view,
        sheet,
        slug,
        head,
        before.as_ref().map(|before| &before.details),
        default,
        &mut faults,
    );
    if let Err(problem) = faults.check() {
        report.problem(*first, &problem);
    }
    let mut wanted = Wanted {
        rows: rows.iter().map(|(row, _)| *row).collect(),
        commands: Vec::new(),
        created: BTreeSet::new(),
        updated: BTreeSet::new(),
        prices: Vec::new(),
    };
    let mut new_variants = Vec::new();
    let mut changed_variants = Vec::new();
    for (position, (row, record)) in rows.iter().enumerate() {
        let mut faults = Faults::new();
        let planned = variant_row(view, sheet, record, position as u32, default, &mut faults);
        let price = price_of(sheet, record, &mut faults);
        if let Err(problem) = faults.check() {
            report.problem(*row, &problem);
            continue;
        }
        let Some((sku, known, after)) = planned else { continue };
        if let Some((amount, compare_at)) = price {
            wanted.prices.push((*row, sku, amount, compare_at));
        }
        match (known, &before) {
            (None, _) => {
                wanted.created.insert(*row);
                new_variants.push(after);
            }
            (Some(known), Some(product)) if known.product == product.id => {
                if known.details != after {
                    wanted.updated.insert(*row);
                    changed_variants.push(Catalog::UpdateVariant {
                        variant: known.id,
                        expected: Some(known.revision),
                        details: after,
                    });
                }
            }
            (Some(_), _) => report.fault(*row, Some("sku"), "belongs to another product"),
        }
    }
    if report.faults.len() > faults_before {
        return None;
    }
    let details = details?;
    let publish = sheet.get(head, "status") == Some("active");
    match before {
        None => wanted.commands.push(Catalog::CreateProduct { details, variants: new_variants, publish }),
        Some(product) => {
            if product.details != details {
                let expected = Some(product.revision);
                wanted.commands.push(Catalog::UpdateProduct { product: product.id, expected, details });
                if wanted.updated.is_empty() && !wanted.created.contains(first) {
                    wanted.updated.insert(*first);
                }
            }
            let created = new_variants
                .into_iter()
                .map(|details| Catalog::CreateVariant { product: product.id, details });
            wanted.commands.extend(created);
            wanted.commands.extend(changed_variants);
            match (sheet.get(head, "status"), product.status) {
                (Some("active"), ProductStatus::Draft) => {
                    wanted.commands.push(Catalog::PublishProduct { product: product.id, expected: None });
                }
                (Some("draft"), ProductStatus::Active) => {
                    wanted.commands.push(Catalog::UnpublishProduct { product: product.id, expected: None });
                }
                _ => {}
            }
        }
    }
    Some(wanted)
}

/// The product as the row says; cells that are not there keep what was.
fn product_details(
    view: &ReadScope<'_>,
    sheet: &Sheet,
    slug: &str,
    row: &StringRecord,
    before: Option<&ProductDetails>,
    default: &Locale,
    faults: &mut Faults,
) -> Option<ProductDetails> {
    let slug = faults.take("/product_slug", Slug::parse(slug));
    let product_type = match (sheet.get(row, "product_type"), before) {
        (Some(code), _) => faults.take("/product_type", Code::parse(code)),
        (None, Some(before)) => Some(before.product_type.clone()),
        (None, None) => {
            faults.add("/product_type", "is required");
            None
        }
    };
    let tax_category =
        faults.take("/tax_category", Code::parse(sheet.get(row, "tax_category").unwrap_or("standard")));
    let with_words = |column: &str, kept: Option<&Text>| {
        let mut text = kept.cloned().unwrap_or_default();
        if let Some(words) = sheet.get(row, column) {
            text.set(default.clone(), words);
        }
        text
    };
    let name = with_words("name", before.map(|before| &before.name));
    let description = with_words("description", before.map(|before| &before.description));
    let brand = match sheet.get(row, "brand") {
        Some(brand) => faults.take("/brand", Name::parse(brand)),
        None => before.and_then(|before| before.brand.clone()),
    };
    let categories = match sheet.get(row, "categories") {
        None => before.map_or_else(Vec::new, |before| before.categories.clone()),
        Some(paths) => {
            let find = |path: &str| match catalog::category_by_path(view, path.trim()) {
                Some(Found::Here(category)) => Ok(category.id),
                _ => Err(format!("there is no category {}", path.trim())),
            };
            paths.split(';').filter_map(|path| faults.take("/categories", find(path))).collect()
        }
    };
    let options = match sheet.get(row, "options") {
        None => before.map_or_else(Vec::new, |before| before.options.clone()),
        Some(codes) => {
            codes.split(';').filter_map(|code| faults.take("/options", Code::parse(code.trim()))).collect()
        }
    };
    Some(ProductDetails {
        slug: slug?,
        product_type: product_type?,
        name,
        description,
        seo: before.map_or_else(Seo::default, |before| before.seo.clone()),
        brand,
        categories,
        attributes: before.map_or_else(BTreeMap::new, |before| before.attributes.clone()),
        options,
        add_ons: before.and_then(|before| before.add_ons.clone()),
        media: before.map_or_else(Vec::new, |before| before.media.clone()),
        tax_category: tax_category?,
    })
}

type PlannedVariant = (Sku, Option<catalog::Variant>, VariantDetails);

fn variant_row(
    view: &ReadScope<'_>,
    sheet: &Sheet,
    row: &StringRecord,
    position: u32,
    default: &Locale,
    faults: &mut Faults,
) -> Option<PlannedVariant> {
    let sku = faults.take("/sku", Sku::parse(sheet.get(row, "sku").unwrap_or_default()))?;
    let known = catalog::variant_by_sku(view, &sku);
    let mut after = match &known {
        Some(known) => known.details.clone(),
        None => VariantDetails { position, ..VariantDetails::new(sku.clone()) },
    };
    after.sku = sku.clone();
    if let Some(gtin) = sheet.get(row, "gtin") {
        after.gtin = faults.take("/gtin", Gtin::parse(gtin));
    }
    if let Some(grams) = sheet.get(row, "weight_grams") {
        let grams = grams.parse().map_err(|_| "must be a whole number of grams");
        after.shipping_weight_grams = faults.take("/weight_grams", grams).unwrap_or_default();
    }
    if let Some(choices) = sheet.get(row, "choices") {
        after.options = pairs(choices, "/choices", faults)
            .into_iter()
            .filter_map(|(option, value)| {
                let option = faults.take("/choices", Code::parse(&option));
                option.zip(faults.take("/choices", Code::parse(&value)))
            })
            .collect();
    }
    if let Some(written) = sheet.get(row, "attributes") {
        let typed: Attributes = pairs(written, "/attributes", faults)
            .into_iter()
            .map(|(name, value)| {
                let typed = typed_value(view, &name, &value);
                (name, typed)
            })
            .collect();
        after.attributes.extend(parse_attributes(view, "/attributes", &typed, default, faults));
    }
    match sheet.get(row, "policy") {
        Some("deny") => after.policy = Policy::Deny,
        Some("backorder") => after.policy = Policy::Backorder,
        // Its date is set where products are edited.
        Some("preorder") if matches!(after.policy, Policy::Preorder { .. }) => {}
        Some(_) => faults.add("/policy", "must be deny or backorder"),
        None => {}
    }
    Some((sku, known, after))
}

/// `size=sh;hand=rh` as pairs.
fn pairs(text: &str, at: &str, faults: &mut Faults) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for part in text.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=') {
            Some((name, value)) => pairs.push((name.trim().to_owned(), value.trim().to_owned())),
            None => faults.add(at, "is written as name=value;name=value"),
        }
    }
    pairs
}

/// Cells are text; booleans are typed by their definition.
fn typed_value(view: &ReadScope<'_>, name: &str, value: &str) -> serde_json::Value {
    let kind = Code::parse(name)
        .ok()
        .and_then(|code| catalog::attribute(view, &code))
        .map(|found| found.details.kind);
    match (kind, value) {
        (Some(AttributeKind::Boolean), "true") => true.into(),
        (Some(AttributeKind::Boolean), "false") => false.into(),
        _ => value.into(),
    }
}

fn price_of(sheet: &Sheet, row: &StringRecord, faults: &mut Faults) -> Option<(i64, Option<i64>)> {
    let mut amount = |column: &str| {
        let text = sheet.get(row, column)?;
        let amount = text.parse::<i64>().ok().filter(|amount| *amount >= 0);
        faults.take(format!("/{column}"), amount.ok_or("must be a whole number of minor units"))
    };
    let compare_at = amount("compare_at");
    amount("price").map(|price| (price, compare_at))
}

async fn import_stock_csv(
    call: Call,
    Query(asked): Query<ImportAsked>,
    request: Request,
) -> Result<Json<ImportReport>, Problem> {
    let bytes = read_body(request.into_body(), call.state().settings.import_bytes_max).await?;
    import_stock(&call, &bytes, asked.dry_run).await.map(Json)
}

/// Counts stock to what the file says is on hand.
///
/// # Errors
/// `malformed`, `unknown-field` or `validation` if the file as a whole can't be taken.
pub async fn import_stock(call: &Call, bytes: &[u8], dry_run: bool) -> Result<ImportReport, Problem> {
    let sheet = Sheet::read(bytes, &STOCK_COLUMNS, &["sku", "on_hand"])?;
    let mut report = ImportReport { dry_run, rows: sheet.rows.len(), ..ImportReport::default() };
    for (row, record) in &sheet.rows {
        let mut faults = Faults::new();
        let item = faults.take("/sku", find_item(call, sheet.get(record, "sku").unwrap_or_default()));
        let warehouse = find_warehouse(call, sheet.get(record, "warehouse"));
        let warehouse = faults.take("/warehouse", warehouse.ok_or("is not a warehouse of this shop"));
        let on_hand = sheet.get(record, "on_hand").and_then(|text| text.parse::<i64>().ok());
        let on_hand = on_hand.filter(|pieces| (0..=ON_HAND_MAX).contains(pieces));
        let on_hand =
            faults.take("/on_hand", on_hand.ok_or(format!("must be a whole number from 0 to {ON_HAND_MAX}")));
        let planned = match faults.finish(item.zip(warehouse.zip(on_hand))) {
            Ok(planned) => planned,
            Err(problem) => {
                report.problem(*row, &problem);
                continue;
            }
        };
        let ((item, sku), (warehouse, on_hand)) = planned;
        let level = call.read(GroupKind::Region, |view| LEVELS.get(view, &(item, warehouse)));
        let delta = on_hand - level.map_or(0, |level| level.on_hand);
        if delta == 0 {
            report.unchanged += 1;
            continue;
        }
        let command = Inventory::Adjust { item, sku, warehouse, delta, reason: Reason::Import };
        let outcome = match dry_run {
            true => Ok(()),
            false => call.submit_scoped(&format!("import row {row}"), command).await.map(drop),
        };
        match outcome {
            Ok(()) if level.is_some() => report.updated += 1,
            Ok(()) => report.created += 1,
            Err(problem) => report.problem(*row, &problem),
        }
    }
    Ok(report)
}
