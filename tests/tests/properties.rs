//! Properties: whatever people do, in whatever order, the books balance and replicas agree.

use gearify_commerce::orders::{Order, OrderStatus, RefundItem};
use gearify_commerce::payments::PAYMENTS;
use gearify_commerce::{GroupKind, LineId, version};
use gearify_tests::acts::{Act, Shopper, Word, owner};
use gearify_tests::crashing::Crashing;
use gearify_tests::pure::GROUPS;
use gearify_tests::stage::look;
use gearify_tests::{Pure, Scenario, Telling};
use proptest::prelude::*;

#[path = "tales/moves.rs"]
mod moves;

use moves::{Played, play, played, some};

/// Gives back all that a shopper paid: the lines in parts, the delivery, and what is left as goodwill.
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
    fn who_applies_the_same_log_comes_to_the_same_state(moves in some(40)) {
        let shop = play(&moves);
        let again = Pure::replay(&shop.stage.log);
        prop_assert_eq!(again.rows(), shop.stage.rows());
        prop_assert_eq!(&again.events, &shop.stage.events);
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

proptest! {
    // Each opens the files of three groups several times.
    #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

    #[test]
    fn who_crashed_at_any_entry_comes_to_the_same_state(
        moves in some(40),
        crashes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 1..4),
    ) {
        let shop = play(&moves);
        let log = shop.stage.whole_log();
        let mut whole = Crashing::with(&log);
        prop_assert_eq!(whole.apply_through(log.len()), log.len());
        prop_assert_eq!(whole.rows(), shop.stage.rows(), "the real machines do as the pure ones");

        let mut crashes: Vec<_> = crashes.iter().map(|(at, written)| (at.index(log.len()), *written)).collect();
        crashes.sort();
        let mut crashed = Crashing::with(&log);
        for (at, written) in crashes {
            crashed.apply_through(at);
            crashed.crash(written);
            if written {
                prop_assert_eq!(crashed.apply_through(at), 0, "what was written out is not done again");
            }
        }
        crashed.apply_through(log.len());
        prop_assert_eq!(crashed.rows(), shop.stage.rows());
        prop_assert_eq!(crashed.applied(), whole.applied());
        for group in GROUPS {
            let told = shop.stage.events.iter().filter(|(of, _)| *of == group).map(|(_, event)| event.clone());
            prop_assert_eq!(crashed.events(group), told.collect::<Vec<_>>());
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
