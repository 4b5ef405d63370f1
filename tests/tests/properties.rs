//! Properties: whatever people do, in whatever order, the books balance and replicas agree.

use gearify_tests::scenario::Act;
use gearify_tests::{Pure, Telling};
use proptest::prelude::*;

#[path = "tales/moves.rs"]
mod moves;

use moves::{play, some};

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_books_balance_whatever_people_do(moves in some(60)) {
        let mut shop = play(&moves);
        // In the end, holds and unpaid orders are over and everything not sold can be sold.
        shop.run([Act::Minutes(60 * 24 * 60)]);
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
