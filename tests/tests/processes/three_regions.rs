//! Three regions of one cluster, grown node by node, each node a real process: votes over what all regions
//! share are spread 2-2-1, and the first region goes on selling while it has two of the five and no majority.

#![allow(clippy::print_stdout, reason = "parts of the one test tell how long it took")]

use crate::buyers::{Attempt, acknowledged, read};
use crate::region::{PATIENCE, lasting_address, token_in};
use gearify_tests::http::Host;
use gearify_tests::market::Market;
use gearify_tests::owner::Owner;
use gearify_tests::process::{NodeProcess, Serve, run};
use gearify_tests::shop::{OWNER, Premises, SLUG};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The region of each node: two, two, and one.
const REGIONS: [&str; 5] = ["home", "home", "south", "south", "east"];
const HOME: [usize; 2] = [0, 1];
const AWAY: [usize; 3] = [2, 3, 4];
const SOUTHERN: &str = "maidan";
/// Groups that all regions share.
const SHARED: [&str; 3] = ["cluster", "world", "catalogue-0"];
/// What a node says that should take another part in them.
const RESTART: &str = "votes are spread over more regions now: restart this node";
/// Long enough for an election among neighbours, and far too short for one between regions.
const SILENCE: Duration = Duration::from_secs(4);
/// Once it is known that the region is cut off, every write is answered by then.
const ANSWERED_WITHIN: Duration = Duration::from_secs(5);
/// It is known by then: nobody of the others has answered for a while, and a request on its way was waited for.
const KNOWN_WITHIN: Duration = Duration::from_secs(12);
/// Nowhere passes so long a time without a sale.
const SELLS_WITHIN: Duration = Duration::from_secs(10);
/// After a cut is healed.
const CONVERGED_WITHIN: Duration = Duration::from_secs(30);
const BETWEEN_SALES: Duration = Duration::from_millis(200);
/// Buyers of a cut are no namesakes of those of the one before.
static BUYER: AtomicUsize = AtomicUsize::new(0);

/// Nodes of three regions, by their places in [`REGIONS`].
struct World<'p> {
    premises: &'p Premises,
    peers: Vec<SocketAddr>,
    nodes: BTreeMap<usize, NodeProcess>,
}

impl World<'_> {
    fn serve(&self, n: usize) -> Serve {
        let data = match n {
            0 => self.premises.data(),
            _ => self.premises.data().with_file_name(format!("node-{}", n + 1)),
        };
        let log = self.premises.log().with_extension(format!("{}.log", n + 1));
        Serve { data, log, ..self.premises.serve() }
            .set("node.region", REGIONS[n])
            .set("cluster.listen", self.peers[n])
            .set("keys.master_key_file", self.premises.data().join("master.key").display())
    }

    #[track_caller]
    fn done(&self, n: usize, words: &[&str]) -> String {
        let ran = run(self.serve(n).tool(words));
        assert!(ran.status.success(), "{words:?}: {}", ran.stderr);
        ran.stdout
    }

    fn start(&mut self, n: usize) {
        let node = self.serve(n).start();
        self.nodes.insert(n, node);
    }

    fn join(&mut self, n: usize, token: &str) {
        self.done(n, &["join", token, &self.peers[0].to_string()]);
        self.start(n);
    }

    fn restart(&mut self, n: usize) {
        self.nodes.remove(&n).expect("it runs").stop();
        self.start(n);
    }

    fn host(&self, n: usize, slug: &str) -> Host {
        Host::new(self.nodes[&n].public, &format!("{slug}.localhost"))
    }

    /// What every node says of a shared group, as the first node hears it.
    fn reports(&self, group: &str) -> Vec<Value> {
        let status = self.done(0, &["cluster", "status", "--json"]);
        let status: Value = serde_json::from_str(&status).expect("status is JSON");
        let nodes = status["nodes"].as_array().into_iter().flatten();
        nodes.map(|node| node["report"]["groups"][group].clone()).collect()
    }

    #[track_caller]
    fn wait_until(&self, what: &str, holds: impl Fn(&str, &[Value]) -> bool) {
        let until = Instant::now() + PATIENCE;
        for group in SHARED {
            loop {
                let reports = self.reports(group);
                if reports.len() == self.nodes.len() && holds(group, &reports) {
                    break;
                }
                assert!(Instant::now() < until, "{what}: not in time in {group}: {reports:?}");
                std::thread::sleep(Duration::from_millis(200));
            }
        }
    }

    /// Waits until these vote in every shared group, these learn, and all others observe.
    #[track_caller]
    fn wait_for_seats(&self, voters: &[u64], learners: &[u64]) {
        let takes_part = |(number, report): (u64, &Value)| match voters.iter().chain(learners) {
            members if members.clone().any(|member| *member == number) => {
                report["voters"] == json!(voters)
                    && report["learners"] == json!(learners)
                    && report["is_changing"] == false
            }
            _ => report["is_observer"] == true,
        };
        let what = format!("{voters:?} vote and {learners:?} learn");
        self.wait_until(&what, |_, reports| (1..).zip(reports).all(takes_part));
    }

    /// Waits until all have applied the same of what all regions share.
    #[track_caller]
    fn wait_until_level(&self) {
        self.wait_until("all are level", |_, reports| {
            let applied: BTreeSet<_> = reports.iter().map(|report| report["applied"].as_u64()).collect();
            applied.len() == 1 && !applied.contains(&None)
        });
    }

    /// Waits until the shared groups are led from these nodes.
    #[track_caller]
    fn wait_for_leaders(&self, nodes: &[usize]) {
        self.wait_until(&format!("led from {nodes:?}"), |_, reports| {
            let leads = |report: &Value| {
                report["leader"].as_u64().is_some_and(|it| nodes.contains(&(it as usize - 1)))
            };
            reports.iter().all(leads)
        });
    }

    /// Every node has shops and goods itself, of whichever region they are.
    async fn read_everywhere(&self) {
        for n in self.nodes.keys() {
            for (slug, product) in [(SLUG, "ball"), (SOUTHERN, "bat")] {
                self.host(*n, slug).get(&format!("/api/v1/products/{product}")).await.expect(200);
            }
        }
    }

    /// Cuts the first region off from the others: these stand still, and take what is sent to them.
    fn cut(&self) {
        AWAY.iter().for_each(|n| self.nodes[n].pause());
    }

    fn heal(&self) {
        AWAY.iter().for_each(|n| self.nodes[n].resume());
    }
}

async fn buy(host: &Host) {
    let serial = BUYER.fetch_add(1, Ordering::Relaxed);
    let attempt = Attempt::prepare(host, "BALL", serial, "tok_ok").await.expect("a cart");
    let order = acknowledged(&attempt.place().await.expect("an answer").expect(201).json);
    assert_eq!(acknowledged(&read(host, &order).await), order);
}

/// Buys one ball after the other; answers how many, and the longest time from one to the next.
async fn buy_until(host: Host, stop: Arc<AtomicBool>) -> (usize, Duration) {
    let (mut bought, mut longest) = (0, Duration::ZERO);
    while !stop.load(Ordering::Relaxed) {
        let begun = Instant::now();
        buy(&host).await;
        (bought, longest) = (bought + 1, longest.max(begun.elapsed()));
        tokio::time::sleep(BETWEEN_SALES).await;
    }
    (bought, longest)
}

/// Somebody opens an account and signs in.
async fn open_account(host: &Host) {
    let serial = BUYER.fetch_add(1, Ordering::Relaxed);
    let (email, password) = (format!("new{serial}@buyers.example"), "a long enough password");
    let person = json!({ "email": email, "password": password, "name": "New Example" });
    host.post("/api/v1/auth/register", &person).await.expect(201);
    host.post("/api/v1/auth/login", &json!({ "email": email, "password": password })).await.expect(200);
}

/// What the console answers when the owner saves a new category.
async fn save_in_console(node: SocketAddr) -> (u16, String) {
    const FORM: &str = "application/x-www-form-urlencoded";
    let browser = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build();
    let browser = browser.expect("a client without TLS is always made");
    let ask = |method: Method, path: &str, cookies: &str, typed: &[(&str, &str)]| {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(typed).finish();
        let request = browser.request(method, format!("http://{node}{path}"));
        let request =
            request.header("host", format!("{SLUG}.localhost")).header("sec-fetch-site", "same-origin");
        request.header("cookie", cookies).header("content-type", FORM).body(body).send()
    };
    let door = [("email", OWNER.0), ("password", OWNER.1)];
    let opened = ask(Method::POST, "/console/sign-in", "", &door).await.expect("the node answers");
    assert_eq!(opened.status(), 303);
    let set = opened.headers().get_all("set-cookie").iter();
    let cookies: Vec<&str> = set.filter_map(|set| set.to_str().ok()?.split(';').next()).collect();
    let cookies = cookies.join("; ");
    let page = ask(Method::GET, "/console/categories/new", &cookies, &[]).await.expect("the node answers");
    let page = page.text().await.expect("a page");
    let token = page.split("name=\"csrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
    let typed = [("csrf", token.expect("the form has its token")), ("name.en-GB", "Typed while cut off")];
    let saved = ask(Method::POST, "/console/categories", &cookies, &typed).await.expect("the node answers");
    (saved.status().as_u16(), saved.text().await.expect("a page"))
}

async fn statuses(host: &Host) -> BTreeMap<String, String> {
    let regions = host.get("/api/v1/regions").await.expect(200).json;
    let text = |region: &Value, name: &str| region[name].as_str().unwrap_or_default().to_owned();
    let regions = regions["data"].as_array().into_iter().flatten();
    regions.map(|region| (text(region, "name"), text(region, "status"))).collect()
}

/// Renames the first region's ball until that has to wait for the others; answers after how many names of
/// which nobody knows what becomes of them, because they were under way before the cut was known.
async fn wait_until_refused(owner: &Owner, ball: &str, since: Instant) -> usize {
    for unknown in 0.. {
        let refused = owner.rename(ball, "A name of the cut").await.expect(503);
        match refused.problem() {
            "region-read-only" => return unknown,
            "outcome-unknown" => println!("  unknown after {:.1} s", since.elapsed().as_secs_f64()),
            other => panic!("{other}: {}", refused.json),
        }
        assert!(since.elapsed() < KNOWN_WITHIN, "it is not known that the region is cut off");
    }
    unreachable!("it is asked for as long as it takes")
}

/// What a node of the region that is cut off says and does once it knows.
async fn goes_on(world: &World<'_>, n: usize, owner: &Owner, ball: &str, since: Instant) {
    let host = world.host(n, SLUG);
    let asked = Instant::now();
    let refused = owner.rename(ball, "A name of the cut").await.expect(503);
    let took = asked.elapsed();
    println!("  node {} says so after {:.1} s", n + 1, took.as_secs_f64());
    assert_eq!(refused.problem(), "region-read-only", "{}", refused.json);
    assert!(refused.retry_after.is_some_and(|seconds| seconds > 0), "it says when to try again");
    assert!(took < ANSWERED_WITHIN, "{took:?}");
    let (status, page) = save_in_console(world.nodes[&n].public).await;
    assert_eq!(status, 422, "{page}");
    assert!(page.contains("cut off from the others"), "it says why: {page}");
    assert!(page.contains("Typed while cut off"), "what was typed is kept: {page}");
    open_account(&host).await;
    Owner::sign_in(host.clone()).await;
    // Goods of both regions are read as before.
    for (slug, product) in [(SLUG, "ball"), (SOUTHERN, "bat")] {
        world.host(n, slug).get(&format!("/api/v1/products/{product}")).await.expect(200);
    }
    let expected = [("home", "serving"), ("south", "unreachable"), ("east", "unreachable")];
    let expected = BTreeMap::from(expected.map(|(name, status)| (name.to_owned(), status.to_owned())));
    while statuses(&host).await != expected {
        assert!(since.elapsed() < PATIENCE, "not seen from node {}", n + 1);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let not_ready = world.nodes[&n].is_not_ready();
    assert!(not_ready.is_empty(), "node {} takes no shoppers any more: {not_ready}", n + 1);
}

/// A while without the others, with the leader of the shared groups or without.
fn live_through_a_cut(world: &World<'_>, ball: &str, leads: bool) {
    let runtime = &world.premises.runtime;
    let stop = Arc::new(AtomicBool::new(false));
    let sellers = HOME.map(|n| runtime.spawn(buy_until(world.host(n, SLUG), stop.clone())));
    let owners = HOME.map(|n| runtime.block_on(Owner::sign_in(world.host(n, SLUG))));
    world.cut();
    let begun = Instant::now();
    runtime.block_on(async {
        let known = owners.iter().map(|owner| wait_until_refused(owner, ball, begun));
        let unknown = futures::future::join_all(known).await;
        // What its own leader has in its log may still be done: nobody is told that it was not.
        assert!(!leads || unknown.iter().all(|names| *names > 0), "{unknown:?}");
        println!("writes are refused {:.1} s after the cut", begun.elapsed().as_secs_f64());
        let nodes = HOME.into_iter().zip(&owners);
        let lives = nodes.map(|(n, owner)| goes_on(world, n, owner, ball, begun));
        futures::future::join_all(lives).await;
        stop.store(true, Ordering::Relaxed);
        for seller in sellers {
            let (sold, longest) = seller.await.expect("everything is sold");
            println!("  {sold} were sold, the slowest in {:.1} s", longest.as_secs_f64());
            assert!(sold > 3 && longest < SELLS_WITHIN, "{sold} {longest:?}");
        }
    });
}

/// What is written at any node is everywhere soon.
fn be_one_again(world: &World<'_>, ball: &str) {
    world.heal();
    let healed = Instant::now();
    world.premises.runtime.block_on(async {
        for n in HOME.into_iter().chain(AWAY) {
            let (host, name) = (world.host(n, SLUG), format!("Ball by node {}", n + 1));
            let owner = Owner::sign_in(host).await;
            while owner.rename(ball, &name).await.status != 200 {
                assert!(healed.elapsed() < CONVERGED_WITHIN, "node {} can't write yet", n + 1);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            println!("node {} writes {:.1} s after the cut", n + 1, healed.elapsed().as_secs_f64());
        }
    });
    world.wait_until_level();
    let took = healed.elapsed();
    println!("all were level {:.1} s after the cut", took.as_secs_f64());
    assert!(took < CONVERGED_WITHIN, "{took:?}");
    world.premises.runtime.block_on(async {
        for n in world.nodes.keys() {
            let ball = world.host(*n, SLUG).get("/api/v1/products/ball").await.expect(200);
            assert_eq!(ball.text("name"), "Ball by node 5", "node {}", n + 1);
        }
    });
}

#[test]
fn votes_are_spread_over_three_regions_and_one_without_a_majority_goes_on_selling() {
    let begun = Instant::now();
    let told = |what: &str| println!("[{:5.1} s] {what}", begun.elapsed().as_secs_f64());
    let premises = Premises::new();
    let (mut files, mut willow) = premises.open_shop();
    willow.product(&mut files, "BALL", 2_490);
    willow.stock(&mut files, "BALL", 0, 100_000);
    let mut maidan = Market::open_in(&mut files, SOUTHERN, "south");
    premises.add_owner(&mut files, &maidan);
    maidan.product(&mut files, "BAT", 19_900);
    files.stop();

    // One region: its nodes are members, and an odd number of them votes.
    let peers = REGIONS.map(|_| lasting_address()).to_vec();
    let mut world = World { premises: &premises, peers, nodes: BTreeMap::new() };
    let token = token_in(&world.done(0, &["cluster", "init"]));
    world.start(0);
    world.join(1, &token);
    world.wait_for_seats(&[1], &[2]);
    told("one region");

    // Two: the second observes.
    let token = token_in(&world.done(0, &["region", "add", "south"]));
    world.join(2, &token);
    let token = token_in(&world.done(0, &["cluster", "token"]));
    world.join(3, &token);
    world.wait_for_seats(&[1], &[2]);
    world.wait_until_level();
    premises.runtime.block_on(world.read_everywhere());
    told("two regions");

    // Three: whoever gets another part says that it is to be restarted, and until then votes stay.
    let token = token_in(&world.done(0, &["region", "add", "east"]));
    world.join(4, &token);
    let until = Instant::now() + PATIENCE;
    for n in 0..4 {
        while !world.nodes[&n].log().contains(RESTART) {
            assert!(Instant::now() < until, "node {} does not say so: {}", n + 1, world.nodes[&n].log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    assert!(
        world
            .reports("world")
            .iter()
            .filter(|of| of["is_observer"] == false)
            .all(|of| of["voters"] == json!([1]))
    );
    told("three regions");
    (0..4).for_each(|n| world.restart(n));
    assert!(world.nodes.iter().all(|(n, node)| node.log().matches(RESTART).count() == usize::from(*n < 4)));
    world.wait_for_seats(&[1, 2, 3, 4, 5], &[]);
    world.wait_until_level();
    premises.runtime.block_on(world.read_everywhere());
    told("votes are 2-2-1");

    // Groups that span regions bear a silence after which neighbours would have elected another leader.
    world.wait_for_leaders(&HOME);
    let led = |world: &World<'_>| {
        SHARED
            .map(|group| world.reports(group)[0].clone())
            .map(|of| (of["leader"].clone(), of["term"].clone()))
    };
    let before = led(&world);
    let leader = before[1].0.as_u64().expect("world has a leader") as usize - 1;
    world.nodes[&leader].pause();
    std::thread::sleep(SILENCE);
    world.nodes[&leader].resume();
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(led(&world), before, "nobody stood for election");
    told("no election");

    let ball =
        premises.runtime.block_on(world.host(0, SLUG).get("/api/v1/products/ball")).expect(200).text("id");
    live_through_a_cut(&world, &ball, true);
    told("a cut");
    be_one_again(&world, &ball);
    told("one again");

    // Again, while others lead.
    HOME.iter().for_each(|n| drop(world.done(*n, &["node", "drain", &(n + 1).to_string()])));
    world.wait_for_leaders(&AWAY);
    HOME.iter().for_each(|n| drop(world.done(*n, &["node", "drain", &(n + 1).to_string(), "--undo"])));
    told("others lead");
    live_through_a_cut(&world, &ball, false);
    told("a cut");
    // A node of the region can be restarted meanwhile.
    world.restart(1);
    premises.runtime.block_on(buy(&world.host(1, SLUG)));
    told("a restart");
    be_one_again(&world, &ball);
    told("one again");
    for (_, node) in std::mem::take(&mut world.nodes) {
        node.stop();
    }
    told("the end");
}
