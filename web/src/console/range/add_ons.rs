//! Add-ons: knocking in, oiling, toe guards.

use crate::console::done::Done;
use crate::console::texts;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section, Submit};
use crate::console::view::{
    Action, Badge, Cell, Column, Field, FieldKind, Form, Link, Page, Panel, Post, Row, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see, settings, words};
use crate::console::words::{Words, typed_money};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::catalog::{self, AddOn, AddOnDetails, AddOnKind, Command, ProductType};
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::ProductsWrite;
use gearify_commerce::tax::{self, TaxCategory};
use gearify_commerce::tenants::Settings;
use gearify_commerce::{AddOnId, Code, Currency};
use std::collections::BTreeMap;

fn known(call: &Call, id: AddOnId) -> Result<AddOn, Problem> {
    call.read(GroupKind::Catalogue, |view| catalog::add_on(view, id))
        .ok_or_else(|| Problem::not_found("add-on"))
}

fn kind_words(kind: AddOnKind) -> &'static str {
    match kind {
        AddOnKind::Knocking => "Knocking in",
        AddOnKind::Oiling => "Oiling",
        AddOnKind::ToeBinding => "Toe binding",
        AddOnKind::AntiScuff => "Anti-scuff sheet",
        AddOnKind::Grip => "Grip",
        AddOnKind::Other => "Other",
    }
}

pub async fn list_add_ons_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let (settings, words) = (settings(call)?, words(call)?);
    let columns = vec![
        Column::new("Add-on"),
        Column::new("Kind"),
        Column::new("For").minor(),
        Column::number("Price"),
        Column::number("Days more"),
        Column::new("State"),
    ];
    let add_ons = call.read(GroupKind::Catalogue, |view| catalog::add_ons(view));
    let rows = add_ons.iter().map(|add_on| {
        let details = &add_on.details;
        let href = format!("/console/add-ons/{}", add_on.id);
        let price = details.prices.get(&settings.currency);
        let types: Vec<&str> = details.product_types.iter().map(Code::as_str).collect();
        let state = match add_on.archived {
            true => Badge::new("Archived", Tone::Warn),
            false => Badge::new("Offered", Tone::Good),
        };
        Row::new(vec![
            Cell::Link(Link::new(details.name.words(&settings.locale, &settings.locale), href.clone())),
            Cell::from(kind_words(details.kind)),
            Cell::Text(types.join(", ")),
            Cell::Text(price.map_or("–".to_owned(), |price| words.money(*price, settings.currency))),
            Cell::Text(details.lead_days.to_string()),
            Cell::badge(state),
        ])
        .href(href)
        .dim(add_on.archived)
    });
    let table =
        Table::new("Add-ons", columns).rows(rows).empty("No add-on yet: work that is done on what is sold.");
    let mut page = Page::new("Add-ons").part(table);
    if may(call, ProductsWrite) {
        page = page.primary(Action::go("New add-on", "/console/add-ons/new"));
    }
    Ok(visit.show(&page))
}

fn write(details: &AddOnDetails, settings: &Settings) -> Typed {
    let mut typed = Typed::default();
    typed.set("kind", details.kind.as_str());
    texts::write(&mut typed, "name", &details.name, settings);
    texts::write(&mut typed, "description", &details.description, settings);
    details.product_types.iter().for_each(|code| typed.add("product_types", code));
    for (currency, amount) in &details.prices {
        typed.set(format!("price.{currency}"), typed_money(*amount, *currency));
    }
    typed.set("lead_days", details.lead_days);
    typed.tick("not_returnable", details.not_returnable);
    typed.set("tax_category", &details.tax_category);
    typed.set("position", details.position);
    typed
}

fn read(typed: &Typed, settings: &Settings, before: Option<&AddOnDetails>) -> Result<AddOnDetails, Wrong> {
    let mut check = Check::new(typed);
    let kind = check.choice("kind", AddOnKind::parse);
    let name = check.words("name", settings.locales(), before.map(|before| &before.name));
    let description =
        check.words("description", settings.locales(), before.map(|before| &before.description));
    if name.is_empty() {
        check.fault(texts::first_field("name", settings), "Give it a name");
    }
    let types: Vec<Code> =
        typed.all("product_types").iter().filter_map(|text| Code::parse(text).ok()).collect();
    if types.is_empty() {
        check.fault("product_types", "Choose what it is made for");
    }
    // Prices in currencies the shop no longer shows stay.
    let shown: Vec<Currency> = settings.currencies().collect();
    let mut prices: BTreeMap<Currency, i64> = before.map_or(BTreeMap::new(), |before| before.prices.clone());
    prices.retain(|currency, _| !shown.contains(currency));
    for currency in shown {
        if let Some(Some(amount)) = check.optional_money(&format!("price.{currency}"), currency) {
            prices.insert(currency, amount);
        }
    }
    if !prices.contains_key(&settings.currency) {
        check.fault(format!("price.{}", settings.currency), "Write a price; 0 is free");
    }
    let lead_days = check.optional_integer("lead_days", 0, 365);
    let tax_category = check.value("tax_category", Code::parse);
    let position = check.optional_integer("position", 0, 100_000);
    let details = (|| {
        Some(AddOnDetails {
            kind: kind?,
            name,
            description,
            product_types: types,
            prices,
            lead_days: lead_days?.unwrap_or(0),
            not_returnable: typed.is_ticked("not_returnable"),
            tax_category: tax_category?,
            position: position?.unwrap_or(0),
        })
    })();
    check.done(details)
}

fn form(call: &Call, action: &str, settings: &Settings, words: &Words) -> Form {
    let locale = &settings.locale;
    let (types, taxes) =
        call.read(GroupKind::Catalogue, |view| (catalog::product_types(view), tax::categories(view)));
    let kinds = AddOnKind::ALL.map(|kind| Choice::new(kind.as_str(), kind_words(kind)));
    let kind = |kind: &ProductType| Choice::new(&kind.details.code, kind.details.name.words(locale, locale));
    let tax = |category: &TaxCategory| Choice::new(&category.code, category.name.as_str());
    let mut what = vec![Field::select("kind", "Kind", kinds.to_vec()).half()];
    what.extend(texts::fields(&FieldKind::Text, "name", "Name", settings, true));
    what.extend(texts::fields(&FieldKind::Area { rows: 2 }, "description", "What it does", settings, false));
    what.push(Field::new(
        FieldKind::Ticks(types.iter().map(kind).collect()),
        "product_types",
        "For products of type",
    ));
    let mut price = Vec::new();
    for currency in settings.currencies() {
        let field = Field::number(format!("price.{currency}"), format!("Price in {currency}"))
            .unit(words.sign(currency));
        price.push(if currency == settings.currency { field } else { field.optional() });
    }
    price.push(Field::select("tax_category", "Tax category", taxes.iter().map(tax).collect()).half());
    let terms = vec![
        Field::number("lead_days", "Days it takes").optional(),
        Field::number("position", "Place in the list").optional(),
        Field::tick("not_returnable", "Once done, the goods can't come back", false),
    ];
    Form::post("add-on", action)
        .guarded()
        .section(Section::new("What it is", what))
        .section(Section::new("Price", price))
        .section(Section::new("Terms", terms))
}

fn page(call: &Call, add_on: Option<&AddOn>, typed: &Typed, wrong: &Wrong) -> Result<Page, Problem> {
    let (settings, words) = (settings(call)?, words(call)?);
    let may_write = may(call, ProductsWrite);
    let (title, action) = match add_on {
        Some(add_on) => (
            add_on.details.name.words(&settings.locale, &settings.locale).to_owned(),
            format!("/console/add-ons/{}", add_on.id),
        ),
        None => ("New add-on".to_owned(), "/console/add-ons".to_owned()),
    };
    let mut form = form(call, &action, settings, &words);
    if let Some(add_on) = add_on {
        form = form.hidden("expected", wrong.stands_at.unwrap_or(add_on.revision));
    }
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to add-ons", "/console/add-ons");
    }
    let mut page = Page::new(title)
        .under("Add-ons", "/console/add-ons")
        .part(Panel::new("Add-on").part(form.filled(typed, wrong)));
    if let Some(add_on) = add_on.filter(|_| may_write) {
        let (label, to) = if add_on.archived { ("Back into use", "live") } else { ("Archive", "archived") };
        let post =
            Post::new(label, format!("{action}/status")).with("to", to).with("expected", add_on.revision);
        page = page.action(Action::Post(if add_on.archived { post } else { post.danger() }));
    }
    if add_on.is_some_and(|add_on| add_on.archived) {
        page = page.badge(Badge::new("Archived", Tone::Warn));
    }
    Ok(page)
}

fn field_of(pointer: &str, settings: &Settings) -> Option<String> {
    match pointer {
        "name" | "description" => Some(texts::first_field(pointer, settings)),
        "product_types" | "lead_days" | "tax_category" | "position" => Some(pointer.to_owned()),
        "product_type" => Some("product_types".to_owned()),
        "prices" => Some(format!("price.{}", settings.currency)),
        _ => pointer.strip_prefix("prices/").map(|currency| format!("price.{currency}")),
    }
}

pub async fn new_add_on_page(visit: Visit) -> Result<Response, Problem> {
    Ok(visit.show(&page(&visit.call, None, &Typed::default(), &Wrong::default())?))
}

pub async fn create_add_on_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let settings = settings(&call)?;
    let wrong = match read(&typed, settings, None) {
        Ok(details) => match call.submit(Command::CreateAddOn { details }).await {
            Ok(_) => return Ok(see("/console/add-ons", Done::Created)),
            Err(problem) => Wrong::of(problem, |pointer| field_of(pointer, settings))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, None, &typed, &wrong)?))
}

pub async fn add_on_page(visit: Visit, Path(id): Path<AddOnId>) -> Result<Response, Problem> {
    let add_on = known(&visit.call, id)?;
    let typed = write(&add_on.details, settings(&visit.call)?);
    Ok(visit.show(&page(&visit.call, Some(&add_on), &typed, &Wrong::default())?))
}

pub async fn update_add_on_form(
    call: Call,
    Path(id): Path<AddOnId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let add_on = known(&call, id)?;
    let settings = settings(&call)?;
    let expected = typed.get("expected").parse().ok();
    let wrong = match read(&typed, settings, Some(&add_on.details)) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(details) => match call.submit(Command::UpdateAddOn { add_on: id, expected, details }).await {
            Ok(_) => return Ok(see("/console/add-ons", Done::Saved)),
            Err(problem) => Wrong::of(problem, |pointer| field_of(pointer, settings))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, Some(&add_on), &typed, &wrong)?))
}

pub async fn change_add_on_status_form(
    call: Call,
    Path(id): Path<AddOnId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let add_on = known(&call, id)?;
    let archived = typed.get("to") == "archived";
    let expected = typed.get("expected").parse().ok();
    match call.submit(Command::ArchiveAddOn { add_on: id, expected, archived }).await {
        Ok(_) => Ok(see("/console/add-ons", if archived { Done::Archived } else { Done::Restored })),
        Err(problem) => {
            let wrong = Wrong::of(problem, |_| None)?;
            let typed = write(&add_on.details, settings(&call)?);
            Ok(refused(&call, &page(&call, Some(&add_on), &typed, &wrong)?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::{Country, Locale, Text, tenants};

    #[test]
    fn an_add_on_survives_its_form() {
        let locale = Locale::parse("en-GB").unwrap();
        let zone = tenants::TimeZone::parse("Europe/London").unwrap();
        let settings = Settings::new(Currency::GBP, locale.clone(), Country::parse("GB").unwrap(), zone);
        let code = |text| Code::parse(text).unwrap();
        let details = AddOnDetails {
            kind: AddOnKind::Grip,
            name: Text::new(locale.clone(), "Second grip"),
            description: Text::new(Locale::parse("fr").unwrap(), "Une prise"),
            product_types: vec![code("bat"), code("glove")],
            prices: BTreeMap::from([(Currency::GBP, 650), (Currency::EUR, 800)]),
            lead_days: 1,
            not_returnable: true,
            tax_category: code("standard"),
            position: 3,
        };
        assert_eq!(read(&write(&details, &settings), &settings, Some(&details)), Ok(details));
    }
}
