//! Whatever is refused is counted under a reason of its own.

use super::*;
use crate::net::dial::Connection;
use crate::net::hello::Hello;
use crate::net::wire::{Frame, Kind, Patience};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::sync::LazyLock;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const SOON: Patience = Patience { frame: Duration::from_secs(10), idle: Duration::from_secs(10) };

/// The counters of refused peers of this process, by reason.
#[derive(Clone, Default)]
struct Counters(Arc<Mutex<BTreeMap<String, Arc<AtomicU64>>>>);

impl Counters {
    fn of(&self, reason: &str) -> u64 {
        self.0.lock().get(reason).map_or(0, |count| count.load(Ordering::Relaxed))
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let reason = key.labels().find(|label| label.key() == "reason");
        match reason.filter(|_| key.name() == "gearify_peer_refused_total") {
            Some(reason) => {
                Counter::from_arc(self.0.lock().entry(reason.value().to_owned()).or_default().clone())
            }
            None => Counter::noop(),
        }
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

static COUNTERS: LazyLock<Counters> = LazyLock::new(|| {
    let counters = Counters::default();
    metrics::set_global_recorder(counters.clone()).expect("no other test records metrics");
    counters
});

/// Sends these frames, or bytes that are none, after a proper handshake.
async fn say(host: &Host, group: GroupId, bytes: &[u8], frame: Option<Frame>) {
    let tls = Tls::new(&credentials(&host.authority, NodeId(2))).unwrap();
    let stream = TcpStream::connect(host.address).await.unwrap();
    let mut connection = Connection::over(tls.connect(stream, host.net.me()).await.unwrap());
    let from = PeerName::new(CLUSTER, REGION, NodeId(2)).unwrap();
    let hello =
        Hello { purpose: Purpose::Entries, from, to: host.net.me().clone(), versions: Versions::SPOKEN };
    connection.send(&hello.frame(group), SOON).await.unwrap();
    let _ = connection.writer.write_all(bytes).await;
    let _ = connection.writer.flush().await;
    if let Some(frame) = frame {
        let _ = connection.send(&frame, SOON).await;
    }
    while let Ok(Some(_)) = connection.read(SOON).await {}
}

async fn garbage(host: &Host) {
    let mut stream = TcpStream::connect(host.address).await.unwrap();
    let _ = stream.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let _ = stream.shutdown().await;
}

async fn shows(host: &Host, credentials: &Credentials) {
    let caller = host.caller_as(credentials);
    assert!(ask(&caller, "who").await.is_err());
    caller.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_is_counted_under_its_reason() {
    let host = Host::start().await;
    let own = |node| PeerName::new(CLUSTER, REGION, NodeId(node)).unwrap();
    let reasons = [
        "tls",
        "certificate",
        "certificate-expired",
        "identity",
        "removed",
        "group",
        "versions",
        "frame-too-large",
        "frame",
        "token-unknown",
    ];
    for reason in reasons {
        let before = COUNTERS.of(reason);
        match reason {
            "tls" => garbage(&host).await,
            "certificate" => {
                let other = Authority::generate(CLUSTER).unwrap();
                let mut mixed = credentials(&other, NodeId(2));
                mixed.authority = host.authority.certificate().to_vec();
                shows(&host, &mixed).await;
            }
            "certificate-expired" => {
                // Backdated by more than it holds.
                let hour_ago = std::time::SystemTime::now() - Duration::from_secs(3600);
                let mut expired = credentials(&host.authority, NodeId(2));
                let key = expired.key.public();
                let issued = host.authority.issue(&own(2), &key, hour_ago, Duration::from_secs(60));
                expired.issued = issued.unwrap();
                shows(&host, &expired).await;
            }
            "identity" => {
                let away = PeerName::new(CLUSTER, "away", NodeId(2)).unwrap();
                shows(&host, &credentials_for(&host.authority, away, Duration::from_secs(60))).await;
            }
            "removed" => {
                host.net.book().set(BTreeMap::new(), [NodeId(9)].into());
                shows(&host, &credentials(&host.authority, NodeId(9))).await;
            }
            "versions" => {
                let newer = Versions { oldest: Versions::SPOKEN.newest + 1, newest: u8::MAX };
                let caller = host.caller_speaking(newer, &credentials(&host.authority, NodeId(2)));
                assert!(ask(&caller, "who").await.is_err());
                caller.stop();
            }
            "group" => say(&host, GroupId(17), &[], None).await,
            "frame-too-large" => {
                let mut head = [0; 20];
                head[..4].copy_from_slice(&(64u32 << 20).to_be_bytes());
                head[4..6].copy_from_slice(&[1, 4]);
                say(&host, REGIONAL, &head, None).await;
            }
            "frame" => {
                let wrong = Frame { kind: Kind::Welcome, group: REGIONAL, id: 0, body: Bytes::new() };
                say(&host, REGIONAL, &[], Some(wrong)).await;
            }
            _ => {
                let public = host.authority.public_key();
                let anchor = anchor(CLUSTER, &public).unwrap();
                let address = host.address.to_string();
                let joined = join(&address, CLUSTER, &anchor, Bytes::from_static(b"guess"), PATIENCE).await;
                assert!(matches!(joined, Err(TransportError::Refused { .. })), "{joined:?}");
            }
        }
        let until = Instant::now() + PATIENCE;
        while COUNTERS.of(reason) == before {
            assert!(Instant::now() < until, "{reason} is not counted");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    host.is_well().await;
}
