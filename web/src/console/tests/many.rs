//! What is done with many products at once shows its effect first.

use super::{Browser, manual_order, paid_order};
use crate::testing::Shopfront;
use gearify_commerce::catalog::{self, Sku, VariantDetails};
use gearify_commerce::pricing::{self, Price};
use gearify_commerce::{Code, Locale, Name, Slug, Text};

/// So many products more than a page of the list shows.
fn stock_up(shop: &Shopfront, count: i64) {
    for n in 0..count {
        let title = format!("Net Ball {n:02}");
        let details = catalog::ProductDetails {
            slug: Slug::from_name(&title).unwrap(),
            product_type: Code::parse("bat").unwrap(),
            name: Text::new(Locale::parse("en-GB").unwrap(), &title),
            description: Text::default(),
            seo: catalog::Seo::default(),
            brand: Some(Name::parse("Netmaker").unwrap()),
            categories: Vec::new(),
            attributes: Default::default(),
            options: Vec::new(),
            add_ons: None,
            media: Vec::new(),
            tax_category: Code::parse("standard").unwrap(),
        };
        let sku = Sku::parse(&format!("NET-{n:02}")).unwrap();
        let variants = vec![VariantDetails::new(sku.clone())];
        shop.backend.run(shop.tenant, catalog::Command::CreateProduct { details, variants, publish: true });
        let variant = crate::ports::with_scope(
            &*shop.backend,
            gearify_commerce::GroupKind::Catalogue,
            shop.tenant,
            gearify_commerce::Site::NONE,
            |view| catalog::variant_by_sku(view, &sku).unwrap().id,
        );
        let price = Price {
            variant,
            list: Code::parse("gbp").unwrap(),
            min_quantity: 1,
            amount: 1_000 + 100 * n,
            compare_at: None,
            starts: None,
            ends: None,
        };
        shop.backend.run(shop.tenant, pricing::Command::SetPrices { prices: vec![price] });
    }
}

#[tokio::test]
async fn all_that_match_are_counted_and_shown_before_they_change() {
    let shop = Shopfront::open();
    stock_up(&shop, 60);
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/products?brand=Netmaker").await.expect(200).says("60 products");
    let list = list.says("All 60 products that match");
    owner.open("/console/products?q=match").await.does_not_say("that match:").does_not_say("All 1 products");
    let form = list.button("Archive").set("action", "archive").set("all", "yes");
    let hash = shop.backend.state_hash();
    let effect = owner.send(form).await.expect(200).says("Archive 60 products").says("leave your lists");
    let effect = effect.says("and 50 others.");
    assert_eq!(shop.backend.state_hash(), hash, "nothing is changed by looking");
    // Another one fits meanwhile: the count that was agreed to is not the count that would change.
    let confirm = effect.form("confirm");
    let stale = confirm.clone().set("count", "59").again();
    owner.send(stale).await.expect(200).says("Archive 60 products");
    let done = owner.send(confirm).await.expect(200).says("60 are archived.");
    assert_eq!(done.path, "/console/products?brand=Netmaker&done=archived&count=60");
    owner.open("/console/products?brand=Netmaker&status=archived").await.says("60 products");
    owner.open("/console/products?status=active").await.says("2 products");
}

#[tokio::test]
async fn prices_change_after_they_were_shown_and_only_as_they_were_shown() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/products").await;
    let form = list.button("Change prices").set("action", "prices").set("ids", &shop.product.to_string());
    let asked = owner.send(form).await.expect(200).says("Change prices of 1 product");
    let prices = asked.form("prices");
    for (percent, words) in
        [("", "Fill this in."), ("0", "not 0"), ("-95", "from -90 to 900"), ("x", "Write a number")]
    {
        owner.send(prices.clone().set("percent", percent).again()).await.expect(422).says(words);
    }
    let hash = shop.backend.state_hash();
    let rule = prices.set("percent", "-10").set("rounding", "below").set("strikes", "yes").again();
    let effect = owner.send(rule).await.expect(200).says("What it comes to").says("Prices that change 2");
    // 224.10 and 233.10, to one below whole.
    let effect = effect.says("BAT-SH £249.00 £223.99 −£25.01 £249.00").says("BAT-LH £259.00 £232.99");
    assert_eq!(shop.backend.state_hash(), hash, "nothing is changed by looking");
    let confirm = effect.form("confirm");

    // A colleague changes one of them: the effect is shown again.
    let path = format!("/console/products/{}/variants/{}", shop.product, shop.variants["BAT-SH"]);
    let variant = owner.open(&path).await.form("variant").set("price.GBP", "200");
    owner.send(variant).await.expect(200).says("Saved.");
    let again =
        owner.send(confirm.clone()).await.expect(200).says("What it comes to").says("£200.00 £179.99");
    let done = owner.send(again.form("confirm")).await.expect(200).says("2 prices are changed.");
    done.says("£179.99 – £232.99");
    let shown = shop.visitor().get("/api/v1/products/seam-edition-bat").await.expect(200).json();
    let variant = shown["variants"].as_array().unwrap().iter().find(|variant| variant["sku"] == "BAT-SH");
    assert_eq!(variant.unwrap()["price"]["amount"], 17_999);
    owner.send(confirm.again()).await.expect(200).says("What it comes to");
}

#[tokio::test]
async fn who_may_not_write_products_is_offered_no_change_of_many() {
    let shop = Shopfront::open();
    let mut support = Browser::signed_in(&shop, "willow.localhost", "support@willow.example").await;
    let list = support.open("/console/products").await.expect(200);
    assert!(!list.html.contains("/console/products/many"));
    assert!(!list.html.contains("/console/stock/sheet"));
}

#[tokio::test]
async fn ticked_orders_are_packed_from_one_print_and_shipped_after_the_effect_was_shown() {
    let shop = Shopfront::open();
    let (first, second) = (paid_order(&shop).await, paid_order(&shop).await);
    let unpaid = manual_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/orders").await.expect(200);
    let all = |label: &str, action: &str| {
        let form = list.button(label).set("action", action).set("ids", &first).add("ids", &second);
        form.add("ids", &unpaid)
    };
    let slips = owner.send(all("Packing slips", "slips")).await.expect(200);
    assert_eq!(slips.html.matches("class=\"sheet\"").count(), 2, "what is not paid is not packed");
    slips.says("Packing slip 1001").says("Packing slip 1002").does_not_say("1003").does_not_say("£");

    let hash = shop.backend.state_hash();
    let effect = owner.send(all("Ship", "ship")).await.expect(200).says("Ship 2 orders");
    let effect = effect.says("8 pieces of 1001, 1002.").says("can't be undone");
    assert_eq!(shop.backend.state_hash(), hash, "nothing is changed by looking");
    // A colleague is faster with one of them.
    let ship = owner.open(&format!("/console/orders/{first}/ship")).await.form("ship");
    owner.send(ship).await.expect(200).says("The shipment is saved");
    let confirm = effect.form("confirm");
    owner.send(confirm.clone()).await.expect(200).says("The shipment is saved");
    for order in [&first, &second] {
        owner.open(&format!("/console/orders/{order}")).await.expect(200).says("Shipped");
    }
    owner.send(confirm.again()).await.expect(422).says("None of these orders waits to be shipped.");

    let nothing = list.button("Ship").set("action", "ship").without("ids");
    assert_eq!(owner.send(nothing).await.expect(200).path, "/console/orders");
    owner.send(list.button("Ship").set("action", "burn").add("ids", &first).again()).await.expect(404);
    let foreign = "order_01h455vb4pex5vsknk084sn02q";
    owner.send(list.button("Ship").set("action", "ship").set("ids", foreign).again()).await.expect(404);
}

#[tokio::test]
async fn all_orders_that_match_are_shipped_as_they_were_shown() {
    let shop = Shopfront::open();
    for _ in 0..3 {
        paid_order(&shop).await;
    }
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/orders?status=confirmed").await.expect(200);
    let form = list.button("Ship").set("action", "ship").set("all", "yes");
    let effect = owner.send(form).await.expect(200).says("Ship 3 orders");
    paid_order(&shop).await;
    let done = owner.send(effect.form("confirm")).await.expect(200).says("3 orders are shipped");
    assert!(done.path.starts_with("/console/orders?status=confirmed&done=shipped"), "{}", done.path);
    let open = owner.open("/console/orders?status=confirmed&fulfilment=unfulfilled").await;
    open.says("1004").does_not_say("1003");
}
