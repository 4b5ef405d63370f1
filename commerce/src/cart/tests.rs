//! Stories of this context.

use super::{
    CARTS, Command, ContactRef, GUEST_CONSENTS, IDLES, LINE_QUANTITY_MAX, LINES_MAX, NewLine, Refusal,
    StockNeed, postal_prefix,
};
use crate::customers::{self, MARKETING, person_of};
use crate::harness::{Harness, sealed};
use crate::ids::{AddOnId, CartId, CustomerId, LineId, ProductId, StockItemId, TenantId, VariantId};
use crate::intent::Market;
use crate::locale::{Country, Locale};
use crate::money::Currency;
use crate::processes::schedule;
use crate::scope::Site;
use crate::sealed::PersonRef;
use crate::time::{DAY_MS, HOUR_MS, MINUTE_MS};
use crate::version;

const CART: CartId = CartId::from_bits(1);

fn add_to(cart: CartId, variant: u128, quantity: u32, add_ons: &[u128]) -> Command {
    let market = Market {
        country: Country::parse("GB").unwrap(),
        currency: Currency::GBP,
        locale: Locale::parse("en-GB").unwrap(),
    };
    let line = NewLine {
        product: ProductId::from_bits(variant),
        variant: VariantId::from_bits(variant),
        sku: format!("SKU-{variant}"),
        quantity,
        add_ons: add_ons.iter().map(|id| AddOnId::from_bits(*id)).collect(),
        stock: vec![StockNeed { item: StockItemId::from_bits(variant), per_unit: 1, beyond_stock: false }],
    };
    Command::AddLine { cart, market, customer: None, line, lifetime_ms: DAY_MS }
}

fn add(variant: u128, quantity: u32) -> Command {
    add_to(CART, variant, quantity, &[])
}

fn lines(shop: &Harness, cart: CartId) -> Vec<(u128, u32, usize)> {
    let cart = CARTS.get(&shop.view(), &cart).unwrap();
    cart.lines.iter().map(|line| (line.variant.bits(), line.quantity, line.add_ons.len())).collect()
}

#[test]
fn equal_choices_are_one_line() {
    let mut shop = Harness::site();
    for command in [add(1, 2), add(2, 1), add(1, 3), add_to(CART, 1, 1, &[7]), add_to(CART, 1, 1, &[7])] {
        shop.run(command);
    }
    assert_eq!(lines(&shop, CART), [(1, 5, 0), (2, 1, 0), (1, 2, 1)]);
    assert_eq!(CARTS.get(&shop.view(), &CART).unwrap().revision, 5);
}

#[test]
fn quantities_have_bounds_and_zero_removes() {
    let mut shop = Harness::site();
    let refused: crate::Refusal = Refusal::Quantity { max: LINE_QUANTITY_MAX }.into();
    assert_eq!(shop.refused(add(1, 0)), refused);
    assert_eq!(shop.refused(add(1, LINE_QUANTITY_MAX + 1)), refused);
    shop.run(add(1, LINE_QUANTITY_MAX));
    assert_eq!(shop.refused(add(1, 1)), refused);
    let line = CARTS.get(&shop.view(), &CART).unwrap().lines[0].id;
    let set = |line, quantity| Command::SetQuantity { cart: CART, line, quantity, lifetime_ms: DAY_MS };
    assert_eq!(
        shop.refused(set(LineId::from_bits(9), 1)),
        Refusal::UnknownLine { line: LineId::from_bits(9) }.into()
    );
    shop.run(set(line, 0));
    assert_eq!(lines(&shop, CART), []);
}

#[test]
fn a_cart_has_an_end_to_its_lines() {
    let mut shop = Harness::site();
    for variant in 0..LINES_MAX as u128 {
        shop.run(add(variant + 1, 1));
    }
    assert_eq!(shop.refused(add(999, 1)), Refusal::TooManyLines { max: LINES_MAX as u32 }.into());
    shop.run(add(1, 1));
}

#[test]
fn a_cart_that_is_over_is_over() {
    let mut shop = Harness::site();
    shop.run(add(1, 1));
    shop.pass(DAY_MS - HOUR_MS);
    shop.run(add(1, 1));
    shop.pass(DAY_MS - 1);
    shop.run(Command::Expire { cart: CART });
    assert!(CARTS.contains(&shop.view(), &CART), "it was used again: its end moved");
    shop.pass(1);
    assert_eq!(shop.refused(add(1, 1)), Refusal::CartExpired.into());
    shop.run(Command::Expire { cart: CART });
    assert!(!CARTS.contains(&shop.view(), &CART));
    assert!(shop.story().contains(&"cart.expired"));
}

#[test]
fn a_guests_cart_joins_the_customers() {
    let mut shop = Harness::site();
    let (customer, own) = (CustomerId::from_bits(5), CartId::from_bits(2));
    let merge = |from| Command::Merge { from, into: own, customer, lifetime_ms: DAY_MS };
    shop.run(add(1, 1));
    shop.run(merge(CART));
    assert_eq!(lines(&shop, own), [(1, 1, 0)]);
    let second = CartId::from_bits(3);
    shop.run(add_to(second, 1, 2, &[]));
    shop.run(add_to(second, 4, 1, &[]));
    shop.run(merge(second));
    assert_eq!(lines(&shop, own), [(1, 3, 0), (4, 1, 0)]);
    assert_eq!(
        shop.refused(merge(second)),
        Refusal::UnknownCart { cart: second }.into(),
        "it was merged before"
    );
    assert_eq!(
        shop.refused(merge(own)),
        Refusal::UnknownCart { cart: own }.into(),
        "nothing merges into itself"
    );
}

const CUSTOMER: CustomerId = CustomerId::from_bits(5);
const TOLD: &str = "cart.abandoned";

/// Whom to tell, by the older command or by the one that brings the shop's idle time.
fn contact(idle_ms: Option<i64>) -> Command {
    let person = PersonRef { person: person_of(CUSTOMER), new_key: None };
    let (cart, contact) = (CART, ContactRef { sealed: sealed(), email_hash: [1; 16] });
    match idle_ms {
        Some(idle_ms) => Command::TakeContact { cart, person, contact, idle_ms },
        None => Command::SetContact { cart, person, contact },
    }
}

fn consent(granted: bool) -> customers::Command {
    customers::Command::SetConsent {
        customer: CUSTOMER,
        purpose: MARKETING.into(),
        granted,
        source: "account".into(),
        wording_version: "1".into(),
    }
}

/// A customer with a ball in their cart.
fn customers_cart(shop: &mut Harness) {
    shop.run(customers::Command::Register {
        customer: CUSTOMER,
        person: PersonRef { person: person_of(CUSTOMER), new_key: None },
        profile: sealed(),
        email_hash: [1; 16],
        password_hash: String::new(),
        locale: Locale::parse("en-GB").unwrap(),
    });
    let Command::AddLine { cart, market, line, lifetime_ms, .. } = add(1, 1) else { unreachable!() };
    shop.run(Command::AddLine { cart, market, customer: Some(CUSTOMER), line, lifetime_ms });
}

/// Lets time pass and what is due happen; how often the cart was called abandoned so far.
fn abandoned_after(shop: &mut Harness, minutes: i64) -> usize {
    shop.pass(minutes * MINUTE_MS);
    let own = shop.tenant;
    shop.switch(TenantId::PLATFORM).site = Site::NONE;
    shop.run(schedule::Command::RunDue { limit: 10 });
    shop.switch(own).site = Site::FIRST;
    shop.story().iter().filter(|name| **name == TOLD).count()
}

#[test]
fn a_cart_is_abandoned_after_the_shops_own_time_without_a_change() {
    let mut shop = Harness::site();
    customers_cart(&mut shop);
    shop.run(consent(true));
    shop.run(contact(Some(20 * MINUTE_MS)));
    assert_eq!(abandoned_after(&mut shop, 15), 0);
    shop.run(add(2, 1));
    assert_eq!(abandoned_after(&mut shop, 10), 0, "it was changed meanwhile");
    assert_eq!(abandoned_after(&mut shop, 10), 1);
    // Once is enough, whatever is said afterwards.
    shop.run(contact(Some(MINUTE_MS)));
    assert_eq!(abandoned_after(&mut shop, 60), 1);
    shop.run(contact(None));
    assert_eq!(abandoned_after(&mut shop, 60), 1);
}

#[test]
fn nobody_is_called_who_did_not_agree_to_it() {
    let mut shop = Harness::site();
    customers_cart(&mut shop);
    shop.run(contact(Some(MINUTE_MS)));
    assert_eq!(abandoned_after(&mut shop, 5), 0, "no consent was given");
    shop.run(consent(true));
    shop.run(contact(Some(MINUTE_MS)));
    shop.run(consent(false));
    assert_eq!(abandoned_after(&mut shop, 5), 0, "it was taken back");
    shop.run(consent(true));
    shop.run(contact(Some(MINUTE_MS)));
    assert_eq!(abandoned_after(&mut shop, 5), 1);

    let mut shop = Harness::site();
    shop.run(add(1, 1));
    shop.run(contact(Some(MINUTE_MS)));
    assert_eq!(abandoned_after(&mut shop, 5), 0, "a guest said nothing");
    shop.pass(DAY_MS);
    shop.run(Command::Expire { cart: CART });
    assert!(!IDLES.contains(&shop.view(), &CART), "it goes with its cart");
}

/// What a guest says at the checkout.
fn guests_consent(granted: bool) -> Command {
    Command::SetConsent {
        cart: CART,
        purpose: MARKETING.into(),
        granted,
        source: "checkout".into(),
        wording_version: "1".into(),
    }
}

#[test]
fn a_guest_who_agreed_is_told_of_once() {
    let mut shop = Harness::site();
    shop.run(add(1, 1));
    shop.run(guests_consent(true));
    assert_eq!(abandoned_after(&mut shop, 120), 0, "nobody knows where to write");
    shop.run(contact(Some(HOUR_MS)));
    assert_eq!(abandoned_after(&mut shop, 59), 0);
    assert_eq!(abandoned_after(&mut shop, 1), 1);
    shop.run(add(2, 1));
    shop.run(contact(Some(HOUR_MS)));
    shop.run(guests_consent(true));
    assert_eq!(abandoned_after(&mut shop, 120), 1, "once is enough");
    let kept = GUEST_CONSENTS.get(&shop.view(), &(CART, MARKETING.to_owned())).unwrap();
    assert_eq!((kept.granted, kept.source.as_str(), kept.wording_version.as_str()), (true, "checkout", "1"));
    shop.pass(DAY_MS);
    shop.run(Command::Expire { cart: CART });
    assert!(!GUEST_CONSENTS.contains(&shop.view(), &(CART, MARKETING.to_owned())), "it goes with its cart");
}

#[test]
fn a_guest_agrees_late_and_takes_it_back() {
    let mut shop = Harness::site();
    shop.run(add(1, 1));
    shop.run(contact(Some(HOUR_MS)));
    assert_eq!(abandoned_after(&mut shop, 90), 0);
    shop.run(guests_consent(true));
    assert_eq!(abandoned_after(&mut shop, 59), 0, "the hour begins with what was said");
    shop.run(guests_consent(false));
    assert_eq!(abandoned_after(&mut shop, 120), 0, "it was taken back");
    assert_eq!(shop.story().iter().filter(|name| **name == "cart.consent").count(), 2);

    // What a customer says counts, not what a guest said before signing in.
    let mut shop = Harness::site();
    customers_cart(&mut shop);
    shop.run(guests_consent(true));
    shop.run(contact(Some(MINUTE_MS)));
    assert_eq!(abandoned_after(&mut shop, 5), 0);
}

#[test]
fn under_older_rules_a_cart_is_abandoned_after_an_hour_as_it_was() {
    let mut shop = Harness::site();
    shop.rules = version::BUNDLES;
    shop.run(add(1, 1));
    shop.run(contact(None));
    assert_eq!(abandoned_after(&mut shop, 59), 0);
    assert_eq!(abandoned_after(&mut shop, 1), 1);
    shop.run(contact(None));
    assert_eq!(abandoned_after(&mut shop, 60), 2);
    assert!(!IDLES.contains(&shop.view(), &CART));
}

#[test]
fn a_postal_prefix_names_a_district_and_no_house() {
    let check =
        |code: &str, prefix: Option<&str>| assert_eq!(postal_prefix(code).as_deref(), prefix, "{code}");
    check("sw1a 1aa", Some("SW1A"));
    check("400001", Some("400"));
    check("3000", Some("30"));
    check("  ", None);
    check("-", None);
}
