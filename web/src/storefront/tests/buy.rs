//! Buying: from the shelf to the order, with everything that can go wrong in between.

use super::assert_no_inline;
use super::browser::Browser;
use crate::testing::Shopfront;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::{ORDERS, OrderStatus};
use gearify_commerce::{OrderId, Site, catalog, inventory, pricing, tenants};

const ADDRESS: [(&str, &str); 5] = [
    ("shipping.country", "GB"),
    ("shipping.name", "Meera Quill"),
    ("shipping.line1", "1 Oval Road"),
    ("shipping.city", "London"),
    ("shipping.postal_code", "se11 5ss"),
];

/// Puts a bat in the cart.
pub(super) async fn with_a_bat(shop: &Shopfront) -> Browser {
    let mut browser = Browser::new(shop);
    browser.open("/p/seam-edition-bat").await.expect(200);
    browser.submit("/cart/lines", &[("option.size", "sh")]).await.expect(200).says("in your basket");
    browser
}

/// Fills in contact and delivery, as far as the page where it is said how to pay.
async fn at_the_till(browser: &mut Browser) {
    browser.open("/cart").await.expect(200).says("Seam Edition Bat");
    let till = browser.page.link("/checkout/contact").unwrap();
    browser.open(&till).await.expect(200);
    browser.submit("/checkout/contact", &[("email", "meera@shopper.example")]).await.expect(200);
    assert_eq!(browser.path, "/checkout/delivery");
    let mut asking = ADDRESS.to_vec();
    asking.push(("update", "options"));
    browser.submit("/checkout/delivery", &asking).await.expect(200).says("Standard").says("SE11 5SS");
    browser.submit("/checkout/delivery", &[]).await.expect(200);
    assert_eq!(browser.path, "/checkout/payment");
}

pub(super) async fn at_the_review(browser: &mut Browser, card: &str) {
    at_the_till(browser).await;
    browser.submit("/checkout/payment", &[("payment", "test"), ("test.card", card)]).await.expect(200);
    assert_eq!(browser.path, "/checkout/review", "{}", browser.page.html);
}

fn order_of(shop: &Shopfront, path: &str) -> gearify_commerce::orders::Order {
    let id = OrderId::parse(path.rsplit('/').next().unwrap().split('?').next().unwrap()).unwrap();
    crate::ports::with_scope(&*shop.backend, GroupKind::Region, shop.tenant, Site::FIRST, |view| {
        ORDERS.get(view, &id).unwrap()
    })
}

fn restock(shop: &Shopfront, sku: &'static str, delta: i64) {
    let item = catalog::Variant::own_stock_item(shop.variants[sku]);
    let reason = inventory::Reason::Correction;
    let (warehouse, sku) = (shop.warehouse, sku.to_owned());
    shop.backend.run(shop.tenant, inventory::Command::Adjust { item, sku, warehouse, delta, reason });
}

#[tokio::test]
async fn a_guest_buys_a_bat_without_scripts() {
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    assert_eq!(browser.page.header("cache-control"), "private, no-store");
    assert_no_inline(&browser.page);
    at_the_till(&mut browser).await;
    assert_no_inline(&browser.page);
    browser.page.says("demonstration");
    browser.submit("/checkout/payment", &[("payment", "test"), ("test.card", "tok_ok")]).await.expect(200);
    browser.page.says("Place order and pay £253.95").says("Held for you until 00:05").says("1 Oval Road");
    assert_no_inline(&browser.page);
    browser.submit("/checkout/review", &[("note", "Leave it with the groundsman.")]).await.expect(200);
    browser.page.says("Thank you, it is yours").says("meera@shopper.example").says("£253.95");
    assert_no_inline(&browser.page);
    let order = order_of(&shop, &browser.path);
    assert_eq!((order.status, order.totals.total), (OrderStatus::Confirmed, 25_395));
    assert!(order.customer_note.is_some());
    assert_eq!(browser.cookie("__Host-cart"), None, "the cart is done with");
    // The page stays this browser's.
    let path = browser.path.clone();
    browser.open(&path).await.expect(200);
    let mut other = Browser::new(&shop);
    other.open(&path).await.expect(200);
    assert_eq!(other.path, "/orders/look-up");
    other.open(&format!("{path}?token=0000000000")).await.expect(404);
    let token = crate::auth::order_token(shop.state.backend.vault(), shop.tenant, order.id);
    other.open(&format!("{path}?token={token}")).await.expect(200).says("Thank you");
    assert_eq!(other.path, path, "the token is out of the address");
}

#[tokio::test]
async fn add_ons_and_quantities_are_counted_and_can_be_taken_back() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/p/seam-edition-bat").await;
    let knocking = shop.knocking.to_string();
    browser.submit("/cart/lines", &[("option.size", "sh"), ("add_on", &knocking), ("quantity", "2")]).await;
    browser.open("/cart").await.expect(200).says("Knocking in").says("£538.00").says("Short Handle");
    let change = browser
        .page
        .html
        .split("action=\"/cart/lines/")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let line = format!("/cart/lines/{}", change.trim_end_matches("/remove"));
    browser.submit(&line, &[("quantity", "many")]).await.expect(422).says("Choose a number from 1 to 999");
    browser.submit(&line, &[("quantity", "1")]).await.expect(200).says("£269.00");
    browser.submit("/cart/destination", &[("country", "GB"), ("postal_code", "SE11")]).await.expect(200);
    browser.page.says("Standard").says("£4.95");
    browser.submit("/cart/destination", &[("country", "FR")]).await.expect(422);
    browser.page.says("We do not deliver to France. We deliver to the United Kingdom.");
    browser.page.says("<option value=\"FR\" selected>France");
    browser.submit(&format!("{line}/remove"), &[]).await.expect(200).says("basket is empty");
}

#[tokio::test]
async fn what_is_not_chosen_or_not_there_is_said_on_the_product_page() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/p/seam-edition-bat").await;
    let knocking = shop.knocking.to_string();
    browser.submit("/cart/lines", &[("add_on", &knocking)]).await.expect(422).says("Choose first: Size");
    let kept = browser.page.form("/cart/lines");
    assert!(kept.fields.contains(&("add_on".into(), knocking)), "what was chosen is kept");
    browser.submit("/cart/lines", &[("option.size", "sh"), ("quantity", "0")]).await.expect(422);
    browser.submit("/cart/lines", &[("option.size", "xxl")]).await.expect(422).says("not made");
    browser.submit("/cart/lines", &[("product_id", "product_x")]).await.expect(404);
}

#[tokio::test]
async fn the_script_gets_data_for_the_same_form() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop).with("accept", "application/json");
    browser.open("/p/match-ball").await;
    let page = browser.submit("/cart/lines", &[("quantity", "3")]).await.expect(200);
    let answer: serde_json::Value = serde_json::from_str(&page.html).unwrap();
    assert_eq!(answer["count"], 3);
    browser.open("/p/match-ball").await;
    let page = browser.submit("/cart/lines", &[("quantity", "-1")]).await.expect(422);
    assert_eq!(page.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn a_declined_card_is_told_and_the_order_paid_with_another() {
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    at_the_review(&mut browser, "tok_declined").await;
    browser.submit("/checkout/review", &[]).await.expect(200).says("did not go through").says("until 00:30");
    let path = browser.path.clone();
    assert_eq!(order_of(&shop, &path).status, OrderStatus::Placed);
    let again = format!("{path}/payments");
    browser.submit(&again, &[("payment", "test"), ("test.card", "tok_ok")]).await.expect(200);
    browser.page.says("Thank you, it is yours").says("declined by the bank");
    assert_eq!(order_of(&shop, &path).status, OrderStatus::Confirmed);
}

#[tokio::test]
async fn a_payment_that_is_decided_later_is_waited_for_and_a_transfer_is_awaited() {
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    at_the_review(&mut browser, "tok_later").await;
    browser.submit("/checkout/review", &[]).await.expect(200).says("still being confirmed").says("data-poll");
    let mut browser = with_a_bat(&shop).await;
    at_the_till(&mut browser).await;
    browser.submit("/checkout/payment", &[("payment", "manual")]).await.expect(200).says("Bank transfer");
    browser.submit("/checkout/review", &[]).await.expect(200).says("until your payment arrives");
    let path = browser.path.clone();
    browser.submit(&format!("{path}/cancel"), &[]).await.expect(200).says("was cancelled");
    assert_eq!(order_of(&shop, &path).status, OrderStatus::Cancelled);
}

#[tokio::test]
async fn a_form_sent_twice_is_one_order() {
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    at_the_review(&mut browser, "tok_ok").await;
    let form = browser.page.form("/checkout/review");
    let cart = browser.cookie("__Host-cart").unwrap().to_owned();
    browser.post(&form).await.expect(200);
    let first = browser.path.clone();
    // The second click left before the first answer came: it still carries the cart.
    browser.set_cookie("__Host-cart", &cart);
    browser.post(&form).await.expect(200).says("Thank you");
    assert_eq!(browser.path, first);
    let placed = shop.backend.story().into_iter().filter(|event| *event == "order.placed").count();
    assert_eq!(placed, 1);
}

#[tokio::test]
async fn a_total_that_moved_is_shown_before_anything_is_ordered() {
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    at_the_review(&mut browser, "tok_ok").await;
    let price = pricing::Price {
        variant: shop.variants["BAT-SH"],
        list: gearify_commerce::Code::parse("gbp").unwrap(),
        min_quantity: 1,
        amount: 20_000,
        compare_at: None,
        starts: None,
        ends: None,
    };
    shop.backend.run(shop.tenant, pricing::Command::SetPrices { prices: vec![price] });
    browser.submit("/checkout/review", &[("note", "kept")]).await.expect(409).says("total has changed");
    browser.page.says("£204.95").says("kept");
    browser.submit("/checkout/review", &[]).await.expect(200).says("Thank you");
    assert_eq!(order_of(&shop, &browser.path).totals.total, 20_495);
}

#[tokio::test]
async fn sold_out_in_the_meantime_leads_back_to_the_cart() {
    let shop = Shopfront::open();
    restock(&shop, "BAT-SH", -19);
    let mut first = with_a_bat(&shop).await;
    let mut second = with_a_bat(&shop).await;
    at_the_till(&mut second).await;
    at_the_review(&mut first, "tok_ok").await;
    // The last one is held for the first.
    second
        .submit("/checkout/payment", &[("payment", "test")])
        .await
        .expect(200)
        .says("Not everything is there");
    assert!(second.path.starts_with("/cart"));
    second.page.is_silent_about("href=\"/checkout/contact\"");
    first.submit("/checkout/review", &[]).await.expect(200).says("Thank you");
    second.open("/p/seam-edition-bat").await.expect(200).says("Out of stock");
}

#[tokio::test]
async fn each_step_asks_for_what_is_missing_and_keeps_what_was_typed() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/checkout/review").await.expect(200).says("basket is empty");
    let mut browser = with_a_bat(&shop).await;
    for path in ["/checkout/delivery", "/checkout/payment"] {
        browser.open(path).await.expect(200);
        assert_eq!(browser.path, "/checkout/contact", "{path}");
    }
    browser.submit("/checkout/contact", &[("email", "meera"), ("phone", "12")]).await.expect(422);
    assert!(browser.page.error_of("email").unwrap().contains("not an e-mail"));
    assert!(browser.page.error_of("phone").is_some());
    assert_eq!(browser.page.form("/checkout/contact").fields[0], ("email".into(), "meera".into()));
    browser
        .submit("/checkout/contact", &[("email", "meera@shopper.example"), ("phone", "")])
        .await
        .expect(200);
    let wrong = [("shipping.name", "Meera"), ("shipping.postal_code", "12345"), ("update", "options")];
    browser.submit("/checkout/delivery", &wrong).await.expect(422);
    assert_eq!(browser.page.error_of("shipping.line1").as_deref(), Some("Please fill this in."));
    assert!(browser.page.error_of("shipping.postal_code").unwrap().contains("such as"));
    let kept = browser.page.form("/checkout/delivery");
    assert!(kept.fields.contains(&("shipping.name".into(), "Meera".into())));
    browser
        .submit("/checkout/delivery", &[("shipping.country", "FR"), ("update", "country")])
        .await
        .expect(422);
    browser.page.says("France");
}

#[tokio::test]
async fn an_order_is_found_with_both_and_the_answer_tells_nothing_else() {
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    at_the_review(&mut browser, "tok_ok").await;
    browser.submit("/checkout/review", &[]).await.expect(200);
    let number = order_of(&shop, &browser.path).number;
    let mut answers = Vec::new();
    for (number, email) in [(number.as_str(), "other@shopper.example"), ("99999", "meera@shopper.example")] {
        let mut other = Browser::new(&shop);
        other.open("/orders/look-up").await.expect(200);
        let page = other.submit("/orders/look-up", &[("number", number), ("email", email)]).await.expect(422);
        answers.push(page.html.replace(number, "N").replace(email, "E"));
    }
    assert_eq!(answers[0], answers[1]);
    let mut other = Browser::new(&shop);
    other.open("/orders/look-up").await;
    let found = [("number", format!(" #{number} ")), ("email", "Meera@Shopper.example".to_owned())];
    let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (*name, value.as_str())).collect();
    other.submit("/orders/look-up", &found).await.expect(200).says("Seam Edition Bat");
    assert!(other.path.starts_with("/orders/order_"));
}

#[tokio::test]
async fn words_of_shoppers_stay_words() {
    const EVIL: &str = "\"><script>alert(1)</script>";
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    browser.open("/checkout/contact").await;
    browser
        .submit("/checkout/contact", &[("email", EVIL)])
        .await
        .expect(422)
        .is_silent_about("<script>alert");
    browser.submit("/checkout/contact", &[("email", "meera@shopper.example")]).await;
    let mut evil = ADDRESS.to_vec();
    evil[1].1 = EVIL;
    evil[2].1 = EVIL;
    browser.submit("/checkout/delivery", &evil).await.is_silent_about("<script>alert");
    evil.push(("update", "options"));
    browser.submit("/checkout/delivery", &evil).await.expect(200).is_silent_about("<script>alert");
    browser.submit("/checkout/delivery", &[]).await.expect(200).is_silent_about("<script>alert");
    browser
        .submit("/checkout/payment", &[("payment", "test")])
        .await
        .expect(200)
        .is_silent_about("<script>alert");
    browser.submit("/checkout/review", &[("note", EVIL)]).await.expect(200).is_silent_about("<script>alert");
    browser.page.says("Thank you").says("&#34;&#62;&#60;script");
    assert_no_inline(&browser.page);
}

#[tokio::test]
async fn shared_pages_know_nothing_of_whoever_came_before() {
    let shop = Shopfront::open();
    let mut buyer = with_a_bat(&shop).await;
    buyer.open("/p/seam-edition-bat").await.expect(200).says("data-cart-number>1<");
    let mut stranger = Browser::new(&shop);
    stranger.open("/p/seam-edition-bat").await.expect(200).says("data-cart-number>0<");
    assert!(stranger.page.header("set-cookie").is_empty());
    assert!(stranger.page.header("cache-control").starts_with("public"));
    // A cookie of somebody else's making opens nothing.
    let mut thief = Browser::new(&shop);
    let id = buyer.cookie("__Host-cart").unwrap().split('~').next().unwrap().to_owned();
    thief.set_cookie("__Host-cart", &format!("{id}~0000.GB.GBP.en-GB"));
    thief.open("/cart").await.expect(200).says("basket is empty");
}

#[tokio::test]
async fn buying_in_another_language_stays_in_it() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/hi/p/match-ball").await.expect(200);
    browser.submit("/hi/cart/lines", &[]).await.expect(200);
    assert_eq!(browser.path, "/hi/p/match-ball?added=1");
    browser.open("/hi/checkout/contact").await.expect(200);
    browser.submit("/hi/checkout/contact", &[("email", "meera@shopper.example")]).await.expect(200);
    assert_eq!(browser.path, "/hi/checkout/delivery");
    browser.page.says("lang=\"hi-IN\"");
}

#[tokio::test]
async fn an_order_to_be_paid_by_transfer_says_how_and_promises_no_mail() {
    let shop = Shopfront::open();
    let mut browser = with_a_bat(&shop).await;
    at_the_till(&mut browser).await;
    browser.submit("/checkout/payment", &[("payment", "manual")]).await.expect(200);
    browser.submit("/checkout/review", &[]).await.expect(200);
    let number = order_of(&shop, &browser.path).number;
    let page = browser.page.clone();
    page.says("Pay to</dt><dd>willow").says("£253.95").says(&format!("<strong>{number}</strong>"));
    page.is_silent_about("has been sent").is_silent_about("/pages/contact");

    let contact =
        gearify_commerce::Text::new(gearify_commerce::Locale::parse("en-GB").unwrap(), "Account 12.");
    let kind = tenants::PageKind::Contact;
    shop.backend.run(shop.tenant, tenants::Command::UpdatePage { expected: None, kind, body: contact });
    let path = browser.path.clone();
    browser.open(&path).await.expect(200).says("Our account</dt><dd><a href=\"/pages/contact\">");
}
