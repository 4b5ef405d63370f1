//! Personal texts are nowhere on the disk in the clear, from the first entry on: not in the log, not in
//! the state, the history, the projections or a snapshot, and not in what the process says.

use gearify_node::state::GROUPS;
use gearify_replication::{GroupOptions, Timers};
use gearify_tests::acts::owner;
use gearify_tests::files::{all, holding};
use gearify_tests::http::{Cart, Host, Person};
use gearify_tests::over_http::MARKS;
use gearify_tests::shop::{OWNER, Premises, SLUG};
use gearify_tests::{Cluster, OverHttp, Telling};
use reqwest::Method;
use serde_json::{Value, json};

/// Texts of the customer with an account and of the owner; the owner's remark is about a person too.
const OTHERS: [&str; 6] =
    ["Penhaligon", "zqx-account", "Owner Example", OWNER.0, "correct horse battery", "Brabinger"];

/// Texts in which staff and a customer say why: they name people too.
const OF_REASONS: [&str; 3] = ["Tregonwell", "Fanshawe", "Micklethwait"];

/// Texts of a buyer for a club: company, tax number, and a billing address elsewhere.
const OF_A_CLUB: [&str; 5] = ["Marlinspike", "zqx-club", "ZQXTAX998877", "Cloisterham", "Ledgerwood"];

fn club_addresses() -> Value {
    let shipping = json!({
        "name": "Kit Room", "company": "Marlinspike Wanderers", "line1": "1 Pavilion Path", "city": "Exampleton",
        "postal_code": "EX1 1EX", "country": "GB", "tax_id": "ZQXTAX998877",
    });
    let billing = json!({
        "name": "Agatha Ledgerwood", "company": "Marlinspike Wanderers", "line1": "9 Cloisterham Yard",
        "city": "Exampleton", "postal_code": "EX1 1EX", "country": "GB", "tax_id": "ZQXTAX998877",
    });
    json!({ "shipping": shipping, "billing": billing })
}

/// Orders for a club, and keeps the club's address in an account.
async fn a_club_buys(host: &Host, sku: &str) -> Value {
    let cart = Cart::begin(host).await.expect("a cart is begun");
    cart.add(sku, 1, &[]).await.expect("the node answers").expect(200);
    let put = async |path: &str, body: &Value| {
        let path = format!("/api/v1/carts/{}/{path}", cart.id);
        let request = host.request(Method::PUT, &path).header("cart-token", &cart.token).json(body);
        host.send(request).await.expect("the node answers").expect(200)
    };
    put("contact", &json!({ "email": "zqx-club@people.example", "name": "Agatha Ledgerwood" })).await;
    put("addresses", &club_addresses()).await;
    let path = format!("/api/v1/carts/{}/shipping-options", cart.id);
    let request = host.request(Method::GET, &path).header("cart-token", &cart.token);
    let options = host.send(request).await.expect("the node answers").expect(200);
    put("shipping-option", &json!({ "id": options.json["data"][0]["id"] })).await;
    let order = cart.order("club", json!({ "provider": "manual" }), Some("For Marlinspike, gate B"));
    let order = host.send(order).await.expect("the node answers").expect(201).json.clone();
    let account = json!({
        "email": "zqx-club@people.example", "password": "a long enough password 8", "name": "Agatha Ledgerwood",
    });
    let tokens = host.post("/api/v1/auth/register", &account).await.expect(201);
    let address = json!({ "address": club_addresses()["billing"] });
    let request = host.request(Method::POST, "/api/v1/me/addresses").bearer_auth(tokens.text("access_token"));
    host.send(request.json(&address)).await.expect("the node answers").expect(201);
    order
}

fn look_for_marks(premises: &Premises, sku: &str) {
    let data = premises.data();
    let found = holding(&data, &[sku]);
    // The search works: what is no secret is there to be found, and in more than one kind of file.
    let in_part = |part: &str| found.iter().any(|(file, _)| file.starts_with(data.join(part)));
    assert!(in_part("log") && in_part("events") && in_part("projections"), "{found:?}");
    for texts in [&MARKS[..], &OTHERS, &OF_A_CLUB, &OF_REASONS] {
        assert_eq!(holding(&data, texts), []);
        assert_eq!(holding(&premises.log(), texts), []);
    }
}

#[test]
fn no_personal_text_is_on_the_disk_or_in_the_log() {
    let mut shop = OverHttp::noisy();
    shop.product("BAT-OF-PROOF", "249.00").stock("BAT-OF-PROOF", 9);
    let (ada, bob, cat) = (shop.shopper("ada"), shop.shopper("bob"), shop.shopper("cat"));
    shop.run([ada.adds("BAT-OF-PROOF", 1), ada.pays(), owner::ships(&ada), owner::refunds(&ada, 1, true)]);
    shop.run([bob.adds("BAT-OF-PROOF", 1), bob.pays_with("tok_declined"), bob.tries_again("tok_ok")]);
    shop.run([cat.adds("BAT-OF-PROOF", 1), cat.gives_address(), cat.reserves()]);
    let order = shop.order_id(&ada).to_owned();
    let (host, token) = shop.signed_in();
    shop.premises.runtime.block_on(async {
        let account = json!({
            "email": "zqx-account@people.example", "password": "a long enough password 7",
            "name": "Wilhelmina Penhaligon",
        });
        host.post("/api/v1/auth/register", &account).await.expect(201);
        let of_club = a_club_buys(&host, "BAT-OF-PROOF").await;
        let as_staff = async |path: String, key: &str, body: Value| {
            let request = host.request(Method::POST, &path).bearer_auth(&token);
            let request = request.header("idempotency-key", key).json(&body);
            host.send(request).await.expect("the node answers").json.clone()
        };
        let asked = json!({ "goodwill": 100, "reason": "Mr Tregonwell rang about a dent" });
        let path = format!("/api/v1/admin/orders/{order}/refunds");
        let refunded = as_staff(path, "reason-1", asked.clone()).await;
        assert_eq!(refunded["refunds"][1]["reason"], asked["reason"], "who may see it does");
        let asked = json!({ "reason": "Lady Fanshawe has no room for it" });
        let path = format!("/api/v1/admin/orders/{}/cancel", of_club["id"].as_str().unwrap_or_default());
        let cancelled = as_staff(path, "reason-2", asked.clone()).await;
        assert_eq!(cancelled["cancel_reason"], asked["reason"]);
        let cart = Cart::begin(&host).await.expect("a cart is begun");
        cart.add("BAT-OF-PROOF", 1, &[]).await.expect("the node answers").expect(200);
        cart.addressed_to(&Person::numbered(1)).await.expect("the node answers").expect(200);
        let placing = cart.order("why", json!({ "provider": "manual" }), None);
        let placed = host.send(placing).await.expect("the node answers").expect(201).json.clone();
        let path = format!("/api/v1/orders/{}/cancel", placed["id"].as_str().unwrap_or_default());
        let order_token = placed["order_token"].as_str().unwrap_or_default();
        let why = json!({ "reason": "Colonel Micklethwait bought one already" });
        let request = host.request(Method::POST, &path).header("order-token", order_token).json(&why);
        host.send(request).await.expect("the node answers").expect(200);
        let note = json!({ "text": "Call Mrs Brabinger before delivery" });
        let path = format!("/api/v1/admin/orders/{order}/notes");
        let request = host.request(Method::POST, &path).bearer_auth(&token).json(&note);
        host.send(request).await.expect("the node answers").expect(201);
        // Searching for people is how a name could get into a log.
        let asked = "/api/v1/admin/orders?q=Quillfeather";
        let request = host.request(Method::GET, asked).bearer_auth(&token);
        host.send(request).await.expect("the node answers").expect(200);
    });
    let premises = shop.close();
    assert!(premises.log().exists() && all(&premises.data()).len() > 10);
    let said = std::fs::read_to_string(premises.log()).expect("the log can be read");
    assert!(said.contains("DEBUG"), "the process was talkative");
    look_for_marks(&premises, "BAT-OF-PROOF");

    // In snapshots too.
    let purging =
        GroupOptions { timers: Timers::lan(), keep_entries: 0, purge_entries: 1, ..GroupOptions::default() };
    let files = Cluster::at_with(&premises.data(), purging);
    files.purge();
    files.stop();
    let snapshots = all(&premises.data().join("log")).into_iter();
    let snapshots: Vec<_> = snapshots.filter(|file| file.to_string_lossy().contains("snapshot")).collect();
    assert!(snapshots.len() >= GROUPS.len(), "there are snapshots: {snapshots:?}");
    assert!(snapshots.iter().any(|file| !holding(file, &[SLUG, "BAT-OF-PROOF"]).is_empty()));
    look_for_marks(&premises, "BAT-OF-PROOF");
}
