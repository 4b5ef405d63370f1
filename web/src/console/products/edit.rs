//! One product: what is said about it, its variants, its pictures.

use super::details::{self, Offer};
use super::{name_of, path_of, pictures, prices, product};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Section, Submit};
use crate::console::view::{
    Action, Cell, Column, Fact, Field, FieldKind, Form, Link, Notice, Page, Panel, Part, Post, Row, Table,
    Tone,
};
use crate::console::visit::{Visit, may, refused, see, words};
use crate::console::words::{Words, policy_words, product_badge};
use crate::console::wrong::Wrong;
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog::{self, Command, Product, ProductStatus, Variant};
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::ProductsWrite;
use gearify_commerce::{ProductId, inventory};

/// Variants shown; a product with more is edited by file.
const VARIANTS_SHOWN: usize = 200;

pub async fn edit_product_page(visit: Visit, Path(id): Path<ProductId>) -> Result<Response, Problem> {
    let product = product(&visit.call, id)?;
    let offer = Offer::read(&visit.call, &product.details.product_type)?;
    let typed = details::write(&product.details, &offer);
    Ok(visit.show(&page(&visit.call, &product, &offer, &typed, &Wrong::default())?))
}

fn page(
    call: &Call,
    product: &Product,
    offer: &Offer,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Page, Problem> {
    let words = words(call)?;
    let path = path_of(product.id);
    let may_write = may(call, ProductsWrite);
    let locale = &offer.settings.locale;
    let mut page = Page::new(name_of(product, locale))
        .under("Products", "/console/products")
        .badge(product_badge(product.status))
        .about(format!("Changed {}", words.when(product.updated_at)));
    if product.status == ProductStatus::Active {
        page = page.action(Action::go("See it in the shop", format!("/p/{}", product.details.slug)));
    }
    if may_write {
        page = page.action(Post::new("Duplicate", format!("{path}/duplicate")).into());
        page = page.primary(Action::send("Save", "product"));
    }
    let live = call.read(GroupKind::Catalogue, |view| catalog::variant_counts(view, product.id).live);
    let revision = wrong.stands_at.unwrap_or(product.revision);
    let mut form = details::form(&path, revision, offer, live == 0, &product.details.product_type);
    if live > 0 {
        // Sent along, since boxes that are not shown would read as taken away.
        for option in &product.details.options {
            form = form.hidden("options", option);
        }
    }
    if may_write {
        form = form.submit(Submit::main("Save"));
    }
    page = page.part(variants(call, product, offer, &words, may_write)?);
    page = page.part(Panel::new("Product").part(form.filled(typed, wrong)));
    page = page.aside(state(product, &words, may_write));
    page = page.aside(pictures::panel(call, product, offer, may_write));
    Ok(page)
}

fn variants(
    call: &Call,
    product: &Product,
    offer: &Offer,
    words: &Words,
    may_write: bool,
) -> Result<Panel, Problem> {
    let all = call.read(GroupKind::Catalogue, |view| catalog::variants_of(view, product.id));
    let columns = vec![
        Column::new("SKU"),
        Column::new("Options"),
        Column::number("Price"),
        Column::number("Available"),
        Column::new("When none is left").minor(),
    ];
    let rows: Vec<Row> = all
        .iter()
        .take(VARIANTS_SHOWN)
        .map(|variant| variant_row(call, product, offer, words, variant))
        .collect();
    let note = if all.len() > VARIANTS_SHOWN {
        format!("The first {VARIANTS_SHOWN} of {}", all.len())
    } else {
        String::new()
    };
    let mut panel =
        Panel::new("Variants").note(note).flush().part(Table::new("Variants", columns).rows(rows));
    if may_write && product.status != ProductStatus::Archived {
        panel = panel.action(Action::go("Add a variant", format!("{}/variants/new", path_of(product.id))));
    }
    Ok(panel)
}

fn variant_row(call: &Call, product: &Product, offer: &Offer, words: &Words, variant: &Variant) -> Row {
    let locale = &offer.settings.locale;
    let (options, price) = call.read(GroupKind::Catalogue, |view| {
        let options = catalog::option_words(view, product, variant, locale, locale);
        (options, prices::everyday(view, variant.id, &offer.settings).first().copied())
    });
    let available = call.read(GroupKind::Region, |view| {
        let parts = variant.stock_components();
        let of = |part: &catalog::StockComponent| {
            inventory::available(view, part.item) / i64::from(part.per_unit.max(1))
        };
        parts.iter().map(of).min().unwrap_or(0)
    });
    let options: Vec<String> = options.into_iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let href = format!("{}/variants/{}", path_of(product.id), variant.id);
    let state = if variant.archived { "Archived".to_owned() } else { String::new() };
    Row::new(vec![
        Cell::LinkLines(Link::new(variant.details.sku.as_str(), href.clone()), state),
        Cell::Text(options.join(", ")),
        Cell::Text(price.map_or("No price".to_owned(), |price| words.money(price.amount, price.currency))),
        Cell::Text(words.count(available)),
        Cell::Text(policy_words(variant.details.policy).to_owned()),
    ])
    .href(href)
    .dim(variant.archived)
}

/// What state it is in, what can be done about it, and when that happens by itself.
fn state(product: &Product, words: &Words, may_write: bool) -> Panel {
    let mut facts = vec![Fact::new("Status", product_badge(product.status))];
    facts.extend(product.published_at.map(|at| Fact::new("First published", words.time(at))));
    facts.extend(product.publish_at.map(|at| Fact::new("Goes on sale", words.time(at))));
    facts.extend(product.unpublish_at.map(|at| Fact::new("Goes off sale", words.time(at))));
    let mut panel = Panel::new("State").part(Part::Facts(facts));
    if !may_write {
        return panel;
    }
    let path = format!("{}/status", path_of(product.id));
    let post = |label: &str, to: &str| {
        Post::new(label, path.clone()).with("to", to).with("expected", product.revision)
    };
    let actions: Vec<Action> = match product.status {
        ProductStatus::Draft => {
            vec![post("Publish", "active").into(), post("Archive", "archived").danger().into()]
        }
        ProductStatus::Active => {
            vec![post("Take off the shop", "draft").into(), post("Archive", "archived").danger().into()]
        }
        ProductStatus::Archived => vec![post("Back to a draft", "draft").into()],
    };
    panel = panel.part(Part::Actions(actions));
    if product.status == ProductStatus::Archived {
        return panel;
    }
    let moment = |name: &str, label: &str, at: Option<gearify_commerce::Timestamp>| {
        let value = at.map_or(String::new(), |at| words.typed_moment(at));
        Field::new(FieldKind::Moment, name, label).optional().value(value)
    };
    let plan = Form::post("plan", path)
        .hidden("to", "planned")
        .hidden("expected", product.revision)
        .section(
            Section::new(
                "Plan",
                vec![
                    moment("publish_at", "On sale from", product.publish_at),
                    moment("unpublish_at", "Until", product.unpublish_at),
                ],
            )
            .folded(),
        )
        .submit(Submit::plain("Save the plan"));
    panel.part(plan)
}

pub async fn update_product_form(
    call: Call,
    Path(id): Path<ProductId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let offer = Offer::read(&call, &product.details.product_type)?;
    let expected = typed.get("expected").parse().ok();
    let wrong = match details::read(&typed, &offer, Some(&product.details)) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(details) => match call.submit(Command::UpdateProduct { product: id, expected, details }).await {
            Ok(_) => return Ok(see(&path_of(id), Done::Saved)),
            Err(problem) => Wrong::of(problem, |pointer| details::field_of(pointer, &offer))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, &product, &offer, &typed, &wrong)?))
}

/// Says why a change of state was refused, on the product's own page.
pub fn refused_state(call: &Call, product: &Product, wrong: &Wrong) -> Result<Response, Problem> {
    let offer = Offer::read(call, &product.details.product_type)?;
    let typed = details::write(&product.details, &offer);
    let mut page = page(call, product, &offer, &typed, &Wrong::default())?;
    let mut said: Vec<String> = wrong.form.iter().cloned().collect();
    said.extend(wrong.fields.values().cloned());
    page.main.insert(0, Notice::new(Tone::Bad, "Nothing was changed.").text(said.join(" ")).into());
    Ok(refused(call, &page))
}
