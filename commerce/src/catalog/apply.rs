//! Decides and evolves.

use super::definitions::*;
use super::model::*;
use super::{Command, Event, Refusal, products, structure, variants};
use crate::command::Reply;
use crate::processes::schedule::{self, Due};
use crate::scope::{Count, Present, Scope, View};
use crate::time::Timestamp;

/// What will be written.
pub(super) enum Change {
    Product {
        before: Option<Box<Product>>,
        after: Box<Product>,
        variants: Vec<Variant>,
        event: Event,
    },
    Variant {
        before: Option<Box<Variant>>,
        after: Box<Variant>,
        event: Event,
    },
    /// The category that was asked for, then everything below it that moved with it.
    Categories(Vec<Category>, Event),
    ProductType(ProductType),
    Attribute(Attribute),
    OptionType(OptionType),
    OptionValue(OptionValue),
    AddOn(AddOn),
    Media(Media),
    /// The state is as wished.
    None(Reply),
}

/// What `decide` is given besides the command: all of it is the same on every node.
pub(super) struct Asked<'v, V> {
    pub view: &'v V,
    pub at: Timestamp,
    /// Bits for new ids, as many as the command can need.
    pub fresh: Vec<u128>,
}

pub fn apply(scope: &mut Scope<'_, '_>, command: &Command) -> Result<Reply, Refusal> {
    if let Command::RunDue { limit } = command {
        return Ok(schedule::run_due(scope, *limit));
    }
    let fresh = (0..ids_needed(command)).map(|_| scope.mint()).collect();
    let asked = Asked { view: &*scope, at: scope.at(), fresh };
    let change = decide(&asked, command)?;
    Ok(evolve(scope, change))
}

fn ids_needed(command: &Command) -> usize {
    match command {
        Command::CreateProduct { variants, .. } => 1 + variants.len(),
        _ => 1,
    }
}

fn decide(asked: &Asked<'_, impl View>, command: &Command) -> Result<Change, Refusal> {
    match command {
        Command::CreateProduct { details, variants, publish } => {
            products::create(asked, details, variants, *publish)
        }
        Command::UpdateProduct { product, expected, details } => {
            products::update(asked, *product, *expected, details)
        }
        Command::PublishProduct { product, expected } => products::publish(asked, *product, *expected),
        Command::UnpublishProduct { product, expected } => products::unpublish(asked, *product, *expected),
        Command::ArchiveProduct { product, expected } => products::archive(asked, *product, *expected),
        Command::SchedulePublication { product, expected, publish_at, unpublish_at } => {
            products::schedule(asked, *product, *expected, *publish_at, *unpublish_at)
        }
        Command::PublishDue { product } => products::publish_due(asked, *product),
        Command::RunDue { .. } => Ok(Change::None(Reply::default())),
        Command::CreateVariant { product, details } => variants::create(asked, *product, details),
        Command::UpdateVariant { variant, expected, details } => {
            variants::update(asked, *variant, *expected, details)
        }
        Command::ArchiveVariant { variant, expected } => variants::archive(asked, *variant, *expected),
        Command::RestoreVariant { variant, expected } => variants::restore(asked, *variant, *expected),
        Command::CreateCategory { details } => structure::create_category(asked, details),
        Command::UpdateCategory { category, expected, details } => {
            structure::update_category(asked, *category, *expected, details)
        }
        Command::ArchiveCategory { category, expected, archived } => {
            structure::archive_category(asked, *category, *expected, *archived)
        }
        Command::PutProductType { expected, details } => {
            structure::put_product_type(asked, *expected, details)
        }
        Command::PutAttribute { expected, details } => structure::put_attribute(asked, *expected, details),
        Command::PutOptionType { expected, details } => structure::put_option_type(asked, *expected, details),
        Command::PutOptionValue { expected, details } => {
            structure::put_option_value(asked, *expected, details)
        }
        Command::CreateAddOn { details } => structure::create_add_on(asked, details),
        Command::UpdateAddOn { add_on, expected, details } => {
            structure::update_add_on(asked, *add_on, *expected, details)
        }
        Command::ArchiveAddOn { add_on, expected, archived } => {
            structure::archive_add_on(asked, *add_on, *expected, *archived)
        }
        Command::AddMedia { details } => structure::add_media(asked, details),
        Command::UpdateMedia { media, expected, alt, focal } => {
            structure::update_media(asked, *media, *expected, alt, *focal)
        }
    }
}

pub(super) fn require_revision(stands: u64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != stands => Err(Refusal::Stale { revision: stands }),
        _ => Ok(()),
    }
}

fn evolve(scope: &mut Scope<'_, '_>, change: Change) -> Reply {
    match change {
        Change::None(reply) => reply,
        Change::Product { before, after, variants, event } => {
            write_product(scope, before.as_deref(), &after);
            scope.emit(event);
            for variant in &variants {
                write_variant(scope, None, variant);
                let (product, revision) = (variant.product, variant.revision);
                scope.emit(Event::VariantCreated { product, variant: variant.id, revision });
            }
            Reply::about(after.id.bits(), after.revision)
        }
        Change::Variant { before, after, event } => {
            write_variant(scope, before.as_deref(), &after);
            touch_product(scope, &after);
            scope.emit(event);
            Reply::about(after.id.bits(), after.revision)
        }
        Change::Categories(categories, event) => {
            categories.iter().for_each(|category| write_category(scope, category));
            scope.emit(event);
            let first = categories.first().expect("a change of categories is about one");
            Reply::about(first.id.bits(), first.revision)
        }
        Change::ProductType(put) => {
            PRODUCT_TYPES.put(scope, &put.details.code, &put);
            scope.emit(Event::ProductTypePut { code: put.details.code, revision: put.revision });
            Reply { revision: put.revision, ..Reply::default() }
        }
        Change::Attribute(put) => {
            ATTRIBUTES.put(scope, &put.details.code, &put);
            scope.emit(Event::AttributePut { code: put.details.code, revision: put.revision });
            Reply { revision: put.revision, ..Reply::default() }
        }
        Change::OptionType(put) => {
            OPTION_TYPES.put(scope, &put.details.code, &put);
            scope.emit(Event::OptionTypePut { code: put.details.code, revision: put.revision });
            Reply { revision: put.revision, ..Reply::default() }
        }
        Change::OptionValue(put) => {
            let OptionValueDetails { option, code, .. } = put.details.clone();
            OPTION_VALUES.put(scope, &(option.clone(), code.clone()), &put);
            scope.emit(Event::OptionValuePut { option, code, revision: put.revision });
            Reply { revision: put.revision, ..Reply::default() }
        }
        Change::AddOn(put) => {
            ADD_ONS.put(scope, &put.id, &put);
            scope.emit(Event::AddOnPut { add_on: put.id, revision: put.revision });
            Reply::about(put.id.bits(), put.revision)
        }
        Change::Media(put) => {
            MEDIA.put(scope, &put.id, &put);
            MEDIA_BY_HASH.put(scope, &(put.details.hash.to_string(), put.id), &Present);
            scope.emit(Event::MediaPut { media: put.id, revision: put.revision });
            Reply::about(put.id.bits(), put.revision)
        }
    }
}

fn write_product(scope: &mut Scope<'_, '_>, before: Option<&Product>, after: &Product) {
    let id = after.id;
    if let Some(before) = before.filter(|before| before.details.slug != after.details.slug) {
        SLUGS.put(scope, &before.details.slug, &SlugOwner { product: id, current: false });
    }
    SLUGS.put(scope, &after.details.slug, &SlugOwner { product: id, current: true });
    if before.is_none() {
        NUMBERS.put(scope, &(), &Count(after.number.into()));
        PRODUCTS_BY_NUMBER.put(scope, &after.number, &ProductRef(id));
    }
    PRODUCTS.put(scope, &id, after);
    let due = Due::Publication(id);
    times_of(before).into_iter().for_each(|at| scope.unschedule(at, &due));
    times_of(Some(after)).into_iter().for_each(|at| scope.schedule(at, &due));
}

fn times_of(product: Option<&Product>) -> Vec<Timestamp> {
    product.map_or(Vec::new(), |product| {
        [product.publish_at, product.unpublish_at].into_iter().flatten().collect()
    })
}

/// Keeps the indexes of live variants, and the counts, in line with the record.
fn write_variant(scope: &mut Scope<'_, '_>, before: Option<&Variant>, after: &Variant) {
    let product = after.product;
    if let Some(before) = before.filter(|before| !before.archived) {
        SKUS.delete(scope, &before.details.sku.folded());
        COMBINATIONS.delete(scope, &(product, combination(&before.details.options)));
    }
    let mut counts = VARIANT_COUNTS.get(scope, &product).unwrap_or_default();
    counts.all += u32::from(before.is_none());
    counts.live -= u32::from(before.is_some_and(|before| !before.archived));
    if !after.archived {
        counts.live += 1;
        let found = VariantRef { product, variant: after.id };
        SKUS.put(scope, &after.details.sku.folded(), &found);
        COMBINATIONS.put(scope, &(product, combination(&after.details.options)), &found);
    }
    VARIANT_COUNTS.put(scope, &product, &counts);
    VARIANT_PRODUCTS.put(scope, &after.id, &ProductRef(product));
    VARIANTS.put(scope, &(product, after.id), after);
}

/// A product's page shows its variants, so their changes count.
fn touch_product(scope: &mut Scope<'_, '_>, variant: &Variant) {
    let mut product = PRODUCTS.get(scope, &variant.product).expect("a variant's product is never removed");
    product.generation += 1;
    product.updated_at = variant.updated_at;
    PRODUCTS.put(scope, &product.id, &product);
}

fn write_category(scope: &mut Scope<'_, '_>, after: &Category) {
    let category = after.id;
    if let Some(before) = CATEGORIES.get(scope, &category).filter(|before| before.path != after.path) {
        // Another of the categories that move together may have taken the old path already.
        let taken = CATEGORY_PATHS.get(scope, &before.path).is_some_and(|owner| owner.category != category);
        debug_assert!(!taken, "a path belongs to one category for good");
        CATEGORY_PATHS.put(scope, &before.path, &PathOwner { category, current: false });
    }
    CATEGORY_PATHS.put(scope, &after.path, &PathOwner { category, current: true });
    CATEGORIES.put(scope, &category, after);
}
