//! What is measured: each scenario drives the node with a number of connections for a time.

use crate::client::Connection;
use crate::etcd::{self, Etcd};
use crate::floor::{CommitLoop, GroupCommit};
use crate::node::Demo;
use crate::report::{Figure, Tally, processor_time};
use crate::shop::{Cart, Goods, HOST, goods, new_cart, stock_up};
use anyhow::{Result, bail};
use std::future::Future;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long and how wide a measurement is.
#[derive(Clone, Copy)]
pub struct Extent {
    pub connections: usize,
    pub time: Duration,
}

/// What is measured, and of which process.
struct Subject<'s> {
    name: &'s str,
    /// Requests that one counted operation is made of.
    requests: u32,
    process: Option<u32>,
}

/// Runs `client` on every connection until the time is over, and adds up what they did.
async fn measure<F, C>(subject: Subject<'_>, extent: Extent, client: F) -> Result<Figure>
where
    F: Fn(usize, Instant) -> C,
    C: Future<Output = Result<Tally>> + Send + 'static,
{
    let Subject { name, requests, process } = subject;
    let (client_before, server_before) = (processor_time(None), process.map(|id| processor_time(Some(id))));
    let started = Instant::now();
    let until = started + extent.time;
    let clients: Vec<_> = (0..extent.connections).map(|number| tokio::spawn(client(number, until))).collect();
    let mut tally = Tally::default();
    for client in clients {
        tally.add(&client.await??);
    }
    let elapsed = started.elapsed();
    let client = processor_time(None).saturating_sub(client_before);
    let server =
        process.zip(server_before).map(|(id, before)| processor_time(Some(id)).saturating_sub(before));
    Ok(Figure { name: name.to_owned(), tally, elapsed, requests, client, server })
}

/// A server to get pages from.
#[derive(Clone, Copy)]
pub struct Server {
    pub address: SocketAddr,
    pub process: Option<u32>,
}

impl Demo {
    pub fn server(&self) -> Server {
        Server { address: self.address, process: self.process() }
    }
}

/// Gets pages, one after another, from a list.
pub async fn get(name: &str, server: Server, paths: Vec<String>, extent: Extent) -> Result<Figure> {
    let paths = Arc::new(paths);
    let subject = Subject { name, requests: 1, process: server.process };
    measure(subject, extent, move |number, until| {
        let paths = paths.clone();
        async move {
            let mut connection = Connection::open(server.address, HOST).await?;
            let mut tally = Tally::default();
            let mut next = number * 31;
            while Instant::now() < until {
                let path = &paths[next % paths.len()];
                next += 1;
                let started = Instant::now();
                let answer = connection.get(path).await?;
                match answer.status.is_success() {
                    true => tally.ok(started.elapsed()),
                    false => tally.failed(answer.in_words()),
                }
            }
            Ok(tally)
        }
    })
    .await
}

/// Gets pages at a fixed rate, whether or not earlier ones have come back. A latency counts from the
/// moment the request was due, so that a stall shows in every request that had to wait for it.
pub async fn get_at_rate(
    name: &str,
    server: Server,
    paths: Vec<String>,
    per_second: u32,
    extent: Extent,
) -> Result<Figure> {
    let (paths, next) = (Arc::new(paths), Arc::new(AtomicU64::new(0)));
    let (begun, gap) = (Instant::now(), Duration::from_secs(1) / per_second);
    let subject = Subject { name, requests: 1, process: server.process };
    measure(subject, extent, move |_, until| {
        let (paths, next) = (paths.clone(), next.clone());
        async move {
            let mut connection = Connection::open(server.address, HOST).await?;
            let mut tally = Tally::default();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let due = begun + gap * u32::try_from(number)?;
                if due >= until {
                    return Ok(tally);
                }
                tokio::time::sleep_until(due.into()).await;
                // The timer wakes up to a millisecond late, which is not the server's doing.
                let due = due.max(Instant::now() - Duration::from_millis(1)).min(Instant::now());
                let answer = connection.get(&paths[number as usize % paths.len()]).await?;
                match answer.status.is_success() {
                    true => tally.ok(due.elapsed()),
                    false => tally.failed(answer.in_words()),
                }
            }
        }
    })
    .await
}

/// Writers that take turns, each committing its own bytes durably.
pub async fn commits(dir: &Path, bytes: usize, extent: Extent) -> Result<Figure> {
    let floor = CommitLoop::start(dir)?;
    let subject = Subject { name: "SQLite FULL commit loop", requests: 1, process: None };
    measure(subject, extent, move |_, until| {
        let floor = floor.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let (mut tally, body) = (Tally::default(), vec![7; bytes]);
            while Instant::now() < until {
                let started = Instant::now();
                floor.write(&body)?;
                tally.ok(started.elapsed());
            }
            Ok(tally)
        });
        async move { writing.await? }
    })
    .await
}

/// Writers that share transactions.
pub async fn group_commits(dir: &Path, bytes: usize, extent: Extent) -> Result<Figure> {
    let floor = GroupCommit::start(dir)?;
    let subject = Subject { name: "SQLite FULL group commit", requests: 1, process: None };
    measure(subject, extent, move |_, until| {
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

/// Product words to search for, each query another; every sixth is typed wrong.
pub fn queries(count: usize) -> Vec<String> {
    const WORDS: [&str; 12] = [
        "bat", "gloves", "pads", "helmet", "ball", "bag", "willow", "english", "kit", "shoes", "helmat",
        "glo",
    ];
    let query = |n: usize| {
        let (first, second) = (WORDS[n % WORDS.len()], WORDS[(n / WORDS.len()) % WORDS.len()]);
        format!("/api/v1/products?q={first}+{second}&limit=24&price_min={}", n % 9_973)
    };
    (0..count).map(query).collect()
}

/// Carts with one line each, as fast as they can be made: two requests.
pub async fn add_to_cart(demo: &Demo, goods: Vec<Goods>, extent: Extent) -> Result<Figure> {
    let (address, goods) = (demo.address, Arc::new(goods));
    let subject = Subject { name: "cart with a line", requests: 2, process: demo.process() };
    measure(subject, extent, move |number, until| {
        let goods = goods.clone();
        async move {
            let mut connection = Connection::open(address, HOST).await?;
            let mut tally = Tally::default();
            let mut next = number;
            while Instant::now() < until {
                let started = Instant::now();
                let cart = new_cart(&mut connection).await?;
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
    addresses: Vec<SocketAddr>,
    process: Option<u32>,
    goods: Vec<Goods>,
    option: String,
    provider: &'static str,
    extent: Extent,
) -> Result<Figure> {
    let (goods, numbers) = (Arc::new(goods), Arc::new(AtomicU64::new(0)));
    let name = format!("whole checkout ({provider})");
    let subject = Subject { name: &name, requests: 6, process };
    measure(subject, extent, move |number, until| {
        let (goods, numbers, option) = (goods.clone(), numbers.clone(), option.clone());
        let address = addresses[number % addresses.len()];
        async move {
            let mut connection = Connection::open(address, HOST).await?;
            let mut tally = Tally::default();
            while Instant::now() < until {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let sku = &goods[number as usize % goods.len()].sku;
                let started = Instant::now();
                match buy(&mut connection, sku, number, &option, provider).await {
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
        bail!("{}", answer.in_words());
    }
    Ok(())
}

/// Makes carts of three lines, everything chosen, ready to be placed.
pub async fn prepare_carts(
    address: SocketAddr,
    goods: &[Goods],
    option: &str,
    count: usize,
) -> Result<Vec<Cart>> {
    const WIDTH: usize = 16;
    let mut tasks = Vec::new();
    for lane in 0..WIDTH {
        let (goods, option) = (goods.to_vec(), option.to_owned());
        tasks.push(tokio::spawn(async move {
            let mut connection = Connection::open(address, HOST).await?;
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

/// Places prepared carts until they are used up, at one node or at several by turns.
pub async fn place(
    addresses: Vec<SocketAddr>,
    process: Option<u32>,
    carts: Vec<Cart>,
    provider: &'static str,
    connections: usize,
) -> Result<Figure> {
    let carts = Arc::new(Mutex::new(carts));
    let extent = Extent { connections, time: Duration::from_secs(120) };
    let subject = Subject { name: "order placed", requests: 1, process };
    measure(subject, extent, move |number, until| {
        let (carts, address) = (carts.clone(), addresses[number % addresses.len()]);
        async move {
            let mut connection = Connection::open(address, HOST).await?;
            let mut tally = Tally::default();
            while Instant::now() < until {
                let Some(cart) = carts.lock().expect("no client panics").pop() else { break };
                let started = Instant::now();
                let answer = cart.order(&mut connection, provider).await?;
                match answer.status.is_success() {
                    true => tally.ok(started.elapsed()),
                    false => tally.failed(answer.in_words()),
                }
            }
            Ok(tally)
        }
    })
    .await
}

/// What etcd is asked for, by every connection again and again.
#[derive(Clone, Copy)]
pub enum EtcdWork {
    /// As many compares, puts and bytes as an order.
    Transaction,
    Put,
}

/// Drives etcd's members as [`place`] drives nodes.
pub async fn etcd(etcd: &Etcd, work: EtcdWork, bytes: usize, extent: Extent) -> Result<Figure> {
    let name = match work {
        EtcdWork::Transaction => "etcd transaction of an order's compares, puts and bytes",
        EtcdWork::Put => "etcd put of an order's bytes",
    };
    let (members, numbers) = (etcd.clients.clone(), Arc::new(AtomicU64::new(rand::random::<u32>().into())));
    let subject = Subject { name, requests: 1, process: None };
    measure(subject, extent, move |number, until| {
        let (address, numbers) = (members[number % members.len()], numbers.clone());
        async move {
            let mut connection = Etcd::connect(address).await?;
            let mut tally = Tally::default();
            while Instant::now() < until {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                let started = Instant::now();
                let done = match work {
                    EtcdWork::Transaction => etcd::transact(&mut connection, number, bytes).await,
                    EtcdWork::Put => etcd::put_one(&mut connection, number, bytes).await,
                };
                match done {
                    Ok(()) => tally.ok(started.elapsed()),
                    Err(error) => tally.failed(error.to_string()),
                }
            }
            Ok(tally)
        }
    })
    .await
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
        match (answer.status.as_u16(), answer.in_words()) {
            (201, _) => sale.ordered += 1,
            (409, words) if words.contains("/problems/out-of-stock") => sale.out_of_stock += 1,
            (_, words) => sale.other.push(words),
        }
    }
    sale.elapsed = started.elapsed();
    Ok(sale)
}

/// Well-stocked goods and a delivery option, for scenarios that buy.
pub async fn market(demo: &Demo, count: usize) -> Result<(Vec<Goods>, String)> {
    let mut connection = demo.connect().await?;
    let goods = stock_up(demo, goods(&mut connection, count).await?).await?;
    let cart = new_cart(&mut connection).await?;
    cart.add(&mut connection, &goods[0].sku, 1).await?;
    cart.contact(&mut connection, 0).await?;
    cart.address(&mut connection, 0).await?;
    let option = cart.first_option(&mut connection).await?;
    Ok((goods, option))
}
