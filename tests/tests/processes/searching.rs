//! What a search over HTTP says after something has changed: stock at once, words within a second.

use crate::buyers::Attempt;
use gearify_tests::http::Host;
use gearify_tests::shop::{OWNER, Premises};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How soon a changed text is found.
const WORDS_WITHIN: Duration = Duration::from_secs(1);
const CHANGES: usize = 5;

async fn found(host: &Host, query: &str) -> Value {
    host.get(&format!("/api/v1/products?{query}")).await.expect(200).json
}

fn slugs(list: &Value) -> Vec<&str> {
    let hits = list["data"].as_array().expect("a list has data");
    hits.iter().map(|hit| hit["slug"].as_str().expect("a product has a slug")).collect()
}

async fn admin(host: &Host, token: &str, method: Method, path: &str, body: &Value) {
    let request = host.request(method, &format!("/api/v1/admin/{path}")).bearer_auth(token).json(body);
    let answer = host.send(request).await.expect("the node answers");
    assert!(answer.status.is_success(), "{}", answer.json);
}

/// How long it takes until a search finds this and nothing else.
async fn until_found(host: &Host, query: &str, wanted: &[&str]) -> Duration {
    let begun = Instant::now();
    loop {
        let list = found(host, query).await;
        if slugs(&list) == wanted {
            return begun.elapsed();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{query} does not find {wanted:?}: {list}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[test]
fn a_sale_shows_in_the_next_answer_and_a_new_name_within_a_second() {
    let premises = Premises::new();
    let (mut files, mut market) = premises.open_shop();
    market.product(&mut files, "BALL", 2_490);
    market.product(&mut files, "BAT", 24_900);
    market.stock(&mut files, "BALL", 0, 3);
    files.stop();
    let node = premises.start();
    let host = premises.host(&node);
    premises.runtime.block_on(async {
        until_found(&host, "q=ball", &["ball"]).await;
        for left in (0..3).rev() {
            let attempt = Attempt::prepare(&host, "BALL", left, "tok_ok").await.expect("a cart is prepared");
            attempt.place().await.expect("the node answers").expect(201);
            let list = found(&host, "q=ball").await;
            let availability = if left == 0 { "out_of_stock" } else { "in_stock" };
            let told = list["data"][0]["availability"].as_str().expect("it is told");
            assert!(told == availability || (told, availability) == ("low_stock", "in_stock"), "{list}");
            assert_eq!(slugs(&found(&host, "q=ball&in_stock=true").await).len(), usize::from(left > 0));
        }

        let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
        let id = host.get("/api/v1/products/bat").await.expect(200).text("id");
        let (mut times, mut positions) = (Vec::new(), Vec::new());
        for word in ["larch", "maple", "poplar", "rowan", "willow"].into_iter().take(CHANGES) {
            assert_eq!(slugs(&found(&host, &format!("q={word}")).await), Vec::<&str>::new());
            let name = json!({ "name": { "en-GB": format!("Bat of {word}") } });
            admin(&host, &token, Method::PATCH, &format!("products/{id}"), &name).await;
            times.push(until_found(&host, &format!("q={word}"), &["bat"]).await);
            let list = found(&host, "q=bat").await;
            assert_eq!(list["data"][0]["name"], format!("Bat of {word}"));
            positions.push(list["position"].as_str().expect("an answer says its position").to_owned());
        }
        times.sort();
        assert!(times[CHANGES / 2] < WORDS_WITHIN, "{times:?}");
        positions.dedup();
        assert_eq!(positions.len(), CHANGES, "each answer says how far the index has come: {positions:?}");
        // What is not sold any more is not found.
        let gone = host.request(Method::DELETE, &format!("/api/v1/admin/products/{id}")).bearer_auth(&token);
        host.send(gone).await.expect("the node answers").expect(204);
        until_found(&host, "q=willow", &[]).await;
    });
    node.stop();
    premises.look_over(&market);
}
