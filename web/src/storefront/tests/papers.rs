//! Invoices and credit notes, for whoever holds the order and for nobody else.

use super::browser::Browser;
use super::buy::{at_the_review, with_a_bat};
use crate::testing::Shopfront;
use gearify_commerce::tenants::{self, LegalEntity};
use gearify_commerce::{Country, Name};

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn is_registered(shop: &Shopfront) {
    let legal = LegalEntity {
        name: name("Willow Cricket Ltd"),
        address: vec![name("1 Pavilion Road"), name("London")],
        country: Country::parse("GB").unwrap(),
        registration: None,
        tax_id: Some(name("GB 123 4567 89")),
        email: None,
        phone: None,
    };
    shop.backend.run(shop.tenant, tenants::Command::UpdateLegalEntity { expected: None, legal: Some(legal) });
}

async fn buys(shop: &Shopfront) -> Browser {
    let mut browser = with_a_bat(shop).await;
    at_the_review(&mut browser, "tok_ok").await;
    browser.submit("/checkout/review", &[]).await.expect(200).says("Thank you");
    browser
}

#[tokio::test]
async fn a_shopper_prints_the_invoice_and_a_stranger_does_not() {
    let shop = Shopfront::open();
    is_registered(&shop);
    let mut browser = buys(&shop).await;
    browser.page.says("Tax invoice INV-000001");
    let order = browser.path.clone();
    let paper = format!("{order}/documents/INV-000001");
    browser.open(&paper).await.expect(200).says("Tax invoice INV-000001").says("Tax number GB 123 4567 89");
    browser.page.says("of which VAT 20 % on £211.62").says("£253.95").says("1 Oval Road");
    assert_eq!(browser.page.header("cache-control"), "private, no-store");
    assert_eq!(browser.page.header("content-language"), "en-GB");
    super::assert_no_inline(&browser.page);
    for none in ["INV-000002", "CN-000001", "INV-1", "x"] {
        browser.open(&format!("{order}/documents/{none}")).await.expect(404);
    }
    let mut other = Browser::new(&shop);
    other.open(&paper).await.expect(200);
    assert_eq!(other.path, "/orders/look-up");
    // Their own order opens their own papers only.
    let mut other = buys(&shop).await;
    let own = other.path.clone();
    other.open(&format!("{own}/documents/INV-000001")).await.expect(404);
    other.open(&format!("{own}/documents/INV-000002")).await.expect(200);
    other.open(&paper).await;
    other.page.is_silent_about("INV-000001");
}

#[tokio::test]
async fn a_cancelled_order_shows_its_credit_note() {
    let shop = Shopfront::open();
    let mut browser = buys(&shop).await;
    let order = browser.path.clone();
    browser.page.says("Invoice INV-000001").is_silent_about("Tax invoice");
    browser.submit(&format!("{order}/cancel"), &[]).await.expect(200).says("Credit note CN-000001");
    browser.open(&format!("{order}/documents/CN-000001")).await.expect(200).says("For invoice");
    browser.page.says("INV-000001").says("all that was not credited before").says("£253.95");
}
