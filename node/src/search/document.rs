//! From catalogue records to search documents and live columns.

use gearify_commerce::catalog::{self, AttributeValue, CategoryNode, Product, ProductStatus, Variant};
use gearify_commerce::inventory::{self, STOCK_ITEMS};
use gearify_commerce::tenants::Tenant;
use gearify_commerce::{ReadScope, StockItemId, Text, pricing};
use gearify_search::{AttributeValue as Value, Change, ColumnRow, Document, Price, Texts};
use gearify_web::ports_search::Availability;
use std::collections::BTreeMap;

/// The change that brings the index to what the catalogue says of a product: shoppers find active ones.
pub fn change_of(catalogue: &ReadScope<'_>, product: &Product) -> Change {
    match product.status {
        ProductStatus::Active => Change::put(document_of(catalogue, product)),
        ProductStatus::Draft | ProductStatus::Archived => Change::Delete(product.number),
    }
}

pub fn document_of(catalogue: &ReadScope<'_>, product: &Product) -> Document {
    let details = &product.details;
    let variants = catalog::live_variants_of(catalogue, product.id);
    let categories: Vec<_> =
        details.categories.iter().filter_map(|id| catalog::category(catalogue, *id)).collect();
    let product_type = catalog::product_type(catalogue, &details.product_type);
    let keywords = categories.iter().map(|category| &category.details.name);
    let keywords = keywords.chain(product_type.as_ref().map(|product_type| &product_type.details.name));
    Document {
        number: product.number,
        id: product.id.to_string(),
        stored: Vec::new(),
        name: texts(&details.name),
        description: texts(&details.description),
        keywords: joined(keywords),
        skus: variants.iter().map(|variant| variant.details.sku.as_str().to_owned()).collect(),
        brand: details.brand.as_ref().map(|brand| brand.as_str().to_owned()),
        categories: categories
            .into_iter()
            .filter(|category| !category.archived)
            .map(|category| category.path)
            .collect(),
        attributes: attributes(catalogue, product, &variants),
        newest: product.published_at.unwrap_or(product.created_at).as_millis(),
        popularity: 0,
    }
}

fn texts(text: &Text) -> Texts {
    text.iter().map(|(locale, words)| (locale.as_str().to_owned(), words.to_owned())).collect()
}

fn joined<'t>(all: impl Iterator<Item = &'t Text>) -> Texts {
    let mut joined = Texts::new();
    for (locale, words) in all.flat_map(Text::iter) {
        let line = joined.entry(locale.as_str().to_owned()).or_default();
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(words);
    }
    joined
}

/// The product's own values and those of all its variants: a bat is found by the weight of any of them.
fn attributes(
    catalogue: &ReadScope<'_>,
    product: &Product,
    variants: &[Variant],
) -> BTreeMap<String, Vec<Value>> {
    let mut values: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let of_variants = variants.iter().flat_map(|variant| &variant.details.attributes);
    for (code, value) in product.details.attributes.iter().chain(of_variants) {
        let value = match value {
            AttributeValue::Choice(choice) => Value::Term(choice.as_str().to_owned()),
            AttributeValue::Boolean(yes) => Value::Term(yes.to_string()),
            AttributeValue::Number(value) => Value::Number { value: *value, unit: unit_of(catalogue, code) },
            AttributeValue::Text(_) => continue,
        };
        let known = values.entry(code.as_str().to_owned()).or_default();
        if !known.contains(&value) {
            known.push(value);
        }
    }
    values
}

fn unit_of(catalogue: &ReadScope<'_>, code: &gearify_commerce::Code) -> String {
    use catalog::AttributeKind;
    match catalog::attribute(catalogue, code).map(|attribute| attribute.details.kind) {
        Some(AttributeKind::Number { unit: Some(unit), .. }) => unit.as_str().to_owned(),
        _ => String::new(),
    }
}

/// Names of the tenant's categories by path.
pub fn category_names(catalogue: &ReadScope<'_>) -> BTreeMap<String, Texts> {
    let mut names = BTreeMap::new();
    let mut open = catalog::category_tree(catalogue);
    while let Some(CategoryNode { category, children }) = open.pop() {
        names.insert(category.path, texts(&category.details.name));
        open.extend(children);
    }
    names
}

/// Price and availability of a product as they are now, for shoppers of the shop's home country.
pub fn columns_of(
    tenant: &Tenant,
    catalogue: &ReadScope<'_>,
    region: &ReadScope<'_>,
    product: &Product,
) -> ColumnRow {
    let variants = catalog::live_variants_of(catalogue, product.id);
    let settings = &tenant.settings.value;
    let country = &settings.home.country;
    let mut prices = BTreeMap::new();
    for currency in settings.currencies() {
        let of_variant = |variant: &Variant| pricing::effective(catalogue, variant.id, currency, country, 1);
        let all: Vec<_> = variants.iter().filter_map(of_variant).collect();
        let lowest = all.iter().min_by_key(|price| price.amount);
        let highest = all.iter().map(|price| price.amount).max();
        if let (Some(lowest), Some(amount_max)) = (lowest, highest) {
            let price = Price { amount: lowest.amount, amount_max, compare_at: lowest.compare_at };
            prices.insert(currency.as_str().to_owned(), price);
        }
    }
    let best = variants.iter().map(|variant| availability_of(region, variant)).min();
    let availability = best.unwrap_or(Availability::OutOfStock);
    ColumnRow {
        number: product.number,
        prices,
        available: availability.in_stock(),
        availability: code_of(availability),
        rating: None,
        popularity: None,
    }
}

/// Whether one piece of a variant can be had.
pub fn availability_of(region: &ReadScope<'_>, variant: &Variant) -> Availability {
    use catalog::Policy;
    let mut sets = i64::MAX;
    let mut is_low = false;
    for part in variant.stock_components() {
        let available = inventory::available(region, part.item);
        sets = sets.min(available / i64::from(part.per_unit.max(1)));
        is_low |= available <= low_at(region, part.item);
    }
    match variant.details.policy {
        _ if sets > 0 && is_low => Availability::LowStock,
        _ if sets > 0 => Availability::InStock,
        Policy::Backorder => Availability::Backorder,
        Policy::Preorder { .. } => Availability::Preorder,
        Policy::Deny => Availability::OutOfStock,
    }
}

fn low_at(region: &ReadScope<'_>, item: StockItemId) -> i64 {
    STOCK_ITEMS.get(region, &item).map_or(0, |item| i64::from(item.low_at))
}

/// The column's code; 0 is what a product has that nobody wrote about.
fn code_of(availability: Availability) -> u8 {
    match availability {
        Availability::OutOfStock => 0,
        Availability::InStock => 1,
        Availability::LowStock => 2,
        Availability::Backorder => 3,
        Availability::Preorder => 4,
    }
}

pub fn availability_from(code: u8) -> Availability {
    match code {
        1 => Availability::InStock,
        2 => Availability::LowStock,
        3 => Availability::Backorder,
        4 => Availability::Preorder,
        _ => Availability::OutOfStock,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn availability_survives_its_code() {
        use Availability::*;
        for availability in [InStock, LowStock, Backorder, Preorder, OutOfStock] {
            assert_eq!(availability_from(code_of(availability)), availability);
        }
        assert!([InStock, LowStock, Backorder, Preorder, OutOfStock].is_sorted(), "the best comes first");
    }
}
