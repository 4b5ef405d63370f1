//! People who buy until the node is gone, and remember what they were told.

use crate::http::{Answer, Cart, Host, Person};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// One intention to order, under one key for good.
#[derive(Clone)]
pub struct Attempt {
    pub cart: Cart,
    pub key: String,
    pub token: &'static str,
}

/// An order that was acknowledged.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged {
    pub id: String,
    pub token: String,
    pub cart: String,
    pub number: String,
    pub total: i64,
}

/// What buyers heard.
#[derive(Default)]
pub struct Heard {
    pub acknowledged: Vec<Acknowledged>,
    /// Sent, and no answer came: the order may be there or not.
    pub unknown: Vec<Attempt>,
    pub refused: usize,
}

impl Heard {
    pub fn add(&mut self, other: Heard) {
        self.acknowledged.extend(other.acknowledged);
        self.unknown.extend(other.unknown);
        self.refused += other.refused;
    }

    /// Notes what came of an attempt.
    pub fn note(&mut self, attempt: Attempt, answer: anyhow::Result<Answer>) {
        match answer {
            Err(_) => self.unknown.push(attempt),
            Ok(answer) => match outcome(&answer) {
                Outcome::Order(order) => self.acknowledged.push(order),
                Outcome::Refused => self.refused += 1,
                Outcome::Unknown => self.unknown.push(attempt),
            },
        }
    }
}

enum Outcome {
    Order(Acknowledged),
    Refused,
    Unknown,
}

/// A declined payment acknowledges its order like a paid one. Answers of 500 and more decide nothing.
fn outcome(answer: &Answer) -> Outcome {
    let order = match answer.status.as_u16() {
        201 => &answer.json,
        402 => &answer.json["order"],
        409 | 422 => return Outcome::Refused,
        500.. => return Outcome::Unknown,
        _ => panic!("an order is answered with {}: {}", answer.status, answer.json),
    };
    Outcome::Order(acknowledged(order))
}

pub fn acknowledged(order: &Value) -> Acknowledged {
    let text = |name: &str| order[name].as_str().unwrap_or_else(|| panic!("no {name} in {order}")).to_owned();
    Acknowledged {
        id: text("id"),
        token: text("order_token"),
        cart: text("cart_id"),
        number: text("number"),
        total: order["totals"]["total"]["amount"].as_i64().expect("an order has a total"),
    }
}

impl Attempt {
    /// A cart that only has to be ordered.
    pub async fn prepare(
        host: &Host,
        sku: &str,
        number: usize,
        token: &'static str,
    ) -> anyhow::Result<Attempt> {
        let cart = Cart::begin(host).await?;
        cart.add(sku, 1, &[]).await?.with(200)?;
        cart.addressed_to(&Person::numbered(number)).await?.with(200)?;
        let key = format!("order-{}", cart.id);
        Ok(Attempt { cart, key, token })
    }

    pub async fn place(&self) -> anyhow::Result<Answer> {
        self.cart.place(&self.key, self.token).await
    }

    /// The same attempt at a node that was started again.
    pub fn moved(&self, host: &Host) -> Attempt {
        Attempt { cart: Cart { host: host.clone(), ..self.cart.clone() }, ..self.clone() }
    }
}

/// Buys one thing after the other until the node does not answer.
pub async fn buy_on(host: Host, skus: Arc<Vec<String>>, serial: Arc<AtomicUsize>) -> Heard {
    let mut heard = Heard::default();
    loop {
        let number = serial.fetch_add(1, Ordering::Relaxed);
        let token = if number % 7 == 3 { "tok_declined" } else { "tok_ok" };
        let sku = &skus[number % skus.len()];
        let Ok(attempt) = Attempt::prepare(&host, sku, number, token).await else { return heard };
        let answer = attempt.place().await;
        let is_gone = answer.is_err();
        heard.note(attempt, answer);
        if is_gone {
            return heard;
        }
    }
}

/// The order as the node has it now.
pub async fn read(host: &Host, order: &Acknowledged) -> Value {
    let request = host.request(reqwest::Method::GET, &format!("/api/v1/orders/{}", order.id));
    let answer = host.send(request.header("order-token", &order.token)).await;
    answer.expect("the node answers").expect(200).json
}
