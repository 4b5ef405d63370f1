//! A region that is cut off from the other: both sell throughout, what all regions share waits, and soon after the
//! cut they are one again.

use super::crowd::{Crowd, History, Street, Told, settle};
use super::fleet::{CLIENT_PATIENCE, PATIENCE, measured, token_in};
use super::place::{self, HERE, Place};
use super::say;
use crate::buyers::{Attempt, acknowledged, read};
use crate::http::Host;
use crate::market::Market;
use crate::owner::Owner;
use crate::process::{NodeProcess, Serve, run as run_tool};
use crate::shop::{Premises, SLUG};
use std::sync::Arc;
use std::time::{Duration, Instant};

const SOUTHERN: &str = "maidan";
const PIECES: i64 = 1_000_000;
const BUYERS: usize = 2;
/// Nowhere passes so long a time without a sale.
const SELLS_WITHIN: Duration = Duration::from_secs(10);
/// Between two edits of what all regions share.
const EDIT_EVERY: Duration = Duration::from_secs(1);
/// The regions are one again so soon after the cut.
const CONVERGED_WITHIN: Duration = Duration::from_secs(30);

/// What a cut came to.
#[derive(Debug, Default)]
pub struct Report {
    pub seconds: u64,
    pub orders: usize,
    pub longest_gap_ms: u128,
    /// Edits made where the majority is, and refused where it is not.
    pub edits: usize,
    pub refused: usize,
    pub converged_ms: u128,
}

/// Two regions of a node each.
struct World {
    nodes: Vec<NodeProcess>,
    place: Place,
    premises: Premises,
}

impl World {
    fn serve(&self, n: usize) -> Serve {
        let name = ["home", "south"][n];
        let data = match n {
            0 => self.premises.data(),
            _ => self.premises.data().with_file_name(name),
        };
        let log = self.premises.log().with_extension(format!("{name}.log"));
        let serve = Serve { inside: Place::inside(n), ..self.premises.serve_on(&data, &log) };
        serve
            .set("node.region", name)
            .set("cluster.listen", place::peer(n))
            .set("keys.master_key_file", self.premises.data().join("master.key").display())
    }

    #[track_caller]
    fn done(&self, n: usize, words: &[&str]) -> String {
        let ran = run_tool(self.serve(n).tool(words));
        assert!(ran.status.success(), "{words:?}: {} {}", ran.stdout, ran.stderr);
        ran.stdout
    }

    fn start(&mut self, n: usize) {
        let mut node = self.serve(n).spawn(place::shop(n), place::operations(n));
        node.wait_until_ready().unwrap_or_else(|said| panic!("node {} is not ready: {said}", n + 1));
        self.nodes.push(node);
    }

    fn host(&self, n: usize, slug: &str) -> Host {
        Host::with_patience(place::shop(n), &format!("{slug}.localhost"), CLIENT_PATIENCE)
    }

    fn street(&self, n: usize, slug: &str, sku: &str) -> Street {
        let calls = self.premises.log().with_extension(format!("{slug}.jsonl"));
        Street {
            hosts: vec![self.host(n, slug)],
            skus: vec![sku.to_owned()],
            serial: Arc::default(),
            history: Arc::new(History::new(&calls)),
        }
    }

    /// Whether both have applied the same of what all regions share.
    fn is_level(&self) -> bool {
        ["world", "catalogue-0"].iter().all(|group| {
            let name = format!("gearify_raft_applied_index{{group=\"{group}\"}}");
            let applied = |n: usize| measured(place::operations(n), &name);
            applied(0).is_some() && applied(0) == applied(1)
        })
    }
}

fn begin() -> World {
    let place = Place::new(2);
    let premises = Premises::at(HERE.into());
    let (mut files, mut willow) = premises.open_shop();
    willow.product(&mut files, "BALL", 2_490);
    willow.stock(&mut files, "BALL", 0, PIECES);
    let mut maidan = Market::open_in(&mut files, SOUTHERN, "south");
    premises.add_owner(&mut files, &maidan);
    maidan.product(&mut files, "BAT", 19_900);
    files.stop();
    let mut world = World { nodes: Vec::new(), place, premises };
    world.done(0, &["cluster", "init"]);
    world.start(0);
    let token =
        token_in(&world.done(0, &["region", "add", "south", "--public", "https://south.shops.example/"]));
    world.done(1, &["join", &token, &place::peer(0).to_string()]);
    world.start(1);
    world
}

async fn home_as_seen_by(host: &Host) -> String {
    let regions = host.get("/api/v1/regions").await.expect(200).json;
    let home = regions["data"].as_array().into_iter().flatten().find(|region| region["name"] == "home");
    home.map_or(String::new(), |home| home["status"].as_str().unwrap_or_default().to_owned())
}

/// Cuts the south off for so long.
///
/// # Panics
/// With what was lost, or who did not sell.
pub fn run(cut: Duration, seed: u64) -> Report {
    let world = begin();
    let runtime = &world.premises.runtime;
    let streets = [world.street(0, SLUG, "BALL"), world.street(1, SOUTHERN, "BAT")];
    let (home, south, ball, bat) = runtime.block_on(async {
        let south = Owner::sign_in(Host::new(place::shop(1), &format!("{SOUTHERN}.localhost"))).await;
        south.stocks("BAT", PIECES).await;
        let id = async |host: &Host, slug: &str| {
            host.get(&format!("/api/v1/products/{slug}")).await.expect(200).text("id")
        };
        let (ball, bat) = (id(&streets[0].hosts[0], "ball").await, id(&streets[1].hosts[0], "bat").await);
        (Owner::sign_in(world.host(0, SLUG)).await, south, ball, bat)
    });
    let crowds: Vec<Crowd> =
        streets.iter().map(|street| Crowd::come(runtime, street, BUYERS, seed)).collect();
    for crowd in &crowds {
        assert!(crowd.sells(3, PATIENCE), "nothing is sold before the cut");
    }

    world.place.part(0, 1);
    let mut report = Report { seconds: cut.as_secs(), ..Report::default() };
    let begun = Instant::now();
    while runtime.block_on(home_as_seen_by(&streets[1].hosts[0])) != "unreachable" {
        assert!(begun.elapsed() < PATIENCE, "the south does not see that it is cut off");
        std::thread::sleep(Duration::from_millis(100));
    }
    while begun.elapsed() < cut {
        let turn = Instant::now();
        for (crowd, of) in crowds.iter().zip(["home", "the south"]) {
            let waited = Instant::now();
            assert!(crowd.sells(1, SELLS_WITHIN), "{of} does not sell while the south is cut off");
            report.longest_gap_ms = report.longest_gap_ms.max(waited.elapsed().as_millis());
        }
        let name = format!("Ball {}", report.edits);
        let (made, refused) = runtime.block_on(async {
            let made = home.rename(&ball, &name).await;
            (made, south.rename(&bat, "A name from beyond").await)
        });
        assert_eq!(made.status, 200, "{}", made.json);
        report.edits += 1;
        assert_eq!(refused.status, 503, "{}", refused.json);
        match refused.problem() {
            "region-read-only" => report.refused += 1,
            // The first may be under way while nobody knows of the cut yet.
            "outcome-unknown" if report.refused == 0 => {}
            other => panic!("{other}: {}", refused.json),
        }
        std::thread::sleep(EDIT_EVERY.saturating_sub(turn.elapsed()));
    }
    assert!(!world.is_level() && report.refused > 0, "the cut was not felt");
    world.place.open();
    let healed = Instant::now();
    let last = format!("Ball {}", report.edits - 1);
    loop {
        let is_one = world.is_level()
            && runtime.block_on(async {
                let seen =
                    world.host(1, SLUG).get("/api/v1/products/ball").await.json["name"] == last.as_str();
                seen && south.rename(&bat, "Southern bat").await.status == 200
            });
        if is_one {
            break;
        }
        assert!(healed.elapsed() < CONVERGED_WITHIN, "the regions are not one after {CONVERGED_WITHIN:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    report.converged_ms = healed.elapsed().as_millis();

    // A shop of home is bought from through the south again.
    runtime.block_on(async {
        let attempt =
            Attempt::prepare(&world.host(1, SLUG), "BALL", 900_000, "tok_ok").await.expect("a cart");
        attempt.place().await.expect("an answer").expect(201);
    });
    for (crowd, street) in crowds.into_iter().zip(&streets) {
        let mut told: Told = crowd.leave(runtime);
        settle(runtime, street, &mut told, PATIENCE);
        report.orders += told.orders.len();
        for order in told.orders.values() {
            let now = runtime.block_on(read(&street.hosts[0], order));
            assert_eq!(&acknowledged(&now), order);
        }
    }
    say(&format!("{report:?}"));
    finish(world);
    report
}

/// Stops both and looks them over.
fn finish(mut world: World) {
    for node in world.nodes.drain(..) {
        node.stop();
    }
    for n in 0..2 {
        world.done(n, &["doctor", "--audit"]);
    }
}
