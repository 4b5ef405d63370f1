//! Countries, languages, currencies and time zones to choose from, by name.

use super::typed::Typed;
use super::view::form::Choice;
use super::view::{Field, FieldKind};
use crate::l10n::{Language, Locale as PageLocale};
use crate::storefront::places::countries;
use std::sync::LazyLock;

/// One of many by name. One that stands there already is offered whatever it is.
fn one_of(name: &str, label: &str, known: &[(String, String)], typed: &Typed) -> Field {
    let now = typed.get(name).trim();
    let mut choices: Vec<Choice> = Vec::new();
    if now.is_empty() {
        choices.push(Choice::new("", "Choose"));
    }
    choices.extend(known.iter().map(|(code, name)| Choice::new(code, name)));
    if !now.is_empty() && known.iter().all(|(code, _)| code != now) {
        choices.push(Choice::new(now, now));
    }
    Field::select(name, label, choices).short()
}

/// Any of a few by name, and whatever else is ticked already.
fn any_of(name: &str, label: &str, known: &[(String, String)], typed: &Typed) -> Field {
    let mut choices: Vec<Choice> = known.iter().map(|(code, name)| Choice::new(code, name)).collect();
    for now in typed.all(name) {
        if !now.is_empty() && choices.iter().all(|choice| choice.value != *now) {
            choices.push(Choice::new(now, now));
        }
    }
    Field::new(FieldKind::Ticks(choices), name, label).optional()
}

fn owned(known: impl IntoIterator<Item = (&'static str, &'static str)>) -> Vec<(String, String)> {
    known.into_iter().map(|(code, name)| (code.to_owned(), name.to_owned())).collect()
}

pub fn country_field(name: &str, label: &str, typed: &Typed) -> Field {
    one_of(name, label, &owned(countries(PageLocale::EN_GB)), typed)
}

/// Currencies of places where cricket is played, and those that shops sell in besides.
const CURRENCIES: [(&str, &str); 24] = [
    ("AED", "UAE dirham"),
    ("AUD", "Australian dollar"),
    ("BBD", "Barbadian dollar"),
    ("BDT", "Bangladeshi taka"),
    ("CAD", "Canadian dollar"),
    ("CHF", "Swiss franc"),
    ("DKK", "Danish krone"),
    ("EUR", "Euro"),
    ("GBP", "Pound sterling"),
    ("GYD", "Guyanese dollar"),
    ("HKD", "Hong Kong dollar"),
    ("INR", "Indian rupee"),
    ("JMD", "Jamaican dollar"),
    ("JPY", "Japanese yen"),
    ("KES", "Kenyan shilling"),
    ("LKR", "Sri Lankan rupee"),
    ("NPR", "Nepalese rupee"),
    ("NZD", "New Zealand dollar"),
    ("OMR", "Omani rial"),
    ("PKR", "Pakistani rupee"),
    ("SGD", "Singapore dollar"),
    ("TTD", "Trinidad and Tobago dollar"),
    ("USD", "US dollar"),
    ("ZAR", "South African rand"),
];

fn currencies() -> Vec<(String, String)> {
    let mut named: Vec<(String, String)> =
        CURRENCIES.iter().map(|(code, name)| ((*code).to_owned(), format!("{name} ({code})"))).collect();
    named.sort_by(|a, b| a.1.cmp(&b.1));
    named
}

pub fn currency_field(name: &str, label: &str, typed: &Typed) -> Field {
    one_of(name, label, &currencies(), typed)
}

pub fn currencies_field(name: &str, label: &str, typed: &Typed) -> Field {
    any_of(name, label, &currencies(), typed)
}

/// Where each language that pages can speak is spoken.
fn spoken_in(language: Language) -> &'static [&'static str] {
    match language {
        Language::English => &["GB", "AU", "BD", "CA", "IE", "IN", "LK", "NZ", "PK", "US", "ZA"],
        Language::Hindi => &["IN"],
    }
}

/// `en-GB`, "English (United Kingdom)".
fn languages() -> Vec<(String, String)> {
    let names = countries(PageLocale::EN_GB);
    let tagged = |language: Language| {
        let name = |country: &str| {
            names
                .iter()
                .find(|(code, _)| *code == country)
                .map_or(country.to_owned(), |(_, name)| (*name).to_owned())
        };
        spoken_in(language).iter().map(move |country| {
            (format!("{}-{country}", language.code()), format!("{} ({})", language.endonym(), name(country)))
        })
    };
    Language::ALL.into_iter().flat_map(tagged).collect()
}

pub fn language_field(name: &str, label: &str, typed: &Typed) -> Field {
    one_of(name, label, &languages(), typed)
}

pub fn languages_field(name: &str, label: &str, typed: &Typed) -> Field {
    any_of(name, label, &languages(), typed)
}

/// By city, because a list is searched by typing its first letters: "Kolkata, Asia". Zones without a
/// place and names of old are left out.
static ZONES: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    const REGIONS: [&str; 9] =
        ["Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];
    let named = |zone: jiff::tz::TimeZoneName| {
        let zone = zone.as_str();
        let (region, city) = zone.split_once('/')?;
        let city = city.rsplit('/').next()?.replace('_', " ");
        REGIONS.contains(&region).then(|| (zone.to_owned(), format!("{city}, {region}")))
    };
    let mut zones: Vec<(String, String)> = jiff::tz::db().available().filter_map(named).collect();
    zones.sort_by(|a, b| a.1.cmp(&b.1));
    zones.push(("UTC".to_owned(), "UTC".to_owned()));
    zones
});

pub fn zone_field(name: &str, label: &str, typed: &Typed) -> Field {
    one_of(name, label, &ZONES, typed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::known_zone;
    use gearify_commerce::{Currency, Locale};

    fn choices(field: Field) -> Vec<(String, String)> {
        match field.kind {
            FieldKind::Select(choices) | FieldKind::Ticks(choices) => {
                choices.into_iter().map(|choice| (choice.value, choice.label)).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    fn codes(field: Field) -> Vec<String> {
        choices(field).into_iter().map(|(code, _)| code).collect()
    }

    #[test]
    fn a_country_is_chosen_by_name_and_none_that_is_there_is_lost() {
        let mut typed = Typed::default();
        let codes = |typed: &Typed| codes(country_field("country", "Country", typed));
        assert_eq!(codes(&typed)[..2], ["", "AF"], "nothing is chosen for anybody");
        typed.set("country", "GB");
        assert_eq!(codes(&typed)[0], "AF");
        typed.set("country", "TV");
        assert_eq!(codes(&typed).last().unwrap(), "TV");
    }

    #[test]
    fn whatever_is_offered_can_be_taken() {
        let typed = Typed::default();
        let offered = |field| codes(field).into_iter().filter(|code| !code.is_empty());
        for zone in offered(zone_field("zone", "Zone", &typed)) {
            assert!(known_zone(&zone).is_ok(), "{zone}");
        }
        for language in offered(language_field("language", "Language", &typed)) {
            assert!(Locale::parse(&language).is_ok() && PageLocale::parse(&language).is_some(), "{language}");
        }
        for currency in offered(currency_field("currency", "Currency", &typed)) {
            assert!(Currency::parse(&currency).is_ok(), "{currency}");
            assert!(crate::l10n::CurrencyCode::parse(&currency).is_ok(), "{currency}");
        }
    }

    #[test]
    fn zones_and_languages_stand_there_by_name() {
        let typed = Typed::default();
        let zones = choices(zone_field("zone", "Zone", &typed));
        for (zone, name) in [("Asia/Kolkata", "Kolkata, Asia"), ("Europe/London", "London, Europe")] {
            assert!(zones.contains(&(zone.to_owned(), name.to_owned())), "{zone}");
        }
        let languages = choices(language_field("language", "Language", &typed));
        assert!(languages.contains(&("hi-IN".to_owned(), "हिन्दी (India)".to_owned())));
    }

    #[test]
    fn what_is_ticked_already_stays_on_offer() {
        let mut typed = Typed::default();
        typed.add("further", "EUR");
        typed.add("further", "VUV");
        let offered = codes(currencies_field("further", "Further", &typed));
        assert_eq!(offered.last().unwrap(), "VUV");
        assert_eq!(offered.iter().filter(|code| *code == "EUR").count(), 1);
    }
}
