//! What merchants do with their shop.

use super::shopping::Basket;
use crate::testing::{Client, Shopfront};
use axum::body::Bytes;
use http::Method;
use serde_json::{Value, json};

const ADMIN: &str = "/api/v1/admin";

fn path(rest: &str) -> String {
    format!("{ADMIN}{rest}")
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_product_is_made_priced_stocked_published_and_found() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let body = json!({
        "product": {
            "slug": "county-bat", "product_type": "bat", "name": { "en-GB": "County Bat", "hi-IN": "काउंटी बल्ला" },
            "brand": "Seam & Co", "categories": [shop.category.to_string()], "attributes": {}, "options": ["size"]
        },
        "variants": [
            { "sku": "COUNTY-SH", "options": { "size": "sh" }, "attributes": { "grade": "a", "weight": 1150 }, "shipping_weight_grams": 1500 }
        ]
    });
    let created = owner.post(&path("/products"), body).await.expect(201).json();
    assert_eq!(
        (&created["status"], &created["variants"][0]["variant"]["attributes"]),
        (&json!("draft"), &json!({ "grade": "a", "weight": 1150 }))
    );
    let public = "/api/v1/products/county-bat";
    shop.visitor().get(public).await.expect(404);
    let product = path(&format!("/products/{}", id(&created)));
    owner.post(&format!("{product}/publish"), json!({})).await.expect(200);
    let prices = path(&format!("/variants/{}/prices", id(&created["variants"][0])));
    let price = json!({ "prices": [{ "list": "gbp", "amount": 39_900, "compare_at": 44_900 }] });
    owner.put(&prices, price.clone()).await.expect(200);
    assert_eq!(owner.put(&prices, price.clone()).await.expect(428).problem(), "precondition-required");
    owner.with("if-match", "\"1\"").put(&prices, price).await.expect(200);
    let count = json!({ "sku": "county-sh", "delta": 7, "reason": "received" });
    let counted = owner
        .with("idempotency-key", "c")
        .post(&path("/inventory/adjustments"), count)
        .await
        .expect(200)
        .json();
    assert_eq!((&counted["available"], &counted["sku"]), (&json!(7), &json!("COUNTY-SH")));
    let seen = shop.visitor().get(&format!("{public}?locale=hi-IN")).await.expect(200);
    assert_eq!(seen.text("content-language"), "hi-IN");
    let seen = seen.json();
    assert_eq!((&seen["name"], &seen["price"]["amount"]), (&json!("काउंटी बल्ला"), &json!(39_900)));
    assert_eq!(
        seen["variants"][0]["attributes"]["weight"],
        json!({ "name": "Weight", "value": 1150, "text": "1150 g", "unit": "g" })
    );
    assert_eq!(seen["variants"][0]["in_stock"], true);

    let renamed = owner
        .patch(&product, json!({ "slug": "county-edition-bat", "brand": null }))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&renamed["product"]["slug"], &renamed["product"]["brand"]),
        (&json!("county-edition-bat"), &json!(null))
    );
    let moved = shop.visitor().get(public).await.expect(301);
    assert_eq!(moved.text("location"), "/api/v1/products/county-edition-bat");
    owner.delete(&product).await.expect(204);
    shop.visitor().get("/api/v1/products/county-edition-bat").await.expect(404);
    assert_eq!(owner.get(&product).await.expect(200).json()["status"], "archived");
}

#[tokio::test]
async fn a_change_made_from_an_older_version_is_refused() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let product = path(&format!("/products/{}", shop.product));
    let seen = owner.get(&product).await.expect(200).text("etag").to_owned();
    owner.with("if-match", &seen).patch(&product, json!({ "brand": "Other" })).await.expect(200);
    let late = owner.with("if-match", &seen).patch(&product, json!({ "brand": "Late" })).await.expect(412);
    assert_eq!((late.problem(), late.json()["revision"].clone()), ("stale-version".into(), json!(2)));
    let wrong = owner
        .patch(&product, json!({ "attributes": { "grade": "zz", "no_such": 1 } }))
        .await
        .expect(422)
        .json();
    assert_eq!(wrong["errors"][0]["pointer"], "/attributes/no_such");
    assert_eq!(
        owner.patch(&product, json!({ "colour": "red" })).await.expect(400).problem(),
        "unknown-field"
    );
    let taken = owner.patch(&product, json!({ "slug": "match-ball" })).await.expect(409);
    assert_eq!(taken.problem(), "already-exists");
}

async fn paid_order(shop: &Shopfront) -> (Basket, Value) {
    let basket = Basket::start(shop).await;
    basket.add("BALL", 3).await;
    basket.ready().await;
    let order =
        basket.client.with("idempotency-key", "k").post("/api/v1/orders", basket.order("tok_ok")).await;
    (basket, order.expect(201).json())
}

#[tokio::test]
async fn an_order_is_shipped_in_parts_and_partly_refunded() {
    let shop = Shopfront::open();
    let (_, order) = paid_order(&shop).await;
    let owner = shop.owner().await;
    let found = owner
        .get(&path(&format!("/orders?q={}", order["number"].as_str().unwrap())))
        .await
        .expect(200)
        .json();
    assert_eq!(found["data"][0]["id"], order["id"]);
    let by_email =
        owner.get(&path("/orders?q=pat@shopper.example&payment_status=paid")).await.expect(200).json();
    assert_eq!(by_email["data"].as_array().unwrap().len(), 1);
    let order_path = path(&format!("/orders/{}", id(&order)));
    let line = order["lines"][0]["id"].clone();
    let keyed = |key: &str| owner.with("idempotency-key", key);
    let part = json!({ "lines": [{ "line_id": line, "quantity": 1 }], "carrier": "Pavilion Post", "tracking": "PP1" });
    let shipped = keyed("s1").post(&format!("{order_path}/shipments"), part.clone()).await.expect(201).json();
    assert_eq!(
        (&shipped["fulfillment_status"], &shipped["shipments"][0]["tracking"]),
        (&json!("partial"), &json!("PP1"))
    );
    let again = keyed("s1").post(&format!("{order_path}/shipments"), part).await.expect(201);
    assert_eq!(
        (again.text("idempotent-replayed"), again.json()["shipments"].as_array().unwrap().len()),
        ("true", 1)
    );
    let rest = keyed("s2").post(&format!("{order_path}/shipments"), json!({})).await.expect(201).json();
    assert_eq!(rest["fulfillment_status"], "fulfilled");
    let delivered = format!("{order_path}/shipments/{}/delivered", id(&rest["shipments"][0]));
    owner.post(&delivered, json!({})).await.expect(200);

    let refund =
        json!({ "lines": [{ "line_id": line, "quantity": 1, "restock": true }], "reason": "seam split" });
    let preview =
        owner.post(&format!("{order_path}/refunds/preview"), refund.clone()).await.expect(200).json();
    assert_eq!(preview["amount"]["amount"], 1_200);
    let refunded = keyed("r1").post(&format!("{order_path}/refunds"), refund).await.expect(201).json();
    assert_eq!(refunded["refunds"][0]["status"], "pending");
    shop.backend.answer_calls();
    let after = owner.get(&order_path).await.expect(200).json();
    assert_eq!(
        (&after["payment_status"], &after["refunds"][0]["status"]),
        (&json!("partially_refunded"), &json!("succeeded"))
    );
    let too_much = json!({ "goodwill": 1_000_000, "reason": "generous" });
    assert_eq!(
        keyed("r2").post(&format!("{order_path}/refunds"), too_much).await.expect(409).problem(),
        "refund-too-large"
    );
    let noted = owner
        .post(&format!("{order_path}/notes"), json!({ "text": "called twice" }))
        .await
        .expect(201)
        .json();
    assert_eq!(noted["notes"][0]["text"], "called twice");
    assert_eq!(
        owner.post(&format!("{order_path}/cancel"), json!({ "reason": "late" })).await.expect(409).problem(),
        "not-cancellable"
    );
}

#[tokio::test]
async fn a_manual_payment_is_marked_as_received() {
    let shop = Shopfront::open();
    let basket = Basket::start(&shop).await;
    basket.add("BALL", 1).await;
    basket.ready().await;
    let body = json!({ "cart_id": basket.id, "payment": { "provider": "manual" } });
    let order =
        basket.client.with("idempotency-key", "k").post("/api/v1/orders", body).await.expect(201).json();
    let owner = shop.owner().await.with("idempotency-key", "m");
    let received = path(&format!("/payments/{}/received", id(&order["payments"][0])));
    let paid = owner.post(&received, json!({})).await.expect(200).json();
    assert_eq!((&paid["status"], &paid["payment_status"]), (&json!("confirmed"), &json!("paid")));
}

#[tokio::test]
async fn stock_is_counted_moved_and_kept_back() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let second = json!({ "code": "NORTH", "name": "North", "country": "GB", "priority": 2 });
    let north = owner.post(&path("/warehouses"), second).await.expect(201).json();
    let keyed = |key: &str| owner.with("idempotency-key", key);
    let transfers = path("/inventory/transfers");
    let transfer = json!({ "sku": "BALL", "from": "MAIN", "to": "NORTH", "quantity": 4 });
    let moved = keyed("t").post(&transfers, transfer.clone()).await.expect(200).json();
    assert_eq!((&moved["available"], moved["levels"].as_array().unwrap().len()), (&json!(10), 2));
    keyed("t").post(&transfers, transfer).await.expect(200);
    let level = owner.get(&path("/inventory/BALL")).await.expect(200).json();
    assert_eq!(level["levels"][1]["on_hand"], 4, "the same key moves once");
    let kept = json!({ "low_at": 3, "warehouse": "NORTH", "safety": 1 });
    assert_eq!(owner.patch(&path("/inventory/BALL"), kept).await.expect(200).json()["available"], 9);
    let out = json!({ "sku": "BALL", "warehouse": id(&north), "delta": -5, "reason": "damaged" });
    let refused = keyed("o").post(&path("/inventory/adjustments"), out).await;
    assert!(refused.status.is_client_error());
    let check = async |body: Value, pointer: &str| {
        let problem = keyed("x").post(&path("/inventory/adjustments"), body).await.expect(422).json();
        assert_eq!(problem["errors"][0]["pointer"], pointer);
    };
    check(json!({ "sku": "NOPE", "delta": 1, "reason": "received" }), "/sku").await;
    check(json!({ "sku": "BALL", "delta": 1, "reason": "import" }), "/reason").await;
    check(json!({ "sku": "BALL", "delta": 1, "reason": "received", "warehouse": "SOUTH" }), "/warehouse")
        .await;
    let list = owner.get(&path("/inventory?sku=BALL")).await.expect(200).json();
    assert_eq!(list["total"]["value"], 2);
}

#[tokio::test]
async fn definitions_delivery_and_taxes_are_the_merchants_own() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let attribute = json!({ "name": "Profile", "kind": "choice", "level": "product", "facet": true, "choices": [{ "code": "full", "label": "Full" }] });
    owner.put(&path("/attributes/profile"), attribute).await.expect(200);
    owner.put(&path("/options/hand"), json!({ "name": "Hand" })).await.expect(200);
    let value = owner
        .put(&path("/options/hand/values/left"), json!({ "label": "Left", "position": 1 }))
        .await
        .expect(200)
        .json();
    assert_eq!(value["values"][0]["label"], json!({ "en-GB": "Left" }));
    owner
        .put(&path("/product-types/pad"), json!({ "name": "Pad", "attributes": ["profile"] }))
        .await
        .expect(200);
    let zone = json!({ "name": "Ireland", "areas": [{ "country": "IE" }] });
    let zone = owner.post(&path("/shipping/zones"), zone).await.expect(201).json();
    let rate = json!({ "name": "By weight", "carrier": "Pavilion Post", "days_min": 3, "days_max": 6,
        "tariffs": { "GBP": { "by_weight": [{ "grams_max": 2000, "price": 900 }, { "price": 1900 }], "free_from": 50000 } } });
    let rates = path(&format!("/shipping/zones/{}/rates", id(&zone)));
    let rate = owner.post(&rates, rate).await.expect(201).json();
    let changed = owner
        .patch(&path(&format!("/shipping/rates/{}", id(&rate))), json!({ "days_max": 8 }))
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&changed["rate"]["days_max"], &changed["rate"]["tariffs"]["GBP"]["free_from"]),
        (&json!(8), &json!(50_000))
    );
    let two = json!({ "tariffs": { "GBP": { "flat": 1, "by_worth": [] } } });
    owner.patch(&path(&format!("/shipping/rates/{}", id(&rate))), two).await.expect(422);
    assert!(
        shop.visitor().get("/api/v1/shop").await.json()["countries"]
            .as_array()
            .unwrap()
            .contains(&json!("IE"))
    );
    let zone = json!({ "name": "India", "places": [{ "country": "IN" }] });
    let zone = owner.post(&path("/taxes/zones"), zone).await.expect(201).json();
    let gst = json!({ "rates": [
        { "code": "CGST", "name": "CGST 6 %", "jurisdiction": "IN", "rate_ppm": 60_000, "due": "within_seller_region" },
        { "code": "IGST", "name": "IGST 12 %", "jurisdiction": "IN", "rate_ppm": 120_000, "due": "across_regions" }
    ] });
    let rates = path(&format!("/taxes/zones/{}/rates/standard", id(&zone)));
    let rates = owner.put(&rates, gst).await.expect(200).json();
    assert_eq!(rates["rates"][0]["rates"][1]["due"], "across_regions");
    let list =
        json!({ "name": "Trade", "currency": "GBP", "customer_group": "trade", "tax_included": false });
    assert_eq!(owner.put(&path("/price-lists/trade"), list).await.expect(200).json()["default"], false);
}

#[tokio::test]
async fn settings_change_group_by_group() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let before = owner.get(&path("/settings")).await.expect(200).json();
    let brand = json!({ "primary_colour": "#123456" });
    let after = owner.patch(&path("/settings/branding"), brand).await.expect(200);
    assert_eq!(after.text("etag"), "\"2\"");
    assert_eq!(after.json()["shop_revision"], before["shop_revision"]);
    assert_eq!(shop.visitor().get("/api/v1/shop").await.json()["branding"]["primary_colour"], "#123456");
    let wrong = owner
        .patch(&path("/settings/branding"), json!({ "primary_colour": "red", "font": "comic" }))
        .await
        .expect(422)
        .json();
    assert_eq!(wrong["errors"].as_array().unwrap().len(), 2);
    let zone =
        owner.patch(&path("/settings/shop"), json!({ "time_zone": "Moon/Crater" })).await.expect(422).json();
    assert_eq!(zone["errors"][0]["pointer"], "/time_zone");
    owner
        .patch(&path("/settings/shop"), json!({ "lifetimes": { "checkout_hold_ms": 120_000 } }))
        .await
        .expect(200);
    let legal = json!({ "name": "Willow Ltd", "address": ["1 Lane", "London"], "country": "GB" });
    let legal = owner.patch(&path("/settings/legal"), legal).await.expect(200).json();
    assert_eq!(legal["legal"]["name"], "Willow Ltd");
    let page =
        owner.put(&path("/pages/terms"), json!({ "body": { "en-GB": "# Terms" } })).await.expect(200).json();
    assert_eq!(page["revision"], 1);
    owner.put(&path("/pages/terms"), json!({ "body": "# Other" })).await.expect(428);
    owner.get(&path("/pages/imprint")).await.expect(404);
}

#[tokio::test]
async fn staff_come_change_and_go_and_keys_do_what_they_may() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let invite = json!({ "email": "new@willow.example", "name": "New Hand", "role": "fulfilment" });
    let invited = owner.post(&path("/staff"), invite).await.expect(201).json();
    let set_up = json!({ "setup_token": invited["setup_token"], "password": "a long innings" });
    shop.visitor().post(&path("/auth/setup"), set_up).await.expect(204);
    let login = json!({ "email": "new@willow.example", "password": "a long innings" });
    let tokens = shop.visitor().post(&path("/auth/login"), login).await.expect(200).json();
    let hand = shop.visitor().bearer(tokens["access_token"].as_str().unwrap());
    hand.get(&path("/orders")).await.expect(200);
    hand.get(&path("/staff")).await.expect(403);
    let member = path(&format!("/staff/{}", id(&invited["staff"])));
    owner.patch(&member, json!({ "active": false })).await.expect(200);
    hand.get(&path("/orders")).await.expect(401);
    let me = owner.get(&path("/me")).await.expect(200).json();
    let own = path(&format!("/staff/{}", id(&me)));
    assert_eq!(owner.patch(&own, json!({ "role": "support" })).await.expect(409).problem(), "conflict");

    let key = json!({ "name": "Till", "scopes": ["products:write"] });
    let key = owner.post(&path("/api-keys"), key).await.expect(201).json();
    let till = shop.visitor().bearer(key["secret"].as_str().unwrap());
    till.get(&path("/products")).await.expect(200);
    till.get(&path("/orders")).await.expect(403);
    till.post(&path("/api-keys"), json!({ "name": "x", "scopes": ["products:read"] })).await.expect(401);
    till.with("host", "boundary.localhost").get(&path("/products")).await.expect(401);
    owner.delete(&path(&format!("/api-keys/{}", id(&key["api_key"])))).await.expect(204);
    till.get(&path("/products")).await.expect(401);
    let wrong = json!({ "name": "x", "scopes": ["platform:write", "cake:eat"] });
    assert_eq!(
        owner.post(&path("/api-keys"), wrong).await.expect(422).json()["errors"].as_array().unwrap().len(),
        2
    );
}

fn picture(width: u32, height: u32) -> Bytes {
    let mut out = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(width, height).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner().into()
}

#[tokio::test]
async fn a_picture_is_taken_scaled_and_shown() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let upload = async |client: &Client, bytes: Bytes| {
        client.send(Method::POST, &path("/media"), Some("image/png"), bytes).await
    };
    let media = upload(&owner, picture(800, 400)).await.expect(201).json();
    assert_eq!((&media["width"], &media["placeholder"]), (&json!(800), &json!("#000000")));
    owner
        .patch(&path(&format!("/media/{}", id(&media))), json!({ "alt": "A bat", "focal": [500, 300] }))
        .await
        .expect(200);
    let shown = shop.visitor().get(media["url"].as_str().unwrap()).await.expect(200);
    assert_eq!(shown.text("content-type"), "image/png");
    assert!(
        shown.text("cache-control").contains("immutable")
            && shown.text("content-security-policy").contains("sandbox")
    );
    let small = format!("/media/{}/320", media["hash"].as_str().unwrap());
    assert_eq!(shop.visitor().get(&small).await.expect(200).text("content-type"), "image/jpeg");
    shop.visitor().get(&small.replace("/320", "/321")).await.expect(404);
    let script =
        Bytes::from_static(b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>");
    assert_eq!(upload(&owner, script).await.expect(415).problem(), "unsupported-media-type");
    assert_eq!(
        upload(&owner, Bytes::from_static(b"\x89PNG\r\n\x1a\nrubbish")).await.expect(422).problem(),
        "validation"
    );
}

/// What is on the node's disk is still nobody's but its shop's: content alone opens no door.
#[tokio::test]
async fn a_picture_is_shown_under_the_host_of_its_own_shop_only() {
    let shop = Shopfront::open();
    let (owner, stranger) = (shop.owner().await, shop.staff("owner@boundary.example").await);
    let upload = async |client: &Client, bytes: Bytes| {
        client.send(Method::POST, &path("/media"), Some("image/png"), bytes).await.expect(201).json()
    };
    let media = upload(&owner, picture(500, 400)).await;
    let hash = media["hash"].as_str().unwrap();
    let (mine, other) = (shop.visitor(), shop.visitor_of("boundary.localhost"));
    for size in ["original", "160"] {
        let picture = format!("/media/{hash}/{size}");
        let tag = mine.get(&picture).await.expect(200).text("etag").to_owned();
        // Also with the picture scaled and in memory, and for those who say that they have it already.
        let missing = other.get(&format!("/media/{}/{size}", "ab".repeat(32))).await.expect(404);
        for asked in [other.get(&picture).await, other.with("if-none-match", &tag).get(&picture).await] {
            let asked = asked.expect(404);
            let plain = |reply: &crate::testing::Reply| {
                let mut problem = reply.json();
                problem.as_object_mut().unwrap().retain(|name, _| name != "instance" && name != "request_id");
                problem
            };
            assert_eq!(plain(&asked), plain(&missing));
        }
        mine.with("if-none-match", &tag).get(&picture).await.expect(304);
    }
    // Nor by calling it their logo.
    let logo = |hash: &str| json!({ "logo": hash });
    let refused = stranger.patch(&path("/settings/branding"), logo(hash)).await.expect(422).json();
    assert_eq!(refused["errors"][0]["pointer"], "/logo");
    other.get(&format!("/media/{hash}/original")).await.expect(404);
    owner.patch(&path("/settings/branding"), logo(hash)).await.expect(200);
    // Who has the same picture sees it: it is theirs too.
    upload(&stranger, picture(500, 400)).await;
    other.get(&format!("/media/{hash}/original")).await.expect(200);
    stranger.patch(&path("/settings/branding"), logo(hash)).await.expect(200);
}

#[tokio::test]
async fn what_is_exported_can_be_imported_and_a_dry_run_changes_nothing() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let exported = owner.get(&path("/exports/products")).await.expect(200);
    assert_eq!(exported.text("content-type"), "text/csv; charset=utf-8");
    let csv = String::from_utf8(exported.bytes.to_vec()).unwrap();
    assert_eq!(csv.lines().count(), 4, "{csv}");
    // Compressing asks for more after the end.
    for file in ["products", "stock"] {
        let packed = owner.with("accept-encoding", "gzip").get(&path(&format!("/exports/{file}"))).await;
        assert_eq!(packed.expect(200).text("content-encoding"), "gzip", "{file}");
    }
    let import = async |query: &str, text: String| {
        owner
            .send(Method::POST, &path(&format!("/imports/products{query}")), Some("text/csv"), text.into())
            .await
    };
    let same = import("", csv.clone()).await.expect(200).json();
    assert_eq!((&same["unchanged"], &same["faults"]), (&json!(3), &json!([])));
    let changed = csv.replace("Match Ball", "County Ball").replace(",1200,", ",1300,")
        + "new-ball,New Ball,bat,,,standard,,,active,NEW-BALL,,,,160,deny,999,\n\
           bad-ball,Bad Ball,no_such_type,,,standard,,,draft,BAD-BALL,,,,160,deny,1,\n\
           worse-ball,Worse Ball,bat,,,standard,,,draft,BALL,,,,x,deny,-1,\n";
    let before = shop.backend.state_hash();
    let dry = import("?dry_run=true", changed.clone()).await.expect(200).json();
    assert_eq!(shop.backend.state_hash(), before);
    let real = import("", changed).await.expect(200).json();
    for report in [&dry, &real] {
        assert_eq!((&report["rows"], &report["created"]), (&json!(6), &json!(1)), "{report}");
        let rows: Vec<u64> =
            report["faults"].as_array().unwrap().iter().map(|fault| fault["row"].as_u64().unwrap()).collect();
        assert!(rows.contains(&6) && rows.contains(&7), "{report}");
    }
    let ball = shop.visitor().get("/api/v1/products/match-ball").await.expect(200).json();
    assert_eq!((&ball["name"], &ball["price"]["amount"]), (&json!("County Ball"), &json!(1_300)));
    shop.visitor().get("/api/v1/products/new-ball").await.expect(200);
    assert_eq!(import("", "sku,colour\n".into()).await.expect(400).problem(), "unknown-field");
    assert_eq!(import("", "sku\n".into()).await.expect(422).problem(), "validation");
}

#[tokio::test]
async fn stock_is_set_from_a_file_once() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let file = "sku,warehouse,on_hand\nBALL,MAIN,25\nBAT-SH,MAIN,20\nNOPE,MAIN,1\nBALL,MOON,1\n";
    let import = async |key: &str| {
        let owner = owner.with("idempotency-key", key);
        owner
            .send(Method::POST, &path("/imports/stock"), Some("text/csv"), file.into())
            .await
            .expect(200)
            .json()
    };
    let report = import("one").await;
    assert_eq!((&report["updated"], &report["unchanged"]), (&json!(1), &json!(1)));
    assert_eq!(report["faults"].as_array().unwrap().len(), 2);
    assert_eq!(import("one").await["unchanged"], 2);
    let exported = owner.get(&path("/exports/stock")).await.expect(200);
    assert!(String::from_utf8_lossy(&exported.bytes).contains("BALL,MAIN,25,25,0,"));
}

#[tokio::test]
async fn the_feed_tells_what_happened_in_order() {
    let shop = Shopfront::open();
    let (_, order) = paid_order(&shop).await;
    let owner = shop.owner().await;
    let mut after = 0;
    let mut story = Vec::new();
    loop {
        let page =
            owner.get(&path(&format!("/events?stream=sales&limit=5&after={after}"))).await.expect(200).json();
        let events = page["data"].as_array().unwrap().clone();
        if events.is_empty() {
            break;
        }
        for event in events {
            assert_eq!(event["sequence"], json!(after + 1), "without gaps");
            after += 1;
            story.push(event);
        }
    }
    let placed = story.iter().find(|event| event["type"] == "order.placed").unwrap();
    assert_eq!(placed["data"]["number"], order["number"]);
    assert_eq!((&placed["subject"], &placed["subject_version"]), (&order["id"], &json!(1)));
    assert_eq!(
        (&placed["id"], &placed["version"]),
        (&json!(format!("sales-{}", placed["sequence"])), &json!(1))
    );
    assert_eq!(placed["tenant"], shop.tenant.to_string());
    let of_order = story.iter().filter(|event| event["subject"] == order["id"]);
    let versions: Vec<u64> = of_order.filter_map(|event| event["subject_version"].as_u64()).collect();
    assert!(versions.is_sorted(), "an order's events tell its revisions as they come: {versions:?}");
    assert_eq!(versions.last(), order["revision"].as_u64().as_ref());
    let paid = story.iter().find(|event| event["type"] == "payment.completed").unwrap();
    assert_eq!((&paid["subject"], &paid["subject_version"]), (&order["payments"][0]["id"], &json!(null)));
    assert_eq!(paid["actor"], json!({ "kind": "provider", "id": "test" }));
    let told: String = story.iter().map(|event| event.to_string()).collect();
    assert!(!told.contains("pat@shopper.example") && !told.contains("Pavilion Lane"));
    owner.get(&path("/events?stream=gossip")).await.expect(400);
}

#[tokio::test]
async fn a_product_tells_that_it_is_gone_with_its_last_variant() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let counts = async |key: &str, sku: &str, delta: i64| {
        let body = json!({ "sku": sku, "delta": delta, "reason": "counted" });
        let keyed = owner.with("idempotency-key", key);
        keyed.post(&path("/inventory/adjustments"), body).await.expect(200);
        shop.backend.answer_calls();
    };
    let gone = async || {
        let feed = owner.get(&path("/events?stream=sales&limit=100")).await.expect(200).json();
        let events = feed["data"].as_array().unwrap().iter();
        let gone = events.filter(|event| event["type"] == "product.out_of_stock");
        gone.map(|event| event["data"]["product_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    counts("a", "BAT-LH", 1).await;
    counts("b", "BAT-SH", -20).await;
    assert_eq!(gone().await, Vec::<String>::new(), "the long handle is there");
    counts("c", "BAT-LH", -1).await;
    assert_eq!(gone().await, [shop.product.to_string()]);
}

#[tokio::test]
async fn customers_are_seen_by_those_who_may() {
    let shop = Shopfront::open();
    let body =
        json!({ "email": "pat@shopper.example", "password": "a long afternoon", "name": "Pat Striker" });
    shop.visitor().post("/api/v1/auth/register", body).await.expect(201);
    let owner = shop.owner().await;
    let list = owner.get(&path("/customers")).await.expect(200).json();
    assert_eq!(list["data"][0]["email"], "pat@shopper.example");
    let one = owner.get(&path(&format!("/customers/{}", id(&list["data"][0])))).await.expect(200).json();
    assert_eq!(one["name"], "Pat Striker");
    let elsewhere = shop.staff("owner@boundary.example").await;
    elsewhere.get(&path(&format!("/customers/{}", id(&list["data"][0])))).await.expect(404);
}
