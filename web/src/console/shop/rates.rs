//! Delivery rates: by whom, how fast, for how much.

use super::bands::{parse_weight_bands, parse_worth_bands, weight_lines, worth_lines};
use super::delivery::{rate, zone};
use crate::console::done::Done;
use crate::console::texts;
use crate::console::typed::Typed;
use crate::console::view::form::{Choice, Section, Submit};
use crate::console::view::{Action, Badge, Field, FieldKind, Form, Page, Panel, Post, Tone};
use crate::console::visit::{Visit, may, refused, see, settings, words};
use crate::console::words::{Words, typed_money};
use crate::console::wrong::{Check, Wrong};
use crate::extract::Path;
use crate::gate::Call;
use crate::problem::Problem;
use axum::response::Response;
use gearify_commerce::command::GroupKind;
use gearify_commerce::shipping::{Charge, Command, Rate, RateDetails, Tariff, Zone};
use gearify_commerce::staff::Permission::SettingsWrite;
use gearify_commerce::tax::{self, TaxCategory};
use gearify_commerce::tenants::Settings;
use gearify_commerce::{Code, Currency, Name, RateId, ZoneId};
use std::collections::BTreeMap;

/// What a tariff comes to, in a few words.
pub fn price_words(tariff: &Tariff, currency: Currency, words: &Words) -> String {
    let money = |minor| words.money(minor, currency);
    let charge = match &tariff.charge {
        Charge::Flat(price) => money(*price),
        Charge::ByWeight(bands) => {
            let prices = bands.iter().map(|band| band.price);
            let (least, most) = (prices.clone().min().unwrap_or(0), prices.max().unwrap_or(0));
            format!("{} to {} by weight", money(least), money(most))
        }
        Charge::ByWorth(bands) => {
            let prices = bands.iter().map(|band| band.price);
            let (least, most) = (prices.clone().min().unwrap_or(0), prices.max().unwrap_or(0));
            format!("{} to {} by worth", money(least), money(most))
        }
    };
    match tariff.free_from {
        Some(from) => format!("{charge}, free from {}", money(from)),
        None => charge,
    }
}

fn write(details: &RateDetails, settings: &Settings) -> Typed {
    let mut typed = Typed::default();
    texts::write(&mut typed, "name", &details.name, settings);
    typed.set("carrier", &details.carrier);
    typed.set("days_min", details.days_min);
    typed.set("days_max", details.days_max);
    typed.set("tax_category", &details.tax_category);
    typed.set("position", details.position);
    for (currency, tariff) in &details.tariffs {
        let currency = *currency;
        let (kind, text) = match &tariff.charge {
            Charge::Flat(price) => ("flat", typed_money(*price, currency)),
            Charge::ByWeight(bands) => ("weight", weight_lines(bands, currency)),
            Charge::ByWorth(bands) => ("worth", worth_lines(bands, currency)),
        };
        typed.set(format!("charge.{currency}"), kind);
        typed.set(format!("price.{currency}"), text);
        if let Some(from) = tariff.free_from {
            typed.set(format!("free_from.{currency}"), typed_money(from, currency));
        }
    }
    typed
}

fn read(typed: &Typed, settings: &Settings, before: Option<&RateDetails>) -> Result<RateDetails, Wrong> {
    let mut check = Check::new(typed);
    let name = check.words("name", settings.locales(), before.map(|before| &before.name));
    if name.is_empty() {
        check.fault(texts::first_field("name", settings), "Give it a name");
    }
    let carrier = check.value("carrier", Name::parse);
    let days_min = check.integer("days_min", 0, 365);
    let days_max = check.integer("days_max", 0, 365);
    let tax_category = check.value("tax_category", Code::parse);
    let position = check.optional_integer("position", 0, 100_000);
    let shown: Vec<Currency> = settings.currencies().collect();
    let mut tariffs: BTreeMap<Currency, Tariff> =
        before.map_or(BTreeMap::new(), |before| before.tariffs.clone());
    tariffs.retain(|currency, _| !shown.contains(currency));
    for currency in shown {
        if let Some(Some(tariff)) = read_tariff(&mut check, currency) {
            tariffs.insert(currency, tariff);
        }
    }
    if tariffs.is_empty() {
        check.fault(format!("price.{}", settings.currency), "Write a price; 0 is free");
    }
    let details = (|| {
        Some(RateDetails {
            name,
            carrier: carrier?,
            tariffs,
            days_min: days_min?,
            days_max: days_max?,
            tax_category: tax_category?,
            position: position?.unwrap_or(0),
        })
    })();
    check.done(details)
}

/// An empty price: not offered in that currency.
fn read_tariff(check: &mut Check<'_>, currency: Currency) -> Option<Option<Tariff>> {
    let (price, kind) =
        (format!("price.{currency}"), check.typed().get(&format!("charge.{currency}")).to_owned());
    let charge = check.optional(&price, |text| match kind.as_str() {
        "weight" => parse_weight_bands(text, currency).map(Charge::ByWeight),
        "worth" => parse_worth_bands(text, currency).map(Charge::ByWorth),
        _ => crate::console::words::parse_money(text, currency).map(Charge::Flat),
    });
    let free_from = check.optional_money(&format!("free_from.{currency}"), currency);
    Some(charge?.zip(Some(free_from?)).map(|(charge, free_from)| Tariff { charge, free_from }))
}

fn form(call: &Call, action: &str, settings: &Settings, words: &Words) -> Form {
    let taxes = call.read(GroupKind::Catalogue, |view| tax::categories(view));
    let tax = |category: &TaxCategory| Choice::new(&category.code, category.name.as_str());
    let mut what = texts::fields(&FieldKind::Text, "name", "Name", settings, true);
    what.push(Field::text("carrier", "Carrier").half());
    what.push(Field::select("tax_category", "Tax category", taxes.iter().map(tax).collect()).half());
    what.push(Field::number("days_min", "Days, at least").hint("From dispatch."));
    what.push(Field::number("days_max", "Days, at most"));
    what.push(Field::number("position", "Place in the list").optional());
    let mut form = Form::post("rate", action).guarded().section(Section::new("What it is", what));
    for currency in settings.currencies() {
        let kinds = vec![
            Choice::new("flat", "One price"),
            Choice::new("weight", "By weight"),
            Choice::new("worth", "By what the goods are worth"),
        ];
        let fields = vec![
            Field::select(format!("charge.{currency}"), "Charged", kinds).half(),
            Field::number(format!("free_from.{currency}"), "Free from").optional().unit(words.sign(currency)).half(),
            Field::area(format!("price.{currency}"), "Price", 4).optional().hint(
                "One price: 4.95. By weight: 2000 = 4.95 up to that many grams, then more = 9.95. By worth: 0 = 4.95, then 50 = 0. \
                 Empty: not offered in this currency.",
            ),
        ];
        form = form.section(Section::new(format!("Price in {currency}"), fields));
    }
    form
}

fn page(
    call: &Call,
    zone: &Zone,
    rate: Option<&Rate>,
    typed: &Typed,
    wrong: &Wrong,
) -> Result<Page, Problem> {
    let (settings, words) = (settings(call)?, words(call)?);
    let may_write = may(call, SettingsWrite);
    let (title, action) = match rate {
        Some(rate) => (
            rate.details.name.words(&settings.locale, &settings.locale).to_owned(),
            format!("/console/rates/{}", rate.id),
        ),
        None => ("New rate".to_owned(), format!("/console/delivery/{}/rates", zone.id)),
    };
    let mut form = form(call, &action, settings, &words);
    if let Some(rate) = rate {
        form = form.hidden("expected", wrong.stands_at.unwrap_or(rate.revision));
    }
    if may_write {
        form = form.submit(Submit::main("Save")).cancel("Back to delivery", "/console/delivery");
    }
    let mut page = Page::new(title)
        .under("Delivery", "/console/delivery")
        .under(zone.details.name.as_str(), format!("/console/delivery/{}", zone.id))
        .part(Panel::new("Rate").part(form.filled(typed, wrong)));
    if let Some(rate) = rate.filter(|_| may_write) {
        let (label, to) = if rate.archived { ("Offer it again", "live") } else { ("Archive", "archived") };
        let post =
            Post::new(label, format!("{action}/status")).with("to", to).with("expected", rate.revision);
        page = page.action(Action::Post(if rate.archived { post } else { post.danger() }));
    }
    if rate.is_some_and(|rate| rate.archived) {
        page = page.badge(Badge::new("Archived", Tone::Warn));
    }
    Ok(page)
}

fn field_of(pointer: &str, settings: &Settings) -> Option<String> {
    match pointer {
        "name" => Some(texts::first_field("name", settings)),
        "carrier" | "days_min" | "days_max" | "tax_category" | "position" => Some(pointer.to_owned()),
        "tariffs" => Some(format!("price.{}", settings.currency)),
        _ => {
            let rest = pointer.strip_prefix("tariffs/")?;
            let (currency, part) = rest.split_once('/').unwrap_or((rest, ""));
            let field = if part == "free_from" { "free_from" } else { "price" };
            Some(format!("{field}.{currency}"))
        }
    }
}

pub async fn new_rate_page(visit: Visit, Path(id): Path<ZoneId>) -> Result<Response, Problem> {
    let zone = zone(&visit.call, id)?;
    Ok(visit.show(&page(&visit.call, &zone, None, &Typed::default(), &Wrong::default())?))
}

pub async fn create_rate_form(call: Call, Path(id): Path<ZoneId>, typed: Typed) -> Result<Response, Problem> {
    let (zone, settings) = (zone(&call, id)?, settings(&call)?);
    let wrong = match read(&typed, settings, None) {
        Ok(details) => match call.submit(Command::CreateRate { zone: id, details }).await {
            Ok(_) => return Ok(see("/console/delivery", Done::Created)),
            Err(problem) => Wrong::of(problem, |pointer| field_of(pointer, settings))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, &zone, None, &typed, &wrong)?))
}

pub async fn rate_page(visit: Visit, Path(id): Path<RateId>) -> Result<Response, Problem> {
    let call = &visit.call;
    let rate = rate(call, id)?;
    let typed = write(&rate.details, settings(call)?);
    Ok(visit.show(&page(call, &zone(call, rate.zone)?, Some(&rate), &typed, &Wrong::default())?))
}

pub async fn update_rate_form(call: Call, Path(id): Path<RateId>, typed: Typed) -> Result<Response, Problem> {
    let (rate, settings) = (rate(&call, id)?, settings(&call)?);
    let expected = typed.get("expected").parse().ok();
    let wrong = match read(&typed, settings, Some(&rate.details)) {
        Ok(_) if expected.is_none() => {
            Wrong::saying("Open the page again: it does not say which version it is of.")
        }
        Ok(details) => match call.submit(Command::UpdateRate { rate: id, expected, details }).await {
            Ok(_) => return Ok(see("/console/delivery", Done::Saved)),
            Err(problem) => Wrong::of(problem, |pointer| field_of(pointer, settings))?,
        },
        Err(wrong) => wrong,
    };
    Ok(refused(&call, &page(&call, &zone(&call, rate.zone)?, Some(&rate), &typed, &wrong)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use gearify_commerce::shipping::{WeightBand, WorthBand};
    use gearify_commerce::{Country, Locale, Text, tenants};

    #[test]
    fn a_rate_survives_its_form() {
        let locale = Locale::parse("en-GB").unwrap();
        let zone = tenants::TimeZone::parse("Europe/London").unwrap();
        let mut settings = Settings::new(Currency::GBP, locale.clone(), Country::parse("GB").unwrap(), zone);
        settings.further_currencies = vec![Currency::EUR, Currency::JPY];
        let by_weight = Charge::ByWeight(vec![
            WeightBand { grams_max: Some(2_000), price: 495 },
            WeightBand { grams_max: None, price: 995 },
        ]);
        let by_worth = Charge::ByWorth(vec![
            WorthBand { worth_min: 0, price: 500 },
            WorthBand { worth_min: 5_000, price: 0 },
        ]);
        let details = RateDetails {
            name: Text::new(locale, "Next day"),
            carrier: Name::parse("Pavilion Post").unwrap(),
            tariffs: BTreeMap::from([
                (Currency::GBP, Tariff { charge: by_weight, free_from: Some(10_000) }),
                (Currency::EUR, Tariff { charge: by_worth, free_from: None }),
                (Currency::USD, Tariff::flat(700)),
            ]),
            days_min: 1,
            days_max: 2,
            tax_category: Code::parse("standard").unwrap(),
            position: 4,
        };
        assert_eq!(read(&write(&details, &settings), &settings, Some(&details)), Ok(details));
    }
}
