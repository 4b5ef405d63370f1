//! What a merchant or a shopper types never becomes markup, on any page; and every page is built as a
//! page should be.

use super::people::ids;
use super::{Browser, Seen, paid_order};
use crate::routes::{Access, Method as RowMethod, TenantScope};
use crate::testing::Shopfront;
use crate::tests::shopping::{Basket, address};
use serde_json::json;

const PAYLOAD: &str = "\"><img src=x onerror=alert(1)>'{{7*7}}";

/// Every page of the shop's console, opened by its owner.
async fn all_pages(shop: &Shopfront, order: &str) -> Vec<Seen> {
    let mut owner = Browser::owner(shop).await;
    let ids = ids(shop, &mut owner, order).await;
    let mut pages = Vec::new();
    for route in crate::console::routes() {
        let row = route.row;
        // Not for a person's eyes: a file to keep, an answer to a script.
        let is_file = row.path.ends_with("/export") || row.path == "/console/jump";
        if is_file
            || row.method != RowMethod::Get
            || row.scope == TenantScope::Platform
            || row.access == Access::Open
        {
            continue;
        }
        let path = ids.iter().fold(row.path.to_owned(), |path, (name, id)| path.replace(name, id));
        pages.push(owner.open(&path).await.expect(200));
    }
    for path in ["/console/products/new?type=bat&options=size", "/console/orders?q=%22%3E%3Cimg%20src%3Dx%3E"]
    {
        pages.push(owner.open(path).await.expect(200));
    }
    pages.push(
        owner.open("/console/search?q=%22%3E%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E").await.expect(200),
    );
    pages
}

#[tokio::test]
async fn nothing_typed_becomes_markup() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let product = format!("/console/products/{}", shop.product);
    let form = owner.open(&product).await.form("product");
    let form = form.set("name.en-GB", PAYLOAD).set("description.en-GB", PAYLOAD).set("brand", PAYLOAD);
    owner.send(form.set("seo_title.en-GB", PAYLOAD)).await.expect(200);
    for (path, form, field) in [
        (format!("/console/categories/{}", shop.category), "category", "name.en-GB"),
        (format!("/console/add-ons/{}", shop.knocking), "add-on", "name.en-GB"),
        (format!("/console/warehouses/{}", shop.warehouse), "warehouse", "name"),
        (format!("/console/rates/{}", shop.rate), "rate", "carrier"),
        ("/console/settings".to_owned(), "name", "name"),
        ("/console/pages/terms".to_owned(), "page", "body.en-GB"),
    ] {
        let filled = owner.open(&path).await.form(form).set(field, PAYLOAD);
        owner.send(filled).await.expect(200);
    }
    let legal = owner.open("/console/pages").await.form("legal");
    owner.send(legal.set("name", PAYLOAD).set("country", "GB").set("address", PAYLOAD)).await.expect(200);
    let order = hostile_order(&shop).await;
    let page = owner.open(&format!("/console/orders/{order}")).await;
    owner.send(page.form("note").set("text", PAYLOAD)).await.expect(200);
    let ship = owner.open(&format!("/console/orders/{order}/ship")).await;
    owner.send(ship.form("ship").set("carrier", PAYLOAD).set("tracking", PAYLOAD)).await.expect(200);
    let refused =
        owner.open("/console/delivery/new").await.form("zone").set("name", PAYLOAD).set("areas", PAYLOAD);
    let mut pages = all_pages(&shop, &order).await;
    pages.push(owner.send(refused).await.expect(422));
    let mut shown = 0;
    for page in &pages {
        assert!(!page.html.contains("<img src=x"), "{}", page.path);
        assert!(!page.html.contains("onerror=alert(1)>\""), "{}", page.path);
        shown += usize::from(page.html.contains("onerror=alert(1)"));
    }
    assert!(shown > 15, "the payload is on {shown} pages only: the test has lost its grip");
}

/// An order whose shopper wrote the payload wherever they could.
async fn hostile_order(shop: &Shopfront) -> String {
    let basket = Basket::start(shop).await;
    basket.add("BAT-SH", 1).await;
    basket.ready().await;
    let contact = json!({ "email": "pat@shopper.example", "name": PAYLOAD });
    basket.client.put(&basket.path("/contact"), contact).await.expect(200);
    let mut shipping = address();
    shipping["name"] = json!(PAYLOAD);
    shipping["line1"] = json!(PAYLOAD);
    basket.client.put(&basket.path("/addresses"), json!({ "shipping": shipping })).await.expect(200);
    let options = basket.client.get(&basket.path("/shipping-options")).await.expect(200).json();
    basket
        .client
        .put(&basket.path("/shipping-option"), json!({ "id": options["data"][0]["id"] }))
        .await
        .expect(200);
    let mut body = basket.order("tok_ok");
    body["note"] = json!(PAYLOAD);
    let buyer = basket.client.with("idempotency-key", "k");
    let order = buyer.post("/api/v1/orders", body).await.expect(201).json();
    order["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn every_page_is_a_page() {
    let shop = Shopfront::open();
    let order = paid_order(&shop).await;
    for page in all_pages(&shop, &order).await {
        let (html, path) = (&page.html, &page.path);
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        assert_eq!(html.matches("<main").count(), 1, "{path}");
        assert!(html.contains("<html lang=\"en\">") && html.contains("<title>"), "{path}");
        for banned in [" style=\"", " onclick=", "<style", "javascript:", "{{", "<script>"] {
            assert!(!html.contains(banned), "{path} has {banned}");
        }
        let mut seen = std::collections::BTreeSet::new();
        for piece in html.split(" id=\"").skip(1) {
            let id = piece.split('"').next().unwrap();
            assert!(seen.insert(id), "{path} has the id {id} twice");
        }
        for piece in html.split(" for=\"").skip(1) {
            let id = piece.split('"').next().unwrap();
            assert!(seen.contains(id), "{path} labels {id}, which is not there");
        }
        for piece in html.split(" aria-describedby=\"").skip(1) {
            for id in piece.split('"').next().unwrap().split(' ') {
                assert!(seen.contains(id), "{path} is described by {id}, which is not there");
            }
        }
        for form in html
            .split("<form")
            .skip(1)
            .filter(|form| form.split('>').next().unwrap().contains("method=\"post\""))
        {
            assert!(
                form.contains("name=\"csrf\" value=\"") && !form.contains("name=\"csrf\" value=\"\""),
                "{path}"
            );
        }
        for image in html.split("<img ").skip(1) {
            let tag = image.split('>').next().unwrap();
            assert!(["alt=", "width=", "height="].iter().all(|part| tag.contains(part)), "{path}: {tag}");
        }
    }
}

#[tokio::test]
async fn pages_forbid_what_they_do_not_use_and_are_kept_nowhere() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let reply = owner.ask(http::Method::GET, "/console/orders", None, bytes::Bytes::new()).await.expect(200);
    let policy = reply.text("content-security-policy");
    assert!(
        policy.contains("script-src 'self'")
            && policy.contains("style-src 'self'")
            && !policy.contains("unsafe")
    );
    assert_eq!(reply.text("cache-control"), "no-store");
    assert_eq!(reply.text("x-content-type-options"), "nosniff");
}
