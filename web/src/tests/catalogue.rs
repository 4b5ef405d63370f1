//! Browsing.

use crate::testing::Shopfront;
use gearify_commerce::inventory::{self, Reason};
use gearify_commerce::{catalog, pricing};
use serde_json::json;

#[tokio::test]
async fn a_product_answers_to_its_slug_and_its_id() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    let reply = visitor.get("/api/v1/products/seam-edition-bat").await.expect(200);
    assert_eq!(reply.text("content-language"), "en-GB");
    assert_eq!(reply.text("cache-control"), "public, no-cache");
    let product = reply.json();
    assert_eq!(product["price_range"]["max"]["amount"], 25_900);
    assert_eq!(product["category"]["path"], "bats");
    assert_eq!(
        product["options"][0]["values"][0],
        json!({ "value": "sh", "label": "Short Handle", "swatch": null })
    );
    assert_eq!(product["variants"][0]["availability"], "in_stock");
    assert_eq!(product["variants"][1]["availability"], "out_of_stock");
    assert_eq!(product["add_ons"][0]["price"]["amount"], 2_000);
    let by_id = visitor.get(&format!("/api/v1/products/{}", shop.product)).await.expect(200);
    assert_eq!(by_id.json(), product);
    for nothing in ["no-such-bat", "product_00000000000000000000000000", "Not A Slug"] {
        let path = format!("/api/v1/products/{}", nothing.replace(' ', "%20"));
        assert_eq!(visitor.get(&path).await.expect(404).problem(), "not-found");
    }
    let elsewhere = shop.visitor_of("boundary.localhost");
    elsewhere.get(&format!("/api/v1/products/{}", shop.product)).await.expect(404);
}

#[tokio::test]
async fn an_answer_is_kept_until_something_of_it_changes() {
    let shop = Shopfront::open();
    let (visitor, path) = (shop.visitor(), "/api/v1/products/seam-edition-bat");
    let first = visitor.get(path).await.expect(200);
    let tag = first.text("etag").to_owned();
    let again = visitor.with("if-none-match", &tag);
    assert!(again.get(path).await.expect(304).bytes.is_empty());

    // A sale is no change of the product, but the next answer shows it.
    let item = catalog::Variant::own_stock_item(shop.variants["BAT-LH"]);
    let (sku, warehouse, reason) = ("BAT-LH".to_owned(), shop.warehouse, Reason::Received);
    shop.backend.run(shop.tenant, inventory::Command::Adjust { item, sku, warehouse, delta: 50, reason });
    let stocked = visitor.get(path).await.expect(200);
    assert_eq!(stocked.text("etag"), tag);
    assert_eq!(stocked.json()["variants"][1]["availability"], "in_stock");

    // Another tenant's change is none of ours.
    let command = catalog::Command::PutProductType {
        expected: None,
        details: catalog::ProductTypeDetails {
            code: gearify_commerce::code::Code::parse("pad").unwrap(),
            name: gearify_commerce::Text::new(gearify_commerce::Locale::parse("en").unwrap(), "Pad"),
            attributes: Vec::new(),
        },
    };
    shop.backend.run(shop.other, command);
    assert_eq!(visitor.get(path).await.text("etag"), tag);

    let price = pricing::Price {
        variant: shop.variants["BAT-SH"],
        list: gearify_commerce::code::Code::parse("gbp").unwrap(),
        min_quantity: 1,
        amount: 19_900,
        compare_at: Some(24_900),
        starts: None,
        ends: None,
    };
    shop.backend.run(shop.tenant, pricing::Command::SetPrices { prices: vec![price] });
    let reduced = again.get(path).await.expect(200);
    assert_ne!(reduced.text("etag"), tag);
    assert_eq!(reduced.json()["variants"][0]["compare_at_price"]["amount"], 24_900);
}

#[tokio::test]
async fn a_price_of_limited_time_begins_without_anybody_touching_it() {
    let shop = Shopfront::open();
    let (visitor, path) = (shop.visitor(), "/api/v1/products/match-ball");
    let price = |product: serde_json::Value| product["price"]["amount"].as_i64();
    let now = crate::app::Clock::now(&*shop.backend);
    let sale = pricing::Price {
        variant: shop.variants["BALL"],
        list: gearify_commerce::code::Code::parse("gbp").unwrap(),
        min_quantity: 1,
        amount: 900,
        compare_at: None,
        starts: Some(now.plus_millis(1_000)),
        ends: Some(now.plus_millis(2_000)),
    };
    shop.backend.run(shop.tenant, pricing::Command::SetPrices { prices: vec![sale] });
    assert_eq!(price(visitor.get(path).await.json()), Some(1_200));
    shop.backend.pass(1_500);
    assert_eq!(price(visitor.get(path).await.json()), Some(900));
    shop.backend.pass(1_000);
    assert_eq!(price(visitor.get(path).await.json()), Some(1_200));
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    let list = visitor.get("/api/v1/products?sort=price&limit=1").await.expect(200).json();
    assert_eq!(list["data"][0]["slug"], "match-ball");
    assert_eq!(list["data"][0]["default_variant"]["sku"], "BALL");
    assert_eq!(list["total"], json!({ "value": 2, "relation": "exact" }));
    assert_eq!(
        list["facets"][0]["values"][0],
        json!({ "value": "Seam & Co", "label": "Seam & Co", "count": 2, "selected": false })
    );
    let next =
        format!("/api/v1/products?sort=price&limit=1&cursor={}", list["next_cursor"].as_str().unwrap());
    let list = visitor.get(&next).await.expect(200).json();
    assert_eq!((&list["data"][0]["slug"], &list["next_cursor"]), (&json!("seam-edition-bat"), &json!(null)));
    assert_eq!(list["data"][0]["default_variant"], json!(null));
    let found = visitor.get("/api/v1/products?q=ball&filter.brand=Seam%20%26%20Co").await.expect(200).json();
    assert_eq!(found["data"].as_array().unwrap().len(), 1);
    for wrong in [
        "colour=red",
        "limit=0",
        "sort=best",
        "filter.attr.colour=red",
        "currency=USD",
        "price_min=9&price_max=1",
        "cursor=1&page=2",
    ] {
        let problem = visitor.get(&format!("/api/v1/products?{wrong}")).await.expect(400);
        assert_eq!(problem.problem(), "unknown-parameter", "{wrong}");
        assert!(problem.json()["errors"][0]["pointer"].as_str().unwrap().starts_with('?'), "{wrong}");
    }
}

#[tokio::test]
async fn the_shop_its_categories_and_countries_describe_themselves() {
    let shop = Shopfront::open();
    let visitor = shop.visitor();
    let view = visitor.get("/api/v1/shop").await.expect(200).json();
    assert_eq!((&view["currencies"], &view["countries"]), (&json!(["GBP"]), &json!(["GB"])));
    assert_eq!(view["payment_methods"][0]["provider"], "test");
    assert_eq!(view["tax_display"], "included");
    let tree = visitor.get("/api/v1/categories").await.expect(200).json();
    assert_eq!((&tree["data"][0]["path"], &tree["data"][0]["children"]), (&json!("bats"), &json!([])));
    let suggestions = visitor.get("/api/v1/search/suggestions?q=seam").await.expect(200).json();
    assert_eq!(
        suggestions["data"][0],
        json!({ "text": "Seam Edition Bat", "kind": "product", "slug": "seam-edition-bat" })
    );
    let format = visitor.get("/api/v1/countries/in/address-format").await.expect(200).json();
    assert!(format["fields"].as_array().unwrap().iter().any(|field| field["name"] == "region_code"));
    visitor.get("/api/v1/countries/india/address-format").await.expect(404);
}
