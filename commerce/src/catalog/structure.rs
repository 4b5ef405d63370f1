//! Decisions about what products refer to: definitions, categories, add-ons, media.

use super::apply::{Asked, Change, require_revision};
use super::products::check_tax_category;
use super::read::{
    add_on, attribute, categories, category, category_line, media, option_type, option_value, product_type,
};
use super::*;
use crate::check::{self, Invalid};
use crate::command::Reply;
use crate::ids::{AddOnId, CategoryId, MediaId};
use crate::pricing::AMOUNT_MAX;
use crate::scope::View;
use crate::text::{Name, Text};
use std::collections::BTreeMap;

const NAME_CHARS_MAX: usize = Name::CHARS_MAX as usize;
const SIDE_PIXELS_MAX: i64 = 20_000;
const LEAD_DAYS_MAX: i64 = 365;

pub(super) fn create_category(
    asked: &Asked<'_, impl View>,
    details: &CategoryDetails,
) -> Result<Change, Refusal> {
    check::count("categories", categories(asked.view).len() + 1, CATEGORIES_MAX)?;
    let id = CategoryId::from_bits(asked.fresh[0]);
    check_category(asked.view, id, details)?;
    let path = path_below(asked.view, details);
    require_free_path(asked.view, &path, id)?;
    let category = Category { id, revision: 1, path, archived: false, details: details.clone() };
    check::fits("category", &category)?;
    let event = Event::CategoryPut { category: id, revision: 1, moved: false };
    Ok(Change::Categories(vec![category], event))
}

pub(super) fn update_category(
    asked: &Asked<'_, impl View>,
    id: CategoryId,
    expected: Option<u64>,
    details: &CategoryDetails,
) -> Result<Change, Refusal> {
    let before = existing_category(asked.view, id, expected)?;
    check_category(asked.view, id, details)?;
    let path = path_below(asked.view, details);
    let revision = before.revision + 1;
    let after = Category { revision, path, details: details.clone(), ..before.clone() };
    check::fits("category", &after)?;
    let moved = after.path != before.path;
    let mut changed = vec![after];
    if moved {
        follow(&categories(asked.view), 0, &mut changed);
    }
    let shortest = changed[0].path.split('/').count();
    let deepest = changed.iter().map(|category| category.path.split('/').count()).max().unwrap_or(shortest);
    if deepest > CATEGORY_DEPTH_MAX {
        return Err(Refusal::TooDeep { depth_max: CATEGORY_DEPTH_MAX as u32 });
    }
    for category in &changed {
        require_free_path(asked.view, &category.path, category.id)?;
    }
    Ok(Change::Categories(changed, Event::CategoryPut { category: id, revision, moved }))
}

/// Adds everything below `changed[parent]`, with its new path.
fn follow(all: &[Category], parent: usize, changed: &mut Vec<Category>) {
    let (id, path) = (changed[parent].id, changed[parent].path.clone());
    for child in all.iter().filter(|child| child.details.parent == Some(id)) {
        let path = format!("{path}/{}", child.details.slug);
        changed.push(Category { path, ..child.clone() });
        follow(all, changed.len() - 1, changed);
    }
}

pub(super) fn archive_category(
    asked: &Asked<'_, impl View>,
    id: CategoryId,
    expected: Option<u64>,
    archived: bool,
) -> Result<Change, Refusal> {
    let before = existing_category(asked.view, id, expected)?;
    if before.archived == archived {
        return Ok(Change::None(Reply::about(id.bits(), before.revision)));
    }
    let is_child = |other: &Category| other.details.parent == Some(id) && !other.archived;
    if archived && categories(asked.view).iter().any(is_child) {
        return Err(Refusal::CategoryHasChildren);
    }
    let after = Category { revision: before.revision + 1, archived, ..before };
    let event = Event::CategoryPut { category: id, revision: after.revision, moved: false };
    Ok(Change::Categories(vec![after], event))
}

fn existing_category(view: &impl View, id: CategoryId, expected: Option<u64>) -> Result<Category, Refusal> {
    let category = category(view, id).ok_or(Refusal::UnknownCategory { category: id })?;
    require_revision(category.revision, expected)?;
    Ok(category)
}

fn check_category(view: &impl View, id: CategoryId, details: &CategoryDetails) -> Result<(), Refusal> {
    check::named("name", &details.name, NAME_CHARS_MAX)?;
    check::prose("description", &details.description, DESCRIPTION_CHARS_MAX)?;
    if let Some(image) = details.image {
        media(view, image).ok_or(Refusal::UnknownMedia { media: image })?;
    }
    let Some(parent) = details.parent else { return Ok(()) };
    let line = category_line(view, parent);
    if line.is_empty() {
        return Err(Refusal::UnknownCategory { category: parent });
    }
    if line.iter().any(|above| above.id == id) {
        return Err(Refusal::CategoryInItself);
    }
    match line.len() < CATEGORY_DEPTH_MAX {
        true => Ok(()),
        false => Err(Refusal::TooDeep { depth_max: CATEGORY_DEPTH_MAX as u32 }),
    }
}

fn path_below(view: &impl View, details: &CategoryDetails) -> String {
    match details.parent.and_then(|parent| category(view, parent)) {
        Some(parent) => format!("{}/{}", parent.path, details.slug),
        None => details.slug.to_string(),
    }
}

fn require_free_path(view: &impl View, path: &str, own: CategoryId) -> Result<(), Refusal> {
    match CATEGORY_PATHS.get(view, path) {
        Some(owner) if owner.category != own => {
            Err(Refusal::PathTaken { path: path.to_owned(), category: owner.category })
        }
        _ => Ok(()),
    }
}

pub(super) fn put_product_type(
    asked: &Asked<'_, impl View>,
    expected: Option<u64>,
    details: &ProductTypeDetails,
) -> Result<Change, Refusal> {
    let before = product_type(asked.view, &details.code).map_or(0, |found| found.revision);
    require_revision(before, expected)?;
    if before == 0 {
        check::count("product_types", product_types(asked.view).len() + 1, PRODUCT_TYPES_MAX)?;
    }
    check::named("name", &details.name, NAME_CHARS_MAX)?;
    check::count("attributes", details.attributes.len(), PRODUCT_ATTRIBUTES_MAX)?;
    check::distinct("attributes", &details.attributes)?;
    for code in &details.attributes {
        attribute(asked.view, code).ok_or_else(|| Refusal::UnknownAttribute { code: code.clone() })?;
    }
    Ok(Change::ProductType(ProductType { revision: before + 1, details: details.clone() }))
}

pub(super) fn put_attribute(
    asked: &Asked<'_, impl View>,
    expected: Option<u64>,
    details: &AttributeDetails,
) -> Result<Change, Refusal> {
    let stored = ATTRIBUTES.get(asked.view, &details.code);
    let revision = stored.as_ref().map_or(0, |found| found.revision);
    require_revision(revision, expected)?;
    if stored.is_none() {
        check::count("attributes", attributes(asked.view).len() + 1, ATTRIBUTES_MAX)?;
    }
    check::named("name", &details.name, NAME_CHARS_MAX)?;
    check_kind(&details.kind)?;
    if let Some(before) = attribute(asked.view, &details.code) {
        require_compatible(&before, details)?;
    }
    let after = Attribute { revision: revision + 1, details: details.clone() };
    check::fits("attribute", &after)?;
    Ok(Change::Attribute(after))
}

fn check_kind(kind: &AttributeKind) -> Result<(), Invalid> {
    match kind {
        AttributeKind::Choice { values } => {
            check::not_empty("kind/values", values.len())?;
            check::count("kind/values", values.len(), CHOICES_MAX)?;
            check::distinct("kind/values", values.iter().map(|choice| &choice.code))?;
            values.iter().try_for_each(|choice| check::named("kind/values", &choice.label, NAME_CHARS_MAX))
        }
        AttributeKind::Number { decimals, .. } => check::range("kind/decimals", (*decimals).into(), 0, 6),
        AttributeKind::Boolean | AttributeKind::Text => Ok(()),
    }
}

/// Products hold values of the definition as it was; they must stay readable. The choices of a built-in
/// definition are an offer, which a shop replaces by its own.
fn require_compatible(before: &Attribute, after: &AttributeDetails) -> Result<(), Refusal> {
    let code = &after.code;
    if before.details.level != after.level {
        return Err(Refusal::KindInUse { code: code.clone() });
    }
    match (&before.details.kind, &after.kind) {
        (AttributeKind::Choice { .. }, AttributeKind::Choice { .. }) if before.revision == 0 => Ok(()),
        (AttributeKind::Choice { values: before }, AttributeKind::Choice { values: after }) => {
            let lost = before.iter().find(|old| after.iter().all(|new| new.code != old.code));
            lost.map_or(Ok(()), |choice| {
                Err(Refusal::ChoiceInUse { code: code.clone(), value: choice.code.clone() })
            })
        }
        (before, after) if before == after => Ok(()),
        _ => Err(Refusal::KindInUse { code: code.clone() }),
    }
}

pub(super) fn put_option_type(
    asked: &Asked<'_, impl View>,
    expected: Option<u64>,
    details: &OptionTypeDetails,
) -> Result<Change, Refusal> {
    let before = option_type(asked.view, &details.code).map_or(0, |found| found.revision);
    require_revision(before, expected)?;
    if before == 0 {
        check::count("options", option_types(asked.view).len() + 1, OPTIONS_MAX)?;
    }
    check::named("name", &details.name, NAME_CHARS_MAX)?;
    Ok(Change::OptionType(OptionType { revision: before + 1, details: details.clone() }))
}

pub(super) fn put_option_value(
    asked: &Asked<'_, impl View>,
    expected: Option<u64>,
    details: &OptionValueDetails,
) -> Result<Change, Refusal> {
    let option = &details.option;
    option_type(asked.view, option).ok_or_else(|| Refusal::UnknownOption { code: option.clone() })?;
    let before = option_value(asked.view, option, &details.code).map_or(0, |found| found.revision);
    require_revision(before, expected)?;
    if before == 0 {
        check::count("values", option_values(asked.view, option).len() + 1, OPTION_VALUES_MAX)?;
    }
    check::named("label", &details.label, NAME_CHARS_MAX)?;
    Ok(Change::OptionValue(OptionValue { revision: before + 1, details: details.clone() }))
}

pub(super) fn create_add_on(asked: &Asked<'_, impl View>, details: &AddOnDetails) -> Result<Change, Refusal> {
    check::count("add_ons", add_ons(asked.view).len() + 1, ADD_ONS_MAX)?;
    let id = AddOnId::from_bits(asked.fresh[0]);
    put_add_on(asked.view, AddOn { id, revision: 1, archived: false, details: details.clone() })
}

pub(super) fn update_add_on(
    asked: &Asked<'_, impl View>,
    id: AddOnId,
    expected: Option<u64>,
    details: &AddOnDetails,
) -> Result<Change, Refusal> {
    let before = existing_add_on(asked.view, id, expected)?;
    put_add_on(asked.view, AddOn { revision: before.revision + 1, details: details.clone(), ..before })
}

pub(super) fn archive_add_on(
    asked: &Asked<'_, impl View>,
    id: AddOnId,
    expected: Option<u64>,
    archived: bool,
) -> Result<Change, Refusal> {
    let before = existing_add_on(asked.view, id, expected)?;
    if before.archived == archived {
        return Ok(Change::None(Reply::about(id.bits(), before.revision)));
    }
    Ok(Change::AddOn(AddOn { revision: before.revision + 1, archived, ..before }))
}

fn existing_add_on(view: &impl View, id: AddOnId, expected: Option<u64>) -> Result<AddOn, Refusal> {
    let add_on = add_on(view, id).ok_or(Refusal::UnknownAddOn { add_on: id })?;
    require_revision(add_on.revision, expected)?;
    Ok(add_on)
}

fn put_add_on(view: &impl View, after: AddOn) -> Result<Change, Refusal> {
    let details = &after.details;
    check::named("name", &details.name, NAME_CHARS_MAX)?;
    check::prose("description", &details.description, 2_000)?;
    check::not_empty("product_types", details.product_types.len())?;
    check::distinct("product_types", &details.product_types)?;
    for code in &details.product_types {
        product_type(view, code).ok_or_else(|| Refusal::UnknownProductType { code: code.clone() })?;
    }
    check_prices(&details.prices)?;
    check::range("lead_days", details.lead_days.into(), 0, LEAD_DAYS_MAX)?;
    check_tax_category(view, &details.tax_category)?;
    check::fits("add_on", &after)?;
    Ok(Change::AddOn(after))
}

fn check_prices(prices: &BTreeMap<crate::money::Currency, i64>) -> Result<(), Invalid> {
    check::not_empty("prices", prices.len())?;
    check::count("prices", prices.len(), 20)?;
    prices.iter().try_for_each(|(currency, amount)| {
        check::range(&format!("prices/{currency}"), *amount, 0, AMOUNT_MAX)
    })
}

pub(super) fn add_media(asked: &Asked<'_, impl View>, details: &MediaDetails) -> Result<Change, Refusal> {
    let id = MediaId::from_bits(asked.fresh[0]);
    put_media(Media { id, revision: 1, details: details.clone() })
}

pub(super) fn update_media(
    asked: &Asked<'_, impl View>,
    id: MediaId,
    expected: Option<u64>,
    alt: &Text,
    focal: Option<(u16, u16)>,
) -> Result<Change, Refusal> {
    let before = media(asked.view, id).ok_or(Refusal::UnknownMedia { media: id })?;
    require_revision(before.revision, expected)?;
    let details = MediaDetails { alt: alt.clone(), focal, ..before.details };
    put_media(Media { id, revision: before.revision + 1, details })
}

fn put_media(after: Media) -> Result<Change, Refusal> {
    check::range("width", after.details.width.into(), 1, SIDE_PIXELS_MAX)?;
    check::range("height", after.details.height.into(), 1, SIDE_PIXELS_MAX)?;
    check::line("alt", &after.details.alt, 400)?;
    for part in after.details.focal.iter().flat_map(|(left, top)| [*left, *top]) {
        check::range("focal", part.into(), 0, 1_000)?;
    }
    Ok(Change::Media(after))
}
