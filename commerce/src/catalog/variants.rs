//! Decisions about variants.

use super::apply::{Asked, Change, require_revision};
use super::model::*;
use super::products::{check_attributes, check_media, check_tax_category};
use super::read::{option_value, product, variant, variant_counts};
use super::{COMBINATIONS, Event, Level, Refusal, SKUS};
use crate::check::{self, Invalid};
use crate::command::Reply;
use crate::ids::{ProductId, VariantId};
use crate::scope::View;
use std::collections::BTreeSet;

/// Heaviest piece that can be sent, in grams.
const WEIGHT_GRAMS_MAX: u32 = 1_000_000;
const SIZE_MM_MAX: u32 = 10_000;
const PER_UNIT_MAX: u32 = 1_000;

/// The variants that come along with a new product.
pub(super) fn first_of(
    asked: &Asked<'_, impl View>,
    product: &Product,
    all: &[VariantDetails],
) -> Result<Vec<Variant>, Refusal> {
    let (mut skus, mut combinations) = (BTreeSet::new(), BTreeSet::new());
    let mut made = Vec::with_capacity(all.len());
    for (n, details) in all.iter().enumerate() {
        check_details(asked.view, product, details).map_err(|refusal| inside(refusal, n))?;
        check_free(asked.view, product.id, details, None)?;
        if !skus.insert(details.sku.folded()) {
            return Err(Refusal::SkuTaken { sku: details.sku.clone(), variant: None });
        }
        if !combinations.insert(combination(&details.options)) {
            return Err(Refusal::CombinationTaken { variant: None });
        }
        made.push(fresh(asked, product.id, asked.fresh[n + 1], details)?);
    }
    Ok(made)
}

fn inside(refusal: Refusal, n: usize) -> Refusal {
    match refusal {
        Refusal::Invalid(invalid) => Refusal::Invalid(invalid.inside(&format!("variants/{n}"))),
        other => other,
    }
}

pub(super) fn create(
    asked: &Asked<'_, impl View>,
    product_id: ProductId,
    details: &VariantDetails,
) -> Result<Change, Refusal> {
    let owner = product(asked.view, product_id).ok_or(Refusal::UnknownProduct { product: product_id })?;
    if owner.status == ProductStatus::Archived {
        return Err(Refusal::Archived);
    }
    if variant_counts(asked.view, product_id).all >= VARIANTS_MAX {
        return Err(Refusal::TooManyVariants { variants_max: VARIANTS_MAX });
    }
    check_details(asked.view, &owner, details)?;
    check_free(asked.view, product_id, details, None)?;
    let after = fresh(asked, product_id, asked.fresh[0], details)?;
    let event = Event::VariantCreated { product: product_id, variant: after.id, revision: 1 };
    Ok(Change::Variant { before: None, after: Box::new(after), event })
}

fn fresh(
    asked: &Asked<'_, impl View>,
    product: ProductId,
    id: u128,
    details: &VariantDetails,
) -> Result<Variant, Refusal> {
    let variant = Variant {
        id: VariantId::from_bits(id),
        product,
        revision: 1,
        archived: false,
        created_at: asked.at,
        updated_at: asked.at,
        details: details.clone(),
    };
    check::fits("variant", &variant)?;
    Ok(variant)
}

pub(super) fn update(
    asked: &Asked<'_, impl View>,
    id: VariantId,
    expected: Option<u64>,
    details: &VariantDetails,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    check_details(asked.view, &owner(asked.view, &before)?, details)?;
    if !before.archived {
        check_free(asked.view, before.product, details, Some(id))?;
    }
    let after = Variant { details: details.clone(), ..before.clone() };
    change(asked, before, after)
}

pub(super) fn archive(
    asked: &Asked<'_, impl View>,
    id: VariantId,
    expected: Option<u64>,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    if before.archived {
        return Ok(Change::None(Reply::about(id.bits(), before.revision)));
    }
    let is_sold = owner(asked.view, &before)?.status == ProductStatus::Active;
    if is_sold && variant_counts(asked.view, before.product).live <= 1 {
        return Err(Refusal::NoVariant);
    }
    let after = Variant { archived: true, ..before.clone() };
    change(asked, before, after)
}

pub(super) fn restore(
    asked: &Asked<'_, impl View>,
    id: VariantId,
    expected: Option<u64>,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    if !before.archived {
        return Ok(Change::None(Reply::about(id.bits(), before.revision)));
    }
    // The product may have other options by now.
    check_details(asked.view, &owner(asked.view, &before)?, &before.details)?;
    check_free(asked.view, before.product, &before.details, Some(id))?;
    let after = Variant { archived: false, ..before.clone() };
    change(asked, before, after)
}

fn existing(view: &impl View, id: VariantId, expected: Option<u64>) -> Result<Variant, Refusal> {
    let variant = variant(view, id).ok_or(Refusal::UnknownVariant { variant: id })?;
    require_revision(variant.revision, expected)?;
    Ok(variant)
}

fn owner(view: &impl View, variant: &Variant) -> Result<Product, Refusal> {
    product(view, variant.product).ok_or(Refusal::UnknownProduct { product: variant.product })
}

fn change(asked: &Asked<'_, impl View>, before: Variant, after: Variant) -> Result<Change, Refusal> {
    let after = Variant { revision: before.revision + 1, updated_at: asked.at, ..after };
    check::fits("variant", &after)?;
    let (product, variant, revision) = (after.product, after.id, after.revision);
    let event = match after.archived && !before.archived {
        true => Event::VariantArchived { product, variant, revision },
        false => Event::VariantUpdated { product, variant, revision },
    };
    Ok(Change::Variant { before: Some(Box::new(before)), after: Box::new(after), event })
}

/// SKU and choice of options are no other live variant's.
fn check_free(
    view: &impl View,
    product: ProductId,
    details: &VariantDetails,
    own: Option<VariantId>,
) -> Result<(), Refusal> {
    let another = |found: &VariantRef| Some(found.variant) != own;
    if let Some(found) = SKUS.get(view, &details.sku.folded()).filter(another) {
        return Err(Refusal::SkuTaken { sku: details.sku.clone(), variant: Some(found.variant) });
    }
    let key = (product, combination(&details.options));
    match COMBINATIONS.get(view, &key).filter(another) {
        Some(found) => Err(Refusal::CombinationTaken { variant: Some(found.variant) }),
        None => Ok(()),
    }
}

fn check_details(view: &impl View, product: &Product, details: &VariantDetails) -> Result<(), Refusal> {
    check_options(view, product, details)?;
    check::range("shipping_weight_grams", details.shipping_weight_grams.into(), 0, WEIGHT_GRAMS_MAX.into())?;
    for side in details.size_mm.iter().flat_map(|size| [size.length, size.width, size.height]) {
        check::range("size_mm", side.into(), 1, SIZE_MM_MAX.into())?;
    }
    check_media(view, &details.media)?;
    details.tax_category.as_ref().map_or(Ok(()), |code| check_tax_category(view, code))?;
    check_components(details)?;
    check_attributes(view, &product.details.product_type, Level::Variant, &details.attributes)
}

fn check_options(view: &impl View, product: &Product, details: &VariantDetails) -> Result<(), Refusal> {
    let wanted: BTreeSet<_> = product.details.options.iter().collect();
    if wanted != details.options.keys().collect() {
        return Err(Refusal::OptionsMissing { options: product.details.options.clone() });
    }
    match details.options.iter().find(|(option, value)| option_value(view, option, value).is_none()) {
        Some((option, value)) => {
            Err(Refusal::UnknownOptionValue { option: option.clone(), value: value.clone() })
        }
        None => Ok(()),
    }
}

fn check_components(details: &VariantDetails) -> Result<(), Invalid> {
    check::count("components", details.components.len(), STOCK_COMPONENTS_MAX)?;
    check::distinct("components", details.components.iter().map(|part| part.item))?;
    for part in &details.components {
        check::range("components/per_unit", part.per_unit.into(), 1, PER_UNIT_MAX.into())?;
    }
    Ok(())
}
