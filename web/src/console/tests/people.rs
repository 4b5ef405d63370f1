//! Who gets in, and what they see then.

use super::{Browser, paid_order};
use crate::console::menu;
use crate::ports::with_scope;
use crate::routes::{Access, Csrf, Method as RowMethod, Row, Surface};
use crate::testing::{OWNER_EMAIL, STAFF_PASSWORD, Shopfront};
use bytes::Bytes;
use gearify_commerce::command::GroupKind;
use gearify_commerce::orders::ORDERS;
use gearify_commerce::staff::{Permission, Role};
use gearify_commerce::{OrderId, Site};
use http::Method;

fn rows() -> Vec<Row> {
    let table = crate::console::routes();
    table.into_iter().map(|route| route.row).collect()
}

#[tokio::test]
async fn the_door_opens_with_the_right_password_and_closes_behind() {
    let shop = Shopfront::open();
    let mut browser = Browser::new(&shop, "willow.localhost");
    let door = browser.open("/console/orders").await.expect(200).says("Sign in to go on.");
    assert_eq!(door.path, "/console/sign-in?next=%2Fconsole%2Forders");
    let form = door.form("sign-in").set("email", OWNER_EMAIL);
    browser
        .send(form.clone().set("password", "wrong"))
        .await
        .expect(422)
        .says("The e-mail address or the password is wrong.");
    let unknown = form.clone().set("email", "nobody@willow.example").set("password", STAFF_PASSWORD);
    browser.send(unknown).await.expect(422).says("The e-mail address or the password is wrong.");
    // A colleague of another shop is nobody here.
    let elsewhere = form.clone().set("email", "owner@boundary.example").set("password", STAFF_PASSWORD);
    browser.send(elsewhere).await.expect(422);
    let kept = browser.send(form.clone().set("password", "")).await.expect(422);
    assert_eq!(kept.form("sign-in").value("email"), OWNER_EMAIL);
    let inside = browser.send(form.set("password", STAFF_PASSWORD)).await.expect(200);
    assert_eq!(inside.path, "/console/orders", "the door leads to what was asked for");
    let inside = inside.says("Sam Scorer").says("Owner");
    browser.send(inside.button_of_sign_out()).await.expect(200).says("You are signed out.");
    assert!(browser.open("/console").await.path.starts_with("/console/sign-in"));
}

impl super::Seen {
    fn button_of_sign_out(&self) -> super::browser::Filled {
        let start = self.html.find("<form action=\"/console/sign-out\"").expect("there is a way out");
        let form = super::Seen {
            html: self.html[start..].replacen("<form", "<form id=\"out\"", 1),
            path: self.path.clone(),
            ..*self
        };
        form.form("out")
    }
}

#[tokio::test]
async fn a_new_colleague_gets_a_link_that_works_once() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = owner.open("/console/staff/new").await.expect(200).form("colleague");
    owner
        .send(form.clone().set("email", "not an address").set("name", "Kit Keeper"))
        .await
        .expect(422)
        .says("Write an address such as");
    let form =
        form.set("email", "kit@willow.example").set("name", "Kit <b>Keeper</b>").set("role", "fulfilment");
    let shown = owner.send(form.clone()).await.expect(200).says("It works once, for two days.");
    let again = owner.send(form).await.expect(200);
    let link = |html: &str| {
        html.split("http://willow.localhost").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    let path = link(&shown.html);
    assert_eq!(path, link(&again.html), "the same form sent twice shows the same link");
    let staff = owner.open("/console/staff").await.says("Kit <b>Keeper</b>").says("Invited");
    assert_eq!(staff.words().matches("kit@willow.example").count(), 1);
    let taken = owner
        .open("/console/staff/new")
        .await
        .form("colleague")
        .set("email", "KIT@willow.example")
        .set("name", "Kit");
    owner
        .send(taken.set("role", "support"))
        .await
        .expect(422)
        .says("This address already belongs to a staff member.");

    let mut kit = Browser::new(&shop, "willow.localhost");
    let page = kit.open(&path).await.expect(200).says("Welcome");
    kit.send(page.form("set-up").set("password", "short").set("again", "short"))
        .await
        .expect(422)
        .says("Must have 8 to 200 characters.");
    kit.send(page.form("set-up").set("password", "long enough").set("again", "else"))
        .await
        .expect(422)
        .says("The two are not the same.");
    let inside = kit
        .send(page.form("set-up").set("password", "long enough").set("again", "long enough"))
        .await
        .expect(200);
    inside.says("Your password is set.").says("Fulfilment");
    Browser::new(&shop, "willow.localhost").open(&path).await.says("This link does not work any more");
    Browser::new(&shop, "boundary.localhost").open(&path).await.says("This link does not work any more");
    let wrong = format!("{}0", &path[..path.len() - 1]);
    Browser::new(&shop, "willow.localhost").open(&wrong).await.says("This link does not work any more");
}

#[tokio::test]
async fn who_is_locked_out_is_out_at_once_and_the_last_owner_stays() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let mut support = Browser::signed_in(&shop, "willow.localhost", "support@willow.example").await;
    let staff = owner.open("/console/staff").await;
    let lock = staff.button("Lock out");
    owner.send(lock).await.expect(200).says("they can't sign in any more.").says("Locked out");
    assert!(support.open("/console/orders").await.path.starts_with("/console/sign-in"));
    let door = support.open("/console/sign-in").await;
    let form = door.form("sign-in").set("email", "support@willow.example").set("password", STAFF_PASSWORD);
    support.send(form).await.expect(422).says("is wrong");
    let back = owner.open("/console/staff").await.button("Let in again");
    owner.send(back).await.expect(200).says("They can sign in again.");
    let own = owner.open("/console/staff/new").await.form("colleague");
    let staff = crate::ports::with_scope(
        &*shop.backend,
        gearify_commerce::GroupKind::World,
        shop.tenant,
        gearify_commerce::Site::NONE,
        |view| {
            gearify_commerce::staff::list(view)
                .into_iter()
                .find(|member| member.role == Role::Owner)
                .unwrap()
                .id
        },
    );
    let mut itself = own.clone();
    itself.action = format!("/console/staff/{staff}");
    owner.send(itself.set("to", "inactive")).await.expect(422).says("You can't change yourself.");
}

/// Every page against every role: who may gets it, who may not gets 403, and the menu offers it to
/// nobody else.
#[tokio::test]
async fn roles_see_what_they_may_and_nothing_else() {
    let shop = Shopfront::open();
    let order = paid_order(&shop).await;
    let mut owner = Browser::owner(&shop).await;
    for (role, email) in [(Role::Manager, "m@willow.example"), (Role::Fulfilment, "f@willow.example")] {
        shop.add_staff(email, role.as_str());
    }
    let ids = ids(&shop, &mut owner, &order).await;
    let people = [
        (Role::Owner, OWNER_EMAIL),
        (Role::Manager, "m@willow.example"),
        (Role::Fulfilment, "f@willow.example"),
        (Role::Support, "support@willow.example"),
    ];
    for (role, email) in people {
        let mut browser = Browser::signed_in(&shop, "willow.localhost", email).await;
        let home = browser.open("/console").await.expect(200);
        for (_, entries) in menu::SHOP {
            for entry in *entries {
                let offered = home.html.contains(&format!("href=\"{}\"", entry.href));
                assert_eq!(offered, entry.needs.is_none_or(|needs| role.may(needs)), "{role} {}", entry.href);
            }
        }
        for row in rows().iter().filter(|row| row.method == RowMethod::Get) {
            let Access::Staff(needs) = row.access else { continue };
            let path = ids.iter().fold(row.path.to_owned(), |path, (name, id)| path.replace(name, id));
            if path.contains('{') {
                panic!("the table has no id for {}", row.path);
            }
            let reply = browser.ask(Method::GET, &path, None, Bytes::new()).await;
            let expected = if role.may(needs) { 200 } else { 403 };
            assert_eq!(
                reply.status.as_u16(),
                expected,
                "{role} {path} {}",
                String::from_utf8_lossy(&reply.bytes)
            );
        }
        for row in rows().iter().filter(|row| row.method == RowMethod::Post) {
            let Access::Staff(needs) = row.access else { continue };
            if role.may(needs) {
                continue;
            }
            let path = ids.iter().fold(row.path.to_owned(), |path, (name, id)| path.replace(name, id));
            let kind = Some("application/x-www-form-urlencoded");
            let reply = browser.ask(Method::POST, &path, kind, Bytes::from("a=b")).await;
            assert_eq!(reply.status, 403, "{role} {path}");
        }
    }
}

/// An id for each variable of the console's paths.
pub async fn ids(shop: &Shopfront, owner: &mut Browser, order: &str) -> Vec<(&'static str, String)> {
    let segment =
        |path: &str, place: usize| path.split('?').next().unwrap().split('/').nth(place).unwrap().to_owned();
    let zone = segment(&owner.open("/console/delivery").await.link("Zone"), 3);
    let tax_zone = segment(&owner.open("/console/taxes").await.link("Zone"), 3);
    let mail = segment(&owner.open("/console/outbox").await.link("Your order 1001 is confirmed"), 3);
    let item = gearify_commerce::catalog::Variant::own_stock_item(shop.variants["BAT-SH"]).to_string();
    super::registers(shop, "Robin Sample", "robin@shopper.example").await;
    let customer = owner.open("/console/customers").await.link("Robin Sample");
    let id = OrderId::parse(order).unwrap();
    let line = with_scope(&*shop.backend, GroupKind::Region, shop.tenant, Site::FIRST, |view| {
        ORDERS.get(view, &id).unwrap().lines[0].id
    });
    vec![
        ("/console/customers/{id}", customer),
        ("/console/orders/{id}", format!("/console/orders/{order}")),
        ("{line}", line.to_string()),
        ("{number}", "INV-000001".to_owned()),
        ("/console/products/{id}", format!("/console/products/{}", shop.product)),
        ("{variant}", shop.variants["BAT-SH"].to_string()),
        ("/console/categories/{id}", format!("/console/categories/{}", shop.category)),
        ("/console/add-ons/{id}", format!("/console/add-ons/{}", shop.knocking)),
        ("/console/warehouses/{id}", format!("/console/warehouses/{}", shop.warehouse)),
        ("{item}", item),
        ("/console/delivery/{zone}", format!("/console/delivery/{zone}")),
        ("/console/taxes/{zone}", format!("/console/taxes/{tax_zone}")),
        ("{rate}", shop.rate.to_string()),
        ("{category}", "standard".to_owned()),
        ("{kind}", "terms".to_owned()),
        ("{mail}", mail),
        ("{staff}", "staff_00000000000000000000000001".to_owned()),
        ("{shipment}", "shipment_00000000000000000000000001".to_owned()),
        ("{payment}", "payment_00000000000000000000000001".to_owned()),
    ]
}

#[test]
fn every_row_says_who_may_and_how_it_is_guarded() {
    for row in rows() {
        assert_eq!(row.surface, Surface::Console, "{}", row.path);
        assert!(row.path.starts_with("/console"), "{}", row.path);
        let open = ["/console/sign-in", "/console/sign-out", "/console/set-up/{staff}/{token}"];
        match row.access {
            Access::Open => assert!(open.contains(&row.path), "{}", row.path),
            Access::AnyStaff => {
                let of_everybody = ["/console", "/console/search", "/console/jump"];
                assert!(
                    of_everybody.contains(&row.path) || row.path.starts_with("/console/views"),
                    "{}",
                    row.path
                );
            }
            Access::Staff(_) | Access::Operator(_) => {}
            other => panic!("{} is for {other:?}", row.path),
        }
        if row.method == RowMethod::Post {
            let guard = if matches!(row.path, "/console/sign-in" | "/console/set-up/{staff}/{token}") {
                Csrf::Origin
            } else {
                Csrf::Token
            };
            assert_eq!(row.csrf, guard, "{}", row.path);
            assert!(
                !matches!(row.access, Access::Staff(needs) if needs.as_str().ends_with(":read")),
                "{} writes",
                row.path
            );
        }
    }
}

#[test]
fn the_menu_asks_for_what_the_pages_ask_for() {
    let rows = rows();
    let needs = |href: &str| -> Option<Permission> {
        let row = rows
            .iter()
            .find(|row| row.path == href && row.method == RowMethod::Get)
            .expect("entries are pages");
        match row.access {
            Access::Staff(needs) | Access::Operator(needs) => Some(needs),
            _ => None,
        }
    };
    for (_, entries) in menu::SHOP.iter().chain(menu::PLATFORM) {
        for entry in *entries {
            assert_eq!(entry.needs, needs(entry.href), "{}", entry.href);
        }
    }
}

#[tokio::test]
async fn a_form_without_its_token_or_from_elsewhere_changes_nothing() {
    let shop = Shopfront::open();
    let mut owner = Browser::owner(&shop).await;
    let form = owner
        .open("/console/warehouses/new")
        .await
        .form("warehouse")
        .set("name", "North")
        .set("code", "NORTH");
    let hash = shop.backend.state_hash();
    owner.send(form.clone().without("csrf")).await.expect(403).says("was not sent by a page of this console");
    owner.send(form.clone().set("csrf", "0123456789abcdefghjkmnpqrs")).await.expect(403);
    assert_eq!(shop.backend.state_hash(), hash);
    owner.send(form).await.expect(200).says("North");
    owner.forget();
    let reply = owner
        .ask(
            Method::POST,
            "/console/warehouses",
            Some("application/x-www-form-urlencoded"),
            Bytes::from("name=x"),
        )
        .await;
    assert_eq!(reply.status, 401);
}

#[tokio::test]
async fn an_operator_opens_and_suspends_a_shop() {
    let shop = Shopfront::open();
    let mut operator = Browser::signed_in(&shop, "localhost", "operator@platform.example").await;
    let list = operator.open("/console").await.expect(200).says("willow.localhost").says("Health");
    assert_eq!(list.path, "/console/tenants");
    let form = operator.open("/console/tenants/new").await.form("shop");
    let form = form
        .set("shop_name", "Maidan")
        .set("slug", "maidan")
        .set("hosts", "maidan.localhost, shop.maidan.example");
    let form = form.set("owner_name", "Asha Over").set("owner_email", "asha@maidan.example");
    operator
        .send(form.clone().set("currency", "rupees").set("time_zone", "Mars/Base"))
        .await
        .expect(422)
        .says("There is no such time zone.");
    operator.send(form.clone().set("slug", "willow").again()).await.expect(422);
    let opened = operator.send(form.clone()).await.expect(200).says("The shop is open");
    let again = operator.send(form).await.expect(200);
    let path = |html: &str| {
        html.split("http://maidan.localhost").nth(1).unwrap().split('<').next().unwrap().to_owned()
    };
    assert_eq!(path(&opened.html), path(&again.html));
    let mut asha = Browser::new(&shop, "maidan.localhost");
    let page = asha.open(&path(&opened.html)).await.expect(200);
    let inside =
        asha.send(page.form("set-up").set("password", "long enough").set("again", "long enough")).await;
    let inside = inside.expect(200).says("Set up the shop").says("steps left").says("Say where you deliver");
    assert!(inside.words().contains("Maidan"));

    let tenant = operator.open("/console/tenants").await.link("Maidan");
    let page = operator.open(&tenant).await.expect(200).says("The canonical one");
    let effect =
        operator.open(&page.link("Suspend")).await.expect(200).says("shows nothing and sells nothing");
    operator.send(effect.form("suspend")).await.expect(422).says("Fill this in.");
    let suspend = effect.form("suspend").set("cause", "unpaid");
    operator.send(suspend.again()).await.expect(200).says("The shop is suspended.");
    operator.open(&tenant).await.expect(200).says("Not paid");
    asha.open("/console/history?of=shop").await.expect(200).says("Tenant suspended").says("Not paid");
    let page = asha.open("/console/warehouses/new").await.expect(200);
    asha.send(page.form("warehouse").set("name", "A").set("code", "A")).await.expect(503);
    let page = operator.open(&tenant).await;
    operator.send(page.button("Open it again")).await.expect(200).says("The shop is open again.");
    let page = operator.open(&tenant).await;
    operator.send(page.form("host").set("add", "not a host")).await.expect(422).says("Expected a host name");
    operator.send(page.form("host").set("add", "willow.localhost").again()).await.expect(422);
    operator
        .send(page.form("host").set("add", "kit.maidan.example"))
        .await
        .expect(200)
        .says("kit.maidan.example");
    operator.open("/console/health").await.expect(200).says("This node serves.");
    let found = operator.open("/console/search?q=maidan").await.expect(200);
    assert_eq!(found.path, "/console/tenants", "operators have shops to look for, not orders");
    operator.open("/console/orders").await.expect(404);
    let mut owner = Browser::owner(&shop).await;
    owner.open("/console/tenants").await.expect(404);
}
