//! Lists: filters that come off one by one, columns, files of what is shown, and views that are kept.

use super::{Browser, manual_order, paid_order, registers};
use crate::testing::Shopfront;
use http::Method;

async fn file(browser: &mut Browser, path: &str) -> Vec<String> {
    let reply = browser.ask(Method::GET, path, None, Default::default()).await.expect(200);
    assert_eq!(reply.text("content-type"), "text/csv; charset=utf-8");
    let text = String::from_utf8(reply.bytes.to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn words_of_the_search_box_become_filters_that_come_off_one_by_one() {
    let shop = Shopfront::open();
    paid_order(&shop).await;
    manual_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let asked = "/console/orders?q=payment_status%3Apaid+total%3A%3E100+total%3A%3C1000";
    let list = owner.open(asked).await.expect(200).says("1001").does_not_say("1002").says("1 order");
    let off = |words: &str| format!("Remove the filter </span>{words}<");
    for words in ["Paid", "Total from £100.00", "Total up to £1,000.00"] {
        assert!(list.html.contains(&off(words)), "no chip says {words}\n{}", list.words());
    }
    assert!(list.html.contains("value=\"total:&#62;100 total:&#60;1000\""), "bounds stay in the box");
    let without = |words: &str| {
        let at = list.html.find(&off(words)).unwrap();
        let link = &list.html[list.html[..at].rfind("href=\"").unwrap() + 6..];
        link.split('"').next().unwrap().replace("&#38;", "&")
    };
    assert_eq!(without("Paid"), "/console/orders?q=total%3A%3E100+total%3A%3C1000");
    assert_eq!(without("Total from £100.00"), "/console/orders?q=total%3A%3C1000&payment=paid");
    // A transfer of £28.95 is neither paid nor worth more than a hundred.
    owner.open(&without("Paid")).await.says("1001").does_not_say("1002");
    owner.open("/console/orders?q=total%3A%3C100").await.says("1002").does_not_say("1001");
    owner.open("/console/orders?q=placed%3A%3C2026-01-01").await.says("No order fits.");
    let day = owner.open("/console/orders?q=placed%3A2026-01-01").await;
    day.says("Placed on Thu 1 Jan 2026").says("1001").says("1002");
}

#[tokio::test]
async fn products_are_found_by_type_category_brand_and_status() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open(&format!("/console/products?category={}", shop.category)).await.expect(200);
    let list = list.says("Seam Edition Bat").does_not_say("Match Ball").says("Category: Bats");
    assert!(list.html.contains("value=\"bat\">Bat</option>"), "types are offered by name");
    let both = owner.open("/console/products?brand=SEAM+%26+co&type=bat&status=active").await;
    let both = both.says("Seam Edition Bat").says("Match Ball").says("Brand: SEAM & co").says("Type: Bat");
    both.says("2 products");
    owner.open("/console/products?brand=Other").await.says("No product fits.");
    owner.open("/console/products?type=glove").await.says("No product fits.").says("Type: glove");
    owner.open("/console/products?q=status%3Adraft").await.says("No product fits.");
    owner
        .open("/console/products?q=ball+status%3Aactive")
        .await
        .says("Match Ball")
        .does_not_say("Seam Edition");
    // Those of the categories below a category are in it.
    let form = owner.open("/console/categories/new").await.form("category").set("name.en-GB", "Junior");
    owner.send(form.set("parent", &shop.category.to_string())).await.expect(200);
    let junior = owner.open("/console/categories").await.link("– Junior");
    let junior = junior.rsplit('/').next().unwrap();
    let page = owner.open(&format!("/console/products/{}", shop.product)).await;
    owner.send(page.form("product").set("categories", junior)).await.expect(200).says("Saved.");
    let list = owner.open(&format!("/console/products?category={}", shop.category)).await;
    list.says("Seam Edition Bat").does_not_say("Match Ball");
}

#[tokio::test]
async fn a_file_has_exactly_what_the_list_shows() {
    let shop = Shopfront::open();
    paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/products?q=bat&columns=status&columns=brand&columns=price").await;
    let list = list.says("Product Status Price Brand Seam Edition Bat");
    let path = list.link("Export these");
    assert_eq!(path, "/console/products/export?q=bat&columns=status&columns=price&columns=brand");
    assert_eq!(
        file(&mut owner, &path).await,
        [
            "name,slug,status,price_from,price_to,currency,brand",
            "Seam Edition Bat,seam-edition-bat,active,249.00,259.00,GBP,Seam & Co",
        ]
    );
    let all = file(&mut owner, "/console/products/export").await;
    assert_eq!(all.len(), 3);
    assert!(all[0].starts_with("name,slug,status,product_type,price_from"), "{}", all[0]);

    let list = owner.open("/console/orders?columns=total&columns=sku").await;
    let list = list.says("Order Total First SKU 1001 £763.95 BAT-SH").does_not_say("Pat Striker");
    let rows = file(&mut owner, &list.link("Export these")).await;
    assert_eq!(
        rows,
        ["number,total,currency,first_sku", "1001,763.95,GBP,BAT-SH"],
        "no name that is not shown"
    );

    let list = owner.open("/console/stock?q=BAT&columns=on_hand&columns=low_at").await.expect(200);
    let rows = file(&mut owner, &list.link("Export these")).await;
    assert_eq!(rows, ["sku,product,on_hand,low_at", "BAT-SH,Seam Edition Bat,20,3"]);
}

#[tokio::test]
async fn a_list_is_kept_as_a_tab_for_oneself_or_for_all() {
    let shop = Shopfront::open();
    paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let mut support = Browser::signed_in(&shop, "willow.localhost", "support@willow.example").await;
    let tab = "/console/orders?q=pat%40shopper.example&payment=paid&columns=total";
    let list = owner.open(tab).await.expect(200);
    owner.send(list.form("save-view").set("name", " ")).await.expect(422).says("Fill this in.");
    let kept = owner.send(list.form("save-view").set("name", "Pat pays").again()).await.expect(200);
    assert_eq!(kept.path, format!("{tab}&done=kept"));
    let kept = kept.says("it is a tab of this list now");
    assert_eq!(kept.link("Pat pays"), tab);
    assert!(kept.html.contains("aria-current=\"true\">Pat pays</a>"), "{}", kept.html);
    assert!(!kept.html.contains("id=\"save-view\""), "what has a tab is not kept again");
    owner.open("/console/products").await.does_not_say("Pat pays");
    support.open("/console/orders").await.does_not_say("Pat pays").does_not_say("Change views");
    let story: Vec<&str> = shop.backend.story();
    assert_eq!(story.last(), Some(&"staff.view_saved"));

    // Shared, everybody has it; only who made it and who runs the shop changes it.
    let views = owner.open("/console/views").await.expect(200).says("Pat pays Orders, yours alone");
    let id = views.html.split("id=\"view-view_").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let form = views.form(&format!("view-view_{id}")).set("name", "Paid by Pat").set("shared", "yes");
    owner.send(form).await.expect(200).says("Paid by Pat").says("yours, shared");
    support.open("/console/orders").await.says("Paid by Pat").does_not_say("Pat pays");
    let theirs = support.open("/console/views").await.says("by Sam Scorer, shared").says("Only who made it");
    assert!(!theirs.html.contains("/delete"), "what may not be done is not offered");
    let mut stolen = support.open("/console/orders?q=x").await.form("save-view").set("name", "x");
    stolen.action = format!("/console/views/view_{id}/delete");
    support.send(stolen.clone()).await.expect(403);
    stolen.action = format!("/console/views/view_{id}");
    support.send(stolen.again()).await.expect(403);

    let delete = owner.open("/console/views").await.button("Delete");
    owner.send(delete).await.expect(200).says("Removed.").says("No view is kept yet.");
    support.open("/console/orders").await.does_not_say("Paid by Pat");
}

#[tokio::test]
async fn views_are_of_their_own_shop() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/stock?low=yes&columns=on_hand").await;
    owner.send(list.form("save-view").set("name", "Reorder").set("shared", "yes")).await.expect(200);
    let views = owner.open("/console/views").await;
    let id = views.html.split("id=\"view-view_").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let mut other = Browser::signed_in(&shop, "boundary.localhost", "owner@boundary.example").await;
    other.open("/console/stock").await.does_not_say("Reorder");
    let mut stolen =
        other.open("/console/stock?low=yes&columns=on_hand").await.form("save-view").set("name", "x");
    stolen.action = format!("/console/views/view_{id}/delete");
    other.send(stolen).await.expect(404);
    owner.open("/console/stock").await.says("Reorder");
}

#[tokio::test]
async fn customers_are_listed_with_what_they_ordered_and_for_those_who_may_see_them() {
    let shop = Shopfront::open();
    registers(&shop, "Robin Sample", "robin@shopper.example").await;
    let mut owner = Browser::owner(&shop).await;
    let list = owner.open("/console/customers").await.expect(200).says("robin@shopper.example");
    let list = list.says("1 customer");
    let page = owner.open(&list.link("Robin Sample")).await.expect(200);
    page.says("robin@shopper.example (not confirmed)").says("Nothing was ordered yet.");
    let mut other = Browser::signed_in(&shop, "boundary.localhost", "owner@boundary.example").await;
    other.open("/console/customers").await.says("Nobody has registered yet.");
    other.open(&list.link("Robin Sample")).await.expect(404);
    shop.add_staff("f@willow.example", "fulfilment");
    let mut packer = Browser::signed_in(&shop, "willow.localhost", "f@willow.example").await;
    packer.open("/console/customers").await.expect(403);
}

#[tokio::test]
async fn the_history_says_who_did_what_and_why() {
    let shop = Shopfront::open();
    let id = paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    let refund = owner.open(&format!("/console/orders/{id}/refund")).await.form("refund");
    let asked = refund.set("goodwill", "5").set("reason", "A dent in the edge").set("step", "preview");
    let effect = owner.send(asked).await.expect(200);
    owner.send(effect.form("confirm").set("step", "confirm")).await.expect(200);
    let cancel = owner.open(&format!("/console/orders/{id}/cancel")).await.form("cancel");
    owner.send(cancel.set("reason", "Called off by phone")).await.expect(200);
    let stock = owner.open("/console/stock?q=BALL").await;
    let item = owner.open(&stock.link("BALL")).await;
    owner.send(item.form("adjust").set("delta", "-2").set("reason", "damaged")).await.expect(200);
    let page = owner.open(&format!("/console/products/{}", shop.product)).await;
    owner.send(page.form("product").set("brand", "Another")).await.expect(200);
    let form = owner.open("/console/settings").await.form("settings").set("time_zone", "Asia/Kolkata");
    owner.send(form).await.expect(200);

    let sales = owner.open("/console/history").await.expect(200);
    let sales = sales.says("Sam Scorer BALL Stock -2, 8 on hand Damaged");
    let sales = sales.says("Order 1001 Order cancelled Called off by phone");
    let sales = sales.says("Order 1001 Order refund requested A dent in the edge");
    let sales = sales.does_not_say("Order placed");
    let words = sales.words();
    assert!(words.find("Called off") < words.find("A dent"), "the newest comes first: {words}");
    let range = owner.open(&sales.link("Products and prices")).await.expect(200);
    range.says("Sam Scorer Seam Edition Bat Product updated").does_not_say("Called off");
    owner.open("/console/history?of=shop").await.says("Sam Scorer Settings changed");
    let mut support = Browser::signed_in(&shop, "willow.localhost", "support@willow.example").await;
    support.open("/console/history").await.expect(403);
    let mut other = Browser::signed_in(&shop, "boundary.localhost", "owner@boundary.example").await;
    other.open("/console/history").await.says("Nobody did anything here yet.");
}
