//! Staff know better: a line leaves from another house than was chosen for it.

use gearify_tests::Telling;
use gearify_tests::acts::owner;

pub fn a_line_is_sent_from_the_house_that_staff_choose(shop: &mut impl Telling) {
    shop.warehouse("FAR").product("BALL", "24.90").stock("BALL", 3).stock_in("BALL", 1, 3);
    let (ada, bob) = (shop.shopper("ada"), shop.shopper("bob"));
    shop.run([ada.adds("BALL", 3), ada.pays(), owner::ships_some(&ada, 1), owner::moves(&ada, 0, 1)]);
    // What was set aside near is free again, and no longer far.
    shop.run([bob.adds("BALL", 3), bob.pays(), owner::moves(&bob, 0, 1), owner::moves(&ada, 0, 1)]);
    shop.run([owner::ships(&ada), owner::refunds(&ada, 3, true)]);
    insta::assert_snapshot!(shop.story(), @r"
    ada adds 3 BALL: in the cart
    ada pays with tok_ok: 79.65 GBP, confirmed, paid, unfulfilled
    ada is shipped: 79.65 GBP, confirmed, paid, partial
    ada is sent from elsewhere: 79.65 GBP, confirmed, paid, partial
    bob adds 3 BALL: in the cart
    bob pays with tok_ok: 79.65 GBP, confirmed, paid, unfulfilled
    bob is sent from elsewhere: refused: out of stock (0 of 2 BALL)
    ada is sent from elsewhere: refused: nothing is set aside elsewhere
    ada is shipped: 79.65 GBP, confirmed, paid, fulfilled
    ada is refunded: 79.65 GBP, confirmed, partially_refunded, fulfilled, 74.70 GBP given back
    ");
    let from: Vec<_> = shop.order(&ada).shipments.iter().map(|shipment| shipment.warehouse).collect();
    let houses = shop.warehouses();
    assert_eq!(from, [Some(houses[0]), Some(houses[1])]);
    assert_eq!(shop.available("BALL"), 3, "each piece is back in its house");
}
