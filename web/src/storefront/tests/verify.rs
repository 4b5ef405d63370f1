//! Whose address it is, and what joins an account once that is known.

use super::assert_no_inline;
use super::browser::Browser;
use super::buy::{at_the_review, with_a_bat};
use crate::ports::with_scope;
use crate::storefront::verify::VERIFY_LINK;
use crate::testing::Shopfront;
use gearify_commerce::command::GroupKind;
use gearify_commerce::customers::{CUSTOMERS, CUSTOMERS_BY_EMAIL, Customer};
use gearify_commerce::notifications::{MAILS, MailKind, Subject};
use gearify_commerce::time::{DAY_MS, HOUR_MS};
use gearify_commerce::{MailId, Site, ids};

const MEERA: &str = "meera@shopper.example";
const PASSWORD: &str = "middle and leg";
const OVER: &str = "does not work any more";

/// A bat, bought without an account under Meera's address.
async fn bought_as_a_guest(shop: &Shopfront) {
    let mut guest = with_a_bat(shop).await;
    at_the_review(&mut guest, "tok_ok").await;
    guest.submit("/checkout/review", &[]).await.expect(200).says("Thank you");
}

async fn registered(shop: &Shopfront, email: &str) -> Browser {
    let mut browser = Browser::new(shop);
    browser.open("/account/register").await.expect(200);
    let filled = [("name", "Meera Quill"), ("email", email), ("password", PASSWORD)];
    browser.submit("/account/register", &filled).await.expect(200);
    browser
}

fn customer(shop: &Shopfront, email: &str) -> Customer {
    let hash = shop.state.backend.vault().hash(shop.tenant, "email", email.as_bytes());
    with_scope(&*shop.backend, GroupKind::Region, shop.tenant, Site::FIRST, |view| {
        CUSTOMERS.get(view, &CUSTOMERS_BY_EMAIL.get(view, &hash).unwrap().0).unwrap()
    })
}

/// The mails that ask an account whose address it is.
fn mails(shop: &Shopfront, email: &str) -> Vec<MailId> {
    let subject = Subject::Customer(customer(shop, email).id);
    with_scope(&*shop.backend, GroupKind::Region, shop.tenant, Site::FIRST, |view| {
        let mails = MAILS.list(view, &(), 100).into_iter();
        let asking = mails.filter(|mail| mail.kind == MailKind::VerifyEmail && mail.subject == subject);
        asking.map(|mail| mail.id).collect()
    })
}

fn link_of(shop: &Shopfront, email: &str, mail: MailId) -> String {
    VERIFY_LINK.path(shop.state.backend.vault(), shop.tenant, &customer(shop, email), mail)
}

/// The link of the newest mail.
fn link(shop: &Shopfront, email: &str) -> String {
    link_of(shop, email, *mails(shop, email).last().expect("a mail was written"))
}

async fn sees_the_bat(browser: &mut Browser) -> bool {
    browser.open("/account/orders").await.expect(200).html.contains("Seam Edition Bat")
}

#[tokio::test]
async fn a_guests_order_is_in_the_account_once_its_address_is_confirmed() {
    let shop = Shopfront::open();
    bought_as_a_guest(&shop).await;
    let mut meera = registered(&shop, MEERA).await;
    assert!(!sees_the_bat(&mut meera).await, "an address is not yet a proof");
    meera.page.says("not confirmed yet");
    let link = link(&shop, MEERA);
    // A program that looks through mails opens the link: that is nobody's word.
    let before = shop.backend.state_hash();
    let mut scanner = Browser::new(&shop);
    scanner.open(&link).await.expect(200);
    assert!(scanner.path.starts_with("/account/sign-in?next="), "{}", scanner.path);
    meera.open(&link).await.expect(200).says("It is mine");
    assert_no_inline(&meera.page);
    assert_eq!(shop.backend.state_hash(), before, "opening changes nothing");
    meera.submit("/account/verify", &[]).await.expect(200).says("Your e-mail address is confirmed");
    meera.page.is_silent_about("not confirmed yet");
    assert!(sees_the_bat(&mut meera).await);
    meera.page.says("£253.95").is_silent_about("not confirmed yet");
    // It acts once: later it only says that all is done.
    let after = shop.backend.state_hash();
    meera.open(&link).await.expect(200).says("Your e-mail address is confirmed");
    assert_eq!(shop.backend.state_hash(), after);
}

#[tokio::test]
async fn what_is_bought_under_a_confirmed_address_is_in_the_account_and_found_by_number_as_ever() {
    let shop = Shopfront::open();
    let mut meera = registered(&shop, MEERA).await;
    meera.open(&link(&shop, MEERA)).await.expect(200);
    meera.submit("/account/verify", &[]).await.expect(200);
    bought_as_a_guest(&shop).await;
    assert!(sees_the_bat(&mut meera).await);
    let mut guest = Browser::new(&shop);
    guest.open("/orders/look-up").await.expect(200);
    let sought = [("number", "1001"), ("email", MEERA)];
    guest.submit("/orders/look-up", &sought).await.expect(200).says("Seam Edition Bat");
    // What she buys signed in is seen signed in.
    meera.open("/p/seam-edition-bat").await.expect(200);
    meera.submit("/cart/lines", &[("option.size", "sh")]).await.expect(200);
    at_the_review(&mut meera, "tok_ok").await;
    meera.submit("/checkout/review", &[]).await.expect(200).says("Thank you");
    guest.open("/orders/look-up").await.expect(200);
    guest.submit("/orders/look-up", &[("number", "1002"), ("email", MEERA)]).await.expect(422);
}

#[tokio::test]
async fn whoever_is_not_signed_in_comes_back_to_the_link() {
    let shop = Shopfront::open();
    registered(&shop, MEERA).await;
    let mut elsewhere = Browser::new(&shop);
    let link = link(&shop, MEERA);
    elsewhere.open(&link).await.expect(200);
    elsewhere.submit("/account/sign-in", &[("email", MEERA), ("password", PASSWORD)]).await.expect(200);
    elsewhere.page.says("It is mine");
    elsewhere.submit("/account/verify", &[]).await.expect(200).says("Your e-mail address is confirmed");
    assert!(customer(&shop, MEERA).email_verified);
}

#[tokio::test]
async fn nobody_gets_the_orders_of_an_address_that_is_not_theirs() {
    let shop = Shopfront::open();
    bought_as_a_guest(&shop).await;
    // Eve makes an account under Meera's address. She has no mail, and what she makes up is no link.
    let mut eve = registered(&shop, MEERA).await;
    let good = link(&shop, MEERA);
    let (begin, secret) = good.rsplit_once('~').unwrap();
    let made_up = format!("{begin}~{}", secret.chars().rev().collect::<String>());
    for token in [made_up.as_str(), &format!("{good}0"), begin, "/account/verify?token=~~"] {
        eve.open(token).await.expect(422).says(OVER);
    }
    eve.open("/account/verify").await.expect(422).says(OVER);
    // Meera gets the mail. Her click alone gives Eve nothing: she has no password of that account.
    let mut meera = Browser::new(&shop);
    meera.open(&good).await.expect(200);
    assert!(meera.path.starts_with("/account/sign-in"));
    assert!(!customer(&shop, MEERA).email_verified && !sees_the_bat(&mut eve).await);
    // Bo's own address is his; Meera's link does nothing for him, and nothing at another shop.
    let mut bo = registered(&shop, "bo@shopper.example").await;
    bo.open(&good).await.expect(422).says(OVER);
    bo.open(&link(&shop, "bo@shopper.example")).await.expect(200);
    let mut sent = bo.page.form("/account/verify");
    bo.submit("/account/verify", &[]).await.expect(200).says("Your e-mail address is confirmed");
    assert!(!sees_the_bat(&mut bo).await);
    sent.fields.retain(|(name, _)| name != "token");
    sent.fields.push(("token".into(), good.split_once('=').unwrap().1.into()));
    bo.post(&sent).await.expect(422).says(OVER);
    Browser::of(shop.visitor_of("boundary.localhost")).open(&good).await.expect(422).says(OVER);
    assert!(!customer(&shop, MEERA).email_verified);
}

#[tokio::test]
async fn a_link_ends_after_three_days_and_another_is_sent_on_request() {
    let shop = Shopfront::open();
    let mut meera = registered(&shop, MEERA).await;
    let now = crate::app::Clock::now(&*shop.backend);
    let written = |millis_ago: i64| MailId::from_bits(ids::uuid_v7(now.plus_millis(-millis_ago), 7));
    meera.open(&link_of(&shop, MEERA, written(3 * DAY_MS + HOUR_MS))).await.expect(422).says(OVER);
    meera.open(&link_of(&shop, MEERA, written(3 * DAY_MS - HOUR_MS))).await.expect(200).says("It is mine");
    assert_eq!(mails(&shop, MEERA).len(), 1);
    meera.open("/account").await.expect(200).says("not confirmed yet");
    meera.submit("/account/verify", &[]).await.expect(200).says("A link is written to your address");
    assert_eq!(mails(&shop, MEERA).len(), 2);
    meera.open(&link(&shop, MEERA)).await.expect(200);
    let again = meera.page.form("/account/verify");
    meera.post(&again).await.expect(200).says("Your e-mail address is confirmed");
    // There is nothing to ask for any more.
    let mut asking = again.clone();
    asking.fields.retain(|(name, _)| name != "token");
    meera.post(&asking).await.expect(200).says("Your e-mail address is confirmed");
    assert_eq!(mails(&shop, MEERA).len(), 2);
    // Staff see that the mail was written, but not the link.
    let mut owner = Browser::new(&shop);
    owner.open("/console/sign-in").await.expect(200);
    let login = [("email", crate::testing::OWNER_EMAIL), ("password", crate::testing::STAFF_PASSWORD)];
    owner.submit("/console/sign-in", &login).await.expect(200);
    owner.open(&format!("/console/outbox/{}", mails(&shop, MEERA)[0])).await.expect(200);
    owner.page.says("Is this your address?").says("The link is left out here");
    assert!(!owner.page.html.contains("token="));
}
