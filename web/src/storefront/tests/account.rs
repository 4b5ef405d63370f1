//! Accounts: registering, signing in, what is kept.

use super::assert_no_inline;
use super::browser::Browser;
use crate::testing::Shopfront;

const PASSWORD: &str = "middle and leg";

async fn registered(shop: &Shopfront) -> Browser {
    let mut browser = Browser::new(shop);
    browser.open("/account/register").await.expect(200);
    let filled = [("name", "Meera Quill"), ("email", "meera@shopper.example"), ("password", PASSWORD)];
    browser.submit("/account/register", &filled).await.expect(200).says("No orders yet");
    assert_eq!(browser.path, "/account/orders");
    browser
}

#[tokio::test]
async fn an_account_is_made_left_and_opened_again() {
    let shop = Shopfront::open();
    let mut browser = registered(&shop).await;
    browser.open("/").await.expect(200).says("Meera Quill");
    browser.open("/account").await.expect(200).says("meera@shopper.example");
    assert_no_inline(&browser.page);
    browser.submit("/account/sign-out", &[]).await.expect(200).says("You are signed out");
    browser.page.is_silent_about("Meera Quill");
    browser.open("/account/orders").await.expect(200);
    assert_eq!(browser.path, "/account/sign-in?next=%2Faccount%2Forders");
    browser
        .submit("/account/sign-in", &[("email", "meera@shopper.example"), ("password", "wrong")])
        .await
        .expect(422);
    browser.page.says("password is wrong");
    let right = [("email", "meera@shopper.example"), ("password", PASSWORD)];
    browser.submit("/account/sign-in", &right).await.expect(200);
    assert_eq!(browser.path, "/account/orders");
}

#[tokio::test]
async fn what_is_wrong_with_a_new_account_stands_beside_its_fields() {
    let shop = Shopfront::open();
    registered(&shop).await;
    let mut browser = Browser::new(&shop);
    browser.open("/account/register").await;
    let filled = [("name", ""), ("email", "nobody"), ("password", "short")];
    browser.submit("/account/register", &filled).await.expect(422);
    for field in ["name", "email", "password"] {
        assert!(browser.page.error_of(field).is_some(), "{field}");
    }
    browser.page.is_silent_about("short");
    let taken = [("name", "M"), ("email", "Meera@shopper.example"), ("password", PASSWORD)];
    browser.submit("/account/register", &taken).await.expect(422);
    assert!(browser.page.error_of("email").unwrap().contains("There is an account"));
}

#[tokio::test]
async fn a_guests_cart_comes_along_and_the_order_is_in_the_account() {
    let shop = Shopfront::open();
    registered(&shop).await;
    let mut browser = Browser::new(&shop);
    browser.open("/p/match-ball").await;
    browser.submit("/cart/lines", &[("quantity", "2")]).await;
    browser.open("/account/sign-in?next=/checkout/contact").await.expect(200).says("/checkout/contact");
    let right = [("email", "meera@shopper.example"), ("password", PASSWORD)];
    browser.submit("/account/sign-in", &right).await.expect(200).says("Match Ball");
    assert_eq!(browser.path, "/checkout/contact");
    let known = browser.page.form("/checkout/contact");
    assert!(known.fields.contains(&("email".into(), "meera@shopper.example".into())));
    browser.submit("/checkout/contact", &[]).await.expect(200);
    let address = [
        ("shipping.country", "GB"),
        ("shipping.name", "Meera Quill"),
        ("shipping.line1", "1 Oval Road"),
        ("shipping.city", "London"),
        ("shipping.postal_code", "SE11 5SS"),
        ("update", "options"),
    ];
    browser.submit("/checkout/delivery", &address).await.expect(200);
    browser.submit("/checkout/delivery", &[]).await.expect(200);
    browser.submit("/checkout/payment", &[("payment", "test")]).await.expect(200);
    browser.submit("/checkout/review", &[]).await.expect(200).says("Thank you");
    let path = browser.path.clone();
    browser.open("/account/orders").await.expect(200).says("Match Ball").says("£28.95");
    // It opens by the login alone; another account does not see it.
    let mut other = Browser::new(&shop);
    other.open("/account/register").await;
    let filled = [("name", "Bo"), ("email", "bo@shopper.example"), ("password", PASSWORD)];
    other.submit("/account/register", &filled).await.expect(200);
    other.open(&path).await.expect(404);
}

#[tokio::test]
async fn addresses_are_kept_and_offered_at_the_till() {
    let shop = Shopfront::open();
    let mut browser = registered(&shop).await;
    browser.open("/account/addresses/new").await.expect(200);
    browser.submit("/account/addresses", &[("address.name", "Meera")]).await.expect(422);
    assert!(browser.page.error_of("address.line1").is_some());
    let filled = [
        ("address.name", "Meera Quill"),
        ("address.line1", "1 Oval Road"),
        ("address.city", "London"),
        ("address.postal_code", "SE11 5SS"),
        ("default", "yes"),
    ];
    browser
        .submit("/account/addresses", &filled)
        .await
        .expect(200)
        .says("The address is saved")
        .says("1 Oval Road");
    let edit = browser.page.link("/account/addresses/address_").unwrap();
    browser.open(&edit).await.expect(200);
    browser.submit(&edit, &[("address.line1", "2 Oval Road")]).await.expect(200).says("2 Oval Road");
    browser.open("/p/match-ball").await;
    browser.submit("/cart/lines", &[]).await;
    browser.open("/checkout/contact").await;
    browser.submit("/checkout/contact", &[]).await.expect(200).says("2 Oval Road");
    browser.submit("/checkout/delivery", &[("update", "options")]).await.expect(200).says("Standard");
    browser.submit("/checkout/delivery", &[]).await.expect(200);
    assert_eq!(browser.path, "/checkout/payment");
    browser.open("/account/addresses").await;
    browser.submit(&format!("{edit}/remove"), &[]).await.expect(200).says("No addresses yet");
}

#[tokio::test]
async fn details_are_changed_with_the_pages_own_token_only() {
    let shop = Shopfront::open();
    let mut browser = registered(&shop).await;
    browser.open("/account").await;
    browser.submit("/account", &[("name", ""), ("phone", "x")]).await.expect(422);
    assert!(browser.page.error_of("name").is_some() && browser.page.error_of("phone").is_some());
    let changed = [("name", "Meera Q"), ("phone", "+44 20 7946 0000"), ("consent.marketing", "yes")];
    browser.submit("/account", &changed).await.expect(200).says("Your details are saved").says("Meera Q");
    let form = browser.page.form("/account");
    assert!(form.fields.contains(&("consent.marketing".into(), "yes".into())));
    for token in ["", "0000"] {
        let mut forged = form.clone();
        forged.fields.retain(|(name, _)| name != "csrf");
        forged.fields.push(("csrf".into(), token.into()));
        browser.post(&forged).await.expect(403);
    }
}

#[tokio::test]
async fn a_forgotten_password_is_replaced_by_the_link_of_a_mail_once() {
    use gearify_commerce::Site;
    use gearify_commerce::command::GroupKind;
    use gearify_commerce::customers::{CUSTOMERS, CUSTOMERS_BY_EMAIL};
    use gearify_commerce::notifications::{MAILS, MailKind};

    let shop = Shopfront::open();
    let mut signed_in = registered(&shop).await;
    let mut browser = Browser::new(&shop);
    let mut said = Vec::new();
    for email in ["nobody@shopper.example", "meera@shopper.example"] {
        browser.open("/account/password-reset").await.expect(200);
        said.push(
            browser.submit("/account/password-reset", &[("email", email)]).await.expect(200).html.clone(),
        );
    }
    assert_eq!(said[0], said[1]);
    tokio::task::yield_now().await;
    let vault = shop.state.backend.vault();
    let link = || {
        crate::ports::with_scope(&*shop.backend, GroupKind::Region, shop.tenant, Site::FIRST, |view| {
            let mails = MAILS.list(view, &(), 10);
            let mail = mails.iter().find(|mail| mail.kind == MailKind::PasswordReset).expect("one mail");
            let hash = vault.hash(shop.tenant, "email", b"meera@shopper.example");
            let customer = CUSTOMERS.get(view, &CUSTOMERS_BY_EMAIL.get(view, &hash).unwrap().0).unwrap();
            crate::storefront::password::RESET_LINK.path(vault, shop.tenant, &customer, mail.id)
        })
    };
    let link = link();
    // Staff see that the mail was written, to whom and about what, but not the link that opens the account.
    let mut owner = Browser::new(&shop);
    owner.open("/console/sign-in").await.expect(200);
    let login = [("email", crate::testing::OWNER_EMAIL), ("password", crate::testing::STAFF_PASSWORD)];
    owner.submit("/console/sign-in", &login).await.expect(200);
    owner.open("/console/outbox").await.expect(200).says("Choose a new password");
    let [_, mail, secret] = link.split('~').collect::<Vec<_>>()[..] else { panic!("{link}") };
    owner.open(&format!("/console/outbox/{mail}")).await.expect(200).says("The link is left out here");
    owner.page.says("meera@shopper.example");
    assert!(!owner.page.html.contains(secret) && !owner.page.html.contains("token="));
    let mut forged = Browser::new(&shop);
    forged.open(&format!("{link}0")).await.expect(422).says("does not work any more");
    browser.open(&link).await.expect(200);
    browser.submit("/account/password-reset", &[("password", "short")]).await.expect(422);
    assert!(browser.page.error_of("password").is_some());
    browser.submit("/account/password-reset", &[("password", "off and middle")]).await.expect(200);
    browser.page.says("The new password is set");
    // It worked once, it signed every device out, and the old password opens nothing.
    browser.open(&link).await.expect(422).says("does not work any more");
    signed_in.open("/account").await.expect(200);
    assert!(signed_in.path.starts_with("/account/sign-in"));
    let filled = |password| [("email", "meera@shopper.example"), ("password", password)];
    signed_in.submit("/account/sign-in", &filled(PASSWORD)).await.expect(422);
    signed_in.submit("/account/sign-in", &filled("off and middle")).await.expect(200);
}
