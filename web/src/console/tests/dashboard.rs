//! The first page: its figures are those of orders made on known days.

use super::{Browser, Seen};
use crate::app::Clock;
use crate::settings::{Rates, Settings};
use crate::sought;
use crate::testing::Shopfront;
use crate::tests::shopping::Basket;
use gearify_commerce::Timestamp;
use serde_json::json;
use std::sync::Arc;

/// Midnight in Kolkata at the beginning of Thursday, 1 January 2026.
const THURSDAY: &str = "2026-01-01T00:00:00+05:30";

fn moment(text: &str) -> Timestamp {
    let instant: jiff::Timestamp = text.parse().unwrap();
    Timestamp::from_millis(instant.as_millisecond())
}

/// Lets time pass until the clock of a wall in Kolkata shows so many days, hours and minutes after `THURSDAY`.
fn wait(shop: &Shopfront, days: i64, hours: i64, minutes: i64) {
    let until = moment(THURSDAY).plus_millis(((days * 24 + hours) * 60 + minutes) * 60_000);
    let left = until.millis_since(Clock::now(&*shop.backend));
    assert!(left > 0, "time goes on only");
    shop.backend.pass(left);
}

async fn buys(shop: &Shopfront, sku: &str, payment: serde_json::Value, status: u16) {
    let basket = Basket::start(shop).await;
    basket.add(sku, 1).await;
    basket.ready().await;
    let body = json!({ "cart_id": basket.id, "payment": payment });
    basket.client.with("idempotency-key", "k").post("/api/v1/orders", body).await.expect(status);
}

async fn pays(shop: &Shopfront, sku: &str) {
    buys(shop, sku, json!({ "provider": "test", "token": "tok_ok" }), 201).await;
}

async fn is_declined(shop: &Shopfront) {
    buys(shop, "BALL", json!({ "provider": "test", "token": "tok_declined" }), 402).await;
}

async fn in_kolkata() -> Shopfront {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = owner.open("/console/settings").await.form("settings").set("time_zone", "Asia/Kolkata");
    owner.send(form).await.expect(200).says("Saved.");
    shop
}

/// A row of the chart's table: this day, the one before.
#[track_caller]
fn hour(page: &Seen, hour: &str, now: &str, before: &str) {
    let row = format!("{hour} {now} {before}");
    assert!(page.words().contains(&row), "{row:?} is not on the page\n{}", page.words());
}

#[tokio::test]
async fn today_stands_against_the_same_weekday_before_by_the_shops_own_clock() {
    let shop = in_kolkata().await;
    wait(&shop, 0, 10, 20);
    pays(&shop, "BALL").await;
    // After the time of the day at which somebody will look.
    wait(&shop, 0, 10, 35);
    pays(&shop, "BALL").await;
    wait(&shop, 0, 23, 50);
    pays(&shop, "BALL").await;
    // Friday in Kolkata, in the same hour of Thursday in London.
    wait(&shop, 1, 0, 10);
    pays(&shop, "BALL").await;
    // Thursday in Kolkata, still Wednesday in London.
    wait(&shop, 7, 0, 10);
    pays(&shop, "BALL").await;
    wait(&shop, 7, 10, 5);
    pays(&shop, "BAT-SH").await;
    wait(&shop, 7, 10, 40);
    pays(&shop, "BALL").await;

    let mut owner = Browser::owner(&shop).await;
    let page = owner.open("/console").await.expect(200).says("Thu 8 Jan 2026");
    // £16.95 and £253.95 until half past ten, and £16.95 since.
    let page = page.says("Orders so far 3 100 % more than last Thursday by 10:30");
    let page = page.says("Revenue so far £287.85 1498 % more than last Thursday by 10:30");
    let page = page.says("Hour Today Last Thursday");
    let none = "£0.00, 0 orders";
    hour(&page, "00:00 to 01:00", "£16.95, 1 order", none);
    hour(&page, "10:00 to 11:00", "£270.90, 2 orders", "£33.90, 2 orders");
    hour(&page, "18:00 to 19:00", none, none);
    hour(&page, "23:00 to 24:00", none, "£16.95, 1 order");

    // Friday has the order of ten past midnight, and none of today's.
    wait(&shop, 8, 0, 20);
    let page = owner.open("/console").await.expect(200).says("Fri 9 Jan 2026");
    let page = page.says("Orders so far 0 100 % less than last Friday by 00:15");
    hour(&page, "00:00 to 01:00", none, "£16.95, 1 order");
    wait(&shop, 9, 0, 5);
    let mut owner = Browser::owner(&shop).await;
    owner.open("/console").await.says("Orders so far 0 Nothing last Saturday by 00:00 either");
}

#[tokio::test]
async fn what_waits_for_a_person_is_counted_and_leads_there() {
    let shop = in_kolkata().await;
    wait(&shop, 0, 8, 0);
    is_declined(&shop).await;
    wait(&shop, 7, 9, 0);
    for sku in ["BAT-SH", "BALL", "BALL"] {
        pays(&shop, sku).await;
    }
    is_declined(&shop).await;
    is_declined(&shop).await;
    buys(&shop, "BALL", json!({ "provider": "manual" }), 201).await;
    wait(&shop, 7, 9, 10);

    let mut owner = Browser::owner(&shop).await;
    let page = owner.open("/console").await.expect(200).says("Orders to ship 3");
    let page = page.says("Failed payments, 7 days 2").says("Low stock 0");
    assert!(!page.html.contains("low=yes"), "nothing is low, so there is nothing to look at");
    // Placed and unpaid: the two that were declined today and the transfer.
    let page = page.says("Orders to be paid 3");
    owner.open(&page.link("3")).await.expect(200).says("3 orders");
    owner.open(&page.link("2")).await.expect(200).says("2 payments").says("card_declined");

    let stock = owner.open("/console/stock?q=BALL").await;
    let item = owner.open(&stock.link("BALL")).await.expect(200);
    owner.send(item.form("low-at").set("low_at", "8")).await.expect(200).says("Low");
    let page = owner.open("/console").await.says("Low stock 1");
    owner.open(&page.link("1")).await.expect(200).says("BALL").says("1 level").does_not_say("BAT-SH");
}

#[tokio::test]
async fn the_values_of_the_chart_are_in_reach_of_keyboard_and_screen_reader() {
    let shop = in_kolkata().await;
    wait(&shop, 7, 9, 0);
    pays(&shop, "BALL").await;
    let page = Browser::owner(&shop).await.open("/console").await.expect(200);
    let chart =
        page.html.split("<figure class=\"chart\">").nth(1).unwrap().split("</figure>").next().unwrap();
    assert!(chart.contains("role=\"img\" aria-label=\"Revenue by the hour"), "{chart}");
    // A fold opens from the keyboard, and the table in it is a table.
    assert!(chart.contains("<details class=\"chart-numbers\"><summary>"), "{chart}");
    assert_eq!(chart.matches("<th scope=\"row\">").count(), 24);
    assert_eq!(chart.matches("<th scope=\"col\"").count(), 3);
}

#[tokio::test]
async fn what_two_shoppers_sought_and_did_not_find_is_told() {
    let shop = Shopfront::with_settings(Settings {
        trusted_proxy: Arc::new(|address| address.is_loopback()),
        rates: Rates { enabled: false, ..Rates::default() },
        ..Settings::default()
    });
    let asks = async |by: &str, path: &str| {
        let visitor = shop.visitor().with("x-forwarded-for", by);
        visitor.get(path).await.expect(200);
    };
    let mut owner = Browser::owner(&shop).await;
    let none = "Nothing that two shoppers or more looked for was missing.";
    owner.open("/console").await.expect(200).says(none);

    // The second page comes out of the cache; the third is the interface's.
    asks("192.0.2.1", "/search?q=Sight+Screen").await;
    asks("192.0.2.2", "/search?q=Sight+Screen").await;
    asks("192.0.2.2", "/api/v1/products?q=sight%20screen").await;
    asks("192.0.2.1", "/api/v1/products?q=boundary%20rope").await;
    asks("192.0.2.2", "/api/v1/products?q=boundary%20rope").await;
    // One person only; found; narrowed by more than words; about a person.
    asks("192.0.2.3", "/search?q=helmet+cam").await;
    asks("192.0.2.3", "/search?q=helmet+cam").await;
    for by in ["192.0.2.1", "192.0.2.2"] {
        asks(by, "/api/v1/products?q=bat").await;
        asks(by, "/api/v1/products?q=drone&price_max=1").await;
        asks(by, "/search?q=asha%40example.com").await;
    }
    sought::report(&shop.state).await;
    let page = owner.open("/console").await.expect(200).says("Words Searches sight screen 3 boundary rope 2");
    let unsaid = [none, "helmet cam", "drone", "asha"];
    let page = unsaid.into_iter().fold(page, |page, words| page.does_not_say(words));
    owner.open(&page.link("boundary rope")).await.expect(200).says("Products");
    shop.backend.pass(8 * 24 * 3_600_000);
    Browser::owner(&shop).await.open("/console").await.expect(200).says(none);
}
