//! What a page says of itself to search engines and to whoever a link is sent to.

use super::browser::{Browser, Page};
use crate::testing::Shopfront;
use gearify_commerce::tenants::{self, PageKind};
use gearify_commerce::{Locale, Text};
use serde_json::Value;

const HOST: &str = "http://willow.localhost";

impl Page {
    /// The content of the one `<meta>` with this name or property.
    #[track_caller]
    fn meta(&self, name: &str) -> Option<String> {
        let head = self.html.split("</head>").next().unwrap();
        let told = |tag: &&str| {
            tag.contains(&format!("name=\"{name}\"")) || tag.contains(&format!("property=\"{name}\""))
        };
        let mut found = head.split("<meta ").skip(1).filter(told);
        let content = found.next()?.split("content=\"").nth(1)?.split('"').next()?;
        assert!(found.next().is_none(), "{name} is said twice");
        Some(super::browser::unescape(content))
    }

    fn canonical(&self) -> Option<String> {
        let rest = self.html.split("rel=\"canonical\" href=\"").nth(1)?;
        rest.split('"').next().map(super::browser::unescape)
    }

    /// Structured data of one kind.
    #[track_caller]
    fn data(&self, kind: &str) -> Option<Value> {
        let blocks = self.html.split("<script type=\"application/ld+json\">").skip(1);
        let read = |block: &str| -> Value {
            let text = block.split("</script>").next().unwrap();
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let mut found = blocks.map(read).filter(|data| data["@type"] == kind);
        let first = found.next();
        assert!(found.next().is_none(), "{kind} is there twice");
        if let Some(data) = &first {
            assert_eq!(data["@context"], "https://schema.org");
        }
        first
    }

    /// Holds a page that may be found: where it is, what it is called, what it shows.
    #[track_caller]
    fn is_found_as(&self, path: &str, title: &str, kind: &str) -> &Page {
        let here = format!("{HOST}{path}");
        assert_eq!(self.meta("robots"), None, "{path} may be found");
        assert_eq!(self.canonical().as_deref(), Some(here.as_str()));
        assert_eq!(self.meta("og:url"), Some(here));
        assert_eq!(self.meta("og:title").as_deref(), Some(title));
        assert_eq!(self.meta("og:type").as_deref(), Some(kind));
        assert_eq!(self.meta("og:site_name").as_deref(), Some("willow"));
        assert!(self.meta("og:locale").is_some());
        assert_eq!(self.meta("description"), self.meta("og:description"));
        if let Some(image) = self.meta("og:image") {
            assert!(image.starts_with(HOST), "{image}");
        }
        self
    }
}

/// From the first page down to the page itself, each with an address of its own.
#[track_caller]
fn assert_crumbs(page: &Page, expected: &[(&str, &str)]) {
    let list = page.data("BreadcrumbList").expect("crumbs");
    let told: Vec<(u64, &str, String)> = list["itemListElement"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            assert_eq!(item["@type"], "ListItem");
            (
                item["position"].as_u64().unwrap(),
                item["name"].as_str().unwrap(),
                item["item"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let expected: Vec<(u64, &str, String)> =
        (1..).zip(expected).map(|(at, (name, path))| (at, *name, format!("{HOST}{path}"))).collect();
    assert_eq!(told, expected);
}

#[tokio::test]
async fn the_first_page_names_the_shop_and_its_search() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    let page = browser.open("/").await.expect(200);
    page.is_found_as("/", "willow", "website");
    assert!(page.meta("description").is_some_and(|told| told.contains("willow")));
    assert!(page.meta("og:image").is_some());
    assert_eq!(page.meta("og:locale").as_deref(), Some("en_GB"));
    let site = page.data("WebSite").unwrap();
    assert_eq!(site["potentialAction"]["target"], format!("{HOST}/search?q={{query}}"));
    assert_eq!(page.data("Organization").unwrap()["url"], format!("{HOST}/"));
    let hindi = browser.open("/hi/").await.expect(200);
    hindi.is_found_as("/hi/", "willow", "website");
    assert_eq!(hindi.meta("og:locale").as_deref(), Some("hi_IN"));
}

#[tokio::test]
async fn a_category_is_known_by_its_plain_address() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    let page = browser.open("/c/bats").await.expect(200);
    page.is_found_as("/c/bats", "Bats", "website");
    assert_crumbs(page, &[("Home", "/"), ("Bats", "/c/bats")]);
    // Of a department that nobody has described, its own words.
    assert!(page.meta("description").is_some_and(|told| told.starts_with("Bats at willow")));
    for view in ["/c/bats?view=grid&sort=price", "/c/bats?utm_source=x"] {
        browser.open(view).await.expect(200).is_found_as("/c/bats", "Bats", "website");
    }
    let filtered = browser.open("/c/bats?filter.brand=Seam+%26+Co").await.expect(200);
    assert_eq!(filtered.meta("robots").as_deref(), Some("noindex"), "filters are countless");
    assert_eq!(filtered.canonical(), Some(format!("{HOST}/c/bats")));
}

#[tokio::test]
async fn a_product_tells_its_offers() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop);
    let page = browser.open("/p/seam-edition-bat").await.expect(200);
    page.is_found_as("/p/seam-edition-bat", "Seam Edition Bat", "product");
    assert_crumbs(page, &[("Home", "/"), ("Bats", "/c/bats"), ("Seam Edition Bat", "/p/seam-edition-bat")]);
    let product = page.data("Product").unwrap();
    assert_eq!(product["name"], "Seam Edition Bat");
    assert_eq!(product["url"], format!("{HOST}/p/seam-edition-bat"));
    assert_eq!(product["brand"]["name"], "Seam & Co");
    assert_eq!(product["description"], "Made for long afternoons.");
    assert!(product.get("aggregateRating").is_none(), "nobody has rated it");
    let offers = product["offers"].as_array().unwrap();
    let told: Vec<[&str; 5]> = offers
        .iter()
        .map(|offer| {
            assert_eq!(offer["@type"], "Offer");
            ["sku", "price", "priceCurrency", "availability", "url"].map(|key| offer[key].as_str().unwrap())
        })
        .collect();
    let at = |size: &str| format!("{HOST}/p/seam-edition-bat?option.size={size}");
    assert_eq!(
        told,
        [
            ["BAT-SH", "249.00", "GBP", "https://schema.org/InStock", &at("sh")],
            ["BAT-LH", "259.00", "GBP", "https://schema.org/OutOfStock", &at("lh")],
        ]
    );
    // Where an offer leads, its variant is chosen; the page is still the one page.
    let chosen = browser.open("/p/seam-edition-bat?option.size=lh").await.expect(200);
    chosen.is_found_as("/p/seam-edition-bat", "Seam Edition Bat", "product").says("£259.00");
    let ball = browser.open("/p/match-ball").await.expect(200);
    assert_eq!(ball.data("Product").unwrap()["offers"][0]["url"], format!("{HOST}/p/match-ball"));
    let hindi = browser.open("/hi/p/match-ball").await.expect(200);
    hindi.is_found_as("/hi/p/match-ball", "Match Ball", "product");
}

#[tokio::test]
async fn words_are_found_by_their_own_title() {
    let shop = Shopfront::open();
    let body = Text::new(Locale::parse("en-GB").unwrap(), "# How we send\n\nIn a tube.");
    let kind = PageKind::Delivery;
    shop.backend.run(shop.tenant, tenants::Command::UpdatePage { expected: None, kind, body });
    let page = Browser::new(&shop).open("/pages/delivery").await.expect(200).clone();
    page.is_found_as("/pages/delivery", "How we send", "website");
    assert_eq!(page.meta("description").as_deref(), Some("In a tube."));
}

#[tokio::test]
async fn what_is_personal_or_endless_stays_out_of_search_engines() {
    let shop = Shopfront::open();
    let mut browser = super::buy::with_a_bat(&shop).await;
    let paths = [
        ("/search?q=ball", 200),
        ("/search?q=zyzzyva", 200),
        ("/compare", 200),
        ("/compare?p=match-ball", 200),
        ("/cart", 200),
        ("/checkout/contact", 200),
        ("/orders/look-up", 200),
        ("/account/sign-in", 200),
        ("/account/register", 200),
        ("/account/password-reset", 200),
        ("/account/verify?token=none", 422),
        ("/p/nothing", 404),
        ("/no/such/page", 404),
    ];
    for (path, status) in paths {
        let page = browser.open(path).await.expect(status);
        assert_eq!(page.meta("robots").as_deref(), Some("noindex"), "{path}");
    }
}
