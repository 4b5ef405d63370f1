//! What people do in a shop, in any order: for properties.

use gearify_tests::scenario::{Act, Scenario, Shopper, owner};
use gearify_tests::{Pure, Telling};
use proptest::collection::vec;
use proptest::prelude::*;

const SHOPPERS: usize = 4;
const SKUS: [&str; 3] = ["BAT", "BALL", "PADS"];

/// One act of somebody; acts that make no sense where they stand are refused, which is fine.
#[derive(Clone, Debug)]
pub enum Move {
    Add(usize, usize, u32),
    Address(usize),
    Reserve(usize),
    Pay(usize, &'static str),
    PayLater(usize),
    Again(usize, &'static str),
    Word(usize, bool),
    Cancel(usize),
    Ship(usize, Option<u32>),
    Deliver(usize),
    Received(usize),
    Refund(usize, u32, bool),
    Minutes(i64),
}

fn one() -> impl Strategy<Value = Move> {
    let who = || 0..SHOPPERS;
    let token = || prop::sample::select(vec!["tok_ok", "tok_declined", "tok_later"]);
    prop_oneof![
        4 => (who(), 0..SKUS.len(), 1..4u32).prop_map(|(who, sku, n)| Move::Add(who, sku, n)),
        1 => who().prop_map(Move::Address),
        2 => who().prop_map(Move::Reserve),
        4 => (who(), token()).prop_map(|(who, token)| Move::Pay(who, token)),
        1 => who().prop_map(Move::PayLater),
        2 => (who(), token()).prop_map(|(who, token)| Move::Again(who, token)),
        2 => (who(), any::<bool>()).prop_map(|(who, captured)| Move::Word(who, captured)),
        1 => who().prop_map(Move::Cancel),
        2 => (who(), prop::option::of(1..3u32)).prop_map(|(who, pieces)| Move::Ship(who, pieces)),
        1 => who().prop_map(Move::Deliver),
        1 => who().prop_map(Move::Received),
        2 => (who(), 1..3u32, any::<bool>()).prop_map(|(who, n, restock)| Move::Refund(who, n, restock)),
        2 => prop::sample::select(vec![1i64, 4, 6, 31, 60 * 24, 60 * 24 * 8]).prop_map(Move::Minutes),
    ]
}

fn act(shop: &Scenario<Pure>, shoppers: &[Shopper], choice: &Move) -> Option<Act> {
    let ordered = |who: usize| shop.has_order(&shoppers[who]);
    let paid = |who: usize| ordered(who) && !shop.order(&shoppers[who]).payments.is_empty();
    Some(match *choice {
        Move::Add(who, sku, n) => shoppers[who].adds(SKUS[sku], n),
        Move::Address(who) => shoppers[who].gives_address(),
        Move::Reserve(who) => shoppers[who].reserves(),
        Move::Pay(who, token) => shoppers[who].pays_with(token),
        Move::PayLater(who) => shoppers[who].pays_later(),
        Move::Again(who, token) if ordered(who) => shoppers[who].tries_again(token),
        Move::Word(who, captured) if paid(who) => Act::ProviderSays { who: shoppers[who].clone(), captured },
        Move::Cancel(who) if ordered(who) => owner::cancels(&shoppers[who]),
        Move::Ship(who, None) if ordered(who) => owner::ships(&shoppers[who]),
        Move::Ship(who, Some(pieces)) if ordered(who) => owner::ships_some(&shoppers[who], pieces),
        Move::Deliver(who) if ordered(who) && !shop.order(&shoppers[who]).shipments.is_empty() => {
            owner::marks_delivered(&shoppers[who])
        }
        Move::Received(who) if paid(who) => owner::marks_received(&shoppers[who]),
        Move::Refund(who, pieces, restock) if ordered(who) => owner::refunds(&shoppers[who], pieces, restock),
        Move::Minutes(minutes) => Act::Minutes(minutes),
        _ => return None,
    })
}

pub fn play(moves: &[Move]) -> Scenario<Pure> {
    let mut shop = Scenario::new();
    shop.warehouse("FAR");
    for (sku, pounds) in [("BAT", "249.00"), ("BALL", "24.90"), ("PADS", "79.99")] {
        shop.product(sku, pounds).stock(sku, 3).stock_in(sku, 1, 2);
    }
    let shoppers: Vec<Shopper> = ["ada", "bob", "cat", "dan"].map(|name| shop.shopper(name)).into();
    for choice in moves {
        // The audit runs after every act.
        if let Some(act) = act(&shop, &shoppers, choice) {
            shop.run([act]);
        }
    }
    shop
}

pub fn some(most: usize) -> impl Strategy<Value = Vec<Move>> {
    vec(one(), 1..most)
}
