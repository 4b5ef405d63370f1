//! Pictures of a region: taken in by one node, shown by every other, there after any one is lost.

use crate::region::{PATIENCE, Region, token_in};
use gearify_tests::http::{Answer, Host};
use gearify_tests::market::Market;
use gearify_tests::shop::{OWNER, Premises};
use reqwest::Method;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// One red pixel.
const PNG: &[u8] = &[
    0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 0x49, 0x48, 0x44, 0x52, 0x00,
    0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x02, 0x00, 0x00, 0x00, 0x90, 0x77, 0x53, 0xde, 0x00,
    0x00, 0x00, 0x0c, 0x49, 0x44, 0x41, 0x54, 0x78, 0x9c, 0x63, 0xf8, 0xcf, 0xc0, 0x00, 0x00, 0x03, 0x01,
    0x01, 0x00, 0xc9, 0xfe, 0x92, 0xef, 0x00, 0x00, 0x00, 0x00, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60,
    0x82,
];

/// A second shop on the same nodes.
const NEIGHBOUR: &str = "oval";

/// A picture with so much behind its end that it travels in several parts.
fn picture(mark: u8) -> Vec<u8> {
    let mut bytes = PNG.to_vec();
    bytes.extend((0..1_300_000u32).map(|n| (n % 251) as u8 ^ mark));
    bytes
}

pub struct Uploaded {
    pub bytes: Vec<u8>,
    hash: String,
}

async fn send(host: &Host, token: &str, bytes: &[u8]) -> Answer {
    let request = host.request(Method::POST, "/api/v1/admin/media").bearer_auth(token).body(bytes.to_vec());
    host.send(request.header("content-type", "image/png")).await.expect("the node answers")
}

pub async fn upload(host: &Host, mark: u8) -> Uploaded {
    let token = host.sign_in_staff(OWNER.0, OWNER.1).await;
    let bytes = picture(mark);
    Uploaded { hash: send(host, &token, &bytes).await.expect(201).text("hash"), bytes }
}

pub async fn shown(host: &Host, uploaded: &Uploaded) -> Option<Vec<u8>> {
    let path = format!("/media/{}/original", uploaded.hash);
    let response = host.request(Method::GET, &path).send().await.expect("the node answers");
    match response.status().as_u16() {
        200 => Some(response.bytes().await.expect("a body").to_vec()),
        404 => None,
        other => panic!("{path}: {other}"),
    }
}

impl Uploaded {
    /// Where a node keeps it.
    fn file(&self, region: &Region<'_>, n: usize) -> PathBuf {
        let (shelf, rest) = self.hash.split_at(2);
        region.serve(n).data.join("blobs").join(shelf).join(rest)
    }
}

#[track_caller]
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_picture_taken_in_by_one_node_is_shown_by_all_and_outlives_any_of_them() {
    let premises = Premises::new();
    let (mut files, _) = premises.open_shop();
    Market::open(&mut files, NEIGHBOUR);
    files.stop();
    let mut region = Region::of(&premises, 4);
    let token = token_in(&region.done(0, &["cluster", "init"]));
    region.start(0);
    // Before anybody else is there.
    let first = premises.runtime.block_on(upload(&region.host(0), 1));
    let mut token = Some(token);
    for n in [1, 2] {
        region.join(n, &token.take().unwrap_or_else(|| token_in(&region.done(0, &["cluster", "token"]))));
        region.start(n);
    }
    region.wait_for_voters(&[1, 2, 3]);

    // Through a follower or the leader alike: answered, it is on a majority's disks.
    for (n, mark) in [(0, 2), (1, 3), (2, 4)] {
        let uploaded = premises.runtime.block_on(upload(&region.host(n), mark));
        let have = (0..3).filter(|n| uploaded.file(&region, *n).exists()).count();
        assert!(have >= 2, "only {have} nodes have the picture");
        for shower in 0..3 {
            let mut seen = None;
            // A follower may hear of the entry a moment later.
            wait_until("the picture is not shown", || {
                seen = premises.runtime.block_on(shown(&region.host(shower), &uploaded));
                seen.is_some()
            });
            assert!(seen.as_ref() == Some(&uploaded.bytes), "node {} shows something else", shower + 1);
            // Leading, following, with the bytes on its disk: to another shop there is no such picture.
            let neighbour = Host::new(region.nodes[&shower].public, &format!("{NEIGHBOUR}.localhost"));
            assert!(premises.runtime.block_on(shown(&neighbour, &uploaded)).is_none());
        }
    }

    // A copy that is lost or damaged is fetched again when it is asked for.
    wait_until("the others fetch what they did not have", || {
        [1, 2].iter().all(|n| first.file(&region, *n).exists())
    });
    std::fs::remove_file(first.file(&region, 0)).expect("the first node has it");
    assert!(premises.runtime.block_on(shown(&region.host(0), &first)).as_ref() == Some(&first.bytes));
    std::fs::write(first.file(&region, 2), b"rotten").expect("the file can be written");
    assert!(premises.runtime.block_on(shown(&region.host(2), &first)).as_ref() == Some(&first.bytes));
    assert_eq!(std::fs::read(first.file(&region, 2)).expect("it is repaired").len(), first.bytes.len());
    // What no shop names is looked for nowhere.
    let stranger = Uploaded { bytes: Vec::new(), hash: "ab".repeat(32) };
    assert!(premises.runtime.block_on(shown(&region.host(1), &stranger)).is_none());

    // A node that joins later has everything without being asked, and shows it after the first is gone.
    let late = token_in(&region.done(1, &["cluster", "token"]));
    region.join(3, &late);
    region.start(3);
    wait_until("the fourth node does not fetch the pictures", || first.file(&region, 3).exists());
    region.nodes.remove(&0).expect("it runs").kill();
    assert!(premises.runtime.block_on(shown(&region.host(3), &first)).as_ref() == Some(&first.bytes));
    // Two of three voters are a majority still.
    let last = premises.runtime.block_on(upload(&region.host(1), 5));
    assert!(premises.runtime.block_on(shown(&region.host(2), &last)).as_ref() == Some(&last.bytes));

    // With one voter of three left, nothing is promised.
    let host = region.host(1);
    let token = premises.runtime.block_on(host.sign_in_staff(OWNER.0, OWNER.1));
    region.nodes.remove(&2).expect("it runs").kill();
    let refused = premises.runtime.block_on(send(&host, &token, &picture(6)));
    assert_eq!((refused.status.as_u16(), refused.problem()), (503, "unavailable"), "{}", refused.json);
    for (_, node) in std::mem::take(&mut region.nodes) {
        node.kill();
    }
}
