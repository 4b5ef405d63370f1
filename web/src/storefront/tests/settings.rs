//! Settings that shoppers see, and what the shop learns from them.

use super::browser::Browser;
use crate::testing::Shopfront;
use gearify_commerce::Site;
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::{self, Branding, Colour, FontFamily, Tenant};
use gearify_commerce::time::MINUTE_MS;
use gearify_commerce::{cart, customers};
use std::collections::BTreeSet;

fn tenant(shop: &Shopfront) -> Tenant {
    let read = |view: &gearify_commerce::ReadScope<'_>| tenants::get(view);
    crate::ports::with_scope(&*shop.backend, GroupKind::World, shop.tenant, Site::NONE, read).unwrap()
}

/// The style sheet that the first page comes with.
async fn sheet_of(shop: &Shopfront, change: impl FnOnce(&mut Branding)) -> String {
    let mut branding = tenant(shop).branding.value;
    change(&mut branding);
    shop.backend.run(shop.tenant, tenants::Command::UpdateBranding { expected: None, branding });
    let mut browser = Browser::new(shop);
    browser.open("/").await.expect(200);
    let sheet = browser.page.link("/brand/").expect("a page has a style sheet");
    browser.open(&sheet).await.expect(200).html.clone()
}

#[tokio::test]
async fn the_band_behind_the_shops_name_has_the_shops_colour() {
    let shop = Shopfront::open();
    let navy = Colour::parse("#14213d").unwrap();
    let sheet = sheet_of(&shop, |branding| branding.header_colour = navy).await;
    assert!(sheet.contains("--head:#14213d;--head-ink:#ffffff;"), "{}", &sheet[..800]);
    assert!(sheet.contains(".head{background:var(--head);color:var(--head-ink)"));
}

#[tokio::test]
async fn every_choice_of_colour_and_type_shows() {
    let shop = Shopfront::open();
    let mut sheets = BTreeSet::new();
    for font in FontFamily::ALL {
        sheets.insert(sheet_of(&shop, |branding| branding.font = font).await);
    }
    let red = || Colour::parse("#8a1c2b").unwrap();
    sheets.insert(sheet_of(&shop, |branding| branding.primary_colour = red()).await);
    sheets.insert(sheet_of(&shop, |branding| branding.header_colour = red()).await);
    assert_eq!(sheets.len(), FontFamily::ALL.len() + 2);
}

#[tokio::test]
async fn a_cart_counts_as_abandoned_when_the_shop_says_so() {
    let shop = Shopfront::open();
    let mut settings = tenant(&shop).settings.value;
    settings.lifetimes.cart_idle_ms = 20 * MINUTE_MS;
    shop.backend.run(shop.tenant, tenants::Command::UpdateSettings { expected: None, settings });
    let told = || shop.backend.story().iter().filter(|name| **name == "cart.abandoned").count();
    for (email, consent) in [("meera@shopper.example", "yes"), ("bo@shopper.example", "")] {
        let mut browser = Browser::new(&shop);
        browser.open("/account/register").await.expect(200);
        let filled = [
            ("name", "Meera Quill"),
            ("email", email),
            ("password", "middle and leg"),
            ("consent.marketing", consent),
        ];
        browser.submit("/account/register", &filled).await.expect(200);
        browser.open("/p/match-ball").await;
        browser.submit("/cart/lines", &[]).await;
        browser.open("/checkout/contact").await.expect(200);
        browser.submit("/checkout/contact", &[]).await.expect(200);
    }
    shop.backend.pass(19 * MINUTE_MS);
    assert_eq!(told(), 0);
    shop.backend.pass(2 * MINUTE_MS);
    assert_eq!(told(), 1, "of the customer who agreed");
    shop.backend.pass(120 * MINUTE_MS);
    assert_eq!(told(), 1);
}

/// A guest in the checkout who has given an address, with the box ticked or not.
async fn guest(shop: &Shopfront, email: &str, consent: &str) -> Browser {
    let mut browser = Browser::new(shop);
    browser.open("/p/match-ball").await;
    browser.submit("/cart/lines", &[]).await;
    browser.open("/checkout/contact").await.expect(200).says("name=\"consent.marketing\"");
    let asked = browser.page.form("/checkout/contact");
    assert!(!asked.fields.iter().any(|(name, _)| name == "consent.marketing"), "the box is not ticked");
    let filled = [("email", email), ("consent.marketing", consent)];
    browser.submit("/checkout/contact", &filled).await.expect(200);
    assert_eq!(browser.path, "/checkout/delivery");
    browser
}

#[tokio::test]
async fn a_guest_who_agrees_at_the_checkout_is_remembered_and_nobody_else() {
    let shop = Shopfront::open();
    let told = || shop.backend.story().iter().filter(|name| **name == "cart.abandoned").count();
    let mut agreed = guest(&shop, "meera@shopper.example", "yes").await;
    guest(&shop, "bo@shopper.example", "").await;
    let mut undecided = guest(&shop, "kim@shopper.example", "yes").await;
    // Going back finds the box as it was left; taking the tick out takes the agreement back.
    let ticked = |browser: &Browser| {
        let form = browser.page.form("/checkout/contact");
        form.fields.contains(&("consent.marketing".into(), "yes".into()))
    };
    for browser in [&mut agreed, &mut undecided] {
        browser.open("/checkout/contact").await.expect(200);
        assert!(ticked(browser));
    }
    let wrong = [("email", "meera"), ("consent.marketing", "yes")];
    agreed.submit("/checkout/contact", &wrong).await.expect(422);
    assert!(ticked(&agreed), "a form that comes back keeps what was ticked");
    undecided.submit("/checkout/contact", &[("consent.marketing", "")]).await.expect(200);
    undecided.open("/checkout/contact").await.expect(200);
    assert!(!ticked(&undecided));

    let id = agreed.cookie("__Host-cart").unwrap().split('~').next().unwrap().to_owned();
    let cart = gearify_commerce::CartId::parse(&id).unwrap();
    let kept =
        crate::ports::with_scope(&*shop.backend, GroupKind::Region, shop.tenant, Site::FIRST, |view| {
            cart::GUEST_CONSENTS.get(view, &(cart, customers::MARKETING.to_owned()))
        });
    let kept = kept.unwrap();
    assert_eq!((kept.source.as_str(), kept.wording_version.as_str()), ("checkout", "1"));

    shop.backend.pass(59 * MINUTE_MS);
    assert_eq!(told(), 0);
    shop.backend.pass(2 * MINUTE_MS);
    assert_eq!(told(), 1, "of the guest who agreed");
    shop.backend.pass(180 * MINUTE_MS);
    assert_eq!(told(), 1, "once");
}

#[tokio::test]
async fn a_customer_is_not_asked_again_at_the_checkout() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/account/register").await.expect(200);
    let filled =
        [("name", "Meera Quill"), ("email", "meera@shopper.example"), ("password", "middle and leg")];
    browser.submit("/account/register", &filled).await.expect(200);
    browser.open("/p/match-ball").await;
    browser.submit("/cart/lines", &[]).await;
    browser.open("/checkout/contact").await.expect(200).is_silent_about("consent.marketing");
}
