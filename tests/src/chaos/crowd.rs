//! Clients that order, and write down every call: when it was sent, and whether it came back as an order,
//! as a refusal, or not at all.
//!
//! A call without an answer is unknown, never failed. It is sent again under its own key, to whichever node,
//! until it is known: one order or none. The same key never gives two orders.

use super::fleet::{Fleet, RANGE};
use crate::buyers::{Acknowledged, Attempt, acknowledged};
use crate::http::{Answer, Host};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Between two attempts to reach a node.
const PAUSE: Duration = Duration::from_millis(60);

/// What came of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    Ok(Acknowledged),
    Refused(String),
    Unknown(String),
}

/// A declined payment acknowledges its order like a paid one. What a node says about itself (busy, no leader,
/// a cart it has not heard of yet, the first call still running) decides nothing about the order.
fn outcome(answer: &anyhow::Result<Answer>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Outcome::Unknown(format!("{error:#}")),
    };
    match (answer.status.as_u16(), answer.problem()) {
        (201, _) => Outcome::Ok(acknowledged(&answer.json)),
        (402, _) if answer.json["order"].is_object() => Outcome::Ok(acknowledged(&answer.json["order"])),
        (409, "key-in-flight") => Outcome::Unknown("key-in-flight".to_owned()),
        (409 | 422, problem) => Outcome::Refused(problem.to_owned()),
        (status, problem) => Outcome::Unknown(format!("{status} {problem}")),
    }
}

/// The calls of a run, one JSON object a line.
pub struct History {
    file: Mutex<File>,
    begun: Instant,
}

impl History {
    pub fn new(path: &Path) -> History {
        let file = File::options().create(true).append(true).open(path);
        History {
            file: Mutex::new(file.expect("the harness's directory takes a file")),
            begun: Instant::now(),
        }
    }

    fn note(&self, serial: usize, node: usize, key: &str, what: &str, detail: &str) {
        let at = self.begun.elapsed().as_millis() as u64;
        let line = json!({ "ms": at, "serial": serial, "node": node + 1, "key": key, "what": what, "detail": detail });
        let mut file = self.file.lock().expect("nobody panics while writing");
        writeln!(file, "{line}").expect("the harness's directory has room");
    }
}

/// An intention that is not known to have come to anything yet.
#[derive(Clone)]
pub struct Open {
    serial: usize,
    attempt: Attempt,
}

/// What a crowd was told.
#[derive(Default)]
pub struct Told {
    /// Orders by the key of the intention.
    pub orders: BTreeMap<String, Acknowledged>,
    pub refused: BTreeMap<String, usize>,
    pub open: Vec<Open>,
    /// Calls that came back without an answer, by what came instead.
    pub unknown: BTreeMap<String, usize>,
    pub calls: usize,
}

impl Told {
    pub fn add(&mut self, other: Told) {
        for (key, order) in other.orders {
            self.keep(key, order);
        }
        let sum = |into: &mut BTreeMap<String, usize>, from: BTreeMap<String, usize>| {
            for (what, count) in from {
                *into.entry(what).or_default() += count;
            }
        };
        sum(&mut self.refused, other.refused);
        sum(&mut self.unknown, other.unknown);
        self.open.extend(other.open);
        self.calls += other.calls;
    }

    /// # Panics
    /// If the key gave another order before.
    fn keep(&mut self, key: String, order: Acknowledged) {
        if let Some(before) = self.orders.insert(key.clone(), order.clone()) {
            assert_eq!(before, order, "{key} gave two orders");
        }
    }

    /// Notes an outcome; whether it is known now.
    fn hear(&mut self, open: &Open, outcome: &Outcome) -> bool {
        self.calls += 1;
        match outcome {
            Outcome::Ok(order) => self.keep(open.attempt.key.clone(), order.clone()),
            Outcome::Refused(problem) => *self.refused.entry(problem.clone()).or_default() += 1,
            Outcome::Unknown(why) => {
                // Addresses and numbers would make every one its own.
                let why: String = why.split([':', '(']).next().unwrap_or_default().trim().to_owned();
                *self.unknown.entry(why).or_default() += 1;
                return false;
            }
        }
        true
    }
}

/// Buyers that go on until they are told to stop.
pub struct Crowd {
    stop: Arc<AtomicBool>,
    sold: Arc<AtomicUsize>,
    buyers: JoinSet<Told>,
}

/// What all buyers of a run share.
#[derive(Clone)]
pub struct Street {
    pub hosts: Vec<Host>,
    pub skus: Vec<String>,
    pub serial: Arc<AtomicUsize>,
    pub history: Arc<History>,
}

impl Street {
    /// The shop of a fleet, through whichever nodes are up.
    pub fn of(fleet: &Fleet) -> Street {
        Street {
            hosts: fleet.hosts(),
            skus: RANGE.map(|(sku, ..)| sku.to_owned()).to_vec(),
            serial: Arc::default(),
            history: Arc::new(History::new(&fleet.dir().join("calls.jsonl"))),
        }
    }
}

impl Crowd {
    /// So many buyers, whose choices follow from the seed.
    pub fn come(runtime: &Runtime, street: &Street, buyers: usize, seed: u64) -> Crowd {
        let (stop, sold) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let mut crowd = Crowd { stop, sold, buyers: JoinSet::new() };
        let _inside = runtime.enter();
        for buyer in 0..buyers as u64 {
            let random = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(buyer));
            crowd.buyers.spawn(buy(street.clone(), random, crowd.stop.clone(), crowd.sold.clone()));
        }
        crowd
    }

    /// Orders acknowledged so far.
    pub fn sold(&self) -> usize {
        self.sold.load(Ordering::Relaxed)
    }

    /// Waits until so many more orders were acknowledged; whether they were, in time.
    pub fn sells(&self, more: usize, within: Duration) -> bool {
        let (goal, until) = (self.sold() + more, Instant::now() + within);
        while self.sold() < goal {
            if Instant::now() > until {
                return false;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// Stops them and collects what they were told.
    pub fn leave(mut self, runtime: &Runtime) -> Told {
        self.stop.store(true, Ordering::Relaxed);
        let mut told = Told::default();
        runtime.block_on(async {
            while let Some(buyer) = self.buyers.join_next().await {
                told.add(buyer.expect("buyers do not panic"));
            }
        });
        told
    }
}

async fn buy(street: Street, mut random: StdRng, stop: Arc<AtomicBool>, sold: Arc<AtomicUsize>) -> Told {
    let mut told = Told::default();
    while !stop.load(Ordering::Relaxed) {
        let serial = street.serial.fetch_add(1, Ordering::Relaxed);
        let node = random.random_range(0..street.hosts.len());
        let sku = &street.skus[random.random_range(0..street.skus.len())];
        let token = if random.random_ratio(1, 8) { "tok_declined" } else { "tok_ok" };
        let Ok(attempt) = Attempt::prepare(&street.hosts[node], sku, serial, token).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut open = Open { serial, attempt };
        let mut at = node;
        loop {
            if call(&street, &open, at, &mut told).await {
                sold.fetch_add(1, Ordering::Relaxed);
                break;
            }
            if stop.load(Ordering::Relaxed) {
                told.open.push(open);
                break;
            }
            tokio::time::sleep(PAUSE).await;
            at = random.random_range(0..street.hosts.len());
            open.attempt = open.attempt.moved(&street.hosts[at]);
        }
    }
    told
}

/// Sends an intention to where it stands; whether its outcome is known now.
async fn call(street: &Street, open: &Open, node: usize, told: &mut Told) -> bool {
    let Open { serial, attempt } = open;
    street.history.note(*serial, node, &attempt.key, "invoked", "");
    let outcome = outcome(&attempt.place().await);
    let (what, detail) = match &outcome {
        Outcome::Ok(order) => ("ok", order.id.as_str()),
        Outcome::Refused(problem) => ("refused", problem.as_str()),
        Outcome::Unknown(why) => ("unknown", why.as_str()),
    };
    street.history.note(*serial, node, &attempt.key, what, detail);
    told.hear(open, &outcome)
}

/// Sends every open intention again until each is one order or none, and sends some known ones a second time.
///
/// # Panics
/// If one stays unknown although all nodes are up, or a replay gives another order.
pub fn settle(runtime: &Runtime, street: &Street, told: &mut Told, within: Duration) {
    let until = Instant::now() + within;
    runtime.block_on(async {
        let mut turn = 0;
        while let Some(mut open) = told.open.pop() {
            let mut still = true;
            while still {
                turn += 1;
                let node = turn % street.hosts.len();
                open.attempt = open.attempt.moved(&street.hosts[node]);
                still = !call(street, &open, node, told).await;
                if still {
                    assert!(
                        Instant::now() < until,
                        "an intention stays unknown with all nodes up: {:?}",
                        told.unknown
                    );
                    tokio::time::sleep(PAUSE).await;
                }
            }
            // The same key again, at the next node.
            let node = (turn + 1) % street.hosts.len();
            open.attempt = open.attempt.moved(&street.hosts[node]);
            call(street, &open, node, told).await;
        }
    });
}
