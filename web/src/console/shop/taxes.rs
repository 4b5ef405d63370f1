//! Taxes: zones, categories, and the rates due on a category in a zone.

use super::areas::parse_places;
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section, Submit};
use crate::console::view::{
    Action, Cell, Column, Field, Form, Link, Notice, Page, Panel, Part, Post, Row, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see};
use crate::console::words::{parse_decimal, typed_decimal};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::staff::Permission::SettingsWrite;
use gearify_commerce::tax::{self, COMPONENTS_MAX, Command, Due, Rate, TaxCategory, TaxZone, ZoneRate};
use gearify_commerce::{Code, Name, ZoneId};

/// A rate is parts per million; people write percent, which has four decimals then.
const PERCENT_DECIMALS: u8 = 4;
const DUES: [(Due, &str, &str); 3] = [
    (Due::Always, "always", "Always"),
    (Due::WithinSellerRegion, "within", "Within your region"),
    (Due::AcrossRegions, "across", "Into other regions"),
];

fn zone(call: &Call, id: ZoneId) -> Result<TaxZone, Problem> {
    call.read(GroupKind::Catalogue, |view| tax::zone(view, id)).ok_or_else(|| Problem::not_found("tax zone"))
}

fn categories(call: &Call) -> Vec<TaxCategory> {
    call.read(GroupKind::Catalogue, |view| tax::categories(view))
}

fn due_words(due: Due) -> &'static str {
    DUES.iter().find(|(known, ..)| *known == due).map_or("", |found| found.2)
}

pub async fn taxes_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let may_write = may(call, SettingsWrite);
    let zones = call.read(GroupKind::Catalogue, |view| tax::zones(view));
    let mut page = Page::new("Taxes")
        .about("What is due follows the address it is sent to. Where there is no zone, no tax is due.");
    if may_write {
        page = page.primary(Action::go("New zone", "/console/taxes/new"));
    }
    if zones.is_empty() {
        let notice = Notice::new(Tone::Warn, "There is no tax zone yet.");
        page = page.part(notice.text("Orders are placed without tax until there is one."));
    }
    let categories = categories(call);
    for zone in &zones {
        page = page.part(zone_panel(call, zone, &categories));
    }
    page = page.aside(category_panel(&categories, may_write, &Typed::default(), &Wrong::default()));
    Ok(visit.show(&page))
}

fn zone_panel(call: &Call, zone: &TaxZone, categories: &[TaxCategory]) -> Panel {
    let rows = categories.iter().map(|category| {
        let rates = call.read(GroupKind::Catalogue, |view| tax::zone_rates(view, zone.id, &category.code));
        let rates = rates.map_or(Vec::new(), |found| found.rates);
        let href = format!("/console/taxes/{}/rates/{}", zone.id, category.code);
        let words = |rate: &ZoneRate| match rate.due {
            Due::Always => rate.rate.name.to_string(),
            due => format!("{}, {}", rate.rate.name, due_words(due).to_lowercase()),
        };
        let cell = match rates.is_empty() {
            true => Cell::from("None"),
            false => Cell::List(rates.iter().map(words).collect()),
        };
        Row::new(vec![Cell::Link(Link::new(category.name.as_str(), href.clone())), cell]).href(href)
    });
    let columns = vec![Column::new("Category"), Column::new("Taxes")];
    let places: Vec<String> = zone.places.iter().map(ToString::to_string).collect();
    Panel::new(zone.name.as_str())
        .note(places.join(", "))
        .action(Action::go("Zone", format!("/console/taxes/{}", zone.id)))
        .flush()
        .part(Table::new(format!("Taxes in {}", zone.name), columns).rows(rows))
}

fn category_panel(categories: &[TaxCategory], may_write: bool, typed: &Typed, wrong: &Wrong) -> Panel {
    let rows = categories
        .iter()
        .map(|category| Row::new(vec![Cell::Lines(category.name.to_string(), category.code.to_string())]));
    let panel =
        Panel::new("Categories").part(Table::new("Tax categories", vec![Column::new("Category")]).rows(rows));
    if !may_write {
        return panel;
    }
    let form = Form::post("category", "/console/taxes/categories")
        .fields(vec![
            Field::text("code", "Code").hint("a-z, 0-9 and _: children_clothing."),
            Field::text("name", "Name"),
        ])
        .submit(Submit::plain("Add or rename"))
        .filled(typed, wrong);
    panel.part(form)
}

pub async fn put_tax_category_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let mut check = Check::new(&typed);
    let code = check.value("code", Code::parse);
    let name = check.value("name", Name::parse);
    let command = (|| Some(Command::PutCategory { expected: None, code: code?, name: name? }))();
    let wrong = match check.done(command) {
        Ok(command) => match call.submit(command).await {
            Ok(_) => return Ok(see("/console/taxes", Done::Saved)),
            Err(problem) => Wrong::of(problem, |pointer| Some(pointer.to_owned()))?,
        },
        Err(wrong) => wrong,
    };
    let page = Page::new("Tax categories").under("Taxes", "/console/taxes");
    Ok(refused(&call, &page.part(category_panel(&categories(&call), true, &typed, &wrong))))
}

fn zone_page(zone: Option<&TaxZone>, typed: &Typed, wrong: &Wrong, may_write: bool) -> Page {
    let action = zone.map_or("/console/taxes".to_owned(), |zone| format!("/console/taxes/{}", zone.id));
    let mut form = Form::post("zone", action.clone()).guarded().fields(vec![
        Field::text("name", "Name"),
        Field::area("places", "Places", 6).hint("One a line: a country (GB) or a part of it (IN-MH)."),
    ]);
    if let Some(zone) = zone {
        form = form.hidden("expected", wrong.stands_at.unwrap_or(zone.revision));
    }
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to taxes", "/console/taxes");
    }
    let title = zone.map_or("New tax zone", |zone| zone.name.as_str());
    let mut page = Page::new(title)
        .under("Taxes", "/console/taxes")
        .part(Panel::new("Zone").part(form.filled(typed, wrong)));
    if let Some(zone) = zone.filter(|_| may_write) {
        let post = Post::new("Take the zone away", format!("{action}/remove"))
            .with("expected", zone.revision)
            .danger();
        let effect =
            "Its rates go with it: what is sent there is taxed no more. Placed orders keep their taxes.";
        page = page.part(
            Panel::new("Take it away")
                .part(Part::Text(effect.to_owned()))
                .part(Part::Actions(vec![post.into()])),
        );
    }
    page
}

fn read_zone(typed: &Typed) -> Result<(Name, Vec<tax::Place>), Wrong> {
    let mut check = Check::new(typed);
    let name = check.value("name", Name::parse);
    let places = check.value("places", parse_places);
    check.done(name.zip(places))
}

fn zone_field(pointer: &str) -> Option<String> {
    let first = pointer.split('/').next().unwrap_or_default();
    matches!(first, "name" | "places").then(|| first.to_owned())
}

pub async fn new_tax_zone_page(visit: Visit) -> Response {
    visit.show(&zone_page(None, &Typed::default(), &Wrong::default(), true))
}

pub async fn create_tax_zone_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let wrong = match read_zone(&typed) {
        Ok((name, places)) => match call.submit(Command::CreateZone { name, places }).await {
            Ok(_) => return Ok(see("/console/taxes", Done::Created)),
            Err(problem) => Wrong::of(problem, zone_field)?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &zone_page(None, &typed, &wrong, true)))
}

pub async fn tax_zone_page(visit: Visit, Path(id): Path<ZoneId>) -> Result<Response, Problem> {
    let zone = zone(&visit.call, id)?;
    let mut typed = Typed::default();
    typed.set("name", &zone.name);
    typed.set("places", zone.places.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"));
    Ok(visit.show(&zone_page(Some(&zone), &typed, &Wrong::default(), may(&visit.call, SettingsWrite))))
}

pub async fn update_tax_zone_form(
    call: Call,
    Path(id): Path<ZoneId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let zone = zone(&call, id)?;
    let expected = typed.get("expected").parse().ok();
    let wrong = match read_zone(&typed) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok((name, places)) => {
            match call.submit(Command::UpdateZone { zone: id, expected, name, places }).await {
                Ok(_) => return Ok(see("/console/taxes", Done::Saved)),
                Err(problem) => Wrong::of(problem, zone_field)?,
            }
        }
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &zone_page(Some(&zone), &typed, &wrong, true)))
}

pub async fn remove_tax_zone_form(
    call: Call,
    Path(id): Path<ZoneId>,
    typed: Typed,
) -> Result<Response, Problem> {
    zone(&call, id)?;
    call.submit(Command::RemoveZone { zone: id, expected: typed.get("expected").parse().ok() }).await?;
    Ok(see("/console/taxes", Done::Removed))
}

fn category(call: &Call, code: &str) -> Result<TaxCategory, Problem> {
    let unknown = || Problem::not_found("tax category");
    let code = Code::parse(code).map_err(|_| unknown())?;
    call.read(GroupKind::Catalogue, |view| tax::category(view, &code)).ok_or_else(unknown)
}

fn write_rates(rates: &[ZoneRate]) -> Typed {
    let mut typed = Typed::default();
    for (place, rate) in rates.iter().enumerate() {
        typed.set(format!("r{place}.code"), &rate.rate.code);
        typed.set(format!("r{place}.name"), &rate.rate.name);
        typed.set(format!("r{place}.jurisdiction"), &rate.rate.jurisdiction);
        typed.set(format!("r{place}.percent"), typed_decimal(rate.rate.rate_ppm.into(), PERCENT_DECIMALS));
        let due = DUES.iter().find(|(due, ..)| *due == rate.due).map_or("always", |found| found.1);
        typed.set(format!("r{place}.due"), due);
    }
    typed
}

fn read_rates(typed: &Typed) -> Result<Vec<ZoneRate>, Wrong> {
    let mut check = Check::new(typed);
    let mut rates = Vec::new();
    for place in 0..COMPONENTS_MAX {
        let at = |name: &str| format!("r{place}.{name}");
        let filled = ["code", "name", "jurisdiction", "percent"]
            .iter()
            .any(|name| !typed.trimmed(&at(name)).is_empty());
        if !filled {
            continue;
        }
        let code = check.value(&at("code"), Name::parse);
        let name = check.value(&at("name"), Name::parse);
        let jurisdiction = check.value(&at("jurisdiction"), Name::parse);
        let rate_ppm = check.value(&at("percent"), |text| {
            let ppm = parse_decimal(text.trim_end_matches('%').trim(), PERCENT_DECIMALS)?;
            u32::try_from(ppm).map_err(|_| "Write a percentage from 0 to 200".to_owned())
        });
        let due = DUES
            .iter()
            .find(|(_, word, _)| *word == typed.get(&at("due")))
            .map_or(Due::Always, |found| found.0);
        rates.extend((|| {
            let rate = Rate { code: code?, name: name?, jurisdiction: jurisdiction?, rate_ppm: rate_ppm? };
            Some(ZoneRate { due, rate })
        })());
    }
    check.done(Some(rates))
}

/// Rows for taxes to come, below those there are.
const SPARE_ROWS: usize = 2;

fn rates_page(
    zone: &TaxZone,
    category: &TaxCategory,
    revision: u64,
    typed: &Typed,
    wrong: &Wrong,
    may_write: bool,
) -> Page {
    let columns = vec![
        Column::new("Code"),
        Column::new("As shown"),
        Column::new("Levied by"),
        Column::number("Percent"),
        Column::new("Due"),
    ];
    let taken = (0..COMPONENTS_MAX).rev().find(|place| !typed.trimmed(&format!("r{place}.code")).is_empty());
    let shown = (taken.map_or(0, |last| last + 1) + SPARE_ROWS).min(COMPONENTS_MAX);
    let rows = (0..shown).map(|place| {
        let field = |name: &str, label: &str| {
            Field::text(format!("r{place}.{name}"), format!("{label} of tax {}", place + 1))
                .quiet()
                .optional()
        };
        let dues = DUES.map(|(_, word, label)| Choice::new(word, label)).to_vec();
        let due =
            Field::select(format!("r{place}.due"), format!("When tax {} is due", place + 1), dues).quiet();
        let percent = Field::number(format!("r{place}.percent"), format!("Percent of tax {}", place + 1))
            .quiet()
            .optional();
        vec![
            Cell::Input(Box::new(field("code", "Code"))),
            Cell::Input(Box::new(field("name", "Name"))),
            Cell::Input(Box::new(field("jurisdiction", "Jurisdiction"))),
            Cell::Input(Box::new(percent)),
            Cell::Input(Box::new(due)),
        ]
    });
    let action = format!("/console/taxes/{}/rates/{}", zone.id, category.code);
    let hint =
        "One line a tax: VAT, “VAT 20 %”, GB, 20. Several may be due at once. Empty lines are left out.";
    let mut form = Form::post("rates", action)
        .guarded()
        .hidden("expected", wrong.stands_at.unwrap_or(revision))
        .section(Section { hint: hint.to_owned(), ..Section::default() }.grid(columns, rows.collect()));
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to taxes", "/console/taxes");
    }
    Page::new(format!("{} in {}", category.name, zone.name))
        .under("Taxes", "/console/taxes")
        .about("New orders follow at once. Placed orders keep the taxes they were placed with.")
        .part(Panel::new("Taxes").part(form.filled(typed, wrong)))
}

fn standing(call: &Call, zone: &TaxZone, category: &TaxCategory) -> (u64, Vec<ZoneRate>) {
    let found = call.read(GroupKind::Catalogue, |view| tax::zone_rates(view, zone.id, &category.code));
    found.map_or((0, Vec::new()), |found| (found.revision, found.rates))
}

pub async fn tax_rates_page(
    visit: Visit,
    Path((id, code)): Path<(ZoneId, String)>,
) -> Result<Response, Problem> {
    let call = &visit.call;
    let (zone, category) = (zone(call, id)?, category(call, &code)?);
    let (revision, rates) = standing(call, &zone, &category);
    let typed = write_rates(&rates);
    let may_write = may(call, SettingsWrite);
    Ok(visit.show(&rates_page(&zone, &category, revision, &typed, &Wrong::default(), may_write)))
}

pub async fn set_tax_rates_form(
    call: Call,
    Path((id, code)): Path<(ZoneId, String)>,
    typed: Typed,
) -> Result<Response, Problem> {
    let (zone, category) = (zone(&call, id)?, category(&call, &code)?);
    let (revision, _) = standing(&call, &zone, &category);
    let expected = typed.get("expected").parse().ok();
    let wrong = match read_rates(&typed) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(rates) => {
            let command = Command::SetRates { zone: id, category: category.code.clone(), expected, rates };
            match call.submit(command).await {
                Ok(_) => return Ok(see("/console/taxes", Done::Saved)),
                Err(problem) => Wrong::of(problem, rate_field)?,
            }
        }
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &rates_page(&zone, &category, revision, &typed, &wrong, true)))
}

fn rate_field(pointer: &str) -> Option<String> {
    let (place, field) = pointer.strip_prefix("rates/")?.split_once('/')?;
    let field = if field.ends_with("rate_ppm") { "percent" } else { field.rsplit('/').next()? };
    Some(format!("r{place}.{field}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_survive_their_lines_and_bad_ones_are_named() {
        let name = |text: &str| Name::parse(text).unwrap();
        let rate = |code: &str, ppm, due| ZoneRate {
            due,
            rate: Rate { code: name(code), name: name(code), jurisdiction: name("IN"), rate_ppm: ppm },
        };
        let rates =
            vec![rate("CGST", 60_000, Due::WithinSellerRegion), rate("IGST", 123_456, Due::AcrossRegions)];
        let mut typed = write_rates(&rates);
        assert_eq!(typed.get("r1.percent"), "12.3456");
        assert_eq!(read_rates(&typed), Ok(rates));
        typed.set("r1.percent", "a fifth");
        typed.set("r2.code", "VAT");
        let wrong = read_rates(&typed).unwrap_err();
        let fields: Vec<&str> = wrong.fields.keys().map(String::as_str).collect();
        assert_eq!(fields, ["r1.percent", "r2.jurisdiction", "r2.name", "r2.percent"]);
    }
}
