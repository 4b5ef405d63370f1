//! What goes back: pieces to the shelf they left from, and money that is not the price of anything.

use gearify_commerce::orders::PaymentStatus;
use gearify_tests::Telling;
use gearify_tests::acts::{Act, Word, owner};

pub fn no_more_pieces_are_put_back_than_left(shop: &mut impl Telling) {
    shop.product("BALL", "24.90").stock("BALL", 3);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BALL", 3), ada.pays(), owner::ships_some(&ada, 1)]);
    shop.run([owner::refunds(&ada, 1, true), owner::refunds(&ada, 1, true)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 3 BALL: in the cart
    ada pays with tok_ok: 79.65 GBP, confirmed, paid, unfulfilled
    ada is shipped: 79.65 GBP, confirmed, paid, partial
    ada is refunded: 79.65 GBP, confirmed, partially_refunded, partial, 24.90 GBP given back
    ada is refunded: 79.65 GBP, confirmed, partially_refunded, partial, 49.80 GBP given back
    ");
    assert_eq!(shop.available("BALL"), 1, "one left and came back, two are still set aside");
    assert_eq!(shop.order(&ada).lines[0].quantities.returned, 1);
}

pub fn what_is_captured_a_second_time_goes_back(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 2);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.pays_with("tok_declined"), Act::Minutes(1), ada.tries_again("tok_ok")]);
    shop.run([ada.hears(0, Word::Captured), owner::ships(&ada), owner::refunds(&ada, 1, true)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_declined: 253.95 GBP, placed, unpaid, unfulfilled
    ada tries again with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    ada hears that attempt 1 is captured: 253.95 GBP, confirmed, paid, unfulfilled, 253.95 GBP given back
    ada is shipped: 253.95 GBP, confirmed, paid, fulfilled, 253.95 GBP given back
    ada is refunded: 253.95 GBP, confirmed, partially_refunded, fulfilled, 502.95 GBP given back
    ");
}

pub fn an_order_that_lapses_gives_back_the_part_that_was_paid(shop: &mut impl Telling) {
    shop.product("BAT", "249.00").stock("BAT", 1);
    let ada = shop.shopper("ada");
    shop.run([ada.adds("BAT", 1), ada.pays_with("tok_later"), ada.hears(0, Word::CapturedPart(10_000))]);
    shop.run([Act::Minutes(1), ada.tries_again("tok_later"), Act::Minutes(31), ada.hears(1, Word::Captured)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_later: 253.95 GBP, placed, pending, unfulfilled
    ada hears that attempt 1 is captured to 100.00 GBP: 253.95 GBP, placed, partially_paid, unfulfilled
    ada tries again with tok_later: 253.95 GBP, placed, partially_paid, unfulfilled
    ada hears that attempt 2 is captured: 253.95 GBP, expired, refunded, unfulfilled, 253.95 GBP given back
    ");
    assert_eq!(shop.available("BAT"), 1);
}

pub fn a_transfer_instead_of_a_declined_card_has_its_week(shop: &mut impl Telling) {
    const DAY: i64 = 24 * 60;
    shop.product("BAT", "249.00").stock("BAT", 2);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    for who in [&ada, &bob] {
        shop.run([who.adds("BAT", 1), who.pays_with("tok_declined")]);
        shop.run([Act::Minutes(1), who.transfers_instead()]);
    }
    shop.run([Act::Minutes(6 * DAY), owner::marks_received(&ada)]);
    assert_eq!(shop.order(&bob).payment_status(), PaymentStatus::Pending);
    shop.run([Act::Minutes(2 * DAY)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 1 BAT: in the cart
    ada pays with tok_declined: 253.95 GBP, placed, unpaid, unfulfilled
    ada chooses a transfer instead: 253.95 GBP, placed, pending, unfulfilled
    bob adds 1 BAT: in the cart
    bob pays with tok_declined: 253.95 GBP, placed, unpaid, unfulfilled
    bob chooses a transfer instead: 253.95 GBP, placed, pending, unfulfilled
    ada is paid by transfer: 253.95 GBP, confirmed, paid, unfulfilled
    ");
    assert_eq!(shop.order(&bob).status.as_str(), "expired");
    assert_eq!(shop.available("BAT"), 1);
}
