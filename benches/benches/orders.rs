//! Orders placed in process, without HTTP, beside a SQLite `FULL` commit loop of the same bytes and width.
//!
//! `cargo bench -p gearify-benches --bench orders` prints each round and the median's ratio. A node with its
//! log, state, history and projectors runs in this process; 64 callers submit what the web would submit.

use anyhow::{Context, Result};
use gearify_benches::node::logged;
use gearify_benches::report::{Figure, Tally, median, processor_time};
use gearify_benches::scenarios::{self, Extent};
use gearify_commerce::Actor;
use gearify_commerce::intent::Request;
use gearify_tests::acts::placing_key;
use gearify_tests::{Cluster, Scenario, Stage, Telling, stage};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CALLERS: usize = 64;
const ROUNDS: usize = 5;
const ORDERS: usize = 3_000;

#[expect(clippy::print_stdout, reason = "the figures are its purpose")]
fn main() -> Result<()> {
    // Anything else than `cargo bench` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let dir = tempfile::tempdir()?;
    let mut shop = Scenario::on(Cluster::at(dir.path()));
    for sku in ["BAT", "PADS", "GLOVES"] {
        shop.product(sku, "49.00").stock(sku, 1_000_000);
    }
    let (mut orders, mut floors) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let requests = prepare(&mut shop, round);
        let (_, before) = logged(dir.path(), 0)?;
        orders.push(place(&shop, requests)?);
        let bytes = logged(dir.path(), before)?.0 as usize / ORDERS;
        floors.push(turns(&shop, bytes)?);
        println!("{}, {bytes} bytes of log an order", orders[round].line(Some(&floors[round])));
    }
    let (order, floor) = (median(orders), median(floors));
    println!("median: {}", order.line(Some(&floor)));
    shop.stage.stop();
    Ok(())
}

/// Carts of three lines with everything chosen, and the requests that order them.
fn prepare(shop: &mut Scenario<Cluster>, round: usize) -> Vec<Request> {
    let prepared = (0..ORDERS).map(|number| {
        let who = shop.shopper(&format!("shopper-{round}-{number}"));
        shop.run([who.adds("BAT", 1), who.adds("PADS", 1), who.adds("GLOVES", 1), who.gives_address()]);
        let (key, intent) = (placing_key(&who), shop.placing(&who, "manual", None));
        let (vault, tenant) = (shop.stage.vault(), shop.market.tenant);
        stage::request(vault, tenant, Actor::Guest, Some(&key), number as u128, intent)
    });
    prepared.collect()
}

/// Submits the requests, `CALLERS` at a time, until they are used up.
fn place(shop: &Scenario<Cluster>, requests: Vec<Request>) -> Result<Figure> {
    let backend = shop.stage.node(1).backend().clone();
    let requests = Arc::new(Mutex::new(requests));
    let (busy, started) = (processor_time(None), Instant::now());
    let tally = shop.stage.block_on(async {
        let callers = (0..CALLERS).map(|_| {
            let (backend, requests) = (backend.clone(), requests.clone());
            tokio::spawn(async move {
                let mut tally = Tally::default();
                loop {
                    let Some(request) = requests.lock().expect("no caller panics").pop() else {
                        return tally;
                    };
                    let started = Instant::now();
                    match backend.submit_now(&request).await {
                        Ok(decided) if decided.result.is_ok() => tally.ok(started.elapsed()),
                        Ok(decided) => tally.failed(format!("{:?}", decided.result)),
                        Err(error) => tally.failed(error.to_string()),
                    }
                }
            })
        });
        let mut tally = Tally::default();
        for caller in callers.collect::<Vec<_>>() {
            tally.add(&caller.await.context("a caller ends")?);
        }
        anyhow::Ok(tally)
    })?;
    anyhow::ensure!(tally.error_count() == 0, "orders were refused: {:?}", tally.errors);
    let (name, client) = ("order placed in process".to_owned(), processor_time(None).saturating_sub(busy));
    Ok(Figure { name, tally, elapsed: started.elapsed(), requests: 1, client, server: None })
}

/// The floor: as many writers take turns, each its own durable transaction of an order's bytes.
fn turns(shop: &Scenario<Cluster>, bytes: usize) -> Result<Figure> {
    let dir = tempfile::tempdir()?;
    let extent = Extent { connections: CALLERS, time: Duration::from_secs(2) };
    let path: &Path = dir.path();
    shop.stage.block_on(scenarios::commits(path, bytes, extent))
}
