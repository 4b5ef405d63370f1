//! The domain's rules, told as stories: the same on every stage.

mod beyond_stock;
mod elsewhere;
mod giving_back;
mod papers;

pub use beyond_stock::*;
pub use elsewhere::*;
pub use giving_back::*;
pub use papers::*;

use gearify_tests::Telling;
use gearify_tests::acts::{Act, Shopper, owner};

pub fn the_last_ball_goes_to_whoever_pays_first(shop: &mut impl Telling) {
    shop.product("BALL", "24.90").stock("BALL", 1);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.adds("BALL", 1), bob.adds("BALL", 1), ada.pays(), bob.pays()]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BALL: in the cart
    bob adds 1 BALL: in the cart
    ada pays with tok_ok: 29.85 GBP, confirmed, paid, unfulfilled
    bob pays with tok_ok: refused: out of stock (0 of 1 BALL)
    ");
    assert_eq!(shop.available("BALL"), 0);
}

pub fn a_hold_keeps_the_last_ball_until_it_ends(shop: &mut impl Telling) {
    shop.product("BALL", "24.90").stock("BALL", 1);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.adds("BALL", 1), ada.gives_address(), ada.reserves(), bob.adds("BALL", 1), bob.pays()]);
    shop.run([Act::Minutes(6), bob.pays(), ada.pays()]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BALL: in the cart
    ada gives an address: noted
    ada reserves: held
    bob adds 1 BALL: in the cart
    bob pays with tok_ok: refused: out of stock (0 of 1 BALL)
    bob pays with tok_ok: 29.85 GBP, confirmed, paid, unfulfilled
    ada pays with tok_ok: refused: out of stock (0 of 1 BALL)
    ");
}

pub fn a_declined_card_keeps_order_and_stock_for_another_try(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 1);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.adds("BAT", 1), ada.pays_with("tok_declined"), bob.adds("BAT", 1), bob.pays()]);
    shop.run([ada.tries_again("tok_ok")]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_declined: 253.95 GBP, placed, unpaid, unfulfilled
    bob adds 1 BAT: in the cart
    bob pays with tok_ok: refused: out of stock (0 of 1 BAT)
    ada tries again with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    ");
}

pub fn an_unpaid_order_expires_and_its_stock_sells_again(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 1);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([
        ada.adds("BAT", 1),
        ada.pays_with("tok_declined"),
        Act::Minutes(31),
        bob.adds("BAT", 1),
        bob.pays(),
    ]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_declined: 253.95 GBP, placed, unpaid, unfulfilled
    bob adds 1 BAT: in the cart
    bob pays with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    ");
    assert_eq!(shop.order(&ada).status.as_str(), "expired");
}

pub fn a_late_capture_takes_the_stock_again_or_gives_the_money_back(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 1);
    let (ada, bob, eve) = (shop.shopper("ada"), shop.shopper("bob"), shop.shopper("eve"));
    shop.run([ada.adds("BAT", 1), ada.pays_with("tok_later"), Act::Minutes(31)]);
    shop.run([Act::ProviderSays { who: ada.clone(), captured: true }]);
    assert_eq!(shop.order(&ada).status.as_str(), "confirmed");
    shop.run([owner::cancels(&ada), bob.adds("BAT", 1), bob.pays_with("tok_later"), Act::Minutes(31)]);
    shop.run([eve.adds("BAT", 1), eve.pays(), Act::ProviderSays { who: bob.clone(), captured: true }]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_later: 253.95 GBP, placed, pending, unfulfilled
    ada is captured late: 253.95 GBP, confirmed, paid, unfulfilled
    ada is cancelled: 253.95 GBP, cancelled, refunded, unfulfilled, 253.95 GBP given back
    bob adds 1 BAT: in the cart
    bob pays with tok_later: 253.95 GBP, placed, pending, unfulfilled
    eve adds 1 BAT: in the cart
    eve pays with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    bob is captured late: 253.95 GBP, expired, refunded, unfulfilled, 253.95 GBP given back
    ");
}

pub fn a_transfer_is_received_by_hand_and_shipped_in_parts(shop: &mut impl Telling) {
    shop.product("BALL", "24.90").stock("BALL", 5);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BALL", 3), ada.pays_later(), owner::ships(&ada), owner::marks_received(&ada)]);
    shop.run([owner::ships_some(&ada, 2), owner::marks_delivered(&ada), owner::ships_some(&ada, 2)]);
    shop.run([owner::ships(&ada), owner::marks_delivered(&ada), owner::cancels(&ada)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 3 BALL: in the cart
    ada pays later: 79.65 GBP, placed, pending, unfulfilled
    ada is shipped: refused: an order that is placed can't be shipped
    ada is paid by transfer: 79.65 GBP, confirmed, paid, unfulfilled
    ada is shipped: 79.65 GBP, confirmed, paid, partial
    ada is delivered: 79.65 GBP, confirmed, paid, partial
    ada is shipped: refused: 1 pieces are left
    ada is shipped: 79.65 GBP, confirmed, paid, fulfilled
    ada is delivered: 79.65 GBP, completed, paid, delivered
    ada is cancelled: refused: an order that is completed can't be cancelled
    ");
    assert_eq!(shop.available("BALL"), 2);
}

pub fn refunds_in_parts_end_at_exactly_what_was_paid(shop: &mut impl Telling) {
    shop.product("GRIP", "3.33").stock("GRIP", 9);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("GRIP", 3), ada.pays(), owner::ships(&ada)]);
    shop.run([owner::refunds(&ada, 1, true), owner::refunds(&ada, 1, false), owner::refunds_shipping(&ada)]);
    shop.run([owner::refunds(&ada, 1, true), owner::refunds(&ada, 1, true)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 3 GRIP: in the cart
    ada pays with tok_ok: 14.94 GBP, confirmed, paid, unfulfilled
    ada is shipped: 14.94 GBP, confirmed, paid, fulfilled
    ada is refunded: 14.94 GBP, confirmed, partially_refunded, fulfilled, 3.33 GBP given back
    ada is refunded: 14.94 GBP, confirmed, partially_refunded, fulfilled, 6.66 GBP given back
    ada gets the delivery back: 14.94 GBP, confirmed, partially_refunded, fulfilled, 11.61 GBP given back
    ada is refunded: 14.94 GBP, confirmed, refunded, fulfilled, 14.94 GBP given back
    ada is refunded: refused: 0 pieces are left
    ");
    assert_eq!(shop.available("GRIP"), 8, "two of three pieces were put back");
}

pub fn add_ons_are_part_of_the_price_and_make_a_line_of_their_own(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 4).add_on("Knocking-in", "35.00");
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.adds_with("BAT", 1, "Knocking-in"), ada.adds("BAT", 1), ada.pays()]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada adds 1 BAT: in the cart
    ada adds 1 BAT: in the cart
    ada pays with tok_ok: 786.95 GBP, confirmed, paid, unfulfilled
    ");
    let order = shop.order(&ada);
    let told: Vec<(i64, u32)> =
        order.lines.iter().map(|line| (line.unit_price, line.quantities.ordered)).collect();
    assert_eq!(told, [(24_900, 2), (28_400, 1)]);
    // Two plain bats, a bat and its knocking-in each rounded alone, and the delivery.
    assert_eq!(order.totals.tax, 8_300 + 4_150 + 583 + 83);
}

pub fn an_order_leaves_from_the_warehouse_that_has_all_of_it(shop: &mut impl Telling) {
    shop.warehouse("FAR").product("BAT", "249.00").product("PADS", "79.00");
    shop.stock_in("BAT", 0, 1).stock_in("BAT", 1, 1).stock_in("PADS", 1, 1);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.adds("PADS", 1), ada.pays()]);
    let order = shop.order(&ada);
    let from: Vec<_> = order.lines.iter().flat_map(|line| &line.allocations).map(|a| a.warehouse).collect();
    assert_eq!(from, [shop.warehouses()[1]; 2], "one parcel from the far house beats two");
}

pub fn a_request_that_comes_again_is_answered_as_it_was_and_acts_once(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 5);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.pays(), ada.pays(), owner::ships(&ada), ada.pays()]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    ada pays with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    ada is shipped: 253.95 GBP, confirmed, paid, fulfilled
    ada pays with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    ");
    assert_eq!(shop.available("BAT"), 4, "one order, however often it was asked for");
    shop.run([ada.pays_with("tok_declined")]);
    assert!(shop.story().ends_with("refused: this idempotency key was used with another request"));
}

pub fn a_pending_payment_is_decided_by_the_providers_word(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 2);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    let word = |who: &Shopper, captured| Act::ProviderSays { who: who.clone(), captured };
    shop.run([ada.adds("BAT", 1), ada.pays_with("tok_later"), word(&ada, true)]);
    shop.run([bob.adds("BAT", 1), bob.pays_with("tok_later"), word(&bob, false), bob.tries_again("tok_ok")]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_later: 253.95 GBP, placed, pending, unfulfilled
    ada is captured late: 253.95 GBP, confirmed, paid, unfulfilled
    bob adds 1 BAT: in the cart
    bob pays with tok_later: 253.95 GBP, placed, pending, unfulfilled
    bob is declined late: 253.95 GBP, placed, unpaid, unfulfilled
    bob tries again with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    ");
    assert_eq!(shop.available("BAT"), 0);
}

pub fn a_hold_is_kept_for_whoever_has_it(shop: &mut impl Telling) {
    shop.product("BALL", "24.90").stock("BALL", 2);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.adds("BALL", 2), ada.gives_address(), ada.reserves(), bob.adds("BALL", 1), bob.pays()]);
    shop.run([ada.pays()]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 2 BALL: in the cart
    ada gives an address: noted
    ada reserves: held
    bob adds 1 BALL: in the cart
    bob pays with tok_ok: refused: out of stock (0 of 1 BALL)
    ada pays with tok_ok: 54.75 GBP, confirmed, paid, unfulfilled
    ");
    assert_eq!(shop.available("BALL"), 0);
}
