//! Looking around: pages for strangers, what is kept, where old addresses lead.

use super::browser::Browser;
use crate::testing::Shopfront;
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Locale, Slug, Text, catalog, tenants};
use serde_json::json;

#[tokio::test]
async fn a_stranger_finds_the_way_from_the_first_page_to_a_bat() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/").await.expect(200).says("Seam Edition Bat").says("Knocking in");
    let bats = browser.page.link("/c/").unwrap();
    browser.open(&bats).await.expect(200).says("<h1>Bats</h1>").says("£249.00");
    let bat = browser.page.link("/p/seam").unwrap();
    let page = browser.open(&bat).await.expect(200);
    page.says("<h1>Seam Edition Bat</h1>").says("Short Handle").says("including VAT");
    page.says("\"@type\":\"Product\"").says("\"price\":\"249.00\"").says("https://schema.org/OutOfStock");
    assert!(page.has_form("/cart/lines"));
    // Two to four days from the first of January 2026, and what it costs.
    page.says("Sat 3 Jan – Mon 5 Jan").says("£4.95");
}

#[tokio::test]
async fn a_search_finds_and_says_so_when_it_does_not() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser
        .open("/search?q=ball&utm_source=x")
        .await
        .expect(200)
        .says("Match Ball")
        .is_silent_about("Seam Edition Bat");
    browser.page.says("value=\"ball\"").says("content=\"noindex\"");
    browser.open("/search?q=umbrella").await.expect(200).says("/c/bats");
}

#[tokio::test]
async fn pages_of_strangers_are_shared_and_asked_for_again_by_their_tag() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    let page = browser.open("/p/seam-edition-bat").await.expect(200).clone();
    assert_eq!(page.header("cache-control"), "public, max-age=0, must-revalidate");
    assert!(page.header("vary").contains("Cookie"));
    let mut again = Browser::new(&shop).with("if-none-match", page.header("etag"));
    assert_eq!(again.open("/p/seam-edition-bat").await.status, 304);
    // A sale is told at once, though nothing of the catalogue changed.
    let item = catalog::Variant::own_stock_item(shop.variants["BAT-SH"]);
    shop.backend.run(
        shop.tenant,
        gearify_commerce::inventory::Command::Adjust {
            item,
            sku: "BAT-SH".into(),
            warehouse: shop.warehouse,
            delta: -18,
            reason: gearify_commerce::inventory::Reason::Correction,
        },
    );
    let later = again.open("/p/seam-edition-bat").await;
    later.expect(200).says("2 left");
}

#[tokio::test]
async fn the_shell_follows_the_device() {
    let shop = Shopfront::open();
    let desktop = Browser::new(&shop).with("sec-ch-ua-mobile", "?0").open("/").await.clone();
    let phone = Browser::new(&shop).with("sec-ch-ua-mobile", "?1").open("/").await.clone();
    desktop.says("shell-desktop");
    phone.says("shell-mobile").says("class=\"thumb\"");
}

#[tokio::test]
async fn each_language_has_its_addresses_and_they_know_each_other() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/hi/p/seam-edition-bat").await.expect(200).says("lang=\"hi-IN\"").says("href=\"/hi/cart\"");
    browser.page.says("hreflang=\"en-GB\" href=\"http://willow.localhost/p/seam-edition-bat\"");
    browser.page.says("rel=\"canonical\" href=\"http://willow.localhost/hi/p/seam-edition-bat\"");
    browser.open("/p/seam-edition-bat").await.expect(200).says("lang=\"en-GB\"").says("href=\"/cart\"");
    browser.open("/hi").await.expect(200);
    assert_eq!(browser.path, "/hi/");
    browser.open("/fr/p/seam-edition-bat").await.expect(404);
}

#[tokio::test]
async fn old_addresses_lead_to_the_new_ones() {
    let shop = Shopfront::open();
    let product = crate::ports::with_scope(
        &*shop.backend,
        GroupKind::Catalogue,
        shop.tenant,
        gearify_commerce::Site::NONE,
        |view| catalog::product(view, shop.product).unwrap(),
    );
    let mut details = product.details.clone();
    details.slug = Slug::parse("seam-edition").unwrap();
    shop.backend
        .run(shop.tenant, catalog::Command::UpdateProduct { product: product.id, expected: None, details });
    let visitor = shop.visitor();
    let check = async |from: &str, status: u16, to: &str| {
        let reply = visitor.get(from).await.expect(status);
        assert_eq!(reply.text("location"), to, "{from}");
    };
    check("/p/seam-edition-bat", 301, "/p/seam-edition").await;
    check(&format!("/p/{}", shop.product), 301, "/p/seam-edition").await;
    check("/product/seam-edition-bat", 308, "/p/seam-edition").await;
    check("/hi/product/seam-edition-bat", 308, "/hi/p/seam-edition").await;
    check("/catalog", 308, "/").await;
    check("/catalog/bats", 308, "/c/bats").await;
    check("/admin", 308, "/console").await;
}

#[tokio::test]
async fn files_are_named_by_what_they_hold() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    browser.open("/").await;
    for start in ["/brand/", "/assets/"] {
        let at = browser.page.link(start).or_else(|| {
            let rest = browser.page.html.split("src=\"").skip(1).find(|rest| rest.starts_with(start))?;
            rest.split('"').next().map(str::to_owned)
        });
        let reply = shop.visitor().get(&at.unwrap()).await.expect(200);
        assert!(reply.text("cache-control").contains("immutable"), "{start}");
    }
    // The picture of the first page is the shop's own, without the paper of a product's card.
    let (front, _) = browser.page.html.split_once(".front.svg\"").expect("a front");
    let front = format!("{}.front.svg", front.rsplit_once('"').unwrap().1);
    let front = shop.visitor().get(&front).await.expect(200);
    assert_eq!(front.text("content-type"), "image/svg+xml");
    let icon = shop.visitor().get("/brand/x.svg").await.expect(200);
    assert_ne!(front.bytes, icon.bytes);
    let stale = shop.visitor().get("/brand/0000.css").await.expect(200);
    assert_eq!(stale.text("cache-control"), "public, max-age=300");
    let drawing = shop.visitor().get("/media/bat.crimson.17").await.expect(200);
    assert_eq!(drawing.text("content-type"), "image/svg+xml");
    shop.visitor().get("/media/bat.nocolour.17").await.expect(404);
    let robots = shop.visitor().get("/robots.txt").await.expect(200);
    assert!(String::from_utf8_lossy(&robots.bytes).contains("Sitemap: http://willow.localhost/sitemap.xml"));
    let map = shop.visitor().get("/sitemap.xml").await.expect(200);
    let map = String::from_utf8_lossy(&map.bytes).into_owned();
    for path in ["/", "/c/bats", "/p/seam-edition-bat", "/hi/p/match-ball"] {
        assert!(map.contains(&format!("<loc>http://willow.localhost{path}</loc>")), "{path} in {map}");
    }
    let manifest = shop.visitor().get("/brand/x.webmanifest").await.expect(200);
    assert_eq!(manifest.json()["name"], "willow");
}

#[tokio::test]
async fn what_is_not_there_is_a_page_of_the_shop_with_a_search() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    for path in ["/p/nothing", "/c/nothing", "/pages/nothing", "/nothing/at/all", "/pages/terms"] {
        browser.open(path).await.expect(404).says("action=\"/search\"").says("/brand/");
    }
    let stranger = shop.visitor_of("nobody.localhost").get("/").await;
    assert_eq!(stranger.status.as_u16(), 421);
}

#[tokio::test]
async fn words_of_merchants_stay_words() {
    const EVIL: &str = "</script><script>alert(1)</script><img src=x onerror=alert(1)>";
    let shop = Shopfront::open();
    let words = |text: &str| Text::new(Locale::parse("en-GB").unwrap(), text);
    let product = crate::ports::with_scope(
        &*shop.backend,
        GroupKind::Catalogue,
        shop.tenant,
        gearify_commerce::Site::NONE,
        |view| catalog::product(view, shop.product).unwrap(),
    );
    let mut details = product.details.clone();
    details.name = words(EVIL);
    details.description = words(&format!("{EVIL}\n\n[x](javascript:alert(1))"));
    shop.backend
        .run(shop.tenant, catalog::Command::UpdateProduct { product: product.id, expected: None, details });
    shop.backend.run(
        shop.tenant,
        tenants::Command::UpdatePage { expected: None, kind: tenants::PageKind::Terms, body: words(EVIL) },
    );
    let mut browser = Browser::new(&shop);
    let evil_search =
        format!("/search?q={}", form_urlencoded::byte_serialize(EVIL.as_bytes()).collect::<String>());
    for path in ["/", "/p/seam-edition-bat", "/c/bats", "/pages/terms", evil_search.as_str()] {
        let page = browser.open(path).await.expect(200);
        page.is_silent_about("<script>alert")
            .is_silent_about("<img src=x")
            .is_silent_about("href=\"javascript:");
        super::assert_no_inline(page);
    }
}

#[tokio::test]
async fn a_text_that_names_its_page_says_the_name_once_and_the_foot_names_what_the_till_takes() {
    let shop = Shopfront::open();
    let body = Text::new(Locale::parse("en-GB").unwrap(), "# How we send\n\nIn a tube.");
    let kind = tenants::PageKind::Delivery;
    shop.backend.run(shop.tenant, tenants::Command::UpdatePage { expected: None, kind, body });
    let mut browser = Browser::new(&shop);
    let page = browser.open("/pages/delivery").await.expect(200);
    page.says("<h1>How we send</h1>").says("<p>In a tube.</p>").says("Test card (demonstration)");
    assert_eq!(page.html.matches("How we send</h").count(), 1, "{}", page.html);
    page.is_silent_about("PayPal");
}

#[tokio::test]
async fn a_kit_says_what_is_in_it() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let parts: Vec<_> = [("BAT-LH", 1), ("BALL", 6)]
        .map(|(sku, pieces)| json!({ "variant_id": shop.variants[sku].to_string(), "quantity": pieces }))
        .into();
    let body = json!({
        "product": { "slug": "nets-kit", "product_type": "bat", "name": { "en-GB": "Nets Kit" }, "categories": [] },
        "variants": [{ "sku": "NETS", "components": parts }],
        "publish": true
    });
    let kit = owner.post("/api/v1/admin/products", body).await.expect(201).json();
    let prices = format!("/api/v1/admin/variants/{}/prices", kit["variants"][0]["id"].as_str().unwrap());
    owner.put(&prices, json!({ "prices": [{ "list": "gbp", "amount": 30_000 }] })).await.expect(200);

    let mut browser = Browser::new(&shop);
    let page = browser.open("/p/nets-kit").await.expect(200);
    page.says("What is in it")
        .says("Seam Edition Bat, Long Handle</a>")
        .says("6 ×</span> <a href=\"/p/match-ball\">");
    browser.open("/p/match-ball").await.expect(200).is_silent_about("What is in it");
    let told = shop.visitor().get("/api/v1/products/nets-kit").await.expect(200).json();
    assert_eq!(
        told["variants"][0]["components"][1],
        json!({
            "variant_id": shop.variants["BALL"].to_string(), "sku": "BALL", "name": "Match Ball",
            "slug": "match-ball", "quantity": 6
        })
    );

    // What is no longer sold by itself is still in it, and leads nowhere.
    let product = catalog::Command::ArchiveProduct { product: shop.product, expected: None };
    shop.backend.run(shop.tenant, product);
    let page = browser.open("/p/nets-kit").await.expect(200);
    page.says("Seam Edition Bat, Long Handle").is_silent_about("href=\"/p/seam-edition-bat\"");
}

#[tokio::test]
async fn goods_without_a_price_are_shown_without_one_and_cannot_be_bought() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    let body = json!({
        "product": { "slug": "new-bat", "product_type": "bat", "name": { "en-GB": "New Bat" }, "categories": [] },
        "variants": [{ "sku": "NEW" }],
        "publish": true
    });
    let made = owner.post("/api/v1/admin/products", body).await.expect(201).json();
    let mut browser = Browser::new(&shop);
    for path in ["/p/new-bat", "/search?q=new", "/compare?p=new-bat", "/hi/p/new-bat"] {
        let page = browser.open(path).await.expect(200);
        page.says(if path.starts_with("/hi") {
            "दाम अभी तय नहीं"
        } else {
            "No price yet"
        });
        page.is_silent_about("£0.00").is_silent_about("\"Offer\"");
    }
    browser.open("/p/new-bat").await.expect(200).says("type=\"submit\" disabled>");

    let prices = format!("/api/v1/admin/variants/{}/prices", made["variants"][0]["id"].as_str().unwrap());
    owner.put(&prices, json!({ "prices": [{ "list": "gbp", "amount": 30_000 }] })).await.expect(200);
    browser.open("/p/new-bat").await.expect(200).says("£300.00").is_silent_about("No price yet");
}

#[tokio::test]
async fn a_size_is_chosen_beside_a_guide_by_height() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    let page = browser.open("/p/seam-edition-bat").await.expect(200);
    let guide = page.html.split("size-guide").nth(1).expect("a guide").split("</details>").next().unwrap();
    assert!(
        guide.contains("<tr class=\"is-offered\"><th scope=\"row\">Short Handle</th><td>168 – 188</td>"),
        "{guide}"
    );
    assert!(guide.contains("<tr><th scope=\"row\">Harrow</th>"), "{guide}");
    let size = page.html.find("name=\"option.size\"").unwrap();
    assert!(
        page.html.find("size-guide").unwrap() > size && page.html.find("class=\"extras\"").unwrap() > size
    );
    browser.open("/hi/p/seam-edition-bat").await.expect(200).says("6 फ़ुट 2 इंच से ऊपर");
    browser.open("/p/match-ball").await.expect(200).is_silent_about("size-guide");
}

/// The heads of a table that sort it: their words, where they lead, how it is sorted now.
fn sorting_heads(html: &str) -> Vec<(String, String, String)> {
    let table = html.split("<thead>").nth(1).expect("a table").split("</thead>").next().unwrap();
    let head = |cell: &str| {
        let part = |start: &str, end: &str| Some(cell.split(start).nth(1)?.split(end).next()?.to_owned());
        let words = cell.split_once("</a>")?.0.rsplit('>').next()?.to_owned();
        Some((words, part("href=\"", "\"")?, part("aria-sort=\"", "\"").unwrap_or_default()))
    };
    table.split("<th ").filter_map(head).collect()
}

#[tokio::test]
async fn a_table_is_sorted_by_its_heads() {
    let shop = Shopfront::open();
    for (sku, grams) in [("BAT-SH", 1_134), ("BALL", 156)] {
        super::compare::describe(&shop, sku, "a", grams);
    }
    let mut browser = Browser::new(&shop);
    let page = browser.open("/search?view=table").await.expect(200);
    let told = |name: &str, href: &str, sorted: &str| (name.to_owned(), href.to_owned(), sorted.to_owned());
    assert_eq!(
        sorting_heads(&page.html),
        [
            told("Product", "/search?sort=name&#38;view=table", ""),
            told("Weight", "/search?sort=attr.weight&#38;view=table", ""),
            told("Price", "/search?sort=price&#38;view=table", ""),
        ]
    );
    let names_in_order = |page: &str| {
        let place = |name: &str| page.find(&format!(">{name}</a>")).unwrap();
        place("Match Ball") < place("Seam Edition Bat")
    };
    let lightest = browser.open("/search?sort=attr.weight&view=table").await.expect(200);
    assert!(names_in_order(&lightest.html));
    assert_eq!(
        sorting_heads(&lightest.html)[1],
        told("Weight", "/search?sort=-attr.weight&#38;view=table", "ascending")
    );
    let heaviest = browser.open("/search?sort=-attr.weight&view=table").await.expect(200);
    assert!(!names_in_order(&heaviest.html));
    assert_eq!(sorting_heads(&heaviest.html)[1].2, "descending");
}
