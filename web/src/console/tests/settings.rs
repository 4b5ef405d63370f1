//! The shop's own affairs.

use super::Browser;
use crate::ports::with_scope;
use crate::testing::Shopfront;
use gearify_commerce::Site;
use gearify_commerce::command::GroupKind;
use gearify_commerce::tenants::{self, Tenant};

fn tenant(shop: &Shopfront) -> Tenant {
    with_scope(&*shop.backend, GroupKind::World, shop.tenant, Site::NONE, |view| tenants::get(view)).unwrap()
}

#[tokio::test]
async fn every_form_saves_what_it_shows_without_changing_it() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let before = tenant(&shop);
    for (path, form) in [
        ("/console/settings", "settings"),
        ("/console/settings", "name"),
        ("/console/settings", "origins"),
        ("/console/branding", "branding"),
    ] {
        let filled = owner.open(path).await.expect(200).form(form);
        owner.send(filled).await.expect(200).says("Saved.");
    }
    let after = tenant(&shop);
    assert_eq!(after.settings.value, before.settings.value);
    assert_eq!(after.profile.value, before.profile.value);
    assert_eq!(after.branding.value, before.branding.value);
    let delivery = owner.open("/console/delivery").await.expect(200).says("£4.95").says("Pavilion Post");
    let zone = owner.open(&delivery.link("Zone")).await.expect(200);
    assert_eq!(zone.form("zone").value("areas"), "GB");
    owner.send(zone.form("zone")).await.expect(200).says("Saved.");
    let rate = owner.open(&delivery.link("Standard")).await.expect(200);
    owner.send(rate.form("rate")).await.expect(200).says("£4.95");
    let taxes = owner.open("/console/taxes").await.expect(200).says("VAT 20 %");
    let rates = owner.open(&taxes.link("Standard")).await.expect(200);
    assert_eq!(rates.form("rates").value("r0.percent"), "20");
    owner.send(rates.form("rates")).await.expect(200).says("VAT 20 %");
}

#[tokio::test]
async fn settings_that_can_not_be_are_refused_beside_their_field() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let before = tenant(&shop);
    let form = owner.open("/console/settings").await.form("settings");
    let cases = [
        ("currency", "pounds", "is not a currency code"),
        ("further_currencies", "GBP", "Names GBP twice."),
        ("time_zone", "Mars/Base", "There is no such time zone."),
        ("session_ms", "1 s", "Must be from"),
        ("home_region", "IN-MH", "Must not be"),
        ("prefix", "lower", "An order number's prefix"),
        ("start", "0", "Write a whole number from 1"),
    ];
    for (field, value, words) in cases {
        let refused =
            owner.send(form.clone().set(field, value).set("form_key", field)).await.expect(422).says(words);
        assert_eq!(refused.form("settings").value(field), value, "what was typed is kept");
    }
    assert_eq!(tenant(&shop).settings, before.settings);
    let stale = form.clone().set("expected", "99");
    owner.send(stale).await.expect(422).says("Somebody saved this while you were editing.");
    owner.send(form.without("expected").set("form_key", "x")).await.expect(422).says("Open the page again");
}

#[tokio::test]
async fn other_websites_are_listed_one_a_line() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = owner.open("/console/settings").await.form("origins");
    let wrong = form.clone().set("origins", "https://www.example.com\nhttps://*.example.com");
    let refused = owner.send(wrong).await.expect(422).says("expected an origin such as");
    let typed = "https://www.example.com\nhttps://*.example.com";
    assert_eq!(refused.form("origins").value("origins"), typed, "what was typed is kept");
    let good =
        form.set("origins", "https://www.example.com\r\n\r\nHTTPS://App.example:443").set("form_key", "2");
    let saved = owner.send(good).await.expect(200).says("Saved.");
    assert_eq!(saved.form("origins").value("origins"), "https://www.example.com\nhttps://app.example");
}

#[tokio::test]
async fn delivery_and_taxes_are_written_as_people_write_them() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = owner.open("/console/delivery/new").await.expect(200).form("zone").set("name", "Islands");
    owner
        .send(form.clone().set("areas", "The Islands"))
        .await
        .expect(422)
        .says("“The Islands” is not a place.");
    let list = owner
        .send(form.set("areas", "GB: JE, GY\nIM"))
        .await
        .expect(200)
        .says("GB: JE, GY; IM")
        .says("nothing is delivered here");
    let islands = list
        .html
        .rfind("/console/delivery/zone_")
        .map(|at| list.html[at..].split('"').next().unwrap().to_owned())
        .unwrap();
    let zone = islands.trim_end_matches("/rates/new").to_owned();
    let rate = owner.open(&format!("{zone}/rates/new")).await.expect(200).form("rate");
    let rate =
        rate.set("name.en-GB", "Boat").set("carrier", "Harbour").set("days_min", "3").set("days_max", "7");
    owner
        .send(rate.clone().set("charge.GBP", "weight").set("price.GBP", "2 kg = 5"))
        .await
        .expect(422)
        .says("“2 kg = 5” can't be read.");
    owner.send(rate.clone().set("price.GBP", "")).await.expect(422).says("Write a price; 0 is free.");
    let rate = rate
        .set("charge.GBP", "weight")
        .set("price.GBP", "2000 = 7.50\nmore = 12")
        .set("free_from.GBP", "150");
    owner.send(rate).await.expect(200).says("£7.50 to £12.00 by weight, free from £150.00");
    let express = owner.open(&format!("{zone}/rates/new")).await.expect(200).form("rate");
    let express = express.set("name.en-GB", "Plane").set("carrier", "Harbour").set("price.GBP", "20");
    owner
        .send(express.set("days_min", "1").set("days_max", "1"))
        .await
        .expect(200)
        .says("Plane Harbour 1 £20.00");
    let page = owner.open(&zone).await.expect(200).says("2 rates are taken away with it.");
    owner.send(page.button("Take the zone away")).await.expect(200).says("Removed.").does_not_say("Islands");

    let form =
        owner.open("/console/taxes/new").await.form("zone").set("name", "Maharashtra").set("places", "IN-MH");
    let taxes = owner.send(form.clone()).await.expect(200).says("IN-MH");
    owner.send(form.set("form_key", "again")).await.expect(422);
    let at = taxes.html.rfind("/rates/standard").unwrap();
    let start = taxes.html[..at].rfind('"').unwrap() + 1;
    let rates =
        owner.open(&format!("{}/rates/standard", &taxes.html[start..at])).await.expect(200).form("rates");
    owner.send(rates.clone().set("r0.code", "CGST")).await.expect(422).says("Fill this in.");
    let rates = ["r0", "r1"].iter().zip(["CGST", "SGST"]).fold(rates, |form, (line, code)| {
        let form =
            form.set(&format!("{line}.code"), code).set(&format!("{line}.name"), &format!("{code} 9 %"));
        form.set(&format!("{line}.jurisdiction"), "IN-MH")
            .set(&format!("{line}.percent"), "9")
            .set(&format!("{line}.due"), "within")
    });
    owner.send(rates).await.expect(200).says("CGST 9 %, within your region");
}

#[tokio::test]
async fn pages_and_the_legal_entity_tick_the_set_up_list() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    owner.open("/console").await.says("Say who sells to do");
    let page = owner.open("/console/pages").await.expect(200);
    owner
        .send(page.form("legal").set("name", "Willow Ltd").set("country", "Britain"))
        .await
        .expect(422)
        .says("Expected a two-letter country code");
    let legal = page
        .form("legal")
        .set("name", "Willow Ltd")
        .set("country", "gb")
        .set("address", "1 Pavilion Road\n\nLondon");
    owner.send(legal).await.expect(200).says("Saved.");
    for kind in ["delivery", "returns", "privacy", "terms"] {
        let form = owner.open(&format!("/console/pages/{kind}")).await.expect(200).form("page");
        let text = "# Words\n\n<script>alert(1)</script>\n\nThis is **strong**.";
        let saved = owner.send(form.set("body.en-GB", text)).await.expect(200).says("As it reads");
        assert!(!saved.html.contains("<script>alert"), "the preview is harmless");
        assert!(saved.html.contains("<strong>strong</strong>"));
        assert_eq!(saved.form("page").value("body.en-GB"), text, "the source is as it was typed");
    }
    owner.open("/console").await.says("Say who sells done").says("Write the pages done");
    owner.open("/console/pages/nonsense").await.expect(404);
}
