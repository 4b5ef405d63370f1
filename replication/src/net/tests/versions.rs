//! Programs of several versions: they talk in what both speak, or hear why they can't.

use super::*;
use crate::net::dial::{Connection, Outgoing};
use crate::net::hello::{Hello, Refusal};
use crate::net::wire::{Frame, Kind, Patience, WireError};
use tokio::net::TcpStream;

const SOON: Patience = Patience { frame: Duration::from_secs(10), idle: Duration::from_secs(10) };

fn from_to(oldest: u8, newest: u8) -> Versions {
    Versions { oldest, newest }
}

async fn host_speaking(versions: Versions) -> Host {
    let authority = Authority::generate(CLUSTER).unwrap();
    let own = credentials(&authority, NodeId(1));
    Host::speaking(versions, authority, &own, brisk()).await
}

/// A connection of node 2 for requests, with what was answered to its hello.
async fn greeted(host: &Host, id: u64) -> (Outgoing, Frame) {
    let tls = Tls::new(&credentials(&host.authority, NodeId(2))).unwrap();
    let stream = TcpStream::connect(host.address).await.unwrap();
    let mut connection = Connection::over(tls.connect(stream, host.net.me()).await.unwrap());
    let (from, to) = (PeerName::new(CLUSTER, REGION, NodeId(2)).unwrap(), host.net.me().clone());
    let hello = Hello { purpose: Purpose::Requests, from, to, versions: Versions::SPOKEN };
    connection.send(&Frame { id, ..hello.frame(GroupId(0)) }, SOON).await.unwrap();
    let answer = connection.read(SOON).await.unwrap().expect("an answer");
    (connection, answer)
}

fn call() -> Frame {
    Frame { kind: Kind::Call, group: GroupId(0), id: 1, body: Bytes::from_static(b"who") }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_programs_talk_in_the_newest_version_that_both_speak() {
    for (ours, theirs, common) in [
        (from_to(1, 2), from_to(1, 1), 1),
        (from_to(1, 2), from_to(2, 3), 2),
        (from_to(1, 4), from_to(2, 3), 3),
        (from_to(3, 3), from_to(1, 4), 3),
    ] {
        let host = host_speaking(ours).await;
        let caller = host.caller_speaking(theirs, &credentials(&host.authority, NodeId(3)));
        assert!(ask(&caller, "who").await.is_ok(), "{theirs} and {ours}");
        let stream = caller.open_append(NodeId(1), REGIONAL, Lane::Entries).await;
        assert!(stream.is_ok(), "{theirs} and {ours}: {:?}", stream.err());

        let (mut connection, welcome) = greeted(&host, theirs.to_id()).await;
        assert_eq!(welcome.kind, Kind::Welcome);
        assert_eq!(Versions::from_id(welcome.id), ours);
        connection.version = common;
        connection.send(&call(), SOON).await.unwrap();
        assert_eq!(connection.read(SOON).await.unwrap().expect("an answer").kind, Kind::CallAnswer);
        // Having agreed, they keep to it.
        connection.version = common + 1;
        connection.send(&call(), SOON).await.unwrap();
        let ended = connection.read(SOON).await;
        assert!(!matches!(ended, Ok(Some(_)) | Err(WireError::Version { .. })), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_says_nothing_of_versions_speaks_the_first() {
    let host = host_speaking(from_to(1, 3)).await;
    let (mut connection, welcome) = greeted(&host, 0).await;
    assert_eq!(welcome.kind, Kind::Welcome);
    connection.send(&call(), SOON).await.unwrap();
    assert_eq!(connection.read(SOON).await.unwrap().expect("an answer").kind, Kind::CallAnswer);
    let host = host_speaking(from_to(2, 3)).await;
    assert_eq!(greeted(&host, 0).await.1.kind, Kind::Refusal);
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_without_a_version_in_common_hear_in_one_line_what_each_speaks() {
    for (ours, theirs) in [(from_to(1, 2), from_to(3, 5)), (from_to(3, 5), from_to(1, 2))] {
        let host = host_speaking(ours).await;
        let (_, refused) = greeted(&host, theirs.to_id()).await;
        assert_eq!(refused.kind, Kind::Refusal);
        let heard = Refusal::decode(refused.body).unwrap().reason;
        let line = format!(
            "node 2 of region {REGION} of cluster {CLUSTER} speaks versions {theirs} of the protocol between \
             nodes and node 1 of region {REGION} of cluster {CLUSTER} speaks {ours}, so there is none that both \
             speak; upgrade by way of a version of gearify that can talk to either"
        );
        assert_eq!(heard, line);
        // The caller logs what it hears, and does not ask again at once.
        let caller = host.caller_speaking(theirs, &credentials(&host.authority, NodeId(2)));
        let answer = ask(&caller, "who").await;
        assert_eq!(answer, Err(TransportError::Refused { node: NodeId(1), reason: line }));
        let again = ask(&caller, "who").await;
        assert!(matches!(again, Err(TransportError::Unreachable { .. })), "{again:?}");
        assert_eq!(caller.connects(), 1);
    }
}
