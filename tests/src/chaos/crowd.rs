//! Clients that order, and write down every call: when it was sent, and whether it came back as an order,
//! as a refusal, or not at all.
//!
//! A call without an answer is unknown, never failed. It is sent again under its own key, to whichever node,
//! until it is known: one order or none. The same key never gives two orders. Beside the buyers somebody counts
//! the pieces of the SKU that runs out, and what was written down about it must have an order that explains
//! every answer.

use super::fleet::{Fleet, RANGE};
use crate::buyers::{Acknowledged, Attempt, acknowledged};
use crate::http::{Answer, Host};
use crate::shop::OWNER;
use crate::sim::linear::{self, Call, Event, Verdict};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// Between two attempts to reach a node.
const PAUSE: Duration = Duration::from_millis(60);
/// Between two counts, and between two attempts to sign in for them.
const COUNT_EVERY: Duration = Duration::from_millis(250);
const SIGN_IN_EVERY: Duration = Duration::from_secs(3);
/// The SKU that runs out, and how many pieces there are.
const RARE: (&str, i64) = (RANGE[2].0, RANGE[2].2);

/// What came of a call.
#[derive(Clone, Debug)]
pub enum Outcome {
    Ok(Acknowledged),
    Refused(String),
    Unknown(String),
}

/// A declined payment acknowledges its order like a paid one. What a node says about itself (busy, no leader,
/// a cart it has not heard of yet) decides nothing about the order.
fn outcome(answer: &anyhow::Result<Answer>) -> Outcome {
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Outcome::Unknown(format!("{error:#}")),
    };
    match (answer.status.as_u16(), answer.problem()) {
        (201, _) => Outcome::Ok(acknowledged(&answer.json)),
        (402, _) if answer.json["order"].is_object() => Outcome::Ok(acknowledged(&answer.json["order"])),
        (409 | 422, problem) => Outcome::Refused(problem.to_owned()),
        (status, problem) => Outcome::Unknown(format!("{status} {problem}")),
    }
}

/// The calls of a run, one JSON object a line, in the order in which they began and ended.
pub struct History {
    path: PathBuf,
    file: Mutex<File>,
    begun: Instant,
}

/// A call as it is written down.
struct Line<'c> {
    node: usize,
    key: &'c str,
    sku: &'c str,
}

impl History {
    pub fn new(path: &Path) -> History {
        let file = File::options().create(true).append(true).open(path);
        History {
            path: path.to_owned(),
            file: Mutex::new(file.expect("the harness's directory takes a file")),
            begun: Instant::now(),
        }
    }

    fn note(&self, Line { node, key, sku }: &Line<'_>, what: &str, detail: &str) {
        let at = self.begun.elapsed().as_millis() as u64;
        let line =
            json!({ "ms": at, "node": node + 1, "key": key, "sku": sku, "what": what, "detail": detail });
        let mut file = self.file.lock().expect("nobody panics while writing");
        writeln!(file, "{line}").expect("the harness's directory has room");
    }

    /// What was written down about the SKU that runs out. A call's time is from where it was first sent to where
    /// it was known, in lines.
    fn of_the_rare(&self) -> Vec<Event> {
        let text = std::fs::read_to_string(&self.path).expect("the harness reads what it wrote");
        let (mut began, mut known, mut events) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
        for (at, line) in (1u64..).zip(text.lines()) {
            let line: Value = serde_json::from_str(line).expect("a line is an object");
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let (key, what, detail) = (text("key"), text("what"), text("detail"));
            if text("sku") != RARE.0 || known.contains(&key) {
                continue;
            }
            let began = *began.entry(key.clone()).or_insert(at);
            let call = match (what.as_str(), detail.as_str()) {
                ("invoked" | "unknown", _) => continue,
                ("ok", _) => Some(Call::Take(1)),
                ("refused", "out-of-stock") => Some(Call::Short(1)),
                ("counted", pieces) => Some(Call::Read(pieces.parse().expect("a count is a number"))),
                // Refused for another reason: nothing was taken, and nothing said about the stock.
                _ => None,
            };
            known.insert(key);
            events.extend(call.map(|call| Event { call, began, ended: Some(at) }));
        }
        events
    }

    /// The calls about the SKU that runs out, one after the other in some order that keeps to real time, explain
    /// every answer. Says how many there were. Every order must be known by now.
    ///
    /// # Panics
    /// With the calls, if there is no such order.
    pub fn explains_the_rare(&self) -> String {
        let events = self.of_the_rare();
        let verdict = linear::check(RARE.1, &events);
        assert_eq!(verdict, Verdict::Legal, "{} begins with {} pieces: {events:#?}", RARE.0, RARE.1);
        let count = |is: fn(&Call) -> bool| events.iter().filter(|event| is(&event.call)).count();
        let (sold, short) =
            (count(|call| matches!(call, Call::Take(_))), count(|call| matches!(call, Call::Short(_))));
        let counted = count(|call| matches!(call, Call::Read(_)));
        format!("{}: {sold} sold, {short} refused as sold out, counted {counted} times, in one order", RARE.0)
    }
}

/// An intention that is not known to have come to anything yet.
#[derive(Clone)]
pub struct Open {
    sku: String,
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
        if street.skus.iter().any(|sku| sku == RARE.0) {
            let random = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(buyers as u64));
            crowd.buyers.spawn(count(street.clone(), random, crowd.stop.clone()));
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
        let declines = random.random_ratio(1, 8);
        // An order that is never paid ends some day, and what it took can be had again: not of the rare.
        let token = if declines && *sku != RARE.0 { "tok_declined" } else { "tok_ok" };
        let Ok(attempt) = Attempt::prepare(&street.hosts[node], sku, serial, token).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut open = Open { sku: sku.clone(), attempt };
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
    let Open { sku, attempt } = open;
    let line = Line { node, key: &attempt.key, sku };
    street.history.note(&line, "invoked", "");
    let outcome = outcome(&attempt.place().await);
    let (what, detail) = match &outcome {
        Outcome::Ok(order) => ("ok", order.id.as_str()),
        Outcome::Refused(problem) => ("refused", problem.as_str()),
        Outcome::Unknown(why) => ("unknown", why.as_str()),
    };
    street.history.note(&line, what, detail);
    told.hear(open, &outcome)
}

/// Counts the pieces of the SKU that runs out as its owner does, at whichever node, by reads that see all that was
/// acknowledged before. One without an answer says nothing.
async fn count(street: Street, mut random: StdRng, stop: Arc<AtomicBool>) -> Told {
    let mut session = None;
    while !stop.load(Ordering::Relaxed) {
        let node = random.random_range(0..street.hosts.len());
        let host = &street.hosts[node];
        let Some(token) = &session else {
            session = sign_in(host).await;
            let signed_in = session.is_some();
            pause(&stop, if signed_in { COUNT_EVERY } else { SIGN_IN_EVERY }).await;
            continue;
        };
        let key = format!("count-{}", street.serial.fetch_add(1, Ordering::Relaxed));
        let line = Line { node, key: &key, sku: RARE.0 };
        street.history.note(&line, "invoked", "");
        let request = host.request(Method::GET, &format!("/api/v1/admin/inventory/{}", RARE.0));
        let request = request.bearer_auth(token).header("gearify-consistency", "linearizable");
        match host.send(request).await {
            Ok(answer) if answer.status == 200 => {
                street.history.note(&line, "counted", &answer.json["available"].to_string());
            }
            Ok(answer) if answer.status == 401 => session = None,
            _ => {}
        }
        pause(&stop, COUNT_EVERY).await;
    }
    Told::default()
}

/// Waits, but not for those who leave.
async fn pause(stop: &AtomicBool, time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn sign_in(host: &Host) -> Option<String> {
    let body = json!({ "email": OWNER.0, "password": OWNER.1 });
    let answer = host.send(host.request(Method::POST, "/api/v1/admin/auth/login").json(&body)).await.ok()?;
    answer.json["access_token"].as_str().map(str::to_owned)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A history in which each line is a key, what came, and its detail.
    fn history(dir: &Path, lines: &[(&str, &str, &str)]) -> History {
        let history = History::new(&dir.join("calls.jsonl"));
        for (key, what, detail) in lines {
            history.note(&Line { node: 0, key, sku: RARE.0 }, what, detail);
        }
        history
    }

    #[test]
    fn calls_that_became_known_late_and_were_sent_again_are_one_call() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let history = history(
            dir.path(),
            &[
                ("order-1", "invoked", ""),
                ("order-1", "unknown", "timed out"),
                ("count-2", "invoked", ""),
                ("count-2", "counted", "59"),
                ("order-1", "invoked", ""),
                ("order-1", "ok", "an id"),
                ("order-1", "invoked", ""),
                ("order-1", "ok", "an id"),
                ("order-3", "invoked", ""),
                ("order-3", "refused", "cart-changed"),
                ("count-4", "invoked", ""),
            ],
        );
        let said = history.explains_the_rare();
        assert!(said.contains("1 sold, 0 refused as sold out, counted 1 times"), "{said}");
    }

    #[test]
    #[should_panic(expected = "Illegal")]
    fn a_refusal_while_there_are_pieces_is_found() {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let lines = [("order-1", "invoked", ""), ("order-1", "refused", "out-of-stock")];
        history(dir.path(), &lines).explains_the_rare();
    }
}
