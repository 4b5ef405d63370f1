//! What is measured: each scenario drives the node with a number of connections for a time.

use crate::client::Connection;
use crate::floor::CommitLoop;
use crate::report::{Figure, Tally, processor_time};
use crate::shop::{Cart, Demo, Goods, goods, new_cart};
use anyhow::{Result, bail};
use rand::Rng;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long and how wide a measurement is.
#[derive(Clone, Copy)]
pub struct Extent {
    pub connections: usize,
    pub time: Duration,
}

/// Runs `client` on every connection until the time is over, and adds up what they did.
async fn measure<F, C>(name: &str, extent: Extent, client: F) -> Result<Figure>
where
    F: Fn(usize, Instant) -> C,
    C: Future<Output = Result<Tally>> + Send + 'static,
{
    let (started, processor) = (Instant::now(), processor_time());
    let until = started + extent.time;
    let clients: Vec<_> = (0..extent.connections).map(|number| tokio::spawn(client(number, until))).collect();
    let mut tally = Tally::default();
    for client in clients {
        tally.add(&client.await??);
    }
    let elapsed = started.elapsed();
    let client_share = (processor_time() - processor).as_secs_f64() / elapsed.as_secs_f64();
    Ok(Figure { name: name.to_owned(), tally, elapsed, client_share })
}

/// Gets pages, one after another, from a list.
pub async fn get(
    name: &str,
    address: SocketAddr,
    host: &str,
    paths: Vec<String>,
    extent: Extent,
) -> Result<Figure> {
    let (paths, host) = (Arc::new(paths), host.to_owned());
    measure(name, extent, move |number, until| {
        let (paths, host) = (paths.clone(), host.clone());
        async move {
            let mut connection = Connection::open(address, &host).await?;
            let mut tally = Tally::default();
            let mut next = number * 31;
            while Instant::now() < until {
                let path = &paths[next % paths.len()];
                next += 1;
                let started = Instant::now();
                let answer = connection.get(path).await?;
                match answer.status.is_success() {
                    true => tally.ok(started.elapsed()),
                    false => tally.failed(format!("{} {path}", answer.status)),
                }
            }
            Ok(tally)
        }
    })
    .await
}

/// Writes rows of a size through the commit loop.
pub async fn commits(dir: &std::path::Path, bytes: usize, extent: Extent) -> Result<Figure> {
    let floor = CommitLoop::start(dir)?;
    measure("SQLite FULL commit loop", extent, move |_, until| {
        let floor = floor.clone();
        async move {
            let mut tally = Tally::default();
            while Instant::now() < until {
                let started = Instant::now();
                floor.write(vec![7; bytes]).await?;
                tally.ok(started.elapsed());
            }
            Ok(tally)
        }
    })
    .await
}

/// Product words to search for, each query another.
pub fn queries(count: usize) -> Vec<String> {
    const WORDS: [&str; 12] = [
        "bat", "gloves", "pads", "helmet", "ball", "bag", "willow", "english", "kit", "shoes", "helmat",
        "glo",
    ];
    let query = |n: usize| {
        let (first, second) = (WORDS[n % WORDS.len()], WORDS[(n / WORDS.len()) % WORDS.len()]);
        format!("/api/v1/products?q={first}+{second}&limit=24&price_min={}", n % 97)
    };
    (0..count).map(query).collect()
}

/// Carts with one line each, as fast as they can be made.
pub async fn add_to_cart(demo: &Demo, goods: Vec<Goods>, extent: Extent) -> Result<Figure> {
    let (address, goods) = (demo.address, Arc::new(goods));
    measure("add to cart", extent, move |number, until| {
        let goods = goods.clone();
        async move {
            let mut connection = Connection::open(address, crate::shop::HOST).await?;
            let mut tally = Tally::default();
            let mut next = number;
            while Instant::now() < until {
                let cart = new_cart(&mut connection).await?;
                let started = Instant::now();
                match cart.add(&mut connection, &goods[next % goods.len()].sku, 1).await {
                    Ok(_) => tally.ok(started.elapsed()),
                    Err(error) => tally.failed(error.to_string()),
                }
                next += 1;
            }
            Ok(tally)
        }
    })
    .await
}

/// The whole way from an empty cart to an order: six requests.
pub async fn checkout(
    demo: &Demo,
    goods: Vec<Goods>,
    option: String,
    provider: String,
    extent: Extent,
) -> Result<Figure> {
    let (address, goods, numbers) = (demo.address, Arc::new(goods), Arc::new(AtomicU64::new(0)));
    measure(&format!("whole checkout ({provider})"), extent, move |_, until| {
        let (goods, numbers, option, provider) =
            (goods.clone(), numbers.clone(), option.clone(), provider.clone());
        async move {
            let mut connection = Connection::open(address, crate::shop::HOST).await?;
            let mut tally = Tally::default();
            while Instant::now() < until {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let sku = &goods[number as usize % goods.len()].sku;
                let started = Instant::now();
                match buy(&mut connection, sku, number, &option, &provider).await {
                    Ok(()) => tally.ok(started.elapsed()),
                    Err(error) => tally.failed(error.to_string()),
                }
            }
            Ok(tally)
        }
    })
    .await
}

async fn buy(
    connection: &mut Connection,
    sku: &str,
    number: u64,
    option: &str,
    provider: &str,
) -> Result<()> {
    let cart = new_cart(connection).await?;
    cart.prepare(connection, &[(sku, 1)], number, option).await?;
    let answer = cart.order(connection, provider).await?;
    if !answer.status.is_success() {
        bail!(
            "{} {}",
            answer.status,
            String::from_utf8_lossy(&answer.body).chars().take(120).collect::<String>()
        );
    }
    Ok(())
}

/// Makes carts of three lines, everything chosen, ready to be placed.
pub async fn prepare_carts(demo: &Demo, goods: &[Goods], option: &str, count: usize) -> Result<Vec<Cart>> {
    const WIDTH: usize = 16;
    let mut tasks = Vec::new();
    for lane in 0..WIDTH {
        let (address, goods, option) = (demo.address, goods.to_vec(), option.to_owned());
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address, crate::shop::HOST).await?;
            let mut carts = Vec::new();
            for number in (lane..count).step_by(WIDTH) {
                let cart = new_cart(&mut connection).await?;
                let pick = |n: usize| (goods[(number * 3 + n) % goods.len()].sku.as_str(), 1);
                cart.prepare(&mut connection, &[pick(0), pick(1), pick(2)], number as u64, &option).await?;
                carts.push(cart);
            }
            anyhow::Ok(carts)
        }));
    }
    let mut carts = Vec::with_capacity(count);
    for task in tasks {
        carts.extend(task.await??);
    }
    Ok(carts)
}

/// Places prepared carts until they are used up.
pub async fn place(demo: &Demo, carts: Vec<Cart>, provider: &str, connections: usize) -> Result<Figure> {
    let (address, provider) = (demo.address, provider.to_owned());
    let carts = Arc::new(parking(carts));
    let extent = Extent { connections, time: Duration::from_secs(120) };
    measure("order placed", extent, move |_, until| {
        let (carts, provider) = (carts.clone(), provider.clone());
        async move {
            let mut connection = Connection::open(address, crate::shop::HOST).await?;
            let mut tally = Tally::default();
            while Instant::now() < until {
                let Some(cart) = carts.lock().expect("no client panics").pop() else { break };
                let started = Instant::now();
                let answer = cart.order(&mut connection, &provider).await?;
                match answer.status.is_success() {
                    true => tally.ok(started.elapsed()),
                    false => tally.failed(answer.status.to_string()),
                }
            }
            Ok(tally)
        }
    })
    .await
}

fn parking<T>(items: Vec<T>) -> std::sync::Mutex<Vec<T>> {
    std::sync::Mutex::new(items)
}

/// Five hundred buyers at once for ten pieces: how many got one, and what the others were told.
pub struct Sale {
    pub ordered: usize,
    pub out_of_stock: usize,
    pub other: Vec<String>,
    pub elapsed: Duration,
}

pub async fn flash_sale(demo: &Demo, option: &str, buyers: usize) -> Result<Sale> {
    let mut ready = Vec::with_capacity(buyers);
    for number in 0..buyers {
        let mut connection = demo.connect().await?;
        let cart = new_cart(&mut connection).await?;
        cart.prepare(&mut connection, &[("LAST-BALL", 1)], number as u64, option).await?;
        ready.push((connection, cart));
    }
    let started = Instant::now();
    let gate = Arc::new(tokio::sync::Barrier::new(buyers));
    let tasks: Vec<_> = ready
        .into_iter()
        .map(|(mut connection, cart)| {
            let gate = gate.clone();
            tokio::spawn(async move {
                gate.wait().await;
                cart.order(&mut connection, "test").await
            })
        })
        .collect();
    let mut sale = Sale { ordered: 0, out_of_stock: 0, other: Vec::new(), elapsed: Duration::ZERO };
    for task in tasks {
        let answer = task.await??;
        let told = String::from_utf8_lossy(&answer.body).into_owned();
        match answer.status.as_u16() {
            201 => sale.ordered += 1,
            409 if told.contains("/problems/out-of-stock") => sale.out_of_stock += 1,
            status => sale.other.push(format!("{status} {told}")),
        }
    }
    sale.elapsed = started.elapsed();
    Ok(sale)
}

/// Goods and a delivery option, for scenarios that buy.
pub async fn market(demo: &Demo, count: usize) -> Result<(Vec<Goods>, String)> {
    let mut connection = demo.connect().await?;
    let goods = goods(&mut connection, count).await?;
    let cart = new_cart(&mut connection).await?;
    let first = &goods[rand::rng().random_range(0..goods.len())];
    cart.add(&mut connection, &first.sku, 1).await?;
    cart.contact(&mut connection, 0).await?;
    cart.address(&mut connection, 0).await?;
    let option = cart.first_option(&mut connection).await?;
    Ok((goods, option))
}
