//! What people do in a shop, in any order: for properties.

use gearify_commerce::catalog::{Policy, Variant};
use gearify_commerce::inventory::levels;
use gearify_commerce::orders::{ORDERS, Order};
use gearify_commerce::{GroupKind, Timestamp};
use gearify_tests::acts::{Act, Shopper, Word, owner};
use gearify_tests::scenario::Scenario;
use gearify_tests::stage::look;
use gearify_tests::{Pure, Telling};
use proptest::collection::vec;
use proptest::prelude::*;

const SHOPPERS: usize = 4;
/// The last two are sold beyond stock.
const SKUS: [&str; 5] = ["BAT", "BALL", "PADS", "GRIP", "HELMET"];
/// Pieces of each, in the near house and in the far one.
const STOCK: [i64; 2] = [3, 2];

/// One act of somebody; acts that make no sense where they stand are refused, which is fine.
#[derive(Clone, Debug)]
pub enum Move {
    Add(usize, usize, u32),
    Address(usize),
    Reserve(usize),
    Pay(usize, &'static str),
    PayLater(usize),
    Again(usize, &'static str),
    TransferInstead(usize),
    /// About any attempt, not only the last.
    Hear(usize, usize, Word),
    Cancel(usize),
    Ship(usize, Option<u32>),
    /// A line is sent from another house.
    Elsewhere(usize, usize, usize),
    Deliver(usize),
    Received(usize),
    Refund(usize, usize, u32, bool),
    RefundShipping(usize),
    Goodwill(usize, i64),
    /// More pieces are counted in.
    Receive(usize, usize, i64),
    Minutes(i64),
}

fn one() -> impl Strategy<Value = Move> {
    let who = || 0..SHOPPERS;
    let token = || prop::sample::select(vec!["tok_ok", "tok_declined", "tok_later"]);
    let word = || {
        prop::sample::select(vec![
            Word::Captured,
            Word::Declined,
            Word::CapturedPart(1_000),
            Word::Authorised,
        ])
    };
    prop_oneof![
        4 => (who(), 0..SKUS.len(), 1..4u32).prop_map(|(who, sku, n)| Move::Add(who, sku, n)),
        1 => who().prop_map(Move::Address),
        2 => who().prop_map(Move::Reserve),
        4 => (who(), token()).prop_map(|(who, token)| Move::Pay(who, token)),
        1 => who().prop_map(Move::PayLater),
        2 => (who(), token()).prop_map(|(who, token)| Move::Again(who, token)),
        1 => who().prop_map(Move::TransferInstead),
        3 => (who(), 0..4usize, word()).prop_map(|(who, attempt, word)| Move::Hear(who, attempt, word)),
        1 => who().prop_map(Move::Cancel),
        2 => (who(), prop::option::of(1..3u32)).prop_map(|(who, pieces)| Move::Ship(who, pieces)),
        2 => (who(), 0..3usize, 0..STOCK.len()).prop_map(|(who, line, to)| Move::Elsewhere(who, line, to)),
        1 => who().prop_map(Move::Deliver),
        1 => who().prop_map(Move::Received),
        3 => (who(), 0..3usize, 1..3u32, any::<bool>())
            .prop_map(|(who, line, n, restock)| Move::Refund(who, line, n, restock)),
        1 => who().prop_map(Move::RefundShipping),
        1 => (who(), 1..2_000i64).prop_map(|(who, minor)| Move::Goodwill(who, minor)),
        1 => (0..SKUS.len(), 0..STOCK.len(), 1..4i64).prop_map(|(sku, house, n)| Move::Receive(sku, house, n)),
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
        Move::TransferInstead(who) if ordered(who) => shoppers[who].transfers_instead(),
        Move::Hear(who, attempt, word) if paid(who) => {
            let attempts = shop.order(&shoppers[who]).payments.len();
            shoppers[who].hears(attempt % attempts, word)
        }
        Move::Cancel(who) if ordered(who) => owner::cancels(&shoppers[who]),
        Move::Ship(who, None) if ordered(who) => owner::ships(&shoppers[who]),
        Move::Ship(who, Some(pieces)) if ordered(who) => owner::ships_some(&shoppers[who], pieces),
        Move::Elsewhere(who, line, to) if ordered(who) => {
            let lines = shop.order(&shoppers[who]).lines.len();
            owner::moves(&shoppers[who], line % lines, to)
        }
        Move::Deliver(who) if ordered(who) && !shop.order(&shoppers[who]).shipments.is_empty() => {
            owner::marks_delivered(&shoppers[who])
        }
        Move::Received(who) if paid(who) => owner::marks_received(&shoppers[who]),
        Move::Refund(who, line, pieces, restock) if ordered(who) => {
            let lines = shop.order(&shoppers[who]).lines.len();
            owner::refunds_of(&shoppers[who], line % lines, pieces, restock)
        }
        Move::RefundShipping(who) if ordered(who) => owner::refunds_shipping(&shoppers[who]),
        Move::Goodwill(who, minor) if ordered(who) => owner::gives_goodwill(&shoppers[who], minor),
        Move::Minutes(minutes) => Act::Minutes(minutes),
        // Counted in by whoever plays, and acts that have no order to be about.
        _ => return None,
    })
}

/// A shop in which something happened.
pub struct Played {
    pub shop: Scenario<Pure>,
    pub shoppers: Vec<Shopper>,
    /// Pieces that were ever counted in, by SKU.
    received: [i64; SKUS.len()],
}

pub fn play(moves: &[Move]) -> Scenario<Pure> {
    played(moves).shop
}

pub fn played(moves: &[Move]) -> Played {
    let mut shop = Scenario::new();
    shop.warehouse("FAR");
    let pounds = ["249.00", "24.90", "79.99", "3.33", "55.01"];
    for (sku, pounds) in SKUS.into_iter().zip(pounds) {
        shop.product(sku, pounds).stock(sku, STOCK[0]).stock_in(sku, 1, STOCK[1]);
    }
    // 2026-09-01.
    let available_at = Timestamp::from_millis(1_788_220_800_000);
    shop.policy("GRIP", Policy::Backorder).policy("HELMET", Policy::Preorder { available_at });
    let shoppers: Vec<Shopper> = ["ada", "bob", "cat", "dan"].map(|name| shop.shopper(name)).into();
    let received = [STOCK.iter().sum(); SKUS.len()];
    let mut played = Played { shop, shoppers, received };
    for choice in moves {
        if let Move::Receive(sku, house, pieces) = *choice {
            played.shop.stock_in(SKUS[sku], house, pieces);
            played.received[sku] += pieces;
        }
        // The audit runs after every act.
        if let Some(act) = act(&played.shop, &played.shoppers, choice) {
            played.shop.run([act]);
        }
        played.check_pieces();
    }
    played
}

impl Played {
    fn orders(&self) -> Vec<Order> {
        look(&self.shop.stage, GroupKind::Region, self.shop.tenant(), |view| {
            ORDERS.list(view, &(), usize::MAX)
        })
    }

    /// What was counted in lies on a shelf, or left with a shipment and did not come back.
    pub fn check_pieces(&self) {
        let orders = self.orders();
        for (sku, received) in SKUS.into_iter().zip(self.received) {
            let item = Variant::own_stock_item(self.shop.market.variants[sku]);
            let levels =
                look(&self.shop.stage, GroupKind::Region, self.shop.tenant(), |view| levels(view, item));
            let on_hand: i64 = levels.values().map(|level| level.on_hand).sum();
            let of_it = orders.iter().flat_map(|order| &order.lines).filter(|line| line.sku == sku);
            let away: i64 = of_it
                .map(|line| i64::from(line.quantities.shipped) - i64::from(line.quantities.returned))
                .sum();
            assert_eq!(on_hand + away, received, "pieces of {sku}: {on_hand} here, {away} sent");
        }
    }
}

pub fn some(most: usize) -> impl Strategy<Value = Vec<Move>> {
    vec(one(), 1..most)
}
