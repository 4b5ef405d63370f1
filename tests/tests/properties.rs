//! Properties: whatever people do, in whatever order, the books balance and replicas agree.

use gearify_commerce::orders::{Order, OrderStatus, RefundItem};
use gearify_commerce::payments::PAYMENTS;
use gearify_commerce::{GroupKind, LineId, version};
use gearify_tests::scenario::{Act, Shopper, Word, owner};
use gearify_tests::stage::look;
use gearify_tests::{Pure, Scenario, Telling};
use proptest::prelude::*;

#[path = "tales/moves.rs"]
mod moves;

use moves::{Played, play, played, some};

/// Gives back all that a shopper paid: the lines in parts, the delivery, and what is left as goodwill. A part is
/// refused where no single payment has as much left.
fn gives_all_back(played: &mut Played, who: &Shopper) {
    if !played.shop.has_order(who) || played.shop.order(who).status == OrderStatus::Placed {
        return;
    }
    for (n, line) in played.shop.order(who).lines.iter().enumerate() {
        for share in [4, 2, 1] {
            let open = line.quantities.ordered - refunded(&played.shop.order(who), line.id);
            if open > 0 {
                played.shop.run([owner::refunds_of(who, n, open.div_ceil(share), true)]);
                played.check_pieces();
            }
        }
    }
    played.shop.run([owner::refunds_shipping(who)]);
    for payment in played.shop.order(who).payments {
        let shop = &mut played.shop;
        let left = look(&shop.stage, GroupKind::Region, shop.tenant(), |view| PAYMENTS.get(view, &payment));
        let left = left.expect("an order names its payments").refundable();
        if left > 0 {
            shop.run([owner::gives_goodwill(who, left)]);
        }
    }
    let order = played.shop.order(who);
    assert_eq!(order.paid.refunded, order.paid.captured, "{}", played.shop.story());
}

fn refunded(order: &Order, wanted: LineId) -> u32 {
    let pieces = |item: &RefundItem| match item {
        RefundItem::Line { line, quantity, .. } if *line == wanted => *quantity,
        _ => 0,
    };
    order.refunds.iter().flat_map(|refund| &refund.items).map(pieces).sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_whatever_people_do(moves in some(60)) {
        let mut shop = play(&moves);
        // In the end, holds and unpaid orders are over and everything not sold can be sold.
        shop.run([Act::Minutes(60 * 24 * 60)]);
    }

    #[test]
    fn refunds_down_to_the_end_give_back_exactly_what_was_captured(moves in some(60)) {
        let mut played = played(&moves);
        // Nothing is awaited any more; what was paid for may be given back.
        played.shop.run([Act::Minutes(60 * 24 * 60)]);
        for who in played.shoppers.clone() {
            gives_all_back(&mut played, &who);
        }
    }

    #[test]
    fn replicas_agree_wherever_one_of_them_stopped(moves in some(40), stop in any::<prop::sample::Index>()) {
        let shop = play(&moves);
        let log = &shop.stage.log;
        let whole = Pure::replay(log);
        prop_assert_eq!(&whole.rows(), &shop.stage.rows());
        // One that applied a part, stopped, and went on ends where the others are.
        let (first, rest) = log.split_at(stop.index(log.len()));
        let mut stopped = Pure::replay(first);
        for (group, entry) in rest {
            stopped.apply(*group, entry);
        }
        prop_assert_eq!(stopped.rows(), whole.rows());
        prop_assert_eq!(stopped.events, whole.events);
    }

    #[test]
    fn events_are_numbered_without_gaps(moves in some(40)) {
        let shop = play(&moves);
        let mut last = std::collections::BTreeMap::new();
        for (group, event) in &shop.stage.events {
            let next = last.entry((*group, event.tenant, event.site)).or_insert(0u64);
            *next += 1;
            prop_assert_eq!(event.sequence, *next);
        }
    }
}

#[test]
#[should_panic(expected = "is kept")]
fn the_audit_finds_what_older_rules_kept_of_a_second_capture() {
    let mut shop = Scenario::on(Pure::following(version::RETURNS - 1));
    shop.product("BALL", "24.90").stock("BALL", 1);
    let ada = shop.shopper("ada");
    shop.run([
        ada.adds("BALL", 1),
        ada.pays_with("tok_declined"),
        Act::Minutes(1),
        ada.tries_again("tok_ok"),
    ]);
    shop.run([ada.hears(0, Word::Captured)]);
}
