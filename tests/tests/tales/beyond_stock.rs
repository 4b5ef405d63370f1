//! What is sold though it is not there.

use gearify_commerce::Timestamp;
use gearify_commerce::catalog::Policy;
use gearify_tests::Telling;
use gearify_tests::acts::owner;

pub fn a_backordered_thing_is_sold_beyond_stock_and_leaves_when_it_comes(shop: &mut impl Telling) {
    shop.product("BALL", "24.90").policy("BALL", Policy::Backorder).stock("BALL", 1);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.looks_at("BALL"), ada.adds("BALL", 3), ada.pays(), bob.looks_at("BALL")]);
    shop.run([owner::ships(&ada), owner::ships_some(&ada, 1), bob.adds("BALL", 1), bob.pays()]);
    assert_eq!(shop.available("BALL"), 0);
    shop.stock("BALL", 2).run([owner::ships(&ada), owner::ships(&bob), owner::cancels(&bob)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada looks at BALL: low_stock
    ada adds 3 BALL: in the cart
    ada pays with tok_ok: 79.65 GBP, confirmed, paid, unfulfilled
    bob looks at BALL: backorder
    ada is shipped: refused: 2 pieces are not in stock yet
    ada is shipped: 79.65 GBP, confirmed, paid, partial
    bob adds 1 BALL: in the cart
    bob pays with tok_ok: 29.85 GBP, confirmed, paid, unfulfilled
    ada is shipped: 79.65 GBP, confirmed, paid, fulfilled
    bob is shipped: refused: 1 pieces are not in stock yet
    bob is cancelled: 29.85 GBP, cancelled, refunded, unfulfilled, 29.85 GBP given back
    ");
    assert_eq!(shop.order(&ada).lines[0].allocations, []);
    assert_eq!(shop.available("BALL"), 0);
}

pub fn a_preordered_thing_is_sold_before_it_is_there(shop: &mut impl Telling) {
    // 2026-09-01.
    let policy = Policy::Preorder { available_at: Timestamp::from_millis(1_788_220_800_000) };
    shop.product("BAT", "249.00").policy("BAT", policy).product("PADS", "79.00");
    let (ada, bob, eve) = (shop.shopper("ada"), shop.shopper("bob"), shop.shopper("eve"));
    shop.run([ada.looks_at("BAT"), ada.adds("BAT", 1), ada.gives_address(), ada.reserves(), ada.pays()]);
    shop.run([bob.looks_at("PADS"), bob.adds("BAT", 1), bob.adds("PADS", 1), bob.pays()]);
    shop.run([eve.adds("BAT", 1), eve.pays(), owner::ships(&eve)]);
    shop.stock("BAT", 3).run([owner::ships(&ada), owner::ships(&eve)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada looks at BAT: preorder
    ada adds 1 BAT: in the cart
    ada gives an address: noted
    ada reserves: held
    ada pays with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    bob looks at PADS: out_of_stock
    bob adds 1 BAT: in the cart
    bob adds 1 PADS: in the cart
    bob pays with tok_ok: refused: out of stock (0 of 1 PADS)
    eve adds 1 BAT: in the cart
    eve pays with tok_ok: 253.95 GBP, confirmed, paid, unfulfilled
    eve is shipped: refused: 1 pieces are not in stock yet
    ada is shipped: 253.95 GBP, confirmed, paid, fulfilled
    eve is shipped: 253.95 GBP, confirmed, paid, fulfilled
    ");
    assert_eq!(shop.available("BAT"), 1);
}
