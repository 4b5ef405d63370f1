//! What the keyboard asks the server for: where the palette leads, and sheets of prices and stock.

use super::{Browser, Filled, paid_order, registers};
use crate::testing::Shopfront;
use http::Method;
use serde_json::Value;

async fn jumps(browser: &mut Browser, asked: &str) -> Vec<(String, String, String)> {
    let path =
        format!("/console/jump?q={}", form_urlencoded::byte_serialize(asked.as_bytes()).collect::<String>());
    let reply = browser.ask(Method::GET, &path, None, Default::default()).await.expect(200).json();
    let text = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    let entry = |entry: &Value| (text(entry, "about"), text(entry, "label"), text(entry, "href"));
    reply["data"].as_array().unwrap().iter().map(entry).collect()
}

fn labels(found: &[(String, String, String)], about: &str) -> Vec<String> {
    found.iter().filter(|(kind, ..)| kind == about).map(|(_, label, _)| label.clone()).collect()
}

#[tokio::test]
async fn a_few_letters_lead_to_orders_products_customers_and_actions() {
    let shop = Shopfront::open();
    let order = paid_order(&shop).await;
    registers(&shop, "Robin Sample", "robin@shopper.example").await;
    let mut owner = Browser::owner(&shop).await;
    let found = jumps(&mut owner, "1001").await;
    let ours = ("order".to_owned(), "Order 1001".to_owned(), format!("/console/orders/{order}"));
    assert!(found.contains(&ours), "{found:?}");
    assert_eq!(labels(&jumps(&mut owner, "seam").await, "product"), ["Seam Edition Bat"]);
    assert_eq!(labels(&jumps(&mut owner, "robin").await, "customer"), ["Robin Sample"]);
    assert_eq!(labels(&jumps(&mut owner, "NEW pro").await, "do"), ["New product"]);
    assert_eq!(jumps(&mut owner, "").await, []);
    for (_, _, href) in jumps(&mut owner, "new").await {
        owner.open(&href).await.expect(200);
    }
    // Nobody is led where they may not go.
    shop.add_staff("f@willow.example", "fulfilment");
    let mut packer = Browser::signed_in(&shop, "willow.localhost", "f@willow.example").await;
    assert_eq!(labels(&jumps(&mut packer, "new").await, "do"), ["New warehouse"]);
    assert_eq!(labels(&jumps(&mut packer, "robin").await, "customer"), [""; 0]);
    let mut other = Browser::signed_in(&shop, "boundary.localhost", "owner@boundary.example").await;
    for asked in ["1001", "seam", "robin"] {
        let found = jumps(&mut other, asked).await;
        assert!(found.iter().all(|(about, ..)| about == "do"), "{found:?}");
    }
}

fn cell(shop: &Shopfront, kind: &str, sku: &str) -> String {
    match kind {
        "hand" => format!("hand.{}.{}", shop.variants[sku], shop.warehouse),
        kind => format!("{kind}.{}", shop.variants[sku]),
    }
}

async fn sheet(owner: &mut Browser) -> Filled {
    owner.open("/console/stock/sheet").await.expect(200).form("sheet")
}

#[tokio::test]
async fn a_sheet_saves_the_cells_that_were_changed_and_no_others() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = sheet(&mut owner).await;
    assert_eq!(form.value(&cell(&shop, "price", "BAT-SH")), "249.00");
    assert_eq!(form.value(&cell(&shop, "hand", "BALL")), "10");
    assert_eq!(form.value(&cell(&shop, "hand", "BAT-LH")), "", "what was never counted is empty");
    let hash = shop.backend.state_hash();
    owner.send(form.clone()).await.expect(200).says("The sheet is saved.");
    assert_eq!(shop.backend.state_hash(), hash, "nothing was typed and nothing is written");
    let story = shop.backend.story().len();
    let form = form
        .again()
        .set(&cell(&shop, "price", "BAT-SH"), "229")
        .set(&cell(&shop, "before", "BAT-SH"), "249")
        .set(&cell(&shop, "hand", "BAT-LH"), "7")
        .set(&cell(&shop, "hand", "BALL"), "4");
    owner.send(form).await.expect(200).says("4 cells are saved.");
    let told: Vec<&str> = shop.backend.story()[story..].to_vec();
    let count = |name: &str| told.iter().filter(|told| **told == name).count();
    assert_eq!((count("price.updated"), count("inventory.updated")), (1, 2), "{told:?}");
    let form = sheet(&mut owner).await;
    assert_eq!(form.value(&cell(&shop, "price", "BAT-SH")), "229.00");
    assert_eq!(form.value(&cell(&shop, "hand", "BAT-LH")), "7");
    owner.open("/console/stock?q=BALL").await.says("BALL Match Ball Main 4");
}

#[tokio::test]
async fn a_cell_that_can_not_be_saved_says_so_and_the_others_are() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let mine = sheet(&mut owner).await;
    let theirs = sheet(&mut owner).await.set(&cell(&shop, "price", "BALL"), "13.00");
    owner.send(theirs).await.expect(200).says("saved");
    let mine = mine
        .set(&cell(&shop, "price", "BALL"), "11.00")
        .set(&cell(&shop, "price", "BAT-SH"), "12,5")
        .set(&cell(&shop, "before", "BAT-LH"), "100")
        .set(&cell(&shop, "hand", "BALL"), "-3")
        .set(&cell(&shop, "hand", "BAT-SH"), "25");
    let back = owner.send(mine.again()).await.expect(422).says("Not all was saved. 1 other cell was saved.");
    let back = back.says("Somebody changed it meanwhile: it is 13.00 now.").says("Write an amount such as");
    let back = back.says("The price before is higher than the price.").says("Write a whole number from 0");
    let form = back.form("sheet");
    assert_eq!(form.value(&cell(&shop, "price", "BALL")), "11.00", "what was typed is kept");
    assert_eq!(form.value(&cell(&shop, "hand", "BAT-SH")), "25");
    let form = form
        .set(&cell(&shop, "price", "BAT-SH"), "249.00")
        .set(&cell(&shop, "before", "BAT-LH"), "")
        .set(&cell(&shop, "hand", "BALL"), "10");
    owner.send(form.again()).await.expect(200).says("The sheet is saved.");
    let form = sheet(&mut owner).await;
    assert_eq!(form.value(&cell(&shop, "price", "BALL")), "11.00", "the second time it is meant");
    assert_eq!(form.value(&cell(&shop, "hand", "BAT-SH")), "25");
}

#[tokio::test]
async fn who_counts_but_does_not_price_has_no_cells_for_prices() {
    let shop = Shopfront::open();
    shop.add_staff("f@willow.example", "fulfilment");
    let mut packer = Browser::signed_in(&shop, "willow.localhost", "f@willow.example").await;
    let page = packer.open("/console/stock/sheet").await.expect(200).says("249.00");
    let form = page.form("sheet");
    assert!(form.fields.iter().all(|(name, _)| !name.starts_with("price.")));
    let forged = form.set(&cell(&shop, "price", "BALL"), "0.01").set(&cell(&shop, "hand", "BALL"), "12");
    packer.send(forged).await.expect(200).says("saved");
    let shown = shop.visitor().get("/api/v1/products/match-ball").await.expect(200).json();
    assert_eq!(shown["variants"][0]["price"]["amount"], 1_200, "a forged cell prices nothing");
}
