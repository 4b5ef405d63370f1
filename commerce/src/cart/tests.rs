//! Stories of this context.

use super::{CARTS, Command, LINE_QUANTITY_MAX, LINES_MAX, NewLine, Refusal, StockNeed, postal_prefix};
use crate::harness::Harness;
use crate::ids::{AddOnId, CartId, CustomerId, LineId, ProductId, StockItemId, VariantId};
use crate::intent::Market;
use crate::locale::{Country, Locale};
use crate::money::Currency;
use crate::time::{DAY_MS, HOUR_MS};

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
