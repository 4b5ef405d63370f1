//! Decisions about products.

use super::apply::{Asked, Change, require_revision};
use super::model::*;
use super::read::{add_on, attribute, category, media, option_type, product, product_count, product_type};
use super::{AttributeKind, AttributeValue, Event, Level, Refusal, SLUGS, variants};
use crate::check::{self, Invalid, Problem};
use crate::code::Code;
use crate::command::Reply;
use crate::ids::{MediaId, ProductId};
use crate::scope::View;
use crate::tax;
use crate::text::{Name, Slug};
use crate::time::Timestamp;
use std::collections::BTreeMap;

pub(super) fn create(
    asked: &Asked<'_, impl View>,
    details: &ProductDetails,
    variants: &[VariantDetails],
    publish: bool,
) -> Result<Change, Refusal> {
    check_details(asked.view, details)?;
    check_slug(asked.view, &details.slug, None)?;
    if variants.is_empty() {
        return Err(Refusal::NoVariant);
    }
    check::count("variants", variants.len(), NEW_VARIANTS_MAX)?;
    let number = product_count(asked.view) + 1;
    let mut after = Product {
        id: ProductId::from_bits(asked.fresh[0]),
        number,
        revision: 1,
        generation: 1,
        status: ProductStatus::Draft,
        publish_at: None,
        unpublish_at: None,
        published_at: None,
        created_at: asked.at,
        updated_at: asked.at,
        details: details.clone(),
    };
    if publish {
        after.status = ProductStatus::Active;
        after.published_at = Some(asked.at);
    }
    check::fits("product", &after)?;
    let variants = variants::first_of(asked, &after, variants)?;
    let event = Event::ProductCreated { product: after.id, number, revision: 1 };
    Ok(Change::Product { before: None, after: Box::new(after), variants, event })
}

pub(super) fn update(
    asked: &Asked<'_, impl View>,
    id: ProductId,
    expected: Option<u64>,
    details: &ProductDetails,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    check_details(asked.view, details)?;
    check_slug(asked.view, &details.slug, Some(id))?;
    let mut options = (before.details.options.clone(), details.options.clone());
    options.0.sort();
    options.1.sort();
    // Another order of the same options changes no variant.
    if options.0 != options.1 && super::variant_counts(asked.view, id).live > 0 {
        return Err(Refusal::OptionsInUse);
    }
    let after = Product { details: details.clone(), ..before.clone() };
    change(asked, before, after, |product, number, revision| Event::ProductUpdated {
        product,
        number,
        revision,
    })
}

pub(super) fn publish(
    asked: &Asked<'_, impl View>,
    id: ProductId,
    expected: Option<u64>,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    if before.status == ProductStatus::Active {
        return Ok(Change::None(Reply::about(id.bits(), before.revision)));
    }
    if super::variant_counts(asked.view, id).live == 0 {
        return Err(Refusal::NoVariant);
    }
    let after = Product {
        status: ProductStatus::Active,
        publish_at: None,
        published_at: before.published_at.or(Some(asked.at)),
        ..before.clone()
    };
    change(asked, before, after, |product, number, revision| Event::ProductPublished {
        product,
        number,
        revision,
    })
}

pub(super) fn unpublish(
    asked: &Asked<'_, impl View>,
    id: ProductId,
    expected: Option<u64>,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    if before.status == ProductStatus::Draft {
        return Ok(Change::None(Reply::about(id.bits(), before.revision)));
    }
    let after = Product { status: ProductStatus::Draft, unpublish_at: None, ..before.clone() };
    change(asked, before, after, |product, number, revision| Event::ProductUnpublished {
        product,
        number,
        revision,
    })
}

pub(super) fn archive(
    asked: &Asked<'_, impl View>,
    id: ProductId,
    expected: Option<u64>,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    if before.status == ProductStatus::Archived {
        return Ok(Change::None(Reply::about(id.bits(), before.revision)));
    }
    let after =
        Product { status: ProductStatus::Archived, publish_at: None, unpublish_at: None, ..before.clone() };
    change(asked, before, after, |product, number, revision| Event::ProductArchived {
        product,
        number,
        revision,
    })
}

pub(super) fn schedule(
    asked: &Asked<'_, impl View>,
    id: ProductId,
    expected: Option<u64>,
    publish_at: Option<Timestamp>,
    unpublish_at: Option<Timestamp>,
) -> Result<Change, Refusal> {
    let before = existing(asked.view, id, expected)?;
    if before.status == ProductStatus::Archived {
        return Err(Refusal::Archived);
    }
    if let (Some(from), Some(until)) = (publish_at, unpublish_at)
        && until <= from
    {
        let (least, most) = (from.as_millis(), i64::MAX);
        return Err(Invalid::new("unpublish_at", Problem::OutOfRange { least, most }).into());
    }
    let after = Product { publish_at, unpublish_at, ..before.clone() };
    change(asked, before, after, |product, number, revision| Event::ProductUpdated {
        product,
        number,
        revision,
    })
}

/// A plan that was changed meanwhile finds nothing to do.
pub(super) fn publish_due(asked: &Asked<'_, impl View>, id: ProductId) -> Result<Change, Refusal> {
    let product = existing(asked.view, id, None)?;
    let has_come = |time: Option<Timestamp>| time.is_some_and(|time| time <= asked.at);
    match product.status {
        ProductStatus::Active if has_come(product.unpublish_at) => unpublish(asked, id, None),
        ProductStatus::Draft if has_come(product.publish_at) => publish(asked, id, None),
        _ => Ok(Change::None(Reply::about(id.bits(), product.revision))),
    }
}

fn existing(view: &impl View, id: ProductId, expected: Option<u64>) -> Result<Product, Refusal> {
    let product = product(view, id).ok_or(Refusal::UnknownProduct { product: id })?;
    require_revision(product.revision, expected)?;
    Ok(product)
}

fn change(
    asked: &Asked<'_, impl View>,
    before: Product,
    after: Product,
    event: impl Fn(ProductId, u32, u64) -> Event,
) -> Result<Change, Refusal> {
    let after = Product {
        revision: before.revision + 1,
        generation: before.generation + 1,
        updated_at: asked.at,
        ..after
    };
    check::fits("product", &after)?;
    let event = event(after.id, after.number, after.revision);
    Ok(Change::Product {
        before: Some(Box::new(before)),
        after: Box::new(after),
        variants: Vec::new(),
        event,
    })
}

fn check_slug(view: &impl View, slug: &Slug, own: Option<ProductId>) -> Result<(), Refusal> {
    match SLUGS.get(view, slug) {
        Some(owner) if Some(owner.product) != own => {
            Err(Refusal::SlugTaken { slug: slug.clone(), product: owner.product })
        }
        _ => Ok(()),
    }
}

fn check_details(view: &impl View, details: &ProductDetails) -> Result<(), Refusal> {
    check::named("name", &details.name, Name::CHARS_MAX as usize)?;
    check::prose("description", &details.description, DESCRIPTION_CHARS_MAX)?;
    check::line("seo/title", &details.seo.title, 200)?;
    check::prose("seo/description", &details.seo.description, 400)?;
    let code = &details.product_type;
    product_type(view, code).ok_or_else(|| Refusal::UnknownProductType { code: code.clone() })?;
    check::count("categories", details.categories.len(), PRODUCT_CATEGORIES_MAX)?;
    check::distinct("categories", &details.categories)?;
    for id in &details.categories {
        category(view, *id).ok_or(Refusal::UnknownCategory { category: *id })?;
    }
    check::count("options", details.options.len(), PRODUCT_OPTIONS_MAX)?;
    check::distinct("options", &details.options)?;
    for code in &details.options {
        option_type(view, code).ok_or_else(|| Refusal::UnknownOption { code: code.clone() })?;
    }
    check::distinct("add_ons", details.add_ons.iter().flatten())?;
    for id in details.add_ons.iter().flatten() {
        add_on(view, *id).ok_or(Refusal::UnknownAddOn { add_on: *id })?;
    }
    check_media(view, &details.media)?;
    check_tax_category(view, &details.tax_category)?;
    check_attributes(view, code, Level::Product, &details.attributes)
}

pub(super) fn check_media(view: &impl View, list: &[MediaId]) -> Result<(), Refusal> {
    check::count("media", list.len(), PRODUCT_MEDIA_MAX)?;
    check::distinct("media", list)?;
    match list.iter().find(|id| media(view, **id).is_none()) {
        Some(id) => Err(Refusal::UnknownMedia { media: *id }),
        None => Ok(()),
    }
}

pub(super) fn check_tax_category(view: &impl View, code: &Code) -> Result<(), Refusal> {
    match tax::category(view, code) {
        Some(_) => Ok(()),
        None => Err(Refusal::UnknownTaxCategory { code: code.clone() }),
    }
}

/// Every value belongs to a definition of the product's type, at this level, and is of its kind.
pub(super) fn check_attributes(
    view: &impl View,
    of_type: &Code,
    level: Level,
    values: &BTreeMap<Code, AttributeValue>,
) -> Result<(), Refusal> {
    check::count("attributes", values.len(), PRODUCT_ATTRIBUTES_MAX)?;
    let declared = product_type(view, of_type).map_or(Vec::new(), |found| found.details.attributes);
    for (code, value) in values {
        let unknown = || Refusal::UnknownAttribute { code: code.clone() };
        let definition =
            attribute(view, code).filter(|_| declared.contains(code)).ok_or_else(unknown)?.details;
        let field = format!("attributes/{code}");
        if definition.level != level {
            return Err(Invalid::unsuitable(&field, "set at this level").into());
        }
        check_value(&field, &definition.kind, value)?;
    }
    Ok(())
}

fn check_value(field: &str, kind: &AttributeKind, value: &AttributeValue) -> Result<(), Invalid> {
    match (kind, value) {
        (AttributeKind::Choice { values }, AttributeValue::Choice(code)) => {
            match values.iter().any(|choice| choice.code == *code) {
                true => Ok(()),
                false => Err(Invalid::unsuitable(field, code)),
            }
        }
        (AttributeKind::Number { .. }, AttributeValue::Number(number)) => {
            check::range(field, *number, -1_000_000_000, 1_000_000_000)
        }
        (AttributeKind::Boolean, AttributeValue::Boolean(_)) => Ok(()),
        (AttributeKind::Text, AttributeValue::Text(text)) => check::line(field, text, 400),
        _ => Err(Invalid::unsuitable(field, "of another kind")),
    }
}
