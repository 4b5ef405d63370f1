//! One variant: its page, and what is sent from it.

use super::prices::{self, Everyday};
use super::variant::{self as form, Offer};
use super::{name_of, path_of, product, variant};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::Submit;
use crate::console::view::{
    Action, Badge, Cell, Column, Fact, Form, Page, Panel, Part, Post, Row, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see, settings};
use crate::console::wrong::Wrong;
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::{Kind, Problem};
use axum::response::Response;
use gearify_commerce::catalog::{Command, Product, Variant, VariantDetails};
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::{ProductsWrite, StockRead};
use gearify_commerce::{ProductId, VariantId, inventory, pricing};

pub async fn new_variant_page(visit: Visit, Path(id): Path<ProductId>) -> Result<Response, Problem> {
    let product = product(&visit.call, id)?;
    let mut typed = Typed::default();
    typed.set("policy", "deny");
    let offer = Offer::read(&visit.call, &product, &typed)?;
    Ok(visit.show(&new_page(&product, &offer, &typed, &Wrong::default())))
}

fn new_page(product: &Product, offer: &Offer, typed: &Typed, wrong: &Wrong) -> Page {
    let path = path_of(product.id);
    let mut form = Form::post("variant", format!("{path}/variants")).guarded();
    form.sections = form::sections(offer);
    let form =
        form.submit(Submit::main("Create")).cancel("Back to the product", path.clone()).filled(typed, wrong);
    Page::new("New variant")
        .under("Products", "/console/products")
        .under(name_of(product, &offer.settings.locale), path)
        .part(Panel::new("Variant").part(form))
}

pub async fn create_variant_form(
    call: Call,
    Path(id): Path<ProductId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let offer = Offer::read(&call, &product, &typed)?;
    let wrong = match form::read(&typed, &offer, None) {
        Ok((details, prices)) => match create(&call, id, details, &prices, &offer).await? {
            Ok(variant) => return Ok(see(&format!("{}/variants/{variant}", path_of(id)), Done::Created)),
            Err(wrong) => wrong,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &new_page(&product, &offer, &typed, &wrong)))
}

async fn create(
    call: &Call,
    product: ProductId,
    details: VariantDetails,
    prices: &[Everyday],
    offer: &Offer,
) -> Result<Result<VariantId, Wrong>, Problem> {
    let reply = match call.submit(Command::CreateVariant { product, details }).await {
        Ok(reply) => reply,
        Err(problem) => return refusal(problem).map(Err),
    };
    let id =
        VariantId::from_bits(reply.id.ok_or_else(|| Problem::internal("a variant was made without an id"))?);
    prices::save(call, id, &offer.settings, prices, None).await?;
    Ok(Ok(id))
}

/// A SKU that is taken is wrong at its own field.
fn refusal(problem: Problem) -> Result<Wrong, Problem> {
    let sku_taken = problem.kind() == Kind::AlreadyExists && problem.member_value("sku").is_some();
    let wrong = Wrong::of(problem, form::field_of)?;
    match (sku_taken, wrong.form.clone()) {
        (true, Some(words)) => Ok(Wrong::field("sku", words)),
        _ => Ok(wrong),
    }
}

pub async fn variant_page(
    visit: Visit,
    Path((id, variant_id)): Path<(ProductId, VariantId)>,
) -> Result<Response, Problem> {
    let call = &visit.call;
    let product = product(call, id)?;
    let variant = variant(call, &product, variant_id)?;
    let mut typed = Typed::default();
    let offer = Offer::read(call, &product, &typed)?;
    call.read(GroupKind::Catalogue, |view| {
        let prices = prices::everyday(view, variant.id, &offer.settings);
        form::write(view, &variant.details, &prices, &offer, &mut typed);
    });
    Ok(visit.show(&page(call, &product, &variant, &offer, &typed, &Wrong::default())?))
}

fn page(
    call: &Call,
    product: &Product,
    variant: &Variant,
    offer: &Offer,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Page, Problem> {
    let path = path_of(product.id);
    let own = format!("{path}/variants/{}", variant.id);
    let may_write = may(call, ProductsWrite);
    let prices_at = call.read(GroupKind::Catalogue, |view| pricing::revision_of(view, variant.id));
    let mut form = Form::post("variant", own.clone())
        .guarded()
        .hidden("expected", wrong.stands_at.unwrap_or(variant.revision))
        .hidden("prices_expected", prices_at);
    form.sections = form::sections(offer);
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to the product", path.clone());
    }
    let mut page = Page::new(variant.details.sku.as_str())
        .under("Products", "/console/products")
        .under(name_of(product, &offer.settings.locale), path)
        .part(Panel::new("Variant").part(form.filled(typed, wrong)));
    if variant.archived {
        page = page.badge(Badge::new("Archived", Tone::Warn));
    }
    if may_write {
        let (label, to) = if variant.archived { ("Back into use", "live") } else { ("Archive", "archived") };
        let post =
            Post::new(label, format!("{own}/status")).with("to", to).with("expected", variant.revision);
        page = page.action(Action::Post(if variant.archived { post } else { post.danger() }));
        page = page.primary(Action::send("Save", "variant"));
    }
    if may(call, StockRead) {
        page = page.aside(stock(call, variant));
    }
    Ok(page.aside(other_prices(call, variant, offer)))
}

fn stock(call: &Call, variant: &Variant) -> Panel {
    let panel = Panel::new("Stock");
    if variant.is_kit() {
        return panel.part(Part::Text("It is made of others; theirs is its stock.".to_owned()));
    }
    let item = Variant::own_stock_item(variant.id);
    let (warehouses, levels) =
        call.read(GroupKind::Region, |view| (inventory::warehouses(view), inventory::levels(view, item)));
    let facts = warehouses.iter().filter_map(|warehouse| {
        let level = levels.get(&warehouse.id)?;
        Some(Fact::new(
            warehouse.name.as_str(),
            format!("{} available of {}", level.available(), level.on_hand),
        ))
    });
    let facts: Vec<Fact> = facts.collect();
    let panel = match facts.is_empty() {
        true => panel.part(Part::Text("Nothing was counted yet.".to_owned())),
        false => panel.part(Part::Facts(facts)),
    };
    panel.action(Action::go("Count", format!("/console/stock/{item}")))
}

/// Rows that the form keeps but does not show.
fn other_prices(call: &Call, variant: &Variant, offer: &Offer) -> Panel {
    let rows = call.read(GroupKind::Catalogue, |view| {
        let lists = pricing::lists(view);
        let other = |price: &pricing::Price| {
            let list = lists.iter().find(|list| list.details.code == price.list)?;
            let everyday = price.min_quantity == 1 && price.starts.is_none() && price.ends.is_none();
            if everyday && list.details.is_default() {
                return None;
            }
            let mut when = Vec::new();
            if price.min_quantity > 1 {
                when.push(format!("from {} pieces", price.min_quantity));
            }
            when.extend(price.starts.map(|at| format!("from {}", offer.words.when(at))));
            when.extend(price.ends.map(|at| format!("until {}", offer.words.when(at))));
            let amount = offer.words.money(price.amount, list.details.currency);
            Some(Row::new(vec![
                Cell::Lines(list.details.name.to_string(), when.join(", ")),
                Cell::Text(amount),
            ]))
        };
        pricing::prices_of(view, variant.id).iter().filter_map(other).collect::<Vec<_>>()
    });
    let table = Table::new("Other prices", vec![Column::new("List"), Column::number("Price")]).rows(rows);
    Panel::new("Other prices").flush().part(table.empty("None: no quantities, times or other lists."))
}

pub async fn update_variant_form(
    call: Call,
    Path((id, variant_id)): Path<(ProductId, VariantId)>,
    typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let variant = variant(&call, &product, variant_id)?;
    let offer = Offer::read(&call, &product, &typed)?;
    let wrong = match form::read(&typed, &offer, Some(&variant.details)) {
        Ok((details, prices)) => match update(&call, &variant, details, &prices, &typed).await? {
            Ok(()) => return Ok(see(&format!("{}/variants/{variant_id}", path_of(id)), Done::Saved)),
            Err(wrong) => wrong,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, &product, &variant, &offer, &typed, &wrong)?))
}

async fn update(
    call: &Call,
    variant: &Variant,
    details: VariantDetails,
    prices: &[Everyday],
    typed: &Typed,
) -> Result<Result<(), Wrong>, Problem> {
    let (Ok(expected), Ok(prices_at)) = (typed.get("expected").parse(), typed.get("prices_expected").parse())
    else {
        return Ok(Err(Wrong::saying("Open the page again: it does not say which version it is of.")));
    };
    // What is as it was is not written again, so that saving prices moves nothing else.
    if details != variant.details || expected != variant.revision {
        let command = Command::UpdateVariant { variant: variant.id, expected: Some(expected), details };
        if let Err(problem) = call.submit(command).await {
            return refusal(problem).map(Err);
        }
    }
    match prices::save(call, variant.id, settings(call)?, prices, Some(prices_at)).await {
        Ok(()) => Ok(Ok(())),
        Err(problem) => {
            let mut wrong = Wrong::of(problem, |_| None)?;
            // The revision in it is that of the prices.
            wrong.stands_at = None;
            let said = wrong.form.take().unwrap_or_default();
            wrong.form = Some(format!("The variant is saved, its prices are not. {said}"));
            Ok(Err(wrong))
        }
    }
}

pub async fn change_variant_status_form(
    call: Call,
    Path((id, variant_id)): Path<(ProductId, VariantId)>,
    typed: Typed,
) -> Result<Response, Problem> {
    let product = product(&call, id)?;
    let variant = variant(&call, &product, variant_id)?;
    let expected = typed.get("expected").parse().ok();
    let (command, done) = match typed.get("to") {
        "live" => (Command::RestoreVariant { variant: variant_id, expected }, Done::Restored),
        "archived" => (Command::ArchiveVariant { variant: variant_id, expected }, Done::Archived),
        _ => return Err(Problem::not_found("state")),
    };
    match call.submit(command).await {
        Ok(_) => Ok(see(&format!("{}/variants/{variant_id}", path_of(id)), done)),
        Err(problem) => {
            let wrong = refusal(problem)?;
            let mut typed = Typed::default();
            let offer = Offer::read(&call, &product, &typed)?;
            call.read(GroupKind::Catalogue, |view| {
                let prices = prices::everyday(view, variant.id, &offer.settings);
                form::write(view, &variant.details, &prices, &offer, &mut typed);
            });
            Ok(refused(&call, &page(&call, &product, &variant, &offer, &typed, &wrong)?))
        }
    }
}
