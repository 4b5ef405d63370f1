//! Bugs planted in the rules of the shop: each story that holds must fail once its bug is sown. Those that
//! need nodes, disks and links are found by the simulation.

use gearify_commerce::{GroupKind, catalog};
use gearify_storage::planted::{Bug, sow};
use gearify_tests::acts::Act;
use gearify_tests::market::Market;
use gearify_tests::stage::look;
use gearify_tests::{Pure, Scenario, Telling};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The check holds, and with the bug it fails and says these words: another failure is not this one.
#[track_caller]
fn caught(bug: Bug, words: &str, check: impl Fn()) {
    check();
    let _sown = sow(bug);
    let found = catch_unwind(AssertUnwindSafe(check)).err();
    let said = found.as_ref().and_then(|found| found.downcast_ref::<String>());
    assert!(said.is_some_and(|said| said.contains(words)), "{bug:?} was not noticed as {words:?}: {said:?}");
}

#[test]
fn a_capture_that_is_booked_again_when_the_provider_repeats_itself() {
    caught(Bug::CaptureBookedTwice, "its payments 5970", || {
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
    caught(Bug::TenantForgotten, "the SKU BAT is taken", || {
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
