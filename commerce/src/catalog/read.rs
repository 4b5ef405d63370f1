//! Questions to the catalogue.

use super::definitions::*;
use super::model::*;
use super::values::Sku;
use crate::code::Code;
use crate::ids::{AddOnId, CategoryId, MediaId, ProductId, StockItemId, VariantId};
use crate::locale::Locale;
use crate::scope::View;
use crate::tenants::BlobHash;
use crate::text::Slug;
use std::collections::BTreeMap;

/// What stands at an address.
#[derive(Clone, Debug, PartialEq)]
pub enum Found<T, Address> {
    Here(T),
    /// It has moved for good.
    Moved(Address),
}

pub fn product(view: &(impl View + ?Sized), id: ProductId) -> Option<Product> {
    PRODUCTS.get(view, &id)
}

pub fn product_by_slug(view: &(impl View + ?Sized), slug: &Slug) -> Option<Found<Product, Slug>> {
    let owner = SLUGS.get(view, slug)?;
    let product = product(view, owner.product)?;
    Some(if owner.current { Found::Here(product) } else { Found::Moved(product.details.slug) })
}

pub fn product_by_number(view: &(impl View + ?Sized), number: u32) -> Option<Product> {
    product(view, PRODUCTS_BY_NUMBER.get(view, &number)?.0)
}

/// Products in the order of their ids, which is that of their making, after `after`.
pub fn products_after(view: &(impl View + ?Sized), after: Option<ProductId>, limit: usize) -> Vec<Product> {
    match after {
        Some(after) => PRODUCTS.list_after(view, &after, limit),
        None => PRODUCTS.list(view, &(), limit),
    }
}

/// How many products the tenant ever made; also the largest product number.
pub fn product_count(view: &(impl View + ?Sized)) -> u32 {
    NUMBERS.get(view, &()).map_or(0, |count| count.0 as u32)
}

pub fn variant(view: &(impl View + ?Sized), id: VariantId) -> Option<Variant> {
    let product = VARIANT_PRODUCTS.get(view, &id)?.0;
    VARIANTS.get(view, &(product, id))
}

/// The live variant with this SKU, whatever its case.
pub fn variant_by_sku(view: &(impl View + ?Sized), sku: &Sku) -> Option<Variant> {
    let found = SKUS.get(view, &sku.folded())?;
    VARIANTS.get(view, &(found.product, found.variant))
}

/// A variant whose own stock item this is.
pub fn variant_of_stock_item(view: &(impl View + ?Sized), item: StockItemId) -> Option<Variant> {
    variant(view, VariantId::from_bits(item.bits()))
}

/// All variants of a product, archived ones too, in the merchant's order.
pub fn variants_of(view: &(impl View + ?Sized), product: ProductId) -> Vec<Variant> {
    let mut variants = VARIANTS.list(view, &product, VARIANTS_MAX as usize);
    variants.sort_by_key(|variant| (variant.details.position, variant.id));
    variants
}

/// The variants of a product that are sold, in the merchant's order.
pub fn live_variants_of(view: &(impl View + ?Sized), product: ProductId) -> Vec<Variant> {
    variants_of(view, product).into_iter().filter(|variant| !variant.archived).collect()
}

pub fn variant_counts(view: &(impl View + ?Sized), product: ProductId) -> VariantCounts {
    VARIANT_COUNTS.get(view, &product).unwrap_or_default()
}

pub fn category(view: &(impl View + ?Sized), id: CategoryId) -> Option<Category> {
    CATEGORIES.get(view, &id)
}

pub fn category_by_path(view: &(impl View + ?Sized), path: &str) -> Option<Found<Category, String>> {
    let owner = CATEGORY_PATHS.get(view, path)?;
    let category = category(view, owner.category)?;
    Some(if owner.current { Found::Here(category) } else { Found::Moved(category.path) })
}

/// Every category, archived ones too.
pub fn categories(view: &(impl View + ?Sized)) -> Vec<Category> {
    CATEGORIES.list(view, &(), CATEGORIES_MAX)
}

/// A category with what is below it, each level in the merchant's order.
#[derive(Clone, Debug, PartialEq)]
pub struct CategoryNode {
    pub category: Category,
    pub children: Vec<CategoryNode>,
}

/// The live categories as a tree.
pub fn category_tree(view: &(impl View + ?Sized)) -> Vec<CategoryNode> {
    let mut below: BTreeMap<Option<CategoryId>, Vec<Category>> = BTreeMap::new();
    for category in categories(view).into_iter().filter(|category| !category.archived) {
        below.entry(category.details.parent).or_default().push(category);
    }
    take_level(&mut below, None)
}

fn take_level(
    below: &mut BTreeMap<Option<CategoryId>, Vec<Category>>,
    parent: Option<CategoryId>,
) -> Vec<CategoryNode> {
    let mut level = below.remove(&parent).unwrap_or_default();
    level.sort_by_key(|category| (category.details.position, category.id));
    level
        .into_iter()
        .map(|category| CategoryNode { children: take_level(below, Some(category.id)), category })
        .collect()
}

/// From the root down to the category itself: breadcrumbs.
pub fn category_line(view: &(impl View + ?Sized), id: CategoryId) -> Vec<Category> {
    let mut line = Vec::new();
    let mut next = Some(id);
    while let Some(found) = next.and_then(|id| category(view, id)) {
        next = found.details.parent;
        line.insert(0, found);
        if line.len() > CATEGORY_DEPTH_MAX {
            break;
        }
    }
    line
}

pub fn add_on(view: &(impl View + ?Sized), id: AddOnId) -> Option<AddOn> {
    ADD_ONS.get(view, &id)
}

/// Every add-on, archived ones too, in the merchant's order.
pub fn add_ons(view: &(impl View + ?Sized)) -> Vec<AddOn> {
    let mut all = ADD_ONS.list(view, &(), ADD_ONS_MAX);
    all.sort_by_key(|add_on| (add_on.details.position, add_on.id));
    all
}

/// The live add-ons made for a product type.
pub fn add_ons_for_type(view: &(impl View + ?Sized), product_type: &Code) -> Vec<AddOn> {
    let suits = |add_on: &AddOn| !add_on.archived && add_on.details.product_types.contains(product_type);
    add_ons(view).into_iter().filter(suits).collect()
}

/// The live add-ons offered with a product.
pub fn add_ons_for(view: &(impl View + ?Sized), product: &Product) -> Vec<AddOn> {
    let mut offered = add_ons_for_type(view, &product.details.product_type);
    if let Some(chosen) = &product.details.add_ons {
        offered.retain(|add_on| chosen.contains(&add_on.id));
    }
    offered
}

/// A definition of the shop's own, or else the built-in one.
pub fn attribute(view: &(impl View + ?Sized), code: &Code) -> Option<Attribute> {
    let built_in = || built_in_attributes().into_iter().find(|attribute| attribute.details.code == *code);
    ATTRIBUTES.get(view, code).or_else(built_in)
}

/// Every definition, in the merchant's order.
pub fn attributes(view: &(impl View + ?Sized)) -> Vec<Attribute> {
    let mut all = ATTRIBUTES.list(view, &(), ATTRIBUTES_MAX);
    for built_in in built_in_attributes() {
        if all.iter().all(|own| own.details.code != built_in.details.code) {
            all.push(built_in);
        }
    }
    all.sort_by(|a, b| (a.details.position, &a.details.code).cmp(&(b.details.position, &b.details.code)));
    all
}

pub fn product_type(view: &(impl View + ?Sized), code: &Code) -> Option<ProductType> {
    PRODUCT_TYPES.get(view, code)
}

pub fn product_types(view: &(impl View + ?Sized)) -> Vec<ProductType> {
    PRODUCT_TYPES.list(view, &(), PRODUCT_TYPES_MAX)
}

pub fn option_type(view: &(impl View + ?Sized), code: &Code) -> Option<OptionType> {
    OPTION_TYPES.get(view, code)
}

pub fn option_types(view: &(impl View + ?Sized)) -> Vec<OptionType> {
    OPTION_TYPES.list(view, &(), OPTIONS_MAX)
}

pub fn option_value(view: &(impl View + ?Sized), option: &Code, value: &Code) -> Option<OptionValue> {
    OPTION_VALUES.get(view, &(option.clone(), value.clone()))
}

/// The values of an option, in the merchant's order.
pub fn option_values(view: &(impl View + ?Sized), option: &Code) -> Vec<OptionValue> {
    let mut values = OPTION_VALUES.list(view, option, OPTION_VALUES_MAX);
    values.sort_by(|a, b| (a.details.position, &a.details.code).cmp(&(b.details.position, &b.details.code)));
    values
}

pub fn media(view: &(impl View + ?Sized), id: MediaId) -> Option<Media> {
    MEDIA.get(view, &id)
}

/// The picture that stands for a variant: its own first, else the product's.
pub fn lead_media(
    view: &(impl View + ?Sized),
    product: &Product,
    variant: Option<&Variant>,
) -> Option<Media> {
    let own = variant.and_then(|variant| variant.details.media.first());
    media(view, *own.or(product.details.media.first())?)
}

/// A variant's choices in words: `[("Size", "Short Handle")]`, in the product's order.
pub fn option_words(
    view: &(impl View + ?Sized),
    product: &Product,
    variant: &Variant,
    locale: &Locale,
    default: &Locale,
) -> Vec<(String, String)> {
    let words = |option: &Code| {
        let value = variant.details.options.get(option)?;
        let name = option_type(view, option)?.details.name.words(locale, default).to_owned();
        let label = option_value(view, option, value)?.details.label.words(locale, default).to_owned();
        Some((name, label))
    };
    product.details.options.iter().filter_map(words).collect()
}

/// Whether a picture with this content belongs to the tenant.
pub fn names_blob(view: &(impl View + ?Sized), hash: &BlobHash) -> bool {
    !MEDIA_BY_HASH.rows(view, &hash.to_string(), 1).is_empty()
}

/// The contents of the tenant's pictures, page by page in the order of their ids.
pub fn blobs(view: &(impl View + ?Sized)) -> impl Iterator<Item = BlobHash> {
    const PAGE: usize = 500;
    let mut after = Some(MediaId::from_bits(0));
    std::iter::from_fn(move || {
        let page = MEDIA.list_after(view, &after?, PAGE);
        after = page.last().map(|last| last.id);
        Some(page)
    })
    .flatten()
    .map(|media| media.details.hash)
}
