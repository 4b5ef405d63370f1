//! The built-in provider through the shop's own interface: a token for every way a payment can go, and events
//! that are believed only from who may send them.

use crate::buyers::Attempt;
use gearify_node::testpay::{SIGNATURE_HEADER, sign};
use gearify_tests::http::{Answer, Host};
use gearify_tests::market::Market;
use gearify_tests::process::NodeProcess;
use gearify_tests::shop::{Premises, SECRET};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const NEIGHBOUR: &str = "oval";

struct Shop {
    premises: Premises,
    market: Market,
    node: NodeProcess,
    host: Host,
}

impl Shop {
    fn open() -> Shop {
        let premises = Premises::new();
        let (mut files, mut market) = premises.open_shop();
        market.product(&mut files, "BALL", 2_490);
        market.stock(&mut files, "BALL", 0, 100);
        Market::open(&mut files, NEIGHBOUR);
        files.stop();
        let node = premises.start();
        let host = premises.host(&node);
        Shop { premises, market, node, host }
    }

    fn block_on<T>(&self, work: impl Future<Output = T>) -> T {
        self.premises.runtime.block_on(work)
    }

    fn orders(&self, number: usize, token: &'static str) -> Value {
        self.block_on(async {
            let attempt =
                Attempt::prepare(&self.host, "BALL", number, token).await.expect("a cart is prepared");
            attempt.place().await.expect("the node answers").expect(201).json
        })
    }

    fn read(&self, order: &Value) -> Value {
        let text = |name: &str| order[name].as_str().expect("an order has it").to_owned();
        let request = self.host.request(Method::GET, &format!("/api/v1/orders/{}", text("id")));
        let request = request.header("order-token", text("order_token"));
        self.block_on(self.host.send(request)).expect("the node answers").expect(200).json
    }

    /// The order once its payment is as wanted.
    fn becomes(&self, order: &Value, status: &str) -> Value {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let order = self.read(order);
            if order["payment_status"] == status {
                return order;
            }
            assert!(Instant::now() < until, "it is not {status}: {order}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn tells(&self, host: &Host, body: &Value, signature: Option<&str>) -> Answer {
        let mut request = host.request(Method::POST, "/api/v1/webhooks/test").json(body);
        if let Some(signature) = signature {
            request = request.header(SIGNATURE_HEADER, signature);
        }
        self.block_on(host.send(request)).expect("the node answers")
    }

    fn close(self) {
        self.node.stop();
        self.premises.look_over(&self.market);
    }
}

fn payment_of(order: &Value) -> &Value {
    &order["payments"][0]["id"]
}

fn now_unix() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("not that late")
}

#[test]
fn a_provider_that_never_answers_leaves_the_order_pending_and_is_asked_what_became_of_it() {
    let shop = Shop::open();
    let begun = Instant::now();
    let order = shop.orders(1, "tok_timeout");
    assert!(begun.elapsed() < Duration::from_secs(30), "nobody waits for it for ever");
    assert_eq!((&order["status"], &order["payment_status"]), (&json!("placed"), &json!("pending")));
    assert_eq!(order["payments"][0]["status"], "pending");
    // The provider has it in its book, once, and its word is all that is missing.
    let wish = json!({ "payment_id": payment_of(&order), "outcome": "succeeded" });
    shop.tells(&shop.host, &wish, None).expect(204);
    let later = shop.becomes(&order, "paid");
    assert_eq!(
        (&later["status"], later["payments"].as_array().map(Vec::len)),
        (&json!("confirmed"), Some(1))
    );
    assert_eq!(shop.premises.statement().payments.len(), 1);
    shop.close();
}

#[test]
fn a_payment_that_waits_for_its_word_goes_either_way() {
    let shop = Shop::open();
    for (number, outcome, status, payment) in
        [(1, "succeeded", "confirmed", "paid"), (2, "declined", "placed", "unpaid")]
    {
        let order = shop.orders(number, "tok_later");
        assert_eq!(order["payment_status"], "pending", "{outcome}");
        assert_eq!(shop.read(&order)["payment_status"], "pending", "it stays so until it is told");
        let wish = json!({ "payment_id": payment_of(&order), "outcome": outcome });
        shop.tells(&shop.host, &wish, None).expect(204);
        let told = shop.becomes(&order, payment);
        assert_eq!(told["status"], status, "{outcome}: {told}");
        // Said again, or otherwise, it changes nothing.
        for again in ["succeeded", "declined"] {
            let wish = json!({ "payment_id": payment_of(&order), "outcome": again });
            shop.tells(&shop.host, &wish, None).expect(204);
            assert_eq!(shop.read(&order)["payment_status"], payment, "{outcome}, then {again}");
        }
    }
    shop.close();
}

#[test]
fn what_is_not_a_word_of_the_provider_changes_nothing() {
    let shop = Shop::open();
    let order = shop.orders(1, "tok_later");
    let before = shop.read(&order);
    let payment = payment_of(&order);
    let wish = |outcome: &str| json!({ "payment_id": payment, "outcome": outcome });
    let found = shop.block_on(shop.premises.provider.payments_by_reference(payment.as_str().expect("an id")));
    let mut known = serde_json::to_value(&found.expect("the provider answers")[0]).expect("JSON");
    known["status"] = json!("succeeded");
    known["amount_captured"] = known["amount"].clone();
    let event = json!({
        "id": "evt_forged", "type": "payment.succeeded", "created": now_unix(), "data": { "payment": known }
    });
    let bytes = event.to_string();
    let good = sign(SECRET, bytes.as_bytes(), now_unix());
    let other = sign("another secret", bytes.as_bytes(), now_unix());
    let old = sign(SECRET, bytes.as_bytes(), now_unix() - 3_600);
    let of_another_body = sign(SECRET, b"{}", now_unix());
    let neighbour = Host::new(shop.node.public, &format!("{NEIGHBOUR}.localhost"));
    let refused =
        |host: &Host, what: &str, body: &Value, signature: Option<&str>, status: u16, kind: &str| {
            let answer = shop.tells(host, body, signature);
            assert_eq!((answer.status.as_u16(), answer.problem()), (status, kind), "{what}: {}", answer.json);
            assert_eq!(shop.read(&order), before, "{what}");
        };
    let own = &shop.host;
    refused(own, "of another secret", &event, Some(&other), 401, "unauthorized");
    refused(own, "of an hour ago", &event, Some(&old), 401, "unauthorized");
    refused(own, "of another body", &event, Some(&of_another_body), 401, "unauthorized");
    refused(own, "no signature at all", &event, Some("t=1,v1=zz"), 401, "unauthorized");
    refused(own, "an event without a signature", &event, None, 400, "malformed");
    refused(own, "another outcome", &wish("perhaps"), None, 400, "malformed");
    refused(
        own,
        "no payment",
        &json!({ "payment_id": "payment_x", "outcome": "succeeded" }),
        None,
        400,
        "malformed",
    );
    refused(own, "no body", &json!({}), None, 400, "malformed");
    refused(
        own,
        "signed, and no event",
        &json!({}),
        Some(&sign(SECRET, b"{}", now_unix())),
        400,
        "malformed",
    );
    // The neighbour's host knows no such payment, whoever signed.
    refused(&neighbour, "another shop", &wish("succeeded"), None, 400, "malformed");
    refused(&neighbour, "another shop, signed", &event, Some(&good), 400, "malformed");
    let stripe = own.request(Method::POST, "/api/v1/webhooks/stripe").json(&event);
    let stripe = shop.block_on(own.send(stripe)).expect("the node answers");
    assert_eq!((stripe.status.as_u16(), stripe.problem()), (404, "not-found"));
    shop.close();
}
