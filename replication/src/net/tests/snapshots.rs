//! A snapshot broken off goes on where it stopped; a damaged one never counts.

use super::*;
use crate::frames::{SnapshotHeader, encode_snapshot_header};
use crate::net::dial::Connection;
use crate::net::hello::Hello;
use crate::net::wire::{Frame, Kind, Patience};
use crate::snapshots::SnapshotStore;
use std::sync::atomic::Ordering;
use tokio::net::TcpStream;

const SOON: Patience = Patience { frame: Duration::from_secs(10), idle: Duration::from_secs(10) };

/// A snapshot of a group in which node 2 leads, a megabyte long.
async fn snapshot_of_another(dir: &std::path::Path) -> SnapshotFile {
    let shelf = Shelf::default();
    let node = Node::open(NodeOptions::new(NodeId(2), "test", dir)).unwrap();
    let quick = GroupOptions { timers: Timers::fast(), ..GroupOptions::default() };
    let group = node.start_group(REGIONAL, TestMachine::on(&shelf), quick).await.unwrap();
    group.bootstrap([NodeId(2)].into()).await.unwrap();
    let start = Instant::now();
    while !group.is_leader() {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    for round in 0..10_000 / 200 {
        let commands =
            (0..200).map(|n| group.propose(format!("a command of some length {round}/{n}, padded").into()));
        futures::future::join_all(commands).await.into_iter().for_each(|done| drop(done.unwrap()));
    }
    group.trigger_snapshot().await.unwrap();
    while group.metrics().snapshot.is_none() {
        assert!(start.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    node.stop().await;
    let store = SnapshotStore::open(dir.join("group-16/snapshots")).unwrap();
    store.current().unwrap()
}

fn header(file: &SnapshotFile, term: u64) -> Bytes {
    let vote = crate::types::vote(term, NodeId(2), true);
    encode_snapshot_header(&SnapshotHeader { group: REGIONAL, vote, bytes: file.bytes(), hash: file.hash() })
}

struct Sending {
    connection: crate::net::dial::Outgoing,
    offset: u64,
}

async fn begin(host: &Host, file: &SnapshotFile) -> Sending {
    let tls = Tls::new(&credentials(&host.authority, NodeId(2))).unwrap();
    let stream = TcpStream::connect(host.address).await.unwrap();
    let mut connection = Connection::over(tls.connect(stream, host.net.me()).await.unwrap());
    let from = PeerName::new(CLUSTER, REGION, NodeId(2)).unwrap();
    let hello =
        Hello { purpose: Purpose::Snapshot, from, to: host.net.me().clone(), versions: Versions::SPOKEN };
    connection.send(&hello.frame(REGIONAL), SOON).await.unwrap();
    assert_eq!(connection.read(SOON).await.unwrap().unwrap().kind, Kind::Welcome);
    let begin = Frame { kind: Kind::SnapshotBegin, group: REGIONAL, id: 0, body: header(file, 1_000) };
    connection.send(&begin, SOON).await.unwrap();
    let resume = connection.read(SOON).await.unwrap().unwrap();
    assert_eq!(resume.kind, Kind::SnapshotResume);
    Sending { connection, offset: resume.id }
}

impl Sending {
    async fn chunk(&mut self, file: &SnapshotFile, bytes: usize, damage: bool) {
        let mut piece = vec![0; bytes];
        let read = file.read_at(self.offset, &mut piece).unwrap();
        piece.truncate(read);
        let hash = *blake3::hash(&piece).as_bytes();
        piece[0] ^= u8::from(damage);
        let body = [&hash[..], &piece].concat().into();
        let frame = Frame { kind: Kind::SnapshotChunk, group: REGIONAL, id: self.offset, body };
        self.connection.send(&frame, SOON).await.unwrap();
        self.offset += read as u64;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_goes_on_where_it_was_broken_off() {
    let dir = tempfile::tempdir().unwrap();
    let file = snapshot_of_another(dir.path()).await;
    assert!(file.bytes() > 400_000, "{} bytes are too few for this test", file.bytes());
    let host = Host::start().await;

    let mut sending = begin(&host, &file).await;
    assert_eq!(sending.offset, 0);
    sending.chunk(&file, 100_000, false).await;
    sending.chunk(&file, 100_000, false).await;
    drop(sending);
    // The connection breaks; what had arrived is there.
    let start = Instant::now();
    let mut again = begin(&host, &file).await;
    while again.offset < 200_000 {
        assert!(start.elapsed() < PATIENCE, "resumed at {}", again.offset);
        tokio::time::sleep(Duration::from_millis(20)).await;
        again = begin(&host, &file).await;
    }
    assert_eq!(again.offset, 200_000);

    // A chunk that is not what it should be is not written, and ends the transfer.
    again.chunk(&file, 50_000, true).await;
    let answer = again.connection.read(SOON).await.unwrap().unwrap();
    assert_eq!(answer.kind, Kind::Refusal);
    assert_eq!(host.shelf.installs.load(Ordering::SeqCst), 0, "nothing counts before all of it is there");

    let mut last = begin(&host, &file).await;
    assert_eq!(last.offset, 200_000);
    while last.offset < file.bytes() {
        last.chunk(&file, 150_000, false).await;
    }
    let end = Frame { kind: Kind::SnapshotEnd, group: REGIONAL, id: last.offset, body: Bytes::new() };
    last.connection.send(&end, SOON).await.unwrap();
    let done = last.connection.read(SOON).await.unwrap().unwrap();
    assert_eq!(done.kind, Kind::SnapshotDone);
    while host.shelf.installs.load(Ordering::SeqCst) == 0 {
        assert!(start.elapsed() < PATIENCE, "it was not installed");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(host.shelf.commands(), 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_before_the_end_and_a_gap_install_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = snapshot_of_another(dir.path()).await;
    let host = Host::start().await;
    let mut sending = begin(&host, &file).await;
    sending.chunk(&file, 10_000, false).await;
    let end = Frame { kind: Kind::SnapshotEnd, group: REGIONAL, id: sending.offset, body: Bytes::new() };
    sending.connection.send(&end, SOON).await.unwrap();
    assert_eq!(sending.connection.read(SOON).await.unwrap().unwrap().kind, Kind::Refusal);

    let mut sending = begin(&host, &file).await;
    sending.offset += 5;
    sending.chunk(&file, 10_000, false).await;
    assert!(matches!(sending.connection.read(SOON).await, Ok(None) | Err(_)));
    assert_eq!(host.shelf.installs.load(Ordering::SeqCst), 0);
    host.is_well().await;
}
