//! Stories of this context.

use super::*;
use crate::catalog::{self, testing::Range};
use crate::code::Code;
use crate::command;
use crate::harness::Harness;
use crate::ids::{TenantId, VariantId};
use crate::locale::Country;
use crate::money::Currency;
use crate::text::Name;
use crate::time::{DAY_MS, Timestamp};
use proptest::prelude::*;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

fn country(text: &str) -> Country {
    Country::parse(text).unwrap()
}

fn list_of(text: &str, currency: Currency) -> PriceListDetails {
    PriceListDetails {
        code: code(text),
        name: Name::parse(text).unwrap(),
        currency,
        countries: Vec::new(),
        customer_group: None,
        tax_included: true,
    }
}

fn put(details: PriceListDetails) -> Command {
    Command::PutPriceList { expected: None, details }
}

fn row(variant: VariantId, list: &str, min_quantity: u32, amount: i64) -> Price {
    Price { variant, list: code(list), min_quantity, amount, compare_at: None, starts: None, ends: None }
}

fn refused(shop: &mut Harness, command: Command) -> Refusal {
    match shop.refused(command) {
        command::Refusal::Pricing(refusal) => refusal,
        other => panic!("{other}"),
    }
}

/// A shop with a pound list and one variant.
fn shop() -> (Harness, VariantId) {
    let mut shop = Harness::new();
    let variant = Range::new(&mut shop).variant(&mut shop, "BAT-1");
    shop.run(put(list_of("gbp", Currency::GBP)));
    (shop, variant)
}

fn amount(shop: &Harness, variant: VariantId, to: &str, quantity: u32) -> Option<i64> {
    effective(&shop.view(), variant, Currency::GBP, &country(to), quantity).map(|price| price.amount)
}

#[test]
fn the_most_specific_price_wins() {
    let (mut shop, bat) = shop();
    shop.run(put(PriceListDetails { countries: vec![country("IE")], ..list_of("gbp_ie", Currency::GBP) }));
    let club = Some(code("club"));
    shop.run(put(PriceListDetails { customer_group: club, ..list_of("gbp_club", Currency::GBP) }));
    let at = shop.at;
    let sale =
        Price { starts: Some(at.plus_millis(10)), ends: Some(at.plus_millis(20)), ..row(bat, "gbp", 1, 80) };
    let prices = vec![
        row(bat, "gbp", 1, 100),
        row(bat, "gbp", 10, 90),
        row(bat, "gbp_ie", 1, 110),
        row(bat, "gbp_club", 5, 70),
        sale,
    ];
    shop.run(Command::SetPrices { prices });
    let check = |shop: &Harness, to: &str, group: Option<&str>, quantity, expected| {
        let (to, group) = (country(to), group.map(code));
        let shopper = Shopper { currency: Currency::GBP, country: &to, group: group.as_ref() };
        let price = effective_for(&shop.view(), bat, quantity, &shopper).map(|price| price.amount);
        assert_eq!(price, expected, "{quantity} to {to} for {group:?}");
    };
    check(&shop, "GB", None, 1, Some(100));
    check(&shop, "GB", None, 10, Some(90));
    check(&shop, "IE", None, 10, Some(110));
    check(&shop, "GB", Some("club"), 5, Some(70));
    check(&shop, "GB", Some("club"), 4, Some(100));
    check(&shop, "IE", Some("club"), 4, Some(110));
    check(&shop, "GB", Some("other"), 5, Some(100));
    time_goes_on(&mut shop, 10);
    check(&shop, "GB", None, 1, Some(80));
    check(&shop, "GB", None, 10, Some(90));
    time_goes_on(&mut shop, 10);
    check(&shop, "GB", None, 1, Some(100));
}

/// Time passes and the leader runs what became due meanwhile.
fn time_goes_on(shop: &mut Harness, millis: i64) {
    shop.pass(millis);
    let home = shop.tenant;
    shop.switch(TenantId::PLATFORM).run(catalog::Command::RunDue { limit: 100 });
    shop.switch(home);
}

#[test]
fn a_price_turns_at_the_entry_that_finds_it_due_and_never_by_a_clock() {
    let (mut shop, bat) = shop();
    let at = shop.at;
    let sale =
        Price { starts: Some(at.plus_millis(10)), ends: Some(at.plus_millis(20)), ..row(bat, "gbp", 1, 80) };
    shop.run(Command::SetPrices { prices: vec![row(bat, "gbp", 1, 100), sale.clone()] });
    let plan = |shop: &Harness| crate::scope::first_due(&shop.engine);
    assert_eq!(plan(&shop), sale.starts);
    shop.run(Command::TurnDue { variant: bat });
    assert_eq!(plan(&shop), sale.starts, "too early");

    shop.pass(15);
    assert_eq!(amount(&shop, bat, "GB", 1), Some(100), "nobody has looked yet");
    time_goes_on(&mut shop, 0);
    assert_eq!((amount(&shop, bat, "GB", 1), plan(&shop)), (Some(80), sale.ends));
    let moved = Price { ends: Some(at.plus_millis(40)), ..sale.clone() };
    shop.run(Command::SetPrices { prices: vec![moved.clone()] });
    assert_eq!(plan(&shop), moved.ends, "the plan follows the row, and there is one");
    time_goes_on(&mut shop, 30);
    assert_eq!((amount(&shop, bat, "GB", 1), plan(&shop)), (Some(100), None));
    assert_eq!(revision_of(&shop.view(), bat), 2, "a turn does not get in the way of who edits the prices");
    let told = shop.story().into_iter().filter(|name| *name == "price.updated").count();
    assert_eq!(told, 4, "two changes, a beginning, an end");

    shop.run(Command::SetPrices {
        prices: vec![Price { starts: Some(at.plus_millis(90)), ends: None, ..sale.clone() }],
    });
    shop.run(Command::ReplacePrices { variant: bat, expected: None, prices: vec![row(bat, "gbp", 1, 95)] });
    assert_eq!(plan(&shop), None, "no limited price is left");
}

#[test]
fn prices_are_never_converted() {
    let (mut shop, bat) = shop();
    shop.run(Command::SetPrices { prices: vec![row(bat, "gbp", 1, 100)] });
    let euros = effective(&shop.view(), bat, Currency::EUR, &country("GB"), 1);
    assert_eq!(euros, None);
    assert_eq!(amount(&shop, bat, "GB", 0), None, "no pieces, no price");
}

#[test]
fn a_list_of_another_tax_mode_never_mixes_in() {
    let (mut shop, bat) = shop();
    let net = PriceListDetails {
        countries: vec![country("US")],
        tax_included: false,
        ..list_of("us", Currency::GBP)
    };
    shop.run(put(net));
    shop.run(Command::SetPrices { prices: vec![row(bat, "gbp", 1, 120)] });
    assert_eq!(amount(&shop, bat, "GB", 1), Some(120));
    assert_eq!(amount(&shop, bat, "US", 1), None);
    shop.run(Command::SetPrices { prices: vec![row(bat, "us", 1, 100)] });
    assert_eq!(amount(&shop, bat, "US", 1), Some(100));
}

#[test]
fn a_currency_has_one_default_list() {
    let (mut shop, _) = shop();
    let taken = Refusal::DefaultTaken { currency: Currency::GBP, code: code("gbp") };
    assert_eq!(refused(&mut shop, put(list_of("other", Currency::GBP))), taken);
    shop.run(put(list_of("eur", Currency::EUR)));
    let net = PriceListDetails { tax_included: false, ..list_of("gbp", Currency::GBP) };
    assert_eq!(refused(&mut shop, put(net)), Refusal::ListFixed);
    let stale = Command::PutPriceList { expected: Some(0), details: list_of("gbp", Currency::GBP) };
    assert_eq!(refused(&mut shop, stale), Refusal::Stale { revision: 1 });
    assert_eq!(shop.run(put(list_of("gbp", Currency::GBP))).revision, 2);
}

#[test]
fn all_rows_of_a_command_are_written_or_none() {
    let (mut shop, bat) = shop();
    let stranger = VariantId::from_bits(5);
    let prices = vec![row(bat, "gbp", 1, 100), row(stranger, "gbp", 1, 100)];
    assert_eq!(
        refused(&mut shop, Command::SetPrices { prices }),
        Refusal::UnknownVariant { variant: stranger }
    );
    assert_eq!(amount(&shop, bat, "GB", 1), None);
    let check = |shop: &mut Harness, price: Price, field: &str| match refused(
        shop,
        Command::SetPrices { prices: vec![price] },
    ) {
        Refusal::Invalid(invalid) => assert_eq!(invalid.field, format!("prices/0/{field}")),
        other => panic!("{other}"),
    };
    check(&mut shop, row(bat, "gbp", 1, -1), "amount");
    check(&mut shop, row(bat, "gbp", 1, AMOUNT_MAX + 1), "amount");
    check(&mut shop, row(bat, "gbp", 0, 1), "min_quantity");
    let moment = Some(Timestamp::from_millis(7));
    check(&mut shop, Price { starts: moment, ends: moment, ..row(bat, "gbp", 1, 1) }, "ends");
    let unknown = Refusal::UnknownList { code: code("jpy") };
    assert_eq!(refused(&mut shop, Command::SetPrices { prices: vec![row(bat, "jpy", 1, 1)] }), unknown);
    let twice = vec![row(bat, "gbp", 1, 1), row(bat, "gbp", 1, 2)];
    assert!(matches!(refused(&mut shop, Command::SetPrices { prices: twice }), Refusal::Invalid(_)));
}

#[test]
fn replacing_takes_away_what_is_not_named() {
    let (mut shop, bat) = shop();
    let prices = vec![row(bat, "gbp", 1, 100), row(bat, "gbp", 10, 90)];
    assert_eq!(shop.run(Command::SetPrices { prices: prices.clone() }).revision, 1);
    assert_eq!(shop.run(Command::SetPrices { prices }).revision, 1, "importing twice changes nothing");
    let replace = |expected, prices| Command::ReplacePrices { variant: bat, expected, prices };
    assert_eq!(refused(&mut shop, replace(Some(0), vec![])), Refusal::Stale { revision: 1 });
    assert_eq!(shop.run(replace(Some(1), vec![row(bat, "gbp", 1, 95)])).revision, 2);
    assert_eq!(amount(&shop, bat, "GB", 10), Some(95));
    let key = row(bat, "gbp", 1, 0).key();
    shop.run(Command::RemovePrice { key: key.clone() });
    assert_eq!(amount(&shop, bat, "GB", 1), None);
    assert_eq!(refused(&mut shop, Command::RemovePrice { key }), Refusal::UnknownPrice);
    let changes = shop.story().into_iter().filter(|name| *name == "price.updated").count();
    assert_eq!(changes, 3);
}

#[test]
fn a_reduction_tells_the_lowest_price_of_the_thirty_days_before() {
    let (mut shop, bat) = shop();
    let set = |shop: &mut Harness, amount| {
        shop.run(Command::SetPrices { prices: vec![row(bat, "gbp", 1, amount)] })
    };
    let lowest = |shop: &Harness| lowest_before(&shop.view(), bat, &code("gbp"));
    set(&mut shop, 100);
    assert_eq!(lowest(&shop), None, "there was no price before");
    shop.pass(60 * DAY_MS);
    set(&mut shop, 120);
    assert_eq!(lowest(&shop), Some(100));
    shop.pass(10 * DAY_MS);
    set(&mut shop, 90);
    assert_eq!(lowest(&shop), Some(100), "it still held within the thirty days");
    shop.pass(50 * DAY_MS);
    assert_eq!(lowest(&shop), Some(100), "time alone changes nothing");
    set(&mut shop, 110);
    shop.pass(31 * DAY_MS);
    set(&mut shop, 105);
    assert_eq!(lowest(&shop), Some(110));
    let at = shop.at;
    let sale = Price {
        starts: Some(at.plus_millis(DAY_MS)),
        ends: Some(at.plus_millis(2 * DAY_MS)),
        ..row(bat, "gbp", 1, 50)
    };
    shop.run(Command::SetPrices { prices: vec![sale] });
    time_goes_on(&mut shop, DAY_MS);
    assert_eq!((amount(&shop, bat, "GB", 1), lowest(&shop)), (Some(50), Some(105)));
    time_goes_on(&mut shop, DAY_MS);
    assert_eq!((amount(&shop, bat, "GB", 1), lowest(&shop)), (Some(105), Some(50)));
}

#[test]
fn the_past_is_bounded() {
    let (mut shop, bat) = shop();
    for amount in 0..(HISTORY_MAX as i64 + 50) {
        shop.pass(1);
        shop.run(Command::SetPrices { prices: vec![row(bat, "gbp", 1, amount)] });
    }
    let history = HISTORY.get(&shop.view(), &(bat, code("gbp"))).unwrap();
    assert_eq!(history.rows.len(), HISTORY_MAX);
    assert_eq!(history.rows.iter().filter(|past| past.until.is_none()).count(), 1, "the standing row stays");
}

proptest! {
    /// Against the rule said plainly: among rows that hold, most pieces, then limited, then latest.
    #[test]
    fn no_other_row_is_more_specific_than_the_one_that_wins(
        rows in proptest::collection::btree_map((1..4u32, proptest::option::of(0..20i64)), (0..1_000i64, proptest::option::of(1..20i64)), 1..8),
        quantity in 1..5u32,
        after in 0..30i64,
    ) {
        let (mut shop, bat) = shop();
        let start = shop.at;
        let mut prices = Vec::new();
        for ((min_quantity, starts), (amount, length)) in &rows {
            prices.push(Price {
                starts: starts.map(|millis| start.plus_millis(millis)),
                ends: length.map(|length| start.plus_millis(starts.unwrap_or(0) + length)),
                ..row(bat, "gbp", *min_quantity, *amount)
            });
        }
        shop.run(Command::SetPrices { prices: prices.clone() });
        time_goes_on(&mut shop, after);
        let at = start.plus_millis(after);
        let holding: Vec<&Price> = prices.iter().filter(|row| row.holds_at(at) && row.min_quantity <= quantity).collect();
        let found = effective(&shop.view(), bat, Currency::GBP, &country("GB"), quantity);
        match found {
            None => prop_assert!(holding.is_empty()),
            Some(found) => {
                let most = holding.iter().map(|row| row.min_quantity).max().unwrap();
                prop_assert_eq!(found.min_quantity, most);
                let same: Vec<_> = holding.iter().filter(|row| row.min_quantity == most).collect();
                let limited: Vec<_> = same.iter().filter(|row| row.starts.is_some() || row.ends.is_some()).collect();
                let pool = if limited.is_empty() { same.iter().map(|row| **row).collect::<Vec<_>>() } else { limited.iter().map(|row| ***row).collect() };
                let latest = pool.iter().map(|row| row.starts).max().unwrap();
                prop_assert!(pool.iter().any(|row| row.starts == latest && row.amount == found.amount));
            }
        }
    }
}
