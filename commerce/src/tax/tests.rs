//! Stories of this context.

use super::*;
use crate::check::Invalid;
use crate::code::Code;
use crate::command;
use crate::harness::Harness;
use crate::ids::ZoneId;
use crate::locale::{Country, RegionCode};
use crate::text::Name;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

/// `GB` or `IN-MH`.
fn place(text: &str) -> Place {
    let country = Country::parse(&text[..2]).unwrap();
    Place { country, region: text.get(3..).map(|_| RegionCode::parse(text).unwrap()) }
}

fn rate(word: &str, rate_ppm: u32) -> Rate {
    Rate { code: name(word), name: name(word), jurisdiction: name("XX"), rate_ppm }
}

fn always(word: &str, rate_ppm: u32) -> ZoneRate {
    ZoneRate { due: Due::Always, rate: rate(word, rate_ppm) }
}

fn refused(shop: &mut Harness, command: Command) -> Refusal {
    match shop.refused(command) {
        command::Refusal::Tax(refusal) => refusal,
        other => panic!("{other}"),
    }
}

fn zone(shop: &mut Harness, text: &str, places: &[&str]) -> ZoneId {
    let places = places.iter().map(|text| place(text)).collect();
    ZoneId::from_bits(shop.make(Command::CreateZone { name: name(text), places }))
}

fn set(shop: &mut Harness, zone: ZoneId, category: &str, rates: Vec<ZoneRate>) {
    shop.run(Command::SetRates { zone, category: code(category), expected: None, rates });
}

/// Britain with a zero rate, India with its two systems, Australia.
fn world() -> Harness {
    let mut shop = Harness::new();
    let gb = zone(&mut shop, "Britain", &["GB"]);
    set(&mut shop, gb, "standard", vec![always("VAT", 200_000)]);
    set(&mut shop, gb, "zero", vec![always("VAT", 0)]);
    let india = zone(&mut shop, "India", &["IN"]);
    let gst = |due, word, rate_ppm| ZoneRate { due, rate: rate(word, rate_ppm) };
    let rates = vec![
        gst(Due::WithinSellerRegion, "CGST", 60_000),
        gst(Due::WithinSellerRegion, "SGST", 60_000),
        gst(Due::AcrossRegions, "IGST", 120_000),
    ];
    set(&mut shop, india, "standard", rates);
    let australia = zone(&mut shop, "Australia", &["AU"]);
    set(&mut shop, australia, "standard", vec![always("GST", 100_000)]);
    shop
}

#[test]
fn the_taxes_due_depend_on_where_goods_come_from_and_go() {
    let shop = world();
    let check = |home: &str, to: &str, category: &str, due: &str| {
        let rules = Rules { home: place(home), rounding: Rounding::PerLine, elsewhere: Elsewhere::KeepGross };
        let rates = rates_due(&shop.view(), &rules, &place(to), &code(category));
        let words: Vec<_> = rates.iter().map(|rate| format!("{} {}", rate.code, rate.rate_ppm)).collect();
        assert_eq!(words.join(", "), due, "{home} to {to}, {category}");
    };
    check("GB", "GB", "standard", "VAT 200000");
    check("GB", "GB-SCT", "standard", "VAT 200000");
    check("GB", "GB", "zero", "VAT 0");
    check("GB", "GB", "reduced", "");
    check("GB", "AU", "standard", "GST 100000");
    check("GB", "FR", "standard", "");
    check("IN-MH", "IN-MH", "standard", "CGST 60000, SGST 60000");
    check("IN-MH", "IN-KA", "standard", "IGST 120000");
    check("IN-MH", "IN", "standard", "CGST 60000, SGST 60000");
    check("AU", "IN-MH", "standard", "IGST 120000");
}

#[test]
fn a_region_of_its_own_goes_before_its_country() {
    let mut shop = world();
    let isle = zone(&mut shop, "Northern Ireland", &["GB-NIR"]);
    assert_eq!(zone_of(&shop.view(), &place("GB-NIR")), Some(isle));
    assert_ne!(zone_of(&shop.view(), &place("GB-SCT")), Some(isle));
    let taken = Command::CreateZone { name: name("Again"), places: vec![place("GB-NIR")] };
    assert_eq!(refused(&mut shop, taken), Refusal::PlaceTaken { place: place("GB-NIR"), zone: isle });
    let moved = vec![place("JE")];
    shop.run(Command::UpdateZone { zone: isle, expected: Some(1), name: name("Jersey"), places: moved });
    assert_ne!(zone_of(&shop.view(), &place("GB-NIR")), Some(isle), "the place was given up");
    assert_eq!(zone_of(&shop.view(), &place("JE")), Some(isle));
}

#[test]
fn a_removed_zone_leaves_nothing() {
    let mut shop = world();
    let gb = zone_of(&shop.view(), &place("GB")).unwrap();
    assert_eq!(
        refused(&mut shop, Command::RemoveZone { zone: gb, expected: Some(9) }),
        Refusal::Stale { revision: 1 }
    );
    shop.run(Command::RemoveZone { zone: gb, expected: Some(1) });
    assert_eq!(zone_of(&shop.view(), &place("GB")), None);
    assert_eq!(zone_rates(&shop.view(), gb, &code("standard")), None);
    zone(&mut shop, "Britain again", &["GB"]);
}

#[test]
fn malformed_zones_and_rates_are_refused() {
    let mut shop = world();
    let gb = zone_of(&shop.view(), &place("GB")).unwrap();
    let inconsistent = Place { region: place("IN-MH").region, ..place("GB") };
    for (places, field) in
        [(vec![], "places"), (vec![inconsistent], "places"), (vec![place("FR"); 2], "places")]
    {
        match refused(&mut shop, Command::CreateZone { name: name("Zone"), places }) {
            Refusal::Invalid(Invalid { field: found, .. }) => assert_eq!(found, field),
            other => panic!("{other}"),
        }
    }
    let rates = |category: &str, rates| Command::SetRates {
        zone: gb,
        category: code(category),
        expected: None,
        rates,
    };
    let unknown = Refusal::UnknownCategory { code: code("luxury") };
    assert_eq!(refused(&mut shop, rates("luxury", vec![])), unknown);
    let steep = rates("standard", vec![always("VAT", RATE_PPM_MAX + 1)]);
    assert!(matches!(refused(&mut shop, steep), Refusal::Invalid(_)));
    shop.run(Command::PutCategory { expected: Some(0), code: code("luxury"), name: name("Luxury") });
    shop.run(rates("luxury", vec![always("VAT", 300_000)]));
    assert_eq!(categories(&shop.view()).len(), 4);
}

#[test]
fn taxes_on_one_amount() {
    let check = |amount: i64, included: bool, ppm: &[u32], expected: &[i64], taxable: i64| {
        let rates = ppm.iter().enumerate().map(|(n, ppm)| rate(&format!("T{n}"), *ppm)).collect();
        let levied = &levy(&[Taxable { amount, rates }], included, Rounding::PerLine).unwrap()[0];
        let amounts: Vec<i64> = levied.iter().map(|levied| levied.amount).collect();
        assert_eq!(amounts, expected, "{amount} at {ppm:?}, included: {included}");
        assert!(levied.iter().all(|levied| levied.taxable == taxable), "{levied:?}");
    };
    check(12_000, true, &[200_000], &[2_000], 10_000);
    check(10_000, false, &[200_000], &[2_000], 10_000);
    check(999, true, &[200_000], &[167], 832);
    check(10_000, false, &[60_000, 60_000], &[600, 600], 10_000);
    check(11_200, true, &[60_000, 60_000], &[600, 600], 10_000);
    check(101, true, &[90_000, 90_000], &[8, 7], 86);
    check(5, false, &[100_000], &[1], 5);
    check(10_000, true, &[0], &[0], 10_000);
    check(10_000, true, &[], &[], 0);
}

#[test]
fn rounding_once_in_an_order_differs_from_rounding_in_each_line() {
    let item = || Taxable { amount: 5, rates: vec![rate("VAT", 100_000)] };
    let sums = |rounding| {
        let levied = levy(&[item(), item(), item()], false, rounding).unwrap();
        levied.into_iter().map(|item| item[0].amount).collect::<Vec<_>>()
    };
    assert_eq!(sums(Rounding::PerLine), [1, 1, 1]);
    assert_eq!(sums(Rounding::PerOrder), [1, 1, 0], "1.5 is rounded to 2 and given to the first");
}

#[test]
fn a_price_keeps_its_net_elsewhere() {
    let (home, there) = ([rate("VAT", 200_000)], [rate("GST", 100_000)]);
    assert_eq!(net_of(12_000, &home), Ok(10_000));
    assert_eq!(gross_of(net_of(12_000, &home).unwrap(), &there), Ok(11_000));
    assert_eq!(gross_of(i64::MAX, &there), Err(crate::money::MoneyError::Overflow));
}

prop_compose! {
    fn any_item()(amount in 0..1_000_000i64, which in 0..4usize) -> Taxable {
        let rates = [
            vec![],
            vec![rate("VAT", 200_000)],
            vec![rate("CGST", 90_000), rate("SGST", 90_000)],
            vec![rate("VAT", 0)],
        ];
        Taxable { amount, rates: rates[which].clone() }
    }
}

proptest! {
    #[test]
    fn net_and_taxes_make_the_gross(items in proptest::collection::vec(any_item(), 1..12), per_order: bool) {
        let rounding = if per_order { Rounding::PerOrder } else { Rounding::PerLine };
        for (item, levied) in items.iter().zip(levy(&items, true, rounding).unwrap()) {
            let tax: i64 = levied.iter().map(|levied| levied.amount).sum();
            for one in &levied {
                prop_assert_eq!(one.taxable + tax, item.amount);
                prop_assert!(one.amount >= 0);
            }
            prop_assert_eq!(levied.len(), item.rates.len());
        }
    }

    #[test]
    fn an_orders_taxes_are_those_of_its_sum(items in proptest::collection::vec(any_item(), 1..12), included: bool) {
        let levied = levy(&items, included, Rounding::PerOrder).unwrap();
        for item in &items {
            let same = |other: &&Taxable| other.rates == item.rates;
            let whole = Taxable { amount: items.iter().filter(same).map(|i| i.amount).sum(), ..item.clone() };
            let at_once = &levy(&[whole], included, Rounding::PerLine).unwrap()[0];
            for (n, one) in at_once.iter().enumerate() {
                let of_group = items.iter().zip(&levied).filter(|(other, _)| other.rates == item.rates);
                prop_assert_eq!(of_group.map(|(_, levied)| levied[n].amount).sum::<i64>(), one.amount);
            }
        }
    }

    #[test]
    fn rounding_in_lines_is_off_by_at_most_half_a_unit(amount in 0..100_000_000i64, rate_ppm in 0..1_000_000u32) {
        let item = Taxable { amount, rates: vec![rate("T", rate_ppm)] };
        let tax = levy(&[item], false, Rounding::PerLine).unwrap()[0][0].amount;
        let exact = i128::from(amount) * i128::from(rate_ppm);
        prop_assert!((i128::from(tax) * 1_000_000 - exact).abs() <= 500_000);
    }
}
