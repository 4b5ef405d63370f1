//! Products side by side: chosen in a list or from a product, shared by their address.

use super::assert_no_inline;
use super::browser::Browser;
use crate::testing::Shopfront;
use gearify_commerce::catalog::{self, AttributeValue};
use gearify_commerce::command::GroupKind;
use gearify_commerce::{Code, Site, Slug};
use serde_json::json;

fn code(text: &str) -> Code {
    Code::parse(text).unwrap()
}

/// Writes what one variant weighs and how good it is.
pub(super) fn describe(shop: &Shopfront, sku: &str, grade: &str, grams: i64) {
    let read = |view: &gearify_commerce::ReadScope<'_>| catalog::variant(view, shop.variants[sku]).unwrap();
    let variant =
        crate::ports::with_scope(&*shop.backend, GroupKind::Catalogue, shop.tenant, Site::NONE, read);
    let mut details = variant.details;
    details.attributes.insert(code(catalog::GRADE), AttributeValue::Choice(code(grade)));
    details.attributes.insert(code(catalog::WEIGHT), AttributeValue::Number(grams));
    shop.backend
        .run(shop.tenant, catalog::Command::UpdateVariant { variant: variant.id, expected: None, details });
}

/// The row of the table that begins with a word, from its head to its end.
fn row<'p>(html: &'p str, label: &str) -> &'p str {
    let head = format!("<th scope=\"row\">{label}<");
    let at = html.find(&head).unwrap_or_else(|| panic!("no row {label} in {html}"));
    let start = html[..at].rfind("<tr").unwrap();
    html[start..].split("</tr>").next().unwrap()
}

#[tokio::test]
async fn two_products_stand_side_by_side_and_say_where_they_differ() {
    let shop = Shopfront::open();
    describe(&shop, "BAT-SH", "a", 1_134);
    describe(&shop, "BAT-LH", "a", 1_162);
    describe(&shop, "BALL", "a", 156);
    let mut browser = Browser::new(&shop);
    let page = browser.open("/compare?p=seam-edition-bat&p=match-ball").await.expect(200);
    assert_no_inline(page);
    page.says("content=\"noindex\"").says("href=\"/p/seam-edition-bat\"").says("href=\"/p/match-ball\"");
    let weight = row(&page.html, "Weight").replace('\u{a0}', " ");
    assert!(weight.starts_with("<tr class=\"differs\"") && weight.contains("(differs)"), "{weight}");
    assert!(weight.contains("<td>2 lb 8 oz – 2 lb 9 oz</td>"), "{weight}");
    let grade = row(&page.html, "Grade");
    assert!(grade.starts_with("<tr>") && grade.matches("Grade A").count() == 2, "{grade}");
    let price = row(&page.html, "Price");
    assert!(price.contains("from £249.00") && price.contains("£12.00"), "{price}");
    assert!(row(&page.html, "Availability").matches("In stock").count() == 2);
    let size = row(&page.html, "Size");
    assert!(size.contains("<td>Short Handle, Long Handle</td><td>–</td>"), "{size}");
    assert!(!page.html.contains("<th scope=\"row\">Rating"), "nobody has rated either");
    // Each leaves by a link to the page without it.
    page.says("href=\"/compare?p=match-ball\"").says("href=\"/compare?p=seam-edition-bat\"");
    browser
        .open("/hi/compare?p=seam-edition-bat&p=match-ball")
        .await
        .expect(200)
        .says("तुलना")
        .says("/hi/p/match-ball");
    browser.page.says("href=\"http://willow.localhost/compare?p=seam-edition-bat&#38;p=match-ball\"");
}

#[tokio::test]
async fn what_is_not_there_is_left_out_and_nothing_is_there_twice() {
    let shop = Shopfront::open();
    let id = shop.product.to_string();
    let mut browser = Browser::new(&shop);
    let asked =
        format!("/compare?p=nothing&p={id}&p=&p=seam-edition-bat&p=product_x&p=%3Cscript%3E&utm_source=x");
    let page = browser.open(&asked).await.expect(200);
    assert_eq!(page.html.matches("<th scope=\"col\">").count(), 1, "{}", page.html);
    page.says("Add another one").says("href=\"/compare\"");
    // Under the name it had before.
    let product =
        crate::ports::with_scope(&*shop.backend, GroupKind::Catalogue, shop.tenant, Site::NONE, |view| {
            catalog::product(view, shop.product).unwrap()
        });
    let mut details = product.details.clone();
    details.slug = Slug::parse("seam-edition").unwrap();
    shop.backend
        .run(shop.tenant, catalog::Command::UpdateProduct { product: product.id, expected: None, details });
    browser.open("/compare?p=seam-edition-bat").await.expect(200).says("href=\"/p/seam-edition\"");
    // No longer sold.
    let archived = catalog::Command::ArchiveProduct { product: shop.product, expected: None };
    shop.backend.run(shop.tenant, archived);
    browser.open("/compare?p=seam-edition").await.expect(200).says("Nothing to compare yet").says("/c/bats");
    browser.open("/compare").await.expect(200).says("Nothing to compare yet").says("content=\"noindex\"");
}

#[tokio::test]
async fn four_fit_and_a_fifth_is_told_so() {
    let shop = Shopfront::open();
    let owner = shop.owner().await;
    for number in 1..=5 {
        let body = json!({
            "product": { "slug": format!("bat-{number}"), "product_type": "bat",
                "name": { "en-GB": format!("Bat {number}") }, "categories": [shop.category.to_string()] },
            "variants": [{ "sku": format!("BAT-{number}") }],
            "publish": true
        });
        owner.post("/api/v1/admin/products", body).await.expect(201);
    }
    let named = |count: usize| (1..=count).map(|n| format!("p=bat-{n}")).collect::<Vec<_>>().join("&");
    let mut browser = Browser::new(&shop);
    let four = browser.open(&format!("/compare?{}", named(4))).await.expect(200).clone();
    four.is_silent_about("At most 4").is_silent_about("id=\"compare-add\"");
    let five = browser.open(&format!("/compare?{}", named(5))).await.expect(200);
    five.says("At most 4 fit side by side").says("Bat 4").is_silent_about("Bat 5");
    // With room left, the others of the shelf are offered, without those that are there.
    let three = browser.open(&format!("/compare?{}", named(3))).await.expect(200);
    three.says("<option value=\"bat-4\">").is_silent_about("<option value=\"bat-3\">");
    let mut form = browser.page.form("/compare");
    browser.post(&form).await.expect(200).is_silent_about("Bat 4</a>");
    form.fields.push(("p".into(), "bat-4".into()));
    browser.post(&form).await.expect(200).says("Bat 4</a>").says("Bat 1</a>");
}

#[tokio::test]
async fn a_list_of_numbers_and_a_product_lead_to_the_comparison() {
    let shop = Shopfront::open();
    describe(&shop, "BAT-SH", "a", 1_134);
    for shell in ["?0", "?1"] {
        let mut browser = Browser::new(&shop).with("sec-ch-ua-mobile", shell);
        let page = browser.open("/c/bats?view=table").await.expect(200);
        assert!(page.has_form("/compare"));
        let boxes: Vec<&str> =
            page.html.split("<input ").filter(|tag| tag.contains("form=\"compare\"")).collect();
        let of_bat = "name=\"p\" value=\"seam-edition-bat\"";
        assert!(boxes.iter().any(|tag| tag.contains(of_bat)), "{boxes:?}");
        browser.open("/c/bats?view=grid").await.expect(200).is_silent_about("form=\"compare\"");
        let product = browser.open("/p/seam-edition-bat").await.expect(200);
        product.says("href=\"/compare?p=seam-edition-bat\"");
    }
    // What has no facts to compare offers no comparison.
    Browser::new(&shop).open("/p/match-ball").await.expect(200).is_silent_about("/compare?p=");
}
