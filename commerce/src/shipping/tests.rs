//! Stories of this context.

use super::*;
use crate::cart::Destination;
use crate::code::Code;
use crate::command;
use crate::harness::Harness;
use crate::ids::{RateId, ZoneId};
use crate::locale::{Country, Locale, RegionCode};
use crate::money::Currency;
use crate::text::{Name, Text};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn area(country: &str, region: Option<&str>, prefixes: &[&str]) -> Area {
    Area {
        country: Country::parse(country).unwrap(),
        region: region.map(|code| RegionCode::parse(code).unwrap()),
        postal_prefixes: prefixes.iter().map(|prefix| prefix.to_string()).collect(),
    }
}

fn to(country: &str, region: Option<&str>, postal_prefix: Option<&str>) -> Destination {
    Destination {
        country: Country::parse(country).unwrap(),
        region: region.map(|code| RegionCode::parse(code).unwrap()),
        postal_prefix: postal_prefix.map(str::to_owned),
    }
}

fn zone(shop: &mut Harness, name: &str, areas: Vec<Area>) -> ZoneId {
    let details = ZoneDetails { name: Name::parse(name).unwrap(), areas };
    ZoneId::from_bits(shop.make(Command::CreateZone { details }))
}

fn details(name: &str, tariff: Tariff) -> RateDetails {
    RateDetails {
        name: Text::new(Locale::parse("en").unwrap(), name),
        carrier: Name::parse("Post").unwrap(),
        tariffs: BTreeMap::from([(Currency::GBP, tariff)]),
        days_min: 2,
        days_max: 4,
        tax_category: Code::parse("standard").unwrap(),
        position: 0,
    }
}

fn rate(shop: &mut Harness, zone: ZoneId, name: &str, tariff: Tariff) -> RateId {
    RateId::from_bits(shop.make(Command::CreateRate { zone, details: details(name, tariff) }))
}

fn refused(shop: &mut Harness, command: Command) -> Refusal {
    match shop.refused(command) {
        command::Refusal::Shipping(refusal) => refusal,
        other => panic!("{other}"),
    }
}

/// Names and prices, as a shopper would read them.
fn offer(shop: &Harness, to: &Destination, weight_grams: u64, worth: i64) -> String {
    let en = Locale::parse("en").unwrap();
    match options(&shop.view(), to, weight_grams, worth, Currency::GBP) {
        Err(NotDeliverable) => "not delivered".to_owned(),
        Ok(options) => {
            let line = |option: &RateOption| format!("{} {}", option.name.words(&en, &en), option.price);
            options.iter().map(line).collect::<Vec<_>>().join(", ")
        }
    }
}

fn by_weight() -> Tariff {
    let bands = vec![
        WeightBand { grams_max: Some(1_000), price: 300 },
        WeightBand { grams_max: Some(5_000), price: 600 },
    ];
    Tariff { charge: Charge::ByWeight(bands), free_from: Some(10_000) }
}

#[test]
fn the_narrowest_zone_serves_a_destination_alone() {
    let mut shop = Harness::new();
    let britain = zone(&mut shop, "Britain", vec![area("GB", None, &[])]);
    let scotland = zone(&mut shop, "Scotland", vec![area("GB", Some("GB-SCT"), &[])]);
    let highlands = zone(&mut shop, "Highlands", vec![area("GB", None, &["IV", "KW1"])]);
    rate(&mut shop, britain, "Standard", Tariff::flat(400));
    rate(&mut shop, scotland, "Scottish", Tariff::flat(500));
    rate(&mut shop, highlands, "Highland", Tariff::flat(900));
    let check = |to: Destination, offered: &str| assert_eq!(offer(&shop, &to, 100, 100), offered, "{to:?}");
    check(to("GB", None, None), "Standard 400");
    check(to("GB", None, Some("SW1A")), "Standard 400");
    check(to("GB", Some("GB-SCT"), Some("EH1")), "Scottish 500");
    check(to("GB", Some("GB-SCT"), Some("IV2")), "Highland 900");
    check(to("GB", None, Some("KW10")), "Highland 900");
    check(to("GB", None, Some("KW")), "Standard 400");
    check(to("FR", None, None), "not delivered");
}

#[test]
fn a_district_without_rates_is_left_out() {
    let mut shop = Harness::new();
    let britain = zone(&mut shop, "Britain", vec![area("GB", None, &[])]);
    let scilly = zone(&mut shop, "Scilly", vec![area("GB", None, &["TR21"])]);
    rate(&mut shop, britain, "Standard", Tariff::flat(400));
    assert_eq!(offer(&shop, &to("GB", None, Some("TR21")), 1, 1), "not delivered");
    let boat = rate(&mut shop, scilly, "Boat", Tariff::flat(2_000));
    assert_eq!(offer(&shop, &to("GB", None, Some("TR21")), 1, 1), "Boat 2000");
    shop.run(Command::ArchiveRate { rate: boat, expected: Some(1), archived: true });
    assert_eq!(offer(&shop, &to("GB", None, Some("TR21")), 1, 1), "not delivered");
    assert!(super::rate(&shop.view(), boat).is_some(), "orders go on naming it");
}

#[test]
fn prices_follow_weight_worth_and_generosity() {
    let by_worth = Charge::ByWorth(vec![
        WorthBand { worth_min: 1_000, price: 500 },
        WorthBand { worth_min: 5_000, price: 250 },
    ]);
    let by_worth = Tariff { charge: by_worth, free_from: None };
    let check = |tariff: &Tariff, grams, worth, price| {
        assert_eq!(tariff.price(grams, worth), price, "{grams} g worth {worth}");
    };
    let by_weight = by_weight();
    check(&by_weight, 0, 100, Some(300));
    check(&by_weight, 1_000, 100, Some(300));
    check(&by_weight, 1_001, 100, Some(600));
    check(&by_weight, 5_001, 100, None);
    check(&by_weight, 1_000, 10_000, Some(0));
    check(&by_weight, 5_001, 10_000, None);
    check(&by_worth, 1, 999, None);
    check(&by_worth, 1, 4_999, Some(500));
    check(&by_worth, 1, 5_000, Some(250));
    check(&Tariff::flat(0), u64::MAX, i64::MAX, Some(0));
}

#[test]
fn a_rate_is_offered_only_in_its_currencies() {
    let mut shop = Harness::new();
    let britain = zone(&mut shop, "Britain", vec![area("GB", None, &[])]);
    rate(&mut shop, britain, "Standard", Tariff::flat(400));
    let view = shop.view();
    assert_eq!(options(&view, &to("GB", None, None), 1, 1, Currency::EUR), Ok(Vec::new()));
}

#[test]
fn the_countries_served_have_a_rate() {
    let mut shop = Harness::new();
    let near = zone(&mut shop, "Near", vec![area("GB", None, &[]), area("IE", None, &[])]);
    zone(&mut shop, "Nowhere yet", vec![area("NZ", None, &[])]);
    rate(&mut shop, near, "Standard", Tariff::flat(400));
    let served: Vec<String> = countries_served(&shop.view()).iter().map(ToString::to_string).collect();
    assert_eq!(served, ["GB", "IE"]);
    shop.run(Command::RemoveZone { zone: near, expected: None });
    assert!(countries_served(&shop.view()).is_empty());
    assert_eq!(zones(&shop.view()).len(), 1);
}

#[test]
fn malformed_zones_and_rates_are_refused() {
    let mut shop = Harness::new();
    let britain = zone(&mut shop, "Britain", vec![area("GB", None, &[])]);
    let mut check = |tariff: Tariff, field: &str| match refused(
        &mut shop,
        Command::CreateRate { zone: britain, details: details("Rate", tariff) },
    ) {
        Refusal::Invalid(invalid) => assert_eq!(invalid.field, field),
        other => panic!("{other}"),
    };
    let heavy = |grams_max| WeightBand { grams_max, price: 1 };
    let bands = |bands| Tariff { charge: Charge::ByWeight(bands), free_from: None };
    check(Tariff::flat(-1), "tariffs/GBP/price");
    check(bands(vec![]), "tariffs/GBP/bands");
    check(bands(vec![heavy(Some(2)), heavy(Some(2))]), "tariffs/GBP/bands");
    check(bands(vec![heavy(None), heavy(Some(2))]), "tariffs/GBP/bands");
    let mut backwards = details("Rate", Tariff::flat(1));
    backwards.days_min = 9;
    assert!(matches!(
        refused(&mut shop, Command::CreateRate { zone: britain, details: backwards }),
        Refusal::Invalid(invalid) if invalid.field == "days_max"
    ));
    let mut untaxed = details("Rate", Tariff::flat(1));
    untaxed.tax_category = Code::parse("luxury").unwrap();
    let unknown = Refusal::UnknownTaxCategory { code: untaxed.tax_category.clone() };
    assert_eq!(refused(&mut shop, Command::CreateRate { zone: britain, details: untaxed }), unknown);
    for bad in [area("GB", Some("IN-MH"), &[]), area("GB", None, &["sw1"]), area("GB", None, &["A", "A"])] {
        let details = ZoneDetails { name: Name::parse("Zone").unwrap(), areas: vec![bad] };
        assert!(matches!(refused(&mut shop, Command::CreateZone { details }), Refusal::Invalid(_)));
    }
}

proptest! {
    #[test]
    fn heavier_goods_are_never_cheaper(a in 0..6_000u64, b in 0..6_000u64, worth in 0..20_000i64) {
        let tariff = by_weight();
        let (light, heavy) = (a.min(b), a.max(b));
        if let Some(price) = tariff.price(heavy, worth) {
            prop_assert!(tariff.price(light, worth).is_some_and(|lighter| lighter <= price));
        }
    }
}
