//! What buyers notice when the node that leads is killed: how long nothing is acknowledged, and whether
//! anything acknowledged is gone.

use crate::client::Connection;
use crate::region::Region;
use crate::shop::{Cart, Goods, HOST, new_cart};
use anyhow::{Context, Result};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const BUYERS: usize = 32;
/// Calm before each kill, and time for the killed node to be caught up afterwards.
const CALM: Duration = Duration::from_secs(2);
/// A kill after which nothing was sold for so long has stopped the region.
const PATIENCE: Duration = Duration::from_secs(60);
/// A request without an answer for so long is sent again elsewhere.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// What is bought.
#[derive(Clone)]
pub struct Buying {
    pub goods: Vec<Goods>,
    pub option: String,
}

/// What came of it.
pub struct Told {
    /// For each kill the longest time without an acknowledgement around it, shortest first.
    pub missed: Vec<Duration>,
    pub acknowledged: usize,
    /// Acknowledged orders that a node does not know any more.
    pub lost: Vec<String>,
}

/// An order as it was acknowledged.
struct Order {
    id: String,
    token: String,
    at: Instant,
}

/// What all buyers share.
struct Street {
    addresses: Vec<SocketAddr>,
    buying: Buying,
    orders: Mutex<Vec<Order>>,
    numbers: AtomicU64,
    closes: AtomicBool,
}

/// Kills the leader so many times while `rate` orders a second are placed, restarting it each time; `tell` hears how
/// long each was missed.
pub async fn kill_leaders(
    region: &mut Region,
    buying: &Buying,
    rate: f64,
    kills: usize,
    tell: impl Fn(usize, Duration),
) -> Result<Told> {
    let street = Arc::new(Street {
        addresses: region.addresses(),
        buying: buying.clone(),
        orders: Mutex::default(),
        // Apart from what other measurements numbered.
        numbers: AtomicU64::new(1 << 40),
        closes: AtomicBool::new(false),
    });
    let pace = Duration::from_secs_f64(BUYERS as f64 / rate.max(1.0));
    let buyers: Vec<_> =
        (0..BUYERS).map(|number| tokio::spawn(buyer(street.clone(), number, pace))).collect();
    let mut missed = Vec::new();
    for number in 1..=kills {
        tokio::time::sleep(CALM).await;
        let leader = region.leader().await?;
        let killed = Instant::now();
        region.kill(leader).await?;
        let without = street.missed_since(killed).await?;
        tell(number, without);
        missed.push(without);
        region.start(leader).await?;
        tokio::time::sleep(CALM).await;
    }
    street.closes.store(true, Ordering::Relaxed);
    for buyer in buyers {
        buyer.await?;
    }
    missed.sort();
    let orders = std::mem::take(&mut *street.orders.lock().expect("no buyer panics"));
    let mut lost = Vec::new();
    for address in region.addresses() {
        let mut connection = Connection::open(address, HOST).await?;
        for order in &orders {
            let path = format!("/api/v1/orders/{}", order.id);
            let headers = [("order-token", order.token.as_str())];
            let answer = connection.send(hyper::Method::GET, &path, &headers, None).await?;
            if !answer.status.is_success() {
                lost.push(format!("{} at {address}: {}", order.id, answer.in_words()));
            }
        }
    }
    Ok(Told { missed, acknowledged: orders.len(), lost })
}

impl Street {
    /// The longest gap between two acknowledgements from just before `killed` until sales go on.
    async fn missed_since(&self, killed: Instant) -> Result<Duration> {
        let calm = Duration::from_secs(1);
        loop {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let mut times: Vec<Instant> = {
                let orders = self.orders.lock().expect("no buyer panics");
                let recent = orders.iter().rev().take(20_000).map(|order| order.at);
                recent.filter(|at| *at + calm > killed).collect()
            };
            times.sort();
            let gap = times.windows(2).map(|pair| pair[1] - pair[0]).max();
            let last = times.last().copied();
            // Sales have gone on for a second after the gap.
            if let (Some(gap), Some(last)) = (gap, last)
                && killed.elapsed() > gap + calm * 2
                && last.elapsed() < calm / 4
                && last > killed
            {
                return Ok(gap);
            }
            anyhow::ensure!(killed.elapsed() < PATIENCE, "nothing is sold after the leader was killed");
        }
    }
}

/// Places orders at its pace; whatever does not answer is asked elsewhere, an order under its own key.
async fn buyer(street: Arc<Street>, number: usize, pace: Duration) {
    let mut at = number;
    let mut next = Instant::now() + pace.mul_f64(number as f64 / BUYERS as f64);
    let mut connection = None;
    while !street.closes.load(Ordering::Relaxed) {
        tokio::time::sleep_until(next.into()).await;
        next = (next + pace).max(Instant::now());
        let mut cart = None;
        loop {
            let attempt =
                attempt(&street, &mut connection, street.addresses[at % street.addresses.len()], &mut cart);
            match tokio::time::timeout(ANSWER_MAX, attempt).await {
                Ok(Ok(())) => break,
                Ok(Err(_)) | Err(_) => {
                    connection = None;
                    at += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
            if cart.is_none() && street.closes.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

/// A cart made ready, then its order; a cart once ready is not made again.
async fn attempt(
    street: &Street,
    connection: &mut Option<Connection>,
    address: SocketAddr,
    cart: &mut Option<Cart>,
) -> Result<()> {
    if connection.is_none() {
        *connection = Some(Connection::open(address, HOST).await?);
    }
    let connection = connection.as_mut().context("it was opened")?;
    let ready = match cart {
        Some(ready) => ready.clone(),
        None => {
            let number = street.numbers.fetch_add(1, Ordering::Relaxed);
            let sku = &street.buying.goods[number as usize % street.buying.goods.len()].sku;
            let made = new_cart(connection).await?;
            made.prepare(connection, &[(sku, 1)], number, &street.buying.option).await?;
            *cart = Some(made.clone());
            made
        }
    };
    let answer = ready.order(connection, "manual").await?;
    anyhow::ensure!(answer.status.as_u16() == 201, "{}", answer.in_words());
    let (body, at) = (answer.json()?, Instant::now());
    let text =
        |name: &str| body[name].as_str().map(str::to_owned).with_context(|| format!("an order has {name}"));
    let order = Order { id: text("id")?, token: text("order_token")?, at };
    street.orders.lock().expect("no buyer panics").push(order);
    Ok(())
}
