//! What does not belong to a cluster, at the door of one of its nodes: each is refused with a line and a count,
//! and the node serves on.

use crate::region::{PATIENCE, Region, token_in};
use gearify_tests::chaos::place::faketime;
use gearify_tests::process::{free_address, run};
use gearify_tests::shop::Premises;
use rand::{Rng, SeedableRng};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Waits until a node has refused more than so many for a reason.
#[track_caller]
fn is_counted(region: &Region<'_>, reason: &str, before: u64) {
    let until = Instant::now() + PATIENCE;
    while region.refused(0, reason) <= before {
        assert!(Instant::now() < until, "{reason} is not counted: {}", region.nodes[&0].log());
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn garbage_a_wrong_clock_and_another_clusters_node_are_refused_and_harm_nothing() {
    let premises = Premises::new();
    premises.open_shop().0.stop();
    let mut region = Region::of(&premises, 2);
    let token = token_in(&region.done(0, &["cluster", "init"]));
    region.start(0);

    // Bytes that are no handshake.
    let mut garbage = vec![0; 4096];
    rand::rngs::StdRng::seed_from_u64(7).fill(&mut garbage[..]);
    let mut stream = TcpStream::connect(region.peers[0]).expect("the peer port is open");
    let _ = stream.write_all(&garbage);
    let _ = stream.shutdown(Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
    is_counted(&region, "tls", 0);
    let lines = |region: &Region<'_>| {
        let log = region.nodes[&0].log();
        log.lines().filter(|line| line.contains("a peer's connection was ended")).count()
    };
    assert_eq!(lines(&region), 1, "{}", region.nodes[&0].log());

    // A machine whose clock is an hour ahead. Its token is not spent by that.
    let mut ahead = region.serve(1);
    let fake = [("LD_PRELOAD", faketime()), ("FAKETIME", "+3600s".to_owned())];
    ahead.environment = fake.map(|(key, value)| (key.to_owned(), value)).to_vec();
    let refused = run(ahead.tool(&["join", &token, &region.peers[0].to_string()]));
    assert!(
        !refused.status.success() && refused.stderr.contains("its clock differs by"),
        "{}",
        refused.stderr
    );
    assert_eq!(region.refused(0, "clock"), 1);

    // A node of another cluster that takes this one for its neighbour.
    let elsewhere = Premises::new();
    elsewhere.open_shop().0.stop();
    let mut other = Region::of(&elsewhere, 2);
    let strange = token_in(&other.done(0, &["cluster", "init"]));
    other.start(0);
    other.join(1, &strange);
    other.nodes.remove(&0).expect("it runs").stop();
    let known = other.serve(1).data.join("cluster/peers.json");
    let text = std::fs::read_to_string(&known).expect("a node knows its peers");
    let (theirs, ours) = (other.peers[0].to_string(), region.peers[0].to_string());
    assert!(text.contains(&theirs), "{text}");
    std::fs::write(&known, text.replace(&theirs, &ours)).expect("the test may write there");
    let before = region.refused(0, "tls");
    let stranger = other.serve(1).spawn(free_address(), free_address());
    is_counted(&region, "tls", before);
    stranger.kill();

    // The first token still lets a node in, and both serve.
    region.join(1, &token);
    region.start(1);
    region.wait_for_voters(&[1]);
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.stop();
    }
}
