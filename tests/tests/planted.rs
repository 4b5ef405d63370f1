//! Bugs planted in the rules of the shop: each story that holds must fail once its bug is sown. Those that
//! need nodes, disks and links are found by the simulation.

use gearify_commerce::{GroupKind, catalog};
use gearify_storage::planted::{Bug, sow};
use gearify_tests::market::Market;
use gearify_tests::scenario::Act;
use gearify_tests::stage::look;
use gearify_tests::{Pure, Scenario, Telling};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The check holds, and fails with the bug.
#[track_caller]
fn caught(bug: Bug, check: impl Fn()) {
    check();
    let _sown = sow(bug);
    assert!(catch_unwind(AssertUnwindSafe(check)).is_err(), "{bug:?} was not noticed");
}

#[test]
fn a_capture_that_is_booked_again_when_the_provider_repeats_itself() {
    caught(Bug::CaptureBookedTwice, || {
        let mut shop = Scenario::new();
        shop.product("BALL", "24.90").stock("BALL", 2);
        let ada = shop.shopper("ada");
        // Told once as the answer to the call, and once more as an event.
        let says = Act::ProviderSays { who: ada.clone(), captured: true };
        shop.run([ada.adds("BALL", 1), ada.pays(), says]);
    });
}

#[test]
fn a_look_up_that_forgets_whose_shop_it_is() {
    caught(Bug::TenantForgotten, || {
        let mut stage = Pure::new();
        let (mut one, mut other) = (Market::open(&mut stage, "willow"), Market::open(&mut stage, "maple"));
        one.product(&mut stage, "BAT", 24_900);
        other.product(&mut stage, "BAT", 9_900);
        for market in [&one, &other] {
            let sku = catalog::Sku::parse("BAT").expect("a well-formed SKU");
            let found =
                look(&stage, GroupKind::Catalogue, market.tenant, |view| catalog::variant_by_sku(view, &sku));
            assert_eq!(found.map(|variant| variant.id), Some(market.variants["BAT"]));
        }
    });
}
