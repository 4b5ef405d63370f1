//! A shop goes to another shard while people buy from it through every node, and while the node is lost that carries
//! it.

use crate::region::{PATIENCE, Region, token_in};
use crate::shards::{host, stock};
use gearify_tests::buyers::{Acknowledged, Attempt, acknowledged, read};
use gearify_tests::http::Host;
use gearify_tests::market::Market;
use gearify_tests::shop::{OWNER, Premises};
use reqwest::Method;
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::sleep;

const NODES: usize = 4;
const SHARDS: u16 = 3;
const VOTERS: usize = 3;
const PIECES: i64 = 20_000;
const MOVER: &str = "willow";
const NEIGHBOUR: &str = "boundary";
/// Between two orders of one buyer.
const PACE: Duration = Duration::from_millis(40);
/// No machine is so busy that nobody is answered for so long, but for a node that is lost.
const GAP_MAX: Duration = Duration::from_secs(3);
/// Of the shortest of three moves, unless the machine is so busy that a shop which stays waits for longer.
const PAUSE_MAX_MS: u64 = 1_000;
/// No call, nor the few that fill a cart, takes so long, whoever is lost meanwhile.
const CALLS_MAX: Duration = Duration::from_secs(15);
/// How often it is tried to end a node in the middle of a move.
const KILLS_MAX: usize = 5;

/// When an order was acknowledged, and which.
type Sale = (Instant, Acknowledged);

/// Buys one piece after the other, of whichever node answers; the same order under the same key until it is
/// acknowledged.
async fn buy(hosts: Vec<Host>, mut at: usize, stop: Arc<AtomicBool>, serial: Arc<AtomicUsize>) -> Vec<Sale> {
    let mut sales = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = serial.fetch_add(1, Ordering::Relaxed);
        let goes_on = |at: &mut usize| *at = (*at + 1) % hosts.len();
        let begun = Instant::now();
        let prepared = Attempt::prepare(&hosts[at], "BALL", number, "tok_ok").await;
        assert!(begun.elapsed() < CALLS_MAX, "a cart was filled in {:?}", begun.elapsed());
        let Ok(mut attempt) = prepared else {
            goes_on(&mut at);
            sleep(PACE).await;
            continue;
        };
        let order = loop {
            let begun = Instant::now();
            let placed = attempt.place().await;
            assert!(begun.elapsed() < CALLS_MAX, "an order was answered after {:?}", begun.elapsed());
            match placed {
                Ok(answer) if answer.status == 201 => break acknowledged(&answer.json),
                Ok(answer) if !answer.status.is_server_error() => {
                    panic!("an order is answered with {}: {}", answer.status, answer.json)
                }
                _ => {
                    goes_on(&mut at);
                    attempt = attempt.moved(&hosts[at]);
                    sleep(PACE).await;
                }
            }
        };
        sales.push((Instant::now(), order));
        sleep(PACE).await;
    }
    sales
}

struct Buyers {
    stop: Arc<AtomicBool>,
    tasks: Vec<JoinHandle<Vec<Sale>>>,
}

impl Buyers {
    fn begin(premises: &Premises, hosts: &[Host], count: usize, serial: &Arc<AtomicUsize>) -> Buyers {
        let stop = Arc::new(AtomicBool::new(false));
        let buyer = |n| {
            let (hosts, stop, serial) = (hosts.to_vec(), stop.clone(), serial.clone());
            premises.runtime.spawn(buy(hosts, n % NODES, stop, serial))
        };
        Buyers { tasks: (0..count).map(buyer).collect(), stop }
    }

    /// All sales in the order in which they were acknowledged.
    async fn end(self) -> Vec<Sale> {
        self.stop.store(true, Ordering::Relaxed);
        let mut sales = Vec::new();
        for task in self.tasks {
            sales.extend(task.await.expect("the buyer ends in peace"));
        }
        sales.sort_by_key(|(at, _)| *at);
        sales
    }
}

/// The longest time in which nobody's order was acknowledged.
fn longest_gap(sales: &[Sale]) -> Duration {
    let gaps = sales.windows(2).map(|pair| pair[1].0 - pair[0].0);
    gaps.max().expect("more than one was sold")
}

/// How many pieces the shop says it has left to sell.
async fn left(host: &Host) -> i64 {
    let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
    let request = host.request(Method::GET, "/api/v1/admin/inventory/BALL").bearer_auth(&token);
    let answer = host.send(request).await.expect("the node answers").expect(200).json;
    answer["available"].as_i64().unwrap_or_else(|| panic!("no stock in {answer}"))
}

/// Every order that was acknowledged is there, once, and nothing else was sold.
async fn check_sales(hosts: &[Host], sales: &[Sale], before: i64) {
    let ids: BTreeSet<&str> = sales.iter().map(|(_, order)| order.id.as_str()).collect();
    let numbers: BTreeSet<&str> = sales.iter().map(|(_, order)| order.number.as_str()).collect();
    assert_eq!((ids.len(), numbers.len()), (sales.len(), sales.len()), "nobody got another one's order");
    for (n, (_, order)) in sales.iter().enumerate() {
        assert_eq!(&acknowledged(&read(&hosts[n % hosts.len()], order).await), order);
    }
    assert_eq!(before - left(&hosts[0]).await, sales.len() as i64, "as many pieces as orders");
}

fn settled(status: &Value) -> bool {
    let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
    (0..SHARDS).all(|shard| {
        let name = format!("region-{shard}");
        let of = |node: &Value| node["report"]["groups"][&name]["applied"].as_u64();
        let applied: BTreeSet<u64> = nodes.iter().filter_map(of).collect();
        let here = nodes.iter().filter(|node| node["report"]["groups"][&name].is_object()).count();
        let voters = nodes.iter().filter(|node| {
            let group = &node["report"]["groups"][&name];
            let votes = group["voters"].as_array().is_some_and(|voters| voters.contains(&node["node"]));
            votes && !group["leader"].is_null() && group["version"].as_u64() >= Some(4)
        });
        // The fourth node follows the first shard without a vote.
        let has_all = if shard == 0 { here == NODES } else { here >= VOTERS };
        voters.count() == VOTERS && has_all && applied.len() == 1
    })
}

fn wait_until_settled(region: &Region<'_>) {
    let until = Instant::now() + 2 * PATIENCE;
    while !settled(&region.status(0)) {
        assert!(Instant::now() < until, "not all shards agree: {:#}", region.status(0));
        std::thread::sleep(Duration::from_millis(300));
    }
}

fn log_of(region: &Region<'_>, n: usize) -> String {
    std::fs::read_to_string(region.serve(n).log).unwrap_or_default()
}

/// How many moves a node has brought to their end.
fn moves_ended_by(region: &Region<'_>, n: usize) -> usize {
    log_of(region, n).matches("a shop has moved").count()
}

/// For how many milliseconds nobody could write to a shop, of each move that a node has brought to its end.
fn pauses_told_by(region: &Region<'_>, n: usize) -> Vec<u64> {
    let log = log_of(region, n);
    let told = log.lines().filter(|line| line.contains("a shop has moved"));
    let number = |line: &str| {
        let after = line.split("paused_ms").nth(1)?.trim_start_matches(|c: char| !c.is_ascii_digit());
        after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    told.filter_map(number).collect()
}

#[test]
fn a_shop_moves_while_people_buy_through_every_node_and_the_node_that_carries_it_is_lost() {
    let premises = Premises::new();
    let mut files = premises.open();
    for slug in [MOVER, NEIGHBOUR] {
        let mut market = Market::open_in(&mut files, slug, "home");
        premises.add_owner(&mut files, &market);
        market.product(&mut files, "BALL", 2_490);
    }
    files.stop();
    let mut region = Region::of(&premises, NODES);
    let mut token = token_in(&region.done(0, &["cluster", "init", "--shards", "3"]));
    region.start(0);
    for n in 1..NODES {
        region.join(n, &token);
        region.start(n);
        token = token_in(&region.done(n, &["cluster", "token"]));
    }
    wait_until_settled(&region);
    let hosts = |region: &Region<'_>, slug: &str| -> Vec<Host> {
        (0..NODES).filter_map(|n| Some(host(region.nodes.get(&n)?.public, slug))).collect()
    };
    let (of_mover, of_neighbour) = (hosts(&region, MOVER), hosts(&region, NEIGHBOUR));
    let stocked = premises.runtime.block_on(async {
        for (slug, hosts) in [(MOVER, &of_mover), (NEIGHBOUR, &of_neighbour)] {
            stock(&hosts[1], slug, PIECES).await;
        }
        (left(&of_mover[2]).await, left(&of_neighbour[3]).await)
    });
    assert_eq!(stocked, (PIECES, PIECES));
    let unknown = region.tell(0, &["tenant", "move", MOVER, "9"]);
    assert!(unknown.stderr.contains("the region has no shard 9"), "{}", unknown.stderr);
    let unknown = region.tell(0, &["tenant", "move", "nobody", "1"]);
    assert!(unknown.stderr.contains("there is no shop nobody"), "{}", unknown.stderr);

    // From one shard to the next, all of them, told to another node each time.
    let serial = Arc::new(AtomicUsize::new(0));
    let buyers = Buyers::begin(&premises, &of_mover, 4, &serial);
    let neighbours = Buyers::begin(&premises, &of_neighbour, 2, &serial);
    std::thread::sleep(Duration::from_secs(3));
    for (n, shard) in ["1", "2", "0"].into_iter().enumerate() {
        let said = region.done(n + 1, &["tenant", "move", MOVER, shard]);
        assert!(said.contains(&format!("{MOVER} is in shard {shard} now")), "{said}");
        std::thread::sleep(Duration::from_secs(1));
    }
    let (mut sales, neighbour_sales) =
        premises.runtime.block_on(async { (buyers.end().await, neighbours.end().await) });
    let (gap, other) = (longest_gap(&sales), longest_gap(&neighbour_sales));
    println!(
        "{} orders of the shop that moved three times, at most {} ms between two; {} of its neighbour, {} ms",
        sales.len(),
        gap.as_millis(),
        neighbour_sales.len(),
        other.as_millis()
    );
    let mut pauses: Vec<u64> = (0..NODES).flat_map(|n| pauses_told_by(&region, n)).collect();
    pauses.sort_unstable();
    println!("nobody could write to it for {pauses:?} ms");
    assert_eq!(pauses.len(), 3, "each move says how long the shop was closed");
    let most = PAUSE_MAX_MS.max(other.as_millis() as u64);
    assert!(pauses[0] < most, "the shop was closed for {pauses:?} ms, its neighbour waited {other:?}");
    assert!(gap < GAP_MAX && other < GAP_MAX, "{gap:?} {other:?}");
    premises.runtime.block_on(async {
        check_sales(&of_mover, &sales, PIECES).await;
        check_sales(&of_neighbour, &neighbour_sales, PIECES).await;
    });

    // The node that carries it off is killed in the middle. It comes back, and is killed again, until it was
    // caught before the end.
    let (mut from, mut caught) = (0u16, 0);
    for _ in 0..KILLS_MAX {
        let to = (from + 1) % SHARDS;
        let carrier = region.leader(&format!("region-{from}"));
        let asked = (0..NODES).find(|n| *n != carrier).expect("there are others");
        let before = moves_ended_by(&region, carrier);
        let buyers = Buyers::begin(&premises, &of_mover, 4, &serial);
        std::thread::sleep(Duration::from_secs(1));
        let begun = region.tell(asked, &["tenant", "move", MOVER, &to.to_string(), "--wait", "0"]);
        region.nodes.remove(&carrier).expect("it runs").kill();
        let killed = Instant::now();
        caught += usize::from(moves_ended_by(&region, carrier) == before);
        region.done(asked, &["tenant", "move", MOVER, &to.to_string()]);
        println!(
            "shard {from} lost its leader ({}), and the shop was in shard {to} {} ms later",
            begun.stderr.trim(),
            killed.elapsed().as_millis()
        );
        std::thread::sleep(Duration::from_secs(1));
        sales.extend(premises.runtime.block_on(buyers.end()));
        region.start(carrier);
        wait_until_settled(&region);
        from = to;
        if caught > 0 {
            break;
        }
    }
    assert!(caught > 0, "every move was over before its carrier was killed");
    let of_mover = hosts(&region, MOVER);
    premises.runtime.block_on(check_sales(&of_mover, &sales, PIECES));
    wait_until_settled(&region);
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
    for n in 0..NODES {
        let found = region.done(n, &["doctor", "--audit"]);
        println!("node {}: {found}", n + 1);
    }
}
