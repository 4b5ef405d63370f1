//! Publishing, taking off, archiving, planning and copying a product.

use super::edit::refused_state;
use super::{path_of, product};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::visit::{see, words};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog::{self, Command, NEW_VARIANTS_MAX, ProductDetails, SKUS, Sku, VariantDetails};
use gearify_commerce::command::GroupKind;
use gearify_commerce::{ProductId, Slug, Text, View};

pub async fn change_status_form(
    call: Call,
    Path(id): Path<ProductId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let expected = typed.get("expected").parse().ok();
    let (command, done) = match typed.get("to") {
        "active" => (Command::PublishProduct { product: id, expected }, Done::Published),
        "draft" => (Command::UnpublishProduct { product: id, expected }, Done::Unpublished),
        "archived" => (Command::ArchiveProduct { product: id, expected }, Done::Archived),
        "planned" => match plan(&call, id, expected, &typed)? {
            Ok(command) => (command, Done::Saved),
            Err(wrong) => return refused_state(&call, &product, &wrong),
        },
        _ => return Err(Problem::not_found("state")),
    };
    match call.submit(command).await {
        Ok(_) => Ok(see(&path_of(id), done)),
        Err(problem) => refused_state(&call, &product, &Wrong::of(problem, |_| None)?),
    }
}

fn plan(
    call: &Call,
    product: ProductId,
    expected: Option<u64>,
    typed: &Typed,
) -> Result<Result<Command, Wrong>, Problem> {
    let words = words(call)?;
    let mut check = Check::new(typed);
    let publish_at = check.optional("publish_at", |text| words.parse_moment(text));
    let unpublish_at = check.optional("unpublish_at", |text| words.parse_moment(text));
    let command = (|| {
        let (publish_at, unpublish_at) = (publish_at?, unpublish_at?);
        Some(Command::SchedulePublication { product, expected, publish_at, unpublish_at })
    })();
    Ok(check.done(command))
}

/// A copy as a draft: the same words and variants under free SKUs, without prices and stock of its own
/// making up its mind later.
pub async fn duplicate_form(
    call: Call,
    Path(id): Path<ProductId>,
    _typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let (details, variants, originals) = call.read(GroupKind::Catalogue, |view| {
        let mut originals = catalog::live_variants_of(view, id);
        originals.truncate(NEW_VARIANTS_MAX);
        let details = copy_of(view, &product.details);
        let copied: Vec<VariantDetails> = originals
            .iter()
            .map(|variant| VariantDetails {
                sku: free_sku(view, &variant.details.sku),
                ..variant.details.clone()
            })
            .collect();
        (details, copied, originals)
    });
    if variants.is_empty() {
        return refused_state(&call, &product, &Wrong::saying("It has no variant in use to copy."));
    }
    let skus: Vec<Sku> = variants.iter().map(|variant| variant.sku.clone()).collect();
    let reply = match call.submit(Command::CreateProduct { details, variants, publish: false }).await {
        Ok(reply) => reply,
        Err(problem) => return refused_state(&call, &product, &Wrong::of(problem, |_| None)?),
    };
    let copy =
        ProductId::from_bits(reply.id.ok_or_else(|| Problem::internal("a product was made without an id"))?);
    let settings = call.shop()?.settings().clone();
    for (original, sku) in originals.iter().zip(&skus) {
        let (prices, made) = call.read(GroupKind::Catalogue, |view| {
            (super::prices::everyday(view, original.id, &settings), catalog::variant_by_sku(view, sku))
        });
        if let Some(made) = made {
            super::prices::save(&call, made.id, &settings, &prices, None).await?;
        }
    }
    Ok(see(&path_of(copy), Done::Copied))
}

fn copy_of(view: &impl View, details: &ProductDetails) -> ProductDetails {
    let name: Text =
        details.name.iter().map(|(locale, words)| (locale.clone(), format!("{words} (copy)"))).collect();
    let free = |slug: &Slug| catalog::product_by_slug(view, slug).is_none();
    let numbered = (2..1_000).map(|number| format!("{}-{number}", cut(details.slug.as_str(), 74)));
    let slug = numbered.filter_map(|text| Slug::parse(&text).ok()).find(free);
    ProductDetails { name, slug: slug.unwrap_or_else(|| details.slug.clone()), ..details.clone() }
}

fn free_sku(view: &impl View, sku: &Sku) -> Sku {
    let numbered = (2..1_000).map(|number| format!("{}-{number}", cut(sku.as_str(), 58)));
    let free = |sku: &Sku| !SKUS.contains(view, sku.folded().as_str());
    numbered.filter_map(|text| Sku::parse(&text).ok()).find(free).unwrap_or_else(|| sku.clone())
}

/// Both hold ASCII only.
fn cut(text: &str, length: usize) -> &str {
    text.get(..length).unwrap_or(text).trim_end_matches('-')
}
