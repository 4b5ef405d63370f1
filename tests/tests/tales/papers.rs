//! Invoices and credit notes: what an accountant finds at the end of the year.

use gearify_tests::Telling;
use gearify_tests::acts::{Shopper, owner};

/// Every paper of an order with its amount.
fn told(shop: &impl Telling, who: &Shopper) -> Vec<String> {
    let papers = shop.papers(who).documents;
    papers.iter().map(|document| format!("{} {}", document.number, document.amount)).collect()
}

pub fn papers_are_numbered_as_they_are_issued(shop: &mut impl Telling) {
    shop.product("BALL", "24.90").stock("BALL", 9);
    let [ada, bob, cat] = ["ada", "bob", "cat"].map(|name| shop.shopper(name));
    shop.run([ada.adds("BALL", 2), ada.pays(), bob.adds("BALL", 1), bob.pays_with("tok_declined")]);
    shop.run([cat.adds("BALL", 1), cat.pays_later()]);
    assert_eq!(told(shop, &ada), ["INV-000001 5475"]);
    assert_eq!([told(shop, &bob), told(shop, &cat)], [vec![], vec![] as Vec<String>], "nobody has paid");
    shop.run([owner::marks_received(&cat), owner::refunds(&ada, 1, false), owner::cancels(&cat)]);
    shop.run([bob.tries_again("tok_ok"), owner::gives_goodwill(&ada, 300)]);
    assert_eq!(told(shop, &ada), ["INV-000001 5475", "CN-000001 2490", "CN-000003 300"]);
    assert_eq!(told(shop, &cat), ["INV-000002 2985", "CN-000002 2985"], "all of it, and at once");
    assert_eq!(told(shop, &bob), ["INV-000003 2985"], "in the order in which they were paid");
}
