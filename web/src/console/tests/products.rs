//! Making, editing, copying, picturing and counting what is sold.

use super::Browser;
use crate::ports::with_scope;
use crate::testing::Shopfront;
use gearify_commerce::catalog;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{ReadScope, Site};
use image::{DynamicImage, ImageFormat};
use std::io::Cursor;

fn catalogue<T>(shop: &Shopfront, read: impl FnOnce(&ReadScope<'_>) -> T) -> T {
    with_scope(&*shop.backend, GroupKind::Catalogue, shop.tenant, Site::NONE, read)
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    DynamicImage::new_rgb8(width, height).write_to(&mut out, ImageFormat::Png).unwrap();
    out.into_inner()
}

#[tokio::test]
async fn a_product_is_made_with_its_variants_and_prices() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let first = owner.open("/console/products/new").await.expect(200).says("what kind of thing is it?");
    let kind = first.form("kind");
    assert_eq!(kind.action, "/console/products/new");
    let form = owner.open("/console/products/new?type=bat&options=size").await.expect(200).form("product");
    let form = form.set("name.en-GB", "Long Handle Special").set("tax_category", "standard");
    owner.send(form.clone()).await.expect(422).says("Write at least one SKU.");
    let half = form.clone().set("v0.sku", "LHS-1").set("v0.price", "12,5");
    let refused =
        owner.send(half).await.expect(422).says("Write an amount such as 1250.00.").says("Fill this in.");
    assert_eq!(refused.form("product").value("name.en-GB"), "Long Handle Special");
    let form = form
        .set("v0.sku", "LHS-1")
        .set("v0.option.size", "sh")
        .set("v0.price", "199.50")
        .set("v0.weight", "1190");
    let twice = form.clone().set("v1.sku", "LHS-2").set("v1.option.size", "sh");
    owner.send(twice).await.expect(422).says("Another variant has the same options.");
    let form = form.again().set("v1.sku", "LHS-2").set("v1.option.size", "lh").set("publish", "yes");
    let made = owner
        .send(form.clone())
        .await
        .expect(200)
        .says("Created.")
        .says("£199.50")
        .says("Published")
        .says("No price");
    owner.send(form).await.expect(200);
    let found = catalogue(&shop, |view| catalog::products_after(view, None, 100));
    assert_eq!(found.len(), 3, "a double press makes one product");
    let made_one = |product: &&catalog::Product| product.details.slug.as_str() == "long-handle-special";
    let product = found.iter().find(made_one).unwrap();
    assert!(made.path.contains(&product.id.to_string()));
    shop.visitor().get("/api/v1/products/long-handle-special").await.expect(200);
}

#[tokio::test]
async fn saving_what_was_not_touched_changes_nothing_but_the_revision() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let path = format!("/console/products/{}", shop.product);
    let before = catalogue(&shop, |view| catalog::product(view, shop.product)).unwrap();
    let form = owner.open(&path).await.expect(200).form("product");
    owner.send(form.clone()).await.expect(200).says("Saved.");
    let after = catalogue(&shop, |view| catalog::product(view, shop.product)).unwrap();
    assert_eq!(after.details, before.details);
    assert_eq!(after.revision, before.revision + 1);

    let stale = form.set("brand", "Another & Sons").set("form_key", "second");
    let refused = owner.send(stale).await.expect(422).says("Somebody saved this while you were editing.");
    assert_eq!(refused.form("product").value("brand"), "Another & Sons", "what was typed is kept");
    owner.send(refused.form("product")).await.expect(200).says("Saved.");
    let after = catalogue(&shop, |view| catalog::product(view, shop.product)).unwrap();
    assert_eq!(after.details.brand.unwrap().as_str(), "Another & Sons");

    let variant = format!("{path}/variants/{}", shop.variants["BAT-SH"]);
    let before = catalogue(&shop, |view| catalog::variant(view, shop.variants["BAT-SH"])).unwrap();
    let form = owner.open(&variant).await.expect(200).form("variant");
    assert_eq!(form.value("price.GBP"), "249.00");
    owner.send(form).await.expect(200).says("Saved.");
    let after = catalogue(&shop, |view| catalog::variant(view, shop.variants["BAT-SH"])).unwrap();
    assert_eq!(after, before, "nothing was written");
}

#[tokio::test]
async fn a_variant_gets_its_price_its_parts_and_its_words_of_refusal() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let path = format!("/console/products/{}/variants/{}", shop.product, shop.variants["BAT-SH"]);
    let page = owner.open(&path).await;
    let form = page.form("variant");
    let taken = owner.send(form.clone().set("sku", "ball")).await.expect(422).says("The SKU ball is taken.");
    assert_eq!(taken.form("variant").value("sku"), "ball");
    owner
        .send(form.clone().set("compare.GBP", "200"))
        .await
        .expect(422)
        .says("The price before is higher than the price.");
    owner.send(form.clone().set("parts", "NOTHING × 2")).await.expect(422).says("There is no SKU NOTHING.");
    owner.send(form.clone().set("length", "900")).await.expect(422).says("Write all three sides, or none.");
    owner.send(form.clone().set("gtin", "123")).await.expect(422).says("GTIN");
    let good = form
        .set("price.GBP", "229")
        .set("compare.GBP", "249")
        .set("parts", "BAT-SH\nBALL × 6")
        .set("origin", "in");
    let saved = owner.send(good).await.expect(200).says("Saved.").says("It is made of others");
    assert_eq!(saved.form("variant").value("parts"), "BAT-SH × 1\nBALL × 6");
    assert_eq!(saved.form("variant").value("compare.GBP"), "249.00");
    let shown = shop.visitor().get("/api/v1/products/seam-edition-bat").await.expect(200).json();
    let variant =
        shown["variants"].as_array().unwrap().iter().find(|variant| variant["sku"] == "BAT-SH").unwrap();
    assert_eq!(variant["price"]["amount"], 22_900);
}

#[tokio::test]
async fn a_copy_is_a_draft_under_free_names_with_the_same_prices() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let page = owner.open(&format!("/console/products/{}", shop.product)).await;
    let copy = owner.send(page.button("Duplicate")).await.expect(200).says("This is the copy, a draft.");
    let copy = copy.says("Seam Edition Bat (copy)").says("BAT-SH-2").says("£249.00").says("£259.00");
    let published = owner.send(copy.button("Publish")).await.expect(200).says("shoppers see it now");
    shop.visitor().get("/api/v1/products/seam-edition-bat-2").await.expect(200);
    let archived = owner.send(published.button("Archive")).await.expect(200).says("Archived");
    owner.send(archived.button("Back to a draft")).await.expect(200).says("it is a draft now");
}

#[tokio::test]
async fn many_products_change_at_once_and_who_can_not_is_named() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/products").await.expect(200).says("Seam Edition Bat").says("Match Ball");
    // What a piece costs, and how many there are of all its variants.
    let list = list.says("£249.00 – £259.00 20").says("£12.00 10");
    let ids: Vec<String> = list
        .html
        .split("name=\"ids\" value=\"")
        .skip(1)
        .map(|piece| piece.split('"').next().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    let form = ids.iter().fold(list.button("Publish").without("action"), |form, id| form.add("ids", id));
    owner.send(form.clone().set("action", "archive")).await.expect(200).says("2 are archived.");
    owner.open("/console/products?status=archived").await.says("Match Ball");
    shop.visitor().get("/api/v1/products/match-ball").await.expect(404);
    owner.send(form.set("action", "vanish").set("form_key", "other")).await.expect(404);
}

#[tokio::test]
async fn pictures_are_taken_ordered_described_and_refused() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let path = format!("/console/products/{}", shop.product);
    let page = owner.open(&path).await;
    let hash = shop.backend.state_hash();
    owner.send(page.form("upload")).await.expect(422).says("Choose a picture first.");
    owner
        .send(page.form("upload").file("pictures", b"<svg onload=alert(1)>"))
        .await
        .expect(422)
        .says("is not a JPEG, PNG or WebP picture");
    let good = png(40, 20);
    let mixed = page.form("upload").file("pictures", &good).file("pictures", &good[..60]);
    owner.send(mixed).await.expect(422);
    assert_eq!(shop.backend.state_hash(), hash, "one bad picture and none is taken");
    let both = page.form("upload").file("pictures", &good).file("pictures", &png(10, 30));
    let page = owner.send(both).await.expect(200).says("2 pictures are saved.");
    let media = catalogue(&shop, |view| catalog::product(view, shop.product)).unwrap().details.media;
    let form = page.form("pictures");
    assert_eq!(form.value(&format!("place.{}", media[0])), "1");
    let form = form
        .set(&format!("place.{}", media[0]), "3")
        .set(&format!("alt.{}.en-GB", media[1]), "The back \"of\" it");
    let page = owner.send(form).await.expect(200).says("Saved.");
    let after = catalogue(&shop, |view| catalog::product(view, shop.product)).unwrap().details.media;
    assert_eq!(after, [media[1], media[0]]);
    let form = page.form("pictures").set(&format!("remove.{}", media[0]), "yes");
    assert_eq!(form.value(&format!("alt.{}.en-GB", media[1])), "The back \"of\" it");
    owner.send(form).await.expect(200);
    let after = catalogue(&shop, |view| catalog::product(view, shop.product)).unwrap().details.media;
    assert_eq!(after, [media[1]]);
    let url = page.html.split("src=\"/media/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(
        shop.visitor().get(&format!("/media/{url}")).await.expect(200).text("content-type"),
        "image/png"
    );
}

#[tokio::test]
async fn stock_is_counted_kept_back_and_never_below_what_is_promised() {
    let shop = Shopfront::open();
    super::paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/stock?q=BAT").await.expect(200).says("BAT-SH").says("Seam Edition Bat");
    let item = owner.open(&list.link("BAT-SH")).await.expect(200).says("17 ").says("In stock");
    let adjust = item.form("adjust");
    owner
        .send(adjust.clone().set("delta", "-18").set("reason", "counted"))
        .await
        .expect(422)
        .says("promised");
    owner
        .send(adjust.clone().set("delta", "0").set("reason", "counted"))
        .await
        .expect(422)
        .says("must not be zero");
    let kept = owner.send(adjust.clone().set("delta", "x").set("reason", "counted")).await.expect(422);
    assert_eq!(kept.form("adjust").value("delta"), "x");
    let item = owner
        .send(adjust.set("delta", "-15").set("reason", "damaged"))
        .await
        .expect(200)
        .says("The stock is adjusted.");
    let item = owner.send(item.form("low-at").set("low_at", "5")).await.expect(200).says("Low");
    owner.send(item.form("parts").set("safety", "2")).await.expect(200).says("None left");
    let new = owner.open("/console/warehouses/new").await.form("warehouse");
    owner.send(new.clone().set("name", "North").set("code", "not a code!")).await.expect(422);
    owner.send(new.set("name", "North").set("code", "NORTH")).await.expect(200).says("North");
    let item = owner.open(&list.link("BAT-SH")).await.says("Move between warehouses");
    let same = item.form("transfer").set("quantity", "1");
    owner.send(same).await.expect(422).says("Both warehouses are the same");
}

#[tokio::test]
async fn categories_and_add_ons_are_kept() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = owner.open("/console/categories/new").await.expect(200).form("category");
    owner.send(form.clone()).await.expect(422).says("Give it a name.");
    let below = form.set("name.en-GB", "Junior").set("parent", &shop.category.to_string());
    let list = owner.send(below).await.expect(200).says("– Junior").says("/c/bats/junior");
    let junior = owner.open(&list.link("– Junior")).await.expect(200);
    let moved = junior.form("category").set("slug", "young-players").set("parent", "");
    owner.send(moved).await.expect(200).says("/c/young-players");
    let bats = owner.open(&format!("/console/categories/{}", shop.category)).await;
    owner.send(bats.button("Archive")).await.expect(200).says("Archived");

    let list = owner.open("/console/add-ons").await.expect(200).says("£20.00");
    let page = owner.open(&list.link("Knocking in")).await.expect(200);
    owner.send(page.form("add-on").set("price.GBP", "")).await.expect(422).says("Write a price; 0 is free.");
    owner
        .send(page.form("add-on").set("price.GBP", "22.50").set("lead_days", "3"))
        .await
        .expect(200)
        .says("£22.50");
}
