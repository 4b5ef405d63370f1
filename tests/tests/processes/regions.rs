//! Two regions of one cluster, each a real process: a shop is bought from through the other region, what
//! is configured once is there in both, and a region that is cut off goes on selling.

use crate::buyers::{Attempt, acknowledged, read};
use crate::pictures::{shown, upload};
use crate::region::{lasting_address, token_in};
use gearify_tests::http::Host;
use gearify_tests::market::Market;
use gearify_tests::owner::Owner;
use gearify_tests::process::{NodeProcess, Serve, gearify, run};
use gearify_tests::shop::{Premises, SLUG};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);
/// After a cut is healed.
const CONVERGED_WITHIN: Duration = Duration::from_secs(30);
const SOUTHERN: &str = "maidan";

/// A node of a region of its own.
pub struct Place<'p> {
    pub premises: &'p Premises,
    pub name: &'static str,
    pub peer: SocketAddr,
    /// Where other nodes reach it, if that is another address.
    pub known_at: Option<SocketAddr>,
}

impl Place<'_> {
    pub fn new<'p>(premises: &'p Premises, name: &'static str) -> Place<'p> {
        Place { premises, name, peer: lasting_address(), known_at: None }
    }

    pub fn serve(&self) -> Serve {
        let data = match self.name {
            "home" => self.premises.data(),
            name => self.premises.data().with_file_name(name),
        };
        let log = self.premises.log().with_extension(format!("{}.log", self.name));
        let serve = Serve { data, log, ..self.premises.serve() };
        let serve = match self.known_at {
            Some(address) => serve.set("cluster.advertise", address),
            None => serve,
        };
        serve
            .set("node.region", self.name)
            .set("cluster.listen", self.peer)
            .set("keys.master_key_file", self.premises.data().join("master.key").display())
    }

    #[track_caller]
    pub fn done(&self, words: &[&str]) -> String {
        let ran = self.tell(words);
        ran.unwrap_or_else(|said| panic!("{words:?}: {said}"))
    }

    fn tell(&self, words: &[&str]) -> Result<String, String> {
        let serve = self.serve();
        let mut command = gearify(words);
        command.args(["--set", &format!("node.data_dir={}", serve.data.display())]);
        for (key, value) in &serve.options {
            command.args(["--set", &format!("{key}={value}")]);
        }
        let ran = run(command);
        if ran.status.success() { Ok(ran.stdout) } else { Err(ran.stderr) }
    }
}

pub fn host(node: &NodeProcess, slug: &str) -> Host {
    Host::new(node.public, &format!("{slug}.localhost"))
}

pub async fn soon(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < until, "{what}: not in time");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub async fn name_of(host: &Host, slug: &str) -> String {
    host.get(&format!("/api/v1/products/{slug}")).await.json["name"].as_str().unwrap_or_default().to_owned()
}

/// A page as caches keep it: its tag, for how long and for whom, and every byte.
async fn page(host: &Host, path: &str) -> (String, String, String) {
    let answer = host.request(reqwest::Method::GET, path).send().await.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200, "{path}");
    let header = |name: &str| answer.headers()[name].to_str().expect("text").to_owned();
    let (tag, kept) = (header("etag"), header("cache-control"));
    assert!(!answer.headers().contains_key("set-cookie"), "{path} is for everybody");
    (tag, kept, answer.text().await.expect("a page"))
}

async fn status_of(host: &Host, region: &str) -> String {
    let regions = host.get("/api/v1/regions").await.expect(200).json;
    let found = regions["data"].as_array().into_iter().flatten().find(|one| one["name"] == region);
    found.map_or(String::new(), |found| found["status"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn a_region_sells_for_the_other_and_goes_on_when_it_is_cut_off() {
    let premises = Premises::new();
    let (mut files, mut willow) = premises.open_shop();
    willow.product(&mut files, "BALL", 2_490);
    willow.stock(&mut files, "BALL", 0, 10);
    let mut maidan = Market::open_in(&mut files, SOUTHERN, "south");
    premises.add_owner(&mut files, &maidan);
    maidan.product(&mut files, "BAT", 19_900);
    files.stop();

    let home = Place::new(&premises, "home");
    let south = Place::new(&premises, "south");
    home.done(&["cluster", "init"]);
    let mut first = home.serve().start();
    // A region is added before its first node can join.
    let token = token_in(&home.done(&["cluster", "token"]));
    let refused = south.tell(&["join", &token, &home.peer.to_string()]).expect_err("no such region yet");
    assert!(refused.contains("the cluster has no region south"), "{refused}");
    let public = ["--public", "https://south.shops.example/"];
    let token = token_in(&home.done(&[&["region", "add", "south"], &public[..]].concat()));
    south.done(&["join", &token, &home.peer.to_string()]);
    let second = south.serve().set("limits.foreign_pictures_bytes", "1B").start();

    let here = || host(&second, SOUTHERN);
    // A picture of a shop of home is shown in the south when somebody asks, and goes again.
    let picture = premises.runtime.block_on(upload(&host(&first, SLUG), 1));
    let cached = picture.file_in(&south.serve().data);
    assert!(!cached.exists(), "nobody has asked for it");
    premises.runtime.block_on(async {
        let mut seen = None;
        soon("the picture is shown", async || {
            seen = shown(&host(&second, SLUG), &picture).await;
            seen.is_some()
        })
        .await;
        assert!(seen.as_ref() == Some(&picture.bytes));
    });
    assert!(cached.exists(), "it is kept for the next one");
    premises.runtime.block_on(async {
        let regions = here().get("/api/v1/regions").await.expect(200).json;
        let expected = json!({ "data": [
            { "name": "home", "url": null, "here": false, "status": "serving" },
            { "name": "south", "url": "https://south.shops.example", "here": true, "status": "serving" },
        ] });
        assert_eq!(regions, expected);

        // Pages are the same from every region, so that one kept anywhere serves everybody.
        for path in ["/", "/p/ball", "/search?q=ball"] {
            let kept_anywhere = page(&host(&first, SLUG), path).await;
            assert!(kept_anywhere.1.contains("public"), "{path}: {}", kept_anywhere.1);
            assert_eq!(page(&host(&second, SLUG), path).await, kept_anywhere, "{path}");
            // The next one there comes from what is kept there.
            let next =
                host(&second, SLUG).request(reqwest::Method::GET, path).send().await.expect("an answer");
            assert!(next.headers().contains_key("age"), "{path}: {:?}", next.headers());
        }

        // The southern shop is stocked and sells at its own node.
        let owner = Owner::sign_in(here()).await;
        owner.stocks("BAT", 5).await;

        // A shop of home is bought from through the south; its owner and home see the order.
        let there = host(&second, SLUG);
        let attempt = Attempt::prepare(&there, "BALL", 1, "tok_ok").await.expect("a cart");
        let order = acknowledged(&attempt.place().await.expect("an answer").expect(201).json);
        let again = attempt.place().await.expect("an answer").expect(201);
        assert!(again.replayed, "keys mean the same on the way");
        for host in [&there, &host(&first, SLUG)] {
            assert_eq!(acknowledged(&read(host, &order).await), order);
        }
        // And the other way round.
        let through_home = host(&first, SOUTHERN);
        let attempt = Attempt::prepare(&through_home, "BAT", 2, "tok_ok").await.expect("a cart");
        let order = acknowledged(&attempt.place().await.expect("an answer").expect(201).json);
        assert_eq!(acknowledged(&read(&here(), &order).await), order);

        // What is configured in one region is there in the other, whoever leads.
        let id = here().get("/api/v1/products/bat").await.expect(200).text("id");
        owner.rename(&id, "Southern bat").await.expect(200);
        assert_eq!(name_of(&here(), "bat").await, "Southern bat");
    });

    // Cut off: home is gone.
    first.kill();
    premises.runtime.block_on(async {
        soon("home is seen to be gone", async || status_of(&here(), "home").await == "unreachable").await;
        let attempt = Attempt::prepare(&here(), "BAT", 3, "tok_ok").await.expect("a cart");
        attempt.place().await.expect("an answer").expect(201);
        let person = json!({
            "email": "new@buyers.example", "password": "a long enough password", "name": "New Example",
        });
        here().post("/api/v1/auth/register", &person).await.expect(201);
        let owner = Owner::sign_in(here()).await;
        let id = here().get("/api/v1/products/bat").await.expect(200).text("id");
        let before = Instant::now();
        let refused = owner.rename(&id, "A name from beyond").await.expect(503);
        assert_eq!(refused.problem(), "region-read-only", "{}", refused.json);
        assert!(refused.retry_after.is_some_and(|seconds| seconds > 0), "it says when to try again");
        assert!(before.elapsed() < Duration::from_secs(6), "it says so soon");
        // The other region's shop can be looked at, and says when it can't do more.
        let there = host(&second, SLUG);
        assert_eq!(name_of(&there, "ball").await, "BALL");
        let waits = there.post("/api/v1/carts", &json!({})).await.expect(503);
        assert_eq!(waits.problem(), "unavailable");
    });

    // Healed: what home does is there again, without a change of members.
    first = home.serve().start();
    let healed = Instant::now();
    premises.runtime.block_on(async {
        let owner = Owner::sign_in(host(&first, SLUG)).await;
        let id = host(&first, SLUG).get("/api/v1/products/ball").await.expect(200).text("id");
        owner.rename(&id, "Ball of home").await.expect(200);
        soon("the edit crosses", async || name_of(&host(&second, SLUG), "ball").await == "Ball of home")
            .await;
        let told = async || page(&host(&second, SLUG), "/p/ball").await.2.contains("Ball of home");
        soon("the page tells it", told).await;
        let owner = Owner::sign_in(here()).await;
        let id = here().get("/api/v1/products/bat").await.expect(200).text("id");
        soon("writes are possible again", async || owner.rename(&id, "Bat").await.status == 200).await;
        let took = healed.elapsed();
        println!("the regions were one again {:.1} s after home was there", took.as_secs_f64());
        assert!(took < CONVERGED_WITHIN, "{took:?}");
    });
    let gone = async || !cached.exists();
    premises.runtime.block_on(soon("what is too much of other regions goes", gone));
    assert!(picture.file_in(&home.serve().data).exists(), "home keeps its own");
    let status: Value = serde_json::from_str(&home.done(&["cluster", "status", "--json"])).expect("JSON");
    let groups = |node: usize| status["nodes"][node]["report"]["groups"].clone();
    assert_eq!(groups(0)["world"]["voters"], json!([1]));
    assert_eq!(groups(0)["world"]["learners"], json!([]));
    assert_eq!(groups(1)["world"]["is_observer"], true);
    assert_eq!(groups(1)["region-0"]["voters"], json!([2]));
    second.stop();
    first.stop();
}
