//! Callers that send garbage, too much, half of something, or nothing at all.

use super::*;
use crate::net::dial::{Connection, Outgoing};
use crate::net::hello::Hello;
use crate::net::wire::{Frame, Kind, Patience};
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SOON: Patience = Patience { frame: Duration::from_secs(10), idle: Duration::from_secs(10) };

/// A connection of node 2 for some purpose, welcomed, to do anything with.
async fn welcomed(host: &Host, purpose: Purpose, group: GroupId) -> Outgoing {
    let tls = Tls::new(&credentials(&host.authority, NodeId(2))).unwrap();
    let stream = TcpStream::connect(host.address).await.unwrap();
    let mut connection = Connection::over(tls.connect(stream, host.net.me()).await.unwrap());
    let from = PeerName::new(CLUSTER, REGION, NodeId(2)).unwrap();
    let hello = Hello { purpose, from, to: host.net.me().clone(), versions: Versions::SPOKEN };
    connection.send(&hello.frame(group), SOON).await.unwrap();
    let welcome = connection.read(SOON).await.unwrap().unwrap();
    assert_eq!(welcome.kind, Kind::Welcome);
    connection
}

/// The other side closes, within what a stalled frame is given and then some.
async fn is_ended(mut connection: Outgoing) {
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, connection.reader.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_tls_end_their_connection_only() {
    let host = Host::start().await;
    let mut random = rand::rngs::StdRng::seed_from_u64(0x6761_7262);
    for length in [1, 5, 64, 4096, 100_000] {
        let mut garbage = vec![0; length];
        random.fill(&mut garbage[..]);
        let mut stream = TcpStream::connect(host.address).await.unwrap();
        let _ = stream.write_all(&garbage).await;
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "{length} bytes of garbage kept a connection");
    }
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_peer_that_sends_garbage_loses_that_connection_only() {
    let host = Host::start().await;
    let well_behaved = host.caller(3);
    let mut random = rand::rngs::StdRng::seed_from_u64(0x6672_616d);
    for purpose in
        [Purpose::Calls, Purpose::Requests, Purpose::Entries, Purpose::Heartbeats, Purpose::Snapshot]
    {
        let mut connection = welcomed(&host, purpose, REGIONAL).await;
        let mut garbage = vec![0; 4096];
        random.fill(&mut garbage[..]);
        connection.writer.write_all(&garbage).await.unwrap();
        let _ = connection.writer.flush().await;
        is_ended(connection).await;
        assert!(ask(&well_behaved, "who").await.is_ok(), "{purpose:?}");
    }
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_over_the_limit_or_of_the_wrong_kind_or_group_ends_its_connection() {
    let host = Host::start().await;
    let mut connection = welcomed(&host, Purpose::Entries, REGIONAL).await;
    let mut head = [0; 20];
    head[..4].copy_from_slice(&(64u32 << 20).to_be_bytes());
    head[4..6].copy_from_slice(&[1, 4]);
    connection.writer.write_all(&head).await.unwrap();
    connection.writer.flush().await.unwrap();
    is_ended(connection).await;

    let wrong = [
        Frame { kind: Kind::Append, group: GroupId(17), id: 0, body: Bytes::new() },
        Frame { kind: Kind::Append, group: REGIONAL, id: 5, body: Bytes::new() },
        Frame { kind: Kind::Welcome, group: REGIONAL, id: 0, body: Bytes::new() },
        // The right frame around something that is no request for entries.
        Frame { kind: Kind::Append, group: REGIONAL, id: 0, body: Bytes::from_static(b"entries") },
    ];
    for frame in wrong {
        let mut connection = welcomed(&host, Purpose::Entries, REGIONAL).await;
        connection.send(&frame, SOON).await.unwrap();
        is_ended(connection).await;
    }
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_frame_holds_up_nobody_and_not_for_long() {
    let host = Host::start().await;
    let mut stalled = Vec::new();
    for purpose in
        [Purpose::Calls, Purpose::Requests, Purpose::Entries, Purpose::Heartbeats, Purpose::Snapshot]
    {
        let mut connection = welcomed(&host, purpose, REGIONAL).await;
        connection.writer.write_all(&[0, 0, 16, 0, 1, 4, 0, 16, 0]).await.unwrap();
        connection.writer.flush().await.unwrap();
        stalled.push(connection);
    }
    // Meanwhile the same peer and others are served, on connections and groups of their own.
    let (same, other) = (host.caller(2), host.caller(3));
    let start = Instant::now();
    for _ in 0..20 {
        assert!(ask(&same, "who").await.is_ok());
        assert!(ask(&other, "who").await.is_ok());
        host.group.propose(Bytes::from_static(b"meanwhile")).await.unwrap();
    }
    assert!(start.elapsed() < brisk().frame, "they waited for the stalled: {:?}", start.elapsed());
    for connection in stalled {
        is_ended(connection).await;
    }
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_asks_and_never_reads_is_let_go() {
    let host = Host::start().await;
    let mut connection = welcomed(&host, Purpose::Requests, GroupId(0)).await;
    let mut sent = 0;
    let start = Instant::now();
    // Each answer is a megabyte: the node stops reading once enough of them wait, then gives up.
    loop {
        let call = Frame { kind: Kind::Call, group: GroupId(0), id: sent, body: Bytes::from_static(b"much") };
        if connection.send(&call, SOON).await.is_err() {
            break;
        }
        sent += 1;
        assert!(start.elapsed() < PATIENCE, "it still takes requests after {sent}");
        if sent > 200 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_say_nothing_make_room_again() {
    let limits = NetLimits { strangers_max: 3, connect: Duration::from_millis(700), ..brisk() };
    let host = Host::with(limits).await;
    let mut silent = Vec::new();
    for _ in 0..3 {
        silent.push(TcpStream::connect(host.address).await.unwrap());
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let caller = host.caller(2);
    assert!(ask(&caller, "who").await.is_err(), "there was no room");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(ask(&caller, "who").await.is_ok());
    drop(silent);
}
