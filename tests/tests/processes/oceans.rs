//! Two regions with an ocean between them: how near a shop of the other side is.

use crate::region::token_in;
use crate::regions::{Place, host, soon};
use gearify_tests::chaos::links::{Delay, Link};
use gearify_tests::http::Host;
use gearify_tests::shop::{Premises, SLUG};
use reqwest::Method;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// One way, as between London and Sydney.
const OCEAN: Delay = Delay { least: Duration::from_millis(120), most: Duration::from_millis(130) };
const LOOKS: usize = 15;
const PAGES: [&str; 3] = ["/", "/p/ball", "/search?q=ball"];

/// How long an answer took, and its tag.
async fn look(host: &Host, path: &str) -> (Duration, String) {
    let asked = Instant::now();
    let answer = host.request(Method::GET, path).send().await.expect("an answer");
    let tag = answer.headers().get("etag").expect("what may be kept has a tag");
    let tag = tag.to_str().expect("plain ASCII").to_owned();
    assert_eq!(answer.status(), 200);
    answer.bytes().await.expect("a page");
    (asked.elapsed(), tag)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

#[test]
fn a_page_from_beyond_the_ocean_is_near_for_the_second_who_looks() {
    let premises = Premises::new();
    let (mut files, mut willow) = premises.open_shop();
    willow.product(&mut files, "BALL", 2_490);
    willow.stock(&mut files, "BALL", 0, 10);
    files.stop();
    let mut home = Place::new(&premises, "home");
    let ocean = Link::to(premises.runtime.handle(), Ipv4Addr::LOCALHOST.into(), home.peer, OCEAN);
    home.known_at = Some(ocean.at);
    let south = Place::new(&premises, "south");
    home.done(&["cluster", "init"]);
    let first = home.serve().start();
    let token = token_in(&home.done(&["region", "add", "south"]));
    south.done(&["join", &token, &ocean.at.to_string()]);
    let second = south.serve().start();

    let (at_home, there) = (host(&first, SLUG), host(&second, SLUG));
    premises.runtime.block_on(async {
        let there_now = async || there.get("/api/v1/products/ball").await.status == 200;
        soon("the south knows the shop", there_now).await;
        for path in PAGES {
            let (first_look, tag) = look(&there, path).await;
            assert_eq!(look(&at_home, path).await.1, tag, "{path}");
            let (mut near, mut asked_home) = (Vec::new(), Vec::new());
            for _ in 0..LOOKS {
                near.push(look(&there, path).await.0);
                asked_home.push(look(&there, "/api/v1/products/ball").await.0);
            }
            let (near, asked_home) = (median(near), median(asked_home));
            println!(
                "{path}: {first_look:.1?} for the first, {near:.1?} for others; home is {asked_home:.1?} away"
            );
            let there_and_back = OCEAN.least * 2;
            assert!(first_look >= there_and_back && asked_home >= there_and_back);
            assert!(near * 4 < asked_home, "{near:?} {asked_home:?}");
        }
    });
    assert!(ocean.carried() > 0);
    second.stop();
    first.stop();
}
