//! One table of bad forms over every page that takes one: each is told what is wrong and changes nothing.

use super::bad_input::{World, method};
use crate::app::rows;
use crate::routes::{Body, Csrf, Row, Surface, TenantScope};
use crate::testing::{Client, OWNER_EMAIL, STAFF_PASSWORD};
use axum::body::Bytes;
use http::{Method, header};

const FORM: Option<&str> = Some("application/x-www-form-urlencoded");

/// The same browser, signed in by the form at the door.
async fn signed_in(browser: Client, door: &str, email: &str, password: &str) -> Client {
    let browser = browser.with("sec-fetch-site", "same-origin");
    let mut typed = form_urlencoded::Serializer::new(String::new());
    let typed = typed.append_pair("email", email).append_pair("password", password).finish();
    let reply = browser.send(Method::POST, door, FORM, typed.into()).await.expect(303);
    let cookies = reply.headers.get_all(header::SET_COOKIE).iter();
    let cookies: Vec<&str> = cookies.filter_map(|set| set.to_str().ok()?.split(';').next()).collect();
    assert!(!cookies.is_empty(), "{door} gives a session");
    browser.with("cookie", &cookies.join("; "))
}

/// A browser for each kind of page.
struct Browsers {
    shopper: Client,
    owner: Client,
    operator: Client,
}

impl Browsers {
    async fn of(world: &World) -> Browsers {
        let shop = &world.shop;
        let (shopper, operator) = ("pat@shopper.example", "operator@platform.example");
        Browsers {
            shopper: signed_in(shop.visitor(), "/account/sign-in", shopper, "a long afternoon").await,
            owner: signed_in(shop.visitor(), "/console/sign-in", OWNER_EMAIL, STAFF_PASSWORD).await,
            operator: signed_in(shop.visitor_of("localhost"), "/console/sign-in", operator, STAFF_PASSWORD)
                .await,
        }
    }

    fn of_row(&self, row: &Row) -> &Client {
        match (row.surface, row.scope) {
            (Surface::Console, TenantScope::Platform) => &self.operator,
            (Surface::Console, _) => &self.owner,
            _ => &self.shopper,
        }
    }
}

#[tokio::test]
async fn bad_forms_are_refused_by_every_page_and_change_nothing() {
    let world = World::make().await;
    let browsers = Browsers::of(&world).await;
    let before = world.shop.backend.state_hash();
    let mut seen = 0;
    for row in rows() {
        let takes_a_form = matches!(row.body, Body::Form | Body::Upload | Body::Import);
        let path = world.path(&row);
        if !takes_a_form || row.surface == Surface::Api || path.split('/').any(|part| part == "nothing") {
            continue;
        }
        seen += 1;
        let browser = browsers.of_row(&row);
        let check = async |what: &str, browser: &Client, kind: Option<&str>, body: Bytes, status: u16| {
            let reply = browser.send(method(&row), &path, kind, body).await;
            let told = format!("{} {path} {what}", row.operation);
            assert_eq!(reply.status.as_u16(), status, "{told}: {}", String::from_utf8_lossy(&reply.bytes));
            assert!(reply.text("content-type").starts_with("text/html"), "{told}");
            assert_eq!(world.shop.backend.state_hash(), before, "{told} changed something");
        };
        check("as JSON", browser, Some("application/json"), "{}".into(), 415).await;
        check("as nothing", browser, None, "a=b".into(), 415).await;
        check("in no UTF-8", browser, FORM, Bytes::from_static(b"a=\xff"), 400).await;
        check("with no UTF-8 encoded in it", browser, FORM, "a=%ff%fe".into(), 400).await;
        check("of too many fields", browser, FORM, "a=1&".repeat(6_000).into(), 400).await;
        check("from another site", &browser.with("sec-fetch-site", "cross-site"), FORM, "a=b".into(), 403)
            .await;
        if row.csrf == Csrf::Token {
            check("without its token", browser, FORM, "a=b".into(), 403).await;
            check("with another token", browser, FORM, "csrf=0000".into(), 403).await;
        }
        if row.body == Body::Form {
            let large = vec![b'a'; world.shop.state.settings.body_bytes_max + 1];
            check("too large", browser, FORM, large.into(), 413).await;
        }
    }
    assert!(seen > 40, "only {seen} pages take forms");
}
