//! Stories of this context.

use super::stock::{Want, plan};
use super::{Command, Event, LEVELS, Level, Reason, Refusal, Shelf, WAREHOUSES_MAX, available};
use crate::harness::Harness;
use crate::ids::{CartId, ProductId, StockItemId, WarehouseId};
use crate::locale::Country;
use crate::processes::schedule::Work;
use crate::text::Name;

const ITEM: StockItemId = StockItemId::from_bits(1);

fn warehouse(shop: &mut Harness, code: &str, priority: u16) -> WarehouseId {
    let (name, country) = (Name::parse(code).unwrap(), Country::parse("GB").unwrap());
    let put = Command::PutWarehouse { id: None, code: code.into(), name, country, priority, active: true };
    WarehouseId::from_bits(shop.make(put))
}

fn adjust(item: StockItemId, warehouse: WarehouseId, delta: i64) -> Command {
    Command::Adjust { item, sku: format!("SKU-{}", item.bits()), warehouse, delta, reason: Reason::Counted }
}

#[test]
fn an_order_takes_the_fewest_warehouses_and_the_best_first() {
    // Pieces of items 1 and 2 in houses A (best), B, C; what is wanted; who gives what.
    let check = |stock: [[i64; 2]; 3], wanted: [u32; 2], expected: &[(usize, u128, u32)]| {
        let mut shop = Harness::site();
        let houses =
            ["A", "B", "C"].map(|code| warehouse(&mut shop, code, 1 + u16::from(code.as_bytes()[0])));
        for (house, pieces) in houses.iter().zip(stock) {
            for (item, pieces) in [1u128, 2].into_iter().zip(pieces) {
                if pieces > 0 {
                    shop.run(adjust(StockItemId::from_bits(item), *house, pieces));
                }
            }
        }
        let want =
            |(item, quantity)| Want { item: StockItemId::from_bits(item), quantity, beyond_stock: false };
        let wants: Vec<Want> = [1u128, 2].into_iter().zip(wanted).filter(|(_, n)| *n > 0).map(want).collect();
        let told = match plan(&shop.view(), shop.at, &wants, None) {
            Ok(taken) => taken
                .iter()
                .map(|part| {
                    let house = houses.iter().position(|house| *house == part.warehouse).unwrap();
                    (house, part.item.bits(), part.quantity)
                })
                .collect::<Vec<_>>(),
            Err(short) => short.iter().map(|short| (9, short.item.bits(), short.available)).collect(),
        };
        assert_eq!(told, expected, "{stock:?} {wanted:?}");
    };
    check([[5, 5], [5, 5], [5, 5]], [1, 1], &[(0, 1, 1), (0, 2, 1)]);
    check([[5, 0], [5, 5], [0, 5]], [1, 1], &[(1, 1, 1), (1, 2, 1)]);
    check([[2, 0], [3, 0], [1, 0]], [5, 0], &[(1, 1, 3), (0, 1, 2)]);
    check([[1, 0], [0, 1], [0, 0]], [1, 1], &[(0, 1, 1), (1, 2, 1)]);
    check([[2, 0], [3, 9], [1, 0]], [7, 1], &[(9, 1, 6)]);
}

#[test]
fn what_is_promised_cannot_be_counted_out() {
    let mut shop = Harness::site();
    let house = warehouse(&mut shop, "MAIN", 1);
    shop.run(adjust(ITEM, house, 5));
    let taken =
        plan(&shop.view(), shop.at, &[Want { item: ITEM, quantity: 4, beyond_stock: false }], None).unwrap();
    shop.run(Command::Allocate { order: crate::OrderId::from_bits(9), taken });
    assert_eq!(shop.refused(adjust(ITEM, house, -2)), Refusal::BelowPromised { free: 1 }.into());
    shop.run(adjust(ITEM, house, -1));
    assert_eq!(available(&shop.view(), ITEM), 0);
    assert_eq!(shop.refused(adjust(ITEM, house, 0)), Refusal::Zero.into());
    assert_eq!(
        shop.refused(adjust(ITEM, house, i64::MAX)),
        Refusal::TooMany { max: super::ON_HAND_MAX }.into()
    );
    let nowhere = WarehouseId::from_bits(404);
    assert_eq!(
        shop.refused(adjust(ITEM, nowhere, 1)),
        Refusal::UnknownWarehouse { warehouse: nowhere }.into()
    );
}

#[test]
fn pieces_move_between_houses_without_being_lost() {
    let mut shop = Harness::site();
    let (near, far) = (warehouse(&mut shop, "NEAR", 1), warehouse(&mut shop, "FAR", 2));
    shop.run(adjust(ITEM, near, 5));
    let transfer = |from, to, quantity| Command::Transfer { item: ITEM, from, to, quantity };
    shop.run(transfer(near, far, 3));
    assert_eq!(shop.refused(transfer(near, far, 3)), Refusal::BelowPromised { free: 2 }.into());
    assert_eq!(shop.refused(transfer(near, near, 1)), Refusal::SameWarehouse.into());
    let on_hand = |house| LEVELS.get(&shop.view(), &(ITEM, house)).unwrap().on_hand;
    assert_eq!((on_hand(near), on_hand(far)), (2, 3));
}

#[test]
fn safety_and_damaged_pieces_are_not_sold() {
    let mut shop = Harness::site();
    let house = warehouse(&mut shop, "MAIN", 1);
    shop.run(adjust(ITEM, house, 10));
    let parts = |safety, unavailable| Command::SetParts {
        item: ITEM,
        warehouse: house,
        safety,
        unavailable,
        incoming: Some(7),
    };
    shop.run(parts(Some(2), Some(3)));
    assert_eq!(available(&shop.view(), ITEM), 5);
    shop.run(parts(None, Some(0)));
    assert_eq!(available(&shop.view(), ITEM), 8, "what is not named stays");
}

#[test]
fn an_item_tells_once_that_it_is_low_and_once_that_it_is_gone() {
    let mut shop = Harness::site();
    let house = warehouse(&mut shop, "MAIN", 1);
    shop.run(adjust(ITEM, house, 6));
    shop.run(Command::SetLowAt { item: ITEM, low_at: 4 });
    shop.events.clear();
    for delta in [-1, -1, -1, -3] {
        shop.run(adjust(ITEM, house, delta));
    }
    let told: Vec<&str> = shop.story().into_iter().filter(|name| *name != "inventory.updated").collect();
    assert_eq!(told, ["inventory.low_stock", "inventory.out_of_stock"]);
    let levels: Vec<Level> = shop
        .events
        .iter()
        .filter_map(|envelope| match &envelope.event {
            crate::Event::Inventory(Event::InventoryUpdated { changes, .. }) => Some(changes[0].after),
            _ => None,
        })
        .collect();
    assert_eq!(levels.iter().map(|level| level.on_hand).collect::<Vec<_>>(), [5, 4, 3, 0]);
}

#[test]
fn warehouses_have_codes_of_their_own_and_are_not_endless() {
    let mut shop = Harness::site();
    for n in 0..WAREHOUSES_MAX {
        warehouse(&mut shop, &format!("W{n}"), 1);
    }
    let (name, country) = (Name::parse("x").unwrap(), Country::parse("GB").unwrap());
    let put = |id, code: &str| Command::PutWarehouse {
        id,
        code: code.into(),
        name: name.clone(),
        country: country.clone(),
        priority: 1,
        active: true,
    };
    assert_eq!(shop.refused(put(None, "w3")), Refusal::CodeTaken { code: "w3".into() }.into());
    assert_eq!(shop.refused(put(None, "NEW")), Refusal::TooManyWarehouses { max: 16 }.into());
    assert_eq!(shop.refused(put(None, "a b")), Refusal::BadCode.into());
    assert_eq!(shop.refused(Command::Release { cart: CartId::from_bits(1) }), Refusal::NoHold.into());
}

const OTHER: StockItemId = StockItemId::from_bits(21);

/// A product of two variants, each an item of its own.
fn shelf(beyond_stock: bool) -> Shelf {
    Shelf {
        product: ProductId::from_bits(20),
        variants: vec![vec![(ITEM, 1)], vec![(OTHER, 1)]],
        beyond_stock,
    }
}

/// The leader answers what it was asked of items that ran out; how many it was asked of.
fn answers(shop: &mut Harness, shelf: &Shelf) -> usize {
    let asked = crate::scope::open_work(&shop.engine, 10);
    for (_, _, work) in &asked {
        let Work::Shelf(item) = *work else { panic!("only stock is asked of") };
        shop.run(Command::Report { item, shelf: Some(shelf.clone()) });
    }
    asked.len()
}

fn gone(shop: &Harness) -> usize {
    shop.story().iter().filter(|name| **name == "product.out_of_stock").count()
}

#[test]
fn a_product_is_gone_with_its_last_variant_and_told_once_until_it_is_back() {
    let mut shop = Harness::site();
    let house = warehouse(&mut shop, "MAIN", 1);
    shop.run(adjust(ITEM, house, 2));
    shop.run(adjust(OTHER, house, 1));
    let shelf = shelf(false);
    shop.run(adjust(ITEM, house, -2));
    assert_eq!((answers(&mut shop, &shelf), gone(&shop)), (1, 0), "the other size is there");
    shop.run(adjust(OTHER, house, -1));
    assert_eq!((answers(&mut shop, &shelf), gone(&shop)), (1, 1));
    // The same word again, of either item, is no news.
    shop.run(Command::Report { item: ITEM, shelf: Some(shelf.clone()) });
    shop.run(Command::Report { item: OTHER, shelf: Some(shelf.clone()) });
    assert_eq!((answers(&mut shop, &shelf), gone(&shop)), (0, 1));
    shop.run(adjust(OTHER, house, 1));
    shop.run(adjust(OTHER, house, -1));
    assert_eq!((answers(&mut shop, &shelf), gone(&shop)), (1, 2), "it was back in between");
}

#[test]
fn a_product_is_not_gone_while_something_of_it_can_be_sold() {
    let mut shop = Harness::site();
    let house = warehouse(&mut shop, "MAIN", 1);
    shop.run(adjust(ITEM, house, 1));
    shop.run(adjust(ITEM, house, -1));
    let waits = shelf(true);
    assert_eq!((answers(&mut shop, &waits), gone(&shop)), (1, 0), "one of them may be ordered all the same");
    shop.run(Command::Report { item: ITEM, shelf: None });
    assert_eq!(gone(&shop), 0, "it is not for sale");
    // By the time the leader answers, pieces have come.
    shop.run(adjust(ITEM, house, 1));
    shop.run(adjust(ITEM, house, -1));
    shop.run(adjust(OTHER, house, 1));
    assert_eq!((answers(&mut shop, &shelf(false)), gone(&shop)), (1, 0));
    shop.rules = crate::version::ROSTER;
    shop.run(adjust(ITEM, house, 1));
    shop.run(adjust(ITEM, house, -1));
    assert_eq!(answers(&mut shop, &shelf(false)), 0, "older rules do not ask");
}
