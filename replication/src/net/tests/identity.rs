//! Certificates: the right one is let in, every other is not, on either end.

use super::*;
use crate::net::dial::Connection;
use crate::net::hello::Hello;
use crate::net::wire::{Kind, Patience};
use std::time::SystemTime;
use tokio::net::TcpStream;

const SOON: Patience = Patience { frame: Duration::from_secs(5), idle: Duration::from_secs(5) };

fn name(cluster: &str, region: &str, node: u64) -> PeerName {
    PeerName::new(cluster, region, NodeId(node)).unwrap()
}

fn hour(authority: &Authority, name: PeerName) -> Credentials {
    credentials_for(authority, name, Duration::from_secs(3600))
}

async fn is_refused(caller: &TcpNet) {
    let answer = ask(caller, "who").await;
    assert!(
        matches!(answer, Err(TransportError::Unreachable { .. } | TransportError::Refused { .. })),
        "{answer:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_the_cluster_is_known_by_its_certificate() {
    let host = Host::start().await;
    let answer = ask(&host.caller(2), "who").await.unwrap();
    assert_eq!(answer, "node 2 of region home of cluster test-0001");
    // One that joined while this node was away is not in its book, and is let in all the same.
    assert!(ask(&host.caller(4), "who").await.is_ok());
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority_is_refused_by_either_end() {
    let host = Host::start().await;
    let other = Authority::generate(CLUSTER).unwrap();
    is_refused(&host.caller_as(&credentials(&other, NodeId(2)))).await;
    // The caller trusts this host's authority, the host shows another's certificate.
    let mut mixed = credentials(&host.authority, NodeId(2));
    mixed.authority = other.certificate().to_vec();
    is_refused(&host.caller_as(&mixed)).await;
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_cluster_region_or_number_is_refused() {
    let host = Host::start().await;
    // The same key, made to sign for another cluster.
    let key = host.authority.key_pkcs8();
    let other = Authority::from_parts("test-0002", host.authority.certificate().to_vec(), &key).unwrap();
    is_refused(&host.caller_as(&hour(&other, name("test-0002", REGION, 2)))).await;
    // Known here as a node of region home.
    is_refused(&host.caller_as(&hour(&host.authority, name(CLUSTER, "away", 2)))).await;
    // What is at the address is node 1 of region home, whatever else was looked for.
    for (node, region) in [(3, REGION), (1, "away")] {
        let caller = host.caller(2);
        let record = PeerRecord { region: region.into(), address: host.address.to_string() };
        caller.book().insert(NodeId(node), record);
        let answer = caller.request(NodeId(node), Bytes::from_static(b"who"), PATIENCE).await;
        assert!(matches!(answer, Err(TransportError::Unreachable { .. })), "{node} {region}: {answer:?}");
    }
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_certificate_is_refused_by_either_end() {
    let authority = Authority::generate(CLUSTER).unwrap();
    let expired = |node: u64| {
        let (key, name) = (NodeKey::generate().unwrap(), name(CLUSTER, REGION, node));
        let then = SystemTime::now() - Duration::from_secs(7200);
        let issued = authority.issue(&name, &key.public(), then, Duration::from_secs(3600)).unwrap();
        Credentials { name, key, issued, authority: authority.certificate().to_vec() }
    };
    let (old_caller, old_host) = (expired(2), expired(1));
    let fresh = credentials(&authority, NodeId(2));
    let copy = |authority: &Authority| {
        Authority::from_parts(CLUSTER, authority.certificate().to_vec(), &authority.key_pkcs8()).unwrap()
    };
    let host = Host::with_authority(copy(&authority)).await;
    is_refused(&host.caller_as(&old_caller)).await;
    host.is_well().await;
    let host = Host::serving(copy(&authority), &old_host, brisk()).await;
    is_refused(&host.caller_as(&fresh)).await;
    // Renewed, it is trusted at once.
    host.net.renew(&credentials(&authority, NodeId(1))).unwrap();
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_node_is_refused_and_told_so() {
    let host = Host::start().await;
    let caller = host.caller(2);
    assert!(ask(&caller, "who").await.is_ok());
    assert!(!*caller.removed().borrow());
    let pages = [(NodeId(3), PeerRecord { region: REGION.into(), address: "127.0.0.1:1".into() })];
    host.net.book().set(pages.into(), [NodeId(2)].into());
    // The connection it had ends, and it gets no other.
    let start = Instant::now();
    while ask(&caller, "who").await.is_ok() {
        assert!(start.elapsed() < PATIENCE, "its connection goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    while !*caller.removed().borrow() {
        assert!(start.elapsed() < PATIENCE, "it was not told");
        let _ = ask(&caller, "who").await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(ask(&host.caller(3), "who").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hello_that_says_other_than_the_certificate_is_refused() {
    let host = Host::start().await;
    let me = name(CLUSTER, REGION, 1);
    for (from, to) in [
        (name(CLUSTER, REGION, 3), me.clone()),
        (name("test-0002", REGION, 2), me.clone()),
        (name(CLUSTER, "away", 2), me.clone()),
        (name(CLUSTER, REGION, 2), name(CLUSTER, REGION, 3)),
        (name(CLUSTER, REGION, 2), name(CLUSTER, "away", 1)),
    ] {
        let tls = Tls::new(&credentials(&host.authority, NodeId(2))).unwrap();
        let stream = TcpStream::connect(host.address).await.unwrap();
        let mut connection = Connection::over(tls.connect(stream, &me).await.unwrap());
        let hello = Hello {
            purpose: Purpose::Requests,
            from: from.clone(),
            to: to.clone(),
            versions: Versions::SPOKEN,
        };
        connection.send(&hello.frame(GroupId(0)), SOON).await.unwrap();
        let answer = connection.read(SOON).await.unwrap().expect("an answer");
        assert_eq!(answer.kind, Kind::Refusal, "{from} to {to}");
        assert!(matches!(connection.read(SOON).await, Ok(None) | Err(_)), "and the connection ends");
    }
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_of_another_region_has_no_business_with_a_regional_group() {
    let host = Host::start().await;
    let away = host.caller_as(&hour(&host.authority, name(CLUSTER, "away", 9)));
    // What concerns no region's own group is answered.
    assert!(ask(&away, "who").await.is_ok());
    // A stream says for which group it is; a call says it in its frame.
    let opened = away.open_append(NodeId(1), REGIONAL, Lane::Entries).await;
    assert!(matches!(opened, Err(TransportError::Refused { .. })), "{opened:?}");
    let read_index = crate::frames::encode_request(&crate::frames::Request::ReadIndex);
    let answer = away.call(NodeId(1), REGIONAL, read_index.clone(), PATIENCE).await;
    let Err(TransportError::Refused { reason, .. }) = answer else { panic!("{answer:?}") };
    assert!(reason.contains("no business with group 16"), "{reason}");
    assert!(host.caller(2).call(NodeId(1), REGIONAL, read_index, PATIENCE).await.is_ok());
    host.is_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_joiner_reaches_the_desk_for_joiners_and_nothing_else() {
    let host = Host::start().await;
    let (address, authority) = (host.address.to_string(), host.authority.certificate());
    let ask = |what: &'static [u8]| join(&address, CLUSTER, authority, Bytes::from_static(what), PATIENCE);
    assert_eq!(ask(b"token").await, Ok(Bytes::from_static(b"token")));
    let refused = ask(b"guess").await;
    assert!(matches!(refused, Err(TransportError::Refused { .. })), "{refused:?}");
    // Whoever knows the authority's key only can tell it, too.
    let anchor = anchor(CLUSTER, &host.authority.public_key()).unwrap();
    assert!(join(&address, CLUSTER, &anchor, Bytes::from_static(b"token"), PATIENCE).await.is_ok());
    // It talks to nobody whom the token's authority did not sign, nor to another cluster.
    let other = Authority::generate(CLUSTER).unwrap();
    let nobody = join(&address, CLUSTER, other.certificate(), Bytes::new(), PATIENCE).await;
    assert!(matches!(nobody, Err(TransportError::Unreachable { .. })), "{nobody:?}");
    let nobody = join(&address, "test-0002", authority, Bytes::new(), PATIENCE).await;
    assert!(matches!(nobody, Err(TransportError::Unreachable { .. })), "{nobody:?}");
    // Without a certificate, a hello gets nowhere.
    let stream = TcpStream::connect(host.address).await.unwrap();
    let stream = tls::connect_to_join(stream, CLUSTER, authority).await.unwrap();
    let mut connection = Connection::over(stream);
    let (from, to) = (name(CLUSTER, REGION, 2), name(CLUSTER, REGION, 1));
    let hello = Hello { purpose: Purpose::Calls, from, to, versions: Versions::SPOKEN };
    connection.send(&hello.frame(REGIONAL), SOON).await.unwrap();
    assert!(matches!(connection.read(SOON).await, Ok(None) | Err(_)));
    host.is_well().await;
}
