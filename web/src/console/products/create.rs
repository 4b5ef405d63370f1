//! A new product: first its type and what shoppers choose, then everything about it with its first
//! variants. After that its options are fixed, since every variant has one value of each.

use super::attributes;
use super::details::{self, Offer};
use super::path_of;
use super::prices::{self, Everyday};
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section, Submit};
use crate::console::view::{Cell, Column, Field, FieldKind, Form, Notice, Page, Panel, Tone};
use crate::console::visit::{Visit, refused, see, settings, words};
use crate::console::words::Words;
use crate::console::wrong::{Check, Wrong, sentence};
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog::{
    self, Attribute, Command, Level, OptionType, OptionValue, ProductDetails, Sku, VariantDetails,
};
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Code, Locale, ProductId};
use std::collections::BTreeMap;

/// Lines for first variants; the others are added one by one, or by file.
const LINES: usize = 8;

pub async fn new_product_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let Ok(product_type) = Code::parse(visit.get("type")) else {
        return Ok(visit.show(&first_step(call)?));
    };
    let mut typed = Typed::default();
    typed.set("product_type", &product_type);
    visit.all("options").iter().for_each(|option| typed.add("options", option));
    typed.set("add_ons_from", "type");
    Ok(visit.show(&page(call, &product_type, &typed, &Wrong::default())?))
}

fn first_step(call: &Call) -> Result<Page, Problem> {
    let locale = settings(call)?.locale.clone();
    let page = Page::new("New product").under("Products", "/console/products");
    let (types, options) =
        call.read(GroupKind::Catalogue, |view| (catalog::product_types(view), catalog::option_types(view)));
    if types.is_empty() {
        let notice = Notice::new(Tone::Warn, "There is no product type yet.");
        return Ok(page.part(
            notice.text("Import a file with a product_type column, or ask an integration to make types."),
        ));
    }
    let kind = |kind: &catalog::ProductType| {
        Choice::new(&kind.details.code, kind.details.name.words(&locale, &locale))
    };
    let option =
        |option: &OptionType| Choice::new(&option.details.code, option.details.name.words(&locale, &locale));
    let mut fields = vec![Field::select("type", "Type", types.iter().map(kind).collect())];
    if !options.is_empty() {
        let choices = options.iter().map(option).collect();
        fields.push(
            Field::new(FieldKind::Ticks(choices), "options", "What shoppers choose")
                .optional()
                .hint("Every variant gets one value of each. None: a product with a single variant."),
        );
    }
    let form = Form::get("kind", "/console/products/new").fields(fields).submit(Submit::main("Go on"));
    Ok(page.about("First: what kind of thing is it?").part(Panel::new("Type and options").part(form)))
}

/// What a line of a first variant has.
struct Columns {
    options: Vec<(OptionType, Vec<OptionValue>)>,
    attributes: Vec<Attribute>,
}

fn columns(call: &Call, product_type: &Code, typed: &Typed) -> Columns {
    let codes: Vec<Code> = typed.all("options").iter().filter_map(|text| Code::parse(text).ok()).collect();
    call.read(GroupKind::Catalogue, |view| {
        let option =
            |code: &Code| Some((catalog::option_type(view, code)?, catalog::option_values(view, code)));
        Columns {
            options: codes.iter().filter_map(option).collect(),
            attributes: attributes::of_type(view, product_type, Level::Variant),
        }
    })
}

fn page(call: &Call, product_type: &Code, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let offer = Offer::read(call, product_type)?;
    let words = words(call)?;
    let columns = columns(call, product_type, typed);
    let mut form = Form::post("product", "/console/products").guarded().hidden("product_type", product_type);
    for option in typed.all("options") {
        form = form.hidden("options", option);
    }
    form.sections = details::sections(&offer, false);
    form.sections.insert(2, grid(&columns, &words, &offer));
    let publish = Field::tick("publish", "Publish it at once", false);
    let form = form
        .fields(vec![publish])
        .submit(Submit::main("Create"))
        .cancel("Back to products", "/console/products")
        .filled(typed, wrong);
    Ok(Page::new("New product").under("Products", "/console/products").part(Panel::new("Product").part(form)))
}

fn grid(columns: &Columns, words: &Words, offer: &Offer) -> Section {
    let locale = &offer.settings.locale;
    let currency = offer.settings.currency;
    let mut heads = vec![Column::new("SKU")];
    heads.extend(
        columns.options.iter().map(|(option, _)| Column::new(option.details.name.words(locale, locale))),
    );
    heads.extend(
        columns.attributes.iter().map(|attribute| Column::new(attributes::label_of(attribute, locale))),
    );
    heads.push(Column::new("Parcel weight, g"));
    heads.push(Column::new(format!("Price, {}", words.sign(currency))));
    let rows = (0..LINES).map(|line| {
        let at = |name: &str| format!("v{line}.{name}");
        let spoken = |label: &str| format!("{label} of variant {}", line + 1);
        let mut cells = vec![Field::text(at("sku"), spoken("SKU"))];
        for (option, values) in &columns.options {
            let label = |value: &OptionValue| {
                Choice::new(&value.details.code, value.details.label.words(locale, locale))
            };
            let choices = std::iter::once(Choice::new("", "–")).chain(values.iter().map(label)).collect();
            let name = spoken(option.details.name.words(locale, locale));
            cells.push(Field::select(at(&format!("option.{}", option.details.code)), name, choices));
        }
        for attribute in &columns.attributes {
            let name = at(&format!("attr.{}", attribute.details.code));
            let mut field = attributes::field(attribute, &name, locale);
            field.label = spoken(&field.label);
            cells.push(field);
        }
        cells.push(Field::number(at("weight"), spoken("Parcel weight")));
        cells.push(Field::number(at("price"), spoken("Price")));
        cells.into_iter().map(|field| Cell::Input(Box::new(field.quiet()))).collect()
    });
    Section::new("Variants", Vec::new())
        .hint("At least one line; empty lines are left out. More can be added afterwards.")
        .grid(heads, rows.collect())
}

/// A line as it was typed, with its number on the page.
struct Line {
    number: usize,
    details: VariantDetails,
    price: Option<i64>,
}

fn read_lines(typed: &Typed, columns: &Columns, offer: &Offer) -> Result<Vec<Line>, Wrong> {
    let mut check = Check::new(typed);
    let mut lines = Vec::new();
    for number in 0..LINES {
        let prefix = format!("v{number}.");
        if typed.prefixed(&prefix).all(|(_, value)| value.trim().is_empty()) {
            continue;
        }
        lines.extend(read_line(&mut check, number, columns, offer));
    }
    let lines = check.done(Some(lines))?;
    if lines.is_empty() {
        return Err(Wrong::field("v0.sku", "Write at least one SKU."));
    }
    Ok(lines)
}

fn read_line(check: &mut Check<'_>, number: usize, columns: &Columns, offer: &Offer) -> Option<Line> {
    let at = |name: &str| format!("v{number}.{name}");
    let locale: &Locale = &offer.settings.locale;
    let sku = check.value(&at("sku"), Sku::parse);
    let mut options = BTreeMap::new();
    for (option, _) in &columns.options {
        let code = option.details.code.clone();
        if let Some(value) = check.value(&at(&format!("option.{code}")), Code::parse) {
            options.insert(code, value);
        }
    }
    let mut values = BTreeMap::new();
    for attribute in &columns.attributes {
        let name = at(&format!("attr.{}", attribute.details.code));
        if let Some(Some(value)) =
            check.optional(&name, |text| attributes::parse(attribute, text, None, locale))
        {
            values.insert(attribute.details.code.clone(), value);
        }
    }
    let weight = check.optional_integer(&at("weight"), 0, 1_000_000);
    let price = check.optional_money(&at("price"), offer.settings.currency);
    let details = VariantDetails {
        options,
        attributes: values,
        shipping_weight_grams: weight?.unwrap_or(0),
        position: number as u32,
        ..VariantDetails::new(sku?)
    };
    Some(Line { number, details, price: price? })
}

pub async fn create_product_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let Ok(product_type) = Code::parse(typed.get("product_type")) else {
        return Err(Problem::not_found("product type"));
    };
    let offer = Offer::read(&call, &product_type)?;
    let columns = columns(&call, &product_type, &typed);
    let read = match (details::read(&typed, &offer, None), read_lines(&typed, &columns, &offer)) {
        (Ok(details), Ok(lines)) => Ok((details, lines)),
        (Err(mut wrong), Err(also)) => {
            wrong.fields.extend(also.fields);
            Err(wrong)
        }
        (Err(wrong), _) | (_, Err(wrong)) => Err(wrong),
    };
    let wrong = match read {
        Ok((details, lines)) => {
            match create(&call, details, &lines, typed.is_ticked("publish"), &offer).await? {
                Ok(product) => return Ok(see(&path_of(product), Done::Created)),
                Err(wrong) => wrong,
            }
        }
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, &product_type, &typed, &wrong)?))
}

async fn create(
    call: &Call,
    details: ProductDetails,
    lines: &[Line],
    publish: bool,
    offer: &Offer,
) -> Result<Result<ProductId, Wrong>, Problem> {
    let variants = lines.iter().map(|line| line.details.clone()).collect();
    let reply = match call.submit(Command::CreateProduct { details, variants, publish }).await {
        Ok(reply) => reply,
        Err(problem) => return Wrong::of(problem, |pointer| field_of(pointer, lines, offer)).map(Err),
    };
    let product =
        ProductId::from_bits(reply.id.ok_or_else(|| Problem::internal("a product was made without an id"))?);
    for line in lines {
        let Some(amount) = line.price else { continue };
        let made = call.read(GroupKind::Catalogue, |view| catalog::variant_by_sku(view, &line.details.sku));
        let Some(made) = made.filter(|made| made.product == product) else { continue };
        let price = Everyday { currency: offer.settings.currency, amount, compare_at: None };
        if let Err(problem) = prices::save(call, made.id, &offer.settings, &[price], None).await {
            let wrong = Wrong::of(problem, |_| None)?;
            let said = wrong.form.unwrap_or_default();
            return Ok(Err(Wrong::saying(format!(
                "The product was made, but not all its prices: {}",
                sentence(&said)
            ))));
        }
    }
    Ok(Ok(product))
}

/// Pointers name variants by their place among those sent; the page by their line.
fn field_of(pointer: &str, lines: &[Line], offer: &Offer) -> Option<String> {
    let Some(rest) = pointer.strip_prefix("variants/") else { return details::field_of(pointer, offer) };
    let (place, field) = rest.split_once('/')?;
    let number = lines.get(place.parse::<usize>().ok()?)?.number;
    let field = match field {
        "shipping_weight_grams" => "weight".to_owned(),
        other => other.replacen("attributes/", "attr.", 1),
    };
    Some(format!("v{number}.{field}"))
}
