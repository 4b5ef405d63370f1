//! Files in and out.

use super::Browser;
use crate::testing::Shopfront;
use http::Method;
use proptest::prelude::*;

async fn export(browser: &mut Browser, what: &str) -> Vec<u8> {
    let reply =
        browser.ask(Method::GET, &format!("/api/v1/admin/exports/{what}"), None, bytes::Bytes::new()).await;
    reply.expect(200).bytes.to_vec()
}

#[tokio::test]
async fn what_is_exported_is_no_change_when_it_comes_back() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    for what in ["products", "stock"] {
        let file = export(&mut owner, what).await;
        let form = owner.open("/console/import").await.expect(200).form("import").set("what", what);
        let hash = shop.backend.state_hash();
        owner.send(form.file("file", &file)).await.expect(200).says("No change.");
        assert_eq!(shop.backend.state_hash(), hash);
    }
}

#[tokio::test]
async fn a_file_is_checked_first_and_applied_row_by_row() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let file = "product_slug,name,product_type,options,sku,choices,price,description\n\
        nets,Practice Nets,bat,,NET-1,,15000,\"Two\r\nlines\"\n\
        broken,Broken,unknown_type,,BRK-1,,100,\n\
        seam-edition-bat,,,,BAT-LH,size=lh,21000,\n";
    let form = owner.open("/console/import").await.form("import").file("file", file.as_bytes());
    let hash = shop.backend.state_hash();
    let checked = owner
        .send(form)
        .await
        .expect(200)
        .says("Some rows can't be applied.")
        .says("Nothing was changed yet.");
    assert_eq!(shop.backend.state_hash(), hash, "a check changes nothing");
    let apply = checked.form("apply");
    let done = owner.send(apply.clone()).await.expect(200).says("Saved, but not all of it.");
    done.says("3 product_type There is no product type unknown_type.").does_not_say("Apply");
    shop.visitor().get("/api/v1/products/nets").await.expect(404);
    owner.open("/console/products?status=draft").await.says("Practice Nets");
    let story = shop.backend.story().len();
    owner.send(apply).await.expect(200);
    let products = shop.backend.story()[story..].iter().filter(|name| **name == "product.created").count();
    assert_eq!(products, 0, "a double press imports once");
}

#[tokio::test]
async fn a_file_that_can_not_be_taken_says_why() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let page = owner.open("/console/import").await;
    let hash = shop.backend.state_hash();
    let many = format!("sku,on_hand\n{}", "BALL,1\n".repeat(5_001));
    let cases: [(&str, &[u8], &str); 8] = [
        ("products", b"", "Choose a file first."),
        ("products", b"colour\nred\n", "The column colour is not a column of this import."),
        ("products", b"sku\nBALL\n", "The column product_slug is a column that is needed."),
        ("products", b"sku,product_slug,sku\na,b,c\n", "is there twice"),
        ("products", b"product_slug,sku\na\n", "The file is not CSV."),
        ("products", b"product_slug,sku\n\xff\xfe,a\n", "The file is not UTF-8 text."),
        ("stock", many.as_bytes(), "has more than 5000 rows"),
        ("stock", b"sku,on_hand\nNOBODY,1\nBALL,-5\nBALL,many\n", "Nothing can be applied."),
    ];
    for (what, file, words) in cases {
        let form = page.form("import").set("what", what).set("form_key", words);
        owner.send(form.file("file", file)).await.says(words);
    }
    let large = vec![b'a'; (4 << 20) + 1];
    owner
        .send(page.form("import").file("file", &large))
        .await
        .expect(422)
        .says("The file is larger than 4 MiB.");
    assert_eq!(shop.backend.state_hash(), hash);
}

#[tokio::test]
async fn stock_is_counted_from_a_file() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = owner.open("/console/import").await.form("import").set("what", "stock");
    let checked =
        owner.send(form.file("file", b"sku,warehouse,on_hand\nBALL,MAIN,42\nBAT-SH,MAIN,20\n")).await;
    let checked = checked.expect(200).says("The file is good.");
    owner.send(checked.form("apply")).await.expect(200).says("Saved.");
    owner.open("/console/stock?q=BALL").await.says("42");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever words a merchant uses, an export comes back as "no change".
    #[test]
    fn any_words_survive_a_file(name in "[^\\x00-\\x1f\\x7f]{1,40}", about in "[^\\x00-\\x08\\x0b-\\x1f\\x7f\r]{0,80}", sku in "[A-Z0-9][A-Z0-9-]{1,10}") {
        prop_assume!(!name.trim().is_empty());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let shop = Shopfront::open();
            let mut owner = Browser::owner(&shop).await;
            let form = owner.open("/console/products/new?type=bat").await.form("product");
            let form = form.set("name.en-GB", &name).set("description.en-GB", &about).set("slug", "thing").set("v0.sku", &sku);
            let made = owner.send(form.set("v0.price", "10.50").set("tax_category", "standard")).await;
            if made.status != 200 {
                // A SKU of the fixture's own.
                return;
            }
            let file = export(&mut owner, "products").await;
            let form = owner.open("/console/import").await.form("import").file("file", &file);
            owner.send(form).await.expect(200).says("No change.");
        });
    }
}
