//! Delivery zones: where the shop delivers, and by which rates.

use super::areas::{area_line, parse_areas};
use super::rates::price_words;
use crate::console::done::Done;
use crate::console::typed::Typed;
use crate::console::view::form::Submit;
use crate::console::view::{
    Action, Badge, Cell, Column, Field, Form, Link, Notice, Page, Panel, Part, Post, Row, Table, Tone,
};
use crate::console::visit::{Visit, may, refused, see, settings, words};
use crate::console::words::counted;
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::shipping::{self, Command, Rate, Zone, ZoneDetails};
use gearify_commerce::staff::Permission::SettingsWrite;
use gearify_commerce::{Name, RateId, ZoneId};

pub fn zone(call: &Call, id: ZoneId) -> Result<Zone, Problem> {
    call.read(GroupKind::Catalogue, |view| shipping::zone(view, id))
        .ok_or_else(|| Problem::not_found("delivery zone"))
}

pub fn rate(call: &Call, id: RateId) -> Result<Rate, Problem> {
    call.read(GroupKind::Catalogue, |view| shipping::rate(view, id))
        .ok_or_else(|| Problem::not_found("delivery rate"))
}

pub async fn delivery_page(visit: Visit) -> Result<Response, Problem> {
    let call = &visit.call;
    let zones = call.read(GroupKind::Catalogue, |view| shipping::zones(view));
    let mut page = Page::new("Delivery").about("The narrowest zone that holds an address serves it alone.");
    if may(call, SettingsWrite) {
        page = page.primary(Action::go("New zone", "/console/delivery/new"));
    }
    if zones.is_empty() {
        let notice = Notice::new(Tone::Warn, "You deliver nowhere yet.");
        page = page.part(notice.text("Make a zone with at least one rate; until then nobody can check out."));
    }
    for zone in &zones {
        page = page.part(zone_panel(call, zone)?);
    }
    Ok(visit.show(&page))
}

fn zone_panel(call: &Call, zone: &Zone) -> Result<Panel, Problem> {
    let (words, settings) = (words(call)?, settings(call)?);
    let rates = call.read(GroupKind::Catalogue, |view| shipping::rates_of(view, zone.id));
    let columns = vec![
        Column::new("Rate"),
        Column::new("Carrier"),
        Column::new("Days"),
        Column::new("Price"),
        Column::new("State"),
    ];
    let rows = rates.iter().map(|rate| {
        let href = format!("/console/rates/{}", rate.id);
        let details = &rate.details;
        let state = match rate.archived {
            true => Badge::new("Archived", Tone::Warn),
            false => Badge::new("Offered", Tone::Good),
        };
        Row::new(vec![
            Cell::Link(Link::new(details.name.words(&settings.locale, &settings.locale), href.clone())),
            Cell::Text(details.carrier.to_string()),
            Cell::Text(days(details.days_min, details.days_max)),
            Cell::List(
                details
                    .tariffs
                    .iter()
                    .map(|(currency, tariff)| price_words(tariff, *currency, &words))
                    .collect(),
            ),
            Cell::badge(state),
        ])
        .href(href)
        .dim(rate.archived)
    });
    let areas: Vec<String> = zone.details.areas.iter().map(area_line).collect();
    let table = Table::new(format!("Rates of {}", zone.details.name), columns).rows(rows);
    let mut panel = Panel::new(zone.details.name.as_str())
        .note(areas.join("; "))
        .flush()
        .part(table.empty("No rate: nothing is delivered here. That is how districts are left out."));
    let path = format!("/console/delivery/{}", zone.id);
    if may(call, SettingsWrite) {
        panel = panel.action(Action::go("Add a rate", format!("{path}/rates/new")));
    }
    Ok(panel.action(Action::go("Zone", path)))
}

fn days(least: u16, most: u16) -> String {
    if least == most { least.to_string() } else { format!("{least}–{most}") }
}

fn form(action: &str) -> Form {
    Form::post("zone", action).guarded().fields(vec![
        Field::text("name", "Name").hint("For you: Britain, Europe, Islands."),
        Field::area("areas", "Places", 8).hint(
            "One a line: a country (GB), a part of it (IN-MH), or districts by the beginning of their postal codes (GB: BT, JE).",
        ),
    ])
}

fn zone_form_page(zone: Option<&Zone>, typed: &Typed, wrong: &Wrong, may_write: bool, rates: usize) -> Page {
    let action = zone.map_or("/console/delivery".to_owned(), |zone| format!("/console/delivery/{}", zone.id));
    let mut form = form(&action);
    if let Some(zone) = zone {
        form = form.hidden("expected", wrong.stands_at.unwrap_or(zone.revision));
    }
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to delivery", "/console/delivery");
    }
    let title = zone.map_or("New zone", |zone| zone.details.name.as_str());
    let mut page = Page::new(title)
        .under("Delivery", "/console/delivery")
        .part(Panel::new("Zone").part(form.filled(typed, wrong)));
    if let Some(zone) = zone.filter(|_| may_write) {
        let effect = format!(
            "{} taken away with it. Orders that were placed keep what they say. This can't be undone.",
            counted(rates as u64, "rate is", "rates are")
        );
        let post = Post::new("Take the zone away", format!("{action}/remove"))
            .with("expected", zone.revision)
            .danger();
        page = page
            .part(Panel::new("Take it away").part(Part::Text(effect)).part(Part::Actions(vec![post.into()])));
    }
    page
}

fn read(typed: &Typed) -> Result<ZoneDetails, Wrong> {
    let mut check = Check::new(typed);
    let name = check.value("name", Name::parse);
    let areas = check.value("areas", parse_areas);
    check.done((|| Some(ZoneDetails { name: name?, areas: areas? }))())
}

fn field_of(pointer: &str) -> Option<String> {
    match pointer.split('/').next().unwrap_or_default() {
        "name" => Some("name".to_owned()),
        "areas" => Some("areas".to_owned()),
        _ => None,
    }
}

pub async fn new_delivery_zone_page(visit: Visit) -> Response {
    visit.show(&zone_form_page(None, &Typed::default(), &Wrong::default(), true, 0))
}

pub async fn create_delivery_zone_form(call: Call, typed: Typed) -> Result<Response, Problem> {
    let wrong = match read(&typed) {
        Ok(details) => match call.submit(Command::CreateZone { details }).await {
            Ok(_) => return Ok(see("/console/delivery", Done::Created)),
            Err(problem) => Wrong::of(problem, field_of)?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &zone_form_page(None, &typed, &wrong, true, 0)))
}

fn rates_of(call: &Call, zone: &Zone) -> usize {
    call.read(GroupKind::Catalogue, |view| shipping::rates_of(view, zone.id)).len()
}

pub async fn delivery_zone_page(visit: Visit, Path(id): Path<ZoneId>) -> Result<Response, Problem> {
    let zone = zone(&visit.call, id)?;
    let mut typed = Typed::default();
    typed.set("name", &zone.details.name);
    typed.set("areas", zone.details.areas.iter().map(area_line).collect::<Vec<_>>().join("\n"));
    let (may_write, rates) = (may(&visit.call, SettingsWrite), rates_of(&visit.call, &zone));
    Ok(visit.show(&zone_form_page(Some(&zone), &typed, &Wrong::default(), may_write, rates)))
}

pub async fn update_delivery_zone_form(
    call: Call,
    Path(id): Path<ZoneId>,
    typed: Typed,
) -> Result<Response, Problem> {
    let zone = zone(&call, id)?;
    let expected = typed.get("expected").parse().ok();
    let wrong = match read(&typed) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(details) => match call.submit(Command::UpdateZone { zone: id, expected, details }).await {
            Ok(_) => return Ok(see("/console/delivery", Done::Saved)),
            Err(problem) => Wrong::of(problem, field_of)?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &zone_form_page(Some(&zone), &typed, &wrong, true, rates_of(&call, &zone))))
}

pub async fn remove_delivery_zone_form(
    call: Call,
    Path(id): Path<ZoneId>,
    typed: Typed,
) -> Result<Response, Problem> {
    zone(&call, id)?;
    call.submit(Command::RemoveZone { zone: id, expected: typed.get("expected").parse().ok() }).await?;
    Ok(see("/console/delivery", Done::Removed))
}

pub async fn change_rate_status_form(
    call: Call,
    Path(id): Path<RateId>,
    typed: Typed,
) -> Result<Response, Problem> {
    rate(&call, id)?;
    let archived = typed.get("to") == "archived";
    let expected = typed.get("expected").parse().ok();
    call.submit(Command::ArchiveRate { rate: id, expected, archived }).await?;
    Ok(see("/console/delivery", if archived { Done::Archived } else { Done::Restored }))
}
