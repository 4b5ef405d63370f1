//! Majorities that are lost for good: of one shard while its region lives, and of a divided region.

use crate::region::{PATIENCE, Region, token_in};
use crate::shards::{host, stock};
use gearify_commerce::intent::{Intent, StaffIntent};
use gearify_commerce::{Actor, TenantId};
use gearify_tests::Cluster;
use gearify_tests::buyers::{Acknowledged, Attempt, acknowledged, read};
use gearify_tests::http::Host;
use gearify_tests::market::Market;
use gearify_tests::process::{free_address, run};
use gearify_tests::shop::{OWNER, Premises};
use gearify_tests::stage::Stage;
use gearify_web::auth::Passwords;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

const SHARDS: u16 = 4;
/// One in each shard, in this order: a new shop goes where fewest are.
const SHOPS: [&str; SHARDS as usize] = ["willow", "boundary", "maidan", "pavilion"];
/// Longer than a node looks for a leader.
const NOT_SOLD_WITHIN: Duration = Duration::from_secs(20);

fn shop_in(shard: u16) -> &'static str {
    SHOPS[usize::from(shard)]
}

fn group(shard: u16) -> String {
    format!("region-{shard}")
}

fn of(region: &Region<'_>, n: usize, slug: &str) -> Host {
    host(region.nodes[&n].public, slug)
}

/// The shops, without stock.
fn open_shops(premises: &Premises) -> (Cluster, Vec<Market>) {
    let mut files = premises.open();
    let open = |slug: &&str| {
        let mut market = Market::open_in(&mut files, slug, "home");
        premises.add_owner(&mut files, &market);
        market.product(&mut files, "BALL", 2_490);
        market
    };
    let markets = SHOPS.iter().map(open).collect();
    (files, markets)
}

/// So many nodes join one after the other, and the shards get their seats.
fn begin(region: &mut Region<'_>, nodes: usize) {
    let mut token = token_in(&region.done(0, &["cluster", "init", "--shards", &SHARDS.to_string()]));
    region.start(0);
    for n in 1..nodes {
        region.join(n, &token);
        region.start(n);
        token = token_in(&region.done(n, &["cluster", "token"]));
    }
    let all: BTreeSet<u64> = (1..=nodes as u64).collect();
    wait(region, 0, "the shards are settled", |reports| {
        (1..SHARDS).all(|shard| settled(reports, shard).is_some_and(|voters| voters.is_subset(&all)))
    });
}

/// What each node that answers says of the groups it runs.
type Reports = BTreeMap<u64, Value>;

fn reports(region: &Region<'_>, asked: usize) -> Reports {
    let status = region.status(asked);
    let nodes = status["nodes"].as_array().cloned().unwrap_or_default();
    let reports = nodes.into_iter().filter(|node| !node["report"].is_null());
    reports.filter_map(|node| Some((node["node"].as_u64()?, node["report"]["groups"].clone()))).collect()
}

fn wait(region: &Region<'_>, asked: usize, what: &str, holds: impl Fn(&Reports) -> bool) {
    let until = Instant::now() + 2 * PATIENCE;
    loop {
        let now = reports(region, asked);
        if holds(&now) {
            return;
        }
        assert!(Instant::now() < until, "{what}: not in time: {now:#?}");
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// A group's voters, where it has three and each of them says so, knows who leads, and is level with the others.
fn settled(reports: &Reports, shard: u16) -> Option<BTreeSet<u64>> {
    let name = group(shard);
    let of_node = |node: &u64| reports.get(node).and_then(|groups| groups.get(&name));
    let told: BTreeSet<u64> = reports.values().find_map(|groups| {
        let group = groups.get(&name).filter(|group| !group["leader"].is_null())?;
        let voters = group["voters"].as_array()?.iter().filter_map(Value::as_u64).collect::<BTreeSet<u64>>();
        (voters.len() == 3).then_some(voters)
    })?;
    let mut ends = BTreeSet::new();
    for node in &told {
        let group = of_node(node)?;
        let voters = group["voters"].as_array()?.iter().filter_map(Value::as_u64).collect::<BTreeSet<u64>>();
        let is_still = group["last_log"] == group["applied"] && group["is_changing"] == false;
        if voters != told || group["leader"].is_null() || !is_still {
            return None;
        }
        ends.insert(group["last_log"].as_u64()?);
    }
    (ends.len() == 1).then_some(told)
}

/// Buys one ball, as soon as it can be bought.
async fn buy(host: &Host, serial: usize) -> Acknowledged {
    let until = Instant::now() + PATIENCE;
    loop {
        let bought = async {
            let attempt = Attempt::prepare(host, "BALL", serial, "tok_ok").await?;
            attempt.place().await?.with(201)
        };
        match bought.await {
            Ok(answer) => return acknowledged(&answer.json),
            Err(error) => assert!(Instant::now() < until, "nothing is sold: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Two voters of one shard without which every other one still has a majority; the shard, and them.
fn victims(voters: &BTreeMap<u16, BTreeSet<u64>>) -> (u16, BTreeSet<u64>) {
    for (shard, nodes) in voters {
        let others: Vec<&BTreeSet<u64>> =
            voters.iter().filter(|(other, _)| *other != shard).map(|(_, nodes)| nodes).collect();
        for spared in nodes {
            let pair: BTreeSet<u64> = nodes.iter().copied().filter(|node| node != spared).collect();
            if others.iter().all(|nodes| nodes.intersection(&pair).count() < 2) {
                return (*shard, pair);
            }
        }
    }
    panic!("every pair of nodes sits in two shards together: {voters:?}");
}

#[test]
fn a_shard_that_lost_its_majority_goes_on_from_the_one_that_is_left_with_every_order_it_had() {
    let premises = Premises::new();
    let (files, _) = open_shops(&premises);
    files.stop();
    let mut region = Region::of(&premises, 5);
    begin(&mut region, 5);
    let mut sold: BTreeMap<&str, Vec<Acknowledged>> = BTreeMap::new();
    premises.runtime.block_on(async {
        for (n, slug) in SHOPS.into_iter().enumerate() {
            stock(&of(&region, n, slug), slug, 100).await;
            for asked in 0..5 {
                sold.entry(slug).or_default().push(buy(&of(&region, asked, slug), 10 * n + asked).await);
            }
        }
    });
    wait(&region, 0, "all are level", |now| (1..SHARDS).all(|shard| settled(now, shard).is_some()));
    let now = reports(&region, 0);
    let voters = (1..SHARDS).map(|shard| (shard, settled(&now, shard).expect("it is settled")));
    let voters: BTreeMap<u16, BTreeSet<u64>> = voters.collect();
    let (shard, lost) = victims(&voters);
    let number = shard.to_string();
    let recover = ["cluster", "recover", "--accept-loss", "--shard", &number];
    let left = *voters[&shard].difference(&lost).next().expect("one voter is spared") as usize - 1;
    let living: Vec<usize> = (0..5).filter(|n| !lost.contains(&(*n as u64 + 1))).collect();
    let other = *living.iter().find(|n| **n != left).expect("three live");
    for node in &lost {
        region.nodes.remove(&(*node as usize - 1)).expect("it runs").kill();
    }

    // Its shop sells nowhere, through whomever it is asked; every other one does.
    let its_shop = shop_in(shard);
    premises.runtime.block_on(async {
        for slug in SHOPS.iter().filter(|slug| **slug != its_shop) {
            for n in &living {
                sold.entry(slug).or_default().push(buy(&of(&region, *n, slug), 50 + n).await);
            }
        }
        for n in [left, other] {
            let public = region.nodes[&n].public;
            let host = Host::with_patience(public, &format!("{its_shop}.localhost"), NOT_SOLD_WITHIN);
            let attempt = Attempt::prepare(&host, "BALL", 60, "tok_ok").await;
            assert!(attempt.is_err(), "{its_shop} sells through node {}", n + 1);
        }
    });

    // As long as its voters may come back, nobody goes on without them.
    let gone = *lost.first().expect("two are lost") as usize - 1;
    let may = region.tell(gone, &recover);
    assert!(!may.status.success() && may.stderr.contains("and may decide"), "{}", may.stderr);
    let running = region.tell(left, &recover);
    assert!(!running.status.success(), "{}", running.stdout);
    let living_numbers: BTreeSet<u64> = living.iter().map(|n| *n as u64 + 1).collect();
    for node in &lost {
        region.done(other, &["node", "remove", &node.to_string()]);
    }
    wait(&region, left, "the region votes without them", |now| {
        let is_settled = |other: u16| settled(now, other).is_some_and(|nodes| nodes == living_numbers);
        (0..SHARDS).filter(|other| *other != shard).all(is_settled)
    });

    // The others sell on while it is stopped.
    region.nodes.remove(&left).expect("it runs").stop();
    let unsaid = region.tell(left, &["cluster", "recover", "--shard", &number]);
    assert!(!unsaid.status.success() && unsaid.stderr.contains("will be gone"), "{}", unsaid.stderr);
    let said = region.done(left, &recover);
    println!("{said}");
    assert!(said.contains(&format!("node {} goes on alone in shard {shard}", left + 1)), "{said}");
    assert!(said.contains(&format!("Its shops: {its_shop}.")), "{said}");
    let first = shop_in(0);
    premises.runtime.block_on(async {
        sold.entry(first).or_default().push(buy(&of(&region, other, first), 70).await);
    });
    region.start(left);

    // Every order is there, everybody sells, and the shard has its seats again.
    premises.runtime.block_on(async {
        for (serial, slug) in SHOPS.into_iter().enumerate() {
            for n in &living {
                let host = of(&region, *n, slug);
                let bought = buy(&host, 80 + 10 * serial + n).await;
                let before = sold.entry(slug).or_default();
                for order in before.iter() {
                    assert_eq!(&acknowledged(&read(&host, order).await), order);
                    assert_ne!(order.number, bought.number);
                }
                before.push(bought);
            }
        }
    });
    wait(&region, other, "the shard has its voters", |now| {
        settled(now, shard).is_some_and(|nodes| nodes == living_numbers)
    });
    // It can lose one again.
    region.nodes.remove(&left).expect("it runs").kill();
    premises.runtime.block_on(async { buy(&of(&region, other, its_shop), 200).await });
    region.start(left);

    // Those that were lost come back together: nobody listens to them, and they end.
    std::thread::scope(|scope| {
        for node in &lost {
            let serve = region.serve(*node as usize - 1);
            scope.spawn(move || {
                let back = run(serve.command(free_address(), free_address()));
                assert!(
                    !back.status.success() && back.stderr.contains("was removed from"),
                    "{}",
                    back.stderr
                );
            });
        }
    });
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
    for n in living {
        region.done(n, &["doctor", "--audit"]);
    }
}

/// An operator with the owner's password.
fn add_operator(files: &mut Cluster, premises: &Premises) {
    let passwords = Passwords::new();
    let hashed = passwords.hash(OWNER.1.to_owned());
    let add = StaffIntent::Add {
        email: OWNER.0.into(),
        name: "Operator Example".into(),
        role: "operator".into(),
        password_hash: Some(premises.runtime.block_on(hashed).expect("a password can be hashed")),
        setup_token_hash: None,
    };
    files.submit(TenantId::PLATFORM, Actor::System, None, Intent::Staff(add)).expect("an operator is added");
}

/// Has the operator suspend or open a shop.
async fn operate(platform: &Host, tenant: TenantId, what: &str) {
    let body = json!({ "email": OWNER.0, "password": OWNER.1 });
    let token = platform.post("/platform/v1/auth/login", &body).await.expect(200).text("access_token");
    let request = platform.request(Method::POST, &format!("/platform/v1/tenants/{tenant}/{what}"));
    let request = request.bearer_auth(token).header("idempotency-key", format!("{tenant}-{what}"));
    platform.send(request).await.expect("the node answers").expect(200);
}

#[test]
fn a_divided_region_goes_on_from_one_node_and_shops_that_it_had_not_come_back_from_the_archive() {
    let premises = Premises::new();
    let (mut files, markets) = open_shops(&premises);
    add_operator(&mut files, &premises);
    files.stop();
    let safe = tempfile::tempdir().expect("a directory elsewhere");
    let mut region = Region::of(&premises, 4);
    region.archive = Some(format!("file://{}", safe.path().join("archive").display()));
    begin(&mut region, 4);
    let left = 3;
    let mut sold = Vec::new();
    premises.runtime.block_on(async {
        for (serial, slug) in SHOPS.into_iter().enumerate() {
            stock(&of(&region, left, slug), slug, 100).await;
            sold.push(buy(&of(&region, left, slug), serial).await);
        }
    });
    wait(&region, left, "all are level", |now| (1..SHARDS).all(|shard| settled(now, shard).is_some()));
    let now = reports(&region, left);
    let is_lost = |shard: &u16| !settled(&now, *shard).expect("it is settled").contains(&(left as u64 + 1));
    let lost: Vec<u16> = (1..SHARDS).filter(is_lost).collect();
    assert!(!lost.is_empty() && lost.len() < 3, "the last node has some of the shards, not {lost:?}");
    // What was sold is in the archive within seconds.
    let until = Instant::now() + PATIENCE;
    loop {
        let listed = region.done(left, &["backup", "list"]);
        if (0..SHARDS).all(|shard| listed.contains(&group(shard))) {
            break;
        }
        assert!(Instant::now() < until, "{listed}");
        std::thread::sleep(Duration::from_millis(300));
    }
    std::thread::sleep(Duration::from_secs(3));
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.kill();
    }

    let said = region.done(left, &["cluster", "recover", "--accept-loss"]);
    println!("{said}");
    for shard in 1..SHARDS {
        let words = format!(
            "Nothing of {} was on this node: it begins anew, and all that its shops had sold is lost here. Its shops: \
             {}.",
            group(shard),
            shop_in(shard)
        );
        assert_eq!(said.contains(&words), lost.contains(&shard), "{shard}: {said}");
    }
    let archive = said.split_whitespace().skip_while(|word| *word != "--cluster").nth(1);
    let archive = archive.expect("it says in which archive the others are").to_owned();
    region.start(left);
    let platform = Host::new(region.nodes[&left].public, "localhost");
    for (shard, slug) in SHOPS.into_iter().enumerate() {
        let host = of(&region, left, slug);
        if lost.contains(&(shard as u16)) {
            // The shop is there and has nothing to sell, until it is brought back.
            premises.runtime.block_on(async {
                host.get("/api/v1/products").await.expect(200);
                let attempt = Attempt::prepare(&host, "BALL", 90, "tok_ok").await;
                let refused = match attempt {
                    Ok(attempt) => attempt.place().await.expect("an answer").status != 201,
                    Err(_) => true,
                };
                assert!(refused, "{slug} sells what it does not have");
                operate(&platform, markets[shard].tenant, "suspend").await;
            });
            let restore = ["restore", "--cluster", &archive, "--tenant", slug, "--over"];
            println!("{}", region.done(left, &restore));
            premises.runtime.block_on(operate(&platform, markets[shard].tenant, "resume"));
        }
        premises.runtime.block_on(async {
            assert_eq!(acknowledged(&read(&host, &sold[shard]).await), sold[shard], "{slug}");
            assert_ne!(buy(&host, 100 + shard).await.number, sold[shard].number);
        });
    }
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}
