//! TLS over a real socket: with a certificate made on the spot, exchanged while the node runs, and refused
//! where it does not fit.

use gearify_config::Settings;
use gearify_node::runtime::{NodeRuntime, StartError};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const HOST: &str = "localhost";
const LONG: Duration = Duration::from_secs(30);

/// Makes a certificate, writes it and its key where the settings name them, and answers it.
fn certify(dir: &Path) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed([HOST.to_owned()]).unwrap();
    std::fs::write(dir.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(dir.join("certificate.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

fn settings(dir: &Path) -> Settings {
    let path = |name: &str| dir.join(name).display().to_string();
    let options = [
        ("listen.public", "127.0.0.1:0".to_owned()),
        ("listen.operations", "127.0.0.1:0".to_owned()),
        ("listen.redirect", "127.0.0.1:0".to_owned()),
        ("listen.tls.certificate", path("certificate.pem")),
        ("listen.tls.key", path("key.pem")),
        ("node.data_dir", path("data")),
    ];
    let nothing: [(String, String); 0] = [];
    let options: Vec<(String, String)> =
        options.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    Settings::resolve(None, nothing, &options).unwrap()
}

async fn connect(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from(HOST).unwrap(), stream).await
}

async fn ask(mut stream: impl AsyncReadExt + AsyncWriteExt + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

const LIVE: &str = "GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_is_served_over_tls_and_its_certificate_is_exchanged_while_it_runs() {
    let dir = tempfile::tempdir().unwrap();
    let first = certify(dir.path());
    let node = NodeRuntime::start(&settings(dir.path()), None).await.unwrap();

    for versions in [[&version::TLS12], [&version::TLS13]] {
        let stream = connect(node.public, &first, &versions, &["http/1.1"]).await.unwrap();
        let answer = ask(stream, LIVE).await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\nstrict-transport-security: "), "{answer}");
    }
    let stream = connect(node.public, &first, BOTH, &["h2", "http/1.1"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]), "HTTP/2 is offered first");
    drop(stream);
    let stranger = generate_simple_self_signed([HOST.to_owned()]).unwrap();
    assert!(connect(node.public, stranger.cert.der(), BOTH, &[]).await.is_err(), "nobody else's certificate");
    // Plain HTTP on the TLS port is no HTTP; it ends the connection and nothing else.
    let mut plain = TcpStream::connect(node.public).await.unwrap();
    plain.write_all(LIVE.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));

    // Who comes by plain HTTP is sent on, with path and query, to the same host.
    let redirect = TcpStream::connect(node.redirect.unwrap()).await.unwrap();
    let request = "GET /p/bat?size=6 HTTP/1.1\r\nHost: willow.localhost:80\r\nConnection: close\r\n\r\n";
    let answer = ask(redirect, request).await;
    assert!(answer.starts_with("HTTP/1.1 308 "), "{answer}");
    let location = format!("location: https://willow.localhost:{}/p/bat?size=6\r\n", node.public.port());
    assert!(answer.contains(&location), "{answer}");
    for hostless in ["Host: \r\n", "Host: a/b\r\n", ""] {
        let redirect = TcpStream::connect(node.redirect.unwrap()).await.unwrap();
        let answer = ask(redirect, &format!("GET / HTTP/1.1\r\n{hostless}Connection: close\r\n\r\n")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{hostless}: {answer}");
    }

    // A renewal that went wrong changes nothing …
    let good = std::fs::read(dir.path().join("key.pem")).unwrap();
    std::fs::write(dir.path().join("key.pem"), "no key").unwrap();
    hang_up();
    tokio::time::sleep(Duration::from_millis(200)).await;
    connect(node.public, &first, BOTH, &[]).await.expect("the old certificate is still shown");
    std::fs::write(dir.path().join("key.pem"), good).unwrap();
    // … and a good one is shown to the next who comes; whoever is connected stays.
    let before = connect(node.public, &first, BOTH, &["http/1.1"]).await.unwrap();
    let second = certify(dir.path());
    hang_up();
    let begun = Instant::now();
    while connect(node.public, &second, BOTH, &[]).await.is_err() {
        assert!(begun.elapsed() < LONG, "the new certificate was not taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(connect(node.public, &first, BOTH, &[]).await.is_err(), "the old one is gone");
    assert!(ask(before, LIVE).await.starts_with("HTTP/1.1 200 OK\r\n"));
    node.stop().await;
}

/// Tells this very process, which holds the node, to look at its files again.
fn hang_up() {
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::HUP).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_can_not_be_used_are_named_before_anything_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    certify(dir.path());
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
    let refused = async || match NodeRuntime::start(&settings(dir.path()), None).await {
        Err(error @ StartError::Tls(_)) => error.to_string(),
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it started"),
    };
    let other = generate_simple_self_signed([HOST.to_owned()]).unwrap().signing_key.serialize_pem();
    write("key.pem", &other);
    assert!(refused().await.contains("does not fit the certificate"));
    write("key.pem", "nothing of use");
    assert!(refused().await.contains("key.pem holds no private key in PEM"));
    write("certificate.pem", "");
    assert!(refused().await.contains("certificate.pem holds no certificate in PEM"));
    std::fs::remove_file(dir.path().join("certificate.pem")).unwrap();
    assert!(refused().await.contains("certificate.pem can't be read"));
    assert!(!dir.path().join("data").exists(), "nothing was made");
}
